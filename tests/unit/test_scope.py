"""What is bound where the ways out of a loop meet."""

from __future__ import annotations

import time

from pgdurc.analyse.scope import Binding, Doubt, Scope
from pgdurc.analyse.shapes import NoRows, Rows, Shape
from pgdurc.diagnostic import Span

FIRST: Shape = frozenset({Rows(("first",))})
SECOND: Shape = frozenset({Rows(("second",))})
THIRD: Shape = frozenset({NoRows()})


def binding(shape: Shape, place: int = 0) -> Binding:
    return Binding(shape, Doubt.NONE, Span(place, place + 1))


def test_without_an_exit_the_end_counts() -> None:
    scope = Scope()
    scope.begin_loop()
    scope.bind("x", binding(FIRST))
    assert scope.end_loop() == (0, {"x": binding(FIRST)})
    assert scope.bindings == {}


def test_a_name_bound_before_each_exit_is_certain() -> None:
    scope = Scope()
    scope.begin_loop()
    scope.bind("x", binding(FIRST, 1))
    scope.exit_loop()
    scope.bind("x", binding(SECOND, 2))
    scope.exit_loop()
    scope.bind("x", binding(THIRD, 3))  # no exit sees this one
    assert scope.end_loop() == (2, {"x": binding(FIRST | SECOND, 1)})


def test_an_exit_before_the_name_is_bound_leaves_a_doubt() -> None:
    scope = Scope()
    scope.begin_loop()
    scope.exit_loop()
    scope.bind("x", binding(FIRST))
    scope.exit_loop()
    count, merged = scope.end_loop()
    assert (count, merged["x"].doubt) == (2, Doubt.ONE_BRANCH)


def test_such_an_exit_sees_what_was_bound_before_the_loop() -> None:
    scope = Scope()
    scope.bind("x", binding(THIRD, 7))
    scope.begin_loop()
    scope.exit_loop()
    scope.bind("x", binding(FIRST))
    scope.exit_loop()
    assert scope.end_loop() == (2, {"x": binding(FIRST | THIRD, 7)})
    assert scope.bindings == {"x": binding(THIRD, 7)}


def test_a_branch_takes_its_binding_along_only_to_its_own_exit() -> None:
    scope = Scope()
    scope.begin_loop()
    scope.bind("x", binding(FIRST))
    scope.begin()
    scope.bind("x", binding(SECOND))
    scope.bind("y", binding(SECOND))
    scope.exit_loop()
    scope.end()
    scope.exit_loop()
    count, merged = scope.end_loop()
    assert count == 2
    assert merged["x"] == binding(FIRST | SECOND)
    assert merged["y"].doubt is Doubt.ONE_BRANCH


def test_an_exit_of_an_inner_loop_is_none_of_the_outer() -> None:
    scope = Scope()
    scope.begin_loop()
    scope.bind("x", binding(FIRST))
    scope.exit_loop()
    scope.begin_loop()
    scope.bind("x", binding(SECOND))
    scope.exit_loop()
    assert scope.end_loop() == (1, {"x": binding(SECOND)})
    scope.exit_loop()
    assert scope.end_loop() == (2, {"x": binding(FIRST)})


def test_cost_is_linear_in_exits_and_names() -> None:
    """Ten times as many take about ten times as long; the factor 40 leaves room for a busy machine."""

    def seconds(count: int) -> float:
        scope = Scope()
        start = time.process_time()
        scope.begin_loop()
        for number in range(count):
            scope.bind(f"x{number}", binding(FIRST))
            scope.exit_loop()
        found, merged = scope.end_loop()
        assert (found, len(merged)) == (count, count)
        return time.process_time() - start

    assert seconds(10_000) < 40 * max(seconds(1_000), 0.01)


def test_cost_is_linear_in_branches_that_break() -> None:
    """Ten times as many take about ten times as long; the factor 40 leaves room for a busy machine."""

    def seconds(count: int) -> float:
        scope = Scope()
        start = time.process_time()
        ends = []
        for number in range(count):
            scope.begin_task()
            scope.bind(f"x{number}", binding(FIRST))
            if number % 2:
                scope.exit_loop()
            ends.append(scope.end_task())
        assert len(scope.joined_at_break(ends)) == count
        assert len(scope.merge([end.at_end for end in ends])) == count
        return time.process_time() - start

    assert seconds(10_000) < 40 * max(seconds(1_000), 0.01)
