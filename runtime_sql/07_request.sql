---------------------------------------------------------------------------------------------------------------------
-- Requests: starts, cancels, deployments
---------------------------------------------------------------------------------------------------------------------
-- An API function runs with its caller's rights and inserts into df.request; row security lets only the truth into `caller`. This trigger
-- then acts with df's rights. A rolled-back transaction takes its requests with it.

-- A routine by its name and the types of its arguments; NULL where there is none. Not through regprocedure: that asks for USAGE on the schema, which
-- df's owner need not have.
CREATE OR REPLACE FUNCTION df.find_routine_v1(p_schema text, p_name text, p_argument_types text) RETURNS oid
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
    SELECT p.oid
    FROM pg_proc AS p
    JOIN pg_namespace AS n ON n.oid = p.pronamespace
    WHERE n.nspname = p_schema
        AND p.proname = p_name
        AND p_argument_types = (
            SELECT coalesce(string_agg(format_type(a.type, -1), ', ' ORDER BY a.position), '')
            FROM unnest(p.proargtypes) WITH ORDINALITY AS a (type, position)
        );
$$;

CREATE OR REPLACE FUNCTION df.has_role_v1(p_member regrole, p_role regrole) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT pg_has_role(p_member::oid, p_role::oid, 'USAGE');
$$;

-- The instance, if the caller may act on it: its workflow's owner (and members), its starter, df's administrators.
CREATE OR REPLACE FUNCTION df.require_instance_v1(p_caller regrole, p_instance_id text) RETURNS df.instance
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    instance df.instance;
BEGIN
    SELECT i.* INTO instance FROM df.instance AS i WHERE i.id = p_instance_id;
    IF instance.id IS NULL
        OR NOT (
            df.has_role_v1(p_caller, instance.owner)
            OR p_caller = instance.starter
            OR df.has_role_v1(p_caller, (SELECT n.nspowner FROM pg_namespace AS n WHERE n.nspname = 'df')::regrole)
        )
    THEN
        RAISE EXCEPTION 'Instance not found or access denied: %', p_instance_id USING ERRCODE = 'PD002';
    END IF;
    RETURN instance;
END
$$;

-- The version that a starter or df.start_workflow starts, if the caller may: EXECUTE on the starter is the right to it.
CREATE OR REPLACE FUNCTION df.find_version_v1(p_caller regrole, p_payload jsonb) RETURNS df.workflow_version
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    workflow df.workflow;
    version df.workflow_version;
    starter oid;
BEGIN
    SELECT w.* INTO workflow
    FROM df.workflow AS w
    WHERE w.schema_name = p_payload ->> 'schema'
        AND w.name = p_payload ->> 'name';
    -- Against df.prune_versions, which takes it FOR UPDATE.
    SELECT v.* INTO version
    FROM df.workflow_version AS v
    WHERE v.workflow_id = workflow.id
        AND CASE WHEN p_payload ? 'hash' THEN v.hash = p_payload ->> 'hash' ELSE v.id = workflow.version_id END
    FOR KEY SHARE;
    starter := df.find_routine_v1(workflow.schema_name, workflow.name, workflow.argument_types);
    IF version.id IS NULL
        OR workflow.version_id IS NULL
        OR version.owner <> workflow.owner
        -- Somebody else's function of that name gives no right.
        OR (SELECT p.proowner FROM pg_proc AS p WHERE p.oid = starter) IS DISTINCT FROM workflow.owner::oid
    THEN
        RAISE EXCEPTION 'workflow %.% is not deployed here', p_payload ->> 'schema', p_payload ->> 'name' USING ERRCODE = 'PD005';
    ELSIF version.id <> workflow.version_id THEN
        -- The right to start a workflow is one to what it is now: a version may have been superseded because it should not run any more.
        RAISE EXCEPTION 'this version of workflow %.% has been superseded', workflow.schema_name, workflow.name
            USING ERRCODE = 'PD005', HINT = 'If the workflow was deployed at this very moment, start it again.';
    END IF;
    IF NOT has_function_privilege(p_caller::oid, starter, 'EXECUTE') THEN
        RAISE EXCEPTION 'permission denied for workflow %.%', workflow.schema_name, workflow.name
            USING ERRCODE = '42501', HINT = format('Its owner can grant it: GRANT EXECUTE ON FUNCTION %s TO %s;', starter::regprocedure, p_caller);
    END IF;
    IF version.has_raw_vars AND NOT df.has_role_v1(p_caller, version.owner) THEN
        RAISE EXCEPTION 'only its owner can start workflow %.%', workflow.schema_name, workflow.name
            USING ERRCODE = 'PD004',
                DETAIL = 'Variables of the starter stand in it as raw SQL text, which runs with the owner''s rights.',
                HINT = 'Write them inside string literals, or use parameters.';
    END IF;
    RETURN version;
END
$$;

-- The version that a df.start call starts: the caller's own; else, as a function without a schema would be found, one along its search_path on whose
-- procedure it has EXECUTE. Another role's version elsewhere is never taken: whoever knows a hash could answer to it.
CREATE OR REPLACE FUNCTION df.find_call_v1(p_caller regrole, p_payload jsonb) RETURNS df.workflow_version
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    schemas CONSTANT text[] := ARRAY(SELECT jsonb_array_elements_text(p_payload -> 'schemas'));
    found record;
    version df.workflow_version;
    other df.workflow_version;
BEGIN
    -- The caller's own of the current schema and path comes first; of the rest there must be no two to choose from.
    SELECT
        c.id,
        count(*) OVER () > 1 AND (c.place IS DISTINCT FROM 1 OR NOT c.is_same_path OR NOT c.is_own) AS is_ambiguous
    INTO found
    FROM (
        SELECT
            v.id,
            v.owner = p_caller AS is_own,
            array_position(schemas, v.schema_name) AS place,
            v.search_path = p_payload ->> 'search_path' AS is_same_path,
            bool_or(v.owner = p_caller) OVER () AS has_own
        FROM df.workflow_version AS v
        JOIN pg_proc AS p ON p.oid = df.find_routine_v1(v.schema_name, v.procedure_name, 'df.step_v1')
        WHERE v.hash = p_payload ->> 'hash'
            AND v.call IS NOT NULL
            AND p.proowner = v.owner::oid
            AND has_function_privilege(p_caller::oid, p.oid, 'EXECUTE')
    ) AS c
    WHERE c.is_own = c.has_own
        AND (c.is_own OR c.place IS NOT NULL)
    ORDER BY c.place = 1 AND c.is_same_path DESC NULLS LAST, c.id
    LIMIT 1;
    IF found.id IS NULL THEN
        SELECT v.* INTO other
        FROM df.workflow_version AS v
        WHERE v.hash = p_payload ->> 'hash'
            AND v.call IS NOT NULL
        ORDER BY v.id
        LIMIT 1;
        IF other.id IS NULL THEN
            RAISE EXCEPTION 'the workflow of this df.start call is not defined here'
                USING ERRCODE = 'PD005', HINT = 'Run the compiled script as a whole: the definition stands before the statement.';
        END IF;
        RAISE EXCEPTION 'permission denied for the workflow of this df.start call'
            USING ERRCODE = '42501',
                DETAIL = format('It was defined by %s in the schema %I.', other.owner, other.schema_name),
                HINT = format('Make the function around the call SECURITY DEFINER; or GRANT EXECUTE ON PROCEDURE %I.%I(df.step_v1) TO %s, with that schema in the search_path.',
                    other.schema_name, other.procedure_name, p_caller);
    ELSIF found.is_ambiguous THEN
        RAISE EXCEPTION 'the workflow of this df.start call is defined more than once here'
            USING ERRCODE = 'PD005',
                HINT = 'Give the function around the call the search_path under which it was made: ALTER FUNCTION ... SET search_path = ...';
    END IF;
    -- Against df.prune_versions, which takes it FOR UPDATE.
    SELECT v.* INTO version FROM df.workflow_version AS v WHERE v.id = found.id FOR KEY SHARE;
    IF version.has_raw_vars AND NOT df.has_role_v1(p_caller, version.owner) THEN
        RAISE EXCEPTION 'only its owner can make this df.start call'
            USING ERRCODE = 'PD004',
                DETAIL = 'SQL text that the call puts together would run with the owner''s rights.',
                HINT = 'Make the function around the call SECURITY DEFINER, and check there what goes into the text.';
    END IF;
    RETURN version;
