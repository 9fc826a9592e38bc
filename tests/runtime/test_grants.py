"""df.grant_usage and df.revoke_usage: who is let in, who may let others in, and what is left afterwards."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from psycopg import sql

from pgdurc.runtime import runtime_script


def refused(database: Any, statement: str, *parameters: Any, role: str = "alice") -> psycopg.Error:
    with pytest.raises(psycopg.Error) as caught:
        database.query(statement, *parameters, role=role)
    return caught.value


def notices(database: Any, statement: str, role: str = "dfowner") -> list[tuple[str, str]]:
    with database.connect(role) as connection:
        heard: list[tuple[str, str]] = []
        connection.add_notice_handler(
            lambda d: heard.append((d.severity_nonlocalized or "", d.message_primary or ""))
        )
        connection.execute(statement)
        return heard


@pytest.fixture
def dave(main_server):
    """A role of the test's own, whose name needs quotes."""
    name = 'Dave "D" Doe'
    with main_server.connect() as connection:
        quoted = sql.Identifier(name)
        if not connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (name,)).fetchall():
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(quoted))
        yield name


def test_grant_usage(workflows, dave):
    database = workflows.database
    assert refused(database, "SELECT df.version()", role=dave).sqlstate == "42501"
    heard = notices(database, "SELECT df.grant_usage(p_role => 'Dave \"D\" Doe')")
    assert heard == [("NOTICE", 'pgdurc: granted df usage privileges to "Dave "D" Doe"')]
    assert database.value("SELECT df.version()", role=dave)
    assert database.query("SELECT * FROM df.list_instances()", role=dave) == []
    # He was let in, and may not let others in.
    for call in ("df.grant_usage('carol')", "df.revoke_usage('carol')", "df.metrics()"):
        assert refused(database, f"SELECT {call}", role=dave).sqlstate == "42501"
    database.query("SELECT df.revoke_usage(%s)", dave, role="dfowner")
    assert refused(database, "SELECT df.version()", role=dave).sqlstate == "42501"
    with database.connect("dfowner") as connection:
        left = connection.execute(
            "SELECT count(*) FROM pg_class AS c, aclexplode(c.relacl) AS a WHERE a.grantee = quote_ident(%s)::regrole",
            (dave,),
        ).fetchone()
    assert left == (0,)


def test_grant_usage_with_grant(workflows, dave):
    database = workflows.database
    workflows.deploy("CREATE WORKFLOW w() AS 'SELECT 1';")
    database.query("SELECT df.grant_usage(%s, with_grant => true)", dave, role="dfowner")
    assert database.value("SELECT total_instances FROM df.metrics()", role=dave) == 0

    # What he hands on is as good as what df's owner gives.
    database.query("SELECT df.grant_usage('carol', false, true)", role=dave)
    database.query("GRANT EXECUTE ON FUNCTION w() TO carol")
    instance = workflows.start("public.w()", role="carol")
    assert database.query("SELECT id FROM df.instances", role="carol") == [(instance,)]
    assert database.value("SELECT total_instances FROM df.metrics()", role="carol") == 1
    assert database.value("SELECT df.status(%s)", instance, role="carol") == "pending"
    database.query("SELECT df.revoke_usage('carol')", role=dave)
    assert refused(database, "SELECT public.w()", role="carol").sqlstate == "42501"

    # It goes with what it hangs on; and nobody takes away what somebody else gave, himself included.
    database.query("SELECT df.grant_usage('carol')", role=dave)
    notices(database, "SELECT df.revoke_usage('Dave \"D\" Doe')", role=dave)
    assert database.value("SELECT df.version()", role=dave)
    database.query("SELECT df.revoke_usage(%s)", dave, role="dfowner")
    for role in (dave, "carol"):
        assert refused(database, "SELECT df.version()", role=role).sqlstate == "42501"


def test_granting_adds(workflows):
    database = workflows.database
    database.query("SELECT df.grant_usage('carol', with_grant => true)", role="dfowner")
    database.query("SELECT df.grant_usage('carol')", role="dfowner")
    assert database.value("SELECT total_instances FROM df.metrics()", role="carol") == 0
    with database.connect("dfowner") as connection:
        # A new runtime lets those in to its new tables as they were let in to the others.
        connection.execute("REVOKE ALL ON df.signal FROM carol CASCADE")
        connection.execute(runtime_script())
        assert connection.execute(
            "SELECT has_table_privilege('carol', 'df.signal', 'SELECT WITH GRANT OPTION')"
        ).fetchone() == (True,)


def test_include_http_says_that_it_does_nothing_yet(workflows):
    heard = notices(workflows.database, "SELECT df.grant_usage('carol', include_http => true)")
    assert heard == [
        ("WARNING", "include_http has no effect"),
        ("NOTICE", 'pgdurc: granted df usage privileges to "carol"'),
    ]


def test_a_role_that_does_not_exist(workflows):
    for function in ("grant_usage", "revoke_usage"):
        error = refused(workflows.database, f"SELECT df.{function}('nobody')", role="dfowner")
        assert (error.sqlstate, error.diag.message_primary) == ("42704", 'role "nobody" does not exist')


def test_the_runtimes_owner_cannot_lock_itself_out(database):
    """The functions that keep the state run with its rights: nobody's workflow would go on."""
    database.query("SELECT df.grant_usage('dfowner')", role="dfowner")
    problem = refused(database, "SELECT df.revoke_usage('dfowner')", role="dfowner")
    assert problem.sqlstate == "42501"
    assert "owns the runtime" in str(problem)
    assert database.value("SELECT count(*) FROM df.list_instances()") == 0
