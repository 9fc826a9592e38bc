---------------------------------------------------------------------------------------------------------------------
-- Claiming a task and writing down what became of it
---------------------------------------------------------------------------------------------------------------------
-- Called by df.run. Each finds a task only for whose owner the session drives, whatever id it is given.

DO $$
BEGIN
    IF pg_catalog.to_regtype('df.claim_v1') IS NULL THEN
        CREATE TYPE df.claim_v1 AS (
            -- run: call the procedure; crowded: the same, among other drivers; waited: the same, of a timer that has waited; settled: nothing to run, commit and go on; braced: leave it; none: nothing is due
            verdict text,
            task_id bigint,
            instance_id text,
            state integer,
            version_id bigint,
            -- 'CALL schema.procedure($1)'; NULL: the caller knows it
            command text,
            wake_at timestamptz,
            started_at timestamptz,
            clock_shift interval
        );
    END IF;
END
$$;

-- Locks the scopes of a task in the order of their ids, each in the strength at once that is needed: FOR KEY SHARE, and p_strong FOR NO KEY UPDATE (its instance
-- ends, or the task goes to sleep until a signal) or FOR UPDATE (a race is decided). ok; stopped: by somebody else; own: by this very transaction; busy: somebody
-- holds one for longer than p_patience, a cancel left open in a transaction. Looks again and again, for a lock_timeout would be an error, and to catch it takes a
-- subtransaction.
CREATE OR REPLACE FUNCTION df.lock_scopes_v1(
    p_scopes bigint[], p_strong bigint DEFAULT NULL, p_is_stop boolean DEFAULT false, p_patience interval DEFAULT '1 second'
) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    gives_up_at CONSTANT timestamptz := clock_timestamp() + p_patience;
    scope df.stop_scope;
    scope_id bigint;
    answer text := 'ok';
BEGIN
    FOREACH scope_id IN ARRAY p_scopes LOOP
        LOOP
            IF scope_id IS DISTINCT FROM p_strong THEN
                SELECT s.* INTO scope FROM df.stop_scope AS s WHERE s.id = scope_id FOR KEY SHARE SKIP LOCKED;
            ELSIF p_is_stop THEN
                SELECT s.* INTO scope FROM df.stop_scope AS s WHERE s.id = scope_id FOR UPDATE SKIP LOCKED;
            ELSE
                SELECT s.* INTO scope FROM df.stop_scope AS s WHERE s.id = scope_id FOR NO KEY UPDATE SKIP LOCKED;
            END IF;
            EXIT WHEN FOUND OR NOT EXISTS (SELECT FROM df.stop_scope AS s WHERE s.id = scope_id);
            IF clock_timestamp() > gives_up_at THEN
                RETURN CASE WHEN p_is_stop AND scope_id = p_strong THEN 'wanted' ELSE 'busy' END;
            END IF;
            PERFORM pg_sleep(0.005);
        END LOOP;
        IF scope.stopped_at IS NOT NULL THEN
            IF scope.stop_xact <> pg_current_xact_id() THEN
                RETURN 'stopped';
            END IF;
            answer := 'own';
        ELSIF scope.wanted_until > clock_timestamp() AND scope_id IS DISTINCT FROM p_strong THEN
            RETURN 'busy';
        END IF;
    END LOOP;
    RETURN answer;
END
$$;
REVOKE ALL ON FUNCTION df.lock_scopes_v1(bigint[], bigint, boolean, interval) FROM PUBLIC;

-- A branch has ended, its scopes are locked: tells its parent. The last one of a join wakes it; the first one of a race does, and stops the others.
CREATE OR REPLACE FUNCTION df.leave_v1(task df.task, p_at timestamptz) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    counter integer;
    left_over integer;
BEGIN
    -- It waits for whoever has just ended the branch beside it, until that commits. The role's own limit is for its steps, and would end the driver's run here.
    IF current_setting('lock_timeout') <> '0' THEN
        PERFORM set_config('lock_timeout', '0', true);
    END IF;
    IF task.race_id IS NOT NULL THEN
        UPDATE df.stop_scope AS s
        SET stopped_at = p_at,
            stop_xact = pg_current_xact_id()
        WHERE s.id = task.race_id;
        -- Whoever is at work finds out before it commits.
        UPDATE df.task AS t
        SET status = 'stopped',
            wake_at = NULL
        WHERE t.id IN (
            SELECT o.id
            FROM df.task AS o
            WHERE o.instance_id = task.instance_id
                AND o.status = 'live'
                AND task.race_id = ANY (o.scopes)
                AND o.id <> task.id
            FOR UPDATE SKIP LOCKED
        );
    ELSE
        -- See df.fan_in: a counter that the join does not have is passed over.
        FOREACH counter IN ARRAY ARRAY[17 + task.branch % 64, task.branch % 16, 16] LOOP
            UPDATE df.fan_in AS f
            SET remaining = f.remaining - 1
            WHERE f.parent_id = task.parent_id
                AND f.slot = counter
            RETURNING f.remaining INTO left_over;
            IF left_over > 0 THEN
                RETURN;
            END IF;
        END LOOP;
    END IF;
    UPDATE df.task AS t
    SET wake_at = p_at,
        wait = 'ready'
    WHERE t.id = task.parent_id
        AND t.status = 'live';
END
$$;
REVOKE ALL ON FUNCTION df.leave_v1(df.task, timestamptz) FROM PUBLIC;

-- A task has failed for good, its scopes are locked: so has the instance, or the branch that it was.
CREATE OR REPLACE FUNCTION df.end_failed_v1(task df.task, p_started_at timestamptz, p_at timestamptz) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF task.parent_id IS NOT NULL THEN
        PERFORM df.leave_v1(task, p_at);
    ELSE
        UPDATE df.instance AS i
        SET status = 'failed',
            failed_task_id = task.failed_task_id,
            failed_seq = task.failed_seq,
            started_at = coalesce(i.started_at, p_started_at),
            ended_at = p_at
        WHERE i.id = task.instance_id
            AND i.ended_at IS NULL;
    END IF;
END
$$;
REVOKE ALL ON FUNCTION df.end_failed_v1(df.task, timestamptz, timestamptz) FROM PUBLIC;

-- Writes a failed attempt of a task that the caller has locked, and decides: again later, or never. Where that ends the instance and somebody holds its scope,
-- the attempt is made again in a second and not counted.
CREATE OR REPLACE FUNCTION df.record_failure_v1(
    task df.task, p_outcome text, p_started_at timestamptz, p_at timestamptz,
    p_sqlstate text, p_message text, p_detail text, p_hint text, p_context text
) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- Try again without being asked: serialization failure, deadlock, lock not available, admin shutdown, connection, resources.
    is_transient CONSTANT boolean := p_outcome = 'failed'
        AND (p_sqlstate IN ('40001', '40P01', '55P03', '57P01') OR left(p_sqlstate, 2) IN ('08', '53'));
    began_at CONSTANT timestamptz := clock_timestamp();
    -- See df.turn_v1.
    patience CONSTANT interval := CASE WHEN task.wait = 'lock' THEN interval '20 milliseconds' ELSE interval '1 second' END;
    policy df.workflow_version;
    retry_in interval;
    verdict text;
