"""`WITH (max_attempts = 5, ...)`: known names, good values."""

from __future__ import annotations

import re
from dataclasses import replace

from pgdurc import tree
from pgdurc.analyse.draft import Draft, error
from pgdurc.diagnostic import Diagnostic
from pgdurc.graph import Options
from pgdurc.intervals import LONGEST_YEARS, is_interval, is_negative, is_too_long
from pgdurc.nearest import nearest

_KNOWN = ("max_attempts", "backoff", "backoff_max", "trace", "timezone")
_LATER = ("step_timeout", "timeout")
_MAX_ATTEMPTS = 1_000_000
# PostgreSQL takes any name from its directory of time zones, and offsets in POSIX notation.
TIME_ZONE = re.compile(r"[A-Za-z0-9_+\-/:<>., ]+\Z")


def read_options(draft: Draft) -> Draft:
    """Add `options`; report unknown and bad ones."""
    problems: list[Diagnostic] = []
    options = Options()
    for option in draft.declaration.options:
        read = _read(options, option)
        if isinstance(read, Diagnostic):
            problems.append(read)
        else:
            options = read
    return replace(draft, options=options).reporting(problems)


def _read(options: Options, option: tree.Option) -> Options | Diagnostic:
    value = option.value
    match option.name:
        case "max_attempts":
            if not re.fullmatch(r"[0-9]{1,7}", value) or not 1 <= int(value) <= _MAX_ATTEMPTS:
                return _bad(option, f"a whole number from 1 to {_MAX_ATTEMPTS}; the first attempt counts")
            return replace(options, max_attempts=int(value))
        case "backoff" | "backoff_max":
            if not is_interval(value) or is_negative(value):
                return _bad(option, "an interval, such as '1 second' or '5 minutes'")
            if is_too_long(value):
                return _bad(option, f"PostgreSQL's time ends after some {LONGEST_YEARS:,} years")
            text = f"{value.strip()} seconds" if re.fullmatch(r"\s*[0-9.]+\s*", value, re.ASCII) else value
            return (
                replace(options, backoff=text)
                if option.name == "backoff"
                else replace(options, backoff_max=text)
            )
        case "trace":
            if value.lower() != "full":
                return _bad(option, "trace = full keeps the result of every step")
            return replace(options, trace="full")
        case "timezone":
            if not TIME_ZONE.match(value):
                return _bad(option, "the name of a time zone, such as 'Europe/Berlin'")
            return replace(options, timezone=value)
        case name if name in _LATER:
            hint = "leave it out; df.race(step, df.sleep('1 hour')) goes on after an hour at the latest"
            return error("PGD904", f'option "{name}" is not supported yet', option.name_span, hint)
    guess = nearest(option.name, _KNOWN)
    hint = f'did you mean "{guess}"?' if guess else f"known options: {', '.join(_KNOWN)}"
    return error("PGD401", f'unknown option "{option.name}"', option.name_span, hint)


def _bad(option: tree.Option, hint: str) -> Diagnostic:
    return error(
        "PGD402", f'invalid value for option "{option.name}": "{option.value}"', option.value_span, hint
    )
