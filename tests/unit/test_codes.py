"""Each entry of the catalogue is true, and the page made from it is up to date."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pgdurc.codes import CODES, SQLSTATES, as_markdown, code_of, explain
from pgdurc.parse import parse_declaration
from pgdurc.script import split
from pgdurc.source import SourceError, read

FRONT_END = [code for code in CODES if code[3] in "019"]


def codes_of(text: str) -> set[str]:
    try:
        source = read(text.encode("utf-8", "surrogateescape"))
    except SourceError as error:
        return {d.code for d in error.diagnostics}
    script = split(source.text)
    found = {d.code for d in script.diagnostics}
    for statement in script.declarations:
        found |= {d.code for d in parse_declaration(source.text, statement)[1]}
    return found


@pytest.mark.parametrize("code", FRONT_END)
def test_example_yields_its_code_and_no_other(code: str) -> None:
    if code in ("PGD012", "PGD904"):
        pytest.skip("found after parsing")
    assert codes_of(CODES[code].example) == {code}


@pytest.mark.parametrize("code", [code for code in FRONT_END if CODES[code].remedy])
def test_remedy_is_accepted(code: str) -> None:
    assert codes_of(CODES[code].remedy) == set()


@pytest.mark.parametrize("code", CODES)
def test_entry_is_whole(code: str) -> None:
    entry = CODES[code]
    assert entry.title[0].islower() or not entry.title[0].isalpha() or entry.title[:2].isupper()
    assert not entry.title.endswith(".")
    assert entry.story.endswith(".")


def test_entries_are_in_order() -> None:
    assert list(CODES) == sorted(CODES)


def test_explain() -> None:
    text = explain("pgd110")
    assert text is not None
    assert text.startswith("PGD110: the documented precedence")
    assert explain("PGD000") is None


def test_the_sqlstates_are_those_that_there_are() -> None:
    """Raised by the runtime, by compiled scripts or by the tools."""
    root = Path(__file__).parents[2]
    files = [*root.glob("runtime_sql/*.sql"), *root.glob("templates/*.j2"), *root.glob("pgdurc/**/*.py")]
    used = {code for file in files for code in re.findall(r"\bPD\d{3}\b", file.read_text(encoding="utf-8"))}
    assert used == {code for code in SQLSTATES if code.startswith("PD")}


def test_explain_an_sqlstate() -> None:
    text = explain("pd002")
    assert text is not None
    assert text.startswith("PD002: no such instance\n\n")
    assert text.endswith("may see.\n")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("pgd101", "PGD101"),
        ("greet.pgd:3:5: error[PGD110]: the documented precedence", "PGD110"),
        ("error: a superuser does not drive workflows (PD004)", "PD004"),
        ("PGD999 and PGD101", "PGD101"),
        ("ERROR:  operator does not exist: unknown ~> unknown\nLINE 1: SELECT", "42883"),
        ("operator does not exist: text |=> unknown", "42883"),
        ("operator does not exist: @> text", "42883"),
        ("operator is not unique: unknown & unknown", "42883"),
        ("df.sleep() is compiled, not called", "42883"),
        ("operator does not exist: integer ~> text", "42883"),
        ("operator does not exist: integer ~> unknown", "42883"),
        ("operator does not exist: timestamp with time zone |=> unknown", "42883"),
        ("operator does not exist: unknown ?> integer[]", "42883"),
        ("operator does not exist: pg_catalog.!> jsonb", "42883"),
        ("operator does not exist: text !> record", "42883"),
        ("operator does not exist: @> integer", "42883"),
        ("operator does not exist: integer & text", "42883"),
        ("operator does not exist: text pg_catalog.| jsonb", "42883"),
        ("operator does not exist: text <-> unknown", "42883"),
        ("operator is not unique: unknown | unknown", "42883"),
        ("operator is not unique: unknown <-> unknown", "42883"),
        ("ERROR:  function df.foo(unknown, integer) does not exist", "42883"),
        ("function df.start(integer) does not exist", "42883"),
        ("function df.sleep() does not exist", "42883"),
        ("function df.loop(unknown) is not unique", "42883"),
        ("procedure df.run(unknown, unknown, unknown) does not exist", "42883"),
        ("function df.lop does not exist", "PGD120"),
        ("error: function df.lop does not exist", "PGD120"),
        ('schema "df" does not exist', "PD001"),
        ("df.run(double precision, timestamp with time zone) is a procedure", "42809"),
        ("df.run(unknown) is not a procedure", "42809"),
        ("operator does not exist: integer & boolean", "operator does not exist: integer & boolean"),
        ("operator does not exist: text @> text", "operator does not exist: text @> text"),
        ("function df_tidy() does not exist", "function df_tidy() does not exist"),
        ("function foo(text) does not exist", "function foo(text) does not exist"),
        ("operator does not exist: text = integer", "operator does not exist: text = integer"),
        ("operator is not unique: unknown + unknown", "operator is not unique: unknown + unknown"),
        ("PGD999", "PGD999"),
    ],
)
def test_the_code_of_a_message(text: str, code: str) -> None:
    assert code_of(text) == code


def test_page_is_up_to_date() -> None:
    page = Path(__file__).parents[2] / "docs" / "errors.md"
    assert page.read_text(encoding="utf-8") == as_markdown(), "run: python -m pgdurc.codes > docs/errors.md"
