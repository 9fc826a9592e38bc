"""A newer runtime over an older one: over the one of `upgrade_from_f905b5d`, and a made-up next one over this one.

The folder has the runtime of that commit, and what its compiler made of workflows.pgd, so that what is in flight is
the old version's from end to end:

    git worktree add old f905b5d; cd old; pgdurc runtime | xz -9e; pgdurc compile workflows.pgd
"""

from __future__ import annotations

import lzma
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from pgdurc import RUNTIME_EPOCH
from pgdurc.runtime import runtime_script
from tests.conftest import Database, grant_rights, install_runtime, make_roles, unique_name
from tests.runtime.conftest import Workflows

OLD = Path(__file__).parent / "upgrade_from_f905b5d"


@pytest.fixture(params=["main_server", "other_server"])
def old(request: pytest.FixtureRequest) -> Iterator[Workflows]:
    """A database with the old runtime, and the old compiler's workflows as alice's."""
    server = request.getfixturevalue(request.param)
    name = unique_name()
    with server.connect() as connection:
        make_roles(connection)
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    made = Database(server, name)
    with made.connect("postgres") as connection:
        grant_rights(connection, name)
    with made.connect("dfowner") as connection:
        with connection.transaction():
            connection.execute(lzma.decompress((OLD / "runtime.sql.xz").read_bytes()))
        for role in ("alice", "bob"):
            connection.execute("SELECT df.grant_usage(%s)", (role,))
    with made.connect() as connection, connection.transaction():
        connection.execute((OLD / "workflows.sql").read_bytes())
    yield Workflows(made)
    with server.connect() as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def install(database: Database, script: str | None = None, settings: str = "") -> None:
    """In one transaction, as `pgdurc install` and psql --single-transaction do."""
    with database.connect("dfowner", options=settings) as connection, connection.transaction():
        connection.execute(script or runtime_script())


@contextmanager
def running(connection: psycopg.Connection[Any], statement: str) -> Iterator[list[BaseException]]:
    """Runs it beside the block, and ends with it; yields the list that then has its error, if there is one."""
    errors: list[BaseException] = []

    def work() -> None:
        try:
            connection.execute(statement)
        except psycopg.Error as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield errors
    except BaseException:
        connection.cancel_safe(timeout=5)
        raise
    finally:
        thread.join(60)


def eventually(condition: Callable[[], Any], timeout_s: float = 10) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def effects(workflows: Workflows, instance: str) -> list[str]:
    return sorted(
        row[0] for row in workflows.database.query("SELECT what FROM effect WHERE instance = %s", instance)
    )


def waits_at_the_gate(database: Database) -> bool:
    """Whether a step does."""
    return bool(
        database.value("SELECT count(*) FROM pg_locks WHERE relation = 'gate'::regclass AND NOT granted")
    )


def test_what_is_in_flight_goes_on(old):
    """Parked in a sleep, in the middle of a loop, in a join, at a step, not yet begun; and a driver lingers meanwhile."""
    database = old.database
    sleeper, waiter = old.start("sleeper(21)"), old.start("waiter()")
    counter = old.start("counter(4, nap => 1)")
    database.drive()
    old.move_clock("30 seconds")
    database.drive()
    assert effects(old, counter) == ["lap 1", "lap 2"]
    assert [old.status(i) for i in (sleeper, waiter, counter)] == ["running"] * 3

    with (
        database.connect() as holder,
        database.connect() as driver,
        database.connect() as gated_driver,
        database.connect("dfowner") as installer,
    ):
        holder.execute("BEGIN; LOCK TABLE gate")
        gated = old.start("gated()")
        with running(gated_driver, "CALL df.run(0, NULL)") as gated_errors:
            eventually(lambda: waits_at_the_gate(database))
            with running(driver, "CALL df.run(50, NULL)") as driver_errors:
                # Its second look: it lingers.
                eventually(
                    lambda: database.value(
                        "SELECT count(*) FROM pg_stat_activity WHERE pid = %s AND wait_event = 'PgSleep'",
                        driver.info.backend_pid,
                    )
                )
                pending = old.start("sleeper(1)")
                with running(installer, f"BEGIN; {runtime_script()}; COMMIT") as install_errors:
                    # The step at the gate holds the tables that are to change; who comes meanwhile is held up for moments only.
                    eventually(
                        lambda: database.value(
                            "SELECT count(*) FROM pg_locks WHERE pid = %s AND mode = 'AccessExclusiveLock' AND NOT granted",
                            installer.info.backend_pid,
                        )
                    )
                    eventually(lambda: effects(old, pending) == ["before"])
                    assert database.value("SELECT to_regclass('df.driver_grant')") is None
                    holder.execute("ROLLBACK")
                assert install_errors == []
                installed_at = database.value("SELECT df.now()")

                eventually(
                    lambda: (
                        database.value(
                            "SELECT state FROM pg_stat_activity WHERE pid = %s", gated_driver.info.backend_pid
                        )
                        == "idle"
                    )
                )
                # The same CALL of the old df.run goes on under the new runtime.
                database.query("SELECT df.signal(%s, 'go', '7')", waiter)
                for _ in range(4):
                    old.move_clock("1 minute")
                    started = old.start("counter(2)")
                    eventually(lambda started=started: old.status(started) == "completed")
                eventually(lambda: old.status(waiter) == "completed")
                assert database.query(
                    "SELECT id FROM df.driver WHERE pid = %s AND closed_at IS NULL AND died_at IS NULL AND picked_at > %s",
                    driver.info.backend_pid,
                    installed_at,
                )
                database.value("SELECT pg_cancel_backend(%s)", driver.info.backend_pid)
            assert [type(error) for error in driver_errors] in ([psycopg.errors.QueryCanceled], [])
        assert gated_errors == []

    assert [old.status(i) for i in (sleeper, waiter, counter, gated, pending)] == ["completed"] * 5
    assert old.rows(sleeper) == [{"doubled": 42, "list": ["a", None]}]
    assert old.rows(pending) == [{"doubled": 2, "list": ["a", None]}]
    assert old.rows(counter) == [{"laps": 4}]
    assert old.rows(waiter) == [{"data": 7}]
    assert effects(old, sleeper) == ["after 42", "before"]
    assert effects(old, pending) == ["after 2", "before"]
    assert effects(old, counter) == ["lap 1", "lap 2", "lap 3", "lap 4"]
    assert effects(old, waiter) == ["branch", "late branch"]
    assert effects(old, gated) == ["last", "passed 0"]
    assert database.query("SELECT outcome FROM df.step_run WHERE outcome <> 'ok'", role="dfowner") == []


