"""Standard output and standard error as every command wants them.

What cannot be written is a failure with a message on standard output, of no account on standard error; what
an encoding lacks is escaped; a reader that has had enough (`| head -1`) is no failure.
"""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, TextIO

from pgdurc.failure import Exit, Failure

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class ReaderGone(Exception):
    """Nobody reads standard output any more."""


def open_streams() -> None:
    """Replace the process's own standard output and standard error; either may be closed."""
    # A number that is free would be given to the next file or connection, and a library's message go into it.
    while (taken := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(taken)
    sys.stdout = _opened(sys.stdout, 1, is_vital=True)
    sys.stderr = _opened(sys.stderr, 2, is_vital=False)


def _opened(stream: TextIO | None, descriptor: int, *, is_vital: bool) -> io.TextIOWrapper:
    raw = _Output(None if stream is None else descriptor, is_vital=is_vital)
    errors = getattr(stream, "errors", None) or "strict"
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding="utf-8" if stream is None else stream.encoding,
        errors="backslashreplace" if errors in ("strict", "surrogateescape") else errors,
        line_buffering=not is_vital or raw.isatty(),
    )


class _Output(io.RawIOBase):
    """Bytes to a descriptor, None where it is closed.

    After a first failure they go nowhere: Python would try again at the end, and say so.
    """

    def __init__(self, descriptor: int | None, *, is_vital: bool) -> None:
        self._descriptor = descriptor
        self._is_vital = is_vital
        self._is_broken = False

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        if self._descriptor is None:
            raise io.UnsupportedOperation("fileno")
        return self._descriptor

    def isatty(self) -> bool:
        return self._descriptor is not None and os.isatty(self._descriptor)

    def write(self, content: ReadableBuffer, /) -> int:
        if self._is_broken:
            return memoryview(content).nbytes
        try:
            if self._descriptor is not None:
                return os.write(self._descriptor, content)
            why = "it is closed"
        except BrokenPipeError:
            self._is_broken = True
            if self._is_vital:
                raise ReaderGone from None
            return memoryview(content).nbytes
        except OSError as error:
            why = error.strerror or str(error)
        self._is_broken = True
        if self._is_vital:
            raise Failure(f"cannot write to standard output: {why}", exit_code=Exit.USAGE)
        return memoryview(content).nbytes
