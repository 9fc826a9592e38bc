"""Starts a deployed workflow by name, and waits for nothing."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Collection, Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pgdurc.database import failure_of
from pgdurc.failure import Exit, Failure
from pgdurc.nearest import nearest

if TYPE_CHECKING:
    from pgdurc.compile import CompiledWorkflow
    from pgdurc.database import Connection

ARGUMENT = re.compile(r"(?s)([^=:]+)(:?=)(.*)")
_SURROGATE = re.compile("[\ud800-\udfff]")


def start_workflow(
    connection: Connection,
    name: str,
    written: Iterable[str],
    *,
    label: str | None = None,
    key: str | None = None,
) -> str:
    """The id of the instance. `written` are arguments as name=value."""
    import psycopg
    from psycopg.types.json import Jsonb

    require_key(key)
    parameters = _parameters(connection, name)
    arguments = parse_arguments(written, {p for p, type_ in parameters.items() if type_ in ("json", "jsonb")})
    try:
        row = connection.execute(
            "SELECT df.start_workflow(%s, %s, %s, %s)", (name, Jsonb(arguments, dumps=_exact), label, key)
        ).fetchone()
    except psycopg.Error as error:
        failure = failure_of(error)
        if error.sqlstate in ("PD005", "22023"):  # no such name; no name at all, for it lacks its quotes
            guess = _nearest_workflow(connection, name)
            failure.hint = failure.hint if guess is None else f"did you mean {guess}?"
        elif error.sqlstate == "PD003":
            guesses = _nearest_parameters(arguments, parameters)
            failure.hint = " ".join(filter(None, [*guesses, failure.hint])) or None
        raise failure from None
    assert row is not None
    return str(row[0])


def require_key(key: str | None) -> None:
    if key == "":
        # A variable that was not set: all starts would be one.
        raise Failure("the key is empty", hint="leave out --key to start each time", exit_code=Exit.USAGE)


def require_startable(workflow: CompiledWorkflow, arguments: Collection[str], key: str | None) -> None:
    """Raise Failure where the declaration shows that the start would be refused: by names, not by values."""
    require_key(key)
    known = [parameter.name for parameter in workflow.parameters]
    name = workflow.qualified_name
    shown = ", ".join(f"{parameter.name} {parameter.type}" for parameter in workflow.parameters)
    takes = f"Its parameters: {shown}" if known else "It takes no arguments."
    unknown = [argument for argument in arguments if argument not in known]
    if unknown:
        hint = " ".join([*_nearest_parameters(unknown, known), takes])
        message = f'workflow "{name}" has no parameter {", ".join(unknown)}'
        raise Failure(message, hint=hint, exit_code=Exit.USAGE)
    for parameter in workflow.parameters:
        if parameter.default is None and parameter.name not in arguments:
            message = f'argument "{parameter.name}" of workflow "{name}" is missing'
            raise Failure(message, hint=takes, exit_code=Exit.USAGE)


def is_started_here(connection: Connection, instance_id: str) -> bool:
    """Whether it is this transaction that started it, and no earlier start with the same key."""
    row = connection.execute(
        """
        SELECT EXISTS (
            SELECT FROM df.instance AS i WHERE i.id = %s AND i.start_xact = pg_catalog.pg_current_xact_id()
        )
        """,
        (instance_id,),
    ).fetchone()
    assert row is not None
    return bool(row[0])


def _parameters(connection: Connection, name: str) -> dict[str, str]:
    """The parameters and their types; of all workflows of that name, where the schema is not given."""
    rows: list[Any] = connection.execute(
        """
        SELECT p.parameter ->> 'name', pg_catalog.lower(p.parameter ->> 'type')
        FROM df.workflows AS w
        CROSS JOIN LATERAL pg_catalog.jsonb_array_elements(w.parameters) AS p (parameter)
        WHERE w.name = %s OR pg_catalog.right(w.name, pg_catalog.length(%s) + 1) = '.' || %s
        """,
        (name, name, name),
    ).fetchall()
    return dict(rows)


def _nearest_workflow(connection: Connection, name: str) -> str | None:
    """In double quotes; one that has its own in SQL is as a shell wants it."""
    from psycopg.pq import TransactionStatus

    if connection.info.transaction_status != TransactionStatus.IDLE:
        return None  # the refusal has ended the caller's transaction
    rows: list[Any] = connection.execute(
        """
        SELECT w.name, w.bare,
               CASE WHEN w.schema = ANY (pg_catalog.current_schemas(false)) THEN w.bare ELSE w.name END
        FROM (
            SELECT n.name, n.schema,
                   pg_catalog.substr(n.name, pg_catalog.length(pg_catalog.quote_ident(n.schema)) + 2) AS bare
            FROM df.workflows AS n
        ) AS w
        """
    ).fetchall()
    offered = {known: written for qualified, bare, written in rows for known in (qualified, bare)}
    guess = nearest(name, offered)
    if guess is None or offered[guess] == name:
        return None
    return shlex.quote(offered[guess]) if '"' in offered[guess] else f'"{offered[guess]}"'


def _nearest_parameters(given: Iterable[str], known: Collection[str]) -> list[str]:
    guesses = [nearest(name, known) for name in given if name not in known]
    return [f'did you mean "{guess}"?' for guess in guesses if guess is not None]


def parse_arguments(written: Iterable[str], json_parameters: Collection[str] = ()) -> dict[str, Any]:
    """Arguments as df.start_workflow takes them: texts, which become the parameters' types there.

    `name:=json` gives any JSON, `null` included; so does `name=json` for a parameter that takes JSON.
    """
    arguments: dict[str, Any] = {}
    for text in written:
        found = ARGUMENT.fullmatch(text)
        if found is None:
            raise Failure(
                f'argument "{text}" is not of the form name=value',
                hint="for example: -a batch_size=100",
                exit_code=Exit.USAGE,
            )
        if _SURROGATE.search(text):  # what Python makes of a byte that is not UTF-8
            raise Failure(f"argument {text!a} is not UTF-8", exit_code=Exit.USAGE)
        name, sign, value = found.groups()
        if name in arguments:
            raise Failure(f'argument "{name}" is given twice', exit_code=Exit.USAGE)
        arguments[name] = _json(name, value) if sign == ":=" or name in json_parameters else value
    return arguments


def _json(name: str, value: str) -> Any:
    try:
        # Python reads no integer of more than 4,300 digits, PostgreSQL does.
        return json.loads(value, parse_float=Decimal, parse_int=Decimal)
    except RecursionError:
        raise Failure(f'argument "{name}" is JSON that is too deep', exit_code=Exit.USAGE) from None
    except json.JSONDecodeError as error:
        raise Failure(
            f'argument "{name}" is not JSON: {error}',
            hint="a JSON string has double quotes of its own: '\"text\"'",
            exit_code=Exit.USAGE,
        ) from None


def _exact(value: Any) -> str:
    """JSON with every digit that was written: a float would lose some."""
    match value:
        case Decimal():
            return str(value)
        case dict():
            return "{" + ", ".join(f"{json.dumps(key)}: {_exact(item)}" for key, item in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_exact, value)) + "]"
        case _:
            return json.dumps(value)
