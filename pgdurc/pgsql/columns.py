"""The columns that a statement gives back, named by PostgreSQL's own rule (`FigureColname`)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pgdurc.pgsql.parser import Statement, unwrap

UNNAMED = "?column?"

_FIXED_NAMES = {
    "a_array_expr": "array",
    "coalesce_expr": "coalesce",
    "grouping_func": "grouping",
    "json_parse_expr": "json",
    "json_scalar_expr": "json_scalar",
    "json_serialize_expr": "json_serialize",
    "json_object_constructor": "json_object",
    "json_array_constructor": "json_array",
    "json_array_query_constructor": "json_array",
    "json_object_agg": "json_objectagg",
    "json_array_agg": "json_arrayagg",
    "merge_support_func": "merge_action",
    "row_expr": "row",
    "xml_serialize": "xmlserialize",
}
# SHOW names its column as PostgreSQL spells the setting.
_SETTINGS = {"datestyle": "DateStyle", "intervalstyle": "IntervalStyle", "timezone": "TimeZone"}
_JSON_FUNCTIONS = {1: "json_exists", 2: "json_query", 3: "json_value"}
_XML_FUNCTIONS = {
    1: "xmlconcat",
    2: "xmlelement",
    3: "xmlforest",
    4: "xmlparse",
    5: "xmlpi",
    6: "xmlroot",
}


def result_columns(statement: Statement) -> tuple[str, ...] | None:
    """The names of a result's columns; () where no rows are returned, None where they are unknown (`*`)."""
    match statement.kind:
        case "select_stmt":
            return _select(statement.node)
        case "insert_stmt" | "update_stmt" | "delete_stmt" | "merge_stmt":
            return _targets(statement.node.returning_clause.exprs)
        case "explain_stmt":
            return ("QUERY PLAN",)
        case "variable_show_stmt":
            name = statement.node.name
            return (
                ("name", "setting", "description") if name == "all" else (_SETTINGS.get(name.lower(), name),)
            )
        case "deep":
            return None
        case _:
            return ()


def is_row_returning(statement: Statement) -> bool:
    return result_columns(statement) != ()


def _select(select: Any) -> tuple[str, ...] | None:
    while select.HasField("larg"):  # a set operation is named by its leftmost part
        select = select.larg
    if select.HasField("into_clause"):
        return ()
    if select.values_lists:
        first = unwrap(select.values_lists[0])[1]
        return tuple(f"column{number}" for number in range(1, len(first.items) + 1))
    return _targets(select.target_list)


def _targets(targets: Iterable[Any]) -> tuple[str, ...] | None:
    names = []
    for target in targets:
        kind, found = unwrap(target)
        if kind != "res_target":
            return None
        if found.name:
            names.append(found.name)
        elif _is_star(found.val):
            return None
        else:
            names.append(_figure(found.val) or UNNAMED)
    return tuple(names)


def _is_star(value: Any) -> bool:
    kind, found = unwrap(value)
    match kind:
        case "column_ref":
            return unwrap(found.fields[-1])[0] == "a_star"
        case "a_indirection":  # (row).*
            return unwrap(found.indirection[-1])[0] == "a_star"
    return False


def _figure(value: Any) -> str:
    """The name that an expression suggests, or none."""
    # Of casts and CASE, which name the column only where nothing inside does so firmly.
    fallback = ""
    while True:
        name, strength, inner = _figure_here(value)
        if strength == 1 and not fallback:
            fallback = name
        if strength == 2:
            fallback = name  # of a subquery: what is around it counts no more, what is inside still does
        if inner is None:
            return fallback
        value = inner


def _figure_here(value: Any) -> tuple[str, int, Any]:
    """What one node suggests; how strongly: 0 not at all, 1 weakly, 2 firmly; what inside to ask first."""
    kind, node = unwrap(value)
    if kind in _FIXED_NAMES:
        return _FIXED_NAMES[kind], 2, None
    match kind:
        case "column_ref":
            return _last_string(node.fields), 2, None
        case "a_indirection":
            name = _last_string(node.indirection)
            return (name, 2, None) if name else ("", 0, node.arg)
        case "func_call":
            return _last_string(node.funcname), 2, None
        case "a_expr" if node.kind == _nullif():
            return "nullif", 2, None
        case "type_cast":
            return _last_string(node.type_name.names), 1, node.arg
        case "collate_clause":
            return "", 0, node.arg
        case "case_expr":
            return "case", 1, node.defresult
        case "min_max_expr":
            return ("greatest" if node.op == 1 else "least"), 2, None
        case "sqlvalue_function":
            return _value_function(node.op), 2, None
        case "sub_link":
            return _sub_link(node)
        case "xml_expr" if node.op in _XML_FUNCTIONS:
            return _XML_FUNCTIONS[node.op], 2, None
        case "json_func_expr":
            return _JSON_FUNCTIONS.get(node.op, "json_table"), 2, None
    return "", 0, None


def _sub_link(node: Any) -> tuple[str, int, Any]:
    import postgast

    kinds = postgast.pg_query_pb2
    match node.sub_link_type:
        case kinds.EXISTS_SUBLINK:
            return "exists", 2, None
        case kinds.ARRAY_SUBLINK:
            return "array", 2, None
        case kinds.EXPR_SUBLINK:
            kind, select = unwrap(node.subselect)
            return _sub_select(select) if kind == "select_stmt" else (UNNAMED, 2, None)
    return "", 0, None


def _sub_select(select: Any) -> tuple[str, int, Any]:
    """The name of a scalar subquery is that of its one column, firmly: a cast around it changes nothing."""
    while select.HasField("larg"):
        select = select.larg
    if select.values_lists:
        return "column1", 2, None
    _, target = unwrap(select.target_list[0]) if select.target_list else ("", None)
    if target is None or _is_star(target.val):
        return UNNAMED, 2, None
    if target.name:
        return str(target.name), 2, None
    return "", 2, target.val


def _last_string(nodes: Iterable[Any]) -> str:
    found = ""
    for node in nodes:
        kind, value = unwrap(node)
        if kind == "string":
            found = value.sval
    return found


def _value_function(operation: int) -> str:
    import postgast

    # SVFOP_CURRENT_TIMESTAMP_N and its like are the function with a precision
    name: str = postgast.pg_query_pb2.SQLValueFunctionOp.Name(operation)
    return name.removeprefix("SVFOP_").removesuffix("_N").lower()


def _nullif() -> int:
    import postgast

    return int(postgast.pg_query_pb2.AEXPR_NULLIF)
