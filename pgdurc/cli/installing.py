"""`pgdurc runtime`, `install` and `deploy`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pgdurc import __version__
from pgdurc.cli.options import database_options, json_option, open_database

if TYPE_CHECKING:
    from psycopg.errors import Diagnostic

    from pgdurc.compile import Compiled
    from pgdurc.database import Connection
    from pgdurc.deploy import Change
    from pgdurc.source import Source


@click.command(
    "runtime",
    epilog="""
    \b
    Examples:
      pgdurc runtime | psql -1 -v ON_ERROR_STOP=1
      pgdurc runtime > 0001_pgdurc_runtime.sql
    """,
)
def runtime_command() -> None:
    """Print the SQL that installs the runtime (the schema df)."""
    from pgdurc.cli.report import write_text
    from pgdurc.runtime import runtime_script

    write_text(runtime_script())


@click.command(
    "install",
    epilog="""
    \b
    Examples:
      pgdurc install -v                               where the environment or the settings say
      pgdurc install --db postgresql://admin@db/app
      psql -c "SELECT df.grant_usage('app')"          lets role app deploy and run workflows
    """,
)
@click.option("--force", is_flag=True, help="Execute the script also where nothing seems to be missing.")
@database_options
def install_command(force: bool, db: str | None, verbose: bool) -> None:
    """Install, upgrade or repair the runtime in one transaction; instances in flight go on.

    Where it is there, as it was installed, nothing is done. The role that installs owns the schema df. It
    takes no superuser, and should not be one.
    """
    from pgdurc.blocked import said_when_blocked
    from pgdurc.cli.report import note
    from pgdurc.runtime import Installed, install_runtime

    _, connection = open_database(db, verbose, is_installing=True)
    _pass_on_warnings(connection)
    with connection:
        with said_when_blocked(connection, note, "installation"):
            found = install_runtime(connection, is_forced=force)
        name = connection.info.dbname
    done = "installed again" if force and found is Installed.WHOLE else found.value
    click.echo(f'runtime {__version__} {done} in database "{name}"', err=True)


@click.command(
    "deploy",
    epilog="""
    \b
    Examples:
      pgdurc deploy hello.pgd --dry-run          says which versions would change
      pgdurc deploy hello.pgd
      pgdurc deploy hello.pgd --db postgresql://app@db/app

    \b
    Meta-commands, transaction control and statements that cannot run in a transaction are for psql:
      pgdurc compile hello.pgd | psql -v ON_ERROR_STOP=1
    """,
)
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--dry-run", is_flag=True, help="Say which versions would change, change nothing.")
@json_option
@database_options
def deploy_command(file: Path, dry_run: bool, as_json: bool, db: str | None, verbose: bool) -> None:
    """Compile FILE and execute it in one transaction: all of it or nothing.

    The connecting role owns the workflows that FILE declares; their steps run with its rights.
    """
    from dataclasses import asdict

    from pgdurc.cli.compiling import compile_file
    from pgdurc.cli.report import done_before, write_json
    from pgdurc.statement_kind import Kind
    from pgdurc.timeline import to_json

    source, compiled = compile_file(file)
    _, connection = open_database(db, verbose)
    with connection:
        changes = deploy_compiled(connection, source, compiled, file, is_dry=dry_run)
    if as_json:
        with done_before("It was a dry run." if dry_run else "The deployment is committed."):
            write_json(to_json([asdict(change) for change in changes]))
        return
    for change in changes:
        click.echo(str(change), err=True)
    if not changes:
        # Several come from one of the source where that has a call.
        count = len({statement.span for statement in compiled.statements if statement.kind is not Kind.BLANK})
        statements = "1 statement" if count == 1 else f"{count} statements"
        done = "would be executed" if dry_run else "executed"
        click.echo(f"{source.name}: {statements} {done}", err=True)


def deploy_compiled(
    connection: Connection, source: Source, compiled: Compiled, file: Path, *, is_dry: bool = False
) -> list[Change]:
    """Deploy, or say what deploying would change; a refusal is shown at its place in the source."""
    from pgdurc.blocked import said_when_blocked
    from pgdurc.cli.report import fail_with, note
    from pgdurc.deploy import DeployError, deploy, planned_changes, require_deployable
    from pgdurc.diagnostic import CompileError
    from pgdurc.failure import Exit
    from pgdurc.runtime import require_runtime

    _pass_on_warnings(connection)
    try:
        if is_dry:
            require_deployable(compiled, str(file))
            if compiled.needs_runtime:
                require_runtime(connection)
            return planned_changes(connection, compiled)
        with said_when_blocked(connection, note, "deployment"):
            return deploy(connection, compiled, str(file))
    except CompileError as error:
        fail_with(source, error.diagnostics, Exit.INPUT)
    except DeployError as error:
        fail_with(source, (error.diagnostic,), Exit.DATABASE)


def _pass_on_warnings(connection: Connection) -> None:
    from pgdurc.cli.report import note

    def pass_on(said: Diagnostic) -> None:
        if said.severity_nonlocalized == "WARNING":
            note(
                f"warning: {said.message_primary}"
                + (f"\nhint: {said.message_hint}" if said.message_hint else "")
            )

    connection.add_notice_handler(pass_on)
