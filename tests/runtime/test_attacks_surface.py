"""What an attacker can reach at all, so that whatever is added to it is looked at; and inputs that are too much."""

from __future__ import annotations

import re

import psycopg
import pytest

# SECURITY DEFINER and callable by everybody behind the gate. Each looks for the session's own role, whatever it is asked for.
OF_THE_SESSION = {
    "advance_v1", "brace_v1", "claim_next_v1", "claim_task_v1", "close_driver_v1", "continue_v1", "driven_roles_v1", "drives_v1", "fail_v1",
    "find_binding_v1", "find_procedure_v1", "gather_v1", "is_stopped_v1", "lap_v1", "lookup_param_v1", "next_due_v1", "open_driver_v1",
    "postpone_v1", "retake_v1", "retire_v1", "rouse_waiters_v1", "spread_v1", "stopped_v1",
    "value_v1", "var_v1", "wait_for_signal_v1",
}  # fmt: skip

# Readable whole: what is deployed, the version, the clock.
OPEN_TABLES = {"workflow", "runtime", "clock"}

# Of df's owner alone, or of whom it lets have them.
ADMINISTRATION = {"grant_usage", "revoke_usage", "move_clock", "metrics"}


def test_what_runs_with_the_rights_of_dfs_owner(any_workflows):
    """Nothing that was not looked at: each such function is named here or closed to everybody, pins its search_path, and asks who the
    session is."""
    functions = any_workflows.database.query(
        "SELECT p.proname, p.proconfig, has_function_privilege('bob', p.oid, 'EXECUTE'), p.prosrc"
        " FROM pg_proc AS p WHERE p.pronamespace = 'df'::regnamespace AND p.prosecdef"
    )
    assert {name for name, _, is_open, _ in functions if is_open} == OF_THE_SESSION
    for name, settings, is_open, source in functions:
        assert "search_path=pg_catalog, pg_temp" in settings, name
        if is_open:
            assert "session_user" in source, name
        # Text is never made a statement there.
        assert not re.search(r"\bEXECUTE\b", source), name


def test_who_can_call_what_acts(any_workflows):
    """What takes a caller or a task as an argument and believes it is closed, and so is administration."""
    functions = any_workflows.database.query(
        "SELECT p.proname, pg_get_function_identity_arguments(p.oid)"
        " FROM pg_proc AS p WHERE p.pronamespace = 'df'::regnamespace AND has_function_privilege('bob', p.oid, 'EXECUTE')"
    )
    assert {name for name, _ in functions} & ADMINISTRATION == set()
    assert [
        name for name, arguments in functions if "p_caller" in arguments or "task df.task" in arguments
    ] == []


def test_every_table_has_row_security_but_those_that_are_for_everybody(any_workflows):
    database = any_workflows.database
    tables = database.query(
        "SELECT c.relname, c.relrowsecurity,"
        "  has_table_privilege('bob', c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER'),"
        "  ARRAY(SELECT a.attname::text FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
        "   AND (has_column_privilege('bob', c.oid, a.attname, 'INSERT') OR has_column_privilege('bob', c.oid, a.attname, 'UPDATE'))"
        "   ORDER BY 1)"
        " FROM pg_class AS c WHERE c.relnamespace = 'df'::regnamespace AND c.relkind IN ('r', 'p', 'm')"
    )
    assert {name for name, is_secure, _, _ in tables if not is_secure} == OPEN_TABLES
    for name, _, may_write, columns in tables:
        assert not may_write, name
        assert columns == (["caller", "instance_id", "kind", "payload"] if name == "request" else []), name
    assert (
        database.query(
            "SELECT c.relname FROM pg_class AS c WHERE c.relnamespace = 'df'::regnamespace"
            " AND CASE WHEN c.relkind = 'S' THEN has_sequence_privilege('bob', c.oid, 'USAGE, SELECT, UPDATE') END"
        )
        == []
    )
    assert (
        database.query(
            "SELECT c.relname FROM pg_class AS c WHERE c.relnamespace = 'df'::regnamespace AND c.relkind = 'v'"
            " AND NOT 'security_barrier=true' = ANY (coalesce(c.reloptions, '{}')) AND NOT 'security_invoker=true' = ANY (coalesce(c.reloptions, '{}'))"
        )
        == []
    )


