"""The lean encoder against a full one: every byte of what is signed."""

from __future__ import annotations

import pytest
from eth_abi.abi import decode, encode
from eth_abi.packed import encode_packed
from hypothesis import given
from hypothesis import strategies as st

from rebalancer.adapters.chain.codec import DecodeError
from rebalancer.adapters.wallets.abi import (
    allowance,
    approve,
    balance_of,
    calls_of_batch,
    exec_batch,
    exec_by_sender,
    transfer,
)
from rebalancer.core.model import Call
from rebalancer.market.addresses import checksum_address, keccak256
from rebalancer.units import Address

SAFE, MULTI_SEND, OPERATOR = (Address("0x" + digit * 40) for digit in "123")
ZERO = "0x" + "0" * 40
addresses = st.binary(min_size=20, max_size=20).map(lambda b: checksum_address("0x" + b.hex()))
calls = st.lists(st.builds(Call, addresses, st.binary(max_size=200)), max_size=6)

EXEC = "execTransaction(address,uint256,bytes,uint8,uint256,uint256,uint256,address,address,bytes)"


def _call(signature: str, *values: object) -> bytes:
    types = signature[signature.index("(") + 1 : -1].split(",")
    return keccak256(signature.encode())[:4] + encode(types, values)


@given(calls)
def test_exec_batch__of_any_calls__is_the_safes_abi(made: list[Call]) -> None:
    packed = b"".join(
        encode_packed(["uint8", "address", "uint256", "uint256", "bytes"], [0, c.to, 0, len(c.data), c.data])
        for c in made
    )
    inner = _call("multiSend(bytes)", packed)
    signature = bytes(12) + bytes.fromhex(OPERATOR[2:]) + bytes(32) + b"\x01"
    expected = _call(EXEC, MULTI_SEND, 0, inner, 1, 0, 0, 0, ZERO, ZERO, signature)
    assert exec_batch(SAFE, MULTI_SEND, OPERATOR, made) == Call(SAFE, expected)


@given(addresses, st.binary(max_size=200))
def test_exec_by_sender__of_any_call__is_the_safes_abi(to: Address, data: bytes) -> None:
    signature = bytes(12) + bytes.fromhex(OPERATOR[2:]) + bytes(32) + b"\x01"
    expected = _call(EXEC, to, 0, data, 0, 0, 0, 0, ZERO, ZERO, signature)
    assert exec_by_sender(SAFE, OPERATOR, Call(to, data)) == Call(SAFE, expected)


@given(calls)
def test_calls_of_batch__of_what_was_made__is_what_went_in(made: list[Call]) -> None:
    assert calls_of_batch(exec_batch(SAFE, MULTI_SEND, OPERATOR, made).data) == tuple(made)


@given(st.binary(max_size=800), st.integers(0, 800))
def test_calls_of_batch__of_damaged_calldata__is_a_decode_error_or_calls(noise: bytes, cut: int) -> None:
    whole = exec_batch(SAFE, MULTI_SEND, OPERATOR, [Call(SAFE, bytes(100)), Call(OPERATOR, bytes(300))]).data
    for data in (whole[:cut] + noise, whole[:cut]):
        try:
            found = calls_of_batch(data)
        except DecodeError:
            continue
        assert all(isinstance(call, Call) for call in found)


@given(addresses, addresses, st.integers(0, 2**256 - 1))
def test_token_calls__of_any_values__are_the_erc20_abi(token: Address, other: Address, raw: int) -> None:
    assert approve(token, other, raw).data == _call("approve(address,uint256)", other, raw)
    assert transfer(token, other, raw).data == _call("transfer(address,uint256)", other, raw)
    assert balance_of(token, other).data == _call("balanceOf(address)", other)
    assert allowance(token, other, token).data == _call("allowance(address,address)", other, token)


def test_exec_batch__as_the_safe_reads_it__refunds_nothing_and_fails_as_a_whole() -> None:
    data = exec_batch(SAFE, MULTI_SEND, OPERATOR, [Call(SAFE, b"\x01")]).data
    fields = decode(EXEC[EXEC.index("(") + 1 : -1].split(","), data[4:])
    assert fields[3:9] == (1, 0, 0, 0, ZERO, ZERO)


@pytest.mark.parametrize("data", [b"", b"\x6a\x76\x12\x02", bytes.fromhex("6a761202") + bytes(320)])
def test_calls_of_batch__of_nothing_inside__is_a_decode_error(data: bytes) -> None:
    with pytest.raises(DecodeError):
        calls_of_batch(data)
