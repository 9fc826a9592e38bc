"""A workflow as the runtime runs it: a flat list of numbered states, each one transaction."""

from __future__ import annotations

from dataclasses import dataclass

from pgdurc.diagnostic import Span
from pgdurc.graph import Duration, Options, Parameter, ParameterValue, Statement, Text


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
class Signal:
    """Take a signal, or wait for it: then this state runs again when there is one or the time is up."""

    name: Text
    timeout: Duration | None


@dataclass(frozen=True, slots=True)
class Schedule:
    cron: str | ParameterValue
    timezone: str | ParameterValue | None


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


@dataclass(frozen=True, slots=True)
class Fork:
    """Go on at each of `branches` at once, each a task of its own that begins at that state."""

    is_race: bool
    branches: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Gather:
    """Take up what the branches left, once they have ended.

    `merge`: names that they may have bound and that are read elsewhere. `break_to`: where a break out of a
    branch goes on, its value bound to `break_name`; None where no branch breaks, or out of this task too.
    """

    is_kept: bool
    merge: tuple[str, ...]
    break_to: int | None = None
    break_name: str | None = None


Action = Run | Sleep | Break | CountRows | Load | Fork | Gather | Signal | Schedule


@dataclass(frozen=True, slots=True)
class Jump:
    """Go on at `state`; None ends the task. `is_lap`: a loop that may never park goes round here."""

    state: int | None
    is_lap: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """Where to go on if this step's result is true, or a CountRows found rows; and if not."""

    yes: Jump
    no: Jump


@dataclass(frozen=True, slots=True)
class Leave:
    """End this task, a branch, by a break: its fork's task goes on behind the loop."""


@dataclass(frozen=True, slots=True)
class State:
    """`name`: what the step's result is bound to wherever it goes on; hidden ones are like `.loop3`."""

    number: int
    kind: str
    action: Action
    name: str | None
    then: Jump | Choice | Leave
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
