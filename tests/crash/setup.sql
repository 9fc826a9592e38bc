-- What the workflows of the crash test change, and the witnesses that count for themselves what was done to it.

CREATE TABLE counter (id int PRIMARY KEY, value bigint NOT NULL DEFAULT 0) WITH (fillfactor = 50);
INSERT INTO counter (id) SELECT generate_series(0, 4);

CREATE TABLE account (id int PRIMARY KEY, balance bigint NOT NULL) WITH (fillfactor = 50);
INSERT INTO account (id, balance) SELECT n, 1000 FROM generate_series(0, 9) AS n;

-- No key: a second row for a transfer must be able to show itself.
CREATE TABLE ledger (transfer int NOT NULL, amount bigint NOT NULL);

CREATE TABLE audit (transfer int PRIMARY KEY, writes int NOT NULL);

CREATE FUNCTION count_write() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    INSERT INTO audit AS a (transfer, writes)
    VALUES (new.transfer, 1)
    ON CONFLICT (transfer) DO UPDATE SET writes = a.writes + 1;
    RETURN NULL;
END
$$;

CREATE TRIGGER count_writes AFTER INSERT ON ledger FOR EACH ROW EXECUTE FUNCTION count_write();

-- Two statements with a moment between them, in which one in thirty breaks off: half of a transfer must never be seen.
CREATE FUNCTION move(source int, target int, amount bigint) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    UPDATE account SET balance = balance - amount WHERE id = source;
    PERFORM pg_sleep(random() * 0.02);
    IF random() < 0.03 THEN
        RAISE EXCEPTION 'broken off between debit and credit';
    END IF;
    UPDATE account SET balance = balance + amount WHERE id = target;
END
$$;
