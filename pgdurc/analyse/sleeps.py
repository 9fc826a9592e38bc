"""Sleeps and timeouts: a number of seconds, an interval, or an expression that is neither until it runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation

from pgdurc import tree
from pgdurc.analyse.draft import Draft, error
from pgdurc.analyse.walk import duration_of, nodes
from pgdurc.diagnostic import Diagnostic
from pgdurc.expression_type import is_null
from pgdurc.graph import Form, Text, Variable
from pgdurc.intervals import LONGEST_S, LONGEST_YEARS, is_interval, is_negative, is_too_long
from pgdurc.nearest import nearest
from pgdurc.pgsql import LETTER, ParseError, descend, parse, scan, unquote_identifier, unwrap

_NUMBER = re.compile(r"\s*[+-]?\s*(?:\d+(?:\.\d*)?|\.\d+)\s*\Z", re.ASCII)
_ANY_NUMBER = re.compile(r"\s*[+-]?\s*(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?\s*\Z", re.ASCII)
_LETTER = re.compile(LETTER)


def is_number(text: str) -> bool:
    return bool(_NUMBER.match(text))


def _is_too_large(text: str) -> bool:
    if not _ANY_NUMBER.match(text):
        return False
    try:
        return Decimal("".join(text.split())) > LONGEST_S
    except InvalidOperation:  # an exponent beyond all bounds
        return "e-" not in text.lower()


def check_sleeps(draft: Draft) -> Draft:
    """Report constants that are no duration."""
    problems: list[Diagnostic] = []
    for node in nodes(draft.declaration.body):
        if (duration := duration_of(node)) is not None:
            problems += _check(draft, duration)
    return draft.reporting(problems)


_SUCH_AS = "such as '90 seconds' or '1 hour 30 minutes'"


def _check(draft: Draft, duration: tree.Sleep | tree.Duration) -> Iterator[Diagnostic]:
    value, span = duration.argument.value, duration.span
    text = draft.texts.get(span, ())
    is_text = duration.is_interval_text
    what = "sleep" if isinstance(duration, tree.Sleep) else "timeout"
    if not is_text and (column := _column(text)) is not None:
        yield _no_column(draft, duration.argument, column)
    if len(text) > 1 or (text and not isinstance(text[0], str)):
        return
    if is_text and not is_interval(value):
        yield error("PGD411", f'invalid interval: "{value}"', span, _SUCH_AS)
    elif _is_too_large(value) or (is_text and is_too_long(value)):
        hint = f"PostgreSQL's time ends after some {LONGEST_YEARS:,} years"
        unit = " seconds" if _ANY_NUMBER.match(value) else ""
        yield error("PGD411", f"a {what} of {value.strip()}{unit} is out of range", span, hint)
    elif (is_text or is_number(value)) and what == "timeout":
        if is_negative(value) or not re.search("[1-9]", value):
            yield error("PGD411", "a timeout must be positive", span, "leave it out to wait for ever")
    elif (is_text or is_number(value)) and is_negative(value):
        yield error("PGD411", "a sleep cannot be negative", span, _SUCH_AS)
    elif not is_text and is_null(value):
        yield error("PGD411", f"a {what} cannot be NULL", span, _SUCH_AS)


def _column(text: Text) -> str | None:
    """A column that an expression reads although it has no table to read it from."""
    if not any(isinstance(piece, str) and _LETTER.search(piece) for piece in text):
        return None
    if any(isinstance(piece, Variable) and piece.form is Form.RAW for piece in text):
        return None
    try:
        expression = "".join(piece if isinstance(piece, str) else " NULL " for piece in text)
        parsed = parse(f"SELECT ({expression}\n)")
    except ParseError:  # it holds a reference that has been reported already
        return None
    found = [] if parsed[0].node is None else list(descend(parsed[0].node))
    if any(kind == "SubLink" for kind, _ in found):
        return None
    names = [unwrap(node.fields[0]) for kind, node in found if kind == "ColumnRef"]
    return next((str(name.sval) for kind, name in names if kind == "string"), None)


def _no_column(draft: Draft, argument: tree.SourceText, column: str) -> Diagnostic:
    words = [t for t in scan(argument.value) if t.is_word and unquote_identifier(t.text) == column]
    span = argument.span(words[0].start, words[0].end) if words else argument.span(0, len(argument.value))
    names = [parameter.name for parameter in draft.declaration.parameters] + sorted(draft.read_names)
    guess = nearest(column, names)
    hint = "a parameter or a result is read as $name" if guess is None else f'did you mean "${guess}"?'
    return error("PGD213", f'column "{column}" does not exist', span, hint)
