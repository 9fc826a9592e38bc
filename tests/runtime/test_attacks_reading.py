"""Attacks that try to read, or to find out, what belongs to another owner."""

from __future__ import annotations

import psycopg
import pytest

# A text that is nowhere but in alice's rows.
SECRET = "s3cret of alice"

TABLES = (
    "workflow_version", "step_def", "instance", "stop_scope", "task", "binding", "step_run", "fan_in", "signal", "vars", "request",
    "driver", "schedule",
)  # fmt: skip


@pytest.fixture
def alices(workflows):
    """An instance of alice's with something in every table, waiting for a signal in a join."""
    database = workflows.database
    database.query("SELECT df.setvar('password', %s)", SECRET)
    database.query("SELECT df.ask_v1('schedule', NULL, %s)", f'{{"job_name": "{SECRET}", "kind": "pg_cron"}}')
    workflows.deploy(
        f"CREATE WORKFLOW w(n text) AS $$SELECT $n || '{SECRET}' AS n$$ |=> x"
        " ~> (df.wait_for_signal('go') & 'SELECT $x AS n') ~> 'SELECT $x AS n';"
    )
    instance = workflows.start(
        f"df.start_workflow('w', '{{\"n\": \"{SECRET}\"}}', label => '{SECRET}', key => '{SECRET}')"
    )
    database.query("SELECT df.signal(%s, 'other', %s)", instance, SECRET)
    database.drive()
    for table in TABLES:
        assert database.query(f"SELECT 1 FROM df.{table}", role="dfowner"), table
    return workflows, instance


def refused(database, statement, *parameters, role="bob"):
    with pytest.raises(psycopg.Error) as caught:
        database.query(statement, *parameters, role=role)
    return caught.value


