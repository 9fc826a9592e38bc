---------------------------------------------------------------------------------------------------------------------
-- What a script for pg_durable calls, uncompiled
---------------------------------------------------------------------------------------------------------------------
-- The functions that build a workflow there, with their names and arguments. Here they are the compiler's: whoever reaches one of these ran a script that
-- was not compiled, or a call that stood in a string. They are not STRICT, so that NULL says it, too, and a second form takes what is no text.
-- There are no operators: they would capture the user's own. So `'SELECT 1' ~> 'SELECT 2'` fails with PostgreSQL's "operator does not exist".

CREATE OR REPLACE FUNCTION df.uncompiled_v1(p_function text) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION '%() is compiled, not called', p_function
        USING ERRCODE = '0A000',
            DETAIL = 'Workflows are compiled before the script runs; in the database this function does nothing but say so.',
            HINT = 'Compile the script and run what comes out: pgdurc compile script.sql | psql -v ON_ERROR_STOP=1. A call in a string is not compiled.';
END
$$;

CREATE OR REPLACE FUNCTION df.start(fut text, label text DEFAULT NULL, database text DEFAULT NULL, transaction_mode text DEFAULT 'caller')
RETURNS text
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$ SELECT df.uncompiled_v1('df.start') $$;

CREATE OR REPLACE FUNCTION df.sql(query text) RETURNS text
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$ SELECT df.uncompiled_v1('df.sql') $$;

CREATE OR REPLACE FUNCTION df.seq(a text, b text) RETURNS text
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$ SELECT df.uncompiled_v1('df.seq') $$;

CREATE OR REPLACE FUNCTION df.as(fut text, name text) RETURNS text
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$ SELECT df.uncompiled_v1('df.as') $$;

CREATE OR REPLACE FUNCTION df.join(a text, b text) RETURNS text
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$ SELECT df.uncompiled_v1('df.join') $$;

CREATE OR REPLACE FUNCTION df.join(a text, b text, VARIADIC more text[]) RETURNS text
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$ SELECT df.uncompiled_v1('df.join') $$;

CREATE OR REPLACE FUNCTION df.join3(a text, b text, c text) RETURNS text
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$ SELECT df.uncompiled_v1('df.join3') $$;

CREATE OR REPLACE FUNCTION df.race(a text, b text) RETURNS text
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$ SELECT df.uncompiled_v1('df.race') $$;

CREATE OR REPLACE FUNCTION df.race(a text, b text, VARIADIC more text[]) RETURNS text
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$ SELECT df.uncompiled_v1('df.race') $$;

CREATE OR REPLACE FUNCTION df.if(condition text, then_branch text, else_branch text) RETURNS text
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$ SELECT df.uncompiled_v1('df.if') $$;

CREATE OR REPLACE FUNCTION df.if_rows(result_name text, then_branch text, else_branch text) RETURNS text
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$ SELECT df.uncompiled_v1('df.if_rows') $$;

CREATE OR REPLACE FUNCTION df.loop(body text, condition text DEFAULT NULL) RETURNS text
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$ SELECT df.uncompiled_v1('df.loop') $$;

CREATE OR REPLACE FUNCTION df.break(value text DEFAULT NULL) RETURNS text
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$ SELECT df.uncompiled_v1('df.break') $$;

CREATE OR REPLACE FUNCTION df.break(value anyelement) RETURNS text
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$ SELECT df.uncompiled_v1('df.break') $$;

CREATE OR REPLACE FUNCTION df.sleep(seconds text) RETURNS text
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$ SELECT df.uncompiled_v1('df.sleep') $$;

CREATE OR REPLACE FUNCTION df.sleep(seconds anyelement) RETURNS text
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$ SELECT df.uncompiled_v1('df.sleep') $$;

CREATE OR REPLACE FUNCTION df.wait_for_schedule(cron_expr text, timezone text DEFAULT NULL) RETURNS text
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$ SELECT df.uncompiled_v1('df.wait_for_schedule') $$;

