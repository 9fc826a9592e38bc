"""A reference is a value: types are kept, text is never code."""

from __future__ import annotations

import pytest

VALUES = [
    "42::smallint", "9223372036854775807::bigint", "1.50::numeric(10,2)", "'NaN'::numeric", "0.1::double precision", "3.14::real",
    "true", "'it''s \\ $y {y}'::text", "'abc'::varchar(10)", "'ab'::char(5)", "'\\xdeadbeef'::bytea",
    "'2024-06-15 12:30:00+02'::timestamptz", "'2024-06-15 12:30:00.123456'::timestamp", "'infinity'::timestamptz", "'2024-02-29'::date",
    "'12:30:00'::time", "'1 year 2 mons 3 days 04:05:06'::interval", "'550e8400-e29b-41d4-a716-446655440000'::uuid",
    """'{"b": [1, 2.50, null], "a": "x"}'::jsonb""", """'{"b":  1, "b": 2}'::json""", "'null'::jsonb", "'null'::json", "ARRAY[1, NULL, 3]", "ARRAY['a,b', 'c\"d', NULL]",
    "ARRAY[[1,2],[3,4]]", "'[0:1]={1,2}'::int[]", "ARRAY['null'::jsonb, NULL]", "ROW('null'::jsonb, '[2:2]={7}'::int[])::odd",
    "ARRAY[ROW('null'::jsonb, NULL)::odd]", "'null'::odd_json", "int4range(1, 5)", "'10.0.0.1/8'::inet", "'(1,2)'::point", "'a b'::tsvector",
    "B'1011'::bit(4)", "B'101'::varbit", "'public'::name", "'pg_class'::regclass", "ROW(1, 'x')::pair", "'happy'::mood", "5::positive",
    "'x'::\"char\"",
]  # fmt: skip

SETUP = """
CREATE TYPE pair AS (a int, b text);
CREATE TYPE mood AS ENUM ('happy', 'sad');
CREATE TYPE odd AS (j jsonb, a int[]);
CREATE DOMAIN odd_json AS jsonb;
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
"""


def test_a_record_is_text(wf, workflows):
    """It has no type as which it could be read back."""
    instance = wf(
        "$$SELECT ROW(1, 'x') AS rec, ARRAY[ROW(2, NULL)] AS recs, 3 AS three$$ |=> v"
        " ~> $$SELECT rec, recs, three, $v.rec AS first, $v.three AS third FROM $v.*$$"
    )
    assert workflows.rows(instance) == [
        {"rec": "(1,x)", "recs": '{"(2,)"}', "three": 3, "first": "(1,x)", "third": 3}
    ]


def test_every_type_comes_back_as_it_was(any_workflows):
    """One step each binds a value; a later one compares type and text with the expression itself."""
    database = any_workflows.database
    database.query(SETUP)
    values = VALUES
    for number, value in enumerate(values):
        any_workflows.deploy(
            f"CREATE WORKFLOW w{number}() AS $a$SELECT {value} AS v$a$ |=> x"
            f" ~> $a$SELECT pg_typeof($x)::text = pg_typeof({value})::text AS type, $x::text = ({value})::text AS text,"
            f" (SELECT pg_typeof(r.v)::text FROM $x.* AS r) = pg_typeof({value})::text AS row_type,"
            f" (SELECT r.v::text FROM $x.* AS r) = ({value})::text AS row_text$a$;"
        )
    instances = [any_workflows.start(f"w{number}()") for number in range(len(values))]
    database.drive()
    wrong = {}
    for value, instance in zip(values, instances, strict=True):
        if any_workflows.status(instance) != "completed":
            wrong[value] = any_workflows.error(instance)["message"]
        elif not all(any_workflows.rows(instance)[0].values()):
            wrong[value] = any_workflows.rows(instance)[0]
    assert wrong == {}


