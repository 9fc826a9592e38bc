"""The names that `|=>` binds: what is too long, malformed, or taken by a parameter."""

from __future__ import annotations

from pgdurc import tree
from pgdurc.analyse.draft import Draft, error
from pgdurc.analyse.walk import nodes
from pgdurc.diagnostic import Diagnostic, Related, Span

MAX_NAME_BYTES = 63


def check_bound_names(draft: Draft) -> Draft:
    """Report names that cannot be bound."""
    parameters = {parameter.name: parameter.span for parameter in draft.declaration.parameters}
    problems: list[Diagnostic] = []
    for node in nodes(draft.declaration.body):
        if isinstance(node, tree.Named):
            problems.extend(_check(node.name, parameters))
    return draft.reporting(problems)


def _check(name: tree.Name, parameters: dict[str, Span]) -> list[Diagnostic]:
    if name.text in parameters:
        related = (Related(parameters[name.text], "the parameter"),)
        message = f'"{name.text}" is the name of a parameter'
        return [error("PGD204", message, name.span, "take another name", related)]
    if not name.text:
        return [error("PGD405", "a name cannot be empty", name.span)]
    if name.text.startswith("."):  # those of the compiler's own bindings
        return [error("PGD405", "a name cannot begin with a dot", name.span)]
    if len(name.text.encode()) > MAX_NAME_BYTES:
        message = f"the name is too long: at most {MAX_NAME_BYTES} bytes"
        return [error("PGD405", message, name.span, "take a shorter name")]
    return []
