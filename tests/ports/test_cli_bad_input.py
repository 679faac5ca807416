"""Bad input from end to end: what the commands make of wrong files, accounts, tokens, prices and ledgers.

Whatever is wrong is named with what was seen and what was expected, nothing is sent, and nobody sees a traceback.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from given_keeper import Done, Keeper, a_keeper
from given_wallet import a_keystore

from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.config import read_settings
from rebalancer.replica.chain import Replica
from rebalancer.wire import lock_path

ETH_USD = "0x5f4eC3Df9cbd43714FE2740f5E3616155c5b8419"


@pytest.fixture
def keeper(keeper: Keeper) -> Keeper:
    """Would trade at once: off target, and live."""
    keeper.go_live()
    return keeper


def refused(keeper: Keeper, code: int, *words: str) -> Done:
    """A live run ends with `code` and says all `words`; nothing was sent, and no intent recorded."""
    done = keeper.command("run", "--live")
    assert done.code == code, done.said
    for word in words:
        assert word in done.said
    assert keeper.sent() == 0
    if (keeper.folder / "rebalancer.sqlite").is_file():
        assert keeper.asked("SELECT * FROM intents") == []
    return done


# ---------------------------------------------------------------- tokens, feeds, pools


def test_run__token_with_other_decimals__names_both_figures(keeper: Keeper) -> None:
    keeper.edit("decimals: 8\n", "decimals: 9\n")
    refused(keeper, 2, "token WBTC at 0x2260", "8 decimals on the chain, 9 in the configuration")


def test_run__feed_with_other_decimals__names_both_figures(keeper: Keeper) -> None:
    keeper.edit(f'feed: "{ETH_USD}", ', f'feed: "{ETH_USD}", decimals: 18, ')
    refused(keeper, 2, "price of WETH", ETH_USD, "8 decimals on the chain, 18 in the configuration")


def test_run__token_that_is_no_contract__names_it(keeper: Keeper) -> None:
    nobody = keeper.replica.actor("guardian").address
    keeper.edit("0x514910771AF9Ca656af840dff83E8264EcF986CA", nobody)
    refused(keeper, 2, f"token LINK at {nobody}", "no such contract")


def test_run__feed_that_is_no_contract__names_it(keeper: Keeper) -> None:
    nobody = keeper.replica.actor("guardian").address
    keeper.edit(ETH_USD, nobody)
    refused(keeper, 2, f"price of WETH: feed {nobody}", "no such contract")


@pytest.mark.parametrize(
    ("pool", "seen"), [("v3 UNI/WETH 1 %", "the factory has none"), ("v2 DAI/UNI", "no such contract on this chain")]
)
def test_run__pool_that_does_not_exist__names_it(keeper: Keeper, pool: str, seen: str) -> None:
    keeper.edit("      - v2 USDC/WETH\n", f"      - v2 USDC/WETH\n      - {pool}\n")
    kind, pair = pool.split()[:2]
    refused(keeper, 2, f"pool {kind} {pair}", seen, "check")


# ---------------------------------------------------------------- prices


@pytest.mark.parametrize("answer", [0, -3_000 * 10**8])
def test_run__feed_without_a_price__is_unavailable_with_the_answer(keeper: Keeper, answer: int) -> None:
    keeper.replica.set_price("ETH/USD", answer)
    refused(keeper, 3, f"WETH: the feed {ETH_USD}", f"answers {answer}, expected a price above zero")


def test_run__feed_that_is_stale__is_unavailable_with_its_age(keeper: Keeper) -> None:
    keeper.replica.set_round("ETH/USD", 3_000 * 10**8, keeper.replica.now() - 4_000)
    refused(keeper, 3, f"WETH: the feed {ETH_USD}", "is 1 h 6 min old", "expected at most 3900 s")


def test_run__feed_from_the_future__is_unavailable_with_both_times(keeper: Keeper) -> None:
    at = keeper.replica.now() + 900
    keeper.replica.set_round("ETH/USD", 3_000 * 10**8, at)
    refused(keeper, 3, f"WETH: the feed {ETH_USD}", "is from the future", f"written at {at}")


def test_run__oracle_and_pools_apart__is_blocked_with_the_gap(keeper: Keeper) -> None:
    keeper.replica.set_price("ETH/USD", 3_150 * 10**8)
    refused(keeper, 4, "max_pool_gap", "bps off the oracle", "allowed is 200 bps")


# ---------------------------------------------------------------- tokens that refuse


def test_run__usdc_is_paused__is_blocked_with_the_tokens_own_reason(keeper: Keeper) -> None:
    usdc = keeper.replica.token("USDC").address
    keeper.replica.transact(keeper.replica.actor("attacker").address, usdc, "pause()")
    done = refused(keeper, 4, "blocked: simulation:", "USDC: Pausable: paused")
    assert keeper.command("run", "--live", "--json").json["breaches"][0]["rule"] == "simulation"
    assert [outcome for outcome, _ in keeper.rows()] == ["blocked", "blocked"]
    assert "allowed is a batch that executes" in done.out


def test_run__wallet_is_blacklisted__is_blocked_with_the_tokens_own_reason(keeper: Keeper) -> None:
    usdc = keeper.replica.token("USDC").address
    keeper.replica.transact(keeper.replica.actor("attacker").address, usdc, "blacklist(address)", keeper.wallet)
    refused(keeper, 4, "blocked: simulation:", "USDC: Blacklistable: account is blacklisted")


# ---------------------------------------------------------------- the wallet


def test_run__safe_with_threshold_2__is_blocked(replica: Replica, keystore: Path, tmp_path: Path) -> None:
    owners = (replica.actor("operator").address, replica.actor("owner").address)
    keeper = a_keeper(replica, tmp_path, keystore, owners, threshold=2)
    keeper.go_live()
    refused(keeper, 4, "safe_threshold: the Safe asks for 2 signatures, allowed is 1 signature")


def test_run__operator_that_is_no_owner__is_blocked_and_the_owners_named(
    replica: Replica, keystore: Path, tmp_path: Path
) -> None:
    owner = replica.actor("owner").address
    keeper = a_keeper(replica, tmp_path, keystore, (owner,))
    keeper.go_live()
    refused(keeper, 4, f"the operator {keeper.operator.address} is no owner of the Safe", owner)


def test_run__operator_without_gas_money__is_blocked_with_what_it_holds(keeper: Keeper) -> None:
    keeper.replica.deal("ETH", keeper.operator.address, 10**16)
    refused(keeper, 4, "min_operator_balance: the operator holds 0.01 ETH, allowed is at least 0.03 ETH")


@pytest.mark.parametrize(
    ("who", "seen"),
    [("guardian", "VERSION() returns nothing: there is no contract"), ("router", "VERSION() reverts")],
)
def test_run__wallet_that_is_no_safe__is_a_config_error(keeper: Keeper, who: str, seen: str) -> None:
    address = MAINNET.swap_router_02 if who == "router" else keeper.replica.actor(who).address
    keeper.edit(keeper.wallet, address)
    refused(keeper, 2, f"wallet {address}", seen, "expected a Safe of version 1.3 or later")


# ---------------------------------------------------------------- the key


def test_run__keystore_of_another_account__names_both(keeper: Keeper, tmp_path_factory: pytest.TempPathFactory) -> None:
    attacker = keeper.replica.actor("attacker")
    other = a_keystore(tmp_path_factory.mktemp("keys") / "attacker.json", attacker)
    (keeper.folder / "operator.json").write_text(other.read_text())
    refused(keeper, 2, attacker.address, f"expected the operator {keeper.operator.address}")


def test_run__wrong_password__says_so_and_shows_none(keeper: Keeper) -> None:
    (keeper.folder / "password").write_text("guess-7Secret")
    done = refused(keeper, 2, "operator.json: the password is wrong")
    assert "7Secret" not in done.said


def test_run__keystore_that_others_may_read__says_how_to_mend_it(keeper: Keeper) -> None:
    path = keeper.folder / "operator.json"
    path.chmod(0o644)
    refused(keeper, 2, "its permissions are 644, expected 600", f"chmod 600 {path}")


def test_run__keystore_that_is_not_there__says_how_to_make_one(keeper: Keeper) -> None:
    (keeper.folder / "operator.json").unlink()
    refused(keeper, 2, "operator.json: there is no such file", "rebalancer operator new")


# ---------------------------------------------------------------- the ledger


def test_run__ledger_that_is_another_file__halts_and_leaves_it(keeper: Keeper) -> None:
    path = keeper.folder / "rebalancer.sqlite"
    path.write_text("a recipe, not a ledger\n" * 100)
    done = keeper.command("run", "--live")
    assert done.code == 5 and str(path) in done.said and "not a database" in done.said
    assert path.read_text() == "a recipe, not a ledger\n" * 100 and keeper.sent() == 0


def test_run__ledger_with_damaged_pages__halts_and_sends_nothing(keeper: Keeper) -> None:
    for _ in range(3):
        keeper.command("plan"), keeper.command("run")
    path = keeper.folder / "rebalancer.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    done = keeper.command("run", "--live")
    assert done.code == 5 and "the file is damaged" in done.said and "restore it from a backup" in done.said
    assert keeper.sent() == 0


@pytest.mark.parametrize("ledger", ["/proc/rebalancer.sqlite", "nowhere/rebalancer.sqlite"])
def test_run__ledger_in_a_folder_that_takes_no_file__is_a_config_error(keeper: Keeper, ledger: str) -> None:
    keeper.edit("ledger: rebalancer.sqlite ", f"ledger: {ledger} ")
    done = keeper.command("run", "--live")
    assert done.code == 2 and "ledger" in done.said and ledger.rpartition("/")[0] in done.said
    assert keeper.sent() == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_run__folder_that_became_read_only__is_named_and_nothing_is_sent(keeper: Keeper) -> None:
    keeper.folder.chmod(0o500)
    try:
        done = keeper.command("run", "--live")
    finally:
        keeper.folder.chmod(0o700)
    assert done.code == 2 and str(keeper.folder) in done.said
    assert keeper.sent() == 0


def test_run__where_the_lock_cannot_be_made__names_its_path(keeper: Keeper) -> None:
    keeper.command("run")
    lock = lock_path(read_settings(keeper.config))
    lock.unlink()
    lock.mkdir()
    done = keeper.command("run", "--live")
    assert done.code == 2 and str(lock) in done.said
    assert keeper.sent() == 0
