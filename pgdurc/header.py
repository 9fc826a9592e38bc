"""What stands around a workflow's expression: name, parameters and options; and an annotation's columns."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pgdurc import pgsql
from pgdurc.diagnostic import Diagnostic, Span
from pgdurc.literal import ESCAPE_HINT, LiteralError, read_literal
from pgdurc.shape import StatementError, token_span
from pgdurc.tree import Identifier, Option, Parameter

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_NAME_BYTES = 50
"""A version's name is the workflow's and a suffix; PostgreSQL cuts names at 63 bytes."""

_MAX_IDENTIFIER_BYTES = 63
_MAX_PARAMETERS = 100  # of a function in PostgreSQL
_PSEUDO_TYPE = re.compile(
    r"any(compatible)?(array|nonarray|range|multirange)?|anyelement|anyenum"
    r"|cstring|event_trigger|internal|record|trigger|void"
)


def read_name(tokens: Sequence[pgsql.Token], offset: int) -> Identifier:
    """The workflow's name, from its tokens with the dots between. Raises StatementError."""
    span = token_span(tokens[0], offset) | token_span(tokens[-1], offset)
    text = "".join(token.text for token in tokens)
    try:
        pgsql.parse(f"CREATE FUNCTION {text}()")
    except pgsql.ParseError:
        word = next((token for token in tokens if token.keyword), tokens[0])
        quoted = '"' + word.text.lower() + '"'
        raise StatementError(
            "PGD103",
            f'"{word.text}" is a reserved word and cannot be a name',
            token_span(word, offset),
            f"quote it: {quoted}",
        ) from None
    words = [token for token in tokens if token.kind != "."]
    if len(words) > 2 or any(word.kind == "UIDENT" for word in words):
        raise StatementError("PGD102", f"improper workflow name: {text}", span, "write name or schema.name")
    parts = tuple(pgsql.unquote_identifier(word.text) for word in words)
    for part, limit in zip(reversed(parts), (MAX_NAME_BYTES, _MAX_IDENTIFIER_BYTES), strict=False):
        size = len(part.encode())
        if size > limit:
            raise StatementError(
                "PGD104",
                f"name is {size} bytes long, at most {limit} are allowed",
                span,
                "a version's own name is the workflow's with a suffix, and PostgreSQL cuts names at 63 bytes",
            )
    return Identifier(parts, span)


@dataclass(frozen=True, slots=True)
class Parameters:
    """`problems`: what is wrong with some. Those have their names at least, so that these are known."""

    parameters: tuple[Parameter, ...]
    problems: tuple[Diagnostic, ...] = ()


def read_parameters(
    tokens: Sequence[pgsql.Token], begin: int, end: int, text: str, offset: int, *, code: str = "PGD106"
) -> Parameters:
    """`name type [DEFAULT expression], ...`, checked by PostgreSQL's parser.

    `text` is what the tokens were scanned from, `offset` its place in the file, `code` that of a parameter
    that PostgreSQL would take and we do not.
    """
    items = _items(tokens, begin, end)
    try:
        nodes = _parse_parameters(tokens, begin, end, text, offset)
    except StatementError as problem:
        at = problem.diagnostic.span.start - offset
        # With a comma that is missing there are two in one item: any word of it may be a name.
        broken = max((item for item in items if tokens[item[0]].start <= at), default=items[0])
        words = [(index, index + 1) for index in range(*broken)]
        names = _named(tokens, [*(item for item in items if item != broken), *words], offset)
        return Parameters(tuple(names), (problem.diagnostic,))
    parameters: list[Parameter] = []
    problems: list[Diagnostic] = []
    if code == "PGD106" and len(items) > _MAX_PARAMETERS:
        message = f"a workflow cannot have more than {_MAX_PARAMETERS} parameters"
        place = token_span(tokens[items[_MAX_PARAMETERS][0]], offset)
        problems.append(StatementError(code, message, place, "take one of type jsonb for many").diagnostic)
    for (item_begin, item_end), node in zip(items, nodes, strict=True):
        try:
            parameter = _read_parameter(node, tokens, item_begin, item_end, text, offset, code)
            _check_parameter(parameter, parameters, code)
        except StatementError as problem:
            problems.append(problem.diagnostic)
            parameters += _named(tokens, [(item_begin, item_end)], offset)
        else:
            parameters.append(parameter)
    return Parameters(tuple(parameters), tuple(problems))


def _parse_parameters(
    tokens: Sequence[pgsql.Token], begin: int, end: int, text: str, offset: int
) -> list[Any]:
    """A node of PostgreSQL's parser for each parameter. Raises StatementError."""
    first, last = tokens[begin], tokens[end - 1]
    prefix = "CREATE FUNCTION f("
    try:
        (statement,) = pgsql.parse(f"{prefix}{text[first.start : last.end]}\n)")
    except pgsql.ParseError as error:
        at = error.position - len(prefix) + first.start
        token = next((t for t in tokens[begin:end] if t.end > at), last)
        is_reference = token.kind == "$"
        hint = "no $ in front of its name here" if is_reference else "write: name type [DEFAULT value], ..."
        raise StatementError("PGD102", error.message, token_span(token, offset), hint) from None
    return [wrapped.function_parameter for wrapped in statement.node.parameters]


