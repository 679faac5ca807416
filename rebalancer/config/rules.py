"""What must hold between the keys of a file: each rule takes the sections and yields what is wrong, and where.

A rule looks only at sections that are right by themselves, so that no problem is reported twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations

from rebalancer.config.band_rules import BAND_RULES
from rebalancer.config.document import Document, Key, Problems
from rebalancer.config.module_rules import MODULE_RULES
from rebalancer.config.schema import ProductSection, TwapSection
from rebalancer.config.sections import Parts
from rebalancer.config.target_rules import TARGET_RULES
from rebalancer.config.text import is_symbol, show_percent
from rebalancer.config.venue_rules import VENUE_RULES
from rebalancer.units import ONE, Weight

POOLS = ("venues", "uniswap", "pools")
HUBS = ("venues", "uniswap", "hubs")


def check_rules(document: Document, parts: Parts) -> None:
    """All rules, all problems."""
    for rule in (*RULES, *BAND_RULES, *TARGET_RULES, *MODULE_RULES):
        for key, problem in rule(parts):
            document.add(key, problem)
    for written in VENUE_RULES:
        for key, problem in written(document, parts):
            document.add(key, problem)


def symbols_are_plain(parts: Parts) -> Problems:
    """A symbol is part of a pool's name, so it holds no space and no slash."""
    for symbol in parts.symbols:
        if not is_symbol(symbol):
            yield ("tokens", symbol), "expected a symbol of at most 20 characters without spaces and `/`"


def tokens_are_distinct(parts: Parts) -> Problems:
    """One token under two symbols would be counted twice."""
    first: dict[str, str] = {}
    for symbol, token in parts.tokens.items():
        if token.address in first:
            yield ("tokens", symbol, "address"), f"expected another token, saw the address of {first[token.address]}"
        first.setdefault(token.address, symbol)


def targets_are_whole(parts: Parts) -> Problems:
    """At least two assets, and exactly 100 %."""
    if len(parts.tokens) < len(parts.symbols) or not parts.symbols:
        return
    targets = [token.target for token in parts.tokens.values() if token.target is not None]
    if len(targets) < 2:
        yield ("tokens",), f"expected at least two tokens with a `target`, saw {len(targets)}"
    elif sum(targets) != ONE:
        yield ("tokens",), f"expected targets that sum to 100 %, saw {show_percent(Weight(sum(targets)))}"


def symbols_are_known(parts: Parts) -> Problems:
    """Every symbol outside `tokens` is one of theirs."""
    if not parts.symbols:
        return
    for key, symbol in _mentions(parts):
        if symbol not in parts.symbols:
            yield key, f"unknown token '{symbol}'; expected one of {', '.join(parts.symbols)}, or add it to `tokens`"


def cash_is_held(parts: Parts) -> Problems:
    """What is left over can only stay in a token of the portfolio."""
    cash = parts.top.cash if parts.top else None
    if cash in parts.tokens and parts.tokens[cash].target is None:
        yield ("cash",), f"expected a token with a `target`, saw {cash}, which has none"


def accounts_differ(parts: Parts) -> Problems:
    """The operator holds gas only, and the wallet is a contract."""
    if parts.wallet is None:
        return
    if parts.wallet.operator == parts.wallet.address:
        yield ("wallet", "operator"), "expected another account than `wallet.address`: the operator never holds funds"
    for symbol, token in parts.tokens.items():
        for name in ("address", "operator"):
            if getattr(parts.wallet, name) == token.address:
                yield ("wallet", name), f"expected an account of yours, saw the token {symbol}"


def products_are_of_two(parts: Parts) -> Problems:
    """The same feed twice is a squared price."""
    for symbol, token in parts.tokens.items():
        match token.price:
            case ProductSection(product=[one, other]) if one.feed == other.feed:
                yield ("tokens", symbol, "price", "product", 1, "feed"), f"expected two feeds, saw {one.feed} twice"


def averages_have_a_price(parts: Parts) -> Problems:
    """A TWAP is a price in the pool's other token, which needs one that is not a TWAP itself."""
    for symbol, token in parts.tokens.items():
        if not isinstance(token.price, TwapSection):
            continue
        pool, key = token.price.twap.pool, ("tokens", symbol, "price", "twap", "pool")
        if pool.kind != "v3":
            yield key, "expected a V3 pool: V2 keeps no such average"
        if symbol not in (pool.symbol_a, pool.symbol_b):
            yield key, f"expected a pool of {symbol}, saw {pool.symbol_a}/{pool.symbol_b}"
        quote = pool.symbol_b if symbol == pool.symbol_a else pool.symbol_a
        if quote in parts.tokens and isinstance(parts.tokens[quote].price, TwapSection):
            yield key, f"expected {quote} to be priced by a feed, saw a `twap`: an average of an average is not read"


