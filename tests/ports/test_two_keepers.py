"""One wallet or one key in two hands: nothing is sent twice, nothing is settled in another's name."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from given_chain import LyingNode
from given_keeper import Gate, Keeper, command, ended
from given_modules import a_filled_desk
from given_wallet import Desk, a_desk, a_signer, a_trade

from rebalancer.adapters.chain.rpc import Rpc
from rebalancer.adapters.wallets.keystore import KeystoreSigner
from rebalancer.core.errors import Unavailable
from rebalancer.core.model import Landed, Simulated, Waiting
from rebalancer.ports import Signer
from rebalancer.replica.chain import Replica


@dataclass(frozen=True, slots=True)
class Kind:
    """A desk of one kind of wallet, with USDT to sell; the reads of its commit, and the one of them that tells
    whether another batch was executed.
    """

    make: Callable[[Replica, Signer], Desk]
    calls: int
    tells: int


def _safe_desk(replica: Replica, signer: Signer) -> Desk:
    desk = a_desk(replica, replica.create_safe([signer.address]), signer)
    replica.deal("USDT", desk.wallet.address, 100_000 * 10**6)
    return desk


SAFE = Kind(_safe_desk, 8, 4)
"""Three counts of the operator's transactions, five reads of the Safe, the second of them its nonce."""
MODULE = Kind(a_filled_desk, 10, 9)
"""The same, and the module's policy and state."""
POSITIONS = [(kind, position) for kind in (SAFE, MODULE) for position in range(kind.calls)]


@pytest.fixture
def gate(keeper: Keeper) -> Iterator[Gate]:
    """The keeper's node, which can keep a request back."""
    keeper.go_live()
    gate = Gate(keeper.replica)
    keeper.edit(f'"{keeper.replica.url}"', f'"{gate.node.url()}"')
    yield gate
    gate.close()


@pytest.mark.parametrize(("kind", "position"), POSITIONS, ids=lambda x: str(x) if isinstance(x, int) else None)
def test_commit__the_same_keys_other_batch_is_mined_before_any_of_its_reads__only_one_can_happen(
    replica: Replica, lying: LyingNode, signer: KeystoreSigner, kind: Kind, position: int
) -> None:
    desk = kind.make(replica, signer)
    other = desk.intent([a_trade(desk, "USDT", 20_000 * 10**6, "WETH")])
    left = [position]

    def mined_in_between(_: dict[str, Any]) -> None:
        if left[0] == 0:
            desk.wallet.execute(other)
            assert isinstance(desk.wallet.land(other, 10, 0), Landed)
        left[0] -= 1

    batch, simulation, snapshot = _simulated(desk)
    lying.before = mined_in_between
    second = desk.on(Rpc(lying.url))
    if position <= kind.tells:
        with pytest.raises(Unavailable, match="mined since block|wait to be mined|changed since block"):
            second.wallet.commit(batch, simulation, snapshot)
    else:
        late = second.wallet.commit(batch, simulation, snapshot)
        assert late.transaction.nonce == other.commitment.transaction.nonce, "the network takes one of the two"
    assert left[0] < 0, "the other batch was mined"


def _simulated(desk: Desk) -> tuple[Any, Simulated, Any]:
    snapshot = desk.reader.read()
    deadline = snapshot.block.timestamp + 600
    quotes = desk.quotes([a_trade(desk, "USDT", 30_000 * 10**6, "WBTC")], snapshot, deadline)
    batch = desk.wallet.build(quotes, snapshot, deadline)
    simulation = desk.wallet.simulate(batch, snapshot)
    assert isinstance(simulation, Simulated)
    return batch, simulation, snapshot


def test_run__while_a_copy_in_another_folder_is_at_work__holds_and_says_who_it_is(
    keeper: Keeper, gate: Gate, tmp_path_factory: pytest.TempPathFactory
) -> None:
    copy = Path(shutil.copytree(keeper.folder, tmp_path_factory.mktemp("elsewhere") / "copy"))
    gate.keep_back("eth_simulateV1", after=True)
    first = keeper.started("run", "--live", "--json")
    assert gate.reached.wait(30)
    second = command("run", "--live", "--config", str(copy / "rebalancer.yaml"))
    assert f"held: another keeper is at work on this wallet: process {first.pid} on " in second.said
    gate.keep_back("")
    gate.open.set()
    assert ended(first).json["outcome"] == "settled"
    assert keeper.sent() == 1


@pytest.mark.parametrize("arguments", [("run", "--live"), ("history",), ("status",)], ids=" ".join)
def test_command__with_the_ledger_of_another_wallet__is_refused_and_leaves_its_intent_open(
    keeper: Keeper, gate: Gate, arguments: tuple[str, ...]
) -> None:
    keeper.edit("patience: 90 s", "patience: 1 s")
    keeper.replica.rpc.call("evm_setAutomine", False)
    try:
        keeper.replica.rpc.call("evm_mine")
        first = command("run", "--live", "--json", "--config", str(keeper.config)).json
    finally:
        keeper.replica.rpc.call("evm_setAutomine", True)
    assert first["outcome"] == "pending"
    other = keeper.replica.create_safe([keeper.operator.address], salt=77)
    second = keeper.folder / "second.yaml"
    second.write_text(keeper.config.read_text().replace(keeper.wallet, other))
    done = command(*arguments, "--config", str(second))
    assert done.code == 2
    assert f"is the memory of wallet {keeper.wallet}" in done.said and f"expected wallet {other}" in done.said
    assert keeper.command("run", "--live", "--json").json["tx"] == first["tx"]
    assert keeper.settled_once()


def test_resume__after_the_key_was_used_elsewhere__closes_the_intent_and_the_next_run_settles_another(
    keeper: Keeper, gate: Gate
) -> None:
    gate.keep_back("eth_sendRawTransaction")
    gate.open.set()  # refused at once
    first = keeper.command("run", "--live", "--json").json
    assert first["outcome"] == "pending"
    keeper.replica.send(keeper.operator.address, keeper.operator.address)
    gate.keep_back("")
    assert keeper.command("run", "--live").code == 5
    done = keeper.command("resume", "--why", "my own transfer", "--json")
    assert (done.code, done.json["closed"]) == (0, first["tx"])
    ((reason,),) = keeper.asked("SELECT reason FROM landings")
    assert "my own transfer" in reason and "nonce 0 was used by 0x" in reason
    second = keeper.command("run", "--live", "--json").json
    assert second["outcome"] == "settled" and second["tx"] != first["tx"]


def test_land__mined_on_a_node_that_has_no_receipts__waits(replica: Replica, lying: LyingNode, tmp_path: Path) -> None:
    signer = a_signer(tmp_path, replica.actor("operator"))
    desk = a_desk(replica, replica.create_safe([signer.address]), signer)
    replica.deal("USDT", desk.wallet.address, 100_000 * 10**6)
    intent = desk.intent([a_trade(desk, "USDT", 20_000 * 10**6, "WETH")])
    desk.wallet.execute(intent)
    assert isinstance(desk.wallet.land(intent, 10, 0), Landed)
    lying.change = lambda call, answer: (
        answer
        | ({"result": None} if call["method"] in ("eth_getTransactionReceipt", "eth_getTransactionByHash") else {})
    )
    landing = desk.on(Rpc(lying.url)).wallet.land(intent, 0, 0)
    assert isinstance(landing, Waiting) and "has no receipt yet" in landing.reason
