"""Attacks through roles: names that look alike, roles that are renamed, dropped, reassigned, and roles that are set in a session that
others share."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.runtime.conftest import Workflows

PGBOUNCER = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"


@contextmanager
def roles_of(database: Any, *names: str) -> Iterator[None]:
    """Roles that may do what alice may; dropped afterwards, whatever they are called by then."""
    with database.connect("postgres") as connection:
        oids = []
        for name in names:
            identifier = sql.Identifier(name)
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(identifier))
            connection.execute(sql.SQL("GRANT ALL ON SCHEMA public TO {}").format(identifier))
            connection.execute(
                sql.SQL("GRANT CREATE, TEMPORARY ON DATABASE {} TO {}").format(
                    sql.Identifier(database.name), identifier
                )
            )
            oids.append(
                connection.execute("SELECT oid FROM pg_roles WHERE rolname = %s", (name,)).fetchone()[0]
            )
            database.query("SELECT df.grant_usage(%s)", name, role="dfowner")
    try:
        yield
    finally:
        with database.connect("postgres") as connection:
            for oid in oids:
                for (name,) in connection.execute(
                    "SELECT rolname FROM pg_roles WHERE oid = %s", (oid,)
                ).fetchall():
                    connection.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(sql.Identifier(name)))
                    connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def state_of(database: Any, instance: str) -> list[tuple[Any, ...]]:
    return database.query(
        "SELECT i.*::text, t.*::text FROM df.instance AS i JOIN df.task AS t ON t.instance_id = i.id WHERE i.id = %s",
        instance,
        role="dfowner",
    )


LOOKALIKES = (
    "{}",
    '{}"',
    '"{}"',
    " {}",
    "{} ",
    "{}; SET ROLE alice",
    "-",
    "0",
    "{}.public",
    "pg\\_{}",
    "{}’",
    'U&"{}"',
)


@pytest.mark.parametrize("lookalike", LOOKALIKES)
def test_a_name_that_looks_like_anothers_is_another_role(workflows, lookalike):
    """ATTACK: a role whose name, wrongly quoted or folded, reads as the victim's, as no role, or as an OID."""
    database = workflows.database
    # Roles are the whole server's.
    victim = f"victim_{database.name}"
    attacker = lookalike.format(victim.upper() if lookalike == "{}" else victim)
    if lookalike in ("-", "0"):
        attacker = {"-": "-", "0": "0"}[lookalike]
    with roles_of(database, victim, attacker):
        workflows.deploy(
            "CREATE WORKFLOW w() AS 'SELECT current_user::text AS me' |=> x ~> df.sleep(60) ~> 'SELECT $x AS me';",
            role=victim,
        )
        instance = workflows.start("w()", role=victim)
        database.drive(victim)
        database.query("SELECT df.setvar('secret', 'hers')", role=victim)
        before = state_of(database, instance)
        workflows.move_clock("2 minutes")
        database.drive(attacker)
        assert state_of(database, instance) == before
        assert database.query("SELECT * FROM df.instance", role=attacker) == []
        assert database.query("SELECT * FROM df.vars", role=attacker) == []
        for call in (
            f"df.cancel('{instance}')",
            f"df.signal('{instance}', 'x')",
            "w()",
            "df.start_workflow('w')",
        ):
            with pytest.raises(psycopg.Error) as caught:
                database.query(f"SELECT {call}", role=attacker)
            assert caught.value.sqlstate in ("PD002", "42501"), call
        # Its own is its own.
        database.query("SELECT df.setvar('secret', 'its')", role=attacker)
        assert database.value("SELECT df.getvar('secret')", role=attacker) == "its"
        assert database.value("SELECT df.getvar('secret')", role=victim) == "hers"
        workflows.deploy(
            "CREATE WORKFLOW v() AS 'SELECT current_user::text AS me, session_user::text AS login';",
            role=attacker,
        )
        its = workflows.start("v()", role=attacker)
        database.drive(attacker)
        assert database.value("SELECT df.result(%s)::jsonb -> 'rows' -> 0", its, role=attacker) == {
            "me": attacker,
            "login": attacker,
        }
        assert database.query("SELECT id FROM df.instances", role=victim) == [(instance,)]


