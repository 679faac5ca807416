"""No error, log or refusal of the RPC client shows what stands in a URL behind the host."""

from __future__ import annotations

import logging
import traceback

import pytest
from given_node import SECRET, Answer, Nodes, error_body, good, html, status

from rebalancer.adapters.chain.rpc import Rpc
from rebalancer.core.errors import ConfigError, Unavailable


@pytest.mark.parametrize("bad", [html, status(429), error_body, status(401, f'{{"error":"{SECRET}"}}'.encode())])
@pytest.mark.parametrize("place", ["v2/{}", "?key={}", "#{}"])
def test_error__of_an_endpoint_with_a_key_in_its_url__never_shows_the_key(
    nodes: Nodes, bad: Answer, place: str
) -> None:
    rpc = Rpc(nodes(bad).url(place.format(SECRET)))
    with pytest.raises(Unavailable) as caught:
        rpc.call("eth_call")
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert SECRET not in repr(caught.value) + repr(rpc) + str(vars(caught.value))
    assert caught.value.__context__ is None


def test_error__of_a_dead_endpoint_with_a_key_in_its_url__never_shows_the_key(dead_url: str) -> None:
    for url in (dead_url, dead_url.replace("//", f"//user:{SECRET}@")):
        with pytest.raises(Unavailable) as caught:
            Rpc(url).call("eth_call")
        assert SECRET not in "".join(traceback.format_exception(caught.value))
        assert caught.value.__context__ is None


BROKEN = [f"ftp://host/{SECRET}", SECRET, f"http://[{SECRET}/", f"https:///{SECRET}", ""]
BROKEN += [f"http://{'a' * 64}.example/{SECRET}", f"http://..example/{SECRET}", f"http://*/{SECRET}"]
BROKEN += [f"http://u\u20ac:{SECRET}\u20ac@host.example/", f"http://u%e2%82%ac:{SECRET}%e2%82%ac@host.example/"]


@pytest.mark.parametrize("url", BROKEN)
def test_rpc__with_a_broken_url__is_a_config_error_that_does_not_show_it(url: str) -> None:
    with pytest.raises(ConfigError, match="RPC URL 1 is no http or https URL") as caught:
        Rpc(url)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_rpc__without_a_url__is_a_config_error() -> None:
    with pytest.raises(ConfigError, match="no RPC URL"):
        Rpc(())


def test_log__at_level_debug__never_shows_the_key(nodes: Nodes, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    Rpc(nodes(good).url(SECRET)).call("eth_chainId")
    assert SECRET not in caplog.text
