"""The hostile token is honest until it is told otherwise, and then does what it is told."""

from __future__ import annotations

from typing import Any

import pytest
from given_hostile import Approve, Balance, Contract, Moment, Transfer, a_contract, method

from rebalancer.adapters.chain.rpc import RpcError
from rebalancer.replica.chain import Replica

TRANSFER = "transfer(address,uint256)"
TRANSFER_FROM = "transferFrom(address,address,uint256)"
APPROVE = "approve(address,uint256)"
ENDLESS = 2**256 - 1


@pytest.fixture
def token(replica: Replica) -> Contract:
    """The owner has 1,000 of it."""
    token = a_contract(replica, "HostileToken", "BAD", 8)
    token.set("mint", replica.actor("owner").address, 1_000)
    return token


def _who(replica: Replica, *roles: str) -> list[str]:
    return [replica.actor(role).address for role in roles]


def _held(token: Contract, holder: str) -> int:
    return int(token.replica.read(token.address, "balanceOf(address)", holder)[0])


def _returned(contract: Contract, sender: str, function: str, *values: Any) -> str:
    """All that a call returns, as 0x-hex."""
    call = {"from": sender, "to": contract.address, "data": contract.data(function, *values)}
    return str(contract.replica.rpc.call("eth_call", call, "latest"))


@pytest.mark.parametrize("decimals", [2, 6, 18, 27])
def test_token__left_alone__is_an_honest_one(replica: Replica, decimals: int) -> None:
    owner, operator = _who(replica, "owner", "operator")
    token = a_contract(replica, "HostileToken", "GOOD", decimals)
    token.set("mint", owner, 100)
    token.send(owner, "approve", operator, 60)
    token.send(owner, "transfer", operator, 10)
    token.send(operator, "transferFrom", owner, operator, 50)
    assert (_held(token, owner), _held(token, operator)) == (40, 60)
    assert (token.read("allowance", owner, operator), token.read("totalSupply")) == (10, 100)
    assert (token.read("decimals"), token.read("symbol")) == (decimals, "GOOD")
    with pytest.raises(RpcError, match="HostileToken: allowance too low"):
        token.send(operator, "transferFrom", owner, operator, 11)
    with pytest.raises(RpcError, match="HostileToken: balance too low"):
        token.send(owner, "transfer", operator, 41)


@pytest.mark.parametrize("data", [b"", bytes(32), b"\x02", (7).to_bytes(32, "big"), bytes(31) + b"\x01" * 4_000])
@pytest.mark.parametrize(("signature", "values"), [(TRANSFER, 1), (TRANSFER_FROM, 2), (APPROVE, 1)])
def test_token__told_what_a_method_returns__returns_it_and_acts(
    replica: Replica, token: Contract, data: bytes, signature: str, values: int
) -> None:
    owner, operator = _who(replica, "owner", "operator")
    token.set("set_allowance", owner, owner, 500)
    arguments = (*[owner, operator][-values:], 5)
    function = signature.split("(")[0]
    assert _returned(token, owner, function, *arguments) == f"0x{1:064x}"

    token.set("set_returned", method(signature), data)

    assert _returned(token, owner, function, *arguments) == "0x" + data.hex()
    token.send(owner, function, *arguments)
    done = token.read("allowance", owner, operator) if function == "approve" else _held(token, operator)
    assert done == 5


def test_token__with_a_fee__delivers_less(replica: Replica, token: Contract) -> None:
    owner, operator = _who(replica, "owner", "operator")
    token.set("set_fee", 30_000)
    token.send(owner, "transfer", operator, 100)
    assert (_held(token, owner), _held(token, operator), token.read("totalSupply")) == (900, 97, 997)


@pytest.mark.parametrize("beyond", [5, -5])
def test_balance__with_a_lie__is_off_by_it_and_moves_as_before(replica: Replica, token: Contract, beyond: int) -> None:
    owner, operator = _who(replica, "owner", "operator")
    token.set("set_lie", owner, beyond)
    assert (_held(token, owner), _held(token, operator)) == (1_000 + beyond, 0)
    token.send(owner, "transfer", operator, 1_000)
    assert _held(token, operator) == 1_000