def test_drivers_at_full_speed_do_not_keep_it_out(old):
    """Two of them, with never a moment at which nobody holds the tables; no step is lost, done twice or failed."""
    database = old.database
    counters = [old.start("counter(600)") for _ in range(2)]
    with database.connect() as one, database.connect() as two:
        with running(one, "CALL df.run(0, NULL)") as first, running(two, "CALL df.run(0, NULL)") as second:
            eventually(lambda: len(effects(old, counters[0])) > 50)
            install(database)
            done = len(effects(old, counters[0]))
        assert first == second == []
    assert done < 600
    for counter in counters:
        assert old.drive_until_ended(counter) == "completed"
        assert effects(old, counter) == sorted(f"lap {n}" for n in range(1, 601))
    assert database.query("SELECT outcome FROM df.step_run WHERE outcome <> 'ok'", role="dfowner") == []


CATALOG = """
    SELECT 'column', format('%s.%s', a.attrelid::regclass, a.attname),
        concat_ws(' ', format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, pg_get_expr(d.adbin, d.adrelid))
    FROM pg_attribute AS a
    JOIN pg_class AS c ON c.oid = a.attrelid AND c.relkind IN ('r', 'v', 'c')
    LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE c.relnamespace = 'df'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT 'table', c.oid::regclass::text, concat_ws(' ', c.relkind, c.relowner::regrole, c.relrowsecurity, c.reloptions,
        (SELECT array_agg(x::text ORDER BY x::text) FROM unnest(c.relacl) AS x),
        CASE c.relkind WHEN 'v' THEN pg_get_viewdef(c.oid) END)
    FROM pg_class AS c WHERE c.relnamespace = 'df'::regnamespace AND c.relkind IN ('r', 'v')
    UNION ALL
    SELECT 'index', i.indexname, i.indexdef FROM pg_indexes AS i WHERE i.schemaname = 'df'
    UNION ALL
    SELECT 'constraint', format('%s on %s', c.conname, c.conrelid::regclass), pg_get_constraintdef(c.oid)
    FROM pg_constraint AS c WHERE c.connamespace = 'df'::regnamespace
    UNION ALL
    SELECT 'policy', format('%s on %s', p.policyname, p.tablename), concat_ws(' ', p.cmd, p.roles, p.qual, p.with_check)
    FROM pg_policies AS p WHERE p.schemaname = 'df'
    UNION ALL
    SELECT 'trigger', t.tgname, pg_get_triggerdef(t.oid) FROM pg_trigger AS t WHERE t.tgrelid::regclass::text LIKE 'df.%'
    UNION ALL
    SELECT 'routine', p.oid::regprocedure::text, concat_ws(' ', p.proowner::regrole, p.prosecdef,
        (SELECT array_agg(x::text ORDER BY x::text) FROM unnest(p.proacl) AS x), pg_get_functiondef(p.oid))
    FROM pg_proc AS p WHERE p.pronamespace = 'df'::regnamespace
"""


