"""Durable workflows, written in SQL, compiled to plain PL/pgSQL."""

__version__ = "0.1.0"
