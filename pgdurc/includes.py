"""Files that a script has psql include: psql reads them as they are, and nothing in them is compiled."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pgdurc.diagnostic import Diagnostic, Severity, Span
from pgdurc.script import Ours, Passed, split
from pgdurc.statement_kind import Kind

if TYPE_CHECKING:
    from pgdurc.compile import Compiled
    from pgdurc.source import Source

_INCLUDE = re.compile(
    r"\\(?P<command>i|include|ir|include_relative)[ \t]+"
    r"""(?:'(?P<quoted>(?:[^'\\\n]|'')+)'|(?P<plain>[^\s'"`:\\]+))[ \t]*(?:\\\\|\r?\n|\Z)"""
)
_MAY_HOLD_OURS = re.compile(r"\bdf\b|\bworkflow\b", re.IGNORECASE | re.ASCII)
_IS_COMPILED = re.compile(r"\bdf\.(?:start\(v1 =>|require_runtime\()")


def check_includes(source: Source, compiled: Compiled, file: Path | None) -> list[Diagnostic]:
    """The warnings for included files that hold workflows; `file`: the script's, None for standard input.

    A file that cannot be read is psql's to complain of: it may be there when the script runs.
    """
    seen: set[Path] = set() if file is None else {file.resolve()}
    problems = []
    heads = (piece.head for piece in compiled.statements if piece.kind is Kind.META_COMMAND)
    for span, included in _includes(source.text, heads, file):
        found = _first_of_ours(included, seen)
        if found is None:
            continue
        holder, what = found
        name = source.text[span.start : span.end].split()[0]
        through = "" if holder == included else f" (by way of {included})"
        problems.append(
            Diagnostic(
                "PGD012",
                Severity.WARNING,
                f"psql's {name} includes {holder}{through} as it is, and {what} in it is not compiled",
                span,
                f"compile that file, too, and include what comes out: pgdurc compile {holder} -o "
                f"{holder.with_suffix('.compiled.sql')}",
            )
        )
    return problems


def _includes(text: str, commands: Iterable[Span], file: Path | None) -> Iterator[tuple[Span, Path]]:
    """What these meta-commands include, and where: psql is taken to be started here, and with this file."""
    beside = Path() if file is None else file.parent
    for command in commands:
        match = _INCLUDE.match(text, command.start)
        if match is None:
            continue
        is_beside = match["command"] in ("ir", "include_relative")
        written = match["plain"] or match["quoted"].replace("''", "'")
        end = match.end("plain") if match["plain"] else match.end("quoted") + 1
        yield Span(match.start(), end), (beside if is_beside else Path()) / written


def _first_of_ours(file: Path, seen: set[Path]) -> tuple[Path, str] | None:
    """The file that holds something to be compiled, this one or one that it includes, and what that is."""
    try:
        if file.resolve() in seen or not file.is_file():
            return None
        text = file.read_bytes().decode("utf-8", "replace")
    except OSError:
        return None
    seen.add(file.resolve())
    if _IS_COMPILED.search(text):
        return None
    if not _MAY_HOLD_OURS.search(text) and "\\i" not in text:
        return None
    pieces = split(text).pieces
    for piece in pieces:
        if isinstance(piece, Ours):
            return file, "DROP WORKFLOW" if piece.is_drop else "CREATE WORKFLOW"
        if piece.calls:
            return file, f"the call of df.{piece.calls[0].function}"
    heads = (piece.head for piece in pieces if isinstance(piece, Passed) and piece.kind is Kind.META_COMMAND)
    for _span, included in _includes(text, heads, file):
        found = _first_of_ours(included, seen)
        if found is not None:
            return found
    return None
