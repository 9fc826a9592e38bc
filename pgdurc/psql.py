"""What psql takes for a token (`psqlscan.l`, `psqlscanslash.l`): quotes, comments, meta-commands, COPY data.

It differs from PostgreSQL's own scanner in that nothing is an error, and a backslash begins a command.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pgdurc.pgsql import LETTER, LETTER_OR_DIGIT, unquote_identifier

if TYPE_CHECKING:
    from collections.abc import Iterator

# Possessive quantifiers keep an unterminated quote linear: nothing is given back.
_E_BODY = r"[^'\\]*+(?:(?:\\.|'')[^'\\]*+)*+'"
_BODY = r"[^']*+(?:''[^']*+)*+'"
_WORD = rf"{LETTER}(?:{LETTER_OR_DIGIT}|\$)*+"
TOKEN = re.compile(
    rf"""
      (?P<space>\s+)
    | (?P<comment>--[^\r\n]*)
    | (?P<block_comment>/\*)
    | (?P<escape_quote>[eE]'(?:{_E_BODY})?)
    | (?P<quote>(?:[bBxXnN]|[uU]&)?'(?:{_BODY})?)
    | (?P<double_quote>(?:[uU]&)?"(?:[^"]*+(?:""[^"]*+)*+")?)
    | (?P<word>{_WORD})
    | (?P<number>[0-9]+(?:{_WORD})?)
    | (?P<dollar_quote>\$(?:{LETTER}{LETTER_OR_DIGIT}*+)?\$)
    | (?P<backslash>\\)
    | (?P<semicolon>;)
    | (?P<open>\()
    | (?P<close>\))
    | (?P<other>[!\#%&*+,.:<=>?@\[\]^`{{|}}~]++|.)
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
# A string goes on in the next quote after a line end, in the same escape mode.
_NEXT_QUOTE = r"(?:[ \t\f\v\r]|--[^\r\n]*+)*+\n(?:\s|--[^\r\n]*+[\r\n])*+'"
E_CONTINUED = re.compile(rf"{_NEXT_QUOTE}(?P<rest>{_E_BODY})?", re.DOTALL | re.ASCII)
_CONTINUED = {
    "escape_quote": E_CONTINUED,
    "quote": re.compile(rf"{_NEXT_QUOTE}(?P<rest>{_BODY})?", re.DOTALL | re.ASCII),
}
_BLOCK_COMMENT_EDGE = re.compile(r"/\*|\*/")
COPY_END = re.compile(r"^\\\.\r?$\n?", re.MULTILINE)

META_NAME = re.compile(r"\\[^\s\\]*")
_META_ARGUMENTS = re.compile(
    r"""(?:'(?:[^'\\\n]|\\[^\n]|'')*+(?:'|(?=\n)|\Z) | "[^"\n]*+"? | `[^`\n]*+`? | [^\\\n'"`])*+""",
    re.VERBOSE,
)
META_SENDS = re.compile(
    r"\\(?:g|gx|gset|gexec|gdesc|crosstabview|watch|parse|sendpipeline|r|reset)(?![a-z_])"
)
_META_WHOLE_LINE = re.compile(r"\\(?:!|copy|ef|ev|h|help|sf|sf\+|sv|sv\+)(?![a-z_])")
META_HOLDS_SQL = re.compile(r"\\(?:copy\b|set\b|!)")
META_COPY_STDIN = re.compile(r"\\copy\b.*\bfrom\s+stdin\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Token:
    """A token of a text: the characters `[start, end)`; `kind` is a group of TOKEN."""

    kind: str
    text: str
    start: int
    end: int

    @property
    def name(self) -> str:
        """What a word denotes, quoted or not."""
        match self.kind:
            case "word":
                return unquote_identifier(self.text)
            case "double_quote" if self.text.startswith('"'):
                return unquote_identifier(self.text)
        return ""

    @property
    def is_string(self) -> bool:
        return self.kind in ("quote", "escape_quote", "dollar_quote")


def tokens(text: str, at: int, end: int) -> Iterator[Token]:
    """The tokens without white space and comments; a string is one, over all its lines."""
    while at < end:
        match = TOKEN.match(text, at, end)
        assert match is not None
        kind, start, at = match.lastgroup or "", at, match.end()
        if kind in ("space", "comment"):
            continue
        if kind == "block_comment":
            at = min(end, comment_end(text, start) or end)
            continue
        if kind == "dollar_quote":
            close = text.find(match.group(), at, end)
            at = end if close < 0 else close + len(match.group())
        elif (continued := _CONTINUED.get(kind)) is not None and text[start:at].count("'") > 1:
            while (more := continued.match(text, at, end)) is not None:
                at = more.end()
        yield Token(kind, text[start:at], start, at)


def comment_end(text: str, at: int) -> int | None:
    """Where the comment that opens at a place closes; comments nest."""
    depth = 0
    for edge in _BLOCK_COMMENT_EDGE.finditer(text, at):
        depth += 1 if edge.group() == "/*" else -1
        if depth == 0:
            return edge.end()
    return None


def meta_end(text: str, name: re.Match[str]) -> int:
    """Where the arguments of a meta-command end, behind a `\\\\` that closes them."""
    if _META_WHOLE_LINE.match(text, name.start()):
        line_end = text.find("\n", name.end())
        return len(text) if line_end < 0 else line_end
    arguments = _META_ARGUMENTS.match(text, name.end())
    assert arguments is not None
    end = arguments.end()
    return end + 2 if text.startswith("\\\\", end) else end
