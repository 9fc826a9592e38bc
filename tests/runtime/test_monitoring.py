"""The functions that look at instances, wait for them: columns, filters, pages, texts, errors, and what they read."""

from __future__ import annotations

import time
from typing import Any

import psycopg
import pytest

INSTANCE_COLUMNS = ["instance_id", "label", "function_name", "status", "execution_count", "output"]


def columns(database: Any, call: str, role: str = "alice") -> list[tuple[str, str]]:
    """The names of a function's columns, and their types."""
    with database.connect(role) as connection:
        cursor = connection.execute(f"SELECT * FROM {call}")
        types = dict(connection.execute("SELECT oid, typname FROM pg_type").fetchall())
        return [(column.name, types[column.type_code]) for column in cursor.description]


def refused(database: Any, statement: str, *parameters: Any, role: str = "alice") -> psycopg.Error:
    with pytest.raises(psycopg.Error) as caught:
        database.query(statement, *parameters, role=role)
    return caught.value


def labels(database: Any, arguments: str, role: str = "alice") -> list[str]:
    return [
        label for (label,) in database.query(f"SELECT label FROM df.list_instances({arguments})", role=role)
    ]


@pytest.fixture
def six(workflows):
    """One instance of each status and label, the oldest first; and another that has none."""
    workflows.deploy(
        "CREATE WORKFLOW fine() AS 'SELECT 1 AS one'; CREATE WORKFLOW bad() AS 'SELECT 1 / 0';"
        "CREATE WORKFLOW long() AS df.sleep(1000); CREATE WORKFLOW waits() AS df.join(df.wait_for_signal('go'), 'SELECT 1');"
    )

    def start(name: str, label: str) -> str:
        return str(workflows.start(f"df.start_workflow('{name}', label => '{label}')"))

    ids = {label: start(name, label) for label, name in
           (("done", "fine"), ("failed", "bad"), ("cancelled", "long"), ("waiting", "waits"), ("running", "long"))}  # fmt: skip
    workflows.database.drive()
    workflows.database.query("SELECT df.cancel(%s, 'not now')", ids["cancelled"])
    ids["new"] = start("fine", "new")
    return workflows, ids


# Lists


def test_columns_of_lists(workflows):
    database = workflows.database
    plain = [
        *((name, "text") for name in INSTANCE_COLUMNS[:4]),
        ("execution_count", "int8"),
        ("output", "text"),
    ]
    paged = [*plain, ("created_at", "timestamptz"), ("completed_at", "timestamptz"), ("next_cursor", "text")]
    for call in (
        "df.list_instances()",
        "df.list_instances('running')",
        "df.list_instances(NULL, 5)",
        "df.list_instances(status_filter => NULL, limit_count => 5)",
        "df.list_instances(limit_count => 5)",
    ):
        assert columns(database, call) == plain, call
    for call in (
        "df.list_instances(NULL, 5, NULL)",
        "df.list_instances(NULL, 5, 'x', NULL)",
        "df.list_instances(status_filter => NULL, limit_count => 5, label_filter => NULL, after_cursor => NULL)",
    ):
        assert columns(database, call) == paged, call
    assert columns(database, "df.instance_info('00000000')") == [
        ("instance_id", "text"), ("label", "text"), ("function_name", "text"), ("function_version", "text"),
        ("current_execution_id", "int8"), ("status", "text"), ("output", "text"),
    ]  # fmt: skip
    assert columns(database, "df.instance_executions('00000000')") == [
        ("execution_id", "int8"), ("status", "text"), ("event_count", "int8"), ("duration_ms", "int8"), ("output", "text"),
    ]  # fmt: skip
    assert columns(database, "df.metrics()", role="dfowner") == [
        (name, "int8")
        for name in (
            "total_instances", "running_instances", "completed_instances", "failed_instances", "total_executions", "total_events",
        )
    ]  # fmt: skip


