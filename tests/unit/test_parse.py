"""Declarations to trees: fixtures in tests/fixtures/parse, headers, limits, and any text at all."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pgdurc import nodes, tree
from pgdurc.call_form import parse_call
from pgdurc.call_sites import find
from pgdurc.diagnostic import Diagnostic, Severity, Span
from pgdurc.parse import parse_declaration
from pgdurc.script import split

FIXTURES = Path(__file__).parents[1] / "fixtures" / "parse"
HEAD = "CREATE WORKFLOW w() AS "


def cases(name: str) -> list[tuple[str, list[str]]]:
    """Pairs of an input and its `->` lines; cases are parted by empty lines."""
    found = []
    for block in (FIXTURES / name).read_text().split("\n\n"):
        lines = [line for line in block.strip("\n").split("\n") if not line.startswith("#")]
        written = "\n".join(line for line in lines if not line.startswith("->"))
        if written:
            found.append((written, [line[3:] for line in lines if line.startswith("->")]))
    return found


def parse(text: str) -> tuple[tree.Declaration | tree.Drop | None, tuple[Diagnostic, ...]]:
    (statement,) = split(text).declarations
    return parse_declaration(text, statement)


def parse_body(expression: str) -> tree.Tree:
    found, problems = parse(f"{HEAD}{expression}\n;")
    assert [problem for problem in problems if problem.severity is Severity.ERROR] == []
    assert isinstance(found, tree.Declaration)
    return found.body


def show(node: tree.Tree) -> str:
    match node:
        case tree.Sql(text):
            return text.value.replace("\n", "\\n")
        case tree.Sequence(parts):
            return f"[{' '.join(map(show, parts))}]"
        case tree.Named(body, name):
            columns = [f"{c.name}={c.type}" for c in name.columns or ()]
            return f"{show(body)}:{name.text}" + (f"({' '.join(columns)})" if columns else "")
        case tree.If(condition, then, otherwise):
            return f"if({show(condition)} {show(then)} {show(otherwise)})"
        case tree.Join(branches):
            return f"join({' '.join(map(show, branches))})"
        case tree.Race(branches):
            return f"race({' '.join(map(show, branches))})"
        case tree.IfRows(name, then, otherwise):
            return f"if_rows({name.text} {show(then)} {show(otherwise)})"
        case tree.Loop(body, condition):
            return f"loop({show(body)}{'' if condition is None else ' ' + show(condition)})"
        case tree.Break(value):
            return "break" if value is None else f"break<{value.value}>"
        case tree.Schedule(cron, timezone):
            return f"schedule<{cron.value}>" + ("" if timezone is None else f"<{timezone.value}>")
        case tree.Signal(name, timeout):
            if timeout is None:
                return f"signal<{name.value}>"
            text = timeout.argument.value
            return f"signal<{name.value}>" + (f"'{text}'" if timeout.is_interval_text else f"<{text}>")
        case tree.Sleep(argument, is_interval_text):
            return f"sleep'{argument.value}'" if is_interval_text else f"sleep<{argument.value}>"


@pytest.mark.parametrize(("expression", "expected"), cases("trees.txt"))
def test_tree(expression: str, expected: list[str]) -> None:
    assert [show(parse_body(expression))] == expected


@pytest.mark.parametrize(("expression", "expected"), cases("errors.txt"))
def test_error(expression: str, expected: list[str]) -> None:
    text = f"{HEAD}{expression};"
    _, problems = parse(text)
    wanted = [line.split("  |  ") for line in expected]
    assert [[p.code, text[p.span.start : p.span.end]] for p in problems] == [w[:2] for w in wanted]
    for problem, (_, _, message) in zip(problems, wanted, strict=True):
        assert message in problem.message


@pytest.mark.parametrize(
    ("header", "code", "pointed_at"),
    [
        ("select()", "PGD103", "select"),
        ("table.a()", "PGD103", "table"),
        ("a.b.c()", "PGD102", "a.b.c"),
        ("x" * 51 + "()", "PGD104", "x" * 51),
        ("é" * 26 + "()", "PGD104", "é" * 26),
        ("w(a int b)", "PGD102", "b"),
        ("w(a int DEFAULT )", "PGD102", "DEFAULT"),
        ("w(a int, b int DEFAULT 2 * $1)", "PGD102", "$1"),
        ("w(int)", "PGD106", "int"),
        ("w(OUT a int)", "PGD106", "OUT a int"),
        ("w(a int, A text)", "PGD106", "A text"),
        ("w(a int = 1, b int)", "PGD106", "b int"),
        ("w(a SETOF int)", "PGD106", "a SETOF int"),
        ("w(a t.b%TYPE)", "PGD106", "a t.b%TYPE"),
        ("w(a int, b pg_catalog.anyarray)", "PGD106", "b pg_catalog.anyarray"),
        ("w(a record)", "PGD106", "a record"),
        (f"w({', '.join(f'p{number} int' for number in range(101))})", "PGD106", "p100"),
        ("w() WITH (a = 1, a = 2)", "PGD105", "a"),
        ("w() WITH (a = 1 + 2)", "PGD105", "1 + 2"),
        ("w() WITH (a)", "PGD101", ")"),
        ("w() WITH ()", "PGD101", ")"),
        ("w", "PGD101", "AS"),
        ("", "PGD101", "'SELECT 1'"),
        ("w() LANGUAGE sql", "PGD101", "LANGUAGE"),
    ],
)
def test_header_error(header: str, code: str, pointed_at: str) -> None:
    text = f"CREATE WORKFLOW {header} AS 'SELECT 1';"
    _, problems = parse(text)
    assert [(p.code, text[p.span.start : p.span.end]) for p in problems] == [(code, pointed_at)]


def test_header() -> None:
    text = """-- Not this.

