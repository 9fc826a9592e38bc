-- Variables and references.

-- [6] text that a variable brings is not looked at for references
SELECT df.setvar('price', 'costs $r');
SELECT df.start('SELECT 5 AS n' |=> 'r' ~> 'SELECT ''{price}'' AS t, $r AS n');
--> rows {"t": "costs $r", "n": 5}

-- [6] text of a value is not looked at for variables
SELECT df.setvar('x', 'wrong');
SELECT df.start('SELECT ''{'' || ''x}'' AS t' |=> 'r' ~> 'SELECT $r AS t');
--> rows {"t": "{x}"}

-- [6] a JSON value beside a constant text is text
SELECT df.start(('SELECT 1 AS n' & 'SELECT 2 AS n') |=> 'j' ~> 'SELECT ''got '' || $j AS t');
--> rows {"t": "got [{\"rows\": [{\"n\": 1}], \"row_count\": 1}, {\"rows\": [{\"n\": 2}], \"row_count\": 1}]"}
SELECT df.start(df.loop(df.break('done')) |=> 'l' ~> 'SELECT $l || '', really'' AS t');
--> rows {"t": "\"done\", really"}

-- [6] a JSON value is no text elsewhere
SELECT df.start(('SELECT 1 AS n' & 'SELECT 2 AS n') |=> 'j' ~> 'SELECT upper($j) AS t');
--> failed 42883: function upper(jsonb) does not exist
SELECT df.start(df.loop(df.break('done')) |=> 'l' ~> 'SELECT ''got '' || $l::text AS t, ''got $l'' AS u');
--> rows {"t": "got \"done\"", "u": "got \"done\""}

-- [6] the first column of SQL that an expression gives is not known
SELECT df.start(format('SELECT %s AS n', 5) |=> 'r' ~> 'SELECT $r AS n');
--> PGD206
SELECT df.start(format('SELECT %s AS n', 5) |=> 'r' ~> 'SELECT $r.n::int AS n');
--> rows {"n": 5}

-- [6] a reference in a comment is a comment
SELECT df.start('SELECT 5 AS n' |=> 'r' ~> 'SELECT 1 AS n -- not $r
    /* nor $nobody */');
--> rows {"n": 1}

-- [6] a reference in a dollar quote is text which is warned of
SELECT df.start('SELECT 5 AS n' |=> 'r' ~> 'SELECT $x$ $r $x$ AS t, $r AS n');
--> warned PGD508
--> rows {"t": " $r ", "n": 5}

-- [6] a dollar quote may be tagged with the name of a result
SELECT df.start('SELECT 5 AS n' |=> 'r' ~> 'SELECT $r$text$r$ AS t');
--> rows {"t": "text"}

-- [6] a reference in a literal is put in with its quotes doubled
SELECT df.start('SELECT ''Bob''''s'' AS name' |=> 'r' ~> 'SELECT ''Hi $r!'' AS t');
--> rows {"t": "Hi Bob's!"}

-- [6.1] a variable is read where the starter has set it
SELECT df.setvar('who', 'world');
SELECT df.start('SELECT ''hello {who}'' AS t');
--> rows {"t": "hello world"}

-- [6.1] variables are those of the moment of the start
SELECT df.setvar('who', 'first');
SELECT df.start(df.sleep(1) ~> df.loop('SELECT ''{who}'' AS t', 'SELECT ''{who}'' <> ''first'''));
SELECT df.setvar('who', 'second');
--> rows {"t": "first"}

-- [6.1] variables are the same in every branch
SELECT df.setvar('who', 'all');
SELECT df.start('SELECT ''{who}'' AS t' & @> ('SELECT 1' ~> df.break('{who}')));
--> completed [{"rows": [{"t": "all"}], "row_count": 1}, "all"]

-- [6.1] and in a loop in a loop
SELECT df.setvar('who', 'all');
SELECT df.start(
    @> ( @> ('INSERT INTO log (note) VALUES (''{who}'')' ~> df.if('SELECT count(*) % 2 = 0 FROM log', df.break(), 'SELECT 1'))
      ~> df.if('SELECT count(*) = 4 FROM log', df.break('{who}'), 'SELECT 1') ));
--> completed "all"
SELECT string_agg(note, ' ') FROM log;
--> is [["all all all all"]]

