---------------------------------------------------------------------------------------------------------------------
-- What a step procedure calls
---------------------------------------------------------------------------------------------------------------------
-- These run with the rights and the search_path of the step, as its SQL must; hence every name in them is qualified.

CREATE OR REPLACE FUNCTION df.exec_v1(step df.step_v1, p_sql text) RETURNS df.step_v1
LANGUAGE plpgsql
AS $$
BEGIN
    EXECUTE p_sql;
    GET DIAGNOSTICS step.row_count = ROW_COUNT;
    step.result := NULL;
    step.columns := '[]';
    RETURN step;
END
$$;

-- The names of the columns of a query, found by running it for no row.
CREATE OR REPLACE FUNCTION df.columns_of_v1(p_sql text) RETURNS text[]
LANGUAGE plpgsql
AS $$
DECLARE
    probe record;
BEGIN
    EXECUTE pg_catalog.concat('SELECT s.* FROM (VALUES (1)) AS one LEFT JOIN (SELECT * FROM (', p_sql, E'\n) AS q LIMIT 0) AS s ON true')
        INTO probe;
    RETURN ARRAY(SELECT k.name FROM pg_catalog.json_object_keys(pg_catalog.row_to_json(probe)) WITH ORDINALITY AS k (name, position) ORDER BY k.position);
END
$$;

