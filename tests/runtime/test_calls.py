"""df.start calls: compiled, run by psql as a user would, and the instances that they start."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from pgdurc.compile import compile_text

Ran = subprocess.CompletedProcess[str]


@pytest.fixture
def psql(database: Any) -> Callable[..., Ran]:
    """Compiles a script and runs it, in a role's session."""

    def run(text: str, role: str = "alice", *, may_fail: bool = False) -> Ran:
        compiled = compile_text(text, file="script.sql")
        assert not compiled.has_errors, [d.message for d in compiled.diagnostics]
        command = [database.server.psql, "-XqAt", "-v", "ON_ERROR_STOP=1"]
        ran = subprocess.run(
            [*command, "-d", database.conninfo(role)],
            input=compiled.sql,
            capture_output=True,
            text=True,
            check=False,
        )
        assert may_fail or ran.returncode == 0, ran.stderr
        return ran

    return run


def rows(workflows: Any, instance: str) -> Any:
    workflows.drive_until_ended(instance)
    assert workflows.status(instance) == "completed", workflows.error(instance)
    found = workflows.database.value("SELECT df.result(%s)::jsonb", instance, role="dfowner")
    return found["rows"]


def value(workflows: Any, instance: str) -> Any:
    ((only,),) = (row.values() for row in rows(workflows, instance))
    return only


def test_a_call(psql: Any, workflows: Any) -> None:
    instance = psql("SELECT df.start('SELECT 1' ~> 'SELECT 2 AS b', 'nightly');").stdout.strip()
    assert rows(workflows, instance) == [{"b": 2}]
    found = workflows.database.query("SELECT label, workflow, owner::text, starter::text FROM df.instances")
    assert [tuple(row[i] for i in (0, 2, 3)) for row in found] == [("nightly", "alice", "alice")]
    assert found[0][1].startswith("public.df_start__")


def test_several_in_a_statement_and_gset(psql: Any, workflows: Any) -> None:
    ran = psql(
        "SELECT df.start('SELECT 1 AS n') AS one, df.start('SELECT 2 AS n', label => 'x') AS two \\gset\n"
        "\\echo :one :two\n"
    )
    one, two = ran.stdout.split()
    assert (value(workflows, one), value(workflows, two)) == (1, 2)


def test_in_the_statements_that_take_a_query(psql: Any, workflows: Any) -> None:
    ran = psql(
        """
        CREATE TEMP TABLE started (id text);
        INSERT INTO started SELECT df.start('SELECT 1 AS n') FROM generate_series(1, 3);
        WITH one AS (SELECT df.start('SELECT 1 AS n') AS id) INSERT INTO started SELECT id FROM one;
        CREATE TEMP TABLE more AS SELECT df.start('SELECT 1 AS n') AS id;
        SELECT id FROM started UNION ALL SELECT id FROM more;
        """
    )
    instances = ran.stdout.split()
    assert len(set(instances)) == 5
    assert [value(workflows, instance) for instance in instances] == [1] * 5
    assert workflows.database.value("SELECT count(*) FROM df.workflow_version") == 1


def test_what_is_not_constant_is_evaluated_where_the_call_stands(psql: Any, workflows: Any) -> None:
    ran = psql(
        """
        \\set n 40
        SELECT df.start(
            ('SELECT ' || i || ' + ' || :n || ' AS n, ''it''''s '' || $$a$$ AS t') |=> 'r'
            ~> df.sleep(i * 0.001)
            ~> format('INSERT INTO %I VALUES (%L)', 'log', i)
            ~> 'SELECT $r.n AS n',
            'number ' || i)
        FROM generate_series(1, 2) AS i;
        """.replace("SELECT df.start", "CREATE TABLE log (n text); SELECT df.start", 1)
    )
    assert [value(workflows, instance) for instance in ran.stdout.split()] == [41, 42]
    labels = workflows.database.query("SELECT label FROM df.instances ORDER BY label")
    assert labels == [("number 1",), ("number 2",)]
    assert workflows.database.query("SELECT n FROM log ORDER BY n", role="alice") == [("1",), ("2",)]


