"""Every golden folder, run: what became of it is in expected.json."""

from __future__ import annotations

from pathlib import Path

GOLDEN = Path(__file__).parent.parent / "golden"
RUNNABLE = sorted(folder.name for folder in GOLDEN.iterdir() if (folder / "expected.json").exists())
