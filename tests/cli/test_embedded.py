"""The embedded server, and `pgdurc run FILE` on it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psycopg
import pytest

from pgdurc.cluster import SUPERUSER
from pgdurc.embedded import DATABASE, ROLE, base_directory, embedded_cluster, ensure_embedded, remove_embedded
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


def test_a_directory_that_is_not_ours_is_not_used(project, tmp_path, monkeypatch):
    target = tmp_path / "target"
    target.mkdir()
    link = tmp_path / "link"
    link.symlink_to(target)
    monkeypatch.setenv("PGDURC_EMBEDDED_DIR", str(link))
    with pytest.raises(Failure, match="is not a directory of this user"):
        ensure_embedded(project)


def test_projects_do_not_share_a_server(tmp_path):
    assert embedded_cluster(tmp_path / "a").directory != embedded_cluster(tmp_path / "b").directory
