"""The names that are bound at a point of a workflow, and whether they are bound for certain."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum

from pgdurc.analyse.shapes import Shape
from pgdurc.diagnostic import Span


class Doubt(Enum):
    """Why a name may be unbound although it is bound somewhere before."""

    NONE = 0
    ONE_BRANCH = 1
    NEXT_ITERATION = 2


@dataclass(frozen=True, slots=True)
class Binding:
    shape: Shape
    doubt: Doubt
    span: Span


Changes = dict[str, Binding]


class Scope:
    """Bindings that can be taken back: a branch is walked and its changes undone, then the other one.

    Only what a branch changes is ever copied, so the cost does not grow with the number of names in scope.
    """

    def __init__(self) -> None:
        self.bindings: dict[str, Binding] = {}
        self._before: list[dict[str, Binding | None]] = []

    def bind(self, name: str, binding: Binding) -> None:
        if self._before:
            self._before[-1].setdefault(name, self.bindings.get(name))
        self.bindings[name] = binding

    def apply(self, changes: Changes) -> None:
        for name, binding in changes.items():
            self.bind(name, binding)

    @property
    def depth(self) -> int:
        return len(self._before)

    def begin(self) -> None:
        self._before.append({})

    def end(self) -> Changes:
        """Undo and return what was bound since the matching begin."""
        changes: Changes = {}
        for name, before in self._before.pop().items():
            changes[name] = self.bindings[name]
            if before is None:
                del self.bindings[name]
            else:
                self.bindings[name] = before
        return changes

    def changes_since(self, depth: int) -> Changes:
        """What was bound since the begin at this depth, without undoing it."""
        return {name: self.bindings[name] for level in self._before[depth:] for name in level}

    def merge(self, ways: Iterable[Changes]) -> Changes:
        """What is bound where several ways meet again: certain if it is on each of them."""
        arrivals = list(ways)
        merged: Changes = {}
        for name in dict.fromkeys(name for way in arrivals for name in way):
            seen = [way.get(name) or self.bindings.get(name) for way in arrivals]
            bound = [binding for binding in seen if binding is not None]
            doubt = max((binding.doubt for binding in bound), key=lambda d: d.value)
            if len(bound) < len(seen) or doubt is not Doubt.NONE:
                doubt = Doubt.ONE_BRANCH
            shape: Shape = frozenset().union(*(binding.shape for binding in bound))
            merged[name] = replace(bound[0], shape=shape, doubt=doubt)
        return merged
