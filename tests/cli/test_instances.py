"""`pgdurc start`, `ls`, `show`, `cancel` and `run` on a database that has the runtime."""

from __future__ import annotations

import json
import os
import pty
import random
import re
import signal
import string
import subprocess
import sys
import termios
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from rich.cells import cell_len
from rich.console import Console

from pgdurc.database import Database
from pgdurc.follow import _show_waiting, _Status, _View
from pgdurc.start import _exact, parse_arguments
from pgdurc.timeline import load_waiting

SCRIPT = """\
CREATE WORKFLOW greet(who text, times int DEFAULT 1, extra jsonb DEFAULT 'null') AS
    $$SELECT repeat('hello ' || $who || ' ', $times)$$ |=> greeting
 ~> $$SELECT $greeting || coalesce($extra ->> 'mark', '')$$;

CREATE WORKFLOW divide(by int) WITH (max_attempts = 2, backoff = '1 millisecond') AS
    'SELECT 1'
 ~> 'SELECT 1 / $by';
"""


@pytest.fixture
def deployed(cli, project: Path, database):
    (project / "script.pgd").write_text(SCRIPT)
    result = cli("deploy", "script.pgd", "--db", database.conninfo())
    assert result.exit_code == 0, result.stderr
    return database


def start(cli, database, *arguments: str) -> str:
    result = cli("start", *arguments, "--db", database.conninfo())
    assert result.exit_code == 0, result.stderr
    return result.stdout.strip()


def test_start_prints_the_id_and_arguments_become_their_types(cli, deployed):
    instance = start(cli, deployed, "greet", "-a", "who=you", "-a", "times=2", "-a", 'extra={"mark": "!"}')
    deployed.drive()
    assert json.loads(deployed.value("SELECT df.result(%s)", instance)) is not None
    assert "hello you hello you !" in deployed.value("SELECT df.result(%s)", instance)


def test_json_arguments_keep_every_digit():
    assert _exact(parse_arguments(["n:=12345678901234567890.123456789", 'j:={"a": [1.10, null]}'])) == (
        '{"n": 12345678901234567890.123456789, "j": {"a": [1.10, null]}}'
    )


def test_a_null_argument(cli, deployed):
    instance = start(cli, deployed, "divide", "-a", "by:=null")
    deployed.drive()
    assert deployed.value("SELECT df.status(%s)", instance) == "completed"


def test_a_key_starts_once(cli, deployed):
    first = start(cli, deployed, "greet", "-a", "who=you", "--key", "k", "--label", "first")
    assert start(cli, deployed, "greet", "-a", "who=me", "--key", "k") == first


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("greet",), 3, "who"),
        (("greet", "-a", "who=x", "-a", "tmies=3"), 3, "tmies"),
        (("greet", "-a", "who=x", "-a", "times=many"), 3, "many"),
        (("greet", "-a", "who"), 2, 'argument "who" is not of the form name=value'),
        (("greet", "-a", "who=x", "-a", "who=y"), 2, 'argument "who" is given twice'),
        (("greet", "-a", "who=x", "-a", "extra={"), 2, 'argument "extra" is not JSON'),
        (("nobody",), 3, "nobody"),
    ],
)
def test_arguments_that_are_wrong(cli, deployed, arguments, code, message):
    result = cli("start", *arguments, "--db", deployed.conninfo())
    assert result.exit_code == code
    assert result.stdout == ""
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert deployed.query("SELECT FROM df.instances") == []


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("gret", "-a", "who=x"), 'did you mean "greet"?'),
        (("publik.greet", "-a", "who=x"), 'did you mean "greet"?'),
        (("apart", "-a", "who=x"), 'did you mean "elsewhere.apart"?'),
        (('"Wf 3"',), """did you mean '"Wf 2"'?"""),
        (("Wf 2",), """did you mean '"Wf 2"'?"""),
        (("completely_different",), "SELECT name FROM df.workflows; lists those"),
        (("greet", "-a", "who=x", "-a", "tmies=3"), 'did you mean "times"? Its parameters: who text'),
        (("divide", "-a", "nothing_alike=3"), "Its parameters: by integer"),
    ],
)
def test_a_near_name_is_offered(cli, deployed, arguments, hint):
    deployed.query("CREATE SCHEMA elsewhere")
    Path("odd.pgd").write_text(
        "CREATE WORKFLOW elsewhere.apart() AS 'SELECT 1';\nCREATE WORKFLOW \"Wf 2\"() AS 'SELECT 1';\n"
    )
    assert cli("deploy", "odd.pgd", "--db", deployed.conninfo()).exit_code == 0
    result = cli("start", *arguments, "--db", deployed.conninfo())
    assert result.exit_code == 3
    assert f"hint: {hint}" in result.stderr


