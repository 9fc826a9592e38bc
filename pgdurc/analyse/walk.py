"""The nodes of a parsed workflow, in source order."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

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


@dataclass(frozen=True, slots=True)
class UnreadNames:
    """What the pieces with an error may bind, so that nothing is said of it: `words`, or any name at all."""

    words: frozenset[str] = frozenset()
    any_name: bool = False


def unread_names(root: tree.Tree, text: str) -> UnreadNames:
    """Each word of those pieces outside of their parts may be a name. `text` is that of the file."""
    found: set[str] = set()
    any_name = False
    for node in nodes(root):
        if not isinstance(node, tree.Unread):
            continue
        words: set[str] = set()
        at = node.span.start
        for part in (*node.parts, None):
            end = max(at, node.span.end if part is None else part.span.start)
            words.update(_WORD.findall(text, at, end))
            any_name = any_name or _NO_NAME.search(text, at, end) is not None
            at = end if part is None else part.span.end
        found |= words
        any_name = any_name or words == {"df", "as"}
    # A bare name with capitals is folded, and whether that was meant is what its error asks.
    return UnreadNames(frozenset(found | {word.lower() for word in found}), any_name)


_WORD = re.compile(r"(?<![\w$])[A-Za-z_]\w*", re.ASCII)  # and no reference to one
_NO_NAME = re.compile(r"\|=>\s*(?:''|[^\sA-Za-z_'\"])", re.ASCII)


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
