-- How chains of operators are read: by PostgreSQL's one precedence, and with a warning where the documented table would
-- read them differently. The trees are those of what is compiled.

-- [2] a join is as loose as a sequence
SELECT df.explain('SELECT 1' ~> 'SELECT 2' & 'SELECT 3');
--> warned PGD110
--> says
--  JOIN (2)
--      ║ branch 1:
--        SQL: SELECT 1
--        → SQL: SELECT 2
--      ║ branch 2:
--        SQL: SELECT 3

-- [2] a join that comes first is no question
SELECT df.explain('SELECT 1' & 'SELECT 2' ~> 'SELECT 3');
--> says
--  JOIN (2)
--      ║ branch 1:
--        SQL: SELECT 1
--      ║ branch 2:
--        SQL: SELECT 2
--  → SQL: SELECT 3

-- [2] a race and then a join
SELECT df.explain('SELECT 1' | 'SELECT 2' & 'SELECT 3');
--> warned PGD110
--> says
--  JOIN (2)
--      ║ branch 1:
--        RACE
--            ║ branch 1:
--              SQL: SELECT 1
--            ║ branch 2:
--              SQL: SELECT 2
--      ║ branch 2:
--        SQL: SELECT 3

-- [2] a join and then a race
SELECT df.explain('SELECT 1' & 'SELECT 2' | 'SELECT 3');
--> says
--  RACE
--      ║ branch 1:
--        JOIN (2)
--            ║ branch 1:
--              SQL: SELECT 1
--            ║ branch 2:
--              SQL: SELECT 2
--      ║ branch 2:
--        SQL: SELECT 3

-- [2] a name belongs to all that stands left of it
SELECT df.explain('SELECT 1' |=> 'x' & 'SELECT 2' |=> 'y');
--> warned PGD110
--> says
--  JOIN (2) |=> 'y'
--      ║ branch 1:
--        SQL: SELECT 1 |=> 'x'
--      ║ branch 2:
--        SQL: SELECT 2

-- [2] a name in a race
SELECT df.explain('SELECT 1' |=> 'x' | 'SELECT 2' |=> 'y' ~> 'SELECT 3');
--> warned PGD110
--> says
--  RACE
--      ║ branch 1:
--        SQL: SELECT 1 |=> 'x'
--      ║ branch 2:
--        SQL: SELECT 2
--  → SQL: SELECT 3

-- [2] a name behind a sequence
SELECT df.explain('SELECT 1' ~> 'SELECT 2' |=> 'x' ~> 'SELECT 3');
--> says
--  SQL: SELECT 1
--  → SQL: SELECT 2 |=> 'x'
--  → SQL: SELECT 3

-- [2] an if takes the whole sequence as its condition and what follows follows it
SELECT df.explain('SELECT 1' ~> 'SELECT true' ?> 'SELECT 2' !> 'SELECT 3' ~> 'SELECT 4');
--> warned PGD110
--> says
--  SQL: SELECT 1
--  → IF
--      ? condition:
--        SQL: SELECT true
--      ✓ then:
--        SQL: SELECT 2
--      ✗ else:
--        SQL: SELECT 3
--  → SQL: SELECT 4

-- [2] a sequence in a branch needs parentheses
SELECT df.explain('SELECT true' ?> 'SELECT 1' ~> 'SELECT 2' !> 'SELECT 3');
--> PGD111

-- [2] a loop takes one operand
SELECT df.explain(@> 'SELECT 1' ~> 'SELECT 2');
--> PGD408

-- [2] a loop in a sequence takes one operand
SELECT df.explain('SELECT 1' ~> @> 'SELECT 2' ~> 'SELECT 3');
--> PGD408

-- [2] a loop of a group in a race
SELECT df.explain(@> ('SELECT 1' ~> 'SELECT 2') | 'SELECT 3');
--> says
--  RACE
--      ║ branch 1:
--        LOOP (infinite)
--            ↻ body:
--              SQL: SELECT 1
--              → SQL: SELECT 2
--      ║ branch 2:
--        SQL: SELECT 3

-- [2] the name of a loop
SELECT df.explain(@> 'SELECT 1' |=> 'x');
--> warned PGD110
--> says
--  LOOP (infinite) |=> 'x'
--      ↻ body:
--        SQL: SELECT 1

-- [2] an if behind an if is no else if
SELECT df.explain('SELECT true' ?> 'SELECT 1' !> 'SELECT false' ?> 'SELECT 2' !> 'SELECT 3');
--> warned PGD110
--> says
--  IF
--      ? condition:
--        IF
--            ? condition:
--              SQL: SELECT true
--            ✓ then:
--              SQL: SELECT 1
--            ✗ else:
--              SQL: SELECT false
--      ✓ then:
--        SQL: SELECT 2
--      ✗ else:
--        SQL: SELECT 3

