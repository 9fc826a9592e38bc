"""What an instance has done and what it waits for, read from the database and put into lines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pgdurc.columns import cut
from pgdurc.failure import Exit, Failure
from pgdurc.visible import visible, visible_lines

if TYPE_CHECKING:
    from pgdurc.database import Connection

ENDED = ("completed", "failed", "cancelled")

LABEL_WIDTH = 60

# Due for so long and untouched: there may be nobody to run it.
UNDRIVEN_S = 3.0


@dataclass(frozen=True, slots=True)
class Instance:
    id: str
    workflow: str
    version: str
    label: str | None
    key: str | None
    status: str
    owner: str
    starter: str
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One row of history. `attempt` counts from 1 at each step; `outcome` is ok, failed, crashed, ...

    `seq` counts the attempts of a task. `number` is its place among those of all tasks: 3.2.1 is the first
    attempt of the second of the branches that attempt 3 forked. Of one that crashed nobody knows when it
    began: `started_at` is None, and `finished_at` when that was found out.
    """

    task_id: int
    seq: int
    number: str
    state: int
    kind: str
    label: str | None
    name: str | None
    file: str | None
    line: int | None
    attempt: int
    outcome: str
    started_at: datetime | None
    finished_at: datetime | None
    row_count: int | None
    sqlstate: str | None
    message: str | None
    detail: str | None
    hint: str | None
    context: str | None

    @property
    def seconds(self) -> float | None:
        if self.started_at is None or self.finished_at is None:
            return None
        return (self.finished_at - self.started_at).total_seconds()


@dataclass(frozen=True, slots=True)
class Waiting:
    """A live task. `due_in_s` is by the database's clock, None where it waits for no time.

    `is_running` is what the name of a driver's connection says, and no proof.
    """

    task_id: int
    state: int
    kind: str
    label: str | None
    file: str | None
    line: int | None
    reason: str
    attempt: int
    due_in_s: float | None
    is_running: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a completed instance, JSON as the database wrote it; why another was cancelled."""

    result: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class WorkflowError:
    """Why an instance failed, and where in its source."""

    sqlstate: str | None
    message: str
    detail: str | None
    hint: str | None
    step: str | None
    file: str | None
    line: int | None


INSTANCE = """
    SELECT i.id, i.workflow::text, i.version, i.label, i.key, i.status, i.owner::text, i.starter::text,
           i.created_at, i.started_at, i.ended_at AS completed_at
    FROM df.instances AS i
"""


def load_instance(connection: Connection, instance_id: str) -> Instance:
    """Raises Failure where there is none of that id, or none that this role may see."""
    found: list[Instance] = _rows(connection, Instance, f"{INSTANCE} WHERE i.id = %s", instance_id)
    if not found:
        raise Failure(
            f'instance "{instance_id}" does not exist, or this role may not see it',
            hint="pgdurc ls lists the instances",
            sqlstate="PD002",
            exit_code=Exit.DATABASE,
        )
    return found[0]


def load_instances(
    connection: Connection, status: str | None, limit: int, label: str | None
) -> list[Instance]:
    """The newest first."""
    return _rows(
        connection,
        Instance,
        # df.list_instances goes by index; a filter on the view would look at every row.
        f"""{INSTANCE} JOIN df.list_instances(%s, %s, %s, NULL) AS l ON l.instance_id = i.id
            ORDER BY i.created_at DESC, i.id""",
        status,
        limit,
        label,
    )


def load_attempts(connection: Connection, instance_id: str) -> list[Attempt]:
    """In the order in which they happened."""
    return _rows(
        connection,
        Attempt,
        """
        WITH RECURSIVE branch (task_id, prefix) AS (
            SELECT t.id, ''
            FROM df.task AS t
            WHERE t.instance_id = %s AND t.parent_id IS NULL
            UNION ALL
            SELECT t.id, concat(b.prefix, t.fork_seq, '.', t.branch, '.')
            FROM branch AS b
            JOIN df.task AS t ON t.parent_id = b.task_id
        )
        SELECT t.task_id, t.seq, concat(b.prefix, t.seq) AS number, t.state, t.kind, t.label, t.name, t.file,
               t.line, t.attempt, t.outcome,
               CASE WHEN t.outcome <> 'crashed' THEN t.started_at END AS started_at,
               t.finished_at, t.row_count,
               t.sqlstate, t.message, t.detail, t.hint, t.context
        FROM df.timeline(%s) WITH ORDINALITY AS t
        LEFT JOIN branch AS b ON b.task_id = t.task_id
        ORDER BY t.ordinality
        """,
        instance_id,
        instance_id,
    )


def load_waiting(connection: Connection, instance_id: str) -> list[Waiting]:
    return _rows(
        connection,
        Waiting,
        """
        SELECT w.task_id, w.state, w.kind, w.label, w.file, w.line, w.reason, w.attempt,
               extract(epoch FROM w.wake_at - df.now())::double precision AS due_in_s,
               EXISTS (
                   SELECT FROM pg_catalog.pg_stat_activity AS a
                   WHERE a.application_name
                       = pg_catalog.concat('pgdurc ', %s::text, ' ', w.task_id, ':', w.state)
               ) AS is_running
        FROM df.waiting(%s) AS w
        """,
        instance_id,
        instance_id,
    )


def load_outcome(connection: Connection, instance_id: str) -> Outcome:
    """Nothing of either where the instance has not ended, or failed."""
    found: list[Outcome] = _rows(
        connection,
        Outcome,
        """
        SELECT df.result(i.instance_id) AS result, CASE i.status WHEN 'cancelled' THEN i.output END AS reason
        FROM (SELECT) AS always LEFT JOIN df.instance_info(%s) AS i ON true
        """,
        instance_id,
    )
    return found[0]


def load_error(connection: Connection, instance_id: str) -> WorkflowError | None:
    found = _rows(
        connection,
        WorkflowError,
        """
        SELECT e.sqlstate, coalesce(e.message, 'failed without a message') AS message, e.detail, e.hint,
               e.step::text AS step, e.file, e.line
        FROM df.error(%s) AS e
        WHERE e.message IS NOT NULL OR e.sqlstate IS NOT NULL
        """,
        instance_id,
    )
    return found[0] if found else None


def _rows(connection: Connection, row_type: Any, query: str, *parameters: Any) -> list[Any]:
    from psycopg.rows import class_row

    # In binary: as text a time has the DateStyle of the role or the database, which psycopg may not read.
    with connection.cursor(row_factory=class_row(row_type), binary=True) as cursor:
        return cursor.execute(query.encode(), parameters).fetchall()


def place(file: str | None, line: int | None) -> str:
    """embeddings.pgd:7, as far as it is known."""
    if file is None:
        return ""
    return visible(f"{file}:{line}" if line else file)


def one_line(label: str | None) -> str:
    """A statement's text on one line."""
    return visible(" ".join((label or "").split()))


