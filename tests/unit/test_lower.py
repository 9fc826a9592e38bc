"""States of small workflows, written as `number: what it does -> where it goes`."""

from __future__ import annotations

import pytest

from pgdurc import program
from pgdurc.analyse import analyse
from pgdurc.lower import lower
from pgdurc.parse import parse_declaration
from pgdurc.program import Choice, Jump, Program
from pgdurc.script import split
from pgdurc.source import from_text
from pgdurc.tree import Declaration
from pgdurc.version import version_of


def lowered(body: str, options: str = "") -> Program:
    source = from_text(f"CREATE WORKFLOW w(p int) {options} AS {body};")
    (ours,) = split(source.text).declarations
    declaration, problems = parse_declaration(source.text, ours)
    assert isinstance(declaration, Declaration), problems
    workflow, problems = analyse(declaration, source)
    assert workflow is not None, problems
    return lower(workflow)


def jump(to: Jump) -> str:
    place = "done" if to.state is None else str(to.state)
    return f"lap {place}" if to.is_lap else place


def shown(state: program.State) -> str:
    match state.action:
        case program.Run(is_captured=is_captured):
            action = ("keep " if is_captured else "run ") + state.label
        case program.Load(name=name):
            action = f"load {name}"
        case program.Fork(branches=branches):
            action = f"{state.kind} {' '.join(map(str, branches))}"
        case program.Gather():
            action = gathered(state.action)
        case _:
            action = state.label
    name = f" |=> {state.name}" if state.name else ""
    if isinstance(state.then, Choice):
        return f"{state.number}: {action}{name} -> {jump(state.then.yes)} | {jump(state.then.no)}"
    place = "break" if isinstance(state.then, program.Leave) else jump(state.then)
    return f"{state.number}: {action}{name} -> {place}"


def gathered(gather: program.Gather) -> str:
    words = ["gather", *gather.merge, "" if gather.is_kept else "unread"]
    if gather.break_to is not None:
        words.append(f"break {gather.break_to} |=> {gather.break_name}")
    return " ".join(word for word in words if word)


