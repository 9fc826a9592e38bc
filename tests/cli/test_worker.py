"""`pgdurc worker`: it runs at once what is started, lives through restarts and kills, and stops cleanly."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pgdurc.embedded import DATABASE, ROLE, ensure_embedded, remove_embedded

SCRIPT = """\
CREATE TABLE log (at timestamptz DEFAULT clock_timestamp(), text text);
CREATE SEQUENCE attempts;

CREATE WORKFLOW note(text text) AS $$INSERT INTO log (text) VALUES ($text)$$;

CREATE WORKFLOW nap(seconds double precision) AS
    $$SELECT pg_sleep($seconds)$$
 ~> $$INSERT INTO log (text) VALUES ('slept')$$;

CREATE WORKFLOW outrun() AS
    df.race(
        $$INSERT INTO log (text) SELECT 'slept' FROM pg_sleep(600)$$,
        df.wait_for_signal('go'));

CREATE WORKFLOW limited() AS
    df.race(
        $$SELECT 'slow' AS r FROM pg_sleep(600)$$,
        df.sleep(1) ~> $$SELECT 'timeout' AS r$$);

CREATE WORKFLOW spin() AS df.loop('SELECT 1', 'SELECT true');

-- The first attempt takes its own backend down.
CREATE WORKFLOW suicide() AS
    $$SELECT CASE WHEN nextval('attempts') = 1 THEN pg_terminate_backend(pg_backend_pid()) END$$
 ~> $$INSERT INTO log (text) VALUES ('survived')$$;
