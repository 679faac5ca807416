"""Bands that are as wide as a target, and windows that no price lies in: what could only come to nothing is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rebalancer.config.example import write_example
from rebalancer.core.errors import ConfigError
from rebalancer.core.model import Target, Window
from rebalancer.market.addresses import checksum_address
from rebalancer.research.study.flags import Flags
from rebalancer.research.study.making import Market, make_study, read_market
from rebalancer.research.study.policies import token_of
from rebalancer.research.study.triggers import never_left
from rebalancer.research.sweep.grid import study_and_grid
from rebalancer.units import ONE, Weight

CLOSES = "date,ETH,BTC,LINK,UNI\n2021-01-01,10,100,3,4\n2021-01-02,11,99,3,4\n2021-01-03,12,98,3,4\n"


@pytest.fixture
def flags(tmp_path: Path) -> Flags:
    (tmp_path / "closes.csv").write_text(CLOSES)
    return Flags(prices=(tmp_path / "closes.csv",))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"band": "15 %"}, "--band: saw '15 %', expected a band narrower than each target: that of ETH is 15 %"),
        ({"band": "60 %", "relative": "100 %"}, "--band, --relative: saw '60 %', '100 %', expected a band narrower"),
        ({"relative": "100 %", "return_to": "optimal"}, "--relative: saw '100 %', expected a band narrower"),
        (
            {"band": "40 %", "every": "1 d"},
            "that of ETH is 15 %, and no weight can fall below a band as wide as its target",
        ),
        ({"band": "14.99 %"}, None),
        ({"band": "60 %", "relative": "99 %"}, None),
        ({"return_to": "optimal"}, None),
    ],
)
def test_study__a_band_as_wide_as_a_target__is_refused_by_backtest_and_sweep(
    flags: Flags, given: dict[str, str], words: str | None
) -> None:
    """As the configuration does: `band_rules.bands_are_inside`. A sweep plays no optimal bands."""
    asked = replace(flags, targets="BTC=25 %,ETH=15 %,USD=60 %", **given)  # type: ignore[arg-type]
    market = read_market(asked)
    for made in (make_study, study_and_grid)[: 1 if "return_to" in given else 2]:
        if words is None:
            made(asked, market)
            continue
        with pytest.raises(ConfigError) as raised:
            made(asked, market)
        assert words in str(raised.value)


def test_study__a_list_of_bands__names_the_first_that_does_not_fit(flags: Flags) -> None:
    asked = replace(flags, targets="BTC=25 %,ETH=15 %,USD=60 %", band="5 %,20 %,30 %")
    with pytest.raises(ConfigError, match="--band: saw '20 %', expected a band narrower"):
        study_and_grid(asked, read_market(asked))


def test_study__targets_of_nothing__have_no_edge_that_a_band_could_pass() -> None:
    targets = tuple(
        Target(token_of(symbol), Weight(share * ONE // 100)) for symbol, share in (("BTC", 60), ("ETH", 40), ("USD", 0))
    )
    assert never_left(targets, Weight(39 * ONE // 100), None) is None
    held = never_left(targets, Weight(60 * ONE // 100), None)
    assert held is not None and held.token.symbol == "ETH"


@pytest.mark.parametrize(
    ("window", "refused"),
    [((8, 17), True), ((17, 8), False), ((0, 1), False)],
    ids=["by day", "by night", "at midnight"],
)
def test_study__a_window_in_which_no_price_is__is_refused_by_backtest_and_sweep(
    flags: Flags, window: tuple[int, int], refused: bool
) -> None:
    """Prices at 00:00 UTC: nothing would ever be traded."""
    market = with_window(flags, Window(frozenset(range(7)), window[0] * 3_600, window[1] * 3_600))
    asked = replace(flags, maps=("USDC=USD",))
    for made in (make_study, study_and_grid):
        if refused:
            with pytest.raises(ConfigError, match="open .* from 08:00 to 17:00 UTC, and no price is of such a time"):
                made(asked, market)
        else:
            made(asked, market)


def with_window(flags: Flags, window: Window) -> Market:
    """The market of an example configuration whose trigger has this window."""
    config = flags.prices[0].parent / "rebalancer.yaml"
    write_example(config, wallet=checksum_address("0x" + "5a" * 20), operator=checksum_address("0x" + "0a" * 20))
    market = read_market(replace(flags, config=config, maps=("USDC=USD",)))
    assert market.settings is not None
    policy = replace(market.settings.policy, window=window)
    return replace(market, settings=replace(market.settings, policy=policy))
