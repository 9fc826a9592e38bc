"""A version of a workflow is named by what it does: a hash over its program.

Not part of it: comments around the statements, line numbers, the file's name, pgdurc's own version. So
compiling again with no change that matters changes nothing in a database.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from pgdurc.program import Program, State

EMITTER_EPOCH = 1
"""Raised when generated code for an unchanged program comes to behave differently, and only then."""

_LENGTH = 8
_UNSEEN = {"span", "label", "kind", "source", "outline"}


def version_of(program: Program) -> str:
    """Eight hexadecimal digits."""
    content = {
        "epoch": EMITTER_EPOCH,
        "parameters": _canonical(program.parameters),
        "options": _canonical(program.options),
        "states": [_canonical(state) for state in program.states],
    }
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_LENGTH]


def _canonical(value: Any) -> Any:
    """A plain JSON value that differs wherever the generated code would; what is not given is left out."""
    if is_dataclass(value):
        plain: dict[str, Any] = {} if isinstance(value, State) else {"is": type(value).__name__}
        for field in fields(value):
            inner = getattr(value, field.name)
            if field.name not in _UNSEEN and inner is not None:
                plain[field.name] = _canonical(inner)
        return plain
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple | list):
        return [_canonical(inner) for inner in value]
    if isinstance(value, Mapping):
        return {key: _canonical(inner) for key, inner in value.items()}
    return value
