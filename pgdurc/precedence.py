"""A flat chain of operands and operators, folded by PostgreSQL's precedence and by the documented one.

In PostgreSQL all workflow operators share one level and associate to the left, and prefix `@>` takes the one
operand after it. pg_durable's documentation claims a table. Both folds build the same normal form, so that
they can be compared: sequences are flat, a name or an undo after a sequence belongs to its last part, and a
sequence in a condition's place stands in front of the if. A parenthesised operand right after `@>` is
explicit: both folds take just it.

Nothing here recurses over the length of a chain.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pgdurc.diagnostic import Span

OPERATORS = ("~>", "|=>", "&", "|", "?>", "!>", "<->")
_TIGHTNESS = {"<->": 6, "|=>": 5, "&": 4, "|": 3, "~>": 2, "?>": 1, "!>": 1, "@>": 0}


@dataclass(frozen=True, slots=True)
class Atom:
    """An operand that precedence does not look into. `text` is what a message shows for it."""

    text: str
    span: Span
    is_group: bool = False
    value: Any = None


@dataclass(frozen=True, slots=True)
class Operator:
    text: str
    span: Span


@dataclass(slots=True)
class Operand:
    """An atom, or a chain in parentheses, behind `loops` prefix operators."""

    inner: Atom | Chain
    loops: int = 0
    loop_spans: tuple[Span, ...] = ()  # of the prefix operators, where the chain was written


@dataclass(slots=True)
class Chain:
    operands: list[Operand]
    operators: list[Operator]


# The normal form. Nodes are made by one fold and belong to it, so that a sequence may grow in place.


@dataclass(slots=True)
class Seq:
    parts: list[Node]


@dataclass(slots=True)
class Binary:
    """A join, a race, an undo, or a name."""

    operator: str
    left: Node
    right: Node


@dataclass(slots=True)
class Then:
    """`c ?> t` that still waits for its `!>`."""

    condition: Node
    then: Node
    operator: Operator


@dataclass(slots=True)
class Branch:
    condition: Node
    then: Node
    otherwise: Node


@dataclass(slots=True)
class Repeat:
    body: Node
    span: Span | None = None  # of its `@>`


Node = Atom | Seq | Binary | Then | Branch | Repeat


class ReadingError(Exception):
    """A reading that is itself an error, at an operator."""

    def __init__(self, message: str, operator: Operator) -> None:
        super().__init__(message)
        self.message = message
        self.operator = operator


def fold_real(chain: Chain) -> Node:
    """As PostgreSQL reads it. Raises ReadingError."""
    node = _real_operand(chain.operands[0])
    for operator, operand in zip(chain.operators, chain.operands[1:], strict=True):
        node = _combine(operator, node, _real_operand(operand))
    return _whole(node)


def _real_operand(operand: Operand) -> Node:
    node: Node = operand.inner if isinstance(operand.inner, Atom) else fold_real(operand.inner)
    for at in reversed(range(operand.loops)):
        node = Repeat(node, operand.loop_spans[at] if operand.loop_spans else None)
    return node


_LOOP = Operator("@>", Span(0, 0))


@dataclass(slots=True)
class _Stacks:
    nodes: list[Node] = field(default_factory=list)
    operators: list[Operator] = field(default_factory=list)

    def reduce(self) -> None:
        operator = self.operators.pop()
        right = self.nodes.pop()
        if operator is _LOOP:
            self.nodes.append(Repeat(_whole(right)))
        else:
            self.nodes.append(_combine(operator, self.nodes.pop(), right))


def fold_documented(chain: Chain) -> Node:
    """As the documented table would have it, `?>` with `!>` as in C. Raises ReadingError."""
    stacks = _Stacks()
    _push_documented(stacks, chain.operands[0])
    for operator, operand in zip(chain.operators, chain.operands[1:], strict=True):
        _make_room(stacks, operator)
        stacks.operators.append(operator)
        _push_documented(stacks, operand)
        if operator.text == "|=>":
            # a name is no step: nothing can bind tighter to it than what it names
            stacks.reduce()
    while stacks.operators:
        stacks.reduce()
    return _whole(stacks.nodes[0])


def _push_documented(stacks: _Stacks, operand: Operand) -> None:
    if isinstance(operand.inner, Chain):
        node, is_explicit = fold_documented(operand.inner), True
    else:
        node, is_explicit = operand.inner, operand.inner.is_group
    for _ in range(operand.loops):
        if is_explicit:
            node = Repeat(node)
        else:
            stacks.operators.append(_LOOP)
    stacks.nodes.append(node)


def _make_room(stacks: _Stacks, operator: Operator) -> None:
    """Reduce what binds tighter on the left of `operator`."""
    own = _TIGHTNESS[operator.text]
    while stacks.operators:
        top = stacks.operators[-1]
        if operator.text == "!>":
            # everything back to the nearest ?> that is still open stands between the two
            stacks.reduce()
            if top.text == "?>":
                return
        elif _TIGHTNESS[top.text] > own or (_TIGHTNESS[top.text] == own and operator.text != "?>"):
            stacks.reduce()
        else:
            return


def _combine(operator: Operator, left: Node, right: Node) -> Node:
    last = left.parts[-1] if isinstance(left, Seq) else left
    if isinstance(last, Then) != (operator.text == "!>"):
        if isinstance(last, Then):
            raise ReadingError(f'"?>" is followed by "{operator.text}" instead of "!>"', operator)
        raise ReadingError('"!>" without "?>"', operator)
    match operator.text:
        case "~>":
            sequence = left if isinstance(left, Seq) else Seq([left])
            sequence.parts.extend(right.parts if isinstance(right, Seq) else [right])
            return sequence
        case "|=>" | "<->":
            return _replace_last(left, Binary(operator.text, last, right))
        case "?>":
            return _replace_last(left, Then(last, _whole(right), operator))
        case "!>":
            assert isinstance(last, Then)
            return _replace_last(left, Branch(last.condition, last.then, _whole(right)))
        case _:
            return Binary(operator.text, left, _whole(right))


def _replace_last(node: Node, last: Node) -> Node:
    if isinstance(node, Seq):
        node.parts[-1] = last
        return node
    return last


def _whole(node: Node) -> Node:
    last = node.parts[-1] if isinstance(node, Seq) else node
    if isinstance(last, Then):
        raise ReadingError('"?>" without "!>"', last.operator)
    return node


def is_same(one: Node, other: Node) -> bool:
    """Whether two normal forms over the same atoms are equal."""
    pairs: list[tuple[Node, Node]] = [(one, other)]
    while pairs:
        match pairs.pop():
            case Atom() as a, Atom() as b:
                if a is not b:
                    return False
            case Seq(a), Seq(b) if len(a) == len(b):
                pairs.extend(zip(a, b, strict=True))
            case Binary(p, a1, a2), Binary(q, b1, b2) if p == q:
                pairs += [(a1, b1), (a2, b2)]
            case Branch(a1, a2, a3), Branch(b1, b2, b3):
                pairs += [(a1, b1), (a2, b2), (a3, b3)]
            case Repeat(a1), Repeat(b1):
                pairs.append((a1, b1))
            case _:
                return False
    return True