-- [2] an else if is written in parentheses
SELECT df.explain('SELECT true' ?> 'SELECT 1' !> ('SELECT false' ?> 'SELECT 2' !> 'SELECT 3'));
--> says
--  IF
--      ? condition:
--        SQL: SELECT true
--      ✓ then:
--        SQL: SELECT 1
--      ✗ else:
--        IF
--            ? condition:
--              SQL: SELECT false
--            ✓ then:
--              SQL: SELECT 2
--            ✗ else:
--              SQL: SELECT 3

-- [2] a chain of joins nests
SELECT df.explain('SELECT 1' & 'SELECT 2' & 'SELECT 3');
--> says
--  JOIN (2)
--      ║ branch 1:
--        JOIN (2)
--            ║ branch 1:
--              SQL: SELECT 1
--            ║ branch 2:
--              SQL: SELECT 2
--      ║ branch 2:
--        SQL: SELECT 3

-- [2] a chain of races nests
SELECT df.explain('SELECT 1' | 'SELECT 2' | 'SELECT 3');
--> says
--  RACE
--      ║ branch 1:
--        RACE
--            ║ branch 1:
--              SQL: SELECT 1
--            ║ branch 2:
--              SQL: SELECT 2
--      ║ branch 2:
--        SQL: SELECT 3

-- [2] the same chain runs as it is read
SELECT df.start('SELECT 1 AS n' |=> 'x' & 'SELECT 2 AS n' |=> 'y' ~> 'SELECT $x AS x, jsonb_array_length($y) AS y');
--> warned PGD110
--> rows {"x": 1, "y": 2}
SELECT df.start('SELECT 0' ~> 'SELECT false' ?> 'SELECT 1 AS n' !> 'SELECT 2 AS n' |=> 'r' ~> 'SELECT $r + 10 AS n');
--> warned PGD110
--> rows {"n": 12}

-- [2] in a declaration a chain with two readings is an error
CREATE WORKFLOW w() AS 'SELECT 1' ~> 'SELECT 2' & 'SELECT 3';
--> PGD110

-- [2] a loop behind another operator needs a space
SELECT df.start('SELECT 1' ~>@> 'SELECT 2');
--> PGD112

-- [2] a comment ends an operator
SELECT df.start('SELECT 1 AS n' ~>-- @>
    'SELECT 2 AS n' ~>/* @> */ @>/* */(df.break('3')));
--> completed 3

-- [2] text put together beside a workflow operator needs parentheses
SELECT df.start('SELECT 1' ~> 'SELECT ' || 2);
--> PGD113
SELECT df.start(@> 'SELECT ' || 1 ~> 'SELECT 2');
--> PGD113
SELECT df.start('SELECT ' || 1 IS NULL ~> 'SELECT 2');
--> PGD113
SELECT df.start('SELECT 1' ~> 'SELECT ' OPERATOR(pg_catalog.||) '2');
--> PGD113
SELECT df.start('SELECT 1' ~> ('SELECT ' || 2 || ' AS n'));
--> rows {"n": 2}
SELECT df.start('SELECT 1' ~> ('SELECT ' OPERATOR(pg_catalog.||) 2 || ' AS n'));
--> rows {"n": 2}

-- [2] text put together at the beginning of a chain needs no parentheses
SELECT df.start('SELECT ' || 1 || ' AS n' |=> 'r' ~> 'SELECT $r.n::int + 1 AS n');
--> rows {"n": 2}
SELECT df.start('SELECT 0 AS n' & ('SELECT ' || 1 || ' AS n' ~> 'SELECT 2 AS n'));
--> completed [{"rows": [{"n": 0}], "row_count": 1}, {"rows": [{"n": 2}], "row_count": 1}]

-- [2] a choice of text is a step and a choice of steps is none
SELECT df.start(CASE WHEN 1 = 1 THEN 'SELECT 1 AS n' ELSE 'SELECT 2 AS n' END |=> 'r' ~> 'SELECT $r.n::int + 1 AS n');
--> rows {"n": 2}
SELECT df.start(CASE WHEN true THEN 'SELECT 1' ~> 'SELECT 2' END);
--> PGD501
SELECT df.start(CASE WHEN 1 = 1 THEN 'SELECT 1' ~> 'SELECT 2' ELSE 'SELECT 3' END);
--> PGD501

