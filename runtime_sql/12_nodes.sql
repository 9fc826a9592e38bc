---------------------------------------------------------------------------------------------------------------------
-- The nodes of an instance, and the tree that df.explain prints
---------------------------------------------------------------------------------------------------------------------
-- The compiler leaves the tree of a workflow's nodes with its version (df.workflow_version.graph). The machine knows nothing of it: it runs numbered states,
-- and nobody writes a row for each node. So what became of a node is worked out here, when somebody asks.
--
-- States are numbered in the order of the source, and a node is a range of them: a step one state, a sequence those of its parts, a join the fork, the
-- branches and the gathering. A task that stands within the range is in that node; one that was there and stands behind it, or has ended, has completed it; if it
-- failed or was stopped there, so has the node. The first state of a range is where the node begins, so the last task that came to that state is the one to ask.
--
-- Loops and branches run a state many times. Which run was last tells its *path*: the seq of the run, in a branch behind the path of its fork and its number.
-- Paths compare as arrays do. A node whose last run came before the last beginning of a loop around it belongs to an iteration that is over.

-- An earlier runtime drew the tree with it.
DROP FUNCTION IF EXISTS df.explain_node_v1(jsonb, integer, text, jsonb);

-- The nodes of a graph in the order of the source, each before those within it, as pg_durable counts them: a sequence is a THEN of two for each arrow. body: what
-- the graph says of the node itself.
CREATE OR REPLACE FUNCTION df.graph_nodes_v1(p_graph jsonb)
RETURNS TABLE (node bigint, parent integer, role text, kind text, body jsonb, first_state integer, last_state integer)
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- Out of its compressed form once.
    graph CONSTANT jsonb := p_graph || '{}';
    -- What is to be visited: where it stands in the graph, below which node, and as what. A workflow may be as deep as it is long.
    paths text[] := ARRAY['{}'];
    above integer[] := ARRAY[0];
    as_what text[] := ARRAY['root'];
    top integer := 1;
    path text[];
    subtree jsonb;
    own jsonb;
    inner_path text[];
    parts integer;
    this_parent integer;
    this_role text;
    state integer;
    count integer := 0;
    parents integer[] := '{}';
    roles text[] := '{}';
    kinds text[] := '{}';
    bodies jsonb[] := '{}';
    firsts integer[] := '{}';
    lasts integer[] := '{}';