@pytest.mark.parametrize(
    ("body", "states"),
    [
        ("'A' & 'B'", ["1: join 2 3 -> 4", "2: keep A -> done", "3: keep B -> done", "4: gather -> done"]),
        (
            "df.race('A', 'B', 'C') ~> 'D'",
            [
                "1: race 2 3 4 -> 5",
                "2: run A -> done",
                "3: run B -> done",
                "4: run C -> done",
                "5: gather unread -> 6",
                "6: keep D -> done",
            ],
        ),
        (
            "'A' & 'B' & 'C'",
            [
                "1: join 2 6 -> 7",
                "2: join 3 4 -> 5",
                "3: keep A -> done",
                "4: keep B -> done",
                "5: gather -> done",
                "6: keep C -> done",
                "7: gather -> done",
            ],
        ),
        # Only what is read elsewhere is merged.
        (
            "df.join('A' |=> x ~> 'C, $x', ('B' |=> y) ~> 'C', 'D' |=> z) |=> j ~> 'C, $j, $y'",
            [
                "1: join 2 4 6 -> 7",
                "2: keep A |=> x -> 3",
                "3: keep C, $x -> done",
                "4: keep B |=> y -> 5",
                "5: keep C -> done",
                "6: keep D -> done",
                "7: gather y |=> j -> 8",
                "8: keep C, $j, $y -> done",
            ],
        ),
        # In the place of a condition.
        (
            "('A' | 'B') ?> 'C' !> 'D'",
            [
                "1: race 2 3 -> 4",
                "2: keep A -> done",
                "3: keep B -> done",
                "4: gather |=> .race1 -> 5",
                "5: load .race1 -> 6 | 7",
                "6: keep C -> done",
                "7: keep D -> done",
            ],
        ),
        # A break out of a branch: the loop ends behind it, or the task with it.
        (
            "(@> ('A' & df.break('v'))) |=> x ~> 'C, $x'",
            [
                "1: join 2 3 -> 4",
                "2: run A -> done",
                "3: df.break('v') -> break",
                "4: gather unread break 5 |=> x -> 1",
                "5: keep C, $x -> done",
            ],
        ),
        (
            "@> ('A' & df.break('v'))",
            [
                "1: join 2 3 -> 4",
                "2: run A -> done",
                "3: df.break('v') -> break",
                "4: gather unread break 5 |=> .loop1 -> 1",
                "5: load .loop1 -> done",
            ],
        ),
        (
            "@> (('A' | ('B' & df.break())) ~> 'C') ~> 'D'",
            [
                "1: race 2 3 -> 7",
                "2: run A -> done",
                "3: join 4 5 -> 6",
                "4: run B -> done",
                "5: df.break() -> break",
                "6: gather unread -> done",
                "7: gather unread break 9 |=> None -> 8",
                "8: run C -> 1",
                "9: keep D -> done",
            ],
        ),
        # A break inside of its branch is a jump; loops in joins in loops.
        (
            "df.loop(df.join('A', @> ('B' ~> df.break('v'))), 'C')",
            [
                "1: join 2 3 -> 5",
                "2: keep A -> done",
                "3: run B -> 4",
                "4: df.break('v') -> done",
                "5: gather |=> .loop1 -> 6",
                "6: keep C -> 1 | 7",
                "7: load .loop1 -> done",
            ],
        ),
        # An inner loop that is left by a branch goes round the outer one in a state of its own: that takes a second.
        (
            "@> @> ('A' | df.break())",
            [
                "1: race 2 3 -> 4",
                "2: run A -> done",
                "3: df.break() -> break",
                "4: gather unread break 5 |=> .loop1 -> 1",
                "5: load .loop1 -> lap 1",
            ],
        ),
        (
            "@> ('A' & 'B')",
            ["1: join 2 3 -> 4", "2: run A -> done", "3: run B -> done", "4: gather unread -> lap 1"],
        ),
        ("'A' ~> 'B'", ["1: run A -> 2", "2: keep B -> done"]),
        ("'A' |=> x ~> 'B'", ["1: run A -> 2", "2: keep B -> done"]),
        ("'A' |=> x ~> 'B, $x'", ["1: keep A |=> x -> 2", "2: keep B, $x -> done"]),
        (
            "'A' |=> x ~> df.if_rows(x, 'B', 'C')",
            ["1: run A |=> x -> 2", "2: df.if_rows('x') -> 3 | 4", "3: keep B -> done", "4: keep C -> done"],
        ),
        (
            "('A' ?> 'B' !> 'C') |=> x ~> 'D, $x'",
            ["1: keep A -> 2 | 3", "2: keep B |=> x -> 4", "3: keep C |=> x -> 4", "4: keep D, $x -> done"],
        ),
        (
            "('A' |=> c ?> 'B' !> 'C') ~> 'D, $c'",
            [
                "1: keep A |=> c -> 2",
                "2: load c -> 3 | 4",
                "3: run B -> 5",
                "4: run C -> 5",
                "5: keep D, $c -> done",
            ],
        ),
        ("@> 'A'", ["1: run A -> lap 1"]),
        (
            "@> ('A' ?> df.break('v') !> 'B') ~> 'C'",
            ["1: keep A -> 2 | 3", "2: df.break('v') -> 4", "3: run B -> 1", "4: keep C -> done"],
        ),
        ("df.loop('A', 'B') ~> 'C'", ["1: run A -> 2", "2: keep B -> 1 | 3", "3: keep C -> done"]),
        ("df.loop('A', 'B')", ["1: keep A |=> .loop1 -> 2", "2: keep B -> 1 | 3", "3: load .loop1 -> done"]),
        (
            "df.loop('A', 'B') |=> x ~> 'C, $x'",
            ["1: keep A |=> x -> 2", "2: keep B -> 1 | 3", "3: keep C, $x -> done"],
        ),
        # The loop's name is read inside of it, or bound by its condition.
        (
            "'Z' |=> x ~> df.loop('A + $x', 'B') |=> x ~> 'C, $x'",
            [
                "1: keep Z |=> x -> 2",
                "2: keep A + $x |=> .loop1 -> 3",
                "3: keep B -> 2 | 4",
                "4: load .loop1 |=> x -> 5",
                "5: keep C, $x -> done",
            ],
        ),
        (
            "df.loop('A', 'B' |=> x) |=> x ~> 'C, $x'",
            [
                "1: keep A |=> .loop1 -> 2",
                "2: keep B |=> x -> 3",
                "3: load x -> 1 | 4",
                "4: load .loop1 |=> x -> 5",
                "5: keep C, $x -> done",
            ],
        ),
        (
            "'Z' |=> x ~> df.loop('A' ~> df.loop('B', 'C' |=> y), 'D, $x') |=> y ~> 'E, $y'",
            [
                "1: keep Z |=> x -> 2",
                "2: run A -> 3",
                "3: keep B |=> .loop1 -> 4",
                "4: keep C |=> y -> 5",
                "5: load y -> 3 | 6",
                "6: keep D, $x -> 2 | 7",
                "7: load .loop1 |=> y -> 8",
                "8: keep E, $y -> done",
            ],
        ),
        (
            "df.loop('A' |=> y, 'B, $y') |=> x ~> 'C, $x'",
            [
                "1: keep A |=> y -> 2",
                "2: keep B, $y -> 1 | 3",
                "3: load y |=> x -> 4",
                "4: keep C, $x -> done",
            ],
        ),
        (
            "df.loop('A' ~> 'Z' |=> y, 'B, $y') |=> x ~> df.if_rows(x, 'C', 'D')",
            [
                "1: run A -> 2",
                "2: keep Z |=> y -> 3",
                "3: keep B, $y -> 1 | 4",
                "4: load y |=> x -> 5",
                "5: df.if_rows('x') -> 6 | 7",
                "6: keep C -> done",
                "7: keep D -> done",
            ],
        ),
        (
            "(df.loop('A', 'B') ?> 'C' !> 'D') ~> 'E'",
            [
                "1: keep A |=> .loop1 -> 2",
                "2: keep B -> 1 | 3",
                "3: load .loop1 -> 4 | 5",
                "4: run C -> 6",
                "5: run D -> 6",
                "6: keep E -> done",
            ],
        ),
        ("df.sleep(1) ~> 'A'", ["1: df.sleep(1) -> 2", "2: keep A -> done"]),
        ("df.sleep(1)", ["1: df.sleep(1) |=> .sleep1 -> 2", "2: load .sleep1 -> done"]),
    ],
)
def test_states(body: str, states: list[str]) -> None:
    # A capital letter is a query of a column of that name.
    for letter in "ABCDEZ":
        body = body.replace(f"'{letter}", f"'SELECT {letter}")
    assert [shown(s).replace("SELECT ", "") for s in lowered(body).states] == states


