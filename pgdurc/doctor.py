"""What is wrong when nothing moves: what can be told of a database from here, and what df.doctor() says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pgdurc import __version__
from pgdurc.database import connect, failure_of
from pgdurc.failure import Failure
from pgdurc.runtime import Installed, install_runtime, installed, require_runtime

if TYPE_CHECKING:
    from pgdurc.database import Connection, Database

OK, WARNING, PROBLEM = "ok", "warning", "problem"

OLDEST_SERVER = 14

# An installation that is under way, or was left open, has the tables for itself.
LOCK_TIMEOUT_S = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """`status` is ok, warning or problem; `hint` says what to do."""

    check: str
    status: str
    finding: str
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """Without a connection there is one finding, which tells why."""

    findings: tuple[Finding, ...]
    is_connected: bool

    def count(self, status: str) -> int:
        return sum(finding.status == status for finding in self.findings)


def examine(database: Database) -> Report:
    """All findings, in the order in which one would look; what would rest on a problem is left out."""
    try:
        connection = connect(database)
    except Failure as failure:
        return Report((_failed("connection", failure),), is_connected=False)
    with connection:
        if database.is_embedded:
            # As with any command.
            install_runtime(connection)
        findings = [*_connection(connection, database), server(connection.info.server_version)]
        if findings[-1].status == OK:
            findings += _runtime(connection)
        if all(finding.status != PROBLEM for finding in findings):
            findings += [*_role(connection), *_inside(connection)]
    return Report(tuple(findings), is_connected=True)


def _connection(connection: Connection, database: Database) -> list[Finding]:
    name, role, backend = _one(
        connection, "SELECT current_database()::text, current_user::text, pg_catalog.pg_backend_pid()"
    )
    found = [Finding("connection", OK, f'database "{name}" as role "{role}", named by {database.origin}')]
    # A pooler makes up a number for each of its clients.
    if backend != connection.info.backend_pid:
        found.append(
            Finding(
                "connection",
                WARNING,
                "the connection goes through a pooler",
                "that is fine for starts and questions; drivers need direct connections",
            )
        )
    return found


def server(version: int) -> Finding:
    """By its number: 180004 is 18.4, 90624 is 9.6.24."""
    shown = f"{version // 10000}.{version % 10000}" if version >= 100000 else f"{version // 10000}"
    if version // 10000 < OLDEST_SERVER:
        return Finding(
            "server",
            PROBLEM,
            f"PostgreSQL {shown} is too old",
            f"pgdurc needs PostgreSQL {OLDEST_SERVER} or later",
        )
    return Finding("server", OK, f"PostgreSQL {shown}")


def _runtime(connection: Connection) -> list[Finding]:
    import psycopg

    try:
        require_runtime(connection)
    except Failure as failure:
        return [_failed("runtime", failure)]
    except psycopg.Error as error:
        return [_failed("runtime", failure_of(error))]
    version, owner, has_doctor = _one(
        connection,
        """
        SELECT df.version(), pg_catalog.pg_get_userbyid(n.nspowner)::text,
               pg_catalog.to_regprocedure('df.doctor(pg_catalog.interval)') IS NOT NULL
        FROM pg_catalog.pg_namespace AS n WHERE n.nspname = 'df'
        """,
    )
    install = f'as role "{owner}": pgdurc install, or: pgdurc runtime | psql -1 -v ON_ERROR_STOP=1'
    if not has_doctor:
        return [Finding("runtime", PROBLEM, f"the runtime {version} is older than df.doctor", install)]
    if version == __version__:
        match installed(connection):
            case Installed.WHOLE:
                return [Finding("runtime", OK, f"version {version}")]
            case Installed.CHANGED:
                found = f"something in the schema df is not as version {version} made it"
            case _:
                found = f"another build of {version} than this pgdurc's"
        return [Finding("runtime", WARNING, found, install)]
    if _numbers(version) > _numbers(__version__):
        return [
            Finding(
                "runtime",
                WARNING,
                f"version {version} is newer than this pgdurc, {__version__}",
                "upgrade pgdurc: pip install --upgrade pgdurc",
            )
        ]
    return [
        Finding("runtime", WARNING, f"version {version} is older than this pgdurc, {__version__}", install)
    ]


def _role(connection: Connection) -> list[Finding]:
    role, is_superuser = _one(
        connection,
        "SELECT r.rolname::text, r.rolsuper FROM pg_catalog.pg_roles AS r WHERE r.rolname = current_user",
    )
    if is_superuser:
        return [
            Finding(
                "role",
                WARNING,
                f'role "{role}" is a superuser: it neither owns workflows nor drives them',
                "to deploy and to drive connect as an ordinary role",
            )
        ]
    return [Finding("role", OK, f'role "{role}" may own workflows')]


def _inside(connection: Connection) -> list[Finding]:
    import psycopg

    try:
        with connection.transaction():
            connection.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_S}s'".encode())
            rows = connection.execute("SELECT check_name, status, finding, hint FROM df.doctor()").fetchall()
    except psycopg.errors.LockNotAvailable:
        found = f"a table of the runtime has been locked for {LOCK_TIMEOUT_S} seconds: no driver works"
        hint = "an installation, or a transaction left open: SELECT * FROM pg_locks WHERE NOT granted"
        return [Finding("tasks", PROBLEM, found, hint)]
    return [Finding(*row) for row in rows]


def _failed(check: str, failure: Failure) -> Finding:
    text = failure.message if failure.detail is None else f"{failure.message}: {failure.detail}"
    return Finding(check, PROBLEM, text, failure.hint)


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]


def _one(connection: Connection, query: str) -> tuple[Any, ...]:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row
