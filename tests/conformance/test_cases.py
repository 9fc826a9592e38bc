"""What pg_durable's scripts do here, subject by subject: every case of the .sql files of this folder.

A case begins with a line `-- [8.5] what it shows`; the number is that of the subject (8.5: loops), and the test is
called `s08_5_what_it_shows`. What follows is SQL as a user would write it, compiled and run by alice in a schema
of its own that has a table `log (n, note)`. Lines that begin with `-->` say what comes of what stands above:

    --> rows {"n": 1}, {"n": 2}      the instance completes, with these rows as its result
    --> completed 42                 it completes, with this result
    --> failed 22012: division       it fails, with this SQLSTATE and a message that contains this
    --> running                      when nothing is due any more, its status is this
    --> finished                     it is completed by then
    --> after 90 seconds             the clock is moved, and what is due then runs
    --> is [["a", 1]]                the last statement returned these rows
    --> says                         it returned this text, given by the following lines, which begin with `--  `
    --> refused 22023: message       running it fails at once
    --> PGD407                       it does not compile: exactly these codes
    --> warned PGD110, PGD505        it compiles with exactly these warnings (without such a line: with none)

`rows`, `completed` and `failed` move the clock over whatever the instance waits for. `it()` is the id of the instance
that was started last.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pgdurc.compile import Compiled, compile_text
from pgdurc.diagnostic import Severity

HERE = Path(__file__).parent

TITLE = re.compile(r"^-- \[(\d+)(?:\.(\d+))?\] (.+)\n", re.MULTILINE)
EXPECTATION, TEXT, EMPTY = "--> ", "--  ", "--"
COMMENT = re.compile(r"--[^\n]*")
PATIENCE = 30  # times that the clock is moved, ten minutes each

OF_ITS_OWN = """
SELECT set_config('search_path', 'case_' || nextval('public.cases') || ', public', false);
DO $$ BEGIN EXECUTE 'CREATE SCHEMA ' || split_part(current_setting('search_path'), ',', 1); END $$;
CREATE TABLE log (n int GENERATED ALWAYS AS IDENTITY, note text);
"""


@dataclass(frozen=True)
class Stage:
    """Some SQL and what comes of it: (word, the rest of the line and the lines below it)."""

    sql: str
    expected: list[tuple[str, str]]


@dataclass(frozen=True)
class Case:
    name: str
    place: str
    stages: list[Stage]


def read_cases(file: Path) -> Iterator[Case]:
    text = file.read_text()
    titles = list(TITLE.finditer(text))
    ends = [title.start() for title in titles[1:]] + [len(text)]
    for title, end in zip(titles, ends, strict=True):
        section, part, what = title.groups()
        words = re.sub(r"[^a-z0-9]+", "_", what.lower()).strip("_")
        name = f"s{int(section):02}{'_' + part if part else ''}_{words}"
        line = text.count("\n", 0, title.start()) + 1
        yield Case(name, f"{file.name}:{line}", read_stages(text[title.end() : end]))


def read_stages(text: str) -> list[Stage]:
    stages: list[Stage] = []
    sql = ""
    for is_expectation, lines in groupby(
        text.rstrip().split("\n"), lambda x: x == EMPTY or x.startswith((EXPECTATION, TEXT))
    ):
        if not is_expectation:
            sql = "\n".join(lines)
            continue
        expected: list[tuple[str, str]] = []
        for line in lines:
            if line.startswith(EXPECTATION):
                word, _, rest = line.removeprefix(EXPECTATION).partition(" ")
                expected.append((word, rest))
            else:
                word, rest = expected.pop()
                below = "" if line == EMPTY else line.removeprefix(TEXT)
                expected.append((word, f"{rest}\n{below}".lstrip("\n")))
        stages.append(Stage(sql, expected))
        sql = ""
    assert not sql.strip(), f"nothing is expected of {sql}"
    return stages


CASES = [case for file in sorted(HERE.glob("s*.sql")) for case in read_cases(file)]


def test_names_are_unique() -> None:
    names = [case.name for case in CASES]
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(lane: Any, case: Case) -> None:
    Session(lane, case).run()


class Session:
    """A case on its way: what alice has started and seen last."""

    def __init__(self, lane: Any, case: Case) -> None:
        self.lane = lane
        self.case = case
        self.instance: str | None = None
        self.rows: list[tuple[Any, ...]] = []

    def run(self) -> None:
        __tracebackhide__ = True
        self.lane.alice.execute(OF_ITS_OWN)
        try:
            for stage in self.case.stages:
                self.play(stage)
        finally:
            # Nothing of it is left for the cases that follow, nor due.
            self.lane.alice.execute("ROLLBACK; SELECT df.clearvars()")
            self.lane.alice.execute("DISCARD ALL")
            self.lane.administrator.execute(
                "SELECT df.cancel(id) FROM df.instances WHERE status IN ('pending', 'running')"
            )

    def play(self, stage: Stage) -> None:
        __tracebackhide__ = True
        compiled = compile_text(stage.sql, file="case.sql")
        # That a script declares no workflow is said of all without a call.
        warnings = [
            d for d in compiled.diagnostics if d.severity is not Severity.ERROR and d.code != "PGD010"
        ]
        errors = [d for d in compiled.diagnostics if d.severity is Severity.ERROR]
        words = dict(stage.expected)
        wanted = sorted(
            code.strip(",") for code in " ".join(sum(stage.expected, ())).split() if code.startswith("PGD")
        )
        found = errors or warnings
        if sorted(d.code for d in found) != wanted or (errors and "warned" in words):
            self.mismatch("the compiler said", [(d.severity.value, d.code, d.message) for d in found])
        if errors:
            return
        try:
            self.execute(compiled)
        except psycopg.Error as error:
            said = f"{error.sqlstate}: {error.diag.message_primary}"
            if "refused" not in words or not is_error(words["refused"], said):
                self.mismatch("it was refused", said)
        else:
            if "refused" in words:
                self.mismatch("it was not refused", self.rows)
        for word, rest in stage.expected:
            self.check(word, rest, stage)

    def execute(self, compiled: Compiled) -> None:
        """Statement by statement, as psql does."""
        for statement in compiled.statements:
            if not COMMENT.sub("", statement.sql).strip():
                continue
            cursor = self.lane.alice.execute(statement.sql.encode())
            while cursor.nextset():
                pass
            if cursor.description is None:
                continue
            self.rows = cursor.fetchall()
            if len(self.rows) == 1 and re.fullmatch("[0-9a-f]{8}", str(self.rows[0][0])):
                self.instance = self.rows[0][0]
                self.lane.alice.execute("SELECT set_config('conformance.it', %s, false)", (self.instance,))

    def check(self, word: str, rest: str, stage: Stage) -> None:
        __tracebackhide__ = True
        match word:
            case "warned" | "refused":
                return
            case "rows":
                wanted = load(f"[{rest}]")
                good = self.ended() == "completed" and self.result() == {
                    "rows": wanted,
                    "row_count": len(wanted),
                }
            case "completed":
                good = self.ended() == "completed" and self.result() == load(rest)
            case "failed":
                good = self.ended() == "failed" and is_error(rest, self.error())
            case "pending":
                good = self.status() == word
            case "running" | "finished" | "cancelled":
                self.drive()
                good = self.status() == ("completed" if word == "finished" else word)
            case "after":
                self.lane.administrator.execute("SELECT df.move_clock(%s)", (rest,))
                self.drive()
                return
            case "is":
                good = load(json.dumps(self.rows, default=str)) == load(rest)
            case "says":
                good = self.rows == [(rest,)]
            case _:
                raise AssertionError(f"{self.case.place}: what does {EXPECTATION}{word} mean?")
        if not good:
            seen = self.rows if word in ("is", "says") else (self.status(), self.result() or self.error())
            self.mismatch(f"{stage.sql.strip()}\n{EXPECTATION}{word} {rest}\nbut it was", seen)

    def mismatch(self, what: str, seen: Any) -> None:
        __tracebackhide__ = True
        pytest.fail(f"{self.case.place}: {what}: {seen}")

    def ended(self) -> str:
        """The status that it ends with, the clock moved over whatever it waits for."""
        for _ in range(PATIENCE):
            self.drive()
            if self.status() not in ("pending", "running"):
                break
            self.lane.administrator.execute("SELECT df.move_clock('10 minutes')")
        return self.status()

    def drive(self) -> None:
        self.lane.driver.execute("CALL df.run(0, NULL)")

    def status(self) -> str:
        return str(self.ask("SELECT df.status(%s)"))

    def result(self) -> Any:
        found = self.ask("SELECT df.result(%s)")
        return None if found is None else load(found)

    def error(self) -> str:
        return str(self.ask("SELECT (SELECT sqlstate || ': ' || message FROM df.error(%s))"))

    def ask(self, query: str) -> Any:
        return self.lane.administrator.execute(query, (self.instance,)).fetchall()[0][0]


def load(text: str) -> Any:
    return json.loads(text, parse_float=Decimal)


def is_error(wanted: str, said: str) -> bool:
    """Both are `SQLSTATE: message`, what is wanted a part of the message only."""
    state, _, part = wanted.partition(": ")
    return said.startswith(f"{state}: ") and part in said
