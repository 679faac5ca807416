"""Batches of any shape: what the simulation measures is what the chain does, to the wei and to the unit of gas."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from given_wallet import DAI, ROUTER, TOKENS, USDC, USDT, WBTC, WETH, Desk, a_desk, a_signer, a_trade

from rebalancer.core.model import Landed
from rebalancer.replica.chain import Replica
from rebalancer.units import ONE

WHOLE = {WETH: 3_000, WBTC: 100, USDC: 6_000_000, USDT: 6_000_000, DAI: 2_000_000}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with Replica.start() as replica:
        operator = replica.actor("operator")
        safe = replica.create_safe([operator.address])
        replica.deal("ETH", safe, ONE)
        for token, whole in WHOLE.items():
            replica.deal(token.symbol, safe, whole * 10**token.decimals)
        replica.mine()
        yield a_desk(replica, safe, a_signer(tmp_path_factory.mktemp("keys"), operator))


@pytest.mark.parametrize("seed", range(12))
def test_batch__of_random_trades__does_what_was_simulated(running: Desk, seed: int) -> None:
    chance = random.Random(seed)
    with running.replica.scratch() as replica:
        for token in chance.sample(TOKENS, 2):
            standing = chance.choice((1, 10**6, 2**255))
            replica.transact(running.wallet.address, token.address, "approve(address,uint256)", ROUTER, standing)
        trades = []
        for _ in range(chance.randint(1, 5)):
            sell, buy = chance.sample(TOKENS, 2)
            raw = WHOLE[sell] * 10**sell.decimals // chance.randint(20, 2_000) + chance.randint(0, 999)
            trades.append(a_trade(running, sell.symbol, raw, buy.symbol, slippage_bps=3_000))
        intent = running.intent(trades)
        before = [replica.balance(token.symbol, running.wallet.address) for token in TOKENS]
        running.wallet.execute(intent)
        landing = running.wallet.land(intent, 10, 0)
        after = [replica.balance(token.symbol, running.wallet.address) for token in TOKENS]
        left = [
            replica.read(trade.sell.token.address, "allowance(address,address)", running.wallet.address, ROUTER)[0]
            for trade in trades
        ]
    assert isinstance(landing, Landed)
    assert landing.receipt.reason is None
    assert landing.receipt.changes == intent.expected
    assert [change.raw for change in intent.expected] == [b - a for a, b in zip(before, after, strict=True)]
    # The limit is the simulated gas and half as much again: so what was used is what was simulated.
    assert intent.commitment.transaction.gas == -(-landing.receipt.gas_used * 3 // 2)
    assert left == [0] * len(trades)