END
$$;

-- {"schema", "name", "hash", "args", "label", "key"}, or for a call {"call": true, "hash", "schemas", "search_path", "args", "label"} -> instance id. A
-- key that is taken gives the first instance.
CREATE OR REPLACE FUNCTION df.act_start_v1(p_caller regrole, p_payload jsonb) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    version df.workflow_version;
    moment CONSTANT timestamptz := df.now();
    instance_id text;
    scope_id bigint;
BEGIN
    IF p_payload ? 'call' THEN
        version := df.find_call_v1(p_caller, p_payload);
    ELSE
        version := df.find_version_v1(p_caller, p_payload);
    END IF;

    IF p_payload ->> 'key' IS NOT NULL THEN
        SELECT i.id INTO instance_id FROM df.instance AS i WHERE i.workflow_id = version.workflow_id AND i.key = p_payload ->> 'key';
        IF instance_id IS NOT NULL THEN
            RETURN instance_id;
        END IF;
    END IF;

    FOR attempt IN 1 .. 20 LOOP
        -- 8 digits, as users know them; longer where the space fills up.
        instance_id := left(replace(gen_random_uuid()::text, '-', ''), CASE WHEN attempt <= 5 THEN 8 ELSE 16 END);
        INSERT INTO df.instance AS i (
            id, workflow_id, version_id, owner, starter, label, key, args, vars, status, start_xact, created_at)
        VALUES (
            instance_id, version.workflow_id, version.id, version.owner, p_caller, p_payload ->> 'label', p_payload ->> 'key', coalesce(p_payload -> 'args', '{}'),
            coalesce((SELECT jsonb_object_agg(s.name, s.value) FROM df.vars AS s WHERE s.owner = p_caller AND s.value IS NOT NULL), '{}'),
            'pending', pg_current_xact_id(), moment)
        ON CONFLICT DO NOTHING
        RETURNING i.id INTO instance_id;
        EXIT WHEN instance_id IS NOT NULL;
        IF p_payload ->> 'key' IS NOT NULL THEN
            -- Somebody else started with this key while we waited for it.
            SELECT i.id INTO instance_id FROM df.instance AS i WHERE i.workflow_id = version.workflow_id AND i.key = p_payload ->> 'key';
            IF instance_id IS NOT NULL THEN
                RETURN instance_id;
            END IF;
        END IF;
    END LOOP;
    IF instance_id IS NULL THEN
        RAISE EXCEPTION 'the key "%" was taken by a start that this transaction cannot see', p_payload ->> 'key'
            USING ERRCODE = '40001', HINT = 'Try the transaction again.';
    END IF;

    INSERT INTO df.stop_scope AS s (instance_id, kind) VALUES (instance_id, 'instance') RETURNING s.id INTO scope_id;
    INSERT INTO df.task (instance_id, owner, version_id, scopes, state, last_state, wake_at, is_traced)
    VALUES (instance_id, version.owner, version.id, ARRAY[scope_id], 1, version.last_state, moment, version.is_traced);
    -- Empty, so that many starts of a transaction are one notification.
    PERFORM pg_notify('pgdurc', '');
    RETURN instance_id;
END
$$;

CREATE OR REPLACE FUNCTION df.act_cancel_v1(p_caller regrole, p_instance_id text, p_reason text) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    moment CONSTANT timestamptz := df.now();
BEGIN
    PERFORM df.require_instance_v1(p_caller, p_instance_id);
    -- Waits for a step that is just committing, and makes every later one see the stop.
    PERFORM FROM df.stop_scope AS s WHERE s.instance_id = p_instance_id ORDER BY s.id FOR UPDATE;
    -- And those that were made while it waited for the first, which is the instance's; without that nobody makes any but a race's.
    PERFORM FROM df.stop_scope AS s WHERE s.instance_id = p_instance_id ORDER BY s.id FOR UPDATE;
    UPDATE df.instance AS i
    SET status = 'cancelled',
        reason = p_reason,
        ended_at = moment
    WHERE i.id = p_instance_id
        AND i.ended_at IS NULL;
    IF FOUND THEN
        UPDATE df.stop_scope AS s
        SET stopped_at = moment,
            stop_xact = pg_current_xact_id()
        WHERE s.instance_id = p_instance_id
            AND s.stopped_at IS NULL;
        -- A task whose step is running is settled by its driver.
        UPDATE df.task AS t
        SET status = 'stopped',
            wake_at = NULL
        WHERE t.id IN (
            SELECT l.id FROM df.task AS l WHERE l.instance_id = p_instance_id AND l.status = 'live' FOR UPDATE SKIP LOCKED
        );
    END IF;
    RETURN format('Instance %s cancelled: %s', p_instance_id, p_reason);
END
$$;

-- Puts a signal into the inbox of an instance and wakes who waits for it. The scope serialises it with whoever is just going to wait.
CREATE OR REPLACE FUNCTION df.act_signal_v1(p_caller regrole, p_instance_id text, p_name text, p_payload jsonb) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    moment CONSTANT timestamptz := df.now();
    waiters bigint[];
    woken bigint[];
    signal_id bigint;
BEGIN
    PERFORM df.require_instance_v1(p_caller, p_instance_id);
    PERFORM FROM df.stop_scope AS s WHERE s.instance_id = p_instance_id AND s.kind = 'instance' FOR NO KEY UPDATE;
    IF NOT EXISTS (SELECT FROM df.instance AS i WHERE i.id = p_instance_id AND i.ended_at IS NULL) THEN
        -- It has ended, and will not look.
        RETURN 'OK';
    END IF;
    -- None comes while the scope is held.
    waiters := ARRAY(
        SELECT w.id
        FROM df.task AS w
        WHERE w.instance_id = p_instance_id
            AND w.status = 'live'
            AND w.wait = 'signal'
            -- Not `w.signal_name = p_name`: for that the index of those who wait looks best to the planner when nobody does, and all of it would be read ever after.
            AND coalesce(w.signal_name = p_name, false)
    );
    IF waiters = '{}' THEN
        INSERT INTO df.signal (instance_id, name, payload, sender, sent_at) VALUES (p_instance_id, p_name, p_payload, p_caller, moment);
    END IF;
    WHILE waiters <> '{}' LOOP
        BEGIN
            INSERT INTO df.signal AS s (instance_id, name, payload, sender, sent_at)
            VALUES (p_instance_id, p_name, p_payload, p_caller, moment)
            RETURNING s.id INTO signal_id;
            -- All of them: the one that takes it may be stopped before it commits, and nobody would wake the next. Whoever is at work looks again before it parks.
            WITH task AS (
                UPDATE df.task AS t
                SET wake_at = moment
                WHERE t.id IN (
                    SELECT w.id
                    FROM df.task AS w
                    WHERE w.id = ANY (waiters)
                        AND w.status = 'live'
                        AND w.wait = 'signal'
                        AND coalesce(w.signal_name = p_name, false)
                    FOR UPDATE SKIP LOCKED
                )
                RETURNING t.id
            )
            SELECT coalesce(array_agg(task.id), '{}') INTO woken FROM task;
            -- One that has just gone on is locked by accident, see df.release_v1, and would be for as long as this transaction is left open: once more without it.
            EXIT WHEN NOT EXISTS (
                SELECT
                FROM df.task AS t
                JOIN df.signal AS s ON s.xmin = t.xmax
                WHERE t.id = ANY (waiters)
                    AND t.id <> ALL (woken)
                    AND s.id = signal_id
            );
            RAISE EXCEPTION 'locked by accident';
        EXCEPTION WHEN raise_exception THEN
            -- Rolled back, and the locks are gone.
        END;
    END LOOP;
    PERFORM pg_notify('pgdurc', '');
    RETURN 'OK';
