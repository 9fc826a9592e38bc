"""Wide joins: what a branch costs, with more drivers and with more branches."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

import psycopg

from benchmarks.report import Section
from benchmarks.server import BenchServer, side_by_side

# The widest join that a workflow can have: it may have 10,000 nodes, and the join is one.
BRANCHES = (1_000, 9_999)
QUICK_BRANCHES = (10, 20)
DRIVERS = (1, 4, 8)
# How long the drivers look for something to do; longer than it takes.
LINGER_S = {1_000: 5, 9_999: 30}
QUICK_LINGER_S = 2
ROUNDS = 3


def wide(server: BenchServer, quick: bool) -> Section:
    """One instance of a join of that many branches, each a SELECT whose result the join keeps."""
    widths = QUICK_BRANCHES if quick else BRANCHES
    for width in widths:
        leaves = ", ".join(["$$SELECT 1 AS n$$"] * width)
        server.deploy(f"CREATE WORKFLOW wide_{width}() AS df.join({leaves});")
    runs: dict[tuple[int, int], list[float]] = {}
    with server.sessions(max(DRIVERS)) as sessions:
        for _ in range(1 if quick else ROUNDS):
            for width in widths:
                for drivers in DRIVERS:
                    seconds = run_wide(
                        server, sessions[:drivers], width, QUICK_LINGER_S if quick else LINGER_S[width]
                    )
                    runs.setdefault((width, drivers), []).append(seconds)
    rows = []
    for (width, drivers), found in sorted(runs.items()):
        seconds = median(found)
        rows.append((width, drivers, seconds, width / seconds))
    return Section(
        "Wide joins",
        ("branches", "drivers", "seconds", "branches a second"),
        tuple(rows),
        f"Medians of {1 if quick else ROUNDS} interleaved runs of one instance.",
    )


def run_wide(
    server: BenchServer, sessions: Sequence[psycopg.Connection[Any]], width: int, linger_s: float
) -> float:
    """Seconds from the first step to the end. The drivers linger: with nothing due they would end at once."""
    (instance,) = server.query(f"SELECT wide_{width}()")[0]
    side_by_side(sessions, f"CALL df.run({linger_s}, NULL)")
    (seconds,) = server.query(
        "SELECT extract(epoch FROM ended_at - started_at)::double precision FROM df.instances WHERE id = %s",
        instance,
    )[0]
    assert seconds is not None, f"{width} branches were not done in {linger_s} s"
    return float(seconds)
