"""What tests and demos may turn on a replica: balances, prices, time, Safes, marks, forks."""

from __future__ import annotations

import pytest

from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.adapters.chain.rpc import RpcError
from rebalancer.core.errors import ConfigError
from rebalancer.replica.anvil import Anvil
from rebalancer.replica.chain import Replica
from rebalancer.replica.mainnet import FEEDS, LISTINGS
from rebalancer.replica.node import Node

ROUND = ("uint80", "int256", "uint256", "uint256", "uint80")
DOLLAR = 10**8


def _round(replica: Node, feed: str) -> tuple[int, int]:
    """Answer and time of a feed's newest round."""
    data = replica.read(FEEDS[feed].address, "latestRoundData()", returns=ROUND)
    return data[1], data[3]


@pytest.mark.parametrize("symbol", LISTINGS)
def test_deal__of_any_token__sets_the_balance_and_the_supply(replica: Replica, symbol: str) -> None:
    owner, token = replica.actor("owner").address, replica.token(symbol)
    supply = replica.read(token.address, "totalSupply()")[0]

    replica.deal(symbol, owner, 700)
    replica.deal(token.address.lower(), owner, 500)

    assert replica.balance(symbol, owner) == 500
    assert replica.read(token.address, "totalSupply()") == (supply + 500,)


def test_deal__of_weth__is_backed_by_ether(replica: Replica) -> None:
    owner = replica.actor("owner").address
    replica.deal("WETH", owner, 10**18)
    replica.transact(owner, MAINNET.weth, "withdraw(uint256)", 10**18)
    assert replica.balance("WETH", owner) == 0


def test_deal__of_ether__sets_the_balance(replica: Replica) -> None:
    replica.deal("ETH", MAINNET.safe, 5)
    assert replica.rpc.call("eth_getBalance", MAINNET.safe, "latest") == "0x5"


def test_deal__of_a_token_that_is_not_there__names_those_that_are(replica: Replica) -> None:
    with pytest.raises(ConfigError, match=r"no token DOGE: it has .*USDC"):
        replica.deal("DOGE", MAINNET.safe, 5)


def test_feed__left_alone_for_a_month__is_fresh(replica: Replica) -> None:
    replica.warp(30 * 86_400)
    assert _round(replica, "LINK/USD") == (15 * DOLLAR, replica.now())


def test_feed__given_a_price__has_it_now_and_stays_live(replica: Replica) -> None:
    replica.set_price("ETH/USD", 3_100 * DOLLAR)
    replica.warp(7_200)
    assert _round(replica, "ETH/USD") == (3_100 * DOLLAR, replica.now())


def test_feed__given_a_round_with_a_time__goes_stale(replica: Replica) -> None:
    replica.set_round("ETH/USD", 3_100 * DOLLAR, replica.now() - 4_000)
    written = replica.now() - 4_000
    replica.warp(100)
    answer, updated_at = _round(replica, "ETH/USD")
    assert answer == 3_100 * DOLLAR
    assert abs(updated_at - written) <= 2


def test_feed__told_to_age__keeps_the_time_of_its_newest_round(replica: Replica) -> None:
    replica.set_live("ETH/USD", False)
    replica.set_price("ETH/USD", 3_100 * DOLLAR)
    written = replica.now()
    replica.warp(100)
    assert _round(replica, "ETH/USD") == (3_100 * DOLLAR, written)


@pytest.mark.parametrize("answer", [0, -1, -(2**191), 2**191 - 1])
def test_feed__given_a_strange_answer__repeats_it(replica: Replica, answer: int) -> None:
    replica.set_price("ETH/USD", answer)
    assert _round(replica, "ETH/USD")[0] == answer


def test_feed__asked_for_an_older_round__remembers_it(replica: Replica) -> None:
    replica.set_round("ETH/USD", 1, 1_000)
    replica.set_round("ETH/USD", 2, 2_000)
    earlier = replica.read(FEEDS["ETH/USD"].address, "getRoundData(uint80)", (1 << 64) + 2, returns=ROUND)
    assert earlier[1:4] == (1, 1_000 - 12, 1_000)


