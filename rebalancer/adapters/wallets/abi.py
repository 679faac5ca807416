"""Calldata of the Safe, of MultiSendCallOnly and of tokens, both ways.

The call goes straight into `execTransaction`: zeros for everything that would let the Safe pay gas or
survive a failed batch, and a pre-validated signature, which is worth something only from the owner who sends it.
"""

from __future__ import annotations

from collections.abc import Sequence

from rebalancer.adapters.chain.codec import WORD, DecodeError, Words, address_word, bytes_tail, uint_word
from rebalancer.core.model import Call
from rebalancer.market.addresses import address_bytes, checksum_address
from rebalancer.units import Address

APPROVE = bytes.fromhex("095ea7b3")
"""approve(address,uint256)"""
TRANSFER = bytes.fromhex("a9059cbb")
"""transfer(address,uint256)"""
BALANCE_OF = bytes.fromhex("70a08231")
"""balanceOf(address)"""
ALLOWANCE = bytes.fromhex("dd62ed3e")
"""allowance(address,address)"""
EXEC_TRANSACTION = bytes.fromhex("6a761202")
"""execTransaction(address,uint256,bytes,uint8,uint256,uint256,uint256,address,address,bytes)"""
MULTI_SEND = bytes.fromhex("8d80ff0a")
"""multiSend(bytes)"""
MULTICALL = bytes.fromhex("5ae401dc")
"""multicall(uint256,bytes[]) of SwapRouter02"""
TRANSFER_EVENT = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
"""Transfer(address,address,uint256)"""
EXECUTION_SUCCESS_EVENT = "0x442e715f626346e8c54381002da614f62bee8d27386535b2521ec8540898556e"
"""ExecutionSuccess(bytes32,uint256) of the Safe"""

_CALL, _DELEGATECALL = 0, 1
_EXEC_HEAD = 10  # words of execTransaction's arguments before the tails
_PACKED_HEAD = 85  # operation 1, address 20, value 32, length 32


def approve(token: Address, spender: Address, raw: int) -> Call:
    """Let `spender` pull `raw` base units, in place of what it could pull before."""
    return Call(token, APPROVE + address_word(spender) + uint_word(raw))


def transfer(token: Address, receiver: Address, raw: int) -> Call:
    """Move `raw` base units from the caller. Only ever simulated."""
    return Call(token, TRANSFER + address_word(receiver) + uint_word(raw))


def void_after(router: Address, deadline: int) -> Call:
    """Nothing, through SwapRouter02, which reverts with "Transaction too old" once the deadline has passed."""
    return Call(router, MULTICALL + uint_word(deadline) + uint_word(2 * WORD) + uint_word(0))


def balance_of(token: Address, holder: Address) -> Call:
    return Call(token, BALANCE_OF + address_word(holder))


def allowance(token: Address, holder: Address, spender: Address) -> Call:
    return Call(token, ALLOWANCE + address_word(holder) + address_word(spender))


def exec_batch(safe: Address, multi_send: Address, operator: Address, calls: Sequence[Call]) -> Call:
    """One execTransaction that delegates to MultiSendCallOnly, which makes `calls` from the Safe."""
    inner = MULTI_SEND + uint_word(WORD) + bytes_tail(_pack(calls))
    return _execution(safe, operator, Call(multi_send, inner), _DELEGATECALL)


def exec_by_sender(safe: Address, owner: Address, call: Call) -> Call:
    """One execTransaction by which the Safe makes `call`, where `owner` sends it and the threshold is 1."""
    return _execution(safe, owner, call, _CALL)


def _execution(safe: Address, owner: Address, call: Call, operation: int) -> Call:
    inner_tail = bytes_tail(call.data)
    head = (
        address_word(call.to),
        uint_word(0),  # value
        uint_word(_EXEC_HEAD * WORD),
        uint_word(operation),
        uint_word(0),  # safeTxGas: with a gasPrice of 0, all gas, and the whole fails where the call fails
        uint_word(0),  # baseGas
        uint_word(0),  # gasPrice: the Safe refunds nothing
        uint_word(0),  # gasToken
        uint_word(0),  # refundReceiver
        uint_word(_EXEC_HEAD * WORD + len(inner_tail)),
    )
    return Call(safe, EXEC_TRANSACTION + b"".join(head) + inner_tail + bytes_tail(_approval_by_sender(owner)))


def calls_of_batch(data: bytes) -> tuple[Call, ...]:
    """The calls inside what `exec_batch` made. DecodeError for other calldata."""
    if data[:4] != EXEC_TRANSACTION:
        raise DecodeError(f"calldata starts with 0x{data[:4].hex()}, expected execTransaction")
    inner = Words(data[4:]).at(2).blob()
    if inner[:4] != MULTI_SEND:
        raise DecodeError(f"the Safe's call starts with 0x{inner[:4].hex()}, expected multiSend")
    return _unpack(Words(inner[4:]).at(0).blob())


def _approval_by_sender(owner: Address) -> bytes:
    """Safe's signature of type 1: r is the owner, s is free, v is 1. Valid where the owner itself sends."""
    return address_word(owner) + uint_word(0) + b"\x01"


def _pack(calls: Sequence[Call]) -> bytes:
    """MultiSendCallOnly's packed form: operation 0 (call), to, value 0, length, data."""
    return b"".join(
        b"\x00" + address_bytes(call.to) + uint_word(0) + uint_word(len(call.data)) + call.data for call in calls
    )


def _unpack(packed: bytes) -> tuple[Call, ...]:
    calls = []
    at = 0
    while at < len(packed):
        end = at + _PACKED_HEAD
        length = int.from_bytes(packed[end - WORD : end], "big")
        if len(packed) < end + length:
            raise DecodeError(f"a packed call announces {length} bytes, {len(packed) - end} are there")
        calls.append(Call(checksum_address("0x" + packed[at + 1 : at + 21].hex()), packed[end : end + length]))
        at = end + length
    return tuple(calls)
