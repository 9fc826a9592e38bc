-- Starting, and what a step runs in.

-- [10] a start gives an id of eight hexadecimal digits
SELECT df.start('SELECT 1') ~ '^[0-9a-f]{8}$' AS is_id;
--> is [[true]]

-- [10] each step is a transaction of its own
SELECT df.start('INSERT INTO log (note) VALUES (pg_current_xact_id()::text)' ~> 'INSERT INTO log (note) VALUES (pg_current_xact_id()::text)'
    ~> 'SELECT count(DISTINCT note) AS transactions FROM log');
--> rows {"transactions": 2}

-- [10] others see what a step has done before the next one
SELECT df.start('INSERT INTO log (note) VALUES (''one'')' ~> df.sleep(60) ~> 'SELECT 1');
--> running
SELECT note FROM log;
--> is [["one"]]

-- [10] nothing of a session survives a step
CREATE FUNCTION leak() RETURNS text LANGUAGE sql AS $$ SELECT set_config('work_mem', '1MB', false) $$;
SELECT df.start('SELECT leak()' ~> 'SELECT current_setting(''work_mem'') = ''1MB'' AS leaked');
--> rows {"leaked": false}
SELECT df.start('SELECT pg_advisory_lock(7)' ~> 'SELECT count(*) AS held FROM pg_locks WHERE locktype = ''advisory''');
--> PGD306
SELECT df.start('CREATE TEMP TABLE t (n int)' ~> 'SELECT 1');
--> PGD306

SELECT df.start('SET work_mem = ''1MB''');
--> PGD306

-- [10] a step runs with the search_path of the script and not of the role
SELECT df.start('SELECT current_schema() AS s, (SELECT count(*) FROM log) AS n');
--> finished
SELECT df.result(it())::jsonb -> 'rows' -> 0 ->> 's' = current_schema();
--> is [[true]]

-- [10] one statement is a step and a semicolon may end it
SELECT df.start('SELECT 1 AS n;');
--> rows {"n": 1}
SELECT df.start('SELECT 1; SELECT 2');
--> PGD303

-- [10] an empty step is none
SELECT df.start('');
--> PGD302
SELECT df.start('-- nothing');
--> PGD302

-- [10] a block is a step
SELECT df.start('DO $x$ BEGIN INSERT INTO log (note) VALUES (''in a block''); END $x$' ~> 'SELECT note FROM log');
--> rows {"note": "in a block"}

-- [10] a procedure is a step but cannot commit
CREATE PROCEDURE fill() LANGUAGE sql AS $$ INSERT INTO log (note) VALUES ('called') $$;
CREATE PROCEDURE fill_and_commit() LANGUAGE plpgsql AS $$ BEGIN INSERT INTO log (note) VALUES ('x'); COMMIT; END $$;
SELECT df.start('CALL fill()' ~> 'SELECT note FROM log');
--> rows {"note": "called"}
SELECT df.start('CALL fill_and_commit()');
--> failed 2D000: invalid transaction termination

-- [10] statements that cannot run in a transaction are found before anything runs
SELECT df.start('VACUUM');
--> PGD304
SELECT df.start('CREATE INDEX CONCURRENTLY i ON log (n)');
--> PGD304
SELECT df.start('BEGIN');
--> PGD304
SELECT df.start('COPY log FROM STDIN');
--> PGD305

-- [10] steps read what is committed
SELECT df.start('SELECT current_setting(''transaction_isolation'') AS level, current_setting(''transaction_read_only'') AS read_only');
--> rows {"level": "read committed", "read_only": "off"}

-- [10] times and dates are written in one way
SET TimeZone = 'Asia/Kolkata';
SET DateStyle = 'German';
SET IntervalStyle = 'iso_8601';
SELECT df.start('SELECT current_setting(''TimeZone'') AS zone, current_setting(''DateStyle'') AS dates, current_setting(''IntervalStyle'') AS intervals');
--> rows {"zone": "UTC", "dates": "ISO, MDY", "intervals": "postgres"}

-- [10] a step may start another workflow
CREATE WORKFLOW other() AS 'INSERT INTO log (note) VALUES (''by another'')';
SELECT df.start('SELECT other() IS NOT NULL AS started');
--> rows {"started": true}
SELECT note FROM log;
--> is [["by another"]]
SELECT df.start('SELECT df.start_workflow(''other'', label => ''started by name'') IS NOT NULL AS started');
--> rows {"started": true}
SELECT label, status FROM df.instances WHERE label = 'started by name';
--> is [["started by name", "completed"]]

-- [10] a start in a step that fails is no start
CREATE WORKFLOW other() AS 'INSERT INTO log (note) VALUES (''by another'')';
SELECT df.start('SELECT other(), 1 / 0');
--> failed 22012: division by zero
SELECT count(*) FROM log;
--> is [[0]]

