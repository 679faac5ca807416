"""The operator's key in an encrypted file (Web3 Secret Storage, version 3, scrypt): made here, used here.

The key is decrypted when the first transaction is signed, not before: a dry run works without it. It is
in no message, no representation, no log, and in no frame of an error that leaves this file. Beside the key stands,
in the clear, for which chain it was made: a key for tests and a live one cannot be taken for each other.
eth_account is imported late, for the tick that holds.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rebalancer.adapters.wallets.access_lists import access_list_to_json
from rebalancer.adapters.wallets.keyfile import (
    EXPECTED,
    PIN,
    Pin,
    cannot_be_written,
    in_the_way,
    named_address,
    pin_of,
    read_keystore,
    write_once,
)
from rebalancer.core.errors import ConfigError, Halt
from rebalancer.core.model import SignedTransaction, Transaction
from rebalancer.market.addresses import checksum_address, keccak256
from rebalancer.units import Address

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

Password = Callable[[], str]
"""Asked once, when the key is needed. Raises ConfigError where there is none."""

SCRYPT_N = 1 << 18
"""The work factor that Ethereum clients use: about a second and 256 MiB for each guess."""
_MALFORMED = (ValueError, TypeError, KeyError, NotImplementedError, AttributeError, AssertionError, ArithmeticError)
"""What the library raises for a file whose fields are of another type or size than they should be."""


class KeystoreSigner:
    """Signs for `operator` with the key in `path`. What is wrong with the file shows at `check` or the first `sign`.

    `chain_id`: the chain of the configuration; None: that of the transaction is all there is to compare.
    """

    def __init__(self, path: Path, operator: Address, password: Password, chain_id: int | None = None) -> None:
        self.address = operator
        self._path = path
        self._password = password
        self._chain_id = chain_id
        self._account: LocalAccount | None = None
        self._pin: Pin | None = None

    def __repr__(self) -> str:
        return f"KeystoreSigner({self.address})"

    def check(self) -> Pin | None:
        """That the file is there, private, and of the operator and the chain; the password is not asked.

        What it says it is for; None where it does not say. ConfigError.
        """
        return self._checked(read_keystore(self._path))

    def unlock(self) -> Address:
        """That the password opens the key, and that the key is the operator's. Takes about a second. ConfigError."""
        return Address(self._unlocked().address)

    def sign(self, transaction: Transaction) -> SignedTransaction:
        """EIP-1559, with no native coin, for the chain in the transaction. Raises ConfigError."""
        account = self._unlocked()
        self._require_chain(self._pin, transaction.chain_id)
        signed = _signed(account, transaction)
        if isinstance(signed, str):
            raise Halt(
                f"operator {self.address}: the transaction could not be signed ({signed}), though its key was opened; "
                "nothing was sent. It is a fault of the program or of its libraries: report it, then resume"
            )
        sender, raw = signed
        if sender != self.address:
            raise self._of_another(sender)
        return SignedTransaction(transaction, raw, "0x" + keccak256(raw).hex())

    def _unlocked(self) -> LocalAccount:
        if self._account is None:
            content = read_keystore(self._path)
            self._pin = self._checked(content)
            if self._pin is None:
                logging.getLogger("rebalancer.keystore").warning(self._unpinned())
            account = _decrypted(content, self._password())
            if isinstance(account, str):
                raise ConfigError(f"keystore {self._path}: {account}")
            if account.address != self.address:
                raise self._of_another(account.address)
            self._account = account
        return self._account

    def _checked(self, content: dict[str, Any]) -> Pin | None:
        pin = pin_of(self._path, content)
        for named in (named_address(content), None if pin is None else pin.address):
            if named is not None and named != self.address:
                raise self._of_another(named)
        self._require_chain(pin, self._chain_id)
        return pin

    def _require_chain(self, pin: Pin | None, chain_id: int | None) -> None:
        for known in (None if pin is None else pin.chain_id, self._chain_id):
            if chain_id is not None and known is not None and known != chain_id:
                raise ConfigError(
                    f"keystore {self._path}: its key is for chain {known}, expected chain {chain_id}; nothing was "
                    "signed. Name the key that was made for this chain, or make one with `rebalancer operator new`"
                )

    def _unpinned(self) -> str:
        wanted = json.dumps({PIN: {"chain": self._chain_id or "ID", "address": self.address}})[1:-1]
        return (
            f"keystore {self._path}: it does not say for which chain its key is, so that a key for tests could be "
            f"taken for a live one; write {wanted} into it"
        )

    def _of_another(self, seen: str) -> ConfigError:
        return ConfigError(
            f"keystore {self._path}: holds the key of {seen}, expected the operator {self.address}. Mend `operator` "
            "or the path of the keystore"
        )


def new_operator(path: Path, password: str, chain_id: int) -> Address:
    """Make a key for a chain, and write it encrypted to `path`, for this account's eyes only. Never overwrites.
    ConfigError.
    """
    from eth_account import Account

    if not password:
        raise ConfigError("keystore: the password is empty, expected one that is not")
    try:
        taken, has_folder = path.exists(), path.parent.is_dir()
    except OSError as error:
        raise cannot_be_written(path, error) from None
    if taken:
        raise in_the_way(path)
    if not has_folder:
        raise ConfigError(f"keystore {path}: there is no folder {path.parent}; make it, or name another path")
    account = Account.create(os.urandom(32).hex())
    address = checksum_address(account.address)
    content = Account.encrypt(account.key, password, kdf="scrypt", iterations=SCRYPT_N)
    content[PIN] = {"chain": chain_id, "address": address}
    write_once(path, json.dumps(content).encode())
    return address


def _fields(transaction: Transaction) -> dict[str, Any]:
    return {
        "type": 2,
        "chainId": transaction.chain_id,
        "nonce": transaction.nonce,
        "gas": transaction.gas,
        "maxFeePerGas": transaction.fees.max_fee,
        "maxPriorityFeePerGas": transaction.fees.tip,
        "to": transaction.call.to,
        "value": 0,
        "data": "0x" + transaction.call.data.hex(),
        "accessList": access_list_to_json(transaction.access_list),
    }


def _decrypted(content: dict[str, Any], password: str) -> LocalAccount | str:
    """The account; or what is wrong. Not raised here: this frame holds the password and the key."""
    from eth_account import Account

    try:
        account: LocalAccount = Account.from_key(Account.decrypt(content, password))
    except _MALFORMED as error:
        # The library's own text for a wrong password is the one about the MAC.
        if "MAC" in str(error):
            return "the password is wrong"
        return f"cannot be decrypted ({type(error).__name__}), {EXPECTED}"
    return account


def _signed(account: LocalAccount, transaction: Transaction) -> tuple[str, bytes] | str:
    """Who has signed, and the bytes; or the name of what went wrong."""
    from eth_account import Account

    try:
        raw = bytes(account.sign_transaction(_fields(transaction)).raw_transaction)
        return str(Account.recover_transaction(raw)), raw
    except Exception as error:  # noqa: BLE001 - the frames of the library hold the key, and its words may: none leaves
        return type(error).__name__
