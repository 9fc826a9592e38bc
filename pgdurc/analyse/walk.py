"""The nodes of a parsed workflow, in source order."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from pgdurc import tree
from pgdurc.deep import Walk, run


def children(node: tree.Tree) -> tuple[tree.Tree, ...]:
    match node:
        case tree.Sequence(parts=parts) | tree.Join(branches=parts) | tree.Race(branches=parts):
            return parts
        case tree.Unread(parts=parts):
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


def unread_words(root: tree.Tree, text: str) -> frozenset[str]:
    """The names that a piece with an error may bind: each word of it outside of its parts.

    `text` is that of the file.
    """
    found: set[str] = set()
    for node in nodes(root):
        if not isinstance(node, tree.Unread):
            continue
        at = node.span.start
        for part in (*node.parts, None):
            end = node.span.end if part is None else part.span.start
            found.update(_WORD.findall(text, at, max(at, end)))
            at = end if part is None else part.span.end
    # A bare name with capitals is folded, and whether that was meant is what its error asks.
    return frozenset(found | {word.lower() for word in found})


_WORD = re.compile(r"(?<![\w$])[A-Za-z_]\w*", re.ASCII)  # and no reference to one


def with_leaves(root: tree.Tree, change: Callable[[tree.Sql], tree.Sql]) -> tree.Tree:
    """The tree with each of its leaves changed."""
    return run(_changed(root, change))


def _changed(node: tree.Tree, change: Callable[[tree.Sql], tree.Sql]) -> Walk[tree.Tree]:
    changed: list[tree.Tree] = []
    for child in children(node):
        inner = yield _changed(child, change)
        changed += [inner]
    match node:
        case tree.Sql():
            return change(node)
        case tree.Sequence() | tree.Unread():
            return replace(node, parts=tuple(changed))
        case tree.Join() | tree.Race():
            return replace(node, branches=tuple(changed))
        case tree.Named():
            return replace(node, body=changed[0])
        case tree.If():
            return replace(node, condition=changed[0], then=changed[1], otherwise=changed[2])
        case tree.IfRows():
            return replace(node, then=changed[0], otherwise=changed[1])
        case tree.Loop():
            return replace(node, body=changed[0], condition=changed[1] if len(changed) > 1 else None)
        case _:
            return node
