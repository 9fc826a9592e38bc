"""Options that several commands have."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pgdurc.database import Database, choose_database, connect
from pgdurc.settings import read_settings

if TYPE_CHECKING:
    from pgdurc.database import Connection

Function = TypeVar("Function", bound=Callable[..., Any])


_verbose_option = click.option(
    "-v", "--verbose", is_flag=True, help="Say which database is used, and who named it."
)


def database_options(function: Function) -> Function:
    """--db and --verbose; the command gets `db` and `verbose`."""
    for decorate in (
        _verbose_option,
        click.option("--db", metavar="DSN", help="Database: a URL, a libpq connection string, or: embedded."),
    ):
        function = decorate(function)
    return function


def databases_options(function: Function) -> Function:
    """--db, which may be repeated, and --verbose; the command gets `dbs` and `verbose`."""
    for decorate in (
        _verbose_option,
        click.option(
            "--db",
            "dbs",
            metavar="DSN",
            multiple=True,
            help="Database and role: a URL, a libpq connection string, or: embedded. May be repeated.",
        ),
    ):
        function = decorate(function)
    return function


def json_option(function: Function) -> Function:
    return click.option("--json", "as_json", is_flag=True, help="Write JSON, for a program to read.")(
        function
    )


def argument_options(function: Function) -> Function:
    """-a name=value ..., --key, --label; the command gets `argument`, `key` and `label`."""
    for decorate in (
        click.option("--label", help="A text to recognise the instance by."),
        click.option(
            "--key", help="Start at most once: a second start with this key returns the first instance."
        ),
        click.option(
            "-a",
            "--argument",
            metavar="NAME=VALUE",
            multiple=True,
            help="An argument of the workflow; may be repeated.",
        ),
    ):
        function = decorate(function)
    return function


def open_database(
    db: str | None, verbose: bool, *, or_embedded: bool = False, is_installing: bool = False
) -> tuple[Database, Connection]:
    """The chosen database and a connection to it, in autocommit.

    An embedded server is given the runtime, unless the command itself is the one that does it.
    """
    database = choose_database(db, or_embedded=or_embedded)
    if verbose:
        click.echo(f"database: {database.describe()}", err=True)
    if database.is_new:
        project = read_settings().project
        click.echo(f"made an embedded PostgreSQL for {project}; more: pgdurc embedded --help", err=True)
    connection = connect(database)
    if database.is_embedded and not is_installing:
        from pgdurc.runtime import install_runtime

        install_runtime(connection)
    return database, connection
