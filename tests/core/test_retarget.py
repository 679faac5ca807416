"""How far a module's targets go towards what is wanted, and the call that takes them there."""

from __future__ import annotations

from dataclasses import replace

import pytest
from eth_abi.abi import decode
from hypothesis import given
from hypothesis import strategies as st
from small_market import ASSETS, LINK, OPERATOR, TARGETS, USDC, WBTC, WETH, share
from small_module import MODULE, POLICY_ON_CHAIN, WIDER, module_snapshot, wallet_with

from rebalancer.core.drift import portfolio_of
from rebalancer.core.model import Batch, Call, Hold, ModuleWallet, Order, Target
from rebalancer.core.retarget import (
    LEAST_CHANGE,
    SET_TARGETS,
    Move,
    apportioned,
    choose_move,
    guard_retargeting,
    in_ppm,
    partly,
    retargeting_batch,
    step_of,
    targets_on_chain,
)
from rebalancer.market.addresses import keccak256
from rebalancer.units import ONE, PPM, Address, Amount, Ppm, Weight

HELD = (30_000, 40_000, 20_000, 10_000)


def wallet(left: int = 100_000, step: int = 100_000, **changes: object) -> ModuleWallet:
    """Its targets are 30, 40, 20 and 10 %; `left` of its step meter, both in millionths."""
    return wallet_with(target_step=Ppm(step), step_left=Weight(left * WIDER), **changes)


def wanted(*percents: str | int) -> tuple[Target, ...]:
    return tuple(Target(token, share(part)) for token, part in zip(ASSETS, percents, strict=True))


def bounded(least: int, most: int) -> ModuleWallet:
    """The owners allow LINK between so many millionths."""
    *others, last = POLICY_ON_CHAIN.assets
    held = wallet()
    assets = (*others, replace(last, least=Ppm(least), most=Ppm(most)))
    return replace(held, policy=replace(held.policy, assets=assets))


def moved(to: ModuleWallet, *percents: str | int) -> tuple[int, ...]:
    move = choose_move(to, wanted(*percents))
    assert isinstance(move, Move), move
    return in_ppm(move.targets)


def stands(to: ModuleWallet, *percents: str | int) -> str:
    hold = choose_move(to, wanted(*percents))
    assert isinstance(hold, Hold), hold
    return hold.reason


# ---------------------------------------------------------------- how far


def test_targets_on_chain__are_what_a_rebalance_goes_to() -> None:
    held = wallet_with(targets=(Ppm(250_000), Ppm(450_000), Ppm(200_000), Ppm(100_000)))
    found = targets_on_chain(held, tuple(reversed(ASSETS)))
    assert [(target.token, target.weight) for target in found] == [
        *((WETH, share(25)), (USDC, share(45)), (WBTC, share(20)), (LINK, share(10)))
    ]
    portfolio = portfolio_of(ASSETS, found, module_snapshot(*HELD, wallet=held))
    assert [position.drift for position in portfolio.positions[:2]] == [share(5), share(-5)]


def test_choose_move__what_is_wanted_is_there__says_nothing() -> None:
    assert choose_move(wallet(0, 0), TARGETS) is None


def test_choose_move__the_meter_leaves_all_of_it__goes_all_the_way_and_says_from_where() -> None:
    move = choose_move(wallet(), wanted(35, 35, 20, 10))
    assert isinstance(move, Move) and in_ppm(move.targets) == (350_000, 350_000, 200_000, 100_000)
    assert [target.token for target in move.targets] == list(ASSETS)
    assert move.why == "other targets are wanted: WETH 30 % to 35 %, USDC 40 % to 35 %"


def test_choose_move__whatever_order_they_are_wanted_in__keeps_the_modules() -> None:
    move = choose_move(wallet(), tuple(reversed(wanted(35, 35, 20, 10))))
    assert isinstance(move, Move) and in_ppm(move.targets) == (350_000, 350_000, 200_000, 100_000)


def test_choose_move__the_meter_leaves_a_part__goes_as_far_and_says_what_waits() -> None:
    move = choose_move(wallet(left=20_000), wanted(35, 30, 20, 15))
    assert isinstance(move, Move) and in_ppm(move.targets) == (310_000, 380_000, 200_000, 110_000)
    assert move.why == (
        "other targets are wanted: WETH 30 % to 31 %, USDC 40 % to 38 %, LINK 10 % to 11 %; "
        "8 % more waits for target_step"
    )


