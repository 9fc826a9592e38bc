"""Time limits written as races: a driver of its own looks for their timers while the others are at what they limit."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

SLOW = "$$SELECT pg_advisory_xact_lock(7)$$"
TIMEOUT = "df.sleep(10) ~> $$SELECT 'timeout' AS r$$"


@contextmanager
def busy_driver(workflows: Any, drivers: int = 1) -> Iterator[None]:
    """Drivers that are in a step of SLOW, which ends with the block."""
    database = workflows.database
    with ThreadPoolExecutor() as pool, database.connect() as holder:
        holder.execute("SELECT pg_advisory_lock(7)")
        running = [pool.submit(database.drive) for _ in range(drivers)]
        database.until(
            "SELECT count(*) = %s FROM pg_locks AS l JOIN pg_database AS d ON d.oid = l.database"
            " WHERE d.datname = current_database() AND l.locktype = 'advisory' AND NOT l.granted",
            drivers,
        )
        try:
            yield
        finally:
            holder.execute("SELECT pg_advisory_unlock(7)")
        for driver in running:
            driver.result()


def keep_time(workflows: Any) -> None:
    workflows.database.query("CALL df.run_timers(0, NULL)")


def pass_time(workflows: Any, interval: str) -> None:
    workflows.move_clock(interval)
    keep_time(workflows)


@pytest.mark.parametrize(
    "timer",
    [
        TIMEOUT,
        "df.wait_for_signal('never', 10) ~> $$SELECT 'timeout' AS r$$",
        "df.wait_for_schedule('* * * * *') ~> $$SELECT 'timeout' AS r$$",
        "df.loop(df.sleep(1) ~> $$SELECT 'timeout' AS r$$, 'SELECT false')",
        f"df.race(df.sleep(600), {TIMEOUT})",
    ],
)
@pytest.mark.parametrize("is_first", [True, False])
def test_a_time_limit_needs_no_free_driver(workflows, timer, is_first):
    branches = (timer, SLOW) if is_first else (SLOW, timer)
    workflows.deploy(f"CREATE WORKFLOW w() AS df.race({', '.join(branches)});")
    instances = [workflows.start("w()") for _ in range(3)]
    with busy_driver(workflows):
        for _ in range(6):
            # The driver, which is at the first of them, is not needed to begin a timer either.
            pass_time(workflows, "1 minute")
    workflows.database.drive()
    assert [workflows.rows(instance) for instance in instances] == [[{"r": "timeout"}]] * 3


def test_timers_of_a_join_in_a_race(workflows):
    workflows.deploy(f"CREATE WORKFLOW w() AS df.race({SLOW}, df.join(df.sleep(10), df.sleep(20)));")
    instance = workflows.start("w()")
    with busy_driver(workflows):
        for _ in range(5):
            pass_time(workflows, "1 minute")
    workflows.database.drive()
    assert workflows.result(instance) == [{"slept": True, "seconds": 10}, {"slept": True, "seconds": 20}]


def test_a_signal_that_decides_a_race_needs_no_free_driver(workflows):
    workflows.deploy(f"CREATE WORKFLOW w() AS df.race(df.wait_for_signal('stop'), {SLOW});")
    instance = workflows.start("w()")
    with busy_driver(workflows):
        workflows.database.query("SELECT df.signal(%s, 'stop', '1')", instance)
        pass_time(workflows, "1 second")
    workflows.database.drive()
    assert workflows.result(instance)["data"] == 1


def test_the_driver_for_timers_runs_nothing_else(workflows):
    workflows.database.query("CREATE TABLE effect (note text)")
    workflows.deploy(
        f"CREATE WORKFLOW race() AS df.race({SLOW}, 'INSERT INTO effect VALUES (''race'')', df.sleep(3600));"
        "CREATE WORKFLOW naps() AS df.sleep(1) ~> 'INSERT INTO effect VALUES (''naps'')';"
        "CREATE WORKFLOW plain() AS 'INSERT INTO effect VALUES (''plain'')';"
    )
    napping = workflows.start("naps()")
    workflows.database.drive()
    assert workflows.status(napping) == "running"
    workflows.start("race()")
    with busy_driver(workflows):
        workflows.start("plain()")
        for _ in range(3):
            pass_time(workflows, "1 minute")
        assert workflows.database.query("SELECT note FROM effect") == []
    workflows.database.drive()
    assert workflows.database.value("SELECT count(*) FROM effect") >= 2


def test_it_does_not_go_on_with_a_branch_that_has_not_waited(workflows):
    """It takes up what a join gave, for nothing of the user's runs there; the statement behind it is the drivers'."""
    workflows.database.query("CREATE TABLE effect (note text)")
    workflows.deploy(
        "CREATE WORKFLOW w() AS df.race("
        "  (df.sleep(10) & df.sleep(10)) |=> both ~> 'INSERT INTO effect VALUES ($both::text)', df.wait_for_signal('never'));"
    )
    workflows.start("w()")
    workflows.database.drive()
    for _ in range(4):
        pass_time(workflows, "1 minute")
    waiting = "SELECT s.kind FROM df.task AS t JOIN df.step_def AS s USING (version_id, state) WHERE t.wake_at <= df.now()"
    assert workflows.database.query(waiting, role="dfowner") == [("sql",)]
    assert workflows.database.query("SELECT note FROM effect") == []
    workflows.database.drive()
    assert workflows.database.value("SELECT count(*) FROM effect") == 1


def test_a_timer_whose_driver_died_in_careful_work(workflows):
    workflows.deploy(f"CREATE WORKFLOW w() AS df.race({SLOW}, {TIMEOUT});")
    instance = workflows.start("w()")
    with busy_driver(workflows):
        pass_time(workflows, "1 second")
        workflows.database.query(
            "WITH died AS (INSERT INTO df.driver (owner, pid, backend_start, opened_at) VALUES ('alice', 1, '2020-01-01', '2020-01-01') RETURNING id)"
            " UPDATE df.task SET braced_by = died.id, crashes = 1 FROM died WHERE wait = 'sleep'",
            role="dfowner",
        )
        for _ in range(3):
            pass_time(workflows, "1 minute")
    workflows.database.drive()
    assert workflows.rows(instance) == [{"r": "timeout"}]
    assert "crashed" in workflows.outcomes(instance)


def test_a_timer_that_is_not_overdue_is_left_to_the_others(workflows):
    workflows.deploy(f"CREATE WORKFLOW w() AS df.race({SLOW}, df.sleep(3600));")
    instance = workflows.start("w()")
    with busy_driver(workflows):
        for _ in range(2):
            pass_time(workflows, "1 minute")
        assert workflows.outcomes(instance) == ["ok", "ok"]  # the fork, the begin of the sleep
        assert workflows.status(instance) == "running"


def test_a_timer_is_overdue_after_half_a_second(workflows):
    """Until then it is left to the drivers."""
    workflows.deploy("CREATE WORKFLOW w() AS df.race(df.sleep(10), df.wait_for_signal('never'));")
    workflows.start("w()")
    workflows.database.drive()
    overdue = (
        "SELECT count(o.id) FROM df.task AS t, df.overdue_timer_v1(t.owner, t.wake_at + %s, '-infinity', 0) AS o"
        " WHERE t.wait = 'sleep'"
    )
    for late, count in (("0.49 seconds", 0), ("0.5 seconds", 1)):
        assert workflows.database.value(overdue, late, role="dfowner") == count


def test_a_timer_that_somebody_is_at_does_not_hide_another(workflows):
    workflows.deploy(
        f"CREATE WORKFLOW busy() AS df.race(df.sleep(10) ~> {SLOW}, df.wait_for_signal('never'));"
        f"CREATE WORKFLOW idle() AS df.race({SLOW}, {TIMEOUT});"
    )
    workflows.start("busy()")
    workflows.database.drive()
    workflows.move_clock("1 minute")
    instance = workflows.start("idle()")
    with busy_driver(workflows, 2):
        for _ in range(3):
            pass_time(workflows, "1 minute")
    workflows.database.drive()
    assert workflows.rows(instance) == [{"r": "timeout"}]


def test_a_driver_for_timers_lingers(workflows):
    """And answers when it is to look again."""
    began = workflows.database.value("SELECT clock_timestamp()")
    next_due = workflows.database.value("CALL df.run_timers(0.3, NULL)")
    assert (next_due - began).total_seconds() >= 0.3 + 0.5