BEGIN
    WHILE top > 0 LOOP
        path := paths[top]::text[];
        this_parent := above[top];
        this_role := as_what[top];
        top := top - 1;
        subtree := graph #> path;
        parts := coalesce(jsonb_array_length(subtree -> 'parts'), 0);
        IF subtree ->> 'node' = 'sequence' AND parts < 2 THEN
            IF parts = 1 THEN
                top := top + 1;
                paths[top] := (path || ARRAY['parts', '0'])::text;
                above[top] := this_parent;
                as_what[top] := this_role;
            END IF;
            CONTINUE;
        END IF;
        SELECT jsonb_object_agg(e.key, e.value) INTO own FROM jsonb_each(subtree) AS e WHERE jsonb_typeof(e.value) NOT IN ('object', 'array');
        FOR arrow IN 1 .. CASE subtree ->> 'node' WHEN 'sequence' THEN parts - 1 ELSE 1 END LOOP
            count := count + 1;
            parents[count] := CASE arrow WHEN 1 THEN this_parent ELSE count - 1 END;
            roles[count] := CASE arrow WHEN 1 THEN this_role ELSE 'left' END;
            kinds[count] := CASE subtree ->> 'node' WHEN 'sequence' THEN 'then' ELSE subtree ->> 'node' END;
            bodies[count] := CASE arrow WHEN 1 THEN own ELSE '{}' END;
            firsts[count] := (subtree -> 'state')::integer;
            lasts[count] := firsts[count];
        END LOOP;
        -- The last one first, for it is visited last.
        FOR part IN REVERSE parts .. 1 LOOP
            top := top + 1;
            paths[top] := (path || ARRAY['parts', (part - 1)::text])::text;
            IF kinds[count] <> 'then' THEN
                above[top] := count;
                as_what[top] := 'branch ' || part;
            ELSE
                -- The innermost THEN has the first two.
                above[top] := count - greatest(part - 2, 0);
                as_what[top] := CASE part WHEN 1 THEN 'left' ELSE 'right' END;
            END IF;
        END LOOP;
        FOREACH inner_path SLICE 1 IN ARRAY CASE kinds[count]
            WHEN 'loop' THEN ARRAY[['condition', 'while'], ['body', 'body']]
            ELSE ARRAY[['else', 'else'], ['then', 'then'], ['condition', 'condition']]
        END LOOP
            IF jsonb_typeof(subtree -> inner_path[1]) = 'object' THEN
                top := top + 1;
                paths[top] := (path || inner_path[1:1])::text;
                above[top] := count;
                as_what[top] := inner_path[2];
            END IF;
        END LOOP;
    END LOOP;

    -- The graph has the state at which a join gathers; the one that forks comes right before the branches.
    FOR at IN REVERSE count .. 2 LOOP
        -- By way of a variable: PL/pgSQL copies an array when an element is assigned from the array itself, or from a query.
        this_parent := parents[at];
        IF kinds[this_parent] NOT IN ('join', 'race') THEN
            state := least(firsts[this_parent], firsts[at]);
            firsts[this_parent] := state;
        ELSIF roles[at] = 'branch 1' THEN
            state := firsts[at] - 1;
            firsts[this_parent] := state;
        END IF;
        state := greatest(lasts[this_parent], lasts[at]);
        lasts[this_parent] := state;
    END LOOP;
    RETURN QUERY
        SELECT n.node, n.parent, n.role, n.kind, n.body, n.first_state, n.last_state
        FROM unnest(parents, roles, kinds, bodies, firsts, lasts)
            WITH ORDINALITY AS n (parent, role, kind, body, first_state, last_state, node);
END
$$;

-- What became of each node of an instance.
--   status           pending, running, completed, failed, cancelled; of a node that a loop has come back to, how it ended the last time
--   inferred_status  what that means now: a node of an iteration that is over is pending again, and what nothing comes to any more is skipped
--   inferred_from    the node around it that has ended, of one that is skipped
--   runs             how many times it began
--   task_id, seq     the task that came to it last, and its last run if that has ended
CREATE OR REPLACE FUNCTION df.nodes_of_v1(p_instance df.instance, p_version df.workflow_version)
RETURNS TABLE (
    node bigint, parent integer, role text, kind text, body jsonb, status text, inferred_status text, inferred_from integer,
    runs bigint, task_id bigint, seq bigint, updated_at timestamptz
)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    moment CONSTANT timestamptz := df.now();
    each record;
    is_current boolean;
    is_over integer;
    has_ended integer;
    last_lap bigint;
    is_pausing boolean;
    changed_at timestamptz;
    count integer := 0;
    parents integer[] := '{}';
    roles text[] := '{}';
    kinds text[] := '{}';
    bodies jsonb[] := '{}';
    statuses text[] := '{}';
    inferred text[] := '{}';
    inferred_froms integer[] := '{}';
    all_runs bigint[] := '{}';
    tasks bigint[] := '{}';
    seqs bigint[] := '{}';
    moments timestamptz[] := '{}';
    -- For what is within a node: the last beginning of a loop around it; whether that loop pauses between two iterations; the innermost node that is over, and
    -- that has completed or failed.
    floors bigint[] := '{}';
    pauses boolean[] := '{}';
    overs integer[] := '{}';
    ends integer[] := '{}';
