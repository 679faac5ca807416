"""The other hostile mocks do what they are told: feed, pool, rewards, and code on the operator's account."""

from __future__ import annotations

from typing import Any

import pytest
from given_hostile import (
    Contract,
    Manner,
    Moment,
    a_contract,
    a_hostile_pair,
    a_safe,
    delegate,
    deploy,
    signed_by,
)

from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.adapters.chain.rpc import RpcError
from rebalancer.replica.calls import encode_call
from rebalancer.replica.chain import Replica

ROUND = ("uint80", "int256", "uint256", "uint256", "uint80")
TRANSFER = "transfer(address,uint256)"
APPROVE = "approve(address,uint256)"
DOLLAR = 10**8


@pytest.fixture
def token(replica: Replica) -> Contract:
    """The owner has 1,000 of it."""
    token = a_contract(replica, "HostileToken", "BAD", 8)
    token.set("mint", replica.actor("owner").address, 1_000)
    return token


@pytest.fixture
def feed(replica: Replica) -> Contract:
    return a_contract(replica, "HostileFeed", 8, 15 * DOLLAR, 1_000)


def _who(replica: Replica, *roles: str) -> list[str]:
    return [replica.actor(role).address for role in roles]


def _held(token: Contract, holder: str) -> int:
    return int(token.replica.read(token.address, "balanceOf(address)", holder)[0])


def _returned(contract: Contract, sender: str, function: str, *values: Any) -> str:
    """All that a call returns, as 0x-hex."""
    call = {"from": sender, "to": contract.address, "data": contract.data(function, *values)}
    return str(contract.replica.rpc.call("eth_call", call, "latest"))


# ------------------------------------------------------------------ feed


def test_feed__left_alone__is_live(replica: Replica, feed: Contract) -> None:
    replica.warp(5_000)
    assert feed.read("latestRoundData", returns=ROUND) == (1, 15 * DOLLAR, 1_000, replica.now(), 1)
    assert feed.read("decimals") == 8
    feed.set("set_answer", -3)
    assert feed.read("latestRoundData", returns=ROUND)[1] == -3


@pytest.mark.parametrize("fields", [(9, -1, 2**40, 2**41, 8), (0, 0, 0, 0, 0), (2**80 - 1, 2**255 - 1, 1, 2, 3)])
def test_feed__given_a_round__repeats_every_field(replica: Replica, feed: Contract, fields: tuple[int, ...]) -> None:
    feed.set("set_round", *fields)
    replica.warp(60)
    assert feed.read("latestRoundData", returns=ROUND) == fields


def test_feed__in_each_manner__does_not_answer(replica: Replica, feed: Contract) -> None:
    probe = replica.actor("attacker").address
    feed.set("set_manner", Manner.REVERTS)
    with pytest.raises(RpcError, match="HostileFeed: no answer"):
        feed.read("latestRoundData", returns=ROUND)
    feed.set("set_manner", Manner.SILENT)
    assert _returned(feed, probe, "latestRoundData") == "0x"
    feed.set("set_manner", Manner.EATS_GAS)
    receipt = feed.send(probe, "latestRoundData", gas=300_000)
    assert (receipt["status"], int(receipt["gasUsed"], 16)) == ("0x0", 300_000)


def test_feed__told_to_burn_gas__costs_it_and_answers(replica: Replica, feed: Contract) -> None:
    probe = replica.actor("attacker").address
    before = int(feed.send(probe, "latestRoundData")["gasUsed"], 16)
    feed.set("set_burnt", 200_000)
    assert 200_000 <= int(feed.send(probe, "latestRoundData")["gasUsed"], 16) - before <= 203_000
    assert feed.read("latestRoundData", returns=ROUND)[1] == 15 * DOLLAR


def test_feed__with_other_decimals__says_so(feed: Contract) -> None:
    feed.set("set_decimals", 18)
    assert feed.read("decimals") == 18


def test_feed__as_that_of_a_sequencer__is_up_since_its_start_and_goes_down(replica: Replica) -> None:
    since = replica.now() - 86_400
    sequencer = a_contract(replica, "HostileFeed", 0, 0, since)
    assert sequencer.read("latestRoundData", returns=ROUND)[1:3] == (0, since)
    sequencer.set("set_round", 2, 1, replica.now(), replica.now(), 2)
    assert sequencer.read("latestRoundData", returns=ROUND)[1] == 1


