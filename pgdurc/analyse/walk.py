"""The nodes of a parsed workflow, in source order."""

from __future__ import annotations

from collections.abc import Iterator

from pgdurc import tree


def children(node: tree.Tree) -> tuple[tree.Tree, ...]:
    match node:
        case tree.Sequence(parts=parts) | tree.Join(branches=parts) | tree.Race(branches=parts):
            return parts
        case tree.Named(body=body):
            return (body,)
        case tree.If(condition=condition, then=then, otherwise=otherwise):
            return (condition, then, otherwise)
        case tree.IfRows(then=then, otherwise=otherwise):
            return (then, otherwise)
        case tree.Loop(body=body, condition=None):
            return (body,)
        case tree.Loop(body=body, condition=condition):
            assert condition is not None
            return (body, condition)
        case _:
            return ()


def duration_of(node: tree.Tree) -> tree.Sleep | tree.Duration | None:
    """The time that a node takes for an argument; its span is the key of what is found out about it."""
    match node:
        case tree.Sleep():
            return node
        case tree.Signal(timeout=timeout):
            return timeout
        case _:
            return None


def nodes(root: tree.Tree) -> Iterator[tree.Tree]:
    """`root` and all below it, each before what it holds."""
    pending = [root]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(reversed(children(node)))
