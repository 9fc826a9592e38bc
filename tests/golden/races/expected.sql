DO $pgdurc$
BEGIN
    PERFORM df.require_runtime(5);
EXCEPTION WHEN invalid_schema_name OR undefined_function THEN
    RAISE EXCEPTION 'the pgdurc runtime is not installed in database "%"', pg_catalog.current_database()
        USING ERRCODE = 'PD001', HINT = 'Install it: pgdurc install, or: pgdurc runtime | psql -1 -v ON_ERROR_STOP=1';
END
$pgdurc$;

-- The first branch to settle decides; what the other one would have done is never done.
-- Workflow first_come, version 13886bab (workflow.pgd:2)
DO $pgdurc$
BEGIN
    -- In one statement, for instances in flight call this procedure; and one deployment of a role at a time.
    PERFORM pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext(pg_catalog.concat('pgdurc deploy ', current_user)));

    -- Refuses a name that cannot be; drops an earlier starter of another signature; its grants pass to the new one.
    PERFORM df.prepare_starter_v1('first_come', $signature$$signature$);

    CREATE OR REPLACE PROCEDURE first_come__13886bab(INOUT step df.step_v1)
    LANGUAGE plpgsql
    SET DateStyle = 'ISO, MDY'
    SET IntervalStyle = 'postgres'
    SET TimeZone = 'UTC'
    AS $step$
