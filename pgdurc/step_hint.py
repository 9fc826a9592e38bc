"""What may be meant by an SQL expression that stands where a step should."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgdurc.expression import foreign_operator
from pgdurc.expression_type import is_expression
from pgdurc.nodes import NODES, signature
from pgdurc.pgsql import quote_literal

if TYPE_CHECKING:
    from pgdurc.operand import Opaque
    from pgdurc.pgsql import Token

OPERATORS_HINT = "there are ~> |=> & | ?> !> @>"
_STATEMENTS = frozenset(
    [
        "alter",
        "call",
        "copy",
        "create",
        "delete",
        "do",
        "drop",
        "execute",
        "insert",
        "merge",
        "perform",
        "refresh",
        "select",
        "truncate",
        "update",
        "values",
        "with",
    ]
)
_SHOWN = 40


def step_hint(tokens: list[Token], opaque: Opaque, written: str) -> str:
    """`written` is the text of the expression, which is the tokens `opaque`."""
    own = tokens[opaque.begin : opaque.end]
    first, kinds = own[0], [token.kind for token in own]
    word = first.text.lower()
    if first.kind == "$" and len(own) == 2:
        return f"a reference is a value: write a step that reads it, 'SELECT {written}'"
    if first.kind == ":":
        return "psql's variables are not known here: a workflow statement is compiled before psql sees it"
    if first.kind in ("USCONST", "BCONST", "XCONST", "NCHAR"):
        return "write the SQL as '...', E'...' or $$...$$"
    if len(own) == 1 and first.text.startswith('"'):
        return f"double quotes are for names: write the SQL as {quote_literal(first.text[1:-1])}"
    if first.is_word and word in _STATEMENTS:
        return f"write the statement as a string: $${first.text.upper()} ...$$"
    if word in ("begin", "declare"):
        return "there are no blocks: write each statement as a string, and ~> between them"
    if word in NODES and kinds[1:2] == ["("]:
        return f"did you mean df.{word}?"
    if first.name == "df" and kinds[1:2] == ["."] and len(own) > 2 and own[2].name in NODES:
        return f"a df function is called with parentheses: {signature(own[2].name)}"
    if first.kind == "SCONST" and kinds[1:2] == ["WITH"]:
        return "options stand in front of AS: CREATE WORKFLOW name() WITH (name = value, ...) AS ..."
    if first.kind == "SCONST" and kinds[1:2] in (["AS"], ["EQUALS_GREATER"]) and len(own) == 3:
        return f"a result is named by |=>: {first.text} |=> {own[2].text}"
    at = foreign_operator(tokens, opaque, begins_chain=False)
    if at is not None and tokens[at].kind == "Op":
        return f"{tokens[at].text} is no workflow operator; {OPERATORS_HINT}"
    if len(written) <= _SHOWN and "$$" not in written and "\n" not in written and is_expression(written):
        return f"to compute a value, select it: $$SELECT {written}$$"
    return "a step is SQL in a string, a df function or a workflow in parentheses"
