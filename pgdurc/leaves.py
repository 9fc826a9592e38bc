"""Single operands of a statement: strings, names, and SQL expressions that stand where a step should."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pgdurc import nodes
from pgdurc.diagnostic import Diagnostic, Severity, Span
from pgdurc.expression_parts import Part, is_group, json_parts, parts, without_casts
from pgdurc.expression_type import foreign_operator_of_strings, is_null, known_type
from pgdurc.header import read_parameters
from pgdurc.hidden import Hidden, assembled, has_all_variables, reference, shaping_part
from pgdurc.literal import ESCAPE_HINT, LiteralError, read_literal, second_part
from pgdurc.nearest import nearest
from pgdurc.operand import Opaque, Text, Value
from pgdurc.shape import token_span
from pgdurc.step_hint import OPERATORS_HINT, step_hint
from pgdurc.tree import Column, Name, Parameter, SourceText, Sql, Tree, Unread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pgdurc.pgsql import Token
    from pgdurc.script import Ours

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_JSON_GRAPH = re.compile(r'\s*+\{\s*+"(?:.*?")?(?:node_type|_partial_if)"\s*+:', re.DOTALL)
_HAS_REFERENCE = re.compile(r'\$[A-Za-z_"]')
_COLUMNS_HINT = "write |=> name(column type, ...)"


class Leaves:
    """Reads the operands of one statement and notes what is wrong with them.

    A piece that is wrong becomes an Unread one, so that the rest is still looked at. In a call
    (`takes_expressions`) what is not constant becomes a hidden parameter.
    """

    def __init__(self, text: str, statement: Ours, tokens: list[Token], *, takes_expressions: bool) -> None:
        self.text = text
        self.own = statement
        self.offset = statement.span.start
        self.own_text = text[statement.span.start : statement.span.end]
        self.tokens = tokens
        self.takes_expressions = takes_expressions
        self.hidden: list[Hidden] = []
        self.diagnostics: list[Diagnostic] = []

    def problem(self, code: str, message: str, span: Span, hint: str | None = None) -> None:
        self.diagnostics.append(Diagnostic(code, Severity.ERROR, message, span, hint))

    def span(self, begin: int, end: int) -> Span:
        """The place in the file of the tokens `[begin, end)`."""
        return Span(self.tokens[begin].start + self.offset, self.tokens[end - 1].end + self.offset)

    def source(self, span: Span) -> str:
        return self.text[span.start : span.end]

    def unread(self, span: Span, parts: Sequence[Tree] = ()) -> Unread:
        return Unread(tuple(parts), span)

    # Strings and steps

    def string(self, span: Span) -> Value:
        try:
            return Text(read_literal(self.source(span), span.start), span)
        except LiteralError as bad:
            self.problem("PGD132", bad.message, Span(bad.start, bad.end), ESCAPE_HINT)
            return self.unread(span)

    def sql(self, string: Text, span: Span) -> Tree:
        """The leaf that a string is; `span` is that of the whole node."""
        if self.takes_expressions and self._refuse_graph(string.source, span):
            return self.unread(span)
        part = second_part(self.source(string.span))
        if part is not None:
            place = Span(string.span.start + part[0], string.span.start + part[1])
            self.diagnostics.append(
                Diagnostic(
                    "PGD114",
                    Severity.WARNING,
                    "PostgreSQL joins this string to the one before it: both are one step",
                    place,
                    "put ~> between them if they are two steps, else write them as one string",
                )
            )
        return Sql(string.source, span)

    def _refuse_graph(self, text: SourceText, span: Span) -> bool:
        is_graph = _JSON_GRAPH.match(text.value) is not None
        if is_graph:
            self.problem(
                "PGD504",
                "a workflow is written with operators and df functions, not as JSON",
                span,
                "pg_durable prints such a text for an expression: write the expression",
            )
        return is_graph

    def step(self, value: Value) -> Tree:
        match value:
            case Text(span=span):
                return self.sql(value, span)
            case Opaque() if self.takes_expressions:
                return self.assembled_sql(value, value.span)
            case Opaque(span=span):
                self.problem(
                    "PGD115",
                    "an SQL expression is not a step",
                    span,
                    step_hint(self.tokens, value, self.source(span)),
                )
                return self.unread(span)
            case _:
                return value

    # Expressions that are evaluated where a call stands

    def hide(self, kind: str, part: Part) -> str:
        """The name of a new hidden parameter for an expression; `kind` is what its name begins with."""
        name = f"{kind}${len(self.hidden) + 1}"
        span = self.span(part.begin, part.end)
        self.hidden.append(Hidden(name, part.function, span))
        return name

    def is_constant_shape(self, value: Opaque) -> bool:
        """Whether an expression is a value; one that decides what steps there are is refused."""
        shaping = shaping_part(self.tokens, value.begin, value.end)
        if shaping is not None:
            self.refuse_shape(self.span(*shaping))
        return shaping is None

    def refuse_shape(self, span: Span) -> None:
        self.problem(
            "PGD501",
            "the shape of the workflow depends on an expression",
            span,
            "the steps must be known at compile time: write a choice as condition ?> then !> else, or in the "
            "SQL around two calls",
        )

    def assembled_sql(self, value: Opaque, span: Span) -> Tree:
        """The leaf whose SQL an expression gives."""
        if not self.is_constant_shape(value):
            return self.unread(span)
        begin, end = without_casts(self.tokens, value.begin, value.end, ("text",))
        helper = self.tokens[begin + 2].name if end > begin + 3 else None
        if helper in nodes.DOING_FUNCTIONS and self.tokens[begin].name == "df":
            self.refuse_function(helper, self.span(begin, begin + 3))
            return self.unread(span)
        if not self._is_text(value):
            return self.unread(span)
        try:
            found = parts(self.tokens, value.begin, value.end, self.offset)
        except LiteralError as bad:
            self.problem("PGD132", bad.message, Span(bad.start, bad.end), ESCAPE_HINT)
            return self.unread(span)
        expressions = [part for part in found if part.string is None]
        if found[0].string is not None:
            first = len(self.hidden)
            names = [self.hide("sql", part) for part in expressions]
            text = self._assembled(found, [f"{{{name}}}" for name in names], value)
            if self._refuse_graph(text, span):
                return self.unread(span)
            if has_all_variables(text, names):
                return Sql(text, span)
            del self.hidden[first:]
        whole = Part(None, value.begin, value.end)
        return Sql(self._assembled([whole], ["{" + self.hide("sql", whole) + "}"], value), span)

    def _is_text(self, value: Opaque) -> bool:
        """Whether an expression may be the SQL of a step; what cannot be would fail once it is started."""
        written = self.source(value.span)
        kind = known_type(written)
        operator = foreign_operator_of_strings(written)
        if operator is not None:
            self.problem("PGD115", f"{operator} is no workflow operator", value.span, OPERATORS_HINT)
            return False
        if kind is not None:
            message = f"an expression of type {kind} is not a step"
        elif is_null(written):
            message = "NULL is not a step"
        else:
            return True
        hint = "a step is SQL: a string, an expression that gives one, or a df function"
        self.problem("PGD115", message, value.span, hint)
        return False

    def _assembled(self, found: list[Part], marks: list[str], value: Opaque) -> SourceText:
        starts = [
            self.span(part.begin, part.end).start if part.place is None else part.place
            for part in found
            if part.string is None
        ]
        return assembled(found, marks, starts, value.span.end)

    def constant(self, value: Opaque) -> SourceText | None:
        """The text of an expression that is a constant string with a cast to text."""
        begin, end = without_casts(self.tokens, value.begin, value.end, ("text",))
        if end != begin + 1 or self.tokens[begin].kind != "SCONST":
            return None
        string = self.string(self.span(begin, end))
        return string.source if isinstance(string, Text) else None

    def hidden_value(self, value: Opaque, kind: str = "value") -> SourceText:
        """A reference to a hidden parameter for an argument that is no constant."""
        whole = Part(None, value.begin, value.end)
        return self._assembled([whole], [reference(self.hide(kind, whole))], value)

    def template(self, value: Opaque) -> SourceText:
        """An expression as a text: hidden but for its constant strings, if those hold references."""
        try:
            found = json_parts(self.tokens, value.begin, value.end, self.offset)
            found = found or parts(self.tokens, value.begin, value.end, self.offset)
        except LiteralError as bad:
            self.problem("PGD132", bad.message, Span(bad.start, bad.end), ESCAPE_HINT)
            return SourceText("", (value.span.start,))
        if not any(part.string is not None and _HAS_REFERENCE.search(part.string.value) for part in found):
            return self.hidden_value(value)
        marks = [reference(self.hide("value", part)) for part in found if part.string is None]
        return self._assembled(found, marks, value)

    def refuse_function(self, name: str, span: Span) -> None:
        if name in nodes.NODES_TO_COME:
            self.problem("PGD902", f"df.{name} is not yet supported", span, nodes.NODES_TO_COME[name])
        elif name in nodes.FUNCTIONS:
            self.problem(
                "PGD120",
                f"df.{name} is not a step",
                span,
                "to call a function in a step, select it: 'SELECT ...'",
            )
        elif name in nodes.BEHIND_OPERATORS:
            hint = f"write the operator: {nodes.BEHIND_OPERATORS[name]}"
            self.problem("PGD120", f"df.{name} is not a step", span, hint)
        else:
            guess = nearest(name, [*nodes.NODES, *sorted(nodes.NODES_TO_COME)])
            known = ", ".join("df." + node for node in nodes.NODES)
            hint = f"there are: {known}" if guess is None else f"did you mean df.{guess}?"
            self.problem("PGD120", f"function df.{name} does not exist", span, hint)

    # Names

    def begins_with_name(self, at: int) -> bool:
        return self.tokens[at].is_word or self.tokens[at].kind == "SCONST"

    def has_more_than_name(self, begin: int, end: int) -> bool:
        """Whether something stands behind a name, or what should be one, that is no list of columns."""
        is_empty = [token.kind for token in self.tokens[begin + 1 : end]] == ["(", ")"]
        return not (end == begin + 1 or is_empty or is_group(self.tokens, begin + 1, end))

    def bound_name(self, begin: int, end: int) -> Name | None:
        """What stands after `|=>`: a name, perhaps with columns; None where something is wrong with it."""
        if not self.begins_with_name(begin) or self.has_more_than_name(begin, end):
            message = 'what follows "|=>" is not a name'
            hint = "write |=> name, |=> 'name' or |=> name(column type, ...)"
            if end == begin + 2 and self.tokens[begin].kind == "$":
                hint = f"the dollar sign is for reading it: write |=> {self.tokens[begin + 1].text}"
            self.problem("PGD117", message, self.span(begin, end), hint)
            return None
        name = self.word_or_string(begin)
        if end == begin + 1:
            return name
        columns: tuple[Parameter, ...] = ()
        known = len(self.diagnostics)
        if end > begin + 3:
            columns = self.parameters(begin + 2, end - 1, code="PGD118")
        else:
            self.problem("PGD118", "list of columns is empty", self.span(begin + 1, end), _COLUMNS_HINT)
        for column in columns:
            if column.default is not None:
                self.problem("PGD118", "a column of a result has no default", column.span, _COLUMNS_HINT)
        if name is None or len(self.diagnostics) > known:
            return None
        return Name(name.text, name.span, tuple(Column(c.name, c.type, c.span) for c in columns))

    def word_or_string(self, at: int) -> Name | None:
        """The name that is the token `at`."""
        token = self.tokens[at]
        span = token_span(token, self.offset)
        if token.kind == "SCONST":
            string = self.string(span)
            return self.name(string.source.value, span) if isinstance(string, Text) else None
        if token.kind == "NULL_P":
            hint = "write the name that is meant; 'null' in quotes is a name"
            self.problem("PGD117", "the name of a result cannot be NULL", span, hint)
            return None
        text = token.text.removeprefix('"').removesuffix('"')
        if not token.text.startswith('"') and text != text.lower():
            self.problem(
                "PGD116",
                f'PostgreSQL folds the bare name "{text}" to lower case',
                span,
                f"write {text.lower()}, or '{text}' to keep the capitals",
            )
            return None
        return self.name(text, span)

    def name(self, text: str, span: Span) -> Name | None:
        """A name as the author gave it, by whatever means."""
        if not _NAME.match(text):
            shown = " ".join(text.split())
            shown = shown if len(shown) <= 40 else shown[:37] + "..."
            self.problem(
                "PGD117",
                f'invalid result name "{shown}"' if text else "result name is empty",
                span,
                "a name has letters from a to z, digits and underscores, and does not begin with a digit",
            )
            return None
        return Name(text, span)

    def parameters(self, begin: int, end: int, *, code: str) -> tuple[Parameter, ...]:
        read = read_parameters(self.tokens, begin, end, self.own_text, self.offset, code=code)
        self.diagnostics += read.problems
        return read.parameters
