"""From the checked graph to a flat list of states.

Each node is lowered with its continuation: where control goes on after it, what its result is bound to there,
and whether anything reads that result. Names and need are so handed down to the leaves: of `(c ?> a !> b) |=>
x` both a and b bind x. Sequences, ifs and loops leave no state of their own behind.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from pgdurc import graph, program
from pgdurc.deep import Walk, run
from pgdurc.diagnostic import Span
from pgdurc.labels import duration_text, label_of, source_text
from pgdurc.program import Action, Choice, Jump, Leave, Outline, Program, State
from pgdurc.uses import Uses, find_uses


def lower(workflow: graph.Workflow) -> Program:
    """The program of a workflow; state 1 is the start."""
    lowering = _Lowering(find_uses(workflow.body), keeps_all=workflow.options.trace == "full")
    outline = run(lowering.lower(workflow.body, _Next(None, is_needed=True)))
    return Program(
        name=workflow.name,
        parameters=workflow.parameters,
        options=workflow.options,
        states=lowering.resolved(),
        outline=outline,
        has_raw_variables=workflow.has_raw_variables,
        source=workflow.source,
        span=workflow.span,
    )


@dataclass(frozen=True, slots=True)
class _Next:
    """Go on at a label (None: done), the result bound to `name`; `is_needed`: it is read there."""

    label: int | None
    name: str | None = None
    is_needed: bool = False
    is_lap: bool = False


@dataclass(frozen=True, slots=True)
class _Test:
    """Go on at one place or another, as the result is true or not."""

    yes: Jump
    no: Jump


@dataclass(slots=True)
class _Exit:
    """Where the breaks of a loop lead. `depth`: how many forks the loop is in.

    `landing`: where those out of a branch lead; None as long as there are none.
    """

    then: _Next
    depth: int
    landing: _Next | None = None


@dataclass(slots=True)
class _Fork:
    """A fork whose branches are being lowered; `has_break`: one of them breaks out of a loop around it."""

    has_break: bool = False


class _Lowering:
    """Makes states in source order. A label is the state that comes next when it is set."""

    def __init__(self, uses: Uses, *, keeps_all: bool) -> None:
        self.uses = uses
        self.keeps_all = keeps_all
        self.states: list[State] = []
        self.labels: list[int] = []
        self.exits: list[_Exit] = []
        self.forks: list[_Fork] = []
        self.loop_count = 0

    def lower(self, node: graph.Node, then: _Next | _Test) -> Walk[Outline]:
        match node:
            case graph.Sql():
                return self._sql(node, then)
            case graph.Sequence(parts=parts):
                outlines: list[Outline] = []
                for part in parts[:-1]:
                    label = self._label()
                    outlines.append((yield self.lower(part, _Next(label))))
                    self._set(label)
                outlines.append((yield self.lower(parts[-1], then)))
                return {"node": "sequence", "parts": outlines}
            case graph.Named():
                named: Outline = yield self._named(node, then)
                return named
            case graph.If(condition=condition, then=yes, otherwise=no):
                first, second = self._label(), self._label()
                outline: Outline = {
                    "node": "if",
                    "condition": (yield self.lower(condition, _Test(Jump(first), Jump(second)))),
                }
                assert isinstance(outline, dict)
                self._set(first)
                outline["then"] = yield self.lower(yes, then)
                self._set(second)
                outline["else"] = yield self.lower(no, then)
                return outline
            case graph.IfRows(name=name, then=yes, otherwise=no, span=span):
                first, second = self._label(), self._label()
                choice = Choice(Jump(first), Jump(second))
                number = self._state(
                    "condition", program.CountRows(name), None, choice, f"df.if_rows('{name}')", span
                )
                rows: dict[str, Outline] = {"node": "if_rows", "result": name, "state": number}
                self._set(first)
                rows["then"] = yield self.lower(yes, then)
                self._set(second)
                rows["else"] = yield self.lower(no, then)
                return rows
            case graph.Loop():
                loop: Outline = yield self._loop(node, then)
                return loop
            case graph.Break():
                return self._break(node)
            case graph.Sleep():
                return self._sleep(node, then)
            case graph.Schedule():
                return self._schedule(node, then)
            case graph.Signal():
                return self._signal(node, then)
            case graph.Join() | graph.Race():
                fork: Outline = yield self._fork(node, then)
                return fork

    # Leaves

    def _sql(self, node: graph.Sql, then: _Next | _Test) -> Outline:
        is_needed = isinstance(then, _Test) or then.is_needed or self.keeps_all
        action = program.Run(node.statement, is_needed and node.statement.is_capturable)
        query = node.written or source_text((*node.statement.hoisted, " ", *node.statement.text)).strip()
        kind = "condition" if isinstance(then, _Test) else "sql"
        number = self._leaf(kind, action, then, label_of(query), node.span)
        return {"node": "sql", "query": query, "state": number}

    def _sleep(self, node: graph.Sleep, then: _Next | _Test) -> Outline:
        duration = node.duration
        action = program.Sleep(duration.seconds, duration.interval, duration.expression)
        argument = duration_text(duration)
        outline: dict[str, Outline] = {"node": "sleep"}
        if duration.seconds is not None:
            outline["seconds"] = duration.seconds
        else:
            outline["argument"] = duration.interval if duration.interval is not None else argument
        outline["state"] = self._parking("sleep", action, then, label_of(f"df.sleep({argument})"), node.span)
        return outline

    def _parking(self, kind: str, action: Action, then: _Next | _Test, label: str, span: Span) -> int:
        """A step that parks: only one that runs after that can end the task."""
        if isinstance(then, _Test) or then.label is not None:
            return self._leaf(kind, action, then, label, span)
        after, name = self._label(), then.name or self._hidden(kind)
        number = self._leaf(kind, action, _Next(after, name), label, span)
        self._set(after)
        self._state("end", program.Load(name), None, Jump(None), label, span)
        return number

    def _schedule(self, node: graph.Schedule, then: _Next | _Test) -> Outline:
        given = [one for one in (node.cron, node.timezone) if one is not None]
        shown = [f"'{one}'" if isinstance(one, str) else source_text((one,)) for one in given]
        label = label_of(f"df.wait_for_schedule({', '.join(shown)})")
        outline: dict[str, Outline] = {"node": "schedule", "cron": source_text((node.cron,))}
        if node.timezone is not None:
            outline["timezone"] = source_text((node.timezone,))
        action = program.Schedule(node.cron, node.timezone)
        outline["state"] = self._parking("schedule", action, then, label, node.span)
        return outline

    def _signal(self, node: graph.Signal, then: _Next | _Test) -> Outline:
        name = source_text(node.name)
        outline: dict[str, Outline] = {"node": "signal", "signal": name}
        arguments = f"'{name}'"
        if (timeout := node.timeout) is not None:
            text = duration_text(timeout)
            arguments += f", {text}"
            seconds = timeout.seconds or ""
            outline["timeout"] = int(seconds) if seconds.isdecimal() else text.strip("'")
        label = label_of(f"df.wait_for_signal({arguments})")
        outline["state"] = self._leaf("signal", program.Signal(node.name, timeout), then, label, node.span)
        return outline

    def _break(self, node: graph.Break) -> Outline:
        exit_ = self.exits[-1]
        text = None if node.value is None else source_text(node.value)
        label = "df.break()" if text is None else f"df.break('{text}')"
        # With a name at least the number of rows is read.
        action = program.Break(node.value, exit_.then.is_needed or exit_.then.name is not None)
        if exit_.depth == len(self.forks):
            number = self._leaf("break", action, exit_.then, label_of(label), node.span)
        else:
            for fork in reversed(self.forks[exit_.depth :]):
                fork.has_break = True
            number = self._state("break", action, None, Leave(), label_of(label), node.span)
        return {"node": "break", "value": text, "state": number}

    def _leaf(self, kind: str, action: Action, then: _Next | _Test, label: str, span: Span) -> int:
        if isinstance(then, _Test):
            return self._state(kind, action, None, Choice(then.yes, then.no), label, span)
        return self._state(kind, action, then.name, Jump(then.label, is_lap=then.is_lap), label, span)

    # Names

    def _named(self, node: graph.Named, then: _Next | _Test) -> Walk[Outline]:
        if not node.is_counted:
            outline = yield self.lower(node.body, then)
        elif isinstance(then, _Next) and then.name is None:
            is_needed = then.is_needed or node.is_read
            outline = yield self.lower(node.body, replace(then, name=node.name, is_needed=is_needed))
        else:
            # Two names, or a name and a decision: bind this one, then take it as the result of a state of its
            # own.
            after = self._label()
            is_needed = node.is_read or isinstance(then, _Test) or then.is_needed
            outline = yield self.lower(node.body, _Next(after, node.name, is_needed))
            self._set(after)
            kind = "condition" if isinstance(then, _Test) else "name"
            self._leaf(kind, program.Load(node.name), then, f"${node.name}", node.span)
        assert isinstance(outline, dict)
        outline.setdefault("name", node.name)
        return outline

    # Loops

    def _loop(self, node: graph.Loop, then: _Next | _Test) -> Walk[Outline]:
        if isinstance(then, _Test):
            # A loop in the place of a condition: its result decides once it has ended.
            after, hidden = self._label(), self._hidden("loop")
            outline: Outline = yield self._loop(node, _Next(after, hidden, is_needed=True))
            self._set(after)
            self._leaf("condition", program.Load(hidden), then, "df.loop", node.span)
            return outline
        begin = self._label()
        self._set(begin)
        self.exits.append(_Exit(then, len(self.forks)))
        if node.condition is None:
            outline = yield self.lower(node.body, _Next(begin, is_lap=not node.has_break))
            self._land(self.exits.pop(), node.span)
            return {"node": "loop", "body": outline, "condition": None}
        test, end = self._label(), self._label()
        at_end, body_then, kept = Jump(then.label, is_lap=then.is_lap), _Next(test), None
        if then.is_needed or then.name is not None:
            # What the body gave last is the loop's result. Nobody may see it under the loop's name before the
            # loop has ended.
            tail = _tail_name(node)
            is_free = then.name is not None and not self.uses.is_used(then.name, node.span)
            # Where the task ends with the loop: not with the condition, or its result would be the task's.
            if tail is None and is_free and then.label is not None:
                body_then = _Next(test, then.name, then.is_needed)
            else:
                kept = tail or self._hidden("loop")
                at_end, body_then = Jump(end), _Next(test, None if tail else kept, then.is_needed)
        body = yield self.lower(node.body, body_then)
        self._set(test)
        condition = yield self.lower(node.condition, _Test(Jump(begin), at_end))
        exit_ = self.exits.pop()
        if kept is not None:
            # In a state of its own: the condition's has the condition's result in the history.
            self._set(end)
            kind = "end" if then.label is None else "name"
            self._leaf(kind, program.Load(kept), then, "df.loop", node.span)
        self._land(exit_, node.span)
        return {"node": "loop", "body": body, "condition": condition}

    # Joins and races

    def _fork(self, node: graph.Join | graph.Race, then: _Next | _Test) -> Walk[Outline]:
        word = "race" if isinstance(node, graph.Race) else "join"
        if isinstance(then, _Test):
            # In the place of a condition: its result decides once it has been gathered.
            after, hidden = self._label(), self._hidden(word)
            outline: Outline = yield self._fork(node, _Next(after, hidden, is_needed=True))
            self._set(after)
            self._leaf("condition", program.Load(hidden), then, f"df.{word}", node.span)
            return outline
        # A race has its winner's number of rows, which may be all that is read.
        is_kept = then.is_needed or self.keeps_all or (word == "race" and then.name is not None)
        labels, gather = tuple(self._label() for _ in node.branches), self._label()
        action = program.Fork(word == "race", labels)
        self._state(word, action, None, Jump(gather), f"df.{word}", node.span)
        fork = _Fork()
        self.forks.append(fork)
        parts: list[Outline] = []
        for label, branch in zip(labels, node.branches, strict=True):
            self._set(label)
            parts.append((yield self.lower(branch, _Next(None, is_needed=is_kept))))
        self.forks.pop()
        self._set(gather)
        landing = _Next(None)
        if fork.has_break and self.exits[-1].depth == len(self.forks):
            landing = self._landing(self.exits[-1])
        gathered = program.Gather(is_kept, self._merged(node.span), landing.label, landing.name)
        number = self._leaf("gather", gathered, then, f"df.{word}", node.span)
        return {"node": word, "parts": parts, "state": number}

    def _merged(self, span: Span) -> tuple[str, ...]:
        """The names that branches bind and that others read; in a loop also the next iteration does."""
        bound = self.uses.bound_in(span)
        if self.exits:
            return tuple(name for name in bound if name in self.uses.reads)
        return tuple(name for name in bound if self.uses.is_read_outside(name, span))

    def _landing(self, exit_: _Exit) -> _Next:
        """Where a loop of this task is left by a break out of a branch, which only a gathering can do."""
        if exit_.landing is None:
            exit_.landing = exit_.then
            if exit_.then.label is None or exit_.then.is_lap:
                # It says where to go on, not that the task ends or goes round a loop.
                exit_.landing = _Next(self._label(), self._hidden("loop"))
        return exit_.landing

    def _land(self, exit_: _Exit, span: Span) -> None:
        landing, then = exit_.landing, exit_.then
        if landing is not None and landing is not then:
            assert landing.label is not None
            assert landing.name is not None
            self._set(landing.label)
            kind = "end" if then.label is None else "name"
            self._leaf(kind, program.Load(landing.name), then, "df.loop", span)

    # States and labels

    def _state(
        self, kind: str, action: Action, name: str | None, then: Jump | Choice | Leave, label: str, span: Span
    ) -> int:
        number = len(self.states) + 1
        self.states.append(State(number, kind, action, name, then, label, span))
        return number

    def _label(self) -> int:
        self.labels.append(0)
        return len(self.labels) - 1

    def _set(self, label: int) -> None:
        self.labels[label] = len(self.states) + 1

    def _hidden(self, what: str) -> str:
        self.loop_count += 1
        return f".{what}{self.loop_count}"

    def resolved(self) -> tuple[State, ...]:
        """The states with numbers in the place of labels."""
        return tuple(
            replace(state, then=self._resolve(state.then), action=self._resolve_action(state.action))
            for state in self.states
        )

    def _resolve_action(self, action: Action) -> Action:
        match action:
            case program.Fork(branches=branches):
                return replace(action, branches=tuple(self.labels[branch] for branch in branches))
            case program.Gather(break_to=int(label)):
                return replace(action, break_to=self.labels[label])
        return action

    def _resolve(self, then: Jump | Choice | Leave) -> Jump | Choice | Leave:
        match then:
            case Choice(yes, no):
                return Choice(self._resolve_jump(yes), self._resolve_jump(no))
            case Jump():
                return self._resolve_jump(then)
        return then

    def _resolve_jump(self, jump: Jump) -> Jump:
        return jump if jump.state is None else replace(jump, state=self.labels[jump.state])


def _tail_name(loop: graph.Loop) -> str | None:
    """The name under which the body's result is bound anyway, if the condition leaves that alone."""
    tail = loop.body.parts[-1] if isinstance(loop.body, graph.Sequence) else loop.body
    if isinstance(tail, graph.Named) and tail.is_counted and isinstance(loop.condition, graph.Sql):
        return tail.name
    return None
