# pragma version 0.4.3
"""
@title USDT for the replica
@notice The quirks of mainnet's USDT that break integrations: transfer, transferFrom and approve return
        nothing, approve refuses to go from one allowance to another without passing zero, and reverts
        carry no reason (it was built before there were any). Mint is open to anyone: a development
        chain only.
"""


event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    amount: uint256


event Approval:
    owner: indexed(address)
    spender: indexed(address)
    amount: uint256


# uint256, not uint8: so says the real token.
decimals: public(constant(uint256)) = 6
name: public(constant(String[10])) = "Tether USD"
symbol: public(constant(String[4])) = "USDT"

# Slot 0 and slot 1 of every mock token: the replica writes balances straight into storage.
balanceOf: public(HashMap[address, uint256])
totalSupply: public(uint256)

# What a spender may still take from an owner; the largest number means without end.
allowance: public(HashMap[address, HashMap[address, uint256]])


@external
def mint(receiver: address, amount: uint256):
    """
    @notice Makes `amount` out of nothing, for anyone who asks.
    """
    self.balanceOf[receiver] += amount
    self.totalSupply += amount
    log Transfer(sender=empty(address), receiver=receiver, amount=amount)


@external
def approve(spender: address, amount: uint256):
    # No reason: the real token gives none.
    assert amount == 0 or self.allowance[msg.sender][spender] == 0
    self.allowance[msg.sender][spender] = amount
    log Approval(owner=msg.sender, spender=spender, amount=amount)


@external
def transfer(receiver: address, amount: uint256):
    self._move(msg.sender, receiver, amount)


@external
def transferFrom(sender: address, receiver: address, amount: uint256):
    allowed: uint256 = self.allowance[sender][msg.sender]
    # No reason: the real token gives none.
    assert allowed >= amount
    if allowed != max_value(uint256):
        self.allowance[sender][msg.sender] = allowed - amount
    self._move(sender, receiver, amount)


@internal
def _move(sender: address, receiver: address, amount: uint256):
    held: uint256 = self.balanceOf[sender]
    # No reason: the real token gives none.
    assert held >= amount
    self.balanceOf[sender] = held - amount
    self.balanceOf[receiver] += amount
    log Transfer(sender=sender, receiver=receiver, amount=amount)
