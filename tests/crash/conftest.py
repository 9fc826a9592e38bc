"""A server, a database and workers that may be killed at any instant, and are brought back."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import pytest

from pgdurc.cluster import SUPERUSER, Cluster
from pgdurc.compile import compile_text
from pgdurc.embedded import bundled_server
from pgdurc.runtime import runtime_script
from tests.conftest import named_binaries

HERE = Path(__file__).resolve().parent
DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")

RUNTIME_OWNER = "dfowner"
OWNER = "alice"
DATABASE = "crash"

# Processes are killed here, not machines: what was written is in the kernel's cache, whatever fsync says.
# A short deadlock_timeout, for deadlocks are meant to happen.
SETTINGS = {
    "fsync": "off",
    "shared_buffers": "64MB",
    "max_connections": "200",
    "deadlock_timeout": "50ms",
    "log_min_messages": "warning",
}

# How long the server may be away, recovery included, before the test gives up on it.
PATIENCE_S = 60.0

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class CrashServer:
    """Every query goes through a new connection, and again until it is answered: say only what may be said twice."""

    cluster: Cluster

    def conninfo(self, role: str = OWNER) -> str:
        return f"{self.cluster.conninfo(role, DATABASE)} application_name=crash_test"

    def query(self, statement: str, *parameters: Any, role: str = SUPERUSER) -> list[tuple[Any, ...]]:
        def ask() -> list[tuple[Any, ...]]:
            with psycopg.connect(self.conninfo(role), autocommit=True, connect_timeout=10) as connection:
                return connection.execute(statement.encode(), parameters or None).fetchall()

        return persistently(ask)

    def value(self, statement: str, *parameters: Any, role: str = SUPERUSER) -> Any:
        return self.query(statement, *parameters, role=role)[0][0]

    def driving_backends(self) -> list[Any]:
        """Backends of drivers, as PostgreSQL names them: "postgres: alice crash [local] CALL"."""
        return [process for process in self.cluster.processes() if is_driving(process)]


@dataclass
class Workers:
    """`count` processes of `pgdurc worker`; one that has ended is started anew, as a service manager would."""

    conninfo: str
    count: int
    drivers: int
    log: Path
    started: int = 0
    _processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def supervise(self) -> None:
        self._processes = [process for process in self._processes if process.poll() is None]
        while len(self._processes) < self.count:
            self._processes.append(self._start())

    def kill_one(self, chance: random.Random) -> None:
        victim = chance.choice(self._processes)
        victim.send_signal(signal.SIGKILL)
        victim.wait()

    def stop(self) -> list[int]:
        """SIGTERM to all that live; their exit codes."""
        living = [process for process in self._processes if process.poll() is None]
        for process in living:
            process.send_signal(signal.SIGTERM)
        return [process.wait(timeout=30) for process in living]

    def kill(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        self.started += 1
        command = [
            sys.executable,
            "-m",
            "pgdurc",
            "worker",
            "--drivers",
            str(self.drivers),
            "--db",
            self.conninfo,
        ]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=HERE.parents[1]
            )


@pytest.fixture
def crash_server() -> Iterator[CrashServer]:
    directory = Path(os.environ["PGDURC_TEST_DIRECTORY"]) / "crash"
    directory.mkdir(mode=0o711)
    cluster = make_cluster(directory)
    try:
        cluster.start()
        server = CrashServer(cluster)
        provision(cluster)
        yield server
    finally:
        cluster.kill()


@pytest.fixture
def workers(crash_server: CrashServer, tmp_path: Path) -> Iterator[Workers]:
    made = Workers(crash_server.conninfo(), count=3, drivers=2, log=tmp_path / "workers.log")
    try:
        yield made
    finally:
        made.kill()


def make_cluster(directory: Path) -> Cluster:
    """Debian's PostgreSQL 15 where there is one, else the embedded 18; or the one that the run is given."""
    if named := named_binaries():
        cluster = Cluster(named[0], directory, named[1])
    elif (DEBIAN_15 / "postgres").exists():
        cluster = Cluster(DEBIAN_15, directory, "postgres" if os.geteuid() == 0 else None)
    else:
        cluster = Cluster(bundled_server()[0], directory, bundled_server()[1])
    cluster.initialize(SETTINGS)
    return cluster


def provision(cluster: Cluster) -> None:
    def connect(role: str, database: str) -> psycopg.Connection[Any]:
        return psycopg.connect(cluster.conninfo(role, database), autocommit=True, prepare_threshold=None)

    with connect(SUPERUSER, "postgres") as connection:
        for role in (RUNTIME_OWNER, OWNER):
            connection.execute(f"CREATE ROLE {role} LOGIN")
        connection.execute(f"CREATE DATABASE {DATABASE} OWNER {RUNTIME_OWNER}")
    with connect(RUNTIME_OWNER, DATABASE) as connection:
        connection.execute(runtime_script())
        connection.execute("SELECT df.grant_usage(%s)", (OWNER,))
        connection.execute(f"GRANT CREATE ON DATABASE {DATABASE} TO {OWNER}")
    with connect(SUPERUSER, DATABASE) as connection:
        connection.execute(f"GRANT ALL ON SCHEMA public TO {OWNER}")
    compiled = compile_text((HERE / "workflows.pgd").read_text(), file="workflows.pgd")
    assert not compiled.has_errors, compiled.diagnostics
    with connect(OWNER, DATABASE) as connection, connection.transaction():
        connection.execute((HERE / "setup.sql").read_text())
        connection.execute(compiled.sql)


def is_driving(process: Any) -> bool:
    import psutil

    try:
        title = " ".join(process.cmdline())
    except psutil.Error:
        return False
    return title.startswith(f"postgres: {OWNER} {DATABASE} ") and "CALL" in title


def persistently(ask: Callable[[], Answer]) -> Answer:
    """Ask again while the server is away or has thrown us out."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return ask()
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
