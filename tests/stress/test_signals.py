"""Thousands of signals from many senders to instances that wait for them in loops, while drivers are killed: each instance has received
what was sent to it and committed, in that order.

PGDURC_STRESS_SIGNALS says how many transactions send, PGDURC_STRESS_SEED which; the seed decides what the senders do, and not whom they meet.
"""

from __future__ import annotations

import os
import random
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from pgdurc.cluster import SUPERUSER
from pgdurc.compile import compile_text

TRANSACTIONS = int(os.environ.get("PGDURC_STRESS_SIGNALS", "1000"))
SEED = int(os.environ.get("PGDURC_STRESS_SEED", secrets.randbelow(10**6)))

SENDERS = 4
DRIVERS = 4
LABELS = ("even", "odd")
# So many instances of each workflow.
EACH = 4

BETWEEN_KILLS_S = 0.5
DRIVE_OUT_S = 120.0

# A signal is noted by the step after the one that took it: both happen once or the lists differ.
SCRIPT = """
CREATE TABLE sent (place bigint GENERATED ALWAYS AS IDENTITY, instance text, data text);
CREATE TABLE received (place bigint GENERATED ALWAYS AS IDENTITY, instance text, data text);

CREATE WORKFLOW plain() AS
    df.loop(
        df.wait_for_signal('go') |=> got
     ~> $$INSERT INTO received (instance, data) VALUES ('{sys_instance_id}', $got.data #>> '{}')$$,
        $$SELECT $got.data <> 'end'$$);

CREATE WORKFLOW timed() AS
    df.loop(
        df.wait_for_signal('go', 0.1) |=> got
     ~> df.if('SELECT $got.timed_out',
            'SELECT 1',
            $$INSERT INTO received (instance, data) VALUES ('{sys_instance_id}', $got.data #>> '{}')$$),
        $$SELECT $got.data? #>> '{}' IS DISTINCT FROM 'end'$$);

CREATE WORKFLOW raced() AS
    df.loop(
        df.race(df.wait_for_signal('go'), df.sleep(0.1)) |=> got
     ~> df.if('SELECT $got.slept? IS NOT NULL',
            'SELECT 1',
            $$INSERT INTO received (instance, data) VALUES ('{sys_instance_id}', $got.data? #>> '{}')$$),
        $$SELECT $got.data? #>> '{}' IS DISTINCT FROM 'end'$$);

-- Which of the two gets which nobody knows.
CREATE WORKFLOW joined() AS
    df.loop(
        df.join(df.wait_for_signal('go'), df.wait_for_signal('go')) |=> got
     ~> $$INSERT INTO received (instance, data)
          SELECT '{sys_instance_id}', g.value ->> 'data' FROM jsonb_array_elements($got) AS g$$,
        $$SELECT NOT $got @> '[{"data": "end"}]'$$);
"""

WORKFLOWS = ("plain", "timed", "raced", "joined")


@pytest.mark.slow
def test_every_signal_arrives_once_and_in_order(database):
    print(f"\nstress: {TRANSACTIONS} transactions that send, seed {SEED}", flush=True)
    compiled = compile_text(SCRIPT, file="stress.pgd")
    assert not compiled.has_errors, compiled.diagnostics
    with database.connect() as connection, connection.transaction():
        connection.execute(compiled.sql)
    instances = {
        database.value("SELECT df.start_workflow(%s, label => %s)", workflow, LABELS[number % 2]): workflow
        for workflow in WORKFLOWS
        for number in range(EACH)
    }
    began = time.monotonic()
    with driving(database) as kills:
        with ThreadPoolExecutor() as threads:
            senders = [
                threads.submit(
                    Sender(database, sorted(instances), SEED + number).run, TRANSACTIONS // SENDERS
                )
                for number in range(SENDERS)
            ]
            done: Counter[str] = sum((sender.result() for sender in senders), Counter())
        sent_for_s = time.monotonic() - began
        for instance, workflow in instances.items():
            # Of the two waits of a join each takes one.
            for _ in range(2 if workflow == "joined" else 1):
                database.query("SELECT df.signal(%s, 'go', 'end')", instance)
        deadline = time.monotonic() + DRIVE_OUT_S
        while not database.value("SELECT bool_and(ended_at IS NOT NULL) FROM df.instances"):
            assert time.monotonic() < deadline, database.query(
                "SELECT t.instance_id, t.wait, t.wake_at - df.now() FROM df.task AS t WHERE t.status = 'live'"
            )
            time.sleep(0.1)
    total_s = time.monotonic() - began

    attempts = Counter(dict(database.query("SELECT outcome, count(*) FROM df.step_run GROUP BY outcome")))
    print(
        f"  sent            {database.value('SELECT count(*) FROM sent')} signals in {sent_for_s:.1f} s, all received after {total_s:.1f} s",
        f"  transactions    {listed(done)}",
        f"  kills           {len(kills)}",
        f"  attempts        {listed(attempts)}",
        sep="\n",
        flush=True,
    )
    assert (
        database.query(
            "SELECT i.workflow, i.id, i.status, e.step, e.sqlstate, e.message"
            " FROM df.instances AS i LEFT JOIN LATERAL df.error(i.id) AS e ON true WHERE i.status <> 'completed'"
        )
        == []
    )
    everything = lists(database, "sent")
    arrived = lists(database, "received")
    for instance, workflow in instances.items():
        expected = [*everything.get(instance, []), "end"]
        found = arrived[instance]
        if workflow == "joined":
            if len(found) > len(expected):
                expected.append("end")
            expected, found = in_pairs(expected), in_pairs(found)
        assert found == expected, (instance, workflow)
    assert {"committed", "rolled back", "by label"} <= set(done)
    assert done["40P01"] == 0
    assert kills


