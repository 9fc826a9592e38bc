DO $pgdurc$
BEGIN
    PERFORM df.require_runtime(5);
EXCEPTION WHEN invalid_schema_name OR undefined_function THEN
    RAISE EXCEPTION 'the pgdurc runtime is not installed in database "%"', pg_catalog.current_database()
        USING ERRCODE = 'PD001', HINT = 'Install it: pgdurc install, or: pgdurc runtime | psql -1 -v ON_ERROR_STOP=1';
END
$pgdurc$;

-- Every way to refer to a value.
-- Workflow refer, version 622152ac (workflow.pgd:2)
DO $pgdurc$
BEGIN
    -- In one statement, for instances in flight call this procedure; and one deployment of a role at a time.
    PERFORM pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext(pg_catalog.concat('pgdurc deploy ', current_user)));

    -- Refuses a name that cannot be; drops an earlier starter of another signature; its grants pass to the new one.
    PERFORM df.prepare_starter_v1('refer', $signature$small numeric, label text DEFAULT 'a ''b''', nothing date DEFAULT NULL$signature$);

    CREATE OR REPLACE PROCEDURE refer__622152ac(INOUT step df.step_v1)
    LANGUAGE plpgsql
    SET DateStyle = 'ISO, MDY'
    SET IntervalStyle = 'postgres'
    SET TimeZone = 'UTC'
    AS $step$
BEGIN
    CASE step.state
    WHEN 1 THEN
        -- workflow.pgd:4 |=> pair
        step := df.query_v1(step,
            $sql$SELECT 1 AS id, 'it''s' AS "Odd Col", DATE '2024-02-29' AS day UNION ALL SELECT 2, 'x', NULL$sql$,
            ARRAY['id', 'Odd Col', 'day']);
        step.name := 'pair';
        step.state := 2;
    WHEN 2 THEN
        -- workflow.pgd:5 |=> one
        step := df.keep_v1(step,
            ARRAY['amounts'],
            ARRAY(
                WITH pgdurc_rows (amounts) AS MATERIALIZED (SELECT ARRAY[1.50, 2.25] AS amounts)
                SELECT ROW(
                    pg_catalog.to_jsonb(pgdurc_row),
                    ARRAY[pg_catalog.pg_typeof(pgdurc_row.amounts)],
                    ARRAY[pgdurc_row.amounts::pg_catalog.text])::df.line_v1
                FROM (SELECT) AS one
                LEFT JOIN pgdurc_rows AS pgdurc_row ON true));
        step.name := 'one';
        step.state := 3;
    WHEN 3 THEN
        -- workflow.pgd:6 |=> wide
        step := df.query_v1(step, $sql$SELECT * FROM (VALUES (7, 'seven')) AS v (number, word)$sql$);
        step.name := 'wide';
        step.state := 4;
    WHEN 4 THEN
        -- workflow.pgd:7 |=> gone
        EXECUTE $sql$DELETE FROM stock WHERE quantity = 0$sql$;
        GET DIAGNOSTICS step.row_count = ROW_COUNT;
        step.columns := '[]';
        step.name := 'gone';
        step.state := 5;
    WHEN 5 THEN
        -- workflow.pgd:8 |=> none
        step := df.keep_v1(step,
            ARRAY['at'],
            ARRAY(
                WITH pgdurc_rows (at) AS MATERIALIZED (SELECT now() AS at WHERE false)
                SELECT ROW(
                    pg_catalog.to_jsonb(pgdurc_row),
                    ARRAY[pg_catalog.pg_typeof(pgdurc_row.at)],
                    ARRAY[pgdurc_row.at::pg_catalog.text])::df.line_v1
                FROM (SELECT) AS one
                LEFT JOIN pgdurc_rows AS pgdurc_row ON true));
        step.name := 'none';
        step.state := 6;
    WHEN 6 THEN
        -- workflow.pgd:9 |=> all_of_it
        step := df.query_v1(step,
            $sql$SELECT
        $sql$
            || df.value_v1(step, 'pair', 'id')
            || $sql$ AS id,
        $sql$
            || df.value_v1(step, 'pair', 'Odd Col')
            || $sql$ AS odd,
        $sql$
            || df.value_v1(step, 'pair', 'day')
            || $sql$ + 1 AS next_day,
        $sql$
            || df.value_v1(step, 'one')
            || $sql$[2] AS amount,            -- not here: $nobody
        $sql$
            || df.rows_v1(step, 'pair')
            || $sql$ AS pairs,
        $sql$
            || df.rows_v1(step, 'pair')
            || $sql$ -> 1 ->> 'id' AS second,
        $sql$
            || df.count_v1(step, 'pair')
            || $sql$ AS pair_count,
        (SELECT sum(p.id) FROM $sql$
            || df.recordset_v1(step, 'pair')
            || $sql$ p) AS total,
        (SELECT count(*) FROM $sql$
            || df.recordset_v1(step, 'pair')
            || $sql$ AS pair, $sql$
            || df.recordset_v1(step, 'wide')
            || $sql$ AS w WHERE w.number > pair.id) AS crossed,
        $sql$
            || df.value_v1(step, 'wide', 'word')
            || $sql$ AS word,
        $sql$
            || df.count_v1(step, 'gone')
            || $sql$ AS gone,
        $sql$
            || df.value_v1(step, 'none', NULL, true)
            || $sql$ IS NULL AS is_null,
        $sql$
            || df.value_v1(step, 'none', 'at', true)
            || $sql$::text AS no_text,
        $sql$
            || df.param_v1(step, 'small')
            || $sql$ + 1 AS more,
        $sql$
            || df.param_v1(step, 'label')
            || $sql$ AS label,
        $sql$
            || df.param_v1(step, 'nothing')
            || $sql$ IS NULL AS nothing,
        '<$sql$
            || df.value_v1(step, 'pair', 'id', false, 'text')
            || $sql$> $sql$
            || df.value_v1(step, 'pair', 'Odd Col', false, 'text')
            || $sql$ $sql$
            || df.param_v1(step, 'label', 'text')
            || $sql$ ^$ \d+$ $unbound $sql$
            || df.var_v1(step, 'greeting', 'text')
            || $sql$ $sql$
            || df.var_v1(step, 'unset', 'text')
            || $sql$' AS text,
        $q$ $pair $q$ AS body,
        E'$pair' AS escaped,
        $sql$
            || df.var_v1(step, 'sys_label')
            || $sql$ AS sys_label,
        length($sql$
            || df.var_v1(step, 'sys_instance_id')
            || $sql$) >= 8 AS has_id$sql$,
            ARRAY['id', 'odd', 'next_day', 'amount', 'pairs', 'second', 'pair_count', 'total', 'crossed', 'word', 'gone', 'is_null', 'no_text', 'more', 'label', 'nothing', 'text', 'body', 'escaped', 'sys_label', 'has_id']);
        step.name := 'all_of_it';
        step.state := 7;
    WHEN 7 THEN
        -- workflow.pgd:32
        EXECUTE $sql$COMMENT ON TABLE stock IS $sql$ || df.param_v1(step, 'label', 'literal');
        GET DIAGNOSTICS step.row_count = ROW_COUNT;
        step.state := 8;
    WHEN 8 THEN
        -- workflow.pgd:33
        step := df.query_v1(step,
            $sql$SELECT obj_description('stock'::regclass) AS comment, a.* FROM $sql$
            || df.recordset_v1(step, 'all_of_it')
            || $sql$ AS a$sql$);
        step.outcome := 'done';
    END CASE;
    -- Deferred checks and triggers run here, as a part of the step.
    SET CONSTRAINTS ALL IMMEDIATE;
