"""What a node's result looks like, as far as the text tells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pgdurc import tree
from pgdurc.analyse.draft import Draft
from pgdurc.analyse.reading import ReadText
from pgdurc.analyse.walk import children
from pgdurc.references import Reference


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of these columns; None: not known before the statement runs."""

    columns: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class NoRows:
    """A statement that returns nothing but a number of rows."""


@dataclass(frozen=True, slots=True)
class Json:
    """A value that is no row set; with these fields, None: any."""

    fields: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Unknown:
    """Anything: the node has an error, and more about its result would be noise."""


Kind = Rows | NoRows | Json | Unknown
Shape = frozenset[Kind]
"""Each of what it may turn out to be: an if has its branches', a loop its body's and its breaks'."""

NOTHING: Shape = frozenset()
SLEPT: Shape = frozenset({Json(("slept", "seconds"))})
SCHEDULED: Shape = frozenset({Json(("scheduled",))})
SIGNALLED: Shape = frozenset({Json(("signal_name", "timed_out", "data"))})
JOINED: Shape = frozenset({Json(())})  # an array
ANY_JSON: Shape = frozenset({Json(None)})
UNKNOWN: Shape = frozenset({Unknown()})


def leaf_shape(draft: Draft, leaf: tree.Sql) -> Shape:
    read = draft.reads.get(leaf.span)
    if read is None:  # it has a syntax error
        return UNKNOWN
    return frozenset({NoRows()}) if read.columns == () else frozenset({Rows(read.columns)})


def annotated(shape: Shape, name: tree.Name) -> Shape:
    """The shape with the columns that an annotation gives to its rows."""
    if name.columns is None:
        return shape
    columns = tuple(column.name for column in name.columns)
    return frozenset(Rows(columns) if isinstance(one, Rows) else one for one in shape)


@dataclass(frozen=True, slots=True)
class _End:
    """With what a node ends, and with what it leaves the loop around it; None: never."""

    result: Shape | None
    breaks: Shape | None = None


def rough_shapes(draft: Draft) -> Mapping[int, Shape]:
    """The shape of every node, by its identity, without looking at what names mean where it stands.

    A break that hands on what a name means gives what any node of that name gives; so this looks again until
    it finds nothing new about any name.
    """
    inside_out = _inside_out(draft.declaration.body)
    named: dict[str, Shape] = {}
    while True:
        known = dict(named)
        ends: dict[int, _End] = {}
        for node in inside_out:
            ends[id(node)] = end = _end(draft, node, ends, named)
            if isinstance(node, tree.Named):
                named[node.name.text] = named.get(node.name.text, NOTHING) | (end.result or NOTHING)
        if named == known:
            return {node: end.result or NOTHING for node, end in ends.items()}


def _inside_out(root: tree.Tree) -> list[tree.Tree]:
    """All nodes in source order, but what a node holds before it."""
    pending, found = [root], []
    while pending:
        found.append(pending.pop())
        pending.extend(children(found[-1]))
    return found[::-1]


def _end(draft: Draft, node: tree.Tree, ends: Mapping[int, _End], named: Mapping[str, Shape]) -> _End:
    held = [ends[id(child)] for child in children(node)]
    breaks = _either(end.breaks for end in held)
    match node:
        case tree.Sql():
            return _End(leaf_shape(draft, node))
        case tree.Sequence():
            is_over = all(end.result is not None for end in held)
            return _End(held[-1].result if is_over else None, breaks)
        case tree.Named(name=name):
            result = held[0].result
            return _End(None if result is None else annotated(result, name), breaks)
        case tree.If():
            condition, *arms = held
            return _End(None if condition.result is None else _either(arm.result for arm in arms), breaks)
        case tree.IfRows() | tree.Race():
            return _End(_either(end.result for end in held), breaks)
        case tree.Join():
            return _End(JOINED if all(end.result is not None for end in held) else None, breaks)
        case tree.Loop(condition=condition):
            goes_round = all(end.result is not None for end in held)
            return _End(_either([held[0].result if condition is not None and goes_round else None, breaks]))
        case tree.Break(span=span):
            whole = _whole_name(draft.read_texts.get(span))
            is_result = whole is not None and all(p.name != whole for p in draft.declaration.parameters)
            return _End(None, named.get(whole or "", NOTHING) if is_result else ANY_JSON)
        case tree.Sleep():
            return _End(SLEPT)
        case tree.Signal():
            return _End(SIGNALLED)
        case tree.Schedule():
            return _End(SCHEDULED)
        case tree.Unread():
            return _End(UNKNOWN, _either([breaks, UNKNOWN]))


def _either(shapes: Iterable[Shape | None]) -> Shape | None:
    found = [shape for shape in shapes if shape is not None]
    return NOTHING.union(*found) if found else None


def _whole_name(read: ReadText | None) -> str | None:
    """The name of a text that is nothing but `$name`: a break with it hands on the whole result."""
    if read is None or len(read.places) != 1:
        return None
    found = read.places[0].found
    is_all = (found.start, found.end) == (read.start, read.end)
    if not is_all or not isinstance(found, Reference) or found.column is not None or found.is_star:
        return None
    return found.name
