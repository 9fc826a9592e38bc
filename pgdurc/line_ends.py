"""Line ends of what is emitted: those of the script around it."""

from __future__ import annotations

import re

# What authors wrote, byte for byte: a line end in it may be a part of a value.
_AS_WRITTEN = re.compile(r"(\$(?:sql|source|signature)\d*\$).*?\1", re.DOTALL)
_BARE = re.compile(r"(?<!\r)\n")


def has_crlf(text: str) -> bool:
    """Whether most lines of a script end with a carriage return and a line feed."""
    return 2 * text.count("\r\n") > text.count("\n")


def with_crlf(sql: str) -> str:
    """Emitted SQL with those line ends, but for the texts in it that are the author's."""
    pieces: list[str] = []
    at = 0
    for written in _AS_WRITTEN.finditer(sql):
        pieces += [_BARE.sub("\r\n", sql[at : written.start()]), written.group()]
        at = written.end()
    return "".join([*pieces, _BARE.sub("\r\n", sql[at:])])
