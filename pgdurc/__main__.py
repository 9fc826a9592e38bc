"""The entry point of `pgdurc` and of `python -m pgdurc`."""

from __future__ import annotations

from pgdurc.cli import pgdurc


def main() -> None:
    pgdurc(prog_name="pgdurc")


if __name__ == "__main__":
    main()
