# pragma version 0.4.3
"""
@title The allowance holder of 0x, for the replica
@notice Whoever calls `exec` lets an operator pull so much of a token, through this contract's own allowance, until the
        call is over. The calls and what they do are those of 0x's AllowanceHolder; what it does for accounts that sign
        by themselves (the allowance of theirs lasts until the end of the transaction) is left out.
"""

from ethereum.ercs import IERC20

MOST_DATA: constant(uint256) = 8192
MOST_RETURNED: constant(uint256) = 1024

# What is left, by operator, owner and token.
_allowed: transient(HashMap[address, HashMap[address, HashMap[address, uint256]]])


@external
@payable
def exec(operator: address, token: address, amount: uint256, target: address, data: Bytes[MOST_DATA]) -> Bytes[MOST_RETURNED]:
    """
    @param operator Who may pull
    @param target Who is called, with `data` and the caller's address behind it, as ERC-2771 has it
    """
    self._allowed[operator][msg.sender][token] = amount
    returned: Bytes[MOST_RETURNED] = raw_call(
        target, concat(data, convert(msg.sender, bytes20)), max_outsize=MOST_RETURNED, value=msg.value
    )
    self._allowed[operator][msg.sender][token] = 0
    return returned


@external
def transferFrom(token: address, owner: address, recipient: address, amount: uint256) -> bool:
    left: uint256 = self._allowed[msg.sender][owner][token]
    assert left >= amount, "AllowanceHolder: allowance too low"
    self._allowed[msg.sender][owner][token] = left - amount
    assert extcall IERC20(token).transferFrom(owner, recipient, amount, default_return_value=True)
    return True
