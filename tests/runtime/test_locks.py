"""Who locks what, who waits for whom, and for how long: with two connections each rule that keeps drivers and users from deadlocks, lost
wakeups and waits without end.

A driver is played by hand, a function of df.run at a time, where it must stand still between two of them.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from tests.runtime.test_branches import DONE, GOT, SIGNAL, Program, fork, join_of, note, query, signal, sql

SLEEP = "step := df.sleep_v1(step, 600::double precision); step.state := {};"

# A driver gives up after a second; a loaded machine may take some more.
BOUND_S = 10


@pytest.fixture
def program(workflows: Any) -> Program:
    return Program(workflows)


class Hand:
    """A driver of alice's, by hand: what it has claimed and written stays open until it ends the transaction."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        connection.autocommit = False

    def claim(self, task: int) -> None:
        assert self.connection.execute("SELECT df.continue_v1(%s, 0, 'infinity')", (task,)).fetchone() != (
            None,
        )

    def answer(self, task: int, outcome: str, state: int = 1, detail: str | None = None) -> str:
        """The verdict on a step of that task with that outcome."""
        row = self.connection.execute(
            "SELECT df.advance_v1(ROW(t.id, t.instance_id, %s, %s, NULL, NULL, NULL, NULL, NULL, %s::jsonb)::df.step_v1,"
            " t.state, df.now(), '0', false) FROM df.task AS t WHERE t.id = %s",
            (state, outcome, detail, task),
        ).fetchone()
        assert row is not None
        return str(row[0])

    def commit(self) -> None:
        self.connection.commit()

    def rollback(self) -> None:
        self.connection.rollback()


@contextmanager
def hands(database: Any, count: int) -> Iterator[list[Hand]]:
    connections = [database.connect() for _ in range(count)]
    try:
        yield [Hand(connection) for connection in connections]
    finally:
        for connection in connections:
            connection.close()


def tasks_of(program: Program, instance: str) -> list[int]:
    rows = program.database.query("SELECT id FROM df.task WHERE instance_id = %s ORDER BY id", instance)
    return [task for (task,) in rows]


def forked(program: Program, states: dict[int, str]) -> tuple[str, list[int]]:
    """An instance whose fork has been done, and its tasks, the parent first; the branches are due."""
    program.deploy(states)
    instance = program.workflows.start("w()")
    with hands(program.database, 1) as (hand,):
        (task,) = tasks_of(program, instance)
        hand.claim(task)
        kind = "race" if "'race'" in states[1] else "join"
        branches = re.search(r"ARRAY(\[[^]]*\])", states[1])
        assert branches is not None
        assert hand.answer(task, "spawn", 2, f'{{"kind": "{kind}", "branches": {branches[1]}}}') == "ok"
        hand.commit()
    return instance, tasks_of(program, instance)


STRENGTHS = ("KEY SHARE", "NO KEY UPDATE", "UPDATE")
# What can be done while somebody holds the instance's scope so: a step that goes on, one that goes to wait, the end, a signal, a cancel.
ALLOWED = {
    "KEY SHARE": {"advance", "park", "wait", "done", "signal"},
    "NO KEY UPDATE": {"advance", "park"},
    "UPDATE": set(),
}


@pytest.mark.parametrize("strength", STRENGTHS)
@pytest.mark.parametrize("action", ["advance", "park", "wait", "done"])
def test_a_step_asks_for_no_stronger_lock_than_it_needs_and_waits_a_second_at_most(program, strength, action):
    """A step that goes on or parks: FOR KEY SHARE; one that goes to wait for a signal or ends its instance: FOR NO KEY UPDATE."""
    program.deploy({1: sql("SELECT 1") + DONE})
    instance = program.workflows.start("w()")
    (task,) = tasks_of(program, instance)
    with (
        hands(program.database, 1) as (hand,),
        program.database.connect("dfowner", autocommit=False) as holder,
    ):
        holder.execute(f"SELECT FROM df.stop_scope WHERE instance_id = %s FOR {strength}", (instance,))
        hand.claim(task)
        began = time.monotonic()
        if action == "park":
            hand.connection.execute("SELECT")
            row = hand.connection.execute(
                "SELECT df.advance_v1(ROW(%s, %s, 1, 'park', NULL, NULL, NULL, NULL, 'infinity', NULL)::df.step_v1, 1, df.now(), '0', false)",
                (task, instance),
            ).fetchone()
            assert row is not None
            verdict = row[0]
        else:
            verdict = hand.answer(task, action, detail='{"signal": "go"}' if action == "wait" else None)
        waited = time.monotonic() - began
        assert verdict == ("ok" if action in ALLOWED[strength] else "busy")
        assert waited < BOUND_S
        if verdict == "busy":
            assert waited > 0.9


@pytest.mark.parametrize("strength", STRENGTHS)
@pytest.mark.parametrize("call", ["df.signal(%s, 'go')", "df.cancel(%s)"])
def test_a_signal_waits_for_no_step_and_a_cancel_for_one_that_is_just_committing(program, strength, call):
    """FOR NO KEY UPDATE by a signal, FOR UPDATE by a stop."""
    program.deploy({1: sql("SELECT 1") + DONE})
    instance = program.workflows.start("w()")
    with (
        program.database.connect() as caller,
        program.database.connect("dfowner", autocommit=False) as holder,
    ):
        holder.execute(f"SELECT FROM df.stop_scope WHERE instance_id = %s FOR {strength}", (instance,))
        caller.execute("SET lock_timeout = '300ms'")
        if "signal" in call and "signal" in ALLOWED[strength]:
            caller.execute(f"SELECT {call}", (instance,))
        else:
            with pytest.raises(psycopg.errors.LockNotAvailable):
                caller.execute(f"SELECT {call}", (instance,))
            assert program.workflows.status(instance) == "pending"


@pytest.mark.parametrize("call", ["df.signal(%s, 'go')", "df.cancel(%s)", "df.signal_label('l', 'go')"])
def test_nobody_waits_for_a_task_whose_step_is_running(program, call):
    """The task's row is locked as long as its step runs, which may be for hours."""
    program.deploy({1: sql("SELECT 1") + DONE})
    instance = program.workflows.start("df.start_workflow('w', label => 'l')")
    with hands(program.database, 1) as (hand,), program.database.connect() as caller:
        hand.claim(tasks_of(program, instance)[0])
        caller.execute("SET lock_timeout = '300ms'")
        caller.execute(f"SELECT {call}", (instance,) if "%s" in call else None)