def test_ls(cli, deployed):
    first = start(cli, deployed, "greet", "-a", "who=x", "--label", "one")
    second = start(cli, deployed, "divide", "-a", "by=0")
    deployed.drive()
    db = deployed.conninfo()
    assert [row["id"] for row in json.loads(cli("ls", "--json", "--db", db).stdout)] == [second, first]
    assert [row["id"] for row in json.loads(cli("ls", "--json", "--limit", "1", "--db", db).stdout)] == [
        second
    ]
    (found,) = json.loads(cli("ls", "--json", "--label", "one", "--db", db).stdout)
    assert (found["id"], found["workflow"], found["status"]) == (first, "public.greet", "completed")
    lines = cli("ls", "--status", "completed", "--db", db).stdout.splitlines()
    assert lines[0].split() == ["ID", "WORKFLOW", "STATUS", "LABEL", "STARTED", "TOOK"]
    assert len(lines) == 2


@pytest.mark.parametrize("style", ["German", "SQL, DMY", "Postgres, MDY"])
def test_times_are_read_whatever_the_date_style_is(cli, deployed, monkeypatch, style):
    monkeypatch.setenv("PGDATESTYLE", style)
    monkeypatch.setenv("PGTZ", "UTC")
    ran = cli("run", "script.pgd", "greet", "-a", "who=you", "--drivers", "1", "--db", deployed.conninfo())
    assert ran.exit_code == 0, ran.output
    (created,) = deployed.query(
        "SELECT to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') FROM df.instances"
    )[0]
    assert created in cli("ls", "--db", deployed.conninfo()).stdout
    assert f"started {created} UTC" in cli("show", "--db", deployed.conninfo()).stdout


def test_show_has_every_attempt_and_the_error_at_its_place(cli, deployed):
    instance = start(cli, deployed, "divide", "-a", "by=0")
    for _ in range(2):
        deployed.drive()
        deployed.query("SELECT pg_sleep(0.05)")
    db = deployed.conninfo()
    shown = cli("show", instance, "--db", db)
    assert shown.exit_code == 0
    assert "script.pgd:7: error: division by zero (22012)" in shown.stdout
    assert "7 |  ~> 'SELECT 1 / $by';" in shown.stdout
    assert "failed (attempt 2)" in shown.stdout
    found = json.loads(cli("show", instance, "--json", "--db", db).stdout)
    assert [(a["line"], a["attempt"], a["outcome"]) for a in found["attempts"]] == [
        (6, 1, "ok"),
        (7, 1, "failed"),
        (7, 2, "failed"),
    ]
    assert (found["status"], found["error"]["sqlstate"], found["error"]["line"]) == ("failed", "22012", 7)


def test_nobody_knows_how_long_an_attempt_took_that_crashed(cli, deployed, project):
    (project / "die.pgd").write_text(
        "CREATE WORKFLOW die() AS 'SELECT pg_terminate_backend(pg_backend_pid())';\n"
    )
    assert cli("deploy", "die.pgd", "--db", deployed.conninfo()).exit_code == 0
    instance = start(cli, deployed, "die")
    for _ in range(3):  # only the second is made carefully and counted; the third writes it down
        with pytest.raises(psycopg.OperationalError):
            deployed.drive()
    shown = cli("show", instance, "--db", deployed.conninfo())
    (row,) = [line for line in shown.stdout.splitlines() if " crashed " in f"{line} "]
    assert row.split()[-2:] == ["crashed", "?"]
    (attempt,) = json.loads(cli("show", instance, "--json", "--db", deployed.conninfo()).stdout)["attempts"]
    assert (attempt["outcome"], attempt["started_at"]) == ("crashed", None)
    assert attempt["finished_at"] is not None


def test_a_source_is_found_two_levels_down_where_there_is_one_of_its_name(cli, deployed, project):
    deep = project / "a" / "b"
    deep.mkdir(parents=True)
    (deep / "deep.pgd").write_text("CREATE WORKFLOW deep() AS\n    'SELECT 1/0';\n")
    assert cli("deploy", "a/b/deep.pgd", "--db", deployed.conninfo()).exit_code == 0
    instance = start(cli, deployed, "deep")
    deployed.drive()
    shown = cli("show", instance, "--db", deployed.conninfo()).stdout
    assert "deep.pgd:2: error: division by zero (22012)\n  2 |     'SELECT 1/0';\n    |     ^^^" in shown
    (project / "a" / "deep.pgd").write_text("\nanother of that name\n")
    shown = cli("show", instance, "--db", deployed.conninfo()).stdout
    assert "deep.pgd:2: error: division by zero (22012)" in shown
    assert "  2 |" not in shown