BEGIN
    SELECT v.* INTO policy FROM df.workflow_version AS v WHERE v.id = task.version_id;

    IF p_outcome = 'failed' THEN
        IF is_transient THEN
            task.transient_failures := task.transient_failures + 1;
            IF task.transient_failures <= 10 THEN
                retry_in := least(interval '100 milliseconds' * power(2, task.transient_failures - 1), interval '30 seconds');
            END IF;
        ELSE
            task.failures := task.failures + 1;
            IF task.failures < coalesce(policy.max_attempts, 1) THEN
                -- In seconds: an interval would overflow.
                retry_in := make_interval(secs => least(
                    extract(epoch FROM policy.backoff) * power(2, least(task.failures - 1, 30)), extract(epoch FROM policy.backoff_max))::double precision);
            END IF;
        END IF;
        -- Jitter, so that what failed together does not come back together.
        retry_in := retry_in * (0.75 + random() * 0.5);
    ELSIF p_outcome = 'interrupted' THEN
        task.interrupts := task.interrupts + 1;
        retry_in := CASE WHEN task.interrupts < 5 THEN interval '1 second' END;
    ELSE
        retry_in := CASE WHEN task.crashes < 5 THEN interval '0' END;
    END IF;

    -- The first attempt writes the instance, too, which whoever stops it has.
    IF retry_in IS NULL OR task.seq = 0 THEN
        IF retry_in IS NULL THEN
            verdict := df.lock_scopes_v1(
                task.scopes, CASE WHEN task.parent_id IS NULL THEN task.scopes[1] ELSE task.race_id END, task.race_id IS NOT NULL, patience);
        ELSE
            verdict := df.lock_scopes_v1(task.scopes, p_patience => patience);
        END IF;
        IF verdict IN ('busy', 'wanted') THEN
            IF verdict = 'wanted' THEN
                UPDATE df.stop_scope AS s SET wanted_until = clock_timestamp() + interval '5 seconds' WHERE s.id = task.race_id;
            END IF;
            UPDATE df.task AS t
            SET wake_at = p_at + (clock_timestamp() - began_at) + CASE verdict WHEN 'wanted' THEN interval '100 milliseconds' ELSE interval '1 second' END,
                wait = 'lock',
                crashes = task.crashes,
                braced_by = NULL
            WHERE t.id = task.id;
            RETURN;
        END IF;
    END IF;

    INSERT INTO df.step_run (
        task_id, seq, state, attempt, outcome, started_at, finished_at, sqlstate, message, detail, hint, context)
    VALUES (
        task.id, task.seq + 1, task.state, task.failures + task.transient_failures + task.interrupts + task.crashes, p_outcome,
        p_started_at, p_at, p_sqlstate, left(p_message, 100000), nullif(left(p_detail, 100000), ''), nullif(left(p_hint, 100000), ''),
        nullif(left(p_context, 100000), ''));

    UPDATE df.task AS t
    SET seq = task.seq + 1,
        status = CASE WHEN retry_in IS NOT NULL THEN 'live' WHEN verdict = 'stopped' THEN 'stopped' ELSE 'failed' END,
        wake_at = p_at + retry_in,
        -- After a crash it is what it was, which a driver for timers goes by.
        wait = CASE p_outcome WHEN 'crashed' THEN t.wait ELSE 'retry' END,
        failures = task.failures,
        transient_failures = task.transient_failures,
        interrupts = task.interrupts,
        crashes = task.crashes,
        braced_by = NULL,
        lap_at = NULL,
        failed_task_id = CASE WHEN retry_in IS NULL THEN task.id END,
        failed_seq = CASE WHEN retry_in IS NULL THEN task.seq + 1 END
    WHERE t.id = task.id
    RETURNING t.* INTO task;

    IF task.status = 'failed' THEN
        PERFORM df.end_failed_v1(task, p_started_at, p_at);
    ELSIF task.seq = 1 THEN
        UPDATE df.instance AS i SET status = 'running', started_at = p_started_at WHERE i.id = task.instance_id AND i.status = 'pending';
    END IF;
END
$$;
REVOKE ALL ON FUNCTION df.record_failure_v1(df.task, text, timestamptz, timestamptz, text, text, text, text, text) FROM PUBLIC;

-- A query that locks due tasks may find one that another driver moves at that very instant. PostgreSQL locks such a row before it finds that it is not due any
-- more, and keeps the lock until the transaction ends: as long as a step of quite another task takes. Nobody could run it meanwhile; and df.signal, which passes
-- over whatever is locked, may have passed over it already, so it looks again. p_passed: which tasks these may be. True: there is one, so commit before a step is
-- run.
CREATE OR REPLACE FUNCTION df.release_v1(p_passed bigint[]) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $$
DECLARE
    held bigint[];
BEGIN
    SELECT array_agg(t.id) INTO held FROM df.task AS t WHERE t.id = ANY (p_passed) AND t.xmax = pg_current_xact_id_if_assigned()::xid;
    -- Nearly always: they are locked by whoever runs them.
    IF held IS NULL THEN
        RETURN false;
    END IF;
    UPDATE df.task AS t SET wake_at = df.now() WHERE t.id = ANY (held) AND t.status = 'live' AND t.wait = 'signal';
    RETURN true;
END
$$;
REVOKE ALL ON FUNCTION df.release_v1(bigint[]) FROM PUBLIC;

-- Wakes tasks that wait for a signal, whichever it is and whether there is one or not: they look, and wait on. It passes over what somebody has; and whoever has just gone
-- on to wait for another signal is woken, too, for a signal may be passing over him because of the lock.
CREATE OR REPLACE FUNCTION df.rouse_v1(p_waiters bigint[]) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET jit = off
AS $$
    UPDATE df.task AS t
    SET wake_at = df.now()
    WHERE t.id IN (
        SELECT w.id FROM df.task AS w WHERE w.id = ANY (p_waiters) AND w.status = 'live' AND w.wait = 'signal' FOR UPDATE SKIP LOCKED
    );
$$;
REVOKE ALL ON FUNCTION df.rouse_v1(bigint[]) FROM PUBLIC;

-- The first timer of a race that has been due for half a second, behind (p_after, p_after_id): a branch, however deep in a race, that has waited, or is to begin to wait,
-- or to do something else that runs no statement of the user's. A race says how long something may take, and that must not depend on whether those whom it
-- limits leave a driver free: so a driver of its own looks for these and nothing else. It looks through all that is due, and therefore seldom where that is much.
CREATE OR REPLACE FUNCTION df.overdue_timer_v1(
    p_owner regrole, p_now timestamptz, p_after timestamptz, p_after_id bigint, OUT id bigint, OUT wake_at timestamptz
)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET jit = off
AS $$
BEGIN
    SELECT t.id, t.wake_at INTO id, wake_at
    FROM df.task AS t
    WHERE t.owner = p_owner
        AND t.wake_at <= p_now - interval '0.5 seconds'
        AND (t.wake_at, t.id) > (p_after, p_after_id)
        -- The instance's or a slot's, and races'.
        AND cardinality(t.scopes) > 1
        AND (
            t.wait IN ('sleep', 'schedule', 'signal')
            OR EXISTS (
                SELECT
                FROM df.step_def AS d
                WHERE d.version_id = t.version_id
                    AND d.state = t.state
                    AND d.kind IN ('sleep', 'schedule', 'signal', 'race', 'join', 'gather', 'break', 'name', 'end')
            )
        )
    ORDER BY t.wake_at, t.id
    LIMIT 1;
END
$$;
REVOKE ALL ON FUNCTION df.overdue_timer_v1(regrole, timestamptz, timestamptz, bigint) FROM PUBLIC;

