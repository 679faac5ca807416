"""Built swaps are paid in advance: the Safe sends the amount and nothing else, and approves nothing. Whatever the token
does with that transfer, or the router with what it was sent, the wallet has its minimum or nothing has happened.
"""

from __future__ import annotations

from typing import Any

import pytest
from catalogue import stopped_by
from given_attacks import GOLD, IRON, SILV, Arena, every_safe
from given_calldata import together
from given_hostile import Contract, Moment, Transfer, method, set_code

from rebalancer.market.addresses import keccak256
from rebalancer.replica.calls import encode_call

EVERYTHING = 2**256 - 1
IN_ADVANCE = "paid in advance"
NO_SOFT_FAILURE = "no try/catch, success checked"
DELTA = "balance delta"
TRANSFER = "transfer(address,uint256)"
APPROVAL = "0x" + keccak256(b"Approval(address,address,uint256)").hex()
SENT = "0x" + keccak256(b"Transfer(address,address,uint256)").hex()
MIDDLE: list[tuple[str, int]] = [
    ("sold", Moment.TOKEN_TRANSFER_BEGINS),
    ("sold", Moment.TOKEN_TRANSFER_ENDS),
    ("router", Moment.ROUTER_BEFORE_TAKING),
    ("router", Moment.ROUTER_BEFORE_PAYING),
    ("bought", Moment.TOKEN_TRANSFER_BEGINS),
    ("router", Moment.ROUTER_AFTER_PAYING),
]
"""Every moment of a built swap in which anybody is called, in their order."""


def mock(arena: Arena, name: str) -> Contract:
    """Who is called then."""
    return {"sold": arena.tokens[GOLD], "bought": arena.tokens[SILV], "router": arena.router}[name]


def by_the_safe(arena: Arena, receipt: dict[str, Any], event: str) -> list[tuple[str, int]]:
    """Of each such event of the Safe's: the other side, and the amount."""
    safe = int(arena.safe, 16)
    logs = [log for log in receipt["logs"] if log["topics"][0] == event and int(log["topics"][1], 16) == safe]
    return [("0x" + log["topics"][2][-40:], int(log["data"], 16)) for log in logs]


@every_safe
@stopped_by(2, IN_ADVANCE, "the Safe approves nothing")
def test_built_swaps__of_any_kind__are_paid_by_a_transfer_and_nothing_is_approved(arena: Arena) -> None:
    batch = [arena.sell(GOLD, SILV, 10_000), arena.sell(GOLD, IRON, 20_000)]
    receipt, router = arena.settles(batch), arena.router.address.lower()
    assert by_the_safe(arena, receipt, SENT) == [(router, swap.amount_in) for swap in batch]
    assert [log for log in receipt["logs"] if log["topics"][0] == APPROVAL] == []
    # Who calls the router has no right to anything.
    assert arena.router.read("last_sender") == arena.module.address.lower()


@pytest.mark.parametrize(("name", "moment"), MIDDLE)
@stopped_by(2, IN_ADVANCE, "no allowance at any moment")
@stopped_by(20, IN_ADVANCE, "no allowance at any moment")
def test_allowance__seen_from_the_middle_of_a_built_swap__is_zero(arena: Arena, name: str, moment: int) -> None:
    gold, asked = arena.tokens[GOLD], mock(arena, name)
    for owner in (arena.safe, arena.module.address):
        for spender in (arena.router.address, arena.module.address):
            with arena.replica.scratch():
                asked.lay(moment, gold.address, gold.data("allowance", owner, spender))
                arena.settles([arena.sell(GOLD, SILV, 10_000)])
                assert (asked.read("fired"), asked.read("answer")) == (1, bytes(32))
                assert gold.read("allowance", owner, spender) == 0


@every_safe
@stopped_by(20, DELTA, "balances")
def test_router__that_was_paid_and_has_an_old_allowance__cannot_take_more(arena: Arena) -> None:
    arena.tokens[GOLD].set("set_allowance", arena.safe, arena.router.address, EVERYTHING)
    arena.router.set("set_theft", arena.tokens[GOLD].address, arena.safe, 1, arena.attacker)
    arena.refuses("balances", [arena.sell(GOLD, SILV, 10_000)])


@stopped_by(20, IN_ADVANCE, "execution")
def test_router__that_pulls_from_its_caller__finds_the_module_without_an_allowance(arena: Arena) -> None:
    # What was sent to the module by mistake is nobody's: neither the operator nor a router gets at it.
    gold = arena.tokens[GOLD]
    arena.mint(GOLD, arena.module.address, 500)
    arena.router.set("set_theft", gold.address, arena.module.address, 1, arena.attacker)
    arena.refuses("execution", [arena.sell(GOLD, SILV, 10_000)])
    arena.router.set("set_theft", gold.address, arena.module.address, 0, arena.attacker)
    arena.settles([arena.sell(GOLD, SILV, 10_000)])
    assert arena.held(GOLD, arena.module.address) == arena.amount(GOLD, 500)


@every_safe
@stopped_by(31, NO_SOFT_FAILURE, "payment")
def test_token__whose_transfer_reverts__takes_the_batch_down(arena: Arena) -> None:
    arena.tokens[GOLD].set("set_transfer_manner", Transfer.FORBIDS)
    arena.refuses("payment", [arena.sell(GOLD, SILV, 10_000)])
    # Another token's swap before it is undone with it.
    both = together(arena.outside(GOLD, SILV, 10_000), ([arena.sell(GOLD, IRON, 10_000)], b""))
    arena.refuses("payment", *both)


