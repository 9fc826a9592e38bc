"""`pgdurc worker`."""

from __future__ import annotations

import json
import signal
import threading
from datetime import UTC, datetime
from typing import Any

import click

from pgdurc.cli.options import database_options, open_database
from pgdurc.runtime import require_driver_role, require_runtime
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
      PGHOST=db PGDATABASE=app PGUSER=app pgdurc worker --json

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
@database_options
def worker_command(drivers: int | None, grace: float, as_json: bool, db: str | None, verbose: bool) -> None:
    """Drive the workflows of the connecting role until SIGTERM or ctrl-C.

    Workers keep nothing to themselves: kill one at any instant, run as many as you like.
    """
    from pgdurc.worker import Worker

    database, connection = open_database(db, verbose)
    with connection:
        require_runtime(connection)
        require_driver_role(connection)
        role = connection.info.user
    if drivers is None:
        drivers = read_settings().drivers or 2
    log = _Log(as_json, "debug" if verbose else "info")
    worker = Worker(database, drivers, log)
    requests = 0

    def ask_to_stop(_number: int, _frame: object) -> None:
        nonlocal requests
        requests += 1
        # The bell's lock may be held by this very thread: a handler runs between two of its instructions.
        threading.Thread(target=worker.ask_to_stop, kwargs={"hurry": requests > 1}).start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask_to_stop)
    worker.start()
    log("info", f"driving the workflows of {role}: {database.describe()}", {"role": role, "drivers": drivers})
    # In short turns: a wait without a timeout keeps Python from running a signal's handler on some platforms.
    while not worker.wait(1.0):
        pass
    log("info", "stopping", {})
    worker.stop(grace_s=grace)
    log("info", "stopped", {})


class _Log:
    """One line an event, to standard error."""

    def __init__(self, as_json: bool, threshold: str) -> None:
        self._as_json = as_json
        self._shown = LEVELS[LEVELS.index(threshold) :]
        self._lock = threading.Lock()

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
