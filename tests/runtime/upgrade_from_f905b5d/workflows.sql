-- What is in flight when a newer runtime is installed. Every effect has a name of its own: done twice it stands there twice, lost it is missing.
CREATE TABLE effect (instance text NOT NULL, what text NOT NULL);

-- A step that reads it waits while somebody holds its lock.
CREATE TABLE gate (x int);

DO $pgdurc$
BEGIN
    PERFORM df.require_runtime(1);
EXCEPTION WHEN invalid_schema_name OR undefined_function THEN
    RAISE EXCEPTION 'the pgdurc runtime is not installed in database "%"', pg_catalog.current_database()
        USING ERRCODE = 'PD001', HINT = 'Install it: pgdurc install, or: pgdurc runtime | psql';
END
$pgdurc$;

-- Workflow sleeper, version 22bc144c (workflows.pgd:7)
CREATE OR REPLACE PROCEDURE sleeper__22bc144c(INOUT step df.step_v1)
LANGUAGE plpgsql
SET DateStyle = 'ISO, MDY'
SET IntervalStyle = 'postgres'
SET TimeZone = 'UTC'
AS $pgdurc$
BEGIN
    CASE step.state
    WHEN 1 THEN
        -- workflows.pgd:10
        step := df.exec_v1(step,
            $sql$INSERT INTO effect VALUES ($sql$
            || df.var_v1(step, 'sys_instance_id')
            || $sql$, 'before')$sql$);
        step.state := 2;
    WHEN 2 THEN
        -- workflows.pgd:11 |=> x
        step := df.query_v1(step,
            $sql$SELECT $sql$
            || df.param_v1(step, 'n')
            || $sql$ * 2 AS doubled, ARRAY['a', NULL] AS list$sql$,
            ARRAY['doubled', 'list']);
        step.name := 'x';
        step.state := 3;
    WHEN 3 THEN
        -- workflows.pgd:12 df.sleep
        step := df.sleep_v1(step, 60::double precision);
        step.state := 4;
    WHEN 4 THEN
        -- workflows.pgd:13
        step := df.exec_v1(step,
            $sql$INSERT INTO effect VALUES ($sql$
            || df.var_v1(step, 'sys_instance_id')
            || $sql$, 'after ' || $sql$
            || df.value_v1(step, 'x', 'doubled')
            || $sql$)$sql$);
        step.state := 5;
    WHEN 5 THEN
        -- workflows.pgd:14
        step := df.query_v1(step,
            $sql$SELECT $sql$
            || df.value_v1(step, 'x', 'doubled')
            || $sql$ AS doubled, $sql$
            || df.value_v1(step, 'x', 'list')
            || $sql$ AS list$sql$,
            ARRAY['doubled', 'list']);
        step.outcome := 'done';
    END CASE;
    -- Deferred checks and triggers run here, as a part of the step.
    SET CONSTRAINTS ALL IMMEDIATE;
END
$pgdurc$;
REVOKE ALL ON PROCEDURE sleeper__22bc144c(df.step_v1) FROM PUBLIC;

