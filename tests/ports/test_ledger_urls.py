"""A ledger's URL that means nothing, or leads nowhere: named, and its password never shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from given_ledger import OURS, file_url

from rebalancer.adapters.ledger.idle import IdleLedger
from rebalancer.adapters.ledger.sql import SqlLedger
from rebalancer.core.errors import ConfigError, Unavailable


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite://host/x.db", "a file is on no host"),
        ("sqlite:///{}/x.db?timeout=1&timeout=2", "`timeout` is given once"),
        ("sqlite:///{}/x.db?timeout=nan", "in seconds from 0 to 600"),
        ("sqlite:///{}/x.db?timeout=-1", "in seconds from 0 to 600"),
        ("sqlite:///{}/x.db?timeout=soon", "in seconds from 0 to 600"),
        ("sqlite:///{}/x.db?portfolios=many&portfolios=many", "the option `portfolios`"),
        ("sqlite:///{}/" + "x" * 300 + "/x.db", "its folder cannot be looked at"),
        ("sqlite:///{}/" + "x" * 300, "unable to open"),
    ],
)
def test_open__of_an_url_that_means_nothing__is_a_config_error(tmp_path: Path, url: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        SqlLedger(url.format(tmp_path), OURS)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_open__in_memory__is_a_config_error(url: str) -> None:
    with pytest.raises(ConfigError, match="forgets"):
        SqlLedger(url, OURS)


@pytest.mark.parametrize("kind", [SqlLedger, IdleLedger])
@pytest.mark.parametrize(
    ("tail", "part"),
    [
        ("?timeout=abc", "the option `timeout` is given once"),
        ("?mode=ro&uri=true", "unknown option after its `?`, 'mode'"),
        ("\0", "zero byte"),
        ("/keeper:hush@db.example/x", "there is no folder ***@db.example"),
    ],
    ids=["option", "unknown option", "zero byte", "folder"],
)
def test_open__of_a_file_with_a_strange_name__is_a_config_error_without_a_password(
    tmp_path: Path, kind: type[SqlLedger | IdleLedger], tail: str, part: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        kind(file_url(tmp_path) + tail, OURS)
    assert part in str(caught.value) and "hush" not in str(caught.value)


@pytest.mark.parametrize("url", ["ledger.db", "", "oracle9://x:hush@host/db", "mysql+mysqldb://x:hush@host/db"])
def test_open__of_an_url_without_driver__is_a_config_error_without_the_password(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        SqlLedger(url, OURS)
    assert "hush" not in str(caught.value)


def test_open__of_a_database_server_that_is_not_there__is_unavailable_without_the_password() -> None:
    with pytest.raises(Unavailable, match="postgresql 127.0.0.1/rebalancer") as caught:
        SqlLedger("postgresql+psycopg://keeper:hush@127.0.0.1:1/rebalancer", OURS)
    assert "hush" not in str(caught.value)
