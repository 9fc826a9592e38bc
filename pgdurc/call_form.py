"""A df.start call, read: its workflow, what is evaluated where it stands, and its other arguments."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from pgdurc import grammar, pgsql
from pgdurc.build import Builder
from pgdurc.call_sites import with_calls
from pgdurc.diagnostic import Diagnostic, Severity, Span
from pgdurc.literal import LiteralError, read_literal
from pgdurc.nearest import nearest
from pgdurc.nodes import NODES
from pgdurc.parse import STEP_HINT, scan_problem, syntax_problem
from pgdurc.script import Ours
from pgdurc.shape import StatementError, match_brackets, near, shape_expression, token_span
from pgdurc.tree import Declaration, Identifier, Parameter

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pgdurc.call_sites import Site
    from pgdurc.hidden import Hidden
    from pgdurc.shape import Shaped

PARAMETERS = {
    "start": ("fut", "label", "database", "transaction_mode"),
    "explain": ("input",),
}
NAME = "df_start"
"""A version made for a call is named so, with its hash."""


@dataclass(frozen=True, slots=True)
class CallForm:
    """`hidden`: the expressions that are evaluated where the call stands, and `values` what gives them there.

    `arguments`: those beside the workflow, as written but for the calls in them.
    """

    declaration: Declaration
    hidden: tuple[Hidden, ...]
    values: tuple[tuple[str, str], ...]
    arguments: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class _Range:
    """The tokens of an argument, without its label."""

    begin: int
    end: int


def explained(site: Site, inner: Sequence[Site]) -> Site | None:
    """The call to compile for a df.explain call, or for the text of one in a constant string.

    `inner`: the calls in its arguments. None where it asks for an instance or for a workflow by its name: the
    database answers that.
    """
    own_text = site.body.text[site.span.start : site.span.end]
    try:
        inside = _values_of_calls(pgsql.scan(own_text), inner, site.span.start)[4:-1]
    except pgsql.ScanError:
        return None
    if len(inside) == 1 and inside[0].kind == "SCONST":
        return _in_string(site, inside[0])
    is_expression = any(
        (token.kind == "Op" and token.text in _OPERATORS) or token.text in ("|", "&", "@>")
        for token in inside
    )
    is_node = len(inside) > 2 and inside[0].name == "df" and inside[2].name in NODES
    return site if is_expression or is_node else None


_OPERATORS = ("~>", "|=>", "&", "|", "?>", "!>", "@>")
_MARKS = ("~>", "|=>", "?>", "!>", "@>", "df.")
_STATEMENT = re.compile(
    r"\s*(?:select|insert|update|delete|merge|with|values|call|do|create|drop|alter)\b", re.I
)


def _in_string(site: Site, token: pgsql.Token) -> Site | None:
    try:
        read = read_literal(token.text, site.span.start + token.start)
    except LiteralError:
        return None
    if not any(mark in read.value for mark in _MARKS):
        return site if _STATEMENT.match(read.value) else None
    origins = read.origins
    if site.body.origins is not None:
        origins = tuple(site.body.origins[at] for at in origins)
    return replace(
        site,
        body=replace(site.body, text=read.value, origins=origins),
        span=Span(0, len(read.value)),
        opening=-1,
    )


def parse_call(
    site: Site, inner: Sequence[tuple[Site, str]] = ()
) -> tuple[CallForm | None, tuple[Diagnostic, ...]]:
    """Read a call. Spans are places of the site's body. None where there is nothing to go on with.

    `inner`: the calls in its arguments, which are values, and what is written in their place.
    As in a declaration, what is wrong with a piece does not keep the rest from being looked at.
    """
    offset = site.span.start
    own_text = site.body.text[offset : site.span.end]
    statement = Ours(site.span, is_drop=False, comment="")
    shaped: list[Shaped] = []
    problems: list[Diagnostic] = []
    try:
        calls = [call for call, _ in inner]
        tokens = _plain_operators(_values_of_calls(pgsql.scan(own_text), calls, offset))
        if site.opening >= 0:
            opening = next(at for at, token in enumerate(tokens) if token.kind == "(")
            # The call's own parentheses are none of the workflow's.
            matches = match_brackets(tokens, opening + 1, len(tokens) - 1, offset)
            matches[opening] = len(tokens) - 1
            given, problems = _arguments(site.function, tokens, opening, matches, offset)
        elif not tokens:
            raise StatementError("PGD101", "syntax error at end of input", site.span, STEP_HINT)
        else:
            matches = match_brackets(tokens, 0, len(tokens), offset)
            given = {PARAMETERS[site.function][0]: _Range(0, len(tokens))}
        if PARAMETERS[site.function][0] not in given:
            return None, tuple(problems)
        expression = given.pop(PARAMETERS[site.function][0])
        shaped = shape_expression(tokens, offset, matches, expression.begin, expression.end)
        # The parenthesis after it, to point at where it ends too early.
        builder = Builder(site.body.text, statement, tokens[: expression.end + 1], takes_expressions=True)
        body = grammar.parse(shaped, builder.rule)
    except pgsql.ScanError as error:
        return None, (scan_problem(own_text, offset, error),)
    except StatementError as problem:
        return None, (*problems, problem.diagnostic)
    except grammar.UnexpectedTerminal as unexpected:
        problems += builder.in_front
        return None, (*problems, syntax_problem(unexpected, tokens[: expression.end + 1], shaped, offset))
    hidden = builder.leaves.hidden
    problems += builder.diagnostics
    text = site.body.text
    blank = {span: " " * len(text[span.start : span.end]) for span in map(_inside, calls)}
    for one in hidden:
        problems += _expression_problems(with_calls(text, one.span, blank), one.span)
    place = builder.leaves.span(expression.begin, expression.end)
    declaration = Declaration(
        name=Identifier((NAME,), site.span),
        parameters=tuple(Parameter(one.name, "text", None, one.span) for one in hidden),
        parameters_text="",
        options=(),
        body=body,
        body_text=text[place.start : place.end],
        comment="",
        span=site.span,
        is_call=True,
    )
    written = {call.span: expression for call, expression in inner}
    values = tuple(
        (one.name, one.function.replace("{}", with_calls(text, one.span, written))) for one in hidden
    )
    places = {
        name: token_span(tokens[one.begin], offset) | token_span(tokens[one.end - 1], offset)
        for name, one in given.items()
    }
    arguments = tuple((name, with_calls(text, span, written)) for name, span in places.items())
    return CallForm(declaration, tuple(hidden), values, arguments), tuple(problems)


def _inside(call: Site) -> Span:
    """What stands in the parentheses of a call."""
    return Span(call.opening + 1, call.span.end - 1)


def _values_of_calls(tokens: Iterable[pgsql.Token], calls: Iterable[Site], offset: int) -> list[pgsql.Token]:
    """Without comments, and without the arguments of calls: such a call is a value, whatever is in it."""
    inside = [_inside(call) for call in calls]
    kept: list[pgsql.Token] = []
    at = 0
    for token in tokens:
        start = token.start + offset
        while at < len(inside) and inside[at].end <= start:
            at += 1
        is_inside = at < len(inside) and inside[at].start <= start
        if not (token.is_comment or is_inside):
            kept.append(token)
    return kept


def _expression_problems(text: str, span: Span) -> list[Diagnostic]:
    """What PostgreSQL has against it; nothing where psql, or a step around the call, puts something in."""
    tokens = list(pgsql.scan(text))
    for token, after in pairwise(tokens):
        if token.text in (":", "$", "{") and token.end == after.start:
            return []
    before = "SELECT NULLIF("  # which takes no query, as a parenthesis would, and none of what a call may
    try:
        pgsql.parse(f"{before}{text}\n, NULL)")
    except pgsql.ParseError as error:
        at = error.position - len(before)
        if at >= len(text.rstrip()):
            end = Span(span.end - 1, span.end)
            message = "syntax error at the end of the expression"
            return [StatementError("PGD101", message, end, "the expression is not complete").diagnostic]
        found = next((token for token in tokens if token.end > at), tokens[-1])
        return [StatementError("PGD101", error.message, token_span(found, span.start)).diagnostic]
    return []


_WRITTEN_OUT = (["OPERATOR", "(", "Op", ")"], ["OPERATOR", "(", "IDENT", ".", "Op", ")"])


def _plain_operators(tokens: list[pgsql.Token]) -> list[pgsql.Token]:
    """With one token for each `OPERATOR(pg_catalog.~>)`; its precedence is the same."""
    if all(token.kind != "OPERATOR" for token in tokens):
        return tokens
    plain: list[pgsql.Token] = []
    at = 0
    while at < len(tokens):
        is_qualified = [token.name for token in tokens[at + 2 : at + 3]] == ["pg_catalog"]
        end = at + (6 if is_qualified else 4)
        kinds = [token.kind for token in tokens[at:end]]
        if kinds in _WRITTEN_OUT and tokens[end - 2].text in _OPERATORS:
            plain.append(replace(tokens[end - 2], start=tokens[at].start, end=tokens[end - 1].end))
            at = end
        else:
            plain.append(tokens[at])
            at += 1
    return plain


def _arguments(
    function: str, tokens: list[pgsql.Token], opening: int, matches: dict[int, int], offset: int
) -> tuple[dict[str, _Range], list[Diagnostic]]:
    """The arguments by parameter, in the parameters' order, and what is wrong with them.

    Raises StatementError for what is no argument at all.
    """
    parameters = PARAMETERS[function]
    first, *optional = parameters
    usage = f"usage: df.{function}({', '.join([first, *(f'[{name}]' for name in optional)])})"
    bound: dict[str, _Range] = {}
    problems: list[Diagnostic] = []

    def problem(code: str, message: str, place: Span, hint: str = usage) -> None:
        problems.append(Diagnostic(code, Severity.ERROR, message, place, hint))

    is_named = False
    for position, (begin, end) in enumerate(_items(tokens, opening, matches)):
        if begin == end:
            raise near(tokens[end], offset, usage)
        span = token_span(tokens[begin], offset) | token_span(tokens[end - 1], offset)
        is_label = end > begin + 1 and tokens[begin].is_word and tokens[begin + 1].text in ("=>", ":=")
        if position and end > begin + 1 and tokens[begin].name in optional and tokens[begin + 1].kind == "=":
            message = f'"{tokens[begin].name} = ..." is a comparison'
            problem("PGD122", message, span, f"an argument is named by =>: {tokens[begin].name} => ...")
            continue
        if is_named and not is_label:
            problem("PGD122", "positional argument cannot follow named argument", span)
            continue
        is_named = is_label
        if not is_label and position >= len(parameters):
            problem("PGD121", f"df.{function} takes at most {len(parameters)} arguments", span)
            break
        name = tokens[begin].name if is_label else parameters[position]
        if name not in parameters:
            message = f'df.{function} has no argument named "{name}"'
            hint = _name_hint(name, parameters, usage)
            problem("PGD122", message, token_span(tokens[begin], offset), hint)
            if name == _COMPILED:
                break
            continue
        if name in bound:
            message = f'argument "{name}" specified more than once'
            problem("PGD122", message, token_span(tokens[begin], offset))
            continue
        if is_label and begin + 2 == end:
            raise near(tokens[end], offset, usage)
        bound[name] = _Range(begin + 2 if is_label else begin, end)
    if parameters[0] not in bound and not problems:  # which may be what is missing
        span = token_span(tokens[0], offset) | token_span(tokens[opening - 1], offset)
        problem("PGD121", f'df.{function} lacks the argument "{parameters[0]}"', span)
    return {name: bound[name] for name in parameters if name in bound}, problems


_COMPILED = "v1"
"""The argument of what is written in place of a call."""


def _name_hint(name: str, parameters: tuple[str, ...], usage: str) -> str:
    if name == _COMPILED:
        return "this is what the compiler makes of a call: compile the script that it was made from"
    guess = nearest(name, parameters)
    return usage if guess is None else f'did you mean "{guess}"?'


def _items(tokens: list[pgsql.Token], opening: int, matches: dict[int, int]) -> list[tuple[int, int]]:
    """The tokens between commas; none at all for empty parentheses."""
    close = matches[opening]
    items: list[tuple[int, int]] = []
    begin = at = opening + 1
    while at < close:
        if tokens[at].kind == ",":
            items.append((begin, at))
            begin = at + 1
        at = matches.get(at, at) + 1
    return [*items, (begin, close)] if close > opening + 1 else []
