"""Starting, running, retrying, stopping, waiting."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest


def test_a_workflow_runs_to_its_result(workflows):
    instance = workflows.run("CREATE WORKFLOW w(n int DEFAULT 3) AS 'SELECT $n * 2 AS doubled';")
    assert workflows.status(instance) == "completed"
    assert workflows.result(instance) == {"rows": [{"doubled": 6}], "row_count": 1}


def test_steps_make_no_multixacts(workflows):
    """One a step would exhaust them, and make each old version of a task's row dear to look at."""
    workflows.deploy("CREATE WORKFLOW w() AS {};".format(" ~> ".join(["'SELECT 1'"] * 20)))

    def made() -> int:
        before = workflows.database.value("SELECT mxid_age('1')")
        workflows.start("w()")
        workflows.database.drive()
        return int(workflows.database.value("SELECT mxid_age('1')")) - before

    # The server has other databases, in which other tests may be at work.
    assert min(made() for _ in range(5)) < 10


def test_typed_arguments_and_defaults_through_both_doors(workflows):
    workflows.deploy(
        "CREATE WORKFLOW w(d date, n numeric DEFAULT 1.50, tags text[] DEFAULT '{a,b}', at timestamptz DEFAULT '2024-01-02 03:04:05+02')"
        " AS 'SELECT $d + 1 AS d, $n AS n, $tags AS tags, $at AS at, pg_typeof($n)::text AS t';"
    )
    typed = workflows.start("w(d => '2024-02-28')")
    by_name = workflows.start("""df.start_workflow('w', '{"d": "2024-02-28", "tags": ["x,y", "z"]}')""")
    workflows.database.drive()
    expected = {
        "d": "2024-02-29",
        "n": 1.5,
        "tags": ["a", "b"],
        "at": "2024-01-02T01:04:05+00:00",
        "t": "numeric",
    }
    assert workflows.rows(typed) == [expected]
    assert workflows.rows(by_name) == [expected | {"tags": ["x,y", "z"]}]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ('{"n": 1}', 'argument "d" of workflow "w" is missing'),
        ('{"d": "2024-01-01", "m": 1}', 'workflow "w" has no parameter m'),
        (
            '{"d": "yesterdayish"}',
            'argument "d" of workflow "w": invalid input syntax for type date: "yesterdayish"',
        ),
        ("[1]", 'the arguments of workflow "w" must be a JSON object'),
    ],
)
def test_bad_arguments_are_refused_and_start_nothing(workflows, args, message):
    workflows.deploy("CREATE WORKFLOW w(d date, n int DEFAULT 1) AS 'SELECT $d AS d, $n AS n';")
    with pytest.raises(psycopg.Error) as caught:
        workflows.database.query("SELECT df.start_workflow('w', %s)", args)
    assert caught.value.diag.message_primary == message
    assert caught.value.sqlstate == "PD003"
    assert workflows.database.query("SELECT id FROM df.instances") == []


def test_an_unknown_workflow_is_named(workflows):
    with pytest.raises(psycopg.Error, match=r'workflow "nowhere\.w" does not exist'):
        workflows.database.query("SELECT df.start_workflow('nowhere.w')")


def test_a_key_makes_a_start_idempotent(workflows):
    workflows.deploy(
        "CREATE WORKFLOW w(n int) AS 'SELECT $n AS n'; CREATE WORKFLOW v() AS 'SELECT 1 AS one';"
    )
    first = workflows.start("""df.start_workflow('w', '{"n": 1}', key => 'order 7')""")
    assert workflows.start("""df.start_workflow('w', '{"n": 2}', key => 'order 7')""") == first
    assert workflows.start("""df.start_workflow('v', key => 'order 7')""") != first
    workflows.database.drive()
    assert workflows.rows(first) == [{"n": 1}]


