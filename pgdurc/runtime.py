"""The runtime, as the tools see it: its text, its installation, and whether it is there."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from pgdurc import RUNTIME_EPOCH, __version__
from pgdurc.database import failure_of
from pgdurc.failure import Failure
from pgdurc.resources import resource_directory

if TYPE_CHECKING:
    from pgdurc.database import Connection


def runtime_script() -> str:
    """The files of runtime_sql/ in order, and a mark of what they were.

    The mark is a comment on the schema, so that it is there whether psql or `install` ran the script.
    """
    files = sorted(resource_directory("runtime_sql").glob("*.sql"))
    body = "\n".join(file.read_text(encoding="utf-8") for file in files)
    return f"{body}\nCOMMENT ON SCHEMA df IS '{_mark(body)}';\n"


def install_runtime(connection: Connection) -> bool:
    """Install or upgrade the runtime in one transaction; False where this very one is there already."""
    script = runtime_script()
    if installed_mark(connection) == runtime_mark():
        return False
    import psycopg

    try:
        with connection.transaction():
            connection.execute(script.encode())
    except psycopg.Error as error:
        failure = failure_of(error)
        position = error.diag.statement_position
        if position is not None and failure.detail is None:
            line = script.count("\n", 0, int(position)) + 1
            failure.detail = f"At line {line} of what pgdurc runtime prints; nothing was installed."
        raise failure from None
    return True


def installed_mark(connection: Connection) -> str | None:
    row = connection.execute(
        "SELECT pg_catalog.obj_description(pg_catalog.to_regnamespace('df'), 'pg_namespace')"
    ).fetchone()
    return row[0] if row else None


def runtime_mark() -> str:
    """What installed_mark says where this very runtime is installed."""
    script = runtime_script()
    return _mark(script[: script.rindex("\nCOMMENT ON SCHEMA")])


def require_runtime(connection: Connection) -> None:
    """Raise Failure where the runtime is missing, is too old, or may not be used by this role."""
    row = _one(
        connection,
        """
        SELECT n.oid IS NOT NULL,
               pg_catalog.has_schema_privilege(n.oid, 'USAGE'),
               pg_catalog.current_database()::text,
               current_user::text,
               pg_catalog.pg_get_userbyid(n.nspowner)::text
        FROM (SELECT) AS always LEFT JOIN pg_catalog.pg_namespace AS n ON n.nspname = 'df'
        """,
    )
    is_there, may_use, database, role, owner = row
    if not is_there:
        raise Failure(
            f'the pgdurc runtime is not installed in database "{database}"',
            hint="pgdurc install, or: pgdurc runtime | psql -1 -v ON_ERROR_STOP=1",
            sqlstate="PD001",
        )
    if not may_use:
        raise Failure(
            f'role "{role}" may not use pgdurc in database "{database}"',
            hint=f"let role \"{owner}\" execute: SELECT df.grant_usage('{role}')",
            sqlstate="42501",
        )
    if _one(connection, "SELECT pg_catalog.to_regproc('df.require_runtime') IS NULL")[0]:
        raise Failure(
            f'schema "df" of database "{database}" is not pgdurc\'s',
            detail="The extension pg_durable keeps its objects in a schema of this name.",
            hint="install pgdurc in another database",
            sqlstate="PD001",
        )
    connection.execute("SELECT df.require_runtime(%s)", (RUNTIME_EPOCH,))


def driven_roles(connection: Connection) -> list[str]:
    """Whose workflows a driver with this connection runs: its own role, and those that were granted to it."""
    own, roles = _one(connection, "SELECT session_user::text, df.driven_roles_v1()")
    return [own, *roles[1:]]


def require_driver_role(connection: Connection) -> None:
    """Raise Failure where this role may not drive workflows."""
    role, is_superuser = _one(
        connection,
        "SELECT r.rolname::text, r.rolsuper FROM pg_catalog.pg_roles AS r WHERE r.rolname = session_user",
    )
    if is_superuser:
        raise Failure(
            f'role "{role}" is a superuser, and superusers do not drive workflows',
            detail="A driver runs the workflows that its own role owns, with that role's rights.",
            hint="connect as the role that deploys the workflows",
            sqlstate="PD004",
        )


def _mark(body: str) -> str:
    return f"pgdurc {__version__} ({hashlib.sha256(body.encode()).hexdigest()[:12]})"


def _one(connection: Connection, query: str) -> tuple[Any, ...]:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row
