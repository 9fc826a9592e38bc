"""Schedules: cron expressions that nothing reads or that never come, and names of time zones."""

from __future__ import annotations

from pgdurc import tree
from pgdurc.analyse.draft import Draft, error
from pgdurc.analyse.options import TIME_ZONE
from pgdurc.analyse.walk import nodes
from pgdurc.cron import check_cron
from pgdurc.diagnostic import Diagnostic
from pgdurc.hidden import referred


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
    return draft.reporting(problems)
