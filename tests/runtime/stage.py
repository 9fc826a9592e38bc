"""The parties of a play about one instance: drivers by hand, senders, who cancels, the clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg

from tests.conftest import Server, fresh_database
from tests.runtime.conftest import Workflows
from tests.runtime.interleaving import Acts, Party, explore

DUE = """
    SELECT EXISTS (
        SELECT FROM df.task AS t WHERE t.instance_id = %s AND t.status = 'live' AND t.wake_at <= df.now())
"""


@dataclass
class Stage:
    """A database, sessions that stay, and what happened in the play that is on."""

    workflows: Workflows
    observer: psycopg.Connection[Any]
    check: Callable[[Stage], None]
    sessions: dict[str, psycopg.Connection[Any]] = field(default_factory=dict)
    instance: str = ""
    # What was sent and committed, in that order.
    sent: list[str] = field(default_factory=list)
    # For each look into the inbox that said that the time was up: the signals that were there.
    beside_timeouts: list[int] = field(default_factory=list)
    is_cancelled: bool = False

    def play(
        self,
        workflow: str,
        parties: Callable[[], Sequence[Party]],
        before: Callable[[], None] = lambda: None,
    ) -> None:
        """In every order; each is settled by df.run and looked at."""

        def scene() -> Sequence[Party]:
            self.set(workflow)
            before()
            return parties()

        orders = []
        for order in explore(scene, self.observer):
            orders.append(order)
            try:
                self.settle()
                self.check(self)
            except BaseException as error:
                error.add_note(f"in the order {' '.join(order)}")
                raise
        assert len(orders) == len(set(orders)) > 3

    def set(self, workflow: str) -> None:
        """Start it anew; what a play that failed has left open is let go."""
        for connection in self.sessions.values():
            connection.rollback()
        row = self.session("driver").execute("SELECT df.start_workflow(%s)", (workflow,)).fetchone()
        assert row is not None
        self.instance = row[0]
        # A label of its own.
        self.observer.execute("UPDATE df.instance SET label = id WHERE id = %s", (self.instance,))
        self.sent = []
        self.beside_timeouts = []
        self.is_cancelled = False

    def drive(self) -> None:
        self.session("driver").execute("CALL df.run(0, NULL)")

    def session(self, name: str, role: str = "alice") -> psycopg.Connection[Any]:
        if name not in self.sessions:
            self.sessions[name] = self.workflows.database.connect(role, autocommit=name == "driver")
        return self.sessions[name]

    def value(self, statement: str, *parameters: Any) -> Any:
        row = self.observer.execute(statement.encode(), parameters or None).fetchone()
        assert row is not None
        return row[0]

    def inbox(self) -> int:
        return int(
            self.value(
                "SELECT count(*) FROM df.signal WHERE instance_id = %s AND taken_by IS NULL", self.instance
            )
        )

    # The parties.

    def driver(
        self, name: str, acts: str = "claim look write end", after: Party | None = None, **options: Any
    ) -> Party:
        """One turn of df.run with whatever is due, in as many acts as there are words; it may die instead of writing."""
        connection = self.session(name)
        return Party(
            name,
            connection,
            self._turn(connection, acts.split()),
            starts_if=lambda: bool(self.value(DUE, self.instance)),
            after=after,
            **options,
        )

    def _turn(self, connection: psycopg.Connection[Any], acts: list[str]) -> Acts:
        def value(statement: str, *parameters: Any) -> Any:
            row = connection.execute(statement, parameters).fetchone()
            assert row is not None
            return row[0]

        claim = connection.execute(
            "SELECT c.verdict, c.task_id, c.instance_id, c.state, c.command, c.clock_shift::text, c.started_at::text"
            " FROM df.claim_task_v1('-infinity', 0, NULL) AS c"
        ).fetchone()
        assert claim is not None
        verdict, task, instance, state, command, shift, started_at = claim
        if verdict not in ("run", "crowded"):
            connection.commit()
            return
        assert instance == self.instance
        if "claim" in acts:
            yield

        there = self.inbox()
        connection.execute("SAVEPOINT guard")
        step = value(command.replace("$1", "%s::df.step_v1"), f"({task},{instance},{state},advance,,,,,,)")
        connection.execute("RELEASE guard")
        if '""timed_out"": true' in step:
            self.beside_timeouts.append(there)
        if "look" in acts or "claim-look" in acts:
            yield
        if "die" in acts:
            connection.rollback()
            return

        verdict = value(
            "SELECT df.advance_v1(%s::df.step_v1, %s, %s, %s, false)", step, state, started_at, shift
        )
        if "end" in acts:
            yield
        if verdict == "ok":
            connection.commit()
            return
        connection.rollback()
        yield
        if value("SELECT df.retake_v1(%s, NULL, df.now())", task) == state:
            if verdict == "stopped":
                value("SELECT df.stopped_v1(%s, %s, %s)", task, started_at, shift)
            else:
                assert verdict in ("busy", "wanted"), verdict
                value("SELECT df.postpone_v1(%s, %s, %s)", task, shift, verdict == "wanted")
        connection.commit()

    def sender(
        self, name: str, payload: str, fate: str = "commit", by: str = "signal", after: Party | None = None
    ) -> Party:
        connection = self.session(name)

        def acts() -> Acts:
            connection.execute(f"SELECT df.{by}(%s, 'go', %s)", (self.instance, f'"{payload}"'))
            if fate != "at once":
                yield
            if fate != "rollback":
                # Now, for as soon as it commits the next one goes on.
                self.sent.append(payload)
            getattr(connection, "rollback" if fate == "rollback" else "commit")()

        return Party(name, connection, acts(), after=after)

    def canceller(self, fate: str) -> Party:
        connection = self.session("canceller")

        def acts() -> Acts:
            connection.execute("SELECT df.cancel(%s)", (self.instance,))
            # One that has ended stays as it is.
            status = connection.execute("SELECT df.status(%s)", (self.instance,)).fetchone()
            yield
            getattr(connection, fate)()
            self.is_cancelled = fate == "commit" and status == ("cancelled",)

        return Party("canceller", connection, acts())

    def clock(self) -> Party:
        connection = self.session("clock", "dfowner")

        def acts() -> Acts:
            connection.execute("SELECT df.move_clock('1 hour')")
            connection.commit()
            yield from ()

        return Party("clock", connection, acts())

    def settle(self) -> None:
        """df.run does what is due, and what was put off by a second at most."""
        for _ in range(6):
            self.drive()
            if not self.value(
                "SELECT EXISTS (SELECT FROM df.task WHERE instance_id = %s AND status = 'live'"
                " AND wake_at <= df.now() + interval '5 seconds')",
                self.instance,
            ):
                return
            self.observer.execute("SELECT df.move_clock('2 seconds')")
        raise AssertionError("it does not come to rest")


@contextmanager
def staged(server: Server, script: str, check: Callable[[Stage], None]) -> Iterator[Stage]:
    """A database with these workflows, for many plays; `check` looks at what came of each."""
    with fresh_database(server) as database:
        workflows = Workflows(database)
        workflows.deploy(script)
        stage = Stage(workflows, database.connect("postgres"), check)
        yield stage
        for connection in stage.sessions.values():
            connection.close()
        stage.observer.close()


def drivers(stage: Stage, count: int, acts: str) -> list[Party]:
    """Alike: they claim in that order."""
    found: list[Party] = []
    for number in range(1, count + 1):
        found.append(stage.driver(f"driver-{number}", acts, after=found[-1] if found else None))
    return found


def fork(stage: Stage) -> None:
    """The first step, by hand: the branches are due."""
    for _ in stage.driver("driver-1", "claim-look-write-end").acts:
        pass
