-- pgdurc: ignore PGD010
-- What audit_purge.pgd works on: an audit log of 6,000 entries over 120 days.

DROP TABLE IF EXISTS audit_log, runbook_log;

CREATE TABLE audit_log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    happened_at timestamptz NOT NULL,
    who text NOT NULL,
    what text NOT NULL
);

CREATE INDEX audit_log_happened_at ON audit_log (happened_at);

CREATE TABLE runbook_log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    written_at timestamptz NOT NULL DEFAULT now(),
    note text NOT NULL
);

INSERT INTO audit_log (happened_at, who, what)
SELECT now() - i * interval '120 days' / 6000, 'user ' || i % 50, 'login'
FROM generate_series(1, 6000) AS i;
