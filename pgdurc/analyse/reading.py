"""One SQL text as PostgreSQL reads it: references found, syntax checked, the statement classified."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from pgdurc.diagnostic import Diagnostic, Severity, Span
from pgdurc.graph import Form, Run
from pgdurc.pgsql import (
    WHITE_SPACE,
    ParseError,
    ScanError,
    Statement,
    Token,
    descend,
    parse,
    result_columns,
    scan,
    unwrap,
)
from pgdurc.references import SYSTEM_VARIABLES, Found, Reference, Variable, find_in_sql
from pgdurc.tree import SourceText


@dataclass(frozen=True, slots=True)
class Place:
    """A reference and how it stands in its text. `has_alias`: the author named the row source."""

    found: Found
    form: Form
    has_alias: bool = False


@dataclass(frozen=True, slots=True)
class ReadText:
    """Text `[start, end)` of a literal, and the places in it where something is to be put in, in order."""

    text: SourceText
    start: int
    end: int
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class ReadStatement:
    """A statement of a leaf. `body_start`: where it goes on after a WITH that modifies data, else `start`.

    `parsed` is None where raw variables keep the parser from reading it.
    """

    text: ReadText
    body_start: int
    parsed: Statement | None
    run: Run
    columns: tuple[str, ...] | None

    @property
    def is_plain_query(self) -> bool:
        """SELECT, VALUES or TABLE: planning it has no effect, so the server may be asked for its columns."""
        return self.run is Run.QUERY and (self.parsed is None or self.parsed.kind in ("select_stmt", "deep"))


def read_statement(text: SourceText, span: Span) -> ReadStatement | Diagnostic:
    """Read the one statement of a leaf at `span`; its first problem otherwise."""
    try:
        tokens = scan(text.value)
    except ScanError as problem:
        return _error(text, problem.message, problem.position, problem.position + 1)
    code = [token for token in tokens if not token.is_comment]
    while code and code[-1].kind == ";":
        code.pop()
    if not code or all(token.kind == ";" for token in code):
        return Diagnostic(
            "PGD302",
            Severity.ERROR,
            "empty statement",
            span,
            "a step is one SQL statement" if not tokens else "it holds nothing but comments",
        )
    semicolon = next((token for token in tokens if token.kind == ";" and token.start >= code[-1].end), None)
    end = len(text.value.rstrip(WHITE_SPACE)) if semicolon is None else code[-1].end
    begin = len(text.value) - len(text.value.lstrip(WHITE_SPACE))
    inside = tuple(token for token in tokens if token.end <= end)
    found = find_in_sql(text.value, inside)
    read = _parse(text, begin, end, found)
    if isinstance(read, Diagnostic):
        return read
    parsed, places = read
    if parsed is not None and len(parsed) > 1:
        return _several(text, code)
    statement = parsed[0] if parsed else None
    run, columns = _classify(statement, code[0])
    body = _body_start(statement, code) if run is Run.QUERY else None
    return ReadStatement(
        ReadText(text, begin, end, places), begin if body is None else body, statement, run, columns
    )


def read_expression(text: SourceText, span: Span) -> ReadText | Diagnostic:
    """Read a SQL expression, as the argument of a node."""
    try:
        tokens = scan(text.value)
    except ScanError as problem:
        return _error(text, problem.message, problem.position, problem.position + 1)
    if all(token.is_comment for token in tokens):
        return Diagnostic("PGD302", Severity.ERROR, "empty expression", span)
    found = find_in_sql(text.value, tokens)
    read = _parse(text, 0, len(text.value), found, prefix="SELECT (", suffix="\n)")
    if isinstance(read, Diagnostic):
        return read
    if read[0] is not None and len(read[0]) > 1:
        return Diagnostic("PGD303", Severity.ERROR, "the argument is one SQL expression", span)
    return ReadText(text, 0, len(text.value), read[1])


# Placeholders

_ROWS = "(SELECT {})"


@dataclass(slots=True)
class _Stand:
    """What the parser is given in the place of a reference, and where that stands in its input."""

    found: Found
    form: Form
    text: str
    start: int = 0
    end: int = 0


def _stand(found: Found, number: int) -> _Stand | None:
    # A digit or a letter may follow or precede directly, hence the spaces.
    if found.in_literal:
        return None
    if isinstance(found, Variable):
        if found.name in SYSTEM_VARIABLES:
            return _Stand(found, Form.EXPRESSION, " '' ")
        return _Stand(found, Form.RAW, "pgdurc_variable")
    if found.is_star:
        return _Stand(found, Form.EXPRESSION, f" (SELECT ${number}) ")
    return _Stand(found, Form.EXPRESSION, f" ${number} ")


def _parse(
    text: SourceText, begin: int, end: int, found: list[Found], prefix: str = "", suffix: str = ""
) -> tuple[tuple[Statement, ...] | None, tuple[Place, ...]] | Diagnostic:
    """Parse `text[begin:end]` with placeholders for its references.

    A reference that the parser refuses as a value is tried as a bare literal, which is all that utility
    statements take.
    """
    stands = {index: _stand(item, index + 1) for index, item in enumerate(found)}
    while True:
        sql = _substitute(text.value, begin, end, found, stands, prefix) + suffix
        try:
            parsed = parse(sql)
        except ParseError as problem:
            refused = next(
                (s for s in stands.values() if s is not None and s.start <= problem.position < s.end), None
            )
            if refused is not None and refused.form is Form.EXPRESSION and _may_be_literal(refused):
                refused.form, refused.text = Form.LITERAL, " '' "
                continue
            if refused is not None and refused.form is not Form.RAW:
                return _misplaced(text, refused.found)
            if any(
                s is not None and s.form is Form.RAW and s.start <= problem.position for s in stands.values()
            ):
                # The variable may hold any SQL: what comes after it cannot be judged.
                return None, _places(found, stands, frozenset())
            at = _origin(problem.position, begin, end, found, stands, len(prefix))
            message = _reworded(problem.message, found, stands)
            if suffix and at == end:
                message = "syntax error at end of expression"
            return _error(text, message, at, at + _length_near(message, text.value, at))
        break
    aliased: frozenset[int] = frozenset()
    if any(isinstance(item, Reference) and item.is_star and not item.in_literal for item in found):
        aliased, stray = _row_sources(parsed, found)
        if stray is not None:
            return _misplaced(text, stray)
    return parsed, _places(found, stands, aliased)


def _substitute(
    value: str, begin: int, end: int, found: list[Found], stands: dict[int, _Stand | None], prefix: str
) -> str:
    pieces, length, at = [prefix], len(prefix), begin
    for index, item in enumerate(found):
        stand = stands[index]
        if stand is None:
            continue
        before = value[at : item.start]
        stand.start = length + len(before)
        stand.end = stand.start + len(stand.text)
        pieces += [before, stand.text]
        length, at = stand.end, item.end
    pieces.append(value[at:end])
    return "".join(pieces)


def _origin(
    position: int, begin: int, end: int, found: list[Found], stands: dict[int, _Stand | None], prefix: int
) -> int:
    """The character of the author's text for one of what was parsed."""
    shift = begin - prefix
    for index, item in enumerate(found):
        stand = stands[index]
        if stand is None:
            continue
        if position < stand.start:
            break
        if position < stand.end:
            return item.start
        shift = item.end - stand.end
    return min(max(position + shift, begin), end)


