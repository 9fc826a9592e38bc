"""Attacks from inside: step procedures that lie, names and settings that capture what the runtime says, texts that would be SQL."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import sql

# Answers that no compiled procedure gives. alice's own instance may end by them, and nothing else may happen.
LIES = {
    "a state that is not there": "step.state := 99;",
    "no state": "step.state := NULL;",
    "an unknown outcome": "step.outcome := 'promote';",
    "no outcome": "step.outcome := NULL;",
    "an answer that is NULL": "step := NULL;",
    "a park without a time": "step.outcome := 'park';",
    "a break at the top": "step.outcome := 'break';",
    "a failure of another's task": "step.outcome := 'fail'; step.detail := jsonb_build_object('task_id', {task}, 'seq', 1);",
    "a failure without a cause": "step.outcome := 'fail'; step.detail := '{{\"task_id\": 1}}';",
    "a fork to nowhere": "step := df.fork_v1(step, 'join', ARRAY[1, 99], 1);",
    "a fork without branches": "step := df.fork_v1(step, 'join', ARRAY[]::int[], 1);",
    "a fork of an unknown kind": "step := df.fork_v1(step, 'riot', ARRAY[1], 1);",
    "branches that are no numbers": 'step.outcome := \'spawn\'; step.detail := \'{{"kind": "join", "branches": ["1); --"]}}\';',
    "branches that are no list": 'step.outcome := \'spawn\'; step.detail := \'{{"kind": "join", "branches": {{"a": 1}}}}\';',
    "a wait for no signal": "step.outcome := 'wait'; step.detail := '{{\"signal\": \"\"}}';",
    "a wait that says nothing": "step.outcome := 'wait'; step.detail := '[]';",
    "the name of a hidden result": "step.name := '.result'; step.result := '1';",
    "a name that is too long": "step.name := repeat('n', 5000);",
    "a detail that is a number": "step.outcome := 'park'; step.wake_at := now(); step.detail := '5'; step.state := 99;",
}

LIAR = "CREATE OR REPLACE PROCEDURE {name}(INOUT {parameter} df.step_v1) LANGUAGE plpgsql AS $body$ BEGIN {body} END $body$"


@pytest.fixture
def others(workflows):
    """An instance of bob's that sleeps, and what all rows of it were."""
    workflows.deploy("CREATE WORKFLOW sleeps() AS 'SELECT 1 AS one' |=> x ~> df.sleep(100000);", role="bob")
    workflows.start("sleeps()", role="bob")
    workflows.database.drive("bob")
    return workflows, rows_of(workflows.database, "bob")


def rows_of(database, owner: str) -> list[object]:
    return [
        database.query(
            f"SELECT t.*::text FROM df.{table} AS t WHERE {condition} ORDER BY 1", owner, role="dfowner"
        )
        for table, condition in (
            ("instance", "owner = %s::regrole"),
            ("task", "owner = %s::regrole"),
            ("binding", "owner = %s::regrole"),
            ("step_run", "task_id IN (SELECT id FROM df.task WHERE owner = %s::regrole)"),
            ("stop_scope", "instance_id IN (SELECT id FROM df.instance WHERE owner = %s::regrole)"),
        )
    ]


@pytest.mark.parametrize("lie", LIES)
def test_a_procedure_that_lies_fails_its_own_task(others, lie):
    """ATTACK: alice writes the step procedure of her version by hand, and it answers with what the driver does not expect."""
    workflows, bobs = others
    database = workflows.database
    workflows.deploy("CREATE WORKFLOW w() AS 'SELECT 1 AS one' ~> 'SELECT 2 AS two';")
    name = database.value("SELECT procedure_name FROM df.workflow_version WHERE owner = 'alice'::regrole")
    task = database.value("SELECT id FROM df.task WHERE owner = 'bob'::regrole", role="bob")
    database.query(LIAR.format(name=name, parameter="step", body=LIES[lie].format(task=task)))
    workflows.deploy("CREATE WORKFLOW honest() AS 'SELECT 1 AS one';")
    liar, honest = workflows.start("w()"), workflows.start("honest()")
    database.drive()
    assert workflows.status(liar) == "failed"
    assert workflows.error(liar)["sqlstate"] == "PD007"
    assert workflows.status(honest) == "completed"
    assert rows_of(database, "bob") == bobs


