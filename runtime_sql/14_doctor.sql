---------------------------------------------------------------------------------------------------------------------
-- What is wrong when nothing moves
---------------------------------------------------------------------------------------------------------------------
-- df.doctor() asks each check below, with the rights of its caller: it tells of the owners whose instances the caller sees. A check answers one row for each
-- thing that it finds; where it answers none, df.doctor() says that there is nothing. It says only what it can know: of sessions of other roles PostgreSQL tells
-- little to whoever is not a member of pg_monitor. None reads more than some thousand tasks of an owner, along an index.

-- Whose workflows the caller sees, and as whom their drivers connect: themselves, or who was granted; NULL where nobody can. sees_driver: the caller sees that
-- role's rows of df.driver.
CREATE OR REPLACE FUNCTION df.visible_owners_v1() RETURNS TABLE (owner regrole, driver regrole, sees_driver boolean)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH caller AS MATERIALIZED (
        SELECT df.visible_roles() AS roles, pg_has_role((SELECT n.nspowner FROM pg_namespace AS n WHERE n.nspname = 'df'), 'USAGE') AS is_admin
    )
    SELECT o.owner, d.driver, c.is_admin OR d.driver::oid = ANY (c.roles)
    FROM caller AS c
    CROSS JOIN LATERAL (
        SELECT DISTINCT v.owner
        FROM df.workflow_version AS v
        WHERE v.owner::oid = ANY (c.roles)
            OR c.is_admin
    ) AS o
    LEFT JOIN pg_roles AS r ON r.oid = o.owner
    LEFT JOIN df.driver_grant AS g ON g.owner = o.owner
    CROSS JOIN LATERAL (SELECT CASE WHEN r.rolcanlogin THEN o.owner ELSE g.driver END) AS d (driver)
    ORDER BY o.owner::text;
$$;

-- The steps that run now: a driver says it in its application_name, which everybody sees, and a step may forge for its own role.
CREATE OR REPLACE FUNCTION df.running_v1() RETURNS TABLE (pid integer, role regrole, instance_id text, task_id bigint)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT a.pid, a.usesysid::regrole, m.parts[1], m.parts[2]::bigint
    FROM pg_stat_activity AS a
    CROSS JOIN LATERAL regexp_match(a.application_name, '^pgdurc ([0-9a-f]{1,16}) ([0-9]{1,18}):[0-9]{1,9}$') AS m (parts)
    WHERE a.datname = current_database()
        -- NULL: of another role, and hidden.
        AND coalesce(a.state, 'active') <> 'idle'
        AND m.parts IS NOT NULL;
$$;

-- 00:10:00, without fractions.
CREATE OR REPLACE FUNCTION df.lasted_v1(p_interval interval) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT date_trunc('second', p_interval)::text;
$$;

-- 1 task, 2 tasks, 1000 or more tasks.
CREATE OR REPLACE FUNCTION df.counted_v1(p_count bigint, p_noun text, p_most bigint DEFAULT NULL) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT concat(least(p_count, p_most), CASE WHEN p_count > p_most THEN ' or more' END, ' ', p_noun, CASE WHEN p_count <> 1 THEN 's' END);
$$;

-- How somebody's transaction is ended: a prepared one, which has no session, or else that of a session, p_there or from elsewhere.
CREATE OR REPLACE FUNCTION df.ending_v1(p_gid text, p_pid integer, p_there text) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE
        WHEN p_gid IS NOT NULL THEN format('COMMIT PREPARED %1$L, or ROLLBACK PREPARED %1$L', p_gid)
        ELSE format('%s, or: SELECT pg_terminate_backend(%s)', p_there, p_pid)
    END;
$$;

