DO $pgdurc$
BEGIN
    PERFORM df.require_runtime(5);
EXCEPTION WHEN invalid_schema_name OR undefined_function THEN
    RAISE EXCEPTION 'the pgdurc runtime is not installed in database "%"', pg_catalog.current_database()
        USING ERRCODE = 'PD001', HINT = 'Install it: pgdurc install, or: pgdurc runtime | psql -1 -v ON_ERROR_STOP=1';
END
$pgdurc$;

-- Embed new documents, a batch at a time.
-- Workflow embed_documents, version 7d1a1915 (workflow.pgd:2)
DO $pgdurc$
BEGIN
    -- In one statement, for instances in flight call this procedure; and one deployment of a role at a time.
    PERFORM pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext(pg_catalog.concat('pgdurc deploy ', current_user)));

    -- Refuses a name that cannot be; drops an earlier starter of another signature; its grants pass to the new one.
    PERFORM df.prepare_starter_v1('embed_documents', $signature$batch_size int DEFAULT 500$signature$);

    CREATE OR REPLACE PROCEDURE embed_documents__7d1a1915(INOUT step df.step_v1)
    LANGUAGE plpgsql
    SET DateStyle = 'ISO, MDY'
    SET IntervalStyle = 'postgres'
    SET TimeZone = 'UTC'
    AS $step$
BEGIN
    CASE step.state
    WHEN 1 THEN
        -- workflow.pgd:6 |=> batch
        step := df.query_v1(step,
            $sql$SELECT id, content
          FROM documents
          WHERE NOT embedded
          ORDER BY id
          LIMIT $sql$
            || df.param_v1(step, 'batch_size'),
            ARRAY['id', 'content']);
        step.name := 'batch';
        step.state := 2;
    WHEN 2 THEN
        -- workflow.pgd:11 |=> embeddings
        step := df.query_v1(step,
            $sql$SELECT call_embedding_api($sql$ || df.rows_v1(step, 'batch') || $sql$)$sql$,
            ARRAY['call_embedding_api']);
        step.name := 'embeddings';
        step.state := 3;
    WHEN 3 THEN
        -- workflow.pgd:12
        EXECUTE $sql$INSERT INTO document_embeddings (document_id, embedding)
          SELECT e.id, e.embedding
          FROM jsonb_to_recordset($sql$
            || df.value_v1(step, 'embeddings')
            || $sql$) AS e (id bigint, embedding float8[])
          ON CONFLICT (document_id) DO UPDATE SET embedding = EXCLUDED.embedding$sql$;
        GET DIAGNOSTICS step.row_count = ROW_COUNT;
        step.state := 4;
    WHEN 4 THEN
        -- workflow.pgd:16
        EXECUTE $sql$UPDATE documents SET embedded = true WHERE id IN (SELECT id FROM $sql$
            || df.recordset_v1(step, 'batch')
            || $sql$ AS batch)$sql$;
        GET DIAGNOSTICS step.row_count = ROW_COUNT;
        step.state := 5;
    WHEN 5 THEN
        -- workflow.pgd:17 df.if_rows batch
        step.state := CASE WHEN df.row_count_v1(step, 'batch') > 0 THEN 6 ELSE 7 END;
    WHEN 6 THEN
        -- workflow.pgd:17
        PERFORM true;
        GET DIAGNOSTICS step.row_count = ROW_COUNT;
        step.state := 1;
    WHEN 7 THEN
        -- workflow.pgd:17 df.break
        step := df.break_v1(step, $sql$embedded$sql$);
        step.outcome := 'done';
    END CASE;
    -- Deferred checks and triggers run here, as a part of the step.
    SET CONSTRAINTS ALL IMMEDIATE;
