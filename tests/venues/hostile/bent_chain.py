"""Misbehaviours on the chain: what is called, or traded, does something else than its calldata says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from given_keeper import to_the_present
from given_misbehaviour import Misbehaviour, Misbehaviours
from given_venue_stage import EXECUTORS, ROUTERS, STRANGER, Stage
from given_venue_world import EXECUTOR, Found, place
from given_wallet import ROUTER, USDC, WBTC, WETH

from rebalancer.adapters.chain.artifacts import creation_code
from rebalancer.adapters.chain.codec import uint_word
from rebalancer.adapters.venues.calldata import Function
from rebalancer.replica.calls import encode_call
from rebalancer.units import Address

IN_ONE_POOL = Function("exactInputSingle", ("(address,address,uint24,address,uint256,uint256,uint160)",))
NOBODY = Address("0x" + "00" * 20)
BURNER = Address("0x000000000000000000000000000000000000f12E")
ENOUGH = 40_000 * 10**6
"""USDC: more than what is sold is worth, so that nothing but the misbehaviour is wrong."""
EATS_GAS = 2
EXEC = "execTransaction(address,uint256,bytes,uint8,uint256,uint256,uint256,address,address,bytes)"


def _void(found: Found) -> Found:
    """The route's own deadline has gone by: the first argument of SwapRouter02's multicall."""
    return replace(found, call=found.call[:4] + uint_word(1) + found.call[36:])


def _of_an_earlier_block(stage: Stage) -> None:
    """Since the venue has looked, somebody has moved the pool that the keeper's own router does not know."""
    to_the_present(stage.replica)
    stage.memory = stage.world.snapshot()
    somebody, sold = stage.replica.actor("deployer").address, 8_000 * 10**18
    stage.replica.deal("WETH", somebody, sold)
    stage.replica.transact(somebody, WETH.address, "approve(address,uint256)", ROUTER, sold)
    swap = (WETH.address, USDC.address, 500, somebody, sold, 0, 0)
    stage.replica.send(somebody, ROUTER, "0x" + IN_ONE_POOL.call(swap).hex())


def _hostile(stage: Stage, at: Address, pays: int, to: str, takes: int = 0) -> None:
    """HostileRouter stands there: on calldata that it does not know it takes WETH of the caller and pays USDC."""
    place(stage.replica, {at: "HostileRouter"})
    stage.replica.deal("USDC", at, ENOUGH)
    order = (WETH.address if takes else NOBODY, takes, USDC.address, pays, to)
    _tell(stage, at, "set_order(address,uint256,address,uint256,address)", *order)


def _tell(stage: Stage, at: Address, signature: str, *values: object) -> None:
    stage.replica.transact(stage.replica.actor("deployer").address, at, signature, *values)


def _executor(venue: str, pays: bool = False) -> Callable[[Stage], Address]:
    """The executor of a venue is hostile; it pays the venue's router what is more than enough, or nothing."""

    def place_it(stage: Stage) -> Address:
        at = EXECUTORS.get(venue, EXECUTOR)
        _hostile(stage, at, ENOUGH if pays else 0, ROUTERS[venue])
        return at

    return place_it


def _router(venue: str, pays: int = ENOUGH, to: Address | None = None, takes: int = 10**18) -> Callable[[Stage], None]:
    """The router itself is."""
    return lambda stage: _hostile(stage, ROUTERS[venue], pays, to or stage.keeper.wallet, takes)


