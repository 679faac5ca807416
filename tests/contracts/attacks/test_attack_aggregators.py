"""Routes to aggregators, whose calldata names the contracts that trade: a thief's own, which pay what they like, and
call whom they like in the middle. What the router itself insists on is what he must bring.
"""

from __future__ import annotations

from dataclasses import replace

from catalogue import stopped_by
from eth_abi.abi import encode
from given_attacks import GOLD, SILV, Arena
from given_hostile import Contract, Moment, a_contract, deploy

from rebalancer.adapters.venues.calldata import Function
from rebalancer.adapters.venues.odos_calls import SWAP as ODOS
from rebalancer.core.model.module import NOBODY, ModuleRoute, ModuleSwap
from rebalancer.units import ONE, Address
from scripts._owners.listing import KINDS, ROUTES, Listing, read_listing

EXEC = Function("exec", ("address", "address", "uint256", "address", "bytes"))
EXECUTE = Function("execute", ("(address,address,uint256)", "bytes[]", "bytes32"))
SOLD_BY = "(address,address,address[],uint256[],address[],uint256[],address,uint256,uint256,uint256,bytes)"
KYBER = Function("swap", (f"(address,address,bytes,{SOLD_BY},bytes)",))
SOLD, LEAST = 10_000, 9_900
"""Dollars: one percent is what a swap may bring less than the oracle says."""
ROUTERS_OWN = "the router's own minimum"
PINNED = "the Settler is pinned"


def behind(arena: Arena, router: Contract, listed: Listing, allow_opaque: bool = False) -> Arena:
    """The router behind the RouteCheck of a listing is the only route."""
    checks = [(KINDS.index(check.kind) + 1, check.offset, check.size, check.pinned) for check in listed.checks]
    checker = deploy(arena.replica, "RouteCheck", listed.selector, listed.length, checks)
    limits = {"max_turnover": 300_000, "max_shortfall": 10_000, "max_loss": 1_500, "allow_opaque": allow_opaque}
    played = arena.again(routes=(ModuleRoute(router.address, checker),), hubs=(), **limits)
    return played.holds(700_000, 150_000, 150_000)


def swap_of(arena: Arena) -> ModuleSwap:
    """Gold for silver, at the floor."""
    return replace(arena.sell(GOLD, SILV, SOLD), route=0)


def settled_by(arena: Arena, swap: ModuleSwap, data: bytes) -> int:
    """It goes through; the dollars that the Safe has lost, rewards that were its own among them."""
    rewards = arena.amount(SILV, LEAST)
    before = arena.worth()
    arena.settles([replace(swap, path=len(data))], data)
    return before + rewards * arena.prices[SILV] // 10**6 - arena.worth()


class Thief:
    """A contract of the attacker's: however it is called, it does what was laid in it, and has the Safe's rewards paid
    out, which bring just the minimum.
    """

    def __init__(self, arena: Arena) -> None:
        self.own = a_contract(arena.replica, "SmartOperator")
        self._arena = arena
        self._rewards = a_contract(arena.replica, "Rewards", arena.tokens[SILV].address)
        arena.mint(SILV, self._rewards.address, LEAST)
        self._rewards.set("set_pending", arena.safe, arena.amount(SILV, LEAST))

    def does(self, *calls: tuple[str, str]) -> None:
        """Each to an address, with 0x-hex; the rewards come last."""
        whole = [*calls, (self._rewards.address, self._rewards.data("claim", self._arena.safe))]
        batch = [(to, bytes.fromhex(data[2:]), True) for to, data in whole]
        self.own.lay(Moment.OPERATOR_CALLED, self.own.address, self.own.data("batch", batch), strict=True)


def by_odos(arena: Arena, thief: Thief, swap: ModuleSwap) -> bytes:
    """What is sold goes to the attacker at once; his contract is to swap it."""
    gold, silver = arena.tokens[GOLD].address, arena.tokens[SILV].address
    path = encode(["(address,address,bytes)[]"], [[(gold, NOBODY, b"")]])
    info = (gold, swap.amount_in, arena.attacker, silver, 2 * swap.min_out, swap.min_out, arena.safe)
    return ODOS.call(info, path, thief.own.address, (0, 0, NOBODY))