def test_a_cancel_that_came_second_lets_the_step_stand_and_one_that_came_first_does_not(program):
    """Whoever has the scope first: the step that is committing keeps what it did, the step after it is stopped."""
    program.deploy({1: note("first") + "step.state := 2;", 2: note("second") + DONE})
    instance = program.workflows.start("w()")
    (task,) = tasks_of(program, instance)
    with hands(program.database, 1) as (hand,), ThreadPoolExecutor() as threads:
        hand.claim(task)
        hand.connection.execute("INSERT INTO effect (note) VALUES ('first')")
        assert hand.answer(task, "advance", 2) == "ok"
        cancelled = threads.submit(program.database.query, "SELECT df.cancel(%s)", instance)
        until_somebody_waits(program.database)
        hand.commit()
        cancelled.result(timeout=BOUND_S)
        hand.connection.execute("INSERT INTO effect (note) VALUES ('second')")
        assert hand.answer(task, "done") in ("stopped", "invalid")
        hand.rollback()
    program.database.drive()
    assert program.notes() == ["first"]
    assert program.workflows.status(instance) == "cancelled"


def test_branches_of_one_instance_check_side_by_side(program):
    """FOR KEY SHARE does not exclude itself: neither waits for the other's commit."""
    _instance, (_parent, first, second) = forked(program, join_of(note("a") + DONE, note("b") + DONE))
    with hands(program.database, 2) as (one, other):
        one.claim(first)
        assert one.answer(first, "advance", 3) == "ok"
        other.claim(second)
        other.connection.execute("SET LOCAL lock_timeout = '300ms'")
        assert other.answer(second, "advance", 4) == "ok"


ENDS = [(order, fate) for order in ((0, 1), (1, 0)) for fate in ("commit", "rollback")]


@pytest.mark.parametrize(("order", "fate"), ENDS)
def test_of_two_branches_that_end_together_one_wakes_the_parent(program, order, fate):
    """The last one, whichever commits; no deadlock, and no parent that nobody wakes."""
    instance, (parent, *branches) = forked(program, join_of(note("a") + DONE, note("b") + DONE))
    first, second = (branches[i] for i in order)
    due = "SELECT wake_at IS NOT NULL FROM df.task WHERE id = %s"
    with hands(program.database, 2) as (one, other), ThreadPoolExecutor() as threads:
        one.claim(first)
        assert one.answer(first, "done") == "ok"
        other.claim(second)
        ended = threads.submit(other.answer, second, "done")
        # It waits for the sum of the counters, which the first has written.
        until_somebody_waits(program.database)
        assert program.database.value(due, parent) is False
        getattr(one, fate)()
        assert ended.result(timeout=BOUND_S) == "ok"
        other.commit()
    assert program.database.value(due, parent) is (fate == "commit")
    program.database.drive()
    assert program.workflows.status(instance) == "completed"


@pytest.mark.parametrize("width", [5, 17, 64, 65, 150])
def test_only_the_branch_that_is_last_touches_the_parent(program, width):
    """Up to three levels of counters: somebody holds the parent's row, and of all branches the last alone waits for it."""
    instance, (parent, *branches) = forked(program, join_of(*[note("x") + DONE] * width))
    random.Random(width).shuffle(branches)
    with (
        program.database.connect("dfowner", autocommit=False) as holder,
        hands(program.database, 1) as (hand,),
    ):
        holder.execute("SELECT FROM df.task WHERE id = %s FOR UPDATE", (parent,))
        for branch in branches[:-1]:
            hand.claim(branch)
            assert hand.answer(branch, "done") == "ok"
            hand.commit()
        with ThreadPoolExecutor() as threads:
            hand.claim(branches[-1])
            last = threads.submit(hand.answer, branches[-1], "done")
            until_somebody_waits(program.database)
            holder.rollback()
            assert last.result(timeout=BOUND_S) == "ok"
            hand.commit()
    program.database.drive()
    assert program.workflows.status(instance) == "completed"


def test_a_join_that_an_earlier_runtime_has_forked_goes_on(program):
    """It has sixteen counters and their sum, however wide it is."""
    instance, (parent, *branches) = forked(program, join_of(*[note("x") + DONE] * 100))
    program.database.query("DELETE FROM df.fan_in", role="dfowner")
    program.database.query(
        "INSERT INTO df.fan_in SELECT %s, n %% 16, count(*) FROM generate_series(1, 100) AS n GROUP BY 2"
        " UNION ALL SELECT %s, 16, 16",
        parent,
        parent,
        role="dfowner",
    )
    with hands(program.database, 1) as (hand,):
        for branch in branches[:-1]:
            hand.claim(branch)
            assert hand.answer(branch, "done") == "ok"
            hand.commit()
    due = "SELECT wake_at IS NOT NULL FROM df.task WHERE id = %s"
    assert program.database.value(due, parent, role="dfowner") is False
    program.database.drive()
    assert program.workflows.status(instance) == "completed"


@pytest.mark.parametrize("widths", [(100, 3), (3, 100), (100, 30)])
def test_each_join_of_a_task_has_counters_of_its_own(any_workflows, widths):
    """The first ends by a break, with counters that are not at zero."""
    first, second = (", ".join(["'SELECT 1'"] * width) for width in widths)
    instance = any_workflows.run(
        f"CREATE WORKFLOW w() AS df.loop("
        f"df.join({first}, df.if('SELECT true', df.break(), 'SELECT 1')) ~> df.join({second}), 'SELECT true')"
        f" ~> df.join({second}) ~> df.join({first});"
    )
    assert any_workflows.status(instance) == "completed", any_workflows.error(instance)


# From so many branches on a join is wide.
WIDE = 16


