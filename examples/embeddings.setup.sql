-- pgdurc: ignore PGD010
-- What embeddings.pgd works on: 2,000 documents, and an embedding service that fails once.
-- It takes the extension vector, which the embedded server has.

DROP TABLE IF EXISTS document_writes, document_embeddings, documents;
DROP SEQUENCE IF EXISTS embedding_api_failures;

CREATE TABLE documents (
    id bigint PRIMARY KEY,
    content text NOT NULL,
    embedded boolean NOT NULL DEFAULT false
);

INSERT INTO documents (id, content)
SELECT i, 'Document ' || i || ': ' || md5(i::text)
FROM generate_series(1, 2000) AS i;

CREATE TABLE document_embeddings (
    document_id bigint PRIMARY KEY REFERENCES documents,
    embedding vector(8) NOT NULL
);

-- How often each document was written: an upsert alone would hide a second time.
CREATE TABLE document_writes (
    document_id bigint PRIMARY KEY,
    writes integer NOT NULL
);

CREATE OR REPLACE FUNCTION count_write() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    INSERT INTO document_writes AS w (document_id, writes)
    VALUES (new.document_id, 1)
    ON CONFLICT (document_id) DO UPDATE SET writes = w.writes + 1;
    RETURN NULL;
END
$$;

CREATE TRIGGER count_write
AFTER INSERT OR UPDATE ON document_embeddings
FOR EACH ROW EXECUTE FUNCTION count_write();

-- A rollback does not take a sequence back: it remembers that the service has failed.
CREATE SEQUENCE embedding_api_failures;

-- Stands for a remote service: the same text always gives the same vector, a document takes a millisecond, and the
-- first batch with document 312 in it fails.
CREATE OR REPLACE FUNCTION call_embedding_api(documents jsonb) RETURNS vector[]
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM pg_sleep(0.001 * jsonb_array_length(documents));
    IF documents @> '[{"id": 312}]' AND nextval('embedding_api_failures') = 1 THEN
        RAISE EXCEPTION 'embedding service: rate limit exceeded at document 312'
            USING HINT = 'Try again.';
    END IF;
    RETURN ARRAY(
        SELECT (
            SELECT array_agg((hashtextextended(d.document ->> 'content', i) % 1000) / 1000.0 ORDER BY i)
            FROM generate_series(1, 8) AS i
        )::vector
        FROM jsonb_array_elements(documents) WITH ORDINALITY AS d (document, position)
        ORDER BY d.position
    );
END
$$;
