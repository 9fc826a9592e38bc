"""Steps a second beside a bare loop, what a step costs in CPU, and what it writes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from statistics import median
from typing import Any

import psycopg

from benchmarks.report import Section, cores
from benchmarks.server import RUNTIME_OWNER, BenchServer, Measured, side_by_side

STEPS = 10
DRIVERS = (1, 4, 8)
ROUNDS = 5

PLAIN = "CREATE WORKFLOW plain() AS {};".format(" ~> ".join(["$$SELECT 1$$"] * STEPS))

# Every step but the first reads the name that the step before it bound.
BINDING = "CREATE WORKFLOW binding() AS {};".format(
    " ~> ".join(
        ["$$SELECT 1 AS n$$ |=> n1"]
        + [f"$$SELECT $n{number} + 1 AS n$$ |=> n{number + 1}" for number in range(1, STEPS)]
    )
)

BARE = """
    CREATE TABLE IF NOT EXISTS bare (n bigint);
    CREATE OR REPLACE PROCEDURE bare(rows int)
    LANGUAGE plpgsql
    AS $$
    BEGIN
        FOR i IN 1 .. rows LOOP
            INSERT INTO bare VALUES (i);
            COMMIT;
        END LOOP;
    END
    $$;
"""

# Of these each driver works some seconds, and no longer than a CALL of df.run lasts.
INSTANCES_A_RUN = 800
QUICK_INSTANCES_A_RUN = 10
# Each ends after a minute.
MAX_CALLS = 10


def deploy(server: BenchServer) -> None:
    server.query(BARE)
    server.deploy(PLAIN)
    server.deploy(BINDING)


def run_workflow(
    server: BenchServer, sessions: Sequence[psycopg.Connection[Any]], name: str, instances: int, left: int = 0
) -> Measured:
    """Start that many instances, then measure how long the drivers take for all of their steps.

    `left`: how many other instances there are that do not end.
    """
    server.query(f"SELECT {name}() FROM generate_series(1, %s)", instances)
    measured = Measured(0, 0)
    for _ in range(MAX_CALLS):
        measured += side_by_side(sessions, "CALL df.run(0, NULL)")
        open_count = server.query("SELECT count(*) FROM df.instances WHERE status <> 'completed'")[0][0]
        if open_count == left:
            return measured
    raise AssertionError(f"{open_count - left} instances are not completed")


def run_bare(sessions: Sequence[psycopg.Connection[Any]], commits: int) -> Measured:
    return side_by_side(sessions, f"CALL bare({commits // len(sessions)})")


def measure(server: BenchServer, quick: bool, *, is_durable: bool) -> dict[tuple[str, int], list[Measured]]:
    """Every contender at every number of sessions in each round, so that a bad moment hits all of them."""
    deploy(server)
    instances = QUICK_INSTANCES_A_RUN if quick else INSTANCES_A_RUN
    found: dict[tuple[str, int], list[Measured]] = defaultdict(list)
    with server.sessions(max(DRIVERS), is_durable=is_durable) as sessions:
        for name in ("plain", "binding"):
            run_workflow(server, sessions, name, QUICK_INSTANCES_A_RUN * len(sessions))
        for _ in range(1 if quick else ROUNDS):
            for drivers in DRIVERS:
                some = sessions[:drivers]
                found["bare", drivers].append(run_bare(some, instances * STEPS))
                found["plain", drivers].append(run_workflow(server, some, "plain", instances))
                found["binding", drivers].append(run_workflow(server, some, "binding", instances))
    return found


def steps(server: BenchServer, quick: bool) -> Section:
    found = measure(server, quick, is_durable=True)
    count = (QUICK_INSTANCES_A_RUN if quick else INSTANCES_A_RUN) * STEPS
    rows = []
    for drivers in DRIVERS:
        rate = {
            name: median(count / run.seconds for run in found[name, drivers])
            for name in ("bare", "plain", "binding")
        }
        rows.append(
            (
                drivers,
                rate["bare"],
                rate["plain"],
                rate["plain"] / rate["bare"],
                rate["binding"],
                rate["binding"] / rate["bare"],
            )
        )
    return Section(
        "Steps a second",
        ("drivers", "bare INSERT; COMMIT", "steps", "of bare", "steps that bind and read", "of bare"),
        tuple(rows),
        f"Workflows of {STEPS} steps of SELECT 1; medians of {len(found['bare', 1])} interleaved runs of"
        f" {count:,} steps.",
    )


def cpu(server: BenchServer, quick: bool) -> Section:
    """With synchronous_commit off nobody waits for a disk, and time is CPU time."""
    found = measure(server, quick, is_durable=False)
    count = (QUICK_INSTANCES_A_RUN if quick else INSTANCES_A_RUN) * STEPS
    rows = []
    for drivers in DRIVERS:
        cells: list[Any] = [drivers]
        for name in ("bare", "plain", "binding"):
            runs = found[name, drivers]
            cells.append(median(count / run.seconds for run in runs))
            cells.append(median(min(cores(), drivers) * run.seconds / count for run in runs) * 1e6)
            cells.append(median(run.cpu_s / count for run in runs) * 1e6)
        rows.append(tuple(cells))
    return Section(
        "CPU a step, with synchronous_commit off",
        (
            "drivers",
            *("bare a second", "µs of a core", "µs in the backend"),
            *("steps a second", "µs of a core ", "µs in the backend "),
            *("binding steps a second", "µs of a core  ", "µs in the backend  "),
        ),
        tuple(rows),
        "µs of a core: the cores that the drivers can use x time / steps, so that what other processes of the"
        " server do is in it. µs in the backend: what the drivers' own processes used.",
    )


def writes(server: BenchServer, quick: bool) -> Section:
    deploy(server)
    instances = QUICK_INSTANCES_A_RUN if quick else 100
    rows: list[tuple[Any, ...]] = []
    for name in ("plain", "binding"):
        with server.connect() as starter, server.connect() as driver:
            starter.execute(f"SELECT {name}() FROM generate_series(1, {instances})".encode())
            flush_statistics(starter)
            before, multixacts_before = written(server), multixacts(server)
            driver.execute("CALL df.run(0, NULL)")
            flush_statistics(driver)
            after = written(server)
            rows.append(
                (name, "multixacts", (multixacts(server) - multixacts_before) / (instances * STEPS), 0, 0)
            )
        for table in sorted(after):
            grown = [new - old for new, old in zip(after[table], before.get(table, (0, 0, 0)), strict=True)]
            if any(grown):
                rows.append((name, table, *(count / (instances * STEPS) for count in grown)))
    return Section(
        "Rows written a step",
        ("workflow", "table", "inserted", "updated", "of which HOT"),
        tuple(rows),
        f"From pg_stat_all_tables, over {instances} instances of {STEPS} steps."
        f" What is written once an instance shows as {1 / STEPS}.",
    )


def flush_statistics(session: psycopg.Connection[Any]) -> None:
    """They are flushed when a session goes idle, and before that at most once a second."""
    session.execute("SELECT pg_stat_force_next_flush()")


def multixacts(server: BenchServer) -> int:
    """How many the server has made. One comes to be where two transactions lock or update one row."""
    (age,) = server.query("SELECT mxid_age('1')", role=RUNTIME_OWNER)[0]
    return int(age)


def written(server: BenchServer) -> dict[str, tuple[int, int, int]]:
    rows = server.query(
        """
        SELECT s.relname, s.n_tup_ins, s.n_tup_upd, s.n_tup_hot_upd
        FROM pg_stat_all_tables AS s
        WHERE s.schemaname = 'df'
        """,
        role=RUNTIME_OWNER,
    )
    return {name: (inserted, updated, hot) for name, inserted, updated, hot in rows}
