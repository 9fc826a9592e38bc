---------------------------------------------------------------------------------------------------------------------
-- Who may do what
---------------------------------------------------------------------------------------------------------------------
-- USAGE on the schema is the gate; behind it row security decides (02_tables.sql).

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
