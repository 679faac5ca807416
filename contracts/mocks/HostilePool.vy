# pragma version 0.4.3
"""
@title A pair that calls out in the middle of a swap
@notice Has what routers ask of a Uniswap V2 pair, and may stand at the address where they look for one.
        Its reserves are what it holds less what came in since `sync`; it pays what it is asked for, and
        checks nothing. Any other call does nothing but spring moment 2. Anyone may lay an ambush:
        a development chain only. Moments: 0 before it pays, 1 after, 2 on a call that fits no method.
"""

from ethereum.ercs import IERC20

from . import ambush

initializes: ambush
exports: (ambush.lay, ambush.fired, ambush.succeeded, ambush.answer)

token0: public(immutable(address))
token1: public(immutable(address))

_reserve0: uint112
_reserve1: uint112


@deploy
def __init__(token0_: address, token1_: address):
    token0 = token0_
    token1 = token1_


@external
def sync():
    self._sync()


@external
@view
def getReserves() -> (uint112, uint112, uint32):
    return self._reserve0, self._reserve1, 0


@external
def swap(amount0: uint256, amount1: uint256, receiver: address, data: Bytes[1024]):
    ambush._spring(0)
    if amount0 > 0:
        assert extcall IERC20(token0).transfer(receiver, amount0, default_return_value=True)
    if amount1 > 0:
        assert extcall IERC20(token1).transfer(receiver, amount1, default_return_value=True)
    self._sync()
    ambush._spring(1)


@external
@payable
def __default__():
    ambush._spring(2)


@internal
def _sync():
    self._reserve0 = convert(staticcall IERC20(token0).balanceOf(self), uint112)
    self._reserve1 = convert(staticcall IERC20(token1).balanceOf(self), uint112)