def test_choose_move__a_part_that_does_not_divide__sums_to_all_of_the_wallet() -> None:
    assert moved(wallet(left=10_001), 33, 30, 23, 14) == (303_000, 389_999, 203_000, 104_001)


def test_choose_move__a_fraction_of_what_the_meter_counts__is_left_alone() -> None:
    held = wallet_with(target_step=Ppm(100_000), step_left=Weight(20_001 * WIDER - 1))
    move = choose_move(held, wanted(35, 35, 20, 10))
    assert isinstance(move, Move) and step_of(held.state.targets, in_ppm(move.targets)) == 20_000


@pytest.mark.parametrize(("off", "moves"), [("0.9999", False), ("1", True)])
def test_choose_move__around_the_least_change__moves_from_there_on(off: str, moves: bool) -> None:
    found = choose_move(wallet(), wanted(f"{30 + float(off):.4f}", f"{40 - float(off):.4f}", 20, 10))
    assert isinstance(found, Move) is moves
    if not moves:
        assert isinstance(found, Hold)
        assert found.reason == "targets stand: what is wanted is 0.9999 % away, and they move from 1 % on"


def test_choose_move__the_meter_leaves_less_than_the_least_change__waits_and_says_how_long() -> None:
    said = stands(wallet(left=9_999), 40, 30, 20, 10)
    assert said == (
        "targets stand: what is wanted is 10 % away, and target_step leaves 0.9999 % of 10 % in 1 d; 1 % in 1 s"
    )
    assert stands(wallet(left=0), 40, 30, 20, 10).endswith("; 1 % in 2 h 24 min")


def test_choose_move__a_meter_smaller_than_the_least_change__goes_where_it_is_full() -> None:
    assert moved(wallet(left=4_000, step=4_000), 40, 30, 20, 10) == (304_000, 396_000, 200_000, 100_000)
    assert "leaves 0.3999 % of 0.4 % in 1 d" in stands(wallet(left=3_999, step=4_000), 40, 30, 20, 10)


def test_choose_move__no_step_for_the_operator__says_whose_it_is() -> None:
    said = stands(wallet(0, 0), 40, 30, 20, 10)
    assert said == (
        "targets stand: what is wanted is 10 % away, and the module lets its operator move none (target_step is 0 %): "
        "the owners set them (`ape run module set_targets`)"
    )


@pytest.mark.parametrize(("least", "most"), [(50_000, 149_999), (150_001, 200_000)])
def test_choose_move__outside_what_the_owners_allow__stands_and_names_the_token(least: int, most: int) -> None:
    said = stands(bounded(least, most), 30, 35, 20, 15)
    assert said.startswith("targets stand: LINK is wanted at 15 %, and the owners allow ")
    assert "(`ape run module set_targets`)" in said


def test_choose_move__at_the_edge_of_what_the_owners_allow__moves() -> None:
    assert moved(bounded(150_000, 200_000), 30, 35, 20, 15) == (300_000, 350_000, 200_000, 150_000)


def test_choose_move__weights_finer_than_a_millionth__go_to_the_largest_remainders() -> None:
    third = ONE // 3
    odd = (Target(WETH, Weight(third)), Target(USDC, Weight(third)), Target(WBTC, Weight(ONE - 2 * third)))
    move = choose_move(wallet(400_000, 400_000), (*odd, Target(LINK, Weight(0))))
    assert isinstance(move, Move) and in_ppm(move.targets) == (333_333, 333_333, 333_334, 0)


shares = st.lists(st.integers(0, PPM), min_size=2, max_size=12).filter(any).map(lambda parts: apportioned(parts, PPM))


@given(st.lists(st.integers(0, 2**70), min_size=1, max_size=12).filter(any), st.data())
def test_apportioned__whatever_the_parts__is_all_of_it_and_no_part_off_by_one(
    parts: list[int], data: st.DataObject
) -> None:
    total = data.draw(st.integers(0, sum(parts)))
    found = apportioned(parts, total)
    assert sum(found) == total
    for part, got in zip(parts, found, strict=True):
        assert part * total // sum(parts) <= got <= min(-(-part * total // sum(parts)), part)


