"""A declaration's text to its tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgdurc import grammar, pgsql, psql
from pgdurc.build import Builder
from pgdurc.diagnostic import Diagnostic, Severity, Span
from pgdurc.literal import ESCAPE_HINT, LiteralError, read_literal
from pgdurc.script import Ours
from pgdurc.shape import Shaped, StatementError, near, shape_statement
from pgdurc.tree import Declaration

if TYPE_CHECKING:
    from pgdurc.tree import Drop


IF_NOT_EXISTS = "leave out IF NOT EXISTS: CREATE WORKFLOW replaces what is there, and keeps what is the same"
STEP_HINT = "a step is expected: SQL in a string, a df function or a workflow in parentheses"


def parse_declaration(text: str, statement: Ours) -> tuple[Declaration | Drop | None, tuple[Diagnostic, ...]]:
    """Parse one of our statements; `text` is the whole file's, so that every span is a place of the file.

    None where there is no tree to go on with. What is wrong with a piece does not keep the rest from being
    looked at: the tree of a declaration may come with errors.
    """
    if not statement.is_complete:
        return None, ()
    offset = statement.span.start
    own_text = text[offset : statement.span.end]
    try:
        tokens = [token for token in pgsql.scan(own_text) if not token.is_comment]
        shaped = shape_statement(tokens, offset)
        builder = Builder(text, statement, tokens)
        found: Declaration | Drop = grammar.parse(shaped, builder.rule)
    except pgsql.ScanError as error:
        return None, (scan_problem(own_text, offset, error),)
    except StatementError as problem:
        return None, (problem.diagnostic,)
    except grammar.UnexpectedTerminal as unexpected:
        builder.read_header(shaped)
        return None, (*builder.in_front, syntax_problem(unexpected, tokens, shaped, offset))
    is_read = isinstance(found, Declaration) or not builder.has_errors
    return (found if is_read else None), builder.diagnostics


def scan_problem(own_text: str, offset: int, error: pgsql.ScanError) -> Diagnostic:
    """PostgreSQL's scanner gives no place for a bad escape: find it by reading the literals."""
    if not error.message.startswith("unterminated"):
        try:
            for token in psql.tokens(own_text, 0, len(own_text)):
                if token.kind == "escape_quote":
                    read_literal(token.text, offset + token.start)
        except LiteralError as bad:
            return Diagnostic("PGD132", Severity.ERROR, bad.message, Span(bad.start, bad.end), ESCAPE_HINT)
    at = offset + min(error.position, len(own_text) - 1)
    return Diagnostic("PGD101", Severity.ERROR, error.message, Span(at, at + 1))


def syntax_problem(
    unexpected: grammar.UnexpectedTerminal, tokens: list[pgsql.Token], shaped: list[Shaped], offset: int
) -> Diagnostic:
    if unexpected.index == len(shaped):
        return near(tokens[-1], offset, _hint(unexpected.accepted)).diagnostic
    at = shaped[unexpected.index].begin
    token = tokens[at]
    if [word.text.lower() for word in tokens[at - 1 : at + 2]] == ["if", "not", "exists"]:
        return near(token, offset, IF_NOT_EXISTS).diagnostic
    hint = _hint(unexpected.accepted, is_create=shaped[0].kind == "CREATE")
    return near(token, offset, hint).diagnostic


def _hint(accepted: frozenset[str], *, is_create: bool = True) -> str | None:
    """What could have stood there, in the author's words."""
    if "STRING" in accepted:
        return STEP_HINT
    if "OPERATOR" in accepted:
        return "an operator such as ~>, or the end of the expression, is expected"
    if "NAME" in accepted:
        return "a name is expected: |=> name"
    if "PARAMETERS" in accepted or ("LPAR" in accepted and "DOT" in accepted):
        return "a workflow has a list of parameters, which may be empty: CREATE WORKFLOW name() AS ..."
    if "AS" in accepted:
        return "AS and an expression are expected"
    if "EQUALS" in accepted or "VALUE" in accepted or accepted == {"LPAR"}:
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
