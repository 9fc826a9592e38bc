"""One database a server for all cases of a process, and the same sessions: a new one reads all functions anew."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.conftest import BINARIES_VARIABLE, SUPERUSER, fresh_database

LANES = ["main_server"] if os.environ.get(BINARIES_VARIABLE) else ["main_server", "other_server"]

SETUP = """
-- The instance that the case has started last.
CREATE FUNCTION public.it() RETURNS text LANGUAGE sql STABLE AS $$ SELECT current_setting('conformance.it') $$;
CREATE SEQUENCE public.cases;
GRANT USAGE ON SEQUENCE public.cases TO PUBLIC;
"""


@dataclass(frozen=True)
class Lane:
    """alice's session for the scripts and one in which she drives, and that of the runtime's owner."""

    alice: Any
    driver: Any
    administrator: Any


@pytest.fixture(scope="session", params=LANES)
def lane(request: pytest.FixtureRequest) -> Iterator[Lane]:
    with fresh_database(request.getfixturevalue(request.param)) as made:
        made.query(SETUP, role=SUPERUSER)
        with made.connect() as alice, made.connect() as driver, made.connect("dfowner") as administrator:
            yield Lane(alice, driver, administrator)
