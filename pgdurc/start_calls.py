"""Calls of df.start in ordinary SQL, and in the bodies of DO blocks and functions."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pgdurc import psql
from pgdurc.diagnostic import Span

# Nothing is given back, or each `df` in front of a comment would look through the rest of the file.
_BLANKS = r"(?:\s|--[^\n]*+\n|/\*(?:[^*]|\*(?!/))*+\*/)*+"
_CALL = re.compile(rf"df{_BLANKS}\.{_BLANKS}start{_BLANKS}\(", re.IGNORECASE | re.DOTALL | re.ASCII)


def call_at(text: str, at: int, end: int) -> Span | None:
    """The words of a call, if one begins at a word `df`."""
    call = _CALL.match(text, at, end)
    return None if call is None else Span(call.start(), call.end() - 1)


def calls_in_body(text: str, begin: int, end: int) -> Iterator[Span]:
    """The calls in a body `[begin, end)`, those in strings and comments left out."""
    if _CALL.search(text, begin, end) is None:
        return
    at = begin
    while at < end:
        match = psql.TOKEN.match(text, at, end)
        assert match is not None
        if match.lastgroup == "word" and match.group().lower() == "df":
            call = call_at(text, at, end)
            if call is not None:
                yield call
        if match.lastgroup == "block_comment":
            at = min(end, psql.comment_end(text, at) or end)
        else:
            at = match.end()
