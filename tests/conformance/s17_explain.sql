-- Workflows as trees.

-- [17] each node has its line
SELECT df.explain('SELECT 1' ~> df.sleep(5) ~> df.wait_for_schedule('*/5 * * * *') ~> df.wait_for_signal('go') ~> df.wait_for_signal('in time', 60));
--> says
--  SQL: SELECT 1
--  → SLEEP 5s
--  → WAIT '*/5 * * * *'
--  → SIGNAL 'go'
--  → SIGNAL 'in time' (60s)

-- [17] names of results stand behind their nodes
SELECT df.explain('SELECT 1' |=> 'a' ~> df.sleep(1) |=> 'b' ~> ('SELECT 2' & 'SELECT 3') |=> 'c' ~> ('SELECT 4' | 'SELECT 5') |=> 'd');
--> says
--  SQL: SELECT 1 |=> 'a'
--  → SLEEP 1s |=> 'b'
--  → JOIN (2) |=> 'c'
--      ║ branch 1:
--        SQL: SELECT 2
--      ║ branch 2:
--        SQL: SELECT 3
--  → RACE
--      ║ branch 1:
--        SQL: SELECT 4
--      ║ branch 2:
--        SQL: SELECT 5

-- [17] the branches of an if
SELECT df.explain(df.if('SELECT true', 'SELECT 1', 'SELECT 2' ~> 'SELECT 3'));
--> says
--  IF
--      ? condition:
--        SQL: SELECT true
--      ✓ then:
--        SQL: SELECT 1
--      ✗ else:
--        SQL: SELECT 2
--        → SQL: SELECT 3

-- [17] loops and breaks
SELECT df.explain(df.loop(df.if('SELECT true', df.break('{"a": 1}'), 'SELECT 1'), 'SELECT false') ~> 'SELECT 2');
--> says
--  LOOP (while)
--      ↻ body:
--        IF
--            ? condition:
--              SQL: SELECT true
--            ✓ then:
--              BREAK '{"a": 1}'
--            ✗ else:
--              SQL: SELECT 1
--      ? while:
--        SQL: SELECT false
--  → SQL: SELECT 2
SELECT df.explain(@> 'SELECT 1');
--> says
--  LOOP (infinite)
--      ↻ body:
--        SQL: SELECT 1

-- [17] joins and races in each other
SELECT df.explain(df.join('SELECT 1', df.race('SELECT 2', df.sleep(60)), 'SELECT 3' ~> 'SELECT 4'));
--> says
--  JOIN (3)
--      ║ branch 1:
--        SQL: SELECT 1
--      ║ branch 2:
--        RACE
--            ║ branch 1:
--              SQL: SELECT 2
--            ║ branch 2:
--              SLEEP 60s
--      ║ branch 3:
--        SQL: SELECT 3
--        → SQL: SELECT 4

-- [17] long SQL is cut
SELECT df.explain('SELECT ''this is a statement that goes on and on and on'', ''ü'' AS longer_than_the_line');
--> says
--  SQL: SELECT 'this is a statement that goes on and on...
SELECT df.explain('SELECT ''ääääääääääääääääääääääääääääääääääääääääääääääääääääääääääää''');
--> says
--  SQL: SELECT 'äääääääääääääääääääääääääääääääääääääää...

-- [17] the text of an expression is explained as the expression
SELECT df.explain('''SELECT 1'' ~> df.sleep(5)');
--> says
--  SQL: SELECT 1
--  → SLEEP 5s

-- [17] nothing runs and nothing is kept
SELECT df.explain('INSERT INTO log (note) VALUES (''explained'')' ~> 'SELECT 1');
SELECT (SELECT count(*) FROM log WHERE note = 'explained'), (SELECT count(*) FROM df.workflow_version WHERE source LIKE '%''explained''%');
--> is [[0, 0]]

-- [17] an instance has a head and marks
SELECT df.start('SELECT 1 AS n' ~> df.if('SELECT true', 'SELECT 2 AS n', 'SELECT 3 AS n'), 'with a label');
--> finished
SELECT replace(df.explain(it()), it(), '<id>');
--> says
--  Instance: <id> (with a label)
--  Status:   ✓ Completed
--  Output:   {"rows": [{"n": 2}], "row_count": 1}
--
--  SQL: SELECT 1 AS n ✓
--  → IF ✓
--      ? condition:
--        SQL: SELECT true ✓
--      ✓ then:
--        SQL: SELECT 2 AS n ✓
--      ✗ else:
--        SQL: SELECT 3 AS n ⊘
SELECT df.explain(upper(it())) = df.explain(it()), df.explain('  ' || it() || ' ') = df.explain(it());
--> is [[true, true]]

-- [17] what is no instance
SELECT df.explain('00000000');
--> says
--  Instance '00000000' not found
SELECT df.explain('nothing');
--> says
--  Cannot explain input: 'nothing' is neither an instance nor a workflow that you can see here.

-- [17] an instance that sleeps
SELECT df.start('SELECT 1' ~> df.sleep(60) ~> 'SELECT 2');
--> running
SELECT replace(df.explain(it()), it(), '<id>');
--> says
--  Instance: <id>
--  Status:   ⏳ Running
--
--  SQL: SELECT 1 ✓
--  → SLEEP 60s ⏳
--  → SQL: SELECT 2 ○

-- [17] an instance that failed
SELECT df.start('SELECT 1' ~> 'SELECT 1 / 0' ~> 'SELECT 2');
--> failed 22012: division by zero
SELECT replace(df.explain(it()), it(), '<id>');
--> says
--  Instance: <id>
--  Status:   ✗ Failed
--  Output:   division by zero
--
--  SQL: SELECT 1 ✓
--  → SQL: SELECT 1 / 0 ✗
--  → SQL: SELECT 2 ⊘
