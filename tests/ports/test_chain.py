"""One contract for every chain: a snapshot is whole and of one block, and more ticks of it are of that block too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest
from given_chain import a_book, a_state

from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.adapters.chain.fake import FakeChain
from rebalancer.adapters.chain.reader import ChainReader
from rebalancer.adapters.chain.rpc import Rpc
from rebalancer.adapters.clock import SystemClock
from rebalancer.adapters.wallets.safe_reads import SafeReads
from rebalancer.core.errors import Unavailable
from rebalancer.core.model import Snapshot
from rebalancer.market.routing import MoreTicks
from rebalancer.market.swap import NeedTicks
from rebalancer.market.uniswap_v3 import V3Pool
from rebalancer.ports import Chain
from rebalancer.replica.chain import Replica
from rebalancer.units import Address


@dataclass(frozen=True, slots=True)
class Given:
    """A chain, and what the test may do to it."""

    chain: Chain
    step: Callable[[], object]
    """One more block."""
    reorganise: Callable[[], object]
    """Another block in the place of the newest."""


@pytest.fixture(scope="module")
def running_replica() -> Iterator[Replica]:
    with Replica.start() as replica:
        yield replica


@pytest.fixture(params=["fake", "replica"])
def given(request: pytest.FixtureRequest) -> Iterator[Given]:
    if request.param == "fake":
        fake = FakeChain([a_state(100), a_state(101)])
        yield Given(fake, fake.advance, lambda: fake.reorganise([a_state(100, branch=1)]))
        return
    replica: Replica = request.getfixturevalue("running_replica")
    with replica.scratch():
        safe = replica.create_safe([replica.actor("owner").address])
        replica.deal("USDC", safe, 1_000 * 10**6)
        mark = replica.snapshot()
        replica.mine(1)
        rpc = Rpc(replica.url)
        chain = ChainReader(rpc, MAINNET, a_book(replica, safe), SafeReads(safe), SystemClock())

        def reorganise() -> None:
            replica.revert(mark)
            replica.warp(1)

        yield Given(chain, lambda: replica.mine(1), reorganise)
        rpc.close()


def v3_pools(snapshot: Snapshot) -> list[V3Pool]:
    return [pool for pool in snapshot.pools if isinstance(pool, V3Pool)]


def words_of(pool: V3Pool) -> list[int]:
    return [index // pool.tick_spacing >> 8 for index, _ in pool.ticks]


def wider(pool: V3Pool, below: int, above: int) -> MoreTicks:
    return MoreTicks((NeedTicks(pool.address, pool.word_low - below, pool.word_high + above, 0),))


def test_read__of_a_chain__is_of_its_newest_block(given: Given) -> None:
    assert given.chain.read().block == given.chain.head()


def test_read__after_one_more_block__is_of_that_block(given: Given) -> None:
    before = given.chain.read().block
    given.step()
    after = given.chain.read().block
    assert after.number == before.number + 1
    assert after.hash != before.hash
    assert after.timestamp >= before.timestamp


def test_read__of_a_chain__has_a_balance_and_a_price_for_every_token(given: Given) -> None:
    snapshot = given.chain.read()
    tokens = [amount.token for amount in snapshot.balances]
    assert len(tokens) == len(set(tokens)) > 1
    assert [price.token for price in snapshot.prices] == tokens
    assert all(snapshot.price(token).usd > 0 for token in tokens)
    assert any(amount.raw > 0 for amount in snapshot.balances)
    assert snapshot.native in snapshot.prices


def test_read__of_a_chain__knows_the_ticks_around_the_price(given: Given) -> None:
    for pool in v3_pools(given.chain.read()):
        current = pool.tick // pool.tick_spacing >> 8
        assert pool.word_low <= current <= pool.word_high
        assert list(pool.ticks) == sorted(set(pool.ticks)) != []
        assert all(pool.word_low <= word <= pool.word_high for word in words_of(pool))
        assert all(index % pool.tick_spacing == 0 and net != 0 for index, net in pool.ticks)


@pytest.mark.parametrize(("below", "above"), [(3, 0), (0, 3), (2, 9)])
def test_read_ticks__beyond_what_is_known__widens_that_pool_and_nothing_else(
    given: Given, below: int, above: int
) -> None:
    snapshot = given.chain.read()
    pool = v3_pools(snapshot)[0]
    more = given.chain.read_ticks(snapshot, wider(pool, below, above))
    found = v3_pools(more)[0]
    assert (found.word_low, found.word_high) == (pool.word_low - below, pool.word_high + above)
    assert set(pool.ticks) <= set(found.ticks)
    assert list(found.ticks) == sorted(set(found.ticks))
    assert replace(found, ticks=pool.ticks, word_low=pool.word_low, word_high=pool.word_high) == pool
    assert replace(more, pools=snapshot.pools) == snapshot
    assert more.pools[1:] == snapshot.pools[1:]


def test_read_ticks__of_two_pools__widens_both(given: Given) -> None:
    snapshot = given.chain.read()
    first, second = v3_pools(snapshot)[:2]
    more = given.chain.read_ticks(snapshot, MoreTicks(wider(first, 4, 0).needs + wider(second, 0, 5).needs))
    found = v3_pools(more)
    assert (found[0].word_low, found[0].word_high) == (first.word_low - 4, first.word_high)
    assert (found[1].word_low, found[1].word_high) == (second.word_low, second.word_high + 5)


def test_read_ticks__with_a_gap_to_what_is_known__leaves_none(given: Given) -> None:
    snapshot = given.chain.read()
    pool = v3_pools(snapshot)[0]
    need = NeedTicks(pool.address, pool.word_high + 4, pool.word_high + 5, 0)
    found = v3_pools(given.chain.read_ticks(snapshot, MoreTicks((need,))))[0]
    assert (found.word_low, found.word_high) == (pool.word_low, pool.word_high + 5)
    assert found.ticks == v3_pools(given.chain.read_ticks(snapshot, wider(pool, 0, 5)))[0].ticks


def test_read_ticks__of_words_that_are_known__gives_the_snapshot_back(given: Given) -> None:
    snapshot = given.chain.read()
    pool = v3_pools(snapshot)[0]
    need = NeedTicks(pool.address, pool.word_low + 1, pool.word_high, 0)
    assert given.chain.read_ticks(snapshot, MoreTicks((need,))) == snapshot


def test_read_ticks__after_one_more_block__is_still_of_the_snapshots_block(given: Given) -> None:
    snapshot = given.chain.read()
    need = wider(v3_pools(snapshot)[0], 2, 2)
    expected = given.chain.read_ticks(snapshot, need)
    given.step()
    assert given.chain.read_ticks(snapshot, need) == expected


def test_read_ticks__after_a_reorganisation__is_unavailable_with_the_block(given: Given) -> None:
    snapshot = given.chain.read()
    given.reorganise()
    assert given.chain.head().number == snapshot.block.number
    with pytest.raises(Unavailable, match=f"block {snapshot.block.number} is not {snapshot.block.hash} any more"):
        given.chain.read_ticks(snapshot, wider(v3_pools(snapshot)[0], 2, 2))


def test_read_ticks__of_a_pool_that_is_not_the_snapshots__is_a_value_error(given: Given) -> None:
    snapshot = given.chain.read()
    stranger = MoreTicks((NeedTicks(Address("0x" + "44" * 20), -9, 9, 0),))
    with pytest.raises(ValueError, match="is no V3 pool of the snapshot"):
        given.chain.read_ticks(snapshot, stranger)


# ---------------------------------------------------------------- the fake's own handles


def test_fake__told_to_fail__raises_that_and_counts_nothing() -> None:
    fake = FakeChain([a_state(1)])
    fake.failure = Unavailable("the node is away")
    for ask in (fake.head, fake.read):
        with pytest.raises(Unavailable, match="the node is away"):
            ask()
    assert fake.reads == 0


def test_fake__at_its_last_state__stays_there() -> None:
    fake = FakeChain([a_state(1), a_state(2)])
    assert (fake.advance(), fake.advance()) == (True, False)
    assert fake.head().number == 2


def test_fake__asked_for_more_than_its_state_holds__is_unavailable() -> None:
    fake = FakeChain([a_state(1)])
    snapshot = fake.read()
    with pytest.raises(Unavailable, match="the state holds -20 to 20"):
        fake.read_ticks(snapshot, wider(v3_pools(snapshot)[0], 50, 0))
