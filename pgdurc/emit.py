"""From the program to the SQL that a reviewer reads.

The SQL stands in `templates/`; this module gives them what they need, in their words.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from pgdurc import RUNTIME_EPOCH, graph, program
from pgdurc.json_layout import layout
from pgdurc.pgsql import quote_identifier, quote_literal, scan
from pgdurc.program import Choice, Jump, Leave, Outline, Program, State
from pgdurc.routines import Call, Execute, Stated, Work, merged, test_of, work_of
from pgdurc.source import Source
from pgdurc.version import CALL_LENGTH, EMITTER_EPOCH, version_of

if TYPE_CHECKING:
    import jinja2


# PL/pgSQL looks at the branches of a CASE one after another: more than these are a tree of CASEs.
_FLAT_UP_TO = 20
_BRANCHES = 10
# States that are written as one. Of the texts of all of them PL/pgSQL makes an array once a session.
_MOST_ALIKE = 100
# PL/pgSQL compiles a procedure once a session, in a time that grows with states times lines.
_DENSE_FROM = 1_000
_MAX_PAIRS = 50  # jsonb_build_object takes 100 arguments


@dataclass(frozen=True, slots=True)
class Emitted:
    """The SQL of one workflow. `name` is quoted as SQL wants it."""

    sql: str
    name: str
    version: str


def emit_runtime_check() -> str:
    """The statement that must stand before the first definition."""
    return _template("require_runtime.sql.j2").render(epoch=RUNTIME_EPOCH)


def emit_drop(name: tuple[str, ...], *, if_exists: bool) -> str:
    return _template("drop.sql.j2").render(name=qualified(name), if_exists=if_exists)


def emit_workflow(program: Program, source: Source) -> Emitted:
    """The step procedure, the starter and the registration of a workflow."""
    version = version_of(program)
    name = qualified(program.name)
    file = _file(source)
    line = source.position(program.span.start)[0]
    procedure = qualified((*program.name[:-1], f"{program.name[-1]}__{version}"))
    parameters = [_parameter(parameter) for parameter in program.parameters]
    context = {
        "title": _comment(name),
        "name": name,
        "version": version,
        "place": f"{file}:{line}",
        "procedure": procedure,
        "time_zone": program.options.timezone or "UTC",
        "is_dense": _is_dense(program.states),
        "dispatch": _dispatch(program.states, file, source),
        "signature": ", ".join(_signature(parameter) for parameter in parameters),
        "argument_groups": _argument_groups(program.name[-1], parameters),
        "definition": layout(_definition(program, parameters, file, line, source), indent=8),
        "source": program.source,
    }
    tags = {"body_tag": "step", "starter_tag": "starter", "register_tag": "pgdurc"}
    return Emitted(_render("workflow.sql.j2", context, tags), name, version)


def emit_call(program: Program, source: Source, *, is_stored: bool) -> Emitted:
    """The definition that stands before the statement of a call; `is_stored`: for a call that is kept."""
    version = version_of(program, CALL_LENGTH)
    file = _file(source)
    line = source.position(program.span.start)[0]
    parameters = [_parameter(parameter) for parameter in program.parameters]
    definition = _definition(program, parameters, file, line, source)
    definition["is_stored"] = is_stored
    context = {
        "version": version,
        "place": f"{file}:{line}",
        "is_dense": _is_dense(program.states),
        "dispatch": _dispatch(program.states, file, source),
        "definition": layout(definition, indent=8),
        "source": program.source,
    }
    sql = _render("define_call.sql.j2", context, {"body_tag": "body", "define_tag": "pgdurc"})
    return Emitted(sql, qualified(program.name), version)


def emit_start(
    version: str, values: tuple[tuple[str, str], ...], arguments: tuple[tuple[str, str], ...]
) -> str:
    """The expression that stands in a call's place; `values` are those of hidden parameters."""
    context = {"version": version, "values": values, "arguments": arguments}
    return _template("start_call.sql.j2").render(context).strip()


def emit_explain(program: Program) -> str:
    """The expression that stands in the place of a df.explain call."""
    graph = json.dumps(program.outline, ensure_ascii=False)
    return _template("explain_call.sql.j2").render(graph=graph).strip()


def _file(source: Source) -> str:
    return PurePath(source.name).name.replace("\n", " ").replace("\r", " ")


