---------------------------------------------------------------------------------------------------------------------
-- For whom a session drives
---------------------------------------------------------------------------------------------------------------------
-- For the role that it is, and for those that were granted to it. The functions of the hot path look for its own tasks first and ask this where they find none.

CREATE OR REPLACE FUNCTION df.drives_v1(p_owner regrole) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN EXISTS (
        SELECT
        FROM df.driver_grant AS g
        WHERE g.owner = p_owner
            AND g.driver = quote_ident(session_user)::regrole
            -- Still a member, for whom SET ROLE works; from PostgreSQL 16 on not every member is one.
            AND pg_has_role(session_user, g.owner, CASE WHEN current_setting('server_version_num')::integer >= 160000 THEN 'SET' ELSE 'MEMBER' END)
    );
END
$$;

-- By their names, as SET ROLE takes them: none, which is the session's own role, and the granted ones.
CREATE OR REPLACE FUNCTION df.driven_roles_v1() RETURNS text[]
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN ARRAY['none'] || ARRAY(
        SELECT r.rolname::text
        FROM df.driver_grant AS g
        JOIN pg_roles AS r ON r.oid = g.owner
        WHERE g.driver = quote_ident(session_user)::regrole
            AND df.drives_v1(g.owner)
        ORDER BY r.rolname
    );
END
$$;

---------------------------------------------------------------------------------------------------------------------
-- Values: what a reference of a workflow becomes in the SQL of a step
---------------------------------------------------------------------------------------------------------------------
-- A reference is a value, never text: its SQL is a quoted literal with its type. The functions that read are SECURITY DEFINER and find a task only
-- for whose owner the session drives.
--
-- PL/pgSQL throughout: a function in SQL would be planned anew in every transaction.
--
-- form:  expression  ('42'::integer), in parentheses because of what may follow: [1], .field
--        fitting     the same with the type that a literal in its place would have, as in pg_durable: df.fitting_type_v1
--        joined      the same beside a constant text and ||: of JSON, too, the text
--        jsonb       an expression in front of a JSON operator: a field of JSON is jsonb whatever it holds, and so is what is not there
--        literal     '42', for utility statements, which take nothing else
--        text        42, to stand inside a plain '...' literal: quotes doubled
--        json        42, to stand inside a string of a JSON text
--        raw         42, as it is

