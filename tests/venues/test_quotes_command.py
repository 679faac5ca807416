"""`rebalancer quotes` and `rebalancer venues` from end to end: venues on real sockets, over the replica's pools."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from given_keeper import HALT, Keeper, bring_on_target, ended, halted
from given_shallow_keeper import a_shallow_keeper
from given_venue_server import Reply, VenueServer
from given_venue_world import a_venue_world
from odos_server import Odos
from velora_server import VeloraApi

from rebalancer.adapters.venues import odos, velora
from rebalancer.adapters.wallets.keystore import KeystoreSigner
from rebalancer.replica.chain import Replica

NOISY = Reply(('{"detail": "\x1b[2J\x1b]0;owned\x07\x9bgone\u202e and ' + "long " * 400 + '"}').encode(), 400)
"""As it comes, no JSON library having escaped it."""


@dataclass(frozen=True, slots=True)
class Street:
    """A keeper, and two venues that it asks."""

    keeper: Keeper
    velora: VenueServer
    odos: VenueServer

    def nothing_done(self) -> bool:
        """Neither sent nor recorded."""
        rows = self.keeper.asked("SELECT (SELECT count(*) FROM ticks) + (SELECT count(*) FROM answers)")
        return self.keeper.sent() == 0 and rows == [(0,)]


@pytest.fixture
def street(
    replica: Replica, signer: KeystoreSigner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Street]:
    """Too much WETH and WBTC, too little USDC. The own router knows nothing of the deep pools, and the venues do."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    world = a_venue_world(replica, signer, {velora.ROUTER: "AugustusRouter", odos.ROUTER: "OdosRouter"})
    keeper = a_shallow_keeper(replica, tmp_path)
    with VenueServer(VeloraApi(world.best)) as first, VenueServer(Odos(world)) as second:
        keeper.edit("venues:\n", f'venues:\n  velora: {{url: "{first.url}"}}\n  odos: {{url: "{second.url}"}}\n')
        yield Street(keeper, first, second)


def test_quotes__of_a_plan__are_of_each_pair_and_of_the_whole_and_nothing_is_done(street: Street) -> None:
    found = street.keeper.command("quotes", "--json").json
    assert found["outcome"] == "planned" and street.nothing_done()
    *pairs, whole = found["questions"]
    assert [[each["token"] for each in one["sell"]] for one in pairs] == [["WETH"], ["WBTC"]]
    assert [[answer["venue"] for answer in one["answers"]] for one in pairs] == [["own", "velora"]] * 2
    assert [answer["venue"] for answer in whole["answers"]] == ["own", "best of each pair", "odos"]
    for one in found["questions"]:
        for answer in one["answers"]:
            assert answer["refused"] is None and answer["gas"] > 100_000
            arrived = {each["token"]: int(each["raw"]) for each in answer["simulated"]}
            assert all(arrived[least["token"]] >= int(least["raw"]) > 0 for least in one["least"])
        behind = [answer["behind_best_bps"] for answer in one["answers"]]
        nets = [int(answer["net_usd_e18"]) for answer in one["answers"]]
        assert behind[nets.index(max(nets))] == "0.00" and all(float(each) >= 0 for each in behind)
        assert nets[0] < max(nets), "the own router has no deep pool here"


def test_quotes__for_a_person__are_tables_with_the_own_plan_first_and_what_is_refused_below(street: Street) -> None:
    street.odos.played = [NOISY]
    said = ended(street.keeper.started("quotes")).said
    assert "\x1b" not in said and "\x07" not in said and "\x9b" not in said and "\u202e" not in said
    first = said[said.index("sell ") :].splitlines()
    assert first[0].startswith("sell ") and " WETH for at least " in first[0]
    assert [line.split()[0] for line in first[4:6]] == ["own", "velora"]
    (refused,) = (line for line in said.splitlines() if line.startswith("refused: "))
    assert refused.startswith("refused: odos: it answered 400") and len(refused) < 500
    assert "planned: sell " in said and street.nothing_done()


def test_quotes__on_target__say_that_there_is_nothing_to_ask_for(street: Street) -> None:
    bring_on_target(street.keeper)
    done = street.keeper.command("quotes")
    assert done.code == 0 and "every weight is inside its band" in done.said
    assert "nothing to ask for (--sell, --from and --to" in " ".join(done.said.split())
    assert street.keeper.command("quotes", "--json").json["questions"] == []
    assert street.velora.asked == [] == street.odos.asked


def test_quotes__of_a_halted_keeper__are_asked_all_the_same_and_say_that_it_is(street: Street) -> None:
    halted(street.keeper)
    street.keeper.replica.mine(10)  # past the block of the halt
    done = street.keeper.command("quotes")
    assert done.code == 0 and "best of each" in done.said and f"halted: {HALT.detail}" in done.said
    assert street.keeper.command("quotes", "--json").json["halted"] == HALT.detail


