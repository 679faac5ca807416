"""What must hold between the keys of a file whose wallet is a RebalanceModule: the contract's own limits, told earlier.

A rule looks only at sections that are right by themselves, so that no problem is reported twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rebalancer.config.document import Key, Problems
from rebalancer.config.schema import FeedSection, ModuleSection, ProductSection, TokenSection, TwapSection
from rebalancer.config.sections import Parts
from rebalancer.config.text import show_percent
from rebalancer.core.model.module import (
    LONGEST_HEARTBEAT,
    MOST_ASSETS,
    MOST_DECIMALS,
    MOST_FEED_DECIMALS,
    MOST_HUBS,
    MOST_ROUTES,
)
from rebalancer.units import ONE, PPM, Weight

POLICY_KEYS = ("range", "price_band")


def policy_has_a_module(parts: Parts) -> Problems:
    """A limit that no contract holds would promise what is not done."""
    if parts.wallet is None or parts.wallet.kind == "safe-module":
        return
    only = "expected none with `wallet.kind: safe`, where nothing on-chain holds it; see `safe-module`"
    if parts.wallet.module is not None:
        yield ("wallet", "module"), only
    if parts.module is not None and parts.module.model_fields_set:
        yield ("module",), only
    for symbol, token in parts.tokens.items():
        if token.price_band is not None:
            yield ("tokens", symbol, "price_band"), only


def policy_keys_have_a_target(parts: Parts) -> Problems:
    """Only the portfolio has a weight, and only its feeds are asked by the module."""
    for symbol, token in parts.tokens.items():
        for name in POLICY_KEYS:
            if token.target is None and getattr(token, name) is not None:
                yield ("tokens", symbol, name), f"expected none: {symbol} has no `target`"


def targets_are_in_range(parts: Parts) -> Problems:
    """The module counts in millionths, and takes no target outside its range."""
    for symbol, token in _assets(parts):
        target = token.target or 0
        if target * PPM % ONE:
            yield ("tokens", symbol, "target"), "expected nothing finer than 0.0001 %, in which the module counts"
        low, high = token.range or (0, PPM)
        if not low * ONE <= target * PPM <= high * ONE:
            seen = show_percent(Weight(target))
            yield ("tokens", symbol, "range"), f"expected a range around the target of {symbol}, {seen}"
        elif not _has_room(token, target * PPM // ONE, parts):
            yield (
                ("tokens", symbol, "range"),
                f"expected at least `module.tolerance` between the target of {symbol}, {show_percent(Weight(target))}, "
                "and each end of its range that is not 0 % or 100 %: a rebalance that ends on the target would be "
                "refused as soon as a price moves",
            )


def assets_have_feeds(parts: Parts) -> Problems:
    """The module prices by feeds only: a pool's price is the operator's to move."""
    for symbol, token in _assets(parts):
        key: Key = ("tokens", symbol, "price")
        if isinstance(token.price, TwapSection):
            yield key, f"expected `feed:` or `product:`, saw a `twap`: the module prices {symbol} by feeds only"
        for feed in _feeds(token):
            if feed.heartbeat + feed.margin > LONGEST_HEARTBEAT:
                yield key, "expected a heartbeat and a margin of at most 7 d together, the most that the module takes"
            if feed.decimals > MOST_FEED_DECIMALS:
                yield key, f"expected a feed of at most {MOST_FEED_DECIMALS} decimals, saw {feed.decimals}"
        if token.decimals > MOST_DECIMALS:
            yield ("tokens", symbol, "decimals"), f"expected at most {MOST_DECIMALS}, the most that the module takes"


def module_has_room(parts: Parts) -> Problems:
    """As many as the contract's arrays hold; of the routes one is Uniswap's own."""
    module = _module(parts)
    if module is None:
        return
    assets = sum(1 for _ in _assets(parts))
    if assets > MOST_ASSETS:
        yield ("tokens",), f"expected at most {MOST_ASSETS} tokens with a `target`, as a module holds, saw {assets}"
    hubs = parts.module_hubs()
    if len(hubs) > MOST_HUBS:
        yield ("module", "hubs"), f"expected at most {MOST_HUBS} hubs without a target, saw {len(hubs)}"
    if len(module.routes) >= MOST_ROUTES:
        yield ("module", "routes"), f"expected at most {MOST_ROUTES - 1} routes, saw {len(module.routes)}"


def module_hubs_fit(parts: Parts) -> Problems:
    """A path may run over any asset already; over other tokens only where the policy lists them."""
    module = _module(parts)
    if module is None or len(parts.tokens) < len(parts.symbols):
        return
    for number, hub in enumerate(module.hubs or []):
        if hub in parts.tokens and parts.tokens[hub].target is not None:
            yield (
                ("module", "hubs", number),
                f"expected a token without a `target`: {hub} is a hub as it is",
            )
        if hub in (module.hubs or [])[:number]:
            yield ("module", "hubs", number), f"expected each hub once, saw {hub} again"
    for number, hub in enumerate(parts.hubs()):
        if hub in parts.tokens and parts.tokens[hub].target is None and hub not in parts.module_hubs():
            yield (
                ("venues", "uniswap", "hubs", number),
                f"expected a hub of the module, saw {hub}, which has no target: add it to `module.hubs`",
            )


def module_times_fit(parts: Parts) -> Problems:
    """A cooldown longer than the window would leave the meters idle, and a grace needs something to wait for."""
    module = _module(parts)
    if module is None:
        return
    if module.cooldown > module.window:
        yield ("module", "cooldown"), "expected at most `module.window`"
    if (module.sequencer is None) != (module.grace is None):
        missing = "sequencer" if module.sequencer is None else "grace"
        yield ("module", missing), "missing; `sequencer` and `grace` belong together, and to a rollup"


def module_accounts_differ(parts: Parts) -> Problems:
    """A role that is another's is none: the module refuses it."""
    wallet, module = parts.wallet, _module(parts)
    if wallet is None or module is None:
        return
    if wallet.module is not None and wallet.module in (wallet.address, wallet.operator):
        yield ("wallet", "module"), "expected the address of the RebalanceModule, saw that of another account of yours"
    if module.guardian == wallet.operator:
        yield ("module", "guardian"), "expected another account than `wallet.operator`: it is to stop that one"
    if module.guardian == wallet.address:
        yield ("module", "guardian"), "expected another account than the Safe, which can stop the module in any case"
    for number, route in enumerate(module.routes):
        if route.router in (wallet.address, *(token.address for token in parts.tokens.values())):
            yield ("module", "routes", number, "router"), "expected a router, saw the Safe or a token"


