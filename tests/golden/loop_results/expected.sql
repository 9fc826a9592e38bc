DO $pgdurc$
BEGIN
    PERFORM df.require_runtime(5);
EXCEPTION WHEN invalid_schema_name OR undefined_function THEN
    RAISE EXCEPTION 'the pgdurc runtime is not installed in database "%"', pg_catalog.current_database()
        USING ERRCODE = 'PD001', HINT = 'Install it: pgdurc install, or: pgdurc runtime | psql -1 -v ON_ERROR_STOP=1';
END
$pgdurc$;

-- What a loop gave last is its result, and its name means what it did until the loop has ended.
-- Workflow take_laps, version bcbaaa14 (workflow.pgd:2)
DO $pgdurc$
BEGIN
    -- In one statement, for instances in flight call this procedure; and one deployment of a role at a time.
    PERFORM pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext(pg_catalog.concat('pgdurc deploy ', current_user)));

    -- Refuses a name that cannot be; drops an earlier starter of another signature; its grants pass to the new one.
    PERFORM df.prepare_starter_v1('take_laps', $signature$$signature$);

    CREATE OR REPLACE PROCEDURE take_laps__bcbaaa14(INOUT step df.step_v1)
    LANGUAGE plpgsql
    SET DateStyle = 'ISO, MDY'
    SET IntervalStyle = 'postgres'
    SET TimeZone = 'UTC'
    AS $step$
BEGIN
    CASE step.state
    WHEN 1 THEN
        -- workflow.pgd:4 |=> total
        step := df.keep_v1(step,
            ARRAY['n'],
            ARRAY(
                WITH pgdurc_rows (n) AS MATERIALIZED (SELECT 10 AS n)
                SELECT ROW(
                    pg_catalog.to_jsonb(pgdurc_row),
                    ARRAY[pg_catalog.pg_typeof(pgdurc_row.n)],
                    ARRAY[pgdurc_row.n::pg_catalog.text])::df.line_v1
                FROM (SELECT) AS one
                LEFT JOIN pgdurc_rows AS pgdurc_row ON true));
        step.name := 'total';
        step.state := 2;
    WHEN 2 THEN
        -- workflow.pgd:6 |=> .loop1 (hidden)
        step := df.query_v1(step,
            $sql$INSERT INTO laps SELECT $sql$
            || df.value_v1(step, 'total')
            || $sql$ + count(*) FROM laps RETURNING n$sql$,
            ARRAY['n']);
        step.name := '.loop1';
        step.state := 3;
    WHEN 3 THEN
        -- workflow.pgd:7 condition
        step := df.query_v1(step, $sql$SELECT count(*) < 3 FROM laps$sql$, ARRAY['?column?']);
        step.state := CASE WHEN df.is_true_v1(step) THEN 2 ELSE 4 END;
    WHEN 4 THEN
        -- workflow.pgd:5 the result of df.loop |=> total
        step := df.load_v1(step, '.loop1');
        step.name := 'total';
        step.state := 5;
    WHEN 5 THEN
        -- workflow.pgd:10 |=> pair
        step := df.query_v1(step,
            $sql$INSERT INTO laps SELECT $sql$
            || df.value_v1(step, 'total')
            || $sql$ + i FROM generate_series(1, 2) AS i RETURNING n$sql$,
            ARRAY['n']);
        step.name := 'pair';
        step.state := 6;
    WHEN 6 THEN
        -- workflow.pgd:11 condition
        step := df.query_v1(step,
            $sql$SELECT max(n) < 14 FROM $sql$
            || df.recordset_v1(step, 'pair')
            || $sql$ AS pair$sql$,
            ARRAY['?column?']);
        step.state := CASE WHEN df.is_true_v1(step) THEN 5 ELSE 7 END;
    WHEN 7 THEN
        -- workflow.pgd:9 the result of df.loop |=> last_pair
        step := df.load_v1(step, 'pair');
        step.name := 'last_pair';
        step.state := 8;
    WHEN 8 THEN
        -- workflow.pgd:14 |=> .loop2 (hidden)
        step := df.query_v1(step,
            $sql$INSERT INTO laps SELECT n + 10 FROM $sql$
            || df.recordset_v1(step, 'last_pair')
            || $sql$ AS last_pair UNION ALL SELECT $sql$
            || df.value_v1(step, 'total')
            || $sql$ RETURNING n$sql$,
            ARRAY['n']);
        step.name := '.loop2';
        step.state := 9;
    WHEN 9 THEN
        -- workflow.pgd:15 condition
        step := df.query_v1(step, $sql$SELECT count(*) < 6 FROM laps$sql$, ARRAY['?column?']);
        step.state := CASE WHEN df.is_true_v1(step) THEN 8 ELSE 10 END;
    WHEN 10 THEN
        -- workflow.pgd:13 the result of df.loop
        step := df.load_v1(step, '.loop2');
        step.outcome := 'done';
    END CASE;
    -- Deferred checks and triggers run here, as a part of the step.
    SET CONSTRAINTS ALL IMMEDIATE;
