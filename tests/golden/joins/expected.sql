DO $pgdurc$
BEGIN
    PERFORM df.require_runtime(5);
EXCEPTION WHEN invalid_schema_name OR undefined_function THEN
    RAISE EXCEPTION 'the pgdurc runtime is not installed in database "%"', pg_catalog.current_database()
        USING ERRCODE = 'PD001', HINT = 'Install it: pgdurc install, or: pgdurc runtime | psql -1 -v ON_ERROR_STOP=1';
END
$pgdurc$;

-- Ask several sources at once, then compare what they said.
-- Workflow compare_prices, version c3f1cf60 (workflow.pgd:2)
DO $pgdurc$
BEGIN
    -- In one statement, for instances in flight call this procedure; and one deployment of a role at a time.
    PERFORM pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext(pg_catalog.concat('pgdurc deploy ', current_user)));

    -- Refuses a name that cannot be; drops an earlier starter of another signature; its grants pass to the new one.
    PERFORM df.prepare_starter_v1('compare_prices', $signature$factor int DEFAULT 2$signature$);

    CREATE OR REPLACE PROCEDURE compare_prices__c3f1cf60(INOUT step df.step_v1)
    LANGUAGE plpgsql
    SET DateStyle = 'ISO, MDY'
    SET IntervalStyle = 'postgres'
    SET TimeZone = 'UTC'
    AS $step$
BEGIN
    CASE step.state
    WHEN 1 THEN
        -- workflow.pgd:4 |=> money
        step := df.keep_v1(step,
            ARRAY['currency'],
            ARRAY(
                WITH pgdurc_rows (currency) AS MATERIALIZED (SELECT 'EUR' AS currency)
                SELECT ROW(
                    pg_catalog.to_jsonb(pgdurc_row),
                    ARRAY[pg_catalog.pg_typeof(pgdurc_row.currency)],
                    ARRAY[pgdurc_row.currency::pg_catalog.text])::df.line_v1
                FROM (SELECT) AS one
                LEFT JOIN pgdurc_rows AS pgdurc_row ON true));
        step.name := 'money';
        step.state := 2;
    WHEN 2 THEN
        -- workflow.pgd:5 join
        step := df.fork_v1(step, 'join', ARRAY[3, 4, 6], 7);
    WHEN 3 THEN
        -- workflow.pgd:6 |=> a
        step := df.query_v1(step,
            $sql$SELECT min(amount) AS amount FROM prices WHERE source = 'a'$sql$,
            ARRAY['amount']);
        step.name := 'a';
        step.outcome := 'done';
    WHEN 4 THEN
        -- workflow.pgd:7 |=> b
        step := df.query_v1(step,
            $sql$SELECT array_agg(amount ORDER BY amount) AS amounts FROM prices WHERE source = 'b'$sql$,
            ARRAY['amounts']);
        step.name := 'b';
        step.state := 5;
    WHEN 5 THEN
        -- workflow.pgd:8 |=> doubled
        step := df.query_v1(step,
            $sql$SELECT $sql$
            || df.value_v1(step, 'b')
            || $sql$[1] * $sql$
            || df.param_v1(step, 'factor')
            || $sql$ AS amount$sql$,
            ARRAY['amount']);
        step.name := 'doubled';
        step.outcome := 'done';
    WHEN 6 THEN
        -- workflow.pgd:9
        EXECUTE $sql$INSERT INTO prices SELECT 'log ' || $sql$
            || df.value_v1(step, 'money')
            || $sql$, 0$sql$;
        GET DIAGNOSTICS step.row_count = ROW_COUNT;
        step.columns := '[]';
        step.outcome := 'done';
    WHEN 7 THEN
        -- workflow.pgd:5 join, its end |=> answers
        step := df.gather_v1(step, next => 8, name => 'answers', merge => ARRAY['a', 'doubled']);
    WHEN 8 THEN
        -- workflow.pgd:11 join
        step := df.fork_v1(step, 'join', ARRAY[9, 13], 15);
    WHEN 9 THEN
        -- workflow.pgd:11 join
        step := df.fork_v1(step, 'join', ARRAY[10, 11], 12);
    WHEN 10 THEN
        -- workflow.pgd:11
        PERFORM 1 AS n;
        GET DIAGNOSTICS step.row_count = ROW_COUNT;
        step.columns := '[]';
        step.outcome := 'done';
    WHEN 11 THEN
        -- workflow.pgd:11
        PERFORM 2 AS n;
        GET DIAGNOSTICS step.row_count = ROW_COUNT;
        step.columns := '[]';
        step.outcome := 'done';
    WHEN 12 THEN
        -- workflow.pgd:11 join, its end
        step := df.gather_v1(step, next => NULL, is_kept => false);
    WHEN 13 THEN
        -- workflow.pgd:11 df.sleep |=> .sleep1 (hidden)
        step := df.sleep_v1(step, '1 minute'::interval);
        step.name := '.sleep1';
        step.state := 14;
    WHEN 14 THEN
        -- workflow.pgd:11 the result of df.sleep
        step := df.load_v1(step, '.sleep1');
        step.outcome := 'done';
    WHEN 15 THEN
        -- workflow.pgd:11 join, its end
        step := df.gather_v1(step, next => 16, is_kept => false);
    WHEN 16 THEN
        -- workflow.pgd:12
        step := df.query_v1(step,
            $sql$SELECT $sql$
            || df.value_v1(step, 'a')
            || $sql$ AS a, $sql$
            || df.value_v1(step, 'doubled')
            || $sql$ AS doubled, jsonb_array_length($sql$
            || df.value_v1(step, 'answers')
            || $sql$) AS answers,
             $sql$
            || df.value_v1(step, 'answers')
            || $sql$ -> 2 AS logged, $sql$
            || df.value_v1(step, 'answers')
            || $sql$ -> 0 -> 'rows' AS first$sql$,
            ARRAY['a', 'doubled', 'answers', 'logged', 'first']);
        step.outcome := 'done';
    END CASE;
    -- Deferred checks and triggers run here, as a part of the step.
    SET CONSTRAINTS ALL IMMEDIATE;