def _length_near(message: str, value: str, at: int) -> int:
    """How much of the text the message quotes: `syntax error at or near "form"`."""
    _, _, near = message.partition(' at or near "')
    near = near.removesuffix('"')
    return len(near) if near and value.startswith(near, at) else 1


def _may_be_literal(stand: _Stand) -> bool:
    return not (isinstance(stand.found, Reference) and stand.found.is_star)


def _reworded(message: str, found: list[Found], stands: dict[int, _Stand | None]) -> str:
    for index, item in enumerate(found):
        if stands[index] is not None and isinstance(item, Variable):
            message = message.replace('"pgdurc_variable"', f'"{{{item.name}}}"')
            break
    return message


def _misplaced(text: SourceText, found: Found) -> Diagnostic:
    written = text.value[found.start : found.end]
    span = text.span(found.start, found.end)
    if isinstance(found, Reference) and found.is_star:
        return Diagnostic(
            "PGD209",
            Severity.ERROR,
            f'"{written}" cannot stand here',
            span,
            "it is a row source, for FROM, JOIN or USING: a list of values is "
            f"(SELECT column FROM {written}), the rows as jsonb are ${found.name}.rows",
        )
    rows = f"; as a row source write ${found.name}.*" if isinstance(found, Reference) else ""
    return Diagnostic(
        "PGD209",
        Severity.ERROR,
        f'syntax error at or near "{written}"',
        span,
        f"a reference is a value and cannot stand for a name or for a piece of SQL{rows}",
    )


