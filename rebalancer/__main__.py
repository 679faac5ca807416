"""`python -m rebalancer` and the `rebalancer` command."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and leave with its exit code."""
    from rebalancer.cli import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
