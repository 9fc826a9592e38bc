"""What holds for every script: bytes, scripts that were right before a hand slipped, and scripts that are right.

The default profile is quick; HYPOTHESIS_EXAMPLES=5000 looks longer.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pgdurc import pgsql, render
from pgdurc.codes import CODES
from pgdurc.compile import Compiled, compile_source
from pgdurc.diagnostic import Severity
from pgdurc.source import Source, SourceError, from_text, read

ROOT = Path(__file__).parents[2]
EXAMPLES = int(os.environ.get("HYPOTHESIS_EXAMPLES", "0"))

SCRIPTS = {
    str(file.relative_to(ROOT)): file.read_text(encoding="utf-8")
    for file in [
        *sorted((ROOT / "tests" / "golden").glob("*/workflow.pgd")),
        *sorted((ROOT / "examples").glob("*.pgd")),
    ]
}


def thorough(examples: int) -> settings:
    return settings(
        max_examples=EXAMPLES or examples, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )


def check(source: Source) -> Compiled:
    """Compiles; whatever is said of it can be shown, and whatever is made of it is SQL."""
    compiled = compile_source(source)
    again = compile_source(source)
    assert (again.sql, again.diagnostics) == (compiled.sql, compiled.diagnostics)
    places = [(diagnostic.span.start, diagnostic.span.end) for diagnostic in compiled.diagnostics]
    assert places == sorted(places)
    assert len({(d.code, d.span, d.message) for d in compiled.diagnostics}) == len(places)
    for diagnostic in compiled.diagnostics:
        assert diagnostic.code in CODES
        for span in (diagnostic.span, *(related.span for related in diagnostic.related)):
            assert 0 <= span.start <= span.end <= len(source.text)
        shown = render.as_text(source, diagnostic)
        assert shown.startswith(f"{source.name}:")
        assert all(character.isprintable() or character == "\n" for character in shown)
        assert render.as_github(source, diagnostic).count("\n") == 1
    render.as_json((source, diagnostic) for diagnostic in compiled.diagnostics)
    if compiled.has_errors:
        assert not compiled.sql
        assert not compiled.statements
        return compiled
    for statement in compiled.statements:
        if not statement.is_passed_through and not statement.is_rewritten:
            check_generated(statement.sql)
    passed = [s.span for s in compiled.statements if s.is_passed_through]
    assert all(source.text[span.start : span.end] in compiled.sql for span in passed)
    return compiled


def check_generated(sql: str) -> None:
    """PostgreSQL's parsers read the statements and the bodies in them."""
    assert pgsql.parse(sql)
    # libpg_query knows no types but PostgreSQL's own.
    for body in re.finditer(r"CREATE OR REPLACE PROCEDURE .*?AS (\$step\d*\$).*?\1;", sql, re.DOTALL):
        pgsql.parse_plpgsql(body.group().replace("(INOUT step df.step_v1)", "(INOUT step record)"))
    for body in re.finditer(r"AS (\$starter\d*\$)(.*?)\1;", sql, re.DOTALL):
        assert len(pgsql.parse(body[2])) == 1


# Bytes


@thorough(150)
@given(st.binary(max_size=80) | st.text(max_size=80).map(lambda text: text.encode("utf-8")))
def test_any_bytes_are_a_script_or_diagnosed(content: bytes) -> None:
    try:
        source = read(content)
    except SourceError as error:
        (problem,) = error.diagnostics
        assert problem.code in CODES
        render.as_text(error.source, problem)
        return
    check(source)


# Scripts that were right before a hand slipped


WORDS = [
    "~>", "|=>", "?>", "!>", "@>", "&", "|", "<->", "(", ")", ",", ";", "'", "''", "$$", "$x$", '"',
    "--", "/*", "*/", "E'", "U&'", "\\", "\\g", "\\;", "$", "$batch", "$x.*", "?", "{v}",
    "{sys_label}", "df.", "df.sleep(1)", "df.break()", "df.loop(", "df.if(", "df.as(", "WITH", "AS",
    "DROP WORKFLOW", "CREATE WORKFLOW", "BEGIN", "END", "SELECT", "RETURNING *", "*", "NULL", "1e400",
    "\0", "\r\n", "\ufeff", "é", "\U0001f4a5",
]  # fmt: skip
PIECE = re.compile(r"\s+|\w+|\$\w*\$|[~|?!@<>=&-]+|.", re.DOTALL)


