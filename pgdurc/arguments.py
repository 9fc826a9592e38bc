"""The arguments of a node call, positional and named, to the node's parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgdurc import nodes
from pgdurc.diagnostic import Diagnostic, Severity
from pgdurc.nearest import nearest
from pgdurc.tree import Unread

if TYPE_CHECKING:
    from pgdurc.diagnostic import Span
    from pgdurc.operand import Given, Value


def bind(name: str, span: Span, given: list[Given]) -> tuple[dict[str, Value], list[Diagnostic]]:
    """The arguments by parameter, as PostgreSQL's named notation has it, in the order of the parameters.

    What repeats the last parameter has its position for a name. And what is wrong with them; nothing is said
    of what is missing where one of the others may be, or hold, that.
    """
    parameters = nodes.NODES[name]
    usage = f"usage: {nodes.signature(name)}"
    bound: dict[str, Value] = {}
    problems: list[Diagnostic] = []

    def problem(code: str, message: str, place: Span, hint: str = usage) -> None:
        problems.append(Diagnostic(code, Severity.ERROR, message, place, hint))

    has_labels = False
    if len(given) > len(parameters) and not parameters[-1].is_repeated:
        message = f"df.{name} takes at most {_arguments(len(parameters))}, not {len(given)}"
        problem("PGD121", message, given[len(parameters)].span)
        given = given[: len(parameters)]
    for position, argument in enumerate(given):
        if argument.label is None and has_labels:
            problem("PGD122", "positional argument cannot follow named argument", argument.span)
            continue
        has_labels = has_labels or argument.label is not None
        if argument.label is None:
            label = parameters[position].name if position < len(parameters) else str(position + 1)
        elif argument.label in {parameter.name for parameter in parameters}:
            label = argument.label
        else:
            guess = nearest(argument.label, [p.name for p in parameters])
            hint = usage if guess is None else f'did you mean "{guess}"?'
            message = f'df.{name} has no argument named "{argument.label}"'
            problem("PGD122", message, argument.label_span, hint)
            continue
        if label in bound:
            problem("PGD122", f'argument "{label}" specified more than once', argument.label_span)
        bound[label] = argument.value
    missing = [p.name for p in parameters if not p.is_optional and p.name not in bound]
    is_unread = any(isinstance(argument.value, Unread) for argument in given)
    if missing and not problems and not is_unread:
        problem("PGD121", f'df.{name} lacks the argument "{missing[0]}"', span)
    first = {parameter.name: bound[parameter.name] for parameter in parameters if parameter.name in bound}
    return first | bound, problems


def _arguments(count: int) -> str:
    return "1 argument" if count == 1 else f"{count} arguments"