-- Overdue: due for more than 10 s, and no transaction has it, neither a driver's nor another: see df.check_locks_v1.
CREATE OR REPLACE FUNCTION df.check_tasks_v1(p_unseen_for interval) RETURNS TABLE (status text, finding text, hint text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    moment CONSTANT timestamptz := df.now();
    looked_after CONSTANT regrole[] := ARRAY(SELECT p.owner FROM df.visible_owners_v1() AS p);
    -- A task that is locked has the transaction's number, and that transaction a lock on its number.
    held CONSTANT xid[] := ARRAY(SELECT l.transactionid FROM pg_locks AS l WHERE l.locktype = 'transactionid' AND l.granted);
    owned record;
    overdue record;
    drivers record;
    is_fine boolean := true;
BEGIN
    FOR owned IN SELECT p.* FROM df.visible_owners_v1() AS p LOOP
        SELECT count(*) AS count, moment - min(t.wake_at) AS age INTO overdue
        FROM (
            SELECT t.wake_at
            FROM df.task AS t
            WHERE t.owner = owned.owner
                AND t.wake_at < moment - interval '10 seconds'
                AND t.xmax <> ALL (held)
            ORDER BY t.wake_at, t.id
            LIMIT 1001
        ) AS t;
        CONTINUE WHEN overdue.count = 0;
        is_fine := false;
        -- Of a run that is under way the row is open; one that finds nothing due opens none.
        SELECT
            count(*) FILTER (WHERE d.closed_at IS NULL AND d.died_at IS NULL AND a.pid IS NOT NULL) AS at_work,
            max(coalesce(d.died_at, d.closed_at, d.opened_at)) AS seen_at
        INTO drivers
        FROM df.driver AS d
        LEFT JOIN pg_stat_activity AS a
            ON a.pid = d.pid
            AND a.usesysid = d.owner::oid
            -- NULL: of another role, and hidden.
            AND coalesce(a.backend_start, d.backend_start) = d.backend_start
            AND coalesce(a.state, 'active') <> 'idle'
        WHERE d.owner = owned.driver;
        status := 'warning';
        finding := format(
            '%s of role %s %s overdue, the oldest by %s', df.counted_v1(overdue.count, 'task', 1000), owned.owner,
            CASE WHEN overdue.count = 1 THEN 'is' ELSE 'are' END, df.lasted_v1(overdue.age));
        IF owned.driver IS NOT NULL AND NOT owned.sees_driver THEN
            finding := format('%s; the drivers of role %s, which drives for it, are not yours to see', finding, owned.driver);
            hint := format('Look as role %s, or as the runtime''s owner', owned.driver);
        ELSIF drivers.at_work > 0 THEN
            finding := format('%s; %s of it %s at work', finding, df.counted_v1(drivers.at_work, 'driver'), CASE WHEN drivers.at_work = 1 THEN 'is' ELSE 'are' END);
            hint := 'If that goes on they are too few: pgdurc worker --drivers, or SELECT df.install_scheduler(drivers => n)';
        ELSIF drivers.seen_at > clock_timestamp() - p_unseen_for THEN
            finding := format('%s; a driver of it was here %s ago', finding, df.lasted_v1(clock_timestamp() - drivers.seen_at));
            hint := 'If drivers are called by a clock, the next one comes. One that waits takes a task up at once: pgdurc worker, or SELECT df.install_scheduler()';
        ELSE
            status := 'problem';
            finding := concat(
                finding, '; ',
                CASE WHEN drivers.seen_at IS NULL THEN 'no driver of it has been seen' ELSE format('its last driver was seen %s ago', df.lasted_v1(clock_timestamp() - drivers.seen_at)) END);
            -- Where nobody can connect for it, another check says what to do.
            hint := CASE
                WHEN owned.driver IS NULL THEN 'No role drives for it; see "owners"'
                ELSE format(
                    'Start a driver as role %s: pgdurc worker, or %s; CALL df.run(0, NULL) is one for as long as something is due',
                    owned.driver,
                    CASE
                        WHEN EXISTS (SELECT FROM pg_extension AS e WHERE e.extname = 'pg_cron') THEN 'SELECT df.install_scheduler()'
                        ELSE 'any clock that calls CALL df.run(50, NULL)'
                    END)
            END;
        END IF;
        RETURN NEXT;
    END LOOP;

    -- Who has started workflows of others sees their instances, and not their drivers.
    FOR overdue IN
        SELECT i.owner, count(DISTINCT i.id) AS count, moment - min(t.wake_at) AS age
        FROM (
            SELECT n.id, n.owner
            FROM (
                SELECT s.id, s.owner, s.ended_at
                FROM df.instance AS s
                WHERE s.starter = quote_ident(current_user)::regrole
                ORDER BY s.created_at DESC, s.id
                LIMIT 1000
            ) AS n
            WHERE n.ended_at IS NULL
                AND n.owner <> ALL (looked_after)
        ) AS i
        JOIN df.task AS t ON t.instance_id = i.id
        WHERE t.wake_at < moment - interval '10 seconds'
            AND t.xmax <> ALL (held)
        GROUP BY i.owner
        ORDER BY i.owner::text
    LOOP
        is_fine := false;
        status := 'warning';
        finding := format(
            '%s of role %s that you started %s overdue, the oldest by %s; its drivers are not yours to see',
            df.counted_v1(overdue.count, 'instance'), overdue.owner, CASE WHEN overdue.count = 1 THEN 'is' ELSE 'are' END, df.lasted_v1(overdue.age));
        hint := format('Look as role %s, or as the runtime''s owner', overdue.owner);
        RETURN NEXT;
    END LOOP;
    IF is_fine THEN
        status := 'ok';
        finding := CASE WHEN looked_after = '{}' THEN 'no workflow is deployed whose drivers you see' ELSE format('nothing of %s is overdue', array_to_string(looked_after, ', ')) END;
        hint := NULL;
        RETURN NEXT;
    END IF;
END
$$;

-- Who owns workflows and cannot be driven: drivers connect as the owner, or as the role that df.grant_driver named.
CREATE OR REPLACE FUNCTION df.check_owners_v1() RETURNS TABLE (status text, finding text, hint text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    set_role CONSTANT text := CASE WHEN current_setting('server_version_num')::integer >= 160000 THEN 'SET' ELSE 'MEMBER' END;
    owned record;
    who text;
BEGIN
    FOR owned IN
        SELECT p.owner, p.driver, o.rolname AS owner_name, d.rolname AS driver_name, d.rolsuper AS is_super, d.rolcanlogin AS drives
        FROM df.visible_owners_v1() AS p
        LEFT JOIN pg_roles AS o ON o.oid = p.owner
        LEFT JOIN pg_roles AS d ON d.oid = p.driver
        -- Who has nothing to be driven needs no driver.
        WHERE EXISTS (SELECT FROM df.workflow AS w WHERE w.owner = p.owner AND w.version_id IS NOT NULL)
            OR EXISTS (SELECT FROM df.task AS t WHERE t.owner = p.owner AND t.wake_at IS NOT NULL)
    LOOP
        who := format(CASE WHEN owned.driver = owned.owner THEN 'role %s, which owns workflows,' ELSE 'role %s, which drives for role %s,' END, owned.driver, owned.owner);
        finding := NULL;
        IF owned.owner_name IS NULL THEN
            finding := format('role %s, which owns workflows, does not exist any more', owned.owner);
            hint := 'Cancel what it left: df.cancel; as another role deploy the workflows under other names';
        ELSIF owned.driver IS NULL THEN
            finding := format('role %I owns workflows, cannot log in, and no role drives for it', owned.owner_name);
            hint := format('GRANT %I TO <login role>; SELECT df.grant_driver(%L, <login role>)', owned.owner_name, owned.owner_name);
        ELSIF owned.driver_name IS NULL THEN
            finding := format('the role that drives for role %I does not exist any more', owned.owner_name);
            hint := format('SELECT df.grant_driver(%L, <login role>)', owned.owner_name);
        ELSIF NOT owned.drives THEN
            finding := who || ' cannot log in';
            hint := format('ALTER ROLE %I LOGIN, or df.grant_driver to another role', owned.driver_name);
        ELSIF owned.is_super THEN
            finding := who || ' is a superuser, and superusers do not drive';
            hint := format('ALTER ROLE %I NOSUPERUSER', owned.driver_name);
        ELSIF NOT pg_has_role(owned.driver, owned.owner, set_role) THEN
            finding := who || ' is not a member of it any more';
            hint := format('GRANT %I TO %I', owned.owner_name, owned.driver_name);
        ELSIF NOT has_schema_privilege(owned.driver, 'df', 'USAGE') THEN
            finding := who || ' may not use pgdurc';
            hint := format('As the runtime''s owner: SELECT df.grant_usage(%L)', owned.driver_name);
        ELSIF NOT has_database_privilege(owned.driver, current_database(), 'CONNECT') THEN
            finding := who || ' may not connect to this database';
            hint := format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), owned.driver_name);
        END IF;
        IF finding IS NOT NULL THEN
            status := 'problem';
            RETURN NEXT;
        END IF;
    END LOOP;
