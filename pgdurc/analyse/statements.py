"""Read every SQL text of a workflow: leaves, break values, the arguments of sleeps."""

from __future__ import annotations

from dataclasses import replace

from pgdurc import tree
from pgdurc.analyse.draft import Draft
from pgdurc.analyse.placeholders import Place
from pgdurc.analyse.reading import ReadStatement, ReadText, read_expression, read_statement
from pgdurc.analyse.walk import duration_of, nodes
from pgdurc.diagnostic import Diagnostic, Span
from pgdurc.graph import Form
from pgdurc.references import Reference, find_in_text, without_column


def read_statements(draft: Draft) -> Draft:
    """Add `reads` of the leaves and `read_texts` of the other texts; report syntax errors, one a text."""
    reads: dict[Span, ReadStatement] = {}
    texts: dict[Span, ReadText] = {}
    problems: list[Diagnostic] = []
    for node in nodes(draft.declaration.body):
        match node:
            case tree.Sql(text=text, span=span):
                read = read_statement(text, span)
                if isinstance(read, Diagnostic):
                    problems.append(read)
                else:
                    reads[span] = read
                    problems += _remarks(read.text)
            case tree.Break(value=value, span=span) if value is not None:
                texts[span] = _read_break_value(value)
            case tree.Signal(name=name, span=span):
                texts[span] = _read_text(name, Form.RAW)
        if (duration := duration_of(node)) is not None:
            argument, span = duration.argument, duration.span
            expression = (
                _read_text(argument, Form.TEXT)
                if duration.is_interval_text
                else read_expression(argument, span)
            )
            if isinstance(expression, Diagnostic):
                problems.append(expression)
            else:
                texts[span] = expression
                problems += _remarks(expression)
    return replace(draft, reads=reads, read_texts=texts).reporting(problems)


def _remarks(read: ReadText) -> list[Diagnostic]:
    return [] if read.unchecked is None else [read.unchecked]


def _read_text(text: tree.SourceText, form: Form) -> ReadText:
    places = (Place(found, form) for found in find_in_text(text.value, 0, len(text.value), in_literal=True))
    return ReadText(text, 0, len(text.value), tuple(places), False, None)


def _read_break_value(text: tree.SourceText) -> ReadText:
    """Text in which a reference stands as it is, but escaped inside a string of a JSON text."""
    value = text.value
    is_json = value.lstrip()[:1] in ("{", "[", '"')
    places = []
    at, is_inside = 0, False
    for found in find_in_text(value, 0, len(value), in_literal=True):
        if is_json:
            while at < found.start:
                if value[at] == "\\" and is_inside:
                    at += 1
                elif value[at] == '"':
                    is_inside = not is_inside
                at += 1
        if isinstance(found, Reference) and is_inside and found.column_text and found.column_text[0] == '"':
            # the quote ends the JSON string: it is no quoted column
            found = without_column(found)
        places.append(Place(found, Form.JSON if is_inside else Form.RAW))
        at = max(at, found.end)
    return ReadText(text, 0, len(value), tuple(places), False, None)
