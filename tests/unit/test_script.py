"""Splitting by psql's rules."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pgdurc.script import Kind, Ours, Passed, Script, split

KINDS = {
    "select 1;": Kind.SQL,
    "call p();": Kind.SQL,
    "lock t;": Kind.SQL,
    "set transaction read only;": Kind.SQL,
    "prepare p as select 1;": Kind.SQL,
    "create index i on t(a);": Kind.SQL,
    "create index concurrently i on t(a);": Kind.NOT_IN_TRANSACTION,
    "create unique index concurrently i on t(a);": Kind.NOT_IN_TRANSACTION,
    "drop index concurrently i;": Kind.NOT_IN_TRANSACTION,
    "reindex table t;": Kind.SQL,
    "reindex (verbose) table concurrently t;": Kind.NOT_IN_TRANSACTION,
    "reindex database d;": Kind.NOT_IN_TRANSACTION,
    "VACUUM;": Kind.NOT_IN_TRANSACTION,
    "vacuum (analyze) t;": Kind.NOT_IN_TRANSACTION,
    "create database d;": Kind.NOT_IN_TRANSACTION,
    "drop database if exists d;": Kind.NOT_IN_TRANSACTION,
    "create tablespace t location '/x';": Kind.NOT_IN_TRANSACTION,
    "alter system set a = 1;": Kind.NOT_IN_TRANSACTION,
    "alter table t detach partition p concurrently;": Kind.NOT_IN_TRANSACTION,
    "alter table t add column concurrently_made int;": Kind.SQL,
    "begin;": Kind.TRANSACTION_CONTROL,
    "/* x */ BEGIN work;": Kind.TRANSACTION_CONTROL,
    "start transaction;": Kind.TRANSACTION_CONTROL,
    "commit;": Kind.TRANSACTION_CONTROL,
    "commit prepared 'x';": Kind.TRANSACTION_CONTROL,
    "prepare transaction 'x';": Kind.TRANSACTION_CONTROL,
    "rollback to s;": Kind.TRANSACTION_CONTROL,
    "savepoint s;": Kind.TRANSACTION_CONTROL,
    "release s;": Kind.TRANSACTION_CONTROL,
    "end;": Kind.TRANSACTION_CONTROL,
    "abort;": Kind.TRANSACTION_CONTROL,
    "select 1 \\; commit;": Kind.TRANSACTION_CONTROL,
    "copy t from stdin;": Kind.COPY_DATA,
    "COPY t (a, b) FROM STDIN WITH (FORMAT csv);": Kind.COPY_DATA,
    "copy t to stdout;": Kind.SQL,
    "copy t from '/file';": Kind.SQL,
    "\\echo hello": Kind.META_COMMAND,
    "select 1 \\gset": Kind.META_COMMAND,
    "select 1 \\echo x\n;": Kind.META_COMMAND,
    "-- nothing": Kind.BLANK,
}


def texts(script: Script) -> list[str]:
    """The pieces without their white space; ours marked by a star."""
    return [
        ("*" if isinstance(piece, Ours) else "") + script.text[piece.span.start : piece.span.end].strip()
        for piece in script.pieces
    ]


@pytest.mark.parametrize("text", KINDS)
def test_kind(text: str) -> None:
    (piece,) = split(text).pieces
    assert isinstance(piece, Passed)
    assert piece.kind is KINDS[text]


def test_head_names_what_made_the_kind() -> None:
    for text, words in [
        ("\n create  unique index concurrently i on t(a);", "create  unique index concurrently"),
        (" -- c\nVACUUM t;", "VACUUM"),
        ("start transaction;", "start transaction"),
        ("select 1 \\gset x_\n", "\\gset"),
    ]:
        piece = split(text).pieces[0]
        assert isinstance(piece, Passed)
        assert text[piece.head.start : piece.head.end] == words


@pytest.mark.parametrize(
    "statement",
    [
        "select ';', 'a'';b', \"c;\"\"d\", $$e;f$$, $x$g;$$;h$x$, B'1', N';', U&';', u&\";\";",
        "select E'a\\';b' ';', e'\\\\' ';';",
        "select E'a'\n  'b\\';c';",
        "select E'a' -- it's\n  'b\\';c';",
        "select 'a\\', 'b;';",
        "select (1; 2), ((;));",
        "select 1 -- ; '\n /* ; /* ' ; */ $$ */ + 2;",
        "select 5 */* ; */2;",
        "select a$$b, c$$;",
        "select $1, $2;",
        "select :'name', :\"name\", :name;",
        "select 1 \\; select 2;",
        "select 1 \\: ;",
        "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1; END; SELECT 2; END;",
        "create or replace procedure p() begin atomic; end;",
        "create function f(begin int) returns int return 1;",
        "create view v as select case when true then 1 end;",
        "select é;",
        "select\xa0;",
    ],
)
def test_one_statement(statement: str) -> None:
    script = split(f"{statement}\nCREATE WORKFLOW w() AS 'a';")
    assert texts(script) == [statement, "", "*CREATE WORKFLOW w() AS 'a';"]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("\\set a 'x;y' \\echo b\nselect 1;", ["\\set a 'x;y'", "\\echo b", "select 1;"]),
        ("\\echo a \\\\ select 1; select 2;", ["\\echo a \\\\", "select 1;", "select 2;"]),
        ("\\! echo 'a \\\\ ;\nselect 1;", ["\\! echo 'a \\\\ ;", "select 1;"]),
        ("select 1 \\g | cat\nselect 2;", ["select 1 \\g | cat", "select 2;"]),
        ("select '\\d';\\d x;y\n;", ["select '\\d';", "\\d x;y", ";"]),
        ("select (1 \\gexec\nselect 2;", ["select (1 \\gexec", "select 2;"]),
        ("select ( \\r\nselect 2;", ["select ( \\r", "select 2;"]),
        ("copy t from stdin;\n'a\n;\n\\.\nselect 1;", ["copy t from stdin;\n'a\n;\n\\.", "select 1;"]),
        ("copy t from stdin; -- x\n'\n\\.\r\nselect 1;", ["copy t from stdin; -- x\n'\n\\.", "select 1;"]),
        ("copy t from stdin;\n'never ends", ["copy t from stdin;\n'never ends"]),
        ("\\copy t from stdin csv\n'\n\\.\n;", ["\\copy t from stdin csv\n'\n\\.", ";"]),
        (
            "copy a from stdin;copy b from stdin;\n1\n\\.\n'\n\\.\n;",
            ["copy a from stdin;", "copy b from stdin;\n1\n\\.\n'\n\\.", ";"],
        ),
        (
            "select 1;CREATE WORKFLOW w() AS (';';select 2;",
            ["select 1;", "*CREATE WORKFLOW w() AS (';';", "select 2;"],
        ),
        (
            "create /* a */ or -- b\n replace WorkFlow w() AS $$;$$;",
            ["*create /* a */ or -- b\n replace WorkFlow w() AS $$;$$;"],
        ),
        (
            "create table workflow(); drop table workflow;",
            ["create table workflow();", "drop table workflow;"],
        ),
        (
            "select 'CREATE WORKFLOW w() AS'; -- CREATE WORKFLOW\n",
            ["select 'CREATE WORKFLOW w() AS';", "-- CREATE WORKFLOW"],
        ),
    ],
)
def test_pieces(text: str, pieces: list[str]) -> None:
    assert texts(split(text)) == pieces


@pytest.mark.parametrize(
    ("text", "code", "pointed_at"),
    [
        ("select 'a;\n", "PGD004", "'"),
        ("select E'a\\';\n", "PGD004", "E'"),
        ("select E'a'\n'b\\';\n", "PGD004", "'"),
        ('select "a;\n', "PGD004", '"'),
        ("select $x$a;$$", "PGD004", "$x$"),
        ("select /* /* */ 1;", "PGD005", "/*"),
        ("select (1;", "PGD008", "("),
        ("create function f() begin atomic select 1;", "PGD008", "begin"),
        ("select 1", "PGD007", "1"),
        ("CREATE WORKFLOW w() AS 'a'  ", "PGD006", "'"),
        ("CREATE WORKFLOW w() AS 'a' \\gset\n", "PGD009", "\\gset"),
        ("CREATE WORKFLOW w() AS \\echo\n 'a';", "PGD009", "\\echo"),
        ("select 1 \\; CREATE WORKFLOW w() AS 'a';", "PGD009", "\\;"),
        ("select \0;", "PGD003", "\0"),
        ("select 1;", "PGD010", ""),
    ],
)
def test_diagnostic(text: str, code: str, pointed_at: str) -> None:
    found = [d for d in split(text).diagnostics if code == "PGD010" or d.code != "PGD010"]
    assert [d.code for d in found] == [code]
    span = found[0].span
    assert text[span.start : span.end].startswith(pointed_at)


@pytest.mark.parametrize(
    ("above", "comment"),
    [
        ("-- a\n-- b\n", "-- a\n-- b"),
        ("-- a\n\n-- b\n", "-- b"),
        ("-- a\n\n", ""),
        ("/* a\n b */\n", "/* a\n b */"),
        ("select 1; -- a\n", ""),
        ("select 1; -- a\n-- b\n", "-- b"),
        ("-- a\r\n", "-- a"),
    ],
)
def test_comment_above(above: str, comment: str) -> None:
    (ours,) = split(f"{above}CREATE WORKFLOW w() AS 'a';").declarations
    assert ours.comment == comment


WORDS = [
    "select",
    "create",
    "function",
    "begin",
    "case",
    "end",
    "workflow",
    "or",
    "replace",
    "drop",
    "do",
    "df.start(",
    "1",
    "é",
]
QUOTES = ["'", "''", "E'", '"', "$$", "$x$", "/*", "*/", "--", "`"]
OTHERS = ["\n", ";", "(", ")", ":", "-", "/", "\0"]
PSQL = ["\\", "\\;", "\\gset", "\\.", "\\echo", "\\copy t from stdin", "copy t from stdin"]
PIECES = st.sampled_from([*WORDS, *QUOTES, *OTHERS, *PSQL])


@settings(max_examples=400, deadline=None)
@given(st.lists(PIECES, max_size=25), st.sampled_from(["", " "]))
def test_pieces_are_the_text(pieces: list[str], between: str) -> None:
    text = between.join(pieces)
    script = split(text)
    assert "".join(text[p.span.start : p.span.end] for p in script.pieces) == text
    assert all(piece.span.start < piece.span.end for piece in script.pieces)
    for piece in script.pieces:
        if isinstance(piece, Passed):
            assert piece.span.start <= piece.head.start <= piece.head.end <= piece.span.end


@pytest.mark.parametrize(
    "unit",
    [
        "select 1, 'a''b', $$c$$ from t; -- x\n",
        "E'\\\\",
        "/*",
        "(",
        "'",
        "$a$",
        "\\",
        "create workflow (",
        "df.start(/*",
    ],
)
def test_cost_is_linear(unit: str) -> None:
    """Ten times the text takes about ten times as long; the factor 40 leaves room for a busy machine."""

    def seconds(count: int) -> float:
        text = unit * count
        start = time.process_time()
        split(text)
        return time.process_time() - start

    seconds(10)
    assert seconds(30_000) < 40 * max(seconds(3_000), 0.02)


@pytest.mark.parametrize("text", ["\x1f", "\x85", "SELECT 1\u00a0", "\u2028;"])
def test_what_only_python_takes_for_white_space(text: str) -> None:
    script = split(text)
    for problem in script.diagnostics:
        assert 0 <= problem.span.start <= problem.span.end <= len(text)
    assert "".join(text[piece.span.start : piece.span.end] for piece in script.pieces) == text