DO $pgdurc$
BEGIN
    -- Drops an earlier starter of another signature; its grants pass to the new one.
    PERFORM df.prepare_starter_v1('sleeper', $signature$n int$signature$);

    CREATE OR REPLACE FUNCTION sleeper(n int) RETURNS pg_catalog.text
    LANGUAGE sql
    SET DateStyle = 'ISO, MDY'
    SET IntervalStyle = 'postgres'
    SET TimeZone = 'UTC'
    AS $starter$
        SELECT df.start_v1(
            'sleeper',
            '22bc144c',
            pg_catalog.jsonb_build_object(
                'n', sleeper.n::pg_catalog.text))
    $starter$;

    -- Pins the search_path of procedure and starter to that of this session, pg_temp last, and revokes EXECUTE on a new
    -- starter from PUBLIC.
    PERFORM df.register_v1(
        'sleeper',
        '22bc144c',
        $json${
          "file": "workflows.pgd",
          "line": 7,
          "epoch": 1,
          "raw_vars": false,
          "parameters": [{"name": "n", "type": "int"}],
          "options": {"max_attempts": 2},
          "states": [
            {
              "state": 1,
              "kind": "sql",
              "label": "INSERT INTO effect VALUES ({sys_instance_id}, 'before')",
              "line": 10
            },
            {
              "state": 2,
              "kind": "sql",
              "label": "SELECT $n * 2 AS doubled, ARRAY['a', NULL] AS list",
              "line": 11,
              "name": "x"
            },
            {"state": 3, "kind": "sleep", "label": "df.sleep(60)", "line": 12},
            {
              "state": 4,
              "kind": "sql",
              "label": "INSERT INTO effect VALUES ({sys_instance_id}, 'after ' ||...",
              "line": 13
            },
            {"state": 5, "kind": "sql", "label": "SELECT $x.doubled AS doubled, $x.list AS list", "line": 14}
          ],
          "graph": {
            "node": "sequence",
            "parts": [
              {"node": "sql", "query": "INSERT INTO effect VALUES ({sys_instance_id}, 'before')", "state": 1},
              {
                "node": "sql",
                "query": "SELECT $n * 2 AS doubled, ARRAY['a', NULL] AS list",
                "state": 2,
                "name": "x"
              },
              {"node": "sleep", "seconds": "60", "state": 3},
              {
                "node": "sql",
                "query": "INSERT INTO effect VALUES ({sys_instance_id}, 'after ' || $x.doubled)",
                "state": 4
              },
              {"node": "sql", "query": "SELECT $x.doubled AS doubled, $x.list AS list", "state": 5}
            ]
          }
        }$json$::pg_catalog.jsonb
            OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('source', $source$CREATE WORKFLOW sleeper(n int)
WITH (max_attempts = 2)
AS
    $$INSERT INTO effect VALUES ({sys_instance_id}, 'before')$$
 ~> $$SELECT $n * 2 AS doubled, ARRAY['a', NULL] AS list$$  |=> x
 ~> df.sleep(60)
 ~> $$INSERT INTO effect VALUES ({sys_instance_id}, 'after ' || $x.doubled)$$
 ~> $$SELECT $x.doubled AS doubled, $x.list AS list$$;$source$::pg_catalog.text));
END
$pgdurc$;

-- Workflow counter, version 61fe94b2 (workflows.pgd:16)
CREATE OR REPLACE PROCEDURE counter__61fe94b2(INOUT step df.step_v1)
LANGUAGE plpgsql
SET DateStyle = 'ISO, MDY'
SET IntervalStyle = 'postgres'
SET TimeZone = 'UTC'
AS $pgdurc$
BEGIN
    CASE step.state
    WHEN 1 THEN
        -- workflows.pgd:18 |=> lap
        step := df.query_v1(step, $sql$SELECT 0 AS n$sql$, ARRAY['n']);
        step.name := 'lap';
        step.state := 2;
    WHEN 2 THEN
        -- workflows.pgd:20 |=> lap
        step := df.query_v1(step,
            $sql$SELECT $sql$ || df.value_v1(step, 'lap') || $sql$ + 1 AS n$sql$,
            ARRAY['n']);
        step.name := 'lap';
        step.state := 3;
    WHEN 3 THEN
        -- workflows.pgd:21
        step := df.exec_v1(step,
            $sql$INSERT INTO effect VALUES ($sql$
            || df.var_v1(step, 'sys_instance_id')
            || $sql$, 'lap ' || $sql$
            || df.value_v1(step, 'lap')
            || $sql$)$sql$);
        step.state := 4;
    WHEN 4 THEN
        -- workflows.pgd:22 condition
        step := df.query_v1(step,
            $sql$SELECT $sql$ || df.param_v1(step, 'nap') || $sql$ > 0$sql$,
            ARRAY['?column?']);
        step.state := CASE WHEN df.is_true_v1(step) THEN 5 ELSE 6 END;
    WHEN 5 THEN
        -- workflows.pgd:22 df.sleep
        step := df.sleep_v1(step, 30::double precision);
        step.state := 7;
    WHEN 6 THEN
        -- workflows.pgd:22
        step := df.exec_v1(step, $sql$SELECT 1$sql$);
        step.state := 7;
    WHEN 7 THEN
        -- workflows.pgd:23 condition
        step := df.query_v1(step,
            $sql$SELECT $sql$
            || df.value_v1(step, 'lap')
            || $sql$ < $sql$
            || df.param_v1(step, 'laps'),
            ARRAY['?column?']);
        step.state := CASE WHEN df.is_true_v1(step) THEN 2 ELSE 8 END;
    WHEN 8 THEN
        -- workflows.pgd:24
        step := df.query_v1(step,
            $sql$SELECT $sql$ || df.value_v1(step, 'lap') || $sql$ AS laps$sql$,
            ARRAY['laps']);
        step.outcome := 'done';
    END CASE;
    -- Deferred checks and triggers run here, as a part of the step.
    SET CONSTRAINTS ALL IMMEDIATE;
