"""Who may do what: bob never sees or touches what is alice's; a role may be let in to start one workflow."""

from __future__ import annotations

import psycopg
import pytest

from tests.conftest import install_runtime
from tests.runtime.conftest import Workflows


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
    assert database.value("SELECT df.explain(%s)", instance, role="bob") == f"Instance '{instance}' not found"


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
    done = f"ROW({task}, '{instance}', 1, 'done', NULL, NULL, NULL, NULL, NULL, NULL)::df.step_v1"
    assert database.value(f"SELECT df.advance_v1({done}, 1, now(), '0', false)", role="bob") == "invalid"
    assert database.value(f"SELECT df.continue_v1({task}, 1, 'infinity')", role="bob") is None
    refused(database, f"SELECT df.fail_v1({task}, now(), '0', 'XX000', 'm', '', '', '', false)")
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


def test_default_privileges_give_nobody_the_right_to_start(workflows):
    """As where whatever is made in a schema is granted to the roles of an API; and what the owner grants stays."""
    database = workflows.database
    database.query("SELECT df.grant_usage('carol')", role="dfowner")
    database.query("ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON ROUTINES TO carol")
    workflows.deploy("CREATE WORKFLOW w(n int) AS 'SELECT $n AS n'; SELECT df.start('SELECT 1 AS n');")
    hash_ = database.value("SELECT hash FROM df.workflow_version WHERE call IS NOT NULL")
    for role in ("bob", "carol"):
        assert refused(database, "SELECT w(1)", role=role).sqlstate == "42501"
        assert refused(database, "SELECT df.start(%s, '{}'::jsonb)", hash_, role=role).sqlstate == "42501"

    database.query("GRANT EXECUTE ON FUNCTION w(int) TO bob")
    workflows.deploy("CREATE WORKFLOW w(n int) AS 'SELECT $n + 1 AS n';")
    assert workflows.start("w(1)", role="bob")
    # Nothing of what is new here is PUBLIC's: the starter's rights are written down from its beginning.
    database.query("ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON ROUTINES FROM PUBLIC")
    workflows.deploy("CREATE WORKFLOW w(n int, m int DEFAULT 2) AS 'SELECT $n + $m AS n';")
    assert workflows.start("w(1)", role="bob")
    assert refused(database, "SELECT w(1)", role="carol").sqlstate == "42501"


def test_a_role_that_keeps_what_it_makes_to_itself_can_install(empty_database):
    """PUBLIC may execute nothing, by the default privileges of whoever installs."""
    database = empty_database
    database.query("ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON ROUTINES FROM PUBLIC")
    database.query("ALTER DEFAULT PRIVILEGES REVOKE USAGE ON TYPES FROM PUBLIC")
    database.query("GRANT CREATE ON SCHEMA public TO bob")
    with database.connect() as connection:
        install_runtime(connection)
    workflows = Workflows(database)
    workflows.deploy("CREATE WORKFLOW w() AS 'SELECT 1 AS n' |=> x ~> 'SELECT $x + 1 AS n';", role="bob")
    instance = workflows.start("w()", role="bob")
    database.drive("bob")
    assert database.value("SELECT df.status(%s)", instance, role="bob") == "completed"
    for call in ("df.move_clock('1 day')", "df.metrics()", "df.grant_usage('carol')"):
        assert refused(database, f"SELECT {call}").sqlstate == "42501"


def test_default_privileges_do_not_open_the_tables_of_the_runtime(empty_database):
    """A trigger on one would act with the rights of the runtime's owner; and it is so after an upgrade, too."""
    database = empty_database
    for kind in ("TABLES", "SEQUENCES", "SCHEMAS"):
        database.query(f"ALTER DEFAULT PRIVILEGES GRANT ALL ON {kind} TO bob")
    database.query("GRANT CREATE ON SCHEMA public TO bob")
    database.query("CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'")
    with database.connect() as connection:
        install_runtime(connection)
    database.query("GRANT ALL ON ALL TABLES IN SCHEMA df TO bob WITH GRANT OPTION")
    database.query("GRANT UPDATE ON df.clock TO carol", role="bob")
    with database.connect() as connection:
        install_runtime(connection)
    for statement in (
        "UPDATE df.clock SET shift = '1 day'", "UPDATE df.runtime SET epoch = 99", "DELETE FROM df.workflow",
        "CREATE TRIGGER t BEFORE INSERT ON df.instance FOR EACH ROW EXECUTE FUNCTION f()",
        "SELECT setval('df.task_id_seq', 1)", "CREATE TABLE df.t (i int)",
    ):  # fmt: skip
        assert refused(database, statement).sqlstate == "42501", statement
    workflows = Workflows(database)
    workflows.deploy("CREATE WORKFLOW w() AS 'SELECT 1 AS n';", role="bob")
    instance = workflows.start("w()", role="bob")
    database.drive("bob")
    assert database.value("SELECT df.status(%s)", instance, role="bob") == "completed"


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


