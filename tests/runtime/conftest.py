"""Workflows on a database, driven by hand."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from pgdurc.compile import compile_text


@dataclass(frozen=True)
class Workflows:
    """Deploys, starts and drives on one database, each as alice unless told otherwise."""

    database: Any

    def deploy(self, text: str, role: str = "alice") -> None:
        """Compiles a script and runs it, as psql -1 would."""
        compiled = compile_text(text, file="test.pgd")
        assert not compiled.has_errors, [d.message for d in compiled.diagnostics]
        with self.database.connect(role) as connection, connection.transaction():
            connection.execute(compiled.sql)

    def start(self, call: str, role: str = "alice") -> str:
        return str(self.database.value(f"SELECT {call}", role=role))

    def run(self, text: str, call: str = "w()") -> str:
        """Deploys, starts and drives until nothing is due; returns the instance's id."""
        self.deploy(text)
        instance = self.start(call)
        self.database.drive()
        return instance

    def status(self, instance: str) -> str:
        return str(self.database.value("SELECT df.status(%s)", instance, role="dfowner"))

    def result(self, instance: str) -> Any:
        return self.database.value("SELECT df.result(%s)::jsonb", instance)

    def rows(self, instance: str) -> Any:
        return self.result(instance)["rows"]

    def error(self, instance: str) -> dict[str, Any]:
        """sqlstate, message, detail, hint, step, file, line of a failed instance."""
        row = self.database.query(
            "SELECT sqlstate, message, detail, hint, step, file, line FROM df.error(%s)", instance
        )[0]
        return dict(zip(("sqlstate", "message", "detail", "hint", "step", "file", "line"), row, strict=True))

    def outcomes(self, instance: str) -> list[str]:
        return [row[0] for row in self.database.query("SELECT outcome FROM df.timeline(%s)", instance)]

    def move_clock(self, interval: str) -> None:
        self.database.query("SELECT df.move_clock(%s::interval)", interval, role="dfowner")

    def drive_until_ended(self, instance: str, rounds: int = 20) -> str:
        """Drives, moving the clock over whatever it waits for."""
        for _ in range(rounds):
            # A step may take its driver down; the next one goes on.
            with suppress(psycopg.OperationalError, psycopg.errors.TransactionTimeout):
                self.database.drive()
            if self.status(instance) not in ("pending", "running"):
                break
            self.move_clock("10 minutes")
        return self.status(instance)


@pytest.fixture
def workflows(database: Any) -> Workflows:
    return Workflows(database)


@pytest.fixture
def any_workflows(any_database: Any) -> Workflows:
    return Workflows(any_database)


@pytest.fixture
def wf(workflows: Workflows) -> Callable[..., str]:
    """`CREATE WORKFLOW w() AS <body>;`, deployed, started and driven: the instance's id."""

    def run(body: str, options: str = "") -> str:
        return workflows.run(f"CREATE WORKFLOW w() {options} AS {body};")

    return run