def test_a_renamed_owner_stays_the_owner_and_the_next_of_that_name_is_not(workflows):
    """ATTACK: the owner is renamed while her instance sleeps, and a new role takes her former name."""
    database = workflows.database
    former, now = f"owner_{database.name}", f'"New" Owner; {database.name}'
    with roles_of(database, former):
        workflows.deploy(
            "CREATE WORKFLOW w() AS df.sleep(60) ~> 'SELECT current_user::text AS me';", role=former
        )
        instance = workflows.start("w()", role=former)
        database.drive(former)
        with database.connect("postgres") as connection:
            connection.execute(
                sql.SQL("ALTER ROLE {} RENAME TO {}").format(*map(sql.Identifier, (former, now)))
            )
        with roles_of(database, former):
            workflows.move_clock("2 minutes")
            before = state_of(database, instance)
            database.drive(former)
            assert database.query("SELECT * FROM df.instances", role=former) == []
            with pytest.raises(psycopg.Error):
                database.query("SELECT df.cancel(%s)", instance, role=former)
            assert state_of(database, instance) == before
            database.drive(now)
            assert workflows.status(instance) == "completed"
            assert (
                database.value("SELECT df.result(%s)::jsonb -> 'rows' -> 0 ->> 'me'", instance, role=now)
                == now
            )


def test_a_dropped_owner_leaves_what_nobody_can_drive_or_see_but_the_administrator(workflows):
    """ATTACK: the owner is dropped with an instance in flight; a new role of that name must inherit nothing, and the administrator's
    functions must not stumble over an owner who is a number by now."""
    database = workflows.database
    name = f"leaver_{database.name}"
    with roles_of(database, name):
        workflows.deploy("CREATE WORKFLOW w() AS df.sleep(60) ~> 'SELECT 1 AS one';", role=name)
        instance = workflows.start("w()", role=name)
        database.drive(name)
    with roles_of(database, name):
        workflows.move_clock("2 minutes")
        database.drive(name)
        for table in ("instance", "task", "workflow_version", "request", "driver", "step_run"):
            assert database.query(f"SELECT * FROM df.{table}", role=name) == [], table
        with pytest.raises(psycopg.Error, match="Instance not found or access denied"):
            database.query("SELECT df.cancel(%s)", instance, role=name)
        with pytest.raises(psycopg.Error, match="Instance not found or access denied"):
            database.query("SELECT df.cancel(%s)", instance, role="alice")
    assert workflows.status(instance) == "running"
    for call in (
        "SELECT * FROM df.instances", "SELECT * FROM df.list_instances()", f"SELECT df.explain('{instance}')",
        f"SELECT * FROM df.timeline('{instance}')", f"SELECT * FROM df.waiting('{instance}')", f"SELECT df.cancel('{instance}')",
    ):  # fmt: skip
        assert database.query(call, role="dfowner"), call
    assert workflows.status(instance) == "cancelled"
    # The name is free again.
    workflows.deploy("CREATE WORKFLOW v() AS 'SELECT 1 AS one';")


def test_objects_that_are_reassigned_do_not_take_instances_along(workflows):
    """ATTACK: REASSIGN OWNED gives alice-like's procedures to another role, who rewrites them. Neither her driver runs what is his by
    now, nor his driver her instance."""
    database = workflows.database
    hers, his = f"hers_{database.name}", f"his_{database.name}"
    database.query("CREATE TABLE caught (who name); GRANT ALL ON caught TO PUBLIC")
    with roles_of(database, hers, his):
        workflows.deploy("CREATE WORKFLOW w() AS df.sleep(60) ~> 'SELECT 1 AS one';", role=hers)
        instance = workflows.start("w()", role=hers)
        database.drive(hers)
        database.query(f"REASSIGN OWNED BY {hers} TO {his}", role="postgres")
        procedure = database.value("SELECT procedure_name FROM df.workflow_version", role="dfowner")
        database.query(
            f"CREATE OR REPLACE PROCEDURE {procedure}(INOUT step df.step_v1) LANGUAGE plpgsql AS"
            " 'BEGIN INSERT INTO public.caught VALUES (current_user); step.outcome := ''done''; END';"
            f" GRANT EXECUTE ON PROCEDURE {procedure} TO PUBLIC",
            role=his,
        )
        workflows.move_clock("2 minutes")
        before = state_of(database, instance)
        database.drive(his)
        assert state_of(database, instance) == before
        # What was hers to start is nobody's: the record and the catalog do not agree.
        for role in (hers, his):
            with pytest.raises(psycopg.Error) as caught:
                database.query("SELECT w()", role=role)
            assert caught.value.sqlstate in ("PD005", "42501")
        database.drive(hers)
        assert workflows.status(instance) == "failed"
        assert f"is not {hers}'s" in database.value("SELECT message FROM df.error(%s)", instance, role=hers)
        assert database.query("SELECT * FROM caught") == []


