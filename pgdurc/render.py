"""Diagnostics for people and programs: text with the source line, JSON, GitHub annotations."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pgdurc.diagnostic import Diagnostic, Severity, Span

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pgdurc.source import Source

_WIDTH = 100
_TAB = 4
_IGNORE = re.compile(r"--\s*pgdurc:\s*ignore\s+(PGD\d+(?:[\s,]+PGD\d+)*)", re.IGNORECASE)


def in_order(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """By place in the source; those of one place as they came."""
    return tuple(sorted(diagnostics, key=lambda d: (d.span.start, d.span.end)))


def without_ignored(source: Source, diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Leave out warnings and notes with `-- pgdurc: ignore CODE` on their line or the one above."""
    ignored: dict[int, set[str]] = {}
    for comment in _IGNORE.finditer(source.text):
        line, _ = source.position(comment.start())
        codes = {code.upper() for code in re.findall(r"PGD\d+", comment[1], re.IGNORECASE)}
        for covered in (line, line + 1):
            ignored.setdefault(covered, set()).update(codes)
    return tuple(
        d
        for d in diagnostics
        if d.severity is Severity.ERROR or d.code not in ignored.get(source.position(d.span.start)[0], ())
    )


def strict(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Warnings as errors."""
    return tuple(
        replace(d, severity=Severity.ERROR) if d.severity is Severity.WARNING else d for d in diagnostics
    )


def as_text(source: Source, diagnostic: Diagnostic) -> str:
    """The place and message, the source line, carets, hint and related places; ends with a line end."""
    line, column = source.position(diagnostic.span.start)
    label = f"{diagnostic.severity.value}[{diagnostic.code}]"
    lines = [
        f"{source.name}:{line}:{column}: {label}: {diagnostic.message}",
        *_excerpt(source, diagnostic.span),
    ]
    if diagnostic.hint is not None:
        lines.append(f"  hint: {diagnostic.hint}")
    for related in diagnostic.related:
        line, column = source.position(related.span.start)
        lines.append(f"{source.name}:{line}:{column}: note: {related.message}")
        lines += _excerpt(source, related.span)
    return "\n".join(_printable(text) for text in lines) + "\n"


def as_json(findings: Iterable[tuple[Source, Diagnostic]]) -> str:
    """A list of objects. Lines and columns count from 1, columns in characters; `end` is exclusive."""
    return json.dumps(
        [_object(source, diagnostic) for source, diagnostic in findings], indent=2, ensure_ascii=False
    )


def as_github(source: Source, diagnostic: Diagnostic) -> str:
    """One line: a workflow command that annotates a pull request."""
    command = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}
    line, column = source.position(diagnostic.span.start)
    end_line, end_column = source.position(diagnostic.span.end)
    properties = {"file": source.name, "line": line, "endLine": end_line}
    if line == end_line:  # GitHub takes columns of one line only
        properties |= {"col": column, "endColumn": end_column}
    properties["title"] = diagnostic.code
    escaped = ",".join(f"{name}={_escape_property(str(value))}" for name, value in properties.items())
    message = (
        diagnostic.message if diagnostic.hint is None else f"{diagnostic.message}\nhint: {diagnostic.hint}"
    )
    return f"::{command[diagnostic.severity]} {escaped}::{_escape(message)}\n"


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape(text).replace(":", "%3A").replace(",", "%2C")


def _object(source: Source, diagnostic: Diagnostic) -> dict[str, Any]:
    return {
        "file": source.name,
        "code": diagnostic.code,
        "severity": diagnostic.severity.value,
        "message": diagnostic.message,
        **_place(source, diagnostic.span),
        "hint": diagnostic.hint,
        "related": [{"message": r.message, **_place(source, r.span)} for r in diagnostic.related],
    }


def _place(source: Source, span: Span) -> dict[str, Any]:
    line, column = source.position(span.start)
    end_line, end_column = source.position(span.end)
    return {"line": line, "column": column, "end": {"line": end_line, "column": end_column}}


def _excerpt(source: Source, span: Span) -> list[str]:
    """The line of the span's beginning and the carets under what of the span is on it."""
    if not source.text:
        return []
    line, column = source.position(span.start)
    text = source.line_text(line)
    begin = min(column - 1, len(text))
    end = max(min(begin + span.end - span.start, len(text)), begin + 1)
    # Only what can be shown is measured: a line may be megabytes long.
    near, far = max(0, begin - _WIDTH), min(len(text), begin + _WIDTH)
    cells = [_cell(character) for character in text[near:far]]
    widths = [_display_width(cell) for cell in cells]
    left, right = begin - near, min(end, far) - near
    first, last = _window(widths, left)
    before = "... " if near + first > 0 else ""
    after = " ..." if near + last < len(text) else ""
    indent = " " * (len(before) + sum(widths[first:left]))
    carets = "^" * max(sum(widths[left : min(right, last)]), 1)
    margin = " " * len(str(line))
    return [f"  {line} | {before}{''.join(cells[first:last])}{after}", f"  {margin} | {indent}{carets}"]


def _window(widths: list[int], at: int) -> tuple[int, int]:
    """The cells to show: the whole line where it fits, else a part of it with some room in front of `at`."""
    if sum(widths) <= _WIDTH:
        return 0, len(widths)
    first = at
    room = _WIDTH // 3
    while first > 0 and room > widths[first - 1]:
        first -= 1
        room -= widths[first]
    last = first
    room = _WIDTH
    while last < len(widths) and room >= widths[last]:
        room -= widths[last]
        last += 1
    return first, last


def _cell(character: str) -> str:
    """What is shown for a character: a terminal must neither jump nor obey."""
    if character == "\t":
        return " " * _TAB
    return character if character.isprintable() or unicodedata.category(character) == "Cf" else "\ufffd"


def _display_width(cell: str) -> int:
    if len(cell) != 1 or cell.isascii():
        return len(cell)
    if unicodedata.combining(cell) or unicodedata.category(cell) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(cell) in "WF" else 1


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in text)