END
$$;

-- {"schema", "name", "hash", "search_path", "signature", "definition": {...}} -> what was done.
CREATE OR REPLACE FUNCTION df.act_register_v1(p_caller regrole, p_payload jsonb) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET quote_all_identifiers = off
AS $$
DECLARE
    moment CONSTANT timestamptz := df.now();
    definition CONSTANT jsonb := p_payload -> 'definition';
    options CONSTANT jsonb := coalesce(definition -> 'options', '{}');
    written_name CONSTANT text := format('%I.%I', p_payload ->> 'schema', p_payload ->> 'name');
    procedure_name CONSTANT text := (p_payload ->> 'name') || '__' || (p_payload ->> 'hash');
    workflow df.workflow;
    version df.workflow_version;
    starter record;
BEGIN
    IF (SELECT r.rolsuper FROM pg_roles AS r WHERE r.oid = p_caller) THEN
        RAISE EXCEPTION 'a superuser cannot own a workflow'
            USING ERRCODE = 'PD004', HINT = 'Deploy as an ordinary role: steps run with the rights of the owner.';
    END IF;
    -- What the catalog says of the starter, not what the caller says.
    SELECT
        count(DISTINCT p.oid) AS functions,
        coalesce(string_agg(format_type(a.type, -1), ', ' ORDER BY a.position), '') AS argument_types,
        coalesce(
            jsonb_agg(jsonb_build_object('name', p.proargnames[a.position], 'type', format_type(a.type, -1)) ORDER BY a.position)
                FILTER (WHERE a.type IS NOT NULL),
            '[]') AS parameters
    INTO starter
    FROM pg_proc AS p
    JOIN pg_namespace AS n ON n.oid = p.pronamespace
    LEFT JOIN LATERAL unnest(p.proargtypes) WITH ORDINALITY AS a (type, position) ON true
    WHERE n.nspname = p_payload ->> 'schema'
        AND p.proname = p_payload ->> 'name'
        AND p.prokind = 'f'
        AND p.proowner = p_caller;
    IF starter.functions <> 1
        OR NOT EXISTS (
            SELECT
            FROM pg_proc AS p
            WHERE p.oid = df.find_routine_v1(p_payload ->> 'schema', procedure_name, 'df.step_v1')
                AND p.proowner = p_caller
        )
    THEN
        RAISE EXCEPTION 'workflow %: its step procedure and its starter must exist and belong to %', written_name, p_caller
            USING ERRCODE = 'PD004', HINT = 'Run the compiled script as a whole, as one role.';
    END IF;

    INSERT INTO df.workflow AS w (schema_name, name, owner, created_at)
    VALUES (p_payload ->> 'schema', p_payload ->> 'name', p_caller, moment)
    ON CONFLICT (schema_name, name) DO NOTHING;
    SELECT w.* INTO workflow FROM df.workflow AS w WHERE w.schema_name = p_payload ->> 'schema' AND w.name = p_payload ->> 'name' FOR UPDATE;
    IF workflow.owner <> p_caller THEN
        IF workflow.version_id IS NOT NULL THEN
            RAISE EXCEPTION 'workflow % belongs to %', written_name, workflow.owner
                USING ERRCODE = '42501', HINT = format('Deploy it as %s, or under another name or schema.', workflow.owner);
        END IF;
    END IF;

    SELECT v.* INTO version FROM df.workflow_version AS v WHERE v.workflow_id = workflow.id AND v.hash = p_payload ->> 'hash';
    IF version.id IS NULL THEN
        INSERT INTO df.workflow_version (
            workflow_id, hash, schema_name, procedure_name, owner, search_path, parameters, max_attempts, backoff, backoff_max,
            is_traced, has_raw_vars, last_state, graph, source, file, line, created_at)
        VALUES (
            workflow.id, p_payload ->> 'hash', p_payload ->> 'schema', procedure_name, p_caller, p_payload ->> 'search_path', starter.parameters,
            coalesce((options ->> 'max_attempts')::integer, 1),
            coalesce((options ->> 'backoff')::interval, '1 second'),
            -- With its jitter it must not leave the range of a timestamp: that would take the driver down.
            least(coalesce((options ->> 'backoff_max')::interval, '5 minutes'), '100000 years'),
            coalesce(options ->> 'trace' = 'full', false),
            coalesce((definition ->> 'raw_vars')::boolean, false),
            jsonb_array_length(definition -> 'states'), definition -> 'graph', definition ->> 'source',
            definition ->> 'file', (definition ->> 'line')::integer, moment)
        RETURNING * INTO version;
    ELSIF version.search_path <> p_payload ->> 'search_path' THEN
        RAISE EXCEPTION 'this version of workflow % was deployed with another search_path', written_name
            USING ERRCODE = 'PD004',
                DETAIL = format('It was %s, now it is %s; instances in flight would change their meaning.', version.search_path, p_payload ->> 'search_path'),
                HINT = format('SET search_path = %s; before it, or change the workflow.', version.search_path);
    ELSIF version.owner <> p_caller THEN
        RAISE EXCEPTION 'this version of workflow % belongs to %', written_name, version.owner USING ERRCODE = '42501';
    ELSE
        UPDATE df.workflow_version AS v
        SET graph = definition -> 'graph',
            source = definition ->> 'source',
            file = definition ->> 'file',
            line = (definition ->> 'line')::integer
        WHERE v.id = version.id;
        DELETE FROM df.step_def AS s WHERE s.version_id = version.id;
    END IF;
    INSERT INTO df.step_def (version_id, state, kind, label, line, name)
    SELECT version.id, s.state, s.kind, s.label, s.line, s.name
    FROM jsonb_to_recordset(definition -> 'states') AS s (state integer, kind text, label text, line integer, name text);

    UPDATE df.workflow AS w
    SET owner = p_caller,
        version_id = version.id,
        signature = p_payload ->> 'signature',
        argument_types = starter.argument_types
    WHERE w.id = workflow.id;
    RETURN CASE WHEN version.id = workflow.version_id THEN 'unchanged' ELSE 'deployed' END;
END
$$;

-- {"schema", "name", "hash", "search_path", "definition": {...}}: the version of a df.start call, whose step procedure has just been made.
CREATE OR REPLACE FUNCTION df.act_define_call_v1(p_caller regrole, p_payload jsonb) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    moment CONSTANT timestamptz := df.now();
    definition CONSTANT jsonb := p_payload -> 'definition';
    kind CONSTANT text := CASE WHEN (definition ->> 'is_stored')::boolean THEN 'stored' ELSE 'statement' END;
    workflow df.workflow;
    version df.workflow_version;
