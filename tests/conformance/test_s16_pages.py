"""Pages of a list whose instances have all been made at one instant."""

from __future__ import annotations

from typing import Any

from tests.conformance.test_s15_roles import run


def test_s16_instances_of_one_moment_are_in_the_order_of_their_ids(database: Any) -> None:
    run(database, "SELECT df.start('SELECT 1') FROM generate_series(1, 9);")
    database.query("UPDATE df.instance SET created_at = '2026-01-01'", role="dfowner")
    seen: list[str] = []
    cursor = None
    for _ in range(3):
        page = database.query(
            "SELECT instance_id, next_cursor FROM df.list_instances(NULL, 3, NULL, %s)", cursor
        )
        seen += [instance for instance, _ in page]
        cursor = page[0][1]
    assert cursor is None
    assert len(set(seen)) == 9
    assert seen == sorted(seen)


def test_s17_a_long_chain_is_explained_whole(database: Any) -> None:
    chain = " ~> ".join(["'SELECT 1'"] * 130)
    assert str(run(database, f"SELECT df.explain({chain});")).count("→") == 129
    ifs = "'SELECT 0'"
    for _ in range(129):
        ifs = f"df.if('SELECT true', {ifs}, 'SELECT 2')"
    explained = str(run(database, f"SELECT df.explain({ifs});"))
    assert [line.strip().split()[-1] for line in explained.splitlines()].count("IF") == 129
