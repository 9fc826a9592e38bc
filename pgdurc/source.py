"""A file's bytes as text, and where in it a character stands."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from pgdurc.diagnostic import CompileError, Diagnostic, Severity, Span

_BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class Source:
    """The text of a script. `line_starts[i]` is the offset of the first character of line `i + 1`.

    `origins`: where in the file each character of the text stands, where the text is what a string in the
    file stands for. Lines are the file's then.
    """

    name: str
    text: str
    line_starts: tuple[int, ...]
    origins: tuple[int, ...] | None = None

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of a character, both from 1; columns count characters."""
        if self.origins is not None:
            offset = self.origins[offset]
        line = bisect_right(self.line_starts, offset)
        return line, offset - self.line_starts[line - 1] + 1

    def line_text(self, line: int) -> str:
        """A line without its line end."""
        start = self.line_starts[line - 1]
        end = self.line_starts[line] if line < len(self.line_starts) else len(self.text)
        return self.text[start:end].rstrip("\r\n")


def from_text(text: str, name: str = "<text>") -> Source:
    """A Source of text that is already decoded."""
    starts = [0]
    at = text.find("\n")
    while at >= 0:
        starts.append(at + 1)
        at = text.find("\n", at + 1)
    return Source(name, text, tuple(starts))


def read(content: bytes, name: str = "<stdin>") -> Source:
    """Decode a file: UTF-8, a byte order mark dropped, line ends kept.

    Raises SourceError, which carries what could be decoded, so that the diagnostic can be shown.
    """
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SourceError(*_not_utf8(content, name, error)) from None
    source = from_text(text.removeprefix(_BOM), name)
    if not source.text.strip():
        problem = Diagnostic(
            "PGD001",
            Severity.ERROR,
            "file is empty",
            Span(0, 0),
            hint="a script needs at least one statement, such as CREATE WORKFLOW name() AS 'SELECT 1';",
        )
        raise SourceError(source, problem)
    return source


class SourceError(CompileError):
    """A file that is no script at all; `source` is as much of it as can be shown."""

    def __init__(self, source: Source, problem: Diagnostic) -> None:
        super().__init__((problem,))
        self.source = source


def _not_utf8(content: bytes, name: str, error: UnicodeDecodeError) -> tuple[Source, Diagnostic]:
    """Show the line with replacement characters: the rest of the file may be in any encoding."""
    before = content[: error.start].decode("utf-8").removeprefix(_BOM)
    source = from_text(before + content[error.start :].decode("utf-8", "replace"), name)
    byte = content[error.start]
    problem = Diagnostic(
        "PGD002",
        Severity.ERROR,
        f'invalid byte sequence for encoding "UTF8": 0x{byte:02x}',
        Span(len(before), len(before) + 1),
        hint=_encoding_hint(content),
    )
    return source, problem


def _encoding_hint(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "the file is UTF-16: save it as UTF-8"
    return "save the file as UTF-8"
