"""An SQL script, psql meta-commands included, as statements in order: each ours or passed through.

The rules are psql's own (`psqlscan.l`), not those of PostgreSQL's parser: a script may hold text that only
psql understands. A declaration is the one exception. psql never sees it, so a semicolon ends it at any depth
of parentheses, and a forgotten parenthesis does not swallow the rest of the file.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from pgdurc import call_sites, psql, statement_kind
from pgdurc.diagnostic import Diagnostic, Severity, Span
from pgdurc.pgsql import WHITE_SPACE
from pgdurc.statement_kind import Kind

__all__ = ["Kind", "Ours", "Passed", "Script", "split"]


@dataclass(frozen=True, slots=True)
class Passed:
    """Text that is not ours. `span` includes the white space and comments in front of it.

    It goes to the output unchanged but for the `calls` in it. `head` is the place of the words that made it
    its kind, to name in a message (the empty span for BLANK). `first` is where its first word stands, and
    `comment` the author's comment directly above. `joins`: behind each `\\;` that joins a statement to those
    before it.
    """

    span: Span
    kind: Kind
    head: Span
    first: int
    comment: str = ""
    calls: tuple[call_sites.Site, ...] = ()
    joins: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Ours:
    """A `CREATE WORKFLOW` or `DROP WORKFLOW` statement, from its first word to its semicolon, both included.

    `comment` is the author's comment directly above, as written; its text is also the end of the Passed
    piece in front. `is_complete` is false where the semicolon is missing or psql syntax stands inside: there
    is a diagnostic already.
    """

    span: Span
    is_drop: bool
    comment: str
    is_complete: bool = True


@dataclass(frozen=True, slots=True)
class Script:
    """`pieces` follow one another without a gap: their spans together are the whole text."""

    text: str
    pieces: tuple[Passed | Ours, ...]
    diagnostics: tuple[Diagnostic, ...]

    @property
    def declarations(self) -> tuple[Ours, ...]:
        return tuple(piece for piece in self.pieces if isinstance(piece, Ours))


def split(text: str) -> Script:
    """Split a script (the text of a Source) in time linear in its length. Never raises.

    What is wrong with it is in `diagnostics`.
    """
    splitter = _Splitter(text)
    splitter.run()
    pieces = tuple(splitter.pieces)
    is_empty = not any(isinstance(piece, Ours) or piece.calls for piece in pieces)
    if is_empty and not _has_errors(splitter.diagnostics):
        splitter.warn(
            "PGD010",
            "no workflow is declared in this file",
            Span(0, 0),
            hint="a workflow is declared by: CREATE WORKFLOW name() AS 'SELECT 1';",
        )
    return Script(text, pieces, tuple(splitter.diagnostics))


@dataclass(slots=True)
class _Statement:
    """What is known of the statement being read."""

    begin: int  # of the piece: the end of the one before
    head: int = -1  # of its first word; -1 while only white space and comments came
    words: list[list[str]] = field(default_factory=lambda: [[]])  # bare words outside parentheses, by `\;`
    word_ends: list[list[int]] = field(default_factory=lambda: [[]])
    word_count: int = 0
    is_routine: bool = False
    is_ours: bool = False
    parentheses: list[int] = field(default_factory=list)
    begins: list[int] = field(default_factory=list)
    meta: Span | None = None
    comments: list[Span] = field(default_factory=list)  # those in front of the head
    joined: int = -1  # of a `\;`
    joins: list[int] = field(default_factory=list)  # behind those that end a statement

    @property
    def opening(self) -> list[str]:
        return self.words[-1]


class _Splitter:
    def __init__(self, text: str) -> None:
        self.text = text
        self.pieces: list[Passed | Ours] = []
        self.diagnostics: list[Diagnostic] = []
        self.statement = _Statement(0)
        self.pending_copies = 0

    def run(self) -> None:
        null = self.text.find("\0")
        if null >= 0:
            self.error("PGD003", "null character not permitted", Span(null, null + 1), "remove it")
        at = 0
        while at < len(self.text):
            at = self._token(at)
        self._end_of_file()

    def error(self, code: str, message: str, span: Span, hint: str | None = None) -> None:
        self.diagnostics.append(Diagnostic(code, Severity.ERROR, message, span, hint))

    def warn(self, code: str, message: str, span: Span, hint: str | None = None) -> None:
        self.diagnostics.append(Diagnostic(code, Severity.WARNING, message, span, hint))

    def _token(self, at: int) -> int:
        """Read one token; return where the next begins."""
        match = psql.TOKEN.match(self.text, at)
        assert match is not None
        kind, end = match.lastgroup, match.end()
        statement = self.statement
        match kind:
            case "space":
                return self._copy_data(at, end) if self.pending_copies and "\n" in match.group() else end
            case "comment" | "block_comment":
                if kind == "block_comment":
                    end = self._block_comment(at)
                if statement.head < 0:
                    statement.comments.append(Span(at, end))
                return end
            case "backslash":
                return self._backslash(at)
            case "semicolon":
                if statement.is_ours or not (statement.parentheses or statement.begins):
                    self._end_statement(end)
                elif statement.head < 0:
                    statement.head = at
                return end
        if statement.head < 0:
            statement.head = at
        match kind:
            case "word":
                self._word(match.group(), at)
            case "open":
                statement.parentheses.append(at)
            case "close":
                if statement.parentheses:
                    statement.parentheses.pop()
            case "quote" | "double_quote" | "escape_quote" | "dollar_quote":
                return self._quote(kind, at, end)
        return end

    # Words: which statement it is, and where a body that holds semicolons begins and ends

    def _word(self, word: str, at: int) -> None:
        statement = self.statement
        lower = word.lower()
        outside = not statement.parentheses
        if outside and len(statement.opening) < statement_kind.WORDS:
            statement.opening.append(lower)
            statement.word_ends[-1].append(at + len(word))
            if statement_kind.is_ours(statement.opening):
                self._begin_ours()
        statement.word_count += 1
        if statement.word_count <= 4:
            statement.is_routine = statement.is_routine or statement_kind.is_routine(statement.words[0])
        # psql's own heuristic: inside CREATE FUNCTION, BEGIN opens and END closes, and so does CASE once
        # inside
        if statement.is_routine and outside:
            if lower == "begin" or (lower == "case" and statement.begins):
                statement.begins.append(at)
            elif lower == "end" and statement.begins:
                statement.begins.pop()

    def _begin_ours(self) -> None:
        statement = self.statement
        if statement.joined >= 0:
            self.error(
                "PGD009",
                "a workflow statement cannot be joined to another by \\;",
                Span(statement.joined, statement.joined + 2),
                "end the statement before it with a plain semicolon",
            )
            return
        if statement.meta is None:
            statement.is_ours = True

    # Quotes and comments

    def _quote(self, kind: str, at: int, end: int) -> int:
        text = self.text
        if kind == "dollar_quote":
            tag = text[at:end]
            close = text.find(tag, end)
            if close < 0:
                return self._unterminated(at, end, "dollar-quoted string", f"close it with {tag}")
            return close + len(tag)
        quote = '"' if kind == "double_quote" else "'"
        if text.find(quote, at, end) == end - 1:
            what = "quoted identifier" if quote == '"' else "quoted string"
            return self._unterminated(at, end, what, f"close it with {quote}")
        while kind == "escape_quote" and (more := psql.E_CONTINUED.match(text, end)) is not None:
            if more["rest"] is None:
                return self._unterminated(more.end() - 1, more.end(), "quoted string", "close it with '")
            end = more.end()
        return end

    def _unterminated(self, at: int, end: int, what: str, hint: str) -> int:
        self.error("PGD004", f"unterminated {what}", Span(at, end), hint)
        return self._give_up()

    def _give_up(self) -> int:
        """The rest of the file is one piece: there is no telling where a statement ends."""
        statement = self.statement
        if statement.head < 0:
            statement.head = statement.begin
        self._add_piece(len(self.text), is_complete=False)
        return len(self.text)

    def _block_comment(self, at: int) -> int:
        end = psql.comment_end(self.text, at)
        if end is None:
            self.error(
                "PGD005", "unterminated /* comment", Span(at, at + 2), "close it with */; comments nest"
            )
            return self._give_up()
        return end

    # psql's meta-commands and COPY data

    def _backslash(self, at: int) -> int:
        statement = self.statement
        two = self.text[at : at + 2]
        if two in ("\\;", "\\:"):
            if statement.head < 0:
                statement.head = at
            if two == "\\;":
                if statement.is_ours:
                    self._psql_in_ours(Span(at, at + 2))
                statement.joined = at
                if not (statement.parentheses or statement.begins):
                    statement.joins.append(at + 2)
                statement.words.append([])
                statement.word_ends.append([])
            return at + 2
        name = psql.META_NAME.match(self.text, at)
        assert name is not None
        end = psql.meta_end(self.text, name)
        span = Span(at, name.end())
        if statement.head < 0:
            statement.head = at
            statement.meta = span
            self._add_piece(end)
        else:
            if statement.is_ours:
                self._psql_in_ours(span)
            statement.meta = statement.meta or span
            if psql.META_SENDS.match(self.text, at):
                self._add_piece(end, is_complete=False)
        if psql.META_COPY_STDIN.match(self.text, at, end):
            self.pending_copies += 1
        return end

    def _psql_in_ours(self, span: Span) -> None:
        command = self.text[span.start : span.end]
        self.error(
            "PGD009",
            f"psql's {command} cannot stand inside a workflow statement",
            span,
            "end the statement with a plain semicolon and put meta-commands on lines of their own",
        )

    def _copy_data(self, begin: int, end: int) -> int:
        """Skip the data of the COPY statements that ended on this line; it begins on the next one."""
        at = self.text.index("\n", begin, end) + 1
        for _ in range(self.pending_copies):
            data_end = psql.COPY_END.search(self.text, at)
            at = len(self.text) if data_end is None else data_end.end()
        self.pending_copies = 0
        self._add_data(at)
        return at

    def _add_data(self, end: int) -> None:
        """The data belongs to the piece of its COPY, so that whoever drops or refuses one has both."""
        last = self.pieces[-1] if self.pieces else None
        statement = self.statement
        if statement.head < 0 and isinstance(last, Passed):
            self.pieces[-1] = replace(last, span=Span(last.span.start, end))
            self.statement = _Statement(end)

    # Ends

    def _end_statement(self, end: int) -> None:
        statement = self.statement
        if statement.head < 0:
            statement.head = end - 1
        is_copy = not statement.is_ours and any(statement_kind.is_copy_from_stdin(w) for w in statement.words)
        self._add_piece(end)
        if is_copy:
            self.pending_copies += 1

    def _add_piece(self, end: int, *, is_complete: bool = True) -> None:
        statement = self.statement
        self.statement = _Statement(end)
        if statement.begin == end:
            return
        if not statement.is_ours:
            self.pieces.append(self._passed(statement, end))
            return
        if statement.begin < statement.head:
            blank = Span(statement.begin, statement.head)
            here = Span(statement.head, statement.head)
            self.pieces.append(Passed(blank, Kind.BLANK, here, statement.head))
        self.pieces.append(
            Ours(
                Span(statement.head, end),
                statement.words[0][0] == "drop",
                self._comment_above(statement),
                is_complete and statement.meta is None and statement.joined < 0,
            )
        )

    def _passed(self, statement: _Statement, end: int) -> Passed:
        span = Span(statement.begin, end)
        if statement.head < 0:
            return Passed(span, Kind.BLANK, Span(end, end), end)
        self._refuse_unknown(statement)
        kind, head = self._kind(statement)
        if statement.meta is not None and statement.meta.start == statement.head:
            if (command := psql.META_HOLDS_SQL.match(self.text, statement.head)) is not None:
                places = call_sites.like_calls(self.text, Span(statement.head, end))
                where = f"psql's {command.group()}"
                self.diagnostics += [call_sites.uncompiled(place, where) for place in places]
            return Passed(span, kind, head, statement.head)
        found = call_sites.find(self.text, Span(statement.head, end))
        self.diagnostics += [
            self._cut_off(problem) if problem.span.start == statement.head else problem
            for problem in call_sites.unheard(found)
        ]
        comment, joins = self._comment_above(statement), tuple(statement.joins)
        return Passed(span, kind, head, statement.head, comment, found.sites, joins)

    def _cut_off(self, stray: Diagnostic) -> Diagnostic:
        """An operator or node with which a statement begins: no SQL does, and no workflow."""
        written = self.text[stray.span.start : stray.span.end]
        message = f'syntax error at or near "{written}"'
        hint = "it begins a statement: a semicolon in front of it ends the workflow"
        return Diagnostic("PGD101", Severity.ERROR, message, stray.span, hint)

    def _refuse_unknown(self, statement: _Statement) -> None:
        for words, ends in zip(statement.words, statement.word_ends, strict=True):
            if (unknown := statement_kind.unknown_of_ours(words)) is not None:
                count, hint = unknown
                message = f"there is no statement {' '.join(words[:count]).upper()}"
                start = ends[0] - len(words[0])
                self.error("PGD011", message, Span(start, ends[count - 1]), hint)

    def _kind(self, statement: _Statement) -> tuple[Kind, Span]:
        if statement.meta is not None:
            return Kind.META_COMMAND, statement.meta
        for words, ends in zip(statement.words, statement.word_ends, strict=True):
            kind, count = statement_kind.classify(words)
            if kind is not Kind.SQL:
                return kind, Span(statement.head, ends[count - 1])
        end_of_word = statement.word_ends[0][0] if statement.word_ends[0] else statement.head + 1
        return Kind.SQL, Span(statement.head, end_of_word)

    def _comment_above(self, statement: _Statement) -> str:
        """Comments on lines of their own with no empty line between them and the statement."""
        text, below = self.text, statement.head
        for comment in reversed(statement.comments):
            line_start = text.rfind("\n", 0, comment.start) + 1
            is_own_line = line_start >= statement.begin and not text[line_start : comment.start].strip()
            if not is_own_line or text.count("\n", comment.end, below) > 1:
                break
            below = comment.start
        return text[below : statement.head].strip(WHITE_SPACE)

    def _end_of_file(self) -> None:
        statement = self.statement
        end = len(self.text)
        if statement.head < 0:
            self._add_piece(end)
            return
        last = len(self.text.rstrip(WHITE_SPACE))
        here = Span(last - 1, last)
        if statement.is_ours:
            self.error(
                "PGD006", "missing semicolon at the end of the workflow statement", here, "add a semicolon"
            )
        elif statement.parentheses:
            opening = statement.parentheses[-1]
            self.error(
                "PGD008", "unclosed parenthesis", Span(opening, opening + 1), "close it before the semicolon"
            )
        elif statement.begins:
            opening = statement.begins[-1]
            self.error("PGD008", "BEGIN without END", Span(opening, opening + 5), "close the body with END")
        else:
            self.warn(
                "PGD007",
                "missing semicolon at the end of the last statement",
                here,
                "psql runs it, but text that is appended to the output would become part of it",
            )
        self._add_piece(end, is_complete=False)


def _has_errors(diagnostics: list[Diagnostic]) -> bool:
    return any(diagnostic.severity is Severity.ERROR for diagnostic in diagnostics)
