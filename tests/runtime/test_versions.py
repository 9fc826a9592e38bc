"""Versions: pinned, recognised, replaced, pruned; and the same runtime installed again."""

from __future__ import annotations

import psycopg
import pytest

from pgdurc.compile import compile_text
from pgdurc.runtime import runtime_script
from tests.conftest import install_runtime

ONE = "CREATE WORKFLOW w(n int DEFAULT 1) AS 'SELECT ''one'' AS v' ~> df.sleep(60) ~> 'SELECT ''one'' AS v, $n AS n';"
TWO = "CREATE WORKFLOW w(n int DEFAULT 1) AS 'SELECT ''two'' AS v' ~> df.sleep(60) ~> 'SELECT ''two'' AS v, $n AS n';"


def versions(workflows):
    return workflows.database.value("SELECT count(*) FROM df.workflow_version")


def test_an_instance_stays_on_the_version_it_started_with(workflows):
    workflows.deploy(ONE)
    first = workflows.start("w()")
    workflows.database.drive()
    workflows.deploy(TWO)
    second = workflows.start("w()")
    workflows.database.drive()
    workflows.move_clock("1 minute")
    workflows.database.drive()
    assert workflows.rows(first) == [{"v": "one", "n": 1}]
    assert workflows.rows(second) == [{"v": "two", "n": 1}]


def test_compiling_again_with_no_change_is_a_no_op(workflows):
    workflows.deploy(ONE)
    workflows.deploy("-- moved down by a comment\n\n" + ONE)
    assert versions(workflows) == 1
    assert workflows.database.value("SELECT line FROM df.workflow_version") == 3


def test_going_back_to_an_earlier_version(workflows):
    for text in (ONE, TWO, ONE):
        workflows.deploy(text)
    assert versions(workflows) == 2
    instance = workflows.start("w()")
    workflows.database.drive()
    workflows.move_clock("1 minute")
    workflows.database.drive()
    assert workflows.rows(instance)[0]["v"] == "one"


def test_a_superseded_version_cannot_be_started(workflows):
    """EXECUTE on the starter is a right to what the workflow is now; what is in flight stays what it was."""
    workflows.deploy(ONE)
    old = workflows.database.value("SELECT hash FROM df.workflow_version")
    workflows.database.query("SELECT df.grant_usage('carol')", role="dfowner")
    workflows.database.query("GRANT EXECUTE ON FUNCTION w(int) TO carol")
    start = f"df.start_v1('w', '{old}', '{{\"n\": \"1\"}}')"
    first = workflows.start(start, role="carol")
    workflows.deploy(TWO)
    for role in ("carol", "alice"):
        with pytest.raises(psycopg.Error, match="has been superseded") as caught:
            workflows.start(start, role=role)
        assert caught.value.sqlstate == "PD005"
    assert workflows.drive_until_ended(first) == "completed"
    assert workflows.rows(first)[0]["v"] == "one"
    workflows.deploy(ONE)
    assert workflows.start(start, role="carol")


def test_another_search_path_is_refused(workflows):
    workflows.deploy("CREATE SCHEMA s; " + ONE)
    with pytest.raises(psycopg.Error, match="deployed with another search_path"):
        workflows.deploy("SET LOCAL search_path = public, s; " + ONE)


def test_a_starter_with_another_signature_replaces_the_old_one(workflows):
    workflows.deploy(ONE)
    workflows.deploy("CREATE WORKFLOW w(m text) AS 'SELECT $m AS m';")
    with pytest.raises(psycopg.errors.UndefinedFunction):
        workflows.start("w(1)")
    assert workflows.start("w(m => 'x')")


def test_a_function_that_is_not_ours_is_not_replaced(workflows):
    workflows.database.query("CREATE FUNCTION w(n int) RETURNS text LANGUAGE sql AS 'SELECT ''mine'''")
    with pytest.raises(psycopg.Error, match="already exists and is not the starter"):
        workflows.deploy(ONE)
    assert workflows.start("w(1)") == "mine"
    assert versions(workflows) == 0


