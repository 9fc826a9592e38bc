"""The catalogue of errors, for `pgdurc explain` and docs/errors.md.

The compiler's diagnostics are in codes.toml, the SQLSTATEs of the runtime in sqlstates.toml.
"""

from __future__ import annotations

import re
import textwrap
import tomllib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Code:
    """`example` is a whole script that yields this code and no other.

    Bytes that are not UTF-8 are surrogate escapes in it. `remedy` is the same script put right, where that
    says more than words.
    """

    title: str
    story: str
    example: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Sqlstate:
    """An error of the runtime, which comes with a message and a hint of its own; `remedy` is words.

    `messages` are patterns of messages, of PostgreSQL's own ones whose story this is.
    """

    title: str
    story: str
    remedy: str
    messages: tuple[str, ...] = ()


def _workflow(body: str) -> str:
    return f"CREATE WORKFLOW w() AS {body};\n"


# What no editor would keep, or nobody would like to scroll past.
_GENERATED_EXAMPLES = {
    "PGD002": "CREATE WORKFLOW w() AS $$SELECT 'caf\udce9'$$;\n",
    "PGD104": f"CREATE WORKFLOW {'long_' * 11}() AS 'SELECT 1';\n",
    "PGD130": _workflow("(" * 257 + "'SELECT 1'" + ")" * 257),
    "PGD131": _workflow(" ~> ".join(["''"] * 10_001)),
    "PGD412": _workflow(" & ".join(["'SELECT 1'"] * 258)),
}


def _load() -> dict[str, Code]:
    entries = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    return {
        code: Code(
            title=entry["title"],
            story=" ".join(entry["story"].split()),
            example=entry["example"] if "example" in entry else _GENERATED_EXAMPLES[code],
            remedy=entry.get("remedy", ""),
        )
        for code, entry in entries.items()
    }


CODES: dict[str, Code] = _load()
SQLSTATES: dict[str, Sqlstate] = {
    code: Sqlstate(
        title=entry["title"],
        story=" ".join(entry["story"].split()),
        remedy=" ".join(entry["remedy"].split()),
        messages=tuple(entry.get("messages", ())),
    )
    for code, entry in tomllib.loads(
        Path(__file__).with_name("sqlstates.toml").read_text(encoding="utf-8")
    ).items()
}


_OUR_CODE = re.compile(r"\b(?:PGD|PD)\d{3}\b")


def code_of(text: str) -> str:
    """The code that a text is or holds, or whose message it holds; else the text as it is."""
    if text.upper() in CODES or text.upper() in SQLSTATES:
        return text.upper()
    for code in _OUR_CODE.findall(text):
        if code in CODES or code in SQLSTATES:
            return str(code)
    for code, state in SQLSTATES.items():
        if any(re.search(message, text) for message in state.messages):
            return code
    return "PGD120" if _NO_NODE.search(text) else text


_NO_NODE = re.compile(r"function df\.\w+ does not exist")
"""As the compiler says it; PostgreSQL says with which arguments."""


def explain(code: str) -> str | None:
    """The story of a code, or of a message, as text for a terminal; None where there is none."""
    code = code_of(code)
    if (state := SQLSTATES.get(code.upper())) is not None:
        return (
            f"{code.upper()}: {state.title}\n\n{_wrapped(state.story, 90)}\n\n{_wrapped(state.remedy, 90)}\n"
        )
    entry = CODES.get(code.upper())
    if entry is None:
        return None
    parts = [
        f"{code.upper()}: {entry.title}",
        _wrapped(entry.story, 90),
        f"For example:\n\n{_indented(entry.example)}",
    ]
    if entry.remedy:
        parts.append(f"Instead:\n\n{_indented(entry.remedy)}")
    return "\n\n".join(parts) + "\n"


def near_codes(code: str) -> list[str]:
    """The codes that may be meant: with no prefix, not to its end, digits in another order, O for 0.

    Those that look alike are no guess, for all of them do. None where there would be many.
    """
    text = code.upper().replace("O", "0")
    if text in CODES or text in SQLSTATES:
        return [text]
    near = [
        known
        for known in (*CODES, *SQLSTATES)
        if known.startswith(text) or known.endswith(text) or sorted(known) == sorted(text)
    ]
    return near if len(near) <= _MOST_NEAR else []


def as_markdown() -> str:
    """docs/errors.md."""
    parts = [_PREFACE]
    for code in sorted(CODES):
        entry = CODES[code]
        parts.append(f"## {code}: {entry.title}\n\n{entry.story}\n")
        parts.append(f"```sql\n{_shown(entry.example)}\n```\n")
        if entry.remedy:
            parts.append(f"Instead:\n\n```sql\n{_shown(entry.remedy)}\n```\n")
    parts.append(_SQLSTATES_PREFACE)
    for code, state in SQLSTATES.items():
        parts.append(f"## {code}: {state.title}\n\n{_wrapped(state.story)}\n\n{_wrapped(state.remedy)}\n")
    return "\n".join(parts)


_SQLSTATES_PREFACE = """# SQLSTATEs of the runtime

What the database says when a script is deployed, or a workflow is started or runs; each comes with a message
and a hint. They are of class PD. Other errors keep PostgreSQL's codes; two of those stand here, for their
messages name nothing of pgdurc.
"""
_PREFACE = """# Errors and warnings

One entry a code; `pgdurc explain CODE` prints the same. Made by `python -m pgdurc.codes > docs/errors.md`.
"""
_LONGEST_SHOWN = 200
_MOST_NEAR = 5


def _wrapped(text: str, width: int = 120) -> str:
    return textwrap.fill(text, width, break_long_words=False, break_on_hyphens=False)


def _indented(example: str) -> str:
    return "\n".join(f"    {line}".rstrip() for line in _shown(example).split("\n"))


def _shown(example: str) -> str:
    """An example as it can be printed: not all of 10,001 nodes, and no byte that is not text."""
    text = (
        example.encode("utf-8", "surrogateescape").decode("utf-8", "replace").strip("\n").replace("\0", "\\0")
    )
    if len(text) > _LONGEST_SHOWN:
        text = f"{text[: _LONGEST_SHOWN // 2]} ... {text[-_LONGEST_SHOWN // 4 :]}"
    return text or "(nothing)"


if __name__ == "__main__":
    import sys

    sys.stdout.write(as_markdown())
