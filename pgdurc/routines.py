"""Which routine of the runtime does what a state does, with which arguments; the templates write it down."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pgdurc import graph, program
from pgdurc.hidden import is_hidden
from pgdurc.pgsql import quote_identifier
from pgdurc.single_plan import has_single_plan


@dataclass(frozen=True, slots=True)
class Call:
    """`df.<routine>(step, <arguments>)`."""

    routine: str
    arguments: tuple[Argument, ...] = ()


@dataclass(frozen=True, slots=True)
class Assembled:
    """A text put together when the state runs: strings, and calls that give one."""

    pieces: tuple[str | Call, ...]


@dataclass(frozen=True, slots=True)
class Chosen:
    """The text that is the state's, of those of the states that come after `before`."""

    texts: tuple[str, ...]
    before: int


@dataclass(frozen=True, slots=True)
class Execute:
    """`EXECUTE <sql>`, of whose result nobody reads more than how many rows there were."""

    sql: Assembled | Chosen


@dataclass(frozen=True, slots=True)
class Stated:
    """A constant statement that stands in the procedure as it is; of its result nobody reads more either."""

    sql: str

    @property
    def plpgsql(self) -> str:
        """A SELECT whose result goes nowhere is a PERFORM there."""
        return re.sub(r"^select", "PERFORM", self.sql, flags=re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Seconds:
    number: str


@dataclass(frozen=True, slots=True)
class Interval:
    text: str


@dataclass(frozen=True, slots=True)
class Evaluated:
    """The interval that an SQL expression gives when the state runs."""

    expression: Assembled


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a constant query that stands in the procedure as it is."""

    sql: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Labelled:
    """`name => value`."""

    name: str
    value: Argument


# A text is a literal, a tuple an array, None is NULL.
Argument = (
    str
    | bool
    | int
    | None
    | tuple[str, ...]
    | tuple[int, ...]
    | Assembled
    | Chosen
    | Seconds
    | Interval
    | Evaluated
    | Rows
    | Labelled
)

Work = Call | Execute | Stated | None


def work_of(state: program.State, *, keeps_plans: bool) -> Work:
    """What gives the state's result; None where nothing is to be done.

    `keeps_plans`: a session may keep a plan for each statement that has a single one.
    """
    match state.action:
        case program.Fork(is_race=is_race, branches=branches):
            assert isinstance(state.then, program.Jump)
            return Call("fork_v1", ("race" if is_race else "join", branches, state.then.state))
        case program.Gather():
            return _gather(state, state.action)
        case program.Run(statement=statement, is_captured=is_captured):
            return _run(statement, is_captured, keeps_plans)
        case program.Sleep(seconds=str(seconds)):
            return Call("sleep_v1", (Seconds(seconds),))
        case program.Sleep(interval=str(interval)):
            return Call("sleep_v1", (Interval(interval),))
        case program.Sleep(expression=expression):
            return Call("sleep_text_v1", (_assembled(expression or ()),))
        case program.Schedule(cron=cron, timezone=timezone):
            zone = None if timezone is None else _plain((timezone,))
            return Call("wait_for_schedule_v1", _without_defaults((_plain((cron,)), zone)))
        case program.Signal(name=name, timeout=timeout):
            limit = () if timeout is None else (Labelled("timeout", _interval(timeout)),)
            return Call("wait_for_signal_v1", (_plain(name), *limit))
        case program.Break(is_needed=False) | program.CountRows():
            return None
        case program.Break(value=None):
            return Call("break_v1", (None,))
        case program.Break(value=value):
            assert value is not None
            return _break(value)
        case program.Load(name=name):
            return Call("load_v1", (name,))


def test_of(action: program.Action) -> Call:
    """The call that a decision rests on: a truth, or a number of rows."""
    match action:
        case program.CountRows(name=name):
            return Call("row_count_v1", (name,))
        case _:
            return Call("is_true_v1")


def merged(works: Sequence[Work], before: int) -> Call | Execute | None:
    """What does for each state after `before` what these do; None where they differ in more than a text."""
    texts: list[str] = []
    shapes: set[Call | Execute] = set()
    for work in works:
        match work:
            case Execute(Assembled((str(text),))):
                shapes.add(Execute(Chosen((), before)))
            case Call("query_v1", (Assembled((str(text),)), *rest)):
                shapes.add(Call("query_v1", (Chosen((), before), *rest)))
            case _:
                return None
        texts.append(text)
    chosen = Chosen(tuple(texts), before)
    match list(shapes):
        case [Execute()]:
            return Execute(chosen)
        case [Call(routine, (_, *rest))]:
            return Call(routine, (chosen, *rest))
    return None


def _gather(state: program.State, gather: program.Gather) -> Call:
    assert isinstance(state.then, program.Jump)
    given: dict[str, Argument] = {
        "name": state.name,
        "merge": gather.merge or None,
        "break_to": gather.break_to,
        "break_name": gather.break_name,
        "is_kept": None if gather.is_kept else False,
    }
    arguments = [Labelled(name, value) for name, value in given.items() if value is not None]
    return Call("gather_v1", (Labelled("next", state.then.state), *arguments))


def _run(statement: graph.Statement, is_captured: bool, keeps_plans: bool) -> Call | Execute | Stated:
    if not is_captured:
        whole = (*statement.hoisted, " ", *statement.text) if statement.hoisted else statement.text
        match _assembled(whole):
            case Assembled((str(sql),)) if keeps_plans and has_single_plan(sql):
                return Stated(sql)
            case sql:
                return Execute(sql)
    if statement.run is graph.Run.ANY:
        return Call("any_v1", (_assembled(statement.text),))
    if statement.run is graph.Run.SHOW:
        return Call("show_v1", (_assembled(statement.text), statement.columns))
    if keeps_plans and (rows := _rows(statement)):
        return Call("keep_v1", (rows.columns, rows))
    hoisted = _assembled(statement.hoisted) if statement.hoisted else None
    arguments = (_assembled(statement.text), statement.columns, statement.types, hoisted)
    return Call("query_v1", _without_defaults(arguments))


def _rows(statement: graph.Statement) -> Rows | None:
    columns = statement.columns or ()
    if statement.hoisted or statement.types or len(set(columns)) < max(1, len(columns)):
        return None
    match _assembled(statement.text):
        case Assembled((str(sql),)) if has_single_plan(sql):
            return Rows(sql, columns)
    return None


def _break(value: graph.Text) -> Call:
    match value:
        case (graph.ParameterValue(name=name),) if is_hidden(name):
            return Call("break_param_v1", (name,))
        case (graph.ParameterValue(name=name),):
            return Call("load_param_v1", (name,))
        case (graph.ResultValue(name=name, reading=reading, column=column, is_optional=is_optional),) if (
            reading is not graph.Reading.COUNT
        ):
            return Call("load_v1", _without_defaults((name, column, is_optional or None)))
    return Call("break_v1", (_assembled(value),))


# Texts


def _plain(text: graph.Text) -> Argument:
    """A text that is no SQL: a literal where nothing is to be put in."""
    match text:
        case (str(constant),):
            return constant
    return _assembled(text)


def _interval(duration: graph.Duration) -> Argument:
    if duration.seconds is not None:
        return Interval(f"{duration.seconds} seconds")
    if duration.interval is not None:
        return Interval(duration.interval)
    return Evaluated(_assembled(duration.expression or ()))


def _assembled(text: graph.Text) -> Assembled:
    pieces: list[str | Call] = []
    for piece in text:
        if not isinstance(piece, str):
            pieces.append(_value(piece))
            if not isinstance(piece, graph.ResultValue) or piece.alias is None:
                continue
            piece = f" AS {quote_identifier(piece.alias)}"
        if pieces and isinstance(last := pieces[-1], str):
            pieces[-1] = last + piece
        else:
            pieces.append(piece)
    return Assembled(tuple(pieces))


_VALUES = {
    graph.Reading.ROWS: "rows_v1",
    graph.Reading.COUNT: "count_v1",
    graph.Reading.RECORDSET: "recordset_v1",
}


def _value(piece: graph.ParameterValue | graph.Variable | graph.ResultValue) -> Call:
    form = None if piece.form is graph.Form.EXPRESSION else piece.form.value
    match piece:
        case graph.ParameterValue(name=name):
            return Call("param_v1", _without_defaults((name, form)))
        case graph.Variable(name=name):
            return Call("var_v1", _without_defaults((name, form)))
        case graph.ResultValue(reading=graph.Reading.RECORDSET, name=name):
            return Call("recordset_v1", (name,))
        case graph.ResultValue(reading=graph.Reading.VALUE, name=name, column=column, is_optional=optional):
            is_optional = optional or (None if form is None else False)
            return Call("value_v1", _without_defaults((name, column, is_optional, form)))
        case graph.ResultValue(reading=reading, name=name):
            return Call(_VALUES[reading], _without_defaults((name, form)))


def _without_defaults(arguments: tuple[Argument, ...]) -> tuple[Argument, ...]:
    """Without the NULLs at the end, where the routine has defaults."""
    count = len(arguments)
    while arguments[count - 1] is None:
        count -= 1
    return arguments[:count]