class Sender:
    """A session that signals, in transactions of every kind."""

    def __init__(self, database: Any, instances: list[str], seed: int) -> None:
        self.database = database
        self.instances = instances
        self.chance = random.Random(seed)
        self.name = f"{seed}"
        self.number = 0

    def run(self, transactions: int) -> Counter[str]:
        """How many of each kind, and how many ended with an error that a sender must reckon with."""
        done: Counter[str] = Counter()
        with self.database.connect(autocommit=False) as connection:
            for _ in range(transactions):
                kind = self.chance.choices(("one", "several", "label", "snapshot"), (70, 12, 6, 12))[0]
                is_kept = self.chance.random() < 0.85
                try:
                    self._send(connection, kind)
                    if is_kept:
                        connection.commit()
                    else:
                        connection.rollback()
                    done["committed" if is_kept else "rolled back"] += 1
                    done["by label"] += kind == "label"
                except (psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected) as error:
                    connection.rollback()
                    done[error.sqlstate or ""] += 1
        return done

    def _send(self, connection: psycopg.Connection[Any], kind: str) -> None:
        if kind == "label":
            label = self.chance.choice(LABELS)
            data = self._next()
            connection.execute("SELECT df.signal_label(%s, 'go', %s)", (label, data))
            # The instances are held until the end of the transaction: no other signal comes between.
            connection.execute(
                "INSERT INTO sent (instance, data) SELECT i.id, %s FROM df.instances AS i WHERE i.label = %s",
                (data, label),
            )
            return
        if kind == "snapshot":
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            connection.execute("SELECT 1")
            time.sleep(self.chance.uniform(0, 0.01))
        # In one order, as df.signal_label has it, or they would wait for each other.
        for instance in sorted(self.chance.sample(self.instances, 3 if kind == "several" else 1)):
            data = self._next()
            connection.execute("SELECT df.signal(%s, 'go', %s)", (instance, data))
            connection.execute("INSERT INTO sent (instance, data) VALUES (%s, %s)", (instance, data))
            if kind == "several":
                time.sleep(self.chance.uniform(0, 0.03))

    def _next(self) -> str:
        self.number += 1
        return f"{self.name} {self.number}"


@contextmanager
def driving(database: Any) -> Iterator[list[int]]:
    """Drivers at work, of which one is killed now and then; yields the killed ones' process ids."""
    stopping = threading.Event()
    kills: list[int] = []

    def drive() -> None:
        while not stopping.is_set():
            try:
                database.drive(max_seconds=1)
            except psycopg.OperationalError:
                pass

    def kill() -> None:
        chance = random.Random(SEED)
        while not stopping.wait(chance.uniform(0, 2 * BETWEEN_KILLS_S)):
            at_work = database.query(
                # Of this test alone: others use the same server.
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND usename = 'alice'"
                " AND query LIKE 'CALL df.run%%' AND state = 'active'",
                role=SUPERUSER,
            )
            if at_work:
                (pid,) = chance.choice(at_work)
                database.query("SELECT pg_terminate_backend(%s)", pid, role=SUPERUSER)
                kills.append(pid)

    with ThreadPoolExecutor() as threads:
        tasks: list[Callable[[], None]] = [*[drive] * DRIVERS, kill]
        running = [threads.submit(task) for task in tasks]
        try:
            yield kills
        finally:
            stopping.set()
        for task in running:
            task.result(timeout=60)


def lists(database: Any, table: str) -> dict[str, list[str]]:
    """What each instance was sent, or has received, in order."""
    return dict(
        database.query(f"SELECT instance, array_agg(data ORDER BY place) FROM {table} GROUP BY instance")
    )


def in_pairs(values: list[str]) -> list[list[str]]:
    return [sorted(values[i : i + 2]) for i in range(0, len(values), 2)]


def listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
