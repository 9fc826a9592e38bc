"""Where control can go: breaks outside of a loop, and nodes that nothing reaches."""

from __future__ import annotations

from pgdurc import tree
from pgdurc.analyse.draft import Draft, error
from pgdurc.deep import Walk, run
from pgdurc.diagnostic import Diagnostic, Related, Span


def check_flow(draft: Draft) -> Draft:
    """Report breaks outside of a loop and unreachable nodes, each run of them once."""
    walker = _Walker(draft)
    run(walker.walk(draft.declaration.body, is_in_loop=False))
    return draft.reporting(walker.problems)


class _Walker:
    def __init__(self, draft: Draft) -> None:
        self.loops_with_break = draft.loops_with_break
        self.problems: list[Diagnostic] = []

    def walk(self, node: tree.Tree, *, is_in_loop: bool) -> Walk[Span | None]:
        """The node that control does not leave towards what comes next; None: it goes on."""
        match node:
            case tree.Sequence(parts=parts):
                stop: Span | None = None
                for number, part in enumerate(parts):
                    here: Span | None = yield self.walk(part, is_in_loop=is_in_loop)
                    if here is not None and stop is None:
                        stop = here
                        if number + 1 < len(parts):
                            self._unreachable(parts[number + 1].span | parts[-1].span, stop)
                return stop
            case tree.Named(body=body):
                at_body: Span | None = yield self.walk(body, is_in_loop=is_in_loop)
                return at_body
            case tree.If(condition=condition, then=then, otherwise=otherwise):
                at_condition: Span | None = yield self.walk(condition, is_in_loop=is_in_loop)
                if at_condition is not None:
                    self._unreachable(then.span | otherwise.span, at_condition)
                first: Span | None = yield self.walk(then, is_in_loop=is_in_loop)
                second: Span | None = yield self.walk(otherwise, is_in_loop=is_in_loop)
                return at_condition or (node.span if first and second else None)
            case tree.IfRows(then=then, otherwise=otherwise):
                first = yield self.walk(then, is_in_loop=is_in_loop)
                second = yield self.walk(otherwise, is_in_loop=is_in_loop)
                return node.span if first and second else None
            case tree.Join(branches=branches) | tree.Race(branches=branches):
                stops: list[Span | None] = []
                for branch in branches:
                    at_branch: Span | None = yield self.walk(branch, is_in_loop=is_in_loop)
                    stops.append(at_branch)
                if isinstance(node, tree.Race):  # goes on as long as one of them does
                    return node.span if all(stops) else None
                return next((stop for stop in stops if stop), None)
            case tree.Loop():
                at_loop: Span | None = yield self._loop(node)
                return at_loop
            case tree.Break(span=span):
                if not is_in_loop:
                    self.problems.append(
                        error(
                            "PGD407",
                            "break outside of a loop",
                            span,
                            "df.break ends the nearest loop around it",
                        )
                    )
                return span
            case tree.Unread(parts=parts):
                for part in parts:  # it may be a loop
                    yield self.walk(part, is_in_loop=True)
                return None
            case _:
                return None

    def _loop(self, node: tree.Loop) -> Walk[Span | None]:
        has_break = node.span in self.loops_with_break
        stop: Span | None = yield self.walk(node.body, is_in_loop=True)
        if node.condition is None:
            return None if has_break else node.span
        if stop is not None:
            self._unreachable(node.condition.span, stop)
        at_condition: Span | None = yield self.walk(node.condition, is_in_loop=True)
        goes_on = stop is None and at_condition is None
        return None if has_break or goes_on else node.span

    def _unreachable(self, span: Span, stop: Span) -> None:
        why = (Related(stop, "control does not go on from here"),)
        hint = "leave it out; or let what is in front of it end, a loop by a condition or df.break"
        self.problems.append(error("PGD408", "this is never reached", span, hint, why))