END
$$;

-- What a role's sessions begin with in this database: its own settings there, its own, the database's, everybody's; or, where this session shows it, the server's.
-- As it was written, for example 30s or 30000.
CREATE OR REPLACE FUNCTION df.role_setting_v1(p_role regrole, p_name text) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(
        (
            SELECT substring(c.setting FROM position('=' IN c.setting) + 1)
            FROM pg_db_role_setting AS s
            CROSS JOIN LATERAL unnest(s.setconfig) AS c (setting)
            WHERE s.setrole IN (p_role::oid, 0)
                AND s.setdatabase IN ((SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database()), 0)
                AND split_part(c.setting, '=', 1) = p_name
            ORDER BY s.setrole = 0, s.setdatabase = 0
            LIMIT 1
        ),
        (
            SELECT s.setting
            FROM pg_settings AS s
            WHERE s.name = p_name
                AND s.source IN ('default', 'environment variable', 'configuration file', 'command line', 'override')
        ));
$$;

-- Settings of the roles that hold drivers up, or whoever starts workflows.
CREATE OR REPLACE FUNCTION df.check_settings_v1() RETURNS TABLE (status text, finding text, hint text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- A run takes a minute at most, and ends at 80 % of statement_timeout.
    least_timeout CONSTANT interval := '75 seconds';
    owned record;
    timeout interval;
BEGIN
    FOR owned IN
        SELECT DISTINCT p.driver, df.role_setting_v1(p.driver, 'statement_timeout') AS timeout, df.role_setting_v1(p.driver, 'default_transaction_read_only') AS is_read_only
        FROM df.visible_owners_v1() AS p
        WHERE p.driver IS NOT NULL
        ORDER BY p.driver
    LOOP
        timeout := CASE
            WHEN owned.timeout ~ '^[0-9]{1,10}$' THEN make_interval(secs => owned.timeout::double precision / 1000)
            WHEN owned.timeout ~ '^[0-9]{1,10}([.][0-9]+)? *(us|ms|s|min|h|d)$' THEN owned.timeout::interval
        END;
        status := 'warning';
        IF timeout > '0' AND timeout < least_timeout THEN
            finding := format(
                'statement_timeout of role %s is %s: each CALL df.run of it ends after %s seconds, and a step that takes longer is interrupted, the fifth time for good',
                owned.driver, df.lasted_v1(timeout), round(extract(epoch FROM timeout * 0.8)::numeric, 1));
            hint := format('ALTER ROLE %s IN DATABASE %I SET statement_timeout = 0, and limit steps by other means', owned.driver, current_database());
            RETURN NEXT;
        END IF;
        IF lower(owned.is_read_only) IN ('on', 'true', 'yes', '1') THEN
            finding := format('transactions of role %s are read-only unless they say otherwise: its drivers do, but starts, signals and cancels fail', owned.driver);
            hint := 'default_transaction_read_only; some managed services set it when the disk is nearly full';
            RETURN NEXT;
        END IF;
    END LOOP;
END
$$;

-- The jobs that df.install_scheduler made for the role that calls this, for pg_cron shows no other's.
CREATE OR REPLACE FUNCTION df.check_pg_cron_v1() RETURNS TABLE (status text, finding text, hint text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    again CONSTANT text := 'SELECT df.install_scheduler(drivers => n)';
    jobs CONSTANT text[] := ARRAY(SELECT s.job_name FROM df.schedule AS s WHERE s.owner = quote_ident(current_user)::regrole ORDER BY s.job_name);
    -- Its place is told to members of pg_read_all_settings.
    place CONSTANT text := (SELECT s.setting FROM pg_settings AS s WHERE s.name = 'cron.database_name');
    is_here CONSTANT boolean := EXISTS (SELECT FROM pg_extension AS e WHERE e.extname = 'pg_cron');
    job record;
    job_name text;
    oldest_run bigint := 0;
    is_fine boolean := true;
BEGIN
    IF jobs = '{}' THEN
        status := 'ok';
        finding := concat(
            'role ', quote_ident(current_user), ' has no jobs of df.install_scheduler; pg_cron is ',
            CASE WHEN is_here THEN 'here' WHEN place <> current_database() THEN format('in database %I', place) ELSE 'not in this database' END);
        RETURN NEXT;
        RETURN;
    ELSIF NOT df.can_use_cron_v1() THEN
        status := 'problem';
        finding := format(
            '%s %s by df.install_scheduler, and %s', df.counted_v1(cardinality(jobs), 'job'), CASE cardinality(jobs) WHEN 1 THEN 'was made' ELSE 'were made' END,
            CASE WHEN is_here THEN 'this role may not use the schema cron any more' WHEN place IS NULL THEN 'pg_cron is not in this database any more' ELSE format('pg_cron is in database %I', place) END);
        hint := CASE
            WHEN is_here THEN format('An administrator grants it: GRANT USAGE ON SCHEMA cron TO %I', current_user)
            ELSE 'Where another database has pg_cron, its administrator makes the jobs there: cron.schedule_in_database; or: pgdurc worker'
        END;
        RETURN NEXT;
        RETURN;
    END IF;
    -- Where a job has no run yet, a log of others' runs would be read to its beginning, and it grows for ever.
    IF to_regclass('cron.runid_seq') IS NOT NULL THEN
        IF has_sequence_privilege('cron.runid_seq', 'SELECT') THEN
            EXECUTE 'SELECT s.last_value - 100000 FROM cron.runid_seq AS s' INTO oldest_run;
        END IF;
    END IF;
    FOREACH job_name IN ARRAY jobs LOOP
        status := 'problem';
        finding := NULL;
        EXECUTE $sql$
            SELECT j.jobid, j.active AS is_active, j.database, r.status, r.return_message AS message, r.start_time, r.end_time
            FROM cron.job AS j
            LEFT JOIN LATERAL (
                -- From the end, along the primary key.
                SELECT d.status, d.return_message, d.start_time, d.end_time
                FROM cron.job_run_details AS d
                WHERE j.active
                    AND d.jobid = j.jobid
                    AND d.runid > $2
                ORDER BY d.runid DESC
                LIMIT 1
            ) AS r ON true
            WHERE j.jobname = $1
                AND j.username = current_user
        $sql$
            INTO job
            USING job_name, oldest_run;
        IF job.jobid IS NULL THEN
            finding := format('the job "%s" is not there any more', job_name);
            hint := again;
        ELSIF NOT job.is_active THEN
            finding := format('the job "%s" is not active', job_name);
            hint := again;
        ELSIF job.status = 'failed' THEN
            -- One that could not connect has no time.
            finding := concat('the job "', job_name, '" failed', ' at ' || to_char(job.start_time, 'YYYY-MM-DD HH24:MI:SS'), ': ', left(coalesce(job.message, 'pg_cron does not say why'), 200));
            hint := 'The server''s log may tell more. pg_cron connects as this role: cron.host, pg_hba.conf, or cron.use_background_workers';
        ELSIF job.status IN ('succeeded', 'failed') AND job.end_time < clock_timestamp() - interval '3 minutes' THEN
            finding := format('the job "%s" has not been run since %s', job_name, to_char(job.end_time, 'YYYY-MM-DD HH24:MI:SS'));
            hint := 'pg_cron is not running, or runs as many jobs as it may: the server''s log, cron.max_running_jobs, max_worker_processes';
        END IF;
        IF finding IS NOT NULL THEN
            is_fine := false;
            RETURN NEXT;
        END IF;
    END LOOP;
    IF is_fine THEN
        status := 'ok';
        finding := format('%s of role %I', df.counted_v1(cardinality(jobs), 'job'), current_user);
        hint := NULL;
        RETURN NEXT;
    END IF;
END
$$;

-- Drivers that died, so that the others of their role work carefully: see df.brace_v1.
CREATE OR REPLACE FUNCTION df.check_crashes_v1() RETURNS TABLE (status text, finding text, hint text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    died record;
BEGIN
    FOR died IN
        SELECT p.driver, d.count, d.at, t.instance_id
        FROM (SELECT DISTINCT q.driver FROM df.visible_owners_v1() AS q) AS p
        CROSS JOIN LATERAL (
            SELECT count(*) AS count, max(d.died_at) AS at, (array_agg(d.task_id ORDER BY d.died_at DESC))[1] AS task_id
            FROM df.driver AS d
            WHERE d.owner = p.driver
                AND d.died_at > clock_timestamp() - interval '5 minutes'
        ) AS d
        -- Known from its first commit on.
        LEFT JOIN df.task AS t ON t.id = d.task_id
        WHERE d.count > 0
        ORDER BY p.driver::text
    LOOP
        status := 'warning';
        finding := format(
            '%s of role %s died, the last %s ago%s; until five minutes after that the others commit twice a step',
            df.counted_v1(died.count, 'driver'), died.driver, df.lasted_v1(clock_timestamp() - died.at),
            CASE WHEN died.instance_id IS NOT NULL THEN format(', when it was at instance %s', died.instance_id) END);
        hint := 'A session was terminated, or the server went down: its log tells. A step that does it is failed at the fifth time';
        RETURN NEXT;
    END LOOP;
END
$$;

-- Tasks that wait for a transaction which somebody left open: one in which he has cancelled the instance, which holds its tasks and its scope, or has signalled
-- to it, which holds the scope. And who that is; which of several he is who have locked scopes nobody can tell.
CREATE OR REPLACE FUNCTION df.check_locks_v1() RETURNS TABLE (status text, finding text, hint text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    moment CONSTANT timestamptz := df.now();
    held CONSTANT xid[] := ARRAY(SELECT l.transactionid FROM pg_locks AS l WHERE l.locktype = 'transactionid' AND l.granted);
    holder record;
BEGIN
    FOR holder IN
        WITH running AS MATERIALIZED (
            -- Of a role that does not drive that task it is forged.
            SELECT r.pid, r.instance_id
            FROM df.running_v1() AS r
            JOIN df.task AS t ON t.id = r.task_id AND t.instance_id = r.instance_id
            JOIN df.visible_owners_v1() AS p ON p.owner = t.owner AND p.driver = r.role
        ), locks AS MATERIALIZED (
            SELECT l.* FROM pg_locks AS l WHERE l.granted
        ), waiting AS MATERIALIZED (
            SELECT t.instance_id, t.xmax AS xid, t.wait = 'lock' AND t.wake_at > moment - interval '10 seconds' AS is_for_scope
            FROM df.visible_owners_v1() AS p
            CROSS JOIN LATERAL (
                (
                    SELECT o.instance_id, o.xmax, o.wait, o.wake_at
                    FROM df.task AS o
                    WHERE o.owner = p.owner
                        AND o.wake_at < moment
                    ORDER BY o.wake_at, o.id
                    LIMIT 1000
                )
                UNION
                -- Who did not get a scope comes again every second.
                (
                    SELECT n.instance_id, n.xmax, n.wait, n.wake_at
                    FROM df.task AS n
                    WHERE n.owner = p.owner
                        AND n.wake_at < moment + interval '2 seconds'
                    ORDER BY n.wake_at DESC, n.id DESC
                    LIMIT 1000
                )
            ) AS t
            WHERE t.wait = 'lock' OR t.xmax = ANY (held)
        )
        SELECT
            l.pid, a.usename, a.state, x.gid, coalesce(x.prepared, a.xact_start) AS since,
            array_agg(DISTINCT w.instance_id) AS instances
        FROM waiting AS w
        JOIN locks AS l
            ON l.locktype = 'transactionid' AND l.transactionid = w.xid
            OR w.is_for_scope AND l.relation = 'df.stop_scope'::regclass AND l.mode IN ('RowShareLock', 'RowExclusiveLock')
                AND l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
        LEFT JOIN pg_stat_activity AS a ON a.pid = l.pid
        -- A prepared transaction has no session.
        LEFT JOIN locks AS o ON l.pid IS NULL AND o.pid IS NULL AND o.locktype = 'transactionid' AND o.virtualtransaction = l.virtualtransaction
        LEFT JOIN pg_prepared_xacts AS x ON x.transaction = o.transactionid
        -- Not its own driver, nor one that has just claimed it.
        WHERE NOT EXISTS (SELECT FROM running AS r WHERE r.pid = l.pid AND r.instance_id = w.instance_id)
            AND (
                EXISTS (SELECT FROM running AS r WHERE r.pid = l.pid)
                OR NOT EXISTS (SELECT FROM df.driver AS d WHERE d.pid = l.pid AND d.closed_at IS NULL AND d.died_at IS NULL)
            )
            AND l.pid IS DISTINCT FROM pg_backend_pid()
        GROUP BY l.pid, a.usename, a.state, x.gid, coalesce(x.prepared, a.xact_start)
        ORDER BY since
        LIMIT 10
    LOOP
        status := CASE WHEN holder.since > clock_timestamp() - interval '10 seconds' THEN 'warning' ELSE 'problem' END;
        finding := format(
            '%s (%s) cannot go on before %s ends',
            df.counted_v1(cardinality(holder.instances), 'instance'),
            array_to_string(holder.instances[:3] || CASE WHEN cardinality(holder.instances) > 3 THEN ARRAY['...'] END, ', '),
            CASE
                WHEN holder.gid IS NOT NULL THEN format('the prepared transaction %L', holder.gid)
                ELSE concat('the transaction of session ', holder.pid, ' of role ', quote_ident(holder.usename), ', ' || holder.state || ',')
            END)
            -- NULL: of another role, and hidden.
            || coalesce(format(', which began %s ago', df.lasted_v1(clock_timestamp() - holder.since)), '');
        hint := df.ending_v1(holder.gid, holder.pid, 'Commit or roll back there');
        RETURN NEXT;
    END LOOP;
END
$$;

-- Steps that were stopped and run on: who would interrupt them is not there. See df.watch_v1.
CREATE OR REPLACE FUNCTION df.check_watchdog_v1() RETURNS TABLE (status text, finding text, hint text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    moment CONSTANT timestamptz := df.now();
    step record;
BEGIN
    FOR step IN
        SELECT r.pid, r.role, r.instance_id, s.stopped_at
        FROM df.running_v1() AS r
        JOIN df.task AS t ON t.id = r.task_id AND t.instance_id = r.instance_id
        JOIN df.visible_owners_v1() AS p ON p.owner = t.owner AND p.driver = r.role
        CROSS JOIN LATERAL (SELECT min(o.stopped_at) AS stopped_at FROM df.stop_scope AS o WHERE o.id = ANY (t.scopes)) AS s
        -- It would have been terminated by then.
        WHERE s.stopped_at < moment - interval '10 seconds'
        ORDER BY s.stopped_at
        LIMIT 10
    LOOP
        status := 'warning';
        finding := format('a step of instance %s was stopped %s ago and still runs, in session %s', step.instance_id, df.lasted_v1(moment - step.stopped_at), step.pid);
        hint := format(
            'It will not commit. What interrupts it, as role %s: pgdurc worker, the janitor of df.install_scheduler, or CALL df.janitor(10)', step.role);
        RETURN NEXT;
    END LOOP;
END
$$;

-- What is tried again is nothing that is wrong with the drivers; it tells why an instance stands still.
CREATE OR REPLACE FUNCTION df.check_retries_v1() RETURNS TABLE (status text, finding text, hint text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    moment CONSTANT timestamptz := df.now();
    retried record;
BEGIN
    -- Among those that are due next; others may sleep, by the million.
    SELECT count(*) AS count, (array_agg(t.id ORDER BY t.wake_at))[1] AS task_id, min(t.wake_at) AS wake_at INTO retried
    FROM df.visible_owners_v1() AS p
    CROSS JOIN LATERAL (
        SELECT t.id, t.wake_at, t.wait
        FROM df.task AS t
        WHERE t.owner = p.owner
            AND t.wake_at > moment
        ORDER BY t.wake_at, t.id
        LIMIT 1000
    ) AS t
    WHERE t.wait = 'retry';
    status := 'ok';
    finding := 'no step waits to be tried again';
    IF retried.count > 0 THEN
        SELECT
            format(
                '%s to be tried again; the next, of instance %s, in %s, for "%s" (%s)',
                CASE retried.count WHEN 1 THEN '1 step waits' ELSE retried.count || ' steps wait' END, t.instance_id, df.lasted_v1(retried.wake_at - moment), left(r.message, 200), r.sqlstate),
            format('pgdurc show %s, or SELECT * FROM df.timeline(%L)', t.instance_id, t.instance_id)
        INTO finding, hint
        FROM df.task AS t
        LEFT JOIN df.step_run AS r ON r.task_id = t.id AND r.seq = t.seq
        WHERE t.id = retried.task_id;
    END IF;
    RETURN NEXT;
END
$$;

-- Instances whose retention has been over for a day.
CREATE OR REPLACE FUNCTION df.check_retention_v1() RETURNS TABLE (status text, finding text, hint text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    before CONSTANT timestamptz := df.now() - (SELECT r.retention FROM df.runtime AS r) - interval '1 day';
    owned record;
BEGIN
    FOR owned IN
        SELECT p.owner, p.driver, i.ended_at
        FROM df.visible_owners_v1() AS p
        CROSS JOIN LATERAL (
            SELECT min(o.ended_at) AS ended_at
            FROM (
                SELECT s.ended_at
                FROM df.instance AS s
                WHERE s.owner = p.owner
                    AND s.created_at < before
                ORDER BY s.created_at, s.id DESC
                LIMIT 1000
            ) AS o
            WHERE o.ended_at < before
        ) AS i
        WHERE i.ended_at IS NOT NULL
    LOOP
        status := 'warning';
        finding := format(
            'instances of role %s are kept that ended at %s and later; the retention is %s', owned.owner, to_char(owned.ended_at, 'YYYY-MM-DD HH24:MI:SS'),
            (SELECT r.retention FROM df.runtime AS r));
        hint := format(
            'Nobody cleans up. As role %s: pgdurc worker, SELECT df.install_scheduler(), or a clock that calls CALL df.janitor(0)', coalesce(owned.driver, owned.owner));
        RETURN NEXT;
    END LOOP;
END
$$;

-- What makes drivers slower and slower: dead rows of df.task that nobody removes, or nobody can.
CREATE OR REPLACE FUNCTION df.check_vacuum_v1(p_dead_rows bigint, p_snapshot_age integer, p_snapshot_time interval)
RETURNS TABLE (status text, finding text, hint text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    dead CONSTANT bigint := pg_stat_get_dead_tuples('df.task'::regclass);
    live CONSTANT bigint := pg_stat_get_live_tuples('df.task'::regclass);
    off text;
    holder record;
BEGIN
    status := 'warning';
    off := (SELECT string_agg(s.name, ', ' ORDER BY s.name) FROM pg_settings AS s WHERE s.name IN ('autovacuum', 'track_counts') AND s.setting = 'off');
    IF off IS NOT NULL THEN
        finding := format('autovacuum does not run: %s is off', off);
        hint := 'Every step leaves a dead row behind. ALTER SYSTEM, or the configuration of the service';
        RETURN NEXT;
    END IF;
    off := (
        SELECT string_agg(format('df.%I', c.relname), ', ' ORDER BY c.relname)
        FROM pg_class AS c
        CROSS JOIN LATERAL pg_options_to_table(c.reloptions) AS o
        WHERE c.relnamespace = 'df'::regnamespace
            AND o.option_name = 'autovacuum_enabled'
            AND NOT o.option_value::boolean
    );
    IF off IS NOT NULL THEN
        finding := format('autovacuum is off for %s', off);
        hint := 'ALTER TABLE ... RESET (autovacuum_enabled)';
        RETURN NEXT;
    END IF;
    IF dead > greatest(p_dead_rows, 10 * live) THEN
        finding := format('df.task has %s dead rows beside %s live ones', dead, live);
        hint := 'Autovacuum does not keep up, or an old snapshot keeps it from it. VACUUM df.task';
        RETURN NEXT;
    END IF;
    FOR holder IN
        SELECT a.pid, a.usename, a.state, a.xact_start AS since, NULL AS gid, age(a.backend_xmin) AS age
        FROM pg_stat_activity AS a
        WHERE a.datname = current_database()
            AND a.pid <> pg_backend_pid()
            -- The start is told of sessions of one's own role only, the age of all.
            AND (a.xact_start < clock_timestamp() - p_snapshot_time AND a.backend_xmin IS NOT NULL OR age(a.backend_xmin) > p_snapshot_age)
        UNION ALL
        SELECT NULL, x.owner, NULL, x.prepared, x.gid, age(x.transaction)
        FROM pg_prepared_xacts AS x
        WHERE x.database = current_database()
            AND x.prepared < clock_timestamp() - p_snapshot_time
        ORDER BY age DESC
        LIMIT 10
    LOOP
        finding := concat(
            CASE
                WHEN holder.gid IS NOT NULL THEN format('the prepared transaction %L of role %I', holder.gid, holder.usename)
                ELSE concat('session ', holder.pid, ' of role ', quote_ident(holder.usename), ', ' || holder.state || ',')
            END,
            format(' holds back vacuum by %s transactions', holder.age), ', for ' || df.lasted_v1(clock_timestamp() - holder.since));
        hint := df.ending_v1(holder.gid, holder.pid, 'End its transaction');
        RETURN NEXT;
    END LOOP;
END
$$;

CREATE OR REPLACE FUNCTION df.check_clock_v1() RETURNS TABLE (status text, finding text, hint text)
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT
        CASE c.shift WHEN '0' THEN 'ok' ELSE 'warning' END,
        CASE c.shift WHEN '0' THEN 'df.now() is the server''s time' ELSE format('df.now() was moved by %s: all timers run by it', c.shift) END,
        CASE WHEN c.shift <> '0' THEN format('As the runtime''s owner: SELECT df.move_clock(%L)', (-c.shift)::text) END
    FROM df.clock AS c;
$$;

-- No operators are installed, so what a script says that was not compiled is PostgreSQL's message, which names nothing of ours.
CREATE OR REPLACE FUNCTION df.check_scripts_v1() RETURNS TABLE (status text, finding text, hint text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH found AS (
        SELECT string_agg(o.oid::regoperator::text, ', ' ORDER BY o.oid::regoperator::text) AS operators
        FROM pg_operator AS o
        WHERE o.oprname IN ('~>', '|=>', '?>', '!>')
            AND o.oprright IN ('text'::regtype, 'unknown'::regtype)
    )
    SELECT
        CASE WHEN f.operators IS NULL THEN 'ok' ELSE 'warning' END,
        CASE
            WHEN f.operators IS NULL THEN 'if a script says "operator does not exist: unknown ~> unknown", it was not compiled: in the database there are no operators of workflows'
            ELSE format('there are operators that a script which was not compiled would call: %s', f.operators)
        END,
        'pgdurc compile script.sql | psql -v ON_ERROR_STOP=1'
    FROM found AS f;
$$;

-- What is wrong when nothing moves: a row for each thing that a check has found, and for each check that has found nothing. status is ok, warning or problem. Of
-- the owners whose workflows the caller sees. A driver that was not seen for unseen_for is taken for none.
CREATE OR REPLACE FUNCTION df.doctor(unseen_for interval DEFAULT '90 seconds') RETURNS TABLE (check_name text, status text, finding text, hint text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
-- For the checks, too. The planner expects all tasks to be read, and for their row security would make a hash of all instances; what is to keep it from that
-- makes small tables look so dear that it would compile for half a second.
SET enable_seqscan = off
SET seq_page_cost = 1000000
SET jit = off
AS $$
BEGIN
    IF pg_is_in_recovery() THEN
        RETURN QUERY VALUES ('tasks', 'warning', 'this server is a standby, where drivers do nothing', 'Connect to the primary');
    ELSE
        RETURN QUERY SELECT 'tasks', c.* FROM df.check_tasks_v1(unseen_for) AS c;
    END IF;
    RETURN QUERY SELECT 'owners', coalesce(c.status, 'ok'), coalesce(c.finding, 'whoever owns workflows can be driven'), c.hint
        FROM (SELECT) AS one LEFT JOIN df.check_owners_v1() AS c ON true;
    RETURN QUERY SELECT 'pg_cron', c.* FROM df.check_pg_cron_v1() AS c;
    RETURN QUERY SELECT 'settings', coalesce(c.status, 'ok'), coalesce(c.finding, 'no setting of a role holds its drivers up'), c.hint
        FROM (SELECT) AS one LEFT JOIN df.check_settings_v1() AS c ON true;
    RETURN QUERY SELECT 'crashes', coalesce(c.status, 'ok'), coalesce(c.finding, 'no driver was found dead in the last five minutes'), c.hint
        FROM (SELECT) AS one LEFT JOIN df.check_crashes_v1() AS c ON true;
    RETURN QUERY SELECT 'locks', coalesce(c.status, 'ok'), coalesce(c.finding, 'no instance waits for a transaction that somebody left open'), c.hint
        FROM (SELECT) AS one LEFT JOIN df.check_locks_v1() AS c ON true;
    RETURN QUERY SELECT 'watchdog', coalesce(c.status, 'ok'), coalesce(c.finding, 'no step runs on that was stopped'), c.hint
        FROM (SELECT) AS one LEFT JOIN df.check_watchdog_v1() AS c ON true;
    RETURN QUERY SELECT 'retries', c.* FROM df.check_retries_v1() AS c;
    RETURN QUERY SELECT 'retention', coalesce(c.status, 'ok'), coalesce(c.finding, 'nothing is kept for much longer than the retention'), c.hint
        FROM (SELECT) AS one LEFT JOIN df.check_retention_v1() AS c ON true;
    -- A million transactions, or an hour.
    RETURN QUERY SELECT 'vacuum', coalesce(c.status, 'ok'), coalesce(c.finding, 'autovacuum is on, and nothing is seen that holds it back'), c.hint
        FROM (SELECT) AS one LEFT JOIN df.check_vacuum_v1(100000, 1000000, interval '1 hour') AS c ON true;
    RETURN QUERY SELECT 'clock', c.* FROM df.check_clock_v1() AS c;
    RETURN QUERY SELECT 'scripts', c.* FROM df.check_scripts_v1() AS c;
END
$$;
