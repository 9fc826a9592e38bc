"""What one reference means where it stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from pgdurc.analyse.draft import error, warning
from pgdurc.analyse.neighbours import Beside
from pgdurc.analyse.placeholders import Place
from pgdurc.analyse.scope import Binding, Doubt, Scope
from pgdurc.analyse.shapes import Json, NoRows, Rows, Unknown
from pgdurc.analyse.walk import UnreadNames
from pgdurc.diagnostic import Diagnostic, Related, Span
from pgdurc.graph import Form, ParameterValue, Reading, ResultValue
from pgdurc.hidden import is_hidden
from pgdurc.nearest import nearest
from pgdurc.references import Reference


@dataclass(frozen=True, slots=True)
class Resolved:
    """`value` is None for text that is no reference at all, or one with an error."""

    value: ParameterValue | ResultValue | None
    problems: tuple[Diagnostic, ...] = ()
    is_text: bool = False


@dataclass(frozen=True, slots=True)
class Names:
    """What a reference can mean at one point. `later`: where names are bound that are not in scope there.

    `unread`: of what pieces with an error may bind nothing is said.
    `parameters` with their types. `is_call`: values are read as pg_durable does: the first row of several,
    text without a type of its own.
    """

    parameters: Mapping[str, str]
    scope: Scope
    later: dict[str, Span]
    unread: UnreadNames = field(default_factory=UnreadNames)
    is_call: bool = False


def resolve(reference: Reference, written: str, place: Place, span: Span, names: Names) -> Resolved:
    if reference.name in names.parameters:
        return _beside(_parameter(reference, written, place.form, span), written, place, span, names)
    binding = names.scope.bindings.get(reference.name)
    if reference.name in names.unread.words or (names.unread.any_name and _is_unsure(binding)):
        value = ResultValue(
            reference.name, Reading.VALUE, None, reference.is_optional, place.form, None, written
        )
        return Resolved(None if place.in_code else value)
    if binding is None:
        if reference.in_literal:
            return Resolved(None, is_text=True)  # a regular expression, a format: not ours
        return Resolved(None, (_unknown(reference, span, names),))
    if binding.doubt is not Doubt.NONE and not reference.is_optional:
        return Resolved(None, (_doubtful(reference, written, span, binding),))
    resolved = _read(reference, written, place.form, place.has_alias, span, binding, names.is_call)
    return _beside(resolved, written, place, span, names)


def _is_unsure(binding: Binding | None) -> bool:
    return binding is None or binding.doubt is not Doubt.NONE


def _beside(resolved: Resolved, written: str, place: Place, span: Span, names: Names) -> Resolved:
    """The value as what stands beside it needs it."""
    value = resolved.value
    if value is None or value.form is not Form.EXPRESSION:
        return resolved
    problems = (*resolved.problems, *_joined_wrongly(value, written, place, span, names))
    if isinstance(value, ResultValue) and value.reading is Reading.VALUE:
        shape = names.scope.bindings[value.name].shape
        # A field has the type of what it holds, and so in a call has the whole; what is not there has none.
        is_field = value.column is not None or names.is_call
        may_vary = value.is_optional or (is_field and any(isinstance(one, Json) for one in shape))
        if place.beside is Beside.JSON_OPERATOR and may_vary:
            value = replace(value, form=Form.JSONB)
        elif names.is_call:
            value = replace(value, form=Form.JOINED if place.beside is Beside.TEXT else Form.FITTING)
    elif isinstance(value, ResultValue) and names.is_call and place.beside is Beside.TEXT:
        value = replace(value, form=Form.LITERAL if value.reading is Reading.ROWS else value.form)
    return replace(resolved, value=value, problems=problems)


def _joined_wrongly(
    value: ParameterValue | ResultValue, written: str, place: Place, span: Span, names: Names
) -> list[Diagnostic]:
    """The warning for JSON beside a constant text, which PostgreSQL then reads as JSON too, and fails."""
    if place.beside is Beside.TORN:
        return [
            warning(
                "PGD416",
                f"|| is done before the JSON operator behind {written}: they have one precedence",
                span,
                f"put the JSON operator and its operands in parentheses: '...' || ({written} ->> 'field')",
            )
        ]
    if place.beside is Beside.TEXT and not names.is_call and _is_json(value, names):
        return [
            warning(
                "PGD416",
                f'"{written}" is jsonb, and so PostgreSQL reads the text that || joins to it as JSON',
                span,
                f"write {written}::text, or put {written} into the string",
            )
        ]
    return []


def _is_json(value: ParameterValue | ResultValue, names: Names) -> bool:
    """Whether the value is known to be of the type jsonb or json."""
    match value:
        case ParameterValue(name=name):
            return names.parameters[name] in ("json", "jsonb")
        case ResultValue(reading=Reading.VALUE, name=name, column=None):
            shape = names.scope.bindings[name].shape
            return bool(shape) and all(isinstance(one, Json) for one in shape)
        case ResultValue(reading=reading):
            return reading is Reading.ROWS


def _parameter(reference: Reference, written: str, form: Form, span: Span) -> Resolved:
    name = reference.name
    if reference.is_star or reference.column is not None:
        what = "row source" if reference.is_star else "record"
        problem = error(
            "PGD205",
            f'"{written}": the parameter {name} is no {what}',
            span,
            f"write ${name}, or (${name}).field",
        )
        return Resolved(None, (problem,))
    return Resolved(ParameterValue(name, form))


def _unknown(reference: Reference, span: Span, names: Names) -> Diagnostic:
    written = "$" + reference.name
    if reference.name in names.later:
        return error(
            "PGD201",
            f'"{written}" is not bound yet here',
            span,
            "a reference reads the result of a step that ran before it",
            (Related(names.later[reference.name], "it is bound here"),),
        )
    known = [*(name for name in names.parameters if not is_hidden(name)), *names.scope.bindings]
    guess = nearest(reference.name, known) or nearest(reference.name, names.later)
    if guess is None:
        listed = ", ".join("$" + name for name in sorted(known)[:8])
        hint = (
            f"known here: {listed}"
            if known
            else "bind a result with |=> name, or "
            + ("put a value into the SQL: 'SELECT ' || value" if names.is_call else "declare a parameter")
        )
        return error("PGD201", f'unknown name "{written}"', span, hint)
    binding = names.scope.bindings.get(guess)
    place = binding.span if binding is not None else names.later.get(guess)
    related = () if place is None else (Related(place, f"{guess} is bound here"),)
    what = " (a parameter)" if guess in names.parameters else ""
    return error("PGD201", f'unknown name "{written}"', span, f'did you mean "${guess}"{what}?', related)


def _value_hint(name: str, fields: tuple[str, ...] | None) -> str:
    if fields == ():
        return f"it is the array of a join's results: (${name} -> 0) is the first one"
    return f"read ${name}, or a field of it" + (f": ${name}.{fields[0]}" if fields else "")


_ON_EVERY_WAY = "bind it on the others too, with the same columns"


def _doubtful(reference: Reference, written: str, span: Span, binding: Binding) -> Diagnostic:
    is_value = not reference.is_star and reference.column not in ("rows", "row_count")
    hint = f'to read NULL where it is not bound, write "{written}?"' if is_value else _ON_EVERY_WAY
    related = (Related(binding.span, "it is bound here"),)
    if binding.doubt is Doubt.NEXT_ITERATION:
        return error(
            "PGD203",
            f'"${reference.name}" is not bound in the first iteration of the loop',
            span,
            hint,
            related,
        )
    return error(
        "PGD202", f'"${reference.name}" is not bound on every way that leads here', span, hint, related
    )


def _read(
    reference: Reference,
    written: str,
    form: Form,
    has_alias: bool,
    span: Span,
    binding: Binding,
    is_call: bool,
) -> Resolved:
    name, optional = reference.name, reference.is_optional
    related = (Related(binding.span, "it is bound here"),)

    def value(reading: Reading, column: str | None = None, alias: str | None = None) -> Resolved:
        if binding.doubt is not Doubt.NONE and reading is not Reading.VALUE:
            # There is no NULL among row sets and numbers of rows.
            problem = replace(
                _doubtful(reference, written, span, binding), hint="only one value can be read as NULL"
            )
            return Resolved(None, (problem,))
        return Resolved(ResultValue(name, reading, column, optional, form, alias, written))

    def wrong(code: str, message: str, hint: str | None) -> Resolved:
        return Resolved(None, (error(code, message, span, hint, related),))

    if any(isinstance(one, Unknown) for one in binding.shape):
        return value(Reading.RECORDSET if reference.is_star else Reading.VALUE)
    rows = [one.columns for one in binding.shape if isinstance(one, Rows)]
    has_no_rows = any(isinstance(one, NoRows) for one in binding.shape)
    json = [one.fields for one in binding.shape if isinstance(one, Json)]
    if reference.is_star:
        if json or has_no_rows:
            what = "is a value and no row set" if json else "has no columns: its statement returns no rows"
            hint = (
                _value_hint(name, json[0])
                if json
                else f"${name}.row_count is the number of rows it affected; RETURNING gives them back"
            )
            return wrong("PGD208", f'"${name}" {what}', hint)
        return value(Reading.RECORDSET, alias=None if has_alias else name)
    if reference.column is not None:
        return _column(reference, span, rows, has_no_rows, json, related, value, is_call)
    several = [columns for columns in rows if columns is not None and len(columns) > 1]
    if has_no_rows and (several or not optional or not (rows or json)):
        return wrong(
            "PGD208",
            f'"${name}" has no value: its statement returns no rows',
            f"${name}.row_count is the number of rows it affected; RETURNING gives them back",
        )
    if any(columns is None for columns in rows):
        return wrong(
            "PGD206",
            f'the number of columns of "${name}" is not known',
            f"write ${name}.column for a value or ${name}.rows for all of it as jsonb, "
            f"or name the columns where it is bound: |=> {name}(id bigint, ...)",
        )
    if several and (json or len(several) < len(rows)):
        return wrong(
            "PGD206",
            f'"${name}" has one column on one way that leads here and several on another',
            f"write ${name}.column or ${name}.rows",
        )
    if not is_call or form is Form.RAW:
        return value(Reading.ROWS if several else Reading.VALUE)
    if several:
        first = sorted(several)[0][0]
        differs = warning(
            "PGD505",
            f'"${name}" has several columns: it is read as the array of its rows',
            span,
            f"pg_durable reads the first column of the first row: write ${name}.{first} for that",
            related,
        )
        return replace(value(Reading.ROWS), problems=(differs,))
    first_columns = {columns[0] for columns in rows if columns}
    is_same_column = bool(rows) and not json and len(first_columns) == 1
    return value(Reading.VALUE, first_columns.pop() if is_same_column else None)


def _column(
    reference: Reference,
    span: Span,
    rows: list[tuple[str, ...] | None],
    has_no_rows: bool,
    json: list[tuple[str, ...] | None],
    related: tuple[Related, ...],
    value: Callable[[Reading, str | None], Resolved],
    is_call: bool,
) -> Resolved:
    name = reference.name
    text = reference.column_text or ""
    folded = reference.column or ""
    as_written = text[1:-1].replace('""', '"') if text.startswith('"') else text
    known = sorted(columns for columns in [*rows, *json] if columns is not None)  # a set has no order
    # Where nothing is known of the columns, a call leaves it to the runtime which of the two there is.
    is_as_written = json or any(as_written in columns for columns in known) or (is_call and not known)
    column = as_written if is_as_written else folded
    is_special = not text.startswith('"') and folded in ("rows", "row_count")
    has_such_column = any(column in columns for columns in known)
    if is_special and not has_such_column and not json:
        if folded == "row_count":
            return value(Reading.COUNT, None)
        if not has_no_rows:
            return value(Reading.ROWS, None)
    without = [columns for columns in known if column not in columns]
    if len(without) < len(rows) + len(json) and (without or has_no_rows):
        if reference.is_optional:
            return value(Reading.VALUE, column)
        message = f'"${name}" has no column "{column}" on one of the ways that lead here'
        hint = f'to read NULL where it is not there, write "${name}.{text}?"'
        return Resolved(None, (error("PGD205", message, span, hint, related),))
    if has_no_rows:
        problem = error(
            "PGD208",
            f'"${name}" has no columns: its statement returns no rows',
            span,
            f"${name}.row_count is the number of rows it affected; RETURNING gives them back",
            related,
        )
        return Resolved(None, (problem,))
    missing = without[0] if without else None
    if missing == ():
        message = f'"${name}" is the array of a join\'s results and has no fields'
        hint = f"(${name} -> 0) is the first one; or name the branch whose result is wanted"
        return Resolved(None, (error("PGD205", message, span, hint, related),))
    if missing is not None:
        guess = nearest(column, missing)
        hint = f'did you mean "${name}.{guess}"?' if guess else f"it has: {', '.join(missing)}"
        return Resolved(
            None, (error("PGD205", f'column "{column}" of "${name}" does not exist', span, hint, related),)
        )
    resolved = value(Reading.VALUE, column)
    if is_special and rows:
        shadowed = warning(
            "PGD207",
            f'"${name}.{folded}" is the column of that name',
            span,
            f"give the column another name to read the {'rows' if folded == 'rows' else 'number of rows'}",
            related,
        )
        return Resolved(resolved.value, (shadowed,))
    return resolved
