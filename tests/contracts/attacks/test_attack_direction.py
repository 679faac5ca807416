"""Trades that lead nowhere: only from above a target to below one, never past either, and targets stand still."""

from __future__ import annotations

from collections.abc import Iterator

from catalogue import stopped_by
from given_attacks import DAY, GOLD, IRON, SILV, Arena

from rebalancer.replica.calls import encode_call
from rebalancer.units import PPM


@stopped_by(9, "direction", "sells_overweight")
def test_churn__back_at_fair_prices__is_refused(arena: Arena) -> None:
    arena.settles([arena.sell(GOLD, SILV, 60_000, 60_000 * 10**6)])
    arena.replica.warp(600)
    arena.refuses("sells_overweight", [arena.sell(SILV, GOLD, 60_000)])
    arena.refuses("sells_overweight", [arena.sell(SILV, IRON, 10_000)])
    arena.refuses("sells_overweight", [arena.sell(GOLD, IRON, 10_000), arena.sell(SILV, GOLD, 10_000)])


@stopped_by(9, "direction", "buys_underweight")
def test_churn__between_two_tokens_above_their_targets__is_refused(arena: Arena) -> None:
    arena.holds(600_000, 500_000, 200_000)
    arena.refuses("buys_underweight", [arena.sell(GOLD, SILV, 10_000)])
    arena.settles([arena.sell(SILV, IRON, 10_000)])


@stopped_by(9, "direction", "exactly on target is on neither side")
def test_churn__of_tokens_exactly_at_their_targets__is_refused(arena: Arena) -> None:
    arena.holds(401_000, 299_000, 300_000)
    arena.refuses("buys_underweight", [arena.sell(GOLD, IRON, 500)])
    arena.refuses("sells_overweight", [arena.sell(IRON, SILV, 500)])
    arena.settles([arena.sell(GOLD, SILV, 500)])


@stopped_by(9, "drift must fall", "drift")
def test_churn__across_the_target_within_the_tolerance__must_bring_the_wallet_closer(arena: Arena) -> None:
    # 2,500 above, 2,500 is the tolerance: 5,000 would end as far away on the other side.
    arena.holds(402_500, 297_500, 300_000)
    arena.refuses("drift", [arena.sell(GOLD, SILV, 5_000)])
    arena.refuses("drift", [arena.sell(GOLD, SILV, 3_400)])
    arena.settles([arena.sell(GOLD, SILV, 3_300)])


@stopped_by(9, "drift must fall", "drift")
def test_churn__within_the_tolerance__dies_out_after_twice_what_the_wallet_was_off(arena: Arena) -> None:
    played = arena.again(cooldown=0)
    arena.holds(402_400, 297_600, 300_000)
    pair, off, traded = (GOLD, SILV), 2_400.0, 0.0
    for _ in range(4):
        played.refuses("drift", [played.sell(*pair, off * 1.45)])
        swap = played.sell(*pair, off * 1.3, played.fair(*pair, played.amount(pair[0], off * 1.3)))
        played.settles([swap])
        traded, off, pair = traded + off * 1.3, off * 0.3, (pair[1], pair[0])
    played.refuses("min_trade", [played.sell(*pair, off * 1.3)])
    assert traded <= 2 * 2_400


@stopped_by(44, "no trade passes its target", "buys_past_target")
def test_overshoot__of_the_bought_token__is_refused_beyond_the_tolerance(arena: Arena) -> None:
    arena.refuses("buys_past_target", [arena.sell(GOLD, SILV, 102_500.01)])
    arena.refuses("buys_past_target", [arena.sell(GOLD, SILV, 60_000), arena.sell(GOLD, SILV, 60_000)])
    arena.settles([arena.sell(GOLD, SILV, 102_500)])


@stopped_by(44, "no trade passes its target", "sells_past_target")
def test_overshoot__of_the_sold_token__is_refused_beyond_the_tolerance(arena: Arena) -> None:
    played = arena.again(targets=(400_000, 500_000, 100_000))
    played.refuses("sells_past_target", [played.sell(GOLD, SILV, 202_500.01)])
    played.refuses("sells_past_target", [played.sell(GOLD, SILV, 110_000), played.sell(GOLD, SILV, 110_000)])
    played.settles([played.sell(GOLD, SILV, 202_500)])