BEGIN
    IF NOT EXISTS (
        SELECT
        FROM pg_proc AS p
        WHERE p.oid = df.find_routine_v1(p_payload ->> 'schema', p_payload ->> 'name', 'df.step_v1')
            AND p.proowner = p_caller
    )
    THEN
        RAISE EXCEPTION 'the procedure of a df.start call must exist and belong to %', p_caller USING ERRCODE = 'PD004';
    END IF;
    INSERT INTO df.workflow AS w (schema_name, name, owner, created_at)
    VALUES (p_payload ->> 'schema', p_payload ->> 'name', p_caller, moment)
    ON CONFLICT (schema_name, name) DO NOTHING;
    SELECT w.* INTO workflow FROM df.workflow AS w WHERE w.schema_name = p_payload ->> 'schema' AND w.name = p_payload ->> 'name' FOR UPDATE;
    SELECT v.* INTO version FROM df.workflow_version AS v WHERE v.workflow_id = workflow.id;
    IF workflow.owner <> p_caller
        OR workflow.version_id IS NOT NULL
        OR version.id IS NOT NULL AND (version.call IS NULL OR version.hash <> p_payload ->> 'hash' OR version.search_path <> p_payload ->> 'search_path')
    THEN
        RAISE EXCEPTION '%.% is the name of another workflow', p_payload ->> 'schema', p_payload ->> 'name' USING ERRCODE = '42723';
    ELSIF version.id IS NOT NULL THEN
        UPDATE df.workflow_version AS v
        SET call = CASE WHEN v.call = 'stored' THEN v.call ELSE kind END,
            asked_at = moment
        WHERE v.id = version.id;
        RETURN 'unchanged';
    END IF;
    INSERT INTO df.workflow_version (
        workflow_id, hash, schema_name, procedure_name, owner, search_path, parameters, has_raw_vars, last_state, graph, source, file, line, call,
        created_at, asked_at)
    VALUES (
        workflow.id, p_payload ->> 'hash', p_payload ->> 'schema', p_payload ->> 'name', p_caller, p_payload ->> 'search_path',
        -- A hidden parameter is text, whatever it says of itself.
        (
            SELECT coalesce(jsonb_agg(jsonb_build_object('name', p.item ->> 'name', 'type', 'text')), '[]')
            FROM jsonb_array_elements(definition -> 'parameters') AS p (item)
        ),
        coalesce((definition ->> 'raw_vars')::boolean, false), jsonb_array_length(definition -> 'states'), definition -> 'graph',
        definition ->> 'source', definition ->> 'file', (definition ->> 'line')::integer, kind, moment, moment)
    RETURNING * INTO version;
    INSERT INTO df.step_def (version_id, state, kind, label, line, name)
    SELECT version.id, s.state, s.kind, s.label, s.line, s.name
    FROM jsonb_to_recordset(definition -> 'states') AS s (state integer, kind text, label text, line integer, name text);
    RETURN 'defined';
END
$$;

-- The starter is gone; versions stay until they are pruned.
CREATE OR REPLACE FUNCTION df.act_unregister_v1(p_caller regrole, p_payload jsonb) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE df.workflow AS w
    SET version_id = NULL,
        signature = NULL,
        argument_types = NULL
    WHERE w.schema_name = p_payload ->> 'schema'
        AND w.name = p_payload ->> 'name'
        AND df.has_role_v1(p_caller, w.owner);
    IF NOT FOUND THEN
        RAISE EXCEPTION 'workflow %.% is not %''s', p_payload ->> 'schema', p_payload ->> 'name', p_caller USING ERRCODE = '42501';
    END IF;
    RETURN 'dropped';
END
$$;

-- Forgets a version if it is superseded and no instance needs it; 'kept' otherwise.
CREATE OR REPLACE FUNCTION df.act_prune_v1(p_caller regrole, p_payload jsonb) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    version df.workflow_version;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'df.prune_versions() cannot see which instances need a version in a % transaction', current_setting('transaction_isolation')
            USING ERRCODE = '25001', HINT = 'Prune in a READ COMMITTED transaction.';
    END IF;
    -- First without a lock, which would hold up who starts a version that is kept. Then again under the lock: a start may have been first. One that is at it keeps
    -- its version; to wait for it would be to wait for a transaction that may start another one next, which is locked here.
    FOR look IN 1 .. 2 LOOP
        IF look = 2 THEN
            PERFORM FROM df.workflow_version AS v WHERE v.id = version.id FOR UPDATE SKIP LOCKED;
            IF NOT FOUND THEN
                RETURN 'kept';
            END IF;
        END IF;
        SELECT v.* INTO version
        FROM df.workflow_version AS v
        WHERE v.id = (p_payload ->> 'version_id')::bigint
            AND df.has_role_v1(p_caller, v.owner);
        IF version.id IS NULL
            OR EXISTS (SELECT FROM df.workflow AS w WHERE w.version_id = version.id)
            OR EXISTS (SELECT FROM df.instance AS i WHERE i.version_id = version.id)
            OR version.call = 'stored'
            -- Its script may be just before the call.
            OR version.asked_at > df.now() - interval '1 day'
        THEN
            RETURN 'kept';
        END IF;
    END LOOP;
    DELETE FROM df.step_def AS s WHERE s.version_id = version.id;
    DELETE FROM df.workflow_version AS v WHERE v.id = version.id;
    DELETE FROM df.workflow AS w WHERE w.id = version.workflow_id AND version.call IS NOT NULL;
    RETURN 'pruned';
END
$$;

-- {"owner", "driver"}: from now on that login role drives that owner's workflows. Their steps run in its sessions, where RESET ROLE gives them its rights: so it is the
-- driver who must agree. That it is a member shows that whoever may give the owner's rights away has done so.
CREATE OR REPLACE FUNCTION df.act_grant_driver_v1(p_caller regrole, p_payload jsonb) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    owner pg_roles;
    driver pg_roles;
BEGIN
    SELECT r.* INTO owner FROM pg_roles AS r WHERE r.rolname = p_payload ->> 'owner';
    SELECT r.* INTO driver FROM pg_roles AS r WHERE r.rolname = p_payload ->> 'driver';
    IF owner.oid IS NULL OR driver.oid IS NULL THEN
        RAISE EXCEPTION 'role "%" does not exist', CASE WHEN owner.oid IS NULL THEN p_payload ->> 'owner' ELSE p_payload ->> 'driver' END
            USING ERRCODE = '42704';
    ELSIF owner.rolsuper OR driver.rolsuper THEN
        RAISE EXCEPTION 'a superuser does not drive workflows, nor own them' USING ERRCODE = 'PD004';
    ELSIF owner.rolcanlogin THEN
        RAISE EXCEPTION 'role "%" can log in', owner.rolname
            USING ERRCODE = 'PD004', HINT = 'Drivers of its workflows connect as that role.';
    ELSIF NOT driver.rolcanlogin THEN
        RAISE EXCEPTION 'role "%" cannot log in', driver.rolname USING ERRCODE = 'PD004', HINT = 'Name the role as which drivers connect.';
    ELSIF NOT pg_has_role(driver.oid, owner.oid, 'MEMBER') THEN
        RAISE EXCEPTION 'role "%" is not a member of role "%"', driver.rolname, owner.rolname
            USING ERRCODE = '42501', HINT = format('Steps run with the rights of their owner: GRANT %I TO %I;', owner.rolname, driver.rolname);
    ELSIF NOT df.has_role_v1(p_caller, driver.oid::regrole)
        AND NOT df.has_role_v1(p_caller, (SELECT n.nspowner FROM pg_namespace AS n WHERE n.nspname = 'df')::regrole)
    THEN
        RAISE EXCEPTION 'permission denied to make role "%" a driver', driver.rolname
            USING ERRCODE = '42501',
                DETAIL = format('Steps of "%s" could then act with the rights of "%s".', owner.rolname, driver.rolname),
                HINT = 'That role itself grants it, or the runtime''s owner.';
    END IF;
    INSERT INTO df.driver_grant AS g (owner, driver, granted_by, granted_at)
    VALUES (owner.oid, driver.oid, p_caller, df.now())
    ON CONFLICT ON CONSTRAINT driver_grant_pkey DO UPDATE
        SET driver = excluded.driver,
            granted_by = excluded.granted_by,
            granted_at = excluded.granted_at;
    PERFORM pg_notify('pgdurc', '');
    RETURN 'granted';
END
$$;

-- {"owner"}: by whoever has the rights of one of the two, or by the runtime's owner.
CREATE OR REPLACE FUNCTION df.act_revoke_driver_v1(p_caller regrole, p_payload jsonb) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM df.driver_grant AS g
    WHERE g.owner = to_regrole(quote_ident(p_payload ->> 'owner'))
        AND (
            df.has_role_v1(p_caller, g.owner)
            OR df.has_role_v1(p_caller, g.driver)
            OR df.has_role_v1(p_caller, (SELECT n.nspowner FROM pg_namespace AS n WHERE n.nspname = 'df')::regrole)
        );
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no driver is granted for role "%", or not one that you may revoke', p_payload ->> 'owner' USING ERRCODE = '42501';
    END IF;
    RETURN 'revoked';
