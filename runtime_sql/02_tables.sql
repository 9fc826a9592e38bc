---------------------------------------------------------------------------------------------------------------------
-- Tables
---------------------------------------------------------------------------------------------------------------------
-- No foreign keys between the hot tables (task, step_run, binding, stop_scope): each would be one more lock a step. No CHECK either, there and in
-- df.instance: PostgreSQL reads the expression from its text again at every statement, which was a tenth of a step.

-- What a step procedure is given and what it says. Frozen: procedures that are deployed were compiled against it.
DO $$
BEGIN
    IF pg_catalog.to_regtype('df.step_v1') IS NULL THEN
        CREATE TYPE df.step_v1 AS (
            task_id bigint,
            instance_id text,
            state integer,
            outcome text,
            name text,
            row_count bigint,
            result jsonb,
            columns jsonb,
            wake_at timestamptz,
            detail jsonb
        );
    END IF;
END
$$;

-- Roles are kept as regrole: a dump names them, and a rename does no harm.
CREATE TABLE IF NOT EXISTS df.workflow (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    schema_name text NOT NULL,
    name text NOT NULL,
    owner regrole NOT NULL,
    -- The version that the starter starts; NULL once the workflow is dropped.
    version_id bigint,
    -- The starter's parameter list as it was written, and its argument types for df.find_routine_v1; an OID would go stale in a dump.
    signature text,
    argument_types text,
    created_at timestamptz NOT NULL,
    UNIQUE (schema_name, name)
);

CREATE TABLE IF NOT EXISTS df.workflow_version (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workflow_id bigint NOT NULL,
    hash text NOT NULL,
    schema_name text NOT NULL,
    procedure_name text NOT NULL,
    owner regrole NOT NULL,
    search_path text NOT NULL,
    -- [{"name", "type", "default"}], types qualified
    parameters jsonb NOT NULL,
    max_attempts integer NOT NULL DEFAULT 1 CHECK (max_attempts > 0),
    backoff interval NOT NULL DEFAULT '1 second',
    backoff_max interval NOT NULL DEFAULT '5 minutes',
    is_traced boolean NOT NULL DEFAULT false,
    -- Raw text from the starter's variables becomes SQL here, with the owner's rights.
    has_raw_vars boolean NOT NULL DEFAULT false,
    last_state integer NOT NULL,
    graph jsonb NOT NULL,
    source text NOT NULL,
    file text NOT NULL,
    line integer NOT NULL,
    -- Made for a df.start call that runs once (statement), or for one that is kept in a function or the like (stored); NULL: it was declared.
    call text CHECK (call IN ('statement', 'stored')),
    created_at timestamptz NOT NULL,
    -- When the script of a call last asked for it, to the hour.
    asked_at timestamptz,
    UNIQUE (workflow_id, hash)
);

CREATE TABLE IF NOT EXISTS df.step_def (
    version_id bigint NOT NULL,
    state integer NOT NULL,
    kind text NOT NULL,
    label text NOT NULL,
    line integer NOT NULL,
    name text,
    PRIMARY KEY (version_id, state)
);

CREATE TABLE IF NOT EXISTS df.instance (
    id text PRIMARY KEY,
    workflow_id bigint NOT NULL,
    version_id bigint NOT NULL,
    owner regrole NOT NULL,
    starter regrole NOT NULL,
    label text,
    key text,
    -- {"parameter": "its value as text" or null}
    args jsonb NOT NULL,
    vars jsonb NOT NULL,
    -- pending, running, completed, failed, cancelled; later paused, compensating, compensated
    status text NOT NULL,
    result jsonb,
    -- The attempt that failed it.
    failed_task_id bigint,
    failed_seq bigint,
    reason text,
    -- The transaction that started it, in which nobody can wait for its end.
    start_xact xid8 NOT NULL,
    created_at timestamptz NOT NULL,
    started_at timestamptz,
    ended_at timestamptz
) WITH (fillfactor = 80);

CREATE TABLE IF NOT EXISTS df.stop_scope (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    instance_id text NOT NULL,
    -- instance, race; slot: of the branches of a wide join, instead of the instance's; later deadline
    kind text NOT NULL,
    stopped_at timestamptz,
    -- A step may stop its own instance: what that step did commits with the stop.
    stop_xact xid8,
    -- Of a race: somebody has won it and could not get a word in; till then others do not commit.
    wanted_until timestamptz
) WITH (fillfactor = 80);

