"""The grammar as an automaton: which terminal leads where, and what a rule's children become.

lark makes the tables from grammar/workflow.lark and checks that the grammar is LALR(1). That takes longer
than compiling a small file, so they are stored beside the grammar, with the grammar's hash: tables that are
not those of the grammar are never used. After a change of the grammar write them anew:

    python -m pgdurc.grammar > grammar/workflow.json
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

from pgdurc.resources import resource_text

END = "$END"
"""What stands after the last terminal."""


class Terminal(Protocol):
    @property
    def kind(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Tables:
    """`states`: by state and symbol the state to go to, or -n - 1 to apply rule n.

    `rules`: a rule's name and the number of its symbols. Those that lark made for a repetition begin with
    two underscores; their children belong to the rule around.
    """

    start: int
    end: int
    states: list[dict[str, int]]
    rules: list[tuple[str, int]]


class UnexpectedTerminal(Exception):
    """The terminal `index` cannot stand there (the number of them all: the end); `accepted` could."""

    def __init__(self, index: int, accepted: frozenset[str]) -> None:
        super().__init__(index)
        self.index = index
        self.accepted = accepted


def parse(terminals: Iterable[Terminal], build: Callable[[str, list[Any]], Any]) -> Any:
    """Run the automaton, giving `build` each rule's name and children once they are complete.

    Children are terminals and what `build` has made; the result is that of the last rule. Raises
    UnexpectedTerminal.
    """
    tables = stored_tables()
    states, rules = tables.states, tables.rules
    stack = [tables.start]
    values: list[Any] = []

    def reduce(rule: int) -> None:
        name, size = rules[rule]
        children = values[-size:]
        del stack[-size:], values[-size:]
        first = children[0]
        if isinstance(first, _Repetition) and first.rule == name:
            # It grows in place: copied each time, a long chain would cost its square.
            value: Any = first
            first.items += _flat(children[1:])
        elif name.startswith("__"):
            value = _Repetition(name, _flat(children))
        else:
            value = build(name, _flat(children))
        stack.append(states[stack[-1]][name])
        values.append(value)

    index = -1
    for index, terminal in enumerate(terminals):
        while (action := states[stack[-1]].get(terminal.kind)) is not None and action < 0:
            reduce(-action - 1)
        if action is None:
            raise UnexpectedTerminal(index, _accepted(tables, stack))
        stack.append(action)
        values.append(terminal)
    while stack[-1] != tables.end:
        action = states[stack[-1]].get(END)
        if action is None:
            raise UnexpectedTerminal(index + 1, _accepted(tables, stack))
        reduce(-action - 1)
    return values[-1]


@dataclass(slots=True)
class _Repetition:
    rule: str
    items: list[Any]


def _flat(children: list[Any]) -> list[Any]:
    found: list[Any] = []
    for child in children:
        if isinstance(child, _Repetition):
            found += child.items
        else:
            found.append(child)
    return found


def _accepted(tables: Tables, stack: list[int]) -> frozenset[str]:
    """The terminals that could be next: a state's own row also has some that a rule applied first refuses."""
    return frozenset(
        symbol
        for symbol in tables.states[stack[-1]]
        if (symbol.isupper() or symbol == END) and _is_accepted(tables, list(stack), symbol)
    )


def _is_accepted(tables: Tables, stack: list[int], symbol: str) -> bool:
    while (action := tables.states[stack[-1]].get(symbol)) is not None and action < 0:
        name, size = tables.rules[-action - 1]
        del stack[-size:]
        stack.append(tables.states[stack[-1]][name])
        if symbol == END and stack[-1] == tables.end:
            return True
    return action is not None


# The tables


@cache
def stored_tables() -> Tables:
    grammar = resource_text("grammar", "workflow.lark")
    try:
        stored = json.loads(resource_text("grammar", "workflow.json"))
    except (FileNotFoundError, json.JSONDecodeError):
        return make_tables(grammar)
    if stored["grammar"] != _hash(grammar):
        return make_tables(grammar)
    return Tables(
        stored["start"],
        stored["end"],
        stored["states"],
        [(rule["name"], rule["size"]) for rule in stored["rules"]],
    )


def make_tables(grammar: str) -> Tables:
    """The tables of a grammar. Raises lark's GrammarError where it is none, or not LALR(1)."""
    import lark

    class NoLexer(lark.lexer.Lexer):
        def __init__(self, configuration: object) -> None:
            pass

        def lex(self, *_: object) -> Iterator[lark.Token]:
            raise NotImplementedError("terminals are made by pgdurc/shape.py")

    made = lark.Lark(grammar, start="statement", parser="lalr", lexer=NoLexer)
    table = made.parser.parser._parse_table
    # lark's numbers differ from run to run: count states in the order in which the start leads to them.
    numbers = {table.start_states["statement"]: 0}
    rules: dict[tuple[str, tuple[str, ...]], int] = {}
    states: list[dict[str, int]] = []
    for state in (pending := [table.start_states["statement"]]):
        row: dict[str, int] = {}
        for symbol, (action, argument) in sorted(table.states[state].items(), key=lambda item: item[0]):
            if str(action) == "Shift":
                if argument not in numbers:
                    numbers[argument] = len(numbers)
                    pending.append(argument)
                row[symbol] = numbers[argument]
            else:
                rule = (str(argument.origin.name), tuple(str(s.name) for s in argument.expansion))
                row[symbol] = -rules.setdefault(rule, len(rules)) - 1
        states.append(row)
    end = numbers[table.end_states["statement"]]
    return Tables(0, end, states, [(name, len(symbols)) for name, symbols in rules])


def as_json(grammar: str) -> str:
    """The tables as they are stored: a state a line, and the same each time."""
    tables = make_tables(grammar)
    rules = ",\n".join("    " + json.dumps({"name": name, "size": size}) for name, size in tables.rules)
    states = ",\n".join("    " + json.dumps(state) for state in tables.states)
    return (
        f'{{\n  "grammar": "{_hash(grammar)}",\n  "start": {tables.start},\n  "end": {tables.end},\n'
        f'  "rules": [\n{rules}\n  ],\n  "states": [\n{states}\n  ]\n}}\n'
    )


def _hash(grammar: str) -> str:
    return hashlib.sha256(grammar.encode()).hexdigest()


if __name__ == "__main__":
    import sys

    sys.stdout.write(as_json(resource_text("grammar", "workflow.lark")))
