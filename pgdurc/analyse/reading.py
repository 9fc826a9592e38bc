"""One SQL text as PostgreSQL reads it: references found, syntax checked, the statement classified."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from pgdurc.analyse.code_strings import code_strings
from pgdurc.analyse.neighbours import beside
from pgdurc.analyse.placeholders import Place, parse_with_placeholders, scan_error
from pgdurc.analyse.raw_variables import has_open_variable
from pgdurc.analyse.syntax_hints import A_VALUE, syntax_hint
from pgdurc.diagnostic import Diagnostic, Severity, Span
from pgdurc.graph import Form, Run
from pgdurc.hidden import is_hidden
from pgdurc.pgsql import WHITE_SPACE, ScanError, Statement, Token, result_columns, scan, unwrap
from pgdurc.references import Found, Reference, find_in_sql, find_untouched
from pgdurc.tree import SourceText


@dataclass(frozen=True, slots=True)
class ReadText:
    """Text `[start, end)` of a literal, and the places in it where something is to be put in, in order.

    `is_sql`: it is a statement or an expression, and not text with references. `unchecked`: why nothing has
    looked at its syntax. `untouched`: what looks like references where nothing is put in.
    """

    text: SourceText
    start: int
    end: int
    places: tuple[Place, ...]
    is_sql: bool
    unchecked: Diagnostic | None
    untouched: tuple[Found, ...] = ()


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
        return self.run is Run.ANY or (
            self.run is Run.QUERY and (self.parsed is None or self.parsed.kind in ("select_stmt", "deep"))
        )


def read_statement(text: SourceText, span: Span) -> ReadStatement | Diagnostic:
    """Read the one statement of a leaf at `span`; its first problem otherwise."""
    try:
        tokens = scan(text.value)
    except ScanError as problem:
        return scan_error(text, problem)
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
    bodies = code_strings(code)
    # A variable is the starter's, who may be anybody: there is none in code. What a call puts together is the
    # owner's.
    written = find_in_sql(text.value, inside)
    found = [
        item
        for item in written
        if isinstance(item, Reference) or is_hidden(item.name) or not _is_inside(item, bodies)
    ]
    untouched = (*(item for item in written if item not in found), *find_untouched(text.value, inside))
    if len(found) == 1 and is_hidden(found[0].name) and (found[0].start, found[0].end) == (begin, end):
        # An expression gives all of it.
        whole = ReadText(text, begin, end, (Place(found[0], Form.RAW),), True, None)
        return ReadStatement(whole, begin, None, Run.ANY, None)
    parsed = parse_with_placeholders(_joinable(text, tokens), begin, end, found, first=code[0].start)
    if isinstance(parsed, Diagnostic):
        hint = syntax_hint(text, begin, end, code, found)
        is_plain = parsed.code == "PGD301" and parsed.hint is None
        return replace(parsed, hint=hint) if hint is not None and (is_plain or hint == A_VALUE) else parsed
    if parsed.statements is not None and len(parsed.statements) > 1:
        return _several(text, code)
    statement = parsed.statements[0] if parsed.statements else None
    run, columns = _classify(statement, code[0])
    if columns and has_open_variable(columns, code, parsed.places):
        columns = None
    body = _body_start(statement, code) if run is Run.QUERY else None
    places = tuple(replace(p, in_code=_is_inside(p.found, bodies)) for p in _beside(parsed.places, code))
    read = ReadText(text, begin, end, places, True, parsed.unchecked, untouched)
    return ReadStatement(read, begin if body is None else body, statement, run, columns)


def _is_inside(found: Found, strings: tuple[tuple[int, int], ...]) -> bool:
    return any(start < found.start < end for start, end in strings)


def _joinable(text: SourceText, tokens: tuple[Token, ...]) -> SourceText:
    """With blanks for the comments between two strings.

    PostgreSQL joins 'a' -- comment, line end, 'b' to one string; libpg_query, which keeps comments, does not.
    """
    kinds = ("SCONST", "SQL_COMMENT")
    pieces, at = [], 0
    for before, token, after in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if token.kind == "SQL_COMMENT" and before.kind in kinds and after.kind in kinds:
            pieces += [text.value[at : token.start], " " * (token.end - token.start)]
            at = token.end
    return SourceText("".join([*pieces, text.value[at:]]), text.origins) if pieces else text


def read_expression(text: SourceText, span: Span) -> ReadText | Diagnostic:
    """Read a SQL expression, as the argument of a node."""
    try:
        tokens = scan(text.value)
    except ScanError as problem:
        return scan_error(text, problem)
    if all(token.is_comment for token in tokens):
        return Diagnostic("PGD302", Severity.ERROR, "empty expression", span)
    found = find_in_sql(text.value, tokens)
    parsed = parse_with_placeholders(
        text, 0, len(text.value), found, first=0, prefix="SELECT (", suffix="\n)"
    )
    if isinstance(parsed, Diagnostic):
        return parsed
    if parsed.statements is not None and len(parsed.statements) > 1:
        return Diagnostic("PGD303", Severity.ERROR, "the argument is one SQL expression", span)
    code = [token for token in tokens if not token.is_comment]
    places = tuple(_beside(parsed.places, code))
    return ReadText(text, 0, len(text.value), places, True, parsed.unchecked)


def _beside(places: Iterable[Place], code: list[Token]) -> Iterator[Place]:
    """The places of a text with what stands beside each in it."""
    starts = [token.start for token in code]
    return (replace(place, beside=beside(place.found, starts, code)) for place in places)


# What the statement is

_UTILITY_WITH_ROWS = ("explain_stmt", "variable_show_stmt")
_QUERIES = ("select_stmt", "insert_stmt", "update_stmt", "delete_stmt", "merge_stmt")
_BODY_WORDS = ("SELECT", "VALUES", "TABLE", "INSERT", "UPDATE", "DELETE_P", "MERGE")


def _classify(statement: Statement | None, first: Token) -> tuple[Run, tuple[str, ...] | None]:
    if statement is None or statement.kind == "deep":
        is_query = first.kind in ("SELECT", "VALUES", "TABLE", "WITH", "(")
        return (Run.QUERY, None) if is_query else (Run.EXEC, ())
    columns = result_columns(statement)
    if statement.kind == "call_stmt":  # a row, if the procedure has parameters that are OUT
        return Run.ANY, None
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
