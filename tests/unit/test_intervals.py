"""Intervals, read as PostgreSQL reads them."""

from __future__ import annotations

import pytest

from pgdurc.intervals import LONGEST_S, is_interval, is_too_long

TEXTS = [
    *(
        "us",
        "usec",
        "usecs",
        "useconds",
        "microsecond",
        "microseconds",
        "ms",
        "msec",
        "mseconds",
        "milliseconds",
    ),
    *(
        "s",
        "sec",
        "secs",
        "second",
        "SECONDS",
        "m",
        "min",
        "mins",
        "minute",
        "minutes",
        "h",
        "hr",
        "hrs",
        "hours",
    ),
    *("d", "day", "days", "w", "week", "weeks", "mon", "mons", "month", "months", "y", "yr", "yrs", "years"),
    *("decade", "decs", "c", "century", "centuries", "mil", "millennia"),
]


@pytest.mark.parametrize(
    "unit", [*TEXTS, "P{}Y", "P{}M", "P{}W", "P{}D", "PT{}H", "PT{}M", "PT{}S", "{}:00", "{}"]
)
def test_how_long_is_too_long(database, unit):
    """The least number of that unit that is too long, found by halving, is by PostgreSQL as long as the limit."""
    written = (unit if "{}" in unit else f"{{}} {unit}").format
    assert is_interval(written(1))
    fits, too_long = 0, 10**20
    while too_long - fits > max(1, too_long // 10**6):
        middle = (fits + too_long) // 2
        fits, too_long = (fits, middle) if is_too_long(written(middle)) else (middle, too_long)
    seconds = float(database.value("SELECT extract(epoch FROM %s::interval)", written(1))) * fits
    assert seconds == pytest.approx(LONGEST_S, rel=0.02)


def test_the_parts_of_an_interval_add_up():
    assert is_too_long("200000 years 1100000 months")
    assert is_too_long("P200000Y1100000M")
    assert not is_too_long("200000 years 1100000 minutes")
    assert not is_too_long("P200000YT1100000M")
