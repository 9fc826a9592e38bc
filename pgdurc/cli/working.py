"""`pgdurc worker`."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import click

from pgdurc.cli.options import databases_options, open_database
from pgdurc.runtime import driven_roles, require_driver, require_runtime
from pgdurc.settings import MOST_DRIVERS, read_settings
from pgdurc.visible import visible

LEVELS = ("debug", "info", "warning")


@click.command(
    "worker",
    epilog="""
    \b
    Examples:
      pgdurc worker -v                           where the environment or the settings say
      pgdurc worker --drivers 4 --db postgresql://app@db/app
      pgdurc worker --db postgresql://sales@db/app --db postgresql://billing@db/app
      PGHOST=db PGDATABASE=app PGUSER=app pgdurc worker --json

    With several --db it drives for the role of each, with connections of their own; --drivers is for each.
    It needs direct connections: behind a pooler in transaction mode LISTEN does not work.
    """,
)
@click.option(
    "--drivers", type=click.IntRange(1, MOST_DRIVERS), help="Connections that run steps.  [default: 2]"
)
@click.option(
    "--grace",
    type=click.FloatRange(0),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="How long running steps may take to end on SIGTERM before they are cancelled, to run again later.",
)
@click.option("--json", "as_json", is_flag=True, help="Write log lines as JSON.")
@databases_options
def worker_command(
    drivers: int | None, grace: float, as_json: bool, dbs: tuple[str, ...], verbose: bool
) -> None:
    """Drive the workflows of the connecting role until SIGTERM or ctrl-C.

    And of the roles that cannot log in whose driver it was made: df.grant_driver.

    Workers keep nothing to themselves: kill one at any instant, run as many as you like.
    """
    from pgdurc.worker import Worker

    if drivers is None:
        drivers = read_settings().drivers or 2
    log = _Log(as_json, "debug" if verbose else "info")
    workers: list[Worker] = []
    announcements: list[tuple[str, dict[str, Any]]] = []
    # All of them are looked at before the first one starts.
    for db in dbs or (None,):
        database, connection = open_database(db, verbose)
        with connection:
            require_runtime(connection)
            require_driver(connection)
            role = connection.info.user
            roles = driven_roles(connection)
        workers.append(Worker(database, drivers, log.of(role) if len(dbs) > 1 else log))
        announcements.append(
            (
                f"driving the workflows of {', '.join(roles)}: {database.describe()}",
                {"role": role, "roles": roles, "drivers": drivers},
            )
        )
    requests = 0

    def ask_to_stop(_number: int, _frame: object) -> None:
        nonlocal requests
        requests += 1
        # The bell's lock may be held by this very thread: a handler runs between two of its instructions.
        for worker in workers:
            threading.Thread(target=worker.ask_to_stop, kwargs={"hurry": requests > 1}).start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask_to_stop)
    for worker, (message, fields) in zip(workers, announcements, strict=True):
        worker.start()
        log("info", message, fields)
    # In short turns: a wait without a timeout keeps Python from running a signal's handler on some platforms.
    while not workers[0].wait(1.0):
        pass
    log("info", "stopping", {})
    deadline = time.monotonic() + grace
    for worker in workers:
        worker.ask_to_stop()
    for worker in workers:
        worker.stop(grace_s=max(0.0, deadline - time.monotonic()))
    log("info", "stopped", {})


class _Log:
    """One line an event, to standard error."""

    def __init__(self, as_json: bool, threshold: str) -> None:
        self._as_json = as_json
        self._shown = LEVELS[LEVELS.index(threshold) :]
        self._lock = threading.Lock()

    def of(self, role: str) -> Callable[[str, str, dict[str, Any]], None]:
        """The same log, with the role in each line."""
        return lambda level, message, fields: self(level, f"{role}: {message}", fields | {"role": role})

    def __call__(self, level: str, message: str, fields: dict[str, Any]) -> None:
        if level not in self._shown:
            return
        now = datetime.now(UTC)
        if self._as_json:
            line = json.dumps({"time": now.isoformat(), "level": level, "message": message} | fields)
        else:
            line = f"{now:%Y-%m-%d %H:%M:%S.%f}"[:-3] + f" {level:<7} {visible(message)}"
        with self._lock:
            click.echo(line, err=True)
