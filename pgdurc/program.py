"""A workflow as the runtime runs it: a flat list of numbered states, each one transaction."""

from __future__ import annotations

from dataclasses import dataclass

from pgdurc.diagnostic import Span
from pgdurc.graph import Options, Parameter, Statement, Text


@dataclass(frozen=True, slots=True)
class Run:
    """Run a statement; `is_captured`: its rows are kept, else only their number."""

    statement: Statement
    is_captured: bool


@dataclass(frozen=True, slots=True)
class Sleep:
    seconds: str | None
    interval: str | None
    expression: Text | None


@dataclass(frozen=True, slots=True)
class Break:
    """Encode a break's value as the loop's result; `is_needed` is false where nothing reads it."""

    value: Text | None
    is_needed: bool


@dataclass(frozen=True, slots=True)
class CountRows:
    """Look at the number of rows of a bound name."""

    name: str


@dataclass(frozen=True, slots=True)
class Load:
    """Take a bound name as this step's result."""

    name: str


Action = Run | Sleep | Break | CountRows | Load


@dataclass(frozen=True, slots=True)
class Jump:
    """Go on at `state`; None ends the workflow. `is_lap`: a loop that may never park goes round here."""

    state: int | None
    is_lap: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """Where to go on if this step's result is true, or a CountRows found rows; and if not."""

    yes: Jump
    no: Jump


@dataclass(frozen=True, slots=True)
class State:
    """`name`: what the step's result is bound to wherever it goes on; hidden ones are like `.loop3`."""

    number: int
    kind: str
    action: Action
    name: str | None
    then: Jump | Choice
    label: str
    span: Span


@dataclass(frozen=True, slots=True)
class Program:
    """`outline` is the tree of nodes that df.explain prints, as plain JSON values."""

    name: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    options: Options
    states: tuple[State, ...]
    outline: Outline
    has_raw_variables: bool
    source: str
    span: Span


Outline = dict[str, "Outline"] | list["Outline"] | str | int | bool | None
