"""Where in a workflow a name is read or bound."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

from pgdurc import graph
from pgdurc.diagnostic import Span


@dataclass(frozen=True, slots=True)
class Uses:
    """`places`: by name, where nodes read it (their beginnings) and bind it (its end there), in order.

    `reads`: those of them that read it. `bindings`: where which name is bound, in order.
    """

    places: dict[str, list[int]]
    reads: dict[str, list[int]]
    bindings: list[tuple[int, str]]

    def is_used(self, name: str, span: Span) -> bool:
        """Whether a node of that part of the source reads or binds the name."""
        places = self.places.get(name, [])
        first = bisect_left(places, span.start)
        return first < len(places) and places[first] < span.end

    def is_read_outside(self, name: str, span: Span) -> bool:
        """Whether a node of another part of the source reads the name."""
        reads = self.reads.get(name, [])
        return bool(reads) and (reads[0] < span.start or reads[-1] >= span.end)

    def bound_in(self, span: Span) -> list[str]:
        """The names that are bound in that part of the source, each once."""
        first = bisect_left(self.bindings, (span.start, ""))
        last = bisect_left(self.bindings, (span.end, ""))
        return list(dict.fromkeys(name for _, name in self.bindings[first:last]))


def find_uses(root: graph.Node) -> Uses:
    reads: dict[str, list[int]] = {}
    bindings: list[tuple[int, str]] = []
    pending = [root]
    while pending:
        node = pending.pop()
        pending += _children(node)
        if isinstance(node, graph.Named):
            bindings.append((node.span.end - 1, node.name))
        for name in _read_by(node):
            reads.setdefault(name, []).append(node.span.start)
    places = {name: list(found) for name, found in reads.items()}
    for at, name in bindings:
        places.setdefault(name, []).append(at)
    for found in (*places.values(), *reads.values()):
        found.sort()
    return Uses(places, reads, sorted(bindings))


def _children(node: graph.Node) -> tuple[graph.Node, ...]:
    match node:
        case graph.Sequence(parts=parts) | graph.Join(branches=parts) | graph.Race(branches=parts):
            return parts
        case graph.Named(body=body) | graph.Loop(body=body, condition=None):
            return (body,)
        case graph.If(condition=condition, then=then, otherwise=otherwise):
            return (condition, then, otherwise)
        case graph.IfRows(then=then, otherwise=otherwise):
            return (then, otherwise)
        case graph.Loop(body=body, condition=condition):
            assert condition is not None
            return (body, condition)
        case _:
            return ()


def _read_by(node: graph.Node) -> Iterator[str]:
    match node:
        case graph.IfRows(name=name):
            yield name
        case graph.Sql(statement=statement):
            yield from _results(statement.hoisted)
            yield from _results(statement.text)
        case graph.Break(value=text) if text is not None:
            yield from _results(text)
        case graph.Sleep(duration=duration):
            yield from _results(duration.expression or ())
        case graph.Signal(name=name_text, timeout=timeout):
            yield from _results(name_text)
            yield from _results((timeout and timeout.expression) or ())


def _results(text: graph.Text) -> Iterator[str]:
    return (piece.name for piece in text if isinstance(piece, graph.ResultValue))