def test_run_that_nobody_drives_says_so_and_detaches(deployed):
    db = deployed.conninfo()
    command = [sys.executable, "-m", "pgdurc", "run", "script.pgd", "greet", "-a", "who=x", "--db", db]
    following = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    instance = following.stderr.readline().split()[-1]
    said = following.stderr.readline()
    assert said.startswith("nothing runs it yet; as the workflow's owner: pgdurc worker --db ")
    following.send_signal(signal.SIGINT)
    result, said = following.communicate(timeout=30)
    assert (following.returncode, result) == (130, "")
    # What was being written when the signal came may be written again.
    first, *commands = said[said.index("detached") :].splitlines()
    assert first == f"detached; {instance} is not cancelled"
    assert [line.split(" --db ")[0] for line in commands] == [
        f"  follow: pgdurc show {instance} --follow",
        f"  cancel: pgdurc cancel {instance}",
    ]
    assert deployed.value("SELECT df.status(%s)", instance) == "pending"


def test_run_whose_drivers_do_nothing_says_so(cli, deployed, monkeypatch):
    monkeypatch.setattr("pgdurc.follow.UNDRIVEN_BY_US_S", 0.2)
    with deployed.connect("dfowner", autocommit=False) as holder:
        holder.execute("LOCK TABLE df.driver")
        release = threading.Timer(2.0, holder.rollback)
        release.start()
        db = f"{deployed.conninfo()} options='-c lock_timeout=100ms'"
        result = cli("run", "script.pgd", "greet", "-a", "who=x", "--drivers", "1", "--db", db)
        release.join()
    assert result.exit_code == 0
    assert "\nnothing runs it yet; to see why: pgdurc doctor --db " in result.stderr
    assert result.stderr.count("\ndriver-1: canceling statement due to lock timeout\n") == 1


def test_show_numbers_the_steps_of_branches(cli, deployed, project):
    (project / "fork.pgd").write_text(
        "CREATE WORKFLOW fork() AS 'SELECT 1' ~> df.join('SELECT 2' ~> 'SELECT 3', 'SELECT 4' & 'SELECT 5');\n"
    )
    assert cli("deploy", "fork.pgd", "--db", deployed.conninfo()).exit_code == 0
    instance = start(cli, deployed, "fork")
    deployed.drive()
    shown = cli("show", instance, "--db", deployed.conninfo()).stdout
    assert "2 branches" in shown
    found = json.loads(cli("show", instance, "--json", "--db", deployed.conninfo()).stdout)
    numbers = {a["number"]: a["label"] for a in found["attempts"]}
    assert numbers == {
        "1": "SELECT 1",
        "2": "df.join",
        "2.1.1": "SELECT 2",
        "2.1.2": "SELECT 3",
        "2.2.1": "df.join",
        "2.2.1.1.1": "SELECT 4",
        "2.2.1.2.1": "SELECT 5",
        "2.2.2": "df.join",
        "3": "df.join",
    }


def test_show_of_the_newest(cli, deployed):
    nothing = cli("show", "--db", deployed.conninfo())
    assert (nothing.exit_code, nothing.stderr.splitlines()[0]) == (3, "error: there are no instances")
    start(cli, deployed, "greet", "-a", "who=x")
    newest = start(cli, deployed, "greet", "-a", "who=x")
    assert cli("show", "--db", deployed.conninfo()).stdout.startswith(newest)


def test_show_of_nothing(cli, deployed):
    result = cli("show", "00000000", "--db", deployed.conninfo())
    assert result.exit_code == 3
    assert 'instance "00000000" does not exist, or this role may not see it' in result.stderr


def test_another_owner_sees_nothing(cli, deployed):
    instance = start(cli, deployed, "greet", "-a", "who=x")
    assert cli("show", instance, "--db", deployed.conninfo("bob")).exit_code == 3
    assert json.loads(cli("ls", "--json", "--db", deployed.conninfo("bob")).stdout) == []


def test_cancel(cli, deployed):
    instance = start(cli, deployed, "greet", "-a", "who=x")
    result = cli("cancel", instance, "--reason", "no need", "--db", deployed.conninfo())
    assert result.exit_code == 0
    assert result.stderr == f"{instance} is cancelled\n"
    deployed.drive()
    assert deployed.value("SELECT df.status(%s)", instance) == "cancelled"


