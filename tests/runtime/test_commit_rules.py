"""Where PostgreSQL lets a procedure commit: the facts that df.run stands on, on every server here."""

from __future__ import annotations

import psycopg
import pytest

SETUP = """
CREATE TABLE trace (n serial);
CREATE PROCEDURE commits() LANGUAGE plpgsql AS 'BEGIN INSERT INTO trace DEFAULT VALUES; COMMIT; END';
"""

REFUSED = {
    "reached through EXECUTE 'CALL'": "CREATE PROCEDURE p() LANGUAGE plpgsql AS 'BEGIN EXECUTE ''CALL commits()''; END'",
    "SECURITY DEFINER": "CREATE PROCEDURE p() LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN COMMIT; END'",
    "a SET clause": "CREATE PROCEDURE p() LANGUAGE plpgsql SET work_mem = '1MB' AS 'BEGIN COMMIT; END'",
    "an EXCEPTION block": (
        "CREATE PROCEDURE p() LANGUAGE plpgsql AS 'BEGIN BEGIN COMMIT; EXCEPTION WHEN division_by_zero THEN NULL; END; END'"
    ),
    "called from a function": (
        "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS 'BEGIN CALL commits(); RETURN 1; END';"
        "CREATE PROCEDURE p() LANGUAGE plpgsql AS 'BEGIN PERFORM f(); END'"
    ),
}

ALLOWED = {
    "at the top": "CREATE PROCEDURE p() LANGUAGE plpgsql AS 'BEGIN COMMIT; END'",
    "in a loop": "CREATE PROCEDURE p() LANGUAGE plpgsql AS 'BEGIN FOR i IN 1..3 LOOP COMMIT; END LOOP; END'",
    "after an EXCEPTION block has closed": (
        "CREATE PROCEDURE p() LANGUAGE plpgsql AS"
        " 'BEGIN BEGIN PERFORM 1/0; EXCEPTION WHEN division_by_zero THEN NULL; END; COMMIT; END'"
    ),
    "in a procedure that a procedure calls": "CREATE PROCEDURE p() LANGUAGE plpgsql AS 'BEGIN CALL commits(); END'",
}


@pytest.mark.parametrize("case", REFUSED)
def test_commit_is_refused(any_database, case):
    any_database.query(SETUP)
    any_database.query(REFUSED[case])
    with pytest.raises(psycopg.errors.InvalidTransactionTermination):
        any_database.query("CALL p()")


@pytest.mark.parametrize("case", ALLOWED)
def test_commit_is_allowed(any_database, case):
    any_database.query(SETUP)
    any_database.query(ALLOWED[case])
    any_database.query("CALL p()")


def test_commit_is_refused_among_several_statements_of_one_string(any_database):
    any_database.query(SETUP)
    with pytest.raises(psycopg.errors.InvalidTransactionTermination):
        any_database.query("SELECT 1; CALL commits()")


def test_commit_is_refused_inside_a_transaction_block(any_database):
    with (
        any_database.connect(autocommit=False) as connection,
        pytest.raises(psycopg.errors.InvalidTransactionTermination),
    ):
        connection.execute("CALL df.run(0, NULL)")


def test_what_the_driver_resets_is_legal_in_a_transaction(any_database):
    with any_database.connect(autocommit=False) as connection:
        for statement in (
            "RESET ROLE", "CLOSE ALL", "DEALLOCATE ALL", "UNLISTEN *", "DISCARD TEMP", "DISCARD SEQUENCES",
            "SELECT pg_advisory_unlock_all()", "RESET ALL",
        ):  # fmt: skip
            connection.execute(statement)
        with pytest.raises(psycopg.errors.ActiveSqlTransaction):
            connection.execute("DISCARD ALL")


def test_reset_all_leaves_the_role(any_database):
    any_database.query("GRANT pg_read_all_settings TO alice", role="postgres")
    with any_database.connect(autocommit=False) as connection:
        connection.execute("SET ROLE pg_read_all_settings")
        connection.execute("RESET ALL")
        assert connection.execute("SELECT current_user").fetchone() == ("pg_read_all_settings",)