def test_the_branches_of_a_wide_join_do_not_share_a_lock(program):
    """Each has one of sixteen scopes and not the instance's; a cancel of the instance takes them all."""
    instance, (_parent, *branches) = forked(program, join_of(*[note("x") + DONE] * (WIDE + 2)))
    free = "SELECT kind FROM df.stop_scope WHERE instance_id = %s ORDER BY id FOR UPDATE SKIP LOCKED"
    with (
        ThreadPoolExecutor() as threads,
        hands(program.database, 2) as (one, other),
        program.database.connect("dfowner", autocommit=False) as observer,
    ):
        for hand, branch in ((one, branches[0]), (other, branches[1])):
            hand.claim(branch)
            assert hand.answer(branch, "done") == "ok"
        kinds = [kind for (kind,) in observer.execute(free, (instance,)).fetchall()]
        assert kinds == ["instance"] + ["slot"] * 14
        observer.rollback()
        cancelled = threads.submit(program.database.value, "SELECT df.cancel(%s, 'enough')", instance)
        until_somebody_waits(program.database)
        one.commit()
        other.commit()
        cancelled.result(timeout=BOUND_S)
    program.database.drive()
    assert program.tasks(instance) == ["stopped", "done", "done"] + ["stopped"] * WIDE
    assert program.notes() == []


def test_a_cancel_takes_the_scopes_of_a_wide_join_that_was_forked_while_it_waited(program):
    """It waits for the scope of the instance, behind the fork and somebody else: a branch that is at its commit by then is waited for, too."""
    program.deploy(join_of(*[note("x") + DONE] * WIDE))
    instance = program.workflows.start("w()")
    (parent,) = tasks_of(program, instance)
    entries = list(range(3, 3 + WIDE))
    with (
        ThreadPoolExecutor() as threads,
        hands(program.database, 2) as (one, other),
        program.database.connect("dfowner", autocommit=False) as holder,
    ):
        one.claim(parent)
        assert one.answer(parent, "spawn", 2, f'{{"kind": "join", "branches": {entries}}}') == "ok"
        holder.execute("SELECT FROM df.stop_scope WHERE kind = 'instance' FOR KEY SHARE")
        cancelled = threads.submit(program.database.value, "SELECT df.cancel(%s, 'enough')", instance)
        until_somebody_waits(program.database)
        one.commit()
        branch = tasks_of(program, instance)[1]
        other.claim(branch)
        assert other.answer(branch, "done") == "ok"
        holder.rollback()
        waits_for_it = "SELECT FROM pg_stat_activity WHERE pg_blocking_pids(pid) = ARRAY[%s::integer]"
        program.database.until(f"SELECT EXISTS ({waits_for_it})", other.connection.info.backend_pid)
        other.commit()
        cancelled.result(timeout=BOUND_S)
    program.database.drive()
    assert program.workflows.status(instance) == "cancelled"
    assert program.tasks(instance) == ["stopped", "done"] + ["stopped"] * (WIDE - 1)


def test_a_cancel_that_cannot_see_the_scopes_of_a_wide_join_fails(program):
    """Its snapshot is older than the fork: it would stop nothing there."""
    program.deploy(join_of(*[note("x") + DONE] * WIDE))
    instance = program.workflows.start("w()")
    with program.database.connect(autocommit=False) as user:
        user.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        assert user.execute("SELECT df.status(%s)", (instance,)).fetchone() == ("pending",)
        (parent,) = tasks_of(program, instance)
        with hands(program.database, 1) as (hand,):
            hand.claim(parent)
            entries = list(range(3, 3 + WIDE))
            assert hand.answer(parent, "spawn", 2, f'{{"kind": "join", "branches": {entries}}}') == "ok"
            hand.commit()
        with pytest.raises(psycopg.errors.SerializationFailure):
            user.execute("SELECT df.cancel(%s, 'late')", (instance,))
    program.database.drive()
    assert program.workflows.status(instance) == "completed"


def test_branches_of_a_wide_join_wait_for_signals_and_fork_again(program):
    """They hold the scope of the instance for that, which is not theirs; and share the sixteen with the wide joins around and after."""
    inner = {20 + n: note(f"inner {n}") + DONE for n in range(WIDE)}
    branches = [SIGNAL.format("") + GOT] * (WIDE - 1) + [fork("join", list(inner), 19)]
    states = join_of(*branches) | {19: "step := df.gather_v1(step, NULL);" + DONE} | inner
    instance = program.run(states)
    assert len(program.notes()) == WIDE
    for number in range(WIDE - 1):
        signal(program, instance, str(number))
    program.database.drive()
    assert program.workflows.status(instance) == "completed"
    taken = "SELECT count(DISTINCT taken_by) FROM df.signal WHERE instance_id = %s"
    assert program.database.value(taken, instance) == WIDE - 1
    scopes = "SELECT count(*) FROM df.stop_scope WHERE instance_id = %s"
    assert program.database.value(scopes, instance) == 17


def test_the_winner_of_a_race_does_not_wait_for_a_loser_at_work(program):
    """It holds the race, and of the tasks below takes those that are free."""
    instance, (_parent, first, second) = forked(
        program, join_of(note("slow") + DONE, note("fast") + DONE, kind="race")
    )
    with hands(program.database, 2) as (loser, winner):
        loser.claim(first)
        loser.connection.execute("INSERT INTO effect (note) VALUES ('slow')")
        winner.claim(second)
        winner.connection.execute("SET LOCAL lock_timeout = '300ms'")
        assert winner.answer(second, "done") == "ok"
        winner.commit()
        assert loser.answer(first, "done") == "stopped"
        loser.rollback()
    program.database.drive()
    assert program.workflows.status(instance) == "completed"
    assert program.notes() == []
    assert program.tasks(instance) == ["done", "stopped", "done"]


@pytest.mark.parametrize("strength", STRENGTHS)
@pytest.mark.parametrize("kind", ["race", "instance"])
def test_who_decides_a_race_wants_it_alone_and_shares_the_instance(program, kind, strength):
    """FOR UPDATE, at once, of the one; FOR KEY SHARE of the other, which a signal that is left open does not keep from it."""
    instance, (_parent, first, _second) = forked(
        program, join_of(note("a") + DONE, note("b") + DONE, kind="race")
    )
    with (
        hands(program.database, 1) as (hand,),
        program.database.connect("dfowner", autocommit=False) as holder,
    ):
        holder.execute(
            f"SELECT FROM df.stop_scope WHERE instance_id = %s AND kind = %s FOR {strength}", (instance, kind)
        )
        hand.claim(first)
        verdict = hand.answer(first, "done")
    if kind == "race":
        assert verdict == "wanted"
    else:
        assert verdict == ("busy" if strength == "UPDATE" else "ok")


