"""Safe 1.3.0, 1.4.1 and 1.5.0: mainnet's code at mainnet's addresses, and owners and modules that can act."""

from __future__ import annotations

import pytest
from given_hostile import a_safe, enable_module, exec_from_module, exec_from_safe, relay, signed_by

from rebalancer.adapters.chain.rpc import RpcError
from rebalancer.core.errors import ConfigError
from rebalancer.market.addresses import keccak256
from rebalancer.replica.accounts import Actor
from rebalancer.replica.calls import encode_call
from rebalancer.replica.chain import Replica
from rebalancer.replica.safes import RELEASES

TRANSFER = "transfer(address,uint256)"
# keccak256 of the singletons' code on mainnet, as Safe publishes it with their addresses.
PUBLISHED = {
    "1.3.0": "0xbba688fbdb21ad2bb58bc320638b43d94e7d100f6f3ebaab0a4e4de6304b1c2e",
    "1.5.0": "0xdda019cbd7c867a533a2a86e5c53434fdc50b13122b5a5ddb4a8df61b31c20f2",
}


def _actors(replica: Replica, *roles: str) -> list[Actor]:
    return [replica.actor(role) for role in roles]


@pytest.mark.parametrize("version", PUBLISHED)
def test_release__placed_on_demand__has_the_published_code_at_the_address_of_mainnet(
    replica: Replica, version: str
) -> None:
    release = RELEASES[version]
    assert replica.rpc.call("eth_getCode", release.singleton, "latest") == "0x"

    singleton = replica.place_safe(version)

    assert singleton == release.singleton
    code = bytes.fromhex(replica.rpc.call("eth_getCode", singleton, "latest")[2:])
    assert "0x" + keccak256(code).hex() == PUBLISHED[version]
    for address in (release.factory, release.handler):
        assert replica.rpc.call("eth_getCode", address, "latest") != "0x"


def test_release__placed_twice__is_placed_once(replica: Replica) -> None:
    first = replica.place_safe("1.3.0")
    block = replica.rpc.call("eth_blockNumber")
    assert replica.place_safe("1.3.0") == first
    assert replica.rpc.call("eth_blockNumber") == block


def test_release__of_an_unknown_version__names_those_that_are(replica: Replica) -> None:
    with pytest.raises(ConfigError, match=r"no Safe 1\.2\.0: it has 1\.3\.0, 1\.4\.1, 1\.5\.0"):
        replica.place_safe("1.2.0")


@pytest.mark.parametrize("version", RELEASES)
def test_safe__of_every_release__says_its_version_and_obeys_its_owner(replica: Replica, version: str) -> None:
    owner, guardian = _actors(replica, "owner", "guardian")
    safe = a_safe(replica, [owner], version)
    replica.deal("DAI", safe, 7)
    dai = replica.token("DAI").address

    exec_from_safe(replica, safe, owner.address, dai, encode_call(TRANSFER, guardian.address, 7))

    assert replica.read(safe, "VERSION()", returns=("string",)) == (version,)
    assert replica.balance("DAI", guardian.address) == 7
    # From 1.5.0 on the Safe passes the reason of the call on.
    with pytest.raises(RpcError, match="MockToken: balance too low" if version == "1.5.0" else "GS013"):
        exec_from_safe(replica, safe, owner.address, dai, encode_call(TRANSFER, guardian.address, 7))
    with pytest.raises(RpcError, match="GS026"):
        exec_from_safe(replica, safe, guardian.address, dai, encode_call(TRANSFER, guardian.address, 0))


@pytest.mark.parametrize("version", RELEASES)
def test_module__enabled_by_the_owner__acts_for_a_safe_of_every_release(replica: Replica, version: str) -> None:
    owner, operator, guardian = _actors(replica, "owner", "operator", "guardian")
    safe = a_safe(replica, [owner], version)
    replica.deal("USDC", safe, 9)
    usdc, call = replica.token("USDC").address, encode_call(TRANSFER, guardian.address, 9)
    with pytest.raises(RpcError, match="GS104"):
        exec_from_module(replica, safe, operator.address, usdc, call)

    enable_module(replica, safe, owner.address, operator.address)
    exec_from_module(replica, safe, operator.address, usdc, call)

    assert replica.read(safe, "isModuleEnabled(address)", operator.address, returns=("bool",)) == (True,)
    assert replica.balance("USDC", guardian.address) == 9


@pytest.mark.parametrize("version", RELEASES)
def test_transaction__signed_by_two_owners__is_relayed_by_anybody_once(replica: Replica, version: str) -> None:
    owners = _actors(replica, "owner", "second_owner")
    attacker, guardian = _actors(replica, "attacker", "guardian")
    safe = a_safe(replica, owners, version, threshold=2)
    replica.deal("DAI", safe, 8)
    dai, call = replica.token("DAI").address, encode_call(TRANSFER, guardian.address, 4)
    with pytest.raises(RpcError, match="GS020"):
        relay(replica, attacker.address, safe, signed_by(replica, safe, owners[:1], dai, call))

    signed = signed_by(replica, safe, owners, dai, call)
    relay(replica, attacker.address, safe, signed)

    assert replica.balance("DAI", guardian.address) == 4
    with pytest.raises(RpcError, match="GS026"):
        relay(replica, attacker.address, safe, signed)