SEEN = ("instance", "task", "binding", "step_run", "signal", "stop_scope", "workflow_version", "step_def")


@pytest.fixture
def waiting(workflows):
    """Of alice's: an instance that waits for a signal, with something of it in each of the tables; she has set a variable."""
    database = workflows.database
    workflows.deploy(
        "CREATE WORKFLOW w(n int) AS 'SELECT $n AS n' |=> x ~> df.wait_for_signal('go') |=> go ~> 'SELECT $go.data AS data, $x AS n';"
        " CREATE WORKFLOW other() AS df.wait_for_signal('go');"
    )
    database.query("SELECT df.setvar('password', 'of alice')")
    mine, other = workflows.start("w(1)"), workflows.start("other()")
    database.drive()
    for instance in (mine, other):
        database.query("SELECT df.signal(%s, 'not yet', '1')", instance)
    return workflows, mine, other


def test_a_member_of_the_owner_sees_all_that_is_the_owners_but_variables(waiting):
    """PostgreSQL's rule: who has a role's rights has them here. Variables are of the role that set them."""
    workflows, mine, _ = waiting
    database = workflows.database
    member = f"member_of_alice_{database.name}"
    database.query(f"CREATE ROLE {member} LOGIN IN ROLE alice", role="postgres")
    try:
        for table in SEEN:
            count = f"SELECT count(*) FROM df.{table}"
            assert database.value(count, role=member) == database.value(count, role="dfowner") > 0, table
        assert database.query("SELECT * FROM df.vars", role=member) == []
        assert database.value("SELECT df.getvar('password')", role=member) is None
        assert database.value("SELECT df.signal(%s, 'go', '7')", mine, role=member) == "OK"
        database.drive()
        assert database.value("SELECT df.result(%s)::jsonb -> 'rows'", mine, role=member) == [
            {"data": 7, "n": 1}
        ]
        # The other way round it gives nothing: alice is no member of her member.
        database.query("SELECT df.setvar('v', '1')", role=member)
        assert database.query("SELECT name FROM df.vars") == [("password",)]
        # And with SET ROLE she is alice.
        with database.connect(member) as connection:
            connection.execute("SET ROLE alice")
            assert connection.execute("SELECT df.getvar('password')").fetchone() == ("of alice",)
    finally:
        database.query("DELETE FROM df.request; DELETE FROM df.vars; DELETE FROM df.signal", role="dfowner")
        database.query(f"DROP ROLE {member}", role="postgres")


def test_an_application_sees_and_signals_what_it_started_and_nothing_else(waiting):
    workflows, mine, other = waiting
    database = workflows.database
    database.query("SELECT df.grant_usage('carol')", role="dfowner")
    database.query("GRANT EXECUTE ON FUNCTION w(int) TO carol")
    hers = workflows.start("w(5)", role="carol")
    database.drive()
    for table, condition in (
        ("instance", "id = %s"), ("task", "instance_id = %s"), ("stop_scope", "instance_id = %s"), ("signal", "instance_id = %s"),
        ("binding", "task_id IN (SELECT id FROM df.task WHERE instance_id = %s)"),
        ("step_run", "task_id IN (SELECT id FROM df.task WHERE instance_id = %s)"),
    ):  # fmt: skip
        database.query("SELECT df.signal(%s, 'not yet', '2')", hers, role="carol")
        of_hers = database.value(f"SELECT count(*) FROM df.{table} WHERE {condition}", hers, role="dfowner")
        assert database.value(f"SELECT count(*) FROM df.{table}", role="carol") == of_hers > 0, table
    # Of the versions the one that hers runs on, though she may start no other.
    assert database.query("SELECT procedure_name LIKE 'w\\_\\_%' FROM df.workflow_version", role="carol") == [
        (True,)
    ]
    assert refused(database, "SELECT other()", role="carol").sqlstate == "42501"
    for instance in (mine, other):
        for call in ("SELECT df.signal(%s, 'go', '1')", "SELECT df.cancel(%s)"):
            assert refused(database, call, instance, role="carol").sqlstate == "PD002"
        assert database.value("SELECT df.status(%s)", instance, role="carol") is None
    assert database.query("SELECT * FROM df.vars", role="carol") == []
    assert database.value("SELECT df.signal(%s, 'go', '7')", hers, role="carol") == "OK"
    database.drive("carol")
    assert workflows.status(hers) == "running"
    database.drive()
    assert database.value("SELECT df.result(%s)::jsonb -> 'rows'", hers, role="carol") == [
        {"data": 7, "n": 5}
    ]
    assert [workflows.status(i) for i in (mine, other)] == ["running"] * 2
    assert (
        database.query("SELECT name FROM df.signal WHERE instance_id IN (%s, %s)", mine, other)
        == [("not yet",)] * 2
    )


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


