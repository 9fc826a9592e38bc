"""Calls of df.start and df.explain as they are compiled."""

from __future__ import annotations

import json
import re

import pytest

from pgdurc.compile import Compiled, compile_text
from pgdurc.diagnostic import Severity


def compiled(text: str) -> Compiled:
    found = compile_text(text, file="script.sql")
    assert not found.has_errors, found.diagnostics
    return found


def statement(text: str) -> str:
    """The last statement of the output, with `...` for hashes."""
    return re.sub(r"'[0-9a-f]{16}'", "'...'", last(text)).strip()


def last(text: str) -> str:
    return compiled(text).statements[-1].sql


@pytest.mark.parametrize(
    ("call", "written"),
    [
        ("df.start('SELECT 1')", "df.start(v1 => '...', args => '{}')"),
        (
            "df.start('SELECT 1', 'a', NULL)",
            "df.start(v1 => '...', args => '{}', label => 'a', database => NULL)",
        ),
        (
            "df.start(label => f(1, 2), fut => 'SELECT 1')",
            "df.start(v1 => '...', args => '{}', label => f(1, 2))",
        ),
        (
            "df.start('SELECT ' || x + 1 || y, label := z)",
            "df.start(v1 => '...', args => pg_catalog.jsonb_build_object('sql$1', (x + 1 || y)::pg_catalog.text),"
            " label => z)",
        ),
        (
            "df.start(df.sleep(n * 2) ~> df.sql(:'q') ~> df.sleep(5))",
            "df.start(v1 => '...', args => pg_catalog.jsonb_build_object('value$1', (n * 2)::pg_catalog.text,"
            " 'sql$2', (:'q')::pg_catalog.text))",
        ),
        (
            "df.start(df.wait_for_signal('paid ' || id, days * 86400))",
            "df.start(v1 => '...', args => pg_catalog.jsonb_build_object("
            "'value$1', ('paid ' || id)::pg_catalog.text, 'value$2', (days * 86400)::pg_catalog.text))",
        ),
        (
            "df.start(df.wait_for_schedule('*/' || n || ' * * * *', zone))",
            "df.start(v1 => '...', args => pg_catalog.jsonb_build_object("
            "'cron$1', ('*/' || n || ' * * * *')::pg_catalog.text, 'zone$2', (zone)::pg_catalog.text))",
        ),
        (
            "df.start(format('SELECT %L, %2$s FROM %I WHERE x %% 2', a, b, 't' || c))",
            "df.start(v1 => '...', args => pg_catalog.jsonb_build_object("
            "'sql$1', (pg_catalog.format('%L', a))::pg_catalog.text, "
            "'sql$2', (pg_catalog.format('%s', b))::pg_catalog.text, "
            "'sql$3', (pg_catalog.format('%I', 't' || c))::pg_catalog.text))",
        ),
        (
            "df.start(concat('SELECT ', a, ', ''', b || c, ''''))",
            "df.start(v1 => '...', args => pg_catalog.jsonb_build_object("
            "'sql$1', (pg_catalog.concat(a))::pg_catalog.text, 'sql$2', (pg_catalog.concat(b || c))::pg_catalog.text))",
        ),
        (
            "df.start('SELECT 1 AS n'::text |=> 'x' ~> ('SELECT $x + '::pg_catalog.text || n))",
            "df.start(v1 => '...', args => pg_catalog.jsonb_build_object('sql$1', (n)::pg_catalog.text))",
        ),
        (
            # An argument that is used twice would be evaluated twice.
            "df.start(format('SELECT %1$L, %1$s', f()))",
            "df.start(v1 => '...', args => pg_catalog.jsonb_build_object("
            "'sql$1', (format('SELECT %1$L, %1$s', f()))::pg_catalog.text))",
        ),
        (
            "df.start(@> ('SELECT 1' |=> 'x' ~> df.break(jsonb_build_object('n', '$x', 'm', m, 'all', jsonb_build_array(1, true)))))",
            "df.start(v1 => '...', args => pg_catalog.jsonb_build_object("
            "'value$1', (coalesce(pg_catalog.to_jsonb(m), 'null'))::pg_catalog.text))",
        ),
        (
            "df.start(@> ('SELECT 1' |=> 'x' ~> df.break((pg_catalog.jsonb_build_array('$x', -1.5, '$x'))::text)))",
            "df.start(v1 => '...', args => '{}')",
        ),
        (
            "df.start(@> df.break(jsonb_build_object('n', 1)))",
            "df.start(v1 => '...', args => pg_catalog.jsonb_build_object("
            "'value$1', (jsonb_build_object('n', 1))::pg_catalog.text))",
        ),
    ],
)
def test_what_stands_in_the_place_of_a_call(call: str, written: str) -> None:
    assert statement(f"SELECT {call} FROM t;") == f"SELECT {written} FROM t;"


