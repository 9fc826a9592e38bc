"""df.doctor(): each check is seen with the thing that it looks for, and silent without it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from pgdurc.cluster import SUPERUSER
from tests.conftest import TEMPLATE, Database, ensure_template, start
from tests.runtime.conftest import Workflows

CHECKS = [
    "tasks", "owners", "pg_cron", "settings", "crashes", "locks", "watchdog", "retries", "retention", "vacuum", "clock", "scripts",
]  # fmt: skip

SLEEP_AND_GO_ON = "CREATE WORKFLOW w() AS df.sleep(60) ~> 'SELECT 1 AS x';"


def doctor(
    database: Any, role: str = "alice", **arguments: str
) -> dict[str, list[tuple[str, str, str | None]]]:
    """By check: status, finding and hint of each of its rows."""
    given = ", ".join(f"{name} => %s::interval" for name in arguments)
    rows = database.query(f"SELECT * FROM df.doctor({given})", *arguments.values(), role=role)
    found: dict[str, list[tuple[str, str, str | None]]] = {}
    for check, status, finding, hint in rows:
        assert status in ("ok", "warning", "problem")
        assert (hint is not None) or status == "ok", finding
        found.setdefault(check, []).append((status, finding, hint))
    assert list(found) == CHECKS
    return found


def one(database: Any, check: str, role: str = "alice", **arguments: str) -> tuple[str, str, str | None]:
    """The one row of a check."""
    (row,) = doctor(database, role, **arguments)[check]
    return row


def all_is_well(database: Any, role: str = "alice", but: str = "") -> bool:
    return {s for check, rows in doctor(database, role).items() if check != but for s, _, _ in rows} == {"ok"}


@contextmanager
def settings_of(database: Any, change: str, back: str) -> Iterator[None]:
    """Roles are the whole server's: what is changed there is put back."""
    database.query(change, role=SUPERUSER)
    try:
        yield
    finally:
        database.query(back, role=SUPERUSER)


@pytest.mark.parametrize("role", ["alice", "bob", "dfowner", SUPERUSER])
def test_all_is_well(any_workflows, role):
    """In an empty database, and while instances sleep, wait and end."""
    database = any_workflows.database
    assert all_is_well(database, role)
    any_workflows.deploy(f"{SLEEP_AND_GO_ON} CREATE WORKFLOW waits() AS df.wait_for_signal('go');")
    assert all_is_well(database, role)
    for call in ("w()", "waits()"):
        any_workflows.start(call)
    assert all_is_well(database, role)
    database.drive()
    assert all_is_well(database, role)
    any_workflows.move_clock("5 minutes")
    database.drive()
    assert all_is_well(database, role, but="clock")


def test_tasks_that_nobody_drives(any_workflows):
    database = any_workflows.database
    any_workflows.deploy(SLEEP_AND_GO_ON)
    for _ in range(3):
        any_workflows.start("w()")
    assert one(database, "tasks") == ("ok", "nothing of alice is overdue", None)
    any_workflows.move_clock("1 minute")
    for role in ("alice", "dfowner"):
        status, finding, hint = one(database, "tasks", role)
        assert status == "problem"
        assert finding.startswith("3 tasks of role alice are overdue, the oldest by 00:01:0")
        assert finding.endswith("no driver of it has been seen")
        assert hint.startswith("Start a driver as role alice: pgdurc worker, or ")
        assert "CALL df.run(0, NULL)" in hint
    # Bob neither sees nor hears of it.
    assert one(database, "tasks", "bob") == ("ok", "no workflow is deployed whose drivers you see", None)
    database.drive()
    assert one(database, "tasks")[0] == "ok"

    # Now one has been seen: a moment ago, or too long ago.
    any_workflows.move_clock("2 minutes")
    status, finding, hint = one(database, "tasks")
    assert (status, "a driver of it was here 00:00:0" in finding) == ("warning", True)
    status, finding, hint = one(database, "tasks", unseen_for="0")
    assert (status, "its last driver was seen 00:00:0" in finding) == ("problem", True)
    database.drive()
    assert one(database, "tasks")[:2] == ("ok", "nothing of alice is overdue")


