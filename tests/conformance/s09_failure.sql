-- Failures, retries, and what is kept.

-- [9] an error that is not transient fails the instance at its first attempt
SELECT df.start('INSERT INTO log (note) VALUES (''kept'')' ~> 'SELECT 1 / 0' ~> 'SELECT 1');
--> failed 22012: division by zero
SELECT attempt, outcome FROM df.timeline(it());
--> is [[1, "ok"], [1, "failed"]]

-- [9] a transient error is tried again without being asked
CREATE SEQUENCE attempts;
CREATE FUNCTION fail_twice(code text) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
    IF nextval('attempts') < 3 THEN
        RAISE EXCEPTION 'not now' USING ERRCODE = code;
    END IF;
    RETURN 1;
END $$;
SELECT df.start('SELECT fail_twice(''40001'') AS n');
--> rows {"n": 1}
SELECT df.start('SELECT setval(''attempts'', 1)' ~> 'SELECT fail_twice(''40P01'') AS n');
--> rows {"n": 1}
SELECT attempt, outcome, sqlstate FROM df.timeline(it()) WHERE state = 2;
--> is [[1, "failed", "40P01"], [2, "ok", null]]

-- [9] other errors are tried again where it is declared
CREATE SEQUENCE attempts;
CREATE FUNCTION fail_twice() RETURNS int LANGUAGE plpgsql AS $$
BEGIN
    RETURN 1 / (nextval('attempts') / 3);
END $$;
CREATE WORKFLOW patient() WITH (max_attempts = 3) AS 'SELECT fail_twice() AS n';
SELECT patient();
--> rows {"n": 1}

-- [9] a failed attempt leaves nothing
SELECT df.start('WITH w AS (INSERT INTO log (note) VALUES (''gone'') RETURNING n) SELECT 1 / (n - n) FROM w');
--> failed 22012: division by zero
SELECT count(*) FROM log;
--> is [[0]]

-- [9] what steps have done before a failure stays done
SELECT df.start('INSERT INTO log (note) VALUES (''kept'')' ~> 'SELECT 1 / 0');
--> failed 22012: division by zero
SELECT note FROM log;
--> is [["kept"]]

-- [9] the error tells its code and its place and has no result
CREATE TABLE accounts (balance int CHECK (balance >= 0));
INSERT INTO accounts VALUES (1);
SELECT df.start('SELECT 1'
    ~> 'UPDATE accounts SET balance = balance - 2');
--> failed 23514: new row for relation "accounts" violates check constraint "accounts_balance_check"
SELECT sqlstate, detail, step, line FROM df.error(it());
--> is [["23514", "Failing row contains (-1).", "UPDATE accounts SET balance = balance - 2", 4]]
SELECT df.result(it());
--> is [[null]]

-- [9] a failed instance says so everywhere
SELECT df.start('SELECT 1 / 0');
--> failed 22012: division by zero
SELECT df.status(it()), i.status, i.output, l.status, l.output
FROM df.instance_info(it()) AS i, df.list_instances('failed') AS l WHERE l.instance_id = it();
--> is [["failed", "failed", "division by zero", "failed", "division by zero"]]

-- [9] an error in a branch keeps its own text
SELECT df.start('SELECT 1' & (df.sleep(60) | @> 'SELECT 1 / 0'));
--> failed 22012: division by zero

-- [9] a constraint that is deferred fails the step that broke it
CREATE TABLE parents (id int PRIMARY KEY);
CREATE TABLE children (parent int REFERENCES parents DEFERRABLE INITIALLY DEFERRED);
SELECT df.start('INSERT INTO children VALUES (1)' ~> 'INSERT INTO log (note) VALUES (''never'')');
--> failed 23503: violates foreign key constraint
SELECT (SELECT count(*) FROM children), (SELECT count(*) FROM log);
--> is [[0, 0]]

-- [9] SQL that PostgreSQL does not read is found before anything runs
SELECT df.start('SELEC 1');
--> PGD301

-- [9] a table that is not there is found when the step runs
SELECT df.start('SELECT * FROM nowhere');
--> failed 42P01: relation "nowhere" does not exist
