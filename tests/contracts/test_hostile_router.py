"""The hostile router does what it is told, and no more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from given_hostile import Contract, Manner, Moment, a_contract, set_code

from rebalancer.adapters.chain.rpc import RpcError
from rebalancer.replica.chain import Replica
from rebalancer.units import Address

IN, MIN = 1_000, 900


@dataclass(frozen=True, slots=True)
class Desk:
    """The owner sells over a router that has something to pay from, and the approval of exactly IN."""

    router: Contract
    sold: Contract
    bought: Contract
    owner: Address
    attacker: Address

    def order(self, amount: int = IN) -> tuple[Any, ...]:
        """exactInputSingle's struct, with the owner as receiver."""
        return (self.sold.address, self.bought.address, 500, self.owner, amount, MIN, 0)

    def swap(self, amount: int = IN) -> tuple[int, int]:
        """What the owner gave and got."""
        given, got = held(self.sold, self.owner), held(self.bought, self.owner)
        self.router.send(self.owner, "exactInputSingle", self.order(amount))
        return given - held(self.sold, self.owner), held(self.bought, self.owner) - got


def held(token: Contract, holder: str) -> int:
    return int(token.replica.read(token.address, "balanceOf(address)", holder)[0])


@pytest.fixture
def desk(replica: Replica) -> Desk:
    router = a_contract(replica, "HostileRouter")
    sold, bought = a_contract(replica, "HostileToken", "IN", 18), a_contract(replica, "HostileToken", "OUT", 6)
    owner, attacker = replica.actor("owner").address, replica.actor("attacker").address
    bought.set("mint", router.address, 10 * MIN)
    sold.set("mint", owner, 10 * IN)
    sold.send(owner, "approve", router.address, IN)
    return Desk(router, sold, bought, owner, attacker)


def test_router__left_alone__takes_the_amount_pays_the_minimum_and_keeps_the_calldata(
    replica: Replica, desk: Desk
) -> None:
    assert desk.swap() == (IN, MIN)
    asked = desk.router.data("exactInputSingle", desk.order())
    assert "0x" + desk.router.read("last_data").hex() == asked
    assert (desk.router.read("trades"), desk.router.read("last_sender")) == (1, desk.owner.lower())


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("exactInput", lambda a, b, to: ((bytes.fromhex(f"{a[2:]}0001f4{b[2:]}"), to, IN, MIN),)),
        ("exactInput", lambda a, b, to: ((bytes.fromhex(f"{a[2:]}0001f4{to[2:]}000bb8{b[2:]}"), to, IN, MIN),)),
        ("swapExactTokensForTokens", lambda a, b, to: (IN, MIN, [a, to, b], to)),
        ("swap", lambda a, b, to: (to, a, b, IN, MIN, 0, to, b"anything")),
    ],
)
def test_router__by_each_of_its_methods__makes_the_same_trade(
    replica: Replica, desk: Desk, function: str, arguments: Any
) -> None:
    desk.router.send(desk.owner, function, *arguments(desk.sold.address, desk.bought.address, desk.owner))
    assert (held(desk.sold, desk.owner), held(desk.bought, desk.owner)) == (9 * IN, MIN)


def test_router__on_calldata_without_a_method__does_the_order_and_keeps_the_calldata(
    replica: Replica, desk: Desk
) -> None:
    desk.router.set("set_order", desk.sold.address, 5, desk.bought.address, 6, desk.attacker)
    replica.send(desk.owner, desk.router.address, "0x12345678abcd")
    assert (held(desk.sold, desk.owner), held(desk.bought, desk.attacker)) == (10 * IN - 5, 6)
    assert desk.router.read("last_data").hex() == "12345678abcd"


@pytest.mark.parametrize(("taken", "paid"), [(0, -1), (0, 7), (-400, 0), (-IN, -MIN)])
def test_router__told_to_take_or_pay_otherwise__does(desk: Desk, taken: int, paid: int) -> None:
    desk.router.set("set_beyond", taken, paid)
    assert desk.swap() == (IN + taken, MIN + paid)


@pytest.mark.parametrize("taken", [0, 1, -1, IN])
def test_trade__paid_in_advance__takes_nothing_whatever_it_is_told_to_take(desk: Desk, taken: int) -> None:
    desk.router.set("set_beyond", taken, -7)
    assert desk.swap(0) == (0, MIN - 7)
    assert "0x" + desk.router.read("last_data").hex() == desk.router.data("exactInputSingle", desk.order(0))


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("exactInput", lambda a, b, to: ((bytes.fromhex(f"{a[2:]}0001f4{b[2:]}"), to, 0, MIN),)),
        ("swapExactTokensForTokens", lambda a, b, to: (0, MIN, [a, to, b], to)),
    ],
)
def test_trade__paid_in_advance_by_each_of_its_methods__pays_the_minimum(
    desk: Desk, function: str, arguments: Any
) -> None:
    desk.router.set("set_beyond", 1, 0)
    desk.router.send(desk.owner, function, *arguments(desk.sold.address, desk.bought.address, desk.owner))
    assert (held(desk.sold, desk.owner), held(desk.bought, desk.owner)) == (10 * IN, MIN)


