"""Joins and races as the compiler emits them: what is kept, merged and shown."""

from __future__ import annotations

import pytest


def test_explain_shows_branches(workflows):
    workflows.deploy(
        "CREATE WORKFLOW w() AS df.join('SELECT 1' ~> 'SELECT 2', df.race('SELECT 3', df.sleep(5)) |=> first) |=> both"
        " ~> 'SELECT $first, $both';"
    )
    lines = [line.rstrip() for line in workflows.database.value("SELECT df.explain('w')").split("\n")]
    assert lines == [
        "JOIN (2) |=> 'both'",
        "    ║ branch 1: SQL: SELECT 1",
        "    → SQL: SELECT 2",
        "    ║ branch 2: RACE",
        "        ║ branch 1: SQL: SELECT 3",
        "        ║ branch 2: SLEEP 5s",
        "→ SQL: SELECT $first, $both",
    ]


def test_explain_marks_what_is_waited_for(workflows):
    instance = workflows.run("CREATE WORKFLOW w() AS df.join('SELECT 1', df.sleep(60));")
    tree = workflows.database.value("SELECT df.explain(%s)", instance)
    assert "JOIN (2)  ⏳" in tree
    assert "branch 1: SQL: SELECT 1  ✓" in tree


def test_a_trace_keeps_every_result(workflows):
    instance = workflows.run(
        "CREATE WORKFLOW w() WITH (trace = full) AS ('SELECT 1 AS a' & 'SELECT 2 AS b') ~> 'SELECT 3';"
    )
    assert workflows.status(instance) == "completed"
    kept = workflows.database.value(
        "SELECT r.result FROM df.task AS t JOIN df.step_run AS r ON r.task_id = t.id"
        " WHERE t.instance_id = %s AND t.parent_id IS NULL AND r.state = 4",
        instance,
        role="dfowner",
    )
    assert kept == [{"rows": [{"a": 1}], "row_count": 1}, {"rows": [{"b": 2}], "row_count": 1}]


def test_an_endless_loop_around_a_join_takes_a_second_a_lap(workflows):
    workflows.database.query("CREATE TABLE lap (n serial)")
    workflows.deploy(
        "CREATE WORKFLOW w() AS @> ('INSERT INTO lap DEFAULT VALUES' & 'INSERT INTO lap DEFAULT VALUES');"
    )
    workflows.start("w()")
    for _ in range(4):
        workflows.database.drive()
        workflows.move_clock("1 second")
    assert 8 <= workflows.database.value("SELECT count(*) FROM lap") <= 12


@pytest.mark.parametrize(
    ("condition", "result"),
    [
        ("df.join('SELECT false', 'SELECT false')", "yes"),  # an array, and not an empty one
        ("df.race('SELECT 0 AS n', df.sleep(60))", "no"),
        ("df.race(df.sleep(60), 'SELECT 1 AS n') |=> x", "yes"),
    ],
)
def test_a_branching_decides(wf, workflows, condition, result):
    instance = wf(f"df.if({condition}, 'SELECT ''yes'' AS r', 'SELECT ''no'' AS r')")
    assert workflows.rows(instance) == [{"r": result}]


def test_the_break_of_a_branch_is_the_result_of_its_loop(wf, workflows):
    instance = wf("@> ('SELECT 1' & (df.sleep(0) ~> df.break('out')))")
    assert workflows.result(instance) == "out"


def test_a_break_merges_what_its_branch_has_bound(wf, workflows):
    instance = wf("@> ('SELECT 1' & ('SELECT 7 AS n' |=> x ~> df.break())) ~> 'SELECT $x AS x'")
    assert workflows.rows(instance) == [{"x": 7}]


def test_an_inner_loop_left_by_a_branch_goes_round_the_outer_one(workflows):
    workflows.database.query("CREATE TABLE lap (n serial)")
    instance = workflows.run(
        "CREATE WORKFLOW w() AS df.loop("
        "  @> ('INSERT INTO lap DEFAULT VALUES' & df.break('$$inner'))"
        "  , 'SELECT count(*) < 3 FROM lap');"
    )
    assert workflows.result(instance) == "$$inner"
    assert workflows.database.value("SELECT count(*) FROM lap") == 3


def test_a_hundred_branches(wf, workflows):
    branches = ", ".join(f"'SELECT {n} AS n'" for n in range(100))
    instance = wf(f"df.join({branches})")
    assert [each["rows"][0]["n"] for each in workflows.result(instance)] == list(range(100))
