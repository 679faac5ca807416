"""Tokens and routers that misuse an approval, on routes with a checker: what is approved is exact, whatever was there
before, and nothing is left of it. A built swap has no approval to misuse: see test_attack_payment.py.
"""

from __future__ import annotations

import pytest
from catalogue import stopped_by
from given_attacks import CHECKED, GOLD, IRON, SILV, Arena, every_safe
from given_calldata import offered, single, together
from given_hostile import ZERO, Approve, Manner, Moment, method, set_code
from given_market import SINGLE, USDC, WETH, Market
from given_module import v3_path

EVERYTHING = 2**256 - 1
EXACT = "exact approvals, whatever was there before"
TAKEN_BACK = "approvals are taken back"
NO_SOFT_FAILURE = "no try/catch, success checked"
APPROVE = "approve(address,uint256)"


def allowed(arena: Arena, token: int = GOLD) -> int:
    """What the router may take from the Safe."""
    return int(arena.tokens[token].read("allowance", arena.safe, arena.router.address))


@every_safe
@stopped_by(20, EXACT, "execution")
def test_router__with_an_old_allowance__cannot_take_more_than_the_amount(arena: Arena) -> None:
    arena.tokens[GOLD].set("set_allowance", arena.safe, arena.router.address, EVERYTHING)
    arena.router.set("set_beyond", 1, 0)
    arena.refuses("execution", *arena.outside(GOLD, SILV, 10_000))
    # An honest swap makes an end of the old allowance.
    arena.router.set("set_beyond", 0, 0)
    arena.settles(*arena.outside(GOLD, SILV, 10_000))
    assert allowed(arena) == 0


@stopped_by(20, EXACT, "the rest of the exact amount")
def test_allowance__seen_from_the_middle__is_what_this_swap_may_still_take(arena: Arena) -> None:
    gold, router = arena.tokens[GOLD], arena.router
    gold.set("set_allowance", arena.safe, router.address, EVERYTHING)
    (swap,), data = arena.outside(GOLD, SILV, 10_000)
    router.set("set_beyond", -5, 0)
    asked = gold.data("allowance", arena.safe, router.address)
    for moment, left in ((Moment.ROUTER_BEFORE_TAKING, swap.amount_in), (Moment.ROUTER_BEFORE_PAYING, 5)):
        with arena.replica.scratch():
            arena.router_calls(moment, gold.address, asked)
            arena.settles([swap], data)
            assert (router.read("fired"), int.from_bytes(router.read("answer"), "big")) == (1, left)
            assert allowed(arena) == 0


@stopped_by(20, TAKEN_BACK, "allowance_left")
def test_token__that_approves_without_end__is_not_sold_at_all(arena: Arena) -> None:
    arena.tokens[GOLD].set("set_approve_manner", Approve.ENDLESS)
    arena.router.set("set_beyond", 1, 0)
    arena.refuses("allowance_left", *arena.outside(GOLD, SILV, 10_000))