def test_a_schema_renamed_away_and_made_anew_by_another_gives_nothing(workflows):
    """ATTACK: versions know their procedure by its name. alice renames her schema, bob makes one of the former name with a procedure
    and a starter of the names of hers."""
    database = workflows.database
    database.query(
        "CREATE TABLE caught (who name); GRANT ALL ON caught TO PUBLIC; CREATE SCHEMA app; GRANT USAGE ON SCHEMA app TO PUBLIC"
    )
    workflows.deploy("CREATE WORKFLOW app.w() AS df.sleep(60) ~> 'SELECT 1 AS one';")
    instance = workflows.start("app.w()")
    database.drive()
    name = database.value("SELECT procedure_name FROM df.workflow_version")
    database.query("ALTER SCHEMA app RENAME TO former")
    database.query(
        "CREATE SCHEMA app; GRANT USAGE ON SCHEMA app TO PUBLIC;"
        f" CREATE PROCEDURE app.{name}(INOUT step df.step_v1) LANGUAGE plpgsql AS"
        "  'BEGIN INSERT INTO public.caught VALUES (current_user); step.outcome := ''done''; END';"
        f" GRANT EXECUTE ON PROCEDURE app.{name} TO PUBLIC;"
        " CREATE FUNCTION app.w() RETURNS text LANGUAGE sql AS $$ SELECT df.start_v1('app.w', '0', '{}') $$",
        role="bob",
    )
    version = database.value("SELECT hash FROM df.workflow_version")
    for role in ("bob", "alice"):
        for ask in (
            '{"schema": "app", "name": "w"}',
            f'{{"schema": "app", "name": "w", "hash": "{version}"}}',
        ):
            with pytest.raises(psycopg.Error) as caught:
                database.query("SELECT df.ask_v1('start', NULL, %s::jsonb)", ask, role=role)
            assert caught.value.sqlstate == "PD005"
    workflows.move_clock("2 minutes")
    database.drive()
    assert workflows.status(instance) == "failed"
    assert database.query("SELECT * FROM caught") == []