-- Locks the first due task behind (p_after, p_after_id). The position is why a claim is cheap: without it each would walk over the dead index entries that the
-- tasks before it left, all of them as long as somebody holds an old snapshot. p_known_version_id: the version whose command the driver has looked up lately. p_owner: NULL is
-- the session's own role. crowded: as run, and other drivers are at tasks that are due at the same instant, see df.spread_v1. p_timers_only: see df.overdue_timer_v1.
CREATE OR REPLACE FUNCTION df.claim_task_v1(
    p_after timestamptz, p_after_id bigint, p_known_version_id bigint, p_owner regrole DEFAULT NULL, p_timers_only boolean DEFAULT false
) RETURNS df.claim_v1
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
-- `= ANY (scopes)` would be planned anew at every call, for the planner thinks that an array has ten elements; and a session that planned while the tables
-- were small would read them whole for as long as it lives.
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $$
DECLARE
    driven CONSTANT regrole := coalesce(p_owner, quote_ident(session_user)::regrole);
    claim df.claim_v1;
    scopes bigint[];
    braced_by bigint;
    passed bigint[];
    beside bigint[];
    driver df.driver;
BEGIN
    IF p_owner IS NOT NULL THEN
        -- Within: in one condition the function would be prepared at every claim.
        IF NOT df.drives_v1(p_owner) THEN
            claim.verdict := 'none';
            claim.started_at := df.now();
            RETURN claim;
        END IF;
    END IF;
    SELECT clock_timestamp() + c.shift, c.shift INTO claim.started_at, claim.clock_shift FROM df.clock AS c WHERE c.is_only;
    IF p_timers_only THEN
        SELECT o.id, o.wake_at INTO claim.task_id, claim.wake_at FROM df.overdue_timer_v1(driven, claim.started_at, p_after, p_after_id) AS o;
        IF claim.task_id IS NOT NULL THEN
            SELECT
                CASE WHEN t.wait IN ('sleep', 'schedule', 'signal') THEN 'waited' ELSE 'run' END,
                t.instance_id, t.version_id, t.state, t.scopes, t.braced_by
            INTO claim.verdict, claim.instance_id, claim.version_id, claim.state, scopes, braced_by
            FROM df.task AS t
            WHERE t.id = claim.task_id
                AND coalesce(t.wake_at = claim.wake_at, false)
            FOR UPDATE SKIP LOCKED;
            IF claim.verdict IS NULL THEN
                -- Somebody is at it, or has been.
                PERFORM df.release_v1(ARRAY[claim.task_id]);
                claim.verdict := 'settled';
                RETURN claim;
            END IF;
        END IF;
    ELSE
        SELECT
            'run', first.id, first.instance_id, first.version_id, first.state, first.wake_at, first.scopes, first.braced_by,
            -- In the same snapshot. Apart, those that are due at the very moment, as the branches of a join are: an index scan does not stop at the second column of a row.
            ARRAY(
                SELECT t.id
                FROM df.task AS t
                WHERE t.owner = driven
                    AND t.wake_at <= claim.started_at
                    AND t.wake_at < coalesce(seen.wake_at, 'infinity')
                    AND (t.wake_at, t.id) > (p_after, p_after_id)
            ),
            ARRAY(
                SELECT t.id
                FROM df.task AS t
                WHERE t.owner = driven
                    AND t.wake_at = seen.wake_at
                    AND t.id > CASE WHEN seen.wake_at = p_after THEN p_after_id ELSE 0 END
                    AND t.id < first.id
            )
        INTO claim.verdict, claim.task_id, claim.instance_id, claim.version_id, claim.state, claim.wake_at, scopes, braced_by, passed, beside
        FROM (VALUES (true)) AS always (is_true)
        LEFT JOIN (
            SELECT t.id, t.instance_id, t.version_id, t.state, t.wake_at, t.scopes, t.braced_by
            FROM df.task AS t
            WHERE t.owner = driven
                AND t.wake_at <= claim.started_at
                AND (t.wake_at, t.id) > (p_after, p_after_id)
            ORDER BY t.wake_at, t.id
            LIMIT 1
            FOR UPDATE SKIP LOCKED
        ) AS first ON true
        -- Where it stood in that snapshot: it may have moved since, and is told as it is now.
        LEFT JOIN df.task AS seen ON seen.id = first.id;
    END IF;
    IF beside <> '{}' THEN
        claim.verdict := 'crowded';
        passed := passed || beside;
    END IF;
    IF passed <> '{}' THEN
        -- What df.release_v1 looks for, looked for here: it is dear to call, and nearly never needed.
        IF EXISTS (SELECT FROM df.task AS t WHERE t.id = ANY (passed) AND t.xmax = pg_current_xact_id_if_assigned()::xid) THEN
            PERFORM df.release_v1(passed);
            claim.verdict := 'settled';
            claim.wake_at := p_after;
            claim.task_id := p_after_id;
            RETURN claim;
        END IF;
    END IF;
    IF claim.task_id IS NULL THEN
        claim.verdict := 'none';
        RETURN claim;
    END IF;

    -- In a new statement, so that a stop which committed before the lock was had is seen.
    IF EXISTS (SELECT FROM df.stop_scope AS s WHERE s.id = ANY (scopes) AND s.stopped_at IS NOT NULL) THEN
        UPDATE df.task AS t SET status = 'stopped', wake_at = NULL WHERE t.id = claim.task_id;
        claim.verdict := 'settled';
        RETURN claim;
    END IF;

    IF braced_by IS NOT NULL THEN
        SELECT d.* INTO driver FROM df.driver AS d WHERE d.id = braced_by;
        -- Or it was driven by another role before.
        IF driver.died_at IS NOT NULL OR driver.id IS NULL OR driver.owner <> quote_ident(session_user)::regrole THEN
            PERFORM df.record_failure_v1(
                t, 'crashed', coalesce(driver.died_at, claim.started_at), claim.started_at, '57P02',
                'this step did not commit: its backend ended, or the COMMIT failed', NULL, 'The log of the server, or of the driver, tells why.', NULL)
            FROM df.task AS t
            WHERE t.id = claim.task_id;
            claim.verdict := 'settled';
            RETURN claim;
        ELSIF driver.closed_at IS NOT NULL THEN
            -- Its time was up between its commit and its lock.
            UPDATE df.task AS t SET crashes = t.crashes - 1, braced_by = NULL WHERE t.id = claim.task_id;
        ELSIF driver.pid <> pg_backend_pid() THEN
            -- Between its commit and its lock, or dead and nobody has looked yet.
            claim.verdict := 'braced';
            RETURN claim;
        END IF;
    END IF;

    IF claim.version_id = p_known_version_id THEN
        RETURN claim;
    END IF;
    -- By name, for an OID goes stale in a dump; and the owner's own, whoever else may create in that schema.
    SELECT format('CALL %I.%I($1)', v.schema_name, v.procedure_name) INTO claim.command
    FROM df.workflow_version AS v
    JOIN pg_namespace AS n ON n.nspname = v.schema_name
    JOIN pg_proc AS p ON p.proname = v.procedure_name AND p.pronamespace = n.oid
    WHERE v.id = claim.version_id
        AND p.prokind = 'p'
        AND p.proargtypes[0] = 'df.step_v1'::regtype
        AND p.pronargs = 1
        AND p.proowner = v.owner::oid;
    IF claim.command IS NULL THEN
        PERFORM df.record_failure_v1(
            t, 'failed', claim.started_at, claim.started_at, '42883',
            coalesce(
                format('procedure %s.%s of this version is missing, or is not %s''s', v.schema_name, v.procedure_name, v.owner),
                'the version that it runs is missing'),
            NULL, 'Deploy the same version of the workflow again.', NULL)
        FROM df.task AS t
        LEFT JOIN df.workflow_version AS v ON v.id = t.version_id
        WHERE t.id = claim.task_id;
        claim.verdict := 'settled';
    END IF;
    RETURN claim;