@pytest.mark.parametrize(
    ("body", "rows"),
    [
        ("'SELECT 1 AS a, 2 AS b' |=> x ~> 'SELECT $x.a + $x.b AS sum'", [{"sum": 3}]),
        ("'SELECT g AS n FROM generate_series(1, 3) g' |=> x ~> 'SELECT sum(n) AS s, count(*) AS c FROM $x.*'", [{"s": 6, "c": 3}]),
        ("'SELECT 1 AS n WHERE false' |=> x ~> 'SELECT count(n) AS c, max(n) AS m FROM $x.* AS r'", [{"c": 0, "m": None}]),
        ("'SELECT 1 AS n WHERE false' |=> x ~> 'SELECT $x? AS v, $x.n? AS w, $x.row_count AS c, $x.rows AS r'",
         [{"v": None, "w": None, "c": 0, "r": []}]),
        ("'SELECT NULL::int AS n' |=> x ~> 'SELECT $x?-1 AS v'", [{"v": None}]),
        ("'SELECT 1, 2' |=> x ~> 'SELECT $x AS v'", [{"v": [{"?column?": 1, "?column?_2": 2}]}]),
        ("'SELECT count(*) FROM (VALUES (1), (2)) v' |=> x ~> 'SELECT $x.count AS v'", [{"v": 2}]),
        ("'VALUES (1, ''a''), (2, ''b'')' |=> x ~> 'SELECT $x.column2 AS v'", [{"v": "a"}]),
        ("'SELECT * FROM (VALUES (1, ''a'')) AS v (n, t)' |=> x ~> 'SELECT $x.t AS t, n + 1 AS n FROM $x.*'", [{"t": "a", "n": 2}]),
        ("'SELECT ''O''''Hara'' AS w' |=> x ~> 'SELECT ''I am $x'' AS said, ''$y'' AS kept'", [{"said": "I am O'Hara", "kept": "$y"}]),
        ("$q$VALUES (1, NULL), (2, 'null'::jsonb), (3, '[null]')$q$ |=> x ~> 'SELECT column1 AS n, column2 IS NULL AS is_null FROM $x.*'",
         [{"n": 1, "is_null": True}, {"n": 2, "is_null": False}, {"n": 3, "is_null": False}]),
        ("'SELECT ARRAY[5,6] AS a' |=> x ~> 'SELECT $x[2] AS v'", [{"v": 6}]),
        ("'INSERT INTO t VALUES (1), (2) RETURNING n' |=> x ~> 'SELECT $x.row_count AS c, (SELECT sum(n) FROM $x.*) AS s'", [{"c": 2, "s": 3}]),
        ("'INSERT INTO t VALUES (1), (2)' |=> x ~> 'SELECT $x.row_count AS c'", [{"c": 2}]),
        ("'WITH i AS (INSERT INTO t VALUES (7) RETURNING n) SELECT n FROM i' |=> x ~> 'SELECT $x + 0 AS v'", [{"v": 7}]),
        ("'SELECT 1 AS n' |=> x(n bigint) ~> 'SELECT pg_typeof($x)::text AS t'", [{"t": "bigint"}]),
        ("'SELECT ''1''::json AS j' |=> x ~> 'SELECT $x.j AS j'", [{"j": 1}]),
        ("df.sleep(0) |=> s ~> 'SELECT $s AS s, $s.slept AS t'", [{"s": {"slept": True, "seconds": 0}, "t": True}]),
        ("'SELECT 3 AS n' |=> x ~> df.sleep($x * 0) ~> 'SELECT 1 AS done'", [{"done": 1}]),
        ("'SHOW TimeZone' |=> x ~> 'SELECT $x AS tz'", [{"tz": "UTC"}]),
        ("'SELECT 1 AS a -- a comment at the end' |=> x ~> 'SELECT $x AS v -- and here'", [{"v": 1}]),
        ("$q$SELECT '%s 100%' AS f$q$ |=> x ~> 'SELECT $x AS f'", [{"f": "%s 100%"}]),
        # In front of a JSON operator what is not there is jsonb, and so is whatever a field of JSON holds.
        ("('SELECT false' ?> (df.wait_for_signal('s') |=> s) !> 'SELECT 1')"
         " ~> $$SELECT $s.data? ->> 'a' AS a, $s? -> 'data' -> 'a' AS b, $s.data?['a'] AS c, $s.data?#>>'{a}' AS d, coalesce($s.data?, 'x') AS e$$",
         [{"a": None, "b": None, "c": None, "d": None, "e": "x"}]),
        ("df.loop(df.break('{\"t\": \"abc\", \"n\": 4, \"b\": true, \"z\": null, \"o\": {\"a\": 5}}')) |=> r"
         " ~> $$SELECT $r.t ->> 'a' AS t, $r.n -> 'a' AS n, $r.b #> '{a}' AS b, $r.z? ->> 'a' AS z, $r.o ->> 'a' AS o, $r.none? ->> 'a' AS none,"
         " '{\"k\": 1}'::json -> $r.t -> 'x' AS key$$",
         [{"t": None, "n": None, "b": None, "z": None, "o": "5", "none": None, "key": None}]),
        # The null of JSON fits beside whatever it is compared with.
        ("df.loop(df.break('{\"z\": null}')) |=> r"
         " ~> $$SELECT $r.z? = 'yes' AS t, $r.z? = 1 AS n, coalesce($r.z?, 'x') AS e, upper($r.z?) AS u$$",
         [{"t": None, "n": None, "e": "x", "u": None}]),
        ("df.loop(df.break('{\"z\": null}')) |=> r ~> df.loop(df.break('$r.z?')) |=> q ~> 'SELECT jsonb_typeof($q) AS type'", [{"type": "null"}]),
        ("$$SELECT '{\"a\": 1}'::json AS j, ARRAY[7, 8] AS l, NULL::int[] AS e$$ |=> x ~> $$SELECT $x.j? -> 'a' AS j, $x.l?[2] AS l, $x.e?[1] AS e$$",
         [{"j": 1, "l": 8, "e": None}]),
        # What PGD416 says to write.
        ("df.sleep(0) |=> s ~> $$SELECT 'a ' || $s::text AS a, 'a $s' AS b, 'a ' || ($s ->> 'slept') AS c, '{\"x\": 1}' || $s -> 'x' AS d$$",
         [{"a": 'a {"slept": true, "seconds": 0}', "b": 'a {"slept": true, "seconds": 0}', "c": "a true", "d": 1}]),
    ],
)  # fmt: skip
def test_references(any_workflows, body, rows):
    any_workflows.database.query("CREATE TABLE t (n int)")
    instance = any_workflows.run(f"CREATE WORKFLOW w() AS {body};")
    assert any_workflows.status(instance) == "completed", any_workflows.error(instance)
    assert any_workflows.rows(instance) == rows


