"""Fixtures: a script and what is said about it, a folder a pass."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pgdurc.analyse import PASSES
from pgdurc.codes import CODES
from pgdurc.compile import compile_text
from pgdurc.diagnostic import Diagnostic
from pgdurc.source import Source, from_text

FIXTURES = Path(__file__).parent.parent / "fixtures"
FOLDERS = (
    "bound_names",
    "captures",
    "columns",
    "depth",
    "flow",
    "names",
    "options",
    "positions",
    "schedules",
    "session",
    "signals",
    "sleeps",
    "statements",
    "transactions",
)
CASES = sorted(case for folder in FOLDERS for case in (FIXTURES / folder).glob("*.pgd"))
CHECKED = [code for code in CODES if code[3] in "2345" or code == "PGD904"]


def described(source: Source, diagnostic: Diagnostic) -> str:
    line, column = source.position(diagnostic.span.start)
    written = source.text[diagnostic.span.start : diagnostic.span.end].replace("\n", " ")
    lines = [
        f"{line}:{column}: {diagnostic.severity.value} {diagnostic.code}: {diagnostic.message}",
        f"    at: {written}",
    ]
    if diagnostic.hint:
        lines.append(f"    hint: {diagnostic.hint}")
    for related in diagnostic.related:
        line, column = source.position(related.span.start)
        lines.append(f"    {line}:{column}: {related.message}")
    return "".join(f"{text}\n" for text in lines)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}/{case.stem}")
def test_fixture(case: Path) -> None:
    text = case.read_text(encoding="utf-8")
    source = from_text(text)
    found = "".join(described(source, diagnostic) for diagnostic in compile_text(text).diagnostics)
    golden = case.with_suffix(".expected")
    if os.environ.get("PGDURC_UPDATE_GOLDENS"):
        golden.write_text(found or "fine\n", encoding="utf-8")
    assert (found or "fine\n") == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("code", CHECKED)
def test_example_of_the_catalogue_yields_its_code_and_no_other(code: str) -> None:
    assert {d.code for d in compile_text(CODES[code].example).diagnostics} == {code}


@pytest.mark.parametrize("code", [code for code in CHECKED if CODES[code].remedy])
def test_remedy_of_the_catalogue_is_accepted(code: str) -> None:
    assert compile_text(CODES[code].remedy).diagnostics == ()


def test_every_code_that_the_passes_use_is_in_the_catalogue() -> None:
    import re

    package = Path(__file__).parents[2] / "pgdurc"
    used = {
        code
        for file in package.rglob("*.py")
        for code in re.findall(r'"(PGD\d{3})"', file.read_text("utf-8"))
    }
    assert used - set(CODES) == set()


def test_every_problem_is_reported_once_and_in_order() -> None:
    compiled = compile_text(
        "CREATE WORKFLOW w() WITH (nonsense = 1) AS\n"
        "  'SELECT FORM x y' ~> 'SELECT $a' ~> 'VACUUM' ~> df.sleep('soon') ~> df.break();\n"
        "CREATE WORKFLOW w() AS 'SELECT $b';\n"
    )
    codes = [d.code for d in compiled.diagnostics]
    assert codes == ["PGD401", "PGD301", "PGD201", "PGD304", "PGD411", "PGD407", "PGD404", "PGD201"]
    assert compiled.sql == ""


def test_passes_are_named_for_what_they_do() -> None:
    assert len({run_pass.__module__ for run_pass in PASSES}) == len(PASSES)
