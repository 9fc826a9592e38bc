"""Every problem of a statement is reported: none hides another, none is only a consequence of another."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pgdurc.codes import CODES
from pgdurc.compile import compile_text
from pgdurc.nodes import NODES_TO_COME
from pgdurc.pgsql import scan

# A second problem at the end of a body, which has nothing to do with the first: found when the declaration is
# parsed, when its SQL is read, when names are resolved, and by a later pass.
SECOND = {
    "PGD120": "df.slepe(1)",
    "PGD301": "'SELEC 2'",
    "PGD201": "'SELECT $nowhere'",
    "PGD411": "df.sleep('soon')",
}
# There is one syntax error a statement: what comes after it can be anything.
SYNTAX = {"PGD002", "PGD004", "PGD005", "PGD008", "PGD101", "PGD130", "PGD131", "PGD132", "PGD140"}
# These are about how a workflow ends, or no problem of a call's.
NOT_AT_THE_END = {"PGD410"}
NOT_IN_A_CALL = {"PGD115", "PGD123", "PGD210", "PGD410", "PGD416"}


def in_declaration(code: str, last: str) -> str | None:
    """The example of a code with one more step, which stands behind everything else."""
    text = CODES[code].example.rstrip()
    declared = re.match(r"(?P<head>.*CREATE WORKFLOW [^;]*? AS\s)(?P<body>.*);\Z", text, re.DOTALL)
    if declared is None or code in SYNTAX | NOT_AT_THE_END or code[3] == "5":
        return None
    return f"{declared['head']} {_extended(declared['body'], last)};\n"


def in_call(code: str, last: str) -> str | None:
    text = CODES[code].example.rstrip()
    declared = re.match(r"CREATE WORKFLOW w\(\) AS\s(?P<body>[^;]*);\Z", text, re.DOTALL)
    if declared is None or code in SYNTAX | NOT_IN_A_CALL:
        return None
    return f"SELECT df.start({_extended(declared['body'], last)});\n"


def _extended(body: str, last: str) -> str:
    """In parentheses where the step would change how the rest is read."""
    kinds = {token.text for token in scan(body)}
    return f"({body}) ~> {last}" if kinds & {"?>", "!>"} else f"{body} ~> {last}"


PAIRS = [
    pytest.param(code, second, text, id=f"{form.__name__}-{code}-{second}")
    for form in (in_declaration, in_call)
    for code in CODES
    for second, step in SECOND.items()
    if code != second and (text := form(code, step)) is not None
]


@pytest.mark.parametrize(("first", "second", "text"), PAIRS)
def test_neither_of_two_problems_hides_the_other(first: str, second: str, text: str) -> None:
    found = compile_text(text).diagnostics
    last = [text[d.span.start : d.span.end] for d in found if d.code == second]
    assert any(piece in SECOND[second] for piece in last)
    assert {d.code for d in found} == {first, second}
    assert list(found) == sorted(found, key=lambda d: (d.span.start, d.span.end, d.code))
    places = [(d.code, d.span) for d in found]
    assert len(set(places)) == len(places)


def test_the_pairs_are_those_of_declarations_and_calls() -> None:
    firsts = {pair.values[0] for pair in PAIRS}
    scripts = {code for code in CODES if code[3] == "0"}
    calls = {code for code in CODES if code[3] == "5"}
    assert firsts >= set(CODES) - SYNTAX - NOT_AT_THE_END - scripts - calls


@pytest.mark.parametrize(
    ("declaration", "codes"),
    [
        # A header says everything at once, and its names are known.
        ("w(a int, a text, b record, c int DEFAULT 1, d int) AS 'SELECT $a, $b, $d'", ["PGD106"] * 3),
        ("w(IN a int) AS 'SELECT $a'", ["PGD106"]),
        ("w(a int 5, b text) AS 'SELECT $b, $a'", ["PGD102"]),
        ("w(a int b text, c int) AS 'SELECT $b, $a, $c'", ["PGD102"]),
        ("select(a int, a int) WITH (x = 1, x = 2) AS 'SELECT 1'", ["PGD103", "PGD106", "PGD401", "PGD105"]),
        # What an unknown node binds or breaks is not known.
        ("w() AS df.ass('SELECT 1', 'x') ~> 'SELECT $x.y'", ["PGD120"]),
        ("w() AS @> ('SELECT 1' |=> x ~> df.brake($x)) ~> 'SELECT $x'", ["PGD120"]),
        ("w() AS df.lop('SELECT true' ?> df.break() !> ('SELECT 1' |=> x)) ~> 'SELECT $x'", ["PGD120"]),
        ("w() AS df.slepe(1) |=> x ~> 'SELECT $x, $x.y, * FROM $x.*' ~> df.if_rows(x, '', '')",
         ["PGD120", "PGD302", "PGD302"]),
        ("w() AS df.atomic('SELECT 1' |=> x) ~> 'SELECT $x, $y'", ["PGD902", "PGD201"]),
        # Of one that is nearly known, or to come, also what its arguments are.
        ("w() AS df.lop('SELEC 1' ~> df.slepe('soon'), 'SELECT $y')", ["PGD120", "PGD301", "PGD120", "PGD201"]),
        ("w() AS df.atmic('SELECT 1' |=> x ~> 'SELEC 1') ~> 'SELECT $x'", ["PGD120", "PGD301"]),
        ("w() AS df.retry('SELEC 1' ~> 'SELECT 1', max_attempts => 5)", ["PGD902", "PGD301"]),
        ("w() AS df.try('SELECT 1', 'SELECT $error.message')", ["PGD902"]),
        ("w() AS df.slepe('soon', 5 + 5)", ["PGD120"]),
        # One syntax error a statement, and what was read before it.
        ("w(a int, a int) AS df.slepe(1) ~> 'SELECT 1' ~>", ["PGD106", "PGD120", "PGD101"]),
        ("w(a int) AS 'SELECT 1' ~> $$SELECT $$a AS x, 2 AS y$$", ["PGD101"]),
        ("w(a int 5) AS df.slepe(1), 'SELEC 2'", ["PGD102", "PGD120", "PGD101"]),
        # Arguments that do not fit are looked at as far as it is known what they are.
        ("w() AS df.if('SELECT true', ('SELEC 1' |=> x)) ~> 'SELECT $x'", ["PGD121", "PGD301"]),
        ("w() AS df.loop(df.break(), boddy => 'SELEC 1')", ["PGD122"]),
        ("w() AS df.loop('SELECT 1', 'SELEC 2', 3)", ["PGD301", "PGD121"]),
        ("w() AS df.join3('SELECT 1', x => 'SELECT 2', y => 'SELECT 3')", ["PGD122", "PGD122"]),
        ("w() AS df.as('SELEC 1', 'a b') ~> 'SELECT $a'", ["PGD301", "PGD117"]),
        ("w() AS df.wait_for_signal(now(), 'soon')", ["PGD123", "PGD411"]),
        # A name that cannot be is a name nevertheless, and so is one too many.
        ("w() AS 'SELECT 1' |=> Batch ~> 'SELECT $Batch, $batch'", ["PGD116"]),
        ("w() AS 'SELECT 1' |=> 'new-batch' ~> 'SELECT $new'", ["PGD117"]),
        ("w() AS 'SELECT 1' |=> 5 + 3 ~> 'SELEC 1'", ["PGD117", "PGD301"]),
        ("w() AS 'SELECT 1' |=> $x ~> 'SELECT $x' ~> df.sleep('$x seconds')", ["PGD117"]),
        ("w() AS df.loop('SELECT $x' ~> 'SELECT 1' |=> 5, 'SELECT $x')", ["PGD117"]),
        ("w() AS df.as('SELECT 1') ~> df.if_rows(x, 'SELECT $x', 'SELEC 1')", ["PGD121", "PGD301"]),
        ("w() AS 'SELECT true' |=> x 'SELECT $x' !> 'SELECT 2'", ["PGD117"]),
        ("w() AS df.if('SELECT true', 'SELECT 1' |=> x 'SELECT 2')", ["PGD117"]),
        ("w() AS df.join('SELECT 1' |=> x df.sleep(1)) ~> 'SELECT $x'", ["PGD117"]),
        ("w() AS df.slepe(1) |=> s ~> df.atomic('SELECT 1' |=> t) ~> df.sleep('$t seconds')", ["PGD120", "PGD902"]),
        ("w() AS 'SELECT 1, 2' |=> x(a int, a int DEFAULT 1) ~> 'SELECT $x.b'", ["PGD118"]),
        ("w() AS 'SELECT 1' |=> a |=> b ~> 'SELECT $a, $b'", ["PGD119"]),
        # A chain that can be read in two ways, or in none: neither is held against its steps.
        ("w() AS @> 'SELECT 1' |=> x ~> 'SELECT $x' ~> df.break()", ["PGD110"]),
        ("w() AS 'SELECT true' ?> 'SELECT 1' |=> x ~> 'SELEC 2' !> 'SELECT $x'", ["PGD111", "PGD301"]),
        ("w() AS 'SELECT 1' |=> x ~>@> 'SELECT $x' ~>@> 'SELEC 1'", ["PGD112", "PGD112", "PGD301"]),
        ("w() AS 'SELECT 1' |=> x <-> 'SELECT $x' ~> 'SELEC 1'", ["PGD901", "PGD301"]),
        ("w() AS 'SELECT 1' |=> x ~> 'SELECT ' || $x ~> 'SELEC 1'", ["PGD113", "PGD301"]),
        # Nothing is known of a statement that cannot be read.
        ("w() AS 'SELEC 1' |=> x ~> 'SELECT $x, $x.y, * FROM $x.*'", ["PGD301"]),
        # A name that nothing binds is one also beside a node that is none.
        ("w() AS df.slepe($x) ~> 'SELECT $x'", ["PGD120", "PGD201"]),
    ],
)  # fmt: skip
def test_a_consequence_is_no_problem_of_its_own(declaration: str, codes: list[str]) -> None:
    assert [d.code for d in compile_text(f"CREATE WORKFLOW {declaration};").diagnostics] == codes


@pytest.mark.parametrize(
    ("call", "codes"),
    [
        ("df.start('SELEC 1', lable => 'x')", ["PGD301", "PGD122"]),
        ("df.start('SELEC 1', 'l', NULL, 'new', 5)", ["PGD301", "PGD506", "PGD121"]),
        ("df.start(lable => 'x')", ["PGD122"]),
        ("df.start('SELEC 1' ~> df.sleep(1 +))", ["PGD301", "PGD101"]),
        ("df.start('SELECT 1'", ["PGD008"]),
        ("df.start(('SELECT 1')", ["PGD008"]),
        ("df.start('SELECT 1' ~> $$SELECT 2)", ["PGD004"]),
        ("df.start(df.slepe(1) ~> , label = 'x')", ["PGD120", "PGD101", "PGD122"]),
        ("df.start('SELECT df.start(''SELEC 1'' x)')", ["PGD101"]),
        ("df.start(SELECT 1)", ["PGD101"]),
        ("df.start('SELECT 1', label = 'x')", ["PGD122"]),
        ("df.start(df.lop('SELECT 1') ~> 'SELEC 1'), df.start('SELEC 2')", ["PGD120", "PGD301", "PGD301"]),
    ],
)
def test_so_it_is_in_calls(call: str, codes: list[str]) -> None:
    found = compile_text(f"SELECT {call};").diagnostics
    assert sorted(d.code for d in found) == sorted(codes)
    assert [d.span.start for d in found] == sorted(d.span.start for d in found)


def test_two_workflows_of_one_name_are_told_beside_what_is_wrong_with_them() -> None:
    script = "CREATE WORKFLOW w() AS df.slepe(1);\nCREATE WORKFLOW w() AS 'SELECT 1';\n"
    assert [d.code for d in compile_text(script).diagnostics] == ["PGD120", "PGD404"]
    nameless = "CREATE WORKFLOW select() AS 'SELECT 1';\n"
    assert [d.code for d in compile_text(nameless * 2).diagnostics] == ["PGD103", "PGD103"]


@pytest.mark.parametrize(
    "advice",
    [
        "df.loop(df.sleep('5 seconds'), 'SELECT NOT ready FROM job')",
        "df.sleep(greatest($moment - df.now(), interval '0'))",
        "'SELECT df.start_workflow(''name'')'",
        "'SELECT request($name)'",
    ],
)
def test_what_is_written_instead_of_a_node_to_come_compiles(advice: str) -> None:
    assert any(advice in hint for hint in NODES_TO_COME.values())
    script = f"CREATE WORKFLOW w(moment timestamptz, name text) AS {advice};"
    assert compile_text(script).diagnostics == ()


SCRIPTS = [
    *(code.example for code in CODES.values()),
    *(
        file.read_text("utf-8")
        for folder in ("stderr", "fixtures")
        for file in sorted((Path(__file__).parents[1] / folder).rglob("*.pgd"))
    ),
]


def test_every_problem_has_a_hint() -> None:
    """But what PostgreSQL's parser stumbles over: it does not say what could stand there."""
    found = {problem for script in SCRIPTS for problem in compile_text(script).diagnostics}
    without = {(d.code, d.message) for d in found if d.hint is None}
    assert {code for code, message in without if "syntax error at or near" not in message} == set()
    assert {code for code, _ in without} <= {"PGD101", "PGD301"}
