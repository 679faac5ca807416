# pragma version 0.4.3
"""
@title The contract of 0x that trades, for the replica
@notice Makes the actions that it is called with, then checks how much it holds of the bought token and sends it to the
        recipient. Of the actions of 0x's Settler it knows two: TRANSFER_FROM through the allowance holder, without a
        signature, and BASIC. Errors have the names of the real one. Nothing of its is asked who the caller is, as there.
"""

from ethereum.ercs import IERC20


interface AllowanceHolder:
    def transferFrom(token: address, owner: address, recipient: address, amount: uint256) -> bool: nonpayable


struct AllowedSlippage:
    recipient: address
    buy_token: address
    min_amount_out: uint256


struct TokenPermissions:
    token: address
    amount: uint256


struct PermitTransferFrom:
    permitted: TokenPermissions
    nonce: uint256
    deadline: uint256


struct TransferFrom:
    recipient: address
    permit: PermitTransferFrom
    signature: Bytes[128]


struct Basic:
    sell_token: address
    bps: uint256
    pool: address
    # Where in `data` the amount is written.
    offset: uint256
    data: Bytes[MOST_CALL]


HOLDER: constant(address) = 0x0000000000001fF3684f28c67538d4D072C22734
MOST_CALL: constant(uint256) = 2048
MOST_ACTION: constant(uint256) = 3072
MOST_CALLDATA: constant(uint256) = 16384
BPS: constant(uint256) = 10_000
# The precompile that returns what it is given: the compiler takes a slice of calldata of fixed length only.
IDENTITY: constant(address) = 0x0000000000000000000000000000000000000004


@external
@payable
def execute(slippage: AllowedSlippage, actions: DynArray[Bytes[MOST_ACTION], 4], zid_and_affiliate: bytes32) -> bool:
    for action: Bytes[MOST_ACTION] in actions:
        selector: bytes4 = convert(slice(action, 0, 4), bytes4)
        if selector == method_id("TRANSFER_FROM(address,((address,uint256),uint256,uint256),bytes)", output_type=bytes4):
            self._transfer_from(slice(action, 4, len(action) - 4))
        elif selector == method_id("BASIC(address,uint256,address,uint256,bytes)", output_type=bytes4):
            self._basic(slice(action, 4, len(action) - 4))
        else:
            raise "ActionInvalid"
    if slippage.buy_token == empty(address) and slippage.min_amount_out == 0:
        return True
    held: uint256 = staticcall IERC20(slippage.buy_token).balanceOf(self)
    assert held >= slippage.min_amount_out, "TooMuchSlippage"
    assert extcall IERC20(slippage.buy_token).transfer(slippage.recipient, held, default_return_value=True)
    return True


@internal
def _transfer_from(arguments: Bytes[MOST_ACTION]):
    asked: TransferFrom = empty(TransferFrom)
    asked.recipient, asked.permit, asked.signature = abi_decode(
        arguments, (address, PermitTransferFrom, Bytes[128])
    )
    assert asked.permit.deadline >= block.timestamp, "SignatureExpired"
    assert len(asked.signature) == 0, "InvalidSignatureLen"
    permitted: TokenPermissions = asked.permit.permitted
    extcall AllowanceHolder(HOLDER).transferFrom(permitted.token, self._sender(), asked.recipient, permitted.amount)


@internal
def _basic(arguments: Bytes[MOST_ACTION]):
    asked: Basic = empty(Basic)
    asked.sell_token, asked.bps, asked.pool, asked.offset, asked.data = abi_decode(
        arguments, (address, uint256, address, uint256, Bytes[MOST_CALL])
    )
    assert asked.pool != HOLDER, "ConfusedDeputy"
    amount: uint256 = staticcall IERC20(asked.sell_token).balanceOf(self) * asked.bps // BPS
    after: uint256 = asked.offset + 32
    data: Bytes[2 * MOST_CALL + 32] = concat(
        slice(asked.data, 0, asked.offset),
        convert(amount, bytes32),
        slice(asked.data, after, len(asked.data) - after),
    )
    if asked.pool != asked.sell_token:
        assert extcall IERC20(asked.sell_token).approve(asked.pool, amount, default_return_value=True)
    raw_call(asked.pool, data)


@internal
@view
def _sender() -> address:
    # ERC-2771: the allowance holder writes its caller behind the calldata.
    if msg.sender != HOLDER:
        return msg.sender
    whole: Bytes[MOST_CALLDATA] = raw_call(IDENTITY, msg.data, max_outsize=MOST_CALLDATA, is_static_call=True)
    return convert(convert(slice(whole, len(whole) - 20, 20), bytes20), address)
