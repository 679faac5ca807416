"""Mainnet's tokens, feeds, pools and router, as the replica has them, and an owners' Safe with a module over them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from given_attacks import ALL_GAS, LIMITS, up
from given_hostile import deploy
from given_module import SYMBOLS, TARGETS, Module, deploy_module, policy_of
from given_reasons import BEFORE_EXECUTION, in_full, reason_of
from given_routes import PATH_CHECKS, PATH_LENGTH, PATH_SELECTOR, SINGLE_CHECKS, SINGLE_LENGTH, SINGLE_SELECTOR

from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.adapters.chain.rpc import RpcError
from rebalancer.core.model.module import ModuleRoute, ModuleSwap
from rebalancer.replica.chain import Replica
from rebalancer.units import ONE, PPM

WETH, WBTC, USDC, LINK, UNI = range(5)
BUILT, SINGLE, PATH = range(3)
USDT_HUB, DAI_HUB = 16, 17
DOLLARS = {"WETH": 40_000, "WBTC": 25_000, "USDC": 10_000, "LINK": 15_000, "UNI": 10_000}
"""Of 100,000: ether is 10 % of the wallet above its target, dollars as much below."""


@dataclass(frozen=True)
class Market:
    """The module's routes: built calls of SwapRouter02, its exactInputSingle and its exactInput from outside."""

    replica: Replica
    module: Module

    def price(self, place: int) -> int:
        """Dollars at 1e18 of a whole token."""
        return self.replica.prices[SYMBOLS[place]] * 10**10

    def unit(self, place: int) -> int:
        return 10 ** self.replica.token(SYMBOLS[place]).decimals

    def held(self, place: int) -> int:
        return self.replica.balance(SYMBOLS[place], self.module.safe)

    def books(self) -> list[int]:
        return [self.held(place) for place in range(len(SYMBOLS))]

    def swap(self, token_in: int, token_out: int, dollars: int, route: int = BUILT, path: int = 0) -> ModuleSwap:
        """At the floor."""
        amount = dollars * ONE * self.unit(token_in) // self.price(token_in)
        sold = up(amount * self.price(token_in), self.unit(token_in))
        kept = up(sold * (PPM - self.module.policy.limits.max_shortfall), PPM)
        least = up(kept * self.unit(token_out), self.price(token_out))
        return ModuleSwap(route, token_in, token_out, amount, least, path)

    def settles(self, swap: ModuleSwap, data: bytes = b"") -> dict[str, Any]:
        receipt = self.module.rebalance([swap], data)
        assert receipt["status"] == "0x1"
        return receipt

    def refuses(self, rule: str, swap: ModuleSwap, data: bytes = b"") -> None:
        """Sent and mined, reverts with exactly this reason, and has taken nothing."""
        if rule in BEFORE_EXECUTION:
            with pytest.raises(RpcError) as previewed:
                self.module.preview([swap], data)
            assert reason_of(previewed.value) == in_full(rule)
        with pytest.raises(RpcError) as refused:
            self.module.rebalance([swap], data)
        assert reason_of(refused.value) == in_full(rule)
        before, state = self.books(), self.module.state()
        call = "0x" + self.module.data([swap], data).hex()
        receipt = self.replica.send(self.module.operator, self.module.address, call, gas=ALL_GAS)
        assert (receipt["status"], self.books(), self.module.state()) == ("0x0", before, state)


def a_market(replica: Replica) -> Market:
    """A new one, of a 1-of-1 Safe."""
    safe = replica.create_safe([replica.actor("owner").address], salt=46)
    checkers = [
        deploy(replica, "RouteCheck", SINGLE_SELECTOR, SINGLE_LENGTH, SINGLE_CHECKS),
        deploy(replica, "RouteCheck", PATH_SELECTOR, PATH_LENGTH, PATH_CHECKS),
    ]
    policy = policy_of(safe, limits=LIMITS)
    routes = (*policy.routes, *(ModuleRoute(MAINNET.swap_router_02, checker) for checker in checkers))
    module = deploy_module(replica, type(policy)(safe, policy.assets, policy.hubs, routes, policy.limits), TARGETS)
    market = Market(replica, module)
    for place, symbol in enumerate(SYMBOLS):
        replica.deal(symbol, safe, DOLLARS[symbol] * ONE * market.unit(place) // market.price(place))
    return market
