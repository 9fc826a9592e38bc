"""Where df.start and df.explain are called in ordinary SQL, and in the bodies of DO blocks and functions.

The code that is searched need not be text of the file: in a body between single quotes each quote is doubled.
Such a body is read and searched as what it stands for, and every place in it is known in the file too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from pgdurc import psql
from pgdurc.diagnostic import Diagnostic, Severity, Span
from pgdurc.literal import LiteralError, read_literal
from pgdurc.nodes import NODES, NODES_TO_COME
from pgdurc.psql import Token
from pgdurc.statement_kind import is_stored

FUNCTIONS = ("start", "explain")
_NODES = NODES.keys() | NODES_TO_COME
_CODE_LANGUAGES = ("sql", "plpgsql")
_MAX_DEPTH = 16
_OPERATORS = ("~>", "|=>", "?>", "!>")  # of ours those that PostgreSQL has not
_HINT = re.compile(r"\bdf\b|~>|\|=>|[?!]>", re.IGNORECASE | re.ASCII)
_IN_STRING = re.compile(r"\bdf\s*+\.\s*+start\s*+\(", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Body:
    """Code. `origins`: where in the file each of its characters stands; None: it is the file's own text.

    `quotes` are the quotes around it, from the outside in, that double what is put into it: ' or E'.
    """

    text: str
    origins: tuple[int, ...] | None = None
    quotes: tuple[str, ...] = ()

    def span(self, span: Span) -> Span:
        """The place in the file."""
        if self.origins is None:
            return span
        return Span(self.origins[span.start], self.origins[span.end])

    def written(self, code: str) -> str:
        """Code as it must be written in the file to stand in this body."""
        for quote in reversed(self.quotes):
            code = code.replace("'", "''")
            if quote == "E'":
                code = code.replace("\\", "\\\\")
        return code


@dataclass(frozen=True, slots=True)
class Site:
    """A call: the characters `[span)` of the body, from `df` to the parenthesis that closes `opening`.

    `is_stored`: the code is kept in the database and runs later. `is_invoker`: and with the rights of whoever
    calls it. `commits`: it is the code of a procedure that ends transactions.
    """

    function: str
    body: Body
    span: Span
    opening: int
    is_stored: bool
    is_invoker: bool
    is_closed: bool = True
    commits: bool = False

    @property
    def head(self) -> Span:
        """The words `df.start`, in the file."""
        return self.body.span(Span(self.span.start, self.opening))

    @property
    def place(self) -> Span:
        """The whole call, in the file."""
        return self.body.span(self.span)


@dataclass(frozen=True, slots=True)
class Found:
    """`in_strings`: what looks like a call in the text of a string that is executed, or may be, in the file.

    `strays`: nodes that stand in no call, by their words `df.name`. `stray_operators`: of ours, beside a
    string and in no call, the first of each statement.
    """

    sites: tuple[Site, ...] = ()
    in_strings: tuple[Span, ...] = ()
    strays: tuple[Span, ...] = ()
    stray_operators: tuple[Span, ...] = ()


NOTHING = Found()


def may_hold_calls(code: str) -> bool:
    return _HINT.search(code) is not None


def find(text: str, code: Span) -> Found:
    """The calls in the statement `[code)` of a file, in source order. Never raises."""
    if _HINT.search(text, code.start, code.end) is None:
        return NOTHING
    finder = _Finder(_GEXEC.search(text, code.start, code.end) is not None)
    finder.search(Body(text), code.start, code.end, 0)
    sites = sorted(finder.sites, key=lambda site: site.place.start)
    in_strings = sorted(finder.in_strings, key=lambda span: span.start)
    return Found(tuple(sites), tuple(in_strings), tuple(finder.strays), tuple(finder.stray_operators))


def in_arguments(site: Site) -> tuple[Site, ...]:
    """The calls in the arguments of a call, but for those that are in such a call again."""
    tokens = list(psql.tokens(site.body.text, site.opening + 1, site.span.end - 1))
    found: list[Site] = []
    at = 0
    while at < len(tokens):
        function = _called(tokens, at) if tokens[at].name == "df" else ""
        close = _closing(tokens, at + 3) if function else at
        if function:
            span = Span(tokens[at].start, tokens[close].end)
            found.append(replace(site, function=function, span=span, opening=tokens[at + 3].start))
        at = close + 1
    return tuple(found)


def with_calls(text: str, span: Span, calls: Mapping[Span, str]) -> str:
    """The text `[span)` with what is written in the place of calls in it, or in front of them."""
    pieces: list[str] = []
    at = span.start
    for call, written in sorted(calls.items(), key=lambda item: (item[0].start, item[0].end)):
        if span.start <= call.start and call.end <= span.end:
            pieces += [text[at : call.start], written]
            at = call.end
    return "".join([*pieces, text[at : span.end]])


_REFERENCE = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)")


def references_in_strings(
    body: Body, span: Span, names: Collection[str], calls: Collection[Span]
) -> Iterator[tuple[str, Span]]:
    """References to these names in the strings of an expression, in the file."""
    for token in _strings(body, span, calls):
        for match in _REFERENCE.finditer(body.text, token.start, token.end):
            if match[1] in names:
                yield match.group(), body.span(Span(*match.span()))


def meta_commands(body: Body, span: Span) -> tuple[Span, ...]:
    """psql's meta-commands in a call, in the file."""
    tokens = psql.tokens(body.text, span.start, span.end)
    backslashes = [token.start for token in tokens if token.kind == "backslash"]
    names = (psql.META_NAME.match(body.text, at, span.end) for at in backslashes)
    return tuple(body.span(Span(*name.span())) for name in names if name is not None)


