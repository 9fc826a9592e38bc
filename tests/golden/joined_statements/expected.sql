DO $pgdurc$
BEGIN
    PERFORM df.require_runtime(5);
EXCEPTION WHEN invalid_schema_name OR undefined_function THEN
    RAISE EXCEPTION 'the pgdurc runtime is not installed in database "%"', pg_catalog.current_database()
        USING ERRCODE = 'PD001', HINT = 'Install it: pgdurc install, or: pgdurc runtime | psql -1 -v ON_ERROR_STOP=1';
END
$pgdurc$;

-- psql sends what is joined in one go; each call is defined in the search_path of its own statement.
SET search_path = north \;
-- The workflow of the call at workflow.pgd:2, version 26f838fc3ed98af3. Made once for a role and its search_path.
DO $pgdurc$
DECLARE
    -- As variables, for an error shows the statement that it is in.
    body CONSTANT pg_catalog.text := $body$
BEGIN
    CASE step.state
    WHEN 1 THEN
        -- workflow.pgd:2
        step := df.query_v1(step, $sql$SELECT count(*) AS orders FROM orders$sql$, ARRAY['orders']);
        step.outcome := 'done';
    END CASE;
    -- Deferred checks and triggers run here, as a part of the step.
    SET CONSTRAINTS ALL IMMEDIATE;
END
$body$;
    definition CONSTANT pg_catalog.jsonb :=
        $json${
          "file": "workflow.pgd",
          "line": 2,
          "epoch": 1,
          "raw_vars": false,
          "parameters": [],
          "options": {},
          "states": [{"state": 1, "kind": "sql", "label": "SELECT count(*) AS orders FROM orders", "line": 2}],
          "graph": {"node": "sql", "query": "SELECT count(*) AS orders FROM orders", "state": 1},
          "is_stored": false
        }$json$::pg_catalog.jsonb
        OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('source', $source$df.start('SELECT count(*) AS orders FROM orders', 'north')$source$::pg_catalog.text);
BEGIN
    PERFORM df.define_call_v1('26f838fc3ed98af3', body, definition);
END
$pgdurc$ \; SELECT df.start(v1 => '26f838fc3ed98af3', args => '{}', label => 'north') \; SET search_path = south;
-- The workflow of the call at workflow.pgd:3, version 96e8f2e20edefdd0. Made once for a role and its search_path.
DO $pgdurc$
DECLARE
    -- As variables, for an error shows the statement that it is in.
    body CONSTANT pg_catalog.text := $body$
BEGIN
    CASE step.state
    WHEN 1 THEN
        -- workflow.pgd:3
        step := df.query_v1(step, $sql$SELECT count(*) AS found FROM orders$sql$, ARRAY['found']);
        step.outcome := 'done';
    END CASE;
    -- Deferred checks and triggers run here, as a part of the step.
    SET CONSTRAINTS ALL IMMEDIATE;
END
$body$;
    definition CONSTANT pg_catalog.jsonb :=
        $json${
          "file": "workflow.pgd",
          "line": 3,
          "epoch": 1,
          "raw_vars": false,
          "parameters": [],
          "options": {},
          "states": [{"state": 1, "kind": "sql", "label": "SELECT count(*) AS found FROM orders", "line": 3}],
          "graph": {"node": "sql", "query": "SELECT count(*) AS found FROM orders", "state": 1},
          "is_stored": false
        }$json$::pg_catalog.jsonb
        OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('source', $source$df.start('SELECT count(*) AS found FROM orders', 'south')$source$::pg_catalog.text);
BEGIN
    PERFORM df.define_call_v1('96e8f2e20edefdd0', body, definition);
END
$pgdurc$;

SELECT df.start(v1 => '96e8f2e20edefdd0', args => '{}', label => 'south') \;
RESET search_path \;
-- The workflow of the call at workflow.pgd:6, version d01efc9dd16161bf. Made once for a role and its search_path.
DO $pgdurc$
DECLARE
    -- As variables, for an error shows the statement that it is in.
    body CONSTANT pg_catalog.text := $body$
