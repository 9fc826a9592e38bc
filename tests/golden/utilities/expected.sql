DO $pgdurc$
BEGIN
    PERFORM df.require_runtime(5);
EXCEPTION WHEN invalid_schema_name OR undefined_function THEN
    RAISE EXCEPTION 'the pgdurc runtime is not installed in database "%"', pg_catalog.current_database()
        USING ERRCODE = 'PD001', HINT = 'Install it: pgdurc install, or: pgdurc runtime | psql -1 -v ON_ERROR_STOP=1';
END
$pgdurc$;

-- Statements that are no queries.
-- Workflow maintain, version ca3c2dee (workflow.pgd:2)
DO $pgdurc$
BEGIN
    -- In one statement, for instances in flight call this procedure; and one deployment of a role at a time.
    PERFORM pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext(pg_catalog.concat('pgdurc deploy ', current_user)));

    -- Refuses a name that cannot be; drops an earlier starter of another signature; its grants pass to the new one.
    PERFORM df.prepare_starter_v1('maintain', $signature$$signature$);

    CREATE OR REPLACE PROCEDURE maintain__ca3c2dee(INOUT step df.step_v1)
    LANGUAGE plpgsql
    SET DateStyle = 'ISO, MDY'
    SET IntervalStyle = 'postgres'
    SET TimeZone = 'Europe/Berlin'
    AS $step$
