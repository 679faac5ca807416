#!/usr/bin/env python3
"""Runs tests/fork with `ape test` on a fork: of real mainnet where ETH_RPC_URL is set, else of the replica.

Further arguments go to ape test.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from rebalancer.replica.anvil import find_anvil
from rebalancer.replica.chain import Replica

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """The exit code of ape test."""
    environment = dict(os.environ)
    # ape finds anvil on PATH, and takes the installed vyper where its command is on PATH too.
    paths = (Path(sys.executable).parent, Path(find_anvil()).parent)
    environment["PATH"] = os.pathsep.join([*map(str, paths), environment["PATH"]])
    command = ["ape", "test", "--network", "ethereum:mainnet-fork:foundry", "tests/fork", "-q", "--tb=short"]
    command += sys.argv[1:]
    with ExitStack() as stack:
        upstream = os.environ.get("ETH_RPC_URL")
        if upstream:
            print("upstream: the node of ETH_RPC_URL")
        else:
            upstream = stack.enter_context(Replica.start()).url
            print(f"upstream: the replica at {upstream}")
        environment["REBALANCER_UPSTREAM"] = upstream
        return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
