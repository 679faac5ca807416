"""When to act and what waits, as a file says it: what the policy is told, and what is refused where."""

from __future__ import annotations

from pathlib import Path

import pytest
from given_config import RIGHT, USDC_USD, error_of, written

from rebalancer.config import read_settings
from rebalancer.config.schedule_text import schedule
from rebalancer.core.model import Calendar, Delay, Drawn, Hybrid, Patience, Policy, RiskBudget, Threshold
from rebalancer.units import Bps, Weight

DAY = 86_400
TWAP = "price: {twap: {pool: v3 UNI/WETH 0.3 %, min_depth: 100_000 USD}}"
FED = RIGHT.replace(TWAP, f"price: {{feed: {USDC_USD}, heartbeat: 1 d}}")
"""Every asset has a feed."""


def with_lines(folder: Path, *lines: str, base: str = FED) -> Path:
    return written(folder, "\n".join([base, *lines]))


def policy_of(path: Path) -> Policy:
    return read_settings(path, {}).policy


def test_read_settings__of_a_schedule__is_the_calendars(tmp_path: Path) -> None:
    by_words = policy_of(with_lines(tmp_path, "trigger: {kind: calendar, at: weekly Monday 14:00}"))
    assert by_words.trigger == Calendar(schedule("weekly Monday 14:00"))
    by_cron = policy_of(with_lines(tmp_path, 'trigger: {kind: hybrid, at: "0 14 * * MON"}'))
    assert isinstance(by_cron.trigger, Hybrid) and by_cron.trigger.every == schedule("0 14 * * MON")


def test_read_settings__without_these_keys__waits_for_nothing(tmp_path: Path) -> None:
    for lines in ((), ("patience: {}",), ("patience:",)):
        policy = policy_of(with_lines(tmp_path, *lines))
        assert policy.apart is None and policy.patience is None and policy.waits == frozenset()


def test_read_settings__of_rebalances_apart__is_in_seconds_with_any_trigger(tmp_path: Path) -> None:
    for trigger in ("", "kind: calendar, every: 7 d, ", "kind: hybrid, at: monthly, "):
        assert policy_of(with_lines(tmp_path, f"trigger: {{{trigger}apart: 1 d}}")).apart == DAY


@pytest.mark.parametrize(
    ("text", "patience"),
    [
        ("{average: 50 d}", Patience(Delay(50, 7 * DAY), None)),
        ("{average: 200 d, most: 12 h}", Patience(Delay(200, DAY // 2), None)),
        ("{fall: 30 % in 30 d}", Patience(None, RiskBudget(Bps(3_000), 30))),
        ("{average: 50 d, fall: 12.5 % in 1 w}", Patience(Delay(50, 7 * DAY), RiskBudget(Bps(1_250), 7))),
    ],
)
def test_read_settings__of_patience__is_the_policys(tmp_path: Path, text: str, patience: Patience) -> None:
    assert policy_of(with_lines(tmp_path, f"patience: {text}")).patience == patience


def test_read_settings__of_bands_that_follow_volatility__are_drawn_for_one(tmp_path: Path) -> None:
    text = FED.replace("    target: 60 %\n", "    target: 60 %\n    band: {absolute: 4 %, volatility: 90 %}\n", 1)
    policy = policy_of(with_lines(tmp_path, "trigger: {band: {relative: 20 %, volatility: 60 %}}", base=text))
    assert isinstance(policy.trigger, Threshold) and isinstance(policy.trigger.bands, Drawn)
    found = {width.token.symbol: width.drawn_at for width in policy.trigger.bands.widths}
    assert found == {
        "WETH": Weight(9 * 10**17),
        "USDC": Weight(6 * 10**17),
        "UNI": Weight(6 * 10**17),
    }


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("trigger: {at: weekly}", "trigger.at: expected none with `kind: threshold`"),
        ("trigger: {every: 7 d}", "trigger.every: expected none with `kind: threshold`"),
        (
            "trigger: {kind: calendar}",
            "trigger.every: missing; expected a duration such as `7 d` with `kind: calendar`",
        ),
        ("trigger: {kind: hybrid, every: 7 d, at: weekly}", "trigger.at: expected `every` or `at`, saw both"),
        ("trigger: {kind: calendar, at: someday}", "trigger.at: expected `weekly Monday 14:00`"),
        ("trigger: {kind: calendar, at: 0 14 * * FUN}", "its day-of-week is none, saw '0 14 * * FUN'"),
        ("trigger: {kind: calendar, at: [weekly]}", "saw a list"),
        ("trigger: {kind: calendar, at: }", "or moments such as `at: weekly Monday 14:00`"),
        ("trigger: {apart: 0 s}", "trigger.apart: expected more than zero"),
        ("trigger: {apart: 400 d}", "trigger.apart: expected at most 366 d"),
        ("trigger: {apart: soon}", "trigger.apart: expected a duration"),
        ("trigger: {band: {volatility: 60 %}}", "trigger.band: missing; expected `absolute: 5 %`"),
        ("trigger: {band: {absolute: 5 %, volatility: 60 %}}", "twice what is drawn: so wide it becomes"),
        ("trigger: {band: {absolute: 1 %, volatility: measured}}", "trigger.band.volatility: expected a percentage"),
        ("trigger: {band: {absolute: 1 %, volatility: 900 %}}", "trigger.band.volatility: expected at most 300 %"),
        (
            "trigger: {return_to: optimal, band: {absolute: 1 %, volatility: 60 %}}",
            "trigger.band.volatility: expected none with `return_to: optimal`",
        ),
        ("patience: {most: 3 d}", "patience.most: expected none without `average`"),
        ("patience: {fall: 30 % in 30 d, most: 3 d}", "patience.most: expected none without `average`"),
        ("patience: {average: 36 h}", "patience.average: expected a time in whole days"),
        ("patience: {average: 2 d}", "patience.average: expected 5 to 366 days"),
        ("patience: {average: 50 d, most: 0 s}", "patience.most: expected more than zero"),
        ("patience: {fall: 30 %}", "patience.fall: expected a percentage and a time such as"),
        ("patience: {fall: 95 % in 30 d}", "patience.fall: expected more than nothing and at most 90 %"),
        ("patience: {fall: 30 % in 36 h}", "in whole days from 1 d to 366 d"),
        ("patience: {fall: 0 % in 30 d}", "patience.fall: expected more than nothing"),
        ("patience: {avrage: 50 d}", "patience.avrage: unknown"),
        ("patience: 50 d", "patience: "),
    ],
)
def test_read_settings__of_what_is_none_or_does_not_fit__is_refused_by_its_key(
    tmp_path: Path, lines: str, said: str
) -> None:
    assert said in error_of(with_lines(tmp_path, lines))


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("patience: {average: 50 d}", "patience.average"),
        ("patience: {fall: 30 % in 30 d}", "patience.fall"),
        ("trigger: {band: {relative: 5 %, volatility: 60 %}}", "trigger.band.volatility"),
    ],
)
def test_read_settings__of_what_asks_for_a_history_beside_an_asset_without_feed__is_refused(
    tmp_path: Path, line: str, key: str
) -> None:
    said = error_of(with_lines(tmp_path, line, base=RIGHT))
    assert f"{key}: expected none: the price of UNI is a pool's, which keeps no rounds" in said