@pytest.mark.parametrize(
    ("body", "sqlstate", "message"),
    [
        ("'SELECT 1 AS n WHERE false' |=> x ~> 'SELECT $x'", "22004", '"$x" has no row'),
        ("'SELECT NULL AS n' |=> x ~> 'SELECT $x.n'", "22004", '"$x.n" is NULL'),
        (
            "'SELECT 1 AS n UNION SELECT 2' |=> x ~> 'SELECT $x'",
            "21000",
            '"$x" has 2 rows where one value is read',
        ),
    ],
)
def test_a_value_that_is_not_there_fails_the_step(workflows, body, sqlstate, message):
    instance = workflows.run(f"CREATE WORKFLOW w() AS {body};")
    error = workflows.error(instance)
    assert (error["sqlstate"], error["message"]) == (sqlstate, message)
    assert error["hint"].startswith("Write $x")


@pytest.mark.parametrize(
    "value",
    ["x'; DROP TABLE t; --", "\\'; DROP TABLE t; --", "$sql$; DROP TABLE t; $sql$", "{who} $x", "E'\\n'"],
)
def test_values_are_never_code(workflows, value):
    database = workflows.database
    database.query("CREATE TABLE t (n int)")
    workflows.deploy(
        "CREATE WORKFLOW w(v text) AS 'SELECT $v AS v' |=> x ~> 'SELECT $x AS whole, ''<$x>'' AS inside, $v AS param';"
    )
    instance = str(database.value("SELECT w(%s)", value))
    database.drive()
    assert workflows.rows(instance) == [{"whole": value, "inside": f"<{value}>", "param": value}]
    assert database.query("SELECT * FROM t") == []


