"""No signal is lost, taken twice or out of turn, and no wait times out beside one, in whatever order the sessions do their statements:
drivers, senders, a clock that strikes, cancels, the end of a race, a backend that dies.

Each scene is played in every order that there is (see interleaving.py), by functions of df.run called by hand; then df.run settles what is
left.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from tests.conftest import Server
from tests.runtime.interleaving import Acts, Party, explore
from tests.runtime.stage import Stage, drivers, fork, staged

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


def check(stage: Stage) -> None:
    inbox = stage.observer.execute(
        "SELECT payload #>> '{}', taken_by FROM df.signal WHERE instance_id = %s ORDER BY id",
        (stage.instance,),
    ).fetchall()
    waits = stage.observer.execute(
        "SELECT r.task_id, r.result ->> 'data', (r.result ->> 'timed_out')::boolean"
        " FROM df.task AS t JOIN df.step_run AS r ON r.task_id = t.id AND r.outcome = 'ok'"
        " JOIN df.step_def AS s ON s.version_id = t.version_id AND s.state = r.state AND s.kind = 'signal'"
        " WHERE t.instance_id = %s",
        (stage.instance,),
    ).fetchall()
    # What is sent to an instance that has ended is not kept.
    assert [payload for payload, _ in inbox] == stage.sent[: len(inbox)]
    taken = [(task, payload) for payload, task in inbox if task is not None]
    # Each by one wait, and each wait has one or its time was up.
    assert sorted(taken) == sorted((task, data) for task, data, timed_out in waits if not timed_out)
    # The oldest ones.
    assert [payload for _, payload in taken] == [payload for payload, _ in inbox[: len(taken)]]
    assert set(stage.beside_timeouts) <= {0}
    status = stage.value("SELECT df.status(%s)", stage.instance)
    if stage.is_cancelled:
        assert status == "cancelled"
        return
    assert len(inbox) == len(stage.sent) or status == "completed"
    # Nobody waits beside a signal, and nothing stands still that waits for none.
    waiting = stage.observer.execute(
        "SELECT wait FROM df.task AS t WHERE t.instance_id = %s AND t.status = 'live' AND t.wait <> 'children'"
        " AND NOT EXISTS (SELECT FROM df.stop_scope AS s WHERE s.id = ANY (t.scopes) AND s.stopped_at IS NOT NULL)",
        (stage.instance,),
    ).fetchall()
    reasons = {reason for (reason,) in waiting}
    assert reasons <= {"signal", "sleep"}
    assert "signal" not in reasons or len(taken) == len(inbox)
    # And all of them can be woken.
    for _ in waiting:
        stage.observer.execute("SELECT df.act_signal_v1('alice', %s, 'go', '0')", (stage.instance,))
    stage.observer.execute("SELECT df.move_clock('2 hours')")
    stage.settle()
    assert stage.value("SELECT df.status(%s)", stage.instance) == "completed"


@pytest.fixture(scope="module")
def stage(main_server: Server) -> Iterator[Stage]:
    with staged(main_server, WORKFLOWS, check) as made:
        yield made


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
def test_a_sender_and_a_wait_that_begins(stage, fate, by):
    stage.play("one", lambda: [stage.driver("driver-1"), stage.sender("sender", "a", fate, by)])


def test_a_sender_who_stays_until_the_driver_gives_up(stage):
    def scene():
        return [
            stage.driver("driver-1", "claim-look write end", gives_up=True),
            stage.sender("sender", "a"),
        ]

    stage.play("one", scene)


@pytest.mark.parametrize("is_parked", [False, True], ids=["due", "parked"])
def test_another_driver_that_claims_in_between(stage, is_parked):
    stage.play(
        "one",
        lambda: [*drivers(stage, 2, "claim look write end"), stage.sender("sender", "a")],
        stage.drive if is_parked else lambda: None,
    )


@pytest.mark.parametrize("fate", ["commit", "rollback"])
def test_a_clock_that_strikes(stage, fate):
    def scene():
        return [stage.driver("driver-1"), stage.sender("sender", "a", fate), stage.clock()]

    stage.play("timed", scene)
    stage.play("timed", scene, stage.drive)


@pytest.mark.parametrize("fates", [("commit", "commit"), ("commit", "rollback"), ("rollback", "commit")])
def test_two_senders(stage, fates):
    stage.play(
        "twice",
        lambda: [
            stage.driver("driver-1", "claim-look write end"),
            stage.sender("sender-1", "a", fates[0]),
            stage.sender("sender-2", "b", fates[1]),
        ],
    )


@pytest.mark.parametrize("is_parked", [False, True], ids=["due", "parked"])
def test_two_waits_and_two_senders(stage, is_parked):
    stage.play(
        "joined",
        lambda: [
            *drivers(stage, 2, "claim-look write-end"),
            stage.sender("sender-1", "a"),
            stage.sender("sender-2", "b", "at once"),
        ],
        stage.drive if is_parked else lambda: fork(stage),
    )


@pytest.mark.parametrize("is_parked", [False, True], ids=["due", "parked"])
def test_a_driver_that_dies_with_a_signal_in_its_hand(stage, is_parked):
    def scene():
        dying = stage.driver("driver-1", "claim-look die")
        return [dying, stage.driver("driver-2", after=dying), stage.sender("sender", "a")]

    stage.play("joined", scene, stage.drive if is_parked else lambda: fork(stage))


@pytest.mark.parametrize("fate", ["commit", "rollback"])
def test_two_waits_and_a_clock_that_strikes(stage, fate):
    stage.play(
        "joined_timed",
        lambda: [
            *drivers(stage, 2, "claim-look write-end"),
            stage.sender("sender", "a", fate),
            stage.clock(),
        ],
        stage.drive,
    )


def test_a_driver_that_dies_with_a_signal_in_its_hand_when_the_clock_strikes(stage):
    """The signal was there in time for the other wait."""

    def scene():
        dying = stage.driver("driver-1", "claim-look die")
        return [
            dying,
            stage.driver("driver-2", after=dying),
            stage.sender("sender", "a", "at once"),
            stage.clock(),
        ]

    stage.play("joined_timed", scene, stage.drive)


@pytest.mark.parametrize("fate", ["commit", "rollback"])
def test_a_cancel(stage, fate):
    stage.play(
        "one",
        lambda: [
            stage.driver("driver-1", "claim-look write end"),
            stage.sender("sender", "a"),
            stage.canceller(fate),
        ],
    )


def test_the_end_of_a_race(stage):
    """Its timer wins, while there may be a signal for the wait in it."""

    def before():
        stage.drive()
        stage.observer.execute("SELECT df.move_clock('1 hour')")

    stage.play(
        "raced",
        lambda: [*drivers(stage, 3, "claim-look write-end"), stage.sender("sender", "a", "at once")],
        before,
    )


def test_the_end_of_a_race_with_a_signal_in_its_hand(stage):
    """The loser gives the first of two back: it is not after the second."""

    def before():
        stage.drive()
        stage.observer.execute("SELECT df.move_clock('1 hour')")
        for payload in ("a", "b"):
            for _ in stage.sender("sender", payload, "at once").acts:
                pass

    stage.play("raced", lambda: drivers(stage, 3, "claim-look write end"), before)
