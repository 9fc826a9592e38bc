DO $pgdurc$
BEGIN
    PERFORM df.require_runtime(5);
EXCEPTION WHEN invalid_schema_name OR undefined_function THEN
    RAISE EXCEPTION 'the pgdurc runtime is not installed in database "%"', pg_catalog.current_database()
        USING ERRCODE = 'PD001', HINT = 'Install it: pgdurc install, or: pgdurc runtime | psql -1 -v ON_ERROR_STOP=1';
END
$pgdurc$;

-- The workflow of the call at workflow.pgd:4, version 1f210a8c5b8c8247. Made once for a role and its search_path.
DO $pgdurc$
DECLARE
    -- As variables, for an error shows the statement that it is in.
    body CONSTANT pg_catalog.text := $body$
BEGIN
    CASE step.state
    WHEN 1 THEN
        -- workflow.pgd:5
        EXECUTE $sql$INSERT INTO letters VALUES ($sql$
            || df.param_v1(step, 'sql$1', 'raw')
            || $sql$, $sql$
            || df.param_v1(step, 'sql$2', 'raw')
            || $sql$)$sql$;
        GET DIAGNOSTICS step.row_count = ROW_COUNT;
        step.state := 2;
    WHEN 2 THEN
        -- workflow.pgd:6
        step := df.query_v1(step, $sql$SELECT count(*) > 0 AS written FROM letters$sql$, ARRAY['written']);
        step.outcome := 'done';
    END CASE;
    -- Deferred checks and triggers run here, as a part of the step.
    SET CONSTRAINTS ALL IMMEDIATE;
END
$body$;
    definition CONSTANT pg_catalog.jsonb :=
        $json${
          "file": "workflow.pgd",
          "line": 4,
          "epoch": 1,
          "raw_vars": true,
          "parameters": [{"name": "sql$1", "type": "text"}, {"name": "sql$2", "type": "text"}],
          "options": {},
          "states": [
            {
              "state": 1,
              "kind": "sql",
              "label": "INSERT INTO letters VALUES ({id}, {quote_literal(name)})",
              "line": 5
            },
            {"state": 2, "kind": "sql", "label": "SELECT count(*) > 0 AS written FROM letters", "line": 6}
          ],
          "graph": {
            "node": "sequence",
            "parts": [
              {"node": "sql", "query": "INSERT INTO letters VALUES ({id}, {quote_literal(name)})", "state": 1},
              {"node": "sql", "query": "SELECT count(*) > 0 AS written FROM letters", "state": 2}
            ]
          },
          "is_stored": true
        }$json$::pg_catalog.jsonb
        OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('source', $source$df.start(
            ('INSERT INTO letters VALUES (' || id || ', ' || quote_literal(name) || ')')
            ~> 'SELECT count(*) > 0 AS written FROM letters',
            'to ' || name)$source$::pg_catalog.text);
BEGIN
    PERFORM df.define_call_v1('1f210a8c5b8c8247', body, definition);
END
$pgdurc$;

-- The workflow of the call at workflow.pgd:9, version d01efc9dd16161bf. Made once for a role and its search_path.
DO $pgdurc$
DECLARE
    -- As variables, for an error shows the statement that it is in.
    body CONSTANT pg_catalog.text := $body$
BEGIN
    CASE step.state
    WHEN 1 THEN
        -- workflow.pgd:9
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
          "line": 9,
          "epoch": 1,
          "raw_vars": false,
          "parameters": [],
          "options": {},
          "states": [{"state": 1, "kind": "sql", "label": "SELECT 1 AS n", "line": 9}],
          "graph": {"node": "sql", "query": "SELECT 1 AS n", "state": 1},
          "is_stored": true
        }$json$::pg_catalog.jsonb
        OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('source', $source$df.start('SELECT 1 AS n', 'in a block')$source$::pg_catalog.text);
BEGIN
    PERFORM df.define_call_v1('d01efc9dd16161bf', body, definition);
END
$pgdurc$;

