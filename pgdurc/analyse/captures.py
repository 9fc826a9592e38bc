"""Which results are kept, and whether the columns that this takes are known."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum

from pgdurc import tree
from pgdurc.analyse.draft import Draft, error, warning
from pgdurc.diagnostic import Diagnostic, Span
from pgdurc.graph import Run, Statement
from pgdurc.pgsql import UNNAMED


class _Need(Enum):
    NO = 0
    TAIL = 1  # the workflow's own result
    YES = 2


def check_captures(draft: Draft) -> Draft:
    """Give leaves the columns that an annotation names; report what is read and cannot be kept."""
    statements = dict(draft.statements)
    problems: list[Diagnostic] = []
    pending: list[tuple[tree.Tree, _Need, tree.Name | None]] = [(draft.declaration.body, _Need.TAIL, None)]
    while pending:
        node, need, annotation = pending.pop()
        match node:
            case tree.Sql(span=span):
                if (statement := statements.get(span)) is not None:
                    if annotation is not None:
                        statement, found = _annotate(statement, annotation)
                        problems += found
                    is_unknown = statement.run is Run.QUERY and not statement.is_capturable
                    if is_unknown and draft.declaration.is_call:
                        statement = _as_they_come(statement)
                    problems += _check(statement, need, span)
                    statements[span] = statement
            case tree.Sequence(parts=parts):
                pending += [(part, _Need.NO, None) for part in parts[:-1]]
                pending.append((parts[-1], need, annotation))
            case tree.Named(body=body, name=name):
                need = _Need.YES if name.text in draft.read_names else need
                pending.append((body, need, name if name.columns is not None else annotation))
            case tree.If(condition=condition, then=then, otherwise=otherwise):
                pending.append((condition, _Need.YES, None))
                pending += [(then, need, annotation), (otherwise, need, annotation)]
            case tree.IfRows(then=then, otherwise=otherwise):
                pending += [(then, need, annotation), (otherwise, need, annotation)]
            case tree.Loop(body=body, condition=condition):
                # Without a condition only a break ends the loop, and the body's result is nobody's.
                pending.append((body, need if condition is not None else _Need.NO, annotation))
                if condition is not None:
                    pending.append((condition, _Need.YES, None))
            case tree.Race(branches=branches):
                pending += [(branch, need, annotation) for branch in branches]
            case tree.Join(branches=branches):
                pending += [(branch, need, None) for branch in branches]
                if annotation is not None:
                    message = "the result of a join is one value and has no columns to name"
                    problems.append(error("PGD211", message, annotation.span, _NO_COLUMNS))
            case tree.Unread(parts=parts):
                pending += [(part, _Need.NO, None) for part in parts]
            case tree.Sleep() | tree.Signal() | tree.Schedule() if annotation is not None:
                what = type(node).__name__.lower()
                message = f"the result of a {what} has no columns to name"
                problems.append(error("PGD211", message, annotation.span, _NO_COLUMNS))
    return replace(draft, statements=statements).reporting(problems)


_NO_COLUMNS = "leave the columns out"


def _as_they_come(statement: Statement) -> Statement:
    """RETURNING * in a call: the runtime takes the rows with the types that JSON has, as pg_durable does."""
    text = (*statement.hoisted, " ", *statement.text) if statement.hoisted else statement.text
    return replace(statement, text=text, hoisted=(), run=Run.ANY, is_probed=True)


def _annotate(statement: Statement, name: tree.Name) -> tuple[Statement, list[Diagnostic]]:
    columns = name.columns or ()
    if statement.run is not Run.QUERY:
        what = "returns no rows" if statement.run is Run.EXEC else "returns text"
        message = f'columns of "{name.text}" are given, but its statement {what}'
        hint = f"{_NO_COLUMNS}, or add RETURNING" if statement.run is Run.EXEC else _NO_COLUMNS
        return statement, [error("PGD211", message, name.span, hint)]
    problems = []
    seen: set[str] = set()
    for column in columns:
        if column.name in seen:
            problems.append(error("PGD211", f'column "{column.name}" is given twice', column.span))
        seen.add(column.name)
    known = statement.columns
    if known is not None:
        if len(known) != len(columns):
            message = f'"{name.text}" is given {_count(columns)}, but its statement returns {len(known)}'
            problems.append(error("PGD211", message, name.span, f"it returns: {', '.join(known)}"))
            return statement, problems
        for column, actual in zip(columns, known, strict=True):
            if actual not in (column.name, UNNAMED):
                problems.append(
                    error(
                        "PGD211",
                        f'"{column.name}" stands where the statement returns "{actual}"',
                        column.span,
                        "columns are in the statement's order; to rename one write AS in the statement",
                    )
                )
    names = tuple(column.name for column in columns)
    return replace(statement, columns=names, types=tuple(column.type for column in columns)), problems


def _check(statement: Statement, need: _Need, span: Span) -> list[Diagnostic]:
    if statement.run is Run.EXEC or statement.is_capturable or need is _Need.NO:
        return []
    hint = "list the columns instead of *, or name them where the result is bound: |=> name(id bigint, ...)"
    if need is _Need.TAIL:
        message = (
            "the columns of this statement are not known, so the workflow's result will not hold its rows"
        )
        return [warning("PGD410", message, span, hint)]
    return [
        error("PGD210", "the columns of this statement are not known, so its rows cannot be kept", span, hint)
    ]


def _count(columns: tuple[tree.Column, ...]) -> str:
    return "1 column" if len(columns) == 1 else f"{len(columns)} columns"
