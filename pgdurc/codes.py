"""The catalogue of diagnostics: one entry a code, for `pgdurc explain` and docs/errors.md.

PGD0xx the file, PGD1xx the workflow's syntax, PGD2xx names and references, PGD3xx SQL in steps, PGD4xx
options, limits and control flow, PGD9xx what is not supported yet.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """`example` is a whole script that yields this code and no other.

    Bytes that are not UTF-8 are surrogate escapes in it. `remedy` is the same script put right, where that
    says more than words.
    """

    title: str
    story: str
    example: str
    remedy: str = ""


def _workflow(body: str) -> str:
    return f"CREATE WORKFLOW w() AS {body};\n"


CODES: dict[str, Code] = {
    "PGD001": Code(
        "the file is empty",
        "A script holds at least one statement. This one holds nothing, or only white space.",
        "\n",
        _workflow("'SELECT 1'"),
    ),
    "PGD002": Code(
        "the file is not UTF-8",
        "Scripts are read as UTF-8, with or without a byte order mark. The message names the first byte"
        " that is not; the usual causes are an editor that saves Latin-1 or UTF-16.",
        "CREATE WORKFLOW w() AS $$SELECT 'caf\udce9'$$;\n",
        "CREATE WORKFLOW w() AS $$SELECT 'café'$$;\n",
    ),
    "PGD003": Code(
        "the file holds a null character",
        "PostgreSQL has no null character in text, so it could not be sent.",
        "CREATE WORKFLOW w() AS 'SELECT 1';\n-- \0\n",
    ),
    "PGD004": Code(
        "a quote is not closed",
        "A string, a quoted identifier or a dollar quote goes on to the end of the file. Everything after"
        " its opening is part of it, so nothing after it was looked at. Inside '...' a quote is written"
        " twice.",
        "CREATE WORKFLOW w() AS 'SELECT 1;\n",
        _workflow("'SELECT 1'"),
    ),
    "PGD005": Code(
        "a comment is not closed",
        "Comments nest in PostgreSQL: each /* needs its own */.",
        "/* outer /* inner */\nCREATE WORKFLOW w() AS 'SELECT 1';\n",
        "/* outer /* inner */ */\nCREATE WORKFLOW w() AS 'SELECT 1';\n",
    ),
    "PGD006": Code(
        "a workflow statement has no semicolon",
        "A declaration ends with a semicolon, also where it is the last statement of the file.",
        "CREATE WORKFLOW w() AS 'SELECT 1'\n",
        _workflow("'SELECT 1'"),
    ),
    "PGD007": Code(
        "the last statement has no semicolon",
        "psql runs the last statement of a file also without one, so it passes through. Where the output"
        " is joined with another file it would swallow that file's first statement.",
        "CREATE WORKFLOW w() AS 'SELECT 1';\nSELECT 1\n",
        "CREATE WORKFLOW w() AS 'SELECT 1';\nSELECT 1;\n",
    ),
    "PGD008": Code(
        "a parenthesis or a body is not closed",
        "psql ends no statement inside parentheses or between BEGIN and END of a routine's body, so this"
        " one would take the rest of the file.",
        "CREATE WORKFLOW w() AS 'SELECT 1';\nSELECT (1;\n",
        "CREATE WORKFLOW w() AS 'SELECT 1';\nSELECT (1);\n",
    ),
    "PGD009": Code(
        "psql syntax stands inside a workflow statement",
        "A declaration is replaced before psql sees it, so there is nothing that \\gset, \\gexec or \\;"
        " could refer to. Meta-commands between statements pass through.",
        "CREATE WORKFLOW w() AS 'SELECT 1' \\gset\n",
        _workflow("'SELECT 1'"),
    ),
    "PGD010": Code(
        "the file declares no workflow",
        "A file without CREATE WORKFLOW or DROP WORKFLOW passes through unchanged. That is allowed, and"
        " most often a mistake.",
        "SELECT 1;\n",
        _workflow("'SELECT 1'"),
    ),
    "PGD101": Code(
        "syntax error",
        "The word or sign that the message names cannot stand where it stands. The hint says what could.",
        _workflow("'SELECT 1' 'SELECT 2'"),
        _workflow("'SELECT 1' ~> 'SELECT 2'"),
    ),
    "PGD102": Code(
        "the header is not valid",
        "Name and parameters are checked by PostgreSQL's own parser, as those of CREATE FUNCTION.",
        "CREATE WORKFLOW w(a int 5) AS 'SELECT 1';\n",
        "CREATE WORKFLOW w(a int DEFAULT 5) AS 'SELECT 1';\n",
    ),
    "PGD103": Code(
        "a reserved word as a name",
        "The starter is an SQL function of the workflow's name, so the name must be one that a function"
        " can have.",
        "CREATE WORKFLOW select() AS 'SELECT 1';\n",
        "CREATE WORKFLOW \"select\"() AS 'SELECT 1';\n",
    ),
    "PGD104": Code(
        "the name is too long",
        "PostgreSQL cuts names at 63 bytes without an error. A version's step procedure is named as the"
        " workflow with a suffix, which leaves 50 bytes; a letter outside ASCII takes two or more.",
        f"CREATE WORKFLOW {'long_' * 11}() AS 'SELECT 1';\n",
    ),
    "PGD105": Code(
        "an option is malformed or given twice",
        "Options are written WITH (name = value, ...), each once; a value is a string, a number or a word.",
        "CREATE WORKFLOW w() WITH (max_attempts = 2, max_attempts = 3) AS 'SELECT 1';\n",
        "CREATE WORKFLOW w() WITH (max_attempts = 3) AS 'SELECT 1';\n",
    ),
    "PGD106": Code(
        "a parameter of a kind that workflows do not have",
        "A parameter has a name and a type and may have a default. There are no OUT, VARIADIC or unnamed"
        " ones; names differ; after one with a default all have defaults.",
        "CREATE WORKFLOW w(a int, a text) AS 'SELECT 1';\n",
        "CREATE WORKFLOW w(a int, b text) AS 'SELECT 1';\n",
    ),
    "PGD110": Code(
        "the documented precedence would read this differently",
        "In PostgreSQL all workflow operators have the same precedence and associate to the left, and"
        " prefix @> takes the one operand after it. The documentation of pg_durable describes a table"
        " instead: <->, |=>, &, |, ~>, then ?> and !>, then @>, from the tightest. Where the two read an"
        " expression differently it is an error, since its author can have meant either. The message"
        " shows both readings, PostgreSQL's first; with those parentheses either is accepted.",
        _workflow("'SELECT 1' ~> 'SELECT true' ?> 'SELECT 2' !> 'SELECT 3' ~> 'SELECT 4'"),
        _workflow("'SELECT 1' ~> ('SELECT true' ?> 'SELECT 2' !> 'SELECT 3') ~> 'SELECT 4'"),
    ),
    "PGD111": Code(
        "?> and !> do not belong together",
        "Each ?> needs its !>, with nothing but one operand between: all operators have one precedence,"
        " so a sequence between them needs parentheses.",
        _workflow("'SELECT true' ?> 'SELECT 1' ~> 'SELECT 2' !> 'SELECT 3'"),
        _workflow("'SELECT true' ?> ('SELECT 1' ~> 'SELECT 2') !> 'SELECT 3'"),
    ),
    "PGD112": Code(
        "two operators without a space between them",
        "PostgreSQL takes as many operator characters as it can for one operator, so ~>@> is one that"
        " does not exist.",
        _workflow("'SELECT 1' ~>@> 'SELECT 2'"),
        _workflow("'SELECT 1' ~> @> 'SELECT 2'"),
    ),
    "PGD113": Code(
        "an SQL operator beside a workflow operator",
        "Operators such as || have the same precedence as the workflow operators, comparisons and AND"
        " bind looser. So PostgreSQL would apply them to the workflow built so far, not to the step's"
        " text.",
        "CREATE WORKFLOW w(t text) AS 'SELECT 1' ~> 'SELECT ' || $t;\n",
        "CREATE WORKFLOW w(t text) AS 'SELECT 1' ~> 'SELECT $t';\n",
    ),
    "PGD115": Code(
        "an SQL expression is not a step",
        "A step is a constant string that holds one SQL statement, a call of a df function, or an"
        " expression in parentheses.",
        _workflow("'SELECT 1' ~> (2 + 2)"),
        _workflow("'SELECT 1' ~> 'SELECT 2 + 2'"),
    ),
    "PGD116": Code(
        "a bare name with capitals",
        "PostgreSQL folds bare names to lower case and keeps quoted ones. A reference $Name keeps its"
        " case, so it would not find the folded name.",
        _workflow("'SELECT 1' |=> Batch"),
        _workflow("'SELECT 1' |=> 'Batch'"),
    ),
    "PGD117": Code(
        "not a name for a result",
        "The name of a result is read as $name in SQL, so it has letters from a to z, digits and"
        " underscores and does not begin with a digit.",
        _workflow("'SELECT 1' |=> 'new-batch'"),
        _workflow("'SELECT 1' |=> 'new_batch'"),
    ),
    "PGD118": Code(
        "the columns of a name are not valid",
        "An annotation lists the columns of the result, each with a name and a type, and nothing else.",
        _workflow("'SELECT 1' |=> batch(id int DEFAULT 1)"),
        _workflow("'SELECT 1' |=> batch(id int)"),
    ),
    "PGD119": Code(
        "a step with two names",
        "The second name would replace the first. A name after a sequence is that of its last step.",
        _workflow("'SELECT 1' |=> a |=> b"),
        _workflow("'SELECT 1' |=> b"),
    ),
    "PGD120": Code(
        "no such node",
        "The schema df has no node of that name. Functions that start, signal or inspect instances are no"
        " steps; a step that calls one selects it.",
        _workflow("df.lop('SELECT 1')"),
        _workflow("df.loop('SELECT 1')"),
    ),
    "PGD121": Code(
        "wrong number of arguments",
        "The hint shows what the node takes; brackets are around what may be left out.",
        _workflow("df.if('SELECT true', 'SELECT 1')"),
        _workflow("df.if('SELECT true', 'SELECT 1', 'SELECT 2')"),
    ),
    "PGD122": Code(
        "wrong use of named arguments",
        "Arguments may be named as in PostgreSQL: name => value, each once, after the ones without a name.",
        _workflow("df.loop(boddy => 'SELECT 1')"),
        _workflow("df.loop(body => 'SELECT 1')"),
    ),
    "PGD123": Code(
        "an argument of the wrong kind",
        "The message says what the argument must be.",
        _workflow("df.sql(upper('select 1'))"),
        _workflow("df.sql('SELECT 1')"),
    ),
    "PGD130": Code(
        "nested too deep",
        "Parentheses, and loops directly inside loops, may nest 256 deep, as in pg_durable. A chain may"
        " be of any length.",
        _workflow("(" * 257 + "'SELECT 1'" + ")" * 257),
    ),
    "PGD131": Code(
        "too many nodes",
        "A workflow has at most 10,000 nodes, as in pg_durable: steps, conditions, loops, breaks and sleeps.",
        _workflow(" ~> ".join(["''"] * 10_001)),
    ),
    "PGD132": Code(
        "an escape that makes no character",
        "E'...' takes \\xff, \\377, \\u00e9 and the like; what they make must be UTF-8 text.",
        _workflow("E'SELECT \\'\\xff\\''"),
        _workflow("E'SELECT \\'\\u00ff\\''"),
    ),
    "PGD140": Code(
        "a parenthesis in a workflow is not closed",
        "A semicolon ends a declaration at any depth, so that the rest of the file can be looked at.",
        _workflow("'SELECT 1' ~> ('SELECT 2'"),
        _workflow("'SELECT 1' ~> ('SELECT 2')"),
    ),
    "PGD201": Code(
        "a name that is not bound",
        "$name reads a parameter, or the result of a step that ran before this one and was named"
        " with |=>. Inside"
        " '...' an unbound $word is left as it is; in SQL it cannot mean anything else.",
        _workflow("'SELECT 1 AS id' |=> batch ~> 'SELECT $bacth'"),
        _workflow("'SELECT 1 AS id' |=> batch ~> 'SELECT $batch'"),
    ),
    "PGD202": Code(
        "a name that is bound on one way only",
        "Control can get here without passing the step that binds the name: through the other branch"
        " of an if, or"
        " by a break. $name? reads NULL there; otherwise bind the name on every way.",
        _workflow("('SELECT true' ?> ('SELECT 1' |=> x) !> 'SELECT 2') ~> 'SELECT $x'"),
        _workflow("('SELECT true' ?> ('SELECT 1' |=> x) !> 'SELECT 2') ~> 'SELECT $x?'"),
    ),
    "PGD203": Code(
        "a name that is bound later in the loop",
        "In the first iteration the step that binds the name has not run yet. $name? reads NULL"
        " there; otherwise bind a"
        " first value before the loop.",
        _workflow("df.loop('SELECT $x' ~> ('SELECT 1' |=> x), 'SELECT false')"),
        _workflow("df.loop('SELECT $x?' ~> ('SELECT 1' |=> x), 'SELECT false')"),
    ),
    "PGD204": Code(
        "a result named like a parameter",
        "$name could be either, so it is neither. Take another name for the result.",
        "CREATE WORKFLOW w(batch int) AS 'SELECT 1' |=> batch;\n",
        "CREATE WORKFLOW w(batch int) AS 'SELECT 1' |=> found;\n",
    ),
    "PGD205": Code(
        "a column that the result does not have",
        "The columns of a result are those of its statement, named as PostgreSQL names them:"
        " count(*) is count, an"
        " expression without a name is ?column?. A parameter has no columns.",
        _workflow("'SELECT id FROM t' |=> batch ~> 'SELECT $batch.ids'"),
        _workflow("'SELECT id FROM t' |=> batch ~> 'SELECT $batch.id'"),
    ),
    "PGD206": Code(
        "a value of which the number of columns is not known",
        "$name is one value where the result has one column, and the rows as jsonb where it has"
        " several. After SELECT *"
        " nobody knows which. Write $name.column or $name.rows, or name the columns.",
        _workflow("'SELECT * FROM t' |=> batch ~> 'SELECT $batch'"),
        _workflow("'SELECT * FROM t' |=> batch ~> 'SELECT $batch.rows'"),
    ),
    "PGD207": Code(
        "a column that hides .rows or .row_count",
        "The result has a column of that name, and the column is what is read.",
        _workflow("'SELECT 1 AS rows' |=> x ~> 'SELECT $x.rows'"),
        _workflow("'SELECT 1 AS number' |=> x ~> 'SELECT $x.rows'"),
    ),
    "PGD208": Code(
        "a result that has nothing of the kind",
        "A statement without RETURNING gives back no rows, only their number; a sleep gives back a"
        " value and no rows.",
        _workflow("'DELETE FROM t' |=> gone ~> 'SELECT $gone'"),
        _workflow("'DELETE FROM t' |=> gone ~> 'SELECT $gone.row_count'"),
    ),
    "PGD209": Code(
        "a reference where no value can stand",
        "A reference is a value, never a piece of SQL text: it cannot stand for a table, a column or"
        " a keyword."
        " $name.* is a row source and stands only where a table can.",
        _workflow("'SELECT 1 AS id' |=> batch ~> 'SELECT * FROM $batch'"),
        _workflow("'SELECT 1 AS id' |=> batch ~> 'SELECT * FROM $batch.*'"),
    ),
    "PGD210": Code(
        "rows that cannot be kept",
        "The rows of a statement that changes data are kept under the names of its columns, and what"
        " * stands for is not"
        " known before it has run. List the columns, or name them where the result is bound.",
        _workflow("'DELETE FROM t RETURNING *' |=> gone ~> 'SELECT $gone.id'"),
        _workflow("'DELETE FROM t RETURNING id' |=> gone ~> 'SELECT $gone.id'"),
    ),
    "PGD211": Code(
        "columns that do not fit the statement",
        "|=> name(column type, ...) names the columns of the statement's result in its own order,"
        " all of them.",
        _workflow("'SELECT a, b FROM t' |=> x(b int, a int) ~> 'SELECT $x.a'"),
        _workflow("'SELECT a, b FROM t' |=> x(a int, b int) ~> 'SELECT $x.a'"),
    ),
    "PGD301": Code(
        "a step that PostgreSQL does not read",
        "Each step's SQL is parsed by PostgreSQL's own parser; the message is PostgreSQL's.",
        _workflow("'SELECT a FORM t x'"),
        _workflow("'SELECT a FROM t x'"),
    ),
    "PGD302": Code(
        "a step without a statement",
        "A step holds one SQL statement; this one holds nothing, or only comments.",
        _workflow("'SELECT 1' ~> ''"),
        _workflow("'SELECT 1'"),
    ),
    "PGD303": Code(
        "a step of several statements",
        "A step is one statement and one transaction. Write a step for each; what must happen in one"
        " transaction is one"
        " statement (WITH), a DO block or a function.",
        _workflow("'SELECT 1; SELECT 2'"),
        _workflow("'SELECT 1' ~> 'SELECT 2'"),
    ),
    "PGD304": Code(
        "a statement that cannot run in a step's transaction",
        "A step runs in a transaction that the driver begins and commits, so that its effects and"
        " the workflow's progress"
        " are one. Transaction control is impossible there, and so is what PostgreSQL refuses in a"
        " transaction"
        " block, such as VACUUM.",
        _workflow("'VACUUM t'"),
        _workflow("'ANALYZE t'"),
    ),
    "PGD305": Code(
        "COPY with nobody at the other end",
        "COPY FROM STDIN and TO STDOUT talk to the client of the session, and a step has none.",
        _workflow("'COPY t FROM STDIN'"),
        _workflow("'COPY t FROM ''/srv/t.csv'''"),
    ),
    "PGD306": Code(
        "session state that does not outlive its step",
        "Two steps may run in two sessions, and after each step its session is cleaned: settings,"
        " LISTEN, session-level"
        " advisory locks and temporary tables are gone before the next one.",
        _workflow("'CREATE TEMP TABLE x (a int)'"),
        _workflow("'CREATE TABLE x (a int)'"),
    ),
    "PGD307": Code(
        "a cursor or prepared statement",
        "Both live in one session, and a step that uses one cannot be the step that made it.",
        _workflow("'DECLARE c CURSOR FOR SELECT 1'"),
        _workflow("'SELECT 1' |=> c"),
    ),
    "PGD401": Code(
        "an unknown option",
        "WITH (...) takes max_attempts, backoff, backoff_max, trace and timezone.",
        "CREATE WORKFLOW w() WITH (max_attempt = 5) AS 'SELECT 1';\n",
        "CREATE WORKFLOW w() WITH (max_attempts = 5) AS 'SELECT 1';\n",
    ),
    "PGD402": Code(
        "a bad value for an option",
        "max_attempts is a number of at least 1, backoff and backoff_max are intervals, trace is"
        " full, timezone is the name"
        " of a time zone.",
        "CREATE WORKFLOW w() WITH (backoff = 'soon') AS 'SELECT 1';\n",
        "CREATE WORKFLOW w() WITH (backoff = '5 seconds') AS 'SELECT 1';\n",
    ),
    "PGD404": Code(
        "a workflow declared twice",
        "The second declaration would replace the first at once.",
        "CREATE WORKFLOW w() AS 'SELECT 1';\nCREATE WORKFLOW w() AS 'SELECT 2';\n",
        "CREATE WORKFLOW v() AS 'SELECT 1';\nCREATE WORKFLOW w() AS 'SELECT 2';\n",
    ),
    "PGD405": Code(
        "a name that cannot be bound",
        "A name is at most 63 bytes long.",
        _workflow("'SELECT 1' |=> " + "n" * 64),
        _workflow("'SELECT 1' |=> n"),
    ),
    "PGD407": Code(
        "a break outside of a loop",
        "df.break ends the nearest loop around it, and there is none.",
        _workflow("'SELECT true' ?> df.break() !> 'SELECT 1'"),
        _workflow("@> ('SELECT true' ?> df.break() !> 'SELECT 1')"),
    ),
    "PGD408": Code(
        "a node that is never reached",
        "What is in front of it never goes on: a break, a loop that nothing ends, or an if both"
        " branches of which break.",
        _workflow("(@> 'SELECT 1') ~> 'SELECT 2'"),
        _workflow("df.loop('SELECT 1', 'SELECT true') ~> 'SELECT 2'"),
    ),
    "PGD409": Code(
        "rows counted where there are none",
        "df.if_rows asks how many rows a SQL statement returned or affected.",
        _workflow("df.sleep(1) |=> nap ~> df.if_rows(nap, 'SELECT 1', 'SELECT 2')"),
        _workflow("'DELETE FROM t' |=> gone ~> df.if_rows(gone, 'SELECT 1', 'SELECT 2')"),
    ),
    "PGD410": Code(
        "a workflow whose result is lost",
        "The last statement's rows are the workflow's result, but with RETURNING * their columns are"
        " not known before it has"
        " run, so they cannot be kept. List the columns, or leave RETURNING out.",
        _workflow("'DELETE FROM t RETURNING *'"),
        _workflow("'DELETE FROM t RETURNING id'"),
    ),
    "PGD411": Code(
        "a bad duration",
        "df.sleep takes a number of seconds, an interval, or an SQL expression that gives one of"
        " them; never less than zero.",
        _workflow("df.sleep('soon')"),
        _workflow("df.sleep('90 seconds')"),
    ),
    "PGD901": Code(
        "an operator that is not supported yet",
        "Joins (&), races (|) and undos (<->) are part of the language and not of this version.",
        _workflow("'SELECT 1' & 'SELECT 2'"),
    ),
    "PGD902": Code(
        "a node that is not supported yet",
        "The node is part of the language and not of this version.",
        _workflow("df.join('SELECT 1', 'SELECT 2')"),
    ),
    "PGD903": Code(
        "a df.start call is not compiled yet",
        "df.start(<expression>) outside a declaration passes through unchanged. In the database df.start"
        " is a stub that raises an error.",
        "CREATE WORKFLOW w() AS 'SELECT 1';\nSELECT df.start('SELECT 1');\n",
        "CREATE WORKFLOW w() AS 'SELECT 1';\nSELECT w();\n",
    ),
    "PGD904": Code(
        "an option that is not supported yet",
        "The option is part of the language and not of this version.",
        "CREATE WORKFLOW w() WITH (timeout = '1 hour') AS 'SELECT 1';\n",
    ),
}


def explain(code: str) -> str | None:
    """The story of a code as text for a terminal; None where there is no such code."""
    entry = CODES.get(code.upper())
    if entry is None:
        return None
    parts = [f"{code.upper()}: {entry.title}", entry.story, f"For example:\n\n{_indented(entry.example)}"]
    if entry.remedy:
        parts.append(f"Instead:\n\n{_indented(entry.remedy)}")
    return "\n\n".join(parts) + "\n"


def as_markdown() -> str:
    """docs/errors.md."""
    parts = [_PREFACE]
    for code in sorted(CODES):
        entry = CODES[code]
        parts.append(f"## {code}: {entry.title}\n\n{entry.story}\n")
        parts.append(f"```sql\n{_shown(entry.example)}\n```\n")
        if entry.remedy:
            parts.append(f"Instead:\n\n```sql\n{_shown(entry.remedy)}\n```\n")
    return "\n".join(parts)


_PREFACE = """# Errors and warnings

One entry a code; `pgdurc explain CODE` prints the same. Made by `python -m pgdurc.codes > docs/errors.md`.
"""
_LONGEST_SHOWN = 200


def _indented(example: str) -> str:
    return "\n".join(f"    {line}".rstrip() for line in _shown(example).split("\n"))


def _shown(example: str) -> str:
    """An example as it can be printed: not all of 10,001 nodes, and no byte that is not text."""
    text = (
        example.encode("utf-8", "surrogateescape").decode("utf-8", "replace").strip("\n").replace("\0", "\\0")
    )
    if len(text) > _LONGEST_SHOWN:
        text = f"{text[: _LONGEST_SHOWN // 2]} ... {text[-_LONGEST_SHOWN // 4 :]}"
    return text or "(nothing)"


if __name__ == "__main__":
    import sys

    sys.stdout.write(as_markdown())
