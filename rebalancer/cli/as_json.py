"""Reports as JSON objects. Amounts and dollars are decimal strings of integers, so that no reader rounds them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from rebalancer.core.cost import cost_bps, total
from rebalancer.core.drift import max_drift
from rebalancer.core.model import (
    Blocked,
    Cost,
    ModuleWallet,
    Past,
    Pending,
    Planned,
    Portfolio,
    Settled,
    Snapshot,
    TickRecord,
    Trade,
)
from rebalancer.core.render import outcome_words
from rebalancer.tick import Report
from rebalancer.units import BPS, ONE, Amount, Weight, mul_div_up


def emit(value: dict[str, Any]) -> None:
    """The one JSON object of a command."""
    print(json.dumps(value))


def weight_bps(weight: Weight) -> int:
    """A weight or a drift in basis points, away from zero."""
    size = mul_div_up(abs(weight), BPS, ONE)
    return size if weight >= 0 else -size


def report_object(report: Report, requests: int) -> dict[str, Any]:
    """A tick: outcome and detail, then what it was decided from."""
    word, detail = outcome_words(report.outcome)
    found: dict[str, Any] = {"outcome": word, "detail": detail, "why": report.why, "requests": requests}
    if report.snapshot is not None:
        found["block"] = report.snapshot.block.number
    if report.portfolio is not None:
        found |= portfolio_object(report.portfolio)
    match report.outcome:
        case Blocked(breaches):
            found["breaches"] = [{"rule": b.rule, "observed": b.observed, "allowed": b.allowed} for b in breaches]
        case Planned(batch, simulation, cost, left_out):
            found["left_out"] = list(left_out)
            found["trades"] = [trade_object(q.trade, q.expected) for q in batch.quotes]
            found["changes"] = [amount_object(change) for change in simulation.changes]
            found["cost"] = cost_object(cost)
        case Pending(intent):
            found |= {"tx": intent.newest.hash, "transactions": [signed.hash for signed in intent.transactions]}
        case Settled(settlement, expected):
            found |= {"tx": settlement.tx, "gas_used": settlement.gas_used}
            found["changes"] = [amount_object(fill) for fill in settlement.fills]
            found |= {"cost": cost_object(settlement.cost), "expected_cost": cost_object(expected)}
        case _:
            if (tx := getattr(report.outcome, "tx", None)) is not None:
                found["tx"] = tx
    return found


def portfolio_object(portfolio: Portfolio) -> dict[str, Any]:
    """What is held, and how far it is from where it should be."""
    return {
        "value_usd_e18": str(portfolio.value),
        "max_drift_bps": weight_bps(max_drift(portfolio)),
        "positions": [
            amount_object(p.balance)
            | {
                "value_usd_e18": str(p.value),
                "weight_bps": weight_bps(p.weight),
                "target_bps": weight_bps(p.target),
                "drift_bps": weight_bps(p.drift),
            }
            for p in portfolio.positions
        ],
    }


def module_object(snapshot: Snapshot) -> dict[str, Any]:
    """Where a module stands; nothing of a wallet without one. What is left: shares of the wallet at 1e18."""
    wallet = snapshot.wallet
    if not isinstance(wallet, ModuleWallet):
        return {}
    state = wallet.state
    left = {"turnover_left_e18": str(state.turnover_left), "loss_left_e18": str(state.loss_left)}
    return {"module": {"address": wallet.module, "paused": state.paused, "nonce": state.nonce, **left}}


def standing_object(past: Past) -> dict[str, Any]:
    """What a tick would meet in the ledger first: an open intent, or a halt."""
    intent = past.open_intent
    sent = [] if intent is None else [signed.hash for signed in intent.transactions]
    return {"open_intent": None if intent is None else intent.newest.hash, "transactions": sent, "halted": past.halted}


def limits_object(past: Past, lost: int, rows: Sequence[Sequence[str]]) -> dict[str, Any]:
    """Where each limit over time stands: figures, then the same in words. `lost`: basis points since the best."""
    history = past.history
    return {
        "over_time": {
            "failures": past.failures,
            "lost_bps": lost,
            "trades_of_day": history.trades_of_day,
            "turnover_of_day_usd_e18": str(history.turnover_of_day),
            "cost_of_month_usd_e18": str(history.cost_of_month),
            "gas_of_month_wei": str(history.gas_of_month),
            "traded_usd_e18": str(history.traded),
            "words": {limit: f"{now}; allowed: {allowed}" for limit, now, allowed in rows},
        }
    }


def amount_object(amount: Amount) -> dict[str, Any]:
    """A token and its base units."""
    return {"token": amount.token.symbol, "address": amount.token.address, "raw": str(amount.raw)}


def trade_object(trade: Trade, expected: Amount) -> dict[str, Any]:
    """What is sold for what, and the least that may arrive."""
    return {
        "sell": amount_object(trade.sell),
        "buy": amount_object(expected),
        "floor_raw": str(trade.floor.raw),
        "value_usd_e18": str(trade.value),
    }


def cost_object(cost: Cost) -> dict[str, Any]:
    """A cost by its parts, and as a share of the value traded."""
    return {
        "traded_usd_e18": str(cost.traded),
        "fee_usd_e18": str(cost.fee),
        "impact_usd_e18": str(cost.impact),
        "shortfall_usd_e18": str(cost.shortfall),
        "gas_usd_e18": str(cost.gas),
        "total_usd_e18": str(total(cost)),
        "bps": cost_bps(cost),
    }


def record_object(record: TickRecord) -> dict[str, Any]:
    """A tick as the ledger has it."""
    return {
        "at": record.at,
        "block": record.block,
        "outcome": record.outcome,
        "detail": record.detail,
        "value_usd_e18": None if record.value is None else str(record.value),
        "max_drift_bps": None if record.max_drift is None else weight_bps(record.max_drift),
        "tx": record.tx,
        "requests": record.requests,
    }