END
$$;

-- Locks the task that stands behind (p_wake_at, p_id) in the queue where that is due at the same instant and has the next id, as the branches of a join do; and
-- is of the same version. verdict NULL: there is none, or somebody has it. To look through the queue is dearer. Whether the task has been
-- stopped is not looked at, see df.continue_v1.
CREATE OR REPLACE FUNCTION df.claim_next_v1(p_wake_at timestamptz, p_id bigint, p_version_id bigint, p_clock_shift interval) RETURNS df.claim_v1
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    claim df.claim_v1;
BEGIN
    SELECT 'run', t.id, t.instance_id, t.state, t.version_id, t.wake_at, clock_timestamp() + p_clock_shift, p_clock_shift
    INTO claim.verdict, claim.task_id, claim.instance_id, claim.state, claim.version_id, claim.wake_at, claim.started_at, claim.clock_shift
    FROM df.task AS t
    WHERE t.id = p_id + 1
        AND pg_get_userbyid(t.owner) = session_user
        -- Not `t.wake_at = p_wake_at`, see df.continue_v1.
        AND coalesce(t.wake_at = p_wake_at, false)
        AND t.version_id = p_version_id
        AND t.braced_by IS NULL
    FOR UPDATE SKIP LOCKED;
    IF claim.verdict IS NULL AND pg_current_xact_id_if_assigned() IS NOT NULL THEN
        -- It may have moved at this very instant.
        PERFORM df.release_v1(ARRAY[p_id + 1]);
        claim.verdict := 'settled';
        claim.wake_at := p_wake_at;
        claim.task_id := p_id;
    END IF;
    RETURN claim;
END
$$;

