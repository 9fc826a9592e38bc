-- Sequence, if, join, race, loop, break.

-- [8.1] a sequence runs its steps in order and gives what the last gave
SELECT df.start(
    'INSERT INTO log (note) VALUES (''a'')' ~> 'INSERT INTO log (note) VALUES (''b'')'
    ~> 'SELECT string_agg(note, '''' ORDER BY n) AS notes FROM log');
--> rows {"notes": "ab"}

-- [8.1] what stands right of a failure never starts
SELECT df.start('SELECT 1 / 0' ~> 'INSERT INTO log (note) VALUES (''never'')');
--> failed 22012: division by zero
SELECT count(*) FROM log;
--> is [[0]]

-- [8.1] what stands right of a break is skipped
SELECT df.start(df.loop(
    df.if('SELECT true', df.break('1'), 'SELECT 2') ~> 'INSERT INTO log (note) VALUES (''never'')'));
--> completed 1
SELECT count(*) FROM log;
--> is [[0]]

-- [8.2] the condition is a step and then one branch runs
SELECT df.start(
    'INSERT INTO log (note) VALUES (''asked'') RETURNING false'
    ?> 'INSERT INTO log (note) VALUES (''then'')'
    !> 'INSERT INTO log (note) VALUES (''else'') RETURNING note');
--> rows {"note": "else"}
SELECT array_to_json(array_agg(note ORDER BY n)) FROM log;
--> is [[["asked", "else"]]]

-- [8.2] the else branch is mandatory
SELECT df.start('SELECT true' ?> 'SELECT 1');
--> PGD111

-- [8.2] the else branch is mandatory in the function form
SELECT df.start(df.if('SELECT true', 'SELECT 1'));
--> PGD121

-- [8.3] branches are tasks of their own and all give their results in order
SELECT df.start('SELECT 1 AS a' & df.sleep(30) ~> 'SELECT 2 AS b');
--> rows {"b": 2}
SELECT df.start('SELECT 1 AS a' & (df.sleep(30) ~> 'SELECT 2 AS b'));
--> completed [{"rows": [{"a": 1}], "row_count": 1}, {"rows": [{"b": 2}], "row_count": 1}]

-- [8.3] a chain of joins nests
SELECT df.start('SELECT 1 AS n' & 'SELECT 2 AS n' & 'SELECT 3 AS n' |=> 'all'
    ~> 'SELECT jsonb_array_length($all) AS outer_length, jsonb_array_length($all -> 0) AS inner_length');
--> warned PGD110
--> rows {"outer_length": 2, "inner_length": 2}

-- [8.3] a join of three gives three
SELECT df.start(df.join3('SELECT 1 AS n', 'SELECT 2 AS n', df.sleep(0)));
--> completed [{"rows": [{"n": 1}], "row_count": 1}, {"rows": [{"n": 2}], "row_count": 1}, {"slept": true, "seconds": 0}]

-- [8.3] a join waits for every branch also when one has failed
SELECT df.start('SELECT 1 / 0' & (df.sleep(60) ~> 'INSERT INTO log (note) VALUES (''late'')'));
--> running
SELECT count(*) FROM log;
--> is [[0]]
--> after 61 seconds
--> failed 22012: division by zero
SELECT note FROM log;
--> is [["late"]]

-- [8.3] a break hides a failure in a later branch
SELECT df.start(@> (df.break('"first"') & 'SELECT 1 / 0'));
--> completed "first"

-- [8.3] a failure hides a break in a later branch
SELECT df.start(@> ('SELECT 1 / 0' & df.break('"second"')));
--> failed 22012: division by zero

-- [8.3] the first branch in order decides and not the first in time
SELECT df.start('SELECT 1 / (SELECT 0 FROM pg_sleep(0)) ' & 'SELECT ''x''::int');
--> failed 22012: division by zero
SELECT df.start((df.sleep(10) ~> 'SELECT 1 / 0') & 'SELECT ''x''::int');
--> failed 22012: division by zero

-- [8.3] a break in one branch takes effect when the slowest sibling has ended
SELECT df.start(@> (df.break('"out"') & (df.sleep(60) ~> 'INSERT INTO log (note) VALUES (''late'')')));
--> running
--> after 61 seconds
--> completed "out"
SELECT note FROM log;
--> is [["late"]]

-- [8.4] the first branch to settle wins and its result is that of the race as it is
SELECT df.start(df.sleep(60) | 'SELECT 1 AS n');
--> rows {"n": 1}
SELECT df.start('SELECT 1 AS n' | df.sleep(60));
--> rows {"n": 1}
SELECT df.start(df.race((df.sleep(90) ~> 'SELECT 1 AS n'), (df.sleep(60) ~> 'SELECT 2 AS n')));
--> rows {"n": 2}

-- [8.4] a branch that fails first fails the race
SELECT df.start('SELECT 1 / 0' | df.sleep(60));
--> failed 22012: division by zero
SELECT df.start(df.sleep(60) | 'SELECT 1 / 0');
--> failed 22012: division by zero

-- [8.4] a winner that breaks ends the loop around
SELECT df.start(@> (df.sleep(60) | df.break('"won"')) ~> 'INSERT INTO log (note) VALUES (''after'') RETURNING note');
--> rows {"note": "after"}

-- [8.4] no further step of the loser runs
SELECT df.start((df.sleep(60) ~> 'INSERT INTO log (note) VALUES (''lost'')') | df.sleep(10));
--> completed {"slept": true, "seconds": 10}
--> after 2 hours
SELECT count(*) FROM log;
--> is [[0]]

-- [8.4] a loop may lose
SELECT df.start(@> ('INSERT INTO log (note) VALUES (''turn'')' ~> df.sleep(60)) | df.sleep(90));
--> running
--> after 61 seconds
--> after 40 seconds
--> completed {"slept": true, "seconds": 90}
SELECT count(*) FROM log;
--> is [[2]]
SELECT node_type, query, status, inferred_status FROM df.instance_nodes(it()) WHERE node_type IN ('LOOP', 'SLEEP') ORDER BY node_id;
--> is [["LOOP", null, "cancelled", "skipped"], ["SLEEP", "60", "cancelled", "skipped"], ["SLEEP", "90", "completed", "completed"]]

-- [8.4] the workflow completes without waiting for the loser
SELECT df.start('SELECT 1 AS n' | df.wait_for_signal('never'));
--> rows {"n": 1}

-- [8.5] the body runs first and then the condition
SELECT df.start(df.loop('INSERT INTO log (note) VALUES (''body'') RETURNING note', 'SELECT false'));
--> rows {"note": "body"}
SELECT count(*) FROM log;
--> is [[1]]

-- [8.5] a loop that its condition ends gives what its body gave last
SELECT df.start(df.loop('INSERT INTO log (note) VALUES (''x'') RETURNING n', 'SELECT count(*) < 3 FROM log'));
--> rows {"n": 3}

-- [8.5] a loop that is broken gives the break's value
SELECT df.start(df.loop('INSERT INTO log (note) VALUES (''x'')'
    ~> df.if('SELECT count(*) >= 3 FROM log', df.break('3'), 'SELECT 1')));
--> completed 3

-- [8.5] its result is bound to its name
SELECT df.start(df.loop('INSERT INTO log (note) VALUES (''x'') RETURNING n', 'SELECT count(*) < 2 FROM log') |=> 'last'
    ~> 'SELECT $last + 10 AS n');
--> rows {"n": 12}
SELECT df.start(@> df.break('{"a": 7}') |=> 'left' ~> 'SELECT $left.a AS a');
--> warned PGD110
--> rows {"a": 7}

-- [8.5] a break in the condition ends the loop with its value
SELECT df.start(df.loop('SELECT 1', df.break('"in the condition"')));
--> completed "in the condition"
SELECT df.start(df.loop('SELECT 1', df.break('"inside"')) |=> 'r' ~> 'SELECT $r AS r');
--> rows {"r": "inside"}

-- [8.5] a failure of the body or of the condition fails the loop
SELECT df.start(df.loop('SELECT 1 / 0'));
--> failed 22012: division by zero
SELECT df.start(df.loop('SELECT 1', 'SELECT 1 / 0'));
--> failed 22012: division by zero
SELECT df.start('SELECT 0' ~> df.loop('SELECT 1 / 0', 'SELECT true') ~> 'SELECT 1');
--> failed 22012: division by zero

-- [8.5] a loop with a condition has no pause between its turns
SELECT df.start(df.loop('INSERT INTO log (note) VALUES (''x'')', 'SELECT count(*) < 50 FROM log'));
--> finished

-- [8.5] a loop with neither condition nor break has a turn a second
SELECT df.start(@> 'INSERT INTO log (note) VALUES (clock_timestamp())');
--> running
SELECT reason FROM df.waiting(it());
--> is [["lap"]]
--> after 1 second
--> after 1 second
SELECT count(*) >= 3, reason FROM log, df.waiting(it()) GROUP BY reason;
--> is [[true, "lap"]]

-- [8.5] a turn in which something waited has no pause of its own
SELECT df.start(@> ('INSERT INTO log (note) VALUES (''x'')' ~> df.sleep(0.5)));
--> running
--> after 0.6 seconds
SELECT count(*) >= 2, reason FROM log, df.waiting(it()) GROUP BY reason;
--> is [[true, "sleep"]]

-- [8.5] a loop that can break has no pause
SELECT df.start(@> df.if('SELECT count(*) < 40 FROM log', 'INSERT INTO log (note) VALUES (''x'')', df.break()));
--> finished

-- [8.5] a loop that is the whole workflow keeps its names from turn to turn
SELECT df.start(df.loop(
    'INSERT INTO log (note) VALUES (coalesce($before?, 0) + 1) RETURNING n' |=> 'before',
    'SELECT $before < 3'));
--> rows {"n": 3}
SELECT array_to_json(array_agg(note ORDER BY n)) FROM log;
--> is [[["1", "2", "3"]]]

-- [8.5] a loop in a sequence keeps its names too and they are there after it
SELECT df.start(
    'SELECT 10 AS n' |=> 'total'
    ~> df.loop('SELECT $total + 1 AS n' |=> 'total' ~> 'INSERT INTO log (note) VALUES ($total)', 'SELECT $total < 13')
    ~> 'SELECT $total AS n');
--> rows {"n": 13}
SELECT count(*) FROM log;
--> is [[3]]

-- [8.5] what stands around a loop runs once
SELECT df.start(
    'INSERT INTO log (note) VALUES (''before'')'
    ~> df.loop('INSERT INTO log (note) VALUES (''body'')', 'SELECT count(*) < 4 FROM log')
    ~> 'INSERT INTO log (note) VALUES (''after'')' ~> 'SELECT string_agg(note, '' '' ORDER BY n) AS notes FROM log');
--> rows {"notes": "before body body body after"}

-- [8.5] an inner loop begins anew with each turn of the outer one
SELECT df.start(
    df.loop(
        'INSERT INTO log (note) VALUES (''outer'')'
        ~> 'SELECT 0 AS n' |=> 'k'
        ~> df.loop('SELECT $k + 1 AS n' |=> 'k' ~> 'INSERT INTO log (note) VALUES (''inner'')', 'SELECT $k < 2'),
        'SELECT count(*) < 6 FROM log')
    ~> 'SELECT string_agg(note, '' '' ORDER BY n) AS notes FROM log');
--> rows {"notes": "outer inner inner outer inner inner"}

-- [8.5] a loop may be a branch of a join
SELECT df.start(
    df.loop('INSERT INTO log (note) VALUES (''a'')', 'SELECT count(*) < 3 FROM log WHERE note = ''a''')
    & df.loop('INSERT INTO log (note) VALUES (''b'')', 'SELECT count(*) < 2 FROM log WHERE note = ''b''')
    |=> 'both' ~> 'SELECT note, count(*) AS n FROM log GROUP BY note ORDER BY note');
