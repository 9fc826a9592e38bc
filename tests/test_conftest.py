"""A test run that is ended from outside leaves no servers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

WAITING = """
import os, pathlib, time

def test_waits(main_server):
    pathlib.Path("directory").write_text(os.environ["PGDURC_TEST_DIRECTORY"])
    time.sleep(60)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_ended_removes_its_servers(main_server, tmp_path, number):
    (tmp_path / "test_waits.py").write_text(WAITING)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    run = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", "test_waits.py"],
        cwd=tmp_path,
        env=environment | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    told = tmp_path / "directory"
    deadline = time.monotonic() + 60
    while not (told.exists() and told.read_text()):
        assert run.poll() is None, run.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.02)
    directory = Path(told.read_text())
    assert directory.exists()
    run.send_signal(number)
    run.communicate(timeout=30)
    assert run.returncode == {signal.SIGTERM: 143, signal.SIGINT: 2}[number]
    assert not directory.exists()
