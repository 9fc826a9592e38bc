"""How soon after the commit of a cancel, or of a race's end, a running statement has been interrupted."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

import psycopg

from benchmarks.latency import keep_commit_times, worker
from benchmarks.report import Section
from benchmarks.server import RUNTIME_OWNER, BenchServer

DRIVERS = 8
ROUNDS = 40
QUICK_ROUNDS = 1
DEADLINE_S = 60

LONG = "$$SELECT pg_sleep(600)$$"
# All drivers are at work on one instance; of the race one ends while the others run.
ALL_RUN = f"CREATE WORKFLOW all_run() AS df.join({', '.join([LONG] * DRIVERS)});"
# At no fixed time between two looks of the watchdog.
SHORT = "$$SELECT pg_sleep(1 + random() / 2)$$"
ONE_WINS = f"CREATE WORKFLOW one_wins() AS df.race({', '.join([LONG] * (DRIVERS - 1) + [SHORT])});"

# From the commit of what stops it to the commit of what the driver writes when its statement has ended: both
# of rows that are never updated.
TIMES = """
    SELECT count(*), percentile_cont(ARRAY[0.5, 0.99, 1]) WITHIN GROUP (
        ORDER BY 1000 * extract(epoch FROM ended - stopped))
    FROM (
        SELECT pg_xact_commit_timestamp(stop.xmin) AS stopped, pg_xact_commit_timestamp(r.xmin) AS ended
        FROM df.task AS t
        JOIN df.step_run AS r ON r.task_id = t.id AND r.outcome = 'cancelled'
        JOIN ({stops}) AS stop ON stop.instance_id = t.instance_id
        WHERE t.instance_id = ANY (%s)
    ) AS interrupted
"""
CANCELS = "SELECT q.instance_id, q.xmin FROM df.request AS q WHERE q.kind = 'cancel'"
WINNERS = """
    SELECT w.instance_id, s.xmin
    FROM df.task AS w
    JOIN df.step_run AS s ON s.task_id = w.id AND s.outcome = 'ok'
    WHERE w.race_id IS NOT NULL AND w.status = 'done'
"""


def interrupt(server: BenchServer, quick: bool) -> Section:
    keep_commit_times(server)
    server.deploy(ALL_RUN)
    server.deploy(ONE_WINS)
    rounds = QUICK_ROUNDS if quick else ROUNDS
    rows = []
    with worker(server, DRIVERS), server.connect() as client:
        for title, name, stops, at_work, stop in (
            ("a cancel", "all_run", CANCELS, DRIVERS, cancel),
            ("a lost race", "one_wins", WINNERS, DRIVERS - 1, wait_for_the_winner),
        ):
            instances = [stop_one(server, client, name, at_work, stop) for _ in range(rounds)]
            (found,) = server.query(TIMES.format(stops=stops), instances, role=RUNTIME_OWNER)
            rows.append((title, *found[:1], *found[1]))
    return Section(
        "From the commit of a stop to the end of the statements that it interrupts",
        ("", "statements", "p50, ms", "p99, ms", "longest, ms"),
        tuple(rows),
        f"With `pgdurc worker --drivers {DRIVERS}`, all of them at work on one instance; its watchdog looks"
        " twice a second. The aim is a p99 of 2,000 ms.",
    )


def stop_one(
    server: BenchServer,
    client: psycopg.Connection[Any],
    name: str,
    at_work: int,
    stop: Callable[[psycopg.Connection[Any], str], None],
) -> str:
    """An instance that was stopped while so many of its statements ran and that they have ended of."""
    row = client.execute(f"SELECT {name}()".encode()).fetchone()
    assert row is not None
    instance = str(row[0])
    until(
        client,
        "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE %s AND wait_event = 'PgSleep'",
        f"pgdurc {instance} %",
        at_work,
    )
    stop(client, instance)
    with server.connect(RUNTIME_OWNER) as owner:
        until(
            owner,
            "SELECT count(*) FROM df.step_run AS r JOIN df.task AS t ON t.id = r.task_id"
            " WHERE r.outcome = 'cancelled' AND t.instance_id = %s",
            instance,
            at_work,
        )
    return instance


def cancel(client: psycopg.Connection[Any], instance: str) -> None:
    time.sleep(random.uniform(0, 0.5))
    client.execute("SELECT df.cancel(%s)", (instance,))


def wait_for_the_winner(client: psycopg.Connection[Any], instance: str) -> None:
    client.execute("SELECT df.await_instance(%s)", (instance,))


def until(connection: psycopg.Connection[Any], statement: str, parameter: str, count: int) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while True:
        row = connection.execute(statement.encode(), (parameter,)).fetchone()
        if row is not None and row[0] >= count:
            return
        assert time.monotonic() < deadline, f"{row} of {count}: {statement}"
        time.sleep(0.01)
