"""What a RebalanceModule refuses before anything moves: an order and a snapshot in, every refusal out, in its order.

A rule is a function with the name of the contract's reason, so the first breach is the chain's verdict. What only
the chain can tell stands in the simulation: a sequencer's feed, payments, approvals, execution, and an older second
feed of one token.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rebalancer.core.model.batch import Breach
from rebalancer.core.model.module import MOST_SWAPS, NOBODY, ModulePolicy, ModuleSwap
from rebalancer.core.model.snapshot import ModuleWallet, Snapshot
from rebalancer.core.module_books import HALF, Books, Holding, Order, Step, books_of, breach, share_of, steps
from rebalancer.core.module_calldata import call_breaches
from rebalancer.core.module_paths import path_breaches
from rebalancer.core.module_words import share
from rebalancer.core.render import amount, duration, money
from rebalancer.units import Amount, Price, Usd

Breaches = Iterator[Breach]


def first_refusal(wallet: ModuleWallet, snapshot: Snapshot, order: Order) -> Breach | None:
    """The reason with which `rebalance` reverts before it executes anything; None: it goes on to the swaps."""
    return next(refusals(wallet, snapshot, order), None)


def refusals(wallet: ModuleWallet, snapshot: Snapshot, order: Order) -> Breaches:
    """Every rule that the order breaks."""
    books, policy = books_of(snapshot, wallet), wallet.policy
    yield from only_operator(wallet, order)
    yield from paused(wallet)
    yield from deadline(order)
    yield from nonce(wallet, order)
    yield from cooldown(wallet, order)
    for holding in books.holdings:
        yield from answer(holding)
        yield from future(holding, order)
        yield from heartbeat(holding, order)
        yield from price_above_zero(holding)
        yield from band(holding)
        yield from too_large(holding)
    yield from worth_too_large(books)
    yield from _of_swaps(books, policy, order.swaps)
    for number, swap in enumerate(order.swaps, 1):
        if not books.knows(swap) or swap.route >= len(policy.routes):
            continue
        if policy.routes[swap.route].checker == NOBODY:
            yield from path_breaches(policy, swap, number)
        else:
            yield from call_breaches(policy, wallet.checkers, swap, order.data, number)


def _of_swaps(books: Books, policy: ModulePolicy, asked: Sequence[ModuleSwap]) -> Breaches:
    yield from swaps(asked)
    for number, (swap, step) in enumerate(zip(asked, steps(books, policy.limits, asked), strict=True), 1):
        yield from route(policy, swap, number)
        yield from tokens(books, swap, number)
        if step is not None:
            yield from min_trade(step)
            yield from max_trade(step)
            yield from sells_overweight(step)
            yield from buys_underweight(step)
            yield from sells_past_target(step)
            yield from buys_past_target(step)
            yield from min_out(step)
            yield from amount_in(step)


# ---------------------------------------------------------------- the start


def only_operator(wallet: ModuleWallet, order: Order) -> Breaches:
    """Nobody else rebalances."""
    operator = wallet.state.operator
    if operator == NOBODY:
        yield breach("only_operator", f"the batch is sent by {order.sender}", "nobody: the module has no operator")
    elif order.sender != operator:
        yield breach("only_operator", f"the batch is sent by {order.sender}", f"the module's operator {operator}")


def paused(wallet: ModuleWallet) -> Breaches:
    """The guardian or the owners have stopped it; only the owners start it again."""
    if wallet.state.paused:
        yield breach("paused", "the module is paused", "a rebalance only after the Safe has called unpause()")


def deadline(order: Order) -> Breaches:
    """The batch is not void yet when it can first be mined."""
    if order.at > order.deadline:
        late = duration(order.at - order.deadline)
        yield breach("deadline", f"the batch is void {late} before it can be mined", "a deadline that is not past")


def nonce(wallet: ModuleWallet, order: Order) -> Breaches:
    """The batch happens once."""
    if order.nonce != wallet.state.nonce:
        yield breach("nonce", f"the batch has nonce {order.nonce}", f"the module's, {wallet.state.nonce}")


def cooldown(wallet: ModuleWallet, order: Order) -> Breaches:
    """Time goes by between two rebalances."""
    rest = wallet.policy.limits.cooldown
    passed = order.at - wallet.state.last
    if passed < rest:
        observed = f"the last rebalance is {duration(passed)} ago"
        yield breach("cooldown", observed, f"one after {duration(rest)}, in {duration(rest - passed)}")


# ---------------------------------------------------------------- the prices


def answer(holding: Holding) -> Breaches:
    """An answer is not below zero."""
    if holding.price.usd < 0:
        yield breach("answer", f"the price of {holding} is {_exact(holding.price)}", "above zero")


def future(holding: Holding, order: Order) -> Breaches:
    """A price is not written later than it is used."""
    if holding.price.updated_at > order.at:
        ahead = duration(holding.price.updated_at - order.at)
        yield breach("future", f"the price of {holding} is written {ahead} after the block", "no later than it")


def heartbeat(holding: Holding, order: Order) -> Breaches:
    """A price is no older than its feed's heartbeat, of two feeds than the longer.

    We keep the age of the older feed, and do not know here which it is.
    """
    age, most = order.at - holding.price.updated_at, max(holding.asset.heartbeat, holding.asset.second_heartbeat)
    if age > most:
        yield breach("heartbeat", f"the price of {holding} is {duration(age)} old ({age} s)", f"at most {most} s")


def price_above_zero(holding: Holding) -> Breaches:
    """The module's `answer` of a price that rounds down to nothing: it looks at the times before."""
    if holding.price.usd == 0:
        yield breach("answer", f"the price of {holding} is {_exact(holding.price)}", "above zero")


