"""A key says for which chain and account it is: one for tests and a live one are never taken for each other.

And whatever breaks while a transaction is signed, nothing of the key leaves with it.
"""

from __future__ import annotations

import json
import logging
import traceback
from dataclasses import replace
from pathlib import Path

import pytest
from eth_account import Account
from test_keystore import KEY, OPERATOR, OTHER, PASSWORD, TRANSACTION

from rebalancer.adapters.wallets.keyfile import Pin
from rebalancer.adapters.wallets.keystore import KeystoreSigner, new_operator
from rebalancer.core.errors import ConfigError, Halt
from rebalancer.core.model import Call
from rebalancer.units import Address

SEPOLIA = 11_155_111


def _pinned(folder: Path, pin: object) -> Path:
    path = folder / "operator.json"
    path.write_text(json.dumps(Account.encrypt(KEY, PASSWORD, kdf="scrypt", iterations=2) | {"rebalancer": pin}))
    path.chmod(0o600)
    return path


def _signer(path: Path, chain_id: int | None = None) -> KeystoreSigner:
    return KeystoreSigner(path, OPERATOR, lambda: PASSWORD, chain_id)


def test_new_operator__for_a_chain__says_so_in_the_clear(tmp_path: Path) -> None:
    path = tmp_path / "operator.json"
    address = new_operator(path, PASSWORD, SEPOLIA)
    assert json.loads(path.read_text())["rebalancer"] == {"chain": SEPOLIA, "address": address}
    assert KeystoreSigner(path, address, lambda: PASSWORD, SEPOLIA).check() == Pin(SEPOLIA, address)
    assert Account.from_key(Account.decrypt(json.loads(path.read_text()), PASSWORD)).address == address


def test_check__a_key_for_tests_in_a_live_configuration__is_refused_before_the_password(tmp_path: Path) -> None:
    asked: list[int] = []
    path = _pinned(tmp_path, {"chain": SEPOLIA, "address": OPERATOR})
    signer = KeystoreSigner(path, OPERATOR, lambda: str(asked.append(1)), chain_id=1)
    for use in (signer.check, signer.unlock, lambda: signer.sign(TRANSACTION)):
        with pytest.raises(ConfigError, match="its key is for chain 11155111, expected chain 1; nothing was signed"):
            use()
    assert asked == []


def test_sign__for_another_chain_than_the_keys__is_refused(tmp_path: Path) -> None:
    signer = _signer(_pinned(tmp_path, {"chain": 1, "address": OPERATOR}))
    assert signer.sign(TRANSACTION).transaction == TRANSACTION
    with pytest.raises(ConfigError, match=f"its key is for chain 1, expected chain {SEPOLIA}"):
        signer.sign(replace(TRANSACTION, chain_id=SEPOLIA))


def test_sign__for_another_chain_than_the_configurations__is_refused(tmp_path: Path) -> None:
    path = _pinned(tmp_path, {"chain": SEPOLIA, "address": OPERATOR})
    with pytest.raises(ConfigError, match="nothing was signed"):
        _signer(path, SEPOLIA).sign(TRANSACTION)


def test_check__a_record_of_another_address__names_both(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        _signer(_pinned(tmp_path, {"chain": 1, "address": OTHER})).check()
    assert OTHER in str(caught.value) and OPERATOR in str(caught.value)


BROKEN: list[object] = [None, 1, [], {}, {"chain": "1", "address": OPERATOR}, {"chain": True, "address": OPERATOR}]
BROKEN += [{"chain": 1}, {"chain": 1, "address": 5}, {"chain": 1, "address": "0x5e"}]


@pytest.mark.parametrize("pin", BROKEN, ids=str)
def test_check__a_record_that_says_nothing__is_refused(tmp_path: Path, pin: object) -> None:
    with pytest.raises(ConfigError, match='its field "rebalancer" does not name a chain and an address'):
        _signer(_pinned(tmp_path, pin)).check()


def test_sign__with_a_key_that_names_no_chain__works_and_warns_once_how_to_mend_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "operator.json"
    path.write_text(json.dumps(Account.encrypt(KEY, PASSWORD, kdf="scrypt", iterations=2)))
    path.chmod(0o600)
    signer = _signer(path, 1)
    assert signer.check() is None
    signer.sign(TRANSACTION)
    signer.sign(TRANSACTION)
    (said,) = [record.getMessage() for record in caplog.records]
    assert "it does not say for which chain its key is" in said
    mend = said.partition("write ")[2].partition(" into it")[0]
    assert json.loads("{" + mend + "}") == {"rebalancer": {"chain": 1, "address": OPERATOR}}
    _signer(_pinned(tmp_path, json.loads("{" + mend + "}")["rebalancer"]), 1).sign(TRANSACTION)
    assert len(caplog.records) == 1


CRASHES = {
    "a nonce that no transaction has": replace(TRANSACTION, nonce=-1),
    "an address that is none": replace(TRANSACTION, call=Call(Address("0x5e"), b"")),
    "gas that is no number": replace(TRANSACTION, gas=None),  # type: ignore[arg-type]
    "a call that is none": replace(TRANSACTION, call=None),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("name", CRASHES)
def test_sign__that_crashes_inside__halts_and_no_frame_log_or_word_has_the_key(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    signer = _signer(_pinned(tmp_path, {"chain": 1, "address": OPERATOR}), 1)
    with pytest.raises(Halt, match="the transaction could not be signed") as caught:
        signer.sign(CRASHES[name])
    assert caught.value.__context__ is None and caught.value.__cause__ is None
    # With the locals of every frame, as an error collector would keep them.
    kept = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    frames = [frame for frame in kept.stack if frame.filename.endswith(("keystore.py", "keyfile.py"))]
    assert frames, "the test looks at the frames of the signer"
    assert not [frame for frame in kept.stack if "eth_" in frame.filename], "the library's own hold the key"
    shown = "".join(line for frame in frames for line in (str(frame), *(frame.locals or {}).values()))
    for secret in (KEY[2:], str(int(KEY, 16)), str(bytes.fromhex(KEY[2:])), PASSWORD):
        assert secret not in shown + str(caught.value) + repr(signer) + caplog.text


def test_unlock__with_a_wrong_password__leaves_no_password_in_its_frames(tmp_path: Path) -> None:
    path = _pinned(tmp_path, {"chain": 1, "address": OPERATOR})
    with pytest.raises(ConfigError, match="the password is wrong") as caught:
        KeystoreSigner(path, OPERATOR, lambda: "battery staple", 1).unlock()
    kept = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    frames = [frame for frame in kept.stack if frame.filename.endswith(("keystore.py", "keyfile.py"))]
    assert frames and caught.value.__context__ is None
    assert "battery staple" not in "".join(word for frame in frames for word in (frame.locals or {}).values())
