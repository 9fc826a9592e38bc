"""Follows an instance to its end: a line a step as it happens, below them what it waits for, how long."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pgdurc.columns import columns_of, cut, dots_of, filled, is_unicode
from pgdurc.database import Database, Unconnected, connect, failure_of
from pgdurc.failure import Exit, Failure
from pgdurc.timeline import (
    ENDED,
    UNDRIVEN_S,
    Attempt,
    Instance,
    Waiting,
    duration,
    error_lines,
    load_attempts,
    load_error,
    load_instance,
    load_outcome,
    load_waiting,
    one_line,
    place,
    rows_text,
    shortened,
    standing_text,
    waiting_text,
)
from pgdurc.visible import visible, visible_lines

if TYPE_CHECKING:
    from rich.console import Console

    from pgdurc.database import Connection

POLL_FIRST_S = 0.05
POLL_LAST_S = 1.0
# A database that restarts is waited for this long.
AWAY_S = 60.0
RECONNECT_S = 0.2
# Our own drivers may take a while to connect again to a server that restarted.
UNDRIVEN_BY_US_S = 10.0

# Columns that the parts of a line have where there is room for them.
PLACE_WIDTH = 20
STATEMENT_WIDTH = 52
NAME_WIDTH = 18
# A mark and the gaps; what is usually behind them ("500 rows, 12.3 ms").
GAPS_WIDTH = 8
FACTS_WIDTH = 18
LEAST_WIDTH = 8

# An undefined table, function, column, schema or type: no second attempt finds it.
UNDEFINED = ("42P01", "42883", "42703", "3F000", "42704")

MARKS = {"ok": ("✓", "green"), "failed": ("✗", "red"), "crashed": ("✗", "red")}


@dataclass(frozen=True, slots=True)
class Followed:
    """How it ended; `exit_code` is the command's. `instance` is None where we detached."""

    exit_code: Exit
    instance: Instance | None = None


@dataclass
class _View:
    console: Console
    database: Database
    instance_id: str
    near: Path | None
    is_driven: bool
    seen: set[tuple[int, int]] = field(default_factory=set)
    due_since: float | None = None
    has_hinted: bool = False
    has_named_set_up: bool = False

    def say(self, text: str, style: str | None = None) -> None:
        """A line of ours, below those of the steps."""
        self.console.print(visible(text), style=style, markup=False)


def follow(
    database: Database, instance_id: str, near: Path | None = None, *, is_driven: bool = False
) -> Followed:
    """Show an instance until it ends or ctrl-C; survives a restart of the database.

    `near` is a file beside which sources are looked for; `is_driven`: this process drives, so nobody else
    needs to.
    """
    from rich.console import Console

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    view = _View(console, database, instance_id, near, is_driven)
    try:
        with _status(console) as status:
            instance = _watch(view, status)
    except KeyboardInterrupt:
        view.say(f"detached; {view.instance_id} is not cancelled")
        for way in _ways_on(view):
            view.say(f"  {way}")
        return Followed(Exit.DETACHED)
    return Followed(_conclude(view, instance), instance)


def _watch(view: _View, status: _Status) -> Instance:
    """Poll until it ends; a connection that is lost is said to be, and made again."""
    import psycopg

    lost: Failure
    lost_at: float | None = None
    while True:
        try:
            connection = connect(view.database)
        except Unconnected as failure:
            lost = failure
        else:
            if lost_at is not None:
                view.say(f"connected again after {duration(time.monotonic() - lost_at)}")
            lost_at = None
            try:
                with connection:
                    return _poll_until_end(view, connection, status)
            except psycopg.OperationalError as error:
                if not connection.broken:
                    raise
                lost = failure_of(error)
        if lost_at is None:
            lost_at = time.monotonic()
            view.say(f"lost the connection to the database; trying again for {AWAY_S:.0f} s")
        elif time.monotonic() - lost_at > AWAY_S:
            raise _given_up(view, lost)
        status.show("trying to connect to the database again", lost_at)
        _revive(view)
        time.sleep(RECONNECT_S)


def _revive(view: _View) -> None:
    """An embedded server has nobody but us to start it again."""
    if view.database.project is None:
        return
    from pgdurc.embedded import revive_embedded

    try:
        if revive_embedded(view.database.project):
            view.say("the embedded server had crashed, and is started again")
    except Failure as failure:
        raise _given_up(view, failure) from None


