"""Calls that are no swap: the operator has one function, and what it can make the Safe call is built or checked."""

from __future__ import annotations

import pytest
from catalogue import stopped_by
from given_artifacts import artifact
from given_attacks import AS_MODULE, GOLD, IRON, ONE_HOP, SILV, Arena, every_safe
from given_hostile import CALL, Approve, Moment, exec_from_safe

from rebalancer.core.model.module import ModuleSwap
from rebalancer.market.addresses import keccak256
from rebalancer.replica.calls import encode_call, selector
from rebalancer.units import ONE

NO_GENERIC_CALL = "no generic call"
CONSTRAINTS = "constraints on the calldata"
EVERYTHING = 2**256 - 1
APPROVAL = "0x" + keccak256(b"Approval(address,address,uint256)").hex()
FUNCTIONS = {
    "rebalance": "nonpayable",
    "set_targets": "nonpayable",
    "pause": "nonpayable",
    "drop_operator": "nonpayable",
    "unpause": "nonpayable",
    "set_operator": "nonpayable",
    "set_guardian": "nonpayable",
    "preview": "view",
    "policy": "view",
    "state": "view",
    "portfolio": "view",
    "min_out": "view",
}


@stopped_by(1, NO_GENERIC_CALL, "no such function")
@stopped_by(38, "there is no refund", "no such function")
def test_module__asked_for_its_functions__has_the_known_ones_and_none_takes_ether() -> None:
    found = {
        each["name"]: each["stateMutability"]
        for each in artifact("RebalanceModule")["abi"]
        if each["type"] == "function"
    }
    assert found == FUNCTIONS
    assert {each["type"] for each in artifact("RebalanceModule")["abi"]} == {"function", "event", "constructor"}


@every_safe
@stopped_by(1, NO_GENERIC_CALL, "GS104")
def test_transfer__asked_of_the_safe_by_the_operator__is_refused_by_the_safe(arena: Arena) -> None:
    steal = bytes.fromhex(encode_call("transfer(address,uint256)", arena.attacker, 10**18)[2:])
    call = encode_call(AS_MODULE, arena.tokens[GOLD].address, 0, steal, CALL)
    arena.fails("GS104", arena.module.operator, arena.safe, call)


@pytest.mark.parametrize(
    "function",
    [
        AS_MODULE,
        "execute(address,uint256,bytes)",
        "multicall(bytes[])",
        "transfer(address,uint256)",
        "sweep(address)",
        "initialize(address)",
        "upgradeTo(address)",
    ],
)
@stopped_by(1, NO_GENERIC_CALL, "no fallback")
def test_module__called_by_a_function_that_it_has_not__reverts(arena: Arena, function: str) -> None:
    data = "0x" + selector(function).hex() + f"{int(arena.attacker, 16):064x}" * 4
    arena.fails("", arena.module.operator, arena.module.address, data)
    arena.fails("", arena.module.operator, arena.module.address, "0x")


@pytest.mark.parametrize(
    ("function", "values"),
    [
        pytest.param("transfer(address,uint256)", (10**20,), marks=stopped_by(1, CONSTRAINTS, "RouteCheck: length")),
        pytest.param("approve(address,uint256)", (EVERYTHING,), marks=stopped_by(2, CONSTRAINTS, "RouteCheck: length")),
    ],
)
def test_token_call__as_calldata_of_a_checked_route__is_refused(
    arena: Arena, function: str, values: tuple[int]
) -> None:
    data = bytes.fromhex(encode_call(function, arena.attacker, *values)[2:])
    swaps, _ = arena.outside(GOLD, SILV, 10_000)
    arena.refuses(
        "RouteCheck: length", [ModuleSwap(1, GOLD, SILV, swaps[0].amount_in, swaps[0].min_out, len(data))], data
    )


@pytest.mark.parametrize("function", ["approve(address,uint256)", "enableModule(address)", "setGuard(address)"])
@stopped_by(2, CONSTRAINTS, "RouteCheck: selector")
@stopped_by(4, CONSTRAINTS, "RouteCheck: selector")
def test_foreign_function__padded_to_the_length_of_a_checked_route__is_refused(arena: Arena, function: str) -> None:
    swaps, honest = arena.outside(GOLD, SILV, 10_000)
    arena.refuses("RouteCheck: selector", swaps, selector(function) + honest[4:])


