"""What a tick decides before anything is sent: held, blocked, planned, with all ports played from memory."""

from __future__ import annotations

from dataclasses import replace

import pytest
from given_ports import DRY, LIVE, OFF_TARGET, ON_TARGET, OURS, past_of, ports_of, state, tick
from small_market import ASSETS, LINK, NOW, POLICY, POOLS, USDC, WBTC, WETH, share, snapshot_with, v3_pool
from small_module import wallet_with

from rebalancer.adapters.chain.fake import FakeChain
from rebalancer.adapters.targets.fixed import FixedTargets
from rebalancer.adapters.venues.fake import FakeVenue
from rebalancer.adapters.venues.uniswap import UniswapVenue
from rebalancer.adapters.wallets.fake import OPERATOR, FakeWallet
from rebalancer.core.model import Blocked, Held, Planned, Refusal, Reverted, Simulated, Target, Tracking
from rebalancer.units import Amount, Bps


def test_tick__every_weight_in_its_band__is_held_and_asks_nobody() -> None:
    venue = FakeVenue()
    report = tick(ports_of(state(*ON_TARGET), venues=(venue,)), POLICY, LIVE)
    assert isinstance(report.outcome, Held)
    assert report.portfolio is not None and report.snapshot is not None
    assert venue.asked == []


def test_tick__of_a_module_with_a_price_that_soon_expires__asks_for_a_batch_that_is_void_by_then() -> None:
    venue = FakeVenue()
    snapshot = state(*OFF_TARGET, wallet=wallet_with(operator=OPERATOR))
    # Its heartbeat is an hour.
    old = replace(snapshot.prices[3], updated_at=NOW - 3_500)
    tick(ports_of(replace(snapshot, prices=(*snapshot.prices[:3], old)), venues=(venue,)), POLICY, DRY)
    assert {request.deadline for request in venue.asked} == {NOW + 100}


def test_tick__dry_run__is_planned_and_signs_records_and_sends_nothing() -> None:
    class Keyless(FakeWallet):
        def commit(self, batch, simulation, snapshot, instead_of=None):  # type: ignore[no-untyped-def]
            raise AssertionError("a dry run asked for a signature")

    wallet = Keyless()
    ports = ports_of(state(*OFF_TARGET), wallet)
    assert isinstance(tick(ports, POLICY, DRY).outcome, Planned)
    assert wallet.sent == [] and past_of(ports).open_intent is None


def test_tick__dry_run_of_a_plan_that_had_to_be_cut__says_what_it_lacks() -> None:
    pools = (*POOLS[:3], v3_pool(LINK, WETH, 3_000, 200_000))
    outcome = tick(ports_of(state(*OFF_TARGET, pools=pools)), POLICY, DRY).outcome
    assert isinstance(outcome, Planned)
    assert len(outcome.left_out) == 1 and "WETH for LINK" in outcome.left_out[0]


def test_tick__dust_of_a_token_to_be_rid_of__is_held_for_ever() -> None:
    # A stranger sent a cent of LINK, of which the owners want none; all else is inside its band.
    parts = ((WETH, 40), (USDC, 40), (WBTC, 20), (LINK, 0))
    targets = FixedTargets(tuple(Target(token, share(part)) for token, part in parts))
    ports = replace(ports_of(state(43_000, 37_000, 20_000, "0.01")), targets=targets)
    for _ in range(3):
        assert isinstance(tick(ports, POLICY, LIVE).outcome, Held)


@pytest.mark.parametrize("dollars", [ON_TARGET, OFF_TARGET])
def test_tick__a_pool_without_liquidity_in_range__neither_blocks_nor_serves(dollars: tuple[int, ...]) -> None:
    dead = replace(v3_pool(LINK, USDC, 10_000, 1_000, off_bps=400), liquidity=0, ticks=())
    with_it, without = (
        tick(ports_of(state(*dollars, pools=pools)), POLICY, DRY).outcome for pools in ((*POOLS, dead), POOLS)
    )
    assert with_it == without and isinstance(with_it, Held | Planned)


def test_tick__pool_off_the_oracle__is_blocked_before_it_acts() -> None:
    pools = (v3_pool(ASSETS[1], WETH, 500, 200_000_000, off_bps=300), *POOLS[1:])
    venue = FakeVenue()
    outcome = tick(ports_of(state(*OFF_TARGET, pools=pools), venues=(venue,)), POLICY, LIVE).outcome
    assert isinstance(outcome, Blocked) and {b.rule for b in outcome.breaches} == {"max_pool_gap"}
    assert venue.asked == []


def test_tick__safe_needs_two_signatures__is_blocked() -> None:
    snapshot = state(*OFF_TARGET, wallet=replace(OURS, threshold=2))
    outcome = tick(ports_of(snapshot), POLICY, LIVE).outcome
    assert isinstance(outcome, Blocked) and "safe_threshold" in {b.rule for b in outcome.breaches}


