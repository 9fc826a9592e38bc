"""Session state: what a step leaves behind in its session is gone before the next step runs."""

from __future__ import annotations

from typing import Any

from pgdurc.analyse.draft import Draft, error
from pgdurc.analyse.reading import ReadStatement
from pgdurc.diagnostic import Diagnostic, Span
from pgdurc.pgsql import constant, descend, unwrap

_STEPS = "each step may run in another session"

_CURSORS_AND_PLANS = {
    "prepare_stmt": "a prepared statement",
    "execute_stmt": "a prepared statement",
    "deallocate_stmt": "a prepared statement",
    "declare_cursor_stmt": "a cursor",
    "fetch_stmt": "a cursor",
    "close_portal_stmt": "a cursor",
}
_SESSION_LOCKS = frozenset(
    {
        "pg_advisory_lock",
        "pg_advisory_lock_shared",
        "pg_try_advisory_lock",
        "pg_try_advisory_lock_shared",
    }
)


def check_session(draft: Draft) -> Draft:
    """Report settings, temporary tables, locks, cursors and the like that another step could not see."""
    problems: list[Diagnostic] = []
    for span, read in draft.reads.items():
        if read.parsed is not None and read.parsed.node is not None:
            problem = _kept_in_session(read, span)
            if problem is not None:
                problems.append(problem)
    return draft.reporting(problems)


def _kept_in_session(read: ReadStatement, span: Span) -> Diagnostic | None:
    assert read.parsed is not None
    kind, node = read.parsed.kind, read.parsed.node
    match kind:
        case "variable_set_stmt":
            if node.kind == constant("VAR_SET_MULTI") and node.name.startswith("TRANSACTION"):
                return error(
                    "PGD304",
                    "SET TRANSACTION cannot stand in a workflow: a step is READ COMMITTED",
                    span,
                    "leave it out",
                )
            if not node.is_local and node.kind not in (constant("VAR_RESET"), constant("VAR_RESET_ALL")):
                return error(
                    "PGD306",
                    f"the setting would not outlive its step: {_STEPS}",
                    span,
                    "attach it to the role (ALTER ROLE ... SET), or to the function that needs it",
                )
        case "listen_stmt":
            hint = "a workflow waits for a signal: df.wait_for_signal('name')"
            return error("PGD306", f"LISTEN would not outlive its step: {_STEPS}", span, hint)
        case "create_stmt":
            if _is_temporary(node.relation) and node.oncommit != constant("ONCOMMIT_DROP"):
                return _temporary("table", span)
        case "create_table_as_stmt":
            into = node.into
            if _is_temporary(into.rel) and into.on_commit != constant("ONCOMMIT_DROP"):
                return _temporary("table", span)
        case "select_stmt":
            if node.HasField("into_clause") and _is_temporary(node.into_clause.rel):
                return _temporary("table", span)
        case "view_stmt":
            if _is_temporary(node.view):
                return _temporary("view", span)
        case "create_seq_stmt":
            if _is_temporary(node.sequence):
                return _temporary("sequence", span)
        case _ if kind in _CURSORS_AND_PLANS:
            return error(
                "PGD307",
                f"{_CURSORS_AND_PLANS[kind]} does not outlive its step: {_STEPS}",
                span,
                "name a result with |=> instead, or write the statements as one DO block",
            )
    return _session_lock(read, span) or _session_setting(read, span)


def _is_temporary(relation: Any) -> bool:
    return bool(relation.relpersistence == "t" or relation.schemaname == "pg_temp")


def _temporary(what: str, span: Span) -> Diagnostic:
    return error(
        "PGD306",
        f"a temporary {what} would not outlive its step: {_STEPS}",
        span,
        f"name a result with |=> instead, or make an ordinary {what}",
    )


def _session_lock(read: ReadStatement, span: Span) -> Diagnostic | None:
    if "advisory" not in read.text.text.value.lower():
        return None
    assert read.parsed is not None
    for kind, node in descend(read.parsed.node):
        if kind == "FuncCall" and _function(node) in _SESSION_LOCKS:
            name = _function(node)
            return error(
                "PGD306",
                f"the lock that {name} takes would not outlive its step: {_STEPS}",
                span,
                f"a lock for this one step is {name.replace('advisory_lock', 'advisory_xact_lock')}",
            )
    return None


def _session_setting(read: ReadStatement, span: Span) -> Diagnostic | None:
    if "set_config" not in read.text.text.value.lower():
        return None
    assert read.parsed is not None
    for kind, node in descend(read.parsed.node):
        if kind == "FuncCall" and _function(node) == "set_config" and len(node.args) == 3:
            third_kind, third = unwrap(node.args[2])
            if third_kind == "a_const" and third.HasField("boolval") and not third.boolval.boolval:
                return error(
                    "PGD306",
                    f"the setting would not outlive its step: {_STEPS}",
                    span,
                    "for this one step it is set_config(name, value, true)",
                )
    return None


def _function(call: object) -> str:
    """The name of a function of PostgreSQL's own, or the empty string."""
    names = [unwrap(part)[1].sval for part in call.funcname]  # type: ignore[attr-defined]
    return names[-1] if len(names) == 1 or names[0] == "pg_catalog" else ""
