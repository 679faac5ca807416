"""`volatility: measured` from end to end: on a real chain whose feeds have a past, and on one whose feeds have none."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from given_feed_history import DAY, give_a_past
from given_keeper import Keeper, bring_on_target

from rebalancer.units import ONE


def measure(keeper: Keeper) -> None:
    """The configuration asks for it, for every token."""
    keeper.edit("  volatility: 60 %  ", "  volatility: measured  ")


def files() -> list[Path]:
    """What the keepers of this test remember of measurements."""
    return sorted(Path(os.environ["XDG_STATE_HOME"], "rebalancer").glob("*.volatility"))


def test_bands__with_measured_volatilities__shows_them_with_age_and_days(keeper: Keeper) -> None:
    give_a_past(keeper.replica, 100)
    measure(keeper)
    found = keeper.command("bands", "--json").json
    now = keeper.replica.now()
    assert found["measured"]["samples"] == 90 and found["measured"]["until"] == now // DAY * DAY
    assert found["measured"]["since"] == found["measured"]["until"] - 90 * DAY
    assert 0 <= found["measured"]["age_seconds"] - (now - found["measured"]["until"]) + 5 <= 10
    of_weth = found["volatilities"][0]
    assert (of_weth["token"], of_weth["measured"]) == ("WETH", True)
    # A walk of 3 % a day is 57 % a year; against a rest that walks too, and for USDC, less or more.
    assert all(0.2 * ONE < int(one["per_year_e18"]) < 1.1 * ONE for one in found["volatilities"]), found
    deviation = 3 * 7 * int(of_weth["per_year_e18"]) // 100
    assert abs(int(found["bands"][0]["deviation_e18"]) - deviation) <= 1
    said = keeper.command("bands").said
    assert "volatility of a year, measured from 90 days of the feeds' rounds, the newest " in said and "WETH " in said


def test_bands__on_the_same_day__reads_what_was_measured_and_not_the_rounds(keeper: Keeper) -> None:
    give_a_past(keeper.replica, 100)
    measure(keeper)
    first = keeper.command("bands", "--json").json
    (file,) = files()
    content = json.loads(file.read_text())
    # Another number in the memory is another number in the table: so it is where the table's came from.
    address = first["volatilities"][0]["address"]
    content["measured"]["per_year_e18"][address] = str(ONE)
    file.write_text(json.dumps(content))
    assert keeper.command("bands", "--json").json["volatilities"][0]["per_year_e18"] == str(ONE)
    file.unlink()
    again = keeper.command("bands", "--json").json
    assert again["volatilities"] == first["volatilities"] and files() == [file]


def test_bands__where_one_is_given__measures_the_others(keeper: Keeper) -> None:
    give_a_past(keeper.replica, 100)
    measure(keeper)
    keeper.edit("    # volatility: 90 %  ", "    volatility: 90 %  ")
    found = keeper.command("bands", "--json").json["volatilities"]
    assert [one["token"] for one in found if not one["measured"]] == ["LINK"]
    assert next(one for one in found if one["token"] == "LINK")["per_year_e18"] == str(9 * ONE // 10)
    assert "given: LINK 90 %; measured from 90 days" in keeper.command("bands").said


@pytest.mark.parametrize("days", [0, 20])
def test_bands__without_a_history__ends_with_3_and_says_what_to_do(keeper: Keeper, days: int) -> None:
    if days:
        give_a_past(keeper.replica, days)
    measure(keeper)
    done = keeper.command("bands", "--json")
    assert done.code == 3 and done.json["error"] == "Unavailable"
    assert "expected more than 30; wait until there is history enough, or give" in done.json["message"]
    (file,) = files()
    assert "measured" not in json.loads(file.read_text())
    # The next one does not ask for all of them again.
    again = keeper.command("bands", "--json")
    assert again.code == 3 and re.search(
        r"\(the rounds are read again in (1 h|59 min [0-9]+ s)\)", again.json["message"]
    )


def test_plan__with_drawn_bands_and_no_history__asks_for_none(keeper: Keeper) -> None:
    bring_on_target(keeper)
    measure(keeper)
    # A cost of drift that the owners name themselves would need them.
    keeper.edit("  cost: 0.1 % a year at 5 points  ", "  # its default  ")
    done = keeper.command("plan", "--json")
    assert done.code == 0 and done.json["outcome"] == "held" and files() == []
