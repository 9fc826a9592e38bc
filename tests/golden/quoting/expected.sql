DO $pgdurc$
BEGIN
    PERFORM df.require_runtime(5);
EXCEPTION WHEN invalid_schema_name OR undefined_function THEN
    RAISE EXCEPTION 'the pgdurc runtime is not installed in database "%"', pg_catalog.current_database()
        USING ERRCODE = 'PD001', HINT = 'Install it: pgdurc install, or: pgdurc runtime | psql -1 -v ON_ERROR_STOP=1';
END
$pgdurc$;

-- Names and texts that need quoting.
-- Workflow "Odd ""Name""", version 97f012bd (workflow.pgd:2)
DO $pgdurc1$
BEGIN
    -- In one statement, for instances in flight call this procedure; and one deployment of a role at a time.
    PERFORM pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext(pg_catalog.concat('pgdurc deploy ', current_user)));

    -- Refuses a name that cannot be; drops an earlier starter of another signature; its grants pass to the new one.
    PERFORM df.prepare_starter_v1('"Odd ""Name"""', $signature$"Batch" int DEFAULT 1, "select" text DEFAULT '$pgdurc$'$signature$);

    CREATE OR REPLACE PROCEDURE "Odd ""Name""__97f012bd"(INOUT step df.step_v1)
    LANGUAGE plpgsql
    SET DateStyle = 'ISO, MDY'
    SET IntervalStyle = 'postgres'
    SET TimeZone = 'UTC'
    AS $step1$
BEGIN
    CASE step.state
    WHEN 1 THEN
        -- workflow.pgd:4 |=> odd
        step := df.query_v1(step,
            $sql$SELECT 'tab	$sql$
            || df.param_v1(step, 'Batch', 'text')
            || $sql$' AS "Tab", 1 AS "select"$sql$,
            ARRAY['Tab', 'select']);
        step.name := 'odd';
        step.state := 2;
    WHEN 2 THEN
        -- workflow.pgd:5 |=> rest
        step := df.query_v1(step,
            $sql2$SELECT $$ $sql$ $sql1$ $$ AS t, $sql2$
            || df.value_v1(step, 'odd', 'Tab')
            || $sql$ AS tab, '$sql$
            || df.param_v1(step, 'select', 'text')
            || $sql$' AS s, 'é$sql$
            || df.value_v1(step, 'odd', 'select', false, 'text')
            || $sql$' AS é, $q$ $starter$ $json$ $q$ AS q$sql$,
            ARRAY['t', 'tab', 's', 'é', 'q']);
        step.name := 'rest';
        step.state := 3;
    WHEN 3 THEN
        -- workflow.pgd:6
        step := df.query_v1(step,
            $sql$SELECT r.*, $sql$
            || df.value_v1(step, 'rest', 'tab')
            || $sql$ AS again FROM $sql$
            || df.recordset_v1(step, 'rest')
            || $sql$ AS r -- the end$sql$);
        step.outcome := 'done';
    END CASE;
    -- Deferred checks and triggers run here, as a part of the step.
    SET CONSTRAINTS ALL IMMEDIATE;
END
$step1$;
    REVOKE ALL ON PROCEDURE "Odd ""Name""__97f012bd"(df.step_v1) FROM PUBLIC;

    CREATE OR REPLACE FUNCTION "Odd ""Name"""("Batch" int DEFAULT 1, "select" text DEFAULT '$pgdurc$') RETURNS pg_catalog.text
    LANGUAGE sql
    SET DateStyle = 'ISO, MDY'
    SET IntervalStyle = 'postgres'
    SET TimeZone = 'UTC'
    AS $starter1$
        SELECT df.start_v1(
            '"Odd ""Name"""',
            '97f012bd',
            pg_catalog.jsonb_build_object(
                'Batch', "Odd ""Name"""."Batch"::pg_catalog.text,
                'select', "Odd ""Name"""."select"::pg_catalog.text))
    $starter1$;

    -- Pins the search_path of procedure and starter to that of this session, pg_temp last, and revokes EXECUTE on a new
    -- starter from PUBLIC.
    PERFORM df.register_v1(
        '"Odd ""Name"""',
        '97f012bd',
        $json1${
          "file": "workflow.pgd",
          "line": 2,
          "epoch": 1,
          "raw_vars": false,
          "parameters": [
            {"name": "Batch", "type": "int", "default": "1"},
            {"name": "select", "type": "text", "default": "'$pgdurc$'"}
          ],
          "options": {},
          "states": [
            {
              "state": 1,
              "kind": "sql",
              "label": "SELECT 'tab $Batch' AS \"Tab\", 1 AS \"select\"",
              "line": 4,
              "name": "odd"
            },
            {
              "state": 2,
              "kind": "sql",
              "label": "SELECT $$ $sql$ $sql1$ $$ AS t, $odd.\"Tab\" AS tab, '$sele...",
              "line": 5,
              "name": "rest"
            },
            {
              "state": 3,
              "kind": "sql",
              "label": "SELECT r.*, $rest.tab AS again FROM $rest.* AS r -- the end",
              "line": 6
            }
          ],
          "graph": {
            "node": "sequence",
            "parts": [
              {
                "node": "sql",
                "query": "SELECT 'tab\t$Batch' AS \"Tab\", 1 AS \"select\"",
                "state": 1,
                "name": "odd"
              },
              {
                "node": "sql",
                "query": "SELECT $$ $sql$ $sql1$ $$ AS t, $odd.\"Tab\" AS tab, '$select' AS s, 'é$odd.\"select\"' AS é, $q$ $starter$ $json$ $q$ AS q",
                "state": 2,
                "name": "rest"
              },
              {
                "node": "sql",
                "query": "SELECT r.*, $rest.tab AS again FROM $rest.* AS r -- the end",
                "state": 3
              }
            ]
          }
        }$json1$::pg_catalog.jsonb
            OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('source', $source$CREATE WORKFLOW "Odd ""Name"""("Batch" int DEFAULT 1, "select" text DEFAULT '$pgdurc$')
AS
    E'SELECT \'tab\t$Batch\' AS "Tab", 1 AS "select"' |=> odd
 ~> $x$SELECT $$ $sql$ $sql1$ $$ AS t, $odd."Tab" AS tab, '$select' AS s, 'é$odd."select"' AS é, $q$ $starter$ $json$ $q$ AS q$x$ |=> rest
 ~> $$SELECT r.*, $rest.tab AS again FROM $rest.* AS r -- the end$$;$source$::pg_catalog.text));
END
$pgdurc1$;
