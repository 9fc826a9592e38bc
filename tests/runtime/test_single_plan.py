"""A statement that is planned once a session runs as if it were planned each time."""

from __future__ import annotations

import pytest

SCRIPT = """
    CREATE WORKFLOW w() AS
        'INSERT INTO visits VALUES (label(), now()), (label(), now())'
        ~> 'SELECT generate_series(1, visited())'
        ~> 'SELECT 1';
"""

SETUP = """
    CREATE TABLE visits (label text, at timestamptz);
    CREATE FUNCTION label() RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'first' $$;
    CREATE FUNCTION visited() RETURNS integer LANGUAGE sql AS $$ SELECT 3 $$;
"""

# Other numbers and another type under the same names.
ANEW = """
    DROP TABLE visits;
    DROP FUNCTION label;
    DROP FUNCTION visited;
    CREATE TABLE visits (label varchar(3), at date);
    CREATE FUNCTION label() RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'new' $$;
    CREATE FUNCTION visited() RETURNS integer LANGUAGE sql AS $$ SELECT 0 $$;
"""


def test_what_it_names_is_made_anew_in_between(any_workflows):
    database = any_workflows.database
    database.query(SETUP)
    any_workflows.deploy(SCRIPT)
    counts = {}
    with database.connect() as driver:
        for name, change in (("first", ""), ("again", ""), ("anew", ANEW)):
            if change:
                database.query(change)
            counts[name] = any_workflows.start("w()")
            driver.execute("CALL df.run(0, NULL)")
    rows = "SELECT array_agg(row_count ORDER BY seq) FROM df.timeline(%s)"
    assert {name: database.value(rows, instance) for name, instance in counts.items()} == {
        "first": [2, 3, 1],
        "again": [2, 3, 1],
        "anew": [2, 0, 1],
    }
    assert database.query("SELECT label, pg_typeof(at)::text FROM visits") == [("new", "date")] * 2


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 1 AS n",
        "SELECT NULL AS nothing, 'a' AS \"Two words\", 1.50 AS price",
        "SELECT 'r' AS r, 'one' AS one, 1 AS pgdurc_rows",
        "SELECT generate_series(1, 3) AS n, random() < 0 AS never",
        "SELECT 1 AS n, now() AS at WHERE false",
        "SELECT '{ \"b\": 1, \"a\": 2 }'::json AS json, 'null'::jsonb AS jsonb, '[0:1]={1,2}'::int[] AS places",
        "SELECT ROW(1, 'x') AS pair, unnest(ARRAY['1 day', '2 h'])::interval AS lasts",
        "SELECT 1 AS n UNION ALL SELECT 2 ORDER BY n DESC",
    ],
)
def test_rows_are_kept_as_if_it_were_planned_each_time(workflows, query):
    database = workflows.database
    planned_each_time = f"{query} /**/"
    quoted = ["'{}'".format(text.replace("'", "''")) for text in (query, planned_each_time)]
    # A reference to each, for what nobody reads is not kept.
    workflows.run(
        f"CREATE WORKFLOW w() AS {quoted[0]} |=> a ~> {quoted[1]} |=> b ~> 'SELECT $a.rows, $b.rows';",
    )
    body = database.value("SELECT prosrc FROM pg_proc WHERE proname LIKE 'w\\_\\_%'")
    assert (body.count("df.keep_v1("), body.count("df.query_v1(")) == (1, 2)
    kept = database.query(
        "SELECT row_count, result, columns FROM df.binding WHERE name IN ('a', 'b') ORDER BY name"
    )
    assert kept[0] == kept[1]


def test_a_type_is_made_anew_while_a_driver_lives(any_workflows):
    database = any_workflows.database
    database.query("CREATE TYPE mood AS ENUM ('fine')")
    any_workflows.deploy(
        "CREATE WORKFLOW w() AS $$SELECT 'fine'::mood AS m$$ |=> x ~> 'SELECT $x.rows AS r';"
    )
    with database.connect() as driver:
        for _ in range(2):
            instance = any_workflows.start("w()")
            driver.execute("CALL df.run(0, NULL)")
            assert any_workflows.rows(instance) == [{"r": [{"m": "fine"}]}]
            database.query("DROP TYPE mood")
            database.query("CREATE TYPE mood AS ENUM ('fine')")
