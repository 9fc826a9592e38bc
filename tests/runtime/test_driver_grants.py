"""A role that cannot log in is driven by a login role that was granted: whose rights its steps have, and who may grant what."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import psycopg
import pytest

from tests.runtime.conftest import Workflows

SCRIPT = """
    CREATE TABLE seen (who text, session text, what text);
    CREATE WORKFLOW w(n int) AS
        'SELECT $n * 2 AS doubled, 7 AS other'                                                         |=> x
     ~> 'INSERT INTO seen SELECT current_user, session_user, ''before ''|| $x.doubled'
     ~> df.sleep(60)
     ~> ('SELECT $x.other AS a' |=> a & 'INSERT INTO seen VALUES (current_user, session_user, ''branch'')')
     ~> df.wait_for_signal('go')                                                                       |=> go
     ~> 'SELECT current_user AS me, $a AS a, $go.data AS data, $n AS n';
    CREATE WORKFLOW slow() AS 'INSERT INTO seen VALUES (current_user, session_user, ''slow'')' ~> 'SELECT count(*) AS n FROM seen';
    CREATE WORKFLOW failing() WITH (max_attempts = 2, backoff = '1 second') AS 'SELECT 1/0 AS x';
    CREATE WORKFLOW many(laps int) AS 'SELECT 0 AS n' |=> lap ~> df.loop('SELECT $lap + 1 AS n' |=> lap, 'SELECT $lap < $laps');
