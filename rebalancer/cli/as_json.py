"""Reports as JSON objects. Amounts and dollars are decimal strings of integers, so that no reader rounds them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from rebalancer.core.cost import cost_bps
from rebalancer.core.cost_words import cost_parts, differences, share_of
from rebalancer.core.drift import max_drift
from rebalancer.core.flows import fee_ppm
from rebalancer.core.model import (
    Blocked,
    Cost,
    ModuleWallet,
    Order,
    Past,
    Pending,
    Planned,
    Portfolio,
    Quote,
    Rebalance,
    Settled,
    Snapshot,
    Target,
    TickRecord,
)
from rebalancer.core.render import outcome_words
from rebalancer.market.routing import Hop
from rebalancer.market.uniswap_v2 import V2Pool
from rebalancer.tick import Report
from rebalancer.units import BPS, ONE, Amount, Usd, Weight, mul_div_up


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
    found["targets_stand"] = report.targets
    if report.snapshot is not None:
        found["block"] = report.snapshot.block.number
    if report.portfolio is not None:
        found |= portfolio_object(report.portfolio)
    match report.outcome:
        case Blocked(breaches):
            found["breaches"] = [{"rule": b.rule, "observed": b.observed, "allowed": b.allowed} for b in breaches]
        case Planned(batch, simulation, cost, left_out, saved):
            found["left_out"] = list(left_out)
            found["targets"] = [target_object(target) for target in batch.targets]
            found["trades"] = [quote_object(quote) for quote in batch.quotes]
            found["changes"] = [amount_object(change) for change in simulation.changes]
            found |= {"cost": cost_object(cost), "saved_usd_e18": _exact(saved)}
        case Pending(intent):
            found |= {"tx": intent.newest.hash, "transactions": [signed.hash for signed in intent.transactions]}
        case Settled(settlement, expected, _, targets):
            found["targets"] = [target_object(target) for target in targets]
            found |= {"tx": settlement.tx, "gas_used": settlement.gas_used, "unfilled": settlement.unfilled}
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
    meters = {"turnover": state.turnover_left, "loss": state.loss_left, "step": state.step_left}
    left = {f"{name}_left_e18": str(share) for name, share in meters.items()}
    return {"module": {"address": wallet.module, "paused": state.paused, "nonce": state.nonce, **left}}


def standing_object(past: Past) -> dict[str, Any]:
    """What a tick would meet in the ledger first: an open intent, or a halt."""
    intent = past.open_intent
    sent = [] if intent is None else [signed.hash for signed in intent.transactions]
    return {
        "open_intent": None if intent is None else intent.newest.hash,
        "transactions": sent,
        "orders": [] if intent is None else [order_object(order) for order in intent.orders],
        "withdrawals": [] if intent is None else [each.signed.hash for each in intent.withdrawals],
        "halted": past.halted,
    }


def order_object(order: Order) -> dict[str, Any]:
    """An order that was placed, and with which name and contract its owners make it invalid by hand."""
    return {
        "uid": order.uid,
        "sell": amount_object(order.sell),
        "least": amount_object(order.least),
        "valid_to": order.valid_to,
        "settlement": order.settlement,
        "relayer": order.relayer,
    }


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


def target_object(target: Target) -> dict[str, Any]:
    """A weight to hold, at 1e18."""
    return {"token": target.token.symbol, "address": target.token.address, "weight_e18": str(target.weight)}


def amount_object(amount: Amount) -> dict[str, Any]:
    """A token and its base units."""
    return {"token": amount.token.symbol, "address": amount.token.address, "raw": str(amount.raw)}


def quote_object(quote: Quote) -> dict[str, Any]:
    """What is sold for what, the least that may arrive, and through which pools; null where the venue does not say."""
    hops = None if quote.route is None else [hop_object(hop) for hop in quote.route.hops]
    return {
        "sell": amount_object(quote.trade.sell),
        "buy": amount_object(quote.expected),
        "floor_raw": str(quote.trade.floor.raw),
        "value_usd_e18": str(quote.trade.value),
        "venue": quote.venue,
        "route": hops,
    }


def hop_object(hop: Hop) -> dict[str, Any]:
    """One pool of a route, its fee in millionths of what goes in."""
    kind = "v2" if isinstance(hop.pool, V2Pool) else "v3"
    fee = fee_ppm(hop.pool)
    return {
        "pool": hop.pool.address,
        "kind": kind,
        "fee_ppm": fee,
        "in": hop.token_in.symbol,
        "out": hop.token_out.symbol,
    }


def cost_object(cost: Cost) -> dict[str, Any]:
    """A cost by its parts, each with its share of the value traded; null where a part is not known."""
    return {
        "traded_usd_e18": str(cost.traded),
        "shortfall_usd_e18": str(cost.shortfall),
        **{f"{_NAMES[label]}_usd_e18": _exact(value) for label, value in cost_parts(cost)},
        **{f"{_NAMES[label]}_bps": _bps(value, cost) for label, value in cost_parts(cost)},
        "bps": cost_bps(cost),
    }


def rebalance_object(rebalance: Rebalance) -> dict[str, Any]:
    """What one has cost, what it was to cost, and by how much more that is, part by part."""
    parts = differences(rebalance.measured, rebalance.expected)
    return {
        "tx": rebalance.tx,
        "settled_at": rebalance.settled_at,
        "cost": cost_object(rebalance.measured),
        "expected_cost": cost_object(rebalance.expected),
        "difference": {f"{_NAMES[label]}_usd_e18": _exact(value) for label, value in parts},
    }


_NAMES = {
    "pool fees": "fee",
    "price impact": "impact",
    "pools off the oracle": "off_oracle",
    "gas": "gas",
    "in all": "total",
}


def _exact(value: Usd | None) -> str | None:
    return None if value is None else str(value)


def _bps(value: Usd | None, cost: Cost) -> str | None:
    return None if value is None else share_of(value, cost.traded).replace(",", "") or None


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
        "called_since": record.called_since,
    }
