"""Who a step is, and who sees and touches what: facts that take several roles.

Roles are the whole server's, on which other tests run: what is granted here is granted to or by a role made for it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from pgdurc.compile import compile_text
from tests.conftest import SUPERUSER

WHO = "SELECT df.start('SELECT current_user::text AS who, session_user::text AS login', 'mine');"


@pytest.fixture
def erin(database: Any) -> Iterator[str]:
    """A role whose name has a capital, a space and a quote, and which may own workflows."""
    name = f'Erin "{uuid.uuid4().hex[:8]}'
    with database.connect(SUPERUSER) as administrator:
        administrator.execute(SQL("CREATE ROLE {} LOGIN").format(Identifier(name)))
        administrator.execute(SQL("GRANT ALL ON SCHEMA public TO {}").format(Identifier(name)))
        administrator.execute("SELECT df.grant_usage(%s)", (name,))
        yield name
        administrator.execute(SQL("DROP OWNED BY {0} CASCADE; DROP ROLE {0}").format(Identifier(name)))


def grant(database: Any, role: str, to: str) -> None:
    with database.connect(SUPERUSER) as administrator:
        administrator.execute(SQL("GRANT {} TO {}").format(Identifier(role), Identifier(to)))


def run(database: Any, script: str, role: str = "alice") -> Any:
    """The first column of the last row that the script returns, run by that role and driven by alice and bob."""
    compiled = compile_text(script, file="script.sql")
    assert not compiled.has_errors, compiled.diagnostics
    with database.connect(role) as connection:
        found = None
        for statement in compiled.statements:
            cursor = connection.execute(statement.sql.encode())
            if cursor.description is not None:
                found = cursor.fetchall()[-1][0]
    for owner in ("alice", "bob"):
        database.drive(owner)
    return found


def status(database: Any, instance: str, role: str) -> Any:
    return database.value("SELECT df.status(%s)", instance, role=role)


def test_s15_a_step_is_the_role_that_ran_the_script(database: Any) -> None:
    instance = run(database, WHO)
    result = database.value("SELECT df.result(%s)::jsonb", instance)
    assert result["rows"] == [{"who": "alice", "login": "alice"}]


def test_s15_after_set_role_it_is_that_role(database: Any, erin: str) -> None:
    grant(database, erin, to="alice")
    instance = run(database, f"""SET ROLE {Identifier(erin).as_string()}; {WHO}""")
    database.drive(erin)
    result = database.value("SELECT df.result(%s)::jsonb", instance, role=erin)
    assert result["rows"] == [{"who": erin, "login": erin}]


def test_s15_through_a_function_of_definers_rights_it_is_the_definer(database: Any) -> None:
    run(
        database,
        """
        CREATE FUNCTION begin_it() RETURNS text LANGUAGE sql SECURITY DEFINER
        AS $$ SELECT df.start('SELECT current_user::text AS who') $$;
        """,
    )
    instance = run(database, "SELECT begin_it()", "bob")
    assert database.value("SELECT df.result(%s)::jsonb", instance)["rows"] == [{"who": "alice"}]


def test_s15_a_name_may_have_capitals_and_quotes(database: Any, erin: str) -> None:
    instance = run(database, WHO, erin)
    database.drive(erin)
    result = database.value("SELECT df.result(%s)::jsonb", instance, role=erin)
    assert result["rows"] == [{"who": erin, "login": erin}]


def test_s15_a_superuser_defines_nothing(database: Any) -> None:
    with pytest.raises(psycopg.Error) as refused:
        run(database, WHO, SUPERUSER)
    assert refused.value.sqlstate == "PD004"
    # A role that it takes on in its session may.
    assert run(database, f"SET ROLE alice; {WHO}", SUPERUSER) is not None


def test_s15_nobody_else_sees_or_touches_an_instance(database: Any) -> None:
    instance = run(database, "SELECT df.start(df.wait_for_signal('go'), 'of alice');")
    assert status(database, instance, "alice") == "running"
    assert status(database, instance, "bob") is None
    assert database.value("SELECT df.result(%s)", instance, role="bob") is None
    assert database.query("SELECT * FROM df.instance_info(%s)", instance, role="bob") == []
    assert database.query("SELECT * FROM df.list_instances()", role="bob") == []
    assert database.query("SELECT * FROM df.list_instances(NULL, 10, 'of alice')", role="bob") == []
    for function in ("instance_nodes", "instance_executions", "error", "waiting"):
        assert database.query(f"SELECT * FROM df.{function}(%s)", instance, role="bob") == []
    assert database.value("SELECT df.explain(%s)", instance, role="bob") == f"Instance '{instance}' not found"
    assert database.value("SELECT df.signal_label('of alice', 'go')", role="bob") == 0
    with pytest.raises(psycopg.Error, match="Instance not found"):
        database.query("SELECT df.await_instance(%s, 1)", instance, role="bob")
    for call in ("df.cancel(%s)", "df.signal(%s, 'go')"):
        with pytest.raises(psycopg.Error) as refused:
            database.query(f"SELECT {call}", instance, role="bob")
        assert refused.value.diag.message_primary == f"Instance not found or access denied: {instance}"
    assert status(database, instance, "alice") == "running"


def test_s15_members_of_the_owner_do(database: Any, erin: str) -> None:
    instance = run(database, "SELECT df.start(df.wait_for_signal('go'), 'of alice');")
    assert status(database, instance, erin) is None
    grant(database, "alice", to=erin)
    assert status(database, instance, erin) == "running"
    assert database.value("SELECT df.signal(%s, 'go')", instance, role=erin) == "OK"
    database.drive()
    assert status(database, instance, "alice") == "completed"


def test_s15_a_status_is_written_by_the_runtime_alone(database: Any) -> None:
    instance = run(database, "SELECT df.start(df.sleep(60));")
    for statement in (
        "UPDATE df.instance SET status = 'completed' WHERE id = %s",
        "DELETE FROM df.instance WHERE id = %s",
        "UPDATE df.instances SET status = 'completed' WHERE id = %s",
    ):
        with pytest.raises(psycopg.Error) as refused:
            database.query(statement, instance)
        assert refused.value.sqlstate in ("42501", "55000")
    assert status(database, instance, "alice") == "running"


def test_s15_variables_are_those_of_the_role(database: Any) -> None:
    database.query("SELECT df.setvar('x', 'of alice')")
    database.query("SELECT df.setvar('x', 'of bob')", role="bob")
    assert database.value("SELECT df.getvar('x')") == "of alice"
    assert database.query("SELECT name, value FROM df.vars", role="bob") == [("x", "of bob")]
    database.query("SELECT df.clearvars()", role="bob")
    assert database.value("SELECT df.getvar('x')") == "of alice"


def test_s15_usage_is_granted_and_taken_back(database: Any) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        database.query("SELECT df.status('00000000')", role="carol")
    database.query("SELECT df.grant_usage('carol')", role="dfowner")
    assert database.value("SELECT df.status('00000000')", role="carol") is None
    database.query("SELECT df.revoke_usage('carol')", role="dfowner")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        database.query("SELECT df.status('00000000')", role="carol")


def test_s15_usage_is_granted_by_the_runtimes_owner(database: Any) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        database.query("SELECT df.grant_usage('carol')", role="bob")


def test_s15_usage_with_the_right_to_grant_it(database: Any) -> None:
    database.query("SELECT df.grant_usage('bob', with_grant => true)", role="dfowner")
    assert database.query("SELECT total_instances FROM df.metrics()", role="bob") == [(0,)]
    database.query("SELECT df.grant_usage('carol')", role="bob")
    assert database.value("SELECT df.status('00000000')", role="carol") is None
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        database.query("SELECT df.metrics()", role="carol")


def test_s15_usage_is_taken_back_by_who_gave_it(database: Any) -> None:
    database.query("SELECT df.grant_usage('bob', with_grant => true)", role="dfowner")
    database.query("SELECT df.grant_usage('carol')", role="bob")
    database.query("SELECT df.revoke_usage('carol')", role="dfowner")
    assert database.value("SELECT df.status('00000000')", role="carol") is None
    # Nor does anybody lose it by taking it from himself.
    database.query("SELECT df.revoke_usage('bob')", role="bob")
    assert database.value("SELECT df.status('00000000')", role="bob") is None
    database.query("SELECT df.revoke_usage('carol')", role="bob")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        database.query("SELECT df.status('00000000')", role="carol")


def test_s15_an_instance_has_the_variables_of_who_started_it(database: Any) -> None:
    for role in ("alice", "bob"):
        database.query("SELECT df.setvar('who', %s)", f"of {role}", role=role)
    script = "SELECT df.start('SELECT ''{who}'' AS who');"
    for role in ("alice", "bob"):
        instance = run(database, script, role)
        result = database.value("SELECT df.result(%s)::jsonb", instance, role=role)
        assert result["rows"] == [{"who": f"of {role}"}]


def test_s10_defaults_of_the_role_for_transactions_do_not_hold(database: Any, erin: str) -> None:
    with database.connect(SUPERUSER) as administrator:
        for setting, value in (
            ("default_transaction_isolation", "serializable"),
            ("default_transaction_read_only", "on"),
        ):
            administrator.execute(
                SQL("ALTER ROLE {} SET {} = {}").format(Identifier(erin), Identifier(setting), value)
            )
    script = "SELECT df.start('SELECT current_setting(''transaction_isolation'') AS level, txid_current() > 0 AS writes');"
    instance = run(database, f"SET default_transaction_read_only = off; {script}", erin)
    database.drive(erin)
    result = database.value("SELECT df.result(%s)::jsonb", instance, role=erin)
    assert result["rows"] == [{"level": "read committed", "writes": True}]