@pytest.mark.parametrize("table", TABLES)
def test_no_way_of_reading_a_table_shows_anothers_rows(alices, table):
    """ATTACK: every table by every statement that reads: SELECT, TABLE, COPY, a cursor, a view and a function of bob's, a child,
    row_security off."""
    workflows, _ = alices
    database = workflows.database
    with database.connect("bob") as bob:
        for query in (
            f"SELECT * FROM df.{table}",
            f"TABLE df.{table}",
            f"SELECT ctid, xmin, tableoid FROM ONLY df.{table}",
        ):
            assert bob.execute(query).fetchall() == [], query
        with bob.cursor().copy(f"COPY (SELECT * FROM df.{table}) TO STDOUT") as copy:
            assert b"".join(copy) == b""
        with bob.cursor().copy(f"COPY df.{table} TO STDOUT") as copy:
            assert b"".join(copy) == b""
        with bob.transaction():
            bob.execute(f"DECLARE c CURSOR FOR SELECT * FROM df.{table}")
            assert bob.execute("FETCH ALL FROM c").fetchall() == []
        bob.execute(f"CREATE VIEW peek AS SELECT * FROM df.{table}")
        assert bob.execute("SELECT * FROM peek").fetchall() == []
        bob.execute("SET row_security = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            bob.execute(f"SELECT * FROM df.{table}")
        bob.execute("SET row_security = on")
        for attack in (
            f"CREATE TABLE child () INHERITS (df.{table})", f"CREATE RULE r AS ON SELECT TO df.{table} DO ALSO SELECT 1",
            f"CREATE TRIGGER t BEFORE INSERT ON df.{table} FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
            f"CREATE POLICY p ON df.{table} USING (true)", f"ALTER TABLE df.{table} DISABLE ROW LEVEL SECURITY",
            f"CREATE STATISTICS s ON ctid, xmin FROM df.{table}", f"CREATE INDEX ON df.{table} ((1))", f"TRUNCATE df.{table}",
            f"CREATE PUBLICATION p FOR TABLE df.{table}", f"SELECT * FROM df.{table} FOR UPDATE", f"SELECT * FROM df.{table} FOR KEY SHARE",
        ):  # fmt: skip
            with pytest.raises(psycopg.Error) as caught:
                bob.execute(attack)
            assert caught.value.sqlstate in ("42501", "42809", "0A000", "42P17"), attack
            assert SECRET not in str(caught.value)


def test_a_function_in_a_condition_sees_no_row_before_row_security_has(alices):
    """ATTACK: a cheap function that shows its argument, or fails on it, in the WHERE of a query over tables and views."""
    workflows, _ = alices
    database = workflows.database
    database.query(
        "CREATE TABLE seen (what text);"
        " CREATE FUNCTION look(x anyelement) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS"
        "  $$ BEGIN INSERT INTO seen VALUES (x::text); RETURN true; END $$;"
        " CREATE OPERATOR ### (RIGHTARG = anyelement, FUNCTION = look);",
        role="bob",
    )
    for table in (*TABLES, "instances"):
        database.query(f"SELECT 1 FROM df.{table} AS t WHERE look(t.*::text)", role="bob")
        database.query(f"SELECT 1 FROM df.{table} AS t WHERE ### t.*::text", role="bob")
        database.query(f"SELECT 1 FROM df.{table} AS t ORDER BY look(t.*::text)", role="bob")
    database.query("SELECT 1 FROM df.workflows AS t WHERE look(t.*::text)", role="bob")
    assert [
        row
        for row in database.query("SELECT what FROM seen", role="bob")
        if SECRET in row[0] or "alice" in row[0]
    ] == []
    assert (
        database.query(
            "SELECT * FROM df.instance WHERE 1 / (length(label) - %s) = 0", len(SECRET), role="bob"
        )
        == []
    )


def test_statistics_tell_nothing(alices):
    """ATTACK: most common values of the columns."""
    workflows, _ = alices
    workflows.database.query("ANALYZE", role="dfowner")
    found = workflows.database.query("SELECT s::text FROM pg_stats AS s WHERE schemaname = 'df'", role="bob")
    assert [row for row in found if SECRET in row[0]] == []
    refused(workflows.database, "SELECT * FROM pg_statistic")
    for sequence in ("task_id_seq", "request_id_seq"):
        assert refused(workflows.database, f"SELECT * FROM df.{sequence}").sqlstate == "42501"


CALLS = (
    "df.status({})", "df.result({})", "df.explain({})", "df.cancel({})", "df.signal({}, 'go')", "df.await_instance({}, 1)",
    "df.error({})", "df.instance_nodes({})", "df.instance_nodes({}, 5)", "df.instance_executions({})", "df.timeline({})", "df.waiting({})", "df.instance_info({})", "df.ask_v1('cancel', {}, '{{}}')",
    "df.ask_v1('signal', {}, '{{\"name\": \"go\", \"data\": 1}}')",
)  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
def test_anothers_instance_looks_like_one_that_is_not_there(alices, call):
    """ATTACK: compare what a function says of alice's instance with what it says of none: answer, error, detail and hint."""
    workflows, instance = alices
    database = workflows.database

    def says(name: str) -> str:
        try:
            answer = str(database.query(f"SELECT {call.format('%s')}", name, role="bob"))
        except psycopg.Error as error:
            diag = error.diag
            answer = str((error.sqlstate, diag.message_primary, diag.message_detail, diag.message_hint))
        return answer.replace(name, "ID")

    unknown = "00000000" if instance != "00000000" else "00000001"
    assert says(instance) == says(unknown)
    assert SECRET not in says(instance)
    assert workflows.status(instance) == "running"
    assert database.value("SELECT count(*) FROM df.signal", role="dfowner") == 1


KINDS = ("cancel", "signal", "start", "setvar", "clearvars", "register", "unregister", "prune", "unschedule")


@pytest.mark.parametrize("caller", ["alice", "dfowner", "postgres"])
def test_a_forged_caller_is_refused_before_anything_is_done_for_him(alices, caller):
    """ATTACK: a request in another's name. Row security refuses it, but after the trigger: if that had acted, its errors would tell
    what is there, and it would wait for locks."""
    workflows, instance = alices
    database = workflows.database
    version = database.value("SELECT id FROM df.workflow_version")
    payload = f'{{"schema": "public", "name": "w", "data": 1, "value": "x", "version_id": {version}, "key": "{SECRET}"}}'
    before = snapshot(database)
    with database.connect() as holder, database.connect("bob") as bob:
        # It would be waited for.
        holder.execute("BEGIN")
        holder.execute("SELECT df.cancel(%s)", (instance,))
        bob.execute("SET statement_timeout = '5s'")
        for kind in KINDS:
            for target in (instance, "00000000", None):
                with pytest.raises(psycopg.Error) as caught:
                    bob.execute(
                        "INSERT INTO df.request (caller, kind, instance_id, payload)"
                        f" VALUES ('{caller}', '{kind}', %s, '{payload}')",
                        (target,),
                    )
                assert caught.value.sqlstate == "42501"
                assert (
                    caught.value.diag.message_primary
                    == 'new row violates row-level security policy for table "request"'
                ), (kind, target)
        holder.execute("ROLLBACK")
    assert snapshot(database) == before


def snapshot(database) -> list[object]:
    return [
        database.query(f"SELECT t.*::text FROM df.{table} AS t ORDER BY 1", role="dfowner")
        for table in (*TABLES, "workflow")
    ]


def test_a_plan_made_for_one_role_does_not_serve_the_next(alices):
    """ATTACK: a pooled session in which alice has asked often enough for plans to be kept, and then SET ROLE bob."""
    workflows, instance = alices
    calls = [
        call.format(f"'{instance}'")
        for call in CALLS
        if call.startswith(("df.status", "df.explain", "df.timeline", "df.instance"))
    ]
    with workflows.database.connect("postgres") as pooled:
        pooled.execute("SET plan_cache_mode = force_generic_plan")
        pooled.execute("PREPARE look AS SELECT label FROM df.instance")
        pooled.execute("PREPARE mine AS SELECT df.getvar('password')")
        for role in ("alice", "bob", "alice", "bob"):
            pooled.execute(f"SET ROLE {role}")
            for _ in range(7):
                found = str([pooled.execute(f"SELECT {call}").fetchall() for call in calls])
                found += str(pooled.execute("EXECUTE look").fetchall()) + str(
                    pooled.execute("EXECUTE mine").fetchall()
                )
                assert (SECRET in found) == (role == "alice")
                assert ("running" in found) == (role == "alice")


def test_the_functions_of_steps_read_nothing_of_another_owner(alices):
    """ATTACK: what a step procedure calls, with a step made up of alice's ids, in a session of bob's and in a task of bob's own."""
    workflows, instance = alices
    database = workflows.database
    tasks = database.query(
        "SELECT id, version_id, coalesce(wake_at, '-infinity')::text FROM df.task ORDER BY id"
    )
    before = snapshot(database)
    for task, version, due in tasks:
        step = f"ROW({task}, '{instance}', 1, 'advance', NULL, NULL, NULL, NULL, NULL, NULL)::df.step_v1"
        for call in (
            f"df.value_v1({step}, 'x')", f"df.value_v1({step}, 'x', 'n')", f"df.value_v1({step}, 'x', NULL, true)", f"df.rows_v1({step}, 'x')",
            f"df.count_v1({step}, 'x')", f"df.recordset_v1({step}, 'x')", f"df.param_v1({step}, 'n')", f"df.load_v1({step}, 'x')",
            f"df.load_param_v1({step}, 'n')", f"df.var_v1({step}, 'password')", f"df.var_v1({step}, 'sys_label')",
            f"df.find_binding_v1({task}, 'x')", f"df.lookup_param_v1({task}, 'n')", f"df.gather_v1({step}, 2, merge => ARRAY['x', '.result'])",
            f"df.wait_for_signal_v1({step}, 'other')", f"df.lap_v1({step})", f"df.is_stopped_v1({task})", "df.next_due_v1('-infinity')",
            "df.claim_task_v1('-infinity', 0, NULL)", f"df.claim_next_v1('{due}', {task - 1}, {version}, '0')",
            f"df.spread_v1('{due}', 0)", "df.retire_v1(1000)", "df.find_procedure_v1(1)",
        ):  # fmt: skip
            try:
                found = str(database.query(f"SELECT {call}", role="bob"))
            except psycopg.Error as error:
                found = str(error)
            assert SECRET not in found, call
    assert snapshot(database) == before


def test_notifications_and_names_of_sessions_carry_nothing(alices):
    """ATTACK: bob listens while alice starts, signals and drives, and reads what every session shows."""
    workflows, _ = alices
    database = workflows.database
    with database.connect("bob") as bob:
        bob.execute("LISTEN pgdurc")
        instance = workflows.start("w('another')")
        database.query("SELECT df.signal(%s, 'go', %s)", instance, SECRET)
        database.drive()
        database.query("SELECT df.cancel(%s, %s)", instance, SECRET)
        heard = list(bob.notifies(timeout=1, stop_after=10))
        assert heard
        assert {notification.payload for notification in heard} == {""}


def test_an_owner_whose_workflows_name_was_taken_over_still_lists_his_instances(alices):
    """ATTACK: alice drops her workflow, bob makes one of that name: her instances must not vanish from her lists, nor appear in his."""
    workflows, instance = alices
    database = workflows.database
    database.query("CREATE SCHEMA bobs", role="bob")
    workflows.deploy("DROP WORKFLOW w;")
    workflows.deploy("CREATE WORKFLOW w(m int) AS 'SELECT 1 AS one';", role="bob")
    # Started by somebody else, so that it is not the starter who sees it.
    database.query("UPDATE df.instance SET starter = 'carol'", role="dfowner")
    assert [row[0] for row in database.query("SELECT instance_id FROM df.list_instances()")] == [instance]
    assert database.query("SELECT instance_id FROM df.list_instances()", role="bob") == []
    assert SECRET not in str(database.query("SELECT * FROM df.workflows", role="bob"))


def test_a_function_in_the_place_of_a_dropped_starter_shows_nothing(alices):
    """ATTACK: the starter is gone and bob makes a function of its name and arguments, which he may execute: the right to start is
    also the right to see the workflow in df.workflows, and df.start_workflow evaluates its defaults."""
    workflows, _ = alices
    database = workflows.database
    database.query("DROP FUNCTION w(text)")
    database.query(
        "CREATE TABLE caught (who name); GRANT ALL ON caught TO PUBLIC;"
        " CREATE FUNCTION catch() RETURNS text LANGUAGE sql AS 'INSERT INTO caught VALUES (current_user) RETURNING who::text';"
        " CREATE FUNCTION w(n text DEFAULT catch()) RETURNS text LANGUAGE sql AS 'SELECT n'",
        role="bob",
    )
    assert database.query("SELECT * FROM df.workflows", role="bob") == []
    assert refused(database, "SELECT df.start_workflow('w')", role="alice").sqlstate == "PD005"
    assert database.query("SELECT * FROM caught", role="bob") == []


def test_revoked_usage_ends_what_was_prepared_before(alices):
    """ATTACK: statements prepared and functions planned while bob was let in."""
    workflows, _ = alices
    database = workflows.database
    workflows.deploy("CREATE WORKFLOW v() AS 'SELECT 1 AS one';", role="bob")
    with database.connect("bob") as bob:
        bob.execute("PREPARE begin AS SELECT v()")
        bob.execute("PREPARE look AS SELECT * FROM df.instance")
        bob.execute("CREATE VIEW keeps AS SELECT * FROM df.instances")
        for _ in range(7):
            bob.execute("EXECUTE begin")
            bob.execute("EXECUTE look")
        database.query("SELECT df.revoke_usage('bob')", role="dfowner")
        try:
            before = snapshot(database)
            for attack in (
                "EXECUTE begin",
                "EXECUTE look",
                "TABLE keeps",
                "SELECT v()",
                "SELECT df.status('x')",
                "CALL df.run(0, NULL)",
            ):
                with pytest.raises(psycopg.Error) as caught:
                    bob.execute(attack)
                assert caught.value.sqlstate == "42501", attack
            assert snapshot(database) == before
        finally:
            database.query("SELECT df.grant_usage('bob')", role="dfowner")
