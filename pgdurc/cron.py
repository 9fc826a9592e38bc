"""Cron expressions: whether df.next_cron_v1 of the runtime will read one, and where it goes wrong."""

from __future__ import annotations

import re
from dataclasses import dataclass

SHORTHANDS = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")


@dataclass(frozen=True, slots=True)
class CronProblem:
    """What is wrong with `[start, end)` of the text."""

    message: str
    start: int
    end: int
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    first: int
    last: int
    names: tuple[str, ...] = ()

    @property
    def hint(self) -> str:
        words = f", or {self.names[0][:3]} to {self.names[-1][:3]}" if self.names else ""
        return f"{self.name}: {self.first} to {self.last}{words}; *, lists, ranges a-b and steps */n"


# Their first three letters will do.
_MONTHS = (
    "JANUARY",
    "FEBRUARY",
    "MARCH",
    "APRIL",
    "MAY",
    "JUNE",
    "JULY",
    "AUGUST",
    "SEPTEMBER",
    "OCTOBER",
    "NOVEMBER",
    "DECEMBER",
)
_WEEKDAYS = ("SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY")
_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of the week", 0, 7, _WEEKDAYS),
)
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_WORD = re.compile(r"[^ \t\r\n]+")
_ITEM = re.compile(
    r"(?:\*|(?P<a>[0-9]{1,3}|[A-Z]{3,9})(?:-(?P<b>[0-9]{1,3}|[A-Z]{3,9}))?)(?:/(?P<step>[0-9]{1,3}))?\Z",
    re.ASCII | re.IGNORECASE,
)


def check_cron(text: str) -> CronProblem | None:
    """The first problem of a cron expression."""
    words = list(_WORD.finditer(text))
    if len(words) == 1 and words[0].group().startswith("@"):
        if words[0].group().lower() in SHORTHANDS:
            return None
        known = f"there are {', '.join(SHORTHANDS)}"
        return CronProblem(f'unknown schedule "{words[0].group()}"', *words[0].span(), known)
    if len(words) != len(_FIELDS):
        count = {0: "none", 1: "1 field"}.get(len(words), f"{len(words)} fields")
        order = "minute, hour, day of the month, month, day of the week, such as '0 9 * * MON-FRI'"
        return CronProblem(f"a schedule has 5 fields, not {count}", 0, len(text), order)
    values: list[set[int]] = []
    for field, word in zip(_FIELDS, words, strict=True):
        read = _read(field, word.group(), word.start())
        if isinstance(read, CronProblem):
            return read
        values.append(read)
    _, _, days, months, _ = values
    needs_both = any(words[at].group().startswith("*") for at in (2, 4))
    if needs_both and min(days) > max(_DAYS[month - 1] for month in months):
        message = f"the schedule never comes: no month of it has a day {min(days)}"
        return CronProblem(message, *words[2].span(), "take a day that one of its months has")
    return None


def _read(field: _Field, text: str, start: int) -> set[int] | CronProblem:
    values: set[int] = set()
    at = start
    for item in text.split(","):
        place = (at, at + len(item))
        at += len(item) + 1
        match = _ITEM.match(item)
        if not item:
            return CronProblem("a value is missing in the list", start, start + len(text), field.hint)
        if match is None:
            return CronProblem(f'"{item}" is no {field.name}', *place, field.hint)
        first = _number(field, match["a"]) if match["a"] else field.first
        last = first
        if match["b"]:
            last = _number(field, match["b"])
        elif not match["a"] or match["step"]:
            last = field.last
        step = int(match["step"] or 1)
        if first is None or last is None:
            return CronProblem(f'"{item}" is no {field.name}', *place, field.hint)
        if first > last:
            return CronProblem(f'"{item}" ends before it begins', *place, field.hint)
        if step == 0:
            return CronProblem(f'the step of "{item}" is zero', *place, field.hint)
        values.update(range(first, last + 1, step))
    return values


def _number(field: _Field, word: str) -> int | None:
    """A value of the field, as a number or by its name."""
    if word.isdecimal():
        number = int(word)
        return number if field.first <= number <= field.last else None
    name = word.upper()
    for number, known in enumerate(field.names, field.first):
        if name in (known, known[:3]):
            return number
    return None
