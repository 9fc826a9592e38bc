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
LINGER_S = {1_000: 2, 9_999: 10}
QUICK_LINGER_S = 2
ROUNDS = {1_000: 15, 9_999: 4}


def wide(server: BenchServer, quick: bool) -> Section:
    """One instance of a join of so many branches, which keeps the row of each. `same`: all have one text."""
    widths = QUICK_BRANCHES if quick else BRANCHES
    joins = {}
    for width in widths:
        for kind, leaf in (("same", "SELECT 1 AS n"), ("other", "SELECT {} AS n")):
            name = f"wide_{kind}_{width}"
            leaves = ", ".join(f"$${leaf.format(n)}$$" for n in range(width))
            server.deploy(f"CREATE WORKFLOW {name}() AS df.join({leaves});")
            joins[name] = (width, kind)
    runs: dict[tuple[str, int], list[float]] = {}
    with server.sessions(max(DRIVERS)) as sessions:
        for turn in range(max(ROUNDS.values())):
            for name, (width, _kind) in joins.items():
                if turn >= ROUNDS.get(width, 1):
                    continue
                for drivers in DRIVERS:
                    seconds = run_wide(server, sessions[:drivers], name, LINGER_S.get(width, QUICK_LINGER_S))
                    runs.setdefault((name, drivers), []).append(seconds)
    rounds = " and ".join(str(ROUNDS.get(width, 1)) for width in widths)
    rows = []
    for name, (width, kind) in joins.items():
        fewest, fewer, most = (runs[name, drivers] for drivers in DRIVERS)
        beside = median(more / less for more, less in zip(most, fewer, strict=True))
        rows.append((width, kind, median(fewest), median(fewer), median(most), beside))
    return Section(
        "Wide joins",
        ("branches", "their texts", *(f"{n} drivers, s" for n in DRIVERS), "8 beside 4"),
        tuple(rows),
        f"Medians of {rounds} interleaved runs of one instance; the last column is that of their ratios.",
    )


def run_wide(
    server: BenchServer, sessions: Sequence[psycopg.Connection[Any]], workflow: str, linger_s: float
) -> float:
    """Seconds from the first step to the end. The drivers linger: with nothing due they would end at once."""
    (instance,) = server.query(f"SELECT {workflow}()")[0]
    side_by_side(sessions, f"CALL df.run({linger_s}, NULL)")
    (seconds,) = server.query(
        "SELECT extract(epoch FROM ended_at - started_at)::double precision FROM df.instances WHERE id = %s",
        instance,
    )[0]
    assert seconds is not None, f"{workflow} was not done in {linger_s} s"
    return float(seconds)
