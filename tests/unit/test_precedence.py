"""The two folds: the real one against PostgreSQL's own parser, and what is shown of them against both."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pgdurc import pgsql
from pgdurc.compile import compile_text
from pgdurc.diagnostic import Span
from pgdurc.parse import parse_declaration
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
from pgdurc.reading import show, show_difference
from pgdurc.script import split

NOWHERE = Span(0, 0)

operators = st.sampled_from(["~>", "|=>", "&", "|", "?>", "!>", "<->", "~>", "?> !>", "?> !>"])


@st.composite
def written_chains(draw: st.DrawFn, depth: int = 2) -> list[str]:
    """The words of a chain: strings 'a', 'b', ..., operators, prefix operators, parentheses."""
    names = draw(
        st.shared(st.builds(lambda: (f"'{x}{i}'" for i in itertools.count() for x in "abc")), key="n")
    )

    def operand() -> list[str]:
        words = ["@>"] * draw(st.sampled_from([0, 0, 0, 0, 1, 2]))
        if depth and draw(st.integers(0, 4)) == 0:
            return [*words, "(", *draw(written_chains(depth=depth - 1)), ")"]
        return [*words, next(names)]

    words = operand()
    for _ in range(draw(st.integers(0, 5))):
        for operator in draw(operators).split():
            words.append(operator)
            words += [next(names)] if operator == "|=>" else operand()
    return words


def read(words: list[str], atoms: dict[str, Atom], at: int = 0) -> tuple[Chain, int]:
    """The words from `at` on as a chain; the same atom for the same text."""
    operands: list[Operand] = []
    found: list[Operator] = []
    loops = 0
    while at < len(words) and words[at] != ")":
        word = words[at]
        if word == "@>":
            loops += 1
        elif word == "(":
            inner, at = read(words, atoms, at + 1)
            operands.append(Operand(inner, loops))
            loops = 0
        elif word.startswith("'"):
            operands.append(Operand(atoms.setdefault(word, Atom(word, NOWHERE)), loops))
            loops = 0
        else:
            found.append(Operator(word, NOWHERE))
        at += 1
    return Chain(operands, found), at


def has_open_group(chain: Chain) -> bool:
    """Parentheses around a `?>` without its `!>`: PostgreSQL takes it, we do not."""
    for operand in chain.operands:
        if isinstance(operand.inner, Chain):
            try:
                fold_real(operand.inner)
            except ReadingError:
                return True
    return False


def tokens(text: str) -> list[str]:
    return [token.text for token in pgsql.scan(text)]


def parsed_by_postgresql(words: list[str]) -> Node:
    """The normal form of what PostgreSQL's parser makes of the words. Raises ReadingError."""
    (statement,) = pgsql.parse("SELECT " + " ".join(words))
    atoms: dict[str, Atom] = {}
    pending = [("visit", statement.node.target_list[0].res_target.val)]
    found: list[Node] = []
    while pending:
        what, node = pending.pop()
        kind, inner = pgsql.unwrap(node)
        if kind == "a_const":
            text = f"'{inner.sval.sval}'"
            found.append(atoms.setdefault(text, Atom(text, NOWHERE)))
            continue
        assert kind == "a_expr"
        operator = inner.name[-1].string.sval
        is_prefix = not inner.HasField("lexpr")
        if what == "visit":
            pending.append(("combine", node))
            pending.append(("visit", inner.rexpr))
            if not is_prefix:
                pending.append(("visit", inner.lexpr))
            continue
        right = found.pop()
        found.append(Repeat(checked(right)) if is_prefix else combined(operator, found.pop(), right))
    return checked(found.pop())


def combined(operator: str, left: Node, right: Node) -> Node:
    """The meaning of an operator, written once more and plainly."""
    parts = left.parts if isinstance(left, Seq) else [left]
    last = parts[-1]
    if operator == "!>":
        if not isinstance(last, Then):
            raise ReadingError("!>", Operator(operator, NOWHERE))
        return whole([*parts[:-1], Branch(last.condition, last.then, checked(right))])
    checked(left)
    if operator == "~>":
        return Seq([*parts, *(right.parts if isinstance(right, Seq) else [right])])
    if operator == "?>":
        return whole([*parts[:-1], Then(last, checked(right), Operator(operator, NOWHERE))])
    if operator in ("|=>", "<->"):
        return whole([*parts[:-1], Binary(operator, last, right)])
    return Binary(operator, left, checked(right))


def whole(parts: list[Node]) -> Node:
    return parts[0] if len(parts) == 1 else Seq(parts)


def checked(node: Node) -> Node:
    if isinstance(node, Then) or (isinstance(node, Seq) and isinstance(node.parts[-1], Then)):
        raise ReadingError("?>", Operator("?>", NOWHERE))
    return node


def text_of(node: Node) -> str:
    match node:
        case Atom(text):
            return text
        case Seq(parts):
            return f"[{' '.join(map(text_of, parts))}]"
        case Binary(operator, left, right):
            return f"({text_of(left)} {operator} {text_of(right)})"
        case Branch(a, b, c):
            return f"if({text_of(a)}, {text_of(b)}, {text_of(c)})"
        case Then(a, b):
            return f"then({text_of(a)}, {text_of(b)})"
        case Repeat(body):
            return f"loop({text_of(body)})"


