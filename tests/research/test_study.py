"""What people write of a study, as a study; and whatever is wrong with it, by its flag, file and line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rebalancer.config.example import write_example
from rebalancer.core.errors import ConfigError
from rebalancer.core.model import Back, Calendar, Drawn, Hybrid, Optimal, Schedule, Threshold
from rebalancer.market.addresses import checksum_address
from rebalancer.research.model import DOLLAR
from rebalancer.research.study.flags import Flags, listed, variants, variants_count
from rebalancer.research.study.making import make_study, read_market
from rebalancer.research.sweep.grid import study_and_grid
from rebalancer.units import ONE

CLOSES = "date,BTC,ETH\n2021-01-01,100,10\n2021-01-02,110,11\n2021-01-03,120,12\n2021-01-04,130,13\n"
GAS = "date,avg_gas_price_wei\n2021-01-01,1000\n2021-01-02,2000\n2021-01-03,3000\n2021-01-04,4000\n"
TOKEN = {"address": "0x01", "decimals": 18}
POOLS = {
    "uniswap_v3": [],
    "uniswap_v2": [
        {
            "address": "0x03",
            "token0": TOKEN | {"symbol": "WBTC"},
            "token1": TOKEN | {"symbol": "USDC"},
            "reserve0": "50000000000000000000",
            "reserve1": "5000000000000000000000",
        }
    ],
}


@pytest.fixture
def flags(tmp_path: Path) -> Flags:
    (tmp_path / "closes.csv").write_text(CLOSES)
    (tmp_path / "gas.csv").write_text(GAS)
    (tmp_path / "pools.json").write_text(json.dumps(POOLS))
    return Flags(prices=(tmp_path / "closes.csv",))


def test_study__prices_alone__are_held_equally_within_bands_as_by_default(flags: Flags) -> None:
    market = read_market(flags)
    study = make_study(flags, market)
    assert [token.symbol for token in study.policy.assets] == ["BTC", "ETH"]
    assert [target.weight for target in study.targets] == [ONE // 2, ONE // 2]
    assert study.hub.symbol == DOLLAR and study.policy.hubs == (study.hub,)
    trigger = study.policy.trigger
    assert isinstance(trigger, Threshold) and isinstance(trigger.bands, Drawn)
    assert {(w.absolute, w.relative) for w in trigger.bands.widths} == {(ONE // 20, ONE // 4)}
    assert study.start == 100_000 * ONE and study.frictions.fee == (3_000, 3_000)
    assert study.frictions.gas_price.tolist() == [20 * 10**9] * 4
    assert study.frictions.coin.tolist() == [10, 11, 12, 13]
    assert any("20 gwei" in said for said in market.said)


def test_study__all_flags__say_what_they_say(flags: Flags, tmp_path: Path) -> None:
    given = replace(
        flags, targets="WBTC=60 %, USDC=40 %", maps=("USDC=USD",), start="5_000 USD", fee="0.05 %",
        depth="1 bps per 10_000 USD", gas_prices=tmp_path / "gas.csv", band="3 %", return_to="half", every="2 d",
        since="2021-01-02", until="2021-01-03",
    )  # fmt: skip
    market = read_market(given)
    study = make_study(given, market)
    assert study.prices.usd.tolist() == [[110, 1], [120, 1]]
    assert study.hub == study.policy.assets[1] and study.hub.symbol == "USDC"
    assert [target.weight for target in study.targets] == [6 * ONE // 10, 4 * ONE // 10]
    trigger = study.policy.trigger
    assert isinstance(trigger, Hybrid) and isinstance(trigger.bands, Drawn)
    assert (trigger.every, trigger.bands.back, trigger.bands.widths[0].relative) == (2 * 86_400, Back.HALF, None)
    # A hundredth of a per cent of 100 million is 10,000.
    assert study.frictions.depth == (100_000_000 * ONE,) * 2 and study.frictions.fee == (500, 500)
    assert study.frictions.gas_price.tolist() == [2000, 3000] and study.start == 5_000 * ONE
    assert "WBTC is taken at the price of BTC" in market.said and "USDC is taken at the price of USD" in market.said


def test_study__pools_of_a_file__are_as_deep_as_their_reserves(flags: Flags, tmp_path: Path) -> None:
    given = replace(flags, targets="BTC=60 %,USD=40 %", pools=tmp_path / "pools.json")
    assert make_study(given).frictions.depth == (5_000 * ONE, None)


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({"every": "30 d"}, Calendar),
        ({"at": "monthly"}, Calendar),
        ({"band": "5 %", "at": "0 14 * * MON"}, Hybrid),
        ({"relative": "20 %"}, Threshold),
        ({"return_to": "optimal"}, Threshold),
    ],
)
def test_study__a_trigger_that_is_not_named__follows_from_what_is_given(
    flags: Flags, given: dict[str, str], kind: type
) -> None:
    trigger = make_study(replace(flags, **given)).policy.trigger  # type: ignore[arg-type]
    assert isinstance(trigger, kind)
    if "at" in given:
        assert not isinstance(trigger, Threshold) and isinstance(trigger.every, Schedule)
    if given.get("return_to") == "optimal":
        assert isinstance(trigger, Threshold) and trigger.bands == Optimal(())


@pytest.mark.parametrize(
    ("days", "at", "refused"),
    [
        (("04", "11", "18", "25"), "weekly Monday", False),
        (("04", "11", "18", "25"), "weekly Monday 14:00", True),
        (("04", "06", "08", "10"), "weekly Thursday", True),
        (("04", "06", "08", "10"), "weekly Thursday 00:01", False),
        (("04", "06", "08", "10"), "monthly", False),
    ],
)
def test_study__a_schedule_that_is_due_and_over_between_two_prices__is_refused_by_backtest_and_sweep(
    tmp_path: Path, days: tuple[str, ...], at: str, refused: bool
) -> None:
    closes = tmp_path / "sparse.csv"
    closes.write_text("date,BTC,ETH\n" + "".join(f"2021-01-{day},{100 + int(day)},10\n" for day in days))
    given = Flags(prices=(closes,), at=at)
    market = read_market(given)
    for made in (make_study, study_and_grid):
        if refused:
            with pytest.raises(ConfigError, match=r"is due for 1 d, and there is no price between .* and .*; expected"):
                made(given, market)
        else:
            made(given, market)


def test_study__made_up_prices__need_no_file_and_say_so() -> None:
    given = Flags(synthetic=3, targets="BTC=50 %,USD=50 %", since="2020-02-01", until="2020-03-01")
    market = read_market(given)
    assert market.prices.usd.shape == (30, 2) and np.all(market.prices.usd[:, 1] == 1)
    assert len(market.coin) == 30 and market.coin[0] != 1
    assert "made up" in market.warned[0] and not any("made up" in said for said in market.said)


def test_study__without_ether__gas_counts_for_nothing_and_that_is_said(flags: Flags, tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("date,BTC,XYZ\n2021-01-01,1,2\n2021-01-02,2,2\n")
    market = read_market(Flags(prices=(tmp_path / "one.csv",)))
    assert market.gas_price.tolist() == [0, 0] and "gas counts for nothing" in market.said[-1]
    (tmp_path / "wrapped.csv").write_text("date,BTC,WETH,XYZ\n2021-01-01,1,7,2\n2021-01-02,2,8,2\n")
    wrapped = read_market(Flags(prices=(tmp_path / "wrapped.csv",), targets="BTC=50 %,XYZ=50 %"))
    assert wrapped.coin.tolist() == [7, 8] and wrapped.gas_price.tolist() == [20 * 10**9] * 2
    with pytest.raises(ConfigError, match="no history of ETH, in which gas is paid"):
        read_market(Flags(prices=(tmp_path / "one.csv",), gas="20 gwei"))


def test_study__a_configuration__is_held_to_with_its_own_limits(flags: Flags, tmp_path: Path) -> None:
    (tmp_path / "all.csv").write_text("date,ETH,BTC,LINK,UNI\n2021-01-01,10,100,3,4\n2021-01-02,11,99,3,4\n")
    config = tmp_path / "rebalancer.yaml"
    write_example(config, wallet=checksum_address("0x" + "5a" * 20), operator=checksum_address("0x" + "0a" * 20))
    given = Flags(config=config, prices=(tmp_path / "all.csv",), maps=("USDC=USD",))
    market = read_market(given)
    study = make_study(given, market)
    assert [token.symbol for token in study.policy.assets] == ["WETH", "WBTC", "USDC", "LINK", "UNI"]
    assert study.prices.usd[0].tolist() == [10, 100, 1, 3, 4]
    assert study.hub.symbol == "USDC" and study.hub.decimals == 6
    assert study.policy.limits.min_trade == 50 * ONE and study.policy.over_time.ramp_days == 3
    changed = make_study(replace(given, band="1 %"), market)
    assert isinstance(changed.policy.trigger, Threshold) and changed.policy.limits == study.policy.limits
    assert changed.policy.trigger != study.policy.trigger
    with pytest.raises(ConfigError, match="the targets stand in the configuration"):
        read_market(replace(given, targets="WETH=100 %"))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"prices": ()}, "no prices: give files"),
        ({"synthetic": 1}, "--prices and --synthetic are both given"),
        ({"targets": "BTC=50 %,ETH=40 %"}, "they sum to 90 %, expected exactly 100 %"),
        ({"targets": "BTC=100 %"}, "has nothing to be weighed against"),
        ({"targets": "BTC=50,ETH=50"}, "--targets: BTC: saw '50', expected a percentage"),
        ({"targets": "BTC=0 %,ETH=100 %"}, "BTC has a share of nothing"),
        ({"targets": "BTC,ETH"}, "saw 'BTC', expected NAME=VALUE"),
        ({"targets": "BTC=50 %,BTC=50 %"}, "BTC is given twice"),
        ({"targets": "BTC=50 %,XYZ=50 %"}, "no history of XYZ; there are BTC, ETH"),
        ({"maps": ("SOL=ETH",)}, "--map: SOL is no asset of the portfolio"),
        ({"since": "yesterday"}, "--from: saw 'yesterday', is no time"),
        ({"fee": "3"}, "--fee: saw '3', expected a percentage"),
        ({"fee": "100 %"}, "expected less than 100 %"),
        ({"start": "0 USD"}, "--start: saw '0 USD', expected more than nothing"),
        ({"depth": "deep"}, "--depth: saw 'deep', expected an amount of dollars"),
        ({"depth": "0 bps per 1 USD"}, "--depth: saw '0 bps per 1 USD'"),
        ({"gas": "20"}, "--gas: saw '20', expected an amount of the chain's coin"),
        ({"trigger": "often"}, "--trigger: saw 'often', expected one of threshold, calendar, hybrid"),
        ({"trigger": "calendar"}, "--trigger calendar: expected a time too"),
        ({"trigger": "calendar", "every": "1 d", "band": "5 %"}, "--band: a calendar has no use for it"),
        ({"trigger": "threshold", "every": "1 d"}, "--every: a threshold has no use for it"),
        ({"every": "1 d", "at": "monthly"}, "--every and --at are both given"),
        ({"every": "0 d"}, "--every: saw '0 d', expected more than none"),
        ({"at": "sometimes"}, "--at: saw 'sometimes', expected `weekly"),
        ({"band": "0 %"}, "--band: saw '0 %', expected more than nothing"),
        ({"return_to": "start"}, "--return-to: saw 'start', expected one of target, half, edge, optimal"),
        ({"pools": Path("/nowhere/pools.json")}, "--pools /nowhere/pools.json: No such file"),
        ({"gas_prices": Path("/nowhere/gas.csv")}, "--gas-prices /nowhere/gas.csv: cannot be read"),
        ({"fill": "some"}, "--fill: saw 'some', expected a whole number"),
        ({"fill": "", "prices": (), "synthetic": 1}, "--fill: saw '', expected a whole number"),
        ({"gas": ""}, "--gas: saw '', expected an amount of the chain's coin"),
        ({"return_to": ""}, "--return-to: saw '', expected one of target, half, edge, optimal"),
    ],
)
def test_study__a_flag_is_wrong__says_which_and_what_was_expected(
    flags: Flags, given: dict[str, object], words: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        make_study(replace(flags, **given))  # type: ignore[arg-type]
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "gas.csv:1: saw the columns none"),
        ("date,price\n2021-01-01,5\n", "gas.csv:1: saw the columns date, price"),
        (GAS.replace("2000", "many"), "gas.csv:3: saw '2021-01-02,many'"),
        (GAS.replace("3000", "-1"), "gas.csv:4: a gas price of -1"),
        (GAS.replace("2021-01-03", "2021-01-02"), "gas.csv:4: 2021-01-02 comes a second time"),
        (GAS.replace("2021-01-04,4000\n", ""), "no gas price of 2021-01-04, nor of 0 more"),
        (GAS.replace("2021-01-04", "04/01/21"), "gas.csv:5: saw '04/01/21,4000'"),
    ],
)
def test_study__gas_prices_are_wrong__names_file_and_line(flags: Flags, tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "gas.csv").write_text(text)
    with pytest.raises(ConfigError) as raised:
        read_market(replace(flags, gas_prices=tmp_path / "gas.csv"))
    assert words in str(raised.value)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"uniswap_v3": 5}', '{"uniswap_v2": [{"address": "0x"}]}'])
def test_study__a_file_of_pools_is_none__is_a_config_error(flags: Flags, tmp_path: Path, text: str) -> None:
    (tmp_path / "pools.json").write_text(text)
    with pytest.raises(ConfigError, match="pools"):
        make_study(replace(flags, pools=tmp_path / "pools.json"))


# ------------------------------------------------------------ lists


def test_variants__lists__are_every_combination_once() -> None:
    found = variants(Flags(band="1 %,5 %", return_to="target,half", fee="0.05 %,0.3 %"))
    assert len(found) == 8 and len({(f.band, f.return_to, f.fee) for f in found}) == 8


@pytest.mark.parametrize(
    "given",
    [
        Flags(),
        Flags(band="1 %,5 %,1 %", return_to="target,half", fee="0.05 %,0.3 %", depth="1 USD,2 USD,3 USD"),
        Flags(trigger="threshold,calendar,hybrid,calendar", band="1 %,5 %", relative="9 %", every="1 d,7 d,30 d"),
        Flags(trigger="calendar", band="1 %,5 %", at="0 14 1,15 * *"),
        Flags(trigger="often,calendar", band="1 %,5 %", every="1 d,2 d"),
    ],
)
def test_variants__before_they_are_made__are_counted(given: Flags) -> None:
    found = variants(given)
    assert variants_count(given) == len(found) == len(set(found))


def test_variants__kinds_of_triggers__do_not_count_what_they_have_no_use_for() -> None:
    found = variants(Flags(trigger="threshold,calendar,hybrid", band="1 %,5 %", every="1 d,7 d,30 d"))
    kinds = [flags.trigger for flags in found]
    assert [kinds.count(kind) for kind in ("threshold", "calendar", "hybrid")] == [2, 3, 6]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("1 %, 5 %", ("1 %", "5 %")),
        ("weekly Monday 14:00,monthly", ("weekly Monday 14:00", "monthly")),
        ("0 14 1,15 * *", ("0 14 1,15 * *",)),
        ("0 0 1,15 1,7 MON,FRI", ("0 0 1,15 1,7 MON,FRI",)),
        ("1 d,7 d", ("1 d", "7 d")),
        ("10_000 USD,1 bps per 5 USD", ("10_000 USD", "1 bps per 5 USD")),
    ],
)
def test_listed__commas__part_values_and_no_cron_expression(text: str, parts: tuple[str, ...]) -> None:
    assert listed(text) == parts
