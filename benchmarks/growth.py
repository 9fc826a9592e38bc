"""What happens to the rate under an old snapshot, and to an idle driver beside many parked tasks."""

from __future__ import annotations

from benchmarks.report import Section
from benchmarks.server import OWNER, RUNTIME_OWNER, BenchServer, cpu_seconds, side_by_side
from benchmarks.throughput import STEPS, deploy, run_workflow

SNAPSHOT_STEPS = 150_000
QUICK_SNAPSHOT_STEPS = 1_000
SNAPSHOT_DRIVERS = 4
TENTHS = 10

PARKED = 1_000_000
QUICK_PARKED = 1_000
IDLE_S = 20
QUICK_IDLE_S = 1


def snapshot(server: BenchServer, quick: bool) -> Section:
    """Somebody's transaction is open all the time: no dead row of these steps can be removed."""
    deploy(server)
    instances = (QUICK_SNAPSHOT_STEPS if quick else SNAPSHOT_STEPS) // STEPS // TENTHS
    with server.connect() as holder, server.sessions(SNAPSHOT_DRIVERS) as sessions:
        run_workflow(server, sessions, "plain", QUICK_SNAPSHOT_STEPS // STEPS)
        holder.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        holder.execute("SELECT 1")
        tenths = [run_workflow(server, sessions, "plain", instances) for _ in range(TENTHS)]
        holder.execute("COMMIT")
    count = instances * STEPS
    rows = [
        (f"{number * count:,} to {(number + 1) * count:,}", count / tenth.seconds, 1e6 * tenth.cpu_s / count)
        for number, tenth in enumerate(tenths)
    ]
    first, last = tenths[0], tenths[-1]
    return Section(
        "Under an old snapshot",
        ("steps", "steps a second", "µs in the backend, a step"),
        tuple(rows),
        f"{SNAPSHOT_DRIVERS} drivers. The last tenth has {first.seconds / last.seconds:.0%} of the rate of"
        f" the first, and {last.cpu_s / first.cpu_s:.0%} of its CPU time.",
    )


def parked(server: BenchServer, quick: bool) -> Section:
    deploy(server)
    count = QUICK_PARKED if quick else PARKED
    park(server, count)
    seconds = QUICK_IDLE_S if quick else IDLE_S
    with server.sessions(1) as sessions:
        # Once, so that its plans are there.
        side_by_side(sessions, "CALL df.run(0.1, NULL)")
        measured = side_by_side(sessions, f"CALL df.run({seconds}, NULL)")
    with server.sessions(1) as sessions:
        before = cpu_seconds(sessions)
        for _ in range(100):
            sessions[0].execute("CALL df.run(0, NULL)")
        poll_cpu_s = (cpu_seconds(sessions) - before) / 100
    server.query("DELETE FROM df.task WHERE wake_at = 'infinity'", role=RUNTIME_OWNER)
    server.query("DELETE FROM df.instance WHERE label = 'parked'", role=RUNTIME_OWNER)
    return Section(
        "An idle driver beside parked tasks",
        ("parked tasks", "seconds", "CPU seconds", "% of a core", "CPU of one CALL df.run(0), ms"),
        ((count, seconds, measured.cpu_s, 100 * measured.cpu_s / measured.seconds, 1000 * poll_cpu_s),),
    )


def park(server: BenchServer, count: int) -> None:
    """Instances that wait for ever, written straight into the tables: to start a million takes minutes."""
    server.query(
        f"""
        WITH version AS (
            SELECT v.id, v.workflow_id, v.last_state
            FROM df.workflow_version AS v
            JOIN df.workflow AS w ON w.version_id = v.id AND w.name = 'plain'
        ), instance AS (
            INSERT INTO df.instance (
                id, workflow_id, version_id, owner, starter,
                label, args, vars, status, start_xact, created_at)
            SELECT 'parked' || n, v.workflow_id, v.id, '{OWNER}', '{OWNER}',
                'parked', '{{}}', '{{}}', 'running', pg_current_xact_id(), df.now()
            FROM version AS v, generate_series(1, %s) AS n
            RETURNING id, version_id
        )
        INSERT INTO df.task (instance_id, owner, version_id, scopes, state, last_state, wake_at, wait)
        SELECT i.id, '{OWNER}', i.version_id, '{{}}', 1, v.last_state, 'infinity', 'sleep'
        FROM instance AS i
        JOIN version AS v ON v.id = i.version_id
        """,
        count,
        role=RUNTIME_OWNER,
    )
    # As autovacuum does in time: until then a look passes over what earlier sections left behind.
    server.query("VACUUM ANALYZE df.task", role=RUNTIME_OWNER)
