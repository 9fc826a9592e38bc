"""The checked graph, out of what the passes have found."""

from __future__ import annotations

from pgdurc import graph, tree
from pgdurc.analyse.draft import Draft
from pgdurc.analyse.sleeps import is_number
from pgdurc.deep import Walk, run
from pgdurc.graph import Form, Piece, Text
from pgdurc.hidden import referred


def build_graph(draft: Draft) -> graph.Workflow:
    """The graph of a declaration in which no pass has found an error."""
    declaration = draft.declaration
    texts = [*draft.texts.values()]
    for statement in draft.statements.values():
        texts += [statement.text, statement.hoisted]
    has_raw = any(_is_raw(piece) for text in texts for piece in text)
    has_raw = has_raw or any(_is_raw_parameter(piece) for s in draft.statements.values() for piece in s.text)
    return graph.Workflow(
        name=declaration.name.parts,
        parameters=tuple(graph.Parameter(p.name, p.type, p.default) for p in declaration.parameters),
        options=draft.options,
        body=run(_node(draft, declaration.body)),
        has_raw_variables=has_raw,
        source=draft.source.text[declaration.span.start : declaration.span.end],
        span=declaration.span,
    )


def _node(draft: Draft, node: tree.Tree) -> Walk[graph.Node]:
    match node:
        case tree.Sql(span=span, written=written):
            return graph.Sql(draft.statements[span], span, written)
        case tree.Sequence(parts=parts, span=span):
            built = []
            for part in parts:  # no comprehension: those cannot yield
                inner = yield _node(draft, part)
                built += [inner]
            return graph.Sequence(tuple(built), span)
        case tree.Named(body=body, name=name, span=span):
            is_read = name.text in draft.read_names
            is_counted = is_read or name.text in draft.counted_names
            return graph.Named((yield _node(draft, body)), name.text, is_read, is_counted, span)
        case tree.If(condition=condition, then=then, otherwise=otherwise, span=span):
            first = yield _node(draft, condition)
            second = yield _node(draft, then)
            return graph.If(first, second, (yield _node(draft, otherwise)), span)
        case tree.IfRows(name=name, then=then, otherwise=otherwise, span=span):
            second = yield _node(draft, then)
            return graph.IfRows(name.text, second, (yield _node(draft, otherwise)), span)
        case tree.Loop(body=body, condition=condition, span=span):
            built_body = yield _node(draft, body)
            built_condition = None if condition is None else (yield _node(draft, condition))
            return graph.Loop(built_body, built_condition, span in draft.loops_with_break, span)
        case tree.Break(value=value, span=span):
            return graph.Break(None if value is None else draft.texts[span], span)
        case tree.Sleep(span=span):
            return graph.Sleep(_duration(draft, node), span)
        case tree.Schedule(cron=cron, timezone=timezone, span=span):
            zone = None if timezone is None else _constant(draft, timezone)
            return graph.Schedule(_constant(draft, cron), zone, span)
        case tree.Signal(timeout=timeout, span=span):
            limit = None if timeout is None else _duration(draft, timeout)
            return graph.Signal(draft.texts[span], limit, span)
        case tree.Join(branches=branches, span=span) | tree.Race(branches=branches, span=span):
            built = []
            for branch in branches:
                inner = yield _node(draft, branch)
                built += [inner]
            return (graph.Join if isinstance(node, tree.Join) else graph.Race)(tuple(built), span)
        case tree.Unread():
            raise AssertionError("a piece with an error is in no graph")


def _duration(draft: Draft, node: tree.Sleep | tree.Duration) -> graph.Duration:
    text = draft.texts[node.span]
    value = node.argument.value
    if any(not isinstance(piece, str) for piece in text):
        # An interval text with references is a literal with references.
        expression: Text = ("'", *(_escaped(piece) for piece in text), "'") if node.is_interval_text else text
        return graph.Duration(expression=expression)
    if node.is_interval_text:
        return graph.Duration(interval=value)
    if is_number(value):
        return graph.Duration(seconds=value.strip().removeprefix("+").strip())
    return graph.Duration(expression=text)


def _constant(draft: Draft, text: tree.SourceText) -> str | graph.ParameterValue:
    """A text that is a constant but for a hidden parameter."""
    name = referred(text.value)
    for parameter in draft.declaration.parameters:
        if parameter.name == name:
            shown = draft.source.text[parameter.span.start : parameter.span.end]
            return graph.ParameterValue(name, Form.RAW, shown)
    return text.value


def _escaped(piece: Piece) -> Piece:
    return piece.replace("'", "''") if isinstance(piece, str) else piece


def _is_raw_parameter(piece: Piece) -> bool:
    return isinstance(piece, graph.ParameterValue) and piece.form is Form.RAW


def _is_raw(piece: Piece) -> bool:
    return isinstance(piece, graph.Variable) and piece.form is Form.RAW
