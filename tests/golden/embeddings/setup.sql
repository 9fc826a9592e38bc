CREATE TABLE documents (id bigint PRIMARY KEY, content text NOT NULL, embedded boolean NOT NULL DEFAULT false);
INSERT INTO documents SELECT n, 'document ' || n FROM generate_series(1, 1200) AS n;
CREATE TABLE document_embeddings (document_id bigint PRIMARY KEY, embedding float8[] NOT NULL);
CREATE FUNCTION call_embedding_api(documents jsonb) RETURNS jsonb
LANGUAGE sql
AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object('id', d -> 'id', 'embedding', ARRAY[length(d ->> 'content'), 0.5])), '[]')
    FROM jsonb_array_elements(documents) AS d
$$;
