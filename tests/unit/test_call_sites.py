"""Which calls are found in a script, and where."""

from __future__ import annotations

import pytest

from pgdurc.call_sites import Site
from pgdurc.compile import compile_text
from pgdurc.script import Passed, split


def sites(text: str) -> list[Site]:
    return [site for piece in split(text).pieces if isinstance(piece, Passed) for site in piece.calls]


def written(text: str) -> list[str]:
    """Each call as it is written in the file."""
    return [text[site.place.start : site.place.end] for site in sites(text)]


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ("SELECT df.start('a');", ["df.start('a')"]),
        ("select DF . \n START ( 'a' ) as id;", ["DF . \n START ( 'a' )"]),
        ('SELECT "df"."start"(\'a\');', ['"df"."start"(\'a\')']),
        ("SELECT df/* df.start( */.start(f(')', (1))), 2;", ["df/* df.start( */.start(f(')', (1)))"]),
        ("SELECT df.start('a'), df.start('b');", ["df.start('a')", "df.start('b')"]),
        ("INSERT INTO t SELECT df.start('a') FROM s;", ["df.start('a')"]),
        ("WITH x AS (SELECT df.start('a') AS i) SELECT i FROM x;", ["df.start('a')"]),
        ("SELECT df.start('a')::text || 'x' \\gset\n", ["df.start('a')"]),
        ("SELECT df.start('a') \\; SELECT df.start('b');", ["df.start('a')", "df.start('b')"]),
        ("SELECT df.start(:'q', :n);", ["df.start(:'q', :n)"]),
        ("SELECT df.start($q$ ) $q$);\r\n", ["df.start($q$ ) $q$)"]),
        ("SELECT df.explain('a' ~> 'b');", ["df.explain('a' ~> 'b')"]),
        ("DO $$ BEGIN /* df.start( */ PERFORM df.start('a'); END $$;", ["df.start('a')"]),
        ("DO LANGUAGE plpgsql 'BEGIN PERFORM df.start(''a''); END';", ["df.start(''a'')"]),
        ("DO E'BEGIN\\n PERFORM df.start(\\'a\\'); END';", ["df.start(\\'a\\')"]),
        ("CREATE FUNCTION f() RETURNS text LANGUAGE sql AS 'SELECT df.start(''a'')';", ["df.start(''a'')"]),
        (
            "CREATE OR REPLACE PROCEDURE p() AS $x$ SELECT df.start('a') $x$ LANGUAGE 'sql';",
            ["df.start('a')"],
        ),
        ("DO 'BEGIN '\n  'PERFORM df.start(''a''); END';", ["df.start(''a'')"]),
        ("DO 'BEGIN PERFORM df.start(' -- step\n'''a''); END';", ["df.start(' -- step\n'''a'')"]),
        (
            "CREATE FUNCTION f() RETURNS text AS E'SELECT df.start(\\'a\\''\n', \\'b\\')' LANGUAGE sql;",
            ["df.start(\\'a\\''\n', \\'b\\')"],
        ),
        (
            "CREATE FUNCTION f() RETURNS void LANGUAGE 'plpgsql' COST 100 VOLATILE SECURITY DEFINER AS"
            " $BODY$ BEGIN PERFORM df.start('a'); END $BODY$;",
            ["df.start('a')"],
        ),
        ("CREATE FUNCTION f() RETURNS text LANGUAGE 'sql' AS 'SELECT df.start(1)';", ["df.start(1)"]),
        (
            "CREATE FUNCTION f() RETURNS text AS $$ SELECT df.start('a') $$ LANGUAGE 'SQL' VOLATILE;",
            ["df.start('a')"],
        ),
        ("DO LANGUAGE 'plpgsql' $$ BEGIN PERFORM df.start('a'); END $$;", ["df.start('a')"]),
        ("DO $$ BEGIN PERFORM df.start('a'); END $$ LANGUAGE 'plpgsql';", ["df.start('a')"]),
        (
            "DO $a$ BEGIN CREATE FUNCTION f() RETURNS text AS $b$ BEGIN PERFORM df.start('a'); END $b$"
            " LANGUAGE plpgsql; END $a$;",
            ["df.start('a')"],
        ),
        (
            "CREATE FUNCTION f() RETURNS text LANGUAGE sql BEGIN ATOMIC SELECT df.start('a'); SELECT 1; END;",
            ["df.start('a')"],
        ),
        ("CREATE TABLE t AS SELECT df.start('a');", ["df.start('a')"]),
        ("COPY (SELECT df.start('a')) TO stdout;", ["df.start('a')"]),
    ],
)
def test_found(text: str, calls: list[str]) -> None:
    assert written(text) == calls


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 'df.start(1)'; -- df.start(\n",
        "SELECT $$ df.start( $$;",
        "/* df.start('a') */ SELECT 1;",
        "SELECT df.started('x'), xdf.start('x'), df.start, df.start_workflow('x');",
        "CREATE WORKFLOW w() AS 'SELECT df.start(''x'')';",
        "GRANT EXECUTE ON FUNCTION df.start(text, text, text, text) TO app;",
        "DROP FUNCTION df.start(text);",
        "COPY t FROM stdin;\nSELECT df.start('a')\n\\.\n",
        "\\echo SELECT df.start('a');\n",
        "CREATE FUNCTION f() RETURNS int LANGUAGE 'plpython3u' AS $$ plpy.execute('SELECT df.start(1)') $$;",
        "CREATE FUNCTION f() RETURNS int LANGUAGE plpython3u AS $$ plpy.execute('SELECT df.start(1)') $$;",
        "SELECT dblink('db', 'SELECT df.start(''a'')');",
    ],
)
def test_not_found(text: str) -> None:
    assert written(text) == []


