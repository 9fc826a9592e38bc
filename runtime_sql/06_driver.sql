---------------------------------------------------------------------------------------------------------------------
-- The driver
---------------------------------------------------------------------------------------------------------------------
-- Sets what the driver and the values of its steps rest on where the defaults of this role say otherwise, and answers whether they do. Serializable transactions and
-- read-only ones would make the first write, or any commit, fail; the rest decides how a value is written and read: it must not turn into code, or lose a NULL or a digit.
CREATE OR REPLACE FUNCTION df.pin_settings_v1() RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    setting record;
    is_pinned boolean := false;
BEGIN
    FOR setting IN
        SELECT s.name, s.value
        FROM (VALUES
            ('default_transaction_isolation', 'read committed'),
            ('default_transaction_read_only', 'off'),
            ('standard_conforming_strings', 'on'),
            ('array_nulls', 'on'),
            ('extra_float_digits', '1')
        ) AS s (name, value)
        WHERE current_setting(s.name) <> s.value
    LOOP
        PERFORM set_config(setting.name, setting.value, false);
        is_pinned := true;
    END LOOP;
    RETURN is_pinned;
END
$$;

-- What df.run and df.run_timers do. timers_only: nothing but timers of races that are overdue, see df.overdue_timer_v1.
--
-- It commits, so it has no SET clause, is not SECURITY DEFINER and calls the step inside a block of its own that is closed before the COMMIT.
CREATE OR REPLACE PROCEDURE df.drive_v1(max_seconds double precision, INOUT next_due timestamptz, timers_only boolean)
LANGUAGE plpgsql
AS $$
DECLARE
    ends_at pg_catalog.timestamptz;
    nap double precision;
    live_pids integer[];
    live_starts pg_catalog.timestamptz[];
    backend_start pg_catalog.timestamptz;
    looked_at pg_catalog.timestamptz;
    driver_id bigint;
    is_careful boolean;
    is_braced boolean;
    is_pinned boolean;
    is_interrupted boolean;
    -- Whose workflows it runs, for SET ROLE; whose turn it is, none: its own role's, owner is NULL. A change of role is committed at once, for a ROLLBACK would
    -- take it back.
    roles pg_catalog.text[];
    place integer;
    role pg_catalog.text;
    owner pg_catalog.regrole;
    -- Where the last claim stood in the queue.
    position_at pg_catalog.timestamptz;
    position_id bigint;
    rewound_at pg_catalog.timestamptz;
    -- It has found something to do since it began at the head of the queue.
    has_run boolean;
    is_again boolean;
    -- How long the looks for timers have taken since.
    look_s double precision;
    is_single boolean;
    -- When it found nothing due, if it has found nothing since, and whose turn it was then.
    idle_since pg_catalog.timestamptz;
    idle_place integer;
    -- The task that it is at.
    claim df.claim_v1;
    -- It was due at the same instant as the one before it, so the one with the next id may be, too.
    is_alike boolean;
    -- That one is looked for.
    follows boolean;
    -- Where it has begun to leave tasks behind, to be out of other drivers' way.
    left_at pg_catalog.timestamptz;
    left_id bigint;
    version_id bigint;
    command pg_catalog.text;
    procedure_oid pg_catalog.oid;
    state integer;
    moment pg_catalog.timestamptz;
    leaves_at pg_catalog.timestamptz;
    goes_back boolean;
    picked_by bigint;
    step df.step_v1;
    answer record;
    task_title pg_catalog.text;
    title pg_catalog.text;
    verdict pg_catalog.text;
    error_sqlstate pg_catalog.text;
    error_message pg_catalog.text;
    error_detail pg_catalog.text;
    error_hint pg_catalog.text;
    error_context pg_catalog.text;
