"""The rules of the state machine: what may happen to a Safe with a module, one step at a time. See
test_module_machine.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import hypothesis.strategies as st
import machine_draws as draws
from given_hostile import Transfer
from hypothesis.stateful import RuleBasedStateMachine, initialize
from machine_batches import Batch, edge_swap, honest_swaps, routed
from machine_chain import Words
from machine_draws import PEOPLE, WHOLE, Edge, Form, Shape, aimed, move
from machine_feeds import BROKEN, SEQUENCERS, Read, broken_feed, broken_sequencer
from machine_judge import Judge
from machine_router import HONEST, Hostile, Play
from machine_world import COUNT, DECIMALS, DOLLARS, FEED_DECIMALS, TARGETS, World
from policy_model import ONE, Account, Block, Order, Swap, price_of

from rebalancer.replica.calls import encode_call

WORTH = 1_000_000
"""Dollars of a wallet at the start."""
FAR = 1 << 40


class ModuleMachine(RuleBasedStateMachine):
    """One run. `seen` counts what happened, over all runs; of them `wanted` whole ones: Hypothesis ends some early."""

    def __init__(self, world: World, seen: Counter[str], wanted: int) -> None:
        super().__init__()
        self.world, self.seen = world, seen
        self.done = seen["whole runs"] >= wanted
        self.mark = world.chain.mark()
        self.steps = 0

    def teardown(self) -> None:
        self.world.chain.back(self.mark)
        self.seen["steps"] += self.steps
        self.seen["whole runs"] += self.steps >= WHOLE

    @initialize(party=st.integers(0, 2), parts=draws.shares)
    def begin(self, party: int, parts: Sequence[int]) -> None:
        self.party = self.world.parties[party]
        self.answers = [[10**decimals for decimals in mine] for mine in FEED_DECIMALS]
        for answers, dollars in zip(self.answers, DOLLARS, strict=True):
            answers[0] *= dollars
        held = tuple(self.worth_of(token, WORTH * part // sum(parts)) for token, part in enumerate(parts))
        self.now = self.world.chain.latest + 1
        self.judge = Judge(self.world, self.party, Account(self.party.policy, TARGETS, held), self.seen)
        self.world.chain.put(self.world.balance_words(self.party, held))
        self.judge.compare(self.block())

    @property
    def account(self) -> Account:
        return self.judge.account

    def worth_of(self, token: int, dollars: int) -> int:
        """Base units, at the prices of the start."""
        return ONE if token == COUNT else dollars * 10 ** DECIMALS[token] // DOLLARS[token]

    def prices(self) -> list[int]:
        return [price_of(*zip(*pair, strict=True)) for pair in zip(self.answers, FEED_DECIMALS, strict=True)]

    def block(self, prices: Sequence[int | str] = (), sequencer: str = "") -> Block:
        return Block(self.now, tuple(prices) or tuple(self.prices()), sequencer)

    # -------------------------------------------------------------- rebalances

    def submit(self, swaps: Sequence[Swap], over: Sequence[int | str], hostile: Hostile = HONEST, **given: Any) -> None:
        """Asked of both. `given`: the form, the block and words of feeds, and whether to send what is refused."""
        self.steps += 1
        account, form, block = self.account, given.get("form", Form()), given.get("block") or self.block()
        safe, attacker = self.party.module.safe, self.judge.address("attacker")
        batch: Batch = routed(self.world, safe, attacker, swaps, over)
        nonce, deadline = max(account.nonce + form.nonce, 0), FAR if not form.late else block.now - form.late
        order = Order(form.sender or account.operator or "attacker", batch.swaps, deadline, nonce)
        outcome = Play.of(hostile, account.balances, self.judge.unlisted).run(batch.swaps)
        words: Words = given.get("words", {})
        self.now += self.judge.rebalance(block, order, outcome, (batch, hostile, words), given.get("sent", False))

    def wanted(self, shape: Shape) -> list[Swap]:
        """The swaps of a shape, after the owners and time have done their part, if it is calm."""
        if shape.calm:
            if self.account.paused:
                self.knock("unpause()", [], "safe", lambda: self.account.unpause("safe"))
            if self.account.operator in ("", "attacker"):
                name = "operator" if self.account.guardian != "operator" else "second_owner"
                self.knock("set_operator(address)", [name], "safe", lambda: self.account.set_operator("safe", name))
            limits = self.party.policy.limits
            self.now = max(self.now, self.account.last + limits.cooldown)
            if shape.calm > 1:
                self.now += limits.window // 3
        return honest_swaps(self.account, self.prices(), shape.most, shape.size, shape.short)

    @move(shape=draws.shapes)
    def honest_batch(self, shape: Shape) -> None:
        self.submit(self.wanted(shape), shape.ways)

    @move(shape=draws.shapes, form=draws.forms)
    def honest_batch_in_some_form(self, shape: Shape, form: Form) -> None:
        self.submit(self.wanted(shape), shape.ways, form=form)

    @move(shape=draws.shapes, hostile=draws.hostiles, sent=draws.sometimes)
    def hostile_execution(self, shape: Shape, hostile: Hostile, sent: bool) -> None:
        swaps = self.wanted(replace(shape, calm=max(shape.calm, 1), size=min(shape.size, 100)))
        self.submit(swaps, *aimed(hostile, swaps, shape.ways), sent=sent)

    @move(edge=draws.edges, shape=draws.shapes)
    def to_the_edge(self, edge: Edge, shape: Shape) -> None:
        self.wanted(replace(shape, calm=max(shape.calm, 1)))
        swap = edge_swap(self.account, self.prices(), self.now, edge.name, edge.steps)
        self.submit([swap], shape.ways)

    @move(shape=draws.bad_shapes, stuck=draws.sometimes, sent=draws.sometimes)
    def bad_path_or_call(self, shape: Shape, stuck: bool, sent: bool) -> None:
        swaps = self.wanted(shape)
        hostile = Hostile(token=swaps[0].token_in, transfers=Transfer.FORBIDS) if swaps and stuck else HONEST
        self.submit(swaps, shape.ways, hostile, sent=sent)

    @move(swaps=draws.nonsense, over=draws.good_ways, sent=draws.sometimes)
    def nonsense(self, swaps: list[tuple[int, int, int, int, int]], over: tuple[int | str, ...], sent: bool) -> None:
        held = self.account.balances
        made = [Swap(i, j, held[i % COUNT] * part // 100, 1 << power, route) for i, j, part, power, route in swaps]
        self.submit(made, over, sent=sent)

    @move(broken=st.sampled_from(BROKEN), token=draws.listed, shape=draws.shapes, sent=draws.sometimes)
    def untrusted_price(self, broken: str, token: int, shape: Shape, sent: bool) -> None:
        swaps = self.wanted(shape)
        block, words = self.break_feed(broken, token, shape.most)
        self.submit(swaps, shape.ways, block=block, words=words, sent=sent)

    def break_feed(self, broken: str, token: int, place: int) -> tuple[Block, Words]:
        if broken in SEQUENCERS:
            grace = int(self.party.module.policy.limits.grace)
            rule, words = broken_sequencer(self.world, broken, grace, self.now)
            return self.block(sequencer=rule), words
        prices: list[int | str] = list(self.prices())
        prices[token], words = broken_feed(self.world, broken, Read(token, place, self.answers[token]), self.now)
        return self.block(prices), words

    # -------------------------------------------------------------- the other doors

    def knock(self, function: str, values: Sequence[Any], sender: str, model: Callable[[], None]) -> None:
        """Anything but a rebalance, asked of both."""
        self.steps += 1
        given = [self.judge.address(value) if isinstance(value, str) else value for value in values]
        self.now += self.judge.door(sender, encode_call(function, *given), model, self.block())

    @move(
        sender=st.sampled_from(("guardian", *PEOPLE)),
        door=st.sampled_from(("pause", "pause", "unpause", "drop_operator")),
    )
    def stop_or_start(self, sender: str, door: str) -> None:
        self.knock(f"{door}()", [], sender, lambda: getattr(self.account, door)(sender))

    @move(
        sender=st.sampled_from(("safe", "safe", *PEOPLE)),
        role=st.sampled_from(("operator", "guardian")),
        who=st.sampled_from((*PEOPLE, "")),
    )
    def name_somebody(self, sender: str, role: str, who: str) -> None:
        setter = f"set_{role}"
        self.knock(f"{setter}(address)", [who], sender, lambda: getattr(self.account, setter)(sender, who))

    @move(
        sender=st.sampled_from(("safe", "operator", "operator", "attacker")),
        pair=st.tuples(draws.listed, draws.listed),
        step=st.sampled_from((0, 1, 5_000, 20_000, 50_000, 100_001, 300_000)),
        wrong=st.integers(0, 9),
    )
    def move_targets(self, sender: str, pair: tuple[int, int], step: int, wrong: int) -> None:
        targets = list(self.account.targets)
        step = min(step, targets[pair[0]])
        targets[pair[0]] -= step
        targets[pair[1]] += step + (wrong == 0)
        targets = targets[: COUNT - (wrong == 1)] + [0] * (wrong == 2)
        setter = self.account.set_targets
        self.knock("set_targets(uint256[])", [targets], sender, lambda: setter(sender, targets, self.now))

    @move(token=draws.listed)
    def move_targets_of_a_paused_module(self, token: int) -> None:
        self.knock("pause()", [], "safe", lambda: self.account.pause("safe"))
        operator, targets = self.account.operator, list(self.account.targets)
        setter = self.account.set_targets
        self.knock("set_targets(uint256[])", [targets], operator, lambda: setter(operator, targets, self.now))

    # -------------------------------------------------------------- the world

    @move(
        token=draws.listed,
        percent=st.sampled_from((60, 85, 98, 99, 100, 101, 102, 118, 160)),
        more=st.integers(-(10**8), 10**8),
    )
    def price_moves(self, token: int, percent: int, more: int) -> None:
        self.steps += 1
        answers, home = self.answers[token], 10 ** FEED_DECIMALS[token][0] * DOLLARS[token]
        # It wanders, and not out of this world; a second feed stays near one.
        answers[0] = min(max(answers[0] * percent // 100 + more % 1_000, home // 3), home * 3)
        if len(answers) > 1:
            answers[1] = 10 ** FEED_DECIMALS[token][1] + more * 10**7
        self.world.chain.put(self.world.feed_words(token, answers))
        self.judge.compare(self.block())

    @move(part=st.sampled_from(("cooldown", "second", "half", "window", "edge")))
    def time_passes(self, part: str) -> None:
        self.steps += 1
        limits = self.party.policy.limits
        self.now += {
            "cooldown": limits.cooldown,
            "second": 1,
            "half": limits.window // 2,
            "window": limits.window,
            "edge": max(limits.window - limits.cooldown, 1),
        }[part]
        self.judge.compare(self.block())

    @move(token=draws.places, amount=st.sampled_from((1, 10**6, 10**18, 10**20)))
    def donation(self, token: int, amount: int) -> None:
        self.steps += 1
        self.judge.deposit(token, min(amount, self.worth_of(token, WORTH // 20)))
        self.judge.compare(self.block())

    @move(token=draws.listed, percent=st.sampled_from((-90, -50, -10, 20, 100)))
    def owners_deposit_or_withdraw(self, token: int, percent: int) -> None:
        self.steps += 1
        amount = self.account.balances[token] * percent // 100 or self.worth_of(token, 1_000)
        if amount < 0:
            self.judge.withdraw(token, -amount, self.now)
        else:
            self.judge.deposit(token, min(amount, self.worth_of(token, WORTH)))
        self.now += amount < 0
        self.judge.compare(self.block())
