"""What the grammar's rules make of their children: a statement's parsed form, every problem noted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pgdurc.calls import Calls
from pgdurc.chains import Chains
from pgdurc.diagnostic import Diagnostic, Severity, Span
from pgdurc.header import read_name, read_option
from pgdurc.leaves import Leaves
from pgdurc.shape import Shaped, StatementError
from pgdurc.tree import Declaration, Drop, Identifier, Option, Parameter, Tree

if TYPE_CHECKING:
    from pgdurc.pgsql import Token
    from pgdurc.script import Ours


class Builder:
    """Takes the rules of one statement, bottom up, each when its children are complete."""

    def __init__(
        self, text: str, statement: Ours, tokens: list[Token], *, takes_expressions: bool = False
    ) -> None:
        self.leaves = Leaves(text, statement, tokens, takes_expressions=takes_expressions)
        self.chains = Chains(self.leaves)
        self.calls = Calls(self.leaves, self.chains)

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        return tuple(sorted(self.leaves.diagnostics, key=lambda d: (d.span.start, d.span.end)))

    @property
    def in_front(self) -> tuple[Diagnostic, ...]:
        """What is wrong in front of a syntax error; an expression may only be half of a string."""
        return tuple(problem for problem in self.diagnostics if problem.code not in ("PGD113", "PGD115"))

    def read_header(self, shaped: list[Shaped]) -> None:
        """Look at the parameters of a statement whose body cannot be read."""
        for terminal in shaped:
            if terminal.kind == "PARAMETERS":
                self.leaves.parameters(terminal.begin, terminal.end, code="PGD106")

    @property
    def has_errors(self) -> bool:
        return any(problem.severity is Severity.ERROR for problem in self.leaves.diagnostics)

    def rule(self, name: str, children: list[Any]) -> Any:
        match name:
            case "operand":
                return self.chains.operand(children)
            case "chain":
                return self.chains.chain(children)
            case "group":
                return self.chains.group(children)
            case "argument":
                return self.calls.argument(children)
            case "call":
                return self.calls.call(children)
            case "name":
                return self._name(children)
            case "option":
                return self._option(children)
            case "options":
                return self._options(children)
            case "create":
                return self._create(children)
            case "drop":
                return self._drop(children)
            case "started":
                return self.leaves.step(children[1])
            case "statement":
                return children[0]
        raise AssertionError(f"the grammar has a rule that nobody builds: {name}")

    def _name(self, children: list[Shaped]) -> Identifier:
        begin, end = children[0].begin, children[-1].end
        try:
            return read_name(self.leaves.tokens[begin:end], self.leaves.offset)
        except StatementError as problem:
            self.leaves.diagnostics.append(problem.diagnostic)
            return Identifier((), self.leaves.span(begin, end))

    def _option(self, children: list[Shaped]) -> Option | None:
        begin, end = children[0].begin, children[-1].end
        try:
            return read_option(self.leaves.tokens[begin:end], self.leaves.offset)
        except StatementError as problem:
            self.leaves.diagnostics.append(problem.diagnostic)
            return None

    def _options(self, children: list[Any]) -> tuple[Option, ...]:
        found: list[Option] = []
        for option in children:
            if not isinstance(option, Option):
                continue
            if any(other.name == option.name for other in found):
                message = f'option "{option.name}" specified more than once'
                self.leaves.problem("PGD105", message, option.name_span, "keep one")
                continue
            found.append(option)
        return tuple(found)

    def _create(self, children: list[Any]) -> Declaration:
        leaves = self.leaves
        whole = leaves.own.span
        options: tuple[Option, ...] = ()
        parameters: tuple[Parameter, ...] = ()
        parameters_text = ""
        body_start = body_end = whole.end
        name: Identifier = Identifier((), whole)
        body: Tree = leaves.unread(whole)
        for child in children:
            match child:
                case Identifier():
                    name = child
                case tuple():
                    options = child
                case Shaped("PARAMETERS", begin, end):
                    parameters_text = leaves.source(leaves.span(begin, end))
                    parameters = leaves.parameters(begin, end, code="PGD106")
                case Shaped("AS", begin, end):
                    body_start = leaves.span(begin, end).end
                case Shaped("SEMICOLON", begin, end):
                    body_end = leaves.span(begin, end).start
                case Shaped():
                    pass
                case _:
                    body = leaves.step(child)
        return Declaration(
            name=name,
            parameters=parameters,
            parameters_text=parameters_text,
            options=options,
            body=body,
            body_text=leaves.source(Span(body_start, body_end)).strip(),
            comment=leaves.own.comment,
            span=whole,
        )

    def _drop(self, children: list[Any]) -> Drop:
        name = next(child for child in children if isinstance(child, Identifier))
        if_exists = any(isinstance(child, Shaped) and child.kind == "EXISTS" for child in children)
        return Drop(name, if_exists, self.leaves.own.span)