END
$step$;
    REVOKE ALL ON PROCEDURE compare_prices__c3f1cf60(df.step_v1) FROM PUBLIC;

    CREATE OR REPLACE FUNCTION compare_prices(factor int DEFAULT 2) RETURNS pg_catalog.text
    LANGUAGE sql
    SET DateStyle = 'ISO, MDY'
    SET IntervalStyle = 'postgres'
    SET TimeZone = 'UTC'
    AS $starter$
        SELECT df.start_v1(
            'compare_prices',
            'c3f1cf60',
            pg_catalog.jsonb_build_object(
                'factor', compare_prices.factor::pg_catalog.text))
    $starter$;

    -- Pins the search_path of procedure and starter to that of this session, pg_temp last, and revokes EXECUTE on a new
    -- starter from PUBLIC.
    PERFORM df.register_v1(
        'compare_prices',
        'c3f1cf60',
        $json${
          "file": "workflow.pgd",
          "line": 2,
          "epoch": 1,
          "raw_vars": false,
          "parameters": [{"name": "factor", "type": "int", "default": "2"}],
          "options": {},
          "states": [
            {"state": 1, "kind": "sql", "label": "SELECT 'EUR' AS currency", "line": 4, "name": "money"},
            {"state": 2, "kind": "join", "label": "df.join", "line": 5},
            {
              "state": 3,
              "kind": "sql",
              "label": "SELECT min(amount) AS amount FROM prices WHERE source = 'a'",
              "line": 6,
              "name": "a"
            },
            {
              "state": 4,
              "kind": "sql",
              "label": "SELECT array_agg(amount ORDER BY amount) AS amounts FROM...",
              "line": 7,
              "name": "b"
            },
            {
              "state": 5,
              "kind": "sql",
              "label": "SELECT $b[1] * $factor AS amount",
              "line": 8,
              "name": "doubled"
            },
            {"state": 6, "kind": "sql", "label": "INSERT INTO prices SELECT 'log ' || $money, 0", "line": 9},
            {"state": 7, "kind": "gather", "label": "df.join", "line": 5, "name": "answers"},
            {"state": 8, "kind": "join", "label": "df.join", "line": 11},
            {"state": 9, "kind": "join", "label": "df.join", "line": 11},
            {"state": 10, "kind": "sql", "label": "SELECT 1 AS n", "line": 11},
            {"state": 11, "kind": "sql", "label": "SELECT 2 AS n", "line": 11},
            {"state": 12, "kind": "gather", "label": "df.join", "line": 11},
            {"state": 13, "kind": "sleep", "label": "df.sleep('1 minute')", "line": 11},
            {"state": 14, "kind": "end", "label": "df.sleep('1 minute')", "line": 11},
            {"state": 15, "kind": "gather", "label": "df.join", "line": 11},
            {
              "state": 16,
              "kind": "sql",
              "label": "SELECT $a AS a, $doubled AS doubled, jsonb_array_length($...",
              "line": 12
            }
          ],
          "graph": {
            "node": "sequence",
            "parts": [
              {"node": "sql", "query": "SELECT 'EUR' AS currency", "state": 1, "name": "money"},
              {
                "node": "join",
                "parts": [
                  {
                    "node": "sql",
                    "query": "SELECT min(amount) AS amount FROM prices WHERE source = 'a'",
                    "state": 3,
                    "name": "a"
                  },
                  {
                    "node": "sequence",
                    "parts": [
                      {
                        "node": "sql",
                        "query": "SELECT array_agg(amount ORDER BY amount) AS amounts FROM prices WHERE source = 'b'",
                        "state": 4,
                        "name": "b"
                      },
                      {
                        "node": "sql",
                        "query": "SELECT $b[1] * $factor AS amount",
                        "state": 5,
                        "name": "doubled"
                      }
                    ]
                  },
                  {"node": "sql", "query": "INSERT INTO prices SELECT 'log ' || $money, 0", "state": 6}
                ],
                "state": 7,
                "name": "answers"
              },
              {
                "node": "join",
                "parts": [
                  {
                    "node": "join",
                    "parts": [
                      {"node": "sql", "query": "SELECT 1 AS n", "state": 10},
                      {"node": "sql", "query": "SELECT 2 AS n", "state": 11}
                    ],
                    "state": 12
                  },
                  {"node": "sleep", "argument": "1 minute", "state": 13}
                ],
                "state": 15
              },
              {
                "node": "sql",
                "query": "SELECT $a AS a, $doubled AS doubled, jsonb_array_length($answers) AS answers,\n             $answers -> 2 AS logged, $answers -> 0 -> 'rows' AS first",
                "state": 16
              }
            ]
          }
        }$json$::pg_catalog.jsonb
            OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('source', $source$CREATE WORKFLOW compare_prices(factor int DEFAULT 2)
AS
    $$SELECT 'EUR' AS currency$$ |=> money
 ~> df.join(
        $$SELECT min(amount) AS amount FROM prices WHERE source = 'a'$$ |=> a,
        $$SELECT array_agg(amount ORDER BY amount) AS amounts FROM prices WHERE source = 'b'$$ |=> b
     ~> $$SELECT $b[1] * $factor AS amount$$ |=> doubled,
        $$INSERT INTO prices SELECT 'log ' || $money, 0$$
    ) |=> answers
 ~> ($$SELECT 1 AS n$$ & $$SELECT 2 AS n$$ & df.sleep('1 minute'))
 ~> $$SELECT $a AS a, $doubled AS doubled, jsonb_array_length($answers) AS answers,
             $answers -> 2 AS logged, $answers -> 0 -> 'rows' AS first$$;$source$::pg_catalog.text));
END
$pgdurc$;
