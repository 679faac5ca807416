"""The section `targets`: what it comes to, and where it is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from given_config import RIGHT, USDC_USD, error_of, written

from rebalancer.config import Settings, read_settings
from rebalancer.core.model.estimation import Estimation, EveryDays, EveryMonths, Method, Update
from rebalancer.units import ONE, PPM

MONDAY = 4
"""In days since 1970-01-01."""
TWAP = "price: {twap: {pool: v3 UNI/WETH 0.3 %, min_depth: 100_000 USD}}"
FED = RIGHT.replace(TWAP, f"price: {{feed: {USDC_USD}, heartbeat: 1 d}}")
"""60 % WETH, 30 % USDC, 10 % UNI, and every asset has a feed."""
MODULE = "0x6B175474E89094C44Da98b954EedeAC495271d0F"
MODULAR = FED.replace("kind: safe", f"kind: safe-module\n  module: {MODULE}")
SINCE_2026 = 1_767_225_600


def with_targets(section: str, text: str = FED) -> str:
    return text + f"targets: {{{section}}}\n"


def settings(folder: Path, text: str) -> Settings:
    return read_settings(written(folder, text), {})


def estimation(folder: Path, section: str, text: str = FED) -> Estimation:
    found = settings(folder, with_targets(section, text)).estimation
    assert found is not None
    return found


def ends(found: Estimation) -> list[tuple[int, int]]:
    return [(bound.least, bound.most) for bound in found.bounds]


# ---------------------------------------------------------------- what it comes to


@pytest.mark.parametrize("section", [None, "", "method: fixed"])
def test_read_settings__without_a_method__has_fixed_targets(tmp_path: Path, section: str | None) -> None:
    found = settings(tmp_path, FED if section is None else with_targets(section))
    assert found.estimation is None
    assert [target.weight for target in found.targets] == [ONE * 6 // 10, ONE * 3 // 10, ONE // 10]


def test_read_settings__of_a_method_alone__has_the_defaults(tmp_path: Path) -> None:
    found = estimation(tmp_path, "method: inverse_volatility")
    assert (found.method, found.lookback, found.update) == (Method.INVERSE_VOLATILITY, 90, EveryMonths(1))
    assert found.step is None and found.start == (600_000, 300_000, 100_000)
    assert ends(found) == [(0, PPM)] * 3
    assert estimation(tmp_path, "method: maximum_sharpe").lookback == 365


def test_read_settings__of_cash__keeps_its_target(tmp_path: Path) -> None:
    text = FED + "cash: USDC\n"
    assert ends(estimation(tmp_path, "method: equal_risk", text))[1] == (300_000, 300_000)
    assert ends(estimation(tmp_path, "method: equal_risk, keep: []", text))[1] == (0, PPM)
    assert ends(estimation(tmp_path, "method: equal_risk, keep: [UNI]", text)) == [(0, PPM), (0, PPM), (100_000,) * 2]


def test_read_settings__of_ranges__bounds_the_targets(tmp_path: Path) -> None:
    text = FED.replace("target: 60 %", "target: 60 %\n    range: 5 % - 70 %")
    assert ends(estimation(tmp_path, "method: minimum_variance", text))[0] == (50_000, 700_000)


def test_read_settings__of_ranges_that_a_module_holds__stays_its_tolerance_inside(tmp_path: Path) -> None:
    text = MODULAR.replace("target: 60 %", "target: 60 %\n    range: 5 % - 70 %")
    text = text.replace("target: 10 %", "target: 10 %\n    range: 0 % - 100 %")
    text += "module: {target_step: 5 %, tolerance: 0.25 %}\ncash: USDC\n"
    found = estimation(tmp_path, "method: minimum_variance", text)
    assert ends(found) == [(52_500, 697_500), (300_000, 300_000), (0, PPM)]


@pytest.mark.parametrize(
    ("written_as", "expected"),
    [
        ("weekly", EveryDays(7, 4)),
        ("monthly", EveryMonths(1)),
        ("quarterly", EveryMonths(3)),
        ("14 d", EveryDays(14, 4)),
    ],
)
def test_read_settings__of_an_update__is_what_it_says(tmp_path: Path, written_as: str, expected: Update) -> None:
    assert estimation(tmp_path, f"method: equal, update: {written_as}").update == expected


def test_read_settings__of_a_step__counts_from_its_day(tmp_path: Path) -> None:
    found = estimation(tmp_path, "method: inverse_volatility, step: 2.5 %, since: 2026-01-01, update: 10 d")
    assert found.step == (25_000, SINCE_2026)
    assert found.update == EveryDays(10, MONDAY)


# ---------------------------------------------------------------- where it is refused


@pytest.mark.parametrize(
    ("section", "key", "said"),
    [
        ("method: inverse", "targets.method", "expected 'fixed', 'equal', 'inverse_volatility'"),
        ("lookback: 90 d", "targets.lookback", "expected none with `method: fixed`"),
        ("method: fixed, step: 5 %", "targets.step", "expected none with `method: fixed`"),
        ("method: equal, lookback: 90 d", "targets.lookback", "looks at no prices"),
        ("method: equal_risk, lookback: 29 d", "targets.lookback", "expected 30 to 1,095 days"),
        ("method: equal_risk, lookback: 90", "targets.lookback", "expected a duration such as"),
        ("method: equal_risk, lookback: 90 h", "targets.lookback", "expected a time in whole days"),
        ("method: equal, update: daily", "targets.update", "expected `weekly`, `monthly`, `quarterly`, or whole days"),
        ("method: equal, update: 12 h", "targets.update", "or whole days such as `7 d`, saw '12 h'"),
        ("method: equal, update: 400 d", "targets.update", "expected 1 d to 366 d"),
        ("method: equal, step: 0 %, since: 2026-01-01", "targets.step", "expected more than zero"),
        ("method: equal, step: 5 %", "targets.since", "missing; with `step` each target follows from the one before"),
        ("method: equal, since: 2026-01-01", "targets.since", "expected none without `step`"),
        ("method: equal, step: 5 %, since: 2026-02-30", "targets.since", "expected a day such as `2026-01-31`"),
        ("method: equal, step: 5 %, since: 1 Jan 2026", "targets.since", "expected a day such as"),
        ("method: equal, step: 5 %, since: 1999-01-01", "targets.since", "expected a day from 2015 on"),
        ("method: equal, keep: [DAI]", "targets.keep[0]", "unknown token 'DAI'; expected one of WETH, USDC, UNI"),
        ("method: equal, keep: [UNI, UNI]", "targets.keep[1]", "expected each token once"),
        ("method: equal, keep: [UNI, USDC]", "targets.keep", "expected at least 2 tokens that do not keep their"),
        ("method: equal, seed: 7", "targets.seed", "unknown key"),
    ],
)
def test_read_settings__of_targets_that_are_wrong__names_key_and_line(
    tmp_path: Path, section: str, key: str, said: str
) -> None:
    text = with_targets(section)
    words = error_of(written(tmp_path, text))
    assert f"rebalancer.yaml:{len(text.splitlines())}: {key}: " in words and said in words


@pytest.mark.parametrize(
    ("old", "new", "key", "said"),
    [
        (
            "target: 60 %",
            "target: 60 %\n    range: 61 % - 70 %",
            "tokens.WETH.range",
            "around the target of WETH, 60 %",
        ),
        ("target: 60 %", "target: 60.00001 %", "tokens.WETH.target", "expected nothing finer than 0.0001 %"),
        (
            f"price: {{feed: {USDC_USD}, heartbeat: 1 d}}",
            TWAP,
            "targets.method",
            "the price of UNI is a pool's, which keeps no rounds; or list it in `targets.keep`",
        ),
    ],
)
def test_read_settings__of_tokens_that_no_method_can_weigh__says_which(
    tmp_path: Path, old: str, new: str, key: str, said: str
) -> None:
    head, found, tail = FED.rpartition(old)
    assert found
    words = error_of(written(tmp_path, with_targets("method: inverse_volatility", head + new + tail)))
    assert f"{key}: " in words and said in words


def test_read_settings__of_bounds_that_leave_no_weights__says_what_they_sum_to(tmp_path: Path) -> None:
    text = FED.replace("target: 60 %", "target: 60 %\n    range: 0 % - 60 %")
    text = text.replace("target: 30 %", "target: 30 %\n    range: 30 % - 30 %")
    assert settings(tmp_path, with_targets("method: equal", text)).estimation is not None
    capped = text.replace("target: 10 %", "target: 10 %\n    range: 10 % - 10 %")
    assert settings(tmp_path, with_targets("method: equal, keep: []", capped.replace("30 % - 30 %", "0 % - 30 %")))
    module = capped.replace("kind: safe", f"kind: safe-module\n  module: {MODULE}") + "module: {target_step: 1 %}\n"
    words = error_of(written(tmp_path, with_targets("method: equal", module)))
    assert "targets: expected `range`s and kept targets whose least sum to at most 100 %" in words


def test_read_settings__of_a_range_that_nothing_holds__is_refused(tmp_path: Path) -> None:
    text = FED.replace("target: 60 %", "target: 60 %\n    range: 5 % - 70 %")
    assert "tokens.WETH.range: expected none with `wallet.kind: safe` and fixed targets" in error_of(
        written(tmp_path, text)
    )


def test_read_settings__of_a_module_whose_operator_moves_no_target__is_refused(tmp_path: Path) -> None:
    words = error_of(written(tmp_path, with_targets("method: equal", MODULAR)))
    assert "module.target_step: expected more than 0 % with a `targets.method`" in words
    assert settings(tmp_path, with_targets("method: equal", MODULAR + "module: {target_step: 1 %}\n")).estimation


def test_read_settings__of_a_kept_token_without_target__is_refused(tmp_path: Path) -> None:
    dai = f"  DAI:\n    address: {MODULE}\n    decimals: 18\n    price: {{feed: {USDC_USD}, heartbeat: 1 d}}\nvenues:"
    text = with_targets("method: equal, keep: [DAI]", FED.replace("venues:", dai, 1))
    assert "targets.keep[0]: expected a token with a `target`, saw DAI, which has none" in error_of(
        written(tmp_path, text)
    )
