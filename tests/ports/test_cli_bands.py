"""`rebalancer bands` from end to end, on a real chain: what it shows, and that it changes nothing."""

from __future__ import annotations

import re

from given_keeper import Keeper, bring_on_target

from rebalancer.units import ONE


def test_bands__off_target__shows_tables_pictures_and_words_and_records_nothing(keeper: Keeper) -> None:
    done = keeper.command("bands")
    assert done.code == 0
    for part in ("acts at", "fee, impact", "┼", "►", "◄", "acts because: WETH is 17.98 points over"):
        assert part in done.said, part
    assert done.said.count("in all") == 1, "a head, and no row: each trade is in two"
    assert done.said.rstrip().endswith("; a tick still asks whether it pays")
    assert "WETH: gas of " in done.said and "Its own band acts at 5 points and goes back to 0 points" in done.said
    assert keeper.rows() == [] and keeper.sent() == 0


def test_bands__as_json__has_both_distances_and_costs_of_each_token(keeper: Keeper) -> None:
    bring_on_target(keeper)
    keeper.edit("return_to: target ", "return_to: half ")
    found = keeper.command("bands", "--json").json
    assert found["acts"] is False and found["reason"].startswith("every weight is inside its band")
    weth = found["bands"][0]
    assert (weth["token"], weth["target_e18"]) == ("WETH", str(3 * ONE // 10))
    assert int(weth["band"]["trigger_e18"]) == 5 * 10**16 and int(weth["band"]["back_e18"]) == 25 * 10**15
    assert int(weth["to_act_e18"]) == 5 * 10**16 - abs(int(weth["drift_e18"]))
    assert int(weth["deviation_e18"]) == 126 * 10**15, "0.3 · 0.7 · 60 %"
    for band in found["bands"]:
        assert int(band["cheapest"]["yearly_total_e18"]) <= int(band["band"]["yearly_total_e18"])
        assert 0 < int(band["cheapest"]["back_e18"]) < int(band["cheapest"]["trigger_e18"])


def test_bands__under_optimal__are_the_cheapest_and_dearer_gas_moves_them(keeper: Keeper) -> None:
    bring_on_target(keeper)
    keeper.edit("  band: {absolute: 5 %, relative: 25 %}", "  # no band is drawn")
    keeper.edit("return_to: target ", "return_to: optimal ")
    cheap = keeper.command("bands", "--json").json["bands"]
    assert all(band["band"] == band["cheapest"] for band in cheap)
    keeper.replica.rpc.call("anvil_setNextBlockBaseFeePerGas", hex(25 * 10**9))
    keeper.replica.mine(1)
    dear = keeper.command("bands", "--json").json["bands"]
    for before, after in zip(cheap, dear, strict=True):
        assert int(before["band"]["trigger_e18"]) < int(after["band"]["trigger_e18"]), before["token"]


def test_bands__of_a_calendar__has_none_and_shows_the_cheapest(keeper: Keeper) -> None:
    keeper.edit("  kind: threshold  ", "  kind: calendar\n  every: 7 d  ")
    keeper.edit("  band: {absolute: 5 %, relative: 25 %}", "  # none")
    keeper.edit("  return_to: target ", "  # none ")
    done = keeper.command("bands")
    assert done.code == 0 and "none" in done.said and "cheapest is to act at" in done.said


def test_bands__where_the_node_is_not_there__ends_with_3_and_says_so(keeper: Keeper) -> None:
    keeper.edit(keeper.replica.url, "http://127.0.0.1:9")
    done = keeper.command("bands", "--json")
    assert done.code == 3 and done.json["error"] == "Unavailable"


def test_plan__under_optimal__acts_and_goes_back_as_far_as_the_bands_of_its_block_say(keeper: Keeper) -> None:
    keeper.edit("  band: {absolute: 5 %, relative: 25 %}", "  # no band is drawn")
    keeper.edit("return_to: target ", "return_to: optimal ")
    weth = keeper.command("bands", "--json").json["bands"][0]
    found = keeper.command("plan", "--json").json
    assert found["outcome"] == "planned"
    band = re.match(r"WETH is 17.98 points over its target of 30 %, its band is ([0-9.]+) points", found["why"])
    # Each command reads a block of its own, and gas falls from one to the next.
    assert band is not None and abs(float(band[1]) - int(weth["band"]["trigger_e18"]) / 10**16) < 0.3
    sold = -next(int(change["raw"]) for change in found["changes"] if change["token"] == "WETH")
    price, value = 3_000, int(found["value_usd_e18"])
    left = int(weth["drift_e18"]) - sold * price * ONE // value
    assert abs(left - int(weth["band"]["back_e18"])) < 2 * ONE // 1_000
