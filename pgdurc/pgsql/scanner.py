"""Tokens of SQL text, as PostgreSQL's scanner sees them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

# Letters are those of ASCII, the underscore, and all that is not ASCII. Written as what they are not: Python
# takes milliseconds to compile a class up to the last code point, each time that it stands in an expression.
LETTER = r"[^\x00-@\[-^`{-\x7f]"
LETTER_OR_DIGIT = r"[^\x00-/:-@\[-^`{-\x7f]"
WHITE_SPACE = " \t\n\r\f\v"
"""To PostgreSQL. Python's own idea of it has control characters, and spaces that are letters here."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token of `text`, at the characters `[start, end)` of what was scanned.

    `kind` is PostgreSQL's name of the token (`IDENT`, `UIDENT`, `SCONST`, `USCONST`, `ICONST`, `FCONST`,
    `Op`, `PARAM`, `TYPECAST`, `SQL_COMMENT`, `C_COMMENT`, ...), for a keyword the keyword's (`SELECT`,
    `NAME_P`), for punctuation the character itself (`(`, `$`, `{`). What is surprising there:

    * `$name` is two tokens, `$` and the name, but `$a$ ... $a$` is one SCONST, and `$1` is a PARAM;
    * an operator takes all the operator characters that follow, so `$x?-1` has the Op `?-`;
    * `'a'`, `E'a'` and `$$a$$` are all SCONST; `N'a'` is NCHAR and then SCONST;
    * literals continued over a newline are one token.
    """

    kind: str
    text: str
    start: int
    end: int
    keyword: bool
    reserved: bool

    @property
    def is_comment(self) -> bool:
        return self.kind in ("SQL_COMMENT", "C_COMMENT")

    @property
    def is_word(self) -> bool:
        """An identifier or a keyword, quoted or not."""
        return self.keyword or self.kind in ("IDENT", "UIDENT")

    @property
    def name(self) -> str:
        """The name that a word denotes; the empty string for any other token."""
        return unquote_identifier(self.text) if self.keyword or self.kind == "IDENT" else ""


class ScanError(Exception):
    """Text that has no tokens: an unterminated quote or comment, or junk after a number."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.message = message
        self.position = position


def scan(sql: str) -> tuple[Token, ...]:
    """The tokens of `sql`, comments included. Raises ScanError. Linear in the length of `sql`."""
    if not sql:
        return ()
    zero = sql.find("\0")
    if zero >= 0:  # C strings end there, and PostgreSQL has no such character in text
        raise ScanError("invalid character: a zero byte", zero)
    import postgast

    kinds = _kinds()
    try:
        found = postgast.scan(sql).tokens
    except postgast.PgQueryError as error:
        raise ScanError(error.message, max(error.cursorpos - 1, 0)) from None
    if sql.isascii():
        return tuple(
            Token(
                _kind(kinds, t.token),
                sql[t.start : t.end],
                t.start,
                t.end,
                t.keyword_kind != 0,
                t.keyword_kind == _RESERVED,
            )
            for t in found
        )
    encoded = sql.encode()
    tokens = []
    byte = character = 0
    for t in found:
        character += len(encoded[byte : t.start].decode())
        text = encoded[t.start : t.end].decode()
        start, character, byte = character, character + len(text), t.end
        tokens.append(
            Token(
                _kind(kinds, t.token),
                text,
                start,
                character,
                t.keyword_kind != 0,
                t.keyword_kind == _RESERVED,
            )
        )
    return tuple(tokens)


_RESERVED = 4


@cache
def _kinds() -> dict[int, str]:
    import postgast

    names: dict[str, int] = dict(postgast.pg_query_pb2.Token.items())
    kinds: dict[int, Any] = {}
    for name, number in names.items():
        # Punctuation is called ASCII_40 and so on, and braces have no name at all.
        kinds[number] = chr(number) if name.startswith("ASCII_") else name
    return kinds


def _kind(kinds: dict[int, str], number: int) -> str:
    return kinds.get(number) or chr(number)


def unquote_identifier(text: str) -> str:
    """The name that an identifier denotes: in lower case, or what stands in the double quotes."""
    if text.startswith('"'):
        return text[1:-1].replace('""', '"')
    return text.lower() if text.isascii() else _fold(text)


def _fold(text: str) -> str:
    # PostgreSQL leaves letters outside ASCII alone in a multi-byte encoding.
    return "".join(c.lower() if c.isascii() else c for c in text)


_PLAIN = re.compile(r"[a-z_][a-z0-9_]*\Z")


def quote_identifier(name: str) -> str:
    """`name` as it must be written in SQL, quoted only where PostgreSQL's quote_ident would quote."""
    if _PLAIN.match(name) and not _is_keyword_to_quote(name):
        return name
    return '"' + name.replace('"', '""') + '"'


@cache
def _is_keyword_to_quote(name: str) -> bool:
    # quote_ident quotes every keyword but the unreserved ones.
    token = scan(name)[0]
    if not token.keyword:
        return False
    import postgast

    kind: int = postgast.scan(name).tokens[0].keyword_kind
    return bool(kind != postgast.pg_query_pb2.UNRESERVED_KEYWORD)


def quote_literal(text: str) -> str:
    """`text` as a string literal, the same under either setting of standard_conforming_strings."""
    quoted = "'" + text.replace("'", "''") + "'"
    return "E" + quoted.replace("\\", "\\\\") if "\\" in text else quoted
