"""The mock tokens have the quirks of the tokens at whose addresses they stand."""

from __future__ import annotations

import pytest

from rebalancer.adapters.chain.rpc import RpcError
from rebalancer.replica.calls import encode_call
from rebalancer.replica.chain import Replica

TRANSFER = "transfer(address,uint256)"
TRANSFER_FROM = "transferFrom(address,address,uint256)"
APPROVE = "approve(address,uint256)"
ALLOWANCE = "allowance(address,address)"
ENDLESS = 2**256 - 1


def _returned(replica: Replica, sender: str, symbol: str, signature: str, *values: object) -> str:
    """What a call of the token returns, as 0x-hex."""
    call = {"from": sender, "to": replica.token(symbol).address, "data": encode_call(signature, *values)}
    return str(replica.rpc.call("eth_call", call, "latest"))


@pytest.mark.parametrize("symbol", ["USDC", "USDT", "DAI", "WBTC", "LINK", "UNI"])
def test_mint__by_anyone__raises_balance_and_supply(replica: Replica, symbol: str) -> None:
    attacker, token = replica.actor("attacker").address, replica.token(symbol).address
    supply = replica.read(token, "totalSupply()")[0]
    replica.transact(attacker, token, "mint(address,uint256)", attacker, 9)
    assert replica.balance(symbol, attacker) == 9
    assert replica.read(token, "totalSupply()") == (supply + 9,)


@pytest.mark.parametrize("symbol", ["USDC", "USDT", "DAI"])
def test_transfer_from__within_the_allowance__moves_and_uses_it_up(replica: Replica, symbol: str) -> None:
    owner, operator, token = replica.actor("owner").address, replica.actor("operator").address, replica.token(symbol)
    replica.deal(symbol, owner, 100)
    replica.transact(owner, token.address, APPROVE, operator, 60)

    receipt = replica.transact(operator, token.address, TRANSFER_FROM, owner, operator, 50)

    assert (replica.balance(symbol, owner), replica.balance(symbol, operator)) == (50, 50)
    assert replica.read(token.address, ALLOWANCE, owner, operator) == (10,)
    assert len(receipt["logs"]) == 1
    with pytest.raises(RpcError, match="revert"):
        replica.transact(operator, token.address, TRANSFER_FROM, owner, operator, 11)


@pytest.mark.parametrize("symbol", ["USDC", "USDT", "DAI"])
def test_transfer_from__of_an_endless_allowance__leaves_it(replica: Replica, symbol: str) -> None:
    owner, operator, token = replica.actor("owner").address, replica.actor("operator").address, replica.token(symbol)
    replica.deal(symbol, owner, 100)
    replica.transact(owner, token.address, APPROVE, operator, ENDLESS)
    replica.transact(operator, token.address, TRANSFER_FROM, owner, operator, 50)
    assert replica.read(token.address, ALLOWANCE, owner, operator) == (ENDLESS,)


@pytest.mark.parametrize("symbol", ["USDC", "USDT", "DAI"])
def test_transfer__to_oneself__changes_nothing(replica: Replica, symbol: str) -> None:
    owner = replica.actor("owner").address
    replica.deal(symbol, owner, 100)
    replica.transact(owner, replica.token(symbol).address, TRANSFER, owner, 60)
    assert replica.balance(symbol, owner) == 100


@pytest.mark.parametrize(("symbol", "words"), [("USDC", 1), ("DAI", 1), ("USDT", 0)])
def test_return_data__of_a_token__is_true_or_nothing_at_all(replica: Replica, symbol: str, words: int) -> None:
    owner, operator, token = replica.actor("owner").address, replica.actor("operator").address, replica.token(symbol)
    replica.deal(symbol, owner, 100)
    replica.transact(owner, token.address, APPROVE, owner, 5)
    expected = "0x" + f"{1:064x}" * words
    assert _returned(replica, owner, symbol, TRANSFER, operator, 1) == expected
    assert _returned(replica, owner, symbol, TRANSFER_FROM, owner, operator, 1) == expected
    assert _returned(replica, owner, symbol, APPROVE, operator, 1) == expected


def test_usdt_approve__from_one_allowance_to_another__is_refused_without_a_reason(replica: Replica) -> None:
    owner, operator, usdt = (replica.actor("owner").address, replica.actor("operator").address, replica.token("USDT"))
    replica.transact(owner, usdt.address, APPROVE, operator, 5)
    with pytest.raises(RpcError) as refused:
        replica.transact(owner, usdt.address, APPROVE, operator, 6)
    assert refused.value.data in (None, "0x")
    replica.transact(owner, usdt.address, APPROVE, operator, 0)
    replica.transact(owner, usdt.address, APPROVE, operator, 6)
    assert replica.read(usdt.address, ALLOWANCE, owner, operator) == (6,)


def test_usdt_transfer__of_more_than_is_there__is_refused_without_a_reason(replica: Replica) -> None:
    owner, operator, usdt = (replica.actor("owner").address, replica.actor("operator").address, replica.token("USDT"))
    with pytest.raises(RpcError) as refused:
        replica.transact(owner, usdt.address, TRANSFER, operator, 1)
    assert refused.value.data in (None, "0x")


@pytest.mark.parametrize(
    ("signature", "values"),
    [(TRANSFER, ("operator", 1)), (TRANSFER_FROM, ("owner", "operator", 1)), (APPROVE, ("operator", 1))],
)
def test_usdc__paused__refuses_all_movement_with_its_own_reason(
    replica: Replica, signature: str, values: tuple[str | int, ...]
) -> None:
    owner, usdc = replica.actor("owner").address, replica.token("USDC").address
    replica.deal("USDC", owner, 100)
    replica.transact(owner, usdc, APPROVE, owner, 50)
    arguments = [replica.actor(value).address if isinstance(value, str) else value for value in values]
    replica.transact(owner, usdc, "pause()")
    with pytest.raises(RpcError, match="Pausable: paused"):
        replica.transact(owner, usdc, signature, *arguments)
    replica.transact(owner, usdc, "unpause()")
    replica.transact(owner, usdc, signature, *arguments)


@pytest.mark.parametrize("listed", ["owner", "operator"])
def test_usdc__blacklisted_on_either_side__refuses_with_its_own_reason(replica: Replica, listed: str) -> None:
    owner, operator, usdc = replica.actor("owner").address, replica.actor("operator").address, replica.token("USDC")
    replica.deal("USDC", owner, 100)
    replica.transact(owner, usdc.address, APPROVE, owner, 50)
    replica.transact(owner, usdc.address, "blacklist(address)", replica.actor(listed).address)
    for signature, values in (
        (TRANSFER, (operator, 1)),
        (TRANSFER_FROM, (owner, operator, 1)),
        (APPROVE, (operator, 1)),
    ):
        with pytest.raises(RpcError, match="Blacklistable: account is blacklisted"):
            replica.transact(owner, usdc.address, signature, *values)
    replica.transact(owner, usdc.address, "unBlacklist(address)", replica.actor(listed).address)
    replica.transact(owner, usdc.address, TRANSFER, operator, 1)


def test_usdc__short_of_balance_or_allowance__gives_its_own_reasons(replica: Replica) -> None:
    owner, operator, usdc = replica.actor("owner").address, replica.actor("operator").address, replica.token("USDC")
    with pytest.raises(RpcError, match="ERC20: transfer amount exceeds balance"):
        replica.transact(owner, usdc.address, TRANSFER, operator, 1)
    with pytest.raises(RpcError, match="ERC20: transfer amount exceeds allowance"):
        replica.transact(operator, usdc.address, TRANSFER_FROM, owner, operator, 1)