--> warned PGD110
--> rows {"note": "a", "n": 3}, {"note": "b", "n": 2}

-- [8.5] a loop that fails in a join keeps the cause
SELECT df.start('SELECT 1' & @> 'SELECT 1 / 0');
--> failed 22012: division by zero

-- [8.5] the definition is read once and later changes do not reach an instance
CREATE WORKFLOW once() AS df.sleep(60) ~> 'SELECT 1 AS n';
SELECT once();
--> running
CREATE WORKFLOW once() AS df.sleep(60) ~> 'SELECT 2 AS n';
--> rows {"n": 1}
SELECT once();
--> rows {"n": 2}

-- [8.6] a value that is JSON is that JSON
SELECT df.start(@> df.break('42'));
--> completed 42
SELECT df.start(@> df.break('{"a": [1, null]}'));
--> completed {"a": [1, null]}
SELECT df.start(@> df.break('null'));
--> completed null

-- [8.6] other text is a JSON string
SELECT df.start(@> df.break('done'));
--> completed "done"
SELECT df.start(@> df.break('it''s "done"'));
--> completed "it's \"done\""
SELECT df.start(@> df.break('1e999999'));
--> completed "1e999999"

-- [8.6] no value is null
SELECT df.start(@> df.break());
--> completed null
SELECT df.start(@> df.break(NULL));
--> completed null