END
$step$;
    REVOKE ALL ON PROCEDURE take_laps__bcbaaa14(df.step_v1) FROM PUBLIC;

    CREATE OR REPLACE FUNCTION take_laps() RETURNS pg_catalog.text
    LANGUAGE sql
    SET DateStyle = 'ISO, MDY'
    SET IntervalStyle = 'postgres'
    SET TimeZone = 'UTC'
    AS $starter$
        SELECT df.start_v1(
            'take_laps',
            'bcbaaa14',
            '{}'::pg_catalog.jsonb)
    $starter$;

    -- Pins the search_path of procedure and starter to that of this session, pg_temp last, and revokes EXECUTE on a new
    -- starter from PUBLIC.
    PERFORM df.register_v1(
        'take_laps',
        'bcbaaa14',
        $json${
          "file": "workflow.pgd",
          "line": 2,
          "epoch": 1,
          "raw_vars": false,
          "parameters": [],
          "options": {},
          "states": [
            {"state": 1, "kind": "sql", "label": "SELECT 10 AS n", "line": 4, "name": "total"},
            {
              "state": 2,
              "kind": "sql",
              "label": "INSERT INTO laps SELECT $total + count(*) FROM laps RETUR...",
              "line": 6
            },
            {"state": 3, "kind": "condition", "label": "SELECT count(*) < 3 FROM laps", "line": 7},
            {"state": 4, "kind": "name", "label": "df.loop", "line": 5, "name": "total"},
            {
              "state": 5,
              "kind": "sql",
              "label": "INSERT INTO laps SELECT $total + i FROM generate_series(1...",
              "line": 10,
              "name": "pair"
            },
            {"state": 6, "kind": "condition", "label": "SELECT max(n) < 14 FROM $pair.*", "line": 11},
            {"state": 7, "kind": "name", "label": "df.loop", "line": 9, "name": "last_pair"},
            {
              "state": 8,
              "kind": "sql",
              "label": "INSERT INTO laps SELECT n + 10 FROM $last_pair.* UNION AL...",
              "line": 14
            },
            {"state": 9, "kind": "condition", "label": "SELECT count(*) < 6 FROM laps", "line": 15},
            {"state": 10, "kind": "end", "label": "df.loop", "line": 13}
          ],
          "graph": {
            "node": "sequence",
            "parts": [
              {"node": "sql", "query": "SELECT 10 AS n", "state": 1, "name": "total"},
              {
                "node": "loop",
                "body": {
                  "node": "sql",
                  "query": "INSERT INTO laps SELECT $total + count(*) FROM laps RETURNING n",
                  "state": 2
                },
                "condition": {"node": "sql", "query": "SELECT count(*) < 3 FROM laps", "state": 3},
                "name": "total"
              },
              {
                "node": "loop",
                "body": {
                  "node": "sql",
                  "query": "INSERT INTO laps SELECT $total + i FROM generate_series(1, 2) AS i RETURNING n",
                  "state": 5,
                  "name": "pair"
                },
                "condition": {"node": "sql", "query": "SELECT max(n) < 14 FROM $pair.*", "state": 6},
                "name": "last_pair"
              },
              {
                "node": "loop",
                "body": {
                  "node": "sql",
                  "query": "INSERT INTO laps SELECT n + 10 FROM $last_pair.* UNION ALL SELECT $total RETURNING n",
                  "state": 8
                },
                "condition": {"node": "sql", "query": "SELECT count(*) < 6 FROM laps", "state": 9}
              }
            ]
          }
        }$json$::pg_catalog.jsonb
            OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('source', $source$CREATE WORKFLOW take_laps()
AS
    $$SELECT 10 AS n$$ |=> total
 ~> df.loop(
        $$INSERT INTO laps SELECT $total + count(*) FROM laps RETURNING n$$,
        $$SELECT count(*) < 3 FROM laps$$
    ) |=> total
 ~> df.loop(
        $$INSERT INTO laps SELECT $total + i FROM generate_series(1, 2) AS i RETURNING n$$ |=> pair,
        $$SELECT max(n) < 14 FROM $pair.*$$
    ) |=> last_pair
 ~> df.loop(
        $$INSERT INTO laps SELECT n + 10 FROM $last_pair.* UNION ALL SELECT $total RETURNING n$$,
        $$SELECT count(*) < 6 FROM laps$$
    );$source$::pg_catalog.text));
END
$pgdurc$;
