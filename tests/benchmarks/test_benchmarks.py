"""The benchmark still runs: its figures are not looked at."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False)


def test_a_section_that_needs_no_server():
    done = run("--quick", "--json", "command")
    assert done.returncode == 0, done.stderr
    (section,) = json.loads(done.stdout)["sections"]
    assert section["rows"][0]["median, s"] > 0


def test_rows_written_a_step():
    """One insert and one update, HOT but for the last step of an instance."""
    done = run("--quick", "--json", "writes")
    assert done.returncode == 0, done.stderr
    rows = {
        (row["workflow"], row["table"]): (row["inserted"], row["updated"], row["of which HOT"])
        for row in json.loads(done.stdout)["sections"][0]["rows"]
    }
    assert rows["plain", "step_run"] == (1, 0, 0)
    assert rows["plain", "task"] == (0, 1, 0.9)


def test_interrupted_statements_are_all_found():
    done = run("--quick", "--json", "interrupt")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["sections"][0]["rows"]
    assert [row["statements"] for row in rows] == [8, 7]


def test_an_unknown_section_is_refused():
    done = run("stpes")
    assert done.returncode == 2
    assert "unknown section: stpes; there are: steps," in done.stderr