@pytest.mark.parametrize(
    ("call", "written"),
    [
        (
            "df.start('SELECT 1', 'child of ' || df.start('SELECT 2' ~> 'SELECT 3', 'parent'))",
            "df.start(v1 => '...', args => '{}', "
            "label => 'child of ' || df.start(v1 => '...', args => '{}', label => 'parent'))",
        ),
        (
            "df.start(df.sleep(length(df.start(df.sleep(n)))))",
            "df.start(v1 => '...', args => pg_catalog.jsonb_build_object('value$1', (length(df.start(v1 => '...', "
            "args => pg_catalog.jsonb_build_object('value$1', (n)::pg_catalog.text))))::pg_catalog.text))",
        ),
        (
            "df.start('SELECT ''' || df.start('SELECT 2' |=> x) || ''' AS id' |=> x)",
            "df.start(v1 => '...', args => pg_catalog.jsonb_build_object('sql$1', "
            "(df.start(v1 => '...', args => '{}'))::pg_catalog.text))",
        ),
        (
            "df.start(format('SELECT %L', df.start('SELECT 2')))",
            "df.start(v1 => '...', args => pg_catalog.jsonb_build_object('sql$1', "
            "(pg_catalog.format('%L', df.start(v1 => '...', args => '{}')))::pg_catalog.text))",
        ),
        (
            "df.start('SELECT 1', (SELECT df.start('SELECT 2', df.start('SELECT 3'))))",
            "df.start(v1 => '...', args => '{}', label => (SELECT df.start(v1 => '...', args => '{}', "
            "label => df.start(v1 => '...', args => '{}'))))",
        ),
        (
            "df.explain(/* which? */ df.start('SELECT 1' ~> 'SELECT 2'))",
            "df.explain(/* which? */ df.start(v1 => '...', args => '{}'))",
        ),
        (
            "df.start('SELECT 1', df.explain('w') || df.start('SELECT 2'))",
            "df.start(v1 => '...', args => '{}', label => df.explain('w') || df.start(v1 => '...', args => '{}'))",
        ),
    ],
)
def test_calls_in_arguments(call: str, written: str) -> None:
    text = f"SELECT {call} FROM t;"
    assert statement(text) == f"SELECT {written} FROM t;"
    assert {one.version for one in compiled(text).calls} == set(re.findall("'([0-9a-f]{16})'", last(text)))
    block, in_the_block = text.replace("'", "''"), f"SELECT {written} FROM t;".replace("'", "''")
    found = re.sub("''[0-9a-f]{16}''", "''...''", last(f"DO 'BEGIN {block} END';"))
    assert found == f"DO 'BEGIN {in_the_block} END';"


def test_the_comment_stays_with_the_statement() -> None:
    sql = compiled("SELECT 1;\n\n-- Start it.\nSELECT df.start('SELECT 1');\n").sql
    assert sql.startswith("SELECT 1;\n\nDO $pgdurc$")
    assert "$pgdurc$;\n\n-- Start it.\nSELECT df.start(v1 => " in sql


def test_line_ends_are_kept() -> None:
    sql = compiled("SELECT df.start('SELECT 1'),\r\n  2;\r\n").sql
    assert sql.endswith(", args => '{}'),\r\n  2;\r\n")


def test_one_definition_for_calls_that_are_alike() -> None:
    found = compiled("SELECT df.start('SELECT 1'), df.start('SELECT 1', 'x'), df.start('SELECT 2');")
    assert len({call.version for call in found.calls}) == len(found.calls) == 2
    assert found.sql.count("df.define_call_v1(") == 2


