"""What somebody without the operator's key can do with what the operator shows to the world: nothing."""

from __future__ import annotations

import pytest
from ape import reverts
from ape.exceptions import ProviderError
from given_fork import Stage
from given_fork_keeper import Keeper

from rebalancer.adapters.wallets.abi import calls_of_batch
from rebalancer.core.model import Planned, Settled


def _planned(keeper: Keeper) -> Planned:
    planned = keeper.tick(live=False).outcome
    assert isinstance(planned, Planned), planned
    return planned


def test_batch__sent_by_an_attacker__the_safe_refuses_it(stage: Stage, keeper: Keeper) -> None:
    """The operator approves by being the sender, so its calldata is worth nothing in other hands."""
    batch, before = _planned(keeper).batch, stage.balances()
    with reverts("GS025"):
        stage.attacker.transfer(batch.call.to, 0, data=batch.call.data)
    assert stage.balances() == before
    # The very bytes are good: from the operator they execute.
    call = {"from": stage.operator, "to": batch.call.to, "data": "0x" + batch.call.data.hex()}
    assert int(stage.fork.ask("eth_call", call, "latest"), 16) == 1


def test_swaps_of_a_batch__made_by_an_attacker__move_nothing_of_the_safe(stage: Stage, keeper: Keeper) -> None:
    """Each by itself: a swap is paid by its sender, who has nothing."""
    batch, before = _planned(keeper).batch, stage.balances()
    swaps = [call for call in calls_of_batch(batch.call.data) if call.to == batch.quotes[0].spender]
    assert len(swaps) == len(batch.quotes)
    for call in swaps:
        with reverts("STF"):
            stage.attacker.transfer(call.to, 0, data=call.data)
    assert stage.balances() == before


def test_sent_batch__sent_again_by_an_attacker__the_node_refuses_it(stage: Stage, keeper: Keeper) -> None:
    settled = keeper.tick(live=True).outcome
    assert isinstance(settled, Settled), settled
    raw, after = stage.fork.ask("eth_getRawTransactionByHash", settled.settlement.tx), stage.balances()
    with pytest.raises(ProviderError, match="nonce too low"):
        stage.fork.ask("eth_sendRawTransaction", raw)
    assert stage.balances() == after


def test_safe__after_a_settled_batch__lets_the_router_and_an_attacker_pull_nothing(
    stage: Stage, keeper: Keeper
) -> None:
    settled = keeper.tick(live=True).outcome
    assert isinstance(settled, Settled), settled
    assert set(stage.allowances().values()) == {0}
    held = [symbol for symbol, raw in stage.balances().items() if raw]
    assert {"WETH", "WBTC", "USDC", "LINK", "UNI"} <= set(held)
    for symbol in held:
        with reverts():
            stage.fork.token(symbol).transferFrom(stage.safe, stage.attacker, 1, sender=stage.attacker)