def test_the_trigger_of_requests_serves_no_other_table(alices):
    """Attached to bob's own table it would act for whomever he writes down."""
    workflows, _ = alices
    error = refused(
        workflows.database,
        "CREATE TABLE forge (caller regrole, kind text, instance_id text, payload jsonb, answer text);"
        " CREATE TRIGGER t BEFORE INSERT ON forge FOR EACH ROW EXECUTE FUNCTION df.act_on_request()",
    )
    assert error.sqlstate == "42501"


@pytest.mark.parametrize("table", ["vars", "request", "task", "schedule", "instance", "clock"])
def test_nobody_can_lock_what_all_need(alices, table):
    workflows, _ = alices
    assert (
        refused(workflows.database, f"BEGIN; LOCK TABLE df.{table} IN ACCESS EXCLUSIVE MODE").sqlstate
        == "42501"
    )


def test_a_name_taken_over_gives_no_right_to_the_versions_behind_it(workflows):
    database = workflows.database
    workflows.deploy("CREATE WORKFLOW w() AS 'SELECT current_user::text AS me';")
    version = database.value("SELECT hash FROM df.workflow_version")
    workflows.deploy("DROP WORKFLOW w;")
    workflows.deploy("CREATE WORKFLOW w() AS 'SELECT 2 AS two';", role="bob")
    ask = "SELECT df.ask_v1('start', NULL, jsonb_build_object('schema', 'public', 'name', 'w', 'hash', %s::text))"
    assert refused(database, ask, version).sqlstate == "PD005"
    assert workflows.start("w()", role="bob")


def test_a_function_in_place_of_a_dropped_starter_gives_no_right(workflows):
    database = workflows.database
    workflows.deploy("CREATE WORKFLOW w() AS 'SELECT current_user::text AS me';")
    database.query("DROP FUNCTION w()")
    database.query("CREATE FUNCTION w() RETURNS text LANGUAGE sql AS 'SELECT 1::text'", role="bob")
    ask = 'SELECT df.ask_v1(\'start\', NULL, \'{"schema": "public", "name": "w"}\')'
    assert refused(database, ask).sqlstate == "PD005"


def test_what_a_registration_says_of_types_is_not_believed(workflows):
    """It would come back as SQL when somebody else drops the workflow."""
    database = workflows.database
    workflows.deploy("CREATE WORKFLOW w(n int) AS 'SELECT $n AS n';", role="bob")
    forged = (
        "SELECT df.ask_v1('register', NULL, jsonb_build_object('schema', 'public', 'name', 'w', 'hash', v.hash,"
        " 'search_path', v.search_path, 'argument_types', 'integer); CREATE TABLE pwned (x int); --',"
        " 'definition', jsonb_build_object('file', 'f', 'line', 1, 'source', 's', 'graph', '{}'::jsonb,"
        " 'states', '[]'::jsonb))) FROM df.workflow_version v"
    )
    database.query(forged, role="bob")
    assert database.value("SELECT argument_types FROM df.workflow", role="bob") == "integer"
    assert refused(database, "SELECT df.drop_workflow_v1('w')", role="alice").sqlstate == "42501"


@pytest.mark.parametrize(
    "setting", ["standard_conforming_strings = off", "array_nulls = off", "extra_float_digits = -15"]
)
def test_settings_of_the_owner_do_not_change_a_value(workflows, setting):
    database = workflows.database
    if setting.startswith("standard") and database.value("SHOW server_version_num") >= "190000":
        pytest.skip("this server knows no other way to read strings")
    database.query(f"ALTER ROLE alice IN DATABASE {database.name} SET {setting}", role="postgres")
    workflows.deploy(
        "CREATE WORKFLOW w(v text) AS 'SELECT ARRAY[NULL, 1.1::float8] AS a' |=> x"
        " ~> 'SELECT ''hello $v'' AS said, $x AS a, (SELECT a FROM $x.*) AS b';"
    )
    instance = str(database.value("SELECT w(%s)", "\\' || current_user --", role="alice"))
    database.drive()
    row = workflows.rows(instance)[0]
    assert row == {"said": "hello \\' || current_user --", "a": [None, 1.1], "b": [None, 1.1]}
