"""Every golden folder, run: its script is deployed, its workflow started, and expected.json says what became of it.

Where that lists instances, the script has started those itself. A folder without expected.json is about the emitted SQL
only: its script is run and nothing is started.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from pgdurc.compile import compile_text

GOLDEN = Path(__file__).parent.parent / "golden"


@pytest.mark.parametrize("name", sorted(folder.name for folder in GOLDEN.iterdir()))
def test_golden(any_workflows, name):
    folder = GOLDEN / name
    database = any_workflows.database
    if (folder / "setup.sql").exists():
        database.query((folder / "setup.sql").read_text())
    text = (folder / "workflow.pgd").read_text()
    compiled = compile_text(text, file="workflow.pgd")
    # psql runs the output, as a user would.
    psql = [
        database.server.psql,
        "-X",
        "-v",
        "ON_ERROR_STOP=1",
        "-d",
        database.conninfo(),
    ]
    ran = subprocess.run(psql, input=compiled.sql, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    versions = len(compiled.workflows) + len({call.version for call in compiled.calls})
    assert database.value("SELECT count(*) FROM df.workflow_version") == versions
    if not (folder / "expected.json").exists():
        return
    expected = json.loads((folder / "expected.json").read_text())
    if "instances" in expected:
        check_instances(any_workflows, expected)
        return
    workflow = compiled.workflows[0].qualified_name
    instance = str(
        database.value(
            "SELECT df.start_workflow(%s, %s, label => %s)",
            workflow,
            json.dumps(expected.get("args", {})),
            expected.get("label"),
        )
    )
    any_workflows.drive_until_ended(instance)
    assert any_workflows.status(instance) == expected["status"], any_workflows.error(instance)
    if "result" in expected:
        assert any_workflows.result(instance) == expected["result"]
    check_queries(database, expected)


def check_instances(workflows, expected):
    """Of a script that has started its instances by itself: each by its label."""
    database = workflows.database
    for wanted in expected["instances"]:
        instance = database.value("SELECT id FROM df.instances WHERE label = %s", wanted["label"])
        workflows.drive_until_ended(instance)
        assert workflows.status(instance) == wanted["status"], workflows.error(instance)
        assert workflows.result(instance) == wanted["result"]
        if "error" in wanted:
            assert wanted["error"].items() <= workflows.error(instance).items()
    assert database.value("SELECT count(*) FROM df.instances") == len(expected["instances"])
    check_queries(database, expected)


def check_queries(database, expected):
    for check in expected.get("checks", []):
        assert [list(row) for row in database.query(check["query"])] == check["rows"], check["query"]
    check_nodes(database)


def check_nodes(database):
    """Of an instance that has ended no node is at work or still to come, and what was skipped is within a node that has ended."""
    for instance, status in database.query("SELECT id, status FROM df.instances WHERE ended_at IS NOT NULL"):
        rows = database.query(
            "SELECT node_id, status, inferred_status, inferred_status_from_ancestor_id, left_node, right_node"
            " FROM df.instance_nodes(%s)",
            instance,
        )
        assert rows[0][1:4] == (status, status, None)
        ended = {
            node for node, _, inferred, _, _, _ in rows if inferred in ("completed", "failed", "cancelled")
        }
        for node, was, inferred, ancestor, left, right in rows:
            assert was in ("pending", "completed", "failed", "cancelled"), (node, rows)
            assert (node in ended) != (inferred == "skipped"), (node, rows)
            assert (ancestor is not None) == (inferred == "skipped"), (node, rows)
            assert ancestor is None or (
                ancestor < node and ancestor in ended | {n for n, s, *_ in rows if s == "cancelled"}
            ), (node, rows)
            assert left is None or node < left, (node, rows)
            assert right is None or left < right, (node, rows)
        tree = database.value("SELECT df.explain(%s)", instance)
        assert tree.startswith(f"Instance: {instance}")
        assert "⏳" not in tree
        assert "○" not in tree
