"""The look at the wallet after a batch, where the tick that settled it could not make it: made up for by the next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from given_ports import DRY, LIVE, OFF_TARGET, past_of, ports_of, rows, state
from small_market import POLICY, WETH

from rebalancer.adapters.chain.fake import FakeChain
from rebalancer.adapters.ledger.memory import MemoryLedger
from rebalancer.adapters.venues.fake import FakeVenue
from rebalancer.adapters.wallets.fake import FakeWallet, landed
from rebalancer.core.errors import Halt, Unavailable
from rebalancer.core.model import Allowance, Answer, Held, Landed, Settled, Snapshot, TickRecord
from rebalancer.keeper import run_once
from rebalancer.ports import Ports
from rebalancer.tick import dry_tick
from rebalancer.units import Amount


def nothing_else(seen: Snapshot) -> Snapshot:
    return seen


def weth_may_be_pulled(seen: Snapshot) -> Snapshot:
    return replace(seen, allowances=(Allowance(FakeVenue.spenders[0], Amount(WETH, 1)),))


def everything_is_worth_less(seen: Snapshot) -> Snapshot:
    return replace(seen, prices=tuple(replace(p, usd=p.usd * 8 // 10) for p in seen.prices), pools=())


class Blind(FakeChain):
    """Does not answer from the moment at which a batch has landed."""

    def read(self, last_block: int = 0) -> Snapshot:
        if self.head().number > 19_000_001:
            raise Unavailable("node.example: no answer within 10 s")
        return super().read(last_block)


class Killed(MemoryLedger):
    """The process ends before the tick has its row."""

    def record_tick(self, record: TickRecord, answers: Sequence[Answer] = ()) -> None:
        raise KeyboardInterrupt


def settled_unseen() -> Ports:
    """A batch has settled, and the wallet could not be read after it."""
    ports = ports_of(state(*OFF_TARGET))
    run_once(ports, POLICY, DRY)
    blind = Blind([state(*OFF_TARGET)])
    assert isinstance(ports.wallet, FakeWallet)
    ports.wallet.on_landed = blind.mine
    report = run_once(replace(ports, chain=blind), POLICY, LIVE)
    assert isinstance(report.outcome, Settled) and report.unread is not None
    return ports


def seen_now_with(ports: Ports, change: Callable[[Snapshot], Snapshot]) -> Ports:
    """The same keeper, and a node that answers again."""
    assert isinstance(ports.ledger, MemoryLedger)
    (intent,) = ports.ledger.intents
    chain = FakeChain([state(*OFF_TARGET)])
    receipt = landed(intent)
    assert isinstance(receipt, Landed)
    chain.mine(receipt.receipt)
    return replace(ports, chain=FakeChain([change(chain.read())]))


@pytest.mark.parametrize(
    ("change", "words"),
    [(weth_may_be_pulled, "allowances_cleared: .* WETH"), (everything_is_worth_less, "drawdown: .* 20.* %")],
    ids=["an allowance stands", "the wallet has lost its value"],
)
def test_tick__the_look_after_a_batch_was_missed__is_made_up_for_before_anything_is_decided(
    change: Callable[[Snapshot], Snapshot], words: str
) -> None:
    ports = seen_now_with(settled_unseen(), change)
    with pytest.raises(Halt, match=words):
        run_once(ports, POLICY, LIVE)
    assert rows(ports) == ["Halt", "settled", "planned"]


def test_tick__killed_before_its_row_after_a_batch__the_next_one_looks_at_the_wallet() -> None:
    ports = ports_of(state(*OFF_TARGET))
    killed = Killed()
    with pytest.raises(KeyboardInterrupt):
        run_once(replace(ports, ledger=killed), POLICY, LIVE)
    survivor = MemoryLedger()
    vars(survivor).update(vars(killed))
    with pytest.raises(Halt, match="allowances_cleared"):
        run_once(seen_now_with(replace(ports, ledger=survivor), weth_may_be_pulled), POLICY, LIVE)


def test_tick__the_look_after_a_batch_was_made_up_for__is_not_made_again() -> None:
    ports = seen_now_with(settled_unseen(), nothing_else)
    assert isinstance(run_once(ports, POLICY, LIVE).outcome, Held)
    assert isinstance(run_once(seen_now_with(ports, weth_may_be_pulled), POLICY, LIVE).outcome, Held)


def test_dry_tick__the_look_after_a_batch_was_missed__says_what_it_would_do() -> None:
    ports = seen_now_with(settled_unseen(), weth_may_be_pulled)
    assert isinstance(dry_tick(ports, POLICY, past_of(ports)).outcome, Held)
