"""Attacks that try to have code run, or a thing done, with the rights of another owner, of df's owner or of a superuser."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import psycopg
import pytest

from pgdurc.runtime import runtime_script

# Whoever runs this leaves his name.
TRAP = """
CREATE TABLE {schema}.caught (who name, during text);
GRANT USAGE ON SCHEMA {schema} TO PUBLIC;
GRANT ALL ON {schema}.caught TO PUBLIC;
"""


def test_a_schema_cron_that_is_not_pg_crons_is_not_touched(database):
    """ATTACK: where pg_cron is not installed bob makes a schema "cron" with a log of jobs whose trigger runs his code as whoever
    deletes from it: the janitor of every owner, the worker's included."""
    database.query(
        "CREATE SCHEMA cron; CREATE TABLE cron.job (jobid bigint, jobname text, username name, active boolean);"
        " CREATE TABLE cron.job_run_details (status text, start_time timestamptz, end_time timestamptz, command text,"
        "  username name, database name);"
        " INSERT INTO cron.job VALUES (1, 'pgdurc alice driver 1', 'alice', true);"
        " INSERT INTO cron.job_run_details VALUES"
        "  ('failed', '2020-01-01', '2020-01-01', 'CALL df.run(0, NULL)', 'alice', current_database());"
        + TRAP.format(schema="cron")
        + "GRANT ALL ON cron.job, cron.job_run_details TO PUBLIC;"
        " CREATE FUNCTION cron.catch() RETURNS trigger LANGUAGE plpgsql AS"
        "  $$ BEGIN INSERT INTO cron.caught VALUES (current_user, 'delete'); RETURN old; END $$;"
        " CREATE TRIGGER catch BEFORE DELETE ON cron.job_run_details FOR EACH ROW EXECUTE FUNCTION cron.catch();"
        " CREATE FUNCTION cron.unschedule(bigint) RETURNS boolean LANGUAGE sql AS"
        "  $$ INSERT INTO cron.caught VALUES (current_user, 'unschedule') RETURNING true $$;",
        role="bob",
    )
    database.query(
        'SELECT df.ask_v1(\'schedule\', NULL, \'{"job_name": "pgdurc alice driver 1", "kind": "pg_cron"}\')'
    )
    database.query("CALL df.janitor(0)")
    # Whether it goes or says that it cannot, nothing of bob's runs.
    with suppress(psycopg.Error):
        database.query("SELECT df.uninstall_scheduler()")
    with pytest.raises(psycopg.Error):
        database.query("SELECT df.install_scheduler()")
    assert database.query("SELECT * FROM cron.caught", role="bob") == []


def test_a_runtime_is_not_installed_into_somebody_elses_schema(empty_database):
    """ATTACK: before the runtime is there bob makes a schema "df" that looks like one, with a trigger: the installer would run it,
    and own functions in a schema that is bob's."""
    database = empty_database
    with database.connect("postgres") as connection:
        connection.execute(f"GRANT CREATE ON DATABASE {database.name} TO bob, dfowner")
    database.query(
        "CREATE SCHEMA df; CREATE TABLE df.runtime (is_only boolean PRIMARY KEY, version text, epoch integer, retention interval,"
        "  alone_until timestamptz, installed_at timestamptz);"
        + TRAP.format(schema="df")
        + "GRANT ALL ON SCHEMA df TO PUBLIC; GRANT ALL ON df.runtime TO PUBLIC;"
        " CREATE FUNCTION df.catch() RETURNS trigger LANGUAGE plpgsql AS"
        "  $$ BEGIN INSERT INTO df.caught VALUES (current_user, 'install'); RETURN new; END $$;"
        " CREATE TRIGGER catch BEFORE INSERT ON df.runtime FOR EACH ROW EXECUTE FUNCTION df.catch();",
        role="bob",
    )
    for installer in ("dfowner", "postgres"):
        with (
            database.connect(installer) as connection,
            pytest.raises(psycopg.Error) as caught,
            connection.transaction(),
        ):
            connection.execute(runtime_script())
        assert caught.value.sqlstate == "42501", caught.value
    assert database.query("SELECT * FROM df.caught", role="bob") == []
    assert (
        database.value("SELECT count(*) FROM pg_proc WHERE pronamespace = 'df'::regnamespace", role="bob")
        == 1
    )