@stopped_by(15, ROUTERS_OWN, "execution")
def test_odos__whose_executor_pays_nothing_while_rewards_come_in__reverts(arena: Arena) -> None:
    router = a_contract(arena.replica, "OdosRouter")
    played = behind(arena, router, read_listing(ROUTES / "odos_swap.json"))
    thief, swap = Thief(played), swap_of(played)
    thief.does()
    data = by_odos(played, thief, swap)
    played.refuses("execution", [replace(swap, path=len(data))], data)


def test_odos__whose_executor_pays_the_minimum_while_rewards_come_in__costs_no_more_than_the_shortfall(
    arena: Arena,
) -> None:
    router = a_contract(arena.replica, "OdosRouter")
    played = behind(arena, router, read_listing(ROUTES / "odos_swap.json"))
    thief, swap = Thief(played), swap_of(played)
    silver = played.tokens[SILV]
    silver.set("mint", thief.own.address, swap.min_out)
    thief.does((silver.address, silver.data("transfer", router.address, swap.min_out)))
    theft = settled_by(played, swap, by_odos(played, thief, swap))
    assert 0 < theft <= (SOLD - LEAST) * ONE


def by_zero_x(arena: Arena, settler: Address, swap: ModuleSwap) -> bytes:
    gold, silver = arena.tokens[GOLD].address, arena.tokens[SILV].address
    inner = EXECUTE.call((arena.safe, silver, swap.min_out), [], bytes(32))
    return EXEC.call(settler, gold, swap.amount_in, settler, inner)


def with_a_settler_of_his(arena: Arena, holder: Contract) -> tuple[ModuleSwap, bytes]:
    """It pulls what is sold, and pays nothing."""
    thief, swap = Thief(arena), swap_of(arena)
    pulled = holder.data("transferFrom", arena.tokens[GOLD].address, arena.safe, arena.attacker, swap.amount_in)
    thief.does((holder.address, pulled))
    return swap, by_zero_x(arena, thief.own.address, swap)


@stopped_by(15, PINNED, "RouteCheck: constant")
def test_zero_x__with_a_settler_of_the_attackers__is_refused(arena: Arena) -> None:
    holder, genuine = a_contract(arena.replica, "AllowanceHolder"), a_contract(arena.replica, "Settler")
    played = behind(arena, holder, read_listing(ROUTES / "zero_x_exec.json", {"SETTLER": genuine.address}))
    swap, data = with_a_settler_of_his(played, holder)
    played.refuses("RouteCheck: constant", [replace(swap, path=len(data))], data)


def test_zero_x__were_the_settler_left_open__shows_what_the_pin_is_for(arena: Arena) -> None:
    # All that a checker must pin is pinned, and yet nobody but the attacker's own contract reads it.
    holder = a_contract(arena.replica, "AllowanceHolder")
    listed = read_listing(ROUTES / "zero_x_exec.json", {"SETTLER": NOBODY})
    unpinned = replace(
        listed, checks=tuple(check for check in listed.checks if check.pinned or check.kind != "CONSTANT")
    )
    played = behind(arena, holder, unpinned)
    theft = settled_by(played, *with_a_settler_of_his(played, holder))
    assert (SOLD - 1) * ONE < theft <= SOLD * ONE


def test_kyber__that_the_owners_have_allowed__takes_the_safes_rewards_for_its_payment(arena: Arena) -> None:
    router = a_contract(arena.replica, "KyberRouter")
    played = behind(arena, router, read_listing(ROUTES / "kyber_swap_opaque.json"), allow_opaque=True)
    thief, swap = Thief(played), swap_of(played)
    thief.does()
    gold, silver = played.tokens[GOLD].address, played.tokens[SILV].address
    sale = ([played.attacker], [swap.amount_in], [], [], played.safe, swap.amount_in, swap.min_out, 0, b"")
    data = KYBER.call((thief.own.address, NOBODY, b"\1\2\3\4", (gold, silver, *sale), b""))
    theft = settled_by(played, swap, data)
    assert (SOLD - 1) * ONE < theft <= SOLD * ONE
