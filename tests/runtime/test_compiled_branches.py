"""Joins, races and signals as the compiler emits them: what is kept, merged and shown."""

from __future__ import annotations

import pytest


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


def test_a_named_loop_at_the_end_gives_what_its_body_gave(wf, workflows):
    instance = wf(
        "'SELECT 0 AS n' |=> x ~> 'SELECT $x' ~>"
        " df.join(df.loop('SELECT 1 AS n', 'SELECT false') |=> x, 'SELECT 2') |=> both ~> 'SELECT $both, $x' ~>"
        " df.loop('SELECT $both -> 0 -> ''rows'' AS n', 'SELECT false') |=> x"
    )
    assert workflows.rows(instance) == [{"n": [{"n": 1}]}]


@pytest.mark.parametrize(
    "body",
    [
        "df.race(df.loop('SELECT 1 AS n UNION SELECT 2', 'SELECT false'), @> df.sleep(60))",
        "(@> df.break('$x'))",
        "(@> (df.break('$x') & 'SELECT 1'))",
    ],
)
def test_of_a_result_only_the_number_of_rows_is_read(wf, workflows, body):
    instance = wf(f"'SELECT 1 AS n UNION SELECT 2' |=> x ~> {body} |=> y ~> 'SELECT $y.row_count AS rows'")
    assert workflows.rows(instance) == [{"rows": 2}]


def test_a_hundred_branches(wf, workflows):
    branches = ", ".join(f"'SELECT {n} AS n'" for n in range(100))
    instance = wf(f"df.join({branches})")
    assert [each["rows"][0]["n"] for each in workflows.result(instance)] == list(range(100))


def test_a_wait_at_the_end_of_a_branch_a_loop_and_the_workflow(wf, workflows):
    instance = wf(
        "df.join(df.wait_for_signal('a'), df.loop(df.wait_for_signal('b'), 'SELECT false')) ~> df.wait_for_signal('c')"
    )
    for name in "abc":
        assert workflows.status(instance) == "running"
        workflows.database.query("SELECT df.signal(%s, %s, '7')", instance, name)
        workflows.database.drive()
    assert workflows.result(instance) == {"signal_name": "c", "timed_out": False, "data": 7}


def test_an_endless_loop_of_waits_takes_each_signal(wf, workflows):
    workflows.database.query("CREATE TABLE got (data int)")
    instance = wf("@> (df.wait_for_signal('go') |=> s ~> 'INSERT INTO got VALUES ($s.data)')")
    for data in (1, 2, 3):
        workflows.database.query("SELECT df.signal(%s, 'go', %s)", instance, str(data))
    for _ in range(3):
        workflows.database.drive()
        workflows.move_clock("1 second")
    assert workflows.database.query("SELECT data FROM got ORDER BY 1") == [(1,), (2,), (3,)]


def test_a_signal_alone_in_an_endless_loop(wf, workflows):
    instance = wf("df.race(@> df.wait_for_signal('go'), df.wait_for_signal('stop'))")
    for name in ("go", "go", "stop"):
        workflows.database.query("SELECT df.signal(%s, %s)", instance, name)
        workflows.database.drive()
        workflows.move_clock("1 second")
    assert workflows.result(instance)["signal_name"] == "stop"


def test_the_timeout_of_a_wait_is_an_expression(workflows):
    workflows.deploy("CREATE WORKFLOW w(patience interval) AS df.wait_for_signal('go', $patience * 2);")
    instance = workflows.start("w('1 hour')")
    for minutes in (119, 2):
        workflows.database.drive()
        assert workflows.status(instance) == "running"
        workflows.move_clock(f"{minutes} minutes")
    workflows.database.drive()
    assert workflows.result(instance)["timed_out"] is True


def test_a_signal_decides(wf, workflows):
    instance = wf("df.wait_for_signal('go') |=> s ?> 'SELECT $s.data AS d' !> 'SELECT 0'")
    workflows.database.query("SELECT df.signal(%s, 'go', '5')", instance)
    workflows.database.drive()
    assert workflows.rows(instance) == [{"d": 5}]


def test_a_workflow_of_many_states(workflows):
    """From 1,000 states on each stands on a line of its own, which is another way to write all of them."""
    part = (
        "df.loop('SELECT 1 AS a' |=> x ~> df.if('SELECT $x = 1', 'SELECT $x\n + 1 AS b' |=> y, df.break($x))"
        " ~> (df.join('SELECT $y AS c', df.race('SELECT 2', df.wait_for_signal('never'))) |=> z) ~> df.sleep(0),"
        " 'SELECT false AS again')"
    )
    instance = workflows.run(f"CREATE WORKFLOW w() AS {' ~> '.join([part] * 100)} ~> 'SELECT $z? AS z';")
    assert workflows.status(instance) == "completed", workflows.error(instance)
    assert workflows.rows(instance) == [
        {"z": [{"rows": [{"c": 2}], "row_count": 1}, {"rows": [{"?column?": 2}], "row_count": 1}]}
    ]


def test_each_of_many_states_that_are_alike_has_its_own_text(workflows):
    """From a thousand states on those that differ in a text only are one branch of the procedure, which picks the text."""
    workflows.database.query("CREATE TABLE log (n int)")
    branches = ", ".join(f"'SELECT {n} AS n'" for n in range(505))
    steps = " ~> ".join(f"'INSERT INTO log SELECT {n} FROM (VALUES (1)) AS v'" for n in range(505))
    instance = workflows.run(
        f"CREATE WORKFLOW w() AS df.join({branches}) |=> results ~> {steps} ~> 'SELECT $results AS results';"
    )
    (row,) = workflows.rows(instance)
    assert row["results"] == [{"rows": [{"n": n}], "row_count": 1} for n in range(505)]
    body = workflows.database.value("SELECT prosrc FROM pg_proc WHERE proname LIKE 'w\\_\\_%'")
    assert body.count("[step.state - ") > 10
    assert workflows.database.query("SELECT n FROM log ORDER BY ctid") == [(n,) for n in range(505)]


def test_many_states_that_are_the_same_are_one_statement(workflows):
    """Planned once a session, where it is one that may be."""
    workflows.database.query("CREATE TABLE log (n int)")
    branches = ", ".join(["'SELECT 7 AS n'"] * 600)
    steps = " ~> ".join(
        ["'INSERT INTO log VALUES (1)'"] * 300 + ["'INSERT INTO log SELECT 2 FROM log LIMIT 1'"] * 300
    )
    instance = workflows.run(
        f"CREATE WORKFLOW w() AS df.join({branches}) |=> results ~> {steps} ~> 'SELECT $results AS results';"
    )
    (row,) = workflows.rows(instance)
    assert row["results"] == [{"rows": [{"n": 7}], "row_count": 1}] * 600
    body = workflows.database.value("SELECT prosrc FROM pg_proc WHERE proname LIKE 'w\\_\\_%'")
    assert body.count("df.query_v1(") < 30
    assert body.count("df.keep_v1(") > 5
    assert body.count(" INSERT INTO log VALUES (1);") > 1
    assert workflows.database.query("SELECT n, count(*) FROM log GROUP BY 1 ORDER BY 1") == [
        (1, 300),
        (2, 300),
    ]
