"""JSON for a reader: what fits on a line stands on one."""

from __future__ import annotations

import json

from pgdurc.deep import Walk, run
from pgdurc.program import Outline

_WIDTH = 110
_DEEPEST = 60
"""Further in there would be nothing but blanks: a chain of ifs is as deep as it is long."""


def layout(value: Outline, indent: int = 0) -> str:
    """`value` as JSON text, lines after the first indented by `indent` at least. Keys keep their order."""
    lengths: dict[int, int] = {}
    run(_measure(value, lengths))
    pieces: list[str] = []
    run(_write(value, indent, 0, lengths, pieces))
    return "".join(pieces)


def _measure(value: Outline, lengths: dict[int, int]) -> Walk[int]:
    """The length of `value` on one line; that of objects and arrays goes into `lengths` too."""
    if not isinstance(value, dict | list):
        return len(_one_line(value))
    length = 2 * max(1, len(value))
    if isinstance(value, dict):
        length += sum(len(_one_line(key)) + 2 for key in value)
    for inner in value.values() if isinstance(value, dict) else value:
        if isinstance(inner, dict | list):
            length += yield _measure(inner, lengths)
        else:
            length += len(_one_line(inner))
    lengths[id(value)] = length
    return length


def _write(value: Outline, indent: int, used: int, lengths: dict[int, int], pieces: list[str]) -> Walk[None]:
    """Append `value`, which begins after `used` characters of its line."""
    if not isinstance(value, dict | list) or not value or indent + used + lengths[id(value)] <= _WIDTH:
        pieces.append(_one_line(value))  # nothing that fits on a line is deep
        return
    opening, closing = ("{", "}") if isinstance(value, dict) else ("[", "]")
    inside = min(indent + 2, max(indent, _DEEPEST))
    line_start = "\n" + " " * inside
    items = value.items() if isinstance(value, dict) else ((None, inner) for inner in value)
    for number, (key, inner) in enumerate(items):
        label = "" if key is None else f"{_one_line(key)}: "
        pieces.append(f"{',' if number else opening}{line_start}{label}")
        yield _write(inner, inside, len(label), lengths, pieces)
    pieces.append("\n" + " " * indent + closing)


_one_line = json.JSONEncoder(ensure_ascii=False).encode