def test_sql_that_is_all_expression(psql: Any, workflows: Any) -> None:
    ran = psql(
        """
        \\set q 'SELECT 5 AS n'
        SELECT df.start(:'q');
        SELECT df.start(q |=> 'r' ~> 'SELECT $r.n * 2 AS n') FROM (VALUES ('  -- five\n (SELECT 5 AS n);')) AS v (q);
        """
    )
    assert [value(workflows, instance) for instance in ran.stdout.split()] == [5, 10]


@pytest.mark.parametrize("mark", ["$$", "'", "E'"])
def test_in_a_do_block(psql: Any, workflows: Any, mark: str) -> None:
    body = """
        DECLARE v int := 7;
        BEGIN
            PERFORM df.start('SELECT ''it''''s'' AS a' ~> ('SELECT ' || v || ' AS n'), 'from ''DO''');
        END"""
    body = body if mark == "$$" else body.replace("'", "''")
    psql(f"DO {mark}{body} {mark[-2:] if mark == '$$' else mark[-1]};")
    ((instance, label),) = workflows.database.query("SELECT id, label FROM df.instances")
    assert label == "from 'DO'"
    assert value(workflows, instance) == 7


FUNCTION = """
    CREATE SCHEMA app;
    SET search_path = app;
    CREATE TABLE orders (id int);
    CREATE FUNCTION place(n int) RETURNS text LANGUAGE sql {0}
    AS 'SELECT df.start(''INSERT INTO orders VALUES (1)'' ~> ''SELECT count(*) AS n FROM orders'', n::text)';
    GRANT USAGE ON SCHEMA app TO bob;
"""


def test_in_a_function_of_definers_rights(psql: Any, workflows: Any) -> None:
    psql(FUNCTION.format("SECURITY DEFINER"))
    # Whoever calls it, and under whatever search_path.
    instance = workflows.start("app.place(5)", role="bob")
    assert value(workflows, instance) == 1
    assert workflows.database.query("SELECT owner::text, starter::text, label FROM df.instances") == [
        ("alice", "alice", "5")
    ]


@pytest.mark.parametrize("path", ["''", "pg_catalog", "pg_temp", "nowhere", "bobs, nowhere"])
def test_in_a_function_with_a_search_path_of_its_own(psql: Any, workflows: Any, path: str) -> None:
    """One's own version is found wherever it is, also where the path names no schema at all."""
    workflows.database.query("CREATE SCHEMA bobs", role="postgres")
    ran = psql(
        f"""
        CREATE FUNCTION begin_it(n int) RETURNS text LANGUAGE sql SECURITY DEFINER SET search_path = {path}
        AS $$ SELECT df.start('SELECT ' || n || ' AS n') $$;
        SELECT begin_it(4);
        """
    )
    assert value(workflows, ran.stdout.strip()) == 4


def test_no_message_of_ours_where_backslashes_escape(psql: Any) -> None:
    ran = psql("SET standard_conforming_strings = off; SELECT df.start('SELECT 1 AS n');")
    assert ran.stderr == ""


def test_in_a_function_of_its_callers_rights(psql: Any, workflows: Any) -> None:
    import psycopg

    psql(FUNCTION.format(""))
    assert value(workflows, workflows.start("app.place(5)")) == 1
    with pytest.raises(psycopg.errors.InsufficientPrivilege) as refused:
        workflows.start("app.place(5)", role="bob")
    assert refused.value.diag.message_primary == "permission denied for the workflow of this df.start call"
    assert "GRANT EXECUTE ON PROCEDURE app.df_start__" in str(refused.value.diag.message_hint)
    procedure = workflows.database.value("SELECT procedure_name FROM df.workflow_version")
    workflows.database.query(f"GRANT EXECUTE ON PROCEDURE app.{procedure} TO bob", role="alice")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        workflows.start("app.place(5)", role="bob")
    with workflows.database.connect("bob") as connection:
        connection.execute("SET search_path = app")
        (instance,) = connection.execute("SELECT place(6)").fetchone()
    assert value(workflows, instance) == 2
    owners = workflows.database.query("SELECT owner::text, starter::text FROM df.instances WHERE label = '6'")
    assert owners == [("alice", "bob")]


