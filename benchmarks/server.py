"""A PostgreSQL of the benchmark's own, as durable as PostgreSQL comes, and sessions on it side by side."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg

from pgdurc.cluster import SUPERUSER, Cluster
from pgdurc.compile import compile_text
from pgdurc.embedded import bundled_server
from pgdurc.runtime import runtime_script

DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")

RUNTIME_OWNER = "dfowner"
OWNER = "alice"
DATABASE = "bench"

# Everything else is PostgreSQL's default: fsync, synchronous_commit, full_page_writes, autovacuum.
SETTINGS = {"shared_buffers": "512MB", "max_connections": "60", "log_min_messages": "warning"}

CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class BenchServer:
    cluster: Cluster
    version: str
    database: str = DATABASE

    def conninfo(self, role: str = OWNER) -> str:
        return self.cluster.conninfo(role, self.database)

    @contextmanager
    def copy(self, name: str) -> Iterator[BenchServer]:
        """The same server with a copy of the database, for a while; nobody is connected to that one."""
        with psycopg.connect(self.cluster.conninfo(SUPERUSER, "postgres"), autocommit=True) as connection:
            connection.execute(
                f"CREATE DATABASE {name} TEMPLATE {self.database} OWNER {RUNTIME_OWNER}".encode()
            )
            yield replace(self, database=name)
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())

    def connect(self, role: str = OWNER) -> psycopg.Connection[Any]:
        return psycopg.connect(self.conninfo(role), autocommit=True, prepare_threshold=None)

    def query(self, statement: str, *parameters: Any, role: str = OWNER) -> list[tuple[Any, ...]]:
        with self.connect(role) as connection:
            cursor = connection.execute(statement.encode(), parameters or None)
            return cursor.fetchall() if cursor.description else []

    def deploy(self, script: str) -> None:
        compiled = compile_text(script, file="bench.pgd")
        assert not compiled.has_errors, compiled.diagnostics
        with self.connect() as connection, connection.transaction():
            connection.execute(compiled.sql.encode())

    @contextmanager
    def sessions(self, count: int, *, is_durable: bool = True) -> Iterator[list[psycopg.Connection[Any]]]:
        """`count` sessions of the owner; not durable: with synchronous_commit off, set by its role."""
        with ExitStack() as stack:
            if not is_durable:
                self.query(f"ALTER ROLE {OWNER} SET synchronous_commit = off", role=SUPERUSER)
            opened = [stack.enter_context(self.connect()) for _ in range(count)]
            self.query(f"ALTER ROLE {OWNER} RESET synchronous_commit", role=SUPERUSER)
            yield opened


@dataclass(frozen=True)
class Measured:
    """`seconds`: by the clock, until the last session is done; `cpu_s`: of all their backends together."""

    seconds: float
    cpu_s: float

    def __add__(self, other: Measured) -> Measured:
        return Measured(self.seconds + other.seconds, self.cpu_s + other.cpu_s)


def side_by_side(sessions: Sequence[psycopg.Connection[Any]], statement: str) -> Measured:
    """Run one statement in every session, all at once."""
    barrier = threading.Barrier(len(sessions) + 1)
    errors: list[BaseException] = []

    def work(session: psycopg.Connection[Any]) -> None:
        barrier.wait()
        try:
            session.execute(statement.encode())
        except psycopg.Error as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(session,)) for session in sessions]
    for thread in threads:
        thread.start()
    cpu_before = cpu_seconds(sessions)
    barrier.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began
    if errors:
        raise errors[0]
    return Measured(seconds, cpu_seconds(sessions) - cpu_before)


def cpu_seconds(sessions: Sequence[psycopg.Connection[Any]]) -> float:
    """User and system time that the sessions' backends have used."""
    return sum(process_cpu_seconds(session.info.backend_pid) for session in sessions)


def process_cpu_seconds(pid: int) -> float:
    # The second field is a name in parentheses, which may hold anything.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


@contextmanager
def bench_server(*, is_needed: bool) -> Iterator[BenchServer | None]:
    """Debian's PostgreSQL 15 where there is one, else the embedded 18; removed at the end."""
    if not is_needed:
        yield None
        return
    directory = Path(tempfile.mkdtemp(prefix="pgdurc-bench-", dir="/var/tmp"))
    directory.chmod(0o711)
    if (DEBIAN_15 / "postgres").exists():
        cluster = Cluster(DEBIAN_15, directory, "postgres" if os.geteuid() == 0 else None)
    else:
        binaries, os_user = bundled_server()
        cluster = Cluster(binaries, directory, os_user)
    try:
        cluster.initialize(SETTINGS)
        cluster.start()
        yield provisioned(cluster)
    finally:
        cluster.kill()
        shutil.rmtree(directory, ignore_errors=True)


def provisioned(cluster: Cluster) -> BenchServer:
    with psycopg.connect(cluster.conninfo(SUPERUSER, "postgres"), autocommit=True) as connection:
        for role in (RUNTIME_OWNER, OWNER):
            connection.execute(f"CREATE ROLE {role} LOGIN")
        connection.execute(f"CREATE DATABASE {DATABASE} OWNER {RUNTIME_OWNER}")
        version = connection.execute("SHOW server_version").fetchone()
    assert version is not None
    server = BenchServer(cluster, str(version[0]).split()[0])
    server.query(f"GRANT ALL ON SCHEMA public TO {OWNER}", role=SUPERUSER)
    with server.connect(RUNTIME_OWNER) as connection:
        connection.execute(runtime_script().encode())
        connection.execute("SELECT df.grant_usage(%s)", (OWNER,))
    return server
