"""Which database a command talks to, and how it gets there.

In this order: `--db`, the libpq environment variables, the setting `db`, the project's embedded server if it
has one. The word `embedded` in place of a connection string means that server, made if need be.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pgdurc.failure import Exit, Failure
from pgdurc.settings import Settings, read_settings

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[tuple[Any, ...]]

# Any of these names a server or a database; a password or a timeout alone names nothing.
NAMING_VARIABLES = ("PGSERVICE", "PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGUSER")

CONNECT_TIMEOUT_S = 10

EMBEDDED = "embedded"

GRANT_USAGE_HINT = "let the runtime's owner execute: SELECT df.grant_usage('<role>')"

# What libpq or the server says, in English, and what to look at.
UNCONNECTED = {
    r'role ".*" does not exist': "look at the name of the role, or: CREATE ROLE ... LOGIN",
    r'role ".*" is not permitted to log in': "connect as a role that has LOGIN",
    r'database ".*" does not exist': "look at the name of the database, or make it: createdb",
    r'permission denied for database ".*"': "GRANT CONNECT ON DATABASE ... TO the role",
    r"no password supplied": "give a password: PGPASSWORD, or a line in ~/.pgpass",
    r"authentication failed": "look at the role and its password, and at the line for them in pg_hba.conf",
    r"no pg_hba\.conf entry": "pg_hba.conf lets nobody like that in from here; sslmode=require may help",
    r"too many (connections|clients)|connection slots": "there are as many sessions as may be: fewer drivers",
    r"is (starting up|shutting down|in recovery mode|not (yet )?accepting)": "try again in a moment",
    r"Connection refused": "no server listens there: look at host and port, and whether it runs",
    r"No such file or directory": "look whether the server runs, or name a host: postgresql://user@host/name",
    r"could not translate host name|failed to resolve host": "look at the host's spelling, and the DNS",
    r"timeout expired|timed out|unreachable|No route": "nothing answers: a firewall, or the wrong address",
    r"SSL": "look at sslmode and the certificates",
}


@dataclass(frozen=True, slots=True)
class Database:
    """`origin` says who named it; `option` repeats the choice in a command line that is shown to the user.

    `project` is whose embedded server it is, None where it is none; `is_new`: that was made just now.
    """

    conninfo: str
    origin: str
    option: str = ""
    project: Path | None = None
    is_new: bool = False

    @property
    def is_embedded(self) -> bool:
        return self.project is not None

    def describe(self) -> str:
        """Where it is, without a password."""
        from psycopg.conninfo import conninfo_to_dict

        known = conninfo_to_dict(self.conninfo)
        known.pop("password", None)
        where = " ".join(f"{name}={value}" for name, value in known.items() if name != "connect_timeout")
        return f"{where} ({self.origin})" if where else self.origin


def choose_database(option: str | None, *, or_embedded: bool = False) -> Database:
    """The database that a command shall use; an embedded server that is down is started.

    `or_embedded`: where nothing names a database, make the project's embedded server instead of failing.
    """
    if option == EMBEDDED:
        return embedded_database(read_settings().project, option=f" --db {EMBEDDED}")
    if option is not None:
        return _checked(Database(option, "--db", f" --db {_shell_quoted(option)}"))
    variables = [name for name in NAMING_VARIABLES if os.environ.get(name)]
    if variables:
        return Database("", f"the environment: {', '.join(variables)}")
    settings = read_settings()
    if settings.db == EMBEDDED:
        return embedded_database(settings.project)
    if settings.db is not None:
        return _checked(Database(settings.db, f"db in {settings.file}"))
    return _embedded_database(settings, or_embedded)


def _embedded_database(settings: Settings, or_embedded: bool) -> Database:
    from pgdurc.embedded import has_embedded

    if not or_embedded and not has_embedded(settings.project):
        raise Failure(
            "no database is named, and this project has no embedded server",
            detail=f"The project is {settings.project}.",
            hint="give --db, set PGHOST or PGDATABASE, or write db = '...' to pgdurc.toml;"
            " --db embedded makes an embedded server",
            exit_code=Exit.USAGE,
        )
    return embedded_database(settings.project)


def embedded_database(project: Path, option: str = "") -> Database:
    """The project's embedded server, made and started if need be."""
    from pgdurc.embedded import DATABASE, ROLE, ensure_embedded, has_embedded

    is_new = not has_embedded(project)
    cluster = ensure_embedded(project)
    return Database(
        cluster.conninfo(ROLE, DATABASE),
        f"the embedded server of {project}",
        option,
        project,
        is_new,
    )