def test_branches_that_signal_their_own_instance_take_turns(program):
    """The one that is first holds the instance as strongly as it needs it to the end: the other waits for its commit, and neither
    for ever."""
    instance, (_parent, first, second) = forked(program, join_of(note("a") + DONE, note("b") + DONE))
    send = "SELECT df.signal(%s, 'go')"
    with hands(program.database, 2) as (one, other), ThreadPoolExecutor() as threads:
        one.claim(first)
        one.connection.execute(send, (instance,))
        other.claim(second)
        sent = threads.submit(other.connection.execute, send, (instance,))
        until_somebody_waits(program.database)
        assert one.answer(first, "done") == "ok"
        one.commit()
        sent.result(timeout=BOUND_S)
        assert other.answer(second, "done") == "ok"
        other.commit()
    assert program.database.value("SELECT count(*) FROM df.signal") == 2
    program.database.drive()
    assert program.workflows.status(instance) == "completed"


def test_the_scopes_of_a_task_are_in_the_order_in_which_they_are_locked(program):
    """By id, the instance's first, in races in races and joins between them."""
    program.deploy(
        {
            1: fork("race", [3, 4], 2),
            2: "step := df.gather_v1(step, NULL);",
            3: fork("join", [5, 6], 7),
            4: SLEEP.format(4),
            5: fork("race", [8, 9], 10),
            6: SLEEP.format(6),
            7: "step := df.gather_v1(step, NULL);",
            8: SLEEP.format(8),
            9: SLEEP.format(9),
            10: "step := df.gather_v1(step, NULL);",
        }
    )
    program.workflows.start("w()")
    program.database.drive()
    rows = [scopes for (scopes,) in program.database.query("SELECT scopes FROM df.task")]
    assert sorted(map(len, rows)) == [1, 2, 2, 2, 2, 3, 3]
    assert all(scopes == sorted(scopes) for scopes in rows)


def test_cancels_races_and_signals_meet_without_a_deadlock(program):
    """Many of each at the same time, on three drivers: every instance ends, and nobody is told of a deadlock."""
    program.deploy(
        {
            1: fork("race", [3, 4, 5], 2),
            2: "step := df.gather_v1(step, NULL);",
            3: fork("race", [6, 7], 8),
            4: SIGNAL.format("") + GOT,
            5: note("x") + "step.state := 9;",
            6: note("x") + DONE,
            7: note("x") + DONE,
            8: "step := df.gather_v1(step, NULL);",
            9: note("x") + DONE,
        }
    )
    instances = [program.workflows.start("w()") for _ in range(30)]

    def meddle() -> None:
        with program.database.connect() as connection:
            for number, instance in enumerate(instances):
                connection.execute(
                    "SELECT df.cancel(%s)" if number % 3 == 0 else "SELECT df.signal(%s, 'go')", (instance,)
                )

    with ThreadPoolExecutor() as threads:
        at_work = [threads.submit(program.database.drive, max_seconds=2) for _ in range(3)]
        at_work += [threads.submit(meddle) for _ in range(2)]
        for each in at_work:
            each.result(timeout=60)
    program.database.drive()
    assert {program.workflows.status(instance) for instance in instances} <= {"completed", "cancelled"}
    assert program.database.value("SELECT count(*) FROM df.step_run WHERE sqlstate = '40P01'") == 0
    assert program.database.value("SELECT count(*) FROM df.driver WHERE died_at IS NOT NULL") == 0


def test_two_instances_that_cancel_each_other_both_end(program):
    """Each step holds what the other needs at its commit. They give up after a second and do not come back together for ever."""
    program.database.query("CREATE TABLE pair (a text, b text)")
    program.deploy(
        {
            1: "step := df.exec_v1(step, format($q$SELECT df.cancel(CASE %L WHEN a THEN b ELSE a END), pg_sleep(0.2) FROM pair$q$,"
            " step.instance_id)); step.outcome := 'done';"
        }
    )
    pair = [program.workflows.start("w()") for _ in range(2)]
    program.database.query("INSERT INTO pair VALUES (%s, %s)", *pair)
    deadline = time.monotonic() + 60
    while not {program.workflows.status(instance) for instance in pair} <= {"completed", "cancelled"}:
        assert time.monotonic() < deadline, "they hold each other up"
        with ThreadPoolExecutor() as drivers:
            for driver in [drivers.submit(program.database.drive, max_seconds=3) for _ in range(2)]:
                driver.result(timeout=60)
    assert (
        program.database.value("SELECT count(*) FROM df.step_run WHERE outcome NOT IN ('ok', 'cancelled')")
        == 0
    )


LEFT_OPEN = {
    "a signal": "SELECT df.signal(%s, 'go')",
    "a cancel": "SELECT df.cancel(%s)",
    "a prepared cancel": "SELECT df.cancel(%s)",
}


@pytest.mark.parametrize("what", LEFT_OPEN)
@pytest.mark.parametrize("then", ["COMMIT", "ROLLBACK"])
def test_what_a_user_leaves_open_holds_up_that_instance_alone(program, what, then):
    """In the middle of its step somebody signals or cancels it and goes to lunch: the driver goes on with the others, the attempt is
    not counted, and when the transaction ends the instance goes on as if nothing had been."""
    program.database.query("CREATE TABLE gate (x int)")
    program.deploy({1: sql("SELECT count(*) FROM gate") + note("held") + DONE})
    held = program.workflows.start("w()")
    name = f"left_{program.database.name}"
    with (
        ThreadPoolExecutor() as threads,
        program.database.connect() as gate,
        program.database.connect() as user,
    ):
        gate.execute("BEGIN; LOCK TABLE gate")
        driver = threads.submit(program.database.drive)
        until_somebody_waits(program.database)
        user.execute("BEGIN")
        user.execute(LEFT_OPEN[what], (held,))
        if "prepared" in what:
            user.execute(f"PREPARE TRANSACTION '{name}'")
        gate.execute("ROLLBACK")
        others = [program.workflows.start("w()") for _ in range(3)]
        driver.result(timeout=30)
        for _ in range(2):
            program.database.drive()
        assert [program.workflows.status(other) for other in others] == ["completed"] * 3
        assert program.workflows.status(held) in ("pending", "running")
        assert program.database.query(
            "SELECT failures + transient_failures + interrupts + crashes FROM df.task WHERE instance_id = %s",
            held,
        ) == [(0,)]
        user.execute(f"{then} PREPARED '{name}'" if "prepared" in what else then)
    program.workflows.move_clock("10 seconds")
    program.database.drive()
    is_cancelled = "cancel" in what and then == "COMMIT"
    assert program.workflows.status(held) == ("cancelled" if is_cancelled else "completed")
    assert len(program.notes()) == (3 if is_cancelled else 4)
    assert set(program.workflows.outcomes(held)) <= {"ok", "cancelled"}


