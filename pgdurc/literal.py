"""The value of a string constant, and where in the file each of its characters stands."""

from __future__ import annotations

import re

from pgdurc.tree import SourceText

ESCAPE_HINT = "write the character itself"


class LiteralError(Exception):
    """An escape that PostgreSQL would refuse, at `[start, end)` of the file."""

    def __init__(self, message: str, start: int, end: int) -> None:
        super().__init__(message)
        self.message = message
        self.start = start
        self.end = end


_DOLLAR = re.compile(r"\$[^$]*\$")
_BETWEEN_SEGMENTS = re.compile(r"(?:[ \t\f\v\r\n]|--[^\r\n]*)*")
_SEGMENT = re.compile(r"(?P<mark>[eE])'(?:[^'\\]|''|\\.)*+'|'(?:[^']|'')*+'", re.DOTALL)
_SIMPLE_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_NUMBERED = re.compile(
    r"\\(?:(?P<octal>[0-7]{1,3})|x(?P<hex>[0-9a-fA-F]{1,2})|u(?P<u4>[0-9a-fA-F]{4})|U(?P<u8>[0-9a-fA-F]{8}))"
)


def read_literal(text: str, start: int) -> SourceText:
    """Read a `'...'`, `E'...'` or dollar-quoted constant, `text` being the whole token and `start` its
    offset.

    A constant may go on in further quotes after a line end. Raises LiteralError.
    """
    if text.startswith("$"):
        tag = _DOLLAR.match(text)
        assert tag is not None
        return _plain(text, start, tag.end(), len(text) - tag.end())
    is_escaped = text[0] in "eE"
    begin = 2 if is_escaped else 1
    if not is_escaped and text.find("'", 1) == len(text) - 1:
        return _plain(text, start, 1, len(text) - 1)
    return _quoted(text, start, begin, is_escaped)


def second_part(text: str) -> tuple[int, int] | None:
    """Where the second string stands in a constant that PostgreSQL joined out of several, in quotes."""
    body = None if text.startswith("$") or "\n" not in text else _SEGMENT.match(text)
    if body is None:
        return None
    begin = _between_end(text, body.end())
    if begin >= len(text):
        return None
    # What follows the first is read as that is, so the mark of an escaped one counts for all.
    mark = body["mark"] or ""
    second = _SEGMENT.match(mark + text[begin:])
    assert second is not None
    return begin, begin + second.end() - len(mark)


def _between_end(text: str, at: int) -> int:
    between = _BETWEEN_SEGMENTS.match(text, at)
    assert between is not None
    return between.end()


def _plain(text: str, start: int, begin: int, end: int) -> SourceText:
    return SourceText(text[begin:end], tuple(range(start + begin, start + end + 1)))


def _quoted(text: str, start: int, at: int, is_escaped: bool) -> SourceText:
    value: list[str] = []
    origins: list[int] = []
    while True:
        if at >= len(text):
            raise LiteralError("unterminated quoted string", start, start + len(text))
        character = text[at]
        if character == "'":
            if text.startswith("''", at):
                value.append("'")
                origins.append(start + at)
                at += 2
                continue
            following = _between_end(text, at + 1)
            if following >= len(text):
                break
            at = following + 1
        elif character == "\\" and is_escaped:
            decoded, end = _escape(text, start, at)
            value.extend(decoded)
            origins.extend([start + at] * len(decoded))
            at = end
        else:
            value.append(character)
            origins.append(start + at)
            at += 1
    origins.append(start + at)
    return SourceText("".join(value), tuple(origins))


def _escape(text: str, start: int, at: int) -> tuple[str, int]:
    """One escape, or the run of byte escapes that together make characters."""
    match = _NUMBERED.match(text, at)
    if match is None:
        following = text[at + 1 : at + 2]
        if following in "uU":
            raise LiteralError("invalid Unicode escape", start + at, start + at + 2)
        return _SIMPLE_ESCAPES.get(following, following), at + 2
    if match["u4"] or match["u8"]:
        return _unicode(text, start, match)
    encoded = bytearray()
    end = at
    while match is not None and (match["octal"] or match["hex"]):
        encoded.append(int(match["octal"], 8) & 0xFF if match["octal"] else int(match["hex"], 16))
        end = match.end()
        match = _NUMBERED.match(text, end)
    try:
        decoded = encoded.decode()
    except UnicodeDecodeError as error:
        raise LiteralError(
            f'invalid byte sequence for encoding "UTF8": 0x{encoded[error.start]:02x}',
            start + at,
            start + end,
        ) from None
    if "\0" in decoded:
        raise LiteralError("null character not permitted", start + at, start + end)
    return decoded, end


def _unicode(text: str, start: int, match: re.Match[str]) -> tuple[str, int]:
    code = int(match["u4"] or match["u8"], 16)
    end = match.end()
    if 0xD800 <= code < 0xDC00:
        low = _NUMBERED.match(text, end)
        second = int(low["u4"] or low["u8"] or "0", 16) if low is not None else 0
        if low is None or not 0xDC00 <= second < 0xE000:
            raise LiteralError("invalid Unicode surrogate pair", start + match.start(), start + end)
        code, end = 0x10000 + ((code - 0xD800) << 10) + (second - 0xDC00), low.end()
    if code == 0 or code > 0x10FFFF or 0xD800 <= code < 0xE000:
        raise LiteralError("invalid Unicode escape value", start + match.start(), start + end)
    return chr(code), end
