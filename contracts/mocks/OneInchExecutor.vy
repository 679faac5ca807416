# pragma version 0.4.3
"""
@title The contract that 1inch's router has trade
@notice Called as that router calls: `execute(address)` with the owner, and behind it, packed, what the API has written
        and the amount. It sells all that it holds through SwapRouter02, whose call is in there, and says how much the
        router has got by it. It asks nobody who he is: a development chain only.
"""

from ethereum.ercs import IERC20

MOST_DATA: constant(uint256) = 2048
MOST_CALLDATA: constant(uint256) = 4096
# The precompile that returns what it is given: the compiler takes a slice of calldata of fixed length only.
IDENTITY: constant(address) = 0x0000000000000000000000000000000000000004


@external
@payable
def execute(owner: address) -> uint256:
    """
    @param owner Who sells
    @return What the caller has got
    """
    whole: Bytes[MOST_CALLDATA] = raw_call(IDENTITY, msg.data, max_outsize=MOST_CALLDATA, is_static_call=True)
    token: address = empty(address)
    bought: address = empty(address)
    router: address = empty(address)
    data: Bytes[MOST_DATA] = b""
    token, bought, router, data = abi_decode(
        slice(whole, 36, len(whole) - 68), (address, address, address, Bytes[MOST_DATA])
    )
    before: uint256 = staticcall IERC20(bought).balanceOf(msg.sender)
    held: uint256 = staticcall IERC20(token).balanceOf(self)
    assert extcall IERC20(token).approve(router, held, default_return_value=True)
    raw_call(router, data)
    return staticcall IERC20(bought).balanceOf(msg.sender) - before
