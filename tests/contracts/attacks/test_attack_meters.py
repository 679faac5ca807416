"""Attacks that take a little, often: what may be lost and traded leaks back over a window, and no faster."""

from __future__ import annotations

from itertools import cycle

import pytest
from catalogue import stopped_by
from given_attacks import DAY, GOLD, IRON, SILV, WORTH, Arena, up
from given_hostile import exec_from_safe

from rebalancer.adapters.chain.rpc import RpcError
from rebalancer.replica.calls import encode_call
from rebalancer.units import ONE, PPM

METERS = "loss and turnover meters"
BUCKET = "leaking bucket"


def until_refused(arena: Arena, rule: str, dollars: float, fair: bool = False) -> int:
    """Sells gold as long as it is allowed, ends at that rule, and tells how many swaps there were."""
    for count, token_out in enumerate(cycle((SILV, IRON))):
        swap = arena.sell(GOLD, token_out, dollars)
        if fair:
            swap = arena.sell(GOLD, token_out, dollars, arena.fair(GOLD, token_out, swap.amount_in))
        try:
            arena.settles([swap])
        except RpcError:
            arena.refuses(rule, [swap])
            return count
    raise AssertionError("unreachable: a cycle has no end")


def most_that_is_left(arena: Arena) -> int:
    """Dollars at 1e18 that may be traded now."""
    return arena.state().turnover_left * arena.worth() // ONE


@stopped_by(8, METERS, "max_loss")
def test_self_sandwich__at_the_shortfall_until_it_is_stopped__takes_less_than_the_bound(arena: Arena) -> None:
    played, start = arena.again(max_loss=500, max_turnover=PPM, cooldown=0), arena.replica.now()
    count = until_refused(played, "max_loss", 10_000)
    taken = WORTH - arena.worth()
    bound = WORTH * 500 * (DAY + arena.replica.now() - start) // (PPM * DAY)
    # The router keeps what it has not paid: 50 dollars a swap, until 500 are gone.
    assert count >= 9
    assert bound * 85 // 100 <= taken <= bound
    # Nor does another pair of tokens help, nor another route.
    played.refuses("max_loss", [played.sell(GOLD, IRON, 10_000)])
    played.refuses("max_loss", *played.outside(GOLD, SILV, 10_000))


@stopped_by(8, METERS, "max_turnover")
def test_self_sandwich__below_the_loss_cap__is_stopped_by_the_turnover(arena: Arena) -> None:
    played, start = arena.again(max_turnover=100_000, cooldown=0), arena.replica.now()
    count = until_refused(played, "max_turnover", 10_000)
    taken = WORTH - arena.worth()
    bound = WORTH * 100_000 * 5_000 * (DAY + arena.replica.now() - start) // (PPM * PPM * DAY)
    assert count >= 9
    assert bound * 85 // 100 <= taken <= bound


@stopped_by(8, "no trade passes its target", "sells_overweight")
def test_self_sandwich__with_meters_that_do_not_matter__takes_no_more_than_the_drift_is_worth(arena: Arena) -> None:
    played = arena.again(max_loss=100_000, max_turnover=PPM, cooldown=0, tolerance=1)
    for token_out in (SILV, IRON):
        for _ in range(10):
            try:
                played.settles([played.sell(GOLD, token_out, 9_900)])
            except RpcError:
                break
    played.refuses("sells_past_target", [played.sell(GOLD, SILV, 9_900)])
    played.refuses("buys_past_target", [played.sell(GOLD, IRON, 2_000)])
    played.refuses("sells_overweight", [played.sell(SILV, GOLD, 9_900)])
    # Half of a percent of the 20 % of the wallet that were above their target.
    taken = WORTH - arena.worth()
    assert WORTH * 200_000 * 4_900 // PPM**2 <= taken <= WORTH * 200_000 * 5_000 // PPM**2 + ONE


@stopped_by(10, BUCKET, "max_turnover")
def test_bursts__before_and_after_the_edge_of_a_day__share_one_budget(arena: Arena) -> None:
    played = arena.again(max_turnover=50_000, cooldown=0)
    arena.replica.warp(DAY - arena.replica.now() % DAY - 30)
    assert until_refused(played, "max_turnover", 10_000, fair=True) >= 4
    until_refused(played, "max_turnover", 1_000, fair=True)
    arena.replica.warp(60)
    assert arena.replica.now() % DAY < 60
    played.refuses("max_turnover", [played.sell(GOLD, SILV, 1_500)])
    # A minute gives back a minute's worth.
    assert most_that_is_left(played) <= 1_000 * ONE + WORTH * 50_000 // PPM * 100 // DAY