END
$pgdurc$;
REVOKE ALL ON PROCEDURE counter__61fe94b2(df.step_v1) FROM PUBLIC;

DO $pgdurc$
BEGIN
    -- Drops an earlier starter of another signature; its grants pass to the new one.
    PERFORM df.prepare_starter_v1('counter', $signature$laps int, nap double precision DEFAULT 0$signature$);

    CREATE OR REPLACE FUNCTION counter(laps int, nap double precision DEFAULT 0) RETURNS pg_catalog.text
    LANGUAGE sql
    SET DateStyle = 'ISO, MDY'
    SET IntervalStyle = 'postgres'
    SET TimeZone = 'UTC'
    AS $starter$
        SELECT df.start_v1(
            'counter',
            '61fe94b2',
            pg_catalog.jsonb_build_object(
                'laps', counter.laps::pg_catalog.text,
                'nap', counter.nap::pg_catalog.text))
    $starter$;

    -- Pins the search_path of procedure and starter to that of this session, pg_temp last, and revokes EXECUTE on a new
    -- starter from PUBLIC.
    PERFORM df.register_v1(
        'counter',
        '61fe94b2',
        $json${
          "file": "workflows.pgd",
          "line": 16,
          "epoch": 1,
          "raw_vars": false,
          "parameters": [
            {"name": "laps", "type": "int"},
            {"name": "nap", "type": "double precision", "default": "0"}
          ],
          "options": {},
          "states": [
            {"state": 1, "kind": "sql", "label": "SELECT 0 AS n", "line": 18, "name": "lap"},
            {"state": 2, "kind": "sql", "label": "SELECT $lap + 1 AS n", "line": 20, "name": "lap"},
            {
              "state": 3,
              "kind": "sql",
              "label": "INSERT INTO effect VALUES ({sys_instance_id}, 'lap ' || $...",
              "line": 21
            },
            {"state": 4, "kind": "condition", "label": "SELECT $nap > 0", "line": 22},
            {"state": 5, "kind": "sleep", "label": "df.sleep(30)", "line": 22},
            {"state": 6, "kind": "sql", "label": "SELECT 1", "line": 22},
            {"state": 7, "kind": "condition", "label": "SELECT $lap < $laps", "line": 23},
            {"state": 8, "kind": "sql", "label": "SELECT $lap AS laps", "line": 24}
          ],
          "graph": {
            "node": "sequence",
            "parts": [
              {"node": "sql", "query": "SELECT 0 AS n", "state": 1, "name": "lap"},
              {
                "node": "loop",
                "body": {
                  "node": "sequence",
                  "parts": [
                    {"node": "sql", "query": "SELECT $lap + 1 AS n", "state": 2, "name": "lap"},
                    {
                      "node": "sql",
                      "query": "INSERT INTO effect VALUES ({sys_instance_id}, 'lap ' || $lap)",
                      "state": 3
                    },
                    {
                      "node": "if",
                      "condition": {"node": "sql", "query": "SELECT $nap > 0", "state": 4},
                      "then": {"node": "sleep", "seconds": "30", "state": 5},
                      "else": {"node": "sql", "query": "SELECT 1", "state": 6}
                    }
                  ]
                },
                "condition": {"node": "sql", "query": "SELECT $lap < $laps", "state": 7}
              },
              {"node": "sql", "query": "SELECT $lap AS laps", "state": 8}
            ]
          }
        }$json$::pg_catalog.jsonb
            OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('source', $source$CREATE WORKFLOW counter(laps int, nap double precision DEFAULT 0)
AS
    $$SELECT 0 AS n$$                                       |=> lap
 ~> df.loop(
        $$SELECT $lap + 1 AS n$$                            |=> lap
     ~> $$INSERT INTO effect VALUES ({sys_instance_id}, 'lap ' || $lap)$$
     ~> df.if($$SELECT $nap > 0$$, df.sleep(30), $$SELECT 1$$),
        $$SELECT $lap < $laps$$)
 ~> $$SELECT $lap AS laps$$;$source$::pg_catalog.text));
