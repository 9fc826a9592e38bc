"""The parsed form of a workflow: what the author wrote, with the place of every piece.

Operators are gone (precedence has been folded), the names of the nodes are the language's own, and nothing is
checked yet. Spans are characters of the whole file.
"""

from __future__ import annotations

from dataclasses import dataclass

from pgdurc.diagnostic import Span


@dataclass(frozen=True, slots=True)
class SourceText:
    """The value of a literal, and where each of its characters came from.

    `origins[i]` is the offset in the file of `value[i]`; `origins[len(value)]` that of the closing quote. A
    doubled quote or an escape makes the steps uneven, which is why this is a table and not one number.
    """

    value: str
    origins: tuple[int, ...]

    def span(self, start: int, end: int) -> Span:
        """The place in the file of `value[start:end]`."""
        return Span(self.origins[start], self.origins[end])


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an annotation `|=> batch(id bigint)`: `type` is the text of a PostgreSQL type."""

    name: str
    type: str
    span: Span


@dataclass(frozen=True, slots=True)
class Name:
    """A bound name, with the columns that an annotation gives it (None: no annotation)."""

    text: str
    span: Span
    columns: tuple[Column, ...] | None = None


@dataclass(frozen=True, slots=True)
class Sql:
    """A leaf: one SQL statement, from a bare literal or from df.sql(literal).

    `written`: what the author wrote, where calls in it have been compiled.
    """

    text: SourceText
    span: Span
    written: str | None = None


@dataclass(frozen=True, slots=True)
class Sequence:
    """Two or more parts run in order; never directly inside another sequence."""

    parts: tuple[Tree, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Named:
    """`body |=> name`. Never directly around a Sequence: the fold gives the name to its last part."""

    body: Tree
    name: Name
    span: Span


@dataclass(frozen=True, slots=True)
class If:
    condition: Tree
    then: Tree
    otherwise: Tree
    span: Span


@dataclass(frozen=True, slots=True)
class IfRows:
    """`df.if_rows('name', then, else)`: true where the named result has (or affected) rows."""

    name: Name
    then: Tree
    otherwise: Tree
    span: Span


@dataclass(frozen=True, slots=True)
class Loop:
    """Do-while; without a condition it ends only by a break."""

    body: Tree
    condition: Tree | None
    span: Span


@dataclass(frozen=True, slots=True)
class Break:
    """Leaves the nearest loop. `value` is a text with references, None is the JSON null."""

    value: SourceText | None
    span: Span


@dataclass(frozen=True, slots=True)
class Sleep:
    """`df.sleep(5)`, `df.sleep('1 hour')` or an SQL expression over references.

    `argument` is its text as written; where it was a string constant (`is_interval_text`), its value.
    """

    argument: SourceText
    is_interval_text: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Join:
    """Two or more branches side by side, all of them awaited."""

    branches: tuple[Tree, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Race:
    """Two or more branches side by side, until the first one settles."""

    branches: tuple[Tree, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Duration:
    """The argument of another node than a sleep that is a time: fields as there."""

    argument: SourceText
    is_interval_text: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Signal:
    """`df.wait_for_signal('approved', 3600)`; `name` is a text with references."""

    name: SourceText
    timeout: Duration | None
    span: Span


@dataclass(frozen=True, slots=True)
class Schedule:
    """`df.wait_for_schedule('0 9 * * MON-FRI', 'Europe/Berlin')`: constants, both.

    In a call each may be a reference to a hidden parameter.
    """

    cron: SourceText
    timezone: SourceText | None
    span: Span


@dataclass(frozen=True, slots=True)
class Unread:
    """A piece with an error that has been reported: what it does, binds or breaks is not known.

    `parts`: what of it can be looked at nevertheless, in the order of the text.
    """

    parts: tuple[Tree, ...]
    span: Span


Tree = Sql | Sequence | Named | If | IfRows | Loop | Break | Sleep | Join | Race | Signal | Schedule | Unread


@dataclass(frozen=True, slots=True)
class Identifier:
    """A possibly schema-qualified SQL name: the parts as PostgreSQL reads them (folded, unquoted)."""

    parts: tuple[str, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Parameter:
    """`type` and `default` are SQL texts as written."""

    name: str
    type: str
    default: str | None
    span: Span


@dataclass(frozen=True, slots=True)
class Option:
    """An item of `WITH (name = value)`; the value as written, without its quotes where it is a string."""

    name: str
    value: str
    name_span: Span
    value_span: Span


@dataclass(frozen=True, slots=True)
class Declaration:
    """`CREATE [OR REPLACE] WORKFLOW name(parameters) WITH (options) AS body`.

    `is_call`: it was written as df.start(body); the parameters are hidden ones then.
    """

    name: Identifier
    parameters: tuple[Parameter, ...]
    parameters_text: str
    options: tuple[Option, ...]
    body: Tree
    body_text: str
    comment: str
    span: Span
    is_call: bool = False


@dataclass(frozen=True, slots=True)
class Drop:
    """`DROP WORKFLOW [IF EXISTS] name`."""

    name: Identifier
    if_exists: bool
    span: Span
