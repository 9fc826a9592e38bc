"""What a workflow means: a plain walk over its nodes, in memory, one branch after the other.

It knows nothing of tasks, states or tables. Branches of a join cannot see each other, so it runs them in turn. Which
branch of a race settles first may be open: then there is an outcome for each that may, and `outcomes` yields all.

A loop that never ends is in a branch that is stopped, nobody can say in which lap: it is thought through as far as it got.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.model.nodes import (
    FOR_EVER_S,
    PARAMETERS,
    VARIABLES,
    Break,
    Counted,
    Expression,
    If,
    IfRows,
    Join,
    Less,
    Literal,
    Loop,
    Named,
    Node,
    Race,
    Reference,
    Schedule,
    Sequence,
    Sleep,
    Sql,
    Sum,
    Wait,
    Workflow,
)

# A loop that ends does so before.
LAPS = 5


# Results


@dataclass(frozen=True)
class Rows:
    """Of a statement; columns () where it returns none."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    row_count: int

    @property
    def objects(self) -> list[dict[str, Any]]:
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]

    @property
    def json(self) -> Any:
        return {"rows": self.objects, "row_count": self.row_count}


@dataclass(frozen=True)
class Value:
    """Of anything else."""

    json: Any


Result = Rows | Value


# How a node ends


@dataclass(frozen=True)
class Done:
    result: Result


@dataclass(frozen=True)
class Broke:
    result: Result


@dataclass(frozen=True)
class Failed:
    sqlstate: str


@dataclass(frozen=True)
class Blocked:
    """Not within the time of a test."""


End = Done | Broke | Failed | Blocked


# What happened on the way: a list is in order.


@dataclass(frozen=True)
class Effect:
    """`count` rows with the step's number and what it read, in one transaction."""

    step: int
    reads: str
    count: int


@dataclass(frozen=True)
class Pause:
    """At least so long between what is before it and what is after it."""

    seconds: float


@dataclass(frozen=True)
class Branches:
    """Side by side. is_lost: stopped at some point, so each may have got any way."""

    traces: tuple[Trace, ...]
    is_lost: bool = False


Trace = list[Effect | Pause | Branches]


@dataclass(frozen=True)
class Outcome:
    end: End
    trace: Trace


class StepFailure(Exception):
    """Its argument is the SQLSTATE."""


def outcomes(workflow: Workflow, has_happened: Callable[[Effect], bool]) -> Iterator[Outcome]:
    """Every outcome that the workflow may have. `has_happened` is asked of loops that never end only."""
    open_choices: list[tuple[int, ...]] = [()]
    while open_choices:
        run = Run(workflow, has_happened, open_choices.pop())
        trace: Trace = []
        end = run.evaluate(workflow.body, {}, {}, trace)
        yield Outcome(end, trace)
        for at in range(len(run.choices), len(run.chosen)):
            before = tuple(choice for choice, _ in run.chosen[:at])
            open_choices += [(*before, other) for other in range(1, run.chosen[at][1])]