def test_cancel_of_what_has_ended(cli, deployed):
    db = deployed.conninfo()
    completed, failed = (
        start(cli, deployed, "greet", "-a", "who=x"),
        start(cli, deployed, "divide", "-a", "by=0"),
    )
    deployed.drive(max_seconds=1)
    for instance, status in ((completed, "completed"), (failed, "failed")):
        refused = cli("cancel", instance, "--db", db)
        assert refused.exit_code == 3
        assert (
            f"error: instance {instance} has {status} already\n  hint: pgdurc show {instance}"
            in refused.stderr
        )
    waiting = start(cli, deployed, "greet", "-a", "who=x")
    for _ in range(2):
        cancelled = cli("cancel", waiting, "--db", db)
        assert (cancelled.exit_code, cancelled.stderr) == (0, f"{waiting} is cancelled\n")


def test_cancel_of_nothing(cli, deployed):
    result = cli("cancel", "00000000", "--db", deployed.conninfo())
    assert result.exit_code == 3
    assert "00000000" in result.stderr
    assert "hint: pgdurc ls lists the instances" in result.stderr


def test_run_follows_to_the_end_and_prints_the_result(cli, deployed):
    result = cli(
        "run", "script.pgd", "greet", "-a", "who=you", "--drivers", "1", "--json", "--db", deployed.conninfo()
    )
    assert result.exit_code == 0, result.stderr
    said = json.loads(result.stdout)
    assert said["status"] == "completed"
    assert "hello you" in json.dumps(said["result"])
    assert "script.pgd:2" in result.stderr
    assert "|=> greeting" in result.stderr
    assert "completed after" in result.stderr


def test_run_with_a_key_says_whether_it_started(cli, deployed):
    command = ("run", "script.pgd", "greet", "-a", "who=x", "--drivers", "1", "--db", deployed.conninfo())
    first = cli(*command, "--key", "k\x1b").stderr.splitlines()[0]
    instance = first.removeprefix("started greet as ")
    assert deployed.query("SELECT id FROM df.instances") == [(instance,)]
    second = cli(*command, "--key", "k\x1b")
    assert second.exit_code == 0
    not_started = f"not started: workflow greet with key k\\x1b is {instance} already"
    assert second.stderr.splitlines()[0] == not_started
    assert cli(*command, "--key", "another").stderr.startswith("started greet as ")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((), 2, 'argument "by" of workflow "once" is missing'),
        (("-a", "yb=1"), 2, 'workflow "once" has no parameter yb\n  hint: Its parameters: by int'),
        (("-a", "by=1", "-a", "bye=1"), 2, 'did you mean "by"?'),
        (("-a", "by=x"), 3, 'invalid input syntax for type integer: "x"'),
        (("-a", "by"), 2, 'argument "by" is not of the form name=value'),
        (("-a", "by=1", "--key", ""), 2, "the key is empty"),
    ],
)
def test_run_that_cannot_start_deploys_nothing(cli, deployed, arguments, code, message):
    Path("once.pgd").write_text("CREATE TABLE once_only ();\nCREATE WORKFLOW once(by int) AS 'SELECT $by';\n")
    result = cli("run", "once.pgd", *arguments, "--db", deployed.conninfo())
    assert result.exit_code == code
    assert message in result.stderr
    assert deployed.query("SELECT pg_catalog.to_regclass('once_only')::text") == [(None,)]
    assert deployed.query("SELECT FROM df.workflows WHERE name = 'public.once'") == []


@pytest.mark.parametrize("arguments", [(), ("-a", "by=1", "-a", "bye=1"), ("-a", "by=1", "--key", "")])
def test_run_that_cannot_start_needs_no_database_to_say_so(cli, project, arguments):
    Path("once.pgd").write_text("CREATE WORKFLOW once(by int, also int DEFAULT 1) AS 'SELECT $by';\n")
    result = cli("run", "once.pgd", *arguments, "--db", "host=/nowhere")
    assert result.exit_code == 2
    assert "cannot connect" not in result.stderr
    assert "cannot connect" in cli("run", "once.pgd", "-a", "by=1", "--db", "host=/nowhere").stderr


