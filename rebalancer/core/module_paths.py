"""Routes whose calls a RebalanceModule builds: a quote in, its path in one word out; and the rules of such a word.

From the lowest bit: 8 bits kind (2 or 3, as Uniswap's), 8 bits hops, then for each of at most three hops 24 bits fee
and 8 bits the place of the token that the hop ends in: an asset's, or from FIRST_HUB on a hub's; 0 for the last hop.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rebalancer.core.model.batch import Breach
from rebalancer.core.model.module import ModulePolicy, ModuleSwap
from rebalancer.core.model.quotes import Quote
from rebalancer.core.module_books import breach
from rebalancer.market.pools import Pool
from rebalancer.market.routing import Hop
from rebalancer.market.uniswap_v2 import V2Pool
from rebalancer.units import Address, Token

V2, V3 = 2, 3
FIRST_HUB = 16
MOST_HOPS = 3
_BYTE, _FEE = (1 << 8) - 1, (1 << 24) - 1


def path_of(quote: Quote, policy: ModulePolicy) -> int | str:
    """The word of a quote's route, or what the module cannot say of it."""
    hops = () if quote.route is None else quote.route.hops
    if not 1 <= len(hops) <= MOST_HOPS:
        return f"has a route of {len(hops)} hops" if hops else "does not say which pools it goes through"
    if len({type(hop.pool) for hop in hops}) > 1:
        return "mixes pools of V2 and V3"
    if not _joins(hops, quote.trade.sell.token, quote.trade.buy):
        return "has a route between other tokens"
    word = _kind(hops[0].pool) | len(hops) << 8
    for index, hop in enumerate(hops):
        place = 0 if index + 1 == len(hops) else _place(policy, hop.token_out.address)
        if place is None:
            return f"goes over {hop.token_out}"
        word |= (_fee(hop.pool) | place << 24) << (16 + 32 * index)
    return word


def path_breaches(policy: ModulePolicy, swap: ModuleSwap, number: int) -> Iterator[Breach]:
    """What is wrong with the word of a built route. The swap's tokens are two of the portfolio."""
    if not _is_path(swap.path):
        yield breach(
            "path", f"swap {number} has the path {swap.path:#x}", "V2 or V3 over 1 to 3 hops, all other bits 0"
        )
        return
    seen = [policy.assets[swap.token_in].token]
    for place in _hubs(swap.path):
        hub = _token_at(policy, place)
        if hub is None:
            yield breach("hub", f"swap {number} goes over place {place}", "a listed asset or hub")
        elif hub in seen or hub == policy.assets[swap.token_out].token:
            yield breach("hub_twice", f"swap {number} comes by {hub} twice", "every token of a path once")
        else:
            seen.append(hub)


def _joins(hops: Sequence[Hop], sell: Token, buy: Token) -> bool:
    ends = [(hop.token_in.address, hop.token_out.address) for hop in hops]
    inner = all(out == following[0] for (_, out), following in zip(ends, ends[1:], strict=False))
    return inner and ends[0][0] == sell.address and ends[-1][1] == buy.address


def _kind(pool: Pool) -> int:
    return V2 if isinstance(pool, V2Pool) else V3


def _fee(pool: Pool) -> int:
    return 0 if isinstance(pool, V2Pool) else pool.fee


def _place(policy: ModulePolicy, token: Address) -> int | None:
    assets = [asset.token for asset in policy.assets]
    if token in assets:
        return assets.index(token)
    return FIRST_HUB + policy.hubs.index(token) if token in policy.hubs else None


def _token_at(policy: ModulePolicy, place: int) -> Address | None:
    if place < len(policy.assets):
        return policy.assets[place].token
    return policy.hubs[place - FIRST_HUB] if 0 <= place - FIRST_HUB < len(policy.hubs) else None


def _is_path(word: int) -> bool:
    kind, hops, rest = word & _BYTE, word >> 8 & _BYTE, word >> 16
    fees = [rest >> 32 * index & _FEE for index in range(MOST_HOPS)]
    return (kind == V3 or (kind == V2 and not any(fees))) and 1 <= hops <= MOST_HOPS and not rest >> (32 * hops - 8)


def _hubs(word: int) -> tuple[int, ...]:
    """The places between the hops of a path."""
    return tuple(word >> (40 + 32 * index) & _BYTE for index in range((word >> 8 & _BYTE) - 1))