-- The workflow of the call at workflow.pgd:2, version de17389b818d5136. Made once for a role and its search_path.
DO $pgdurc$
DECLARE
    -- As variables, for an error shows the statement that it is in.
    body CONSTANT pg_catalog.text := $body$
BEGIN
    CASE step.state
    WHEN 1 THEN
        -- workflow.pgd:3 |=> found
        step := df.query_v1(step, $sql$SELECT id, name FROM customers ORDER BY id$sql$, ARRAY['id', 'name']);
        step.name := 'found';
        step.state := 2;
    WHEN 2 THEN
        -- workflow.pgd:4
        EXECUTE $sql$SELECT df.start(v1 => '1f210a8c5b8c8247', args => pg_catalog.jsonb_build_object('sql$1', (id)::pg_catalog.text, 'sql$2', (quote_literal(name))::pg_catalog.text), label => 'to ' || name)
         FROM $sql$
            || df.recordset_v1(step, 'found')
            || $sql$ AS found$sql$;
        GET DIAGNOSTICS step.row_count = ROW_COUNT;
        step.state := 3;
    WHEN 3 THEN
        -- workflow.pgd:9
        EXECUTE $sql$DO 'BEGIN PERFORM df.start(v1 => ''d01efc9dd16161bf'', args => ''{}'', label => ''in a block''); END'$sql$;
        GET DIAGNOSTICS step.row_count = ROW_COUNT;
        step.state := 4;
    WHEN 4 THEN
        -- workflow.pgd:10
        step := df.query_v1(step,
            $sql$SELECT $sql$ || df.count_v1(step, 'found') || $sql$ AS customers$sql$,
            ARRAY['customers']);
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
          "states": [
            {
              "state": 1,
              "kind": "sql",
              "label": "SELECT id, name FROM customers ORDER BY id",
              "line": 3,
              "name": "found"
            },
            {
              "state": 2,
              "kind": "sql",
              "label": "SELECT df.start( ('INSERT INTO letters VALUES (' || id ||...",
              "line": 4
            },
            {
              "state": 3,
              "kind": "sql",
              "label": "DO 'BEGIN PERFORM df.start(''SELECT 1 AS n'', ''in a bloc...",
              "line": 9
            },
            {"state": 4, "kind": "sql", "label": "SELECT $found.row_count AS customers", "line": 10}
          ],
          "graph": {
            "node": "sequence",
            "parts": [
              {
                "node": "sql",
                "query": "SELECT id, name FROM customers ORDER BY id",
                "state": 1,
                "name": "found"
              },
              {
                "node": "sql",
                "query": "SELECT df.start(\n            ('INSERT INTO letters VALUES (' || id || ', ' || quote_literal(name) || ')')\n            ~> 'SELECT count(*) > 0 AS written FROM letters',\n            'to ' || name)\n         FROM $found.*",
                "state": 2
              },
              {
                "node": "sql",
                "query": "DO 'BEGIN PERFORM df.start(''SELECT 1 AS n'', ''in a block''); END'",
                "state": 3
              },
              {"node": "sql", "query": "SELECT $found.row_count AS customers", "state": 4}
            ]
          },
          "is_stored": false
        }$json$::pg_catalog.jsonb
        OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('source', $source$df.start(
    'SELECT id, name FROM customers ORDER BY id' |=> 'found'
    ~> $$SELECT df.start(
            ('INSERT INTO letters VALUES (' || id || ', ' || quote_literal(name) || ')')
            ~> 'SELECT count(*) > 0 AS written FROM letters',
            'to ' || name)
         FROM $found.*$$
    ~> $$DO 'BEGIN PERFORM df.start(''SELECT 1 AS n'', ''in a block''); END'$$
    ~> 'SELECT $found.row_count AS customers',
    'all')$source$::pg_catalog.text);
BEGIN
    PERFORM df.define_call_v1('de17389b818d5136', body, definition);
END
$pgdurc$;

-- A step that starts an instance for each row, and one in whose block a call stands.
SELECT df.start(v1 => 'de17389b818d5136', args => '{}', label => 'all');
