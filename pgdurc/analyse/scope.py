"""The names that are bound at a point of a workflow, and whether they are bound for certain."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
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


@dataclass(frozen=True, slots=True)
class Ends:
    """What a branch has bound: at its end, and where it breaks out; None where it never does."""

    at_end: Changes
    at_breaks: Changes | None


@dataclass(slots=True)
class _Exits:
    """The ways out of one loop, and which binding of a name each of them saw.

    Kept as stretches: `seen[name]` holds (first, last + 1, binding) for the exits while that was the binding.
    A copy of the scope at each exit would cost their number times that of the names. `since` has the names
    that are bound inside of the loop, and how many exits there had been then.
    """

    count: int = 0
    since: dict[str, int] = field(default_factory=dict)
    seen: dict[str, list[tuple[int, int, Binding]]] = field(default_factory=dict)

    def close(self, name: str, binding: Binding) -> None:
        """The binding, made inside of the loop, ends here."""
        since = self.since.pop(name)
        if since < self.count:
            self.seen.setdefault(name, []).append((since, self.count, binding))


@dataclass(slots=True)
class _Level:
    """What a branch or a loop has changed.

    `before`: what a name was bound to, and whether that was inside of the innermost loop too.
    """

    exits: _Exits
    is_loop: bool
    before: dict[str, tuple[Binding | None, bool]] = field(default_factory=dict)


class Scope:
    """Bindings that can be taken back: a branch is walked and its changes undone, then the other one.

    Only what a branch changes is ever copied, so the cost does not grow with the number of names in scope.
    """

    def __init__(self) -> None:
        self.bindings: dict[str, Binding] = {}
        self._levels = [_Level(_Exits(), is_loop=True)]

    def bind(self, name: str, binding: Binding) -> None:
        level = self._levels[-1]
        before = self.bindings.get(name)
        is_inside = name in level.exits.since
        level.before.setdefault(name, (before, is_inside))
        if is_inside:
            assert before is not None
            level.exits.close(name, before)
        level.exits.since[name] = level.exits.count
        self.bindings[name] = binding

    def apply(self, changes: Changes) -> None:
        for name, binding in changes.items():
            self.bind(name, binding)

    # Branches

    def begin(self) -> None:
        self._levels.append(_Level(self._levels[-1].exits, is_loop=False))

    def end(self) -> Changes:
        """Undo and return what was bound since the matching begin."""
        level = self._levels.pop()
        changes: Changes = {}
        for name, (before, was_inside) in level.before.items():
            changes[name] = self.bindings[name]
            level.exits.close(name, changes[name])
            if before is None:
                del self.bindings[name]
            else:
                self.bindings[name] = before
            if was_inside and not level.is_loop:
                level.exits.since[name] = level.exits.count
        return changes

    def merge(self, ways: Iterable[Changes]) -> Changes:
        """What is bound where several ways meet again: certain if it is on each of them."""
        arrivals = list(ways)
        found: dict[str, list[Binding | None]] = {}
        for way in arrivals:
            for name, binding in way.items():
                found.setdefault(name, []).append(binding)
        for name, seen in found.items():
            if len(seen) < len(arrivals):
                # The other ways have it as it was before; once is enough to tell.
                seen.insert(len(seen) if name in arrivals[0] else 0, self.bindings.get(name))
        return {name: _merged(seen) for name, seen in found.items()}

    # Loops

    def begin_loop(self) -> None:
        self._levels.append(_Level(_Exits(), is_loop=True))

    def exit_loop(self) -> None:
        """The innermost loop may be left here."""
        self._levels[-1].exits.count += 1

    def end_loop(self) -> tuple[int, Changes]:
        """Undo what the loop has bound; return its number of exits and what is bound behind them.

        Without an exit that is what is bound at the end of the loop.
        """
        exits = self._levels[-1].exits
        at_end = self.end()
        return exits.count, self._behind(exits) if exits.count else self.merge([at_end])

    def _behind(self, exits: _Exits) -> Changes:
        merged: Changes = {}
        for name, stretches in exits.seen.items():
            before = self.bindings.get(name)
            stretches.sort(key=lambda stretch: stretch[0])
            seen: list[Binding | None] = [binding for _, _, binding in stretches]
            if sum(last - first for first, last, _ in stretches) < exits.count:
                seen.insert(0 if stretches[0][0] > 0 else len(seen), before)
            merged[name] = _merged(seen)
        return merged

    # Joins and races

    def begin_task(self) -> None:
        """A branch of a join or race: what breaks in it, out of it, ends only the branch."""
        self.begin_loop()

    def end_task(self) -> Ends:
        """Undo and return what the branch has bound, at its end and at the breaks out of it."""
        exits = self._levels[-1].exits
        at_end = self.end()
        return Ends(at_end, self._behind(exits) if exits.count else None)

    def joined(self, branches: Sequence[Changes]) -> Changes:
        """What is bound when all branches have ended: certain if one of them is sure to bind it."""
        ways: dict[str, list[Binding]] = {}
        for branch in branches:
            for name, binding in branch.items():
                ways.setdefault(name, []).append(binding)
        return {name: self._taken_over(name, bindings) for name, bindings in ways.items()}

    def joined_at_break(self, branches: Sequence[Ends]) -> Changes:
        """What is bound where a join is left, of which one branch or several broke."""
        at_breaks = [ends.at_breaks for ends in branches if ends.at_breaks is not None]
        whole = self.joined([ends.at_end for ends in branches if ends.at_breaks is None])
        at_ends = [ends.at_end for ends in branches if ends.at_breaks is not None]
        merged = self.merge([*at_breaks, *at_ends])
        for name, binding in whole.items():
            also = merged.get(name)
            merged[name] = binding if also is None else replace(_merged([binding, also]), doubt=binding.doubt)
        for name, binding in self.merge(at_breaks).items():
            if binding.doubt is Doubt.NONE:  # whichever broke had bound it
                merged[name] = replace(merged[name], doubt=Doubt.NONE)
        return merged

    def _taken_over(self, name: str, bindings: list[Binding]) -> Binding:
        """The binding after a join in whose branches these were, in their order; the last one has its way."""
        before = self.bindings.get(name)
        if before is not None and before.doubt is Doubt.NONE:
            # Whether a branch is sure to bind it cannot be told from what it only inherited.
            return replace(_merged([before, *bindings]), span=bindings[-1].span)
        certain = [at for at, binding in enumerate(bindings) if binding.doubt is Doubt.NONE]
        if not certain:
            return _merged([before, *bindings])
        return replace(_merged(bindings[certain[-1] :]), doubt=Doubt.NONE)


def _merged(seen: Sequence[Binding | None]) -> Binding:
    """One binding for what several ways have seen; at least one of them has seen one."""
    bound = [binding for binding in seen if binding is not None]
    doubt = max((binding.doubt for binding in bound), key=lambda d: d.value)
    if len(bound) < len(seen) or doubt is not Doubt.NONE:
        doubt = Doubt.ONE_BRANCH
    shape: Shape = frozenset().union(*(binding.shape for binding in bound))
    return replace(bound[0], shape=shape, doubt=doubt)
