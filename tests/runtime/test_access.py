"""Who may do what: bob never sees or touches what is alice's; a role may be let in to start one workflow."""

from __future__ import annotations

import psycopg
import pytest


@pytest.fixture
def alices(workflows):
    workflows.database.query("CREATE TABLE secret (x int)")
    workflows.deploy(
        "CREATE WORKFLOW w(n int DEFAULT 1) AS 'SELECT $n AS n' |=> x ~> df.sleep(100) ~> 'SELECT $x AS n';"
    )
    instance = workflows.start("w()")
    workflows.database.drive()
    workflows.database.query("SELECT df.setvar('password', 'alices')")
    return workflows, instance


def refused(database, statement, *parameters, role="bob"):
    with pytest.raises(psycopg.Error) as caught:
        database.query(statement, *parameters, role=role)
    return caught.value


def test_bob_sees_nothing_of_alices(alices):
    workflows, instance = alices
    database = workflows.database
    for table in (
        "instance",
        "task",
        "binding",
        "step_run",
        "stop_scope",
        "vars",
        "workflow_version",
        "step_def",
        "driver",
        "request",
    ):
        assert database.query(f"SELECT * FROM df.{table}", role="bob") == [], table
    for call in (
        "SELECT * FROM df.instances", "SELECT * FROM df.list_instances()", "SELECT * FROM df.workflows",
        f"SELECT * FROM df.timeline('{instance}')", f"SELECT * FROM df.waiting('{instance}')", f"SELECT * FROM df.instance_info('{instance}')",
    ):  # fmt: skip
        assert database.query(call, role="bob") == [], call
    assert database.value("SELECT df.status(%s)", instance, role="bob") is None
    assert "neither an instance nor a workflow" in database.value(
        "SELECT df.explain(%s)", instance, role="bob"
    )


def test_bob_cannot_stop_or_start_alices(alices):
    workflows, instance = alices
    database = workflows.database
    assert refused(database, "SELECT df.cancel(%s)", instance).sqlstate == "PD002"
    assert refused(database, "SELECT w()").sqlstate == "42501"
    assert refused(database, "SELECT df.start_workflow('w')").sqlstate in ("42501", "PD005")
    assert refused(
        database,
        "INSERT INTO df.request (caller, kind, payload)"
        ' VALUES (\'alice\', \'start\', \'{"schema": "public", "name": "w"}\')',
    ).sqlstate in ("42501",)
    assert refused(
        database,
        "INSERT INTO df.request (caller, kind, payload)"
        ' VALUES (\'bob\', \'start\', \'{"schema": "public", "name": "w"}\')',
    ).sqlstate in ("42501",)
    assert database.query("SELECT id FROM df.instances") == [(instance,)]


def test_bob_cannot_write_state(alices):
    workflows, instance = alices
    database = workflows.database
    task = database.value("SELECT task_id FROM df.waiting(%s)", instance)
    for statement in (
        "UPDATE df.task SET state = 1", "DELETE FROM df.step_run", "UPDATE df.instance SET status = 'completed'",
        "INSERT INTO df.binding (task_id, name) VALUES (1, 'x')", "UPDATE df.clock SET shift = '1 day'", "SELECT df.move_clock('1 day')",
        "INSERT INTO df.workflow (schema_name, name, owner, created_at) VALUES ('public', 'v', 'bob', now())",
    ):  # fmt: skip
        assert refused(database, statement).sqlstate == "42501", statement
    # The state functions find nobody else's task.
    before = database.query("SELECT * FROM df.task", role="dfowner")
    for statement in (
        f"SELECT df.advance_v1(ROW({task}, '{instance}', 1, 'done', NULL, NULL, NULL, NULL, NULL, NULL)::df.step_v1, 1, now(), '0', false)",
        f"SELECT df.fail_v1({task}, now(), '0', 'XX000', 'm', '', '', '', false)",
    ):
        refused(database, statement)
    for statement in (
        f"SELECT df.stopped_v1({task}, now(), '0')", f"SELECT df.postpone_v1({task}, '0')", f"SELECT df.brace_v1({task}, 1)",
    ):  # fmt: skip
        database.query(statement, role="bob")
    assert database.query("SELECT * FROM df.task", role="dfowner") == before
    step = f"ROW({task}, '{instance}', 1, 'advance', NULL, NULL, NULL, NULL, NULL, NULL)::df.step_v1"
    assert "not bound" in str(refused(database, f"SELECT df.value_v1({step}, 'x')"))
    assert database.value(f"SELECT df.param_v1({step}, 'n')", role="bob") is None


def test_bob_cannot_take_alices_workflow_over(alices):
    workflows, _ = alices
    with pytest.raises(psycopg.Error) as caught:
        workflows.deploy("CREATE WORKFLOW w(n int DEFAULT 1) AS 'SELECT 2 AS n';", role="bob")
    assert caught.value.sqlstate in ("42501", "42723")
    with pytest.raises(psycopg.Error):
        workflows.deploy("DROP WORKFLOW w;", role="bob")


def test_bobs_driver_does_not_touch_alices_tasks(alices):
    workflows, instance = alices
    workflows.move_clock("200 seconds")
    workflows.database.drive("bob")
    assert workflows.status(instance) == "running"
    workflows.database.drive("alice")
    assert workflows.status(instance) == "completed"


