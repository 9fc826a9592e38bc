-- What is told of instances.

-- [16] the list has six columns and the newest come first
SELECT df.start('SELECT 1 AS n', 'first');
--> finished
SELECT df.start('SELECT 1 / 0', 'second');
--> failed 22012: division by zero
SELECT label, status, execution_count, output, function_name LIKE '%.df_start\_\_%' FROM df.list_instances() LIMIT 2;
--> is [["second", "failed", 1, "division by zero", true], ["first", "completed", 1, "{\"rows\": [{\"n\": 1}], \"row_count\": 1}", true]]

-- [16] each function has its columns
SELECT p.proname, string_agg(a.name || ' ' || a.type::regtype::text, ', ' ORDER BY a.place)
FROM pg_proc AS p, unnest(p.proargnames, p.proallargtypes, p.proargmodes) WITH ORDINALITY AS a (name, type, mode, place)
WHERE p.pronamespace = 'df'::regnamespace AND p.proname IN ('list_instances', 'instance_info', 'instance_executions', 'instance_nodes', 'metrics') AND a.mode = 't'
GROUP BY p.oid, p.proname
ORDER BY p.proname, p.pronargs;
--> is [
--  ["instance_executions", "execution_id bigint, status text, event_count bigint, duration_ms bigint, output text"],
--  ["instance_info", "instance_id text, label text, function_name text, function_version text, current_execution_id bigint, status text, output text"],
--  ["instance_nodes", "node_id text, node_type text, query text, result_name text, left_node text, right_node text, status text, result jsonb, status_details jsonb, inferred_status text, inferred_status_from_ancestor_id text, updated_at timestamp with time zone"],
--  ["instance_nodes", "execution_id bigint, node_id text, node_type text, query text, result_name text, left_node text, right_node text, status text, result jsonb, updated_at timestamp with time zone"],
--  ["list_instances", "instance_id text, label text, function_name text, status text, execution_count bigint, output text"],
--  ["list_instances", "instance_id text, label text, function_name text, status text, execution_count bigint, output text, created_at timestamp with time zone, completed_at timestamp with time zone, next_cursor text"],
--  ["metrics", "total_instances bigint, running_instances bigint, completed_instances bigint, failed_instances bigint, total_executions bigint, total_events bigint"]
--  ]

-- [16] a filter takes a status as it is spelt
SELECT df.start(df.sleep(60), 'asleep');
--> running
SELECT label FROM df.list_instances('running') WHERE instance_id = it();
--> is [["asleep"]]
SELECT (SELECT count(*) FROM df.list_instances('Running')), (SELECT count(*) FROM df.list_instances('canceled'));
--> is [[0, 0]]

-- [16] a list has a limit from one to a thousand
SELECT * FROM df.list_instances(NULL, 0);
--> refused 22023: limit_count must be at least 1
SELECT count(*) <= 1000 FROM df.list_instances(NULL, 1000);
--> is [[true]]
SELECT * FROM df.list_instances(NULL, 1001);
--> refused 22023: limit_count must be at most 1000, not 1001

-- [16] pages follow each other and the last has no cursor
SELECT df.start('SELECT 1', 'paged') FROM generate_series(1, 5);
CREATE TABLE page AS SELECT * FROM df.list_instances(NULL, 3, 'paged');
SELECT count(*), count(DISTINCT next_cursor), count(next_cursor) FROM page;
--> is [[3, 1, 3]]
CREATE TABLE next_page AS SELECT * FROM df.list_instances(NULL, 3, 'paged', (SELECT min(next_cursor) FROM page));
SELECT count(*), count(next_cursor), count(*) FILTER (WHERE instance_id IN (SELECT instance_id FROM page)) FROM next_page;
--> is [[2, 0, 0]]

-- [16] a last page that is full has no cursor
SELECT df.start('SELECT 1', 'full page') FROM generate_series(1, 3);
SELECT count(*), count(next_cursor) FROM df.list_instances(NULL, 3, 'full page');
--> is [[3, 0]]