def _render(template: str, context: dict[str, Any], tags: dict[str, str]) -> str:
    """Render with dollar quotes whose tags do not occur in what they quote: that is known afterwards."""
    number = 0
    while True:
        written = {key: f"${tag}{number or ''}$" for key, tag in tags.items()}
        sql = _template(template).render(context, **written)
        if _is_closed(sql, written):
            return sql
        number += 1


def qualified(name: tuple[str, ...]) -> str:
    return ".".join(quote_identifier(part) for part in name)


def _is_closed(sql: str, tags: dict[str, str]) -> bool:
    """Whether each tag occurs just where it opens and closes."""
    uses = Counter(tags.values())
    return all(sql.count(tag) == 2 * count for tag, count in uses.items())


# Parameters


def _parameter(parameter: graph.Parameter) -> graph.Parameter:
    default = None if parameter.default is None else _without_comments(parameter.default)
    return graph.Parameter(parameter.name, _without_comments(parameter.type), default)


def _without_comments(text: str) -> str:
    if "--" not in text and "/*" not in text and "\n" not in text:
        return text
    kept: list[str] = []
    end = 0
    for token in scan(text):
        if token.is_comment:
            continue
        if kept and token.start > end:
            kept.append(" ")
        kept.append(token.text)
        end = token.end
    return "".join(kept)


def _signature(parameter: graph.Parameter) -> str:
    default = "" if parameter.default is None else f" DEFAULT {parameter.default}"
    return f"{quote_identifier(parameter.name)} {parameter.type}{default}"


def _argument_groups(function: str, parameters: list[graph.Parameter]) -> list[list[dict[str, str]]]:
    # The function's name in front: a column of that name cannot capture the parameter.
    arguments = [
        {"name": p.name, "value": f"{quote_identifier(function)}.{quote_identifier(p.name)}"}
        for p in parameters
    ]
    return [arguments[at : at + _MAX_PAIRS] for at in range(0, len(arguments), _MAX_PAIRS)]


# States


def _is_dense(states: tuple[State, ...]) -> bool:
    return len(states) >= _DENSE_FROM


