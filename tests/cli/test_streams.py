"""No command ends with a traceback because of its streams, its encoding or the bytes of its arguments."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """\
CREATE WORKFLOW "grüß"(who text DEFAULT 'Jürgen €') AS
    $$SELECT 'grüß ' || $who AS "wörld", 12345678901234567890.12345678901234567890 AS n$$;
"""
INVALID = b"gr\xff"

WRITING = [
    ["--help"],
    ["compile", "script.pgd"],
    ["explain", "PGD101"],
    ["runtime"],
    ["deploy", "script.pgd", "--json"],
    ["ls"],
    ["ls", "--json"],
    ["show", "{id}"],
    ["show", "{id}", "--json"],
    ["doctor"],
    ["start", "grüß"],
    ["run", "script.pgd", "--drivers", "1"],
]


@pytest.fixture
def deployed(cli, project: Path, database, monkeypatch):
    """A database that the environment names, with an instance that has ended; its id."""
    monkeypatch.setenv("PGHOST", str(database.server.cluster.socket))
    monkeypatch.setenv("PGUSER", "alice")
    monkeypatch.setenv("PGDATABASE", database.name)
    (project / "script.pgd").write_text(SCRIPT)
    (project / os.fsdecode(INVALID + b".pgd")).write_text(SCRIPT)
    assert cli("deploy", "script.pgd").exit_code == 0
    instance = database.value('SELECT "grüß"()')
    database.drive()
    return instance


def pgdurc(*arguments: str | bytes, redirection: str = "", **environment: str):
    """The command as a process of its own; what it says is bytes."""
    ran = subprocess.run(
        ["sh", "-c", f'exec "$@" {redirection}', "sh", sys.executable, "-m", "pgdurc", *arguments],
        capture_output=True,
        env=os.environ | environment,
        timeout=60,
        check=False,
    )
    assert b"Traceback" not in ran.stderr
    assert b"Exception" not in ran.stderr
    return ran


@pytest.mark.parametrize("command", WRITING, ids=" ".join)
def test_standard_output_that_is_of_no_use(deployed, command):
    arguments = [argument.replace("{id}", deployed) for argument in command]
    for redirection, why in ((">/dev/full", b"No space left on device"), (">&-", b"it is closed")):
        ran = pgdurc(*arguments, redirection=redirection)
        assert ran.returncode == 2
        assert b"error: cannot write to standard output: " + why in ran.stderr
    nobody = subprocess.Popen(["true"], stdin=subprocess.PIPE)
    nobody.wait()
    ran = subprocess.run(
        [sys.executable, "-m", "pgdurc", *arguments], stdout=nobody.stdin, stderr=subprocess.PIPE, check=False
    )
    assert ran.returncode == 0
    assert b"rror" not in ran.stderr


def test_what_was_done_before_standard_output_failed_is_said(deployed, database):
    ran = pgdurc("start", "grüß", redirection=">/dev/full")
    started = database.value("SELECT id FROM df.instances WHERE id <> %s", deployed)
    assert ran.returncode == 2
    assert f"detail: Instance {started} is started, and goes on.\n  hint: pgdurc show {started};" in (
        ran.stderr.decode()
    )
    ran = pgdurc("deploy", "script.pgd", "--json", redirection=">/dev/full")
    assert b"detail: The deployment is committed." in ran.stderr


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full"])
@pytest.mark.parametrize("command", [["show", "nothing"], ["check", "missing.pgd"], ["deploy", "script.pgd"]])
def test_standard_error_that_is_of_no_use_changes_no_exit_code(deployed, command, redirection):
    codes = {"show": 3, "check": 2, "deploy": 0}
    assert pgdurc(*command, redirection=redirection).returncode == codes[command[0]]


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "latin1"},
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
    ids=str,
)
def test_encodings(deployed, environment):
    for command in WRITING:
        arguments = [argument.replace("{id}", deployed) for argument in command]
        if "grüß" in arguments and "LC_ALL" in environment:
            continue  # Python takes arguments for ASCII there: test_arguments_that_are_not_utf_8
        ran = pgdurc(*arguments, **environment)
        assert ran.returncode == 0, ran.stderr
        if "--json" in arguments:
            assert "grüß" in json.dumps(json.loads(ran.stdout), ensure_ascii=False)
        if command[0] == "compile":
            # What is for psql is UTF-8, whatever is for people. The runtime is ASCII, for any database.
            assert "wörld" in ran.stdout.decode()
        if command[0] == "runtime":
            assert ran.stdout.isascii()
    result = json.loads(pgdurc("run", "script.pgd", "--drivers", "1", **environment).stdout)
    assert result["rows"][0]["wörld"] == "grüß Jürgen €"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["start", INVALID], 2),
        (["start", "grüß", "-a", b"who=" + INVALID], 2),
        (["start", "grüß", "-a", INVALID + b"=1"], 2),
        (["start", "grüß", "--key", INVALID], 2),
        (["start", "grüß", "--label", INVALID], 2),
        (["ls", "--label", INVALID], 2),
        (["ls", "--db", b"host=" + INVALID], 2),
        (["show", INVALID], 2),
        (["cancel", "{id}", "--reason", INVALID], 2),
        (["explain", INVALID], 2),
        ([INVALID], 2),
        (["run", "script.pgd", INVALID], 2),
        (["compile", INVALID], 2),
        (["embedded", "stop", INVALID], 2),
        (["compile", INVALID + b".pgd"], 0),
        (["check", "--format", "json", INVALID + b".pgd"], 0),
        (["deploy", INVALID + b".pgd"], 0),
        (["compile", "script.pgd", "-o", INVALID], 0),
    ],
)
def test_arguments_that_are_not_utf_8(deployed, arguments, code):
    ran = pgdurc(*(deployed if argument == "{id}" else argument for argument in arguments))
    assert ran.returncode == code, ran.stderr
    assert (b"rror:" in ran.stderr) == (code != 0)


def test_results_keep_their_digits(deployed):
    written = b"12345678901234567890.12345678901234567890"
    assert written in pgdurc("run", "script.pgd", "--drivers", "1", "--json").stdout


@pytest.mark.parametrize(("value", "code"), [("1" * 5000, 0), ("[" * 20000 + "]" * 20000, 2)])
def test_json_arguments_that_are_large(cli, project, database, value, code):
    (project / "script.pgd").write_text("CREATE WORKFLOW w(x jsonb) AS 'SELECT $x';\n")
    db = database.conninfo()
    assert cli("deploy", "script.pgd", "--db", db).exit_code == 0
    started = cli("start", "w", "-a", f"x={value}", "--db", db)
    assert (started.exit_code, "Traceback" in started.stderr) == (code, False)


@pytest.mark.parametrize(("environment", "is_colored"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_no_color_on_a_terminal(project, environment, is_colored):
    ours, terminal = pty.openpty()
    for command in (["check", "missing.pgd"], ["ls"]):
        subprocess.run(
            [sys.executable, "-m", "pgdurc", *command],
            stderr=terminal,
            env=os.environ | environment,
            check=False,
        )
        said = os.read(ours, 10_000)
        assert b"error:" in said
        assert (b"\x1b[31m" in said) is is_colored
