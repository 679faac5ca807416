"""Flags or a configuration in, one question to the past out: whose policy, over which prices, at what costs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from rebalancer.config import Settings, read_settings, text
from rebalancer.core.errors import ConfigError
from rebalancer.core.model import Policy, Target
from rebalancer.research.model import DOLLAR, Floats, Frictions, Prices, Study, Times
from rebalancer.research.study.depth import depths_in
from rebalancer.research.study.flags import Flags, pairs, parsed
from rebalancer.research.study.market import ALIASES, gas_prices, read_columns
from rebalancer.research.study.policies import free_policy, token_of
from rebalancer.research.study.triggers import asks_for_trigger, require_met, trigger_around
from rebalancer.units import ONE, PPM, Token, Usd, Weight


@dataclass(frozen=True, slots=True)
class Market:
    """What all variants of one set of flags have in common, read once."""

    prices: Prices
    """One column for each asset, in the order of the policy."""
    gas_price: Times
    coin: Floats
    depth: Mapping[str, Usd]
    """By symbol, against dollars, where a file of pools says so."""
    settings: Settings | None
    """The configuration; None: there is none."""
    said: tuple[str, ...]
    """What was taken for what, and what was left out, for people to read."""
    warned: tuple[str, ...] = ()
    """What may make every figure wrong: prices that are made up, jump, or were carried over gaps."""


def read_market(flags: Flags) -> Market:
    """Prices, gas and pools from their files. ConfigError names the file, the line and the column."""
    settings = None if flags.config is None else read_settings(flags.config, offline=True)
    symbols: tuple[str, ...] | None = None
    if settings is not None:
        if flags.targets is not None:
            raise ConfigError("--targets and --config are both given: the targets stand in the configuration")
        symbols = tuple(token.symbol for token in settings.policy.assets)
    elif flags.targets is not None:
        symbols = tuple(symbol for symbol, _ in pairs("--targets", flags.targets))
    columns = read_columns(flags, symbols)
    gas_price, coin, of_gas = gas_prices(flags, columns.prices.times, columns.coin)
    depth = {} if flags.pools is None else depths_in(flags.pools)
    said = [*columns.said, *of_gas]
    if settings is not None and settings.wallet.kind == "safe-module":
        said.append("what the module lets through is not played: its own limits may cut or delay a rebalance")
    return Market(columns.prices, gas_price, coin, depth, settings, tuple(said), columns.warned)


def make_study(flags: Flags, market: Market | None = None) -> Study:
    """One value of each flag (`variants` parts lists); `market` where it is read already. Raises ConfigError."""
    market = market or read_market(flags)
    policy, targets = portfolio_of(flags, market)
    hub = _hub(policy, flags)
    if asks_for_trigger(flags) or market.settings is None:
        policy = replace(policy, trigger=trigger_around(flags, targets))
    require_met(policy.trigger, policy.window, market.prices.times)
    fee = parsed("--fee", flags.fee, text.ppm)
    if fee >= PPM:
        raise ConfigError(f"--fee: saw {flags.fee!r}, expected less than 100 %")
    return Study(
        policy=replace(policy, hubs=(hub,)),
        targets=targets,
        hub=hub,
        prices=market.prices,
        frictions=Frictions(
            fee=(fee,) * len(policy.assets),
            depth=_depths(flags, market, policy.assets, hub),
            gas_price=market.gas_price,
            coin=market.coin,
        ),
        start=_more_than_none("--start", flags.start),
        estimation=None if market.settings is None else market.settings.estimation,
    )


def portfolio_of(flags: Flags, market: Market) -> tuple[Policy, tuple[Target, ...]]:
    """The policy, whose trigger flags may replace, and the targets. Raises ConfigError."""
    if market.settings is not None:
        return market.settings.policy, market.settings.targets
    assets = tuple(token_of(symbol) for symbol in market.prices.symbols)
    if len(assets) < 2:
        raise ConfigError(f"--targets: one asset, {assets[0]}, has nothing to be weighed against; expected two or more")
    weights = _equal(len(assets)) if flags.targets is None else _weights(flags.targets)
    return free_policy(assets), tuple(Target(token, weight) for token, weight in zip(assets, weights, strict=True))


def _weights(given: str) -> list[Weight]:
    named = [
        (symbol, parsed(f"--targets: {symbol}", share, text.weight)) for symbol, share in pairs("--targets", given)
    ]
    if nothing := [symbol for symbol, weight in named if weight == 0]:
        raise ConfigError(f"--targets: {nothing[0]} has a share of nothing, expected more; leave it out")
    total = sum(weight for _, weight in named)
    if total != ONE:
        raise ConfigError(f"--targets: they sum to {text.show_percent(Weight(total))}, expected exactly 100 %")
    return [weight for _, weight in named]


def _equal(count: int) -> list[Weight]:
    """What does not divide is the first one's."""
    share, rest = divmod(ONE, count)
    return [Weight(share + rest), *[Weight(share)] * (count - 1)]


def _hub(policy: Policy, flags: Flags) -> Token:
    """Cash, or what counts as a dollar; where neither is there, dollars that a trade only passes through."""
    if policy.cash is not None:
        return policy.cash
    dollars = {DOLLAR, *(name for each in flags.maps for name, column in pairs("--map", each) if column == DOLLAR)}
    return next((token for token in policy.assets if token.symbol in dollars), token_of(DOLLAR))


def _depths(flags: Flags, market: Market, assets: tuple[Token, ...], hub: Token) -> tuple[Usd | None, ...]:
    if flags.pools is None:
        return (None if flags.depth is None else _depth(flags.depth),) * len(assets)
    if flags.depth is not None:
        raise ConfigError("--depth and --pools are both given: take one of them")
    found = [_depth_of(token.symbol, market.depth) for token in assets]
    missing = [t.symbol for t, depth in zip(assets, found, strict=True) if depth is None and t.address != hub.address]
    if missing:
        raise ConfigError(
            f"--pools {flags.pools}: no pools lead from {', '.join(missing)} to a dollar; they do from "
            f"{', '.join(sorted(market.depth)) or 'nothing'}. Give another file, or --depth for all"
        )
    return tuple(found)


def _depth_of(symbol: str, depth: Mapping[str, Usd]) -> Usd | None:
    """Of the token, or of one that stands for it."""
    names = (symbol, *(token for token, name in ALIASES.items() if name == symbol))
    return next((depth[name] for name in names if name in depth), None)


def _depth(given: str) -> Usd:
    """Dollars on either side, or so many basis points for so many dollars: v/depth is what a trade of v loses."""
    found = re.fullmatch(r"(?P<bps>[0-9.]+)\s*bps\s+per\s+(?P<usd>.+)", given.strip())
    if found is None:
        return _more_than_none("--depth", given)
    usd = _more_than_none("--depth", found["usd"])
    try:
        share = parsed("--depth", f"{found['bps']} USD", text.usd)
    except ConfigError:
        share = Usd(0)
    if share == 0:
        raise ConfigError(f"--depth: saw {given!r}, expected such as `1 bps per 10_000 USD`, or `5_000_000 USD`")
    return Usd(usd * ONE * 10_000 // share)


def _more_than_none(flag: str, given: str) -> Usd:
    found = parsed(flag, given, text.usd)
    if found == 0:
        raise ConfigError(f"{flag}: saw {given!r}, expected more than nothing")
    return found