def test_the_newest_first_with_what_became_of_them(six):
    workflows, ids = six
    rows = workflows.database.query("SELECT * FROM df.list_instances()")
    assert [(row[0], row[1]) for row in rows] == [(ids[label], label) for label in reversed(ids)]
    by_label = {row[1]: row[2:] for row in rows}
    assert by_label["done"] == ("public.fine", "completed", 1, '{"rows": [{"one": 1}], "row_count": 1}')
    assert by_label["failed"] == ("public.bad", "failed", 1, "division by zero")
    assert by_label["cancelled"] == ("public.long", "cancelled", 1, "not now")
    assert by_label["running"] == ("public.long", "running", 1, None)
    assert by_label["new"] == ("public.fine", "pending", 1, None)
    for label, instance in ids.items():
        [info] = workflows.database.query("SELECT * FROM df.instance_info(instance_id => %s)", instance)
        name, status, count, output = by_label[label]
        assert (*info[:3], *info[4:]) == (instance, label, name, count, status, output)
        assert info[5] == workflows.status(instance)


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ("'completed'", ["done"]),
        ("'failed'", ["failed"]),
        ("'cancelled'", ["cancelled"]),
        ("'running'", ["running", "waiting"]),
        ("'pending'", ["new"]),
        ("'running', 1", ["running"]),
        ("'paused'", []),
        ("'Running'", []),
        ("'nonsense'", []),
        ("NULL, 2", ["new", "running"]),
        ("NULL, 10, 'failed'", ["failed"]),
        ("NULL, 10, 'FAILED'", []),
        ("'failed', 10, 'failed'", ["failed"]),
        ("'completed', 10, 'failed'", []),
        ("'running', 10, 'waiting'", ["waiting"]),
        ("'running', 10, 'done'", []),
    ],
)
def test_filters(six, arguments, found):
    workflows, _ = six
    assert labels(workflows.database, arguments) == found


def test_completed_at_is_for_completed_ones(six):
    workflows, _ = six
    rows = workflows.database.query(
        "SELECT label, created_at, completed_at FROM df.list_instances(NULL, 10, NULL)"
    )
    assert {label for label, _, completed in rows if completed is not None} == {"done"}
    assert all(created is not None for _, created, _ in rows)


def pages(database: Any, status: str | None, size: int, label: str | None = None) -> list[list[str]]:
    """The ids of each page, until there is no cursor."""
    found, cursor = [], None
    while True:
        page = database.query(
            "SELECT instance_id, next_cursor FROM df.list_instances(%s, %s, %s, %s)",
            status,
            size,
            label,
            cursor,
        )
        found.append([row[0] for row in page])
        assert len({row[1] for row in page}) <= 1
        if not page or page[0][1] is None:
            return found
        cursor = page[0][1]


@pytest.mark.parametrize(
    "statuses", [(None, 7), ("completed", 7), ("pending", 7), ("failed", 7), ("cancelled", 7)]
)
def test_pages(workflows, statuses):
    """Seven that began at one moment, as those of one transaction, so that the id decides: each once, the last page exact."""
    status, count = statuses
    body = "'SELECT 1 / 0'" if status == "failed" else "'SELECT 1'"
    workflows.deploy(f"CREATE WORKFLOW w() AS {body};")
    ids = [row[0] for row in workflows.database.query(
        "SELECT df.start_workflow('w', label => 'x') FROM generate_series(1, %s)", count)]  # fmt: skip
    workflows.database.query(
        "UPDATE df.instance SET created_at = '2024-01-01 12:00:00.123456+00'", role="dfowner"
    )
    if status in ("completed", "failed"):
        workflows.database.drive()
    elif status == "cancelled":
        workflows.database.query("SELECT df.cancel(id) FROM df.instances")
    expected = sorted(ids)
    for label in (None, "x"):
        assert pages(workflows.database, status, 3, label) == [expected[:3], expected[3:6], expected[6:]]
        assert pages(workflows.database, status, 7, label) == [expected]
        assert pages(workflows.database, status, 8, label) == [expected]


