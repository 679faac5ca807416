"""The port `Targets` where weights are estimated: what is asked when, what is remembered, what holds meanwhile."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from given_estimating import (
    APRIL,
    CASH,
    FEBRUARY,
    FEEDS,
    JANUARY,
    MARCH,
    START,
    TOKENS,
    estimating,
    estimation,
    told,
    walk,
)
from given_rounds import DAY, KnownRounds, block_at

from rebalancer.adapters.targets.daily import AGAIN
from rebalancer.adapters.targets.estimated import BELIEVED
from rebalancer.core.errors import ConfigError, Unavailable
from rebalancer.core.model import NOTHING_MEASURED
from rebalancer.core.model.estimation import EveryMonths, Method
from rebalancer.core.periods import FORMER, next_update
from rebalancer.ports import Targets
from rebalancer.units import ONE, PPM, Ppm

DOWN = Unavailable("the node does not answer")


def shares(port: Targets, at: int) -> list[int]:
    return [target.weight * PPM // ONE for target in port.read(block_at(at))]


def after_the_start(folder: Path) -> list[list[int]]:
    """What an intact keeper finds month by month, with a small step."""
    port = estimating(folder, told(), estimation(step=20_000))
    return [shares(port, at) for at in (JANUARY, FEBRUARY, MARCH, APRIL)]


# ---------------------------------------------------------------- what is estimated


def test_read__of_two_tokens_and_cash__shares_the_rest_by_risk(tmp_path: Path) -> None:
    port: Targets = estimating(tmp_path, told())
    targets = port.read(block_at(MARCH + 5_000))
    assert [target.token for target in targets] == list(TOKENS)
    assert sum(target.weight for target in targets) == ONE
    calm, wild, cash = (target.weight * PPM // ONE for target in targets)
    # Two to one, as far as 60 days tell.
    assert cash == 200_000 and calm / wild == pytest.approx(2, rel=0.05)
    assert port.measured(TOKENS, targets, block_at(MARCH)) == NOTHING_MEASURED


def test_read__of_a_month__asks_the_chain_once(tmp_path: Path) -> None:
    rounds = told()
    port = estimating(tmp_path, rounds)
    found = shares(port, MARCH)
    asked = rounds.asked
    assert asked > 0
    # Another process, a later tick.
    assert shares(estimating(tmp_path, rounds), MARCH + 3_000_000 // 2) == found
    assert shares(port, APRIL - 1) == found and rounds.asked == asked
    assert shares(port, APRIL) != found and rounds.asked > asked


def test_read__of_what_is_kept__imports_no_numpy(tmp_path: Path) -> None:
    found = shares(estimating(tmp_path, told()), MARCH)
    script = (
        "import sys\nfrom pathlib import Path\nfrom given_estimating import MARCH, KnownRounds, estimating\n"
        "from given_rounds import block_at\n"
        f"targets = estimating(Path({str(tmp_path)!r}), KnownRounds({{}})).read(block_at(MARCH + 1))\n"
        "print([target.weight // 10**12 for target in targets], {'numpy', 'skfolio'} & set(sys.modules))"
    )
    paths = os.pathsep.join((str(Path(__file__).parent), str(Path(__file__).parents[2])))
    environment = {**os.environ, "PYTHONPATH": paths}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"{found} set()"


def test_read__at_any_block_of_a_month__is_the_same(tmp_path: Path) -> None:
    found = []
    for number, at in enumerate((MARCH, MARCH + 1, MARCH + 20 * DAY + 7, APRIL - 1)):
        (folder := tmp_path / str(number)).mkdir()
        found.append(shares(estimating(folder, told()), at))
    assert all(one == found[0] for one in found)


def test_read__of_equal__asks_nobody(tmp_path: Path) -> None:
    rounds = KnownRounds({})
    port = estimating(tmp_path, rounds, estimation(method=Method.EQUAL))
    assert shares(port, MARCH) == [400_000, 400_000, 200_000]
    assert rounds.asked == 0


# ---------------------------------------------------------------- steps, and a file that is lost


def test_read__with_a_step__goes_no_further_each_month(tmp_path: Path) -> None:
    found = after_the_start(tmp_path)
    for before, after in zip([list(START), *found], found, strict=False):
        assert all(abs(a - b) <= 20_000 for a, b in zip(before, after, strict=True))
    assert found[2][0] == START[0] + 3 * 20_000


@pytest.mark.parametrize("lost_before", [1, 2, 3])
def test_read__after_the_file_was_lost__finds_the_same_again(tmp_path: Path, lost_before: int) -> None:
    (intact := tmp_path / "intact").mkdir()
    expected = after_the_start(intact)
    port = estimating(tmp_path, told(), estimation(step=20_000))
    for number, at in enumerate((JANUARY, FEBRUARY, MARCH, APRIL)):
        if number == lost_before:
            (tmp_path / "wallet.targets").unlink()
        assert shares(port, at) == expected[number]


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "null", '{"basis": "x"}', "\xff"],
)
def test_read__of_a_file_that_is_none__finds_the_same_again(tmp_path: Path, content: str) -> None:
    port = estimating(tmp_path, told())
    found = shares(port, MARCH)
    (tmp_path / "wallet.targets").write_text(content, encoding="latin-1")
    assert shares(port, MARCH) == found


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("weights", [500_000, 500_000, 200_000]),  # more than the whole
        ("weights", [300_000, 400_000, 300_000]),  # cash left its bounds
        ("weights", [500_000, 300_000]),
        ("weights", ["500000", 300_000, 200_000]),
        ("at", -1),
        ("before", None),
    ],
)
def test_read__of_a_file_that_somebody_changed__finds_the_same_again(tmp_path: Path, field: str, value: object) -> None:
    port = estimating(tmp_path, told())
    found = shares(port, MARCH)
    path = tmp_path / "wallet.targets"
    content = json.loads(path.read_text())
    content["estimate"][field] = value
    path.write_text(json.dumps(content))
    assert shares(port, MARCH) == found


def test_read__under_other_bounds__is_estimated_anew(tmp_path: Path) -> None:
    rounds = told()
    shares(estimating(tmp_path, rounds), MARCH)
    asked = rounds.asked
    shares(estimating(tmp_path, rounds, estimation(step=20_000)), MARCH)
    assert rounds.asked > asked


def test_read__where_nothing_can_be_kept__says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    port = estimating(tmp_path / "file", told())
    with pytest.raises(ConfigError, match="set XDG_STATE_HOME to another, or write `targets.method: fixed`"):
        port.read(block_at(MARCH))


# ---------------------------------------------------------------- where there is no estimate


def test_read__before_the_day_from_which_targets_move__is_where_they_start(tmp_path: Path) -> None:
    rounds = told()
    port = estimating(tmp_path, rounds, estimation(step=20_000, since=MARCH + 1))
    assert shares(port, MARCH + 5) == list(START) and rounds.asked == 0
    assert shares(port, APRIL) != list(START)


def test_read__without_a_history__is_where_the_targets_start_and_says_so(tmp_path: Path) -> None:
    rounds = told(days=30)
    port = estimating(tmp_path, rounds)
    assert shares(port, JANUARY) == list(START)
    failed = port.failed(block_at(JANUARY))
    assert failed is not None and "29 returns of the 60 days before, expected at least 40" in failed.why
    assert failed.again == JANUARY + AGAIN
    asked = rounds.asked
    assert shares(port, JANUARY + AGAIN - 1) == list(START) and rounds.asked == asked
    assert shares(port, JANUARY + AGAIN) == list(START) and rounds.asked > asked


def test_read__after_a_node_without_history__believes_the_next(tmp_path: Path) -> None:
    rounds = told(days=0)
    port = estimating(tmp_path, rounds, estimation(step=20_000))
    assert shares(port, MARCH) == list(START)
    rounds.rounds = told().rounds
    assert shares(port, MARCH + AGAIN)[0] == START[0] + 20_000
    assert port.failed(block_at(MARCH + AGAIN)) is None


def test_read__where_the_node_does_not_answer__is_unavailable_until_there_was_an_estimate(tmp_path: Path) -> None:
    rounds = told()
    rounds.refusal = DOWN
    port = estimating(tmp_path, rounds)
    with pytest.raises(Unavailable, match="the node does not answer"):
        port.read(block_at(MARCH))
    rounds.refusal = None
    found = shares(port, MARCH)
    rounds.refusal = DOWN
    assert shares(port, APRIL) == found
    failed = port.failed(block_at(APRIL))
    assert failed is not None and failed.why == str(DOWN)
    with pytest.raises(Unavailable, match="an update has been due for 7 d 1 h, and the targets before it serve"):
        port.read(block_at(APRIL + BELIEVED * DAY + AGAIN))
    rounds.refusal = None
    assert shares(port, APRIL + BELIEVED * DAY + AGAIN + 1) != found


def test_read__of_feeds_that_fell_silent__keeps_the_targets_before(tmp_path: Path) -> None:
    rounds = told()
    port = estimating(tmp_path, rounds)
    march = shares(port, MARCH)
    # The second has said nothing since the beginning of March.
    rounds.rounds[FEEDS[1].address] = walk(0.02, 123, 2)
    assert shares(port, APRIL) == march
    assert CASH.address not in rounds.rounds


def test_read__where_no_update_has_figures_any_more__keeps_what_was_estimated_last(tmp_path: Path) -> None:
    rounds = told()
    port = estimating(tmp_path, rounds)
    march = shares(port, MARCH)
    assert march != list(START)
    rounds.rounds = told(days=0).rounds
    # A node without rounds: what the owners wrote down before there was an estimate is no better than that was.
    assert shares(port, APRIL) == march
    failed = port.failed(block_at(APRIL))
    assert failed is not None and "0 returns of the 60 days before" in failed.why
    assert shares(port, APRIL + 200 * DAY) == march
    rounds.rounds = told().rounds
    assert shares(port, APRIL + AGAIN) not in (march, list(START))


def test_read__where_rounds_reach_back_for_days_only__keeps_what_was_estimated_last(tmp_path: Path) -> None:
    rounds = told()
    port = estimating(tmp_path, rounds)
    march = shares(port, MARCH)
    # A new feed has no past.
    rounds.rounds = {feed: [one for one in said if one[0] > APRIL - 30 * DAY] for feed, said in rounds.rounds.items()}
    assert shares(port, APRIL) == march


def test_read__where_only_an_older_update_has_figures__keeps_the_newer_one_that_is_known(tmp_path: Path) -> None:
    rounds = told()
    port = estimating(tmp_path, rounds)
    february, march = shares(port, FEBRUARY), shares(port, MARCH)
    assert february != march
    # Of what was written in February nothing is known any more.
    rounds.rounds = {
        feed: [one for one in said if not FEBRUARY <= one[0] < APRIL] for feed, said in rounds.rounds.items()
    }
    assert shares(port, APRIL) == march


def test_read__of_the_best_ratio_while_all_falls__holds_for_as_long_as_that_lasts(tmp_path: Path) -> None:
    rising, falling = 1.002, 0.998

    def path(turn: int) -> list[tuple[int, int]]:
        price, found = 1e10, []
        for number, (at, _) in enumerate(walk(0.01, 400, 1)):
            found.append((at, round(price)))
            price *= (rising if at < MARCH else falling) + (0.001 if number % turn else -0.001)
        return found

    port = estimating(
        tmp_path,
        KnownRounds({FEEDS[0].address: path(2), FEEDS[1].address: path(3)}),
        estimation(method=Method.MAXIMUM_SHARPE),
    )
    last, held = shares(port, at := MARCH), 0
    for _ in range(6):
        at = next_update(EveryMonths(1), at)
        found = shares(port, at)
        if port.estimated(block_at(at)).why is not None:
            assert found == last
            held += 1
        last = found
    assert held > FORMER + 1 and last != list(START)


def test_read__of_other_starting_targets__forgets_what_was_estimated_before(tmp_path: Path) -> None:
    shares(estimating(tmp_path, told()), MARCH)
    other = replace(estimation(), start=(Ppm(300_000), Ppm(500_000), Ppm(200_000)))
    assert shares(estimating(tmp_path, told(days=0), other), APRIL) == list(other.start)


def test_read__where_no_weights_follow_from_a_whole_history__asks_nobody_again(tmp_path: Path) -> None:
    # Two prices that only fall have no best ratio, however often it is asked for.
    falling = [(at, 10**12 - number * 10**8) for number, (at, _) in enumerate(walk(0.01, 400, 1))]
    steeper = [(at, 10**12 - number * (10**8 + number)) for number, (at, _) in enumerate(walk(0.01, 400, 1))]
    rounds = KnownRounds({FEEDS[0].address: falling, FEEDS[1].address: steeper})
    port = estimating(tmp_path, rounds, estimation(method=Method.MAXIMUM_SHARPE))
    assert shares(port, MARCH) == list(START)
    asked = rounds.asked
    assert shares(port, MARCH + 2 * AGAIN) == list(START) and rounds.asked == asked
    assert port.failed(block_at(MARCH)) is None
    why = port.estimated(block_at(MARCH)).why
    assert why is not None and "no weights inside the bounds have risen" in why