def test_deploying_again_after_the_runtime_was_removed(workflows):
    """The starter is left over, and nobody knows it: the hint drops it."""
    database = workflows.database
    workflows.deploy(ONE)
    with database.connect("dfowner") as connection:
        connection.execute("DROP SCHEMA df CASCADE")
        install_runtime(connection)
    with pytest.raises(psycopg.Error, match="already exists and is not the starter") as refused:
        workflows.deploy(ONE)
    left_over = "SELECT format('DROP FUNCTION %s;', p.oid::regprocedure) FROM pg_proc AS p WHERE p.prosrc LIKE '%SELECT df.start_v1(%'"
    (drop,) = database.query(left_over)[0]
    assert refused.value.diag.message_hint.endswith(f"or drop the function: {drop}")
    database.query(drop)
    workflows.deploy(ONE)
    assert workflows.start("w()")


def test_prune_drops_what_no_instance_needs(workflows):
    workflows.deploy(ONE)
    instance = workflows.start("w()")
    workflows.deploy(TWO)
    assert workflows.database.query("SELECT df.prune_versions()") == []
    workflows.move_clock("1 hour")
    workflows.database.drive()
    workflows.move_clock("1 hour")
    workflows.database.drive()
    assert workflows.status(instance) == "completed"
    workflows.move_clock("40 days")
    workflows.database.query("CALL df.janitor(0)")
    pruned = workflows.database.query("SELECT df.prune_versions()")
    assert len(pruned) == 1
    assert versions(workflows) == 1
    assert workflows.database.value("SELECT count(*) FROM pg_proc WHERE proname LIKE 'w\\_\\_%%'") == 1
    assert workflows.start("w()")


def test_prune_keeps_what_is_being_started(workflows):
    """A start that is not committed yet holds its version, and nobody waits for it."""
    workflows.deploy(ONE)
    with workflows.database.connect(autocommit=False) as starter:
        starter.execute("SELECT w()")
        workflows.database.query("ALTER FUNCTION w(int) RENAME TO w_old")  # the version is superseded by hand
        workflows.database.query("UPDATE df.workflow SET version_id = NULL", role="dfowner")
        assert workflows.database.query("SELECT df.prune_versions()") == []
        starter.commit()
    assert workflows.database.query("SELECT df.prune_versions()") == []


def test_who_prunes_holds_up_nobody_who_starts(workflows):
    """Of calls each version could be pruned some day, also while it is started all the time."""
    first, second = "SELECT df.start('SELECT 1');", "SELECT df.start('SELECT 2');"
    workflows.deploy(first + second)
    workflows.move_clock("2 days")
    with workflows.database.connect() as pruner:
        pruner.execute("BEGIN")
        assert pruner.execute("SELECT df.prune_versions()").fetchall() == []
        with workflows.database.connect() as starter:
            starter.execute("SET lock_timeout = '2s'")
            starter.execute(compile_text(second + first, file="test.sql").sql)


def test_drop_workflow(workflows):
    workflows.deploy(ONE)
    instance = workflows.start("w()")
    workflows.deploy("DROP WORKFLOW w;")
    with pytest.raises(psycopg.errors.UndefinedFunction):
        workflows.start("w()")
    with pytest.raises(psycopg.Error, match="does not exist"):
        workflows.deploy("DROP WORKFLOW w;")
    workflows.deploy("DROP WORKFLOW IF EXISTS w;")
    workflows.drive_until_ended(instance)
    assert workflows.status(instance) == "completed"
    workflows.deploy(ONE)
    assert workflows.start("w()")