def test_a_session_authorization_that_can_be_reset_does_not_drive(workflows):
    """ATTACK: a superuser borrows alice's identity and drives her workflows; her step resets the authorization and is superuser."""
    database = workflows.database
    database.query("CREATE TABLE caught (who name, is_super text)")
    workflows.deploy(
        "CREATE WORKFLOW w() AS $a$DO $b$ BEGIN EXECUTE 'RESET SESSION AUTHORIZATION';"
        " INSERT INTO public.caught VALUES (session_user, current_setting('is_superuser')); END $b$$a$;"
    )
    instance = workflows.start("w()")
    with database.connect("postgres") as connection:
        connection.execute("SET SESSION AUTHORIZATION alice")
        with pytest.raises(psycopg.Error) as caught:
            connection.execute("CALL df.run(0, NULL)")
    assert caught.value.sqlstate == "PD004", caught.value
    assert database.query("SELECT * FROM caught") == []
    assert workflows.status(instance) == "pending"


def test_a_procedure_swapped_between_two_steps_is_not_called(any_workflows):
    """ATTACK: bob owns the schema that alice's workflow stands in. Between two of her steps he drops her step procedure and puts his
    own of that name there. Her driver looked the procedure up before, and remembers it for a second."""
    workflows = any_workflows
    database = workflows.database
    database.query(
        "CREATE SCHEMA shared AUTHORIZATION bob; GRANT CREATE, USAGE ON SCHEMA shared TO alice",
        role="postgres",
    )
    database.query("CREATE TABLE caught (who name); GRANT ALL ON caught TO PUBLIC; CREATE TABLE gate (x int)")
    workflows.deploy("CREATE WORKFLOW shared.w() AS 'SELECT count(*) AS n FROM gate' ~> 'SELECT 2 AS two';")
    instance = workflows.start("shared.w()")
    name = database.value("SELECT procedure_name FROM df.workflow_version")
    with ThreadPoolExecutor() as threads, database.connect() as gate, database.connect() as canceller:
        gate.execute("BEGIN; LOCK TABLE gate")
        driver = threads.submit(database.drive)
        until(database, "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'gate'::regclass")
        canceller.execute("BEGIN")
        canceller.execute("SELECT df.cancel(%s)", (instance,))
        gate.execute("ROLLBACK")
        # The step is done; its commit waits for the cancel, for a second at most.
        until(
            database,
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database()"
            " AND query LIKE 'CALL df.run%' AND wait_event = 'PgSleep'",
        )
        with database.connect("bob") as bob, bob.transaction():
            bob.execute(f"DROP PROCEDURE shared.{name}(df.step_v1)")
            bob.execute(
                f"CREATE PROCEDURE shared.{name}(INOUT step df.step_v1) LANGUAGE plpgsql AS"
                " 'BEGIN INSERT INTO public.caught VALUES (current_user); step.outcome := ''done''; END'"
            )
            bob.execute(f"GRANT EXECUTE ON PROCEDURE shared.{name} TO PUBLIC")
        canceller.execute("ROLLBACK")
        driver.result(timeout=30)
    workflows.drive_until_ended(instance)
    assert database.query("SELECT * FROM caught") == []
    assert workflows.status(instance) == "failed"
    assert "is not alice's" in workflows.error(instance)["message"]


def test_a_version_that_names_anothers_procedure_does_not_take_it_along(workflows):
    """ATTACK: bob registers a version whose procedure is named as alice's will be, and removes the procedure. Somebody with rights over
    both prunes: alice's procedure must not go with bob's version."""
    database = workflows.database
    workflows.deploy("CREATE WORKFLOW w() AS df.sleep(60) ~> 'SELECT 2 AS two';")
    instance = workflows.start("w()")
    database.drive()
    theirs = database.value("SELECT procedure_name FROM df.workflow_version")
    # As if bob had been first: his version's row names what is alice's by now.
    workflows.deploy("CREATE WORKFLOW v() AS 'SELECT 1 AS one';", role="bob")
    workflows.deploy("CREATE WORKFLOW v() AS 'SELECT 2 AS two';", role="bob")
    database.query(
        "UPDATE df.workflow_version SET procedure_name = %s WHERE owner = 'bob'::regrole",
        theirs,
        role="dfowner",
    )
    database.query("SELECT df.prune_versions()", role="postgres")
    workflows.move_clock("2 minutes")
    assert workflows.drive_until_ended(instance) == "completed"


def until(database, query: str) -> None:
    """Until the query has a row."""
    deadline = time.monotonic() + 30
    while not database.query(query):
        assert time.monotonic() < deadline, query
