"""What type an SQL expression has, as far as its words tell without a server."""

from __future__ import annotations

import re
from typing import Any

from pgdurc.pgsql import ParseError, constant, parse, unwrap

# Those that PostgreSQL makes no text of by itself, by their names in its parser.
_NO_TEXTS = {
    "bool": "boolean",
    "bytea": "bytea",
    "date": "date",
    "float4": "real",
    "float8": "double precision",
    "int2": "smallint",
    "int4": "integer",
    "int8": "bigint",
    "interval": "interval",
    "json": "json",
    "jsonb": "jsonb",
    "numeric": "numeric",
    "time": "time",
    "timestamp": "timestamp",
    "timestamptz": "timestamp with time zone",
    "uuid": "uuid",
}
_COMPARISONS = ("=", "<", ">", "<=", ">=", "<>", "!=")
_ARITHMETIC = ("+", "-", "*", "/", "%", "^")


def is_expression(text: str) -> bool:
    """Whether it is one SQL expression, with references in it or not."""
    return _parsed(_REFERENCE.sub("NULL", text))[0] != ""


_REFERENCE = re.compile(r"\$\w+(?:\.\w+)?\??")


def is_null(expression: str) -> bool:
    """Whether it is NULL, with a cast or without."""
    kind, node = _parsed(expression)
    while kind == "type_cast":
        kind, node = unwrap(node.arg)
    return kind == "a_const" and bool(node.isnull)


def known_type(expression: str) -> str | None:
    """The name of a type that is no text, where the expression certainly has it.

    That of a column or of what a function gives is not known.
    """
    return _type(*_parsed(expression))


def foreign_operator_of_strings(expression: str) -> str | None:
    """The operator between two constant strings, if that is not ||: there is none that gives a text."""
    kind, node = _parsed(expression)
    if kind != "a_expr" or node.kind != constant("AEXPR_OP"):
        return None
    sides = [unwrap(node.lexpr), unwrap(node.rexpr)]
    if any(side != "a_const" or value.WhichOneof("val") != "sval" for side, value in sides):
        return None
    name = str(unwrap(node.name[-1])[1].sval)
    return None if name == "||" else name


def _parsed(expression: str) -> tuple[str, Any]:
    try:
        statements = parse(f"SELECT ({expression}\n)")
    except ParseError:  # a variable of psql, or an error that is reported elsewhere
        return "", None
    if (
        len(statements) != 1
        or statements[0].kind != "select_stmt"
        or len(statements[0].node.target_list) != 1
    ):
        return "", None
    return unwrap(unwrap(statements[0].node.target_list[0])[1].val)


def _type(kind: str, node: Any) -> str | None:
    match kind:
        case "a_const":
            return _of_constant(node)
        case "type_cast":
            *schema, name = (unwrap(part)[1].sval for part in node.type_name.names)
            if node.type_name.array_bounds:
                return "array"
            return _NO_TEXTS.get(name) if schema in ([], ["pg_catalog"]) else None
        case "bool_expr" | "null_test" | "boolean_test":
            return "boolean"
        case "sub_link":
            is_value = node.sub_link_type in (constant("EXPR_SUBLINK"), constant("ARRAY_SUBLINK"))
            return None if is_value else "boolean"
        case "a_array_expr":
            return "array"
        case "row_expr":
            return "record"
        case "a_expr":
            return _of_operator(node)
    return None


def _of_constant(node: Any) -> str | None:
    match node.WhichOneof("val"):
        case "ival":
            return "integer"
        case "fval":
            return "numeric"
        case "boolval":
            return "boolean"
        case "bsval":
            return "bit"
    return None


def _of_operator(node: Any) -> str | None:
    if node.kind == constant("AEXPR_NULLIF"):
        return None
    if node.kind != constant("AEXPR_OP") or unwrap(node.name[-1])[1].sval in _COMPARISONS:
        return "boolean"
    return _of_arithmetic(node) if _is_arithmetic(node) else None


def _is_arithmetic(node: Any) -> bool:
    return node.kind == constant("AEXPR_OP") and unwrap(node.name[-1])[1].sval in _ARITHMETIC


def _of_arithmetic(node: Any) -> str | None:
    """With a stack of its own: a sum is as deep as it is long."""
    types: set[str | None] = set()
    pending = [node]
    while pending:
        operation = pending.pop()
        for side in (operation.lexpr, operation.rexpr):
            kind, operand = unwrap(side) if side.WhichOneof("node") else ("", None)
            if kind == "a_expr" and _is_arithmetic(operand):
                pending.append(operand)
            elif kind:
                types.add(_type(kind, operand))
    return max(map(str, types)) if types <= {"integer", "numeric"} else None
