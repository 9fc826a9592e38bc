"""Says for whom a statement waits where it waits for long: whoever holds the lock may have been left open."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pgdurc.database import Connection

# Deployments take turns, and most of them are over by then.
AFTER_S = 1.0

BLOCKER = """
    SELECT w.wait_event = 'advisory', b.pid, b.usename::text, b.application_name, b.state
    FROM pg_catalog.pg_stat_activity AS w
    CROSS JOIN LATERAL pg_catalog.unnest(pg_catalog.pg_blocking_pids(w.pid)) AS p (pid)
    LEFT JOIN pg_catalog.pg_stat_activity AS b ON b.pid = p.pid
    WHERE w.pid = %s AND w.wait_event_type = 'Lock'
    ORDER BY b.pid
    LIMIT 1
"""


@contextmanager
def said_when_blocked(connection: Connection, say: Callable[[str], None], work: str) -> Iterator[None]:
    """Look each second whether what this connection does waits for a lock; `say` once for each holder.

    `work` is what is being done, a noun. To look takes a connection of its own, after the first second.
    """
    ended = threading.Event()
    watcher = threading.Thread(target=_watch, args=(connection, ended, say, work), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join(AFTER_S)


def _watch(connection: Connection, ended: threading.Event, say: Callable[[str], None], work: str) -> None:
    import psycopg

    if ended.wait(AFTER_S):
        return
    info = connection.info
    said: set[int | None] = set()
    # Nobody waits for this one: where it fails the wait is silent.
    with (
        suppress(psycopg.Error),
        psycopg.connect(info.dsn, password=info.password, autocommit=True, prepare_threshold=None) as looking,
    ):
        while not ended.is_set():
            found = looking.execute(BLOCKER, (info.backend_pid,)).fetchone()
            if found is not None and found[1] not in said and not ended.is_set():
                said.add(found[1])
                say(f"waiting for {_holder(work, *found)}; ctrl-C gives up, and nothing is changed")
            ended.wait(AFTER_S)


def _holder(
    work: str, is_advisory: bool, pid: int | None, role: str | None, program: str | None, state: str | None
) -> str:
    what = f"another {work}" if is_advisory else "a lock"
    if pid is None:
        return f"{what}, held by a prepared transaction"
    facts = ", ".join(fact for fact in (program, state) if fact)
    return f'{what}: process {pid} of role "{role}"' + (f" ({facts})" if facts else "")
