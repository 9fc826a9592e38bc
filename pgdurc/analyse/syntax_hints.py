"""What may help where PostgreSQL's parser refuses the text of a step."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from pgdurc.analyse.placeholders import Parsed, parse_with_placeholders
from pgdurc.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pgdurc.pgsql import Token
    from pgdurc.references import Found
    from pgdurc.tree import SourceText

_STATEMENTS = [
    "ALTER",
    "ANALYZE",
    "CALL",
    "COMMENT",
    "COPY",
    "CREATE",
    "DELETE",
    "DO",
    "DROP",
    "EXPLAIN",
    "GRANT",
    "INSERT",
    "LOCK",
    "MERGE",
    "NOTIFY",
    "REFRESH",
    "REVOKE",
    "SELECT",
    "SET",
    "SHOW",
    "TABLE",
    "TRUNCATE",
    "UPDATE",
    "VALUES",
    "WITH",
]

A_VALUE = "a step is a statement, and this is a value: write SELECT in front of it"


def syntax_hint(
    text: SourceText, begin: int, end: int, code: Sequence[Token], found: list[Found]
) -> str | None:
    """`code` are the tokens of the statement `text[begin:end]`, `found` its references."""
    for colon, name in pairwise(code):
        if colon.kind == ":" and colon.end == name.start and (name.is_word or name.kind == "SCONST"):
            return (
                f"psql replaces no variables in a string; in a df.start call: 'SELECT ' || :{name.text}; "
                "in a declaration: a parameter, read as $name"
            )
    first = code[0]
    if first.is_word and first.text.upper() in _STATEMENTS:
        return None
    as_value = parse_with_placeholders(
        text, begin, end, found, first=first.start, prefix="SELECT (", suffix="\n)"
    )
    if isinstance(as_value, Parsed) and as_value.statements is not None and len(as_value.statements) == 1:
        return A_VALUE
    is_word = first.is_word and not (len(code) > 1 and code[1].kind == "(")
    guess = nearest(first.text.upper(), _STATEMENTS) if is_word else None
    return None if guess is None else f"did you mean {guess}?"