BEGIN
    FOR each IN
        WITH RECURSIVE tree AS (
            SELECT t.id, '{}'::bigint[] AS prefix FROM df.task AS t WHERE t.instance_id = p_instance.id AND t.parent_id IS NULL
            UNION ALL
            SELECT t.id, p.prefix || t.fork_seq || t.branch::bigint
            FROM tree AS p
            JOIN df.task AS t ON t.instance_id = p_instance.id AND t.parent_id = p.id
        ), task AS (
            SELECT
                t.id, tree.prefix, t.seq, arrival.finished_at,
                CASE
                    WHEN t.status <> 'live' THEN t.status
                    -- Its driver has not noticed yet.
                    WHEN p_instance.ended_at IS NOT NULL
                        OR EXISTS (SELECT FROM df.stop_scope AS s WHERE s.id = ANY (t.scopes) AND s.stopped_at IS NOT NULL)
                    THEN 'stopped'
                    WHEN p_instance.status = 'pending' THEN 'pending'
                    ELSE 'live'
                END AS status,
                -- Who sleeps stands at what comes then.
                CASE WHEN is_parked AND t.wait <> 'lap' THEN arrival.state ELSE t.state END AS state,
                is_parked,
                is_parked AND t.wait = 'lap' AS is_lap
            FROM tree
            JOIN df.task AS t ON t.id = tree.id
            LEFT JOIN df.step_run AS arrival ON arrival.task_id = t.id AND arrival.seq = t.seq
            CROSS JOIN LATERAL (
                SELECT t.wait IN ('sleep', 'schedule', 'lap') AND t.status IN ('live', 'stopped') AND coalesce(t.wake_at > moment, true) AS is_parked
            ) AS p
        ), run AS (
            SELECT r.task_id, r.state, max(r.seq) AS seq, count(*) FILTER (WHERE r.outcome = 'ok') AS successes
            FROM tree
            JOIN df.step_run AS r ON r.task_id = tree.id
            GROUP BY r.task_id, r.state
        ), event AS (
            SELECT run.state, task.id AS task_id, run.seq, task.prefix || run.seq AS path, run.successes
            FROM run
            JOIN task ON task.id = run.task_id
            UNION ALL
            SELECT task.state, task.id, NULL, task.prefix || (task.seq + 1), 0
            FROM task
            WHERE task.status IN ('live', 'stopped')
                AND NOT task.is_parked
        ), last AS (
            SELECT DISTINCT ON (e.state) e.state, e.task_id, e.seq, e.path, sum(e.successes) OVER (PARTITION BY e.state) AS successes
            FROM event AS e
            ORDER BY e.state, e.path DESC
        )
        SELECT
            n.*, last.task_id, last.seq, rank() OVER (ORDER BY last.path NULLS FIRST) AS rank,
            last.successes + CASE WHEN r.outcome = 'ok' THEN 0 ELSE 1 END AS runs,
            coalesce(r.finished_at, task.finished_at) AS moment,
            task.status, task.state, task.is_lap
        FROM df.graph_nodes_v1(p_version.graph) AS n
        LEFT JOIN last ON last.state = n.first_state
        LEFT JOIN task ON task.id = last.task_id
        LEFT JOIN df.step_run AS r ON r.task_id = last.task_id AND r.seq = last.seq
        ORDER BY n.node
    LOOP
        count := each.node;
        parents[count] := each.parent;
        roles[count] := each.role;
        kinds[count] := each.kind;
        bodies[count] := each.body;
        all_runs[count] := each.runs;
        tasks[count] := each.task_id;
        seqs[count] := each.seq;
        moments[count] := coalesce(each.moment, p_instance.created_at);
        statuses[count] := CASE
            WHEN each.task_id IS NULL OR each.status = 'pending' THEN 'pending'
            WHEN each.status IN ('done', 'broke')
                OR pauses[each.parent]
                OR each.state NOT BETWEEN each.first_state AND CASE each.parent WHEN 0 THEN p_version.last_state ELSE each.last_state END
            THEN 'completed'
            ELSE CASE each.status WHEN 'live' THEN 'running' WHEN 'failed' THEN 'failed' ELSE 'cancelled' END
        END;
        -- By way of variables, see above.
        is_over := overs[each.parent];
        has_ended := ends[each.parent];
        last_lap := floors[each.parent];
        is_pausing := coalesce(pauses[each.parent], false);
        is_current := each.rank >= coalesce(last_lap, 0) AND statuses[count] IN ('completed', 'failed', 'cancelled');
        inferred[count] := CASE
            WHEN is_current AND (statuses[count] <> 'cancelled' OR has_ended IS NULL) THEN statuses[count]
            WHEN is_over IS NOT NULL THEN 'skipped'
            WHEN statuses[count] = 'running' THEN 'running'
            ELSE 'pending'
        END;
        inferred_froms[count] := CASE
            WHEN inferred[count] <> 'skipped' THEN NULL
            WHEN is_current THEN has_ended
            ELSE is_over
        END;
        IF each.kind = 'loop' THEN
            last_lap := greatest(last_lap, each.rank);
            is_pausing := is_pausing OR coalesce(each.is_lap AND each.state = each.first_state, false);
        END IF;
        floors[count] := last_lap;
        pauses[count] := is_pausing;
        overs[count] := CASE WHEN is_current THEN count ELSE is_over END;
        ends[count] := CASE WHEN is_current AND statuses[count] <> 'cancelled' THEN count ELSE has_ended END;
    END LOOP;

    -- What changed within a node changed it.
    FOR at IN REVERSE count .. 2 LOOP
        changed_at := greatest(moments[parents[at]], moments[at]);
        moments[parents[at]] := changed_at;
    END LOOP;
    RETURN QUERY
        SELECT n.node, n.parent, n.role, n.kind, n.body, n.status, n.inferred_status, n.inferred_from, n.runs, n.task_id, n.seq, n.updated_at
        FROM unnest(parents, roles, kinds, bodies, statuses, inferred, inferred_froms, all_runs, tasks, seqs, moments) WITH ORDINALITY
            AS n (parent, role, kind, body, status, inferred_status, inferred_from, runs, task_id, seq, updated_at, node);
