"""Expressions that put a text together, `||`, format and jsonb_build_object, taken apart again.

What is constant in them is text that can be looked at when the script is compiled; the rest is evaluated.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pgdurc.literal import read_literal
from pgdurc.tree import SourceText

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pgdurc.pgsql import Token

# PostgreSQL's keywords that bind looser than ||, or are no part of one value.
_LOOSER = frozenset(
    [
        "AND",
        "OR",
        "NOT",
        "IS",
        "ISNULL",
        "NOTNULL",
        "IN_P",
        "LIKE",
        "ILIKE",
        "SIMILAR",
        "BETWEEN",
        "AT",
        "COLLATE",
        "OPERATOR",
    ]
)
_LOOSER_SIGNS = frozenset(["<", ">", "=", "LESS_EQUALS", "GREATER_EQUALS", "NOT_EQUALS", ","])


@dataclass(frozen=True, slots=True)
class Part:
    """A constant string, or (`string` is None) an expression, the tokens `[begin, end)`.

    `function`: the SQL around the expression, which stands for it as `{}`. `place`: where in the file its
    value is put in, if not where it stands; parts are in the order of their places.
    """

    string: SourceText | None
    begin: int
    end: int
    function: str = "{}"
    place: int | None = None


def parts(tokens: Sequence[Token], begin: int, end: int, offset: int) -> list[Part]:
    """The parts of a text, neighbouring expressions as one. Raises LiteralError."""
    found: list[Part] = []
    for written_first, written_last in operands(tokens, begin, end):
        first, last = without_casts(tokens, written_first, written_last, ("text",))
        token = tokens[first]
        if token.kind == "SCONST" and last == first + 1:
            found.append(Part(read_literal(token.text, token.start + offset), first, last))
        elif (inner := _function_parts(tokens, first, last, offset)) is not None:
            found += inner
        elif found and found[-1].string is None and found[-1].function == "{}":
            found[-1] = Part(None, found[-1].begin, written_last)
        else:
            found.append(Part(None, written_first, written_last))
    return found


def operands(tokens: Sequence[Token], begin: int, end: int) -> list[tuple[int, int]]:
    """The operands of `||` where the expression is a chain of that; else the expression alone."""
    while is_group(tokens, begin, end):
        begin, end = begin + 1, end - 1
    found: list[tuple[int, int]] = []
    depth, start = 0, begin
    for at in range(begin, end):
        token = tokens[at]
        depth += (token.kind in ("(", "[")) - (token.kind in (")", "]"))
        if depth:
            continue
        is_case = token.kind == "CASE"
        if is_case or token.kind in _LOOSER or token.kind in _LOOSER_SIGNS:
            return [(begin, end)]
        if token.kind == "Op":
            if token.text != "||" or at == start:
                return [(begin, end)]
            found.append((start, at))
            start = at + 1
    if start == end:
        return [(begin, end)]
    return [*found, (start, end)]


def is_group(tokens: Sequence[Token], begin: int, end: int) -> bool:
    """Whether the tokens are something in one pair of parentheses."""
    if end < begin + 3 or tokens[begin].kind != "(" or tokens[end - 1].kind != ")":
        return False
    depth = 0
    for at in range(begin, end):
        depth += (tokens[at].kind == "(") - (tokens[at].kind == ")")
        if depth == 0:
            return at == end - 1
    return False


def _call(tokens: Sequence[Token], begin: int, end: int, names: Sequence[str]) -> str | None:
    """The name of the function where the tokens are a call of one of these."""
    if end >= begin + 2 and tokens[begin].name == "pg_catalog" and tokens[begin + 1].kind == ".":
        begin += 2
    is_call = end >= begin + 3 and tokens[begin].name in names and is_group(tokens, begin + 1, end)
    is_empty = end == begin + 3 and tokens[begin + 1].kind == "(" and tokens[begin + 2].kind == ")"
    return tokens[begin].name if is_call or (is_empty and tokens[begin].name in names) else None


def _arguments(tokens: Sequence[Token], begin: int, end: int) -> list[tuple[int, int]]:
    """The arguments of a call that is the tokens."""
    found: list[tuple[int, int]] = []
    while tokens[begin].kind != "(":
        begin += 1
    depth, start = 0, begin + 1
    for at in range(start, end - 1):
        depth += (tokens[at].kind in ("(", "[")) - (tokens[at].kind in (")", "]"))
        if tokens[at].kind == "," and depth == 0:
            found.append((start, at))
            start = at + 1
    return [*found, (start, end - 1)] if end - 1 > start or found else []


def _function_parts(tokens: Sequence[Token], begin: int, end: int, offset: int) -> list[Part] | None:
    return _format_parts(tokens, begin, end, offset) or _concat_parts(tokens, begin, end, offset)


def _concat_parts(tokens: Sequence[Token], begin: int, end: int, offset: int) -> list[Part] | None:
    """The parts of `concat(...)`, to which a NULL is an empty text."""
    if _call(tokens, begin, end, ("concat",)) is None:
        return None
    found: list[Part] = []
    for first, last in _arguments(tokens, begin, end):
        if first == last or tokens[first].kind == "VARIADIC":
            return None
        if tokens[first].kind == "SCONST" and last == first + 1:
            found.append(Part(read_literal(tokens[first].text, tokens[first].start + offset), first, last))
        else:
            found.append(Part(None, first, last, "pg_catalog.concat({})"))
    return found


# format

_FORMAT = re.compile(r"%(?:(?:(?P<position>\d{1,3})\$)?(?P<width>-?\d{0,4})(?P<kind>[sIL])|(?P<percent>%))")


def _format_parts(tokens: Sequence[Token], begin: int, end: int, offset: int) -> list[Part] | None:
    """The parts of `format('...', ...)` where each of its arguments is used just once."""
    if _call(tokens, begin, end, ("format",)) is None:
        return None
    first, *arguments = _arguments(tokens, begin, end) or [(begin, begin)]
    constant = tokens[first[0]]
    if constant.kind != "SCONST" or first[1] != first[0] + 1 or not arguments:
        return None
    if any(first == last or tokens[first].kind == "VARIADIC" for first, last in arguments):
        return None
    text = read_literal(constant.text, constant.start + offset)
    found: list[Part] = []
    used: list[int] = []
    at = 0
    for match in _FORMAT.finditer(text.value):
        if "%" in text.value[at : match.start()]:
            return None
        # The first of two percent signs is a constant, too.
        upto = match.start() + (match["percent"] is not None)
        found += _slice(text, at, upto, *first)
        at = match.end()
        if match["percent"] is None:
            used.append(int(match["position"]) if match["position"] else (used[-1] if used else 0) + 1)
            if not 1 <= used[-1] <= len(arguments):
                return None
            function = f"pg_catalog.format('%{match['width']}{match['kind']}', {{}})"
            found.append(Part(None, *arguments[used[-1] - 1], function, text.origins[match.start()]))
    if "%" in text.value[at:] or sorted(used) != list(range(1, len(arguments) + 1)):
        return None
    return [*found, *_slice(text, at, len(text.value), *first)]


def _slice(text: SourceText, start: int, stop: int, begin: int, end: int) -> Iterator[Part]:
    if start < stop:
        yield Part(SourceText(text.value[start:stop], text.origins[start : stop + 1]), begin, end)


# JSON

_BUILDERS = {
    "jsonb_build_object": "{}",
    "json_build_object": "{}",
    "jsonb_build_array": "[]",
    "json_build_array": "[]",
}
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?\Z", re.ASCII)
_AS_JSON = "coalesce(pg_catalog.to_jsonb({}), 'null')"


def json_parts(tokens: Sequence[Token], begin: int, end: int, offset: int) -> list[Part] | None:
    """The parts of the JSON text that a jsonb_build_object or jsonb_build_array gives.

    None where the expression is something else. Raises LiteralError.
    """
    begin, end = without_casts(tokens, begin, end)
    if _call(tokens, begin, end, tuple(_BUILDERS)) is None:
        return None
    return list(_json(tokens, begin, end, offset))


def _json(tokens: Sequence[Token], begin: int, end: int, offset: int) -> Iterator[Part]:
    whole = begin, end
    begin, end = without_casts(tokens, begin, end)
    name = _call(tokens, begin, end, tuple(_BUILDERS))
    if name is None:
        yield _json_value(tokens, begin, end, offset, whole)
        return
    arguments = _arguments(tokens, begin, end)
    is_object = _BUILDERS[name] == "{}"
    keys = arguments[::2] if is_object else []
    if len(keys) * 2 != len(arguments) * is_object or any(
        last != first + 1 or tokens[first].kind != "SCONST" for first, last in keys
    ):
        yield Part(None, *whole, _AS_JSON)
        return
    opening, closing = _BUILDERS[name][0], _BUILDERS[name][1]
    yield _constant(opening, tokens[begin].start + offset, begin)
    for index, (first, last) in enumerate(arguments):
        if index:
            separator = ": " if is_object and index % 2 else ", "
            yield _constant(separator, tokens[first - 1].start + offset, first - 1)
        yield from _json(tokens, first, last, offset)
    yield _constant(closing, tokens[end - 1].start + offset, end - 1)


def _json_value(tokens: Sequence[Token], begin: int, end: int, offset: int, whole: tuple[int, int]) -> Part:
    token = tokens[begin]
    place = token.start + offset
    is_text_cast = all(t.name in ("text", "pg_catalog", "") for t in tokens[end : whole[1]])
    if token.kind == "SCONST" and end == begin + 1 and is_text_cast:
        text = read_literal(token.text, place)
        return _json_string(text, begin, end)
    written = "".join(t.text for t in tokens[begin:end])
    if end == whole[1] and (_NUMBER.match(written) or written.lower() in ("true", "false", "null")):
        return _constant(written.lower(), place, begin)
    return Part(None, *whole, _AS_JSON)


def _json_string(text: SourceText, begin: int, end: int) -> Part:
    value, origins = ['"'], [text.origins[0]]
    for character, origin in zip(text.value, text.origins, strict=False):
        escaped = json.dumps(character, ensure_ascii=False)[1:-1]
        value.append(escaped)
        origins += [origin] * len(escaped)
    value.append('"')
    origins += [text.origins[-1]] * 2
    return Part(SourceText("".join(value), tuple(origins)), begin, end)


def _constant(text: str, place: int, at: int) -> Part:
    return Part(SourceText(text, (place,) * (len(text) + 1)), at, at + 1)


def without_casts(
    tokens: Sequence[Token], begin: int, end: int, types: Sequence[str] = ("text", "jsonb", "json")
) -> tuple[int, int]:
    """Without parentheses around, and casts to one of these types behind."""
    while True:
        last = end - 1
        if is_group(tokens, begin, end):
            begin, end = begin + 1, end - 1
        elif last > begin + 1 and tokens[last].name in types:
            if tokens[last - 1].kind == "TYPECAST":
                end = last - 1
            elif tokens[last - 1].kind == "." and tokens[last - 3].kind == "TYPECAST":
                end = last - 3
            else:
                return begin, end
        else:
            return begin, end
