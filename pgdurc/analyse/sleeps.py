"""Durations of df.sleep: a number of seconds, an interval, or an expression that is neither until it runs."""

from __future__ import annotations

import re

from pgdurc import tree
from pgdurc.analyse.draft import Draft, error
from pgdurc.analyse.walk import nodes
from pgdurc.diagnostic import Diagnostic
from pgdurc.intervals import is_interval, is_negative

_NUMBER = re.compile(r"\s*[+-]?\s*(?:\d+(?:\.\d*)?|\.\d+)\s*\Z", re.ASCII)


def is_number(text: str) -> bool:
    return bool(_NUMBER.match(text))


def check_sleeps(draft: Draft) -> Draft:
    """Report constants that are no duration."""
    problems: list[Diagnostic] = []
    for node in nodes(draft.declaration.body):
        if not isinstance(node, tree.Sleep):
            continue
        value = node.argument.value
        text = draft.texts.get(node.span, ())
        if len(text) > 1 or (text and not isinstance(text[0], str)):
            continue
        if node.is_interval_text and not is_interval(value):
            problems.append(
                error(
                    "PGD411",
                    f'invalid interval: "{value}"',
                    node.span,
                    "such as '90 seconds' or '1 hour 30 minutes'",
                )
            )
        elif (node.is_interval_text or is_number(value)) and is_negative(value):
            problems.append(error("PGD411", "a sleep cannot be negative", node.span))
    return draft.reporting(problems)
