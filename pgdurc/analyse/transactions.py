"""Statements that cannot run in a step: a step is a transaction that the driver begins and commits."""

from __future__ import annotations

from typing import Any

from pgdurc.analyse.draft import Draft, error
from pgdurc.diagnostic import Diagnostic
from pgdurc.pgsql import Statement, constant, unwrap

_HINT = "run it outside of the workflow; df.detached, which would run it, is not supported yet"


def check_transactions(draft: Draft) -> Draft:
    """Report what PostgreSQL refuses inside a transaction block, what ends it, and SELECT INTO."""
    problems: list[Diagnostic] = []
    for span, read in draft.reads.items():
        if read.parsed is None or read.parsed.node is None:
            continue
        if read.parsed.kind == "transaction_stmt":
            problems.append(
                error(
                    "PGD304",
                    "transaction control cannot stand in a workflow",
                    span,
                    "each step is a transaction: leave it out, or write the statements as one DO block",
                )
            )
        elif read.parsed.kind == "copy_stmt" and not (
            read.parsed.node.filename or read.parsed.node.is_program
        ):
            way = "from standard input" if read.parsed.node.is_from else "to standard output"
            problems.append(
                error(
                    "PGD305",
                    f"COPY {way} cannot stand in a workflow: nobody is at the other end",
                    span,
                    "name a file of the server, or copy outside of the workflow",
                )
            )
        elif read.parsed.kind == "select_stmt" and _makes_table(read.parsed.node):
            hint = "write CREATE TABLE ... AS SELECT ..."
            problems.append(error("PGD309", "SELECT ... INTO cannot be a step", span, hint))
        elif what := _refused(read.parsed):
            problems.append(error("PGD304", f"{what} cannot run inside a transaction block", span, _HINT))
    return draft.reporting(problems)


_ALWAYS = {
    "createdb_stmt": "CREATE DATABASE",
    "dropdb_stmt": "DROP DATABASE",
    "alter_system_stmt": "ALTER SYSTEM",
    "create_table_space_stmt": "CREATE TABLESPACE",
    "drop_table_space_stmt": "DROP TABLESPACE",
}


def _refused(statement: Statement) -> str | None:
    """The words of a statement that PostgreSQL would refuse (PreventInTransactionBlock)."""
    node = statement.node
    match statement.kind:
        case "vacuum_stmt":
            return "VACUUM" if node.is_vacuumcmd else None
        case "index_stmt":
            return "CREATE INDEX CONCURRENTLY" if node.concurrent else None
        case "drop_stmt":
            return "DROP INDEX CONCURRENTLY" if node.concurrent else None
        case "reindex_stmt":
            return _reindex(node)
        case "cluster_stmt":
            return None if node.HasField("relation") else "CLUSTER of all tables"
        case "discard_stmt":
            return "DISCARD ALL" if node.target == constant("DISCARD_ALL") else None
        case "alter_table_stmt":
            if any(_is_concurrent_detach(command) for command in node.cmds):
                return "ALTER TABLE ... DETACH PARTITION ... CONCURRENTLY"
            return None
        case "create_subscription_stmt":
            options = {unwrap(option)[1].defname for option in node.options}
            return None if options & {"connect", "create_slot"} else "CREATE SUBSCRIPTION with a new slot"
    return _ALWAYS.get(statement.kind)


def _makes_table(select: Any) -> bool:
    while select.HasField("larg"):  # of a set operation the leftmost part holds it
        select = select.larg
    if not select.HasField("into_clause"):
        return False
    table = select.into_clause.rel
    return not (table.relpersistence == "t" or table.schemaname == "pg_temp")  # which is reported as such


def _reindex(node: Any) -> str | None:
    kinds = {
        constant("REINDEX_OBJECT_SCHEMA"): "REINDEX SCHEMA",
        constant("REINDEX_OBJECT_SYSTEM"): "REINDEX SYSTEM",
        constant("REINDEX_OBJECT_DATABASE"): "REINDEX DATABASE",
    }
    if node.kind in kinds:
        return kinds[node.kind]
    is_concurrent = any(unwrap(option)[1].defname == "concurrently" for option in node.params)
    return "REINDEX CONCURRENTLY" if is_concurrent else None


def _is_concurrent_detach(command: Any) -> bool:
    definition = unwrap(command)[1]
    kind, partition = unwrap(getattr(definition, "def"))
    return kind == "partition_cmd" and bool(partition.concurrent)
