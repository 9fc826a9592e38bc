"""Workflows as data: what the generator makes, the interpreter runs and the printer writes as a script.

Each statement writes what it read into the table `effect`, with its number in the workflow; so the table tells which
statements have run, how often, in which order, and on which values.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# What a reference may name besides results: the parameters of every declaration, and variables of the starter. None of
# these values may be read as SQL or scanned for references.
PARAMETERS = {"number": 7, "word": "it's $number {greeting}", "nothing": None}
PARAMETER_LIST = (
    "number int DEFAULT 7, word text DEFAULT 'it''s $number {greeting}', nothing int DEFAULT NULL"
)
VARIABLES = {"greeting": "don't $word {sys_label}", "log": "effect"}

# A wait for longer than any test moves the clock.
FOR_EVER_S = 20_000 * 86_400


# Values


@dataclass(frozen=True)
class Literal:
    """A constant of SQL, and what `to_jsonb` makes of it."""

    sql: str
    json: Any


@dataclass(frozen=True)
class Reference:
    """`$name`, `$name.column`, `$name.rows`, ..., by kind: value, column, rows, row_count, source, text, parameter,
    variable.

    text: inside of a literal, `'<$name>'`. source: `$name.*`, all of its rows. variable: `{name}` in a literal.
    """

    kind: str
    name: str
    column: str | None = None
    is_optional: bool = False

    @property
    def written(self) -> str:
        """As in the script."""
        if self.kind == "variable":
            return "{" + self.name + "}"
        suffix = {"rows": ".rows", "row_count": ".row_count", "source": ".*"}.get(self.kind, "")
        column = f".{self.column}" if self.column else ""
        return f"${self.name}{column}{suffix}{'?' if self.is_optional else ''}"


@dataclass(frozen=True)
class Sum:
    """`$lap + 1`"""

    reference: Reference
    addend: int


@dataclass(frozen=True)
class Counted:
    """`coalesce($lap?, 0) + 1`"""

    name: str


@dataclass(frozen=True)
class Less:
    """`$lap < 3`"""

    reference: Reference
    limit: int


Expression = Literal | Reference | Sum | Counted | Less


# Nodes. `is_operator`: written with an operator where there is one, else as a call.


@dataclass(frozen=True)
class Sql:
    """A statement. By form:

    select     rows of values, in a WITH around the INSERT
    function   SELECT of a function that inserts: one row, one column
    insert     INSERT of so many equal rows, without RETURNING
    returning  the same with RETURNING
    raw        as insert, into a table that a variable names
    block      a DO block, which leaves no trace

    `fails`: the SQLSTATE of every attempt. `flaky`: of the first few, with how many.
    """

    number: int
    form: str
    reads: tuple[Reference, ...]
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Expression, ...], ...] = ()
    count: int = 1
    fails: str | None = None
    flaky: tuple[int, str] | None = None
    is_operator: bool = True


@dataclass(frozen=True)
class Sequence:
    parts: tuple[Node, ...]
    is_operator: bool = True


@dataclass(frozen=True)
class Named:
    node: Node
    name: str
    is_operator: bool = True


@dataclass(frozen=True)
class If:
    condition: Node
    then: Node
    otherwise: Node
    is_operator: bool = True


@dataclass(frozen=True)
class IfRows:
    name: str
    then: Node
    otherwise: Node
    is_operator: bool = False


@dataclass(frozen=True)
class Loop:
    body: Node
    condition: Node | None
    is_operator: bool = True


@dataclass(frozen=True)
class Break:
    """value: None, a text (with references, as written), or a reference to a whole result."""

    value: str | Reference | None
    references: tuple[Reference, ...] = ()
    is_operator: bool = False


@dataclass(frozen=True)
class Join:
    branches: tuple[Node, ...]
    is_operator: bool = True


@dataclass(frozen=True)
class Race:
    branches: tuple[Node, ...]
    is_operator: bool = True


@dataclass(frozen=True)
class Sleep:
    """written: what stands in the parentheses; seconds: how long that is, or the reference that says so."""

    written: str
    seconds: float | Reference
    is_operator: bool = False


@dataclass(frozen=True)
class Schedule:
    arguments: str
    is_operator: bool = False


@dataclass(frozen=True)
class Wait:
    """For a signal of its own. `early` payloads are there from the start, `late` ones are sent when it waits; a wait
    that none is left for times out after `timeout` seconds, and without one never ends. late None: one each time."""

    signal: str
    timeout: float | None
    early: int
    late: int | None
    is_operator: bool = False


Node = Sql | Sequence | Named | If | IfRows | Loop | Break | Join | Race | Sleep | Schedule | Wait


@dataclass(frozen=True)
class Workflow:
    """`is_call`: started by a df.start call, without parameters and options."""

    body: Node
    arguments: tuple[tuple[str, Any], ...] = ()
    max_attempts: int = 1
    is_traced: bool = False
    is_call: bool = False


def parts(node: Node) -> tuple[Node, ...]:
    """The nodes right below."""
    match node:
        case Sequence():
            return node.parts
        case Named():
            return (node.node,)
        case If():
            return (node.condition, node.then, node.otherwise)
        case IfRows():
            return (node.then, node.otherwise)
        case Loop():
            return (node.body,) if node.condition is None else (node.body, node.condition)
        case Join() | Race():
            return node.branches
        case _:
            return ()


def walk(node: Node) -> list[Node]:
    """The node and all below it."""
    return [node, *(below for part in parts(node) for below in walk(part))]