-- Behind which id a driver looks next that has just claimed the task (p_wake_at, p_id) among others at work: some way on, as long as tasks that are due at the same instant are left
-- there. Side by side they would find each other's locks at every claim. p_owner: as in df.claim_task_v1.
CREATE OR REPLACE FUNCTION df.spread_v1(p_wake_at timestamptz, p_id bigint, p_owner regrole DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $$
DECLARE
    driven CONSTANT regrole := coalesce(p_owner, quote_ident(session_user)::regrole);
    further CONSTANT bigint := p_id + (random() * 256)::integer;
BEGIN
    IF (p_owner IS NULL OR df.drives_v1(p_owner))
        AND EXISTS (SELECT FROM df.task AS t WHERE t.owner = driven AND t.wake_at = p_wake_at AND t.id > further)
    THEN
        RETURN further;
    END IF;
    RETURN p_id;
END
$$;

-- The step procedure of a version, if it is still there and its owner's.
CREATE OR REPLACE FUNCTION df.find_procedure_v1(p_version_id bigint) RETURNS oid
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
    RETURN (
        SELECT p.oid
        FROM df.workflow_version AS v
        JOIN pg_namespace AS n ON n.nspname = v.schema_name
        JOIN pg_proc AS p ON p.proname = v.procedure_name AND p.pronamespace = n.oid
        WHERE v.id = p_version_id
            AND p.prokind = 'p'
            AND p.pronargs = 1
            AND p.proargtypes[0] = 'df.step_v1'::regtype
            AND p.proowner = v.owner::oid
            AND (v.owner = quote_ident(session_user)::regrole OR df.drives_v1(v.owner))
    );
END
$$;

-- Locks the task again that this driver has just run a step of, and says at which state it stands; NULL: it is not this driver's any more, or not due. Whether it
-- has been stopped is not looked at: whoever stops it holds the scope before he touches the task, so either the row says so already, or the step finds out
-- before it commits.
CREATE OR REPLACE FUNCTION df.continue_v1(p_task_id bigint, p_driver_id bigint, p_now timestamptz) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    state integer;
BEGIN
    SELECT t.state INTO state
    FROM df.task AS t
    WHERE t.id = p_task_id
        -- To make an OID of session_user's name takes a parser, and is dearer.
        AND pg_get_userbyid(t.owner) = session_user
        -- Not `t.wake_at <= p_now`: for that the index of what is due looks best to the planner when nothing is, and it would be read from end to end ever after.
        AND coalesce(t.wake_at <= p_now, false)
        AND (t.braced_by IS NULL OR t.braced_by = p_driver_id)
    FOR UPDATE SKIP LOCKED;
    RETURN state;
END
$$;

-- The same for the tasks of granted roles, too: apart, for this is dearer, and that is called between any two steps.
CREATE OR REPLACE FUNCTION df.retake_v1(p_task_id bigint, p_driver_id bigint, p_now timestamptz) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    state integer;
BEGIN
    SELECT t.state INTO state
    FROM df.task AS t
    WHERE t.id = p_task_id
        AND (t.owner = quote_ident(session_user)::regrole OR df.drives_v1(t.owner))
        AND coalesce(t.wake_at <= p_now, false)
        AND (t.braced_by IS NULL OR t.braced_by = p_driver_id)
    FOR UPDATE SKIP LOCKED;
    IF state IS NULL THEN
        PERFORM df.release_v1(ARRAY[p_task_id]);
    END IF;
    RETURN state;
END
$$;

-- In careful work: counts the crash that a step may be, before it runs; cleared by its success. True: that is committed already, run it. False: it is
-- written now, commit and claim again. NULL: not now, commit and leave it.
--
-- A server that crashes takes all of its backends down, so the count grows for whoever was at work then. The fifth attempt, after which a task fails, is
-- therefore made alone: of two that crashed together, the one that did no harm completes. Nobody waits for a lock here, for who waited would be counted, too:
-- an attempt that cannot be alone asks the others to pause, and comes again.
CREATE OR REPLACE FUNCTION df.brace_v1(p_task_id bigint, p_driver_id bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    login CONSTANT regrole := quote_ident(session_user)::regrole;
    crashes integer;
BEGIN
    UPDATE df.task AS t
    SET crashes = t.crashes + 1,
        braced_by = p_driver_id
    WHERE t.id = p_task_id
        AND (t.owner = login OR df.drives_v1(t.owner))
        AND t.braced_by IS DISTINCT FROM p_driver_id;
    IF FOUND THEN
        -- What it could not lock again after its commit is nobody's: as it was before.
        UPDATE df.task AS t
        SET crashes = t.crashes - 1,
            braced_by = NULL
        WHERE t.id IN (
            SELECT o.id
            FROM df.task AS o
            WHERE o.braced_by = p_driver_id
                AND o.id <> p_task_id
                AND (o.owner = login OR df.drives_v1(o.owner))
            FOR UPDATE SKIP LOCKED
        );
        RETURN false;
    END IF;
    SELECT t.crashes INTO crashes FROM df.task AS t WHERE t.id = p_task_id AND (t.owner = login OR df.drives_v1(t.owner));
    IF crashes >= 5 THEN
        PERFORM FROM df.runtime AS r FOR UPDATE SKIP LOCKED;
        IF NOT FOUND THEN
            UPDATE df.runtime AS r
            SET alone_until = clock_timestamp() + interval '5 seconds'
            WHERE r.is_only = (SELECT l.is_only FROM df.runtime AS l FOR NO KEY UPDATE SKIP LOCKED);
            crashes := NULL;
        END IF;
    ELSE
        PERFORM FROM df.runtime AS r WHERE coalesce(r.alone_until < clock_timestamp(), true) FOR KEY SHARE SKIP LOCKED;
        IF NOT FOUND THEN
            crashes := NULL;
        END IF;
    END IF;
    IF crashes IS NOT NULL THEN
        RETURN true;
    END IF;
    UPDATE df.task AS t
    SET crashes = t.crashes - 1,
        braced_by = NULL,
        wait = 'lock',
        wake_at = clock_timestamp() + (SELECT c.shift FROM df.clock AS c) + interval '0.1 seconds'
    WHERE t.id = p_task_id
        AND (t.owner = login OR df.drives_v1(t.owner));
    RETURN NULL;
END
$$;

-- From how many branches on a join is wide. Many that share the lock of one row make a multixact each, so the branches of a wide join have one of sixteen scopes
-- instead of the instance's, the same for all wide joins of an instance. They are stopped together with it. They are made by who holds the instance's scope strongly.
CREATE OR REPLACE FUNCTION df.wide_from_v1() RETURNS integer
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT 16 $$;
REVOKE ALL ON FUNCTION df.wide_from_v1() FROM PUBLIC;

-- Makes the tasks of the branches of a fork. The parent has been moved: its seq names the fork.
CREATE OR REPLACE FUNCTION df.spawn_v1(task df.task, p_kind text, p_branches integer[], p_at timestamptz) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    race bigint;
    slots bigint[];
    width CONSTANT integer := cardinality(p_branches);
    -- Those of races around it.
    around bigint[];
BEGIN
    IF p_kind = 'race' THEN
        INSERT INTO df.stop_scope AS s (instance_id, kind) VALUES (task.instance_id, 'race') RETURNING s.id INTO race;
    ELSE
        -- Those of its fork before this one.
        DELETE FROM df.fan_in AS f WHERE f.parent_id = task.id;
        INSERT INTO df.fan_in (parent_id, slot, remaining)
        SELECT task.id, 17 + b.branch % 64, count(*) FROM generate_series(1, width) AS b (branch) WHERE width > 64 GROUP BY 2
        UNION ALL
        -- Counter 17 + n counts down that of n % 16.
        SELECT task.id, b.branch % 16, count(*) FROM generate_series(1, least(width, 64)) AS b (branch) WHERE width > 16 GROUP BY 2
        UNION ALL
        SELECT task.id, 16, least(width, 16);
        IF width >= df.wide_from_v1() THEN
            slots := ARRAY(SELECT s.id FROM df.stop_scope AS s WHERE s.instance_id = task.instance_id AND s.kind = 'slot' ORDER BY s.id LIMIT 16);
            IF slots = '{}' THEN
                WITH slot AS (
                    INSERT INTO df.stop_scope AS s (instance_id, kind) SELECT task.instance_id, 'slot' FROM generate_series(1, 16) RETURNING s.id
                )
                SELECT array_agg(slot.id) INTO slots FROM slot;
                -- A cancel whose snapshot is older than this cannot see them: written, and not only locked, the row gives it a 40001.
                UPDATE df.stop_scope AS s SET stop_xact = s.stop_xact WHERE s.instance_id = task.instance_id AND s.kind = 'instance';
            END IF;
            around := ARRAY(SELECT s.id FROM df.stop_scope AS s WHERE s.id = ANY (task.scopes) AND s.kind = 'race' ORDER BY s.id);
        END IF;
    END IF;
    INSERT INTO df.task (
        instance_id, parent_id, fork_seq, branch, race_id, owner, version_id, scopes, state, last_state, wake_at, is_traced)
    SELECT
        task.instance_id, task.id, task.seq, b.branch, race, task.owner, task.version_id,
        CASE
            WHEN race IS NOT NULL THEN task.scopes || race
            -- In the order of their ids: a race may be younger than the slots.
            WHEN slots IS NOT NULL THEN ARRAY(SELECT o.id FROM unnest(around || slots[b.branch % 16 + 1]) AS o (id) ORDER BY o.id)
            ELSE task.scopes
        END,
        b.state, task.last_state, p_at, task.is_traced
    FROM unnest(p_branches) WITH ORDINALITY AS b (state, branch)
    ORDER BY b.branch;
    -- Drivers that sleep until they are told would leave all branches to this one.
    PERFORM pg_notify('pgdurc', '');
END
$$;
REVOKE ALL ON FUNCTION df.spawn_v1(df.task, text, integer[], timestamptz) FROM PUBLIC;

-- Whether what a step procedure answered can be: it is the owner's, who may have written it himself.
CREATE OR REPLACE FUNCTION df.is_valid_v1(step df.step_v1, task df.task) RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    is_state CONSTANT boolean := step.state BETWEEN 1 AND task.last_state;
    branches jsonb;
BEGIN
    CASE step.outcome
        WHEN 'advance' THEN
            RETURN is_state;
        WHEN 'park' THEN
            RETURN is_state AND step.wake_at IS NOT NULL;
        WHEN 'done' THEN
            RETURN true;
        WHEN 'break' THEN
            RETURN task.parent_id IS NOT NULL;
        WHEN 'wait' THEN
            RETURN step.detail ->> 'signal' <> '';
        WHEN 'fail' THEN
            IF step.detail ->> 'task_id' ~ '^\d{1,18}$' AND step.detail ->> 'seq' ~ '^\d{1,18}$' THEN
                RETURN EXISTS (SELECT FROM df.task AS f WHERE f.id = (step.detail ->> 'task_id')::bigint AND f.instance_id = task.instance_id);
            END IF;
            RETURN false;
        WHEN 'spawn' THEN
            branches := step.detail -> 'branches';
            IF jsonb_typeof(branches) IS DISTINCT FROM 'array' THEN
                RETURN false;
            ELSIF EXISTS (SELECT FROM jsonb_array_elements(branches) AS b (state) WHERE b.state::text !~ '^\d{1,9}$') THEN
                RETURN false;
            END IF;
            RETURN is_state
                AND step.detail ->> 'kind' IN ('join', 'race')
                AND jsonb_array_length(branches) > 0
                AND NOT EXISTS (SELECT FROM jsonb_array_elements(branches) AS b (state) WHERE b.state::integer NOT BETWEEN 1 AND task.last_state);
        ELSE
            RETURN false;
    END CASE;
END
$$;
REVOKE ALL ON FUNCTION df.is_valid_v1(df.step_v1, df.task) FROM PUBLIC;

-- Moves a task whose step succeeded where there is more to do than to go on: it parks, waits, forks, ends, goes to the back of the queue, has a failure, a crash
-- or a driver's careful work to clear, or has stopped itself. attempt: the how manieth of its step it was. verdict: see df.advance_v1; also own: it has
-- stopped itself; settled: nothing is left to be written.
CREATE OR REPLACE FUNCTION df.turn_v1(
    step df.step_v1, p_state integer, p_started_at timestamptz, p_finished_at timestamptz, p_goes_back boolean,
    OUT verdict text, OUT task df.task, OUT attempt integer
)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    ends_branch boolean;
    instance_scope bigint;
    cause df.step_run;
    patience interval;
BEGIN
    SELECT t.* INTO task
    FROM df.task AS t
    WHERE t.id = step.task_id
        AND t.owner = quote_ident(session_user)::regrole
        -- stopped: by this very transaction, for the row has been locked since.
        AND t.status IN ('live', 'stopped');
    verdict := 'invalid';
    IF task.id IS NULL OR NOT coalesce(df.is_valid_v1(step, task), false) THEN
        -- Or it is the task of a role that was granted to the session.
        IF task.id IS NULL THEN
            SELECT t.* INTO task FROM df.task AS t WHERE t.id = step.task_id AND t.status IN ('live', 'stopped') AND df.drives_v1(t.owner);
        END IF;
        IF task.id IS NULL OR NOT coalesce(df.is_valid_v1(step, task), false) THEN
            RETURN;
        END IF;
    END IF;
    attempt := task.failures + task.transient_failures + task.interrupts + task.crashes + CASE WHEN task.braced_by IS NULL THEN 1 ELSE 0 END;
    ends_branch := step.outcome IN ('done', 'break', 'fail') AND task.parent_id IS NOT NULL;

    -- Who has waited for it in vain waits for a moment only: somebody may hold the scopes of many, and all drivers would do nothing but wait for him.
    patience := CASE WHEN task.wait = 'lock' THEN interval '20 milliseconds' ELSE interval '1 second' END;
    -- Strongly where something waits for what happens here: the end of the instance, a race, a signal, the scopes of a wide join.
    IF step.outcome = 'wait'
        OR (step.outcome IN ('done', 'fail') AND task.parent_id IS NULL)
        OR (step.outcome = 'spawn' AND step.detail ->> 'kind' = 'join' AND jsonb_array_length(step.detail -> 'branches') >= df.wide_from_v1())
    THEN
        instance_scope := task.scopes[1];
        IF task.parent_id IS NOT NULL THEN
            -- Of a branch of a wide join it is not among the scopes. It is the oldest of all.
            SELECT s.id INTO instance_scope FROM df.stop_scope AS s WHERE s.instance_id = task.instance_id AND s.kind = 'instance';
            task.scopes := instance_scope || array_remove(task.scopes, instance_scope);
        END IF;
        verdict := df.lock_scopes_v1(task.scopes, instance_scope, p_patience => patience);
    ELSIF ends_branch AND task.race_id IS NOT NULL THEN
        verdict := df.lock_scopes_v1(task.scopes, task.race_id, true, patience);
    ELSE
        verdict := df.lock_scopes_v1(task.scopes, p_patience => patience);
    END IF;
    IF verdict NOT IN ('ok', 'own') THEN
        RETURN;
    END IF;

    IF step.outcome = 'wait' THEN
        -- A sender whose snapshot is older than this cannot see who waits: written, and not only locked, the row gives it a 40001.
        UPDATE df.stop_scope AS s SET stop_xact = s.stop_xact WHERE s.id = instance_scope;
        -- Whoever sends holds the scope: what he sent before is seen here, and what he sends later finds this task waiting. A signal that somebody is just
        -- taking may come back.
        UPDATE df.task AS t
        SET wake_at = CASE
                WHEN EXISTS (
                    SELECT FROM df.signal AS s WHERE s.instance_id = t.instance_id AND s.name = step.detail ->> 'signal' AND s.taken_by IS NULL
                ) THEN p_finished_at + interval '10 milliseconds'
                ELSE step.wake_at
            END,
            wait = 'signal',
            signal_name = step.detail ->> 'signal',
            deadline = step.wake_at,
            crashes = CASE WHEN t.braced_by IS NULL THEN t.crashes ELSE t.crashes - 1 END,
            braced_by = NULL,
            lap_at = NULL
        WHERE t.id = task.id;
        UPDATE df.instance AS i SET status = 'running', started_at = p_started_at WHERE i.id = task.instance_id AND i.status = 'pending';
        verdict := 'settled';
        RETURN;
    END IF;

    UPDATE df.task AS t
    SET state = CASE WHEN step.outcome IN ('advance', 'park', 'spawn') THEN step.state ELSE t.state END,
        seq = t.seq + 1,
        status = CASE step.outcome WHEN 'done' THEN 'done' WHEN 'break' THEN 'broke' WHEN 'fail' THEN 'failed' ELSE 'live' END,
        wake_at = CASE
            WHEN step.outcome = 'park' THEN step.wake_at
            WHEN step.outcome <> 'advance' THEN NULL
            WHEN p_goes_back THEN p_finished_at
            ELSE t.wake_at
        END,
        wait = CASE step.outcome WHEN 'park' THEN coalesce(step.detail ->> 'wait', 'sleep') WHEN 'spawn' THEN 'children' ELSE 'ready' END,
        signal_name = NULL,
        deadline = NULL,
        failures = 0,
        transient_failures = 0,
        interrupts = 0,
        crashes = 0,
        braced_by = NULL,
        failed_task_id = CASE WHEN step.outcome = 'fail' THEN (step.detail ->> 'task_id')::bigint END,
        failed_seq = CASE WHEN step.outcome = 'fail' THEN (step.detail ->> 'seq')::bigint END,
        lap_at = CASE
            WHEN step.detail ->> 'wait' = 'lap' THEN coalesce(step.wake_at, p_finished_at)
            WHEN step.outcome = 'park' THEN NULL
            ELSE t.lap_at
        END
    WHERE t.id = task.id
    RETURNING t.* INTO task;
    IF verdict = 'own' THEN
        RETURN;
    END IF;

    IF step.outcome = 'spawn' THEN
        PERFORM df.spawn_v1(
            task, step.detail ->> 'kind', ARRAY(SELECT b.state::integer FROM jsonb_array_elements(step.detail -> 'branches') AS b (state)), p_finished_at);
    ELSIF step.outcome = 'fail' THEN
        SELECT r.* INTO cause FROM df.step_run AS r WHERE r.task_id = task.failed_task_id AND r.seq = task.failed_seq;
        INSERT INTO df.step_run (task_id, seq, state, attempt, outcome, started_at, finished_at, sqlstate, message, detail)
        VALUES (
            task.id, task.seq, p_state, attempt, 'failed', p_started_at, p_finished_at, cause.sqlstate, cause.message,
            format('Branch %s failed.', step.detail ->> 'branch'));
        PERFORM df.end_failed_v1(task, p_started_at, p_finished_at);
        verdict := 'settled';
    ELSIF ends_branch THEN
        INSERT INTO df.binding AS b (task_id, name, owner, row_count, result, columns)
        VALUES (task.id, '.result', task.owner, step.row_count, step.result, step.columns);
        PERFORM df.leave_v1(task, p_finished_at);
    END IF;
END
$$;
REVOKE ALL ON FUNCTION df.turn_v1(df.step_v1, integer, timestamptz, timestamptz, boolean) FROM PUBLIC;

-- A step succeeded: its history, its result, the new position of the task. p_goes_back: to the end of the queue, for others are waiting. p_picked_by: the driver,
-- with the first step of a task that it picked. ok: commit. Anything else: roll back, what the step did included.
--   stopped   the task has been stopped meanwhile
--   busy      somebody has a stop of it open in a transaction
--   invalid   the step procedure answered with a state or an outcome that does not exist
CREATE OR REPLACE FUNCTION df.advance_v1(
    step df.step_v1, p_state integer, p_started_at timestamptz, p_clock_shift interval, p_goes_back boolean, p_picked_by bigint DEFAULT NULL
) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    driven regrole;
    finished_at CONSTANT timestamptz := clock_timestamp() + p_clock_shift;
    verdict text;
    instance_id text;
    seq bigint;
    attempt integer;
    wake_at timestamptz;
    is_traced boolean;
    scopes bigint[];
    scope_id bigint;
    stopped_at timestamptz;
    wanted_until timestamptz;
    parent_id bigint;
    -- The task, if this was its end and is written here; that of df.turn_v1 is written there.
    ended df.task;
BEGIN
    -- The task is locked since its claim. What nearly every step does is kept apart, for the sake of speed: the row tells of no failure, and the next state is due
    -- at once. The update is HOT. (wait = 'ready': there was no failure but, maybe, a crash.)
    IF step.outcome = 'advance' AND step.detail IS NULL AND NOT p_goes_back THEN
        UPDATE df.task AS t
        SET state = step.state,
            seq = t.seq + 1
        WHERE t.id = step.task_id
            AND pg_get_userbyid(t.owner) = session_user
            AND t.status = 'live'
            AND t.wait = 'ready'
            AND t.braced_by IS NULL
            AND t.crashes = 0
            AND step.state BETWEEN 1 AND t.last_state
        RETURNING t.instance_id, t.owner, t.seq, t.wake_at, t.is_traced, t.scopes INTO instance_id, driven, seq, wake_at, is_traced, scopes;
    END IF;
    -- And the end of an instance, or of a branch of a join, whose last step succeeded at once: all that there is of one with a single step.
    IF step.outcome = 'done' AND step.detail IS NULL THEN
        UPDATE df.task AS t
        SET status = 'done',
            seq = t.seq + 1,
            wake_at = NULL
        WHERE t.id = step.task_id
            AND pg_get_userbyid(t.owner) = session_user
            AND t.race_id IS NULL
            AND t.status = 'live'
            AND t.wait = 'ready'
            AND t.braced_by IS NULL
            AND t.crashes = 0
        RETURNING t.* INTO ended;
        IF FOUND THEN
            instance_id := ended.instance_id;
            driven := ended.owner;
            seq := ended.seq;
            is_traced := ended.is_traced;
            scopes := ended.scopes;
            attempt := 1;
            IF ended.parent_id IS NULL THEN
                -- Strongly, for somebody may wait for the end.
                PERFORM FROM df.stop_scope AS s WHERE s.id = scopes[1] AND s.stopped_at IS NULL AND s.wanted_until IS NULL FOR NO KEY UPDATE SKIP LOCKED;
                IF NOT FOUND THEN
                    verdict := df.lock_scopes_v1(scopes, scopes[1]);
                    IF verdict <> 'ok' THEN
                        RETURN verdict;
                    END IF;
                END IF;
            END IF;
        END IF;
    END IF;
    IF seq IS NULL THEN
        SELECT turn.verdict, (turn.task).instance_id, (turn.task).owner, (turn.task).seq, turn.attempt, (turn.task).wake_at, (turn.task).is_traced, (turn.task).parent_id
        INTO verdict, instance_id, driven, seq, attempt, wake_at, is_traced, parent_id
        FROM df.turn_v1(step, p_state, p_started_at, finished_at, p_goes_back) AS turn;
        IF verdict = 'settled' THEN
            RETURN 'ok';
        ELSIF verdict NOT IN ('ok', 'own') THEN
            RETURN verdict;
        END IF;
    ELSE
        FOREACH scope_id IN ARRAY scopes LOOP
            SELECT s.stopped_at, s.wanted_until INTO stopped_at, wanted_until FROM df.stop_scope AS s WHERE s.id = scope_id FOR KEY SHARE SKIP LOCKED;
            IF NOT FOUND OR stopped_at IS NOT NULL OR wanted_until IS NOT NULL THEN
                verdict := df.lock_scopes_v1(scopes);
                IF verdict <> 'ok' THEN
                    RETURN verdict;
                END IF;
                EXIT;
            END IF;
        END LOOP;
    END IF;

    INSERT INTO df.step_run (task_id, seq, state, attempt, outcome, started_at, finished_at, row_count, result)
    VALUES (step.task_id, seq, p_state, coalesce(attempt, 1), 'ok', p_started_at, finished_at, step.row_count, CASE WHEN is_traced THEN step.result END);

    IF step.name IS NOT NULL THEN
        IF octet_length(step.name) > 1000 OR step.name = '.result' THEN
            RETURN 'invalid';
        END IF;
        INSERT INTO df.binding AS b (task_id, name, owner, row_count, result, columns)
        VALUES (step.task_id, step.name, driven, step.row_count, step.result, step.columns)
        ON CONFLICT (task_id, name) DO UPDATE
            SET row_count = excluded.row_count,
                result = excluded.result,
                columns = excluded.columns;
    END IF;

    IF p_picked_by IS NOT NULL THEN
        UPDATE df.driver AS d
        SET task_id = step.task_id,
            task_wake_at = wake_at,
            picked_at = finished_at
        WHERE d.id = p_picked_by
            AND d.pid = pg_backend_pid();
        IF seq = 1 AND step.outcome <> 'done' THEN
            UPDATE df.instance AS i SET status = 'running', started_at = p_started_at WHERE i.id = instance_id AND i.status = 'pending';
        END IF;
    END IF;

    IF attempt IS NOT NULL THEN
        IF verdict = 'own' THEN
            -- The step stopped its own instance: what it did stands, and it was the last.
            UPDATE df.task AS t SET status = 'stopped', wake_at = NULL WHERE t.id = step.task_id;
        ELSIF step.outcome = 'done' THEN
            IF ended.parent_id IS NOT NULL THEN
                INSERT INTO df.binding AS b (task_id, name, owner, row_count, result, columns)
                VALUES (step.task_id, '.result', driven, step.row_count, step.result, step.columns);
                PERFORM df.leave_v1(ended, finished_at);
            ELSIF parent_id IS NULL THEN
                UPDATE df.instance AS i
                SET status = 'completed',
                    result = CASE
                        WHEN step.columns IS NULL THEN coalesce(step.result, 'null')
                        ELSE jsonb_build_object('rows', coalesce(step.result, '[]'), 'row_count', coalesce(step.row_count, 0))
                    END,
                    started_at = coalesce(i.started_at, p_started_at),
                    ended_at = finished_at
                WHERE i.id = instance_id;
            END IF;
        END IF;
    END IF;
    RETURN 'ok';
END
$$;

-- A step failed and was rolled back. An interruption (57014 with nothing behind it) is counted apart.
CREATE OR REPLACE FUNCTION df.fail_v1(
    p_task_id bigint, p_started_at timestamptz, p_clock_shift interval,
    p_sqlstate text, p_message text, p_detail text, p_hint text, p_context text, p_is_interrupted boolean
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    task df.task;
BEGIN
    SELECT t.* INTO task FROM df.task AS t WHERE t.id = p_task_id AND (t.owner = quote_ident(session_user)::regrole OR df.drives_v1(t.owner)) AND t.status = 'live';
    -- Alive to tell: it was no crash.
    IF task.braced_by IS NOT NULL THEN
        task.crashes := task.crashes - 1;
    END IF;
    PERFORM df.record_failure_v1(
        task, CASE WHEN p_is_interrupted THEN 'interrupted' ELSE 'failed' END, p_started_at, clock_timestamp() + p_clock_shift,
        p_sqlstate, p_message, p_detail, p_hint, p_context);
END
$$;

-- Whether a task of this owner has been stopped: what the watchdog interrupts is no attempt.
CREATE OR REPLACE FUNCTION df.is_stopped_v1(p_task_id bigint) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN EXISTS (
        SELECT
        FROM df.task AS t
        JOIN df.stop_scope AS s ON s.id = ANY (t.scopes)
        WHERE t.id = p_task_id
            AND (t.owner = quote_ident(session_user)::regrole OR df.drives_v1(t.owner))
            AND s.stopped_at IS NOT NULL
    );
END
$$;

-- A step was stopped before it could commit, and rolled back.
CREATE OR REPLACE FUNCTION df.stopped_v1(p_task_id bigint, p_started_at timestamptz, p_clock_shift interval) RETURNS void
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    WITH task AS (
        UPDATE df.task AS t
        SET seq = t.seq + 1,
            status = 'stopped',
            wake_at = NULL,
            braced_by = NULL
        WHERE t.id = p_task_id
            AND (t.owner = quote_ident(session_user)::regrole OR df.drives_v1(t.owner))
        RETURNING t.*
    )
    INSERT INTO df.step_run (task_id, seq, state, attempt, outcome, started_at, finished_at, message)
    SELECT task.id, task.seq, task.state, task.failures + task.transient_failures + task.interrupts + 1, 'cancelled', p_started_at,
        clock_timestamp() + p_clock_shift, 'stopped before it could commit; rolled back'
    FROM task;
$$;

-- Somebody holds the scope (an open transaction with a cancel in it): due again in a second, and no attempt.
CREATE OR REPLACE FUNCTION df.postpone_v1(p_task_id bigint, p_clock_shift interval, p_wins boolean DEFAULT false) RETURNS void
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE df.stop_scope AS s
    SET wanted_until = clock_timestamp() + interval '5 seconds'
    FROM df.task AS t
    WHERE p_wins
        AND s.id = t.race_id
        AND t.id = p_task_id
        AND t.status = 'live'
        AND (t.owner = quote_ident(session_user)::regrole OR df.drives_v1(t.owner));
    UPDATE df.task AS t
    -- Jitter: two that hold what the other needs would come back together.
    SET wake_at = clock_timestamp() + p_clock_shift
            + CASE WHEN p_wins THEN interval '100 milliseconds' ELSE interval '1 second' END * (0.75 + random() * 0.5),
        wait = 'lock',
        crashes = CASE WHEN t.braced_by IS NULL THEN t.crashes ELSE t.crashes - 1 END,
        braced_by = NULL
    WHERE t.id = p_task_id
        AND t.status = 'live'
        AND (t.owner = quote_ident(session_user)::regrole OR df.drives_v1(t.owner));
$$;

-- When the next task of those for whom this session drives is due after p_after, in the server's own time; NULL: none is known.
CREATE OR REPLACE FUNCTION df.next_due_v1(p_after timestamptz) RETURNS timestamptz
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    next_due timestamptz;
BEGIN
    SELECT min(n.wake_at) INTO next_due
    FROM unnest(df.driven_roles_v1()) AS r (name)
    CROSS JOIN LATERAL (
        SELECT t.wake_at
        FROM df.task AS t
        WHERE t.owner = quote_ident(CASE r.name WHEN 'none' THEN session_user ELSE r.name END)::regrole
            AND t.wake_at > p_after
        ORDER BY t.wake_at
        LIMIT 1
    ) AS n;
    RETURN next_due - (SELECT c.shift FROM df.clock AS c);
END
$$;

-- Opens this backend's row and says how to work: carefully for five minutes after a run was found that had ended without closing its row. A row of
-- this very backend that is still open is such a run, too: one whose COMMIT failed. Where it is plain which step died with a run, the history says so:
-- the task still stands where that run had it, due since the same moment, and nobody else has picked it.
CREATE OR REPLACE FUNCTION df.open_driver_v1(
    p_backend_start timestamptz, p_live_pids integer[], p_live_starts timestamptz[], p_looked_at timestamptz, OUT driver_id bigint, OUT is_careful boolean
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    login CONSTANT regrole := quote_ident(session_user)::regrole;
    moment CONSTANT timestamptz := clock_timestamp();
    died df.driver;
    task df.task;
    waiters bigint[];
BEGIN
    FOR died IN
        UPDATE df.driver AS d
        SET died_at = moment
        WHERE d.owner = login
            AND d.closed_at IS NULL
            AND d.died_at IS NULL
            AND (
                (d.pid, d.backend_start) = (pg_backend_pid(), p_backend_start)
                OR (
                    -- Not one that has come since.
                    d.opened_at < p_looked_at
                    AND NOT EXISTS (
                        SELECT FROM unnest(p_live_pids, p_live_starts) AS live (pid, backend_start)
                        WHERE (live.pid, live.backend_start) = (d.pid, d.backend_start)
                    )
                )
            )
        RETURNING d.*
    LOOP
        SELECT t.* INTO task
        FROM df.task AS t
        WHERE t.id = died.task_id
            AND (t.owner = login OR df.drives_v1(t.owner))
            AND t.status = 'live'
            AND t.wait = 'ready'
            AND t.wake_at = died.task_wake_at
            AND t.braced_by IS NULL
            AND NOT EXISTS (SELECT FROM df.driver AS o WHERE o.owner = login AND o.task_id = t.id AND o.picked_at > died.picked_at)
        FOR UPDATE SKIP LOCKED;
        IF FOUND THEN
            INSERT INTO df.step_run (task_id, seq, state, attempt, outcome, started_at, finished_at, sqlstate, message, hint)
            VALUES (
                task.id, task.seq + 1, task.state, task.failures + task.transient_failures + task.interrupts + task.crashes + 1, 'crashed',
                moment + (SELECT c.shift FROM df.clock AS c), moment + (SELECT c.shift FROM df.clock AS c), '57P02',
                'this step did not commit: its backend ended, or the COMMIT failed', 'The log of the server, or of the driver, tells why.');
            UPDATE df.task AS t SET seq = t.seq + 1, crashes = t.crashes + 1 WHERE t.id = task.id;
        ELSE
            PERFORM df.release_v1(ARRAY[died.task_id]);
        END IF;
    END LOOP;
    IF FOUND THEN
        -- What it was about to release, see df.release_v1, a signal may have passed over.
        waiters := ARRAY(
            SELECT w.id
            FROM df.task AS w
            WHERE (w.owner = login OR df.drives_v1(w.owner))
                AND w.signal_name IS NOT NULL
                AND w.status = 'live'
                AND w.wait = 'signal'
                AND EXISTS (SELECT FROM df.signal AS s WHERE s.instance_id = w.instance_id AND s.name = w.signal_name AND s.taken_by IS NULL)
        );
        PERFORM df.rouse_v1(waiters);
    END IF;
    is_careful := EXISTS (SELECT FROM df.driver AS d WHERE d.owner = login AND d.died_at > moment - interval '5 minutes');

    -- A row that died stays as it is, for tasks may name it; the backend goes on under another.
    UPDATE df.driver AS d
    SET opened_at = moment,
        closed_at = NULL
    WHERE d.owner = login
        AND (d.pid, d.backend_start) = (pg_backend_pid(), p_backend_start)
        AND d.died_at IS NULL
    RETURNING d.id INTO driver_id;
    IF driver_id IS NULL THEN
        INSERT INTO df.driver (owner, pid, backend_start, opened_at)
        VALUES (login, pg_backend_pid(), p_backend_start, moment)
        RETURNING id INTO driver_id;
    END IF;
END
$$;

CREATE OR REPLACE FUNCTION df.close_driver_v1(p_driver_id bigint) RETURNS void
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    UPDATE df.driver AS d
    SET closed_at = clock_timestamp()
    WHERE d.id = p_driver_id
        AND d.owner = quote_ident(session_user)::regrole;
$$;