@every_safe
@stopped_by(31, NO_SOFT_FAILURE, "payment")
def test_token__that_reverts_on_transfer_without_a_word__takes_the_batch_down(arena: Arena) -> None:
    # As in test_attack_tokens.py: answers what is asked for its balance, and reverts on everything else.
    token, balance, swap = arena.tokens[GOLD].address, arena.held(GOLD), arena.sell(GOLD, SILV, 10_000)
    for end in ("5f5ffd", "fe5b5b"):
        with arena.replica.scratch():
            code = "60003560e01c6370a0823114601357" + end + "00" + "5b" + f"7f{balance:064x}" + "5f5260205ff3"
            set_code(arena.replica, token, "0x" + code)
            assert arena.held(GOLD) == balance
            arena.refuses("payment", [swap])


@pytest.mark.parametrize("answer", [b"", bytes(32), b"\xff" * 32, b"\x01", bytes(4_000)], ids=len)
@stopped_by(31, "what a transfer answers is not asked", "the honest swap goes through")
def test_token__that_answers_a_transfer_with_anything__is_told_by_what_it_does(arena: Arena, answer: bytes) -> None:
    swap, before = arena.sell(GOLD, SILV, 10_000), arena.held(GOLD)
    arena.tokens[GOLD].set("set_returned", method(TRANSFER), answer)
    arena.settles([swap])
    assert before - arena.held(GOLD) == swap.amount_in


@pytest.mark.parametrize(("paid", "rule"), [(-1, "balances"), (0, "drift")])
@stopped_by(31, "a payment that was not made brings nothing", "balances")
def test_token__that_moves_nothing_on_transfer__is_not_sold(arena: Arena, paid: int, rule: str) -> None:
    # A router that was not paid pays nothing; one that does so all the same has made no swap of it.
    swap = arena.sell(GOLD, SILV, 10_000)
    arena.tokens[GOLD].set("set_transfer_manner", Transfer.DEAF)
    for answer in (bytes(32), bytes(31) + b"\x01"):
        arena.tokens[GOLD].set("set_returned", method(TRANSFER), answer)
        arena.router.set("set_beyond", 0, paid * swap.min_out)
        arena.refuses(rule, [swap])


@stopped_by(31, DELTA, "balances")
def test_token__that_moves_more_than_asked_on_transfer__is_not_sold(arena: Arena) -> None:
    arena.tokens[GOLD].set("set_transfer_manner", Transfer.GREEDY)
    arena.refuses("balances", [arena.sell(GOLD, SILV, 10_000)])


@stopped_by(31, DELTA, "balances")
def test_router__that_keeps_the_payment__takes_the_batch_down(arena: Arena) -> None:
    swap = arena.sell(GOLD, SILV, 10_000)
    for missing in (swap.min_out, 1):
        arena.router.set("set_beyond", 0, -missing)
        arena.refuses("balances", [swap])
        arena.refuses("balances", [swap, arena.sell(GOLD, IRON, 10_000)])


@every_safe
@stopped_by(29, NO_SOFT_FAILURE, "all or nothing")
def test_gas__short_by_any_amount_for_built_swaps__makes_all_of_the_batch_or_nothing(arena: Arena) -> None:
    data = "0x" + arena.module.data([arena.sell(GOLD, SILV, 10_000), arena.sell(GOLD, IRON, 10_000)]).hex()
    before, outcomes = arena.books(), []
    with arena.replica.scratch():
        whole = arena.replica.send(arena.module.operator, arena.module.address, data)
        needed, after = int(whole["gasUsed"], 16), arena.books()
    for percent in range(35, 125, 5):
        with arena.replica.scratch():
            gas = needed * percent // 100
            receipt = arena.replica.send(arena.module.operator, arena.module.address, data, gas=gas)
            outcomes.append(receipt["status"])
            # All but the slot that has the time in it.
            held = arena.books()[:-10]
            assert held == (after if receipt["status"] == "0x1" else before)[:-10]
    assert outcomes[0] == "0x0" and outcomes[-1] == "0x1" and len(set(outcomes)) == 2


@every_safe
@stopped_by(21, "each swap is paid or approved for itself", "no allowance left")
def test_batch__of_built_and_outside_swaps_over_one_router__keeps_them_apart(arena: Arena) -> None:
    built, (outside, data) = arena.sell(GOLD, SILV, 10_000), arena.outside(GOLD, IRON, 20_000)
    gold, router = arena.tokens[GOLD], arena.router
    for parts in ((([built], b""), (outside, data)), ((outside, data), ([built], b""))):
        with arena.replica.scratch():
            # Half of what is approved is not taken; of what is paid nothing comes back.
            router.set("set_beyond", -outside[0].amount_in // 2, 0)
            taken, before = outside[0].amount_in + -outside[0].amount_in // 2, arena.held(GOLD)
            receipt = arena.settles(*together(*parts))
            assert before - arena.held(GOLD) == built.amount_in + taken
            named = [amount for _, amount in by_the_safe(arena, receipt, APPROVAL)]
            assert named == [outside[0].amount_in, 0]
            assert gold.read("allowance", arena.safe, router.address) == 0
            assert (arena.held(SILV), arena.held(IRON)) == (
                200_000 * 10**6 + built.min_out,
                4_000 * 10**8 + outside[0].min_out,
            )
    # Nor does the payment pay for more of the other one.
    router.set("set_beyond", 1, 0)
    arena.refuses("execution", *together(([built], b""), (outside, data)))
    steal = encode_call("transferFrom(address,address,uint256)", arena.safe, arena.attacker, 1)
    router.set("set_beyond", 0, 0)
    arena.router_calls(Moment.ROUTER_BEFORE_TAKING, gold.address, steal)
    arena.settles(*together(([built], b""), (outside, data)))
    assert (router.read("fired"), router.read("succeeded")) == (1, False)