-- [10] a step may look at instances and cancel and signal them
SELECT df.start(df.wait_for_signal('go') ~> df.wait_for_signal('never'), 'the other');
SELECT df.start(
    'SELECT df.status(id) AS status FROM df.instances WHERE label = ''the other'' AND status <> ''cancelled''' |=> 's'
    ~> 'SELECT df.signal(id, ''go'') FROM df.instances WHERE label = ''the other'' AND status <> ''cancelled'''
    ~> 'SELECT df.cancel(id) FROM df.instances WHERE label = ''the other'' AND status <> ''cancelled'''
    ~> 'SELECT $s AS before');
--> rows {"before": "running"}

-- [10] a start that is rolled back never was
BEGIN;
SELECT df.start('INSERT INTO log (note) VALUES (''never'')', 'rolled back');
ROLLBACK;
SELECT count(*) FROM df.instances WHERE label = 'rolled back';
--> is [[0]]

-- [10] a start runs with the commit and not before
BEGIN;
SELECT df.start('INSERT INTO log (note) VALUES (''committed'')');
SELECT df.status(it());
--> is [["pending"]]
COMMIT;
SELECT count(*) FROM log;
--> is [[0]]
SELECT 1;
--> finished
SELECT note FROM log;
--> is [["committed"]]

-- [10] a label is any text and need not be unique
SELECT df.start('SELECT 1', 'it''s "a" label'), df.start('SELECT 1', 'it''s "a" label');
SELECT count(DISTINCT id) FROM df.instances WHERE label = 'it''s "a" label';
--> is [[2]]
SELECT df.status('it''s "a" label');
--> is [[null]]

-- [10] arguments may be named and NULL
SELECT df.start(label => 'named', fut => 'SELECT 1 AS n', database => current_database(), transaction_mode => 'CALLER');
--> rows {"n": 1}
SELECT df.start('SELECT 1 AS n', NULL, NULL);
--> rows {"n": 1}

-- [10] a database that is not there and one that is another are refused
SELECT df.start('SELECT 1', NULL, 'nowhere');
--> refused 3D000: database "nowhere" does not exist
SELECT df.start('SELECT 1', NULL, 'postgres');
--> refused 0A000: a workflow runs in the database in which it is started

-- [10] a start in a transaction of its own is refused with the reason
SELECT df.start('SELECT 1', transaction_mode => 'new');
--> PGD506
SELECT df.start('SELECT 1', transaction_mode => 'other');
--> PGD506

-- [10] signals and cancels come with the commit
SELECT df.start(df.wait_for_signal('go'));
BEGIN;
SELECT df.signal(it(), 'go'), df.cancel(it());
ROLLBACK;
SELECT 1;
--> running
BEGIN;
SELECT df.signal(it(), 'go', '5');
COMMIT;
SELECT 1;
--> completed {"signal_name": "go", "timed_out": false, "data": 5}

-- [10] a call may be made for each row
SELECT df.start('SELECT ' || n || ' AS n', 'many') FROM generate_series(1, 20) AS n;
SELECT count(*) FROM df.instances WHERE label = 'many';
--> is [[20]]

-- [10] without a driver nothing runs and an instance is pending
SELECT df.start('SELECT 1');
--> pending

-- [10] a script may be run again
CREATE FUNCTION run_it() RETURNS text LANGUAGE sql SECURITY DEFINER AS $$ SELECT df.start('SELECT 1 AS n') $$;
SELECT run_it();
--> rows {"n": 1}
CREATE OR REPLACE FUNCTION run_it() RETURNS text LANGUAGE sql SECURITY DEFINER AS $$ SELECT df.start('SELECT 1 AS n') $$;
SELECT run_it();
--> rows {"n": 1}

-- [10] a block starts keeps the id and waits for the end after its commit
CREATE TABLE ids (id text);
DO $$
DECLARE
    id text := df.start('SELECT 1 AS n', 'of a block');
BEGIN
    INSERT INTO ids VALUES (id);
    COMMIT;
    ASSERT df.status(id) = 'pending';
END $$;
SELECT id FROM ids;
--> rows {"n": 1}

-- [10] in a CTE in CREATE TABLE AS and in INSERT
WITH made AS (SELECT df.start('SELECT 1 AS n') AS id) SELECT id FROM made;
--> rows {"n": 1}
CREATE TABLE ids AS SELECT df.start('SELECT 2 AS n') AS id;
SELECT id FROM ids;
--> rows {"n": 2}
INSERT INTO log (note) SELECT df.start('SELECT 3 AS n') RETURNING note;
--> rows {"n": 3}

-- [10] a SELECT that makes a table is found before anything runs
SELECT df.start('SELECT 1 AS n INTO made');
--> PGD309
SELECT df.start('CREATE TABLE made AS SELECT 1 AS n' ~> 'SELECT n FROM made');
--> rows {"n": 1}