def test_a_step_that_takes_long_is_not_overdue_and_what_waits_behind_it_is(any_workflows):
    database = any_workflows.database
    database.query("CREATE TABLE gate (x int)")
    any_workflows.deploy("CREATE WORKFLOW w() AS 'SELECT count(*) FROM gate';")
    any_workflows.start("w()")
    with ThreadPoolExecutor() as threads, database.connect() as gate:
        gate.execute("BEGIN; LOCK TABLE gate")
        driver = threads.submit(database.drive)
        database.until("SELECT count(*) FROM df.running_v1()")
        any_workflows.move_clock("1 hour")
        for role in ("alice", "dfowner"):
            assert one(database, "tasks", role)[0] == "ok"
        any_workflows.start("w()")
        any_workflows.move_clock("20 seconds")
        # To whom the state of the session is hidden, too.
        for role in ("alice", "dfowner"):
            status, finding, hint = one(database, "tasks", role)
            assert status == "warning"
            assert finding.startswith("1 task of role alice is overdue, the oldest by 00:00:2")
            assert finding.endswith("; 1 driver of it is at work")
            assert "drivers" in hint
        gate.execute("ROLLBACK")
        driver.result(timeout=30)


def test_many_tasks_are_not_counted_to_the_end(workflows):
    database = workflows.database
    workflows.deploy("CREATE WORKFLOW w() AS 'SELECT 1 AS x';")
    workflows.start("w() FROM generate_series(1, 1005)")
    workflows.move_clock("1 minute")
    assert one(database, "tasks")[1].startswith("1000 or more tasks of role alice are overdue")


def test_who_started_hears_that_it_does_not_move(any_workflows):
    """She sees her instance and not the drivers of its owner."""
    database = any_workflows.database
    any_workflows.deploy(SLEEP_AND_GO_ON)
    database.query("GRANT EXECUTE ON FUNCTION w() TO bob")
    any_workflows.start("w()", role="bob")
    assert one(database, "tasks", "bob")[0] == "ok"
    any_workflows.move_clock("1 minute")
    status, finding, hint = one(database, "tasks", "bob")
    assert status == "warning"
    assert finding.startswith("1 instance of role alice that you started is overdue, the oldest by 00:01:0")
    assert hint == "Look as role alice, or as the runtime's owner"
    database.drive()
    assert one(database, "tasks", "bob")[0] == "ok"


OWNERS = {
    "superuser": (
        "ALTER ROLE alice SUPERUSER", "ALTER ROLE alice NOSUPERUSER",
        "role alice, which owns workflows, is a superuser, and superusers do not drive", "ALTER ROLE alice NOSUPERUSER",
    ),
    "usage": (
        "REVOKE USAGE ON SCHEMA df FROM alice", "GRANT USAGE ON SCHEMA df TO alice",
        "role alice, which owns workflows, may not use pgdurc", "As the runtime's owner: SELECT df.grant_usage('alice')",
    ),
    "connect": (
        "DO $$ BEGIN EXECUTE format('REVOKE CONNECT ON DATABASE %I FROM PUBLIC', current_database()); END $$", "SELECT",
        "role alice, which owns workflows, may not connect to this database", "GRANT CONNECT ON DATABASE {database} TO alice",
    ),
    "login": (
        "ALTER ROLE alice NOLOGIN", "ALTER ROLE alice LOGIN",
        "role alice owns workflows, cannot log in, and no role drives for it",
        "GRANT alice TO <login role>; SELECT df.grant_driver('alice', <login role>)",
    ),
}  # fmt: skip


@pytest.fixture
def owner(any_workflows) -> Iterator[Any]:
    """A role of this test's own that owns a workflow: others use alice meanwhile."""
    database = any_workflows.database
    name = f"owner_{database.name}"
    with database.connect(SUPERUSER) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN; GRANT CREATE ON SCHEMA public TO {name}")
    database.query("SELECT df.grant_usage(%s)", name, role="dfowner")
    any_workflows.deploy(SLEEP_AND_GO_ON, role=name)
    yield name
    with database.connect(SUPERUSER) as connection:
        if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (name,)).fetchall():
            connection.execute(f"DROP OWNED BY {name} CASCADE; DROP ROLE {name}")


@pytest.mark.parametrize("what", OWNERS)
def test_owners_that_cannot_be_driven(any_workflows, owner, what):
    database = any_workflows.database
    change, back, finding, hint = (
        text.replace("alice", owner).replace("{database}", database.name) for text in OWNERS[what]
    )
    fine = ("ok", "whoever owns workflows can be driven", None)
    assert one(database, "owners", "dfowner") == fine
    with settings_of(database, change, back), database.connect("dfowner") as connection:
        rows = connection.execute("SELECT status, finding, hint FROM df.check_owners_v1()").fetchall()
    assert rows == [("problem", finding, hint)]
    if what != "connect":
        assert one(database, "owners", "dfowner") == fine


