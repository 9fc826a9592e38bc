-- Statuses, cancels and waiting for the end.

-- [14] pending then running then completed
SELECT df.start(df.sleep(60));
--> pending
SELECT 1;
--> running
--> completed {"slept": true, "seconds": 60}
SELECT df.status(it());
--> is [["completed"]]

-- [14] failed and cancelled are the other ends
SELECT df.start('SELECT 1 / 0');
--> failed 22012: division by zero
SELECT df.status(it());
--> is [["failed"]]
SELECT df.start(df.sleep(60));
SELECT df.cancel(it());
--> cancelled
SELECT df.status(it());
--> is [["cancelled"]]

-- [14] an instance that is not there has no status
SELECT df.status('00000000'), df.status('no id'), df.status(NULL);
--> is [[null, null, null]]

-- [14] a cancel says what it did
SELECT df.start(df.sleep(60));
SELECT df.cancel(it()) = 'Instance ' || it() || ' cancelled: Cancelled by user';
--> is [[true]]
SELECT df.start(df.sleep(60));
SELECT df.cancel(it(), 'changed my mind') = 'Instance ' || it() || ' cancelled: changed my mind';
--> is [[true]]

-- [14] a cancel acts at once and on what has not begun too
SELECT df.start('INSERT INTO log (note) VALUES (''never'')');
SELECT df.cancel(it());
SELECT df.status(it());
--> is [["cancelled"]]
SELECT 1;
--> cancelled
SELECT count(*) FROM log;
--> is [[0]]

-- [14] no further step runs and what was done stays done
SELECT df.start('INSERT INTO log (note) VALUES (''done'')' ~> df.sleep(60) ~> 'INSERT INTO log (note) VALUES (''never'')');
--> running
SELECT df.cancel(it());
--> cancelled
--> after 2 minutes
SELECT note FROM log;
--> is [["done"]]

-- [14] branches and loops are cancelled with their instance
SELECT df.start(@> ('INSERT INTO log (note) VALUES (''turn'')' ~> df.sleep(60)) & df.wait_for_signal('go'));
--> running
SELECT df.cancel(it());
--> cancelled
--> after 1 hour
SELECT count(*), (SELECT count(*) FROM df.waiting(it())) FROM log;
--> is [[1, 0]]

-- [14] a cancel of an instance that has ended changes nothing
SELECT df.start('SELECT 1 AS n');
--> finished
SELECT df.cancel(it(), 'too late') = 'Instance ' || it() || ' cancelled: too late';
--> is [[true]]
SELECT 1;
--> rows {"n": 1}

-- [14] a cancel of an instance that nobody knows is refused
SELECT df.cancel('00000000');
--> refused PD002: Instance not found or access denied: 00000000

-- [14] the end has a time whatever it was
SELECT df.start('SELECT 1');
--> finished
SELECT ended_at IS NOT NULL FROM df.instances WHERE id = it();
--> is [[true]]
SELECT df.start(df.sleep(60));
SELECT df.cancel(it());
SELECT ended_at IS NOT NULL FROM df.instances WHERE id = it();
--> is [[true]]

-- [14] waiting for an instance gives its last status
SELECT df.start('SELECT 1');
--> finished
SELECT df.await_instance(it()), df.await_instance(it(), 1);
--> is [["completed", "completed"]]
SELECT df.start('SELECT 1 / 0');
--> failed 22012: division by zero
SELECT df.await_instance(it());
--> is [["failed"]]

-- [14] waiting ends with an error when the time is up
SELECT df.start(df.sleep(60));
--> running
SELECT df.await_instance(it(), 1);
--> refused PD008: Timeout after 1s waiting for instance

-- [14] waiting for what is not there and for no time is refused
SELECT df.await_instance('00000000');
--> refused PD002: Instance not found: 00000000
SELECT df.start(df.sleep(60));
SELECT df.await_instance(it(), 0);
--> refused 22023: Timeout must be positive

-- [14] waiting in the transaction of the start is refused
BEGIN;
SELECT df.start(df.sleep(60));
SELECT df.await_instance(it(), 5);
--> refused 25001: df.await_instance() cannot wait for an instance that this transaction started
