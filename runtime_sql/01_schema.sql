-- pgdurc runtime.
--
-- HOW IT WORKS
--
-- A workflow is compiled to one *step procedure*: a CASE over the number of a state, which runs the statement of that state and says which state
-- comes next. It never commits. `df.run`, the *driver*, is the only thing that does: it claims a task that is due, calls the step procedure of its
-- version for one state, writes down what happened, and commits, all in one transaction. Nothing is kept in memory from one step to the next, so any
-- driver can go on with any task at any time, also after a crash.
--
--   starter -> df.request -> df.instance, df.task -> df.run: claim, CALL step procedure, checkpoint, COMMIT -> ... -> done
--
-- THE TABLES
--   workflow, workflow_version, step_def   what was deployed; an instance stays on the version it started with
--   instance                               one row a started workflow; touched at its start and its end, not by its steps
--   task                                   one row a thread of control: the state it stands at, and when it is due. The hot row
--   stop_scope                             one row for whatever can be stopped as a whole (an instance, a race; later a deadline), and sixteen for a wide join
--   binding                                the named results of a task
--   fan_in, signal                         how many branches of a join are still at work; the inbox of an instance
--   step_run                               the history: one row an attempt, primary key (task, seq)
--   request                                starts, cancels, deployments: who asked for what
--   driver, driver_grant                   one row a backend that has driven, open while df.run runs; who drives for a role that cannot log in
--   vars, clock, runtime                   settings of the users, the one clock, the version of this runtime
--
-- THE LIFE OF A TASK
--   wake_at is when it is due; NULL when it waits for something else or has ended. A driver locks the row (FOR UPDATE SKIP LOCKED), and the
--   lock is the only claim there is: when a backend dies its lock is gone and the next driver goes on at once. A step leaves wake_at alone, so
--   that its update is HOT; parking (a sleep, a retry) sets it. One driver looks for timers of races alone: see df.overdue_timer_v1.
--
-- WHY A STEP IS DONE EXACTLY ONCE
--   The effects of the statement, its result (binding), its history (step_run) and the new position (task.state, task.seq) commit together or not at
--   all. task.seq counts the attempts; states repeat in loops and would prove nothing.
--
-- WHO LOCKS WHAT, IN WHICH ORDER
--   1. task: FOR UPDATE SKIP LOCKED, by the driver, from the claim to the commit. A row that PostgreSQL locks for it although it has just been moved
--      is let go at once: see df.release_v1.
--   2. stop_scope, in the order of id, just before the commit: FOR KEY SHARE by a step; the instance's FOR NO KEY UPDATE by a step that ends it, by one that
--      goes to wait for a signal and by whoever sends one; a race's FOR UPDATE by a step that decides it. The branches of a wide join share the lock of the
--      instance among sixteen rows: a cancel takes all of them.
--   3. instance: by whoever holds its scope.
--   4. fan_in: by a branch of a join that ends, its own counter and then those above it. 5. the parent's task: by the branch that wakes it. Nobody claims it meanwhile,
--      for it is not due; who finds it locked by such an accident waits for a moment.
--   df.cancel takes the scopes FOR UPDATE, then the instance. It, df.signal and the winner of a race touch tasks with SKIP LOCKED only. Nobody who holds a
--   scope waits for a task that can run, so there is no cycle. A driver waits for a scope for a second at most (somebody may have left a cancel open in a
--   transaction); then the step is rolled back and is due again a second later.
--   A starter takes its version FOR KEY SHARE; df.prune_versions takes FOR UPDATE what it drops, and passes over what is locked.
--   In careful work (after a crash) a step holds df.runtime, after its task and without waiting: FOR KEY SHARE, or FOR UPDATE in its fifth attempt, which it
--   makes alone. See df.brace_v1.
--
-- WHOSE RIGHTS
--   A driver runs the workflows of its own session_user, so a step has no rights but its owner's; and of roles that cannot log in, where it was granted
--   (driver_grant): under SET ROLE, from which a step can return. State is written by
--   SECURITY DEFINER functions of df's owner which check session_user. Who calls an API function is told by an insert into df.request with the caller's own
--   rights, under a row-security check that the recorded caller is the real one; its trigger then acts. session_user would be wrong there (SET ROLE).
--
-- NAMES ENDING IN _v1 are called by code that is deployed already: they are frozen. A changed contract gets a new number beside the old.

-- Nothing below is looked up where others could have put something.
SET search_path = pg_catalog, pg_temp;
-- What is there already is no news. Both are reset at the end, so that it is the same with a transaction around the script and without.
SET client_min_messages = warning;

-- Two installations at a time would fail half-way on each other's catalog rows.
DO $$
BEGIN
    PERFORM pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('pgdurc install'));
END
$$;

