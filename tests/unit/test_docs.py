"""The documentation is true as far as a program can tell: its workflows compile, its links lead somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pgdurc.compile import compile_text
from pgdurc.pgsql import parse

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
# Made from the catalogue of codes, and full of errors by intent: test_codes.py looks after it.
CATALOGUE = "errors.md"

FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]*`")
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
LINK = re.compile(r"\[[^\]\n]+\]\(([^)\s]+)\)")
WORKFLOW = re.compile(r"\b(?:CREATE|DROP)\s+(?:OR\s+REPLACE\s+)?WORKFLOW\b")
SQLSTATE = re.compile(r"'(PD[0-9A-Z]{3})'")
PLACE = re.compile(r"(?<![\w/.])/(?:home|tmp|var|work|root|usr|opt)/[\w.-]+")
PUBLIC_PLACES = {"/var/tmp"}


@dataclass(frozen=True)
class Block:
    """A fenced block. What is no whole script is marked in its first line: ```sql fragment."""

    page: Path
    line: int
    info: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for found in FENCE.finditer(text):
        yield Block(page, text.count("\n", 0, found.start()) + 1, found[1].strip(), found[2])


def prose(page: Path) -> str:
    """The page without its blocks."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """What its headings are called in a link."""
    kept = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(prose(page)))
    return {heading.strip().replace(" ", "-") for heading in kept}


BLOCKS = [block for page in PAGES if page.name != CATALOGUE for block in blocks(page)]
SCRIPTS = [block for block in BLOCKS if block.info in ("sql", "pgd")]
WORKFLOWS = [block for block in SCRIPTS if WORKFLOW.search(block.text)]
STATEMENTS = [block for block in SCRIPTS if not WORKFLOW.search(block.text)]


@pytest.mark.parametrize("block", WORKFLOWS, ids=str)
def test_a_workflow_compiles_without_a_word(block: Block) -> None:
    compiled = compile_text(block.text)
    assert [(d.code, d.message) for d in compiled.diagnostics] == []
    assert compiled.sql


@pytest.mark.parametrize("block", STATEMENTS, ids=str)
def test_sql_is_sql(block: Block) -> None:
    assert parse(block.text)


def test_there_is_something_to_test() -> None:
    assert len(WORKFLOWS) > 5
    assert len(STATEMENTS) > 5


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.info not in ("sql", "pgd")], ids=str)
def test_every_other_block_says_what_it_is(block: Block) -> None:
    assert block.info in ("sh", "text", "sql fragment")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(CODE.sub("", prose(page))):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        other = (page.parent / path).resolve() if path else page
        assert other.exists(), f"{target} is not there"
        if anchor:
            assert anchor in anchors(other), f"{target}: {sorted(anchors(other))}"


def test_every_page_is_linked_from_the_readme() -> None:
    linked = set(LINK.findall(prose(ROOT / "README.md")))
    assert {f"docs/{page.name}" for page in PAGES if page.parent.name == "docs"} <= linked


def test_every_sqlstate_of_ours_is_documented() -> None:
    raised = {
        code
        for file in (ROOT / "runtime_sql").glob("*.sql")
        for code in SQLSTATE.findall(file.read_text("utf-8"))
    }
    listed = set(re.findall(r"^## (PD[0-9A-Z]{3}):", prose(ROOT / "docs" / "errors.md"), re.MULTILINE))
    assert listed == raised


def test_every_test_that_is_named_exists() -> None:
    tests = list((ROOT / "tests").rglob("test_*.py"))
    known = {
        name
        for file in tests
        for name in re.findall(r"^def (test_\w+)", file.read_text("utf-8"), re.MULTILINE)
    }
    known |= {file.name for file in tests}
    named = {name for page in PAGES for name in re.findall(r"`(test_\w+(?:\.py)?)`", page.read_text("utf-8"))}
    assert named <= known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_place_of_somebodys_machine(page: Path) -> None:
    assert set(PLACE.findall(page.read_text(encoding="utf-8"))) <= PUBLIC_PLACES
