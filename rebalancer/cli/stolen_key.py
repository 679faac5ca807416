"""The demo's thief: he has the operator's key and knows the module, and a day has gone by since it was last used.

Each attempt is sent, mined, and refused; the reason is the chain's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rebalancer.core.model import Call, ModuleSwap, ModuleWallet
from rebalancer.replica.calls import encode_call
from rebalancer.replica.chain import Replica
from rebalancer.units import Address
from rebalancer.wire import owners_call, rebalance_data

DAY = 86_400
DEARER = {"WETH": 3_600 * 10**8}
"""What WETH costs a day later: it is over its target again, and a rebalance is due."""
V3_DIRECT = 3 | 1 << 8
"""The path of one V3 hop, but for its fee."""
THIN, DEEP = 500, 3_000
"""Fees of the replica's pools LINK/WETH: 400,000 USD of liquidity in the one, 20 million in the other."""


@dataclass(frozen=True, slots=True)
class Attack:
    """What was tried, and who refused it with which words; None: it went through."""

    name: str
    refused_by: str | None


def steal(replica: Replica, wallet: ModuleWallet) -> tuple[Attack, ...]:
    """Three attempts of the operator's key. Nothing of the Safe's has moved afterwards, or the last of them says so.

    `wallet` as the last tick read it.
    """
    replica.warp(DAY)
    replica.move_market(DEARER)
    before = _holdings(replica, wallet.policy.safe)
    attacks = tuple(_attacks(replica, wallet, wallet.state.operator))
    if _holdings(replica, wallet.policy.safe) != before:
        return (*attacks, Attack("move the Safe's tokens in any of these ways", None))
    return attacks


def _attacks(replica: Replica, wallet: ModuleWallet, thief: Address) -> Iterator[Attack]:
    safe, weth = wallet.policy.safe, replica.token("WETH").address
    take = encode_call("transfer(address,uint256)", thief, replica.balance("WETH", safe))
    refused = replica.attempt(thief, safe, safe_call(safe, thief, weth, take))
    yield Attack("have the Safe send him its WETH", refused and f"Safe: {refused} (he is no owner)")
    nearly_nothing = _order(replica, wallet, (5 * 10**17, 1), THIN)
    yield Attack(
        "sell 0.5 WETH for next to nothing in a thin pool", replica.attempt(thief, wallet.module, nearly_nothing)
    )
    fair = 10 * replica.prices["WETH"] * 10**18 // replica.prices["LINK"]
    too_much = _order(replica, wallet, (10 * 10**18, fair), DEEP)
    yield Attack("sell 10 WETH, far past its target, to churn it back", replica.attempt(thief, wallet.module, too_much))


def safe_call(safe: Address, owner: Address, to: Address, data: str) -> str:
    """Calldata for the Safe that makes it call `to`, if `owner` is its owner and sends it."""
    return "0x" + owners_call(safe, owner, Call(to, bytes.fromhex(data[2:]))).data.hex()


def _order(replica: Replica, wallet: ModuleWallet, amounts: tuple[int, int], fee: int) -> str:
    """A rebalance of one swap, WETH for LINK: so much in, so much out at least."""
    places = [asset.token for asset in wallet.policy.assets]
    sold, bought = (places.index(replica.token(symbol).address) for symbol in ("WETH", "LINK"))
    swap = ModuleSwap(0, sold, bought, *amounts, V3_DIRECT | fee << 16)
    return "0x" + rebalance_data([swap], replica.now() + DAY, wallet.state.nonce).hex()


def _holdings(replica: Replica, safe: Address) -> tuple[int, ...]:
    return tuple(replica.balance(token.address, safe) for token in replica.tokens)