DO $$
BEGIN
    IF pg_catalog.to_regnamespace('df') IS NOT NULL AND pg_catalog.to_regclass('df.runtime') IS NULL THEN
        RAISE EXCEPTION 'schema "df" exists and is not pgdurc''s'
            USING ERRCODE = 'PD001',
                DETAIL = 'The extension pg_durable keeps its objects in a schema of this name.',
                HINT = 'Install pgdurc in another database, or drop the schema first.';
    END IF;
    IF pg_catalog.current_setting('server_version_num')::integer < 140000 THEN
        RAISE EXCEPTION 'pgdurc needs PostgreSQL 14 or later' USING ERRCODE = 'PD001';
    END IF;
END
$$;

-- Before the first release tables changed without a way from one to the next.
DO $$
BEGIN
    IF pg_catalog.to_regclass('df.runtime') IS NOT NULL
        AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = pg_catalog.to_regclass('df.runtime') AND a.attname = 'alone_until'
        )
    THEN
        RAISE EXCEPTION 'the runtime that is installed here is a preview that this one cannot be installed over'
            USING ERRCODE = 'PD001',
                HINT = 'Let what is in flight end; then: DROP SCHEMA df CASCADE, drop the workflows'' functions, install, and deploy the workflows again.';
    END IF;
END
$$;

-- Before anything in it is used: whoever owns a schema can put there what runs with the rights of whoever installs. And what
-- another role made here would be that role's, its SECURITY DEFINER functions would have that role's rights, and df's owner could not replace them.
DO $$
DECLARE
    owner CONSTANT text := (SELECT pg_get_userbyid(n.nspowner) FROM pg_namespace AS n WHERE n.nspname = 'df');
BEGIN
    IF owner IS NULL THEN
        -- Without IF NOT EXISTS, for which one needs the right to create a schema where it exists, too: a restored database may not have given it.
        CREATE SCHEMA df;
        IF (SELECT r.rolsuper FROM pg_roles AS r WHERE r.rolname = current_user) THEN
            RAISE WARNING 'role "%" is a superuser: the runtime''s SECURITY DEFINER functions have all of its rights', current_user
                USING HINT = 'It needs none of them. DROP SCHEMA df CASCADE, and install as an ordinary role that has CREATE on the database.';
        END IF;
    ELSIF owner <> current_user THEN
        RAISE EXCEPTION 'the runtime in schema "df" belongs to role "%"', owner
            USING ERRCODE = '42501', HINT = format('Install as that role, or SET ROLE %I first.', owner);
    END IF;
END
$$;

-- USAGE on the schema is the gate, and behind it everybody may call what is not revoked below: also where the role that installs has default privileges by which
-- what it makes is its own.
ALTER DEFAULT PRIVILEGES IN SCHEMA df GRANT EXECUTE ON ROUTINES TO PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA df GRANT USAGE ON TYPES TO PUBLIC;

CREATE TABLE IF NOT EXISTS df.runtime (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    version text NOT NULL,
    -- The contract with compiled code: a script compiled for epoch n needs a runtime of epoch n or later.
    epoch integer NOT NULL,
    -- How long an instance that has ended is kept.
    retention interval NOT NULL DEFAULT '30 days',
    -- In careful work: somebody makes a last attempt and waits for the others to pause. See df.brace_v1.
    alone_until timestamptz,
    installed_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);

-- What a newer version has added, an older one would not know. Of two builds of one version either goes over the other.
DO $$
DECLARE
    version CONSTANT text := '0.1.0';
    epoch CONSTANT integer := 5;
    installed df.runtime;
BEGIN
    SELECT r.* INTO installed FROM df.runtime AS r;
    IF installed.epoch > epoch
        OR string_to_array(substring(installed.version FROM '^[0-9.]*[0-9]'), '.')::integer[] > string_to_array(version, '.')::integer[]
    THEN
        RAISE EXCEPTION 'a newer runtime is installed here: %, and this is %', installed.version, version
            USING ERRCODE = 'PD001', HINT = 'Use the pgdurc that installed it, or a later one.';
    END IF;
    -- ON CONFLICT would lock the row also where it changes nothing, and wait for a step that holds it: see df.brace_v1.
    IF (installed.version, installed.epoch) IS DISTINCT FROM (version, epoch) THEN
        INSERT INTO df.runtime AS r (version, epoch)
        VALUES (version, epoch)
        ON CONFLICT (is_only) DO UPDATE
            SET version = excluded.version,
                epoch = excluded.epoch,
                installed_at = clock_timestamp();
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION df.version() RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT r.version FROM df.runtime AS r;
$$;

-- Compiled scripts open with a call of this.
CREATE OR REPLACE FUNCTION df.require_runtime(p_epoch integer) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    installed df.runtime;
BEGIN
    SELECT r.* INTO installed FROM df.runtime AS r;
    IF installed.epoch IS NULL OR installed.epoch < p_epoch THEN
        RAISE EXCEPTION 'a newer pgdurc runtime is needed than the % that is installed here', installed.version
            USING ERRCODE = 'PD001',
                DETAIL = format('Its epoch is %s, and what calls it was made for epoch %s.', installed.epoch, p_epoch),
                HINT = 'Install it: pgdurc install, or: pgdurc runtime | psql -1 -v ON_ERROR_STOP=1';
    END IF;
END
$$;
