"""`pgdurc doctor`: what it finds from outside, what df.doctor() finds, and the exit codes. Of df.doctor() itself: tests/runtime."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pgdurc.doctor import server
from tests.runtime.test_attacks_roles import PGBOUNCER, bouncer

SCRIPT = "CREATE WORKFLOW w() AS df.sleep(60) ~> 'SELECT 1 AS x';\n"


def findings(cli: Any, conninfo: str, exit_code: int) -> dict[str, tuple[str, str, str | None]]:
    """By check, of those that have one row; the same is printed for people."""
    result = cli("doctor", "--db", conninfo, "--json")
    assert result.exit_code == exit_code, result.output
    found = json.loads(result.stdout)
    assert all(list(one) == ["check", "status", "finding", "hint"] for one in found)
    printed = cli("doctor", "--db", conninfo)
    assert printed.exit_code == exit_code
    for one in found:
        assert f"{one['status']:<7}  {one['check']:<10}  " in printed.stdout
        assert one["hint"] is None or "hint: " in printed.stdout
    return {one["check"]: (one["status"], one["finding"], one["hint"]) for one in found}


def test_all_is_well(cli, database):
    conninfo = database.conninfo("alice")
    found = findings(cli, conninfo, 0)
    assert {status for status, _, _ in found.values()} == {"ok"}
    assert list(found)[:5] == ["connection", "server", "runtime", "role", "tasks"]
    assert found["connection"][1] == f'database "{database.name}" as role "alice", named by --db'
    assert found["server"][1].startswith(f"PostgreSQL {database.server.major}.")
    text = cli("doctor", "--db", conninfo).stdout
    assert text.endswith("\n\nno problems, no warnings\n")
    # Where there is nothing else it helps who has run a script that was not compiled.
    assert "operator does not exist: unknown ~> unknown" in text
    assert "hint: pgdurc compile script.sql" in text


def test_a_problem(cli, project: Path, database):
    (project / "w.pgd").write_text(SCRIPT)
    assert cli("deploy", "w.pgd", "--db", database.conninfo()).exit_code == 0
    database.query("SELECT w()")
    database.query("SELECT df.move_clock('5 minutes')", role="dfowner")
    status, finding, hint = findings(cli, database.conninfo(), 1)["tasks"]
    assert status == "problem"
    assert finding.startswith("1 task of role alice is overdue, the oldest by 00:05:0")
    assert "pgdurc worker" in str(hint)
    assert cli("doctor", "--db", database.conninfo()).stdout.endswith("\n\n1 problem, 1 warning\n")
    database.drive()
    # Warnings alone are fine: the clock is not the server's.
    assert findings(cli, database.conninfo(), 0)["clock"][0] == "warning"


def test_a_superuser(cli, database):
    status, finding, hint = findings(cli, database.conninfo("postgres"), 0)["role"]
    assert (status, finding) == (
        "warning",
        'role "postgres" is a superuser: it neither owns workflows nor drives them',
    )
    assert hint is not None


def test_no_runtime(cli, project, empty_database):
    found = findings(cli, empty_database.conninfo(), 1)
    assert found["runtime"] == (
        "problem",
        f'the pgdurc runtime is not installed in database "{empty_database.name}"',
        "pgdurc install, or: pgdurc runtime | psql -1 -v ON_ERROR_STOP=1",
    )
    assert list(found) == ["connection", "server", "runtime"]


def test_a_schema_of_somebody_else(cli, empty_database):
    empty_database.query("CREATE SCHEMA df")
    status, finding, hint = findings(cli, empty_database.conninfo(), 1)["runtime"]
    assert status == "problem"
    assert finding.startswith(f'schema "df" of database "{empty_database.name}" is not pgdurc\'s')
    assert hint == "install pgdurc in another database"


def test_a_role_without_rights(cli, database):
    assert findings(cli, database.conninfo("carol"), 1)["runtime"] == (
        "problem",
        f'role "carol" may not use pgdurc in database "{database.name}"',
        "let role \"dfowner\" execute: SELECT df.grant_usage('carol')",
    )


@pytest.mark.parametrize(
    ("change", "status", "finding"),
    [
        ("UPDATE df.runtime SET epoch = 0", "problem", "a newer pgdurc runtime is needed than the 0.1.0"),
        ("UPDATE df.runtime SET version = '0.0.9'", "warning", "version 0.0.9 is older than this pgdurc, 0.1.0"),
        ("UPDATE df.runtime SET version = '0.10.0'", "warning", "version 0.10.0 is newer than this pgdurc, 0.1.0"),
        ("COMMENT ON SCHEMA df IS 'pgdurc 0.1.0 (0123456789ab)'", "warning", "another build of 0.1.0 than this pgdurc's"),
        ("DROP FUNCTION df.doctor(interval)", "problem", "the runtime 0.1.0 is older than df.doctor"),
    ],
)  # fmt: skip
def test_another_runtime(cli, database, change, status, finding):
    database.query(change, role="dfowner")
    found = findings(cli, database.conninfo(), 1 if status == "problem" else 0)["runtime"]
    assert (found[0], found[1][: len(finding)]) == (status, finding)
    assert ("pip install --upgrade pgdurc" if "newer than" in finding else "pgdurc install") in str(found[2])
    if "build" in finding:
        assert cli("install", "--db", database.conninfo("dfowner")).exit_code == 0
        assert findings(cli, database.conninfo(), 0)["runtime"] == ("ok", "version 0.1.0", None)


def test_a_table_that_is_locked(cli, database):
    with database.connect("dfowner") as connection:
        connection.execute("BEGIN; LOCK TABLE df.task IN ACCESS EXCLUSIVE MODE")
        result = cli("doctor", "--db", database.conninfo(), "--json")
    assert result.exit_code == 1
    last = json.loads(result.stdout)[-1]
    assert (last["check"], last["status"]) == ("tasks", "problem")
    assert "has been locked for 5 seconds" in last["finding"]


def test_a_pooler(cli, database):
    if not Path(PGBOUNCER).exists():
        pytest.skip("pgbouncer is not installed (Debian: apt-get install pgbouncer)")
    with bouncer(database, "alice") as conninfo:
        result = cli("doctor", "--db", conninfo, "--json")
    assert result.exit_code == 0
    found = [one for one in json.loads(result.stdout) if one["status"] != "ok"]
    assert [(one["check"], one["finding"]) for one in found] == [
        ("connection", "the connection goes through a pooler")
    ]


def test_no_connection(cli, database):
    """Each for real, with what to look at; other commands say the same."""
    place, name = database.server.cluster.socket, database.name
    with database.connect("postgres") as connection:
        connection.execute(f"CREATE ROLE nologin_{name}; CREATE ROLE crowd_{name} LOGIN CONNECTION LIMIT 0")
        connection.execute(f"CREATE ROLE out_{name} LOGIN; REVOKE CONNECT ON DATABASE {name} FROM PUBLIC")
    try:
        for conninfo, hint in {
            "postgresql://alice@127.0.0.1:9/x": "no server listens there",
            "host=/nowhere dbname=x user=alice": "look whether the server runs",
            "postgresql://alice@no-such-host.invalid/x": "look at the host's spelling",
            f"host={place} dbname=no_{name} user=alice": "look at the name of the database",
            f"host={place} dbname={name} user=no_{name}": "look at the name of the role",
            f"host={place} dbname={name} user=nologin_{name}": "connect as a role that has LOGIN",
            f"host={place} dbname={name} user=crowd_{name}": "there are as many sessions as may be",
            f"host={place} dbname={name} user=out_{name}": "GRANT CONNECT ON DATABASE",
        }.items():
            if "crowd" in conninfo:
                database.query(f"GRANT CONNECT ON DATABASE {name} TO crowd_{name}", role="postgres")
            status, finding, found = findings(cli, conninfo, 3)["connection"]
            assert status == "problem"
            assert finding.startswith("cannot connect to the database: ")
            assert str(found).startswith(hint), finding
            assert str(found).endswith("; it was named by --db")
            refused = cli("ls", "--db", conninfo)
            assert refused.exit_code == 3
            assert f"  hint: {found}\n" in refused.stderr
    finally:
        with database.connect("postgres") as connection:
            connection.execute(f"DROP OWNED BY crowd_{name}")
            connection.execute(f"DROP ROLE nologin_{name}, crowd_{name}, out_{name}")


def test_servers():
    assert server(130012).status == "problem"
    assert server(90624).finding == "PostgreSQL 9 is too old"
    assert server(140000).status == "ok"


def test_usage(cli, project):
    result = cli("doctor")
    assert result.exit_code == 2
    assert "no database is named" in result.stderr
    assert cli("doctor", "--db", "").exit_code == 2


def test_the_embedded_server(cli, project):
    """As any command it starts it, with the runtime in it."""
    from pgdurc.embedded import remove_embedded

    try:
        found = findings(cli, "embedded", 0)
        assert found["runtime"] == ("ok", "version 0.1.0", None)
        assert {status for status, _, _ in found.values()} == {"ok"}
    finally:
        remove_embedded(project)