def band(holding: Holding) -> Breaches:
    """A price lies between those that the owners believe."""
    low, high = holding.asset.price_low, holding.asset.price_high
    if (low or high) and not low <= holding.price.usd <= high:
        token = holding.price.token
        allowed = f"from {_exact(Price(token, low, 0))} to {_exact(Price(token, high, 0))}"
        yield breach("band", f"the price of {holding} is {_exact(holding.price)}", allowed)


def too_large(holding: Holding) -> Breaches:
    """Price and balance are numbers of 128 bits: the module keeps both in one word."""
    if holding.price.usd > HALF:
        yield breach("too_large", f"the price of {holding} is {_exact(holding.price)}", f"at most {HALF}")
    elif holding.balance.raw > HALF:
        yield breach("too_large", f"of {holding} there are {holding.balance.raw} base units", f"at most {HALF}")


def worth_too_large(books: Books) -> Breaches:
    """The module's `too_large` of the wallet's worth."""
    if books.worth > HALF:
        yield breach("too_large", f"the wallet is worth {money(books.worth)}", f"at most {money(Usd(HALF))}")


# ---------------------------------------------------------------- the swaps


def swaps(asked: Sequence[ModuleSwap]) -> Breaches:
    """There is a swap, and not more than the module takes: with more of them it reverts without a reason."""
    if not 1 <= len(asked) <= MOST_SWAPS:
        yield breach("swaps", f"a batch of {len(asked)} swaps", f"1 to {MOST_SWAPS}")


def route(policy: ModulePolicy, swap: ModuleSwap, number: int) -> Breaches:
    """The route is one of the policy's."""
    if not swap.route < len(policy.routes):
        yield breach("route", f"swap {number} takes route {swap.route}", f"0 to {len(policy.routes) - 1}")


def tokens(books: Books, swap: ModuleSwap, number: int) -> Breaches:
    """Two different tokens of the portfolio."""
    if not books.knows(swap):
        observed = f"swap {number} sells asset {swap.token_in} for asset {swap.token_out}"
        yield breach("tokens", observed, f"two different ones of 0 to {len(books.holdings) - 1}")


def min_trade(step: Step) -> Breaches:
    """No swap is too small to count."""
    least = step.limits.min_trade
    if step.sold < least:
        yield breach("min_trade", f"{step} moves {money(step.sold)}", f"at least {money(least)}")


def max_trade(step: Step) -> Breaches:
    """No swap moves too large a share of the wallet."""
    most = share_of(step.worth, step.limits.max_trade)
    if step.sold > most:
        allowed = f"at most {money(most)}, {share(step.limits.max_trade)} of the wallet"
        yield breach("max_trade", f"{step} moves {money(step.sold)}", allowed)


def sells_overweight(step: Step) -> Breaches:
    """What is sold stands above its target."""
    if step.seller.value <= step.goal_in:
        observed = f"{step} sells {step.seller}, of which there is {money(step.seller.value)}"
        yield breach("sells_overweight", observed, f"a token above its target, here {money(step.goal_in)}")


def buys_underweight(step: Step) -> Breaches:
    """What is bought stands below its target."""
    if step.buyer.value >= step.goal_out:
        observed = f"{step} buys {step.buyer}, of which there is {money(step.buyer.value)}"
        yield breach("buys_underweight", observed, f"a token below its target, here {money(step.goal_out)}")


def sells_past_target(step: Step) -> Breaches:
    """What is sold does not pass its target."""
    past = step.goal_in + step.sold - step.seller.value
    if past > step.slack:
        observed = f"{step} sells {step.seller} past its target by {money(Usd(past))}"
        yield breach("sells_past_target", observed, f"at most {money(step.slack)}, {share(step.limits.tolerance)}")


def buys_past_target(step: Step) -> Breaches:
    """What is bought does not pass its target."""
    past = step.buyer.value + step.sold - step.goal_out
    if past > step.slack:
        observed = f"{step} buys {step.buyer} past its target by {money(Usd(past))}"
        yield breach("buys_past_target", observed, f"at most {money(step.slack)}, {share(step.limits.tolerance)}")


def min_out(step: Step) -> Breaches:
    """What must arrive is worth what is sold, less the shortfall, and fits beside the price."""
    most = HALF - step.buyer.balance.raw
    if step.swap.min_out > most:
        yield breach("min_out", f"{step} asks for {step.swap.min_out} base units", f"at most {most}")
    elif step.swap.min_out < step.floor.raw:
        asked = Amount(step.floor.token, step.swap.min_out)
        allowed = f"at least {amount(step.floor)} ({step.floor.raw}), {share(step.limits.max_shortfall)} off the oracle"
        yield breach("min_out", f"{step} asks for {amount(asked)} ({asked.raw})", allowed)


def amount_in(step: Step) -> Breaches:
    """There is as much as is sold."""
    if step.swap.amount_in > step.seller.balance.raw:
        asked = Amount(step.seller.balance.token, step.swap.amount_in)
        yield breach("amount_in", f"{step} sells {amount(asked)}", f"at most {amount(step.seller.balance)}")


def _exact(price: Price) -> str:
    return f"{price.usd} of 1e18 USD"
