DO $pgdurc$
BEGIN
    PERFORM df.require_runtime(5);
EXCEPTION WHEN invalid_schema_name OR undefined_function THEN
    RAISE EXCEPTION 'the pgdurc runtime is not installed in database "%"', pg_catalog.current_database()
        USING ERRCODE = 'PD001', HINT = 'Install it: pgdurc install, or: pgdurc runtime | psql -1 -v ON_ERROR_STOP=1';
END
$pgdurc$;

-- Loops that end by a condition, by a break, and loops in loops.
-- Workflow count_up, version f638ebd4 (workflow.pgd:2)
DO $pgdurc$
BEGIN
    -- In one statement, for instances in flight call this procedure; and one deployment of a role at a time.
    PERFORM pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext(pg_catalog.concat('pgdurc deploy ', current_user)));

    -- Refuses a name that cannot be; drops an earlier starter of another signature; its grants pass to the new one.
    PERFORM df.prepare_starter_v1('count_up', $signature$$signature$);

    CREATE OR REPLACE PROCEDURE count_up__f638ebd4(INOUT step df.step_v1)
    LANGUAGE plpgsql
    SET DateStyle = 'ISO, MDY'
    SET IntervalStyle = 'postgres'
    SET TimeZone = 'UTC'
    AS $step$
