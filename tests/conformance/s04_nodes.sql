-- What each node gives, and what may be named.

-- [4] a step gives its rows and their number
SELECT df.start('SELECT n, n * 2 AS m FROM generate_series(1, 2) AS n');
--> completed {"rows": [{"n": 1, "m": 2}, {"n": 2, "m": 4}], "row_count": 2}

-- [4] a statement without columns gives the rows that it affected
SELECT df.start('INSERT INTO log (note) VALUES (''a''), (''b'')');
--> completed {"rows": [], "row_count": 2}
SELECT df.start('UPDATE log SET note = ''c'' WHERE note = ''a''');
--> completed {"rows": [], "row_count": 1}
SELECT df.start('CREATE TABLE made (n int)');
--> completed {"rows": [], "row_count": 0}

-- [4] with RETURNING it gives rows
SELECT df.start('INSERT INTO log (note) VALUES (''a''), (''b'') RETURNING note');
--> rows {"note": "a"}, {"note": "b"}

-- [4] the function form of a step is the same
SELECT df.start(df.sql('SELECT 1 AS n'));
--> rows {"n": 1}

-- [4] a sequence gives what its last step gave and its name is bound to that
SELECT df.start(('SELECT 1 AS n' ~> 'SELECT 2 AS n') |=> 'r' ~> 'SELECT $r AS n');
--> rows {"n": 2}
SELECT df.start(df.as(df.seq('SELECT 1 AS n', 'SELECT 2 AS n'), 'r') ~> 'SELECT $r AS n');
--> rows {"n": 2}

-- [4] an if gives what the branch gave that was taken and its name is bound to that
SELECT df.start(('SELECT true' ?> 'SELECT 1 AS n' !> 'SELECT 2 AS n') |=> 'r' ~> 'SELECT $r AS n');
--> rows {"n": 1}
SELECT df.start('SELECT 1 WHERE false' |=> 'none' ~> (df.if_rows('none', 'SELECT 1 AS n', 'SELECT 2 AS n') |=> 'r') ~> 'SELECT $r AS n');
--> rows {"n": 2}

-- [4] a join gives an array and its name is bound to that
SELECT df.start(('SELECT 1 AS n' & df.sleep(1)) |=> 'all' ~> 'SELECT $all AS a');
--> rows {"a": [{"rows": [{"n": 1}], "row_count": 1}, {"slept": true, "seconds": 1}]}

-- [4] joins in joins give arrays in arrays
SELECT df.start(df.join(df.join('SELECT 1 AS n', 'SELECT 2 AS n'), df.sleep(0)));
--> completed [[{"rows": [{"n": 1}], "row_count": 1}, {"rows": [{"n": 2}], "row_count": 1}], {"slept": true, "seconds": 0}]

-- [4] a join may have any number of branches
SELECT df.start(df.join('SELECT 1', 'SELECT 2', 'SELECT 3', 'SELECT 4', 'SELECT 5') |=> 'all' ~> 'SELECT jsonb_array_length($all) AS n');
--> rows {"n": 5}

-- [4] a race gives what its winner gave and its name is bound to that
SELECT df.start(((df.sleep(60) ~> 'SELECT 0 AS n') | 'SELECT 1 AS n') |=> 'r' ~> 'SELECT $r.n AS n');
--> rows {"n": 1}

-- [4] a column that only some of the branches give is read with a question mark
SELECT df.start((df.wait_for_signal('go') | df.sleep(60)) |=> 'r' ~> 'SELECT $r.data AS data');
--> PGD205
SELECT df.start((df.wait_for_signal('go') | df.sleep(60)) |=> 'r' ~> 'SELECT $r.data? AS data, $r.slept? AS slept');
--> rows {"data": null, "slept": true}
SELECT df.start((df.wait_for_signal('go') | 'SELECT n FROM log' | 'CREATE TABLE made (n int)') |=> 'r' ~> 'SELECT $r.data? AS data');
SELECT df.signal(it(), 'go', '1');
--> rows {"data": null}

-- [4] a sleep says how long and its name is bound to that
SELECT df.start(df.sleep(2));
--> completed {"slept": true, "seconds": 2}
SELECT df.start(df.sleep(2) |=> 's' ~> 'SELECT $s.slept AS slept, $s.seconds AS seconds');
--> rows {"slept": true, "seconds": 2}

-- [4] a schedule says that its time came and its name is bound to that
SELECT df.start(df.wait_for_schedule('* * * * *') |=> 's' ~> 'SELECT $s AS s');
--> rows {"s": {"scheduled": true}}

-- [4] a signal says its name and what came with it and its name is bound to that
SELECT df.start(df.wait_for_signal('go') |=> 's' ~> 'SELECT $s AS s');
SELECT df.signal(it(), 'go', '{"a": 1}');
--> rows {"s": {"signal_name": "go", "timed_out": false, "data": {"a": 1}}}

-- [4] a name for a break is bound by nobody
SELECT df.start((@> (df.break('1') |=> 'r')) |=> 'out' ~> 'SELECT $out + 0 AS n');
--> rows {"n": 1}
SELECT df.start((@> (df.break('1') |=> 'r')) ~> 'SELECT $r AS n');
--> PGD202

-- [4] a name in a name is bound too
SELECT df.start(('SELECT 1 AS n' ~> ('SELECT 2 AS n' |=> 'inner')) |=> 'outer' ~> 'SELECT $inner AS i, $outer AS o');
--> rows {"i": 2, "o": 2}
SELECT df.start(df.as(df.seq('SELECT 1 AS n', df.as('SELECT 2 AS n', 'inner')), 'outer') ~> 'SELECT $inner AS i, $outer AS o');
--> rows {"i": 2, "o": 2}
SELECT df.start(df.if('SELECT true', 'SELECT 2 AS n' |=> 'inner', 'SELECT 3 AS n') |=> 'outer' ~> 'SELECT $inner? AS i, $outer AS o');
--> rows {"i": 2, "o": 2}
SELECT df.start(('SELECT 1 AS n' ~> (df.sleep(1) |=> 'inner')) |=> 'outer' ~> 'SELECT $inner.seconds AS i, $outer.seconds AS o');
--> rows {"i": 1, "o": 1}

-- [4] a step has one name
SELECT df.start('SELECT 1 AS n' |=> 'a' |=> 'b');
--> PGD119
SELECT df.start(df.as(df.as('SELECT 1 AS n', 'a'), 'b'));
--> PGD119

-- [4] names are identifiers
SELECT df.start('SELECT 1' |=> '');
--> PGD117
SELECT df.start('SELECT 1' |=> '1st');
--> PGD117
SELECT df.start('SELECT 1' |=> 'a-b');
--> PGD117
SELECT df.start('SELECT 1 AS n' |=> '_Mixed1' ~> 'SELECT $_Mixed1 AS n');
--> rows {"n": 1}

-- [4] the result is that of the whole and of completed instances only
SELECT df.start('SELECT 1 AS n' ~> df.sleep(60));
--> running
SELECT df.result(it());
--> is [[null]]
SELECT df.cancel(it());
SELECT df.result(it());
--> is [[null]]
SELECT df.start('SELECT 1 / 0');
--> failed 22012: division by zero
SELECT df.result(it()), df.result('00000000');
--> is [[null, null]]

-- [4] the result is JSON as text
SELECT df.start('SELECT 42 AS answer');
--> finished
SELECT df.result(it());
--> says
--  {"rows": [{"answer": 42}], "row_count": 1}
SELECT df.start(@> df.break('done'));
--> finished
SELECT df.result(it());
--> says "done"
