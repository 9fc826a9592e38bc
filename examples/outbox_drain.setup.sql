-- pgdurc: ignore PGD010
-- What outbox_drain.pgd works on: an outbox with 420 messages.

DROP TABLE IF EXISTS outbox, delivered;

CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    recipient text NOT NULL,
    payload jsonb NOT NULL
);

-- No primary key on message_id: a message delivered twice would be seen as two rows.
CREATE TABLE delivered (
    message_id bigint NOT NULL,
    recipient text NOT NULL,
    payload jsonb NOT NULL
);

INSERT INTO outbox (recipient, payload)
SELECT 'user' || i % 20 || '@example.org', jsonb_build_object('subject', 'Order ' || i, 'total', i * 1.25)
FROM generate_series(1, 420) AS i;
