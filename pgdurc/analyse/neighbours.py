"""What stands beside a reference in SQL, where that decides how its value is read.

PostgreSQL finds an operator by the types of both sides, and a constant without a type takes that of the
other: `'got ' || x` joins two texts if x is one, and two values of jsonb if x is that.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Sequence
from enum import Enum, auto

from pgdurc.literal import LiteralError, read_literal
from pgdurc.pgsql import Token
from pgdurc.references import Found, Reference


class Beside(Enum):
    JSON_OPERATOR = auto()  # behind it: only JSON can stand there
    TEXT = auto()  # a constant text, joined to it by ||
    TORN = auto()  # both: PostgreSQL joins first, and looks for JSON in the text that it has then


_JSON_OPERATORS = ("->", "->>", "#>", "#>>")
_TIGHTER = ("+", "-", "*", "/", "%", "^", "::", "[", ".")  # than ||
_TIGHTER_WORDS = ("collate", "at")
# A constant behind another word is one of a type: date '2024-02-29'.
_BEFORE_EXPRESSION = ("like", "ilike", "between", "return", "by")


def beside(found: Found, starts: Sequence[int], code: Sequence[Token]) -> Beside | None:
    """What stands beside a reference; `code` are the tokens without comments, `starts` where they start."""
    if not isinstance(found, Reference) or found.in_literal or found.is_star:
        return None
    first = bisect_right(starts, found.start) - 1
    after = bisect_right(starts, found.end - 1)
    glued = code[after - 1]
    behind = [glued.text[found.end - glued.start :]] if glued.end > found.end else []
    behind += [token.text for token in code[after : after + 1]]
    next_text = behind[0] if behind else ""
    if next_text == "[":
        return Beside.JSON_OPERATOR
    before = code[first - 1] if first else None
    if before is not None and before.text == "||":
        if next_text in _TIGHTER or next_text.lower() in _TIGHTER_WORDS or not _is_text(code, first - 2):
            return None
        return Beside.TORN if next_text in _JSON_OPERATORS else Beside.TEXT
    if before is not None and (before.kind == "Op" or before.text in _TIGHTER):
        return None
    if next_text in _JSON_OPERATORS:
        return Beside.JSON_OPERATOR
    constant = after if len(behind) == 2 else after + 1
    if next_text == "||" and constant < len(code) and _is_text(code, constant):
        following = code[constant + 1].text.lower() if constant + 1 < len(code) else ""
        return None if following in (*_TIGHTER, *_TIGHTER_WORDS) else Beside.TEXT
    return None


def _is_text(code: Sequence[Token], at: int) -> bool:
    """Whether the token `at` is a constant without a type that nobody would take for JSON."""
    if at < 0 or code[at].kind != "SCONST":
        return False
    before = code[at - 1] if at else None
    is_after_name = before is not None and before.is_word and not before.reserved
    if is_after_name and code[at - 1].text.lower() not in _BEFORE_EXPRESSION:
        return False
    try:
        value = read_literal(code[at].text, 0).value.strip()
    except LiteralError:
        return False
    if value.startswith(("{", "[")):
        return False
    try:
        json.loads(value)
    except (ValueError, RecursionError):
        return True
    return False