-- [6.1] the instance and its label are variables
SELECT df.start('SELECT {sys_instance_id} = ''{sys_instance_id}'' AS same, {sys_label} AS label', 'it''s a label');
--> rows {"same": true, "label": "it's a label"}
SELECT df.start('SELECT ''<{sys_label}>'' AS label');
--> rows {"label": "<>"}

-- [6.1] they come before variables of a user of the same name
SELECT df.setvar('sys_label', 'mine');
SELECT df.start('SELECT ''{sys_label}'' AS label', 'the real one');
--> rows {"label": "the real one"}

-- [6.1] outside of a literal the text of a variable is SQL
SELECT df.setvar('target', 'log');
SELECT df.start('INSERT INTO {target} (note) VALUES (''x'')' ~> 'SELECT count(*) AS n FROM {target}');
--> rows {"n": 1}

-- [6.1] inside of a literal its quotes are doubled
SELECT df.setvar('who', 'O''Hara');
SELECT df.start('SELECT ''{who}'' AS t');
--> rows {"t": "O'Hara"}

-- [6.1] an unknown variable in a literal stays as it is
SELECT df.start('SELECT ''{nobody} {"a": 1}'' AS t');
--> rows {"t": "{nobody} {\"a\": 1}"}

-- [6.1] braces that are not closed stay as they are
SELECT df.setvar('x', 'wrong');
SELECT df.start('SELECT ''{x and {x'' AS t');
--> rows {"t": "{x and {x"}

-- [6.1] a variable is found inside the braces of JSON
SELECT df.setvar('x', 'found');
SELECT df.start('SELECT ''{"a": "{x}"}''::jsonb ->> ''a'' AS t');
--> rows {"t": "found"}
SELECT df.start('SELECT ''{"k": 1} {x}'' AS t');
--> rows {"t": "{\"k\": 1} found"}

-- [6.1] a variable in a dollar quote is text which is warned of
SELECT df.setvar('who', 'wrong');
SELECT df.start('DO $x$ BEGIN INSERT INTO log (note) VALUES (''{who}''); END $x$' ~> 'SELECT note FROM log');
--> warned PGD508
--> rows {"note": "{who}"}

-- [6.1] a variable may be a part of a name
SELECT df.setvar('kind', 'big');
SELECT df.start('CREATE TABLE {kind}_log AS SELECT 1 AS n' ~> 'SELECT n FROM {kind}_log');
--> rows {"n": 1}
SELECT df.start('SELECT 1 AS n LIMIT {limit}');
--> failed PD006: limit

-- [6.1] a variable that is not there outside of a literal fails the step
SELECT df.start('SELECT * FROM {nowhere}');
--> failed PD006: nowhere

-- [6.1] any name can be set and the last value counts
SELECT df.setvar('a name with spaces', '1'), df.setvar('x', 'old'), df.setvar('x', 'new');
SELECT df.getvar('a name with spaces'), df.getvar('x'), df.getvar('nobody');
--> is [["1", "new", null]]
SELECT df.unsetvar('x');
--> is [["OK"]]
SELECT df.getvar('x'), df.clearvars();
--> is [[null, "OK"]]
SELECT df.getvar('a name with spaces');
--> is [[null]]

-- [6.1] a step may set variables and its own instance keeps those that it began with
SELECT df.setvar('x', 'old');
SELECT df.start('SELECT df.setvar(''x'', ''new'')' ~> 'SELECT ''{x}'' AS then, df.getvar(''x'') AS now');
--> rows {"then": "old", "now": "new"}
SELECT df.setvar('x', 'old');
SELECT df.start('SELECT df.setvar(''x'', (1 / 0)::text)');
--> failed 22012: division by zero
SELECT df.getvar('x');
--> is [["old"]]

-- [6.1] a step reads them as they are now
SELECT df.setvar('x', 'before');
SELECT df.start(df.sleep(1) ~> 'SELECT ''{x}'' AS then, df.getvar(''x'') AS now');
SELECT df.setvar('x', 'after');
--> rows {"then": "before", "now": "after"}

-- [6.1] variables belong to the role that set them
SELECT df.setvar('x', 'of alice');
SELECT name, value FROM df.vars;
--> is [["x", "of alice"]]

-- [6.2] positional parameters are refused
SELECT df.start('SELECT $1');
--> PGD212

