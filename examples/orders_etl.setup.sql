-- pgdurc: ignore PGD010
-- What orders_etl.pgd works on: 1,000 deliveries of 400 orders, some of them malformed.

DROP TABLE IF EXISTS staging_orders, refused_orders, orders, load_log;

CREATE TABLE staging_orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_no text,
    customer text NOT NULL,
    amount numeric(12, 2) NOT NULL,
    received_at timestamptz NOT NULL
);

CREATE TABLE refused_orders (
    staging_id bigint PRIMARY KEY,
    reason text NOT NULL
);

CREATE TABLE orders (
    order_no text PRIMARY KEY,
    customer text NOT NULL,
    amount numeric(12, 2) NOT NULL,
    received_at timestamptz NOT NULL
);

CREATE TABLE load_log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    outcome text NOT NULL,
    loaded bigint NOT NULL,
    refused bigint NOT NULL
);

-- Every order arrives two or three times; of 1,000 deliveries 20 have no number and 10 a negative amount.
INSERT INTO staging_orders (order_no, customer, amount, received_at)
SELECT
    CASE WHEN i % 50 = 0 THEN NULL ELSE 'A-' || i % 400 END,
    'customer ' || i % 37,
    CASE WHEN i % 100 = 1 THEN -1 ELSE i END,
    timestamptz '2026-01-01 00:00:00+00' + i * interval '1 minute'
FROM generate_series(1, 1000) AS i;
