"""`python -m rebalancer` and the `rebalancer` command."""

from __future__ import annotations

import gc
import sys


def main() -> None:
    """Run the command line and leave with its exit code."""
    # Importing makes hundreds of thousands of objects that live as long as the process: looking through them for
    # garbage every 700 takes a tenth of a second of an idle tick.
    gc.set_threshold(100_000, 20, 20)
    from rebalancer.cli import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
