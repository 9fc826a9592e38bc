DO $pgdurc$
BEGIN
    PERFORM df.require_runtime(5);
EXCEPTION WHEN invalid_schema_name OR undefined_function THEN
    RAISE EXCEPTION 'the pgdurc runtime is not installed in database "%"', pg_catalog.current_database()
        USING ERRCODE = 'PD001', HINT = 'Install it: pgdurc install, or: pgdurc runtime | psql -1 -v ON_ERROR_STOP=1';
END
$pgdurc$;

-- The workflow of the call at workflow.pgd:2, version 921a44bcdf101f67. Made once for a role and its search_path.
DO $pgdurc$
DECLARE
    -- As variables, for an error shows the statement that it is in.
    body CONSTANT pg_catalog.text := $body$
BEGIN
    CASE step.state
    WHEN 1 THEN
        -- workflow.pgd:3 |=> customer
        step := df.query_v1(step, $sql$SELECT id, name FROM customers WHERE id = 1$sql$, ARRAY['id', 'name']);
        step.name := 'customer';
        step.state := 2;
    WHEN 2 THEN
        -- workflow.pgd:4
        EXECUTE $sql$INSERT INTO letters VALUES ($sql$
            || df.value_v1(step, 'customer', 'id', false, 'fitting')
            || $sql$, 'Dear ' || $sql$
            || df.value_v1(step, 'customer', 'name', false, 'joined')
            || $sql$)$sql$;
        GET DIAGNOSTICS step.row_count = ROW_COUNT;
        step.state := 3;
    WHEN 3 THEN
        -- workflow.pgd:5
        step := df.query_v1(step,
            $sql$SELECT text FROM letters WHERE customer = $sql$
            || df.value_v1(step, 'customer', 'id', false, 'fitting'),
            ARRAY['text']);
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
              "label": "SELECT id, name FROM customers WHERE id = 1",
              "line": 3,
              "name": "customer"
            },
            {
              "state": 2,
              "kind": "sql",
              "label": "INSERT INTO letters VALUES ($customer.id, 'Dear ' || $cus...",
              "line": 4
            },
            {
              "state": 3,
              "kind": "sql",
              "label": "SELECT text FROM letters WHERE customer = $customer.id",
              "line": 5
            }
          ],
          "graph": {
            "node": "sequence",
            "parts": [
              {
                "node": "sql",
                "query": "SELECT id, name FROM customers WHERE id = 1",
                "state": 1,
                "name": "customer"
              },
              {
                "node": "sql",
                "query": "INSERT INTO letters VALUES ($customer.id, 'Dear ' || $customer.name)",
                "state": 2
              },
              {"node": "sql", "query": "SELECT text FROM letters WHERE customer = $customer.id", "state": 3}
            ]
          },
          "is_stored": false
        }$json$::pg_catalog.jsonb
        OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('source', $source$df.start(
    'SELECT id, name FROM customers WHERE id = 1' |=> 'customer'
    ~> 'INSERT INTO letters VALUES ($customer.id, ''Dear '' || $customer.name)'
    ~> 'SELECT text FROM letters WHERE customer = $customer.id',
    'first')$source$::pg_catalog.text);
BEGIN
    PERFORM df.define_call_v1('921a44bcdf101f67', body, definition);
END
$pgdurc$;

-- One call, with a label.
SELECT df.start(v1 => '921a44bcdf101f67', args => '{}', label => 'first');

-- The workflow of the call at workflow.pgd:10, version 53aea7b9a1321125. Made once for a role and its search_path.
DO $pgdurc$
DECLARE
    -- As variables, for an error shows the statement that it is in.
    body CONSTANT pg_catalog.text := $body$
BEGIN
    CASE step.state
    WHEN 1 THEN
        -- workflow.pgd:11 |=> n
        step := df.query_v1(step, $sql$SELECT $sql$ || df.param_v1(step, 'sql$1', 'raw') || $sql$ AS n$sql$);
        step.name := 'n';
        step.state := 2;
    WHEN 2 THEN
        -- workflow.pgd:11 df.sleep
        step := df.sleep_text_v1(step, df.param_v1(step, 'value$2'));
        step.state := 3;
    WHEN 3 THEN
        -- workflow.pgd:11
        step := df.query_v1(step,
            $sql$SELECT $sql$
            || df.value_v1(step, 'n', 'n', false, 'fitting')
            || $sql$ + 1 AS n$sql$,
            ARRAY['n']);
        step.outcome := 'done';
    END CASE;
    -- Deferred checks and triggers run here, as a part of the step.
    SET CONSTRAINTS ALL IMMEDIATE;
END
$body$;
    definition CONSTANT pg_catalog.jsonb :=
        $json${
          "file": "workflow.pgd",
          "line": 10,
          "epoch": 1,
          "raw_vars": true,
          "parameters": [{"name": "sql$1", "type": "text"}, {"name": "value$2", "type": "text"}],
          "options": {},
          "states": [
            {"state": 1, "kind": "sql", "label": "SELECT {c.id} AS n", "line": 11, "name": "n"},
            {"state": 2, "kind": "sleep", "label": "df.sleep(c.id)", "line": 11},
            {"state": 3, "kind": "sql", "label": "SELECT $n.n + 1 AS n", "line": 11}
          ],
          "graph": {
            "node": "sequence",
            "parts": [
              {"node": "sql", "query": "SELECT {c.id} AS n", "state": 1, "name": "n"},
              {"node": "sleep", "argument": "c.id", "state": 2},
              {"node": "sql", "query": "SELECT $n.n + 1 AS n", "state": 3}
            ]
          },
          "is_stored": false
        }$json$::pg_catalog.jsonb
        OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('source', $source$df.start(
    df.sql('SELECT ' || c.id || ' AS n') |=> 'n' ~> df.sleep(c.id) ~> 'SELECT $n.n + 1 AS n',
    label => 'of ' || c.name)$source$::pg_catalog.text);
