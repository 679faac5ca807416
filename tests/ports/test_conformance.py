"""`scripts/conformance.py` on the replica: what it says of a chain that is right, and of one that is not."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.config import write_example
from rebalancer.replica.chain import Replica

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "conformance.py"
DEAD_NODE = "http://127.0.0.1:9/topsecret"


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, check=False)


def _report(replica: Replica, *arguments: str) -> tuple[int, dict[str, Any]]:
    done = _run("--rpc", replica.url, "--json", *arguments)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def _unexpected(report: dict[str, Any]) -> list[tuple[str, str]]:
    return [(f["part"], f["name"]) for f in report["findings"] if f["verdict"] == "unexpected"]


def test_conformance__of_the_replica__names_its_own_contracts_and_nothing_else(replica: Replica) -> None:
    code, report = _report(replica)
    assert (code, report["conforms"], _unexpected(report)) == (0, True, [])
    known = {(f["part"], f["name"].split()[0]) for f in report["findings"] if f["verdict"] == "expected"}
    tokens = {("token", symbol) for symbol in ("WBTC", "USDC", "USDT", "DAI", "LINK", "UNI")}
    assert tokens <= known and ("token", "WETH") not in known
    quotes = [f for f in report["findings"] if f["part"] == "quote"]
    assert quotes and all("exact to the wei" in f["seen"] for f in quotes)


def test_conformance__of_a_configuration__reads_its_wallet_too(replica: Replica, tmp_path: Path) -> None:
    operator = replica.actor("operator").address
    config = tmp_path / "rebalancer.yaml"
    write_example(config, replica.create_safe([operator]), operator, DEAD_NODE)
    code, report = _report(replica, "--config", str(config))
    assert (code, _unexpected(report)) == (0, [])
    config.write_text(config.read_text().replace("decimals: 8", "decimals: 18"))
    code, report = _report(replica, "--config", str(config))
    assert code == 1 and ("snapshot", "read") in _unexpected(report)
    assert ("token", f"WBTC {replica.token('WBTC').address}") in _unexpected(report)


def test_conformance__of_other_code_at_a_known_address__names_it(replica: Replica) -> None:
    replica.rpc.call("anvil_setCode", MAINNET.multi_send_call_only, "0x00")
    code, report = _report(replica)
    assert (code, _unexpected(report)) == (1, [("code", f"multi_send_call_only {MAINNET.multi_send_call_only}")])


def test_conformance__of_a_silent_feed__names_it_and_makes_no_snapshot(replica: Replica) -> None:
    replica.set_round("LINK/USD", 15 * 10**8, replica.now() - 4_000)
    code, report = _report(replica)
    assert code == 1
    assert [part for part, _ in _unexpected(report)] == ["feed", "snapshot"]


def test_conformance__of_a_pool_off_the_oracle__says_so(replica: Replica) -> None:
    replica.set_price("ETH/USD", 3_300 * 10**8)
    code, report = _report(replica)
    assert code == 1 and {name for _, name in _unexpected(report)} == {"max_pool_gap"}


def test_conformance__of_no_node__ends_like_the_commands(tmp_path: Path) -> None:
    done = _run("--rpc", DEAD_NODE)
    assert done.returncode == 3 and "127.0.0.1: no connection" in done.stderr and "topsecret" not in done.stderr
    assert (_run().returncode, _run("--config", str(tmp_path / "nowhere")).returncode) == (2, 2)


def test_code_hashes__of_the_data_file__are_one_for_each_known_address() -> None:
    known = json.loads((ROOT / "scripts/data/code_hashes.json").read_text())
    assert set(known["mainnet"]) == set(asdict(MAINNET))
    assert set(known["replica"]) < set(known["mainnet"])
