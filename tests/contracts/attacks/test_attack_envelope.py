"""What stands around a batch: its size, bytes behind it, and who pays for its gas."""

from __future__ import annotations

from catalogue import stopped_by
from given_attacks import GOLD, SILV, Arena, every_safe
from given_hostile import CALL, EXEC, UNPAID

from rebalancer.replica.calls import encode_call


@stopped_by(36, "no signature path", "only_operator")
def test_trailing_bytes__behind_an_outsiders_call__are_no_signature(arena: Arena) -> None:
    data = arena.module.data([arena.sell(GOLD, SILV, 100_000)])
    operator = bytes.fromhex(arena.module.operator[2:])
    tails = (operator, bytes(12) + operator, bytes(12) + operator + bytes(32) + b"\x01", b"\x1b" * 65, b"\xff" * 1_000)
    for tail in tails:
        arena.fails("only_operator", arena.attacker, arena.module.address, data + tail)


@stopped_by(36, "no signature path", "the same effect")
def test_trailing_bytes__behind_the_operators_call__change_nothing(arena: Arena) -> None:
    data = arena.module.data([arena.sell(GOLD, SILV, 100_000)])
    outcomes = set()
    for tail in (b"", b"\x00", b"\xff" * 33, bytes.fromhex(arena.attacker[2:]) * 10):
        with arena.replica.scratch():
            arena.replica.send(arena.module.operator, arena.module.address, "0x" + (data + tail).hex())
            outcomes.add((arena.held(GOLD), arena.held(SILV), arena.state().loss_left, arena.router.read("last_data")))
    assert len(outcomes) == 1


@stopped_by(37, "bounds", "swaps")
def test_batch__that_is_empty__is_refused(arena: Arena) -> None:
    arena.refuses("swaps", [])


@stopped_by(37, "bounds", "no more than eight are decoded")
def test_batch__of_nine_swaps__is_refused_and_of_eight_is_not(arena: Arena) -> None:
    swap = arena.sell(GOLD, SILV, 1_000)
    arena.refuses("", [swap] * 9)
    arena.settles([swap] * 8)
    assert arena.held(SILV) - 200_000 * 10**6 == 8 * swap.min_out


@every_safe
@stopped_by(38, "there is no refund", "the operator alone pays")
def test_gas_price__however_high__is_paid_by_the_operator_alone(arena: Arena) -> None:
    operator = arena.module.operator
    before = int(arena.replica.rpc.call("eth_getBalance", operator, "latest"), 16)
    data = "0x" + arena.module.data([arena.sell(GOLD, SILV, 10_000)]).hex()
    price, ether = 10**12, arena.ether()
    transaction = {
        "from": operator,
        "to": arena.module.address,
        "data": data,
        "gas": hex(10**6),
        "gasPrice": hex(price),
    }
    receipt = arena.replica.receipt(arena.replica.rpc.call("eth_sendTransaction", transaction))
    assert receipt["status"] == "0x1"
    paid = before - int(arena.replica.rpc.call("eth_getBalance", operator, "latest"), 16)
    assert paid == int(receipt["gasUsed"], 16) * price
    assert arena.ether() == ether > 0


@every_safe
@stopped_by(38, "there is no refund", "GS026")
def test_refund__asked_of_the_safe_by_the_operator__needs_the_owners(arena: Arena) -> None:
    # The Safe itself can refund; the operator is no owner.
    operator = arena.module.operator
    signature = bytes(12) + bytes.fromhex(operator[2:]) + bytes(32) + b"\x01"
    terms = (0, 10**6, 10**12, UNPAID[3], operator)
    arena.fails("GS026", operator, arena.safe, encode_call(EXEC, arena.attacker, 0, b"", CALL, *terms, signature))