def _named(tokens: Sequence[pgsql.Token], items: list[tuple[int, int]], offset: int) -> Iterator[Parameter]:
    """Parameters of which nothing but the name is known."""
    for begin, end in items:
        if begin + 1 < end and _is_mode(tokens[begin]):
            begin += 1
        if begin < end and tokens[begin].is_word:
            name = pgsql.unquote_identifier(tokens[begin].text)
            span = token_span(tokens[begin], offset) | token_span(tokens[end - 1], offset)
            yield Parameter(name, "", None, span)


def _read_parameter(
    node: Any, tokens: Sequence[pgsql.Token], begin: int, end: int, text: str, offset: int, code: str
) -> Parameter:
    span = token_span(tokens[begin], offset) | token_span(tokens[end - 1], offset)
    _refuse_unusual(node, tokens[begin], span, code)
    equals = _default(tokens, begin, end)
    position = next((token for token in tokens[equals:end] if token.kind == "PARAM"), None)
    if position is not None:
        message = f"there is no parameter {position.text}"
        raise StatementError("PGD102", message, token_span(position, offset), "write the value itself")
    return Parameter(
        name=pgsql.unquote_identifier(tokens[begin].text),
        type=_between(tokens, begin + 1, equals, text),
        default=_between(tokens, equals + 1, end, text) if equals < end else None,
        span=span,
    )


def _items(tokens: Sequence[pgsql.Token], begin: int, end: int) -> list[tuple[int, int]]:
    """The ranges between commas outside brackets."""
    items = []
    depth = 0
    start = begin
    for at in range(begin, end):
        kind = tokens[at].kind
        depth += (kind in ("(", "[")) - (kind in (")", "]"))
        if kind == "," and depth == 0:
            items.append((start, at))
            start = at + 1
    items.append((start, end))
    return items


def _refuse_unusual(node: Any, first: pgsql.Token, span: Span, code: str) -> None:
    if _is_mode(first):
        raise StatementError(
            code, f"{first.text.upper()} parameters are not supported", span, "write: name type"
        )
    if not node.name:
        raise StatementError(code, "name or type is missing", span, "write: name type")
    kind = node.arg_type
    if kind.setof:
        raise StatementError(code, "a set is no type of a value", span, "write: name type")
    if kind.pct_type:
        raise StatementError(code, "%TYPE is not supported", span, "write the type itself")
    names = [part.string.sval for part in kind.names]
    if names[:-1] in ([], ["pg_catalog"]) and _PSEUDO_TYPE.fullmatch(names[-1]):
        message = f"pseudo-type {names[-1]} is no type of a value"
        raise StatementError(code, message, span, "write the type that its values have, such as jsonb")


def _is_mode(token: pgsql.Token) -> bool:
    return token.text.lower() in ("in", "out", "inout", "variadic") and bool(token.keyword)


def _default(tokens: Sequence[pgsql.Token], begin: int, end: int) -> int:
    """Where DEFAULT or `=` stands; `end` where there is none. Types hold neither outside parentheses."""
    depth = 0
    for at in range(begin, end):
        kind = tokens[at].kind
        depth += (kind in ("(", "[")) - (kind in (")", "]"))
        if depth == 0 and (kind == "=" or tokens[at].text.lower() == "default"):
            return at
    return end


def _between(tokens: Sequence[pgsql.Token], begin: int, end: int, text: str) -> str:
    return text[tokens[begin].start : tokens[end - 1].end]


def _check_parameter(parameter: Parameter, before: list[Parameter], code: str) -> None:
    if any(other.name == parameter.name for other in before):
        message = f'name "{parameter.name}" is used more than once'
        raise StatementError(code, message, parameter.span, "give one of them another name")
    if len(parameter.name.encode()) > _MAX_IDENTIFIER_BYTES:
        message = f"a name is at most {_MAX_IDENTIFIER_BYTES} bytes long"
        raise StatementError(code, message, parameter.span, "take a shorter name")
    if parameter.default is None and before and before[-1].default is not None:
        raise StatementError(
            code,
            "parameters after one with a default value must also have defaults",
            parameter.span,
            "put those without a default first",
        )


def read_option(tokens: Sequence[pgsql.Token], offset: int) -> Option:
    """`name = value`, the value a string, a number or a word. Raises StatementError."""
    name, value = tokens[0], tokens[2:]
    span = token_span(value[0], offset) | token_span(value[-1], offset)
    written = "".join(token.text for token in value)
    if len(value) == 1 and value[0].kind == "SCONST":
        try:
            written = read_literal(value[0].text, span.start).value
        except LiteralError as bad:
            raise StatementError("PGD132", bad.message, Span(bad.start, bad.end), ESCAPE_HINT) from None
    elif not _is_plain_value(value):
        raise StatementError(
            "PGD105",
            f'invalid value for option "{name.text}"',
            span,
            f"a value is a string, a number or a word{_as_string(value)}",
        )
    return Option(pgsql.unquote_identifier(name.text), written, token_span(name, offset), span)


def _as_string(value: Sequence[pgsql.Token]) -> str:
    """`: '1 second'` for 1 second and interval '1 second'."""
    if value[-1].kind == "SCONST" and len(value) == 2:
        return f": {value[-1].text}"
    is_plain = all(token.is_word or token.kind in ("ICONST", "FCONST") for token in value)
    return f": '{' '.join(token.text for token in value)}'" if is_plain else ""


def _is_plain_value(value: Sequence[pgsql.Token]) -> bool:
    if len(value) == 2 and value[0].kind in ("-", "+"):
        value = value[1:]
    return len(value) == 1 and (value[0].is_word or value[0].kind in ("ICONST", "FCONST"))