@every_safe
@stopped_by(21, TAKEN_BACK, "no allowance left")
def test_partial_fill__leaves_nothing_to_pull_later(arena: Arena) -> None:
    (swap,), data = arena.outside(GOLD, SILV, 10_000)
    arena.router.set("set_beyond", -swap.amount_in // 2, 0)
    before = arena.held(GOLD)
    arena.settles([swap], data)
    # Half of it was not taken, and is the Safe's.
    assert before - arena.held(GOLD) == swap.amount_in + -swap.amount_in // 2
    arena.router.set("set_beyond", 0, 0)
    assert allowed(arena) == 0
    # The router tries anyway, at the attacker's call.
    arena.router.set("set_theft", arena.tokens[GOLD].address, arena.safe, 1, arena.attacker)
    arena.router.set("set_order", ZERO, 0, ZERO, 0, ZERO)
    arena.fails("HostileToken: allowance too low", arena.attacker, arena.router.address, "0x12345678")


@pytest.mark.parametrize(
    ("manner", "rule"),
    [
        pytest.param(Approve.STICKY, "allowance_left", marks=stopped_by(21, TAKEN_BACK, "allowance_left")),
        pytest.param(Approve.ENDLESS, "allowance_left", marks=stopped_by(21, TAKEN_BACK, "allowance_left")),
        pytest.param(Approve.REFUSES_ZERO, "approve", marks=stopped_by(21, TAKEN_BACK, "approve")),
    ],
)
def test_token__that_does_not_take_an_approval_back__takes_the_batch_down(
    arena: Arena, manner: Approve, rule: str
) -> None:
    arena.tokens[GOLD].set("set_approve_manner", manner)
    arena.router.set("set_beyond", -1, 0)
    arena.refuses(rule, *arena.outside(GOLD, SILV, 10_000))


@every_safe
@stopped_by(29, NO_SOFT_FAILURE, "all or nothing")
def test_gas__short_by_any_amount__makes_all_of_the_batch_or_nothing(arena: Arena) -> None:
    batch, calls = together(arena.outside(GOLD, SILV, 10_000), arena.outside(GOLD, IRON, 10_000))
    # Partly filled, so that there is an approval to forget.
    arena.router.set("set_beyond", -1, 0)
    data = "0x" + arena.module.data(batch, calls).hex()
    before, outcomes = arena.books(), []
    with arena.replica.scratch():
        whole = arena.replica.send(arena.module.operator, arena.module.address, data)
        needed, after = int(whole["gasUsed"], 16), arena.books()
    for percent in range(35, 140, 8):
        with arena.replica.scratch():
            gas = needed * percent // 100
            receipt = arena.replica.send(arena.module.operator, arena.module.address, data, gas=gas)
            outcomes.append(receipt["status"])
            # All but the slot that has the time in it.
            held = arena.books()[:-10]
            assert held == (after if receipt["status"] == "0x1" else before)[:-10]
    assert outcomes[0] == "0x0" and outcomes[-1] == "0x1" and len(set(outcomes)) == 2


@every_safe
@pytest.mark.parametrize("manner", [Manner.REVERTS, Manner.EATS_GAS])
@stopped_by(29, NO_SOFT_FAILURE, "execution")
def test_router__that_fails_after_the_trade__takes_the_batch_down(arena: Arena, manner: Manner) -> None:
    arena.router.set("set_manner", manner)
    arena.refuses("execution", *arena.outside(GOLD, SILV, 10_000))


@every_safe
@pytest.mark.parametrize("answer", [b"", bytes(32), b"\xff" * 32, b"\x01", bytes(4_000)], ids=len)
@stopped_by(31, "what an approve answers is not asked", "no allowance left")
def test_token__that_answers_an_approve_with_anything__is_told_by_what_it_does(arena: Arena, answer: bytes) -> None:
    arena.tokens[GOLD].set("set_returned", method(APPROVE), answer)
    # As USDT, which answers with nothing.
    arena.tokens[GOLD].set("set_approve_manner", Approve.REFUSES_CHANGE)
    (swap,), data = arena.outside(GOLD, SILV, 10_000)
    arena.router.set("set_beyond", -swap.amount_in // 2, 0)
    arena.settles([swap], data)
    assert allowed(arena) == 0


@every_safe
@stopped_by(31, "an approval that was not made moves nothing", "execution")
def test_token__that_says_yes_and_approves_nothing__cannot_be_sold(arena: Arena) -> None:
    arena.tokens[GOLD].set("set_approve_manner", Approve.DEAF)
    arena.refuses("execution", *arena.outside(GOLD, SILV, 10_000))


@stopped_by(20, "balance delta", "balances")
def test_token__that_keeps_an_old_allowance_whatever_is_approved__does_not_let_the_router_take_more(
    arena: Arena,
) -> None:
    (swap,), data = arena.outside(GOLD, SILV, 10_000)
    arena.tokens[GOLD].set("set_approve_manner", Approve.DEAF)
    arena.tokens[GOLD].set("set_allowance", arena.safe, arena.router.address, swap.amount_in + 1)
    arena.refuses("allowance_left", [swap], data)
    # All of it is taken, so that none is left to be seen.
    arena.router.set("set_beyond", 1, 0)
    arena.refuses("balances", [swap], data)


@stopped_by(31, NO_SOFT_FAILURE, "approve")
def test_token__that_reverts_on_approve_without_a_word__takes_the_batch_down(arena: Arena) -> None:
    # What asks for its balance is answered; an approve reverts with nothing.
    token, balance, swaps = arena.tokens[GOLD].address, arena.held(GOLD), arena.outside(GOLD, SILV, 10_000)
    # PUSH1 0 CALLDATALOAD PUSH1 224 SHR PUSH4 balanceOf EQ PUSH1 18 JUMPI PUSH0 PUSH0 REVERT JUMPDEST ... RETURN
    code = "60003560e01c6370a0823114601357" + "5f5ffd" + "00" + "5b" + f"7f{balance:064x}" + "5f5260205ff3"
    set_code(arena.replica, token, "0x" + code)
    assert arena.held(GOLD) == balance
    arena.refuses("approve", *swaps)


@stopped_by(31, "approvals are exact", "no allowance left")
def test_real_token__sold_on_the_real_router_by_outside_calldata__leaves_no_allowance(market: Market) -> None:
    swap = market.swap(WETH, USDC, 5_000, SINGLE)
    data = single(market, swap)
    market.settles(offered(swap, data), data)
    router, weth = market.module.policy.routes[CHECKED].router, market.replica.token("WETH").address
    assert market.replica.read(weth, "allowance(address,address)", market.module.safe, router) == (0,)


@stopped_by(21, "each swap is paid or approved for itself", "no allowance left")
def test_real_router__paid_for_one_swap_and_approved_for_another__takes_each_its_own(market: Market) -> None:
    router, weth = market.module.policy.routes[CHECKED].router, market.replica.token("WETH").address
    built = market.swap(WETH, USDC, 2_000, path=v3_path((3_000, 0)))
    outside = market.swap(WETH, USDC, 3_000, SINGLE)
    data = single(market, outside)
    parts = [([built], b""), ([offered(outside, data)], data)]
    # What lies there, be it of a swap before, is swapped by the built one, and is no payment for the other.
    market.replica.deal("WETH", router, 10**15)
    for order in (parts, parts[::-1]):
        with market.replica.scratch():
            had = market.held(WETH)
            assert market.module.rebalance(*together(*order))["status"] == "0x1"
            assert had - market.held(WETH) == built.amount_in + outside.amount_in
            assert market.replica.read(weth, "allowance(address,address)", market.module.safe, router) == (0,)
            assert market.replica.balance("WETH", router) == 0
