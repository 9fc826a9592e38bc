DO $pgdurc$
BEGIN
    PERFORM df.require_runtime(5);
EXCEPTION WHEN invalid_schema_name OR undefined_function THEN
    RAISE EXCEPTION 'the pgdurc runtime is not installed in database "%"', pg_catalog.current_database()
        USING ERRCODE = 'PD001', HINT = 'Install it: pgdurc install, or: pgdurc runtime | psql -1 -v ON_ERROR_STOP=1';
END
$pgdurc$;

-- Sleeps by number, interval and expression; the last one ends the workflow.
-- Workflow nap, version 31f89eef (workflow.pgd:2)
DO $pgdurc$
BEGIN
    -- In one statement, for instances in flight call this procedure; and one deployment of a role at a time.
    PERFORM pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext(pg_catalog.concat('pgdurc deploy ', current_user)));

    -- Refuses a name that cannot be; drops an earlier starter of another signature; its grants pass to the new one.
    PERFORM df.prepare_starter_v1('nap', $signature$delay interval DEFAULT '10 milliseconds'$signature$);

    CREATE OR REPLACE PROCEDURE nap__31f89eef(INOUT step df.step_v1)
    LANGUAGE plpgsql
    SET DateStyle = 'ISO, MDY'
    SET IntervalStyle = 'postgres'
    SET TimeZone = 'UTC'
    AS $step$
BEGIN
    CASE step.state
    WHEN 1 THEN
        -- workflow.pgd:4 df.sleep
        step := df.sleep_v1(step, 0.01::double precision);
        step.state := 2;
    WHEN 2 THEN
        -- workflow.pgd:5 df.sleep |=> slept
        step := df.sleep_v1(step, '00:00:00.01'::interval);
        step.name := 'slept';
        step.state := 3;
    WHEN 3 THEN
        -- workflow.pgd:6 |=> s
        step := df.query_v1(step,
            $sql$SELECT $sql$ || df.value_v1(step, 'slept', 'seconds') || $sql$ AS seconds$sql$,
            ARRAY['seconds']);
        step.name := 's';
        step.state := 4;
    WHEN 4 THEN
        -- workflow.pgd:7 df.sleep
        step := df.sleep_text_v1(step, df.param_v1(step, 'delay') || $sql$ * 2$sql$);
        step.state := 5;
    WHEN 5 THEN
        -- workflow.pgd:8 df.sleep |=> .sleep1 (hidden)
        step := df.sleep_text_v1(step,
            $sql$'$sql$ || df.value_v1(step, 's', NULL, false, 'text') || $sql$ seconds'$sql$);
        step.name := '.sleep1';
        step.state := 6;
    WHEN 6 THEN
        -- workflow.pgd:8 the result of df.sleep
        step := df.load_v1(step, '.sleep1');
        step.outcome := 'done';
    END CASE;
    -- Deferred checks and triggers run here, as a part of the step.
    SET CONSTRAINTS ALL IMMEDIATE;
END
$step$;
    REVOKE ALL ON PROCEDURE nap__31f89eef(df.step_v1) FROM PUBLIC;

    CREATE OR REPLACE FUNCTION nap(delay interval DEFAULT '10 milliseconds') RETURNS pg_catalog.text
    LANGUAGE sql
    SET DateStyle = 'ISO, MDY'
    SET IntervalStyle = 'postgres'
    SET TimeZone = 'UTC'
    AS $starter$
        SELECT df.start_v1(
            'nap',
            '31f89eef',
            pg_catalog.jsonb_build_object(
                'delay', nap.delay::pg_catalog.text))
    $starter$;

    -- Pins the search_path of procedure and starter to that of this session, pg_temp last, and revokes EXECUTE on a new
    -- starter from PUBLIC.
    PERFORM df.register_v1(
        'nap',
        '31f89eef',
        $json${
          "file": "workflow.pgd",
          "line": 2,
          "epoch": 1,
          "raw_vars": false,
          "parameters": [{"name": "delay", "type": "interval", "default": "'10 milliseconds'"}],
          "options": {},
          "states": [
            {"state": 1, "kind": "sleep", "label": "df.sleep(0.01)", "line": 4},
            {"state": 2, "kind": "sleep", "label": "df.sleep('00:00:00.01')", "line": 5, "name": "slept"},
            {"state": 3, "kind": "sql", "label": "SELECT $slept.seconds AS seconds", "line": 6, "name": "s"},
            {"state": 4, "kind": "sleep", "label": "df.sleep($delay * 2)", "line": 7},
            {"state": 5, "kind": "sleep", "label": "df.sleep('$s seconds')", "line": 8},
            {"state": 6, "kind": "end", "label": "df.sleep('$s seconds')", "line": 8}
          ],
          "graph": {
            "node": "sequence",
            "parts": [
              {"node": "sleep", "seconds": "0.01", "state": 1},
              {"node": "sleep", "argument": "00:00:00.01", "state": 2, "name": "slept"},
              {"node": "sql", "query": "SELECT $slept.seconds AS seconds", "state": 3, "name": "s"},
              {"node": "sleep", "argument": "$delay * 2", "state": 4},
              {"node": "sleep", "argument": "'$s seconds'", "state": 5}
            ]
          }
        }$json$::pg_catalog.jsonb
            OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('source', $source$CREATE WORKFLOW nap(delay interval DEFAULT '10 milliseconds')
AS
    df.sleep(0.01)
 ~> df.sleep('00:00:00.01') |=> slept
 ~> $$SELECT $slept.seconds AS seconds$$ |=> s
 ~> df.sleep($delay * 2)
 ~> df.sleep('$s seconds');$source$::pg_catalog.text));
END
$pgdurc$;
