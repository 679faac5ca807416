"""What the keeper takes for granted of mainnet, asked of the fork: the replica must have the same shape."""

from __future__ import annotations

from dataclasses import fields

import pytest
from ape import reverts
from given_fork import ETHER, Fork, Stage, buy

from rebalancer.adapters.chain.deployments import MAINNET, Deployment
from rebalancer.config import read_settings, write_example
from rebalancer.market.addresses import v2_pair_address, v3_pool_address
from rebalancer.replica.mainnet import FEEDS, LISTINGS, Feed, Listing


@pytest.mark.parametrize("name", [field.name for field in fields(Deployment)])
def test_well_known_contract__at_its_address__has_code(fork: Fork, name: str) -> None:
    assert len(fork.code(getattr(MAINNET, name))) > 100


@pytest.mark.parametrize("listing", LISTINGS.values(), ids=LISTINGS)
def test_token__at_its_address__says_what_the_listing_says(fork: Fork, listing: Listing) -> None:
    token = fork.contract(listing.token.address, "erc20")
    assert (token.symbol(), token.name(), token.decimals()) == (
        listing.token.symbol,
        listing.name,
        listing.token.decimals,
    )


@pytest.mark.parametrize("feed", FEEDS.values(), ids=FEEDS)
def test_feed__at_its_address__names_its_pair_and_answers_in_its_decimals(fork: Fork, feed: Feed) -> None:
    proxy = fork.contract(feed.address, "feed")
    assert (proxy.description(), proxy.decimals()) == (feed.name.replace("/", " / "), feed.decimals)
    _, answer, _, updated_at, _ = proxy.latestRoundData()
    assert answer > 0
    assert 0 < updated_at <= fork.head()[1]


def test_safe__created_by_the_factory__is_of_version_1_4_1_with_its_two_owners(stage: Stage) -> None:
    assert (stage.safe.VERSION(), stage.safe.getThreshold()) == ("1.4.1", 1)
    assert list(stage.safe.getOwners()) == [stage.operator, stage.owner.address]


def test_pool_addresses__of_the_example__are_the_factories(fork: Fork, tmp_path) -> None:
    config = tmp_path / "rebalancer.yaml"
    write_example(config, "0x" + "11" * 20, "0x" + "22" * 20, fork.url)
    pools = read_settings(config, {}).pools
    v2, v3 = (
        fork.contract(MAINNET.uniswap_v2_factory, "v2_factory"),
        fork.contract(MAINNET.uniswap_v3_factory, "v3_factory"),
    )
    assert {pool.kind for pool in pools} == {"v2", "v3"}
    for pool in pools:
        pair = (pool.token_a.address, pool.token_b.address)
        if pool.kind == "v2":
            assert v2.getPair(*pair) == v2_pair_address(MAINNET.uniswap_v2_factory, *pair), pool
        else:
            assert v3.getPool(*pair, pool.fee) == v3_pool_address(MAINNET.uniswap_v3_factory, *pair, pool.fee), pool


def test_usdt__approve_from_one_allowance_to_another__reverts(stage: Stage) -> None:
    usdt, router = stage.fork.token("USDT"), MAINNET.swap_router_02
    usdt.approve(router, 5, sender=stage.attacker)
    with reverts():
        usdt.approve(router, 6, sender=stage.attacker)
    usdt.approve(router, 0, sender=stage.attacker)
    usdt.approve(router, 6, sender=stage.attacker)
    assert usdt.allowance(stage.attacker, router) == 6


@pytest.mark.parametrize(("symbol", "answer"), [("USDT", ""), ("USDC", "1"), ("DAI", "1")])
def test_transfer__of_a_token__answers_as_on_mainnet(stage: Stage, symbol: str, answer: str) -> None:
    """USDT answers nothing where the others say true: the router must live with both."""
    buy(stage.fork, stage.owner, (symbol, 500, ETHER // 10), stage.attacker.address)
    token = stage.fork.token(symbol)
    data = token.transfer.encode_input(stage.owner, 1)
    call = {"from": stage.attacker.address, "to": token.address, "data": "0x" + bytes(data).hex()}
    assert stage.fork.ask("eth_call", call, "latest").removeprefix("0x").lstrip("0") == answer
