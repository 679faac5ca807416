"""The weights that are wanted, and the prices of the past that they follow from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rebalancer.adapters.chain.deployments import Deployment
from rebalancer.adapters.chain.rpc import Rpc
from rebalancer.adapters.targets.fixed import FixedTargets
from rebalancer.config import Settings
from rebalancer.core.errors import ConfigError
from rebalancer.core.optimal_bands import measurable
from rebalancer.ports import Targets
from rebalancer.units import Address
from rebalancer.wire.records import lock_path
from rebalancer.wire.wallets import deployment_of

if TYPE_CHECKING:
    from rebalancer.adapters.prices.feeds import FeedHistory
    from rebalancer.adapters.prices.llama import LlamaHistory
    from rebalancer.adapters.targets.estimated import EstimatedTargets

RPC_PATIENCE = 30.0
"""Seconds that a tick may lose to nodes that do not answer, before it leaves the rest to the next."""
HISTORY_PATIENCE = 300.0
"""The same of somebody who reads years of prices: what was read is kept, and he may be away."""


def targets_of(settings: Settings, rpc: Rpc, deployment: Deployment) -> Targets:
    """The weights of the file, or those that follow from the rounds of the feeds; the volatilities that it leaves open
    from the same.
    """
    weights: Targets = FixedTargets(settings.targets) if settings.estimation is None else make_estimated(settings, rpc)
    policy, found = settings.policy, weights
    if not measurable(policy) and policy.patience is None:
        return found
    from rebalancer.adapters.chain.rounds import RoundReads
    from rebalancer.adapters.targets.measured import MeasuredTargets
    from rebalancer.adapters.targets.remembered import MeasuredFile, TrendFile
    from rebalancer.adapters.targets.trending import TrendTargets

    rounds, beside = RoundReads(rpc, settings.chain_id, deployment.multicall3, settings.quorum), lock_path(settings)
    if measurable(policy):
        file = MeasuredFile(beside.with_suffix(".volatility"))
        found = MeasuredTargets(found, settings.price_rules, rounds, file)
    if policy.patience is not None:
        found = TrendTargets(found, settings.price_rules, rounds, TrendFile(beside.with_suffix(".trends")))
    return found


def make_estimated(settings: Settings, rpc: Rpc | None = None) -> EstimatedTargets:
    """The targets that follow from past prices. ConfigError where the configuration fixes them."""
    from rebalancer.adapters.chain.rounds import ALL_PHASES, RoundReads
    from rebalancer.adapters.targets.estimate_file import EstimateFile
    from rebalancer.adapters.targets.estimated import EstimatedTargets

    if settings.estimation is None:
        raise ConfigError(
            f"{settings.path.name}: targets.method is fixed, expected one that estimates, such as inverse_volatility"
        )
    rpc = rpc or Rpc(settings.rpc_urls, settings.chain_id, patience=RPC_PATIENCE)
    rounds = RoundReads(rpc, settings.chain_id, deployment_of(settings).multicall3, settings.quorum, ALL_PHASES)
    file = EstimateFile(lock_path(settings).with_suffix(".targets"))
    return EstimatedTargets(settings.estimation, settings.price_rules, rounds, file)


def feed_history(settings: Settings, folder: Path) -> FeedHistory:
    """What the feeds of the configuration said at any time; what was read is kept in `folder`."""
    from rebalancer.adapters.chain.at_block import read_head
    from rebalancer.adapters.chain.rounds import ALL_PHASES, RoundReads
    from rebalancer.adapters.prices.feeds import FeedHistory

    rpc = Rpc(settings.rpc_urls, settings.chain_id, patience=HISTORY_PATIENCE)
    multicall3 = deployment_of(settings).multicall3
    rounds = RoundReads(rpc, settings.chain_id, multicall3, settings.quorum, ALL_PHASES)
    return FeedHistory(settings.chain_id, settings.price_rules, rounds, lambda: read_head(rpc), folder)


def llama_history(folder: Path, url: str | None = None) -> LlamaHistory:
    """DefiLlama's prices, or those of whoever speaks as it does at `url`; what was read is kept in `folder`."""
    from rebalancer.adapters.prices.llama import BASE, LlamaHistory
    from rebalancer.adapters.prices.polite import Polite

    return LlamaHistory(Polite(url or BASE), folder)


def llama_coin(text: str, chain_id: int | None, address: Address | None) -> str:
    """DefiLlama's name of a token. Raises ConfigError where none is known."""
    from rebalancer.adapters.prices.llama import coin_of

    return coin_of(text, chain_id, address)
