"""Servers and databases for the tests.

`database` is an empty database of the test's own, with the runtime in it, on the embedded PostgreSQL 18;
`any_database` runs the test there and on Debian's PostgreSQL 15 as well; `cron_database` is the one database
of the PostgreSQL 15 server in which pg_cron runs. The runtime is owned by `dfowner`, an ordinary role;
`alice` and `bob` own workflows, `carol` owns nothing.

PGDURC_TEST_BINARIES, a directory with `postgres`, `initdb` and `pg_ctl` of any major, names one server that takes
the place of both: `make test-majors` sets it, and so may you, say to /usr/lib/postgresql/17/bin. What there is of
pg_cron and plpgsql_check in that installation is used. Root needs the directory to be open to other users.

One server of each kind serves all processes of a test run (a file lock makes the first to need it start it),
and the process that started the run removes them. What a machine does not have is skipped with the reason.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from pgdurc.cluster import SUPERUSER, Cluster
from pgdurc.embedded import bundled_server
from pgdurc.failure import Failure
from pgdurc.runtime import runtime_script

DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")

RUNTIME_OWNER = "dfowner"
WORKFLOW_OWNERS = ("alice", "bob")
ROLES = (RUNTIME_OWNER, *WORKFLOW_OWNERS, "carol")

TEMPLATE = "runtime_template"
CRON_DATABASE = "cron"

DIRECTORY_VARIABLE = "PGDURC_TEST_DIRECTORY"
BINARIES_VARIABLE = "PGDURC_TEST_BINARIES"

# Durability is what the crash tests are about, and they kill processes, not machines: fsync buys nothing
# here.
FAST = {
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "120",
    "max_prepared_transactions": "10",
    "shared_buffers": "64MB",
}


@dataclass(frozen=True)
class Server:
    """A running server."""

    name: str
    cluster: Cluster

    @property
    def major(self) -> int:
        """PostgreSQL's, 18 for example."""
        return int((self.cluster.data / "PG_VERSION").read_text())

    @property
    def psql(self) -> Path:
        """The server's own; of the embedded server where it brings none."""
        own = self.cluster.binaries / "psql"
        return own if own.exists() else bundled_server()[0] / "psql"

    def connect(
        self, role: str = SUPERUSER, database: str = "postgres", **options: Any
    ) -> psycopg.Connection[Any]:
        options.setdefault("autocommit", True)
        return psycopg.connect(self.cluster.conninfo(role, database), prepare_threshold=None, **options)


@dataclass(frozen=True)
class Database:
    """A database of a test's own."""

    server: Server
    name: str

    def conninfo(self, role: str = "alice") -> str:
        return self.server.cluster.conninfo(role, self.name)

    def connect(self, role: str = "alice", **options: Any) -> psycopg.Connection[Any]:
        """A connection, in autocommit unless told otherwise, without prepared statements."""
        return self.server.connect(role, self.name, **options)

    def query(self, statement: str, *parameters: Any, role: str = "alice") -> list[tuple[Any, ...]]:
        """The rows of one statement run by that role; [] where it returns none."""
        with self.connect(role) as connection:
            cursor = connection.execute(statement, parameters or None)
            return cursor.fetchall() if cursor.description else []

    def value(self, statement: str, *parameters: Any, role: str = "alice") -> Any:
        """The first column of the first row."""
        return self.query(statement, *parameters, role=role)[0][0]

    def until(self, statement: str, *parameters: Any, role: str = "alice") -> Any:
        """The first value of a query, as soon as it is neither NULL, false nor 0: what another session does."""
        deadline = time.monotonic() + 30
        while not (found := self.value(statement, *parameters, role=role)):
            assert time.monotonic() < deadline, statement
        return found

    def drive(self, role: str = "alice", max_seconds: float = 0) -> Any:
        """One bare `CALL df.run(...)` as that role; returns next_due."""
        return self.value(f"CALL df.run({max_seconds}, NULL)", role=role)


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        directory = Path(tempfile.mkdtemp(prefix="pgdurc-tests-", dir="/var/tmp"))
        directory.chmod(0o711)
        os.environ[DIRECTORY_VARIABLE] = str(directory)
        os.environ["PGDURC_EMBEDDED_DIR"] = str(directory / "embedded")
        (directory / "embedded").mkdir(mode=0o711)
        # What ends the run by default would leave its servers behind.
        signal.signal(signal.SIGTERM, lambda _number, _frame: pytest.exit("terminated", returncode=143))
    for variable in [name for name in os.environ if name.startswith("PG") and not name.startswith("PGDURC_")]:
        del os.environ[variable]
    os.environ.pop("COLUMNS", None)
    # GNU readline, which pytest imports, has set it behind Python's back; a program that a test starts would have it.
    os.unsetenv("COLUMNS")