def test_a_foreign_version_of_the_same_hash_is_not_taken(psql: Any, workflows: Any) -> None:
    """Whoever reads the hash in a function's body may make a procedure of that hash, and give all the right to it."""
    import psycopg

    psql(FUNCTION.format(""))
    hash_ = workflows.database.value("SELECT hash FROM df.workflow_version")
    definition = """'{"file": "x", "line": 1, "source": "", "parameters": [], "states": [], "graph": {}}'"""
    with workflows.database.connect("bob") as connection:
        connection.execute("CREATE SCHEMA trap")
        connection.execute("GRANT USAGE ON SCHEMA trap TO PUBLIC")
        connection.execute("SET search_path = trap")
        connection.execute(f"SELECT df.define_call_v1('{hash_}', 'BEGIN END', {definition})")
        connection.execute(f"GRANT EXECUTE ON PROCEDURE df_start__{hash_} TO PUBLIC")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        workflows.start("app.place(5)", role="carol")
    assert value(workflows, workflows.start("app.place(5)", role="alice")) == 1


def test_text_that_becomes_sql_is_its_owners_alone(psql: Any, workflows: Any) -> None:
    import psycopg

    psql(
        "CREATE SCHEMA app; GRANT USAGE ON SCHEMA app TO bob; SET search_path = app;"
        "CREATE FUNCTION f(q text) RETURNS text LANGUAGE sql AS $$ SELECT df.start('SELECT ' || q) $$;"
    )
    procedure = workflows.database.value("SELECT procedure_name FROM df.workflow_version")
    workflows.database.query(f"GRANT EXECUTE ON PROCEDURE app.{procedure} TO bob", role="alice")
    with workflows.database.connect("bob") as connection:
        connection.execute("SET search_path = app")
        with pytest.raises(psycopg.Error) as refused:
            connection.execute("SELECT f('1')")
        assert refused.value.sqlstate == "PD004"


def test_role_and_search_path_of_each_statement(psql: Any, workflows: Any) -> None:
    call = "SELECT df.start('SELECT current_user || '' '' || current_schema AS w');\n"
    ran = psql(
        "SET ROLE alice;\n"
        + call
        + "SET ROLE bob;\n"
        + call
        + "CREATE SCHEMA own; SET search_path = own, public;\n"
        + call
        + "SET search_path = own;\n"
        + call
        + "BEGIN;\nSET search_path = public;\n"
        + call.replace("df.start(", "'rolled back ' || df.start(")
        + "ROLLBACK;\n\\if false\n"
        + call
        + "\\endif\n\\c\nSET ROLE bob;\n"
        + call,
        role="postgres",
    )
    workflows.database.drive(role="bob")
    found = [
        line for line in ran.stdout.split("\n") if line and "rolled" not in line and "connected" not in line
    ]
    assert [value(workflows, instance) for instance in found] == [
        "alice public",
        "bob public",
        "bob own",
        "bob own",
        "bob public",
    ]


def test_the_same_script_again(psql: Any, workflows: Any) -> None:
    for _ in range(2):
        psql("SELECT df.start('SELECT 1 AS n');")
    assert workflows.database.value("SELECT count(*) FROM df.workflow_version") == 1
    assert workflows.database.value("SELECT count(*) FROM df.instances") == 2


