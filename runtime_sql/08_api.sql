---------------------------------------------------------------------------------------------------------------------
-- The API: looking, waiting, stopping
---------------------------------------------------------------------------------------------------------------------
-- All of it runs with the caller's rights; row security shows an instance to its workflow's owner and members, its starter, and df's administrators.

CREATE OR REPLACE VIEW df.workflows WITH (security_barrier) AS
    SELECT
        pg_catalog.format('%I.%I', w.schema_name, w.name) AS name,
        w.schema_name AS schema,
        w.owner,
        v.hash AS version,
        v.parameters,
        v.file,
        v.created_at
    FROM df.workflow AS w
    JOIN df.workflow_version AS v ON v.id = w.version_id
    WHERE w.owner::pg_catalog.oid = ANY ((SELECT df.visible_roles())::pg_catalog.oid[])
        OR EXISTS (
            SELECT
            FROM df.find_routine_v1(w.schema_name, w.name, w.argument_types) AS s (starter)
            JOIN pg_catalog.pg_proc AS p ON p.oid = s.starter AND p.proowner = w.owner::pg_catalog.oid
            WHERE pg_catalog.has_function_privilege(s.starter, 'EXECUTE')
        );

CREATE OR REPLACE FUNCTION df.status(instance_id text) RETURNS text
LANGUAGE sql STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT i.status FROM df.instance AS i WHERE i.id = $1;
$$;

-- The result of a completed instance as JSON text; NULL otherwise.
CREATE OR REPLACE FUNCTION df.result(instance_id text) RETURNS text
LANGUAGE sql STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT i.result::text FROM df.instance AS i WHERE i.id = $1 AND i.status = 'completed';
$$;

-- What failed an instance; no row where it has not failed.
CREATE OR REPLACE FUNCTION df.error(instance_id text)
RETURNS TABLE (sqlstate text, message text, detail text, hint text, context text, step text, file text, line integer)
LANGUAGE sql STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT r.sqlstate, r.message, r.detail, r.hint, r.context, s.label, v.file, s.line
    FROM df.instance AS i
    JOIN df.step_run AS r ON r.task_id = i.failed_task_id AND r.seq = i.failed_seq
    JOIN df.workflow_version AS v ON v.id = i.version_id
    LEFT JOIN df.step_def AS s ON s.version_id = i.version_id AND s.state = r.state
    WHERE i.id = $1;
$$;

-- Every attempt of every step, in the order in which they ended.
CREATE OR REPLACE FUNCTION df.timeline(instance_id text)
RETURNS TABLE (
    task_id bigint, seq bigint, state integer, kind text, label text, name text, file text, line integer, attempt integer, outcome text,
    started_at timestamptz, finished_at timestamptz, row_count bigint, sqlstate text, message text, detail text, hint text, context text
)
LANGUAGE sql STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT
        r.task_id, r.seq, r.state, s.kind, s.label, s.name, v.file, s.line, r.attempt, r.outcome,
        r.started_at, r.finished_at, r.row_count, r.sqlstate, r.message, r.detail, r.hint, r.context
    FROM df.task AS t
    JOIN df.step_run AS r ON r.task_id = t.id
    JOIN df.workflow_version AS v ON v.id = t.version_id
    LEFT JOIN df.step_def AS s ON s.version_id = t.version_id AND s.state = r.state
    WHERE t.instance_id = $1
    ORDER BY r.finished_at, r.task_id, r.seq;
$$;

-- The live tasks of an instance: where each stands and what it waits for.
CREATE OR REPLACE FUNCTION df.waiting(instance_id text)
RETURNS TABLE (task_id bigint, state integer, kind text, label text, file text, line integer, wake_at timestamptz, reason text, attempt integer)
LANGUAGE sql STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT t.id, t.state, s.kind, s.label, v.file, s.line, t.wake_at, t.wait, t.failures + t.transient_failures + t.interrupts + t.crashes + 1
    FROM df.task AS t
    JOIN df.workflow_version AS v ON v.id = t.version_id
    LEFT JOIN df.step_def AS s ON s.version_id = t.version_id AND s.state = t.state
    WHERE t.instance_id = $1
        AND t.status = 'live'
    ORDER BY t.id;