def test_a_cursor_stays_where_it_is_when_new_ones_come(workflows):
    workflows.deploy("CREATE WORKFLOW w() AS 'SELECT 1';")
    for label in "abcd":
        workflows.start(f"df.start_workflow('w', label => '{label}')")
    [(first, cursor), _] = workflows.database.query(
        "SELECT label, next_cursor FROM df.list_instances(NULL, 2, NULL)"
    )
    assert first == "d"
    assert bytes.fromhex(cursor).decode().split("|")[0] == "v1"
    workflows.start("df.start_workflow('w', label => 'e')")
    assert labels(workflows.database, f"NULL, 2, NULL, '{cursor}'") == ["b", "a"]


def test_errors_of_lists(workflows):
    database = workflows.database
    for arguments in ("NULL, 0", "NULL, -1", "NULL, NULL", "NULL, 0, NULL", "NULL, NULL, NULL, NULL"):
        error = refused(database, f"SELECT * FROM df.list_instances({arguments})")
        assert (error.sqlstate, error.diag.message_primary) == ("22023", "limit_count must be at least 1")
    for arguments in ("NULL, 1001", "NULL, 1001, NULL"):
        error = refused(database, f"SELECT * FROM df.list_instances({arguments})")
        assert (error.sqlstate, error.diag.message_primary) == (
            "22023",
            "limit_count must be at most 1000, not 1001",
        )
    assert database.query("SELECT * FROM df.list_instances(NULL, 1000)") == []

    def hexed(text: str) -> str:
        return text.encode().hex()

    for cursor in (
        "",
        "zz",
        "0",
        "00",
        "ff",
        hexed("v2|2024-01-01T00:00:00Z|00000000"),
        hexed("v1|yesterday or so|00000000"),
        hexed("v1|2024-13-01T00:00:00Z|00000000"),
        hexed("v1|2024-01-01T00:00:00Z"),
        hexed("v1|2024-01-01T00:00:00Z|00000000|1"),
        hexed("v1|2024-01-01T00:00:00Z|" + "0" * 300),
    ):
        error = refused(database, "SELECT * FROM df.list_instances(NULL, 5, NULL, %s)", cursor)
        assert (error.sqlstate, error.diag.message_primary) == (
            "22023",
            "df.list_instances: invalid after_cursor",
        ), cursor
    assert (
        database.query(
            "SELECT * FROM df.list_instances(NULL, 5, NULL, %s)", hexed("v1|2024-01-01T00:00:00Z|0")
        )
        == []
    )


@pytest.mark.parametrize("status", ["running", "pending", "failed", "cancelled", "completed"])
def test_what_others_see_of_lists(workflows, status):
    workflows.database.query("SELECT df.grant_usage('carol')", role="dfowner")
    body = {"failed": "'SELECT 1 / 0'", "completed": "'SELECT 1'"}.get(status, "df.sleep(1000)")
    workflows.deploy(f"CREATE WORKFLOW w() AS {body};")
    workflows.database.query("GRANT EXECUTE ON FUNCTION w() TO carol")
    for role, label in (("alice", "alices"), ("carol", "carols")):
        workflows.start(f"df.start_workflow('public.w', label => '{label}')", role=role)
    if status == "cancelled":
        workflows.database.query("SELECT df.cancel(id) FROM df.instances")
    elif status != "pending":
        workflows.database.drive()
    for role, seen in (
        ("alice", ["carols", "alices"]),
        ("carol", ["carols"]),
        ("bob", []),
        ("dfowner", ["carols", "alices"]),
    ):
        assert labels(workflows.database, f"'{status}'", role=role) == seen
        assert labels(workflows.database, f"'{status}', 10, 'alices'", role=role) == [
            label for label in seen if label == "alices"
        ]
        assert labels(workflows.database, "NULL, 10", role=role) == seen


def test_a_label_longer_than_an_index_takes(workflows):
    workflows.deploy("CREATE WORKFLOW w() AS df.wait_for_signal('go');")
    label = "".join(chr(97 + n * n % 26) + chr(0x4E00 + n) for n in range(4000))
    instance = workflows.database.value("SELECT df.start_workflow('w', label => %s)", label)
    found = "SELECT instance_id FROM df.list_instances(NULL, 10, %s)"
    assert workflows.database.query(found, label) == [(instance,)]
    assert workflows.database.query(found, label[:-1]) == []
    workflows.database.drive()
    assert workflows.database.value("SELECT df.signal_label(%s, 'go')", label) == 1
    workflows.database.drive()
    assert workflows.status(instance) == "completed"