END
$pgdurc$;

-- Workflow waiter, version b2cf4d1b (workflows.pgd:26)
CREATE OR REPLACE PROCEDURE waiter__b2cf4d1b(INOUT step df.step_v1)
LANGUAGE plpgsql
SET DateStyle = 'ISO, MDY'
SET IntervalStyle = 'postgres'
SET TimeZone = 'UTC'
AS $pgdurc$
BEGIN
    CASE step.state
    WHEN 1 THEN
        -- workflows.pgd:28 join
        step := df.fork_v1(step, 'join', ARRAY[2, 3, 5], 6);
    WHEN 2 THEN
        -- workflows.pgd:29
        step := df.exec_v1(step,
            $sql$INSERT INTO effect VALUES ($sql$
            || df.var_v1(step, 'sys_instance_id')
            || $sql$, 'branch')$sql$);
        step.outcome := 'done';
    WHEN 3 THEN
        -- workflows.pgd:30 df.sleep
        step := df.sleep_v1(step, 60::double precision);
        step.state := 4;
    WHEN 4 THEN
        -- workflows.pgd:30
        step := df.exec_v1(step,
            $sql$INSERT INTO effect VALUES ($sql$
            || df.var_v1(step, 'sys_instance_id')
            || $sql$, 'late branch')$sql$);
        step.outcome := 'done';
    WHEN 5 THEN
        -- workflows.pgd:31 df.wait_for_signal |=> go
        step := df.wait_for_signal_v1(step, 'go');
        step.name := 'go';
        IF step.outcome <> 'wait' THEN
            step.outcome := 'done';
        END IF;
    WHEN 6 THEN
        -- workflows.pgd:28 join, its end
        step := df.gather_v1(step, next => 7, merge => ARRAY['go'], is_kept => false);
    WHEN 7 THEN
        -- workflows.pgd:33 race
        step := df.fork_v1(step, 'race', ARRAY[8, 10], 12);
    WHEN 8 THEN
        -- workflows.pgd:33 df.sleep |=> .sleep1 (hidden)
        step := df.sleep_v1(step, 90::double precision);
        step.name := '.sleep1';
        step.state := 9;
    WHEN 9 THEN
        -- workflows.pgd:33 the result of df.sleep
        step := df.load_v1(step, '.sleep1');
        step.outcome := 'done';
    WHEN 10 THEN
        -- workflows.pgd:33 df.wait_for_schedule |=> .schedule2 (hidden)
        step := df.wait_for_schedule_v1(step, '0 0 29 2 *');
        step.name := '.schedule2';
        step.state := 11;
    WHEN 11 THEN
        -- workflows.pgd:33 the result of df.wait_for_schedule
        step := df.load_v1(step, '.schedule2');
        step.outcome := 'done';
    WHEN 12 THEN
        -- workflows.pgd:33 race, its end
        step := df.gather_v1(step, next => 13, is_kept => false);
    WHEN 13 THEN
        -- workflows.pgd:34
        step := df.query_v1(step,
            $sql$SELECT $sql$ || df.value_v1(step, 'go', 'data') || $sql$ AS data$sql$,
            ARRAY['data']);
        step.outcome := 'done';
    END CASE;
    -- Deferred checks and triggers run here, as a part of the step.
    SET CONSTRAINTS ALL IMMEDIATE;