def test_balance__in_each_manner__does_not_answer(replica: Replica, token: Contract) -> None:
    owner, probe = _who(replica, "owner", "attacker")
    token.set("set_balance_manner", Balance.REVERTS)
    with pytest.raises(RpcError, match="HostileToken: balanceOf"):
        _held(token, owner)
    token.set("set_balance_manner", Balance.SILENT)
    assert _returned(token, probe, "balanceOf", owner) == "0x"
    token.set("set_balance_manner", Balance.EATS_GAS)
    receipt = token.send(probe, "balanceOf", owner, gas=300_000)
    assert (receipt["status"], int(receipt["gasUsed"], 16)) == ("0x0", 300_000)
    token.set("set_balance_manner", Balance.TRUTHFUL)
    assert _held(token, owner) == 1_000


@pytest.mark.parametrize(
    ("manner", "asked", "left"),
    [
        (Approve.OBEDIENT, (5, 7, 0), 0),
        (Approve.DEAF, (5, 7), 0),
        (Approve.REFUSES_CHANGE, (5, 0, 7), 7),
        (Approve.REFUSES_ZERO, (5, 7), 7),
        (Approve.STICKY, (5, 7, 0), 7),
        (Approve.ENDLESS, (5,), ENDLESS),
    ],
)
def test_approve__in_each_manner__leaves(
    replica: Replica, token: Contract, manner: Approve, asked: tuple[int, ...], left: int
) -> None:
    owner, operator = _who(replica, "owner", "operator")
    token.set("set_approve_manner", manner)
    for amount in asked:
        token.send(owner, "approve", operator, amount)
    assert token.read("allowance", owner, operator) == left


@pytest.mark.parametrize(("manner", "second"), [(Approve.REFUSES_CHANGE, 7), (Approve.REFUSES_ZERO, 0)])
def test_approve__in_a_refusing_manner__reverts(
    replica: Replica, token: Contract, manner: Approve, second: int
) -> None:
    owner, operator = _who(replica, "owner", "operator")
    token.set("set_approve_manner", manner)
    token.send(owner, "approve", operator, 5)
    with pytest.raises(RpcError, match="HostileToken: approve"):
        token.send(owner, "approve", operator, second)


@pytest.mark.parametrize(("manner", "moved"), [(Transfer.OBEDIENT, 5), (Transfer.DEAF, 0), (Transfer.GREEDY, 6)])
def test_transfer__in_each_manner__moves(replica: Replica, token: Contract, manner: Transfer, moved: int) -> None:
    owner, operator = _who(replica, "owner", "operator")
    token.set("set_allowance", owner, owner, 5)
    token.set("set_transfer_manner", manner)
    token.send(owner, "transfer", operator, 5)
    assert (_held(token, owner), _held(token, operator)) == (1_000 - moved, moved)
    # What is pulled moves as ever.
    token.send(owner, "transferFrom", owner, operator, 5)
    assert _held(token, operator) == moved + 5


def test_transfer__in_the_forbidding_manner__reverts(replica: Replica, token: Contract) -> None:
    token.set("set_transfer_manner", Transfer.FORBIDS)
    with pytest.raises(RpcError, match="HostileToken: transfer"):
        token.send(*_who(replica, "owner"), "transfer", *_who(replica, "operator"), 5)


@pytest.mark.parametrize(
    ("moment", "function", "moved"),
    [
        (Moment.TOKEN_TRANSFER_BEGINS, "transfer", 0),
        (Moment.TOKEN_TRANSFER_ENDS, "transfer", 5),
        (Moment.TOKEN_TRANSFER_FROM_BEGINS, "transferFrom", 0),
        (Moment.TOKEN_TRANSFER_FROM_ENDS, "transferFrom", 5),
        (Moment.TOKEN_APPROVE, "approve", 0),
    ],
)
def test_ambush__laid_in_a_token__is_sprung_at_its_moment(
    replica: Replica, token: Contract, moment: int, function: str, moved: int
) -> None:
    owner, operator = _who(replica, "owner", "operator")
    token.set("set_allowance", owner, owner, 5)
    token.lay(moment, token.address, token.data("balanceOf", operator))
    token.send(owner, function, *([owner] if function == "transferFrom" else []), operator, 5)
    assert (token.read("fired"), token.read("succeeded")) == (1, True)
    assert int.from_bytes(token.read("answer"), "big") == moved
