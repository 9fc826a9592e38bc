"""The operands of an expression, of which it is not yet known what they are for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pgdurc.tree import SourceText, Tree

if TYPE_CHECKING:
    from pgdurc.diagnostic import Span


@dataclass(frozen=True, slots=True)
class Text:
    """A string constant: a step, a name, an interval."""

    source: SourceText
    span: Span


@dataclass(frozen=True, slots=True)
class Opaque:
    """One SQL expression: the tokens `[begin, end)`."""

    begin: int
    end: int
    span: Span


@dataclass(frozen=True, slots=True)
class Group:
    value: Value
    span: Span


@dataclass(frozen=True, slots=True)
class Given:
    """An argument as given."""

    label: str | None
    label_span: Span
    value: Value
    span: Span


Value = Text | Opaque | Tree