def test_a_failure_whose_cause_is_written_as_text(workflows):
    """ATTACK: numbers as JSON strings, which pass for numbers where they are checked. An error would be the driver's own."""
    workflows.deploy("CREATE WORKFLOW w() AS 'SELECT 1 AS one';")
    name = workflows.database.value("SELECT procedure_name FROM df.workflow_version")
    body = "step.outcome := 'fail'; step.detail := jsonb_build_object('task_id', step.task_id::text, 'seq', '1');"
    workflows.database.query(LIAR.format(name=name, parameter="step", body=body))
    instance = workflows.start("w()")
    workflows.database.drive()
    assert workflows.status(instance) == "failed"


@pytest.mark.parametrize("parameter", ["step2", "task_id"])
def test_a_procedure_with_another_parameter_is_bounded(others, parameter):
    """ATTACK: the answer has not the column that the driver reads. That is no step's error but the driver's own: whoever comes next
    finds it again, until it has been counted five times. What stands behind it completes."""
    workflows, bobs = others
    database = workflows.database
    workflows.deploy("CREATE WORKFLOW w() AS 'SELECT 1 AS one';")
    name = database.value("SELECT procedure_name FROM df.workflow_version WHERE owner = 'alice'::regrole")
    database.query(f"DROP PROCEDURE {name}")
    database.query(LIAR.format(name=name, parameter=parameter, body=""))
    workflows.deploy("CREATE WORKFLOW honest() AS 'SELECT 1 AS one';")
    liar, honest = workflows.start("w()"), workflows.start("honest()")
    for _ in range(20):
        try:
            database.drive()
        except psycopg.Error:
            continue
        if workflows.status(liar) == "failed":
            break
    assert workflows.status(liar) == "failed"
    assert workflows.status(honest) == "completed"
    assert rows_of(database, "bob") == bobs


def test_a_procedure_that_takes_over_ids_does_not_move_another_task(others):
    """ATTACK: the answer names bob's task and instance. The driver believes no id."""
    workflows, bobs = others
    database = workflows.database
    workflows.deploy("CREATE WORKFLOW w() AS 'SELECT 1 AS one';")
    name = database.value("SELECT procedure_name FROM df.workflow_version WHERE owner = 'alice'::regrole")
    task, instance = database.query("SELECT id, instance_id FROM df.task", role="bob")[0]
    database.query(
        LIAR.format(
            name=name,
            parameter="step",
            body=f"step.task_id := {task}; step.instance_id := '{instance}'; step.outcome := 'done'; step.result := '\"mine\"';",
        )
    )
    liar = workflows.start("w()")
    database.drive()
    assert (workflows.status(liar), workflows.result(liar)) == ("completed", "mine")
    assert rows_of(database, "bob") == bobs


def test_overloads_of_a_step_procedure_are_not_called(any_workflows):
    """ATTACK: bob makes procedures of the name of alice's, with other arguments: polymorphic, with defaults, of a type that
    df.step_v1 is cast to by itself."""
    workflows = any_workflows
    database = workflows.database
    database.query("CREATE TABLE caught (who name, how text); GRANT ALL ON caught TO PUBLIC")
    workflows.deploy("CREATE WORKFLOW w() AS 'SELECT 1 AS one' ~> 'SELECT 2 AS two';")
    name = database.value("SELECT procedure_name FROM df.workflow_version")
    database.query(
        "CREATE TYPE disguise AS (task_id bigint);"
        " CREATE FUNCTION disguised(df.step_v1) RETURNS disguise LANGUAGE sql AS 'SELECT ROW($1.task_id)::disguise';"
        " CREATE CAST (df.step_v1 AS disguise) WITH FUNCTION disguised(df.step_v1) AS IMPLICIT",
        role="bob",
    )
    overloads = (
        "INOUT step anyelement", "INOUT step record", "INOUT step disguise", "INOUT step df.step_v1, more int DEFAULT 1",
        "INOUT step jsonb", "INOUT step text", "INOUT step df.step_v1, VARIADIC more int[] DEFAULT NULL",
        "VARIADIC step df.step_v1[]",
    )  # fmt: skip
    for overload in overloads:
        database.query(
            f"CREATE PROCEDURE {name}({overload}) LANGUAGE plpgsql AS"
            f" $$ BEGIN INSERT INTO caught VALUES (current_user, '{overload}'); END $$",
            role="bob",
        )
        instance = workflows.start("w()")
        database.drive()
        # Beside one with a default PostgreSQL says that it cannot choose: the step fails, and nothing of bob's has run.
        if workflows.status(instance) == "failed":
            assert workflows.error(instance)["sqlstate"] == "42725", overload
        else:
            assert workflows.status(instance) == "completed", overload
        assert database.query("SELECT * FROM caught") == []
    assert database.value("SELECT count(*) FROM df.instances WHERE status = 'completed'") == 3


