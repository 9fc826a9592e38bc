"""Workers run counters and transfers while backends, servers and workers are killed with SIGKILL.

Every kill is at a random instant after work has been committed since the last one. That is not only so that
there is something to lose: a step that is running at five kills in a row counts as one that kills its own
backend and fails its instance, as it should, and killing faster than anything can be done would make it so.

PGDURC_CRASH_KILLS says how many kills, PGDURC_CRASH_SEED which; the seed decides the victims and the
delays, not what they hit.
"""

from __future__ import annotations

import os
import random
import secrets
import signal
import time
from collections import Counter
from typing import Any

import pytest

KILLS = int(os.environ.get("PGDURC_CRASH_KILLS", "10"))
SEED = int(os.environ.get("PGDURC_CRASH_SEED", secrets.randbelow(10**6)))

# backend: of a driver, on which the postmaster throws out all others and recovers. worker: its backends stay,
# and drive on until their CALL ends. server: all processes at once. postmaster: alone, so that its backends
# work on for a moment without one.
WEIGHTS = {"backend": 50, "worker": 25, "server": 15, "postmaster": 10}

# How long after the first commit that follows a kill the next one comes, at most.
LONGEST_DELAY_S = 0.4

# So many instances are alive at every kill.
ALIVE = 24

LAPS = 25
AMOUNT = 7

DRIVE_OUT_S = 180.0

# Each finds what must not be: no row is expected.
VIOLATIONS = {
    "an instance that did not complete": "SELECT id, status, reason FROM df.instance WHERE status <> 'completed'",
    "a task that did not end, or is still braced": """
        SELECT id, status, braced_by FROM df.task
        WHERE status <> 'done' OR wake_at IS NOT NULL OR braced_by IS NOT NULL
    """,
    "a gap in the history of a task": """
        SELECT t.id, t.seq, count(r.*), min(r.seq), max(r.seq)
        FROM df.task AS t
        LEFT JOIN df.step_run AS r ON r.task_id = t.id
        GROUP BY t.id
        HAVING (count(r.*), min(r.seq), max(r.seq)) IS DISTINCT FROM (t.seq, 1::bigint, t.seq)
    """,
    "an instance with more or fewer steps than its workflow has": """
        SELECT i.id, w.name, count(*)
        FROM df.instance AS i
        JOIN df.workflow AS w ON w.id = i.workflow_id
        JOIN df.task AS t ON t.instance_id = i.id
        JOIN df.step_run AS r ON r.task_id = t.id AND r.outcome = 'ok'
        GROUP BY i.id, w.name
        HAVING count(*) <> CASE w.name
            WHEN 'transfer_at_once' THEN 2
            WHEN 'transfer_in_steps' THEN 4
            -- The name bound first, three a lap, and the state that takes the loop's result.
            ELSE 2 + 3 * (i.args ->> 'laps')::int
        END
    """,
    "a counter that differs from the laps counted on it": """
        SELECT c.id, c.value, sum((i.args ->> 'laps')::bigint)
        FROM counter AS c
        LEFT JOIN df.instance AS i ON i.args ->> 'counter' = c.id::text
        GROUP BY c.id
        HAVING c.value <> coalesce(sum((i.args ->> 'laps')::bigint), 0)
    """,
    "money lost or made": "SELECT sum(balance) FROM account HAVING sum(balance) <> 1000 * count(*)",
    "a balance that differs from the ledger": """
        SELECT a.id, a.balance, coalesce(sum(moved.amount), 0)
        FROM account AS a
        LEFT JOIN (
            SELECT (i.args ->> 'source')::int AS account, -l.amount AS amount
            FROM ledger AS l JOIN df.instance AS i ON i.args ->> 'transfer' = l.transfer::text
            UNION ALL
            SELECT (i.args ->> 'target')::int, l.amount
            FROM ledger AS l JOIN df.instance AS i ON i.args ->> 'transfer' = l.transfer::text
        ) AS moved ON moved.account = a.id
        GROUP BY a.id
        HAVING a.balance <> 1000 + coalesce(sum(moved.amount), 0)
    """,
    "a transfer that is not in the ledger once": """
        SELECT i.args ->> 'transfer', count(l.*), max(a.writes)
        FROM df.instance AS i
        LEFT JOIN ledger AS l ON l.transfer::text = i.args ->> 'transfer'
        LEFT JOIN audit AS a ON a.transfer = l.transfer
        WHERE i.args ? 'transfer'
        GROUP BY i.id
        HAVING (count(l.*), max(a.writes)) IS DISTINCT FROM (1::bigint, 1)
    """,
}

# The longest row of crashed attempts that a step had.
CRASHES_IN_A_ROW = """
    SELECT coalesce(max(length), 0)
    FROM (
        SELECT count(*) AS length
        FROM (
            SELECT task_id, outcome, seq - row_number() OVER (PARTITION BY task_id, outcome ORDER BY seq) AS island
            FROM df.step_run
        ) AS run
        WHERE outcome = 'crashed'
        GROUP BY task_id, island
    ) AS island
"""