def test_what_an_open_cancel_holds_shows_why_it_waits(program):
    """A step that could not commit waits for a lock. What slept stays as it was, overdue; doctor tells who holds it."""
    program.deploy({1: SLEEP.format(2), 2: note("x") + DONE})
    instance = program.workflows.start("w()")
    (task,) = tasks_of(program, instance)
    waiting = "SELECT reason, wake_at <= df.now() FROM df.waiting(%s)"
    with program.database.connect() as user, hands(program.database, 1) as (hand,):
        hand.claim(task)
        user.execute("BEGIN")
        user.execute("SELECT df.cancel(%s)", (instance,))
        hand.rollback()
        program.database.drive()
        # The cancel passed over the task, which was being claimed.
        assert program.database.query(waiting, instance) == [("lock", False)]
        user.execute("ROLLBACK")
        program.workflows.move_clock("2 seconds")
        program.database.drive()
        assert program.database.query(waiting, instance) == [("sleep", False)]
        user.execute("BEGIN")
        user.execute("SELECT df.cancel(%s)", (instance,))
        program.workflows.move_clock("1 hour")
        program.database.drive()
        assert program.database.query(waiting, instance) == [("sleep", True)]
        finding = program.database.value("SELECT finding FROM df.doctor() WHERE check_name = 'locks'")
        assert finding.startswith(
            f"1 instance ({instance}) cannot go on before the transaction of session {user.info.backend_pid} "
        )
        user.execute("ROLLBACK")
    program.database.drive()
    assert program.workflows.status(instance) == "completed"


def test_a_signal_cannot_be_left_prepared(program):
    """It notifies, which PostgreSQL does not prepare: nothing is sent."""
    program.deploy({1: SIGNAL.format("") + GOT})
    instance = program.workflows.start("w()")
    with program.database.connect() as user:
        user.execute("BEGIN")
        user.execute("SELECT df.signal(%s, 'go')", (instance,))
        with pytest.raises(psycopg.errors.FeatureNotSupported):
            user.execute("PREPARE TRANSACTION 'signal'")
    program.database.drive()
    assert program.workflows.status(instance) == "running"


def test_a_waiter_that_an_open_signal_held_does_not_wait_on_after_the_end(program):
    """A signal that is open while the race around its waiter is won, and is then rolled back: nothing of the instance waits."""
    instance = program.run(
        join_of(SIGNAL.format("") + GOT, SLEEP.format(5), kind="race") | {5: note("timer") + DONE}
    )
    with program.database.connect() as user:
        user.execute("BEGIN")
        user.execute("SELECT df.signal(%s, 'go')", (instance,))
        program.workflows.move_clock("1 hour")
        program.database.drive()
        # The race is decided; the end of the instance waits for the signal.
        assert program.notes() == ["timer"]
        user.execute("ROLLBACK")
    program.workflows.move_clock("1 hour")
    program.database.drive()
    assert program.workflows.status(instance) == "completed"
    assert program.database.query("SELECT * FROM df.waiting(%s)", instance) == []


def copy_task(program: Program, count: int) -> None:
    """So many more that are like the only one there is, all due at the same instant, long ago."""
    program.database.query(
        "INSERT INTO df.task (instance_id, owner, version_id, scopes, state, last_state, wake_at)"
        " SELECT t.instance_id, t.owner, t.version_id, t.scopes, t.state, t.last_state, '2020-01-01'"
        " FROM df.task AS t, generate_series(1, %s)",
        count,
        role="dfowner",
    )


def test_a_claim_holds_no_task_that_moved_while_it_looked(program):
    """The claim walks along many tasks that are locked, long enough for a task behind them to go and wait for a signal meanwhile. PostgreSQL has
    it locked before it sees that, so a signal that is sent then passes over it: it is told all the same, and nobody holds it."""
    program.deploy({1: SIGNAL.format("") + GOT})
    instance = program.workflows.start("w()")
    (task,) = tasks_of(program, instance)
    copy_task(program, 20_000)
    chance = random.Random(1)
    caught = 0
    with (
        hands(program.database, 2) as (waiter, other),
        program.database.connect("dfowner", autocommit=False) as holder,
        program.database.connect("dfowner") as observer,
        ThreadPoolExecutor(1) as pool,
    ):
        holder.execute("SELECT FROM df.task WHERE id <> %s FOR UPDATE", (task,))
        claim = "SELECT (c).verdict, (c).task_id FROM df.claim_task_v1('-infinity', 0, NULL) AS c"
        began = time.monotonic()
        assert other.connection.execute(claim).fetchone() == ("run", task)
        span = time.monotonic() - began
        other.rollback()
        for _ in range(200):
            waiter.claim(task)
            claimed = pool.submit(lambda: other.connection.execute(claim).fetchone())
            time.sleep(chance.uniform(0, span))
            assert waiter.answer(task, "wait", detail='{"signal": "go"}') == "ok"
            waiter.commit()
            verdict = claimed.result(timeout=BOUND_S)
            free = observer.execute(
                "SELECT FROM df.task WHERE id = %s FOR UPDATE SKIP LOCKED", (task,)
            ).fetchall()
            if free:
                assert verdict == ("none", None)
            else:
                caught += 1
                assert verdict == ("settled", 0)
                observer.execute("SELECT df.act_signal_v1('alice', %s, 'go', '1')", (instance,))
            other.commit()
            assert observer.execute(
                "SELECT wake_at <= df.now() FROM df.task WHERE id = %s", (task,)
            ).fetchone() == (None if free else True,)
            observer.execute("UPDATE df.task SET wake_at = df.now() WHERE id = %s", (task,))
            observer.execute("DELETE FROM df.signal")
            if caught == 3:
                break
    assert caught == 3