@pytest.mark.parametrize("file", ["e.pgd", "embeddings_of_all_the_documents.pgd", "文件文件文件文件文件.pgd"])
def test_the_columns_of_run_stay_where_they_are(cli, deployed, file):
    Path(file).write_text(
        "CREATE WORKFLOW columns() AS 'SELECT 1' |=> short\n"
        f" ~> 'SELECT 2 AS {'文' * 20}, 3 AS b' |=> a_name_that_is_long_for_a_column\n"
        f" ~> 'SELECT 3 AS {'a' * 60}' |=> n\n"
        " ~> 'SELECT $short, $n, $a_name_that_is_long_for_a_column.b';\n"
    )
    result = cli("run", file, "--drivers", "1", "--db", deployed.conninfo())
    assert result.exit_code == 0, result.stderr
    lines = [line for line in result.stderr.splitlines() if line.startswith("✓")]
    assert [cut(line, 2, 22).rstrip()[-6:] for line in lines] == [f".pgd:{n}" for n in (1, 2, 3, 4)]
    assert [cut(line, 22, 24) for line in lines] == ["  "] * 4
    assert [cut(line, 24, 30) for line in lines] == ["SELECT"] * 4
    assert [cut(line, 76, 82) for line in lines] == ["  |=> "] * 3 + ["      "]
    assert [cut(line, 96, 99) for line in lines] == ["  1"] * 4
    shown = cli("show", "--db", deployed.conninfo()).stdout.splitlines()
    outcomes = [cell_len(line[: line.rindex("  ok  ")]) for line in shown if "  ok  " in line]
    assert outcomes == outcomes[:1] * 4


WIDE = (
    f"CREATE WORKFLOW a_name_of_a_workflow_that_is_long() WITH (max_attempts = 2, backoff = '1 millisecond') AS\n"
    f" 'SELECT {'文' * 20} FROM (VALUES (1)) AS t ({'文' * 20})' |=> a_name_that_is_long_for_a_column\n"
    " ~> ('SELECT 3' & 'SELECT 4' & 'SELECT 5' & 'SELECT 6' & 'SELECT 7')\n"
    " ~> 'SELECT $a_name_that_is_long_for_a_column / 0 AS divided, 2 AS something_that_does_not_matter';\n"
)


@pytest.mark.parametrize("width", [60, 80, 100])
def test_lines_and_tables_fit_into_the_columns_that_there_are(cli, deployed, monkeypatch, width):
    db = deployed.conninfo()
    monkeypatch.setenv("COLUMNS", str(width))
    Path("a_file_whose_name_is_long.pgd").write_text(WIDE)
    options = ("--drivers", "1", "--label", "a label that is longer than a table has room for")
    run = cli("run", "a_file_whose_name_is_long.pgd", *options, "--db", db)
    assert run.exit_code == 4
    lines = [line for line in run.stderr.splitlines() if line[0] in "✓✗"]
    assert len(lines) == 16
    assert max(map(cell_len, lines)) <= width
    instance = deployed.value("SELECT id FROM df.instances")
    listed = cli("ls", "--db", db).stdout.splitlines()
    assert listed[1].startswith(f"{instance}  ")
    table = cli("show", "--db", db).stdout.split("\n\n")[1].splitlines()
    assert len(table) == 17
    for line in (*listed, *table):
        # What must be read or copied whole takes that much.
        assert cell_len(line) <= max(width, 79), line


def test_a_pipe_gets_lines_as_long_as_they_are(cli, deployed):
    Path("wide.pgd").write_text(WIDE)
    db = deployed.conninfo()
    assert cli("deploy", "wide.pgd", "--db", db).exit_code == 0
    label = "a label that is longer than a table has room for" * 3
    start(cli, deployed, "a_name_of_a_workflow_that_is_long", "--label", label)
    assert f"  public.a_name_of_a_workflow_that_is_long  pending  {label}  " in cli("ls", "--db", db).stdout


def test_the_width_of_a_terminal(deployed):
    instance = deployed.value(
        "SELECT df.start_workflow('greet', '{\"who\": \"x\"}', 'label ' || repeat('x', 100))"
    )
    ours, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (24, 90))
    command = [sys.executable, "-m", "pgdurc", "ls", "--db", deployed.conninfo()]
    subprocess.run(command, stdout=terminal, check=True, timeout=60)
    said = os.read(ours, 10_000).decode().splitlines()
    assert [len(re.sub("\x1b[^m]*m", "", line)) for line in said] <= [90, 90]
    assert any(
        line.startswith(f"{instance}  public.greet") and "label xxx" in line and "…" in line for line in said
    )