CREATE OR REPLACE FUNCTION df.wait_for_signal(name text, timeout_seconds text DEFAULT NULL) RETURNS text
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$ SELECT df.uncompiled_v1('df.wait_for_signal') $$;

CREATE OR REPLACE FUNCTION df.wait_for_signal(name text, timeout_seconds anyelement) RETURNS text
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$ SELECT df.uncompiled_v1('df.wait_for_signal') $$;

-- What is not there, and what there is instead.

CREATE OR REPLACE FUNCTION df.unsupported_v1(p_function text, p_detail text, p_hint text) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION '%() is not supported', p_function USING ERRCODE = '0A000', DETAIL = p_detail, HINT = p_hint;
END
$$;

-- The compiler refuses these two as well, so their error does not send to it.
CREATE OR REPLACE FUNCTION df.http(
    url text, method text DEFAULT 'POST', body text DEFAULT NULL, headers jsonb DEFAULT NULL, timeout_seconds integer DEFAULT 30
) RETURNS text
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT df.unsupported_v1(
        'df.http', 'Requests are not there yet.', 'Let a step call a function of yours that makes the request, by the extension http or in PL/Python.');
$$;

CREATE OR REPLACE FUNCTION df.http_multipart(
    url text, method text DEFAULT 'POST', parts jsonb DEFAULT NULL, headers jsonb DEFAULT NULL, timeout_seconds integer DEFAULT 30
) RETURNS text
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT df.unsupported_v1(
        'df.http_multipart', 'Requests are not there yet.', 'Let a step call a function of yours that makes the request, by the extension http or in PL/Python.');
$$;

-- Four that stand behind operators.
CREATE OR REPLACE FUNCTION df.as_op(fut text, name text) RETURNS text
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$ SELECT df.unsupported_v1('df.as_op', 'It stood behind the operator |=>, which the compiler reads.', 'In df.start(...) write: step |=> name'); $$;

CREATE OR REPLACE FUNCTION df.loop_prefix_op(body text) RETURNS text
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$ SELECT df.unsupported_v1('df.loop_prefix_op', 'It stood behind the operator @>, which the compiler reads.', 'In df.start(...) write: @> (body)'); $$;

CREATE OR REPLACE FUNCTION df.if_then_op(condition text, then_branch text) RETURNS text
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT df.unsupported_v1(
        'df.if_then_op', 'It stood behind the operator ?>, which the compiler reads.', 'In df.start(...) write: condition ?> then_branch !> else_branch');
$$;

CREATE OR REPLACE FUNCTION df.if_else_op(partial_if text, else_branch text) RETURNS text
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT df.unsupported_v1(
        'df.if_else_op', 'It stood behind the operator !>, which the compiler reads.', 'In df.start(...) write: condition ?> then_branch !> else_branch');
$$;

-- Two that tell of the extension's insides.
CREATE OR REPLACE FUNCTION df.target_database() RETURNS text
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT df.unsupported_v1(
        'df.target_database',
        'No worker of one database serves the others: workflows run in the database in which they are started.', 'SELECT current_database();');
$$;

CREATE OR REPLACE FUNCTION df.duroxide_schema() RETURNS text
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT df.unsupported_v1('df.duroxide_schema', 'There is no engine with a schema of its own.', 'All state is in the tables of the schema df.');
$$;

-- Does nothing there either. It takes one text, and no default: CALL df.run() is the driver's. CALL df.run('60') is not, for PostgreSQL takes a value of no type for
-- text, and cannot have a procedure beside this; CALL df.run('60', NULL) is.
CREATE OR REPLACE FUNCTION df.run(instance_id text) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 'Nothing to do: an instance runs by itself where something drives it, such as pgdurc worker, df.install_scheduler() or CALL df.run(0, NULL).';
$$;
