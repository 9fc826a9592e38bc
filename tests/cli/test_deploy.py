"""`pgdurc install` and `deploy`: one transaction, and every refusal at its place."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pgdurc.deploy import LOCK

HELLO = "CREATE WORKFLOW hello(who text DEFAULT 'you') AS $$SELECT 'hello ' || $who$$;\n"


@pytest.fixture
def script(project: Path):
    def write(text: str) -> str:
        (project / "script.pgd").write_text(text)
        return "script.pgd"

    return write


def test_install_is_a_no_op_the_second_time(cli, project, empty_database):
    db = empty_database.conninfo("alice")
    first = cli("install", "--db", db)
    assert first.exit_code == 0
    assert "installed in database" in first.stderr
    again = cli("install", "--db", db)
    assert again.exit_code == 0
    assert "is already installed" in again.stderr


def test_runtime_prints_what_install_executes(cli, project, empty_database):
    printed = cli("runtime")
    assert printed.exit_code == 0
    with empty_database.connect("alice") as connection, connection.transaction():
        connection.execute(printed.stdout.encode())
    assert "is already installed" in cli("install", "--db", empty_database.conninfo("alice")).stderr


@pytest.mark.parametrize(
    ("damage", "is_repaired"),
    [
        ("DROP FUNCTION df.status(text)", "SELECT to_regprocedure('df.status(text)') IS NOT NULL"),
        ("DROP FUNCTION df.fingerprint()", "SELECT to_regprocedure('df.fingerprint()') IS NOT NULL"),
        (
            "CREATE OR REPLACE FUNCTION df.now() RETURNS timestamptz LANGUAGE sql VOLATILE AS 'SELECT clock_timestamp()'",
            "SELECT prosrc LIKE '%df.clock%' FROM pg_proc WHERE oid = 'df.now()'::regprocedure",
        ),
        ("DROP INDEX df.task_due", "SELECT to_regclass('df.task_due') IS NOT NULL"),
        ("DROP TRIGGER act ON df.request", "SELECT count(*) = 1 FROM pg_trigger WHERE tgname = 'act'"),
        (
            'DROP POLICY "select" ON df.instance',
            "SELECT count(*) = 1 FROM pg_policy WHERE polrelid = 'df.instance'::regclass",
        ),
        (
            "ALTER TABLE df.instance DISABLE ROW LEVEL SECURITY",
            "SELECT relrowsecurity FROM pg_class WHERE oid = 'df.instance'::regclass",
        ),
        ("DROP VIEW df.workflows", "SELECT to_regclass('df.workflows') IS NOT NULL"),
        ("UPDATE df.runtime SET epoch = 0", "SELECT epoch > 0 FROM df.runtime"),
    ],
)
def test_install_repairs_what_was_damaged(cli, project, database, damage, is_repaired):
    db = database.conninfo("dfowner")
    assert "is already installed in database" in cli("install", "--db", db).stderr
    database.query(damage, role="dfowner")
    if "runtime" not in damage:  # of that doctor says more
        assert "something in the schema df is not as version" in cli("doctor", "--db", db).stdout
    repaired = cli("install", "--db", db)
    assert repaired.exit_code == 0, repaired.stderr
    assert " repaired in database " in repaired.stderr
    assert database.value(is_repaired, role="dfowner")
    assert "is already installed in database" in cli("install", "--db", db).stderr


def test_install_without_the_right_to_it(cli, project, empty_database):
    result = cli("install", "--db", empty_database.conninfo("bob"))
    assert result.exit_code == 3
    assert "error: permission denied for database" in result.stderr
    grant = f'GRANT CREATE ON DATABASE "{empty_database.name}" TO "bob"'
    assert f"hint: let the database's owner execute: {grant}\n" in result.stderr


def test_install_by_a_superuser_is_warned_of(cli, project, empty_database):
    done = cli("install", "--db", empty_database.conninfo("postgres"))
    assert done.exit_code == 0
    assert done.stderr.startswith(
        'warning: role "postgres" is a superuser: the runtime\'s SECURITY DEFINER functions'
    )
    assert "hint: It needs none of them. DROP SCHEMA df CASCADE" in done.stderr


def test_install_by_force(cli, project, database):
    """What no fingerprint has: rights."""
    db = database.conninfo("dfowner")
    database.query("GRANT EXECUTE ON FUNCTION df.move_clock(interval) TO PUBLIC", role="dfowner")
    assert "is already installed in database" in cli("install", "--db", db).stderr
    assert " installed again in database " in cli("install", "--force", "--db", db).stderr
    granted = "SELECT has_function_privilege('carol', 'df.move_clock(interval)', 'EXECUTE')"
    assert database.value(granted) is False


def test_install_where_another_build_is(cli, project, database):
    db = database.conninfo("dfowner")
    database.query("COMMENT ON SCHEMA df IS 'pgdurc 0.1.0 (0123456789ab)'", role="dfowner")
    assert " installed over another in database " in cli("install", "--db", db).stderr


def test_install_takes_no_lock_where_nothing_is_to_be_done(cli, project, database):
    with database.connect("dfowner", autocommit=False) as holder:
        for name in ("instance", "task", "request", "step_run", "workflow_version"):
            holder.execute(f"LOCK TABLE df.{name} IN ACCESS EXCLUSIVE MODE")
        db = f"{database.conninfo('dfowner')} options='-c lock_timeout=1ms'"
        assert "is already installed" in cli("install", "--db", db).stderr


def test_install_by_a_role_that_may_not_use_the_schema(cli, project, database):
    """It is told what is there, as anybody could see."""
    assert "is already installed" in cli("install", "--db", database.conninfo("carol")).stderr


@pytest.mark.parametrize("options", [(), ("-1",)])
def test_the_printed_runtime_says_nothing_the_second_time(cli, project, empty_database, options):
    text = cli("runtime").stdout + "SHOW search_path;\nSHOW client_min_messages;\n"
    for _ in range(2):
        said = subprocess.run(
            [
                empty_database.server.psql,
                "-XqAt",
                "-v",
                "ON_ERROR_STOP=1",
                *options,
                empty_database.conninfo(),
            ],
            input=text,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert (said.stdout.splitlines()[-2:], said.stderr) == (['"$user", public', "notice"], "")
    assert "is already installed" in cli("install", "--db", empty_database.conninfo()).stderr


def test_install_leaves_nothing_where_df_is_somebody_elses(cli, project, empty_database):
    empty_database.query("CREATE SCHEMA df CREATE TABLE instances (id text)")
    result = cli("install", "--db", empty_database.conninfo("alice"))
    assert result.exit_code == 3
    assert 'schema "df" exists and is not pgdurc\'s (PD001)' in result.stderr
    assert empty_database.value("SELECT count(*) FROM pg_class WHERE relnamespace = 'df'::regnamespace") == 1


def test_deploy_says_what_changed(cli, database, script):
    db = database.conninfo()
    new = cli("deploy", script(HELLO), "--db", db)
    assert new.exit_code == 0, new.stderr
    assert new.stderr.endswith("(new)\n")
    assert cli("deploy", script(HELLO), "--db", db).stderr.endswith("(unchanged)\n")
    changed = cli("deploy", script(HELLO.replace("hello '", "hi '")), "--db", db, "--json")
    (change,) = json.loads(changed.stdout)
    assert change["name"] == "hello"
    assert change["before"] != change["after"]


def test_a_dry_run_changes_nothing(cli, database, script):
    result = cli("deploy", script(HELLO), "--db", database.conninfo(), "--dry-run")
    assert result.exit_code == 0
    assert result.stderr.endswith("(new)\n")
    assert database.query("SELECT FROM df.workflows") == []


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("\\set x 1\n", "error[0A000]: psql's meta-commands are not executed by deploy"),
        ("BEGIN;\n", "error[2D000]: a script that deploy executes cannot begin or end a transaction"),
        ("COMMIT;\n", "error[2D000]: a script that deploy executes cannot begin or end a transaction"),
        ("VACUUM;\n", "error[25001]: this statement cannot run inside a transaction block"),
        (
            "CREATE INDEX CONCURRENTLY ON t (a);\n",
            "error[25001]: this statement cannot run inside a transaction",
        ),
        ("COPY t FROM stdin;\n1\n\\.\n", "error[0A000]: COPY FROM stdin is not executed by deploy"),
    ],
)
@pytest.mark.parametrize("options", [(), ("--dry-run",)])
def test_what_cannot_be_in_one_transaction_is_refused(cli, database, script, statement, message, options):
    result = cli(
        "deploy",
        script(f"CREATE TABLE t (a int);\n{statement}{HELLO}"),
        "--db",
        database.conninfo(),
        *options,
    )
    assert result.exit_code == 1
    assert f"script.pgd:2:1: {message}" in result.stderr
    assert "instead: pgdurc compile script.pgd | psql" in result.stderr
    assert database.value("SELECT to_regclass('t')") is None


def test_a_database_error_is_shown_at_its_line_and_nothing_stays(cli, database, script):
    result = cli(
        "deploy",
        script(f"CREATE TABLE t (a int);\n{HELLO}\n-- a comment\nINSERT INTO t\nVALUES (1, nonsense);\n"),
        "--db",
        database.conninfo(),
    )
    assert result.exit_code == 3
    assert 'script.pgd:6:12: error[42703]: column "nonsense" does not exist' in result.stderr
    assert "  6 | VALUES (1, nonsense);" in result.stderr
    assert database.value("SELECT to_regclass('t')") is None
    assert database.query("SELECT FROM df.workflows") == []


def test_what_only_the_database_knows_to_be_impossible_in_a_transaction(cli, database, script):
    database.query("CREATE TABLE parts (a int PRIMARY KEY) PARTITION BY RANGE (a)")
    result = cli("deploy", script("REINDEX TABLE parts;\n"), "--db", database.conninfo())
    assert result.exit_code == 3
    assert "error[25001]: REINDEX TABLE cannot run inside a transaction block" in result.stderr
    assert "hint: deploy works in one transaction; instead: pgdurc compile FILE | psql" in result.stderr


def test_an_error_in_a_generated_statement_is_shown_at_its_workflow(cli, database, script):
    # A function of that name which is none of ours is not replaced.
    text = f"CREATE FUNCTION hello(who text) RETURNS int LANGUAGE sql AS 'SELECT 1';\n{HELLO}"
    result = cli("deploy", script(text), "--db", database.conninfo())
    assert result.exit_code == 3
    assert "script.pgd:2:17: error[" in result.stderr
    assert database.query("SELECT FROM df.workflows") == []


@pytest.mark.parametrize(
    ("before", "name", "message"),
    [
        ("SET search_path = pg_temp, public", "w", "workflow w cannot be in a temporary schema"),
        ("CREATE TEMPORARY TABLE t ()", "pg_temp.w", "workflow pg_temp.w cannot be in a temporary schema"),
        ("SET search_path = nowhere", "w", "no schema has been selected to create workflow w in"),
    ],
)
def test_a_workflow_must_have_a_schema_that_lasts(cli, database, script, before, name, message):
    file = script(f"{before};\nCREATE WORKFLOW {name}() AS 'SELECT 1';\n")
    result = cli("deploy", file, "--db", database.conninfo())
    assert result.exit_code == 3
    assert message in result.stderr
    assert database.query("SELECT FROM df.workflows") == []
    if "temporary" in message:
        assert "put pg_temp last in search_path" in result.stderr
        last = script("SET search_path = public, pg_temp;\nCREATE WORKFLOW w() AS 'SELECT 1';\n")
        assert cli("deploy", last, "--db", database.conninfo()).exit_code == 0


def test_deploy_without_the_runtime(cli, empty_database, script):
    result = cli("deploy", script(HELLO), "--db", empty_database.conninfo())
    assert result.exit_code == 3
    assert "error: the pgdurc runtime is not installed in database" in result.stderr
    assert "hint: pgdurc install, or: pgdurc runtime | psql" in result.stderr


def test_a_script_without_a_workflow_needs_no_runtime(cli, empty_database, script):
    two = script("-- Two.\nCREATE TABLE t (a int);\nINSERT INTO t VALUES (1);\n")
    dry = cli("deploy", two, "--dry-run", "--db", empty_database.conninfo())
    assert dry.stderr.endswith("script.pgd: 2 statements would be executed\n")
    result = cli("deploy", two, "--db", empty_database.conninfo())
    assert result.exit_code == 0
    assert result.stderr.endswith("script.pgd: 2 statements executed\n")
    assert empty_database.value("SELECT to_regclass('t')") == "t"


def test_deploy_runs_the_calls_of_a_script(cli, database, script):
    text = "SELECT 1;\nSELECT df.start('SELECT 1 AS n', 'deployed');\n"
    result = cli("deploy", script(text), "--db", database.conninfo())
    assert result.exit_code == 0, result.stderr
    assert database.query("SELECT label FROM df.instances") == [("deployed",)]
    assert result.stderr.endswith("script.pgd: 2 statements executed\n")


def test_deploy_of_a_call_without_the_runtime(cli, empty_database, script):
    result = cli("deploy", script("SELECT df.start('SELECT 1');"), "--db", empty_database.conninfo())
    assert result.exit_code == 3
    assert "Traceback" not in result.stderr
    assert "pgdurc install" in result.stderr


def test_deploy_to_a_runtime_of_another_version(cli, database, script):
    with database.connect("dfowner") as connection:
        connection.execute("UPDATE df.runtime SET epoch = 0, version = '0.0.1'")
    result = cli("deploy", script(HELLO), "--db", database.conninfo())
    assert result.exit_code == 3
    assert "a newer pgdurc runtime is needed than the 0.0.1" in result.stderr
    assert "pgdurc install" in result.stderr


def test_deploy_by_a_role_without_rights(cli, database, script):
    result = cli("deploy", script(HELLO), "--db", database.conninfo("carol"))
    assert result.exit_code == 3
    assert 'role "carol" may not use pgdurc in database' in result.stderr
    assert "SELECT df.grant_usage('carol')" in result.stderr


def test_a_script_that_uses_the_runtime_by_a_role_without_rights(cli, database, script):
    result = cli("deploy", script("SELECT df.version();\n"), "--db", database.conninfo("carol"))
    assert result.exit_code == 3
    assert "error[42501]: permission denied for schema df" in result.stderr
    assert "hint: let the runtime's owner execute: SELECT df.grant_usage('<role>')" in result.stderr


def test_deploy_by_a_superuser(cli, database, script):
    result = cli("deploy", script(HELLO), "--db", database.conninfo("postgres"))
    assert result.exit_code == 3
    assert "superuser" in result.stderr


def in_parallel(database, file: str, *options: str, times: int = 4) -> None:
    psql = [database.server.psql, "-Xq", "-v", "ON_ERROR_STOP=1", *options, "-f", file]
    command = [*psql, database.conninfo()]
    running = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(times)]
    for process in running:
        _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said


@pytest.mark.parametrize("options", [(), ("-1",)])
def test_scripts_that_are_executed_at_the_same_time_take_turns(cli, database, script, options):
    cli("compile", script(HELLO), "-o", "out.sql")
    for _ in range(5):
        in_parallel(database, "out.sql", *options)
    assert database.value("SELECT count(*) FROM df.workflow_version") == 1


def test_installations_at_the_same_time_take_turns(cli, project, empty_database):
    (project / "runtime.sql").write_text(cli("runtime").stdout)
    in_parallel(empty_database, "runtime.sql", "-1", times=3)
    assert empty_database.value("SELECT count(*) FROM df.runtime") == 1


def test_a_deployment_waits_for_another_of_its_role_only(cli, database, script):
    with database.connect(autocommit=False) as open_one, database.connect("bob", autocommit=False) as other:
        open_one.execute(LOCK)
        other.execute("SET LOCAL lock_timeout = '1ms'")
        other.execute(LOCK)
        result = cli("deploy", script(HELLO), "--db", f"{database.conninfo()} options='-c lock_timeout=1ms'")
        assert result.exit_code == 3
        assert "lock timeout" in result.stderr
    assert cli("deploy", script(HELLO), "--db", database.conninfo()).exit_code == 0


@pytest.mark.parametrize("gives_up", [True, False])
def test_a_deployment_that_waits_says_for_whom(database, script, gives_up):
    command = [sys.executable, "-m", "pgdurc", "deploy", script(HELLO), "--db", database.conninfo()]
    with database.connect(autocommit=False, application_name="left open") as holder:
        holder.execute(LOCK)
        deploying = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        said = deploying.stderr.readline()
        assert f'waiting for another deployment: process {holder.info.backend_pid} of role "alice"' in said
        assert "(left open, idle in transaction); ctrl-C gives up, and nothing is changed" in said
        if gives_up:
            deploying.send_signal(signal.SIGINT)
            deploying.wait(timeout=30)
    _, rest = deploying.communicate(timeout=30)
    assert deploying.returncode == (130 if gives_up else 0), rest
    assert "waiting" not in rest
    assert "Traceback" not in rest
    assert database.value("SELECT count(*) FROM df.workflows") == (0 if gives_up else 1)
    assert database.until(
        "SELECT NOT EXISTS (SELECT FROM pg_locks AS l JOIN pg_database AS d ON d.oid = l.database"
        " WHERE l.locktype = 'advisory' AND d.datname = current_database())"
    )


def test_a_deployment_that_waits_for_a_table_says_so_too(cli, database, script):
    database.query("CREATE TABLE busy ()")
    file = script("ALTER TABLE busy ADD COLUMN n int;\n" + HELLO)
    with database.connect(autocommit=False) as holder:
        holder.execute("LOCK TABLE busy")
        pid = holder.info.backend_pid
        result = cli("deploy", file, "--db", f"{database.conninfo()} options='-c lock_timeout=2s'")
    assert result.exit_code == 3
    assert f"waiting for a lock: process {pid} of role" in result.stderr


def test_deploy_says_what_is_dropped(cli, database, script):
    db = database.conninfo()
    both = script("DROP WORKFLOW IF EXISTS hello;\n" + HELLO + "DROP WORKFLOW hello;")
    dry = json.loads(cli("deploy", both, "--db", db, "--dry-run", "--json").stdout)
    version = dry[1]["after"]
    assert [(change["before"], change["after"]) for change in dry] == [
        (None, None),
        (None, version),
        (version, None),
    ]
    assert cli("deploy", script(HELLO), "--db", db).exit_code == 0
    for options in (["--dry-run"], []):
        dropped = cli("deploy", script("DROP WORKFLOW public.hello;"), "--db", db, *options)
        assert dropped.stderr == f"public.hello: {version} (dropped; instances in flight go on)\n"
    gone = cli("deploy", script("DROP WORKFLOW IF EXISTS public.hello;"), "--db", db)
    assert "public.hello: is not there, nothing to drop\n" in gone.stderr


def test_deploy_where_no_schema_is_current(cli, script, database, monkeypatch):
    monkeypatch.setenv("PGOPTIONS", "-c search_path=")
    result = cli("deploy", script(HELLO), "--db", database.conninfo())
    assert result.exit_code == 3
    assert result.stderr.startswith("script.pgd:1:17: error[3F000]: no schema has been selected")
    made = cli(
        "deploy", script("CREATE SCHEMA s; SET LOCAL search_path = s; " + HELLO), "--db", database.conninfo()
    )
    assert made.exit_code == 0, made.stderr
    assert database.query("SELECT name FROM df.workflows") == [("s.hello",)]
