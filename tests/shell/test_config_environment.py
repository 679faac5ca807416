"""`${NAME}`, passwords and the example: what comes from outside the file, and what never leaves it."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from given_config import OPERATOR, RIGHT, SAFE, edited, written

from rebalancer.config import Password, read_password, read_settings, write_example
from rebalancer.config.sections import known_keys
from rebalancer.core.errors import ConfigError
from rebalancer.core.price import FeedPrice
from rebalancer.replica.mainnet import FEEDS, LISTINGS
from rebalancer.replica.standard import SPECS

RPC = "https://node.example/v2/topsecret"


def test_variables__that_are_set__are_filled_in_anywhere(tmp_path: Path) -> None:
    text = RIGHT.replace(RPC, "https://${HOST}/v2/${KEY}").replace(SAFE, "${SAFE}") + "ledger: ${LEDGER:-x.sqlite}\n"
    settings = read_settings(written(tmp_path, text), {"HOST": "a.example", "KEY": "k", "SAFE": SAFE, "LEDGER": "y"})
    assert settings.rpc_urls == ("https://a.example/v2/k",)
    assert settings.wallet.address == SAFE
    assert settings.ledger_url == f"sqlite:///{tmp_path}/y"


@pytest.mark.parametrize("environment", [{}, {"URL": ""}])
def test_variables__unset_or_empty__fall_back_to_their_default(tmp_path: Path, environment: dict[str, str]) -> None:
    path = edited(tmp_path, RPC, "${URL:-http://127.0.0.1:8545}")
    assert read_settings(path, environment).rpc_urls == ("http://127.0.0.1:8545",)


def test_variables__unset_without_default__are_named_with_their_key(tmp_path: Path) -> None:
    path = edited(tmp_path, RPC, "[http://a.example, '${ETH_RPC_URL}']")
    with pytest.raises(ConfigError) as refusal:
        read_settings(path, {})
    assert str(refusal.value) == (
        "rebalancer.yaml:3: chain.rpc[1]: the environment variable ETH_RPC_URL is not set; set it, or write a default"
    )


def test_variables__with_a_wrong_value__are_shown_by_name_only(tmp_path: Path) -> None:
    path = edited(tmp_path, "target: 60 %", "target: ${SHARE}")
    with pytest.raises(ConfigError, match=r"saw '\$\{SHARE\}'") as refusal:
        read_settings(path, {"SHARE": "topsecret"})
    assert "topsecret" not in str(refusal.value)


@pytest.mark.parametrize(
    "edit",
    [
        ("venues:", "cash: ${SECRET}\nvenues:"),
        ("venues:", "cash: x${SECRET}\nvenues:"),
        ("native: WETH", "native: ${SECRET}"),
        ("v3 USDC/WETH 0.05 %", "'v3 USDC/${SECRET} 0.05 %'"),
        ("pools: [", "hubs: [WETH, '${SECRET}']\n    pools: ["),
        ("pool: v3 UNI/WETH 0.3 %", "pool: 'v3 UNI/${SECRET} 0.3 %'"),
        ("venues:", "ledger: ${SECRET}\nvenues:"),
        ("venues:", "safety: {drawdown: '${SECRET} in 1 d'}\nvenues:"),
        ("venues:", "notify: {ping: 'ftp:${SECRET}'}\nvenues:"),
        ("venues:", "execution: {relay: 'ftp:${SECRET}'}\nvenues:"),
    ],
    ids=["cash", "a part of it", "native", "pool", "hub", "twap", "ledger", "drawdown", "ping", "relay"],
)
@pytest.mark.parametrize("secret", ["https://node.example/v2/topsecret", "topsecret", "me:topsecret@db.example/x"])
def test_variables__where_they_do_not_belong__are_shown_by_name_only(
    tmp_path: Path, edit: tuple[str, str], secret: str
) -> None:
    path = edited(tmp_path, *edit)
    try:
        settings = read_settings(path, {"SECRET": secret})
    except ConfigError as refusal:
        assert "topsecret" not in str(refusal)
        assert "${SECRET}" in str(refusal) or "its text is not shown" in str(refusal)
    else:
        assert settings.ledger_url == f"sqlite:///{tmp_path}/topsecret", "a plain word is a file's name"


def test_unknown_key__with_control_characters__is_shown_without_them(tmp_path: Path) -> None:
    path = written(tmp_path, RIGHT + '"li\\e[31mve": true\n"\\u202eevil": 1\n')
    with pytest.raises(ConfigError) as refusal:
        read_settings(path, {})
    assert "did you mean `live`?" in str(refusal.value)
    assert all(line.isprintable() for line in str(refusal.value).splitlines())


@pytest.mark.parametrize(
    ("environment", "state"),
    [
        ({"XDG_STATE_HOME": "/var/state", "HOME": "/home/me"}, "/var/state/rebalancer"),
        ({"XDG_STATE_HOME": "not/absolute", "HOME": "/home/me"}, "/home/me/.local/state/rebalancer"),
        ({"XDG_STATE_HOME": "", "HOME": "/home/me"}, "/home/me/.local/state/rebalancer"),
        ({}, f"{Path.home()}/.local/state/rebalancer"),
    ],
)
def test_state__by_the_environment__is_one_folder_for_all_configurations(
    tmp_path: Path, environment: dict[str, str], state: str
) -> None:
    assert read_settings(written(tmp_path), environment).state == Path(state)


def test_state__without_a_home__asks_for_the_variable(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no home folder.*set XDG_STATE_HOME"):
        read_settings(written(tmp_path), {"HOME": "nowhere"})


def test_settings__shown__hold_no_secret(tmp_path: Path) -> None:
    text = RIGHT + "ledger: postgresql+psycopg://me:topsecret@db.example/x\n"
    settings = read_settings(written(tmp_path, text), {"REBALANCER_PASSWORD": "topsecret"})
    assert settings.ledger_url == "postgresql+psycopg://me:topsecret@db.example/x"
    assert settings.wallet.password() == "topsecret"
    assert "topsecret" not in repr(settings) + str(settings) + repr(settings.wallet) + repr(settings.wallet.password)


@pytest.mark.parametrize(
    ("ledger", "url"),
    [
        ("~/l.sqlite", f"sqlite:///{Path.home()}/l.sqlite"),
        ("/var/l.sqlite", "sqlite:////var/l.sqlite"),
        ("sqlite:///data/l.sqlite", "sqlite:///{here}/data/l.sqlite"),
        ("sqlite:////var/l.sqlite", "sqlite:////var/l.sqlite"),
    ],
)
def test_ledger__of_a_file__is_looked_for_beside_the_configuration(tmp_path: Path, ledger: str, url: str) -> None:
    settings = read_settings(written(tmp_path, RIGHT + f"ledger: {ledger}\n"), {})
    assert settings.ledger_url == url.format(here=tmp_path)


def test_password__from_its_file__loses_the_line_break_only(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.touch(mode=0o600)
    file.write_text(" correct horse \r\n")
    assert read_password(file, {"REBALANCER_PASSWORD": "other"}) == " correct horse "


def test_password__where_its_file_is_not_there__comes_from_the_environment(tmp_path: Path) -> None:
    path = edited(tmp_path, "  kind: safe", "  kind: safe\n  password_file: nowhere")
    assert read_settings(path, {"REBALANCER_PASSWORD": "horse"}).wallet.password() == "horse"
    with pytest.raises(ConfigError, match=r"wallet.password_file: .*nowhere cannot be read.*REBALANCER_PASSWORD"):
        read_settings(path, {}).wallet.password()


def test_password__from_nowhere__says_where_it_could_be(tmp_path: Path) -> None:
    assert read_password(None, {}) is None
    with pytest.raises(ConfigError, match="expected `wallet.password_file` in the configuration, or REBALANCER_PASS"):
        read_settings(written(tmp_path), {}).wallet.password()


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe"])
def test_password__from_a_file_without_one__is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "password"
    file.touch(mode=0o600)
    file.write_bytes(content)
    with pytest.raises(ConfigError, match="expected one line"):
        Password(file, None)()


def test_password__in_a_file_that_others_can_read__is_refused(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.touch(mode=0o640)
    file.chmod(0o640)
    file.write_text("horse")
    with pytest.raises(ConfigError, match="640, expected 600.*chmod 600"):
        Password(file, None)()


def test_write_example__with_both_accounts__can_be_read_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "rebalancer.yaml"
    write_example(path, SAFE, OPERATOR, "http://127.0.0.1:9999")
    settings = read_settings(path, {})
    assert (settings.wallet.address, settings.wallet.operator) == (SAFE, OPERATOR)
    assert settings.rpc_urls == ("http://127.0.0.1:9999",)
    assert not settings.live
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_write_example__without_accounts__asks_for_them_by_key(tmp_path: Path) -> None:
    path = tmp_path / "rebalancer.yaml"
    write_example(path)
    with pytest.raises(ConfigError) as refusal:
        read_settings(path, {})
    assert [line.split(": ")[1] for line in str(refusal.value).splitlines()] == ["wallet.address", "wallet.operator"]
    assert "is empty; expected the address of the Safe" in str(refusal.value)


def test_write_example__over_a_file__leaves_it_alone(tmp_path: Path) -> None:
    path = tmp_path / "rebalancer.yaml"
    path.write_text("mine")
    with pytest.raises(ConfigError, match="nothing is overwritten"):
        write_example(path, SAFE, OPERATOR)
    assert path.read_text() == "mine"


def test_write_example__into_no_folder__says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written: No such file or directory"):
        write_example(tmp_path / "nowhere" / "rebalancer.yaml")


def test_example__of_tokens_feeds_and_pools__is_the_replicas(tmp_path: Path) -> None:
    path = tmp_path / "rebalancer.yaml"
    write_example(path, SAFE, OPERATOR)
    settings = read_settings(path, {})
    assert settings.tokens and all(LISTINGS[token.symbol].token == token for token in settings.tokens)
    for rule in settings.price_rules:
        assert isinstance(rule, FeedPrice)
        listed = [FEEDS[name] for name in LISTINGS[rule.token.symbol].feeds]
        assert [(f.address, f.heartbeat, f.decimals) for f in rule.feeds] == [
            (f.address, f.heartbeat, f.decimals) for f in listed
        ]
    made = {(spec.kind, frozenset(spec.symbols), spec.fee) for spec in SPECS}
    used = {(pool.kind, frozenset((pool.token_a.symbol, pool.token_b.symbol)), pool.fee) for pool in settings.pools}
    assert used and used <= made


def test_example__of_limits__says_what_the_defaults_are(tmp_path: Path) -> None:
    path = tmp_path / "rebalancer.yaml"
    write_example(path, SAFE, OPERATOR)
    shown, default = read_settings(path, {}), read_settings(written(tmp_path.parent), {})
    assert shown.policy.limits == default.policy.limits
    assert shown.policy.over_time == default.policy.over_time
    assert shown.policy.replacing == default.policy.replacing
    assert (shown.confirmations, shown.patience) == (default.confirmations, default.patience)


def test_example__of_keys__leaves_none_out(tmp_path: Path) -> None:
    path = tmp_path / "example.yaml"
    write_example(path, module="")
    text = path.read_text()
    missing = [key for key in known_keys() if f"{key.split('.')[-1]}:" not in text]
    # The decimals and the margin of a feed have defaults that hold for every feed in dollars.
    assert missing == ["tokens.SYMBOL.price.margin", "tokens.SYMBOL.price.product.margin"]