def test_lists_read_little_of_many(any_database):
    """Thirty thousand have ended; each list reads some hundred pages, be what it looks for the oldest there is: a walk over all would read as many as there are rows."""
    any_database.query("SELECT df.grant_usage('carol')", role="dfowner")
    fill = """
        INSERT INTO df.workflow (schema_name, name, owner, created_at) VALUES ('public', 'w', 'alice', now());
        INSERT INTO df.workflow_version (
            workflow_id, hash, schema_name, procedure_name, owner, search_path, parameters, last_state, graph, source, file, line, created_at)
        SELECT w.id, '1', 'public', 'p', 'alice', '', '[]', 1, '{"node": "sql", "query": "SELECT 1", "state": 1}', '', '', 1, now()
        FROM df.workflow AS w;
        INSERT INTO df.instance (
            id, workflow_id, version_id, owner, starter, label, args, vars, status, failed_task_id, failed_seq, reason, start_xact, created_at, ended_at)
        SELECT
            lpad(to_hex(g), 8, '0'), v.workflow_id, v.id, 'alice', CASE WHEN g < 5 OR g % 100 = 0 THEN 'carol' ELSE 'alice' END::regrole,
            CASE WHEN g < 5 THEN 'old' ELSE 'label ' || g % 1000 END, '{}', '{}',
            (ARRAY['failed', 'cancelled', 'running', 'running', 'completed'])[least(g, 5)], CASE g WHEN 1 THEN 1 END, CASE g WHEN 1 THEN 1 END,
            CASE g WHEN 2 THEN 'because' END, '1', '2024-01-01'::timestamptz + g * interval '1 second', CASE WHEN g NOT IN (3, 4) THEN now() END
        FROM generate_series(1, 30000) AS g, df.workflow_version AS v;
        INSERT INTO df.task (instance_id, owner, version_id, scopes, state, last_state, status, wake_at, wait, signal_name)
        SELECT
            i.id, i.owner, i.version_id, '{}', 1, 1, CASE WHEN i.status = 'running' THEN 'live' ELSE 'done' END,
            CASE WHEN i.id = '00000003' THEN now() END, CASE WHEN i.id = '00000004' THEN 'signal' ELSE 'ready' END,
            CASE WHEN i.id = '00000004' THEN 'go' END
        FROM df.instance AS i;
        INSERT INTO df.step_run (task_id, seq, state, attempt, outcome, started_at) SELECT t.id, 1, 1, 1, 'ok', now() FROM df.task AS t;
    """
    with any_database.connect("dfowner") as connection:
        connection.execute(fill)
        connection.execute("ANALYZE df.instance, df.task, df.step_run")
    for role in ("alice", "carol"):
        with any_database.connect(role) as connection:
            for call, count in (
                ("df.list_instances()", 100),
                ("df.list_instances('failed')", 1),
                ("df.list_instances('cancelled')", 1),
                ("df.list_instances('running')", 2),
                ("df.list_instances('pending')", 0),
                ("df.list_instances(NULL, 10, 'old')", 4),
                ("df.list_instances('completed', 10, 'old')", 0),
                ("df.list_instances('running', 10, 'old')", 2),
                ("df.list_instances('running', 10, 'label 7')", 0),
                ("df.instance_info('00000001')", 1),
                ("df.instance_nodes('00000001')", 1),
                ("df.timeline('00000001')", 1),
            ):
                # What a session reads of the catalogue at first is not meant.
                for _ in range(2):
                    explain = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT * FROM {call}"
                    [plan] = connection.execute(explain).fetchone()[0]
                assert plan["Plan"]["Actual Rows"] == count, (role, call)
                read = plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"]
                assert read < 2000, (role, call, read)