CREATE OR REPLACE FUNCTION df.fragment_v1(p_value text, p_type text, p_form text) RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN CASE p_form
        WHEN 'expression' THEN '(' || quote_nullable(p_value) || '::' || p_type || ')'
        WHEN 'fitting' THEN '(' || quote_nullable(p_value) || coalesce('::' || p_type, '') || ')'
        WHEN 'literal' THEN quote_nullable(p_value)
        WHEN 'text' THEN replace(coalesce(p_value, ''), '''', '''''')
        WHEN 'json' THEN coalesce(substr(to_jsonb(p_value)::text, 2, length(to_jsonb(p_value)::text) - 2), 'null')
        WHEN 'raw' THEN coalesce(p_value, '')
    END;
END
$$;

-- A text as JSON where it is JSON, else as a JSON string; also where jsonb cannot hold what JSON can: numbers out of its range, the character 0, a
-- character that the database's encoding has not, and what is nested too deep.
CREATE OR REPLACE FUNCTION df.json_or_text_v1(p_text text) RETURNS jsonb
LANGUAGE plpgsql STRICT IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN p_text::jsonb;
EXCEPTION WHEN invalid_text_representation OR numeric_value_out_of_range OR untranslatable_character OR statement_too_complex THEN
    RETURN to_jsonb(p_text);
END
$$;

-- The type for the form fitting, NULL for none. Text takes what its context wants, an enum or a date; a count, which is bigint, fits an integer
-- parameter; and round() has two arguments for numeric only. What a break gave is jsonb, and as such no number to count with. The null of JSON is a bare NULL.
CREATE OR REPLACE FUNCTION df.fitting_type_v1(p_value text, p_type text, p_is_json boolean) RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN CASE
        WHEN p_type IN ('text', 'character varying', 'bpchar', 'name') OR p_is_json AND p_value IS NULL THEN NULL
        WHEN (p_type = 'bigint' OR p_is_json AND p_type = 'numeric') AND p_value ~ '^-?[0-9]{1,10}$' THEN
            CASE WHEN p_value::bigint BETWEEN -2147483648 AND 2147483647 THEN 'integer' ELSE 'bigint' END
        WHEN p_is_json AND p_type = 'jsonb' AND p_value ~ '^(-?[0-9]|true|false)' THEN NULL
        WHEN p_type IN ('real', 'double precision') AND p_value ~ '[0-9]' THEN 'numeric'
        ELSE p_type
    END;
END
$$;

-- The name of a type, qualified wherever it is not pg_catalog's. Without the -1, bpchar reads as character, which is character(1).
CREATE OR REPLACE FUNCTION df.type_name_v1(p_type oid) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format_type(p_type, -1);
$$;

-- What the task has bound, or else the nearest of those that it is a branch of.
CREATE OR REPLACE FUNCTION df.find_binding_v1(p_task_id bigint, p_name text) RETURNS df.binding
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    holder bigint := p_task_id;
    bound df.binding;
BEGIN
    WHILE holder IS NOT NULL LOOP
        SELECT b.* INTO bound
        FROM df.binding AS b
        WHERE b.task_id = holder
            AND b.name = p_name
            AND (pg_get_userbyid(b.owner) = session_user OR df.drives_v1(b.owner));
        EXIT WHEN FOUND;
        SELECT t.parent_id INTO holder FROM df.task AS t WHERE t.id = holder AND (pg_get_userbyid(t.owner) = session_user OR df.drives_v1(t.owner));
    END LOOP;
    RETURN bound;
END
$$;

-- {"name", "type", "value"} of a bound name, or of one of its columns; type unknown: what is optional is not there.
CREATE OR REPLACE FUNCTION df.lookup_v1(p_task_id bigint, p_name text, p_column text, p_is_optional boolean) RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found CONSTANT df.binding := df.find_binding_v1(p_task_id, p_name);
    reference CONSTANT text := '$' || p_name || coalesce('.' || p_column, '');
    absent CONSTANT jsonb := jsonb_build_object('name', p_name, 'type', 'unknown', 'value', NULL);
    entry jsonb;
BEGIN
    IF found.name IS NULL THEN
        IF p_is_optional THEN
            RETURN absent;
        END IF;
        RAISE EXCEPTION '"%" is not bound', reference
            USING ERRCODE = 'PD006', HINT = format('Write %s? to read NULL here.', reference);
    END IF;

    IF found.columns IS NULL THEN
        -- A value: a whole one, or a field of an object.
        IF p_column IS NULL THEN
            entry := jsonb_build_object('name', p_name, 'type', 'jsonb', 'value', found.result::text, 'is_json', true);
        ELSIF jsonb_typeof(found.result) = 'object' AND found.result ? p_column THEN
            entry := jsonb_build_object(
                'name', p_column,
                'type', CASE jsonb_typeof(found.result -> p_column)
                    WHEN 'string' THEN 'text'
                    WHEN 'number' THEN 'numeric'
                    WHEN 'boolean' THEN 'boolean'
                    WHEN 'null' THEN 'unknown'
                    ELSE 'jsonb'
                END,
                'value', found.result ->> p_column,
                'is_json', true);
        ELSIF p_is_optional THEN
            entry := absent;
        ELSE
            RAISE EXCEPTION '"%": the result has no field "%"', reference, p_column
                USING ERRCODE = 'PD006', DETAIL = format('The result is %s.', left(found.result::text, 200));
        END IF;
    ELSIF p_column IS NULL THEN
        IF jsonb_array_length(found.columns) = 0 AND p_is_optional THEN
            RETURN absent;
        ELSIF jsonb_array_length(found.columns) <> 1 THEN
            RAISE EXCEPTION '"%" has % columns', reference, jsonb_array_length(found.columns)
                USING ERRCODE = 'PD006', HINT = format('Write %1$s.rows for its rows, or %1$s.<column>.', reference);
        ELSIF found.row_count > 1 THEN
            RAISE EXCEPTION '"%" has % rows where one value is read', reference, found.row_count
                USING ERRCODE = '21000', HINT = format('Write %1$s.* for its rows, or limit the query to one.', reference);
        END IF;
        entry := found.columns -> 0;
    ELSE
        -- As it is written, or else as SQL reads a name without quotes.
        SELECT c.item INTO entry
        FROM jsonb_array_elements(found.columns) AS c (item)
        WHERE c.item ->> 'name' IN (p_column, lower(p_column))
        ORDER BY c.item ->> 'name' = p_column DESC
        LIMIT 1;
        IF entry IS NULL AND (p_is_optional OR found.columns = '[]' AND found.row_count = 0) THEN
            entry := absent;
        ELSIF entry IS NULL THEN
            RAISE EXCEPTION '"%": the result has no column "%"', reference, p_column
                USING ERRCODE = 'PD006',
                    DETAIL = format('Its columns are %s.',
                        (SELECT string_agg(quote_ident(c.item ->> 'name'), ', ') FROM jsonb_array_elements(found.columns) AS c (item)));
        END IF;
    END IF;

    IF entry ->> 'value' IS NULL AND NOT p_is_optional THEN
        RAISE EXCEPTION '"%" %', reference, CASE WHEN found.row_count = 0 THEN 'has no row' ELSE 'is NULL' END
            USING ERRCODE = '22004', HINT = format('Write %s? to read NULL instead.', reference);
    END IF;
    RETURN entry;
END
$$;

CREATE OR REPLACE FUNCTION df.value_v1(
    step df.step_v1, p_name text, p_column text DEFAULT NULL, p_is_optional boolean DEFAULT false, p_form text DEFAULT 'expression'
) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    entry jsonb;
    fragment text;
    type text;
BEGIN
    -- The usual case in one statement: one row, one column, not NULL.
    IF p_column IS NULL AND p_form = 'expression' THEN
        SELECT format('(%L::%s)', b.columns #>> '{0,value}', b.columns #>> '{0,type}') INTO fragment
        FROM df.binding AS b
        WHERE b.task_id = step.task_id
            AND b.name = p_name
            AND pg_get_userbyid(b.owner) = session_user
            AND b.row_count = 1
            AND b.columns #>> '{0,value}' IS NOT NULL
            AND b.columns -> 1 IS NULL;
        IF fragment IS NOT NULL THEN
            RETURN fragment;
        END IF;
    END IF;
    entry := df.lookup_v1(step.task_id, p_name, p_column, p_is_optional);
    type := entry ->> 'type';
    RETURN CASE p_form
        WHEN 'fitting' THEN df.fragment_v1(entry ->> 'value', df.fitting_type_v1(entry ->> 'value', type, entry ? 'is_json'), 'fitting')
        WHEN 'joined' THEN df.fragment_v1(
            entry ->> 'value',
            CASE WHEN type NOT IN ('json', 'jsonb') THEN df.fitting_type_v1(entry ->> 'value', type, entry ? 'is_json') END,
            'fitting')
        WHEN 'jsonb' THEN df.fragment_v1(
            CASE WHEN type = 'text' AND entry ? 'is_json' THEN (entry -> 'value')::text ELSE entry ->> 'value' END,
            CASE WHEN type = 'unknown' OR entry ? 'is_json' THEN 'jsonb' ELSE type END,
            'expression')
        ELSE df.fragment_v1(entry ->> 'value', type, p_form)
    END;
END
$$;

-- The binding behind $name.rows, $name.row_count and $name.*, which an empty result does not fail.
CREATE OR REPLACE FUNCTION df.require_binding_v1(p_task_id bigint, p_name text) RETURNS df.binding
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found CONSTANT df.binding := df.find_binding_v1(p_task_id, p_name);
BEGIN
    IF found.name IS NULL THEN
        RAISE EXCEPTION '"$%" is not bound', p_name USING ERRCODE = 'PD006';
    ELSIF found.columns IS NULL THEN
        RAISE EXCEPTION '"$%" is not the result of a query', p_name
            USING ERRCODE = 'PD006', DETAIL = format('It is %s.', left(found.result::text, 200));
    END IF;
    RETURN found;
END
$$;

CREATE OR REPLACE FUNCTION df.rows_v1(step df.step_v1, p_name text, p_form text DEFAULT 'expression') RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found CONSTANT df.binding := df.require_binding_v1(step.task_id, p_name);
BEGIN
    RETURN df.fragment_v1(coalesce(found.result, '[]')::text, 'jsonb', p_form);
END
$$;

CREATE OR REPLACE FUNCTION df.row_count_v1(step df.step_v1, p_name text) RETURNS bigint
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found CONSTANT df.binding := df.require_binding_v1(step.task_id, p_name);
BEGIN
    RETURN found.row_count;
END
$$;

CREATE OR REPLACE FUNCTION df.count_v1(step df.step_v1, p_name text, p_form text DEFAULT 'expression') RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT df.fragment_v1(df.row_count_v1(step, p_name)::text, 'bigint', p_form);
$$;

-- The rows with the types of their columns, also when there is none. Of a column that a JSON object does not hold as it is (df.texts_v1) the values are
-- taken from their texts.
CREATE OR REPLACE FUNCTION df.recordset_v1(step df.step_v1, p_name text) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found CONSTANT df.binding := df.require_binding_v1(step.task_id, p_name);
    definitions text;
    names text;
    items text;
BEGIN
    IF jsonb_array_length(found.columns) = 0 AND found.row_count = 0 THEN
        RETURN '(SELECT WHERE false)';
    ELSIF jsonb_array_length(found.columns) = 0 THEN
        RAISE EXCEPTION '"$%" has no columns', p_name USING ERRCODE = 'PD006';
    END IF;
    SELECT
        string_agg(format('%I %s', c.item ->> 'name', CASE WHEN c.item ? 'texts' THEN 'pg_catalog.jsonb' ELSE c.item ->> 'type' END), ', ' ORDER BY c.position),
        string_agg(quote_ident(c.item ->> 'name'), ', ' ORDER BY c.position),
        CASE WHEN bool_or(c.item ? 'texts') THEN string_agg(
            CASE
                WHEN c.item ? 'texts' THEN format(
                    '((%L::pg_catalog.jsonb) ->> (r."pgdurc row" - 1)::integer)::%s AS %I', c.item -> 'texts', c.item ->> 'type', c.item ->> 'name')
                ELSE format('r.%I', c.item ->> 'name')
            END,
            ', ' ORDER BY c.position)
        END
    INTO definitions, names, items
    FROM jsonb_array_elements(found.columns) WITH ORDINALITY AS c (item, position);
    IF items IS NULL THEN
        RETURN format('(SELECT * FROM pg_catalog.jsonb_to_recordset(%L::pg_catalog.jsonb) AS r (%s))', found.result, definitions);
    END IF;
    RETURN format(
        '(SELECT %s FROM ROWS FROM (pg_catalog.jsonb_to_recordset(%L::pg_catalog.jsonb) AS (%s)) WITH ORDINALITY AS r (%s, "pgdurc row"))',
        items, found.result, definitions, names);
END
$$;

-- {"name", "type", "value"} of a parameter. NULL is a value like any other here.
CREATE OR REPLACE FUNCTION df.lookup_param_v1(p_task_id bigint, p_name text) RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    entry jsonb;
BEGIN
    SELECT p.item || jsonb_build_object('value', i.args ->> p_name) INTO entry
    FROM df.task AS t
    JOIN df.instance AS i ON i.id = t.instance_id
    JOIN df.workflow_version AS v ON v.id = t.version_id
    CROSS JOIN LATERAL jsonb_array_elements(v.parameters) AS p (item)
    WHERE t.id = p_task_id
        AND (t.owner = quote_ident(session_user)::regrole OR df.drives_v1(t.owner))
        AND p.item ->> 'name' = p_name;
    RETURN entry;
END
$$;

CREATE OR REPLACE FUNCTION df.param_v1(step df.step_v1, p_name text, p_form text DEFAULT 'expression') RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    entry CONSTANT jsonb := df.lookup_param_v1(step.task_id, p_name);
BEGIN
    RETURN df.fragment_v1(entry ->> 'value', entry ->> 'type', p_form);
END
$$;

-- {name}: a variable of the starter as it was at the start, or sys_instance_id, sys_label.
CREATE OR REPLACE FUNCTION df.var_v1(step df.step_v1, p_name text, p_form text DEFAULT 'expression') RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    instance df.instance;
    value text;
BEGIN
    SELECT i.* INTO instance
    FROM df.task AS t
    JOIN df.instance AS i ON i.id = t.instance_id
    WHERE t.id = step.task_id
        AND (t.owner = quote_ident(session_user)::regrole OR df.drives_v1(t.owner));
    value := CASE p_name
        WHEN 'sys_instance_id' THEN instance.id
        WHEN 'sys_label' THEN coalesce(instance.label, '')
        ELSE instance.vars ->> p_name
    END;
    IF value IS NULL THEN
        IF p_form IN ('text', 'json') THEN
            -- Braces are common in texts: what names no variable stays as it is.
            RETURN '{' || p_name || '}';
        END IF;
        RAISE EXCEPTION 'variable "%" was not set when the instance was started', p_name
            USING ERRCODE = 'PD006', HINT = format('Set it before the start: SELECT df.setvar(%L, ...);', p_name);
    END IF;
    RETURN df.fragment_v1(value, 'text', p_form);
END
$$;
