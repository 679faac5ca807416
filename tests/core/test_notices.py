"""Who is told what, and that nobody is told the same thing again and again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from given_intents import CHANGES, INTENT
from small_market import BLOCK, NOW, usd

from rebalancer.core.errors import ConfigError, Halt, Unavailable
from rebalancer.core.model import (
    Blocked,
    Breach,
    Failed,
    Held,
    Outcome,
    Past,
    Pending,
    Proposed,
    Settled,
    Settlement,
    TickRecord,
)
from rebalancer.core.notices import UNKNOWN, notice_of
from rebalancer.core.render import outcome_words

SETTLED = Settled(Settlement("intent-1", "0xfeed", 1, "0xb1", NOW, CHANGES, INTENT.cost, 450_000), INTENT.cost)
FAILED = Failed("intent-1", "0xfeed", "Too little received")
DEAR = Breach("max_gas_price", "40 gwei", "30 gwei")
THIN = Breach("max_pool_gap", "pool 0x1 (A/B) is 300 bps off the oracle; so it stays", "200 bps")
OF_MODULE = Breach("RebalanceModule: paused", "the module is paused", "a module at work")
GAS = "the operator's 0.11 ETH last for 6 d"


def past(*outcomes: str, **changes: object) -> Past:
    """Ticks on record, newest first."""
    recent = tuple(row(word) for word in outcomes)
    return replace(Past(None, None, None, 0, 0, recent=recent), **changes)  # type: ignore[arg-type]


def row(outcome: str, detail: str = "") -> TickRecord:
    return TickRecord(NOW, BLOCK.number, outcome, detail, usd(1), None, None, 1)


def after(outcome: Outcome, why: str = "") -> Past:
    """The tick before ended like this."""
    word, detail = outcome_words(outcome)
    return replace(past(), recent=(row(word, detail + why),))


def title(ended: Outcome | Exception, before: Past | None, gas: str | None = None) -> str | None:
    notice = notice_of(ended, before, gas)
    return None if notice is None else notice.title


# ---------------------------------------------------------------- halts


def test_notice_of__a_halt__is_urgent_and_says_why() -> None:
    notice = notice_of(Halt("the node is far behind"), past("held"))
    assert notice is not None and notice.urgent and notice.body == "the node is far behind"
    assert notice.title == "halted: a person must look"


def test_notice_of__a_keeper_that_is_halted_already__says_nothing_more() -> None:
    assert notice_of(Halt("the node is far behind"), past("Halt", halted="the node is far behind")) is None


def test_notice_of__a_halt_of_the_ledger_itself__is_told() -> None:
    assert title(Halt("the records contradict each other"), None) == "halted: a person must look"


# ---------------------------------------------------------------- what may pass


@pytest.mark.parametrize(
    ("before", "told"),
    [
        ((), False),
        (("held",), False),
        (("held", "Unavailable"), False),
        (("Unavailable",), True),
        (("Unavailable", "held"), True),
        (("failed", "settled"), False),
        (("Unavailable", "failed"), True),
        (("Unavailable", "Unavailable"), False),
    ],
)
def test_notice_of__what_may_pass__is_told_the_second_time_and_only_then(before: tuple[str, ...], told: bool) -> None:
    notice = notice_of(Unavailable("no answer"), past(*before))
    assert (notice is not None) is told
    assert notice is None or (notice.urgent and "twice in a row" in notice.title)


@pytest.mark.parametrize("recent", [("failed", "held"), ("pending", "failed"), ("held", "pending")])
@pytest.mark.parametrize(("failures", "told"), [(0, False), (1, True), (2, False)])
def test_notice_of__a_failed_batch__is_told_the_second_time_whatever_lay_between(
    recent: tuple[str, ...], failures: int, told: bool
) -> None:
    notice = notice_of(FAILED, past(*recent, failures=failures))
    assert (notice is not None) is told
    assert notice is None or (notice.urgent and notice.title == "a batch failed, twice in a row")


def test_notice_of__a_batch_given_up_once_more__is_not_told_again() -> None:
    given_up = replace(FAILED, intent=INTENT.id)
    assert title(given_up, past(failures=1)) == "a batch failed, twice in a row"
    assert title(given_up, past(failures=1, gone=INTENT)) is None


def test_notice_of__no_ledger_to_remember__is_told_each_time() -> None:
    assert title(FAILED, None) == "a batch failed, twice in a row"
    assert title(Unavailable("the database is not there"), None) == "no decision, twice in a row"


def test_notice_of__a_wrong_configuration__is_told_once() -> None:
    error = ConfigError("wallet.module is empty")
    assert title(error, past("held")) == "the configuration must be mended"
    assert notice_of(error, past("ConfigError")) is None


def test_notice_of__a_fault_in_the_program__names_its_kind_and_never_its_text() -> None:
    notice = notice_of(KeyError("https://node.example/v2/topsecret"), past("held"))
    assert notice is not None and notice.urgent and notice.body.startswith("KeyError; ")
    assert "topsecret" not in notice.title + notice.body
    assert notice_of(KeyError("x"), past(UNKNOWN)) is None


def test_notice_of__less_than_was_simulated__names_the_venues_and_wants_somebody() -> None:
    short = "1 WBTC arrived, 2 % less than the 1.02 WBTC simulated (through one_inch)"
    notice = notice_of(replace(SETTLED, short=short), past("held"))
    assert notice is not None and notice.urgent and notice.body.endswith(f"; {short}")
    assert notice.title == "rebalanced for less than was simulated"
    as_planned = notice_of(SETTLED, past("held"))
    assert as_planned is not None and not as_planned.urgent and as_planned.title == "rebalanced"


# ---------------------------------------------------------------- breaches


def test_notice_of__a_breach__is_told_when_it_is_new() -> None:
    notice = notice_of(Blocked((DEAR,)), past("held"))
    assert notice is not None and notice.urgent and notice.body == "max_gas_price: 40 gwei, allowed is 30 gwei"


@pytest.mark.parametrize("why", ["", "; because WETH is 6 points over: its band is 5 points"])
def test_notice_of__the_same_rules_with_other_figures__is_not_told_again(why: str) -> None:
    dearer = replace(DEAR, observed="55 gwei")
    assert notice_of(Blocked((dearer,)), after(Blocked((DEAR,)), why)) is None
    assert notice_of(Blocked((OF_MODULE, THIN)), after(Blocked((THIN, OF_MODULE)), why)) is None


def test_notice_of__one_breach_fewer__is_not_told() -> None:
    assert notice_of(Blocked((THIN,)), after(Blocked((THIN, DEAR)))) is None


def test_notice_of__one_breach_more__is_told() -> None:
    assert title(Blocked((THIN, DEAR)), after(Blocked((THIN,)))) == "blocked by its limits"


def test_notice_of__a_rule_whose_name_another_ends_with__is_told() -> None:
    assert title(Blocked((replace(DEAR, rule="gas_price"),)), after(Blocked((DEAR,)))) is not None


# ---------------------------------------------------------------- as it should be


def test_notice_of__a_settled_rebalance__is_told_and_not_urgent() -> None:
    notice = notice_of(SETTLED, past("held"))
    assert notice is not None and not notice.urgent
    assert notice.title == "rebalanced" and notice.body.startswith("0xfeed in block 1: ")


@pytest.mark.parametrize("outcome", [Held("inside its bands"), Pending(INTENT, "waits to be mined")])
def test_notice_of__a_quiet_tick__is_not_told(outcome: Outcome) -> None:
    assert notice_of(outcome, past("Unavailable", "held"), GAS) is None


def test_notice_of__a_batch_for_the_owners_to_sign__is_told_once() -> None:
    assert title(Proposed("0xsafe"), past("held")) == "waits for the owners' signatures"
    assert notice_of(Proposed("0xsafe"), past("proposed")) is None


# ---------------------------------------------------------------- open for long

WAITS = Pending(INTENT, "waits to be mined")
DUE = INTENT.deadline + 3_600
DAY = 86_400


def waited(at: int, *rows_before: tuple[str, int], of: str = "pending") -> Past:
    """The newest row is `of` that kind and of that time."""
    recent = [replace(row(word), at=when) for word, when in ((of, at), *rows_before)]
    return replace(past(), recent=tuple(recent))


@pytest.mark.parametrize(
    ("at", "before", "told"),
    [
        (DUE - 1, DUE - 300, False),
        (DUE, DUE - 300, True),
        (DUE + 299, DUE - 1, True),
        (DUE + 300, DUE, False),
        (DUE + DAY - 1, DUE, False),
        (DUE + DAY, DUE + DAY - 1, True),
        (DUE + DAY + 5, DUE + DAY, False),
        (DUE + 30 * DAY + 200, DUE + 30 * DAY - 100, True),
        (DUE + 3 * DAY, DUE - 300, True),
        (DUE + 10, DUE + 5_000, False),
    ],
)
def test_notice_of__an_intent_open_for_long__is_told_an_hour_past_its_deadline_and_once_a_day(
    at: int, before: int, told: bool
) -> None:
    notice = notice_of(WAITS, waited(before), at=at)
    assert (notice is not None) is told
    assert notice is None or (notice.urgent and notice.title == "an intent is open for long")


def test_notice_of__an_intent_open_for_long__says_what_and_for_how_long() -> None:
    notice = notice_of(WAITS, waited(DUE - 300), at=DUE + 60)
    assert notice is not None and notice.body == (
        "0xfeed: waits to be mined; it should have ended by its deadline, 1 h 1 min ago"
    )


@pytest.mark.parametrize(
    ("before", "told"),
    [
        (waited(DUE + 60, ("pending", DUE), of="Unavailable"), False),
        (waited(DUE + 60, ("pending", DUE - 1), of="Unavailable"), True),
        (waited(DUE + 60, ("Unavailable", DUE + 1), of="Unavailable"), False),
        (waited(DUE + 60, ("Unavailable", DUE - 1), of="Unavailable"), True),
    ],
)
def test_notice_of__an_intent_open_for_long__is_told_once_though_a_tick_between_came_to_nothing(
    before: Past, told: bool
) -> None:
    assert (notice_of(WAITS, before, at=DUE + 120) is not None) is told


def test_notice_of__an_intent_open_for_long_and_no_row_on_record__is_told() -> None:
    assert notice_of(WAITS, past(), at=DUE) is not None
    blind = notice_of(WAITS, None, at=DUE)
    assert blind is not None and not blind.remembered


# ---------------------------------------------------------------- gas


def test_notice_of__gas_runs_out__rides_on_what_spends_it() -> None:
    settled = notice_of(SETTLED, past("held"), GAS)
    assert settled is not None and settled.urgent
    assert settled.title == "rebalanced; the operator runs out of gas" and settled.body.endswith(f"\n{GAS}")
    failed = notice_of(FAILED, past("held"), GAS)
    assert failed is not None and (failed.title, failed.body) == ("the operator runs out of gas", GAS)


def test_notice__without_a_past__says_that_nothing_is_remembered() -> None:
    notice = notice_of(Halt("the file is damaged"), None)
    assert notice is not None and not notice.remembered
    known = notice_of(Halt("the node is far behind"), past("held"))
    assert known is not None and known.remembered