def test_an_administrator_who_may_hand_on_usage_sees_no_more(workflows):
    """ATTACK: bob may let others in (with_grant). Neither he nor whom he lets in reads a row of alice's."""
    database = workflows.database
    workflows.deploy("CREATE WORKFLOW w() AS df.sleep(60);")
    workflows.start("w()")
    database.query("SELECT df.grant_usage('bob', with_grant => true)", role="dfowner")
    try:
        database.query("SELECT df.grant_usage('carol')", role="bob")
        for role in ("bob", "carol"):
            for table in ("instance", "task", "request", "workflow_version"):
                assert database.query(f"SELECT 1 FROM df.{table}", role=role) == []
        for attack in (
            "SELECT df.move_clock('1 day')",
            "UPDATE df.runtime SET retention = '0'",
            "GRANT INSERT ON df.task TO carol",
        ):
            try:
                database.query(attack, role="bob")
            except psycopg.errors.InsufficientPrivilege:
                continue
            # PostgreSQL only warns where nothing of a GRANT can be given.
            assert attack.startswith("GRANT")
        assert not database.value("SELECT has_table_privilege('carol', 'df.task', 'INSERT')", role="dfowner")
    finally:
        database.query("SELECT df.revoke_usage('bob')", role="dfowner")
        database.query("SELECT df.grant_usage('bob')", role="dfowner")


def test_a_key_that_another_has_used_gives_an_id_and_no_right(workflows):
    """ATTACK: carol may start alice's workflow and guesses a key that alice used: the start is not made again, so she learns an id."""
    database = workflows.database
    workflows.deploy("CREATE WORKFLOW w() AS df.sleep(60);")
    hers = workflows.start("df.start_workflow('w', key => 'order 7')")
    database.query(
        "SELECT df.grant_usage('carol'); GRANT EXECUTE ON FUNCTION public.w() TO carol", role="postgres"
    )
    try:
        assert workflows.start("df.start_workflow('w', key => 'order 7')", role="carol") == hers
        assert database.value("SELECT df.status(%s)", hers, role="carol") is None
        for call in ("df.cancel(%s)", "df.signal(%s, 'x')"):
            with pytest.raises(psycopg.Error, match="Instance not found or access denied"):
                database.query(f"SELECT {call}", hers, role="carol")
    finally:
        database.query("SELECT df.revoke_usage('carol')", role="dfowner")


# Expressions of a text that is too long for an index, does not compress, and of JSON that is as deep as the session lets in.
LONG = "(SELECT string_agg(md5(g::text), '') FROM generate_series(1, 1000) AS g)"
TOO_MUCH = {
    "a label of 20 MB": "df.start_workflow('w', label => repeat('l', 20000000))",
    "an argument of 20 MB": "df.start_workflow('w', jsonb_build_object('t', repeat('a', 20000000)))",
    "a key that no index takes": f"df.start_workflow('w', key => {LONG})",
    "a variable whose name no index takes": f"df.setvar({LONG}, 'x')",
    "a variable of 20 MB": "df.setvar('much', repeat('v', 20000000))",
    "a signal whose name no index takes": f"df.signal('{{instance}}', {LONG})",
    "a payload of 20 MB": "df.signal('{instance}', 'go', repeat('p', 20000000))",
    "a payload that is deep": "df.signal('{instance}', 'go', repeat('[', {depth}) || repeat(']', {depth}))",
    "an argument that is deep": "df.start_workflow('w', jsonb_build_object('t', (repeat('[', {depth}) || repeat(']', {depth}))::jsonb))",
    "a reason of 20 MB": "df.cancel('{instance}', repeat('r', 20000000))",
    "a null character": "df.signal('{instance}', 'go', '\"\\u0000\"')",
}


@pytest.mark.parametrize("much", TOO_MUCH)
def test_what_is_too_much_is_refused_or_done_and_stops_nobody_else(workflows, much):
    """ATTACK: input at the edge of what PostgreSQL takes: whoever sends it gets the error, and where he does not, the driver must not
    stumble over it again and again."""
    database = workflows.database
    workflows.deploy(
        "CREATE WORKFLOW w(t text DEFAULT 'x') AS 'SELECT $t AS t' |=> x ~> df.wait_for_signal('go') |=> s ~> 'SELECT $s.data AS d';"
    )
    instance = workflows.start("w()")
    database.drive()
    depths = [200000, 20000, 6000, 3000, 1000] if "{depth}" in TOO_MUCH[much] else [0]
    for depth in depths:
        # The deepest that the sender's own session takes.
        refusal = sqlstate_of(database, f"SELECT {TOO_MUCH[much].format(instance=instance, depth=depth)}")
        if refusal is None:
            break
        assert refusal in ("54000", "54001", "22P05")
    workflows.deploy("CREATE WORKFLOW honest() AS 'SELECT 1 AS one';", role="alice")
    honest = workflows.start("honest()")
    for _ in range(8):
        try:
            database.drive()
        except psycopg.Error:
            continue
        break
    assert workflows.status(honest) == "completed"
    for relation in (
        "df.list_instances()",
        "df.instances",
        f"df.timeline('{instance}')",
        f"df.waiting('{instance}')",
    ):
        database.query(f"SELECT count(*) FROM (SELECT * FROM {relation}) AS r")
    assert database.value("SELECT length(df.explain(%s)) < 10000", instance)


def sqlstate_of(database, statement: str) -> str | None:
    try:
        database.query(statement)
    except psycopg.Error as error:
        return error.sqlstate
    return None