def test_an_owner_that_is_gone(any_workflows, owner):
    database = any_workflows.database
    with database.connect(SUPERUSER) as connection:
        number = connection.execute("SELECT %s::regrole::oid", (owner,)).fetchone()[0]
        connection.execute(f"DROP OWNED BY {owner} CASCADE; DROP ROLE {owner}")
    status, finding, _ = one(database, "owners", "dfowner")
    assert (status, finding) == (
        "problem", f"role {number}, which owns workflows, does not exist any more",
    )  # fmt: skip


def test_a_group_and_who_drives_for_it(any_workflows, owner):
    database = any_workflows.database
    robot, member = f"robot_{database.name}", f"member_{database.name}"
    with database.connect(SUPERUSER) as connection:
        connection.execute(
            f"ALTER ROLE {owner} NOLOGIN; CREATE ROLE {robot} LOGIN IN ROLE {owner}; CREATE ROLE {member} LOGIN IN ROLE {owner}"
        )
    try:
        database.query("SELECT df.grant_usage(%s)", robot, role="dfowner")
        assert one(database, "owners", "dfowner")[0] == "problem"
        database.query("SELECT df.grant_driver(%s, %s)", owner, robot, role=robot)
        assert one(database, "owners", "dfowner")[0] == "ok"
        with database.connect(robot) as connection:
            connection.execute(f"SET ROLE {owner}")
            connection.execute("SELECT w()")
        any_workflows.move_clock("1 minute")
        for role in ("dfowner", robot):
            status, finding, hint = one(database, "tasks", role)
            assert (status, f"Start a driver as role {robot}:" in hint) == ("problem", True)
        # Another member of the group does not see who drives for it.
        status, finding, hint = one(database, "tasks", member)
        assert (status, hint) == ("warning", f"Look as role {robot}, or as the runtime's owner")
        assert f"the drivers of role {robot}, which drives for it, are not yours to see" in finding
        database.drive(robot)
        assert one(database, "tasks", "dfowner")[0] == "ok"

        with settings_of(database, f"ALTER ROLE {robot} NOLOGIN", f"ALTER ROLE {robot} LOGIN"):
            assert one(database, "owners", "dfowner")[1:] == (
                f"role {robot}, which drives for role {owner}, cannot log in",
                f"ALTER ROLE {robot} LOGIN, or df.grant_driver to another role",
            )
        with settings_of(database, f"REVOKE {owner} FROM {robot}", f"GRANT {owner} TO {robot}"):
            assert one(database, "owners", "dfowner")[1:] == (
                f"role {robot}, which drives for role {owner}, is not a member of it any more",
                f"GRANT {owner} TO {robot}",
            )
        assert one(database, "owners", "dfowner")[0] == "ok"
    finally:
        with database.connect(SUPERUSER) as connection:
            connection.execute(f"DROP OWNED BY {robot} CASCADE; DROP ROLE {robot}; DROP ROLE {member}")


@pytest.mark.parametrize(
    ("setting", "ends_after"),
    [
        ("'2s'", "1.6"),
        ("'500ms'", "0.4"),
        ("30000", "24.0"),
        ("'1min'", "48.0"),
        ("'2min'", None),
        ("0", None),
    ],
)
def test_a_short_statement_timeout(any_workflows, owner, setting, ends_after):
    database = any_workflows.database
    database.query(
        f"ALTER ROLE {owner} IN DATABASE {database.name} SET statement_timeout = {setting}", role=SUPERUSER
    )
    found = one(database, "settings", "dfowner")
    if ends_after is None:
        assert found == ("ok", "no setting of a role holds its drivers up", None)
        return
    assert found[0] == "warning"
    assert f"each CALL df.run of it ends after {ends_after} seconds" in found[1]
    assert found[2].startswith(f"ALTER ROLE {owner} IN DATABASE {database.name} SET statement_timeout = 0")
    # It is what the driver does, who lingers for no longer than that.
    if ends_after in ("0.4", "1.6"):
        began, ended = (
            database.value("SELECT clock_timestamp()"),
            database.drive(owner, 30) or database.value("SELECT clock_timestamp()"),
        )
        assert (ended - began).total_seconds() < 10