def test_the_right_to_start_is_execute_on_the_starter(alices):
    """carol is let in, may start w, sees and stops what she started, and nothing else."""
    workflows, instance = alices
    database = workflows.database
    database.query("SELECT df.grant_usage('carol')", role="dfowner")
    assert refused(database, "SELECT w()", role="carol").sqlstate == "42501"
    database.query("GRANT EXECUTE ON FUNCTION w(int) TO carol")
    hers = workflows.start("w(5)", role="carol")
    by_name = workflows.start("df.start_workflow('public.w', '{\"n\": 6}')", role="carol")
    assert {row[0] for row in database.query("SELECT id FROM df.instances", role="carol")} == {hers, by_name}
    assert database.query("SELECT name FROM df.workflows", role="carol") == [("public.w",)]
    database.drive()
    assert database.query("SELECT label FROM df.timeline(%s)", hers, role="carol") != []
    database.query("SELECT df.cancel(%s)", hers, role="carol")
    assert refused(database, "SELECT df.cancel(%s)", instance, role="carol").sqlstate == "PD002"
    workflows.move_clock("200 seconds")
    database.drive()
    assert [workflows.status(i) for i in (instance, hers, by_name)] == ["completed", "cancelled", "completed"]

    # It survives a redeployment with another signature, and ends with revoke_usage.
    workflows.deploy("CREATE WORKFLOW w(n int, m int DEFAULT 2) AS 'SELECT $n + $m AS n';")
    assert workflows.start("w(1)", role="carol")
    database.query("SELECT df.revoke_usage('carol')", role="dfowner")
    assert refused(database, "SELECT w(1)", role="carol").sqlstate == "42501"


def test_members_of_the_owner_see_its_instances(alices):
    workflows, instance = alices
    database = workflows.database
    member = f"member_of_alice_{database.name}"
    database.query(f"CREATE ROLE {member} LOGIN IN ROLE alice", role="postgres")
    try:
        assert database.query("SELECT id FROM df.instances", role=member) == [(instance,)]
        assert database.query("SELECT instance_id FROM df.list_instances()", role=member) == [(instance,)]
        assert database.value("SELECT df.cancel(%s)", instance, role=member).startswith("Instance")
    finally:
        # The request that it made names it.
        database.query("DELETE FROM df.request", role="dfowner")
        database.query(f"DROP ROLE {member}", role="postgres")


@pytest.mark.parametrize("name", ['Bob "the" Builder', "with space", "Ünï", "semi;colon"])
def test_odd_role_names(database, name):
    from psycopg import sql

    from tests.runtime.conftest import Workflows

    role = f"{name} {database.name}"
    identifier = sql.Identifier(role)
    with database.connect("postgres") as connection:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(identifier))
        connection.execute(sql.SQL("GRANT CREATE ON SCHEMA public TO {}").format(identifier))
    try:
        database.query("SELECT df.grant_usage(%s)", role, role="dfowner")
        workflows = Workflows(database)
        workflows.deploy("CREATE WORKFLOW w() AS 'SELECT current_user::text AS me';", role=role)
        instance = workflows.start("w()", role=role)
        database.drive(role)
        assert (
            database.value("SELECT df.result(%s)::jsonb -> 'rows' -> 0 ->> 'me'", instance, role=role) == role
        )
        assert database.query("SELECT id FROM df.instances") == []
    finally:
        with database.connect("postgres") as connection:
            connection.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(identifier))
            connection.execute(sql.SQL("DROP ROLE {}").format(identifier))


def test_set_role_is_the_caller_and_the_session_is_not(workflows):
    """As through a pooler or PostgREST: what counts is the role that was set."""
    database = workflows.database
    workflows.deploy("CREATE WORKFLOW w() AS 'SELECT 1 AS one';", role="bob")
    with database.connect("postgres") as connection:
        connection.execute("SET ROLE bob")
        instance = connection.execute("SELECT w()").fetchone()[0]
    assert database.query(
        "SELECT starter::text, owner::text FROM df.instances WHERE id = %s", instance, role="bob"
    ) == [("bob", "bob")]


def test_a_superuser_cannot_own_a_workflow(workflows):
    with pytest.raises(psycopg.Error, match="a superuser cannot own a workflow"):
        workflows.deploy("CREATE WORKFLOW w() AS 'SELECT 1 AS one';", role="postgres")


def test_a_procedure_that_is_not_the_owners_is_not_called(workflows):
    """The schema's owner can drop alice's procedure and put his own there: her driver must not run it."""
    database = workflows.database
    database.query(
        "CREATE SCHEMA shared AUTHORIZATION bob; GRANT CREATE, USAGE ON SCHEMA shared TO alice",
        role="postgres",
    )
    workflows.deploy("CREATE WORKFLOW shared.w() AS df.sleep(1) ~> 'SELECT 1 AS one';")
    instance = workflows.start("shared.w()")
    database.drive()
    procedure = database.value("SELECT procedure_name FROM df.workflow_version")
    database.query(f"DROP PROCEDURE shared.{procedure}", role="bob")
    database.query(
        f"CREATE PROCEDURE shared.{procedure}(INOUT step df.step_v1) LANGUAGE plpgsql AS"
        " 'BEGIN ALTER TABLE secrets OWNER TO bob; END'",
        role="bob",
    )
    workflows.move_clock("1 minute")
    database.drive()
    assert workflows.status(instance) == "failed"
    assert "is not alice's" in workflows.error(instance)["message"]