@st.composite
def slips(draw: st.DrawFn) -> str:
    """A script with a few pieces of it left out, put twice, swapped, replaced, or followed by another's."""
    pieces = PIECE.findall(draw(st.sampled_from(list(SCRIPTS.values()))))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(pieces) - 1))
        match draw(st.sampled_from(["drop", "repeat", "swap", "replace", "insert", "cut", "splice"])):
            case "drop":
                del pieces[at]
            case "repeat":
                pieces.insert(at, pieces[at])
            case "swap":
                other = draw(st.integers(0, len(pieces) - 1))
                pieces[at], pieces[other] = pieces[other], pieces[at]
            case "replace":
                pieces[at] = draw(st.sampled_from(WORDS))
            case "insert":
                pieces.insert(at, draw(st.sampled_from(WORDS) | st.characters(codec="utf-8")))
            case "cut":
                del pieces[at:]
            case "splice":
                other_script = PIECE.findall(draw(st.sampled_from(list(SCRIPTS.values()))))
                pieces[at:] = other_script[draw(st.integers(0, len(other_script) - 1)) :]
        if not pieces:
            return ""
    return "".join(pieces)


@thorough(400)
@given(slips())
def test_a_slip_is_compiled_or_diagnosed(text: str) -> None:
    check(from_text(text, "slip.pgd"))


@thorough(25)
@given(slips())
def test_the_command_line_never_ends_in_a_traceback(text: str) -> None:
    from click.testing import CliRunner

    from pgdurc.cli import pgdurc

    result = CliRunner().invoke(pgdurc, ["compile", "-"], input=text.encode("utf-8"))
    assert result.exit_code in (0, 1), result.exception
    assert (result.exit_code == 0) or result.stdout == ""
    assert "Traceback" not in result.stderr


# Scripts that are right

LEAVES = st.sampled_from(
    [
        "SELECT 1",
        "SELECT 1 AS a, '$x' AS b",
        "INSERT INTO t SELECT $p",
        "DELETE FROM t WHERE name = '{v}' RETURNING id",
        "UPDATE t SET a = a || $p || ';' -- $q\n",
        "NOTIFY c, 'done'",
        "DO $do$ BEGIN PERFORM 1; END $do$",
        "SELECT count(*) FROM \"T\" WHERE x ~ '^\\s*$'",
    ]
)

# A tree is a leaf's text or a node's name with its parts.
Tree = str | tuple[Any, ...]
TREES = st.recursive(
    LEAVES | st.integers(0, 100).map(lambda seconds: ("sleep", seconds)),
    lambda trees: st.one_of(
        st.tuples(st.just("seq"), trees, trees),
        st.tuples(st.just("if"), trees, trees, trees),
        st.tuples(st.just("loop"), trees, LEAVES),
        st.tuples(st.just("endless"), trees),
    ),
    max_leaves=12,
)


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def dollar_quoted(text: str) -> str:
    return f"$leaf${text}$leaf$"


def in_operators(tree: Tree) -> str:
    match tree:
        case str():
            return quoted(tree)
        case "sleep", seconds:
            return f"df.sleep({seconds})"
        case "seq", a, b:
            return f"({in_operators(a)} ~> {in_operators(b)})"
        case "if", c, t, e:
            return f"({in_operators(c)} ?> {in_operators(t)} !> {in_operators(e)})"
        case "loop", body, condition:
            return f"df.loop({in_operators(body)}, {quoted(condition)})"
        case "endless", body:
            return f"(@> ({in_operators(body)} ~> ('SELECT true' ?> df.break() !> 'SELECT 2')))"
        case _:
            raise AssertionError(tree)


def in_functions(tree: Tree) -> str:
    match tree:
        case str():
            return f"df.sql({dollar_quoted(tree)})"
        case "sleep", seconds:
            return f"df.sleep(seconds => {seconds})"
        case "seq", a, b:
            return f"df.seq({in_functions(a)},\n{in_functions(b)})"
        case "if", c, t, e:
            return f"df.if({in_functions(c)}, {in_functions(t)}, else_branch => {in_functions(e)})"
        case "loop", body, condition:
            return f"df.loop(condition => {dollar_quoted(condition)}, body => {in_functions(body)})"
        case "endless", body:
            way_out = "df.if('SELECT true', df.break(), 'SELECT 2')"
            return f"df.loop(df.seq({in_functions(body)}, {way_out}))"
        case _:
            raise AssertionError(tree)


