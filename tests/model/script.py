"""Writes workflows as a script."""

from __future__ import annotations

import json
from collections.abc import Sequence as Several

from tests.model.nodes import (
    PARAMETER_LIST,
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
    walk,
)

# The statements' own side of the test. Each flaky statement has a sequence, for what it has tried is not rolled back there.
SETUP = """
CREATE TABLE IF NOT EXISTS effect (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    instance text NOT NULL,
    step int NOT NULL,
    reads jsonb NOT NULL,
    happened_at timestamptz NOT NULL DEFAULT df.now()
);
CREATE INDEX IF NOT EXISTS effect_of ON effect (instance, id);

CREATE OR REPLACE FUNCTION note(p_instance text, p_step int, p_reads jsonb) RETURNS int LANGUAGE sql
AS $$INSERT INTO effect (instance, step, reads) VALUES (p_instance, p_step, p_reads) RETURNING step$$;

-- Fails the first so many times.
CREATE OR REPLACE FUNCTION try(p_tries text, p_failures int, p_sqlstate text, p_step int, p_reads jsonb) RETURNS jsonb LANGUAGE plpgsql
AS $$
BEGIN
    IF p_failures IS NULL OR nextval(p_tries::regclass) <= p_failures THEN
        RAISE EXCEPTION 'step % fails', p_step USING ERRCODE = p_sqlstate;
    END IF;
    RETURN p_reads;
END
$$;
"""


def script_of(workflows: Several[Workflow]) -> str:
    """Declares `workflow_0`, `workflow_1`, ...; for a call the function `call_2`, of the label."""
    return SETUP + "".join(declaration(workflow, at) for at, workflow in enumerate(workflows))


def name_of(workflow: Workflow, at: int) -> str:
    return f"{'call' if workflow.is_call else 'workflow'}_{at}"


def sequences_of(workflow: Workflow, at: int) -> list[str]:
    """Names of the sequences that its flaky statements need."""
    flaky = [node for node in walk(workflow.body) if isinstance(node, Sql) and node.flaky]
    return [f"{name_of(workflow, at)}_{node.number}" for node in flaky]


def declaration(workflow: Workflow, at: int) -> str:
    name = name_of(workflow, at)
    sequences = "".join(f"CREATE SEQUENCE IF NOT EXISTS {tries};\n" for tries in sequences_of(workflow, at))
    body = Writer(name).write(workflow.body)
    if workflow.is_call:
        return (
            f"\n{sequences}CREATE OR REPLACE FUNCTION {name}(label text) RETURNS text LANGUAGE sql SECURITY DEFINER"
            f" SET search_path = public\nAS $call$\n    SELECT df.start(\n        {body},\n        label);\n$call$;\n"
        )
    options = f"max_attempts = {workflow.max_attempts}{', trace = full' if workflow.is_traced else ''}"
    return f"\n{sequences}CREATE WORKFLOW {name}({PARAMETER_LIST}) WITH ({options}) AS\n    {body};\n"


