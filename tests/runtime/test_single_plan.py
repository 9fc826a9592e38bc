"""A statement that is planned once a session runs as if it were planned each time."""

from __future__ import annotations

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
