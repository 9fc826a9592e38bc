DO $pgdurc$
BEGIN
    PERFORM df.require_runtime(5);
EXCEPTION WHEN invalid_schema_name OR undefined_function THEN
    RAISE EXCEPTION 'the pgdurc runtime is not installed in database "%"', pg_catalog.current_database()
        USING ERRCODE = 'PD001', HINT = 'Install it: pgdurc install, or: pgdurc runtime | psql -1 -v ON_ERROR_STOP=1';
END
$pgdurc$;

-- The workflow of the call at workflow.pgd:4, version f50aa37beea6b2f3. Made once for a role and its search_path.
DO $pgdurc$
DECLARE
    -- As variables, for an error shows the statement that it is in.
    body CONSTANT pg_catalog.text := $body$
BEGIN
    CASE step.state
    WHEN 1 THEN
        -- workflow.pgd:4 |=> n
        step := df.keep_v1(step,
            ARRAY['n'],
            ARRAY(
                WITH pgdurc_rows (n) AS MATERIALIZED (SELECT 2 AS n)
                SELECT ROW(
                    pg_catalog.to_jsonb(pgdurc_row),
                    ARRAY[pg_catalog.pg_typeof(pgdurc_row.n)],
                    ARRAY[pgdurc_row.n::pg_catalog.text])::df.line_v1
                FROM (SELECT) AS one
                LEFT JOIN pgdurc_rows AS pgdurc_row ON true));
        step.name := 'n';
        step.state := 2;
    WHEN 2 THEN
        -- workflow.pgd:4
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
          "line": 4,
          "epoch": 1,
          "raw_vars": false,
          "parameters": [],
          "options": {},
          "states": [
            {"state": 1, "kind": "sql", "label": "SELECT 2 AS n", "line": 4, "name": "n"},
            {"state": 2, "kind": "sql", "label": "SELECT $n + 1 AS n", "line": 4}
          ],
          "graph": {
            "node": "sequence",
            "parts": [
              {"node": "sql", "query": "SELECT 2 AS n", "state": 1, "name": "n"},
              {"node": "sql", "query": "SELECT $n + 1 AS n", "state": 2}
            ]
          },
          "is_stored": false
        }$json$::pg_catalog.jsonb
        OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('source', $source$df.start('SELECT 2 AS n' |=> 'n' ~> 'SELECT $n + 1 AS n', 'parent')$source$::pg_catalog.text);
BEGIN
    PERFORM df.define_call_v1('f50aa37beea6b2f3', body, definition);
END
$pgdurc$;

-- The workflow of the call at workflow.pgd:2, version d01efc9dd16161bf. Made once for a role and its search_path.
DO $pgdurc$
DECLARE
    -- As variables, for an error shows the statement that it is in.
    body CONSTANT pg_catalog.text := $body$
BEGIN
    CASE step.state
    WHEN 1 THEN
        -- workflow.pgd:3
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
          "line": 2,
          "epoch": 1,
          "raw_vars": false,
          "parameters": [],
          "options": {},
          "states": [{"state": 1, "kind": "sql", "label": "SELECT 1 AS n", "line": 3}],
          "graph": {"node": "sql", "query": "SELECT 1 AS n", "state": 1},
          "is_stored": false
        }$json$::pg_catalog.jsonb
        OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('source', $source$df.start(
    'SELECT 1 AS n',
    'a child: ' || (df.start('SELECT 2 AS n' |=> 'n' ~> 'SELECT $n + 1 AS n', 'parent') IS NOT NULL))$source$::pg_catalog.text);
BEGIN
    PERFORM df.define_call_v1('d01efc9dd16161bf', body, definition);
END
$pgdurc$;

-- A call in an argument is made where the call around it stands, and its workflow is defined there, too.
SELECT df.start(v1 => 'd01efc9dd16161bf', args => '{}', label => 'a child: ' || (df.start(v1 => 'f50aa37beea6b2f3', args => '{}', label => 'parent') IS NOT NULL));

-- The workflow of the call at workflow.pgd:7, version 0b0b24a8b616202e. Made once for a role and its search_path.
DO $pgdurc$
DECLARE
    -- As variables, for an error shows the statement that it is in.
    body CONSTANT pg_catalog.text := $body$
