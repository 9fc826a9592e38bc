"""Where the files that are not Python are."""

from __future__ import annotations

from functools import cache
from pathlib import Path


@cache
def resource_directory(name: str) -> Path:
    """The directory `grammar`, `templates` or `runtime_sql`.

    Beside the package first: in a checkout or an editable install a copy inside it would go stale. A wheel
    has them inside the package. A directory of that name that is somebody else's, beside an installed
    package, is told by its content.
    """
    package = Path(__file__).resolve().parent
    candidates = (package.parent / name, package / name)
    for candidate in candidates:
        if any(candidate.glob(_CONTENT[name])):
            return candidate
    searched = " and ".join(str(candidate) for candidate in candidates)
    raise FileNotFoundError(f"pgdurc is not completely installed: {name} is in neither {searched}")


_CONTENT = {"grammar": "workflow.lark", "templates": "*.j2", "runtime_sql": "*.sql"}


def resource_text(name: str, file_name: str) -> str:
    """The text of a file in one of the directories."""
    return (resource_directory(name) / file_name).read_text(encoding="utf-8")