"""


@dataclass(frozen=True)
class Group:
    """`team` owns workflows and cannot log in; `robot` is a member of it and logs in; `chief` is a member, and of robot, too."""

    workflows: Workflows
    team: str
    robot: str
    chief: str

    def deploy(self, text: str = SCRIPT) -> None:
        from pgdurc.compile import compile_text

        compiled = compile_text(text, file="test.pgd")
        assert not compiled.has_errors, compiled.diagnostics
        with self.workflows.database.connect(self.robot) as connection, connection.transaction():
            connection.execute(f"SET LOCAL ROLE {self.team}")
            connection.execute(compiled.sql)

    def start(self, call: str) -> str:
        with self.workflows.database.connect(self.robot) as connection:
            connection.execute(f"SET ROLE {self.team}")
            return str(connection.execute(f"SELECT {call}").fetchone()[0])

    def grant(self, role: str | None = None) -> None:
        self.workflows.database.query(
            "SELECT df.grant_driver(%s, %s)", self.team, self.robot, role=role or self.robot
        )

    def drive(self, role: str | None = None) -> None:
        self.workflows.database.drive(role or self.robot)


@pytest.fixture
def group(any_workflows) -> Iterator[Group]:
    database = any_workflows.database
    team, robot, chief = (f"{name}_{database.name}" for name in ("Team", "robot", "chief"))
    made = Group(any_workflows, f'"{team}"', robot, chief)
    with database.connect("postgres") as connection:
        connection.execute(
            f'CREATE ROLE "{team}"; CREATE ROLE {robot} LOGIN IN ROLE "{team}"; CREATE ROLE {chief} LOGIN IN ROLE "{team}", {robot};'
            f' GRANT CREATE ON SCHEMA public TO "{team}", {robot}'
        )
    for role in (team, robot):
        database.query("SELECT df.grant_usage(%s)", role, role="dfowner")
    yield Group(any_workflows, team=made.team, robot=robot, chief=chief)
    with database.connect("postgres") as connection:
        for role in (chief, robot, f'"{team}"'):
            connection.execute(f"DROP OWNED BY {role} CASCADE; DROP ROLE {role}")


def name(group: Group) -> str:
    return group.team.strip('"')


def grant(group: Group, owner: str, driver: str, role: str) -> None:
    group.workflows.database.query("SELECT df.grant_driver(%s, %s)", owner, driver, role=role)


def test_a_group_is_driven_with_its_own_rights(group):
    workflows, database = group.workflows, group.workflows.database
    group.deploy()
    instance = group.start("w(21)")
    group.drive()
    assert workflows.status(instance) == "pending"
    grant(group, name(group), group.robot, group.robot)
    group.drive()
    assert workflows.status(instance) == "running"
    workflows.move_clock("1 minute")
    group.drive()
    database.query("SELECT df.signal(%s, 'go', '5')", instance, role=group.robot)
    group.drive()
    assert workflows.status(instance) == "completed"
    assert database.value("SELECT df.result(%s)::jsonb -> 'rows'", instance, role=group.robot) == [
        {"me": name(group), "a": 7, "data": 5, "n": 21}
    ]
    assert database.query("SELECT * FROM seen ORDER BY what", role=group.robot) == [
        (name(group), group.robot, "before 42"),
        (name(group), group.robot, "branch"),
    ]
    # Nothing of the role is left in the session.
    with database.connect(group.robot) as connection:
        connection.execute("CALL df.run(0, NULL)")
        assert connection.execute("SELECT current_user::text").fetchone() == (group.robot,)


def test_its_own_workflows_and_those_of_the_group_take_turns(group):
    """A queue of the one that takes longer than a turn does not hold up the other, and next_due is that of both."""
    workflows, database = group.workflows, group.workflows.database
    grant(group, name(group), group.robot, group.robot)
    group.deploy()
    workflows.deploy(
        "CREATE WORKFLOW own(n int) AS 'SELECT current_user AS me' ~> df.sleep($n) ~> 'SELECT 1 AS x';",
        role=group.robot,
    )
    theirs = group.start("many(3)")
    own = workflows.start("own(100)", role=group.robot)
    group.drive()
    assert workflows.status(theirs) == "completed"
    assert workflows.status(own) == "running"
    sleeper = group.start("w(1)")
    due_at = database.drive(group.robot)
    now = database.value("SELECT clock_timestamp()")
    assert 50 < (due_at - now).total_seconds() < 61
    workflows.move_clock("100 seconds")
    group.drive()
    assert workflows.status(own) == "completed"
    assert workflows.status(sleeper) == "running"


def test_failures_cancels_and_revocations(group):
    workflows, database = group.workflows, group.workflows.database
    grant(group, name(group), group.robot, group.robot)
    group.deploy()
    failing, cancelled = group.start("failing()"), group.start("w(1)")
    group.drive()
    database.query("SELECT df.cancel(%s)", cancelled, role=group.robot)
    workflows.move_clock("10 seconds")
    group.drive()
    assert workflows.status(failing) == "failed"
    assert workflows.status(cancelled) == "cancelled"
    assert (
        database.query("SELECT outcome, sqlstate FROM df.timeline(%s)", failing, role=group.robot)
        == [("failed", "22012")] * 2
    )
    later = group.start("slow()")
    database.query("SELECT df.revoke_driver(%s)", name(group), role=group.robot)
    group.drive()
    assert workflows.status(later) == "pending"
    grant(group, name(group), group.robot, "dfowner")
    database.query(f"REVOKE {group.team} FROM {group.robot}", role="postgres")
    group.drive()
    assert workflows.status(later) == "pending"
    database.query(f"GRANT {group.team} TO {group.robot}", role="postgres")
    group.drive()
    assert workflows.status(later) == "completed"


def test_a_grant_that_is_revoked_while_a_step_runs(group):
    """The step does not commit."""
    import threading

    workflows, database = group.workflows, group.workflows.database
    grant(group, name(group), group.robot, group.robot)
    group.deploy()
    instance = group.start("slow()")
    with database.connect("postgres") as holder:
        holder.execute("BEGIN; LOCK TABLE seen")
        driver = threading.Thread(target=group.drive)
        driver.start()
        database.until(
            "SELECT count(*) FROM pg_locks WHERE relation = 'seen'::regclass AND NOT granted", role="postgres"
        )
        database.query("SELECT df.revoke_driver(%s)", name(group), role=group.robot)
        holder.execute("ROLLBACK")
        driver.join(30)
    assert workflows.status(instance) == "pending"
    assert database.value("SELECT count(*) FROM seen", role=group.robot) == 0
    grant(group, name(group), group.robot, group.robot)
    group.drive()
    assert workflows.status(instance) == "completed"
    assert database.value("SELECT count(*) FROM seen", role=group.robot) == 1


def test_retention_and_the_watchdog_know_the_group(group):
    workflows, database = group.workflows, group.workflows.database
    grant(group, name(group), group.robot, group.robot)
    group.deploy()
    instance = group.start("slow()")
    group.drive()
    workflows.move_clock("40 days")
    database.query("CALL df.janitor(0)", role=group.robot)
    assert (
        workflows.database.query("SELECT id FROM df.instance WHERE id = %s", instance, role="dfowner") == []
    )
    waiting = group.start("w(1)")
    group.drive()
    database.query("SELECT df.cancel(%s)", waiting, role=group.robot)
    task = database.value("SELECT id FROM df.task WHERE instance_id = %s", waiting, role="dfowner")
    assert database.value("SELECT df.is_stopped_v1(%s)", task, role=group.robot) is True
    assert database.value("SELECT df.is_stopped_v1(%s)", task, role="alice") is False


def refused(group: Group, owner: str, driver: str, role: str) -> psycopg.Error:
    with pytest.raises(psycopg.Error) as caught:
        grant(group, owner, driver, role)
    assert group.workflows.database.query("SELECT * FROM df.driver_grant", role="dfowner") == []
    return caught.value


def test_nobody_makes_himself_the_driver_of_anothers_workflows(group):
    """bob is no member of the group."""
    error = refused(group, name(group), "bob", "bob")
    assert error.sqlstate == "42501"
    assert "is not a member" in str(error)
    group.workflows.database.query("SELECT df.grant_usage('bob')", role="dfowner")
    assert refused(group, "alice", "bob", "bob").sqlstate == "PD004"
    # Nor does anybody write the table, or drive by hand without it.
    group.deploy()
    instance = group.start("slow()")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        group.workflows.database.query(
            "INSERT INTO df.driver_grant VALUES ('bob', 'bob', 'bob', now())", role="bob"
        )
    group.drive("bob")
    oid = group.workflows.database.value("SELECT to_regrole(%s)::oid", group.team, role="postgres")
    claim = "SELECT verdict FROM df.claim_task_v1('-infinity', 0, NULL, %s::oid::regrole)"
    assert group.workflows.database.value(claim, oid, role="bob") == "none"
    assert group.workflows.database.value(claim, oid, role=group.robot) == "none"
    assert group.workflows.status(instance) == "pending"


def test_nobody_makes_another_drive_his_workflows(group):
    """A member of the group names its colleague: steps of the group would have the colleague's rights."""
    database = group.workflows.database
    database.query("SELECT df.grant_usage(%s)", group.chief, role="dfowner")
    error = refused(group, name(group), group.chief, group.robot)
    assert error.sqlstate == "42501"
    assert "permission denied to make role" in str(error)
    # Whoever has the rights of the driver may, and so may the runtime's owner.
    grant(group, name(group), group.robot, group.chief)
    assert database.query("SELECT driver::text FROM df.driver_grant", role="bob") == []
    assert database.query("SELECT driver::text FROM df.driver_grant", role=group.robot) == [(group.robot,)]
    database.query("SELECT df.revoke_driver(%s)", name(group), role=group.robot)
    grant(group, name(group), group.robot, "dfowner")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        database.query("SELECT df.revoke_driver(%s)", name(group), role="bob")


