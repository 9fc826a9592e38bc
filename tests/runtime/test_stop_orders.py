"""What is stopped never commits, and nothing is left that nobody runs, in whatever order the branches of a race or a join end and somebody
cancels: played in every order of the statements, as in test_signal_orders.py.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import Server
from tests.runtime.stage import Stage, drivers, fork, staged

WORKFLOWS = """
CREATE TABLE effect (instance text, note text);
CREATE WORKFLOW raced() AS
    df.race(
        $$INSERT INTO effect VALUES ('{sys_instance_id}', 'a') RETURNING note$$,
        $$INSERT INTO effect VALUES ('{sys_instance_id}', 'b') RETURNING note$$);
CREATE WORKFLOW joined() AS
    df.join(
        $$INSERT INTO effect VALUES ('{sys_instance_id}', 'a')$$,
        $$INSERT INTO effect VALUES ('{sys_instance_id}', 'b')$$)
 ~> $$INSERT INTO effect VALUES ('{sys_instance_id}', 'c')$$;
"""


def check(stage: Stage) -> None:
    notes = stage.value(
        "SELECT coalesce(array_agg(note ORDER BY note), '{}') FROM effect WHERE instance = %s", stage.instance
    )
    workflow = stage.value("SELECT workflow FROM df.instances WHERE id = %s", stage.instance)
    status = stage.value("SELECT df.status(%s)", stage.instance)
    assert status == ("cancelled" if stage.is_cancelled else "completed")
    # A step of the history that is ok has had its effect, and no other.
    committed = stage.value(
        "SELECT count(*) FROM df.timeline(%s) WHERE outcome = 'ok' AND kind = 'sql'", stage.instance
    )
    assert len(notes) == committed
    if workflow == "public.raced":
        assert len(notes) <= 1
        if not stage.is_cancelled:
            (note,) = notes
            assert stage.value("SELECT df.result(%s)::jsonb -> 'rows'", stage.instance) == [{"note": note}]
    elif not stage.is_cancelled:
        assert notes == ["a", "b", "c"]
    else:
        assert "c" not in notes
    # Who was at work when it was stopped has been told.
    assert (
        stage.value("SELECT count(*) FROM df.task WHERE instance_id = %s AND status = 'live'", stage.instance)
        == 0
    )
    assert stage.value("SELECT count(*) FROM df.step_run WHERE outcome NOT IN ('ok', 'cancelled')") == 0


@pytest.fixture(scope="module")
def stage(main_server: Server) -> Iterator[Stage]:
    with staged(main_server, WORKFLOWS, check) as made:
        yield made


@pytest.mark.parametrize("workflow", ["raced", "joined"])
def test_two_branches_that_end(stage, workflow):
    stage.play(workflow, lambda: drivers(stage, 2, "claim look write end"), lambda: fork(stage))


@pytest.mark.parametrize("fate", ["commit", "rollback"])
@pytest.mark.parametrize("workflow", ["raced", "joined"])
def test_two_branches_that_end_and_a_cancel(stage, workflow, fate):
    stage.play(
        workflow,
        lambda: [*drivers(stage, 2, "claim-look write end"), stage.canceller(fate)],
        lambda: fork(stage),
    )