-- Embeds.
/* Twice. */
create OR replace workflow App."Odd ""name"(
    batch_size int DEFAULT 500, -- rows
    price numeric(10, 2) = greatest(1, 2),
    "Tag" text[]DEFAULT '{}')
WITH (max_attempts = 5, backoff = '1 second', trace = full, "Odd" = -1.5)
AS 'SELECT 1' ~> 'SELECT 2' ;
"""
    found, problems = parse(text)
    assert problems == ()
    assert isinstance(found, tree.Declaration)
    assert found.name.parts == ("app", 'Odd "name')
    assert [(p.name, p.type, p.default) for p in found.parameters] == [
        ("batch_size", "int", "500"),
        ("price", "numeric(10, 2)", "greatest(1, 2)"),
        ("Tag", "text[]", "'{}'"),
    ]
    assert [(o.name, o.value) for o in found.options] == [
        ("max_attempts", "5"),
        ("backoff", "1 second"),
        ("trace", "full"),
        ("Odd", "-1.5"),
    ]
    assert found.comment == "-- Embeds.\n/* Twice. */"
    assert found.body_text == "'SELECT 1' ~> 'SELECT 2'"
    assert found.parameters_text.startswith("batch_size int DEFAULT 500, -- rows")
    assert text[found.span.start : found.span.end].endswith("'SELECT 2' ;")


def test_drop() -> None:
    for text, parts, if_exists in [
        ("DROP WORKFLOW w;", ("w",), False),
        ('drop workflow IF exists app."W" ;', ("app", "W"), True),
        ("DROP WORKFLOW if;", ("if",), False),
    ]:
        found, problems = parse(text)
        assert problems == ()
        assert isinstance(found, tree.Drop)
        assert (found.name.parts, found.if_exists) == (parts, if_exists)


@pytest.mark.parametrize("tail", ["CASCADE", "()", ", b", ""])
def test_drop_error(tail: str) -> None:
    text = f"DROP WORKFLOW {'w ' if tail else ''}{tail};"
    assert [p.code for p in parse(text)[1]] == ["PGD101"]


def test_origins_point_at_what_was_written() -> None:
    text = f"""{HEAD}'it''s' ~> E'a\\'b\\u00e9\\x41c' ~> $x$d$x$ ~> E'\\n'
  '\\t';"""
    body = parse_body(text.removeprefix(HEAD).removesuffix(";"))
    assert isinstance(body, tree.Sequence)
    values = []
    for part in body.parts:
        assert isinstance(part, tree.Sql)
        source = part.text
        values.append(source.value)
        assert len(source.origins) == len(source.value) + 1
        assert list(source.origins) == sorted(source.origins)
        written = [text[a:b] for a, b in zip(source.origins, source.origins[1:], strict=False)]
        for character, place in zip(source.value, written, strict=True):
            assert place.startswith((character, "\\", "''"))
    assert values == ["it's", "a'béAc", "d", "\n\t"]


@pytest.mark.parametrize(
    ("expression", "code"),
    [
        ("(" * 256 + "'a'" + ")" * 256, None),
        ("(" * 257 + "'a'" + ")" * 257, "PGD130"),
        ("df.loop(" * 256 + "'a'" + ")" * 256, None),
        ("df.if('c', 'd', " * 256 + "'a'" + ")" * 256, None),
        ("@> " * 255 + "'a'", None),
        ("@> " * 257 + "'a'", "PGD130"),
        ("@> " * 200 + "(" + "@> " * 200 + "('a'))", "PGD130"),
        (" ~> ".join(["'a'"] * 10_000), None),
        (" ~> ".join(["'a'"] * 10_001), "PGD131"),
        (" ~> ".join(["df.sql('a')"] * 10_001), "PGD131"),
        ("'c' ?> 'a' !> 'b' " * 1, None),
        ("'c'" + " ?> 'a' !> 'b'" * 3_000, "PGD110"),
        (" & ".join(["'a'"] * 9_999), None),
        (" ~> ".join(["'a'"] * 9_000) + " ?> 't' !> 'e' ~> 'z'", "PGD110"),
    ],
)
def test_limits(expression: str, code: str | None) -> None:
    expected = [] if code is None else [code]
    _, problems = parse(f"{HEAD}{expression};")
    assert [p.code for p in problems] == expected
    (call,) = find(text := f"SELECT df.start({expression});", Span(0, len(text))).sites
    _, problems = parse_call(call)
    assert [p.code for p in problems] == expected


def test_cost_is_linear() -> None:
    """Ten times the nodes take about ten times as long; the factor 30 leaves room for a busy machine."""

    def seconds(count: int) -> float:
        text = HEAD + " ~> ".join(["'SELECT a, b FROM c WHERE d = 1' |=> x"] * count) + ";"
        start = time.process_time()
        assert parse(text)[1] == ()
        return time.process_time() - start

    seconds(10)
    assert seconds(10_000) < 30 * max(seconds(1_000), 0.05)


def test_long_difference_is_shown_short() -> None:
    expression = " ~> ".join(f"'a{i}'" for i in range(500)) + " ?> 't' !> 'e' ~> 'z'"
    (problem,) = parse(f"{HEAD}{expression};")[1]
    assert len(problem.message) < 300
    assert "..." in problem.message


PIECES = st.sampled_from(
    [
        "'a'",
        "$$b$$",
        "x",
        "1",
        "(",
        ")",
        "[",
        "]",
        ",",
        ".",
        "df.",
        "df.if(",
        "df.loop(",
        "df.sleep(",
        "df.sql(",
        "df",
        "~>",
        "|=>",
        "?>",
        "!>",
        "&",
        "|",
        "@>",
        "<->",
        "~>@>",
        "||",
        "=",
        "AND",
        "=>",
        "body =>",
        "::text",
        "$x",
        "E'\\'",
        "''",
        '"n"',
        "-- c\n",
        "/* c */",
        "AS",
        "WITH",
        "NULL",
        "é",
        "'",
        "\\",
        "\n",
        "U&'x'",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=14), st.booleans())
def test_any_text_is_parsed_or_diagnosed(pieces: list[str], in_header: bool) -> None:
    middle = " ".join(pieces)
    text = f"CREATE WORKFLOW w({middle}) AS 'a';" if in_header else f"{HEAD}{middle};"
    script = split(text)
    problems = list(script.diagnostics)
    for statement in script.declarations:
        found, more = parse_declaration(text, statement)
        problems += more
        assert found is not None or problems
    for problem in problems:
        assert 0 <= problem.span.start <= problem.span.end <= len(text)


def test_the_functions_of_the_runtime_are_known() -> None:
    """What a step can select is not said not to exist."""
    files = (Path(__file__).parents[2] / "runtime_sql").glob("*.sql")
    create = re.compile(r"^CREATE OR REPLACE (?:FUNCTION|PROCEDURE) df\.(\w+)", re.MULTILINE)
    there = {name for file in files for name in create.findall(file.read_text(encoding="utf-8"))}
    internal = {name for name in there if re.search(r"_v\d+$", name)} | {"act_on_request"}
    known = nodes.FUNCTIONS | set(nodes.NODES) | set(nodes.NODES_TO_COME) | set(nodes.BEHIND_OPERATORS)
    assert there - internal - known == set()
