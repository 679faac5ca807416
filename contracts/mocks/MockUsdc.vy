# pragma version 0.4.3
"""
@title USDC for the replica
@notice What a keeper can meet of mainnet's USDC: the issuer pauses it, or blacklists an account, and
        every movement and approval then reverts with the reasons of the real token. Mint, pause and
        blacklist are open to anyone: a development chain only.
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


event Pause:
    pass


event Unpause:
    pass


event Blacklisted:
    account: indexed(address)


event UnBlacklisted:
    account: indexed(address)


decimals: public(constant(uint8)) = 6
name: public(constant(String[8])) = "USD Coin"
symbol: public(constant(String[4])) = "USDC"

# Slot 0 and slot 1 of every mock token: the replica writes balances straight into storage.
balanceOf: public(HashMap[address, uint256])
totalSupply: public(uint256)

# What a spender may still take from an owner; the largest number means without end.
allowance: public(HashMap[address, HashMap[address, uint256]])

# While it is set, nothing moves and nothing is approved.
paused: public(bool)

# Accounts that may neither send, receive, approve nor spend.
isBlacklisted: public(HashMap[address, bool])


@external
def mint(receiver: address, amount: uint256):
    """
    @notice Makes `amount` out of nothing, for anyone who asks.
    """
    self.balanceOf[receiver] += amount
    self.totalSupply += amount
    log Transfer(sender=empty(address), receiver=receiver, amount=amount)


@external
def pause():
    self.paused = True
    log Pause()


@external
def unpause():
    self.paused = False
    log Unpause()


@external
def blacklist(account: address):
    self.isBlacklisted[account] = True
    log Blacklisted(account=account)


@external
def unBlacklist(account: address):
    self.isBlacklisted[account] = False
    log UnBlacklisted(account=account)


@external
def approve(spender: address, amount: uint256) -> bool:
    self._refuse_stopped(msg.sender, spender)
    self.allowance[msg.sender][spender] = amount
    log Approval(owner=msg.sender, spender=spender, amount=amount)
    return True


@external
def transfer(receiver: address, amount: uint256) -> bool:
    self._refuse_stopped(msg.sender, receiver)
    self._move(msg.sender, receiver, amount)
    return True


@external
def transferFrom(sender: address, receiver: address, amount: uint256) -> bool:
    self._refuse_stopped(msg.sender, sender)
    self._refuse_blacklisted(receiver)
    allowed: uint256 = self.allowance[sender][msg.sender]
    assert allowed >= amount, "ERC20: transfer amount exceeds allowance"
    if allowed != max_value(uint256):
        self.allowance[sender][msg.sender] = allowed - amount
    self._move(sender, receiver, amount)
    return True


@internal
@view
def _refuse_stopped(first: address, second: address):
    assert not self.paused, "Pausable: paused"
    self._refuse_blacklisted(first)
    self._refuse_blacklisted(second)


@internal
@view
def _refuse_blacklisted(account: address):
    assert not self.isBlacklisted[account], "Blacklistable: account is blacklisted"


@internal
def _move(sender: address, receiver: address, amount: uint256):
    held: uint256 = self.balanceOf[sender]
    assert held >= amount, "ERC20: transfer amount exceeds balance"
    self.balanceOf[sender] = held - amount
    self.balanceOf[receiver] += amount
    log Transfer(sender=sender, receiver=receiver, amount=amount)