@stopped_by(44, "no trade passes its target", "taken back to the target and no further")
def test_overshoot__and_back__gains_no_more_than_the_tolerance(arena: Arena) -> None:
    played = arena.again(cooldown=0)
    played.settles([played.sell(GOLD, SILV, 102_000)])
    played.refuses("buys_underweight", [played.sell(SILV, GOLD, 10_000)])
    played.refuses("sells_past_target", [played.sell(SILV, IRON, 10_000)])


@stopped_by(44, "no more than there is", "amount_in")
def test_sale__of_more_than_there_is_of_a_token__is_refused(arena: Arena) -> None:
    played = arena.again(targets=(600_000, 400_000, 0))
    played.refuses("amount_in", [played.sell(IRON, SILV, 200_000.01)])
    half = [played.sell(IRON, SILV, 100_000), played.sell(IRON, SILV, 100_000.01)]
    played.refuses("amount_in", half)
    played.settles([played.sell(IRON, SILV, 100_000), played.sell(IRON, SILV, 100_000)])


def _targets(*weights: int) -> str:
    return encode_call("set_targets(uint256[])", list(weights))


def _moved(step: int, times: int) -> Iterator[str]:
    """There and back."""
    for time in range(times):
        yield _targets(400_000, 300_000 - step * (time % 2 == 0), 300_000 + step * (time % 2 == 0))


@stopped_by(45, "step meter, by default zero", "target_step")
def test_targets__moved_by_the_operator__do_not_move_unless_the_owners_allow_it(arena: Arena) -> None:
    operator, module = arena.module.operator, arena.module.address
    for data in (_targets(400_001, 299_999, 300_000), _targets(0, 0, PPM), _targets(300_000, 300_000, 400_000)):
        arena.fails("target_step", operator, module, data)
    arena.replica.send(operator, module, _targets(400_000, 300_000, 300_000))
    assert arena.state().targets == (400_000, 300_000, 300_000)


@stopped_by(45, "step meter", "target_step")
def test_targets__moved_back_and_forth__use_the_step_up_each_time(arena: Arena) -> None:
    played = arena.again(target_step=10_000)
    operator, module = played.module.operator, played.module.address
    for data in _moved(5_000, 2):
        arena.replica.send(operator, module, data)
    played.fails("target_step", operator, module, _targets(400_000, 299_000, 301_000))
    assert played.state().step_left <= 10**14
    # Half a window gives half of it back.
    arena.replica.warp(DAY // 2)
    assert abs(played.state().step_left - 5 * 10**15) <= 10**13
    played.fails("target_step", operator, module, _targets(400_000, 294_000, 306_000))
    arena.replica.send(operator, module, _targets(400_000, 295_001, 304_999))
    played.fails("target_step", operator, module, _targets(400_000, 294_900, 305_100))
    # The owners move them at will, and that uses nothing up.
    played.module.by_safe("set_targets(uint256[])", [0, 0, PPM])
    assert played.state().targets == (0, 0, PPM)


@stopped_by(45, "the owners' range", "targets_range")
def test_targets__beyond_the_owners_range__are_refused_whoever_asks(arena: Arena) -> None:
    played = arena.again(target_step=PPM, assets=arena.ranged(SILV, 250_000, 350_000))
    for sender in (played.module.operator, played.safe):
        played.fails("targets_range", sender, played.module.address, _targets(400_000, 249_999, 350_001))
        played.fails("targets_range", sender, played.module.address, _targets(400_000, 350_001, 249_999))
        played.fails("targets_sum", sender, played.module.address, _targets(400_000, 300_000, 299_999))
        played.fails("targets_sum", sender, played.module.address, _targets(400_000, 300_000, 300_001))
        played.fails("targets_count", sender, played.module.address, _targets(700_000, 300_000))
        played.fails("targets_count", sender, played.module.address, _targets(400_000, 300_000, 300_000, 0))
    arena.replica.send(played.module.operator, played.module.address, _targets(400_000, 250_000, 350_000))
