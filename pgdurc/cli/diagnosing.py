"""`pgdurc doctor`."""

from __future__ import annotations

import shutil
import sys
import textwrap
from dataclasses import asdict

import click

from pgdurc.cli.options import database_options, json_option
from pgdurc.failure import Exit

COLORS = {"ok": "green", "warning": "yellow", "problem": "red"}


@click.command(
    "doctor",
    epilog="""
    \b
    Examples:
      pgdurc doctor
      pgdurc doctor --json | jq '.[] | select(.status != "ok")'
      pgdurc doctor --db postgresql://admin@db/app          as the runtime's owner: of all owners

    A script that says "operator does not exist: unknown ~> unknown" was not compiled: pgdurc compile SCRIPT.
    pgdurc explain tells of that message, and of codes.

    In the database it is: SELECT * FROM df.doctor();

    Exit codes: 0 where there are at most warnings, 1 where there is a problem, 3 without a connection.
    """,
)
@json_option
@database_options
def doctor_command(as_json: bool, db: str | None, verbose: bool) -> None:
    """Say what is wrong when nothing moves, and what to do.

    Looks at the connection, the server, the runtime and the role; then, with the rights of that role, at
    overdue tasks and their drivers, at pg_cron, at transactions that were left open, and more.
    """
    from pgdurc.cli.report import write_json
    from pgdurc.database import choose_database
    from pgdurc.doctor import examine
    from pgdurc.timeline import to_json

    database = choose_database(db)
    if verbose:
        click.echo(f"database: {database.describe()}", err=True)
    report = examine(database)
    if as_json:
        write_json(to_json([asdict(finding) for finding in report.findings]))
    else:
        for finding in report.findings:
            write_finding(finding.check, finding.status, finding.finding, finding.hint)
        problems, warnings = (_counted(report.count(noun), noun) for noun in ("problem", "warning"))
        click.echo(f"\n{problems}, {warnings}")
    if not report.is_connected:
        click.get_current_context().exit(Exit.DATABASE)
    if report.count("problem"):
        click.get_current_context().exit(Exit.INPUT)


def write_finding(check: str, status: str, finding: str, hint: str | None) -> None:
    """A line for each; on a terminal wrapped behind the two columns."""
    from pgdurc.visible import visible

    lead = f"{status:<7}  {check:<10}  "
    lines = [f"{lead}{visible(finding)}"]
    if hint is not None:
        lines.append(f"{' ' * len(lead)}hint: {visible(hint)}")
    if sys.stdout.isatty():
        width = max(shutil.get_terminal_size().columns, 60)
        lines = [textwrap.fill(line, width, subsequent_indent=" " * len(lead)) for line in lines]
    text = "\n".join(lines)
    click.echo(click.style(status, fg=COLORS[status]) + text[len(status) :])


def _counted(count: int, noun: str) -> str:
    return f"{count or 'no'} {noun}{'' if count == 1 else 's'}"
