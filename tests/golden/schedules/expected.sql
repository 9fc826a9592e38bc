DO $pgdurc$
BEGIN
    PERFORM df.require_runtime(5);
EXCEPTION WHEN invalid_schema_name OR undefined_function THEN
    RAISE EXCEPTION 'the pgdurc runtime is not installed in database "%"', pg_catalog.current_database()
        USING ERRCODE = 'PD001', HINT = 'Install it: pgdurc install, or: pgdurc runtime | psql -1 -v ON_ERROR_STOP=1';
END
$pgdurc$;

-- Every ten minutes, three times; then once more at the hour of another place.
-- Workflow on_schedule, version 6f36bc2c (workflow.pgd:2)
DO $pgdurc$
BEGIN
    -- In one statement, for instances in flight call this procedure; and one deployment of a role at a time.
    PERFORM pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext(pg_catalog.concat('pgdurc deploy ', current_user)));

    -- Refuses a name that cannot be; drops an earlier starter of another signature; its grants pass to the new one.
    PERFORM df.prepare_starter_v1('on_schedule', $signature$$signature$);

    CREATE OR REPLACE PROCEDURE on_schedule__6f36bc2c(INOUT step df.step_v1)
    LANGUAGE plpgsql
    SET DateStyle = 'ISO, MDY'
    SET IntervalStyle = 'postgres'
    SET TimeZone = 'Europe/Berlin'
    AS $step$
BEGIN
    CASE step.state
    WHEN 1 THEN
        -- workflow.pgd:6 df.wait_for_schedule |=> tick
        step := df.wait_for_schedule_v1(step, '*/10 * * * *');
        step.name := 'tick';
        step.state := 2;
    WHEN 2 THEN
        -- workflow.pgd:7
        EXECUTE $sql$INSERT INTO runs (on_the_hour) VALUES (NOT $sql$
            || df.value_v1(step, 'tick', 'scheduled')
            || $sql$)$sql$;
        GET DIAGNOSTICS step.row_count = ROW_COUNT;
        step.state := 3;
    WHEN 3 THEN
        -- workflow.pgd:8 condition
        step := df.query_v1(step, $sql$SELECT count(*) < 3 FROM runs$sql$, ARRAY['?column?']);
        step.state := CASE WHEN df.is_true_v1(step) THEN 1 ELSE 4 END;
    WHEN 4 THEN
        -- workflow.pgd:10 race
        step := df.fork_v1(step, 'race', ARRAY[5, 7], 9);
    WHEN 5 THEN
        -- workflow.pgd:10 df.wait_for_schedule |=> .schedule1 (hidden)
        step := df.wait_for_schedule_v1(step, '@hourly', 'Asia/Kolkata');
        step.name := '.schedule1';
        step.state := 6;
    WHEN 6 THEN
        -- workflow.pgd:10 the result of df.wait_for_schedule
        step := df.load_v1(step, '.schedule1');
        step.outcome := 'done';
    WHEN 7 THEN
        -- workflow.pgd:10 df.sleep |=> .sleep2 (hidden)
        step := df.sleep_v1(step, '1 day'::interval);
        step.name := '.sleep2';
        step.state := 8;
    WHEN 8 THEN
        -- workflow.pgd:10 the result of df.sleep
        step := df.load_v1(step, '.sleep2');
        step.outcome := 'done';
    WHEN 9 THEN
        -- workflow.pgd:10 race, its end
        step := df.gather_v1(step, next => NULL);
    END CASE;
    -- Deferred checks and triggers run here, as a part of the step.
    SET CONSTRAINTS ALL IMMEDIATE;
END
$step$;
    REVOKE ALL ON PROCEDURE on_schedule__6f36bc2c(df.step_v1) FROM PUBLIC;

    CREATE OR REPLACE FUNCTION on_schedule() RETURNS pg_catalog.text
    LANGUAGE sql
    SET DateStyle = 'ISO, MDY'
    SET IntervalStyle = 'postgres'
    SET TimeZone = 'Europe/Berlin'
    AS $starter$
        SELECT df.start_v1(
            'on_schedule',
            '6f36bc2c',
            '{}'::pg_catalog.jsonb)
    $starter$;

    -- Pins the search_path of procedure and starter to that of this session, pg_temp last, and revokes EXECUTE on a new
    -- starter from PUBLIC.
    PERFORM df.register_v1(
        'on_schedule',
        '6f36bc2c',
        $json${
          "file": "workflow.pgd",
          "line": 2,
          "epoch": 1,
          "raw_vars": false,
          "parameters": [],
          "options": {"timezone": "Europe/Berlin"},
          "states": [
            {
              "state": 1,
              "kind": "schedule",
              "label": "df.wait_for_schedule('*/10 * * * *')",
              "line": 6,
              "name": "tick"
            },
            {
              "state": 2,
              "kind": "sql",
              "label": "INSERT INTO runs (on_the_hour) VALUES (NOT $tick.scheduled)",
              "line": 7
            },
            {"state": 3, "kind": "condition", "label": "SELECT count(*) < 3 FROM runs", "line": 8},
            {"state": 4, "kind": "race", "label": "df.race", "line": 10},
            {
              "state": 5,
              "kind": "schedule",
              "label": "df.wait_for_schedule('@hourly', 'Asia/Kolkata')",
              "line": 10
            },
            {
              "state": 6,
              "kind": "end",
              "label": "df.wait_for_schedule('@hourly', 'Asia/Kolkata')",
              "line": 10
            },
            {"state": 7, "kind": "sleep", "label": "df.sleep('1 day')", "line": 10},
            {"state": 8, "kind": "end", "label": "df.sleep('1 day')", "line": 10},
            {"state": 9, "kind": "gather", "label": "df.race", "line": 10}
          ],
          "graph": {
            "node": "sequence",
            "parts": [
              {
                "node": "loop",
                "body": {
                  "node": "sequence",
                  "parts": [
                    {"node": "schedule", "cron": "*/10 * * * *", "state": 1, "name": "tick"},
                    {
                      "node": "sql",
                      "query": "INSERT INTO runs (on_the_hour) VALUES (NOT $tick.scheduled)",
                      "state": 2
                    }
                  ]
                },
                "condition": {"node": "sql", "query": "SELECT count(*) < 3 FROM runs", "state": 3}
              },
              {
                "node": "race",
                "parts": [
                  {"node": "schedule", "cron": "@hourly", "timezone": "Asia/Kolkata", "state": 5},
                  {"node": "sleep", "argument": "1 day", "state": 7}
                ],
                "state": 9
              }
            ]
          }
        }$json$::pg_catalog.jsonb
            OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('source', $source$CREATE WORKFLOW on_schedule()
WITH (timezone = 'Europe/Berlin')
AS
    df.loop(
        df.wait_for_schedule('*/10 * * * *') |=> tick
     ~> $$INSERT INTO runs (on_the_hour) VALUES (NOT $tick.scheduled)$$,
        $$SELECT count(*) < 3 FROM runs$$
    )
 ~> df.race(df.wait_for_schedule('@hourly', 'Asia/Kolkata'), df.sleep('1 day'));$source$::pg_catalog.text));
END
$pgdurc$;
