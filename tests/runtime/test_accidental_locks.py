"""Locks that PostgreSQL takes on a task which has just moved on: nobody keeps one longer than he knows of it, and nobody is left waiting for one.

A statement that locks several rows walks along them, and the last one may move meanwhile: PostgreSQL has locked its new version before it sees that the
row is not wanted any more.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest

from tests.runtime.test_branches import GOT, SIGNAL, Program
from tests.runtime.test_locks import BOUND_S, copy_task, hands, tasks_of


@pytest.fixture
def program(workflows: Any) -> Program:
    return Program(workflows)


class Walk:
    """A statement that looks at one task after the other, and stands still at the first of them when it comes there for the nth time.

    A policy stops it: it is asked for each row before the row is locked. So the snapshot is taken, and the other rows can move.
    """

    def __init__(
        self, program: Program, stack: ExitStack, call: str, *, stops_at: int, nth: int, role: str = "dfowner"
    ) -> None:
        self.connection = stack.enter_context(program.database.connect(role, autocommit=False))
        # In this order: what the thread waits for is let go first.
        self.pool = stack.enter_context(ThreadPoolExecutor(1))
        self.observer = stack.enter_context(program.database.connect("dfowner"))
        self.observer.execute(
            f"""
            CREATE SEQUENCE public.visit;
            GRANT USAGE ON SEQUENCE public.visit TO PUBLIC;
            CREATE FUNCTION public.stands(id bigint) RETURNS boolean LANGUAGE plpgsql AS $$
            BEGIN
                IF current_setting('test.walks', true) = 'yes' AND id = {stops_at} THEN
                    IF nextval('public.visit') = {nth} THEN
                        PERFORM pg_advisory_lock(77);
                        PERFORM pg_advisory_unlock(77);
                    END IF;
                END IF;
                RETURN true;
            END
            $$;
            ALTER TABLE df.task FORCE ROW LEVEL SECURITY;
            CREATE POLICY every ON df.task USING (true);
            CREATE POLICY stand ON df.task AS RESTRICTIVE USING (public.stands(id));
            SELECT pg_advisory_lock(77);
            """
        )
        self.connection.execute("SET test.walks = 'yes'")
        self.found = self.pool.submit(lambda: self.connection.execute(call).fetchone())
        program.database.until(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 77 AND NOT granted"
        )

    def goes_on(self) -> Any:
        """To its end; what it returns. Its transaction stays open."""
        self.observer.execute("SELECT pg_advisory_unlock(77)")
        return self.found.result(timeout=BOUND_S)

    def holds(self, task: int) -> bool:
        return (
            self.observer.execute(
                "SELECT FROM df.task WHERE id = %s FOR UPDATE SKIP LOCKED", (task,)
            ).fetchone()
            is None
        )


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as entered:
        yield entered


@pytest.fixture
def waiters(program: Program) -> tuple[str, list[int]]:
    """An instance of which two tasks wait for the signal `go`, the second one due; and their ids."""
    program.deploy({1: SIGNAL.format("") + GOT})
    instance = program.workflows.start("w()")
    program.database.drive()
    copy_task(program, 1)
    program.database.query(
        "UPDATE df.task SET wait = 'signal', signal_name = 'go', wake_at = CASE WHEN parent_id IS NULL AND seq > 0 THEN NULL ELSE df.now() END",
        role="dfowner",
    )
    return instance, tasks_of(program, instance)


def test_a_signal_keeps_no_lock_on_a_task_that_went_on(program, stack, waiters):
    """Its transaction may be left open."""
    instance, (first, second) = waiters
    walk = Walk(
        program, stack, f"SELECT df.act_signal_v1('alice', '{instance}', 'go', '1')", stops_at=first, nth=2
    )
    (driver,) = stack.enter_context(hands(program.database, 1))
    driver.claim(second)
    assert driver.answer(second, "advance") == "ok"
    driver.commit()
    walk.goes_on()
    # It had it locked: the number of the signal is that of the second try.
    assert walk.connection.execute("SELECT id FROM df.signal").fetchall() == [(2,)]
    assert walk.holds(first)
    assert not walk.holds(second)


def test_who_rouses_waiters_tells_one_that_went_on_to_wait_for_something_else(program, stack, waiters):
    """A signal that is sent meanwhile passes over it."""
    instance, (first, second) = waiters
    rouse = "SELECT df.rouse_v1(ARRAY(SELECT t.id FROM df.task AS t))"
    walk = Walk(program, stack, rouse, stops_at=first, nth=2)
    (driver,) = stack.enter_context(hands(program.database, 1))
    driver.claim(second)
    assert driver.answer(second, "wait", detail='{"signal": "other"}') == "ok"
    driver.commit()
    walk.goes_on()
    assert walk.holds(second)
    program.database.query("SELECT df.signal(%s, 'other')", instance)
    walk.connection.commit()
    assert walk.observer.execute(
        "SELECT signal_name, wake_at <= df.now() FROM df.task WHERE id = %s", (second,)
    ).fetchone() == ("other", True)


def test_a_claim_of_a_task_that_moved_back_holds_none_that_moved_on(program, stack):
    """It is told as it is now, and stood behind the other when the claim began."""
    program.deploy({1: SIGNAL.format("") + GOT})
    instance = program.workflows.start("w()")
    copy_task(program, 2)
    first, waiting, claimed = tasks_of(program, instance)
    set_due = "UPDATE df.task SET wake_at = %s WHERE id = %s"
    for due, task in (("2020-01-01", first), ("2021-01-01", waiting), ("2021-01-02", claimed)):
        program.database.query(set_due, due, task, role="dfowner")
    claim = "SELECT (c).verdict, (c).task_id FROM df.claim_task_v1('-infinity', 0, NULL) AS c"
    walk = Walk(program, stack, claim, stops_at=first, nth=1, role="alice")
    # It stands before it locks the first one, which somebody else has by then.
    holder = stack.enter_context(program.database.connect("dfowner", autocommit=False))
    holder.execute("SELECT FROM df.task WHERE id = %s FOR UPDATE", (first,))
    (driver,) = stack.enter_context(hands(program.database, 1))
    driver.claim(waiting)
    assert driver.answer(waiting, "wait", detail='{"signal": "go"}') == "ok"
    driver.commit()
    program.database.query(set_due, "2020-06-01", claimed, role="dfowner")
    assert walk.goes_on() == ("settled", 0)
    assert walk.holds(waiting)


def test_the_janitor_wakes_who_waits_for_what_is_there(program):
    """A driver that died in its first claim, before it had a row of its own, has told nobody."""
    program.deploy({1: SIGNAL.format("") + GOT})
    instance = program.workflows.start("w()")
    program.database.drive()
    program.database.query(
        "INSERT INTO df.signal (instance_id, name, payload, sender, sent_at) VALUES (%s, 'go', '1', 'alice', df.now())",
        instance,
        role="dfowner",
    )
    program.database.query("CALL df.janitor(0)")
    program.database.drive()
    # It may just have been sent.
    assert program.workflows.status(instance) == "running"
    program.workflows.move_clock("10 seconds")
    program.database.query("CALL df.janitor(0)", role="bob")
    program.database.drive()
    assert program.workflows.status(instance) == "running"
    program.database.query("CALL df.janitor(0)")
    program.database.drive()
    assert program.workflows.status(instance) == "completed"


# Careful work


def test_what_a_careful_driver_could_not_lock_again_is_as_it_was(program):
    program.deploy({1: SIGNAL.format("") + GOT})
    first, second = (tasks_of(program, program.workflows.start("w()"))[0] for _ in range(2))
    with program.database.connect() as driver:
        assert driver.execute("SELECT df.brace_v1(%s, 7)", (first,)).fetchone() == (False,)
        assert driver.execute("SELECT df.brace_v1(%s, 7)", (second,)).fetchone() == (False,)
        # Nor does it touch what another driver is at.
        assert driver.execute("SELECT df.brace_v1(%s, 8)", (first,)).fetchone() == (False,)
        assert driver.execute("SELECT df.brace_v1(%s, 7)", (second,)).fetchone() == (True,)
    assert program.database.query(
        "SELECT id, crashes, braced_by FROM df.task ORDER BY id", role="dfowner"
    ) == [(first, 1, 8), (second, 1, 7)]


def test_a_careful_driver_has_the_patience_for_anothers_look(program):
    """The row is locked by somebody else's claim when it comes back from its commit."""
    program.deploy({1: "step := df.exec_v1(step, 'SELECT 1'); step.outcome := 'done';"})
    program.database.query(
        "INSERT INTO df.driver (owner, pid, backend_start, opened_at, died_at) VALUES ('alice', 1, now(), now(), clock_timestamp())",
        role="dfowner",
    )
    instances = [program.workflows.start("w()") for _ in range(200)]
    with ThreadPoolExecutor() as drivers:
        for driver in [drivers.submit(program.database.drive) for _ in range(6)]:
            driver.result()
    assert {program.workflows.status(instance) for instance in instances} == {"completed"}
    assert (
        program.database.value(
            "SELECT count(*) FROM df.task WHERE braced_by IS NOT NULL OR crashes > 0", role="dfowner"
        )
        == 0
    )