@pytest.mark.parametrize("rights", ["SECURITY DEFINER", "SECURITY INVOKER"])
def test_flipping_the_rights_of_a_procedure_gives_none(any_workflows, rights):
    """ATTACK: alice flips her procedure between SECURITY DEFINER and INVOKER, also while it runs. In her own session there is nobody
    else to be: not df's owner, whose functions the driver calls, nor bob, who has drivers at the same time."""
    workflows = any_workflows
    database = workflows.database
    workflows.deploy(
        "CREATE WORKFLOW w() AS $$SELECT current_user::text AS me, session_user::text AS login, has_table_privilege('df.task', 'UPDATE') AS may$$"
        " |=> x ~> df.sleep(60) ~> 'SELECT current_user::text AS me, session_user::text AS login,"
        " has_table_privilege(''df.task'', ''UPDATE'') AS may';"
    )
    instance = workflows.start("w()")
    database.drive()
    name = database.value("SELECT procedure_name FROM df.workflow_version")
    database.query(f"ALTER PROCEDURE {name} {rights}")
    workflows.move_clock("2 minutes")
    database.drive("bob")
    database.drive()
    assert workflows.rows(instance) == [{"me": "alice", "login": "alice", "may": False}]


TRAPS = """
CREATE SCHEMA trap;
GRANT USAGE ON SCHEMA trap TO PUBLIC;
CREATE TABLE trap.caught (who name, what text);
GRANT ALL ON trap.caught TO PUBLIC;
"""

# Of the names that the runtime uses: what takes one of these signatures would be called in place of PostgreSQL's own.
FUNCTIONS = (
    "now() RETURNS timestamptz", "clock_timestamp() RETURNS timestamptz", "quote_ident(text) RETURNS text", "quote_ident(name) RETURNS text",
    "format(text, VARIADIC text[]) RETURNS text", "concat(VARIADIC text[]) RETURNS text", "current_schema() RETURNS name",
    "current_schemas(boolean) RETURNS name[]", "parse_ident(text) RETURNS text[]", "pg_notify(text, text) RETURNS void",
    "jsonb_build_object(VARIADIC text[]) RETURNS jsonb", "to_jsonb(anyelement) RETURNS jsonb", "pg_has_role(oid, text) RETURNS boolean",
    "set_config(text, text, boolean) RETURNS text", "pg_current_xact_id() RETURNS xid8", "unnest(bigint[]) RETURNS bigint",
    "cardinality(text[]) RETURNS int", "left(text, int) RETURNS text", "format_type(oid, int) RETURNS text", "btrim(text) RETURNS text",
    "string_to_array(text, text) RETURNS text[]", "has_function_privilege(oid, text) RETURNS boolean", "pg_sleep(double precision) RETURNS void",
)  # fmt: skip
OPERATORS = (
    ("=", "text", "text", "boolean"), ("=", "regrole", "regrole", "boolean"), ("=", "name", "text", "boolean"), ("=", "bigint", "bigint", "boolean"),
    ("=", "oid", "regrole", "boolean"), ("=", "regrole", "oid", "boolean"), ("=", "oid", "oid", "boolean"), ("=", "integer", "integer", "boolean"),
    ("<>", "text", "text", "boolean"), ("<>", "regrole", "regrole", "boolean"), (">", "integer", "integer", "boolean"),
    (">", "timestamptz", "timestamptz", "boolean"), ("<=", "timestamptz", "timestamptz", "boolean"), ("||", "text", "text", "text"),
    ("->>", "jsonb", "text", "text"), ("->", "jsonb", "text", "jsonb"), ("?", "jsonb", "text", "boolean"), ("+", "bigint", "integer", "bigint"),
    ("+", "timestamptz", "interval", "timestamptz"), ("-", "integer", "integer", "integer"), ("~", "text", "text", "boolean"),
    ("~*", "text", "text", "boolean"), ("/", "integer", "integer", "integer"),
)  # fmt: skip


