"""What the ledger remembers and what is held now in; limits over days that are crossed, and what is left of them, out.

The index is what one dollar that was there at the first tick has become. Between two ticks it follows the holdings
that were there, and what our own rebalances made of them: whatever else has come or gone is a deposit or a withdrawal.
So a theft that no rebalance of ours shows is not seen here; the rules of the wallet's kind are there for that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from rebalancer.core.cost import total
from rebalancer.core.model import INDEX, Breach, Cost, History, Horizon, OverTime, Past, Policy, Portfolio, Valued
from rebalancer.core.render import bps_percent, breach_words, coin, duration, money
from rebalancer.core.room import ramp_ends, ramp_most
from rebalancer.units import BPS, ONE, Address, Bps, Usd, Wei, Weight, mul_div_down, mul_div_up

DAY = 86_400
MONTH = 30 * DAY
_USUAL = 7 * DAY
"""Seconds. The first rebalance moves the most: what is used on the first days is not the usual use."""


def horizon_of(now: int, limits: OverTime) -> Horizon:
    """From when on the ledger is asked for the past."""
    return Horizon(peak=now - limits.drawdown_window, day=now - DAY, month=now - MONTH)


def holdings_of(portfolio: Portfolio) -> tuple[tuple[Address, int], ...]:
    """What the record of a tick keeps of the wallet."""
    return tuple((p.balance.token.address, p.balance.raw) for p in portfolio.positions)


def index_after(history: History, portfolio: Portfolio) -> int:
    """The index now, at INDEX, rounded down: the growth of what was held, not of what has come or gone since.

    Where assets have left the configuration their growth is not known, and the index stands still for this once.
    """
    seen = history.valued
    if seen is None or seen.index == 0:
        return INDEX
    known = {p.balance.token.address for p in portfolio.positions}
    if seen.value == 0 or any(raw and address not in known for address, raw in seen.holdings):
        return seen.index
    held, moved = dict(seen.holdings), dict(history.moved)
    kept = _value_down(portfolio, held, moved)
    came = portfolio.value - kept
    if came > 0 and any(held.get(token, 0) + raw < 0 for token, raw in moved.items()):
        # More was sold than was there: what has come in was rebalanced, and the rebalance cost a share of all of it.
        return mul_div_down(seen.index, portfolio.value, seen.value + came)
    return mul_div_down(seen.index, max(kept, 0), seen.value)


def seen_now(history: History, portfolio: Portfolio, at: int) -> History:
    """The history with this look at the wallet as the newest: for another look in the same tick."""
    index = index_after(history, portfolio)
    valued = Valued(at, portfolio.value, index, holdings_of(portfolio))
    return replace(history, valued=valued, peak=max(history.peak, index), moved=())


def with_trade(history: History, cost: Cost, portfolio: Portfolio) -> History:
    """The history as a rebalance of this cost would leave it, decided on this portfolio."""
    return replace(
        history,
        trades_of_day=history.trades_of_day + 1,
        turnover_of_day=Usd(history.turnover_of_day + cost.traded),
        cost_of_month=Usd(history.cost_of_month + total(cost)),
        traded=Usd(history.traded + cost.traded),
        turnover_share=Weight(history.turnover_share + _share_up(cost.traded, portfolio)),
        cost_share=Weight(history.cost_share + _share_up(total(cost), portfolio)),
    )


def guard_trade(policy: Policy, history: History, portfolio: Portfolio, cost: Cost, now: int) -> tuple[Breach, ...]:
    """What must hold with one more rebalance of this cost, at `now` in Unix seconds."""
    after = with_trade(history, cost, portfolio)
    return (*guard_spent(policy, after), *ramp(policy, after, portfolio, now))


def guard_cost(policy: Policy, history: History, portfolio: Portfolio, cost: Cost) -> tuple[Breach, ...]:
    """What must hold with this cost on top, of what is no rebalance: half of a month's is left for those."""
    after, most = with_trade(history, cost, portfolio), policy.over_time.cost_per_month
    if (used := _bps_up(after.cost_share)) <= most >> 1:
        return ()
    seen = f"{bps_percent(used)} of the portfolio paid in 30 d, {money(after.cost_of_month)}"
    return (Breach("cost_per_month", seen, f"half of {bps_percent(most)}, the rest is for rebalances"),)


def guard_spent(policy: Policy, history: History) -> tuple[Breach, ...]:
    """What must hold of all rebalances, the newest included."""
    return (
        *trades_per_day(policy, history),
        *turnover_per_day(policy, history),
        *cost_per_month(policy, history),
    )


def failures(policy: Policy, past: Past) -> Iterator[Breach]:
    """Batches do not fail one after another: each had passed its simulation, and each costs its gas."""
    most = policy.over_time.failures
    if past.failures >= most:
        yield Breach("failures", f"{past.failures} batches failed since the last rebalance", f"fewer than {most}")


def drawdown(policy: Policy, history: History, portfolio: Portfolio, now: int) -> Iterator[Breach]:
    """A dollar that was there is worth nearly as much as at its best within the window."""
    limits = policy.over_time
    lost, since = lost_since(history, portfolio, now)
    if lost > limits.drawdown:
        allowed = f"{bps_percent(limits.drawdown)} in {duration(limits.drawdown_window)}"
        yield Breach("drawdown", f"what was held has lost {bps_percent(lost)} of its value since {since}", allowed)