END
$step$;
    REVOKE ALL ON PROCEDURE refer__622152ac(df.step_v1) FROM PUBLIC;

    CREATE OR REPLACE FUNCTION refer(small numeric, label text DEFAULT 'a ''b''', nothing date DEFAULT NULL) RETURNS pg_catalog.text
    LANGUAGE sql
    SET DateStyle = 'ISO, MDY'
    SET IntervalStyle = 'postgres'
    SET TimeZone = 'UTC'
    AS $starter$
        SELECT df.start_v1(
            'refer',
            '622152ac',
            pg_catalog.jsonb_build_object(
                'small', refer.small::pg_catalog.text,
                'label', refer.label::pg_catalog.text,
                'nothing', refer.nothing::pg_catalog.text))
    $starter$;

    -- Pins the search_path of procedure and starter to that of this session, pg_temp last, and revokes EXECUTE on a new
    -- starter from PUBLIC.
    PERFORM df.register_v1(
        'refer',
        '622152ac',
        $json${
          "file": "workflow.pgd",
          "line": 2,
          "epoch": 1,
          "raw_vars": false,
          "parameters": [
            {"name": "small", "type": "numeric"},
            {"name": "label", "type": "text", "default": "'a ''b'''"},
            {"name": "nothing", "type": "date", "default": "NULL"}
          ],
          "options": {},
          "states": [
            {
              "state": 1,
              "kind": "sql",
              "label": "SELECT 1 AS id, 'it''s' AS \"Odd Col\", DATE '2024-02-29' A...",
              "line": 4,
              "name": "pair"
            },
            {
              "state": 2,
              "kind": "sql",
              "label": "SELECT ARRAY[1.50, 2.25] AS amounts",
              "line": 5,
              "name": "one"
            },
            {
              "state": 3,
              "kind": "sql",
              "label": "SELECT * FROM (VALUES (7, 'seven')) AS v (number, word)",
              "line": 6,
              "name": "wide"
            },
            {
              "state": 4,
              "kind": "sql",
              "label": "DELETE FROM stock WHERE quantity = 0",
              "line": 7,
              "name": "gone"
            },
            {"state": 5, "kind": "sql", "label": "SELECT now() AS at WHERE false", "line": 8, "name": "none"},
            {
              "state": 6,
              "kind": "sql",
              "label": "SELECT $pair.id AS id, $pair.\"Odd Col\" AS odd, $pair.day...",
              "line": 9,
              "name": "all_of_it"
            },
            {"state": 7, "kind": "sql", "label": "COMMENT ON TABLE stock IS $label", "line": 32},
            {
              "state": 8,
              "kind": "sql",
              "label": "SELECT obj_description('stock'::regclass) AS comment, a.*...",
              "line": 33
            }
          ],
          "graph": {
            "node": "sequence",
            "parts": [
              {
                "node": "sql",
                "query": "SELECT 1 AS id, 'it''s' AS \"Odd Col\", DATE '2024-02-29' AS day UNION ALL SELECT 2, 'x', NULL",
                "state": 1,
                "name": "pair"
              },
              {"node": "sql", "query": "SELECT ARRAY[1.50, 2.25] AS amounts", "state": 2, "name": "one"},
              {
                "node": "sql",
                "query": "SELECT * FROM (VALUES (7, 'seven')) AS v (number, word)",
                "state": 3,
                "name": "wide"
              },
              {"node": "sql", "query": "DELETE FROM stock WHERE quantity = 0", "state": 4, "name": "gone"},
              {"node": "sql", "query": "SELECT now() AS at WHERE false", "state": 5, "name": "none"},
              {
                "node": "sql",
                "query": "SELECT\n        $pair.id AS id,\n        $pair.\"Odd Col\" AS odd,\n        $pair.day + 1 AS next_day,\n        $one[2] AS amount,            -- not here: $nobody\n        $pair AS pairs,\n        $pair.rows -> 1 ->> 'id' AS second,\n        $pair.row_count AS pair_count,\n        (SELECT sum(p.id) FROM $pair.* p) AS total,\n        (SELECT count(*) FROM $pair.*, $wide.* AS w WHERE w.number > pair.id) AS crossed,\n        $wide.word AS word,\n        $gone.row_count AS gone,\n        $none? IS NULL AS is_null,\n        $none.at?::text AS no_text,\n        $small + 1 AS more,\n        $label AS label,\n        $nothing IS NULL AS nothing,\n        '<$pair.id> $pair.\"Odd Col\" $label ^$ \\d+$ $unbound {greeting} {unset}' AS text,\n        $q$ $pair $q$ AS body,\n        E'$pair' AS escaped,\n        {sys_label} AS sys_label,\n        length({sys_instance_id}) >= 8 AS has_id",
                "state": 6,
                "name": "all_of_it"
              },
              {"node": "sql", "query": "COMMENT ON TABLE stock IS $label", "state": 7},
              {
                "node": "sql",
                "query": "SELECT obj_description('stock'::regclass) AS comment, a.* FROM $all_of_it.* AS a",
                "state": 8
              }
            ]
          }
        }$json$::pg_catalog.jsonb
            OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('source', $source$CREATE WORKFLOW refer(small numeric, label text DEFAULT 'a ''b''', nothing date DEFAULT NULL)
AS
    $$SELECT 1 AS id, 'it''s' AS "Odd Col", DATE '2024-02-29' AS day UNION ALL SELECT 2, 'x', NULL$$ |=> pair
 ~> $$SELECT ARRAY[1.50, 2.25] AS amounts$$ |=> one
 ~> 'SELECT * FROM (VALUES (7, ''seven'')) AS v (number, word)' |=> wide
 ~> $$DELETE FROM stock WHERE quantity = 0$$ |=> gone
 ~> $$SELECT now() AS at WHERE false$$ |=> none
 ~> $$SELECT
        $pair.id AS id,
        $pair."Odd Col" AS odd,
        $pair.day + 1 AS next_day,
        $one[2] AS amount,            -- not here: $nobody
        $pair AS pairs,
        $pair.rows -> 1 ->> 'id' AS second,
        $pair.row_count AS pair_count,
        (SELECT sum(p.id) FROM $pair.* p) AS total,
        (SELECT count(*) FROM $pair.*, $wide.* AS w WHERE w.number > pair.id) AS crossed,
        $wide.word AS word,
        $gone.row_count AS gone,
        $none? IS NULL AS is_null,
        $none.at?::text AS no_text,
        $small + 1 AS more,
        $label AS label,
        $nothing IS NULL AS nothing,
        '<$pair.id> $pair."Odd Col" $label ^$ \d+$ $unbound {greeting} {unset}' AS text,
        $q$ $pair $q$ AS body,
        E'$pair' AS escaped,
        {sys_label} AS sys_label,
        length({sys_instance_id}) >= 8 AS has_id
    $$ |=> all_of_it
 ~> $$COMMENT ON TABLE stock IS $label$$
 ~> $$SELECT obj_description('stock'::regclass) AS comment, a.* FROM $all_of_it.* AS a$$;$source$::pg_catalog.text));
END
$pgdurc$;
