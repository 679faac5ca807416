"""Tokens and routers that do not do what is asked of them: nothing is left behind, and what arrives is counted."""

from __future__ import annotations

from dataclasses import replace

import pytest
from catalogue import stopped_by
from given_attacks import GOLD, IRON, SILV, Arena, every_safe
from given_hostile import ZERO, Approve, Balance, Manner, Moment, a_contract, method, set_code
from given_market import USDC, WETH, Market
from given_module import v3_path
from given_reasons import NO_REASON

EVERYTHING = 2**256 - 1
EXACT = "exact approvals, whatever was there before"
TAKEN_BACK = "approvals are taken back"
NO_SOFT_FAILURE = "no try/catch, success checked"
APPROVE = "approve(address,uint256)"


@pytest.mark.parametrize("manner", [Balance.REVERTS, Balance.EATS_GAS, Balance.SILENT])
@stopped_by(17, "unlisted tokens are never read", "the honest batch goes through")
def test_unlisted_token__that_the_safe_was_sent__is_not_called_at_all(arena: Arena, manner: Balance) -> None:
    swap = arena.sell(GOLD, SILV, 10_000)
    with arena.replica.scratch():
        usual = int(arena.settles([swap])["gasUsed"], 16)
    junk = a_contract(arena.replica, "HostileToken", "JUNK", 18)
    for token in (junk, arena.hub):
        token.set("mint", arena.safe, 10**24)
        token.set("set_balance_manner", manner)
    assert abs(int(arena.settles([swap])["gasUsed"], 16) - usual) < 100


@pytest.mark.parametrize("manner", [Balance.REVERTS, Balance.EATS_GAS, Balance.SILENT])
@stopped_by(17, "no try/catch", "the whole batch reverts")
def test_listed_token__that_does_not_tell_its_balance__stops_every_batch(arena: Arena, manner: Balance) -> None:
    arena.tokens[IRON].set("set_balance_manner", manner)
    swap = arena.sell(GOLD, SILV, 10_000)
    arena.refuses("HostileToken: balanceOf" if manner == Balance.REVERTS else NO_REASON, [swap])


@every_safe
@stopped_by(20, EXACT, "execution")
def test_router__with_an_old_allowance__cannot_take_more_than_the_amount(arena: Arena) -> None:
    arena.tokens[GOLD].set("set_allowance", arena.safe, arena.router.address, EVERYTHING)
    arena.router.set("set_beyond", 1, 0)
    arena.refuses("execution", [arena.sell(GOLD, SILV, 10_000)])
    arena.refuses("execution", *arena.outside(GOLD, SILV, 10_000))
    # An honest swap makes an end of the old allowance.
    arena.router.set("set_beyond", 0, 0)
    arena.settles([arena.sell(GOLD, SILV, 10_000)])
    assert arena.tokens[GOLD].read("allowance", arena.safe, arena.router.address) == 0


@stopped_by(20, TAKEN_BACK, "allowance_left")
def test_token__that_approves_without_end__is_not_sold_at_all(arena: Arena) -> None:
    arena.tokens[GOLD].set("set_approve_manner", Approve.ENDLESS)
    arena.router.set("set_beyond", 1, 0)
    arena.refuses("allowance_left", [arena.sell(GOLD, SILV, 10_000)])


