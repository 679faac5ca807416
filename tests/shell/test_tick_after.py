"""After a batch has settled: the wallet is read anew, held to its limits again, and remembered as it is then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from given_ports import DRY, LIVE, OFF_TARGET, past_of, ports_of, rows, state, tick
from small_market import POLICY, POOLS, USDC, WBTC, WETH, usd, v3_pool

from rebalancer.adapters.chain.fake import FakeChain
from rebalancer.adapters.ledger.memory import MemoryLedger
from rebalancer.adapters.venues.fake import FakeVenue
from rebalancer.adapters.wallets.fake import FakeWallet, failed, gone, landed, waiting
from rebalancer.core.errors import Halt, Unavailable
from rebalancer.core.model import INDEX, Allowance, Held, Intent, Landing, Pending, Settled, Snapshot
from rebalancer.keeper import run_once
from rebalancer.ports import Ports
from rebalancer.units import Amount, Wei


class Changed(FakeChain):
    """Shows another wallet from the moment at which a batch has landed."""

    def __init__(self, snapshot: Snapshot, change: Callable[[Snapshot], Snapshot]) -> None:
        super().__init__([snapshot])
        self._change = change

    def read(self, last_block: int = 0) -> Snapshot:
        seen = super().read(last_block)
        return self._change(seen) if seen.block.number > 19_000_001 else seen


def with_change(change: Callable[[Snapshot], Snapshot], wallet: FakeWallet | None = None) -> Ports:
    wallet = wallet or FakeWallet()
    chain = Changed(state(*OFF_TARGET), change)
    ports = replace(ports_of(state(*OFF_TARGET), wallet), chain=chain)
    wallet.on_landed = chain.mine
    return ports


def less_wbtc(seen: Snapshot) -> Snapshot:
    return replace(seen, balances=tuple(replace(b, raw=b.raw - 1) if b.token == WBTC else b for b in seen.balances))


def more_usdc(seen: Snapshot) -> Snapshot:
    held = tuple(replace(b, raw=b.raw + 10**12) if b.token == USDC else b for b in seen.balances)
    return replace(seen, balances=held)


def weth_may_be_pulled(seen: Snapshot) -> Snapshot:
    return replace(seen, allowances=(Allowance(FakeVenue.spenders[0], Amount(WETH, 1)),))


def usdc_may_be_pulled(seen: Snapshot) -> Snapshot:
    return replace(seen, allowances=(Allowance(FakeVenue.spenders[0], Amount(USDC, 1)),))


def everything_is_worth_less(seen: Snapshot) -> Snapshot:
    return replace(seen, prices=tuple(replace(p, usd=p.usd * 8 // 10) for p in seen.prices), pools=())


def test_tick__settled__remembers_the_wallet_as_the_batch_has_left_it() -> None:
    ports = ports_of(state(*OFF_TARGET))
    report = run_once(ports, POLICY, LIVE)
    assert report.newest is not None and report.snapshot is not None
    assert report.newest.snapshot.block.number > report.snapshot.block.number
    (row,) = ports.ledger.history(1)
    held = tuple((b.token.address, b.raw) for b in report.newest.snapshot.balances)
    assert (row.outcome, row.holdings, row.block) == ("settled", held, report.newest.snapshot.block.number)
    history = past_of(ports).history
    assert history.moved == (), "the look after the batch has its changes in it"
    assert history.valued is not None and history.valued.holdings == held


def test_tick__settled__index_has_fallen_by_what_the_rebalance_has_cost() -> None:
    ports = ports_of(state(*OFF_TARGET))
    outcome = run_once(ports, POLICY, LIVE).outcome
    assert isinstance(outcome, Settled)
    (row,) = ports.ledger.history(1)
    assert row.index is not None
    lost = outcome.settlement.cost.shortfall * INDEX // usd(100_000)
    assert 0 <= INDEX - row.index - lost <= 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (less_wbtc, "not_lower_than_settled: the wallet holds 0.499999 WBTC .*at least 0.5 WBTC"),
        (weth_may_be_pulled, "allowances_cleared: .* may still pull .* WETH, allowed is nothing"),
        (everything_is_worth_less, "drawdown: what was held has lost 20.* %"),
    ],
    ids=["a balance is lower", "an allowance stands", "the wallet has lost its value"],
)
def test_tick__settled_and_the_wallet_breaks_a_limit__halts_and_the_settlement_stands(
    change: Callable[[Snapshot], Snapshot], words: str
) -> None:
    ports = with_change(change)
    with pytest.raises(Halt, match=words):
        run_once(ports, POLICY, LIVE)
    assert rows(ports) == ["Halt"]
    past = past_of(ports)
    assert past.open_intent is None and past.last_settled_at is not None
    assert past.halted is not None and "then resume" in past.halted
    with pytest.raises(Halt):
        tick(ports)


@pytest.mark.parametrize(
    "change", [more_usdc, usdc_may_be_pulled], ids=["a deposit", "an allowance of what was bought"]
)
def test_tick__settled_and_something_else_has_happened__goes_on(change: Callable[[Snapshot], Snapshot]) -> None:
    assert isinstance(run_once(with_change(change), POLICY, LIVE).outcome, Settled)


def test_tick__settled_by_a_later_tick__does_not_take_a_withdrawal_for_a_loss() -> None:
    ports = with_change(less_wbtc, FakeWallet(landings=[waiting, landed]))
    assert isinstance(run_once(ports, POLICY, LIVE).outcome, Pending)
    report = run_once(ports, POLICY, LIVE)
    assert isinstance(report.outcome, Settled) and report.newest is not None and report.snapshot is None


def test_tick__settled_by_a_later_tick_and_an_allowance_stands__halts() -> None:
    ports = with_change(weth_may_be_pulled, FakeWallet(landings=[waiting, landed]))
    run_once(ports, POLICY, LIVE)
    with pytest.raises(Halt, match="allowances_cleared"):
        run_once(ports, POLICY, LIVE)


def test_tick__settled_and_the_node_is_gone__is_settled_and_says_that_nothing_was_read_anew() -> None:
    class Gone(FakeChain):
        def read(self, last_block: int = 0) -> Snapshot:
            if self.reads:
                raise Unavailable("node.example: no answer within 10 s")
            return super().read(last_block)

    ports = replace(ports_of(state(*OFF_TARGET)), chain=Gone([state(*OFF_TARGET)]))
    report = run_once(ports, POLICY, LIVE)
    assert isinstance(report.outcome, Settled) and report.newest is None
    (row,) = ports.ledger.history(1)
    assert row.detail.endswith("not read anew since: node.example: no answer within 10 s")
    assert (row.index, row.holdings) == (None, ()), "what was held before the batch is no measure any more"


def test_tick__settled_and_the_node_has_not_seen_it_yet__is_not_judged_by_it() -> None:
    ports = ports_of(state(*OFF_TARGET))
    assert isinstance(ports.wallet, FakeWallet)
    ports.wallet.on_landed = lambda _: None  # the chain stays where it was, a block before the batch's
    report = run_once(ports, POLICY, LIVE)
    assert isinstance(report.outcome, Settled) and report.unread is not None and "behind block" in report.unread


def test_tick__settled_and_prices_are_in_dispute__measures_no_loss_by_them() -> None:
    def disputed(seen: Snapshot) -> Snapshot:
        cheaper = tuple(replace(p, usd=p.usd * 8 // 10) if p.token == WETH else p for p in seen.prices)
        return replace(seen, prices=cheaper, pools=(v3_pool(USDC, WETH, 500, 200_000_000), *POOLS[1:]))

    report = run_once(with_change(disputed), POLICY, LIVE)
    assert isinstance(report.outcome, Settled) and report.newest is None


def test_tick__settled_with_little_coin_left__says_how_long_it_lasts() -> None:
    low = Wei(POLICY.limits.min_operator_balance + 1)
    ports = ports_of(state(*OFF_TARGET, operator_balance=low))
    report = run_once(ports, POLICY, LIVE)
    assert report.gas is not None and "send it" in report.gas


def test_tick__nodes_do_not_agree_on_what_a_trade_rests_on__signs_nothing() -> None:
    ports = ports_of(state(*OFF_TARGET))
    assert isinstance(ports.chain, FakeChain) and isinstance(ports.wallet, FakeWallet)
    ports.chain.disagreement = Unavailable("block 19000000: 1 of 2 endpoints agree")
    with pytest.raises(Unavailable, match="1 of 2 endpoints agree"):
        tick(ports)
    assert ports.wallet.sent == [] and past_of(ports).open_intent is None


def test_tick__holds_or_is_dry__asks_no_second_node() -> None:
    held, dry = ports_of(state(30_000, 40_000, 20_000, 10_000)), ports_of(state(*OFF_TARGET))
    assert isinstance(tick(held).outcome, Held)
    tick(dry, mode=DRY)
    assert [ports.chain.confirmed for ports in (held, dry) if isinstance(ports.chain, FakeChain)] == [0, 0]


@pytest.mark.parametrize(
    ("ending", "words"), [(waiting, "0x"), (landed, "a batch"), (failed, "a batch"), (gone, "a batch")]
)
def test_tick__another_keeper_sent_while_this_one_was_thinking__signs_nothing(
    ending: Callable[[Intent], Landing], words: str
) -> None:
    first = ports_of(state(*OFF_TARGET), FakeWallet(landings=[ending]))

    class Slow(FakeChain):
        """The lease is lost, and another keeper acts, while other nodes are asked."""

        def confirm(self, snapshot: Snapshot) -> None:
            tick(first)

    wallet = FakeWallet()
    second = replace(first, wallet=wallet, chain=Slow([state(*OFF_TARGET)]))
    with pytest.raises(Unavailable, match=f"another keeper has sent {words}.* in the meantime"):
        tick(second)
    assert wallet.sent == [] and isinstance(first.ledger, MemoryLedger) and len(first.ledger.intents) == 1
