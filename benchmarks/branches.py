"""Wide joins: what a branch costs, with more drivers and with more branches."""

from __future__ import annotations

from statistics import median

from benchmarks.report import Section
from benchmarks.server import BenchServer, Measured
from benchmarks.throughput import run_workflow

# The widest join that a workflow can have: it may have 10,000 nodes, and the join is one.
BRANCHES = (1_000, 9_999)
QUICK_BRANCHES = (10, 20)
DRIVERS = (1, 4, 8)
ROUNDS = 3


def wide(server: BenchServer, quick: bool) -> Section:
    """One instance of a join of that many branches, each a SELECT whose result the join keeps."""
    widths = QUICK_BRANCHES if quick else BRANCHES
    for width in widths:
        leaves = ", ".join(["$$SELECT 1 AS n$$"] * width)
        server.deploy(f"CREATE WORKFLOW wide_{width}() AS df.join({leaves});")
    runs: dict[tuple[int, int], list[Measured]] = {}
    with server.sessions(max(DRIVERS)) as sessions:
        for _ in range(1 if quick else ROUNDS):
            for width in widths:
                for drivers in DRIVERS:
                    run = run_workflow(server, sessions[:drivers], f"wide_{width}", 1)
                    runs.setdefault((width, drivers), []).append(run)
    rows = []
    for (width, drivers), found in sorted(runs.items()):
        seconds = median(run.seconds for run in found)
        cpu_us = median(run.cpu_s for run in found) / width * 1e6
        rows.append((width, drivers, seconds, width / seconds, cpu_us))
    return Section(
        "Wide joins",
        ("branches", "drivers", "seconds", "branches a second", "µs in the backends, a branch"),
        tuple(rows),
        f"Medians of {1 if quick else ROUNDS} interleaved runs of one instance.",
    )
