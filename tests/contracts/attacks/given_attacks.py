"""Where the attacks are played: a Safe with three hostile tokens at hostile feeds, a hostile router, and a module over
them all. What an attack is worth is reckoned here, out of the rules as they are written, and not asked of the module.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from given_hostile import Contract
from given_module import Module, deploy_module, v3_path
from given_reasons import BEFORE_EXECUTION, in_full, reason_of
from suggested_limits import SUGGESTED

from rebalancer.adapters.chain.rpc import RpcError
from rebalancer.core.model.module import NOBODY, ModuleAsset, ModuleState, ModuleSwap
from rebalancer.replica.calls import encode_call
from rebalancer.replica.chain import Replica
from rebalancer.replica.safes import RELEASES
from rebalancer.units import ONE, PPM, Address, Ppm

GOLD, SILV, IRON = 0, 1, 2
BUILT, CHECKED = 0, 1
ONE_HOP = v3_path((500, 0))
DECIMALS = (18, 6, 8)
DOLLARS = (2_000, 1, 50)
HELD = (300, 200_000, 4_000)
TARGETS = (400_000, 300_000, 300_000)
WORTH = 1_000_000 * ONE
"""600, 200 and 200 thousand dollars of the three: 20 % of the wallet above and below the targets."""
DAY = 86_400
LIMITS = replace(SUGGESTED, max_loss=Ppm(5_000), max_shortfall=Ppm(5_000))
AS_MODULE = "execTransactionFromModule(address,uint256,bytes,uint8)"
ALL_GAS = 12_000_000
USUAL = "1.4.1"
"""The release of Safe that an attack is played on."""
every_safe = pytest.mark.parametrize(
    "arena",
    [version if version == USUAL else pytest.param(version, marks=pytest.mark.slow) for version in RELEASES],
    indirect=True,
)


def up(a: int, b: int) -> int:
    """a / b, rounded up."""
    return -(-a // b)


@dataclass(frozen=True)
class Arena:
    """The Safe and its module, and all that an attacker may turn. Everything in the middle is his, but the policy."""

    replica: Replica
    module: Module
    tokens: tuple[Contract, ...]
    feeds: tuple[Contract, ...]
    """Of the three tokens; the fourth is the second of IRON."""
    hub: Contract
    router: Contract
    accomplice: Contract
    """Does one call, laid in it beforehand, when it is called."""
    attacker: Address
    prices: tuple[int, ...]
    """Dollars at 1e18 of whole tokens."""

    @property
    def safe(self) -> Address:
        return self.module.safe

    def again(
        self,
        targets: Sequence[int] = TARGETS,
        operator: Address | None = None,
        guardian: Address | None = None,
        **policy: Any,
    ) -> Arena:
        """With another module in place of the first; a key names a part of the policy, or a limit."""
        parts = {name: value for name, value in policy.items() if hasattr(self.module.policy, name)}
        limits = {name: value for name, value in policy.items() if name not in parts}
        wanted = replace(self.module.policy, **parts)
        wanted = replace(wanted, limits=replace(wanted.limits, **limits))
        return replace(self, module=deploy_module(self.replica, wanted, targets, operator, guardian))

    def ranged(self, place: int, least: int = 0, most: int = PPM) -> tuple[ModuleAsset, ...]:
        """The assets, one with other weights between which the owners want it."""
        assets = list(self.module.policy.assets)
        assets[place] = replace(assets[place], least=Ppm(least), most=Ppm(most))
        return tuple(assets)

    def holds(self, *dollars: float) -> Arena:
        """The Safe has just so many dollars of each token."""
        for place, (token, wanted) in enumerate(zip(self.tokens, dollars, strict=True)):
            more = self.amount(place, wanted) - self.held(place)
            if more < 0:
                token.send(self.safe, "transfer", self.hub.address, -more)
            else:
                token.set("mint", self.safe, more)
        return self

    # -------------------------------------------------------------- swaps

    def sold(self, token_in: int, amount_in: int) -> int:
        """Its value, rounded up."""
        return up(amount_in * self.prices[token_in], 10 ** DECIMALS[token_in])

    def floor(self, token_in: int, token_out: int, amount_in: int) -> int:
        """The least that it must bring."""
        kept = up(self.sold(token_in, amount_in) * (PPM - self.module.policy.limits.max_shortfall), PPM)
        return up(kept * 10 ** DECIMALS[token_out], self.prices[token_out])

    def fair(self, token_in: int, token_out: int, amount_in: int) -> int:
        """What it is worth."""
        return up(self.sold(token_in, amount_in) * 10 ** DECIMALS[token_out], self.prices[token_out])

    def amount(self, token: int, dollars: float) -> int:
        """Base units of so many dollars."""
        return int(dollars * 100) * ONE // 100 * 10 ** DECIMALS[token] // self.prices[token]

    def sell(
        self, token_in: int, token_out: int, dollars: float, min_out: int | None = None, path: int = ONE_HOP
    ) -> ModuleSwap:
        """Over the hostile router, by a call that the module builds; at the floor unless said otherwise."""
        amount = self.amount(token_in, dollars)
        least = self.floor(token_in, token_out, amount) if min_out is None else min_out
        return ModuleSwap(BUILT, token_in, token_out, amount, least, path)

    def outside(self, sells: int, buys: int, dollars: float, **fields: Any) -> tuple[list[ModuleSwap], bytes]:
        """Over the checked route: the swap, and the honest calldata but for `fields`."""
        amount = self.amount(sells, dollars)
        least = self.floor(sells, buys, amount)
        values = {
            "receiver": self.safe,
            "token_in": self.tokens[sells].address,
            "token_out": self.tokens[buys].address,
            "amount": amount,
            "min_out": least,
            "fee": 0,
            "referral": NOBODY,
            "extra": b"",
        } | fields
        data = bytes.fromhex(self.router.data("swap", *values.values())[2:])
        return [ModuleSwap(CHECKED, sells, buys, amount, least, len(data))], data

    # -------------------------------------------------------------- what comes of them

    def settles(self, swaps: Sequence[ModuleSwap], data: bytes = b"", **terms: int) -> dict[str, Any]:
        """The receipt of a batch that goes through. The operator sends it."""
        receipt = self.module.rebalance(swaps, data, **terms)
        assert receipt["status"] == "0x1"
        return receipt

    def refuses(
        self, rule: str, swaps: Sequence[ModuleSwap], data: bytes = b"", sender: str = "", **terms: int
    ) -> None:
        """The batch is sent and mined, reverts with exactly this reason, and has taken nothing."""
        if rule in BEFORE_EXECUTION:
            with pytest.raises(RpcError) as previewed:
                self.module.preview(swaps, data, **terms)
            assert reason_of(previewed.value) == in_full(rule)
        self.fails(rule, sender or self.module.operator, self.module.address, self.module.data(swaps, data, **terms))

    def fails(self, rule: str, sender: str, to: str, data: bytes | str) -> None:
        """The call is sent and mined, reverts with exactly this reason, and has changed nothing that counts."""
        call = {"from": sender, "to": to, "data": data if isinstance(data, str) else "0x" + data.hex()}
        with pytest.raises(RpcError) as refused:
            self.replica.rpc.call("eth_call", call | {"gas": hex(ALL_GAS)}, "latest")
        assert reason_of(refused.value) == in_full(rule)
        before = self.books(payer=sender)
        receipt = self.replica.send(sender, to, str(call["data"]), gas=ALL_GAS)
        assert receipt["status"] == "0x0"
        assert self.books(payer=sender) == before

    def books(self, payer: str = "") -> tuple[Any, ...]:
        """Everything that may be stolen, and all that the module remembers; not the ether of who pays for gas."""
        holders = (self.safe, self.attacker, self.router.address, self.accomplice.address, self.module.operator)
        asked = [encode_call("balanceOf(address)", holder) for holder in holders]
        spenders = (self.router.address, self.attacker, self.accomplice.address)
        asked += [encode_call("allowance(address,address)", self.safe, spender) for spender in spenders]
        calls: list[Any] = [
            ("eth_call", [{"to": token.address, "data": data}, "latest"])
            for token in (*self.tokens, self.hub)
            for data in asked
        ]
        slots = [("eth_getStorageAt", [self.module.address, hex(slot), "latest"]) for slot in range(8)]
        rich = [holder for holder in (self.safe, self.router.address) if holder != payer]
        coins = [("eth_getBalance", [holder, "latest"]) for holder in rich]
        answers = self.replica.rpc.batch_answers([*calls, *slots, *coins])
        return tuple(answer.get("result", "no answer") for answer in answers)

    def state(self) -> ModuleState:
        return self.module.state()

    def held(self, token: int, holder: str = "") -> int:
        """Base units, by the token's own account; of the Safe unless said otherwise."""
        return int(self.replica.read(self.tokens[token].address, "balanceOf(address)", holder or self.safe)[0])

    def ether(self) -> int:
        """Wei of the Safe."""
        return int(self.replica.rpc.call("eth_getBalance", self.safe, "latest"), 16)

    def worth(self) -> int:
        """Dollars at 1e18 of all that the Safe holds of the three."""
        return sum(self.held(token) * self.prices[token] // 10 ** DECIMALS[token] for token in range(3))

    def mint(self, token: int, holder: str, dollars: float) -> None:
        self.tokens[token].set("mint", holder, self.amount(token, dollars))

    def accomplice_is_a_module(self) -> None:
        """The owners have enabled a second module, and the attacker has it in hand."""
        self.replica.transact(self.safe, self.safe, "enableModule(address)", self.accomplice.address)

    def accomplice_makes_the_safe_call(self, to: str, data: str, value: int = 0) -> None:
        """When the accomplice is called, it has the Safe do this; the Safe's answer is kept there."""
        call = encode_call(AS_MODULE, to, value, bytes.fromhex(data[2:]), 0)
        self.accomplice.lay(2, self.safe, call)

    def router_calls(self, moment: int, target: str, data: str = "0x") -> None:
        self.router.lay(moment, target, data)