END
$$;

CREATE OR REPLACE FUNCTION df.act_on_request() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF tg_relid <> 'df.request'::regclass THEN
        RAISE EXCEPTION 'df.act_on_request() is the trigger of df.request alone' USING ERRCODE = '42501';
    END IF;
    CASE new.kind
        WHEN 'start' THEN
            new.instance_id := df.act_start_v1(new.caller, new.payload);
            new.answer := new.instance_id;
            -- Kept where it belongs, with the instance.
            new.payload := '{}';
        WHEN 'cancel' THEN
            new.answer := df.act_cancel_v1(new.caller, new.instance_id, new.payload ->> 'reason');
        WHEN 'signal' THEN
            new.answer := df.act_signal_v1(new.caller, new.instance_id, new.payload ->> 'name', new.payload -> 'data');
            -- Kept where it belongs, in the inbox.
            new.payload := new.payload - 'data';
        WHEN 'register' THEN
            new.answer := df.act_register_v1(new.caller, new.payload);
            new.payload := new.payload - 'definition';
        WHEN 'define_call' THEN
            new.answer := df.act_define_call_v1(new.caller, new.payload);
            new.payload := new.payload - 'definition';
        WHEN 'unregister' THEN
            new.answer := df.act_unregister_v1(new.caller, new.payload);
        WHEN 'prune' THEN
            new.answer := df.act_prune_v1(new.caller, new.payload);
        WHEN 'setvar' THEN
            INSERT INTO df.vars (owner, name, value)
            VALUES (new.caller, new.payload ->> 'name', new.payload ->> 'value')
            ON CONFLICT (owner, name) DO UPDATE SET value = excluded.value;
            new.answer := 'OK';
            -- Values may be secrets, and this row is kept.
            new.payload := new.payload - 'value';
        WHEN 'unsetvar' THEN
            DELETE FROM df.vars AS v WHERE v.owner = new.caller AND v.name = new.payload ->> 'name';
            new.answer := 'OK';
        WHEN 'clearvars' THEN
            DELETE FROM df.vars AS v WHERE v.owner = new.caller;
            new.answer := 'OK';
        WHEN 'schedule' THEN
            INSERT INTO df.schedule (owner, job_name, kind) VALUES (new.caller, new.payload ->> 'job_name', new.payload ->> 'kind');
            new.answer := 'OK';
        WHEN 'unschedule' THEN
            DELETE FROM df.schedule AS s WHERE s.owner = new.caller;
            new.answer := 'OK';
        WHEN 'grant_driver' THEN
            new.answer := df.act_grant_driver_v1(new.caller, new.payload);
        WHEN 'revoke_driver' THEN
            new.answer := df.act_revoke_driver_v1(new.caller, new.payload);
        ELSE
            RAISE EXCEPTION 'unknown kind of request "%"', new.kind USING ERRCODE = '22023';
    END CASE;
    RETURN new;
END
$$;

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = 'df.request'::regclass AND t.tgname = 'act') THEN
        -- Not for the rows of a restored dump, which have their answers. And row security looks at a row after this trigger: what it would do for a caller
        -- who is not the real one would be undone, but how it fails would tell what there is. Here current_user is whoever inserts.
        CREATE TRIGGER act BEFORE INSERT ON df.request
            FOR EACH ROW WHEN (new.answer IS NULL AND new.caller::oid = quote_ident(current_user)::regrole::oid) EXECUTE FUNCTION df.act_on_request();
    END IF;
END
$$;

-- Acting is the trigger's alone.
REVOKE ALL ON FUNCTION
    df.require_instance_v1(regrole, text), df.act_start_v1(regrole, jsonb), df.act_cancel_v1(regrole, text, text),
    df.act_signal_v1(regrole, text, text, jsonb), df.act_register_v1(regrole, jsonb), df.find_version_v1(regrole, jsonb),
    df.find_call_v1(regrole, jsonb), df.act_define_call_v1(regrole, jsonb),
    df.act_unregister_v1(regrole, jsonb), df.act_prune_v1(regrole, jsonb), df.act_grant_driver_v1(regrole, jsonb),
    df.act_revoke_driver_v1(regrole, jsonb), df.act_on_request()
    FROM PUBLIC;

CREATE OR REPLACE FUNCTION df.ask_v1(p_kind text, p_instance_id text, p_payload jsonb) RETURNS text
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO df.request (caller, kind, instance_id, payload)
    VALUES (quote_ident(current_user)::regrole, p_kind, p_instance_id, p_payload)
    RETURNING answer;
$$;

---------------------------------------------------------------------------------------------------------------------
-- Deployment and start: what compiled scripts call
---------------------------------------------------------------------------------------------------------------------

-- 'name' or 'schema.name' as it is written in SQL. The schema of an unqualified name is the one that CREATE would use.
CREATE OR REPLACE FUNCTION df.resolve_name_v1(p_name text, OUT schema_name text, OUT name text)
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    parts CONSTANT pg_catalog.text[] := pg_catalog.parse_ident(p_name);
BEGIN
    -- Not CASE ... WHEN 1: its operator would be looked for in the caller's search_path.
    CASE
        WHEN pg_catalog.cardinality(parts) OPERATOR(pg_catalog.=) 1 THEN
            schema_name := pg_catalog.current_schema();
            name := parts[1];
        WHEN pg_catalog.cardinality(parts) OPERATOR(pg_catalog.=) 2 THEN
            schema_name := parts[1];
            name := parts[2];
        ELSE
            RAISE EXCEPTION 'improper workflow name: %', p_name USING ERRCODE = '42602';
    END CASE;
    IF schema_name IS NULL THEN
        RAISE EXCEPTION 'no schema has been selected to create workflow % in', p_name USING ERRCODE = '3F000';
    END IF;
    IF pg_catalog.starts_with(schema_name, 'pg_temp') THEN
        RAISE EXCEPTION 'workflow % cannot be in a temporary schema', p_name
            USING ERRCODE = '0A000', HINT = 'Its instances outlive this session: put pg_temp last in search_path, or write schema.workflow.';
    END IF;
END
$$;

-- The schemas of the search_path that outlive the session; there may be none.
CREATE OR REPLACE FUNCTION df.schemas_v1() RETURNS text[]
LANGUAGE sql STABLE
AS $$
    SELECT ARRAY(
        SELECT s.name::pg_catalog.text
        FROM pg_catalog.unnest(pg_catalog.current_schemas(false)) WITH ORDINALITY AS s (name, position)
        WHERE NOT pg_catalog.starts_with(s.name::pg_catalog.text, 'pg_temp')
        ORDER BY s.position);
$$;

-- The search_path of this moment, resolved, and temporary objects last: one that another step left must not shadow a real one.
CREATE OR REPLACE FUNCTION df.pinned_path_v1() RETURNS text
LANGUAGE sql STABLE
SET quote_all_identifiers = off
AS $$
    SELECT pg_catalog.concat_ws(', ', pg_catalog.string_agg(pg_catalog.quote_ident(s.name), ', ' ORDER BY s.position), 'pg_temp')
    FROM pg_catalog.unnest(df.schemas_v1()) WITH ORDINALITY AS s (name, position);
$$;

-- Makes way for a starter whose parameters have changed (PostgreSQL replaces no function with other parameter names or fewer defaults), and remembers
-- its grants for df.register_v1, in the same transaction: an ACL; 'kept' where it stays as it is; nothing for a new one. Refuses to touch a function that is not
-- a starter.
CREATE OR REPLACE FUNCTION df.prepare_starter_v1(p_name text, p_signature text) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
    target record;
    existing record;
