"""CoW Protocol's orders by EIP-712: an order of ours in, its uid and what the order book is told of it out.

Everything that binds is in the uid: who presigns it signs every field. So it is computed here, and never taken over.
GPv2Order and GPv2Signing have the types.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from rebalancer.core.model import Order
from rebalancer.market.addresses import address_bytes, checksum_address, keccak256
from rebalancer.units import Address

APP_DATA = '{"appCode":"rebalancer","metadata":{},"version":"1.3.0"}'
"""Who made the order, as the document that its field is the hash of. No fee of ours, no hook."""

_ORDER = (
    "Order(address sellToken,address buyToken,address receiver,uint256 sellAmount,uint256 buyAmount,uint32 validTo,"
    "bytes32 appData,uint256 feeAmount,string kind,bool partiallyFillable,string sellTokenBalance,"
    "string buyTokenBalance)"
)
_DOMAIN = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
_KIND, _BALANCE = "sell", "erc20"


def uid_of(order: Order, owner: Address, chain_id: int) -> str:
    """GPv2Order.packOrderUidParams: digest, owner, validity. Whatever `order.uid` says is not looked at."""
    tail = address_bytes(owner) + order.valid_to.to_bytes(4)
    return "0x" + (digest_of(order, owner, chain_id) + tail).hex()


def digest_of(order: Order, owner: Address, chain_id: int) -> bytes:
    """EIP-712, of an order that pays its owner."""
    words = (
        _hashed(_ORDER),
        _word(order.sell.token.address),
        _word(order.least.token.address),
        _word(owner),
        order.sell.raw.to_bytes(32),
        order.least.raw.to_bytes(32),
        order.valid_to.to_bytes(32),
        _hashed(APP_DATA),
        bytes(32),  # the fee
        _hashed(_KIND),
        bytes(32),  # not partially fillable
        _hashed(_BALANCE),
        _hashed(_BALANCE),
    )
    return keccak256(b"\x19\x01" + domain_separator(chain_id, order.settlement) + keccak256(b"".join(words)))


@cache
def domain_separator(chain_id: int, settlement: Address) -> bytes:
    """Of one settlement contract on one chain: an order is no order of another."""
    words = (_hashed(_DOMAIN), _hashed("Gnosis Protocol"), _hashed("v2"), chain_id.to_bytes(32), _word(settlement))
    return keccak256(b"".join(words))


def owner_of(uid: str) -> Address:
    """Whose order it is, as its uid has it."""
    return checksum_address("0x" + uid[66:106])


def order_fields(order: Order, owner: Address) -> dict[str, Any]:
    """The order as the API writes it, each field that is in the digest."""
    return {
        "sellToken": order.sell.token.address,
        "buyToken": order.least.token.address,
        "receiver": owner,
        "sellAmount": str(order.sell.raw),
        "buyAmount": str(order.least.raw),
        "validTo": order.valid_to,
        "appData": APP_DATA,
        "feeAmount": "0",
        "kind": _KIND,
        "partiallyFillable": False,
        "sellTokenBalance": _BALANCE,
        "buyTokenBalance": _BALANCE,
    }


@cache
def app_data_hash() -> str:
    """What stands in the order for the document."""
    return "0x" + _hashed(APP_DATA).hex()


def _word(address: Address) -> bytes:
    return bytes(12) + address_bytes(address)


def _hashed(text: str) -> bytes:
    return keccak256(text.encode())
