"""`pgdurc run` and `start`."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pgdurc.cli.options import argument_options, database_options, json_option, open_database
from pgdurc.cli.report import done_before, note, write_json
from pgdurc.database import connect
from pgdurc.failure import Exit, Failure
from pgdurc.nearest import nearest
from pgdurc.runtime import require_driver, require_runtime
from pgdurc.settings import MOST_DRIVERS, read_settings
from pgdurc.start import is_started_here, parse_arguments, require_startable, start_workflow
from pgdurc.timeline import json_object, load_error, load_outcome, to_json

if TYPE_CHECKING:
    from pgdurc.compile import Compiled, CompiledWorkflow
    from pgdurc.database import Database
    from pgdurc.timeline import Instance
    from pgdurc.worker import Log


@click.command(
    "run",
    epilog="""
    \b
    Examples:
      pgdurc run hello.pgd                        where nothing names a database: on an embedded server
      pgdurc run hello.pgd hello -a who=me        the one of its workflows, with an argument
      pgdurc run hello.pgd --json | jq .result
      pgdurc run hello.pgd --db postgresql://app@db/app

    Ctrl-C detaches: the instance is not cancelled.
    """,
)
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("workflow", required=False)
@argument_options
@click.option(
    "--drivers",
    type=click.IntRange(0, MOST_DRIVERS),
    help="Drive with so many connections while following.  [default: 2 on the embedded server, else 0]",
)
@json_option
@database_options
def run_command(
    file: Path,
    workflow: str | None,
    argument: tuple[str, ...],
    key: str | None,
    label: str | None,
    drivers: int | None,
    as_json: bool,
    db: str | None,
    verbose: bool,
) -> None:
    """Compile FILE, deploy it, start its WORKFLOW and follow it to the end.

    Where nothing names a database it runs on the project's embedded server. The name may be left out where
    FILE declares one workflow. The result goes to standard output, the progress to standard error.
    """
    from pgdurc.cli.compiling import compile_file
    from pgdurc.cli.installing import deploy_compiled
    from pgdurc.follow import follow
    from pgdurc.worker import Worker

    given = parse_arguments(argument)
    source, compiled = compile_file(file)
    declared = _only_workflow(compiled, workflow, file)
    # Before a database is touched, or a server made.
    require_startable(declared, given, key)
    name = declared.qualified_name
    database, connection = open_database(db, verbose, or_embedded=True)
    if drivers is None:
        drivers = (read_settings().drivers or 2) if database.is_embedded else 0
    with connection:
        require_runtime(connection)
        if drivers:
            require_driver(connection)
        # In one transaction: a start that is refused leaves nothing deployed.
        with connection.transaction():
            deploy_compiled(connection, source, compiled, file)
            instance_id = start_workflow(connection, name, argument, label=label, key=key)
            is_new = key is None or is_started_here(connection, instance_id)
    started = f"started {name} as {instance_id}"
    note(started if is_new else f"not started: workflow {name} with key {key} is {instance_id} already")
    worker = Worker(database, drivers, log=_refusals())
    try:
        if drivers:
            worker.start()
        followed = follow(database, instance_id, near=file, is_driven=drivers > 0)
    finally:
        if drivers:
            worker.stop(grace_s=2.0)
    if followed.instance is not None:
        _write_result(database, followed.instance, as_json)
    click.get_current_context().exit(followed.exit_code)


@click.command(
    "start",
    epilog="""
    \b
    Examples:
      pgdurc start hello -a who=me
      pgdurc start public.hello --key 2026-11-22 --label nightly        once a day, however often it is called
      pgdurc start hello -a 'who:=null'                                 := takes JSON
    """,
)
@click.argument("workflow")
@argument_options
@json_option
@database_options
def start_command(
    workflow: str,
    argument: tuple[str, ...],
    key: str | None,
    label: str | None,
    as_json: bool,
    db: str | None,
    verbose: bool,
) -> None:
    """Start a deployed WORKFLOW; prints the id of the instance."""
    _, connection = open_database(db, verbose)
    with connection:
        require_runtime(connection)
        instance_id = start_workflow(connection, workflow, argument, label=label, key=key)
    # Exit code 2 all the same: whoever called has no id.
    with done_before(
        f"Instance {instance_id} is started, and goes on.",
        f"pgdurc show {instance_id}; with --key the same start may be made again",
    ):
        click.echo(json.dumps({"id": instance_id}) if as_json else instance_id)


def _only_workflow(compiled: Compiled, wanted: str | None, file: Path) -> CompiledWorkflow:
    workflows: Sequence[CompiledWorkflow] = compiled.workflows
    if not workflows:
        hint = f"its df.start calls start by themselves: pgdurc deploy {file}" if compiled.calls else None
        raise Failure(f"{file} declares no workflow", hint=hint, exit_code=Exit.INPUT)
    declared = [workflow.qualified_name for workflow in workflows]
    names = ", ".join(declared)
    if wanted is None:
        if len(declared) > 1:
            raise Failure(
                f"{file} declares {len(declared)} workflows",
                hint=f"name one of them: pgdurc run {file} {shlex.quote(declared[0])} (there are: {names})",
                exit_code=Exit.USAGE,
            )
        return workflows[0]
    # As SQL would write it, or, since a shell takes quotes away, as it is called.
    written = [(name, name.rpartition(".")[2]) for name in declared]
    for spellings in (written, [_spoken(workflow) for workflow in workflows]):
        for workflow, known in zip(workflows, spellings, strict=True):
            if wanted in known:
                return workflow
    guess = nearest(wanted, [name for one in workflows for name in _spoken(one)])
    raise Failure(
        f'{file} declares no workflow "{wanted}"',
        hint=f"it declares: {names}" if guess is None else f'did you mean "{guess}"? It declares: {names}',
        exit_code=Exit.USAGE,
    )


def _spoken(workflow: CompiledWorkflow) -> tuple[str, str]:
    """A workflow's name without quotes, with its schema and without."""
    return ".".join(workflow.name), workflow.name[-1]


def _refusals() -> Log:
    """Notes once what the database refuses to the drivers; who follows says that a connection is lost."""
    said: set[str] = set()

    def log(_level: str, message: str, fields: dict[str, Any]) -> None:
        sqlstate = fields.get("sqlstate")
        if sqlstate is not None and not sqlstate.startswith(("57P", "08")) and message not in said:
            said.add(message)
            note(message)

    return log


def _write_result(database: Database, instance: Instance, as_json: bool) -> None:
    with connect(database) as connection:
        outcome = load_outcome(connection, instance.id)
        error = load_error(connection, instance.id) if instance.status == "failed" else None
    if as_json:
        described = {
            "id": instance.id,
            "status": instance.status,
            "reason": outcome.reason,
            "error": asdict(error) if error else None,
        }
        fields = {name: to_json(value) for name, value in described.items()}
        # As the database wrote it: a float would lose digits of a numeric.
        write_json(json_object(fields | {"result": outcome.result or "null"}))
    elif outcome.result is not None:
        write_json(outcome.result)
