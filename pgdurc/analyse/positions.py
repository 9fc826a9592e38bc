"""Positional parameters: PostgreSQL's scanner takes $1 for one, and a step is run without any."""

from __future__ import annotations

import re

from pgdurc.analyse.draft import Draft, error
from pgdurc.diagnostic import Diagnostic
from pgdurc.pgsql import scan
from pgdurc.tree import SourceText

_POSITION = re.compile(r"\$[0-9]")
# The body of a function, where it is not in quotes, has parameters of its own. So has a statement that is
# prepared, and that is refused for another reason.
_WITH_PARAMETERS = ("create_function_stmt", "prepare_stmt")


def check_positions(draft: Draft) -> Draft:
    """Report each $1 outside of strings: names are the way to read a value."""
    problems: list[Diagnostic] = []
    for read in draft.reads.values():
        if read.parsed is None or read.parsed.kind not in _WITH_PARAMETERS:
            problems += _positions(draft, read.text.text)
    for read_text in draft.read_texts.values():
        if read_text.is_sql:
            problems += _positions(draft, read_text.text)
    return draft.reporting(problems)


def _positions(draft: Draft, text: SourceText) -> list[Diagnostic]:
    if _POSITION.search(text.value) is None:
        return []
    return [
        error(
            "PGD212",
            f"there is no parameter {token.text}",
            text.span(token.start, token.end),
            _hint(draft, int(token.text[1:])),
        )
        for token in scan(text.value)
        if token.kind == "PARAM"
    ]


def _hint(draft: Draft, number: int) -> str:
    parameters = draft.declaration.parameters
    if 1 <= number <= len(parameters):
        return f"a parameter is read by its name: ${parameters[number - 1].name}"
    return "parameters and results are read by their names: $name"