def in_strings(body: Body, span: Span, calls: Collection[Span]) -> tuple[Span, ...]:
    """What looks like a call in the strings of an expression, in the file."""
    return tuple(place for token in _strings(body, span, calls) for place in _like_calls(body, token))


def _strings(body: Body, span: Span, calls: Collection[Span]) -> Iterator[Token]:
    """The strings of an expression; those of the `calls` in it are no part of it."""
    for token in psql.tokens(body.text, span.start, span.end):
        if token.is_string and not any(call.start < token.start < call.end for call in calls):
            yield token


def like_calls(text: str, span: Span) -> tuple[Span, ...]:
    """What looks like a call in text that is not SQL of the script."""
    matches = _IN_STRING.finditer(text, span.start, span.end)
    return tuple(Span(match.start(), match.end() - 1) for match in matches)


def unheard(found: Found, place: Callable[[Span], Span] = lambda span: span) -> list[Diagnostic]:
    """The warnings for calls in strings and for strays; `place` gives those in the file."""
    return [
        *(uncompiled(place(span)) for span in found.in_strings),
        *(
            Diagnostic(
                "PGD507",
                Severity.WARNING,
                "a node outside of a df.start call is not compiled",
                place(span),
                "write the whole workflow in the call: df.start(...); in the database a node fails",
            )
            for span in found.strays
        ),
        *(
            Diagnostic(
                "PGD507",
                Severity.WARNING,
                "a workflow outside of a df.start call is not compiled",
                place(span),
                "write the whole workflow in the call: df.start(...); in the database there is no such "
                "operator",
            )
            for span in found.stray_operators
        ),
    ]


def uncompiled(place: Span, where: str = "a string") -> Diagnostic:
    """The warning for a call in a string, or in what else is not SQL of the script."""
    return Diagnostic(
        "PGD502",
        Severity.WARNING,
        f"a df.start call in {where} is not compiled",
        place,
        f"where it is executed, it fails: write the call itself, outside of {where.replace('a ', 'the ', 1)}",
    )