@pytest.mark.parametrize(
    ("argument", "sqlstate", "message"),
    [
        ("NULL, NULL", None, ""),
        ("'x', current_database()", None, ""),
        ("database => NULL, label => 'x', transaction_mode => 'Caller'", None, ""),
        ("'x', 'nowhere'", "3D000", 'database "nowhere" does not exist'),
        ("'x', 'postgres'", "0A000", "a workflow runs in the database in which it is started"),
        ("transaction_mode => lower('NEW')", "0A000", "a start in a transaction of its own is not possible"),
        ("transaction_mode => lower('OLD')", "22023", 'invalid transaction_mode "old" for df.start()'),
    ],
)
def test_the_other_arguments(psql: Any, argument: str, sqlstate: str | None, message: str) -> None:
    ran = psql(f"\\set VERBOSITY verbose\nSELECT df.start('SELECT 1', {argument});", may_fail=True)
    assert (ran.returncode == 0) == (sqlstate is None), ran.stderr
    if sqlstate is not None:
        assert f"ERROR:  {sqlstate}: {message}" in ran.stderr


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("df.start('SELECT ' || NULL::text)", "the SQL text of a step is NULL"),
        (
            """df.start(replace('{"node_type": "SQL", "query": "SELECT !"}', '!', '1'))""",
            "a workflow cannot be started from its JSON graph",
        ),
    ],
)
def test_text_that_cannot_be(psql: Any, call: str, message: str) -> None:
    assert message in psql(f"SELECT {call};", may_fail=True).stderr


def test_a_superuser(psql: Any) -> None:
    ran = psql("SELECT df.start('SELECT 1');", role="postgres", may_fail=True)
    assert "a superuser cannot own a workflow" in ran.stderr


def test_a_schema_that_is_not_ours(psql: Any, workflows: Any) -> None:
    workflows.database.query("CREATE SCHEMA theirs", role="dfowner")
    workflows.database.query("GRANT USAGE ON SCHEMA theirs TO alice", role="dfowner")
    ran = psql("SET search_path = theirs; SELECT df.start('SELECT 1');", may_fail=True)
    assert "permission denied for schema theirs" in ran.stderr
    assert "GRANT CREATE ON SCHEMA theirs TO alice" in ran.stderr


def test_what_is_pruned(psql: Any, workflows: Any) -> None:
    psql("SELECT df.start('SELECT 1');")
    psql("CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$ SELECT df.start('SELECT 2') $$;")
    psql("SELECT df.start('SELECT 3');")
    psql("CREATE FUNCTION g() RETURNS text LANGUAGE sql AS $$ SELECT df.start('SELECT 3') $$;")
    workflows.database.query("DELETE FROM df.instance", role="dfowner")

    def prune() -> int:
        return len(workflows.database.query("SELECT df.prune_versions()", role="alice"))

    assert prune() == 0
    workflows.move_clock("2 days")
    assert prune() == 1
    assert workflows.database.value("SELECT count(*) FROM df.workflow_version") == 2
    assert workflows.start("f()")
    assert workflows.start("g()")


def test_first_row_of_one_column(psql: Any, workflows: Any) -> None:
    """As in pg_durable; in a declaration more rows than one are an error."""
    ran = psql(
        "SELECT df.start('SELECT generate_series(3, 5) AS n' |=> 'x' ~> 'SELECT $x AS n, ''$x'' AS t');"
    )
    assert rows(workflows, ran.stdout.strip()) == [{"n": 3, "t": "3"}]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("'got ' || $s", 'got {"data": {"by": "bob"}, "timed_out": false, "signal_name": "s"}'),
        ("$s || ' came'", '{"data": {"by": "bob"}, "timed_out": false, "signal_name": "s"} came'),
        ("'by ' || $s.data", 'by {"by": "bob"}'),
        ("$s.data || ', ' || $doc.j || ', ' || $doc.n", '{"by": "bob"}, {"k": 1}, 3'),
        ("'doc: ' || $doc.j", 'doc: {"k": 1}'),
        ("'all: ' || $doc", 'all: [{"j": {"k": 1}, "n": 3}]'),
        # JSON is joined to what looks like it, or what has a type.
        ("""$s.data || '{"x": 1}'""", {"x": 1, "by": "bob"}),
        ("""jsonb '[1]' || $doc.j""", [1, {"k": 1}]),
        ("""$doc.j || '[1]'::jsonb""", [{"k": 1}, 1]),
        ("'by ' || ($s.data ->> 'by')", "by bob"),
        ("'n: ' || $doc.n + 1", "n: 4"),
    ],
)
def test_json_beside_a_constant_text_is_text(
    psql: Any, workflows: Any, expression: str, expected: object
) -> None:
    """As in pg_durable, which puts every result in as text."""
    ran = psql(
        f"""
        SELECT df.start(
            df.wait_for_signal('s') |=> 's'
            ~> $$SELECT '{{"k": 1}}'::jsonb AS j, 3 AS n$$ |=> 'doc'
            ~> $$SELECT {expression} AS v$$);
        """
    )
    instance = ran.stdout.strip()
    workflows.database.drive()
    workflows.database.query("SELECT df.signal(%s, 's', '{\"by\": \"bob\"}')", instance)
    assert value(workflows, instance) == expected


