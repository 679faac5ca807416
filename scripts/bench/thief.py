"""A thief with the operator's key, let loose on the policy's model: what he takes, act by act, at true prices.

The world is an account, the feeds' prices, and the true ones. The thief is as lucky as can be: before each act the
market may put any drift into the wallet, and the feeds stand off the market, by the most that they may, in the
direction that pays him; and whoever trades with the wallet is himself, so that each swap brings what he likes.
He tries the forbidden first. Integers throughout.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field, replace

from lucky_world import EXACT, Act, World, random_world
from policy_model import ONE, PPM, Block, Fill, Order, Refused, Swap, div_up, full

MOST_SWAPS = 8
FAR = 1 << 62


@dataclass(frozen=True, slots=True)
class Greed:
    """What to try, in % of what is allowed: of the swap's size, of the turnover left, of the loss left. `below`: base
    units below the floor, or all of it."""

    size: int = 100
    turnover: int = 100
    loss: int = 100
    below: int = 0


# He tries one of these each time, and comes to reason only then.
BOLD = (
    Greed(below=1),
    Greed(below=FAR),
    Greed(loss=10**6, below=FAR),
    Greed(size=102),
    Greed(loss=102),
    Greed(turnover=102),
    Greed(loss=10**6),
    Greed(turnover=10**6),
    Greed(size=300, turnover=10**6, loss=10**6),
)
SOBER = (Greed(), Greed(size=67), Greed(size=33), Greed(size=10, loss=50))


@dataclass(frozen=True, slots=True)
class Strategy:
    """`shortfall`: takes up to the floor. `misprice`: the feeds are off. `lucky`: the market re-creates drift.
    `edge`: empties the meters at once, then waits for most of a window. `dust`: the least that a swap may be.
    `past`: passes targets by what is tolerated. `churn`: trades the whole tolerance and the third of it that a rule on
    drift with a tolerance of its own would allow at every rebalance, however little drift there is. `gift`: what he
    gives, `before` or `during` an act. `targets`: moves them, as far as an operator may."""

    shortfall: bool = True
    misprice: bool = True
    lucky: bool = True
    edge: bool = False
    dust: bool = False
    past: bool = False
    churn: bool = False
    gift: str = ""
    targets: bool = False


STRATEGIES = {
    "floor_to_the_meter": Strategy(misprice=False),
    "inside_the_oracle_band": Strategy(shortfall=False),
    "floor_and_band": Strategy(),
    "churn_in_a_still_market": Strategy(lucky=False, past=True),
    "churn_inside_the_tolerance": Strategy(lucky=False, past=True, churn=True),
    "two_bursts_at_an_edge": Strategy(edge=True),
    "dust": Strategy(dust=True),
    "donate_first": Strategy(gift="before"),
    "hide_loss_with_gifts": Strategy(gift="during"),
    "overshoot_and_come_back": Strategy(past=True),
    "move_the_targets": Strategy(lucky=False, past=True, targets=True),
}


@dataclass(slots=True)
class Attack:
    """One path: a strategy against a world."""

    world: World
    strategy: Strategy
    dice: random.Random
    most_acts: int = 45
    acts: list[Act] = field(default_factory=list)
    refusals: Counter[str] = field(default_factory=Counter)

    def run(self, windows: int) -> None:
        world = self.world
        end = world.now + windows * world.limits.window
        tries = 0
        while world.now <= end and len(self.acts) < self.most_acts and tries < 3 * self.most_acts:
            tries += 1
            acted = self.act()
            world.now += self.pause_after(acted)

    def pause_after(self, acted: bool) -> int:
        window, cooldown = self.world.limits.window, max(self.world.limits.cooldown, 1)
        left = self.world.account.turnover_left(self.world.now)
        if acted and left > full(self.world.limits.max_turnover) // 50:
            # Now and then a second too early.
            return max(0, self.world.limits.cooldown - (self.dice.random() < 0.1))
        return max(cooldown, window - cooldown if self.strategy.edge else window // self.dice.randint(6, 30))

    def act(self) -> bool:
        """One rebalance, the greediest that the model allows."""
        world = self.world
        if self.strategy.lucky and (self.acts or self.dice.random() < 0.5):
            world.shake(self.dice)
        self.move_targets()
        world.misprice(self.strategy.misprice)
        worth = world.true_worth()
        if self.strategy.gift == "before":
            self.give_first()
        return any(self.attempt(worth, greed) for greed in (self.dice.choice(BOLD), *SOBER))

    def attempt(self, worth: int, greed: Greed) -> bool:
        world = self.world
        swaps, fills = self.compose(greed)
        if not swaps:
            return False
        gift = self.hide_loss(swaps, fills) if self.strategy.gift == "during" else ()
        order = Order("operator", tuple(swaps), FAR, world.account.nonce)
        try:
            moved = world.account.rebalance(Block(world.now, world.prices), order, fills, gift)
        except Refused as refused:
            self.refusals[refused.rule] += 1
            return False
        taken = worth - world.true_worth()
        unseen = len(world.prices) * 10**EXACT
        self.acts.append(Act(world.now, taken, worth, world.mispricing(), moved, unseen))
        return True

    def compose(self, greed: Greed) -> tuple[list[Swap], list[Fill]]:
        """Swaps from the tokens that pay most to sell to those that pay most to buy, as greedy as told."""
        world, limits = self.world, self.world.limits
        values = list(world.values())
        nav = sum(values)
        goals = [nav * t // PPM for t in world.account.targets]
        slack = nav * limits.tolerance // PPM if self.strategy.past else 0
        turnover = nav * world.account.turnover_left(world.now) * greed.turnover // (100 * ONE)
        loss = nav * world.account.loss_left(world.now) * greed.loss // (100 * ONE)
        swaps: list[Swap] = []
        fills: list[Fill] = []
        for i, j in world.pairs(values, goals, self.dice):
            over, under = values[i] - goals[i], goals[j] - values[j]
            if min(over, under) <= 0 or len(swaps) == MOST_SWAPS:
                continue
            # The last of the three is what the rule on drift allows for a single pair: a third past the target.
            free = self.dice.choice((3 * slack, slack, 0)) if self.strategy.churn else 0
            room = min(over + slack, under + slack, (4 * min(over, under) + free) // 3)
            amount = self.amount(i, min(room, nav * limits.max_trade // PPM, turnover) * greed.size // 100)
            value = world.account.value_up(i, amount, world.prices[i])
            if value < limits.min_trade:
                continue
            fill = self.fill(j, value, loss, greed.below)
            # A minimum below what comes makes the next swaps believe that there is more room.
            least = world.account.floor(j, value, world.prices[j]) if self.dice.random() < 0.5 else fill
            swaps.append(Swap(i, j, amount, least))
            fills.append(Fill(amount, fill))
            brought = fill * world.prices[j] // world.units[j]
            values[i], values[j] = values[i] - value, values[j] + brought
            turnover, loss = turnover - value, loss - max(value - brought, 0)
        return swaps, fills

    def amount(self, token: int, value: int) -> int:
        """Base units of about so much value."""
        if self.strategy.dust:
            value = self.world.limits.min_trade
        amount = value * self.world.units[token] // self.world.prices[token]
        return min(amount + self.strategy.dust, self.world.account.balances[token])

    def fill(self, token: int, value: int, loss: int, below: int) -> int:
        """What a swap of `value` brings of `token`: as little as its floor and the `loss` that is left allow."""
        price, unit = self.world.prices[token], self.world.units[token]
        fair = (
            div_up((value - min(loss, value)) * unit, price) if self.strategy.shortfall else div_up(value * unit, price)
        )
        return max(0, fair - below, self.world.account.floor(token, value, price) - below)

    def give_first(self) -> None:
        """Some of a token that the feeds think too dear, to make room for drift and loss."""
        world = self.world
        token = self.dice.choice(world.cheapest())
        value = sum(world.values()) // int(10 ** self.dice.uniform(1.7, 18))
        world.give(token, value * world.units[token] // world.prices[token])

    def hide_loss(self, swaps: list[Swap], fills: list[Fill]) -> tuple[int, ...]:
        """All swaps bring their floor only; the balances at the end, with a gift in the token that the feeds think
        too dear, so that at oracle prices no more is lost than may be."""
        world = self.world
        held = list(world.account.balances)
        for place, swap in enumerate(swaps):
            value = world.account.value_up(swap.token_in, swap.amount_in, world.prices[swap.token_in])
            floor = world.account.floor(swap.token_out, value, world.prices[swap.token_out])
            swaps[place], fills[place] = replace(swap, min_out=floor), Fill(swap.amount_in, floor)
            held[swap.token_in] -= swap.amount_in
            held[swap.token_out] += floor
        token, nav = self.dice.choice(world.cheapest()), sum(world.values())
        lost = nav - sum(world.account.values(held, world.prices))
        hidden = max(lost - nav * world.account.loss_left(world.now) // ONE, 0)
        held[token] += div_up(hidden * world.units[token], world.prices[token])
        return tuple(held)

    def move_targets(self) -> None:
        """From a token that is above its target, as far as the step meter allows: it licenses selling more of it."""
        if not self.strategy.targets:
            return
        world = self.world
        targets = list(world.account.targets)
        step = min(world.account.step_left(world.now) // (ONE // PPM), max(targets))
        heaviest, lightest = targets.index(max(targets)), targets.index(min(targets))
        if self.dice.random() < 0.5:
            heaviest, lightest = self.dice.sample(range(len(targets)), 2)
            step = min(step, targets[heaviest])
        targets[heaviest] -= step
        targets[lightest] += step
        try:
            world.account.set_targets("operator", targets, world.now)
        except Refused as refused:
            self.refusals[refused.rule] += 1


def attack(dice: random.Random, strategy: Strategy, windows: int = 3) -> Attack:
    """A random world, attacked."""
    path = Attack(random_world(dice, strategy.targets), strategy, dice)
    path.run(windows)
    return path
