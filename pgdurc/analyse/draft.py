"""What the passes have found out so far about one declaration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from pgdurc import tree
from pgdurc.analyse.reading import ReadStatement, ReadText
from pgdurc.diagnostic import Diagnostic, Related, Severity, Span
from pgdurc.graph import Options, Statement, Text
from pgdurc.source import Source


@dataclass(frozen=True, slots=True)
class Draft:
    """A declaration and, by the span of a node of it, what each pass has added.

    `reads` and `statements` are of leaves; `texts` of break values and of sleeps' expressions. `read_names`
    are names of which some reference reads the value, `counted_names` those of which at least the number of
    rows is asked.
    """

    source: Source
    declaration: tree.Declaration
    diagnostics: tuple[Diagnostic, ...] = ()
    options: Options = field(default_factory=Options)
    reads: Mapping[Span, ReadStatement] = field(default_factory=dict)
    read_texts: Mapping[Span, ReadText] = field(default_factory=dict)
    statements: Mapping[Span, Statement] = field(default_factory=dict)
    texts: Mapping[Span, Text] = field(default_factory=dict)
    read_names: frozenset[str] = frozenset()
    counted_names: frozenset[str] = frozenset()
    loops_with_break: frozenset[Span] = frozenset()

    def line(self, span: Span) -> int:
        return self.source.position(span.start)[0]

    def reporting(self, found: Iterable[Diagnostic]) -> Draft:
        return replace(self, diagnostics=(*self.diagnostics, *found))


def error(
    code: str, message: str, span: Span, hint: str | None = None, related: tuple[Related, ...] = ()
) -> Diagnostic:
    return Diagnostic(code, Severity.ERROR, message, span, hint, related)


def warning(
    code: str, message: str, span: Span, hint: str | None = None, related: tuple[Related, ...] = ()
) -> Diagnostic:
    return Diagnostic(code, Severity.WARNING, message, span, hint, related)