def catalog(database: Database) -> dict[tuple[str, str], str]:
    """Everything in the schema; the order of columns does not count."""
    return {(kind, name): text for kind, name, text in database.query(CATALOG, role="dfowner")}


def test_an_upgraded_runtime_is_a_new_one(old):
    """Whatever a change of runtime_sql/ forgets to bring to what is installed stands here."""
    install(old.database)
    with old.database.connect("dfowner") as connection:
        upgraded = catalog(old.database)
        connection.execute("DROP SCHEMA df CASCADE")
        install_runtime(connection)
    new = catalog(old.database)
    assert [item for item in new.items() if item not in upgraded.items()] == []
    assert [item for item in upgraded if item not in new] == []


def strong_locks(connection: psycopg.Connection[Any]) -> list[tuple[str, str]]:
    """Of tables and indexes of the runtime, those that somebody who reads or writes rows would wait for."""
    return connection.execute(
        "SELECT l.relation::regclass::text, l.mode FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation"
        " WHERE l.pid = pg_backend_pid() AND c.relnamespace = 'df'::regnamespace AND c.relkind IN ('r', 'i')"
        " AND l.mode NOT IN ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock')"
    ).fetchall()


def test_the_second_installation_takes_no_lock(old):
    """With transactions open that have started, signalled and cancelled something, and read all there is."""
    database = old.database
    instances = [old.start("waiter()") for _ in range(2)]
    database.drive()
    with database.connect("dfowner") as installer:
        installer.execute("BEGIN")
        installer.execute(runtime_script())
        assert strong_locks(installer) != []
        installer.execute("COMMIT")
        with database.connect() as user:
            user.execute("BEGIN")
            user.execute("SELECT sleeper(1)")
            user.execute("SELECT df.signal(%s, 'go', '1')", (instances[0],))
            user.execute("SELECT df.cancel(%s)", (instances[1],))
            for table in ("instance", "task", "step_run", "binding", "request", "driver", "runtime"):
                user.execute(f"SELECT * FROM df.{table}")
            installer.execute("BEGIN; SET LOCAL lock_timeout = '2s'")
            installer.execute(runtime_script())
            assert strong_locks(installer) == []
            installer.execute("COMMIT")
            user.execute("COMMIT")


def test_tables_that_are_held_for_too_long(old):
    """Nothing is installed, and the message says what to do."""
    database = old.database
    before = catalog(database)
    with database.connect() as user:
        user.execute("BEGIN")
        user.execute("SELECT sleeper(1)")
        with pytest.raises(
            psycopg.errors.LockNotAvailable, match="tables that this version of the runtime"
        ) as caught:
            install(database, settings="-c lock_timeout=500ms")
        assert "df.task" in caught.value.diag.message_detail
        assert "Install again when it has ended" in caught.value.diag.message_hint
        query = caught.value.diag.message_hint.split("ended. ")[1].split(" tells")[0]
        assert user.info.backend_pid in {row[0] for row in database.query(query)}
        user.execute("COMMIT")
    assert catalog(database) == before
    install(database)


