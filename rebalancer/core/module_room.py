"""What a RebalanceModule leaves room for: a plan's trades in; pairs that must shrink, limits to plan within, and when
there is a next time, out. A wallet of another kind leaves room for everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rebalancer.core.model import Hold, Limits, ModuleSwap, ModuleWallet, Snapshot, Trade
from rebalancer.core.model.module import ModuleLimits
from rebalancer.core.module_books import (
    MOST_SWAPS,
    SLOT,
    Books,
    Step,
    books_of,
    loss_left,
    seconds_until,
    share_of,
    steps,
    turnover_left,
)
from rebalancer.core.pairing import Pair
from rebalancer.core.render import amount, duration, money
from rebalancer.core.sizing import Refused
from rebalancer.units import BPS, ONE, PPM, Bps, Usd, Weight, mul_div_down, mul_div_up


def stricter(limits: Limits, module: ModuleLimits) -> Limits:
    """The keeper's limits, and the module's where those are tighter. A share between two basis points is the lower."""
    return replace(
        limits,
        min_trade=Usd(max(limits.min_trade, module.min_trade)),
        max_trade=Bps(min(limits.max_trade, mul_div_down(module.max_trade, BPS, PPM))),
        max_slippage=Bps(min(limits.max_slippage, mul_div_down(module.max_shortfall, BPS, PPM))),
    )


def limits_in(snapshot: Snapshot, limits: Limits) -> Limits:
    """What may be planned for the wallet of the snapshot."""
    wallet = snapshot.wallet
    return stricter(limits, wallet.policy.limits) if isinstance(wallet, ModuleWallet) else limits


def reason_to_wait(snapshot: Snapshot) -> Hold | None:
    """Why the module would take no batch in the next block, whatever is in it, and when it will."""
    wallet = snapshot.wallet
    if not isinstance(wallet, ModuleWallet):
        return None
    at, limits = snapshot.block.timestamp + SLOT, wallet.policy.limits
    rest = wallet.state.last + limits.cooldown - at
    if rest > 0:
        return Hold(
            f"the module rests: its last rebalance is {duration(at - wallet.state.last)} ago, and its cooldown is "
            f"{duration(limits.cooldown)}; the next is possible in {duration(rest)}"
        )
    worth = books_of(snapshot, wallet).worth
    left = share_up_to(worth, turnover_left(wallet, snapshot.block.timestamp, at))
    if worth == 0 or left >= limits.min_trade:
        return None
    wait = seconds_until(wallet, Weight(mul_div_up(limits.min_trade, ONE, worth)))
    when = "never: the wallet is too small for it" if wait is None else f"in {duration(wait)}"
    return Hold(
        f"the module's turnover is used up: {money(left)} may be traded now, its min_trade is "
        f"{money(limits.min_trade)}; so much is left again {when}"
    )


def beyond_module(snapshot: Snapshot, trades: Sequence[Trade], received: Sequence[Usd]) -> Refused | None:
    """Pairs that move more than the module lets them in their turn, with what it does; None: all of them fit.

    `received` is what is expected to arrive for each, in dollars at the oracle, rounded down.
    """
    wallet = snapshot.wallet
    if not isinstance(wallet, ModuleWallet):
        return None
    books, limits = books_of(snapshot, wallet), wallet.policy.limits
    read_at, at = snapshot.block.timestamp, snapshot.block.timestamp + SLOT
    room = _Room(
        share_up_to(books.worth, turnover_left(wallet, read_at, at)),
        share_up_to(books.worth, loss_left(wallet, read_at, at)),
    )
    caps: dict[Pair, Usd] = {}
    reasons: dict[Pair, str] = {}
    swaps = [_swap(books, trade) for trade in trades]
    for trade, step, gets in zip(trades, steps(books, limits, swaps), received, strict=True):
        assert step is not None, "a plan trades tokens of the portfolio"
        rule, most = room.most(step, gets)
        if step.sold > most:
            pair = trade.sell.token.address, trade.buy.address
            caps[pair] = most
            said = f"{amount(trade.sell)} for {trade.buy} moves {money(step.sold)}"
            reasons[pair] = f"{said}, the module leaves room for {money(most)} ({rule}): the rest waits"
        room = room.after(step, gets, most)
    return Refused(caps, reasons) if caps else None


@dataclass(frozen=True, slots=True)
class _Room:
    """Dollars that may still be traded and lost, as the trades before leave them."""

    turnover: Usd
    loss: Usd

    def most(self, step: Step, received: Usd) -> tuple[str, Usd]:
        """The rule that is nearest, and the dollars that it lets this trade move."""
        # Half of the tolerance is left for what prices do until the batch is mined.
        slack = step.slack // 2
        rooms = {
            "swaps": 0 if step.number > MOST_SWAPS else step.sold,
            "max_trade": share_of(step.worth, step.limits.max_trade),
            "sells_overweight": step.sold if step.seller.value > step.goal_in else 0,
            "buys_underweight": step.sold if step.buyer.value < step.goal_out else 0,
            "sells_past_target": step.seller.value + slack - step.goal_in,
            "buys_past_target": step.goal_out + slack - step.buyer.value,
            "max_turnover": self.turnover,
            "max_loss": self._by_loss(step, received),
        }
        rule = min(rooms, key=lambda name: rooms[name])
        return rule, Usd(max(rooms[rule], 0))

    def after(self, step: Step, received: Usd, most: Usd) -> _Room:
        """With this trade made, or as much of it as there is room for."""
        sold = min(step.sold, most)
        lost = mul_div_up(max(step.sold - received, 0), sold, max(step.sold, 1))
        return _Room(Usd(self.turnover - sold), Usd(max(self.loss - lost, 0)))

    def _by_loss(self, step: Step, received: Usd) -> int:
        # A smaller trade loses a smaller share, so the rule of three errs on the side of the wallet.
        lost = step.sold - received
        return step.sold if lost <= self.loss else mul_div_down(step.sold, self.loss, lost)


def share_up_to(worth: Usd, left: Weight) -> Usd:
    """The dollars that a meter leaves."""
    return Usd(mul_div_down(worth, left, ONE))


def _swap(books: Books, trade: Trade) -> ModuleSwap:
    places = [holding.asset.token for holding in books.holdings]
    sold, bought = places.index(trade.sell.token.address), places.index(trade.buy.address)
    return ModuleSwap(0, sold, bought, trade.sell.raw, trade.floor.raw, 0)
