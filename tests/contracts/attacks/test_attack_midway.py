"""Changes from the middle of a batch. They take effect, a stop above all, and the batch that is under way neither gains
nor loses by them: prices, balances and targets were read before its first swap.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from catalogue import stopped_by
from given_attacks import GOLD, IRON, SILV, Arena, every_safe
from given_hostile import CALL, UNPAID, Contract, Moment, delegate, deploy, signed_by, signed_call

from rebalancer.adapters.chain.rpc import RpcError
from rebalancer.core.model.module import NOBODY, ModuleState, ModuleSwap
from rebalancer.replica.calls import encode_call

FIRST = "read before the first swap"
IN_EFFECT = "the change counts from the next batch on"
STOPPED = "the stop takes effect"
AWAY = (700_000, 150_000, 150_000)
"""Targets that the batch leads away from."""

CHANGES: dict[str, tuple[list[Any], dict[str, Any], str]] = {
    # Arguments, what it changes of the state, and the rule that refuses the next batch.
    "set_targets(uint256[])": ([list(AWAY)], {"targets": AWAY}, "sells_overweight"),
    "set_operator(address)": (["attacker"], {"operator": "attacker"}, "only_operator"),
    "set_guardian(address)": (["attacker"], {"guardian": "attacker"}, ""),
    "pause()": ([], {"paused": True}, "paused"),
    "unpause()": ([], {}, ""),
    "drop_operator()": ([], {"operator": NOBODY}, "only_operator"),
}
STOPS: dict[str, tuple[list[Any], dict[str, Any], str]] = {
    "pause()": ([], {"paused": True}, "paused"),
    "drop_operator()": ([], {"operator": NOBODY}, "only_operator"),
    "set_operator(address)": ([NOBODY], {"operator": NOBODY}, "only_operator"),
}


def a_smart(arena: Arena, role: str) -> Contract:
    """That account runs code that makes a call when it is called."""
    replica, actor = arena.replica, arena.replica.actor(role)
    delegate(replica, actor, deploy(replica, "SmartOperator"))
    return Contract(replica, "SmartOperator", actor.address)


def two_swaps(arena: Arena) -> list[ModuleSwap]:
    """The second is made after whatever happens in the first."""
    return [arena.sell(GOLD, SILV, 50_000), arena.sell(GOLD, IRON, 50_000)]


Told = tuple[list[str], str, list[int], ModuleState]


def played_out(arena: Arena) -> Told:
    """All that comes of the two swaps: the module's own account of prices, balances, loss and turnover, the balances
    of both sides, and the state but for the clock.
    """
    receipt = arena.settles(two_swaps(arena))
    told = [log for log in receipt["logs"] if log["address"].lower() == arena.module.address.lower()][-1]
    held = [arena.held(token, holder) for token in range(3) for holder in (arena.safe, arena.router.address)]
    assert arena.router.read("trades") == 2
    return told["topics"], told["data"], held, replace(arena.state(), last=0)


def undisturbed(arena: Arena) -> Told:
    """The same batch where nobody does anything in its middle."""
    with arena.replica.scratch():
        return played_out(arena)


def changed(calm: Told, **change: Any) -> Told:
    """The same but for what was changed."""
    return (*calm[:3], replace(calm[3], **change))


def next_batch(arena: Arena, rule: str) -> None:
    """Refused by `rule`; goes through where that is empty."""
    swap = arena.sell(GOLD, SILV, 10_000)
    if rule:
        arena.refuses(rule, [swap])
    else:
        arena.settles([swap])


def _named(arena: Arena, value: Any) -> Any:
    return arena.attacker if value == "attacker" else value


@every_safe
@pytest.mark.parametrize("signature", CHANGES)
@stopped_by(18, FIRST, IN_EFFECT)
def test_setter__called_by_the_safe_in_the_middle__counts_from_the_next_batch_on(arena: Arena, signature: str) -> None:
    played = arena.again(cooldown=0)
    values, change, rule = CHANGES[signature]
    call = encode_call(signature, *(_named(arena, value) for value in values))
    played.accomplice_is_a_module()
    calm = undisturbed(played)
    played.accomplice_makes_the_safe_call(played.module.address, call)
    played.router_calls(Moment.ROUTER_BEFORE_PAYING, arena.accomplice.address)
    told = played_out(played)
    # The Safe itself has answered, that the call has succeeded.
    assert (arena.accomplice.read("fired"), arena.accomplice.read("succeeded")) == (1, True)
    assert int.from_bytes(arena.accomplice.read("answer"), "big") == 1
    assert told == changed(calm, **{name: _named(arena, value) for name, value in change.items()})
    next_batch(played, rule)


@every_safe
@pytest.mark.parametrize("safe_tx_gas", [0, 200_000])
@pytest.mark.parametrize("signature", STOPS)
@stopped_by(18, "setters are not locked", STOPPED)
def test_owners_stop__relayed_by_a_thief_inside_his_own_batch__takes_effect(
    arena: Arena, signature: str, safe_tx_gas: int
) -> None:
    # With gas of its own the Safe's transaction does not fail with its call: a stop that failed here would be used up.
    played, owner = arena.again(cooldown=0), arena.replica.actor("owner")
    values, change, rule = STOPS[signature]
    order = encode_call(signature, *values)
    call = (played.module.address, 0, bytes.fromhex(order[2:]), CALL, safe_tx_gas, *UNPAID[1:])
    signed = signed_call(arena.replica, arena.safe, [owner], call)
    nonce = arena.replica.read(arena.safe, "nonce()")[0]
    calm = undisturbed(played)
    played.router_calls(Moment.ROUTER_BEFORE_PAYING, arena.safe, signed)
    assert played_out(played) == changed(calm, **change)
    assert (arena.router.read("fired"), arena.router.read("succeeded")) == (1, True)
    assert int.from_bytes(arena.router.read("answer"), "big") == 1
    next_batch(played, rule)
    assert arena.replica.read(arena.safe, "nonce()")[0] == nonce + 1
    with pytest.raises(RpcError, match="GS026"):
        arena.replica.send(arena.attacker, arena.safe, signed)


@every_safe
@stopped_by(18, FIRST, "only_operator")
def test_owners_change_of_operator__relayed_in_the_middle__takes_effect(arena: Arena) -> None:
    played, owner = arena.again(cooldown=0), arena.replica.actor("owner")
    deployer = arena.replica.actor("deployer").address
    signed = signed_by(
        arena.replica, arena.safe, [owner], played.module.address, encode_call("set_operator(address)", deployer)
    )
    calm = undisturbed(played)
    played.router_calls(Moment.ROUTER_BEFORE_PAYING, arena.safe, signed)
    assert played_out(played) == changed(calm, operator=deployer)
    next_batch(played, "only_operator")
    call = "0x" + played.module.data([played.sell(GOLD, SILV, 10_000)]).hex()
    assert arena.replica.send(deployer, played.module.address, call)["status"] == "0x1"


@stopped_by(13, "lock", "the inner call fails")
@stopped_by(18, "lock", "the inner call fails")
def test_new_operator__named_in_the_middle__cannot_nest_a_batch(arena: Arena) -> None:
    played, owner = arena.again(cooldown=0), arena.replica.actor("owner")
    successor = a_smart(arena, "deployer")
    order = encode_call("set_operator(address)", successor.address)
    signed = signed_by(arena.replica, arena.safe, [owner], played.module.address, order)
    inner = "0x" + played.module.data([played.sell(GOLD, SILV, 100)], nonce=0).hex()
    successor.lay(Moment.OPERATOR_CALLED, played.module.address, inner)
    calm = undisturbed(played)
    played.router_calls(Moment.ROUTER_BEFORE_TAKING, arena.safe, signed)
    played.router_calls(Moment.ROUTER_BEFORE_PAYING, successor.address)
    assert played_out(played) == changed(calm, operator=successor.address)
    assert (successor.read("fired"), successor.read("succeeded"), successor.read("answer")) == (1, False, b"")


@pytest.mark.parametrize("signature", ["pause()", "drop_operator()"])
@pytest.mark.parametrize("moment", [Moment.ROUTER_BEFORE_TAKING, Moment.ROUTER_AFTER_PAYING])
@stopped_by(18, "setters are not locked", STOPPED)
def test_guardian__that_is_a_contract_called_in_the_middle__stops_the_next_batch(
    arena: Arena, signature: str, moment: int
) -> None:
    guardian, (_, change, rule) = arena.accomplice, STOPS[signature]
    played = arena.again(guardian=guardian.address, cooldown=0)
    calm = undisturbed(played)
    guardian.lay(Moment.POOL_CALLED, played.module.address, encode_call(signature))
    played.router_calls(moment, guardian.address)
    assert played_out(played) == changed(calm, **change)
    assert (guardian.read("fired"), guardian.read("succeeded")) == (1, True)
    next_batch(played, rule)
    if signature == "pause()":
        played.module.by_safe("unpause()")
        next_batch(played, "")


@stopped_by(18, FIRST, IN_EFFECT)
@stopped_by(45, "step meter", "target_step")
def test_targets__moved_by_the_operator_in_the_middle__cost_their_step_and_change_nothing_of_this_batch(
    arena: Arena,
) -> None:
    played, operator = arena.again(target_step=350_000, cooldown=0), a_smart(arena, "operator")
    calm = undisturbed(played)
    operator.lay(
        Moment.OPERATOR_CALLED,
        played.module.address,
        encode_call("set_targets(uint256[])", [300_000, 400_000, 300_000]),
    )
    played.router_calls(Moment.ROUTER_BEFORE_TAKING, operator.address)
    assert played_out(played) == changed(calm, targets=(300_000, 400_000, 300_000), step_left=25 * 10**16)
    assert (operator.read("fired"), operator.read("succeeded")) == (1, True)
    back = encode_call("set_targets(uint256[])", [600_000, 100_000, 300_000])
    played.fails("target_step", played.module.operator, played.module.address, back)


@stopped_by(18, FIRST, "paused")
def test_targets__moved_by_the_operator_after_a_pause_in_the_middle__stay(arena: Arena) -> None:
    guardian = arena.accomplice
    played = arena.again(guardian=guardian.address, target_step=500_000)
    operator = a_smart(arena, "operator")
    calm = undisturbed(played)
    guardian.lay(Moment.POOL_CALLED, played.module.address, encode_call("pause()"))
    operator.lay(Moment.OPERATOR_CALLED, played.module.address, encode_call("set_targets(uint256[])", list(AWAY)))
    played.router_calls(Moment.ROUTER_BEFORE_TAKING, guardian.address)
    played.router_calls(Moment.ROUTER_BEFORE_PAYING, operator.address)
    assert played_out(played) == changed(calm, paused=True)
    assert (operator.read("fired"), operator.read("succeeded")) == (1, False)
    assert b"RebalanceModule: paused" in operator.read("answer")


def _targets_move_in_the_middle(arena: Arena, *targets: int) -> None:
    arena.accomplice_makes_the_safe_call(arena.module.address, encode_call("set_targets(uint256[])", list(targets)))
    arena.router_calls(Moment.ROUTER_BEFORE_TAKING, arena.accomplice.address)


@every_safe
@stopped_by(18, FIRST, "buys_past_target")
def test_targets__moved_in_the_first_swap__license_no_second_one(arena: Arena) -> None:
    arena.accomplice_is_a_module()
    _targets_move_in_the_middle(arena, 0, 700_000, 300_000)
    # Silver is 100,000 short by the old targets, 500,000 by the new ones.
    first, second = arena.sell(GOLD, SILV, 90_000), arena.sell(GOLD, SILV, 90_000)
    arena.refuses("buys_past_target", [first, second])
    arena.settles([first])
    assert (arena.accomplice.read("succeeded"), arena.state().targets) == (True, (0, 700_000, 300_000))
    arena.replica.warp(600)
    arena.settles([second])


@every_safe
@stopped_by(18, FIRST, "drift")
def test_targets__moved_in_the_middle__do_not_make_a_trade_past_the_old_ones_a_trade_towards_them(arena: Arena) -> None:
    arena.accomplice_is_a_module()
    # 2,500 above its target; 5,000 lands exactly on the new one.
    arena.holds(402_500, 297_500, 300_000)
    _targets_move_in_the_middle(arena, 397_500, 302_500, 300_000)
    arena.refuses("drift", [arena.sell(GOLD, SILV, 5_000)])
    arena.settles([arena.sell(GOLD, SILV, 3_300)])
    assert (arena.accomplice.read("succeeded"), arena.state().targets) == (True, (397_500, 302_500, 300_000))
