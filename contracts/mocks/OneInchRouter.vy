# pragma version 0.4.3
"""
@title 1inch's AggregationRouterV6, for the replica
@notice Its `swap`: pulls the tokens to whom the description names, has the executor trade, checks what he says he has
        brought against the minimum, and pays the receiver. Errors have the names of the real one, which also takes
        coins and Permit2: here they are refused.
"""

from ethereum.ercs import IERC20


struct SwapDescription:
    src_token: address
    dst_token: address
    src_receiver: address
    dst_receiver: address
    amount: uint256
    min_return: uint256
    flags: uint256


MOST_DATA: constant(uint256) = 4096
PARTIAL_FILL: constant(uint256) = 1


@external
@payable
def swap(executor: address, desc: SwapDescription, data: Bytes[MOST_DATA]) -> (uint256, uint256):
    """
    @return What was bought, and what was spent
    """
    assert desc.min_return != 0, "ZeroMinReturn"
    assert msg.value == 0, "InvalidMsgValue"
    assert desc.flags <= PARTIAL_FILL, "OneInchRouter: flags that it does not know"
    assert extcall IERC20(desc.src_token).transferFrom(
        msg.sender, desc.src_receiver, desc.amount, default_return_value=True
    ), "SafeTransferFromFailed"
    # As the real one: the owner, then the data as it came, then the amount.
    answer: Bytes[32] = raw_call(
        executor,
        concat(
            method_id("execute(address)"),
            abi_encode(msg.sender),
            data,
            abi_encode(desc.amount),
        ),
        max_outsize=32,
    )
    bought: uint256 = convert(answer, uint256)
    spent: uint256 = desc.amount
    least: uint256 = desc.min_return
    if desc.flags == PARTIAL_FILL:
        left: uint256 = staticcall IERC20(desc.src_token).balanceOf(self)
        spent -= left
        least = least * spent // desc.amount
        assert extcall IERC20(desc.src_token).transfer(msg.sender, left, default_return_value=True)
    assert bought >= least, "ReturnAmountIsNotEnough"
    receiver: address = desc.dst_receiver
    if receiver == empty(address):
        receiver = msg.sender
    assert extcall IERC20(desc.dst_token).transfer(receiver, bought, default_return_value=True)
    return bought, spent
