"""plpgsql_check over the runtime's PL/pgSQL and over every step procedure that the compiler makes.

It holds each expression against the catalogue: unknown tables, columns and variables, types that do not fit, variables that
nobody reads, volatility. What is in a string for EXECUTE it does not see, and most statements of steps are in one.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from pgdurc.cluster import SUPERUSER
from pgdurc.compile import compile_text

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden"
SCRIPTS = {
    **{f"golden/{folder.name}": folder / "workflow.pgd" for folder in sorted(GOLDEN.iterdir())},
    **{f"examples/{file.stem}": file for file in sorted((ROOT / "examples").glob("*.pgd"))},
}

# Of the extension in that database only.
pytestmark = pytest.mark.parametrize("any_database", ["other_server"], indirect=True)

# Of every step procedure: CALL gives back a row with this one column. It is meant: the driver reads answer.step.
OUT_PARAMETER = 'composite OUT variable "step" is not single argument'

STEP_SQL = "it runs a step's own SQL, which compiled code gives it, with the rights of the step's owner"
LITERAL = "the initial value is a literal: the type's input function reads it"
CRON = "pg_cron is in another database, and the function looks for it first; tests/runtime/test_pg_cron.py runs it"
IS_A_RECORD = "the columns are those of the step's SQL, which nobody knows before"
SEES_NO_RECORD = "it is assigned and read: the checker stops at a record out of EXECUTE"

# (routine, a part of the finding): why it is fine.
ALLOWED: dict[tuple[str, str], str] = {
    (
        "await_instance",
        "control reached end of function without RETURN",
    ): "its loop ends by RETURN or RAISE only",
    ("check_pg_cron_v1", 'relation "cron.job" does not exist'): CRON,
    ("check_pg_cron_v1", 'relation "cron.runid_seq" does not exist'): CRON,
    ("check_pg_cron_v1", 'record "job" is not assigned yet'): SEES_NO_RECORD,
    ("check_pg_cron_v1", 'unused variable "job"'): SEES_NO_RECORD,
    ("check_settings_v1", 'cast "text" value to "interval"'): LITERAL,
    ("columns_of_v1", "cannot determinate a result of dynamic SQL"): IS_A_RECORD,
    ("columns_of_v1", "not sanitized"): STEP_SQL,
    ("cron_field_v1", 'cast "text" value to "integer[]"'): LITERAL,
    ("exec_v1", "not sanitized"): STEP_SQL,
    ("graph_nodes_v1", 'cast "text" value to'): LITERAL,
    ("install_scheduler", 'schema "cron" does not exist'): CRON,
    ("janitor", 'relation "cron.job_run_details" does not exist'): CRON,
    ("janitor", 'cast "text" value to "jsonb"'): LITERAL,
    ("next_cron_v1", "control reached end of function without RETURN"): "its loop ends by RETURN only",
    ("nodes_of_v1", 'cast "text" value to'): LITERAL,
    ("query_v1", "not sanitized"): STEP_SQL,
    ("query_v1", "cannot determinate a result of dynamic SQL"): IS_A_RECORD,
    ("query_v1", 'never read variable "line"'): SEES_NO_RECORD,
    ("query_v1", 'record "line" is not assigned yet'): SEES_NO_RECORD,
    ("remove_jobs_v1", 'relation "cron.job" does not exist'): CRON,
    ("drive_v1", 'never read variable "answer"'): SEES_NO_RECORD,
    (
        "drive_v1",
        'never read variable "title"',
    ): "an assignment is cheaper than PERFORM, and this runs at every step",
    (
        "drive_v1",
        "cannot determinate a result of dynamic SQL",
    ): "the record is a df.step_v1 that EXECUTE 'CALL ...' returns",
    ("drive_v1", "not sanitized"): "the procedure's schema and name out of df.workflow_version, quoted",
    ("drive_v1", 'record "answer" is not assigned yet'): SEES_NO_RECORD,
    ("cursor_v1", "cannot determinate a result of dynamic SQL"): IS_A_RECORD,
    ("cursor_v1", "not sanitized"): STEP_SQL,
    ("show_v1", "cannot determinate a result of dynamic SQL"): IS_A_RECORD,
    ("show_v1", "not sanitized"): STEP_SQL,
    ("duration_v1", "not sanitized"): STEP_SQL,
    ("start_workflow", 'cast "text" value to "jsonb"'): LITERAL,
    ("tree_v1", 'cast "text" value to'): LITERAL,
    ("turn_v1", 'composite OUT variable "task" is not single argument'): "its callers read (turn.task).seq",
    ("watch_v1", 'cast "text" value to "jsonb"'): LITERAL,
}

FINDINGS = """
    SELECT p.oid::regprocedure::text AS routine, p.proname,
        concat_ws(' ', c.level, c.sqlstate, 'line ' || c.lineno || ':', c.message, c.detail, c.hint, c.query)
    FROM pg_proc AS p
        JOIN pg_language AS l ON l.oid = p.prolang
        LEFT JOIN pg_trigger AS t ON t.tgfoid = p.oid,
        plpgsql_check_function_tb(
            p.oid, coalesce(t.tgrelid, 0), fatal_errors => false, extra_warnings => true, performance_warnings => false,
            security_warnings => true
        ) AS c
    WHERE l.lanname = 'plpgsql' AND p.pronamespace = %s::regnamespace AND p.proname LIKE %s
    ORDER BY p.proname, c.lineno