@pytest.mark.crash
def test_every_effect_happens_exactly_once(crash_server, workers):
    print(f"\ncrash test: {KILLS} kills, seed {SEED}", flush=True)
    chaos = Chaos(crash_server, workers, random.Random(SEED))
    began = time.monotonic()
    chaos.run(KILLS)
    killed_for_s = time.monotonic() - began
    chaos.drive_out()
    total_s = time.monotonic() - began
    # One that was started again just now may have no handler yet.
    assert set(workers.stop()) <= {0, -signal.SIGTERM}

    attempts = dict(crash_server.query("SELECT outcome, count(*) FROM df.step_run GROUP BY outcome"))
    row_of_crashes = crash_server.value(CRASHES_IN_A_ROW)
    print(
        f"  server          PostgreSQL {crash_server.value('SHOW server_version')}",
        f"  kills           {sum(chaos.kills.values())} ({listed(chaos.kills)})",
        f"  workers         {workers.count} with {workers.drivers} drivers each, started {workers.started} times",
        f"  time            {killed_for_s:.1f} s of kills, {total_s:.1f} s to the end of all work",
        f"  instances       {chaos.started}",
        f"  steps           {attempts['ok']} committed",
        f"  attempts        {listed(attempts)}",
        f"  crashes of one step in a row, at most: {row_of_crashes}",
        sep="\n",
        flush=True,
    )
    found = {name: rows for name, query in VIOLATIONS.items() if (rows := crash_server.query(query))}
    assert found == {}
    # Otherwise the kills were too fast to blame the runtime, or to praise it.
    assert row_of_crashes < 5
    assert crash_server.value("SELECT count(*) FROM df.instance") == chaos.started


class Chaos:
    """Keeps starting work and killing who does it."""

    def __init__(self, server: Any, workers: Any, chance: random.Random) -> None:
        self.server = server
        self.workers = workers
        self.chance = chance
        self.started = 0
        self.kills: Counter[str] = Counter()

    def run(self, kills: int) -> None:
        for kind in self._plan(kills):
            self._feed()
            self._wait_for_a_commit()
            time.sleep(self.chance.uniform(0, LONGEST_DELAY_S))
            self._kill(kind)
            self.kills[kind] += 1

    def drive_out(self) -> None:
        """Until every instance has ended."""
        deadline = time.monotonic() + DRIVE_OUT_S
        while alive := self._alive():
            assert time.monotonic() < deadline, f"{alive} instances did not end: {self._end_of_log()}"
            self.workers.supervise()
            time.sleep(0.1)

    def _plan(self, kills: int) -> list[str]:
        """One of each kind where there are enough, the rest by weight, in any order."""
        kinds = list(WEIGHTS)
        plan = kinds + self.chance.choices(kinds, list(WEIGHTS.values()), k=max(kills - len(kinds), 0))
        plan = plan[:kills]
        self.chance.shuffle(plan)
        return plan

    def _feed(self) -> None:
        for _ in range(ALIVE - self._alive()):
            self._start(self.started)
            self.started += 1

    def _start(self, number: int) -> None:
        """The key makes it safe to start again where the answer to the first start was lost."""
        source, target = self.chance.sample(range(10), 2)
        if number % 3 == 0:
            call = "'count_up', jsonb_build_object('counter', %s::int, 'laps', %s::int)"
            arguments = [number % 5, LAPS]
        elif number % 3 == 1:
            call = (
                "'transfer_at_once', jsonb_build_object('transfer', %s::int, 'source', %s::int,"
                " 'target', %s::int, 'amount', %s::int)"
            )
            arguments = [number, source, target, AMOUNT]
        else:
            call = "'transfer_in_steps', jsonb_build_object('transfer', %s::int, 'source', %s::int, 'target', %s::int)"
            arguments = [number, source, target]
        self.server.value(
            f"SELECT df.start_workflow({call}, key => %s)", *arguments, f"start-{number}", role="alice"
        )

    def _wait_for_a_commit(self) -> None:
        deadline = time.monotonic() + DRIVE_OUT_S
        before = self._committed()
        while self._committed() == before:
            assert time.monotonic() < deadline, f"nothing is committed any more: {self._end_of_log()}"
            # With nothing to do there is nothing to commit.
            self._feed()
            self.workers.supervise()
            time.sleep(0.02)

    def _kill(self, kind: str) -> None:
        cluster = self.server.cluster
        match kind:
            case "worker":
                self.workers.kill_one(self.chance)
            case "backend":
                kill(self.chance.choice(self._driving_backends()).pid)
            case "server":
                cluster.kill()
                cluster.start()
            case "postmaster":
                postmaster = cluster.postmaster()
                kill(postmaster)
                while cluster.postmaster() == postmaster:
                    time.sleep(0.01)
                cluster.start()

    def _driving_backends(self) -> list[Any]:
        """At least one; they may all be waiting for work, or for the server."""
        deadline = time.monotonic() + DRIVE_OUT_S
        while not (victims := self.server.driving_backends()):
            assert time.monotonic() < deadline, f"nothing drives any more: {self._end_of_log()}"
            self._feed()
            self.workers.supervise()
        return list(victims)

    def _alive(self) -> int:
        return int(self.server.value("SELECT count(*) FROM df.instance WHERE ended_at IS NULL"))

    def _committed(self) -> int:
        """Changes with the effects of steps, and not with attempts that crashed."""
        return int(
            self.server.value(
                "SELECT (SELECT sum(value) FROM counter) + (SELECT count(*) FROM ledger)"
                " + (SELECT sum(abs(balance)) FROM account)"
            )
        )

    def _end_of_log(self) -> str:
        return "\n".join(self.workers.log.read_text().splitlines()[-20:])


def kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
