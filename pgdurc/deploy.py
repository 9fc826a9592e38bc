"""Executes a compiled script in one transaction, statement by statement: an error is shown at its place."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pgdurc.compile import CompiledWorkflow, DroppedWorkflow
from pgdurc.database import GRANT_USAGE_HINT
from pgdurc.diagnostic import CompileError, Diagnostic, Severity, Span
from pgdurc.runtime import require_runtime
from pgdurc.statement_kind import Kind

if TYPE_CHECKING:
    import psycopg

    from pgdurc.compile import Compiled, Emitted
    from pgdurc.database import Connection

# By kind: the SQLSTATE that fits, and what is wrong with it here.
REFUSED = {
    Kind.META_COMMAND: ("0A000", "psql's meta-commands are not executed by deploy"),
    Kind.TRANSACTION_CONTROL: ("2D000", "a script that deploy executes cannot begin or end a transaction"),
    Kind.COPY_DATA: ("0A000", "COPY FROM stdin is not executed by deploy"),
    Kind.NOT_IN_TRANSACTION: ("25001", "this statement cannot run inside a transaction block"),
}

# What each compiled workflow takes, too: two deployments of one role would fail on each other's catalog rows.
LOCK = (
    b"SELECT pg_catalog.pg_advisory_xact_lock("
    b"pg_catalog.hashtext(pg_catalog.concat('pgdurc deploy ', current_user)))"
)


_SCHEMA = re.compile(r"^permission denied for schema (.+)$")


@dataclass(frozen=True, slots=True)
class Change:
    """What a deployment does to one workflow: its version, None where there is none."""

    name: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        match self.before, self.after:
            case None, None:
                return f"{self.name}: is not there, nothing to drop"
            case before, None:
                return f"{self.name}: {before} (dropped; instances in flight go on)"
            case None, after:
                return f"{self.name}: {after} (new)"
            case before, after if before == after:
                return f"{self.name}: {after} (unchanged)"
        return f"{self.name}: {self.before} -> {self.after}"


def require_deployable(compiled: Compiled, file: str) -> None:
    """Raise CompileError with every statement that cannot be part of the one transaction."""
    refused = tuple(
        Diagnostic(
            REFUSED[statement.kind][0],
            Severity.ERROR,
            REFUSED[statement.kind][1],
            statement.head,
            hint=f"deploy works in one transaction; instead: pgdurc compile {file} | psql -v ON_ERROR_STOP=1",
        )
        for statement in compiled.statements
        if statement.kind in REFUSED
    )
    if refused:
        raise CompileError(refused)


def deploy(connection: Connection, compiled: Compiled, file: str) -> list[Change]:
    """Deploy in one transaction: all of it or nothing.

    Raises CompileError for what cannot be deployed; DeployError for what the database refuses.
    """
    import psycopg

    require_deployable(compiled, file)
    if compiled.needs_runtime:
        require_runtime(connection)
    with connection.transaction():
        connection.execute(LOCK)
        changes = planned_changes(connection, compiled)
        for statement in compiled.statements:
            if statement.kind is Kind.BLANK:
                continue
            try:
                connection.execute(statement.sql.encode())
            except psycopg.OperationalError:
                raise
            except psycopg.Error as error:
                raise DeployError(_diagnostic(statement, error)) from error
    return changes


class DeployError(Exception):
    """The database refused a statement; nothing was deployed."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


def planned_changes(connection: Connection, compiled: Compiled) -> list[Change]:
    """What deploying would do to each workflow of the script, in its order."""
    statements: list[CompiledWorkflow | DroppedWorkflow] = [*compiled.workflows, *compiled.dropped]
    if not statements:
        return []
    row = connection.execute("SELECT pg_catalog.current_schema()::text").fetchone()
    schema = row[0] if row else None
    changes = []
    versions: dict[tuple[str | None, ...], str | None] = {}
    for statement in sorted(statements, key=lambda statement: statement.span.start):
        # A name without a schema gets the current one, if there is one yet.
        name = statement.name if len(statement.name) > 1 else (schema, *statement.name)
        if name not in versions:
            versions[name] = _deployed_version(connection, name) if name[0] is not None else None
        after = statement.version if isinstance(statement, CompiledWorkflow) else None
        changes.append(Change(statement.qualified_name, versions[name], after))
        versions[name] = after
    return changes


def _deployed_version(connection: Connection, name: tuple[str | None, ...]) -> str | None:
    found = connection.execute(
        """
        SELECT w.version FROM df.workflows AS w
        WHERE w.name = pg_catalog.format('%%I.%%I', %s::text, %s::text)
        """,
        name,
    ).fetchone()
    return found[0] if found else None


def _diagnostic(statement: Emitted, error: psycopg.Error) -> Diagnostic:
    """The database's error at the place in the source that it came from."""
    said = error.diag
    detail = f": {said.message_detail}" if said.message_detail else ""
    hint = said.message_hint
    if error.sqlstate == "25001":
        hint = "deploy works in one transaction; instead: pgdurc compile FILE | psql -v ON_ERROR_STOP=1"
    elif error.sqlstate == "42501" and hint is None:
        hint = "deploy as the role that owns what it names, or let that grant the right"
        schema = _SCHEMA.search(said.message_primary or "")
        if schema is not None and schema[1] == "df":
            hint = GRANT_USAGE_HINT
        elif schema is not None:
            hint = (
                f"its owner may GRANT CREATE, USAGE ON SCHEMA {schema[1]}; or SET search_path to one of yours"
            )
    return Diagnostic(
        error.sqlstate or "XX000",
        Severity.ERROR,
        f"{said.message_primary or error}{detail}",
        _span(statement, said.statement_position),
        hint,
    )


def _span(statement: Emitted, position: str | None) -> Span:
    if position is None or not statement.is_passed_through:
        return statement.head
    start = statement.span.start + int(position) - 1
    return Span(start, min(start + 1, statement.span.end))
