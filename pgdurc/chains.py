"""Chains of operands and operators: both readings compared, the real one made a tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pgdurc import precedence, reading
from pgdurc.deep import Walk, run
from pgdurc.diagnostic import Diagnostic, Severity
from pgdurc.expression import foreign_operator, is_looser, is_torn, operator_end, wrong_reading
from pgdurc.nodes import FUNCTIONS, NODES_TO_COME
from pgdurc.operand import Group, Opaque, Value
from pgdurc.shape import Shaped, glued, unglued
from pgdurc.tree import If, Join, Loop, Name, Named, Race, Sequence, Tree

if TYPE_CHECKING:
    from pgdurc.diagnostic import Span
    from pgdurc.leaves import Leaves


_VALUES = FUNCTIONS - {"start", "explain"}
"""Functions that may stand in a call where a value does."""


class Chains:
    """The chains of one statement."""

    def __init__(self, leaves: Leaves) -> None:
        self.leaves = leaves

    def operand(self, children: list[Any]) -> precedence.Operand:
        """Prefix operators, and a leaf, a call or a group."""
        leaves = self.leaves
        loops = tuple(leaves.span(loop.begin, loop.end) for loop in children[:-1])
        last = children[-1]
        value: Value
        if isinstance(last, Group):
            value, span = last.value, last.span
        elif isinstance(last, Shaped):
            span = leaves.span(last.begin, last.end)
            value = self._leaf(last, span)
        else:
            value, span = last, last.span
        atom = precedence.Atom(reading.abbreviate(leaves.source(span)), span, isinstance(last, Group), value)
        return precedence.Operand(atom, len(loops), loops)

    def _leaf(self, terminal: Shaped, span: Span) -> Value:
        leaves = self.leaves
        begin, end = terminal.begin, terminal.end
        match terminal.kind:
            case "STRING":
                return leaves.string(span)
            case "FOREIGN" if leaves.takes_expressions and leaves.tokens[begin + 2].name in _VALUES:
                return Opaque(begin, end, span)
            case "FOREIGN":
                leaves.refuse_function(leaves.tokens[begin + 2].name, leaves.span(begin, begin + 3))
                return leaves.unread(span)
            case _:
                return Opaque(begin, end, span)

    def group(self, children: list[Any]) -> Group:
        opening, value, closing = children
        span = self.leaves.span(opening.begin, closing.end)
        if isinstance(value, Opaque):
            value = Opaque(value.begin - 1, value.end + 1, span)
        return Group(value, span)

    def chain(self, children: list[Any]) -> Value:
        chain = precedence.Chain([children[0]], [])
        is_torn = False
        for operator, operand in zip(children[1::2], children[2::2], strict=True):
            span = self.leaves.span(operator.begin, operator.end)
            token = self.leaves.tokens[operator.begin]
            if (parts := unglued(token)) is not None:
                self.leaves.diagnostics.append(glued(token, parts, self.leaves.offset).diagnostic)
                is_torn = True
            chain.operators.append(precedence.Operator(token.text, span))
            if isinstance(operand, Shaped):
                # A name and more behind it: an operator is missing there, and nobody knows which.
                begin, end = operand.begin, operand.end
                has_more = self.leaves.has_more_than_name(begin, end)
                is_torn = is_torn or (self.leaves.begins_with_name(begin) and has_more)
                operand = self._name_operand(operand)
            chain.operands.append(operand)
        first: precedence.Operand = chain.operands[0]
        assert isinstance(first.inner, precedence.Atom)
        if not chain.operators and not first.loops:
            value: Value = first.inner.value
            return value
        last = chain.operands[-1].inner
        assert isinstance(last, precedence.Atom)
        start = first.loop_spans[0] if first.loop_spans else first.inner.span
        span = start | last.span
        return self._unread(chain, span) if is_torn else self._folded(chain, span)

    def _name_operand(self, terminal: Shaped) -> precedence.Operand:
        span = self.leaves.span(terminal.begin, terminal.end)
        name = self.leaves.bound_name(terminal.begin, terminal.end)
        value = self.leaves.unread(span) if name is None else name
        return precedence.Operand(
            precedence.Atom(reading.abbreviate(self.leaves.source(span)), span, value=value)
        )

    # The two readings

    def _folded(self, chain: precedence.Chain, span: Span) -> Tree:
        if self._refuse_expressions(chain) or self._refuse_operators(chain):
            return self._unread(chain, span)
        try:
            real = precedence.fold_real(chain)
        except precedence.ReadingError as problem:
            hint = self._other_reading(chain)
            self.leaves.problem("PGD111", problem.message, problem.operator.span, hint)
            return self._unread(chain, span)
        documented = precedence.fold_documented(chain)
        if not precedence.is_same(real, documented):
            shown, other = reading.show_difference(real, documented)
            is_error = not self.leaves.takes_expressions
            self.leaves.diagnostics.append(
                Diagnostic(
                    "PGD110",
                    Severity.ERROR if is_error else Severity.WARNING,
                    f"ambiguous precedence: PostgreSQL reads {shown}, the documented table says {other}",
                    span,
                    "put in the parentheses of the one that is meant",
                )
            )
            if is_error:
                return self._unread(chain, span)
        return run(self._grow(real, span))

    def _unread(self, chain: precedence.Chain, span: Span) -> Tree:
        """A chain that has no reading, of which the operands are still looked at."""
        atoms = (operand.inner for operand in chain.operands)
        values = (atom.value for atom in atoms if isinstance(atom, precedence.Atom))
        steps = [self.leaves.step(value) for value in values if not isinstance(value, Name | Opaque)]
        return self.leaves.unread(span, steps)

    def _other_reading(self, chain: precedence.Chain) -> str:
        try:
            shown = reading.show(precedence.fold_documented(chain))
        except precedence.ReadingError:
            return "write: condition ?> then !> else"
        return f"all operators have one precedence level in PostgreSQL; write {shown}"

    def _refuse_operators(self, chain: precedence.Chain) -> bool:
        seen = set()
        for operator in chain.operators:
            if operator.text == "<->" and operator.text not in seen:
                seen.add(operator.text)
                message = f"operator {operator.text} is not yet supported"
                self.leaves.problem("PGD901", message, operator.span, NODES_TO_COME["with_undo"])
        return bool(seen) and not self._is_ambiguous(chain)

    def _is_ambiguous(self, chain: precedence.Chain) -> bool:
        try:
            return not precedence.is_same(precedence.fold_real(chain), precedence.fold_documented(chain))
        except precedence.ReadingError:
            return True

    def _refuse_expressions(self, chain: precedence.Chain) -> bool:
        found = False
        for index, operand in enumerate(chain.operands):
            atom = operand.inner
            assert isinstance(atom, precedence.Atom)
            if isinstance(atom.value, Opaque):
                found = self._refuse_expression(chain, index, atom.value, atom.is_group) or found
        return found

    def _refuse_expression(self, chain: precedence.Chain, index: int, opaque: Opaque, is_group: bool) -> bool:
        leaves = self.leaves
        if leaves.takes_expressions and is_torn(leaves.tokens, opaque):
            leaves.refuse_shape(opaque.span)
            return True
        begins_chain = leaves.takes_expressions and not index and not chain.operands[0].loops
        at = None if is_group else foreign_operator(leaves.tokens, opaque, begins_chain=begins_chain)
        if at is None:
            if not leaves.takes_expressions:
                leaves.step(opaque)
            return not leaves.takes_expressions
        span = leaves.span(at, operator_end(leaves.tokens, at))
        shown = wrong_reading(leaves.tokens, chain, index, opaque, at)
        how = "binds looser than" if is_looser(leaves.tokens[at]) else "has the precedence of"
        leaves.problem(
            "PGD113",
            f'PostgreSQL reads {shown}: "{leaves.source(span)}" {how} the workflow operators',
            span,
            "put the expression in parentheses"
            if leaves.takes_expressions
            else "a step in a declaration is a constant string: write one in place of the expression",
        )
        return True

    # From the normal form to the parsed form. A chain of ifs or joins is as deep as it is long.

    def _grow(self, node: precedence.Node, span: Span) -> Walk[Tree]:
        match node:
            case precedence.Atom(value=value):
                return self.leaves.step(value)
            case precedence.Seq(parts):
                steps: list[Tree] = []
                for part in parts:  # no comprehension: those cannot yield
                    step = yield self._grow(part, span)
                    steps += [step]
                return sequence(steps)
            case precedence.Binary("|=>", body, precedence.Atom(value=value, span=name_span)):
                tree: Tree = yield self._grow(body, span)
                if isinstance(value, Name):
                    return self.named(tree, value)
                return self.leaves.unread(tree.span | name_span, [tree])
            case precedence.Binary("&" | "|" as operator, left, right):
                first: Tree = yield self._grow(left, span)
                second: Tree = yield self._grow(right, span)
                kind = Join if operator == "&" else Race
                return kind((first, second), first.span | second.span)
            case precedence.Branch(condition, then, otherwise):
                first = yield self._grow(condition, span)
                second = yield self._grow(then, span)
                return branch(first, second, (yield self._grow(otherwise, span)))
            case precedence.Repeat(body, at):
                tree = yield self._grow(body, span)
                return Loop(tree, None, (at or tree.span) | tree.span)
            case _:
                return self.leaves.unread(span)

    def named(self, body: Tree, name: Name) -> Tree:
        """`body |=> name`: the name of a sequence is that of its last part."""
        match body:
            case Sequence((*front, Named() as last), span):
                # `(a ~> (b |=> x)) |=> y`: two nodes, a step and the sequence, each with a name.
                return Sequence((*front, Named(last, name, last.span | name.span)), span | name.span)
            case Sequence(parts, span):
                return Sequence((*parts[:-1], self.named(parts[-1], name)), span | name.span)
            case Named(name=earlier):
                self.leaves.problem(
                    "PGD119",
                    f'step is already named "{earlier.text}"',
                    name.span,
                    "a step has one name: keep one of the two",
                )
                return self.leaves.unread(body.span | name.span, [body])
            case _:
                return Named(body, name, body.span | name.span)


def sequence(steps: list[Tree]) -> Tree:
    parts: list[Tree] = []
    for step in steps:
        parts.extend(step.parts if isinstance(step, Sequence) else [step])
    return Sequence(tuple(parts), parts[0].span | parts[-1].span)


def branch(condition: Tree, then: Tree, otherwise: Tree, span: Span | None = None) -> Tree:
    """An if; a sequence in the condition's place stands in front of it."""
    if isinstance(condition, Sequence):
        last = branch(condition.parts[-1], then, otherwise, span)
        return sequence([*condition.parts[:-1], last])
    return If(condition, then, otherwise, span or condition.span | otherwise.span)
