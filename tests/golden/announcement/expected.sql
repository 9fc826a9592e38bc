DO $pgdurc$
BEGIN
    PERFORM df.require_runtime(5);
EXCEPTION WHEN invalid_schema_name OR undefined_function THEN
    RAISE EXCEPTION 'the pgdurc runtime is not installed in database "%"', pg_catalog.current_database()
        USING ERRCODE = 'PD001', HINT = 'Install it: pgdurc install, or: pgdurc runtime | psql -1 -v ON_ERROR_STOP=1';
END
$pgdurc$;

-- The workflow of the call at workflow.pgd:1, version 7a73d48e9fa8c053. Made once for a role and its search_path.
DO $pgdurc$
DECLARE
    -- As variables, for an error shows the statement that it is in.
    body CONSTANT pg_catalog.text := $body$
BEGIN
    CASE step.state
    WHEN 1 THEN
        -- workflow.pgd:2 |=> batch
        step := df.query_v1(step,
            $sql$SELECT id, content FROM documents WHERE embedded = false LIMIT 500$sql$,
            ARRAY['id', 'content']);
        step.name := 'batch';
        step.state := 2;
    WHEN 2 THEN
        -- workflow.pgd:3 |=> embeddings
        step := df.query_v1(step,
            $sql$SELECT call_embedding_api($sql$ || df.rows_v1(step, 'batch') || $sql$)$sql$,
            ARRAY['call_embedding_api']);
        step.name := 'embeddings';
        step.state := 3;
    WHEN 3 THEN
        -- workflow.pgd:4
        EXECUTE $sql$INSERT INTO document_embeddings SELECT unnest FROM unnest($sql$
            || df.value_v1(step, 'embeddings', 'call_embedding_api', false, 'fitting')
            || $sql$::vector[]) ON CONFLICT DO UPDATE SET embedding = EXCLUDED.embedding$sql$;
        GET DIAGNOSTICS step.row_count = ROW_COUNT;
        step.state := 4;
    WHEN 4 THEN
        -- workflow.pgd:5
        EXECUTE $sql$UPDATE documents SET embedded = true WHERE id IN (SELECT id FROM jsonb_array_elements($sql$
            || df.rows_v1(step, 'batch')
            || $sql$))$sql$;
        GET DIAGNOSTICS step.row_count = ROW_COUNT;
        step.columns := '[]';
        step.outcome := 'done';
    END CASE;
    -- Deferred checks and triggers run here, as a part of the step.
    SET CONSTRAINTS ALL IMMEDIATE;
END
$body$;
    definition CONSTANT pg_catalog.jsonb :=
        $json${
          "file": "workflow.pgd",
          "line": 1,
          "epoch": 1,
          "raw_vars": false,
          "parameters": [],
          "options": {},
          "states": [
            {
              "state": 1,
              "kind": "sql",
              "label": "SELECT id, content FROM documents WHERE embedded = false...",
              "line": 2,
              "name": "batch"
            },
            {
              "state": 2,
              "kind": "sql",
              "label": "SELECT call_embedding_api($batch)",
              "line": 3,
              "name": "embeddings"
            },
            {
              "state": 3,
              "kind": "sql",
              "label": "INSERT INTO document_embeddings SELECT unnest FROM unnest...",
              "line": 4
            },
            {
              "state": 4,
              "kind": "sql",
              "label": "UPDATE documents SET embedded = true WHERE id IN (SELECT...",
              "line": 5
            }
          ],
          "graph": {
            "node": "sequence",
            "parts": [
              {
                "node": "sql",
                "query": "SELECT id, content FROM documents WHERE embedded = false LIMIT 500",
                "state": 1,
                "name": "batch"
              },
              {"node": "sql", "query": "SELECT call_embedding_api($batch)", "state": 2, "name": "embeddings"},
              {
                "node": "sql",
                "query": "INSERT INTO document_embeddings SELECT unnest FROM unnest($embeddings::vector[]) ON CONFLICT DO UPDATE SET embedding = EXCLUDED.embedding",
                "state": 3
              },
              {
                "node": "sql",
                "query": "UPDATE documents SET embedded = true WHERE id IN (SELECT id FROM jsonb_array_elements($batch))",
                "state": 4
              }
            ]
          },
          "is_stored": false
        }$json$::pg_catalog.jsonb
        OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('source', $source$df.start(
    'SELECT id, content FROM documents WHERE embedded = false LIMIT 500'  |=> 'batch'
    ~> 'SELECT call_embedding_api($batch)'                                |=> 'embeddings'
    ~> 'INSERT INTO document_embeddings SELECT unnest FROM unnest($embeddings::vector[]) ON CONFLICT DO UPDATE SET embedding = EXCLUDED.embedding'
    ~> 'UPDATE documents SET embedded = true WHERE id IN (SELECT id FROM jsonb_array_elements($batch))',
    'embed-documents'
)$source$::pg_catalog.text);
BEGIN
    PERFORM df.define_call_v1('7a73d48e9fa8c053', body, definition);
END
$pgdurc$;

SELECT df.start(v1 => '7a73d48e9fa8c053', args => '{}', label => 'embed-documents');
