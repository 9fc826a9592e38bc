"""SQL text as PostgreSQL's parser sees it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

# libpg_query gives its tree out recursively, so a chain of some 50,000 operators overflows the C stack and
# takes the process with it. Beyond this many it is asked for errors only.
_MAX_CHAIN = 15_000
_LINK = re.compile(
    r"[-+*/<>=~!@#%^&|`?:.\[]+|\b(?:and|or|in|is|isnull|notnull|union|intersect|except|join|at|collate)\b",
    re.IGNORECASE,
)


class ParseError(Exception):
    """A syntax error; `position` is a character of what was parsed (its length: at the end)."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.message = message
        self.position = position


@dataclass(frozen=True, slots=True)
class Statement:
    """One parsed statement.

    `kind` is libpg_query's name of the node (`select_stmt`, `insert_stmt`, `create_stmt`, ...), `node` the
    protobuf message. For a statement too deep to look into, `kind` is "deep" and `node` None: its syntax is
    checked, no more.
    """

    kind: str
    node: Any


def parse(sql: str) -> tuple[Statement, ...]:
    """The statements of `sql`. Raises ParseError."""
    zero = sql.find("\0")
    if zero >= 0:
        raise ParseError("invalid character: a zero byte", zero)
    import postgast

    _allow_deep_trees()
    if len(sql) > 2 * _MAX_CHAIN and sum(1 for _ in _LINK.finditer(sql)) > _MAX_CHAIN:
        return _check(sql)
    try:
        statements = postgast.parse(sql).stmts
    except postgast.PgQueryError as error:
        raise _parse_error(error.message, error.cursorpos, sql) from None
    except Exception as error:
        if type(error).__name__ != "DecodeError":
            raise
        return _check(sql)
    found = []
    for raw in statements:
        kind = raw.stmt.WhichOneof("node")
        found.append(Statement(kind, getattr(raw.stmt, kind)))
    return tuple(found)


def parse_plpgsql(sql: str) -> None:
    """Check a CREATE FUNCTION or CREATE PROCEDURE whose body is PL/pgSQL. Raises ParseError."""
    import postgast

    try:
        postgast.parse_plpgsql(sql)
    except postgast.PgQueryError as error:
        raise _parse_error(error.message, error.cursorpos, sql) from None


def descend(node: Any) -> Iterator[tuple[str, Any]]:
    """All messages below a protobuf message, itself included, as (type, message), in no order."""
    pending = [node]
    while pending:
        message = pending.pop()
        name = message.DESCRIPTOR.name
        if name != "Node":
            yield name, message
        for field, value in message.ListFields():
            if field.message_type is None:
                continue
            if hasattr(value, "DESCRIPTOR"):
                pending.append(value)
            else:
                pending.extend(value)


def unwrap(node: Any) -> tuple[str, Any]:
    """The kind and the message inside a libpg_query Node; ("", None) for one that is not set."""
    kind = node.WhichOneof("node")
    return ("", None) if kind is None else (kind, getattr(node, kind))


@cache
def constant(name: str) -> int:
    """The number that libpg_query gives a constant of an enumeration (`DISCARD_ALL`, `VAR_RESET`, ...)."""
    import postgast

    return int(getattr(postgast.pg_query_pb2, name))


@cache
def _allow_deep_trees() -> None:
    """Lift protobuf's limit of 100 levels, which 60 chained operators exceed.

    The switch is meant for large messages; the decoder takes it as leave for 65,535 levels too. Where it is
    missing (the pure Python decoder) a deep tree is reported as too deep to look into.
    """
    try:
        from google._upb import _message
    except ImportError:
        return
    _message.SetAllowOversizeProtos(True)


def _check(sql: str) -> tuple[Statement, ...]:
    """Parse for errors only: the tree never leaves PostgreSQL's parser."""
    from postgast.native import lib

    result = lib.pg_query_split_with_parser(sql.encode())
    try:
        if result.error:
            error = result.error.contents
            raise _parse_error(error.message.decode(), error.cursorpos, sql)
        return (Statement("deep", None),) * int(result.n_stmts)
    finally:
        lib.pg_query_free_split_result(result)


def _parse_error(message: str, cursor: int, sql: str) -> ParseError:
    return ParseError(message, cursor - 1 if cursor > 0 else len(sql))