def shortened(label: str | None, dots: str = "…") -> str:
    """On one line that has room for something else."""
    return cut(one_line(label), LABEL_WIDTH, dots)


def duration(seconds: float | None) -> str:
    """Three figures are enough: 840 µs, 12 ms, 3.2 s, 4 min 10 s, 2 h 5 min."""
    if seconds is None:
        return ""
    if seconds == 0:
        return "0 s"
    if seconds < 0.001:
        return f"{seconds * 1e6:.0f} µs"
    if seconds < 0.9995:
        return f"{seconds * 1000:.3g} ms"
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"


def rows_text(attempt: Attempt) -> str:
    if attempt.row_count is None or attempt.outcome != "ok":
        return ""
    if attempt.kind in ("join", "race"):
        return f"{attempt.row_count} branches"
    return "1 row" if attempt.row_count == 1 else f"{attempt.row_count} rows"


def waiting_text(waiting: Waiting) -> str:
    """What a task waits for, in words; for how long is said beside it."""
    if waiting.is_running:
        return "runs"
    if waiting.due_in_s is not None and waiting.due_in_s <= 0:
        return "is due"
    match waiting.reason:
        case "sleep":
            return "sleeps"
        case "retry":
            return f"waits to try again (attempt {waiting.attempt})"
        case "schedule":
            return "waits for its schedule"
        case "signal":
            return "waits for a signal"
        case "children":
            return "waits for its branches"
        case "lap":
            return "waits for the next round"
        case "lock":
            return "waits for a transaction that is left open"
        case "ready":
            return "waits"
        case other:
            return other


def standing_text(waiting: Waiting) -> str:
    """Behind how long a task waits: what comes next; of a signal the wait itself; at the end nothing."""
    if waiting.kind == "end":  # named as the wait before it, and there is nothing to come
        return ""
    where = "at" if waiting.reason == "signal" else "then"
    what = f"{place(waiting.file, waiting.line)} {shortened(waiting.label)}"
    return f", {where} {what.strip()}"


def source_lines(file: str | None, line: int | None, near: Path | None = None) -> list[str]:
    """The line that failed with carets under it, where the file is at hand; else nothing.

    A compiled script knows its file by name only: it is looked for beside `near`, here, and up to two levels
    down.
    """
    if file is None or not line:
        return []
    for path in _candidates(file, near):
        try:
            text = path.read_text(encoding="utf-8-sig").splitlines()[line - 1]
        except (OSError, UnicodeDecodeError, IndexError):
            continue
        return _underlined(text.expandtabs(4).rstrip(), line)
    return []


def _candidates(file: str, near: Path | None) -> list[Path]:
    first = [near.with_name(file)] if near else []
    deeper = [*Path().glob(f"*/{file}"), *Path().glob(f"*/*/{file}")] if Path(file).name == file else []
    # Two of one name: there is no telling which it was.
    return [*first, Path(file), *(deeper if len(deeper) == 1 else [])]


def _underlined(text: str, line: int) -> list[str]:
    stripped = text.lstrip()
    margin = f"{line} | "
    if not stripped:
        return []
    return [
        f"{margin}{text}",
        f"{' ' * (len(margin) - 2)}| {' ' * (len(text) - len(stripped))}{'^' * len(stripped)}",
    ]


def error_lines(error: WorkflowError, near: Path | None = None) -> list[str]:
    """The error of a failed instance, its place first, in the manner of a compiler's."""
    where = place(error.file, error.line)
    code = f" ({error.sqlstate})" if error.sqlstate else ""
    lines = [f"{where}: " * bool(where) + f"error: {error.message}{code}"]
    lines += [f"  {line}" for line in source_lines(error.file, error.line, near)]
    lines += [f"  {name}: {text}" for name, text in (("detail", error.detail), ("hint", error.hint)) if text]
    return [visible_lines(line) for line in lines]


def json_object(fields: Mapping[str, str]) -> str:
    """An object whose values are JSON texts already."""
    return "{\n" + ",\n".join(f"{json.dumps(name)}: {text}" for name, text in fields.items()) + "\n}"


def to_json(value: Any) -> str:
    """Dataclasses as dictionaries, times in ISO 8601."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=_plain)


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