END
$pgdurc$;
REVOKE ALL ON PROCEDURE waiter__b2cf4d1b(df.step_v1) FROM PUBLIC;

DO $pgdurc$
BEGIN
    -- Drops an earlier starter of another signature; its grants pass to the new one.
    PERFORM df.prepare_starter_v1('waiter', $signature$$signature$);

    CREATE OR REPLACE FUNCTION waiter() RETURNS pg_catalog.text
    LANGUAGE sql
    SET DateStyle = 'ISO, MDY'
    SET IntervalStyle = 'postgres'
    SET TimeZone = 'UTC'
    AS $starter$
        SELECT df.start_v1(
            'waiter',
            'b2cf4d1b',
            '{}'::pg_catalog.jsonb)
    $starter$;

    -- Pins the search_path of procedure and starter to that of this session, pg_temp last, and revokes EXECUTE on a new
    -- starter from PUBLIC.
    PERFORM df.register_v1(
        'waiter',
        'b2cf4d1b',
        $json${
          "file": "workflows.pgd",
          "line": 26,
          "epoch": 1,
          "raw_vars": false,
          "parameters": [],
          "options": {},
          "states": [
            {"state": 1, "kind": "join", "label": "df.join", "line": 28},
            {
              "state": 2,
              "kind": "sql",
              "label": "INSERT INTO effect VALUES ({sys_instance_id}, 'branch')",
              "line": 29
            },
            {"state": 3, "kind": "sleep", "label": "df.sleep(60)", "line": 30},
            {
              "state": 4,
              "kind": "sql",
              "label": "INSERT INTO effect VALUES ({sys_instance_id}, 'late branch')",
              "line": 30
            },
            {"state": 5, "kind": "signal", "label": "df.wait_for_signal('go')", "line": 31, "name": "go"},
            {"state": 6, "kind": "gather", "label": "df.join", "line": 28},
            {"state": 7, "kind": "race", "label": "df.race", "line": 33},
            {"state": 8, "kind": "sleep", "label": "df.sleep(90)", "line": 33},
            {"state": 9, "kind": "end", "label": "df.sleep(90)", "line": 33},
            {"state": 10, "kind": "schedule", "label": "df.wait_for_schedule('0 0 29 2 *')", "line": 33},
            {"state": 11, "kind": "end", "label": "df.wait_for_schedule('0 0 29 2 *')", "line": 33},
            {"state": 12, "kind": "gather", "label": "df.race", "line": 33},
            {"state": 13, "kind": "sql", "label": "SELECT $go.data AS data", "line": 34}
          ],
          "graph": {
            "node": "sequence",
            "parts": [
              {
                "node": "join",
                "parts": [
                  {
                    "node": "sql",
                    "query": "INSERT INTO effect VALUES ({sys_instance_id}, 'branch')",
                    "state": 2
                  },
                  {
                    "node": "sequence",
                    "parts": [
                      {"node": "sleep", "seconds": "60", "state": 3},
                      {
                        "node": "sql",
                        "query": "INSERT INTO effect VALUES ({sys_instance_id}, 'late branch')",
                        "state": 4
                      }
                    ]
                  },
                  {"node": "signal", "signal": "go", "state": 5, "name": "go"}
                ],
                "state": 6
              },
              {
                "node": "race",
                "parts": [
                  {"node": "sleep", "seconds": "90", "state": 8},
                  {"node": "schedule", "cron": "0 0 29 2 *", "state": 10}
                ],
                "state": 12
              },
              {"node": "sql", "query": "SELECT $go.data AS data", "state": 13}
            ]
          }
        }$json$::pg_catalog.jsonb
            OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('source', $source$CREATE WORKFLOW waiter()
AS
    df.join(
        $$INSERT INTO effect VALUES ({sys_instance_id}, 'branch')$$,
        df.sleep(60) ~> $$INSERT INTO effect VALUES ({sys_instance_id}, 'late branch')$$,
        df.wait_for_signal('go')                            |=> go
    )
 ~> (df.sleep(90) | df.wait_for_schedule('0 0 29 2 *'))
 ~> $$SELECT $go.data AS data$$;$source$::pg_catalog.text));
