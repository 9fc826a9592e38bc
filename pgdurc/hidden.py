"""Expressions in a call that are not constant: evaluated where the call stands, passed as parameters.

A piece of a workflow that is SQL text put together by an expression becomes a text with the constant strings
of the expression in it and a variable for each of the rest, so that its references are found and what is
constant is checked. Where that cannot be, the whole text is one variable.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pgdurc.diagnostic import Span
from pgdurc.nodes import NODES, NODES_TO_COME
from pgdurc.pgsql import ScanError, Token, scan
from pgdurc.references import Variable, find_in_sql
from pgdurc.tree import SourceText

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pgdurc.expression_parts import Part

_SHAPING = ("~>", "|=>", "?>", "!>")
HIDDEN_SQL = "{sql$"
"""How a text begins that stands for an expression in SQL that is put together."""


@dataclass(frozen=True, slots=True)
class Hidden:
    """`name`: what it begins with says what its value is for; that of `sql$1` becomes SQL as it is.

    `function`: the SQL around the expression, which stands for it as `{}`.
    """

    name: str
    function: str
    span: Span


def is_hidden(name: str) -> bool:
    """Whether a name is a hidden parameter's: no author can write one with a dollar sign in it."""
    return "$" in name


_REFERENCE = re.compile(r'\$"([a-z]+\$\d+)"\Z', re.ASCII)


def reference(name: str) -> str:
    """How a hidden parameter is read in a text."""
    return f'$"{name}"'


def referred(text: str) -> str | None:
    """The hidden parameter that a text is a reference to."""
    match = _REFERENCE.match(text)
    return match[1] if match else None


def shaping_part(tokens: Sequence[Token], begin: int, end: int) -> tuple[int, int] | None:
    """A workflow operator or a node inside of an expression, as tokens: what it decides is the shape."""
    for at in range(begin, end):
        if tokens[at].kind == "Op" and tokens[at].text in _SHAPING:
            return at, at + 1
        is_function = at + 3 < end and tokens[at].name == "df" and tokens[at + 1].kind == "."
        if is_function and tokens[at + 3].kind == "(":
            name = tokens[at + 2].name
            if name in NODES or name in NODES_TO_COME:
                return at, at + 3
    return None


def assembled(found: Sequence[Part], marks: Sequence[str], starts: Sequence[int], end: int) -> SourceText:
    """One text out of parts, a mark in each expression's place; `starts` are their places."""
    value: list[str] = []
    origins: list[int] = []
    expressions = iter(zip(marks, starts, strict=True))
    for part in found:
        if part.string is not None:
            value.append(part.string.value)
            origins += part.string.origins[: len(part.string.value)]
            continue
        mark, start = next(expressions)
        value.append(mark)
        origins += [start] * len(mark)
    return SourceText("".join(value), (*origins, end))


def has_all_variables(text: SourceText, names: Sequence[str]) -> bool:
    """Whether each variable stands where it is seen, and not in a dollar quote or a comment."""
    try:
        found = find_in_sql(text.value, scan(text.value))
    except ScanError:
        return False
    return {one.name for one in found if isinstance(one, Variable)} >= set(names)
