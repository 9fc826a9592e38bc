DO $pgdurc$
BEGIN
    PERFORM df.require_runtime(5);
EXCEPTION WHEN invalid_schema_name OR undefined_function THEN
    RAISE EXCEPTION 'the pgdurc runtime is not installed in database "%"', pg_catalog.current_database()
        USING ERRCODE = 'PD001', HINT = 'Install it: pgdurc install, or: pgdurc runtime | psql -1 -v ON_ERROR_STOP=1';
END
$pgdurc$;

-- An order waits for its approval, and does without a discount that nobody grants in time.
-- Workflow approve, version ee90e06f (workflow.pgd:2)
DO $pgdurc$
BEGIN
    -- In one statement, for instances in flight call this procedure; and one deployment of a role at a time.
    PERFORM pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext(pg_catalog.concat('pgdurc deploy ', current_user)));

    -- Refuses a name that cannot be; drops an earlier starter of another signature; its grants pass to the new one.
    PERFORM df.prepare_starter_v1('approve', $signature$order_id int, patience interval DEFAULT '1 hour'$signature$);

    CREATE OR REPLACE PROCEDURE approve__ee90e06f(INOUT step df.step_v1)
    LANGUAGE plpgsql
    SET DateStyle = 'ISO, MDY'
    SET IntervalStyle = 'postgres'
    SET TimeZone = 'UTC'
    AS $step$
BEGIN
    CASE step.state
    WHEN 1 THEN
        -- workflow.pgd:4 join
        step := df.fork_v1(step, 'join', ARRAY[2, 3], 5);
    WHEN 2 THEN
        -- workflow.pgd:5 df.wait_for_signal |=> approval
        step := df.wait_for_signal_v1(step,
            $sql$order $sql$ || df.param_v1(step, 'order_id', 'raw') || $sql$ approved$sql$,
            timeout => '2 days'::interval);
        step.name := 'approval';
        IF step.outcome <> 'wait' THEN
            step.outcome := 'done';
        END IF;
    WHEN 3 THEN
        -- workflow.pgd:6 df.sleep
        step := df.sleep_v1(step, 10::double precision);
        step.state := 4;
    WHEN 4 THEN
        -- workflow.pgd:6
        EXECUTE $sql$SELECT df.signal($sql$
            || df.var_v1(step, 'sys_instance_id')
            || $sql$, 'order 7 approved', '{"by": "alice"}')$sql$;
        GET DIAGNOSTICS step.row_count = ROW_COUNT;
        step.columns := '[]';
        step.outcome := 'done';
    WHEN 5 THEN
        -- workflow.pgd:4 join, its end
        step := df.gather_v1(step, next => 6, merge => ARRAY['approval'], is_kept => false);
    WHEN 6 THEN
        -- workflow.pgd:8 df.wait_for_signal |=> discount
        step := df.wait_for_signal_v1(step,
            'discount',
            timeout => df.duration_v1(df.param_v1(step, 'patience')));
        step.name := 'discount';
        step.state := 7;
    WHEN 7 THEN
        -- workflow.pgd:10 condition
        step := df.query_v1(step,
            $sql$SELECT NOT $sql$
            || df.value_v1(step, 'approval', 'timed_out')
            || $sql$ AND $sql$
            || df.value_v1(step, 'discount', 'timed_out'),
            ARRAY['?column?']);
        step.state := CASE WHEN df.is_true_v1(step) THEN 8 ELSE 9 END;
    WHEN 8 THEN
        -- workflow.pgd:11
        EXECUTE $sql$UPDATE orders SET state = 'approved by ' || ($sql$
            || df.value_v1(step, 'approval', 'data', false, 'jsonb')
            || $sql$ ->> 'by') WHERE id = $sql$
            || df.param_v1(step, 'order_id');
        GET DIAGNOSTICS step.row_count = ROW_COUNT;
        step.state := 10;
    WHEN 9 THEN
        -- workflow.pgd:12
        EXECUTE $sql$UPDATE orders SET state = 'refused' WHERE id = $sql$
            || df.param_v1(step, 'order_id');
        GET DIAGNOSTICS step.row_count = ROW_COUNT;
        step.state := 10;
    WHEN 10 THEN
        -- workflow.pgd:14 df.wait_for_signal
        step := df.wait_for_signal_v1(step, 'shipped', timeout => '1.5 seconds'::interval);
        IF step.outcome <> 'wait' THEN
            step.outcome := 'done';
        END IF;
    END CASE;
    -- Deferred checks and triggers run here, as a part of the step.
    SET CONSTRAINTS ALL IMMEDIATE;
