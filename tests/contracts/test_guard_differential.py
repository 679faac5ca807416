"""The keeper's guard against the module itself, on random orders: both say the same, and for the same reason.

What can be told beforehand is asked of `preview`, then everything of `rebalance`, both by eth_call at the time that
the order is for. Routers of our own show what a swap may do to the wallet.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from random import Random

import pytest
from given_module import SYMBOLS, Module
from given_orders import BEYOND, at_the_floor, honest
from given_refusals import MAKERS
from given_scenes import FAULTS, furnish, modules, scenes, seen
from machine_chain import Chain

from rebalancer.adapters.wallets.module_abi import preview_data, rebalance_data
from rebalancer.core.model import ModuleWallet, Snapshot
from rebalancer.core.model.module import MOST_SWAPS
from rebalancer.core.module_books import PREFIX, Order, books_of
from rebalancer.core.module_end_rules import Ending, end_refusals
from rebalancer.core.module_rules import first_refusal
from rebalancer.replica.chain import Replica
from rebalancer.units import Amount

SEED = 20_240_607
ORDERS = 60
"""In each scene."""
ACCEPTED = "accepted"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was said of one order, as names of rules: by `preview` and the guard of it, by `rebalance` and of that."""

    chain_before: str
    ours_before: str
    chain: str
    ours: str


# ---------------------------------------------------------------- the two judges


def verdict_of(chain: Chain, module: Module, snapshot: Snapshot, order: Order) -> Verdict:
    known = (order.swaps, b"", order.deadline, order.nonce)
    calls = ((module.operator, preview_data(*known)), (order.sender, rebalance_data(*known)))
    questions = [(sender, module.address, "0x" + data.hex()) for sender, data in calls]
    before, whole = (said(answer) for answer in chain.ask(questions, order.at))
    return Verdict(
        chain_before=before,
        ours_before=ours(module, snapshot, replace(order, sender=module.operator), before=True),
        chain=whole,
        ours=ours(module, snapshot, order, before=False),
    )


def said(answer: tuple[bool, str]) -> str:
    """The rule that the module names, or that it accepts."""
    fine, reason = answer
    return ACCEPTED if fine else reason.removeprefix(PREFIX)


def ours(module: Module, snapshot: Snapshot, order: Order, before: bool) -> str:
    assert isinstance(snapshot.wallet, ModuleWallet)
    found = first_refusal(snapshot.wallet, snapshot, order)
    if found is None and not before:
        books = books_of(snapshot, snapshot.wallet)
        ended = books.after(changes(snapshot, order))
        ending = Ending(snapshot.wallet, order, books, ended, snapshot.block.timestamp)
        found = next(end_refusals(ending), None)
    return ACCEPTED if found is None else found.rule.removeprefix(PREFIX)


def changes(snapshot: Snapshot, order: Order) -> tuple[Amount, ...]:
    """What the routers make of an order."""
    raw = [0] * len(SYMBOLS)
    for swap in order.swaps:
        raw[swap.token_in] -= swap.amount_in
        raw[swap.token_out] += swap.min_out + BEYOND[swap.route]
    return tuple(Amount(b.token, change) for b, change in zip(snapshot.balances, raw, strict=True))


# ---------------------------------------------------------------- the comparison


def heard_of(replica: Replica) -> list[Verdict]:
    """Half of the orders are honest, the others aimed at the rule that was hit least so far."""
    random, heard = Random(SEED), list[Verdict]()
    hits: Counter[str] = Counter()
    chain = Chain.of(replica)
    for module, snapshot, scene in scenes(replica, random):
        broken = snapshot.wallet.state.paused or scene.books != books_of(snapshot, snapshot.wallet)
        for number in range(ORDERS // 2 if broken else ORDERS):
            make = (None, honest, None, at_the_floor)[number % 4]
            order = None if make is None else make(scene)
            for rule in sorted(MAKERS, key=lambda name: (hits[name], name)):
                order = order or MAKERS[rule](scene)
            assert order is not None
            heard.append(verdict_of(chain, module, snapshot, order))
            hits[heard[-1].chain] += 1
    return heard


@pytest.fixture(scope="module")
def verdicts(running_replica: Replica) -> list[Verdict]:
    with running_replica.scratch():
        return heard_of(running_replica)


def test_guard__of_random_orders__refuses_what_the_module_refuses_and_for_the_same_rule(
    verdicts: list[Verdict],
) -> None:
    assert [v for v in verdicts if v.ours_before != v.chain_before] == []
    assert [v for v in verdicts if v.ours != v.chain] == []


def test_random_orders__all_of_them__are_accepted_often_enough_and_hit_every_rule(verdicts: list[Verdict]) -> None:
    counts = Counter(v.chain for v in verdicts)
    assert len(verdicts) >= 1_000, counts
    assert counts[ACCEPTED] * 100 >= 40 * len(verdicts), counts
    assert {rule: counts[rule] for rule in (*MAKERS, *FAULTS.values()) if counts[rule] < 20} == {}, counts


def test_guard__of_more_swaps_than_fit__refuses_what_the_module_cannot_read(replica: Replica) -> None:
    module = modules(replica)[0]
    furnish(replica, module, Random(1), tight=True)
    snapshot, scene = seen(replica, module, Random(1), 0)
    order = honest(scene)
    assert order is not None
    verdict = verdict_of(Chain.of(replica), module, snapshot, replace(order, swaps=order.swaps[:1] * (MOST_SWAPS + 1)))
    assert verdict.chain_before == verdict.chain == "" and verdict.ours_before == verdict.ours == "swaps"
