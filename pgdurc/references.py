"""Where a text refers to names and variables: found with PostgreSQL's scanner, not by text search."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pgdurc.pgsql import LETTER, LETTER_OR_DIGIT, Token, unquote_identifier


@dataclass(frozen=True, slots=True)
class Reference:
    """`$name`, `$name.col`, `$name.*`, with a `?` or without, at the characters `[start, end)`.

    `column` is as PostgreSQL reads it, `column_text` as written.
    """

    start: int
    end: int
    name: str
    column: str | None
    column_text: str | None
    is_star: bool
    is_optional: bool
    in_literal: bool


@dataclass(frozen=True, slots=True)
class Variable:
    """`{name}`."""

    start: int
    end: int
    name: str
    in_literal: bool


Found = Reference | Variable

SYSTEM_VARIABLES = frozenset({"sys_instance_id", "sys_label"})

_WORD = rf"{LETTER}{LETTER_OR_DIGIT}*"
_IN_TEXT = re.compile(
    rf"""
      \$ (?P<name> {_WORD} | "(?:[^"]|"")+" )
         (?: \. (?P<column> {_WORD} | "(?:[^"]|"")+" ) )?
         (?P<optional> \? )?
    | \{{ (?P<variable> [A-Za-z_][A-Za-z_0-9]* (?: \$ [0-9]+ )? ) \}}
    """,
    re.VERBOSE,
)


def find_in_sql(text: str, tokens: tuple[Token, ...]) -> list[Found]:
    """The references of SQL text, in order: between its tokens and inside its plain literals ('...')."""
    found: list[Found] = []
    at = 0
    while at < len(tokens):
        token = tokens[at]
        if token.kind == "$":
            reference, at = _reference(tokens, at)
            if reference is not None:
                found.append(reference)
        elif token.kind == "{":
            variable, at = _variable(tokens, at)
            if variable is not None:
                found.append(variable)
        else:
            if token.kind == "SCONST" and token.text.startswith("'"):
                for start, end in _literal_parts(text, token):
                    found.extend(find_in_text(text, start, end, in_literal=True))
            at += 1
    return found


def find_untouched(text: str, tokens: tuple[Token, ...]) -> list[Found]:
    """What looks like a reference where none is: in dollar quotes, strings with escapes, names (part_$n)."""
    found: list[Found] = []
    for token in tokens:
        is_string = token.kind in ("SCONST", "USCONST") and not token.text.startswith("'")
        if is_string or token.is_word:
            tag = token.text.find("$", 1) + 1 if token.text.startswith("$") else 0  # $r$ is none
            found.extend(find_in_text(text, token.start + tag, token.end - tag, in_literal=True))
    return found


def find_in_text(text: str, start: int, end: int, *, in_literal: bool = False) -> Iterator[Found]:
    """What looks like a reference in text that is not SQL; whether its name is bound is for others to say."""
    for match in _IN_TEXT.finditer(text, start, end):
        if match["variable"]:
            yield Variable(match.start(), match.end(), match["variable"], in_literal)
            continue
        column = match["column"]
        yield Reference(
            match.start(),
            match.end(),
            _name(match["name"]),
            None if column is None else _column(column),
            column,
            is_star=False,
            is_optional=bool(match["optional"]),
            in_literal=in_literal,
        )


def without_column(reference: Reference) -> Reference:
    """The reference without `.col`, which is text then: `$dir.csv` where `dir` has no columns."""
    if reference.column_text is None:
        return reference
    end = reference.end - (1 if reference.is_optional else 0) - len(reference.column_text) - 1
    return Reference(reference.start, end, reference.name, None, None, False, False, reference.in_literal)


def _reference(tokens: tuple[Token, ...], at: int) -> tuple[Reference | None, int]:
    """Read the reference whose `$` is the token `at`; return it and the token after it.

    The last token may be an operator of which only the first character belongs to the reference, as in
    `$x?-1`.
    """
    dollar = tokens[at]
    name = _adjacent(tokens, at + 1, dollar.end)
    if name is None or not name.is_word or name.kind == "UIDENT":
        return None, at + 1
    at += 2
    end = name.end
    column = None
    is_star = is_optional = False
    dot = _adjacent(tokens, at, end)
    if dot is not None and dot.kind == ".":
        field = _adjacent(tokens, at + 1, dot.end)
        if field is not None and field.is_word and field.kind != "UIDENT":
            column, end, at = field.text, field.end, at + 2
        elif field is not None and field.text[0] == "*":
            is_star, end = True, field.start + 1
            is_optional = field.text[1:2] == "?"
            at += 2
    if not is_star:
        mark = _adjacent(tokens, at, end)
        if mark is not None and mark.text[0] == "?":
            is_optional = True
            at += 1
    return (
        Reference(
            dollar.start,
            end + (1 if is_optional else 0),
            _name(name.text),
            None if column is None else _column(column),
            column,
            is_star,
            is_optional,
            in_literal=False,
        ),
        at,
    )


def _variable(tokens: tuple[Token, ...], at: int) -> tuple[Variable | None, int]:
    brace = tokens[at]
    name = _adjacent(tokens, at + 1, brace.end)
    if name is not None and name.is_word and not name.text.startswith('"'):
        close = _adjacent(tokens, at + 2, name.end)
        if close is not None and close.kind == "}":
            return Variable(brace.start, close.end, name.text, in_literal=False), at + 3
    return None, at + 1


def _adjacent(tokens: tuple[Token, ...], at: int, position: int) -> Token | None:
    """The token `at`, if it begins at `position`."""
    return tokens[at] if at < len(tokens) and tokens[at].start == position else None


def _literal_parts(text: str, token: Token) -> Iterator[tuple[int, int]]:
    """What stands between the quotes of a plain literal, in parts where it goes on on the next line."""
    at = token.start
    while at < token.end:
        opening = text.find("'", at, token.end)
        comment = text.find("--", at, opening)
        if comment >= 0:  # between two parts; it may hold a quote
            at = text.index("\n", comment)
            continue
        if opening < 0:
            return
        closing = opening + 1
        while True:
            closing = text.find("'", closing, token.end)
            if text[closing + 1 : closing + 2] == "'" and closing + 1 < token.end:
                closing += 2
                continue
            break
        yield opening + 1, closing
        at = closing + 1


def _name(text: str) -> str:
    # Names are not folded: a workflow's names are the texts after |=>, and those keep their case.
    return text[1:-1].replace('""', '"') if text.startswith('"') else text


def _column(text: str) -> str:
    return unquote_identifier(text)
