"""Who may do what, and when: old batches, pauses, removal, and every setter from every wrong sender."""

from __future__ import annotations

from typing import Any

import pytest
from catalogue import ends_at, stopped_by
from given_attacks import GOLD, SILV, Arena, every_safe
from given_hostile import exec_from_safe

from rebalancer.adapters.chain.rpc import RpcError
from rebalancer.core.model.module import NOBODY
from rebalancer.replica.calls import encode_call

READ_FIRST = "read first"
SENDER = "sender is the Safe"
FAR = 1 << 40
SENTINEL = "0x0000000000000000000000000000000000000001"

SETTERS: dict[str, tuple[list[Any], str, set[str]]] = {
    # Arguments, the rule that keeps others out, and who may call it.
    "set_targets(uint256[])": ([[400_000, 300_000, 300_000]], "only_operator", {"safe", "operator"}),
    "set_operator(address)": ([SENTINEL], "only_safe", {"safe"}),
    "set_guardian(address)": ([SENTINEL], "only_safe", {"safe"}),
    "unpause()": ([], "only_safe", {"safe"}),
    "pause()": ([], "only_guardian", {"safe", "guardian"}),
    "drop_operator()": ([], "only_guardian", {"safe", "guardian"}),
}
SENDERS = ("operator", "guardian", "attacker", "owner", "router")
WRONG = [
    pytest.param(signature, sender, rule, id=f"{signature.split('(')[0]}-{sender}")
    for signature, (_, rule, allowed) in SETTERS.items()
    for sender in SENDERS
    if sender not in allowed
]


def _address(arena: Arena, role: str) -> str:
    if role == "router":
        arena.replica.deal("ETH", arena.router.address, 10**18)
        return arena.router.address
    return arena.safe if role == "safe" else arena.replica.actor(role).address


@pytest.mark.parametrize(("signature", "sender", "rule"), WRONG)
@stopped_by(35, SENDER, "only_safe, only_guardian, only_operator")
def test_setter__from_the_wrong_sender__is_refused(arena: Arena, signature: str, sender: str, rule: str) -> None:
    data = encode_call(signature, *SETTERS[signature][0])
    arena.fails(rule, _address(arena, sender), arena.module.address, data)


@pytest.mark.parametrize("signature", SETTERS)
@stopped_by(35, SENDER, "the right sender may")
def test_setter__from_each_right_sender__is_obeyed(arena: Arena, signature: str) -> None:
    values, _, allowed = SETTERS[signature]
    for role in sorted(allowed):
        with arena.replica.scratch():
            if signature == "unpause()":
                arena.module.by_safe("pause()")
            arena.replica.transact(_address(arena, role), arena.module.address, signature, *values)
            state = arena.state()
            assert state.paused is (signature == "pause()")
            gone = {"set_operator(address)": SENTINEL, "drop_operator()": NOBODY}
            assert state.operator == gone.get(signature, arena.module.operator)
            assert state.guardian == (SENTINEL if signature == "set_guardian(address)" else arena.module.guardian)


@every_safe
@stopped_by(35, SENDER, "the owners' signed transaction")
def test_setter__by_the_owners_through_their_safe__is_obeyed(arena: Arena) -> None:
    for call in (encode_call("pause()"), encode_call("unpause()"), encode_call("drop_operator()")):
        exec_from_safe(arena.replica, arena.safe, arena.module.owner, arena.module.address, call)
    assert (arena.state().paused, arena.state().operator) == (False, NOBODY)
    with pytest.raises(RpcError, match="GS026"):
        exec_from_safe(arena.replica, arena.safe, arena.module.operator, arena.module.address, encode_call("unpause()"))


@pytest.mark.parametrize("sender", ["guardian", "attacker", "owner", "router", "safe"])
@stopped_by(35, "one operator", "only_operator")
def test_rebalance__from_anybody_but_the_operator__is_refused(arena: Arena, sender: str) -> None:
    arena.refuses("only_operator", [arena.sell(GOLD, SILV, 10_000)], sender=_address(arena, sender))


