"""Where a token keeps a holder's balance, found by what it answers: a share of a pool, whose total is a word too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from rebalancer.adapters.chain.rpc import Call, Rpc
from rebalancer.adapters.wallets.laying import Layer
from rebalancer.core.errors import Unavailable
from rebalancer.market.addresses import checksum_address
from rebalancer.units import Amount, Token

ADDRESS = checksum_address("0x" + "11" * 20)
SHARE = Token("SHARE", ADDRESS, 18)
HOLDER = checksum_address("0x" + "22" * 20)
POOLED, SHARES, OWN = 1, 2, 3
"""Words of its storage: what all shares are worth, how many there are, and the holder's."""


def word(value: int) -> str:
    return "0x" + value.to_bytes(32, "big").hex()


class ShareToken(Rpc):
    """A node on which SHARE answers the holder's part of the pool."""

    def __init__(self, pooled: int, shares: int, own: int) -> None:
        super().__init__("http://127.0.0.1:9")
        self.storage = {POOLED: pooled, SHARES: shares, OWN: own}

    def balance(self, laid: Mapping[int, int]) -> int:
        kept = self.storage | laid
        return kept[OWN] * kept[POOLED] // kept[SHARES] if kept[SHARES] else 0

    def batch(self, calls: Sequence[Call]) -> list[Any]:
        listed = {
            "accessList": [{"address": ADDRESS, "storageKeys": [word(n) for n in self.storage]}],
            "gasUsed": "0x5208",
        }
        return [word(self.balance({})) if method == "eth_call" else listed for method, _ in calls]

    def batch_answers(self, calls: Sequence[Call]) -> list[dict[str, Any]]:
        overrides = [params[2][ADDRESS]["stateDiff"] for _, params in calls]
        laid = [{int(slot, 16): int(value, 16) for slot, value in each.items()} for each in overrides]
        return [{"result": word(self.balance(each))} for each in laid]


@pytest.mark.parametrize("raw", [0, 1, 7 * 10**18])
def test_over__of_a_share_that_is_worth_itself__is_laid_on_the_holders_own_word(raw: int) -> None:
    layer = Layer(ShareToken(pooled=10**24, shares=10**24, own=5 * 10**18), HOLDER)
    assert layer.over([Amount(SHARE, raw)], 5) == {ADDRESS: {word(OWN): word(raw)}}


@pytest.mark.parametrize("raw", [0, 7 * 10**18])
def test_over__of_a_share_whose_worth_has_grown__is_refused_whatever_is_laid(raw: int) -> None:
    layer = Layer(ShareToken(pooled=2 * 10**24, shares=10**24, own=5 * 10**18), HOLDER)
    with pytest.raises(Unavailable, match="token SHARE at 0x1111.*on paper it cannot be traded"):
        layer.over([Amount(SHARE, raw)], 5)
