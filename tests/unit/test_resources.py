"""Where the grammar is found: in a checkout beside the package, in a wheel inside it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pgdurc import RUNTIME_EPOCH
from pgdurc.resources import resource_directory, resource_text
from pgdurc.runtime import runtime_script

ROOT = Path(__file__).parents[2]


def test_checkout() -> None:
    assert resource_directory("grammar") == ROOT / "grammar"
    assert "statement:" in resource_text("grammar", "workflow.lark")


@pytest.mark.parametrize("inside", [True, False])
def test_where_the_package_lies_elsewhere(tmp_path: Path, inside: bool) -> None:
    """As a wheel lays it out, beside somebody else's directory of that name; and not there at all."""
    (tmp_path / "pgdurc").mkdir()
    for module in ("__init__.py", "resources.py"):
        shutil.copy(ROOT / "pgdurc" / module, tmp_path / "pgdurc")
    (tmp_path / "grammar").mkdir()
    (tmp_path / "grammar" / "other.txt").touch()
    if inside:
        shutil.copytree(ROOT / "grammar", tmp_path / "pgdurc" / "grammar")
    program = "from pgdurc.resources import resource_directory; print(resource_directory('grammar'))"
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    if inside:
        assert ran.stdout.strip() == str(tmp_path / "pgdurc" / "grammar")
    else:
        assert "pgdurc is not completely installed" in ran.stderr


def test_the_tools_need_the_runtime_that_they_install():
    assert f"epoch CONSTANT integer := {RUNTIME_EPOCH};" in runtime_script()