def test_quotes__of_one_trade__are_asked_whatever_the_weights_and_to_the_last_unit(street: Street) -> None:
    bring_on_target(street.keeper)
    trade = ("--sell", "1_000.000001", "--from", "USDC", "--to", "WETH")
    found = street.keeper.command("quotes", *trade, "--json").json
    assert (found["outcome"], found["why"]) == (None, None) and street.nothing_done()
    (only,) = found["questions"]
    assert [each["raw"] for each in only["sell"]] == ["1000000001"] and only["least"][0]["token"] == "WETH"
    assert only["answers"][0]["venue"] == "own"
    assert {answer["venue"] for answer in only["answers"]} == {"own", "velora", "odos"}
    assert all(answer["refused"] is None for answer in only["answers"])
    assert "sell 1,000.000001 USDC for at least " in street.keeper.command("quotes", *trade).said


@pytest.mark.parametrize(
    ("given", "words", "code"),
    [
        (("--sell", "1"), "they come together", 2),
        (("--sell", "1e3", "--from", "USDC", "--to", "WETH"), "expected an amount in whole tokens", 2),
        (("--sell", "0.0000001", "--from", "USDC", "--to", "WETH"), "nothing finer than 6 places", 2),
        (("--sell", "0", "--from", "USDC", "--to", "WETH"), "expected more than none", 2),
        (("--sell", "1", "--from", "USDC", "--to", "USDC"), "expected two tokens", 2),
        (("--sell", "1", "--from", "\x1b[2J", "--to", "WETH"), r"'\x1b[2J', expected a token of the portfolio", 2),
        (("--sell", "1_000_000_000", "--from", "USDC", "--to", "WETH"), "what it does not have", 2),
    ],
)
def test_quotes__of_what_cannot_be_asked__say_why_and_ask_nobody(
    street: Street, given: tuple[str, ...], words: str, code: int
) -> None:
    done = street.keeper.command("quotes", *given)
    assert done.code == code and words in " ".join(done.said.split())
    assert street.velora.asked == [] == street.odos.asked


def test_quotes__where_nobody_outside_is_asked__are_the_own_plan(street: Street) -> None:
    keeper = street.keeper
    text = keeper.config.read_text()
    keeper.config.write_text("".join(line for line in text.splitlines(True) if "{url:" not in line))
    (only,) = keeper.command("quotes", "--json").json["questions"]
    (own,) = only["answers"]
    assert (own["venue"], own["behind_best_bps"], own["refused"]) == ("own", "0.00", None)


# ---------------------------------------------------------------- on record


def test_tick__that_asked__has_all_answers_on_record_and_venues_tells_of_them(street: Street) -> None:
    keeper = street.keeper
    street.odos.played = [NOISY]
    keeper.go_live()
    assert keeper.command("run", "--live", "--json").json["outcome"] == "settled"
    rows = keeper.asked("SELECT tick, venue, counted, refused FROM answers ORDER BY place")
    assert {row[0] for row in rows} == {1}
    assert {venue: counted for _, venue, counted, _ in rows} == {
        "velora": 1,
        "odos": 0,
        "own": 1,
        "best of each pair": 1,
    }
    (why,) = (refused for *_, refused in rows if refused is not None)
    assert why.startswith("it answered 400") and why.isprintable() and len(why) <= 400
    found = {one["name"]: one for one in keeper.command("venues", "--json").json["venues"]}
    assert found["velora"]["last_answer_at"] == found["uniswap"]["last_answer_at"] > 1_700_000_000
    assert (found["odos"]["last_answer_at"], found["odos"]["last_refusal"]) == (None, why)
    assert found["odos"]["host"] == street.odos.url.removeprefix("http://")
    assert found["kyber"]["asked"] is False and found["kyber"]["last_refusal_at"] is None
    said = " ".join(keeper.command("venues").said.split())
    assert "odos: refused last at 20" in said and why in said


def test_venues__without_a_ledger__lists_them_as_never_heard(street: Street) -> None:
    found = street.keeper.command("venues", "--json").json
    assert found["ledger_unread"] is None and {one["last_answer_at"] for one in found["venues"]} == {None}
    assert [one["name"] for one in found["venues"] if one["asked"]] == ["uniswap", "velora", "odos"]


def test_venues__with_a_ledger_that_cannot_be_opened__lists_them_and_says_why_in_a_line(street: Street) -> None:
    (street.keeper.folder / "rebalancer.sqlite").write_text("a recipe, not a ledger\n" * 100)
    done = street.keeper.command("venues")
    (line,) = (line for line in done.said.splitlines() if line.startswith("when they had answers is not known: "))
    assert done.code == 0 and "aggregator-api.kyberswap.com" in done.said and "not a database" in line
    assert "not a database" in street.keeper.command("venues", "--json").json["ledger_unread"]
