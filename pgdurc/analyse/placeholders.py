"""SQL text with references, as PostgreSQL's parser can read it: with a placeholder for each."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pgdurc.analyse.neighbours import Beside
from pgdurc.diagnostic import Diagnostic, Severity, Span
from pgdurc.graph import Form
from pgdurc.hidden import is_hidden
from pgdurc.pgsql import ParseError, ScanError, Statement, descend, parse, unwrap
from pgdurc.references import SYSTEM_VARIABLES, Found, Reference, Variable
from pgdurc.tree import SourceText


@dataclass(frozen=True, slots=True)
class Place:
    """A reference and how it stands in its text.

    `has_alias`: the author named the row source. `in_code`: it stands in a string that is run as code.
    `beside`: what stands beside it there, None for nothing that matters.
    """

    found: Found
    form: Form
    has_alias: bool = False
    in_code: bool = False
    beside: Beside | None = None


@dataclass(frozen=True, slots=True)
class Parsed:
    """What the parser made of a text; `unchecked` says why `statements` is None."""

    statements: tuple[Statement, ...] | None
    places: tuple[Place, ...]
    unchecked: Diagnostic | None = None


VARIABLE_NAME = "pgdurc_variable"
"""What stands for a raw variable where a name can stand: part of names in the parser's tree."""

# The author's own $1 are counted from 1: those in the body of a function may stand beside placeholders.
_FIRST_NUMBER = 1_000_001


_MAX_LEFT_OUT = 50  # each costs to parse the statement again


@dataclass(slots=True)
class _Stand:
    """What the parser is given in the place of a reference, and where that stands in its input."""

    found: Found
    form: Form
    text: str
    start: int = 0
    end: int = 0


def parse_with_placeholders(
    text: SourceText,
    begin: int,
    end: int,
    found: list[Found],
    *,
    first: int,
    prefix: str = "",
    suffix: str = "",
) -> Parsed | Diagnostic:
    """Parse `text[begin:end]`, whose first token is at `first`, with placeholders for its references.

    A reference that the parser refuses as a value is tried as a bare literal, which is all that utility
    statements take. A raw variable that it refuses as a name is left out, as an optional clause would be; but
    not at the beginning, where it decides what statement it is.
    """
    stands = {index: _stand(item, index) for index, item in enumerate(found)}
    chances = _MAX_LEFT_OUT
    while True:
        sql = _substitute(text.value, begin, end, found, stands, prefix) + suffix
        try:
            parsed = parse(sql)
        except ParseError as problem:
            if _tried_as_literal(stands, problem.position):
                continue
            if chances and _left_out(stands, problem.position, first):
                chances -= 1
                continue
            refused = _at(stands, problem.position)
            if refused is not None and refused.form is not Form.RAW:
                return _misplaced(text, refused.found)
            raw = _last_raw(stands, problem.position)
            if raw is not None:
                # The variable may hold any SQL: what comes after it cannot be judged.
                return Parsed(None, _places(found, stands, frozenset()), _unchecked(text, raw.found))
            at = _origin(problem.position, begin, end, found, stands, len(prefix))
            message = _reworded(problem.message, stands, problem.position)
            if suffix and at == end:
                message = "syntax error at end of expression"
            return syntax_error(text, message, at, at + _length_near(message, text.value, at))
        break
    aliased: frozenset[int] = frozenset()
    if any(isinstance(item, Reference) and item.is_star and not item.in_literal for item in found):
        aliased, stray = _row_sources(parsed, found)
        if stray is not None:
            return _misplaced(text, stray)
    return Parsed(parsed, _places(found, stands, aliased))


def _stand(found: Found, index: int) -> _Stand | None:
    # A digit or a letter may follow or precede directly, hence the spaces.
    number = _FIRST_NUMBER + index
    if found.in_literal:
        return None
    if isinstance(found, Variable):
        if found.name in SYSTEM_VARIABLES:
            return _Stand(found, Form.EXPRESSION, " '' ")
        return _Stand(found, Form.RAW, VARIABLE_NAME)
    if found.is_star:
        return _Stand(found, Form.EXPRESSION, f" (SELECT ${number}) ")
    return _Stand(found, Form.EXPRESSION, f" ${number} ")


