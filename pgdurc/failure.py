"""A command's failure: what is wrong, what to do, and the exit code that says which kind it is."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """The exit codes of every command."""

    FINE = 0
    INPUT = 1
    USAGE = 2
    DATABASE = 3
    WORKFLOW = 4
    DETACHED = 130


class Failure(Exception):
    """Ends a command with a message in PostgreSQL's tone and no traceback."""

    def __init__(
        self,
        message: str,
        *,
        detail: str | None = None,
        hint: str | None = None,
        sqlstate: str | None = None,
        exit_code: Exit = Exit.DATABASE,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail
        self.hint = hint
        self.sqlstate = sqlstate
        self.exit_code = exit_code
