"""The word that was meant, for a hint."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that is most like `word`, if one is like enough to be meant."""
    import difflib  # only where something is wrong

    candidates = list(known)
    for candidate in candidates:
        if candidate.lower() == word.lower():
            return candidate
    # Beyond some thousand names the search would cost more than the hint is worth.
    found = difflib.get_close_matches(word, candidates[:2000], n=1, cutoff=0.6)
    return found[0] if found else None
