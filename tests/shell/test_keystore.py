"""The key's file: made once, private, and every way to be wrong has a name and shows no secret."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from eth_account import Account

from rebalancer.adapters.wallets.keyfile import read_keystore
from rebalancer.adapters.wallets.keystore import SCRYPT_N, KeystoreSigner, new_operator
from rebalancer.core.errors import ConfigError
from rebalancer.core.model import Call, Fees, Transaction
from rebalancer.units import Address, Wei

KEY = "0x" + "5e" * 32
OPERATOR = Address(Account.from_key(KEY).address)
OTHER = Address("0x41675C099F32341bf84BFc5382aF534df5C7461a")
PASSWORD = "correct horse"
TRANSACTION = Transaction(1, 0, 21_000, Fees(Wei(1), Wei(1)), Call(OTHER, b""))


def _keystore(folder: Path, **change: object) -> Path:
    path = folder / "operator.json"
    content = {**Account.encrypt(KEY, PASSWORD, kdf="scrypt", iterations=2), **change}
    path.write_text(json.dumps({name: value for name, value in content.items() if value is not None}))
    path.chmod(0o600)
    return path


def _refusal(path: Path, operator: Address = OPERATOR, password: str = PASSWORD) -> str:
    with pytest.raises(ConfigError) as caught:
        KeystoreSigner(path, operator, lambda: password).sign(TRANSACTION)
    told = f"{caught.value!r} {caught.value.__cause__!r}"
    assert KEY[2:] not in told and PASSWORD not in told
    return str(caught.value)


def test_new_operator__in_an_empty_place__makes_a_private_file_that_signs(tmp_path: Path) -> None:
    path = tmp_path / "operator.json"
    address = new_operator(path, PASSWORD, 1)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    content = json.loads(path.read_text())
    assert (content["crypto"]["kdf"], content["crypto"]["kdfparams"]["n"]) == ("scrypt", SCRYPT_N)
    signed = KeystoreSigner(path, address, lambda: PASSWORD).sign(TRANSACTION)
    assert Account.recover_transaction(signed.raw) == address
    assert list(tmp_path.iterdir()) == [path], "no draft is left behind"


def test_new_operator__where_a_file_stands__leaves_it_alone(tmp_path: Path) -> None:
    path = tmp_path / "operator.json"
    path.write_text("precious")
    with pytest.raises(ConfigError, match="never overwritten"):
        new_operator(path, PASSWORD, 1)
    assert path.read_text() == "precious"


def test_new_operator__in_a_missing_folder__says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no folder"):
        new_operator(tmp_path / "missing" / "operator.json", PASSWORD, 1)


@pytest.mark.parametrize("name", ["x" * 300, "a\0b", "x" * 300 + "/key.json"])
def test_new_operator__of_a_name_that_no_file_can_have__is_a_config_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be written"):
        new_operator(tmp_path / name, PASSWORD, 1)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_keystore(tmp_path / name)


def test_new_operator__without_a_password__is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="password is empty"):
        new_operator(tmp_path / "operator.json", "", 1)


def test_sign__with_a_wrong_password__says_only_that(tmp_path: Path) -> None:
    path = _keystore(tmp_path)
    assert _refusal(path, password="battery staple") == f"keystore {path}: the password is wrong"


def test_sign__with_the_key_of_another__names_both_addresses(tmp_path: Path) -> None:
    told = _refusal(_keystore(tmp_path), operator=OTHER)
    assert OPERATOR in told and OTHER in told


def test_sign__where_the_file_names_no_address__looks_at_the_key(tmp_path: Path) -> None:
    assert OPERATOR in _refusal(_keystore(tmp_path, address=None), operator=OTHER)


def test_sign__where_the_file_lies_about_its_address__looks_at_the_key(tmp_path: Path) -> None:
    assert OPERATOR in _refusal(_keystore(tmp_path, address=OTHER), operator=OTHER)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o777])
def test_sign__with_a_file_that_others_may_use__is_refused(tmp_path: Path, mode: int) -> None:
    path = _keystore(tmp_path)
    path.chmod(mode)
    assert f"permissions are {mode:03o}, expected 600" in _refusal(path)


def test_sign__without_the_file__says_how_to_make_one(tmp_path: Path) -> None:
    assert "rebalancer operator new" in _refusal(tmp_path / "operator.json")


@pytest.mark.parametrize(
    "change",
    [
        {"version": 1},
        {"crypto": {}},
        {"crypto": {"kdf": "md5", "ciphertext": "00"}},
        {"crypto": None},
    ],
    ids=str,
)
def test_sign__with_a_broken_keystore__is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    assert "expected the encrypted key file" in _refusal(_keystore(tmp_path, **change))


@pytest.mark.parametrize(("name", "value"), [("r", 0), ("n", 2.5), ("dklen", float("inf")), ("salt", 5)])
def test_sign__with_a_number_that_cannot_be__is_refused(tmp_path: Path, name: str, value: object) -> None:
    path = _keystore(tmp_path)
    content = json.loads(path.read_text())
    content["crypto"]["kdfparams"][name] = value
    path.write_text(json.dumps(content))
    assert "expected the encrypted key file" in _refusal(path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"5e", b"\xff\xfe"])
def test_sign__with_another_kind_of_file__is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "operator.json"
    path.write_bytes(content)
    path.chmod(0o600)
    assert str(path) in _refusal(path)


def test_password__is_asked_once_and_only_to_sign(tmp_path: Path) -> None:
    asked = []

    def ask() -> str:
        asked.append(1)
        return PASSWORD

    signer = KeystoreSigner(_keystore(tmp_path), OPERATOR, ask)
    signer.check()
    assert not asked
    signer.sign(TRANSACTION)
    signer.sign(TRANSACTION)
    assert len(asked) == 1
