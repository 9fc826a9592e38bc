"""Joins, races and signals as the driver runs them, on step procedures written by hand: what the compiler is to emit."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import psycopg
import pytest

REGISTER = """
DO $do$
BEGIN
    PERFORM df.prepare_starter_v1('w', '');
    CREATE OR REPLACE FUNCTION w() RETURNS text LANGUAGE sql AS $starter$
        SELECT df.start_v1('w', '00000001', '{}')
    $starter$;
    PERFORM df.register_v1('w', '00000001', jsonb_build_object(
        'file', 'w.pgd', 'line', 1, 'source', '', 'graph', '{"node": "sequence", "parts": []}'::jsonb, 'options', '{}',
        'states', (SELECT jsonb_agg(jsonb_build_object('state', g, 'kind', 'sql', 'label', 's' || g, 'line', g))
            FROM generate_series(1, 200) AS g)));
END
$do$;
"""


class Program:
    """A workflow out of the bodies of its states."""

    def __init__(self, workflows: Any) -> None:
        self.workflows = workflows
        self.database = workflows.database
        self.database.query("CREATE TABLE effect (id bigint GENERATED ALWAYS AS IDENTITY, note text)")

    def deploy(self, states: dict[int, str]) -> None:
        branches = "\n".join(f"WHEN {number} THEN {body}" for number, body in states.items())
        with self.database.connect() as connection, connection.transaction():
            connection.execute(
                "CREATE OR REPLACE PROCEDURE w__00000001(INOUT step df.step_v1) LANGUAGE plpgsql AS $body$ BEGIN"
                f" CASE step.state {branches} END CASE; SET CONSTRAINTS ALL IMMEDIATE; END $body$"
            )
            connection.execute(REGISTER)

    def run(self, states: dict[int, str]) -> str:
        self.deploy(states)
        instance = self.workflows.start("w()")
        self.database.drive()
        return str(instance)

    def result(self, instance: str) -> Any:
        return self.workflows.result(instance)

    def notes(self) -> list[str]:
        return [note for (note,) in self.database.query("SELECT note FROM effect ORDER BY id")]

    def tasks(self, instance: str) -> list[str]:
        rows = self.database.query("SELECT status FROM df.task WHERE instance_id = %s ORDER BY id", instance)
        return [status for (status,) in rows]


@pytest.fixture
def program(any_workflows: Any) -> Program:
    return Program(any_workflows)


def sql(text: str) -> str:
    return f"step := df.exec_v1(step, $sql${text}$sql$);"


def query(text: str) -> str:
    return f"step := df.query_v1(step, $sql${text}$sql$);"


def note(text: str) -> str:
    return sql(f"INSERT INTO effect (note) VALUES ('{text}')")


DONE = "step.outcome := 'done';"
# A wait that goes on is not the end.
GOT = "IF step.outcome <> 'wait' THEN step.outcome := 'done'; END IF;"


def fork(kind: str, branches: list[int], gather: int) -> str:
    return f"step := df.fork_v1(step, '{kind}', ARRAY{branches}, {gather});"


def join_of(
    *branches: str, kind: str = "join", gather: str = "step := df.gather_v1(step, NULL);"
) -> dict[int, str]:
    """State 1 forks, 2 gathers, the branches follow from 3 on, a state each."""
    entries = list(range(3, 3 + len(branches)))
    return {1: fork(kind, entries, 2), 2: gather, **dict(zip(entries, branches, strict=True))}


def test_the_result_of_a_join_is_an_array_in_the_order_of_the_branches(program):
    instance = program.run(
        join_of(
            query("SELECT 1 AS a") + DONE,
            note("b") + DONE,
            "step := df.break_v1(step, '{\"c\": 3}');" + DONE,
        )
    )
    assert program.workflows.status(instance) == "completed"
    assert program.result(instance) == [
        {"rows": [{"a": 1}], "row_count": 1},
        {"rows": [], "row_count": 1},
        {"c": 3},
    ]
    assert program.notes() == ["b"]


def test_branches_read_what_was_bound_before_and_only_their_own_merges(program):
    bump = (
        "step := df.query_v1(step, 'SELECT ' || df.value_v1(step, 'n') || ' + {} AS n'); step.name := 'n';"
        + DONE
    )
    instance = program.run(
        {
            1: query("SELECT 10 AS n") + "step.name := 'n'; step.state := 2;",
            2: fork("join", [4, 5, 6], 3),
            3: "step := df.gather_v1(step, 7, merge => ARRAY['n']);",
            4: bump.format(1),
            5: bump.format(2),
            6: note("binds nothing") + DONE,
            7: "step := df.query_v1(step, 'SELECT ' || df.value_v1(step, 'n') || ' AS n');" + DONE,
        }
    )
    # Branch 2 bound it last; branch 3, which inherited 10, does not overwrite it.
    assert program.workflows.rows(instance) == [{"n": 12}]
    assert (
        program.database.value(
            "SELECT count(*) FROM df.binding AS b JOIN df.task AS t ON t.id = b.task_id WHERE t.parent_id IS NOT NULL"
        )
        == 0
    )


def test_a_join_waits_for_all_and_fails_with_the_first_problem_in_order(program):
    instance = program.run(
        join_of(
            "step := df.sleep_v1(step, 60::double precision); step.state := 6;",
            sql("SELECT 1/0") + DONE,
            sql("SELECT 'x'::int") + DONE,
        )
        | {6: note("slow one") + DONE}
    )
    assert program.workflows.status(instance) == "running"
    program.workflows.move_clock("2 minutes")
    program.database.drive()
    assert program.workflows.status(instance) == "failed"
    assert program.notes() == ["slow one"]
    error = program.workflows.error(instance)
    assert (error["sqlstate"], error["step"]) == ("22012", "s4")
    assert program.workflows.outcomes(instance)[-1] == "failed"


def test_a_branch_is_retried_before_it_fails(program):
    program.database.query("CREATE SEQUENCE tries")
    program.deploy(join_of(query("SELECT 1/(nextval('tries') - 2)") + DONE, note("b") + DONE))
    program.database.query(
        "UPDATE df.workflow_version SET max_attempts = 5, backoff = '1 second'", role="dfowner"
    )
    # nextval 1 gives 1/-1, 2 divides by zero: fail the first time by starting at 2.
    program.database.query("SELECT setval('tries', 1)")
    instance = program.workflows.start("w()")
    assert program.workflows.drive_until_ended(instance) == "completed"
    assert program.workflows.outcomes(instance).count("failed") == 1


def test_the_first_branch_that_settles_decides_a_race_and_the_others_never_commit(program):
    instance = program.run(
        join_of(
            "step := df.sleep_v1(step, 60::double precision); step.state := 5;",
            query("SELECT 'fast' AS who") + "step.name := 'x';" + DONE,
            kind="race",
            gather="step := df.gather_v1(step, 6, name => 'won', merge => ARRAY['x']);",
        )
        | {
            5: note("too late") + DONE,
            6: "step := df.query_v1(step, 'SELECT ' || df.value_v1(step, 'won') || ' AS w, ' || df.value_v1(step, 'x') || ' AS x');"
            + DONE,
        }
    )
    assert program.workflows.rows(instance) == [{"w": "fast", "x": "fast"}]
    program.workflows.move_clock("2 minutes")
    program.database.drive()
    assert program.notes() == []
    assert program.tasks(instance) == ["done", "stopped", "done"]


def test_a_race_is_lost_by_failing_first(program):
    instance = program.run(
        join_of(
            sql("SELECT 1/0") + DONE,
            "step := df.sleep_v1(step, 60::double precision); step.state := 5;",
            kind="race",
        )
        | {5: note("never") + DONE}
    )
    assert program.workflows.status(instance) == "failed"
    assert program.workflows.error(instance)["sqlstate"] == "22012"


def test_a_loser_at_work_rolls_back(program):
    """The other branch settles while its statement runs, on another driver."""
    program.deploy(
        join_of(
            sql("INSERT INTO effect (note) SELECT 'loser' FROM pg_sleep(2)") + DONE,
            sql("INSERT INTO effect (note) SELECT 'winner' FROM pg_sleep(0.5)") + DONE,
            kind="race",
        )
    )
    instance = program.workflows.start("w()")
    with ThreadPoolExecutor() as drivers:
        for driver in [drivers.submit(program.database.drive, max_seconds=3) for _ in range(2)]:
            driver.result()
    assert program.workflows.status(instance) == "completed"
    assert program.notes() == ["winner"]
    assert "cancelled" in program.workflows.outcomes(instance)


def test_a_loser_that_cancels_its_instance_does_not_commit_either(program):
    program.deploy(
        join_of(
            "step := df.exec_v1(step, format($q$WITH e AS (INSERT INTO effect (note) VALUES ('loser'))"
            " SELECT df.cancel(%L) FROM pg_sleep(1)$q$, step.instance_id));" + DONE,
            note("winner") + DONE,
            kind="race",
        )
    )
    instance = program.workflows.start("w()")
    with ThreadPoolExecutor() as drivers:
        for driver in [drivers.submit(program.database.drive, max_seconds=3) for _ in range(2)]:
            driver.result()
    assert program.workflows.status(instance) == "completed"
    assert program.notes() == ["winner"]


def test_a_race_against_a_busy_join_is_won_in_time(program):
    """Its short steps hold the race all the time; the winner asks them to pause."""
    loop = sql("SELECT 1") + "step.state := 5;"
    program.deploy(
        {
            1: fork("race", [3, 4], 2),
            2: "step := df.gather_v1(step, NULL);",
            3: fork("join", [5] * 8, 6),
            4: "step := df.sleep_v1(step, 1::double precision); step.state := 7;",
            5: loop,
            6: "step := df.gather_v1(step, NULL);",
            7: note("timer") + DONE,
        }
    )
    instance = program.workflows.start("w()")
    with ThreadPoolExecutor() as drivers:
        running = [drivers.submit(program.database.drive, max_seconds=25) for _ in range(4)]
        status = program.database.value("SELECT df.await_instance(%s, 25)", instance)
        program.database.query(
            "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CALL df.run%%' AND datname = current_database()"
        )
        for driver in running:
            with suppress(psycopg.Error):
                driver.result()
    assert status == "completed"
    assert program.notes() == ["timer"]


def test_a_break_leaves_the_loop_around_its_join_when_all_have_ended(program):
    instance = program.run(
        {
            1: fork("join", [3, 4], 2),
            2: "step := df.gather_v1(step, 1, break_to => 5, break_name => 'left');",
            3: "step := df.break_v1(step, '42'); step.outcome := 'break';",
            4: note("sibling") + DONE,
            5: "step := df.load_v1(step, 'left');" + DONE,
        }
    )
    assert program.result(instance) == 42
    assert program.notes() == ["sibling"]


def test_a_break_passes_through_a_join_in_a_race_in_a_loop(program):
    instance = program.run(
        {
            1: fork("race", [3, 4], 2),
            2: "step := df.gather_v1(step, 1, break_to => 9, break_name => 'left');",
            3: "step := df.sleep_v1(step, 60::double precision); step.state := 8;",
            4: fork("join", [6, 7], 5),
            5: "step := df.gather_v1(step, NULL);",
            6: note("one") + DONE,
            7: "step := df.break_v1(step, 'out'); step.outcome := 'break';",
            8: note("never") + DONE,
            9: "step := df.load_v1(step, 'left');" + DONE,
        }
    )
    assert program.result(instance) == "out"
    assert program.notes() == ["one"]


def test_a_loop_around_a_join_forks_anew_each_time(program):
    instance = program.run(
        {
            1: fork("join", [3, 4], 2),
            2: "step := df.gather_v1(step, 5);",
            3: note("a") + DONE,
            4: note("b") + DONE,
            5: query("SELECT count(*) < 6 AS more FROM effect")
            + "step.state := CASE WHEN df.is_true_v1(step) THEN 1 ELSE 6 END;",
            6: query("SELECT count(*) AS n FROM effect") + DONE,
        }
    )
    assert program.workflows.rows(instance) == [{"n": 6}]


def test_many_branches_on_many_drivers(program):
    states = join_of(*[note("x") + DONE] * 30)
    program.deploy(states)
    instances = [program.workflows.start("w()") for _ in range(10)]
    with ThreadPoolExecutor() as drivers:
        for driver in [drivers.submit(program.database.drive, max_seconds=0.5) for _ in range(4)]:
            driver.result()
    program.database.drive()
    assert {program.workflows.status(instance) for instance in instances} == {"completed"}
    assert len(program.notes()) == 300


def test_cancel_stops_the_branches(program):
    instance = program.run(
        join_of(
            "step := df.sleep_v1(step, 60::double precision); step.state := 5;",
            "step := df.wait_for_signal_v1(step, 'go'); step.state := 5;",
        )
        | {5: note("never") + DONE}
    )
    program.database.query("SELECT df.cancel(%s)", instance)
    program.workflows.move_clock("2 minutes")
    program.database.drive()
    assert program.workflows.status(instance) == "cancelled"
    assert program.tasks(instance) == ["stopped"] * 3
    assert program.notes() == []


SIGNAL = "step := df.wait_for_signal_v1(step, 'go'{}); "


def signal(program: Program, instance: str, data: str = "{}", name: str = "go") -> None:
    assert program.database.value("SELECT df.signal(%s, %s, %s)", instance, name, data) == "OK"


def test_a_signal_sent_before_the_wait_is_kept_and_the_oldest_comes_first(program):
    program.deploy({1: SIGNAL.format("") + "step.name := 'a'; step.state := 2;", 2: SIGNAL.format("") + GOT})
    instance = program.workflows.start("w()")
    for data in ("1", "two"):
        signal(program, instance, data)
    signal(program, instance, name="other")
    program.database.drive()
    assert program.result(instance) == {"signal_name": "go", "timed_out": False, "data": "two"}


def test_a_waiting_instance_is_woken_by_its_signal(program):
    instance = program.run({1: SIGNAL.format("") + GOT})
    assert program.workflows.status(instance) == "running"
    assert program.database.query("SELECT reason, wake_at FROM df.waiting(%s)", instance) == [
        ("signal", None)
    ]
    signal(program, instance, name="other")
    program.database.drive()
    assert program.workflows.status(instance) == "running"
    signal(program, instance, '{"by": "alice"}')
    program.database.drive()
    assert program.result(instance)["data"] == {"by": "alice"}
    assert program.workflows.outcomes(instance) == ["ok"]


def test_a_signal_that_is_rolled_back_was_never_sent(program):
    instance = program.run({1: SIGNAL.format("") + GOT})
    with program.database.connect() as connection:
        connection.autocommit = False
        connection.execute("SELECT df.signal(%s, 'go')", (instance,))
        connection.rollback()
    program.database.drive()
    assert program.workflows.status(instance) == "running"


def test_a_sender_with_an_old_snapshot_gets_an_error_and_not_a_lost_wakeup(program):
    program.deploy({1: SIGNAL.format("") + GOT})
    instance = program.workflows.start("w()")
    with program.database.connect() as sender:
        sender.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        sender.execute("SELECT count(*) FROM df.instances")
        program.database.drive()
        with pytest.raises(psycopg.errors.SerializationFailure):
            sender.execute("SELECT df.signal(%s, 'go')", (instance,))


def test_a_timeout_is_a_result(program):
    instance = program.run({1: SIGNAL.format(", '1 minute'") + GOT})
    program.workflows.move_clock("59 seconds")
    program.database.drive()
    assert program.workflows.status(instance) == "running"
    program.workflows.move_clock("2 seconds")
    program.database.drive()
    assert program.result(instance) == {"signal_name": "go", "timed_out": True, "data": None}


def test_each_of_two_waits_takes_a_signal_of_its_own(program):
    instance = program.run(join_of(SIGNAL.format("") + GOT, SIGNAL.format("") + GOT))
    signal(program, instance, "1")
    program.database.drive()
    assert program.workflows.status(instance) == "running"
    signal(program, instance, "2")
    program.database.drive()
    assert sorted(each["data"] for each in program.result(instance)) == [1, 2]


def test_a_signal_by_label_reaches_all_that_carry_it(program):
    program.deploy({1: SIGNAL.format("") + GOT})
    labelled = [
        program.database.value("SELECT df.start_workflow('w', label => %s)", label)
        for label in ("a", "a", "b")
    ]
    program.database.drive()
    assert program.database.value("SELECT df.signal_label('a', 'go', 'x')") == 2
    program.database.drive()
    assert [program.workflows.status(instance) for instance in labelled] == [
        "completed",
        "completed",
        "running",
    ]


def test_who_may_not_see_an_instance_may_not_signal_it(program):
    instance = program.run({1: SIGNAL.format("") + GOT})
    with pytest.raises(psycopg.Error, match="Instance not found or access denied"):
        program.database.query("SELECT df.signal(%s, 'go')", instance, role="bob")
    assert program.database.value("SELECT df.signal_label('x', 'go')", role="bob") == 0
    with pytest.raises(psycopg.Error, match="Signal name cannot be empty"):
        program.database.value("SELECT df.signal_label('nobody has this one', '')")


def test_a_signal_to_an_instance_that_has_ended_is_ok_and_ignored(program):
    instance = program.run({1: note("x") + DONE})
    signal(program, instance)
    assert program.database.value("SELECT count(*) FROM df.signal") == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [("'', 'go'", "Instance ID cannot be empty"), ("'x', ''", "Signal name cannot be empty")],
)
def test_bad_signals(program, arguments, message):
    with pytest.raises(psycopg.Error, match=message):
        program.database.query(f"SELECT df.signal({arguments})")
