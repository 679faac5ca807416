#!/usr/bin/env python3
"""Is a chain what the keeper and its tests believe it to be? Reads only, signs nothing; for mainnet or the replica.

Code at the known addresses, tokens and feeds of the configuration, one snapshot by the keeper's own reader, and
local quotes against the contracts at the snapshot's block. Exit 0 where nothing is unexpected, 1 otherwise.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from conformance_checks import Finding, check_code, check_feeds, check_quotes, check_snapshot, check_tokens

from rebalancer.adapters.chain.book import Book
from rebalancer.adapters.chain.codec import CallResult, EthCall
from rebalancer.adapters.chain.deployments import DEPLOYMENTS, MAINNET, Deployment
from rebalancer.adapters.chain.reader import ChainReader
from rebalancer.adapters.chain.rpc import Rpc, require_chain
from rebalancer.adapters.clock import SystemClock
from rebalancer.adapters.wallets.safe_reads import SafeReads
from rebalancer.config import Settings, read_settings, write_example
from rebalancer.core.errors import ConfigError, RebalancerError
from rebalancer.core.model import SafeState


class NoWallet:
    """Plays `WalletReads` where nobody's wallet is to be read."""

    def calls(self) -> tuple[EthCall, ...]:
        return ()

    def decode(self, results: Sequence[CallResult]) -> SafeState:
        return SafeState("", 0, 0, (), ())


def settings_of(config: Path | None, rpc: str | None) -> Settings:
    """The configuration, or the example; `rpc` in place of its node."""
    if config is not None:
        settings = read_settings(config)
        return settings if rpc is None else replace(settings, rpc_urls=(rpc,))
    if rpc is None:
        raise ConfigError("expected --rpc URL, --config FILE, or both")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rebalancer.yaml"
        write_example(path, MAINNET.safe, MAINNET.safe_l2, "http://127.0.0.1")  # no accounts of anybody's are read
        return replace(read_settings(path, {}), rpc_urls=(rpc,))


def reader_of(settings: Settings, deployment: Deployment, rpc: Rpc, whole: bool) -> ChainReader:
    """The keeper's reader. `whole`: with the wallet of the configuration."""
    policy, wallet = settings.policy, settings.wallet
    book = Book(
        settings.chain_id, settings.tokens, policy.assets, settings.price_rules, settings.native, settings.pools,
        (deployment.swap_router_02,), wallet.address, wallet.operator, policy.limits.max_block_age,
    )  # fmt: skip
    return ChainReader(rpc, deployment, book, SafeReads(wallet.address) if whole else NoWallet(), SystemClock())


def check_all(config: Path | None, url: str | None) -> list[Finding]:
    """Every part, as far as the one before it went well."""
    settings = settings_of(config, url)
    deployment = DEPLOYMENTS.get(settings.chain_id)
    if deployment is None:
        raise ConfigError(f"chain.id: no contracts are known on chain {settings.chain_id}")
    rpc = Rpc(settings.rpc_urls, settings.chain_id, timeout=30.0)
    require_chain(rpc.host, int(rpc.call("eth_chainId"), 16), settings.chain_id)
    reader = reader_of(settings, deployment, rpc, config is not None)
    found = [*check_code(rpc, deployment), *check_tokens(rpc, settings.tokens)]
    found += check_feeds(rpc, settings, int(rpc.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16))
    rows, snapshot = check_snapshot(settings, reader, rpc)
    return found + rows + (list(check_quotes(reader, rpc, snapshot)) if snapshot else [])


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rpc", help="the node; an archive is not needed")
    parser.add_argument("--config", type=Path, help="by default the example's tokens, feeds and pools")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    try:
        found = check_all(options.config, options.rpc)
    except RebalancerError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    counts = Counter(finding.verdict for finding in found)
    if options.json:
        print(json.dumps({"conforms": not counts["unexpected"], **counts, "findings": [asdict(f) for f in found]}))
    else:
        for finding in found:
            print(f"{finding.verdict:<10}  {finding.part:<8}  {finding.name}: {finding.seen}")
        print(
            f"\n{counts['ok']} as expected, {counts['expected']} known differences, {counts['unexpected']} unexpected"
        )
    return 1 if counts["unexpected"] else 0


if __name__ == "__main__":
    sys.exit(main())