def test_an_instance_that_completes_is_updated_in_place(workflows):
    """No index is on anything that changes on its way; one that failed pays for being found."""
    workflows.deploy("CREATE WORKFLOW w() AS 'SELECT 1' ~> 'SELECT 2';")
    workflows.database.query("SELECT w() FROM generate_series(1, 20)")
    workflows.database.drive()
    statistics = (
        "SELECT pg_stat_get_tuples_updated(c.oid), pg_stat_get_tuples_hot_updated(c.oid)"
        " FROM pg_class AS c WHERE c.oid = 'df.instance'::regclass"
    )
    # Each once when it begins and once when it ends; a few find their page full. The figures may come a moment after the driver has left.
    deadline = time.monotonic() + 10
    while (found := workflows.database.query(statistics))[0][0] < 40 and time.monotonic() < deadline:
        time.sleep(0.1)
    [(updated, in_place)] = found
    assert updated == 40
    assert in_place > 30


# One instance


def test_executions(six):
    workflows, ids = six
    database = workflows.database
    found = {
        label: database.query("SELECT * FROM df.instance_executions(%s)", each) for label, each in ids.items()
    }
    assert {label: [row[:3] for row in rows] for label, rows in found.items()} == {
        "done": [(1, "Completed", 1)],
        "failed": [(1, "Failed", 1)],
        "cancelled": [(1, "Failed", 1)],
        "waiting": [(1, "Running", 2)],
        "running": [(1, "Running", 1)],
        "new": [(1, "Running", 0)],
    }
    assert found["failed"][0][4] == "division by zero"
    assert found["done"][0][3] >= 0
    workflows.move_clock("10 seconds")
    assert database.value("SELECT duration_ms FROM df.instance_executions(%s, 1)", ids["running"]) >= 10000
    for nothing in ("'00000000'", "NULL", "'00000000', 3", "'00000000', NULL"):
        assert database.query(f"SELECT * FROM df.instance_executions({nothing})") == []
    assert database.query("SELECT * FROM df.instance_executions(%s)", ids["done"], role="bob") == []
    error = refused(database, "SELECT * FROM df.instance_executions(instance_id => 'x', limit_count => 0)")
    assert (error.sqlstate, error.diag.message_primary) == ("22023", "limit_count must be at least 1")


def test_unknown_and_null(workflows):
    for function in ("status", "result", "await_instance", "wait_for_completion", "cancel", "getvar"):
        assert workflows.database.value(f"SELECT df.{function}(NULL)") is None
    for function in ("status", "result", "getvar"):
        assert workflows.database.value(f"SELECT df.{function}('00000000')") is None
    assert workflows.database.query("SELECT * FROM df.instance_info('00000000')") == []
    assert workflows.database.query("SELECT * FROM df.instance_info(NULL)") == []


def test_results(six):
    workflows, ids = six
    results = {
        label: workflows.database.value("SELECT df.result(instance_id => %s)", each)
        for label, each in ids.items()
    }
    assert results.pop("done") == '{"rows": [{"one": 1}], "row_count": 1}'
    assert set(results.values()) == {None}


def test_what_cancel_says(six):
    workflows, ids = six
    database = workflows.database

    def cancel(label: str, *reason: str) -> Any:
        arguments = ", ".join(["%s"] * (1 + len(reason)))
        return database.value(f"SELECT df.cancel({arguments})", ids[label], *reason)

    assert cancel("running") == f"Instance {ids['running']} cancelled: Cancelled by user"
    assert cancel("new", "a mistake") == f"Instance {ids['new']} cancelled: a mistake"
    # It has ended and stays what it is; the text is the same.
    assert cancel("done", "too late") == f"Instance {ids['done']} cancelled: too late"
    assert [workflows.status(ids[label]) for label in ("running", "new", "done")] == [
        "cancelled",
        "cancelled",
        "completed",
    ]
    for role, instance in (("alice", "00000000"), ("bob", ids["waiting"])):
        error = refused(database, "SELECT df.cancel(instance_id => %s, reason => 'x')", instance, role=role)
        assert error.sqlstate == "PD002"
        assert error.diag.message_primary == f"Instance not found or access denied: {instance}"


