"""The arguments of a node call, positional and named, to the node's parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgdurc import nodes
from pgdurc.nearest import nearest
from pgdurc.shape import StatementError

if TYPE_CHECKING:
    from pgdurc.diagnostic import Span
    from pgdurc.operand import Given, Value


def bind(name: str, span: Span, given: list[Given]) -> dict[str, Value]:
    """The arguments by parameter, as PostgreSQL's named notation has it, in the order of the parameters.

    What repeats the last parameter has its position for a name. Raises StatementError.
    """
    parameters = nodes.NODES[name]
    usage = f"usage: {nodes.signature(name)}"
    bound: dict[str, Value] = {}
    has_labels = False
    if len(given) > len(parameters) and not parameters[-1].is_repeated:
        message = f"df.{name} takes at most {_arguments(len(parameters))}, not {len(given)}"
        raise StatementError("PGD121", message, given[len(parameters)].span, usage)
    for position, argument in enumerate(given):
        if argument.label is None and has_labels:
            raise StatementError(
                "PGD122", "positional argument cannot follow named argument", argument.span, usage
            )
        has_labels = has_labels or argument.label is not None
        if argument.label is None:
            label = parameters[position].name if position < len(parameters) else str(position + 1)
        elif argument.label in {parameter.name for parameter in parameters}:
            label = argument.label
        else:
            label = argument.label
            guess = nearest(label, [p.name for p in parameters])
            hint = usage if guess is None else f'did you mean "{guess}"?'
            raise StatementError(
                "PGD122", f'df.{name} has no argument named "{label}"', argument.label_span, hint
            )
        if label in bound:
            raise StatementError(
                "PGD122", f'argument "{label}" specified more than once', argument.label_span, usage
            )
        bound[label] = argument.value
    for parameter in parameters:
        if not parameter.is_optional and parameter.name not in bound:
            raise StatementError("PGD121", f'df.{name} lacks the argument "{parameter.name}"', span, usage)
    first = {parameter.name: bound[parameter.name] for parameter in parameters if parameter.name in bound}
    return first | bound


def _arguments(count: int) -> str:
    return "1 argument" if count == 1 else f"{count} arguments"
