# pragma version 0.4.3
"""
@title KyberSwap's MetaAggregationRouterV2, as far as it sells
@notice The real one's calls and its order of things: fees on what is sold, the tokens to whom the calldata names, the
        executor called, what came here passed on, and the minimum compared with what the receiver has got. The executor
        is called with the data as it is, where the real one wraps it into callBytes: a development chain only.
"""

from ethereum.ercs import IERC20


struct Swap:
    token_in: address
    token_out: address
    given_to: DynArray[address, MOST]
    given: DynArray[uint256, MOST]
    fee_receivers: DynArray[address, MOST]
    fees: DynArray[uint256, MOST]
    receiver: address
    amount: uint256
    least: uint256
    flags: uint256
    permit: Bytes[MOST_PERMIT]


struct Execution:
    target: address
    approved: address
    data: Bytes[MOST_DATA]
    swap: Swap
    client: Bytes[MOST_DATA]


MOST: constant(uint256) = 8
MOST_DATA: constant(uint256) = 4096
MOST_PERMIT: constant(uint256) = 512

FEE_IN_BPS: constant(uint256) = 128
BPS: constant(uint256) = 10_000


@external
@payable
def swap(execution: Execution) -> (uint256, uint256):
    swap: Swap = execution.swap
    assert swap.least > 0, "KyberRouter: Min return should not be 0"
    assert len(execution.data) > 0, "KyberRouter: executorData should be not zero"
    receiver: address = swap.receiver if swap.receiver != empty(address) else msg.sender
    before: uint256 = staticcall IERC20(swap.token_out).balanceOf(receiver)
    here: uint256 = staticcall IERC20(swap.token_out).balanceOf(self)
    self._hand_over(swap, self._take_fees(swap))
    raw_call(execution.target, execution.data)
    came: uint256 = staticcall IERC20(swap.token_out).balanceOf(self) - here
    assert extcall IERC20(swap.token_out).transfer(receiver, came, default_return_value=True)
    paid: uint256 = staticcall IERC20(swap.token_out).balanceOf(receiver) - before
    assert paid >= swap.least, "KyberRouter: Return amount is not enough"
    return paid, 0


@internal
def _take_fees(swap: Swap) -> uint256:
    assert len(swap.fee_receivers) == len(swap.fees), "KyberRouter: Invalid length"
    left: uint256 = swap.amount
    place: uint256 = 0
    for receiver: address in swap.fee_receivers:
        fee: uint256 = swap.fees[place]
        if swap.flags & FEE_IN_BPS != 0:
            fee = swap.amount * fee // BPS
        self._pull(swap.token_in, receiver, fee)
        left -= fee
        place += 1
    return left


@internal
def _hand_over(swap: Swap, most: uint256):
    assert len(swap.given_to) == len(swap.given), "KyberRouter: invalid srcReceivers length"
    total: uint256 = 0
    place: uint256 = 0
    for receiver: address in swap.given_to:
        self._pull(swap.token_in, receiver, swap.given[place])
        total += swap.given[place]
        place += 1
    assert total <= most, "KyberRouter: Exceeded desc.amount"


@internal
def _pull(token: address, receiver: address, amount: uint256):
    assert extcall IERC20(token).transferFrom(msg.sender, receiver, amount, default_return_value=True)
