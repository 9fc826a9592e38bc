"""No signal is lost, taken twice or out of turn, and no wait times out beside one, in whatever order the sessions do their statements:
drivers, senders, a clock that strikes, cancels, the end of a race, a backend that dies.

Each scene is played in every order that there is (see interleaving.py), by functions of df.run called by hand; then df.run settles what is
left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest

from tests.conftest import Server, fresh_database
from tests.runtime.conftest import Workflows
from tests.runtime.interleaving import Acts, Party, explore

# trace = full keeps the result of each wait in the history.
WORKFLOWS = """
CREATE WORKFLOW one() WITH (trace = full) AS df.wait_for_signal('go');
CREATE WORKFLOW timed() WITH (trace = full) AS df.wait_for_signal('go', '1 hour');
CREATE WORKFLOW twice() WITH (trace = full) AS df.wait_for_signal('go') ~> df.wait_for_signal('go');
CREATE WORKFLOW joined() WITH (trace = full) AS df.join(df.wait_for_signal('go'), df.wait_for_signal('go'));
CREATE WORKFLOW joined_timed() WITH (trace = full) AS df.join(df.wait_for_signal('go'), df.wait_for_signal('go', '1 hour'));
-- The wait beside the race forks later, so that the one in it is claimed first.
CREATE WORKFLOW raced() WITH (trace = full) AS
    df.join(df.race(df.wait_for_signal('go'), df.sleep('1 hour')), df.join(df.wait_for_signal('go'), 'SELECT 1'));
"""

DUE = """
    SELECT EXISTS (
        SELECT FROM df.task AS t WHERE t.instance_id = %s AND t.status = 'live' AND t.wake_at <= df.now())