def test_theft__with_a_trade_that_was_paid_in_advance__takes_by_the_allowance_that_there_is(desk: Desk) -> None:
    desk.router.set("set_theft", desk.sold.address, desk.owner, IN, desk.attacker)
    assert desk.swap(0) == (IN, MIN)
    assert held(desk.sold, desk.attacker) == IN
    with pytest.raises(RpcError, match="HostileToken: allowance too low"):
        desk.swap(0)


def test_router__told_to_take_more__can_only_by_an_allowance(replica: Replica, desk: Desk) -> None:
    desk.router.set("set_beyond", 1, 0)
    with pytest.raises(RpcError, match="HostileToken: allowance too low"):
        desk.swap()
    desk.sold.set("set_allowance", desk.owner, desk.router.address, IN + 1)
    assert desk.swap() == (IN + 1, MIN)


def test_router__with_another_payee__pays_him(replica: Replica, desk: Desk) -> None:
    desk.router.set("set_payee", desk.attacker)
    assert desk.swap() == (IN, 0)
    assert held(desk.bought, desk.attacker) == MIN


def test_router__with_an_old_allowance_of_another_token__takes_that_too(replica: Replica, desk: Desk) -> None:
    replica.deal("DAI", desk.owner, 50)
    dai = replica.token("DAI").address
    replica.transact(desk.owner, dai, "approve(address,uint256)", desk.router.address, 40)
    desk.router.set("set_theft", dai, desk.owner, 40, desk.attacker)
    assert desk.swap() == (IN, MIN)
    assert (replica.balance("DAI", desk.owner), replica.balance("DAI", desk.attacker)) == (10, 40)


def test_aggregator_swap__with_a_fee__pays_it_to_the_referral(replica: Replica, desk: Desk) -> None:
    desk.router.send(
        desk.owner, "swap", desk.owner, desk.sold.address, desk.bought.address, IN, MIN, 30, desk.attacker, b""
    )
    assert (held(desk.bought, desk.owner), held(desk.bought, desk.attacker)) == (MIN - 30, 30)


def test_router__told_to_fail__fails(desk: Desk) -> None:
    desk.router.set("set_manner", Manner.REVERTS)
    with pytest.raises(RpcError, match="HostileRouter: told to"):
        desk.swap()


def test_router__told_to_eat_gas__leaves_none(replica: Replica, desk: Desk) -> None:
    desk.router.set("set_manner", Manner.EATS_GAS)
    receipt = desk.router.send(desk.owner, "exactInputSingle", desk.order(), gas=400_000)
    assert (receipt["status"], int(receipt["gasUsed"], 16)) == ("0x0", 400_000)


@pytest.mark.parametrize("data", [b"", b"\x07", bytes(4_000)])
def test_router__told_to_return_data__returns_it(replica: Replica, desk: Desk, data: bytes) -> None:
    desk.router.set("set_returned", data)
    call = {"from": desk.owner, "to": desk.router.address}
    call["data"] = desk.router.data("exactInputSingle", desk.order())
    assert replica.rpc.call("eth_call", call, "latest") == "0x" + data.hex()


@pytest.mark.parametrize(
    ("moment", "sold_by_then", "paid_by_then"),
    [
        (Moment.ROUTER_BEFORE_TAKING, 0, 0),
        (Moment.ROUTER_BEFORE_PAYING, IN, 0),
        (Moment.ROUTER_AFTER_PAYING, IN, MIN),
    ],
)
def test_ambush__laid_in_a_router__is_sprung_at_its_moment_and_once(
    replica: Replica,
    desk: Desk,
    moment: int,
    sold_by_then: int,
    paid_by_then: int,
) -> None:
    # What the owner holds of both, read in the middle.
    for token, by_then in ((desk.sold, 10 * IN - sold_by_then), (desk.bought, paid_by_then)):
        with replica.scratch():
            desk.router.lay(moment, token.address, token.data("balanceOf", desk.owner))
            desk.sold.send(desk.owner, "approve", desk.router.address, 2 * IN)
            assert desk.swap() == (IN, MIN)
            assert (desk.router.read("fired"), desk.router.read("succeeded")) == (1, True)
            assert int.from_bytes(desk.router.read("answer"), "big") == by_then
            desk.swap()
            assert desk.router.read("fired") == 1


def test_ambush__that_fails__is_noted_or_takes_the_swap_down(desk: Desk) -> None:
    call = desk.sold.data("transfer", desk.router.address, 10**30)
    desk.router.lay(Moment.ROUTER_AFTER_PAYING, desk.sold.address, call, strict=True)
    with pytest.raises(RpcError, match="HostileToken: balance too low"):
        desk.swap()
    desk.router.lay(Moment.ROUTER_AFTER_PAYING, desk.sold.address, call)
    assert desk.swap() == (IN, MIN)
    assert (desk.router.read("fired"), desk.router.read("succeeded")) == (1, False)
    assert b"HostileToken: balance too low" in desk.router.read("answer")


def test_router__whose_code_is_gone__takes_calls_and_does_nothing(desk: Desk) -> None:
    set_code(desk.router.replica, desk.router.address)
    assert desk.swap() == (0, 0)
