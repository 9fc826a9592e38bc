"""The worker: N connections that run `CALL df.run`, one for timers, and those that listen, clean up, watch.

A driver calls df.run(0), which works until nothing is due and says when something will be; then it waits
until then, until a NOTIFY on the channel `pgdurc`, or for a few seconds as a safety net (a NOTIFY that came
while the listener was reconnecting is lost). All state is in the database: a worker may be killed at any
instant, and any number may run.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from pgdurc.database import Database, connect
from pgdurc.failure import Failure

if TYPE_CHECKING:
    import psycopg

CHANNEL = "pgdurc"

# Look again after this long even if nobody notified us.
SAFETY_NET_S = 5.0

# df.run ends by itself after a minute, or below the role's statement_timeout.
LONG_RUN_S = 0.5

RECONNECT_FIRST_S = 0.1
RECONNECT_LAST_S = 5.0

# Between two looks for instances whose retention is over.
CLEAN_UP_S = 60.0

# How often the watchdog looks: a stopped step is interrupted within two seconds.
WATCH_S = 0.5

# How often a thread that waits on a socket looks whether it shall stop.
LISTEN_TICK_S = 0.5

# At the end: what outlives a cancel is cancelled again, after it has had the time to record the first.
CANCEL_AGAIN_S = 5.0

# Its sessions are idle most of the time, and not the forgotten ones that an idle_session_timeout is for.
# Not an option of the connection, for poolers refuse what they do not know there; so it is set anew after
# each CALL, which ends with a RESET ALL.
STAY_CONNECTED = "SET idle_session_timeout = 0"

# What df.run does at its end, for this session.
CLOSE_DRIVER = """
    SELECT df.close_driver_v1(d.id)
    FROM df.driver AS d
    WHERE d.pid = pg_catalog.pg_backend_pid() AND d.closed_at IS NULL AND d.died_at IS NULL
"""

Log = Callable[[str, str, dict[str, Any]], None]


def _no_log(_level: str, _message: str, _fields: dict[str, Any]) -> None:
    """Says nothing."""


class Bell:
    """Wakes all drivers. Counts its rings, so that one between a look and the wait after it is not missed."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._rings = 0

    @property
    def rings(self) -> int:
        return self._rings

    def ring(self) -> None:
        with self._condition:
            self._rings += 1
            self._condition.notify_all()

    def wait_beyond(self, rings: int, timeout_s: float) -> bool:
        """Wait until it has rung more often than `rings`; False when the time is up first."""
        with self._condition:
            return self._condition.wait_for(lambda: self._rings > rings, timeout_s)