class Unconnected(Failure):
    """There is no connection to the database."""


def connect(database: Database, *, autocommit: bool = True) -> Connection:
    """A connection with the settings that every command wants; raises Unconnected where there is none."""
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    given = conninfo_to_dict(database.conninfo)
    defaults: dict[str, Any] = {}
    if "connect_timeout" not in given and "PGCONNECT_TIMEOUT" not in os.environ:
        defaults["connect_timeout"] = CONNECT_TIMEOUT_S
    if "application_name" not in given and "PGAPPNAME" not in os.environ:
        defaults["application_name"] = "pgdurc"
    # What we send is UTF-8, whatever the role, PGCLIENTENCODING or a database without an encoding want.
    settings = defaults | {"client_encoding": "utf8"}
    try:
        # Prepared statements would break behind a pooler, and a driver's hygiene deallocates them.
        return psycopg.connect(database.conninfo, autocommit=autocommit, prepare_threshold=None, **settings)
    except psycopg.OperationalError as error:
        said = _one_paragraph(str(error))
        raise Unconnected(
            "cannot connect to the database",
            detail=said,
            hint=unconnected_hint(said, database),
            sqlstate=error.sqlstate,
        ) from None


def unconnected_hint(said: str, database: Database) -> str:
    """What to look at when libpq or the server says that, where that is known, and who named the database."""
    named = f"it was named by {database.origin}"
    hint = next((hint for pattern, hint in UNCONNECTED.items() if re.search(pattern, said)), None)
    return named if hint is None else f"{hint}; {named}"


def _checked(database: Database) -> Database:
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    if not database.conninfo.strip():
        # A variable that was not set: libpq would take whatever is at hand.
        raise Failure(
            "the connection string is empty",
            detail=f"It was named by {database.origin}.",
            exit_code=Exit.USAGE,
        )
    try:
        conninfo_to_dict(database.conninfo)
    except psycopg.ProgrammingError as error:
        raise Failure(
            f"not a connection string: {str(error).strip()}",
            detail=f"It was named by {database.origin}.",
            hint="for example: postgresql://user@host:5432/name, or: host=... dbname=... user=...",
            exit_code=Exit.USAGE,
        ) from None
    return database


def _one_paragraph(text: str) -> str:
    return " ".join(line.strip() for line in text.splitlines() if line.strip())


def _shell_quoted(text: str) -> str:
    import shlex

    return shlex.quote(_without_password(text))


def _without_password(conninfo: str) -> str:
    """The option as it may be shown: a password that stood in it does not."""
    import psycopg
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    try:
        known = conninfo_to_dict(conninfo)
    except psycopg.ProgrammingError:
        return "..."
    if "password" not in known:
        return conninfo
    known.pop("password")
    return make_conninfo("", **{name: value for name, value in known.items() if value is not None})


def failure_of(error: psycopg.Error) -> Failure:
    """What the database said, as a failure of the command."""
    said = error.diag
    message = said.message_primary or _one_paragraph(str(error)) or type(error).__name__
    hint = said.message_hint
    if error.sqlstate == "42501" and "for schema df" in message and hint is None:
        hint = GRANT_USAGE_HINT
    if error.sqlstate == "PD002" and hint is None:
        hint = "pgdurc ls lists the instances"
    return Failure(message, detail=said.message_detail, hint=hint, sqlstate=error.sqlstate)