@every_safe
@stopped_by(21, TAKEN_BACK, "no allowance left")
def test_partial_fill__leaves_nothing_to_pull_later(arena: Arena) -> None:
    swap = arena.sell(GOLD, SILV, 10_000)
    arena.router.set("set_beyond", -swap.amount_in // 2, 0)
    arena.settles([swap])
    arena.router.set("set_beyond", 0, 0)
    assert arena.tokens[GOLD].read("allowance", arena.safe, arena.router.address) == 0
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
    arena.refuses(rule, [arena.sell(GOLD, SILV, 10_000)])


@every_safe
@stopped_by(29, NO_SOFT_FAILURE, "all or nothing")
def test_gas__short_by_any_amount__makes_all_of_the_batch_or_nothing(arena: Arena) -> None:
    batch = [arena.sell(GOLD, SILV, 10_000), arena.sell(GOLD, IRON, 10_000)]
    # Partly filled, so that there is an approval to forget.
    arena.router.set("set_beyond", -1, 0)
    data = "0x" + arena.module.data(batch).hex()
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
    arena.refuses("execution", [arena.sell(GOLD, SILV, 10_000)])


@every_safe
@stopped_by(30, "balance delta", "balances")
def test_router__whose_code_is_gone__takes_the_batch_down(arena: Arena) -> None:
    set_code(arena.replica, arena.router.address)
    arena.refuses("balances", [arena.sell(GOLD, SILV, 10_000)])
    arena.refuses("balances", *arena.outside(GOLD, SILV, 10_000))


@stopped_by(30, "no try/catch", "the whole batch reverts")
def test_token__whose_code_is_gone__takes_the_batch_down(arena: Arena) -> None:
    for place in (GOLD, SILV, IRON):
        with arena.replica.scratch():
            set_code(arena.replica, arena.tokens[place].address)
            arena.refuses(NO_REASON, [arena.sell(GOLD, SILV, 10_000)])


@stopped_by(30, "a checker answers, or there is no call", "the whole batch reverts")
def test_checker__whose_code_is_gone__takes_the_batch_down(arena: Arena) -> None:
    set_code(arena.replica, arena.module.policy.routes[1].checker)
    arena.refuses(NO_REASON, *arena.outside(GOLD, SILV, 10_000))


@every_safe
@pytest.mark.parametrize("answer", [b"", bytes(32), b"\xff" * 32, b"\x01", bytes(4_000)], ids=len)
@stopped_by(31, "what an approve answers is not asked", "no allowance left")
def test_token__that_answers_an_approve_with_anything__is_told_by_what_it_does(arena: Arena, answer: bytes) -> None:
    arena.tokens[GOLD].set("set_returned", method(APPROVE), answer)
    # As USDT, which answers with nothing.
    arena.tokens[GOLD].set("set_approve_manner", Approve.REFUSES_CHANGE)
    swap = arena.sell(GOLD, SILV, 10_000)
    arena.router.set("set_beyond", -swap.amount_in // 2, 0)
    arena.settles([swap])
    assert arena.tokens[GOLD].read("allowance", arena.safe, arena.router.address) == 0


@every_safe
@stopped_by(31, "an approval that was not made moves nothing", "execution")
def test_token__that_says_yes_and_approves_nothing__cannot_be_sold(arena: Arena) -> None:
    arena.tokens[GOLD].set("set_approve_manner", Approve.DEAF)
    arena.refuses("execution", [arena.sell(GOLD, SILV, 10_000)])


@stopped_by(20, "balance delta", "balances")
def test_token__that_keeps_an_old_allowance_whatever_is_approved__does_not_let_the_router_take_more(
    arena: Arena,
) -> None:
    swap = arena.sell(GOLD, SILV, 10_000)
    arena.tokens[GOLD].set("set_approve_manner", Approve.DEAF)
    arena.tokens[GOLD].set("set_allowance", arena.safe, arena.router.address, swap.amount_in + 1)
    arena.refuses("allowance_left", [swap])
    # All of it is taken, so that none is left to be seen.
    arena.router.set("set_beyond", 1, 0)
    arena.refuses("balances", [swap])


@stopped_by(31, NO_SOFT_FAILURE, "approve")
def test_token__that_reverts_on_approve_without_a_word__takes_the_batch_down(arena: Arena) -> None:
    # What asks for its balance is answered; an approve reverts with nothing.
    token, balance, swap = arena.tokens[GOLD].address, arena.held(GOLD), arena.sell(GOLD, SILV, 10_000)
    # PUSH1 0 CALLDATALOAD PUSH1 224 SHR PUSH4 balanceOf EQ PUSH1 18 JUMPI PUSH0 PUSH0 REVERT JUMPDEST ... RETURN
    code = "60003560e01c6370a0823114601357" + "5f5ffd" + "00" + "5b" + f"7f{balance:064x}" + "5f5260205ff3"
    set_code(arena.replica, token, "0x" + code)
    assert arena.held(GOLD) == balance
    arena.refuses("approve", [swap])


@stopped_by(31, "balance delta", "balances")
def test_token__that_takes_a_fee__brings_less_than_the_minimum(arena: Arena) -> None:
    arena.tokens[SILV].set("set_fee", 1)
    arena.refuses("balances", [arena.sell(GOLD, SILV, 10_000)])
    arena.tokens[SILV].set("set_fee", 0)
    arena.router.set("set_beyond", 0, -1)
    arena.refuses("balances", [arena.sell(GOLD, SILV, 10_000)])
    arena.refuses("balances", [arena.sell(GOLD, SILV, 10_000), arena.sell(GOLD, SILV, 10_000)])


@stopped_by(31, "balance delta", "balances")
def test_second_swap__that_brings_nothing__is_not_covered_by_the_first(arena: Arena) -> None:
    # The first pays a tenth more than its minimum; of the second, all is missing.
    batch = [arena.sell(GOLD, SILV, 10_000), arena.sell(GOLD, IRON, 10_000)]
    arena.router.set("set_beyond", 0, 1_000)
    arena.settles([batch[0]])
    arena.replica.warp(600)
    arena.router.set("set_beyond", 0, -batch[1].min_out)
    arena.refuses("balances", [replace(batch[0], min_out=batch[0].min_out + batch[1].min_out), batch[1]])


@stopped_by(31, "balance delta", "balances")
def test_token__that_lies_about_balances_when_paid__brings_the_batch_down(arena: Arena) -> None:
    lie = arena.tokens[IRON].data("set_lie", arena.safe, -1)
    arena.router_calls(1, arena.tokens[IRON].address, lie)
    arena.refuses("balances", [arena.sell(GOLD, SILV, 10_000)])


@stopped_by(31, "drift must fall", "drift")
def test_router__that_pays_far_too_much__does_not_carry_the_wallet_past_its_targets(arena: Arena) -> None:
    arena.router.set("set_beyond", 0, 500_000 * 10**6)
    arena.refuses("drift", [arena.sell(GOLD, SILV, 10_000)])


@stopped_by(28, "numbers have room", "balance")
def test_balance__beyond_128_bits__stops_every_batch(arena: Arena) -> None:
    swap, gold = arena.sell(GOLD, SILV, 10_000), arena.tokens[GOLD]
    for answer, minted in ((1, 2**128), (2_000 * 10**8, 2**127)):
        # Too much of it, though worth little; and not too much of it, though worth too much.
        with arena.replica.scratch():
            arena.feeds[GOLD].set("set_answer", answer)
            gold.set("mint", arena.safe, minted)
            arena.refuses("balance", [swap])
    for token in (arena.tokens[IRON], arena.tokens[SILV]):
        with arena.replica.scratch():
            arena.router_calls(Moment.ROUTER_AFTER_PAYING, token.address, token.data("mint", arena.safe, 2**128))
            arena.refuses("balance", [swap])


@stopped_by(31, "approvals are exact", "no allowance left")
def test_real_usdt_like_token__sold_on_the_real_router__leaves_no_allowance(market: Market) -> None:
    market.settles(market.swap(WETH, USDC, 5_000, path=v3_path((500, 0))))
    router = market.module.policy.routes[0].router
    weth = market.replica.token("WETH").address
    assert market.replica.read(weth, "allowance(address,address)", market.module.safe, router) == (0,)
