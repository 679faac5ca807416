"""A portfolio on paper that begins anew: what it holds then, what counts from then on, and when it may not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from given_paper import anew, begun, held, run
from given_ports import past_of, rows, told
from small_market import POLICY, usd

from rebalancer.adapters.chain.fake import FakeChain
from rebalancer.adapters.chain.paper import PaperChain
from rebalancer.adapters.lease.fake import FakeLease
from rebalancer.adapters.ledger.memory import MemoryLedger
from rebalancer.adapters.wallets.fake import FakeWallet, landed, waiting
from rebalancer.core.errors import ConfigError, Unavailable
from rebalancer.core.model import FINAL_BLOCKS, Held, Settlement
from rebalancer.keeper import halt
from rebalancer.ports import Ports


def later(ports: Ports, blocks: int = FINAL_BLOCKS) -> None:
    """So many blocks have come, and nothing has moved."""
    assert isinstance(ports.chain, PaperChain) and isinstance(ports.chain._chain, FakeChain)
    ports.chain._chain.deepen(blocks)


def settled() -> Ports:
    """One rebalance on paper is done, and final."""
    ports = begun()
    run(ports)
    later(ports)
    return ports


def test_begin_anew__with_a_value__holds_that_at_the_targets_and_counts_from_there() -> None:
    ports = settled()
    anew(ports, usd(80_000))
    report = run(ports)
    assert isinstance(report.outcome, Held) and report.portfolio is not None
    assert usd(79_999) < report.portfolio.value <= usd(80_000)
    found = ports.ledger.ran()
    assert found is not None and (found.ticks, found.rehearsed) == (1, "configuration a")
    assert dict(found.opening) == {p.balance.token.address: p.balance.raw for p in report.portfolio.positions}
    assert rows(ports) == ["held", "begun", "settled", "planned"]


def test_begin_anew__without_a_value__holds_what_the_wallet_holds() -> None:
    ports = settled()
    before = held(ports)
    assert isinstance(ports.chain, PaperChain)
    really = {each.token.symbol: each.raw for each in ports.chain._chain.read().balances}
    anew(ports)
    assert held(ports) == really != before


def test_begin_anew__with_a_tenth_of_the_value__is_a_withdrawal_and_no_loss() -> None:
    ports = settled()
    anew(ports, usd(8_000))
    run(ports)
    valued = past_of(ports).history.valued
    assert valued is not None and valued.value <= usd(8_000) and valued.index > 10**9 * 99 // 100
    assert told(ports)[-1] == "Held"


def test_begin_anew__a_block_before_its_newest_batch_is_final__is_refused_and_leaves_no_row() -> None:
    ports = begun()
    run(ports)
    assert isinstance(ports.ledger, MemoryLedger)
    (landing,) = ports.ledger.landings.values()
    assert isinstance(landing, Settlement)
    later(ports, landing.block + FINAL_BLOCKS - ports.chain.head().number - 1)
    before, known = rows(ports), held(ports)
    with pytest.raises(Unavailable, match="cannot begin anew yet"):
        anew(ports, usd(80_000))
    assert (rows(ports), held(ports)) == (before, known)
    later(ports, 1)
    anew(ports, usd(80_000))
    assert rows(ports)[0] == "begun"


def test_begin_anew__while_a_batch_is_open__is_refused_and_leaves_no_row() -> None:
    ports = begun(FakeWallet(landings=[waiting, landed]))
    run(ports)
    before = rows(ports)
    with pytest.raises(Unavailable, match="cannot begin anew yet"):
        anew(ports, usd(80_000))
    assert rows(ports) == before and past_of(ports).open_intent is not None


def test_begin_anew__while_another_keeper_is_at_work__is_refused() -> None:
    ports = settled()
    with pytest.raises(Unavailable, match="another keeper is at work on this wallet: process 7"):
        anew(replace(ports, lease=FakeLease("process 7")))
    assert "begun" not in rows(ports)


def test_begin_anew__halted__is_refused_with_what_comes_first() -> None:
    ports = settled()
    halt(ports.ledger, POLICY, "a look at it", ports.clock.now())
    with pytest.raises(ConfigError, match="`rebalancer resume --paper` comes first: by a person: a look at it"):
        anew(ports)
    assert "begun" not in rows(ports)
