# pragma version 0.4.3
"""
@title Rewards that anyone may claim for their owner
@notice Holds a token and owes some of it to accounts; whoever calls `claim` makes it pay, and the owner
        cannot choose the moment. Anyone may set what is owed: a development chain only.
"""

from ethereum.ercs import IERC20

token: public(immutable(address))

# Base units owed, by owner.
pending: public(HashMap[address, uint256])


@deploy
def __init__(token_: address):
    token = token_


@external
def set_pending(owner: address, amount: uint256):
    self.pending[owner] = amount


@external
def claim(owner: address):
    """
    @notice Pays all that is owed to `owner`.
    """
    amount: uint256 = self.pending[owner]
    self.pending[owner] = 0
    assert extcall IERC20(token).transfer(owner, amount, default_return_value=True)