class Writer:
    def __init__(self, name: str) -> None:
        self.name = name

    def write(self, node: Node) -> str:
        """Every compound is in parentheses: how chains are read is tested elsewhere."""
        match node:
            case Sql():
                return quoted(self.statement(node), node.is_operator)
            case Sequence(parts, is_operator):
                written = [self.write(part) for part in parts]
                if is_operator:
                    return f"({' ~> '.join(written)})"
                nested = written.pop()
                for before in reversed(written):
                    nested = f"df.seq({before}, {nested})"
                return nested
            case Named(inner, name, is_operator):
                if not is_operator:
                    return f"df.as({self.write(inner)}, '{name}')"
                return f"({self.write(inner)} |=> {name if name == name.lower() else quoted(name, True)})"
            case If(condition, then, otherwise, is_operator):
                if is_operator:
                    return f"({self.write(condition)} ?> {self.write(then)} !> {self.write(otherwise)})"
                return f"df.if({self.write(condition)}, {self.write(then)}, else_branch => {self.write(otherwise)})"
            case IfRows(name, then, otherwise):
                return f"df.if_rows('{name}', {self.write(then)}, {self.write(otherwise)})"
            case Loop(body, None, is_operator):
                return f"(@> {self.write(body)})" if is_operator else f"df.loop({self.write(body)})"
            case Loop(body, condition):
                assert condition is not None
                return f"df.loop({self.write(body)}, {self.write(condition)})"
            case Break(None):
                return "df.break()"
            case Break(Reference() as reference):
                return f"df.break('{reference.written}')"
            case Break(str() as text):
                return f"df.break({quoted(text, True)})"
            case Join(branches, is_operator):
                return self.branching("&", "join", branches, is_operator)
            case Race(branches, is_operator):
                return self.branching("|", "race", branches, is_operator)
            case Sleep(written):
                return f"df.sleep({written})"
            case Schedule(arguments):
                return f"df.wait_for_schedule({arguments})"
            case Wait(signal, None):
                return f"df.wait_for_signal('{signal}')"
            case Wait(signal, timeout):
                return f"df.wait_for_signal('{signal}', {timeout})"
        raise AssertionError(node)

    def branching(self, operator: str, function: str, branches: tuple[Node, ...], is_operator: bool) -> str:
        written = [self.write(branch) for branch in branches]
        if is_operator and len(written) == 2:
            return f"({written[0]} {operator} {written[1]})"
        return f"df.{function}({', '.join(written)})"

    def statement(self, node: Sql) -> str:
        reads = f"jsonb_build_array({', '.join(read(reference) for reference in node.reads)})"
        if node.fails is not None:
            reads = f"try(NULL, NULL, '{node.fails}', {node.number}, {reads})"
        elif node.flaky is not None:
            failures, sqlstate = node.flaky
            reads = f"try('{self.name}_{node.number}', {failures}, '{sqlstate}', {node.number}, {reads})"
        noted = f"{{sys_instance_id}}, {node.number}, {reads}"
        # Tried once for each row: a flaky statement writes one, and one that fails has no second.
        insert = (
            f"INSERT INTO effect (instance, step, reads) SELECT {noted} FROM generate_series(1, {node.count})"
        )
        match node.form:
            case "select":
                names = ", ".join(node.columns)
                rows = ", ".join(f"({', '.join(expression(e) for e in row)})" for row in node.rows)
                source = f"(VALUES {rows}) AS made ({names})" if node.rows else "effect WHERE false"
                columns = (
                    ", ".join(f"made.{column}" for column in node.columns)
                    if node.rows
                    else ", ".join(f"id AS {column}" for column in node.columns)
                )
                return f"WITH noted AS (INSERT INTO effect (instance, step, reads) SELECT {noted}) SELECT {columns} FROM {source}"
            case "function":
                return f"SELECT note({noted}) AS {node.columns[0]}"
            case "insert":
                return insert
            case "raw":
                return insert.replace("effect", "{log}", 1)
            case "returning":
                made = ", ".join(
                    f"{expression(e)} AS {column}"
                    for e, column in zip(node.rows[0], node.columns, strict=True)
                )
                return f"{insert} RETURNING {made}"
            case "block":
                return f"DO $do$BEGIN PERFORM '$number', {node.number}; END$do$"
        raise AssertionError(node.form)


def read(reference: Reference) -> str:
    """As an argument of jsonb_build_array."""
    match reference.kind:
        case "source":
            return f"(SELECT jsonb_agg(to_jsonb(taken)) FROM {reference.written} AS taken)"
        case "text" | "variable":
            return f"'<{reference.written}>'"
        case _:
            return reference.written


def expression(made: Expression) -> str:
    match made:
        case Literal(sql):
            return sql
        case Reference():
            return made.written
        case Sum(reference, addend):
            return f"{reference.written} + {addend}"
        case Counted(name):
            return f"coalesce(${name}?, 0) + 1"
        case Less(reference, limit):
            return f"{reference.written} < {limit}"


def quoted(text: str, is_plain: bool) -> str:
    return "'" + text.replace("'", "''") + "'" if is_plain else f"$leaf${text}$leaf$"


def arguments_of(workflow: Workflow) -> str:
    return json.dumps(dict(workflow.arguments))