def set_traps(database) -> None:
    """By bob: in a schema that stands before pg_catalog in a search_path, each would be taken for PostgreSQL's own."""
    with database.connect("bob") as bob:
        bob.execute(TRAPS)
        for signature in FUNCTIONS:
            head, _, result = signature.partition(" RETURNS ")
            what = head.partition("(")[0]
            bob.execute(
                f"CREATE FUNCTION trap.{head} RETURNS {result} LANGUAGE plpgsql AS"
                f" $$ BEGIN INSERT INTO trap.caught VALUES (current_user, '{what}'); RAISE EXCEPTION 'caught {what}'; END $$"
            )
        for number, (name, left, right, result) in enumerate(OPERATORS):
            bob.execute(
                f"CREATE FUNCTION trap.operator_{number}({left}, {right}) RETURNS {result} LANGUAGE plpgsql AS"
                f" $$ BEGIN INSERT INTO trap.caught VALUES (current_user, '{name} {left}'); RAISE EXCEPTION 'caught {name} {left}'; END $$"
            )
            bob.execute(
                f"CREATE OPERATOR trap.{name} (LEFTARG = {left}, RIGHTARG = {right}, FUNCTION = trap.operator_{number})"
            )
        for relation in (
            "request",
            "task",
            "instance",
            "pg_proc",
            "pg_namespace",
            "pg_roles",
            "pg_stat_activity",
        ):
            bob.execute(f"CREATE TABLE trap.{relation} (x int); GRANT SELECT ON trap.{relation} TO PUBLIC")


def test_what_stands_before_pg_catalog_in_the_search_path_is_not_used(any_workflows):
    """ATTACK: operators, functions and tables of bob's that shadow PostgreSQL's own, and temporary ones besides, in a session that
    asks for everything and in one that drives."""
    workflows = any_workflows
    database = workflows.database
    workflows.deploy(
        "CREATE WORKFLOW w(n int DEFAULT 1) WITH (max_attempts = 2) AS 'SELECT $n AS n' |=> x"
        " ~> (df.wait_for_signal('go', 60) & df.sleep(1) & 'SELECT $x AS n') |=> j"
        " ~> ('SELECT $x AS n' | df.wait_for_schedule('* * * * *')) |=> r ~> 'SELECT ''{greeting} {sys_label}'' AS said, $x.rows AS x' |=> y"
        " ~> 'SELECT 1/0 AS z';"
    )
    set_traps(database)
    hostile_path = "trap, pg_temp, pg_catalog, public"
    with database.connect() as alice:
        alice.execute(
            "CREATE TEMP TABLE request (x int); CREATE TEMP TABLE task (x int); CREATE TEMP TABLE pg_proc (x int)"
        )
        alice.execute(f"SET search_path = {hostile_path}")
        for call in (
            "df.setvar('greeting', 'hello')", "df.getvar('greeting')", "public.w()", "df.start_workflow('public.w', '{\"n\": 2}', 'label', 'key')",
            "df.version()", "df.now()", "df.explain('w')", "df.prune_versions()", "df.signal_label('none', 'go')", "df.clearvars()", "df.setvar('greeting', 'hi')",
        ):  # fmt: skip
            alice.execute(f"SELECT {call}")
        row = alice.execute("SELECT df.start_workflow('public.w', label => 'l')").fetchone()
        assert row is not None
        instance = row[0]
        database.query(
            f"ALTER ROLE alice IN DATABASE {database.name} SET search_path = {hostile_path}", role="postgres"
        )
        for _ in range(3):
            database.drive()
            workflows.move_clock("2 minutes")
        for call in (
            "df.status('{}')", "df.explain('{}')", "df.signal('{}', 'go', 'x')", "df.await_instance('{}', 1)", "df.result('{}')", "df.cancel('{}')",
        ):  # fmt: skip
            alice.execute(f"SELECT {call.format(instance)}")
        for relation in (
            "df.list_instances()", "df.list_instances(NULL, 10, 'l')", f"df.timeline('{instance}')", f"df.waiting('{instance}')",
            f"df.error('{instance}')", f"df.instance_info('{instance}')", "df.instances", "df.workflows",
        ):  # fmt: skip
            alice.execute(f"SELECT count(*) FROM {relation}")
        alice.execute("CALL df.janitor(0)")
        alice.execute("SELECT df.watch_v1()")
    assert database.query("SELECT who, what FROM trap.caught", role="bob") == []
    assert workflows.status(instance) == "failed"
    assert workflows.error(instance)["sqlstate"] == "22012"