-- For each column of a query the texts of its values, an array, where a JSON object does not hold them as they are; else NULL. p_lines: of each row an array of the texts.
-- json loses its white space and what is there twice, a JSON null reads as SQL NULL, an array loses lower bounds; and any of these may be inside of a composite value.
CREATE OR REPLACE FUNCTION df.texts_v1(p_types regtype[], p_lines jsonb[]) RETURNS jsonb[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    type pg_type;
    element pg_type;
    texts jsonb;
    kept jsonb[];
BEGIN
    FOR i IN 1 .. cardinality(p_types) LOOP
        SELECT t.* INTO type FROM pg_type AS t WHERE t.oid = p_types[i];
        SELECT e.* INTO element FROM pg_type AS e WHERE e.oid = type.typelem AND type.typcategory = 'A';
        SELECT jsonb_agg(l.line -> (i - 1) ORDER BY l.position) INTO texts
        FROM unnest(p_lines) WITH ORDINALITY AS l (line, position)
        HAVING type.typtype IN ('c', 'd')
            OR element.typtype IN ('c', 'd')
            OR type.oid IN ('record'::regtype, 'record[]'::regtype)
            OR 'json'::regtype IN (type.oid, element.oid)
            OR element.oid = 'jsonb'::regtype
            OR type.oid = 'jsonb'::regtype AND bool_or(l.line ->> (i - 1) = 'null')
            OR type.typcategory = 'A' AND bool_or(l.line ->> (i - 1) LIKE '[%');
        kept[i] := texts;
    END LOOP;
    RETURN kept;
END
$$;

-- Whether all of these are JSON's own or its strings: boolean, bytea, name, bigint, smallint, integer, text, oid, real, double precision, char, varchar, date, time,
-- timestamp, timestamptz, interval, numeric, uuid; by number, so that PostgreSQL does not look them up in each transaction. Becomes a part of the expression that calls it.
CREATE OR REPLACE FUNCTION df.are_plain_v1(p_types regtype[]) RETURNS boolean
LANGUAGE sql IMMUTABLE
AS $$
    SELECT p_types::pg_catalog.oid[] OPERATOR(pg_catalog.<@)
        '{16,17,19,20,21,23,25,26,700,701,1042,1043,1082,1083,1114,1184,1186,1700,2950}'::pg_catalog.oid[];
$$;

-- The columns of a result, as they are kept: p_vals are the texts of the first row, p_texts see df.texts_v1.
CREATE OR REPLACE FUNCTION df.columns_v1(p_names text[], p_types regtype[], p_vals text[], p_texts jsonb[]) RETURNS jsonb
LANGUAGE plpgsql STABLE
AS $$
DECLARE
    columns pg_catalog.jsonb := pg_catalog.jsonb_build_array();
BEGIN
    FOR i IN 1 .. pg_catalog.cardinality(p_names) LOOP
        -- What has no type of its own, as ROW(1, 'x') and arrays of such, cannot be read back: it is text.
        columns := columns OPERATOR(pg_catalog.||)
            pg_catalog.jsonb_build_object(
                'name', p_names[i],
                'type', CASE WHEN p_types[i]::pg_catalog.oid OPERATOR(pg_catalog.=) ANY ('{2249,2287}') THEN 'text' ELSE pg_catalog.format_type(p_types[i], -1) END,
                'value', p_vals[i]);
        IF p_texts[i] IS NOT NULL THEN
            columns := pg_catalog.jsonb_set(columns, ARRAY[(i OPERATOR(pg_catalog.-) 1)::pg_catalog.text, 'texts'], p_texts[i]);
        END IF;
    END LOOP;
    RETURN columns;
END
$$;

DO $$
BEGIN
    IF pg_catalog.to_regtype('df.line_v1') IS NULL THEN
        -- A row of a query, as the compiled one gives it: a JSON object, and of each column the type and the value as text. Where there is no row, one line that has
        -- the types.
        CREATE TYPE df.line_v1 AS (
            object jsonb,
            types regtype[],
            vals text[]
        );
    END IF;
END
$$;

-- Makes the rows of a query the result of this step: an array of objects, and of the first row each value as text with its type.
CREATE OR REPLACE FUNCTION df.keep_v1(step df.step_v1, p_columns text[], p_lines df.line_v1[]) RETURNS df.step_v1
LANGUAGE plpgsql
AS $$
DECLARE
    line CONSTANT df.line_v1 := p_lines[1];
    texts pg_catalog.jsonb[];
BEGIN
    IF line.object IS NULL THEN
        step.row_count := 0;
        step.result := '[]';
    ELSE
        step.row_count := pg_catalog.cardinality(p_lines);
        -- Most often it is one.
        IF step.row_count OPERATOR(pg_catalog.=) 1 THEN
            step.result := pg_catalog.jsonb_build_array(line.object);
        ELSE
            step.result := pg_catalog.to_jsonb(ARRAY(SELECT l.object FROM pg_catalog.unnest(p_lines) AS l));
        END IF;
        IF NOT df.are_plain_v1(line.types) THEN
            texts := df.texts_v1(line.types, ARRAY(SELECT pg_catalog.to_jsonb(l.vals) FROM pg_catalog.unnest(p_lines) AS l));
        END IF;
    END IF;
    step.columns := df.columns_v1(p_columns, line.types, line.vals, texts);
    RETURN step;
END
$$;

-- Runs a query and keeps its rows: as an array of objects, and of the first row each value as text with its type. p_columns NULL: they are found at run
-- time (a plain query only). p_types: cast to these. p_hoisted: the WITH clause of a statement whose WITH modifies data, which PostgreSQL allows at the top
-- level only.
CREATE OR REPLACE FUNCTION df.query_v1(
    step df.step_v1, p_sql text, p_columns text[] DEFAULT NULL, p_types text[] DEFAULT NULL, p_hoisted text DEFAULT NULL
) RETURNS df.step_v1
LANGUAGE plpgsql
AS $$
DECLARE
    names pg_catalog.text[] := coalesce(p_columns, df.columns_of_v1(p_sql));
    quoted pg_catalog.text[];
    casts pg_catalog.text[];
    line record;
    n integer := 0;
    objects pg_catalog.jsonb[];
    types pg_catalog.regtype[];
    vals pg_catalog.text[];
    -- Where a type is none of those that are JSON's own or its strings: the texts of all rows.
    is_plain boolean;
    lines pg_catalog.jsonb[];
    texts pg_catalog.jsonb[];
BEGIN
    -- The rows become objects, so a name that is there already gets its position. In bytes: a longer alias would be cut to what it was.
    FOR i IN 2 .. pg_catalog.cardinality(names) LOOP
        WHILE names[i] OPERATOR(pg_catalog.=) ANY (names[1:i OPERATOR(pg_catalog.-) 1]) LOOP
            names[i] := pg_catalog.concat(pg_catalog."left"(names[i], 50), '_', i);
        END LOOP;
    END LOOP;
    FOR i IN 1 .. pg_catalog.cardinality(names) LOOP
        quoted[i] := pg_catalog.quote_ident(names[i]);
        IF p_types IS NOT NULL THEN
            casts[i] := pg_catalog.format('r.%1$s::%2$s AS %1$s', quoted[i], p_types[i]);
        END IF;
    END LOOP;

    -- The outer join: types are known also where there is no row.
    FOR line IN EXECUTE pg_catalog.concat(
        coalesce(p_hoisted OPERATOR(pg_catalog.||) ', ', 'WITH '),
        'pgdurc_rows (', pg_catalog.array_to_string(quoted, ', '), ') AS MATERIALIZED (', p_sql, E'\n)',
        CASE WHEN p_types IS NOT NULL THEN
            pg_catalog.concat(', pgdurc_typed AS (SELECT ', pg_catalog.array_to_string(casts, ', '), ' FROM pgdurc_rows AS r)')
        END,
        ' SELECT pg_catalog.to_jsonb(pgdurc_row) AS object',
        ', ARRAY[pg_catalog.pg_typeof(pgdurc_row.', pg_catalog.array_to_string(quoted, '), pg_catalog.pg_typeof(pgdurc_row.'), ')] AS types',
        ', ARRAY[pgdurc_row.', pg_catalog.array_to_string(quoted, '::pg_catalog.text, pgdurc_row.'), '::pg_catalog.text] AS vals',
        ' FROM (SELECT) AS one LEFT JOIN ', CASE WHEN p_types IS NULL THEN 'pgdurc_rows' ELSE 'pgdurc_typed' END, ' AS pgdurc_row ON true')
    LOOP
        IF types IS NULL THEN
            types := line.types;
            vals := line.vals;
            is_plain := df.are_plain_v1(types);
        END IF;
        IF line.object IS NOT NULL THEN
            n := n OPERATOR(pg_catalog.+) 1;
            objects[n] := line.object;
            IF NOT is_plain THEN
                lines[n] := pg_catalog.to_jsonb(line.vals);
            END IF;
        END IF;
    END LOOP;
    IF lines IS NOT NULL THEN
        texts := df.texts_v1(types, lines);
    END IF;

    step.row_count := n;
    step.result := coalesce(pg_catalog.to_jsonb(objects), '[]');
    step.columns := df.columns_v1(names, types, vals, texts);
    RETURN step;
END
$$;

-- Runs a statement of which only the server knows the columns (INSERT ... RETURNING *, CALL), as a cursor, and keeps its rows. A record has no types that PL/pgSQL
-- could tell: numbers and truth values are what they are in JSON, and everything else is text. Without a row there is no column.
CREATE OR REPLACE FUNCTION df.cursor_v1(step df.step_v1, p_sql text) RETURNS df.step_v1
LANGUAGE plpgsql
AS $$
DECLARE
    line record;
    n integer := 0;
    objects pg_catalog.jsonb[];
    columns pg_catalog.jsonb;
BEGIN
    FOR line IN EXECUTE p_sql LOOP
        n := n OPERATOR(pg_catalog.+) 1;
        objects[n] := pg_catalog.to_jsonb(line);
        IF n OPERATOR(pg_catalog.=) 1 THEN
            SELECT pg_catalog.jsonb_agg(
                pg_catalog.jsonb_build_object(
                    'name', c.name,
                    'type', CASE
                        WHEN c.value::pg_catalog.text OPERATOR(pg_catalog.~) '^-?[0-9]{1,18}$' THEN 'bigint'
                        WHEN pg_catalog.json_typeof(c.value) OPERATOR(pg_catalog.=) 'number' THEN 'numeric'
                        WHEN pg_catalog.json_typeof(c.value) OPERATOR(pg_catalog.=) 'boolean' THEN 'boolean'
                        WHEN pg_catalog.json_typeof(c.value) OPERATOR(pg_catalog.=) 'object' THEN 'jsonb'
                        ELSE 'text'
                    END,
                    'value', c.value OPERATOR(pg_catalog.#>>) '{}')
                ORDER BY c.position)
            INTO columns
            FROM pg_catalog.json_each(pg_catalog.row_to_json(line)) WITH ORDINALITY AS c (name, value, position);
        END IF;
    END LOOP;
    step.row_count := n;
    step.result := coalesce(pg_catalog.to_jsonb(objects), '[]');
    step.columns := coalesce(columns, '[]');
    RETURN step;
END
$$;

-- A statement of which nobody knew before what it is: the rows of what returns some are kept, of anything else their number.
CREATE OR REPLACE FUNCTION df.any_v1(step df.step_v1, p_sql text) RETURNS df.step_v1
LANGUAGE plpgsql
AS $$
BEGIN
    -- Behind white space, comments and parentheses. A WITH may modify data, and then it cannot stand where its rows would be kept.
    IF p_sql OPERATOR(pg_catalog.~*) '^(\s|\(|--[^\n]*\n|/\*([^*]|\*[^/])*\*/)*(select|values|table)\M' THEN
        RETURN df.query_v1(step, pg_catalog.rtrim(p_sql, E'; \n\t\r'));
    END IF;
    BEGIN
        RETURN df.cursor_v1(step, p_sql);
    EXCEPTION WHEN invalid_cursor_definition THEN
        -- It returns none, which is found before it runs.
        RETURN df.exec_v1(step, p_sql);
    END;
END
$$;

-- Rows of a utility statement, which cannot stand in a CTE (EXPLAIN, SHOW, FETCH, EXECUTE): every column as text.
CREATE OR REPLACE FUNCTION df.show_v1(step df.step_v1, p_sql text, p_columns text[]) RETURNS df.step_v1
LANGUAGE plpgsql
AS $$
DECLARE
    line record;
    n integer := 0;
    objects pg_catalog.jsonb[];
BEGIN
    FOR line IN EXECUTE p_sql LOOP
        n := n OPERATOR(pg_catalog.+) 1;
        objects[n] := pg_catalog.to_jsonb(line);
    END LOOP;
    step.row_count := n;
    step.result := coalesce(pg_catalog.to_jsonb(objects), '[]');
    step.columns := '[]';
    FOR i IN 1 .. pg_catalog.cardinality(p_columns) LOOP
        step.columns := step.columns OPERATOR(pg_catalog.||)
            pg_catalog.jsonb_build_object('name', p_columns[i], 'type', 'text', 'value', objects[1] OPERATOR(pg_catalog.->>) p_columns[i]);
    END LOOP;
    RETURN step;
END
$$;

-- Whether a condition holds: no row is false; of a statement that returns no columns, rows affected; otherwise the first column of the first row.
CREATE OR REPLACE FUNCTION df.is_true_v1(step df.step_v1) RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    value jsonb := step.result;
    word text;
BEGIN
    IF step.columns IS NOT NULL THEN
        IF step.row_count = 0 THEN
            RETURN false;
        ELSIF jsonb_array_length(step.columns) = 0 THEN
            RETURN true;
        END IF;
        value := step.result -> 0 -> (step.columns -> 0 ->> 'name');
    END IF;
    CASE coalesce(jsonb_typeof(value), 'null')
        WHEN 'null' THEN
            RETURN false;
        WHEN 'boolean' THEN
            RETURN value::boolean;
        WHEN 'number' THEN
            RETURN value::numeric <> 0;
        WHEN 'array' THEN
            RETURN value <> '[]';
        WHEN 'object' THEN
            RETURN value <> '{}';
        ELSE
            word := lower(btrim(value #>> '{}', E' \t\r\n\f\v'));
            IF word IN ('', 'false', 'f', 'no') THEN
                RETURN false;
            ELSIF word ~ '^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?$' THEN
                RETURN word::numeric <> 0;
            END IF;
            RETURN true;
    END CASE;
END
$$;

CREATE OR REPLACE FUNCTION df.sleep_v1(step df.step_v1, p_for interval) RETURNS df.step_v1
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF p_for IS NULL OR p_for < interval '0' OR NOT isfinite(p_for) THEN
        RAISE EXCEPTION 'sleep duration must be finite and non-negative, not %', coalesce(p_for::text, 'NULL') USING ERRCODE = '22023';
    END IF;
    step.outcome := 'park';
    step.wake_at := df.now() + p_for;
    step.detail := '{"wait": "sleep"}';
    step.row_count := NULL;
    step.columns := NULL;
    step.result := jsonb_build_object('slept', true, 'seconds', trim_scale(extract(epoch FROM p_for)::numeric));
    RETURN step;
END
$$;

CREATE OR REPLACE FUNCTION df.sleep_v1(step df.step_v1, p_seconds double precision) RETURNS df.step_v1
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT df.sleep_v1(step, make_interval(secs => p_seconds));
$$;

-- The time that an SQL expression says: a number of seconds, an interval, or the text of one.
CREATE OR REPLACE FUNCTION df.duration_v1(p_sql text) RETURNS interval
LANGUAGE plpgsql
AS $$
DECLARE
    duration pg_catalog.text;
    is_number boolean;
BEGIN
    EXECUTE pg_catalog.concat(
        'SELECT s.v::pg_catalog.text, (SELECT t.typcategory OPERATOR(pg_catalog.=) ''N'' FROM pg_catalog.pg_type AS t',
        ' WHERE t.oid OPERATOR(pg_catalog.=) pg_catalog.pg_typeof(s.v)::pg_catalog.oid) FROM (SELECT (', p_sql, E'\n) AS v) AS s')
        INTO duration, is_number;
    IF is_number THEN
        RETURN pg_catalog.make_interval(secs => duration::double precision);
    END IF;
    RETURN duration::interval;
END
$$;

CREATE OR REPLACE FUNCTION df.sleep_text_v1(step df.step_v1, p_sql text) RETURNS df.step_v1
LANGUAGE plpgsql
AS $$
BEGIN
    RETURN df.sleep_v1(step, df.duration_v1(p_sql));
END
$$;

-- The back edge of a loop that nothing in it ends: a lap takes at least a second, unless the task parked in it. Laps that nobody was there to drive are not made
-- up for.
CREATE OR REPLACE FUNCTION df.lap_v1(step df.step_v1) RETURNS df.step_v1
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    lap_at timestamptz;
BEGIN
    IF step.outcome <> 'advance' THEN
        -- It parks, waits, or does not go round at all.
        RETURN step;
    END IF;
    SELECT t.lap_at INTO lap_at
    FROM df.task AS t
    WHERE t.id = step.task_id
        AND (t.owner = quote_ident(session_user)::regrole OR df.drives_v1(t.owner));
    step.detail := '{"wait": "lap"}';
    IF lap_at IS NOT NULL THEN
        step.outcome := 'park';
        step.wake_at := greatest(lap_at + interval '1 second', df.now());
    END IF;
    RETURN step;
END
$$;

CREATE OR REPLACE FUNCTION df.break_v1(step df.step_v1, p_value text) RETURNS df.step_v1
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    step.row_count := NULL;
    step.columns := NULL;
    step.result := coalesce(df.json_or_text_v1(p_value), 'null');
    RETURN step;
END
$$;

-- A typed value as JSON.
CREATE OR REPLACE FUNCTION df.json_result_v1(step df.step_v1, p_entry jsonb) RETURNS df.step_v1
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    step.row_count := NULL;
    step.columns := NULL;
    step.result := 'null';
    -- A NULL may be of no type, of which to_jsonb makes nothing.
    IF p_entry ->> 'value' IS NOT NULL THEN
        EXECUTE format('SELECT to_jsonb(%s)', df.fragment_v1(p_entry ->> 'value', p_entry ->> 'type', 'expression'))
            INTO step.result;
    END IF;
    RETURN step;
END
$$;

-- Makes a bound value the result of this step.
CREATE OR REPLACE FUNCTION df.load_v1(
    step df.step_v1, p_name text, p_column text DEFAULT NULL, p_is_optional boolean DEFAULT false
) RETURNS df.step_v1
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found df.binding;
BEGIN
    IF p_column IS NULL THEN
        found := df.find_binding_v1(step.task_id, p_name);
        IF found.name IS NULL AND NOT p_is_optional THEN
            RAISE EXCEPTION '"$%" is not bound', p_name USING ERRCODE = 'PD006';
        END IF;
        step.row_count := found.row_count;
        step.columns := found.columns;
        step.result := found.result;
    ELSE
        step := df.json_result_v1(step, df.lookup_v1(step.task_id, p_name, p_column, p_is_optional));
    END IF;
    RETURN step;
END
$$;

CREATE OR REPLACE FUNCTION df.load_param_v1(step df.step_v1, p_name text) RETURNS df.step_v1
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT df.json_result_v1(step, df.lookup_param_v1(step.task_id, p_name));
$$;

-- Makes the text that a call gave for the value of a break the result of this step.
CREATE OR REPLACE FUNCTION df.break_param_v1(step df.step_v1, p_name text) RETURNS df.step_v1
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT df.break_v1(step, df.lookup_param_v1(step.task_id, p_name) ->> 'value');
$$;

-- Splits the task: each branch goes on as a task of its own at its state, and this one at p_gather when they have ended (a race: when the first has).
CREATE OR REPLACE FUNCTION df.fork_v1(step df.step_v1, p_kind text, p_branches integer[], p_gather integer) RETURNS df.step_v1
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    step.outcome := 'spawn';
    step.state := p_gather;
    step.row_count := cardinality(p_branches);
    step.result := NULL;
    step.columns := NULL;
    step.detail := jsonb_build_object('kind', p_kind, 'branches', p_branches);
    RETURN step;
END
$$;

-- What a task of a branch ended with, as one JSON value.
CREATE OR REPLACE FUNCTION df.value_of_v1(bound df.binding) RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE
        WHEN (bound).columns IS NULL THEN coalesce((bound).result, 'null')
        ELSE jsonb_build_object('rows', coalesce((bound).result, '[]'), 'row_count', coalesce((bound).row_count, 0))
    END;
$$;

-- Takes up what the branches of the last fork left: their results, the names that they bound (p_merge), or the first problem in their order.
--   next       where to go on; NULL: this is the end of the task
--   name       what the result is bound to
--   break_to   where a break out of a branch goes, its value bound to break_name; NULL: out of this task, which is a branch itself
--   is_kept    whether somebody reads the result
CREATE OR REPLACE FUNCTION df.gather_v1(
    step df.step_v1, next integer, name text DEFAULT NULL, merge text[] DEFAULT '{}', break_to integer DEFAULT NULL, break_name text DEFAULT NULL,
    is_kept boolean DEFAULT true
) RETURNS df.step_v1
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    driven regrole;
    last_fork bigint;
    decisive df.task;
    bound df.binding;
BEGIN
    SELECT t.owner INTO driven FROM df.task AS t WHERE t.id = step.task_id AND (t.owner = quote_ident(session_user)::regrole OR df.drives_v1(t.owner));
    SELECT max(c.fork_seq) INTO last_fork
    FROM df.task AS c
    WHERE c.instance_id = step.instance_id
        AND c.parent_id = step.task_id
        AND c.owner = driven;
    -- A race has one branch that settled; of a join the first with a problem.
    SELECT c.* INTO decisive
    FROM df.task AS c
    WHERE c.instance_id = step.instance_id
        AND c.parent_id = step.task_id
        AND c.fork_seq = last_fork
        AND c.owner = driven
        AND (c.status IN ('failed', 'broke') OR (c.status = 'done' AND c.race_id IS NOT NULL))
    ORDER BY c.branch
    LIMIT 1;
    step.row_count := NULL;
    step.columns := NULL;
    step.result := NULL;
    IF decisive.status = 'failed' THEN
        step.outcome := 'fail';
        step.detail := jsonb_build_object('task_id', decisive.failed_task_id, 'seq', decisive.failed_seq, 'branch', decisive.branch);
        RETURN step;
    END IF;

    IF cardinality(merge) > 0 THEN
        INSERT INTO df.binding AS b (task_id, name, owner, row_count, result, columns)
        SELECT DISTINCT ON (o.name) step.task_id, o.name, driven, o.row_count, o.result, o.columns
        FROM df.task AS c
        JOIN df.binding AS o ON o.task_id = c.id
        WHERE c.instance_id = step.instance_id
            AND c.parent_id = step.task_id
            AND c.fork_seq = last_fork
            AND c.owner = driven
            AND (c.race_id IS NULL OR c.id = decisive.id)
            AND o.name = ANY (merge)
        ORDER BY o.name, c.branch DESC
        -- Its columns have the names of parameters.
        ON CONFLICT ON CONSTRAINT binding_pkey DO UPDATE
            SET row_count = excluded.row_count,
                result = excluded.result,
                columns = excluded.columns;
    END IF;

    step.name := gather_v1.name;
    IF next IS NULL THEN
        step.outcome := 'done';
    ELSE
        step.state := next;
    END IF;
    IF decisive.id IS NOT NULL THEN
        SELECT b.* INTO bound FROM df.binding AS b WHERE b.task_id = decisive.id AND b.name = '.result';
        step.row_count := bound.row_count;
        step.result := bound.result;
        step.columns := bound.columns;
        IF decisive.status = 'broke' THEN
            step.name := break_name;
            IF break_to IS NULL THEN
                step.outcome := 'break';
            ELSE
                step.outcome := 'advance';
                step.state := break_to;
            END IF;
        END IF;
    ELSIF is_kept THEN
        SELECT jsonb_agg(df.value_of_v1(b) ORDER BY c.branch) INTO step.result
        FROM df.task AS c
        LEFT JOIN df.binding AS b ON b.task_id = c.id AND b.name = '.result'
        WHERE c.instance_id = step.instance_id
            AND c.parent_id = step.task_id
            AND c.fork_seq = last_fork
            AND c.owner = driven;
    END IF;

    -- They have been taken up; a loop around the fork would heap them up.
    DELETE FROM df.binding AS b
    USING df.task AS c
    WHERE b.task_id = c.id
        AND c.instance_id = step.instance_id
        AND c.parent_id = step.task_id
        AND c.fork_seq = last_fork
        AND c.owner = driven;
    RETURN step;
END
$$;

-- Takes the oldest signal of that name out of the instance's inbox, or waits for one: the same state runs again when there is one or the time is up.
CREATE OR REPLACE FUNCTION df.wait_for_signal_v1(step df.step_v1, p_name text, timeout interval DEFAULT NULL) RETURNS df.step_v1
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    moment CONSTANT timestamptz := df.now();
    inbox text;
    deadline timestamptz;
    oldest bigint;
    signal df.signal;
BEGIN
    IF coalesce(p_name, '') = '' THEN
        RAISE EXCEPTION 'Signal name cannot be empty' USING ERRCODE = '22023';
    ELSIF timeout <= interval '0' THEN
        RAISE EXCEPTION 'Timeout must be positive' USING ERRCODE = '22023';
    END IF;
    SELECT t.instance_id, coalesce(t.deadline, moment + timeout) INTO inbox, deadline
    FROM df.task AS t
    WHERE t.id = step.task_id
        AND (t.owner = quote_ident(session_user)::regrole OR df.drives_v1(t.owner));

    SELECT s.id INTO oldest
    FROM df.signal AS s
    WHERE s.instance_id = inbox
        AND s.name = p_name
        AND s.taken_by IS NULL
    ORDER BY s.id
    LIMIT 1;
    -- That one or none: who is just taking it may be stopped or die, and then it is still the first, and was there in time.
    UPDATE df.signal AS s
    SET taken_by = step.task_id
    WHERE s.id = (SELECT o.id FROM df.signal AS o WHERE o.id = oldest AND o.taken_by IS NULL FOR UPDATE SKIP LOCKED)
    RETURNING s.* INTO signal;

    step.row_count := NULL;
    step.columns := NULL;
    IF signal.id IS NULL AND (oldest IS NOT NULL OR deadline IS NULL OR deadline > moment) THEN
        step.outcome := 'wait';
        step.wake_at := deadline;
        step.detail := jsonb_build_object('signal', p_name);
    ELSE
        step.result := jsonb_build_object(
            'signal_name', p_name, 'timed_out', signal.id IS NULL, 'data', coalesce(signal.payload, 'null'));
    END IF;
    RETURN step;
END
$$;

---------------------------------------------------------------------------------------------------------------------
-- Schedules
---------------------------------------------------------------------------------------------------------------------

-- The values of one field of a cron expression: lists of *, a, a-b, each perhaps with /step; a/step goes on to the end. Names count from p_min,
-- and their first three letters will do.
CREATE OR REPLACE FUNCTION df.cron_field_v1(p_field text, p_min integer, p_max integer, p_names text[] DEFAULT '{}') RETURNS integer[]
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    item text;
    part text[];
    first integer;
    last integer;
    found integer[] := '{}';
BEGIN
    FOREACH item IN ARRAY string_to_array(upper(p_field), ',') LOOP
        part := regexp_match(item, '^(?:\*|([0-9]{1,3}|[A-Z]{3,9})(?:-([0-9]{1,3}|[A-Z]{3,9}))?)(?:/([0-9]{1,3}))?$');
        IF part IS NOT NULL THEN
            first := CASE
                WHEN part[1] IS NULL THEN p_min
                WHEN part[1] ~ '^[0-9]' THEN part[1]::integer
                ELSE (SELECT n + p_min - 1 FROM generate_subscripts(p_names, 1) AS n WHERE part[1] IN (p_names[n], left(p_names[n], 3)))
            END;
            last := CASE
                WHEN part[1] IS NULL OR (part[2] IS NULL AND part[3] IS NOT NULL) THEN p_max
                WHEN part[2] IS NULL THEN first
                WHEN part[2] ~ '^[0-9]' THEN part[2]::integer
                ELSE (SELECT n + p_min - 1 FROM generate_subscripts(p_names, 1) AS n WHERE part[2] IN (p_names[n], left(p_names[n], 3)))
            END;
        END IF;
        IF part IS NULL OR NOT coalesce(first BETWEEN p_min AND last AND last <= p_max, false) OR part[3]::integer = 0 THEN
            RAISE EXCEPTION 'invalid cron expression: bad field "%"', p_field USING ERRCODE = '22023';
        END IF;
        found := found || ARRAY(SELECT * FROM generate_series(first, last, coalesce(part[3]::integer, 1)));
    END LOOP;
    RETURN found;
END
$$;

-- The first instant at which clocks there show that time; where they skip it, the end of the gap.
CREATE OR REPLACE FUNCTION df.instant_v1(p_local timestamp, p_timezone text) RETURNS timestamptz
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    local timestamp := p_local;
    -- PostgreSQL takes the later of two.
    later timestamptz := local AT TIME ZONE p_timezone;
    day_before CONSTANT timestamptz := later - interval '1 day';
    earlier timestamptz;
BEGIN
    WHILE later AT TIME ZONE p_timezone <> local LOOP
        local := local + interval '1 minute';
        later := local AT TIME ZONE p_timezone;
    END LOOP;
    earlier := (local - (day_before AT TIME ZONE p_timezone - day_before AT TIME ZONE 'UTC')) AT TIME ZONE 'UTC';
    RETURN CASE WHEN earlier < later AND earlier AT TIME ZONE p_timezone = local THEN earlier ELSE later END;
END
$$;

-- The next time of a cron expression, strictly after a moment; NULL where there is none. As Debian's cron has it: with a day of the month and a day of the
-- week either will do, unless one of them begins with a star; around a change of the clocks a job at fixed hours and minutes runs once, after the gap or at
-- the first of two times, and one with a star for hour or minute goes by the time that has passed.
CREATE OR REPLACE FUNCTION df.next_cron_v1(p_cron text, p_timezone text, p_after timestamptz) RETURNS timestamptz
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    fields CONSTANT text[] := regexp_split_to_array(
        CASE lower(btrim(p_cron, E' \t\r\n'))
            WHEN '@yearly' THEN '0 0 1 1 *'
            WHEN '@annually' THEN '0 0 1 1 *'
            WHEN '@monthly' THEN '0 0 1 * *'
            WHEN '@weekly' THEN '0 0 * * 0'
            WHEN '@daily' THEN '0 0 * * *'
            WHEN '@midnight' THEN '0 0 * * *'
            WHEN '@hourly' THEN '0 * * * *'
            ELSE btrim(p_cron, E' \t\r\n')
        END,
        '[ \t\r\n]+');
    minutes integer[];
    hours integer[];
    days integer[];
    months integer[];
    weekdays integer[];
    needs_both boolean;
    is_elapsed boolean;
    -- Where the wall clock's time is looked for as if it were UTC, or the time that has passed in its zone.
    zone text;
    moment timestamptz;
    local timestamp;
    day date;
    last_day date;
    wanted integer;
    answer timestamptz;
BEGIN
    IF coalesce(cardinality(fields), 0) <> 5 THEN
        RAISE EXCEPTION 'invalid cron expression: "%" has not five fields', p_cron USING ERRCODE = '22023';
    ELSIF NOT isfinite(p_after) THEN
        RETURN NULL;
    END IF;
    minutes := df.cron_field_v1(fields[1], 0, 59);
    hours := df.cron_field_v1(fields[2], 0, 23);
    days := df.cron_field_v1(fields[3], 1, 31);
    months := df.cron_field_v1(
        fields[4], 1, 12, '{JANUARY,FEBRUARY,MARCH,APRIL,MAY,JUNE,JULY,AUGUST,SEPTEMBER,OCTOBER,NOVEMBER,DECEMBER}');
    weekdays := df.cron_field_v1(fields[5], 0, 7, '{SUNDAY,MONDAY,TUESDAY,WEDNESDAY,THURSDAY,FRIDAY,SATURDAY}');
    IF 7 = ANY (weekdays) THEN
        weekdays := weekdays || 0;
    END IF;
    needs_both := '*' IN (left(fields[3], 1), left(fields[5], 1));
    is_elapsed := '*' IN (left(fields[1], 1), left(fields[2], 1));
    IF is_elapsed THEN
        zone := p_timezone;
        moment := date_trunc('minute', p_after, 'UTC') + interval '1 minute';
    ELSE
        zone := 'UTC';
        moment := (date_trunc('minute', p_after AT TIME ZONE p_timezone) + interval '1 minute') AT TIME ZONE 'UTC';
    END IF;
    -- 29 February on a given weekday takes up to 40 years.
    last_day := (moment + interval '50 years')::date;

    LOOP
        local := moment AT TIME ZONE zone;
        day := local::date;
        WHILE NOT (
            extract(month FROM day) = ANY (months)
            AND CASE
                WHEN needs_both THEN extract(day FROM day) = ANY (days) AND extract(dow FROM day) = ANY (weekdays)
                ELSE extract(day FROM day) = ANY (days) OR extract(dow FROM day) = ANY (weekdays)
            END
        ) LOOP
            IF extract(month FROM day) = ANY (months) THEN
                day := day + 1;
            ELSE
                day := date_trunc('month', day) + interval '1 month';
            END IF;
            IF day > last_day THEN
                RETURN NULL;
            END IF;
        END LOOP;
        IF day > local::date THEN
            -- In a zone made up by hand a day may begin before the one before it has ended.
            moment := greatest(df.instant_v1(day, zone), moment + interval '1 minute');
            CONTINUE;
        END IF;

        IF extract(hour FROM local) <> ALL (hours) THEN
            moment := moment + make_interval(mins => 60 - extract(minute FROM local)::integer);
            CONTINUE;
        END IF;
        SELECT min(m.minute) INTO wanted FROM unnest(minutes) AS m (minute) WHERE m.minute >= extract(minute FROM local);
        IF wanted IS NULL OR wanted > extract(minute FROM local) THEN
            moment := moment + make_interval(mins => coalesce(wanted, 60) - extract(minute FROM local)::integer);
            CONTINUE;
        END IF;

        IF is_elapsed THEN
            RETURN moment;
        END IF;
        answer := df.instant_v1(local, p_timezone);
        IF answer > p_after THEN
            RETURN answer;
        END IF;
        -- The clocks have been set back since: it has had its time.
        moment := moment + interval '1 minute';
    END LOOP;
END
$$;

-- Waits until the next time of a cron expression, in the time zone of the workflow unless one is given.
CREATE OR REPLACE FUNCTION df.wait_for_schedule_v1(step df.step_v1, p_cron text, p_timezone text DEFAULT NULL) RETURNS df.step_v1
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    step.outcome := 'park';
    step.wake_at := df.next_cron_v1(p_cron, coalesce(p_timezone, current_setting('TimeZone')), df.now());
    IF step.wake_at IS NULL THEN
        RAISE EXCEPTION 'the schedule "%" never comes', p_cron USING ERRCODE = '22023';
    END IF;
    step.detail := '{"wait": "schedule"}';
    step.row_count := NULL;
    step.columns := NULL;
    step.result := '{"scheduled": true}';
    RETURN step;
END
$$;