CREATE TABLE IF NOT EXISTS df.task (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    instance_id text NOT NULL,
    -- Of a branch: whose it is, the step (seq) of its parent that forked it, its place there from 1 on, and the race that its end decides.
    parent_id bigint,
    fork_seq bigint,
    branch integer,
    race_id bigint,
    owner regrole NOT NULL,
    version_id bigint NOT NULL,
    scopes bigint[] NOT NULL,
    state integer NOT NULL,
    last_state integer NOT NULL,
    -- live, done, failed, stopped; of a branch also broke: it left a loop around its fork
    status text NOT NULL DEFAULT 'live',
    wake_at timestamptz,
    -- ready, sleep, retry, lap, lock, schedule, children, signal
    wait text NOT NULL DEFAULT 'ready',
    -- The name of the signal, and when the wait for it times out.
    signal_name text,
    deadline timestamptz,
    seq bigint NOT NULL DEFAULT 0,
    -- Of the step that it stands at: attempts that failed and counted, that failed with a transient SQLSTATE, that were cancelled from
    -- outside, that took their backend down.
    failures integer NOT NULL DEFAULT 0,
    transient_failures integer NOT NULL DEFAULT 0,
    interrupts integer NOT NULL DEFAULT 0,
    crashes integer NOT NULL DEFAULT 0,
    -- The driver that works carefully on it: see df.brace_v1.
    braced_by bigint,
    -- Of a task that failed: the attempt that failed it, its own or one of a branch.
    failed_task_id bigint,
    failed_seq bigint,
    -- When the last lap of an endless loop was due to end; NULL when the task has parked since.
    lap_at timestamptz,
    -- The results of all steps are kept in the history.
    is_traced boolean NOT NULL DEFAULT false
) WITH (fillfactor = 50);

CREATE TABLE IF NOT EXISTS df.binding (
    task_id bigint NOT NULL,
    name text NOT NULL,
    -- The task's, so that reading a value is one look into one index.
    owner regrole NOT NULL,
    row_count bigint,
    -- Of a query: its rows, an array of objects. Of anything else: the value.
    result jsonb,
    -- Of a query: [{"name", "type", "value"}], value the first row's, as text. NULL: result is a value.
    columns jsonb,
    PRIMARY KEY (task_id, name)
) WITH (fillfactor = 50);

CREATE TABLE IF NOT EXISTS df.step_run (
    task_id bigint NOT NULL,
    seq bigint NOT NULL,
    state integer NOT NULL,
    attempt integer NOT NULL,
    -- ok, failed, crashed, interrupted, cancelled
    outcome text NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    row_count bigint,
    result jsonb,
    sqlstate text,
    message text,
    detail text,
    hint text,
    context text,
    PRIMARY KEY (task_id, seq)
);

-- The inbox of an instance, first in first out for a name.
CREATE TABLE IF NOT EXISTS df.signal (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    instance_id text NOT NULL,
    name text NOT NULL,
    payload jsonb NOT NULL,
    sender regrole NOT NULL,
    sent_at timestamptz NOT NULL,
    taken_by bigint
);

-- How many branches of a join are still at work, in up to three levels, so that those that end together seldom meet. A branch counts down the first of these counters that
-- there is, and whoever brings one to zero the one above it: 17 + branch % 64, in a join of more than 64; branch % 16, in one of more than 16; 16, and who brings that to
-- zero wakes the parent.
CREATE TABLE IF NOT EXISTS df.fan_in (
    parent_id bigint NOT NULL,
    slot integer NOT NULL,
    remaining integer NOT NULL,
    PRIMARY KEY (parent_id, slot)
) WITH (fillfactor = 50);

CREATE TABLE IF NOT EXISTS df.vars (
    name text NOT NULL,
    value text,
    owner regrole NOT NULL DEFAULT pg_catalog.quote_ident(current_user)::regrole,
    PRIMARY KEY (owner, name)
);

CREATE TABLE IF NOT EXISTS df.request (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    caller regrole NOT NULL,
    -- What it asks for: see df.act_on_request.
    kind text NOT NULL,
    instance_id text,
    payload jsonb NOT NULL,
    answer text,
    created_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);

CREATE TABLE IF NOT EXISTS df.driver (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- Its session_user.
    owner regrole NOT NULL,
    pid integer NOT NULL,
    backend_start timestamptz NOT NULL,
    opened_at timestamptz NOT NULL,
    closed_at timestamptz,
    -- When a later run found that this one had ended without closing.
    died_at timestamptz,
    -- The task that it picked last, and the wake_at which that had: what it was at when it died.
    task_id bigint,
    task_wake_at timestamptz,
    picked_at timestamptz
) WITH (fillfactor = 50);

