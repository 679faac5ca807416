# pragma version 0.4.3
"""
@title Plain ERC-20 token for the replica
@notice Stands at the address of a mainnet token, with its name, symbol and decimals. Anyone may
        mint: a development chain only. It has no quirks; tokens that have some are their own mocks.
"""

from ethereum.ercs import IERC20

implements: IERC20


event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    amount: uint256


event Approval:
    owner: indexed(address)
    spender: indexed(address)
    amount: uint256


decimals: public(immutable(uint8))
name: public(immutable(String[64]))
symbol: public(immutable(String[32]))

# Slot 0 and slot 1 of every mock token: the replica writes balances straight into storage.
balanceOf: public(HashMap[address, uint256])
totalSupply: public(uint256)

# What a spender may still take from an owner; the largest number means without end.
allowance: public(HashMap[address, HashMap[address, uint256]])


@deploy
def __init__(name_: String[64], symbol_: String[32], decimals_: uint8):
    name = name_
    symbol = symbol_
    decimals = decimals_


@external
def mint(receiver: address, amount: uint256):
    """
    @notice Makes `amount` out of nothing, for anyone who asks.
    """
    self.balanceOf[receiver] += amount
    self.totalSupply += amount
    log Transfer(sender=empty(address), receiver=receiver, amount=amount)


@external
def approve(spender: address, amount: uint256) -> bool:
    self.allowance[msg.sender][spender] = amount
    log Approval(owner=msg.sender, spender=spender, amount=amount)
    return True


@external
def transfer(receiver: address, amount: uint256) -> bool:
    self._move(msg.sender, receiver, amount)
    return True


@external
def transferFrom(sender: address, receiver: address, amount: uint256) -> bool:
    allowed: uint256 = self.allowance[sender][msg.sender]
    assert allowed >= amount, "MockToken: allowance too low"
    if allowed != max_value(uint256):
        self.allowance[sender][msg.sender] = allowed - amount
    self._move(sender, receiver, amount)
    return True


@internal
def _move(sender: address, receiver: address, amount: uint256):
    held: uint256 = self.balanceOf[sender]
    assert held >= amount, "MockToken: balance too low"
    self.balanceOf[sender] = held - amount
    self.balanceOf[receiver] += amount
    log Transfer(sender=sender, receiver=receiver, amount=amount)
