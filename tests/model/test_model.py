"""Random workflows: what the database does with them is what a plain interpreter says.

The generator, the interpreter and the rest are in the modules beside this one. The workflows are the same in every run,
PGDURC_MODEL_SEED draws others; PGDURC_MODEL_WORKFLOWS says how many (`make model`: many others). A workflow is known by
its number, the seed that draws it. Where the database differs the workflow is shrunk, and shown as a script.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from io import StringIO
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, seed, settings

from pgdurc.cluster import SUPERUSER
from tests.conftest import TEMPLATE, Database, ensure_template, start
from tests.model.database import Mismatch, Trial, check
from tests.model.generator import workflows
from tests.model.nodes import Workflow
from tests.model.script import declaration

SEED = int(os.environ.get("PGDURC_MODEL_SEED", "1"))
COUNT = int(os.environ.get("PGDURC_MODEL_WORKFLOWS", "100"))

SHRINKING_S = 60.0


def draw(number: int, look: Callable[[Workflow], None]) -> None:
    """Draws workflow `number` and looks at it; if that raises, at ever smaller ones, and raises for the smallest.

    Each has a seed of its own: of one hypothesis tries variations, which are too much alike.
    """

    @seed(number)
    @settings(max_examples=2, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(workflows())
    def test(workflow: Workflow) -> None:
        look(workflow)

    test()


@pytest.fixture(scope="session")
def batch() -> list[Workflow]:
    print(f"workflows {SEED} to {SEED + COUNT - 1}", flush=True)
    drawn: list[Workflow] = []
    for number in range(SEED, SEED + COUNT):
        seen: list[Workflow] = []
        draw(number, seen.append)
        drawn.append(seen[-1])
    return drawn


def mismatches(trial: Trial) -> dict[int, str]:
    """By workflow."""
    found = {}
    for at, (workflow, observed) in enumerate(zip(trial.workflows, trial.observed(), strict=True)):
        try:
            check(workflow, observed)
        except Mismatch as mismatch:
            found[at] = str(mismatch)
    return found


def smallest(database: Any, number: int) -> str:
    """What differs of a small workflow that is made of that one and differs, too."""
    said = f"workflow {number} does not differ when it runs alone"
    deadline = time.monotonic() + SHRINKING_S

    def look(workflow: Workflow) -> None:
        nonlocal said
        if time.monotonic() > deadline:
            return
        trial = Trial(database, [workflow])
        try:
            trial.deploy()
            trial.start()
            trial.finish()
            check(workflow, trial.observed()[0])
        except (Mismatch, AssertionError, psycopg.Error) as problem:
            said = f"workflow {number}: {problem}\n{declaration(workflow, 0)}"
            raise

    # What hypothesis says of it, that it ran out of time for example, is of no interest.
    with suppress(Exception), redirect_stderr(StringIO()), redirect_stdout(StringIO()):
        draw(number, look)
    return said


def holds_against_the_model(trial: Trial) -> None:
    found = mismatches(trial)
    if found:
        at = min(found, key=lambda at: len(declaration(trial.workflows[at], at)))
        listed = "".join(f"\nworkflow {SEED + other}: {what}" for other, what in found.items())
        pytest.fail(f"{smallest(trial.database, SEED + at)}{listed}", pytrace=False)
    violations = trial.violations()
    assert not violations, violations


@pytest.mark.parametrize("drivers", [1, 4])
def test_as_the_model_says(database, batch, drivers):
    trial = Trial(database, batch)
    trial.deploy()
    trial.start()
    trial.finish(drivers)
    holds_against_the_model(trial)


def test_with_drivers_that_are_terminated(database, batch):
    trial = Trial(database, batch)
    trial.deploy()
    trial.start()
    chance = random.Random(SEED)
    trial.finish(4, Killer(database, chance, "SELECT pg_terminate_backend(%s)", kills=12))
    holds_against_the_model(trial)


@pytest.mark.crash
def test_with_backends_that_are_killed(main_server, batch):
    """With SIGKILL: the postmaster ends all others, too, and recovers. On a server of its own; after a crash drivers
    work carefully and thus slowly."""
    cluster = main_server.cluster
    server = start("model", cluster.binaries, cluster.os_user)
    try:
        ensure_template(server)
        trial = Trial(Database(server, TEMPLATE), batch[: len(batch) // 3])
        trial.deploy()
        trial.start()
        trial.finish(4, Killer(trial.database, random.Random(SEED), None, kills=4))
        holds_against_the_model(trial)
    finally:
        server.cluster.kill()


@dataclass
class Killer:
    """Ends a driver's backend at some instant, as often as `kills` says; the seed decides when, and not what it hits."""

    database: Any
    chance: random.Random
    terminate: str | None
    kills: int

    def __call__(self) -> bool:
        if self.kills == 0:
            return False
        time.sleep(self.chance.uniform(0, 0.1))
        try:
            at_work = self.database.query(
                # Of this test alone: others use the same server.
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND usename = 'alice'"
                " AND query LIKE 'CALL df.run%%' AND state = 'active'",
                role=SUPERUSER,
            )
            if at_work:
                (pid,) = self.chance.choice(at_work)
                self.kills -= 1
                if self.terminate is not None:
                    self.database.query(self.terminate, pid, role=SUPERUSER)
                else:
                    os.kill(pid, signal.SIGKILL)
        except (psycopg.OperationalError, ProcessLookupError):
            pass
        return True