def pytest_unconfigure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput") or DIRECTORY_VARIABLE not in os.environ:
        return
    directory = Path(os.environ[DIRECTORY_VARIABLE])
    for data in directory.glob("**/data"):
        Cluster(Path(), data.parent).kill()
    shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def locked(name: str) -> Iterator[Path]:
    """Holds a lock that all processes of the run know; yields the directory that they share."""
    directory = Path(os.environ[DIRECTORY_VARIABLE])
    with (directory / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield directory


def install_runtime(connection: psycopg.Connection[Any]) -> None:
    """What `pgdurc install` executes, by the role of that connection, and its use granted to the owners."""
    with connection.transaction():
        connection.execute(runtime_script())
    for role in WORKFLOW_OWNERS:
        connection.execute("SELECT df.grant_usage(%s)", (role,))


@pytest.fixture(scope="session")
def main_server() -> Server:
    """The embedded PostgreSQL 18, or the one that PGDURC_TEST_BINARIES names."""
    if named := named_binaries():
        return start("named", *named)
    try:
        bundled = bundled_server()
    except Failure as failure:
        pytest.skip(failure.message)
    return start(
        "embedded18", *bundled, ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
    )


@pytest.fixture(scope="session")
def other_server(request: pytest.FixtureRequest) -> Server:
    """PostgreSQL 15 of Debian, or the same one again; with pg_cron and plpgsql_check where they are installed."""
    if named_binaries():
        server: Server = request.getfixturevalue("main_server")
        return server
    if not (DEBIAN_15 / "postgres").exists():
        pytest.skip("PostgreSQL 15 is not installed (Debian: apt-get install postgresql-15)")
    return start("debian15", DEBIAN_15, "postgres" if os.geteuid() == 0 else None)


@pytest.fixture
def database(main_server: Server) -> Iterator[Database]:
    with fresh_database(main_server) as made:
        yield made


@pytest.fixture(
    params=["main_server"] if os.environ.get(BINARIES_VARIABLE) else ["main_server", "other_server"]
)
def any_database(request: pytest.FixtureRequest) -> Iterator[Database]:
    with fresh_database(request.getfixturevalue(request.param)) as made:
        yield made


@pytest.fixture
def empty_database(main_server: Server) -> Iterator[Database]:
    """A database without the runtime, owned by alice."""
    name = unique_name()
    with main_server.connect() as connection:
        make_roles(connection)
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER alice").format(sql.Identifier(name)))
        yield Database(main_server, name)
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def cron_database(other_server: Server) -> Iterator[Database]:
    """The database in which pg_cron runs: one for a server, so tests take turns and find it as new."""
    if not has_extension(other_server.cluster.binaries, "pg_cron"):
        pytest.skip("pg_cron is not installed (Debian: apt-get install postgresql-15-cron)")
    with locked("cron"):
        made = make_cron_database(other_server)
        yield made
        with made.connect(SUPERUSER) as connection:
            empty_cron_database(connection)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project directory, made the working directory."""
    directory = tmp_path / "project"
    directory.mkdir()
    (directory / "pgdurc.toml").touch()
    monkeypatch.chdir(directory)
    return directory


def start(
    name: str, binaries: Path, os_user: str | None, locale: tuple[str, ...] = ("--locale=C.UTF-8",)
) -> Server:
    with locked(name) as shared:
        directory = shared / name
        directory.mkdir(mode=0o711, exist_ok=True)
        cluster = Cluster(binaries, directory, os_user)
        settings = FAST
        if has_extension(binaries, "pg_cron"):
            # cron.host is where its jobs connect: the socket, on which pg_hba.conf asks for no password.
            settings = FAST | {
                "shared_preload_libraries": "pg_cron",
                "cron.database_name": CRON_DATABASE,
                "cron.host": str(cluster.socket),
            }
        cluster.initialize(settings, locale)
        cluster.start()
        return Server(name, cluster)


def named_binaries() -> tuple[Path, str | None] | None:
    """What PGDURC_TEST_BINARIES names, if anything, and the OS user that must run it (None: this one)."""
    named = os.environ.get(BINARIES_VARIABLE)
    return (Path(named).resolve(), bundled_server()[1]) if named else None


def has_extension(binaries: Path, name: str) -> bool:
    """Whether that installation brings the extension; one without pg_config brings none that is asked for."""
    config = binaries / "pg_config"
    if not config.exists():
        return False
    said = subprocess.run([config, "--sharedir"], capture_output=True, text=True, check=True).stdout
    return (Path(said.strip()) / "extension" / f"{name}.control").exists()


@contextmanager
def fresh_database(server: Server) -> Iterator[Database]:
    """A database out of the server's template, dropped afterwards."""
    ensure_template(server)
    name = unique_name()
    with server.connect() as connection:
        # Two copies of one template at a time are refused ("is being accessed by other users").
        with locked(f"{server.name}-copy"):
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE {TEMPLATE} OWNER {RUNTIME_OWNER}')
        grant_on_database(connection, name)
        yield Database(server, name)
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def ensure_template(server: Server) -> None:
    with locked(f"{server.name}-template") as shared:
        marker = shared / f"{server.name}-template.ready"
        if marker.exists():
            return
        with server.connect() as connection:
            make_roles(connection)
            connection.execute(f"DROP DATABASE IF EXISTS {TEMPLATE}")
            connection.execute(f"CREATE DATABASE {TEMPLATE}")
        with server.connect(database=TEMPLATE) as connection:
            grant_rights(connection, TEMPLATE)
            for extension in ("vector", "plpgsql_check"):
                if has_extension(server.cluster.binaries, extension):
                    connection.execute(f"CREATE EXTENSION {extension}")
        with server.connect(RUNTIME_OWNER, TEMPLATE) as connection:
            install_runtime(connection)
        marker.touch()


def make_roles(connection: psycopg.Connection[Any]) -> None:
    with locked("roles"):
        for role in ROLES:
            if not connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (role,)).fetchall():
                connection.execute(f"CREATE ROLE {role} LOGIN")