BEGIN
    CASE step.state
    WHEN 1 THEN
        -- workflow.pgd:5
        EXECUTE $sql$CREATE TABLE IF NOT EXISTS report (at timestamptz, note text)$sql$;
        GET DIAGNOSTICS step.row_count = ROW_COUNT;
        step.state := 2;
    WHEN 2 THEN
        -- workflow.pgd:6 |=> zone
        step := df.show_v1(step, $sql$SHOW TimeZone$sql$, ARRAY['TimeZone']);
        step.name := 'zone';
        step.state := 3;
    WHEN 3 THEN
        -- workflow.pgd:7 |=> plan
        step := df.show_v1(step, $sql$EXPLAIN (COSTS OFF) SELECT 1$sql$, ARRAY['QUERY PLAN']);
        step.name := 'plan';
        step.state := 4;
    WHEN 4 THEN
        -- workflow.pgd:8
        EXECUTE $sql$DO $do$ BEGIN INSERT INTO report VALUES ('2024-07-01 12:00', '$zone'); END $do$$sql$;
        GET DIAGNOSTICS step.row_count = ROW_COUNT;
        step.state := 5;
    WHEN 5 THEN
        -- workflow.pgd:9
        step := df.any_v1(step,
            $sql$CALL note('$sql$
            || df.value_v1(step, 'zone', NULL, false, 'text')
            || $sql$')$sql$);
        step.state := 6;
    WHEN 6 THEN
        -- workflow.pgd:10
        EXECUTE $sql$TRUNCATE scratch$sql$;
        GET DIAGNOSTICS step.row_count = ROW_COUNT;
        step.state := 7;
    WHEN 7 THEN
        -- workflow.pgd:11
        EXECUTE $sql$ANALYZE report$sql$;
        GET DIAGNOSTICS step.row_count = ROW_COUNT;
        step.state := 8;
    WHEN 8 THEN
        -- workflow.pgd:12
        step := df.query_v1(step,
            $sql$INSERT INTO report (note) SELECT line FROM $sql$
            || df.recordset_v1(step, 'plan')
            || $sql$ AS p (line) RETURNING note$sql$,
            ARRAY['note']);
        step.state := 9;
    WHEN 9 THEN
        -- workflow.pgd:13
        step := df.query_v1(step,
            $sql$SELECT array_agg(note) AS notes, min(at AT TIME ZONE 'UTC') AS at FROM report$sql$,
            ARRAY['notes', 'at']);
        step.outcome := 'done';
    END CASE;
    -- Deferred checks and triggers run here, as a part of the step.
    SET CONSTRAINTS ALL IMMEDIATE;
END
$step$;
    REVOKE ALL ON PROCEDURE maintain__ca3c2dee(df.step_v1) FROM PUBLIC;

    CREATE OR REPLACE FUNCTION maintain() RETURNS pg_catalog.text
    LANGUAGE sql
    SET DateStyle = 'ISO, MDY'
    SET IntervalStyle = 'postgres'
    SET TimeZone = 'Europe/Berlin'
    AS $starter$
        SELECT df.start_v1(
            'maintain',
            'ca3c2dee',
            '{}'::pg_catalog.jsonb)
    $starter$;

    -- Pins the search_path of procedure and starter to that of this session, pg_temp last, and revokes EXECUTE on a new
    -- starter from PUBLIC.
    PERFORM df.register_v1(
        'maintain',
        'ca3c2dee',
        $json${
          "file": "workflow.pgd",
          "line": 2,
          "epoch": 1,
          "raw_vars": false,
          "parameters": [],
          "options": {"trace": "full", "timezone": "Europe/Berlin"},
          "states": [
            {
              "state": 1,
              "kind": "sql",
              "label": "CREATE TABLE IF NOT EXISTS report (at timestamptz, note t...",
              "line": 5
            },
            {"state": 2, "kind": "sql", "label": "SHOW TimeZone", "line": 6, "name": "zone"},
            {"state": 3, "kind": "sql", "label": "EXPLAIN (COSTS OFF) SELECT 1", "line": 7, "name": "plan"},
            {
              "state": 4,
              "kind": "sql",
              "label": "DO $do$ BEGIN INSERT INTO report VALUES ('2024-07-01 12:0...",
              "line": 8
            },
            {"state": 5, "kind": "sql", "label": "CALL note('$zone')", "line": 9},
            {"state": 6, "kind": "sql", "label": "TRUNCATE scratch", "line": 10},
            {"state": 7, "kind": "sql", "label": "ANALYZE report", "line": 11},
            {
              "state": 8,
              "kind": "sql",
              "label": "INSERT INTO report (note) SELECT line FROM $plan.* AS p (...",
              "line": 12
            },
            {
              "state": 9,
              "kind": "sql",
              "label": "SELECT array_agg(note) AS notes, min(at AT TIME ZONE 'UTC...",
              "line": 13
            }
          ],
          "graph": {
            "node": "sequence",
            "parts": [
              {
                "node": "sql",
                "query": "CREATE TABLE IF NOT EXISTS report (at timestamptz, note text)",
                "state": 1
              },
              {"node": "sql", "query": "SHOW TimeZone", "state": 2, "name": "zone"},
              {"node": "sql", "query": "EXPLAIN (COSTS OFF) SELECT 1", "state": 3, "name": "plan"},
              {
                "node": "sql",
                "query": "DO $do$ BEGIN INSERT INTO report VALUES ('2024-07-01 12:00', '$zone'); END $do$",
                "state": 4
              },
              {"node": "sql", "query": "CALL note('$zone')", "state": 5},
              {"node": "sql", "query": "TRUNCATE scratch", "state": 6},
              {"node": "sql", "query": "ANALYZE report", "state": 7},
              {
                "node": "sql",
                "query": "INSERT INTO report (note) SELECT line FROM $plan.* AS p (line) RETURNING note",
                "state": 8
              },
              {
                "node": "sql",
                "query": "SELECT array_agg(note) AS notes, min(at AT TIME ZONE 'UTC') AS at FROM report",
                "state": 9
              }
            ]
          }
        }$json$::pg_catalog.jsonb
            OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('source', $source$CREATE WORKFLOW maintain()
WITH (trace = full, timezone = 'Europe/Berlin')
AS
    'CREATE TABLE IF NOT EXISTS report (at timestamptz, note text)'
 ~> 'SHOW TimeZone' |=> zone
 ~> 'EXPLAIN (COSTS OFF) SELECT 1' |=> plan
 ~> $x$DO $do$ BEGIN INSERT INTO report VALUES ('2024-07-01 12:00', '$zone'); END $do$$x$
 ~> 'CALL note(''$zone'')'
 ~> 'TRUNCATE scratch'
 ~> 'ANALYZE report'
 ~> $$INSERT INTO report (note) SELECT line FROM $plan.* AS p (line) RETURNING note$$
 ~> 'SELECT array_agg(note) AS notes, min(at AT TIME ZONE ''UTC'') AS at FROM report;';$source$::pg_catalog.text));
END
$pgdurc$;