@settings(max_examples=500, deadline=None)
@given(written_chains())
def test_fold_is_postgresqls(words: list[str]) -> None:
    chain, _ = read(words, {})
    assume(not has_open_group(chain))
    try:
        expected = text_of(parsed_by_postgresql(words))
    except ReadingError:
        with pytest.raises(ReadingError):
            fold_real(chain)
        return
    assert text_of(fold_real(chain)) == expected


@settings(max_examples=500, deadline=None)
@given(written_chains(depth=1))
def test_what_is_shown_parses_back(words: list[str]) -> None:
    """Each shown reading is read the same way by both precedences, and no pair of its parentheses can go."""
    atoms: dict[str, Atom] = {}
    chain, _ = read(words, atoms)
    try:
        readings = [fold_real(chain), fold_documented(chain)]
    except ReadingError:
        return
    for reading in readings:
        shown = tokens(show(reading))
        assert is_same(fold_real(read(shown, atoms)[0]), reading)
        assert is_same(fold_documented(read(shown, atoms)[0]), reading)
        for fewer in without_one_pair(shown):
            again = read(fewer, atoms)[0]
            try:
                still_same = is_same(fold_real(again), reading) and is_same(fold_documented(again), reading)
            except ReadingError:
                continue
            assert not still_same


def without_one_pair(words: list[str]) -> list[list[str]]:
    opened: list[int] = []
    found = []
    for at, word in enumerate(words):
        if word == "(":
            opened.append(at)
        elif word == ")":
            begin = opened.pop()
            found.append([w for i, w in enumerate(words) if i not in (begin, at)])
    return found


@settings(max_examples=300, deadline=None)
@given(written_chains(depth=1))
def test_documented_reads_what_postgresql_reads(words: list[str]) -> None:
    """Where the real reading is no error, neither is the documented one: both can be shown."""
    chain, _ = read(words, {})
    try:
        fold_real(chain)
    except ReadingError:
        return
    fold_documented(chain)


@settings(max_examples=200, deadline=None)
@given(written_chains(depth=1))
def test_both_shown_readings_are_accepted(words: list[str]) -> None:
    """The whole way: what a declaration's error shows, where nothing is left out of it, is accepted."""
    chain, _ = read(words, {})
    try:
        real, documented = fold_real(chain), fold_documented(chain)
    except ReadingError:
        return
    for shown in show_difference(real, documented):
        assume("..." not in shown)
        text = f"CREATE WORKFLOW w() AS {shown};"
        _, problems = parse_declaration(text, split(text).declarations[0])
        assert {p.code for p in problems} <= {"PGD901", "PGD119"}


@pytest.mark.parametrize(
    ("written", "real", "documented"),
    [
        ("'a' ~> 'b' & 'c'", "([a b] & c)", "[a (b & c)]"),
        ("'a' & 'b' ~> 'c'", "[(a & b) c]", "[(a & b) c]"),
        ("'a' | 'b' & 'c'", "((a | b) & c)", "(a | (b & c))"),
        ("'a' |=> 'x' & 'b' |=> 'y'", "(((a |=> x) & b) |=> y)", "((a |=> x) & (b |=> y))"),
        ("'a' ~> 'b' |=> 'x' ~> 'c'", "[a (b |=> x) c]", "[a (b |=> x) c]"),
        ("'a' ~> 'c' ?> 't' !> 'e' ~> 'z'", "[a if(c, t, e) z]", "[a if(c, t, [e z])]"),
        ("@> 'a' ~> 'b'", "[loop(a) b]", "loop([a b])"),
        ("@> ( 'a' ~> 'b' ) | 'c'", "(loop([a b]) | c)", "(loop([a b]) | c)"),
        ("'x' ~> @> 'a' ~> 'b'", "[x loop(a) b]", "[x loop([a b])]"),
        ("'a' <-> 'u' |=> 'x'", "((a <-> u) |=> x)", "((a <-> u) |=> x)"),
        ("'a' |=> 'x' <-> 'u'", "((a |=> x) <-> u)", "((a |=> x) <-> u)"),
        ("'c' ?> 'd' ?> 't' !> 'e' !> 'f'", "", "if(c, if(d, t, e), f)"),
        ("'c' ?> 'a' ~> 'b' !> 'd'", "", "if(c, [a b], d)"),
    ],
)
def test_readings(written: str, real: str, documented: str) -> None:
    chain, _ = read(tokens(written), {})
    if real:
        assert text_of(fold_real(chain)).replace("'", "") == real
    else:
        with pytest.raises(ReadingError):
            fold_real(chain)
    assert text_of(fold_documented(chain)).replace("'", "") == documented


def test_no_recursion_over_length() -> None:
    for operator in ("~>", "&", "?> 'x' !>", "|=>"):
        words = ["'a'"]
        for _ in range(3_000):
            words += [*operator.split(), "'b'"]
        chain, _ = read(words, {})
        assert is_same(fold_real(chain), fold_real(chain))
        fold_documented(chain)


def test_a_loop_over_an_if_without_its_else_is_an_error_in_both_readings() -> None:
    compiled = compile_text("CREATE WORKFLOW a() AS @> 'SELECT 1' ?> 'SELECT 2';", file="a.pgd")
    assert compiled.has_errors
