"""The compiler as a whole: golden folders, and what holds for any text."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pgdurc import RUNTIME_EPOCH, pgsql
from pgdurc.compile import compile_source, compile_text
from pgdurc.diagnostic import Severity, Span
from pgdurc.render import as_text
from pgdurc.source import from_text
from pgdurc.statement_kind import Kind

GOLDEN = Path(__file__).parent.parent / "golden"
FOLDERS = sorted(GOLDEN.glob("*/workflow.pgd"))


def without_psql(sql: str) -> str:
    """Without meta-commands and variables."""
    sql = re.sub(r"^\\.*$", "", sql, flags=re.MULTILINE).replace("\\;", ";")
    return re.sub(r":('\w+')", r"\1", re.sub(r"\\g\w*.*$", ";", sql, flags=re.MULTILINE))


def check_generated(sql: str) -> None:
    """PostgreSQL's parsers read it: the script, each procedure's body, each starter's."""
    statements = pgsql.parse(without_psql(sql))
    assert statements
    for match in re.finditer(r"CREATE OR REPLACE PROCEDURE .*?AS (\$step\d*\$).*?\1;", sql, re.DOTALL):
        # libpg_query knows no types but PostgreSQL's own
        pgsql.parse_plpgsql(match.group().replace("(INOUT step df.step_v1)", "(INOUT step record)"))
    for match in re.finditer(r"^DO (\$pgdurc\d*\$)\n(.*?)\1(?: \\)?;", sql, re.DOTALL | re.MULTILINE):
        pgsql.parse_plpgsql(
            f"CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS {match[1]}{match[2]}{match[1]}"
        )
    for match in re.finditer(r"AS (\$starter\d*\$)(.*?)\1;", sql, re.DOTALL):
        assert len(pgsql.parse(match[2])) == 1


@pytest.mark.parametrize("case", FOLDERS, ids=lambda case: case.parent.name)
def test_golden(case: Path) -> None:
    source = from_text(case.read_text(encoding="utf-8"), case.name)
    compiled = compile_source(source)
    said = "".join(as_text(source, diagnostic) + "\n" for diagnostic in compiled.diagnostics)
    golden, warnings = case.parent / "expected.sql", case.parent / "expected.stderr"
    if os.environ.get("PGDURC_UPDATE_GOLDENS"):
        golden.write_text(compiled.sql, encoding="utf-8")
        if said:
            warnings.write_text(said, encoding="utf-8")
    assert compiled.sql == golden.read_text(encoding="utf-8")
    assert said == (warnings.read_text(encoding="utf-8") if warnings.exists() else "")
    check_generated(compiled.sql)


def test_a_workflow_is_one_statement():
    """Between two, instances in flight would find their procedure replaced and without its search_path."""
    compiled = compile_text("CREATE WORKFLOW a(n int) AS 'SELECT $n';\nCREATE WORKFLOW b() AS 'SELECT 1';")
    # The first one checks the runtime.
    assert [statement.kind for statement in pgsql.parse(compiled.sql)] == ["do_stmt"] * 3


@pytest.mark.parametrize("case", FOLDERS, ids=lambda case: case.parent.name)
def test_compiling_again_is_identical_and_versions_ignore_the_place(case: Path) -> None:
    text = case.read_text(encoding="utf-8")
    first, again = compile_text(text, file="a.pgd"), compile_text(text, file="a.pgd")
    assert first.sql == again.sql
    moved = compile_text("\n\n-- moved\n" + text, file="elsewhere/b.pgd")
    assert [w.version for w in moved.workflows] == [w.version for w in first.workflows]


def test_what_is_not_ours_passes_through_byte_for_byte() -> None:
    text = "\\set x 1\r\nSELECT $$a;b$$;\r\n/* c /* d */ */\r\n\r\n"
    compiled = compile_text(text + "CREATE WORKFLOW w() AS 'SELECT 1';\r\n-- end")
    assert compiled.sql.startswith(text)
    assert compiled.sql.endswith(";\r\n-- end")
    passed = [statement.sql for statement in compiled.statements if statement.is_passed_through]
    assert "".join(passed) == text + "\r\n-- end"


def test_line_ends_are_those_of_the_script() -> None:
    """A line feed in a step's own text may be a part of a value."""
    text = "CREATE WORKFLOW w() AS\n    'SELECT 1'\n ~> E'SELECT \\'a\\nb\\'' ~> 'SELECT 3';\n\nSELECT df.start('SELECT 2');\n"
    unix, windows = compile_text(text), compile_text(text.replace("\n", "\r\n"))
    assert not windows.has_errors
    assert "\r" not in unix.sql
    assert re.findall(r"(?<!\r)\n.{3}", windows.sql) == ["\nb'$"]
    assert windows.sql.replace("\r\n", "\n") == unix.sql
    assert [w.version for w in windows.workflows] == [w.version for w in unix.workflows]
    mixed = compile_text(text.replace("\n", "\r\n", 1))
    assert mixed.sql.count("\r\n") <= 1


