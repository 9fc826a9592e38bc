"""Draws workflows that compile, end, and say what they did.

It keeps track of what is bound where, as the compiler does: a name keeps its columns throughout a workflow, what is
bound on some ways only is read as `$name?`, nothing follows what never ends. Loops count their laps, and whatever runs
in a loop reads these counts, so no two effects of a workflow are the same.

A race is decided by what its branches are: all but one never end, or it is open and the interpreter takes each branch for
the winner in turn. A branch that may be stopped takes no signals: how many it took would be left to chance.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import strategies as st

from tests.model.nodes import (
    FOR_EVER_S,
    Break,
    Counted,
    Expression,
    If,
    IfRows,
    Join,
    Less,
    Literal,
    Loop,
    Named,
    Node,
    Race,
    Reference,
    Schedule,
    Sequence,
    Sleep,
    Sql,
    Sum,
    Wait,
    Workflow,
)

MAX_LEAVES = 16
MAX_DEPTH = 6
MAX_CHOICES = 6

LITERALS = {
    "int": [Literal("1", 1), Literal("0", 0), Literal("-3", -3), Literal("2147483647", 2147483647)],
    "text": [
        Literal("'a'::text", "a"),
        Literal("''::text", ""),
        Literal("'it''s \"odd\" \\ $nobody {nothing}'::text", 'it\'s "odd" \\ $nobody {nothing}'),
        Literal("' No '::text", " No "),
        Literal("'0.00'", "0.00"),
        Literal("'{\"k\": 1}'", '{"k": 1}'),
        Literal("E'\\ttab\\u00e9'", "\ttab\u00e9"),
        Literal("'off'::varchar", "off"),
    ],
    "any": [
        Literal("false", False),
        Literal("true", True),
        Literal("1.50", 1.5),
        Literal("0.00::numeric(5,2)", 0.0),
        Literal("'NaN'::float8", "NaN"),
        Literal("date '2024-02-29'", "2024-02-29"),
        Literal("timestamptz '2024-06-15 12:30+02'", "2024-06-15T10:30:00+00:00"),
        Literal("interval '1 day 2 hours'", "1 day 02:00:00"),
        Literal("ARRAY[1, 2]", [1, 2]),
        Literal("'{}'::int[]", []),
        Literal("jsonb '{\"a\": [1, null]}'", {"a": [1, None]}),
        Literal("'\\xdead'::bytea", "\\xdead"),
    ],
}
NULLS = {"int": Literal("NULL::int", None), "text": Literal("NULL::text", None)}

SLEEPS = [("0", 0), ("1", 1), ("0.25", 0.25), ("90", 90), ("'10 minutes'", 600), ("'1 hour'", 3600)]
SCHEDULES = [
    "'* * * * *'",
    "'*/5 * * * *'",
    "'30 2 * * MON-FRI', 'Europe/Berlin'",
    "'@daily'",
    "'0 0 1,15 * 5'",
]
SQLSTATES = ["22012", "P0001", "23505", "P0004", "40001"]
TRANSIENT = ["40001", "40P01", "55P03"]


@dataclass(frozen=True)
class Shape:
    """Of a statement: its columns, with int, text or any. Of a value (no columns): its fields, () where none are known."""

    columns: tuple[tuple[str, str], ...] | None
    fields: tuple[str, ...] = ()


AFFECTED = Shape(())
VALUE = Shape(None)
SIGNAL = Shape(None, ("signal_name", "timed_out", "data"))
SLEPT = Shape(None, ("slept", "seconds"))
SCHEDULED = Shape(None, ("scheduled",))


@dataclass(frozen=True)
class Entry:
    """Of a name: is_certain: bound on every way; is_solid: one row without NULLs."""

    shape: Shape
    is_certain: bool
    is_solid: bool


Scope = dict[str, Entry]


@dataclass(frozen=True)
class Place:
    """Where a node is to stand."""

    depth: int = 0
    laps: tuple[str, ...] = ()
    can_break: bool = False
    # It may be stopped: no signals.
    is_stoppable: bool = False
    # Nothing may fail.
    is_safe: bool = False

    def below(self) -> Place:
        return replace(self, depth=self.depth + 1)


@dataclass(frozen=True)
class Made:
    """A node; shape None: nothing can be read of its result. What it binds; what is bound at each break out of it."""

    node: Node
    shape: Shape | None
    binds: Scope = field(default_factory=dict)
    breaks: tuple[tuple[Scope, Shape | None], ...] = ()
    completes: bool = True
    is_solid: bool = False
    # A name cannot be put on it: its result has one.
    is_named: bool = False


def after(scope: Scope, binds: Scope) -> Scope:
    """What is bound when `binds` has been bound after `scope`."""
    result = dict(scope)
    for name, entry in binds.items():
        before = result.get(name)
        if not entry.is_certain and before is not None:
            entry = Entry(entry.shape, before.is_certain, before.is_solid and entry.is_solid)
        result[name] = entry
    return result


def doubtful(binds: Scope) -> Scope:
    return {name: replace(entry, is_certain=False) for name, entry in binds.items()}


def either(ways: list[Scope]) -> Scope:
    """What is bound after one of several ways."""
    result: Scope = {}
    for name in {name: None for way in ways for name in way}:
        entries = [way.get(name) for way in ways]
        found = [entry for entry in entries if entry is not None]
        result[name] = Entry(
            found[0].shape,
            len(found) == len(ways) and all(entry.is_certain for entry in found),
            all(entry.is_solid for entry in found),
        )
    return result


def common(shapes: list[Shape | None]) -> Shape | None:
    """The shape of a result that is one of these."""
    return shapes[0] if shapes and all(shape == shapes[0] for shape in shapes) else None


@st.composite
def workflows(draw: st.DrawFn) -> Workflow:
    is_call = draw(st.integers(0, 4)) == 4
    max_attempts = 1 if is_call else draw(st.integers(1, 3))
    maker = Maker(draw, is_call, max_attempts)
    body = maker.sequence(Place(), {})
    arguments: dict[str, Any] = {}
    if not is_call and maker.chance(50):
        arguments = {
            "number": draw(st.sampled_from([-1, 0, None])),
            "word": draw(st.sampled_from(["x", "", None])),
        }
    return Workflow(
        body.node,
        tuple(arguments.items()),
        max_attempts,
        is_traced=maker.chance(10) and not is_call,
        is_call=is_call,
    )


class Maker:
    def __init__(self, draw: st.DrawFn, is_call: bool, max_attempts: int) -> None:
        self.draw = draw
        self.is_call = is_call
        self.max_attempts = max_attempts
        self.leaves = 0
        self.loops = 0
        self.signals = 0
        self.choices = 0
        self.names: dict[Shape, list[str]] = {}

    # Draws

    def chance(self, percent: int) -> bool:
        """Shrinks to False."""
        return self.draw(st.integers(0, 99)) >= 100 - percent

    def pick(self, options: list[Any]) -> Any:
        return self.draw(st.sampled_from(options))

    @property
    def is_full(self) -> bool:
        return self.leaves >= MAX_LEAVES

    def style(self) -> bool:
        return not self.chance(40)

    # Nodes

    def node(self, place: Place, scope: Scope) -> Made:
        if self.is_full or place.depth >= MAX_DEPTH:
            return self.statement(place, scope)
        made: Made = self.pick(
            [self.statement] * 5
            + [self.named_statement] * 5
            + [self.pause] * 2
            + [self.wait] * 2
            + [self.sequence] * 2
            + [self.choice] * 3
            + [self.loop] * 3
            + [self.join] * 4
            + [self.race] * 3
        )(place, scope)
        if made.completes and not made.is_named and self.chance(40):
            return self.name(made)
        return made

    def name(self, made: Made) -> Made:
        """Binds its result, where the compiler lets it be read later; elsewhere it stays unnamed."""
        if made.shape is None:
            return made
        known = self.names.setdefault(made.shape, [])
        if len(known) < 2 and (not known or self.chance(50)):
            number = sum(map(len, self.names.values()))
            known.append(f"Name{number}" if number % 4 == 3 else f"name{number}")
        name = self.pick(known)
        return replace(
            made,
            node=Named(made.node, name, self.style()),
            binds=after(made.binds, {name: Entry(made.shape, True, made.is_solid)}),
            is_named=True,
        )

    def named_statement(self, place: Place, scope: Scope) -> Made:
        return self.name(self.statement(place, scope))

    def sequence(self, place: Place, scope: Scope) -> Made:
        parts: list[Made] = []
        binds: Scope = {}
        breaks: list[tuple[Scope, Shape | None]] = []
        for _ in range(self.draw(st.integers(1, 4))):
            made = self.node(place.below(), after(scope, binds))
            breaks += [(after(binds, bound), shape) for bound, shape in made.breaks]
            binds = after(binds, made.binds)
            parts.append(made)
            if not made.completes:
                break
        last = parts[-1]
        if len(parts) == 1:
            return last
        node = Sequence(tuple(part.node for part in parts), self.style())
        return replace(last, node=node, binds=binds, breaks=tuple(breaks))

    def choice(self, place: Place, scope: Scope) -> Made:
        counted = [
            name for name, entry in scope.items() if entry.is_certain and entry.shape.columns is not None
        ]
        if counted and self.chance(25):
            condition = None
        else:
            condition = self.condition(place, scope)
        before = condition.binds if condition else {}
        arms = [self.arm(place, after(scope, before)) for _ in range(2)]
        ways = [arm for arm in arms if arm.completes]
        if condition is None:
            node: Node = IfRows(self.pick(counted), arms[0].node, arms[1].node)
        else:
            node = If(condition.node, arms[0].node, arms[1].node, self.style())
        return Made(
            node,
            common([way.shape for way in ways]),
            after(before, either([way.binds for way in ways])),
            tuple((after(before, bound), shape) for arm in arms for bound, shape in arm.breaks)
            + (condition.breaks if condition else ()),
            completes=bool(ways),
            is_solid=all(way.is_solid for way in ways),
        )

    def condition(self, place: Place, scope: Scope) -> Made:
        if self.chance(20):
            made = self.node(place.below(), scope)
            if made.completes:
                return made
        return self.statement(place, scope, width=1)

    def arm(self, place: Place, scope: Scope) -> Made:
        if place.can_break and self.chance(30):
            return self.leave(scope)
        return self.sequence(place.below(), scope) if self.chance(30) else self.node(place.below(), scope)

    def leave(self, scope: Scope) -> Made:
        sure = [
            (name, entry) for name, entry in scope.items() if entry.is_certain and entry.shape != AFFECTED
        ]
        kind = self.pick(["nothing", "text", "json", "whole", "inserted"])
        if kind == "whole" and sure:
            name, entry = self.pick(sure)
            return Made(Break(Reference("value", name)), None, breaks=(({}, entry.shape),), completes=False)
        numbers = [
            Reference("value", name)
            for name, entry in sure
            if entry.is_solid and entry.shape.columns and [kind for _, kind in entry.shape.columns] == ["int"]
        ]
        if kind == "inserted" and numbers:
            reference = self.pick(numbers)
            text = self.pick(["{0}", '{{"n": {0}, "s": "<{0}>"}}', "got {0}", "[{0}, null]"]).format(
                reference.written
            )
            # A reference that is all there is hands on the whole result.
            if text == reference.written:
                return Made(
                    Break(reference), None, breaks=(({}, scope[reference.name].shape),), completes=False
                )
            return Made(Break(text, (reference,)), None, breaks=(({}, VALUE),), completes=False)
        value = {"nothing": None, "json": '{"a": [1, "it\'s"]}'}.get(
            kind, self.pick(["out", "42", "0", "false", "", "[]"])
        )
        return Made(Break(value), None, breaks=(({}, VALUE),), completes=False)

    def loop(self, place: Place, scope: Scope) -> Made:
        """Counts first, then does something; leaves by its condition, by a break at the end, or either."""
        self.loops += 1
        lap = f"lap{self.loops}"
        counter = Shape((("n", "int"),))
        start: tuple[Node, ...] = ()
        binds: Scope = {}
        if self.chance(70):
            zero = self.statement(place, scope, plain=((Literal("0", 0),),), columns=("n",))
            start = (Named(zero.node, lap, self.style()),)
            binds = {lap: Entry(counter, True, True)}
        counting = self.statement(
            place,
            scope,
            plain=((Counted(lap),),),
            columns=("n",),
            laps=(Reference("value", lap, is_optional=True),),
        )
        counted = {lap: Entry(counter, True, True)}
        inside = replace(place.below(), laps=(*place.laps, lap), can_break=True)
        body = self.sequence(inside, after(scope, counted))
        parts = [Named(counting.node, lap, self.style()), body.node]
        bound = after(counted, body.binds)
        breaks = [(after(counted, names), shape) for names, shape in body.breaks]
        # What it reads of the lap before.
        if later := [name for name in body.binds if name not in scope]:
            looking_back = tuple(
                Reference("value", name, is_optional=True)
                if (shape := body.binds[name].shape).columns is None
                else Reference("column", name, shape.columns[0][0], is_optional=True)
                for name in later
                if body.binds[name].shape != AFFECTED
            )
            parts[0:0] = [
                self.statement(
                    place, scope, laps=(Reference("value", lap, is_optional=True), *looking_back)
                ).node
            ]
        limit = self.draw(st.integers(1, 3))
        less = Less(Reference("value", lap), limit)
        ends = self.pick(["condition", "break", "both", "branch"])
        condition: Made | None = None
        exits: list[tuple[Scope, Shape | None]] = []
        completes = body.completes
        shape = body.shape
        if completes and ends != "condition":
            way_out = self.leave(after(scope, bound))
            going_on = self.node(inside, after(scope, bound))
            asked = self.statement(inside, after(scope, bound), plain=((less,),), columns=("b",))
            ways = [way for way in (going_on,) if way.completes]
            node: Node = If(asked.node, going_on.node, way_out.node, self.style())
            breaks += [(after(bound, names), left) for names, left in (*way_out.breaks, *going_on.breaks)]
            bound_if = either([way.binds for way in ways])
            shape = going_on.shape
            completes = bool(ways)
            if ends == "branch":
                # The break is that of a branch.
                side = self.statement(inside, after(scope, bound))
                node = Join((side.node, node) if self.chance(50) else (node, side.node), self.style())
                shape = VALUE
            parts.append(node)
            bound = after(bound, bound_if)
        if completes and ends in ("condition", "both"):
            condition = self.statement(inside, after(scope, bound), plain=((less,),), columns=("b",))
            exits.append((bound, shape))
        exits += [(after(doubtful(bound), names), left) for names, left in breaks]
        loop = Loop(Sequence(tuple(parts), self.style()), condition.node if condition else None, self.style())
        return Made(
            Sequence((*start, loop), self.style()) if start else loop,
            common([left for _, left in exits]),
            after(binds, either([names for names, _ in exits])),
            is_named=False,
        )

    def join(self, place: Place, scope: Scope) -> Made:
        branches = [self.branch(place, scope) for _ in range(self.pick([2, 2, 2, 3, 4]))]
        binds: Scope = {}
        for branch in branches:
            binds = after(binds, branch.binds)
        breaks: list[tuple[Scope, Shape | None]] = []
        for branch in branches:
            others: Scope = {}
            for other in branches:
                others = after(others, doubtful(other.binds))
                for bound, _ in other.breaks:
                    others = after(others, doubtful(bound))
            breaks += [(after(bound, others), shape) for bound, shape in branch.breaks]
        return Made(
            Join(tuple(branch.node for branch in branches), self.style()),
            VALUE,
            binds,
            tuple(breaks),
            completes=all(branch.completes for branch in branches),
        )

    def branch(self, place: Place, scope: Scope) -> Made:
        if place.can_break and self.chance(15):
            return self.leave(scope)
        return self.sequence(place.below(), scope) if self.chance(40) else self.node(place.below(), scope)

    def race(self, place: Place, scope: Scope) -> Made:
        # Each open race doubles the outcomes, in each of up to three laps of a loop.
        choices = 3 ** len(place.laps)
        is_open = (
            self.chance(40) and self.choices + choices <= MAX_CHOICES and not (place.is_safe and place.laps)
        )
        if not is_open:
            made = [self.branch(place, scope)]
            while len(made) < 2 or self.chance(20):
                made.insert(self.draw(st.integers(0, len(made))), self.loser(place, scope))
        else:
            self.choices += choices
            stoppable = replace(place, is_stoppable=True)
            made = [self.branch(stoppable, scope) for _ in range(2)]
        ways = [branch for branch in made if branch.completes]
        return Made(
            Race(tuple(branch.node for branch in made), self.style()),
            common([way.shape for way in ways]),
            either([way.binds for way in ways]),
            tuple(left for branch in made for left in branch.breaks),
            completes=bool(ways),
            is_solid=all(way.is_solid for way in ways),
        )

    def loser(self, place: Place, scope: Scope) -> Made:
        """A branch that never ends."""
        inside = replace(place.below(), is_stoppable=True, is_safe=True, can_break=False)
        parts: list[Made] = []
        binds: Scope = {}
        while self.chance(40) and len(parts) < 3:
            parts.append(self.node(inside, after(scope, binds)))
            binds = after(binds, parts[-1].binds)
        parts.append(self.block(inside, after(scope, binds)))
        if parts[-1].completes and self.chance(40):
            parts.append(self.node(inside, after(scope, binds)))
            binds = after(binds, parts[-1].binds)
        if len(parts) == 1:
            return parts[0]
        return replace(
            parts[-1], node=Sequence(tuple(part.node for part in parts), self.style()), binds=binds, breaks=()
        )

    def block(self, place: Place, scope: Scope) -> Made:
        self.signals += 1
        signal = f"signal{self.signals}"
        match self.pick(["signal", "sleep", "late", "loop"]):
            case "signal":
                return Made(Wait(signal, None, 0, 0), SIGNAL)
            case "sleep":
                return Made(Sleep(str(FOR_EVER_S), FOR_EVER_S), SLEPT)
            case "late":
                return Made(Wait(signal, FOR_EVER_S, 0, 0), SIGNAL)
        self.loops += 1
        lap = f"lap{self.loops}"
        counting = self.statement(
            place,
            scope,
            plain=((Counted(lap),),),
            columns=("n",),
            laps=(Reference("value", lap, is_optional=True),),
        )
        counted = {lap: Entry(Shape((("n", "int"),)), True, True)}
        body = self.node(replace(place.below(), laps=(*place.laps, lap)), after(scope, counted))
        return Made(
            Loop(Sequence((Named(counting.node, lap), body.node)), None, self.style()), None, completes=False
        )

    def pause(self, place: Place, _scope: Scope) -> Made:
        self.leaves += 1
        if self.chance(30):
            return Made(Schedule(self.pick(SCHEDULES)), SCHEDULED)
        laps = [Reference("value", lap) for lap in place.laps]
        if laps and self.chance(30):
            reference = self.pick(laps)
            return Made(Sleep(reference.written, reference), SLEPT)
        # A loop around it that never ends would not rest.
        return Made(Sleep(*self.pick(SLEEPS[3:] if place.is_stoppable else SLEEPS)), SLEPT)

    def wait(self, place: Place, scope: Scope) -> Made:
        if place.is_stoppable:
            return self.statement(place, scope)
        self.leaves += 1
        self.signals += 1
        timeout = self.pick([None, 600, 3600, 0.5])
        # Half a second may be over before a late one comes.
        late = {None: None, 0.5: 0}.get(timeout, self.draw(st.integers(0, 2)))
        return Made(Wait(f"signal{self.signals}", timeout, self.draw(st.integers(0, 2)), late), SIGNAL)

    # Statements

    def statement(
        self,
        place: Place,
        scope: Scope,
        width: int | None = None,
        plain: tuple[tuple[Expression, ...], ...] | None = None,
        columns: tuple[str, ...] = (),
        laps: tuple[Reference, ...] = (),
    ) -> Made:
        """`plain`: its one row. `width`: so many columns. `laps`: what else it must read."""
        self.leaves += 1
        fails: str | None = None
        flaky: tuple[int, str] | None = None
        reads = [Reference("value", lap) for lap in place.laps] + list(laps)
        if plain is None:
            is_failing = not place.is_safe and self.chance(4)
            if is_failing and self.chance(50):
                fails = self.pick(SQLSTATES[: 4 if self.max_attempts > 1 else 5])
            elif not is_failing and self.chance(8):
                flaky = self.flaky()
            while len(reads) < 6 and self.chance(55):
                reads.append(self.reference(scope, place))
            if is_failing and fails is None and (risky := self.risky(scope)):
                reads.append(self.pick(risky))
        if flaky is not None or fails is not None or plain is not None:
            form = self.pick(["select", "function"]) if plain is None else "select"
        else:
            form = self.pick(["select", "select", "function", "insert", "returning", "raw", "block"])
        if form == "block" and place.laps:
            form = "select"
        count = self.draw(st.integers(0, 3)) if form in ("insert", "raw", "returning") else 1
        rows: tuple[tuple[Expression, ...], ...] = ()
        kinds: list[str] = []
        if plain is not None:
            rows, kinds = plain, ["int" if isinstance(plain[0][0], Literal | Counted) else "any"]
        elif form == "function":
            columns, kinds = ("n",), ["int"]
        elif form in ("select", "returning"):
            width = width or self.pick([1, 1, 1, 2, 3])
            kinds = [self.pick(["int", "int", "text", "any"]) for _ in range(width)]
            columns = tuple(f"{kind[0]}{at}" for at, kind in enumerate(kinds))
            height = 1 if form == "returning" else self.pick([1, 1, 1, 2, 3, 0])
            typed = [self.pick(LITERALS["any"]) if kind == "any" else None for kind in kinds]
            rows = tuple(
                tuple(self.cell(kind, one, scope, place) for kind, one in zip(kinds, typed, strict=True))
                for _ in range(height)
            )
        if form == "block":
            reads = []
        node = Sql(
            self.leaves, form, tuple(reads), columns, rows, count, fails, flaky, is_operator=self.style()
        )
        height = 1 if form == "function" else count if form == "returning" else len(rows)
        has_nulls = any(isinstance(cell, Literal) and cell.json is None for row in rows for cell in row)
        if form in ("insert", "raw", "block"):
            return Made(node, None if form == "block" else AFFECTED)
        return Made(
            node, Shape(tuple(zip(columns, kinds, strict=True))), is_solid=height == 1 and not has_nulls
        )

    def flaky(self) -> tuple[int, str]:
        if self.max_attempts > 1 and self.chance(50):
            return self.draw(st.integers(1, self.max_attempts - 1)), self.pick(SQLSTATES[:4])
        return self.draw(st.integers(1, 3)), self.pick(TRANSIENT)

    def cell(self, kind: str, one: Literal | None, scope: Scope, place: Place) -> Expression:
        """All cells of a column have one type."""
        if self.chance(10) and kind != "any":
            return NULLS[kind]
        if one is not None:
            return one
        if kind == "int" and self.chance(30):
            numbers = [Reference("value", lap) for lap in place.laps] + [
                Reference("value", name)
                for name, entry in scope.items()
                if entry.is_certain
                and entry.is_solid
                and entry.shape.columns
                and len(entry.shape.columns) == 1
                if entry.shape.columns[0][1] == "int" and name.startswith("lap")
            ]
            if numbers:
                return Sum(self.pick(numbers), self.pick([1, -2]))
        return self.pick(LITERALS[kind])

    # References

    def reference(self, scope: Scope, place: Place) -> Reference:
        """One that cannot fail, as far as is known: a loop's next lap may have bound less."""
        fixed = [Reference("variable", "greeting"), Reference("variable", "nobody")]
        if not self.is_call:
            fixed += [Reference("parameter", name) for name in ("number", "word", "nothing")]
        names = list(scope.items())
        if not names or self.chance(10):
            return self.pick(fixed)
        name, entry = self.pick(names)
        return self.pick(self.readings(name, entry, place) or fixed)

    def readings(self, name: str, entry: Entry, place: Place) -> list[Reference]:
        shape = entry.shape
        found: list[Reference] = []
        if shape.columns is None:
            found.append(Reference("value", name, is_optional=not entry.is_certain))
            if entry.is_certain:
                found += [
                    Reference("column", name, column, is_optional=column == "data") for column in shape.fields
                ]
            return found
        if entry.is_certain:
            found.append(Reference("row_count", name))
        if not shape.columns:
            return found
        if entry.is_certain:
            found += [Reference("rows", name), Reference("source", name)]
        is_plain = entry.is_certain and entry.is_solid and not place.is_safe
        for column, kind in shape.columns:
            found.append(Reference("column", name, column, is_optional=not is_plain))
            if kind in ("int", "text"):
                found.append(Reference("text", name, column, is_optional=not is_plain))
        # Of one column and several rows there is no one value.
        if len(shape.columns) > 1:
            found += [Reference("value", name)] * entry.is_certain
        elif entry.is_solid and not place.is_safe:
            found.append(Reference("value", name, is_optional=not entry.is_certain))
        return found

    def risky(self, scope: Scope) -> list[Reference]:
        """References that fail where there is not one row or it has a NULL."""
        return [
            reference
            for name, entry in scope.items()
            if entry.is_certain and not entry.is_solid and entry.shape.columns
            for reference in (
                Reference("value", name),
                *(Reference("column", name, column) for column, _ in entry.shape.columns),
            )
        ]