def test_each_statement_has_its_definition() -> None:
    found = compiled("SELECT df.start('SELECT 1'); SET ROLE b; SELECT df.start('SELECT 1');")
    assert found.sql.count("df.define_call_v1(") == 2
    assert found.sql.count("df.require_runtime(") == 1


def test_places_in_a_quoted_body() -> None:
    text = "DO 'BEGIN PERFORM df.start(''SELECT ''''x'''' FORM t''); END';"
    (problem,) = compile_text(text).diagnostics
    assert text[problem.span.start :].startswith("t''")
    assert problem.code == "PGD301"


def test_the_real_precedence_is_kept_with_a_warning() -> None:
    chain = "'SELECT 1' ~> 'SELECT 2' & 'SELECT 3'"
    found = compiled(f"SELECT df.start({chain});")
    assert [(d.code, d.severity) for d in found.diagnostics] == [("PGD110", Severity.WARNING)]
    explicit = compiled("SELECT df.start(('SELECT 1' ~> 'SELECT 2') & 'SELECT 3');")
    assert [call.version for call in found.calls] == [call.version for call in explicit.calls]
    assert compile_text(f"CREATE WORKFLOW w() AS {chain};").has_errors


@pytest.mark.parametrize(
    ("argument", "text"),
    [
        (
            "jsonb_build_object('a', '$x', 'b', jsonb_build_array(1, true, NULL))",
            '{"a": "$x", "b": [1, true, null]}',
        ),
        ("json_build_array('it\"s $x', '$x'::text, -1.5, E'\\n')::text", '["it\\"s $x", "$x", -1.5, "\\n"]'),
        ("jsonb_build_array('$x', jsonb_build_object())", '["$x", {}]'),
        ("'{\"total\": ' || '$x' || '}'", '{"total": $x}'),
    ],
)
def test_a_constant_that_is_put_together_is_a_text_with_references(argument: str, text: str) -> None:
    found = compiled(f"SELECT df.start(@> ('SELECT 1' |=> 'x' ~> df.break({argument})));")
    assert f'"value": {json.dumps(text)}' in found.sql
    assert "args => '{}'" in found.sql


def test_the_sql_of_format_is_checked_at_its_own_place() -> None:
    text = "SELECT df.start(format('SELEC %L', x));"
    (problem,) = compile_text(text).diagnostics
    assert problem.code == "PGD301"
    assert text[problem.span.start : problem.span.end] == "SELEC"
    text = "SELECT df.start(format('SELECT a FROM t AS x %s u ON %s', f(1), g(2)));"
    (unchecked,) = compile_text(text).diagnostics
    assert (unchecked.code, text[unchecked.span.start : unchecked.span.end]) == ("PGD308", "%s")


@pytest.mark.parametrize(
    ("step", "written"),
    [
        ("'SELECT df.start(''SELECT 1'')'", "SELECT df.start(v1 => '...', args => '{}')"),
        ("$$SELECT df.start('SELECT 1', 'x')$$", "SELECT df.start(v1 => '...', args => '{}', label => 'x')"),
        (
            "'DO $$ BEGIN PERFORM df.start(''SELECT 1''); END $$'",
            "DO $$ BEGIN PERFORM df.start(v1 => '...', args => '{}'); END $$",
        ),
        (
            "$$DO 'BEGIN PERFORM df.start(''SELECT 1'', ''x''); END'$$",
            "DO 'BEGIN PERFORM df.start(v1 => ''...'', args => ''{}'', label => ''x''); END'",
        ),
        (
            "$$SELECT df.start('SELECT ' || n) FROM t$$",
            "SELECT df.start(v1 => '...', args => pg_catalog.jsonb_build_object('sql$1', (n)::pg_catalog.text)) FROM t",
        ),
    ],
)
@pytest.mark.parametrize(
    "script", ["SELECT df.start('SELECT 0' ~> {});", "CREATE WORKFLOW w() AS 'SELECT 0' ~> {};"]
)
def test_a_call_in_a_step(script: str, step: str, written: str) -> None:
    found = compiled(script.format(step))
    sql = re.sub(r"('+)[0-9a-f]{16}'+", r"\1...\1", found.sql)
    assert f"$sql${written}$sql$" in sql or f"({written})" in sql
    # Defined before what it is a step of, and kept as long as that is.
    inner = found.calls[0]
    assert found.sql.index(f"define_call_v1('{inner.version}'") < found.sql.index("SELECT 0")
    assert '"is_stored": true' in found.sql
    assert found.diagnostics == ()