-- [16] a cursor that is none is refused
SELECT * FROM df.list_instances(NULL, 3, NULL, 'zz');
--> refused 22023: df.list_instances: invalid after_cursor
SELECT * FROM df.list_instances(NULL, 3, NULL, encode('v2|2024-01-01T00:00:00Z|00000000', 'hex'));
--> refused 22023: df.list_instances: invalid after_cursor
SELECT * FROM df.list_instances(NULL, 3, NULL, encode('v1|yesterday, perhaps|00000000', 'hex'));
--> refused 22023: df.list_instances: invalid after_cursor
SELECT * FROM df.list_instances(NULL, 3, NULL, encode(convert_to('v1|2024-01-01T00:00:00Z|' || repeat('0', 300), 'UTF8'), 'hex'));
--> refused 22023: df.list_instances: invalid after_cursor
SELECT count(*) FROM df.list_instances(NULL, 3, NULL, encode(convert_to('v1|1924-01-01T00:00:00Z|' || repeat('0', 200), 'UTF8'), 'hex'));
--> is [[0]]

-- [16] one instance has one row and one that is not there has none
SELECT df.start('SELECT 1 AS n', 'a label');
--> finished
SELECT instance_id = it(), label, current_execution_id, status, output FROM df.instance_info(it());
--> is [[true, "a label", 1, "completed", "{\"rows\": [{\"n\": 1}], \"row_count\": 1}"]]
SELECT * FROM df.instance_info('00000000');
--> is []

-- [16] all ways to ask for a status agree
SELECT df.start(df.sleep(60));
SELECT df.status(it()), i.status, l.status FROM df.instance_info(it()) AS i JOIN df.list_instances() AS l USING (instance_id);
--> is [["pending", "pending", "pending"]]
SELECT 1;
--> running
SELECT df.status(it()), i.status, l.status, i.output FROM df.instance_info(it()) AS i JOIN df.list_instances() AS l USING (instance_id);
--> is [["running", "running", "running", null]]
SELECT df.cancel(it());
SELECT df.status(it()), i.status, l.status FROM df.instance_info(it()) AS i JOIN df.list_instances() AS l USING (instance_id);
--> is [["cancelled", "cancelled", "cancelled"]]

-- [16] completed_at is there for completed instances alone
SELECT df.start('SELECT 1', 'ended');
--> finished
SELECT df.start('SELECT 1 / 0', 'ended');
--> failed 22012: division by zero
SELECT df.start(df.sleep(60), 'ended');
SELECT df.cancel(it());
SELECT status, completed_at IS NOT NULL FROM df.list_instances(NULL, 10, 'ended');
--> is [["cancelled", false], ["failed", false], ["completed", true]]

-- [16] an instance has one execution in the engine's words
SELECT df.start(df.loop('INSERT INTO log (note) VALUES (1)', 'SELECT count(*) < 3 FROM log'));
--> finished
SELECT execution_id, status, event_count > 0, duration_ms >= 0 FROM df.instance_executions(it());
--> is [[1, "Completed", true, true]]
SELECT * FROM df.instance_executions('00000000');
--> is []
SELECT * FROM df.instance_executions(it(), 0);
--> refused 22023: limit_count must be at least 1

-- [16] nodes are those of the workflow with what the author wrote
SELECT df.start('SELECT 1 AS n' |=> 'r' ~> 'SELECT $r AS n');
--> finished
SELECT node_type, query, result_name, status, left_node IS NOT NULL, right_node IS NOT NULL FROM df.instance_nodes(it()) ORDER BY node_id;
--> is [["THEN", null, null, "completed", true, true], ["SQL", "SELECT 1 AS n", "r", "completed", false, false], ["SQL", "SELECT $r AS n", null, "completed", false, false]]

-- [16] the branch that was not taken is skipped
SELECT df.start(df.if('SELECT true', 'SELECT 1', 'SELECT 2'));
--> finished
SELECT query, status, inferred_status, inferred_status_from_ancestor_id IS NOT NULL FROM df.instance_nodes(it()) WHERE node_type = 'SQL' ORDER BY node_id;
--> is [["SELECT true", "completed", "completed", false], ["SELECT 1", "completed", "completed", false], ["SELECT 2", "pending", "skipped", true]]