-- [8.6] references in a value are read as values
SELECT df.start(@> ('SELECT 5 AS n, ''a "b"'' AS t' |=> 'r' ~> df.break('{"n": $r.n, "t": "$r.t"}')));
--> completed {"n": 5, "t": "a \"b\""}
SELECT df.start(@> ('SELECT 5 AS n' |=> 'r' ~> df.break('$r.n')));
--> completed 5

-- [8.6] a break unwinds through sequence and if to the nearest loop
SELECT df.start(
    df.loop(
        (@> (df.if('SELECT true', df.seq('SELECT 0', df.break('"inner"')), 'SELECT 1') ~> 'SELECT 1 / 0')) |=> 'in'
        ~> 'INSERT INTO log (note) VALUES ($in::jsonb #>> ''{}'') RETURNING note',
        'SELECT false'));
--> rows {"note": "inner"}

-- [8.6] a break unwinds through a join
SELECT df.start(@> (df.join('SELECT 1', df.if('SELECT true', df.break('"join"'), 'SELECT 2')) ~> 'SELECT 1 / 0'));
--> completed "join"

-- [8.6] what stands behind a break is found before anything runs
SELECT df.start(@> (df.break('1') ~> 'SELECT 2'));
--> PGD408

-- [8.6] a break unwinds through a race
SELECT df.start(@> (df.race(df.sleep(60), 'SELECT 2' ~> df.break('"race"')) ~> 'SELECT 1 / 0'));
--> completed "race"

