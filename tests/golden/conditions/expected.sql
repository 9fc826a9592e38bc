DO $pgdurc$
BEGIN
    PERFORM df.require_runtime(5);
EXCEPTION WHEN invalid_schema_name OR undefined_function THEN
    RAISE EXCEPTION 'the pgdurc runtime is not installed in database "%"', pg_catalog.current_database()
        USING ERRCODE = 'PD001', HINT = 'Install it: pgdurc install, or: pgdurc runtime | psql -1 -v ON_ERROR_STOP=1';
END
$pgdurc$;

-- Which way an order goes.
-- Workflow route_order, version 577eb8b8 (workflow.pgd:2)
DO $pgdurc$
BEGIN
    -- In one statement, for instances in flight call this procedure; and one deployment of a role at a time.
    PERFORM pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext(pg_catalog.concat('pgdurc deploy ', current_user)));

    -- Refuses a name that cannot be; drops an earlier starter of another signature; its grants pass to the new one.
    PERFORM df.prepare_starter_v1('route_order', $signature$order_id bigint$signature$);

    CREATE OR REPLACE PROCEDURE route_order__577eb8b8(INOUT step df.step_v1)
    LANGUAGE plpgsql
    SET DateStyle = 'ISO, MDY'
    SET IntervalStyle = 'postgres'
    SET TimeZone = 'UTC'
    AS $step$
