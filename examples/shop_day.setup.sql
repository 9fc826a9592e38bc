-- pgdurc: ignore PGD010
-- What shop_day.sql works on: a shop with orders, sales of three regions, and a till that delivers in bulk.

DROP TABLE IF EXISTS shop_orders, region_sales, region_report, till_lines, till_refused, till_facts, pulse;

-- Over 1,000 somebody must approve, within `patience` seconds.
CREATE TABLE shop_orders (
    id bigint PRIMARY KEY,
    total numeric(12, 2) NOT NULL,
    patience int NOT NULL DEFAULT 3 * 24 * 3600,
    state text NOT NULL DEFAULT 'new',
    decided_by text,
    workflow text
);
INSERT INTO shop_orders (id, total) VALUES (1, 1500), (2, 4200), (3, 2750), (4, 12);
INSERT INTO shop_orders (id, total, patience) VALUES (5, 9999, 1800);

CREATE TABLE region_sales (
    region text NOT NULL,
    amount numeric(12, 2) NOT NULL
);
INSERT INTO region_sales
SELECT (ARRAY['north', 'south', 'west'])[1 + i % 3], i * 1.25
FROM generate_series(1, 3000) AS i;

CREATE TABLE region_report (
    region text NOT NULL,
    total numeric NOT NULL,
    share numeric NOT NULL
);

CREATE TABLE till_lines (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sku text,
    quantity int NOT NULL
);
-- Of 1,200 lines 12 have no article.
INSERT INTO till_lines (sku, quantity)
SELECT CASE WHEN i % 100 <> 0 THEN 'sku ' || i % 40 END, 1 + i % 3
FROM generate_series(1, 1200) AS i;

CREATE TABLE till_refused (
    line_id bigint PRIMARY KEY
);

CREATE TABLE till_facts (
    sku text PRIMARY KEY,
    quantity bigint NOT NULL
);

CREATE TABLE pulse (
    beat bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    open_orders bigint NOT NULL
);
