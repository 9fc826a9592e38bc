"""A statement with calls in it: the definitions that it needs, and itself with each call rewritten.

A step is such a statement, too: what it starts is defined where the step is.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pgdurc import call_sites
from pgdurc.analyse import analyse
from pgdurc.analyse.walk import nodes, with_leaves
from pgdurc.call_form import CallForm, explained, parse_call
from pgdurc.call_sites import Body
from pgdurc.diagnostic import Diagnostic, Severity, Span
from pgdurc.hidden import HIDDEN_SQL
from pgdurc.line_ends import with_crlf
from pgdurc.tree import Declaration, Named, SourceText, Sql

if TYPE_CHECKING:
    from pgdurc.call_sites import Site
    from pgdurc.script import Passed
    from pgdurc.source import Source


@dataclass(frozen=True, slots=True)
class Call:
    """A call that has been compiled: its definition and version, and what stands in its place.

    A df.explain call has no definition. `inner`: the calls in its steps, and in its arguments.
    """

    site: Site
    expression: str
    version: str = ""
    definition: str = ""
    inner: tuple[Call, ...] = ()


@dataclass(frozen=True, slots=True)
class Rewritten:
    """`sql` is the statement from its first word on; None where a diagnostic is an error.

    `in_front`: the calls whose definitions must stand in front of it. Those of `within` stand in the `sql`.
    """

    calls: tuple[Call, ...]
    in_front: tuple[Call, ...]
    within: tuple[Call, ...]
    sql: str | None
    diagnostics: tuple[Diagnostic, ...]


def rewrite(piece: Passed, source: Source, *, has_crlf: bool) -> Rewritten:
    """Compile the calls of a statement, and put what starts them in their place.

    Statements that are joined by `\\;` are one to psql, but each may have its own role and search_path: the
    definitions that one of them needs are joined to it.
    """
    diagnostics: list[Diagnostic] = []
    calls: list[Call] = []
    for site in piece.calls:
        call, problems = _compile(site, source, 0)
        diagnostics += problems
        if call is not None:
            calls.append(call)
    if any(problem.severity is Severity.ERROR for problem in diagnostics):
        return Rewritten((), (), (), None, tuple(diagnostics))
    first, *others = _by_statement(calls, piece.joins)
    joined = {join: definitions(needing) for join, needing in zip(piece.joins, others, strict=True)}
    written = {call.site.place: call.site.body.written(call.expression) for call in calls}
    for join, needed in joined.items():
        written[Span(join, join)] = "".join(_joined(call.definition, has_crlf=has_crlf) for call in needed)
    sql = call_sites.with_calls(source.text, Span(piece.first, piece.span.end), written)
    within = tuple(call for needed in joined.values() for call in needed)
    return Rewritten(tuple(calls), tuple(definitions(first)), within, sql, tuple(diagnostics))


def _by_statement(calls: Iterable[Call], joins: Sequence[int]) -> list[list[Call]]:
    """The calls of each of the statements that are joined."""
    found: list[list[Call]] = [[] for _ in range(len(joins) + 1)]
    for call in calls:
        found[bisect_right(joins, call.site.place.start)].append(call)
    return found


def _joined(definition: str, *, has_crlf: bool) -> str:
    """A definition that stands behind one `\\;` and ends with another."""
    sql = "\n" + definition.removesuffix("\n").removesuffix(";") + " \\;"
    return with_crlf(sql) if has_crlf else sql


def definitions(calls: Iterable[Call]) -> list[Call]:
    """The calls whose definitions are needed, one a version, those in a call before it."""
    found: dict[str, Call] = {}

    def add(call: Call) -> None:
        for inner in call.inner:
            add(inner)
        known = found.get(call.version)
        if call.definition and (known is None or call.site.is_stored > known.site.is_stored):
            found[call.version] = call

    for call in calls:
        add(call)
    return list(found.values())


def _compile(site: Site, source: Source, depth: int) -> tuple[Call | None, list[Diagnostic]]:
    if not site.is_closed:
        problem = Diagnostic(
            "PGD140", Severity.ERROR, "unclosed parenthesis", site.head, "close it before the semicolon"
        )
        return None, [problem]
    if meta := call_sites.meta_commands(site.body, site.span):
        return None, [_meta_command(place, source) for place in meta]
    inner = _compile_arguments(site, source, depth)
    compiled = site if site.function == "start" else explained(site, [call for call, _ in inner.written])
    if compiled is None:
        return _with_arguments(site, inner), list(inner.diagnostics)
    body = compiled.body
    own = source if body.origins is None else replace(source, text=body.text, origins=body.origins)
    form, problems = parse_call(compiled, inner.written)
    diagnostics = [*problems, *_refused_arguments(site, form)]
    workflow, steps = None, Steps(())
    if form is not None:
        declaration = form.declaration
        if site.function == "start":
            declaration, steps = compile_steps(declaration, own, depth)
        workflow, found = analyse(declaration, own)
        diagnostics += found
    placed = [
        *inner.diagnostics,
        *(_placed(diagnostic, body) for diagnostic in diagnostics),
        *steps.diagnostics,
    ]
    if form is not None and site.function == "start":
        placed += _unheard(form, body, [call.span for call, _ in inner.written])
    if site.is_invoker and site.function == "start":
        placed.append(_not_the_caller(site))
    if form is None or workflow is None or any(d.severity is Severity.ERROR for d in placed):
        return None, placed
    from pgdurc.emit import emit_call, emit_explain, emit_start
    from pgdurc.lower import lower

    program = lower(workflow)
    if site.function == "explain":
        return Call(site, emit_explain(program)), placed
    emitted = emit_call(program, own, is_stored=site.is_stored)
    expression = emit_start(emitted.version, form.values, form.arguments)
    return Call(site, expression, emitted.version, emitted.sql, (*inner.calls, *steps.calls)), placed


def _not_the_caller(site: Site) -> Diagnostic:
    return Diagnostic(
        "PGD503",
        Severity.WARNING,
        "this workflow runs as the role that runs the script, not as whoever makes the call",
        site.head,
        "a procedure that commits cannot be SECURITY DEFINER: let it call a function that is, and "
        "starts the workflow"
        if site.commits
        else "declare a function SECURITY DEFINER; else its callers, as those of a view, need a "
        "version of their own, or EXECUTE on the procedure that is made for this call",
    )


def _meta_command(place: Span, source: Source) -> Diagnostic:
    return Diagnostic(
        "PGD009",
        Severity.ERROR,
        f"psql's {source.text[place.start : place.end]} cannot stand inside a df.start call",
        place,
        "the call is compiled before psql sees it: write a call for each case, with the meta-commands "
        "around them",
    )


# Calls in arguments


@dataclass(frozen=True, slots=True)
class _Arguments:
    """The calls in the arguments of a call: `written` in the place of each, and those that are compiled.

    Diagnostics have the places of the file.
    """

    written: tuple[tuple[Site, str], ...]
    calls: tuple[Call, ...]
    diagnostics: tuple[Diagnostic, ...]


_MAX_DEPTH = 16


def _compile_arguments(site: Site, source: Source, depth: int) -> _Arguments:
    """They are made where the call stands, so what they start is defined there, too."""
    written: list[tuple[Site, str]] = []
    calls: list[Call] = []
    diagnostics: list[Diagnostic] = []
    for argument in call_sites.in_arguments(site):
        if depth == _MAX_DEPTH:
            message = f"calls are nested more than {_MAX_DEPTH} deep"
            hint = "make the inner call in a statement in front, or in a CTE"
            diagnostics.append(Diagnostic("PGD130", Severity.ERROR, message, argument.head, hint))
            continue
        call, problems = _compile(argument, source, depth + 1)
        diagnostics += problems
        calls += [] if call is None else [call]
        # What is wrong with it is said already, and what the database explains stays as it is.
        as_it_is = site.body.text[argument.span.start : argument.span.end]
        written.append((argument, as_it_is if call is None else call.expression))
    return _Arguments(tuple(written), tuple(calls), tuple(diagnostics))


def _with_arguments(site: Site, inner: _Arguments) -> Call | None:
    """A call that is left to the database, with the calls in its arguments rewritten."""
    if not inner.calls:
        return None
    written = {call.span: expression for call, expression in inner.written}
    expression = call_sites.with_calls(site.body.text, site.span, written)
    return Call(site, expression, inner=inner.calls)


# Calls in steps


@dataclass(frozen=True, slots=True)
class Steps:
    """The calls in the steps of a workflow, compiled. Diagnostics have the places of the file."""

    calls: tuple[Call, ...]
    diagnostics: tuple[Diagnostic, ...] = ()


def compile_steps(declaration: Declaration, source: Source, depth: int = 0) -> tuple[Declaration, Steps]:
    """The workflow with the calls in its steps rewritten, and those calls."""
    rewritten: dict[Span, Sql] = {}
    calls: list[Call] = []
    diagnostics: list[Diagnostic] = []
    for node in nodes(declaration.body):
        if isinstance(node, Sql) and call_sites.may_hold_calls(node.text.value):
            step, inner, problems = _compile_step(node, source, depth)
            rewritten[node.span] = step
            calls += inner
            diagnostics += problems
    if not rewritten:
        return declaration, Steps(())
    body = with_leaves(declaration.body, lambda leaf: rewritten.get(leaf.span, leaf))
    return replace(declaration, body=body), Steps(tuple(calls), tuple(diagnostics))


def _compile_step(step: Sql, source: Source, depth: int) -> tuple[Sql, list[Call], list[Diagnostic]]:
    text = step.text
    places = source.origins
    origins = text.origins if places is None else tuple(places[at] for at in text.origins)
    found = call_sites.find(text.value, Span(0, len(text.value)))
    diagnostics = call_sites.unheard(found, Body(text.value, origins).span)
    calls: list[Call] = []
    value, at = "", 0
    value_origins: list[int] = []
    for site in found.sites:
        body = site.body
        own_origins = origins if body.origins is None else tuple(origins[at] for at in body.origins)
        moved = replace(site, body=replace(body, origins=own_origins), is_stored=True)
        if depth == _MAX_DEPTH or HIDDEN_SQL in body.text[site.span.start : site.span.end]:
            # Text that is put together where the call around it stands: nothing of this is constant.
            diagnostics.append(call_sites.uncompiled(moved.head))
            continue
        call, problems = _compile(moved, source, depth + 1)
        diagnostics += [_without_outer_names(problem) for problem in problems]
        if call is None and not any(problem.severity is Severity.ERROR for problem in problems):
            continue
        # What is wrong with a call is said already, so the step is looked at without it.
        written, place = "NULL" if call is None else body.written(call.expression), site.place
        calls += [] if call is None else [call]
        value += text.value[at : place.start] + written
        value_origins += [*text.origins[at : place.start], *[text.origins[place.start]] * len(written)]
        at = place.end
    if at == 0:
        return step, [], diagnostics
    whole = SourceText(value + text.value[at:], (*value_origins, *text.origins[at:]))
    return replace(step, text=whole, written=text.value), calls, diagnostics


def _without_outer_names(problem: Diagnostic) -> Diagnostic:
    if problem.code != "PGD201":
        return problem
    hint = "a workflow that a step starts has names of its own: put values into its SQL, 'SELECT ' || $name"
    return replace(problem, hint=hint)


def _unheard(form: CallForm, body: Body, calls: Collection[Span]) -> Iterator[Diagnostic]:
    """Calls and references in the strings of expressions, which are evaluated as they are."""
    names = {node.name.text for node in nodes(form.declaration.body) if isinstance(node, Named)}
    for hidden in form.hidden:
        yield from map(call_sites.uncompiled, call_sites.in_strings(body, hidden.span, calls))
        for written, place in call_sites.references_in_strings(body, hidden.span, names, calls):
            yield Diagnostic(
                "PGD508",
                Severity.WARNING,
                f'"{written}" is text here, in which nothing is put in',
                place,
                "pg_durable puts it in everywhere: put the text together by ||, format or concat",
            )


def _refused_arguments(site: Site, form: CallForm | None) -> list[Diagnostic]:
    """A constant transaction_mode that cannot be; others are looked at when the call runs."""
    for name, written in form.arguments if form is not None else ():
        mode = written.strip("'").lower()
        if name != "transaction_mode" or not written.startswith("'") or mode == "caller":
            continue
        if mode == "new":
            message = "a start in a transaction of its own is not possible"
            hint = (
                "it takes a connection of its own, which PL/pgSQL has not: commit first, or start from "
                "another session"
            )
        else:
            message = f"invalid transaction_mode {written} for df.start(): expected 'caller' or 'new'"
            hint = "leave it out"
        return [Diagnostic("PGD506", Severity.ERROR, message, site.span, hint)]
    return []


def _placed(diagnostic: Diagnostic, body: Body) -> Diagnostic:
    """With the places of the file for those of a body."""
    related = tuple(replace(one, span=body.span(one.span)) for one in diagnostic.related)
    return replace(diagnostic, span=body.span(diagnostic.span), related=related)
