"""`pgdurc embedded`: the embedded servers of this user."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from pgdurc.cli.options import json_option
from pgdurc.embedded import (
    DATABASE,
    ROLE,
    embedded_directory,
    embedded_projects,
    has_embedded,
    remove_embedded,
    stop_embedded,
)
from pgdurc.failure import Exit, Failure
from pgdurc.settings import read_settings

Function = TypeVar("Function", bound=Callable[..., Any])


def project_argument(function: Function) -> Function:
    """PROJECT, a directory; the command gets `project`, None where it is not given."""
    return click.argument("project", metavar="[PROJECT]", required=False, type=click.Path(path_type=Path))(
        function
    )


@click.group(
    "embedded",
    epilog="""
    \b
    Examples:
      pgdurc embedded status                 is it there, does it run, where is its data
      psql "$(pgdurc embedded url)"          look into it
      pgdurc embedded stop                   the next command that needs it starts it again
      pgdurc embedded remove                 with all data; a next one begins anew
    """,
)
def embedded_command() -> None:
    """Look at, start, stop or remove the project's embedded PostgreSQL server.

    It is made when a command first needs it (pgdurc run FILE, or any command with --db embedded), and goes on
    running when that command ends. A project is the nearest directory upwards with a pgdurc.toml, a
    pyproject.toml or a .git.
    """


@embedded_command.command(
    "status",
    short_help="Is it there, does it run, where is its data?",
    epilog="""
    \b
    Examples:
      pgdurc embedded status
      pgdurc embedded status --json | jq -r .directory
    """,
)
@project_argument
@json_option
def status_command(project: Path | None, as_json: bool) -> None:
    """Say whether there is a server for PROJECT, whether it runs, and where its data is."""
    described = _described(_project(project))
    if as_json:
        click.echo(json.dumps(described))
        return
    click.echo(f"{described['project']}: {described['status']}")
    if described["status"] != "none":
        click.echo(f"  data    {described['directory']}\n  connect {described['url']}")


@embedded_command.command(
    "ls",
    short_help="List the servers of all projects.",
    epilog="""
    \b
    Examples:
      pgdurc embedded ls
    """,
)
@json_option
def ls_command(as_json: bool) -> None:
    """List the embedded servers of all projects of this user, also of those that are deleted."""
    described = [_described(project) for project in embedded_projects()]
    if as_json:
        click.echo(json.dumps(described))
        return
    from pgdurc.cli.table import Column, write_table

    if not described:
        click.echo("no embedded servers", err=True)
        return
    rows = [(one["status"], one["project"], one["directory"]) for one in described]
    write_table((Column("STATUS", is_status=True), Column("PROJECT"), Column("DATA")), rows)


@embedded_command.command(
    "start",
    short_help="Start it; make it if there is none.",
    epilog="""
    \b
    Examples:
      pgdurc embedded start
    """,
)
@project_argument
def start_command(project: Path | None) -> None:
    """Start the server of PROJECT; make it if there is none, with the runtime in it."""
    from pgdurc.database import connect, embedded_database
    from pgdurc.runtime import install_runtime

    directory = _project(project)
    with connect(embedded_database(directory)) as connection:
        install_runtime(connection)
    click.echo(f"the embedded server of {directory} runs", err=True)


@embedded_command.command(
    "stop",
    short_help="Stop it; its data stays.",
    epilog="""
    \b
    Examples:
      pgdurc embedded stop
      pgdurc embedded stop ~/projects/old
    """,
)
@project_argument
def stop_command(project: Path | None) -> None:
    """Stop the server of PROJECT. Its data stays; the next command that needs it starts it again."""
    directory = _existing(project)
    done = "is stopped" if stop_embedded(directory) else "did not run"
    click.echo(f"the embedded server of {directory} {done}", err=True)


@embedded_command.command(
    "remove",
    short_help="Stop it and delete its data.",
    epilog="""
    \b
    Examples:
      pgdurc embedded remove
      pgdurc embedded remove --yes ~/projects/old        without a question
    """,
)
@project_argument
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def remove_command(project: Path | None, yes: bool) -> None:
    """Stop the server of PROJECT and delete its data: workflows, instances, tables."""
    directory = _existing(project)
    if not yes:
        _confirm(f"delete all data of the embedded server of {directory}?")
    remove_embedded(directory)
    click.echo(f"the embedded server of {directory} is removed", err=True)


@embedded_command.command(
    "url",
    short_help="Print its connection URL.",
    epilog="""
    \b
    Examples:
      psql "$(pgdurc embedded url)"
      DATABASE_URL=$(pgdurc embedded url) pytest
    """,
)
@project_argument
def url_command(project: Path | None) -> None:
    """Print the connection URL of the server of PROJECT, which is started if it is down."""
    from pgdurc.embedded import ensure_embedded

    directory = _existing(project)
    ensure_embedded(directory)
    click.echo(_url(directory))


def _project(given: Path | None) -> Path:
    """The project's directory; one that is named may be gone."""
    return read_settings().project if given is None else given.resolve()


def _existing(given: Path | None) -> Path:
    project = _project(given)
    if not has_embedded(project):
        raise Failure(
            f"{project} has no embedded server",
            hint="pgdurc embedded ls lists those that there are; pgdurc embedded start makes one",
            exit_code=Exit.USAGE,
        )
    return project


def _described(project: Path) -> dict[str, str]:
    """`status` is none, stopped or running."""
    from pgdurc.cluster import Cluster

    directory = embedded_directory(project)
    status = "none"
    if has_embedded(project):
        status = "stopped" if Cluster(Path(), directory).postmaster() is None else "running"
    return {
        "project": str(project),
        "status": status,
        "directory": str(directory),
        "url": _url(project),
    }


def _url(project: Path) -> str:
    from urllib.parse import quote

    socket = embedded_directory(project) / "socket"
    return f"postgresql://{ROLE}@/{DATABASE}?host={quote(str(socket), safe='/')}"


def _confirm(question: str) -> None:
    import sys

    if sys.stdin is None or not sys.stdin.isatty():
        raise Failure("there is nobody to ask", hint="say --yes to delete it", exit_code=Exit.USAGE)
    if not click.confirm(question, err=True):
        raise Failure("nothing was removed", exit_code=Exit.USAGE)
