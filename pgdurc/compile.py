"""The compiler: split, parse, analyse, lower, emit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pgdurc import tree
from pgdurc.diagnostic import Diagnostic, Related, Severity, Span
from pgdurc.graph import Parameter
from pgdurc.line_ends import has_crlf, with_crlf
from pgdurc.script import Ours, Passed, split
from pgdurc.source import Source, from_text
from pgdurc.statement_kind import Kind

if TYPE_CHECKING:
    from pgdurc.rewrite import Call


@dataclass(frozen=True, slots=True)
class Emitted:
    """A piece of the output. `span` and `head` are of the source: the whole of it, and the words to point at.

    The `sql` of pieces that are passed through is the source's own; white space and comments have the kind
    BLANK. A rewritten one is the source's own but for the calls in it.
    """

    sql: str
    kind: Kind
    span: Span
    head: Span
    is_passed_through: bool
    is_rewritten: bool = False


@dataclass(frozen=True, slots=True)
class CompiledWorkflow:
    """A declared workflow: `name` has a schema where the author gave one, `qualified_name` is its SQL."""

    name: tuple[str, ...]
    qualified_name: str
    parameters: tuple[Parameter, ...]
    version: str
    line: int
    span: Span


@dataclass(frozen=True, slots=True)
class DroppedWorkflow:
    """A DROP WORKFLOW: the name as in CompiledWorkflow."""

    name: tuple[str, ...]
    qualified_name: str
    span: Span


@dataclass(frozen=True, slots=True)
class CompiledCall:
    """A df.start call: the version that it starts, and its place in the source."""

    version: str
    line: int
    span: Span


@dataclass(frozen=True, slots=True)
class Compiled:
    """What became of a script. `sql` is empty and `statements` too where a diagnostic is an error."""

    sql: str
    diagnostics: tuple[Diagnostic, ...]
    workflows: tuple[CompiledWorkflow, ...]
    statements: tuple[Emitted, ...]
    calls: tuple[CompiledCall, ...] = ()
    dropped: tuple[DroppedWorkflow, ...] = ()

    @property
    def needs_runtime(self) -> bool:
        return bool(self.workflows or self.dropped or self.calls)

    @property
    def has_errors(self) -> bool:
        return _has_errors(self.diagnostics)


def compile_text(text: str, *, file: str = "<stdin>") -> Compiled:
    """Compile a workflow script to SQL.

    Never raises for bad input: every problem of the script is in `diagnostics`, in source order.
    """
    return compile_source(from_text(text, file))


def compile_source(source: Source) -> Compiled:
    """Compile a source that is read already."""
    if (surrogate := _SURROGATE.search(source.text)) is not None:
        return Compiled("", (_not_text(surrogate),), (), ())
    script = split(source.text)
    compiler = _Compiler(source, script.diagnostics)
    for piece in script.pieces:
        compiler.add(piece)
    diagnostics = _in_order([*script.diagnostics, *compiler.diagnostics])
    if _has_errors(diagnostics):
        return Compiled("", diagnostics, (), ())
    statements = tuple(compiler.statements)
    return Compiled(
        "".join(s.sql for s in statements),
        diagnostics,
        tuple(compiler.workflows),
        statements,
        tuple(compiler.calls),
        tuple(compiler.dropped),
    )


class _Compiler:
    def __init__(self, source: Source, known: Sequence[Diagnostic]) -> None:
        self.source = source
        self.known = known  # of the script's statements
        self.diagnostics: list[Diagnostic] = []
        self.statements: list[Emitted] = []
        self.workflows: list[CompiledWorkflow] = []
        self.calls: list[CompiledCall] = []
        self.dropped: list[DroppedWorkflow] = []
        self.declared: dict[tuple[str, ...], Span] = {}
        self.has_check = False
        self.has_crlf = has_crlf(source.text)

    def add(self, piece: Passed | Ours) -> None:
        if isinstance(piece, Passed) and piece.calls:
            self._rewrite(piece)
            return
        if isinstance(piece, Passed):
            sql = self.source.text[piece.span.start : piece.span.end]
            if self.source.text[piece.head.start : piece.head.end] in ("\\c", "\\connect"):
                self.has_check = False  # of another database nothing is known
            self.statements.append(Emitted(sql, piece.kind, piece.span, piece.head, is_passed_through=True))
            return
        from pgdurc.parse import parse_declaration

        parsed, problems = parse_declaration(self.source.text, piece)
        self.diagnostics.extend(problems)
        match parsed:
            case tree.Declaration():
                self._declare(parsed, piece)
            case tree.Drop(name=name, if_exists=if_exists):
                from pgdurc.emit import emit_drop, qualified

                self.dropped.append(DroppedWorkflow(name.parts, qualified(name.parts), piece.span))
                self.declared.pop(name.parts, None)
                self._emit(emit_drop(name.parts, if_exists=if_exists), piece, name.span)

    def _declare(self, declaration: tree.Declaration, piece: Ours) -> None:
        from pgdurc.analyse import analyse
        from pgdurc.rewrite import compile_steps, definitions

        name = declaration.name
        if name.parts and name.parts in self.declared:
            written = ".".join(name.parts)
            first = Related(self.declared[name.parts], "the first one")
            self.diagnostics.append(
                Diagnostic(
                    "PGD404",
                    Severity.ERROR,
                    f'workflow "{written}" is declared more than once in this file',
                    name.span,
                    "give one of them another name",
                    (first,),
                )
            )
        self.declared.setdefault(name.parts, name.span)
        declaration, steps = compile_steps(declaration, self.source)
        workflow, problems = analyse(declaration, self.source)
        self.diagnostics += [*problems, *steps.diagnostics]
        if workflow is None or _has_errors(self.diagnostics):
            return
        from pgdurc.emit import emit_workflow
        from pgdurc.lower import lower

        emitted = emit_workflow(lower(workflow), self.source)
        self._emit(emitted.sql, piece, name.span, definitions(steps.calls))
        self.workflows.append(
            CompiledWorkflow(
                name.parts,
                emitted.name,
                workflow.parameters,
                emitted.version,
                self.source.position(declaration.span.start)[0],
                declaration.span,
            )
        )

    def _rewrite(self, piece: Passed) -> None:
        from pgdurc.rewrite import rewrite

        text = self.source.text
        rewritten = rewrite(piece, self.source, has_crlf=self.has_crlf)
        self.diagnostics += self._of_its_own(piece, rewritten.diagnostics)
        if rewritten.sql is None:
            return
        above = text[piece.span.start : piece.first]
        # The author's comment stays with the statement.
        cut = above.rindex(piece.comment) if piece.comment else len(above)
        front = Span(piece.span.start, piece.span.start + cut)
        if cut:
            blank = Span(front.end, front.end)
            self.statements.append(Emitted(above[:cut], Kind.BLANK, front, blank, is_passed_through=True))
        if rewritten.calls and not self.has_check:
            from pgdurc.emit import emit_runtime_check

            self.has_check = True
            self._append(emit_runtime_check() + "\n", piece.span, piece.head)
        self._define(rewritten.in_front, piece.span, piece.head)
        self._list(rewritten.within)
        statement = Emitted(
            above[cut:] + rewritten.sql,
            piece.kind,
            piece.span,
            piece.head,
            is_passed_through=not rewritten.calls,
            is_rewritten=bool(rewritten.calls),
        )
        self.statements.append(statement)

    def _of_its_own(self, piece: Passed, problems: Iterable[Diagnostic]) -> list[Diagnostic]:
        """Without what only follows from a quote, comment or parenthesis that is not closed in it."""
        known = {d.code for d in self.known if piece.span.start <= d.span.start < piece.span.end}
        if known & {"PGD004", "PGD005"}:
            return []
        return [problem for problem in problems if not (problem.code == "PGD140" and "PGD008" in known)]

    def _define(self, calls: Sequence[Call], span: Span, head: Span) -> None:
        for call in calls:
            self._append(call.definition + "\n", span, head)
        self._list(calls)

    def _list(self, calls: Iterable[Call]) -> None:
        for call in calls:
            place = call.site.place
            self.calls.append(CompiledCall(call.version, self.source.position(place.start)[0], place))

    def _emit(self, sql: str, piece: Ours, head: Span, calls: Sequence[Call] = ()) -> None:
        if not self.has_check or calls:
            above = self._take_comment(piece)
            if not self.has_check:
                from pgdurc.emit import emit_runtime_check

                self.has_check = True
                self._append(emit_runtime_check() + "\n", piece.span, head)
            self._define(calls, piece.span, head)
            if above is not None:
                self.statements.append(above)
        self._append(sql.removesuffix("\n"), piece.span, head)

    def _take_comment(self, piece: Ours) -> Emitted | None:
        """Cut the author's comment off what was emitted last: it stays with its statement."""
        if not self.statements or self.statements[-1].kind is not Kind.BLANK:
            return None
        blank = self.statements.pop()
        cut = blank.sql.rindex(piece.comment) if piece.comment else len(blank.sql)
        at = blank.span.start + cut
        if cut:
            before = Span(blank.span.start, at)
            self.statements.append(replace(blank, sql=blank.sql[:cut], span=before, head=Span(at, at)))
        return replace(blank, sql=blank.sql[cut:], span=Span(at, blank.span.end))

    def _append(self, sql: str, span: Span, head: Span) -> None:
        sql = with_crlf(sql) if self.has_crlf else sql
        self.statements.append(Emitted(sql, Kind.SQL, span, head, is_passed_through=False))


_SURROGATE = re.compile("[\ud800-\udfff]")


def _not_text(surrogate: re.Match[str]) -> Diagnostic:
    """Half a character: no file holds one, but a text made by a program may."""
    return Diagnostic(
        "PGD002",
        Severity.ERROR,
        f'invalid byte sequence for encoding "UTF8": a lone surrogate, U+{ord(surrogate.group()):04X}',
        Span(*surrogate.span()),
        "write the whole character",
    )


def _in_order(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Sorted by place, and none twice."""
    unique = dict.fromkeys(diagnostics)
    return tuple(sorted(unique, key=lambda d: (d.span.start, d.span.end, d.code)))


def _has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    return any(diagnostic.severity is Severity.ERROR for diagnostic in diagnostics)