def test_two_starts_with_one_key_at_the_same_time(workflows):
    """The second waits for the first, and gets its id or, where the first rolled back, one of its own."""
    import threading

    workflows.deploy("CREATE WORKFLOW w() AS 'SELECT 1 AS one';")
    database = workflows.database
    for end in ("COMMIT", "ROLLBACK"):
        answers = []
        with database.connect() as first:
            first.execute("BEGIN")
            one = first.execute("SELECT df.start_workflow('w', key => %s)", (end,)).fetchone()[0]
            other = threading.Thread(
                target=lambda end=end, answers=answers: answers.append(
                    database.value("SELECT df.start_workflow('w', key => %s)", end)
                )
            )
            other.start()
            database.until(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()",
                role="postgres",
            )
            first.execute(end)
            other.join(30)
        assert (answers == [one]) == (end == "COMMIT")
        assert len(answers) == 1


def test_a_start_is_transactional(workflows):
    workflows.deploy("CREATE WORKFLOW w() AS 'SELECT 1 AS one';")
    with workflows.database.connect(autocommit=False) as connection:
        connection.execute("SELECT w()")
        connection.rollback()
    assert workflows.database.query("SELECT id FROM df.instances") == []


def test_a_backoff_longer_than_there_is_time(workflows):
    workflows.deploy(
        "CREATE WORKFLOW w() WITH (max_attempts = 2, backoff = '285000 years', backoff_max = '285000 years') AS"
        " 'SELECT 1/0 AS x';"
    )
    instance = workflows.start("w()")
    # Not read: a Python datetime ends with the year 9999.
    workflows.database.query("DO 'DECLARE due timestamptz; BEGIN CALL df.run(0, due); END'")
    assert workflows.outcomes(instance) == ["failed"]
    assert workflows.database.value(
        "SELECT wake_at BETWEEN '77000-01-01' AND '128000-01-01' FROM df.waiting(%s)", instance
    )


@pytest.mark.parametrize(
    ("duration", "message"),
    [
        ("280000 * 366 * 86400.0 * 2", "interval out of range"),
        ("400000 || ' years'", "timestamp out of range"),
        ("'infinity'::float8", "interval out of range"),
    ],
)
def test_a_sleep_longer_than_there_is_time_is_one_failed_attempt(workflows, duration, message):
    instance = workflows.run(f"CREATE WORKFLOW w() AS df.sleep({duration});")
    assert workflows.outcomes(instance) == ["failed"]
    assert workflows.error(instance)["message"] == message


def test_retries_follow_the_declared_backoff_and_hold_no_driver(workflows):
    database = workflows.database
    database.query("CREATE SEQUENCE tries")
    instance = workflows.run(
        "CREATE WORKFLOW w() WITH (max_attempts = 4, backoff = '4 seconds', backoff_max = '9 seconds') AS"
        " 'SELECT 1 / (CASE WHEN nextval(''tries'') < 4 THEN 0 ELSE 1 END) AS done';"
    )
    waits = []
    while workflows.status(instance) == "running":
        wake_at, reason, attempt = database.query(
            "SELECT wake_at - df.now(), reason, attempt FROM df.waiting(%s)", instance
        )[0]
        assert reason == "retry"
        waits.append((attempt, wake_at.total_seconds()))
        workflows.move_clock("20 seconds")
        database.drive()
    assert workflows.status(instance) == "completed"
    assert workflows.outcomes(instance) == ["failed", "failed", "failed", "ok"]
    # Jitter is a quarter either way; the third would be 16 s and is capped at 9. Some time has passed when we look.
    assert [attempt for attempt, _ in waits] == [2, 3, 4]
    for (_, wait), declared in zip(waits, (4, 8, 9), strict=True):
        assert 0.75 * declared - 1 < wait <= 1.25 * declared


def test_what_failed_together_does_not_come_back_together(workflows):
    workflows.deploy(
        "CREATE WORKFLOW w() WITH (max_attempts = 2, backoff = '100 seconds') AS 'SELECT 1/0 AS x';"
    )
    instances = [workflows.start("w()") for _ in range(8)]
    workflows.database.drive()
    due = [workflows.database.value("SELECT wake_at FROM df.waiting(%s)", one) for one in instances]
    assert (max(due) - min(due)).total_seconds() > 5


def test_attempts_end(workflows):
    instance = workflows.run(
        "CREATE WORKFLOW w() WITH (max_attempts = 2, backoff = '0 seconds') AS 'SELECT 1/0 AS x';"
    )
    workflows.drive_until_ended(instance)
    assert workflows.status(instance) == "failed"
    assert workflows.outcomes(instance) == ["failed", "failed"]
    error = workflows.error(instance)
    assert (error["sqlstate"], error["file"], error["line"]) == ("22012", "test.pgd", 1)


