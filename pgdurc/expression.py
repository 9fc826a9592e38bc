"""An SQL expression where a step should stand: what PostgreSQL makes of it beside the workflow operators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgdurc.reading import abbreviate, operand_text

if TYPE_CHECKING:
    from pgdurc.operand import Opaque
    from pgdurc.pgsql import Token
    from pgdurc.precedence import Chain

_SHOWN = 5  # words of a long chain beside the operator that a message speaks of
_LOOSER_WORDS = frozenset(
    ["and", "or", "is", "isnull", "notnull", "like", "ilike", "similar", "between", "in", "not"]
)
_OPENING, _CLOSING = frozenset(["(", "[", "CASE"]), frozenset([")", "]", "END_P"])
_LOOSER = frozenset(["<", ">", "=", "LESS_EQUALS", "GREATER_EQUALS", "NOT_EQUALS"])
_OURS = frozenset(["Op", "OPERATOR"])  # OPERATOR(...) has this precedence whatever it names


def foreign_operator(tokens: list[Token], opaque: Opaque, *, begins_chain: bool) -> int | None:
    """The first operator of an expression that PostgreSQL would not leave to it, beside ours.

    Those of our precedence associate to the left as ours do, so they stay with an expression that begins the
    chain; behind another operator they are applied to all that stands in front of them.
    """
    depth = 0
    for at in range(opaque.begin, opaque.end):
        token = tokens[at]
        depth += (token.kind in _OPENING) - (token.kind in _CLOSING)
        is_word = token.keyword and token.text.lower() in _LOOSER_WORDS
        is_ours = token.kind in _OURS and not begins_chain
        if depth == 0 and (is_ours or token.kind in _LOOSER or is_word):
            return at
    return None


def is_torn(tokens: list[Token], opaque: Opaque) -> bool:
    """Whether one of our operators stands between a CASE of the expression and its END."""
    kinds = [token.kind for token in tokens[opaque.begin : opaque.end]]
    return kinds.count("CASE") > kinds.count("END_P")


def is_looser(operator: Token) -> bool:
    """Whether a foreign operator binds looser than ours; else it has our precedence."""
    return operator.kind not in _OURS


def operator_end(tokens: list[Token], at: int) -> int:
    """Where the operator ends that begins there: OPERATOR(schema.name) is several tokens."""
    end = at + 1
    if tokens[at].kind == "OPERATOR":
        while tokens[end - 1].kind != ")":
            end += 1
    return end


def wrong_reading(tokens: list[Token], chain: Chain, index: int, opaque: Opaque, at: int) -> str:
    """How PostgreSQL reads `chain`, whose operand `index` is `opaque` with a foreign operator `at`."""

    def shown(begin: int, end: int) -> list[str]:
        # Token by token: a comment would take what follows it on the one line.
        words = [tokens[at].text for at in range(begin, end)]
        gaps = [" " if tokens[at].start > tokens[at - 1].end else "" for at in range(begin + 1, end)]
        return [abbreviate("".join(map(str.__add__, ["", *gaps], words)))] if begin < end else []

    def joined(words: list[str]) -> str:
        return f"({' '.join(words)})" if len(words) > 1 else "".join(words)

    behind = operator_end(tokens, at)
    left, right = [], shown(behind, opaque.end)
    for operand, operator in zip(chain.operands[:index], chain.operators, strict=False):
        left += [operand_text(operand), operator.text]
    for operator, operand in zip(chain.operators[index:], chain.operands[index + 1 :], strict=True):
        right += [operator.text, operand_text(operand)]
    left += ["@>"] * chain.operands[index].loops + shown(opaque.begin, at)
    (operator_text,) = shown(at, behind)
    if is_looser(tokens[at]):
        return f"{joined(left[:_SHOWN])} {operator_text} {joined(right[:_SHOWN])}"
    if not index and not chain.operands[0].loops:
        left = shown(opaque.begin, opaque.end)
        return " ".join([f"({left[0]})", *right[1:_SHOWN]])
    rest = " ..." if len(right) > 1 else ""
    return f"{joined(left[-_SHOWN:])} {operator_text} {' '.join(right[:1])}{rest}"
