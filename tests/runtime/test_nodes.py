"""The nodes of an instance, what became of each, and the tree that df.explain draws of them."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pgdurc.compile import compile_text

COLUMNS = [
    "node_id",
    "node_type",
    "query",
    "result_name",
    "left_node",
    "right_node",
    "status",
    "result",
    "status_details",
    "inferred_status",
    "inferred_status_from_ancestor_id",
    "updated_at",
]


def nodes(workflows: Any, instance: str) -> list[dict[str, Any]]:
    rows = workflows.database.query("SELECT * FROM df.instance_nodes(%s)", instance)
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows]


def statuses(workflows: Any, instance: str) -> dict[str, str]:
    """What each step is now, by the beginning of its text; `was/is` where that is not how it ended last."""
    found = {}
    for node in nodes(workflows, instance):
        if node["node_type"] in ("THEN", "IF", "LOOP", "JOIN", "RACE"):
            continue
        status, inferred = node["status"], node["inferred_status"]
        name = node["node_type"] if node["node_type"] != "SQL" else node["query"].removeprefix("SELECT ")
        found[name] = status if status == inferred else f"{status}/{inferred}"
    return found


def kinds(workflows: Any, instance: str) -> dict[str, str]:
    """The same of the nodes around the steps; the outermost of each type."""
    found: dict[str, str] = {}
    for node in nodes(workflows, instance):
        if node["node_type"] in ("THEN", "IF", "LOOP", "JOIN", "RACE"):
            status, inferred = node["status"], node["inferred_status"]
            found.setdefault(node["node_type"], status if status == inferred else f"{status}/{inferred}")
    return found


def tree(workflows: Any, what: str) -> str:
    return str(workflows.database.value("SELECT df.explain(%s)", what))


def test_columns(any_workflows):
    instance = any_workflows.run("CREATE WORKFLOW w() AS 'SELECT 1 AS one';")
    database = any_workflows.database
    with database.connect() as connection:
        cursor = connection.execute("SELECT * FROM df.instance_nodes(instance_id_param => %s)", (instance,))
        assert [column.name for column in cursor.description] == COLUMNS
        cursor = connection.execute(
            "SELECT * FROM df.instance_nodes(instance_id_param => %s, last_n => 1)", (instance,)
        )
        assert [column.name for column in cursor.description] == [
            "execution_id",
            *COLUMNS[:8],
            "updated_at",
        ]
        assert [row[:4] for row in cursor] == [(1, "00000001", "SQL", "SELECT 1 AS one")]
    for nothing in ("'00000000'", "NULL", "'00000000', 5", f"'{instance}', NULL"):
        assert database.query(f"SELECT * FROM df.instance_nodes({nothing})") == []
    assert database.query("SELECT * FROM df.instance_nodes(%s)", instance, role="bob") == []


def test_each_type_of_node(workflows):
    workflows.deploy(
        "CREATE WORKFLOW w(n int) AS 'SELECT 1 AS a' |=> a ~> df.sleep(5) ~> df.sleep('1 hour') ~> df.wait_for_schedule('0 9 * * *')"
        " ~> df.wait_for_signal('go', 60) ~> df.wait_for_signal('$n') ~> ('SELECT true' ?> 'SELECT 2' !> 'SELECT 3')"
        " ~> df.if_rows('a', 'SELECT 4', 'SELECT 5') ~> df.loop('SELECT true' ?> df.break('$n') !> 'SELECT 0', 'SELECT 6') ~> df.join('SELECT 7', 'SELECT 8', 'SELECT 9', 'SELECT 10')"
        " ~> df.race('SELECT 11', 'SELECT 12');"
    )
    instance = workflows.start("w(1)")
    found = nodes(workflows, instance)
    assert [node["node_id"] for node in found] == [f"{n:08x}" for n in range(1, len(found) + 1)]
    by_id = {node["node_id"]: node for node in found}

    # A sequence of eleven is ten of two, and their right ones are its parts but the first.
    parts, each = [], found[0]
    while each["node_type"] == "THEN":
        assert (each["query"], each["result_name"]) == (None, None)
        parts.append(by_id[each["right_node"]])
        each = by_id[each["left_node"]]
    parts = [each, *reversed(parts)]
    assert [part["node_type"] for part in parts] == [
        "SQL", "SLEEP", "SLEEP", "WAIT_SCHEDULE", "SIGNAL", "SIGNAL", "IF", "IF", "LOOP", "JOIN", "RACE",
    ]  # fmt: skip

    def queries(*ids: str) -> list[str]:
        return [by_id[each]["query"] for each in ids]

    sql, short, long, schedule, timed, signal, choice, by_rows, loop, join, race = parts
    assert (sql["query"], sql["result_name"], sql["left_node"]) == ("SELECT 1 AS a", "a", None)
    assert (short["query"], long["query"]) == ("5", "1 hour")
    assert json.loads(schedule["query"]) == {"cron_expr": "0 9 * * *"}
    assert json.loads(timed["query"]) == {"signal_name": "go", "timeout_seconds": 60}
    assert json.loads(signal["query"]) == {"signal_name": "$n", "timeout_seconds": None}
    assert queries(choice["left_node"], choice["right_node"]) == ["SELECT 2", "SELECT 3"]
    assert queries(json.loads(choice["query"])["condition_node"]) == ["SELECT true"]
    assert json.loads(by_rows["query"]) == {"condition_type": "result_has_rows", "result_name": "a"}
    assert queries(by_rows["left_node"], by_rows["right_node"]) == ["SELECT 4", "SELECT 5"]
    broken = by_id[by_id[loop["left_node"]]["left_node"]]
    assert (broken["node_type"], json.loads(broken["query"])) == ("BREAK", {"break_value": "$n"})
    assert queries(json.loads(loop["query"])["condition_node"]) == ["SELECT 6"]
    assert queries(join["left_node"], join["right_node"]) == ["SELECT 7", "SELECT 8"]
    assert queries(*json.loads(join["query"])["extra_nodes"]) == ["SELECT 9", "SELECT 10"]
    assert (race["query"], queries(race["left_node"], race["right_node"])) == (
        None,
        ["SELECT 11", "SELECT 12"],
    )

    for node in found:
        assert (node["status"], node["inferred_status"], node["result"]) == ("pending", "pending", None)
        assert node["status_details"] is None
    assert {node["updated_at"] for node in found} == {
        workflows.database.value("SELECT created_at FROM df.instances WHERE id = %s", instance)
    }


def test_the_branch_not_taken_is_skipped(wf, workflows):
    instance = wf("'SELECT 1' ~> ('SELECT false' ?> 'SELECT 2' !> 'SELECT 3')")
    assert statuses(workflows, instance) == {
        "1": "completed",
        "false": "completed",
        "2": "pending/skipped",
        "3": "completed",
    }
    found = {node["query"] or node["node_type"]: node for node in nodes(workflows, instance)}
    [choice] = [node for node in nodes(workflows, instance) if node["node_type"] == "IF"]
    assert found["SELECT 2"]["inferred_status_from_ancestor_id"] == choice["node_id"]
    assert found["SELECT 3"]["inferred_status_from_ancestor_id"] is None


def test_right_of_a_failed_sequence_is_skipped(wf, workflows):
    instance = wf("'SELECT 1 / 0' ~> 'SELECT 2'")
    [sequence, failed, skipped] = nodes(workflows, instance)
    assert (failed["status"], failed["inferred_status"]) == ("failed", "failed")
    assert failed["result"] == "division by zero"
    assert (sequence["status"], sequence["result"]) == ("failed", "division by zero")
    assert (skipped["status"], skipped["inferred_status"]) == ("pending", "skipped")
    assert skipped["inferred_status_from_ancestor_id"] == sequence["node_id"]


def test_a_clean_sequence_skips_nothing(wf, workflows):
    instance = wf("'SELECT 1' ~> 'SELECT 2' ~> 'SELECT 3 AS three'")
    found = nodes(workflows, instance)
    assert {node["inferred_status"] for node in found} == {"completed"}
    assert found[0]["result"] == {"rows": [{"three": 3}], "row_count": 1}
    assert found[0]["status_details"] == {"execution_id": f"{instance}::1"}


def test_a_superseded_iteration_is_pending_again(workflows):
    workflows.database.query("CREATE SEQUENCE n")
    workflows.deploy(
        "CREATE WORKFLOW w() AS df.loop('SELECT nextval(''n'') AS n' |=> n ~> ('SELECT $n = 1' ?> 'SELECT 10' !> 'SELECT 20')"
        " ~> df.wait_for_signal('go') ~> 'SELECT 30', 'SELECT $n < 3') ~> 'SELECT 40';"
    )
    instance = workflows.start("w()")
    workflows.database.drive()
    first = {
        "nextval('n') AS n": "completed",
        "$n = 1": "completed",
        "10": "completed",
        "20": "pending/skipped",
    }
    later = {"30": "pending", "$n < 3": "pending", "40": "pending"}
    assert statuses(workflows, instance) == first | {"SIGNAL": "running"} | later
    assert kinds(workflows, instance) == {"THEN": "running", "LOOP": "running", "IF": "completed"}

    workflows.database.query("SELECT df.signal(%s, 'go')", instance)
    workflows.database.drive()
    # What the first iteration did in the branch that the second one does not take; and what the second one comes to only now.
    second = first | {"10": "completed/skipped", "20": "completed"}
    superseded = {"30": "completed/pending", "$n < 3": "completed/pending", "40": "pending"}
    assert statuses(workflows, instance) == second | {"SIGNAL": "running"} | superseded
    loop = next(node for node in nodes(workflows, instance) if node["node_type"] == "LOOP")
    assert loop["status_details"] == {"execution_id": f"{instance}::2"}

    for _ in range(2):
        workflows.database.query("SELECT df.signal(%s, 'go')", instance)
        workflows.database.drive()
    ended = {"SIGNAL": "completed", "30": "completed", "$n < 3": "completed", "40": "completed"}
    assert statuses(workflows, instance) == second | ended
    [skipped] = [node for node in nodes(workflows, instance) if node["inferred_status"] == "skipped"]
    [choice] = [node for node in nodes(workflows, instance) if node["node_type"] == "IF"]
    assert skipped["inferred_status_from_ancestor_id"] == choice["node_id"]
    assert skipped["status_details"] == {"execution_id": f"{instance}::1"}


def test_a_loop_that_begins_with_a_loop(workflows):
    """Both begin at one state: only what lies behind the inner one tells their iterations apart."""
    workflows.database.query("CREATE SEQUENCE n")
    workflows.deploy(
        "CREATE WORKFLOW w() AS df.loop(df.loop('SELECT nextval(''n'') AS n' |=> n ~> df.wait_for_signal('go'), 'SELECT $n % 2 = 1')"
        " ~> 'SELECT 30', 'SELECT $n < 4');"
    )
    instance = workflows.start("w()")
    seen = []
    for _ in range(4):
        workflows.database.drive()
        seen.append(statuses(workflows, instance))
        workflows.database.query("SELECT df.signal(%s, 'go')", instance)
    waits = {"nextval('n') AS n": "completed", "SIGNAL": "running"}
    assert seen[0] == waits | {"$n % 2 = 1": "pending", "30": "pending", "$n < 4": "pending"}
    assert seen[1] == waits | {"$n % 2 = 1": "completed/pending", "30": "pending", "$n < 4": "pending"}
    again = {"$n % 2 = 1": "completed/pending", "30": "completed/pending", "$n < 4": "completed/pending"}
    assert seen[2] == waits | again
    assert seen[3] == waits | again


def test_a_join_in_a_loop(workflows):
    workflows.database.query("CREATE SEQUENCE n")
    workflows.deploy(
        "CREATE WORKFLOW w() AS df.loop('SELECT nextval(''n'') AS n' |=> n ~> df.join('SELECT 1' ~> df.wait_for_signal('go'), 'SELECT 2'),"
        " 'SELECT $n < 2');"
    )
    instance = workflows.start("w()")
    workflows.database.drive()
    seen = {"nextval('n') AS n": "completed", "1": "completed", "SIGNAL": "running", "2": "completed"}
    assert statuses(workflows, instance) == seen | {"$n < 2": "pending"}
    assert kinds(workflows, instance) == {"LOOP": "running", "THEN": "running", "JOIN": "running"}
    workflows.database.query("SELECT df.signal(%s, 'go')", instance)
    workflows.database.drive()
    assert statuses(workflows, instance) == seen | {"$n < 2": "completed/pending"}
    workflows.database.query("SELECT df.signal(%s, 'go')", instance)
    workflows.database.drive()
    assert set(statuses(workflows, instance).values()) == {"completed"}


def test_a_failed_branch_fails_the_join_when_all_have_ended(wf, workflows):
    instance = wf("df.join('SELECT 1 / 0' ~> 'SELECT 2', df.wait_for_signal('go')) ~> 'SELECT 3'")
    assert statuses(workflows, instance) == {
        "1 / 0": "failed",
        "2": "pending/skipped",
        "SIGNAL": "running",
        "3": "pending",
    }
    workflows.database.query("SELECT df.signal(%s, 'go')", instance)
    workflows.database.drive()
    assert workflows.status(instance) == "failed"
    assert statuses(workflows, instance)["3"] == "pending/skipped"
    [join] = [node for node in nodes(workflows, instance) if node["node_type"] == "JOIN"]
    assert (join["status"], join["result"]) == ("failed", "division by zero")


def test_the_loser_of_a_race_is_skipped(wf, workflows):
    instance = wf("df.race('SELECT 1', df.sleep(60) ~> 'SELECT 2') ~> 'SELECT 3'")
    found = nodes(workflows, instance)
    assert statuses(workflows, instance) == {
        "1": "completed",
        "SLEEP": "cancelled/skipped",
        "2": "pending/skipped",
        "3": "completed",
    }
    by_type = {node["node_type"]: node for node in found}
    ancestors = {
        node["query"]: node["inferred_status_from_ancestor_id"]
        for node in found
        if node["inferred_status"] == "skipped" and node["query"]
    }
    # The sequence of the loser is the last THEN.
    assert ancestors == {"60": by_type["RACE"]["node_id"], "SELECT 2": by_type["THEN"]["node_id"]}
    assert by_type["THEN"]["inferred_status_from_ancestor_id"] == by_type["RACE"]["node_id"]


def test_a_cancelled_instance(wf, workflows):
    instance = wf("'SELECT 1' ~> df.sleep(60) ~> 'SELECT 2'")
    assert statuses(workflows, instance) == {"1": "completed", "SLEEP": "running", "2": "pending"}
    workflows.database.query("SELECT df.cancel(%s)", instance)
    assert statuses(workflows, instance) == {"1": "completed", "SLEEP": "cancelled", "2": "pending/skipped"}


def test_cancelled_before_it_began(workflows):
    workflows.deploy("CREATE WORKFLOW w() AS 'SELECT 1' ~> 'SELECT 2';")
    instance = workflows.start("w()")
    workflows.database.query("SELECT df.cancel(%s)", instance)
    assert statuses(workflows, instance) == {"1": "cancelled", "2": "pending/skipped"}


def test_a_break_completes_what_it_leaves(wf, workflows):
    instance = wf(
        "df.loop('SELECT 1' ~> df.join('SELECT true' ?> df.break('out') !> 'SELECT 2', 'SELECT 3') ~> 'SELECT 4') ~> 'SELECT 5'"
    )
    assert statuses(workflows, instance) == {
        "1": "completed",
        "true": "completed",
        "BREAK": "completed",
        "2": "pending/skipped",
        "3": "completed",
        "4": "pending/skipped",
        "5": "completed",
    }
    assert set(kinds(workflows, instance).values()) == {"completed"}


def test_an_endless_loop_between_two_iterations(wf, workflows):
    instance = wf("@> ('SELECT 1' ~> ('SELECT true' ?> 'SELECT 2' !> 'SELECT 3'))")
    assert workflows.database.value("SELECT reason FROM df.waiting(%s)", instance) == "lap"
    done = {"1": "completed", "true": "completed", "2": "completed", "3": "pending/skipped"}
    assert statuses(workflows, instance) == done
    assert kinds(workflows, instance) == {"LOOP": "running", "THEN": "completed", "IF": "completed"}
    workflows.database.query("SELECT df.cancel(%s)", instance)
    assert statuses(workflows, instance) == done
    assert kinds(workflows, instance)["LOOP"] == "cancelled"


def test_a_step_that_is_tried_again_is_running(workflows):
    workflows.deploy(
        "CREATE WORKFLOW w() WITH (max_attempts = 2, backoff = '1 hour') AS 'SELECT 1 / 0' ~> 'SELECT 2';"
    )
    instance = workflows.start("w()")
    workflows.database.drive()
    assert statuses(workflows, instance) == {"1 / 0": "running", "2": "pending"}
    workflows.move_clock("2 hours")
    workflows.database.drive()
    assert statuses(workflows, instance) == {"1 / 0": "failed", "2": "pending/skipped"}


def test_results_that_are_kept(workflows):
    body = "'SELECT 1 AS a' |=> a ~> 'SELECT $a + 1 AS b' ~> ('SELECT 3 AS c' |=> c) ~> df.sleep(0) ~> 'SELECT $a + $c AS d'"
    instance = workflows.run(f"CREATE WORKFLOW w() AS {body};")
    found = {node["query"]: node["result"] for node in nodes(workflows, instance) if node["query"]}
    assert found == {
        "SELECT 1 AS a": {"rows": [{"a": 1}], "row_count": 1},
        "SELECT $a + 1 AS b": None,
        "SELECT 3 AS c": {"rows": [{"c": 3}], "row_count": 1},
        "0": None,
        "SELECT $a + $c AS d": None,
    }
    assert nodes(workflows, instance)[0]["result"] == {"rows": [{"d": 4}], "row_count": 1}

    instance = workflows.run(f"CREATE WORKFLOW w() WITH (trace = full) AS {body};")
    found = {node["query"]: node["result"] for node in nodes(workflows, instance) if node["query"]}
    assert found["SELECT $a + 1 AS b"] == {"rows": [{"b": 2}], "row_count": 1}
    assert found["0"] == {"slept": True, "seconds": 0}


def test_a_starter_sees_the_nodes_of_what_he_started(workflows):
    workflows.deploy("CREATE WORKFLOW w() AS df.join('SELECT 1', 'SELECT 2');")
    workflows.database.query("SELECT df.grant_usage('carol')", role="dfowner")
    workflows.database.query("GRANT EXECUTE ON FUNCTION w() TO carol")
    instance = workflows.start("w()", role="carol")
    workflows.database.drive()
    found = workflows.database.query(
        "SELECT node_type, status FROM df.instance_nodes(%s)", instance, role="carol"
    )
    assert found == [("JOIN", "completed"), ("SQL", "completed"), ("SQL", "completed")]
    assert tree(workflows, instance) == workflows.database.value(
        "SELECT df.explain(%s)", instance, role="carol"
    )


def test_as_many_nodes_as_there_may_be(workflows):
    workflows.deploy("CREATE WORKFLOW w() AS " + " ~> ".join(["'SELECT 1'"] * 3000) + ";")
    instance = workflows.start("w()")
    assert len(nodes(workflows, instance)) == 5999
    assert tree(workflows, "w").count("→ ") == 2999


def test_nested_as_deep_as_they_may_be(workflows):
    body = "'SELECT 1'"
    for _ in range(129):
        body = f"df.if('SELECT true', {body}, 'SELECT 2')"
    workflows.deploy(f"CREATE WORKFLOW w() AS {body};")
    assert tree(workflows, "w").count("IF") == 129


# Explain


def test_the_tree_of_a_workflow(workflows):
    workflows.deploy(
        "CREATE WORKFLOW w(id int) AS df.join('SELECT 1' ~> 'SELECT 2', df.race('SELECT 3', df.sleep(5)) |=> first) |=> both"
        " ~> ('SELECT true' ?> (df.wait_for_signal('a', 60) |=> s) !> df.wait_for_signal('b $id', '1 hour'))"
        " ~> df.loop('SELECT 1 AS a_long_name_of_a_column,   2 AS another_one' ~> ('SELECT true' ?> df.break('out') !> 'SELECT 4'), 'SELECT false')"
        " ~> @> (df.wait_for_schedule('0 9 * * *', 'Europe/Berlin') |=> day ~> df.sleep('1 day'));"
    )
    assert tree(workflows, "w").split("\n") == [
        "JOIN (2) |=> 'both'",
        "    ║ branch 1:",
        "      SQL: SELECT 1",
        "      → SQL: SELECT 2",
        "    ║ branch 2:",
        "      RACE",
        "          ║ branch 1:",
        "            SQL: SELECT 3",
        "          ║ branch 2:",
        "            SLEEP 5s",
        "→ IF",
        "    ? condition:",
        "      SQL: SELECT true",
        "    ✓ then:",
        "      SIGNAL 'a' (60s) |=> 's'",
        "    ✗ else:",
        "      SIGNAL 'b $id' (1 hour)",
        "→ LOOP (while)",
        "    ↻ body:",
        "      SQL: SELECT 1 AS a_long_name_of_a_column, 2 AS anoth...",
        "      → IF",
        "          ? condition:",
        "            SQL: SELECT true",
        "          ✓ then:",
        "            BREAK 'out'",
        "          ✗ else:",
        "            SQL: SELECT 4",
        "    ? while:",
        "      SQL: SELECT false",
        "→ LOOP (infinite)",
        "    ↻ body:",
        "      WAIT '0 9 * * *' (Europe/Berlin) |=> 'day'",
        "      → SLEEP 1 day",
    ]


@pytest.mark.parametrize("name", ["w", "public.w", '"W 2"', "W 2", ' public."W 2"\n'])
def test_a_workflow_by_its_name(workflows, name):
    workflows.deploy("CREATE WORKFLOW w() AS 'SELECT 1'; CREATE WORKFLOW \"W 2\"() AS 'SELECT 1';")
    assert tree(workflows, name) == "SQL: SELECT 1"


def test_workflows_of_one_name(workflows):
    workflows.database.query("CREATE SCHEMA other")
    workflows.deploy("CREATE WORKFLOW w() AS 'SELECT 1'; CREATE WORKFLOW other.w() AS 'SELECT 2';")
    assert tree(workflows, "w").endswith("Write one of: other.w, public.w")
    assert tree(workflows, "other.w") == "SQL: SELECT 2"


EXPRESSIONS = [
    "'SELECT 1'",
    "'SELECT 1' ~> 'SELECT 2 AS a' |=> 'x' ~> 'SELECT $x.a'",
    "('SELECT 1' |=> 'a') ?> 'SELECT 2' !> ('SELECT 3' ~> df.sleep(5))",
    "df.loop('SELECT 1' & df.wait_for_signal('go', 60), 'SELECT false') |=> 'l' ~> 'SELECT $l::text'",
    "('SELECT 1' |=> 'r') ~> ('SELECT 1' | df.wait_for_schedule('* * * * *')) ~> df.if_rows('r', 'SELECT 1', 'SELECT 2')",
    "@> ('SELECT 1' ~> df.break('x'))",
]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_the_tree_of_an_expression_is_that_of_the_workflow(workflows, expression):
    """df.explain(<expression>) is compiled to a call that draws the graph; the workflow's is drawn from its version."""
    compiled = compile_text(f"SELECT df.explain({expression});", file="test.sql")
    assert not compiled.has_errors, [d.message for d in compiled.diagnostics]
    workflows.deploy(f"CREATE WORKFLOW w() AS {expression};")
    explained = compiled.sql[compiled.sql.rindex("SELECT df.explain(v1 =>") :]
    assert workflows.database.value(explained) == tree(workflows, "w")


