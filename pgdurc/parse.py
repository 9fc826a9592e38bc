"""A declaration's text to its tree."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from pgdurc import pgsql
from pgdurc.diagnostic import Diagnostic, Severity, Span
from pgdurc.literal import LiteralError, read_literal
from pgdurc.resources import resource_text
from pgdurc.script import Ours, escape_literals
from pgdurc.shape import Shaped, StatementError, near, shape_statement

if TYPE_CHECKING:
    import lark

    from pgdurc.tree import Declaration, Drop


def parse_declaration(text: str, statement: Ours) -> tuple[Declaration | Drop | None, tuple[Diagnostic, ...]]:
    """Parse one of our statements; `text` is the whole file's, so that every span is a place of the file.

    None where there is no tree to go on with; warnings may come with a tree.
    """
    if not statement.is_complete:
        return None, ()
    offset = statement.span.start
    own_text = text[offset : statement.span.end]
    try:
        tokens = [token for token in pgsql.scan(own_text) if not token.is_comment]
        shaped = shape_statement(tokens, offset)
        tree = _parse(tokens, shaped, offset)
    except pgsql.ScanError as error:
        return None, (_scan_problem(own_text, offset, error),)
    except StatementError as problem:
        return None, (problem.diagnostic,)
    from pgdurc.build import Builder

    builder = Builder(text, statement, tokens, shaped)
    found = builder.transform(tree)
    problems = tuple(sorted(builder.diagnostics, key=lambda d: (d.span.start, d.span.end)))
    if any(problem.severity is Severity.ERROR for problem in problems):
        return None, problems
    return found, problems


def _scan_problem(own_text: str, offset: int, error: pgsql.ScanError) -> Diagnostic:
    """PostgreSQL's scanner gives no place for a bad escape: find it by reading the literals."""
    try:
        for literal in escape_literals(own_text):
            read_literal(literal.group(), offset + literal.start())
    except LiteralError as bad:
        return Diagnostic("PGD132", Severity.ERROR, bad.message, Span(bad.start, bad.end))
    at = offset + min(error.position, len(own_text) - 1)
    return Diagnostic("PGD101", Severity.ERROR, error.message, Span(at, at + 1))


def _parse(tokens: list[pgsql.Token], shaped: list[Shaped], offset: int) -> Any:
    import lark

    try:
        return _parser().parse(shaped)
    except lark.UnexpectedToken as error:
        accepted = error.accepts or error.expected
        if error.token.type == "$END":
            raise near(tokens[-1], offset, _hint(accepted)) from None
        token = tokens[shaped[error.token.start_pos].begin]
        hint = _hint(accepted, is_create=shaped[0].kind == "CREATE")
        raise near(token, offset, hint) from None


def _hint(accepted: set[str], *, is_create: bool = True) -> str | None:
    """What could have stood there, in the author's words."""
    if "STRING" in accepted:
        return "a step is expected: an SQL string, a df function or an expression in parentheses"
    if "OPERATOR" in accepted:
        return "an operator such as ~>, or the end of the expression, is expected"
    if "NAME" in accepted:
        return "a name is expected: |=> name"
    if "PARAMETERS" in accepted or ("LPAR" in accepted and "DOT" in accepted):
        return "a workflow has a list of parameters, which may be empty: CREATE WORKFLOW name() AS ..."
    if "AS" in accepted:
        return "AS and an expression are expected"
    if "EQUALS" in accepted or "VALUE" in accepted:
        return "options are written as: WITH (name = value, ...)"
    if "WORD" in accepted:
        return "a name is expected"
    if "SEMICOLON" in accepted:
        if is_create:
            return "an operator such as ~>, or the semicolon, is expected"
        return "the semicolon is expected: DROP WORKFLOW [IF EXISTS] name;"
    if "RPAR" in accepted:
        return "an operator such as ~>, or a closing parenthesis, is expected"
    return None


@cache
def _parser() -> lark.Lark:
    import lark

    class ShapedLexer(lark.lexer.Lexer):
        def __init__(self, configuration: object) -> None:
            pass

        def lex(self, lexer_state: Any, _: Any = None) -> Any:
            for index, terminal in enumerate(lexer_state):
                yield lark.Token(terminal.kind, "", start_pos=index)

    grammar = resource_text("grammar", "workflow.lark")
    return lark.Lark(grammar, start="statement", parser="lalr", lexer=ShapedLexer, propagate_positions=False)
