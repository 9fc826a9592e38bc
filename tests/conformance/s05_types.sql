-- Values of each type, in a result and read by a later step.

-- [5] numbers are numbers and exact
SELECT df.start('SELECT 1::int2 AS a, 2::int4 AS b, 9223372036854775807 AS c, 0.1::float8 AS d, 3.14::float4 AS e');
--> finished
SELECT df.result(it());
--> says
--  {"rows": [{"a": 1, "b": 2, "c": 9223372036854775807, "d": 0.1, "e": 3.14}], "row_count": 1}

-- [5] numeric is a number with its scale
SELECT df.start('SELECT 1.50 AS a, 0.00 AS b, 100::numeric AS c, 123456789012345678901234567890.123456789 AS d');
--> finished
SELECT df.result(it());
--> says
--  {"rows": [{"a": 1.50, "b": 0.00, "c": 100, "d": 123456789012345678901234567890.123456789}], "row_count": 1}
SELECT df.start('SELECT 1.50 AS n' |=> 'r' ~> 'SELECT $r * 2 AS n, $r::text AS t');
--> rows {"n": 3.00, "t": "1.50"}

-- [5] numbers that are none are text in a result and themselves in a step
SELECT df.start('SELECT ''NaN''::float8 AS a, ''-Infinity''::float8 AS b, ''NaN''::numeric AS c');
--> rows {"a": "NaN", "b": "-Infinity", "c": "NaN"}
SELECT df.start('SELECT ''NaN''::numeric AS a' |=> 'r' ~> 'SELECT $r = ''NaN''::numeric AS same, pg_typeof($r) AS t');
--> rows {"same": true, "t": "numeric"}

-- [5] truth values are truth values
SELECT df.start('SELECT true AS a, false AS b' |=> 'r' ~> 'SELECT $r.a AND NOT $r.b AS c, $r.a AS a');
--> rows {"c": true, "a": true}

