"""Who makes which trade, where a RebalanceModule takes only so much calldata: winners in, those that fit out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rebalancer.core.competition import Judged, Pair, pair_of
from rebalancer.core.model import ModuleWallet, Snapshot, Terms
from rebalancer.core.model.module import MOST_DATA
from rebalancer.units import Usd


def that_fit(snapshot: Snapshot, best: Mapping[Pair, Judged], own: Iterable[Judged]) -> Mapping[Pair, Judged]:
    """The own route in place of whoever has no room beside those that gain more over it."""
    if not isinstance(snapshot.wallet, ModuleWallet):
        return best
    able = {pair_of(one.trades[0]): one for one in own if one.net is not None}
    room = MOST_DATA - sum(_length(best[pair]) for pair in best if pair not in able)
    kept = dict(best)
    for pair in sorted(able, key=lambda each: _gain(best[each], able[each]), reverse=True):
        if _length(best[pair]) <= room:
            room -= _length(best[pair])
        else:
            kept[pair] = able[pair]
    return kept


def _length(one: Judged) -> int:
    """Bytes of its calldata from outside."""
    return sum(len(quote.call.data) for quote in one.quotes if isinstance(quote.terms, Terms))


def _gain(one: Judged, own: Judged) -> Usd:
    return Usd((one.net or 0) - (own.net or 0))