def test_the_number_of_a_step_in_many_joins_is_cut(cli, deployed):
    Path("deep.pgd").write_text(
        f"CREATE WORKFLOW deep() AS {' & '.join(f'$$SELECT {n}$$' for n in range(30))};\n"
    )
    db = deployed.conninfo()
    assert cli("run", "deep.pgd", "--drivers", "1", "--db", db).exit_code == 0
    shown = cli("show", "--db", db).stdout.split("\n\n")[1].splitlines()
    numbers = [line[:15].rstrip() for line in shown]
    assert all(line[15:17] == "  " for line in shown)
    assert {"1", "1.1.1", "….1.1.1.1.1.2.1"} <= set(numbers)
    whole = [
        attempt["number"] for attempt in json.loads(cli("show", "--json", "--db", db).stdout)["attempts"]
    ]
    assert max(map(len, whole)) > 100


def cut(line: str, begin: int, end: int) -> str:
    """What stands in those columns of a terminal."""
    columns = "".join(char + "\0" * (cell_len(char) - 1) for char in line)
    return columns[begin:end].replace("\0", "")


def test_run_of_a_workflow_that_fails(cli, deployed):
    result = cli("run", "script.pgd", "divide", "-a", "by=0", "--drivers", "1", "--db", deployed.conninfo())
    assert result.exit_code == 4
    assert result.stdout == ""
    assert "script.pgd:7: error: division by zero (22012)" in result.stderr
    assert "^^^" in result.stderr


@pytest.mark.parametrize(
    ("step", "status", "error"),
    [
        ("SELECT 1/0", "failed", "division by zero"),
        ("SELECT df.cancel({sys_instance_id}, ''no need'')", "cancelled", None),
        ("SELECT 1.10 AS n", "completed", None),
    ],
)
def test_run_as_json_tells_how_it_ended(cli, deployed, step, status, error):
    """As show does."""
    Path("ends.pgd").write_text(f"CREATE WORKFLOW ends() AS '{step}';\n")
    db = deployed.conninfo()
    said = cli("run", "ends.pgd", "--json", "--drivers", "1", "--db", db).stdout
    ended = json.loads(said)
    assert list(ended) == ["id", "status", "reason", "error", "result"]
    assert ended == {
        name: value
        for name, value in json.loads(cli("show", "--json", "--db", db).stdout).items()
        if name in ended
    }
    assert (ended["status"], ended["reason"]) == (status, "no need" if status == "cancelled" else None)
    assert (ended["error"] or {}).get("message") == error
    assert ('"n": 1.10' in said) == (status == "completed")


@pytest.mark.parametrize(
    ("step", "set_up", "is_named"),
    [
        ("SELECT * FROM not_there", "lacking.setup.sql", True),
        ("SELECT not_there()", "lacking.setup.sql", True),
        ("SELECT 1/0", "lacking.setup.sql", False),
        ("SELECT * FROM not_there", "other.setup.sql", False),
    ],
)
def test_a_set_up_that_was_forgotten_is_named_once(cli, deployed, step, set_up, is_named):
    Path("examples").mkdir()
    Path("examples/lacking.pgd").write_text(
        f"CREATE WORKFLOW lacking() WITH (max_attempts = 2, backoff = '1 millisecond') AS '{step}';\n"
    )
    Path("examples", set_up).touch()
    db = deployed.conninfo()
    result = cli("run", "examples/lacking.pgd", "--drivers", "1", "--db", db)
    assert result.exit_code == 4
    assert result.stderr.count("failed: ") == 2
    hint = "hint: what is missing may be made by: pgdurc deploy examples/lacking.setup.sql --db "
    assert result.stderr.count(hint) == is_named


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "script.pgd declares 2 workflows"),
        (("nobody",), 'script.pgd declares no workflow "nobody"'),
    ],
)
def test_run_must_know_which_workflow(cli, deployed, arguments, message):
    result = cli("run", "script.pgd", *arguments, "--db", deployed.conninfo())
    assert result.exit_code == 2
    assert message in result.stderr
    assert "greet" in result.stderr


@pytest.mark.parametrize("written", ['"Wf 2"', "Wf 2", "public.Wf 2", 'public."Wf 2"'])
def test_run_knows_a_name_with_its_quotes_and_without(cli, deployed, written):
    Path("odd.pgd").write_text("""CREATE WORKFLOW public."Wf 2"() AS 'SELECT 7 AS n';\n""" + SCRIPT)
    result = cli("run", "odd.pgd", written, "--drivers", "1", "--db", deployed.conninfo())
    assert (result.exit_code, json.loads(result.stdout)["rows"]) == (0, [{"n": 7}])