def grant_rights(connection: psycopg.Connection[Any], database: str) -> None:
    """The owners may make objects in public; the runtime's owner owns the database."""
    connection.execute(f'ALTER DATABASE "{database}" OWNER TO {RUNTIME_OWNER}')
    grant_on_database(connection, database)
    connection.execute(sql.SQL("GRANT ALL ON SCHEMA public TO {}").format(identifiers(ROLES)))


def grant_on_database(connection: psycopg.Connection[Any], database: str) -> None:
    """A copy of a template does not inherit these."""
    connection.execute(
        sql.SQL("GRANT CREATE, TEMPORARY ON DATABASE {} TO {}").format(
            sql.Identifier(database), identifiers(WORKFLOW_OWNERS)
        )
    )


def make_cron_database(server: Server) -> Database:
    """That database with the runtime in it and nothing else, whether it was there or not."""
    made = Database(server, CRON_DATABASE)
    with server.connect() as connection:
        make_roles(connection)
        if not connection.execute("SELECT FROM pg_database WHERE datname = %s", (CRON_DATABASE,)).fetchall():
            connection.execute(f"CREATE DATABASE {CRON_DATABASE}")
    with made.connect(SUPERUSER) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS pg_cron")
        empty_cron_database(connection)
        grant_rights(connection, CRON_DATABASE)
        connection.execute(sql.SQL("GRANT USAGE ON SCHEMA cron TO {}").format(identifiers(ROLES)))
    with made.connect(RUNTIME_OWNER) as connection:
        install_runtime(connection)
    return made


def empty_cron_database(connection: psycopg.Connection[Any]) -> None:
    connection.execute("DELETE FROM cron.job")
    connection.execute("DELETE FROM cron.job_run_details")
    connection.execute(
        """
        SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
        WHERE datname = current_database() AND usename = ANY (%s)
        """,
        (list(ROLES),),
    )
    # Not DROP OWNED: that takes the roles' rights on all other databases, too, in which other tests are.
    connection.execute("DROP SCHEMA IF EXISTS df CASCADE")
    connection.execute(
        """
        DO $$
        DECLARE
            command text;
        BEGIN
            FOR command IN
                SELECT format('DROP TABLE IF EXISTS %s CASCADE', c.oid::regclass)
                FROM pg_class AS c
                WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relowner <> 10
                UNION ALL
                SELECT format('DROP ROUTINE IF EXISTS %s CASCADE', p.oid::regprocedure)
                FROM pg_proc AS p
                WHERE p.pronamespace = 'public'::regnamespace AND p.proowner <> 10
            LOOP
                EXECUTE command;
            END LOOP;
        END
        $$
        """
    )


def identifiers(names: tuple[str, ...]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))


def unique_name() -> str:
    return f"t_{uuid.uuid4().hex[:12]}"


@pytest.fixture
def cli() -> Callable[..., Any]:
    """Runs a command in this process: cli("deploy", "x.pgd", "--db", dsn) -> click.testing.Result."""
    from click.testing import CliRunner

    from pgdurc.cli import pgdurc

    def run(*arguments: str, input: str | bytes | None = None) -> Any:  # noqa: A002
        return CliRunner().invoke(pgdurc, list(arguments), input=input)

    return run