-- [16] what stands right of a failure is skipped
SELECT df.start('SELECT 1 / 0' ~> 'SELECT 1');
--> failed 22012: division by zero
SELECT node_type, query, status, inferred_status, result FROM df.instance_nodes(it()) ORDER BY node_id;
--> is [["THEN", null, "failed", "failed", "division by zero"], ["SQL", "SELECT 1 / 0", "failed", "failed", "division by zero"], ["SQL", "SELECT 1", "pending", "skipped", null]]

-- [16] nothing of a clean sequence is skipped
SELECT df.start('SELECT 1' ~> 'SELECT 2' ~> 'SELECT 3');
--> finished
SELECT count(*), count(*) FILTER (WHERE inferred_status = 'completed') FROM df.instance_nodes(it());
--> is [[5, 5]]

-- [16] nodes that have not run are pending and the one that runs is running
SELECT df.start('SELECT 1' ~> df.sleep(60) ~> 'SELECT 3');
--> running
SELECT node_type, status FROM df.instance_nodes(it()) WHERE node_type <> 'THEN' ORDER BY node_id;
--> is [["SQL", "completed"], ["SLEEP", "running"], ["SQL", "pending"]]

-- [16] a node of a loop that its next turn has not reached again is pending
SELECT df.start(df.loop('SELECT 1 AS n' ~> df.sleep(60), 'SELECT true'));
--> running
--> after 61 seconds
SELECT coalesce(query, node_type), status, inferred_status, right(status_details ->> 'execution_id', 1) FROM df.instance_nodes(it()) WHERE node_type IN ('SQL', 'SLEEP') ORDER BY node_id;
--> is [["SELECT 1 AS n", "completed", "completed", "2"], ["60", "running", "running", "2"], ["SELECT true", "completed", "pending", "1"]]

-- [16] nodes of a cancelled instance
SELECT df.start('SELECT 1 AS n' ~> df.sleep(60) ~> 'SELECT 3 AS n');
--> running
SELECT df.cancel(it());
SELECT coalesce(query, node_type), status, inferred_status FROM df.instance_nodes(it()) WHERE node_type <> 'THEN' ORDER BY node_id;
--> is [["SELECT 1 AS n", "completed", "completed"], ["60", "cancelled", "cancelled"], ["SELECT 3 AS n", "pending", "skipped"]]

-- [16] the older form has all nodes
SELECT df.start('SELECT 1 AS n' ~> 'SELECT 2 AS n');
--> finished
SELECT execution_id, node_type, query, status FROM df.instance_nodes(it(), 1) ORDER BY node_id;
--> is [[1, "THEN", null, "completed"], [1, "SQL", "SELECT 1 AS n", "completed"], [1, "SQL", "SELECT 2 AS n", "completed"]]

-- [16] numbers of all instances are not for everybody
SELECT * FROM df.metrics();
--> refused 42501: permission denied for function metrics

-- [16] the version of the runtime
SELECT df.version() ~ '^[0-9]+\.[0-9]+\.[0-9]+';
--> is [[true]]

-- [16] the table of nodes is not there and that of instances a view
SELECT df.start('SELECT 1 AS n' ~> 'SELECT 2 AS n');
--> finished
SELECT to_regclass('df.nodes') IS NULL, n.node_type, n.query FROM df.instances AS i, df.instance_nodes(i.id) AS n WHERE i.id = it() AND n.node_type = 'SQL' ORDER BY n.node_id;
--> is [[true, "SQL", "SELECT 1 AS n"], [true, "SQL", "SELECT 2 AS n"]]
SELECT attname FROM pg_attribute WHERE attrelid = 'df.instances'::regclass ORDER BY attnum;
--> is [["id"], ["workflow"], ["version"], ["label"], ["key"], ["status"], ["owner"], ["starter"], ["created_at"], ["started_at"], ["ended_at"]]