def test_the_runtime_is_looked_for_in_each_database() -> None:
    one = "SELECT df.start('SELECT 1');\n"
    assert compile_text(one + one).sql.count("df.require_runtime(") == 1
    for command in ("\\c other", "\\connect - bob"):
        assert compile_text(f"{one}{command}\n{one}").sql.count("df.require_runtime(") == 2


def test_without_a_workflow_the_text_is_passed_through_with_a_warning() -> None:
    compiled = compile_text("SELECT 1;\n")
    assert compiled.sql == "SELECT 1;\n"
    assert [d.severity for d in compiled.diagnostics] == [Severity.WARNING]


def test_statements_are_the_output() -> None:
    compiled = compile_text("SELECT 1;\n\n-- Why.\nCREATE WORKFLOW w() AS 'SELECT 1';\nDROP WORKFLOW v;\n")
    assert "".join(statement.sql for statement in compiled.statements) == compiled.sql
    kinds = [(s.kind, s.is_passed_through) for s in compiled.statements]
    assert kinds == [
        (Kind.SQL, True),
        (Kind.BLANK, True),
        (Kind.SQL, False),
        (Kind.BLANK, True),
        (Kind.SQL, False),
        (Kind.BLANK, True),
        (Kind.SQL, False),
        (Kind.BLANK, True),
    ]
    assert compiled.sql.count(f"df.require_runtime({RUNTIME_EPOCH})") == 1
    assert "$pgdurc$;\n\n-- Why.\n-- Workflow w, version" in compiled.sql


def test_workflows_are_described() -> None:
    compiled = compile_text("CREATE WORKFLOW \"App\".w(a int, b text DEFAULT 'x') AS 'SELECT 1';")
    (workflow,) = compiled.workflows
    assert (workflow.name, workflow.qualified_name) == (("App", "w"), '"App".w')
    assert [(p.name, p.type, p.default) for p in workflow.parameters] == [
        ("a", "int", None),
        ("b", "text", "'x'"),
    ]
    assert re.fullmatch("[0-9a-f]{8}", workflow.version)


def test_registration_is_json() -> None:
    compiled = compile_text(
        "CREATE WORKFLOW w(a int DEFAULT 1) AS 'SELECT $a' ~> df.sleep('1 day');", file="x/y.pgd"
    )
    match = re.search(r"\$json\$(.*?)\$json\$", compiled.sql, re.DOTALL)
    assert match is not None
    definition = json.loads(match[1])
    assert definition["file"] == "y.pgd"
    assert definition["parameters"] == [{"name": "a", "type": "int", "default": "1"}]
    assert [state["kind"] for state in definition["states"]] == ["sql", "sleep", "end"]
    assert definition["graph"]["parts"][0] == {"node": "sql", "query": "SELECT $a", "state": 1}


def test_more_parameters_than_jsonb_build_object_takes() -> None:
    parameters = ", ".join(f"p{n} int" for n in range(90))
    compiled = compile_text(f"CREATE WORKFLOW w({parameters}) AS 'SELECT 1';")
    assert compiled.sql.count("OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object(\n") == 1
    check_generated(compiled.sql)


