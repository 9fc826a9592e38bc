"""Everything that is checked before anything runs: a parsed declaration becomes a checked graph.

Each pass looks at one thing and adds what it found to the draft. A pass never stops the ones after it: all
the problems of a file are reported.
"""

from __future__ import annotations

from collections.abc import Callable

from pgdurc import tree
from pgdurc.analyse.bound_names import check_bound_names
from pgdurc.analyse.captures import check_captures
from pgdurc.analyse.depth import check_depth
from pgdurc.analyse.draft import Draft
from pgdurc.analyse.flow import check_flow
from pgdurc.analyse.graph import build_graph
from pgdurc.analyse.names import resolve_names
from pgdurc.analyse.options import read_options
from pgdurc.analyse.positions import check_positions
from pgdurc.analyse.schedules import check_schedules
from pgdurc.analyse.session import check_session
from pgdurc.analyse.signals import check_signals
from pgdurc.analyse.sleeps import check_sleeps
from pgdurc.analyse.statements import read_statements
from pgdurc.analyse.transactions import check_transactions
from pgdurc.analyse.walk import nodes
from pgdurc.diagnostic import Diagnostic, Severity
from pgdurc.graph import Workflow
from pgdurc.source import Source

PASSES: tuple[Callable[[Draft], Draft], ...] = (
    check_bound_names,
    read_options,
    read_statements,
    check_transactions,
    check_session,
    check_positions,
    resolve_names,
    check_sleeps,
    check_signals,
    check_schedules,
    check_captures,
    check_flow,
    check_depth,
)


def analyse(declaration: tree.Declaration, source: Source) -> tuple[Workflow | None, tuple[Diagnostic, ...]]:
    """Check a declaration. The graph is None where a diagnostic is an error, or a piece could not be read."""
    draft = Draft(source, declaration)
    for run_pass in PASSES:
        draft = run_pass(draft)
    has_errors = any(problem.severity is Severity.ERROR for problem in draft.diagnostics)
    is_whole = not any(isinstance(node, tree.Unread) for node in nodes(declaration.body))
    return (build_graph(draft) if is_whole and not has_errors else None), draft.diagnostics