def test_the_history_shows_a_call_in_a_step_as_it_was_written() -> None:
    found = compiled("SELECT df.start($$SELECT df.start('SELECT 1', 'inner')$$);")
    assert "\"label\": \"SELECT df.start('SELECT 1', 'inner')\"" in found.sql


def test_calls_in_calls_in_calls() -> None:
    found = compiled("SELECT df.start('SELECT df.start(''SELECT df.start(''''SELECT 1'''')'')');")
    assert len(found.calls) == 3
    versions = [found.sql.index(f"define_call_v1('{call.version}'") for call in found.calls]
    assert versions == sorted(versions)


def test_a_definition_that_a_step_needs_is_kept() -> None:
    """The same call at the top level would be pruned with its last instance."""
    found = compiled("SELECT df.start('SELECT 1'), df.start('SELECT df.start(''SELECT 1'')');")
    assert len(found.calls) == 2
    (inner,) = [
        one.sql for one in found.statements if f"define_call_v1('{found.calls[0].version}'" in one.sql
    ]
    assert '"is_stored": true' in inner


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("SELECT df.start('SELECT ''SELECT df.start(1)'' ');", "df.start(1)"),
        ("SELECT df.start('SELECT df.start(''SELECT ' || x || ' '')');", "df.start(''SELECT '"),
        ("SELECT df.start(format('SELECT df.start(%L)', x));", "df.start(%L)"),
        ("CREATE WORKFLOW w() AS $$SELECT dblink('d', 'SELECT df.start(1)')$$;", "df.start(1)"),
    ],
)
def test_a_call_in_a_string_of_a_step(text: str, place: str) -> None:
    (problem,) = [d for d in compiled(text).diagnostics if d.code == "PGD502"]
    assert text[problem.span.start : problem.span.end] == "df.start"
    assert problem.span.start == text.index(place)


def test_names_of_the_workflow_around_it_are_not_known_in_a_call() -> None:
    text = "SELECT df.start('SELECT 1 AS n' |=> 'x' ~> 'SELECT df.start(''SELECT $x'')');"
    (problem,) = compile_text(text).diagnostics
    assert (problem.code, text[problem.span.start : problem.span.end]) == ("PGD201", "$x")
    assert "'SELECT ' || $name" in str(problem.hint)
    compiled("SELECT df.start('SELECT 1 AS n' |=> 'x' ~> 'SELECT df.start(''SELECT '' || $x)');")


@pytest.mark.parametrize(
    "call",
    [
        "df.explain('a1b2c3d4')",
        "df.explain('w')",
        "df.explain(id)",
        "df.explain(df)",
        "df.explain(/* a ~> b */)",
        "df.explain((SELECT max(id) FROM df.instances))",
    ],
)
def test_an_instance_or_a_workflow_is_explained_by_the_database(call: str) -> None:
    text = f"CREATE WORKFLOW w() AS 'SELECT 1';\nSELECT {call};"
    assert statement(text) == f"SELECT {call};"


@pytest.mark.parametrize(
    ("call", "graph"),
    [
        ("df.explain('SELECT 1' ~> df.sleep(5))", '"sequence"'),
        ("df.explain($$'SELECT 1' |=> 'x'$$)", '"name": "x"'),
        ("df.explain('''SELECT 1'' ~> df.sleep(1)')", '"sequence"'),
        ("df.explain('SELECT ''a''')", "SELECT ''a''"),
        ("df.explain(df.loop('SELECT 1'))", '"loop"'),
    ],
)
def test_an_expression_is_explained(call: str, graph: str) -> None:
    written = statement(f"SELECT {call};")
    assert written.startswith("SELECT df.explain(v1 => '{")
    assert graph in written