-- [6.2] an unbound name is found before anything runs
SELECT df.start('SELECT $nobody');
--> PGD201

-- [6.2] in a literal only a bound name is a reference
SELECT df.start('SELECT 5 AS n' |=> 'r' ~> 'SELECT ''$rr $nobody $1 $ %1$s $r'' AS t');
--> rows {"t": "$rr $nobody $1 $ %1$s 5"}

-- [6.2] the longest name counts
SELECT df.start('SELECT 1 AS n' |=> 'a' ~> 'SELECT 2 AS n' |=> 'a1' ~> 'SELECT $a1 AS x, ''$a1-$a'' AS y');
--> rows {"x": 2, "y": "2-1"}

-- [6.2] a name alone is the value of its only column
SELECT df.start('SELECT 5 AS n' |=> 'r' ~> 'SELECT $r + 1 AS n');
--> rows {"n": 6}

-- [6.2] a name alone is that of the first row
SELECT df.start('SELECT generate_series(3, 9) AS n' |=> 'r' ~> 'SELECT $r AS n');
--> rows {"n": 3}

-- [6.2] a name alone of several columns is all rows with a warning
SELECT df.start('SELECT 1 AS a, 2 AS b' |=> 'r' ~> 'SELECT $r AS j');
--> warned PGD505
--> rows {"j": [{"a": 1, "b": 2}]}

-- [6.2] no row is an error and with a question mark NULL
SELECT df.start('SELECT 1 AS n WHERE false' |=> 'r' ~> 'SELECT $r AS n');
--> failed 22004: has no row
SELECT df.start('SELECT 1 AS n WHERE false' |=> 'r' ~> 'SELECT $r? AS n');
--> rows {"n": null}

-- [6.2] NULL is an error and with a question mark NULL
SELECT df.start('SELECT NULL::int AS n' |=> 'r' ~> 'SELECT $r AS n');
--> failed 22004: is NULL
SELECT df.start('SELECT NULL::int AS n' |=> 'r' ~> 'SELECT $r? AS n');
--> rows {"n": null}

-- [6.2] a column is that of the first row
SELECT df.start('SELECT n, -n AS m FROM generate_series(3, 9) AS n' |=> 'r' ~> 'SELECT $r.m AS m');
--> rows {"m": -3}

-- [6.2] a column without a row is an error and with a question mark NULL
SELECT df.start('SELECT 1 AS a, 2 AS b WHERE false' |=> 'r' ~> 'SELECT $r.b AS b');
--> failed 22004: has no row
SELECT df.start('SELECT 1 AS a, 2 AS b WHERE false' |=> 'r' ~> 'SELECT $r.b? AS b');
--> rows {"b": null}
SELECT df.start('SELECT 1 AS a, NULL::int AS b' |=> 'r' ~> 'SELECT $r.b AS b');
--> failed 22004: is NULL
SELECT df.start('SELECT 1 AS a, NULL::int AS b' |=> 'r' ~> 'SELECT $r.b? AS b');
--> rows {"b": null}

-- [6.2] a question mark needs no space behind it
SELECT df.start('SELECT 5 AS n' |=> 'r' ~> 'SELECT $r?-1 AS n, $r.n?+1 AS m');
--> rows {"n": 4, "m": 6}

-- [6.2] columns in double quotes keep their case
SELECT df.start('SELECT 5 AS "Odd Col"' |=> 'r' ~> 'SELECT $r."Odd Col" AS n');
--> rows {"n": 5}

-- [6.2] a dot that no name follows is a dot
SELECT df.start('SELECT 5 AS n' |=> 'r' ~> 'SELECT ''It is $r.'' AS t');
--> rows {"t": "It is 5."}

-- [6.2] the rows of a result are a table
SELECT df.start('SELECT n, ''t'' || n AS t FROM generate_series(1, 2) AS n' |=> 'r' ~> 'SELECT t, n * 10 AS n FROM $r.*');
--> rows {"t": "t1", "n": 10}, {"t": "t2", "n": 20}

-- [6.2] that table is called like the result
SELECT df.start('SELECT 1 AS n' |=> 'r' ~> 'SELECT r.n FROM $r.*');
--> rows {"n": 1}
SELECT df.start('SELECT 1 AS n' |=> 'r' ~> 'SELECT x.n FROM $r.* AS x');
--> rows {"n": 1}

