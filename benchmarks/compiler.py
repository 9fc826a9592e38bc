"""The command line and the compiler, each time as a whole process."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.report import Section
from benchmarks.server import BenchServer

ROOT = Path(__file__).resolve().parents[1]

NODES = (50, 1_000, 5_000, 10_000)
QUICK_NODES = (50,)


def command(_server: BenchServer | None, quick: bool) -> Section:
    runs = 2 if quick else 15
    seconds = [process_seconds("--help") for _ in range(runs)]
    return Section(
        "pgdurc --help",
        ("runs", "median, s", "longest, s"),
        ((runs, median(seconds), max(seconds)),),
    )


def compile_time(_server: BenchServer | None, quick: bool) -> Section:
    rows = []
    with tempfile.TemporaryDirectory() as directory:
        for nodes in QUICK_NODES if quick else NODES:
            file = Path(directory) / f"nodes_{nodes}.pgd"
            file.write_text(source(nodes))
            runs = 1 if quick else 5 if nodes <= 1_000 else 3
            seconds = median(process_seconds("compile", str(file)) for _ in range(runs))
            rows.append((nodes, seconds, 1e6 * seconds / nodes))
    return Section(
        "pgdurc compile, the whole process",
        ("nodes", "median, s", "µs a node"),
        tuple(rows),
        "Half of the nodes bind a name that the next one reads.",
    )


def source(nodes: int) -> str:
    """A workflow of that many SQL leaves."""
    leaves = []
    for number in range(nodes):
        if number % 2 == 0:
            leaves.append(
                f"$$SELECT id, content FROM documents WHERE id > {number} LIMIT 1$$ |=> row_{number}"
            )
        else:
            leaves.append(f"$$UPDATE documents SET seen = now() WHERE id = $row_{number - 1}.id?$$")
    body = "\n ~> ".join(leaves)
    return f"CREATE WORKFLOW many() AS\n    {body};\n"


def process_seconds(*arguments: str) -> float:
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "pgdurc", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        check=False,
    )
    seconds = time.perf_counter() - began
    assert done.returncode == 0, done.stderr.decode()
    return seconds
