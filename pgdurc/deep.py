"""Recursion without Python's stack, for trees whose depth the author decides.

A walk is a generator that yields the walks it needs and is sent their results. It reads like the recursive
function that it is, and a tree 10,000 levels deep exhausts nothing:

    def size(node: Node) -> Walk[int]:
        total = 1
        for child in node.children:
            total += yield size(child)
        return total

    run(size(root))
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, TypeAlias, TypeVar

T = TypeVar("T")
Walk: TypeAlias = Generator["Walk[Any]", Any, T]


def run(walk: Walk[T]) -> T:
    """Run a walk to its end and return its result."""
    pending: list[Walk[Any]] = [walk]
    sent: Any = None
    while True:
        try:
            pending.append(pending[-1].send(sent))
            sent = None
        except StopIteration as stop:
            pending.pop()
            sent = stop.value
            if not pending:
                result: T = stop.value
                return result