def test_feed__asked_for_a_round_that_never_was__reverts_as_the_real_one(replica: Replica) -> None:
    with pytest.raises(RpcError, match="No data present"):
        replica.read(FEEDS["ETH/USD"].address, "getRoundData(uint80)", (1 << 64) + 9, returns=ROUND)


def test_feed__of_an_unknown_name__is_refused(replica: Replica) -> None:
    with pytest.raises(ConfigError, match="no feed DOGE/USD"):
        replica.set_price("DOGE/USD", 1)


def test_market__moved__moves_feeds_and_pools(replica: Replica) -> None:
    pool, pair = replica.pool("USDC", "WETH", 500), replica.pool("USDC", "WETH", 3000, "v2")

    replica.move_market({"WETH": 3_600 * DOLLAR})

    assert _round(replica, "ETH/USD")[0] == 3_600 * DOLLAR
    price = replica.read(pool.address, "slot0()", returns=("uint160",) + ("uint256",) * 6)[0] ** 2 * 10**12 >> 192
    reserve0, reserve1, _ = replica.read(pair.address, "getReserves()", returns=("uint112", "uint112", "uint32"))
    # WETH per USDC at 1e12 base units; 1/3,600 within five basis points.
    for per_dollar in (price, reserve1 * 10**12 // reserve0):
        assert abs(per_dollar * 3_600 - 10**24) * 10_000 <= 5 * 10**24


def test_market__moved_and_back__leaves_no_tick_behind(replica: Replica) -> None:
    pool = replica.pool("USDC", "WETH", 500)
    lens = ("getPopulatedTicksInWord(address,int16)", pool.address)
    tick = replica.read(pool.address, "slot0()", returns=("uint160", "int24") + ("uint256",) * 5)[1]
    shape = ("(int24,int128,uint128)[]",)
    ask = (MAINNET.tick_lens, *lens, tick // 10 >> 8)
    before = replica.read(*ask, returns=shape)

    replica.move_market({"WETH": 3_050 * DOLLAR})
    moved = replica.read(*ask, returns=shape)
    replica.move_market({"WETH": 3_000 * DOLLAR})

    assert moved != before
    assert len(before[0]) > 4
    assert replica.read(*ask, returns=shape) == before


def test_safe__of_two_owners__is_a_real_one(replica: Replica) -> None:
    owners = [replica.actor("owner").address, replica.actor("second_owner").address]

    safe = replica.create_safe(owners, threshold=2, salt=7)

    listed = replica.read(safe, "getOwners()", returns=("address[]",))[0]
    assert sorted(listed) == sorted(owner.lower() for owner in owners)
    assert replica.read(safe, "getThreshold()") == (2,)
    assert replica.read(safe, "VERSION()", returns=("string",)) == ("1.4.1",)


def test_safe__with_another_salt_or_singleton__is_another_one(replica: Replica) -> None:
    owner = replica.actor("owner").address
    safes = {
        replica.create_safe([owner]),
        replica.create_safe([owner], salt=1),
        replica.create_safe([owner], singleton=MAINNET.safe_l2),
    }
    assert len(safes) == 3


def test_transaction__that_reverts__raises_with_the_reason(replica: Replica) -> None:
    with pytest.raises(RpcError, match="MockToken: balance too low"):
        replica.transact(
            replica.actor("guardian").address,
            replica.token("DAI").address,
            "transfer(address,uint256)",
            MAINNET.safe,
            1,
        )


def test_transaction__with_gas_given__is_mined_even_where_it_reverts(replica: Replica) -> None:
    receipt = replica.send(replica.actor("guardian").address, replica.token("DAI").address, "0x12345678", gas=100_000)
    assert receipt["status"] == "0x0"


def test_revert__to_a_mark__restores_balances_prices_and_time(replica: Replica) -> None:
    owner, start = replica.actor("owner").address, replica.now()
    mark = replica.snapshot()
    replica.deal("DAI", owner, 5)
    replica.move_market({"LINK": 20 * DOLLAR})
    replica.warp(86_400)

    replica.revert(mark)

    assert (replica.balance("DAI", owner), replica.now()) == (0, start)
    assert replica.prices["LINK"] == 15 * DOLLAR
    replica.mine()
    assert start <= replica.now() < start + 86_400


def test_revert__after_a_fee_spike__takes_the_fee_back(replica: Replica) -> None:
    with replica.scratch():
        replica.set_base_fee(500 * 10**9)
    replica.mine()
    assert int(replica.rpc.call("eth_getBlockByNumber", "latest", False)["baseFeePerGas"], 16) < 5 * 10**9


def test_revert__to_a_used_mark__is_refused(replica: Replica) -> None:
    mark = replica.snapshot()
    replica.revert(mark)
    with pytest.raises(ConfigError, match="serves once"):
        replica.revert(mark)


def test_fork__of_the_replica__has_its_state_and_trades_on(replica: Replica) -> None:
    """The replica serves as upstream of another node, as a provider of mainnet would."""
    owner, pair = replica.actor("owner").address, replica.pool("LINK", "USDC", 3000, "v2")
    replica.deal("LINK", owner, 10**20)
    replica.mine(2)
    link, usdc = replica.token("LINK").address, replica.token("USDC").address
    anvil = Anvil(None, ["--fork-url", replica.url, "--no-storage-caching", "--auto-impersonate"])
    node = Node(anvil)
    with node:
        assert node.rpc.call("eth_chainId") == "0x1"
        assert node.read(link, "balanceOf(address)", owner) == (10**20,)
        node.transact(owner, link, "approve(address,uint256)", MAINNET.swap_router_02, 10**20)
        swap = "swapExactTokensForTokens(uint256,uint256,address[],address)"
        node.transact(owner, MAINNET.swap_router_02, swap, 10**20, 1, [link, usdc], owner)
        assert node.read(usdc, "balanceOf(address)", owner)[0] > 0
        assert _round(node, "LINK/USD")[0] == 15 * DOLLAR
    assert replica.balance("LINK", owner) == 10**20
    assert replica.read(pair.address, "totalSupply()")[0] > 0


def test_base_fee__set__is_that_of_the_latest_block(replica: Replica) -> None:
    replica.set_base_fee(500 * 10**9)
    assert int(replica.rpc.call("eth_getBlockByNumber", "latest", False)["baseFeePerGas"], 16) == 500 * 10**9


def test_raw_transaction__signed_by_the_operator__is_mined(replica: Replica) -> None:
    from eth_account import Account

    operator, receiver = replica.actor("operator"), replica.actor("guardian").address
    fields = {"to": receiver, "value": 7, "nonce": 0, "gas": 50_000, "chainId": 1}
    fees = {"maxFeePerGas": 10**11, "maxPriorityFeePerGas": 10**9}
    signed = Account.sign_transaction({**fields, **fees}, operator.private_key())
    digest = replica.rpc.call("eth_sendRawTransaction", "0x" + bytes(signed.raw_transaction).hex())
    receipt = replica.receipt(digest)
    assert receipt["status"] == "0x1"
    assert receipt["from"] == operator.address.lower()


def test_block__in_the_past__can_still_be_read(replica: Replica) -> None:
    owner, dai = replica.actor("owner").address, replica.token("DAI").address
    replica.transact(owner, dai, "mint(address,uint256)", owner, 5)
    number = replica.rpc.call("eth_blockNumber")
    replica.transact(owner, dai, "mint(address,uint256)", owner, 6)
    from rebalancer.replica.calls import read

    assert int(replica.rpc.batch([read(dai, "balanceOf(address)", owner, block=number)])[0], 16) == 5


def test_private_key__of_an_actor__is_that_of_its_address(replica: Replica) -> None:
    from eth_account import Account

    for role in ("owner", "operator", "guardian", "attacker"):
        actor = replica.actor(role)
        assert Account.from_key(actor.private_key()).address == actor.address
