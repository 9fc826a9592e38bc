"""Calls for the compiler that reach the database: each says what to do, however it is written."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from pgdurc.codes import explain


@pytest.mark.parametrize(
    "call",
    [
        "df.start('SELECT 1')",
        "df.start('SELECT 1', 'label', NULL, 'new')",
        "df.start(fut => 'SELECT 1', label => 'x')",
        "df.start('SELECT 1', '{}')",
        "df.start(NULL)",
        "df.sql('SELECT 1')",
        "df.sql(query => NULL)",
        "df.seq('SELECT 1', 'SELECT 2')",
        "df.seq(a => 'SELECT 1', b => 'SELECT 2')",
        "df.as('SELECT 1', 'x')",
        "df.as(fut => 'SELECT 1', name => 'x')",
        "df.join('a', 'b')",
        "df.join(a => 'a', b => 'b')",
        "df.join('a', 'b', 'c', 'd')",
        "df.join3('a', 'b', 'c')",
        "df.join3(a => 'a', b => 'b', c => 'c')",
        "df.race('a', 'b')",
        "df.race(a => 'a', b => 'b')",
        "df.race('a', 'b', 'c')",
        "df.if('a', 'b', 'c')",
        "df.if(condition => 'a', then_branch => 'b', else_branch => 'c')",
        "df.if_rows('a', 'b', 'c')",
        "df.if_rows(result_name => 'a', then_branch => 'b', else_branch => 'c')",
        "df.loop('a')",
        "df.loop('a', 'b')",
        "df.loop(body => 'a', condition => 'b')",
        "df.break()",
        "df.break('a')",
        "df.break(value => NULL)",
        "df.break(42)",
        "df.break(jsonb_build_object('a', 1))",
        "df.sleep(1)",
        "df.sleep(1.5)",
        "df.sleep('1 hour')",
        "df.sleep(interval '1 hour')",
        "df.sleep(seconds => 86400)",
        "df.sleep(NULL)",
        "df.wait_for_schedule('* * * * *')",
        "df.wait_for_schedule(cron_expr => '* * * * *')",
        "df.wait_for_schedule('* * * * *', 'UTC')",
        "df.wait_for_signal('a')",
        "df.wait_for_signal('a', 5)",
        "df.wait_for_signal('a', '1 hour')",
        "df.wait_for_signal('a', NULL)",
        "df.wait_for_signal(name => 'a', timeout_seconds => 5)",
    ],
)
def test_it_names_the_compiler(database: Any, call: str) -> None:
    with pytest.raises(psycopg.errors.FeatureNotSupported) as refused:
        database.query(f"SELECT {call}")
    said = refused.value.diag
    name = call[: call.index("(")]
    assert said.message_primary == f"{name}() is compiled, not called"
    assert "pgdurc compile" in str(said.message_hint)


def test_the_innermost_call_of_an_expression(database: Any) -> None:
    with pytest.raises(psycopg.errors.FeatureNotSupported, match=r"df\.sleep\(\) is compiled, not called"):
        database.query("SELECT df.start(df.seq('SELECT 1', df.sleep(5)))")


def test_operators_do_not_exist(database: Any) -> None:
    with pytest.raises(psycopg.errors.UndefinedFunction, match="operator does not exist: unknown ~> unknown"):
        database.query("SELECT df.start('SELECT 1' ~> 'SELECT 2')")


@pytest.mark.parametrize(
    "expression",
    [
        "'a' ~> 'b'",
        "$$a$$ ~> df.sleep(5)",
        "'a' |=> 'b' ~> 'c'",
        "'a' & 'b'",
        "'a' | 'b'",
        "df.sleep(5) & df.sleep(6)",
        "'a' | df.sleep(5)",
        "'c' ?> 'a' !> 'b'",
        "@> 'a'",
        "@> df.sleep(5)",
        "df.loop('a' |=> 'b')",
        "'a' OPERATOR(pg_catalog.~>) 'b'",
        "'a' OPERATOR(pg_catalog.&) 'b'",
        "OPERATOR(pg_catalog.@>) 'a'",
    ],
)
def test_what_postgresql_says_is_explained(any_database: Any, expression: str) -> None:
    with pytest.raises(psycopg.Error) as refused:
        any_database.query(f"SELECT df.start({expression})")
    assert "pgdurc compile" in str(explain(str(refused.value)))


@pytest.mark.parametrize(
    ("call", "instead"),
    [
        ("df.http('https://example.com')", "a function of yours"),
        (
            "df.http(url => 'u', method => 'GET', body => NULL, headers => '{}', timeout_seconds => 5)",
            "a function of yours",
        ),
        ("df.http_multipart('https://example.com', parts => '[]')", "a function of yours"),
        (
            "df.http_multipart(url => 'u', method => 'PUT', parts => '[]', headers => '{}', timeout_seconds => 5)",
            "a function of yours",
        ),
        ("df.as_op('a', 'x')", "step |=> name"),
        ("df.loop_prefix_op('a')", "@> (body)"),
        ("df.if_then_op('a', NULL)", "?> then_branch"),
        ("df.if_else_op('a', 'b')", "!> else_branch"),
        ("df.target_database()", "current_database()"),
        ("df.duroxide_schema()", "schema df"),
    ],
)
def test_what_is_not_there(database: Any, call: str, instead: str) -> None:
    """What the compiler refuses does not send to the compiler."""
    with pytest.raises(psycopg.errors.FeatureNotSupported) as refused:
        database.query(f"SELECT {call}")
    said = refused.value.diag
    assert said.message_primary == f"{call[: call.index('(')]}() is not supported"
    assert instead in str(said.message_hint)
    assert "pgdurc compile" not in str(said.message_hint)


@pytest.mark.parametrize(
    "call", ["df.foo('a')", "df.map('a', 'b')", "df.start(1)", "df.join4('a', 'b', 'c', 'd')"]
)
def test_a_function_that_there_is_not_is_explained(database: Any, call: str) -> None:
    with pytest.raises(psycopg.errors.UndefinedFunction) as refused:
        database.query(f"SELECT {call}")
    assert "pgdurc compile" in str(explain(str(refused.value)))


@pytest.mark.parametrize("argument", ["'a1b2c3d4'", "'a1b2c3d4'::text", "instance_id => 'a1b2c3d4'", "NULL"])
def test_run_of_an_instance_does_nothing(database: Any, argument: str) -> None:
    """As in pg_durable; what it says is what to do."""
    assert database.value(f"SELECT df.run({argument})").startswith(
        "Nothing to do: an instance runs by itself"
    )


@pytest.mark.parametrize("arguments", ["", "0", "0.5", "0, NULL", "max_seconds => 0", "'0', NULL"])
def test_run_is_the_driver(database: Any, arguments: str) -> None:
    assert database.query(f"CALL df.run({arguments})") == [(None,)]


@pytest.mark.parametrize(
    ("call", "parameters"),
    [
        ("CALL df.run()", ()),
        ("CALL df.run(0)", ()),
        ("CALL df.run('0', NULL)", ()),
        ("CALL df.run(%s)", (0,)),
        # Text has no type on its way, as most drivers send all of their parameters.
        ("CALL df.run(%s, NULL)", ("0",)),
        ("CALL df.run(%s, %s)", (0.0, None)),
        ("CALL df.run(%s, %s)", ("0", None)),
        ("CALL df.run(max_seconds => %s)", ("0",)),
        ("CALL df.run(%s::float8)", ("0",)),
    ],
)
def test_the_driver_is_called_as_drivers_of_databases_do(any_workflows, call, parameters):
    any_workflows.deploy("CREATE WORKFLOW w() AS 'SELECT 1';")
    instance = any_workflows.start("w()")
    any_workflows.database.query(call, *parameters)
    assert any_workflows.status(instance) == "completed"


def test_one_value_of_no_type_is_the_stub_of_pg_durable(any_workflows):
    """PostgreSQL prefers text, whether it is called or selected, and a function and a procedure cannot both have it."""
    database = any_workflows.database
    with pytest.raises(psycopg.errors.WrongObjectType, match=r"df\.run\(unknown\) is not a procedure"):
        database.query("CALL df.run(%s)", "60")
    assert database.value("SELECT df.run('0123abcd')").startswith("Nothing to do")


def test_run_without_an_instance_is_explained(database: Any) -> None:
    with pytest.raises(psycopg.errors.WrongObjectType) as refused:
        database.query("SELECT df.run()")
    assert "an instance runs by itself" in str(explain(str(refused.value)))
