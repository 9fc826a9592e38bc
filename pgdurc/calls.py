"""Calls of nodes: `df.if(...)`, `df.loop(...)` and the rest, with what each takes as arguments."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pgdurc import nodes
from pgdurc.arguments import bind
from pgdurc.call_sites import FUNCTIONS
from pgdurc.chains import branch, sequence
from pgdurc.expression_type import is_null, known_type
from pgdurc.nodes import Argument
from pgdurc.operand import Given, Opaque, Text, Value
from pgdurc.tree import (
    Break,
    Duration,
    IfRows,
    Join,
    Loop,
    Name,
    Race,
    Schedule,
    Signal,
    Sleep,
    SourceText,
    Tree,
)

if TYPE_CHECKING:
    from collections.abc import Collection

    from pgdurc.chains import Chains
    from pgdurc.diagnostic import Span
    from pgdurc.leaves import Leaves

_NODES = nodes.NODES.keys() | nodes.NODES_TO_COME
_REFERENCE = re.compile(r'\$[A-Za-z_][A-Za-z0-9_]*(?:\.(?:[A-Za-z_][A-Za-z0-9_]*|"(?:[^"]|"")+"))?\??\Z')
_CONSTANT = re.compile(
    r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?\Z|(?:true|false)\Z", re.IGNORECASE | re.ASCII
)


class Calls:
    """The calls of one statement."""

    def __init__(self, leaves: Leaves, chains: Chains) -> None:
        self.leaves = leaves
        self.chains = chains

    def argument(self, children: list[Any]) -> Given:
        value = children[-1]
        if len(children) == 1:
            return Given(None, value.span, value, value.span)
        terminal = children[0]
        span = self.leaves.span(terminal.begin, terminal.end)
        label = self.leaves.tokens[terminal.begin].name
        label_span = self.leaves.span(terminal.begin, terminal.begin + 1)
        return Given(label, label_span, value, span | value.span)

    def call(self, children: list[Any]) -> Tree:
        node, closing = children[0], children[-1]
        name = self.leaves.tokens[node.begin + 2].name
        name_span = self.leaves.span(node.begin, node.end)
        span = self.leaves.span(node.begin, closing.end)
        arguments = [child for child in children if isinstance(child, Given)]
        if name not in nodes.NODES:
            self.leaves.refuse_function(name, name_span)
            return self.leaves.unread(span, self._steps(nodes.alike(name) or "", arguments))
        given, problems = bind(name, name_span, arguments)
        is_whole = all(parameter.is_optional or parameter.name in given for parameter in nodes.NODES[name])
        if problems or not is_whole:
            self.leaves.diagnostics += problems
            return self.leaves.unread(span, self._steps(name, arguments))
        optional = {parameter.name for parameter in nodes.NODES[name] if parameter.is_optional}
        given = {
            key: value for key, value in given.items() if key not in optional or not self._is_null(value)
        }
        return self._node(name, given, span)

    def _steps(self, name: str, arguments: list[Given]) -> list[Tree]:
        """The steps among the arguments of a call that does not fit, as far as that can be told."""
        parameters = nodes.NODES.get(name, ())
        kinds = {parameter.name: parameter.argument for parameter in parameters}
        steps: list[Tree] = []
        for position, argument in enumerate(arguments):
            kind = kinds.get(argument.label or "")
            if argument.label is None and position < len(parameters):
                kind = parameters[position].argument
            elif argument.label is None and parameters and parameters[-1].is_repeated:
                kind = parameters[-1].argument
            is_sql = kind is Argument.SQL and isinstance(argument.value, Text)
            if is_sql or kind is Argument.STEP or isinstance(argument.value, Tree):
                steps.append(self.leaves.step(argument.value))
        return steps

    def _is_null(self, value: Value) -> bool:
        return isinstance(value, Opaque) and is_null(self.leaves.source(value.span))

    def _node(self, name: str, given: dict[str, Value], span: Span) -> Tree:
        def step(parameter: str) -> Tree:
            return self.leaves.step(given[parameter])

        match name:
            case "sql":
                return self._sql(given["query"], span)
            case "seq":
                return sequence([step("a"), step("b")])
            case "as":
                bound = self._name(name, given["name"])
                if bound is None:
                    return self.leaves.unread(span, [step("fut")])
                return self.chains.named(step("fut"), bound)
            case "join" | "join3":
                return Join(tuple(step(parameter) for parameter in given), span)
            case "race":
                return Race(tuple(step(parameter) for parameter in given), span)
            case "if":
                return branch(step("condition"), step("then_branch"), step("else_branch"), span)
            case "if_rows":
                result = self._name(name, given["result_name"])
                if result is None:
                    return self.leaves.unread(span, [step("then_branch"), step("else_branch")])
                return IfRows(result, step("then_branch"), step("else_branch"), span)
            case "loop":
                return Loop(step("body"), step("condition") if "condition" in given else None, span)
            case "break":
                return Break(self._text(given["value"]) if "value" in given else None, span)
            case "wait_for_schedule":
                cron = self._schedule(name, given["cron_expr"], "cron")
                timezone = self._schedule(name, given["timezone"], "zone") if "timezone" in given else None
                return self.leaves.unread(span) if cron is None else Schedule(cron, timezone, span)
            case "wait_for_signal":
                return self._signal(given, span)
            case _:
                duration = self._duration(name, given["seconds"])
                if duration is None:
                    return self.leaves.unread(span)
                return Sleep(duration.argument, duration.is_interval_text, span)

    def _refuse(self, node: str, argument: Argument, span: Span, hint: str | None = None) -> None:
        self.leaves.problem("PGD123", f"the argument of df.{node} must be {argument.value}", span, hint)

    def _sql(self, value: Value, span: Span) -> Tree:
        if isinstance(value, Text):
            return self.leaves.sql(value, span)
        if isinstance(value, Opaque) and self.leaves.takes_expressions:
            return self.leaves.assembled_sql(value, span)
        if isinstance(value, Opaque):
            self._refuse("sql", Argument.SQL, value.span, "write df.sql('SELECT ...')")
        return self.leaves.unread(span)

    def _name(self, node: str, value: Value) -> Name | None:
        match value:
            case Text(source, span):
                return self.leaves.name(source.value, span)
            case Opaque(begin, end) if end == begin + 1 and self.leaves.tokens[begin].is_word:
                return self.leaves.word_or_string(begin)
            case Opaque(begin, end, span):
                is_reference = end == begin + 2 and self.leaves.tokens[begin].kind == "$"
                hint = "write the name without the dollar sign" if is_reference else None
                self._refuse(node, Argument.NAME, span, hint)
        return None

    def _text(self, value: Value) -> SourceText | None:
        match value:
            case Text(source):
                return source
            case Opaque(span=span):
                written = self.leaves.source(span)
                if _CONSTANT.match(written) or _REFERENCE.match(written):
                    return SourceText(written, tuple(range(span.start, span.end + 1)))
                if self.leaves.takes_expressions:
                    return self.leaves.template(value) if self.leaves.is_constant_shape(value) else None
                self._refuse(
                    "break", Argument.TEXT, span, "put references into the string: df.break('$name')"
                )
        return None

    def _signal(self, given: dict[str, Value], span: Span) -> Tree:
        name = self._label("wait_for_signal", given["name"])
        timeout = None
        if "timeout_seconds" in given:
            timeout = self._duration("wait_for_signal", given["timeout_seconds"])
        if name is None:  # for the timeout's sake
            name = SourceText("unknown", (given["name"].span.start,) * 8)
        return Signal(name, timeout, span)

    def _schedule(self, node: str, value: Value, kind: str) -> SourceText | None:
        such_as = "'0 9 * * MON-FRI'" if kind == "cron" else "'Europe/Berlin'"
        match value:
            case Text(source):
                return source
            case Opaque(span=span) if is_null(self.leaves.source(span)):
                self.leaves.problem("PGD415", "a schedule cannot be NULL", span, f"such as {such_as}")
            case Opaque() if (constant := self.leaves.constant(value)) is not None:
                return constant
            case Opaque(span=span) if self.leaves.takes_expressions and (
                known := known_type(self.leaves.source(span))
            ):
                message = f"the argument of df.{node} must be text, and this is of type {known}"
                self.leaves.problem("PGD123", message, span, f"such as {such_as}")
            case Opaque() if self.leaves.takes_expressions:
                return self.leaves.hidden_value(value, kind) if self.leaves.is_constant_shape(value) else None
            case Opaque(span=span):
                self._refuse(node, Argument.CONSTANT, span, f"write it as a string, such as {such_as}")
        return None

    def _label(self, node: str, value: Value) -> SourceText | None:
        match value:
            case Text(source):
                return source
            case Opaque(span=span) if _REFERENCE.match(written := self.leaves.source(span)):
                return SourceText(written, tuple(range(span.start, span.end + 1)))
            case Opaque(span=span) if is_null(self.leaves.source(span)):
                hint = "such as df.wait_for_signal('approved')"
                self.leaves.problem("PGD413", "the name of a signal cannot be NULL", span, hint)
            case Opaque() if self.leaves.takes_expressions:
                return self.leaves.template(value) if self.leaves.is_constant_shape(value) else None
            case Opaque(span=span):
                written = self.leaves.source(span)
                hint = "put references into the string: 'order $id'"
                hint = f"write it as a string: '{written}'" if written.isidentifier() else hint
                self._refuse(node, Argument.LABEL, span, hint)
        return None

    def _duration(self, node: str, value: Value) -> Duration | None:
        match value:
            case Text(source, span):
                return Duration(source, True, span)
            case Opaque(begin, end, place):
                step = self._function_inside(begin, end, _NODES)
                if step is not None:
                    name, step_span = step
                    usage = "df.sleep($name)" if node == "sleep" else "$name"
                    hint = f"df.{name} is a step: name its result with |=> and read that, {usage}"
                    self._refuse(node, Argument.DURATION, step_span, hint)
                    return None
                if self._is_evaluated_by_caller(value) and not is_null(self.leaves.source(place)):
                    return Duration(self.leaves.hidden_value(value), False, place)
                call = self._function_inside(begin, end, FUNCTIONS)
                if call is not None:
                    name, call_span = call
                    hint = f"call it in a step in front, 'SELECT df.{name}(...)' |=> name, and read $name"
                    self._refuse(node, Argument.DURATION, call_span, hint)
                    return None
                source = SourceText(self.leaves.source(place), tuple(range(place.start, place.end + 1)))
                return Duration(source, False, place)
        return None

    def _is_evaluated_by_caller(self, value: Opaque) -> bool:
        """In a call, what is neither constant nor reads a result."""
        if not self.leaves.takes_expressions or _CONSTANT.match(self.leaves.source(value.span)):
            return False
        return all(token.kind != "$" for token in self.leaves.tokens[value.begin : value.end])

    def _function_inside(self, begin: int, end: int, names: Collection[str]) -> tuple[str, Span] | None:
        """The first call of one of these in an SQL expression, where it is but a function that fails."""
        tokens = self.leaves.tokens
        for at in range(begin, end - 3):
            name = tokens[at + 2].name
            if (
                tokens[at].name == "df"
                and tokens[at + 1].kind == "."
                and tokens[at + 3].kind == "("
                and name in names
            ):
                return name, self.leaves.span(at, at + 3)
        return None