END
$$;

-- A node's id: its place in the order of the source, in eight hexadecimal digits. Every instance of a version has the same.
CREATE OR REPLACE FUNCTION df.node_id_v1(p_node bigint) RETURNS text
LANGUAGE sql IMMUTABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT lpad(to_hex(p_node), 8, '0');
$$;

-- The nodes of an instance, with the columns of pg_durable; `query` is what the author wrote. `result` is there where it has been kept: of a named node, of the
-- whole workflow, of every step WITH (trace = full), and the message of what failed.
CREATE OR REPLACE FUNCTION df.instance_nodes(instance_id_param text)
RETURNS TABLE (
    node_id text, node_type text, query text, result_name text, left_node text, right_node text, status text, result jsonb, status_details jsonb,
    inferred_status text, inferred_status_from_ancestor_id text, updated_at timestamptz
)
LANGUAGE plpgsql STABLE STRICT
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    instance df.instance;
    version df.workflow_version;
BEGIN
    SELECT i.* INTO instance FROM df.instance AS i WHERE i.id = instance_id_param;
    SELECT v.* INTO version FROM df.workflow_version AS v WHERE v.id = instance.version_id;
    IF version.id IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY
        WITH node AS (
            SELECT n.* FROM df.nodes_of_v1(instance, version) AS n
        ), family AS (
            SELECT
                n.parent,
                max(df.node_id_v1(n.node)) FILTER (WHERE n.role IN ('left', 'then', 'body', 'branch 1')) AS left_node,
                max(df.node_id_v1(n.node)) FILTER (WHERE n.role IN ('right', 'else', 'branch 2')) AS right_node,
                max(df.node_id_v1(n.node)) FILTER (WHERE n.role IN ('condition', 'while')) AS condition_node,
                jsonb_agg(df.node_id_v1(n.node) ORDER BY n.node) FILTER (WHERE n.role LIKE 'branch %' AND n.role NOT IN ('branch 1', 'branch 2')) AS extra_nodes
            FROM node AS n
            GROUP BY n.parent
        ), name AS (
            SELECT n.body ->> 'name' AS name FROM node AS n WHERE n.body ? 'name' GROUP BY 1 HAVING count(*) = 1
        )
        SELECT
            df.node_id_v1(n.node),
            CASE n.kind WHEN 'if_rows' THEN 'IF' WHEN 'schedule' THEN 'WAIT_SCHEDULE' ELSE upper(n.kind) END,
            CASE n.kind
                WHEN 'sql' THEN n.body ->> 'query'
                WHEN 'sleep' THEN coalesce(n.body ->> 'seconds', n.body ->> 'argument')
                WHEN 'schedule' THEN jsonb_strip_nulls(jsonb_build_object('cron_expr', n.body -> 'cron', 'timezone', n.body -> 'timezone'))::text
                WHEN 'signal' THEN jsonb_build_object('signal_name', n.body -> 'signal', 'timeout_seconds', n.body -> 'timeout')::text
                WHEN 'break' THEN jsonb_build_object('break_value', n.body -> 'value')::text
                WHEN 'if_rows' THEN jsonb_build_object('condition_type', 'result_has_rows', 'result_name', n.body -> 'result')::text
                ELSE nullif(jsonb_strip_nulls(jsonb_build_object('condition_node', f.condition_node, 'extra_nodes', f.extra_nodes)), '{}')::text
            END,
            n.body ->> 'name', f.left_node, f.right_node, n.status,
            CASE
                WHEN n.status = 'failed' THEN to_jsonb(failure.message)
                WHEN n.status <> 'completed' THEN NULL
                WHEN n.parent = 0 THEN instance.result
                WHEN r.result IS NULL THEN CASE WHEN b.task_id IS NOT NULL THEN df.value_of_v1(b) END
                WHEN n.kind = 'sql' THEN jsonb_build_object('rows', r.result, 'row_count', r.row_count)
                ELSE r.result
            END,
            CASE WHEN n.status <> 'pending' THEN jsonb_build_object('execution_id', format('%s::%s', instance.id, n.runs)) END,
            n.inferred_status, df.node_id_v1(n.inferred_from), n.updated_at
        FROM node AS n
        LEFT JOIN family AS f ON f.parent = n.node
        LEFT JOIN df.step_run AS r
            ON n.kind NOT IN ('then', 'if', 'if_rows', 'loop', 'join', 'race')
            AND r.task_id = n.task_id
            AND r.seq = n.seq
        LEFT JOIN df.task AS t ON n.status = 'failed' AND t.id = n.task_id
        LEFT JOIN df.step_run AS failure ON failure.task_id = t.failed_task_id AND failure.seq = t.failed_seq
        LEFT JOIN name ON name.name = n.body ->> 'name'
        LEFT JOIN df.binding AS b ON b.task_id = n.task_id AND b.name = name.name
        ORDER BY n.node;