$$;

CREATE OR REPLACE VIEW df.instances WITH (security_barrier) AS
    SELECT
        i.id,
        pg_catalog.format('%I.%I', w.schema_name, w.name) AS workflow,
        v.hash AS version,
        i.label,
        i.key,
        i.status,
        i.owner,
        i.starter,
        i.created_at,
        i.started_at,
        i.ended_at
    FROM df.instance AS i
    JOIN df.workflow AS w ON w.id = i.workflow_id
    JOIN df.workflow_version AS v ON v.id = i.version_id
    WHERE i.owner::pg_catalog.oid = ANY ((SELECT df.visible_roles())::pg_catalog.oid[])
        OR i.starter::pg_catalog.oid = pg_catalog.to_regrole(pg_catalog.quote_ident(current_user))::pg_catalog.oid
        OR pg_catalog.pg_has_role((SELECT n.nspowner FROM pg_catalog.pg_namespace AS n WHERE n.nspname = 'df'), 'USAGE');

-- The newest instances that the caller may see. Asked per owner along the index (owner, created_at): a filter over all rows would read them all.
CREATE OR REPLACE FUNCTION df.newest_instances_v1(p_status text, p_label text, p_before timestamptz, p_after_id text, p_limit integer) RETURNS SETOF df.instance
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT found.*
    FROM (
        SELECT o.*
        FROM (
            -- Of versions: a workflow may have been dropped and its name be another owner's by now.
            SELECT DISTINCT w.owner
            FROM df.workflow_version AS w
            WHERE w.owner::oid = ANY ((SELECT df.visible_roles())::oid[])
                OR pg_has_role((SELECT n.nspowner FROM pg_namespace AS n WHERE n.nspname = 'df'), 'USAGE')
        ) AS w
        CROSS JOIN LATERAL (
            SELECT i.*
            FROM df.instance AS i
            WHERE i.owner = w.owner
                AND (p_status IS NULL OR i.status = p_status)
                AND (p_label IS NULL OR i.label = p_label)
                AND (p_before IS NULL OR i.created_at < p_before OR (i.created_at = p_before AND i.id > p_after_id))
            ORDER BY i.created_at DESC, i.id
            LIMIT p_limit
        ) AS o
        UNION
        SELECT s.*
        FROM (
            SELECT i.*
            FROM df.instance AS i
            WHERE i.starter = quote_ident(current_user)::regrole
                AND (p_status IS NULL OR i.status = p_status)
                AND (p_label IS NULL OR i.label = p_label)
                AND (p_before IS NULL OR i.created_at < p_before OR (i.created_at = p_before AND i.id > p_after_id))
            ORDER BY i.created_at DESC, i.id
            LIMIT p_limit
        ) AS s
    ) AS found
    ORDER BY found.created_at DESC, found.id
    LIMIT p_limit;
$$;

CREATE OR REPLACE FUNCTION df.output_v1(p_instance df.instance) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE p_instance.status
        WHEN 'completed' THEN p_instance.result::text
        WHEN 'failed' THEN (
            SELECT r.message FROM df.step_run AS r WHERE r.task_id = p_instance.failed_task_id AND r.seq = p_instance.failed_seq
        )
        WHEN 'cancelled' THEN p_instance.reason
    END;
$$;

CREATE OR REPLACE FUNCTION df.workflow_name_v1(p_workflow_id bigint) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format('%I.%I', w.schema_name, w.name) FROM df.workflow AS w WHERE w.id = p_workflow_id;
$$;

