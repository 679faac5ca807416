# pragma version 0.4.3
"""
@title The contract that an aggregator's router hands the tokens to
@notice Swaps all that it holds of a token through SwapRouter02, as the calldata says that comes with them. Who receives
        what is bought stands in that calldata: the aggregator's router. It keeps nothing and asks nobody who he is: a
        development chain only.
"""

from ethereum.ercs import IERC20

MOST_DATA: constant(uint256) = 2048


@external
def execute(token: address, router: address, data: Bytes[MOST_DATA]):
    """
    @param token What this contract was given, all of which is to be sold
    @param router SwapRouter02
    @param data Its call
    """
    held: uint256 = staticcall IERC20(token).balanceOf(self)
    assert extcall IERC20(token).approve(router, held, default_return_value=True)
    raw_call(router, data)
    assert staticcall IERC20(token).balanceOf(self) == 0, "SwapExecutor: left over"
