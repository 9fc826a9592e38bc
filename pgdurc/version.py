"""A version of a workflow is named by what it does: a hash over its program.

Not part of it: comments around the statements, line numbers, the file's name, pgdurc's own version. So
compiling again with no change that matters changes nothing in a database.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import fields
from enum import Enum
from functools import cache
from typing import Any

from pgdurc.program import Program, State

EMITTER_EPOCH = 1
"""Raised when generated code for an unchanged program comes to behave differently, and only then."""

LENGTH = 8
CALL_LENGTH = 16
"""The calls of a schema have no names that would keep their hashes apart."""

_UNSEEN = {"span", "label", "kind", "source", "outline", "expression_shown", "written"}


def version_of(program: Program, length: int = LENGTH) -> str:
    """So many hexadecimal digits."""
    content = {
        "epoch": EMITTER_EPOCH,
        "parameters": _canonical(program.parameters),
        "options": _canonical(program.options),
        "states": [_canonical(state) for state in program.states],
    }
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:length]


def _canonical(value: Any) -> Any:
    """A plain JSON value that differs wherever the generated code would; what is not given is left out."""
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, tuple | list):
        return [_canonical(inner) for inner in value]
    if isinstance(value, Enum):
        return value.value
    kind: Any = type(value)
    plain: dict[str, Any] = {} if kind is State else {"is": kind.__name__}
    for name in _seen_fields(kind):
        inner = getattr(value, name)
        if inner is not None:
            plain[name] = _canonical(inner)
    return plain


@cache
def _seen_fields(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind) if field.name not in _UNSEEN)
