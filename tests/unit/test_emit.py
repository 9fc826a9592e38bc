"""Single statements as they stand in the step procedure."""

from __future__ import annotations

import pytest

from pgdurc.compile import compile_text


def state(body: str, number: int, parameters: str = "p int") -> str:
    """What the branch of a state holds, without the comment and the indentation in front."""
    compiled = compile_text(f"CREATE WORKFLOW w({parameters}) AS {body};", file="w.pgd")
    assert not compiled.has_errors, compiled.diagnostics
    branch = compiled.sql.partition(f"    WHEN {number} THEN\n")[2]
    lines = branch.split("\n    WHEN ")[0].split("\n    END CASE;")[0].split("\n")
    return "\n".join(line[8:] for line in lines[1:])


@pytest.mark.parametrize(
    ("reference", "emitted"),
    [
        ("$p", "df.param_v1(step, 'p')"),
        ("$one", "df.value_v1(step, 'one')"),
        ("$one?", "df.value_v1(step, 'one', NULL, true)"),
        ("$two.a", "df.value_v1(step, 'two', 'a')"),
        ("$two.a?", "df.value_v1(step, 'two', 'a', true)"),
        ('$two."B c"', "df.value_v1(step, 'two', 'B c')"),
        ("$two", "df.rows_v1(step, 'two')"),
        ("$two.rows", "df.rows_v1(step, 'two')"),
        ("$two.row_count", "df.count_v1(step, 'two')"),
        ("{sys_label}", "df.var_v1(step, 'sys_label')"),
        ("{v}", "df.var_v1(step, 'v', 'raw')"),
        ("'<$one>'", "$sql$'<$sql$ || df.value_v1(step, 'one', NULL, false, 'text') || $sql$>'$sql$"),
        ("'$p {v}'", "df.param_v1(step, 'p', 'text') || $sql$ $sql$ || df.var_v1(step, 'v', 'text')"),
    ],
)
def test_references(reference: str, emitted: str) -> None:
    setup = """'SELECT 1 AS a' |=> one ~> 'SELECT 1 AS a, 2 AS "B c"' |=> two"""
    quoted = reference.replace("'", "''")
    one_line = " ".join(line.strip() for line in state(f"{setup} ~> 'SELECT {quoted}'", 3).split("\n"))
    assert emitted.removeprefix("$sql$") in one_line


@pytest.mark.parametrize(
    ("source", "emitted"),
    [
        ("$x.*", "df.recordset_v1(step, 'x') || $sql$ AS x$sql$"),
        ("$x.* AS y", "df.recordset_v1(step, 'x') || $sql$ AS y$sql$"),
        ("$x.* y(b)", "df.recordset_v1(step, 'x') || $sql$ y(b)$sql$"),
    ],
)
def test_row_sources(source: str, emitted: str) -> None:
    assert emitted in state(f"'SELECT 1 AS a' |=> x ~> 'SELECT 1 FROM {source}'", 2)


def test_utility_statements_take_bare_literals() -> None:
    assert state("'SELECT 1 AS a' |=> x ~> 'NOTIFY c, $x'", 2) == (
        "EXECUTE $sql$NOTIFY c, $sql$ || df.value_v1(step, 'x', NULL, false, 'literal');\n"
        "GET DIAGNOSTICS step.row_count = ROW_COUNT;\n"
        "step.columns := '[]';\n"
        "step.outcome := 'done';"
    )


def test_a_semicolon_and_what_follows_it_are_dropped() -> None:
    assert "$sql$SELECT a FROM t$sql$" in state("'SELECT a FROM t; -- the end'", 1)


def test_columns_and_types_of_an_annotation() -> None:
    assert state("'SELECT * FROM t' |=> x(a int, b text) ~> 'SELECT $x.a'", 1) == (
        "step := df.query_v1(step, $sql$SELECT * FROM t$sql$, ARRAY['a', 'b'], ARRAY['int', 'text']);\n"
        "step.name := 'x';\n"
        "step.state := 2;"
    )


def test_a_with_clause_that_modifies_data_is_hoisted() -> None:
    assert state("'WITH d AS (DELETE FROM t RETURNING id) SELECT id FROM d'", 1) == (
        "step := df.query_v1(step,\n"
        "    $sql$SELECT id FROM d$sql$,\n"
        "    ARRAY['id'],\n"
        "    NULL,\n"
        "    $sql$WITH d AS (DELETE FROM t RETURNING id)$sql$);\n"
        "step.outcome := 'done';"
    )


@pytest.mark.parametrize(
    ("value", "emitted"),
    [
        ("", "df.break_v1(step, NULL)"),
        ("'done'", "df.break_v1(step, $sql$done$sql$)"),
        ("'$p'", "df.load_param_v1(step, 'p')"),
        ("'$x'", "df.load_v1(step, 'x')"),
        ("'$x.a?'", "df.load_v1(step, 'x', 'a', true)"),
        ("'{\"n\": $x}'", "$sql${\"n\": $sql$ || df.value_v1(step, 'x', NULL, false, 'raw') || $sql$}$sql$"),
        ('\'{"n": "$x"}\'', "df.value_v1(step, 'x', NULL, false, 'json')"),
    ],
)
def test_break_values(value: str, emitted: str) -> None:
    body = f"@> ('SELECT 1 AS a' |=> x ~> df.if('SELECT true', df.break({value}), 'SELECT 2'))"
    assert emitted in state(body, 3)


@pytest.mark.parametrize(
    ("argument", "emitted"),
    [
        ("5", "df.sleep_v1(step, 5::double precision)"),
        ("'1 hour'", "df.sleep_v1(step, '1 hour'::interval)"),
        ("$p * 2", "df.sleep_text_v1(step, df.param_v1(step, 'p') || $sql$ * 2$sql$)"),
        (
            "'$p s'",
            "df.sleep_text_v1(step, $sql$'$sql$ || df.param_v1(step, 'p', 'text') || $sql$ s'$sql$)",
        ),
    ],
)
def test_sleeps(argument: str, emitted: str) -> None:
    assert emitted in state(f"df.sleep({argument}) ~> 'SELECT 1'", 1)


def test_the_time_zone_of_a_workflow() -> None:
    compiled = compile_text("CREATE WORKFLOW w() WITH (timezone = 'Europe/Berlin') AS 'SELECT 1';")
    assert compiled.sql.count("SET TimeZone = 'Europe/Berlin'") == 2


def test_a_letter_that_looks_like_white_space_is_kept() -> None:
    assert "$sql$SELECT a AS a\u00a0 FROM t$sql$" in state("' SELECT a AS a\u00a0 FROM t '", 1)


def test_each_of_many_states_stands_on_a_line() -> None:
    """PL/pgSQL counts the lines from the first one on for each branch that takes several: 10,000 took it 7 s."""
    steps = " ~> ".join(["'SELECT 1 AS a' |=> x ~> 'SELECT $x?'"] * 500)
    lines = compile_text(f"CREATE WORKFLOW w() AS {steps};").sql.split("\n")
    branches = [line.lstrip() for line in lines if " THEN /* " in line]
    assert len(branches) == 1_000
    assert all(branch.endswith(";") for branch in branches)
    assert branches[0] == (
        "WHEN 1 THEN /* <stdin>:1 |=> x */"
        " step := df.query_v1(step, $sql$SELECT 1 AS a$sql$, ARRAY['a']); step.name := 'x'; step.state := 2;"
    )
