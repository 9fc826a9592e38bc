DO $pgdurc$
BEGIN
    PERFORM df.require_runtime(5);
EXCEPTION WHEN invalid_schema_name OR undefined_function THEN
    RAISE EXCEPTION 'the pgdurc runtime is not installed in database "%"', pg_catalog.current_database()
        USING ERRCODE = 'PD001', HINT = 'Install it: pgdurc install, or: pgdurc runtime | psql -1 -v ON_ERROR_STOP=1';
END
$pgdurc$;

-- A WITH clause that modifies data must stay at the top level of its statement.
-- Workflow archive, version 838eb77c (workflow.pgd:2)
DO $pgdurc$
BEGIN
    -- In one statement, for instances in flight call this procedure; and one deployment of a role at a time.
    PERFORM pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext(pg_catalog.concat('pgdurc deploy ', current_user)));

    -- Refuses a name that cannot be; drops an earlier starter of another signature; its grants pass to the new one.
    PERFORM df.prepare_starter_v1('archive', $signature$days int DEFAULT 30$signature$);

    CREATE OR REPLACE PROCEDURE archive__838eb77c(INOUT step df.step_v1)
    LANGUAGE plpgsql
    SET DateStyle = 'ISO, MDY'
    SET IntervalStyle = 'postgres'
    SET TimeZone = 'UTC'
    AS $step$
BEGIN
    CASE step.state
    WHEN 1 THEN
        -- workflow.pgd:4 |=> archived
        step := df.query_v1(step,
            $sql$SELECT id FROM kept ORDER BY id$sql$,
            ARRAY['id'],
            NULL,
            $sql$WITH moved AS (
          DELETE FROM events WHERE age > $sql$
            || df.param_v1(step, 'days')
            || $sql$ RETURNING id, age
      ), kept (id) AS (
          INSERT INTO archive SELECT * FROM moved RETURNING id
      )$sql$);
        step.name := 'archived';
        step.state := 2;
    WHEN 2 THEN
        -- workflow.pgd:10
        step := df.query_v1(step,
            $sql$WITH ids AS (SELECT id FROM $sql$
            || df.recordset_v1(step, 'archived')
            || $sql$ AS archived) SELECT array_agg(id) AS ids, $sql$
            || df.count_v1(step, 'archived')
            || $sql$ AS number FROM ids$sql$,
            ARRAY['ids', 'number']);
        step.outcome := 'done';
    END CASE;
    -- Deferred checks and triggers run here, as a part of the step.
    SET CONSTRAINTS ALL IMMEDIATE;
END
$step$;
    REVOKE ALL ON PROCEDURE archive__838eb77c(df.step_v1) FROM PUBLIC;

    CREATE OR REPLACE FUNCTION archive(days int DEFAULT 30) RETURNS pg_catalog.text
    LANGUAGE sql
    SET DateStyle = 'ISO, MDY'
    SET IntervalStyle = 'postgres'
    SET TimeZone = 'UTC'
    AS $starter$
        SELECT df.start_v1(
            'archive',
            '838eb77c',
            pg_catalog.jsonb_build_object(
                'days', archive.days::pg_catalog.text))
    $starter$;

    -- Pins the search_path of procedure and starter to that of this session, pg_temp last, and revokes EXECUTE on a new
    -- starter from PUBLIC.
    PERFORM df.register_v1(
        'archive',
        '838eb77c',
        $json${
          "file": "workflow.pgd",
          "line": 2,
          "epoch": 1,
          "raw_vars": false,
          "parameters": [{"name": "days", "type": "int", "default": "30"}],
          "options": {},
          "states": [
            {
              "state": 1,
              "kind": "sql",
              "label": "WITH moved AS ( DELETE FROM events WHERE age > $days RETU...",
              "line": 4,
              "name": "archived"
            },
            {
              "state": 2,
              "kind": "sql",
              "label": "WITH ids AS (SELECT id FROM $archived.*) SELECT array_agg...",
              "line": 10
            }
          ],
          "graph": {
            "node": "sequence",
            "parts": [
              {
                "node": "sql",
                "query": "WITH moved AS (\n          DELETE FROM events WHERE age > $days RETURNING id, age\n      ), kept (id) AS (\n          INSERT INTO archive SELECT * FROM moved RETURNING id\n      ) SELECT id FROM kept ORDER BY id",
                "state": 1,
                "name": "archived"
              },
              {
                "node": "sql",
                "query": "WITH ids AS (SELECT id FROM $archived.*) SELECT array_agg(id) AS ids, $archived.row_count AS number FROM ids",
                "state": 2
              }
            ]
          }
        }$json$::pg_catalog.jsonb
            OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('source', $source$CREATE WORKFLOW archive(days int DEFAULT 30)
AS
    $$WITH moved AS (
          DELETE FROM events WHERE age > $days RETURNING id, age
      ), kept (id) AS (
          INSERT INTO archive SELECT * FROM moved RETURNING id
      )
      SELECT id FROM kept ORDER BY id$$ |=> archived
 ~> $$WITH ids AS (SELECT id FROM $archived.*) SELECT array_agg(id) AS ids, $archived.row_count AS number FROM ids$$;$source$::pg_catalog.text));
END
$pgdurc$;
