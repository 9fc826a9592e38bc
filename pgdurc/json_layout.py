"""JSON for a reader: what fits on a line stands on one."""

from __future__ import annotations

import json

from pgdurc.deep import Walk, run
from pgdurc.program import Outline

_WIDTH = 110


def layout(value: Outline, indent: int = 0) -> str:
    """`value` as JSON text, lines after the first indented by `indent` at least. Keys keep their order."""
    lengths: dict[int, int] = {}
    run(_measure(value, lengths))
    pieces: list[str] = []
    run(_write(value, indent, 0, lengths, pieces))
    return "".join(pieces)


def _measure(value: Outline, lengths: dict[int, int]) -> Walk[int]:
    """The length of `value` on one line; that of objects and arrays goes into `lengths` too."""
    match value:
        case dict():
            length = 2 * max(1, len(value))
            for key, inner in value.items():
                length += len(_scalar(key)) + 2 + (yield _measure(inner, lengths))
        case list():
            length = 2 * max(1, len(value))
            for inner in value:
                length += yield _measure(inner, lengths)
        case _:
            return len(_scalar(value))
    lengths[id(value)] = length
    return length


def _write(value: Outline, indent: int, used: int, lengths: dict[int, int], pieces: list[str]) -> Walk[None]:
    """Append `value`, which begins after `used` characters of its line."""
    if not isinstance(value, dict | list) or not value:
        pieces.append(_scalar(value))
        return
    opening, closing = ("{", "}") if isinstance(value, dict) else ("[", "]")
    is_one_line = indent + used + lengths[id(value)] <= _WIDTH
    between = ", " if is_one_line else ",\n" + " " * (indent + 2)
    pieces.append(opening if is_one_line else opening + "\n" + " " * (indent + 2))
    items = value.items() if isinstance(value, dict) else ((None, inner) for inner in value)
    for number, (key, inner) in enumerate(items):
        if number:
            pieces.append(between)
        label = "" if key is None else f"{_scalar(key)}: "
        pieces.append(label)
        if is_one_line:
            yield _write(inner, 0, -_WIDTH * 1_000_000, lengths, pieces)
        else:
            yield _write(inner, indent + 2, len(label), lengths, pieces)
    pieces.append(closing if is_one_line else "\n" + " " * indent + closing)


def _scalar(value: Outline) -> str:
    return json.dumps(value, ensure_ascii=False)
