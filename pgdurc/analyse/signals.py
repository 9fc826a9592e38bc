"""Signals: their names, and where one that timed out would pass for one that came."""

from __future__ import annotations

from pgdurc import tree
from pgdurc.analyse.draft import Draft, error, warning
from pgdurc.analyse.walk import nodes
from pgdurc.diagnostic import Diagnostic


def check_signals(draft: Draft) -> Draft:
    """Report names that cannot be, and signals in the place of a condition."""
    problems: list[Diagnostic] = []
    for node in nodes(draft.declaration.body):
        match node:
            case tree.Signal(name=name, span=span) if not name.value:
                hint = "such as df.wait_for_signal('approved')"
                problems.append(error("PGD413", "the name of a signal cannot be empty", span, hint))
            case tree.If(condition=condition) | tree.Loop(condition=condition) if condition is not None:
                problems += _check_condition(condition)
    return draft.reporting(problems)


def _check_condition(condition: tree.Tree) -> list[Diagnostic]:
    name, signal = "s", condition
    if isinstance(condition, tree.Named):
        name, signal = condition.name.text, condition.body
    if not isinstance(signal, tree.Signal) or signal.timeout is None:
        return []
    message = "this holds also where the signal did not come in time"
    hint = f"bind it, |=> {name}, and let the condition be a step after it: 'SELECT NOT ${name}.timed_out'"
    return [warning("PGD414", message, signal.span, hint)]
