"""Who is asked over the network, as the file says it; their keys stay in the environment and out of every message."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from given_config import RIGHT, SAFE, USDC, written

from rebalancer.adapters.venues.cow import RELAYER, SETTLEMENT
from rebalancer.adapters.venues.known import KNOWN
from rebalancer.adapters.venues.nobody import NobodyOutside
from rebalancer.adapters.venues.odos import ROUTER as ODOS
from rebalancer.adapters.venues.outside import AllOutside
from rebalancer.cli import run
from rebalancer.config import OutsideSettings, Settings, read_settings
from rebalancer.config.venues import VenuesSection
from rebalancer.core.errors import ConfigError
from rebalancer.units import Address
from rebalancer.wire import make_ports

KEYS = {"ZX": "topsecret-0", "INCH": "topsecret-1", "ODOS": "topsecret-2"}
EVERYBODY = """
  cow: {url: "https://cow.example/topsecret"}
  odos: {key: "${ODOS}", url: "https://odos.example/topsecret", router: "0x000000000000000000000000000000000000bEEF"}
  kyber: {}
  velora: {}
  one_inch: {key: "${INCH}"}
  zero_x:
    key: ${ZX}
"""


def _text(venues: str) -> str:
    return RIGHT.replace("venues:\n", "venues:\n" + venues.lstrip("\n"))


def _settings(folder: Path, venues: str, environment: dict[str, str] | None = None) -> Settings:
    return read_settings(written(folder, _text(venues)), KEYS if environment is None else environment)


def test_read_settings__of_a_short_file__asks_nobody_over_the_network(tmp_path: Path) -> None:
    settings = read_settings(written(tmp_path), {})
    assert settings.outside == ()
    assert isinstance(make_ports(settings, remember=False).outside, NobodyOutside)


def test_read_settings__of_all_venues__gives_each_in_one_order_with_its_key(tmp_path: Path) -> None:
    beef = Address("0x000000000000000000000000000000000000bEEF")
    assert _settings(tmp_path, EVERYBODY).outside == (
        OutsideSettings("zero_x", None, None, "topsecret-0"),
        OutsideSettings("one_inch", None, None, "topsecret-1"),
        OutsideSettings("velora", None, None, None),
        OutsideSettings("kyber", None, None, None),
        OutsideSettings("odos", beef, "https://odos.example/topsecret", "topsecret-2"),
        OutsideSettings("cow", None, "https://cow.example/topsecret", None),
    )


def test_settings__of_venues__hold_no_secret_when_shown(tmp_path: Path) -> None:
    settings = _settings(tmp_path, EVERYBODY)
    assert "topsecret" not in repr(settings)
    assert "topsecret" not in repr(make_ports(settings, remember=False).outside)


def test_venues__that_are_known__are_those_of_the_configuration() -> None:
    assert [one.name for one in KNOWN] == [name for name in VenuesSection.model_fields if name != "uniswap"]


def test_ports__of_a_safe_with_venues__let_their_routers_be_approved_and_are_asked_for_the_whole(
    tmp_path: Path,
) -> None:
    ports = make_ports(_settings(tmp_path, "\n  odos: {}\n  velora: {}\n"), remember=False)
    assert isinstance(ports.outside, AllOutside)
    velora = next(one.router for one in KNOWN if one.name == "velora")
    assert ports.outside.spenders == (velora, ODOS)


def test_ports__of_a_safe_with_an_order_venue__let_its_relayer_be_approved(tmp_path: Path) -> None:
    ports = make_ports(_settings(tmp_path, "\n  cow: {}\n"), remember=False)
    assert ports.outside.spenders == (SETTLEMENT, RELAYER)
    assert ports.outside.without("cow").spenders == ()


def test_read_settings__of_an_order_venue_for_a_module__says_who_makes_orders(tmp_path: Path) -> None:
    text = _text("\n  cow: {}\n").replace("kind: safe\n", "kind: safe-module\n")
    with pytest.raises(ConfigError, match=r"venues\.cow: .*only a `safe` makes orders"):
        read_settings(written(tmp_path, text), {})


def test_keys__that_systemd_has_loaded__are_taken_where_the_environment_has_none(tmp_path: Path) -> None:
    loaded = tmp_path / "credentials"
    loaded.mkdir()
    (loaded / "ODOS").write_text("topsecret-of-a-file\n")
    (loaded / "INCH").write_bytes(b"\xff\xfe")
    environment = {"CREDENTIALS_DIRECTORY": str(loaded)}
    settings = _settings(tmp_path, '\n  odos: {key: "${ODOS}"}\n', environment)
    assert settings.outside[0].key == "topsecret-of-a-file"
    settings = _settings(tmp_path, '\n  odos: {key: "${ODOS}"}\n', environment | {"ODOS": "of-the-environment"})
    assert settings.outside[0].key == "of-the-environment"
    with pytest.raises(ConfigError, match="the environment variable INCH is not set"):
        _settings(tmp_path, '\n  one_inch: {key: "${INCH}"}\n', environment)


WRONG = [
    ("odos:", "venues.odos", "is empty; expected `{}`, or `{key: ${NAME}}`"),
    ("velora: ", "venues.velora", "is empty; expected `{}`"),
    ("zero_x: {}", "venues.zero_x.key", "missing; expected its API key, from the environment"),
    ("zero_x: {key: topsecret}", "venues.zero_x.key", "expected `${NAME}`: a key stands in the environment"),
    ('odos: {key: "x${ODOS}"}', "venues.odos.key", "expected `${NAME}`"),
    ('odos: {key: "${NOT_THERE:-topsecret}"}', "venues.odos.key", "expected `${NAME}`"),
    ('odos: {key: "${NOT_THERE}"}', "venues.odos.key", "the environment variable NOT_THERE is not set"),
    ('odos: {key: "${SPACE}"}', "venues.odos.key", "without a space (its text is not shown)"),
    ("velora: {key: topsecret}", "venues.velora.key", "unknown key"),
    ("odos: {url: topsecret}", "venues.odos.url", "http:// or https://"),
    ('odos: {key: "${ODOS}", url: "http://topsecret.example"}', "venues.odos.url", "expected https:// where a key"),
    ("odos: {router: topsecret}", "venues.odos.router", "address"),
    (f"kyber: {{router: {USDC}}}", "venues.kyber.router", "saw the token USDC"),
    (f"kyber: {{router: {SAFE}}}", "venues.kyber.router", "saw `wallet.address`"),
    ("cow:", "venues.cow", "is empty; expected `{}`"),
    (f"cow: {{router: {ODOS}}}", "venues.cow.router", "unknown key"),
    ("cow: {key: topsecret}", "venues.cow.key", "unknown key"),
    ("odoss: {}", "venues.odoss", "did you mean `odos`?"),
    ("kyber: []", "venues.kyber", "expected keys below it"),
]


@pytest.mark.parametrize(("venue", "key", "part"), WRONG, ids=[each[0] for each in WRONG])
def test_read_settings__of_a_wrong_venue__names_the_key_and_shows_no_secret(
    tmp_path: Path, venue: str, key: str, part: str
) -> None:
    with pytest.raises(ConfigError) as refusal:
        read_settings(written(tmp_path, _text(f"  {venue}\n")), KEYS | {"SPACE": "topsecret and more"})
    message = str(refusal.value)
    assert f": {key}: " in message and part in message, message
    assert "topsecret" not in message or venue == "odos: {router: topsecret}"


def test_read_settings__of_a_key_that_is_sent_to_this_machine__needs_no_tls(tmp_path: Path) -> None:
    settings = _settings(tmp_path, '\n  odos: {key: "${ODOS}", url: "http://127.0.0.1:8080"}\n')
    assert settings.outside[0].url == "http://127.0.0.1:8080"


def test_venues__listed_without_their_keys__say_who_is_asked_and_show_no_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, _text('\n  odos: {}\n  zero_x: {key: "${ZX}"}\n'))
    assert run(["venues", "--config", str(path), "--json"]) == 0
    listed = {one["name"]: one for one in json.loads(capsys.readouterr().out)["venues"]}
    assert [name for name, one in listed.items() if one["asked"]] == ["uniswap", "zero_x", "odos"]
    keys = {name: one["key"] for name, one in listed.items()}
    assert keys == {
        "uniswap": "none",
        "zero_x": "needed",
        "one_inch": "needed",
        "velora": "none",
        "kyber": "none",
        "odos": "optional",
        "cow": "none",
    }
    assert [name for name, one in listed.items() if one["orders"]] == ["cow"]
    assert listed["odos"]["router"] == ODOS and listed["odos"]["seconds"] == "1"
    monkeypatch.setenv("ZX", "topsecret")
    assert run(["venues", "--config", str(path)]) == 0
    shown = capsys.readouterr().out
    assert "zero_x" in shown and "needed" in shown and "topsecret" not in shown
