-- Signals: waits, what comes with them, who hears them.

-- [11] a signal is received with its data
SELECT df.start(df.wait_for_signal('go'));
--> running
SELECT df.signal(it(), 'go', '{"by": "alice"}');
--> is [["OK"]]
SELECT 1;
--> completed {"signal_name": "go", "timed_out": false, "data": {"by": "alice"}}

-- [11] a wait that times out is a result and no failure
SELECT df.start(df.wait_for_signal('go', 3600));
--> running
--> after 3500 seconds
SELECT df.status(it());
--> is [["running"]]
--> after 200 seconds
SELECT df.status(it());
--> is [["completed"]]
SELECT 1;
--> completed {"signal_name": "go", "timed_out": true, "data": null}

-- [11] a signal in time ends the wait
SELECT df.start(df.wait_for_signal('go', timeout_seconds => 3600));
--> running
--> after 3500 seconds
SELECT df.signal(it(), 'go');
--> completed {"signal_name": "go", "timed_out": false, "data": {}}

-- [11] a signal needs a name and its timeout is positive
SELECT df.start(df.wait_for_signal(''));
--> PGD413
SELECT df.start(df.wait_for_signal('go', 0));
--> PGD411
SELECT df.start(df.wait_for_signal('go', -5));
--> PGD411
SELECT df.start(df.wait_for_signal(NULL));
--> PGD413
SELECT df.start(df.wait_for_signal(given)) FROM (VALUES (NULL::text)) AS v (given);
--> failed 22023: Signal name cannot be empty

-- [11] names are matched exactly
SELECT df.start(df.wait_for_signal('Go'));
SELECT df.signal(it(), 'go'), df.signal(it(), 'Go '), df.signal(it(), 'gO');
--> running
SELECT df.signal(it(), 'Go');
--> completed {"signal_name": "Go", "timed_out": false, "data": {}}

-- [11] a name may hold references and variables
SELECT df.setvar('kind', 'paid');
SELECT df.start('SELECT 7 AS n' |=> 'order' ~> df.wait_for_signal('{kind} $order'));
--> running
SELECT df.signal(it(), 'paid 7', '1');
--> completed {"signal_name": "paid 7", "timed_out": false, "data": 1}

-- [11] data that is JSON is that and any other text is a string
SELECT df.start(df.loop(df.wait_for_signal('go') |=> 's' ~> 'INSERT INTO log (note) VALUES ($s::jsonb -> ''data'')', 'SELECT count(*) < 5 FROM log'));
SELECT df.signal(it(), 'go', '42');
SELECT df.signal(it(), 'go', 'null');
SELECT df.signal(it(), 'go', '');
SELECT df.signal(it(), 'go', 'not {json');
SELECT df.signal(it(), 'go', '[1, "x"]');
--> finished
SELECT note FROM log ORDER BY n;
--> is [["42"], ["null"], ["\"\""], ["\"not {json\""], ["[1, \"x\"]"]]

-- [11] so is JSON that jsonb cannot hold
SELECT df.start(df.loop(df.wait_for_signal('go') |=> 's' ~> 'INSERT INTO log (note) VALUES (left($s.data::text, 20))', 'SELECT count(*) < 4 FROM log'));
SELECT df.signal(it(), 'go', '1e999999');
SELECT df.signal(it(), 'go', '{"a": "\u0000"}');
SELECT df.signal(it(), 'go', '"\ud800"');
SELECT df.signal(it(), 'go', repeat('[', 100000));
--> finished
SELECT note FROM log ORDER BY n;
--> is [["1e999999"], ["{\"a\": \"\\u0000\"}"], ["\"\\ud800\""], ["[[[[[[[[[[[[[[[[[[[["]]

-- [11] a signal to an instance that nobody knows is refused
SELECT df.signal('00000000', 'go');
--> refused PD002: Instance not found or access denied: 00000000
SELECT df.signal('', 'go');
--> refused 22023: Instance ID cannot be empty
SELECT df.start(df.wait_for_signal('go'));
SELECT df.signal(it(), '');
--> refused 22023: Signal name cannot be empty

