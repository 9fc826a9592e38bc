"""`pgdurc compile`, `check` and `explain`: what goes where, and the exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pgdurc.codes import CODES, SQLSTATES

GOOD = "CREATE WORKFLOW hello() AS 'SELECT 1';\n"
BAD = "CREATE WORKFLOW hello() AS\n    'SELEC 1';\n"


@pytest.fixture
def good(project: Path) -> Path:
    file = project / "good.pgd"
    file.write_text(GOOD)
    return file


@pytest.fixture
def bad(project: Path) -> Path:
    file = project / "bad.pgd"
    file.write_text(BAD)
    return file


def test_sql_goes_to_standard_output(cli, good):
    result = cli("compile", "good.pgd")
    assert result.exit_code == 0
    assert "CREATE OR REPLACE PROCEDURE hello__" in result.stdout
    assert result.stderr == ""


def test_a_dash_is_standard_input(cli, project):
    result = cli("compile", "-", input=GOOD)
    assert result.exit_code == 0
    assert "CREATE OR REPLACE PROCEDURE hello__" in result.stdout


def test_several_files_follow_one_another(cli, good, project):
    (project / "other.pgd").write_text(GOOD.replace("hello", "other"))
    result = cli("compile", "good.pgd", "other.pgd")
    assert result.exit_code == 0
    assert result.stdout.index("hello__") < result.stdout.index("other__")


def test_a_comment_at_the_end_of_a_file_takes_nothing_of_the_next(cli, good, project):
    (project / "first.sql").write_text("SELECT 1; -- the end")
    result = cli("compile", "first.sql", "good.pgd")
    assert result.stdout.startswith("SELECT 1; -- the end\nDO $pgdurc$\n")


def test_an_error_is_shown_at_its_place_and_nothing_is_written(cli, bad):
    result = cli("compile", "bad.pgd")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "bad.pgd:2:6: error[" in result.stderr
    assert "  2 |     'SELEC 1';\n    |      ^" in result.stderr


def test_an_error_in_one_file_keeps_all_from_being_written(cli, good, bad, project):
    result = cli("compile", "good.pgd", "bad.pgd", "-o", "out.sql")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert not (project / "out.sql").exists()


def test_output_file_and_its_check(cli, good, project):
    out = project / "out.sql"
    assert cli("compile", "good.pgd", "-o", "out.sql").exit_code == 0
    assert "hello__" in out.read_text()
    assert cli("compile", "good.pgd", "-o", "out.sql", "--check").exit_code == 0

    good.write_text(GOOD.replace("SELECT 1", "SELECT 2"))
    stale = cli("compile", "good.pgd", "-o", "out.sql", "--check")
    assert stale.exit_code == 1
    assert stale.stdout == ""
    assert "error: out.sql is stale" in stale.stderr
    assert '-                WITH pgdurc_rows ("?column?") AS MATERIALIZED (SELECT 1)' in stale.stderr
    assert "SELECT 2" not in out.read_text()


def test_the_directory_of_an_output_is_made(cli, good, project):
    assert cli("compile", "good.pgd", "-o", "migrations/new/out.sql").exit_code == 0
    assert "hello__" in (project / "migrations/new/out.sql").read_text()
    (project / "taken").write_text("")
    refused = cli("compile", "good.pgd", "-o", "taken/out.sql")
    assert (refused.exit_code, refused.stderr) == (2, "error: cannot write taken/out.sql: File exists\n")


def test_the_source_is_never_the_output(cli, good, project):
    (project / "link.sql").symlink_to("good.pgd")
    for output in ("good.pgd", "./good.pgd", "link.sql"):
        result = cli("compile", "good.pgd", "-o", output)
        assert (result.exit_code, result.stdout) == (2, "")
        assert f"error: -o names a file that is compiled: {Path(output)}" in result.stderr
        assert good.read_text() == GOOD


def test_the_check_of_a_missing_output_fails(cli, good):
    result = cli("compile", "good.pgd", "-o", "out.sql", "--check")
    assert result.exit_code == 1
    assert "out.sql is stale" in result.stderr


def test_an_output_that_is_up_to_date_is_not_touched(cli, good, project):
    out = project / "out.sql"
    cli("compile", "good.pgd", "-o", "out.sql")
    os.utime(out, (1, 1))
    cli("compile", "good.pgd", "-o", "out.sql")
    assert out.stat().st_mtime == 1


def test_a_link_keeps_pointing_to_its_target(cli, good, project):
    (project / "link.sql").symlink_to("out.sql")
    for text in (GOOD, GOOD.replace("SELECT 1", "SELECT 2")):
        good.write_text(text)
        assert cli("compile", "good.pgd", "-o", "link.sql").exit_code == 0
        assert (project / "link.sql").is_symlink()
    assert "SELECT 2" in (project / "out.sql").read_text()


def test_an_output_that_is_no_file_is_written_to_and_not_replaced(cli, good, project):
    pipe = project / "pipe"
    os.mkfifo(pipe)
    reader = subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE)
    assert cli("compile", "good.pgd", "-o", "pipe").exit_code == 0
    read, _ = reader.communicate(timeout=30)
    assert b"CREATE OR REPLACE PROCEDURE hello__" in read
    assert pipe.is_fifo()


@pytest.mark.parametrize(
    ("arguments", "redirection", "message"),
    [
        ("-", "<&-", "cannot read standard input: it is closed"),
        ("good.pgd", ">&-", "cannot write to standard output: it is closed"),
        ("good.pgd", ">/dev/full", "cannot write to standard output: No space left on device"),
    ],
)
def test_streams_that_are_of_no_use(good, arguments, redirection, message):
    command = f"{sys.executable} -m pgdurc compile {arguments} {redirection}"
    ran = subprocess.run(["sh", "-c", command], cwd=good.parent, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (2, f"error: {message}\n")


def test_a_reader_that_has_had_enough_is_no_failure(good):
    command = f"{sys.executable} -m pgdurc compile good.pgd | true"
    ran = subprocess.run(["sh", "-c", command], cwd=good.parent, capture_output=True, text=True, check=False)
    assert ran.stderr == ""


def test_check_without_an_output_is_wrong_usage(cli, good):
    assert cli("compile", "good.pgd", "--check").exit_code == 2


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("missing.pgd", 2, "cannot read missing.pgd: No such file or directory"),
        ("directory", 2, "cannot read directory: Is a directory"),
        ("empty.pgd", 1, "error[PGD001]"),
        ("latin1.pgd", 1, "error[PGD002]"),
    ],
)
@pytest.mark.parametrize("command", ["compile", "check", "deploy", "run"])
def test_files_that_are_no_scripts(cli, project, command, name, code, message):
    (project / "directory").mkdir()
    (project / "empty.pgd").touch()
    (project / "latin1.pgd").write_bytes("SELECT 'café';\n".encode("latin-1"))
    result = cli(command, name)
    assert result.exit_code == code
    assert result.stdout == ""
    assert message in result.stderr


def test_a_file_without_a_workflow_passes_through_with_a_warning(cli, project):
    script = "\\set ON_ERROR_STOP on\r\nSELECT 1;\r\n"
    (project / "plain.sql").write_bytes(script.encode())
    result = cli("compile", "plain.sql")
    assert result.exit_code == 0
    assert result.stdout_bytes == script.encode()
    assert "warning[PGD010]" in result.stderr


def test_strict_makes_warnings_errors(cli, project):
    (project / "plain.sql").write_text("SELECT 1;\n")
    result = cli("compile", "--strict", "plain.sql")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "error[PGD010]" in result.stderr


def test_json_is_one_list_for_all_files(cli, good, bad):
    result = cli("check", "--format", "json", "good.pgd", "bad.pgd")
    assert result.exit_code == 1
    (found,) = json.loads(result.stderr)
    assert (found["file"], found["line"], found["column"], found["severity"]) == ("bad.pgd", 2, 6, "error")


def test_github_annotations(cli, bad):
    result = cli("check", "--format", "github", "bad.pgd")
    assert result.stderr.startswith("::error file=bad.pgd,line=2,")


def test_no_color(cli, bad, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in cli("check", "bad.pgd").stderr


def test_explain_tells_a_story(cli):
    result = cli("explain", "pgd001")
    assert result.exit_code == 0
    assert "PGD001" in result.stdout


ALL_CODES = "hint: pgdurc explain lists all: the compiler's look like PGD101, the runtime's like PD001"


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("PGD999", ALL_CODES),
        ("PGD", ALL_CODES),
        ("42P01", ALL_CODES),
        ("", ALL_CODES),
        ("pgd14", "hint: did you mean PGD140?"),
        ("131", "hint: did you mean PGD131?"),
        ("PGD311", "hint: did you mean PGD113 or PGD131?"),
        ("PGD5O2", "hint: did you mean PGD502?"),
        ("003", "hint: did you mean PGD003 or PD003?"),
    ],
)
def test_explain_an_unknown_code(cli, code, hint):
    result = cli("explain", code)
    assert result.exit_code == 2
    assert f'unknown code "{code}"' in result.stderr
    assert hint in result.stderr


def test_explain_lists_all_codes(cli):
    lines = cli("explain").stdout.splitlines()
    assert [line.split("  ")[0] for line in lines] == [*CODES, *SQLSTATES]
    assert "PGD001  " + CODES["PGD001"].title in lines


def test_a_50_node_file_compiles_quickly(cli, project):
    # A guard against an import or a loop gone wrong, far above what it takes; `make bench` has the figure.
    steps = "\n ~> ".join(f"'SELECT {i}'" for i in range(50))
    (project / "fifty.pgd").write_text(f"CREATE WORKFLOW fifty() AS {steps};\n")
    began = time.monotonic()
    assert cli("compile", "fifty.pgd").exit_code == 0
    assert time.monotonic() - began < 5


def test_explain_an_sqlstate_of_the_runtime(cli):
    result = cli("explain", "PD004")
    assert result.exit_code == 0
    assert result.stdout.startswith("PD004: ")


def test_an_included_file_with_a_call_is_warned_of(cli, project):
    """Also one that an included file includes, beside that one; but not what is compiled already."""
    (project / "parts").mkdir()
    (project / "main.sql").write_text(
        GOOD + "\\i parts/all.sql\n\\ir parts/late.sql\n\\i parts/call.compiled.sql\n"
    )
    (project / "parts" / "all.sql").write_text("SELECT 1;\n\\ir call.sql\n\\i main.sql\n")
    (project / "parts" / "call.sql").write_text("SELECT df.start('SELECT 1');\n")
    (project / "parts" / "late.sql").write_text("\\i parts/all.sql\nCREATE WORKFLOW late() AS 'SELECT 1';\n")
    compiled = cli("compile", "parts/call.sql", "-o", "parts/call.compiled.sql")
    assert (compiled.exit_code, compiled.stderr) == (0, "")
    result = cli("compile", "main.sql")
    assert result.exit_code == 0
    assert result.stdout.endswith("\n\\i parts/all.sql\n\\ir parts/late.sql\n\\i parts/call.compiled.sql\n")
    assert [line for line in result.stderr.splitlines() if "PGD012" in line] == [
        "main.sql:2:1: warning[PGD012]: psql's \\i includes parts/call.sql (by way of parts/all.sql) as it is,"
        " and the call of df.start in it is not compiled",
        "main.sql:3:1: warning[PGD012]: psql's \\ir includes parts/late.sql as it is,"
        " and CREATE WORKFLOW in it is not compiled",
    ]
    assert cli("compile", "--strict", "main.sql").exit_code == 1
    (project / "main.sql").write_text(GOOD + "\\i parts/all.sql -- pgdurc: ignore PGD012\n")
    assert cli("compile", "main.sql").stderr == ""
