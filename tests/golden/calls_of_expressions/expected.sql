DO $pgdurc$
BEGIN
    PERFORM df.require_runtime(5);
EXCEPTION WHEN invalid_schema_name OR undefined_function THEN
    RAISE EXCEPTION 'the pgdurc runtime is not installed in database "%"', pg_catalog.current_database()
        USING ERRCODE = 'PD001', HINT = 'Install it: pgdurc install, or: pgdurc runtime | psql -1 -v ON_ERROR_STOP=1';
END
$pgdurc$;

-- The workflow of the call at workflow.pgd:2, version f99acfad408ec5e6. Made once for a role and its search_path.
DO $pgdurc$
DECLARE
    -- As variables, for an error shows the statement that it is in.
    body CONSTANT pg_catalog.text := $body$
BEGIN
    CASE step.state
    WHEN 1 THEN
        -- workflow.pgd:3 |=> r
        step := df.query_v1(step,
            $sql$SELECT $sql$
            || df.param_v1(step, 'sql$3', 'raw')
            || $sql$ AS word, $sql$
            || df.param_v1(step, 'sql$4', 'raw')
            || $sql$ + 1 AS number$sql$);
        step.name := 'r';
        step.state := 2;
    WHEN 2 THEN
        -- workflow.pgd:4
        EXECUTE $sql$INSERT INTO $sql$
            || df.param_v1(step, 'sql$5', 'raw')
            || $sql$ VALUES ($sql$
            || df.value_v1(step, 'r', 'number', false, 'fitting')
            || $sql$, $sql$
            || df.param_v1(step, 'sql$6', 'raw')
            || $sql$ || '100 %')$sql$;
        GET DIAGNOSTICS step.row_count = ROW_COUNT;
        step.state := 3;
    WHEN 3 THEN
        -- workflow.pgd:5 df.sleep
        step := df.sleep_text_v1(step, df.param_v1(step, 'value$1'));
        step.state := 4;
    WHEN 4 THEN
        -- workflow.pgd:6 df.break
        step := df.break_v1(step,
            $sql${"word": "$sql$
            || df.value_v1(step, 'r', 'word', false, 'json')
            || $sql$", "given": $sql$
            || df.param_v1(step, 'value$2', 'raw')
            || $sql$, "list": [1, true, null]}$sql$);
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
          "raw_vars": true,
          "parameters": [
            {"name": "value$1", "type": "text"},
            {"name": "value$2", "type": "text"},
            {"name": "sql$3", "type": "text"},
            {"name": "sql$4", "type": "text"},
            {"name": "sql$5", "type": "text"},
            {"name": "sql$6", "type": "text"}
          ],
          "options": {},
          "states": [
            {
              "state": 1,
              "kind": "sql",
              "label": "SELECT {word} AS word, {number} + 1 AS number",
              "line": 3,
              "name": "r"
            },
            {
              "state": 2,
              "kind": "sql",
              "label": "INSERT INTO {'Log'} VALUES ($r.number, {word} || '100 %')",
              "line": 4
            },
            {"state": 3, "kind": "sleep", "label": "df.sleep(number * 0.001)", "line": 5},
            {
              "state": 4,
              "kind": "break",
              "label": "df.break('{\"word\": \"$r.word\", \"given\": {number}, \"list\":...",
              "line": 6
            }
          ],
          "graph": {
            "node": "sequence",
            "parts": [
              {
                "node": "sql",
                "query": "SELECT {word} AS word, {number} + 1 AS number",
                "state": 1,
                "name": "r"
              },
              {
                "node": "sql",
                "query": "INSERT INTO {'Log'} VALUES ($r.number, {word} || '100 %')",
                "state": 2
              },
              {"node": "sleep", "argument": "number * 0.001", "state": 3},
              {
                "node": "loop",
                "body": {
                  "node": "break",
                  "value": "{\"word\": \"$r.word\", \"given\": {number}, \"list\": [1, true, null]}",
                  "state": 4
                },
                "condition": null
              }
            ]
          },
          "is_stored": false
        }$json$::pg_catalog.jsonb
        OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('source', $source$df.start(
    format('SELECT %L AS word, %s + 1 AS number', word, number) |=> 'r'
    ~> format('INSERT INTO %I VALUES ($r.number, %L || ''100 %%'')', 'Log', word)
    ~> df.sleep(number * 0.001)
    ~> df.loop(df.break(jsonb_build_object('word', '$r.word', 'given', number, 'list', jsonb_build_array(1, true, NULL)))),
    'of ' || word)$source$::pg_catalog.text);