END
$pgdurc$;

-- Workflow gated, version f2a9933e (workflows.pgd:36)
CREATE OR REPLACE PROCEDURE gated__f2a9933e(INOUT step df.step_v1)
LANGUAGE plpgsql
SET DateStyle = 'ISO, MDY'
SET IntervalStyle = 'postgres'
SET TimeZone = 'UTC'
AS $pgdurc$
BEGIN
    CASE step.state
    WHEN 1 THEN
        -- workflows.pgd:38
        step := df.exec_v1(step,
            $sql$INSERT INTO effect SELECT $sql$
            || df.var_v1(step, 'sys_instance_id')
            || $sql$, 'passed ' || count(*) FROM gate$sql$);
        step.state := 2;
    WHEN 2 THEN
        -- workflows.pgd:39
        step := df.exec_v1(step,
            $sql$INSERT INTO effect VALUES ($sql$
            || df.var_v1(step, 'sys_instance_id')
            || $sql$, 'last')$sql$);
        step.outcome := 'done';
    END CASE;
    -- Deferred checks and triggers run here, as a part of the step.
    SET CONSTRAINTS ALL IMMEDIATE;
END
$pgdurc$;
REVOKE ALL ON PROCEDURE gated__f2a9933e(df.step_v1) FROM PUBLIC;

DO $pgdurc$
BEGIN
    -- Drops an earlier starter of another signature; its grants pass to the new one.
    PERFORM df.prepare_starter_v1('gated', $signature$$signature$);

    CREATE OR REPLACE FUNCTION gated() RETURNS pg_catalog.text
    LANGUAGE sql
    SET DateStyle = 'ISO, MDY'
    SET IntervalStyle = 'postgres'
    SET TimeZone = 'UTC'
    AS $starter$
        SELECT df.start_v1(
            'gated',
            'f2a9933e',
            '{}'::pg_catalog.jsonb)
    $starter$;

    -- Pins the search_path of procedure and starter to that of this session, pg_temp last, and revokes EXECUTE on a new
    -- starter from PUBLIC.
    PERFORM df.register_v1(
        'gated',
        'f2a9933e',
        $json${
          "file": "workflows.pgd",
          "line": 36,
          "epoch": 1,
          "raw_vars": false,
          "parameters": [],
          "options": {},
          "states": [
            {
              "state": 1,
              "kind": "sql",
              "label": "INSERT INTO effect SELECT {sys_instance_id}, 'passed ' ||...",
              "line": 38
            },
            {
              "state": 2,
              "kind": "sql",
              "label": "INSERT INTO effect VALUES ({sys_instance_id}, 'last')",
              "line": 39
            }
          ],
          "graph": {
            "node": "sequence",
            "parts": [
              {
                "node": "sql",
                "query": "INSERT INTO effect SELECT {sys_instance_id}, 'passed ' || count(*) FROM gate",
                "state": 1
              },
              {"node": "sql", "query": "INSERT INTO effect VALUES ({sys_instance_id}, 'last')", "state": 2}
            ]
          }
        }$json$::pg_catalog.jsonb
            OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('source', $source$CREATE WORKFLOW gated()
AS
    $$INSERT INTO effect SELECT {sys_instance_id}, 'passed ' || count(*) FROM gate$$
 ~> $$INSERT INTO effect VALUES ({sys_instance_id}, 'last')$$;$source$::pg_catalog.text));
END
$pgdurc$;