def _tried_as_literal(stands: dict[int, _Stand | None], position: int) -> bool:
    """Whether the reference where the parser stopped gets a second chance as a literal."""
    refused = _at(stands, position)
    if refused is not None and refused.form is Form.EXPRESSION and _may_be_literal(refused):
        refused.form, refused.text = Form.LITERAL, " '' "
        return True
    return False


def _left_out(stands: dict[int, _Stand | None], position: int, first: int) -> bool:
    """Whether the raw variable in front of where the parser stopped gets a second chance as nothing."""
    raw = _last_raw(stands, position)
    if raw is not None and raw.text and raw.found.start > first:
        raw.text = ""
        return True
    return False


def _at(stands: dict[int, _Stand | None], position: int) -> _Stand | None:
    return next((s for s in stands.values() if s is not None and s.start <= position < s.end), None)


def _last_raw(stands: dict[int, _Stand | None], position: int) -> _Stand | None:
    """The raw variable nearest in front of a place."""
    raw = [s for s in stands.values() if s is not None and s.form is Form.RAW and s.start <= position]
    return raw[-1] if raw else None


def _may_be_literal(stand: _Stand) -> bool:
    return not (isinstance(stand.found, Reference) and stand.found.is_star)


def _substitute(
    value: str, begin: int, end: int, found: list[Found], stands: dict[int, _Stand | None], prefix: str
) -> str:
    pieces, length, at = [prefix], len(prefix), begin
    for index, item in enumerate(found):
        stand = stands[index]
        if stand is None:
            continue
        before = value[at : item.start]
        stand.start = length + len(before)
        stand.end = stand.start + len(stand.text)
        pieces += [before, stand.text]
        length, at = stand.end, item.end
    pieces.append(value[at:end])
    return "".join(pieces)


def _origin(
    position: int, begin: int, end: int, found: list[Found], stands: dict[int, _Stand | None], prefix: int
) -> int:
    """The character of the author's text for one of what was parsed."""
    shift = begin - prefix
    for index, item in enumerate(found):
        stand = stands[index]
        if stand is None:
            continue
        if position < stand.start:
            break
        if position < stand.end:
            return item.start
        shift = item.end - stand.end
    return min(max(position + shift, begin), end)


def _places(
    found: list[Found], stands: dict[int, _Stand | None], aliased: frozenset[int]
) -> tuple[Place, ...]:
    places = []
    for index, item in enumerate(found):
        stand = stands[index]
        form = Form.TEXT if stand is None else stand.form
        places.append(Place(item, form, index in aliased))
    return tuple(places)


# Row sources


def _row_sources(
    parsed: tuple[Statement, ...], found: list[Found]
) -> tuple[frozenset[int], Reference | None]:
    """Which row sources have an alias, and the first that is no FROM item."""
    aliased, sources, is_deep = set(), set(), False
    for statement in parsed:
        if statement.node is None:
            is_deep = True
            continue
        for kind, node in descend(statement.node):
            if kind != "RangeSubselect":
                continue
            number = _placeholder_number(node)
            if number is not None:
                sources.add(number - _FIRST_NUMBER)
                if node.HasField("alias"):
                    aliased.add(number - _FIRST_NUMBER)
    for index, item in enumerate(found):
        if isinstance(item, Reference) and item.is_star and index not in sources and not is_deep:
            return frozenset(), item
    return frozenset(aliased), None


def _placeholder_number(range_subselect: object) -> int | None:
    kind, select = unwrap(range_subselect.subquery)  # type: ignore[attr-defined]
    if kind != "select_stmt" or len(select.target_list) != 1:
        return None
    value_kind, value = unwrap(unwrap(select.target_list[0])[1].val)
    return int(value.number) if value_kind == "param_ref" else None


# What is wrong