@pytest.mark.parametrize(
    ("text", "pointed_at"),
    [
        ("SELECT dblink('db', 'SELECT df.start(''a'')');", "df.start"),
        ("DO $$ BEGIN EXECUTE $q$ SELECT df . start('a') $q$; END $$;", "df . start"),
        (
            "CREATE FUNCTION f() RETURNS int LANGUAGE plpython3u AS $$ run('SELECT df.start(1)') $$;",
            "df.start",
        ),
        ("DO 'BEGIN EXECUTE ''SELECT df.start(1)''; END';", "df.start"),
        ("DO $$ DECLARE q text := 'SELECT df.start(1)'; BEGIN EXECUTE q; END $$;", "df.start"),
        ("DO $$ BEGIN EXECUTE format('%s df.start(%L)', 'SELECT', 'a'); END $$;", "df.start"),
        ("SELECT cron.schedule('j', '* * * * *', 'CALL p(df.start(1))');", "df.start"),
        ("SELECT 'SELECT df.start(1)' \\gexec\n", "df.start"),
        ("SELECT format('%s df.start(1)', 'SELECT') \\gexec\n", "df.start"),
        ("SELECT somewhere_else('SELECT df.start(1)');", "df.start"),
        ("INSERT INTO cron.job (command) VALUES ('SELECT df.start(1)');", "df.start"),
    ],
)
def test_in_a_string(text: str, pointed_at: str) -> None:
    found = [d for d in split(text).diagnostics if d.code == "PGD502"]
    assert [text[d.span.start : d.span.end] for d in found] == [pointed_at]
    assert found[0].span.start == text.rindex("df")


@pytest.mark.parametrize(
    "text",
    [
        "COMMENT ON TABLE t IS 'SELECT df.start(''SELECT 1'') fills it';",
        "DO $$ BEGIN RAISE NOTICE 'SELECT df.start(1)'; END $$;",
        "DO $$ BEGIN RAISE EXCEPTION 'no' USING HINT = 'call df.start(1)'; END $$;",
        "INSERT INTO manual VALUES ('SELECT df.start(''SELECT 1'')');",
        "SELECT 'see df.start(1)';",
        "SELECT df.start('SELECT 1', 'of df.start(1)');",
        "SELECT df.start('INSERT INTO manual VALUES (''df.start(1)'')');",
        "\\echo SELECT df.start(1)\n",
    ],
)
def test_text_about_calls(text: str) -> None:
    assert [d for d in compile_text(text).diagnostics if d.code == "PGD502"] == []


@pytest.mark.parametrize(
    ("text", "is_stored", "is_invoker"),
    [
        ("SELECT df.start('a');", False, False),
        ("DO $$ BEGIN PERFORM df.start('a'); END $$;", False, False),
        ("CREATE TEMP TABLE t AS SELECT df.start('a');", False, False),
        ("PREPARE p AS SELECT df.start('a');", True, False),
        ("CREATE VIEW v AS SELECT df.start('a');", True, True),
        ("CREATE TABLE t (id text DEFAULT df.start('a'));", True, True),
        ("CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$ SELECT df.start('a') $$;", True, True),
        (
            "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$ SELECT df.start('a') $$ SECURITY DEFINER;",
            True,
            False,
        ),
        (
            "CREATE FUNCTION f() RETURNS text LANGUAGE 'sql' SECURITY DEFINER AS $$ SELECT df.start('a') $$;",
            True,
            False,
        ),
        (
            "CREATE FUNCTION f() RETURNS text SECURITY DEFINER BEGIN ATOMIC SELECT df.start('a'); END;",
            True,
            False,
        ),
    ],
)
def test_where_it_runs(text: str, is_stored: bool, is_invoker: bool) -> None:
    (site,) = sites(text)
    assert (site.is_stored, site.is_invoker) == (is_stored, is_invoker)


def test_places_in_nested_quotes() -> None:
    text = "DO 'BEGIN EXECUTE 1; CREATE FUNCTION f() RETURNS text AS ''SELECT df.start(''''a'''')'' LANGUAGE sql; END';"
    (site,) = sites(text)
    assert text[site.place.start : site.place.end] == "df.start(''''a'''')"
    assert site.body.written("x('y')") == "x(''''y'''')"


@pytest.mark.parametrize("body", ["U&'SELECT df.start(''a'')'", "U&'SELECT df.start('\n'''a'')'"])
def test_a_body_with_unicode_escapes_is_not_read(body: str) -> None:
    text = f"CREATE FUNCTION f() RETURNS text LANGUAGE sql AS {body};"
    assert sites(text) == []
    assert {d.code for d in split(text).diagnostics} == {"PGD502", "PGD010"}
