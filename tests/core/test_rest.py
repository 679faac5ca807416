"""Which venues have no part in the next batch, by what became of the last ones."""

from __future__ import annotations

from dataclasses import replace

import pytest
from given_intents import BATCH, CHANGES, INTENT, PLAN
from small_market import LINK, NOW, USDC, WBTC
from small_orders import BATCH as ORDERS_BATCH
from small_orders import ORDERED

from rebalancer.core.model import Failure, Mined, Purpose, Receipt, Replacement, Settlement, Terms
from rebalancer.core.quote_rules import SAYS_TOLERANCE
from rebalancer.core.rest import fell_short, outside_venues, resting, through
from rebalancer.core.settle import settle
from rebalancer.units import BPS, Address, Amount, Token, Usd, Wei

THROUGH = replace(INTENT, venues=("one_inch", "odos"))
MINED = Mined("0xfeed", 1, "0xb1", NOW, 450_000, Usd(1))


def settled(token: Token | None = None, less: int = 0) -> Settlement:
    """As simulated, but for so many base units of a token."""
    fills = tuple(c - Amount(c.token, less) if c.token == token else c for c in CHANGES)
    return Settlement("intent-1", "0xfeed", 1, "0xb1", NOW, fills, INTENT.cost, 450_000)


def simulated(token: Token) -> int:
    return next(change.raw for change in CHANGES if change.token == token)


def test_outside_venues__of_quotes__are_those_that_we_have_not_built_each_once() -> None:
    first, *rest = BATCH.quotes
    nobody = Address("0x" + "00" * 19 + "01")
    terms = Terms("swap", nobody, nobody, 1, 1, nobody, ())
    others = (replace(first, venue="odos", terms=terms), replace(first, venue="odos", terms=terms))
    assert outside_venues((*others, *rest)) == ("odos",) and outside_venues(BATCH.quotes) == ()
    assert outside_venues(ORDERS_BATCH.quotes) == ("cow",)


@pytest.mark.parametrize("mined", [MINED, None], ids=["reverted", "dropped by a relay until it was void"])
def test_resting__after_a_batch_that_failed__are_all_its_venues_and_it_is_named(mined: Mined | None) -> None:
    found = resting([(THROUGH, Failure("mined and reverted", mined))])
    assert found == dict.fromkeys(THROUGH.venues, "rests for a day: its batch 0xfeed failed: mined and reverted")


def test_resting__after_an_order_that_was_not_filled__says_which() -> None:
    found = resting([(replace(ORDERED, venues=("cow",)), replace(settled(), unfilled="the order expired at 7"))])
    assert list(found) == ["cow"] and found["cow"].endswith("was not filled: the order expired at 7")


def test_resting__after_batches_that_went_well_or_through_nobody_outside__is_nobody() -> None:
    failed = Failure("mined and reverted", MINED)
    assert resting([(THROUGH, settled()), (INTENT, failed), (INTENT, settled(WBTC, simulated(WBTC)))]) == {}


def test_resting__a_batch_that_went_well_later__excuses_nobody() -> None:
    assert set(resting([(THROUGH, Failure("reverted", MINED)), (THROUGH, settled())])) == set(THROUGH.venues)


@pytest.mark.parametrize("token", [WBTC, LINK])
def test_fell_short__at_the_tolerance__is_nothing_and_a_unit_below_it_is_told(token: Token) -> None:
    most = simulated(token) * SAYS_TOLERANCE // BPS
    assert fell_short(THROUGH, settled(token, most)) is None and resting([(THROUGH, settled(token, most))]) == {}
    short = settled(token, most + 1)
    words = fell_short(THROUGH, short)
    assert (
        words is not None
        and f"{token} arrived, 0.51 % less than the " in words
        and words.endswith("simulated (through one_inch, odos)")
    )
    assert set(resting([(THROUGH, short)])) == set(THROUGH.venues)
    assert words in resting([(THROUGH, short)])["odos"]


def test_fell_short__of_what_the_batch_sells_as_well__is_of_all_that_was_bought() -> None:
    """Else a token whose balance hardly changes would tell of a unit."""
    trade = replace(PLAN.trades[0], sell=Amount(LINK, 10**21), buy=USDC)
    sells = replace(PLAN.trades[1], sell=Amount(USDC, 10**9), buy=LINK)
    intent = replace(THROUGH, trades=(trade, sells), expected=(Amount(USDC, 10), Amount(LINK, 0)))
    assert fell_short(intent, replace(settled(), fills=())) is None
    assert fell_short(intent, replace(settled(), fills=(Amount(USDC, -(10**7)),))) is not None


def test_fell_short__of_nothing_at_all__is_told() -> None:
    words = fell_short(THROUGH, settled(WBTC, simulated(WBTC)))
    assert words is not None and words.startswith("0 WBTC arrived, 100 % less than")


def test_settle__what_failed__names_the_venues_of_its_batch() -> None:
    assert (through(THROUGH), through(INTENT)) == (" (through one_inch, odos)", "")
    receipt = Receipt("0xfeed", 1, "0xb1", NOW, 450_000, Wei(1), (), "mined and reverted: GS013")
    failed = settle(THROUGH, receipt)
    assert isinstance(failed, Failure) and failed.reason == "mined and reverted: GS013 (through one_inch, odos)"
    assert settle(INTENT, receipt) == replace(failed, reason="mined and reverted: GS013")
    cancelled = replace(THROUGH, replacements=(Replacement(Purpose.CANCEL, NOW, INTENT.commitment),))
    failed = settle(cancelled, replace(receipt, reason=None))
    assert isinstance(failed, Failure) and failed.reason.endswith("used up (through one_inch, odos)")
