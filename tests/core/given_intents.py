"""An intent as it stands open in the ledger, and further transactions of its nonce."""

from __future__ import annotations

from dataclasses import replace

from small_market import BLOCK, GWEI, NOW, OPERATOR, WETH, batch_of, planned, simulated, snapshot_with

from rebalancer.core.cost import cost_of_quotes
from rebalancer.core.flows import followed, pools_on_the_way, routed
from rebalancer.core.model import Call, Fees, Intent, Purpose, Replacement, SignedTransaction, Transaction
from rebalancer.units import Wei

SNAPSHOT = snapshot_with(40_000, 40_000, 15_000, 5_000)
PLAN = planned(SNAPSHOT)
BATCH = batch_of(PLAN, SNAPSHOT)
CHANGES = simulated(BATCH).changes
SENT = Fees(Wei(21 * GWEI), Wei(GWEI))


def signed(hash_: str, fees: Fees = SENT, call: Call | None = None, gas: int = 600_000) -> SignedTransaction:
    return SignedTransaction(Transaction(1, 0, gas, fees, call or Call(WETH.address, b"\x01")), b"", hash_)


INTENT = Intent(
    id="intent-1",
    created_at=NOW,
    block=BLOCK.number,
    trades=PLAN.trades,
    expected=CHANGES,
    prices=SNAPSHOT.prices,
    native=SNAPSHOT.native,
    cost=cost_of_quotes(BATCH.quotes, SNAPSHOT, SENT),
    deadline=NOW + 600,
    commitment=signed("0xfeed"),
    pools=pools_on_the_way(BATCH.quotes, SNAPSHOT.pools),
)
SWAPS = followed(routed(BATCH.quotes), SNAPSHOT.pools).swaps
"""What the pools say of it, where nobody has come in between."""


def with_another(intent: Intent, purpose: Purpose, at: int, fees: Fees, hash_: str = "0xbeef") -> Intent:
    """The intent, with one transaction more on record."""
    cancellation = signed(hash_, fees, Call(OPERATOR, b""), 21_000)
    further = cancellation if purpose is Purpose.CANCEL else signed(hash_, fees)
    return replace(intent, replacements=(*intent.replacements, Replacement(purpose, at, further)))