def test_what_makes_no_sense_is_refused(group):
    for owner, driver, sqlstate, text in (
        ("nobody_at_all", group.robot, "42704", "does not exist"),
        (name(group), "nobody_at_all", "42704", "does not exist"),
        ("alice", group.robot, "PD004", 'role "alice" can log in'),
        (name(group), name(group), "PD004", "cannot log in"),
        ("postgres", group.robot, "PD004", "superuser"),
        (name(group), "postgres", "PD004", "superuser"),
    ):
        error = refused(group, owner, driver, "dfowner")
        assert (error.sqlstate, text in str(error)) == (sqlstate, True), str(error)


def test_a_driver_whose_default_role_is_the_group(group):
    """As tools that hand out login roles make them (ALTER ROLE ... SET role), so that what those make is the group's."""
    workflows, database = group.workflows, group.workflows.database
    grant(group, name(group), group.robot, group.robot)
    database.query(f"ALTER ROLE {group.robot} SET role = {group.team}", role="postgres")
    group.deploy()
    instance, long = group.start("many(3)"), group.start("w(1)")
    group.drive()
    assert workflows.status(instance) == "completed"
    assert workflows.status(long) == "running"
    with database.connect(group.robot) as connection:
        connection.execute("CALL df.run(0, NULL)")
        connection.execute("CALL df.janitor(0)")
        assert connection.execute("SELECT current_user::text").fetchone() == (name(group),)


def test_timers_of_two_roles_that_somebody_is_at(group):
    """The driver for timers finds them at each look, and ends all the same."""
    grant(group, name(group), group.robot, group.robot)
    group.deploy("CREATE WORKFLOW racy() AS df.race(df.sleep(1) ~> 'SELECT 1', df.wait_for_signal('never'));")
    database = group.workflows.database
    group.start("racy()")
    group.drive()
    with database.connect("dfowner") as administrator:
        # One like it is the driver's own.
        administrator.execute(
            "INSERT INTO df.task (instance_id, owner, version_id, scopes, state, last_state, wake_at, wait)"
            " SELECT t.instance_id, %s::regrole, t.version_id, t.scopes, t.state, t.last_state, t.wake_at, t.wait"
            " FROM df.task AS t WHERE t.wait = 'sleep'",
            (group.robot,),
        )
    group.workflows.move_clock("1 minute")
    with database.connect("dfowner", autocommit=False) as holder, ThreadPoolExecutor(1) as pool:
        assert len(holder.execute("SELECT FROM df.task WHERE wait = 'sleep' FOR UPDATE").fetchall()) == 2
        try:
            pool.submit(database.query, "CALL df.run_timers(0, NULL)", role=group.robot).result(timeout=10)
        finally:
            holder.rollback()