-- Which login role drives the workflows of a role that cannot log in: see df.grant_driver.
CREATE TABLE IF NOT EXISTS df.driver_grant (
    owner regrole PRIMARY KEY,
    driver regrole NOT NULL,
    granted_by regrole NOT NULL,
    granted_at timestamptz NOT NULL
);

-- Jobs that df.install_scheduler made.
CREATE TABLE IF NOT EXISTS df.schedule (
    owner regrole NOT NULL,
    job_name text NOT NULL,
    kind text NOT NULL,
    PRIMARY KEY (owner, job_name)
);

CREATE TABLE IF NOT EXISTS df.clock (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    shift interval NOT NULL DEFAULT '0'
);
INSERT INTO df.clock DEFAULT VALUES ON CONFLICT DO NOTHING;

---------------------------------------------------------------------------------------------------------------------
-- What a table is made of, and how an earlier version becomes this one
---------------------------------------------------------------------------------------------------------------------
-- CREATE TABLE IF NOT EXISTS leaves a table as the version made it that came first. So what comes to a table later stands above, for a new installation, and in
-- the list of columns below. Whatever is listed and missing is added: one script installs, upgrades from any earlier version, and changes nothing the second time.
-- Every change adds. What a driver or a step procedure of an earlier version reads and writes stays, for it may be at work.
--
-- Row security is not FORCEd: df's owner, and pg_dump as df's owner, see all.