END
$step$;
    REVOKE ALL ON PROCEDURE approve__ee90e06f(df.step_v1) FROM PUBLIC;

    CREATE OR REPLACE FUNCTION approve(order_id int, patience interval DEFAULT '1 hour') RETURNS pg_catalog.text
    LANGUAGE sql
    SET DateStyle = 'ISO, MDY'
    SET IntervalStyle = 'postgres'
    SET TimeZone = 'UTC'
    AS $starter$
        SELECT df.start_v1(
            'approve',
            'ee90e06f',
            pg_catalog.jsonb_build_object(
                'order_id', approve.order_id::pg_catalog.text,
                'patience', approve.patience::pg_catalog.text))
    $starter$;

    -- Pins the search_path of procedure and starter to that of this session, pg_temp last, and revokes EXECUTE on a new
    -- starter from PUBLIC.
    PERFORM df.register_v1(
        'approve',
        'ee90e06f',
        $json${
          "file": "workflow.pgd",
          "line": 2,
          "epoch": 1,
          "raw_vars": false,
          "parameters": [
            {"name": "order_id", "type": "int"},
            {"name": "patience", "type": "interval", "default": "'1 hour'"}
          ],
          "options": {},
          "states": [
            {"state": 1, "kind": "join", "label": "df.join", "line": 4},
            {
              "state": 2,
              "kind": "signal",
              "label": "df.wait_for_signal('order $order_id approved', '2 days')",
              "line": 5,
              "name": "approval"
            },
            {"state": 3, "kind": "sleep", "label": "df.sleep(10)", "line": 6},
            {
              "state": 4,
              "kind": "sql",
              "label": "SELECT df.signal({sys_instance_id}, 'order 7 approved', '...",
              "line": 6
            },
            {"state": 5, "kind": "gather", "label": "df.join", "line": 4},
            {
              "state": 6,
              "kind": "signal",
              "label": "df.wait_for_signal('discount', $patience)",
              "line": 8,
              "name": "discount"
            },
            {
              "state": 7,
              "kind": "condition",
              "label": "SELECT NOT $approval.timed_out AND $discount.timed_out",
              "line": 10
            },
            {
              "state": 8,
              "kind": "sql",
              "label": "UPDATE orders SET state = 'approved by ' || ($approval.da...",
              "line": 11
            },
            {
              "state": 9,
              "kind": "sql",
              "label": "UPDATE orders SET state = 'refused' WHERE id = $order_id",
              "line": 12
            },
            {"state": 10, "kind": "signal", "label": "df.wait_for_signal('shipped', 1.5)", "line": 14}
          ],
          "graph": {
            "node": "sequence",
            "parts": [
              {
                "node": "join",
                "parts": [
                  {
                    "node": "signal",
                    "signal": "order $order_id approved",
                    "timeout": "2 days",
                    "state": 2,
                    "name": "approval"
                  },
                  {
                    "node": "sequence",
                    "parts": [
                      {"node": "sleep", "seconds": "10", "state": 3},
                      {
                        "node": "sql",
                        "query": "SELECT df.signal({sys_instance_id}, 'order 7 approved', '{\"by\": \"alice\"}')",
                        "state": 4
                      }
                    ]
                  }
                ],
                "state": 5
              },
              {"node": "signal", "signal": "discount", "timeout": "$patience", "state": 6, "name": "discount"},
              {
                "node": "if",
                "condition": {
                  "node": "sql",
                  "query": "SELECT NOT $approval.timed_out AND $discount.timed_out",
                  "state": 7
                },
                "then": {
                  "node": "sql",
                  "query": "UPDATE orders SET state = 'approved by ' || ($approval.data ->> 'by') WHERE id = $order_id",
                  "state": 8
                },
                "else": {
                  "node": "sql",
                  "query": "UPDATE orders SET state = 'refused' WHERE id = $order_id",
                  "state": 9
                }
              },
              {"node": "signal", "signal": "shipped", "timeout": "1.5", "state": 10}
            ]
          }
        }$json$::pg_catalog.jsonb
            OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('source', $source$CREATE WORKFLOW approve(order_id int, patience interval DEFAULT '1 hour')
AS
    df.join(
        df.wait_for_signal('order $order_id approved', '2 days') |=> approval,
        df.sleep(10) ~> $$SELECT df.signal({sys_instance_id}, 'order 7 approved', '{"by": "alice"}')$$
    )
 ~> df.wait_for_signal('discount', timeout_seconds => $patience) |=> discount
 ~> df.if(
        $$SELECT NOT $approval.timed_out AND $discount.timed_out$$,
        $$UPDATE orders SET state = 'approved by ' || ($approval.data ->> 'by') WHERE id = $order_id$$,
        $$UPDATE orders SET state = 'refused' WHERE id = $order_id$$
    )
 ~> df.wait_for_signal('shipped', 1.5);$source$::pg_catalog.text));
END
$pgdurc$;
