"""The checked form of a workflow: names resolved, statements classified, options typed.

It knows nothing of operators: another surface of the language would end here too.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from pgdurc.diagnostic import Span


class Form(Enum):
    """How a value is written where it stands; the values are the runtime's names."""

    EXPRESSION = "expression"
    FITTING = "fitting"  # an expression too, but text takes the type that its context wants
    JOINED = "joined"  # the same beside a constant text: of JSON, too, the text
    JSONB = "jsonb"  # in front of a JSON operator: jsonb, whatever a field of JSON holds
    LITERAL = "literal"  # '...': all that a utility statement takes
    TEXT = "text"  # inside a string literal
    JSON = "json"  # inside a string of a JSON text
    RAW = "raw"


class Reading(Enum):
    """What a reference reads of a result."""

    VALUE = "value"  # $x of one column or an object, $x.col
    ROWS = "rows"
    COUNT = "count"
    RECORDSET = "recordset"


@dataclass(frozen=True, slots=True)
class ParameterValue:
    """`$batch_size` where that is a parameter. `expression_shown`: what gives a hidden one its value."""

    name: str
    form: Form
    expression_shown: str | None = None


@dataclass(frozen=True, slots=True)
class ResultValue:
    """A reference to a bound name, `written` so.

    `alias`: for a recordset, the one to append where the author gave none.
    """

    name: str
    reading: Reading
    column: str | None
    is_optional: bool
    form: Form
    alias: str | None = None
    written: str = ""


@dataclass(frozen=True, slots=True)
class Variable:
    """`{name}` of the df.setvar snapshot, or `{sys_instance_id}` and `{sys_label}`."""

    name: str
    form: Form


Piece = str | ParameterValue | ResultValue | Variable
Text = tuple[Piece, ...]
"""Text as the author wrote it, cut at the references."""


class Run(Enum):
    """Which way the runtime must run a statement to have its rows."""

    EXEC = "exec"  # there are none
    QUERY = "query"  # inside WITH q AS (...)
    SHOW = "show"  # a utility: it cannot stand there
    ANY = "any"  # what it is, is known only when it runs


@dataclass(frozen=True, slots=True)
class Statement:
    """A SQL statement of a leaf.

    `columns`: names of the result's columns, None where only the server knows them. `types`: from an
    annotation. `hoisted`: the WITH clause, where it modifies data and so must stay at the top level; `text`
    is then the rest. `is_probed`: the server can be asked for the columns without running it, so they need
    not be known.
    """

    text: Text
    hoisted: Text
    run: Run
    columns: tuple[str, ...] | None
    is_probed: bool
    types: tuple[str, ...] | None = None

    @property
    def is_capturable(self) -> bool:
        """Whether the runtime can keep the rows."""
        return self.run is not Run.EXEC and (self.columns is not None or self.is_probed)


@dataclass(frozen=True, slots=True)
class Sql:
    """`written`: what the author wrote, where that is not the text of the statement."""

    statement: Statement
    span: Span
    written: str | None = None


@dataclass(frozen=True, slots=True)
class Sequence:
    parts: tuple[Node, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Named:
    """`is_read`: some reference reads the value; `is_counted`: or at least the number of rows."""

    body: Node
    name: str
    is_read: bool
    is_counted: bool
    span: Span


@dataclass(frozen=True, slots=True)
class If:
    condition: Node
    then: Node
    otherwise: Node
    span: Span


@dataclass(frozen=True, slots=True)
class IfRows:
    name: str
    then: Node
    otherwise: Node
    span: Span


@dataclass(frozen=True, slots=True)
class Loop:
    """`has_break`: a break that leaves this loop can be reached."""

    body: Node
    condition: Node | None
    has_break: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Break:
    """`value`: None is the JSON null; exactly one reference takes over what that is bound to."""

    value: Text | None
    span: Span


@dataclass(frozen=True, slots=True)
class Duration:
    """`seconds` or `interval` for a constant, else `expression` over references."""

    seconds: str | None = None
    interval: str | None = None
    expression: Text | None = None


@dataclass(frozen=True, slots=True)
class Sleep:
    duration: Duration
    span: Span


@dataclass(frozen=True, slots=True)
class Signal:
    """`timeout`: None waits for ever."""

    name: Text
    timeout: Duration | None
    span: Span


@dataclass(frozen=True, slots=True)
class Join:
    branches: tuple[Node, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Race:
    branches: tuple[Node, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Schedule:
    """`timezone`: None is that of the workflow. Not constant only where they are hidden parameters."""

    cron: str | ParameterValue
    timezone: str | ParameterValue | None
    span: Span


Node = Sql | Sequence | Named | If | IfRows | Loop | Break | Sleep | Join | Race | Signal | Schedule


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    type: str
    default: str | None


@dataclass(frozen=True, slots=True)
class Options:
    """What `WITH (...)` gives; None: not given. Intervals are texts that PostgreSQL reads."""

    max_attempts: int | None = None
    backoff: str | None = None
    backoff_max: str | None = None
    trace: str | None = None
    timezone: str | None = None


@dataclass(frozen=True, slots=True)
class Workflow:
    """`has_raw_variables`: some `{var}` stands where it is SQL text and not a value."""

    name: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    options: Options
    body: Node
    has_raw_variables: bool
    source: str
    span: Span