def test_wait_for_completion_is_the_old_name(six):
    workflows, ids = six
    with workflows.database.connect() as connection:
        warnings: list[Any] = []
        connection.add_notice_handler(
            lambda d: warnings.append((d.severity_nonlocalized, d.message_primary, d.message_hint))
        )
        call = "SELECT df.wait_for_completion(instance_id => %s, timeout_seconds => 5)"
        assert connection.execute(call, (ids["done"],)).fetchone() == ("completed",)
    assert warnings == [("WARNING", "df.wait_for_completion() is deprecated", "Call df.await_instance().")]
    error = refused(workflows.database, "SELECT df.wait_for_completion(%s, 1)", ids["running"])
    assert error.sqlstate == "PD008"
    assert (
        error.diag.message_primary
        == f"Timeout after 1s waiting for instance {ids['running']} (status: running)"
    )


def test_errors_of_waiting(six):
    workflows, ids = six
    for statement, sqlstate, message in (
        ("SELECT df.await_instance('00000000')", "PD002", "Instance not found: 00000000"),
        (f"SELECT df.await_instance('{ids['running']}', 0)", "22023", "Timeout must be positive"),
        (f"SELECT df.await_instance('{ids['running']}', -1)", "22023", "Timeout must be positive"),
    ):
        error = refused(workflows.database, statement)
        assert (error.sqlstate, error.diag.message_primary) == (sqlstate, message)
    assert (
        refused(workflows.database, "SELECT df.await_instance(%s)", ids["done"], role="bob").sqlstate
        == "PD002"
    )


def test_a_step_cannot_wait_for_an_instance(six):
    workflows, ids = six
    for function in ("await_instance", "wait_for_completion"):
        instance = workflows.run(f"CREATE WORKFLOW w() AS 'SELECT df.{function}(''{ids['done']}'')';")
        error = workflows.error(instance)
        assert (error["sqlstate"], error["message"]) == (
            "25001",
            "df.await_instance() cannot be called inside a workflow",
        )
        assert "df.wait_for_signal()" in error["hint"]
    # What is told by is the open run of this backend; the next statement of the same session may wait.
    with workflows.database.connect() as connection:
        connection.execute("CALL df.run(0, NULL)")
        assert connection.execute("SELECT df.await_instance(%s)", (ids["done"],)).fetchone() == ("completed",)


# Numbers


def test_metrics(six):
    workflows, _ = six
    workflows.deploy("CREATE WORKFLOW bobs() AS 'SELECT 1' ~> 'SELECT 2';", role="bob")
    workflows.start("bobs()", role="bob")
    workflows.database.drive(role="bob")
    [row] = workflows.database.query("SELECT * FROM df.metrics()", role="dfowner")
    runs = workflows.database.value("SELECT count(*) FROM df.step_run", role="dfowner")
    tasks = workflows.database.value("SELECT count(*) FROM df.task", role="dfowner")
    assert row == (7, 2, 2, 1, tasks, runs)
    assert refused(workflows.database, "SELECT * FROM df.metrics()").sqlstate == "42501"


def test_version(workflows):
    assert workflows.database.value("SELECT df.version()").split(".")[0].isdecimal()


# Between any two steps, where a setting more costs; each table that they read has an index for it.
HOT = {
    "advance_v1",
    "claim_next_v1",
    "claim_task_v1",
    "continue_v1",
    "find_procedure_v1",
    "gather_v1",
    "release_v1",
    "retake_v1",
    "spread_v1",
}


def test_no_look_is_compiled_to_machine_code(any_database):
    """Up to PostgreSQL 17 a table that must be read whole costs 10,000,000,000 where that is disabled, and for so dear a query the JIT compiler
    works for a second."""
    found = any_database.query(
        "SELECT p.proname FROM pg_proc AS p WHERE p.pronamespace = 'df'::regnamespace"
        " AND p.proconfig @> '{enable_seqscan=off}' AND NOT p.proconfig @> '{jit=off}'"
    )
    assert {name for (name,) in found} == HOT
