"""What is held against a settled batch: balances read anew, allowances, and the drift that was to fall."""

from __future__ import annotations

from dataclasses import replace

from small_market import (
    BLOCK,
    LINK,
    OVER_IN_WETH,
    ROUTER,
    USDC,
    WBTC,
    WETH,
    after,
    batch_of,
    planned,
    portfolio_in,
    simulated,
)
from small_module import wallet_with

from rebalancer.core.aftermath import guard_settled, why_wrong
from rebalancer.core.model import (
    Allowance,
    Call,
    Commitment,
    Cost,
    Fees,
    Intent,
    Settlement,
    SignedTransaction,
    Snapshot,
    Transaction,
)
from rebalancer.units import Amount, Token, Usd, Wei

BEFORE = OVER_IN_WETH
BATCH = batch_of(planned(BEFORE), BEFORE)
SIMULATED = simulated(BATCH)
AFTER = replace(after(BEFORE, SIMULATED), block=replace(BLOCK, number=BLOCK.number + 3))
COST = Cost(Usd(0), Usd(0), Usd(0), Usd(0), Usd(0))
SIGNED: Commitment = SignedTransaction(Transaction(1, 0, 1, Fees(Wei(1), Wei(1)), Call(ROUTER, b"")), b"", "0xfeed")
INTENT = Intent(
    id="0xfeed",
    created_at=BLOCK.timestamp,
    block=BLOCK.number,
    trades=tuple(quote.trade for quote in BATCH.quotes),
    expected=SIMULATED.changes,
    prices=BEFORE.prices,
    native=BEFORE.native,
    cost=COST,
    deadline=BATCH.deadline,
    commitment=SIGNED,
)
FILLS = tuple(change for change in SIMULATED.changes if change.raw)
SETTLED = Settlement("0xfeed", "0xfeed", BLOCK.number + 1, "0x01", BLOCK.timestamp + 12, FILLS, COST, 300_000)


def broken(seen: Snapshot, settlement: Settlement = SETTLED, alone: bool = False) -> list[str]:
    before = None if alone else (BEFORE, portfolio_in(BEFORE))
    return [breach.rule for breach in guard_settled(INTENT, settlement, before, seen)]


def with_change(snapshot: Snapshot, token: Token, raw: int) -> Snapshot:
    balances = tuple(replace(b, raw=b.raw + raw) if b.token == token else b for b in snapshot.balances)
    return replace(snapshot, balances=balances)


def with_allowance(snapshot: Snapshot, token: Token, raw: int) -> Snapshot:
    return replace(snapshot, allowances=(Allowance(ROUTER, Amount(token, raw)),))


def test_guard_settled__wallet_as_the_batch_left_it__breaks_nothing() -> None:
    assert broken(AFTER) == [] and why_wrong(SETTLED, ()) is None


def test_guard_settled__any_token_a_unit_lower__names_it_with_both_figures() -> None:
    for token in (WETH, USDC, WBTC, LINK):
        (breach,) = guard_settled(INTENT, SETTLED, (BEFORE, portfolio_in(BEFORE)), with_change(AFTER, token, -1))
        assert breach.rule == "not_lower_than_settled" and token.symbol in breach.observed
        assert f"block {BLOCK.number}" in breach.allowed and "0xfeed" in breach.allowed


def test_guard_settled__any_token_higher__is_a_deposit() -> None:
    assert [broken(with_change(AFTER, token, 10**9)) for token in (WETH, USDC, WBTC, LINK)] == [[]] * 4


def test_guard_settled__allowance_of_what_was_sold__is_named_and_of_what_was_not_is_not() -> None:
    assert broken(with_allowance(AFTER, WETH, 1)) == ["allowances_cleared"]
    assert broken(with_allowance(AFTER, USDC, 1)) == []


def test_guard_settled__of_a_module__allowance_that_stood_before_is_nobodys_business() -> None:
    modular = replace(BEFORE, wallet=wallet_with())
    before = with_allowance(modular, WETH, 5), portfolio_in(BEFORE)
    seen = replace(AFTER, wallet=modular.wallet)
    rules = [
        [breach.rule for breach in guard_settled(INTENT, SETTLED, before, with_allowance(seen, WETH, raw))]
        for raw in (5, 6)
    ]
    assert rules == [[], ["allowances_cleared"]]


def test_guard_settled__fills_that_bring_nothing_nearer__break_the_rule_of_drifts() -> None:
    worse = replace(SETTLED, fills=(Amount(USDC, -(10**9)), Amount(WETH, 49 * 10**16)))
    seen = after(BEFORE, replace(SIMULATED, changes=worse.fills + tuple(Amount(t, 0) for t in (WBTC, LINK))))
    assert broken(seen, worse) == ["drift_falls"]


def test_guard_settled__decided_by_an_earlier_tick__leaves_balances_to_their_owners() -> None:
    assert broken(with_change(AFTER, WBTC, -1), alone=True) == []
    assert broken(with_allowance(AFTER, WETH, 1), alone=True) == ["allowances_cleared"]


def test_why_wrong__of_breaches__says_where_what_and_what_to_do() -> None:
    words = why_wrong(SETTLED, guard_settled(INTENT, SETTLED, None, with_allowance(AFTER, WETH, 1)))
    assert words is not None
    assert "0xfeed settled in block 19000001" in words and "allowances_cleared" in words and "then resume" in words
