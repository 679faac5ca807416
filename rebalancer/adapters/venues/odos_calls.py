"""Calldata of the Odos router V3 in, what it does out, as we read it.

The structs and who a receiver of zero is: OdosRouterV3.sol and IOdosRouterV3.sol of odos-xyz. Compact calldata, which
names tokens by their place in the router's storage, is not asked for, and is not read.
"""

from __future__ import annotations

from typing import Any

from rebalancer.adapters.venues.calldata import Function, address_of, naming_receiver
from rebalancer.core.model import Terms, WholeTerms
from rebalancer.units import Address

_REFERRAL = "(uint64,uint64,address)"
SWAP = Function("swap", ("(address,uint256,address,address,uint256,uint256,address)", "bytes", "address", _REFERRAL))
SWAP_MULTI = Function(
    "swapMulti",
    ("(address,uint256,address)[]", "(address,uint256,uint256,address)[]", "bytes", "address", _REFERRAL),
)
_CALLER = "0x0000000000000000000000000000000000000000"
"""A receiver of zero is whoever calls."""


def one_swap(data: bytes, wallet: Address) -> tuple[int, Terms]:
    """The most that the router pays, and what it does."""
    info, _, _, referral = SWAP.read(data)
    token_in, amount_in, _, token_out, quoted, least, receiver = info
    terms = Terms(
        function=SWAP.name,
        token_in=address_of(token_in),
        token_out=address_of(token_out),
        amount_in=amount_in,
        least_out=least,
        receiver=_receiver(receiver, wallet),
        extras=_extras(referral),
    )
    return quoted, terms


def with_receiver(data: bytes, wallet: Address) -> bytes:
    """The call of one swap with the wallet written where a receiver of zero stands."""
    return naming_receiver(SWAP, data, (0, 6), wallet)


def all_swaps(data: bytes, wallet: Address) -> tuple[dict[Address, int], WholeTerms]:
    """The most that the router pays of each token, and what it does."""
    inputs, outputs, _, _, referral = SWAP_MULTI.read(data)
    terms = WholeTerms(
        function=SWAP_MULTI.name,
        sold=tuple((address_of(token), raw) for token, raw, _ in inputs),
        least=tuple((address_of(token), least) for token, _, least, _ in outputs),
        receivers=tuple(dict.fromkeys(_receiver(receiver, wallet) for *_, receiver in outputs)),
        extras=_extras(referral),
    )
    return {address_of(token): quoted for token, quoted, _, _ in outputs}, terms


def _receiver(found: Any, wallet: Address) -> Address:
    return wallet if found == _CALLER else address_of(found)


def _extras(referral: Any) -> tuple[str, ...]:
    """A code says who has referred us, and whether what is above the quote is kept; a fee is taken of what arrives."""
    code, fee, recipient = referral
    said = []
    if code:
        said.append(f"a referral, code {code}")
    if fee:
        said.append(f"a referral's fee of {fee} parts of 10^18 for {address_of(recipient)}")
    return tuple(said)
