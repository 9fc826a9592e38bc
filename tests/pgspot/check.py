"""pgspot over runtime_sql/: what depends on the search_path of whoever installs or calls.

    python tests/pgspot/check.py .venv-pgspot/bin/pgspot

Fails on a finding that allowed.toml does not have, on an entry of allowed.toml that nothing needs any more, and on a
statement that pgspot cannot read. pgspot is GPL: it is run as a program out of an environment of its own, never imported.

Each statement goes to pgspot as a file, for it gives up the rest of a file at the first thing that it cannot read. Three
things are put otherwise for it: its parser knows the fields of a variable only where that is declared as a record, not those
of our composite types and of parameters; it takes the expression after RETURN NEXT for a statement; and it does not look into
ELSIF. At the types of variables it does not look at all.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pgdurc.script import split

HERE = Path(__file__).resolve().parent
RUNTIME = HERE.parents[1] / "runtime_sql"

COMPOSITE_PARAMETER = re.compile(r"\bstep df\.step_v1(?=[,)])")
COMPOSITE_VARIABLE = re.compile(r"^(    \w+(?: CONSTANT)?) df\.\w+(?=;| :=)", re.MULTILINE)
RETURN_NEXT = re.compile(r"\bRETURN NEXT (?!\w+;)([^;]+);")
COMMENT = re.compile(r"--[^\n]*")
SUBJECT = re.compile(
    r"\b(?:FUNCTION|PROCEDURE|TABLE|VIEW|TYPE|SCHEMA|INDEX|POLICY|TRIGGER|INTO)\s+(?:IF NOT EXISTS\s+|ONLY\s+)?([\w.]+)"
)
FINDING = re.compile(r"(PS\d+): (.*) at line \d+$")


@dataclass(frozen=True)
class Statement:
    """`subject` is what it makes or changes, `DO` where it is a block."""

    file: str
    line: int
    subject: str
    text: str


@dataclass(frozen=True)
class Finding:
    statement: Statement
    code: str
    text: str


@dataclass(frozen=True)
class Allowed:
    """`text` is a part of the findings that it allows, all of that code and subject where it is empty."""

    code: str
    subjects: tuple[str, ...]
    text: str
    reason: str


def statements() -> Iterator[Statement]:
    for file in sorted(RUNTIME.glob("*.sql")):
        text = file.read_text(encoding="utf-8")
        for piece in split(text).pieces:
            sql = text[piece.span.start : piece.span.end]
            code = COMMENT.sub("", sql).strip()
            if not code:
                continue
            subject = None if code.startswith("DO ") else SUBJECT.search(code)
            line = text.count("\n", 0, piece.head.start) + 1
            yield Statement(file.name, line, subject[1] if subject else code.split()[0], sql)


def readable(sql: str) -> str:
    sql = COMPOSITE_VARIABLE.sub(r"\1 record", sql)
    if "LANGUAGE plpgsql" in sql and COMPOSITE_PARAMETER.search(sql):
        sql = COMPOSITE_PARAMETER.sub("given df.step_v1", sql)
        sql = re.sub(r"^AS \$\$\n(DECLARE\n)?", "AS $$\nDECLARE\n    step record;\n", sql, flags=re.MULTILINE)
    sql = re.sub(r"\bELSIF\b", "END IF; IF", sql)
    return RETURN_NEXT.sub(r"RETURN QUERY SELECT \1;", sql)


def findings(pgspot: str, given: list[Statement]) -> tuple[list[Finding], list[str]]:
    """What pgspot says, and what it could not read."""
    found, unread = [], []
    with tempfile.TemporaryDirectory() as directory:
        files = []
        for number, statement in enumerate(given):
            file = Path(directory) / f"{number}.sql"
            file.write_text(readable(statement.text), encoding="utf-8")
            files.append(file)
        ran = subprocess.run(
            [pgspot, "--append", *map(str, files)], capture_output=True, text=True, check=False
        )
        if "TOTAL:" not in ran.stdout:
            sys.exit(f"pgspot did not run\n{ran.stdout}{ran.stderr}")
        heads = {f"{file}: ": statement for file, statement in zip(files, given, strict=True)}
        statement = given[0]
        for line in ran.stdout.splitlines():
            if line in heads:
                statement = heads[line]
            elif finding := FINDING.match(line):
                found.append(Finding(statement, finding[1], finding[2]))
            elif line.strip() and not line.lstrip().startswith(("Errors:", "TOTAL:")):
                unread.append(f"{statement.file}:{statement.line}: {statement.subject}: {line.strip()}")
    return found, unread


def allowed() -> list[Allowed]:
    entries = tomllib.loads((HERE / "allowed.toml").read_text(encoding="utf-8"))["allowed"]
    return [
        Allowed(entry["code"], tuple(entry["subjects"]), entry.get("text", ""), entry["reason"])
        for entry in entries
    ]


def is_allowed(finding: Finding, entry: Allowed) -> bool:
    return (
        finding.code == entry.code
        and finding.statement.subject in entry.subjects
        and entry.text in finding.text
    )


def main(pgspot: str) -> int:
    entries = allowed()
    given = list(statements())
    found, problems = findings(pgspot, given)
    for finding in found:
        if not any(is_allowed(finding, entry) for entry in entries):
            at = finding.statement
            problems.append(f"{at.file}:{at.line}: {at.subject}: {finding.code} {finding.text}")
    for entry in entries:
        needed = {finding.statement.subject for finding in found if is_allowed(finding, entry)}
        problems += [
            f"allowed.toml: {entry.code} of {subject} is not found any more: take it off the list"
            for subject in entry.subjects
            if subject not in needed
        ]
    print(
        "\n".join(problems) or f"pgspot: {len(given)} statements, {len(found)} findings, all of them allowed"
    )
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
