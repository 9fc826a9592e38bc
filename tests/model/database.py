"""Runs workflows in a database, and holds what came of them against the model."""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import psycopg

from pgdurc.compile import compile_text
from pgdurc.diagnostic import Severity
from pgdurc.render import as_text
from pgdurc.source import from_text
from tests.model.interpreter import (
    Blocked,
    Branches,
    Broke,
    Done,
    Effect,
    Failed,
    Outcome,
    Pause,
    Trace,
    outcomes,
    payload,
)
from tests.model.nodes import VARIABLES, Wait, Workflow, walk
from tests.model.script import arguments_of, name_of, script_of, sequences_of

# Longer than whatever ends, shorter than what does not.
STRIDE = "32 days"
STRIDES = 300


class Mismatch(Exception):
    """What the database did is not what the model says."""


# An effect as the table has it: the order in which it came, and when.
Written = tuple[int, float]


@dataclass(frozen=True)
class Observed:
    """What became of one instance."""

    status: str
    result: Any
    sqlstate: str | None
    effects: dict[tuple[int, str], list[Written]]


def check(workflow: Workflow, observed: Observed) -> None:
    """Raises Mismatch unless one of the model's outcomes is what was observed."""
    problems = []
    for outcome in outcomes(workflow, lambda effect: (effect.step, effect.reads) in observed.effects):
        try:
            compare(outcome, observed)
        except Mismatch as mismatch:
            problems.append(str(mismatch))
        else:
            return
    raise Mismatch("; or ".join(dict.fromkeys(problems)))


def compare(outcome: Outcome, observed: Observed) -> None:
    match outcome.end:
        case Done(result):
            expect("status, result", ("completed", result.json), (observed.status, observed.result))
        case Failed(sqlstate):
            expect("status, SQLSTATE", ("failed", sqlstate), (observed.status, observed.sqlstate))
        case Broke() | Blocked():
            raise AssertionError(outcome.end)
    remaining = {key: list(written) for key, written in observed.effects.items()}
    follow(outcome.trace, remaining, may_stop=False)
    if left := {key: written for key, written in remaining.items() if written}:
        raise Mismatch(f"effects that the model does not have: {left}")


def expect(what: str, expected: Any, found: Any) -> None:
    # 1 is not true.
    if json.dumps(expected, sort_keys=True) != json.dumps(found, sort_keys=True):
        raise Mismatch(f"{what}: the model says {expected}, the database {found}")


def follow(
    trace: Trace, remaining: dict[tuple[int, str], list[Written]], may_stop: bool
) -> tuple[Written | None, Written | None, bool]:
    """Takes the trace's effects out of `remaining`; the first and the last of them, and whether it went to its end.

    Raises Mismatch where one is missing, or comes before what it must come after.
    """
    first: Written | None = None
    last: Written | None = None
    is_whole = True
    pause = 0.0
    for happening in trace:
        began: Written | None = None
        ended: Written | None = None
        is_over = True
        match happening:
            case Pause(seconds):
                pause += seconds
            case Effect(step, reads, count):
                written = remaining.get((step, reads), [])
                taken, written[:count] = written[:count], []
                if len(taken) == count:
                    began, ended = taken[0], taken[-1]
                elif taken or not may_stop:
                    raise Mismatch(f"step {step} on {reads}: {len(taken)} rows instead of {count}")
                else:
                    is_over = False
            case Branches(traces, is_lost):
                followed = [follow(branch, remaining, may_stop or is_lost) for branch in traces]
                began = min((one for one, _, _ in followed if one is not None), default=None)
                ended = max((one for _, one, _ in followed if one is not None), default=None)
                is_over = is_lost or all(each for _, _, each in followed)
        if began is not None and ended is not None:
            if not is_whole:
                raise Mismatch(f"{happening} happened, and not all that comes before it")
            if last is not None and (last[0] >= began[0] or began[1] - last[1] < pause - 0.001):
                raise Mismatch(f"{happening} at {began} is not {pause} s after {last}")
            first = first or began
            last = ended
            pause = 0.0
        is_whole = is_whole and is_over
    return first, last, is_whole