def _dispatch(states: tuple[State, ...], file: str, source: Source) -> dict[str, Any]:
    """What a CASE decides between: states, or groups of `size` states that are such a thing again."""
    is_dense = _is_dense(states)
    # Each plan takes memory in each session.
    works = [work_of(state, keeps_plans=not is_dense) for state in states]
    nodes = [_state(state, work, file, source) for state, work in zip(states, works, strict=True)]
    if len(nodes) <= _FLAT_UP_TO:
        return {"states": nodes}

    def group(at: int, size: int) -> dict[str, Any]:
        some = slice(at, at + size)
        if is_dense and size <= _MOST_ALIKE and (alike := _alike(states[some], nodes[some], works[some])):
            return {"alike": alike}
        return {"states": nodes[some]} if size == _BRANCHES else groups(at, at + size, size // _BRANCHES)

    def groups(begin: int, end: int, size: int) -> dict[str, Any]:
        parts = [group(at, size) for at in range(begin, min(end, len(nodes)), size)]
        return {"size": size, "first": begin // size, "groups": parts}

    size = _BRANCHES
    while len(nodes) > _FLAT_UP_TO * size:
        size *= _BRANCHES
    return groups(0, len(nodes), size)


def _state(state: State, work: Work, file: str, source: Source) -> dict[str, Any]:
    then = state.then
    yes, no = (then.yes, then.no) if isinstance(then, Choice) else (then, None)
    return {
        "number": state.number,
        "comment": f"{file}:{source.position(state.span.start)[0]}{_remark(state)}",
        **_work(work),
        "name": state.name,
        "is_waiting": isinstance(state.action, program.Signal),
        "is_steered": isinstance(state.action, program.Fork | program.Gather),
        "test": None if no is None else test_of(state.action),
        "yes": yes,
        "no": no,
        "may_end": any(isinstance(way, Jump) and way.state is None for way in (yes, no)),
        "is_plain": _is_plain(yes) and (no is None or _is_plain(no)),
    }


def _work(work: Work) -> dict[str, Any]:
    return {
        "stated": work if isinstance(work, Stated) else None,
        "sql": work.sql if isinstance(work, Execute) else None,
        "call": work if isinstance(work, Call) else None,
    }


def _alike(
    states: tuple[State, ...], nodes: list[dict[str, Any]], works: list[Work]
) -> dict[str, Any] | None:
    """States that differ in a text at most, as branches of a join often do, as one; None where they do not.

    Each branch of a CASE takes three plans, which each session makes and keeps.
    """
    first, last = nodes[0], nodes[-1]
    work: Work = merged(works, before=first["number"] - 1)
    is_same = len(works) > 1 and all(work == works[0] for work in works)
    if work is not None and is_same:
        work = work_of(states[0], keeps_plans=True)
    if work is None or any(node["no"] is not None or node["name"] != first["name"] for node in nodes):
        return None
    yes = first["yes"]
    if all(_is_plain(node["yes"]) and node["yes"].state == node["number"] + 1 for node in nodes):
        yes = {"state": "step.state + 1", "is_lap": False}
    elif any(node["yes"] != yes for node in nodes):
        return None
    comment = first["comment"]
    if comment != last["comment"]:
        comment += f" ... {last['comment']}"
    return {**first, **_work(work), "comment": comment, "yes": yes, "is_same": is_same}


def _is_plain(then: Jump | Leave) -> bool:
    return isinstance(then, Jump) and then.state is not None and not then.is_lap


def _remark(state: State) -> str:
    """What the line of the source does not tell at a glance."""
    bound = ""
    if state.name is not None:
        bound = f" |=> {_comment(state.name)}{' (hidden)' if state.name.startswith('.') else ''}"
    match state.action:
        case program.CountRows(name=name):
            return f" df.if_rows {_comment(name)}"
        case program.Sleep():
            return " df.sleep" + bound
        case program.Break():
            return " df.break" + bound
        case program.Schedule():
            return " df.wait_for_schedule" + bound
        case program.Signal():
            return " df.wait_for_signal" + bound
        case program.Fork():
            return f" {state.kind}"
        case program.Gather():
            return f" {state.label.removeprefix('df.')}, its end{bound}"
        case program.Load() if state.kind != "condition":
            return f" the result of {state.label.partition('(')[0]}{bound}"
    return (" condition" if state.kind == "condition" else "") + bound


def _comment(text: str) -> str:
    return text.replace("\n", " ").replace("\r", " ")


# Registration


def _definition(
    program: Program, parameters: list[graph.Parameter], file: str, line: int, source: Source
) -> dict[str, Outline]:
    described: list[Outline] = []
    for parameter in parameters:
        one: dict[str, Outline] = {"name": parameter.name, "type": parameter.type}
        if parameter.default is not None:
            one["default"] = parameter.default
        described.append(one)
    options = program.options
    given = {
        "max_attempts": options.max_attempts,
        "backoff": options.backoff,
        "backoff_max": options.backoff_max,
        "trace": options.trace,
        "timezone": options.timezone,
    }
    return {
        "file": file,
        "line": line,
        "epoch": EMITTER_EPOCH,
        "raw_vars": program.has_raw_variables,
        "parameters": described,
        "options": {key: value for key, value in given.items() if value is not None},
        "states": [_state_definition(state, source) for state in program.states],
        "graph": program.outline,
    }


def _state_definition(state: State, source: Source) -> Outline:
    definition: dict[str, Outline] = {
        "state": state.number,
        "kind": state.kind,
        "label": state.label,
        "line": source.position(state.span.start)[0],
    }
    if state.name is not None and not state.name.startswith("."):
        definition["name"] = state.name
    return definition


# Templates


def _dollar(text: str, tag: str) -> str:
    """`text` in a dollar quote whose tag does not occur in it, nor begins at its end."""
    number = 0
    delimiter = f"${tag}$"
    while (text + delimiter).find(delimiter) != len(text):
        number += 1
        delimiter = f"${tag}{number}$"
    return delimiter + text + delimiter


def _fit(parts: list[str], separator: str, line_end: str, room: int) -> str:
    """`parts` on one line where they fit, else a line each."""
    line = separator.join(parts)
    return line if "\n" not in line and len(line) <= room else line_end.join(parts)


@cache
def _template(name: str) -> jinja2.Template:
    return _environment().get_template(name)


@cache
def _environment() -> jinja2.Environment:
    import jinja2

    from pgdurc.resources import resource_directory

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(resource_directory("templates")),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,
        extensions=["jinja2.ext.do"],
    )
    environment.filters["identifier"] = quote_identifier
    environment.filters["literal"] = quote_literal
    environment.filters["dollar"] = _dollar
    environment.filters["fit"] = _fit
    return environment