def test_the_settings_of_a_role_go_before_those_of_the_database(any_workflows, owner):
    database = any_workflows.database
    database.query(f"ALTER DATABASE {database.name} SET statement_timeout = '5s'", role=SUPERUSER)
    assert one(database, "settings", "dfowner")[0] == "warning"
    database.query(f"ALTER ROLE {owner} SET statement_timeout = 0", role=SUPERUSER)
    assert one(database, "settings", "dfowner")[0] == "ok"


def test_read_only_by_default(any_workflows, owner):
    database = any_workflows.database
    database.query(f"ALTER ROLE {owner} SET default_transaction_read_only = on", role=SUPERUSER)
    status, finding, _ = one(database, "settings", owner)
    assert (status, finding) == (
        "warning",
        f"transactions of role {owner} are read-only unless they say otherwise: its drivers do, but starts, signals and cancels fail",
    )
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        database.query("SELECT w()", role=owner)


def test_drivers_that_died(any_workflows):
    database = any_workflows.database
    any_workflows.deploy(
        "CREATE WORKFLOW w() AS 'SELECT 1' ~> 'SELECT pg_terminate_backend(pg_backend_pid())';"
    )
    instance = any_workflows.start("w()")
    assert one(database, "crashes")[0] == "ok"
    with pytest.raises(psycopg.OperationalError):
        database.drive()
    # Nobody has looked for it yet.
    assert one(database, "crashes")[0] == "ok"
    with pytest.raises(psycopg.OperationalError):
        database.drive()
    status, finding, _ = one(database, "crashes")
    assert status == "warning"
    assert finding.startswith("1 driver of role alice died, the last 00:00:0")
    assert f"when it was at instance {instance}" in finding
    assert one(database, "crashes", "bob")[0] == "ok"


@pytest.mark.parametrize("is_prepared", [False, True])
@pytest.mark.parametrize("is_at_work", [False, True])
def test_a_cancel_that_somebody_left_open(any_workflows, is_at_work, is_prepared):
    """Before its step, which nobody can claim then, or in the middle of it, which cannot commit."""
    database = any_workflows.database
    database.query("CREATE TABLE gate (x int)")
    any_workflows.deploy("CREATE WORKFLOW w() AS 'SELECT count(*) AS n FROM gate';")
    instance = any_workflows.start("w()")
    name = f"left_{database.name}"
    with ThreadPoolExecutor() as threads, database.connect() as gate, database.connect() as user:
        if is_at_work:
            gate.execute("BEGIN; LOCK TABLE gate")
            driver = threads.submit(database.drive)
            database.until("SELECT count(*) FROM df.running_v1()")
            assert one(database, "locks")[0] == "ok"
        user.execute("BEGIN")
        user.execute("SELECT df.cancel(%s)", (instance,))
        if is_prepared:
            user.execute(f"PREPARE TRANSACTION '{name}'")
        try:
            if is_at_work:
                gate.execute("ROLLBACK")
                driver.result(timeout=30)
            else:
                database.drive()
            assert database.query("SELECT status, wait FROM df.task") == [
                ("live", "lock" if is_at_work else "ready")
            ]
            for role in ("alice", "dfowner", SUPERUSER):
                check_left_open(database, role, instance, name if is_prepared else user.info.backend_pid)
            assert one(database, "locks", "bob")[0] == "ok"
            if not is_at_work:
                any_workflows.move_clock("1 minute")
                assert one(database, "tasks")[0] == "ok"
                assert one(database, "locks")[0] in ("warning", "problem")
        finally:
            user.execute(f"ROLLBACK PREPARED '{name}'" if is_prepared else "ROLLBACK")
    assert one(database, "locks")[0] == "ok"


def check_left_open(database: Any, role: str, instance: str, holder: str | int) -> None:
    """By the name of the prepared transaction or the number of the session."""
    status, finding, hint = one(database, "locks", role)
    # Of a session of another role one does not see since when, nor what it does: it may be long.
    is_hidden = role == "dfowner" and isinstance(holder, int)
    assert status == ("problem" if is_hidden else "warning")
    assert ("which began 00:00:0" in finding) == (not is_hidden)
    assert finding.startswith(f"1 instance ({instance}) cannot go on before the ")
    if isinstance(holder, str):
        assert f"prepared transaction '{holder}' ends" in finding
        assert hint == f"COMMIT PREPARED '{holder}', or ROLLBACK PREPARED '{holder}'"
    else:
        assert f"transaction of session {holder} of role alice" in finding
        assert ("idle in transaction" in finding) == (not is_hidden)
        assert hint == f"Commit or roll back there, or: SELECT pg_terminate_backend({holder})"


