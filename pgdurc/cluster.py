"""A PostgreSQL data directory and its postmaster: make, start, stop, kill.

Knows nothing of workflows. The server listens on a socket in a directory that only its OS user can enter,
never on the network; that is what makes `trust` safe in its pg_hba.conf.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pgdurc.failure import Failure

SUPERUSER = "postgres"

# How long the processes of a dead postmaster may take to notice it before they are killed.
ORPHAN_GRACE_S = 3.0
START_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class Cluster:
    """`directory` holds `data` and `socket`. `os_user` runs the server (None: the user of this process)."""

    binaries: Path
    directory: Path
    os_user: str | None = None

    @property
    def data(self) -> Path:
        return self.directory / "data"

    @property
    def socket(self) -> Path:
        return self.directory / "socket"

    @property
    def log(self) -> Path:
        return self.data / "server.log"

    @property
    def exists(self) -> bool:
        return (self.data / "PG_VERSION").exists()

    def conninfo(self, user: str, database: str) -> str:
        from psycopg.conninfo import make_conninfo

        return make_conninfo(host=str(self.socket), port=5432, user=user, dbname=database)

    def initialize(self, settings: dict[str, str], locale: Sequence[str] = ("--locale=C.UTF-8",)) -> None:
        """Make the data directory, unless it is there; `settings` go to its postgresql.conf.

        It is made under another name and gets its own when it is whole, so that a process that is killed in
        the middle leaves nothing that could be started: without settings it would listen on 127.0.0.1.
        """
        with self.locked():
            for remains in self.directory.glob("making-*"):
                # An initdb that lost its parent may be at work there; what it leaves goes the next time.
                shutil.rmtree(remains, ignore_errors=True)
            if self.exists:
                return
            making = Path(tempfile.mkdtemp(prefix="making-", dir=self.directory))
            self.socket.mkdir(mode=0o700, exist_ok=True)
            for path in (making, self.socket):
                self._give_to_os_user(path)
            self._run(
                "initdb",
                "--pgdata", str(making),
                "--username", SUPERUSER,
                "--encoding=UTF8",
                *locale,
                "--auth-local=trust",
                "--auth-host=reject",
                "--no-instructions",
            )  # fmt: skip
            with (making / "postgresql.conf").open("a") as file:
                file.writelines(f"{name} = '{value}'\n" for name, value in (self._place | settings).items())
            making.rename(self.data)

    @property
    def _place(self) -> dict[str, str]:
        return {"listen_addresses": "", "unix_socket_directories": str(self.socket), "port": "5432"}

    @property
    def is_whole(self) -> bool:
        """Whether initdb and what is written after it came to their ends."""
        try:
            written = (self.data / "postgresql.conf").read_text(errors="replace")
        except OSError:
            return False
        return f"unix_socket_directories = '{self.socket}'" in written

    def remove(self) -> None:
        """Kill the server if it runs, and delete everything that it has."""
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)
        if self.directory.exists():  # a killed process may have written to the end
            shutil.rmtree(self.directory)

    def start(self) -> None:
        """Start the server unless it runs; what a killed one left behind is cleared away first."""
        with self.locked():
            if self.postmaster() is None:
                self._clear_remains()
                self._run(
                    "pg_ctl",
                    "start",
                    "-w",
                    "-t",
                    str(START_TIMEOUT_S),
                    "-D",
                    str(self.data),
                    "-l",
                    str(self.log),
                )

    def stop(self) -> None:
        with self.locked():
            if self.postmaster() is not None:
                self._run("pg_ctl", "stop", "-w", "-m", "fast", "-D", str(self.data))

    def kill(self) -> int:
        """SIGKILL the postmaster and every process of its; returns how many there were."""
        victims = self.processes()
        # The postmaster first: it would start a recovery when a child of its dies.
        victims.sort(key=lambda process: process.pid != self._recorded_pid())
        for victim in victims:
            _kill(victim)
        _wait_for_end(victims, timeout_s=5.0)
        return len(victims)

    def postmaster(self) -> int | None:
        """The pid of the running postmaster, else None."""
        pid = self._recorded_pid()
        return pid if pid is not None and any(process.pid == pid for process in self.processes()) else None

    @property
    def has_crashed(self) -> bool:
        """Whether the postmaster is dead without having stopped in order: that takes its pid file away."""
        return (self.data / "postmaster.pid").exists() and self.postmaster() is None

    def processes(self) -> list[Any]:
        """The live processes of this cluster (psutil.Process).

        Found by their working directory, which is the data directory for the postmaster and its children
        alike. A pid file proves nothing: after SIGKILL its number may belong to a stranger, or to a zombie
        that nobody reaps.
        """
        import psutil

        data = str(self.data.resolve())
        found = []
        for process in psutil.process_iter():
            try:
                if process.name().startswith("postgres") and process.cwd() == data:
                    found.append(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
                continue
        return found

    def _recorded_pid(self) -> int | None:
        try:
            return int((self.data / "postmaster.pid").read_text().splitlines()[0])
        except (OSError, ValueError, IndexError):
            return None

    def _clear_remains(self) -> None:
        """End the backends that outlived their postmaster, then drop its lock files.

        PostgreSQL refuses to start while they hold its shared memory, and while a process has the pid in such
        a file: a stranger, or the killed postmaster itself as a zombie that nobody has reaped.
        """
        orphans = self.processes()
        _wait_for_end(orphans, ORPHAN_GRACE_S)
        for orphan in self.processes():
            _kill(orphan)
        _wait_for_end(orphans, timeout_s=5.0)
        if not self.processes():
            for lock in (self.data / "postmaster.pid", self.socket / ".s.PGSQL.5432.lock"):
                lock.unlink(missing_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Two processes do not make, start or stop the server at once. Not to be nested."""
        with (self.directory / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _give_to_os_user(self, path: Path) -> None:
        if self.os_user is not None:
            import pwd

            entry = pwd.getpwnam(self.os_user)
            os.chown(path, entry.pw_uid, entry.pw_gid)

    def _run(self, program: str, *arguments: str) -> None:
        identity = as_os_user(self.os_user)
        # A file, not a pipe: the postmaster inherits it and would hold a pipe open for ever.
        with tempfile.TemporaryFile("w+") as output:
            code = subprocess.run(
                [str(self.binaries / program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                check=False,
                **identity,
            ).returncode
            if code == 0:
                return
            output.seek(0)
            said = output.read().strip()
        raise Failure(f"{program} failed in {self.directory}", detail=said + self._end_of_log())

    def _end_of_log(self) -> str:
        try:
            lines = self.log.read_text(errors="replace").splitlines()[-10:]
        except OSError:
            return ""
        return "\n" + "\n".join(lines)


def as_os_user(name: str | None) -> dict[str, Any]:
    """The arguments of subprocess that run a program as that user (None: as this process)."""
    if name is None:
        return {}
    import pwd

    entry = pwd.getpwnam(name)
    environment = {**os.environ, "HOME": "/", "USER": name}
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": [], "env": environment}


def _kill(process: Any) -> None:
    try:
        os.kill(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def _wait_for_end(processes: Sequence[Any], timeout_s: float) -> None:
    """Wait until none of them lives; a zombie does not."""
    import psutil

    deadline = time.monotonic() + timeout_s
    remaining = list(processes)
    while remaining and time.monotonic() < deadline:
        remaining = [p for p in remaining if _is_alive(p, psutil)]
        if remaining:
            time.sleep(0.01)


def _is_alive(process: Any, psutil: Any) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
