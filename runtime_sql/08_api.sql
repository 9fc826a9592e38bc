---------------------------------------------------------------------------------------------------------------------
-- The API: looking at one instance, waiting, stopping
---------------------------------------------------------------------------------------------------------------------
-- All of it runs with the caller's rights; row security shows an instance to its workflow's owner and members, its starter, and df's administrators. To the planner
-- it is an EXISTS that most rows pass, and it would rather read a table of millions from its beginning until it finds one: hence enable_seqscan = off.

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

-- This and the next one are volatile, as df.getvar is: what the statement that calls them has done before is seen.
CREATE OR REPLACE FUNCTION df.status(instance_id text) RETURNS text
LANGUAGE sql VOLATILE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT i.status FROM df.instance AS i WHERE i.id = $1;
$$;

-- The result of a completed instance as JSON text; NULL otherwise.
CREATE OR REPLACE FUNCTION df.result(instance_id text) RETURNS text
LANGUAGE sql VOLATILE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT i.result::text FROM df.instance AS i WHERE i.id = $1 AND i.status = 'completed';
$$;

-- What failed an instance; no row where it has not failed.
CREATE OR REPLACE FUNCTION df.error(instance_id text)
RETURNS TABLE (sqlstate text, message text, detail text, hint text, context text, step text, file text, line integer)
LANGUAGE sql STABLE STRICT
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
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
SET enable_seqscan = off
SET jit = off
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
SET enable_seqscan = off
SET jit = off
AS $$
    SELECT t.id, t.state, s.kind, s.label, v.file, s.line, t.wake_at, t.wait, t.failures + t.transient_failures + t.interrupts + t.crashes + 1
    FROM df.task AS t
    JOIN df.workflow_version AS v ON v.id = t.version_id
    LEFT JOIN df.step_def AS s ON s.version_id = t.version_id AND s.state = t.state
    WHERE t.instance_id = $1
        AND t.status = 'live'
        -- Whoever stopped it may not have got at it: it was at work, or a signal that was then rolled back held it.
        AND NOT EXISTS (SELECT FROM df.stop_scope AS o WHERE o.id = ANY (t.scopes) AND o.stopped_at IS NOT NULL)
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
BEGIN
    IF instance_id = '' THEN
        RAISE EXCEPTION 'Instance ID cannot be empty' USING ERRCODE = '22023';
    ELSIF signal_name = '' THEN
        RAISE EXCEPTION 'Signal name cannot be empty' USING ERRCODE = '22023';
    END IF;
    RETURN df.ask_v1('signal', instance_id, jsonb_build_object('name', signal_name, 'data', df.json_or_text_v1(signal_data)));
END
$$;

-- To every instance with this label that the caller may signal and that has not ended; returns to how many.
CREATE OR REPLACE FUNCTION df.signal_label(label text, signal_name text, signal_data text DEFAULT '{}') RETURNS bigint
LANGUAGE plpgsql STRICT
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    sent bigint := 0;
    target text;
BEGIN
    IF signal_name = '' THEN
        RAISE EXCEPTION 'Signal name cannot be empty' USING ERRCODE = '22023';
    END IF;
    -- In one order, so that two senders do not wait for each other.
    FOR target IN
        SELECT i.id
        FROM (SELECT DISTINCT v.owner FROM df.workflow_version AS v) AS w
        CROSS JOIN LATERAL (
            SELECT i.id, i.ended_at
            FROM df.instance AS i
            WHERE i.owner = w.owner
                AND i.label = signal_label.label
                AND octet_length(i.label) <= 1000
            UNION ALL
            -- Of an owner's all: so long a label is in no index.
            SELECT i.id, i.ended_at
            FROM df.instance AS i
            WHERE i.owner = w.owner
                AND i.label = signal_label.label
                AND octet_length(signal_label.label) > 1000
        ) AS i
        WHERE i.ended_at IS NULL
        ORDER BY i.id
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
    ELSIF EXISTS (
        SELECT
        FROM df.driver AS d
        JOIN pg_stat_activity AS a ON a.pid = pg_backend_pid() AND (a.pid, a.backend_start) = (d.pid, d.backend_start)
        WHERE d.closed_at IS NULL
            AND d.died_at IS NULL
    ) THEN
        RAISE EXCEPTION 'df.await_instance() cannot be called inside a workflow'
            USING ERRCODE = '25001', DETAIL = 'The step would hold its driver up, which may be the one that the other instance waits for.',
                HINT = 'Let the other instance send a signal when it is done, and wait for that: df.wait_for_signal().';
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

-- The name that it had first.
CREATE OR REPLACE FUNCTION df.wait_for_completion(instance_id text, timeout_seconds integer DEFAULT 30) RETURNS text
LANGUAGE plpgsql STRICT
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE WARNING 'df.wait_for_completion() is deprecated' USING ERRCODE = '01P01', HINT = 'Call df.await_instance().';
    RETURN df.await_instance(instance_id, timeout_seconds);
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
LANGUAGE sql VOLATILE STRICT
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
