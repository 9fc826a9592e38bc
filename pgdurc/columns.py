"""How many columns a line may have, and texts that are cut and filled up to so many."""

from __future__ import annotations

import os
from typing import TextIO


def columns_of(stream: TextIO) -> int | None:
    """What COLUMNS says, else the terminal's; None where neither does: a file or a pipe takes any line."""
    named = os.environ.get("COLUMNS", "")
    if named.isdecimal() and int(named) > 0:
        return int(named)
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except (OSError, ValueError):
        return None


def is_unicode(encoding: str) -> bool:
    return encoding.lower().startswith("utf")


def dots_of(encoding: str) -> str:
    """What stands where a text was cut: one column wide."""
    return "…" if is_unicode(encoding) else "~"


def cut(text: str, width: int, dots: str, *, keeps_end: bool = False) -> str:
    """At most so many columns, whatever the characters take."""
    from rich.cells import cell_len, set_cell_size

    if cell_len(text) <= width:
        return text
    if keeps_end:
        return dots + set_cell_size(text[::-1], width - 1)[::-1]
    return set_cell_size(text, width - 1) + dots


def filled(text: str, width: int) -> str:
    """Exactly so many columns; a text that has more keeps them."""
    from rich.cells import cell_len

    return text + " " * (width - cell_len(text))
