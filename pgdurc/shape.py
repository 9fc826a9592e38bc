"""The tokens of a workflow expression, shaped into what the grammar sees.

PostgreSQL's scanner knows nothing of workflows, and the grammar nothing of SQL. Between them each operand's
run of tokens becomes one of: a string, a node call, a group, the name after `|=>`, or one opaque SQL
expression. An explicit stack instead of recursion: parentheses may nest 256 deep.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pgdurc.diagnostic import Diagnostic, Severity, Span
from pgdurc.nodes import NODES, Argument, alike
from pgdurc.precedence import OPERATORS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pgdurc.pgsql import Token

MAX_DEPTH = 256
MAX_NODES = 10_000


class StatementError(Exception):
    """The one syntax error of a statement: there is no going on before its end."""

    def __init__(self, code: str, message: str, span: Span, hint: str | None = None) -> None:
        super().__init__(message)
        self.diagnostic = Diagnostic(code, Severity.ERROR, message, span, hint)


@dataclass(frozen=True, slots=True)
class Shaped:
    """A terminal of the grammar, over the tokens `[begin, end)`."""

    kind: str
    begin: int
    end: int


@dataclass(slots=True)
class _Frame:
    """An expression or an argument list that is being read, up to the token `end`."""

    end: int
    is_closed: bool  # a parenthesis stands at `end`
    node: str | None = None  # of an argument list
    position: int = 0
    loops: int = 0  # prefix operators of the operand being read


def match_brackets(tokens: Sequence[Token], begin: int, end: int, offset: int) -> dict[int, int]:
    """Where the bracket that opens at a token closes. Raises StatementError; too deep is one too."""
    matches: dict[int, int] = {}
    opened: list[int] = []
    for at in range(begin, end):
        kind = tokens[at].kind
        if kind in _CLOSING:
            opened.append(at)
            if len(opened) > MAX_DEPTH:
                raise StatementError(
                    "PGD130",
                    f"parentheses are nested more than {MAX_DEPTH} deep",
                    token_span(tokens[at], offset),
                    "divide the workflow: a chain may be of any length without parentheses",
                )
        elif kind in _CLOSING.values():
            if not opened or _CLOSING[tokens[opened[-1]].kind] != kind:
                raise near(tokens[at], offset, "there is no opening bracket for it")
            matches[opened.pop()] = at
    if opened:
        raise StatementError(
            "PGD140",
            "unclosed parenthesis",
            token_span(tokens[opened[-1]], offset),
            "close it before the semicolon",
        )
    return matches


_CLOSING = {"(": ")", "[": "]", "{": "}"}


def token_span(token: Token, offset: int) -> Span:
    return Span(token.start + offset, token.end + offset)


def near(token: Token, offset: int, hint: str | None = None) -> StatementError:
    """PostgreSQL's own words for a token that cannot stand where it does."""
    shown = token.text if len(token.text) <= 40 else token.text[:37] + "..."
    return StatementError("PGD101", f'syntax error at or near "{shown}"', token_span(token, offset), hint)


def shape_statement(tokens: Sequence[Token], offset: int) -> list[Shaped]:
    """Shape one of our statements, comments left out, semicolon included. Raises StatementError."""
    matches = match_brackets(tokens, 0, len(tokens), offset)
    header, body = _shape_header(tokens, matches)
    last = len(tokens) - 1
    if body is None:
        return header
    return [*header, *_Shaper(tokens, offset, matches).shape(body, last), Shaped("SEMICOLON", last, last + 1)]


def shape_expression(
    tokens: Sequence[Token], offset: int, matches: dict[int, int], begin: int, end: int
) -> list[Shaped]:
    """Shape the workflow of a call, the tokens `[begin, end)`. Raises StatementError."""
    return [Shaped("START", begin, begin), *_Shaper(tokens, offset, matches).shape(begin, end)]


