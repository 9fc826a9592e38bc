---------------------------------------------------------------------------------------------------------------------
-- What is installed here
---------------------------------------------------------------------------------------------------------------------

-- Tells whether anything in the schema was dropped or replaced since the end of the installation, which keeps it in the schema's comment. Not in it: rights, and the
-- texts of views and of conditions. It reads the catalog, and locks no table.
CREATE OR REPLACE FUNCTION df.fingerprint() RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH part (description) AS (
        SELECT concat_ws(' ', r.version, r.epoch)
        FROM df.runtime AS r
        UNION ALL
        SELECT concat_ws(' ', p.prokind, p.proname, pg_get_function_identity_arguments(p.oid), p.prosecdef, p.proconfig, md5(p.prosrc))
        FROM pg_proc AS p
        WHERE p.pronamespace = 'df'::regnamespace
        UNION ALL
        SELECT concat_ws(' ', c.relkind, c.relname, c.relrowsecurity)
        FROM pg_class AS c
        WHERE c.relnamespace = 'df'::regnamespace
        UNION ALL
        SELECT concat_ws(' ', 'column', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.atthasdef)
        FROM pg_class AS c
        JOIN pg_attribute AS a ON a.attrelid = c.oid
        WHERE c.relnamespace = 'df'::regnamespace
            AND c.relkind IN ('r', 'v', 'c', 'i')
            AND a.attnum > 0
            AND NOT a.attisdropped
        UNION ALL
        -- Their names, for pg_get_indexdef and pg_get_triggerdef would lock the table.
        SELECT concat_ws(' ', 'index', c.relname, t.relname, i.indisunique, i.indisvalid)
        FROM pg_class AS c
        JOIN pg_index AS i ON i.indexrelid = c.oid
        JOIN pg_class AS t ON t.oid = i.indrelid
        WHERE c.relnamespace = 'df'::regnamespace
        UNION ALL
        SELECT concat_ws(' ', 'trigger', t.tgname, c.relname, t.tgtype, t.tgenabled, p.proname)
        FROM pg_class AS c
        JOIN pg_trigger AS t ON t.tgrelid = c.oid
        JOIN pg_proc AS p ON p.oid = t.tgfoid
        WHERE c.relnamespace = 'df'::regnamespace
            AND NOT t.tgisinternal
        UNION ALL
        SELECT concat_ws(' ', 'policy', c.relname, o.polname, o.polcmd, obj_description(o.oid, 'pg_policy'))
        FROM pg_class AS c
        JOIN pg_policy AS o ON o.polrelid = c.oid
        WHERE c.relnamespace = 'df'::regnamespace
    )
    SELECT left(md5(string_agg(p.description, ',' ORDER BY p.description COLLATE "C")), 12)
    FROM part AS p;
$$;

RESET client_min_messages;
RESET search_path;
