"""Attacks from the middle of a swap: whoever is called on the way calls back, or has the Safe do something else."""

from __future__ import annotations

from typing import Any

import pytest
from catalogue import stopped_by
from given_attacks import GOLD, IRON, SILV, WORTH, Arena, every_safe, up
from given_hostile import Contract, Moment, delegate, deploy, exec_from_safe, signed_by
from given_pools import a_v3_pool
from given_router import DEPTH, over_the_real_router

from rebalancer.adapters.chain.rpc import RpcError
from rebalancer.core.model.module import ModuleSwap
from rebalancer.replica.calls import encode_call
from rebalancer.units import ONE

LOCK = "lock"
NO_CHANGE = "the inner call fails"
HOOKS = [
    *((GOLD, moment) for moment in range(5)),
    *((SILV, moment) for moment in (Moment.TOKEN_TRANSFER_BEGINS, Moment.TOKEN_TRANSFER_ENDS)),
]
MOMENTS = (Moment.ROUTER_BEFORE_TAKING, Moment.ROUTER_BEFORE_PAYING, Moment.ROUTER_AFTER_PAYING)


def a_smart_operator(arena: Arena) -> Contract:
    """The operator's account runs code that makes a call when it is called."""
    replica, actor = arena.replica, arena.replica.actor("operator")
    delegate(replica, actor, deploy(replica, "SmartOperator"))
    return Contract(replica, "SmartOperator", actor.address)


def data_of(arena: Arena, swaps: list[Any], nonce: int) -> str:
    return "0x" + arena.module.data(swaps, nonce=nonce).hex()


def outcomes(operator: Contract, count: int) -> list[bool]:
    """Whether each call of its last batch succeeded."""
    return [operator.read("outcomes", place) for place in range(count)]


@every_safe
@stopped_by(13, LOCK, NO_CHANGE)
def test_operator__called_in_the_middle__cannot_nest_another_batch(arena: Arena) -> None:
    played, operator = arena.again(cooldown=0), a_smart_operator(arena)
    swap = played.sell(GOLD, SILV, 50_000)
    for moment in MOMENTS:
        with arena.replica.scratch():
            operator.lay(Moment.OPERATOR_CALLED, played.module.address, data_of(played, [swap], 0))
            played.router_calls(moment, operator.address)
            played.settles([swap])
            assert (played.router.read("fired"), played.router.read("succeeded")) == (1, True)
            assert (operator.read("fired"), operator.read("succeeded")) == (1, False)
            # The lock gives no reason.
            assert operator.read("answer") == b""
            assert (played.state().nonce, played.router.read("trades")) == (1, 1)


@pytest.mark.parametrize(("token", "moment"), HOOKS)
@stopped_by(13, LOCK, NO_CHANGE)
def test_hooks__of_a_listed_token__cannot_call_back_into_the_module(arena: Arena, token: int, moment: int) -> None:
    played, operator = arena.again(cooldown=0), a_smart_operator(arena)
    inner, hooked = played.sell(GOLD, SILV, 50_000), arena.tokens[token]
    # A built swap pays the router by a transfer, and the router pays so; pulled and approved is by outside calldata.
    transfers = moment in (Moment.TOKEN_TRANSFER_BEGINS, Moment.TOKEN_TRANSFER_ENDS)
    swaps = ([inner], b"") if transfers else played.outside(GOLD, SILV, 50_000)
    operator.lay(Moment.OPERATOR_CALLED, played.module.address, data_of(played, [inner], 0))
    hooked.lay(moment, operator.address, "0x")
    played.settles(*swaps)
    assert (hooked.read("fired"), operator.read("fired"), operator.read("succeeded")) == (1, 1, False)
    assert (played.state().nonce, played.router.read("trades")) == (1, 1)


@every_safe
@stopped_by(14, "portfolio check", "balances")
def test_other_module__that_takes_a_listed_token_in_the_middle__takes_the_batch_down(arena: Arena) -> None:
    arena.accomplice_is_a_module()
    for token in (GOLD, SILV, IRON):
        steal = encode_call("transfer(address,uint256)", arena.attacker, 1)
        with arena.replica.scratch():
            arena.accomplice_makes_the_safe_call(arena.tokens[token].address, steal)
            arena.router_calls(Moment.ROUTER_AFTER_PAYING, arena.accomplice.address)
            arena.refuses("balances", [arena.sell(GOLD, SILV, 50_000)])


@every_safe
@stopped_by(14, "portfolio check", "balances")
def test_owners_transaction__relayed_in_the_middle__takes_the_batch_down_and_stays_valid(arena: Arena) -> None:
    owner = arena.replica.actor("owner")
    pay = encode_call("transfer(address,uint256)", owner.address, 10**8)
    signed = signed_by(arena.replica, arena.safe, [owner], arena.tokens[SILV].address, pay)
    arena.router_calls(Moment.ROUTER_BEFORE_PAYING, arena.safe, signed)
    arena.refuses("balances", [arena.sell(GOLD, SILV, 50_000)])
    arena.replica.send(arena.attacker, arena.safe, signed)
    assert arena.held(SILV, owner.address) == 10**8


@every_safe
@stopped_by(14, "exact approvals", "no allowance left")
def test_other_module__that_approves_the_router_in_the_middle__leaves_no_allowance(arena: Arena) -> None:
    arena.accomplice_is_a_module()
    approve = encode_call("approve(address,uint256)", arena.router.address, 2**256 - 1)
    arena.accomplice_makes_the_safe_call(arena.tokens[GOLD].address, approve)
    arena.router_calls(Moment.ROUTER_AFTER_PAYING, arena.accomplice.address)
    arena.settles(*arena.outside(GOLD, SILV, 50_000))
    assert arena.router.read("succeeded") is True
    assert arena.tokens[GOLD].read("allowance", arena.safe, arena.router.address) == 0