@stopped_by(10, BUCKET, "max_turnover")
def test_bursts__as_greedy_as_can_be_over_one_window__trade_at_most_twice_the_cap(arena: Arena) -> None:
    played = arena.again(max_turnover=50_000, cooldown=0)
    traded, start = 0, arena.replica.now()
    for _ in range(9):
        dollars = most_that_is_left(played) // 10**16 / 100 - 0.01
        played.settles([played.sell(GOLD, SILV, dollars)])
        traded += int(dollars * 100) * ONE // 100
        played.refuses("max_turnover", [played.sell(GOLD, SILV, 1_000)])
        arena.replica.warp(DAY // 9)
    assert arena.replica.now() - start <= DAY + 100
    cap = WORTH * 50_000 // PPM
    assert cap * 17 // 10 <= traded <= 2 * cap


@stopped_by(11, "least trade", "min_trade")
def test_dust__below_the_least_trade__is_refused(arena: Arena) -> None:
    for dollars in (0, 0.01, 49.99):
        arena.refuses("min_trade", [arena.sell(GOLD, SILV, dollars)])
        arena.refuses("min_trade", *arena.outside(GOLD, SILV, dollars))
    arena.settles([arena.sell(GOLD, SILV, 50)])


@stopped_by(11, "cooldown", "cooldown")
def test_dust__again_before_the_cooldown_is_over__is_refused(arena: Arena) -> None:
    arena.settles([arena.sell(GOLD, SILV, 50)])
    last = arena.state().last
    for seconds, over in ((1, False), (599, False), (600, True)):
        with arena.replica.scratch():
            arena.replica.rpc.call("evm_setNextBlockTimestamp", last + seconds)
            arena.replica.mine()
            assert arena.replica.now() == last + seconds
            swap = arena.sell(GOLD, SILV, 50)
            if over:
                assert int.from_bytes(arena.module.preview([swap]), "big") == 1
            else:
                with pytest.raises(RpcError, match="RebalanceModule: cooldown"):
                    arena.module.preview([swap])
    arena.refuses("cooldown", [arena.sell(GOLD, SILV, 50)])


@stopped_by(11, "loss rounds up", "the meters count at least what was taken")
def test_dust__in_many_trades__is_counted_in_full(arena: Arena) -> None:
    played = arena.again(cooldown=0, window=90 * DAY)
    # Shares of a wallet whose worth leaves a remainder everywhere.
    arena.tokens[IRON].set("mint", arena.safe, 7)
    arena.tokens[SILV].set("mint", arena.safe, 3)
    lost = turned = 0
    for _ in range(6):
        before, swap = arena.worth(), played.sell(GOLD, SILV, 51.37)
        receipt = played.settles([swap])
        figures = [int(receipt["logs"][-1]["data"][2:][64 * place : 64 * place + 64], 16) for place in range(1, 7)]
        assert figures[:2] == [before, arena.worth()]
        assert figures[2] == up((before - arena.worth()) * ONE, before)
        assert figures[3] == up(played.sold(GOLD, swap.amount_in) * ONE, before)
        lost, turned = lost + figures[2], turned + figures[3]
    state, slack = played.state(), 10**11
    assert 5 * 10**15 - lost <= state.loss_left <= 5 * 10**15 - lost + slack
    assert 3 * 10**17 - turned <= state.turnover_left <= 3 * 10**17 - turned + 10**13


@stopped_by(12, "gains earn nothing", "max_loss")
def test_donation__before_a_theft__makes_no_room_for_it(arena: Arena) -> None:
    played = arena.again(max_loss=500, max_turnover=PPM, cooldown=0)
    # In the batch itself, and on the side.
    played.router.set("set_beyond", 0, 500 * 10**6)
    played.settles([played.sell(GOLD, SILV, 1_000)])
    played.router.set("set_beyond", 0, 0)
    assert played.state().loss_left == 500 * 10**12
    arena.mint(SILV, arena.safe, 500)
    before, start = arena.worth(), arena.replica.now()
    assert until_refused(played, "max_loss", 10_000) >= 9
    assert before - arena.worth() <= before * 500 * (DAY + arena.replica.now() - start) // (PPM * DAY)


@pytest.mark.parametrize("moment", [None, 0, 1, 2])
@stopped_by(40, "inequalities, and a tolerance for the drift", "the honest batch goes through")
def test_donations__of_one_unit_of_everything__stop_no_honest_batch(arena: Arena, moment: int | None) -> None:
    batch = [arena.sell(GOLD, SILV, 90_000), arena.sell(GOLD, IRON, 90_000)]
    gifts = [(token, token.data("mint", arena.safe, 1)) for token in (*arena.tokens, arena.hub)]
    if moment is None:
        for token, gift in gifts:
            arena.replica.send(arena.attacker, token.address, gift)
        arena.replica.deal("ETH", arena.safe, arena.ether() + 1)
    else:
        arena.router_calls(moment, arena.tokens[IRON].address, gifts[IRON][1])
    arena.settles(batch)
    assert arena.held(GOLD) == 300 * 10**18 - sum(swap.amount_in for swap in batch) + (moment is None)


@stopped_by(40, "inequalities, and a tolerance for the drift", "the honest batch goes through")
def test_donation__of_a_token_that_is_sold_to_the_last_unit__stops_nothing(arena: Arena) -> None:
    played = arena.again(targets=(600_000, 400_000, 0))
    swap = played.sell(IRON, SILV, 200_000)
    assert swap.amount_in == played.held(IRON)
    played.tokens[IRON].set("mint", played.safe, 1)
    played.settles([swap])
    assert played.held(IRON) == 1


@stopped_by(41, "accepted: owners unaffected, and the budget comes back", "max_turnover")
def test_budget__burnt_by_the_operator__freezes_rebalancing_for_a_window_and_the_owners_not_at_all(
    arena: Arena,
) -> None:
    played = arena.again(max_turnover=50_000, cooldown=0)
    until_refused(played, "max_turnover", 10_000, fair=True)
    until_refused(played, "max_turnover", 1_000, fair=True)
    honest = played.sell(GOLD, SILV, 40_000)
    played.refuses("max_turnover", [honest])
    with arena.replica.scratch():
        move = encode_call("transfer(address,uint256)", arena.module.owner, arena.held(GOLD))
        exec_from_safe(arena.replica, arena.safe, arena.module.owner, arena.tokens[GOLD].address, move)
        assert arena.held(GOLD) == 0
    arena.replica.warp(DAY)
    assert played.state().turnover_left == 5 * 10**16
    played.settles([honest])
