"""The rate under an old snapshot and among many others, and what an idle driver costs beside parked tasks."""

from __future__ import annotations

from statistics import median

from benchmarks.report import Section
from benchmarks.server import OWNER, RUNTIME_OWNER, BenchServer, Measured, cpu_seconds, side_by_side
from benchmarks.throughput import STEPS, deploy, run_workflow
from pgdurc.cluster import SUPERUSER

SNAPSHOT_STEPS = 150_000
QUICK_SNAPSHOT_STEPS = 1_000
SNAPSHOT_DRIVERS = 4
TENTHS = 10

WAITING = 10_000
FINISHED = 100_000
QUICK_CROWD = 100
CROWD_INSTANCES = 400
QUICK_CROWD_INSTANCES = 10
CROWD_ROUNDS = 5

WAITS = "CREATE WORKFLOW waits() AS df.wait_for_signal('go') ~> $$SELECT 1$$;"

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


def crowd(server: BenchServer, quick: bool) -> Section:
    """The same steps alone and beside instances that wait for a signal or have ended, in turns."""
    deploy(server)
    server.deploy(WAITS)
    clear(server)
    instances = QUICK_CROWD_INSTANCES if quick else CROWD_INSTANCES
    waiting, finished = (QUICK_CROWD, QUICK_CROWD) if quick else (WAITING, FINISHED)
    rounds = 1 if quick else CROWD_ROUNDS
    alone: list[Measured] = []
    beside: list[Measured] = []
    with server.copy("crowded") as crowded, server.sessions(1) as sessions, crowded.sessions(1) as others:
        finish(crowded, finished)
        crowded.query("SELECT waits() FROM generate_series(1, %s)", waiting)
        side_by_side(others, "CALL df.run(0, NULL)")
        crowded.query("VACUUM ANALYZE", role=SUPERUSER)
        # Or the steps would write what making the others has left in memory.
        crowded.query("CHECKPOINT", role=SUPERUSER)
        run_workflow(server, sessions, "plain", instances)
        run_workflow(crowded, others, "plain", instances, left=waiting)
        for _ in range(rounds):
            alone.append(run_workflow(server, sessions, "plain", instances))
            beside.append(run_workflow(crowded, others, "plain", instances, left=waiting))
    count = instances * STEPS
    rates = [median(count / run.seconds for run in runs) for runs in (alone, beside)]
    cpu = [1e6 * median(run.cpu_s / count for run in runs) for runs in (alone, beside)]
    return Section(
        "Steps beside others",
        ("waiting for a signal", "finished", "steps a second", "µs in the backend, a step"),
        ((0, 0, rates[0], cpu[0]), (waiting, finished, rates[1], cpu[1])),
        f"One driver, medians of {rounds} interleaved runs of {count:,} steps: {rates[1] / rates[0]:.0%} of"
        f" the rate, {cpu[1] / cpu[0]:.0%} of the CPU time.",
    )


def clear(server: BenchServer) -> None:
    """Leave no instance behind, and no dead row."""
    tables = ("instance", "task", "stop_scope", "step_run", "binding", "signal")
    for table in tables:
        server.query(f"DELETE FROM df.{table}", role=RUNTIME_OWNER)
        server.query(f"VACUUM ANALYZE df.{table}", role=RUNTIME_OWNER)


def finish(server: BenchServer, count: int) -> None:
    """Instances that have ended, with the rows that a run of `plain` leaves; to run them takes minutes."""
    server.query(
        f"""
        WITH version AS (
            SELECT v.id, v.workflow_id, v.last_state
            FROM df.workflow_version AS v
            JOIN df.workflow AS w ON w.version_id = v.id AND w.name = 'plain'
        ), instance AS (
            INSERT INTO df.instance (
                id, workflow_id, version_id, owner, starter,
                args, vars, status, start_xact, created_at, started_at, ended_at)
            SELECT 'done' || n, v.workflow_id, v.id, '{OWNER}', '{OWNER}',
                '{{}}', '{{}}', 'completed', pg_current_xact_id(), df.now(), df.now(), df.now()
            FROM version AS v, generate_series(1, %s) AS n
            RETURNING id, version_id
        ), scope AS (
            INSERT INTO df.stop_scope (instance_id, kind)
            SELECT i.id, 'instance'
            FROM instance AS i
            RETURNING id, instance_id
        ), task AS (
            INSERT INTO df.task (instance_id, owner, version_id, scopes, state, last_state, status, seq)
            SELECT s.instance_id, '{OWNER}', v.id, ARRAY[s.id], v.last_state, v.last_state, 'done', {STEPS}
            FROM scope AS s, version AS v
            RETURNING id
        )
        INSERT INTO df.step_run (task_id, seq, state, attempt, outcome, started_at, finished_at, row_count)
        SELECT t.id, n, n, 1, 'ok', df.now(), df.now(), 1
        FROM task AS t, generate_series(1, {STEPS}) AS n
        """,
        count,
        role=RUNTIME_OWNER,
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