BEGIN
    PERFORM df.define_call_v1('f99acfad408ec5e6', body, definition);
END
$pgdurc$;

-- What is not constant, put together in each way.
SELECT df.start(v1 => 'f99acfad408ec5e6', args => pg_catalog.jsonb_build_object('value$1', (number * 0.001)::pg_catalog.text, 'value$2', (coalesce(pg_catalog.to_jsonb(number), 'null'))::pg_catalog.text, 'sql$3', (pg_catalog.format('%L', word))::pg_catalog.text, 'sql$4', (pg_catalog.format('%s', number))::pg_catalog.text, 'sql$5', (pg_catalog.format('%I', 'Log'))::pg_catalog.text, 'sql$6', (pg_catalog.format('%L', word))::pg_catalog.text), label => 'of ' || word)
FROM (VALUES ('it''s', 1), ('x', 2)) AS v (word, number);

-- The workflow of the call at workflow.pgd:10, version 9051acee3720b0a9. Made once for a role and its search_path.
DO $pgdurc$
DECLARE
    -- As variables, for an error shows the statement that it is in.
    body CONSTANT pg_catalog.text := $body$
BEGIN
    CASE step.state
    WHEN 1 THEN
        -- workflow.pgd:11 df.wait_for_schedule
        step := df.wait_for_schedule_v1(step,
            df.param_v1(step, 'cron$1', 'raw'),
            df.param_v1(step, 'zone$2', 'raw'));
        step.state := 2;
    WHEN 2 THEN
        -- workflow.pgd:12
        step := df.query_v1(step,
            $sql$SELECT $sql$ || df.param_v1(step, 'sql$3', 'raw') || $sql$ AS minutes$sql$);
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
          "parameters": [
            {"name": "cron$1", "type": "text"},
            {"name": "zone$2", "type": "text"},
            {"name": "sql$3", "type": "text"}
          ],
          "options": {},
          "states": [
            {
              "state": 1,
              "kind": "schedule",
              "label": "df.wait_for_schedule({'*/' || minutes || ' * * * *'}, {zo...",
              "line": 11
            },
            {"state": 2, "kind": "sql", "label": "SELECT {minutes} AS minutes", "line": 12}
          ],
          "graph": {
            "node": "sequence",
            "parts": [
              {
                "node": "schedule",
                "cron": "{'*/' || minutes || ' * * * *'}",
                "timezone": "{zone}",
                "state": 1
              },
              {"node": "sql", "query": "SELECT {minutes} AS minutes", "state": 2}
            ]
          },
          "is_stored": false
        }$json$::pg_catalog.jsonb
        OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('source', $source$df.start(
    df.wait_for_schedule('*/' || minutes || ' * * * *', zone)
    ~> ('SELECT ' || minutes || ' AS minutes'),
    'on a schedule')$source$::pg_catalog.text);
BEGIN
    PERFORM df.define_call_v1('9051acee3720b0a9', body, definition);
END
$pgdurc$;

SELECT df.start(v1 => '9051acee3720b0a9', args => pg_catalog.jsonb_build_object('cron$1', ('*/' || minutes || ' * * * *')::pg_catalog.text, 'zone$2', (zone)::pg_catalog.text, 'sql$3', (minutes)::pg_catalog.text), label => 'on a schedule')
FROM (VALUES (5, 'Europe/Berlin')) AS v (minutes, zone);