BEGIN
    CASE step.state
    WHEN 1 THEN
        -- workflow.pgd:6
        step := df.keep_v1(step,
            ARRAY['n'],
            ARRAY(
                WITH pgdurc_rows (n) AS MATERIALIZED (SELECT 1 AS n)
                SELECT ROW(
                    pg_catalog.to_jsonb(pgdurc_row),
                    ARRAY[pg_catalog.pg_typeof(pgdurc_row.n)],
                    ARRAY[pgdurc_row.n::pg_catalog.text])::df.line_v1
                FROM (SELECT) AS one
                LEFT JOIN pgdurc_rows AS pgdurc_row ON true));
        step.outcome := 'done';
    END CASE;
    -- Deferred checks and triggers run here, as a part of the step.
    SET CONSTRAINTS ALL IMMEDIATE;
END
$body$;
    definition CONSTANT pg_catalog.jsonb :=
        $json${
          "file": "workflow.pgd",
          "line": 6,
          "epoch": 1,
          "raw_vars": false,
          "parameters": [],
          "options": {},
          "states": [{"state": 1, "kind": "sql", "label": "SELECT 1 AS n", "line": 6}],
          "graph": {"node": "sql", "query": "SELECT 1 AS n", "state": 1},
          "is_stored": false
        }$json$::pg_catalog.jsonb
        OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('source', $source$df.start('SELECT 1 AS n', 'first')$source$::pg_catalog.text);
BEGIN
    PERFORM df.define_call_v1('d01efc9dd16161bf', body, definition);
END
$pgdurc$ \;
-- The workflow of the call at workflow.pgd:6, version 12103811f7026ccb. Made once for a role and its search_path.
DO $pgdurc$
DECLARE
    -- As variables, for an error shows the statement that it is in.
    body CONSTANT pg_catalog.text := $body$
BEGIN
    CASE step.state
    WHEN 1 THEN
        -- workflow.pgd:6
        PERFORM 2 AS n;
        GET DIAGNOSTICS step.row_count = ROW_COUNT;
        step.state := 2;
    WHEN 2 THEN
        -- workflow.pgd:6
        step := df.keep_v1(step,
            ARRAY['n'],
            ARRAY(
                WITH pgdurc_rows (n) AS MATERIALIZED (SELECT 3 AS n)
                SELECT ROW(
                    pg_catalog.to_jsonb(pgdurc_row),
                    ARRAY[pg_catalog.pg_typeof(pgdurc_row.n)],
                    ARRAY[pgdurc_row.n::pg_catalog.text])::df.line_v1
                FROM (SELECT) AS one
                LEFT JOIN pgdurc_rows AS pgdurc_row ON true));
        step.outcome := 'done';
    END CASE;
    -- Deferred checks and triggers run here, as a part of the step.
    SET CONSTRAINTS ALL IMMEDIATE;
END
$body$;
    definition CONSTANT pg_catalog.jsonb :=
        $json${
          "file": "workflow.pgd",
          "line": 6,
          "epoch": 1,
          "raw_vars": false,
          "parameters": [],
          "options": {},
          "states": [
            {"state": 1, "kind": "sql", "label": "SELECT 2 AS n", "line": 6},
            {"state": 2, "kind": "sql", "label": "SELECT 3 AS n", "line": 6}
          ],
          "graph": {
            "node": "sequence",
            "parts": [
              {"node": "sql", "query": "SELECT 2 AS n", "state": 1},
              {"node": "sql", "query": "SELECT 3 AS n", "state": 2}
            ]
          },
          "is_stored": false
        }$json$::pg_catalog.jsonb
        OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('source', $source$df.start('SELECT 2 AS n' ~> 'SELECT 3 AS n', 'last')$source$::pg_catalog.text);
BEGIN
    PERFORM df.define_call_v1('12103811f7026ccb', body, definition);
END
$pgdurc$ \;
-- What a meta-command takes is the result of the last one.
SELECT df.start(v1 => 'd01efc9dd16161bf', args => '{}', label => 'first'), df.start(v1 => '12103811f7026ccb', args => '{}', label => 'last') AS last \gset
INSERT INTO started VALUES (:'last');
