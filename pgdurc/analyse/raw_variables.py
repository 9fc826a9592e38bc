"""Raw variables among the columns of a result: nobody knows what columns, and how many, they stand for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from pgdurc.analyse.placeholders import VARIABLE_NAME, Place
from pgdurc.graph import Form
from pgdurc.pgsql import Token


def has_open_variable(columns: Iterable[str], code: Sequence[Token], places: Iterable[Place]) -> bool:
    """Whether a raw variable names one of the columns, or could hold a comma that makes two of one."""
    raw = {place.found.start for place in places if place.form is Form.RAW}
    if not raw:
        return False
    return any(VARIABLE_NAME in column for column in columns) or _is_among_targets(code, raw)


def _is_among_targets(code: Sequence[Token], raw: set[int]) -> bool:
    """Whether one of those places is in the list after SELECT, RETURNING or VALUES, outside parentheses."""
    depth = 0
    targets = ""
    for before, token in pairwise([code[0], *code]):
        if token.start in raw and (targets == "VALUES" or (targets and depth == 0)):
            return True
        match token.kind:
            case "(" | "[":
                depth += 1
            case ")" | "]":
                depth -= 1
            case ("SELECT" | "RETURNING" | "VALUES") as word if depth == 0:
                targets = word
            case "FROM" if depth == 0 and before.kind != "DISTINCT" and targets == "SELECT":
                return False  # a further SELECT of a UNION does not name the columns
    return False
