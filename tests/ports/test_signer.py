"""One contract for every signer: it signs what it is given, for its own address, and shows no key."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from eth_account import Account
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from given_wallet import PASSWORD, a_keystore
from hexbytes import HexBytes

from rebalancer.adapters.wallets.fake import FakeSigner
from rebalancer.adapters.wallets.keystore import KeystoreSigner
from rebalancer.core.model import AccessEntry, Call, Fees, Transaction
from rebalancer.market.addresses import keccak256
from rebalancer.ports import Signer
from rebalancer.replica.accounts import Actor
from rebalancer.units import Address, Wei

OPERATOR = Actor(1, Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8"))
SAFE = Address("0x41675C099F32341bf84BFc5382aF534df5C7461a")
TRANSACTION = Transaction(1, 7, 600_000, Fees(Wei(5 * 10**9), Wei(10**9)), Call(SAFE, bytes.fromhex("6a761202") * 9))
LISTED = (AccessEntry(OPERATOR.address, ()), AccessEntry(SAFE, (0, 2**256 - 1)))


def _keystore_signer(folder: Path) -> KeystoreSigner:
    return KeystoreSigner(a_keystore(folder / "operator.json", OPERATOR, None), OPERATOR.address, lambda: PASSWORD)


@pytest.fixture(params=["fake", "keystore"])
def signer(request: pytest.FixtureRequest, tmp_path: Path) -> Signer:
    return FakeSigner() if request.param == "fake" else _keystore_signer(tmp_path)


def test_sign__of_a_transaction__gives_it_back_with_bytes_and_their_hash(signer: Signer) -> None:
    signed = signer.sign(TRANSACTION)
    assert signed.transaction == TRANSACTION
    assert signed.hash == "0x" + keccak256(signed.raw).hex()


def test_sign__of_the_same_twice__is_the_same(signer: Signer) -> None:
    assert signer.sign(TRANSACTION) == signer.sign(TRANSACTION)


@pytest.mark.parametrize(
    "change",
    [{"nonce": 8}, {"chain_id": 10}, {"gas": 1}, {"call": Call(SAFE, b"")}, {"access_list": LISTED}],
    ids=str,
)
def test_sign__of_another_transaction__has_another_hash(signer: Signer, change: dict[str, object]) -> None:
    other = replace(TRANSACTION, **change)  # type: ignore[arg-type]
    assert signer.sign(other).hash != signer.sign(TRANSACTION).hash


def test_repr__of_a_signer__has_no_key_and_no_password(signer: Signer) -> None:
    signer.sign(TRANSACTION)
    shown = repr(signer) + str(signer) + repr(signer.sign(TRANSACTION))
    assert OPERATOR.private_key()[2:] not in shown
    assert PASSWORD not in shown


def test_sign__with_a_keystore__is_a_valid_transaction_of_type_2_and_no_value(tmp_path: Path) -> None:
    raw = _keystore_signer(tmp_path).sign(TRANSACTION).raw
    assert Account.recover_transaction(raw) == OPERATOR.address
    fields = TypedTransaction.from_bytes(HexBytes(raw)).as_dict()
    assert (fields["type"], fields["chainId"], fields["nonce"], fields["value"]) == (2, 1, 7, 0)
    assert (fields["gas"], fields["maxFeePerGas"], fields["maxPriorityFeePerGas"]) == (600_000, 5 * 10**9, 10**9)
    assert (fields["to"], fields["data"]) == (bytes.fromhex(SAFE[2:]), TRANSACTION.call.data)
    assert not fields["accessList"]


def test_sign__with_a_keystore_and_an_access_list__signs_that_list(tmp_path: Path) -> None:
    raw = _keystore_signer(tmp_path).sign(replace(TRANSACTION, access_list=LISTED)).raw
    assert Account.recover_transaction(raw) == OPERATOR.address
    fields = TypedTransaction.from_bytes(HexBytes(raw)).as_dict()
    assert fields["type"] == 2
    listed = [(bytes(entry["address"]), tuple(entry["storageKeys"])) for entry in fields["accessList"]]
    assert listed == [(bytes.fromhex(entry.address[2:]), entry.slots) for entry in LISTED]