BEGIN
    -- In levels: PL/pgSQL looks at the branches of a CASE one after another.
    CASE (step.state - 1) / 10
    WHEN 0 THEN
        CASE step.state
        WHEN 1 THEN
            -- workflow.pgd:4 race
            step := df.fork_v1(step, 'race', ARRAY[2, 4, 5], 7);
        WHEN 2 THEN
            -- workflow.pgd:5 df.sleep
            step := df.sleep_v1(step, '1 hour'::interval);
            step.state := 3;
        WHEN 3 THEN
            -- workflow.pgd:5
            step := df.query_v1(step,
                $sql$INSERT INTO log VALUES ('too late') RETURNING note$sql$,
                ARRAY['note']);
            step.outcome := 'done';
        WHEN 4 THEN
            -- workflow.pgd:6 |=> found
            step := df.keep_v1(step,
                ARRAY['note', 'n'],
                ARRAY(
                    WITH pgdurc_rows (note, n) AS MATERIALIZED (SELECT 'quick' AS note, 7 AS n)
                    SELECT ROW(
                        pg_catalog.to_jsonb(pgdurc_row),
                        ARRAY[pg_catalog.pg_typeof(pgdurc_row.note), pg_catalog.pg_typeof(pgdurc_row.n)],
                        ARRAY[pgdurc_row.note::pg_catalog.text, pgdurc_row.n::pg_catalog.text])::df.line_v1
                    FROM (SELECT) AS one
                    LEFT JOIN pgdurc_rows AS pgdurc_row ON true));
            step.name := 'found';
            step.outcome := 'done';
        WHEN 5 THEN
            -- workflow.pgd:7 df.sleep
            step := df.sleep_v1(step, 90::double precision);
            step.state := 6;
        WHEN 6 THEN
            -- workflow.pgd:7 |=> found
            step := df.keep_v1(step,
                ARRAY['note', 'n'],
                ARRAY(
                    WITH pgdurc_rows (note, n) AS MATERIALIZED (SELECT 'slow' AS note, 8 AS n)
                    SELECT ROW(
                        pg_catalog.to_jsonb(pgdurc_row),
                        ARRAY[pg_catalog.pg_typeof(pgdurc_row.note), pg_catalog.pg_typeof(pgdurc_row.n)],
                        ARRAY[pgdurc_row.note::pg_catalog.text, pgdurc_row.n::pg_catalog.text])::df.line_v1
                    FROM (SELECT) AS one
                    LEFT JOIN pgdurc_rows AS pgdurc_row ON true));
            step.name := 'found';
            step.outcome := 'done';
        WHEN 7 THEN
            -- workflow.pgd:4 race, its end |=> winner
            step := df.gather_v1(step, next => 8, name => 'winner', merge => ARRAY['found']);
        WHEN 8 THEN
            -- workflow.pgd:9 race
            step := df.fork_v1(step, 'race', ARRAY[9, 14], 16);
        WHEN 9 THEN
            -- workflow.pgd:9 condition
            step := df.query_v1(step,
                $sql$SELECT $sql$ || df.value_v1(step, 'winner', 'note') || $sql$ = 'quick'$sql$,
                ARRAY['?column?']);
            step.state := CASE WHEN df.is_true_v1(step) THEN 10 ELSE 12 END;
        WHEN 10 THEN
            -- workflow.pgd:9 df.sleep |=> .sleep1 (hidden)
            step := df.sleep_v1(step, 1::double precision);
            step.name := '.sleep1';
            step.state := 11;
        END CASE;
    WHEN 1 THEN
        CASE step.state
        WHEN 11 THEN
            -- workflow.pgd:9 the result of df.sleep
            step := df.load_v1(step, '.sleep1');
            step.outcome := 'done';
        WHEN 12 THEN
            -- workflow.pgd:9 df.sleep |=> .sleep2 (hidden)
            step := df.sleep_v1(step, 3::double precision);
            step.name := '.sleep2';
            step.state := 13;
        WHEN 13 THEN
            -- workflow.pgd:9 the result of df.sleep
            step := df.load_v1(step, '.sleep2');
            step.outcome := 'done';
        WHEN 14 THEN
            -- workflow.pgd:9 df.sleep |=> .sleep3 (hidden)
            step := df.sleep_v1(step, 2::double precision);
            step.name := '.sleep3';
            step.state := 15;
        WHEN 15 THEN
            -- workflow.pgd:9 the result of df.sleep
            step := df.load_v1(step, '.sleep3');
            step.outcome := 'done';
        WHEN 16 THEN
            -- workflow.pgd:9 race, its end |=> nap
            step := df.gather_v1(step, next => 17, name => 'nap');
        WHEN 17 THEN
            -- workflow.pgd:10 race
            step := df.fork_v1(step, 'race', ARRAY[18, 20], 21);
        WHEN 18 THEN
            -- workflow.pgd:10 df.sleep |=> .sleep5 (hidden)
            step := df.sleep_v1(step, '2 hours'::interval);
            step.name := '.sleep5';
            step.state := 19;
        WHEN 19 THEN
            -- workflow.pgd:10 the result of df.sleep
            step := df.load_v1(step, '.sleep5');
            step.outcome := 'done';
        WHEN 20 THEN
            -- workflow.pgd:10
            step := df.keep_v1(step,
                ARRAY['is_late'],
                ARRAY(
                    WITH pgdurc_rows (is_late) AS MATERIALIZED (SELECT false AS is_late)
                    SELECT ROW(
                        pg_catalog.to_jsonb(pgdurc_row),
                        ARRAY[pg_catalog.pg_typeof(pgdurc_row.is_late)],
                        ARRAY[pgdurc_row.is_late::pg_catalog.text])::df.line_v1
                    FROM (SELECT) AS one
                    LEFT JOIN pgdurc_rows AS pgdurc_row ON true));
            step.outcome := 'done';
        END CASE;
    WHEN 2 THEN
        CASE step.state
        WHEN 21 THEN
            -- workflow.pgd:10 race, its end |=> .race4 (hidden)
            step := df.gather_v1(step, next => 22, name => '.race4');
        WHEN 22 THEN
            -- workflow.pgd:10 condition
            step := df.load_v1(step, '.race4');
            step.state := CASE WHEN df.is_true_v1(step) THEN 23 ELSE 24 END;
        WHEN 23 THEN
            -- workflow.pgd:11
            step := df.keep_v1(step,
                ARRAY['result'],
                ARRAY(
                    WITH pgdurc_rows (result) AS MATERIALIZED (SELECT 'late' AS result)
                    SELECT ROW(
                        pg_catalog.to_jsonb(pgdurc_row),
                        ARRAY[pg_catalog.pg_typeof(pgdurc_row.result)],
                        ARRAY[pgdurc_row.result::pg_catalog.text])::df.line_v1
                    FROM (SELECT) AS one
                    LEFT JOIN pgdurc_rows AS pgdurc_row ON true));
            step.outcome := 'done';
        WHEN 24 THEN
            -- workflow.pgd:12
            step := df.query_v1(step,
                $sql$SELECT $sql$
                || df.value_v1(step, 'winner', 'note')
                || $sql$ AS winner, $sql$
                || df.value_v1(step, 'found', 'n', true)
                || $sql$ AS n, $sql$
                || df.value_v1(step, 'nap', 'seconds')
                || $sql$ AS seconds$sql$,
                ARRAY['winner', 'n', 'seconds']);
            step.outcome := 'done';
        END CASE;
    END CASE;
    -- Deferred checks and triggers run here, as a part of the step.
    SET CONSTRAINTS ALL IMMEDIATE;