BEGIN
    SELECT r.schema_name, r.name INTO target FROM df.resolve_name_v1(p_name) AS r;
    PERFORM pg_catalog.set_config('df.starter_acl', '', true);
    PERFORM pg_catalog.set_config('df.starter_signature', p_signature, true);
    FOR existing IN
        SELECT
            p.oid::pg_catalog.regprocedure AS starter, p.proacl::pg_catalog.text AS acl, w.signature,
            p.oid OPERATOR(pg_catalog.=) df.find_routine_v1(w.schema_name, w.name, w.argument_types) AS is_ours
        FROM pg_catalog.pg_proc AS p
        JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) p.pronamespace
        LEFT JOIN df.workflow AS w
            ON w.schema_name OPERATOR(pg_catalog.=) n.nspname AND w.name OPERATOR(pg_catalog.=) p.proname
        WHERE n.nspname OPERATOR(pg_catalog.=) target.schema_name
            AND p.proname OPERATOR(pg_catalog.=) target.name
    LOOP
        IF existing.is_ours IS NOT TRUE THEN
            RAISE EXCEPTION 'function % already exists and is not the starter of a workflow of yours', existing.starter
                USING ERRCODE = '42723',
                    HINT = pg_catalog.format('Give the workflow another name or schema, or drop the function: DROP FUNCTION %s;', existing.starter);
        ELSIF existing.signature OPERATOR(pg_catalog.<>) p_signature THEN
            PERFORM pg_catalog.set_config('df.starter_acl', coalesce(existing.acl, '{}'), true);
            EXECUTE pg_catalog.concat('DROP FUNCTION ', existing.starter);
        ELSE
            PERFORM pg_catalog.set_config('df.starter_acl', 'kept', true);
        END IF;
    END LOOP;
END
$$;

-- Takes a routine that was just made from everybody but its owner: from PUBLIC, and from those whom default privileges gave it.
CREATE OR REPLACE FUNCTION df.make_private_v1(p_routine oid) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    grantee oid;
BEGIN
    FOR grantee IN
        SELECT DISTINCT a.grantee
        FROM pg_proc AS p
        CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a
        WHERE p.oid = p_routine
            AND a.grantee <> p.proowner
    LOOP
        EXECUTE format('REVOKE ALL ON ROUTINE %s FROM %s',
            p_routine::regprocedure, CASE WHEN grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END);
    END LOOP;
END
$$;

-- Records a version whose step procedure and starter have just been created, and finishes both.
CREATE OR REPLACE FUNCTION df.register_v1(p_name text, p_hash text, p_definition jsonb) RETURNS text
LANGUAGE plpgsql
AS $$
DECLARE
    target record;
    procedure pg_catalog.text;
    starter record;
    path pg_catalog.text;
    acl CONSTANT pg_catalog.text := pg_catalog.current_setting('df.starter_acl', true);
    grantee record;
    answer pg_catalog.text;
BEGIN
    SELECT r.schema_name, r.name INTO target FROM df.resolve_name_v1(p_name) AS r;
    procedure := pg_catalog.format('%I.%I(df.step_v1)', target.schema_name, pg_catalog.concat(target.name, '__', p_hash));
    SELECT
        p.oid, p.oid::pg_catalog.regprocedure AS name, p.proowner AS owner
    INTO starter
    FROM pg_catalog.pg_proc AS p
    JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) p.pronamespace
    WHERE n.nspname OPERATOR(pg_catalog.=) target.schema_name
        AND p.proname OPERATOR(pg_catalog.=) target.name
        AND p.prokind OPERATOR(pg_catalog.=) 'f';

    path := df.pinned_path_v1();
    EXECUTE pg_catalog.concat('ALTER PROCEDURE ', procedure, ' SET search_path = ', path);
    EXECUTE pg_catalog.concat('ALTER FUNCTION ', starter.name, ' SET search_path = ', path);

    answer := df.ask_v1('register', NULL, pg_catalog.jsonb_build_object(
        'schema', target.schema_name, 'name', target.name, 'hash', p_hash, 'search_path', path,
        'signature', pg_catalog.current_setting('df.starter_signature', true), 'definition', p_definition));

    IF coalesce(acl, '') OPERATOR(pg_catalog.<>) 'kept' THEN
        -- New: the right to start is given, not had.
        PERFORM df.make_private_v1(starter.oid);
        FOR grantee IN
            SELECT a.grantee, a.is_grantable
            -- Not nullif: its operator would be looked for in the caller's search_path.
            FROM pg_catalog.aclexplode(CASE WHEN acl OPERATOR(pg_catalog.<>) '' THEN acl::pg_catalog.aclitem[] END) AS a
            WHERE a.grantee OPERATOR(pg_catalog.<>) starter.owner
        LOOP
            EXECUTE pg_catalog.concat(
                'GRANT EXECUTE ON FUNCTION ', starter.name, ' TO ',
                CASE WHEN grantee.grantee OPERATOR(pg_catalog.=) 0::pg_catalog.oid THEN 'PUBLIC' ELSE grantee.grantee::pg_catalog.regrole::pg_catalog.text END,
                CASE WHEN grantee.is_grantable THEN ' WITH GRANT OPTION' END);
        END LOOP;
    END IF;
    RETURN answer;
END
$$;

CREATE OR REPLACE FUNCTION df.drop_workflow_v1(p_name text, p_if_exists boolean DEFAULT false) RETURNS text
LANGUAGE plpgsql
AS $$
DECLARE
    target record;
    workflow df.workflow;
    starter pg_catalog.oid;
    answer pg_catalog.text;
BEGIN
    SELECT r.schema_name, r.name INTO target FROM df.resolve_name_v1(p_name) AS r;
    SELECT w.* INTO workflow
    FROM df.workflow AS w
    WHERE w.schema_name OPERATOR(pg_catalog.=) target.schema_name
        AND w.name OPERATOR(pg_catalog.=) target.name
        AND w.version_id IS NOT NULL;
    IF workflow.id IS NULL THEN
        IF NOT p_if_exists THEN
            RAISE EXCEPTION 'workflow %.% does not exist', target.schema_name, target.name
                USING ERRCODE = 'PD005', HINT = 'Write DROP WORKFLOW IF EXISTS if that is fine.';
        END IF;
        RAISE NOTICE 'workflow %.% does not exist, skipping', target.schema_name, target.name;
        RETURN 'skipped';
    END IF;
    answer := df.ask_v1('unregister', NULL, pg_catalog.jsonb_build_object('schema', target.schema_name, 'name', target.name));
    -- As the catalog spells it, never as a table says.
    starter := df.find_routine_v1(workflow.schema_name, workflow.name, workflow.argument_types);
    IF (SELECT p.proowner FROM pg_catalog.pg_proc AS p WHERE p.oid OPERATOR(pg_catalog.=) starter) OPERATOR(pg_catalog.=) workflow.owner::pg_catalog.oid THEN
        EXECUTE pg_catalog.concat('DROP FUNCTION ', starter::pg_catalog.regprocedure);
    END IF;
    RETURN answer;
END
$$;

-- Drops superseded versions that no instance needs any more, with their procedures; returns their procedures' names.
CREATE OR REPLACE FUNCTION df.prune_versions() RETURNS SETOF text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    version df.workflow_version;
BEGIN
    FOR version IN
        SELECT v.*
        FROM df.workflow_version AS v
        WHERE pg_has_role(v.owner, 'USAGE')
            AND NOT EXISTS (SELECT FROM df.workflow AS w WHERE w.version_id = v.id)
        ORDER BY v.id
    LOOP
        IF df.ask_v1('prune', NULL, jsonb_build_object('version_id', version.id)) = 'pruned' THEN
            -- What another role has put in its place stays, whatever the rights of whoever prunes.
            IF EXISTS (
                SELECT FROM pg_proc AS p
                WHERE p.oid = df.find_routine_v1(version.schema_name, version.procedure_name, 'df.step_v1')
                    AND p.proowner = version.owner::oid
            ) THEN
                EXECUTE format('DROP PROCEDURE %I.%I(df.step_v1)', version.schema_name, version.procedure_name);
            END IF;
            RETURN NEXT format('%I.%I', version.schema_name, version.procedure_name);
        END IF;
    END LOOP;