def test_the_null_of_json(psql: Any, workflows: Any) -> None:
    """It takes the type that its context wants, as pg_durable's NULL does; in front of a JSON operator jsonb."""
    ran = psql(
        """
        SELECT df.start(
            df.wait_for_signal('s', 0.001) |=> 's'
            ~> $$SELECT coalesce($s.data?, 'nobody') AS a, coalesce($s.data?, 5) AS b, $s.data? ->> 'x' AS c$$);
        """
    )
    workflows.database.drive()
    workflows.database.query("SELECT df.move_clock('1 second')", role="dfowner")
    assert rows(workflows, ran.stdout.strip()) == [{"a": "nobody", "b": 5, "c": None}]


def test_branches_and_signals_in_a_call(psql: Any, workflows: Any) -> None:
    ran = psql(
        """
        SELECT df.start(
            df.wait_for_signal('paid ' || o.id, 60 * o.id) |=> 'paid'
            ~> df.join('SELECT 1 AS a', 'SELECT 2 AS a', 'SELECT 3 AS a') |=> 'all'
            ~> df.race('SELECT $paid.data AS data', df.sleep(o.id * 1000)))
        FROM (VALUES (7)) AS o (id);
        """
    )
    instance = ran.stdout.strip()
    workflows.database.drive()
    workflows.database.query("SELECT df.signal(%s, 'paid 7', '5')", instance)
    assert rows(workflows, instance) == [{"data": 5}]


def test_calls_in_steps(psql: Any, workflows: Any) -> None:
    """A step starts instances of its owner, with values of the workflow around it."""
    ran = psql(
        """
        CREATE SCHEMA app;
        SET search_path = app;
        CREATE TABLE log (note text);
        SELECT df.start(
            'SELECT generate_series(1, 3) AS n' |=> 'numbers'
            ~> $$SELECT df.start(
                    ('INSERT INTO log VALUES (' || quote_literal('number ' || n) || ')')
                    ~> 'SELECT count(*) > 0 AS done FROM log',
                    'child ' || n) AS id
                 FROM $numbers.*$$ |=> 'children'
            ~> $$DO 'BEGIN PERFORM df.start(''INSERT INTO log VALUES (''''of a block'''')'', ''block''); END'$$
            ~> 'SELECT count(*) AS n FROM $children.*',
            'parent');
        CREATE WORKFLOW declared(n int) AS $$SELECT df.start('SELECT ' || $n || ' AS n', 'of declared') AS id$$;
        SELECT declared(42);
        """
    )
    parent, declared = ran.stdout.split()
    assert value(workflows, parent) == 3
    workflows.database.drive()
    found = workflows.database.query(
        "SELECT label, status, owner::text, starter::text FROM df.instances WHERE label ~ 'child|block' ORDER BY 1"
    )
    assert found == [
        (label, "completed", "alice", "alice") for label in ("block", "child 1", "child 2", "child 3")
    ]
    notes = workflows.database.query("SELECT note FROM app.log ORDER BY note")
    assert notes == [("number 1",), ("number 2",), ("number 3",), ("of a block",)]
    assert value(workflows, value(workflows, declared)) == 42


def test_a_call_in_a_step_is_rolled_back_with_it(psql: Any, workflows: Any) -> None:
    ran = psql("SELECT df.start($$SELECT df.start('SELECT 1', 'child'), 1 / 0$$);")
    workflows.drive_until_ended(instance := ran.stdout.strip())
    assert workflows.status(instance) == "failed"
    assert workflows.database.query("SELECT id FROM df.instances") == [(instance,)]