-- [6.2] no rows are a table without rows
SELECT df.start('SELECT 1 AS n WHERE false' |=> 'r' ~> 'SELECT count(*) AS c, max(n) AS m FROM $r.*');
--> rows {"c": 0, "m": null}

-- [6.2] the columns of that table keep their types
SELECT df.start('SELECT 1.50 AS p, date ''2024-02-29'' AS d, ARRAY[1, 2] AS a, NULL::uuid AS u' |=> 'r'
    ~> 'SELECT pg_typeof(p) AS p, pg_typeof(d) AS d, pg_typeof(a) AS a, pg_typeof(u) AS u, d + 1 AS e FROM $r.*');
--> rows {"p": "numeric", "d": "date", "a": "integer[]", "u": "uuid", "e": "2024-03-01"}

-- [6.2] a value of more than ten thousand rows is one
SELECT df.start('SELECT n FROM generate_series(1, 10001) AS n' |=> 'r' ~> 'SELECT sum(n) AS s FROM $r.*');
--> rows {"s": 50015001}

-- [6.2] values keep their types
SELECT df.start('SELECT 1.5 AS p, timestamptz ''2024-02-29 12:00Z'' AS t, interval ''90 min'' AS i, ''\x00ff''::bytea AS b, '''' AS e' |=> 'r'
    ~> 'SELECT $r.p * 2 AS p, $r.t - interval ''1 day'' AS t, $r.i * 2 AS i, length($r.b) AS b, $r.e AS e');
--> rows {"p": 3.0, "t": "2024-02-28T12:00:00+00:00", "i": "03:00:00", "b": 2, "e": ""}

-- [6.2] numbers and dates are compared as such
SELECT df.start('SELECT 9.5 AS p' |=> 'r' ~> 'SELECT $r < 10 AS less, 1 IN (SELECT trunc(p) - 8 FROM $r.*) AS is_in');
--> rows {"less": true, "is_in": true}

-- [6.2] backslashes and quotes of a value are its own
SELECT df.start('SELECT $x$a\b''c"$x$ AS t' |=> 'r' ~> 'SELECT $r AS t, ''$r'' AS u, length($r) AS n');
--> rows {"t": "a\\b'c\"", "u": "a\\b'c\"", "n": 6}

-- [6.2] JSON is a value of its type
SELECT df.start('SELECT ''{"a": [1, 2]}''::jsonb AS j' |=> 'r' ~> 'SELECT $r -> ''a'' ->> 1 AS n, $r.j #>> ''{a,0}'' AS m');
--> rows {"n": "2", "m": "1"}

-- [6.2] of an object result the name is the object and a dot its field
SELECT df.start(df.wait_for_signal('go') |=> 'sig' ~> 'SELECT $sig::jsonb -> ''data'' ->> ''by'' AS a, $sig.data ->> ''by'' AS b, $sig.timed_out AS c');
SELECT df.signal(it(), 'go', '{"by": "x"}');
--> rows {"a": "x", "b": "x", "c": false}

-- [6.2] a field that is NULL is an error and with a question mark NULL
SELECT df.start(df.wait_for_signal('go', 1) |=> 'sig' ~> 'SELECT $sig.data AS d');
--> failed 22004: "$sig.data" is NULL
SELECT df.start(df.wait_for_signal('go', 1) |=> 'sig' ~> 'SELECT $sig.data? AS d');
--> rows {"d": null}

-- [6.2] a join's result is an array
SELECT df.start(('SELECT 1 AS n' & 'SELECT 2 AS n') |=> 'all' ~> 'SELECT $all -> 1 -> ''rows'' AS r');
--> rows {"r": [{"n": 2}]}

-- [6.2] an array has neither fields nor rows
SELECT df.start(('SELECT 1 AS n' & 'SELECT 2 AS n') |=> 'all' ~> 'SELECT $all.n');
--> PGD205
SELECT df.start(('SELECT 1 AS n' & 'SELECT 2 AS n') |=> 'all' ~> 'SELECT * FROM $all.*');
--> PGD208

-- [6.2] a string that a break gave is JSON
SELECT df.start((@> df.break('done')) |=> 'out' ~> 'SELECT $out AS o, $out = ''"done"'' AS is_json');
--> rows {"o": "done", "is_json": true}

-- [6.2] a column that is not there is found before anything runs
SELECT df.start('SELECT 1 AS a' |=> 'r' ~> 'SELECT $r.b');
--> PGD205
SELECT df.start('SELECT 1 AS a' |=> 'r' ~> 'SELECT $r.b?');
--> PGD205

-- [6.2] where the columns are not known it is found when it runs
CREATE TABLE t AS SELECT 1 AS a;
SELECT df.start('SELECT * FROM t' |=> 'r' ~> 'SELECT $r.a AS a, $r.b AS b');
--> failed PD006: b

-- [6.2] a name alone needs known columns
SELECT df.start('SELECT * FROM log' |=> 'r' ~> 'SELECT $r');
--> PGD206

-- [6.3] names bound in a condition or a branch are there behind the if
SELECT df.start(
    df.if('SELECT true AS yes' |=> 'c', 'SELECT 1 AS n' |=> 'x', 'SELECT 2 AS n' |=> 'x')
    ~> 'SELECT $c AS c, $x AS x');
--> rows {"c": true, "x": 1}

-- [6.3] a name that only one branch binds is read with a question mark
SELECT df.start(df.if('SELECT false', 'SELECT 1 AS n' |=> 'x', 'SELECT 2') ~> 'SELECT $x AS x');
--> PGD202
SELECT df.start(df.if('SELECT false', 'SELECT 1 AS n' |=> 'x', 'SELECT 2') ~> 'SELECT $x? AS x');
--> rows {"x": null}

-- [6.3] branches of a join do not see each other's names
SELECT df.start(('SELECT 1 AS n' |=> 'x') & ('SELECT $x AS n'));
--> PGD201

-- [6.3] a branch reads what was bound before the join
SELECT df.start('SELECT 1 AS n' |=> 'x' ~> ('SELECT $x AS n' & 'SELECT $x + 1 AS n'));
--> completed [{"rows": [{"n": 1}], "row_count": 1}, {"rows": [{"n": 2}], "row_count": 1}]

-- [6.3] names of all branches are there behind the join
SELECT df.start((('SELECT 1 AS n' |=> 'x') & ('SELECT 2 AS n' |=> 'y')) ~> 'SELECT $x AS x, $y AS y');
--> rows {"x": 1, "y": 2}

-- [6.3] of a name that several branches bind the last branch's counts
SELECT df.start(((df.sleep(9) ~> 'SELECT 1 AS n' |=> 'x') & ('SELECT 2 AS n' |=> 'x')) ~> 'SELECT $x AS x');
--> rows {"x": 2}

-- [6.3] a branch that does not bind a name does not reset it
SELECT df.start('SELECT 0 AS n' |=> 'x' ~> (('SELECT 1 AS n' |=> 'x') & 'SELECT 2') ~> 'SELECT $x AS x');
--> rows {"x": 1}

-- [6.3] of a race only the winner's names are there
SELECT df.start(
    'SELECT 0 AS n' |=> 'x'
    ~> (('SELECT 1 AS n' |=> 'x' ~> df.sleep(60)) | (df.sleep(5) ~> 'SELECT 2 AS n' |=> 'y'))
    ~> 'SELECT $x AS x, $y? AS y');
--> rows {"x": 0, "y": 2}

-- [6.3] the last value that was bound counts
SELECT df.start('SELECT 1 AS n' |=> 'x' ~> 'SELECT $x + 1 AS n' |=> 'x' ~> 'SELECT $x AS x');
--> rows {"x": 2}

-- [6.3] names of a loop's body are there behind it
SELECT df.start(df.loop('SELECT 1 AS n' |=> 'x', 'SELECT false') ~> 'SELECT $x AS x');
--> rows {"x": 1}

-- [6.3] a name that is bound later in the body is unknown in the first turn
SELECT df.start(df.loop('SELECT $x AS n' ~> 'SELECT 1 AS n' |=> 'x', 'SELECT false'));
--> PGD203

-- [6] a reference in a string with escapes is text which is warned of
SELECT df.start('SELECT 5 AS n' |=> 'r' ~> 'SELECT E''$r\t'' AS a, U&''$r'' AS b');
--> warned PGD508, PGD508
--> rows {"a": "$r\t", "b": "$r"}

-- [6] a reference in a quoted identifier is text which is warned of
SELECT df.start('SELECT 5 AS n' |=> 'r' ~> 'SELECT 1 AS "$r"');
--> warned PGD508
--> rows {"$r": 1}

-- [6] a reference in a string that is run is found before anything runs
SELECT df.start('SELECT 5 AS n' |=> 'r' ~> 'DO ''BEGIN PERFORM $r; END''');
--> PGD214