@pytest.mark.parametrize(
    ("text", "message", "pointed_at"),
    [
        ("SELECT 1 ~> $$b", 'unterminated dollar-quoted string at or near "$$b"', "$"),
        ("SELECT 1 ~> $x$b$$", 'unterminated dollar-quoted string at or near "$x$b$$"', "$"),
        ("SELECT 1 ~> E''b", 'unterminated quoted string at or near "E\'b"', "E"),
        ("SELECT 1 ~> /* b", 'unterminated /* comment at or near "/* b"', "/"),
        ("--a ~> b", "syntax error at end of input", "--a ~> b"),
        ("/* x ~> */", "syntax error at end of input", "/* x ~> */"),
    ],
)
def test_text_to_explain_that_has_no_end_or_holds_nothing(text: str, message: str, pointed_at: str) -> None:
    script = f"SELECT df.explain('{text}');"
    (problem,) = compile_text(script).diagnostics
    assert (problem.code, problem.message) == ("PGD101", message)
    assert script[problem.span.start : problem.span.end] == pointed_at


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ("df.start()", "PGD121"),
        ("df.start(label => 'x')", "PGD121"),
        ("df.start('SELECT 1', 'b', NULL, 'caller', 'e')", "PGD121"),
        ("df.start('SELECT 1', labl => 'x')", "PGD122"),
        ("df.start('SELECT 1', fut => 'x')", "PGD122"),
        ("df.start(label => 'x', 'SELECT 1')", "PGD122"),
        ("df.start('SELECT 1',)", "PGD101"),
        ("df.start('SELECT 1' ~>)", "PGD101"),
        ("df.start('SELECT 1' ~> 'x' || y)", "PGD113"),
        ("df.start(f(df.sleep(1)))", "PGD501"),
        ("df.start(coalesce(NULL, 'a' ~> 'b'))", "PGD501"),
        ("df.start(df.start('SELECT 1'))", "PGD120"),
        ("df.start('SELECT 1', transaction_mode => 'nwe')", "PGD506"),
        ("df.start('SELECT $y')", "PGD201"),
        ("""df.start(concat('{"node_type":', '"SQL", "query": "SELECT 1"}'))""", "PGD504"),
        ("""df.start('{"node_type": "SQL", "query": "SELECT ' || x || '"}')""", "PGD504"),
    ],
)
def test_refused(call: str, code: str) -> None:
    found = compile_text(f"SELECT {call};")
    assert {d.code for d in found.diagnostics} == {code}
    assert found.sql == ""


def test_a_reading_is_shown_without_comments() -> None:
    (problem,) = compile_text("SELECT df.start('SELECT 1' ~> 'a' || 1 -- one\n || 'b');").diagnostics
    assert problem.message.startswith("PostgreSQL reads ('SELECT 1' ~> 'a') || 1 || 'b': ")


def test_operators_written_out() -> None:
    """As pg_durable's, which are pg_catalog's, may be; those of another schema are somebody else's."""
    plain = "'SELECT 1' |=> 'x' ~> (@> 'SELECT $x' & 'SELECT 2')"
    written_out = (
        "'SELECT 1' OPERATOR(pg_catalog.|=>) 'x' operator ( \"pg_catalog\" . ~> )"
        " (OPERATOR(@>) 'SELECT $x' OPERATOR(pg_catalog.&) 'SELECT 2')"
    )
    first, second = (compile_text(f"SELECT df.start({one});") for one in (plain, written_out))
    assert [d.code for d in second.diagnostics] == [d.code for d in first.diagnostics] == ["PGD110"]
    assert second.calls[0].version == first.calls[0].version
    other = compile_text("SELECT df.start('SELECT 1' OPERATOR(own.~>) 'SELECT 2');")
    assert [d.code for d in other.diagnostics] == ["PGD501"]


def test_an_explained_call_is_not_made() -> None:
    found = compiled("SELECT df.start('SELECT 1', df.explain('SELECT 1' ~> 'SELECT 2'));")
    assert 'label => df.explain(v1 => \'{"node": "sequence"' in found.sql
    assert len(found.calls) == 1


def test_what_is_wrong_with_a_call_in_an_argument_is_said_of_it() -> None:
    text = "SELECT df.start('SELECT 1', 'of ' || df.start('SELECTT 2'));"
    (problem,) = compile_text(text).diagnostics
    assert (problem.code, text[problem.span.start : problem.span.end]) == ("PGD301", "SELECTT")


