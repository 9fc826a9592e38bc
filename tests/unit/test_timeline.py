"""Durations as people read them."""

from __future__ import annotations

import pytest

from pgdurc.timeline import duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, ""),
        (0, "0 s"),
        (0.00084, "840 µs"),
        (0.012, "12 ms"),
        (0.9994, "999 ms"),
        (0.9996, "1 s"),
        (3.21, "3.21 s"),
        (59.94, "59.9 s"),
        (59.99, "60 s"),
        (60, "1 min 0 s"),
        (250, "4 min 10 s"),
        (3599.6, "1 h 0 min"),
        (7500, "2 h 5 min"),
    ],
)
def test_three_figures_are_enough(seconds, text):
    assert duration(seconds) == text
