"""The nodes of the language and what their arguments are."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cache

from pgdurc.nearest import nearest


class Argument(Enum):
    """What an argument may be; the text is how a message calls it."""

    STEP = "a step"
    SQL = "a constant string of SQL"
    NAME = "the name of a result"
    TEXT = "a constant string, a number, a reference such as $name, or NULL"
    CONSTANT = "a constant string"
    LABEL = "a constant string or a reference such as $name"
    DURATION = "a number of seconds, an interval string or an SQL expression"


@dataclass(frozen=True, slots=True)
class Parameter:
    """`is_repeated`: any number of further arguments of the kind may follow, by position."""

    name: str
    argument: Argument
    is_optional: bool = False
    is_repeated: bool = False


NODES: dict[str, tuple[Parameter, ...]] = {
    "sql": (Parameter("query", Argument.SQL),),
    "seq": (Parameter("a", Argument.STEP), Parameter("b", Argument.STEP)),
    "as": (Parameter("fut", Argument.STEP), Parameter("name", Argument.NAME)),
    "join": (Parameter("a", Argument.STEP), Parameter("b", Argument.STEP, is_repeated=True)),
    "join3": (Parameter("a", Argument.STEP), Parameter("b", Argument.STEP), Parameter("c", Argument.STEP)),
    "race": (Parameter("a", Argument.STEP), Parameter("b", Argument.STEP, is_repeated=True)),
    "if": (
        Parameter("condition", Argument.STEP),
        Parameter("then_branch", Argument.STEP),
        Parameter("else_branch", Argument.STEP),
    ),
    "if_rows": (
        Parameter("result_name", Argument.NAME),
        Parameter("then_branch", Argument.STEP),
        Parameter("else_branch", Argument.STEP),
    ),
    "loop": (Parameter("body", Argument.STEP), Parameter("condition", Argument.STEP, is_optional=True)),
    "break": (Parameter("value", Argument.TEXT, is_optional=True),),
    "sleep": (Parameter("seconds", Argument.DURATION),),
    "wait_for_schedule": (
        Parameter("cron_expr", Argument.CONSTANT),
        Parameter("timezone", Argument.CONSTANT, is_optional=True),
    ),
    "wait_for_signal": (
        Parameter("name", Argument.LABEL),
        Parameter("timeout_seconds", Argument.DURATION, is_optional=True),
    ),
}

_REQUEST = "let a step call a function of yours that makes the request: 'SELECT request($name)'"
NODES_TO_COME: dict[str, str] = {
    "any": "df.race goes on with the first branch to end, be it by an error",
    "atomic": "what takes effect together is one step: a DO block, or a function of yours",
    "call": "a step can start it, 'SELECT df.start_workflow(''name'')', and a signal tell that it has ended",
    "detached": "run it outside of the workflow",
    "http": _REQUEST,
    "http_multipart": _REQUEST,
    "map": "write one statement for all rows, or a loop that takes some each time",
    "retry": "declared WITH (max_attempts = 5), a workflow tries each of its steps again",
    "try": "an error is handled within its step: by a DO block with EXCEPTION, or a function of yours",
    "wait_for": "look again and again: df.loop(df.sleep('5 seconds'), 'SELECT NOT ready FROM job')",
    "wait_until": "sleep until then: df.sleep(greatest($moment - df.now(), interval '0'))",
    "with_undo": "what is undone together is one step; else undo in a branch: condition ?> undo !> next",
}
"""And what to write as long as there is no such node."""

BEHIND_OPERATORS = {"as_op": "|=>", "loop_prefix_op": "@>", "if_then_op": "?>", "if_else_op": "!>"}
"""Functions of pg_durable that its operators call, which nobody need write."""

FUNCTIONS = frozenset(
    [
        "await_instance",
        "cancel",
        "clearvars",
        "doctor",
        "duroxide_schema",
        "error",
        "explain",
        "fingerprint",
        "getvar",
        "grant_driver",
        "grant_usage",
        "install_scheduler",
        "instance_executions",
        "instance_info",
        "instance_nodes",
        "janitor",
        "list_instances",
        "metrics",
        "move_clock",
        "now",
        "prune_versions",
        "require_runtime",
        "result",
        "revoke_driver",
        "revoke_usage",
        "run",
        "run_timers",
        "setvar",
        "signal",
        "signal_label",
        "start",
        "start_workflow",
        "status",
        "target_database",
        "timeline",
        "uninstall_scheduler",
        "unsetvar",
        "version",
        "visible_roles",
        "wait_for_completion",
        "waiting",
    ]
)
"""Functions of the schema that are no nodes."""

DOING_FUNCTIONS = FUNCTIONS - {"getvar", "result"}
"""Those that do something and give no text that could be a step's SQL."""


_ALIKE = {"any": "race", "atomic": "loop", "retry": "loop", "with_undo": "seq"}
"""Nodes to come whose first arguments are steps, as those of these are."""


@cache
def alike(name: str) -> str | None:
    """The node whose arguments those of one that there is not are most likely like."""
    if name in FUNCTIONS or name in BEHIND_OPERATORS:
        return None
    guess = name if name in NODES_TO_COME else nearest(name, [*NODES, *sorted(NODES_TO_COME)])
    return guess if guess in NODES else _ALIKE.get(guess or "")


def signature(name: str) -> str:
    """`df.loop(body, [condition])`, for a message."""
    parameters = NODES[name]
    shown = [f"[{p.name}]" if p.is_optional else p.name for p in parameters]
    return f"df.{name}({', '.join([*shown, '...'] if parameters[-1].is_repeated else shown)})"