def test_a_run_ends_though_a_task_is_in_careful_hands(program):
    program.deploy({1: "step := df.exec_v1(step, 'SELECT 1'); step.outcome := 'done';"})
    instance = program.workflows.start("w()")
    program.database.query(
        "WITH driver AS (INSERT INTO df.driver (owner, pid, backend_start, opened_at) VALUES ('alice', 1, now(), clock_timestamp() + interval '1 hour') RETURNING id)"
        " UPDATE df.task SET braced_by = driver.id, crashes = 1 FROM driver",
        role="dfowner",
    )
    # A minute if it went round and round.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(program.database.drive).result(timeout=2 * BOUND_S)
    assert program.workflows.status(instance) == "pending"


# What users leave open


@pytest.fixture
def opened(program: Program) -> Any:
    with program.database.connect("alice", autocommit=False) as connection:
        yield connection


def test_a_first_attempt_that_fails_waits_for_no_open_cancel(program, opened):
    program.deploy({1: "step := df.exec_v1(step, 'SELECT pg_sleep(0.5), 1 / (random() * 0)::integer');"})
    program.database.query("UPDATE df.workflow_version SET max_attempts = 3", role="dfowner")
    instance = program.workflows.start("w()")
    with ThreadPoolExecutor(1) as pool:
        driver = pool.submit(program.database.drive)
        program.database.until(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE %s", f"pgdurc {instance} %"
        )
        opened.execute("SELECT df.cancel(%s)", (instance,))
        try:
            driver.result(timeout=BOUND_S)
        finally:
            opened.rollback()
    # Nor was it counted.
    assert program.database.query("SELECT wait, failures, seq FROM df.task", role="dfowner") == [
        ("lock", 0, 0)
    ]
    program.workflows.move_clock("5 seconds")
    program.database.drive()
    assert program.workflows.outcomes(instance) == ["failed"]
    assert program.workflows.status(instance) == "running"


