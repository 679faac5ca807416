"""Where the keystore's password comes from, in which order, and what is said about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from rebalancer.config import Password, read_password
from rebalancer.core.errors import ConfigError


def _secret(path: Path, text: str = "correct horse\n", mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def test_password__in_its_file__is_preferred_to_all_else(tmp_path: Path) -> None:
    file, credential = _secret(tmp_path / "file", "of the file"), _secret(tmp_path / "credential", "of systemd")
    assert Password(file, "of the environment", credential, lambda: "of a person")() == "of the file"


def test_password__as_a_credential__is_preferred_to_the_environment(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    credential = _secret(tmp_path / "credential", "of systemd")
    assert Password(tmp_path / "not there", "of the environment", credential, None)() == "of systemd"
    assert caplog.records == []


def test_password__from_the_environment__comes_with_a_warning_that_does_not_show_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert Password(None, "battery staple")() == "battery staple"
    assert read_password(None, {"REBALANCER_PASSWORD": "battery staple"}) == "battery staple"
    assert len(caplog.records) == 2 and "REBALANCER_PASSWORD" in caplog.text and "battery" not in caplog.text


def test_password__that_only_a_person_knows__is_asked_for(tmp_path: Path) -> None:
    assert Password(tmp_path / "not there", None, None, lambda: "of a person")() == "of a person"


def test_password__of_a_credential__may_show_the_access_list_of_systemd_and_no_more(tmp_path: Path) -> None:
    credential = _secret(tmp_path / "credential", mode=0o440)
    assert Password(None, None, credential)() == "correct horse"
    credential.chmod(0o444)
    with pytest.raises(ConfigError, match="the credential rebalancer.password: .* has permissions 444, expected 600"):
        Password(None, None, credential)()


def test_password__of_a_file_that_the_group_may_read__is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="wallet.password_file: .* has permissions 640, expected 600"):
        Password(_secret(tmp_path / "file", mode=0o640), None)()


def test_password__from_nowhere__names_every_place(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        Password(None, None, tmp_path / "not there")()
    assert all(word in str(caught.value) for word in ("password_file", "REBALANCER_PASSWORD", "rebalancer.password"))


def test_password__shown__is_not(tmp_path: Path) -> None:
    assert "battery staple" not in repr(Password(None, "battery staple", tmp_path))


@pytest.mark.parametrize("name", ["x" * 300, "a\0b"])
def test_password__of_a_name_that_no_file_can_have__is_a_config_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="wallet.password_file: "):
        Password(tmp_path / name, None)()


def test_password__in_a_folder_that_cannot_be_read__is_a_config_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "stat", refused)  # root may read every folder
    monkeypatch.setattr(Path, "exists", refused)
    with pytest.raises(ConfigError, match="cannot be read: Permission denied"):
        Password(tmp_path / "file", None)()