@pytest.mark.parametrize(
    "step", ["df.start('SELECT 2')", "(df.start('SELECT 2'))", "df.start('SELECT 2')::text"]
)
def test_a_call_is_no_step(step: str) -> None:
    for text in (f"SELECT df.start({step});", f"SELECT df.start('SELECT 1' ~> df.sql({step}));"):
        (problem,) = compile_text(text).diagnostics
        assert (problem.code, problem.message) == ("PGD120", "df.start is not a step")


def test_text_of_a_call_in_an_argument_is_none_of_the_expression_around_it() -> None:
    inner = "df.start('SELECT df.start(''SELECT 1'')' |=> x ~> 'SELECT $x')"
    assert compiled(f"SELECT df.start('SELECT 1' |=> x ~> df.sleep(f({inner})));").diagnostics == ()


def test_calls_in_arguments_nest_so_deep() -> None:
    def nested(depth: int) -> str:
        return "SELECT " + "df.start('SELECT 1', " * depth + "df.start('SELECT 1')" + ")" * depth + ";"

    assert len(compiled(nested(16)).calls) == 1
    (problem,) = compile_text(nested(17)).diagnostics
    assert problem.code == "PGD130"


def joined(text: str) -> str:
    """The last statement of the output, with `...` for each definition."""
    return re.sub(r"-- The workflow of.*?\n\$pgdurc\$", "...", last(text), flags=re.DOTALL)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        (
            "SET ROLE a \\; SELECT df.start('SELECT 1') \\; RESET ROLE;",
            "SET ROLE a \\;\n... \\; SELECT df.start(v1 => '', args => '{}') \\; RESET ROLE;",
        ),
        (
            "SELECT df.start('SELECT 1') \\; SET ROLE a \\; -- his\nSELECT df.start('SELECT 1'), df.start('SELECT 1');",
            "SELECT df.start(v1 => '', args => '{}') \\; SET ROLE a \\;\n... \\; -- his\n"
            "SELECT df.start(v1 => '', args => '{}'), df.start(v1 => '', args => '{}');",
        ),
        (
            "SELECT 1\\;SELECT df.start('SELECT df.start(''SELECT 1'')', df.start('SELECT 2')) \\gset",
            "SELECT 1\\;\n... \\;\n... \\;\n... \\;"
            "SELECT df.start(v1 => '', args => '{}', label => df.start(v1 => '', args => '{}')) \\gset",
        ),
        (
            "SELECT 1 \\; DO 'BEGIN PERFORM df.start(''SELECT 1''); END' \\; SELECT 2;",
            "SELECT 1 \\;\n... \\; DO 'BEGIN PERFORM df.start(v1 => '''', args => ''{}''); END' \\; SELECT 2;",
        ),
        (
            "CREATE RULE r AS ON INSERT TO t DO (SELECT 1 \\; SELECT df.start('SELECT 1'));",
            "CREATE RULE r AS ON INSERT TO t DO (SELECT 1 \\; SELECT df.start(v1 => '', args => '{}'));",
        ),
    ],
)
def test_each_of_joined_statements_has_its_definition(text: str, written: str) -> None:
    assert re.sub("[0-9a-f]{16}", "", joined(text)) == written
    assert len(compiled(text).calls) == compiled(text).sql.count("df.define_call_v1(")


def test_line_ends_of_a_definition_that_is_joined() -> None:
    sql = last("SET ROLE a \\;\r\nSELECT df.start('SELECT 1');")
    assert sql.count("\n") == sql.count("\r\n") > 10


@pytest.mark.parametrize(
    ("step", "codes"),
    [
        ("'SELECT 1'" + " || ', ' || n" * 2_000, []),
        (" + ".join(["1"] * 2_000), ["PGD115"]),
        ("- " * 2_000 + "n", []),
        ("df.wait_for_schedule(" + " + ".join(["1.5", "1"] * 2_000) + ")", ["PGD123"]),
    ],
)
def test_a_long_expression(step: str, codes: list[str]) -> None:
    assert [problem.code for problem in compile_text(f"SELECT df.start({step}) FROM t;").diagnostics] == codes
