\set ON_ERROR_STOP 1
-- What is not ours stays as it is.
CREATE TABLE IF NOT EXISTS greeting (word text);

DO $pgdurc$
BEGIN
    PERFORM df.require_runtime(5);
EXCEPTION WHEN invalid_schema_name OR undefined_function THEN
    RAISE EXCEPTION 'the pgdurc runtime is not installed in database "%"', pg_catalog.current_database()
        USING ERRCODE = 'PD001', HINT = 'Install it: pgdurc install, or: pgdurc runtime | psql -1 -v ON_ERROR_STOP=1';
END
$pgdurc$;

/* A comment above. */
-- Workflow greet, version c8abffcc (workflow.pgd:6)
DO $pgdurc$
BEGIN
    -- In one statement, for instances in flight call this procedure; and one deployment of a role at a time.
    PERFORM pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext(pg_catalog.concat('pgdurc deploy ', current_user)));

    -- Refuses a name that cannot be; drops an earlier starter of another signature; its grants pass to the new one.
    PERFORM df.prepare_starter_v1('greet', $signature$$signature$);

    CREATE OR REPLACE PROCEDURE greet__c8abffcc(INOUT step df.step_v1)
    LANGUAGE plpgsql
    SET DateStyle = 'ISO, MDY'
    SET IntervalStyle = 'postgres'
    SET TimeZone = 'UTC'
    AS $step$
BEGIN
    CASE step.state
    WHEN 1 THEN
        -- workflow.pgd:6
        step := df.query_v1(step, $sql$SELECT word FROM greeting$sql$, ARRAY['word']);
        step.outcome := 'done';
    END CASE;
    -- Deferred checks and triggers run here, as a part of the step.
    SET CONSTRAINTS ALL IMMEDIATE;
END
$step$;
    REVOKE ALL ON PROCEDURE greet__c8abffcc(df.step_v1) FROM PUBLIC;

    CREATE OR REPLACE FUNCTION greet() RETURNS pg_catalog.text
    LANGUAGE sql
    SET DateStyle = 'ISO, MDY'
    SET IntervalStyle = 'postgres'
    SET TimeZone = 'UTC'
    AS $starter$
        SELECT df.start_v1(
            'greet',
            'c8abffcc',
            '{}'::pg_catalog.jsonb)
    $starter$;

    -- Pins the search_path of procedure and starter to that of this session, pg_temp last, and revokes EXECUTE on a new
    -- starter from PUBLIC.
    PERFORM df.register_v1(
        'greet',
        'c8abffcc',
        $json${
          "file": "workflow.pgd",
          "line": 6,
          "epoch": 1,
          "raw_vars": false,
          "parameters": [],
          "options": {},
          "states": [{"state": 1, "kind": "sql", "label": "SELECT word FROM greeting", "line": 6}],
          "graph": {"node": "sql", "query": "SELECT word FROM greeting", "state": 1}
        }$json$::pg_catalog.jsonb
            OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('source', $source$CREATE WORKFLOW greet() AS 'SELECT word FROM greeting';$source$::pg_catalog.text));
END
$pgdurc$;  -- and one after

INSERT INTO greeting VALUES ('CREATE WORKFLOW is no statement in here;');
SELECT df.drop_workflow_v1('farewell', true);
-- Workflow public.depart, version de08f93b (workflow.pgd:10)
DO $pgdurc$
BEGIN
    -- In one statement, for instances in flight call this procedure; and one deployment of a role at a time.
    PERFORM pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext(pg_catalog.concat('pgdurc deploy ', current_user)));

    -- Refuses a name that cannot be; drops an earlier starter of another signature; its grants pass to the new one.
    PERFORM df.prepare_starter_v1('public.depart', $signature$who text$signature$);

    CREATE OR REPLACE PROCEDURE public.depart__de08f93b(INOUT step df.step_v1)
    LANGUAGE plpgsql
    SET DateStyle = 'ISO, MDY'
    SET IntervalStyle = 'postgres'
    SET TimeZone = 'UTC'
    AS $step$
BEGIN
    CASE step.state
    WHEN 1 THEN
        -- workflow.pgd:10
        step := df.query_v1(step, $sql$SELECT 'bye ' || $sql$ || df.param_v1(step, 'who'), ARRAY['?column?']);
        step.outcome := 'done';
    END CASE;
    -- Deferred checks and triggers run here, as a part of the step.
    SET CONSTRAINTS ALL IMMEDIATE;
END
$step$;
    REVOKE ALL ON PROCEDURE public.depart__de08f93b(df.step_v1) FROM PUBLIC;

    CREATE OR REPLACE FUNCTION public.depart(who text) RETURNS pg_catalog.text
    LANGUAGE sql
    SET DateStyle = 'ISO, MDY'
    SET IntervalStyle = 'postgres'
    SET TimeZone = 'UTC'
    AS $starter$
        SELECT df.start_v1(
            'public.depart',
            'de08f93b',
            pg_catalog.jsonb_build_object(
                'who', depart.who::pg_catalog.text))
    $starter$;

    -- Pins the search_path of procedure and starter to that of this session, pg_temp last, and revokes EXECUTE on a new
    -- starter from PUBLIC.
    PERFORM df.register_v1(
        'public.depart',
        'de08f93b',
        $json${
          "file": "workflow.pgd",
          "line": 10,
          "epoch": 1,
          "raw_vars": false,
          "parameters": [{"name": "who", "type": "text"}],
          "options": {},
          "states": [{"state": 1, "kind": "sql", "label": "SELECT 'bye ' || $who", "line": 10}],
          "graph": {"node": "sql", "query": "SELECT 'bye ' || $who", "state": 1}
        }$json$::pg_catalog.jsonb
            OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('source', $source$CREATE OR REPLACE WORKFLOW public.depart(who text) AS 'SELECT ''bye '' || $who';$source$::pg_catalog.text));
END
$pgdurc$;
SELECT 1 AS one \gset
