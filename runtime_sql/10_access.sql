---------------------------------------------------------------------------------------------------------------------
-- Who may do what
---------------------------------------------------------------------------------------------------------------------
-- USAGE on the schema is the gate; behind it row security decides. Not FORCEd: df's owner, and pg_dump as df's owner, see all.

DO $$
DECLARE
    policy record;
    is_admin CONSTANT text := 'pg_catalog.pg_has_role((SELECT n.nspowner FROM pg_catalog.pg_namespace AS n WHERE n.nspname = ''df''), ''USAGE'')';
    is_caller CONSTANT text := '%s::oid = pg_catalog.quote_ident(current_user)::regrole::oid';
    of_owner CONSTANT text := 'owner::oid = ANY ((SELECT df.visible_roles())::oid[])';
BEGIN
    FOR policy IN
        SELECT p.*
        FROM (VALUES
            ('workflow_version', 'SELECT', concat_ws(' OR ', of_owner, is_admin,
                'EXISTS (SELECT FROM df.instance AS i WHERE i.version_id = workflow_version.id AND i.starter::oid = pg_catalog.quote_ident(current_user)::regrole::oid)')),
            ('step_def', 'SELECT', 'EXISTS (SELECT FROM df.workflow_version AS v WHERE v.id = step_def.version_id)'),
            ('instance', 'SELECT', concat_ws(' OR ', of_owner, format(is_caller, 'starter'), is_admin)),
            ('task', 'SELECT', 'EXISTS (SELECT FROM df.instance AS i WHERE i.id = task.instance_id)'),
            ('binding', 'SELECT', 'EXISTS (SELECT FROM df.task AS t WHERE t.id = binding.task_id)'),
            ('step_run', 'SELECT', 'EXISTS (SELECT FROM df.task AS t WHERE t.id = step_run.task_id)'),
            ('stop_scope', 'SELECT', 'EXISTS (SELECT FROM df.instance AS i WHERE i.id = stop_scope.instance_id)'),
            ('signal', 'SELECT', 'EXISTS (SELECT FROM df.instance AS i WHERE i.id = signal.instance_id)'),
            ('vars', 'SELECT', format(is_caller, 'owner')),
            ('request', 'SELECT', concat_ws(' OR ', format(is_caller, 'caller'), is_admin)),
            ('request', 'INSERT', format(is_caller, 'caller')),
            ('driver', 'SELECT', concat_ws(' OR ', of_owner, is_admin)),
            ('schedule', 'SELECT', format(is_caller, 'owner'))
        ) AS p (table_name, command, condition)
    LOOP
        -- Only what is missing: each of these waits for every running step and holds up the next ones meanwhile. A condition that changes gets a
        -- policy of another name.
        IF NOT (SELECT c.relrowsecurity FROM pg_class AS c WHERE c.oid = format('df.%I', policy.table_name)::regclass) THEN
            EXECUTE format('ALTER TABLE df.%I ENABLE ROW LEVEL SECURITY', policy.table_name);
        END IF;
        IF NOT EXISTS (
            SELECT
            FROM pg_policies AS p
            WHERE (p.schemaname, p.tablename, p.policyname) = ('df', policy.table_name, lower(policy.command))
        ) THEN
            EXECUTE format('CREATE POLICY %I ON df.%I FOR %s %s (%s)', lower(policy.command), policy.table_name, policy.command,
                CASE policy.command WHEN 'INSERT' THEN 'WITH CHECK' ELSE 'USING' END, policy.condition);
        END IF;
    END LOOP;
END
$$;

-- Not for everybody behind the gate.
REVOKE ALL ON FUNCTION df.move_clock(interval) FROM PUBLIC;

-- Lets a role deploy and drive workflows of its own, start those it is granted, and see what is its own.
CREATE OR REPLACE FUNCTION df.grant_usage(p_role text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF to_regrole(quote_ident(p_role)) IS NULL THEN
        RAISE EXCEPTION 'role "%" does not exist', p_role USING ERRCODE = '42704';
    END IF;
    EXECUTE format('GRANT USAGE ON SCHEMA df TO %I', p_role);
    EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA df TO %I', p_role);
    -- By column: whoever may write a whole table may also LOCK it.
    EXECUTE format('GRANT INSERT (caller, kind, instance_id, payload) ON df.request TO %I', p_role);
    RAISE NOTICE 'pgdurc: granted df usage privileges to "%"', p_role;
END
$$;
REVOKE ALL ON FUNCTION df.grant_usage(text) FROM PUBLIC;

CREATE OR REPLACE FUNCTION df.revoke_usage(p_role text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF to_regrole(quote_ident(p_role)) IS NULL THEN
        RAISE EXCEPTION 'role "%" does not exist', p_role USING ERRCODE = '42704';
    END IF;
    EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA df FROM %I CASCADE', p_role);
    EXECUTE format('REVOKE ALL (caller, kind, instance_id, payload) ON df.request FROM %I CASCADE', p_role);
    EXECUTE format('REVOKE USAGE ON SCHEMA df FROM %I CASCADE', p_role);
END
$$;
REVOKE ALL ON FUNCTION df.revoke_usage(text) FROM PUBLIC;

-- A new version of this runtime may have brought new tables: whoever had been let in can read them, too.
DO $$
DECLARE
    grantee record;
BEGIN
    FOR grantee IN
        SELECT DISTINCT a.grantee::regrole AS role
        FROM pg_catalog.pg_namespace AS n
        CROSS JOIN LATERAL pg_catalog.aclexplode(n.nspacl) AS a
        WHERE n.nspname = 'df'
            AND a.privilege_type = 'USAGE'
            AND a.grantee <> n.nspowner
            AND a.grantee <> 0
    LOOP
        EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA df TO %s', grantee.role);
    END LOOP;
END
$$;