-- [2] tighter operators need no parentheses
SELECT df.start('SELECT 1' ~> 'SELECT 2 AS n'::text);
--> rows {"n": 2}
SELECT df.start('SELECT 1' ~> 'SELECT 2 AS n' COLLATE "C");
--> rows {"n": 2}
SELECT df.start('SELECT 1' ~> (ARRAY['SELECT 1', 'SELECT 2 AS n'])[1 + 1]);
--> rows {"n": 2}

-- [2] looser ones would take the workflow apart
SELECT df.start('SELECT 1' ~> 'SELECT 2' = 'x');
--> PGD113
SELECT df.start('SELECT 1' ~> 'SELECT 2' IS NULL);
--> PGD113
SELECT df.start('SELECT 1' ~> 'SELECT 2' LIKE '%');
--> PGD113
SELECT df.start('SELECT 1' ~> 'SELECT 2' IN ('x'));
--> PGD113
SELECT df.start('SELECT 1' ~> 'SELECT 2' BETWEEN 'a' AND 'b');
--> PGD113
SELECT df.start('SELECT 1' ~> 'SELECT 2' <= 'x');
--> PGD113
SELECT df.start('SELECT 1' ~> 'SELECT 2' AND true);
--> PGD113
SELECT df.start(NOT 'SELECT 1' ~> 'SELECT 2');
--> PGD113

-- [2] two strings are steps and neither bits nor addresses
SELECT df.start('101' & '011');
--> PGD301, PGD301
SELECT df.start('SELECT 1 AS n' | 'SELECT 1 AS n');
--> rows {"n": 1}

-- [2] operators outside of calls are PostgreSQL's
SELECT ARRAY[1, 2] @> ARRAY[1], 6 & 3, 6 | 3;
--> is [[true, 2, 7]]
SELECT df.start('SELECT ARRAY[1, 2] @> ARRAY[1] AS a, ''{"a": 1}''::jsonb ? ''a'' AS b');
--> rows {"a": true, "b": true}

-- [2] no operators are installed
SELECT 'SELECT 1' ~> 'SELECT 2';
--> warned PGD507
--> refused 42883: operator does not exist: unknown ~> unknown

-- [2] NULL as a step is an error and does not make the call NULL
SELECT df.start(NULL ~> 'SELECT 1');
--> PGD115
SELECT df.start(given ~> 'SELECT 1') FROM (VALUES (NULL::text)) AS v (given);
--> refused PD003: the SQL text of a step is NULL

-- [2] NULL as a name is an error and no name
SELECT df.start('SELECT 1 AS n' |=> NULL ~> 'SELECT 2 AS n');
--> PGD117
SELECT df.start(df.as('SELECT 1 AS n', null));
--> PGD117
SELECT df.start('SELECT 1 AS n' |=> 'r' ~> df.if_rows(NULL, 'SELECT 1', 'SELECT 2'));
--> PGD117
SELECT df.start('SELECT 1 AS n' |=> 'null' ~> 'SELECT $null AS n');
--> rows {"n": 1}

-- [2] what is no text is no step
SELECT df.start(1);
--> PGD115
SELECT df.start('SELECT 1' ~> (1 < 2));
--> PGD115

-- [2] a then without an else is found before anything runs
SELECT df.start('SELECT true' ?> 'SELECT 1' ~> 'SELECT 2');
--> PGD111

-- [2] an else without a then is found before anything runs
SELECT df.start('SELECT 1' !> 'SELECT 2');
--> PGD111

-- [3] a step may be any operand
SELECT df.start(df.seq('SELECT 1', df.if('SELECT true', 'SELECT 2 AS n', df.sleep(1))));
--> rows {"n": 2}

-- [3] a graph that an expression gives is refused
SELECT df.start(given) FROM (VALUES ('{"node_type": "SQL", "query": "SELECT 1"}')) AS v (given);
--> refused PD003: a workflow cannot be started from its JSON graph
SELECT df.start(given) FROM (VALUES (jsonb_build_object('node_type', 'THEN', 'left_node', jsonb_build_object('query', 'SELECT 1'))::text)) AS v (given);
--> refused PD003: a workflow cannot be started from its JSON graph
SELECT df.start('{"left_node": {"query": "SELECT 1", "node_type": "SQL"}, "node_type": "THEN"}');
--> PGD504

-- [3] a helper is no step
SELECT df.start('SELECT 1' ~> df.setvar('a', 'b'));
--> PGD120
SELECT df.start(df.await_instance('12345678'));
--> PGD120

-- [3] a variable may hold the SQL of a step
SELECT df.setvar('query', 'SELECT 5 AS n');
SELECT df.start('SELECT 1' ~> df.getvar('query'));
--> rows {"n": 5}
