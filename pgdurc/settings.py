"""The project: where it is, and what its pgdurc.toml or the [tool.pgdurc] of its pyproject.toml say."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pgdurc.failure import Exit, Failure

KNOWN = {"db": str, "drivers": int}
MOST_DRIVERS = 1000
MARKERS = ("pgdurc.toml", "pyproject.toml", ".git")


@dataclass(frozen=True, slots=True)
class Settings:
    """`file` is where they were read, None where nothing says anything."""

    project: Path
    file: Path | None = None
    db: str | None = None
    drivers: int | None = None


def read_settings(start: Path | None = None) -> Settings:
    """The settings of the project around `start` (the working directory).

    The project is the nearest directory upwards that has a pgdurc.toml, a pyproject.toml or a .git; without
    one it is the directory itself. A pgdurc.toml wins over a pyproject.toml beside it.
    """
    here = (start or _working_directory()).resolve()
    project = next((d for d in (here, *here.parents) if any((d / m).exists() for m in MARKERS)), here)
    own = project / "pgdurc.toml"
    if own.is_file():
        return _checked(project, own, _load(own))
    shared = project / "pyproject.toml"
    if shared.is_file():
        tools = _load(shared).get("tool", {})
        if isinstance(tools, dict) and "pgdurc" in tools:
            return _checked(project, shared, tools["pgdurc"])
    return Settings(project)


def _working_directory() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise Failure("the working directory is not there any more", exit_code=Exit.USAGE) from None


def _load(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Failure(f"cannot read {file}: {error}", exit_code=Exit.USAGE) from None


def _checked(project: Path, file: Path, table: Any) -> Settings:
    if not isinstance(table, dict):
        raise Failure(f'"tool.pgdurc" in {file} must be a table', exit_code=Exit.USAGE)
    for name, value in table.items():
        expected = KNOWN.get(name)
        if expected is None:
            raise Failure(
                f'unknown setting "{name}" in {file}',
                hint=f"the settings are: {', '.join(KNOWN)}",
                exit_code=Exit.USAGE,
            )
        if not isinstance(value, expected) or isinstance(value, bool):
            raise Failure(
                f'setting "{name}" in {file} must be of type {expected.__name__}', exit_code=Exit.USAGE
            )
    drivers = table.get("drivers")
    if drivers is not None and not 1 <= drivers <= MOST_DRIVERS:
        raise Failure(
            f'setting "drivers" in {file} must be between 1 and {MOST_DRIVERS}, not {drivers}',
            exit_code=Exit.USAGE,
        )
    return Settings(project, file, **table)