@dataclass
class Worker:
    """Start it, stop it; in between its threads run the workflows of the connecting role."""

    database: Database
    drivers: int
    log: Log = field(default=_no_log)
    _bell: Bell = field(default_factory=Bell)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _hurrying: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)
    _running: dict[int, psycopg.Connection[Any]] = field(default_factory=dict)

    def start(self) -> None:
        for number in range(1, self.drivers + 1):
            self._spawn(f"driver-{number}", self._keep_connected, self._drive, number)
        self._spawn("timers", self._keep_connected, self._keep_time, self.drivers + 1)
        self._spawn("listener", self._keep_connected, self._listen, 0)
        self._spawn("janitor", self._keep_connected, self._clean_up, 0)
        self._spawn("watchdog", self._keep_connected, self._watch, 0)

    def stop(self, grace_s: float = 10.0) -> None:
        """End after the running steps; what runs after `grace_s` is cancelled, which costs it no attempt."""
        self.ask_to_stop()
        deadline = time.monotonic() + grace_s
        while self._is_alive() and time.monotonic() < deadline and not self._hurrying.is_set():
            self._join(0.05)
        # A long queue keeps df.run busy for up to a minute, and a step may take hours.
        while self._is_alive():
            for connection in list(self._running.values()):
                self._cancel(connection)
            self._join(CANCEL_AGAIN_S)

    def ask_to_stop(self, *, hurry: bool = False) -> None:
        """Returns at once; `hurry` ends the grace that running steps have."""
        self._stopping.set()
        if hurry:
            self._hurrying.set()
        self._bell.ring()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until somebody asks to stop."""
        return self._stopping.wait(timeout_s)

    def _is_alive(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    def _join(self, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(deadline - time.monotonic(), 0))

    def _spawn(self, name: str, target: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=target, args=arguments, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _keep_connected(self, work: Callable[[psycopg.Connection[Any], int], None], number: int) -> None:
        """Do `work` on a connection, with a new one whenever it is lost, until the worker stops."""
        import psycopg
        from psycopg.types.string import TextLoader

        name = threading.current_thread().name
        pause = RECONNECT_FIRST_S
        is_lost = False
        while not self._stopping.is_set():
            began = time.monotonic()
            connection: psycopg.Connection[Any] | None = None
            try:
                connection = connect(self.database)
                fields = {"thread": name, "backend": connection.info.backend_pid}
                self.log("info" if is_lost else "debug", f"{name}: connected", fields)
                is_lost = False
                # A Python datetime ends with the year 9999, and not every DateStyle becomes one.
                connection.adapters.register_loader("timestamptz", TextLoader)
                connection.execute(STAY_CONNECTED)
                work(connection, number)
            except Failure as failure:
                # Once is enough: a server that restarts refuses many times.
                level = "debug" if is_lost else "warning"
                self.log(level, f"{name}: {failure.message}: {failure.detail}", {"thread": name})
                is_lost = True
            except psycopg.Error as error:
                is_lost = True
                if not self._stopping.is_set():
                    self.log(
                        "warning",
                        f"{name}: {_first_line(error)}",
                        {"thread": name, "sqlstate": error.sqlstate},
                    )
            finally:
                self._running.pop(number, None)
                if connection is not None:
                    connection.close()
            if time.monotonic() - began > RECONNECT_LAST_S:
                pause = RECONNECT_FIRST_S
            self._stopping.wait(pause * random.uniform(0.5, 1.0))
            pause = min(pause * 2, RECONNECT_LAST_S)

    def _drive(self, connection: psycopg.Connection[Any], number: int) -> None:
        self._running[number] = connection
        while not self._stopping.is_set():
            rings = self._bell.rings
            began = time.monotonic()
            with _closing_driver(connection):
                delay = _run_until_idle(connection, "df.run")
            connection.execute(STAY_CONNECTED)
            # A long run may have ended at its cap, with more to do.
            if time.monotonic() - began < LONG_RUN_S:
                self._bell.wait_beyond(rings, delay)

    def _keep_time(self, connection: psycopg.Connection[Any], number: int) -> None:
        """Run what the drivers have no time for: timers of races, which limit what the drivers are at."""
        self._running[number] = connection
        while not self._stopping.is_set():
            with _closing_driver(connection):
                delay = _run_until_idle(connection, "df.run_timers")
            connection.execute(STAY_CONNECTED)
            self._stopping.wait(delay)

    def _listen(self, connection: psycopg.Connection[Any], _number: int) -> None:
        connection.execute(f"LISTEN {CHANNEL}")
        # What was started before we listened has notified nobody.
        self._bell.ring()
        while not self._stopping.is_set():
            for _ in connection.notifies(timeout=LISTEN_TICK_S, stop_after=1):
                self._bell.ring()

    def _clean_up(self, connection: psycopg.Connection[Any], _number: int) -> None:
        while not self._stopping.is_set():
            connection.execute("CALL df.janitor(0)")
            connection.execute(STAY_CONNECTED)
            self._stopping.wait(CLEAN_UP_S)

    def _watch(self, connection: psycopg.Connection[Any], _number: int) -> None:
        """Interrupt the steps of stopped instances, whichever driver of this role runs them."""
        # Another one, be it the default of the login role, would not see what the backends of this one do.
        connection.execute("SET ROLE NONE")
        seen = "{}"
        while not self._stopping.is_set():
            row = connection.execute("SELECT df.watch_v1(%s::jsonb)::text", (seen,)).fetchone()
            seen = row[0] if row else "{}"
            self._stopping.wait(WATCH_S)

    def _cancel(self, connection: psycopg.Connection[Any]) -> None:
        import psycopg

        try:
            connection.cancel_safe(timeout=5)
        except psycopg.Error as error:
            self.log("warning", f"cannot cancel: {_first_line(error)}", {})


@contextmanager
def _closing_driver(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Around a run: where it is cancelled between two steps, the next run would take this one for dead."""
    import psycopg

    try:
        yield
    except psycopg.errors.QueryCanceled:
        connection.execute("SET ROLE NONE")
        connection.execute(CLOSE_DRIVER)
        raise


def _run_until_idle(
    connection: psycopg.Connection[Any], procedure: Literal["df.run", "df.run_timers"]
) -> float:
    """One run; the seconds by the server's clock until it is to be called again at the latest."""
    row = connection.execute(f"CALL {procedure}(0, NULL)").fetchone()
    if row is None or row[0] is None:
        return SAFETY_NET_S
    left = connection.execute(
        "SELECT extract(epoch FROM %s::timestamptz - pg_catalog.clock_timestamp())", (row[0],)
    ).fetchone()
    return min(max(float(left[0]), 0), SAFETY_NET_S) if left else SAFETY_NET_S


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