# ------------------------------------------------------------------ pool, rewards, operator


def test_pool__where_the_real_router_looks__relays_the_owners_transaction_in_the_middle_of_a_swap(
    replica: Replica, token: Contract
) -> None:
    owners, (trader, guardian) = (
        [replica.actor("owner"), replica.actor("second_owner")],
        _who(replica, "attacker", "guardian"),
    )
    safe = a_safe(replica, owners, threshold=2)
    replica.deal("DAI", safe, 9)
    replica.deal("LINK", trader, 1_000)
    link = replica.token("LINK").address
    pair = a_hostile_pair(replica, token.address, link)
    token.set("mint", pair.address, 10_000)
    replica.deal("LINK", pair.address, 10_000)
    pair.set("sync")
    signed = signed_by(replica, safe, owners, replica.token("DAI").address, encode_call(TRANSFER, guardian, 9))
    pair.lay(Moment.POOL_BEFORE_PAYING, safe, signed, strict=True)
    pair.lay(Moment.POOL_AFTER_PAYING, token.address, token.data("balanceOf", trader))

    replica.transact(trader, link, APPROVE, MAINNET.swap_router_02, 1_000)
    swap = "swapExactTokensForTokens(uint256,uint256,address[],address)"
    replica.transact(trader, MAINNET.swap_router_02, swap, 1_000, 1, [link, token.address], trader)

    expected = 1_000 * 997 * 10_000 // (10_000 * 1_000 + 1_000 * 997)
    assert _held(token, trader) == expected == int.from_bytes(pair.read("answer"), "big")
    assert replica.balance("DAI", guardian) == 9
    assert pair.read("fired") == 2


def test_pool__called_with_anything__springs_what_was_laid(replica: Replica, token: Contract) -> None:
    pool = a_contract(replica, "HostilePool", token.address, token.address)
    pool.lay(Moment.POOL_CALLED, token.address, token.data("mint", pool.address, 3))
    replica.send(replica.actor("attacker").address, pool.address, "0xabcdef12")
    assert _held(token, pool.address) == 3


def test_rewards__claimed_by_anyone__go_to_their_owner_once(replica: Replica, token: Contract) -> None:
    owner, attacker = _who(replica, "guardian", "attacker")
    rewards = a_contract(replica, "Rewards", token.address)
    token.set("mint", rewards.address, 100)
    rewards.set("set_pending", owner, 40)
    rewards.send(attacker, "claim", owner)
    rewards.send(attacker, "claim", owner)
    assert (_held(token, owner), _held(token, rewards.address), rewards.read("pending", owner)) == (40, 60, 0)


@pytest.fixture
def smart_operator(replica: Replica) -> Contract:
    """The operator's own account, which runs code."""
    delegate(replica, replica.actor("operator"), deploy(replica, "SmartOperator"))
    return Contract(replica, "SmartOperator", replica.actor("operator").address)


def test_operator__with_code_on_the_account__makes_several_calls_as_itself(
    replica: Replica, token: Contract, smart_operator: Contract
) -> None:
    operator, guardian = smart_operator.address, replica.actor("guardian").address
    token.set("mint", operator, 10)
    call = (token.address, bytes.fromhex(token.data("transfer", guardian, 6)[2:]))
    smart_operator.send(operator, "batch", [(*call, True), (*call, False)])
    assert (_held(token, operator), _held(token, guardian)) == (4, 6)
    assert [smart_operator.read("outcomes", index) for index in (0, 1)] == [True, False]
    with pytest.raises(RpcError, match="HostileToken: balance too low"):
        smart_operator.send(operator, "batch", [(*call, True)])


def test_operator__called_in_the_middle_of_a_transfer__comes_back_as_itself(
    replica: Replica, token: Contract, smart_operator: Contract
) -> None:
    owner, guardian = _who(replica, "owner", "guardian")
    token.set("mint", smart_operator.address, 10)
    smart_operator.lay(Moment.OPERATOR_CALLED, token.address, token.data("transfer", guardian, 7), strict=True)
    token.lay(Moment.TOKEN_TRANSFER_BEGINS, smart_operator.address, "0x", strict=True)
    token.send(owner, "transfer", guardian, 1)
    assert (_held(token, smart_operator.address), _held(token, guardian)) == (3, 8)