def _shape_header(tokens: Sequence[Token], matches: dict[int, int]) -> tuple[list[Shaped], int | None]:
    """The terminals up to AS, and where the expression after it begins."""
    shaped: list[Shaped] = []
    at = 0
    while tokens[at].text.lower() != "workflow":
        shaped.append(Shaped(tokens[at].text.upper(), at, at + 1))
        at += 1
    shaped.append(Shaped("WORKFLOW", at, at + 1))
    at += 1
    if shaped[0].kind == "DROP" and [t.text.lower() for t in tokens[at : at + 2]] == ["if", "exists"]:
        shaped += [Shaped("IF", at, at + 1), Shaped("EXISTS", at + 1, at + 2)]
        at += 2
    if tokens[at].is_word:
        shaped.append(Shaped("WORD", at, at + 1))
        at += 1
    has_parameters = False
    while at < len(tokens):
        token = tokens[at]
        if token.kind == "(":
            close = matches[at]
            shaped.append(Shaped("LPAR", at, at + 1))
            if has_parameters:
                shaped += _shape_options(tokens, at + 1, close)
            elif close > at + 1:
                shaped.append(Shaped("PARAMETERS", at + 1, close))
            shaped.append(Shaped("RPAR", close, close + 1))
            has_parameters = True
            at = close
        elif token.text.lower() in ("as", "with") and tokens[at - 1].kind != ".":
            shaped.append(Shaped(token.text.upper(), at, at + 1))
            if token.text.lower() == "as":
                return shaped, at + 1
        else:
            shaped.append(
                Shaped("WORD" if token.is_word else _PUNCTUATION.get(token.kind, "OTHER"), at, at + 1)
            )
        at += 1
    return shaped, None


_PUNCTUATION = {".": "DOT", ",": "COMMA", "=": "EQUALS", ";": "SEMICOLON"}


def _shape_options(tokens: Sequence[Token], begin: int, end: int) -> list[Shaped]:
    shaped: list[Shaped] = []
    at = begin
    while at < end:
        token = tokens[at]
        if token.kind == "=":
            shaped.append(Shaped("EQUALS", at, at + 1))
            value_end = at + 1
            while value_end < end and tokens[value_end].kind != ",":
                value_end += 1
            if value_end > at + 1:
                shaped.append(Shaped("VALUE", at + 1, value_end))
            at = value_end
        else:
            shaped.append(
                Shaped("WORD" if token.is_word else _PUNCTUATION.get(token.kind, "OTHER"), at, at + 1)
            )
            at += 1
    return shaped


