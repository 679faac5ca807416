# pragma version 0.4.3
"""
@title A token that misbehaves as it is told
@notice Honest at first, with any decimals. Anyone may mint, move any setting, and write any allowance as
        if it had been given long ago: a development chain only. Ambush moments: 0 as transfer begins,
        1 as it ends, 2 as transferFrom begins, 3 as it ends, 4 inside approve.
"""

from . import ambush

initializes: ambush
exports: (ambush.lay, ambush.fired, ambush.succeeded, ambush.answer)


event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    amount: uint256


event Approval:
    owner: indexed(address)
    spender: indexed(address)
    amount: uint256


PPM: constant(uint256) = 1_000_000
MOST_RETURNED: constant(uint256) = 4096

# Ways to answer balanceOf.
TRUTHFUL: constant(uint256) = 0
REVERTS: constant(uint256) = 1
EATS_GAS: constant(uint256) = 2
SILENT: constant(uint256) = 3

# Ways to take an approve.
OBEDIENT: constant(uint256) = 0
DEAF: constant(uint256) = 1
REFUSES_CHANGE: constant(uint256) = 2
REFUSES_ZERO: constant(uint256) = 3
STICKY: constant(uint256) = 4
ENDLESS: constant(uint256) = 5

# Ways to take a transfer, besides OBEDIENT, DEAF.
FORBIDS: constant(uint256) = 2
GREEDY: constant(uint256) = 3

decimals: public(immutable(uint8))
symbol: public(immutable(String[32]))

_balances: HashMap[address, uint256]
totalSupply: public(uint256)

allowance: public(HashMap[address, HashMap[address, uint256]])

# Millionths of each amount moved that vanish on the way.
fee: public(uint256)

# What balanceOf says beyond the truth, by holder, and how it answers at all.
_lies: HashMap[address, int256]
_balance_manner: uint256
_approve_manner: uint256
_transfer_manner: uint256

# What a method returns, by its selector; `true` where nothing was set.
_returns_own: HashMap[bytes4, bool]
_returned: HashMap[bytes4, Bytes[MOST_RETURNED]]


@deploy
def __init__(symbol_: String[32], decimals_: uint8):
    symbol = symbol_
    decimals = decimals_


@external
def mint(receiver: address, amount: uint256):
    self._balances[receiver] += amount
    self.totalSupply += amount
    log Transfer(sender=empty(address), receiver=receiver, amount=amount)


@external
def set_fee(millionths: uint256):
    assert millionths <= PPM, "HostileToken: fee"
    self.fee = millionths


@external
def set_lie(holder: address, beyond: int256):
    """
    @notice balanceOf of `holder` says so much more than the truth, or less.
    """
    self._lies[holder] = beyond


@external
def set_balance_manner(manner: uint256):
    """
    @param manner 0 answers, 1 reverts, 2 eats all gas, 3 returns nothing
    """
    assert manner <= SILENT, "HostileToken: manner"
    self._balance_manner = manner


@external
def set_approve_manner(manner: uint256):
    """
    @param manner 0 obeys, 1 sets nothing, 2 refuses to go from one allowance to another, 3 refuses zero,
                  4 does not take an allowance back, 5 gives without end whatever is asked
    """
    assert manner <= ENDLESS, "HostileToken: manner"
    self._approve_manner = manner


@external
def set_transfer_manner(manner: uint256):
    """
    @notice Of transfer only, not of transferFrom.
    @param manner 0 obeys, 1 moves nothing, 2 reverts, 3 moves one unit more than asked
    """
    assert manner <= GREEDY, "HostileToken: manner"
    self._transfer_manner = manner


@external
def set_returned(method: bytes4, data: Bytes[MOST_RETURNED]):
    """
    @notice approve, transfer or transferFrom, told by its selector, returns `data` and nothing else.
    """
    self._returns_own[method] = True
    self._returned[method] = data


@external
def set_allowance(owner: address, spender: address, amount: uint256):
    self.allowance[owner][spender] = amount


@external
@view
@raw_return
def balanceOf(holder: address) -> Bytes[32]:
    manner: uint256 = self._balance_manner
    assert manner != REVERTS, "HostileToken: balanceOf"
    if manner == EATS_GAS:
        # Unlike a revert, it takes all the gas that it was given.
        raise UNREACHABLE
    if manner == SILENT:
        return b""
    return abi_encode(convert(convert(self._balances[holder], int256) + self._lies[holder], uint256))


@external
@raw_return
def approve(spender: address, amount: uint256) -> Bytes[MOST_RETURNED]:
    manner: uint256 = self._approve_manner
    before: uint256 = self.allowance[msg.sender][spender]
    assert manner != REFUSES_CHANGE or amount == 0 or before == 0, "HostileToken: approve first to zero"
    assert manner != REFUSES_ZERO or amount > 0, "HostileToken: approve of zero"
    after: uint256 = amount
    if manner == DEAF or (manner == STICKY and amount == 0):
        after = before
    if manner == ENDLESS:
        after = max_value(uint256)
    self.allowance[msg.sender][spender] = after
    log Approval(owner=msg.sender, spender=spender, amount=after)
    ambush._spring(4)
    return self._answer_of(method_id("approve(address,uint256)", output_type=bytes4))


@external
@raw_return
def transfer(receiver: address, amount: uint256) -> Bytes[MOST_RETURNED]:
    manner: uint256 = self._transfer_manner
    assert manner != FORBIDS, "HostileToken: transfer"
    ambush._spring(0)
    if manner != DEAF:
        self._move(msg.sender, receiver, amount + (1 if manner == GREEDY else 0))
    ambush._spring(1)
    return self._answer_of(method_id("transfer(address,uint256)", output_type=bytes4))


@external
@raw_return
def transferFrom(sender: address, receiver: address, amount: uint256) -> Bytes[MOST_RETURNED]:
    ambush._spring(2)
    allowed: uint256 = self.allowance[sender][msg.sender]
    assert allowed >= amount, "HostileToken: allowance too low"
    if allowed != max_value(uint256):
        self.allowance[sender][msg.sender] = allowed - amount
    self._move(sender, receiver, amount)
    ambush._spring(3)
    return self._answer_of(method_id("transferFrom(address,address,uint256)", output_type=bytes4))


@internal
def _move(sender: address, receiver: address, amount: uint256):
    held: uint256 = self._balances[sender]
    assert held >= amount, "HostileToken: balance too low"
    lost: uint256 = amount * self.fee // PPM
    self._balances[sender] = held - amount
    self._balances[receiver] += amount - lost
    self.totalSupply -= lost
    log Transfer(sender=sender, receiver=receiver, amount=amount - lost)


@internal
@view
def _answer_of(method: bytes4) -> Bytes[MOST_RETURNED]:
    if self._returns_own[method]:
        return self._returned[method]
    return abi_encode(True)
