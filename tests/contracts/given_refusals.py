"""Random orders for a RebalanceModule, each aimed at one of its rules; it may hit another first.

Most are honest ones with one thing changed. Nothing here decides what is wrong: that is asked of the guard and of the
chain.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import product

from given_module import v2_path, v3_path
from given_orders import BEYOND, PAYS_LESS, PAYS_MORE, PAYS_MUCH, PAYS_SOME, Scene, honest

from rebalancer.core.model import ModuleSwap
from rebalancer.core.module_books import HALF, Order, Step, share_of, steps
from rebalancer.units import ONE, PPM

Maker = Callable[[Scene], Order | None]


def _again(scene: Scene) -> Order | None:
    """An honest order whose last swap is made twice: the second time there is less to sell and to buy."""
    order = honest(scene)
    return None if order is None else replace(order, swaps=(*order.swaps, order.swaps[-1]))


def _with_last(change: Callable[[Scene, Step], ModuleSwap]) -> Maker:
    """An honest order whose last swap is changed."""

    def make(scene: Scene) -> Order | None:
        order = honest(scene)
        if order is None:
            return None
        step = list(steps(scene.books, scene.wallet.policy.limits, order.swaps))[-1]
        assert step is not None
        return replace(order, swaps=(*order.swaps[:-1], change(scene, step)))

    return make


def _with_order(change: Callable[[Scene, Order], Order]) -> Maker:
    def make(scene: Scene) -> Order | None:
        order = honest(scene)
        return None if order is None else change(scene, order)

    return make


def _one(pick: Callable[[Scene], tuple[tuple[int, int], int] | None]) -> Maker:
    """A single swap between the places that are picked, of so many dollars."""

    def make(scene: Scene) -> Order | None:
        picked = pick(scene)
        return None if picked is None else replace(scene.order, swaps=(scene.swap(*picked),))

    return make


def _either(*makers: Maker) -> Maker:
    return lambda scene: scene.random.choice(makers)(scene)


def _too_early(scene: Scene, order: Order) -> Order:
    return replace(order, at=scene.wallet.state.last + scene.random.randint(0, scene.wallet.policy.limits.cooldown - 1))


def _cooldown(scene: Scene) -> Order | None:
    return _with_order(_too_early)(scene) if scene.wallet.state.last else None


def _tokens(scene: Scene, step: Step) -> ModuleSwap:
    swap, count = step.swap, len(scene.books.holdings)
    wrong = (replace(swap, token_out=swap.token_in), replace(swap, token_in=count), replace(swap, token_out=count + 7))
    return scene.random.choice(wrong)


def _max_trade(scene: Scene) -> tuple[tuple[int, int], int] | None:
    pair = scene.pair()
    most = scene.wallet.policy.limits.max_trade / PPM
    return None if pair is None else (pair, scene.share(most * 1.0001, most * 3))


def _sells_overweight(scene: Scene) -> tuple[tuple[int, int], int] | None:
    under = [p for p in scene.places if scene.surplus(p) < 0]
    if len(under) < 2:
        return None
    first, second = scene.random.sample(under, 2)
    return (first, second), scene.share(0.002, 0.05)


def _buys_underweight(scene: Scene) -> tuple[tuple[int, int], int] | None:
    over = [p for p in scene.places if scene.surplus(p) > 0]
    if len(over) < 2:
        return None
    first, second = scene.random.sample(over, 2)
    return (first, second), scene.share(0.002, 0.05)


def _slack(scene: Scene) -> int:
    return share_of(scene.worth, scene.wallet.policy.limits.tolerance)


def _sells_past_target(scene: Scene) -> tuple[tuple[int, int], int] | None:
    pair = scene.pair(lambda over, under: over < scene.share(0.1, 0.12))
    past = _slack(scene) + scene.random.choice((2, scene.share(0.0001, 0.02)))
    # A unit of a token may be worth a few cents, and so much may be lost to rounding down.
    return None if pair is None else (pair, scene.surplus(pair[0]) + past + ONE)


def _buys_past_target(scene: Scene) -> tuple[tuple[int, int], int] | None:
    pair = scene.pair(lambda over, under: under < min(scene.share(0.1, 0.12), over))
    past = _slack(scene) + scene.random.choice((2, scene.share(0.0001, 0.002)))
    return None if pair is None else (pair, past + ONE - scene.surplus(pair[1]))


def _amount_in(scene: Scene) -> Order | None:
    """Of a token to be rid of, a little more than there is: the tolerance would let it through."""
    gone = [p for p, h in enumerate(scene.books.holdings) if h.target == 0]
    pair = scene.pair(lambda over, under: over < min(under, scene.share(0.1, 0.12)))
    if pair is None or pair[0] not in gone:
        return None
    more = scene.random.randint(1, _slack(scene) * 9 // 10)
    swap = scene.swap(pair, scene.books.holdings[pair[0]].value + more)
    held = scene.books.holdings[pair[0]].balance.raw
    raw = scene.random.choice((held + 1, max(swap.amount_in, held + 1)))
    return replace(scene.order, swaps=(replace(swap, amount_in=raw),))


def _min_out(scene: Scene, step: Step) -> ModuleSwap:
    """Less than the floor, or more than fits."""
    most = HALF - step.buyer.balance.raw
    return replace(step.swap, min_out=scene.random.choice((step.floor.raw - 1, step.floor.raw - 99, most + 1)))


def _path(scene: Scene, step: Step) -> ModuleSwap:
    words = (0, 3, 2 | 4 << 8, 4 | 1 << 8, 2 | 1 << 8 | 3_000 << 16, 3 | 1 << 8 | 1 << 48, 3 | 1 << 8 | 16 << 40)
    words += (v3_path((500, 16), (500, 17), (500, 1)), step.swap.path | 1 << 200)
    return replace(step.swap, path=scene.random.choice(words))


def _hub(scene: Scene, step: Step) -> ModuleSwap:
    place = scene.random.choice((len(scene.books.holdings), 15, 18, 255))
    return replace(step.swap, path=scene.random.choice((v2_path(place), v3_path((500, place), (500, 0)))))


def _hub_twice(scene: Scene, step: Step) -> ModuleSwap:
    end = scene.random.choice((step.swap.token_in, step.swap.token_out))
    hubs = scene.random.choice(((end,), (16, 16), (17, end)))
    return replace(step.swap, path=v2_path(*hubs))


def _over_route(route: int) -> Maker:
    """Honest swaps for coins with 18 decimals, over a router that does something else with them."""

    def make(scene: Scene) -> Order | None:
        order = honest(scene)
        if order is None or any(_is_small(scene, swap.token_out) for swap in order.swaps):
            return None
        return replace(order, swaps=tuple(replace(swap, route=route) for swap in order.swaps))

    return make


def _drift(scene: Scene) -> Order | None:
    """A gift of what is hardly missed, so that it is over its target by more than it was under it, yet in its range."""
    most = share_of(scene.worth, scene.wallet.policy.limits.max_trade)
    aimed = []
    for over, under, route in product(scene.places, scene.places, (PAYS_MORE, PAYS_SOME)):
        value, missing = min(scene.surplus(over), -scene.surplus(under), most), -scene.surplus(under)
        bought = scene.books.holdings[under]
        gift = bought.price.value_down(BEYOND[route])
        room = share_of(scene.worth, bought.asset.most) - bought.value - value
        # A hundredth for what rounding and the minimum take.
        if (
            value > scene.wallet.policy.limits.min_trade + ONE
            and 2 * missing - value < gift * 99 // 100 < room * 98 // 100
        ):
            aimed.append(((over, under), value, route))
    if not aimed:
        return None
    pair, value, route = scene.random.choice(aimed)
    return replace(scene.order, swaps=(replace(scene.swap(pair, value), route=route),))


def _is_small(scene: Scene, place: int) -> bool:
    return scene.books.holdings[place].balance.token.decimals != 18


MAKERS: dict[str, Maker] = {
    "only_operator": _with_order(lambda scene, order: replace(order, sender=scene.attacker)),
    "deadline": _with_order(lambda scene, order: replace(order, deadline=order.at - scene.random.randint(1, 10**6))),
    "nonce": _with_order(lambda scene, order: replace(order, nonce=order.nonce + scene.random.randint(1, 9))),
    "cooldown": _cooldown,
    "swaps": _with_order(lambda scene, order: replace(order, swaps=())),
    "route": _with_last(lambda scene, step: replace(step.swap, route=scene.random.randint(len(BEYOND), 99))),
    "tokens": _with_last(_tokens),
    "min_trade": _with_last(lambda scene, step: replace(step.swap, amount_in=scene.random.randint(0, 10**3))),
    "max_trade": _one(_max_trade),
    "sells_overweight": _one(_sells_overweight),
    "buys_underweight": _one(_buys_underweight),
    "sells_past_target": _either(_one(_sells_past_target), _again),
    "buys_past_target": _either(_one(_buys_past_target), _again),
    "min_out": _with_last(_min_out),
    "amount_in": _amount_in,
    "path": _with_last(_path),
    "hub": _with_last(_hub),
    "hub_twice": _with_last(_hub_twice),
    "balances": _over_route(PAYS_LESS),
    "range": _over_route(PAYS_MUCH),
    "drift": _drift,
    "max_loss": lambda scene: honest(scene, most=0.09, short=0.005),
    "max_turnover": lambda scene: honest(scene, most=0.6),
}
"""By the rule that each is aimed at; it may hit another first."""
