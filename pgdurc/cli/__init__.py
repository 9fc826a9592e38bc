"""The command line. A command's module is imported when the command is asked for, not before."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import click

from pgdurc import __version__
from pgdurc.cli.streams import ReaderGone
from pgdurc.failure import Exit, Failure

# name: (module, what the list of commands says of it). Each module has a function of the command's name.
COMMANDS = {
    "compile": ("compiling", "Compile workflow scripts to SQL."),
    "check": ("compiling", "Report every problem of workflow scripts, write nothing."),
    "explain": ("compiling", "Tell the story of an error code."),
    "runtime": ("installing", "Print the runtime's SQL."),
    "install": ("installing", "Install or upgrade the runtime in a database."),
    "deploy": ("installing", "Compile a script and execute it in one transaction."),
    "run": ("running", "Compile, deploy, start and follow a workflow."),
    "start": ("running", "Start a deployed workflow."),
    "ls": ("inspecting", "List instances."),
    "show": ("inspecting", "Show what an instance has done, step by step."),
    "cancel": ("inspecting", "Cancel an instance."),
    "worker": ("working", "Drive the workflows of the connecting role."),
    "doctor": ("diagnosing", "Say what is wrong when nothing moves."),
    "completion": ("completing", "Print a script that completes commands in your shell."),
    "embedded": ("hosting", "Look at, start, stop or remove the project's embedded server."),
}


class Commands(click.Group):
    """A group that imports its commands lazily and turns every foreseen failure into a message."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"pgdurc.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from pgdurc.nearest import nearest

            guess = nearest(args[0], COMMANDS)
            hint = f'; did you mean "{guess}"?' if guess else f"; the commands are: {', '.join(COMMANDS)}"
            ctx.fail(f'unknown command "{args[0]}"{hint}')
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in COMMANDS.items()])

    def main(self, *arguments: Any, **options: Any) -> Any:
        """What --help and the like cannot write is a message and an exit code, too."""
        try:
            return super().main(*arguments, **options)
        except ReaderGone:
            sys.exit(Exit.FINE)
        except Failure as failure:
            from pgdurc.cli.report import report_failure

            report_failure(failure)
            sys.exit(failure.exit_code)

    def invoke(self, ctx: click.Context) -> Any:
        if os.environ.get("NO_COLOR"):
            ctx.color = False
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            ctx.exit(Exit.DETACHED)
        except Exception as error:
            failure = _foreseen(error)
            if failure is None:
                raise
            from pgdurc.cli.report import report_failure

            report_failure(failure)
            ctx.exit(failure.exit_code)


def _foreseen(error: Exception) -> Failure | None:
    """The error as a message for the user, None where it is a bug of ours or no error."""
    if isinstance(error, Failure):
        return error
    if isinstance(error, UnicodeEncodeError):
        from pgdurc.cli.report import printable

        # A lone surrogate is what Python makes of a byte that is not UTF-8.
        return Failure(
            "what was given on the command line is not UTF-8",
            detail=f"It holds {printable(error.object)}",
            exit_code=Exit.USAGE,
        )
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename is not None else ""
        return Failure(f"{where}{error.strerror or error}", exit_code=Exit.USAGE)
    # Only a command that has talked to a database has imported psycopg.
    psycopg = sys.modules.get("psycopg")
    if psycopg is not None and isinstance(error, psycopg.Error):
        from pgdurc.database import failure_of

        return failure_of(error)
    return None


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""
    \b
    Examples:
      echo "CREATE WORKFLOW hello(who text DEFAULT 'you') AS 'SELECT upper(\\$who) AS hello';" > hello.pgd
      pgdurc run hello.pgd -a who=me         on an embedded PostgreSQL: nothing to install or to set up
      pgdurc compile hello.pgd               the SQL, to read or to put where migrations go
      pgdurc deploy hello.pgd --db postgresql://app@db/app
      pgdurc worker --drivers 4 --db postgresql://app@db/app

    \b
    Exit codes: 0 fine, 1 the input has errors (or doctor found a problem), 2 wrong usage,
    3 the database said no, 4 the followed workflow failed, 130 detached.
    """,
)
@click.version_option(__version__, "-V", "--version", message="%(prog)s %(version)s")
def pgdurc() -> None:
    """Durable workflows, written in SQL, compiled to plain PL/pgSQL.

    The output runs on any PostgreSQL 14 or later. The database is the one that --db names, else the libpq
    environment variables (PGHOST, PGDATABASE, ...), else "db" in pgdurc.toml or [tool.pgdurc] of
    pyproject.toml, else the project's embedded server.
    """
