"""The word that was meant, for a hint."""

from __future__ import annotations

from collections.abc import Iterable

_MOST = 30


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that is most like `word`, if one is like enough to be meant."""
    import difflib  # only where something is wrong
    import heapq

    candidates = list(known)
    for candidate in candidates:
        if candidate.lower() == word.lower():
            return candidate
    if len(candidates) > _MOST:
        # To compare two words takes 30 us, and thousands may be unknown among thousands that are known.
        candidates = heapq.nsmallest(_MOST, candidates, key=lambda candidate: _difference(candidate, word))
    found = difflib.get_close_matches(word, candidates, n=1, cutoff=0.6)
    return found[0] if found else None


def _difference(one: str, other: str) -> int:
    """A rough measure: of the lengths, and whether they begin and end alike."""
    return abs(len(one) - len(other)) + (one[:1] != other[:1]) + (one[-1:] != other[-1:])
