"""What goes to standard error: diagnostics, failures and notes."""

from __future__ import annotations

import codecs
import json
import re
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

import click

from pgdurc.failure import Exit, Failure
from pgdurc.visible import visible_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pgdurc.diagnostic import Diagnostic
    from pgdurc.source import Source

# Controls that stand as they are in JSON; a terminal may obey them.
_UNSEEN = re.compile("[\x7f-\x9f]")
_NOT_ASCII = re.compile("[^\x00-\x7e]")

COLORS = {"error": "red", "warning": "yellow", "note": "cyan"}


def report_failure(failure: Failure) -> None:
    """The message, its detail and hint, and the SQLSTATE if there is one."""
    code = f" ({failure.sqlstate})" if failure.sqlstate else ""
    click.echo(
        f"{click.style('error:', fg='red', bold=True)} {visible_lines(failure.message)}{code}", err=True
    )
    for name, text in (("detail", failure.detail), ("hint", failure.hint)):
        if text:
            click.echo(f"  {click.style(f'{name}:', fg='cyan')} {_indented(visible_lines(text))}", err=True)


def report_diagnostics(findings: Iterable[tuple[Source, Diagnostic]], style: str = "text") -> None:
    """`style` is text, json (one list) or github."""
    from pgdurc import render

    found = list(findings)
    if style == "json":
        click.echo(render.as_json(found), err=True)
        return
    for source, diagnostic in found:
        if style == "github":
            click.echo(render.as_github(source, diagnostic), err=True, nl=False)
        else:
            click.echo(_colored(render.as_text(source, diagnostic), diagnostic), err=True, nl=False)


def fail_with(source: Source, diagnostics: tuple[Diagnostic, ...], code: Exit) -> NoReturn:
    """Report and end the command."""
    report_diagnostics((source, diagnostic) for diagnostic in diagnostics)
    click.get_current_context().exit(code)


def write_text(text: str) -> None:
    """To standard output, in UTF-8 and with the line ends that it has: what is written for psql."""
    click.echo(text.encode(), nl=False)


def write_json(text: str) -> None:
    """JSON to standard output: in UTF-8, or in ASCII where the encoding is another."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    escaped = _UNSEEN if codecs.lookup(encoding).name == "utf-8" else _NOT_ASCII
    text = escaped.sub(lambda found: json.dumps(found.group())[1:-1], text)
    click.echo(text)


@contextmanager
def done_before(done: str, hint: str | None = None) -> Iterator[None]:
    """Around writing what was done: where that fails, it is done all the same, and the failure says so."""
    try:
        yield
    except Failure as failure:
        failure.detail, failure.hint = done, hint
        raise


def printable(text: str) -> str:
    """A name with its bytes that are no text shown as \\xff, as standard error shows them."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def note(text: str) -> None:
    click.echo(visible_lines(text), err=True)


def _colored(text: str, diagnostic: Diagnostic) -> str:
    severity = diagnostic.severity.value
    label = f"{severity}[{diagnostic.code}]"
    return text.replace(label, click.style(label, fg=COLORS[severity], bold=True), 1)


def _indented(text: str) -> str:
    return "\n    ".join(text.strip().splitlines())