def _burns(stage: Stage) -> None:
    """A loop of so many rounds, of 26 units of gas each."""
    rounds = (8_000_000 // 26).to_bytes(4, "big").hex()
    stage.replica.rpc.call("anvil_setCode", BURNER, f"0x63{rounds}5b6001900380600557" + "00")
    _tell(stage, _executor("velora", pays=True)(stage), "lay(uint256,address,bytes,bool)", 0, BURNER, b"", True)


def _eats_all(stage: Stage) -> None:
    _tell(stage, _executor("kyber", pays=True)(stage), "set_manner(uint256)", EATS_GAS)


def _calls_the_safe(stage: Stage) -> None:
    """As if the executor were an owner: everything to the stranger."""
    stolen = encode_call("transfer(address,uint256)", STRANGER, 10**18)
    signature = bytes(12) + bytes.fromhex(stage.keeper.operator.address[2:]) + bytes(32) + b"\x01"
    call = encode_call(EXEC, WETH.address, 0, bytes.fromhex(stolen[2:]), 0, 0, 0, 0, NOBODY, NOBODY, signature)
    at = _executor("velora", pays=True)(stage)
    _tell(stage, at, "lay(uint256,address,bytes,bool)", 0, stage.keeper.wallet, bytes.fromhex(call[2:]), True)


def _takes_another_token(stage: Stage) -> None:
    """By an approval that the owners once gave."""
    wallet, router = stage.keeper.wallet, ROUTERS["odos"]
    _router("odos")(stage)
    stage.replica.transact(wallet, WBTC.address, "approve(address,uint256)", router, 2**255)
    _tell(stage, router, "set_theft(address,address,uint256,address)", WBTC.address, wallet, 10**6, STRANGER)


def _is_gone(stage: Stage) -> None:
    stage.replica.rpc.call("anvil_setCode", ROUTERS["kyber"], "0x")


def _takes_a_tax(stage: Stage) -> None:
    """USDC takes 0.26 % of every transfer: twice on its way through a router, more than the rules let pass."""
    replica, token = stage.replica, USDC.address
    deployer = replica.actor("deployer").address
    holders = [stage.keeper.wallet, *(pool.address for pool in replica.pools if USDC in (pool.token0, pool.token1))]
    held = {holder: replica.balance("USDC", holder) for holder in holders}
    arguments = encode_call("f(string,uint8)", "USDC", 6)[10:]
    taxed = replica.deploy(creation_code("HostileToken") + bytes.fromhex(arguments), deployer)
    replica.rpc.call("anvil_setCode", token, replica.rpc.call("eth_getCode", taxed, "latest"))
    for holder, raw in held.items():
        _tell(stage, token, "mint(address,uint256)", holder, raw)
    _tell(stage, token, "set_fee(uint256)", 2_600)


CHAIN: Misbehaviours = {
    "a price of an earlier block": Misbehaviour("one_inch", "^pays_what_it_says: ", stage=_of_an_earlier_block),
    "a call that is void already": Misbehaviour("velora", "^simulation: .*Transaction too old", route=_void),
    "a token that takes a tax of every transfer": Misbehaviour("one_inch", "^pays_what_it_says: ", stage=_takes_a_tax),
    "an executor that keeps the tokens": Misbehaviour(
        "velora", "^simulation: .*InsufficientReturnAmount", stage=_executor("velora")
    ),
    "an executor that eats all gas": Misbehaviour("kyber", "^simulation: ", stage=_eats_all),
    "an executor that burns eight million units of gas": Misbehaviour(
        "velora", "^gas: 8.* units used in the simulation, expected at most 5000000", stage=_burns
    ),
    "an executor that calls back into the Safe": Misbehaviour("velora", "^simulation: ", stage=_calls_the_safe),
    "a router that takes another token by an old approval": Misbehaviour(
        "odos", "^(others_not_lower: the wallet loses 0.01 WBTC|simulation: )", stage=_takes_another_token
    ),
    "a router that pays somebody else": Misbehaviour(
        "kyber", "^bought_at_least: the wallet gains 0 USDC", stage=_router("kyber", to=STRANGER)
    ),
    "a router that sells a part and pays a part": Misbehaviour(
        "kyber", "^bought_at_least: the wallet gains 3,000 USDC", stage=_router("kyber", pays=3_000 * 10**6)
    ),
    "a router that takes more than it was approved": Misbehaviour(
        "odos", "^simulation: ", stage=_router("odos", takes=100 * 10**18)
    ),
    "a router that is no contract any more": Misbehaviour(
        "kyber", "^bought_at_least: the wallet gains 0 USDC", stage=_is_gone
    ),
}
