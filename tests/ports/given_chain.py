"""What the chain's tests start from: a book of the replica, states made up, and a node that lies."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests

from rebalancer.adapters.chain.book import Book
from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.adapters.chain.reader import ChainReader
from rebalancer.adapters.chain.rpc import Rpc
from rebalancer.adapters.clock import SystemClock
from rebalancer.adapters.wallets.safe_reads import SafeReads
from rebalancer.core.model import Allowance, Block, SafeState, Snapshot
from rebalancer.core.price import Feed, FeedPrice, PoolKey
from rebalancer.market.tick_math import sqrt_ratio_at_tick
from rebalancer.market.uniswap_v2 import V2Pool
from rebalancer.market.uniswap_v3 import V3Pool
from rebalancer.ports import Clock
from rebalancer.replica.chain import Replica
from rebalancer.replica.mainnet import FEEDS, LISTINGS, Listing
from rebalancer.units import Address, Amount, Price, Token, Usd, Wei

MARGIN = 600
"""Seconds forgiven on top of a feed's heartbeat."""
MAX_BLOCK_AGE = 300


def a_feed(name: str) -> Feed:
    known = FEEDS[name]
    return Feed(known.address, known.decimals, known.heartbeat, MARGIN)


def a_rule(listing: Listing) -> FeedPrice:
    return FeedPrice(listing.token, tuple(a_feed(name) for name in listing.feeds))


def a_book(replica: Replica, wallet: Address) -> Book:
    """Every token and every pool of the replica."""
    tokens = tuple(listing.token for listing in LISTINGS.values())
    return Book(
        chain_id=1,
        tokens=tokens,
        assets=tokens,
        prices=tuple(a_rule(listing) for listing in LISTINGS.values()),
        native=LISTINGS["WETH"].token,
        pools=tuple(PoolKey(p.kind, p.token0, p.token1, p.fee) for p in replica.pools),
        spenders=(MAINNET.swap_router_02,),
        wallet=wallet,
        operator=replica.actor("operator").address,
        max_block_age=MAX_BLOCK_AGE,
    )


def a_funded_book(replica: Replica) -> Book:
    """The book of a new Safe of the owner's with 1,000 USDC, and of an operator with 7 wei."""
    safe = replica.create_safe([replica.actor("owner").address])
    replica.deal("USDC", safe, 1_000 * 10**6)
    replica.deal("ETH", replica.actor("operator").address, 7)
    return a_book(replica, safe)


def a_reader(url: str, book: Book, clock: Clock | None = None) -> ChainReader:
    return ChainReader(Rpc(url, chain_id=1), MAINNET, book, SafeReads(book.wallet), clock or SystemClock())


def requests_of(reader: ChainReader) -> int:
    """HTTP requests that it has sent so far."""
    return reader._rpc.requests


# ---------------------------------------------------------------- states made up

ALPHA = Token("ALPHA", Address("0x00000000000000000000000000000000000000A1"), 18)
BETA = Token("BETA", Address("0x00000000000000000000000000000000000000b2"), 6)


def a_state(number: int, branch: int = 0) -> Snapshot:
    """Block `number` of a small chain; every branch has blocks of its own."""
    prices = (Price(ALPHA, Usd(number * 10**18), 1_000), Price(BETA, Usd(10**18), 1_000))
    return Snapshot(
        block=Block(number, f"0x{branch:032x}{number:032x}", 1_000 + 12 * number, Wei(10**9)),
        balances=(Amount(ALPHA, 10**18), Amount(BETA, 10**6)),
        prices=prices,
        native=prices[0],
        pools=(_v3(500, 10), _v3(3000, 60), V2Pool(Address("0x" + "22" * 20), ALPHA, BETA, 10**18, 10**6)),
        allowances=(Allowance(MAINNET.swap_router_02, Amount(ALPHA, 0)),),
        wallet=SafeState("1.4.1", 0, 1, (Address("0x" + "33" * 20),), ()),
        operator_balance=Wei(10**18),
    )


def _v3(fee: int, spacing: int) -> V3Pool:
    """A pool with positions of all widths, at tick 7, known from word -20 to word 20."""
    half_widths = [spacing * width for width in (1, 3, 10, 40, 300, 700, 1_500, 3_000)]
    ticks = sorted([*((-w, 10**15) for w in half_widths), *((w, -(10**15)) for w in half_widths)])
    address = Address(f"0x{fee:040x}")
    liquidity = 10**15 * len(half_widths)
    return V3Pool(address, ALPHA, BETA, fee, spacing, sqrt_ratio_at_tick(7), 7, liquidity, tuple(ticks), -20, 20)


# ---------------------------------------------------------------- a node that lies

Change = Callable[[dict[str, Any], dict[str, Any]], dict[str, Any] | None]
"""A JSON-RPC call and its true answer in, the answer that is given out; None: no answer."""


class LyingNode:
    """Stands in front of a real node and asks it one call at a time.

    `before` is called with every call before it is made, `change` with its answer; where `raw` is set it is
    the whole HTTP body.
    """

    def __init__(self, url: str) -> None:
        self.before: Callable[[dict[str, Any]], None] = lambda call: None
        self.change: Change = lambda call, answer: answer
        self.raw: bytes | None = None
        lying = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                calls = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                body = lying.raw if lying.raw is not None else lying.body(url, calls)
                with suppress(ConnectionError):
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Nothing: a test's output is its own."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/the-key"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def body(self, url: str, calls: Any) -> bytes:
        answers = []
        for call in calls if isinstance(calls, list) else [calls]:
            self.before(call)
            answer = self.change(call, requests.post(url, json=call, timeout=10).json())
            answers += [answer] if answer is not None else []
        return json.dumps(answers if isinstance(calls, list) else answers[0]).encode()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