def scan_error(text: SourceText, problem: ScanError) -> Diagnostic:
    """What PostgreSQL's scanner has against a text; a dollar quote is pointed at, not all that follows."""
    opening = _OPENING.match(text.value, problem.position)
    end = problem.position + 1 if opening is None else opening.end()
    return syntax_error(text, problem.message, problem.position, end)


_OPENING = re.compile(r"\$\w*\$")


def syntax_error(text: SourceText, message: str, start: int, end: int) -> Diagnostic:
    size = len(text.value)
    start = min(start, size)
    # At the end of the input there is no character to point at but the closing quote.
    span = (
        text.span(start, min(end, size)) if start < size else Span(text.origins[size], text.origins[size] + 1)
    )
    return Diagnostic("PGD301", Severity.ERROR, message, span, _dollar_hint(message, text.value, start))


_DOUBLED = re.compile(r"\$\$(\w+)")
_CLOSED = re.compile(r"(\$\w+)\$(\w?)")
_APART = re.compile(r"\$\s*[({]?\s*(\w+)")


def _dollar_hint(message: str, value: str, at: int) -> str | None:
    """What helps where a dollar sign is none of a reference."""
    if message.startswith("unterminated dollar-quoted string"):
        if (doubled := _DOUBLED.match(value, at)) is not None:
            return f"$$ opens a dollar-quoted string; a reference is written ${doubled[1]}"
        if (closed := _CLOSED.match(value, at)) is not None and not closed[2]:
            return f"{closed[1]}$ opens a dollar-quoted string; a reference is written {closed[1]}"
        return "$word$ opens a dollar-quoted string: put a space between two references"
    if message.startswith("unterminated quoted string"):
        return "a quote inside of a string is written twice; a step between $$ needs no more than that"
    if message.startswith("syntax error at end of"):
        return f"the {message.replace('input', 'statement').rpartition(' ')[2]} is not complete"
    if message == 'syntax error at or near "$"':
        apart = _APART.match(value, at)
        return "a reference is written $name" if apart is None else f"a reference is written ${apart[1]}"
    return None


def _reworded(message: str, stands: dict[int, _Stand | None], position: int) -> str:
    """With the author's variable for the one that stands for it as a part of a name: `old_{name}`."""
    for stand in stands.values():
        if stand is not None and stand.form is Form.RAW and stand.start >= position:
            return message.replace(VARIABLE_NAME, f"{{{stand.found.name}}}")
    return message


def _length_near(message: str, value: str, at: int) -> int:
    """How much of the text the message quotes: `syntax error at or near "form"`."""
    _, _, near = message.partition(' at or near "')
    near = near.removesuffix('"')
    return len(near) if near and value.startswith(near, at) else 1


def _misplaced(text: SourceText, found: Found) -> Diagnostic:
    written = text.value[found.start : found.end]
    span = text.span(found.start, found.end)
    if isinstance(found, Reference) and found.is_star:
        return Diagnostic(
            "PGD209",
            Severity.ERROR,
            f'"{written}" cannot stand here',
            span,
            "it is a row source, for FROM, JOIN or USING: a list of values is "
            f"(SELECT column FROM {written}), the rows as jsonb are ${found.name}.rows",
        )
    rows = f"; as a row source write ${found.name}.*" if isinstance(found, Reference) else ""
    return Diagnostic(
        "PGD209",
        Severity.ERROR,
        f'syntax error at or near "{written}"',
        span,
        f"a reference is a value and cannot stand for a name or for a piece of SQL{rows}",
    )


def _unchecked(text: SourceText, variable: Found) -> Diagnostic:
    written = text.value[variable.start : variable.end]
    what = "an expression gives" if is_hidden(variable.name) else f'"{written}" stands for'
    return Diagnostic(
        "PGD308",
        Severity.WARNING,
        f"the syntax of this SQL is not checked: it depends on what {what}",
        text.span(variable.start, variable.end),
        "it is checked where a variable stands for a name or for something that could be left out",
    )