def _module(parts: Parts) -> ModuleSection | None:
    """The section, where a module is what the wallet acts through."""
    return parts.module if parts.wallet is not None and parts.wallet.kind == "safe-module" else None


def _assets(parts: Parts) -> Iterator[tuple[str, TokenSection]]:
    """The portfolio, where a module is what the wallet acts through."""
    if _module(parts) is not None:
        yield from ((symbol, token) for symbol, token in parts.tokens.items() if token.target is not None)


def _has_room(token: TokenSection, target: int, parts: Parts) -> bool:
    """Whether the target lies far enough inside its range. No trade crosses nothing, or all that there is."""
    module = _module(parts)
    if module is None or token.range is None:
        return True
    low, high = token.range
    return (low == 0 or low + module.tolerance <= target) and (high == PPM or target + module.tolerance <= high)


def _feeds(token: TokenSection) -> list[FeedSection]:
    match token.price:
        case FeedSection() as feed:
            return [feed]
        case ProductSection(product=feeds):
            return feeds
        case _:
            return []


MODULE_RULES: tuple[Callable[[Parts], Problems], ...] = (
    policy_has_a_module,
    policy_keys_have_a_target,
    targets_are_in_range,
    assets_have_feeds,
    module_has_room,
    module_hubs_fit,
    module_times_fit,
    module_accounts_differ,
)
