DO $pgdurc$
BEGIN
    PERFORM df.require_runtime(5);
EXCEPTION WHEN invalid_schema_name OR undefined_function THEN
    RAISE EXCEPTION 'the pgdurc runtime is not installed in database "%"', pg_catalog.current_database()
        USING ERRCODE = 'PD001', HINT = 'Install it: pgdurc install, or: pgdurc runtime | psql -1 -v ON_ERROR_STOP=1';
END
$pgdurc$;

-- Loops in joins in loops, and breaks out of both.
-- Workflow rounds, version 4356850d (workflow.pgd:2)
DO $pgdurc$
BEGIN
    -- In one statement, for instances in flight call this procedure; and one deployment of a role at a time.
    PERFORM pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext(pg_catalog.concat('pgdurc deploy ', current_user)));

    -- Refuses a name that cannot be; drops an earlier starter of another signature; its grants pass to the new one.
    PERFORM df.prepare_starter_v1('rounds', $signature$last_round int DEFAULT 3$signature$);

    CREATE OR REPLACE PROCEDURE rounds__4356850d(INOUT step df.step_v1)
    LANGUAGE plpgsql
    SET DateStyle = 'ISO, MDY'
    SET IntervalStyle = 'postgres'
    SET TimeZone = 'UTC'
    AS $step$
BEGIN
    CASE step.state
    WHEN 1 THEN
        -- workflow.pgd:4 |=> round
        step := df.keep_v1(step,
            ARRAY['n'],
            ARRAY(
                WITH pgdurc_rows (n) AS MATERIALIZED (SELECT 0 AS n)
                SELECT ROW(
                    pg_catalog.to_jsonb(pgdurc_row),
                    ARRAY[pg_catalog.pg_typeof(pgdurc_row.n)],
                    ARRAY[pgdurc_row.n::pg_catalog.text])::df.line_v1
                FROM (SELECT) AS one
                LEFT JOIN pgdurc_rows AS pgdurc_row ON true));
        step.name := 'round';
        step.state := 2;
    WHEN 2 THEN
        -- workflow.pgd:6 |=> round
        step := df.query_v1(step,
            $sql$SELECT $sql$ || df.value_v1(step, 'round') || $sql$ + 1 AS n$sql$,
            ARRAY['n']);
        step.name := 'round';
        step.state := 3;
    WHEN 3 THEN
        -- workflow.pgd:7 join
        step := df.fork_v1(step, 'join', ARRAY[4, 8, 11], 18);
    WHEN 4 THEN
        -- workflow.pgd:8 |=> inner_round
        step := df.keep_v1(step,
            ARRAY['k'],
            ARRAY(
                WITH pgdurc_rows (k) AS MATERIALIZED (SELECT 0 AS k)
                SELECT ROW(
                    pg_catalog.to_jsonb(pgdurc_row),
                    ARRAY[pg_catalog.pg_typeof(pgdurc_row.k)],
                    ARRAY[pgdurc_row.k::pg_catalog.text])::df.line_v1
                FROM (SELECT) AS one
                LEFT JOIN pgdurc_rows AS pgdurc_row ON true));
        step.name := 'inner_round';
        step.state := 5;
    WHEN 5 THEN
        -- workflow.pgd:10 |=> inner_round
        step := df.query_v1(step,
            $sql$SELECT $sql$ || df.value_v1(step, 'inner_round') || $sql$ + 1 AS k$sql$,
            ARRAY['k']);
        step.name := 'inner_round';
        step.state := 6;
    WHEN 6 THEN
        -- workflow.pgd:11
        EXECUTE $sql$INSERT INTO visits (place, round) VALUES ('inner', $sql$
            || df.value_v1(step, 'round')
            || $sql$)$sql$;
        GET DIAGNOSTICS step.row_count = ROW_COUNT;
        step.state := 7;
    WHEN 7 THEN
        -- workflow.pgd:12 condition
        step := df.query_v1(step,
            $sql$SELECT $sql$ || df.value_v1(step, 'inner_round') || $sql$ < 2$sql$,
            ARRAY['?column?']);
        IF df.is_true_v1(step) THEN
            step.state := 5;
        ELSE
            step.outcome := 'done';
        END IF;
    WHEN 8 THEN
        -- workflow.pgd:14
        EXECUTE $sql$INSERT INTO visits (place, round) VALUES ('other', $sql$
            || df.value_v1(step, 'round')
            || $sql$)$sql$;
        GET DIAGNOSTICS step.row_count = ROW_COUNT;
        step.state := 9;
    WHEN 9 THEN
        -- workflow.pgd:15 |=> tens
        step := df.query_v1(step,
            $sql$SELECT $sql$ || df.value_v1(step, 'round') || $sql$ * 10 AS m$sql$,
            ARRAY['m']);
        step.name := 'tens';
        step.state := 10;
    WHEN 10 THEN
        -- workflow.pgd:15 df.break |=> tenfold
        step := df.load_v1(step, 'tens');
        step.name := 'tenfold';
        step.outcome := 'done';
    WHEN 11 THEN
        -- workflow.pgd:16 race
        step := df.fork_v1(step, 'race', ARRAY[12, 14], 17);
    WHEN 12 THEN
        -- workflow.pgd:17 df.sleep |=> .sleep1 (hidden)
        step := df.sleep_v1(step, '1 day'::interval);
        step.name := '.sleep1';
        step.state := 13;
    WHEN 13 THEN
        -- workflow.pgd:17 the result of df.sleep
        step := df.load_v1(step, '.sleep1');
        step.outcome := 'done';
    WHEN 14 THEN
        -- workflow.pgd:18 condition
        step := df.query_v1(step,
            $sql$SELECT $sql$
            || df.value_v1(step, 'round')
            || $sql$ >= $sql$
            || df.param_v1(step, 'last_round'),
            ARRAY['?column?']);
        step.state := CASE WHEN df.is_true_v1(step) THEN 15 ELSE 16 END;
    WHEN 15 THEN
        -- workflow.pgd:18 df.break
        step := df.break_v1(step,
            $sql${"round": $sql$
            || df.value_v1(step, 'round', NULL, false, 'raw')
            || $sql$}$sql$);
        step.outcome := 'break';
    WHEN 16 THEN
        -- workflow.pgd:18
        PERFORM 1;
        GET DIAGNOSTICS step.row_count = ROW_COUNT;
        step.columns := '[]';
        step.outcome := 'done';
    WHEN 17 THEN
        -- workflow.pgd:16 race, its end
        step := df.gather_v1(step, next => NULL, is_kept => false);
    WHEN 18 THEN
        -- workflow.pgd:7 join, its end
        step := df.gather_v1(step,
            next => 19,
            merge => ARRAY['inner_round', 'tens', 'tenfold'],
            break_to => 20,
            break_name => 'left_with',
            is_kept => false);
    WHEN 19 THEN
        -- workflow.pgd:21
        EXECUTE $sql$INSERT INTO visits (place, round) VALUES ('after ' || $sql$
            || df.value_v1(step, 'tenfold')
            || $sql$, $sql$
            || df.value_v1(step, 'round')
            || $sql$)$sql$;
        GET DIAGNOSTICS step.row_count = ROW_COUNT;
        step.state := 2;
    WHEN 20 THEN
        -- workflow.pgd:23
        step := df.query_v1(step,
            $sql$SELECT $sql$
            || df.value_v1(step, 'left_with')
            || $sql$ AS left_with, $sql$
            || df.value_v1(step, 'tenfold')
            || $sql$ AS tenfold, $sql$
            || df.value_v1(step, 'round')
            || $sql$ AS round$sql$,
            ARRAY['left_with', 'tenfold', 'round']);
        step.outcome := 'done';
    END CASE;
    -- Deferred checks and triggers run here, as a part of the step.
    SET CONSTRAINTS ALL IMMEDIATE;
