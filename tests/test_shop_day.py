"""examples/shop_day.sql, compiled and run by psql as a user of pg_durable would, on the server that a test names."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


def psql(database: Any, file: Path) -> str:
    command = [database.server.psql, "-XqAt", "-v", "ON_ERROR_STOP=1", "-f", file, "-d", database.conninfo()]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def open_the_shop(cli: Any, database: Any, directory: Path) -> list[str]:
    """Runs the set-up and the compiled script; what the script prints last."""
    psql(database, EXAMPLES / "shop_day.setup.sql")
    compiled = directory / "shop_day.sql"
    result = cli("compile", "--strict", str(EXAMPLES / "shop_day.sql"), "-o", str(compiled))
    assert (result.exit_code, result.stderr) == (0, "")
    return psql(database, compiled).splitlines()


def decide(database: Any) -> None:
    """Orders 1 and 2 are decided, 3 is withdrawn; nobody looks at 5."""
    database.query(
        """
        SELECT df.signal(o.workflow, s.name, s.data)
        FROM (VALUES
            (1, 'decision', '{"ok": true, "by": "ann"}'),
            (2, 'decision', '{"ok": false, "by": "bob"}'),
            (3, 'withdrawn', '{}')
        ) AS s (id, name, data)
        JOIN shop_orders AS o ON o.id = s.id
        """
    )


def let_an_hour_pass(database: Any) -> None:
    database.query("SELECT df.move_clock('1 hour')", role="dfowner")


def status_by_label(database: Any) -> dict[str, str]:
    return dict(database.query("SELECT label, status FROM df.instances"))


ENDED = {
    "approval of order 1": "completed",
    "approval of order 2": "completed",
    "approval of order 3": "completed",
    "approval of order 5": "completed",
    "report": "completed",
    "load": "completed",
    "pulse": "running",
}


def check_the_day(database: Any) -> None:
    assert database.query("SELECT id, state, decided_by FROM shop_orders ORDER BY id") == [
        (1, "approved", "ann"),
        (2, "refused", "bob"),
        (3, "withdrawn", None),
        (4, "new", None),
        (5, "expired", None),
    ]
    assert database.query("SELECT count(*), sum(share), sum(total) FROM region_report") == [
        (3, 1, database.value("SELECT sum(amount) FROM region_sales"))
    ]
    results = dict(
        database.query(
            "SELECT label, df.result(id)::jsonb -> 'rows' FROM df.instances WHERE label IN ('report', 'load')"
        )
    )
    assert results == {"report": [{"regions": 3}], "load": [{"loaded": 2376, "refused": 12}]}
    assert database.value("SELECT count(*) FROM till_lines") == 0
    (pulse,) = database.query("SELECT id FROM df.instances WHERE label = 'pulse'")
    assert database.value("SELECT count(*) FROM pulse") >= 1
    database.query("SELECT df.cancel(%s)", *pulse)
    assert status_by_label(database)["pulse"] == "cancelled"


def test_on_a_driver(cli, any_database, tmp_path):
    printed = open_the_shop(cli, any_database, tmp_path)
    assert printed[-7:] == sorted(f"{label}|pending" for label in ENDED)
    any_database.drive()
    waiting = {label for label, status in status_by_label(any_database).items() if status == "running"}
    assert waiting == {label for label in ENDED if label not in ("report", "load")}
    decide(any_database)
    any_database.drive()
    let_an_hour_pass(any_database)
    any_database.drive()
    assert status_by_label(any_database) == ENDED
    check_the_day(any_database)


@pytest.mark.slow
def test_with_pg_cron_alone(cli, cron_database, tmp_path):
    """pg_cron before 1.5 starts its jobs at a full minute: this takes up to 65 s. Later ones take 5."""
    cron_database.query("SELECT df.install_scheduler(drivers => 2)")
    open_the_shop(cli, cron_database, tmp_path)
    # Sent before anything runs: signals are kept.
    decide(cron_database)
    deadline = time.monotonic() + 75
    beats = "SELECT count(*) FROM pulse"
    while (found := status_by_label(cron_database)) != ENDED or not cron_database.value(beats):
        assert time.monotonic() < deadline, found
        # Again, for what had not begun to wait yet.
        if "pending" not in found.values():
            let_an_hour_pass(cron_database)
        time.sleep(0.5)
    check_the_day(cron_database)