PATIENCE_S = 60.0

VIOLATIONS = {
    "a task that is alive in an instance that has ended": """
        SELECT t.id, t.instance_id, t.status, t.wait FROM df.task AS t JOIN df.instance AS i ON i.id = t.instance_id
        WHERE i.ended_at IS NOT NULL AND t.status = 'live'
            -- A stopped scope says enough: whoever was at work on the task looks there, and what waits in it waits for nothing.
            AND NOT EXISTS (SELECT FROM df.stop_scope AS s WHERE s.id = ANY (t.scopes) AND s.stopped_at IS NOT NULL)
    """,
    "a task that is due and has ended": """
        SELECT t.id, t.instance_id, t.status, t.wait FROM df.task AS t WHERE t.status <> 'live' AND t.wake_at IS NOT NULL
    """,
    "a gap in the history of a task": """
        SELECT t.id, t.seq, count(r.*), min(r.seq), max(r.seq)
        FROM df.task AS t LEFT JOIN df.step_run AS r ON r.task_id = t.id
        WHERE t.seq > 0
        GROUP BY t.id
        HAVING (count(r.*), min(r.seq), max(r.seq)) IS DISTINCT FROM (t.seq, 1::bigint, t.seq)
    """,
}


@dataclass
class Trial:
    """Workflows that are deployed together in one database, started, driven and looked at."""

    database: Any
    workflows: Sequence[Workflow]
    # By workflow: its instance.
    instances: list[str] = field(default_factory=list)
    # By instance and signal: how many have been sent.
    sent: Counter[tuple[str, str]] = field(default_factory=Counter)

    def deploy(self) -> None:
        text = script_of(self.workflows)
        compiled = compile_text(text, file="model.sql")
        errors = [d for d in compiled.diagnostics if d.severity is Severity.ERROR]
        assert not errors, "\n".join(as_text(from_text(text, "model.sql"), error) for error in errors)
        with self.database.connect() as connection, connection.transaction():
            connection.execute(compiled.sql)
            for name, value in VARIABLES.items():
                connection.execute("SELECT df.setvar(%s, %s)", (name, value))

    def start(self) -> None:
        """One instance of each, with the signals that are there from the start."""
        self.instances = []
        self.sent.clear()
        with self.database.connect() as connection, connection.transaction():
            for at, workflow in enumerate(self.workflows):
                name = name_of(workflow, at)
                for tries in sequences_of(workflow, at):
                    connection.execute(f"ALTER SEQUENCE {tries} RESTART")
                if workflow.is_call:
                    row = connection.execute(f"SELECT {name}(%s)", (name,)).fetchone()
                else:
                    row = connection.execute(
                        "SELECT df.start_workflow(%s, %s, label => %s)", (name, arguments_of(workflow), name)
                    ).fetchone()
                self.instances.append(row[0])
                for wait in waits(workflow):
                    for _ in range(wait.early):
                        data = self.next_data(row[0], wait.signal)
                        connection.execute("SELECT df.signal(%s, %s, %s)", (row[0], wait.signal, data))

    def finish(self, drivers: int = 1, disturb: Callable[[], bool] | None = None) -> None:
        """Drives until every instance has ended; when nothing is due, sends what is waited for, else moves the clock.

        `disturb` is called again and again while the drivers are at work, until it answers False.
        """
        for _ in range(STRIDES):
            self.drive(drivers, disturb)
            while self.answer():
                self.drive(drivers, disturb)
            is_over = not self.alive()
            # A branch that lost while it was in the way of the winner comes again once more, to be stopped.
            self.ask("SELECT df.move_clock(%s)", STRIDE, role="dfowner")
            if is_over:
                self.drive(drivers, None)
                return
        raise Mismatch(f"not ended: {self.alive()}")

    def drive(self, drivers: int, disturb: Callable[[], bool] | None) -> None:
        """Until nothing is due."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            with ThreadPoolExecutor(drivers) as pool:
                runs = [pool.submit(self.run) for _ in range(drivers)]
                while disturb is not None and not all(run.done() for run in runs) and disturb():
                    pass
                for run in runs:
                    run.result()
            due = "SELECT count(*) FROM df.task AS t, (SELECT df.now()) AS now (at) WHERE t.wake_at <= now.at"
            if not self.ask(due, role="dfowner")[0][0]:
                return
            if time.monotonic() > deadline:
                busiest = """
                    SELECT i.label, count(*), array_agg(DISTINCT r.state) FROM df.step_run AS r
                    JOIN df.task AS t ON t.id = r.task_id JOIN df.instance AS i ON i.id = t.instance_id
                    GROUP BY 1 ORDER BY 2 DESC LIMIT 3
                """
                raise Mismatch(
                    f"there is always something due; the busiest: {self.ask(busiest, role='dfowner')}"
                )

    def run(self) -> None:
        """One CALL; a driver that is killed has no successor before the next round."""
        try:
            with self.database.connect() as connection:
                connection.execute("CALL df.run(0, NULL)")
        except psycopg.OperationalError:
            pass

    def answer(self) -> bool:
        """Sends one signal to each wait that is to have one; whether there was any."""
        waiting = self.ask(
            """
            SELECT t.instance_id, t.signal_name FROM df.task AS t
            WHERE t.status = 'live' AND t.wait = 'signal' AND t.instance_id = ANY (%s)
            """,
            self.instances,
            role="dfowner",
        )
        places = {instance: at for at, instance in enumerate(self.instances)}
        before = self.sent.total()
        for instance, signal in waiting:
            (wait,) = [each for each in waits(self.workflows[places[instance]]) if each.signal == signal]
            if wait.late is None or self.sent[instance, signal] < wait.early + wait.late:
                self.ask("SELECT df.signal(%s, %s, %s)", instance, signal, self.next_data(instance, signal))
        return self.sent.total() > before

    def next_data(self, instance: str, signal: str) -> str:
        self.sent[instance, signal] += 1
        return json.dumps(payload(self.sent[instance, signal] - 1))

    def alive(self) -> list[tuple[Any, ...]]:
        return self.ask(
            """
            SELECT i.label, w.reason, w.label, w.wake_at FROM df.instances AS i
            LEFT JOIN LATERAL df.waiting(i.id) AS w ON true
            WHERE i.status IN ('pending', 'running') AND i.id = ANY (%s)
            """,
            self.instances,
        )

    def observed(self) -> list[Observed]:
        """By workflow."""
        effects: dict[str, dict[tuple[int, str], list[Written]]] = defaultdict(lambda: defaultdict(list))
        for instance, position, step, reads, seconds in self.ask(
            """
            SELECT instance, id, step, reads, extract(epoch FROM happened_at)::float8 FROM effect
            WHERE instance = ANY (%s) ORDER BY id
            """,
            self.instances,
        ):
            effects[instance][step, json.dumps(reads, sort_keys=True)].append((position, seconds))
        ended = self.ask(
            "SELECT id, status, df.result(id)::jsonb, (SELECT sqlstate FROM df.error(id)) FROM df.instances"
        )
        found = {instance: (status, result, sqlstate) for instance, status, result, sqlstate in ended}
        return [Observed(*found[instance], effects[instance]) for instance in self.instances]

    def violations(self) -> dict[str, list[tuple[Any, ...]]]:
        """What must not be in the tables, whatever the workflows are."""
        return {what: rows for what, query in VIOLATIONS.items() if (rows := self.ask(query, role="dfowner"))}

    def ask(self, statement: str, *parameters: Any, role: str = "alice") -> list[tuple[Any, ...]]:
        """Again while the server recovers."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                return list(self.database.query(statement, *parameters, role=role))
            except psycopg.OperationalError:
                assert time.monotonic() < deadline
                time.sleep(0.05)


def waits(workflow: Workflow) -> list[Wait]:
    return [node for node in walk(workflow.body) if isinstance(node, Wait)]