@dataclass(slots=True)
class _Statement:
    """What is known of the statement being searched, in a body that may hold several."""

    words: list[str] = field(default_factory=list)
    is_routine: bool = False
    is_do: bool = False
    language: str = ""
    is_definer: bool = False
    has_operator: bool = False
    bodies: list[Token] = field(default_factory=list)
    calls: list[tuple[str, Span, int, bool]] = field(default_factory=list)

    @property
    def holds_code(self) -> bool:
        return (self.is_do and not self.language) or self.language in _CODE_LANGUAGES


class _Finder:
    def __init__(self, is_gexec: bool) -> None:
        self.is_gexec = is_gexec
        self.sites: list[Site] = []
        self.in_strings: list[Span] = []
        self.strays: list[Span] = []
        self.stray_operators: list[Span] = []

    def search(
        self, body: Body, begin: int, end: int, depth: int, *, stored: bool = False, invoker: bool = False
    ) -> None:
        tokens = list(psql.tokens(body.text, begin, end))
        statement = _Statement()
        commits = any(_ends_transaction(tokens, at) for at in range(len(tokens)))
        at = 0
        while at < len(tokens):
            token = tokens[at]
            before = tokens[at - 1] if at else None
            if token.kind == "semicolon":
                self._end(body, statement, depth, stored, invoker, commits)
                statement = _Statement()
            elif token.is_string:
                self._string(body, statement, token, before)
            elif token.name:
                at = self._word(body, statement, tokens, at)
                continue
            elif token.text in _OPERATORS:
                self._operator(body, statement, tokens, at)
            at += 1
        self._end(body, statement, depth, stored, invoker, commits)

    def _word(self, body: Body, statement: _Statement, tokens: list[Token], at: int) -> int:
        """Take note of a word; return the token to go on at, behind a call that begins here."""
        name, words = tokens[at].name, statement.words
        if name == "df" and (function := _called(tokens, at)) and words[-1:] not in _ROUTINE_WORDS:
            close = _closing(tokens, at + 3)
            last = tokens[min(close, len(tokens) - 1)]
            span = Span(tokens[at].start, last.end)
            statement.calls.append((function, span, tokens[at + 3].start, close < len(tokens)))
            return close + 1
        if name == "df" and _called(tokens, at, _NODES) and words[-1:] not in _ROUTINE_WORDS:
            self.strays.append(body.span(Span(tokens[at].start, tokens[at + 2].end)))
        if name in ("function", "procedure") and _is_create(words):
            statement.is_routine = True
        elif name == "do" and (not words or words[-1] in _BLOCK_WORDS):
            statement.is_do = True
        elif words[-1:] == ["language"]:
            statement.language = name
        elif words[-1:] == ["security"]:
            statement.is_definer = name == "definer"
        words.append(name)
        return at + 1

    def _operator(self, body: Body, statement: _Statement, tokens: list[Token], at: int) -> None:
        """Take note of an operator of ours; one between other things than strings may be somebody else's."""
        beside = (*tokens[max(at - 1, 0) : at], *tokens[at + 1 : at + 2])
        if not statement.has_operator and any(token.is_string for token in beside):
            statement.has_operator = True
            self.stray_operators.append(body.span(Span(tokens[at].start, tokens[at].end)))

    def _string(self, body: Body, statement: _Statement, token: Token, before: Token | None) -> None:
        if before is not None and before.name == "language":
            statement.language = token.text.strip("'").lower()
            statement.words.append(statement.language)  # as if it were written without the quotes
        elif statement.is_do or (statement.is_routine and before is not None and before.name == "as"):
            statement.bodies.append(token)
        elif self.is_gexec or _may_be_executed(token.text, statement.words):
            self._look_into(body, token)

    def _look_into(self, body: Body, token: Token) -> None:
        self.in_strings += _like_calls(body, token)

    def _end(
        self, body: Body, statement: _Statement, depth: int, stored: bool, invoker: bool, commits: bool
    ) -> None:
        is_stored_here = stored or is_stored(statement.words)
        for function, span, opening, is_closed in statement.calls:
            # What a view, a rule or a default calls runs with the rights of whoever uses it.
            is_kept = is_stored(statement.words) and statement.words[0] != "prepare"
            is_invoker = invoker or (is_kept and not statement.is_definer)
            site = Site(function, body, span, opening, is_stored_here, is_invoker, is_closed, commits)
            self.sites.append(site)
        for token in statement.bodies:
            inner = _inner(body, token) if statement.holds_code and depth < _MAX_DEPTH else None
            if inner is None:
                self._look_into(body, token)
                continue
            is_invoker = invoker or (statement.is_routine and not statement.is_definer)
            self.search(*inner, depth + 1, stored=is_stored_here, invoker=is_invoker)


