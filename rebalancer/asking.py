"""What everybody would answer now: a plan or a trade in, all answers out. Nothing is sent, or written down.

To a plan they are asked by a dry tick, exactly as a tick asks them; to a trade of somebody's own choosing here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rebalancer.core.competition import OWN, Question, answer_of, measured, pairs_of, refused
from rebalancer.core.cost import fees_for
from rebalancer.core.errors import ConfigError, Unavailable
from rebalancer.core.floors import floor_of
from rebalancer.core.guard import guard_snapshot
from rebalancer.core.model import (
    Answer,
    Hold,
    Outcome,
    Past,
    Plan,
    Planned,
    Policy,
    Quote,
    Snapshot,
    Trade,
)
from rebalancer.core.module_room import limits_in, void_at
from rebalancer.core.render import amount, breach_words
from rebalancer.core.sale import make_sale
from rebalancer.decide import with_ticks
from rebalancer.market.routing import MoreTicks
from rebalancer.ports import Ports
from rebalancer.quoting import own_quotes
from rebalancer.tick import dry_tick, look
from rebalancer.units import Amount, Bps, Token, Usd

if TYPE_CHECKING:
    from rebalancer.competing import Competition


@dataclass(frozen=True, slots=True)
class Asked:
    """`answers`: of all that were asked, in turn; none where there was nothing to ask for.

    `outcome`: of the dry tick that has asked them, and `why` it acts; None where a trade was asked for.
    """

    snapshot: Snapshot
    answers: tuple[Answer, ...]
    outcome: Outcome | None = None
    why: str | None = None


def ask_for_plan(ports: Ports, policy: Policy, past: Past) -> Asked:
    """What a tick would do now, and what was answered on the way to it. Raises Unavailable, Halt."""
    ports.answers.clear()
    report = dry_tick(ports, policy, past)
    assert report.snapshot is not None, "a dry tick has looked"
    answers, outcome = tuple(ports.answers), report.outcome
    if not answers and isinstance(outcome, Planned):
        # Nobody is asked over the network, so nothing had to be measured twice.
        answers = (_own_answer(outcome, report.snapshot, policy),)
    return Asked(report.snapshot, answers, outcome, report.why)


def ask_for_trade(ports: Ports, policy: Policy, past: Past, wanted: tuple[Amount, Token]) -> Asked:
    """What everybody answers to one sale. `wanted`: what is sold, and for what.

    Raises ConfigError where the wallet does not hold it, Unavailable where prices are in dispute.
    """
    snapshot, _ = look(ports, policy, past)
    _check(policy, snapshot, wanted[0])
    sell, buy = wanted
    fees, deadline = fees_for(snapshot.block, policy.limits), void_at(snapshot, policy.limits)
    slippage = limits_in(snapshot, policy.limits).max_slippage

    def planned(known: Snapshot) -> Plan | Hold | MoreTicks:
        return make_sale(policy, known, fees, sell, buy)

    made: tuple[Plan | Hold, Snapshot] = with_ticks(ports, snapshot, planned)
    sale, snapshot = made
    # Others may know pools that we do not.
    plan = Plan((_trade(snapshot, sell, buy, slippage),), (), Usd(0)) if isinstance(sale, Hold) else sale

    def own(known: Snapshot) -> tuple[Quote, ...] | Hold | MoreTicks:
        return sale if isinstance(sale, Hold) else own_quotes(ports, Question(plan, known, fees, deadline, slippage))

    found: tuple[tuple[Quote, ...] | Hold, Snapshot] = with_ticks(ports, snapshot, own)
    quotes, snapshot = found
    from rebalancer.competing import Competition  # late, as in quoting

    ports.answers.clear()
    competition = Competition(ports, Question(plan, snapshot, fees, deadline, slippage), quotes)
    competition.winner()
    return Asked(snapshot, (*_without_own(competition, quotes), *ports.answers))


def _without_own(competition: Competition, quotes: tuple[Quote, ...] | Hold) -> tuple[Answer, ...]:
    """Why the own router is not among those that were asked, where it is not."""
    if not isinstance(quotes, Hold):
        return ()
    return (answer_of(refused(OWN, competition.trades, quotes.reason)),)


def _check(policy: Policy, snapshot: Snapshot, sell: Amount) -> None:
    if breaches := guard_snapshot(policy, snapshot):
        raise Unavailable("; ".join(map(breach_words, breaches)))
    held = next((one for one in snapshot.balances if one.token.address == sell.token.address), Amount(sell.token, 0))
    if held.raw < sell.raw:
        raise ConfigError(
            f"--sell is {amount(sell)}, and the wallet holds {amount(held)}: what it does not have cannot be simulated"
        )


def _trade(snapshot: Snapshot, sell: Amount, buy: Token, slippage: Bps) -> Trade:
    """For the others, where there is no route of ours to tell the floor by."""
    sold = snapshot.price(sell.token)
    return Trade(sell, buy, sold.value_down(sell.raw), floor_of(sell, sold, snapshot.price(buy), slippage))


def _own_answer(planned: Planned, snapshot: Snapshot, policy: Policy) -> Answer:
    quotes = planned.batch.quotes
    trades = pairs_of(Plan(tuple(quote.trade for quote in quotes), (), planned.cost.traded), snapshot)
    at = snapshot, fees_for(snapshot.block, policy.limits)
    return answer_of(measured(OWN, trades, quotes, planned.simulation, at))
