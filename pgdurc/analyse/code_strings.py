"""Strings that are run and not read: bodies, shell commands. Quoting does not make a value safe there."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from pgdurc.pgsql import Token


def code_strings(code: Sequence[Token]) -> tuple[tuple[int, int], ...]:
    """The places of such strings in a statement, given its tokens without comments."""
    kinds = [token.kind for token in code[:4]]
    opening = kinds[1:2] if kinds[1:3] != ["OR", "REPLACE"] else kinds[3:]
    match kinds[0]:
        case "DO":
            strings = [token for token in code if token.kind == "SCONST"]
        case "CREATE" if opening in (["FUNCTION"], ["PROCEDURE"]):
            strings = _after(code, "AS")
        case "COPY":
            strings = _after(code, "PROGRAM")
        case _:
            strings = []
    return tuple((token.start, token.end) for token in strings)


def _after(code: Sequence[Token], word: str) -> list[Token]:
    """The strings that follow a word: several, where comments part what PostgreSQL joins."""
    found: list[Token] = []
    for before, token in pairwise(code):
        if token.kind == "SCONST" and (before.kind == word or (found and before is found[-1])):
            found.append(token)
    return found