def test_a_claim_among_tasks_due_at_the_same_instant_reads_a_few_pages(program):
    """Branches of a join are, and what a cron expression wakes: a claim that read all of them would make their number count twice."""
    instance = program.run({1: SLEEP.format(2), 2: DONE})
    (task,) = tasks_of(program, instance)
    copy_task(program, 20_000)
    claim = "SELECT (c).verdict, (c).task_id FROM df.claim_task_v1('-infinity', 0, NULL) AS c"
    with (
        program.database.connect("dfowner", autocommit=False) as holder,
        program.database.connect(autocommit=False) as driver,
    ):
        holder.execute("SELECT FROM df.task WHERE id BETWEEN %s AND %s FOR UPDATE", (task, task + 7))
        assert driver.execute(claim).fetchone() == ("crowded", task + 8)
        (pages,) = driver.execute(
            "SELECT pg_stat_get_xact_blocks_fetched('df.task_due'::regclass)"
        ).fetchone()
    assert pages < 20


def test_the_next_task_is_claimed_by_its_id(program):
    """Of those that were started together and are of one version; and no other than that."""
    program.deploy({1: note("x") + DONE})
    program.database.query("SELECT w() FROM generate_series(1, 4)")
    program.database.query("UPDATE df.task SET wake_at = '2021-01-01'", role="dfowner")
    started = "SELECT id, version_id, wake_at FROM df.task ORDER BY id"
    (first, version, due), *others = program.database.query(started, role="dfowner")
    assert others == [(first + n, version, due) for n in (1, 2, 3)]
    program.database.query(
        "UPDATE df.task SET wake_at = '2020-01-01' WHERE id = %s", first + 3, role="dfowner"
    )
    columns = ("verdict", "task_id", "state", "version_id", "command", "wake_at", "clock_shift")
    statement = f"SELECT {', '.join(columns)} FROM df.claim_next_v1(%s, %s, %s, '1 hour')"
    with hands(program.database, 2) as (one, other):

        def claim(behind: int, of: int = version) -> Any:
            found = one.connection.execute(statement, (due, behind, of)).fetchone()
            one.commit()
            return found

        nothing = (None,) * 7
        assert claim(first) == ("run", first + 1, 1, version, None, due, timedelta(hours=1))
        assert claim(first - 1)[:2] == ("run", first)
        assert claim(first + 1)[:2] == ("run", first + 2)
        # Due at another instant; none at all; of another version; locked.
        assert claim(first + 2) == nothing
        assert claim(first + 3) == nothing
        assert claim(first, version + 1) == nothing
        other.claim(first + 1)
        assert claim(first) == nothing
        other.rollback()
        assert claim(first)[0] == "run"


def test_a_driver_does_not_look_through_the_queue_for_each_branch(any_workflows):
    """A claim through the queue scans the index of what is due up to three times."""
    database = any_workflows.database
    any_workflows.deploy(f"CREATE WORKFLOW w() AS df.join({', '.join(['$$SELECT 1$$'] * 200)});")
    scans = "SELECT idx_scan FROM pg_stat_all_indexes WHERE indexrelid = 'df.task_due'::regclass"
    before = database.value(scans)
    instance = any_workflows.start("w()")
    database.drive()
    assert any_workflows.status(instance) == "completed"
    # Statistics are told when the driver's session has ended.
    until(database, f"SELECT 1 WHERE ({scans}) > %s", before)
    assert database.value(scans) - before < 100


def test_a_claim_of_the_next_task_holds_none_that_moved_while_it_looked(program):
    """PostgreSQL has it locked before it sees that, as at any other claim."""
    program.deploy({1: SIGNAL.format("") + GOT})
    instance = program.workflows.start("w()")
    (task,) = tasks_of(program, instance)
    version, due = program.database.query("SELECT version_id, wake_at FROM df.task", role="dfowner")[0]
    # As often as it takes, in a transaction each; a move in between is what is waited for.
    claims = f"""
        DO $$
        DECLARE
            claim df.claim_v1;
        BEGIN
            FOR i IN 1 .. 100000 LOOP
                claim := df.claim_next_v1('{due}', {task - 1}, {version}, '0');
                IF claim.verdict = 'settled' THEN
                    RAISE NOTICE 'settled %, due %', claim.task_id, (SELECT wake_at <= df.now() FROM df.task);
                    RETURN;
                END IF;
                COMMIT;
            END LOOP;
        END
        $$"""
    moves = f"""
        DO $$
        BEGIN
            FOR i IN 1 .. 100000 LOOP
                UPDATE df.task SET wake_at = NULL, wait = 'signal', signal_name = 'go' WHERE id = {task};
                COMMIT;
                UPDATE df.task SET wake_at = '{due}', wait = 'ready', signal_name = NULL WHERE id = {task};
                COMMIT;
                EXIT WHEN pg_try_advisory_xact_lock(1) IS FALSE;
            END LOOP;
        END
        $$"""
    notices: list[str] = []
    with (
        program.database.connect() as driver,
        program.database.connect("dfowner") as mover,
        program.database.connect("dfowner") as holder,
        ThreadPoolExecutor(1) as pool,
    ):
        driver.add_notice_handler(lambda notice: notices.append(notice.message_primary or ""))
        moved = pool.submit(mover.execute, moves.encode())
        driver.execute(claims.encode())
        with holder.transaction():
            holder.execute("SELECT pg_advisory_xact_lock(1)")
            moved.result(timeout=BOUND_S)
    # What it had locked is due again, for a signal may have passed over it.
    assert notices == [f"settled {task - 1}, due t"]