END
$step$;
    REVOKE ALL ON PROCEDURE rounds__4356850d(df.step_v1) FROM PUBLIC;

    CREATE OR REPLACE FUNCTION rounds(last_round int DEFAULT 3) RETURNS pg_catalog.text
    LANGUAGE sql
    SET DateStyle = 'ISO, MDY'
    SET IntervalStyle = 'postgres'
    SET TimeZone = 'UTC'
    AS $starter$
        SELECT df.start_v1(
            'rounds',
            '4356850d',
            pg_catalog.jsonb_build_object(
                'last_round', rounds.last_round::pg_catalog.text))
    $starter$;

    -- Pins the search_path of procedure and starter to that of this session, pg_temp last, and revokes EXECUTE on a new
    -- starter from PUBLIC.
    PERFORM df.register_v1(
        'rounds',
        '4356850d',
        $json${
          "file": "workflow.pgd",
          "line": 2,
          "epoch": 1,
          "raw_vars": false,
          "parameters": [{"name": "last_round", "type": "int", "default": "3"}],
          "options": {},
          "states": [
            {"state": 1, "kind": "sql", "label": "SELECT 0 AS n", "line": 4, "name": "round"},
            {"state": 2, "kind": "sql", "label": "SELECT $round + 1 AS n", "line": 6, "name": "round"},
            {"state": 3, "kind": "join", "label": "df.join", "line": 7},
            {"state": 4, "kind": "sql", "label": "SELECT 0 AS k", "line": 8, "name": "inner_round"},
            {
              "state": 5,
              "kind": "sql",
              "label": "SELECT $inner_round + 1 AS k",
              "line": 10,
              "name": "inner_round"
            },
            {
              "state": 6,
              "kind": "sql",
              "label": "INSERT INTO visits (place, round) VALUES ('inner', $round)",
              "line": 11
            },
            {"state": 7, "kind": "condition", "label": "SELECT $inner_round < 2", "line": 12},
            {
              "state": 8,
              "kind": "sql",
              "label": "INSERT INTO visits (place, round) VALUES ('other', $round)",
              "line": 14
            },
            {"state": 9, "kind": "sql", "label": "SELECT $round * 10 AS m", "line": 15, "name": "tens"},
            {"state": 10, "kind": "break", "label": "df.break('$tens')", "line": 15, "name": "tenfold"},
            {"state": 11, "kind": "race", "label": "df.race", "line": 16},
            {"state": 12, "kind": "sleep", "label": "df.sleep('1 day')", "line": 17},
            {"state": 13, "kind": "end", "label": "df.sleep('1 day')", "line": 17},
            {"state": 14, "kind": "condition", "label": "SELECT $round >= $last_round", "line": 18},
            {"state": 15, "kind": "break", "label": "df.break('{\"round\": $round}')", "line": 18},
            {"state": 16, "kind": "sql", "label": "SELECT 1", "line": 18},
            {"state": 17, "kind": "gather", "label": "df.race", "line": 16},
            {"state": 18, "kind": "gather", "label": "df.join", "line": 7},
            {
              "state": 19,
              "kind": "sql",
              "label": "INSERT INTO visits (place, round) VALUES ('after ' || $te...",
              "line": 21
            },
            {
              "state": 20,
              "kind": "sql",
              "label": "SELECT $left_with AS left_with, $tenfold AS tenfold, $rou...",
              "line": 23
            }
          ],
          "graph": {
            "node": "sequence",
            "parts": [
              {"node": "sql", "query": "SELECT 0 AS n", "state": 1, "name": "round"},
              {
                "node": "loop",
                "body": {
                  "node": "sequence",
                  "parts": [
                    {"node": "sql", "query": "SELECT $round + 1 AS n", "state": 2, "name": "round"},
                    {
                      "node": "join",
                      "parts": [
                        {
                          "node": "sequence",
                          "parts": [
                            {"node": "sql", "query": "SELECT 0 AS k", "state": 4, "name": "inner_round"},
                            {
                              "node": "loop",
                              "body": {
                                "node": "sequence",
                                "parts": [
                                  {
                                    "node": "sql",
                                    "query": "SELECT $inner_round + 1 AS k",
                                    "state": 5,
                                    "name": "inner_round"
                                  },
                                  {
                                    "node": "sql",
                                    "query": "INSERT INTO visits (place, round) VALUES ('inner', $round)",
                                    "state": 6
                                  }
                                ]
                              },
                              "condition": {"node": "sql", "query": "SELECT $inner_round < 2", "state": 7}
                            }
                          ]
                        },
                        {
                          "node": "sequence",
                          "parts": [
                            {
                              "node": "sql",
                              "query": "INSERT INTO visits (place, round) VALUES ('other', $round)",
                              "state": 8
                            },
                            {
                              "node": "loop",
                              "body": {
                                "node": "sequence",
                                "parts": [
                                  {
                                    "node": "sql",
                                    "query": "SELECT $round * 10 AS m",
                                    "state": 9,
                                    "name": "tens"
                                  },
                                  {"node": "break", "value": "$tens", "state": 10}
                                ]
                              },
                              "condition": null,
                              "name": "tenfold"
                            }
                          ]
                        },
                        {
                          "node": "race",
                          "parts": [
                            {"node": "sleep", "argument": "1 day", "state": 12},
                            {
                              "node": "if",
                              "condition": {
                                "node": "sql",
                                "query": "SELECT $round >= $last_round",
                                "state": 14
                              },
                              "then": {"node": "break", "value": "{\"round\": $round}", "state": 15},
                              "else": {"node": "sql", "query": "SELECT 1", "state": 16}
                            }
                          ],
                          "state": 17
                        }
                      ],
                      "state": 18
                    },
                    {
                      "node": "sql",
                      "query": "INSERT INTO visits (place, round) VALUES ('after ' || $tenfold, $round)",
                      "state": 19
                    }
                  ]
                },
                "condition": null,
                "name": "left_with"
              },
              {
                "node": "sql",
                "query": "SELECT $left_with AS left_with, $tenfold AS tenfold, $round AS round",
                "state": 20
              }
            ]
          }
        }$json$::pg_catalog.jsonb
            OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('source', $source$CREATE WORKFLOW rounds(last_round int DEFAULT 3)
AS
    $$SELECT 0 AS n$$ |=> round
 ~> @> (
        $$SELECT $round + 1 AS n$$ |=> round
     ~> df.join(
            $$SELECT 0 AS k$$ |=> inner_round
         ~> df.loop(
                $$SELECT $inner_round + 1 AS k$$ |=> inner_round
             ~> $$INSERT INTO visits (place, round) VALUES ('inner', $round)$$,
                $$SELECT $inner_round < 2$$
            ),
            $$INSERT INTO visits (place, round) VALUES ('other', $round)$$
         ~> @> ($$SELECT $round * 10 AS m$$ |=> tens ~> df.break('$tens')) |=> tenfold,
            df.race(
                df.sleep('1 day'),
                df.if($$SELECT $round >= $last_round$$, df.break('{"round": $round}'), 'SELECT 1')
            )
        )
     ~> $$INSERT INTO visits (place, round) VALUES ('after ' || $tenfold, $round)$$
    ) |=> left_with
 ~> $$SELECT $left_with AS left_with, $tenfold AS tenfold, $round AS round$$;$source$::pg_catalog.text));
END
$pgdurc$;