-- [11] NULL is nothing to send
SELECT df.start(df.wait_for_signal('go'));
SELECT df.signal(it(), NULL), df.signal(NULL, 'go'), df.signal(it(), 'go', NULL);
--> is [[null, null, null]]
SELECT 1;
--> running

-- [11] a signal is kept until somebody waits for it
SELECT df.start(df.sleep(60) ~> df.wait_for_signal('go'));
--> running
SELECT df.signal(it(), 'go', '"early"');
--> running
--> completed {"signal_name": "go", "timed_out": false, "data": "early"}

-- [11] also one that was sent before the first step
SELECT df.start('SELECT 1' ~> df.wait_for_signal('go'));
SELECT df.signal(it(), 'go', '"at once"');
--> completed {"signal_name": "go", "timed_out": false, "data": "at once"}

-- [11] waits take signals in the order in which they were sent and each one
SELECT df.start(df.wait_for_signal('go') |=> 'a' ~> df.wait_for_signal('go') |=> 'b' ~> 'SELECT $a.data AS a, $b.data AS b');
SELECT df.signal(it(), 'go', '1'), df.signal(it(), 'other', '9'), df.signal(it(), 'go', '2');
--> rows {"a": 1, "b": 2}

-- [11] one signal ends one of two waits for it
SELECT df.start(df.join(df.wait_for_signal('go') |=> 'a', df.wait_for_signal('go') |=> 'b') ~> 'SELECT $a.data AS a, $b.data AS b');
--> running
SELECT df.signal(it(), 'go', '1');
--> running
SELECT df.signal(it(), 'go', '2');
--> finished
SELECT (df.result(it())::jsonb -> 'rows' -> 0) IN ('{"a": 1, "b": 2}', '{"a": 2, "b": 1}');
--> is [[true]]

-- [11] waits in branches and in loops hear signals
SELECT df.start('SELECT 1 AS n' & df.loop(df.wait_for_signal('go') |=> 's' ~> 'INSERT INTO log (note) VALUES ($s.data)', 'SELECT $s.data <> 2'));
SELECT df.signal(it(), 'go', '1');
--> running
SELECT df.signal(it(), 'go', '2');
--> finished
SELECT note FROM log ORDER BY n;
--> is [["1"], ["2"]]

-- [11] a signal to an instance that has ended is taken and ignored
SELECT df.start('SELECT 1 AS n');
--> finished
SELECT df.signal(it(), 'go');
--> is [["OK"]]
SELECT 1;
--> rows {"n": 1}

-- [11] a signal can be sent to all instances of a label
SELECT df.start(df.wait_for_signal('go'), 'a conformance label'), df.start(df.wait_for_signal('go'), 'a conformance label');
SELECT df.signal_label('a conformance label', 'go', '1'), df.signal_label('nobody has this', 'go');
--> is [[2, 0]]

-- [11] waiting for ever is running
SELECT df.start(df.wait_for_signal('never'));
--> running
--> after 1000 days
SELECT df.status(it()), reason FROM df.waiting(it());
--> is [["running", "signal"]]

-- [11] a wait that lost a race takes no signal any more
SELECT df.start(df.loop(
    (df.wait_for_signal('go') | df.sleep(60)) |=> 'r' ~> 'INSERT INTO log (note) VALUES (coalesce($r.signal_name?, ''nobody''))',
    'SELECT $r.slept? IS NOT NULL'));
--> running
--> after 61 seconds
SELECT df.signal(it(), 'go');
--> finished
SELECT note FROM log ORDER BY n;
--> is [["nobody"], ["go"]]

-- [11] a wait for one signal does not hear another
SELECT df.start((df.wait_for_signal('yes') | df.wait_for_signal('no')) |=> 'r' ~> 'SELECT $r.signal_name AS answer');
--> running
SELECT df.signal(it(), 'maybe');
--> running
SELECT df.signal(it(), 'no');
--> rows {"answer": "no"}