END
$$;

-- What a starter does. df.register_v1 gave the starter the search_path of its deployment, so an unqualified name is found where it was created.
CREATE OR REPLACE FUNCTION df.start_v1(p_name text, p_hash text, p_args jsonb) RETURNS text
LANGUAGE sql
AS $$
    SELECT df.ask_v1('start', NULL, pg_catalog.jsonb_build_object('schema', r.schema_name, 'name', r.name, 'hash', p_hash, 'args', p_args))
    FROM df.resolve_name_v1(p_name) AS r;
$$;

-- Defines the workflow of a df.start call in the current schema, for the current role under its search_path; does nothing where that is done. A call has
-- no name that would tell two definitions apart, so a second one of the same hash (of another role, or under another search_path) gets a number.
CREATE OR REPLACE FUNCTION df.define_call_v1(p_hash text, p_body text, p_definition jsonb) RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
    schema CONSTANT pg_catalog.text := (df.schemas_v1())[1];
    path CONSTANT pg_catalog.text := df.pinned_path_v1();
    version df.workflow_version;
    procedure pg_catalog.text := pg_catalog.concat('df_start__', p_hash);
    number pg_catalog.int4 := 1;
BEGIN
    IF schema IS NULL THEN
        RAISE EXCEPTION 'no schema has been selected to define the workflow of a df.start call in'
            USING ERRCODE = '3F000', HINT = 'SET search_path to a schema that exists.';
    END IF;
    FOR attempt IN 1 .. 2 LOOP
        SELECT v.* INTO version
        FROM df.workflow_version AS v
        WHERE v.schema_name OPERATOR(pg_catalog.=) schema
            AND v.hash OPERATOR(pg_catalog.=) p_hash
            AND v.search_path OPERATOR(pg_catalog.=) path
            AND v.owner::pg_catalog.oid OPERATOR(pg_catalog.=) pg_catalog.quote_ident(current_user)::pg_catalog.regrole::pg_catalog.oid
            AND v.call IS NOT NULL
            AND df.find_routine_v1(v.schema_name, v.procedure_name, 'df.step_v1') IS NOT NULL;
        EXIT WHEN version.id IS NOT NULL OR attempt OPERATOR(pg_catalog.=) 2;
        -- Two scripts at a time would fail on each other's procedure.
        PERFORM pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext(pg_catalog.concat('pgdurc call ', schema, ' ', p_hash)));
    END LOOP;
    IF version.id IS NOT NULL THEN
        IF version.call OPERATOR(pg_catalog.=) 'statement'
            AND ((p_definition OPERATOR(pg_catalog.->>) 'is_stored')::pg_catalog.bool
                OR version.asked_at OPERATOR(pg_catalog.<) (df.now() OPERATOR(pg_catalog.-) '1 hour'::pg_catalog.interval))
        THEN
            PERFORM df.ask_v1('define_call', NULL, pg_catalog.jsonb_build_object(
                'schema', schema, 'name', version.procedure_name, 'hash', p_hash, 'search_path', path, 'definition', p_definition));
        END IF;
        RETURN;
    END IF;
    IF (SELECT r.rolsuper FROM pg_catalog.pg_roles AS r WHERE r.rolname OPERATOR(pg_catalog.=) current_user) THEN
        RAISE EXCEPTION 'a superuser cannot own a workflow'
            USING ERRCODE = 'PD004', HINT = 'SET ROLE to an ordinary role first: steps run with the rights of the role that runs the script.';
    ELSIF NOT pg_catalog.has_schema_privilege(schema, 'CREATE') THEN
        RAISE EXCEPTION 'permission denied for schema %', schema
            USING ERRCODE = '42501',
                DETAIL = 'The workflow of a df.start call becomes a procedure in the current schema.',
                HINT = pg_catalog.format('GRANT CREATE ON SCHEMA %I TO %I; or SET search_path so that a schema of this role comes first.', schema, current_user);
    END IF;
    WHILE EXISTS (
            SELECT
            FROM pg_catalog.pg_proc AS p
            JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) p.pronamespace
            WHERE n.nspname OPERATOR(pg_catalog.=) schema
                AND p.proname OPERATOR(pg_catalog.=) procedure
        )
        OR EXISTS (
            SELECT
            FROM df.workflow AS w
            WHERE w.schema_name OPERATOR(pg_catalog.=) schema
                AND w.name OPERATOR(pg_catalog.=) procedure
        )
    LOOP
        number := number OPERATOR(pg_catalog.+) 1;
        procedure := pg_catalog.concat('df_start__', p_hash, '_', number);
    END LOOP;
    EXECUTE pg_catalog.concat(
        'CREATE PROCEDURE ', pg_catalog.format('%I.%I', schema, procedure), '(INOUT step df.step_v1) LANGUAGE plpgsql SET search_path = ', path,
        ' SET DateStyle = ''ISO, MDY'' SET IntervalStyle = ''postgres'' SET TimeZone = ''UTC'' AS ', pg_catalog.quote_literal(p_body));
    PERFORM df.make_private_v1(df.find_routine_v1(schema, procedure, 'df.step_v1'));
    PERFORM df.ask_v1('define_call', NULL, pg_catalog.jsonb_build_object(
        'schema', schema, 'name', procedure, 'hash', p_hash, 'search_path', path, 'definition', p_definition));
END
$$;

-- What a df.start call becomes: v1 is the hash of its version, args what it evaluates; what is SQL text, a cron expression or a time zone has a name that
-- begins with sql$, cron$ or zone$, and is looked at before anything starts. It is called df.start, since a column and a variable of \gset are named for
-- the function. Frozen as what ends in _v1 is: a changed contract has a parameter v2. Two parameters without a default keep it from answering to a call
-- that was not compiled.
CREATE OR REPLACE FUNCTION df.start(v1 text, args jsonb, label text DEFAULT NULL, database text DEFAULT NULL, transaction_mode text DEFAULT 'caller')
RETURNS text
LANGUAGE plpgsql
AS $$
DECLARE
    item record;
BEGIN
    IF pg_catalog.lower(transaction_mode) OPERATOR(pg_catalog.=) 'new' THEN
        RAISE EXCEPTION 'a start in a transaction of its own is not possible'
            USING ERRCODE = '0A000',
                DETAIL = 'It takes a connection of its own, which PL/pgSQL has not.',
                HINT = 'Commit first, or start from another session.';
    ELSIF transaction_mode IS NULL OR pg_catalog.lower(transaction_mode) OPERATOR(pg_catalog.<>) 'caller' THEN
        RAISE EXCEPTION 'invalid transaction_mode "%" for df.start(): expected ''caller'' or ''new''', transaction_mode USING ERRCODE = '22023';
    ELSIF database OPERATOR(pg_catalog.<>) pg_catalog.current_database() THEN
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_database AS d WHERE d.datname OPERATOR(pg_catalog.=) database) THEN
            RAISE EXCEPTION 'database "%" does not exist', database USING ERRCODE = '3D000';
        END IF;
        RAISE EXCEPTION 'a workflow runs in the database in which it is started, and that is "%"', pg_catalog.current_database()
            USING ERRCODE = '0A000', HINT = pg_catalog.format('Install pgdurc in "%s", and run the compiled script there.', database);
    END IF;
    FOR item IN
        SELECT pg_catalog.split_part(a.key, '$', 1) AS kind, a.value FROM pg_catalog.jsonb_each_text(args) AS a
    LOOP
        IF item.kind OPERATOR(pg_catalog.=) 'sql' AND item.value IS NULL THEN
            RAISE EXCEPTION 'the SQL text of a step is NULL'
                USING ERRCODE = 'PD003', HINT = 'One NULL makes all of a text NULL that || puts together.';
        ELSIF item.kind OPERATOR(pg_catalog.=) 'sql' AND item.value OPERATOR(pg_catalog.~) '^[[:space:]]*[{][[:space:]]*"(.*")?node_type"[[:space:]]*:' THEN
            RAISE EXCEPTION 'a workflow cannot be started from its JSON graph'
                USING ERRCODE = 'PD003', HINT = 'Write the expression in the call itself, where it is compiled.';
        ELSIF item.kind OPERATOR(pg_catalog.=) 'cron' AND df.next_cron_v1(coalesce(item.value, 'NULL'), 'UTC', df.now()) IS NULL THEN
            RAISE EXCEPTION 'the schedule "%" never comes', item.value USING ERRCODE = '22023';
        ELSIF item.kind OPERATOR(pg_catalog.=) 'zone' THEN
            PERFORM pg_catalog.timezone(coalesce(item.value, 'NULL'), pg_catalog.now());
        END IF;
    END LOOP;
    RETURN df.ask_v1('start', NULL, pg_catalog.jsonb_build_object(
        'call', true, 'hash', v1, 'schemas', pg_catalog.to_jsonb(df.schemas_v1()), 'search_path', df.pinned_path_v1(),
        'args', args, 'label', label));
