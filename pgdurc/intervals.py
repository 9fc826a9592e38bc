"""Texts that PostgreSQL reads as an interval, as far as can be told without asking it."""

from __future__ import annotations

import re

_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)"
_UNITS = (
    r"(?:microsecon(?:d|ds)?|usecs?|useconds?|us|milliseconds?|msecs?|mseconds?|ms|seconds?|secs?|s|minutes?|mins?|m"
    r"|hours?|hrs?|hr|h|days?|d|weeks?|w|months?|mons?|years?|yrs?|y|decades?|decs?|centur(?:y|ies)|c|millennia|mil)"
)
_TIME = r"[+-]?\d+:\d{1,2}(?::\d{1,2}(?:\.\d*)?)?"
_WORDS = re.compile(
    rf"\s*(?:@\s*)?(?:(?:{_NUMBER}\s*{_UNITS}|{_TIME})\s*)+(?:ago\s*)?\Z", re.IGNORECASE | re.ASCII
)
_ISO = re.compile(
    rf"\s*P(?=.)(?:{_NUMBER}Y)?(?:{_NUMBER}M)?(?:{_NUMBER}W)?(?:{_NUMBER}D)?"
    rf"(?:T(?=.)(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?\s*\Z",
    re.ASCII,
)
_PIECE = re.compile(rf"({_NUMBER})\s*({_UNITS})(?![a-z])|({_TIME})", re.IGNORECASE | re.ASCII)
_ISO_PIECE = re.compile(rf"({_NUMBER})([YMWDHS])", re.ASCII)
_SECONDS = re.compile(r"\s*\d+(?:\.\d*)?\s*\Z", re.ASCII)

_YEAR_S = 31_556_952
# Seconds of the units that begin so; of two that do, the first one.
_UNIT_S = {
    "u": 1e-6,
    "micro": 1e-6,
    "ms": 1e-3,
    "millis": 1e-3,
    "mil": 1000 * _YEAR_S,
    "mon": _YEAR_S / 12,
    "m": 60,
    "s": 1,
    "h": 3600,
    "dec": 10 * _YEAR_S,
    "d": 86_400,
    "w": 7 * 86_400,
    "y": _YEAR_S,
    "c": 100 * _YEAR_S,
}

LONGEST_S = 9_000_000_000_000
"""A timestamp has the years up to 294276: what is longer from now on has no end there."""
LONGEST_YEARS = LONGEST_S // _YEAR_S


def is_interval(text: str) -> bool:
    """`90 seconds`, `1 hour 30 minutes`, `00:05:00`, `PT5M`; a bare number is seconds."""
    return bool(_WORDS.match(text) or _ISO.match(text) or _SECONDS.match(text))


def is_negative(text: str) -> bool:
    """Whether it counts backwards, in whole or in part."""
    return "-" in text or text.rstrip().lower().endswith("ago")


def is_too_long(text: str) -> bool:
    """Whether an interval from now on ends after PostgreSQL's time; a month has its average length."""
    return _seconds(text) > LONGEST_S


def _seconds(text: str) -> float:
    if _SECONDS.match(text):
        return float(text)
    if _ISO.match(text):
        date, _, time = text.partition("T")
        return sum(
            float(number) * _unit_s("mon" if unit == "M" and part is date else unit)
            for part in (date, time)
            for number, unit in _ISO_PIECE.findall(part)
        )
    total = 0.0
    for number, unit, clock in _PIECE.findall(text):
        if clock:
            hours, minutes, *_ = clock.split(":")
            total += float(hours) * 3600 + float(minutes) * 60
        else:
            total += float(number) * _unit_s(unit)
    return total


def _unit_s(unit: str) -> float:
    return next(seconds for begin, seconds in _UNIT_S.items() if unit.lower().startswith(begin))