END
$step$;
    REVOKE ALL ON PROCEDURE first_come__13886bab(df.step_v1) FROM PUBLIC;

    CREATE OR REPLACE FUNCTION first_come() RETURNS pg_catalog.text
    LANGUAGE sql
    SET DateStyle = 'ISO, MDY'
    SET IntervalStyle = 'postgres'
    SET TimeZone = 'UTC'
    AS $starter$
        SELECT df.start_v1(
            'first_come',
            '13886bab',
            '{}'::pg_catalog.jsonb)
    $starter$;

    -- Pins the search_path of procedure and starter to that of this session, pg_temp last, and revokes EXECUTE on a new
    -- starter from PUBLIC.
    PERFORM df.register_v1(
        'first_come',
        '13886bab',
        $json${
          "file": "workflow.pgd",
          "line": 2,
          "epoch": 1,
          "raw_vars": false,
          "parameters": [],
          "options": {},
          "states": [
            {"state": 1, "kind": "race", "label": "df.race", "line": 4},
            {"state": 2, "kind": "sleep", "label": "df.sleep('1 hour')", "line": 5},
            {
              "state": 3,
              "kind": "sql",
              "label": "INSERT INTO log VALUES ('too late') RETURNING note",
              "line": 5
            },
            {"state": 4, "kind": "sql", "label": "SELECT 'quick' AS note, 7 AS n", "line": 6, "name": "found"},
            {"state": 5, "kind": "sleep", "label": "df.sleep(90)", "line": 7},
            {"state": 6, "kind": "sql", "label": "SELECT 'slow' AS note, 8 AS n", "line": 7, "name": "found"},
            {"state": 7, "kind": "gather", "label": "df.race", "line": 4, "name": "winner"},
            {"state": 8, "kind": "race", "label": "df.race", "line": 9},
            {"state": 9, "kind": "condition", "label": "SELECT $winner.note = 'quick'", "line": 9},
            {"state": 10, "kind": "sleep", "label": "df.sleep(1)", "line": 9},
            {"state": 11, "kind": "end", "label": "df.sleep(1)", "line": 9},
            {"state": 12, "kind": "sleep", "label": "df.sleep(3)", "line": 9},
            {"state": 13, "kind": "end", "label": "df.sleep(3)", "line": 9},
            {"state": 14, "kind": "sleep", "label": "df.sleep(2)", "line": 9},
            {"state": 15, "kind": "end", "label": "df.sleep(2)", "line": 9},
            {"state": 16, "kind": "gather", "label": "df.race", "line": 9, "name": "nap"},
            {"state": 17, "kind": "race", "label": "df.race", "line": 10},
            {"state": 18, "kind": "sleep", "label": "df.sleep('2 hours')", "line": 10},
            {"state": 19, "kind": "end", "label": "df.sleep('2 hours')", "line": 10},
            {"state": 20, "kind": "sql", "label": "SELECT false AS is_late", "line": 10},
            {"state": 21, "kind": "gather", "label": "df.race", "line": 10},
            {"state": 22, "kind": "condition", "label": "df.race", "line": 10},
            {"state": 23, "kind": "sql", "label": "SELECT 'late' AS result", "line": 11},
            {
              "state": 24,
              "kind": "sql",
              "label": "SELECT $winner.note AS winner, $found.n? AS n, $nap.secon...",
              "line": 12
            }
          ],
          "graph": {
            "node": "sequence",
            "parts": [
              {
                "node": "race",
                "parts": [
                  {
                    "node": "sequence",
                    "parts": [
                      {"node": "sleep", "argument": "1 hour", "state": 2},
                      {
                        "node": "sql",
                        "query": "INSERT INTO log VALUES ('too late') RETURNING note",
                        "state": 3
                      }
                    ]
                  },
                  {"node": "sql", "query": "SELECT 'quick' AS note, 7 AS n", "state": 4, "name": "found"},
                  {
                    "node": "sequence",
                    "parts": [
                      {"node": "sleep", "seconds": "90", "state": 5},
                      {"node": "sql", "query": "SELECT 'slow' AS note, 8 AS n", "state": 6, "name": "found"}
                    ]
                  }
                ],
                "state": 7,
                "name": "winner"
              },
              {
                "node": "race",
                "parts": [
                  {
                    "node": "if",
                    "condition": {"node": "sql", "query": "SELECT $winner.note = 'quick'", "state": 9},
                    "then": {"node": "sleep", "seconds": "1", "state": 10},
                    "else": {"node": "sleep", "seconds": "3", "state": 12}
                  },
                  {"node": "sleep", "seconds": "2", "state": 14}
                ],
                "state": 16,
                "name": "nap"
              },
              {
                "node": "if",
                "condition": {
                  "node": "race",
                  "parts": [
                    {"node": "sleep", "argument": "2 hours", "state": 18},
                    {"node": "sql", "query": "SELECT false AS is_late", "state": 20}
                  ],
                  "state": 21
                },
                "then": {"node": "sql", "query": "SELECT 'late' AS result", "state": 23},
                "else": {
                  "node": "sql",
                  "query": "SELECT $winner.note AS winner, $found.n? AS n, $nap.seconds AS seconds",
                  "state": 24
                }
              }
            ]
          }
        }$json$::pg_catalog.jsonb
            OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('source', $source$CREATE WORKFLOW first_come()
AS
    df.race(
        df.sleep('1 hour') ~> $$INSERT INTO log VALUES ('too late') RETURNING note$$,
        $$SELECT 'quick' AS note, 7 AS n$$ |=> found,
        df.sleep(90) ~> ($$SELECT 'slow' AS note, 8 AS n$$ |=> found)
    ) |=> winner
 ~> (df.if($$SELECT $winner.note = 'quick'$$, df.sleep(1), df.sleep(3)) | df.sleep(2)) |=> nap
 ~> ((df.sleep('2 hours') | $$SELECT false AS is_late$$)
     ?> $$SELECT 'late' AS result$$
     !> $$SELECT $winner.note AS winner, $found.n? AS n, $nap.seconds AS seconds$$);$source$::pg_catalog.text));
END
$pgdurc$;
