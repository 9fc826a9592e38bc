"""Cron expressions: df.next_cron_v1 against a library, on the clock and around its changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import psycopg
import pytest
from cronsim import CronSim, CronSimError
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from pgdurc.cron import check_cron

# Clocks change there by an hour, at midnight, by a day, and not at all. (By half an hour the library goes wrong.)
ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",
    "Pacific/Apia",
    "Asia/Kolkata",
    "UTC",
)
# When clocks were changed there.
CHANGES = [
    datetime(2024, 3, 31, 1, tzinfo=UTC),
    datetime(2024, 10, 27, 1, tzinfo=UTC),
    datetime(2024, 3, 10, 7, tzinfo=UTC),
    datetime(2024, 11, 3, 6, tzinfo=UTC),
    datetime(2018, 11, 4, 3, tzinfo=UTC),
    datetime(2018, 2, 18, 2, tzinfo=UTC),
    datetime(2011, 12, 30, 10, tzinfo=UTC),
]
MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
WEEKDAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]


@st.composite
def fields(draw: st.DrawFn, first: int, last: int, names: list[str] | None = None) -> str:
    def word(value: int) -> str:
        if names is None or value >= first + len(names) or draw(st.integers(0, 2)):
            return str(value)
        name = names[value - first]
        return draw(st.sampled_from([name, name.lower(), name.title()]))

    def item() -> str:
        a, b = sorted(draw(st.tuples(st.integers(first, last), st.integers(first, last))))
        step = draw(st.integers(1, 20))
        # The library takes 5-5/2 for 5/2.
        kinds = ["{a}", "{a}-{b}", "{a}/{step}", "*/{step}", "*"] + (["{a}-{b}/{step}"] if a < b else [])
        return draw(st.sampled_from(kinds)).format(a=word(a), b=word(b), step=step)

    return ",".join(item() for _ in range(draw(st.sampled_from([1, 1, 1, 2, 3]))))


expressions = st.builds(
    lambda *parts: " ".join(parts),
    fields(0, 59),
    fields(0, 23),
    st.one_of(st.just("*"), fields(1, 31)),
    st.one_of(st.just("*"), fields(1, 12, MONTHS)),
    st.one_of(st.just("*"), fields(0, 7, WEEKDAYS)),
)
instants = st.one_of(
    st.datetimes(datetime(2000, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)),
    st.builds(
        lambda change, seconds: change + timedelta(seconds=seconds),
        st.sampled_from(CHANGES),
        st.integers(-100_000, 20_000),
    ),
)


def by_the_library(expression: str, zone: str, after: datetime) -> datetime | None:
    """What the library says, where that is a time on the clock and later than `after`."""
    local = after.astimezone(ZoneInfo(zone))
    try:
        found = next(CronSim(expression, local.replace(second=0, microsecond=0)), None)
    except CronSimError:  # a day that none of the months has
        return None
    if found is None:
        return None
    instant = found.astimezone(UTC)
    # It begins anew at an hour that comes twice, and says midnight where the day begins at one.
    assume(instant > after and instant.astimezone(found.tzinfo) == found.replace(fold=0))
    assume((found.hour, found.minute) == (instant.astimezone(found.tzinfo).hour, found.minute))
    return instant


def next_cron(database, expression: str, zone: str, after: datetime) -> datetime | None:
    found = database.value("SELECT df.next_cron_v1(%s, %s, %s)", expression, zone, after)
    return None if found is None else found.astimezone(UTC)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(expressions, st.sampled_from(ZONES), instants)
@example("30 2 * * *", "Europe/Berlin", CHANGES[0] - timedelta(hours=1))
@example("30 2 * * *", "Europe/Berlin", CHANGES[1] - timedelta(hours=3))
@example("*/15 * * * *", "Europe/Berlin", CHANGES[1] - timedelta(minutes=20))
def test_it_agrees_with_a_library(any_database, expression, zone, after):
    expected = by_the_library(expression, zone, after)
    assert next_cron(any_database, expression, zone, after) == expected


@pytest.mark.parametrize(
    ("expression", "zone", "after", "expected"),
    [
        # At fixed hours and minutes: after the gap, and once where the hour comes twice.
        ("30 2 * * *", "Europe/Berlin", "2024-03-31 00:45+01", "2024-03-31 03:00+02"),
        ("0,30 2 * * *", "Europe/Berlin", "2024-03-31 03:00+02", "2024-04-01 02:00+02"),
        ("30 2 * * *", "Europe/Berlin", "2024-10-27 02:29+02", "2024-10-27 02:30+02"),
        ("30 2 * * *", "Europe/Berlin", "2024-10-27 02:30+02", "2024-10-28 02:30+01"),
        ("30 2 * * *", "Europe/Berlin", "2024-10-27 02:10+01", "2024-10-28 02:30+01"),
        # By the time that has passed: in both.
        ("*/30 * * * *", "Europe/Berlin", "2024-10-27 02:30+02", "2024-10-27 02:00+01"),
        ("0 * * * *", "Europe/Berlin", "2024-03-31 01:30+01", "2024-03-31 03:00+02"),
        # By half an hour.
        ("45 1 * * *", "Australia/Lord_Howe", "2024-04-07 01:00+11", "2024-04-07 01:45+11"),
        ("45 1 * * *", "Australia/Lord_Howe", "2024-04-07 01:45+11", "2024-04-08 01:45+10:30"),
        ("0 */2 * * *", "Australia/Lord_Howe", "2024-04-07 01:45+11", "2024-04-07 02:00+10:30"),
        ("15 2 * * *", "Australia/Lord_Howe", "2024-10-06 00:00+10:30", "2024-10-06 02:30+11"),
        # At midnight, and a day that never was.
        ("0 0 * * *", "America/Sao_Paulo", "2018-11-03 12:00-03", "2018-11-04 01:00-02"),
        ("*/20 0 * * *", "America/Sao_Paulo", "2018-11-03 12:00-03", "2018-11-05 00:00-02"),
        ("0 12 30 * *", "Pacific/Apia", "2011-12-29 12:00-10", "2011-12-31 00:00+14"),
        # Rare ones, fast: 29 February, also on a given weekday across the year 2100.
        ("0 0 29 2 *", "UTC", "2024-02-29 00:00+00", "2028-02-29 00:00+00"),
        ("0 0 29 2 */7", "UTC", "2088-02-29 00:00+00", "2128-02-29 00:00+00"),
        # Either day, unless one begins with a star.
        ("0 0 13 * FRI", "UTC", "2024-06-01 00:00+00", "2024-06-07 00:00+00"),
        ("0 0 */13 * FRI", "UTC", "2024-06-01 00:00+00", "2024-06-14 00:00+00"),
        ("0 0 * * 7", "UTC", "2024-06-01 00:00+00", "2024-06-02 00:00+00"),
        ("0 0 * * 5-7", "UTC", "2024-06-01 00:00+00", "2024-06-02 00:00+00"),
        ("59 23 31 dec *", "UTC", "2024-06-01 00:00+00", "2024-12-31 23:59+00"),
        (" 5\t* *  * * ", "UTC", "2024-06-01 00:05:01+00", "2024-06-01 01:05+00"),
        ("@hourly", "UTC", "2024-06-01 00:00+00", "2024-06-01 01:00+00"),
        ("@Weekly", "UTC", "2024-06-01 00:00+00", "2024-06-02 00:00+00"),
        ("@annually", "Europe/Berlin", "2024-06-01 00:00+00", "2025-01-01 00:00+01"),
        ("0 0 31 2 *", "UTC", "2024-06-01 00:00+00", None),
        ("* * * * *", "UTC", "infinity", None),
    ],
)
def test_instants(database, expression, zone, after, expected):
    query = "SELECT df.next_cron_v1(%s, %s, %s) IS NOT DISTINCT FROM %s::timestamptz"
    assert database.value(query, expression, zone, after, expected), database.value(
        "SELECT df.next_cron_v1(%s, %s, %s)", expression, zone, after
    )


NOT_CRON = (
    "",
    "* * * *",
    "* * * * * *",
    "60 * * * *",
    "* 24 * * *",
    "* * 0 * *",
    "* * * 13 *",
    "* * * * 8",
    "5-1 * * * *",
    "*/0 * * * *",
    "1, * * * *",
    "1- * * * *",
    "1/2/3 * * * *",
    "*-5 * * * *",
    "MON * * * *",
    "* * * MON *",
    "* * L * *",
    "* * * * 5#3",
    "@reboot",
    "* * * * ?",
    "0٠ * * * *",
    "1000 * * * *",
)


@pytest.mark.parametrize("expression", NOT_CRON)
def test_what_is_no_cron_expression(database, expression):
    with pytest.raises(psycopg.Error, match="invalid cron expression") as refused:
        database.query("SELECT df.next_cron_v1(%s, 'UTC', now())", expression)
    assert refused.value.sqlstate == "22023"


@pytest.mark.parametrize("expression", NOT_CRON)
def test_the_compiler_refuses_the_same(expression):
    assert check_cron(expression) is not None


@settings(max_examples=300, deadline=None)
@given(expressions)
def test_the_compiler_takes_what_comes_some_day(expression):
    try:
        comes = next(CronSim(expression, datetime(2024, 1, 1)), None) is not None
    except CronSimError:
        comes = False
    assert (check_cron(expression) is None) == comes


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text("0123456789*/-, aFRIJNV@", max_size=14))
def test_the_compiler_and_the_runtime_read_the_same(database, expression):
    problem = check_cron(expression)
    try:
        found = database.value("SELECT df.next_cron_v1(%s, 'UTC', now())", expression)
    except psycopg.errors.InvalidParameterValue:
        found = None
    assert (problem is None) == (found is not None)


def test_an_unknown_time_zone(database):
    with pytest.raises(psycopg.Error, match='time zone "Nowhere" not recognized'):
        database.query("SELECT df.next_cron_v1('* * * * *', 'Nowhere', now())")


def test_a_zone_made_up_by_hand_has_an_end(database):
    """A day may begin there before the one before it has ended."""
    with database.connect() as connection:
        connection.execute("SET statement_timeout = '20s'")
        found = connection.execute(
            "SELECT df.next_cron_v1('*/7 3 * * 0', 'AAA-24:30BBB+0,J340,J342', '2026-11-30 12:00+00') > '2026-11-30 12:00+00'"
        ).fetchone()
    assert found == (True,)


def test_a_rare_expression_is_found_fast(database):
    database.query("SET statement_timeout = '2s'; SELECT 1")
    took = database.value(
        "WITH t AS MATERIALIZED (SELECT clock_timestamp() AS at),"
        " n AS MATERIALIZED (SELECT df.next_cron_v1('0 0 29 2 *', 'Europe/Berlin', t.at) AS next, t.at FROM t)"
        " SELECT extract(epoch FROM clock_timestamp() - n.at) FROM n WHERE n.next IS NOT NULL"
    )
    assert took < 0.5


@pytest.mark.parametrize(
    ("full", "short"),
    [
        ("0 9 * * Monday-FRIDAY", "0 9 * * MON-FRI"),
        ("0 9 1 january,September *", "0 9 1 JAN,SEP *"),
        ("0 9 * May-august/2 sunday", "0 9 * MAY-AUG/2 SUN"),
    ],
)
def test_names_in_full(any_database, full, short):
    after = datetime(2024, 2, 3, tzinfo=UTC)
    assert check_cron(full) is None
    assert next_cron(any_database, full, "UTC", after) == next_cron(any_database, short, "UTC", after)


@pytest.mark.parametrize(
    "expression", ["0 9 * * MOND", "0 9 * * JANUARY", "0 9 * MONDAY *", "0 9 * * MONDAYS"]
)
def test_what_is_no_name(any_database, expression):
    assert check_cron(expression) is not None
    with pytest.raises(psycopg.Error, match="invalid cron expression: bad field"):
        next_cron(any_database, expression, "UTC", datetime(2024, 2, 3, tzinfo=UTC))