def test_a_driver_among_others_goes_some_way_on_and_comes_back(program):
    """Somebody is at the first of many tasks that are due at one instant: the others are run, those that were passed over, too, before what is due later."""
    program.deploy({1: note("early") + DONE})
    program.database.query("SELECT w() FROM generate_series(1, 600)")
    program.database.query("UPDATE df.task SET wake_at = '2021-01-01'", role="dfowner")
    ((first, due),) = program.database.query(
        "SELECT id, wake_at FROM df.task ORDER BY id LIMIT 1", role="dfowner"
    )
    later = program.workflows.start("w()")
    assert program.database.value(f"SELECT df.spread_v1('{due}', {first + 598})") == first + 598
    spread = {program.database.value(f"SELECT df.spread_v1('{due}', {first})") - first for _ in range(100)}
    assert min(spread) >= 0
    assert max(spread) <= 256
    assert len(spread) > 50
    with hands(program.database, 1) as (hand,):
        hand.claim(first)
        program.database.drive()
        done = (
            "SELECT i.id = %s FROM df.step_run AS s JOIN df.task AS t ON t.id = s.task_id"
            " JOIN df.instance AS i ON i.id = t.instance_id ORDER BY s.finished_at"
        )
        ended = [is_later for (is_later,) in program.database.query(done, later, role="dfowner")]
    assert ended == [False] * 599 + [True]
    program.database.drive()
    assert program.database.value("SELECT count(*) FROM df.task WHERE status = 'done'", role="dfowner") == 601


@pytest.mark.parametrize(
    "go_on",
    [
        "SELECT df.continue_v1(%s, 0, df.now())",
        "SELECT (df.claim_next_v1('2020-01-01', %s - 1, 1, '0')).state",
    ],
)
def test_to_go_on_with_a_task_looks_through_nothing_that_is_due(any_workflows, go_on):
    """Planned while nothing is due, when the index of what is due looks as small as can be; and a session keeps its plan."""
    database = any_workflows.database
    instance = any_workflows.run("CREATE WORKFLOW w() AS df.sleep(60) ~> 'SELECT 1';")
    task = database.value("SELECT id FROM df.task WHERE instance_id = %s", instance, role="dfowner")
    database.query(
        "INSERT INTO df.task (instance_id, owner, version_id, scopes, state, last_state)"
        " SELECT t.instance_id, t.owner, t.version_id, t.scopes, t.state, t.last_state"
        " FROM df.task AS t, generate_series(1, 5000)",
        role="dfowner",
    )
    with database.connect() as driver:
        database.query("UPDATE df.task SET wake_at = NULL", role="dfowner")
        database.query("VACUUM FULL ANALYZE df.task", role="dfowner")
        for _ in range(10):
            assert driver.execute(go_on, [task]).fetchone() == (None,)
        database.query("UPDATE df.task SET wake_at = '2020-01-01'", role="dfowner")
        with driver.transaction():
            assert driver.execute(go_on, [task]).fetchone() == (2,)
            (entries,) = driver.execute(
                "SELECT pg_stat_get_xact_tuples_returned('df.task_due'::regclass)"
            ).fetchone()
    assert entries == 0


def test_a_signal_does_not_look_through_all_who_wait(any_workflows):
    """Planned while nobody waits; and a session keeps its plan."""
    database = any_workflows.database
    any_workflows.deploy(
        "CREATE WORKFLOW w() AS df.sleep(60);\nCREATE WORKFLOW waits() AS df.wait_for_signal('go');\n"
    )
    asleep = database.query("SELECT w() FROM generate_series(1, 2000)")[0][0]
    database.query("VACUUM FULL ANALYZE df.task", role="dfowner")
    with database.connect() as sender:
        for _ in range(10):
            sender.execute("SELECT df.signal(%s, 'go')", [asleep])
        waiting = database.query("SELECT waits() FROM generate_series(1, 300)")[0][0]
        database.drive()
        with sender.transaction():
            sender.execute("SELECT df.signal(%s, 'go')", [waiting])
            (entries,) = sender.execute(
                "SELECT pg_stat_get_xact_tuples_returned('df.task_braced_or_waiting'::regclass)"
            ).fetchone()
    assert entries == 0
    database.drive()
    assert any_workflows.status(waiting) == "completed"


def test_a_signal_that_passed_over_a_waiter_is_heard_when_its_holder_has_died(program):
    """What held the waiter by such an accident and was to tell it is killed before it can commit."""
    instance = program.run({1: SIGNAL.format("") + GOT})
    with program.database.connect("dfowner", autocommit=False) as holder:
        holder.execute("SELECT FROM df.task WHERE instance_id = %s FOR UPDATE", (instance,))
        signal(program, instance)
        holder.rollback()
    program.database.drive()
    assert program.workflows.status(instance) == "running"
    # Of a backend that is no more.
    program.database.query(
        "INSERT INTO df.driver (owner, pid, backend_start, opened_at) VALUES ('alice', 1, '2020-01-01', '2020-01-01')",
        role="dfowner",
    )
    other = program.workflows.start("w()")
    program.database.drive()
    assert program.workflows.status(other) == "running"
    assert program.workflows.status(instance) == "completed"


def test_a_roles_lock_timeout_is_for_its_steps_and_not_for_the_driver(program):
    """A branch ends beside one that has not committed yet, and waits for it: longer than the role's limit."""
    instance, (_parent, first, second) = forked(program, join_of(note("a") + DONE, note("b") + DONE))
    name = program.database.name
    program.database.query(f"ALTER ROLE alice IN DATABASE {name} SET lock_timeout = '100ms'", role="postgres")
    try:
        with hands(program.database, 1) as (hand,), ThreadPoolExecutor() as threads:
            hand.claim(first)
            hand.connection.execute("INSERT INTO effect (note) VALUES ('a')")
            assert hand.answer(first, "done") == "ok"
            driver = threads.submit(program.database.drive)
            until_somebody_waits(program.database)
            time.sleep(0.3)
            assert not driver.done()
            hand.commit()
            driver.result(timeout=30)
        # In a step it holds.
        assert program.workflows.status(instance) == "completed"
        assert set(program.workflows.outcomes(instance)) == {"ok"}
        program.deploy({1: query("SELECT current_setting('lock_timeout') AS t") + DONE})
        other = program.workflows.start("w()")
        program.database.drive()
        assert program.workflows.rows(other) == [{"t": "100ms"}]
    finally:
        program.database.query(f"ALTER ROLE alice IN DATABASE {name} RESET lock_timeout", role="postgres")
    assert second