def _row_sources(
    parsed: tuple[Statement, ...], found: list[Found]
) -> tuple[frozenset[int], Reference | None]:
    """Which row sources have an alias, and the first that is no FROM item."""
    aliased, sources, is_deep = set(), set(), False
    for statement in parsed:
        if statement.node is None:
            is_deep = True
            continue
        for kind, node in descend(statement.node):
            if kind != "RangeSubselect":
                continue
            number = _placeholder_number(node)
            if number is not None:
                sources.add(number - 1)
                if node.HasField("alias"):
                    aliased.add(number - 1)
    for index, item in enumerate(found):
        if isinstance(item, Reference) and item.is_star and index not in sources and not is_deep:
            return frozenset(), item
    return frozenset(aliased), None


def _placeholder_number(range_subselect: object) -> int | None:
    kind, select = unwrap(range_subselect.subquery)  # type: ignore[attr-defined]
    if kind != "select_stmt" or len(select.target_list) != 1:
        return None
    value_kind, value = unwrap(unwrap(select.target_list[0])[1].val)
    return int(value.number) if value_kind == "param_ref" else None


def _places(
    found: list[Found], stands: dict[int, _Stand | None], aliased: frozenset[int]
) -> tuple[Place, ...]:
    places = []
    for index, item in enumerate(found):
        stand = stands[index]
        form = Form.TEXT if stand is None else stand.form
        places.append(Place(item, form, index in aliased))
    return tuple(places)


# What the statement is

_UTILITY_WITH_ROWS = ("explain_stmt", "variable_show_stmt")
_QUERIES = ("select_stmt", "insert_stmt", "update_stmt", "delete_stmt", "merge_stmt")
_BODY_WORDS = ("SELECT", "VALUES", "TABLE", "INSERT", "UPDATE", "DELETE_P", "MERGE")


def _classify(statement: Statement | None, first: Token) -> tuple[Run, tuple[str, ...] | None]:
    if statement is None or statement.kind == "deep":
        is_query = first.kind in ("SELECT", "VALUES", "TABLE", "WITH", "(")
        return (Run.QUERY, None) if is_query else (Run.EXEC, ())
    columns = result_columns(statement)
    if columns == ():
        return Run.EXEC, ()
    if statement.kind in _QUERIES:
        return Run.QUERY, columns
    if statement.kind in _UTILITY_WITH_ROWS:
        return Run.SHOW, columns
    return Run.EXEC, ()


def _body_start(statement: Statement | None, code: list[Token]) -> int | None:
    """Where the statement begins after its WITH clause, if that modifies data."""
    if statement is None or statement.node is None or code[0].kind != "WITH":
        return None
    node = statement.node
    if not node.HasField("with_clause") or not any(
        unwrap(unwrap(cte)[1].ctequery)[0] != "select_stmt" for cte in node.with_clause.ctes
    ):
        return None
    depth = 0
    for before, token in pairwise(code):
        if token.kind == "(":
            if depth == 0 and before.kind == ")":
                return token.start
            depth += 1
        elif token.kind == ")":
            depth -= 1
        elif depth == 0 and token.kind in _BODY_WORDS and before.kind not in ("WITH", "RECURSIVE", ","):
            return token.start
    return None


def _several(text: SourceText, code: list[Token]) -> Diagnostic:
    at = next(i for i, token in enumerate(code) if token.kind == ";" and i > 0)
    second = code[min(at + 1, len(code) - 1)]
    return Diagnostic(
        "PGD303",
        Severity.ERROR,
        "a step is one SQL statement, and this is more than one",
        text.span(second.start, second.end),
        "write a step for each, with ~> between them, or put them into a DO block",
    )


def _error(text: SourceText, message: str, start: int, end: int) -> Diagnostic:
    size = len(text.value)
    start = min(start, size)
    # At the end of the input there is no character to point at but the closing quote.
    span = (
        text.span(start, min(end, size)) if start < size else Span(text.origins[size], text.origins[size] + 1)
    )
    return Diagnostic("PGD301", Severity.ERROR, message, span, _syntax_hint(message))


def _syntax_hint(message: str) -> str | None:
    if message.startswith("unterminated dollar-quoted string"):
        return "$word$ opens a dollar-quoted string: put a space between two references"
    return None