class _Shaper:
    def __init__(self, tokens: Sequence[Token], offset: int, matches: dict[int, int]) -> None:
        self.tokens = tokens
        self.offset = offset
        self.matches = matches
        self.shaped: list[Shaped] = []
        self.frames: list[_Frame] = []
        self.node_count = 0
        self.open_loops = 0

    def shape(self, begin: int, end: int) -> list[Shaped]:
        self.frames.append(_Frame(end, is_closed=False))
        at = begin
        while self.frames:
            frame = self.frames[-1]
            if at == frame.end:
                self._close_loops(self.frames.pop())
                if frame.is_closed:
                    self._emit("RPAR", at, at + 1)
                    at += 1
            elif self.tokens[at].kind == ",":
                self._emit("COMMA", at, at + 1)
                at += 1
            elif frame.node is not None:
                at = self._argument(frame, at)
            else:
                at = self._chain(frame, at)
        return self.shaped

    def _emit(self, kind: str, begin: int, end: int) -> None:
        self.shaped.append(Shaped(kind, begin, end))

    def _count(self, at: int) -> None:
        self.node_count += 1
        if self.node_count > MAX_NODES:
            raise StatementError(
                "PGD131",
                f"workflow has more than {MAX_NODES} nodes",
                token_span(self.tokens[at], self.offset),
                "divide it into several workflows",
            )

    def _close_loops(self, frame: _Frame) -> None:
        self.open_loops -= frame.loops
        frame.loops = 0

    # A chain: operands, operators between them

    def _chain(self, frame: _Frame, at: int) -> int:
        token = self.tokens[at]
        follows_operand = bool(self.shaped) and self.shaped[-1].kind in _ENDS_OF_OPERANDS
        if token.text in OPERATORS or (follows_operand and unglued(token) is not None):
            self._close_loops(frame)
            if token.text == "?>":
                self._count(at)
            if token.text == "|=>":
                self._emit("NAMES", at, at + 1)
                return self._name(at + 1, frame.end)
            self._emit("OPERATOR", at, at + 1)
            return at + 1
        if token.text == "@>":
            self._count(at)
            frame.loops += 1
            self.open_loops += 1
            if self.open_loops + len(self.frames) > MAX_DEPTH:
                raise StatementError(
                    "PGD130", f"loops are nested more than {MAX_DEPTH} deep", token_span(token, self.offset)
                )
            self._emit("LOOP", at, at + 1)
            return at + 1
        end = self._run_end(at, frame.end)
        if token.kind == "(" and self.matches[at] == end - 1:
            self._emit("LPAR", at, at + 1)
            self.frames.append(_Frame(end - 1, is_closed=True))
            return at + 1
        if self._is_call(at, end):
            return self._call(at, end)
        if token.kind == "SCONST" and end == at + 1:
            self._count(at)
            self._emit("STRING", at, end)
            return end
        self._opaque(at, end)
        return end

    def _run_end(self, at: int, end: int) -> int:
        """Up to the next workflow operator or comma at this depth."""
        begin = at
        while at < end:
            token = self.tokens[at]
            if token.kind == "," or (token.text in OPERATORS and token.kind == "Op"):
                return at
            if (parts := unglued(token)) is not None:
                if at == begin:
                    raise glued(token, parts, self.offset)
                return at
            at = self.matches[at] + 1 if at in self.matches else at + 1
        return end

    def _is_call(self, at: int, end: int) -> bool:
        tokens = self.tokens
        return (
            end - at >= 5
            and tokens[at].name == "df"
            and tokens[at + 1].kind == "."
            and tokens[at + 2].is_word
            and tokens[at + 3].kind == "("
            and self.matches[at + 3] == end - 1
        )

    def _call(self, at: int, end: int) -> int:
        name = self.tokens[at + 2].name
        known = name if name in NODES else alike(name)
        if known is None:
            self._emit("FOREIGN", at, end)
            return end
        if name not in ("sql", "seq", "as"):
            self._count(at)
        self._emit("NODE", at, at + 3)
        self._emit("LPAR", at + 3, at + 4)
        self.frames.append(_Frame(end - 1, is_closed=True, node=known))
        return at + 4

    def _opaque(self, at: int, end: int) -> None:
        """One SQL expression; two steps side by side are not one, but a forgotten operator."""
        second = self.matches[at] + 1 if at in self.matches else at + 1
        if self.tokens[at].name == "df" and at + 3 in self.matches:
            second = self.matches[at + 3] + 1
        is_step = self.tokens[at].kind in ("SCONST", "(") or second > at + 1
        if is_step and second < end:
            token = self.tokens[second]
            if token.kind in ("SCONST", "(") or token.name == "df":
                raise near(token, self.offset, "put an operator between two steps, such as ~>")
        self._emit("SQL", at, end)

    def _name(self, at: int, end: int) -> int:
        """What stands after `|=>`: a name, perhaps with columns."""
        name_end = self._run_end(at, end)
        if name_end == at:
            return at  # the grammar says what is missing
        self._emit("NAME", at, name_end)
        return name_end

    # Arguments of a call

    def _argument(self, frame: _Frame, at: int) -> int:
        end = at
        while end < frame.end and self.tokens[end].kind != ",":
            end = self.matches[end] + 1 if end in self.matches else end + 1
        assert frame.node is not None
        parameters = NODES[frame.node]
        position, frame.position = frame.position, frame.position + 1
        argument = parameters[position].argument if position < len(parameters) else Argument.STEP
        if self.tokens[at].is_word and at + 1 < end and self.tokens[at + 1].text in ("=>", ":="):
            label = self.tokens[at].name
            argument = next((p.argument for p in parameters if p.name == label), Argument.STEP)
            self._emit("LABEL", at, at + 2)
            at += 2
        if at == end:
            return end
        if argument is Argument.STEP:
            self.frames.append(_Frame(end, is_closed=False))
            return at
        is_string = self.tokens[at].kind == "SCONST" and end == at + 1
        if argument is Argument.SQL:
            self._count(at)
        self._emit("STRING" if is_string else "SQL", at, end)
        return end


_ENDS_OF_OPERANDS = ("STRING", "SQL", "FOREIGN", "RPAR", "NAME")


def unglued(token: Token) -> list[str] | None:
    """The two operators or more that were meant where one token is what stands there."""
    return _unglue(token.text) if token.kind == "Op" and token.text not in OPERATORS else None


def glued(token: Token, parts: list[str], offset: int) -> StatementError:
    spaced = " ".join(parts)
    return StatementError(
        "PGD112",
        f"operator does not exist: {token.text}",
        token_span(token, offset),
        f"adjoining operator characters are one operator to PostgreSQL; write {spaced} with a space",
    )


def _unglue(text: str) -> list[str] | None:
    """`~>@>` as its parts, where the first is a workflow operator or the last is `@>`."""
    for operator in sorted((*OPERATORS, "@>"), key=len, reverse=True):
        rest = text.removeprefix(operator)
        if len(operator) == 1 or rest == text or not rest:
            continue
        if rest in (*OPERATORS, "@>", "-", "+", "~", "@"):
            return [operator, rest]
        parts = _unglue(rest)
        if parts is not None:
            return [operator, *parts]
    if len(text) > 2 and text.endswith("@>") and text[:-2] in OPERATORS:
        return [text[:-2], "@>"]
    return None