-- [6] a reference is a value and no name of a table
SELECT df.start('SELECT ''log'' AS t' |=> 'r' ~> 'SELECT * FROM $r');
--> PGD209

-- [6] names and times to wait are no text of SQL
SELECT df.start('SELECT 5 AS n' |=> 'r' ~> df.sleep($r * 2) |=> 's' ~> 'SELECT $s.seconds AS s');
--> rows {"s": 10}

-- [6.2] of columns that are not known one that is not there is NULL with a question mark
CREATE TABLE t AS SELECT 1 AS a;
SELECT df.start('SELECT * FROM t' |=> 'r' ~> 'SELECT $r.a AS a, $r.b? AS b');
--> rows {"a": 1, "b": null}

-- [6.2] the rows and their number
SELECT df.start('SELECT 1 AS a, 2 AS b UNION ALL SELECT 3, 4 ORDER BY 1' |=> 'r' ~> 'SELECT $r.rows AS r, $r.row_count AS n');
--> rows {"r": [{"a": 1, "b": 2}, {"a": 3, "b": 4}], "n": 2}
SELECT df.start('INSERT INTO log (note) VALUES (''a''), (''b'')' |=> 'r' ~> 'SELECT $r.row_count AS n');
--> rows {"n": 2}

-- [6] a label is taken as it is
SELECT df.setvar('x', 'wrong');
SELECT df.start('SELECT 5 AS n' |=> 'r' ~> 'SELECT {sys_label} AS l', 'of $r and {x}');
--> rows {"l": "of $r and {x}"}

