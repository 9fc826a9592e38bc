"""What a node's result looks like, as far as the text tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pgdurc import tree
from pgdurc.analyse.draft import Draft
from pgdurc.analyse.walk import nodes


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


Shape = frozenset[Rows | NoRows | Json]
"""Each of what it may turn out to be: an if has its branches', a loop its body's and its breaks'."""

NOTHING: Shape = frozenset()
SLEPT: Shape = frozenset({Json(("slept", "seconds"))})
SCHEDULED: Shape = frozenset({Json(("scheduled",))})
SIGNALLED: Shape = frozenset({Json(("signal_name", "timed_out", "data"))})
JOINED: Shape = frozenset({Json(())})  # an array
ANY_JSON: Shape = frozenset({Json(None)})
ANY_ROWS: Shape = frozenset({Rows(None)})


def leaf_shape(draft: Draft, leaf: tree.Sql) -> Shape:
    read = draft.reads.get(leaf.span)
    if read is None:  # it has a syntax error: say nothing more about it
        return ANY_ROWS
    return frozenset({NoRows()}) if read.columns == () else frozenset({Rows(read.columns)})


def annotated(shape: Shape, name: tree.Name) -> Shape:
    """The shape with the columns that an annotation gives to its rows."""
    if name.columns is None:
        return shape
    columns = tuple(column.name for column in name.columns)
    return frozenset(Rows(columns) if isinstance(one, Rows) else one for one in shape)


def rough_shapes(draft: Draft) -> Mapping[int, Shape]:
    """The shape of every node, by its identity, without looking at what names mean where it stands."""
    shapes: dict[int, Shape] = {}
    for node in reversed(list(nodes(draft.declaration.body))):  # what a node holds comes before it
        match node:
            case tree.Sql():
                shape = leaf_shape(draft, node)
            case tree.Sequence(parts=parts):
                shape = shapes[id(parts[-1])]
            case tree.Named(body=body, name=name):
                shape = annotated(shapes[id(body)], name)
            case tree.If(then=then, otherwise=otherwise) | tree.IfRows(then=then, otherwise=otherwise):
                shape = shapes[id(then)] | shapes[id(otherwise)]
            case tree.Loop(body=body):
                shape = ANY_JSON | shapes[id(body)]
            case tree.Race(branches=branches):
                shape = NOTHING.union(*(shapes[id(branch)] for branch in branches))
            case tree.Join():
                shape = JOINED
            case tree.Sleep():
                shape = SLEPT
            case tree.Signal():
                shape = SIGNALLED
            case tree.Schedule():
                shape = SCHEDULED
            case tree.Break():
                shape = NOTHING
        shapes[id(node)] = shape
    return shapes
