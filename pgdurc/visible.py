"""Text that somebody else has written, as it may be sent to a terminal."""

from __future__ import annotations

import re

# The controls of ASCII and of Latin-1, ends of lines, and what reverses the direction of writing.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def visible(text: str, keep: str = "") -> str:
    """Control characters as escapes, but for those to keep: a terminal would obey them."""
    return _CONTROL.sub(
        lambda found: found[0] if found[0] in keep else found[0].encode("unicode_escape").decode(), text
    )


def visible_lines(text: str) -> str:
    """The same for a text of several lines."""
    return visible(text, keep="\n\t")