END
$$;

-- An older form, in which pg_durable ignores the second argument, too.
CREATE OR REPLACE FUNCTION df.instance_nodes(instance_id_param text, last_n integer)
RETURNS TABLE (
    execution_id bigint, node_id text, node_type text, query text, result_name text, left_node text, right_node text, status text, result jsonb,
    updated_at timestamptz
)
LANGUAGE sql STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 1::bigint, n.node_id, n.node_type, n.query, n.result_name, n.left_node, n.right_node, n.status, n.result, n.updated_at
    FROM df.instance_nodes(instance_id_param) AS n;
$$;

-- One line, at most so long.
CREATE OR REPLACE FUNCTION df.shorten_v1(p_text text, p_length integer) RETURNS text
LANGUAGE sql IMMUTABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN length(l.line) > p_length THEN left(l.line, p_length - 3) || '...' ELSE l.line END
    FROM (SELECT btrim(regexp_replace(p_text, '\s+', ' ', 'g')) AS line) AS l;
$$;

-- A sign of the tree. By number, for this script must be readable in any encoding; and one that is not UTF-8 has none of them.
CREATE OR REPLACE FUNCTION df.sign_v1(p_of text) RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF getdatabaseencoding() <> 'UTF8' THEN
        RETURN CASE p_of
            WHEN 'completed' THEN '+'
            WHEN 'then' THEN '+'
            WHEN 'running' THEN '~'
            WHEN 'pending' THEN 'o'
            WHEN 'skipped' THEN '-'
            WHEN 'next' THEN '->'
            WHEN 'body' THEN '@'
            WHEN 'branch' THEN '|'
            ELSE 'x'
        END;
    END IF;
    RETURN chr(CASE p_of
        WHEN 'completed' THEN 10003
        WHEN 'then' THEN 10003
        WHEN 'running' THEN 9203
        WHEN 'pending' THEN 9675
        WHEN 'skipped' THEN 8856
        WHEN 'next' THEN 8594
        WHEN 'body' THEN 8635
        WHEN 'branch' THEN 9553
        ELSE 10007
    END);