-- [6.1] a variable cannot be NULL
SELECT df.setvar('x', 'set'), df.setvar('x', NULL);
--> is [["OK", null]]
SELECT df.getvar('x'), df.getvar(NULL), df.unsetvar(NULL);
--> is [["set", null, null]]

-- [6.2] text takes the type that its context wants
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE TABLE people (id uuid, mood mood, born date, doc jsonb, nap interval, tags text[]);
SELECT df.start(
    'SELECT ''a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'' AS id, ''happy''::varchar AS mood, ''2024-02-29'' AS born, ''{"a": 1}'' AS doc,
        ''1 hour'' AS nap, ''{x,y}'' AS tags' |=> 'r'
    ~> 'INSERT INTO people VALUES ($r.id, $r.mood, $r.born, $r.doc, $r.nap, $r.tags)'
    ~> 'SELECT count(*) AS n FROM people WHERE mood = $r.mood AND born <= $r.born AND id = $r.id AND $r.tags && tags AND doc @> $r.doc');
--> rows {"n": 1}

-- [6.2] and is text where it wants none
SELECT df.start('SELECT ''it''''s'' AS t' |=> 'r'
    ~> 'SELECT $r AS t, $r || ''!'' AS u, length($r) AS n, upper($r) AS o, coalesce($r, ''x'') AS c, ARRAY[$r] AS a, jsonb_build_object($r, $r) AS j,
        replace($r, ''s'', ''t'') AS p, $r LIKE ''it%'' AS l, $r = ''it''''s'' AS e, $r IN (''a'') AS i, CASE WHEN true THEN $r END AS k');
--> rows {"t": "it's", "u": "it's!", "n": 4, "o": "IT'S", "c": "it's", "a": ["it's"], "j": {"it's": "it's"}, "p": "it't", "l": true, "e": true, "i": false, "k": "it's"}

-- [6.2] text that says how long
SELECT df.start('SELECT ''90 seconds'' AS t' |=> 'r' ~> df.sleep($r) |=> 's' ~> 'SELECT $s.seconds AS s');
--> rows {"s": 90}
SELECT df.start('SELECT ''2'' AS t' |=> 'r' ~> df.sleep($r * 2) |=> 's' ~> 'SELECT $s.seconds AS s');
--> rows {"s": 4}
SELECT df.start('SELECT 90 AS t' |=> 'r' ~> df.sleep($r) |=> 's' ~> 'SELECT $s.seconds AS s');
--> rows {"s": 90}

