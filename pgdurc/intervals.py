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
_SECONDS = re.compile(r"\s*\d+(?:\.\d*)?\s*\Z", re.ASCII)


def is_interval(text: str) -> bool:
    """`90 seconds`, `1 hour 30 minutes`, `00:05:00`, `PT5M`; a bare number is seconds."""
    return bool(_WORDS.match(text) or _ISO.match(text) or _SECONDS.match(text))


def is_negative(text: str) -> bool:
    """Whether it counts backwards, in whole or in part."""
    return "-" in text or text.rstrip().lower().endswith("ago")