@pytest.mark.parametrize("sqlstate", ["40001", "40P01", "55P03", "57P01", "08006", "53200"])
def test_transient_errors_are_tried_again_without_asking(workflows, sqlstate):
    workflows.database.query("CREATE SEQUENCE tries")
    workflows.database.query(
        f"CREATE FUNCTION shaky() RETURNS int LANGUAGE plpgsql AS $$BEGIN IF nextval('tries') < 4 THEN RAISE EXCEPTION 'shaky'"
        f" USING ERRCODE = '{sqlstate}'; END IF; RETURN 1; END$$"
    )
    instance = workflows.run("CREATE WORKFLOW w() AS 'SELECT shaky() AS x';")
    workflows.drive_until_ended(instance)
    assert workflows.status(instance) == "completed"
    assert workflows.outcomes(instance) == ["failed"] * 3 + ["ok"]


def test_transient_errors_end_after_ten_retries(workflows):
    workflows.database.query(
        "CREATE FUNCTION shaky() RETURNS int LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'shaky' USING ERRCODE = '40001'; END$$"
    )
    instance = workflows.run("CREATE WORKFLOW w() AS 'SELECT shaky() AS x';")
    workflows.drive_until_ended(instance)
    assert workflows.status(instance) == "failed"
    assert workflows.outcomes(instance) == ["failed"] * 11


def test_cancel_before_during_and_after(workflows):
    database = workflows.database
    workflows.deploy(
        "CREATE WORKFLOW w() AS df.sleep(60) ~> 'SELECT 1 AS one'; CREATE WORKFLOW v() AS 'SELECT 1 AS one';"
    )
    pending, sleeping, done = workflows.start("w()"), workflows.start("w()"), workflows.start("v()")
    assert (
        database.value("SELECT df.cancel(%s, 'not needed')", pending)
        == f"Instance {pending} cancelled: not needed"
    )
    database.drive()
    database.query("SELECT df.cancel(%s)", sleeping)
    database.query("SELECT df.cancel(%s)", done)
    workflows.move_clock("2 minutes")
    database.drive()
    assert [workflows.status(i) for i in (pending, sleeping, done)] == ["cancelled", "cancelled", "completed"]
    assert workflows.outcomes(pending) == []
    assert workflows.outcomes(sleeping) == ["ok"]


@pytest.mark.parametrize("next_step", ["", " ~> 'SELECT 1'"], ids=["the last", "not the last"])
def test_a_step_that_has_not_committed_when_its_cancel_commits_never_commits(any_workflows, next_step):
    """The step waits for a lock of ours; we cancel meanwhile; then it may go on, and must roll back."""
    import threading

    database = any_workflows.database
    database.query("CREATE TABLE gate (x int); CREATE TABLE effect (x int); INSERT INTO gate VALUES (1)")
    any_workflows.deploy(
        "CREATE WORKFLOW w() AS 'WITH passed AS (UPDATE gate SET x = x RETURNING x) INSERT INTO effect SELECT x FROM passed'"
        f"{next_step};"
    )
    instance = any_workflows.start("w()")
    with database.connect() as holder:
        holder.execute("BEGIN; LOCK TABLE gate")
        driver = threading.Thread(target=database.drive)
        driver.start()
        database.until("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'gate'::regclass")
        database.query("SELECT df.cancel(%s)", instance)
        holder.execute("ROLLBACK")
        driver.join(30)
    assert database.query("SELECT * FROM effect") == []
    assert any_workflows.status(instance) == "cancelled"
    assert any_workflows.outcomes(instance) == ["cancelled"]


