-- What the article takes for granted. Its third statement has no conflict target: PostgreSQL refuses it when it runs.
DO $$
BEGIN
    IF to_regtype('vector') IS NULL THEN
        CREATE DOMAIN vector AS text;
    END IF;
END
$$;
CREATE TABLE documents (id int PRIMARY KEY, content text, embedded boolean NOT NULL DEFAULT false);
CREATE TABLE document_embeddings (embedding vector);
INSERT INTO documents VALUES (1, 'one'), (2, 'two');
CREATE FUNCTION call_embedding_api(documents jsonb) RETURNS text[]
LANGUAGE sql
AS $$ SELECT array_agg('[' || length(d ->> 'content') || ']') FROM jsonb_array_elements(documents) AS d $$;