"""
COUNT = """
    SELECT count(*) FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang
    WHERE l.lanname = 'plpgsql' AND p.pronamespace = %s::regnamespace AND p.proname LIKE %s
"""


@pytest.fixture
def checked(any_database: Any) -> Any:
    if not any_database.query("SELECT 1 FROM pg_extension WHERE extname = 'plpgsql_check'", role=SUPERUSER):
        pytest.skip("plpgsql_check is not installed (Debian: apt-get install postgresql-15-plpgsql-check)")
    return any_database


def findings(database: Any, schema: str, pattern: str, role: str) -> list[tuple[str, str, str]]:
    """Each as (signature, name, text), with the routine owner's search_path."""
    return database.query(FINDINGS, schema, pattern, role=role)


def test_runtime(checked):
    assert checked.value(COUNT, "df", "%", role=SUPERUSER) > 40
    found = findings(checked, "df", "%", role=SUPERUSER)
    unforeseen = [
        f"{signature}: {text}"
        for signature, name, text in found
        if not any(name == routine and part in text for routine, part in ALLOWED)
    ]
    assert not unforeseen, "\n".join(unforeseen)
    unused = [
        (routine, part)
        for routine, part in ALLOWED
        if not any(name == routine and part in text for _, name, text in found)
    ]
    assert unused == [], "not found any more: take them off the list"


@pytest.mark.parametrize("name", SCRIPTS)
def test_step_procedures(checked, name):
    file = SCRIPTS[name]
    for setup in (file.parent / "setup.sql", file.with_suffix(".setup.sql")):
        # The one with vectors: they are not on this server, and its statements are put together when they run, so no table is looked for.
        if setup.exists() and setup.name != "embeddings.setup.sql":
            checked.query(setup.read_text(encoding="utf-8"))
    compiled = compile_text(file.read_text(encoding="utf-8"), file=file.name)
    psql = [checked.server.psql, "-X", "-v", "ON_ERROR_STOP=1", "-d", checked.conninfo()]
    ran = subprocess.run(psql, input=compiled.sql, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    deployed = checked.query("SELECT v.schema_name, v.procedure_name FROM df.workflow_version AS v")
    versions = {call.version for call in compiled.calls}
    assert len(deployed) == len(compiled.workflows) + len(versions) > 0
    for schema, procedure in deployed:
        pattern = procedure.replace("\\", "\\\\").replace("_", "\\_").replace("%", "\\%")
        schema = f'"{schema}"'
        assert checked.value(COUNT, schema, pattern, role=SUPERUSER) == 1
        found = [text for _, _, text in findings(checked, schema, pattern, role=SUPERUSER)]
        assert [text for text in found if OUT_PARAMETER not in text] == []