def test_tick__batch_reverts_in_simulation__is_blocked_with_the_reason() -> None:
    wallet = FakeWallet(simulations=[Reverted("USDC.transfer: Pausable: paused")])
    ports = ports_of(state(*OFF_TARGET), wallet)
    outcome = tick(ports, POLICY, LIVE).outcome
    assert isinstance(outcome, Blocked) and outcome.breaches[0].observed == "USDC.transfer: Pausable: paused"
    assert wallet.sent == [] and past_of(ports).open_intent is None


def test_tick__simulation_takes_a_token_that_no_trade_sells__is_blocked() -> None:
    class Thief(FakeWallet):
        def simulate(self, batch, snapshot):  # type: ignore[no-untyped-def]
            honest = super().simulate(batch, snapshot)
            assert isinstance(honest, Simulated)
            stolen = tuple(Amount(c.token, c.raw - 10**7) if c.token.symbol == "WBTC" else c for c in honest.changes)
            return replace(honest, changes=stolen)

    wallet = Thief()
    outcome = tick(ports_of(state(*OFF_TARGET), wallet), POLICY, LIVE).outcome
    assert isinstance(outcome, Blocked) and wallet.sent == []


def test_tick__no_venue_quotes__is_held_with_every_reason() -> None:
    refusals = [Refusal("fake", "closed for lunch")]
    outcome = tick(ports_of(state(*OFF_TARGET), venues=(FakeVenue(answers=refusals),)), POLICY, LIVE).outcome
    assert isinstance(outcome, Held) and "closed for lunch" in outcome.reason


def test_tick__quote_below_the_floor__is_not_taken() -> None:
    outcome = tick(ports_of(state(*OFF_TARGET), venues=(FakeVenue(spread=Bps(150)),)), POLICY, LIVE).outcome
    assert isinstance(outcome, Held) and "below the floor" in outcome.reason


def test_tick__two_venues__takes_the_one_that_pays_more() -> None:
    dear, cheap = FakeVenue(spread=Bps(40)), FakeVenue(spread=Bps(5))
    outcome = tick(ports_of(state(*OFF_TARGET), venues=(dear, cheap)), POLICY, DRY).outcome
    assert isinstance(outcome, Planned)
    for quote in outcome.batch.quotes:
        value = snapshot_with(*OFF_TARGET).price(quote.trade.buy).value_down(quote.expected.raw)
        assert value > quote.trade.value * 9_990 // 10_000


def test_tick__costs_more_than_allowed__is_held() -> None:
    policy = replace(POLICY, limits=replace(POLICY.limits, max_cost=Bps(5)))
    outcome = tick(ports_of(state(*OFF_TARGET)), policy, LIVE).outcome
    assert isinstance(outcome, Held) and "not worth it" in outcome.reason


def test_tick__saves_less_drift_than_it_costs__is_held_with_both_figures() -> None:
    # A ten-thousandth of the usual cost of drift, named by the owners.
    cheap = Tracking(POLICY.tracking.penalty // 10_000, POLICY.tracking.volatilities, named=True)
    outcome = tick(ports_of(state(*OFF_TARGET)), replace(POLICY, tracking=cheap), LIVE).outcome
    assert isinstance(outcome, Held)
    assert "not worth it: it would cost" in outcome.reason and "and save 0." in outcome.reason
    unsaid = replace(POLICY, tracking=replace(cheap, named=False))
    assert isinstance(tick(ports_of(state(*OFF_TARGET)), unsaid, DRY).outcome, Planned)


def test_tick__gas_of_the_wallet_tips_the_scale__is_held() -> None:
    class Thirsty(FakeWallet):
        def simulate(self, batch, snapshot):  # type: ignore[no-untyped-def]
            honest = super().simulate(batch, snapshot)
            assert isinstance(honest, Simulated)
            return replace(honest, gas=honest.gas + 20_000_000)

    wallet = Thirsty()
    outcome = tick(ports_of(state(*OFF_TARGET), wallet), POLICY, LIVE).outcome
    assert isinstance(outcome, Held) and "of gas" in outcome.reason and wallet.sent == []


def test_tick__plan_walks_out_of_the_known_ticks__reads_more_and_settles() -> None:
    # A word of these pools spans 2.6 %, and a quarter of what they hold is traded.
    pools = tuple(v3_pool(token, WETH, 100, 20_000_000) for token in (USDC, WBTC, LINK))
    snapshot = state(15_000_000, 0, 2_000_000, 1_000_000, pools=pools)
    far = replace(POLICY.limits, max_slippage=Bps(9_000), max_impact=Bps(9_000), max_cost=Bps(9_000))
    policy = replace(POLICY, limits=far, over_time=replace(POLICY.over_time, cost_per_month=Bps(10_000)))
    ports = ports_of(snapshot, venues=(UniswapVenue(FakeVenue.spenders[0], POLICY.hubs, policy.limits),))
    tick(ports, policy, DRY)
    assert isinstance(ports.chain, FakeChain)
    assert ports.chain.reads == 1 and ports.chain.tick_reads >= 1
