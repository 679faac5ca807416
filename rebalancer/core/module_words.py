"""Two policies of a RebalanceModule in, what differs out, in words for the owners: each line names the rule, and both
values. The tick compares the chain with the configuration, the owners' tools what is with what is to be.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields

from rebalancer.core.model.module import NOBODY, ModuleAsset, ModuleLimits, ModulePolicy, ModuleRoute
from rebalancer.units import ONE, Address, Ppm

CHAIN_AND_FILE = ("on the chain", "in the configuration")
"""What stands behind the two values of a difference."""
Names = Mapping[Address, str]
"""Address → what people call it; one that is not there is shown as it is."""

_SHARES = ("max_turnover", "max_loss", "max_shortfall", "max_trade", "tolerance", "target_step")
_TIMES = ("window", "cooldown", "grace")
_Row = tuple[str, str, str]


def policy_difference(
    onchain: ModulePolicy, wanted: ModulePolicy, names: Names | None = None, where: tuple[str, str] = CHAIN_AND_FILE
) -> tuple[str, ...]:
    """One line for each value that differs, empty where the two are one policy. `where` tells the two apart."""
    names = names or {}
    rows = (
        *_accounts("safe", (onchain.safe,), (wanted.safe,), names),
        *_asset_rows(onchain.assets, wanted.assets, names),
        *_accounts("hubs", onchain.hubs, wanted.hubs, names),
        *_route_rows(onchain.routes, wanted.routes),
        *_limit_rows(onchain.limits, wanted.limits),
    )
    if not rows and onchain != wanted:
        # Such as a bound of a price band without the other, which no module has: it changes nothing that is shown.
        return (f"the policy {where[0]} is not the one {where[1]}, in a value that is not shown",)
    return tuple(f"{what}: {one} {where[0]}, {other} {where[1]}" for what, one, other in rows)


def targets_difference(
    assets: Sequence[ModuleAsset],
    targets: tuple[Sequence[Ppm], Sequence[Ppm]],
    names: Names | None = None,
    where: tuple[str, str] = CHAIN_AND_FILE,
) -> tuple[str, ...]:
    """The targets that differ, of two lists in the order of `assets`."""
    names = names or {}
    return tuple(
        f"target of {_name(asset.token, names)}: {share(one)} {where[0]}, {share(other)} {where[1]}"
        for asset, one, other in zip(assets, *targets, strict=True)
        if one != other
    )


def share(ppm: int) -> str:
    """A share of the wallet, exactly: "30 %", "0.25 %"."""
    whole, part = divmod(ppm, 10_000)
    return f"{whole}.{part:04d}".rstrip("0").rstrip(".") + " %"


def span(seconds: int) -> str:
    """A time exactly, in the largest unit that it is a multiple of: "10 min", "3900 s"."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds and seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def dollars(usd: int) -> str:
    """An amount of dollars exactly: two that differ never read alike."""
    whole, part = divmod(usd, ONE)
    return f"{whole:,}.{part:018d}".rstrip("0").rstrip(".") + " USD"


def _accounts(what: str, one: Sequence[Address], other: Sequence[Address], names: Names) -> Iterator[_Row]:
    if tuple(one) != tuple(other):
        yield what, _list(one, names), _list(other, names)


def _asset_rows(one: Sequence[ModuleAsset], other: Sequence[ModuleAsset], names: Names) -> Iterator[_Row]:
    tokens = [asset.token for asset in one], [asset.token for asset in other]
    # In another order they are other tokens: the operator's swaps name them by their place.
    yield from _accounts("tokens", *tokens, names)
    there = {asset.token: _terms(asset) for asset in one}
    for asset in other:
        before = there.get(asset.token)
        for what, value in _terms(asset).items():
            if before is not None and before[what] != value:
                yield f"{_name(asset.token, names)}, {what}", before[what], value


def _terms(asset: ModuleAsset) -> dict[str, str]:
    """All that a policy says of one token, by name."""
    band = "any price" if not asset.price_high else f"{dollars(asset.price_low)} to {dollars(asset.price_high)}"
    return {
        "feed": _feed(asset.feed, asset.heartbeat),
        "second feed": _feed(asset.second_feed, asset.second_heartbeat),
        "range": f"{share(asset.least)} to {share(asset.most)}",
        "price band": band,
    }


def _feed(feed: Address, heartbeat: int) -> str:
    return "none" if feed == NOBODY else f"{feed}, at most {span(heartbeat)} old"


def _route_rows(one: Sequence[ModuleRoute], other: Sequence[ModuleRoute]) -> Iterator[_Row]:
    for number in range(max(len(one), len(other))):
        words = [_route(routes[number]) if number < len(routes) else "none" for routes in (one, other)]
        if words[0] != words[1]:
            yield f"route {number}", words[0], words[1]


def _route(route: ModuleRoute) -> str:
    return f"{route.router}, {'built' if route.checker == NOBODY else f'checked by {route.checker}'}"


def _limit_rows(one: ModuleLimits, other: ModuleLimits) -> Iterator[_Row]:
    after = _limit_words(other)
    for what, value in _limit_words(one).items():
        if getattr(one, what) != getattr(other, what):
            yield what, value, after[what]


def _limit_words(limits: ModuleLimits) -> dict[str, str]:
    return {field.name: _limit(field.name, getattr(limits, field.name)) for field in fields(limits)}


def _limit(name: str, value: int | str) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case str():
            return "none" if value == NOBODY else value
        case _ if name in _SHARES:
            return share(value)
        case _ if name in _TIMES:
            return span(value)
        case _:
            return dollars(value)


def _list(addresses: Sequence[Address], names: Names) -> str:
    return ", ".join(_name(address, names) for address in addresses) or "none"


def _name(address: Address, names: Names) -> str:
    return names.get(address, address)
