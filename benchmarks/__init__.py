"""Figures of pgdurc: `python -m benchmarks [SECTION ...] [--quick] [--json]`.

Prints tables and judges nothing: what is a good figure depends on the machine. docs/performance.md has a run.
"""