def test_who_holds_it_does_not_hide_behind_the_name_of_a_driver(any_workflows):
    database = any_workflows.database
    any_workflows.deploy("CREATE WORKFLOW w() AS 'SELECT 1 AS n'; GRANT EXECUTE ON FUNCTION w() TO bob;")
    instance = any_workflows.start("w()", role="bob")
    with database.connect("bob") as user:
        user.execute("BEGIN")
        user.execute("SELECT df.cancel(%s)", (instance,))
        user.execute("SELECT set_config('application_name', %s, false)", (f"pgdurc {instance} 1:1",))
        database.drive()
        assert database.query("SELECT id, status FROM df.task") == [(1, "live")]
        status, finding, _ = one(database, "locks")
        assert status == "problem"
        assert f"session {user.info.backend_pid} of role bob" in finding
        user.execute("ROLLBACK")


def test_a_signal_that_somebody_left_open(any_workflows):
    """In the middle of a step: it holds the scope and no task."""
    database = any_workflows.database
    database.query("CREATE TABLE gate (x int)")
    any_workflows.deploy("CREATE WORKFLOW w() AS 'SELECT count(*) AS n FROM gate';")
    instance = any_workflows.start("w()")
    with ThreadPoolExecutor() as threads, database.connect() as gate, database.connect() as user:
        gate.execute("BEGIN; LOCK TABLE gate")
        driver = threads.submit(database.drive)
        database.until("SELECT count(*) FROM df.running_v1()")
        user.execute("BEGIN")
        user.execute("SELECT df.signal(%s, 'go')", (instance,))
        gate.execute("ROLLBACK")
        driver.result(timeout=30)
        check_left_open(database, "alice", instance, user.info.backend_pid)
        user.execute("COMMIT")
    assert one(database, "locks")[0] == "ok"


def test_a_stopped_step_that_nobody_interrupts(any_workflows):
    database = any_workflows.database
    any_workflows.deploy("CREATE WORKFLOW w() AS 'SELECT pg_sleep(60)';")
    instance = any_workflows.start("w()")
    with ThreadPoolExecutor() as threads:
        driver = threads.submit(database.drive)
        session = database.until("SELECT max(pid) FROM df.running_v1()")
        database.query("SELECT df.cancel(%s)", instance)
        assert one(database, "watchdog") == ("ok", "no step runs on that was stopped", None)
        any_workflows.move_clock("15 seconds")
        for role in ("alice", "dfowner"):
            status, finding, hint = one(database, "watchdog", role)
            assert status == "warning"
            assert finding.startswith(f"a step of instance {instance} was stopped 00:00:1")
            assert finding.endswith(f"and still runs, in session {session}")
            assert "as role alice: pgdurc worker" in hint
        assert one(database, "watchdog", "bob")[0] == "ok"
        database.query("CALL df.janitor(1)")
        driver.result(timeout=30)
    assert one(database, "watchdog")[0] == "ok"


def test_what_is_tried_again(any_workflows):
    database = any_workflows.database
    any_workflows.deploy(
        "CREATE WORKFLOW w() WITH (max_attempts = 3, backoff = '1 minute') AS 'SELECT 1/0 AS x';"
    )
    instance = any_workflows.start("w()")
    assert one(database, "retries") == ("ok", "no step waits to be tried again", None)
    database.drive()
    status, finding, hint = one(database, "retries")
    assert status == "ok"
    assert finding.startswith(f"1 step waits to be tried again; the next, of instance {instance}, in 00:0")
    assert finding.endswith('for "division by zero" (22012)')
    assert hint.startswith(f"pgdurc show {instance}")
    assert any_workflows.drive_until_ended(instance) == "failed"
    assert one(database, "retries")[1] == "no step waits to be tried again"