-- [6.2] text that came with a signal fits too
CREATE TABLE people (born date);
INSERT INTO people VALUES ('2024-02-29');
SELECT df.start(df.wait_for_signal('born') |=> 's' ~> 'SELECT count(*) AS n FROM people WHERE born = $s.data');
SELECT df.signal(it(), 'born', '2024-02-29');
--> rows {"n": 1}

-- [6.2] a count fits an integer
CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql AS 'SELECT 2 * n';
SELECT df.start('SELECT count(*) AS n, 3000000000 AS big FROM log' |=> 'r'
    ~> 'SELECT twice($r.n + 4) AS n, date ''2024-02-28'' + $r.n AS d, repeat(''x'', 2 + $r.n) AS x, $r.big + 1 AS b');
--> rows {"n": 8, "d": "2024-02-28", "x": "xx", "b": 3000000001}

-- [6.2] a float is a number as one would write it
SELECT df.start('SELECT 3.14159::float8 AS f, ''NaN''::float8 AS n, 1.5::float4 AS s' |=> 'r'
    ~> 'SELECT round($r.f, 2) AS r, $r.f = 3.14159::float8 AS same, $r.n = ''NaN''::float8 AS nan, sqrt($r.s * 1.5) AS s');
--> rows {"r": 3.14, "same": true, "nan": true, "s": 1.5}

-- [6.2] numbers that came with a signal too
CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql AS 'SELECT 2 * n';
SELECT df.start(df.wait_for_signal('go') |=> 's' ~> 'SELECT twice($s.data) AS n, $s.data::numeric / 2 AS h');
SELECT df.signal(it(), 'go', '5');
--> rows {"n": 10, "h": 2.5}

-- [6.2] in a declaration each value has its own type
CREATE WORKFLOW typed() AS
    'SELECT count(*) AS n, 1.5::float8 AS f, ''x'' AS t, 2::numeric AS m FROM log' |=> r
    ~> 'SELECT pg_typeof($r.n) AS n, pg_typeof($r.f) AS f, pg_typeof($r.t) AS t, pg_typeof($r.m) AS m';
SELECT typed();
--> rows {"n": "bigint", "f": "double precision", "t": "text", "m": "numeric"}

-- [6.2] a number that a break gave can be counted with and a truth value asked for
SELECT df.start((@> df.break('42')) |=> 'n' ~> (@> df.break('true')) |=> 'b'
    ~> 'SELECT $n + 1 AS n, $n > 5 AS g, $n::jsonb = ''42''::jsonb AS j, NOT $b AS b');
--> rows {"n": 43, "g": true, "j": true, "b": false}

-- [6.2] a string that a break gave keeps the quotes of JSON as text
SELECT df.start((@> df.break('it''s done')) |=> 'out'
    ~> 'INSERT INTO log (note) VALUES ($out), (''$out''), ($out::jsonb #>> ''{}'')' ~> 'SELECT note FROM log ORDER BY n');
--> rows {"note": "\"it's done\""}, {"note": "\"it's done\""}, {"note": "it's done"}

