"""How soon a waiting worker has done the first step of what was just started."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.report import Section
from benchmarks.server import RUNTIME_OWNER, BenchServer
from benchmarks.throughput import deploy, run_workflow
from pgdurc.cluster import SUPERUSER

STARTS = 200
QUICK_STARTS = 3

BURST = 10_000
QUICK_BURST = 10

# Between two starts, so that all drivers wait again.
PAUSE_S = 0.03

ROOT = Path(__file__).resolve().parents[1]


def latency(server: BenchServer, quick: bool) -> Section:
    """Beside what a burst of work leaves in the index until it is vacuumed, and without it."""
    deploy(server)
    keep_commit_times(server)
    starts = QUICK_STARTS if quick else STARTS
    burst = QUICK_BURST if quick else BURST
    server.query("VACUUM df.task", role=RUNTIME_OWNER)
    rows = [("at rest", starts, *start_latency(server, starts))]
    server.query("ALTER TABLE df.task SET (autovacuum_enabled = off)", role=RUNTIME_OWNER)
    with server.sessions(2, is_durable=False) as sessions:
        run_workflow(server, sessions, "plain", burst)
    rows.append((f"after {burst:,} instances, before vacuum", starts, *start_latency(server, starts)))
    server.query("ALTER TABLE df.task RESET (autovacuum_enabled)", role=RUNTIME_OWNER)
    return Section(
        "From a committed start to its first committed step",
        ("", "starts", "p50, ms", "p95, ms", "longest, ms"),
        tuple(rows),
        "With `pgdurc worker --drivers 2` waiting; times of the commits, by track_commit_timestamp.",
    )


def start_latency(server: BenchServer, starts: int) -> tuple[float, float, float]:
    """p50, p95 and the longest, in ms."""
    with worker(server), server.connect() as client:
        for _ in range(2):
            # Once or twice, so that plans and caches are there.
            start(client)
        first = server.query("SELECT max(id) FROM df.task", role=RUNTIME_OWNER)[0][0]
        for _ in range(starts):
            start(client)
    # A row of df.request is never updated: it was written by the start.
    (found,) = server.query(
        """
        SELECT percentile_cont(ARRAY[0.5, 0.95, 1]) WITHIN GROUP (
            ORDER BY 1000 * extract(epoch FROM ran - started))
        FROM (
            SELECT pg_xact_commit_timestamp(q.xmin) AS started, pg_xact_commit_timestamp(r.xmin) AS ran
            FROM df.task AS t
            JOIN df.step_run AS r ON r.task_id = t.id AND r.seq = 1
            JOIN df.request AS q ON q.kind = 'start' AND q.answer = t.instance_id
            WHERE t.id > %s
        ) AS first_step
        """,
        first,
        role=RUNTIME_OWNER,
    )
    p50, p95, longest = found[0]
    return p50, p95, longest


def start(client: psycopg.Connection[Any]) -> None:
    """Start an instance, and let it end and the drivers wait again."""
    row = client.execute("SELECT plain()").fetchone()
    assert row is not None
    while client.execute("SELECT df.status(%s)", row).fetchone() != ("completed",):
        time.sleep(0.005)
    time.sleep(PAUSE_S)


def keep_commit_times(server: BenchServer) -> None:
    server.query("ALTER SYSTEM SET track_commit_timestamp = on", role=SUPERUSER)
    server.cluster.stop()
    server.cluster.start()


@contextmanager
def worker(server: BenchServer, drivers: int = 2) -> Iterator[None]:
    command = [sys.executable, "-m", "pgdurc", "worker", "--drivers", str(drivers), "--db", server.conninfo()]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, cwd=ROOT)
    try:
        assert process.stderr is not None
        # Its first line says that it drives.
        process.stderr.readline()
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