def test_dump_and_restore(old, tmp_path):
    """What is in flight goes on in the copy, also when that is upgraded again."""
    database = old.database
    binaries = database.server.cluster.binaries
    if not (binaries / "pg_dump").exists():
        pytest.skip("this server brings no pg_dump")
    install(database)
    sleeper, waiter, fresh = old.start("sleeper(21)"), old.start("waiter()"), old.start("gated()")
    database.query("SELECT df.cancel(%s)", fresh)
    fresh = old.start("gated()")
    database.drive()
    database.query("SELECT df.setvar('v', '1')")
    kept = database.query("SELECT i.id, i.status, i.result FROM df.instance AS i ORDER BY 1", role="dfowner")
    dump = tmp_path / "dump.sql"
    subprocess.run(
        [binaries / "pg_dump", "-d", database.conninfo("postgres"), "-f", dump], check=True, timeout=60
    )
    name = unique_name()
    with database.server.connect() as connection:
        connection.execute(f"CREATE DATABASE {name}")
    try:
        copy = Workflows(Database(database.server, name))
        psql = [binaries / "psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-d", copy.database.conninfo("postgres")]
        ran = subprocess.run([*psql, "-f", dump], capture_output=True, text=True, check=False, timeout=60)
        assert ran.returncode == 0, ran.stderr
        assert catalog(copy.database) == catalog(database)
        with copy.database.connect("dfowner") as installer:
            installer.execute("BEGIN")
            installer.execute(runtime_script())
            assert strong_locks(installer) == []
            installer.execute("COMMIT")
        assert copy.database.query("SELECT i.id, i.status, i.result FROM df.instance AS i ORDER BY 1") == kept
        copy.database.query("SELECT df.signal(%s, 'go', '1')", waiter)
        assert [copy.drive_until_ended(i) for i in (sleeper, waiter)] == ["completed"] * 2
        assert effects(copy, sleeper) == ["after 42", "before"]
        assert effects(copy, waiter) == ["branch", "late branch"]
        assert copy.drive_until_ended(copy.start("sleeper(2)")) == "completed"
        assert effects(old, sleeper) == ["before"]
    finally:
        with database.server.connect() as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.parametrize(
    ("version", "epoch", "is_newer"),
    [
        ("0.0.9", 2, False),
        ("0.1.0.dev3", 1, False),
        ("0.1.1", 2, True),
        ("0.10.0", 2, True),
        ("1.0rc1", 2, True),
        ("0.1.0", RUNTIME_EPOCH + 1, True),
    ],
)
def test_versions_are_compared(workflows, version, epoch, is_newer):
    """An older runtime does not go over a newer one, whatever of it is the same."""
    database = workflows.database
    database.query("UPDATE df.runtime SET version = %s, epoch = %s", version, epoch, role="dfowner")
    if is_newer:
        with pytest.raises(psycopg.Error, match=f"a newer runtime is installed here: {version}") as caught:
            install(database)
        assert caught.value.sqlstate == "PD001"
    else:
        install(database)
        assert database.value("SELECT df.version()") == "0.1.0"


@pytest.mark.parametrize("role", ["alice", "postgres"])
def test_another_role_does_not_install_over_it(workflows, role):
    """Its functions would run with that role's rights."""
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege, match='belongs to role "dfowner"'),
        workflows.database.connect(role) as connection,
    ):
        connection.execute(runtime_script())


def made_up_next_version() -> str:
    """One of every kind of change that a version may bring."""
    script = runtime_script()
    for old, new in (
        ("version CONSTANT text := '0.1.0';", "version CONSTANT text := '0.2.0';"),
        (f"epoch CONSTANT integer := {RUNTIME_EPOCH};", f"epoch CONSTANT integer := {RUNTIME_EPOCH + 1};"),
        ("('runtime', 'alone_until', 'timestamptz')", "('runtime', 'alone_until', 'timestamptz'), ('task', 'priority', 'integer NOT NULL DEFAULT 0')"),
        ("('driver', 'driver_by_owner',", "('task', 'task_by_priority', 'CREATE INDEX', '(priority)'), ('driver', 'driver_by_owner',"),
        ("('schedule', 'SELECT', format(is_caller, 'owner'))", "('schedule', 'SELECT', concat_ws(' OR ', format(is_caller, 'owner'), is_admin))"),
        ("CREATE OR REPLACE FUNCTION df.exec_v1(", """
            CREATE OR REPLACE FUNCTION df.exec_v2(step df.step_v1, p_sql text, p_note text) RETURNS df.step_v1
            LANGUAGE plpgsql AS $$ BEGIN step := df.exec_v1(step, p_sql); step.detail := pg_catalog.to_jsonb(p_note); RETURN step; END $$;
            CREATE OR REPLACE FUNCTION df.exec_v1("""),
    ):  # fmt: skip
        assert script.count(old) == 1, old
        script = script.replace(old, new)
    return script


def test_a_made_up_next_version(workflows):
    workflows.deploy((OLD / "workflows.pgd").read_text())
    database = workflows.database
    sleeper = workflows.start("sleeper(1)")
    counter = workflows.start("counter(3, nap => 1)")
    database.drive()
    next_version = made_up_next_version()
    install(database, next_version)
    assert database.value("SELECT df.version()") == "0.2.0"
    assert database.value("SELECT priority FROM df.task LIMIT 1") == 0
    assert database.value("SELECT to_regclass('df.task_by_priority') IS NOT NULL")
    assert "nspowner" in database.value("SELECT qual FROM pg_policies WHERE tablename = 'schedule'")
    later = workflows.start("sleeper(2)")
    for instance, rows in ((sleeper, 2), (later, 4)):
        assert workflows.drive_until_ended(instance) == "completed"
        assert workflows.rows(instance)[0]["doubled"] == rows
    assert workflows.drive_until_ended(counter) == "completed"
    assert Counter(effects(workflows, counter)) == Counter({"lap 1": 1, "lap 2": 1, "lap 3": 1})
    with database.connect("dfowner") as connection, connection.transaction():
        connection.execute(next_version)
        assert strong_locks(connection) == []
    with pytest.raises(psycopg.Error, match=r"here: 0\.2\.0, and this is 0\.1\.0"):
        install(database)
