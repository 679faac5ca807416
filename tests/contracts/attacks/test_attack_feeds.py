"""Prices that are old, wrong or not there: one answer that is not to be believed stops everything."""

from __future__ import annotations

from dataclasses import replace

import pytest
from catalogue import stopped_by
from given_attacks import GOLD, IRON, SILV, Arena
from given_hostile import Contract, Manner, a_contract
from given_market import USDC, WBTC, WETH, Market
from given_module import v3_path
from given_reasons import NO_REASON

from rebalancer.adapters.chain.rpc import RpcError
from rebalancer.core.model.module import ModuleSwap
from rebalancer.units import ONE, Usd

HEARTBEAT = "heartbeat"
GRACE = "grace"
SIGN = "sign, time, band"
SECOND = 3
"""The place of IRON's second feed."""


def _answer(feed: Contract, answer: int, age: int = 0) -> None:
    """A round that stays as it is, so many seconds old when a block is mined now."""
    at = feed.replica.now() - age
    feed.set("set_round", 7, answer, at, at, 7)


@pytest.mark.parametrize(("place", "answer", "heartbeat"), [(GOLD, 2_000 * 10**8, 3_600), (SECOND, 5 * 10**17, 86_400)])
@stopped_by(24, HEARTBEAT, "heartbeat")
def test_answer__older_than_its_heartbeat__stops_every_batch(
    arena: Arena, place: int, answer: int, heartbeat: int
) -> None:
    feed, swap = arena.feeds[place], arena.sell(GOLD, SILV, 10_000)
    _answer(feed, answer)
    updated = feed.read("latestRoundData", returns=("uint80", "int256", "uint256", "uint256", "uint80"))[3]
    for age, fresh in ((heartbeat, True), (heartbeat + 1, False)):
        with arena.replica.scratch():
            arena.replica.rpc.call("evm_setNextBlockTimestamp", updated + age)
            arena.replica.mine()
            if fresh:
                assert int.from_bytes(arena.module.preview([swap]), "big") == 1
            else:
                arena.refuses("heartbeat", [swap])
    # A feed that has stopped altogether, at zero.
    feed.set("set_round", 7, answer, 0, 0, 7)
    arena.refuses("heartbeat", [swap])


@pytest.mark.parametrize(("feed", "answer"), [("ETH/USD", 3_300 * 10**8), ("WBTC/BTC", 10**8)])
@stopped_by(24, HEARTBEAT, "heartbeat")
def test_real_proxy__whose_last_round_is_old__stops_every_batch(market: Market, feed: str, answer: int) -> None:
    swap = market.swap(WETH, USDC, 5_000, path=v3_path((500, 0)))
    market.replica.set_round(feed, answer, market.replica.now() - 100_000)
    market.refuses("heartbeat", swap)
    market.refuses("heartbeat", market.swap(WETH, WBTC, 1_000, path=v3_path((500, 0))))


def _with_sequencer(arena: Arena) -> tuple[Arena, Contract]:
    """A module that watches a sequencer, which has been up for a day."""
    sequencer = a_contract(arena.replica, "HostileFeed", 0, 0, arena.replica.now() - 86_400)
    return arena.again(sequencer=sequencer.address, grace=3_600), sequencer


@stopped_by(25, GRACE, "sequencer")
def test_sequencer__that_is_down_or_was_never_up__stops_every_batch(arena: Arena) -> None:
    played, sequencer = _with_sequencer(arena)
    swap, now = played.sell(GOLD, SILV, 10_000), arena.replica.now()
    for answer, started_at in ((1, now - 86_400), (-1, now - 86_400), (2, now - 86_400), (0, 0)):
        sequencer.set("set_round", 2, answer, started_at, now, 2)
        played.refuses("sequencer", [swap])
    sequencer.set("set_round", 3, 0, now - 86_400, now, 3)
    played.settles([swap])


@stopped_by(25, GRACE, "grace")
def test_sequencer__just_restarted__stops_every_batch_until_the_grace_is_over(arena: Arena) -> None:
    played, sequencer = _with_sequencer(arena)
    swap, now = played.sell(GOLD, SILV, 10_000), arena.replica.now()
    sequencer.set("set_round", 2, 0, now, now, 2)
    played.refuses("grace", [swap])
    for after, over in ((3_600, False), (3_601, True)):
        with arena.replica.scratch():
            arena.replica.rpc.call("evm_setNextBlockTimestamp", now + after)
            arena.replica.mine()
            if over:
                assert int.from_bytes(played.module.preview([swap]), "big") == 1
            else:
                with pytest.raises(RpcError, match="RebalanceModule: grace"):
                    played.module.preview([swap])
    sequencer.set("set_round", 2, 0, now + 10**6, now, 2)
    played.refuses("grace", [swap])


@pytest.mark.parametrize("place", [GOLD, SILV, IRON, SECOND])
@pytest.mark.parametrize("answer", [0, -1, -(2**255)])
@stopped_by(26, SIGN, "answer")
def test_answer__of_zero_or_less__stops_every_batch(arena: Arena, place: int, answer: int) -> None:
    arena.feeds[place].set("set_answer", answer)
    arena.refuses("answer", [arena.sell(GOLD, SILV, 10_000)])