def test_values_of_breaks(psql: Any, workflows: Any) -> None:
    """Text that is JSON is that, whatever expression gave it; references in its constants are put in."""
    ran = psql(
        """
        SELECT df.start(df.loop(df.break(t)), t) FROM (VALUES ('42'), ('{"a": 1}'), ('plain'), (''), (NULL)) AS v (t);
        SELECT df.start(
            df.loop(
                $$SELECT 5 AS n, 'q"x' AS t$$ |=> 'r'
                ~> df.break(jsonb_build_object('n', '$r.n', 't', '$r.t', 'g', g, 'l', jsonb_build_array(-2.5, g > 1)))))
        FROM (VALUES (1)) AS v (g);
        SELECT df.start(df.loop('SELECT 5 AS n' |=> 'r' ~> df.break('{"total": ' || '$r.n' || ', "g": ' || g || '}')))
        FROM (VALUES (1)) AS v (g);
        """
    )
    workflows.database.drive()
    assert [workflows.result(instance) for instance in ran.stdout.split()] == [
        42,
        {"a": 1},
        "plain",
        "",
        None,
        {"n": "5", "t": 'q"x', "g": 1, "l": [-2.5, False]},
        {"total": 5, "g": 1},
    ]


def test_format(psql: Any, workflows: Any) -> None:
    ran = psql(
        """
        CREATE TABLE "Odd" (n int, t text);
        SELECT df.start(
            'SELECT 5 AS n' |=> 'r'
            ~> format('INSERT INTO %I SELECT $r + %s, %L || ''100 %%''', 'Odd', n, l)
            ~> format('TABLE %I', 'Odd'))
        FROM (VALUES (2, 'it''s ')) AS v (n, l);
        """
    )
    assert rows(workflows, ran.stdout.strip()) == [{"n": 7, "t": "it's 100 %"}]


def test_a_schedule_that_an_expression_gives(psql: Any, workflows: Any) -> None:
    call = "SELECT df.start(df.wait_for_schedule({}, 'Europe/' || city) ~> 'SELECT 1 AS n') FROM (VALUES ({})) AS v (hour, city);"
    instance = psql(call.format("'30 ' || hour || ' * * *'", "2, 'Berlin'")).stdout.strip()
    workflows.database.drive()
    due = workflows.database.value(
        "SELECT to_char(wake_at AT TIME ZONE 'Europe/Berlin', 'HH24:MI') FROM df.waiting(%s)", instance
    )
    assert due == "02:30"
    for cron, given, message in [
        ("hour", "'1 2 3', 'Berlin'", 'invalid cron expression: "1 2 3" has not five fields'),
        ("'0 0 ' || hour || ' 2 *'", "30, 'Berlin'", 'the schedule "0 0 30 2 *" never comes'),
        ("'0 0 ' || hour || ' 2 *'", "NULL, 'Berlin'", "invalid cron expression"),
        ("'0 0 1 1 ' || hour", "1, 'Nowhere'", 'time zone "Europe/Nowhere" not recognized'),
    ]:
        refused = psql(call.format(cron, given), may_fail=True)
        assert message in refused.stderr
    assert workflows.database.value("SELECT count(*) FROM df.instances") == 1


