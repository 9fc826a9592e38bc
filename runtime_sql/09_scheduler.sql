---------------------------------------------------------------------------------------------------------------------
-- What calls df.run, and who cleans up
---------------------------------------------------------------------------------------------------------------------

-- Deletes at most p_limit instances of p_owner, whom the session drives, that ended longer ago than the retention, with all that belongs to them.
CREATE OR REPLACE FUNCTION df.retire_v1(p_limit integer, p_owner regrole DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    login CONSTANT regrole := quote_ident(session_user)::regrole;
    driven CONSTANT regrole := coalesce(p_owner, login);
    before CONSTANT timestamptz := df.now() - (SELECT r.retention FROM df.runtime AS r);
    retired text[];
    tasks bigint[];
BEGIN
    IF driven <> login AND NOT df.drives_v1(driven) THEN
        RETURN 0;
    END IF;
    -- Not those that somebody has just signalled or cancelled, although they have ended: his transaction may be left open, and he has the scope.
    retired := ARRAY(
        SELECT i.id
        FROM df.instance AS i
        JOIN df.stop_scope AS s ON s.instance_id = i.id AND s.kind = 'instance'
        WHERE i.owner = driven
            AND i.created_at < before
            AND i.ended_at < before
        ORDER BY i.created_at
        LIMIT p_limit
        FOR UPDATE SKIP LOCKED
    );
    tasks := ARRAY(SELECT t.id FROM df.task AS t WHERE t.instance_id = ANY (retired));
    DELETE FROM df.step_run AS r WHERE r.task_id = ANY (tasks);
    DELETE FROM df.binding AS b WHERE b.task_id = ANY (tasks);
    DELETE FROM df.fan_in AS f WHERE f.parent_id = ANY (tasks);
    DELETE FROM df.task AS t WHERE t.id = ANY (tasks);
    DELETE FROM df.signal AS s WHERE s.instance_id = ANY (retired);
    DELETE FROM df.stop_scope AS s WHERE s.instance_id = ANY (retired);
    DELETE FROM df.request AS r WHERE r.instance_id = ANY (retired);
    DELETE FROM df.request AS r WHERE r.instance_id IS NULL AND r.caller = driven AND r.created_at < before;
    DELETE FROM df.instance AS i WHERE i.id = ANY (retired);
    DELETE FROM df.driver AS d
    WHERE d.owner = login
        AND coalesce(d.died_at, d.closed_at) < clock_timestamp() - interval '1 day'
        AND NOT EXISTS (SELECT FROM df.task AS t WHERE t.braced_by = d.id AND t.status = 'live');
    RETURN cardinality(retired);
END
$$;

-- Wakes who waits for a signal that is in the inbox: somebody whom a signal has passed over, for a driver had the task by accident, and died before it could tell
-- (see df.release_v1). There is next to never one.
CREATE OR REPLACE FUNCTION df.rouse_waiters_v1(p_owner regrole DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET jit = off
AS $$
DECLARE
    login CONSTANT regrole := quote_ident(session_user)::regrole;
    moment CONSTANT timestamptz := df.now();
BEGIN
    IF p_owner IS NULL OR df.drives_v1(p_owner) THEN
        PERFORM df.rouse_v1(ARRAY(
            SELECT DISTINCT w.id
            FROM df.signal AS s
            JOIN df.task AS w ON w.instance_id = s.instance_id
            WHERE s.taken_by IS NULL
                AND s.sent_at < moment - interval '5 seconds'
                AND w.owner = coalesce(p_owner, login)
                AND w.status = 'live'
                AND w.wait = 'signal'
                AND w.signal_name = s.name
                AND coalesce(w.wake_at > moment, true)
        ));
    END IF;
END
$$;

-- Where the extension is, its schema is its own: anybody could make one of that name, with a trigger that runs with the rights of whoever cleans up. Step by
-- step: a name in a schema that one may not use is an error, not NULL.
CREATE OR REPLACE FUNCTION df.can_use_cron_v1() RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_extension AS e WHERE e.extname = 'pg_cron') THEN
        RETURN false;
    ELSIF NOT has_schema_privilege('cron', 'USAGE') THEN
        RETURN false;
    END IF;
    RETURN to_regclass('cron.job') IS NOT NULL AND to_regclass('cron.job_run_details') IS NOT NULL;
END
$$;

-- The watchdog: interrupts the drivers of the session's role whose running step has been stopped. Cancels, and terminates what is at the same step 5 s later. What
-- a driver is at stands in its application_name, which its own step may forge and nobody else: the backend is one of this role, by pid and start. A cancel that
-- comes too late and hits the next step costs that no attempt. p_seen: what the last look answered, {"pid backend_start application_name": when it was
-- cancelled first, in seconds of the epoch}.
CREATE OR REPLACE FUNCTION df.watch_v1(p_seen jsonb DEFAULT '{}') RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- A text of a time might be read as another one, as the role's settings are.
    moment CONSTANT double precision := extract(epoch FROM clock_timestamp());
    answer jsonb := '{}';
    stopped record;
    at double precision;
BEGIN
    FOR stopped IN
        SELECT a.pid, concat_ws(' ', a.pid, extract(epoch FROM a.backend_start), a.application_name) AS step
        FROM pg_stat_activity AS a
        JOIN df.driver AS d ON d.pid = a.pid AND d.backend_start = a.backend_start
        WHERE a.usename = session_user
            AND a.pid <> pg_backend_pid()
            AND a.state = 'active'
            AND d.closed_at IS NULL
            AND a.application_name ~ '^pgdurc [0-9a-f]{1,16} [0-9]{1,18}:[0-9]{1,9}$'
            AND df.is_stopped_v1(split_part(split_part(a.application_name, ' ', 3), ':', 1)::bigint)
    LOOP
        at := coalesce((p_seen ->> stopped.step)::double precision, moment);
        answer := answer || jsonb_build_object(stopped.step, at);
        IF at < moment - 5 THEN
            PERFORM pg_terminate_backend(stopped.pid);
        ELSE
            PERFORM pg_cancel_backend(stopped.pid);
        END IF;
    END LOOP;
    RETURN answer;
END
$$;

-- Watches the drivers twice a second; every 5 seconds retention in small batches; once a call who waits for what is there, and pg_cron's own log of our jobs, which grows
-- for ever.
CREATE OR REPLACE PROCEDURE df.janitor(max_seconds double precision DEFAULT 0)
LANGUAGE plpgsql
AS $$
DECLARE
    ends_at pg_catalog.timestamptz;
    gives_up_at pg_catalog.timestamptz;
    cleans_at pg_catalog.timestamptz := pg_catalog.clock_timestamp();
    has_roused boolean := false;
    retired integer;
    role pg_catalog.text;
    seen pg_catalog.jsonb := '{}';
BEGIN
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', false);
    -- Another one, be it the default of the login role, would not see what the backends of this one do.
    SET ROLE NONE;
    -- Read-write from the next transaction on, whatever the role's default is.
    PERFORM df.pin_settings_v1();
    COMMIT;
    ends_at := clock_timestamp() + make_interval(secs => least(max_seconds, 60));
    gives_up_at := clock_timestamp() + interval '60 seconds';
    IF df.can_use_cron_v1() AND has_table_privilege('cron.job_run_details', 'DELETE') THEN
        -- By command, for a job that was removed is not in cron.job any more. A run that a restart of the server ended has no end_time.
        EXECUTE $sql$
            DELETE FROM cron.job_run_details AS d
            WHERE d.status IN ('succeeded', 'failed')
                AND coalesce(d.end_time, d.start_time) < clock_timestamp() - interval '1 day'
                AND d.command ~ '^CALL df\.(run|run_timers|janitor)\('
                AND d.username = session_user
                AND d.database = current_database()
        $sql$;
        COMMIT;
    END IF;
    LOOP
        retired := 0;
        IF clock_timestamp() >= cleans_at THEN
            FOREACH role IN ARRAY df.driven_roles_v1() LOOP
                retired := retired + df.retire_v1(100, CASE WHEN role <> 'none' THEN quote_ident(role)::regrole END);
                COMMIT;
                IF NOT has_roused THEN
                    PERFORM df.rouse_waiters_v1(CASE WHEN role <> 'none' THEN quote_ident(role)::regrole END);
                    COMMIT;
                END IF;
            END LOOP;
            has_roused := true;
            -- At once again while there is more, but not without watching.
            cleans_at := clock_timestamp() + CASE WHEN retired > 0 THEN interval '0' ELSE interval '5 seconds' END;
        END IF;
        seen := df.watch_v1(seen);
        COMMIT;
        IF retired > 0 THEN
            EXIT WHEN clock_timestamp() > greatest(ends_at, gives_up_at);
            CONTINUE;
        END IF;
        EXIT WHEN clock_timestamp() + interval '0.5 seconds' > ends_at;
        PERFORM pg_sleep(0.5);
        COMMIT;
    END LOOP;
    RESET ROLE;
    RESET ALL;
END
$$;

-- Removes the jobs that df.install_scheduler made for the role that calls it, but for those of p_kept that are active; answers how many there were.
CREATE OR REPLACE FUNCTION df.remove_jobs_v1(p_kept text[]) RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    job text;
    removed integer := 0;
BEGIN
    FOR job IN
        SELECT s.job_name FROM df.schedule AS s WHERE s.owner::oid = quote_ident(current_user)::regrole::oid
    LOOP
        IF df.can_use_cron_v1() THEN
            -- By number: somebody may have removed it by hand.
            EXECUTE $sql$
                SELECT cron.unschedule(j.jobid)
                FROM cron.job AS j
                WHERE j.jobname = $1 AND j.username = current_user AND NOT (j.active AND j.jobname = ANY ($2))
            $sql$
                USING job, p_kept;
        ELSIF EXISTS (SELECT FROM pg_extension AS e WHERE e.extname = 'pg_cron') THEN
            -- Forgotten here they would go on there.
            RAISE EXCEPTION 'permission denied for schema cron'
                USING ERRCODE = '42501',
                    DETAIL = format('The job "%s" is still there.', job),
                    HINT = format('An administrator grants it: GRANT USAGE ON SCHEMA cron TO %I;', current_user);
        END IF;
        removed := removed + 1;
    END LOOP;
    PERFORM df.ask_v1('unschedule', NULL, '{}');
    RETURN removed;
END
$$;

-- Makes the pg_cron jobs that drive the workflows of the role that calls it: `drivers` jobs, one more for the timers of races, and a janitor. Calling it again changes how
-- many. A job that stays is never removed, for that would end its run, and the step in it, where pg_cron uses background workers.
CREATE OR REPLACE FUNCTION df.install_scheduler(kind text DEFAULT 'pg_cron', drivers integer DEFAULT 1) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    cron_version text;
    every text;
    seconds integer;
    jobs text[];
    job text;
BEGIN
    IF kind <> 'pg_cron' THEN
        RAISE EXCEPTION 'unknown scheduler "%"', kind
            USING ERRCODE = '22023', HINT = 'pg_cron is the one that a database runs itself. Otherwise: pgdurc worker, or any clock that calls CALL df.run(0, NULL).';
    ELSIF drivers IS NULL OR drivers NOT BETWEEN 1 AND 64 THEN
        RAISE EXCEPTION 'drivers must be between 1 and 64' USING ERRCODE = '22023';
    ELSIF (SELECT r.rolsuper FROM pg_roles AS r WHERE r.rolname = current_user) THEN
        RAISE EXCEPTION 'a superuser does not drive workflows'
            USING ERRCODE = 'PD004', HINT = 'Call it as the role that deployed them: pg_cron runs a job as the role that made it.';
    END IF;
    SELECT e.extversion INTO cron_version FROM pg_extension AS e WHERE e.extname = 'pg_cron';
    IF cron_version IS NULL THEN
        RAISE EXCEPTION 'pg_cron is not installed in this database'
            USING ERRCODE = 'PD009',
                DETAIL = 'It lives in one database of a server, the one that cron.database_name names.',
                HINT = 'Create the extension here, use pgdurc worker, or let any clock call CALL df.run(0, NULL).';
    ELSIF NOT has_schema_privilege('cron', 'USAGE') THEN
        RAISE EXCEPTION 'permission denied for schema cron'
            USING ERRCODE = '42501', HINT = format('An administrator grants it: GRANT USAGE ON SCHEMA cron TO %I;', current_user);
    END IF;
    jobs := ARRAY(
        SELECT format('pgdurc %s %s', current_user, CASE n WHEN -1 THEN 'janitor' WHEN 0 THEN 'timers' ELSE 'driver ' || n END)
        FROM generate_series(-1, drivers) AS n
        ORDER BY n
    );
    PERFORM df.remove_jobs_v1(jobs);
    -- From 1.5 on in seconds: a job restarts as soon as it has ended. Before, once a minute.
    IF string_to_array(regexp_replace(cron_version, '[^0-9.].*$', ''), '.')::integer[] >= ARRAY[1, 5] THEN
        every := '5 seconds';
        seconds := 50;
    ELSE
        every := '* * * * *';
        seconds := 58;
    END IF;
    FOREACH job IN ARRAY jobs LOOP
        -- Changes the job of that name, if there is one.
        EXECUTE 'SELECT cron.schedule($1, $2, $3)'
            USING job, every, format(
                CASE job
                    WHEN jobs[1] THEN 'CALL df.janitor(%s)'
                    WHEN jobs[2] THEN 'CALL df.run_timers(%s, NULL)'
                    ELSE 'CALL df.run(%s, NULL)'
                END,
                seconds);
        PERFORM df.ask_v1('schedule', NULL, jsonb_build_object('job_name', job, 'kind', kind));
    END LOOP;
    RETURN format('%s driver(s), one for timers and a janitor, %s', drivers, CASE every WHEN '5 seconds' THEN 'every 5 seconds' ELSE 'every minute' END);
END
$$;

CREATE OR REPLACE FUNCTION df.uninstall_scheduler() RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN df.remove_jobs_v1('{}');
END
$$;