def test_a_cancel_left_open_in_a_transaction_holds_up_nobody_else(workflows):
    """Its instance's step is rolled back after a second and is due again; another instance goes on."""
    database = workflows.database
    database.query("CREATE TABLE effect (x text)")
    workflows.deploy(
        "CREATE WORKFLOW w(x text) AS 'INSERT INTO effect VALUES ($x)' ~> 'INSERT INTO effect VALUES ($x)';"
    )
    held, free = workflows.start("w('held')"), workflows.start("w('free')")
    with database.connect() as open_transaction:
        open_transaction.execute("BEGIN")
        open_transaction.execute("SELECT df.cancel(%s)", (held,))
        database.drive()
        assert workflows.status(free) == "completed"
        assert database.query("SELECT DISTINCT x FROM effect") == [("free",)]
        assert database.value("SELECT count(*) FROM df.timeline(%s)", held) == 0
        open_transaction.execute("ROLLBACK")
    workflows.move_clock("5 seconds")
    database.drive()
    assert workflows.status(held) == "completed"
    assert database.value("SELECT count(*) FROM effect WHERE x = 'held'") == 2


def test_a_step_may_cancel_its_own_instance(workflows):
    workflows.database.query("CREATE TABLE effect (x int)")
    instance = workflows.run(
        "CREATE WORKFLOW w() AS 'WITH c AS (SELECT df.cancel({sys_instance_id})) INSERT INTO effect SELECT 1 FROM c'"
        " ~> 'INSERT INTO effect VALUES (2)';"
    )
    assert workflows.status(instance) == "cancelled"
    assert workflows.database.query("SELECT x FROM effect") == [(1,)]


def test_cancel_of_what_is_not_there(workflows):
    with pytest.raises(psycopg.Error, match="Instance not found or access denied: 00000000"):
        workflows.database.query("SELECT df.cancel('00000000')")


def test_await_instance(workflows):
    workflows.deploy("CREATE WORKFLOW w() AS 'SELECT 1 AS one'; CREATE WORKFLOW v() AS df.sleep(100);")
    done = workflows.start("w()")
    sleeping = workflows.start("v()")
    workflows.database.drive()
    assert workflows.database.value("SELECT df.await_instance(%s)", done) == "completed"
    with pytest.raises(
        psycopg.Error, match=rf"Timeout after 1s waiting for instance {sleeping} \(status: running\)"
    ):
        workflows.database.query("SELECT df.await_instance(%s, 1)", sleeping)
    with pytest.raises(psycopg.Error, match="Timeout must be positive"):
        workflows.database.query("SELECT df.await_instance(%s, 0)", sleeping)
    with pytest.raises(psycopg.Error, match="Instance not found: 00000000"):
        workflows.database.query("SELECT df.await_instance('00000000')")


def test_await_instance_says_at_once_when_it_can_never_see_the_end(workflows):
    workflows.deploy("CREATE WORKFLOW w() AS 'SELECT 1 AS one';")
    with workflows.database.connect(autocommit=False) as connection:
        instance = connection.execute("SELECT w()").fetchone()[0]
        with pytest.raises(psycopg.Error, match="cannot wait for an instance that this transaction started"):
            connection.execute("SELECT df.await_instance(%s)", (instance,))
    with workflows.database.connect() as connection:
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        with pytest.raises(psycopg.Error, match="in a repeatable read transaction"):
            connection.execute("SELECT df.await_instance('00000000')")


def test_variables_are_a_snapshot(workflows):
    database = workflows.database
    assert database.value("SELECT df.setvar('who', 'O''Hara')") == "OK"
    workflows.deploy("CREATE WORKFLOW w() AS 'SELECT ''{who} and {nobody}'' AS said, {sys_label} AS label';")
    instance = workflows.start("df.start_workflow('w', label => 'it''s')")
    database.query("SELECT df.setvar('who', 'somebody else')")
    database.drive()
    assert workflows.rows(instance) == [{"said": "O'Hara and {nobody}", "label": "it's"}]
    assert database.value("SELECT df.getvar('who')") == "somebody else"
    database.query("SELECT df.unsetvar('who')")
    assert database.value("SELECT df.getvar('who')") is None
    database.query("SELECT df.setvar('a', '1'), df.clearvars()")
    assert database.query("SELECT * FROM df.vars") == []


def test_an_endless_loop_takes_a_second_a_lap(workflows):
    workflows.database.query("CREATE TABLE lap (n serial)")
    workflows.deploy("CREATE WORKFLOW w() AS @> 'INSERT INTO lap DEFAULT VALUES';")
    instance = workflows.start("w()")
    for _ in range(4):
        workflows.database.drive()
        workflows.move_clock("1 second")
    laps = workflows.database.value("SELECT count(*) FROM lap")
    assert 4 <= laps <= 6
    assert workflows.database.value("SELECT reason FROM df.waiting(%s)", instance) == "lap"
    workflows.database.query("SELECT df.cancel(%s)", instance)


