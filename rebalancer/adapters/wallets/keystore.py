"""The operator's key in an encrypted file (Web3 Secret Storage, version 3, scrypt): made here, used here.

The key is decrypted when the first transaction is signed, not before: a dry run works without it. It is
in no message, no representation, no log. eth_account is imported late, for the tick that holds.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rebalancer.adapters.wallets.access_lists import access_list_to_json
from rebalancer.core.errors import ConfigError
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
_OTHERS = 0o077  # the permission bits of everybody but the owner of a file


class KeystoreSigner:
    """Signs for `operator` with the key in `path`. What is wrong with the file shows at `check` or the first `sign`."""

    def __init__(self, path: Path, operator: Address, password: Password) -> None:
        self.address = operator
        self._path = path
        self._password = password
        self._account: LocalAccount | None = None

    def __repr__(self) -> str:
        return f"KeystoreSigner({self.address})"

    def check(self) -> None:
        """That the file is there, private, and names the operator; the password is not asked. ConfigError."""
        content = _read_keystore(self._path)
        named = _named_address(content)
        if named is not None and named != self.address:
            raise self._of_another(named)

    def unlock(self) -> Address:
        """That the password opens the key, and that the key is the operator's. Takes about a second. ConfigError."""
        return Address(self._unlocked().address)

    def sign(self, transaction: Transaction) -> SignedTransaction:
        """EIP-1559, with no native coin, for the chain in the transaction. Raises ConfigError."""
        from eth_account import Account

        signed = self._unlocked().sign_transaction(_fields(transaction))
        raw = bytes(signed.raw_transaction)
        sender = Account.recover_transaction(raw)
        if sender != self.address:
            raise self._of_another(sender)
        return SignedTransaction(transaction, raw, "0x" + keccak256(raw).hex())

    def _unlocked(self) -> LocalAccount:
        if self._account is None:
            self.check()
            account = _decrypt(self._path, _read_keystore(self._path), self._password())
            if account.address != self.address:
                raise self._of_another(account.address)
            self._account = account
        return self._account

    def _of_another(self, seen: str) -> ConfigError:
        return ConfigError(
            f"keystore {self._path}: holds the key of {seen}, expected the operator {self.address}. Mend `operator` "
            "or the path of the keystore"
        )


def new_operator(path: Path, password: str) -> Address:
    """Make a key, and write it encrypted to `path`, for this account's eyes only. Never overwrites. ConfigError."""
    from eth_account import Account

    if not password:
        raise ConfigError("keystore: the password is empty, expected one that is not")
    if path.exists():
        raise _in_the_way(path)
    if not path.parent.is_dir():
        raise ConfigError(f"keystore {path}: there is no folder {path.parent}; make it, or name another path")
    account = Account.create(os.urandom(32).hex())
    content = Account.encrypt(account.key, password, kdf="scrypt", iterations=SCRYPT_N)
    _write_once(path, json.dumps(content).encode())
    return checksum_address(account.address)


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


def _read_keystore(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(_read_private(path), parse_constant=_no_number)
    except ValueError:
        raise _no_keystore(path, "is not JSON") from None
    if not isinstance(content, dict) or content.get("version") != 3:
        raise _no_keystore(path, "is not of version 3")
    return content


def _no_number(constant: str) -> Any:
    """JSON has no NaN and no Infinity, and a work factor of Infinity has no end."""
    raise ValueError(f"{constant} is no JSON")


def _read_private(path: Path) -> str:
    """The text of a file, if nobody else may read or write it."""
    try:
        mode = path.stat().st_mode
        if mode & _OTHERS:
            raise ConfigError(
                f"keystore {path}: its permissions are {mode & 0o777:03o}, expected 600, so that no other account of "
                f"this machine can use it: chmod 600 {path}"
            )
        return path.read_text()
    except FileNotFoundError:
        raise ConfigError(
            f"keystore {path}: there is no such file; make one with `rebalancer operator new`, or mend the path"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"keystore {path}: cannot be read ({type(error).__name__})") from None


def _named_address(content: dict[str, Any]) -> Address | None:
    """The format allows the address to be left out."""
    named = content.get("address")
    try:
        return checksum_address("0x" + named.removeprefix("0x")) if isinstance(named, str) and named else None
    except ValueError:
        return None


def _decrypt(path: Path, content: dict[str, Any], password: str) -> LocalAccount:
    from eth_account import Account

    try:
        key = Account.decrypt(content, password)
    except _MALFORMED as error:
        # The library's own text for a wrong password is the one about the MAC.
        if "MAC" in str(error):
            raise ConfigError(f"keystore {path}: the password is wrong") from None
        raise _no_keystore(path, f"cannot be decrypted ({type(error).__name__})") from None
    account: LocalAccount = Account.from_key(key)
    return account


def _no_keystore(path: Path, seen: str) -> ConfigError:
    return ConfigError(f"keystore {path}: {seen}, expected the encrypted key file that `rebalancer operator new` makes")


def _write_once(path: Path, content: bytes) -> None:
    """All of it under its name, or nothing: written beside, synced, and linked, which fails where a file stands."""
    draft = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.link(draft, path)
        finally:
            draft.unlink()
        _sync_folder(path.parent)
    except FileExistsError:
        raise _in_the_way(path) from None
    except OSError as error:
        raise ConfigError(f"keystore {path}: cannot be written ({error.strerror}); name another path") from None


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _in_the_way(path: Path) -> ConfigError:
    return ConfigError(f"keystore {path}: a file is there already, and keys are never overwritten; name another path")
