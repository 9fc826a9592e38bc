"""Chooses the sections, runs each on one server, prints what they found."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable

from benchmarks import branches, compiler, growth, interrupt, latency, throughput
from benchmarks.report import Section, machine
from benchmarks.server import BenchServer, bench_server
from pgdurc.failure import Failure

SECTIONS: dict[str, Callable[[BenchServer, bool], Section]] = {
    "steps": throughput.steps,
    "cpu": throughput.cpu,
    "writes": throughput.writes,
    "snapshot": growth.snapshot,
    "wide": branches.wide,
    "crowd": growth.crowd,
    "latency": latency.latency,
    "interrupt": interrupt.interrupt,
    "parked": growth.parked,
    "command": compiler.command,
    "compile": compiler.compile_time,
}

# These need no database.
SERVERLESS = {"command", "compile"}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"of: {', '.join(SECTIONS)}")
    parser.add_argument("--quick", action="store_true", help="so little work that the figures mean nothing")
    parser.add_argument(
        "--json", action="store_true", dest="as_json", help="write JSON, for a program to read"
    )
    options = parser.parse_args(arguments)
    if unknown := set(options.sections) - set(SECTIONS):
        parser.error(f"unknown section: {', '.join(sorted(unknown))}; there are: {', '.join(SECTIONS)}")
    chosen = options.sections or list(SECTIONS)
    found = []
    with bench_server(is_needed=not set(chosen) <= SERVERLESS) as server:
        about = machine(server.version if server else None)
        if not options.as_json:
            print(about, end="\n\n", flush=True)
        for name in chosen:
            print(f"{name} ...", file=sys.stderr, flush=True)
            section = SECTIONS[name](server, options.quick)
            found.append(section)
            if not options.as_json:
                print(section.markdown(), flush=True)
    if options.as_json:
        print(json.dumps({"machine": about, "sections": [section.as_dict() for section in found]}, indent=2))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        print(f"error: {failure.message}", file=sys.stderr)
        sys.exit(1)