CREATE OR REPLACE FUNCTION df.check_limit_v1(p_limit integer) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF p_limit IS NULL OR p_limit < 1 THEN
        RAISE EXCEPTION 'limit_count must be at least 1' USING ERRCODE = '22023';
    ELSIF p_limit > 1000 THEN
        RAISE EXCEPTION 'limit_count must be at most 1000, not %', p_limit USING ERRCODE = '22023', HINT = 'Ask page by page, with after_cursor.';
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION df.list_instances(status_filter text DEFAULT NULL, limit_count integer DEFAULT 100)
RETURNS TABLE (instance_id text, label text, function_name text, status text, execution_count bigint, output text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM df.check_limit_v1(limit_count);
    RETURN QUERY
        SELECT i.id, i.label, df.workflow_name_v1(i.workflow_id), i.status, 1::bigint, df.output_v1(i)
        FROM df.newest_instances_v1(status_filter, NULL, NULL, NULL, limit_count) AS i
        ORDER BY i.created_at DESC, i.id;
END
$$;

-- Page by page: next_cursor is the same on every row, NULL on the last page.
CREATE OR REPLACE FUNCTION df.list_instances(status_filter text, limit_count integer, label_filter text, after_cursor text DEFAULT NULL)
RETURNS TABLE (
    instance_id text, label text, function_name text, status text, execution_count bigint, output text,
    created_at timestamptz, completed_at timestamptz, next_cursor text
)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    parts text[];
    before timestamptz;
    after_id text;
BEGIN
    PERFORM df.check_limit_v1(limit_count);
    IF after_cursor IS NOT NULL THEN
        BEGIN
            parts := string_to_array(convert_from(decode(left(after_cursor, 512), 'hex'), 'UTF8'), '|');
            before := parts[2]::timestamptz;
            after_id := parts[3];
        EXCEPTION WHEN data_exception THEN
            parts := NULL;
        END;
        IF parts[1] IS DISTINCT FROM 'v1' OR cardinality(parts) <> 3 OR before IS NULL OR length(after_cursor) > 512 THEN
            RAISE EXCEPTION 'df.list_instances: invalid after_cursor' USING ERRCODE = '22023';
        END IF;
    END IF;
    RETURN QUERY
        WITH found AS MATERIALIZED (
            -- One more than asked tells whether there is a next page.
            SELECT i AS instance, row_number() OVER (ORDER BY i.created_at DESC, i.id) AS position
            FROM df.newest_instances_v1(status_filter, label_filter, before, after_id, limit_count + 1) AS i
        ), cursor AS (
            SELECT encode(convert_to(format('v1|%s|%s', to_char((f.instance).created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), (f.instance).id), 'UTF8'), 'hex') AS next
            FROM found AS f
            WHERE f.position = limit_count
                AND EXISTS (SELECT FROM found AS g WHERE g.position > limit_count)
        )
        SELECT
            (f.instance).id, (f.instance).label, df.workflow_name_v1((f.instance).workflow_id), (f.instance).status, 1::bigint, df.output_v1(f.instance),
            (f.instance).created_at, CASE WHEN (f.instance).status = 'completed' THEN (f.instance).ended_at END, (SELECT c.next FROM cursor AS c)
        FROM found AS f
        WHERE f.position <= limit_count
        ORDER BY f.position;
END
$$;

CREATE OR REPLACE FUNCTION df.instance_info(instance_id text)
RETURNS TABLE (
    instance_id text, label text, function_name text, function_version text, current_execution_id bigint, status text, output text
)
LANGUAGE sql STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT i.id, i.label, df.workflow_name_v1(i.workflow_id), v.hash, 1::bigint, i.status, df.output_v1(i)
    FROM df.instance AS i
    JOIN df.workflow_version AS v ON v.id = i.version_id
    WHERE i.id = $1;
$$;

-- Stops an instance: a step that has not committed when this commits never commits. In the caller's transaction.
CREATE OR REPLACE FUNCTION df.cancel(instance_id text, reason text DEFAULT 'Cancelled by user') RETURNS text
LANGUAGE sql STRICT
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT df.ask_v1('cancel', $1, jsonb_build_object('reason', $2));
$$;

-- Sends a signal: into the instance's inbox, first in first out for a name, in the caller's transaction. Text that is not JSON becomes a JSON string.
CREATE OR REPLACE FUNCTION df.signal(instance_id text, signal_name text, signal_data text DEFAULT '{}') RETURNS text
LANGUAGE plpgsql STRICT
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    payload jsonb;
BEGIN
    IF instance_id = '' THEN
        RAISE EXCEPTION 'Instance ID cannot be empty' USING ERRCODE = '22023';
    ELSIF signal_name = '' THEN
        RAISE EXCEPTION 'Signal name cannot be empty' USING ERRCODE = '22023';
    END IF;
    BEGIN
        payload := signal_data::jsonb;
    EXCEPTION WHEN invalid_text_representation THEN
        payload := to_jsonb(signal_data);
    END;
    RETURN df.ask_v1('signal', instance_id, jsonb_build_object('name', signal_name, 'data', payload));
END
$$;

-- To every instance with this label that the caller may signal and that has not ended; returns to how many.
CREATE OR REPLACE FUNCTION df.signal_label(label text, signal_name text, signal_data text DEFAULT '{}') RETURNS bigint
LANGUAGE plpgsql STRICT
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    sent bigint := 0;
    target text;
BEGIN
    -- In one order, so that two senders do not wait for each other.
    FOR target IN
        SELECT i.id FROM df.instance AS i WHERE i.label = signal_label.label AND i.ended_at IS NULL ORDER BY i.id
    LOOP
        PERFORM df.signal(target, signal_name, signal_data);
        sent := sent + 1;
    END LOOP;
    RETURN sent;
END
$$;

-- Waits until an instance has ended; returns its status.
CREATE OR REPLACE FUNCTION df.await_instance(instance_id text, timeout_seconds integer DEFAULT 30) RETURNS text
LANGUAGE plpgsql STRICT
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    ends_at CONSTANT timestamptz := clock_timestamp() + make_interval(secs => timeout_seconds);
    nap double precision := 0.01;
    instance df.instance;
BEGIN
    IF timeout_seconds <= 0 THEN
        RAISE EXCEPTION 'Timeout must be positive' USING ERRCODE = '22023';
    ELSIF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
        RAISE EXCEPTION 'df.await_instance() cannot see an instance end in a % transaction', current_setting('transaction_isolation')
            USING ERRCODE = '25001', HINT = 'Wait in a READ COMMITTED transaction.';
    END IF;
    LOOP
        SELECT i.* INTO instance FROM df.instance AS i WHERE i.id = $1;
        IF instance.id IS NULL THEN
            RAISE EXCEPTION 'Instance not found: %', $1 USING ERRCODE = 'PD002';
        ELSIF instance.ended_at IS NOT NULL THEN
            RETURN instance.status;
        ELSIF instance.start_xact = pg_current_xact_id_if_assigned() THEN
            RAISE EXCEPTION 'df.await_instance() cannot wait for an instance that this transaction started'
                USING ERRCODE = '25001', HINT = 'Commit the start first.';
        ELSIF clock_timestamp() > ends_at THEN
            RAISE EXCEPTION 'Timeout after %s waiting for instance % (status: %)', timeout_seconds, $1, instance.status
                USING ERRCODE = 'PD008', HINT = 'Is a driver running? Start one: pgdurc worker, or SELECT df.install_scheduler();';
        END IF;
        PERFORM pg_sleep(nap);
        nap := least(nap * 1.5, 0.1);
    END LOOP;
END
$$;

---------------------------------------------------------------------------------------------------------------------
-- Variables: a caller's own, read by {name} as they were at the start
---------------------------------------------------------------------------------------------------------------------

CREATE OR REPLACE FUNCTION df.setvar(name text, value text) RETURNS text
LANGUAGE sql STRICT
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT df.ask_v1('setvar', NULL, jsonb_build_object('name', $1, 'value', $2));
$$;

CREATE OR REPLACE FUNCTION df.getvar(name text) RETURNS text
LANGUAGE sql STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT v.value FROM df.vars AS v WHERE v.owner = quote_ident(current_user)::regrole AND v.name = $1;
$$;

CREATE OR REPLACE FUNCTION df.unsetvar(name text) RETURNS text
LANGUAGE sql STRICT
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT df.ask_v1('unsetvar', NULL, jsonb_build_object('name', $1));
$$;

CREATE OR REPLACE FUNCTION df.clearvars() RETURNS text
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT df.ask_v1('clearvars', NULL, '{}');
$$;

---------------------------------------------------------------------------------------------------------------------
-- Explain: the graph of a workflow, or of an instance with what became of each step
---------------------------------------------------------------------------------------------------------------------

-- The lines of one node, without their indentation levels folded in: (text, mark) rows in order. p_states: {"state": "mark"}.
CREATE OR REPLACE FUNCTION df.explain_node_v1(p_node jsonb, p_indent integer, p_prefix text, p_marks jsonb) RETURNS SETOF text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    pad CONSTANT text := repeat(' ', p_indent) || p_prefix;
    mark CONSTANT text := coalesce('  ' || (p_marks ->> (p_node ->> 'state')), '');
    suffix CONSTANT text := coalesce(' |=> ''' || (p_node ->> 'name') || '''', '') || mark;
    query CONSTANT text := regexp_replace(btrim(coalesce(p_node ->> 'query', '')), '\s+', ' ', 'g');
    part record;
BEGIN
    CASE p_node ->> 'node'
        WHEN 'sequence' THEN
            FOR part IN SELECT p.item, p.position FROM jsonb_array_elements(p_node -> 'parts') WITH ORDINALITY AS p (item, position) ORDER BY p.position LOOP
                RETURN QUERY SELECT * FROM df.explain_node_v1(part.item, p_indent, CASE WHEN part.position = 1 THEN p_prefix ELSE '→ ' END, p_marks);
            END LOOP;
        WHEN 'sql' THEN
            RETURN NEXT pad || 'SQL: ' || CASE WHEN length(query) > 50 THEN left(query, 47) || '...' ELSE query END || suffix;
        WHEN 'sleep' THEN
            RETURN NEXT pad || 'SLEEP ' || coalesce((p_node ->> 'seconds') || 's', p_node ->> 'argument', '') || suffix;
        WHEN 'break' THEN
            RETURN NEXT pad || 'BREAK' || coalesce(' ''' || left(p_node ->> 'value', 40) || '''', '') || suffix;
        WHEN 'if', 'if_rows' THEN
            RETURN NEXT pad || 'IF' || coalesce(' rows in $' || (p_node ->> 'result'), '') || suffix;
            IF p_node ? 'condition' THEN
                RETURN QUERY SELECT * FROM df.explain_node_v1(p_node -> 'condition', p_indent + 4, '? condition: ', p_marks);
            END IF;
            RETURN QUERY SELECT * FROM df.explain_node_v1(p_node -> 'then', p_indent + 4, '✓ then: ', p_marks);
            RETURN QUERY SELECT * FROM df.explain_node_v1(p_node -> 'else', p_indent + 4, '✗ else: ', p_marks);
        WHEN 'schedule' THEN
            RETURN NEXT pad || format('WAIT ''%s''', p_node ->> 'cron') || suffix;
        WHEN 'signal' THEN
            RETURN NEXT pad || format('SIGNAL ''%s''', p_node ->> 'signal')
                || coalesce(' (' || (p_node ->> 'timeout') || CASE jsonb_typeof(p_node -> 'timeout') WHEN 'number' THEN 's)' ELSE ')' END, '') || suffix;
        WHEN 'join', 'race' THEN
            -- pg_durable does not show the name of a race.
            RETURN NEXT pad || CASE p_node ->> 'node' WHEN 'race' THEN 'RACE' || mark ELSE format('JOIN (%s)', jsonb_array_length(p_node -> 'parts')) || suffix END;
            FOR part IN SELECT p.item, p.position FROM jsonb_array_elements(p_node -> 'parts') WITH ORDINALITY AS p (item, position) ORDER BY p.position LOOP
                RETURN QUERY SELECT * FROM df.explain_node_v1(part.item, p_indent + 4, format('║ branch %s: ', part.position), p_marks);
            END LOOP;
        WHEN 'loop' THEN
            RETURN NEXT pad || 'LOOP (' || CASE WHEN coalesce(p_node -> 'condition', 'null') = 'null' THEN 'infinite' ELSE 'while' END || ')' || suffix;
            RETURN QUERY SELECT * FROM df.explain_node_v1(p_node -> 'body', p_indent + 4, '↻ body: ', p_marks);
            IF coalesce(p_node -> 'condition', 'null') <> 'null' THEN
                RETURN QUERY SELECT * FROM df.explain_node_v1(p_node -> 'condition', p_indent + 4, '? while: ', p_marks);
            END IF;
        ELSE
            RETURN NEXT pad || upper(coalesce(p_node ->> 'node', '?')) || suffix;
    END CASE;
END
$$;

CREATE OR REPLACE FUNCTION df.explain(input text) RETURNS text
LANGUAGE plpgsql STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    asked CONSTANT text := btrim(input, E' \t\r\n');
    instance df.instance;
    graph jsonb;
    marks jsonb := '{}';
    header text := '';
BEGIN
    SELECT i.* INTO instance FROM df.instance AS i WHERE i.id = lower(asked);
    IF instance.id IS NOT NULL THEN
        SELECT v.graph INTO graph FROM df.workflow_version AS v WHERE v.id = instance.version_id;
        -- The last word of each step: running now, or how its last attempt went.
        SELECT coalesce(jsonb_object_agg(m.state, m.mark), '{}') INTO marks
        FROM (
            SELECT DISTINCT ON (r.state) r.state, CASE r.outcome WHEN 'ok' THEN '✓' ELSE '✗' END AS mark
            FROM df.task AS t
            JOIN df.step_run AS r ON r.task_id = t.id
            WHERE t.instance_id = instance.id
            ORDER BY r.state, r.seq DESC
        ) AS m;
        SELECT marks || coalesce(jsonb_object_agg(t.state, '⏳'), '{}') INTO marks
        FROM df.task AS t
        WHERE t.instance_id = instance.id AND t.status = 'live';
        header := format(
            E'Instance: %s%s\nStatus:   %s %s\n%s\n',
            instance.id, coalesce(' (' || instance.label || ')', ''),
            CASE instance.status WHEN 'completed' THEN '✓' WHEN 'failed' THEN '✗' WHEN 'cancelled' THEN '✗' WHEN 'running' THEN '⏳' ELSE '○' END,
            instance.status, coalesce(format(E'Output:   %s\n', left(df.output_v1(instance), 60)), ''));
    ELSE
        SELECT v.graph INTO graph
        FROM df.workflow AS w
        JOIN df.workflow_version AS v ON v.id = w.version_id
        WHERE asked IN (w.name, format('%I.%I', w.schema_name, w.name))
        ORDER BY w.id
        LIMIT 1;
        IF graph IS NULL THEN
            RETURN format('Cannot explain %L: it is neither an instance nor a workflow that is deployed here.', asked);
        END IF;
    END IF;
    RETURN header || (SELECT string_agg(n.line, E'\n') FROM df.explain_node_v1(graph, 0, '', marks) AS n (line));
END
$$;

-- What a df.explain call of an expression becomes: v1 is the graph of what was compiled. Frozen as what ends in _v1 is.
CREATE OR REPLACE FUNCTION df.explain(v1 jsonb) RETURNS text
LANGUAGE sql STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT string_agg(n.line, E'\n') FROM df.explain_node_v1(v1, 0, '', '{}') AS n (line);
$$;
