"""Which statements can stand in a PL/pgSQL procedure as they are, and be planned once a session.

What reads a table is planned each time that it runs: by then the table may be a thousand times as long, and a
plan that was made while it was empty would be kept as long as the driver's session lives.
"""

from __future__ import annotations

import re
from itertools import pairwise

from pgdurc.pgsql import Token, scan

# The variables of a step procedure. In a statement they would be taken for columns of that name.
_VARIABLES = {"step", "found"}
# FROM and TABLE read tables. PL/pgSQL has an INTO of its own, and wants one for what RETURNING gives.
_KEPT_OUT = {"FROM", "TABLE", "INTO", "RETURNING", "UIDENT", "SQL_COMMENT", "C_COMMENT", ";"}
# A plan has a type's number and is not told when the type is dropped and made anew, which these never are.
_LASTING_TYPES = {
    *("bigint", "int", "int2", "int4", "int8", "integer", "smallint", "numeric", "real", "float4", "float8"),
    *("bool", "boolean", "bytea", "inet", "json", "jsonb", "text", "uuid", "varchar"),
    *("date", "interval", "time", "timestamp", "timestamptz"),
}
_CASTS = {"CAST", "TREAT", "XMLSERIALIZE"}
# Literals that mean another time each time that they are read; to a plan they are constants.
_RELATIVE_TIME = re.compile(r"now|today|tomorrow|yesterday", re.IGNORECASE)
# Their literals are numbers in a plan, which is not told when the object gets another one.
_NUMBERED = re.compile(r"reg(?:proc|oper|type|role|namespace|config|dictionary|collation)", re.IGNORECASE)


def has_single_plan(sql: str) -> bool:
    """Whether `sql`, a constant statement, is a SELECT or an INSERT that reads no table.

    There is one way to run that, whatever the tables hold. And whether it means the same to PL/pgSQL as to
    EXECUTE; in doubt it does not.
    """
    # A backslash means what standard_conforming_strings says, which PL/pgSQL asks at another moment.
    if "\\" in sql or _NUMBERED.search(sql):
        return False
    tokens = scan(sql)
    return tokens[0].kind in ("SELECT", "INSERT") and not any(
        _is_kept_out(before, token) for before, token in pairwise(tokens)
    )


def _is_kept_out(before: Token, token: Token) -> bool:
    # It is a part of a value; other ends of lines become those of the script.
    if "\n" in token.text:
        return True
    if before.text == "::" and token.text.lower() not in _LASTING_TYPES:
        return True
    if token.text.upper() in _CASTS:
        return True
    if token.kind == "SCONST":
        # Behind a name or a parenthesis: type 'literal'.
        is_typed = before.kind == "IDENT" or before.text == ")"
        return is_typed or _RELATIVE_TIME.search(token.text) is not None
    return token.name in _VARIABLES or (
        token.kind in _KEPT_OUT and (before.kind, token.kind) != ("INSERT", "INTO")
    )
