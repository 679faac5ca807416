"""Tokens and routers whose balances are not what they should be: what is there afterwards is counted, and what cannot
be counted stops everything.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from catalogue import stopped_by
from given_attacks import GOLD, IRON, SILV, Arena, every_safe
from given_hostile import Balance, Manner, Moment, a_contract, set_code
from given_reasons import NO_REASON

from rebalancer.adapters.chain.rpc import RpcError

NO_SOFT_FAILURE = "no try/catch, success checked"
DELTA = "balance delta"


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
@pytest.mark.parametrize("manner", [Manner.REVERTS, Manner.EATS_GAS])
@stopped_by(29, NO_SOFT_FAILURE, "execution")
def test_router__that_was_paid_in_advance_and_fails__takes_the_batch_down(arena: Arena, manner: Manner) -> None:
    arena.router.set("set_manner", manner)
    arena.refuses("execution", [arena.sell(GOLD, SILV, 10_000)])


@every_safe
@stopped_by(30, DELTA, "balances")
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


@stopped_by(31, DELTA, "balances")
def test_token__that_takes_a_fee__brings_less_than_the_minimum(arena: Arena) -> None:
    arena.tokens[SILV].set("set_fee", 1)
    arena.refuses("balances", [arena.sell(GOLD, SILV, 10_000)])
    arena.refuses("balances", *arena.outside(GOLD, SILV, 10_000))
    arena.tokens[SILV].set("set_fee", 0)
    arena.router.set("set_beyond", 0, -1)
    arena.refuses("balances", [arena.sell(GOLD, SILV, 10_000)])
    arena.refuses("balances", *arena.outside(GOLD, SILV, 10_000))
    arena.refuses("balances", [arena.sell(GOLD, SILV, 10_000), arena.sell(GOLD, SILV, 10_000)])


@stopped_by(31, DELTA, "balances")
def test_second_swap__that_brings_nothing__is_not_covered_by_the_first(arena: Arena) -> None:
    # The first pays a tenth more than its minimum; of the second, all is missing.
    batch = [arena.sell(GOLD, SILV, 10_000), arena.sell(GOLD, IRON, 10_000)]
    arena.router.set("set_beyond", 0, 1_000)
    arena.settles([batch[0]])
    arena.replica.warp(600)
    arena.router.set("set_beyond", 0, -batch[1].min_out)
    arena.refuses("balances", [replace(batch[0], min_out=batch[0].min_out + batch[1].min_out), batch[1]])


@stopped_by(31, DELTA, "balances")
def test_token__that_lies_about_balances_when_paid__brings_the_batch_down(arena: Arena) -> None:
    lie = arena.tokens[IRON].data("set_lie", arena.safe, -1)
    arena.router_calls(Moment.ROUTER_BEFORE_PAYING, arena.tokens[IRON].address, lie)
    arena.refuses("balances", [arena.sell(GOLD, SILV, 10_000)])


@stopped_by(31, "drift must fall", "drift")
def test_router__that_pays_far_too_much__does_not_carry_the_wallet_past_its_targets(arena: Arena) -> None:
    arena.router.set("set_beyond", 0, 500_000 * 10**6)
    arena.refuses("drift", [arena.sell(GOLD, SILV, 10_000)])


@stopped_by(28, "numbers have room", "too_large")
def test_balance__beyond_128_bits__stops_every_batch(arena: Arena) -> None:
    swap, gold = arena.sell(GOLD, SILV, 10_000), arena.tokens[GOLD]
    for answer, minted in ((1, 2**128), (2_000 * 10**8, 2**127)):
        # Too much of it, though worth little; and not too much of it, though worth too much.
        with arena.replica.scratch():
            arena.feeds[GOLD].set("set_answer", answer)
            gold.set("mint", arena.safe, minted)
            with pytest.raises(RpcError, match="RebalanceModule: too_large"):
                arena.module.preview([swap])
            arena.refuses("too_large", [swap])
    for token in (arena.tokens[IRON], arena.tokens[SILV]):
        with arena.replica.scratch():
            arena.router_calls(Moment.ROUTER_AFTER_PAYING, token.address, token.data("mint", arena.safe, 2**128))
            arena.refuses("too_large", [swap])
