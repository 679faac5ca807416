"""A desk for each kind of wallet whose node mines only what a test says, and what may be done with its transactions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from given_modules import a_module_desk, a_wanted_module
from given_wallet import ROUTER, USDT, WETH, Desk, a_desk, a_trade

from rebalancer.adapters.wallets.landing import Patience
from rebalancer.core.model import Fees, Intent, Landed, Purpose, Quote, QuoteRequest, Receipt, Replacement
from rebalancer.ports import Signer
from rebalancer.replica.chain import Replica
from rebalancer.units import Amount, Wei

KINDS = ("safe", "safe-module")
only_the_safe = pytest.mark.parametrize("kind", ["safe"], indirect=True)
"""For what is the same whatever the wallet."""


@contextmanager
def not_mining(replica: Replica) -> Iterator[None]:
    """Inside, blocks come only where the test mines them; nothing is left waiting at the end."""
    replica.rpc.call("evm_setAutomine", False)
    try:
        yield
    finally:
        replica.rpc.call("anvil_dropAllTransactions")
        replica.rpc.call("evm_setAutomine", True)


def a_desk_of(kind: str, replica: Replica, signer: Signer, confirmations: int = 1) -> Desk:
    """With 100,000 USDT. Made while blocks are mined."""
    patience = Patience(confirmations, poll=0.02)
    if kind == "safe":
        desk = a_desk(replica, replica.create_safe([signer.address]), signer, patience)
    else:
        desk = a_module_desk(replica, a_wanted_module(replica, {"WETH": 50, "WBTC": 50}), signer, patience)
    replica.deal("USDT", desk.wallet.address, 100_000 * 10**6)
    replica.mine()
    return desk


def an_intent_on(desk: Desk, seconds: int = 600, slippage_bps: int = 100) -> Intent:
    """Half of the USDT for WETH."""
    return desk.intent([a_trade(desk, "USDT", 50_000 * 10**6, "WETH", slippage_bps)], seconds)


def higher(fees: Fees, times: int = 1) -> Fees:
    """Both raised by an eighth, so many times."""
    for _ in range(times):
        fees = Fees(Wei(-(-fees.max_fee * 9 // 8)), Wei(-(-fees.tip * 9 // 8)))
    return fees


def replaced(desk: Desk, intent: Intent, purpose: Purpose, fees: Fees | None = None) -> Intent:
    """With one transaction more, as the ledger keeps it. Nothing is sent."""
    signed = desk.wallet.replace(intent, purpose, fees or higher(intent.newest.transaction.fees))
    return replace(intent, replacements=(*intent.replacements, Replacement(purpose, desk.replica.now(), signed)))


def receipt_of(desk: Desk, intent: Intent) -> Receipt:
    """Once it is mined."""
    landing = desk.wallet.land(intent, 10, 0)
    assert isinstance(landing, Landed), landing
    return landing.receipt


def mined_for(desk: Desk) -> int:
    """How many transactions of the operator's are in blocks."""
    return int(desk.replica.rpc.call("eth_getTransactionCount", desk.wallet.operator, "latest"), 16)


def raid(desk: Desk) -> None:
    """Somebody buys WETH for thirty-two million USDT, at any price."""
    attacker = desk.replica.actor("attacker").address
    desk.replica.deal("USDT", attacker, 40_000_000 * 10**6)
    desk.replica.transact(attacker, USDT.address, "approve(address,uint256)", ROUTER, 2**200)
    for _ in range(4):
        trade = replace(a_trade(desk, "USDT", 8_000_000 * 10**6, "WETH"), floor=Amount(WETH, 1))
        quote = desk.venue.quote(QuoteRequest(trade, attacker, attacker, 2**40), desk.reader.read())
        assert isinstance(quote, Quote), quote
        desk.replica.send(attacker, quote.call.to, "0x" + quote.call.data.hex())