@pytest.mark.parametrize("token", [GOLD, SILV])
@stopped_by(14, "the router's own minimum", "execution")
def test_other_module_of_the_safe__nested_where_the_router_was_paid__does_not_get_two_payments_for_one(
    arena: Arena, token: int
) -> None:
    # Its built swap sells all that lies on the router, and only its own minimum is asked for then.
    played, (outer, inner) = _two_modules_on_pools(arena)
    if token == GOLD:
        arena.tokens[GOLD].lay(Moment.TOKEN_TRANSFER_ENDS, arena.accomplice.address, "0x")
    else:
        arena.tokens[SILV].lay(Moment.TOKEN_TRANSFER_BEGINS, arena.accomplice.address, "0x")
    assert (inner.token_in, outer.token_in) == (GOLD, GOLD)
    played.refuses("execution", [outer])


def _two_modules_on_pools(arena: Arena) -> tuple[Arena, tuple[ModuleSwap, ModuleSwap]]:
    """Over the real router; the accomplice is the operator of the second, and rebalances when it is called. Alone each
    swap goes through.
    """
    a_v3_pool(arena, GOLD, SILV, DEPTH)
    a_v3_pool(arena, GOLD, IRON, (DEPTH[0], 200_000 * 10**8))
    played, accomplice = over_the_real_router(arena), arena.accomplice
    routes = played.module.policy.routes
    other = arena.again(operator=accomplice.address, routes=routes)
    outer, inner = played.sell(GOLD, SILV, 10_000), other.sell(GOLD, IRON, 1_000)
    accomplice.lay(Moment.POOL_CALLED, other.module.address, data_of(other, [inner], 0))
    with arena.replica.scratch():
        played.settles([outer])
    with arena.replica.scratch():
        arena.replica.send(arena.attacker, accomplice.address)
        assert (accomplice.read("succeeded"), other.state().nonce) == (True, 1)
    return played, (outer, inner)


@stopped_by(19, "what was before is in memory", "the meters count one batch, at the prices of its start")
def test_feed__moved_in_the_middle__changes_nothing_of_this_batch(arena: Arena) -> None:
    swap = arena.sell(GOLD, SILV, 50_000)
    # Silver at ten dollars would make a gain of the loss.
    arena.router_calls(
        Moment.ROUTER_AFTER_PAYING, arena.feeds[SILV].address, arena.feeds[SILV].data("set_answer", 10**9)
    )
    before = arena.worth()
    arena.settles([swap])
    assert arena.router.read("succeeded") is True
    lost = up((before - arena.worth()) * ONE, WORTH)
    assert arena.state().loss_left == 5 * 10**15 - lost


@stopped_by(19, "lock", NO_CHANGE)
def test_meters__of_an_inner_batch__do_not_replace_those_of_the_outer(arena: Arena) -> None:
    played, operator = arena.again(cooldown=0), a_smart_operator(arena)
    inner, outer = played.sell(GOLD, IRON, 100), played.sell(GOLD, SILV, 50_000)
    operator.lay(Moment.OPERATOR_CALLED, played.module.address, data_of(played, [inner], 0))
    played.router_calls(Moment.ROUTER_BEFORE_TAKING, operator.address)
    before = arena.worth()
    played.settles([outer])
    turned = up(played.sold(GOLD, outer.amount_in) * ONE, before)
    assert played.state().turnover_left == 3 * 10**17 - turned
    assert played.state().loss_left == 5 * 10**15 - up((before - arena.worth()) * ONE, before)


@pytest.mark.parametrize(
    ("cooldown", "nonces", "rule"),
    [
        pytest.param(600, (0, 1), "cooldown", marks=stopped_by(39, "cooldown", "cooldown")),
        pytest.param(0, (0, 0), "nonce", marks=stopped_by(39, "nonce", "nonce")),
    ],
)
def test_operators_code__that_sends_two_batches_in_one_transaction__has_one_of_them_refused(
    arena: Arena, cooldown: int, nonces: tuple[int, int], rule: str
) -> None:
    played, operator = arena.again(cooldown=cooldown), a_smart_operator(arena)
    swap, module = played.sell(GOLD, SILV, 20_000), played.module.address
    calls = [(module, bytes.fromhex(data_of(played, [swap], nonce)[2:]), False) for nonce in nonces]
    operator.send(arena.attacker, "batch", calls)
    assert outcomes(operator, 2) == [True, False]
    assert (played.state().nonce, played.router.read("trades")) == (1, 1)
    played.refuses(rule, [swap], nonce=nonces[1])


@stopped_by(39, "loss and turnover meters", "max_turnover")
def test_operators_code__that_batches_in_order__meets_the_same_meters(arena: Arena) -> None:
    played, operator = arena.again(cooldown=0, max_turnover=50_000), a_smart_operator(arena)
    swap, module = played.sell(GOLD, SILV, 20_000), played.module.address
    calls = [(module, bytes.fromhex(data_of(played, [swap], nonce)[2:]), False) for nonce in range(4)]
    operator.send(arena.attacker, "batch", calls)
    assert outcomes(operator, 4) == [True, True, False, False]
    played.refuses("max_turnover", [swap])


@stopped_by(39, "the operator is no owner", "GS026")
def test_operators_code__signs_nothing_for_the_safe(arena: Arena) -> None:
    operator = a_smart_operator(arena)
    steal = encode_call("transfer(address,uint256)", arena.attacker, 1)
    with pytest.raises(RpcError, match="GS026"):
        exec_from_safe(arena.replica, arena.safe, operator.address, arena.tokens[GOLD].address, steal)
    assert arena.held(GOLD, arena.attacker) == 0
