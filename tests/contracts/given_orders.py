"""Random orders for a RebalanceModule that are honest, each from the books of a scene.

Nothing here decides whether an order is good: that is asked of the guard and of the chain.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from given_module import v2_path, v3_path

from rebalancer.core.model import ModuleSwap, ModuleWallet
from rebalancer.core.module_books import Books, Order, least_after, share_of, steps
from rebalancer.units import ONE, Address, Usd

HONEST, PAYS_LESS, PAYS_MUCH, PAYS_MORE, PAYS_A_UNIT, PAYS_SOME = range(6)
"""Routes: what their routers do with an order."""
BEYOND = (0, -1, 10**23, 3 * 10**22, 1, 8 * 10**21)
"""Base units that each route's router pays beyond what it is asked for. What it sells it has in advance."""
FAR = 1 << 40


@dataclass(frozen=True, slots=True)
class Scene:
    """A wallet at a moment, and the times in which an order may be mined: `first` to `last`."""

    wallet: ModuleWallet
    books: Books
    random: Random
    first: int
    last: int
    attacker: Address
    worth: Usd

    @property
    def order(self) -> Order:
        """With nothing in it yet."""
        state = self.wallet.state
        at = self.random.randint(self.first, self.last)
        return Order((), state.operator, at + self.random.choice((0, 600, FAR)), state.nonce, at)

    @property
    def places(self) -> range:
        """Of all assets."""
        return range(len(self.books.holdings))

    def share(self, low: float, high: float) -> int:
        """Dollars between two shares of the wallet."""
        return int(self.worth * self.random.uniform(low, high))

    def path(self) -> int:
        """Any that a module takes: over up to two hubs that are no assets."""
        hubs = self.random.sample((16, 17), self.random.randint(0, 2))
        fees = [self.random.choice((100, 500, 3_000, 10_000)) for _ in range(len(hubs) + 1)]
        v3 = v3_path(*zip(fees, (*hubs, 0), strict=True))
        return self.random.choice((v3, v2_path(*hubs)))

    def swap(self, places: tuple[int, int], value: int, short: float = 0.0001) -> ModuleSwap:
        """So many dollars of one token for another, asking for the oracle's rate less a share of it."""
        sold, bought = (self.books.holdings[place] for place in places)
        raw = sold.price.amount_down(Usd(max(value, 0))).raw
        fair = bought.price.amount_up(sold.price.value_up(raw)).raw
        route = self.random.choice((HONEST, PAYS_A_UNIT))
        return ModuleSwap(route, *places, raw, fair - int(fair * short), self.path())

    def surplus(self, place: int) -> int:
        """Dollars over the target; negative under it."""
        holding = self.books.holdings[place]
        return holding.value - share_of(self.worth, holding.target)

    def pair(self, fits: Callable[[int, int], bool] = lambda over, under: True) -> tuple[int, int] | None:
        """Two places, one over and one under its target, by so many dollars as are asked for."""
        least = self.wallet.policy.limits.min_trade
        over = {p: self.surplus(p) for p in self.places}
        pairs = [(i, j) for i in over for j in over if over[i] > least and -over[j] > least]
        found = [(i, j) for i, j in pairs if fits(over[i], -over[j])]
        return self.random.choice(found) if found else None


def honest(scene: Scene, most: float = 0.05, short: float = 0.0001) -> Order | None:
    """One to three swaps towards the targets, of together at most such a share of the wallet, often all of it.

    Each is made of what the ones before it leave, so that they may share a token.
    """
    limits, left, swaps = scene.wallet.policy.limits, scene.share(most, most), list[ModuleSwap]()
    for _ in range(scene.random.randint(1, 3)):
        now = replace(scene, books=least_after(scene.books, swaps), worth=scene.worth)
        pair = now.pair()
        if pair is None:
            continue
        room = min(now.surplus(pair[0]), -now.surplus(pair[1]), left, share_of(scene.worth, limits.max_trade))
        if room > limits.min_trade + ONE:
            value = scene.random.choice((room, scene.random.randint(limits.min_trade + ONE, room)))
            swaps.append(now.swap(pair, value, short))
            left -= value
    return replace(scene.order, swaps=tuple(swaps)) if swaps else None


def at_the_floor(scene: Scene) -> Order | None:
    """A small honest order that asks for the least that may be asked for."""
    order = honest(scene, most=0.015)
    if order is None:
        return None
    found = [step for step in steps(scene.books, scene.wallet.policy.limits, order.swaps) if step is not None]
    return replace(order, swaps=tuple(replace(step.swap, min_out=step.floor.raw) for step in found))