@every_safe
@stopped_by(2, "the module builds approvals", "no allowance left")
def test_approvals__of_an_honest_swap__are_for_the_router_and_exact_and_taken_back(arena: Arena) -> None:
    arena.router.set("set_beyond", -1_000, 0)
    (swap,), data = arena.outside(GOLD, SILV, 10_000)
    receipt = arena.settles([swap], data)
    approvals = [log for log in receipt["logs"] if log["topics"][0] == APPROVAL]
    assert [int(log["topics"][2], 16) for log in approvals] == [int(arena.router.address, 16)] * 2
    assert [int(log["data"], 16) for log in approvals] == [swap.amount_in, 0]
    for spender in (arena.router.address, arena.attacker, arena.module.operator):
        assert arena.tokens[GOLD].read("allowance", arena.safe, spender) == 0


@pytest.mark.parametrize("rule", ["approve"])
def test_old_allowance__of_a_token_that_replaces_none__blocks_its_sale_until_the_owners_revoke_it(
    arena: Arena, rule: str
) -> None:
    # As USDT; of other tokens the exact approval takes the old one's place.
    swaps, token = arena.outside(GOLD, SILV, 10_000), arena.tokens[GOLD]
    token.set("set_allowance", arena.safe, arena.router.address, 1)
    with arena.replica.scratch():
        arena.settles(*swaps)
    token.set("set_approve_manner", Approve.REFUSES_CHANGE)
    arena.refuses(rule, *swaps)
    # A built swap asks for none, and leaves the old one as it is.
    with arena.replica.scratch():
        arena.settles([arena.sell(GOLD, SILV, 10_000)])
        assert token.read("allowance", arena.safe, arena.router.address) == 1
    revoke = encode_call("approve(address,uint256)", arena.router.address, 0)
    exec_from_safe(arena.replica, arena.safe, arena.module.owner, token.address, revoke)
    arena.settles(*swaps)


@every_safe
@stopped_by(3, "balance delta", "balances")
def test_router__that_pays_another__takes_the_whole_batch_down(arena: Arena) -> None:
    arena.router.set("set_payee", arena.attacker)
    arena.refuses("balances", [arena.sell(GOLD, SILV, 100_000)])
    arena.refuses("balances", *arena.outside(GOLD, SILV, 100_000))


@every_safe
@stopped_by(3, CONSTRAINTS, "RouteCheck: receiver")
def test_receiver__of_outside_calldata__must_be_the_safe(arena: Arena) -> None:
    for receiver in (arena.attacker, arena.module.operator, arena.module.address, arena.router.address):
        arena.refuses("RouteCheck: receiver", *arena.outside(GOLD, SILV, 100_000, receiver=receiver))
    arena.settles(*arena.outside(GOLD, SILV, 100_000))


@every_safe
@stopped_by(5, "literal operation", "the router's own storage")
def test_router__called_by_the_safe__runs_on_its_own_storage(arena: Arena) -> None:
    # A delegatecall would count the trade on the Safe, in the place of its singleton or of its owners.
    slots = [arena.replica.rpc.call("eth_getStorageAt", arena.safe, hex(slot), "latest") for slot in range(12)]
    assert int(slots[0], 16) != 0
    arena.settles([arena.sell(GOLD, SILV, 10_000)])
    arena.replica.warp(600)
    arena.settles(*arena.outside(GOLD, SILV, 10_000))
    assert [arena.replica.rpc.call("eth_getStorageAt", arena.safe, hex(slot), "latest") for slot in range(12)] == slots
    assert arena.router.read("trades") == 2


@stopped_by(5, "routes are listed", "route")
def test_route__that_is_not_listed__is_refused(arena: Arena) -> None:
    swap = arena.sell(GOLD, SILV, 10_000)
    for route in (2, 6, 2**256 - 1):
        arena.refuses("route", [ModuleSwap(route, GOLD, SILV, swap.amount_in, swap.min_out, ONE_HOP)])


@every_safe
@stopped_by(6, "literal value", "the Safe's ether is where it was")
def test_swap__over_payable_functions__sends_no_ether(arena: Arena) -> None:
    before = arena.ether()
    arena.settles([arena.sell(GOLD, SILV, 10_000)])
    assert arena.ether() == before > 0
    assert arena.replica.rpc.call("eth_getBalance", arena.router.address, "latest") == "0x0"
    # Nor does the module take any along.
    data = arena.module.data([arena.sell(GOLD, SILV, 10_000)])
    receipt = arena.replica.send(arena.module.operator, arena.module.address, "0x" + data.hex(), ONE, gas=3_000_000)
    assert receipt["status"] == "0x0"