-- [6.2] values in all kinds of places
CREATE TABLE log2 (ts timestamptz, d date, u uuid, n numeric, t text, i int, f float8, b bool, v varchar(5), a text[]);
SELECT df.start('SELECT now() AS ts, current_date AS d, gen_random_uuid() AS u, 1.5::numeric AS n' |=> 'v' ~> 'INSERT INTO log2 VALUES ($v.ts::timestamptz, $v.d::date, $v.u::uuid, $v.n::numeric, $v.u, $v.n) RETURNING i, t = u::text AS s');
--> rows {"i": 2, "s": true}
SELECT df.start('SELECT 2.5::float8 AS f, true AS b, ''abc'' AS v, ''{p,q}'' AS a' |=> 'v' ~> 'INSERT INTO log2 (f, b, v, a, t, i) VALUES ($v.f, $v.b, $v.v, $v.a, $v.f, $v.f) RETURNING f, b, v, a, t, i');
--> rows {"f": 2.5, "b": true, "v": "abc", "a": ["p", "q"], "t": "2.5", "i": 3}
SELECT df.start('SELECT 2.5::float8 AS f, 7 AS n, ''x'' AS t' |=> 'v' ~> 'SELECT $v.f / 2 AS a, $v.n % 4 AS b, greatest($v.n, 3) AS c, $v.t > ''a'' AS d, concat($v.t, $v.n) AS e, jsonb_build_array($v.t, $v.n, $v.f) AS g, $v.n::text || $v.t AS h, string_agg($v.t, '','') AS i, max($v.t) AS j, -$v.n AS k, $v.n BETWEEN 1 AND 9 AS l, ($v.t, $v.n) = (''x'', 7) AS m, ARRAY[$v.n, 2] AS o, array_append(ARRAY[1], $v.n) AS p, $v.n = ANY(ARRAY[7]) AS q, nullif($v.t, ''x'') AS r, ''{"x": 1}''::jsonb -> $v.t AS s, lower($v.t) AS u, quote_literal($v.t) AS w, md5($v.t) IS NOT NULL AS y, (SELECT x FROM (VALUES ($v.t)) AS z (x)) AS z');
--> rows {"a": 1.25, "b": 3, "c": 7, "d": true, "e": "x7", "g": ["x", 7, 2.5], "h": "7x", "i": "x", "j": "x", "k": -7, "l": true, "m": true, "o": [7, 2], "p": [1, 7], "q": true, "r": null, "s": 1, "u": "x", "w": "'x'", "y": true, "z": "x"}

-- [6.2] columns with capitals of a table that is not known
CREATE TABLE users (id int, "createdAt" date, "ID" int);
INSERT INTO users VALUES (1, '2024-02-29', 2);
SELECT df.start('SELECT * FROM users' |=> 'u' ~> 'SELECT $u.createdAt AS a, $u."createdAt" AS b, $u.id AS c, $u.ID AS d');
--> rows {"a": "2024-02-29", "b": "2024-02-29", "c": 1, "d": 2}
SELECT df.start('SELECT id, "createdAt" FROM users' |=> 'u' ~> 'SELECT $u.createdAt AS a, $u.Id AS c');
--> rows {"a": "2024-02-29", "c": 1}
SELECT df.start('SELECT * FROM users' |=> 'u' ~> 'SELECT $u.Id AS c');
--> rows {"c": 1}

-- [6.2] a reference in a name is part of the name which is warned of
SELECT df.start('SELECT 5 AS n' |=> 'r' ~> 'CREATE TABLE part_$r AS SELECT $r AS n' ~> 'SELECT n FROM "part_$r"');
--> warned PGD508, PGD508
--> rows {"n": 5}
SELECT df.start('SELECT 5 AS n' |=> 'r' ~> 'ALTER SEQUENCE log_n_seq RESTART WITH $r');
--> PGD209

-- [6.2] a statement without RETURNING has no value
SELECT df.start('UPDATE log SET note = ''x''' |=> 'r' ~> 'SELECT $r? AS v');
--> PGD208
SELECT df.start('UPDATE log SET note = ''x''' |=> 'r' ~> 'SELECT count(*) FROM $r.*');
--> PGD208
SELECT df.start(df.if('SELECT true', 'UPDATE log SET note = ''x''', 'SELECT 2 AS b') |=> 'r' ~> 'SELECT $r AS v');
--> PGD208
SELECT df.start(df.if('SELECT true', 'UPDATE log SET note = ''x''', 'SELECT 2 AS b') |=> 'r' ~> 'SELECT $r? AS v, $r.b? AS b');
--> rows {"v": null, "b": null}
SELECT df.start(df.if('SELECT false', 'UPDATE log SET note = ''x''', 'SELECT 2 AS b') |=> 'r' ~> 'SELECT $r? AS v, $r.b? AS b');
--> rows {"v": 2, "b": 2}
SELECT df.start(df.if('SELECT true', 'UPDATE log SET note = ''x''', df.sleep(1)) |=> 'r' ~> 'SELECT $r? AS v');
--> rows {"v": null}

-- [6] nothing is put into a label
SELECT df.setvar('x', 'wrong');
SELECT df.start('SELECT 5 AS n' |=> 'r' ~> 'SELECT ''{sys_label}'' AS label', 'label {x} $r');
--> rows {"label": "label {x} $r"}