def test_trace_keeps_every_result() -> None:
    program_ = lowered("'SELECT 1' ~> 'SELECT 2'", "WITH (trace = full)")
    assert [shown(state) for state in program_.states] == [
        "1: keep SELECT 1 -> 2",
        "2: keep SELECT 2 -> done",
    ]


def test_every_jump_leads_to_a_state() -> None:
    program_ = lowered("@> (('SELECT 1' ?> df.loop('SELECT 2', 'SELECT 3') !> df.break()) ~> df.sleep($p))")
    numbers = {state.number for state in program_.states}
    for state in program_.states:
        ways = (state.then,) if isinstance(state.then, Jump) else (state.then.yes, state.then.no)
        assert all(way.state is None or way.state in numbers for way in ways)


def test_version_is_of_what_the_program_does() -> None:
    version = version_of(lowered("'SELECT 1' ~> 'SELECT 2'"))
    assert version == version_of(lowered("\n\n 'SELECT 1' -- a comment\n ~> (('SELECT 2'))"))
    assert version == version_of(lowered("df.seq('SELECT 1', $$SELECT 2$$)"))
    assert version != version_of(lowered("'SELECT 1' ~> 'SELECT  2'"))
    assert version != version_of(lowered("'SELECT 1' ~> 'SELECT 2'", "WITH (max_attempts = 2)"))
    assert version != version_of(lowered("'SELECT 2' ~> 'SELECT 1'"))
