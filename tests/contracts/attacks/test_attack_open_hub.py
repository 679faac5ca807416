"""A hub of the operator's own choice in outside calldata: it runs his code in the middle of a swap, whatever the tokens
of the policy are. No listing of SwapRouter02 leaves one open; what one costs that does is shown here. Those of
aggregators cannot but leave it open: test_attack_aggregators.py.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from catalogue import stopped_by
from eth_abi.abi import encode
from given_attacks import GOLD, IRON, SILV, Arena
from given_hostile import Contract, Moment, a_contract, deploy
from given_pools import FEE, a_v3_pool
from given_routes import EXACT_INPUT, OPEN_HUB_CHECKS, OPEN_HUB_LENGTH, PATH_CHECKS, PATH_LENGTH, PATH_SELECTOR

from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.core.model.module import ModuleRoute, ModuleSwap
from rebalancer.replica.calls import selector
from rebalancer.units import ONE, Address
from scripts._owners.listing import KINDS, ROUTES, read_listing

OFFERED = sorted(ROUTES.glob("swap_router_02_*.json"))
OWN = 3
"""Place of the attacker's own token among the arena's; it stands nowhere in the policy."""
MUCH = 10**9


def over(arena: Arena, checker: Address, **limits: int) -> Arena:
    """SwapRouter02 behind this checker is the only route, and the attacker's token is the fourth."""
    own = a_contract(arena.replica, "HostileToken", "OWN", 18)
    played = arena.again(routes=(ModuleRoute(MAINNET.swap_router_02, checker),), hubs=(), **limits)
    return replace(played, tokens=(*arena.tokens, own))


def two_hops(arena: Arena, *swaps: ModuleSwap) -> tuple[list[ModuleSwap], bytes]:
    """Each swap over the attacker's token, with its calldata."""
    placed, data = [], b""
    for swap in swaps:
        tokens = (arena.tokens[place].address for place in (swap.token_in, OWN, swap.token_out))
        path = FEE.to_bytes(3, "big").join(bytes.fromhex(token[2:]) for token in tokens)
        fields = [(path, arena.safe, swap.amount_in, swap.min_out)]
        call = selector(EXACT_INPUT) + encode(["(bytes,address,uint256,uint256)"], fields)
        placed.append(replace(swap, route=0, path=len(data) << 16 | len(call)))
        data += call
    return placed, data


def some_rewards(arena: Arena, dollars: int) -> Contract:
    """Silver that is the Safe's, and that anybody may have paid out to it."""
    rewards = a_contract(arena.replica, "Rewards", arena.tokens[SILV].address)
    arena.mint(SILV, rewards.address, dollars)
    rewards.set("set_pending", arena.safe, arena.amount(SILV, dollars))
    return rewards


@pytest.mark.parametrize("listing", OFFERED, ids=lambda path: path.stem)
@stopped_by(13, "a path is one hop, or built", "RouteCheck: length")
@stopped_by(17, "a path is one hop, or built", "RouteCheck: length")
def test_offered_listing__given_a_path_over_another_hub__refuses_it(arena: Arena, listing: Path) -> None:
    listed = read_listing(listing)
    checks = [(KINDS.index(check.kind) + 1, check.offset, check.size, check.pinned) for check in listed.checks]
    played = over(arena, deploy(arena.replica, "RouteCheck", listed.selector, listed.length, checks))
    played.refuses("RouteCheck: length", *two_hops(played, played.sell(GOLD, SILV, 10_000)))


@stopped_by(13, "a path is one hop, or built", "RouteCheck: constant")
def test_one_hop__with_a_longer_path_cut_to_its_length__is_refused(arena: Arena) -> None:
    played = over(arena, deploy(arena.replica, "RouteCheck", PATH_SELECTOR, PATH_LENGTH, PATH_CHECKS))
    (swap,), data = two_hops(played, played.sell(GOLD, SILV, 10_000))
    played.refuses("RouteCheck: constant", [replace(swap, path=PATH_LENGTH)], data[:PATH_LENGTH])


@pytest.mark.parametrize(
    ("rewards_of", "settles"),
    [
        pytest.param(0, False, marks=stopped_by(15, "loss meter", "max_loss")),
        pytest.param(1_400, False, marks=stopped_by(15, "loss meter", "max_loss")),
        pytest.param(1_500, True),
    ],
)
def test_listing_with_an_open_hub__hides_a_loss_behind_what_comes_in_and_no_more(
    arena: Arena, rewards_of: int, settles: bool
) -> None:
    # No token of the policy has hooks. It is what `min(L + inflow, s * T)` in docs/security.md says.
    checker = deploy(arena.replica, "RouteCheck", PATH_SELECTOR, OPEN_HUB_LENGTH, OPEN_HUB_CHECKS)
    played = over(arena, checker, max_turnover=300_000, max_shortfall=10_000, max_loss=1_500)
    arena.holds(700_000, 150_000, 150_000)
    a_v3_pool(played, GOLD, OWN, (MUCH // 2_000 * ONE, MUCH * ONE))
    # The pool's fees beside, 0.84 % too little: within the shortfall, beyond the loss.
    a_v3_pool(played, OWN, SILV, (MUCH * ONE, MUCH * 9_916 // 10_000 * 10**6))
    a_v3_pool(played, OWN, IRON, (MUCH * ONE, MUCH * 9_916 // 10_000 * 10**8 // 50))
    rewards = some_rewards(arena, rewards_of)
    played.tokens[OWN].lay(Moment.TOKEN_TRANSFER_BEGINS, rewards.address, rewards.data("claim", arena.safe))
    swaps = two_hops(played, played.sell(GOLD, SILV, 149_900), played.sell(GOLD, IRON, 149_900))
    if not settles:
        played.refuses("max_loss", *swaps)
        return
    before = arena.worth() + rewards_of * ONE
    played.settles(*swaps)
    assert rewards.read("pending", arena.safe) == 0
    theft = before - arena.worth()
    assert 1_500 * ONE < theft <= min(1_500 + rewards_of, 3_000) * ONE