@pytest.mark.parametrize("states", [20, 21, 200, 201, 999, 1_001, 2_345])
def test_every_state_is_found_among_few_branches(states: int) -> None:
    body = " ~> ".join(f"'SELECT {n}'" for n in range(states))
    compiled = compile_text(f"CREATE WORKFLOW w() AS {body};")
    check_generated(compiled.sql)
    # Of the CASEs around a line: by what the state is divided, and the branch.
    around: list[list[int]] = []
    tried: list[int] = []
    found: list[int] = []
    for line in compiled.sql.partition("$step$")[2].partition("$step$")[0].split("\n"):
        if case := re.match(r" *CASE (?:step\.state|\(step\.state - 1\) / (\d+))$", line):
            around.append([int(case[1] or 0), 0])
            tried.append(0)
        elif branch := re.match(r" *WHEN (\d+) THEN", line):
            around[-1][1] = int(branch[1])
            tried[-1] += 1
            assert tried[-1] <= 20
            if around[-1][0] == 0:
                state = int(branch[1])
                assert all((state - 1) // size == number for size, number in around[:-1])
                found.append(state)
        elif alike := re.match(
            r" */\* .* \*/ [^(]*(?:\(step, )?\(ARRAY\[(.*)\]\)\[step\.state - (\d+)\]", line
        ):
            first = int(alike[2]) + 1
            count = alike[1].count("SELECT")
            assert count <= 100
            assert alike[1].startswith(f"$sql$SELECT {first - 1}$sql$")
            assert all((first - 1) // size == number for size, number in around)
            assert all((first + count - 2) // size == number for size, number in around)
            found.extend(range(first, first + count))
        elif line.strip() == "END CASE;":
            around.pop()
            tried.pop()
    assert found == list(range(1, states + 1))


@pytest.mark.parametrize(
    "body",
    [
        "df.loop(" * 250 + "'SELECT 1' |=> z" + ", 'SELECT $z')" * 250,
        "(" * 250 + "'SELECT 1'" + ")" * 250,
        "('SELECT 1' ?> " * 250 + "'SELECT 1'" + " !> 'SELECT 2')" * 250,
        " ~> ".join(["'SELECT 1'"] * 3000),
    ],
    ids=["loops", "parentheses", "ifs", "chain"],
)
def test_deep_and_long_workflows(body: str) -> None:
    compiled = compile_text(f"CREATE WORKFLOW w() AS {body};")
    assert compiled.diagnostics == ()
    assert compiled.sql


@pytest.mark.parametrize(
    "body",
    ["'SELECT true'" + " ?> 'SELECT 1' !> 'SELECT 2'" * 1_500, "'SELECT 1'" + " | 'SELECT 2'" * 250],
    ids=["ifs", "races"],
)
def test_a_long_chain_in_a_call_is_as_deep_as_it_is_long(body: str) -> None:
    compiled = compile_text(f"SELECT df.start({body});")
    assert {d.code for d in compiled.diagnostics} <= {"PGD110"}
    assert 0 < len(compiled.sql) < 2_000 * body.count("SELECT")


@pytest.mark.parametrize("tag", ["$pgdurc$", "$step$", "$sql$", "$json$", "$source$", "$starter$", "$sql"])
def test_texts_that_hold_our_own_tags(tag: str) -> None:
    compiled = compile_text(f"CREATE WORKFLOW w() AS $out$SELECT 'a{tag}b' AS \"{tag}\", '{tag}'$out$;")
    assert compiled.diagnostics == ()
    check_generated(compiled.sql)


FRAGMENTS = st.sampled_from(
    [
        "'SELECT 1'",
        "$$SELECT $x$$",
        "~>",
        "|=>",
        "x",
        "?>",
        "!>",
        "@>",
        "(",
        ")",
        "df.break()",
        "df.sleep(1)",
        "df.loop(",
        "df.if(",
        ",",
        "'",
        "$$",
        ";",
        "\\g",
        "--",
        "/*",
        "{v}",
        "$x.*",
        "CREATE WORKFLOW w() AS",
        "é",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(FRAGMENTS, max_size=25).map(" ".join) | st.text(max_size=60))
def test_any_text_is_compiled_or_diagnosed(text: str) -> None:
    for script in (text, f"CREATE WORKFLOW w() AS {text};"):
        compiled = compile_text(script)
        assert compiled.has_errors == (not compiled.statements and bool(script))
        for diagnostic in compiled.diagnostics:
            assert 0 <= diagnostic.span.start <= diagnostic.span.end <= len(script)


SQL_FRAGMENTS = st.sampled_from(
    [
        "SELECT",
        "1",
        "$p",
        "$x",
        "$x.*",
        "$x.a?",
        "$x?",
        "FROM",
        "t",
        "'$x {v}'",
        "{v}",
        "(",
        ")",
        ",",
        "+",
        "WITH",
        "AS",
        "INSERT INTO t",
        "RETURNING *",
        "DELETE FROM t",
        "-- $x\n",
        "$q$",
        "E'$x'",
        "?",
        "||",
        "NOTIFY c,",
        ";",
        "é",
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.lists(SQL_FRAGMENTS, max_size=12).map(" ".join))
def test_any_step_is_compiled_or_diagnosed(sql: str) -> None:
    quoted = sql.replace("'", "''")
    script = (
        f"CREATE WORKFLOW w(p int) AS 'SELECT 1 AS a' |=> x ~> '{quoted}' |=> y ~> 'SELECT $y.row_count';"
    )
    compiled = compile_text(script)
    if compiled.has_errors:
        assert all(0 <= d.span.start <= d.span.end <= len(script) for d in compiled.diagnostics)
    else:
        check_generated(compiled.sql)


def test_half_a_character_is_diagnosed() -> None:
    (problem,) = compile_text("CREATE WORKFLOW w() AS $$SELECT '" + chr(0xDCE9) + "'$$;").diagnostics
    assert (problem.code, problem.span) == ("PGD002", Span(33, 34))
