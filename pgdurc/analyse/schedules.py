"""Schedules, cron expressions that nothing reads or that never come, and the names of time zones."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pgdurc import tree
from pgdurc.analyse.draft import Draft, error, warning
from pgdurc.analyse.options import TIME_ZONE
from pgdurc.analyse.walk import nodes
from pgdurc.cron import check_cron
from pgdurc.diagnostic import Diagnostic, Span
from pgdurc.hidden import referred

# Others, CET or <+03>-3, PostgreSQL knows that no list has.
_PLACE = re.compile(r"[A-Za-z_]+(/[A-Za-z0-9_+\-]+)+\Z")


def check_schedules(draft: Draft) -> Draft:
    """Report bad cron expressions and time zones."""
    problems: list[Diagnostic] = []
    for node in nodes(draft.declaration.body):
        if not isinstance(node, tree.Schedule):
            continue
        problem = check_cron(node.cron.value) if referred(node.cron.value) is None else None
        if problem is not None:
            span = node.cron.span(problem.start, problem.end) if node.cron.value else node.span
            problems.append(error("PGD415", problem.message, span, problem.hint))
        zone = node.timezone
        if zone is not None and referred(zone.value) is None and not TIME_ZONE.match(zone.value):
            span = zone.span(0, len(zone.value)) if zone.value else node.span
            hint = "the name of a time zone, such as 'Europe/Berlin'"
            problems.append(error("PGD415", f'"{zone.value}" is no time zone', span, hint))
    return draft.reporting([*problems, *_unknown_zones(draft)])


def _unknown_zones(draft: Draft) -> Iterator[Diagnostic]:
    import difflib  # only where something is wrong

    for name, span in _zones(draft):
        if not _PLACE.match(name):
            continue
        known = _known_zones()
        if known and name.lower() not in {zone.lower() for zone in known}:
            guesses = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean '{guesses[0]}'?" if guesses else "see pg_timezone_names"
            yield warning("PGD417", f'time zone "{name}" is not known here', span, hint)


def _zones(draft: Draft) -> Iterator[tuple[str, Span]]:
    for option in draft.declaration.options:
        if option.name == "timezone":
            yield option.value, option.value_span
    for node in nodes(draft.declaration.body):
        if isinstance(node, tree.Schedule) and node.timezone is not None and node.timezone.value:
            yield node.timezone.value, node.timezone.span(0, len(node.timezone.value))


def _known_zones() -> set[str]:
    """Empty on a machine that has no list of them."""
    import zoneinfo  # only where one is named

    return zoneinfo.available_timezones()
