"""What a RebalanceModule leaves room for: a plan's trades in; trades that must shrink, limits to plan within, and when
there is a next time, out. A wallet of another kind leaves room for everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rebalancer.core.model import Hold, Limits, ModuleSwap, ModuleWallet, Snapshot, Trade
from rebalancer.core.model.module import MOST_SWAPS, ModuleLimits
from rebalancer.core.model.snapshot import SLOT
from rebalancer.core.module_books import Books, Step, books_of, seconds_until, share_of, steps
from rebalancer.core.render import amount, duration, money
from rebalancer.core.room import Cuts
from rebalancer.units import BPS, ONE, PPM, Bps, Ppm, Usd, Weight, mul_div_down, mul_div_up


def stricter(limits: Limits, module: ModuleLimits) -> Limits:
    """The keeper's limits, and the module's, with room for prices to move, where those are tighter.

    Of the shortfall the whole tolerance stays free, or half of it where that is less: a floor is fixed when it is
    planned, and weighed at the prices of the block that it is mined in. A share between two basis points is the lower.
    """
    shortfall = module.max_shortfall - min(module.tolerance, module.max_shortfall // 2)
    return replace(
        limits,
        min_trade=Usd(max(limits.min_trade, _at_worst(module.min_trade, module))),
        max_trade=Bps(min(limits.max_trade, mul_div_down(_at_best(module.max_trade, module), BPS, PPM))),
        max_slippage=Bps(min(limits.max_slippage, mul_div_down(shortfall, BPS, PPM))),
    )


def limits_in(snapshot: Snapshot, limits: Limits) -> Limits:
    """What may be planned for the wallet of the snapshot."""
    wallet = snapshot.wallet
    return stricter(limits, wallet.policy.limits) if isinstance(wallet, ModuleWallet) else limits


def reason_to_wait(snapshot: Snapshot) -> Hold | None:
    """Why the module would take no batch now, whatever is in it, and when it will.

    Now is the block that was read, a slot before a batch can be mined: an older node simulates at that time.
    """
    wallet = snapshot.wallet
    if not isinstance(wallet, ModuleWallet):
        return None
    now, limits = snapshot.block.timestamp, wallet.policy.limits
    rest = wallet.state.last + limits.cooldown - now
    if rest > 0:
        since = now - wallet.state.last
        # No module says that it was at work after this block. What says so may be none; `check` compares its code.
        ago = f"{duration(since)} ago" if since >= 0 else "yet to come, as it says itself"
        return Hold(
            f"the module rests: its last rebalance is {ago}, and its cooldown is "
            f"{duration(limits.cooldown)}; the next is possible in {duration(rest)}"
        )
    worth = books_of(snapshot, wallet).worth
    left, least = share_up_to(worth, wallet.state.turnover_left), _at_worst(limits.min_trade, limits)
    if worth == 0 or left >= _at_worst(least, limits):
        return None
    wait = seconds_until(wallet, Weight(mul_div_up(_at_worst(least, limits), ONE, worth)))
    when = "never: the wallet is too small for it" if wait is None else f"in {duration(wait)}"
    return Hold(
        f"the module's turnover is used up: {money(left)} may be traded now, its min_trade is "
        f"{money(limits.min_trade)}; so much is left again {when}"
    )


def void_at(snapshot: Snapshot, limits: Limits) -> int:
    """When a batch is void: after its deadline, and before that once a price that the module reads has expired.

    Where the price is the product of two feeds, we know the age of the older, and not which it is.
    """
    now, wallet = snapshot.block.timestamp, snapshot.wallet
    last = now + limits.deadline
    if not isinstance(wallet, ModuleWallet):
        return last
    expiries = (
        holding.price.updated_at + max(holding.asset.heartbeat, holding.asset.second_heartbeat)
        for holding in books_of(snapshot, wallet).holdings
    )
    return max(min(last, *expiries), now + SLOT)


def beyond_module(snapshot: Snapshot, trades: Sequence[Trade], out: Sequence[int]) -> Cuts:
    """Trades that move more than the module lets them in their turn, with what it does.

    `out` is what is expected to arrive for each, in base units.
    """
    wallet = snapshot.wallet
    if not isinstance(wallet, ModuleWallet):
        return Cuts({}, {})
    books, limits = books_of(snapshot, wallet), wallet.policy.limits
    room = _Room(share_up_to(books.worth, wallet.state.turnover_left), share_up_to(books.worth, wallet.state.loss_left))
    caps: dict[int, Usd] = {}
    reasons: dict[int, str] = {}
    swaps = [_swap(books, trade) for trade in trades]
    likely = [replace(swap, min_out=raw) for swap, raw in zip(swaps, out, strict=True)]
    both = zip(trades, steps(books, limits, swaps), steps(books, limits, likely), strict=True)
    for place, (trade, step, expected) in enumerate(both):
        assert step is not None and expected is not None, "a plan trades tokens of the portfolio"
        rule, most = room.most(step, expected)
        if step.sold > most:
            caps[place] = most
            said = f"{amount(trade.sell)} for {trade.buy} moves {money(step.sold)}"
            reasons[place] = f"{said}, the module leaves room for {money(most)} ({rule}): the rest waits"
        room = room.after(expected, most)
    return Cuts(caps, reasons)


@dataclass(frozen=True, slots=True)
class _Room:
    """Dollars that may still be traded and lost, as the trades before leave them.

    Everything is measured again at the prices of the block that a batch is mined in. So half of what the owners
    tolerate is left free of every limit, as a share of what is traded: that is what moves with the prices. A share of
    the meter instead would leave next to nothing for a trade that loses little.
    """

    turnover: Usd
    loss: Usd

    def most(self, step: Step, expected: Step) -> tuple[str, Usd]:
        """The rule that is nearest, and the dollars that it lets this trade move.

        `step` is the trade where all that are before bring their minimums, `expected` where this and they bring what
        the pools say.
        """
        limits = step.limits
        slack = share_of(step.worth, Ppm(_spare(limits)))
        rooms = {
            "swaps": 0 if step.number > MOST_SWAPS else step.sold,
            "max_trade": _at_best(share_of(step.worth, limits.max_trade), limits),
            "sells_overweight": step.sold if step.seller.value > step.goal_in else 0,
            "buys_underweight": step.sold if step.buyer.value < step.goal_out else 0,
            "sells_past_target": step.seller.value + slack - step.goal_in,
            "buys_past_target": step.goal_out + slack - step.buyer.value,
            "range": min(_above_least(expected, slack), _below_most(expected, slack)),
            "max_turnover": _at_best(self.turnover, limits),
            "max_loss": _in_parts(expected, _loss(expected), self.loss),
        }
        rule = min(rooms, key=lambda name: rooms[name])
        return rule, Usd(max(rooms[rule], 0))

    def after(self, expected: Step, most: Usd) -> _Room:
        """With this trade made, or as much of it as there is room for."""
        sold = Usd(min(expected.sold, most))
        lost = mul_div_up(max(_loss(expected), 0), sold, max(expected.sold, 1))
        turned = _at_worst(sold, expected.limits)
        return _Room(Usd(max(self.turnover - turned, 0)), Usd(max(self.loss - lost, 0)))


def _above_least(expected: Step, slack: Usd) -> int:
    """The dollars that may leave the sold token. No trade takes more than all of it."""
    least = expected.seller.asset.least
    return expected.sold if least == 0 else expected.seller.value - share_of(expected.worth, least) - slack


def _below_most(expected: Step, slack: Usd) -> int:
    """The dollars that may be traded for the bought token. More than the whole wallet only where pools pay too much."""
    most = expected.buyer.asset.most
    if most == PPM:
        slack = Usd(min(slack, expected.worth - expected.goal_out))
    room = share_of(expected.worth, most) - slack - expected.buyer.value
    return _in_parts(expected, _received(expected), room)


def _loss(expected: Step) -> int:
    """What the trade loses at the worst prices: never more than the shortfall, which the module sees to."""
    limits = expected.limits
    worst = mul_div_up(expected.sold, _spare(limits), PPM) + expected.sold - _received(expected)
    return min(worst, mul_div_up(_at_worst(expected.sold, limits), limits.max_shortfall, PPM))


def _received(expected: Step) -> Usd:
    return expected.buyer.price.value_down(expected.swap.min_out)


def _in_parts(step: Step, used: int, room: int) -> int:
    """The dollars of a trade that fit, where all of it uses so much. A smaller trade loses a smaller share, so the
    rule of three errs on the side of the wallet."""
    return step.sold if used <= room else mul_div_down(step.sold, room, max(used, 1))


def _spare(limits: ModuleLimits) -> int:
    """By how many millionths prices may move until the batch is mined."""
    return limits.tolerance // 2


def _at_worst(usd: int, limits: ModuleLimits) -> Usd:
    """What so many dollars may have become by then."""
    return Usd(mul_div_up(usd, PPM + _spare(limits), PPM))


def _at_best(most: int, limits: ModuleLimits) -> int:
    """What does not become more than so much."""
    return mul_div_down(most, PPM, PPM + _spare(limits))


def share_up_to(worth: Usd, left: Weight) -> Usd:
    """The dollars that a meter leaves."""
    return Usd(mul_div_down(worth, left, ONE))


def _swap(books: Books, trade: Trade) -> ModuleSwap:
    places = [holding.asset.token for holding in books.holdings]
    sold, bought = places.index(trade.sell.token.address), places.index(trade.buy.address)
    return ModuleSwap(0, sold, bought, trade.sell.raw, trade.floor.raw, 0)
