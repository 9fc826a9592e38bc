from __future__ import annotations

import time

import pytest

from pgdurc.pgsql import (
    ParseError,
    ScanError,
    parse,
    quote_identifier,
    quote_literal,
    result_columns,
    scan,
    unquote_identifier,
)


def test_tokens_are_placed_by_characters() -> None:
    text = "SELECT 'é', $né.x?-1 -- ü\n, {v}"
    tokens = scan(text)
    assert all(text[token.start : token.end] == token.text for token in tokens)
    assert [token.kind for token in tokens] == [
        "SELECT",
        "SCONST",
        ",",
        "$",
        "IDENT",
        ".",
        "IDENT",
        "Op",
        "ICONST",
        "SQL_COMMENT",
        ",",
        "{",
        "IDENT",
        "}",
    ]


@pytest.mark.parametrize(
    ("text", "position"), [("é 'abc", 2), ("$a$ x", 0), ("/* a", 0), ("12abc", 0), ("a\0b", 1)]
)
def test_text_without_tokens(text: str, position: int) -> None:
    with pytest.raises(ScanError) as caught:
        scan(text)
    assert caught.value.position == position


def test_scanning_is_linear() -> None:
    def seconds(size: int) -> float:
        text = "SELECT 'é' , " * size
        begin = time.process_time()
        scan(text)
        return time.process_time() - begin

    seconds(100)
    assert seconds(40_000) < 60 * max(seconds(4_000), 0.001)


@pytest.mark.parametrize(
    ("text", "position"),
    [("SELECT é FORM t x", 14), ("SELECT 1 +", 10), ("SELECT (", 8), ("SELECT 1 FORM\0", 13)],
)
def test_errors_are_placed_by_characters(text: str, position: int) -> None:
    with pytest.raises(ParseError) as caught:
        parse(text)
    assert caught.value.position == position


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1" + " + 1" * 200,
        "SELECT 1" + " + 1" * 100_000,
        "SELECT " + "(SELECT " * 500 + "1" + ")" * 500,
        "SELECT 1" + " UNION SELECT 1" * 50_000,
        "SELECT 1" + " IN (1)" * 50_000,
        "SELECT 1" + " ISNULL NOTNULL" * 30_000,
    ],
    ids=["deep", "very deep", "nested", "union", "in", "null tests"],
)
def test_deep_trees_are_no_error(text: str) -> None:
    assert len(parse(text)) == 1


def test_a_very_deep_tree_is_still_checked() -> None:
    with pytest.raises(ParseError, match='at or near "form"'):
        parse("SELECT 1" + " + 1" * 100_000 + " form form form")


@pytest.mark.parametrize(
    ("sql", "columns"),
    [
        ("SELECT 1, 'x', a + 1, NOT a, a IS NULL, $1", ("?column?",) * 6),
        ('SELECT a, b.c, (d).e, (f(1)).g, h[1], i COLLATE "C"', ("a", "c", "e", "g", "h", "i")),
        ("SELECT count(*), s.f(1), a::int, 1::int, '1'::s.t", ("count", "f", "a", "int4", "t")),
        ("SELECT 1::int::text, (a + 1)::numeric(10, 2)", ("text", "numeric")),
        ("SELECT CASE WHEN a THEN b END, CASE WHEN a THEN b ELSE c END", ("case", "c")),
        (
            "SELECT coalesce(a), greatest(1), least(1), nullif(1, 2)",
            ("coalesce", "greatest", "least", "nullif"),
        ),
        ("SELECT EXISTS (SELECT 1), ARRAY[1], ARRAY(SELECT 1)", ("exists", "array", "array")),
        (
            "SELECT (SELECT a FROM t), (SELECT 1), (SELECT 1 AS b), (VALUES (1))",
            ("a", "?column?", "b", "column1"),
        ),
        (
            "SELECT (SELECT 1)::int, (SELECT (SELECT CASE WHEN a THEN 1 END))::text, (SELECT (SELECT 1::int))",
            ("?column?", "case", "int4"),
        ),
        ("SELECT " + "(SELECT " * 2000 + "a" + ")" * 2000, ("a",)),
        ("SELECT 1 IN (SELECT 1), row(1), grouping(a)", ("?column?", "row", "grouping")),
        ("SELECT current_date, localtime(3), current_user", ("current_date", "localtime", "current_user")),
        ("SELECT interval '1 day', extract(day FROM a), trim(a)", ("interval", "extract", "btrim")),
        ("SELECT xmlconcat(a), json_value(a, '$')", ("xmlconcat", "json_value")),
        ("SELECT a AS b UNION SELECT c", ("b",)),
        ("(SELECT a UNION SELECT b) EXCEPT SELECT c", ("a",)),
        ("VALUES (1, 2)", ("column1", "column2")),
        ("SELECT *", None),
        ("SELECT a.*, b FROM a", None),
        ("SELECT (f()).*", None),
        ("TABLE t", None),
        ("INSERT INTO t VALUES (1) RETURNING id, a + 1", ("id", "?column?")),
        ("DELETE FROM t RETURNING *", None),
        ("UPDATE t SET a = 1", ()),
        ("SELECT 1 INTO t", ()),
        ("CREATE TABLE t AS SELECT 1", ()),
        ("SHOW datestyle", ("DateStyle",)),
        ("EXPLAIN SELECT 1", ("QUERY PLAN",)),
        ("WITH q AS (SELECT 1) SELECT 2 AS z", ("z",)),
    ],
)
def test_columns_are_named_as_postgresql_does(sql: str, columns: tuple[str, ...] | None) -> None:
    (statement,) = parse(sql)
    assert result_columns(statement) == columns


@pytest.mark.parametrize(
    ("name", "quoted"),
    [
        ("a_1", "a_1"),
        ("select", '"select"'),
        ("coalesce", '"coalesce"'),
        ("name", "name"),
        ("A", '"A"'),
        ('a"b', '"a""b"'),
    ],
)
def test_quoting_identifiers(name: str, quoted: str) -> None:
    assert quote_identifier(name) == quoted
    assert unquote_identifier(quoted) == name


def test_quoting_literals() -> None:
    assert quote_literal("it's") == "'it''s'"
    assert quote_literal("a\\b'") == "E'a\\\\b'''"
