"""The policy of contracts/RebalanceModule.vy as an executable model: integers only, equal to the contract's own.

    account = Account(policy, targets, balances)
    moved = account.rebalance(Block(now, prices), Order("operator", (swap, ...), deadline, nonce), (Fill(...), ...))
    account.preview(block, order)      what the contract's `preview` refuses, without executing
    account.set_targets(...) .pause(...) .unpause(...) .drop_operator(...) .set_operator(...) .set_guardian(...)
    account.loss_left(now) .turnover_left(now) .step_left(now) .portfolio(block) .min_out(block, in, out, amount)

What a rule refuses raises `Refused`, whose `rule` is the contract's reason without its prefix, and leaves the account
as it was. Dollars are integers at 1e18, shares are parts per million (PPM), meters count at 1e18, times are seconds.
What the model is given rather than works out: prices (or the rule by which a price fails), what each swap took and
brought, and the rules on paths, calls, payment, approvals and execution, by name in `Swap.fault` and `Fill.fault`.
Callers are names: "safe", and whoever the operator and the guardian are. Sums that overflow the contract's 256 bits
are not modelled: it reverts there without a reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from policy_roles import Roles
from policy_values import (
    HALF,
    ONE,
    PPM,
    Asset,
    Block,
    Fill,
    Limits,
    Moved,
    Order,
    Policy,
    Portfolio,
    Refused,
    Swap,
    distance,
    div_up,
    full,
    price_of,
    require,
)

__all__ = [
    "ONE", "PPM", "Account", "Asset", "Block", "Fill", "Limits", "Moved", "Order", "Policy", "Portfolio", "Refused",
    "Swap", "distance", "div_up", "full", "price_of",
]  # fmt: skip


@dataclass
class Account(Roles):
    policy: Policy
    targets: tuple[int, ...]
    balances: tuple[int, ...]
    operator: str = "operator"
    guardian: str = "guardian"
    owners: frozenset[str] = frozenset({"owner"})
    paused: bool = False
    nonce: int = 0
    last: int = 0
    loss: int = 0
    turnover: int = 0
    stepped: int = 0
    stepped_at: int = 0
    units: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.units = tuple(10**asset.decimals for asset in self.policy.assets)

    # -- rebalance

    def rebalance(
        self, block: Block, order: Order, fills: Sequence[Fill], at_end: Sequence[int] = (), ether: int = 0
    ) -> Moved:
        """All of it or Refused. `at_end`: the balances found after the last swap, where they are not simply what
        the fills leave; `ether`: how the Safe's changed."""
        require(order.sender == self.operator, "only_operator")
        prices = self._start(block, order)
        least, traded = self._check_swaps(order.swaps, prices)
        found = list(self.balances)
        for swap, fill in zip(order.swaps, fills, strict=True):
            # What is paid in advance is paid before the path is looked at.
            require(fill.fault != "payment", "payment")
            require(not swap.fault, swap.fault)
            require(not fill.fault, fill.fault)
            found[swap.token_in] -= fill.spent
            found[swap.token_out] += fill.received
        after = tuple(at_end) or tuple(found)
        require(ether >= 0, "ether")
        nav_after = self._check_end(prices, after, least, traded)
        moved = self._charge(block.now, sum(self.values(self.balances, prices)), nav_after, traded)
        self.balances = after
        return moved

    def preview(self, block: Block, order: Order) -> None:
        """Refused by the first rule that fails before execution, as if each swap took all and brought its minimum."""
        self._check_swaps(order.swaps, self._start(block, order))
        for swap in order.swaps:
            require(not swap.fault, swap.fault)

    def _start(self, block: Block, order: Order) -> tuple[int, ...]:
        require(not self.paused, "paused")
        require(block.now <= order.deadline, "deadline")
        require(order.nonce == self.nonce, "nonce")
        require(block.now >= self.last + self.policy.limits.cooldown, "cooldown")
        return self.prices(block)

    def prices(self, block: Block) -> tuple[int, ...]:
        """Prices, balances and their worth are numbers of 128 bits."""
        require(not block.sequencer, block.sequencer)
        believed = []
        for token, held in enumerate(self.balances):
            believed.append(self._price(token, block))
            require(max(believed[-1], held) <= HALF, "too_large")
        require(sum(self.values(self.balances, believed)) <= HALF, "too_large")
        return tuple(believed)

    def _price(self, token: int, block: Block) -> int:
        price, asset = block.prices[token], self.policy.assets[token]
        if isinstance(price, str):
            raise Refused(price)
        require(price > 0, "answer")
        require(not asset.price_high or asset.price_low <= price <= asset.price_high, "band")
        return price

    def values(self, balances: Sequence[int], prices: Sequence[int]) -> tuple[int, ...]:
        return tuple(b * p // u for b, p, u in zip(balances, prices, self.units, strict=True))

    def value_up(self, token: int, amount: int, price: int) -> int:
        return div_up(amount * price, self.units[token])

    def floor(self, token_out: int, value: int, price_out: int) -> int:
        """The least of `token_out` that a swap of `value` dollars may bring."""
        least = div_up(value * (PPM - self.policy.limits.max_shortfall), PPM)
        return div_up(least * self.units[token_out], price_out)

    def _check_swaps(self, swaps: Sequence[Swap], prices: Sequence[int]) -> tuple[list[int], int]:
        """The least that there must be of each token afterwards, and the value of all that is sold. Each swap is looked
        at as if those before it had taken all of their amount and brought their minimum."""
        require(len(swaps) > 0, "swaps")
        nav, least, traded = sum(self.values(self.balances, prices)), list(self.balances), 0
        for swap in swaps:
            traded += self._check_swap(swap, least, prices, nav)
            least[swap.token_in] -= swap.amount_in
            least[swap.token_out] += swap.min_out
        return least, traded

    def _check_swap(self, swap: Swap, held: Sequence[int], prices: Sequence[int], nav: int) -> int:
        limits, i, j = self.policy.limits, swap.token_in, swap.token_out
        require(swap.route < self.policy.routes, "route")
        require(i < len(held) and j < len(held) and i != j, "tokens")
        sold = self.value_up(i, swap.amount_in, prices[i])
        require(sold >= limits.min_trade, "min_trade")
        require(sold * PPM <= nav * limits.max_trade, "max_trade")
        slack = nav * limits.tolerance // PPM
        value_in, value_out = (held[k] * prices[k] // self.units[k] for k in (i, j))
        goal_in, goal_out = (nav * self.targets[k] // PPM for k in (i, j))
        require(value_in > goal_in, "sells_overweight")
        require(value_out < goal_out, "buys_underweight")
        require(value_in + slack >= goal_in + sold, "sells_past_target")
        require(value_out + sold <= goal_out + slack, "buys_past_target")
        require(self.floor(j, sold, prices[j]) <= swap.min_out <= HALF - held[j], "min_out")
        require(swap.amount_in <= held[i], "amount_in")
        return sold

    def _check_end(self, prices: Sequence[int], after: Sequence[int], least: Sequence[int], traded: int) -> int:
        """What the wallet is worth. Goals and ranges are shares of what it was worth before."""
        old, new = self.values(self.balances, prices), self.values(after, prices)
        nav, apart, closer = sum(old), 0, 0
        for i, asset in enumerate(self.policy.assets):
            require(after[i] >= least[i], "balances")
            if after[i] == self.balances[i]:
                continue
            require(after[i] <= HALF, "too_large")
            goal = nav * self.targets[i] // PPM
            apart, closer = apart + abs(old[i] - goal), closer + abs(new[i] - goal)
            fits = new[i] * PPM <= nav * asset.most if new[i] > old[i] else new[i] * PPM >= nav * asset.least
            require(fits, "range")
        # Nothing is given for free: a tolerance here would license that much churn anew at every rebalance.
        require(closer + traded <= apart, "drift")
        return sum(new)

    def _charge(self, now: int, nav: int, nav_after: int, traded: int) -> Moved:
        limits = self.policy.limits
        lost, turned = div_up(max(nav - nav_after, 0) * ONE, nav), div_up(traded * ONE, nav)
        loss = self._leaked(self.loss, limits.max_loss, now - self.last) + lost
        turnover = self._leaked(self.turnover, limits.max_turnover, now - self.last) + turned
        require(loss <= full(limits.max_loss), "max_loss")
        require(turnover <= full(limits.max_turnover), "max_turnover")
        self.loss, self.turnover, self.last, self.nonce = loss, turnover, now, self.nonce + 1
        return Moved(nav, nav_after, traded, lost, turned)

    def _leaked(self, level: int, share: int, elapsed: int) -> int:
        return max(0, level - full(share) * elapsed // self.policy.limits.window)

    # -- the other doors

    def set_targets(self, sender: str, targets: Sequence[int], now: int) -> None:
        stepped, stepped_at = self.stepped, self.stepped_at
        if sender != "safe":
            require(sender == self.operator, "only_operator")
            require(not self.paused, "paused")
            # Of a list that is too short or too long the contract charges what there is, and refuses it afterwards.
            old = (*self.targets, *(0 for _ in targets))
            step = div_up(sum(abs(new - was) for new, was in zip(targets, old, strict=False)), 2)
            stepped = full(step) + self._leaked(stepped, self.policy.limits.target_step, now - stepped_at)
            require(stepped <= full(self.policy.limits.target_step), "target_step")
            stepped_at = now
        require(len(targets) == len(self.targets), "targets_count")
        within = (a.least <= t <= a.most for a, t in zip(self.policy.assets, targets, strict=True))
        require(all(within), "targets_range")
        require(sum(targets) == PPM, "targets_sum")
        self.targets, self.stepped, self.stepped_at = tuple(targets), stepped, stepped_at

    # -- views

    def loss_left(self, now: int) -> int:
        return full(self.policy.limits.max_loss) - self._leaked(self.loss, self.policy.limits.max_loss, now - self.last)

    def turnover_left(self, now: int) -> int:
        share = self.policy.limits.max_turnover
        return full(share) - self._leaked(self.turnover, share, now - self.last)

    def step_left(self, now: int) -> int:
        share = self.policy.limits.target_step
        return full(share) - self._leaked(self.stepped, share, now - self.stepped_at)

    def portfolio(self, block: Block) -> Portfolio:
        """The wallet is not empty."""
        values = self.values(self.balances, self.prices(block))
        nav = sum(values)
        return Portfolio(
            nav=nav,
            weights=tuple(value * PPM // nav for value in values),
            drift=distance(values, self.targets) * PPM // nav,
            loss_left=nav * self.loss_left(block.now) // ONE,
            turnover_left=nav * self.turnover_left(block.now) // ONE,
        )

    def min_out(self, block: Block, token_in: int, token_out: int, amount_in: int) -> int:
        prices = self.prices(block)
        return self.floor(token_out, self.value_up(token_in, amount_in, prices[token_in]), prices[token_out])