END
$$;

-- A value as its type's output function writes it, whatever the session's styles are.
CREATE OR REPLACE FUNCTION df.as_text_v1(p_value anyelement) RETURNS text
LANGUAGE plpgsql STABLE
SET DateStyle = 'ISO, MDY'
SET IntervalStyle = 'postgres'
SET TimeZone = 'UTC'
SET extra_float_digits = 1
AS $$
BEGIN
    RETURN p_value::pg_catalog.text;
END
$$;

-- Starts a workflow by its name. Arguments become the types of the parameters; missing ones take the starter's defaults. With a key that an instance of
-- this workflow has, the id of that instance; its arguments are not compared.
CREATE OR REPLACE FUNCTION df.start_workflow(name text, args jsonb DEFAULT '{}', label text DEFAULT NULL, key text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql
AS $$
DECLARE
    parts CONSTANT pg_catalog.text[] := pg_catalog.parse_ident(name);
    workflow df.workflow;
    starter record;
    parameter pg_catalog.text;
    type_name pg_catalog.text;
    value pg_catalog.text;
    texts jsonb := '{}';
    unknown pg_catalog.text;
    error_message pg_catalog.text;
BEGIN
    IF parts IS NULL THEN
        RAISE EXCEPTION 'the name of the workflow is null' USING ERRCODE = '22004', HINT = 'SELECT name FROM df.workflows; lists those that are deployed.';
    ELSIF pg_catalog.cardinality(parts) OPERATOR(pg_catalog.>) 2 THEN
        RAISE EXCEPTION 'improper workflow name: %', name USING ERRCODE = '42602', HINT = 'Write workflow or schema.workflow.';
    END IF;
    SELECT w.* INTO workflow
    FROM pg_catalog.unnest(
        CASE WHEN pg_catalog.cardinality(parts) OPERATOR(pg_catalog.=) 2 THEN parts[1:1] ELSE pg_catalog.current_schemas(false)::pg_catalog.text[] END
    ) WITH ORDINALITY AS s (name, position)
    JOIN df.workflow AS w ON w.schema_name OPERATOR(pg_catalog.=) s.name
    WHERE w.name OPERATOR(pg_catalog.=) parts[pg_catalog.cardinality(parts)]
        AND w.version_id IS NOT NULL
    ORDER BY s.position
    LIMIT 1;
    SELECT p.* INTO starter
    FROM pg_catalog.pg_proc AS p
    WHERE p.oid OPERATOR(pg_catalog.=) df.find_routine_v1(workflow.schema_name, workflow.name, workflow.argument_types)
        -- Its defaults are evaluated here, with the caller's rights.
        AND p.proowner OPERATOR(pg_catalog.=) workflow.owner::pg_catalog.oid;
    IF starter.oid IS NULL THEN
        RAISE EXCEPTION 'workflow "%" does not exist', name
            USING ERRCODE = 'PD005',
                HINT = 'SELECT name FROM df.workflows; lists those that are deployed. A schema that is not in search_path must be written.';
    END IF;
    IF NOT pg_catalog.has_function_privilege(starter.oid, 'EXECUTE') THEN
        -- Before its defaults are evaluated.
        RAISE EXCEPTION 'permission denied for workflow %', name USING ERRCODE = '42501', HINT = 'Its owner can grant EXECUTE on its starter.';
    END IF;
    IF args IS NULL OR pg_catalog.jsonb_typeof(args) OPERATOR(pg_catalog.<>) 'object' THEN
        RAISE EXCEPTION 'the arguments of workflow "%" must be a JSON object', name
            USING ERRCODE = 'PD003', HINT = 'For example: {"batch_size": 100}';
    END IF;

    SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.key), ', ') INTO unknown
    FROM pg_catalog.jsonb_object_keys(args) AS a (key)
    WHERE NOT (a.key OPERATOR(pg_catalog.=) ANY (coalesce(starter.proargnames, '{}')));
    IF unknown IS NOT NULL THEN
        RAISE EXCEPTION 'workflow "%" has no parameter %', name, unknown
            USING ERRCODE = 'PD003',
                HINT = CASE WHEN starter.pronargs OPERATOR(pg_catalog.=) 0 THEN 'It takes no arguments.'
                    ELSE pg_catalog.concat('Its parameters: ', pg_catalog.pg_get_function_arguments(starter.oid)) END;
    END IF;
    IF pg_catalog.octet_length(key) OPERATOR(pg_catalog.>) 2000 THEN
        -- It stands in an index, whose rows have 2,704 bytes at most.
        RAISE EXCEPTION 'the key has % bytes, more than 2000', pg_catalog.octet_length(key)
            USING ERRCODE = '54000', HINT = 'A hash of it is as good: pg_catalog.md5(key).';
    END IF;

    FOR i IN 1 .. starter.pronargs LOOP
        parameter := starter.proargnames[i];
        -- oidvector counts from 0.
        type_name := df.type_name_v1(starter.proargtypes[i OPERATOR(pg_catalog.-) 1]);
        IF args OPERATOR(pg_catalog.?) parameter THEN
            BEGIN
                EXECUTE pg_catalog.concat('SELECT df.as_text_v1(x.value) FROM pg_catalog.jsonb_to_record($1) AS x (value ', type_name, ')')
                    INTO value
                    USING pg_catalog.jsonb_build_object('value', args OPERATOR(pg_catalog.->) parameter);
            EXCEPTION WHEN data_exception OR integrity_constraint_violation OR syntax_error_or_access_rule_violation THEN
                GET STACKED DIAGNOSTICS error_message = MESSAGE_TEXT;
                RAISE EXCEPTION 'argument "%" of workflow "%": %', parameter, name, error_message
                    USING ERRCODE = 'PD003', HINT = pg_catalog.concat('It is of type ', type_name, '.');
            END;
        ELSIF i OPERATOR(pg_catalog.>) (starter.pronargs OPERATOR(pg_catalog.-) starter.pronargdefaults) THEN
            EXECUTE pg_catalog.concat(
                'SELECT df.as_text_v1((', pg_catalog.pg_get_function_arg_default(starter.oid, i), ')::', type_name, ')')
                INTO value;
        ELSE
            RAISE EXCEPTION 'argument "%" of workflow "%" is missing', parameter, name
                USING ERRCODE = 'PD003', HINT = pg_catalog.concat('Its parameters: ', pg_catalog.pg_get_function_arguments(starter.oid));
        END IF;
        texts := texts OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object(parameter, value);
    END LOOP;

    RETURN df.ask_v1('start', NULL, pg_catalog.jsonb_build_object(
        'schema', workflow.schema_name, 'name', workflow.name, 'args', texts, 'label', label, 'key', key));
END
$$;