BEGIN
    -- The caller's search_path holds until here.
    SET search_path = pg_catalog, pg_temp;
    next_due := NULL;
    IF pg_is_in_recovery() THEN
        RETURN;
    END IF;
    IF EXISTS (SELECT FROM pg_roles AS r WHERE r.rolname = session_user AND r.rolsuper) THEN
        RAISE EXCEPTION 'a superuser does not drive workflows'
            USING ERRCODE = 'PD004', HINT = 'Connect as the role that deployed them: steps run with the rights of the driver.';
    END IF;
    ends_at := clock_timestamp() + least(
        -- No interval is made of infinity, or of NaN, which is greater than any number.
        CASE WHEN max_seconds > 0 THEN make_interval(secs => least(max_seconds, 60)) END,
        nullif(current_setting('statement_timeout')::interval, '0') * 0.8,
        interval '60 seconds');
    -- As it will be after every step. Not RESET ROLE: the login role may have another as its default (ALTER ROLE ... SET role).
    SET ROLE NONE;
    RESET ALL;
    SET search_path = pg_catalog, pg_temp;
    is_pinned := df.pin_settings_v1();
    roles := df.driven_roles_v1();
    place := 1;
    role := 'none';
    COMMIT;

    nap := 0.02;
    is_interrupted := false;
    rewound_at := clock_timestamp();
    position_at := '-infinity';
    position_id := 0;
    follows := false;
    has_run := true;
    look_s := 0;
    WHILE clock_timestamp() < ends_at AND NOT is_interrupted LOOP
        IF clock_timestamp() > rewound_at + interval '1 second' THEN
            -- What has come due behind the position: a start that committed late, a task that another driver has dropped.
            position_at := '-infinity';
            position_id := 0;
            rewound_at := clock_timestamp();
            -- And the procedure is looked up anew, for it may have been replaced.
            version_id := NULL;
            follows := false;
            left_at := NULL;
            -- And it is the next one's turn.
            roles := df.driven_roles_v1();
            place := place % cardinality(roles) + 1;
            IF roles[place] <> role THEN
                role := roles[place];
                owner := CASE WHEN role <> 'none' THEN quote_ident(role)::regrole END;
                PERFORM set_config('role', role, false);
                COMMIT;
            END IF;
        END IF;
        claim.verdict := NULL;
        IF follows THEN
            claim := df.claim_next_v1(position_at, position_id, version_id, claim.clock_shift);
            follows := false;
        END IF;
        IF claim.verdict IS NULL THEN
            claim := df.claim_task_v1(position_at, position_id, version_id, owner, timers_only);
        END IF;

        IF claim.verdict = 'none' THEN
            COMMIT;
            IF idle_since IS NULL THEN
                idle_since := claim.started_at;
                idle_place := place;
            END IF;
            -- Once more from the head of the queue where it has done something on the way; what it has passed over else is with others.
            is_again := position_id > 0 AND has_run AND NOT timers_only;
            has_run := false;
            position_at := '-infinity';
            position_id := 0;
            left_at := NULL;
            IF timers_only THEN
                -- Looks that are dear are made seldom.
                look_s := look_s + coalesce(extract(epoch FROM clock_timestamp() + claim.clock_shift - claim.started_at), 0);
                nap := greatest(0.5, least(look_s * 20, 5));
                look_s := 0;
            END IF;
            IF is_again THEN
                NULL;
            ELSIF idle_place <= cardinality(roles) AND place % cardinality(roles) + 1 <> idle_place THEN
                -- Others of them may have something.
                rewound_at := '-infinity';
            ELSIF max_seconds > 0 THEN
                PERFORM pg_sleep(least(nap, extract(epoch FROM ends_at - clock_timestamp())));
                -- The sleep ran in a transaction of its own, with a snapshot.
                COMMIT;
                nap := least(nap * 1.5, 0.5);
                idle_place := place;
            ELSE
                EXIT;
            END IF;
            CONTINUE;
        END IF;

        IF claim.verdict = 'settled' THEN
            IF timers_only THEN
                -- Nearly always: somebody is at it.
                look_s := look_s + extract(epoch FROM clock_timestamp() + claim.clock_shift - claim.started_at);
            ELSE
                has_run := true;
                idle_since := NULL;
                nap := 0.02;
            END IF;
            position_at := claim.wake_at;
            position_id := claim.task_id;
            COMMIT;
            CONTINUE;
        END IF;

        IF driver_id IS NULL THEN
            -- The row is opened by a run that has something to do, and before it does it.
            ROLLBACK;
            -- A granted role would not see what the backends of this one do.
            SET ROLE NONE;
            looked_at := clock_timestamp();
            SELECT array_agg(a.pid), array_agg(a.backend_start), max(a.backend_start) FILTER (WHERE a.pid = pg_backend_pid())
            INTO live_pids, live_starts, backend_start
            FROM pg_stat_activity AS a
            WHERE a.usename = session_user
                -- A session whose last run ended with an error does not run.
                AND a.state IS DISTINCT FROM 'idle';
            IF backend_start IS NULL THEN
                RAISE EXCEPTION 'a session that has changed its authorization does not drive workflows'
                    USING ERRCODE = 'PD004', HINT = format('Connect as %I: a step could take the authorization back.', session_user);
            END IF;
            SELECT d.driver_id, d.is_careful INTO driver_id, is_careful
            FROM df.open_driver_v1(backend_start, live_pids, live_starts, looked_at) AS d;
            PERFORM set_config('role', role, false);
            COMMIT;
            CONTINUE;
        END IF;

        IF left_at < claim.wake_at THEN
            -- What it has left behind is due for longer.
            ROLLBACK;
            position_at := left_at;
            position_id := left_id;
            left_at := NULL;
            CONTINUE;
        END IF;
        is_alike := claim.wake_at = position_at AND owner IS NULL AND NOT timers_only;
        position_at := claim.wake_at;
        position_id := claim.task_id;
        IF claim.verdict = 'crowded' THEN
            position_id := df.spread_v1(position_at, position_id, owner);
            IF position_id > claim.task_id AND left_at IS NULL THEN
                left_at := claim.wake_at;
                left_id := claim.task_id;
            END IF;
        END IF;
        IF claim.verdict = 'braced' THEN
            ROLLBACK;
            -- Its driver is about to lock it.
            PERFORM pg_sleep(0.01);
            COMMIT;
            IF looked_at < clock_timestamp() - interval '1 second' THEN
                PERFORM df.close_driver_v1(driver_id);
                COMMIT;
                driver_id := NULL;
            END IF;
            CONTINUE;
        END IF;

        has_run := true;
        idle_since := NULL;
        nap := 0.02;
        -- A timer that has not waited yet goes one step at a time: it is left where the next one runs a statement of the user's.
        is_single := timers_only AND claim.verdict <> 'waited';
        IF claim.command IS NOT NULL THEN
            version_id := claim.version_id;
            command := claim.command;
            procedure_oid := df.find_procedure_v1(version_id);
        END IF;

        -- One step of the task after the other, each in a transaction of its own. Others wait, too: after a second or a thousand steps it is their turn.
        state := claim.state;
        moment := claim.started_at;
        leaves_at := least(clock_timestamp() + interval '1 second', ends_at) + claim.clock_shift;
        picked_by := driver_id;
        task_title := concat('pgdurc ', claim.instance_id, ' ', claim.task_id, ':');
        verdict := 'ok';
        -- An expression costs 2,000 instructions in each transaction that evaluates it, whatever it says: no more of them here than need be.
        FOR turn IN 1 .. 1000 LOOP
            IF is_careful THEN
                is_braced := df.brace_v1(claim.task_id, driver_id);
                IF NOT is_braced THEN
                    -- Written: once that is committed the step is run.
                    COMMIT;
                    -- Another's claim may have it for a moment, only to see whose it is.
                    FOR look IN 1 .. 20 LOOP
                        moment := clock_timestamp() + claim.clock_shift;
                        state := df.retake_v1(claim.task_id, driver_id, moment);
                        EXIT WHEN state IS NOT NULL;
                        COMMIT;
                        PERFORM pg_sleep(0.005);
                        COMMIT;
                    END LOOP;
                    is_braced := state IS NOT NULL AND df.brace_v1(claim.task_id, driver_id);
                END IF;
                IF is_braced IS NOT TRUE THEN
                    COMMIT;
                    EXIT;
                END IF;
            END IF;
            goes_back := turn = 1000 OR moment > leaves_at;
            IF goes_back OR pg_function_is_visible(procedure_oid) IS NULL THEN
                -- What has its name by now may be somebody else's, who owns the schema. The next claim finds out.
                IF df.find_procedure_v1(version_id) IS DISTINCT FROM procedure_oid THEN
                    ROLLBACK;
                    version_id := NULL;
                    position_at := '-infinity';
                    position_id := 0;
                    left_at := NULL;
                    EXIT;
                END IF;
            END IF;
            title := set_config('application_name', task_title || state, false);
            BEGIN
                EXECUTE command
                INTO answer
                USING ROW(claim.task_id, claim.instance_id, state, 'advance', NULL, NULL, NULL, NULL, NULL, NULL)::df.step_v1;
                -- What was deferred fails here, inside this block, and not at the COMMIT.
                SET CONSTRAINTS ALL IMMEDIATE;
                -- Fails while a trigger on a temporary table is queued.
                DISCARD TEMP;
            EXCEPTION WHEN query_canceled OR assert_failure OR OTHERS THEN
                -- OTHERS catches neither of the two before it. The block was rolled back, settings included.
                GET STACKED DIAGNOSTICS
                    error_sqlstate = RETURNED_SQLSTATE,
                    error_message = MESSAGE_TEXT,
                    error_detail = PG_EXCEPTION_DETAIL,
                    error_hint = PG_EXCEPTION_HINT,
                    error_context = PG_EXCEPTION_CONTEXT;
                verdict := 'failed';
                DISCARD TEMP;
            END;

            -- Nothing of this step is left to the next one, nor to what follows. Until its settings are reset its search_path may hold: no operator, no
            -- unqualified name. All of it is legal in a transaction, unlike DISCARD ALL.
            EXECUTE 'CLOSE ALL';
            DEALLOCATE ALL;
            UNLISTEN *;
            DISCARD SEQUENCES;
            RESET ALL;
            SET search_path = pg_catalog, pg_temp;
            -- Its locks, which are never NULL; and, both rare, its role and the defaults that are not those of a step.
            IF pg_advisory_unlock_all() IS NULL OR current_setting('role') <> role OR is_pinned THEN
                PERFORM set_config('role', role, false);
                is_pinned := df.pin_settings_v1();
            END IF;

            -- The task is written by the transaction that has locked it, and not in the block above: there a subtransaction would, and a row locked by the
            -- one and updated by the other costs a multixact a step.
            IF verdict = 'ok' THEN
                step := answer.step;
                step.task_id := claim.task_id;
                verdict := df.advance_v1(step, state, moment, claim.clock_shift, goes_back, picked_by);
            END IF;
            IF verdict <> 'ok' OR goes_back OR is_single OR step.outcome <> 'advance' THEN
                IF verdict NOT IN ('ok', 'failed') THEN
                    -- With what the step did, the lock is gone, too.
                    ROLLBACK;
                    IF df.retake_v1(claim.task_id, driver_id, clock_timestamp() + claim.clock_shift) IS DISTINCT FROM state THEN
                        verdict := 'gone';
                    END IF;
                END IF;
                CASE verdict
                    WHEN 'stopped' THEN
                        PERFORM df.stopped_v1(claim.task_id, moment, claim.clock_shift);
                    WHEN 'busy', 'wanted' THEN
                        PERFORM df.postpone_v1(claim.task_id, claim.clock_shift, verdict = 'wanted');
                    WHEN 'invalid' THEN
                        PERFORM df.fail_v1(
                            claim.task_id, moment, claim.clock_shift, 'PD007',
                            format('the step procedure answered with a state or an outcome that does not exist: %s, %s', step.state, step.outcome),
                            '', '', '', false);
                    WHEN 'failed' THEN
                        IF error_sqlstate = '57014' THEN
                            is_interrupted := NOT df.is_stopped_v1(claim.task_id);
                        END IF;
                        IF error_sqlstate = '2D000' AND error_hint = '' THEN
                            error_hint := 'A step is part of a transaction that the driver commits; it cannot end it.';
                        END IF;
                        IF error_sqlstate = '57014' AND NOT is_interrupted THEN
                            PERFORM df.stopped_v1(claim.task_id, moment, claim.clock_shift);
                        ELSE
                            PERFORM df.fail_v1(
                                claim.task_id, moment, claim.clock_shift,
                                error_sqlstate, error_message, error_detail, error_hint, error_context, is_interrupted);
                        END IF;
                    WHEN 'ok' THEN
                        follows := is_alike;
                    ELSE
                        NULL;
                END CASE;
                COMMIT;
                EXIT;
            END IF;
            COMMIT;
            picked_by := NULL;

            moment := clock_timestamp() + claim.clock_shift;
            state := df.continue_v1(claim.task_id, driver_id, moment);
            IF state IS NULL THEN
                state := df.retake_v1(claim.task_id, driver_id, moment);
                IF state IS NULL THEN
                    COMMIT;
                    EXIT;
                END IF;
            END IF;
        END LOOP;
    END LOOP;

    RESET ROLE;
    IF driver_id IS NOT NULL THEN
        -- Losing this in a crash costs some careful work and nothing else.
        PERFORM set_config('synchronous_commit', 'off', true);
        PERFORM df.close_driver_v1(driver_id);
    END IF;
    -- What came due since the last look is due now; and a run that ended before it had looked everywhere does not know.
    next_due := clock_timestamp();
    IF idle_since IS NOT NULL THEN
        next_due := CASE WHEN timers_only THEN clock_timestamp() + make_interval(secs => nap) ELSE df.next_due_v1(idle_since) END;
    END IF;
    COMMIT;
    RESET ALL;
END
$$;

-- Runs the due tasks of its session_user, one state a transaction, until nothing is due; then lingers, looking again, until max_seconds are over. 0: returns
-- as soon as nothing is due. Never longer than 60 s, nor than statement_timeout allows: statistics are flushed when a CALL ends, and autovacuum needs them.
-- Those of the roles that were granted to it (df.grant_driver), too: a second of each at most, then the next one's.
-- next_due: when the next sleeping task is due, as far as is known.
--
-- Call it at the top level, with autocommit; any number side by side. It leaves the session's settings as RESET ALL does.
CREATE OR REPLACE PROCEDURE df.run(max_seconds double precision DEFAULT 0, INOUT next_due timestamptz DEFAULT NULL)
LANGUAGE plpgsql
AS $$
BEGIN
    CALL df.drive_v1(max_seconds, next_due, false);
END
$$;

-- The same for timers of races alone, which the drivers have not come to: one beside them is enough. next_due: when it is to look again.
CREATE OR REPLACE PROCEDURE df.run_timers(max_seconds double precision DEFAULT 0, INOUT next_due timestamptz DEFAULT NULL)
LANGUAGE plpgsql
AS $$
BEGIN
    CALL df.drive_v1(max_seconds, next_due, true);
END
$$;
