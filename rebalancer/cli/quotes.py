"""`rebalancer quotes`: what every venue answers now to a tick's plan, or to one trade, beside what we measure of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from rebalancer.asking import Asked, ask_for_plan, ask_for_trade
from rebalancer.cli.ticks import exit_code
from rebalancer.config import Settings, read_settings
from rebalancer.config.text import base_units
from rebalancer.core.answer_words import (
    ANSWER_HEAD,
    Question,
    answer_rows,
    behind_best,
    questions_of,
    refusal_lines,
)
from rebalancer.core.errors import ConfigError
from rebalancer.core.model import Snapshot
from rebalancer.core.render import outcome_words
from rebalancer.intents import remembered
from rebalancer.units import Amount, Token
from rebalancer.wire import make_ports

Given = tuple[str | None, str | None, str | None]
"""How much of which token is to be sold for which."""


def show_quotes(config: Path, given: Given, as_json: bool) -> int:
    """The tables, or one JSON object. ConfigError where the file or the trade is wrong."""
    settings = read_settings(config)
    wanted = _wanted(settings, given)
    ports = make_ports(settings)
    past = remembered(ports, settings.policy)
    if wanted is None:
        asked = ask_for_plan(ports, settings.policy, past)
    else:
        asked = ask_for_trade(ports, settings.policy, past, wanted)
    if as_json:
        from rebalancer.cli.as_json import emit, standing_object

        emit(_object(asked, ports.requests()) | standing_object(past))
    else:
        _show(asked)
        if wanted is None and (past.open_intent is not None or past.halted is not None):
            from rebalancer.cli.show import show_standing

            # A tick would not come so far, as with `plan`.
            show_standing(past)
    return 0 if asked.outcome is None else exit_code(asked.outcome)


def _wanted(settings: Settings, given: Given) -> tuple[Amount, Token] | None:
    how_much, sold, bought = given
    if how_much is None and sold is None and bought is None:
        return None
    if how_much is None or sold is None or bought is None:
        raise typer.BadParameter("they come together, as in --sell 1_000 --from USDC --to WETH", param_hint="--sell")
    sell, buy = _token(settings, sold, "--from"), _token(settings, bought, "--to")
    if sell == buy:
        raise ConfigError(f"--from and --to are both {sell}, expected two tokens")
    try:
        return Amount(sell, base_units(how_much, sell.decimals)), buy
    except ValueError as error:
        raise ConfigError(f"--sell is {how_much[:40]!r} {sell}: {error}") from None


def _token(settings: Settings, symbol: str, option: str) -> Token:
    """One of the portfolio: no other is read with its balance and its pools."""
    known = {token.symbol: token for token in settings.policy.assets}
    if symbol not in known:
        raise ConfigError(f"{option} is {symbol[:40]!r}, expected a token of the portfolio: {', '.join(known)}")
    return known[symbol]


def _show(asked: Asked) -> None:
    from rebalancer.cli.show import show_line, show_table

    for question in questions_of(asked.answers):
        show_table(question.words, ANSWER_HEAD, answer_rows(question, asked.snapshot))
        for line in refusal_lines(question):
            show_line("refused", line)
    if asked.outcome is None:
        return
    word, detail = outcome_words(asked.outcome)
    if not asked.answers:
        detail = f"{detail}; so there was nothing to ask for (--sell, --from and --to ask about a trade all the same)"
    show_line(word, detail)


def _object(asked: Asked, requests: int) -> dict[str, Any]:
    word, detail = (None, None) if asked.outcome is None else outcome_words(asked.outcome)
    return {
        "outcome": word,
        "detail": detail,
        "why": asked.why,
        "block": asked.snapshot.block.number,
        "requests": requests,
        "questions": [_question(each, asked.snapshot) for each in questions_of(asked.answers)],
    }


def _question(question: Question, snapshot: Snapshot) -> dict[str, Any]:
    from rebalancer.cli.as_json import amount_object

    both = zip(question.answers, behind_best(question, snapshot), strict=True)
    return {
        "sell": [amount_object(each) for each in question.sold],
        "least": [amount_object(each) for each in question.least],
        "answers": [
            {
                "venue": one.venue,
                "says": [amount_object(each) for each in one.says],
                "simulated": [amount_object(each) for each in one.arrived],
                "gas": one.gas,
                "net_usd_e18": None if one.net is None else str(one.net),
                "behind_best_bps": None if behind is None else behind.replace(",", ""),
                "refused": one.refused,
            }
            for one, behind in both
        ],
    }
