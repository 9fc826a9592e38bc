"""The entry point of `pgdurc` and of `python -m pgdurc`."""

from __future__ import annotations

import gc

from pgdurc.cli import pgdurc


def main() -> None:
    # A tree of 10,000 nodes has no cycles to find, and looking for them was a tenth of the time.
    gc.set_threshold(50_000)
    pgdurc(prog_name="pgdurc")


if __name__ == "__main__":
    main()
