"""How deep joins and races are nested: each level is a task that waits for those below it."""

from __future__ import annotations

from pgdurc import tree
from pgdurc.analyse.draft import Draft, error
from pgdurc.analyse.walk import children

MAX_DEPTH = 256


def check_depth(draft: Draft) -> Draft:
    """Report the first join or race that is too deep in others: a chain of them is as deep as it is long."""
    pending = [(draft.declaration.body, 0)]
    while pending:
        node, depth = pending.pop()
        if isinstance(node, tree.Join | tree.Race):
            depth += 1
            if depth > MAX_DEPTH:
                word, operator = ("join", "&") if isinstance(node, tree.Join) else ("race", "|")
                message = f"joins and races are nested more than {MAX_DEPTH} deep"
                hint = f"df.{word} takes any number of branches, and each {operator} nests them one deeper"
                return draft.reporting([error("PGD412", message, node.span, hint)])
        pending += [(child, depth) for child in reversed(children(node))]
    return draft