@stopped_by(26, SIGN, "answer")
def test_price__that_rounds_to_nothing__stops_every_batch(arena: Arena) -> None:
    # One of 8 decimals times one of 18: positive both, and no wei of a dollar together.
    arena.feeds[IRON].set("set_answer", 1)
    arena.feeds[SECOND].set("set_answer", 1)
    arena.refuses("answer", [arena.sell(GOLD, SILV, 10_000)])


@pytest.mark.parametrize(("place", "answer"), [(GOLD, 2**96), (SECOND, 2**96), (IRON, 2**96), (SILV, 2**255 - 1)])
@stopped_by(26, SIGN, "answer")
def test_answer__beyond_all_prices__stops_every_batch(arena: Arena, place: int, answer: int) -> None:
    arena.feeds[place].set("set_answer", answer)
    arena.refuses("answer", [arena.sell(GOLD, SILV, 10_000)])


@pytest.mark.parametrize(("answer", "fits"), [((2**128 - 1) // 10**10, True), ((2**128 - 1) // 10**10 + 1, False)])
@stopped_by(26, SIGN, "too_large")
@stopped_by(28, "numbers have room", "too_large")
def test_price__beyond_128_bits__stops_every_batch(arena: Arena, answer: int, fits: bool) -> None:
    # Of answers that would be believed, 8 decimals and 18; of IRON there is nothing, so that it is the price alone.
    arena.holds(600_000, 200_000, 0)
    arena.feeds[IRON].set("set_answer", answer)
    arena.feeds[SECOND].set("set_answer", ONE)
    swap = arena.sell(GOLD, SILV, 10_000)
    if fits:
        arena.settles([swap])
    else:
        _is_too_large(arena, swap)


@pytest.mark.parametrize("answer", [2**69, 2**95, 2**96 - 1])
@stopped_by(26, SIGN, "too_large")
@stopped_by(28, "numbers have room", "too_large")
def test_price__of_feeds_without_decimals__does_not_run_over(arena: Arena, answer: int) -> None:
    # Each unit of an answer is a dollar: the product of two and 10**18 is the largest number that there is here.
    for place in (GOLD, IRON, SECOND):
        arena.feeds[place].set("set_decimals", 0)
        arena.feeds[place].set("set_answer", 7)
    swap, played = arena.sell(GOLD, SILV, 10_000), arena.again()
    for places in ((GOLD,), (IRON,), (IRON, SECOND)):
        with arena.replica.scratch():
            for place in places:
                arena.feeds[place].set("set_answer", answer)
            _is_too_large(played, swap)
    arena.feeds[SECOND].set("set_answer", 2**96)
    played.refuses("answer", [swap])


def _is_too_large(arena: Arena, swap: ModuleSwap) -> None:
    with pytest.raises(RpcError, match="RebalanceModule: too_large"):
        arena.module.preview([swap])
    arena.refuses("too_large", [swap])


@pytest.mark.parametrize("place", [GOLD, SECOND])
@stopped_by(26, SIGN, "future")
def test_answer__from_the_future__stops_every_batch(arena: Arena, place: int) -> None:
    answer = 2_000 * 10**8 if place == GOLD else 5 * 10**17
    ahead = arena.replica.now() + 10_000
    arena.feeds[place].set("set_round", 7, answer, ahead, ahead, 7)
    arena.refuses("future", [arena.sell(GOLD, SILV, 10_000)])


@pytest.mark.parametrize(
    ("answer", "inside"), [(97_999_999, False), (98_000_000, True), (102_000_000, True), (102_000_001, False)]
)
@stopped_by(26, SIGN, "band")
def test_price__outside_the_owners_band__stops_every_batch(arena: Arena, answer: int, inside: bool) -> None:
    assets = list(arena.module.policy.assets)
    assets[SILV] = replace(assets[SILV], price_low=Usd(98 * ONE // 100), price_high=Usd(102 * ONE // 100))
    played = arena.again(assets=tuple(assets))
    arena.feeds[SILV].set("set_answer", answer)
    # Another pair: the whole wallet is held to it.
    swap = played.sell(GOLD, IRON, 10_000)
    if inside:
        played.settles([swap])
    else:
        played.refuses("band", [swap])


@pytest.mark.parametrize("manner", [Manner.REVERTS, Manner.SILENT, Manner.EATS_GAS])
@stopped_by(26, "no try/catch", "the whole batch reverts")
def test_feed__that_does_not_answer__stops_every_batch(arena: Arena, manner: Manner) -> None:
    for place in (IRON, SECOND):
        with arena.replica.scratch():
            arena.feeds[place].set("set_manner", manner)
            swap = arena.sell(GOLD, SILV, 10_000)
            arena.refuses("HostileFeed: no answer" if manner == Manner.REVERTS else NO_REASON, [swap])


@stopped_by(26, "feeds are read once", "the floor follows the feed")
def test_price__that_has_moved__moves_the_floor_at_once(arena: Arena) -> None:
    swap = arena.sell(GOLD, SILV, 10_000)
    arena.feeds[GOLD].set("set_answer", 2_100 * 10**8)
    arena.refuses("min_out", [swap])
    arena.feeds[SECOND].set("set_answer", 4 * 10**17)
    dearer = arena.sell(GOLD, IRON, 10_000)
    arena.refuses("min_out", [dearer])
