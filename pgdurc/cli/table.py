"""Tables on standard output: as wide as their cells, or as the terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import click

from pgdurc.columns import columns_of, cut, dots_of, filled
from pgdurc.visible import visible

GAP = "  "

COLORS = {
    "completed": "green",
    "failed": "red",
    "cancelled": "yellow",
    "running": "cyan",
    "ok": "green",
    "crashed": "red",
    "interrupted": "yellow",
}


@dataclass(frozen=True, slots=True)
class Column:
    """`least`: the fewest columns of a terminal to which its cells may be cut; None: they never are.

    `is_status`: the first word of a cell colors it.
    """

    heading: str
    least: int | None = None
    keeps_end: bool = False
    is_status: bool = False


def write_table(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    """The widest columns give way where a terminal is narrower; in a file or a pipe none does."""
    shown = [[column.heading for column in columns], *(list(map(visible, row)) for row in rows)]
    widths = _widths(columns, shown, columns_of(sys.stdout))
    dots = dots_of(sys.stdout.encoding)
    for number, row in enumerate(shown):
        cells = [
            filled(cut(cell, width, dots, keeps_end=column.keeps_end), width)
            for cell, width, column in zip(row, widths, columns, strict=True)
        ]
        cells[-1] = cells[-1].rstrip()
        click.echo(GAP.join(_styled(cells, columns, is_heading=number == 0)).rstrip())


def _widths(columns: Sequence[Column], shown: list[list[str]], room: int | None) -> list[int]:
    from rich.cells import cell_len

    widths = [max(map(cell_len, cells)) for cells in zip(*shown, strict=True)]
    if room is None:
        return widths
    excess = sum(widths) + len(GAP) * (len(widths) - 1) - room
    for _ in range(excess):
        able = [
            i for i, column in enumerate(columns) if column.least is not None and widths[i] > column.least
        ]
        if not able:
            break
        widths[max(able, key=widths.__getitem__)] -= 1
    return widths


def _styled(cells: list[str], columns: Sequence[Column], *, is_heading: bool) -> list[str]:
    if is_heading:
        return [click.style(cell, bold=True) for cell in cells]
    return [
        click.style(cell, fg=COLORS.get(cell.split(" ")[0])) if column.is_status else cell
        for cell, column in zip(cells, columns, strict=True)
    ]