def test_schemas_keep_their_workflows_apart(workflows):
    for schema in ("tenant_a", "tenant_b"):
        workflows.deploy(
            f"CREATE SCHEMA {schema}; SET LOCAL search_path = {schema}; CREATE TABLE t AS SELECT '{schema}' AS name;"
            " CREATE WORKFLOW w() AS 'SELECT name FROM t';"
        )
    instances = [workflows.start(f"{schema}.w()") for schema in ("tenant_a", "tenant_b")]
    workflows.database.drive()
    assert [workflows.rows(i) for i in instances] == [[{"name": "tenant_a"}], [{"name": "tenant_b"}]]


def test_installing_twice_is_a_no_op(workflows):
    workflows.deploy(ONE)
    instance = workflows.start("w()")
    workflows.database.drive()
    with workflows.database.connect("dfowner") as connection, connection.transaction():
        connection.execute(runtime_script())
    workflows.move_clock("1 minute")
    workflows.database.drive()
    assert workflows.status(instance) == "completed"


def test_a_script_that_needs_a_newer_runtime_is_refused(workflows):
    with pytest.raises(psycopg.Error, match="a newer pgdurc runtime is needed than"):
        workflows.database.query("SELECT df.require_runtime(99)")


def test_pg_durables_schema_is_left_alone(empty_database):
    empty_database.query("CREATE SCHEMA df")
    with pytest.raises(psycopg.Error, match='schema "df" exists and is not pgdurc\'s'):
        empty_database.query(runtime_script())


def test_installing_again_does_not_wait_for_a_running_step(workflows):
    """Nor does it hold up the steps that come: it takes no lock that a claim or a step conflicts with."""
    import threading

    database = workflows.database
    database.query("CREATE TABLE gate (x int)")
    workflows.deploy("CREATE WORKFLOW w() AS 'SELECT count(*) AS n FROM gate';")
    instance = workflows.start("w()")
    with database.connect() as holder:
        holder.execute("BEGIN; LOCK TABLE gate")
        driver = threading.Thread(target=database.drive)
        driver.start()
        database.until("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'gate'::regclass")
        with database.connect("dfowner") as connection, connection.transaction():
            connection.execute("SET LOCAL lock_timeout = '2s'")
            connection.execute(runtime_script())
        holder.execute("ROLLBACK")
        driver.join(30)
    assert workflows.status(instance) == "completed"


def test_prune_needs_to_see_what_is_committed(workflows):
    workflows.deploy(ONE)
    workflows.deploy(TWO)
    with workflows.database.connect() as connection:
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        with pytest.raises(psycopg.Error, match="in a repeatable read transaction"):
            connection.execute("SELECT df.prune_versions()")


def test_nothing_on_the_installers_path_is_used(empty_database):
    """Another role's function or operator there must not run, or end up in a policy, with the installer's rights."""
    database = empty_database
    database.query("GRANT ALL ON SCHEMA public TO bob", role="postgres")
    database.query(
        """
        CREATE FUNCTION public.format(text, text, text) RETURNS text LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'mine'; END $$;
        CREATE FUNCTION public.always(regrole, regrole) RETURNS boolean LANGUAGE sql AS 'SELECT true';
        CREATE OPERATOR public.= (LEFTARG = regrole, RIGHTARG = regrole, FUNCTION = public.always);
        """,
        role="bob",
    )
    with database.connect("alice") as connection:
        connection.execute("SET search_path = public, pg_catalog")
        connection.execute(runtime_script())
        used = connection.execute(
            "SELECT count(*) FROM pg_depend d JOIN pg_operator o ON d.refclassid = 'pg_operator'::regclass AND d.refobjid = o.oid"
            " WHERE o.oprnamespace = 'public'::regnamespace AND d.classid <> 'pg_operator'::regclass"
        ).fetchone()
    assert used == (0,)


def test_a_restored_request_does_not_act_again(workflows):
    workflows.deploy(ONE)
    instance = workflows.start("w()")
    workflows.database.query(
        "INSERT INTO df.request (caller, kind, instance_id, payload, answer) VALUES ('alice', 'cancel', %s, '{}', 'done')",
        instance,
        role="dfowner",
    )
    assert workflows.status(instance) == "pending"
