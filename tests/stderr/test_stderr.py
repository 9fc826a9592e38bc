"""What `pgdurc check` says: a script, and the standard error and exit code that it gives.

`PGDnnn.pgd` shows that diagnostic and no other, `PGDnnn_something.pgd` another way to it; the rest are about how
several are shown. PGDURC_UPDATE_GOLDENS=1 writes the .stderr files anew.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import pgdurc
from pgdurc.codes import CODES

HERE = Path(__file__).parent
STORED = sorted(file.stem for file in HERE.glob("*.pgd"))

# What an editor or git would change, or nobody would like to store.
GENERATED: dict[str, bytes] = {
    "PGD002": "-- Saved as Latin-1.\nCREATE WORKFLOW w() AS $$SELECT 'café'$$;\n".encode("latin-1"),
    "PGD002_utf_16": "CREATE WORKFLOW w() AS 'SELECT 1';\n".encode("utf-16"),
    "PGD003": b"CREATE WORKFLOW w() AS 'SELECT 1';\n-- \0\n",
    "PGD130": f"CREATE WORKFLOW w() AS {'(' * 257}'SELECT 1'{')' * 257};\n".encode(),
    "PGD130_loops": f"CREATE WORKFLOW w() AS {'@> ' * 257}'SELECT 1';\n".encode(),
    "PGD131": f"CREATE WORKFLOW w() AS {' ~> '.join(['$$SELECT 1$$'] * 10_001)};\n".encode(),
    "byte_order_mark": b"\xef\xbb\xbfCREATE WORKFLOW w() AS 'SELEC 1';\n",
    "line_ends": b"CREATE WORKFLOW w() AS\r\n'SELECT 1'\r\n~> 'SELEC 1';\r\n",
}
# No scripts at all, so that nothing in them is reported.
UNREADABLE = {"directory", "missing", "endless_link", "forbidden"}

CODE = re.compile(r"(?:error|warning|note)\[(PGD\d+)\]")


@pytest.fixture
def checked(
    cli: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, bytes | None], str]:
    """Checks a file of that name, beside one to include, calls.sql; what is printed and how it ends."""
    monkeypatch.chdir(tmp_path)
    Path("calls.sql").write_text("SELECT df.start('SELECT 1');\n")

    def check(name: str, content: bytes | None = None) -> str:
        if content is not None:
            Path(name).write_bytes(content)
        result = cli("check", name)
        assert result.stdout == ""
        return f"{result.stderr}exit {result.exit_code}\n"

    return check


def compare(name: str, found: str) -> None:
    golden = HERE / f"{name}.stderr"
    if os.environ.get("PGDURC_UPDATE_GOLDENS"):
        golden.write_text(found, encoding="utf-8")
    assert found == golden.read_text(encoding="utf-8")
    if name.startswith("PGD"):
        assert set(CODE.findall(found)) == {name[:6]}
    assert set(CODE.findall(found)) <= set(CODES)


@pytest.mark.parametrize("name", STORED)
def test_stored_script(checked: Callable[..., str], name: str) -> None:
    compare(name, checked(f"{name}.pgd", (HERE / f"{name}.pgd").read_bytes()))


@pytest.mark.parametrize("name", GENERATED)
def test_generated_script(checked: Callable[..., str], name: str) -> None:
    compare(name, checked(f"{name}.pgd", GENERATED[name]))


def test_directory(checked: Callable[..., str]) -> None:
    Path("directory").mkdir()
    compare("directory", checked("directory"))


def test_missing_file(checked: Callable[..., str]) -> None:
    compare("missing", checked("missing.pgd"))


def test_link_to_itself(checked: Callable[..., str]) -> None:
    Path("endless.pgd").symlink_to("endless.pgd")
    compare("endless_link", checked("endless.pgd"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_file_that_may_not_be_read(checked: Callable[..., str]) -> None:
    Path("forbidden.pgd").touch(mode=0)
    compare("forbidden", checked("forbidden.pgd"))


def test_every_golden_has_its_script() -> None:
    goldens = {file.stem for file in HERE.glob("*.stderr")}
    assert goldens == {*STORED, *GENERATED, *UNREADABLE}


def test_every_code_has_a_golden() -> None:
    assert {name for name in (*STORED, *GENERATED) if re.fullmatch(r"PGD\d+", name)} == set(CODES)


def test_every_code_that_is_written_down_is_in_the_catalogue_and_the_other_way_round() -> None:
    package = Path(pgdurc.__file__).parent
    modules = [file for file in package.rglob("*.py") if file.name != "codes.py"]
    written = {
        code for file in modules for code in re.findall(r'"(PGD\d{3})"', file.read_text(encoding="utf-8"))
    }
    assert written == set(CODES)


@pytest.mark.parametrize("code", CODES)
def test_example_of_the_catalogue(checked: Callable[..., str], code: str) -> None:
    """The whole way: the unit tests see the front end and the analysis apart."""
    found = checked("example.pgd", CODES[code].example.encode("utf-8", "surrogateescape"))
    assert set(CODE.findall(found)) == {code}


@pytest.mark.parametrize("code", [code for code in CODES if CODES[code].remedy])
def test_remedy_of_the_catalogue(checked: Callable[..., str], code: str) -> None:
    assert checked("remedy.pgd", CODES[code].remedy.encode()) == "exit 0\n"