BEGIN
    CASE step.state
    WHEN 1 THEN
        -- workflow.pgd:4 |=> purchase
        step := df.query_v1(step,
            $sql$SELECT total, customer FROM orders WHERE id = $sql$
            || df.param_v1(step, 'order_id'),
            ARRAY['total', 'customer']);
        step.name := 'purchase';
        step.state := 2;
    WHEN 2 THEN
        -- workflow.pgd:5 condition
        step := df.query_v1(step,
            $sql$SELECT $sql$ || df.value_v1(step, 'purchase', 'total') || $sql$ > 100$sql$,
            ARRAY['?column?']);
        step.state := CASE WHEN df.is_true_v1(step) THEN 3 ELSE 5 END;
    WHEN 3 THEN
        -- workflow.pgd:6
        EXECUTE $sql$UPDATE orders SET route = 'manual' WHERE id = $sql$
            || df.param_v1(step, 'order_id');
        GET DIAGNOSTICS step.row_count = ROW_COUNT;
        step.state := 4;
    WHEN 4 THEN
        -- workflow.pgd:7 |=> review
        step := df.query_v1(step,
            $sql$INSERT INTO reviews (note) VALUES ('check $sql$
            || df.value_v1(step, 'purchase', 'customer', false, 'text')
            || $sql$ ($sql$
            || df.param_v1(step, 'order_id', 'text')
            || $sql$)') RETURNING id$sql$,
            ARRAY['id']);
        step.name := 'review';
        step.state := 6;
    WHEN 5 THEN
        -- workflow.pgd:9
        EXECUTE $sql$UPDATE orders SET route = 'automatic' WHERE id = $sql$
            || df.param_v1(step, 'order_id');
        GET DIAGNOSTICS step.row_count = ROW_COUNT;
        step.state := 6;
    WHEN 6 THEN
        -- workflow.pgd:11 |=> reviewed
        step := df.query_v1(step,
            $sql$SELECT $sql$
            || df.value_v1(step, 'review', 'id', true)
            || $sql$ IS NOT NULL$sql$,
            ARRAY['?column?']);
        step.name := 'reviewed';
        step.state := 7;
    WHEN 7 THEN
        -- workflow.pgd:11 condition
        step := df.load_v1(step, 'reviewed');
        step.state := CASE WHEN df.is_true_v1(step) THEN 8 ELSE 9 END;
    WHEN 8 THEN
        -- workflow.pgd:11 |=> verdict
        step := df.query_v1(step,
            $sql$SELECT 'reviewed', $sql$ || df.value_v1(step, 'reviewed'),
            ARRAY['?column?', '?column?']);
        step.name := 'verdict';
        step.state := 10;
    WHEN 9 THEN
        -- workflow.pgd:11 |=> verdict
        step := df.query_v1(step,
            $sql$SELECT 'passed', $sql$ || df.value_v1(step, 'reviewed'),
            ARRAY['?column?', '?column?']);
        step.name := 'verdict';
        step.state := 10;
    WHEN 10 THEN
        -- workflow.pgd:12 df.if_rows purchase
        step.state := CASE WHEN df.row_count_v1(step, 'purchase') > 0 THEN 11 ELSE 12 END;
    WHEN 11 THEN
        -- workflow.pgd:12
        step := df.query_v1(step,
            $sql$SELECT $sql$ || df.rows_v1(step, 'verdict') || $sql$ -> 0$sql$,
            ARRAY['?column?']);
        step.outcome := 'done';
    WHEN 12 THEN
        -- workflow.pgd:12
        step := df.keep_v1(step,
            ARRAY['jsonb'],
            ARRAY(
                WITH pgdurc_rows (jsonb) AS MATERIALIZED (SELECT NULL::jsonb)
                SELECT ROW(
                    pg_catalog.to_jsonb(pgdurc_row),
                    ARRAY[pg_catalog.pg_typeof(pgdurc_row.jsonb)],
                    ARRAY[pgdurc_row.jsonb::pg_catalog.text])::df.line_v1
                FROM (SELECT) AS one
                LEFT JOIN pgdurc_rows AS pgdurc_row ON true));
        step.outcome := 'done';
    END CASE;
    -- Deferred checks and triggers run here, as a part of the step.
    SET CONSTRAINTS ALL IMMEDIATE;
END
$step$;
    REVOKE ALL ON PROCEDURE route_order__577eb8b8(df.step_v1) FROM PUBLIC;

    CREATE OR REPLACE FUNCTION route_order(order_id bigint) RETURNS pg_catalog.text
    LANGUAGE sql
    SET DateStyle = 'ISO, MDY'
    SET IntervalStyle = 'postgres'
    SET TimeZone = 'UTC'
    AS $starter$
        SELECT df.start_v1(
            'route_order',
            '577eb8b8',
            pg_catalog.jsonb_build_object(
                'order_id', route_order.order_id::pg_catalog.text))
    $starter$;

    -- Pins the search_path of procedure and starter to that of this session, pg_temp last, and revokes EXECUTE on a new
    -- starter from PUBLIC.
    PERFORM df.register_v1(
        'route_order',
        '577eb8b8',
        $json${
          "file": "workflow.pgd",
          "line": 2,
          "epoch": 1,
          "raw_vars": false,
          "parameters": [{"name": "order_id", "type": "bigint"}],
          "options": {},
          "states": [
            {
              "state": 1,
              "kind": "sql",
              "label": "SELECT total, customer FROM orders WHERE id = $order_id",
              "line": 4,
              "name": "purchase"
            },
            {"state": 2, "kind": "condition", "label": "SELECT $purchase.total > 100", "line": 5},
            {
              "state": 3,
              "kind": "sql",
              "label": "UPDATE orders SET route = 'manual' WHERE id = $order_id",
              "line": 6
            },
            {
              "state": 4,
              "kind": "sql",
              "label": "INSERT INTO reviews (note) VALUES ('check $purchase.custo...",
              "line": 7,
              "name": "review"
            },
            {
              "state": 5,
              "kind": "sql",
              "label": "UPDATE orders SET route = 'automatic' WHERE id = $order_id",
              "line": 9
            },
            {
              "state": 6,
              "kind": "sql",
              "label": "SELECT $review.id? IS NOT NULL",
              "line": 11,
              "name": "reviewed"
            },
            {"state": 7, "kind": "condition", "label": "$reviewed", "line": 11},
            {
              "state": 8,
              "kind": "sql",
              "label": "SELECT 'reviewed', $reviewed",
              "line": 11,
              "name": "verdict"
            },
            {"state": 9, "kind": "sql", "label": "SELECT 'passed', $reviewed", "line": 11, "name": "verdict"},
            {"state": 10, "kind": "condition", "label": "df.if_rows('purchase')", "line": 12},
            {"state": 11, "kind": "sql", "label": "SELECT $verdict.rows -> 0", "line": 12},
            {"state": 12, "kind": "sql", "label": "SELECT NULL::jsonb", "line": 12}
          ],
          "graph": {
            "node": "sequence",
            "parts": [
              {
                "node": "sql",
                "query": "SELECT total, customer FROM orders WHERE id = $order_id",
                "state": 1,
                "name": "purchase"
              },
              {
                "node": "if",
                "condition": {"node": "sql", "query": "SELECT $purchase.total > 100", "state": 2},
                "then": {
                  "node": "sequence",
                  "parts": [
                    {
                      "node": "sql",
                      "query": "UPDATE orders SET route = 'manual' WHERE id = $order_id",
                      "state": 3
                    },
                    {
                      "node": "sql",
                      "query": "INSERT INTO reviews (note) VALUES ('check $purchase.customer ($order_id)') RETURNING id",
                      "state": 4,
                      "name": "review"
                    }
                  ]
                },
                "else": {
                  "node": "sql",
                  "query": "UPDATE orders SET route = 'automatic' WHERE id = $order_id",
                  "state": 5
                }
              },
              {
                "node": "if",
                "condition": {
                  "node": "sql",
                  "query": "SELECT $review.id? IS NOT NULL",
                  "state": 6,
                  "name": "reviewed"
                },
                "then": {"node": "sql", "query": "SELECT 'reviewed', $reviewed", "state": 8},
                "else": {"node": "sql", "query": "SELECT 'passed', $reviewed", "state": 9},
                "name": "verdict"
              },
              {
                "node": "if_rows",
                "result": "purchase",
                "state": 10,
                "then": {"node": "sql", "query": "SELECT $verdict.rows -> 0", "state": 11},
                "else": {"node": "sql", "query": "SELECT NULL::jsonb", "state": 12}
              }
            ]
          }
        }$json$::pg_catalog.jsonb
            OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('source', $source$CREATE WORKFLOW route_order(order_id bigint)
AS
    $$SELECT total, customer FROM orders WHERE id = $order_id$$ |=> purchase
 ~> ($$SELECT $purchase.total > 100$$ ?> (
        $$UPDATE orders SET route = 'manual' WHERE id = $order_id$$
     ~> 'INSERT INTO reviews (note) VALUES (''check $purchase.customer ($order_id)'') RETURNING id' |=> review
    ) !> (
        $$UPDATE orders SET route = 'automatic' WHERE id = $order_id$$
    ))
 ~> ($$SELECT $review.id? IS NOT NULL$$ |=> reviewed ?> $$SELECT 'reviewed', $reviewed$$ !> 'SELECT ''passed'', $reviewed') |=> verdict
 ~> df.if_rows('purchase', $$SELECT $verdict.rows -> 0$$, 'SELECT NULL::jsonb');$source$::pg_catalog.text));
END
$pgdurc$;