END
$step$;
    REVOKE ALL ON PROCEDURE embed_documents__7d1a1915(df.step_v1) FROM PUBLIC;

    CREATE OR REPLACE FUNCTION embed_documents(batch_size int DEFAULT 500) RETURNS pg_catalog.text
    LANGUAGE sql
    SET DateStyle = 'ISO, MDY'
    SET IntervalStyle = 'postgres'
    SET TimeZone = 'UTC'
    AS $starter$
        SELECT df.start_v1(
            'embed_documents',
            '7d1a1915',
            pg_catalog.jsonb_build_object(
                'batch_size', embed_documents.batch_size::pg_catalog.text))
    $starter$;

    -- Pins the search_path of procedure and starter to that of this session, pg_temp last, and revokes EXECUTE on a new
    -- starter from PUBLIC.
    PERFORM df.register_v1(
        'embed_documents',
        '7d1a1915',
        $json${
          "file": "workflow.pgd",
          "line": 2,
          "epoch": 1,
          "raw_vars": false,
          "parameters": [{"name": "batch_size", "type": "int", "default": "500"}],
          "options": {"max_attempts": 5, "backoff": "0.1 seconds"},
          "states": [
            {
              "state": 1,
              "kind": "sql",
              "label": "SELECT id, content FROM documents WHERE NOT embedded ORDE...",
              "line": 6,
              "name": "batch"
            },
            {
              "state": 2,
              "kind": "sql",
              "label": "SELECT call_embedding_api($batch)",
              "line": 11,
              "name": "embeddings"
            },
            {
              "state": 3,
              "kind": "sql",
              "label": "INSERT INTO document_embeddings (document_id, embedding)...",
              "line": 12
            },
            {
              "state": 4,
              "kind": "sql",
              "label": "UPDATE documents SET embedded = true WHERE id IN (SELECT...",
              "line": 16
            },
            {"state": 5, "kind": "condition", "label": "df.if_rows('batch')", "line": 17},
            {"state": 6, "kind": "sql", "label": "SELECT true", "line": 17},
            {"state": 7, "kind": "break", "label": "df.break('embedded')", "line": 17}
          ],
          "graph": {
            "node": "loop",
            "body": {
              "node": "sequence",
              "parts": [
                {
                  "node": "sql",
                  "query": "SELECT id, content\n          FROM documents\n          WHERE NOT embedded\n          ORDER BY id\n          LIMIT $batch_size",
                  "state": 1,
                  "name": "batch"
                },
                {
                  "node": "sql",
                  "query": "SELECT call_embedding_api($batch)",
                  "state": 2,
                  "name": "embeddings"
                },
                {
                  "node": "sql",
                  "query": "INSERT INTO document_embeddings (document_id, embedding)\n          SELECT e.id, e.embedding\n          FROM jsonb_to_recordset($embeddings) AS e (id bigint, embedding float8[])\n          ON CONFLICT (document_id) DO UPDATE SET embedding = EXCLUDED.embedding",
                  "state": 3
                },
                {
                  "node": "sql",
                  "query": "UPDATE documents SET embedded = true WHERE id IN (SELECT id FROM $batch.*)",
                  "state": 4
                },
                {
                  "node": "if_rows",
                  "result": "batch",
                  "state": 5,
                  "then": {"node": "sql", "query": "SELECT true", "state": 6},
                  "else": {"node": "break", "value": "embedded", "state": 7}
                }
              ]
            },
            "condition": null
          }
        }$json$::pg_catalog.jsonb
            OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('source', $source$CREATE WORKFLOW embed_documents(batch_size int DEFAULT 500)
WITH (max_attempts = 5, backoff = '0.1 seconds')
AS
    @> (
        $$SELECT id, content
          FROM documents
          WHERE NOT embedded
          ORDER BY id
          LIMIT $batch_size$$                                                   |=> batch
     ~> $$SELECT call_embedding_api($batch)$$                                   |=> embeddings
     ~> $$INSERT INTO document_embeddings (document_id, embedding)
          SELECT e.id, e.embedding
          FROM jsonb_to_recordset($embeddings) AS e (id bigint, embedding float8[])
          ON CONFLICT (document_id) DO UPDATE SET embedding = EXCLUDED.embedding$$
     ~> $$UPDATE documents SET embedded = true WHERE id IN (SELECT id FROM $batch.*)$$
     ~> df.if_rows(batch, 'SELECT true', df.break('embedded'))
    );$source$::pg_catalog.text));
END
$pgdurc$;
