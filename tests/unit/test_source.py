"""Bytes to text, and places in it."""

from __future__ import annotations

import pytest

from pgdurc.source import SourceError, from_text, read


def test_byte_order_mark_is_dropped_and_line_ends_are_kept() -> None:
    assert read(b"\xef\xbb\xbfselect 1;\r\nselect 2;\r\n").text == "select 1;\r\nselect 2;\r\n"


def test_positions_count_characters() -> None:
    source = from_text("é\U0001f600x\r\n\r\ny")
    assert [source.position(at) for at in range(len(source.text) + 1)] == [
        (1, 1),
        (1, 2),
        (1, 3),
        (1, 4),
        (1, 5),
        (2, 1),
        (2, 2),
        (3, 1),
        (3, 2),
    ]
    assert [source.line_text(line) for line in (1, 2, 3)] == ["é\U0001f600x", "", "y"]


@pytest.mark.parametrize("content", [b"", b"  \n\t\r\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"])
def test_empty(content: bytes) -> None:
    with pytest.raises(SourceError) as caught:
        read(content)
    assert [d.code for d in caught.value.diagnostics] == ["PGD001"]


@pytest.mark.parametrize(
    ("content", "position", "byte"),
    [
        (b"select 1;\nselect '\xc3\xa9\xe9';\n", (2, 10), "0xe9"),
        (b"\xef\xbb\xbfa\xff", (1, 2), "0xff"),
        (b"a\nb\xc3", (2, 2), "0xc3"),
        ("select 1;".encode("utf-16"), (1, 1), "0xff"),
    ],
)
def test_not_utf8(content: bytes, position: tuple[int, int], byte: str) -> None:
    with pytest.raises(SourceError) as caught:
        read(content, "x.pgd")
    (problem,) = caught.value.diagnostics
    assert problem.code == "PGD002"
    assert byte in problem.message
    assert caught.value.source.position(problem.span.start) == position
    assert caught.value.source.name == "x.pgd"
