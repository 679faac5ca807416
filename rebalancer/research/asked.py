"""A study and the flags that it came from in, what stands around its figures out: what was asked, with every assumption
that was made for it, what was taken for what, and what may make all of it wrong.

A report is read by somebody who has neither the command line nor the files, perhaps years later.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version

from rebalancer.config.text import show_percent
from rebalancer.core.model import Policy
from rebalancer.core.model.estimation import Estimation, EveryMonths
from rebalancer.core.module_words import share
from rebalancer.core.render import bps_percent, duration, gas_price, money, percent, targets_words
from rebalancer.core.trigger import opening_words
from rebalancer.research.model import Configuration, Study
from rebalancer.research.policy_words import trigger_words
from rebalancer.research.prices.times import written
from rebalancer.research.study.flags import Flags
from rebalancer.research.study.making import Market
from rebalancer.research.sweep.words import back_words, cadence_words
from rebalancer.units import ONE, PPM, Usd, Wei, Weight

_BRIEF = ("policy", "tried", "start", "pool fee", "depth", "gas")


@dataclass(frozen=True, slots=True)
class Told:
    """What stands around the figures of a study, for people to read."""

    warned: tuple[str, ...] = ()
    """What may make every figure wrong: it stands above them."""
    asked: tuple[tuple[str, str], ...] = ()
    """What each line is about, and what it was."""
    said: tuple[str, ...] = ()
    """What was taken for what."""

    @property
    def brief(self) -> str:
        """What was asked in a line: without the files, the portfolio and the limits."""
        return "; ".join(f"{name} {words}" for name, words in self.asked if name in _BRIEF)


def told_of(
    flags: Flags,
    study: Study,
    market: Market,
    tried: Sequence[Configuration] = (),
    left_out: tuple[str, ...] = (),
) -> Told:
    """`tried`: the configurations of a sweep, in place of the study's own trigger. `left_out`: what else to say."""
    return Told(market.warned, tuple(_asked(flags, study, tried)), (*market.said, *left_out))


def _asked(flags: Flags, study: Study, tried: Sequence[Configuration]) -> Iterator[tuple[str, str]]:
    yield "program", f"rebalancer {version('rebalancer')}"
    if flags.config is not None:
        yield "configuration", str(flags.config)
    yield "prices", _prices(flags, study)
    yield "portfolio", targets_words(study.targets)
    if study.estimation is not None:
        yield "targets", _estimation(study.estimation)
    yield ("tried", _tried(tried)) if tried else ("policy", trigger_words(study.policy.trigger))
    yield "start", f"{_dollars(study.start)}, all on target"
    yield "pool fee", _fee(flags, study, tried)
    yield "depth", _depth(flags, study, tried)
    yield "gas", _gas(flags, study)
    if flags.config is not None:
        yield from _own(study.policy)


def _prices(flags: Flags, study: Study) -> str:
    times = study.prices.times
    source = ", ".join(map(str, flags.prices)) or f"made up, seed {flags.synthetic}"
    return f"{source}; {len(times):,} times from {written(int(times[0]))} to {written(int(times[-1]))}"


def _estimation(asked: Estimation) -> str:
    update = asked.update
    months = isinstance(update, EveryMonths)
    often = f"{update.months} months" if isinstance(update, EveryMonths) else f"{update.days} d"
    step = ""
    if asked.step is not None:
        step = f", at most {percent(Weight(asked.step[0] * ONE // PPM))} at a step from {written(asked.step[1])} on"
    often = "every month" if months and often == "1 months" else f"every {often}"
    return f"{asked.method.value} of the {asked.lookback} days before, {often}{step}"


def _tried(tried: Sequence[Configuration]) -> str:
    bands = [show_percent(one.band) for one in tried if one.band is not None]
    bands += [f"{show_percent(one.relative)} of the target" for one in tried if one.relative is not None]
    backs = [back_words(one.back) for one in tried if one.band is not None or one.relative is not None]
    every = [cadence_words(one.every) for one in tried if one.every is not None]
    parts = [f"bands of {_each(bands)}; {_each(backs)}"] if bands else []
    parts += [_each(every)] if every else []
    return f"{len(tried):,} configurations: {'; '.join([*parts, 'hold'])}"


def _each(words: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(words))


def _fee(flags: Flags, study: Study, tried: Sequence[Configuration]) -> str:
    several = _each(share(one.fee) for one in tried if one.fee is not None)
    fee = several or _each(share(fee) for fee in study.frictions.fee)
    own = "" if flags.config is None else ", whatever pools the configuration names"
    return f"{fee} in every pool{own}"


def _depth(flags: Flags, study: Study, tried: Sequence[Configuration]) -> str:
    several = _each(_dollars(one.depth) for one in tried if one.depth is not None)
    if several:
        return f"{several} on either side of every pool"
    depths = study.frictions.depth
    if all(depth is None for depth in depths):
        return "without end, so that no trade moves a price"
    named = zip(study.policy.assets, depths, strict=True)
    found = (f"{token.symbol} {_dollars(depth)}" for token, depth in named if depth is not None)
    if flags.pools is None:
        return f"{_each(_dollars(depth) for depth in depths if depth is not None)} on either side of every pool"
    return f"{_each(found)} on either side of a pool, by {flags.pools}"


def _gas(flags: Flags, study: Study) -> str:
    prices = study.frictions.gas_price
    low, high = int(prices.min()), int(prices.max())
    if high == 0:
        return "free"
    if flags.gas_prices is None:
        return f"{gas_price(Wei(high))} throughout"
    return f"{gas_price(Wei(low))} to {gas_price(Wei(high))} by day, of {flags.gas_prices}"


def _own(policy: Policy) -> Iterator[tuple[str, str]]:
    """What only a configuration says."""
    if policy.window is not None:
        yield "window", opening_words(policy.window)
    if policy.apart is not None:
        yield "apart", duration(policy.apart)
    if policy.cash is not None:
        yield "cash", f"{policy.cash.symbol}, contributions: {policy.contributions.value}"
    patience = policy.patience
    if patience is not None and patience.delay is not None:
        yield "patience", f"average {patience.delay.average} d, most {duration(patience.delay.most)}"
    if patience is not None and patience.budget is not None:
        yield "risk budget", f"fall {bps_percent(patience.budget.fall)} in {patience.budget.days} d"
    limits = policy.limits
    yield (
        "limits",
        f"min_trade {money(limits.min_trade)}, max_trade {bps_percent(limits.max_trade)}, max_impact "
        f"{bps_percent(limits.max_impact)}, max_cost {bps_percent(limits.max_cost)}, max_gas_price "
        f"{gas_price(limits.max_gas_price)}",
    )


def _dollars(value: Usd) -> str:
    return f"{value // ONE:,} USD"