def test_deploying_under_a_hostile_path_uses_nothing_of_it(any_workflows):
    """ATTACK: the same while a script is run: registration, definition of calls, redeployment with another signature, drop."""
    workflows = any_workflows
    database = workflows.database
    set_traps(database)
    database.query(
        f"ALTER ROLE alice IN DATABASE {database.name} SET search_path = public, trap, pg_temp, pg_catalog",
        role="postgres",
    )
    # In the steps themselves alice would get what she asks for.
    workflows.deploy("CREATE WORKFLOW w(a int) AS df.sleep(1);")
    workflows.deploy("CREATE WORKFLOW w(a int, b text DEFAULT 'x') AS df.sleep(2);")
    workflows.deploy("SELECT df.start(df.sleep(3));")
    workflows.deploy("DROP WORKFLOW w;")
    assert database.query("SELECT who, what FROM trap.caught", role="bob") == []
    assert database.value("SELECT count(*) FROM df.instances") == 1


INJECTION = (
    """'; DROP TABLE prey; --"$$ $sql$ \\' E'\\'' || (SELECT 1/0) {sys_instance_id} $x ${prey} %s %I %1$s"""
)
# Written in the workflow, where braces would be a variable.
SIGNAL = "'; DROP TABLE prey; --"


def test_texts_of_all_kinds_stay_texts(any_workflows):
    """ATTACK: SQL in label, key, argument, variable and its name, signal's name and payload, reason of a cancel, names of workflow,
    schema, parameter, result and column."""
    workflows = any_workflows
    database = workflows.database
    name = 'it\'s; "DROP" TABLE prey --'
    quoted = sql.Identifier(name).as_string()
    database.query("CREATE TABLE prey (x int)")
    database.query(f"CREATE SCHEMA {quoted}")
    with database.connect() as alice:
        alice.execute("SELECT df.setvar('greeting', %s), df.setvar(%s, 'x')", (INJECTION, INJECTION))
    workflows.deploy(
        f"CREATE WORKFLOW {quoted}.{quoted}({quoted} text) AS $a$SELECT ${quoted} AS {quoted}, '{{greeting}}' AS greeting, '{{sys_label}}' AS label$a$"
        f" |=> x ~> df.wait_for_signal({sql.Literal(SIGNAL).as_string()}) |=> sent"
        f" ~> $a$SELECT $x.{quoted} AS n, $x.greeting AS greeting, $x.label AS label, $sent.data AS data$a$;"
    )
    started = [
        database.value(
            "SELECT df.start_workflow(%s, jsonb_build_object(%s::text, %s::text), label => %s, key => %s)",
            f"{quoted}.{quoted}", name, INJECTION, INJECTION, INJECTION + str(number),
        )
        for number in range(2)
    ]  # fmt: skip
    database.drive()
    assert database.value("SELECT df.signal_label(%s, %s, %s)", INJECTION, SIGNAL, INJECTION) == 2
    database.query("SELECT df.cancel(%s, %s)", started[1], INJECTION)
    database.drive()
    assert [workflows.status(instance) for instance in started] == ["completed", "cancelled"]
    assert workflows.rows(started[0]) == [
        {"n": INJECTION, "greeting": INJECTION, "label": INJECTION, "data": INJECTION}
    ]
    assert database.value("SELECT output FROM df.instance_info(%s)", started[1]) == INJECTION
    assert database.value("SELECT df.explain(%s)", started[0])
    assert database.query("SELECT * FROM prey") == []


