"""Every example runs, on the set-up that stands beside it, and does what it says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"

# Of each example: a query, and what it gives after the run.
EFFECTS = {
    "embeddings": ("SELECT count(*), min(writes), max(writes) FROM document_writes", (2000, 1, 1)),
    "orders_etl": (
        """
        SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM refused_orders),
               (SELECT count(*) FROM staging_orders),
               (SELECT min(amount) > 600 FROM orders)
        """,
        (388, 30, 0, True),
    ),
    "audit_purge": (
        """
        SELECT count(*) FILTER (WHERE happened_at < now() - interval '91 days'), count(*) > 4000
        FROM audit_log
        """,
        (0, True),
    ),
    "outbox_drain": (
        "SELECT count(*), count(DISTINCT message_id), (SELECT count(*) FROM outbox) FROM delivered",
        (420, 420, 0),
    ),
}


def test_every_example_is_tested():
    assert {file.stem for file in EXAMPLES.glob("*.pgd")} == set(EFFECTS)


@pytest.mark.parametrize("name", EFFECTS)
def test_example(cli, database, name):
    if name == "embeddings" and not database.query("SELECT 1 FROM pg_extension WHERE extname = 'vector'"):
        pytest.skip("the extension vector is not installed")
    db = database.conninfo()
    setup = cli("deploy", str(EXAMPLES / f"{name}.setup.sql"), "--db", db)
    assert setup.exit_code == 0, setup.stderr
    result = cli("run", str(EXAMPLES / f"{name}.pgd"), "--drivers", "2", "--json", "--db", db)
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["status"] == "completed"
    query, expected = EFFECTS[name]
    assert database.query(query) == [expected]


@pytest.mark.parametrize("name", EFFECTS)
def test_examples_have_nothing_to_warn_of(cli, name):
    result = cli("check", "--strict", str(EXAMPLES / f"{name}.pgd"))
    assert (result.exit_code, result.stderr) == (0, "")


@pytest.mark.crash
def test_the_demo_proves_exactly_once():
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "demo.py")], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SIGKILL to all" in done.stdout
    assert "every document was embedded exactly once" in done.stdout