def test_the_tree_of_an_instance(workflows):
    workflows.deploy(
        "CREATE WORKFLOW w() AS ('SELECT true AS t' |=> a) ?> (df.wait_for_signal('go') ~> 'SELECT 1 AS one') !> 'SELECT 2 AS two';"
    )
    instance = workflows.start("df.start_workflow('w', label => 'an order')")
    pending = tree(workflows, instance.upper())
    assert pending.startswith(f"Instance: {instance} (an order)\nStatus:   ○ Pending\n\nIF ○\n")
    workflows.database.drive()
    assert tree(workflows, instance).split("\n") == [
        f"Instance: {instance} (an order)",
        "Status:   ⏳ Running",
        "",
        "IF ⏳",
        "    ? condition:",
        "      SQL: SELECT true AS t |=> 'a' ✓",
        "    ✓ then:",
        "      SIGNAL 'go' ⏳",
        "      → SQL: SELECT 1 AS one ○",
        "    ✗ else:",
        "      SQL: SELECT 2 AS two ○",
    ]
    workflows.database.query("SELECT df.signal(%s, 'go')", instance)
    workflows.database.drive()
    lines = tree(workflows, instance).split("\n")
    assert lines[1:3] == ["Status:   ✓ Completed", 'Output:   {"rows": [{"one": 1}], "row_count": 1}']
    assert lines[-1] == "      SQL: SELECT 2 AS two ⊘"


