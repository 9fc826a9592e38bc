"""How a message shows a reading of an expression: with the fewest parentheses that make it explicit."""

from __future__ import annotations

import re

from pgdurc.diagnostic import Span
from pgdurc.precedence import (
    Atom,
    Binary,
    Branch,
    Chain,
    Node,
    Operand,
    Operator,
    ReadingError,
    Repeat,
    Seq,
    Then,
    fold_documented,
    fold_real,
    is_same,
)

_NOWHERE = Span(0, 0)
_LEAF_WIDTH = 24
_MAX_SHOWN = 40  # operands up to which parentheses are removed one by one
_MAX_PARTS = 5
_MAX_DEPTH = 12
_DOLLAR_TAG = re.compile(r"\$[^$\s]*\$")


def abbreviate(text: str) -> str:
    """The text of an operand, short and on one line, with its quotes or parentheses left on."""
    flat = " ".join(text.split())
    if len(flat) <= _LEAF_WIDTH:
        return flat
    if flat.endswith("'"):
        return flat[: _LEAF_WIDTH - 3].rstrip() + "...'"
    if (tag := _DOLLAR_TAG.match(flat)) is not None:  # and not a reference
        return flat[: tag.end() + _LEAF_WIDTH - 6].rstrip() + "..." + tag.group()
    if flat.startswith("("):
        return "(...)"
    if flat.endswith(")"):
        return flat[: flat.index("(")] + "(...)"
    return flat[: _LEAF_WIDTH - 3] + "..."


def show(node: Node) -> str:
    """An expression that both precedences read as `node`.

    Leaves must be Atoms. Parentheses are put around everything first and taken away one pair after the other
    as long as both readings stay the same; a very large expression keeps them.
    """
    is_large = _atom_count(node) > _MAX_SHOWN
    if is_large:
        node = _shallow(node, _MAX_DEPTH)
    chain = _explicit(node)
    if not is_large:
        while (fewer := _without_one_group(chain, chain, node)) is not None:
            chain = fewer
    return _text(chain)


def show_difference(one: Node, other: Node) -> tuple[str, str]:
    """Both readings, without what long sequences have in common at their ends."""
    if isinstance(one, Seq) and isinstance(other, Seq) and max(len(one.parts), len(other.parts)) > _MAX_PARTS:
        first, last = 0, 0
        shorter = min(len(one.parts), len(other.parts))
        while first < shorter - 1 and is_same(one.parts[first], other.parts[first]):
            first += 1
        while last < shorter - first - 1 and is_same(one.parts[-1 - last], other.parts[-1 - last]):
            last += 1
        one, other = _middle(one, first, last), _middle(other, first, last)
    return show(one), show(other)


def _middle(sequence: Seq, first: int, last: int) -> Seq:
    before: list[Node] = [Atom("...", _NOWHERE)] if first else []
    after: list[Node] = [Atom("...", _NOWHERE)] if last else []
    return Seq(before + sequence.parts[first : len(sequence.parts) - last] + after)


def _shallow(node: Node, depth: int) -> Node:
    """What lies deeper is left out: a long chain of ifs or joins is as deep as it is long."""
    match node:
        case Atom():
            return node
        case _ if depth == 0:
            return Atom("(...)", _NOWHERE, is_group=True)
        case Seq(parts):
            return Seq([_shallow(part, depth - 1) for part in parts])
        case Binary(operator, left, right):
            return Binary(operator, _shallow(left, depth - 1), _shallow(right, depth - 1))
        case Branch(condition, then, otherwise):
            return Branch(*(_shallow(part, depth - 1) for part in (condition, then, otherwise)))
        case Repeat(body, span):
            return Repeat(_shallow(body, depth - 1), span)
        case Then():
            raise AssertionError("a fold leaves no ?> without its !>")


def _explicit(node: Node) -> Chain:
    match node:
        case Atom():
            return Chain([Operand(node)], [])
        case Seq(parts):
            chain = _part(parts[0])
            for part in parts[1:]:
                following = _part(part)
                chain.operators += [_operator("~>"), *following.operators]
                chain.operands += following.operands
            return chain
        case Binary(operator, left, right):
            return Chain([_operand(left), _operand(right)], [_operator(operator)])
        case Branch(condition, then, otherwise):
            operands = [_operand(condition), _operand(then), _operand(otherwise)]
            return Chain(operands, [_operator("?>"), _operator("!>")])
        case Repeat(body):
            operand = _operand(body)
            if isinstance(operand.inner, Atom) and not operand.inner.is_group and not operand.loops:
                operand = Operand(Chain([operand], []))
            return Chain([Operand(operand.inner, operand.loops + 1)], [])
        case Then():
            raise AssertionError("a fold leaves no ?> without its !>")


def _part(node: Node) -> Chain:
    match node:
        case Binary("|=>", Atom(), _) | Atom() | Repeat():
            return _explicit(node)
        case _:
            return Chain([Operand(_explicit(node))], [])


def _operand(node: Node) -> Operand:
    if isinstance(node, Atom):
        return Operand(node)
    chain = _explicit(node)
    return chain.operands[0] if isinstance(node, Repeat) else Operand(chain)


def _operator(text: str) -> Operator:
    return Operator(text, _NOWHERE)


def _atom_count(node: Node) -> int:
    """Without recursion, unlike all else here: what is large may be deep."""
    count = 0
    pending = [node]
    while pending:
        match pending.pop():
            case Atom():
                count += 1
            case Seq(parts):
                pending += parts
            case Binary(_, left, right):
                pending += [left, right]
            case Branch(condition, then, otherwise):
                pending += [condition, then, otherwise]
            case Repeat(body):
                pending.append(body)
            case Then():
                raise AssertionError("a fold leaves no ?> without its !>")
    return count


def _without_one_group(whole: Chain, part: Chain, wanted: Node) -> Chain | None:
    """`whole` with one pair of parentheses fewer, somewhere in `part`; None where each is needed."""
    for index, operand in enumerate(part.operands):
        if isinstance(operand.inner, Atom):
            continue
        inner = operand.inner
        first = inner.operands[0]
        spliced = [Operand(first.inner, first.loops + operand.loops), *inner.operands[1:]]
        before = part.operands, part.operators
        part.operands = part.operands[:index] + spliced + part.operands[index + 1 :]
        part.operators = part.operators[:index] + inner.operators + part.operators[index:]
        if _is_read_as(whole, wanted):
            return whole
        part.operands, part.operators = before
        if _without_one_group(whole, inner, wanted) is not None:
            return whole
    return None


def _is_read_as(chain: Chain, wanted: Node) -> bool:
    try:
        return is_same(fold_real(chain), wanted) and is_same(fold_documented(chain), wanted)
    except ReadingError:
        return False


def _text(chain: Chain) -> str:
    words = [operand_text(chain.operands[0])]
    for operator, operand in zip(chain.operators, chain.operands[1:], strict=True):
        words += [operator.text, operand_text(operand)]
    return " ".join(words)


def operand_text(operand: Operand) -> str:
    """An operand with its prefix operators."""
    inner = operand.inner.text if isinstance(operand.inner, Atom) else f"({_text(operand.inner)})"
    return "@> " * operand.loops + inner