@every_safe
@stopped_by(6, "ether not lower", "ether")
def test_ether__that_leaves_the_safe_in_the_middle__takes_the_whole_batch_down(arena: Arena) -> None:
    arena.accomplice_is_a_module()
    arena.accomplice_makes_the_safe_call(arena.attacker, "0x", 1)
    arena.router_calls(Moment.ROUTER_BEFORE_PAYING, arena.accomplice.address)
    arena.refuses("ether", [arena.sell(GOLD, SILV, 10_000)])


@stopped_by(16, "other balances not lower", "balances")
def test_router__with_an_old_allowance_of_a_third_listed_token__cannot_use_it(arena: Arena) -> None:
    arena.tokens[IRON].set("set_allowance", arena.safe, arena.router.address, EVERYTHING)
    arena.router.set("set_theft", arena.tokens[IRON].address, arena.safe, 1, arena.attacker)
    arena.refuses("balances", [arena.sell(GOLD, SILV, 10_000)])


@pytest.mark.parametrize("pair", [(3, 1), (0, 3), (12, 1), (0, 2**256 - 1), (2**255, 2**255), (0, 0), (1, 1)])
@stopped_by(16, "both tokens listed", "tokens")
@stopped_by(37, "bounds", "tokens")
def test_tokens__that_are_not_listed_or_the_same__are_refused(arena: Arena, pair: tuple[int, int]) -> None:
    arena.refuses("tokens", [ModuleSwap(0, *pair, 10**18, 1, ONE_HOP)])


@stopped_by(16, CONSTRAINTS, "RouteCheck: token_in")
def test_outside_calldata__that_sells_another_token_than_named__is_refused(arena: Arena) -> None:
    arena.tokens[IRON].set("set_allowance", arena.safe, arena.router.address, EVERYTHING)
    iron = arena.tokens[IRON].address
    arena.refuses("RouteCheck: token_in", *arena.outside(GOLD, SILV, 10_000, token_in=iron))
    arena.refuses("RouteCheck: token_in", *arena.outside(GOLD, SILV, 10_000, token_in=arena.hub.address))
    arena.refuses("RouteCheck: token_out", *arena.outside(GOLD, SILV, 10_000, token_out=iron))


@stopped_by(22, CONSTRAINTS, "RouteCheck: length")
def test_permit_field__filled_in_outside_calldata__is_refused(arena: Arena) -> None:
    arena.refuses("RouteCheck: length", *arena.outside(GOLD, SILV, 10_000, extra=bytes(65)))
    arena.refuses("RouteCheck: length", *arena.outside(GOLD, SILV, 10_000, extra=b"\x01"))


@pytest.mark.parametrize("field", [{"fee": 1}, {"referral": "attacker"}, {"fee": 10**6, "referral": "attacker"}])
@stopped_by(23, "constraints demand zero", "RouteCheck: constant")
def test_fee_fields__filled_in_outside_calldata__are_refused(arena: Arena, field: dict[str, int | str]) -> None:
    filled = {name: arena.attacker if value == "attacker" else value for name, value in field.items()}
    arena.refuses("RouteCheck: constant", *arena.outside(GOLD, SILV, 100_000, **filled))


@stopped_by(46, "built calls", "the module's own calldata")
def test_unlisted_token__with_an_old_allowance__is_not_named_by_any_built_call(arena: Arena) -> None:
    arena.hub.set("mint", arena.safe, 10**20)
    arena.hub.set("set_allowance", arena.safe, arena.router.address, EVERYTHING)
    swap = arena.sell(GOLD, SILV, 10_000)
    stuffed = encode_call("transferFrom(address,address,uint256)", arena.safe, arena.attacker, 10**20)
    arena.settles([swap], bytes.fromhex(stuffed[2:]))
    single = "exactInputSingle((address,address,uint24,address,uint256,uint256,uint160))"
    words = [int(arena.tokens[GOLD].address, 16), int(arena.tokens[SILV].address, 16), 500, int(arena.safe, 16)]
    # Of the amount: all that the router holds. It was paid before.
    words += [0, swap.min_out, 0]
    assert arena.router.read("last_data") == selector(single) + b"".join(each.to_bytes(32, "big") for each in words)
    assert arena.replica.read(arena.hub.address, "balanceOf(address)", arena.safe) == (10**20,)


@stopped_by(46, CONSTRAINTS, "RouteCheck: token_in")
def test_unlisted_token__named_in_outside_calldata__is_refused(arena: Arena) -> None:
    arena.hub.set("mint", arena.safe, 10**20)
    arena.hub.set("set_allowance", arena.safe, arena.router.address, EVERYTHING)
    arena.refuses("RouteCheck: token_in", *arena.outside(GOLD, SILV, 10_000, token_in=arena.hub.address))