def test_the_tree_of_a_failed_and_of_a_cancelled_instance(workflows):
    instance = workflows.run("CREATE WORKFLOW w() AS 'SELECT 1 / 0' ~> 'SELECT 2';")
    assert tree(workflows, instance).split("\n")[1:] == [
        "Status:   ✗ Failed",
        "Output:   division by zero",
        "",
        "SQL: SELECT 1 / 0 ✗",
        "→ SQL: SELECT 2 ⊘",
    ]
    instance = workflows.run("CREATE WORKFLOW w() AS df.sleep(60);")
    workflows.database.query(
        "SELECT df.cancel(%s, 'wrong customer, wrong order, wrong day, wrong everything')", instance
    )
    assert tree(workflows, instance).split("\n")[1:] == [
        "Status:   ✗ Cancelled",
        "Output:   wrong customer, wrong order, wrong day, wrong everything",
        "",
        "SLEEP 60s ✗",
    ]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("00000000", "Instance '00000000' not found"),
        ("ABCDEF01", "Instance 'ABCDEF01' not found"),
        (" SELECT  1 ", "SQL: SELECT 1"),
        ("SELECT a @> b FROM t", "SQL: SELECT a @> b FROM t"),
        ("select " + "x, " * 50 + "y", "SQL: select x, x, x, x, x, x, x, x, x, x, x, x, x, x..."),
        ("'SELECT 1' ~> 'SELECT 2'", "Cannot explain input: an expression is compiled"),
        ("@> 'SELECT 1'", "Cannot explain input: an expression is compiled"),
        ("df.sleep(5)", "Cannot explain input: an expression is compiled"),
        ('{"node_type": "SQL", "query": "SELECT 1"}', "Cannot explain input: an expression is compiled"),
        (
            "nothing",
            "Cannot explain input: 'nothing' is neither an instance nor a workflow that you can see here",
        ),
        ("", "Cannot explain input: '' is neither"),
    ],
)
def test_what_cannot_be_explained_is_told(workflows, written, said):
    assert tree(workflows, written).startswith(said)