def _like_calls(body: Body, token: Token) -> list[Span]:
    return [body.span(span) for span in like_calls(body.text, Span(token.start, token.end))]


_ROUTINE_WORDS = (["function"], ["procedure"], ["routine"])
_BLOCK_WORDS = ("begin", "then", "else", "loop")


_GEXEC = re.compile(r"\\gexec\b")
_EXECUTING = frozenset(["execute", "dblink", "dblink_exec", "dblink_open", "dblink_send_query", "cron"])
_SAYING = frozenset(["comment", "raise", "security", "insert", "update", "merge", "copy"])
_SQL = re.compile(
    r"(?:E?'|\$\w*\$)\s*(?:select|insert|update|delete|merge|with|values|call|do|create|perform|begin|copy|explain)\b",
    re.IGNORECASE,
)


def _may_be_executed(string: str, words: list[str]) -> bool:
    """Whether a string behind these words of its statement is executed, or could be by who gets it.

    What is said, or written into a table, most often is documentation, even where it is SQL.
    """
    return bool(_EXECUTING.intersection(words) or (_SQL.match(string) and not _SAYING.intersection(words)))


def _ends_transaction(tokens: list[Token], at: int) -> bool:
    """Whether a statement COMMIT or ROLLBACK of a body begins at the token `at`."""
    if not at or tokens[at].name not in ("commit", "rollback"):
        return False
    return tokens[at - 1].kind == "semicolon" or tokens[at - 1].name in _BLOCK_WORDS


def _is_create(words: list[str]) -> bool:
    return words[-1:] == ["create"] or words[-3:] == ["create", "or", "replace"]


def _called(tokens: list[Token], at: int, functions: Collection[str] = FUNCTIONS) -> str:
    """The function of these whose call begins at the token `at`; the empty string where none does."""
    if at + 3 >= len(tokens) or tokens[at + 1].text != "." or tokens[at + 3].kind != "open":
        return ""
    name = tokens[at + 2].name
    return name if name in functions else ""


def _closing(tokens: list[Token], at: int) -> int:
    """The parenthesis that closes the one at the token `at`; the number of tokens where none does."""
    depth = 0
    for index in range(at, len(tokens)):
        depth += (tokens[index].kind == "open") - (tokens[index].kind == "close")
        if depth == 0:
            return index
    return len(tokens)


def _inner(body: Body, token: Token) -> tuple[Body, int, int] | None:
    """The body that a string is, and which part of its text; None where it cannot be read."""
    if token.kind == "dollar_quote":
        tag = token.text.index("$", 1) + 1
        is_closed = len(token.text) >= 2 * tag and token.text.endswith(token.text[:tag])
        return (body, token.start + tag, token.end - tag) if is_closed else None
    if token.kind == "quote" and not token.text.startswith("'"):
        return None
    if "'" not in token.text[2:] or _HINT.search(token.text) is None:
        return None
    try:
        read = read_literal(token.text, token.start)
    except LiteralError:
        return None
    origins = read.origins
    if body.origins is not None:
        origins = tuple(body.origins[at] for at in origins)
    quote = "E'" if token.kind == "escape_quote" else "'"
    return Body(read.value, origins, (*body.quotes, quote)), 0, len(read.value)