def test_laps_that_nobody_drove_are_not_made_up_for(workflows):
    workflows.database.query("CREATE TABLE lap (n serial)")
    workflows.deploy("CREATE WORKFLOW w() AS @> 'INSERT INTO lap DEFAULT VALUES';")
    workflows.start("w()")
    workflows.database.drive()
    before = workflows.database.value("SELECT count(*) FROM lap")
    workflows.move_clock("1 hour")
    workflows.database.drive()
    assert workflows.database.value("SELECT count(*) FROM lap") <= before + 4


def test_a_sleep_at_the_end_of_an_endless_loop_is_as_long_as_it_says(workflows):
    workflows.database.query("CREATE TABLE lap (n serial)")
    workflows.deploy("CREATE WORKFLOW w() AS @> ('INSERT INTO lap DEFAULT VALUES' ~> df.sleep(60));")
    workflows.start("w()")
    for _ in range(10):
        workflows.database.drive()
        workflows.move_clock("10 seconds")
    assert workflows.database.value("SELECT count(*) FROM lap") == 2


def test_retention_removes_what_ended_long_ago(workflows):
    workflows.deploy("CREATE WORKFLOW w() AS 'SELECT 1 AS one'; CREATE WORKFLOW v() AS df.sleep('90 days');")
    old, waiting = workflows.start("w()"), workflows.start("v()")
    workflows.database.drive()
    workflows.move_clock("31 days")
    workflows.database.query("CALL df.janitor(0)")
    assert workflows.database.query("SELECT id FROM df.instances") == [(waiting,)]
    assert workflows.database.value("SELECT count(*) FROM df.step_run", role="dfowner") == 1
    assert workflows.status(old) == "None"


def test_traced_results_are_kept(workflows):
    instance = workflows.run("CREATE WORKFLOW w() WITH (trace = full) AS 'SELECT 1 AS a' ~> 'SELECT 2 AS b';")
    assert workflows.database.query(
        "SELECT r.result FROM df.step_run r JOIN df.task t ON t.id = r.task_id WHERE t.instance_id = %s ORDER BY r.seq",
        instance,
    ) == [([{"a": 1}],), ([{"b": 2}],)]


def test_a_call_of_pg_durables_start_names_the_compiler(workflows):
    with pytest.raises(psycopg.errors.FeatureNotSupported) as caught:
        workflows.database.query("SELECT df.start('SELECT 1', 'a label')")
    assert "pgdurc compile" in caught.value.diag.message_hint


def wait_until_it_sleeps(database, instance):
    """Until a driver is in pg_sleep, in a step of this instance."""
    deadline = time.monotonic() + 30
    while not database.query(
        "SELECT 1 FROM pg_stat_activity WHERE application_name LIKE %s AND wait_event = 'PgSleep'",
        f"pgdurc {instance} %",
    ):
        assert time.monotonic() < deadline, "the step does not run"


def test_the_watchdog_interrupts_the_step_of_a_cancelled_instance(any_workflows):
    database = any_workflows.database
    database.query("CREATE TABLE effect (id int)")
    any_workflows.deploy("CREATE WORKFLOW w() AS 'INSERT INTO effect SELECT 1 FROM pg_sleep(60)';")
    instance = any_workflows.start("w()")
    with ThreadPoolExecutor() as threads:
        driver = threads.submit(database.drive)
        wait_until_it_sleeps(database, instance)
        assert database.value("SELECT df.watch_v1()") == {}
        database.query("SELECT df.cancel(%s)", instance)
        database.query("CALL df.janitor(1)")
        driver.result(timeout=20)
    assert any_workflows.status(instance) == "cancelled"
    assert any_workflows.outcomes(instance) == ["cancelled"]
    assert database.query("SELECT * FROM effect") == []