def test_explain_of_null(workflows):
    for null in ("NULL", "NULL::text", "input => NULL"):
        assert workflows.database.value(f"SELECT df.explain({null})") is None


@pytest.mark.parametrize("heading", ["#### Nodes", "#### The tree"])
def test_the_example_of_the_documentation(workflows, heading):
    page = (Path(__file__).parents[2] / "docs" / "runtime.md").read_text(encoding="utf-8")
    blocks = re.compile(r"```\w+\n(.*?)```", re.DOTALL)
    script, starts = blocks.findall(page[page.index("The examples ran against this workflow") :])[:2]
    query, printed = blocks.findall(page[page.index(heading) :])[:2]
    workflows.deploy(script)
    instance = workflows.start(starts.splitlines()[-1].removeprefix("SELECT ").rstrip(";"))
    assert workflows.drive_until_ended(instance) == "failed"
    database = workflows.database
    shown = subprocess.run(
        [database.server.psql, "-Xq", "-P", "footer=off", *(["-At"] if "explain" in query else []), "-d", database.conninfo()],
        input=query.replace("d7a2b938", instance), capture_output=True, text=True, check=True, timeout=60,
        env={"PGCLIENTENCODING": "UTF8", "LC_ALL": "C.UTF-8"},
    ).stdout  # fmt: skip
    assert lines(shown.replace(instance, "d7a2b938")) == lines(printed)


def lines(text: str) -> list[str]:
    """psql fills the last column up, the page does not."""
    return [line.rstrip() for line in text.strip("\n").splitlines()]