@thorough(100)
@given(TREES)
def test_operators_and_functions_are_two_ways_to_write_one_workflow(tree: Tree) -> None:
    versions = set()
    for body in (in_operators(tree), in_functions(tree)):
        compiled = check(from_text(f"CREATE WORKFLOW w(p text) AS\n{body};\n", "tree.pgd"))
        assert [d for d in compiled.diagnostics if d.severity is Severity.ERROR] == []
        versions |= {workflow.version for workflow in compiled.workflows}
    assert len(versions) == 1


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_that_are_slipped_on_are_right(name: str) -> None:
    found = check(from_text(SCRIPTS[name], name)).diagnostics
    assert [d for d in found if d.severity is Severity.ERROR] == []


def test_output_is_the_same_in_every_process() -> None:
    """The order of a set of texts changes with the hash seed."""
    assert compiled_by_a_process("1") == compiled_by_a_process("2") != b""


def compiled_by_a_process(seed: str) -> bytes:
    command = [sys.executable, "-m", "pgdurc", "compile", *(str(ROOT / name) for name in SCRIPTS)]
    return subprocess.run(
        command, env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True, check=True
    ).stdout


# Calls in ordinary SQL

BOUND = "'SELECT 1 AS p' |=> p ~> 'SELECT 2 AS x' |=> x"
ARGUMENTS = st.sampled_from(
    ["", ", 'label'", ", label => 'x' || y", ", NULL, current_database()", ", transaction_mode => lower('A')"]
)
FRAMES = st.sampled_from(
    [
        "SELECT {};",
        "INSERT INTO t SELECT {} FROM s \\gset\n",
        "DO $frame$ BEGIN PERFORM {}; END $frame$;",
        "CREATE FUNCTION f() RETURNS text LANGUAGE sql SECURITY DEFINER BEGIN ATOMIC SELECT {}; END;",
    ]
)
QUOTED_FRAMES = st.sampled_from(
    [
        "DO '{}';",
        "CREATE FUNCTION f() RETURNS text SECURITY DEFINER LANGUAGE sql AS E'{}';",
    ]
)


@thorough(80)
@given(TREES, ARGUMENTS, FRAMES)
def test_a_call_is_compiled_wherever_it_stands(tree: Tree, arguments: str, frame: str) -> None:
    call = f"df.start({BOUND} ~> {in_operators(tree)}{arguments})"
    compiled = check(from_text(frame.replace("{}", call), "call.sql"))
    assert not [d for d in compiled.diagnostics if d.severity is Severity.ERROR]
    assert "df.start(v1 => " in compiled.sql.rpartition("$pgdurc$;")[2]
    assert call not in compiled.sql.rpartition("$pgdurc$;")[2]


@thorough(80)
@given(TREES, QUOTED_FRAMES)
def test_the_version_is_that_of_the_unquoted_call(tree: Tree, frame: str) -> None:
    call = f"BEGIN PERFORM df.start({BOUND} ~> {in_operators(tree)}); END"
    plain = compile_source(from_text(f"DO $frame${call}$frame$;", "call.sql"))
    body = call.replace("'", "''")
    body = body.replace("\\", "\\\\") if "E'" in frame else body
    nested = check(from_text(frame.replace("{}", body), "call.sql"))
    assert [c.version for c in nested.calls] == [c.version for c in plain.calls] != []


CALL_WORDS = [
    *WORDS,
    "df.start(",
    "df . start",
    "df.explain(",
    ":'q'",
    ":n",
    "||",
    "x",
    "label =>",
    "::text",
    "DO",
    "::",
]


@thorough(150)
@given(st.lists(st.sampled_from(CALL_WORDS) | LEAVES.map(quoted), max_size=12))
def test_anything_in_a_call_is_compiled_or_diagnosed(words: list[str]) -> None:
    check(from_text(f"SELECT df.start({' '.join(words)});\n", "call.sql"))
    check(from_text(f"DO 'BEGIN PERFORM df.start({' '.join(words)}); END';\n", "call.sql"))
