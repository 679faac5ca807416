"""Addresses that follow from their inputs: EIP-55 checksums, CREATE2 (EIP-1014), Uniswap's pools.

A pool's address is derived, never configured, so a typing error cannot name a pool of somebody else.
"""

from __future__ import annotations

from functools import cache

from rebalancer.units import Address

V2_PAIR_INIT_CODE_HASH = bytes.fromhex("96e8ac4277198ff8b6f785478aa9a39f403cb768dd02cbee326c3e7da348845f")
V3_POOL_INIT_CODE_HASH = bytes.fromhex("e34f199b19b2b4f47f68442619d555527d244f78a3297ea89325f843f87b8b54")


def keccak256(data: bytes) -> bytes:
    """Ethereum's hash of `data`."""
    from Crypto.Hash import keccak  # late: a tick that hashes nothing does not pay for it

    return keccak.new(digest_bits=256, data=data).digest()


@cache
def checksum_address(text: str) -> Address:
    """The EIP-55 form of `text` (0x and 40 hex digits, in any case). ValueError if it is none."""
    digits = text[2:].lower() if text[:2] in ("0x", "0X") else ""
    if len(digits) != 40 or any(c not in "0123456789abcdef" for c in digits):
        raise ValueError(f"{text!r} is no address: expected 0x and 40 hex digits")
    shade = keccak256(digits.encode()).hex()
    return Address("0x" + "".join(c.upper() if s > "7" else c for c, s in zip(digits, shade, strict=False)))


def address_bytes(address: str) -> bytes:
    """The 20 bytes of an address."""
    return bytes.fromhex(address[2:])


def create2_address(deployer: str, salt: bytes, init_code_hash: bytes) -> Address:
    """EIP-1014: the address of a contract from its deployer, salt and the hash of its init code."""
    digest = keccak256(b"\xff" + address_bytes(deployer) + salt + init_code_hash)
    return checksum_address("0x" + digest[12:].hex())


def sort_tokens(a: str, b: str) -> tuple[str, str]:
    """The two addresses as (token0, token1), as Uniswap orders them."""
    return (a, b) if int(a, 16) < int(b, 16) else (b, a)


def v2_pair_address(factory: str, a: str, b: str) -> Address:
    """UniswapV2Library.pairFor."""
    token0, token1 = sort_tokens(a, b)
    return create2_address(factory, keccak256(address_bytes(token0) + address_bytes(token1)), V2_PAIR_INIT_CODE_HASH)


def v3_pool_address(factory: str, a: str, b: str, fee: int) -> Address:
    """PoolAddress.computeAddress of v3-periphery; `fee` in millionths."""
    token0, token1 = sort_tokens(a, b)
    words = (bytes(12) + address_bytes(token0), bytes(12) + address_bytes(token1), fee.to_bytes(32, "big"))
    return create2_address(factory, keccak256(b"".join(words)), V3_POOL_INIT_CODE_HASH)