-- Whose workflows and instances the caller sees.
CREATE OR REPLACE FUNCTION df.visible_roles() RETURNS oid[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT ARRAY(SELECT r.oid FROM pg_roles AS r WHERE pg_has_role(r.oid, 'USAGE'));
$$;

DO $$
DECLARE
    is_admin CONSTANT text := 'pg_catalog.pg_has_role((SELECT n.nspowner FROM pg_catalog.pg_namespace AS n WHERE n.nspname = ''df''), ''USAGE'')';
    is_caller CONSTANT text := '%s::oid = pg_catalog.quote_ident(current_user)::regrole::oid';
    of_owner CONSTANT text := 'owner::oid = ANY ((SELECT df.visible_roles())::oid[])';
    lock_timeout CONSTANT text := current_setting('lock_timeout');
    -- For how long it tries to get the tables.
    gives_up_at CONSTANT timestamptz := clock_timestamp() + CASE lock_timeout WHEN '0' THEN interval '30 seconds' ELSE lock_timeout::interval END;
    changes text[];
    change text;
    locked text;
BEGIN
    WITH columns (table_name, name, definition) AS (
        VALUES
            ('runtime', 'alone_until', 'timestamptz')
    ), dropped_constraints (table_name, name) AS (
        VALUES
            ('request', 'request_kind_check')
    ), indexes (table_name, name, command, definition) AS (
        -- Nothing that changes on the way of an instance from its start to its completion is indexed in df.instance, so that its updates are HOT; retention goes along
        -- (owner, created_at). Nor is anything in df.task that changes with a step: only with a park, and signal_name with a wait for one.
        VALUES
            ('instance', 'instance_by_owner', 'CREATE INDEX', '(owner, created_at DESC, id)'),
            ('instance', 'instance_by_starter', 'CREATE INDEX', '(starter, created_at DESC, id)'),
            -- Each index more is opened and locked by every statement that writes the table, so what few rows are in shares one.
            ('instance', 'instance_failed_or_cancelled', 'CREATE INDEX', '(owner, created_at DESC, id) WHERE failed_seq IS NOT NULL OR reason IS NOT NULL'),
            -- Not of a label that is too long for an index.
            ('instance', 'instance_by_label', 'CREATE INDEX', '(owner, label, created_at DESC, id) WHERE octet_length(label) <= 1000'),
            -- With the starter, who may read what he started: row security asks for each version.
            ('instance', 'instance_by_version_and_starter', 'CREATE INDEX', '(version_id, starter)'),
            ('instance', 'instance_key', 'CREATE UNIQUE INDEX', '(workflow_id, key) WHERE key IS NOT NULL'),
            ('workflow_version', 'workflow_version_by_call', 'CREATE INDEX', '(hash) WHERE call IS NOT NULL'),
            ('stop_scope', 'stop_scope_by_instance', 'CREATE INDEX', '(instance_id)'),
            ('task', 'task_due', 'CREATE INDEX', '(owner, wake_at, id) WHERE wake_at IS NOT NULL'),
            ('task', 'task_tree', 'CREATE INDEX', '(instance_id, parent_id, fork_seq, branch)'),
            ('signal', 'signal_inbox', 'CREATE INDEX', '(instance_id, name, id) WHERE taken_by IS NULL'),
            ('request', 'request_by_instance', 'CREATE INDEX', '(instance_id) WHERE instance_id IS NOT NULL'),
            ('request', 'request_by_age', 'CREATE INDEX', '(created_at)'),
            ('driver', 'driver_by_owner', 'CREATE INDEX', '(owner, pid)'),
            ('task', 'task_braced_or_waiting', 'CREATE INDEX', '(braced_by) WHERE braced_by IS NOT NULL OR signal_name IS NOT NULL')
    ), dropped_indexes (table_name, name) AS (
        VALUES
            ('instance', 'instance_by_version'),
            ('task', 'task_braced'),
            ('task', 'task_by_instance'),
            ('task', 'task_by_parent')
    ), policies (table_name, command, condition) AS (
        VALUES
            ('workflow_version', 'SELECT', concat_ws(' OR ', of_owner, is_admin,
                'EXISTS (SELECT FROM df.instance AS i WHERE i.version_id = workflow_version.id AND i.starter::oid = pg_catalog.quote_ident(current_user)::regrole::oid)')),
            ('step_def', 'SELECT', 'EXISTS (SELECT FROM df.workflow_version AS v WHERE v.id = step_def.version_id)'),
            ('instance', 'SELECT', concat_ws(' OR ', of_owner, format(is_caller, 'starter'), is_admin)),
            ('task', 'SELECT', 'EXISTS (SELECT FROM df.instance AS i WHERE i.id = task.instance_id)'),
            ('binding', 'SELECT', 'EXISTS (SELECT FROM df.task AS t WHERE t.id = binding.task_id)'),
            ('step_run', 'SELECT', 'EXISTS (SELECT FROM df.task AS t WHERE t.id = step_run.task_id)'),
            ('stop_scope', 'SELECT', 'EXISTS (SELECT FROM df.instance AS i WHERE i.id = stop_scope.instance_id)'),
            ('fan_in', 'SELECT', 'EXISTS (SELECT FROM df.task AS t WHERE t.id = fan_in.parent_id)'),
            ('signal', 'SELECT', 'EXISTS (SELECT FROM df.instance AS i WHERE i.id = signal.instance_id)'),
            ('vars', 'SELECT', format(is_caller, 'owner')),
            ('request', 'SELECT', concat_ws(' OR ', format(is_caller, 'caller'), is_admin)),
            ('request', 'INSERT', format(is_caller, 'caller')),
            ('driver', 'SELECT', concat_ws(' OR ', of_owner, is_admin)),
            ('driver_grant', 'SELECT', concat_ws(' OR ', of_owner, 'driver::oid = ANY ((SELECT df.visible_roles())::oid[])', is_admin)),
            ('schedule', 'SELECT', format(is_caller, 'owner'))
    ), missing (phase, table_name, command) AS (
        SELECT 1, c.table_name, format('ALTER TABLE df.%I ADD COLUMN %I %s', c.table_name, c.name, c.definition)
        FROM columns AS c
        WHERE NOT EXISTS (
            SELECT FROM pg_attribute AS a WHERE a.attrelid = format('df.%I', c.table_name)::regclass AND a.attname = c.name
        )
        UNION ALL
        SELECT 2, d.table_name, format('ALTER TABLE df.%I DROP CONSTRAINT %I', d.table_name, d.name)
        FROM dropped_constraints AS d
        WHERE EXISTS (
            SELECT FROM pg_constraint AS c WHERE c.conrelid = format('df.%I', d.table_name)::regclass AND c.conname = d.name
        )
        UNION ALL
        SELECT 3, i.table_name, format('%s %I ON df.%I %s', i.command, i.name, i.table_name, i.definition)
        FROM indexes AS i
        WHERE to_regclass(format('df.%I', i.name)) IS NULL
        UNION ALL
        SELECT 3, d.table_name, format('DROP INDEX df.%I', d.name)
        FROM dropped_indexes AS d
        WHERE to_regclass(format('df.%I', d.name)) IS NOT NULL
        UNION ALL
        SELECT 4, c.relname, format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', c.oid::regclass)
        FROM pg_class AS c
        WHERE c.oid IN (SELECT format('df.%I', p.table_name)::regclass FROM policies AS p)
            AND NOT c.relrowsecurity
        UNION ALL
        -- The comment tells whether a condition is still the one that is written here: the catalog's own text of it is another one.
        SELECT 5, p.table_name, format(
            'DROP POLICY IF EXISTS %1$I ON df.%2$I; CREATE POLICY %1$I ON df.%2$I FOR %3$s %4$s (%5$s); COMMENT ON POLICY %1$I ON df.%2$I IS %6$L',
            lower(p.command), p.table_name, p.command, CASE p.command WHEN 'INSERT' THEN 'WITH CHECK' ELSE 'USING' END, p.condition, md5(p.condition))
        FROM policies AS p
        WHERE NOT EXISTS (
            SELECT
            FROM pg_policy AS o
            WHERE o.polrelid = format('df.%I', p.table_name)::regclass
                AND o.polname = lower(p.command)
                AND obj_description(o.oid, 'pg_policy') = md5(p.condition)
        )
        UNION ALL
        -- One that acts before the caller is checked. 07_request.sql makes it anew.
        SELECT 6, 'request', 'DROP TRIGGER act ON df.request'
        FROM pg_trigger AS t
        WHERE t.tgrelid = 'df.request'::regclass
            AND t.tgname = 'act'
            AND pg_get_triggerdef(t.oid) !~ 'caller'
    )
    SELECT
        (SELECT array_agg(m.command ORDER BY m.phase) FROM missing AS m),
        -- df.task first: every step holds it before the others, so whoever has it meets no step that is half-way.
        (
            SELECT string_agg(format('df.%I', l.table_name), ', ' ORDER BY l.table_name <> 'task', l.table_name)
            FROM (SELECT DISTINCT m.table_name FROM missing AS m) AS l
        )
    INTO changes, locked;
    IF changes IS NULL THEN
        RETURN;
    END IF;

    -- All the tables at once, before the first change. Steps that run hold theirs until they commit, and whoever waits for a table holds up all who come after him:
    -- so it waits for a moment only, lets the others pass, and tries again.
    LOOP
        BEGIN
            PERFORM set_config('lock_timeout', '200ms', true);
            EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', locked);
            EXIT;
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
            IF clock_timestamp() > gives_up_at THEN
                RAISE EXCEPTION 'tables that this version of the runtime changes are in use'
                    USING ERRCODE = '55P03',
                        DETAIL = format('A step that runs, or a transaction that was left open, holds one of these: %s.', locked),
                        HINT = format('Install again when it has ended. SELECT DISTINCT pid FROM pg_locks WHERE relation::regclass::text = ANY (''{%s}'') tells who it is.',
                            replace(locked, ' ', ''));
            END IF;
        END;
        PERFORM pg_sleep(0.3);
    END LOOP;
    PERFORM set_config('lock_timeout', lock_timeout, true);
    FOREACH change IN ARRAY changes LOOP
        EXECUTE change;
    END LOOP;
END
$$;

---------------------------------------------------------------------------------------------------------------------
-- Routines of earlier versions that this one has with other parameters
---------------------------------------------------------------------------------------------------------------------
-- A new parameter stands at the end and has a default. The old routine goes, else a call would fit both; who calls it as before, a driver that is at work or a step
-- procedure that was deployed, gets the new one.
DO $$
DECLARE
    routine text;
BEGIN
    FOREACH routine IN ARRAY ARRAY[
        'df.claim_task_v1(timestamptz, bigint, bigint)',
        'df.claim_task_v1(timestamptz, bigint, bigint, regrole)',
        'df.lock_scopes_v1(bigint[], bigint, boolean)',
        'df.retire_v1(integer)'
    ] LOOP
        IF to_regprocedure(routine) IS NOT NULL THEN
            EXECUTE 'DROP FUNCTION ' || routine;
        END IF;
    END LOOP;
END
$$;

-- All time is read from here, so that a test need not sleep: it moves the clock. Volatile: read it once into a variable, never in a condition.
CREATE OR REPLACE FUNCTION df.now() RETURNS timestamptz
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT clock_timestamp() + c.shift FROM df.clock AS c;
$$;

-- For df's owner alone (10_access.sql): everybody's timers move with it.
CREATE OR REPLACE FUNCTION df.move_clock(p_by interval) RETURNS timestamptz
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE df.clock AS c SET shift = c.shift + p_by;
    SELECT df.now();
$$;