@pytest.mark.parametrize("call", ["df.signal(%s, 'go')", "df.cancel(%s)"])
def test_the_janitor_passes_over_an_ended_instance_that_somebody_holds(program, opened, call):
    program.deploy({1: "step := df.exec_v1(step, 'SELECT 1'); step.outcome := 'done';"})
    held, free = (program.workflows.start("w()") for _ in range(2))
    program.database.drive()
    program.workflows.move_clock("40 days")
    opened.execute(f"SELECT {call}", (held,))
    with program.database.connect() as janitor:
        janitor.execute("SET statement_timeout = '20s'")
        janitor.execute("CALL df.janitor(0)")
    assert program.database.query("SELECT id FROM df.instances") == [(held,)]
    opened.rollback()
    program.database.query("CALL df.janitor(0)")
    assert program.database.query("SELECT id FROM df.instances") == []
    assert free != held


def test_the_janitor_goes_on_behind_what_somebody_holds(program, opened):
    program.deploy({1: "step := df.exec_v1(step, 'SELECT 1'); step.outcome := 'done';"})
    held, *free = (program.workflows.start("w()") for _ in range(3))
    program.database.drive()
    program.workflows.move_clock("40 days")
    opened.execute("SELECT df.signal(%s, 'go')", (held,))
    with program.database.connect() as janitor:
        assert janitor.execute("SELECT df.retire_v1(1)").fetchone() == (1,)
    assert {row[0] for row in program.database.query("SELECT id FROM df.instances")} == {held, free[1]}


@pytest.mark.parametrize(("wait", "patience"), [("sleep", "00:00:01"), ("lock", "00:00:00.02")])
def test_who_has_waited_for_a_scope_in_vain_waits_for_a_moment_only(program, opened, wait, patience):
    program.deploy({1: SIGNAL.format("") + GOT})
    instance = program.workflows.start("w()")
    (task,) = tasks_of(program, instance)
    opened.execute("SELECT df.signal(%s, 'go')", (instance,))
    scopes = "SELECT df.lock_scopes_v1(t.scopes, t.scopes[1], p_patience => '0') FROM df.task AS t"
    assert program.database.value(scopes, role="dfowner") == "busy"
    # In its place one that only notes how long it was to wait.
    program.database.query(
        "CREATE OR REPLACE FUNCTION df.lock_scopes_v1("
        "  p_scopes bigint[], p_strong bigint DEFAULT NULL, p_is_stop boolean DEFAULT false, p_patience interval DEFAULT '1 second'"
        ") RETURNS text LANGUAGE sql AS $$ SELECT left(set_config('test.patience', p_patience::text, false), 0) || 'busy' $$",
        role="dfowner",
    )
    program.database.query("UPDATE df.task SET wait = %s", wait, role="dfowner")
    noted = "SELECT current_setting('test.patience')"
    with hands(program.database, 1) as (driver,):
        driver.claim(task)
        assert driver.answer(task, "advance") == "busy"
        assert driver.connection.execute(noted).fetchone() == (patience,)
        driver.connection.execute(
            "SELECT df.fail_v1(%s, df.now(), '0', '22012', 'x', '', '', '', false)", (task,)
        )
        assert driver.connection.execute(noted).fetchone() == (patience,)


def test_an_installation_waits_for_no_step_that_works_alone(program):
    from pgdurc.runtime import runtime_script

    with (
        program.database.connect("dfowner", autocommit=False) as holder,
        program.database.connect("dfowner") as installer,
    ):
        holder.execute("SELECT FROM df.runtime FOR UPDATE")
        installer.execute("SET statement_timeout = '60s'")
        installer.execute(runtime_script().encode())


def test_a_janitor_of_a_role_that_is_read_only_by_default(program):
    program.database.query(
        f"ALTER ROLE alice IN DATABASE {program.database.name} SET default_transaction_read_only = on",
        role="postgres",
    )
    with program.database.connect("alice") as janitor:
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            janitor.execute("CREATE TABLE no (n integer)")
        janitor.execute("CALL df.janitor(0)")