def test_a_null_parameter_is_null(workflows):
    instance = workflows.run(
        "CREATE WORKFLOW w(n int) AS 'SELECT $n IS NULL AS is_null, pg_typeof($n)::text AS t';", "w(NULL)"
    )
    assert workflows.rows(instance) == [{"is_null": True, "t": "integer"}]


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("SELECT true AS c", True), ("SELECT false AS c", False), ("SELECT NULL AS c", False), ("SELECT 1 AS c WHERE false", False),
        ("SELECT 0 AS c", False), ("SELECT 0.00 AS c", False), ("SELECT -2 AS c", True), ("SELECT 'no' AS c", False), ("SELECT ' F ' AS c", False),
        ("SELECT '' AS c", False), ("SELECT '0.0' AS c", False), ("SELECT 'off' AS c", True), ("SELECT '[]'::jsonb AS c", False),
        ("SELECT '{\"a\":1}'::jsonb AS c", True), ("SELECT '{}'::int[] AS c", False), ("SELECT ARRAY[0] AS c", True),
        ("UPDATE t SET n = 2 WHERE n = 1", True), ("UPDATE t SET n = 2 WHERE n = 9", False),
    ],
)  # fmt: skip
def test_truth(workflows, condition, holds):
    workflows.database.query("CREATE TABLE t (n int); INSERT INTO t VALUES (1)")
    instance = workflows.run(
        f"CREATE WORKFLOW w() AS $c${condition}$c$ ?> 'SELECT true AS held' !> 'SELECT false AS held';"
    )
    assert workflows.rows(instance) == [{"held": holds}]


@pytest.mark.parametrize(
    ("value", "result"),
    [
        ("", None),
        ("'42'", 42),
        ("'done'", "done"),
        ("'$x'", {"rows": [{"n": 7}], "row_count": 1}),
        ("'n is $x'", "n is 7"),
        ("""'{"n": $x}'""", {"n": 7}),
    ],
)
def test_break_values(workflows, value, result):
    instance = workflows.run(f"CREATE WORKFLOW w() AS @> ('SELECT 7 AS n' |=> x ~> df.break({value}));")
    assert workflows.status(instance) == "completed", workflows.error(instance)
    assert workflows.result(instance) == result


@pytest.mark.parametrize(
    ("value", "of", "type_"),
    [
        ("$r", "'SELECT 7 AS n'", "integer"),
        ("$r", "'SELECT ''done'' AS state'", "text"),
        ("$r", "'SELECT 7 AS n, 8 AS m'", "jsonb"),
        ("$r", "df.sleep(0)", "jsonb"),
        ("$r.n", "'SELECT 7 AS n'", "jsonb"),
        ("7", "'SELECT 7 AS n'", "jsonb"),
        ("no", "'SELECT 7 AS n'", "jsonb"),
        ("", "'SELECT 7 AS n'", "jsonb"),
    ],
)
def test_the_type_of_a_loop_that_broke(wf, workflows, value, of, type_):
    """A name alone hands on the result with its types, also through a race."""
    loop = f"@> ({of} |=> r ~> df.break('{value}'))"
    for body in (loop, f"df.race({loop}, df.sleep(100) ~> {of})"):
        instance = wf(f"{body} |=> x ~> 'SELECT pg_typeof($x)::text AS t'")
        assert workflows.rows(instance) == [{"t": type_}]


def test_a_name_has_the_type_of_the_way_that_bound_it(wf, workflows):
    choice = (
        "df.if('SELECT {}', 'SELECT 1 AS n', 'SELECT ''x'' AS t') |=> x ~> 'SELECT pg_typeof($x)::text AS t'"
    )
    for condition, type_ in (("true", "integer"), ("false", "text")):
        assert workflows.rows(wf(choice.format(condition))) == [{"t": type_}]


def test_raw_variables_are_for_the_owner_alone(workflows):
    """{table} outside a literal becomes SQL that runs with the owner's rights."""
    import psycopg

    database = workflows.database
    workflows.deploy("CREATE WORKFLOW w() AS 'SELECT count(*) AS c FROM {tbl}';")
    database.query("GRANT EXECUTE ON FUNCTION w() TO bob")
    for role in ("alice", "bob"):
        database.query("SELECT df.setvar('tbl', 'pg_class')", role=role)
    with pytest.raises(psycopg.Error, match="only its owner can start workflow"):
        workflows.start("w()", role="bob")
    instance = workflows.start("w()")
    database.drive()
    assert workflows.rows(instance)[0]["c"] > 100
