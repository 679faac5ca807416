"""The arena over the real SwapRouter02, and what anybody may call of that router at any time: it gives what lies on it
to whoever asks.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from eth_abi.abi import encode
from given_attacks import Arena
from given_hostile import Contract, delegate, deploy
from given_pools import FEE
from given_routes import EXACT_INPUT_SINGLE, SINGLE_SELECTOR

from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.core.model.module import NOBODY, ModuleRoute
from rebalancer.replica.calls import encode_call, selector
from rebalancer.units import ONE, PPM

ROUTER = MAINNET.swap_router_02
DEPTH = (5_000 * 10**18, 10_000_000 * 10**6)
"""Gold and silver of a pool: ten million dollars on each side. A sale of 10,000 moves its price by 20 basis points."""
STRUCT = EXACT_INPUT_SINGLE.removeprefix("exactInputSingle(")[:-1]


def over_the_real_router(arena: Arena, **policy: Any) -> Arena:
    """Built swaps over SwapRouter02 only."""
    return arena.again(routes=(ModuleRoute(ROUTER, NOBODY),), **policy)


def lying(arena: Arena) -> list[int]:
    """What lies on the router: of each token, and of the hub last."""
    return [int(arena.replica.read(t.address, "balanceOf(address)", ROUTER)[0]) for t in (*arena.tokens, arena.hub)]


def sweep(token: str, receiver: str) -> str:
    """All that the router has of it."""
    return encode_call("sweepToken(address,uint256,address)", token, 0, receiver)


def swap_away(token_in: str, token_out: str, receiver: str, amount: int = 0) -> str:
    """All that the router has of it, or so much of the caller's, over a V3 pool, for whatever it brings."""
    fields = (token_in, token_out, FEE, receiver, amount, 0, 0)
    return "0x" + (SINGLE_SELECTOR + encode([STRUCT], [fields])).hex()


def multicall(*calls: str) -> str:
    """Several calls of the router as one."""
    return "0x" + (selector("multicall(bytes[])") + encode(["bytes[]"], [[bytes.fromhex(c[2:]) for c in calls]])).hex()


def on_the_second_transfer(token: Contract, moment: int, target: str, data: str) -> None:
    """At `moment` of the second transfer from now on: the first is the payment, the second is the router's."""
    later = token.data("lay", moment, target, bytes.fromhex(data[2:]), False)
    token.lay(moment, token.address, later, strict=True)


def a_batching(arena: Arena, role: str) -> Contract:
    """That account runs code that makes several calls in one transaction."""
    actor = arena.replica.actor(role)
    delegate(arena.replica, actor, deploy(arena.replica, "SmartOperator"))
    return Contract(arena.replica, "SmartOperator", actor.address)


def call(target: str, data: str, strict: bool = True) -> tuple[str, bytes, bool]:
    """One of such a batch."""
    return (target, bytes.fromhex(data[2:]), strict)


def rich(arena: Arena, holder: str) -> int:
    """Dollars at 1e18 of the three tokens that somebody has."""
    units = [10 ** int(token.read("decimals")) for token in arena.tokens]
    return sum(arena.held(t, holder) * arena.prices[t] // units[t] for t in range(3))


@contextmanager
def settling(arena: Arena, dollars: int) -> Iterator[None]:
    """The Safe loses no more than the floor of so many dollars sold, and the meters count all of it."""
    before, left = arena.worth(), arena.state().loss_left
    yield
    lost = before - arena.worth()
    shortfall = arena.module.policy.limits.max_shortfall
    # A unit of silver is 10**12 of these.
    assert lost <= dollars * ONE * shortfall // PPM + 10**12
    counted = -(-lost * ONE // before) if lost > 0 else 0
    assert left - arena.state().loss_left == counted
