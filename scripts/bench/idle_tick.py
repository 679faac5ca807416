#!/usr/bin/env python3
"""What an idle tick costs: a cold `rebalancer run` that holds, in turn with a cold `python -c "import web3"`.

10 tokens and 20 pools on the replica. Ratios of pairs, because machines are noisy. Exit 1 where a tick did
anything but hold.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from rebalancer.config import write_example
from rebalancer.market.addresses import checksum_address
from rebalancer.replica.bytecode import mock_init_code
from rebalancer.replica.calls import encode_values
from rebalancer.replica.chain import Replica
from rebalancer.replica.pools import Pool
from rebalancer.units import Address

PAIRS = 10
EXTRA_TOKENS = {"AAA": 18, "BBB": 8, "CCC": 6}
"""Three more than the replica has; known, priced and read, though outside the portfolio."""
POOLS = 20
VALUE = 100_000 * 10**8
"""Of the portfolio, in dollars at 8 decimals."""


def main() -> int:
    """0 where every tick held in one request."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument("--pairs", type=int, default=PAIRS)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Replica.start() as replica:
        config = _configured(replica, Path(folder))
        tick = [sys.executable, "-m", "rebalancer", "run", "--json", "--config", str(config)]
        web3 = [sys.executable, "-c", "import web3"]
        os.environ["XDG_STATE_HOME"] = folder  # the lock goes there, not into the home of whoever runs this
        reports = [_report(tick)]  # once before the clock: caches of the disk, tables of the ledger
        pairs = []
        for _ in range(arguments.pairs):
            start = time.perf_counter()
            reports.append(_report(tick))
            middle = time.perf_counter()
            subprocess.run(web3, check=True)
            pairs.append((middle - start, time.perf_counter() - middle))
    figures = _figures(reports, pairs)
    if arguments.json:
        print(json.dumps(figures))
    else:
        print("\n".join(f"{name}: {value}" for name, value in figures.items()))
    return 0 if figures["outcomes"] == ["held"] and figures["http_requests"] == 1 else 1


def _configured(replica: Replica, folder: Path) -> Path:
    """A Safe that is exactly on target, and a configuration of 10 tokens and 20 pools."""
    operator = replica.actor("operator").address
    wallet = replica.create_safe([operator])
    path = folder / "rebalancer.yaml"
    write_example(path, wallet, operator, replica.url)
    config = yaml.load(path.read_text(), Loader=yaml.BaseLoader)
    for symbol, token in config["tokens"].items():
        if "target" in token:
            share = int(token["target"].removesuffix(" %"))
            unit = 10 ** int(token["decimals"])
            replica.deal(symbol, wallet, VALUE * share * unit // (100 * replica.prices[symbol]))
    for symbol, decimals in EXTRA_TOKENS.items():
        price = dict(config["tokens"]["WETH"]["price"])
        address = _deployed(replica, symbol, decimals)
        config["tokens"][symbol] = {"address": address, "decimals": decimals, "price": price}
    config["venues"]["uniswap"]["pools"] = [_pool_text(pool) for pool in replica.pools[:POOLS]]
    path.write_text(yaml.safe_dump(config, allow_unicode=True))
    return path


def _pool_text(pool: Pool) -> str:
    fee = f" {pool.fee / 10_000} %" if pool.kind == "v3" else ""
    return f"{pool.kind} {pool.token0}/{pool.token1}{fee}"


def _deployed(replica: Replica, symbol: str, decimals: int) -> Address:
    arguments = encode_values(("string", "string", "uint8"), symbol, symbol, decimals)
    deployer = replica.actor("deployer").address
    sent = replica.rpc.call("eth_sendTransaction", {"from": deployer, "data": mock_init_code("MockToken") + arguments})
    return checksum_address(replica.receipt(sent)["contractAddress"])


def _report(command: list[str]) -> dict[str, object]:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"the tick ended with {done.returncode}: {done.stderr}")
    report: dict[str, object] = json.loads(done.stdout)
    return report


def _figures(reports: list[dict[str, object]], pairs: list[tuple[float, float]]) -> dict[str, object]:
    return {
        "benchmark": "idle_tick",
        "compared_with": "python -c 'import web3', cold, in turn",
        "tokens": 10,
        "pools": POOLS,
        "pairs": len(pairs),
        "outcomes": sorted({str(r["outcome"]) for r in reports}),
        "http_requests": max(int(str(r["requests"])) for r in reports),
        "tick_ms": round(1000 * statistics.median(tick for tick, _ in pairs), 1),
        "import_web3_ms": round(1000 * statistics.median(web3 for _, web3 in pairs), 1),
        "ratio_to_import_web3": round(statistics.median(tick / web3 for tick, web3 in pairs), 3),
    }


if __name__ == "__main__":
    sys.exit(main())