def test_a_last_attempt_that_somebody_leaves_open_holds_up_careful_drivers_for_minutes_at_most(program):
    """In careful work a fifth attempt is made alone, by whichever role: the others pause for it, but only as long as they are careful
    themselves, which is for five minutes after one of their own died."""
    database = program.database
    program.deploy({1: note("x") + DONE})
    program.workflows.deploy("CREATE WORKFLOW bobs() AS 'SELECT 1 AS one';", role="bob")
    program.workflows.start("bobs()", role="bob")
    instance = program.workflows.start("w()")
    died = (
        "INSERT INTO df.driver (owner, pid, backend_start, opened_at, died_at)"
        " VALUES ('alice', 1, now(), now() - interval '1 day', clock_timestamp() - %s::interval)"
    )
    database.query(died, "4 minutes", role="dfowner")
    with database.connect("bob", autocommit=False) as bob:
        task = bob.execute("SELECT id FROM df.task").fetchone()[0]
        for driver in range(6):
            bob.execute("SELECT df.brace_v1(%s, %s)", (task, driver))
        assert bob.execute("SELECT df.brace_v1(%s, 5)", (task,)).fetchone() == (True,)
        database.drive()
        assert program.workflows.status(instance) == "pending"
        assert program.database.value("SELECT crashes FROM df.task WHERE instance_id = %s", instance) == 0
        database.query(
            "UPDATE df.driver SET died_at = clock_timestamp() - interval '6 minutes'", role="dfowner"
        )
        program.workflows.move_clock("1 minute")
        database.drive()
        assert program.workflows.status(instance) == "completed"


def test_only_a_start_a_signal_and_a_fork_notify_and_with_nothing_in_it(program):
    """NOTIFY serialises commits: no step does it but one that makes tasks for other drivers."""
    program.deploy(
        {
            1: sql("SELECT 1") + "step.state := 2;",
            2: sql("SELECT 1") + "step.name := 'x'; step.state := 3;",
            3: SLEEP.format(4),
            4: SIGNAL.format("") + "IF step.outcome <> 'wait' THEN step.state := 5; END IF;",
            5: fork("join", [7, 8], 6),
            6: "step := df.gather_v1(step, NULL);",
            7: note("a") + DONE,
            8: note("b") + DONE,
        }
    )
    database = program.database
    with database.connect() as listener:
        listener.execute("LISTEN pgdurc")

        def heard(act: Any) -> list[str]:
            act()
            # What was committed before this has been delivered with it.
            listener.execute("SELECT 1")
            return [notification.payload for notification in listener.notifies(timeout=0.3)]

        instances: list[str] = []
        assert heard(lambda: instances.append(program.workflows.start("w()"))) == [""]
        instance = instances[0]
        assert heard(database.drive) == []
        program.workflows.move_clock("1 hour")
        assert heard(database.drive) == []
        assert heard(lambda: database.query("SELECT df.signal(%s, 'other')", instance)) == [""]
        assert heard(lambda: database.query("SELECT df.signal(%s, 'go')", instance)) == [""]
        # The fork's.
        assert heard(database.drive) == [""]
        assert program.workflows.status(instance) == "completed"
        another = program.workflows.start("w()")
        assert heard(lambda: None) == [""]
        assert heard(lambda: database.query("SELECT df.cancel(%s)", another)) == []

        def rolls_back() -> None:
            with database.connect(autocommit=False) as connection:
                connection.execute("SELECT w()")
                connection.rollback()

        assert heard(rolls_back) == []


def test_what_a_running_step_shows_is_opaque(program):
    """application_name is public, 63 bytes and ASCII: ids, whatever the workflow and its label are called."""
    program.workflows.deploy("CREATE WORKFLOW \"Grüße an alle\"() AS 'SELECT pg_sleep(60)';")
    instance = program.workflows.start("df.start_workflow('\"Grüße an alle\"', label => 'geheim ⚿')")
    with ThreadPoolExecutor() as threads:
        driver = threads.submit(program.database.drive)
        shown = until(
            program.database,
            "SELECT application_name FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'pgdurc %:%'",
            role="bob",
        )
        program.database.query("SELECT df.cancel(%s)", instance)
        program.database.query("CALL df.janitor(1)")
        driver.result(timeout=30)
    assert re.fullmatch(rf"pgdurc {instance} \d+:1", shown)


def test_the_watchdog_cancels_a_driver_of_its_own_role_and_no_spoofed_session(program):
    """By process and by when that began: not a session that shows the name of a stopped step, of whichever role, nor a process that has
    the number of a driver that is gone."""
    database = program.database
    instance = program.run({1: SLEEP.format(1)})
    (task,) = tasks_of(program, instance)
    database.query("SELECT df.cancel(%s)", instance)
    name = f"pgdurc {instance} {task}:1"
    with ThreadPoolExecutor() as threads, database.connect() as alice, database.connect("bob") as bob:
        sleeps = []
        for spoofer in (alice, bob):
            spoofer.execute("SELECT set_config('application_name', %s, false)", (name,))
            sleeps.append(threads.submit(spoofer.execute, "SELECT pg_sleep(3)"))
        until(
            database,
            "SELECT 1 FROM pg_stat_activity WHERE pid = %s AND wait_event = 'PgSleep'",
            alice.info.backend_pid,
        )
        # A driver that had that number once.
        database.query(
            "INSERT INTO df.driver (owner, pid, backend_start, opened_at) VALUES ('alice', %s, now() - interval '1 day', now())",
            alice.info.backend_pid,
            role="dfowner",
        )
        database.query(
            "INSERT INTO df.driver (owner, pid, backend_start, opened_at)"
            " SELECT 'bob', pid, backend_start, now() FROM pg_stat_activity WHERE pid = %s",
            bob.info.backend_pid,
            role="postgres",
        )
        for role in ("alice", "bob"):
            assert database.value("SELECT df.watch_v1()", role=role) == {}
        for sleep in sleeps:
            sleep.result(timeout=30)


def until(database: Any, statement: str, *parameters: Any, role: str = "alice") -> Any:
    """The first value, as soon as there is a row."""
    deadline = time.monotonic() + 30
    while not (rows := database.query(statement, *parameters, role=role)):
        assert time.monotonic() < deadline, statement
    return rows[0][0]


def until_somebody_waits(database: Any) -> None:
    """For a lock, on this database."""
    until(
        database,
        "SELECT 1 FROM pg_stat_activity AS a WHERE a.datname = current_database() AND a.wait_event_type = 'Lock'",
        role="postgres",
    )
