"""What was asked of a study, as its reports say it: every assumption, also those that nobody has typed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from given_studies import bands, tokens_of

from rebalancer.config.example import write_example
from rebalancer.core.model import Back, Calendar, Drawn, Hybrid, Optimal, Threshold, Trigger, Width
from rebalancer.market.addresses import checksum_address
from rebalancer.research.asked import Told, told_of
from rebalancer.research.policy_words import trigger_words
from rebalancer.research.study.flags import Flags
from rebalancer.research.study.making import make_study, read_market
from rebalancer.research.sweep.grid import study_and_grid, usual_left_out
from rebalancer.units import ONE, Weight

BTC, ETH = TOKENS = tokens_of("BTC", "ETH")
FIFTH = Weight(ONE // 5)


def told(flags: Flags) -> Told:
    market = read_market(flags)
    return told_of(flags, make_study(flags, market), market)


def swept(flags: Flags) -> Told:
    market = read_market(flags)
    study, grid = study_and_grid(flags, market)
    return told_of(flags, study, market, grid, usual_left_out(flags, study.targets))


@pytest.fixture
def closes(tmp_path: Path) -> Path:
    path = tmp_path / "closes.csv"
    rows = [f"2021-01-{day:02d},{100 + day},{10 + day},3,4" for day in range(1, 11)]
    path.write_text("\n".join(("date,BTC,ETH,LINK,UNI", *rows)) + "\n")
    return path


def test_asked__nothing_but_prices__names_every_default(closes: Path) -> None:
    asked = dict(told(Flags(prices=(closes,), targets="BTC=60 %,ETH=40 %")).asked)
    assert asked.pop("program").startswith("rebalancer ")
    assert asked == {
        "prices": f"{closes}; 10 times from 2021-01-01 to 2021-01-10",
        "portfolio": "BTC 60 %, ETH 40 %",
        "policy": "5 % or 25 % of the target to the target",
        "start": "100,000 USD, all on target",
        "pool fee": "0.3 % in every pool",
        "depth": "without end, so that no trade moves a price",
        "gas": "20 gwei throughout",
    }


def test_asked__all_that_can_be_typed__is_there(closes: Path, tmp_path: Path) -> None:
    gas = tmp_path / "gas.csv"
    gas.write_text("date,gwei\n" + "".join(f"2021-01-{day:02d},{day}\n" for day in range(1, 11)))
    flags = Flags(prices=(closes,), targets="BTC=60 %,ETH=40 %", band="3 %", return_to="half", every="2 d",
                  fee="0.05 %", depth="5_000_000 USD", gas_prices=gas, start="7_000 USD")  # fmt: skip
    found = told(flags)
    asked = dict(found.asked)
    assert asked["policy"] == "3 % to half, looks every 2 d"
    assert asked["gas"] == f"1 gwei to 10 gwei by day, of {gas}"
    assert found.brief == (
        "policy 3 % to half, looks every 2 d; start 7,000 USD, all on target; pool fee 0.05 % in every pool; depth "
        f"5,000,000 USD on either side of every pool; gas 1 gwei to 10 gwei by day, of {gas}"
    )


def test_asked__made_up_prices__are_a_warning_and_no_remark() -> None:
    found = told(Flags(synthetic=3, until="2020-03-01", gas="0 gwei"))
    assert len(found.warned) == 1 and found.warned[0].startswith("prices are made up (seed 3)")
    assert not any("made up" in said for said in found.said)
    assert dict(found.asked)["prices"].startswith("made up, seed 3; 61 times from 2020-01-01")
    assert dict(found.asked)["gas"] == "free"


def test_asked__prices_that_jump_or_were_carried__are_warnings(closes: Path) -> None:
    text = closes.read_text().replace("2021-01-04,104,", "2021-01-04,10600,").replace("2021-01-07,107,17,3,4\n", "")
    closes.write_text(text)
    found = told(Flags(prices=(closes,), fill="1"))
    jump, back, carried = found.warned
    assert "BTC goes from 103 to 10600" in jump and "more likely a unit" in jump and "BTC goes from 10600" in back
    assert carried.startswith("prices carried over from the time before: 4")
    assert not set(found.warned) & set(found.said)


def test_asked__a_configuration__names_itself_its_limits_and_what_it_does_not_decide(
    closes: Path, tmp_path: Path
) -> None:
    config = tmp_path / "rebalancer.yaml"
    write_example(config, wallet=checksum_address("0x" + "5a" * 20), operator=checksum_address("0x" + "0a" * 20))
    flags = Flags(config=config, prices=(closes,), maps=("USDC=USD",))
    asked = dict(told(flags).asked)
    assert asked["configuration"] == str(config)
    assert asked["pool fee"] == "0.3 % in every pool, whatever pools the configuration names"
    assert asked["cash"] == "USDC, contributions: first"
    assert asked["limits"] == (
        "min_trade 50.00 USD, max_trade 50 %, max_impact 0.5 %, max_cost 1 %, max_gas_price 30 gwei"
    )
    config.write_text(
        config.read_text().replace(
            "cash: USDC",
            "targets: {method: equal, step: 5 %, since: 2026-01-01}\npatience: {fall: 30 % in 30 d}\ncash: USDC",
        )
    )
    asked = dict(told(flags).asked)
    assert asked["targets"] == "equal of the 90 days before, every month, at most 5 % at a step from 2026-01-01 on"
    assert asked["risk budget"] == "fall 30 % in 30 d"


def test_asked__of_a_sweep__names_what_was_tried_and_all_costs(closes: Path) -> None:
    flags = Flags(
        prices=(closes,), targets="BTC=60 %,ETH=40 %", fee="0.05 %,0.3 %", depth="1_000_000 USD,2_000_000 USD"
    )
    asked = dict(swept(flags).asked)
    assert "policy" not in asked
    assert asked["tried"] == (
        "137 configurations: bands of 1 %, 2 %, 3 %, 5 %, 7.5 %, 10 %, 15 %, 10 % of the target, 25 % of the target, "
        "50 % of the target; to the target, to half, to the edge; every 1 d, every 7 d, every 30 d, every 90 d; hold"
    )
    assert asked["pool fee"] == "0.05 %, 0.3 % in every pool"
    assert asked["depth"] == "1,000,000 USD, 2,000,000 USD on either side of every pool"


def test_asked__usual_bands_that_do_not_fit__are_left_out_and_that_is_said(closes: Path) -> None:
    flags = Flags(prices=(closes,), targets="BTC=90 %,ETH=10 %")
    found = swept(flags)
    assert "bands of 1 %, 2 %, 3 %, 5 %, 7.5 %, 10 % of the target, 25 %" in dict(found.asked)["tried"]
    assert found.said[-1] == (
        "bands of 10 %, 15 % are not tried: the target of ETH is 10 %, and no weight can fall below a band as wide as "
        "its target"
    )
    assert not any("not tried" in said for said in swept(replace(flags, band="1 %,5 %")).said)
    assert not any("not tried" in said for said in swept(replace(flags, every="7 d")).said)
    assert not any("not tried" in said for said in swept(replace(flags, targets="BTC=80 %,ETH=20 %")).said)


@pytest.mark.parametrize(
    ("trigger", "words"),
    [
        (Calendar(30 * 86_400), "every 30 d to the target"),
        (bands(TOKENS, back=Back.EDGE), "5 % to the edge"),
        (Hybrid(86_400, bands(TOKENS).bands), "5 % to the target, looks every 1 d"),
        (Threshold(Optimal(())), "the cheapest bands of each tick (return_to: optimal)"),
        (
            Threshold(Drawn((Width(BTC, FIFTH, None, Weight(6 * ONE // 10)), Width(ETH, None, FIFTH)), Back.HALF)),
            "BTC 20 % at a volatility of 60 %, ETH 20 % of the target to half",
        ),
    ],
)
def test_trigger_words__of_every_kind__say_when_and_how_far(trigger: Trigger, words: str) -> None:
    assert trigger_words(trigger) == words


def test_asked__pools_of_a_file__name_the_depth_of_each(closes: Path) -> None:
    flags = Flags(prices=(closes,), targets="BTC=60 %,ETH=40 %")
    market = read_market(flags)
    study = make_study(flags, market)
    depth = tuple(count * ONE for count in (5_000, 7_000))
    study = replace(study, frictions=replace(study.frictions, depth=depth, gas_price=np.zeros(10, dtype=np.int64)))
    asked = dict(told_of(replace(flags, pools=Path("pools.json")), study, market).asked)
    assert asked["depth"] == "BTC 5,000 USD, ETH 7,000 USD on either side of a pool, by pools.json"