def _given_up(view: _View, why: Failure) -> Failure:
    ways = "\n".join([f"{view.instance_id} is not cancelled", *_ways_on(view)])
    hint = ways if why.hint is None else f"{why.hint}\n{ways}"
    return Failure(why.message, detail=why.detail, hint=hint, sqlstate=why.sqlstate)


def _poll_until_end(view: _View, connection: Connection, status: _Status) -> Instance:
    pause = POLL_FIRST_S
    while True:
        began = time.monotonic()
        # The status first: what ended by then has all of its history.
        instance = load_instance(connection, view.instance_id)
        news = _print_news(view, load_attempts(connection, view.instance_id))
        if instance.status in ENDED:
            return instance
        waiting = load_waiting(connection, view.instance_id)
        _show_waiting(view, status, waiting)
        _hint_if_undriven(view, connection, waiting, has_news=bool(news))
        # Often while something happens, seldom while it sleeps, and never more than a tenth of the time.
        cost = time.monotonic() - began
        pause = POLL_FIRST_S if news else min(pause * 1.5, POLL_LAST_S)
        time.sleep(max(pause, 10 * cost))


def _print_news(view: _View, attempts: list[Attempt]) -> list[Attempt]:
    news = [attempt for attempt in attempts if (attempt.task_id, attempt.seq) not in view.seen]
    for attempt in news:
        view.seen.add((attempt.task_id, attempt.seq))
        _print_attempt(view.console, attempt)
        _hint_at_set_up(view, attempt)
    return news


def _print_attempt(console: Console, attempt: Attempt) -> None:
    from rich.text import Text

    mark, color = MARKS.get(attempt.outcome, ("•", "yellow"))
    if not is_unicode(console.encoding):
        mark = {"✓": "+", "✗": "x"}.get(mark, "*")
    dots = dots_of(console.encoding)
    facts = [text for text in (rows_text(attempt), duration(attempt.seconds)) if text]
    if attempt.attempt > 1 or attempt.outcome not in ("ok", "cancelled"):
        facts.append(f"attempt {attempt.attempt}")
    behind = ", ".join(facts)
    place_width, statement_width, name_width = _widths(columns_of(sys.stderr), len(behind))
    name = f"|=> {visible(attempt.name)}" if attempt.name else ""
    line = Text()
    line.append(f"{mark} ", color)
    # Its end is what differs from line to line.
    where = cut(place(attempt.file, attempt.line), place_width, dots, keeps_end=True)
    line.append(filled(where, place_width) + "  ", "dim")
    line.append(filled(cut(one_line(attempt.label), statement_width, dots), statement_width) + "  ")
    line.append(filled(cut(name, name_width, dots), name_width), "cyan")
    line.append(f"  {behind}", "dim")
    console.print(line)
    if attempt.outcome != "ok":
        code = f" ({attempt.sqlstate})" if attempt.sqlstate else ""
        console.print(
            Text(f"    {attempt.outcome}: {visible_lines(attempt.message or 'no message')}{code}", color)
        )