@pytest.mark.parametrize(
    ("script", "wanted", "said"),
    [
        (SCRIPT, ["gret"], 'did you mean "greet"?'),
        ("SELECT df.start('SELECT 1');", [], "its df.start calls start by themselves: pgdurc deploy odd.pgd"),
    ],
)
def test_run_says_what_there_is_to_run(cli, deployed, script, wanted, said):
    Path("odd.pgd").write_text(script)
    assert said in cli("run", "odd.pgd", *wanted, "--db", deployed.conninfo()).stderr


def test_deploy_says_who_can_give_the_right(cli, deployed):
    deployed.query("CREATE SCHEMA theirs", role="dfowner")
    Path("odd.pgd").write_text("CREATE WORKFLOW theirs.w() AS 'SELECT 1';\n")
    result = cli("deploy", "odd.pgd", "--db", deployed.conninfo())
    assert result.exit_code == 3
    assert "permission denied for schema theirs" in result.stderr
    assert "GRANT CREATE, USAGE ON SCHEMA theirs" in result.stderr


def test_run_by_a_superuser_is_refused_before_anything_is_deployed(cli, deployed):
    result = cli(
        "run", "script.pgd", "greet", "-a", "who=x", "--drivers", "1", "--db", deployed.conninfo("postgres")
    )
    assert result.exit_code == 3
    assert 'role "postgres" is a superuser' in result.stderr


@pytest.mark.parametrize("command", [("ls",), ("show", "0"), ("cancel", "0"), ("start", "w"), ("worker",)])
def test_without_the_runtime(cli, project, empty_database, command):
    result = cli(*command, "--db", empty_database.conninfo())
    assert result.exit_code == 3
    assert "error: the pgdurc runtime is not installed in database" in result.stderr


@pytest.mark.parametrize("command", [("ls",), ("show", "0"), ("cancel", "0"), ("start", "w"), ("worker",)])
def test_with_the_runtime_before(cli, project, database, command):
    with database.connect("dfowner") as connection:
        connection.execute("UPDATE df.runtime SET epoch = epoch - 1, version = '0.0.1'")
    result = cli(*command, "--db", database.conninfo())
    assert result.exit_code == 3
    assert "a newer pgdurc runtime is needed than the 0.0.1" in result.stderr
    assert "pgdurc install" in result.stderr


@pytest.mark.parametrize("command", [("ls",), ("show", "0"), ("cancel", "0"), ("start", "w"), ("worker",)])
def test_without_rights(cli, project, database, command):
    result = cli(*command, "--db", database.conninfo("carol"))
    assert result.exit_code == 3
    assert 'role "carol" may not use pgdurc' in result.stderr


def test_show_has_the_result_with_all_digits(cli, deployed, project):
    exact = "12345678901234567890.123456789012345678901234567890"
    (project / "exact.pgd").write_text(f"CREATE WORKFLOW exact() AS 'SELECT {exact} AS n';\n")
    assert cli("deploy", "exact.pgd", "--db", deployed.conninfo()).exit_code == 0
    instance = start(cli, deployed, "exact")
    deployed.drive()
    assert f'result: {{"rows": [{{"n": {exact}' in cli("show", instance, "--db", deployed.conninfo()).stdout
    shown = cli("show", instance, "--json", "--db", deployed.conninfo()).stdout
    assert exact in shown
    assert json.loads(shown)["reason"] is None


def test_show_has_the_reason_of_a_cancel(cli, deployed):
    instance = start(cli, deployed, "greet", "-a", "who=x")
    cli("cancel", instance, "--reason", "wrong \x1b[31mcustomer", "--db", deployed.conninfo())
    shown = cli("show", instance, "--db", deployed.conninfo())
    assert "cancelled: wrong \\x1b[31mcustomer\n" in shown.stdout
    assert json.loads(cli("show", instance, "--json", "--db", deployed.conninfo()).stdout)["reason"] == (
        "wrong \x1b[31mcustomer"
    )
    followed = cli("show", instance, "--follow", "--db", deployed.conninfo())
    assert followed.exit_code == 4
    assert "cancelled: wrong \\x1b[31mcustomer\n" in followed.stderr


def test_show_of_a_step_that_was_stopped(cli, deployed):
    Path("held.pgd").write_text("CREATE WORKFLOW held() AS 'SELECT pg_advisory_xact_lock(1)';\n")
    assert cli("deploy", "held.pgd", "--db", deployed.conninfo()).exit_code == 0
    instance = start(cli, deployed, "held")
    with ThreadPoolExecutor() as pool, deployed.connect() as holder:
        holder.execute("SELECT pg_advisory_lock(1)")
        driven = pool.submit(deployed.drive)
        deployed.until(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory' AND datname = current_database()"
        )
        assert cli("cancel", instance, "--db", deployed.conninfo()).exit_code == 0
        holder.execute("SELECT pg_advisory_unlock(1)")
        driven.result(timeout=30)
    shown = cli("show", instance, "--db", deployed.conninfo()).stdout
    assert "\n1: cancelled: stopped before it could commit; rolled back\n" in shown


