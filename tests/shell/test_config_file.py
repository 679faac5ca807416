"""A file in, Settings out: what it says in the units of the core, and all else filled in."""

from __future__ import annotations

from pathlib import Path

import pytest
from given_config import BTC_USD, ETH_USD, RIGHT, UNI, USDC, USDC_USD, WETH, edited, written

from rebalancer.config import read_settings
from rebalancer.core.model import Back, Calendar, Contributions, Drawn, Hybrid, Optimal, Threshold, Width, Window
from rebalancer.core.price import Feed, FeedPrice, PoolKey, TwapPrice
from rebalancer.units import ONE, Token, Usd, Weight

BARE: dict[str, str] = {}
TARGETS = "    target: 60 %\n"


def test_read_settings__of_a_short_file__fills_in_the_rest(tmp_path: Path) -> None:
    settings = read_settings(written(tmp_path), BARE)
    weth, usdc, uni = (Token("WETH", WETH, 18), Token("USDC", USDC, 6), Token("UNI", UNI, 18))
    assert (settings.chain_id, settings.native, settings.tokens) == (1, weth, (weth, usdc, uni))
    assert [t.weight for t in settings.targets] == [6 * 10**17, 3 * 10**17, 10**17]
    pool = PoolKey("v3", uni, weth, 3_000)
    assert settings.price_rules == (
        FeedPrice(weth, (Feed(ETH_USD, 8, 3_600, 300),)),
        FeedPrice(usdc, (Feed(USDC_USD, 8, 86_400, 600),)),
        TwapPrice(uni, pool, weth, 1_800, Usd(100_000 * ONE)),
    )
    assert settings.pools == (PoolKey("v3", usdc, weth, 500), pool)
    assert (settings.policy.hubs, settings.policy.cash, settings.policy.contributions) == (
        (weth,),
        None,
        Contributions.FIRST,
    )
    assert isinstance(settings.policy.trigger, Threshold)
    assert (settings.live, settings.confirmations, settings.patience) == (False, 2, 90)
    assert settings.wallet.keystore == tmp_path / "operator.json"
    assert settings.ledger_url == f"sqlite:///{tmp_path}/rebalancer.sqlite"


def test_read_settings__of_a_token_without_target__leaves_it_out_of_the_portfolio(tmp_path: Path) -> None:
    text = RIGHT.replace("target: 60 %", "target: 70 %").replace("    target: 30 %\n", "")
    settings = read_settings(written(tmp_path, text.replace("70 %", "90 %")), BARE)
    assert [token.symbol for token in settings.tokens] == ["WETH", "USDC", "UNI"]
    assert [token.symbol for token in settings.policy.assets] == ["WETH", "UNI"]


def test_read_settings__of_each_kind_of_trigger__gives_it(tmp_path: Path) -> None:
    calendar = read_settings(edited(tmp_path, "venues:", "trigger: {kind: calendar, every: 7 d}\nvenues:"), BARE)
    assert calendar.policy.trigger == Calendar(604_800)
    hybrid = "trigger: {kind: hybrid, every: 1 d, band: {absolute: 4 %}, return_to: half}\nvenues:"
    settings = read_settings(edited(tmp_path, "venues:", hybrid), BARE)
    weth, usdc, uni = settings.policy.assets
    drawn = tuple(Width(token, Weight(4 * 10**16), None) for token in (weth, usdc, uni))
    assert settings.policy.trigger == Hybrid(86_400, Drawn(drawn, Back.HALF))


def test_read_settings__of_a_tokens_own_band__takes_it_in_place_of_the_triggers(tmp_path: Path) -> None:
    path = edited(tmp_path, TARGETS, TARGETS + "    band: {relative: 10 %}\n")
    trigger = read_settings(path, BARE).policy.trigger
    assert isinstance(trigger, Threshold) and isinstance(trigger.bands, Drawn)
    assert [(w.absolute, w.relative) for w in trigger.bands.widths[:2]] == [(None, 10**17), (5 * 10**16, 25 * 10**16)]


def test_read_settings__of_optimal_bands__are_limited_by_those_that_are_drawn_and_no_others(tmp_path: Path) -> None:
    optimal = "trigger: {return_to: optimal}\nvenues:"
    assert read_settings(edited(tmp_path, "venues:", optimal), BARE).policy.trigger == Threshold(Optimal(()))
    drawn = "trigger: {return_to: optimal, band: {absolute: 4 %}}\nvenues:"
    settings = read_settings(edited(tmp_path, "venues:", drawn), BARE)
    widest = tuple(Width(token, Weight(4 * 10**16), None) for token in settings.policy.assets)
    assert settings.policy.trigger == Threshold(Optimal(widest))
    own = RIGHT.replace("venues:", optimal).replace(TARGETS, TARGETS + "    band: {relative: 10 %}\n")
    settings = read_settings(written(tmp_path, own), BARE)
    assert settings.policy.trigger == Threshold(Optimal((Width(settings.policy.assets[0], None, Weight(10**17)),)))


def test_read_settings__of_what_drift_costs__are_its_factor_and_each_tokens_volatility(tmp_path: Path) -> None:
    tracking = read_settings(written(tmp_path), BARE).policy.tracking
    assert tracking.penalty == 4 * 10**17, "0.1 % a year at 5 points"
    assert {v.per_year for v in tracking.volatilities} == {6 * 10**17}
    said = RIGHT.replace("venues:", "drift: {cost: 1 % a year at 10 points, volatility: 80 %}\nvenues:")
    said = said.replace(TARGETS, TARGETS + "    volatility: 100 %\n")
    tracking = read_settings(written(tmp_path, said), BARE).policy.tracking
    assert tracking.penalty == ONE
    assert [v.per_year for v in tracking.volatilities] == [10**18, 8 * 10**17, 8 * 10**17]


@pytest.mark.parametrize("said", list(Contributions))
def test_read_settings__of_contributions__gives_them(tmp_path: Path, said: Contributions) -> None:
    text = f"cash: USDC\ncontributions: {said.value}\nvenues:"
    assert read_settings(edited(tmp_path, "venues:", text), BARE).policy.contributions is said


def test_read_settings__of_a_window__gives_days_and_seconds(tmp_path: Path) -> None:
    window = 'trigger: {window: {days: [mon, fri], hours: "08:00-17:00"}}\nvenues:'
    assert read_settings(edited(tmp_path, "venues:", window), BARE).policy.window == Window(
        frozenset({0, 4}), 28_800, 61_200
    )


def test_read_settings__of_a_product__keeps_both_feeds(tmp_path: Path) -> None:
    product = f"{{product: [{{feed: {BTC_USD}, heartbeat: 1 h}}, {{feed: {ETH_USD}, heartbeat: 1 d, decimals: 18}}]}}"
    path = edited(tmp_path, f"{{feed: {ETH_USD}, heartbeat: 1 h}}", product)
    rule = read_settings(path, BARE).price_rules[0]
    assert isinstance(rule, FeedPrice)
    assert [(f.heartbeat, f.decimals) for f in rule.feeds] == [(3_600, 8), (86_400, 18)]
