"""`pgdurc ls`, `show` and `cancel`."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from pgdurc.cli.options import database_options, json_option, open_database
from pgdurc.cli.report import note, write_json
from pgdurc.cli.table import COLORS, Column, write_table
from pgdurc.columns import cut, dots_of
from pgdurc.failure import Failure
from pgdurc.runtime import require_runtime
from pgdurc.timeline import (
    ENDED,
    UNDRIVEN_S,
    Attempt,
    Instance,
    Outcome,
    Waiting,
    WorkflowError,
    duration,
    error_lines,
    json_object,
    load_attempts,
    load_error,
    load_instance,
    load_instances,
    load_outcome,
    load_waiting,
    one_line,
    place,
    rows_text,
    shortened,
    standing_text,
    to_json,
    waiting_text,
)
from pgdurc.visible import visible, visible_lines

if TYPE_CHECKING:
    from pgdurc.database import Connection

# Characters of a result that `show` has room for.
LONGEST_RESULT = 2000

# Columns of a statement in the table of attempts; of the number of one in joins in joins.
LONGEST_STATEMENT = 48
LONGEST_NUMBER = 15

STATUSES = ("pending", "running", "completed", "failed", "cancelled")

INSTANCES = (
    Column("ID"),
    Column("WORKFLOW", least=12, keeps_end=True),
    Column("STATUS", is_status=True),
    Column("LABEL", least=8),
    Column("STARTED"),
    Column("TOOK"),
)
ATTEMPTS = (
    Column("NO", least=8, keeps_end=True),
    Column("PLACE", least=8, keeps_end=True),
    Column("STEP", least=8),
    Column("NAME", least=8),
    Column("OUTCOME", is_status=True),
    Column("TOOK"),
    Column("ROWS"),
)


@click.command(
    "ls",
    epilog="""
    \b
    Examples:
      pgdurc ls
      pgdurc ls --status failed --limit 5
      pgdurc ls --label nightly --json | jq -r '.[].id'
    """,
)
@click.option("--status", type=click.Choice(STATUSES), help="Only those of this status.")
@click.option("--label", help="Only those of this label.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="At most so many.")
@json_option
@database_options
def ls_command(
    status: str | None, label: str | None, limit: int, as_json: bool, db: str | None, verbose: bool
) -> None:
    """List the instances that this role may see, the newest first."""
    _, connection = open_database(db, verbose)
    with connection:
        require_runtime(connection)
        found = load_instances(connection, status, limit, label)
    if as_json:
        write_json(to_json([asdict(instance) for instance in found]))
        return
    if not found:
        click.echo("no instances", err=True)
        return
    rows = [
        (i.id, i.workflow, i.status, i.label or "", f"{i.created_at:%Y-%m-%d %H:%M:%S}", duration(took(i)))
        for i in found
    ]
    write_table(INSTANCES, rows)


@click.command(
    "show",
    epilog="""
    \b
    Examples:
      pgdurc show                                the newest instance
      pgdurc show --follow
      pgdurc show --json | jq .result
      pgdurc show "$(pgdurc start hello)"        the one of this id
    """,
)
@click.argument("instance_id", metavar="[ID]", required=False)
@click.option(
    "-f",
    "--follow",
    "is_followed",
    is_flag=True,
    help="Go on showing until it ends; ctrl-C leaves it running.",
)
@json_option
@database_options
def show_command(
    instance_id: str | None, is_followed: bool, as_json: bool, db: str | None, verbose: bool
) -> None:
    """Show what an instance has done: steps, attempts, durations, its error with its place in the source.

    Without an ID it is the newest instance that this role may see.
    """
    database, connection = open_database(db, verbose)
    with connection:
        require_runtime(connection)
        if instance_id is None:
            instance_id = _newest(connection)
        instance = load_instance(connection, instance_id)
        if is_followed:
            from pgdurc.follow import follow

            click.get_current_context().exit(follow(database, instance_id).exit_code)
        attempts = load_attempts(connection, instance_id)
        waiting = [] if instance.status in ENDED else load_waiting(connection, instance_id)
        outcome = load_outcome(connection, instance_id)
        error = load_error(connection, instance_id) if instance.status == "failed" else None
    if as_json:
        described = asdict(instance) | {
            "reason": outcome.reason,
            "attempts": [asdict(attempt) for attempt in attempts],
            "waiting": [asdict(task) for task in waiting],
            "error": asdict(error) if error else None,
        }
        fields = {name: to_json(value) for name, value in described.items()}
        write_json(json_object(fields | {"result": outcome.result or "null"}))
        return
    write_instance(instance, attempts, waiting, error)
    write_outcome(outcome)
    is_overdue = any(task.due_in_s is not None and task.due_in_s < -UNDRIVEN_S for task in waiting)
    if is_overdue and not any(task.is_running for task in waiting):
        note(f"nothing runs it; as the workflow's owner: pgdurc worker{database.option}")


@click.command(
    "cancel",
    epilog="""
    \b
    Examples:
      pgdurc cancel a3f9c2d1 --reason 'wrong customer'
      pgdurc cancel "$(pgdurc start hello)"
    """,
)
@click.argument("instance_id", metavar="ID")
@click.option("--reason", default="cancelled with pgdurc cancel", help="Kept with the instance.")
@database_options
def cancel_command(instance_id: str, reason: str, db: str | None, verbose: bool) -> None:
    """Cancel an instance. A step that has not committed by then never commits.

    One that has completed or failed by then stays as it is, which is exit code 3.
    """
    database, connection = open_database(db, verbose)
    with connection:
        require_runtime(connection)
        connection.execute("SELECT df.cancel(%s, %s)", (instance_id, reason))
        status = load_instance(connection, instance_id).status
    if status != "cancelled":
        raise Failure(
            f"instance {instance_id} has {status} already", hint=f"pgdurc show {instance_id}{database.option}"
        )
    click.echo(f"{instance_id} is {status}", err=True)


def _newest(connection: Connection) -> str:
    found = load_instances(connection, None, 1, None)
    if not found:
        raise Failure("there are no instances", hint="pgdurc start starts a workflow")
    return found[0].id


def write_instance(
    instance: Instance, attempts: list[Attempt], waiting: list[Waiting], error: WorkflowError | None
) -> None:
    heading = f"{visible(instance.workflow)} {instance.version}"
    click.echo(f"{instance.id}  {heading}  {colored_status(instance.status)}")
    facts = [f"started {instance.created_at:%Y-%m-%d %H:%M:%S %Z} by {visible(instance.starter)}"]
    facts += [f"label {visible(instance.label)}"] if instance.label else []
    facts += [f"key {visible(instance.key)}"] if instance.key else []
    facts += [f"took {duration(took(instance))}"] if instance.completed_at else []
    click.echo(f"  {', '.join(facts)}")
    dots = dots_of(sys.stdout.encoding)
    rows = [
        (
            _number(attempt, dots),
            place(attempt.file, attempt.line),
            cut(one_line(attempt.label), LONGEST_STATEMENT, dots),
            attempt.name or "",
            attempt.outcome + (f" (attempt {attempt.attempt})" if attempt.attempt > 1 else ""),
            duration(attempt.seconds) or "?",
            rows_text(attempt),
        )
        for attempt in attempts
    ]
    if rows:
        click.echo()
        write_table(ATTEMPTS, rows)
    for attempt in attempts:
        if attempt.message and error is None:
            message = visible_lines(attempt.message)
            code = f" ({attempt.sqlstate})" if attempt.sqlstate else ""
            click.echo(f"\n{_number(attempt, dots)}: {attempt.outcome}: {message}{code}")
    for task in waiting:
        click.echo(f"\n{_waiting_line(task)}")
    if error is not None:
        click.echo("\n" + "\n".join(error_lines(error)))


def _number(attempt: Attempt, dots: str) -> str:
    """The end of a long one: each join that it is in adds four characters."""
    return cut(attempt.number, LONGEST_NUMBER, dots, keeps_end=True)


def _waiting_line(task: Waiting) -> str:
    what = f"{place(task.file, task.line)} {shortened(task.label)}"
    if task.is_running:
        return f"runs {what}"
    due = task.due_in_s
    if due is None:
        return f"{waiting_text(task)}, at {what}"
    if due > 0:
        return f"{waiting_text(task)} for another {duration(due)}{standing_text(task)}"
    return f"due since {duration(-due)}: {what}"


def write_outcome(outcome: Outcome) -> None:
    """The end of an instance that did not fail; a large result is cut."""
    if outcome.reason is not None:
        click.echo(f"\ncancelled: {visible_lines(outcome.reason)}")
    if outcome.result is not None:
        result = visible(outcome.result)
        whole = len(result) <= LONGEST_RESULT
        click.echo(f"\nresult: {result if whole else result[:LONGEST_RESULT] + '... (all of it: --json)'}")


def took(instance: Instance) -> float | None:
    if instance.completed_at is None:
        return None
    return (instance.completed_at - instance.created_at).total_seconds()


def colored_status(status: str) -> str:
    return click.style(status, fg=COLORS.get(status))