def test_retention_that_nobody_sees_to(any_workflows):
    database = any_workflows.database
    any_workflows.run("CREATE WORKFLOW w() AS 'SELECT 1 AS x';")
    any_workflows.move_clock("30 days 1 hour")
    assert one(database, "retention")[0] == "ok"
    any_workflows.move_clock("1 day")
    for role in ("alice", "dfowner"):
        status, finding, hint = one(database, "retention", role)
        assert status == "warning"
        assert finding.startswith("instances of role alice are kept that ended at 20")
        assert "CALL df.janitor(0)" in hint
    assert one(database, "retention", "bob")[0] == "ok"
    database.query("CALL df.janitor(0)")
    assert one(database, "retention")[0] == "ok"


def test_autovacuum_that_is_off(any_workflows):
    database = any_workflows.database
    database.query("ALTER TABLE df.task SET (autovacuum_enabled = off)", role="dfowner")
    database.query("ALTER TABLE df.instance SET (autovacuum_enabled = true)", role="dfowner")
    assert one(database, "vacuum") == (
        "warning",
        "autovacuum is off for df.task",
        "ALTER TABLE ... RESET (autovacuum_enabled)",
    )


def check_vacuum(
    database: Any, role: str, dead: int = 10**9, age: int = 10**9, time: str = "1 hour"
) -> list[tuple[Any, ...]]:
    """With limits that a test can reach."""
    return database.query(
        "SELECT status, finding, hint FROM df.check_vacuum_v1(%s, %s, %s::interval)",
        dead,
        age,
        time,
        role=role,
    )


def test_dead_rows(any_workflows):
    database = any_workflows.database
    database.query("ALTER TABLE df.task SET (autovacuum_enabled = off)", role="dfowner")
    any_workflows.deploy(
        "CREATE WORKFLOW w(laps int) AS"
        " 'SELECT 0 AS n' |=> lap ~> df.loop('SELECT $lap + 1 AS n' |=> lap, 'SELECT $lap < $laps');"
    )
    any_workflows.start("w(100)")
    # As long as somebody could see them, nobody removes them.
    with database.connect() as reader:
        reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        reader.execute("SELECT 1")
        database.drive()
        database.until("SELECT pg_stat_get_dead_tuples('df.task'::regclass) > 20")
    (_, row) = check_vacuum(database, "alice", dead=20)
    assert row[0] == "warning"
    assert "dead rows beside 1 live ones" in row[1]
    assert len(check_vacuum(database, "alice")) == 1


@pytest.mark.parametrize("is_prepared", [False, True])
def test_an_old_snapshot(any_workflows, is_prepared):
    database = any_workflows.database
    name = f"old_{database.name}"
    with database.connect() as reader:
        reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        reader.execute("CREATE TABLE made (x int)" if is_prepared else "SELECT 1")
        if is_prepared:
            reader.execute(f"PREPARE TRANSACTION '{name}'")
        for _ in range(3):
            database.query("SELECT pg_current_xact_id()", role="bob")
        assert one(database, "vacuum")[0] == "ok"
        # Bob knows of it by the transactions since; when it began he does not see.
        for role, limits in (("alice", {"time": "0"}), (SUPERUSER, {"time": "0"}), ("bob", {"age": 2})):
            if is_prepared:
                limits = {"time": "0"}
            (row,) = check_vacuum(database, role, **limits)
            assert row[0] == "warning"
            if is_prepared:
                assert row[1].startswith(
                    f"the prepared transaction '{name}' of role alice holds back vacuum by "
                )
                assert row[2] == f"COMMIT PREPARED '{name}', or ROLLBACK PREPARED '{name}'"
            else:
                idle = ", idle in transaction," if role != "bob" else ""
                assert row[1].startswith(
                    f"session {reader.info.backend_pid} of role alice{idle} holds back vacuum by "
                )
                assert row[2].endswith(f"SELECT pg_terminate_backend({reader.info.backend_pid})")
        reader.execute(f"ROLLBACK PREPARED '{name}'" if is_prepared else "ROLLBACK")
    assert check_vacuum(database, "alice", time="0") == []


def test_a_moved_clock(any_workflows):
    database = any_workflows.database
    any_workflows.move_clock("90 minutes")
    status, finding, hint = one(database, "clock", "bob")
    assert (status, finding) == ("warning", "df.now() was moved by 01:30:00: all timers run by it")
    database.query(hint.partition(": ")[2], role="dfowner")
    assert one(database, "clock", "bob") == ("ok", "df.now() is the server's time", None)