@pytest.mark.parametrize(
    ("call", "status"),
    [("df.cancel(%s)", "cancelled"), ("df.signal(%s, 'go')", "completed")],
    ids=["cancel", "race"],
)
def test_without_a_watchdog_what_was_stopped_runs_to_its_end_and_is_rolled_back(any_workflows, call, status):
    """Drivers that are bare calls: nobody interrupts them. A sequence keeps what a rollback takes from the table."""
    database = any_workflows.database
    database.query("CREATE TABLE gate (id int); CREATE TABLE effect (id bigint); CREATE SEQUENCE ends;")
    database.query(
        "CREATE FUNCTION hold() RETURNS void LANGUAGE plpgsql AS $$ BEGIN"
        " PERFORM FROM gate; INSERT INTO effect VALUES (nextval('ends')); END $$"
    )
    any_workflows.deploy("CREATE WORKFLOW w() AS df.race('SELECT hold()', df.wait_for_signal('go'));")
    instance = any_workflows.start("w()")
    with ThreadPoolExecutor() as threads, database.connect() as gate:
        gate.execute("BEGIN; LOCK TABLE gate")
        driver = threads.submit(database.drive)
        database.until("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'gate'::regclass")
        database.query(f"SELECT {call}", instance)
        database.drive()
        assert any_workflows.status(instance) == status
        assert not driver.done()
        gate.execute("ROLLBACK")
        driver.result(timeout=20)
    assert database.value("SELECT last_value = 1 AND is_called FROM ends")
    assert database.query("SELECT * FROM effect") == []
    assert any_workflows.outcomes(instance)[-1] == "cancelled"


def test_the_watchdog_terminates_what_a_cancel_does_not_end(any_workflows):
    """A step may catch a cancel and go on. What the watchdog keeps of the time is read as it was written, whatever the role's settings are."""
    database = any_workflows.database
    for setting in ("DateStyle = 'SQL, DMY'", "TimeZone = 'Asia/Shanghai'"):
        database.query(f"ALTER ROLE alice IN DATABASE {database.name} SET {setting}", role="postgres")
    database.query(
        "CREATE FUNCTION stubborn() RETURNS int LANGUAGE plpgsql AS $$ BEGIN"
        " LOOP BEGIN PERFORM pg_sleep(60); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END $$"
    )
    any_workflows.deploy("CREATE WORKFLOW w() AS 'SELECT stubborn()';")
    instance = any_workflows.start("w()")
    with ThreadPoolExecutor() as threads:
        driver = threads.submit(database.drive)
        wait_until_it_sleeps(database, instance)
        database.query("SELECT df.cancel(%s)", instance)
        seen = database.value("SELECT df.watch_v1()")
        assert len(seen) == 1
        assert database.value("SELECT df.watch_v1(%s::jsonb)", json.dumps(seen)) == seen
        long_ago = dict.fromkeys(seen, 0)
        database.value("SELECT df.watch_v1(%s::jsonb)", json.dumps(long_ago))
        with pytest.raises(psycopg.OperationalError):
            driver.result(timeout=20)
    database.drive()
    assert any_workflows.status(instance) == "cancelled"


def test_a_statement_sees_what_it_has_done(workflows):
    """One that stays the same for a statement would answer with what was before it."""
    database = workflows.database
    assert database.query("SELECT df.setvar('v', '1'), df.getvar('v')") == [("OK", "1")]
    workflows.deploy("CREATE WORKFLOW w() AS df.sleep(60);")
    instance = workflows.start("w()")
    assert database.query("SELECT df.cancel(%s) IS NOT NULL, df.status(%s)", instance, instance) == [
        (True, "cancelled")
    ]


@pytest.mark.parametrize("max_seconds", ["'NaN'", "'Infinity'", "1e300"])
def test_a_driver_that_is_to_run_for_ever_runs_to_its_cap(database, max_seconds):
    with database.connect() as connection:
        # The cap that a test can wait for.
        connection.execute("SET statement_timeout = '300ms'")
        assert connection.execute(f"CALL df.run({max_seconds}, NULL)").fetchone() == (None,)


def test_a_start_of_nothing(database):
    with pytest.raises(psycopg.Error) as caught:
        database.query("SELECT df.start_workflow(NULL, '{}')")
    assert (caught.value.sqlstate, caught.value.diag.message_primary) == (
        "22004",
        "the name of the workflow is null",
    )
