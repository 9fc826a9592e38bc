"""A statement with calls in it: the definitions that it needs, and itself with each call rewritten."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pgdurc.analyse import analyse
from pgdurc.call_form import CallForm, explained, parse_call
from pgdurc.diagnostic import Diagnostic, Severity

if TYPE_CHECKING:
    from pgdurc.call_sites import Body, Site
    from pgdurc.script import Passed
    from pgdurc.source import Source


@dataclass(frozen=True, slots=True)
class Call:
    """A call that has been compiled: its definition and version, and what stands in its place.

    A df.explain call has no definition.
    """

    site: Site
    expression: str
    version: str = ""
    definition: str = ""


@dataclass(frozen=True, slots=True)
class Rewritten:
    """`sql` is the statement from its first word on; None where a diagnostic is an error."""

    calls: tuple[Call, ...]
    sql: str | None
    diagnostics: tuple[Diagnostic, ...]


def rewrite(piece: Passed, source: Source) -> Rewritten:
    """Compile the calls of a statement, and put what starts them in their place."""
    diagnostics: list[Diagnostic] = []
    calls: list[Call] = []
    for site in piece.calls:
        call, problems = _compile(site, source)
        diagnostics += problems
        if call is not None:
            calls.append(call)
    if any(problem.severity is Severity.ERROR for problem in diagnostics):
        return Rewritten((), None, tuple(diagnostics))
    pieces: list[str] = []
    at = piece.first
    for call in calls:
        place = call.site.place
        pieces += [source.text[at : place.start], call.site.body.written(call.expression)]
        at = place.end
    pieces.append(source.text[at : piece.span.end])
    return Rewritten(tuple(calls), "".join(pieces), tuple(diagnostics))


def _compile(site: Site, source: Source) -> tuple[Call | None, list[Diagnostic]]:
    if not site.is_closed:
        problem = Diagnostic(
            "PGD140", Severity.ERROR, "unclosed parenthesis", site.head, "close it before the semicolon"
        )
        return None, [problem]
    compiled = site if site.function == "start" else explained(site)
    if compiled is None:
        return None, []
    body = compiled.body
    own = source if body.origins is None else replace(source, text=body.text, origins=body.origins)
    form, problems = parse_call(compiled)
    diagnostics = [*problems, *_refused_arguments(site, form)]
    workflow = None
    if form is not None:
        workflow, found = analyse(form.declaration, own)
        diagnostics += found
    placed = [_placed(diagnostic, body) for diagnostic in diagnostics]
    if site.is_invoker and site.function == "start":
        placed.append(
            Diagnostic(
                "PGD503",
                Severity.WARNING,
                "this workflow runs as the role that runs the script, not as whoever makes the call",
                site.head,
                "declare the function SECURITY DEFINER; else its callers need a version of their own, or "
                "EXECUTE on the procedure that is made for this call",
            )
        )
    if form is None or workflow is None or any(d.severity is Severity.ERROR for d in placed):
        return None, placed
    from pgdurc.emit import emit_call, emit_explain, emit_start
    from pgdurc.lower import lower

    program = lower(workflow)
    if site.function == "explain":
        return Call(site, emit_explain(program)), placed
    emitted = emit_call(program, own, is_stored=site.is_stored)
    expression = emit_start(emitted.version, form.hidden, form.arguments)
    return Call(site, expression, emitted.version, emitted.sql), placed


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
