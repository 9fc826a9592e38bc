"""One database a server for all cases of a process, each case in a schema of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
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


@pytest.fixture(scope="session", params=LANES)
def shared_database(request: pytest.FixtureRequest) -> Iterator[Any]:
    with fresh_database(request.getfixturevalue(request.param)) as made:
        made.query(SETUP, role=SUPERUSER)
        yield made