def test_a_wrapper_of_definers_rights_starts_as_its_owner_and_gives_nothing_else(workflows):
    """ATTACK: carol may call alice's SECURITY DEFINER function around a start. What it starts is alice's alone; carol's settings, her
    temporary objects and her search_path do not change what is started."""
    database = workflows.database
    workflows.deploy(
        "CREATE WORKFLOW w(n text) AS 'SELECT $n || current_user AS n' |=> x ~> df.sleep(60) ~> 'SELECT $x AS n';"
    )
    database.query(
        "CREATE FUNCTION begin_w(n text) RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT public.w(n)';"
        " CREATE FUNCTION begin_by_name(n text) RETURNS text LANGUAGE sql SECURITY DEFINER AS"
        "  $$ SELECT df.start_workflow('public.w', pg_catalog.jsonb_build_object('n', n)) $$"
    )
    database.query("CREATE SCHEMA carols; GRANT ALL ON SCHEMA carols TO carol", role="postgres")
    with database.connect("carol") as carol:
        carol.execute(
            "CREATE TEMP TABLE request (caller regrole, kind text, instance_id text, payload jsonb, answer text)"
        )
        carol.execute("CREATE TEMP TABLE workflow (x int)")
        carol.execute("CREATE FUNCTION carols.w(n text) RETURNS text LANGUAGE sql AS $$ SELECT 'carols' $$")
        carol.execute(
            "CREATE FUNCTION carols.ask_v1(text, text, jsonb) RETURNS text LANGUAGE sql AS $$ SELECT 'carols' $$"
        )
        carol.execute("SET search_path = carols, pg_temp, public")
        for function in ("begin_w", "begin_by_name"):
            row = carol.execute(f"SELECT public.{function}('I am ')").fetchone()
            assert row is not None
            assert database.query(
                "SELECT owner::text, starter::text FROM df.instances WHERE id = %s", row[0]
            ) == [("alice", "alice")]
            # She has not even been let in.
            for attack in (
                f"SELECT df.status('{row[0]}')",
                f"SELECT df.cancel('{row[0]}')",
                "SELECT public.w('x')",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    carol.execute(attack)
    database.query("SELECT df.grant_usage('carol')", role="dfowner")
    try:
        assert database.query("SELECT * FROM df.instances", role="carol") == []
        with pytest.raises(psycopg.Error, match="Instance not found or access denied"):
            database.query("SELECT df.cancel(%s)", row[0], role="carol")
    finally:
        database.query("SELECT df.revoke_usage('carol')", role="dfowner")
    assert database.query("SELECT count(*) FROM df.instances WHERE status = 'pending'") == [(2,)]


def test_a_driver_in_a_session_with_another_role_runs_steps_as_their_owner(workflows):
    """ATTACK: SET ROLE before CALL df.run: the first step would run with that role's rights. It is the session's own workflows that it
    drives, with the session's own rights; and those of the role that was set it leaves alone."""
    database = workflows.database
    login = f"pool_{database.name}"
    with roles_of(database, login):
        database.query(f"GRANT alice TO {login}", role="postgres")
        workflows.deploy("CREATE WORKFLOW mine() AS 'SELECT current_user::text AS me';", role=login)
        workflows.deploy("CREATE WORKFLOW hers() AS 'SELECT current_user::text AS me';")
        mine, hers = workflows.start("mine()", role=login), workflows.start("hers()")
        with database.connect(login) as pooled:
            pooled.execute("SET ROLE alice")
            pooled.execute("CALL df.run(0, NULL)")
        assert workflows.status(hers) == "pending"
        assert (
            database.value("SELECT df.result(%s)::jsonb -> 'rows' -> 0 ->> 'me'", mine, role=login) == login
        )


TENANTS = ("alice", "bob")


def use_in_turns(connect: Any, database: Any) -> None:
    """Each tenant in transactions of their own over connections that they share, as the application behind a pool does."""
    started: dict[str, list[str]] = {tenant: [] for tenant in TENANTS}
    for turn in range(6):
        for tenant in TENANTS:
            with connect() as pooled, pooled.transaction():
                pooled.execute(f"SET LOCAL ROLE {tenant}")
                pooled.execute("SELECT df.setvar('who', %s)", (tenant,))
                row = pooled.execute(f"SELECT {tenant}_w()").fetchone()
                started[tenant].append(row[0])
            with connect() as pooled, pooled.transaction():
                pooled.execute(f"SET LOCAL ROLE {tenant}")
                seen = {row[0] for row in pooled.execute("SELECT id FROM df.instances").fetchall()}
                assert seen == set(started[tenant]), turn
                assert pooled.execute("SELECT df.getvar('who')").fetchone() == (tenant,)
                other = TENANTS[1 - TENANTS.index(tenant)]
                for foreign in started[other][-1:]:
                    assert pooled.execute("SELECT df.status(%s)", (foreign,)).fetchone() == (None,)
                    with (
                        pytest.raises(psycopg.Error, match="Instance not found or access denied"),
                        pooled.transaction(),
                    ):
                        pooled.execute("SELECT df.cancel(%s)", (foreign,))
                    with (
                        pytest.raises(psycopg.Error, match="Instance not found or access denied"),
                        pooled.transaction(),
                    ):
                        pooled.execute("SELECT df.signal(%s, 'x')", (foreign,))
    for tenant in TENANTS:
        database.drive(tenant)
        assert set(
            database.query("SELECT owner::text, starter::text, status FROM df.instances", role=tenant)
        ) == {(tenant, tenant, "completed")}
        assert database.value("SELECT count(DISTINCT df.result(id)) FROM df.instances", role=tenant) == 1
        assert (
            database.value(
                "SELECT df.result(id)::jsonb -> 'rows' -> 0 ->> 'who' FROM df.instances LIMIT 1", role=tenant
            )
            == tenant
        )


@pytest.fixture
def tenants(any_workflows: Workflows) -> Iterator[tuple[Workflows, str]]:
    """A workflow of each tenant's, and the login of the pool, which has no rights but to become one of them."""
    database = any_workflows.database
    login = f"pool_{database.name}"
    for tenant in TENANTS:
        any_workflows.deploy(f"CREATE WORKFLOW {tenant}_w() AS 'SELECT ''{{who}}'' AS who';", role=tenant)
    database.query(f"CREATE ROLE {login} LOGIN NOINHERIT IN ROLE alice, bob", role="postgres")
    yield any_workflows, login
    database.query(f"DROP ROLE {login}", role="postgres")


def test_tenants_that_share_a_session_do_not_meet(tenants):
    """ATTACK: SET ROLE in one session that all share: starts, variables, looks, cancels and signals are those of the role that is set."""
    workflows, login = tenants

    with workflows.database.connect(login) as shared:

        @contextmanager
        def connect() -> Iterator[Any]:
            yield shared

        use_in_turns(connect, workflows.database)


def test_tenants_behind_pgbouncer_do_not_meet(tenants, tmp_path):
    """ATTACK: the same through pgbouncer with transaction pooling, where each transaction finds a session that others have used."""
    if not os.access(PGBOUNCER, os.X_OK):
        pytest.skip("pgbouncer is not installed (Debian: apt-get install pgbouncer)")
    workflows, login = tenants
    with bouncer(workflows.database, login) as conninfo:

        @contextmanager
        def connect() -> Iterator[Any]:
            with psycopg.connect(conninfo, autocommit=True, prepare_threshold=None) as connection:
                yield connection

        use_in_turns(connect, workflows.database)


@contextmanager
def bouncer(database: Any, login: str) -> Iterator[str]:
    """A pgbouncer with transaction pooling and two sessions, on a socket of its own; yields how to connect to it."""
    socket = database.server.cluster.socket
    directory = Path(os.environ["PGDURC_TEST_DIRECTORY"]) / f"bouncer-{database.name}"
    directory.mkdir(mode=0o755)
    (directory / "users.txt").write_text(f'"{login}" ""\n')
    (directory / "pgbouncer.ini").write_text(
        f"[databases]\n{database.name} = host={socket} port=5432 dbname={database.name}\n"
        "[pgbouncer]\npool_mode = transaction\ndefault_pool_size = 2\nauth_type = trust\n"
        f"auth_file = {directory}/users.txt\nunix_socket_dir = {directory}\nlisten_port = 6432\n"
        f"logfile = {directory}/log\npidfile = {directory}/pid\nignore_startup_parameters = extra_float_digits\n"
    )
    os_user = database.server.cluster.os_user
    if os_user is not None:
        shutil.chown(directory, os_user)
    process = subprocess.Popen(
        [PGBOUNCER, "-q", str(directory / "pgbouncer.ini")],
        user=os_user,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    conninfo = f"host={directory} port=6432 dbname={database.name} user={login}"
    try:
        deadline = time.monotonic() + 20
        while True:
            assert process.poll() is None, (directory / "log").read_text()
            assert time.monotonic() < deadline, (directory / "log").read_text()
            with suppress(psycopg.OperationalError), psycopg.connect(conninfo, connect_timeout=2):
                break
            time.sleep(0.05)
        yield conninfo
    finally:
        process.terminate()
        process.wait(20)
        shutil.rmtree(directory, ignore_errors=True)
