"""The gas limit of a batch: room for pools that move, and never less than that, for then it would fail and burn it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from given_unmined import KINDS, a_desk_of
from given_wallet import Desk, a_trade

from rebalancer.adapters.chain.rpc import Rpc
from rebalancer.adapters.wallets.keystore import KeystoreSigner
from rebalancer.adapters.wallets.sending import GAS_MARGIN, MOST_GAS
from rebalancer.core.errors import Unavailable
from rebalancer.core.model import Batch, Reverted, Simulated, Snapshot
from rebalancer.replica.chain import Replica

MOST_SIMULATED = MOST_GAS * 10_000 // GAS_MARGIN
"""With the margin on top, the most that a transaction may have."""


class MeasuringRpc(Rpc):
    """To a node on which every simulated call uses so much gas."""

    def __init__(self, url: str, gas: int) -> None:
        super().__init__(url)
        self._gas = gas

    def call(self, method: str, *params: Any) -> Any:
        answer = super().call(method, *params)
        if method == "eth_simulateV1":
            (block,) = answer
            block["calls"] = [{**call, "gasUsed": hex(self._gas)} for call in block["calls"]]
        return answer


@pytest.fixture(params=KINDS)
def desk(request: pytest.FixtureRequest, replica: Replica, signer: KeystoreSigner) -> Desk:
    return a_desk_of(request.param, replica, signer)


def _batch(desk: Desk) -> tuple[Batch, Snapshot]:
    snapshot = desk.reader.read()
    deadline = snapshot.block.timestamp + 600
    quotes = desk.quotes([a_trade(desk, "USDT", 50_000 * 10**6, "WETH")], snapshot, deadline)
    return desk.wallet.build(quotes, snapshot, deadline), snapshot


def test_simulate__with_as_much_gas_as_a_transaction_may_have__is_signed_with_all_of_it(desk: Desk) -> None:
    batch, snapshot = _batch(desk)
    wallet = desk.on(MeasuringRpc(desk.replica.url, MOST_SIMULATED)).wallet
    simulation = wallet.simulate(batch, snapshot)
    assert isinstance(simulation, Simulated), simulation
    assert MOST_GAS - 1 <= wallet.commit(batch, simulation, snapshot).transaction.gas <= MOST_GAS


def test_simulate__with_more_gas_than_a_transaction_may_have__is_refused_and_says_how_much(desk: Desk) -> None:
    batch, snapshot = _batch(desk)
    simulation = desk.on(MeasuringRpc(desk.replica.url, 12_000_000)).wallet.simulate(batch, snapshot)
    assert simulation == Reverted(
        "the batch uses 12,000,000 gas, with the margin for pools that move 18,000,000, and a transaction may have "
        "16,777,216 at most (EIP-7825): it cannot be sent; lower max_trade, or hold fewer assets"
    )


def test_commit__of_more_gas_than_a_transaction_may_have__signs_nothing_with_less(desk: Desk) -> None:
    batch, snapshot = _batch(desk)
    simulation = desk.wallet.simulate(batch, snapshot)
    assert isinstance(simulation, Simulated), simulation
    with pytest.raises(Unavailable, match="16,777,216 at most"):
        desk.wallet.commit(batch, replace(simulation, gas=MOST_SIMULATED + 1), snapshot)
