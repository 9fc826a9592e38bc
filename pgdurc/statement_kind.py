"""Which kind of statement the first words of one make it."""

from __future__ import annotations

import itertools
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class Kind(Enum):
    """What a passed-through statement is to whoever runs it in one transaction over a connection."""

    BLANK = "blank"  # only white space and comments
    SQL = "SQL"
    META_COMMAND = "meta-command"  # or SQL that a meta-command ends or stands in
    TRANSACTION_CONTROL = "transaction control"
    COPY_DATA = "COPY FROM stdin"  # with its data
    NOT_IN_TRANSACTION = "cannot run inside a transaction block"


WORDS = 16
"""So many bare words outside parentheses are enough to tell."""

_TRANSACTION_CONTROL = {
    ("abort",),
    ("begin",),
    ("commit",),
    ("end",),
    ("prepare", "transaction"),
    ("release",),
    ("rollback",),
    ("savepoint",),
    ("start", "transaction"),
}
_NOT_IN_TRANSACTION = {
    ("alter", "system"),
    ("create", "database"),
    ("create", "tablespace"),
    ("drop", "database"),
    ("drop", "tablespace"),
    ("discard", "all"),
    ("reindex", "database"),
    ("reindex", "schema"),
    ("reindex", "system"),
    ("vacuum",),
}
_CONCURRENTLY = {
    ("create", "index"),
    ("create", "unique", "index"),
    ("drop", "index"),
    ("reindex",),
    ("alter", "table"),  # DETACH PARTITION p CONCURRENTLY
}


def is_ours(words: Sequence[str]) -> bool:
    """Exactly the words that open a workflow statement."""
    return tuple(words) in _OURS


_OURS = {("create", "workflow"), ("create", "or", "replace", "workflow"), ("drop", "workflow")}


def unknown_of_ours(words: Sequence[str]) -> tuple[int, str] | None:
    """How many first words make it look like a statement of ours that there is not, and what to do."""
    match words:
        case ["alter", "workflow", *_]:
            return 2, "declare it again: CREATE WORKFLOW replaces what is there"
        case ["comment", "on", "workflow", *_]:
            return 3, "a workflow's starter is a function: COMMENT ON FUNCTION name(...) IS '...'"
        case ["grant" | "revoke" as verb, "execute", "on", "workflow", *_]:
            return 4, f"a workflow's starter is a function: {verb.upper()} EXECUTE ON FUNCTION name(...) ..."
        case ["create", *rest]:
            count = next((at for at, word in enumerate(rest) if word not in _BEFORE_WORKFLOW), len(rest))
            if count and rest[count : count + 1] == ["workflow"]:
                return count + 2, "write CREATE WORKFLOW name(...) AS ..., or CREATE OR REPLACE WORKFLOW"
    return None


_BEFORE_WORKFLOW = {"or", "replace", "temp", "temporary", "local", "global", "unlogged"}


def is_routine(words: Sequence[str]) -> bool:
    """CREATE [OR REPLACE] FUNCTION or PROCEDURE, the statements whose bodies may hold semicolons."""
    after_create = words[3:4] if words[1:3] == ["or", "replace"] else words[1:2]
    return words[:1] == ["create"] and after_create in (["function"], ["procedure"])


def is_stored(words: Sequence[str]) -> bool:
    """A statement whose expressions are kept, to be run later: a function, a view, a default, PREPARE."""
    if words[:1] == ["create"]:
        after = [word for word in words[1:6] if word not in _TABLE_KINDS]
        return after[:1] != ["table"] or "as" not in words
    return words[:1] in (["alter"], ["prepare"])


_TABLE_KINDS = {"temp", "temporary", "local", "global", "unlogged"}


def is_copy_from_stdin(words: Sequence[str]) -> bool:
    """COPY table FROM stdin: its data follows in the script."""
    return words[:1] == ["copy"] and ("from", "stdin") in itertools.pairwise(words)


def classify(words: Sequence[str]) -> tuple[Kind, int]:
    """The kind of an SQL statement, and how many of its first words made it that."""
    if is_copy_from_stdin(words):
        return Kind.COPY_DATA, 1
    for count in (1, 2, 3):
        opening = tuple(words[:count])
        if opening in _TRANSACTION_CONTROL:
            return Kind.TRANSACTION_CONTROL, count
        if opening in _NOT_IN_TRANSACTION:
            return Kind.NOT_IN_TRANSACTION, count
        if opening in _CONCURRENTLY and "concurrently" in words:
            return Kind.NOT_IN_TRANSACTION, words.index("concurrently") + 1
    if tuple(words) == ("cluster",):  # of all tables
        return Kind.NOT_IN_TRANSACTION, 1
    return Kind.SQL, 0
