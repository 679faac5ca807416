"""Measured volatilities: when the chain is asked for them, what is remembered, and what serves until then."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from given_measuring import (
    FEED_A,
    FEED_B,
    TARGETS,
    WILD,
    A,
    B,
    a_day_later,
    daily,
    figures,
    measuring,
    rounds_with,
    still,
    zigzag,
)
from given_rounds import (
    DAY,
    MIDNIGHT,
    NOW,
    block_at,
)

from rebalancer.adapters.targets.daily import AGAIN, BELIEVED, Failed, Kept
from rebalancer.adapters.targets.measured import DAYS
from rebalancer.adapters.targets.remembered import MeasuredFile
from rebalancer.core.errors import ConfigError, Unavailable
from rebalancer.core.model import NOTHING_MEASURED, Measured, Target, Volatility
from rebalancer.units import ONE, Weight


def test_measured__again_on_the_same_day__is_remembered_by_the_next_process(tmp_path: Path) -> None:
    rounds = rounds_with(daily(zigzag()), daily(still()))
    first = measuring(tmp_path, rounds).measured((A, B), TARGETS, block_at(MIDNIGHT))
    later = measuring(tmp_path, rounds).measured((A, B), TARGETS, block_at(MIDNIGHT + DAY - 1))
    assert first == later and rounds.asked == 1
    assert [path.name for path in tmp_path.iterdir()] == ["wallet.volatility"], "no draft is left"


def test_measured__on_the_next_day__is_measured_again(tmp_path: Path) -> None:
    rounds = rounds_with(daily(zigzag()), daily(still()))
    measuring(tmp_path, rounds).measured((A,), TARGETS, block_at(NOW))
    rounds.rounds[FEED_A.address] = [*daily(zigzag()), (MIDNIGHT + DAY - 9, 100)]
    rounds.rounds[FEED_B.address] = [*daily(still()), (MIDNIGHT + DAY - 9, 1)]
    found = measuring(tmp_path, rounds).measured((A,), TARGETS, block_at(NOW + DAY))
    assert rounds.asked == 2 and (found.until, found.samples) == (MIDNIGHT + DAY, DAYS)


def test_measured__after_the_memory_was_lost__is_the_same_number(tmp_path: Path) -> None:
    rounds = rounds_with(daily(zigzag()), daily(still()))
    first = measuring(tmp_path, rounds).measured((A, B), TARGETS, block_at(NOW))
    (tmp_path / "wallet.volatility").unlink()
    assert measuring(tmp_path, rounds).measured((A, B), TARGETS, block_at(NOW + 40_000)) == first and rounds.asked == 2


def test_measured__of_other_targets__is_measured_again(tmp_path: Path) -> None:
    rounds = rounds_with(daily(zigzag()), daily(still()))
    measuring(tmp_path, rounds).measured((A,), TARGETS, block_at(NOW))
    other = (Target(A, Weight(ONE // 2)), Target(B, Weight(ONE // 2)))
    measuring(tmp_path, rounds).measured((A,), other, block_at(NOW))
    assert rounds.asked == 2


@pytest.mark.parametrize("gone", [1, BELIEVED])
def test_measured__while_the_rounds_cannot_be_had__is_the_former_for_a_week(tmp_path: Path, gone: int) -> None:
    rounds = rounds_with(daily(zigzag()), daily(still()))
    first = measuring(tmp_path, rounds).measured((A,), TARGETS, block_at(NOW))
    rounds.refusal = Unavailable("node: too many reads")
    assert measuring(tmp_path, rounds).measured((A,), TARGETS, block_at(NOW + gone * DAY)) == first


@pytest.mark.parametrize("gone", [BELIEVED + 1, -1])
def test_measured__while_the_rounds_cannot_be_had_for_longer__is_unavailable(tmp_path: Path, gone: int) -> None:
    rounds = rounds_with(daily(zigzag()), daily(still()))
    measuring(tmp_path, rounds).measured((A,), TARGETS, block_at(NOW))
    rounds.refusal = Unavailable("node: too many reads")
    with pytest.raises(Unavailable, match="too many reads"):
        measuring(tmp_path, rounds).measured((A,), TARGETS, block_at(NOW + gone * DAY))


def test_measured__where_a_figure_is_not_to_be_believed__the_former_serves_and_an_hour_later_it_is_measured_again(
    tmp_path: Path,
) -> None:
    first = measuring(tmp_path, rounds_with(daily(zigzag()), daily(still()))).measured((A,), TARGETS, block_at(NOW))
    rounds, noon = rounds_with(a_day_later(WILD), a_day_later(still())), NOW + DAY
    for seconds in (0, 60, AGAIN - 1):
        assert measuring(tmp_path, rounds).measured((A,), TARGETS, block_at(noon + seconds)) == first
    assert rounds.asked == 1, "a storm is not asked about at each tick"
    assert measuring(tmp_path, rounds).measured((A,), TARGETS, block_at(noon + AGAIN)) == first and rounds.asked == 2
    rounds.rounds[FEED_A.address] = a_day_later(zigzag())
    found = measuring(tmp_path, rounds).measured((A,), TARGETS, block_at(noon + 2 * AGAIN))
    assert found.until == MIDNIGHT + DAY and figures(found)[0] < 3 * ONE


def test_measured__where_a_figure_is_not_to_be_believed_for_longer__is_unavailable_in_the_same_words(
    tmp_path: Path,
) -> None:
    rounds = rounds_with(daily(WILD), daily(still()))
    for seconds, again in ((0, False), (600, True)):
        with pytest.raises(Unavailable, match=r"T1 moved by 426\.\d+ % a year") as refusal:
            measuring(tmp_path, rounds).measured((A,), TARGETS, block_at(NOW + seconds))
        assert ("(the rounds are read again in 50 min)" in str(refusal.value)) == again
    assert rounds.asked == 1


def test_measured__where_the_node_has_trouble_and_nothing_is_known__is_asked_at_each_tick(tmp_path: Path) -> None:
    rounds = rounds_with(daily(zigzag()), daily(still()))
    rounds.refusal = Unavailable("node: too many reads")
    for seconds in (0, 60):
        with pytest.raises(Unavailable, match="too many reads$"):
            measuring(tmp_path, rounds).measured((A,), TARGETS, block_at(NOW + seconds))
    rounds.refusal = None
    assert (
        measuring(tmp_path, rounds).measured((A,), TARGETS, block_at(NOW + 120)).samples == DAYS and rounds.asked == 3
    )


SPOILT = {
    "empty": "",
    "no JSON": "{",
    "no mapping": "[1]",
    "deep": "[" * 100_000,
    "of another basis": json.dumps({"basis": "x"}),
}


@pytest.mark.parametrize("text", SPOILT.values(), ids=SPOILT.keys())
def test_measured__of_a_memory_that_cannot_be_read__is_measured_again(tmp_path: Path, text: str) -> None:
    rounds = rounds_with(daily(zigzag()), daily(still()))
    first = measuring(tmp_path, rounds).measured((A,), TARGETS, block_at(NOW))
    (tmp_path / "wallet.volatility").write_text(text)
    assert measuring(tmp_path, rounds).measured((A,), TARGETS, block_at(NOW)) == first and rounds.asked == 2


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("until", "1"),
        ("until", True),
        ("since", -1),
        ("samples", None),
        ("samples", 1 << 70),
        ("per_year_e18", []),
        ("per_year_e18", {}),
        ("per_year_e18", {A.address: "5"}),
        ("per_year_e18", {A.address: "-5", B.address: "5"}),
        ("per_year_e18", {A.address: 5, B.address: "5"}),
        ("per_year_e18", {A.address: "9" * 5_000, B.address: "5"}),
        ("per_year_e18", {A.address: "٣", B.address: "5"}),
    ],
)
def test_file__with_a_figure_that_is_none__remembers_nothing(tmp_path: Path, key: str, value: object) -> None:
    file = MeasuredFile(tmp_path / "f")
    kept = Kept(Measured((Volatility(A, Weight(5)), Volatility(B, Weight(6))), 1, 2, 3), 4, Failed(5, "why"))
    file.write("basis", kept)
    assert file.read("basis", (A, B)) == kept
    found = json.loads((tmp_path / "f").read_text())
    found["measured"][key] = value
    (tmp_path / "f").write_text(json.dumps(found))
    assert file.read("basis", (A, B)) == Kept(None, 4, Failed(5, "why"))


@pytest.mark.parametrize(("key", "value"), [("midnight", "4"), ("midnight", None), ("basis", 7)])
def test_file__of_no_day__is_no_memory(tmp_path: Path, key: str, value: object) -> None:
    file = MeasuredFile(tmp_path / "f")
    file.write("basis", Kept(Measured((Volatility(A, Weight(5)),), 1, 2, 3), 4))
    (tmp_path / "f").write_text(json.dumps(json.loads((tmp_path / "f").read_text()) | {key: value}))
    assert file.read("basis", (A,)) is None


@pytest.mark.parametrize("failed", [[], {}, {"at": 5}, {"at": "5", "why": "x"}, {"at": 5, "why": 6}])
def test_file__with_a_failure_that_is_none__remembers_the_figures(tmp_path: Path, failed: object) -> None:
    file, kept = MeasuredFile(tmp_path / "f"), Kept(Measured((Volatility(A, Weight(5)),), 1, 2, 3), 4)
    file.write("basis", kept)
    (tmp_path / "f").write_text(json.dumps(json.loads((tmp_path / "f").read_text()) | {"failed": failed}))
    assert file.read("basis", (A,)) == kept


def test_file__that_cannot_be_written__is_a_config_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    file = MeasuredFile(tmp_path / "taken" / "f")
    with pytest.raises(ConfigError, match="taken/f.*set XDG_STATE_HOME"):
        file.write("basis", Kept(NOTHING_MEASURED, 0))