BEGIN
    CASE step.state
    WHEN 1 THEN
        -- workflow.pgd:4 |=> counter
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
        step.name := 'counter';
        step.state := 2;
    WHEN 2 THEN
        -- workflow.pgd:6 |=> counter
        step := df.query_v1(step,
            $sql$SELECT $sql$ || df.value_v1(step, 'counter') || $sql$ + 1 AS n$sql$,
            ARRAY['n']);
        step.name := 'counter';
        step.state := 3;
    WHEN 3 THEN
        -- workflow.pgd:8 |=> visit
        step := df.query_v1(step,
            $sql$INSERT INTO visits VALUES ($sql$
            || df.value_v1(step, 'counter')
            || $sql$) RETURNING n$sql$,
            ARRAY['n']);
        step.name := 'visit';
        step.state := 4;
    WHEN 4 THEN
        -- workflow.pgd:9 condition
        step := df.query_v1(step,
            $sql$SELECT count(*) < $sql$
            || df.value_v1(step, 'counter')
            || $sql$ FROM visits WHERE n = $sql$
            || df.value_v1(step, 'counter'),
            ARRAY['?column?']);
        step.state := CASE WHEN df.is_true_v1(step) THEN 3 ELSE 5 END;
    WHEN 5 THEN
        -- workflow.pgd:11
        EXECUTE $sql$INSERT INTO log VALUES ($sql$ || df.value_v1(step, 'visit') || $sql$)$sql$;
        GET DIAGNOSTICS step.row_count = ROW_COUNT;
        step.state := 6;
    WHEN 6 THEN
        -- workflow.pgd:12 condition
        step := df.query_v1(step,
            $sql$SELECT $sql$ || df.value_v1(step, 'counter') || $sql$ < 3$sql$,
            ARRAY['?column?']);
        step.state := CASE WHEN df.is_true_v1(step) THEN 2 ELSE 7 END;
    WHEN 7 THEN
        -- workflow.pgd:14 |=> visits
        step := df.query_v1(step, $sql$SELECT count(*) AS c FROM visits$sql$, ARRAY['c']);
        step.name := 'visits';
        step.state := 8;
    WHEN 8 THEN
        -- workflow.pgd:15 condition
        step := df.query_v1(step,
            $sql$SELECT $sql$ || df.value_v1(step, 'visits') || $sql$ >= 8$sql$,
            ARRAY['?column?']);
        step.state := CASE WHEN df.is_true_v1(step) THEN 9 ELSE 10 END;
    WHEN 9 THEN
        -- workflow.pgd:15 df.break |=> outcome
        step := df.break_v1(step,
            $sql${"visits": $sql$
            || df.value_v1(step, 'visits', NULL, false, 'raw')
            || $sql$, "who": "$sql$
            || df.value_v1(step, 'counter', NULL, false, 'json')
            || $sql$"}$sql$);
        step.name := 'outcome';
        step.state := 11;
    WHEN 10 THEN
        -- workflow.pgd:15
        INSERT INTO visits VALUES (0);
        GET DIAGNOSTICS step.row_count = ROW_COUNT;
        step.state := 7;
    WHEN 11 THEN
        -- workflow.pgd:16
        step := df.query_v1(step,
            $sql$SELECT $sql$
            || df.value_v1(step, 'outcome')
            || $sql$ AS outcome, (SELECT array_agg(n ORDER BY n) FROM log) AS log$sql$,
            ARRAY['outcome', 'log']);
        step.outcome := 'done';
    END CASE;
    -- Deferred checks and triggers run here, as a part of the step.
    SET CONSTRAINTS ALL IMMEDIATE;
END
$step$;
    REVOKE ALL ON PROCEDURE count_up__f638ebd4(df.step_v1) FROM PUBLIC;

    CREATE OR REPLACE FUNCTION count_up() RETURNS pg_catalog.text
    LANGUAGE sql
    SET DateStyle = 'ISO, MDY'
    SET IntervalStyle = 'postgres'
    SET TimeZone = 'UTC'
    AS $starter$
        SELECT df.start_v1(
            'count_up',
            'f638ebd4',
            '{}'::pg_catalog.jsonb)
    $starter$;

    -- Pins the search_path of procedure and starter to that of this session, pg_temp last, and revokes EXECUTE on a new
    -- starter from PUBLIC.
    PERFORM df.register_v1(
        'count_up',
        'f638ebd4',
        $json${
          "file": "workflow.pgd",
          "line": 2,
          "epoch": 1,
          "raw_vars": false,
          "parameters": [],
          "options": {},
          "states": [
            {"state": 1, "kind": "sql", "label": "SELECT 0 AS n", "line": 4, "name": "counter"},
            {"state": 2, "kind": "sql", "label": "SELECT $counter + 1 AS n", "line": 6, "name": "counter"},
            {
              "state": 3,
              "kind": "sql",
              "label": "INSERT INTO visits VALUES ($counter) RETURNING n",
              "line": 8,
              "name": "visit"
            },
            {
              "state": 4,
              "kind": "condition",
              "label": "SELECT count(*) < $counter FROM visits WHERE n = $counter",
              "line": 9
            },
            {"state": 5, "kind": "sql", "label": "INSERT INTO log VALUES ($visit)", "line": 11},
            {"state": 6, "kind": "condition", "label": "SELECT $counter < 3", "line": 12},
            {
              "state": 7,
              "kind": "sql",
              "label": "SELECT count(*) AS c FROM visits",
              "line": 14,
              "name": "visits"
            },
            {"state": 8, "kind": "condition", "label": "SELECT $visits >= 8", "line": 15},
            {
              "state": 9,
              "kind": "break",
              "label": "df.break('{\"visits\": $visits, \"who\": \"$counter\"}')",
              "line": 15,
              "name": "outcome"
            },
            {"state": 10, "kind": "sql", "label": "INSERT INTO visits VALUES (0)", "line": 15},
            {
              "state": 11,
              "kind": "sql",
              "label": "SELECT $outcome AS outcome, (SELECT array_agg(n ORDER BY...",
              "line": 16
            }
          ],
          "graph": {
            "node": "sequence",
            "parts": [
              {"node": "sql", "query": "SELECT 0 AS n", "state": 1, "name": "counter"},
              {
                "node": "loop",
                "body": {
                  "node": "sequence",
                  "parts": [
                    {"node": "sql", "query": "SELECT $counter + 1 AS n", "state": 2, "name": "counter"},
                    {
                      "node": "loop",
                      "body": {
                        "node": "sql",
                        "query": "INSERT INTO visits VALUES ($counter) RETURNING n",
                        "state": 3
                      },
                      "condition": {
                        "node": "sql",
                        "query": "SELECT count(*) < $counter FROM visits WHERE n = $counter",
                        "state": 4
                      },
                      "name": "visit"
                    },
                    {"node": "sql", "query": "INSERT INTO log VALUES ($visit)", "state": 5}
                  ]
                },
                "condition": {"node": "sql", "query": "SELECT $counter < 3", "state": 6}
              },
              {
                "node": "loop",
                "body": {
                  "node": "sequence",
                  "parts": [
                    {"node": "sql", "query": "SELECT count(*) AS c FROM visits", "state": 7, "name": "visits"},
                    {
                      "node": "if",
                      "condition": {"node": "sql", "query": "SELECT $visits >= 8", "state": 8},
                      "then": {
                        "node": "break",
                        "value": "{\"visits\": $visits, \"who\": \"$counter\"}",
                        "state": 9
                      },
                      "else": {"node": "sql", "query": "INSERT INTO visits VALUES (0)", "state": 10}
                    }
                  ]
                },
                "condition": null,
                "name": "outcome"
              },
              {
                "node": "sql",
                "query": "SELECT $outcome AS outcome, (SELECT array_agg(n ORDER BY n) FROM log) AS log",
                "state": 11
              }
            ]
          }
        }$json$::pg_catalog.jsonb
            OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('source', $source$CREATE WORKFLOW count_up()
AS
    $$SELECT 0 AS n$$ |=> counter
 ~> df.loop(
        $$SELECT $counter + 1 AS n$$ |=> counter
     ~> df.loop(
            $$INSERT INTO visits VALUES ($counter) RETURNING n$$,
            $$SELECT count(*) < $counter FROM visits WHERE n = $counter$$
        ) |=> visit
     ~> $$INSERT INTO log VALUES ($visit)$$,
        $$SELECT $counter < 3$$
    )
 ~> @> ($$SELECT count(*) AS c FROM visits$$ |=> visits
     ~> ($$SELECT $visits >= 8$$ ?> df.break('{"visits": $visits, "who": "$counter"}') !> 'INSERT INTO visits VALUES (0)')) |=> outcome
 ~> 'SELECT $outcome AS outcome, (SELECT array_agg(n ORDER BY n) FROM log) AS log';$source$::pg_catalog.text));
END
$pgdurc$;
