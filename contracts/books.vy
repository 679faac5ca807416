# pragma version 0.4.3
"""
@title books
@license MIT
@notice What a Safe holds and what it is worth by its feeds, at this moment. One answer that is not to be believed stops
        everything.
"""

from . import mandate

uses: mandate


# The wallet at one moment. Of each asset price << 128 | balance: dollars of one whole token, and base units held.
struct Books:
    pairs: DynArray[uint256, mandate.MOST_ASSETS]
    # What all of it is worth: each value rounded down.
    worth: uint256
    # As in `_targets`.
    targets: uint256


# Above any answer of a feed.
MOST_ANSWER: constant(uint256) = 2**96 - 1
ONE: constant(uint256) = 10**18


@internal
@view
def _read(targets: uint256) -> Books:
    if mandate.LIMITS.sequencer != empty(address):
        self._check_sequencer()
    pairs: DynArray[uint256, mandate.MOST_ASSETS] = []
    worth: uint256 = 0
    for asset: mandate.Listing in mandate.ASSETS:
        price: uint256 = unsafe_mul(ONE, self._answer(asset.feed, asset.terms & mandate.HEARTBEAT))
        if asset.second_feed != empty(address):
            price = unsafe_mul(price, self._answer(asset.second_feed, (asset.terms >> mandate.SECOND_BIT) & mandate.HEARTBEAT))
        price = unsafe_div(price, asset.scale)
        assert price > 0, "RebalanceModule: answer"
        if asset.band > 0:
            assert price >= asset.band & mandate.HALF and price <= asset.band >> 128, "RebalanceModule: band"
        balance: uint256 = staticcall mandate.Token(asset.token).balanceOf(mandate.SAFE)
        assert price | balance <= mandate.HALF, "RebalanceModule: too_large"
        pairs.append(price << 128 | balance)
        worth += unsafe_div(unsafe_mul(balance, price), asset.unit)
    assert worth <= mandate.HALF, "RebalanceModule: too_large"
    return Books(pairs=pairs, worth=worth, targets=targets)


@internal
@pure
def _value(pair: uint256, unit: uint256) -> uint256:
    return unsafe_div(unsafe_mul(pair & mandate.HALF, pair >> 128), unit)


@internal
@view
def _check_sequencer():
    round_id: uint256 = 0
    answer: uint256 = 0
    started_at: uint256 = 0
    updated_at: uint256 = 0
    round_id, answer, started_at, updated_at = staticcall mandate.Feed(mandate.LIMITS.sequencer).latestRoundData()
    # Of these feeds, 0 is up and 1 is down, and a round starts when that changes; 0 is no time.
    assert answer == 0 and started_at > 0, "RebalanceModule: sequencer"
    assert block.timestamp > started_at + mandate.LIMITS.grace, "RebalanceModule: grace"


@internal
@view
def _answer(feed: address, heartbeat: uint256) -> uint256:
    round_id: uint256 = 0
    answer: uint256 = 0
    started_at: uint256 = 0
    updated_at: uint256 = 0
    round_id, answer, started_at, updated_at = staticcall mandate.Feed(feed).latestRoundData()
    assert answer <= MOST_ANSWER, "RebalanceModule: answer"
    assert updated_at <= block.timestamp, "RebalanceModule: future"
    assert unsafe_sub(block.timestamp, updated_at) <= heartbeat, "RebalanceModule: heartbeat"
    return answer