def limits_leave_room(parts: Parts) -> Problems:
    """Two limits that exclude each other stop every batch."""
    limits = parts.limits
    if limits is None:
        return
    if limits.tip > limits.max_gas_price:
        yield ("limits", "tip"), "expected at most `limits.max_gas_price`: the tip is part of it"
    if limits.max_impact > limits.max_slippage:
        yield ("limits", "max_impact"), "expected at most `limits.max_slippage`, which such a trade could never meet"


def quorum_is_there(parts: Parts) -> Problems:
    """One node cannot agree with itself."""
    chain = parts.chain
    if chain is not None and len(set(chain.rpc)) < chain.quorum:
        yield (
            ("chain", "quorum"),
            f"expected at most as many as there are different URLs in `chain.rpc`, {len(set(chain.rpc))}",
        )


def relay_keys_fit(parts: Parts) -> Problems:
    """Without a relay everything goes to the nodes as it is."""
    execution = parts.execution
    if execution is not None and execution.relay_fallback and execution.relay is None:
        yield ("execution", "relay_fallback"), "expected none without `relay`: there is nothing to fall back from"


def pools_are_distinct(parts: Parts) -> Problems:
    """A pool twice would be routed twice."""
    first: dict[object, int] = {}
    for number, pool in enumerate(parts.pools()):
        identity = (pool.kind, frozenset((pool.symbol_a, pool.symbol_b)), pool.fee)
        if identity in first:
            yield (*POOLS, number), f"expected each pool once, saw it at {first[identity]} too"
        first.setdefault(identity, number)
    hubs = parts.hubs()
    for number, hub in enumerate(hubs):
        if hub in hubs[:number]:
            yield (*HUBS, number), f"expected each hub once, saw {hub} again"


def assets_have_paths(parts: Parts) -> Problems:
    """Any asset may have to be sold for any other, directly or over one hub."""
    pools = parts.pools()
    known = set(parts.symbols)
    if parts.venues is None or parts.chain is None or len(parts.tokens) < len(known):
        return
    if any({pool.symbol_a, pool.symbol_b} - known for pool in pools):
        return
    joined = {frozenset((pool.symbol_a, pool.symbol_b)) for pool in pools}
    assets = [symbol for symbol, token in parts.tokens.items() if token.target is not None]
    missing = [(a, b) for a, b in combinations(assets, 2) if not _has_path(a, b, parts.hubs(), joined)]
    alone = [asset for asset in assets if sum(asset in pair for pair in missing) == len(assets) - 1]
    for asset in alone:
        yield ("tokens", asset), f"no pool leads from {asset} to another asset, directly or over a hub: add one"
    for a, b in missing:
        if a not in alone and b not in alone:
            yield POOLS, f"no path between {a} and {b}, directly or over one of the hubs: add a pool or a hub"


def _mentions(parts: Parts) -> Iterator[tuple[Key, str]]:
    """Every place outside `tokens` that names a token."""
    if parts.chain is not None:
        yield ("chain", "native"), parts.chain.native
    if parts.top is not None and parts.top.cash is not None:
        yield ("cash",), parts.top.cash
    for number, hub in enumerate((parts.venues.uniswap.hubs or []) if parts.venues else []):
        yield (*HUBS, number), hub
    for number, hub in enumerate((parts.module.hubs or []) if parts.module else []):
        yield ("module", "hubs", number), hub
    for number, pool in enumerate(parts.pools()):
        yield from (((*POOLS, number), symbol) for symbol in (pool.symbol_a, pool.symbol_b))
    for symbol, token in parts.tokens.items():
        if isinstance(token.price, TwapSection):
            pool = token.price.twap.pool
            yield from ((("tokens", symbol, "price", "twap", "pool"), name) for name in (pool.symbol_a, pool.symbol_b))


def _has_path(a: str, b: str, hubs: list[str], joined: set[frozenset[str]]) -> bool:
    over = any(frozenset((a, hub)) in joined and frozenset((hub, b)) in joined for hub in hubs)
    return over or frozenset((a, b)) in joined


RULES: tuple[Callable[[Parts], Problems], ...] = (
    symbols_are_plain,
    tokens_are_distinct,
    targets_are_whole,
    symbols_are_known,
    cash_is_held,
    accounts_differ,
    products_are_of_two,
    averages_have_a_price,
    limits_leave_room,
    quorum_is_there,
    relay_keys_fit,
    pools_are_distinct,
    assets_have_paths,
)
