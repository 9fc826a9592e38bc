"""The entry point of `pgdurc` and of `python -m pgdurc`."""

from __future__ import annotations

import gc
import sys


def main() -> None:
    # A tree of 10,000 nodes has no cycles to find, and looking for them was a tenth of the time.
    gc.set_threshold(50_000)
    try:
        from pgdurc.cli import pgdurc
        from pgdurc.cli.streams import open_streams

        open_streams()
        pgdurc(prog_name="pgdurc")
    except KeyboardInterrupt:  # before or after the command itself
        sys.exit(130)


if __name__ == "__main__":
    main()