# `@` is a call, `@@` one between doubled quotes.
PLACES = """
WITH a AS (SELECT @ AS id), b AS MATERIALIZED (SELECT id, @ AS other FROM a) SELECT count(*) FROM b;
CREATE TEMP TABLE made ON COMMIT PRESERVE ROWS AS SELECT @ AS id;
SELECT @ INTO TEMP TABLE into_table;
CREATE TABLE kept (id text DEFAULT @);
INSERT INTO kept DEFAULT VALUES;
INSERT INTO kept VALUES (@) RETURNING id;
UPDATE kept SET id = @ WHERE id = (SELECT max(id) FROM kept);
DELETE FROM kept WHERE @ IS NULL;
VALUES (@), ('x');
SELECT * FROM @ AS started (id);
SELECT CASE WHEN true THEN @ END, coalesce(NULL, @)::char(8);
SELECT 1 \\; SELECT @, 2 \\; SELECT 3;
SELECT @ AS id, 'x' AS other \\gset my_
SELECT :'my_id' = '', :'my_other';
SELECT format('SELECT %L', @) \\gexec
SELECT @ \\g /dev/null
COPY (SELECT @) TO STDOUT;
PREPARE prepared AS SELECT @;
EXECUTE prepared;
DECLARE held CURSOR WITH HOLD FOR SELECT @;
FETCH held;
CREATE VIEW seen AS SELECT @ AS id;
SELECT count(id) FROM seen;
CREATE RULE also AS ON DELETE TO kept DO ALSO SELECT @;
DELETE FROM kept;
DO $$ DECLARE id text; BEGIN id := @; IF @ <> id THEN PERFORM @; END IF; SELECT @ INTO id; END $$;
DO 'BEGIN PERFORM @@; END';
DO E'BEGIN\\n PERFORM @@; END';
DO $$ BEGIN PERFORM @, 1 / 0; EXCEPTION WHEN division_by_zero THEN PERFORM @; END $$;
DO $a$ BEGIN
    CREATE FUNCTION inner_dollar() RETURNS text LANGUAGE plpgsql AS $b$ BEGIN RETURN @; END $b$;
    CREATE FUNCTION inner_quote() RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN @@; END';
END $a$;
CREATE FUNCTION standard() RETURNS text LANGUAGE sql RETURN @;
CREATE FUNCTION atomic() RETURNS text LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT @; END;
CREATE FUNCTION query() RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY SELECT @; RETURN NEXT @; END $$;
SELECT inner_dollar(), inner_quote(), standard(), atomic() \\g /dev/null
SELECT count(*) FROM query();
CREATE PROCEDURE commits() LANGUAGE plpgsql AS $$ BEGIN PERFORM @; COMMIT; PERFORM @; END $$;
CALL commits();
CREATE FUNCTION on_insert() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN PERFORM @; RETURN NEW; END $$;
CREATE TRIGGER on_insert BEFORE INSERT ON kept FOR EACH ROW EXECUTE FUNCTION on_insert();
INSERT INTO kept VALUES ('x'), ('y');
"""


def test_wherever_an_expression_may_stand(psql: Any, workflows: Any) -> None:
    numbers = iter(range(1, 100))

    def call(mark: re.Match[str]) -> str:
        number = next(numbers)
        written = f"df.start('SELECT {number} AS n', 'place {number}')"
        return written.replace("'", "''") if mark.group() == "@@" else written

    psql(re.sub("@@?", call, PLACES))
    count = next(numbers) - 1
    workflows.database.drive()
    found = workflows.database.query(
        "SELECT label, status, df.result(id)::jsonb -> 'rows' -> 0 ->> 'n' FROM df.instances"
    )
    rolled_back = len(re.findall("@@?", PLACES[: PLACES.index("@, 1 / 0")])) + 1
    assert {label for label, *_ in found} == {f"place {n}" for n in range(1, count + 1) if n != rolled_back}
    assert all((label, status) == (f"place {n}", "completed") for label, status, n in found)


def test_a_temporary_schema_in_front(psql: Any, workflows: Any) -> None:
    """Nothing of a workflow can be temporary: drivers have sessions of their own."""
    ran = psql(
        """
        SET search_path = pg_temp, public;
        SELECT df.start('SELECT current_schema() AS s');
        CREATE TEMP TABLE t (n int);
        SELECT df.start('SELECT current_schema() AS s');
        """
    )
    assert [value(workflows, instance) for instance in ran.stdout.split()] == ["public", "public"]


def test_an_error_does_not_show_all_of_the_definition(psql: Any) -> None:
    refused = psql("SET search_path = pg_catalog; SELECT df.start('SELECT 4711');", may_fail=True)
    assert "permission denied for schema pg_catalog" in refused.stderr
    assert "4711" not in refused.stderr
