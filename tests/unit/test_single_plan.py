"""Constant statements stand in the procedure as they are where that can make no difference, and only there."""

from __future__ import annotations

import pytest

from pgdurc.compile import compile_text
from pgdurc.single_plan import has_single_plan


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "select refresh(), 'a', now()",
        "SELECT (SELECT f(1)) WHERE 1 = 1",
        "INSERT INTO t VALUES (1, DEFAULT)",
        "INSERT INTO s.t (a) SELECT f(1) ON CONFLICT (a) DO UPDATE SET a = excluded.a",
        "INSERT INTO t DEFAULT VALUES",
        "SELECT pg_notify('c', 'x')",
        "SELECT '1'::int, NULL::JSONB, f(1)::text",
        "SELECT f(1,\n    'a')",
    ],
)
def test_planned_once(sql):
    assert has_single_plan(sql)


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("SELECT * FROM t", "it reads a table"),
        ("SELECT (SELECT max(a) FROM t)", "it reads one inside"),
        ("SELECT 1 IN (TABLE t)", "by its short name"),
        ("INSERT INTO t SELECT * FROM s", "it reads what it inserts"),
        ("UPDATE t SET a = 1", "it looks for rows"),
        ("DELETE FROM t", "it looks for rows"),
        ("TRUNCATE t", "neither a SELECT nor an INSERT"),
        ("WITH w AS (SELECT 1) SELECT 1", "no PERFORM of a WITH"),
        ("VALUES (1)", "no PERFORM of VALUES"),
        ("(SELECT 1)", "no PERFORM of parentheses"),
        ("INSERT INTO t VALUES (1) RETURNING a", "PL/pgSQL wants an INTO"),
        ("SELECT 1 INTO t", "an INTO of PL/pgSQL's would be meant"),
        ("INSERT INTO t VALUES ('now')", "another time each time"),
        ("INSERT INTO t VALUES (' Tomorrow 10:00')", "another day"),
        ("SELECT f('g'::regproc)", "the number of a function that may be made anew"),
        ("SELECT 'a'::mood", "the number of a type that may be made anew"),
        ("SELECT NULL :: app.mood", "the same with a schema"),
        ("SELECT ARRAY['a']::mood[]", "the same in an array"),
        ("SELECT cast('a' AS mood)", "the same in words"),
        ("SELECT mood 'a'", "the same as a literal of that type"),
        ("SELECT f(step)", "a variable of the procedure"),
        ('SELECT f("step")', "the same in quotes"),
        ("SELECT f(Found)", "a variable of PL/pgSQL's"),
        ('SELECT f(U&"st\\0065p")', "the same in disguise"),
        ("SELECT f(U&\"st!0065p\" UESCAPE '!')", "and in another one"),
        (r"SELECT 'a\'", "a backslash is as standard_conforming_strings says"),
        ("SELECT 'a\nb'", "a line feed in a value"),
        ("SELECT 1 -- one", "a comment"),
        ("SELECT 1;", "its own semicolon"),
    ],
)
def test_planned_each_time(sql, why):
    assert not has_single_plan(sql), why


def body(statement: str, steps: int = 2, name: str = "") -> str:
    quoted = "'{}'".format(statement.replace("'", "''")) + (f" |=> {name}" if name else "")
    steps_of = [quoted.replace("{n}", str(n)) for n in range(1, steps)]
    chain = " ~> ".join([*steps_of, "'SELECT $x.rows'" if name else "'SELECT 2'"])
    compiled = compile_text(f"CREATE WORKFLOW w() AS {chain};")
    assert not compiled.has_errors, compiled.diagnostics
    return compiled.sql.partition("AS $step$")[2].partition("$step$")[0]


def test_written():
    assert "        PERFORM f('a');\n        GET DIAGNOSTICS" in body("Select f('a')")
    assert "        INSERT INTO t VALUES (1);\n        GET DIAGNOSTICS" in body("INSERT INTO t VALUES (1)")
    assert "EXECUTE $sql$DELETE FROM t$sql$;" in body("DELETE FROM t")


def test_rows_that_are_kept():
    kept = "step := df.keep_v1(step, ARRAY['n', 'Two'], ARRAY( WITH pgdurc_rows (n, \"Two\") AS MATERIALIZED (SELECT 1 n, f() \"Two\")"
    assert kept in " ".join(body('SELECT 1 n, f() "Two"', steps=2, name="x").split())
    # Read from a table, of columns that only the server knows, or with one name twice.
    for query in ("SELECT n FROM t", "SELECT (f()).*", "SELECT 1 n, 2 n"):
        assert "keep_v1" not in body(query, steps=2, name="x").partition("step.name")[0]
    # With types of its own.
    assert "keep_v1" not in body("SELECT 1", steps=2, name="x(n int)").partition("step.name")[0]


def test_its_quotes_do_not_end_the_procedure():
    script = "CREATE WORKFLOW w() AS 'SELECT $step$a$step$' ~> 'SELECT 2';"
    assert "AS $step1$" in compile_text(script).sql


def test_no_plans_of_thousands():
    """A long workflow is written densely, and its statements are put to EXECUTE, but for neighbours that are the same."""
    assert body("SELECT {n}", steps=1_000).count("$sql$SELECT ") == 1_000
    assert "PERFORM" not in body("SELECT {n}", steps=1_000)
    assert body("SELECT {n}", steps=999).count("PERFORM ") == 998
    assert body("SELECT {n} AS n", steps=1_000, name="x").count("$sql$SELECT ") == 1_000
    assert "df.keep_v1(" not in body("SELECT {n} AS n", steps=1_000, name="x")
    assert body("SELECT {n} AS n", steps=999, name="x").count("df.keep_v1(") == 998
    # By the hundred, and by ten where another is among these.
    assert body("SELECT 1", steps=1_000).count("PERFORM 1;") == 9 + 9
    assert body("SELECT 1 AS n", steps=1_000, name="x").count("df.keep_v1(") == 9 + 9
