"""Resolve every reference: which name it reads, and whether that is bound there."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import islice

from pgdurc import tree
from pgdurc.analyse.draft import Draft, error, warning
from pgdurc.analyse.placeholders import Place
from pgdurc.analyse.reading import ReadStatement, ReadText
from pgdurc.analyse.resolve import Names, resolve
from pgdurc.analyse.scope import Binding, Changes, Doubt, Ends, Scope
from pgdurc.analyse.shapes import (
    ANY_JSON,
    JOINED,
    NOTHING,
    SCHEDULED,
    SIGNALLED,
    SLEPT,
    UNKNOWN,
    Json,
    Kind,
    Shape,
    annotated,
    leaf_shape,
    rough_shapes,
)
from pgdurc.analyse.walk import nodes, unread_names
from pgdurc.deep import Walk, run
from pgdurc.diagnostic import Diagnostic, Related, Span
from pgdurc.graph import Form, ParameterValue, Piece, Reading, ResultValue, Statement, Text, Variable
from pgdurc.hidden import is_hidden
from pgdurc.nearest import nearest
from pgdurc.references import Reference, without_column


def resolve_names(draft: Draft) -> Draft:
    """Add `statements`, `texts` and the names that are read; report what is unbound or cannot be read."""
    walker = _Walker(draft)
    run(walker.walk(draft.declaration.body))
    return replace(
        draft,
        statements=walker.statements,
        texts=walker.texts,
        read_names=frozenset(walker.read),
        counted_names=frozenset(walker.counted),
        loops_with_break=frozenset(walker.loops_with_break),
    ).reporting(walker.problems)


@dataclass(slots=True)
class _Loop:
    span: Span
    shapes: set[Kind] = field(default_factory=set)  # of what its breaks give
    may_break: bool = False  # in a piece that cannot be read


class _Walker:
    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.scope = Scope()
        declared, body = draft.declaration.parameters, draft.declaration.body
        self.parameters = {p.name: p.type for p in declared}
        self.hidden = {
            p.name: draft.source.text[p.span.start : p.span.end] for p in declared if is_hidden(p.name)
        }
        self.later: dict[str, Span] = {}
        self.rough = rough_shapes(draft)
        self.named = [node for node in nodes(body) if isinstance(node, tree.Named)]
        self.named_starts = [node.span.start for node in self.named]
        for node in self.named:
            self.later.setdefault(node.name.text, node.name.span)
        self.names = Names(
            self.parameters,
            self.scope,
            self.later,
            unread_names(body, draft.source.text),
            is_call=draft.declaration.is_call,
        )
        self.loops: list[_Loop] = []
        self.is_dead = False  # nothing gets here: after a break, or a loop that never ends
        self.problems: list[Diagnostic] = []
        self.statements: dict[Span, Statement] = {}
        self.texts: dict[Span, Text] = {}
        self.read: set[str] = set()
        self.counted: set[str] = set()
        self.loops_with_break: set[Span] = set()

    def walk(self, node: tree.Tree) -> Walk[Shape]:
        shape: Shape = NOTHING
        match node:
            case tree.Sql():
                return self._leaf(node)
            case tree.Sequence(parts=parts):
                for part in parts:
                    shape = yield self.walk(part)
                return shape
            case tree.Named(body=body, name=name):
                return self._bind(name, (yield self.walk(body)))
            case tree.If(condition=condition, then=then, otherwise=otherwise):
                yield self.walk(condition)
                shape = yield self._branches(then, otherwise)
                return shape
            case tree.IfRows(name=name, then=then, otherwise=otherwise):
                self._count(name)
                shape = yield self._branches(then, otherwise)
                return shape
            case tree.Loop():
                shape = yield self._loop(node)
                return shape
            case tree.Break(value=value):
                self._break(node, None if value is None else self.draft.read_texts.get(node.span))
                return NOTHING
            case tree.Join(branches=branches) | tree.Race(branches=branches):
                shape = yield self._fork(branches, is_race=isinstance(node, tree.Race))
                return shape
            case tree.Sleep(span=span):
                self._argument(span)
                return SLEPT
            case tree.Signal(span=span, timeout=timeout):
                self._argument(span)
                if timeout is not None:
                    self._argument(timeout.span)
                return SIGNALLED
            case tree.Schedule():
                return SCHEDULED
            case tree.Unread(parts=parts):
                was_dead = self.is_dead
                self.scope.begin()
                for part in parts:
                    yield self.walk(part)
                self.is_dead = was_dead
                # On which ways it binds them depends on what it is.
                bound = self.scope.end()
                self.scope.apply({name: replace(one, doubt=Doubt.NONE) for name, one in bound.items()})
                if self.loops:
                    self.loops[-1].may_break = True
                return UNKNOWN

    def _argument(self, span: Span) -> None:
        if (read := self.draft.read_texts.get(span)) is not None:
            self.texts[span] = self._text(read, read.start, read.end)

    def _leaf(self, node: tree.Sql) -> Shape:
        read = self.draft.reads.get(node.span)
        if read is None:
            return UNKNOWN
        self.statements[node.span] = self._statement(read)
        if self.names.is_call:
            self._report_untouched(read.text)
        return leaf_shape(self.draft, node)

    def _report_untouched(self, read: ReadText) -> None:
        for item in read.untouched:
            if isinstance(item, Reference) and item.name not in self.scope.bindings:
                continue
            item = without_column(item) if isinstance(item, Reference) else item
            written = read.text.value[item.start : item.end]
            message = f'"{written}" is text here, in which nothing is put in'
            hint = "pg_durable puts it in everywhere: write it as a value, or in a plain '...' string"
            self.problems.append(warning("PGD508", message, read.text.span(item.start, item.end), hint))

    def _bind(self, name: tree.Name, shape: Shape) -> Shape:
        shape = annotated(shape, name)
        if name.text not in self.parameters:
            self.scope.bind(name.text, Binding(shape, Doubt.NONE, name.span))
        return shape

    # Ways that part and meet

    def _branches(self, then: tree.Tree, otherwise: tree.Tree) -> Walk[Shape]:
        was_dead = self.is_dead
        ways: list[Changes] = []
        living: list[Changes] = []
        shape = NOTHING
        for branch in (then, otherwise):
            self.is_dead = was_dead
            self.scope.begin()
            result: Shape = yield self.walk(branch)
            shape |= NOTHING if self.is_dead else result
            ways.append(self.scope.end())
            if not self.is_dead:
                living.append(ways[-1])
        self.is_dead = not living
        self.scope.apply(self.scope.merge(living or ways))
        return shape

    def _fork(self, branches: tuple[tree.Tree, ...], *, is_race: bool) -> Walk[Shape]:
        was_dead = self.is_dead
        ends: list[Ends] = []
        living: list[Changes] = []
        shape = NOTHING
        for branch in branches:
            self.is_dead = was_dead
            self.scope.begin_task()
            result: Shape = yield self.walk(branch)
            shape |= NOTHING if self.is_dead else result
            ends.append(self.scope.end_task())
            if not self.is_dead:
                living.append(ends[-1].at_end)
        at_breaks = [each.at_breaks for each in ends if each.at_breaks is not None]
        if at_breaks:
            self.scope.begin()
            self.scope.apply(self.scope.merge(at_breaks) if is_race else self.scope.joined_at_break(ends))
            self.scope.exit_loop()
            self.scope.end()
        at_ends = [each.at_end for each in ends]
        if is_race:
            self.is_dead = not living
            self.scope.apply(self.scope.merge(living or at_ends))
            return shape
        self.is_dead = len(living) < len(branches)
        self.scope.apply(self.scope.joined(at_ends))
        return JOINED

    def _loop(self, node: tree.Loop) -> Walk[Shape]:
        loop = _Loop(node.span)
        self.loops.append(loop)
        was_dead = self.is_dead
        self.scope.begin_loop()
        self._carry_around(node)
        shape: Shape = yield self.walk(node.body)
        if node.condition is not None:
            yield self.walk(node.condition)
        self.loops.pop()
        if loop.may_break and not self.is_dead:
            self.loops_with_break.add(loop.span)
            loop.shapes |= UNKNOWN
            self.scope.exit_loop()
        if node.condition is None:
            shape = NOTHING
        elif not self.is_dead:
            self.scope.exit_loop()
        exits, changes = self.scope.end_loop()
        self.is_dead = was_dead or not exits
        self.scope.apply(changes)
        return shape | loop.shapes

    def _carry_around(self, node: tree.Loop) -> None:
        """Bind what a later part of the loop binds: from the second iteration on it is there."""
        first = bisect_left(self.named_starts, node.span.start)
        for inner in islice(self.named, first, None):
            if inner.span.start >= node.span.end:
                break
            name = inner.name
            if name.text in self.parameters or inner.span.end > node.span.end:  # a name of the loop itself
                continue
            shape = self.rough[id(inner)]
            before = self.scope.bindings.get(name.text)
            if before is None:
                self.scope.bind(name.text, Binding(shape, Doubt.NEXT_ITERATION, name.span))
            else:
                self.scope.bind(name.text, replace(before, shape=before.shape | shape))

    def _break(self, node: tree.Break, read: ReadText | None) -> None:
        shape: Shape = ANY_JSON
        if read is not None:
            text = self._text(read, read.start, read.end)
            self.texts[node.span] = text
            match text:
                case (
                    ResultValue(reading=Reading.VALUE, column=None)
                    | ResultValue(reading=Reading.ROWS) as value,
                ):
                    binding = self.scope.bindings.get(value.name)
                    if binding is not None:
                        shape = binding.shape
        if not self.loops:
            return
        loop = self.loops[-1]
        if not self.is_dead:
            self.loops_with_break.add(loop.span)
            loop.shapes |= shape
            self.scope.exit_loop()
        self.is_dead = True

    # References

    def _count(self, name: tree.Name) -> None:
        binding = self.scope.bindings.get(name.text)
        if name.text in self.names.unread.words or (binding is None and self.names.unread.any_name):
            return
        if binding is None:
            self.problems.append(self._not_counted(name))
            return
        self.counted.add(name.text)
        related = (Related(binding.span, "it is bound here"),)
        if binding.doubt is not Doubt.NONE:
            code = "PGD203" if binding.doubt is Doubt.NEXT_ITERATION else "PGD202"
            message = f'"{name.text}" is not bound on every way that leads here'
            hint = "bind it on the others, too"
            self.problems.append(error(code, message, name.span, hint, related))
        elif binding.shape and all(isinstance(one, Json) for one in binding.shape):
            message = f'"{name.text}" is not the result of a SQL statement'
            hint = "only that has rows: ask for the value, 'SELECT ...', in a condition"
            self.problems.append(error("PGD409", message, name.span, hint, related))

    def _not_counted(self, name: tree.Name) -> Diagnostic:
        """Why df.if_rows does not find a name."""
        if name.text in self.parameters:
            message = f'"{name.text}" is a parameter, not a result'
            return error("PGD201", message, name.span, "df.if_rows takes the name of a result")
        if name.text in self.later:
            message = f'"{name.text}" is not bound yet here'
            hint = "df.if_rows reads the result of a step that ran before it"
            return error(
                "PGD201", message, name.span, hint, (Related(self.later[name.text], "it is bound here"),)
            )
        guess = nearest(name.text, self.scope.bindings)
        hint = f'did you mean "{guess}"?' if guess else "bind a result with |=> name"
        return error("PGD201", f'unknown name "{name.text}"', name.span, hint)

    def _statement(self, read: ReadStatement) -> Statement:
        text = read.text
        if read.body_start == text.start:
            return Statement(
                self._text(text, text.start, text.end), (), read.run, read.columns, read.is_plain_query
            )
        hoisted = self._text(text, text.start, read.body_start)
        return Statement(
            self._text(text, read.body_start, text.end), _stripped(hoisted), read.run, read.columns, False
        )

    def _text(self, read: ReadText, start: int, end: int) -> Text:
        """The pieces of `[start, end)` of a text."""
        value = read.text.value
        pieces: list[Piece] = []
        at = start
        for place in read.places:
            if not start <= place.found.start < end:
                continue
            piece, until = self._piece(read, place)
            if piece is None:
                continue
            pieces += [value[at : place.found.start], piece]
            at = until
        pieces.append(value[at:end])
        return tuple(piece for piece in pieces if piece != "")

    def _piece(self, read: ReadText, place: Place) -> tuple[Piece | None, int]:
        found = place.found
        if not isinstance(found, Reference):
            if found.name in self.parameters and is_hidden(found.name):
                shown = self.hidden.get(found.name)
                return ParameterValue(found.name, Form.RAW, shown), found.end
            return Variable(found.name, place.form), found.end
        if found.in_literal and found.name in self.parameters:
            found = without_column(found)
        span = read.text.span(found.start, found.end)
        written = read.text.value[found.start : found.end]
        resolved = resolve(found, written, place, span, self.names)
        self.problems.extend(resolved.problems)
        if resolved.value is not None and place.in_code:
            message = f'"{written}" would be put into code, where quoting does not keep it a value'
            hint = "a body takes no values: write a plain statement, or call a function with the value"
            self.problems.append(error("PGD214", message, span, hint))
            return None, found.end
        if isinstance(resolved.value, ParameterValue) and is_hidden(found.name):
            return replace(resolved.value, expression_shown=self.hidden.get(found.name)), found.end
        if isinstance(resolved.value, ResultValue):
            is_count = resolved.value.reading is Reading.COUNT
            (self.counted if is_count else self.read).add(resolved.value.name)
        return resolved.value, found.end


def _stripped(text: Iterable[Piece]) -> Text:
    """Without the white space at its end, to which a comma is appended."""
    pieces = list(text)
    if pieces and isinstance(pieces[-1], str):
        pieces[-1] = pieces[-1].rstrip()
    return tuple(piece for piece in pieces if piece != "")
