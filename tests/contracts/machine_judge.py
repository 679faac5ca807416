"""Asks the module and the model the same, compares their answers and what is left behind, and keeps account of what
was stolen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from eth_abi.abi import decode as abi_decode
from machine_batches import CHECKED, Batch
from machine_chain import Words, merged, reason_in
from machine_router import HONEST, Hostile, Outcome
from machine_words import Script
from machine_world import COUNT, Party, World
from policy_model import ONE, PPM, Account, Block, Order, Refused, full

from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.adapters.wallets.module_abi import STATE, decode_state, preview_data, rebalance_data
from rebalancer.core.model.module import NOBODY
from rebalancer.replica.calls import encode_call

OFF = ONE * 75 // 10_000
"""The market is always off the feeds by so much, against the wallet: b of the bound."""
FINE = 10**45
UNSEEN = 2 * COUNT
"""1e-18 dollars that rounding the values of the tokens may hide in one act."""
NO_WORDS: Words = {}


@dataclass
class Thefts:
    """What left the wallet at true prices, as shares of it, against min(L, s*T) + b*T for each window that any span of
    time has in it, and one more."""

    window: int
    bound: int
    acts: list[tuple[int, int]] = field(default_factory=list)

    @classmethod
    def under(cls, account: Account) -> Thefts:
        limits = account.policy.limits
        at_oracle = min(full(limits.max_loss), limits.max_shortfall * limits.max_turnover * ONE // PPM**2)
        return cls(limits.window, (at_oracle + OFF * limits.max_turnover // PPM) * FINE // ONE)

    def add(self, at: int, taken: int, worth: int) -> None:
        self.acts.append((at, -(-taken * FINE // worth)))
        stolen = 0
        for since, share in reversed(self.acts):
            stolen += share
            assert stolen * self.window <= self.bound * (self.window + at - since), f"more than the bound since {since}"


class Judge:
    """Of one Safe. The account is the model's; it is right until the module says otherwise."""

    scripts: dict[str, Script] = {}

    def __init__(self, world: World, party: Party, account: Account, seen: Counter[str]) -> None:
        self.world, self.party, self.account, self.seen = world, party, account, seen
        self.chain = world.chain
        self.script = self.scripts.setdefault(party.module.address, Script(world, party))
        self.unlisted, self.ether = ONE, 0
        self._gas_of("safe")
        self.thefts = Thefts.under(account)
        self.views = self._views()

    def address(self, name: str) -> str:
        if name == "":
            return NOBODY
        return self.party.module.safe if name == "safe" else str(self.chain.replica.actor(name).address)

    # -------------------------------------------------------------- asking both

    def rebalance(
        self, block: Block, order: Order, outcome: Outcome, given: tuple[Batch, Hostile, Words], sent: bool
    ) -> bool:
        """Whether there was a block. `sent`: even though it is refused."""
        batch, hostile, feeds = given
        module, account = self.party.module, self.account
        words = merged(feeds, self.script.words(hostile) if hostile is not HONEST else NO_WORDS)
        form = (batch.sent, batch.data, order.deadline, order.nonce)
        data, sender = "0x" + rebalance_data(*form).hex(), self.address(order.sender)
        questions = [(NOBODY, module.address, "0x" + preview_data(*form).hex()), (sender, module.address, data)]
        verdicts = self.chain.ask(questions, block.now, words)
        self._agree(self._rule(lambda: account.preview(block, order)), verdicts[0], "preview")
        before, prices = account.balances, block.prices
        rule = self._rule(lambda: account.rebalance(block, order, outcome.fills, outcome.at_end, outcome.ether))
        self._agree(rule, verdicts[1], "rebalance")
        self.seen[f"rebalance: {rule or 'accepted'}"] += 1
        if rule and not sent:
            return False
        kept = self.chain.words_at(words)
        receipt = self.chain.act(sender, module.address, data, block.now, words)
        assert receipt["status"] == ("0x0" if rule else "0x1")
        left = tuple(hostile.allowed if token == hostile.token else 0 for token in range(COUNT + 1))
        if not rule:
            assert outcome.unlisted == self.unlisted or hostile.allowed
            left, self.unlisted = outcome.allowances, outcome.unlisted
            assert not any(left[swap.token_in] for swap in batch.swaps if swap.route == CHECKED)
            self._charge(block.now, before, [int(price) for price in prices])
        self.compare(block, left)
        self.chain.put(kept)
        return True

    def door(self, sender: str, data: str, model: Callable[[], None], block: Block) -> bool:
        """Whether there was a block."""
        rule = self._rule(model)
        person = self.address(sender)
        self._agree(rule, self.chain.ask([(person, self.party.module.address, data)], block.now)[0], "door")
        self.seen[f"door: {rule or 'accepted'}"] += 1
        if rule:
            return False
        assert self.chain.act(person, self.party.module.address, data, block.now)["status"] == "0x1"
        self._gas_of(sender)
        self.compare(block)
        return True

    @staticmethod
    def _rule(action: Callable[[], object]) -> str:
        try:
            action()
        except Refused as refused:
            return refused.rule
        return ""

    @staticmethod
    def _agree(rule: str, answer: tuple[bool, str], what: str) -> None:
        fine, reason = answer
        expected = rule if not rule or ":" in rule else f"RebalanceModule: {rule}"
        found = "" if fine else reason or "no reason"
        assert found == expected, f"{what}: the module says {found!r}, the model {expected!r}"

    # -------------------------------------------------------------- what is left behind

    def compare(self, block: Block, allowances: Sequence[int] = (0,) * (COUNT + 1)) -> None:
        """The whole state of module and Safe against the model's, at that time."""
        account = self.account
        state, portfolio, ether, *rest = self.chain.look(self.views, block.now)
        found = decode_state(state[1], "state()")
        assert (found.operator, found.guardian) == (self.address(account.operator), self.address(account.guardian))
        assert (found.paused, found.nonce, found.last) == (account.paused, account.nonce, account.last)
        assert found.targets == account.targets
        assert found.loss_left == account.loss_left(block.now)
        assert found.turnover_left == account.turnover_left(block.now)
        assert found.step_left == account.step_left(block.now)
        numbers = [int.from_bytes(data, "big") for _, data in rest]
        assert tuple(numbers[:COUNT]) == account.balances
        assert numbers[COUNT] == self.unlisted
        assert tuple(numbers[COUNT + 1 :]) == tuple(allowances)
        assert int.from_bytes(ether[1], "big") == self.ether
        self._compare_portfolio(block, portfolio)

    def _compare_portfolio(self, block: Block, answer: tuple[bool, bytes]) -> None:
        fine, data = answer
        try:
            expected = self.account.portfolio(block)
        except Refused as refused:
            assert reason_in(data) == f"RebalanceModule: {refused.rule}"
            return
        assert fine
        nav, weights, *others = abi_decode(["(uint256,uint256[],uint256,uint256,uint256)"], data)[0]
        shown = (expected.drift, expected.loss_left, expected.turnover_left)
        assert (nav, tuple(weights), *others) == (expected.nav, expected.weights, *shown)

    def _charge(self, at: int, before: Sequence[int], prices: Sequence[int]) -> None:
        """The market pays more than the feeds say for whatever there is less of afterwards."""
        taken = worth = 0
        for was, now, price, unit in zip(before, self.account.balances, prices, self.account.units, strict=True):
            true = price * (ONE + OFF if now < was else ONE) * (10**27 // unit)
            taken, worth = taken + (was - now) * true, worth + was * true
        self.thefts.add(at, taken - UNSEEN * ONE * 10**27, worth)

    def _views(self) -> list[tuple[str, str]]:
        module, router, tokens = self.party.module, self.world.ground.router.address, self.world.ground.tokens
        return [
            (module.address, "0x" + STATE.hex()),
            (module.address, encode_call("portfolio()")),
            (MAINNET.multicall3, encode_call("getEthBalance(address)", module.safe)),
            *((token.address, encode_call("balanceOf(address)", module.safe)) for token in tokens),
            *((token.address, encode_call("allowance(address,address)", module.safe, router)) for token in tokens),
        ]

    # -------------------------------------------------------------- the owners and the world

    def deposit(self, token: int, amount: int) -> None:
        """Of a listed token, or of the other one."""
        if token == COUNT:
            self.unlisted += amount
        else:
            held = list(self.account.balances)
            held[token] += amount
            self.account.balances = tuple(held)
        self.chain.put(self.world.balance_words(self.party, (*self.account.balances, self.unlisted)))

    def withdraw(self, token: int, amount: int, now: int) -> None:
        """By a transfer of the Safe."""
        receiver = self.address("owner")
        data = encode_call("transfer(address,uint256)", receiver, amount)
        assert (
            self.chain.act(self.party.module.safe, self.world.ground.tokens[token].address, data, now)["status"]
            == "0x1"
        )
        held = list(self.account.balances)
        held[token] -= amount
        self.account.balances = tuple(held)
        self._gas_of("safe")

    def _gas_of(self, sender: str) -> None:
        """The Safe itself is let act here, and pays for it."""
        if sender == "safe":
            found = self.chain.results(("eth_getBalance", [self.party.module.safe, "latest"]))
            self.ether = int(found[0], 16)
