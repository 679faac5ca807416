"""`Replica`: mainnet's shape on this machine, with the handles that tests, demos and benchmarks turn."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.core.errors import ConfigError
from rebalancer.market.addresses import checksum_address
from rebalancer.replica.anvil import START_TIMEOUT, Anvil
from rebalancer.replica.build import build, write_pools
from rebalancer.replica.calls import encode_call
from rebalancer.replica.mainnet import FEEDS, LISTINGS
from rebalancer.replica.node import Node
from rebalancer.replica.places import ZERO, aggregator_address, feed_answer
from rebalancer.replica.plan import Plan, make_plan
from rebalancer.replica.pools import Pool, PoolState, V2State
from rebalancer.replica.safes import place_release, release_of
from rebalancer.replica.standard import Prices, standard_states
from rebalancer.replica.storage import MOCK_SUPPLY, balance_slot, read_word, write
from rebalancer.units import Address, Token

AGE = 86_400
"""Seconds between the replica's first block and now: pools have a past, so that they can be asked for it."""
BASE_FEE = 2 * 10**9
BLOCK_GAS = 60_000_000
"""Mainnet's block gas limit since the end of 2025."""
BUILD_GAS = 20 * 10**9


class Replica(Node):
    """A running replica. Addresses, tokens, feeds and pools are mainnet's; prices are round and our own."""

    def __init__(self, anvil: Anvil, plan: Plan, from_file: bool) -> None:
        super().__init__(anvil)
        self.prices: Prices = plan.prices
        self._states: tuple[PoolState, ...] = plan.pools
        self._from_file = from_file
        self._tokens = {token.symbol: token for token in (LISTINGS["WETH"].token, *plan.tokens)}
        self._snapshots: dict[str, tuple[Prices, tuple[PoolState, ...]]] = {}

    @classmethod
    def start(
        cls,
        port: int | None = None,
        pools: Path | str | None = None,
        block_time: int | None = None,
        timeout: float = START_TIMEOUT,
    ) -> Replica:
        """A new replica, on a free port unless one is given.

        `pools` is a file of real pool states (format: poolfile.py). With `block_time` (seconds) blocks come by
        the clock, as on mainnet; without, every transaction is mined at once. ConfigError if it cannot start.
        """
        plan = make_plan(Path(pools) if pools is not None else None)
        now = int(time.time())
        arguments = ["--chain-id", "1", "--no-mining", "--auto-impersonate", "--timestamp", str(now - AGE)]
        anvil = Anvil(port, [*arguments, "--base-fee", str(BASE_FEE), "--gas-limit", str(BUILD_GAS)], timeout)
        try:
            replica = cls(anvil, plan, pools is not None)
            build(replica.rpc, plan, replica.actor("deployer").address, now - AGE)
            replica._open(block_time)
        except BaseException:
            anvil.close()
            raise
        return replica

    @property
    def tokens(self) -> tuple[Token, ...]:
        """Every token that the replica has."""
        return tuple(self._tokens.values())

    @property
    def pools(self) -> tuple[Pool, ...]:
        """Every pool that the replica has."""
        return tuple(state.pool for state in self._states)

    def token(self, symbol_or_address: str) -> Token:
        """The token of that symbol or address."""
        if symbol_or_address in self._tokens:
            return self._tokens[symbol_or_address]
        for token in self.tokens:
            if token.address.lower() == symbol_or_address.lower():
                return token
        raise ConfigError(f"the replica has no token {symbol_or_address}: it has {', '.join(sorted(self._tokens))}")

    def pool(self, a: str, b: str, fee: int = 3000, kind: str = "v3") -> Pool:
        """The pool of two symbols, in any order."""
        for pool in self.pools:
            if pool.kind == kind and pool.fee == fee and {pool.token0.symbol, pool.token1.symbol} == {a, b}:
                return pool
        raise ConfigError(f"the replica has no {kind} pool {a}/{b} with fee {fee}: see Replica.pools")

    def balance(self, symbol_or_address: str, holder: str) -> int:
        """The base units of a token that `holder` has."""
        return int(self.read(self.token(symbol_or_address).address, "balanceOf(address)", holder)[0])

    def deal(self, symbol_or_address: str, holder: str, raw: int) -> None:
        """Sets the balance of `holder` to `raw` base units; no block is mined. "ETH" is the native coin."""
        if symbol_or_address == "ETH":
            self.rpc.call("anvil_setBalance", holder, hex(raw))
            return
        token = self.token(symbol_or_address)
        more = raw - self.balance(token.address, holder)
        self.rpc.batch([write(token.address, balance_slot(token.address, holder), raw)])
        if token.address == MAINNET.weth:
            ether = int(self.rpc.call("eth_getBalance", token.address, "latest"), 16)
            self.rpc.call("anvil_setBalance", token.address, hex(ether + more))
            return
        supply = int(self.rpc.batch([read_word(token.address, MOCK_SUPPLY)])[0], 16)
        self.rpc.batch([write(token.address, MOCK_SUPPLY, supply + more)])

    def set_price(self, feed: str, answer: int) -> None:
        """A new round of a feed ("ETH/USD"), written now; `answer` has 8 decimals. Mines a block."""
        self._aggregator(feed, "set_answer(int256)", answer)

    def set_round(self, feed: str, answer: int, updated_at: int) -> None:
        """A new round with a time of its own. The feed then no longer follows the block's time."""
        self._aggregator(feed, "set_round(int256,uint256)", answer, updated_at)

    def set_live(self, feed: str, live: bool) -> None:
        """Whether the newest round counts as written in the current block (the default), or ages."""
        self._aggregator(feed, "set_live(bool)", live)

    def move_market(self, prices: Prices) -> None:
        """New prices (symbol → dollars at 8 decimals) in feeds and pools alike, with liquidity around them.

        Swaps and positions made since are overwritten. Not for a replica whose pools come from a file.
        """
        if self._from_file:
            raise ConfigError("move_market would overwrite pools that came from a file: start a replica without one")
        self.prices = {**self.prices, **prices}
        for feed in FEEDS.values():
            self.set_price(feed.name, feed_answer(feed, self.prices))
        states = standard_states(self.prices)
        write_pools(self.rpc, states, old=self._states)
        self._states = states
        for state in states:
            if isinstance(state, V2State):
                self.transact(self.actor("deployer").address, state.pool.address, "sync()")

    def create_safe(
        self, owners: Sequence[str], threshold: int = 1, salt: int = 0, singleton: Address = MAINNET.safe
    ) -> Address:
        """A Safe of `owners`, 1.4.1 unless another singleton is given (see `place_safe`). Mines a block.

        By the real factory of its release, with the usual fallback handler.
        """
        release = release_of(singleton)
        setup = encode_call(
            "setup(address[],uint256,address,bytes,address,address,uint256,address)",
            *(list(owners), threshold, ZERO, b"", release.handler, ZERO, 0, ZERO),
        )
        create = "createProxyWithNonce(address,bytes,uint256)"
        values = (singleton, bytes.fromhex(setup[2:]), salt)
        address = self.read(release.factory, create, *values, returns=("address",))[0]
        self.transact(self.actor("deployer").address, release.factory, create, *values)
        return checksum_address(address)

    def place_safe(self, version: str) -> Address:
        """The singleton of Safe "1.3.0", "1.4.1" or "1.5.0", which is placed where it is not there yet."""
        return place_release(self, version).singleton

    def snapshot(self) -> str:
        """A mark to which `revert` goes back, once."""
        mark = str(self.rpc.call("evm_snapshot"))
        self._snapshots[mark] = (self.prices, self._states)
        return mark

    def revert(self, mark: str) -> None:
        """Back to a mark: chain, prices, pools. The mark is used up."""
        # What was mined a moment ago may still be in anvil's pool, and back there it would be valid once more.
        self.rpc.call("anvil_dropAllTransactions")
        if mark not in self._snapshots or self.rpc.call("evm_revert", mark) is not True:
            raise ConfigError(f"replica: no mark {mark} to go back to: each serves once")
        # Anvil does not take the next block's base fee back with the rest.
        fee = self.rpc.call("eth_getBlockByNumber", "latest", False)["baseFeePerGas"]
        self.rpc.call("anvil_setNextBlockBaseFeePerGas", fee)
        self.prices, self._states = self._snapshots.pop(mark)

    @contextmanager
    def scratch(self) -> Iterator[Replica]:
        """What happens inside is undone at the end."""
        mark = self.snapshot()
        try:
            yield self
        finally:
            self.revert(mark)

    def _aggregator(self, feed: str, signature: str, *values: Any) -> None:
        if feed not in FEEDS:
            raise ConfigError(f"the replica has no feed {feed}: it has {', '.join(FEEDS)}")
        self.transact(self.actor("deployer").address, aggregator_address(FEEDS[feed]), signature, *values)

    def _open(self, block_time: int | None) -> None:
        """From building to trading: the present time, mainnet's gas limit and fee, and blocks by themselves."""
        self.rpc.call("evm_setBlockGasLimit", hex(BLOCK_GAS))
        self.rpc.call("anvil_setNextBlockBaseFeePerGas", hex(BASE_FEE))
        self.rpc.call("evm_setNextBlockTimestamp", int(time.time()))
        self.rpc.call("evm_mine")
        if block_time is None:
            self.rpc.call("evm_setAutomine", True)
        else:
            self.rpc.call("evm_setIntervalMining", block_time)
