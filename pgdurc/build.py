"""The grammar's tree to the parsed form: chains folded, arguments bound, every problem noted."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any

import lark

from pgdurc import nodes, precedence, reading
from pgdurc.arguments import bind
from pgdurc.diagnostic import Diagnostic, Severity, Span
from pgdurc.expression import foreign_operator, is_looser, wrong_reading
from pgdurc.header import read_name, read_option, read_parameters
from pgdurc.literal import LiteralError, read_literal
from pgdurc.nodes import Argument
from pgdurc.operand import Given, Group, Opaque, Text, Value
from pgdurc.shape import Shaped, StatementError, token_span
from pgdurc.tree import (
    Break,
    Column,
    Declaration,
    Drop,
    Identifier,
    If,
    IfRows,
    Loop,
    Name,
    Named,
    Option,
    Parameter,
    Sequence,
    Sleep,
    SourceText,
    Sql,
    Tree,
)

if TYPE_CHECKING:
    from pgdurc.pgsql import Token
    from pgdurc.script import Ours


_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_REFERENCE = re.compile(r'\$[A-Za-z_][A-Za-z0-9_]*(?:\.(?:[A-Za-z_][A-Za-z0-9_]*|"(?:[^"]|"")+"))?\??\Z')
_CONSTANT = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?\Z|(?:true|false)\Z", re.IGNORECASE)


class Builder(lark.visitors.Transformer_NonRecursive):  # type: ignore[type-arg]
    """Takes the tree of one statement, bottom up.

    A piece that is wrong becomes a diagnostic and an empty leaf, so that the rest is still looked at.
    """

    def __init__(self, text: str, statement: Ours, tokens: list[Token], shaped: list[Shaped]) -> None:
        super().__init__()
        self.text = text
        self.own = statement
        self.offset = statement.span.start
        self.own_text = text[statement.span.start : statement.span.end]
        self.tokens = tokens
        self.shaped = shaped
        self.diagnostics: list[Diagnostic] = []
        self.body_start = 0

    def problem(self, code: str, message: str, span: Span, hint: str | None = None) -> None:
        self.diagnostics.append(Diagnostic(code, Severity.ERROR, message, span, hint))

    def _range(self, terminal: lark.Token) -> tuple[int, int]:
        assert terminal.start_pos is not None
        shaped = self.shaped[terminal.start_pos]
        return shaped.begin, shaped.end

    def _span(self, begin: int, end: int) -> Span:
        return token_span(self.tokens[begin], self.offset) | token_span(self.tokens[end - 1], self.offset)

    def _terminal_span(self, terminal: lark.Token) -> Span:
        return self._span(*self._range(terminal))

    def _source(self, span: Span) -> str:
        return self.text[span.start : span.end]

    def _nothing(self, span: Span) -> Tree:
        return Sql(SourceText("", (span.start,)), span)

    # The statement

    def statement(self, children: list[Any]) -> Any:
        return children[0]

    def name(self, children: list[lark.Token]) -> Identifier:
        begin, _ = self._range(children[0])
        _, end = self._range(children[-1])
        try:
            return read_name(self.tokens[begin:end], self.offset)
        except StatementError as problem:
            self.diagnostics.append(problem.diagnostic)
            return Identifier(("",), self._span(begin, end))

    def option(self, children: list[lark.Token]) -> Option | None:
        begin, _ = self._range(children[0])
        _, end = self._range(children[-1])
        try:
            return read_option(self.tokens[begin:end], self.offset)
        except StatementError as problem:
            self.diagnostics.append(problem.diagnostic)
            return None

    def options(self, children: list[Any]) -> tuple[Option, ...]:
        found: list[Option] = []
        for option in children:
            if not isinstance(option, Option):
                continue
            if any(other.name == option.name for other in found):
                self.problem(
                    "PGD105", f'option "{option.name}" specified more than once', option.name_span, "keep one"
                )
            found.append(option)
        return tuple(found)

    def create(self, children: list[Any]) -> Declaration:
        options: tuple[Option, ...] = ()
        parameters: tuple[Parameter, ...] = ()
        parameters_text = ""
        body_start = body_end = self.own.span.end
        name, body = Identifier(("",), self.own.span), self._nothing(self.own.span)
        for child in children:
            if isinstance(child, Identifier):
                name = child
            elif isinstance(child, tuple):
                options = child
            elif not isinstance(child, lark.Token):
                body = self._step(child)
            elif child.type == "PARAMETERS":
                span = self._terminal_span(child)
                parameters_text = self._source(span)
                parameters = self._parameters(*self._range(child), code="PGD106")
            elif child.type == "AS":
                body_start = self._terminal_span(child).end
            elif child.type == "SEMICOLON":
                body_end = self._terminal_span(child).start
        return Declaration(
            name=name,
            parameters=parameters,
            parameters_text=parameters_text,
            options=options,
            body=body,
            body_text=self.text[body_start:body_end].strip(),
            comment=self.own.comment,
            span=self.own.span,
        )

    def drop(self, children: list[Any]) -> Drop:
        name = next(child for child in children if isinstance(child, Identifier))
        if_exists = any(isinstance(child, lark.Token) and child.type == "EXISTS" for child in children)
        return Drop(name, if_exists, self.own.span)

    def _parameters(self, begin: int, end: int, *, code: str) -> tuple[Parameter, ...]:
        try:
            return read_parameters(self.tokens, begin, end, self.own_text, self.offset, code=code)
        except StatementError as problem:
            self.diagnostics.append(problem.diagnostic)
            return ()

    # Operands

    def operand(self, children: list[Any]) -> precedence.Operand:
        loops = tuple(self._terminal_span(child) for child in children[:-1])
        last = children[-1]
        value: Value
        if isinstance(last, Group):
            value, span = last.value, last.span
        elif isinstance(last, lark.Token):
            span = self._terminal_span(last)
            value = self._leaf(last, span)
        else:
            value, span = last, last.span
        atom = precedence.Atom(reading.abbreviate(self._source(span)), span, isinstance(last, Group), value)
        return precedence.Operand(atom, len(loops), loops)

    def _leaf(self, terminal: lark.Token, span: Span) -> Value:
        begin, end = self._range(terminal)
        match terminal.type:
            case "STRING":
                return self._string(span)
            case "FOREIGN":
                self._refuse_function(self.tokens[begin + 2].text.lower(), self._span(begin, begin + 3))
                return self._nothing(span)
            case _:
                return Opaque(begin, end, span)

    def _string(self, span: Span) -> Value:
        try:
            return Text(read_literal(self._source(span), span.start), span)
        except LiteralError as bad:
            self.problem("PGD132", bad.message, Span(bad.start, bad.end))
            return self._nothing(span)

    def _refuse_function(self, name: str, span: Span) -> None:
        if name in nodes.NODES_TO_COME:
            self.problem("PGD902", f"df.{name} is not yet supported", span)
        elif name in nodes.FUNCTIONS:
            self.problem(
                "PGD120",
                f"df.{name} is not a step",
                span,
                "to call a function in a step, select it: 'SELECT ...'",
            )
        else:
            near = difflib.get_close_matches(name, [*nodes.NODES, *sorted(nodes.NODES_TO_COME)], 1)
            hint = (
                f"did you mean df.{near[0]}?"
                if near
                else f"there are: {', '.join('df.' + n for n in nodes.NODES)}"
            )
            self.problem("PGD120", f"function df.{name} does not exist", span, hint)

    def group(self, children: list[Any]) -> Group:
        span = self._terminal_span(children[0]) | self._terminal_span(children[2])
        value = children[1]
        if isinstance(value, Opaque):
            value = Opaque(value.begin - 1, value.end + 1, span)
        return Group(value, span)

    def _step(self, value: Value) -> Tree:
        match value:
            case Text(source, span):
                return Sql(source, span)
            case Opaque(begin, _, span):
                word = self.tokens[begin].text.lower()
                hint = "a step is a constant string of SQL, a df function or an expression in parentheses"
                if self.tokens[begin].kind in ("USCONST", "BCONST", "XCONST", "NCHAR"):
                    hint = "write the SQL as '...', E'...' or $$...$$"
                elif (
                    word in nodes.NODES
                    and begin + 1 < len(self.tokens)
                    and self.tokens[begin + 1].kind == "("
                ):
                    hint = f"did you mean df.{word}?"
                elif (at := foreign_operator(self.tokens, value)) is not None and self.tokens[
                    at
                ].kind == "Op":
                    hint = f"{self.tokens[at].text} is no workflow operator; there are ~> |=> ?> !> @>"
                self.problem("PGD115", "an SQL expression is not a step", span, hint)
                return self._nothing(span)
            case _:
                return value

    # Chains

    def chain(self, children: list[Any]) -> Value:
        chain = precedence.Chain([children[0]], [])
        for operator, operand in zip(children[1::2], children[2::2], strict=True):
            span = self._terminal_span(operator)
            chain.operators.append(precedence.Operator(self._source(span), span))
            if isinstance(operand, lark.Token):
                operand = self._name_operand(operand)
            chain.operands.append(operand)
        first: precedence.Operand = chain.operands[0]
        assert isinstance(first.inner, precedence.Atom)
        if not chain.operators and not first.loops:
            value: Value = first.inner.value
            return value
        last = chain.operands[-1].inner
        assert isinstance(last, precedence.Atom)
        start = first.loop_spans[0] if first.loop_spans else first.inner.span
        return self._folded(chain, start | last.span)

    def _name_operand(self, terminal: lark.Token) -> precedence.Operand:
        span = self._terminal_span(terminal)
        atom = precedence.Atom(reading.abbreviate(self._source(span)), span, value=self._bound_name(terminal))
        return precedence.Operand(atom)

    def _folded(self, chain: precedence.Chain, span: Span) -> Tree:
        if self._refuse_expressions(chain) or self._refuse_operators(chain):
            return self._nothing(span)
        try:
            real = precedence.fold_real(chain)
        except precedence.ReadingError as problem:
            self.problem("PGD111", problem.message, problem.operator.span, self._other_reading(chain))
            return self._nothing(span)
        documented = precedence.fold_documented(chain)
        if not precedence.is_same(real, documented):
            shown, other = reading.show_difference(real, documented)
            self.problem(
                "PGD110",
                f"ambiguous precedence: PostgreSQL reads {shown}, the documented table says {other}",
                span,
                "put in the parentheses of the one that is meant",
            )
            return self._nothing(span)
        return self._grow(real)

    def _other_reading(self, chain: precedence.Chain) -> str:
        try:
            shown = reading.show(precedence.fold_documented(chain))
        except precedence.ReadingError:
            return "write: condition ?> then !> else"
        return f"all operators have one precedence level in PostgreSQL; write {shown}"

    def _refuse_operators(self, chain: precedence.Chain) -> bool:
        seen = set()
        for operator in chain.operators:
            if operator.text in ("&", "|", "<->") and operator.text not in seen:
                seen.add(operator.text)
                self.problem("PGD901", f"operator {operator.text} is not yet supported", operator.span)
        return bool(seen) and not self._is_ambiguous(chain)

    def _is_ambiguous(self, chain: precedence.Chain) -> bool:
        try:
            return not precedence.is_same(precedence.fold_real(chain), precedence.fold_documented(chain))
        except precedence.ReadingError:
            return True

    def _refuse_expressions(self, chain: precedence.Chain) -> bool:
        found = False
        for index, operand in enumerate(chain.operands):
            atom = operand.inner
            assert isinstance(atom, precedence.Atom)
            if isinstance(atom.value, Opaque):
                found = True
                self._refuse_expression(chain, index, atom.value, atom.is_group)
        return found

    def _refuse_expression(self, chain: precedence.Chain, index: int, opaque: Opaque, is_group: bool) -> None:
        at = None if is_group else foreign_operator(self.tokens, opaque)
        if at is None:
            self._step(opaque)
            return
        token = self.tokens[at]
        shown = wrong_reading(self.text, self.offset, self.tokens, chain, index, opaque, at)
        how = "binds looser than" if is_looser(token) else "has the precedence of"
        self.problem(
            "PGD113",
            f'PostgreSQL reads {shown}: "{token.text}" {how} the workflow operators',
            token_span(token, self.offset),
            "a step in a declaration is a constant string: write one in place of the expression",
        )

    # From the normal form to the parsed form. Deep only as parentheses and loops are.

    def _grow(self, node: precedence.Node) -> Tree:
        match node:
            case precedence.Atom(value=value):
                return self._step(value)
            case precedence.Seq(parts):
                return _sequence([self._grow(part) for part in parts])
            case precedence.Binary("|=>", body, precedence.Atom(value=Name() as name)):
                return self._named(self._grow(body), name)
            case precedence.Branch(condition, then, otherwise):
                return _branch(self._grow(condition), self._grow(then), self._grow(otherwise))
            case precedence.Repeat(body, span):
                tree = self._grow(body)
                return Loop(tree, None, (span or tree.span) | tree.span)
            case _:
                return self._nothing(Span(self.offset, self.offset))

    def _named(self, body: Tree, name: Name) -> Tree:
        match body:
            case Sequence(parts, span):
                return Sequence((*parts[:-1], self._named(parts[-1], name)), span | name.span)
            case Named(name=earlier):
                self.problem(
                    "PGD119",
                    f'step is already named "{earlier.text}"',
                    name.span,
                    "a step has one name: keep one of the two",
                )
                return body
            case _:
                return Named(body, name, body.span | name.span)

    # Names

    def _bound_name(self, terminal: lark.Token) -> Name:
        begin, end = self._range(terminal)
        name = self._word_or_string(begin, self._span(begin, begin + 1))
        if end == begin + 1:
            return name
        columns: tuple[Parameter, ...] = ()
        if end > begin + 3:
            columns = self._parameters(begin + 2, end - 1, code="PGD118")
        else:
            self.problem("PGD118", "list of columns is empty", self._span(begin + 1, end), _COLUMNS_HINT)
        for column in columns:
            if column.default is not None:
                self.problem("PGD118", "a column of a result has no default", column.span, _COLUMNS_HINT)
        return Name(name.text, name.span, tuple(Column(c.name, c.type, c.span) for c in columns))

    def _word_or_string(self, at: int, span: Span) -> Name:
        token = self.tokens[at]
        if token.kind == "SCONST":
            string = self._string(span)
            text = string.source.value if isinstance(string, Text) else "_"
        else:
            text = token.text.removeprefix('"').removesuffix('"')
            if not token.text.startswith('"') and text != text.lower():
                self.problem(
                    "PGD116",
                    f'PostgreSQL folds the bare name "{text}" to lower case',
                    span,
                    f"write {text.lower()}, or '{text}' to keep the capitals",
                )
        return Name(self._checked(text, span), span)

    def _checked(self, text: str, span: Span) -> str:
        if not _NAME.match(text):
            self.problem(
                "PGD117",
                f"invalid result name {text!r}" if text else "result name is empty",
                span,
                "a name has letters from a to z, digits and underscores, and does not begin with a digit",
            )
        return text

    # Calls

    def argument(self, children: list[Any]) -> Given:
        value = children[-1]
        if len(children) == 1:
            return Given(None, value.span, value, value.span)
        span = self._terminal_span(children[0])
        begin, _ = self._range(children[0])
        label = self.tokens[begin].text.lower().strip('"')
        return Given(label, self._span(begin, begin + 1), value, span | value.span)

    def call(self, children: list[Any]) -> Tree:
        begin, end = self._range(children[0])
        name = self.tokens[begin + 2].text.lower()
        name_span = self._span(begin, end)
        span = name_span | self._terminal_span(children[-1])
        try:
            given = bind(name, name_span, [child for child in children if isinstance(child, Given)])
        except StatementError as problem:
            self.diagnostics.append(problem.diagnostic)
            return self._nothing(span)
        optional = {parameter.name for parameter in nodes.NODES[name] if parameter.is_optional}
        given = {
            key: value for key, value in given.items() if key not in optional or not self._is_null(value)
        }
        return self._node(name, given, span)

    def _is_null(self, value: Value) -> bool:
        return isinstance(value, Opaque) and self._source(value.span).lower() == "null"

    def _node(self, name: str, given: dict[str, Value], span: Span) -> Tree:
        def step(parameter: str) -> Tree:
            return self._step(given[parameter])

        match name:
            case "sql":
                return self._sql(given["query"], span)
            case "seq":
                return _sequence([step("a"), step("b")])
            case "as":
                return self._named(step("fut"), self._name_argument(name, given["name"]))
            case "if":
                return _branch(step("condition"), step("then_branch"), step("else_branch"), span)
            case "if_rows":
                result = self._name_argument(name, given["result_name"])
                return IfRows(result, step("then_branch"), step("else_branch"), span)
            case "loop":
                return Loop(step("body"), step("condition") if "condition" in given else None, span)
            case "break":
                return Break(self._text_argument(given["value"]) if "value" in given else None, span)
            case _:
                return self._sleep(given["seconds"], span)

    def _refuse_argument(self, name: str, argument: Argument, span: Span) -> None:
        self.problem("PGD123", f"the argument of df.{name} must be {argument.value}", span)

    def _sql(self, value: Value, span: Span) -> Tree:
        if isinstance(value, Text):
            return Sql(value.source, span)
        if isinstance(value, Opaque):
            self._refuse_argument("sql", Argument.SQL, value.span)
        return self._nothing(span)

    def _name_argument(self, node: str, value: Value) -> Name:
        match value:
            case Text(source, span):
                return Name(self._checked(source.value, span), span)
            case Opaque(begin, end, span) if end == begin + 1 and self.tokens[begin].is_word:
                return self._word_or_string(begin, span)
            case Opaque(span=span):
                self._refuse_argument(node, Argument.NAME, span)
        return Name("_", value.span)

    def _text_argument(self, value: Value) -> SourceText | None:
        match value:
            case Text(source):
                return source
            case Opaque(span=span):
                written = self._source(span)
                if _CONSTANT.match(written) or _REFERENCE.match(written):
                    return SourceText(written, tuple(range(span.start, span.end + 1)))
                self._refuse_argument("break", Argument.TEXT, span)
        return None

    def _sleep(self, value: Value, span: Span) -> Tree:
        match value:
            case Text(source):
                return Sleep(source, True, span)
            case Opaque(span=place):
                source = SourceText(self._source(place), tuple(range(place.start, place.end + 1)))
                return Sleep(source, False, span)
        return self._nothing(span)


_COLUMNS_HINT = "write |=> name(column type, ...)"


def _sequence(steps: list[Tree]) -> Tree:
    parts: list[Tree] = []
    for step in steps:
        parts.extend(step.parts if isinstance(step, Sequence) else [step])
    return Sequence(tuple(parts), parts[0].span | parts[-1].span)


def _branch(condition: Tree, then: Tree, otherwise: Tree, span: Span | None = None) -> Tree:
    """An if; a sequence in the condition's place stands in front of it."""
    if isinstance(condition, Sequence):
        last = _branch(condition.parts[-1], then, otherwise, span)
        return _sequence([*condition.parts[:-1], last])
    return If(condition, then, otherwise, span or condition.span | otherwise.span)