@stopped_by(33, "nonce", "nonce")
def test_batch__sent_again__is_refused(arena: Arena) -> None:
    played = arena.again(cooldown=0)
    swap = played.sell(GOLD, SILV, 10_000)
    played.settles([swap], nonce=0)
    assert played.state().nonce == 1
    for nonce in (0, 2, 2**256 - 1):
        played.refuses("nonce", [swap], nonce=nonce)
    played.settles([swap], nonce=1)
    played.refuses("nonce", [swap], nonce=1)


@stopped_by(33, "deadline", "deadline")
def test_batch__after_its_deadline__is_refused_and_at_it_is_not(arena: Arena) -> None:
    swap, now = arena.sell(GOLD, SILV, 10_000), arena.replica.now()
    for deadline in (0, now - 1):
        arena.refuses("deadline", [swap], deadline=deadline)
    assert int.from_bytes(arena.module.preview([swap], deadline=arena.replica.now()), "big") == 1


@every_safe
@stopped_by(34, READ_FIRST, "paused")
def test_batch__while_paused__is_refused_until_the_safe_unpauses(arena: Arena) -> None:
    swap, guardian = arena.sell(GOLD, SILV, 10_000), arena.module.guardian
    arena.settles([swap])
    arena.replica.warp(600)
    before = arena.state()
    arena.replica.transact(guardian, arena.module.address, "pause()")
    arena.refuses("paused", [swap])
    targets = encode_call("set_targets(uint256[])", [400_000, 300_000, 300_000])
    arena.fails("paused", arena.module.operator, arena.module.address, targets)
    for sender in (guardian, arena.module.operator):
        arena.fails("only_safe", sender, arena.module.address, encode_call("unpause()"))
    # The owners still may, and what was counted still counts.
    arena.module.by_safe("set_targets(uint256[])", [400_000, 300_000, 300_000])
    arena.module.by_safe("unpause()")
    after = arena.state()
    assert (after.nonce, after.last) == (before.nonce, before.last) == (1, before.last)
    assert 0 <= after.loss_left - before.loss_left < 10**13
    assert 0 <= after.turnover_left - before.turnover_left < 10**15
    arena.settles([swap])


@stopped_by(34, READ_FIRST, "only_operator")
def test_operator__just_dropped__is_nobody(arena: Arena) -> None:
    swap = arena.sell(GOLD, SILV, 10_000)
    arena.replica.transact(arena.module.guardian, arena.module.address, "drop_operator()")
    arena.refuses("only_operator", [swap])
    targets = encode_call("set_targets(uint256[])", [400_000, 300_000, 300_000])
    arena.fails("only_operator", arena.module.operator, arena.module.address, targets)
    arena.replica.deal("ETH", NOBODY, 10**18)
    arena.module.by_safe("set_operator(address)", arena.module.operator)
    arena.settles([swap])


@every_safe
@stopped_by(34, "the Safe knows its modules", "GS104")
def test_module__just_disabled_by_the_owners__can_do_nothing(arena: Arena) -> None:
    disable = encode_call("disableModule(address,address)", SENTINEL, arena.module.address)
    exec_from_safe(arena.replica, arena.safe, arena.module.owner, arena.safe, disable)
    arena.refuses("GS104", [arena.sell(GOLD, SILV, 10_000)])


@pytest.mark.parametrize("who", ["safe", "owner", "second_owner"])
@ends_at("operator_is_owner")
def test_operator__that_could_sign_for_the_safe__is_refused(arena: Arena, who: str) -> None:
    change = encode_call("set_operator(address)", _address(arena, who))
    arena.fails("operator_is_owner", arena.safe, arena.module.address, change)


@ends_at("operator_is_guardian")
def test_operator_and_guardian__cannot_be_one(arena: Arena) -> None:
    module = arena.module
    for call in (
        encode_call("set_operator(address)", module.guardian),
        encode_call("set_guardian(address)", module.operator),
    ):
        arena.fails("operator_is_guardian", arena.safe, module.address, call)
    # Nobody may be both.
    module.by_safe("set_operator(address)", NOBODY)
    module.by_safe("set_guardian(address)", NOBODY)
    module.by_safe("set_operator(address)", NOBODY)
    assert (arena.state().operator, arena.state().guardian) == (NOBODY, NOBODY)
