-- What holds as a condition. A case for each kind of value: what holds ends with 1.

-- [7] no row does not hold
SELECT df.start(df.if('SELECT true WHERE false', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 0}

-- [7] the first column of the first row counts
SELECT df.start(df.if('SELECT n > 1, true FROM generate_series(1, 2) AS n', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 0}
SELECT df.start(df.if('SELECT n = 1, false FROM generate_series(1, 2) AS n', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 1}

-- [7] a row without columns holds
SELECT df.start(df.if('SELECT FROM generate_series(1, 2)', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 1}

-- [7] a boolean is what it is
SELECT df.start(df.if('SELECT true', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 1}
SELECT df.start(df.if('SELECT false', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 0}

-- [7] NULL does not hold
SELECT df.start(df.if('SELECT NULL', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 0}
SELECT df.start(df.if('SELECT NULL::boolean', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 0}
SELECT df.start(df.if('SELECT max(n) FROM log', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 0}

-- [7] a number holds unless it is zero
SELECT df.start(df.if('SELECT 0', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 0}
SELECT df.start(df.if('SELECT -1', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 1}
SELECT df.start(df.if('SELECT 0.0', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 0}
SELECT df.start(df.if('SELECT 0.001', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 1}
SELECT df.start(df.if('SELECT 0::numeric(9, 4)', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 0}
SELECT df.start(df.if('SELECT ''NaN''::float8', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 1}
SELECT df.start(df.if('SELECT ''Infinity''::float8', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 1}

-- [7] empty text and blanks do not hold
SELECT df.start(df.if('SELECT ''''', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 0}
SELECT df.start(df.if('SELECT ''  ''', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 0}

-- [7] words for false do not hold in any case
SELECT df.start(df.if('SELECT ''false''', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 0}
SELECT df.start(df.if('SELECT '' F ''', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 0}
SELECT df.start(df.if('SELECT ''No''', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 0}

-- [7] words for true hold
SELECT df.start(df.if('SELECT ''true''', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 1}
SELECT df.start(df.if('SELECT ''T''', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 1}
SELECT df.start(df.if('SELECT ''yes''', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 1}

-- [7] text that is a number counts as one
SELECT df.start(df.if('SELECT ''0''', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 0}
SELECT df.start(df.if('SELECT ''0.00''', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 0}
SELECT df.start(df.if('SELECT ''-0e5''', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 0}
SELECT df.start(df.if('SELECT ''1e-5''', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 1}
SELECT df.start(df.if('SELECT ''nan''', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 1}
SELECT df.start(df.if('SELECT ''inf''', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 1}

-- [7] any other text holds
SELECT df.start(df.if('SELECT ''off''', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 1}
SELECT df.start(df.if('SELECT ''n''', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 1}
SELECT df.start(df.if('SELECT ''null''', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 1}
SELECT df.start(df.if('SELECT ''0x0''', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 1}
SELECT df.start(df.if('SELECT ''x''', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 1}

-- [7] a JSON array or object holds unless it is empty
SELECT df.start(df.if('SELECT ''[]''::jsonb', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 0}
SELECT df.start(df.if('SELECT ''{}''::json', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 0}
SELECT df.start(df.if('SELECT ''[0]''::jsonb', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 1}
SELECT df.start(df.if('SELECT ''{"a": null}''::jsonb', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 1}

-- [7] a JSON scalar counts as what it is
SELECT df.start(df.if('SELECT ''false''::jsonb', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 0}
SELECT df.start(df.if('SELECT ''null''::jsonb', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 0}
SELECT df.start(df.if('SELECT ''0''::json', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 0}
SELECT df.start(df.if('SELECT ''"no"''::jsonb', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 0}
SELECT df.start(df.if('SELECT ''"x"''::jsonb', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 1}

-- [7] an array holds unless it is empty
SELECT df.start(df.if('SELECT ''{}''::int[]', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 0}
SELECT df.start(df.if('SELECT ARRAY[0]', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 1}

-- [7] a value of another type counts as its text
SELECT df.start(df.if('SELECT date ''2024-02-29''', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 1}
SELECT df.start(df.if('SELECT interval ''0''', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 1}

-- [7] a statement without columns holds if it affected a row
SELECT df.start(df.if('INSERT INTO log (note) VALUES (''x'')', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 1}
SELECT df.start(df.if('UPDATE log SET note = ''y'' WHERE note = ''x''', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 1}
SELECT df.start(df.if('DELETE FROM log WHERE note = ''x''', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 0}

-- [7] with RETURNING its first value counts
SELECT df.start(df.if('INSERT INTO log (note) VALUES (''x'') RETURNING false', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 0}
SELECT df.start(df.if('DELETE FROM log WHERE note = ''y'' RETURNING true', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 0}
-- [7] a condition may be any step
SELECT df.start(df.if(df.sleep(1), 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 1}
SELECT df.start(df.if('SELECT false' & 'SELECT false', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 1}
SELECT df.start(df.if(df.sleep(5) | 'SELECT false', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 0}
SELECT df.start(df.if(@> df.break('0'), 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 0}
SELECT df.start(df.if('SELECT true' ~> 'SELECT false', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 0}

-- [7] a signal holds also when it timed out which is warned of
SELECT df.start(df.if(df.wait_for_signal('go', 1), 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> warned PGD414
--> rows {"held": 1}

-- [7] if_rows asks whether a result has rows
SELECT df.start('SELECT 1 WHERE false' |=> 'r' ~> df.if_rows('r', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 0}
SELECT df.start('SELECT false' |=> 'r' ~> df.if_rows('r', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 1}

-- [7] if_rows counts the rows that a statement affected
SELECT df.start('INSERT INTO log (note) VALUES (1)' |=> 'r' ~> df.if_rows('r', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 1}
SELECT df.start('DELETE FROM log WHERE false' |=> 'r' ~> df.if_rows('r', 'SELECT 1 AS held', 'SELECT 0 AS held'));
--> rows {"held": 0}

-- [7] if_rows of an unknown name is found before anything runs
SELECT df.start(df.if_rows('nobody', 'SELECT 1', 'SELECT 2'));
--> PGD201

-- [7] if_rows of a result that has no rows is found before anything runs
SELECT df.start(df.wait_for_signal('go') |=> 'r' ~> df.if_rows('r', 'SELECT 1', 'SELECT 2'));
--> PGD409

-- [7] a loop goes on while its condition holds
SELECT df.start(df.loop('INSERT INTO log (note) VALUES (1) RETURNING n', 'SELECT n - 3 FROM log ORDER BY n DESC LIMIT 1'));
--> rows {"n": 3}
