"""Runs embeddings.pgd, kills the server in the middle, shows that every document was embedded exactly once.

`make demo` runs it. The server is an embedded one of the demo's own, made anew each time.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from pgdurc.embedded import DATABASE, ROLE, ensure_embedded, remove_embedded
from pgdurc.failure import Failure

if TYPE_CHECKING:
    from pgdurc.cluster import Cluster

EXAMPLES = Path(__file__).resolve().parent
PROJECT = EXAMPLES / "demo"

DOCUMENTS = 2000
# Small batches, so that there is a middle to kill the server in.
BATCH_SIZE = 125
KILL_AT = DOCUMENTS // 2

PROOF = """
    SELECT (SELECT count(*) FROM documents),
           (SELECT count(*) FROM documents WHERE embedded),
           (SELECT count(*) FROM document_embeddings),
           (SELECT count(*) FROM document_writes),
           (SELECT min(writes) FROM document_writes),
           (SELECT max(writes) FROM document_writes)
"""


def main() -> int:
    began = time.monotonic()
    say("an embedded PostgreSQL of the demo's own")
    remove_embedded(PROJECT)
    cluster = ensure_embedded(PROJECT)
    worker: subprocess.Popen[bytes] | None = None
    try:
        conninfo = cluster.conninfo(ROLE, DATABASE)
        pgdurc(conninfo, "install")
        pgdurc(conninfo, "deploy", str(EXAMPLES / "embeddings.setup.sql"))
        pgdurc(conninfo, "deploy", str(EXAMPLES / "embeddings.pgd"))
        worker = subprocess.Popen(command(conninfo, "worker", "--drivers", "2"))
        instance = pgdurc(conninfo, "start", "embed_documents", "-a", f"batch_size={BATCH_SIZE}").strip()

        kill_in_the_middle(cluster, conninfo)
        say("the server is started again; the worker is the same, and finds it")
        cluster.start()
        say(f"after recovery {embedded(conninfo)} documents are embedded; the workflow goes on by itself")

        followed = subprocess.run(
            command(conninfo, "show", instance, "--follow"), check=False, env=environment()
        )
        return prove(conninfo, instance, followed.returncode, time.monotonic() - began)
    finally:
        if worker is not None:
            worker.send_signal(signal.SIGTERM)
            worker.wait(timeout=30)
        cluster.stop()


def kill_in_the_middle(cluster: Cluster, conninfo: str) -> None:
    """SIGKILL for the postmaster and every backend, once half of the documents are done and a step runs."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        while True:
            done = embedded_by(connection)
            running = value(
                connection,
                """
                SELECT count(*) FROM pg_stat_activity
                WHERE application_name LIKE 'pgdurc %' AND state = 'active'
                """,
            )
            if done >= DOCUMENTS:
                raise Failure("the workflow ended before the server could be killed")
            if done >= KILL_AT and running:
                break
            time.sleep(0.002)
        processes = cluster.kill()
    say(f"SIGKILL to all {processes} processes of the server, with {done} of {DOCUMENTS} documents embedded")


def prove(conninfo: str, instance: str, exit_code: int, seconds: float) -> int:
    """Print the figures; 0 where each of them is what exactly once makes it."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        status = value(connection, "SELECT df.status(%s)", instance)
        attempts = connection.execute(
            "SELECT outcome, count(*) FROM df.timeline(%s) GROUP BY outcome ORDER BY outcome", (instance,)
        ).fetchall()
        found = connection.execute(PROOF).fetchone()
    assert found is not None
    documents, marked, vectors, written, fewest, most = found
    say("what happened")
    print(f"  workflow {instance}:               {status}")
    print(
        f"  attempts of steps:               {', '.join(f'{count} {outcome}' for outcome, count in attempts)}"
    )
    print(f"  documents, marked, with vector:  {documents}, {marked}, {vectors}")
    print(f"  documents written at all:        {written}")
    print(f"  writes a document, least, most:  {fewest}, {most}")
    print(f"  time:                            {seconds:.1f} s")
    is_proven = (
        exit_code == 0
        and status == "completed"
        and (documents, marked, vectors, written) == (DOCUMENTS,) * 4
        and (fewest, most) == (1, 1)
    )
    say(
        "every document was embedded exactly once"
        if is_proven
        else "NOT every document was embedded exactly once"
    )
    return 0 if is_proven else 1


def embedded(conninfo: str) -> int:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        return embedded_by(connection)


def embedded_by(connection: psycopg.Connection[Any]) -> int:
    return int(value(connection, "SELECT count(*) FROM documents WHERE embedded"))


def value(connection: psycopg.Connection[Any], query: str, *parameters: Any) -> Any:
    row = connection.execute(query.encode(), parameters or None).fetchone()
    assert row is not None
    return row[0]


def pgdurc(conninfo: str, *arguments: str) -> str:
    """Run a command and return what it writes to standard output."""
    shown = [Path(argument).name if argument.startswith("/") else argument for argument in arguments]
    print(f"$ pgdurc {shlex.join(shown)}", flush=True)
    done = subprocess.run(
        command(conninfo, *arguments), stdout=subprocess.PIPE, text=True, check=False, env=environment()
    )
    if done.returncode != 0:
        raise Failure(f"pgdurc {arguments[0]} ended with exit code {done.returncode}")
    return done.stdout


def command(conninfo: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "pgdurc", *arguments, "--db", conninfo]


def environment() -> dict[str, str]:
    return {
        name: text
        for name, text in os.environ.items()
        if not name.startswith("PG") or name.startswith("PGDURC_")
    }


def say(text: str) -> None:
    print(f"-- {text}", flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except Failure as failure:
        print(
            f"error: {failure.message}",
            *filter(None, (failure.detail, failure.hint)),
            sep="\n  ",
            file=sys.stderr,
        )
        sys.exit(1)