def test_operators_of_somebody_else(any_workflows):
    """Where there are none, which is the rule, it explains what a script says then that was not compiled."""
    database = any_workflows.database
    status, finding, hint = one(database, "scripts")
    assert status == "ok"
    with pytest.raises(psycopg.errors.UndefinedFunction) as refused:
        database.query("SELECT df.start('SELECT 1' ~> 'SELECT 2')")
    assert f'"{refused.value.diag.message_primary}"' in finding
    assert "pgdurc compile" in hint
    database.query(
        "CREATE FUNCTION glue(text, text) RETURNS text LANGUAGE sql AS 'SELECT $1 || $2';"
        " CREATE OPERATOR ~> (LEFTARG = text, RIGHTARG = text, FUNCTION = glue)"
    )
    status, finding, _ = one(database, "scripts")
    assert (status, finding) == (
        "warning",
        "there are operators that a script which was not compiled would call: public.~>(text,text)",
    )


JOB = "pgdurc alice driver 1"


def test_jobs_of_pg_cron(cron_database):
    database = cron_database
    assert one(database, "pg_cron")[:2] == (
        "ok",
        "role alice has no jobs of df.install_scheduler; pg_cron is here",
    )
    database.query("SELECT df.install_scheduler()")
    assert one(database, "pg_cron") == ("ok", "3 jobs of role alice", None)
    again = "SELECT df.install_scheduler(drivers => n)"

    database.query("UPDATE cron.job SET active = false WHERE jobname = %s", JOB, role=SUPERUSER)
    assert one(database, "pg_cron") == ("problem", f'the job "{JOB}" is not active', again)
    database.query("SELECT cron.unschedule(%s)", JOB)
    assert one(database, "pg_cron") == ("problem", f'the job "{JOB}" is not there any more', again)
    database.query(again.replace("n)", "1)"))
    assert one(database, "pg_cron") == ("ok", "3 jobs of role alice", None)

    database.query("REVOKE USAGE ON SCHEMA cron FROM alice", role=SUPERUSER)
    assert one(database, "pg_cron") == (
        "problem",
        "3 jobs were made by df.install_scheduler, and this role may not use the schema cron any more",
        "An administrator grants it: GRANT USAGE ON SCHEMA cron TO alice",
    )
    database.query("GRANT USAGE ON SCHEMA cron TO alice", role=SUPERUSER)
    # Others have no part in it.
    assert one(database, "pg_cron", "bob")[0] == "ok"


@pytest.mark.parametrize(
    ("status", "age", "found"),
    [
        ("failed", "1 minute", "failed at 20"),
        ("succeeded", "10 minutes", "has not been run since 20"),
        ("succeeded", "10 seconds", None),
        ("running", "10 minutes", None),
    ],
)
def test_runs_of_jobs(cron_database, status, age, found):
    """As pg_cron writes them down."""
    database = cron_database
    database.query("SELECT df.install_scheduler()")
    database.query(
        """
        INSERT INTO cron.job_run_details (jobid, runid, database, username, command, status, return_message, start_time, end_time)
        SELECT j.jobid, nextval('cron.runid_seq') + r.later, j.database, j.username, j.command, r.status, 'could not connect', now() - r.age,
            CASE WHEN r.status <> 'running' THEN now() - r.age END
        FROM cron.job AS j
        CROSS JOIN (VALUES (0, 'failed', interval '1 hour'), (1000000, %s, %s::interval)) AS r (later, status, age)
        WHERE j.jobname = %s
        """,
        status, age, JOB, role=SUPERUSER,
    )  # fmt: skip
    row = one(database, "pg_cron")
    if found is None:
        assert row == ("ok", "3 jobs of role alice", None)
        return
    assert row[0] == "problem"
    assert row[1].startswith(f'the job "{JOB}" {found}')
    assert ("could not connect" in row[1]) == (status == "failed")