-- [8.6] names bound before the break in its branch are merged
SELECT df.start(
    @> (('SELECT 7 AS n' |=> 'seen' ~> df.break('0')) & 'SELECT 1') ~> 'SELECT $seen AS n');
--> rows {"n": 7}

-- [8.6] a break outside of a loop is found before anything runs
SELECT df.start('SELECT 1' ~> df.break('1'));
--> PGD407

-- [8.6] a break in a loop inside of another ends the inner one alone
SELECT df.start(df.loop(
    'INSERT INTO log (note) VALUES (''turn'') RETURNING n' |=> 'turn' ~> (@> df.break('1')) ~> 'SELECT $turn AS n',
    'SELECT $turn < 2'));
--> rows {"n": 2}

-- [8.6] a word with a dollar sign that is no name stays in a value
SELECT df.start(@> df.break('costs $nothing'));
--> completed "costs $nothing"

-- [8.4] a race may have any number of branches
SELECT df.start(df.race(df.sleep(60), df.sleep(70), 'SELECT 3 AS n', df.sleep(80)));
--> rows {"n": 3}

-- [8.3] a branch that fails does not stop the others and their effects stay
SELECT df.start(df.join('SELECT 1 / 0', 'INSERT INTO log (note) VALUES (''b'')', df.sleep(5) ~> 'INSERT INTO log (note) VALUES (''c'')'));
--> failed 22012: division by zero
SELECT note FROM log ORDER BY note;
--> is [["b"], ["c"]]

-- [8.6] a reference alone hands on the whole result
SELECT df.start('SELECT 5 AS n' |=> 'r' ~> (@> df.break('$r')));
--> rows {"n": 5}
