# pragma version 0.4.3
"""
@title Calls that wait inside a mock
@notice A mock that initializes this lets anyone lay one call per moment; when the mock comes to that
        moment, the call is made from the mock's account, once. What came of it can be read afterwards.
        A call that is laid strictly takes the mock down with it where it fails; any other is only noted.
"""

MOST_DATA: constant(uint256) = 8192
MOST_ANSWER: constant(uint256) = 1024


struct Call:
    target: address
    data: Bytes[MOST_DATA]
    strict: bool


# By moment; each mock says which it has. No target: nothing waits.
_calls: HashMap[uint256, Call]

# How many were made, whether the last succeeded, and what it returned or reverted with.
fired: public(uint256)
succeeded: public(bool)
answer: public(Bytes[MOST_ANSWER])


@external
def lay(moment: uint256, target: address, data: Bytes[MOST_DATA], strict: bool):
    """
    @notice Call `target` with `data` at `moment`, the next time that it comes.
    """
    self._calls[moment] = Call(target=target, data=data, strict=strict)


@internal
def _spring(moment: uint256):
    call: Call = self._calls[moment]
    if call.target == empty(address):
        return
    # Before the call: it may come back to this very moment.
    self._calls[moment].target = empty(address)
    success: bool = False
    answer: Bytes[MOST_ANSWER] = b""
    success, answer = raw_call(call.target, call.data, max_outsize=MOST_ANSWER, revert_on_failure=False)
    if call.strict and not success:
        raw_revert(answer)
    self.fired += 1
    self.succeeded = success
    self.answer = answer
