"""What a step may do to its driver: fail, at most. The next task runs as if nothing had happened."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import psycopg
import pytest

SETUP = """
CREATE TABLE effect (id int PRIMARY KEY, note text);
CREATE TABLE parent (id int PRIMARY KEY);
CREATE TABLE child (parent_id int REFERENCES parent DEFERRABLE INITIALLY DEFERRED);

CREATE FUNCTION deny() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''denied at the end''; END';
CREATE TABLE denied (id int);
CREATE CONSTRAINT TRIGGER denied AFTER INSERT ON denied DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION deny();

CREATE FUNCTION again() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN SET CONSTRAINTS ALL DEFERRED; UPDATE echo SET n = n + 1; RETURN NULL; END';
CREATE TABLE echo (n int);
INSERT INTO echo VALUES (0);
CREATE CONSTRAINT TRIGGER echo AFTER UPDATE ON echo DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (new.n < 1000000) EXECUTE FUNCTION again();

CREATE FUNCTION say_cancelled() RETURNS int LANGUAGE plpgsql AS
    'BEGIN RAISE EXCEPTION ''not really'' USING ERRCODE = ''57014''; END';
CREATE FUNCTION assert_false() RETURNS int LANGUAGE plpgsql AS 'BEGIN ASSERT false, ''never''; RETURN 1; END';
CREATE FUNCTION die() RETURNS int LANGUAGE sql AS 'SELECT pg_terminate_backend(pg_backend_pid())::int';
"""


@pytest.fixture
def hostile(any_workflows):
    any_workflows.database.query(SETUP)
    return any_workflows


def run(hostile, statement: str) -> str:
    """The step is followed by an innocent workflow, which must complete in the same run."""
    hostile.deploy(f"CREATE WORKFLOW w() AS 'INSERT INTO effect VALUES (1)' ~> $step${statement}$step$;")
    hostile.deploy("CREATE WORKFLOW innocent() AS 'INSERT INTO effect VALUES (99)';")
    instance = hostile.start("w()")
    innocent = hostile.start("innocent()")
    hostile.drive_until_ended(instance)
    hostile.drive_until_ended(innocent)
    assert hostile.status(innocent) == "completed"
    assert hostile.database.query("SELECT id FROM effect ORDER BY id") == [(1,), (99,)]
    return instance


@pytest.mark.parametrize(
    ("statement", "sqlstate", "message"),
    [
        ("SELECT 1/0", "22012", "division by zero"),
        ("SELECT assert_false()", "P0004", "never"),
        ("INSERT INTO child VALUES (7)", "23503", "violates foreign key constraint"),
        ("INSERT INTO denied VALUES (1)", "P0001", "denied at the end"),
        ("DO 'BEGIN COMMIT; END'", "2D000", "invalid transaction termination"),
        ("SELECT U&'\\0041' || chr(0)", "54000", "null character not permitted"),
        ("SELECT * FROM no_such_table", "42P01", 'relation "no_such_table" does not exist'),
    ],
)
def test_a_failure_fails_the_task_and_nothing_else(hostile, statement, sqlstate, message):
    instance = run(hostile, statement)
    assert hostile.status(instance) == "failed"
    error = hostile.error(instance)
    assert error["sqlstate"] == sqlstate
    assert message in error["message"]
    assert hostile.outcomes(instance) == ["ok", "failed"]


@pytest.mark.parametrize(
    ("statement", "sqlstate"),
    [("INSERT INTO child VALUES (7)", "23503"), ("INSERT INTO denied VALUES (1)", "P0001")],
)
def test_what_is_deferred_fails_its_step_also_where_the_procedure_does_not_see_to_it(
    hostile, statement, sqlstate
):
    """Its owner has rewritten it: the COMMIT would fail, outside of every handler, and take the driver down."""
    database = hostile.database
    hostile.deploy(f"CREATE WORKFLOW w() AS 'INSERT INTO effect VALUES (1)' ~> '{statement}';")
    hostile.deploy("CREATE WORKFLOW innocent() AS 'INSERT INTO effect VALUES (99)';")
    written = database.value(
        "SELECT pg_get_functiondef(p.oid) FROM pg_proc AS p WHERE starts_with(p.proname, 'w__')"
    )
    careless = written.replace("SET CONSTRAINTS ALL IMMEDIATE;", "")
    assert careless != written
    database.query(careless)
    instance = hostile.start("w()")
    innocent = hostile.start("innocent()")
    database.drive()
    assert hostile.outcomes(instance) == ["ok", "failed"]
    assert hostile.error(instance)["sqlstate"] == sqlstate
    assert hostile.status(innocent) == "completed"


def test_a_commit_in_a_step_gets_a_hint(hostile):
    instance = run(hostile, "DO 'BEGIN COMMIT; END'")
    assert "cannot end it" in hostile.error(instance)["hint"]


def test_a_trigger_that_queues_itself_again_does_not_hang_the_driver(hostile):
    instance = run(hostile, "UPDATE echo SET n = 1")
    assert hostile.status(instance) == "failed"


def test_a_long_message_is_cut(hostile):
    """All four parts of it: they are kept for as long as the history is."""
    part = "repeat('x', 3000000)"
    instance = run(
        hostile,
        "DO $do$ BEGIN RAISE EXCEPTION USING"
        f" MESSAGE = 'long ' || {part}, DETAIL = 'long ' || {part}, HINT = 'long ' || {part}; END $do$",
    )
    assert hostile.status(instance) == "failed"
    error = hostile.error(instance)
    for name in ("message", "detail", "hint"):
        assert error[name] == "long " + "x" * 99_995


def test_the_context_of_an_error_is_cut(hostile):
    """A call of a function for each level of it, and the text of each: PostgreSQL cuts none."""
    hostile.database.query(
        "CREATE FUNCTION fall(n int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN"
        f" RETURN CASE WHEN n > 0 THEN /* {'deep ' * 200} */ fall(n - 1) ELSE 1 / n END; END $$"
    )
    instance = run(hostile, "SELECT fall(300)")
    assert hostile.database.value("SELECT length(context) FROM df.error(%s)", instance) == 100_000


def test_an_interruption_is_no_attempt_but_the_fifth_in_a_row_fails(hostile):
    instance = run(hostile, "SELECT say_cancelled()")
    assert hostile.status(instance) == "failed"
    assert hostile.error(instance)["sqlstate"] == "57014"
    assert hostile.outcomes(instance) == ["ok"] + ["interrupted"] * 5


def test_a_step_that_kills_its_backend_fails_at_the_fifth_crash(hostile):
    instance = run(hostile, "SELECT die()")
    assert hostile.status(instance) == "failed"
    error = hostile.error(instance)
    assert "the COMMIT failed" in error["message"]
    assert hostile.outcomes(instance) == ["ok"] + ["crashed"] * 5


def test_of_two_steps_that_went_down_together_the_innocent_one_completes(hostile):
    """One takes all backends down, as a crash of the server would, each time when the other is at work, too."""
    database = hostile.database
    database.query(
        "CREATE FUNCTION at_work(workflow text) RETURNS TABLE (pid int) LANGUAGE sql AS"
        " 'SELECT a.pid FROM pg_stat_activity AS a JOIN df.instances AS i ON i.workflow = ''public.'' || at_work.workflow"
        "  AND a.application_name LIKE ''pgdurc '' || i.id || '' %:2'''"
    )
    # Waits until a step of that workflow is at work, or the workflow has ended.
    database.query(
        "CREATE FUNCTION meet(workflow text) RETURNS int LANGUAGE plpgsql AS $$ BEGIN"
        " FOR i IN 1 .. 200 LOOP"
        "  PERFORM pg_stat_clear_snapshot();"
        "  EXIT WHEN EXISTS (SELECT FROM at_work(meet.workflow))"
        "   OR EXISTS (SELECT FROM df.instances AS i WHERE i.workflow = 'public.' || meet.workflow AND i.ended_at IS NOT NULL);"
        "  PERFORM pg_sleep(0.01);"
        " END LOOP;"
        " RETURN 1; END $$"
    )
    database.query(
        "CREATE FUNCTION take_down_all() RETURNS int LANGUAGE plpgsql AS $$ BEGIN"
        " PERFORM meet('innocent');"
        " PERFORM pg_terminate_backend(a.pid) FROM at_work('innocent') AS a;"
        " PERFORM pg_terminate_backend(pg_backend_pid());"
        " RETURN 1; END $$"
    )
    hostile.deploy("CREATE WORKFLOW poison() AS 'SELECT 1' ~> 'SELECT take_down_all()';")
    hostile.deploy(
        "CREATE WORKFLOW innocent() AS 'SELECT 1' ~> 'SELECT meet(''poison''), pg_sleep(0.5)'"
        " ~> 'INSERT INTO effect VALUES (99)';"
    )
    poison, innocent = hostile.start("poison()"), hostile.start("innocent()")

    def drive() -> None:
        for _ in range(30):
            with suppress(psycopg.OperationalError):
                database.drive()
            if {hostile.status(poison), hostile.status(innocent)} <= {"completed", "failed"}:
                return

    with ThreadPoolExecutor() as drivers:
        for driver in [drivers.submit(drive) for _ in range(2)]:
            driver.result()
    assert hostile.status(poison) == "failed"
    assert hostile.status(innocent) == "completed"
    # Usually four times: it may be between two steps just then.
    assert "crashed" in hostile.outcomes(innocent)
    assert database.query("SELECT id FROM effect") == [(99,)]


def test_a_cancel_from_outside_leaves_no_trace_in_the_counters(hostile):
    """Ctrl-C in psql, once: the step is due again and then completes."""
    database = hostile.database
    database.query("CREATE SEQUENCE tries")
    database.query(
        "CREATE FUNCTION once() RETURNS int LANGUAGE plpgsql AS"
        " 'BEGIN IF nextval(''tries'') = 1 THEN PERFORM pg_cancel_backend(pg_backend_pid()); PERFORM pg_sleep(5);"
        " END IF; RETURN 1; END'"
    )
    instance = run(hostile, "SELECT once()")
    assert hostile.status(instance) == "completed"
    assert hostile.outcomes(instance) == ["ok", "interrupted", "ok"]


def test_statement_timeout_interrupts_the_step(hostile):
    """It fires once in a CALL, so the run ends after it; five in a row fail the task."""
    name = hostile.database.name
    hostile.database.query(
        f"ALTER ROLE bob IN DATABASE {name} SET statement_timeout = '200ms'", role="postgres"
    )
    hostile.deploy("CREATE WORKFLOW slow() AS 'SELECT pg_sleep(1)';", role="bob")
    instance = hostile.start("slow()", role="bob")
    for _ in range(5):
        hostile.database.drive("bob")
        hostile.move_clock("1 hour")
    assert hostile.status(instance) == "failed"


LEAKS = {
    "a setting": ("SET work_mem = '77MB'", "SELECT current_setting('work_mem') AS seen", "4MB"),
    "a search_path": (
        "SET search_path = pg_catalog",
        "SELECT current_setting('search_path') AS seen",
        "public, pg_temp",
    ),
    "a role": ("SET ROLE pg_read_all_settings", "SELECT current_user::text AS seen", "alice"),
    "a temporary table": (
        "CREATE TEMP TABLE left_over (x int)",
        "SELECT coalesce(to_regclass('pg_temp.left_over')::text, 'none') AS seen",
        "none",
    ),
    "an advisory lock": (
        "SELECT pg_advisory_lock(4711)",
        "SELECT count(*)::text AS seen FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()",
        "0",
    ),
    "a held cursor": (
        "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
        "SELECT count(*)::text AS seen FROM pg_cursors WHERE name = 'c'",
        "0",
    ),
    "a prepared statement": (
        "PREPARE p AS SELECT 1",
        "SELECT count(*)::text AS seen FROM pg_prepared_statements",
        "0",
    ),
    "read only": (
        "SET default_transaction_read_only = on",
        "INSERT INTO effect VALUES (5) RETURNING 'written' AS seen",
        "written",
    ),
    "serializable": (
        "SET default_transaction_isolation = serializable",
        "SELECT current_setting('transaction_isolation') AS seen",
        "read committed",
    ),
    "a listen": ("LISTEN somewhere", "SELECT count(*)::text AS seen FROM pg_listening_channels()", "0"),
    "a lock_timeout": ("SET lock_timeout = '9s'", "SELECT current_setting('lock_timeout') AS seen", "0"),
    "a sequence": (
        "SELECT nextval('numbers')",
        "SELECT coalesce((SELECT 'known' FROM (SELECT lastval()) AS l), 'none') AS seen",
        "55000",
    ),
}


@pytest.mark.parametrize("leak", LEAKS)
def test_nothing_leaks_into_the_next_step(hostile, leak):
    statement, probe, expected = LEAKS[leak]
    database = hostile.database
    database.query("CREATE SEQUENCE numbers")
    database.query("GRANT pg_read_all_settings TO alice", role="postgres")
    # The statement hides in a DO block: written plainly, the compiler would refuse or warn of it.
    hostile.deploy(
        f"CREATE WORKFLOW w() AS $a$DO $b$BEGIN EXECUTE $c${statement}$c$; END$b$$a$ ~> $a${probe}$a$;"
    )
    instance = hostile.start("w()")
    database.drive()
    if hostile.status(instance) == "failed":
        assert hostile.error(instance)["sqlstate"] == expected
    else:
        assert hostile.rows(instance) == [{"seen": expected}]


@pytest.mark.parametrize(
    "default", ["default_transaction_isolation = 'serializable'", "default_transaction_read_only = on"]
)
def test_role_defaults_do_not_stop_a_driver(hostile, default):
    database = hostile.database
    hostile.deploy(
        "CREATE WORKFLOW w() AS $$INSERT INTO effect VALUES (1, current_setting('transaction_isolation'))$$"
        " ~> $$INSERT INTO effect VALUES (2, current_setting('transaction_isolation'))$$;",
        role="alice",
    )
    instance = hostile.start("w()")
    # In this database only: the role is everybody's.
    database.query(f"ALTER ROLE alice IN DATABASE {database.name} SET {default}", role="postgres")
    database.drive()
    assert hostile.status(instance) == "completed"
    assert database.query("SELECT id, note FROM effect ORDER BY id", role="postgres") == [
        (1, "read committed"),
        (2, "read committed"),
    ]


def test_transaction_timeout_is_fatal_for_the_session_and_bounded(database):
    """PostgreSQL 17 and later: SET LOCAL transaction_timeout ends the session, which counts as a crash."""
    from tests.runtime.conftest import Workflows

    if database.server.major < 17:
        pytest.skip("transaction_timeout came with PostgreSQL 17")
    workflows = Workflows(database)
    workflows.deploy(
        "CREATE WORKFLOW w() AS"
        " $a$DO $b$BEGIN PERFORM set_config('transaction_timeout', '50ms', true); PERFORM pg_sleep(5); END$b$$a$;"
    )
    instance = workflows.start("w()")
    workflows.drive_until_ended(instance)
    assert workflows.status(instance) == "failed"
    assert workflows.outcomes(instance) == ["crashed"] * 5


def test_a_superuser_does_not_drive(hostile):
    with pytest.raises(psycopg.Error, match="superuser does not drive"):
        hostile.database.drive("postgres")


def test_a_standby_clock_and_caps(hostile):
    """max_seconds over the cap still returns; next_due tells of a sleeping task."""
    hostile.deploy("CREATE WORKFLOW w() AS df.sleep(3600) ~> 'SELECT 1 AS one';")
    instance = hostile.start("w()")
    assert hostile.database.drive() is not None
    assert hostile.status(instance) == "running"
    hostile.move_clock("1 hour")
    assert hostile.database.drive() is None
    assert hostile.status(instance) == "completed"


def test_a_crash_out_of_the_blue_is_in_the_history(hostile):
    """A backend killed from outside in its second step, in normal work: the attempt that died is a row of history."""
    import threading

    database = hostile.database
    database.query("CREATE TABLE gate (x int)")
    hostile.deploy(
        "CREATE WORKFLOW w() AS 'INSERT INTO effect VALUES (1)' ~> 'SELECT count(*) AS n FROM gate';"
    )
    instance = hostile.start("w()")

    def drive():
        with pytest.raises(psycopg.OperationalError):
            database.drive()

    with database.connect() as holder:
        holder.execute("BEGIN; LOCK TABLE gate")
        driver = threading.Thread(target=drive)
        driver.start()
        database.until("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'gate'::regclass")
        database.query(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE NOT granted AND relation = 'gate'::regclass"
        )
        driver.join(30)
        holder.execute("ROLLBACK")
    hostile.drive_until_ended(instance)
    assert hostile.status(instance) == "completed"
    assert hostile.outcomes(instance) == ["ok", "crashed", "ok"]


def test_a_temporary_table_with_a_trigger_still_queued_fails_the_step_alone(hostile):
    instance = run(
        hostile,
        "DO $d$ BEGIN CREATE TEMP TABLE t (n int); "
        "CREATE FUNCTION pg_temp.again() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN IF new.n < 2 THEN SET CONSTRAINTS ALL DEFERRED; UPDATE t SET n = n + 1; END IF; RETURN NULL; END'; "
        "CREATE CONSTRAINT TRIGGER t AFTER INSERT OR UPDATE ON t DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION pg_temp.again(); INSERT INTO t VALUES (0); END $d$",
    )
    assert hostile.status(instance) in ("completed", "failed")


def test_careful_work_strands_no_task(hostile):
    """Short runs on new connections, as pg_cron makes them, beside one that died: everything ends."""
    database = hostile.database
    hostile.deploy("CREATE WORKFLOW w() AS 'SELECT 1 AS a' ~> 'SELECT 2 AS b' ~> 'SELECT 3 AS c';")
    database.query("SELECT w() FROM generate_series(1, 200)")
    database.query(
        "INSERT INTO df.driver (owner, pid, backend_start, opened_at) VALUES ('alice', 1, now(), now() - interval '1 day')",
        role="dfowner",
    )
    for _ in range(400):
        database.drive(max_seconds=0.05)
        if database.value("SELECT count(*) FROM df.instances WHERE status IN ('pending', 'running')") == 0:
            break
    assert database.query("SELECT status, count(*) FROM df.instances GROUP BY 1") == [("completed", 200)]
    assert database.value("SELECT count(*) FROM df.step_run WHERE outcome <> 'ok'") == 0
    assert database.value("SELECT count(*) FROM df.driver WHERE died_at IS NOT NULL") == 1
