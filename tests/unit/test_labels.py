"""How steps are called."""

from __future__ import annotations

import pytest

from pgdurc.labels import label_of


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("SELECT\n  1,\t2", "SELECT 1, 2"),
        ("SELECT 'é\u200d'", "SELECT 'é\u200d'"),
        ("SELECT '\x1b[31mred\x07\x7f'", "SELECT '\\x1b[31mred\\x07\\x7f'"),
        ("SELECT '\u202eevil'", "SELECT '\\x202eevil'"),
        ("SELECT " + "x" * 80, "SELECT " + "x" * 50 + "..."),
    ],
)
def test_on_one_line_and_harmless_to_a_terminal(text: str, label: str) -> None:
    assert label_of(text) == label