@given(
    st.integers(2, 12).flatmap(
        lambda count: st.tuples(*[st.lists(st.integers(0, PPM), min_size=count, max_size=count).filter(any)] * 2)
    ),
    st.data(),
)
def test_partly__whatever_is_wanted__takes_exactly_the_room_and_nothing_passes_its_goal(
    drawn: tuple[list[int], list[int]], data: st.DataObject
) -> None:
    old, goal = (apportioned(parts, PPM) for parts in drawn)
    whole = step_of(old, goal)
    if whole == 0:
        return
    room = data.draw(st.integers(0, whole))
    new = partly(old, goal, room)
    assert sum(new) == PPM and step_of(old, new) == room and step_of(new, goal) == whole - room
    assert all(min(was, end) <= now <= max(was, end) for was, now, end in zip(old, new, goal, strict=True))


# ---------------------------------------------------------------- the call


def a_batch(held: ModuleWallet, *percents: str | int) -> Batch:
    return retargeting_batch(held, wanted(*percents), OPERATOR, 1_700_000_600)


def broken(held: ModuleWallet, batch: Batch) -> list[str]:
    return [breach.rule for breach in guard_retargeting(module_snapshot(*HELD, wallet=held), batch)]


def test_retargeting_batch__as_anybody_decodes_it__is_the_modules_set_targets() -> None:
    batch = a_batch(wallet(), 35, 35, 20, 10)
    assert keccak256(b"set_targets(uint256[])")[:4] == SET_TARGETS == batch.call.data[:4]
    assert decode(["uint256[]"], batch.call.data[4:]) == ((350_000, 350_000, 200_000, 100_000),)
    assert (batch.call.to, batch.operator, batch.quotes, batch.withdrawn) == (MODULE, OPERATOR, (), ())


def test_guard__of_what_was_chosen__has_nothing_to_say() -> None:
    held = wallet(left=20_000)
    move = choose_move(held, wanted(35, 30, 20, 15))
    assert isinstance(move, Move)
    assert broken(held, retargeting_batch(held, move.targets, OPERATOR, 1)) == []


@pytest.mark.parametrize(
    ("held", "percents", "rule"),
    [
        (wallet(left=49_999), (35, 35, 20, 10), "target_step"),
        (bounded(0, 149_999), (30, 35, 20, 15), "targets_range"),
        (wallet(), (35, 35, 20, 9), "targets_sum"),
        (wallet(), ("35.00001", "34.99999", 20, 10), "targets_sum"),
    ],
)
def test_guard__of_what_the_module_refuses__has_the_modules_own_name(
    held: ModuleWallet, percents: tuple[str | int, ...], rule: str
) -> None:
    assert broken(held, a_batch(held, *percents)) == [f"RebalanceModule: {rule}"]


def test_guard__of_targets_that_are_not_one_for_each_asset__counts_them_first() -> None:
    held = wallet()
    short = replace(a_batch(held, 35, 35, 20, 10), targets=wanted(35, 35, 20, 10)[:3])
    assert broken(held, short)[0] == "RebalanceModule: targets_count"
    turned = retargeting_batch(held, tuple(reversed(wanted(35, 35, 20, 10))), OPERATOR, 1)
    assert broken(held, turned) == ["RebalanceModule: targets_count"]


@pytest.mark.parametrize("what", ["another contract", "another call", "a word more", "other targets", "an order"])
def test_guard__of_a_batch_that_does_anything_else__refuses_it(what: str) -> None:
    held = wallet()
    batch = a_batch(held, 35, 35, 20, 10)
    to, data = batch.call.to, batch.call.data
    gone = Order("0x" + "11" * 56, Amount(USDC, 1), Amount(WETH, 1), 1, MODULE, MODULE)
    strange = {
        "another contract": replace(batch, call=Call(Address("0x" + "99" * 20), data)),
        "another call": replace(batch, call=Call(to, b"\x00" * 4 + data[4:])),
        "a word more": replace(batch, call=Call(to, data + b"\x00" * 32)),
        "other targets": replace(batch, call=a_batch(held, 34, 36, 20, 10).call),
        "an order": replace(batch, withdrawn=(gone,)),
    }
    assert broken(held, strange[what]) == ["sets_targets_alone"]


def test_guard__of_a_wallet_without_a_module__refuses_it() -> None:
    safe = replace(module_snapshot(*HELD), wallet=wallet().safe)
    assert [breach.rule for breach in guard_retargeting(safe, a_batch(wallet(), 35, 35, 20, 10))] == [
        "sets_targets_alone"
    ]


def test_least_change__is_a_point() -> None:
    assert share(1) == LEAST_CHANGE * WIDER