def _widths(room: int | None, behind: int) -> tuple[int, int, int]:
    """Of place, statement and name in a line of `room` columns; the statement makes room for a long end."""
    if room is None:
        return PLACE_WIDTH, STATEMENT_WIDTH, NAME_WIDTH
    left = room - GAPS_WIDTH - FACTS_WIDTH
    place_width, name_width = (max(LEAST_WIDTH, min(most, left // 4)) for most in (PLACE_WIDTH, NAME_WIDTH))
    statement_width = left - place_width - name_width - max(0, behind - FACTS_WIDTH)
    return place_width, max(LEAST_WIDTH, min(STATEMENT_WIDTH, statement_width)), name_width


def _hint_at_set_up(view: _View, attempt: Attempt) -> None:
    """Name the file that makes what a step has missed, where there is one beside the workflow's."""
    if attempt.sqlstate not in UNDEFINED or view.near is None or view.has_named_set_up:
        return
    set_up = view.near.with_suffix(".setup.sql")
    if not set_up.exists():
        return
    command = f"pgdurc deploy {shlex.quote(str(set_up))}{view.database.option}"
    view.say(f"  hint: what is missing may be made by: {command}", "yellow")
    view.has_named_set_up = True


def _show_waiting(view: _View, status: _Status, waiting: list[Waiting]) -> None:
    if not waiting:
        return
    first = min(waiting, key=lambda task: task.due_in_s if task.due_in_s is not None else float("inf"))
    key = f"{first.task_id}:{first.state}:{first.attempt}:{len(view.seen)}"
    what = f"{place(first.file, first.line)} {shortened(first.label)}".strip()
    others = f", and {len(waiting) - 1} more" if len(waiting) > 1 else ""
    if first.is_running or first.due_in_s is None or first.due_in_s <= 0:
        words = f"{waiting_text(first)}: " if not first.is_running else ""
        status.show(words + what + others, key=key)
    else:
        text = f"{waiting_text(first)}{standing_text(first)}{others}"
        status.show(text, until=time.monotonic() + first.due_in_s)


def _hint_if_undriven(view: _View, connection: Connection, waiting: list[Waiting], *, has_news: bool) -> None:
    """Say what to do when something has been due for long and no backend works on it."""
    if view.has_hinted:
        return
    is_due = any(task.due_in_s is not None and task.due_in_s <= 0 for task in waiting)
    if has_news or not is_due:
        view.due_since = None
        return
    view.due_since = view.due_since or time.monotonic()
    if time.monotonic() - view.due_since < (UNDRIVEN_BY_US_S if view.is_driven else UNDRIVEN_S):
        return
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_stat_activity AS a"
        " WHERE pg_catalog.starts_with(a.application_name, %s))",
        (f"pgdurc {view.instance_id} ",),
    ).fetchone()
    if row and not row[0]:
        way = "to see why" if view.is_driven else "as the workflow's owner"
        command = "doctor" if view.is_driven else "worker"
        view.say(f"nothing runs it yet; {way}: pgdurc {command}{view.database.option}", "yellow")
        view.has_hinted = True
    view.due_since = None


def _conclude(view: _View, instance: Instance) -> Exit:
    from rich.text import Text

    seconds = (instance.completed_at - instance.created_at).total_seconds() if instance.completed_at else None
    color = {"completed": "green", "failed": "red"}.get(instance.status, "yellow")
    attempts = "1 attempt of a step" if len(view.seen) == 1 else f"{len(view.seen)} attempts of steps"
    line = Text(f"{visible(instance.workflow)} {instance.id} ")
    line.append(instance.status, color)
    line.append(f" after {duration(seconds)}, {attempts}", "dim")
    view.console.print(line)
    if instance.status == "cancelled":
        with connect(view.database) as connection:
            reason = load_outcome(connection, instance.id).reason
        view.console.print(Text(f"cancelled: {visible_lines(reason or 'no reason')}"))
    if instance.status == "failed":
        with connect(view.database) as connection:
            error = load_error(connection, instance.id)
        for text in error_lines(error, view.near) if error else []:
            view.console.print(Text(text))
    return Exit.FINE if instance.status == "completed" else Exit.WORKFLOW


def _ways_on(view: _View) -> list[str]:
    """The commands for an instance that is no longer followed."""
    option = view.database.option
    driving = [f"go on:  pgdurc worker{option}"] if view.is_driven else []
    return [
        *driving,
        f"follow: pgdurc show {view.instance_id} --follow{option}",
        f"cancel: pgdurc cancel {view.instance_id}{option}",
    ]


class _Status:
    """The last line: what is waited for, and since when. Only on a terminal."""

    def __init__(self, dots: str) -> None:
        self._dots = dots
        self._key = ""
        self._since = 0.0
        self._text = ""
        self._until: float | None = None
        self._spinner: Any = None

    def show(
        self, text: str, since: float | None = None, key: str | None = None, until: float | None = None
    ) -> None:
        """`until`: count down to then. Otherwise count up, from when `key` (or the text) was first shown."""
        if (key or text) != self._key:
            self._key = key or text
            self._since = since or time.monotonic()
        self._text = text
        self._until = until

    def __rich__(self) -> Any:
        from rich.spinner import Spinner
        from rich.text import Text

        if not self._text:
            return Text()
        now = time.monotonic()
        seconds = now - self._since if self._until is None else max(0.0, self._until - now)
        text = Text(f"{duration(round(seconds, 1)):>8}  {self._text}", no_wrap=True, overflow="ellipsis")
        if self._spinner is None:
            self._spinner = Spinner(self._dots, text)
        else:
            self._spinner.update(text=text)
        return self._spinner


@contextmanager
def _status(console: Console) -> Iterator[_Status]:
    from rich.live import Live

    status = _Status("dots" if is_unicode(console.encoding) else "line")
    if not console.is_terminal or not sys.stderr.isatty():
        yield status
        return
    with Live(status, console=console, refresh_per_second=8, transient=True):
        yield status