def lost_since(history: History, portfolio: Portfolio, now: int) -> tuple[int, str]:
    """(the basis points that a dollar which was there has lost, rounded up, since when in words).

    Since its best within the window; where no tick has looked within the window, since the last look.
    """
    index, best, since = index_after(history, portfolio), history.peak, "its best"
    seen = history.valued
    if best == 0 and seen is not None and seen.at >= history.since:
        best, since = seen.index, f"the last look, {duration(now - seen.at)} ago"
    return (mul_div_up(best - index, BPS, best) if index < best else 0), since


def trades_per_day(policy: Policy, history: History) -> Iterator[Breach]:
    """A rebalance a day is much; one after another means that each undoes the one before, or is undone."""
    if history.trades_of_day > policy.over_time.trades_per_day:
        yield Breach(
            "trades_per_day", f"{history.trades_of_day} rebalances in 24 h", f"{policy.over_time.trades_per_day}"
        )


def turnover_per_day(policy: Policy, history: History) -> Iterator[Breach]:
    """What is traded in a day stays in proportion to what was held."""
    most, used = policy.over_time.turnover_per_day, _bps_up(history.turnover_share)
    if used > most:
        seen = f"{bps_percent(used)} of the portfolio traded in 24 h, {money(history.turnover_of_day)}"
        yield Breach("turnover_per_day", seen, bps_percent(most))


def cost_per_month(policy: Policy, history: History) -> Iterator[Breach]:
    """What rebalancing costs in a month stays small, gas and failed batches included."""
    most, used = policy.over_time.cost_per_month, _bps_up(history.cost_share)
    if used > most:
        seen = f"{bps_percent(used)} of the portfolio paid in 30 d, {money(history.cost_of_month)}"
        yield Breach("cost_per_month", seen, bps_percent(most))


def ramp(policy: Policy, history: History, portfolio: Portfolio, now: int) -> Iterator[Breach]:
    """A new keeper risks little until days have gone well. `history`: the rebalance in question included."""
    most, words = ramp_most(policy, portfolio)
    if ramp_ends(policy.over_time, history, now) is not None and history.traded > most:
        yield Breach("ramp", f"{money(history.traded)} traded in all", f"{money(most)}: {words.rstrip(',')}")


def gas_days_left(policy: Policy, history: History, balance: Wei, now: int) -> int | None:
    """How many days the operator's coin lasts at the use of the last month, down to min_operator_balance, rounded down.

    None: nothing was used.
    """
    if history.gas_of_month == 0:
        return None
    spare = max(balance - policy.limits.min_operator_balance, 0)
    return mul_div_down(spare, _counted(history, now), history.gas_of_month * DAY)


def gas_words(policy: Policy, history: History, balance: Wei, now: int) -> str | None:
    """That the operator needs coin, how soon, and how much for a month; None: it lasts."""
    days = gas_days_left(policy, history, balance, now)
    if days is None or days >= policy.over_time.refill_days:
        return None
    lasts = max(MONTH, policy.over_time.refill_days * DAY)
    used = mul_div_up(history.gas_of_month, lasts, _counted(history, now))
    missing = Wei(used + policy.limits.min_operator_balance - balance)
    return (
        f"the operator's {coin(balance)} last for {days} d at the usual use, down to min_operator_balance of "
        f"{coin(policy.limits.min_operator_balance)}: send it {coin(missing)}, and they last for {lasts // DAY} d"
    )


def why_stop(breaches: tuple[Breach, ...]) -> str | None:
    """What a Halt says of limits over time that are crossed; None: none is."""
    if not breaches:
        return None
    seen = "; ".join(breach_words(breach) for breach in breaches)
    steps = "; ".join(dict.fromkeys(_NEXT_STEP[breach.rule] for breach in breaches))
    return f"{seen}. Nothing more is sent until a person has looked: {steps}; then resume"


_NEXT_STEP = {
    "failures": "`rebalancer history` says why each batch failed, though its simulation had passed: mend the cause",
    "drawdown": "compare the feeds with a market, and the wallet's balances with what its owners know of",
    "trades_per_day": "`rebalancer history` says what called for each: are bands and targets as they should be?",
    "turnover_per_day": "`rebalancer history` says what called for each: are bands and targets as they should be?",
    "cost_per_month": "`rebalancer history` says what each cost: are bands too narrow, or pools too thin?",
    "ramp": "the plan was larger than the ramp lets it be, which is a fault of this program: report it",
}
"""For each rule, what a person looks at."""


def _counted(history: History, now: int) -> int:
    """Seconds over which the gas of the month was used: a month, or since the first tick, but a week at least."""
    return min(max(now - history.began, _USUAL), MONTH)


def _value_down(portfolio: Portfolio, held: dict[Address, int], moved: dict[Address, int]) -> int:
    """What was held, and moved since, is worth at the portfolio's prices, other tokens apart."""
    value = 0
    for position in portfolio.positions:
        token = position.balance.token.address
        amount = held.get(token, 0) + moved.get(token, 0)
        # Mostly what is held now, whose value is known.
        value += position.value if amount == position.balance.raw else position.price.value_down(amount)
    return value


def _share_up(value: Usd, portfolio: Portfolio) -> int:
    # Of a portfolio of nothing everything is too much.
    return mul_div_up(value, ONE, max(portfolio.value, 1))


def _bps_up(share: Weight) -> Bps:
    return Bps(mul_div_up(share, BPS, ONE))
