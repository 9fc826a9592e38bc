"""The runtime, as the tools see it: its text, its installation, and whether it is there."""

from __future__ import annotations

import hashlib
from enum import Enum
from typing import TYPE_CHECKING, Any

from pgdurc import RUNTIME_EPOCH, __version__
from pgdurc.database import failure_of
from pgdurc.failure import Failure
from pgdurc.resources import resource_directory

if TYPE_CHECKING:
    from pgdurc.database import Connection


class Installed(Enum):
    """What there is of the runtime in a database, beside this one. The value is what installing did then."""

    NOTHING = "installed"
    ANOTHER = "installed over another"
    CHANGED = "repaired"
    WHOLE = "is already installed"


def runtime_script() -> str:
    """The files of runtime_sql/ in order, and a mark of what they were and made.

    The mark is a comment on the schema, so that it is there whether psql or `install` ran the script.
    """
    body = _body()
    mark = f"pg_catalog.format('%s (%s)', '{_mark(body)}', df.fingerprint())"
    return f"""{body}
DO $$
BEGIN
    EXECUTE pg_catalog.format('COMMENT ON SCHEMA df IS %L', {mark});
END
$$;
"""


def install_runtime(connection: Connection, *, is_forced: bool = False) -> Installed:
    """Install, upgrade or repair the runtime in one transaction; returns what was there before.

    Where this very one is there and whole nothing is done, unless it is forced.
    """
    found = installed(connection)
    if found is Installed.WHOLE and not is_forced:
        return found
    import psycopg

    script = runtime_script()
    try:
        with connection.transaction():
            connection.execute(script.encode())
    except psycopg.Error as error:
        failure = failure_of(error)
        position = error.diag.statement_position
        if position is not None and failure.detail is None:
            line = script.count("\n", 0, int(position)) + 1
            failure.detail = f"At line {line} of what pgdurc runtime prints; nothing was installed."
        if failure.message.startswith("permission denied for database") and failure.hint is None:
            failure.hint = _grant_create(connection)
        raise failure from None
    return found


def installed(connection: Connection) -> Installed:
    """What there is; a role that may not use the schema is told what its comment says."""
    comment, has_schema, may_use = _one(
        connection,
        """
        SELECT pg_catalog.obj_description(n.oid, 'pg_namespace'), n.oid IS NOT NULL,
               pg_catalog.has_schema_privilege(n.oid, 'USAGE')
        FROM (SELECT) AS always LEFT JOIN pg_catalog.pg_namespace AS n ON n.nspname = 'df'
        """,
    )
    if not has_schema:
        return Installed.NOTHING
    mark, _, fingerprint = (comment or "").rpartition(" ")
    if mark != _mark(_body()):
        return Installed.ANOTHER
    if may_use and fingerprint != f"({_fingerprint(connection)})":
        return Installed.CHANGED
    return Installed.WHOLE


def _fingerprint(connection: Connection) -> str | None:
    """None where it cannot be taken, for even that needs something that is missing."""
    import psycopg

    try:
        with connection.transaction():
            return str(_one(connection, "SELECT df.fingerprint()")[0])
    except psycopg.ProgrammingError:
        return None


def _grant_create(connection: Connection) -> str:
    from psycopg.sql import Identifier

    database, role = (
        Identifier(name).as_string(connection) for name in (connection.info.dbname, connection.info.user)
    )
    return f"let the database's owner execute: GRANT CREATE ON DATABASE {database} TO {role}"


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


def require_driver(connection: Connection) -> None:
    """Raise Failure where this role may not drive workflows, or the runtime is too old for these drivers."""
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
    if _one(connection, "SELECT pg_catalog.to_regproc('df.run_timers') IS NULL")[0]:
        raise Failure(
            "a newer pgdurc runtime is needed than the one that is installed here",
            detail="It has no procedure df.run_timers, which drives timers of races.",
            hint="pgdurc install, or: pgdurc runtime | psql -1 -v ON_ERROR_STOP=1",
            sqlstate="PD001",
        )


def _body() -> str:
    files = sorted(resource_directory("runtime_sql").glob("*.sql"))
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def _mark(body: str) -> str:
    return f"pgdurc {__version__} ({hashlib.sha256(body.encode()).hexdigest()[:12]})"


def _one(connection: Connection, query: str) -> tuple[Any, ...]:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row
