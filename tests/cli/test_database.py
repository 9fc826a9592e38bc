"""Which database a command takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from pgdurc.compile import compile_text
from pgdurc.database import Database, choose_database, connect, unconnected_hint
from pgdurc.deploy import deploy
from pgdurc.failure import Exit, Failure
from pgdurc.settings import read_settings
from tests.conftest import install_runtime, make_roles, unique_name


def test_the_option_wins(project, monkeypatch):
    monkeypatch.setenv("PGHOST", "elsewhere")
    (project / "pgdurc.toml").write_text('db = "host=settings"\n')
    chosen = choose_database("host=option dbname=x")
    assert (chosen.conninfo, chosen.origin) == ("host=option dbname=x", "--db")


def test_the_environment_comes_before_the_settings(project, monkeypatch):
    monkeypatch.setenv("PGHOST", "elsewhere")
    (project / "pgdurc.toml").write_text('db = "host=settings"\n')
    chosen = choose_database(None)
    assert (chosen.conninfo, chosen.origin) == ("", "the environment: PGHOST")


def test_a_password_alone_names_no_database(project, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", "secret")
    (project / "pgdurc.toml").write_text('db = "host=settings"\n')
    assert choose_database(None).conninfo == "host=settings"


def test_settings_in_pyproject(project):
    (project / "pgdurc.toml").unlink()
    (project / "pyproject.toml").write_text('[tool.pgdurc]\ndb = "host=shared"\n')
    assert choose_database(None).conninfo == "host=shared"


def test_settings_are_found_from_a_directory_below(project, monkeypatch):
    (project / "pgdurc.toml").write_text("drivers = 7\n")
    (project / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(project / "a" / "b")
    settings = read_settings()
    assert (settings.project, settings.drivers) == (project.resolve(), 7)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("drivers = 'many'\n", 'setting "drivers" in {file} must be of type int'),
        ("drivers = true\n", 'setting "drivers" in {file} must be of type int'),
        ("drivers = -3\n", 'setting "drivers" in {file} must be between 1 and 1000, not -3'),
        ("drivers = 0\n", 'setting "drivers" in {file} must be between 1 and 1000, not 0'),
        ("databse = 'x'\n", 'unknown setting "databse" in {file}'),
        ("db = \n", "cannot read {file}: "),
    ],
)
def test_settings_that_are_wrong(project: Path, text, message):
    file = project.resolve() / "pgdurc.toml"
    file.write_text(text)
    with pytest.raises(Failure) as failure:
        read_settings()
    assert message.format(file=file) in failure.value.message
    assert failure.value.exit_code is Exit.USAGE


@pytest.mark.parametrize("text", ["[tool]\npgdurc = 3\n", "tool.pgdurc = []\n"])
def test_settings_that_are_no_table(project: Path, text):
    (project / "pgdurc.toml").unlink()
    (project / "pyproject.toml").write_text(text)
    with pytest.raises(Failure, match=r'"tool.pgdurc" in .* must be a table'):
        read_settings()


def test_tools_that_are_no_table_are_no_concern_of_ours(project: Path):
    (project / "pgdurc.toml").unlink()
    (project / "pyproject.toml").write_text("tool = 3\n")
    assert read_settings().file is None


def test_a_working_directory_that_is_gone(cli, project):
    (project / "pgdurc.toml").unlink()
    project.rmdir()
    result = cli("ls")
    assert (result.exit_code, result.stderr) == (2, "error: the working directory is not there any more\n")


@pytest.mark.parametrize("named", ["option", "settings"])
def test_an_empty_connection_string_is_not_libpqs_defaults(cli, project, named):
    (project / "pgdurc.toml").write_text('db = " "\n' if named == "settings" else "")
    result = cli("ls", *(["--db", ""] if named == "option" else []))
    assert result.exit_code == 2
    assert "error: the connection string is empty" in result.stderr


def test_nothing_names_a_database(cli, project):
    result = cli("ls")
    assert result.exit_code == 2
    assert "no database is named, and this project has no embedded server" in result.stderr
    assert "--db" in result.stderr


def test_a_connection_string_that_is_none(cli, project):
    result = cli("ls", "--db", "nonsense")
    assert result.exit_code == 2
    assert "error: not a connection string" in result.stderr


def test_a_password_is_never_shown(project):
    chosen = choose_database("postgresql://app:secret@db/app")
    assert "secret" not in chosen.describe()
    assert "secret" not in chosen.option


def test_a_database_that_is_down(cli, project):
    result = cli("ls", "--db", "host=127.0.0.1 port=1 dbname=x")
    assert result.exit_code == 3
    assert "error: cannot connect to the database" in result.stderr
    hint = "no server listens there: look at host and port, and whether it runs; it was named by --db"
    assert f"  hint: {hint}\n" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ('FATAL: password authentication failed for user "x"', "look at the role and its password"),
        ("fe_sendauth: no password supplied", "give a password"),
        (
            'FATAL: no pg_hba.conf entry for host "10.0.0.1", user "x", database "y"',
            "pg_hba.conf lets nobody",
        ),
        ("connection timeout expired", "nothing answers"),
        ("FATAL: the database system is starting up", "try again"),
        ("something else", "it was named by --db"),
    ],
)
def test_what_libpq_says(said, hint):
    assert unconnected_hint(said, Database("", "--db")).startswith(hint)


def test_a_connection_gives_up_in_time_and_says_what_it_is(database, monkeypatch):
    def settings(conninfo: str) -> tuple[str | None, str]:
        with connect(Database(conninfo, "--db")) as connection:
            (program,) = connection.execute("SHOW application_name").fetchone()
            return connection.info.get_parameters().get("connect_timeout"), program

    assert settings(database.conninfo()) == ("10", "pgdurc")
    with connect(Database(database.conninfo(), "--db")) as connection:
        # Behind a pooler what is prepared is gone with the next transaction.
        for _ in range(10):
            connection.execute("SELECT 1")
        assert connection.execute("SELECT count(*) FROM pg_prepared_statements").fetchone() == (0,)
    assert settings(f"{database.conninfo()} connect_timeout=3 application_name=mine") == ("3", "mine")
    monkeypatch.setenv("PGCONNECT_TIMEOUT", "4")
    monkeypatch.setenv("PGAPPNAME", "ours")
    assert settings(database.conninfo())[0] != "10"
    assert settings(database.conninfo())[1] == "ours"


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_connection_speaks_utf_8_whatever_the_client_encoding_is(database, monkeypatch, encoding):
    monkeypatch.setenv("PGCLIENTENCODING", encoding)
    with connect(Database(database.conninfo(), "--db")) as connection:
        assert connection.execute("SELECT 'é', length('é')".encode()).fetchone() == ("é", 1)


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_whose_encoding_is_not_utf_8(main_server, encoding):
    name = unique_name()
    provider = "LOCALE_PROVIDER libc" if main_server.major >= 15 else ""
    with main_server.connect() as admin:
        make_roles(admin)
        admin.execute(
            f"CREATE DATABASE {name} OWNER alice TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C' {provider}"
        )
        admin.execute(f"GRANT CREATE ON DATABASE {name} TO bob")
        try:
            with connect(Database(main_server.cluster.conninfo("alice", name), "--db")) as connection:
                install_runtime(connection)
            with connect(Database(main_server.cluster.conninfo("bob", name), "--db")) as connection:
                connection.execute("CREATE SCHEMA bob")
                text = "CREATE WORKFLOW w() AS 'SELECT ''é'' AS e' |=> x ~> 'SELECT $x AS e';"
                deploy(connection, compile_text(text, file="x.pgd"), "x.pgd")
                (instance,) = connection.execute("SELECT w()").fetchone()
                connection.execute("CALL df.run(0, NULL)")
                result, drawn = connection.execute(
                    "SELECT df.result(%s)::json #>> '{rows,0,e}', df.explain(%s)", (instance, instance)
                ).fetchone()
            assert result == "é"
            assert "Status:   + Completed" in drawn
            assert "-> SQL: SELECT $x AS e +" in drawn
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