@pytest.mark.slow
def test_a_job_that_fails(cron_database):
    """For its role must not log in any more. pg_cron before 1.5 starts it at a full minute."""
    database = cron_database
    name = f"job_{database.name}"
    database.query(f"CREATE ROLE {name} LOGIN; GRANT USAGE ON SCHEMA cron TO {name}", role=SUPERUSER)
    try:
        database.query("SELECT df.grant_usage(%s)", name, role="dfowner")
        database.query("SELECT df.install_scheduler()", role=name)
        with database.connect(name) as connection:
            database.query(f"ALTER ROLE {name} NOLOGIN", role=SUPERUSER)
            status = (
                "SELECT count(*) >= 3 FROM cron.job_run_details WHERE username = %s AND status = 'failed'"
            )
            for _ in range(3):
                try:
                    database.until(status, name, role=SUPERUSER)
                    break
                except AssertionError:
                    continue
            rows = connection.execute("SELECT status, finding FROM df.check_pg_cron_v1()").fetchall()
        assert [row[0] for row in rows] == ["problem"] * 3
        for row in rows:
            assert f'the job "pgdurc {name} ' in row[1]
            assert row[1].endswith(" failed: connection failed")
    finally:
        with database.connect(SUPERUSER) as connection:
            connection.execute("DELETE FROM cron.job WHERE username = %s", (name,))
            connection.execute(f"DROP OWNED BY {name} CASCADE; DROP ROLE {name}")


def test_pg_cron_that_went_away(any_workflows):
    """A copy of a database in another one of the server, say."""
    database = any_workflows.database
    database.query("INSERT INTO df.schedule VALUES ('alice', %s, 'pg_cron')", JOB, role="dfowner")
    for role in ("alice", SUPERUSER):
        if role == SUPERUSER:
            database.query("INSERT INTO df.schedule VALUES ('postgres', 'x', 'pg_cron')", role="dfowner")
        status, finding, hint = one(database, "pg_cron", role)
        assert status == "problem"
        assert finding.startswith("1 job was made by df.install_scheduler, and pg_cron is ")
        place = database.query("SELECT setting FROM pg_settings WHERE name = 'cron.database_name'", role=role)
        assert finding.endswith(f"in database {place[0][0]}" if place else "not in this database any more")
        assert "cron.schedule_in_database" in hint


def test_on_a_standby(main_server):
    """It can be asked there, where nothing can be written."""
    binaries, os_user = main_server.cluster.binaries, main_server.cluster.os_user
    server = start("standby", binaries, os_user)
    try:
        ensure_template(server)
        database = Database(server, TEMPLATE)
        Workflows(database).deploy(SLEEP_AND_GO_ON)
        signal = server.cluster.data / "standby.signal"
        server.cluster.stop()
        signal.touch()
        server.cluster.start()
        found = doctor(database)
        assert found.pop("tasks") == [
            ("warning", "this server is a standby, where drivers do nothing", "Connect to the primary")
        ]
        assert {status for rows in found.values() for status, _, _ in rows} == {"ok"}
        server.cluster.stop()
        signal.unlink()
        server.cluster.start()
        assert all_is_well(database)
    finally:
        server.cluster.kill()


def test_it_looks_at_little_of_much(any_workflows):
    """Of 10,000 sleepers and 10,000 that have ended it reads some thousand."""
    database = any_workflows.database
    any_workflows.deploy(f"{SLEEP_AND_GO_ON} CREATE WORKFLOW done() AS 'SELECT 1 AS x';")
    any_workflows.start("w()")
    done = any_workflows.start("done()")
    database.drive()
    database.query(
        f"""
        INSERT INTO df.instance
        SELECT (jsonb_populate_record(i, jsonb_build_object('id', to_hex(n + 268435456) || (i.id = '{done}')::int))).*
        FROM df.instance AS i CROSS JOIN generate_series(1, 10000) AS n;
        INSERT INTO df.task OVERRIDING SYSTEM VALUE
        SELECT (jsonb_populate_record(t, jsonb_build_object('id', 1000000 + 2 * n + (t.instance_id = '{done}')::int,
            'instance_id', to_hex(n + 268435456) || (t.instance_id = '{done}')::int, 'scopes', '{{}}'::text))).*
        FROM df.task AS t CROSS JOIN generate_series(1, 10000) AS n;
        ANALYZE df.instance, df.task;
        """,
        role="dfowner",
    )
    read = "SELECT sum(coalesce(idx_tup_fetch, 0) + seq_tup_read) FROM pg_stat_xact_user_tables WHERE schemaname = 'df'"
    for role in ("alice", "dfowner"):
        with database.connect(role, autocommit=False) as connection:
            before = connection.execute(read).fetchone()[0]
            rows = connection.execute("SELECT status FROM df.doctor()").fetchall()
            assert {row[0] for row in rows} == {"ok"}
            assert connection.execute(read).fetchone()[0] - before < 8_000
