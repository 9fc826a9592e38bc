"""How steps are called in the history and in df.explain: what the author wrote, on one line."""

from __future__ import annotations

import re

from pgdurc import graph

_LENGTH = 60
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def source_text(text: graph.Text) -> str:
    """Pieces as the author wrote them, for labels and df.explain."""
    return "".join(_source_piece(piece) for piece in text)


def _source_piece(piece: graph.Piece) -> str:
    match piece:
        case str():
            return piece
        case graph.ParameterValue(expression_shown=str(expression), form=form):
            return f"{{{expression}}}" if form is graph.Form.RAW else expression
        case graph.ParameterValue(name=name):
            return f"${name}"
        case graph.Variable(name=name):
            return f"{{{name}}}"
        case graph.ResultValue(written=written):
            return written


def label_of(text: str) -> str:
    """On one line, and nothing in it that a terminal would obey."""
    words = _CONTROL.sub(lambda found: f"\\x{ord(found.group()):02x}", " ".join(text.split()))
    return words if len(words) <= _LENGTH else words[: _LENGTH - 3].rstrip() + "..."


def duration_text(duration: graph.Duration) -> str:
    """As the argument of a node."""
    if duration.seconds is not None:
        return duration.seconds
    if duration.interval is not None:
        return f"'{duration.interval}'"
    return source_text(duration.expression or ())