"""


@dataclass
class Stage:
    """A database, sessions that stay, and what happened in the play that is on."""

    workflows: Workflows
    observer: psycopg.Connection[Any]
    sessions: dict[str, psycopg.Connection[Any]] = field(default_factory=dict)
    instance: str = ""
    # What was sent and committed, in that order.
    sent: list[str] = field(default_factory=list)
    # For each look into the inbox that said that the time was up: the signals that were there.
    beside_timeouts: list[int] = field(default_factory=list)
    is_cancelled: bool = False

    def set(self, workflow: str) -> None:
        """Start it anew."""
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
        if verdict != "run":
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
            yield
            getattr(connection, fate)()
            self.is_cancelled = fate == "commit"

        return Party("canceller", connection, acts())

    def clock(self) -> Party:
        connection = self.session("clock", "dfowner")

        def acts() -> Acts:
            connection.execute("SELECT df.move_clock('1 hour')")
            connection.commit()
            yield from ()

        return Party("clock", connection, acts())

    # What must be when it is over.

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

    def check(self) -> None:
        self.settle()
        inbox = self.observer.execute(
            "SELECT payload #>> '{}', taken_by FROM df.signal WHERE instance_id = %s ORDER BY id",
            (self.instance,),
        ).fetchall()
        waits = self.observer.execute(
            "SELECT r.task_id, r.result ->> 'data', (r.result ->> 'timed_out')::boolean"
            " FROM df.task AS t JOIN df.step_run AS r ON r.task_id = t.id AND r.outcome = 'ok'"
            " JOIN df.step_def AS s ON s.version_id = t.version_id AND s.state = r.state AND s.kind = 'signal'"
            " WHERE t.instance_id = %s",
            (self.instance,),
        ).fetchall()
        # What is sent to an instance that has ended is not kept.
        assert [payload for payload, _ in inbox] == self.sent[: len(inbox)]
        taken = [(task, payload) for payload, task in inbox if task is not None]
        # Each by one wait, and each wait has one or its time was up.
        assert sorted(taken) == sorted((task, data) for task, data, timed_out in waits if not timed_out)
        # The oldest ones.
        assert [payload for _, payload in taken] == [payload for payload, _ in inbox[: len(taken)]]
        assert set(self.beside_timeouts) <= {0}
        status = self.value("SELECT df.status(%s)", self.instance)
        if self.is_cancelled:
            assert status in ("cancelled", "completed")
            return
        assert len(inbox) == len(self.sent) or status == "completed"
        # Nobody waits beside a signal, and nothing stands still that waits for none.
        waiting = self.observer.execute(
            "SELECT wait FROM df.task AS t WHERE t.instance_id = %s AND t.status = 'live' AND t.wait <> 'children'"
            " AND NOT EXISTS (SELECT FROM df.stop_scope AS s WHERE s.id = ANY (t.scopes) AND s.stopped_at IS NOT NULL)",
            (self.instance,),
        ).fetchall()
        reasons = {reason for (reason,) in waiting}
        assert reasons <= {"signal", "sleep"}
        assert "signal" not in reasons or len(taken) == len(inbox)
        # And all of them can be woken.
        for _ in waiting:
            self.observer.execute("SELECT df.act_signal_v1('alice', %s, 'go', '0')", (self.instance,))
        self.observer.execute("SELECT df.move_clock('2 hours')")
        self.settle()
        assert self.value("SELECT df.status(%s)", self.instance) == "completed"


@pytest.fixture(scope="module")
def stage(main_server: Server) -> Iterator[Stage]:
    with fresh_database(main_server) as database:
        workflows = Workflows(database)
        workflows.deploy(WORKFLOWS)
        stage = Stage(workflows, database.connect("postgres"))
        yield stage
        for connection in stage.sessions.values():
            connection.close()
        stage.observer.close()


@pytest.fixture
def play(stage: Stage) -> Callable[..., None]:
    """Plays a scene in every order, and looks at what came of each."""

    def run(
        workflow: str, parties: Callable[[], Sequence[Party]], before: Callable[[], None] = lambda: None
    ) -> None:
        def scene() -> Sequence[Party]:
            stage.set(workflow)
            before()
            return parties()

        orders = []
        for order in explore(scene, stage.observer):
            orders.append(order)
            try:
                stage.check()
            except BaseException as error:
                error.add_note(f"in the order {' '.join(order)}")
                raise
        assert len(orders) == len(set(orders)) > 3

    return run


def drivers(stage: Stage, count: int, acts: str) -> list[Party]:
    """Alike: they claim in that order."""
    found: list[Party] = []
    for number in range(1, count + 1):
        found.append(stage.driver(f"driver-{number}", acts, after=found[-1] if found else None))
    return found


def test_every_order_is_played(stage):
    """Of two, two and one acts that do not meet: 5! / (2! 2! 1!)."""

    def acts(count: int) -> Acts:
        for _ in range(count - 1):
            yield

    def scene() -> Sequence[Party]:
        return [
            Party(name, stage.session(name), acts(count)) for name, count in (("a", 2), ("b", 2), ("c", 1))
        ]

    orders = list(explore(scene, stage.observer))
    assert len(orders) == len(set(orders)) == 30


@pytest.mark.parametrize("by", ["signal", "signal_label"])
@pytest.mark.parametrize("fate", ["commit", "rollback"])
def test_a_sender_and_a_wait_that_begins(stage, play, fate, by):
    play("one", lambda: [stage.driver("driver-1"), stage.sender("sender", "a", fate, by)])


def test_a_sender_who_stays_until_the_driver_gives_up(stage, play):
    def scene():
        return [
            stage.driver("driver-1", "claim-look write end", gives_up=True),
            stage.sender("sender", "a"),
        ]

    play("one", scene)


@pytest.mark.parametrize("is_parked", [False, True], ids=["due", "parked"])
def test_another_driver_that_claims_in_between(stage, play, is_parked):
    play(
        "one",
        lambda: [*drivers(stage, 2, "claim look write end"), stage.sender("sender", "a")],
        stage.drive if is_parked else lambda: None,
    )


@pytest.mark.parametrize("fate", ["commit", "rollback"])
def test_a_clock_that_strikes(stage, play, fate):
    def scene():
        return [stage.driver("driver-1"), stage.sender("sender", "a", fate), stage.clock()]

    play("timed", scene)
    play("timed", scene, stage.drive)


@pytest.mark.parametrize("fates", [("commit", "commit"), ("commit", "rollback"), ("rollback", "commit")])
def test_two_senders(stage, play, fates):
    play(
        "twice",
        lambda: [
            stage.driver("driver-1", "claim-look write end"),
            stage.sender("sender-1", "a", fates[0]),
            stage.sender("sender-2", "b", fates[1]),
        ],
    )


@pytest.mark.parametrize("is_parked", [False, True], ids=["due", "parked"])
def test_two_waits_and_two_senders(stage, play, is_parked):
    play(
        "joined",
        lambda: [
            *drivers(stage, 2, "claim-look write-end"),
            stage.sender("sender-1", "a"),
            stage.sender("sender-2", "b", "at once"),
        ],
        stage.drive if is_parked else lambda: fork(stage),
    )


@pytest.mark.parametrize("is_parked", [False, True], ids=["due", "parked"])
def test_a_driver_that_dies_with_a_signal_in_its_hand(stage, play, is_parked):
    def scene():
        dying = stage.driver("driver-1", "claim-look die")
        return [dying, stage.driver("driver-2", after=dying), stage.sender("sender", "a")]

    play("joined", scene, stage.drive if is_parked else lambda: fork(stage))


@pytest.mark.parametrize("fate", ["commit", "rollback"])
def test_two_waits_and_a_clock_that_strikes(stage, play, fate):
    play(
        "joined_timed",
        lambda: [
            *drivers(stage, 2, "claim-look write-end"),
            stage.sender("sender", "a", fate),
            stage.clock(),
        ],
        stage.drive,
    )


def test_a_driver_that_dies_with_a_signal_in_its_hand_when_the_clock_strikes(stage, play):
    """The signal was there in time for the other wait."""

    def scene():
        dying = stage.driver("driver-1", "claim-look die")
        return [
            dying,
            stage.driver("driver-2", after=dying),
            stage.sender("sender", "a", "at once"),
            stage.clock(),
        ]

    play("joined_timed", scene, stage.drive)


@pytest.mark.parametrize("fate", ["commit", "rollback"])
def test_a_cancel(stage, play, fate):
    play(
        "one",
        lambda: [
            stage.driver("driver-1", "claim-look write end"),
            stage.sender("sender", "a"),
            stage.canceller(fate),
        ],
    )


def test_the_end_of_a_race(stage, play):
    """Its timer wins, while there may be a signal for the wait in it."""

    def before():
        stage.drive()
        stage.observer.execute("SELECT df.move_clock('1 hour')")

    play(
        "raced",
        lambda: [*drivers(stage, 3, "claim-look write-end"), stage.sender("sender", "a", "at once")],
        before,
    )


def test_the_end_of_a_race_with_a_signal_in_its_hand(stage, play):
    """The loser gives the first of two back: it is not after the second."""

    def before():
        stage.drive()
        stage.observer.execute("SELECT df.move_clock('1 hour')")
        for payload in ("a", "b"):
            for _ in stage.sender("sender", payload, "at once").acts:
                pass

    play("raced", lambda: drivers(stage, 3, "claim-look write end"), before)


def fork(stage: Stage) -> None:
    """The first step, by hand: the branches are due."""
    for _ in stage.driver("driver-1", "claim-look-write-end").acts:
        pass
