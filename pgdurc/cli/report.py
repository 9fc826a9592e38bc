"""What goes to standard error: diagnostics, failures and notes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

import click

from pgdurc.failure import Exit, Failure

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pgdurc.diagnostic import Diagnostic
    from pgdurc.source import Source

COLORS = {"error": "red", "warning": "yellow", "note": "cyan"}


def report_failure(failure: Failure) -> None:
    """The message, its detail and hint, and the SQLSTATE if there is one."""
    code = f" ({failure.sqlstate})" if failure.sqlstate else ""
    click.echo(f"{click.style('error:', fg='red', bold=True)} {failure.message}{code}", err=True)
    for name, text in (("detail", failure.detail), ("hint", failure.hint)):
        if text:
            click.echo(f"  {click.style(f'{name}:', fg='cyan')} {_indented(text)}", err=True)


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


def note(text: str) -> None:
    click.echo(text, err=True)


def _colored(text: str, diagnostic: Diagnostic) -> str:
    severity = diagnostic.severity.value
    label = f"{severity}[{diagnostic.code}]"
    return text.replace(label, click.style(label, fg=COLORS[severity], bold=True), 1)


def _indented(text: str) -> str:
    return "\n    ".join(text.strip().splitlines())
