"""What people and programs are shown of a diagnostic."""

from __future__ import annotations

import json

import pytest

from pgdurc.diagnostic import Diagnostic, Related, Severity, Span
from pgdurc.render import as_github, as_json, as_text, in_order, strict, without_ignored
from pgdurc.source import from_text


def diagnostic(start: int, end: int, **more: object) -> Diagnostic:
    return Diagnostic("PGD101", Severity.ERROR, 'syntax error at or near "x"', Span(start, end), **more)  # type: ignore[arg-type]


def excerpt(text: str, start: int, end: int) -> list[str]:
    return as_text(from_text(text, "f"), diagnostic(start, end)).splitlines()[1:3]


def test_text() -> None:
    source = from_text("select 1;\nselect x y;\n", "dir/f.pgd")
    shown = as_text(
        source,
        diagnostic(17, 20, hint="leave it out", related=(Related(Span(0, 6), "the statement before"),)),
    )
    assert (
        shown
        == """\
dir/f.pgd:2:8: error[PGD101]: syntax error at or near "x"
  2 | select x y;
    |        ^^^
  hint: leave it out
dir/f.pgd:1:1: note: the statement before
  1 | select 1;
    | ^^^^^^
"""
    )


@pytest.mark.parametrize(
    ("text", "start", "end", "expected"),
    [
        ("\ta\tb", 3, 4, ["  1 |     a    b", "    |          ^"]),
        ("\t", 0, 1, ["  1 |     ", "    | ^^^^"]),
        ("日本 x", 3, 4, ["  1 | 日本 x", "    |      ^"]),
        ("日本", 0, 2, ["  1 | 日本", "    | ^^^^"]),
        ("e\u0301 x", 3, 4, ["  1 | e\u0301 x", "    |   ^"]),
        ("ab\r\ncd", 1, 5, ["  1 | ab", "    |  ^"]),
        ("ab", 2, 2, ["  1 | ab", "    |   ^"]),
        ("ab\n", 3, 3, ["  2 | ", "    | ^"]),
        ("a\x1b[31mb", 1, 2, ["  1 | a\ufffd[31mb", "    |  ^"]),
    ],
)
def test_carets(text: str, start: int, end: int, expected: list[str]) -> None:
    assert excerpt(text, start, end) == expected


def test_long_line_is_cut_around_the_place() -> None:
    text = "a" * 500_000 + "X" + "b" * 500_000
    line, carets = excerpt(text, 500_000, 500_001)
    assert len(line) < 130
    assert line.index("X") == carets.index("^")
    assert line.count("...") == 2


def test_long_line_with_a_long_span() -> None:
    line, carets = excerpt("x" * 300, 0, 300)
    assert len(line) < 130
    assert len(carets) <= len(line)


def test_json() -> None:
    source = from_text("é\nab\ncd", "f")
    (found,) = json.loads(as_json([(source, diagnostic(3, 6, hint="h"))]))
    assert found == {
        "file": "f",
        "code": "PGD101",
        "severity": "error",
        "message": 'syntax error at or near "x"',
        "line": 2,
        "column": 2,
        "end": {"line": 3, "column": 2},
        "hint": "h",
        "related": [],
    }
    assert json.loads(as_json([])) == []


def test_github() -> None:
    source = from_text("select x;", "a,b:c%.pgd")
    problem = Diagnostic("PGD007", Severity.WARNING, "100% wrong\nreally", Span(7, 8), hint="a: b, c")
    assert as_github(source, problem) == (
        "::warning file=a%2Cb%3Ac%25.pgd,line=1,endLine=1,col=8,endColumn=9,title=PGD007"
        "::100%25 wrong%0Areally%0Ahint: a: b, c\n"
    )


def test_ignored() -> None:
    source = from_text("a -- pgdurc: ignore PGD007\nb\nc\n--pgdurc:ignore pgd001, PGD007\nd\n")

    def kept(at: int, code: str = "PGD007", severity: Severity = Severity.WARNING) -> bool:
        return bool(without_ignored(source, [Diagnostic(code, severity, "m", Span(at, at + 1))]))

    b, c, d = source.line_starts[1], source.line_starts[2], source.line_starts[4]
    assert [kept(0), kept(b), kept(c), kept(d)] == [False, False, True, False]
    assert kept(0, "PGD008")
    assert not kept(d, "PGD001")
    assert kept(0, severity=Severity.ERROR)


def test_strict_and_order() -> None:
    found = [
        Diagnostic("PGD007", severity, "m", Span(at, at + 1))
        for at, severity in ((5, Severity.NOTE), (2, Severity.WARNING))
    ]
    assert [d.severity for d in strict(in_order(found))] == [Severity.ERROR, Severity.NOTE]