BEGIN
    PERFORM df.define_call_v1('53aea7b9a1321125', body, definition);
END
$pgdurc$;

-- One for each row, with what is not constant evaluated there.
INSERT INTO started
SELECT df.start(v1 => '53aea7b9a1321125', args => pg_catalog.jsonb_build_object('sql$1', (c.id)::pg_catalog.text, 'value$2', (c.id)::pg_catalog.text), label => 'of ' || c.name)
FROM customers AS c
ORDER BY c.id;

-- The workflow of the call at workflow.pgd:18, version d8b099bce93cb2ed. Made once for a role and its search_path.
DO $pgdurc$
DECLARE
    -- As variables, for an error shows the statement that it is in.
    body CONSTANT pg_catalog.text := $body$
BEGIN
    CASE step.state
    WHEN 1 THEN
        -- workflow.pgd:18
        step := df.keep_v1(step,
            ARRAY['t'],
            ARRAY(
                WITH pgdurc_rows (t) AS MATERIALIZED (SELECT 'it''s' AS t)
                SELECT ROW(
                    pg_catalog.to_jsonb(pgdurc_row),
                    ARRAY[pg_catalog.pg_typeof(pgdurc_row.t)],
                    ARRAY[pgdurc_row.t::pg_catalog.text])::df.line_v1
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
          "line": 18,
          "epoch": 1,
          "raw_vars": false,
          "parameters": [],
          "options": {},
          "states": [{"state": 1, "kind": "sql", "label": "SELECT 'it''s' AS t", "line": 18}],
          "graph": {"node": "sql", "query": "SELECT 'it''s' AS t", "state": 1},
          "is_stored": false
        }$json$::pg_catalog.jsonb
        OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('source', $source$df.start('SELECT ''it''''s'' AS t', 'in a block')$source$::pg_catalog.text);
BEGIN
    PERFORM df.define_call_v1('d8b099bce93cb2ed', body, definition);
END
$pgdurc$;

DO $$
BEGIN
    PERFORM df.start(v1 => 'd8b099bce93cb2ed', args => '{}', label => 'in a block');
END
$$;

-- The workflow of the call at workflow.pgd:23, version 6d95d37d996bf11a. Made once for a role and its search_path.
DO $pgdurc$
DECLARE
    -- As variables, for an error shows the statement that it is in.
    body CONSTANT pg_catalog.text := $body$
BEGIN
    CASE step.state
    WHEN 1 THEN
        -- workflow.pgd:23
        step := df.keep_v1(step,
            ARRAY['t'],
            ARRAY(
                WITH pgdurc_rows (t) AS MATERIALIZED (SELECT 'greeted' AS t)
                SELECT ROW(
                    pg_catalog.to_jsonb(pgdurc_row),
                    ARRAY[pg_catalog.pg_typeof(pgdurc_row.t)],
                    ARRAY[pgdurc_row.t::pg_catalog.text])::df.line_v1
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
          "line": 23,
          "epoch": 1,
          "raw_vars": false,
          "parameters": [],
          "options": {},
          "states": [{"state": 1, "kind": "sql", "label": "SELECT 'greeted' AS t", "line": 23}],
          "graph": {"node": "sql", "query": "SELECT 'greeted' AS t", "state": 1},
          "is_stored": true
        }$json$::pg_catalog.jsonb
        OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('source', $source$df.start('SELECT ''greeted'' AS t', name)$source$::pg_catalog.text);
BEGIN
    PERFORM df.define_call_v1('6d95d37d996bf11a', body, definition);
END
$pgdurc$;

CREATE FUNCTION greet(name text) RETURNS text LANGUAGE sql SECURITY DEFINER
AS 'SELECT df.start(v1 => ''6d95d37d996bf11a'', args => ''{}'', label => name)';
SELECT greet('in a function') \gset

-- The workflow of the call at workflow.pgd:27, version d01efc9dd16161bf. Made once for a role and its search_path.
DO $pgdurc$
DECLARE
    -- As variables, for an error shows the statement that it is in.
    body CONSTANT pg_catalog.text := $body$
BEGIN
    CASE step.state
    WHEN 1 THEN
        -- workflow.pgd:27
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
          "line": 27,
          "epoch": 1,
          "raw_vars": false,
          "parameters": [],
          "options": {},
          "states": [{"state": 1, "kind": "sql", "label": "SELECT 1 AS n", "line": 27}],
          "graph": {"node": "sql", "query": "SELECT 1 AS n", "state": 1},
          "is_stored": false
        }$json$::pg_catalog.jsonb
        OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('source', $source$df.start('SELECT 1 AS n', 'gset')$source$::pg_catalog.text);
BEGIN
    PERFORM df.define_call_v1('d01efc9dd16161bf', body, definition);
END
$pgdurc$;

-- A column is called as in pg_durable.
SELECT df.start(v1 => 'd01efc9dd16161bf', args => '{}', label => 'gset') \gset
INSERT INTO started VALUES (:'start');

CREATE TABLE tree AS SELECT df.explain(v1 => '{"node": "sequence", "parts": [{"node": "sql", "query": "SELECT 1", "state": 1}, {"node": "sleep", "seconds": "5", "state": 2}, {"node": "sql", "query": "SELECT ''x''", "state": 3, "name": "y"}]}');