@dataclass
class Run:
    """One way through. `choices`: who wins the first races that are open; the first branch wins the others."""

    workflow: Workflow
    has_happened: Callable[[Effect], bool]
    choices: tuple[int, ...]
    # Of each open race: the choice, and out of how many.
    chosen: list[tuple[int, int]] = field(default_factory=list)
    # How often each signal was waited for.
    waits: Counter[str] = field(default_factory=Counter)

    def choose(self, alternatives: int) -> int:
        if alternatives == 1:
            return 0
        at = len(self.chosen)
        choice = self.choices[at] if at < len(self.choices) else 0
        self.chosen.append((choice, alternatives))
        return choice

    def evaluate(self, node: Node, outer: dict[str, Result], own: dict[str, Result], trace: Trace) -> End:
        """`outer`: what was bound before the branch that this is in; `own`: what the branch itself binds, changed here."""
        match node:
            case Sql():
                return self.run_statement(node, outer | own, trace)
            case Sequence(parts):
                for part in parts:
                    end = self.evaluate(part, outer, own, trace)
                    if not isinstance(end, Done):
                        break
                return end
            case Named(inner, name):
                end = self.evaluate(inner, outer, own, trace)
                if isinstance(end, Done):
                    own[name] = end.result
                return end
            case If(condition, then, otherwise):
                end = self.evaluate(condition, outer, own, trace)
                if not isinstance(end, Done):
                    return end
                return self.evaluate(then if holds(end.result) else otherwise, outer, own, trace)
            case IfRows(name, then, otherwise):
                counted = (outer | own)[name]
                assert isinstance(counted, Rows)
                return self.evaluate(then if counted.row_count > 0 else otherwise, outer, own, trace)
            case Loop(body, condition):
                return self.repeat(body, condition, outer, own, trace)
            case Break():
                return self.leave(node, outer | own)
            case Join(branches):
                return self.join(branches, outer, own, trace)
            case Race(branches):
                return self.race(branches, outer, own, trace)
            case Sleep(_, seconds):
                return self.sleep(seconds, outer | own, trace)
            case Schedule():
                return Done(Value({"scheduled": True}))
            case Wait():
                return self.wait(node, trace)

    def repeat(
        self,
        body: Node,
        condition: Node | None,
        outer: dict[str, Result],
        own: dict[str, Result],
        trace: Trace,
    ) -> End:
        for lap in itertools.count(1):
            begins = len(trace)
            end = self.evaluate(body, outer, own, trace)
            if isinstance(end, Done) and condition is not None:
                result = end.result
                end = self.evaluate(condition, outer, own, trace)
                if isinstance(end, Done) and not holds(end.result):
                    return Done(result)
            match end:
                case Broke(result):
                    return Done(result)
                case Failed() | Blocked():
                    return end
            effects = [happening for happening in trace[begins:] if isinstance(happening, Effect)]
            if lap > LAPS and not any(map(self.has_happened, effects)):
                break
        return Blocked()

    def join(
        self, branches: tuple[Node, ...], outer: dict[str, Result], own: dict[str, Result], trace: Trace
    ) -> End:
        ends: list[End] = []
        traces: list[Trace] = []
        bound: dict[str, Result] = {}
        for branch in branches:
            ends_own: dict[str, Result] = {}
            traces.append([])
            ends.append(self.evaluate(branch, outer | own, ends_own, traces[-1]))
            bound |= ends_own
        trace.append(Branches(tuple(traces)))
        if Blocked() in ends:
            return Blocked()
        problem = next((end for end in ends if not isinstance(end, Done)), None)
        if isinstance(problem, Failed):
            return problem
        own |= bound
        if problem is not None:
            return problem
        return Done(Value([end.result.json for end in ends if isinstance(end, Done)]))

    def race(
        self, branches: tuple[Node, ...], outer: dict[str, Result], own: dict[str, Result], trace: Trace
    ) -> End:
        ends: list[End] = []
        traces: list[Trace] = []
        bound: list[dict[str, Result]] = []
        for branch in branches:
            bound.append({})
            traces.append([])
            ends.append(self.evaluate(branch, outer | own, bound[-1], traces[-1]))
        candidates = [at for at, end in enumerate(ends) if end != Blocked()]
        if not candidates:
            trace.append(Branches(tuple(traces)))
            return Blocked()
        winner = candidates[self.choose(len(candidates))]
        lost = tuple(other for at, other in enumerate(traces) if at != winner)
        trace.append(Branches((traces[winner], [Branches(lost, is_lost=True)])))
        own |= bound[winner]
        return ends[winner]

    def wait(self, node: Wait, trace: Trace) -> End:
        at = self.waits[node.signal]
        self.waits[node.signal] += 1
        if node.late is None or at < node.early + node.late:
            return Done(Value({"signal_name": node.signal, "timed_out": False, "data": payload(at)}))
        if node.timeout is None or node.timeout >= FOR_EVER_S:
            return Blocked()
        trace.append(Pause(node.timeout))
        return Done(Value({"signal_name": node.signal, "timed_out": True, "data": None}))

    def sleep(self, seconds: float | Reference, names: dict[str, Result], trace: Trace) -> End:
        try:
            length = self.read(seconds, names) if isinstance(seconds, Reference) else seconds
        except StepFailure as failure:
            return Failed(failure.args[0])
        if length >= FOR_EVER_S:
            return Blocked()
        trace.append(Pause(length))
        return Done(Value({"slept": True, "seconds": length}))

    def leave(self, node: Break, names: dict[str, Result]) -> End:
        match node.value:
            case None:
                return Broke(Value(None))
            case Reference(name=name):
                return Broke(names[name])
            case str() as text:
                try:
                    for reference in node.references:
                        inserted = as_text(self.read(reference, names))
                        text = text.replace(reference.written, inserted)
                except StepFailure as failure:
                    return Failed(failure.args[0])
                try:
                    return Broke(Value(json.loads(text)))
                except json.JSONDecodeError:
                    return Broke(Value(text))

    def run_statement(self, node: Sql, names: dict[str, Result], trace: Trace) -> End:
        """Flaky statements succeed in the end, and nothing else is seen of it."""
        try:
            reads = [self.read(reference, names) for reference in node.reads]
            rows = tuple(tuple(self.compute(e, names) for e in row) for row in node.rows)
        except StepFailure as failure:
            return Failed(failure.args[0])
        if node.fails is not None:
            return Failed(node.fails)
        if node.form == "block":
            return Done(Rows((), (), 0))
        count = 1 if node.form in ("select", "function") else node.count
        if count:
            trace.append(Effect(node.number, json.dumps(reads, sort_keys=True), count))
        match node.form:
            case "select":
                return Done(Rows(node.columns, rows, len(rows)))
            case "function":
                return Done(Rows(node.columns, ((node.number,),), 1))
            case "returning":
                return Done(Rows(node.columns, rows * count, count))
            case _:
                return Done(Rows((), (), count))

    def compute(self, made: Expression, names: dict[str, Result]) -> Any:
        match made:
            case Literal():
                return made.json
            case Reference():
                return self.read(made, names)
            case Sum(reference, addend):
                return self.read(reference, names) + addend
            case Counted(name):
                return (self.read(Reference("value", name, is_optional=True), names) or 0) + 1
            case Less(reference, limit):
                return self.read(reference, names) < limit

    def read(self, reference: Reference, names: dict[str, Result]) -> Any:
        """Raises StepFailure."""
        match reference.kind:
            case "parameter":
                return (PARAMETERS | dict(self.workflow.arguments))[reference.name]
            case "variable":
                return f"<{VARIABLES.get(reference.name, reference.written)}>"
            case "text":
                return f"<{as_text(self.read_value(reference, names))}>"
            case "value" | "column":
                return self.read_value(reference, names)
        found = names[reference.name]
        assert isinstance(found, Rows)
        match reference.kind:
            case "rows":
                return found.objects
            case "row_count":
                return found.row_count
            case "source":
                return found.objects or None
        raise AssertionError(reference.kind)

    def read_value(self, reference: Reference, names: dict[str, Result]) -> Any:
        if reference.name not in names:
            assert reference.is_optional
            return None
        found = names[reference.name]
        if isinstance(found, Value):
            if reference.column is None:
                # A call reads what is no object as pg_durable does: as a literal without a type.
                is_untyped = self.workflow.is_call and isinstance(found.json, bool | int | float)
                return json.dumps(found.json) if is_untyped else found.json
            value = found.json[reference.column]
        elif reference.column is None and len(found.columns) > 1:
            return found.objects
        elif reference.column is None and len(found.rows) > 1 and not self.workflow.is_call:
            raise StepFailure("21000")
        else:
            at = 0 if reference.column is None else found.columns.index(reference.column)
            value = found.rows[0][at] if found.rows else None
        if value is None and not reference.is_optional:
            raise StepFailure("22004")
        return value


def payload(at: int) -> Any:
    """Of the signal sent as the so many-th of its name."""
    return [{"at": at}, at, f"it's $number {at}", None, [at]][at % 5]


def as_text(value: Any) -> str:
    return "" if value is None else str(value)


def holds(result: Result) -> bool:
    """Whether it is taken as true."""
    if isinstance(result, Value):
        return is_true(result.json)
    if not result.columns:
        return result.row_count > 0
    return bool(result.rows) and is_true(result.rows[0][0])


def is_true(value: Any) -> bool:
    if isinstance(value, str):
        word = value.strip().lower()
        if word in ("", "false", "f", "no"):
            return False
        try:
            return float(word) != 0
        except ValueError:
            return True
    return bool(value)
