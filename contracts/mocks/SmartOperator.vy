# pragma version 0.4.3
"""
@title Code on an operator's own account
@notice What an account delegates to (EIP-7702) to make several calls in one transaction, and to come back
        when it is called in the middle of one. The calls come from the account itself. Anyone may use it:
        a development chain only. Ambush moment: 0 on a call that fits no method.
"""

from . import ambush

initializes: ambush
exports: (ambush.lay, ambush.fired, ambush.succeeded, ambush.answer)

MOST_CALLS: constant(uint256) = 8
MOST_DATA: constant(uint256) = 8192


struct Call:
    target: address
    data: Bytes[MOST_DATA]
    # Whether the whole batch fails where this call does.
    strict: bool


# Whether each call of the last batch succeeded.
outcomes: public(DynArray[bool, MOST_CALLS])


@external
@payable
def batch(calls: DynArray[Call, MOST_CALLS]):
    """
    @notice Makes `calls`, in their order.
    """
    self.outcomes = []
    for call: Call in calls:
        success: bool = False
        answer: Bytes[1024] = b""
        success, answer = raw_call(call.target, call.data, max_outsize=1024, revert_on_failure=False)
        if call.strict and not success:
            raw_revert(answer)
        self.outcomes.append(success)


@external
@payable
def __default__():
    ambush._spring(0)