-- [5] text of all kinds is text
SELECT df.start('SELECT ''a''::text AS a, ''b''::varchar(3) AS b, ''c''::char(3) AS c, ''d''::name AS d, ''ü "quoted" \'' AS e');
--> rows {"a": "a", "b": "b", "c": "c  ", "d": "d", "e": "ü \"quoted\" \\"}

-- [5] a uuid is its text
SELECT df.start('SELECT ''A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11''::uuid AS u' |=> 'r' ~> 'SELECT $r AS u, pg_typeof($r) AS t');
--> rows {"u": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "t": "uuid"}

-- [5] moments are ISO 8601 in UTC
SELECT df.start('SELECT timestamptz ''2024-06-15 14:30:00+02'' AS a, timestamptz ''2024-06-15 12:30:00.12Z'' AS b,
    timestamp ''2024-06-15 12:30:00.000001'' AS c, date ''2024-06-15'' AS d');
--> rows {"a": "2024-06-15T12:30:00+00:00", "b": "2024-06-15T12:30:00.12+00:00", "c": "2024-06-15T12:30:00.000001", "d": "2024-06-15"}

-- [5] infinite dates are values
SELECT df.start('SELECT date ''infinity'' AS a, timestamptz ''-infinity'' AS b' |=> 'r' ~> 'SELECT isfinite($r.a) AS a, $r.b < now() AS b');
--> rows {"a": false, "b": true}

-- [5] JSON is JSON
SELECT df.start('SELECT ''{"a": [1, "x", null]}''::json AS a, ''12345678901234567890.5''::jsonb AS b, ''null''::jsonb AS c');
--> rows {"a": {"a": [1, "x", null]}, "b": 12345678901234567890.5, "c": null}

-- [5] NULL of any type is null and its key is there
SELECT df.start('SELECT NULL::int AS a, NULL::text AS b, NULL::jsonb AS c, NULL::uuid AS d, NULL::timestamptz AS e');
--> rows {"a": null, "b": null, "c": null, "d": null, "e": null}

-- [5] void is empty text
SELECT df.start('SELECT pg_sleep(0) AS v');
--> rows {"v": ""}

-- [5] types that pg_durable refuses are kept
SELECT df.start('SELECT ''\x00ff''::bytea AS a, ARRAY[1, NULL] AS b, interval ''1 day 2 hours'' AS c, time ''12:30'' AS d,
    inet ''10.0.0.1/8'' AS e, 12.5::money > 0::money AS f, ''pg_class''::regclass AS g,
    ROW(1, ''x'') AS i, int4range(1, 5) AS j, ''a b''::tsvector AS k, point(1, 2) AS l, ''x''::"char" AS m');
--> rows {"a": "\\x00ff", "b": [1, null], "c": "1 day 02:00:00", "d": "12:30:00", "e": "10.0.0.1/8", "f": true, "g": "pg_class", "i": {"f1": 1, "f2": "x"}, "j": "[1,5)", "k": "'a' 'b'", "l": "(1,2)", "m": "x"}

-- [5] and come back as they were
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
SELECT df.start('SELECT ''\x00ff''::bytea AS a, ARRAY[[1, 2], [3, NULL]] AS b, interval ''-1 mon'' AS c, timetz ''12:30+01'' AS d,
        ''happy''::mood AS e, ROW(1, ''x,"y'')::pair AS f, 5::positive AS g, int4range(1, 5) AS h' |=> 'r'
    ~> 'SELECT length($r.a) AS a, $r.b[2][1] AS b, $r.c::text AS c, $r.d::text AS d, $r.e > ''sad'' AS e, ($r.f).b AS f,
        pg_typeof($r.g)::text LIKE ''%positive'' AS g, upper($r.h) AS h');
--> rows {"a": 2, "b": 3, "c": "-1 mons", "d": "12:30:00+01", "e": true, "f": "x,\"y", "g": true, "h": 5}

-- [5] a value that JSON cannot hold is refused before the step commits
SELECT df.start('INSERT INTO log (note) VALUES (''x'') RETURNING ''{"a": "\u0000"}''::json AS j' |=> 'r' ~> 'SELECT $r.j');
--> failed 22P05: unsupported Unicode escape sequence
SELECT count(*) FROM log;
--> is [[0]]

-- [5] of two columns with one name the second is called by its place
SELECT df.start('SELECT 1 AS a, ''x'' AS a, 3 AS b');
--> rows {"a": 1, "a_2": "x", "b": 3}
SELECT df.start('SELECT 1, ''a''');
--> rows {"?column?": 1, "?column?_2": "a"}

-- [5] columns that have no name are called as PostgreSQL calls them
SELECT df.start('SELECT count(*), max(n), CASE WHEN true THEN 1 END, EXISTS (SELECT), n::text, now() IS NOT NULL FROM log GROUP BY n');
--> rows
SELECT df.start('SELECT count(*), coalesce(NULL, 2), CASE WHEN true THEN 1 END, EXISTS (SELECT)' |=> 'r'
    ~> 'SELECT $r.count + $r.coalesce + $r.case AS n, $r.exists AS e');
--> rows {"n": 4, "e": true}

-- [5] rows without columns are counted
SELECT df.start('SELECT FROM generate_series(1, 2)');
--> completed {"rows": [], "row_count": 2}

-- [5] rows keep their order and there is no limit to them
SELECT df.start('SELECT 20000 - n AS n FROM generate_series(1, 20000) AS n' |=> 'r' ~> 'SELECT count(*) AS c, $r.n AS first FROM $r.*');
--> rows {"c": 20000, "first": 19999}

-- [5] rows of a statement with RETURNING and a star
SELECT df.start('INSERT INTO log (note) VALUES (''a''), (''b'') RETURNING *' |=> 'r' ~> 'SELECT $r.n + 1 AS n, $r.note AS t, $r.row_count AS c, (SELECT string_agg(note, ''+'') FROM $r.*) AS s');
--> rows {"n": 2, "t": "a", "c": 2, "s": "a+b"}
SELECT df.start('UPDATE log SET note = ''c'' WHERE note = ''b'' RETURNING *');
--> rows {"n": 2, "note": "c"}
SELECT df.start('WITH gone AS (DELETE FROM log RETURNING *) SELECT * FROM gone ORDER BY n' |=> 'r' ~> 'SELECT $r.note AS t');
--> rows {"t": "a"}
SELECT df.start('UPDATE log SET note = ''c'' RETURNING *' |=> 'r' ~> df.if_rows('r', 'SELECT $r.n AS n', 'SELECT $r.n? AS n, (SELECT count(*) FROM $r.*) AS c'));
--> rows {"n": null, "c": 0}
SELECT df.start('UPDATE log SET note = ''c'' RETURNING *' |=> 'r' ~> 'SELECT $r.n AS n');
--> failed 22004: has no row

-- [5] the rows of SQL that an expression gives
SELECT df.start(df.sql(format('INSERT INTO %I (note) VALUES (%L) RETURNING n, note, now() AS at', 'log', 'x')) |=> 'r'
    ~> 'SELECT $r.n AS n, $r.note AS t, $r.at::timestamptz <= now() AS past');
--> rows {"n": 1, "t": "x", "past": true}
SELECT df.start(df.sql(format('WITH w AS (SELECT %s AS n) SELECT n FROM w', 7)) |=> 'r' ~> 'SELECT $r.n AS n');
--> rows {"n": 7}
SELECT df.start(df.sql(format('DELETE FROM %I', 'log')) |=> 'r' ~> 'SELECT $r.row_count AS n');
--> rows {"n": 1}
SELECT df.start(df.sql(format('CREATE TABLE %I ()', 'made')) |=> 'r' ~> 'SELECT $r.row_count AS n');
--> rows {"n": 0}

-- [5] the row of a procedure with parameters that are OUT
CREATE PROCEDURE double(INOUT a int) LANGUAGE plpgsql AS $$ BEGIN a := a * 2; END $$;
CREATE PROCEDURE quiet() LANGUAGE sql AS $$ INSERT INTO log (note) VALUES ('called') $$;
SELECT df.start('SELECT 5 AS n' |=> 'r' ~> 'CALL double($r)' |=> 'out' ~> 'SELECT $out.a AS a');
--> rows {"a": 10}
SELECT df.start('CALL double(4)');
--> rows {"a": 8}
SELECT df.start('CALL quiet()');
--> completed {"rows": [], "row_count": 0}
SELECT count(*) FROM log;
--> is [[1]]
CREATE WORKFLOW calls() AS 'CALL double(4)' |=> out ~> 'SELECT $out.a + 1 AS a';
SELECT calls();
--> rows {"a": 9}