def test_arguments_that_the_starter_would_not_give(any_workflows):
    """ATTACK: carol may start alice's workflow. She asks for it herself, with arguments that are not of the parameter's type, are
    objects, or are not there: each fails her own instance, as data, and runs nothing."""
    workflows = any_workflows
    database = workflows.database
    database.query("CREATE TABLE prey (x int)")
    workflows.deploy(
        "CREATE WORKFLOW w(n int, t text, d date) AS 'SELECT $n AS n, $t AS t, $d AS d, ''$t'' AS quoted';"
    )
    database.query("SELECT df.grant_usage('carol')", role="dfowner")
    try:
        database.query("GRANT EXECUTE ON FUNCTION w(int, text, date) TO carol")
        for args in (
            '{"n": "1); DROP TABLE prey; --"}', '{"n": {"a": 1}}', '{"n": [1, 2]}', '"n"', "[]", "null", '{"sql$1": "DROP TABLE prey"}',
            '{"n": "1::int; DROP TABLE prey"}', '{"d": "now\'); DROP TABLE prey; --"}',
        ):  # fmt: skip
            instance = database.value(
                "SELECT df.ask_v1('start', NULL, jsonb_build_object('schema', 'public', 'name', 'w', 'args', %s::jsonb))",
                args,
                role="carol",
            )
            database.drive()
            # NULL is what an argument that is missing reads as.
            assert workflows.status(instance) in ("failed", "completed")
            if workflows.status(instance) == "failed":
                assert workflows.error(instance)["sqlstate"][:2] == "22", args
        assert database.query("SELECT * FROM prey") == []
    finally:
        database.query("SELECT df.revoke_usage('carol')", role="dfowner")


SETTINGS = (
    "quote_all_identifiers = on", "standard_conforming_strings = off", "transform_null_equals = on", "plpgsql.extra_errors = 'all'",
    "default_transaction_isolation = 'repeatable read'", "bytea_output = 'escape'", "datestyle = 'German'",
    "check_function_bodies = off", "jit_above_cost = 0", "enable_indexscan = off", "search_path = ''", "timezone = 'Asia/Kathmandu'",
    "lock_timeout = '50ms'", "role = 'alice'",
)  # fmt: skip


def test_row_security_cannot_be_turned_off(workflows):
    """ATTACK: row_security = off, which asks for an error where rows would be hidden: no start, no answer, and nothing has happened."""
    workflows.deploy("CREATE WORKFLOW w() AS 'SELECT 1 AS one';")
    with workflows.database.connect() as alice:
        alice.execute("SET row_security = off")
        for call in ("w()", "df.setvar('a', 'b')", "df.status('x')"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                alice.execute(f"SELECT {call}")
    assert workflows.database.query("SELECT id FROM df.instances") == []


@pytest.mark.parametrize("setting", SETTINGS)
def test_settings_of_a_caller_change_nothing(workflows, setting):
    """ATTACK: what a session sets before it deploys, starts, signals and drives, as role defaults that reach every function."""
    database = workflows.database
    if setting.startswith("standard") and database.server.major >= 19:
        pytest.skip("this server knows no other way to read strings")
    workflows.deploy(
        "CREATE WORKFLOW w(t text) AS 'SELECT $t AS t' |=> x ~> df.wait_for_signal('go') ~> 'SELECT $x AS t';"
    )
    if not setting.startswith("role"):
        database.query(f"ALTER ROLE alice IN DATABASE {database.name} SET {setting}", role="postgres")
    try:
        with database.connect() as alice:
            if setting.startswith("role"):
                alice.execute(f"SET {setting}")
            row = alice.execute("SELECT public.w(%s)", (INJECTION,)).fetchone()
            assert row is not None
            instance = row[0]
            alice.execute("SELECT df.setvar('a', 'b')")
            alice.execute("CALL df.run(0, NULL)")
            alice.execute("SELECT df.signal(%s, 'go', '1')", (instance,))
            alice.execute("CALL df.run(0, NULL)")
        if "search_path" not in setting:
            workflows.deploy("CREATE WORKFLOW w(t text, u int DEFAULT 1) AS 'SELECT $t AS t, $u AS u';")
    finally:
        database.query(f"ALTER ROLE alice IN DATABASE {database.name} RESET ALL", role="postgres")
    assert workflows.status(instance) == "completed"
    assert workflows.rows(instance) == [{"t": INJECTION}]
