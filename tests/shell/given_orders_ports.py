"""A keeper whose plan an order venue answers best, all of it from memory."""

from __future__ import annotations

from dataclasses import replace

from given_outside import LISTED, PlayedOutside
from given_ports import OFF_TARGET, ports_of, state
from small_market import LINK, PRICES, USDC
from small_orders import LIFE, RELAYER, SETTLEMENT, an_order, listed, quoted

from rebalancer.adapters.chain.fake import FakeChain
from rebalancer.adapters.ledger.memory import MemoryLedger
from rebalancer.adapters.venues.fake import FakeVenue
from rebalancer.adapters.wallets.fake import FakeWallet
from rebalancer.core.model import Intent, Order, PlanRequest, Quote, Replacement, Snapshot
from rebalancer.ports import Ports
from rebalancer.units import BPS, Bps

MARKET = listed(state(*OFF_TARGET))
SPREAD = 10
"""Basis points below the oracle's price at which the orders are; the own route is at nine times as much."""


class BooksOrders(PlayedOutside):
    """`cow` answers the whole plan with an order for each trade."""

    spenders = (LISTED, SETTLEMENT, RELAYER)

    def __init__(self) -> None:
        super().__init__()
        self.wholes = {"cow": orders_for}

    @property
    def placed_uids(self) -> list[str]:
        """In turn, as often as they were."""
        return [quote.terms.uid for quote in self.placed if isinstance(quote.terms, Order)]


def orders_for(request: PlanRequest) -> tuple[Quote, ...]:
    """Nearly at the oracle's price."""
    found = []
    for trade in request.plan.trades:
        value = MARKET.price(trade.sell.token).value_down(trade.sell.raw)
        fair = MARKET.price(trade.buy).amount_down(value).raw
        order = an_order(trade, request.deadline - 600 + LIFE, fair * (BPS - SPREAD) // BPS - trade.floor.raw)
        found.append(quoted(trade, order))
    return tuple(found)


def ordering(wallet: FakeWallet | None = None, outside: PlayedOutside | None = None) -> Ports:
    """Two orders are the best that there is."""
    made = ports_of(MARKET, wallet, (FakeVenue(spread=Bps(9 * SPREAD)),))
    return replace(made, outside=outside or BooksOrders())


def cheaper(ports: Ports, percent: int) -> Ports:
    """What is bought has lost so much since, so that more of it has to come in for the same."""
    prices = tuple(replace(p, usd=p.usd * (100 - percent) // 100) if p.token in (USDC, LINK) else p for p in PRICES)
    return with_chain(ports, replace(MARKET, prices=prices, pools=()))


def with_chain(ports: Ports, snapshot: Snapshot) -> Ports:
    """What is read from now on."""
    return replace(ports, chain=FakeChain([snapshot]))


def wallet_of(ports: Ports) -> FakeWallet:
    assert isinstance(ports.wallet, FakeWallet)
    return ports.wallet


def with_wallet(ports: Ports, wallet: FakeWallet) -> Ports:
    """The next process finds the same ledger."""
    wallet.nonce = 0
    return replace(ports, wallet=wallet)


class DyingWallet(FakeWallet):
    """The process is killed when it comes to a verb. What it was given there is never seen again."""

    def __init__(self, step: str) -> None:
        super().__init__()
        self._step = step

    def __getattribute__(self, name: str) -> object:
        if name != "_step" and name == object.__getattribute__(self, "_step"):
            raise KeyboardInterrupt
        return object.__getattribute__(self, name)


class DyingLedger(MemoryLedger):
    """Killed once a replacement is on record."""

    def record_replacement(self, intent: Intent, replacement: Replacement) -> Intent:
        super().record_replacement(intent, replacement)
        raise KeyboardInterrupt