END
$$;

-- The tree of a graph as text: the one place where it is drawn, for an instance, a workflow and a df.explain call of an expression. p_icons: what stands behind
-- the line of each node.
CREATE OR REPLACE FUNCTION df.tree_v1(p_graph jsonb, p_icons text[] DEFAULT NULL) RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    each record;
    indent integer;
    is_later boolean;
    name text;
    title text;
    -- How far in each node stands; whether something comes before it in its sequence.
    indents integer[] := '{}';
    are_later boolean[] := '{}';
    lines text[] := '{}';
BEGIN
    FOR each IN
        SELECT n.*, b.branches
        FROM df.graph_nodes_v1(p_graph) AS n
        LEFT JOIN (
            SELECT n.parent, count(*) AS branches FROM df.graph_nodes_v1(p_graph) AS n GROUP BY n.parent
        ) AS b ON b.parent = n.node
        ORDER BY n.node
    LOOP
        indent := coalesce(indents[each.parent], 0);
        is_later := each.role = 'right' OR (each.role = 'left' AND are_later[each.parent]);
        IF each.role NOT IN ('root', 'left', 'right') THEN
            lines := lines || (
                repeat(' ', indent + 4)
                || CASE WHEN each.role IN ('condition', 'while') THEN '?'
                    WHEN each.role IN ('then', 'else', 'body') THEN df.sign_v1(each.role)
                    ELSE df.sign_v1('branch') END
                || ' ' || each.role || ':');
            indent := indent + 6;
        END IF;
        indents[each.node] := indent;
        are_later[each.node] := is_later;
        CONTINUE WHEN each.kind = 'then';
        name := ' |=> ' || quote_literal(each.body ->> 'name');
        title := CASE each.kind
            WHEN 'sql' THEN 'SQL: ' || df.shorten_v1(each.body ->> 'query', 50)
            WHEN 'sleep' THEN 'SLEEP ' || coalesce((each.body ->> 'seconds') || 's', each.body ->> 'argument')
            WHEN 'schedule' THEN concat(format('WAIT ''%s''', each.body ->> 'cron'), ' (' || (each.body ->> 'timezone') || ')')
            WHEN 'signal' THEN concat(
                format('SIGNAL ''%s''', each.body ->> 'signal'),
                ' (' || (each.body ->> 'timeout') || CASE jsonb_typeof(each.body -> 'timeout') WHEN 'number' THEN 's)' ELSE ')' END)
            WHEN 'break' THEN concat('BREAK', ' ''' || df.shorten_v1(each.body ->> 'value', 40) || '''')
            WHEN 'if_rows' THEN format('IF (rows of $%s)', each.body ->> 'result')
            WHEN 'loop' THEN format('LOOP (%s)', CASE WHEN each.body ? 'condition' THEN 'infinite' ELSE 'while' END)
            WHEN 'join' THEN format('JOIN (%s)', each.branches)
            ELSE upper(each.kind)
        END;
        lines := lines || (
            repeat(' ', indent) || CASE WHEN is_later THEN df.sign_v1('next') || ' ' ELSE '' END || title
            -- pg_durable does not show the name of a race.
            || CASE WHEN each.kind <> 'race' THEN coalesce(name, '') ELSE '' END
            || coalesce(' ' || p_icons[each.node], ''));
    END LOOP;
    RETURN array_to_string(lines, E'\n');
END
$$;

CREATE OR REPLACE FUNCTION df.explain(input text) RETURNS text
LANGUAGE plpgsql STABLE STRICT
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    asked CONSTANT text := btrim(input, E' \t\r\n');
    instance df.instance;
    version df.workflow_version;
    found record;
BEGIN
    SELECT i.* INTO instance FROM df.instance AS i WHERE i.id = lower(asked);
    IF instance.id IS NOT NULL THEN
        SELECT v.* INTO version FROM df.workflow_version AS v WHERE v.id = instance.version_id;
        RETURN concat(
            format('Instance: %s', instance.id), ' (' || instance.label || ')',
            format(E'\nStatus:   %s %s\n', df.sign_v1(CASE WHEN instance.status IN ('completed', 'running', 'failed', 'cancelled') THEN instance.status ELSE 'pending' END),
                initcap(instance.status)),
            'Output:   ' || df.shorten_v1(df.output_v1(instance), 60) || E'\n', E'\n',
            df.tree_v1(version.graph, ARRAY(
                SELECT df.sign_v1(n.inferred_status)
                FROM df.nodes_of_v1(instance, version) AS n
                ORDER BY n.node
            )));
    END IF;
    SELECT min(v.id) AS id, count(*) AS count, string_agg(n.name, ', ' ORDER BY n.name) AS names
    INTO found
    FROM df.workflow AS w
    CROSS JOIN LATERAL (SELECT format('%I.%I', w.schema_name, w.name) AS name) AS n
    JOIN df.workflow_version AS v ON v.id = w.version_id
    WHERE asked IN (w.name, quote_ident(w.name), n.name);
    IF found.count = 1 THEN
        RETURN (SELECT df.tree_v1(v.graph) FROM df.workflow_version AS v WHERE v.id = found.id);
    ELSIF found.count > 1 THEN
        RETURN format('Cannot explain input: there are several workflows of that name. Write one of: %s', found.names);
    ELSIF asked ~* '^[0-9a-f]{8}$' THEN
        RETURN format('Instance ''%s'' not found', asked);
    ELSIF asked ~* '^(select|insert|update|delete|merge|with|values|table|call|do|create|alter|drop|truncate|grant|revoke|notify|refresh|analyze|copy|set|lock)\y' THEN
        RETURN 'SQL: ' || df.shorten_v1(asked, 50);
    ELSIF asked ~ '~>|\|=>|\?>|!>|@>|\ydf\.' OR starts_with(asked, '{') THEN
        RETURN 'Cannot explain input: an expression is compiled before it is explained. Write df.explain(<expression>) in a script for pgdurc compile.';
    END IF;
    RETURN format('Cannot explain input: %s is neither an instance nor a workflow that you can see here.', quote_literal(df.shorten_v1(asked, 60)));
END
$$;

-- What a df.explain call of an expression becomes: v1 is the graph of what was compiled. Frozen as what ends in _v1 is.
CREATE OR REPLACE FUNCTION df.explain(v1 jsonb) RETURNS text
LANGUAGE sql STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT df.tree_v1(v1);
$$;
