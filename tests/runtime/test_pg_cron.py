"""pg_cron as the only thing that drives: its jobs, who may have them, and what is left in its log.

Before 1.5 pg_cron knows no schedule in seconds. Debian 12 has 1.4.2; for a newer one see PGDURC_TEST_BINARIES.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from pgdurc.cluster import SUPERUSER
from pgdurc.compile import compile_text
from tests.conftest import make_cron_database, start


def jobs(database: Any) -> dict[str, tuple[str, str, str]]:
    """By name: the role that a job runs as, its schedule and its command."""
    rows = database.query("SELECT jobname, username, schedule, command FROM cron.job", role=SUPERUSER)
    return {name: tuple(rest) for name, *rest in rows}


def knows_seconds(database: Any) -> bool:
    return not database.value("SELECT extversion FROM pg_extension WHERE extname = 'pg_cron'").startswith(
        "1.4"
    )


def test_install_makes_the_jobs_of_the_role_that_calls_it(cron_database):
    said = cron_database.value("SELECT df.install_scheduler(drivers => 2)")
    schedule, seconds = ("5 seconds", 50) if knows_seconds(cron_database) else ("* * * * *", 58)
    assert (
        said
        == f"2 driver(s), one for timers and a janitor, every {'5 seconds' if seconds == 50 else 'minute'}"
    )
    assert jobs(cron_database) == {
        "pgdurc alice driver 1": ("alice", schedule, f"CALL df.run({seconds}, NULL)"),
        "pgdurc alice driver 2": ("alice", schedule, f"CALL df.run({seconds}, NULL)"),
        "pgdurc alice timers": ("alice", schedule, f"CALL df.run_timers({seconds}, NULL)"),
        "pgdurc alice janitor": ("alice", schedule, f"CALL df.janitor({seconds})"),
    }


def test_installing_again_changes_how_many_and_uninstalling_removes_ones_own(cron_database):
    cron_database.query("SELECT df.install_scheduler(drivers => 3)")
    cron_database.query("SELECT df.install_scheduler()", role="bob")
    cron_database.query("SELECT cron.schedule('nightly', '0 3 * * *', 'SELECT 1')")
    bobs = {f"pgdurc bob {what}" for what in ("driver 1", "timers", "janitor")}
    alices = {f"pgdurc alice {what}" for what in ("driver 1", "timers", "janitor")}
    assert len(jobs(cron_database)) == 5 + 3 + 1

    cron_database.query("SELECT df.install_scheduler()")
    assert set(jobs(cron_database)) == {"nightly"} | alices | bobs

    assert cron_database.value("SELECT df.uninstall_scheduler()") == 3
    assert set(jobs(cron_database)) == {"nightly"} | bobs
    assert cron_database.value("SELECT df.uninstall_scheduler()") == 0
    assert cron_database.value("SELECT count(*) FROM df.schedule", role="dfowner") == 3


def test_a_job_that_stays_is_the_same_job(cron_database):
    """pg_cron ends the run of a job that is removed: with background workers at once, in the middle of a step."""
    numbers = "SELECT jobname, jobid FROM cron.job"
    cron_database.query("SELECT df.install_scheduler(drivers => 3)")
    before = dict(cron_database.query(numbers))
    cron_database.query("SELECT df.install_scheduler(drivers => 2)")
    del before["pgdurc alice driver 3"]
    assert dict(cron_database.query(numbers)) == before


def test_a_job_that_was_paused_by_hand_is_made_anew(cron_database):
    cron_database.query("SELECT df.install_scheduler()")
    cron_database.query("UPDATE cron.job SET active = false", role=SUPERUSER)
    cron_database.query("SELECT df.install_scheduler()")
    assert cron_database.value("SELECT count(*) FROM cron.job WHERE active") == 3


def test_a_job_that_was_removed_by_hand_is_no_obstacle(cron_database):
    cron_database.query("SELECT df.install_scheduler()")
    cron_database.query("SELECT cron.unschedule('pgdurc alice driver 1')")
    cron_database.query("SELECT df.install_scheduler()")
    assert set(jobs(cron_database)) == {f"pgdurc alice {what}" for what in ("driver 1", "timers", "janitor")}


def refused(database: Any, call: str, role: str = "alice") -> psycopg.Error:
    with pytest.raises(psycopg.Error) as caught:
        database.query(call, role=role)
    return caught.value


@pytest.mark.parametrize("any_database", ["main_server", "other_server"], indirect=True)
def test_without_pg_cron_in_the_database(any_database):
    """Not on the server at all, or in another database; an ordinary role may not read cron.database_name."""
    error = refused(any_database, "SELECT df.install_scheduler()")
    assert error.sqlstate == "PD009"
    assert error.diag.message_primary == "pg_cron is not installed in this database"
    assert "cron.database_name" in error.diag.message_detail
    assert "pgdurc worker" in error.diag.message_hint


def test_a_role_that_may_not_use_the_schema_cron(cron_database):
    cron_database.query("REVOKE USAGE ON SCHEMA cron FROM alice", role=SUPERUSER)
    error = refused(cron_database, "SELECT df.install_scheduler()")
    assert error.sqlstate == "42501"
    assert error.diag.message_hint == "An administrator grants it: GRANT USAGE ON SCHEMA cron TO alice;"
    assert jobs(cron_database) == {}


def test_a_superuser_does_not_drive(cron_database):
    error = refused(cron_database, "SELECT df.install_scheduler()", role=SUPERUSER)
    assert error.sqlstate == "PD004"
    assert jobs(cron_database) == {}


@pytest.mark.parametrize(
    "call",
    [
        "df.install_scheduler('cron')",
        "df.install_scheduler(drivers => 0)",
        "df.install_scheduler(drivers => 65)",
        "df.install_scheduler(drivers => NULL)",
    ],
)
def test_bad_arguments(cron_database, call):
    assert refused(cron_database, f"SELECT {call}").sqlstate == "22023"
    assert jobs(cron_database) == {}


def test_the_janitor_prunes_the_log_of_its_own_jobs(cron_database):
    """Those that were removed since included, and runs that a restart of the server ended: they have no end."""
    cron_database.query("SELECT df.install_scheduler(drivers => 2)")
    cron_database.query("SELECT cron.schedule('nightly', '0 3 * * *', 'SELECT 1')")
    cron_database.query("SELECT df.install_scheduler()", role="bob")
    # Bob's janitor would do the same for him.
    cron_database.query("UPDATE cron.job SET active = false", role=SUPERUSER)
    cron_database.query(
        """
        INSERT INTO cron.job_run_details (jobid, runid, database, username, command, status, return_message, start_time, end_time)
        SELECT j.jobid, nextval('cron.runid_seq'), j.database, j.username, j.command, r.status, j.jobname,
            now() - r.age, CASE WHEN r.has_ended THEN now() - r.age + interval '1 minute' END
        FROM cron.job AS j
        CROSS JOIN (VALUES
            ('succeeded', true, interval '2 days'),
            ('succeeded', true, interval '2 hours'),
            ('failed', false, interval '2 days'),
            ('running', false, interval '2 days')
        ) AS r (status, has_ended, age)
        """,
        role=SUPERUSER,
    )
    cron_database.query("SELECT df.install_scheduler(drivers => 1)")
    cron_database.query("CALL df.janitor()")
    # Of the rows made above: pg_cron may have begun runs of its own.
    left = "SELECT return_message, count(*) FROM cron.job_run_details WHERE return_message IN ('nightly') OR return_message LIKE 'pgdurc %' GROUP BY 1"
    assert dict(cron_database.query(left, role=SUPERUSER)) == {
        "nightly": 4,
        "pgdurc alice driver 1": 2,
        "pgdurc alice driver 2": 2,
        "pgdurc alice timers": 2,
        "pgdurc alice janitor": 2,
        "pgdurc bob driver 1": 4,
        "pgdurc bob timers": 4,
        "pgdurc bob janitor": 4,
    }


def test_the_janitor_leaves_a_log_alone_that_it_may_not_prune(cron_database):
    cron_database.query("REVOKE DELETE ON cron.job_run_details FROM PUBLIC", role=SUPERUSER)
    try:
        cron_database.query("SELECT df.install_scheduler()")
        cron_database.query("CALL df.janitor()")
    finally:
        cron_database.query("GRANT DELETE ON cron.job_run_details TO PUBLIC", role=SUPERUSER)


def test_a_role_that_may_not_use_the_schema_cron_can_clean_up(cron_database):
    """It drives with a worker, in a database in which somebody else uses pg_cron."""
    cron_database.query("REVOKE USAGE ON SCHEMA cron FROM alice", role=SUPERUSER)
    cron_database.query("CALL df.janitor()")
    assert cron_database.value("SELECT df.uninstall_scheduler()") == 0


def test_jobs_that_cannot_be_removed_are_not_forgotten(cron_database):
    cron_database.query("SELECT df.install_scheduler()")
    cron_database.query("REVOKE USAGE ON SCHEMA cron FROM alice", role=SUPERUSER)
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="schema cron") as refused:
        cron_database.query("SELECT df.uninstall_scheduler()")
    assert "is still there" in refused.value.diag.message_detail
    cron_database.query("GRANT USAGE ON SCHEMA cron TO alice", role=SUPERUSER)
    assert cron_database.value("SELECT df.uninstall_scheduler()") == 3


@pytest.mark.slow
def test_a_workflow_is_completed_and_another_one_stopped_by_pg_cron_alone(cron_database):
    """pg_cron before 1.5 starts its jobs at a full minute: this takes up to 65 s. Later ones take 5."""
    compiled = compile_text(
        """
        CREATE TABLE effects (id int);
        CREATE WORKFLOW w() AS
            'INSERT INTO effects VALUES (1) RETURNING id' |=> first
         ~> df.sleep(0.2)
         ~> 'INSERT INTO effects SELECT $first + 1';
        CREATE WORKFLOW endless() AS 'INSERT INTO effects SELECT 3 FROM pg_sleep(600)';
        CREATE WORKFLOW limited() AS df.race('INSERT INTO effects SELECT 4 FROM pg_sleep(600)', df.sleep(1));
        """
    )
    with cron_database.connect() as connection, connection.transaction():
        connection.execute(compiled.sql)
    cron_database.query("SELECT df.install_scheduler(drivers => 1)")
    instance = cron_database.value("SELECT w()")
    assert cron_database.value("SELECT df.await_instance(%s, 75)", instance) == "completed"
    assert cron_database.query("SELECT id FROM effects ORDER BY id") == [(1,), (2,)]
    # The jobs that did it; they are still looking for more, and end with what the fixture does next.
    running = "SELECT count(*) FROM cron.job_run_details WHERE status = 'running' AND username = 'alice'"
    deadline = time.monotonic() + 5
    while cron_database.value(running, role=SUPERUSER) < 3 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert cron_database.value(running, role=SUPERUSER) == 3

    # The janitor is the watchdog of what a driver is at.
    instance = cron_database.value("SELECT endless()")
    cron_database.until(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE %s AND wait_event = 'PgSleep'",
        f"pgdurc {instance} %",
    )
    cron_database.query("SELECT df.cancel(%s)", instance)
    cron_database.until("SELECT count(*) FROM df.timeline(%s) WHERE outcome = 'cancelled'", instance)
    # And the only driver's race is lost in time.
    instance = cron_database.value("SELECT limited()")
    assert cron_database.value("SELECT df.await_instance(%s, 20)", instance) == "completed"
    assert cron_database.query("SELECT id FROM effects ORDER BY id") == [(1,), (2,)]


@pytest.fixture
def cron_database_to_kill(cron_database) -> Iterator[Any]:
    """On a server of its own."""
    if not knows_seconds(cron_database):
        pytest.skip("before 1.5 pg_cron starts jobs at a full minute: this would take three")
    cluster = cron_database.server.cluster
    server = start("killed", cluster.binaries, cluster.os_user)
    try:
        yield make_cron_database(server)
    finally:
        server.cluster.kill()


@pytest.mark.crash
@pytest.mark.slow
def test_pg_cron_goes_on_where_a_killed_server_stopped(cron_database_to_kill):
    database = cron_database_to_kill
    compiled = compile_text(
        """
        CREATE TABLE effects (id int);
        CREATE WORKFLOW w() AS
            'INSERT INTO effects VALUES (1)'
         ~> 'INSERT INTO effects SELECT 2 FROM pg_sleep(2)'
         ~> df.sleep(1)
         ~> 'INSERT INTO effects VALUES (3)';
        """
    )
    with database.connect() as connection, connection.transaction():
        connection.execute(compiled.sql)
    database.query("SELECT df.install_scheduler(drivers => 2)")
    instance = database.value("SELECT w()")
    deadline = time.monotonic() + 30
    while not database.query("SELECT id FROM effects"):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    # In the second step.
    database.server.cluster.kill()
    database.server.cluster.start()
    assert database.value("SELECT df.await_instance(%s, 30)", instance) == "completed"
    assert database.query("SELECT id FROM effects ORDER BY id") == [(1,), (2,), (3,)]
    assert database.query("SELECT seq, outcome FROM df.timeline(%s)", instance)[:3] == [
        (1, "ok"), (2, "crashed"), (3, "ok"),
    ]  # fmt: skip
    # pg_cron tells in its log of the four runs that the kill ended, and of no other.
    log = "SELECT count(*) FROM cron.job_run_details WHERE status = 'failed'"
    assert database.value(log, role=SUPERUSER) == 4