def test_what_is_overdue_is_due_and_runs_nowhere(cli, deployed, project):
    (project / "nap.pgd").write_text("CREATE WORKFLOW nap() AS df.sleep(60) ~> 'SELECT 1';\n")
    assert cli("deploy", "nap.pgd", "--db", deployed.conninfo()).exit_code == 0
    instance = start(cli, deployed, "nap")
    deployed.drive()
    assert "\nsleeps for another " in cli("show", instance, "--db", deployed.conninfo()).stdout
    deployed.query("SELECT df.move_clock('2 minutes')", role="dfowner")
    shown = cli("show", instance, "--db", deployed.conninfo())
    assert "\ndue since " in shown.stdout
    assert "sleeps" not in shown.stdout
    assert "nothing runs it; as the workflow's owner: pgdurc worker --db" in shown.stderr


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("df.sleep(500)", r"sleeps for another [^,]+"),
        ("df.sleep(500) ~> 'SELECT 1'", r"sleeps for another .*, then wait\.pgd:1 SELECT 1"),
        ("df.sleep(500) ~> df.sleep(40)", r"sleeps for another .*, then wait\.pgd:1 df\.sleep\(40\)"),
        ("df.wait_for_schedule('0 0 1 1 *')", r"waits for its schedule for another [^,]+"),
        ("df.wait_for_schedule('0 0 1 1 *') ~> 'SELECT 1'", r"waits for its .*, then wait\.pgd:1 SELECT 1"),
        ("df.wait_for_signal('go', 500)", r"waits for a .*, at wait\.pgd:1 df\.wait_for_signal\('go', 500\)"),
        ("df.wait_for_signal('go') ~> 'SELECT 1'", r"waits for a signal, at wait\.pgd:1 df\.wait_.*\('go'\)"),
    ],
)
def test_what_comes_after_a_wait_is_not_the_wait(cli, deployed, body, said):
    Path("wait.pgd").write_text(f"CREATE WORKFLOW wait() AS {body};\n")
    assert cli("deploy", "wait.pgd", "--db", deployed.conninfo()).exit_code == 0
    instance = start(cli, deployed, "wait")
    deployed.drive()
    shown = cli("show", instance, "--db", deployed.conninfo()).stdout.splitlines()
    assert re.fullmatch(said, shown[-1]), shown
    # The last line of run counts down instead.
    with deployed.connect() as connection:
        waiting = load_waiting(connection, instance)
    if waiting[0].due_in_s is not None:
        status = _Status("dots")
        _show_waiting(_View(Console(), Database("", ""), instance, None, False), status, waiting)
        assert status._text == re.sub(" for another [^,]+", "", shown[-1])


def test_a_label_does_not_reach_the_terminal_as_it_is(cli, deployed):
    label = "a\x1b]0;title\x07\x9b2J\u202eb\nc"
    instance = start(cli, deployed, "greet", "-a", "who=x", "--label", label, "--key", label)
    escaped = r"a\x1b]0;title\x07\x9b2J\u202eb\nc"
    for command in (("ls",), ("show", instance)):
        shown = cli(*command, "--db", deployed.conninfo())
        assert escaped in shown.stdout
        assert "\x1b" not in shown.stdout
    (found,) = json.loads(cli("ls", "--json", "--db", deployed.conninfo()).stdout)
    assert found["label"] == label


def test_a_key_that_is_empty(cli, deployed):
    refused = cli("start", "greet", "-a", "who=x", "--key", "", "--db", deployed.conninfo())
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "error: the key is empty" in refused.stderr


def test_a_key_that_is_too_long(cli, deployed):
    start(cli, deployed, "greet", "-a", "who=x", "--key", random_text(2000))
    refused = cli("start", "greet", "-a", "who=x", "--key", random_text(2001), "--db", deployed.conninfo())
    assert refused.exit_code == 3
    assert "error: the key has 2001 bytes, more than 2000 (54000)" in refused.stderr
    assert "hint: " in refused.stderr


def random_text(length: int) -> str:
    """That PostgreSQL cannot compress."""
    return "".join(random.Random(1).choices(string.ascii_letters, k=length))
