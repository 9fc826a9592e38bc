"""Expressions in a call that are not constant: evaluated where the call stands, passed as parameters.

A piece of a workflow that is SQL text put together by an expression becomes a text with the constant strings
of the expression in it and a variable for each of the rest, so that its references are found and what is
constant is checked. Where that cannot be, the whole text is one variable.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pgdurc.diagnostic import Span
from pgdurc.literal import read_literal
from pgdurc.nodes import NODES, NODES_TO_COME
from pgdurc.pgsql import ScanError, Token, scan
from pgdurc.references import Variable, find_in_sql
from pgdurc.tree import SourceText

if TYPE_CHECKING:
    from collections.abc import Sequence

_SHAPING = ("~>", "|=>", "?>", "!>")
# PostgreSQL's keywords that bind looser than ||, or are no part of one value.
_LOOSER = frozenset(
    [
        "AND",
        "OR",
        "NOT",
        "IS",
        "ISNULL",
        "NOTNULL",
        "IN_P",
        "LIKE",
        "ILIKE",
        "SIMILAR",
        "BETWEEN",
        "AT",
        "COLLATE",
        "OPERATOR",
    ]
)
_LOOSER_SIGNS = frozenset(["<", ">", "=", "LESS_EQUALS", "GREATER_EQUALS", "NOT_EQUALS", ","])


HIDDEN_SQL = "{sql$"
"""How a text begins that stands for an expression in SQL that is put together."""


@dataclass(frozen=True, slots=True)
class Hidden:
    """`is_sql`: its value becomes a part of a statement as it is."""

    name: str
    expression: str
    is_sql: bool
    span: Span


def is_hidden(name: str) -> bool:
    """Whether a name is a hidden parameter's: no author can write one with a dollar sign in it."""
    return "$" in name


def shaping_part(tokens: Sequence[Token], begin: int, end: int) -> tuple[int, int] | None:
    """A workflow operator or a node inside of an expression, as tokens: what it decides is the shape."""
    for at in range(begin, end):
        if tokens[at].kind == "Op" and tokens[at].text in _SHAPING:
            return at, at + 1
        is_function = at + 3 < end and tokens[at].name == "df" and tokens[at + 1].kind == "."
        if is_function and tokens[at + 3].kind == "(":
            name = tokens[at + 2].name
            if name in NODES or name in NODES_TO_COME or name == "start":
                return at, at + 3
    return None


def operands(tokens: Sequence[Token], begin: int, end: int) -> list[tuple[int, int]]:
    """The operands of `||` where the expression is a chain of that; else the expression alone."""
    while _is_group(tokens, begin, end):
        begin, end = begin + 1, end - 1
    found: list[tuple[int, int]] = []
    depth, start = 0, begin
    for at in range(begin, end):
        token = tokens[at]
        depth += (token.kind in ("(", "[")) - (token.kind in (")", "]"))
        if depth:
            continue
        is_case = token.kind == "CASE"
        if is_case or token.kind in _LOOSER or token.kind in _LOOSER_SIGNS:
            return [(begin, end)]
        if token.kind == "Op":
            if token.text != "||" or at == start:
                return [(begin, end)]
            found.append((start, at))
            start = at + 1
    if start == end:
        return [(begin, end)]
    return [*found, (start, end)]


def _is_group(tokens: Sequence[Token], begin: int, end: int) -> bool:
    if end < begin + 3 or tokens[begin].kind != "(" or tokens[end - 1].kind != ")":
        return False
    depth = 0
    for at in range(begin, end):
        depth += (tokens[at].kind == "(") - (tokens[at].kind == ")")
        if depth == 0:
            return at == end - 1
    return False


@dataclass(frozen=True, slots=True)
class Part:
    """A constant string, or (`string` is None) an expression, of SQL text that is put together."""

    string: SourceText | None
    begin: int
    end: int


def parts(tokens: Sequence[Token], begin: int, end: int, offset: int) -> list[Part]:
    """The parts of SQL text, neighbouring expressions as one. Raises LiteralError."""
    found: list[Part] = []
    for first, last in operands(tokens, begin, end):
        token = tokens[first]
        if token.kind == "SCONST" and last == first + 1:
            found.append(Part(read_literal(token.text, token.start + offset), first, last))
        elif found and found[-1].string is None:
            found[-1] = Part(None, found[-1].begin, last)
        else:
            found.append(Part(None, first, last))
    return found


def assembled(found: Sequence[Part], names: Sequence[str], starts: Sequence[int], end: int) -> SourceText:
    """One text out of parts, a variable in each expression's place; `starts` are their places."""
    value: list[str] = []
    origins: list[int] = []
    expressions = iter(zip(names, starts, strict=True))
    for part in found:
        if part.string is not None:
            value.append(part.string.value)
            origins += part.string.origins[: len(part.string.value)]
            continue
        name, start = next(expressions)
        variable = "{" + name + "}"
        value.append(variable)
        origins += [start] * len(variable)
    return SourceText("".join(value), (*origins, end))


def has_all_variables(text: SourceText, names: Sequence[str]) -> bool:
    """Whether each variable stands where it is seen, and not in a dollar quote or a comment."""
    try:
        found = find_in_sql(text.value, scan(text.value))
    except ScanError:
        return False
    return {one.name for one in found if isinstance(one, Variable)} >= set(names)
