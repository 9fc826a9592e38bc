"""What a section found, as a Markdown table or as a dictionary."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Section:
    """A table; cells are numbers or text, units are in the column's name."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    note: str = ""

    def markdown(self) -> str:
        lines = [f"### {self.title}", "", line(self.columns), line(["---"] * len(self.columns))]
        lines += [line([shown(cell) for cell in row]) for row in self.rows]
        if self.note:
            lines += ["", self.note]
        return "\n".join([*lines, ""])

    def as_dict(self) -> dict[str, Any]:
        return {
            "title": self.title,
            "rows": [dict(zip(self.columns, row, strict=True)) for row in self.rows],
            "note": self.note,
        }


def line(cells: Any) -> str:
    return f"| {' | '.join(cells)} |"


def shown(cell: Any) -> str:
    match cell:
        case int():
            return f"{cell:,}"
        case float() if cell >= 100:
            return f"{cell:,.0f}"
        case float():
            return f"{cell:.3g}"
        case _:
            return str(cell)


def machine(server_version: str | None) -> str:
    """The machine, in one line."""
    parts = [cpu_model(), f"{cores()} cores", f"Linux {platform.release().split('-')[0]}"]
    parts.append(f"Python {platform.python_version()}")
    if server_version:
        parts.append(f"PostgreSQL {server_version}")
    return ", ".join(parts)


def cores() -> int:
    return len(os.sched_getaffinity(0))


def cpu_model() -> str:
    for entry in Path("/proc/cpuinfo").read_text().splitlines():
        if entry.startswith("model name"):
            return entry.partition(":")[2].strip()
    return platform.machine()
