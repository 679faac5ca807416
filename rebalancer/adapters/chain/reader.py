"""The chain as the tick sees it: a book in; a snapshot at one block, and more ticks of it, out."""

from __future__ import annotations

from dataclasses import replace

from rebalancer.adapters.chain.at_block import AtBlock, Reads, read_again, read_head, read_newest
from rebalancer.adapters.chain.book import Book, WalletReads
from rebalancer.adapters.chain.codec import EthCall, address_word
from rebalancer.adapters.chain.deployments import Deployment
from rebalancer.adapters.chain.freshness import why_stale
from rebalancer.adapters.chain.holdings import answer_of, decode_holdings, holding_calls
from rebalancer.adapters.chain.lens import lens_override
from rebalancer.adapters.chain.oracles import Oracles
from rebalancer.adapters.chain.pools import PoolReads, Widening, v3_pool_of
from rebalancer.adapters.chain.quorum import Quorum, Said, joined
from rebalancer.adapters.chain.rpc import Rpc, RpcError
from rebalancer.core.errors import ConfigError, Unavailable
from rebalancer.core.model import Block, Snapshot
from rebalancer.market.routing import MoreTicks
from rebalancer.ports import Clock
from rebalancer.units import Wei

GET_ETH_BALANCE = bytes.fromhex("4d2301cc")


class ChainReader:
    """Plays the port `Chain` over JSON-RPC."""

    def __init__(self, rpc: Rpc, deployment: Deployment, book: Book, wallet_reads: WalletReads, clock: Clock) -> None:
        self._rpc = rpc
        self._deployment = deployment
        self._book = book
        self._wallet_reads = wallet_reads
        self._clock = clock
        self._oracles = Oracles.of(book, deployment.uniswap_v3_factory)
        self._pools = PoolReads.of(book.pools, self._oracles.pools(), deployment)
        self._native = _native_index(book)
        self._sections = (
            (EthCall(deployment.multicall3, GET_ETH_BALANCE + address_word(book.operator)),),
            holding_calls(book),
            self._oracles.calls(),
            self._pools.v2_calls(),
            wallet_reads.calls(),
        )
        self._quorum = Quorum(rpc, book.chain_id, deployment.multicall3, book.quorum)
        self._said: tuple[Said, ...] = ()
        """Of the newest snapshot: what it was made of, and what was read at its block since."""

    def head(self) -> Block:
        """The newest block, one request. Raises Unavailable, also for one too old or too new."""
        return self._fresh(read_head(self._rpc))

    def read(self, last_block: int = 0) -> Snapshot:
        """Everything of the book at the newest block: one request, or two between two blocks.

        Of a node that is behind `last_block`, too old, or not to be understood, the next is asked instead where there
        is one. Where none is further, it is what the furthest says.
        """
        reads = self._reads()
        found, refusals = list[Said](), list[Unavailable]()
        while True:
            said = self._read(reads)
            if isinstance(said, Unavailable):
                refusals.append(said)
            else:
                found.append(said)
                if said.found.block.number >= last_block:
                    break
            if not self._rpc.turn_away():
                break
        if not found:
            raise _all_of(refusals)
        said = max(found, key=lambda each: each.found.block.number)
        self._said = (said,)
        return self._snapshot(said.found)

    def confirm(self, snapshot: Snapshot) -> None:
        """Nothing is asked where one node suffices. Raises Unavailable, ConfigError."""
        if self._book.quorum <= 1:
            return
        if not self._said or self._said[0].found.block != snapshot.block:
            raise Unavailable(f"block {snapshot.block.number} is not what was read last, and cannot be confirmed")
        self._quorum.confirm(joined(self._said[0], self._said[1:]))

    def _read(self, reads: tuple[Reads, ...]) -> Said | Unavailable:
        """What one endpoint says, or why it is not to be believed. Raises what every endpoint would answer alike."""
        try:
            found = read_newest(self._rpc, self._book.chain_id, self._deployment.multicall3, reads)
            return Said(self._rpc.alone(), reads, replace(found, block=self._fresh(found.block)))
        except Unavailable as error:
            if isinstance(error, RpcError) and error.reverted:
                raise
            return error

    def read_ticks(self, snapshot: Snapshot, need: MoreTicks) -> Snapshot:
        """`snapshot` with the bitmap words of `need`, all in one request; none where all are known.

        Raises Unavailable where the snapshot's block is not the chain's any more, ValueError for a pool that
        is not the snapshot's.
        """
        factory = self._deployment.uniswap_v3_factory
        widenings = [Widening.of(v3_pool_of(snapshot, part), part, factory) for part in need.needs]
        calls = [call for widening in widenings for call in widening.calls()]
        if not calls:
            return snapshot
        override = lens_override(widening.pool.address for widening in widenings)
        reads = (Reads.of(self._deployment.multicall3, calls, override),)
        # Where several must agree, one says all that the others are asked about: none may confirm its own words.
        source = self._said[0].source if self._said and self._book.quorum > 1 else self._rpc
        found = read_again(source, self._book.chain_id, self._deployment.multicall3, reads, snapshot.block)
        self._said += (Said(source.alone(), reads, found),)
        left = iter(found.results[0])
        wider = {w.pool.address: w.decode([next(left) for _ in w.calls()]) for w in widenings}
        return replace(snapshot, pools=tuple(wider.get(pool.address, pool) for pool in snapshot.pools))

    def _reads(self) -> tuple[Reads, ...]:
        multicall3 = self._deployment.multicall3
        as_it_is = Reads.of(multicall3, [call for section in self._sections for call in section])
        lenses = self._pools.lens_calls()
        if not lenses:
            return (as_it_is,)
        # Apart, because under the override a pool does not know `observe`.
        override = lens_override(key.pool for key in self._pools.lens_keys())
        return (as_it_is, Reads.of(multicall3, lenses, override))

    def _snapshot(self, found: AtBlock) -> Snapshot:
        block, left = found.block, iter(found.results[0])
        operator, holdings, oracles, pairs, wallet = ([next(left) for _ in section] for section in self._sections)
        held = decode_holdings(self._book, holdings)
        pools = self._pools.decode(pairs, found.results[1] if len(found.results) > 1 else ())
        prices = self._oracles.decode(oracles, pools, block.timestamp)
        return Snapshot(
            block=block,
            balances=held.balances,
            prices=prices,
            native=prices[self._native],
            pools=pools[: len(self._book.pools)],
            allowances=held.allowances,
            wallet=self._wallet_reads.decode(wallet),
            operator_balance=Wei(answer_of("operator: getEthBalance()", operator[0]).uint(0)),
        )

    def _fresh(self, block: Block) -> Block:
        refusal = why_stale(self._rpc.host, block, self._clock.now(), self._book.max_block_age)
        if refusal is not None:
            raise refusal
        return block


def _all_of(refusals: list[Unavailable]) -> Unavailable:
    """One error for what each endpoint was refused for: the only one as it is."""
    if len(refusals) == 1:
        return refusals[0]
    return Unavailable("no endpoint is to be believed. " + "; ".join(map(str, refusals)))


def _native_index(book: Book) -> int:
    for index, rule in enumerate(book.prices):
        if rule.token.address == book.native.address:
            return index
    raise ConfigError(f"no price for {book.native}: gas is paid in it; give it a price")
