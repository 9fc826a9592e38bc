"""The automaton: its stored tables are the grammar's, and a stale copy is never used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pgdurc import grammar
from pgdurc.resources import resource_text

WORKFLOW = resource_text("grammar", "workflow.lark")


class Terminal(NamedTuple):
    kind: str


def read(words: str) -> Any:
    """The rules around the terminals, as a tree of names."""

    def build(name: str, children: list[Any]) -> Any:
        shown = [child.kind if isinstance(child, Terminal) else child for child in children]
        return f"{name}({' '.join(shown)})"

    return grammar.parse([Terminal(word) for word in words.split()], build)


def test_stored_tables_are_the_grammars() -> None:
    stored = resource_text("grammar", "workflow.json")
    assert stored == grammar.as_json(WORKFLOW), "run: python -m pgdurc.grammar > grammar/workflow.json"


@pytest.mark.parametrize(
    "damage",
    [
        lambda stored: json.dumps(json.loads(stored) | {"grammar": "of another grammar"}),
        lambda stored: stored[: len(stored) // 2],
        lambda stored: stored[:0],
    ],
)
def test_tables_of_another_grammar_are_not_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, damage: Any
) -> None:
    (tmp_path / "workflow.lark").write_text(WORKFLOW)
    (tmp_path / "workflow.json").write_text(damage(resource_text("grammar", "workflow.json")))
    monkeypatch.setattr(grammar, "resource_text", lambda _, name: (tmp_path / name).read_text())
    grammar.stored_tables.cache_clear()
    try:
        assert grammar.stored_tables() == grammar.make_tables(WORKFLOW)
    finally:
        grammar.stored_tables.cache_clear()


@pytest.mark.parametrize(
    ("words", "tree"),
    [
        ("DROP WORKFLOW WORD SEMICOLON", "statement(drop(DROP WORKFLOW name(WORD) SEMICOLON))"),
        (
            "DROP WORKFLOW WORD DOT WORD DOT WORD SEMICOLON",
            "statement(drop(DROP WORKFLOW name(WORD DOT WORD DOT WORD) SEMICOLON))",
        ),
        (
            "CREATE WORKFLOW WORD LPAR RPAR AS STRING OPERATOR LOOP LOOP STRING NAMES NAME SEMICOLON",
            "statement(create(CREATE WORKFLOW name(WORD) LPAR RPAR AS"
            " chain(operand(STRING) OPERATOR operand(LOOP LOOP STRING) NAMES NAME) SEMICOLON))",
        ),
    ],
)
def test_repetitions_belong_to_the_rule_around(words: str, tree: str) -> None:
    assert read(words) == tree


@pytest.mark.parametrize(
    ("words", "index", "accepted"),
    [
        ("DROP", 1, {"WORKFLOW"}),
        ("", 0, {"CREATE", "DROP", "START"}),
        ("DROP WORKFLOW WORD WORD", 3, {"DOT", "SEMICOLON"}),
        ("DROP WORKFLOW WORD SEMICOLON SEMICOLON", 4, {"$END"}),
        # The chain is complete by the time that its end is found to be wrong.
        ("CREATE WORKFLOW WORD LPAR RPAR AS STRING RPAR", 7, {"SEMICOLON"}),
        ("CREATE WORKFLOW WORD LPAR RPAR AS STRING STRING", 7, {"NAMES", "OPERATOR", "SEMICOLON"}),
    ],
)
def test_what_could_have_stood_there(words: str, index: int, accepted: set[str]) -> None:
    with pytest.raises(grammar.UnexpectedTerminal) as caught:
        read(words)
    assert (caught.value.index, set(caught.value.accepted)) == (index, accepted)