"""


@pytest.fixture
def deployed(cli, project: Path, database):
    (project / "script.pgd").write_text(SCRIPT)
    result = cli("deploy", "script.pgd", "--db", database.conninfo())
    assert result.exit_code == 0, result.stderr
    return database


@contextmanager
def worker(conninfo: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "pgdurc", "worker", "--json", *arguments, "--db", conninfo]
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"}
    )
    try:
        assert process.stderr is not None
        first = json.loads(process.stderr.readline())
        assert first["message"].startswith("driving the workflows of")
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def stop(process: subprocess.Popen[str]) -> list[dict[str, Any]]:
    """SIGTERM; the rest of its log."""
    process.send_signal(signal.SIGTERM)
    _, log = process.communicate(timeout=30)
    assert process.returncode == 0
    return [json.loads(line) for line in log.splitlines()]


def eventually(condition: Callable[[], bool], timeout_s: float = 20) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def test_a_start_is_run_at_once(deployed):
    with worker(deployed.conninfo(), "--drivers", "2") as process:
        # Once, so that plans and caches are there; and long after the drivers' first look.
        deployed.value("SELECT note('first')")
        eventually(lambda: deployed.value("SELECT count(*) FROM log") == 1)
        started = [deployed.value("SELECT note('next')") for _ in range(10)]
        eventually(lambda: deployed.value("SELECT count(*) FROM log") == 11)
        delays = deployed.query(
            "SELECT started_at - created_at FROM df.instances WHERE id = ANY (%s) ORDER BY 1", started
        )
        # The safety net is 5 s: this is the notification's work. `make bench` has the figure.
        assert delays[len(delays) // 2][0].total_seconds() < 1
        assert [line["message"] for line in stop(process)][-1] == "stopped"


def test_a_killed_backend_costs_one_driver_a_reconnect(deployed):
    with worker(deployed.conninfo(), "--drivers", "2") as process:
        instance = deployed.value("SELECT suicide()")
        eventually(lambda: deployed.value("SELECT df.status(%s)", instance) == "completed")
        assert deployed.value("SELECT count(*) FROM log") == 1
        log = stop(process)
        lost = [line["thread"] for line in log if line["level"] == "warning"]
        assert len(lost) == 1
        assert lost[0].startswith("driver-")


def test_an_idle_session_timeout_does_not_disconnect_it(deployed):
    """Drivers, listener and janitor are idle for seconds; each lost connection would be a warning."""
    with worker(
        f"{deployed.conninfo()} options='-c idle_session_timeout=100ms'", "--drivers", "2"
    ) as process:
        instance = deployed.value("SELECT note('first')")
        deployed.until("SELECT df.status(%s) = 'completed'", instance)
        deployed.until(
            "SELECT count(*) = 4 FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle'"
            " AND state_change < clock_timestamp() - interval '0.7 seconds'"
        )
        assert [line for line in stop(process) if line["level"] == "warning"] == []


def test_sigterm_lets_a_running_step_end(deployed):
    with worker(deployed.conninfo(), "--drivers", "1") as process:
        instance = deployed.value("SELECT nap(1)")
        eventually(lambda: running(deployed, instance))
        stop(process)
    assert deployed.value("SELECT outcome FROM df.timeline(%s) LIMIT 1", instance) == "ok"


def test_sigterm_cancels_a_step_that_takes_too_long_and_costs_it_no_attempt(deployed):
    # The record of it takes its time, and is not cancelled, too.
    with deployed.connect("postgres") as connection:
        connection.execute(
            """
            CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.5); RETURN new; END';
            CREATE TRIGGER dawdle BEFORE INSERT ON df.step_run FOR EACH ROW EXECUTE FUNCTION dawdle();
            """
        )
    with worker(deployed.conninfo(), "--drivers", "1", "--grace", "0.2") as process:
        instance = deployed.value("SELECT nap(30)")
        eventually(lambda: running(deployed, instance))
        began = time.monotonic()
        log = stop(process)
        assert time.monotonic() - began < 10
    assert deployed.value("SELECT df.status(%s)", instance) == "running", log
    assert deployed.query("SELECT outcome FROM df.timeline(%s)", instance) == [("interrupted",)], log


def test_sigterm_between_two_steps_is_no_crash(deployed):
    """What cancels a driver of a long queue seldom hits a statement of a step: the next one does not take it for dead."""
    for _ in range(2):
        deployed.query("SELECT spin()")
    committed = 0
    for _ in range(4):
        with worker(deployed.conninfo(), "--drivers", "2", "--grace", "0") as process:
            deployed.until("SELECT sum(seq) > %s FROM df.task", committed + 100)
            log = stop(process)
        committed = deployed.value("SELECT sum(seq)::int FROM df.task")
        left = deployed.query("SELECT pid FROM df.driver WHERE closed_at IS NULL OR died_at IS NOT NULL")
        assert left == [], log
    outcomes = {outcome for (outcome,) in deployed.query("SELECT DISTINCT outcome FROM df.step_run")}
    assert outcomes <= {"ok", "interrupted"}


def running(database: Any, instance: str) -> bool:
    return bool(
        database.value(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE %s AND wait_event = 'PgSleep'",
            f"pgdurc {instance} %",
        )
    )


@pytest.mark.parametrize(
    ("call", "status"),
    [("df.cancel(%s)", "cancelled"), ("df.signal(%s, 'go')", "completed")],
    ids=["cancel", "race"],
)
def test_the_worker_interrupts_a_step_that_was_stopped(deployed, call, status):
    """Its watchdog: the statement would take ten minutes."""
    with worker(deployed.conninfo(), "--drivers", "2") as process:
        instance = deployed.value("SELECT outrun()")
        eventually(lambda: running(deployed, instance))
        deployed.query(f"SELECT {call}", instance)
        deployed.until("SELECT count(*) FROM df.timeline(%s) WHERE outcome = 'cancelled'", instance)
        assert not running(deployed, instance)
        deployed.query("SELECT note('the drivers go on')")
        eventually(lambda: deployed.query("SELECT text FROM log") == [("the drivers go on",)])
        stop(process)
    assert deployed.value("SELECT df.status(%s)", instance) == status


def test_a_time_limit_takes_effect_while_the_only_driver_is_at_what_it_limits(deployed):
    with worker(deployed.conninfo(), "--drivers", "1") as process:
        instance = deployed.value("SELECT limited()")
        # Then the driver's statement is interrupted, and it takes up what the race gave.
        deployed.until("SELECT df.status(%s) = 'completed'", instance)
        stop(process)
    assert deployed.value("SELECT df.result(%s)::jsonb", instance)["rows"] == [{"r": "timeout"}]


def test_a_superuser_does_not_drive(cli, deployed):
    result = cli("worker", "--db", deployed.conninfo("postgres"))
    assert result.exit_code == 3
    assert 'role "postgres" is a superuser, and superusers do not drive workflows' in result.stderr


def test_a_runtime_without_timers_is_not_driven(cli, deployed):
    deployed.query("DROP PROCEDURE df.run_timers", role="dfowner")
    for command in (["worker"], ["run", "script.pgd", "note", "-a", "text=x", "--drivers", "1"]):
        result = cli(*command, "--db", deployed.conninfo())
        assert result.exit_code == 3
        assert "a newer pgdurc runtime is needed" in result.stderr


def test_several_owners(cli, deployed):
    """One worker, a connection string for each; a step of each runs at once, as its owner."""
    deployed.query("CREATE TABLE who (name text); GRANT ALL ON who TO bob")
    for role in ("alice", "bob"):
        Path(f"{role}.sql").write_text(
            f"CREATE WORKFLOW {role}s() AS 'INSERT INTO who SELECT concat_ws('' as '', ''{role}'', current_user)';"
        )
        assert cli("deploy", f"{role}.sql", "--db", deployed.conninfo(role)).exit_code == 0
    with worker(deployed.conninfo("alice"), "--db", deployed.conninfo("bob"), "--drivers", "1") as process:
        for role in ("alice", "bob"):
            deployed.query(f"SELECT {role}s()", role=role)
        eventually(lambda: deployed.value("SELECT count(*) FROM who") == 2)
        assert deployed.query("SELECT name FROM who ORDER BY 1") == [("alice as alice",), ("bob as bob",)]
        assert {role for (role,) in deployed.query("SELECT owner::text FROM df.driver", role="dfowner")} == {
            "alice",
            "bob",
        }
        log = stop(process)
    assert log[-1]["message"] == "stopped"


def test_none_starts_where_one_cannot(cli, deployed):
    result = cli("worker", "--db", deployed.conninfo("alice"), "--db", deployed.conninfo("postgres"))
    assert result.exit_code == 3
    assert "is a superuser" in result.stderr
    assert "driving" not in result.stderr


@pytest.mark.crash
def test_a_killed_server_that_comes_back_is_found_again(cli, project):
    cluster = ensure_embedded(project)
    try:
        (project / "script.pgd").write_text(SCRIPT)
        conninfo = cluster.conninfo(ROLE, DATABASE)
        assert cli("install").exit_code == 0
        assert cli("deploy", "script.pgd").exit_code == 0
        with worker(conninfo, "--drivers", "2") as process:
            assert cluster.kill() > 2
            cluster.start()
            instance = cli("start", "note", "-a", "text=after").stdout.strip()
            followed = cli("show", instance, "--follow")
            assert followed.exit_code == 0, followed.stderr
            stop(process)
    finally:
        remove_embedded(project)


def test_a_worker_cleans_up(deployed):
    """It retires what ended longer ago than the retention, with no pg_cron anywhere."""
    deployed.query("SELECT note('old')")
    with worker(deployed.conninfo()):
        eventually(lambda: deployed.query("SELECT text FROM log") == [("old",)])
    deployed.query("SELECT df.move_clock('40 days')", role="dfowner")
    with worker(deployed.conninfo()):
        eventually(lambda: deployed.query("SELECT id FROM df.instances") == [])