BEGIN
    CASE step.state
    WHEN 1 THEN
        -- workflow.pgd:7
        step := df.keep_v1(step,
            ARRAY['n'],
            ARRAY(
                WITH pgdurc_rows (n) AS MATERIALIZED (SELECT 4 AS n)
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
          "line": 7,
          "epoch": 1,
          "raw_vars": false,
          "parameters": [],
          "options": {},
          "states": [{"state": 1, "kind": "sql", "label": "SELECT 4 AS n", "line": 7}],
          "graph": {"node": "sql", "query": "SELECT 4 AS n", "state": 1},
          "is_stored": false
        }$json$::pg_catalog.jsonb
        OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('source', $source$df.start('SELECT 4 AS n', 'in a duration')$source$::pg_catalog.text);
BEGIN
    PERFORM df.define_call_v1('0b0b24a8b616202e', body, definition);
END
$pgdurc$;

-- The workflow of the call at workflow.pgd:7, version 499644ac2d200125. Made once for a role and its search_path.
DO $pgdurc$
DECLARE
    -- As variables, for an error shows the statement that it is in.
    body CONSTANT pg_catalog.text := $body$
BEGIN
    CASE step.state
    WHEN 1 THEN
        -- workflow.pgd:7 df.sleep
        step := df.sleep_text_v1(step, df.param_v1(step, 'value$1'));
        step.state := 2;
    WHEN 2 THEN
        -- workflow.pgd:7
        step := df.keep_v1(step,
            ARRAY['n'],
            ARRAY(
                WITH pgdurc_rows (n) AS MATERIALIZED (SELECT 5 AS n)
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
          "line": 7,
          "epoch": 1,
          "raw_vars": false,
          "parameters": [{"name": "value$1", "type": "text"}],
          "options": {},
          "states": [
            {
              "state": 1,
              "kind": "sleep",
              "label": "df.sleep(0 * length(df.start('SELECT 4 AS n', 'in a durat...",
              "line": 7
            },
            {"state": 2, "kind": "sql", "label": "SELECT 5 AS n", "line": 7}
          ],
          "graph": {
            "node": "sequence",
            "parts": [
              {
                "node": "sleep",
                "argument": "0 * length(df.start('SELECT 4 AS n', 'in a duration'))",
                "state": 1
              },
              {"node": "sql", "query": "SELECT 5 AS n", "state": 2}
            ]
          },
          "is_stored": false
        }$json$::pg_catalog.jsonb
        OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('source', $source$df.start(df.sleep(0 * length(df.start('SELECT 4 AS n', 'in a duration'))) ~> 'SELECT 5 AS n', 'sleeper')$source$::pg_catalog.text);
BEGIN
    PERFORM df.define_call_v1('499644ac2d200125', body, definition);
END
$pgdurc$;

-- In a duration, in the SQL of a step, and in a call that is in such a place.
SELECT df.start(v1 => '499644ac2d200125', args => pg_catalog.jsonb_build_object('value$1', (0 * length(df.start(v1 => '0b0b24a8b616202e', args => '{}', label => 'in a duration')))::pg_catalog.text), label => 'sleeper');
-- The workflow of the call at workflow.pgd:10, version 1bbb9991d8a63c50. Made once for a role and its search_path.
DO $pgdurc$
DECLARE
    -- As variables, for an error shows the statement that it is in.
    body CONSTANT pg_catalog.text := $body$
BEGIN
    CASE step.state
    WHEN 1 THEN
        -- workflow.pgd:10
        step := df.keep_v1(step,
            ARRAY['n'],
            ARRAY(
                WITH pgdurc_rows (n) AS MATERIALIZED (SELECT 7 AS n)
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
          "line": 10,
          "epoch": 1,
          "raw_vars": false,
          "parameters": [],
          "options": {},
          "states": [{"state": 1, "kind": "sql", "label": "SELECT 7 AS n", "line": 10}],
          "graph": {"node": "sql", "query": "SELECT 7 AS n", "state": 1},
          "is_stored": false
        }$json$::pg_catalog.jsonb
        OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('source', $source$df.start('SELECT 7 AS n', 'innermost')$source$::pg_catalog.text);
BEGIN
    PERFORM df.define_call_v1('1bbb9991d8a63c50', body, definition);
END
$pgdurc$;

-- The workflow of the call at workflow.pgd:10, version 452a02df71ac1c05. Made once for a role and its search_path.
DO $pgdurc$
DECLARE
    -- As variables, for an error shows the statement that it is in.
    body CONSTANT pg_catalog.text := $body$
BEGIN
    CASE step.state
    WHEN 1 THEN
        -- workflow.pgd:10
        step := df.keep_v1(step,
            ARRAY['n'],
            ARRAY(
                WITH pgdurc_rows (n) AS MATERIALIZED (SELECT 6 AS n)
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
          "line": 10,
          "epoch": 1,
          "raw_vars": false,
          "parameters": [],
          "options": {},
          "states": [{"state": 1, "kind": "sql", "label": "SELECT 6 AS n", "line": 10}],
          "graph": {"node": "sql", "query": "SELECT 6 AS n", "state": 1},
          "is_stored": false
        }$json$::pg_catalog.jsonb
        OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('source', $source$df.start('SELECT 6 AS n', format('in a step %s', df.start('SELECT 7 AS n', 'innermost') IS NOT NULL))$source$::pg_catalog.text);
BEGIN
    PERFORM df.define_call_v1('452a02df71ac1c05', body, definition);
END
$pgdurc$;

-- The workflow of the call at workflow.pgd:8, version 67d04182b21fd823. Made once for a role and its search_path.
DO $pgdurc$
DECLARE
    -- As variables, for an error shows the statement that it is in.
    body CONSTANT pg_catalog.text := $body$
BEGIN
    CASE step.state
    WHEN 1 THEN
        -- workflow.pgd:9
        step := df.query_v1(step,
            $sql$INSERT INTO started VALUES ('$sql$
            || df.param_v1(step, 'sql$1', 'raw')
            || $sql$') RETURNING true AS done$sql$,
            ARRAY['done']);
        step.outcome := 'done';
    END CASE;
    -- Deferred checks and triggers run here, as a part of the step.
    SET CONSTRAINTS ALL IMMEDIATE;
END
$body$;
    definition CONSTANT pg_catalog.jsonb :=
        $json${
          "file": "workflow.pgd",
          "line": 8,
          "epoch": 1,
          "raw_vars": true,
          "parameters": [{"name": "sql$1", "type": "text"}],
          "options": {},
          "states": [
            {
              "state": 1,
              "kind": "sql",
              "label": "INSERT INTO started VALUES ('{df.start('SELECT 6 AS n', f...",
              "line": 9
            }
          ],
          "graph": {
            "node": "sql",
            "query": "INSERT INTO started VALUES ('{df.start('SELECT 6 AS n', format('in a step %s', df.start('SELECT 7 AS n', 'innermost') IS NOT NULL))}') RETURNING true AS done",
            "state": 1
          },
          "is_stored": false
        }$json$::pg_catalog.jsonb
        OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('source', $source$df.start(
    'INSERT INTO started VALUES ('''
    || df.start('SELECT 6 AS n', format('in a step %s', df.start('SELECT 7 AS n', 'innermost') IS NOT NULL))
    || ''') RETURNING true AS done',
    'step')$source$::pg_catalog.text);
BEGIN
    PERFORM df.define_call_v1('67d04182b21fd823', body, definition);
END
$pgdurc$;

SELECT df.start(v1 => '67d04182b21fd823', args => pg_catalog.jsonb_build_object('sql$1', (df.start(v1 => '452a02df71ac1c05', args => '{}', label => format('in a step %s', df.start(v1 => '1bbb9991d8a63c50', args => '{}', label => 'innermost') IS NOT NULL)))::pg_catalog.text), label => 'step');

-- The workflow of the call at workflow.pgd:15, version 8e0704767cafae0e. Made once for a role and its search_path.
DO $pgdurc$
DECLARE
    -- As variables, for an error shows the statement that it is in.
    body CONSTANT pg_catalog.text := $body$
BEGIN
    CASE step.state
    WHEN 1 THEN
        -- workflow.pgd:15
        step := df.keep_v1(step,
            ARRAY['n'],
            ARRAY(
                WITH pgdurc_rows (n) AS MATERIALIZED (SELECT 8 AS n)
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
          "line": 15,
          "epoch": 1,
          "raw_vars": false,
          "parameters": [],
          "options": {},
          "states": [{"state": 1, "kind": "sql", "label": "SELECT 8 AS n", "line": 15}],
          "graph": {"node": "sql", "query": "SELECT 8 AS n", "state": 1},
          "is_stored": false
        }$json$::pg_catalog.jsonb
        OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('source', $source$df.start('SELECT 8 AS n', 'explained')$source$::pg_catalog.text);
BEGIN
    PERFORM df.define_call_v1('8e0704767cafae0e', body, definition);
END
$pgdurc$;

-- What the database is asked to explain is started by the call in it.
SELECT df.explain(df.start(v1 => '8e0704767cafae0e', args => '{}', label => 'explained')) IS NOT NULL AS is_known;
-- The workflow of the call at workflow.pgd:16, version 097346b11b34fdaa. Made once for a role and its search_path.
DO $pgdurc$
DECLARE
    -- As variables, for an error shows the statement that it is in.
    body CONSTANT pg_catalog.text := $body$
BEGIN
    CASE step.state
    WHEN 1 THEN
        -- workflow.pgd:16
        step := df.keep_v1(step,
            ARRAY['n'],
            ARRAY(
                WITH pgdurc_rows (n) AS MATERIALIZED (SELECT 9 AS n)
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
          "line": 16,
          "epoch": 1,
          "raw_vars": false,
          "parameters": [],
          "options": {},
          "states": [{"state": 1, "kind": "sql", "label": "SELECT 9 AS n", "line": 16}],
          "graph": {"node": "sql", "query": "SELECT 9 AS n", "state": 1},
          "is_stored": false
        }$json$::pg_catalog.jsonb
        OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('source', $source$df.start('SELECT 9 AS n', 'drawn: ' || (df.explain('SELECT 1' ~> 'SELECT 2') IS NOT NULL))$source$::pg_catalog.text);
BEGIN
    PERFORM df.define_call_v1('097346b11b34fdaa', body, definition);
END
$pgdurc$;

DO 'BEGIN PERFORM df.start(v1 => ''097346b11b34fdaa'', args => ''{}'', label => ''drawn: '' || (df.explain(v1 => ''{"node": "sequence", "parts": [{"node": "sql", "query": "SELECT 1", "state": 1}, {"node": "sql", "query": "SELECT 2", "state": 2}]}'') IS NOT NULL)); END';
