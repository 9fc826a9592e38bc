---------------------------------------------------------------------------------------------------------------------
-- Looking at many instances: lists and numbers
---------------------------------------------------------------------------------------------------------------------
-- Row security decides what is seen; it cannot decide what is read. Its condition is an OR of owner, starter and administrator, which no index answers, so a
-- plain query over df.instance looks at every row there is. Each function below asks along an index, owner by owner, newest first, and stops when it has enough.
--
-- A filter that few rows pass would read on to the end of such an index. Failed and cancelled instances have an index of their own (partial, on columns that no
-- other instance ever has, so that it costs the others little), and so has the label. Those in flight have none: it would make the update that ends an
-- instance cost all of them. They are looked for among the newest, and if there are not enough, by their tasks.

-- The newest instances that the caller may see: those of each owner whose rights he has, and those that he started himself. No more of each than what tells them
-- apart, for many may be looked at.
CREATE OR REPLACE FUNCTION df.newest_listed_v1(p_status text, p_label text, p_before timestamptz, p_after_id text, p_limit integer)
RETURNS TABLE (id text, created_at timestamptz, status text, label text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
SET enable_bitmapscan = off
AS $$
    SELECT found.id, found.created_at, found.status, found.label
    FROM (
        SELECT o.*
        FROM (
            -- Of versions: a workflow may have been dropped and its name be another owner's by now.
            SELECT DISTINCT v.owner
            FROM df.workflow_version AS v
            WHERE v.owner::oid = ANY ((SELECT df.visible_roles())::oid[])
                OR pg_has_role((SELECT n.nspowner FROM pg_namespace AS n WHERE n.nspname = 'df'), 'USAGE')
        ) AS w
        CROSS JOIN LATERAL (
            SELECT i.id, i.created_at, i.status, i.label
            FROM df.instance AS i
            WHERE i.owner = w.owner
                AND (p_status IS NULL OR i.status = p_status)
                AND (p_label IS NULL OR i.label = p_label)
                AND i.created_at <= p_before
                AND (i.created_at < p_before OR i.id > p_after_id)
            ORDER BY i.created_at DESC, i.id
            LIMIT p_limit
        ) AS o
        UNION
        SELECT s.*
        FROM (
            SELECT i.id, i.created_at, i.status, i.label
            FROM df.instance AS i
            WHERE i.starter = quote_ident(current_user)::regrole
                AND (p_status IS NULL OR i.status = p_status)
                AND (p_label IS NULL OR i.label = p_label)
                AND i.created_at <= p_before
                AND (i.created_at < p_before OR i.id > p_after_id)
            ORDER BY i.created_at DESC, i.id
            LIMIT p_limit
        ) AS s
    ) AS found
    ORDER BY found.created_at DESC, found.id
    LIMIT p_limit;
$$;

-- The same of those that failed, that were cancelled, or that have a label: of any owner, for row security takes away what the caller may not see, and these are
-- few.
CREATE OR REPLACE FUNCTION df.newest_marked_v1(p_status text, p_label text, p_before timestamptz, p_after_id text, p_limit integer) RETURNS SETOF df.instance
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
SET enable_bitmapscan = off
AS $$
    SELECT o.*
    FROM (SELECT DISTINCT v.owner FROM df.workflow_version AS v) AS w
    CROSS JOIN LATERAL (
        (
            SELECT i.*
            FROM df.instance AS i
            WHERE p_status = 'failed'
                AND i.owner = w.owner
                AND i.failed_seq IS NOT NULL
                AND i.status = p_status
                AND (p_label IS NULL OR i.label = p_label)
                AND i.created_at <= p_before
                AND (i.created_at < p_before OR i.id > p_after_id)
            ORDER BY i.created_at DESC, i.id
            LIMIT p_limit
        )
        UNION ALL
        (
            SELECT i.*
            FROM df.instance AS i
            WHERE p_status = 'cancelled'
                AND i.owner = w.owner
                AND i.reason IS NOT NULL
                AND i.status = p_status
                AND (p_label IS NULL OR i.label = p_label)
                AND i.created_at <= p_before
                AND (i.created_at < p_before OR i.id > p_after_id)
            ORDER BY i.created_at DESC, i.id
            LIMIT p_limit
        )
        UNION ALL
        (
            SELECT i.*
            FROM df.instance AS i
            WHERE coalesce(p_status NOT IN ('failed', 'cancelled'), true)
                AND i.owner = w.owner
                AND i.label = p_label
                AND octet_length(i.label) <= 1000
                AND (p_status IS NULL OR i.status = p_status)
                AND i.created_at <= p_before
                AND (i.created_at < p_before OR i.id > p_after_id)
            ORDER BY i.created_at DESC, i.id
            LIMIT p_limit
        )
    ) AS o
    ORDER BY o.created_at DESC, o.id
    LIMIT p_limit;
$$;

-- The same of those in flight, by their tasks: a live task is due at some time, or waits for a signal, or for tasks that do.
CREATE OR REPLACE FUNCTION df.newest_live_v1(p_status text, p_label text, p_before timestamptz, p_after_id text, p_limit integer) RETURNS SETOF df.instance
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
    SELECT i.*
    FROM (
        SELECT t.instance_id FROM df.task AS t WHERE t.wake_at IS NOT NULL
        UNION
        SELECT t.instance_id FROM df.task AS t WHERE t.signal_name IS NOT NULL AND t.status = 'live'
    ) AS t
    JOIN df.instance AS i ON i.id = t.instance_id
    WHERE i.status = p_status
        AND (p_label IS NULL OR i.label = p_label)
        AND i.created_at <= p_before
        AND (i.created_at < p_before OR i.id > p_after_id)
    ORDER BY i.created_at DESC, i.id
    LIMIT p_limit;
$$;

-- The newest instances that the caller may see, behind (p_before, p_after_id), by whichever of these ways is short.
CREATE OR REPLACE FUNCTION df.newest_instances_v1(p_status text, p_label text, p_before timestamptz, p_after_id text, p_limit integer) RETURNS SETOF df.instance
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    before CONSTANT timestamptz := coalesce(p_before, 'infinity');
    after_id CONSTANT text := coalesce(p_after_id, '');
    is_in_flight CONSTANT boolean := coalesce(p_status IN ('pending', 'running'), false);
    has_index boolean := p_status IN ('failed', 'cancelled');
    looks_at integer := 1000;
    newest record;
BEGIN
    IF p_status NOT IN ('pending', 'running', 'completed', 'failed', 'cancelled', 'paused', 'compensating', 'compensated') THEN
        RETURN;
    ELSIF octet_length(p_label) <= 1000 THEN
        -- Few carry a label, as a rule.
        has_index := NOT is_in_flight OR has_index OR (SELECT count(*) < looks_at FROM df.newest_marked_v1(NULL, p_label, before, after_id, looks_at) AS i);
    END IF;
    IF has_index THEN
        RETURN QUERY SELECT i.* FROM df.newest_marked_v1(p_status, p_label, before, after_id, p_limit) AS i;
        RETURN;
    END IF;
    WHILE is_in_flight LOOP
        SELECT count(*) AS count, count(*) FILTER (WHERE i.status = p_status AND (p_label IS NULL OR i.label = p_label)) AS found
        INTO newest
        FROM df.newest_listed_v1(NULL, NULL, before, after_id, looks_at) AS i;
        EXIT WHEN newest.found >= p_limit OR newest.count < looks_at;
        looks_at := looks_at * 8;
        -- To look up a live task costs what some rows cost along the index; the statistics tell how many there are.
        IF looks_at > 3 * (SELECT sum(c.reltuples) FROM pg_class AS c WHERE c.oid IN ('df.task_due'::regclass, 'df.task_braced_or_waiting'::regclass)) THEN
            RETURN QUERY SELECT i.* FROM df.newest_live_v1(p_status, p_label, before, after_id, p_limit) AS i;
            RETURN;
        END IF;
    END LOOP;
    RETURN QUERY
        SELECT i.*
        FROM df.newest_listed_v1(p_status, p_label, before, after_id, p_limit) AS n
        JOIN df.instance AS i ON i.id = n.id
        ORDER BY i.created_at DESC, i.id;
END
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
SET enable_seqscan = off
SET jit = off
AS $$
    SELECT i.id, i.label, df.workflow_name_v1(i.workflow_id), v.hash, 1::bigint, i.status, df.output_v1(i)
    FROM df.instance AS i
    JOIN df.workflow_version AS v ON v.id = i.version_id
    WHERE i.id = $1;
$$;

-- One row for each time that the engine of pg_durable would have begun an instance anew: here there is one, for a loop goes on within it. status is in the
-- words of that engine; a cancelled instance has failed for it.
CREATE OR REPLACE FUNCTION df.instance_executions(instance_id text, limit_count integer DEFAULT 5)
RETURNS TABLE (execution_id bigint, status text, event_count bigint, duration_ms bigint, output text)
LANGUAGE plpgsql STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF limit_count < 1 THEN
        RAISE EXCEPTION 'limit_count must be at least 1' USING ERRCODE = '22023';
    END IF;
    RETURN QUERY
        SELECT
            1::bigint,
            CASE WHEN i.ended_at IS NULL THEN 'Running' WHEN i.status = 'completed' THEN 'Completed' ELSE 'Failed' END,
            (SELECT coalesce(sum(t.seq), 0)::bigint FROM df.task AS t WHERE t.instance_id = i.id),
            (extract(epoch FROM coalesce(i.ended_at, df.now()) - i.created_at) * 1000)::bigint,
            df.output_v1(i)
        FROM df.instance AS i
        WHERE i.id = instance_executions.instance_id;
END
$$;

-- Numbers for a dashboard, of all owners: so it is not for everybody, and df.grant_usage(..., with_grant => true) gives it. It counts every instance and every
-- task that is kept.
CREATE OR REPLACE FUNCTION df.metrics()
RETURNS TABLE (
    total_instances bigint, running_instances bigint, completed_instances bigint, failed_instances bigint, total_executions bigint, total_events bigint
)
LANGUAGE sql STABLE STRICT SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT i.total, i.running, i.completed, i.failed, t.executions, t.events
    FROM (
        SELECT
            count(*) AS total, count(*) FILTER (WHERE i.status = 'running') AS running, count(*) FILTER (WHERE i.status = 'completed') AS completed,
            count(*) FILTER (WHERE i.status = 'failed') AS failed
        FROM df.instance AS i
    ) AS i
    CROSS JOIN (SELECT count(*) AS executions, coalesce(sum(t.seq), 0)::bigint AS events FROM df.task AS t) AS t;
$$;
REVOKE ALL ON FUNCTION df.metrics() FROM PUBLIC;
