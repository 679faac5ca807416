"""Many portfolios in one database: none sees another's past, and none stops another."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from given_ledger import EVER, OURS, a_basis, a_settlement, a_tick, a_valued_tick, an_intent

from rebalancer.adapters.ledger.idle import IdleLedger
from rebalancer.adapters.ledger.sql import SqlLedger
from rebalancer.adapters.ledger.words import HALTED, Identity
from rebalancer.core.errors import ConfigError, Halt
from rebalancer.core.model import Past
from rebalancer.market.addresses import checksum_address


def _wallet(number: int) -> Identity:
    return replace(OURS, wallet=checksum_address("0x" + (1_000 + number).to_bytes(20, "big").hex()))


@pytest.fixture(params=["sqlite", "postgresql"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database that many may share."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/ledger.db?portfolios=many"
    return str(request.getfixturevalue("postgres_url"))


def test_portfolio__beside_others__has_a_past_of_its_own(shared: str) -> None:
    ours, theirs = SqlLedger(shared, _wallet(1)), SqlLedger(shared, _wallet(2))
    ours.record_tick(a_valued_tick(1_700_000_000, 10**9, block=2_000))
    ours.record_intent(an_intent(1), a_basis(an_intent(1)))
    ours.record_landing(an_intent(1), a_settlement(an_intent(1)))
    ours.record_intent(an_intent(2), a_basis(an_intent(2)))
    ours.record_tick(a_tick(HALTED, "look at this", None))
    assert theirs.read(EVER) == Past(None, None, None, 0, 0)
    assert theirs.history(10) == ()
    # The very same intent, as far as the tables go: it is another wallet's.
    theirs.record_intent(an_intent(1), a_basis(an_intent(1)))
    past = ours.read(EVER)
    assert (past.open_intent, past.halted) == (an_intent(2), "look at this")
    assert theirs.read(EVER).open_intent == an_intent(1)
    with pytest.raises(Halt, match="never recorded"):
        theirs.record_landing(an_intent(2), a_settlement(an_intent(2)))


def test_portfolios__that_join_and_record_at_once__are_all_there(shared: str) -> None:
    def round_of(number: int) -> Past:
        ledger = SqlLedger(shared, _wallet(number))
        for turn in (1, 2):
            intent = an_intent(turn)
            ledger.record_intent(intent, a_basis(intent))
            ledger.record_tick(a_tick(block=number))
            ledger.record_landing(intent, a_settlement(intent))
        past = ledger.read(EVER)
        ledger.close()
        return past

    with ThreadPoolExecutor(8) as pool:
        pasts = list(pool.map(round_of, range(1, 13)))
    assert [past.last_settled_at for past in pasts] == [a_settlement(an_intent(2)).timestamp] * 12
    assert [past.recent[0].block for past in pasts] == list(range(1, 13))


def test_open__of_a_file_with_many__without_saying_so__is_for_those_that_are_in_it(tmp_path: Path) -> None:
    alone = f"sqlite:///{tmp_path}/ledger.db"
    for number in (1, 2):
        SqlLedger(f"{alone}?portfolios=many", _wallet(number)).record_tick(a_tick(block=number))
    assert IdleLedger(alone, _wallet(2)).history(5) == (a_tick(block=2),)
    with pytest.raises(ConfigError, match=f"is the memory of {_wallet(1)}, expected {_wallet(3)}.*portfolios=many"):
        IdleLedger(alone, _wallet(3))


def test_open__with_another_word_for_many__is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="`portfolios` is 'many' or not there"):
        SqlLedger(f"sqlite:///{tmp_path}/ledger.db?portfolios=two", OURS)
