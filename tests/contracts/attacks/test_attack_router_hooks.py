"""The real SwapRouter02 has been paid, and somebody gets a moment before it has paid the pool, by a token with hooks:
anybody may take what lies on that router. The minimum must be paid all the same, so a theft takes the batch down.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from catalogue import stopped_by
from given_attacks import GOLD, IRON, SILV, Arena
from given_hostile import Moment
from given_module import v2_path, v3_path
from given_pools import a_v2_pair, a_v3_pool
from given_router import (
    DEPTH,
    ROUTER,
    a_batching,
    call,
    lying,
    multicall,
    on_the_second_transfer,
    over_the_real_router,
    rich,
    settling,
    swap_away,
    sweep,
)

from rebalancer.replica.calls import encode_call
from rebalancer.units import ONE

MINIMUM = "the router's own minimum"
LEFT_ALONE = "the honest batch goes through"
BEGINS, ENDS = Moment.TOKEN_TRANSFER_BEGINS, Moment.TOKEN_TRANSFER_ENDS
HUB = 16
V3, V2 = v3_path((500, 0)), v2_path()


def thefts(arena: Arena) -> dict[str, str]:
    """Calls of the router that take the gold that lies there."""
    gold, silver, iron = (token.address for token in arena.tokens)
    taken = sweep(gold, arena.attacker)
    return {
        "swept": taken,
        "swapped away over another pool": swap_away(gold, iron, arena.attacker),
        "swapped away over the same pool": swap_away(gold, silver, arena.attacker),
        "taken by a multicall": multicall(swap_away(gold, iron, arena.attacker), taken),
    }


def played_on(arena: Arena) -> Arena:
    """Two V3 pools and a V2 pair for gold, at fair prices."""
    a_v3_pool(arena, GOLD, SILV, DEPTH)
    a_v3_pool(arena, GOLD, IRON, (DEPTH[0], 200_000 * 10**8))
    a_v2_pair(arena, GOLD, SILV, DEPTH)
    return over_the_real_router(arena)


@pytest.mark.parametrize("path", [V3, V2], ids=["V3", "V2"])
@pytest.mark.parametrize("theft", range(4))
@stopped_by(13, MINIMUM, "execution")
@stopped_by(31, MINIMUM, "execution")
def test_payment__taken_from_the_router_before_it_is_called__takes_the_batch_down(
    arena: Arena, theft: int, path: int
) -> None:
    played, gold = played_on(arena), arena.tokens[GOLD]
    swap = played.sell(GOLD, SILV, 10_000, path=path)
    with arena.replica.scratch():
        gold.lay(ENDS, gold.address, gold.data("balanceOf", ROUTER), strict=True)
        played.settles([swap])
        # By then the router has it.
        assert int.from_bytes(gold.read("answer"), "big") == swap.amount_in
    gold.lay(ENDS, ROUTER, list(thefts(arena).values())[theft])
    played.refuses("execution", [swap])


@pytest.mark.parametrize(
    ("theft", "rule"),
    [
        ("swept", "execution"),
        ("swapped away over another pool", "execution"),
        # The pool is in the middle of a swap.
        ("swapped away over the same pool", ""),
        ("taken by a multicall", "execution"),
    ],
)
@pytest.mark.parametrize("who", ["bought", "sold"])
@stopped_by(13, MINIMUM, "execution")
@stopped_by(31, MINIMUM, "execution")
def test_payment__taken_from_the_router_while_it_pays_a_v3_pool__takes_the_batch_down(
    arena: Arena, theft: str, rule: str, who: str
) -> None:
    played, data = played_on(arena), thefts(arena)[theft]
    swap = played.sell(GOLD, SILV, 10_000)
    if who == "bought":
        # The pool pays first, and calls the router for its part then.
        arena.tokens[SILV].lay(BEGINS, ROUTER, data)
    else:
        on_the_second_transfer(arena.tokens[GOLD], BEGINS, ROUTER, data)
    if rule:
        played.refuses(rule, [swap])
        return
    had = rich(arena, arena.attacker)
    with settling(played, 10_000):
        played.settles([swap])
    assert arena.tokens[SILV if who == "bought" else GOLD].read("succeeded") is False
    assert rich(arena, arena.attacker) == had


@pytest.mark.parametrize("moment", [BEGINS, ENDS])
@stopped_by(31, "nothing lies there any more", LEFT_ALONE)
def test_router__swept_once_it_has_paid__had_nothing_left(arena: Arena, moment: int) -> None:
    played, silver = played_on(arena), arena.tokens[SILV]
    # A V2 pair pays last.
    silver.lay(moment, ROUTER, sweep(arena.tokens[GOLD].address, arena.attacker))
    had = rich(arena, arena.attacker)
    with settling(played, 10_000):
        played.settles([played.sell(GOLD, SILV, 10_000, path=V2)])
    assert (silver.read("succeeded"), rich(arena, arena.attacker)) == (True, had)


@pytest.mark.parametrize("function", ["skim(address)", "sync()"])
@stopped_by(31, MINIMUM, "execution")
def test_v2_pair__that_is_skimmed_or_synced_once_it_was_paid__takes_the_batch_down(arena: Arena, function: str) -> None:
    played = over_the_real_router(arena)
    pair = a_v2_pair(arena, GOLD, SILV, DEPTH)
    data = encode_call(function, *([arena.attacker] if function.startswith("skim") else []))
    on_the_second_transfer(arena.tokens[GOLD], ENDS, pair, data)
    played.refuses("execution", [played.sell(GOLD, SILV, 10_000, path=V2)])


@stopped_by(31, "nobody but the giver", LEFT_ALONE)
def test_v2_pair__that_was_given_something_before__pays_it_out_to_the_safe(arena: Arena) -> None:
    played = over_the_real_router(arena)
    pair = a_v2_pair(arena, GOLD, SILV, DEPTH)
    swap, before = played.sell(GOLD, SILV, 10_000, path=V2), arena.held(SILV)
    with arena.replica.scratch():
        played.settles([swap])
        usual = arena.held(SILV) - before
    arena.mint(GOLD, pair, 100)
    with settling(played, 10_000):
        played.settles([swap])
    assert arena.held(SILV) - before > usual + 99 * 10**6


@pytest.mark.parametrize("moment", [BEGINS, ENDS])
@stopped_by(13, MINIMUM, "execution")
def test_hub__with_hooks__lets_nobody_take_what_is_between_two_hops(arena: Arena, moment: int) -> None:
    # A hub's transfers: the first pool's to the router, and the router's to the second pool.
    played, hub, much = over_the_real_router(arena), arena.hub, 10**25
    with_hub = replace(arena, tokens=(*arena.tokens, hub))
    a_v3_pool(with_hub, GOLD, 3, (DEPTH[0], much))
    a_v3_pool(with_hub, 3, SILV, (much, DEPTH[1]))
    swap = played.sell(GOLD, SILV, 1_000, path=v3_path((500, HUB), (500, 0)))
    with arena.replica.scratch():
        played.settles([swap])
    steal = sweep(hub.address, arena.attacker)
    if moment == ENDS:
        hub.lay(ENDS, ROUTER, steal)
    else:
        on_the_second_transfer(hub, BEGINS, ROUTER, steal)
    played.refuses("execution", [swap])


@pytest.mark.parametrize(("kept", "settles"), [(30, True), (34, True), (36, False), (9_000, False), (10_000, False)])
@stopped_by(13, MINIMUM, "execution")
@stopped_by(31, "oracle floor", "the thief is left with less than the floor's")
def test_thief__who_takes_the_payment_and_gives_some_back__keeps_no_more_than_the_floor_leaves(
    arena: Arena, kept: int, settles: bool
) -> None:
    # A fair pool brings 9,985 of 10,000 dollars, and the floor is 9,950. By a pool of his own he could take as much.
    played, gold, thief = played_on(arena), arena.tokens[GOLD], a_batching(arena, "attacker")
    swap = played.sell(GOLD, SILV, 10_000)
    rest = swap.amount_in - arena.amount(GOLD, kept)
    calls = [
        call(ROUTER, sweep(gold.address, thief.address)),
        call(gold.address, gold.data("transfer", ROUTER, rest)),
    ]
    gold.lay(ENDS, thief.address, thief.data("batch", calls), strict=True)
    if not settles:
        played.refuses("execution", [swap])
        return
    with settling(played, 10_000):
        played.settles([swap])
    assert arena.held(GOLD, thief.address) * arena.prices[GOLD] // ONE <= 50 * ONE
    assert lying(arena)[GOLD] == 0
