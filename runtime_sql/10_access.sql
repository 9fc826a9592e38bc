---------------------------------------------------------------------------------------------------------------------
-- Who may do what
---------------------------------------------------------------------------------------------------------------------
-- USAGE on the schema is the gate; behind it row security decides (02_tables.sql).

-- Not for everybody behind the gate.
REVOKE ALL ON FUNCTION df.move_clock(interval) FROM PUBLIC;

-- It took one argument before.
DROP FUNCTION IF EXISTS df.grant_usage(text);

-- Lets a role deploy and drive workflows of its own, start those it is granted, and see what is its own. with_grant: and let others in, see df.metrics(), and
-- hand both on. Granting again adds.
CREATE OR REPLACE FUNCTION df.grant_usage(p_role text, include_http boolean DEFAULT false, with_grant boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    grant_option CONSTANT text := CASE WHEN with_grant THEN ' WITH GRANT OPTION' ELSE '' END;
BEGIN
    IF to_regrole(quote_ident(p_role)) IS NULL THEN
        RAISE EXCEPTION 'role "%" does not exist', p_role USING ERRCODE = '42704';
    END IF;
    EXECUTE format('GRANT USAGE ON SCHEMA df TO %I%s', p_role, grant_option);
    EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA df TO %I%s', p_role, grant_option);
    -- By column: whoever may write a whole table may also LOCK it.
    EXECUTE format('GRANT INSERT (caller, kind, instance_id, payload) ON df.request TO %I%s', p_role, grant_option);
    IF with_grant THEN
        EXECUTE format(
            'GRANT EXECUTE ON FUNCTION df.grant_usage(text, boolean, boolean), df.revoke_usage(text), df.metrics() TO %I WITH GRANT OPTION', p_role);
    END IF;
    IF include_http THEN
        RAISE WARNING 'include_http has no effect' USING DETAIL = 'There is no df.http yet, and no right to it that could be granted.';
    END IF;
    RAISE NOTICE 'pgdurc: granted df usage privileges to "%"', p_role;
END
$$;
REVOKE ALL ON FUNCTION df.grant_usage(text, boolean, boolean) FROM PUBLIC;

-- Takes back what the caller granted, and what was handed on from there. As with any REVOKE, what somebody else granted stays.
CREATE OR REPLACE FUNCTION df.revoke_usage(p_role text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF to_regrole(quote_ident(p_role)) IS NULL THEN
        RAISE EXCEPTION 'role "%" does not exist', p_role USING ERRCODE = '42704';
    END IF;
    IF EXISTS (SELECT FROM pg_namespace AS n WHERE n.nspname = 'df' AND pg_get_userbyid(n.nspowner) = p_role) THEN
        -- The functions that keep the state run with its rights.
        RAISE EXCEPTION 'role "%" owns the runtime, which could not work without these rights', p_role
            USING ERRCODE = '42501', HINT = 'Name a role that was let in with df.grant_usage.';
    END IF;
    EXECUTE format('REVOKE ALL ON FUNCTION df.grant_usage(text, boolean, boolean), df.revoke_usage(text), df.metrics() FROM %I CASCADE', p_role);
    EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA df FROM %I CASCADE', p_role);
    EXECUTE format('REVOKE ALL (caller, kind, instance_id, payload) ON df.request FROM %I CASCADE', p_role);
    EXECUTE format('REVOKE USAGE ON SCHEMA df FROM %I CASCADE', p_role);
END
$$;
REVOKE ALL ON FUNCTION df.revoke_usage(text) FROM PUBLIC;

-- Has a login role drive the workflows of a role that cannot log in, instead of who did before; see df.act_grant_driver_v1 for who may. What it means: the steps of that
-- owner run in sessions of the driver, and can take its rights. The driver must be a member of the owner.
CREATE OR REPLACE FUNCTION df.grant_driver(p_owner text, p_driver text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM df.ask_v1('grant_driver', NULL, jsonb_build_object('owner', p_owner, 'driver', p_driver));
END
$$;

CREATE OR REPLACE FUNCTION df.revoke_driver(p_owner text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM df.ask_v1('revoke_driver', NULL, jsonb_build_object('owner', p_owner));
END
$$;

-- Nobody but df's owner creates anything here or writes a table as a whole, whatever his default privileges have given away: a trigger on a table would act with his
-- rights. The columns of df.request that a table-wide REVOKE takes along are granted again.
DO $$
DECLARE
    given record;
BEGIN
    FOR given IN
        SELECT DISTINCT a.grantee
        FROM pg_namespace AS n
        CROSS JOIN LATERAL aclexplode(n.nspacl) AS a
        WHERE n.nspname = 'df'
            AND a.privilege_type = 'CREATE'
            AND a.grantee <> n.nspowner
    LOOP
        EXECUTE format('REVOKE CREATE ON SCHEMA df FROM %s CASCADE', CASE WHEN given.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(given.grantee)) END);
    END LOOP;
    FOR given IN
        SELECT DISTINCT c.relname, CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind, a.grantee
        FROM pg_class AS c
        CROSS JOIN LATERAL aclexplode(c.relacl) AS a
        WHERE c.relnamespace = 'df'::regnamespace
            AND c.relkind IN ('r', 'v', 'S')
            AND a.privilege_type <> 'SELECT'
            AND a.grantee <> c.relowner
    LOOP
        EXECUTE format(
            CASE given.kind
                WHEN 'SEQUENCE' THEN 'REVOKE USAGE, UPDATE ON SEQUENCE df.%I FROM %s CASCADE'
                ELSE 'REVOKE INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON df.%I FROM %s CASCADE'
            END,
            given.relname, CASE WHEN given.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(given.grantee)) END);
        IF given.relname = 'request' AND given.grantee <> 0 THEN
            IF has_schema_privilege(given.grantee, 'df', 'USAGE') THEN
                EXECUTE format('GRANT INSERT (caller, kind, instance_id, payload) ON df.request TO %I', pg_get_userbyid(given.grantee));
            END IF;
        END IF;
    END LOOP;
END
$$;

-- A new version of this runtime may have brought new tables: whoever had been let in can read them, too.
DO $$
DECLARE
    grantee record;
BEGIN
    FOR grantee IN
        SELECT a.grantee::regrole AS role, bool_or(a.is_grantable) AS may_grant
        FROM pg_catalog.pg_namespace AS n
        CROSS JOIN LATERAL pg_catalog.aclexplode(n.nspacl) AS a
        WHERE n.nspname = 'df'
            AND a.privilege_type = 'USAGE'
            AND a.grantee <> n.nspowner
            AND a.grantee <> 0
        GROUP BY a.grantee
    LOOP
        EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA df TO %s%s', grantee.role, CASE WHEN grantee.may_grant THEN ' WITH GRANT OPTION' ELSE '' END);
    END LOOP;
END
$$;
