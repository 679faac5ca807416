"""What `conformance.py` looks at: a node and a configuration in, findings out. Reads only."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent / "bench"))
from swap_cases import REVERTED, Case, chain_calls, difference, simulate

from rebalancer.adapters.chain.codec import DecodeError, Words, hex_bytes
from rebalancer.adapters.chain.deployments import Deployment
from rebalancer.adapters.chain.reader import ChainReader
from rebalancer.adapters.chain.rpc import Rpc
from rebalancer.config import Settings
from rebalancer.core.errors import RebalancerError
from rebalancer.core.guard import guard_snapshot
from rebalancer.core.model import Snapshot
from rebalancer.core.price import FeedPrice
from rebalancer.core.render import money
from rebalancer.market.addresses import keccak256
from rebalancer.market.pools import swap_exact_in
from rebalancer.market.routing import MoreTicks
from rebalancer.market.swap import NeedTicks
from rebalancer.market.uniswap_v3 import V3Pool
from rebalancer.units import ONE, Token, Usd

HASHES = Path(__file__).parent / "data" / "code_hashes.json"
ARTIFACTS = Path(__file__).parents[1] / "rebalancer" / "artifacts"
SIZES = tuple(Usd(dollars * ONE) for dollars in (100, 20_000, 1_000_000))
"""Of the quotes: within a range, across a few ticks, across many."""
GAS = hex(50_000_000)
"""Most that public nodes give an eth_call; enough for some hundred ticks."""
MOST_READS = 8
"""Times that a quote may ask for more ticks."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `verdict`: ok, expected (a difference with a known reason), unexpected."""

    part: str
    name: str
    verdict: str
    seen: str


Findings = Iterator[Finding]


def check_code(rpc: Rpc, deployment: Deployment) -> Findings:
    """The code at every address that the keeper relies on."""
    known = json.loads(HASHES.read_text())
    places = asdict(deployment)
    codes = rpc.batch([("eth_getCode", [address, "latest"]) for address in places.values()])
    for (name, address), code in zip(places.items(), codes, strict=True):
        digest = "0x" + keccak256(hex_bytes(code)).hex()
        own = known["replica"].get(name, {})
        label = f"{name} {address}"
        if digest == known["mainnet"][name]:
            yield Finding("code", label, "ok", "mainnet's")
        elif digest == own.get("hash"):
            yield Finding("code", label, "expected", f"the replica's: {own['why']}")
        else:
            seen = f"hash {digest}" if code != "0x" else "no code"
            yield Finding("code", label, "unexpected", f"{seen}, expected {known['mainnet'][name]}")


def check_tokens(rpc: Rpc, tokens: Sequence[Token]) -> Findings:
    """Symbol and decimals as configured; whether it is one of the project's own test tokens."""
    for token in tokens:
        code, symbol, decimals = rpc.batch_answers(
            [
                ("eth_getCode", [token.address, "latest"]),
                ask(token.address, "symbol()"),
                ask(token.address, "decimals()"),
            ]
        )
        mock = mock_name(code.get("result"))
        seen = f"symbol {text_of(symbol)}, {number_of(decimals)} decimals" + (f", the replica's {mock}" if mock else "")
        wrong = text_of(symbol) != token.symbol or number_of(decimals) != token.decimals
        verdict = "unexpected" if wrong else "expected" if mock else "ok"
        yield Finding("token", f"{token.symbol} {token.address}", verdict, seen)


def check_feeds(rpc: Rpc, settings: Settings, now: int) -> Findings:
    """A proxy in front of an aggregator, with the configured decimals and a round within its heartbeat."""
    feeds = {feed.address: feed for rule in settings.price_rules if isinstance(rule, FeedPrice) for feed in rule.feeds}
    for feed in feeds.values():
        getters = ("description()", "decimals()", "latestRoundData()", "aggregator()", "phaseId()")
        description, decimals, data, aggregator, phase = rpc.batch_answers([ask(feed.address, g) for g in getters])
        target = number_of(aggregator)
        code = None if target is None else rpc.call("eth_getCode", f"0x{target:040x}", "latest")
        answer, updated = number_of(data, 1), number_of(data, 3)
        age = None if updated is None else now - updated
        mock = mock_name(code)
        wrong = number_of(decimals) != feed.decimals or not answer or number_of(phase) is None or code in (None, "0x")
        late = age is None or not -120 <= age <= feed.heartbeat + feed.margin
        seen = f"{text_of(description)}: {answer} with {number_of(decimals)} decimals, {age} s old, heartbeat "
        seen += f"{feed.heartbeat} s, phase {number_of(phase)}" + (f", the replica's {mock}" if mock else "")
        verdict = "unexpected" if wrong or late else "expected" if mock else "ok"
        yield Finding("feed", feed.address, verdict, seen)


def check_snapshot(settings: Settings, reader: ChainReader, rpc: Rpc) -> tuple[list[Finding], Snapshot | None]:
    """One read by the keeper's own reader, in one request, and whether pools and oracle agree."""
    before, started = rpc.requests, time.perf_counter()
    try:
        snapshot = reader.read()
    except RebalancerError as error:
        return [Finding("snapshot", "read", "unexpected", str(error))], None
    requests, seconds = rpc.requests - before, time.perf_counter() - started
    block = snapshot.block
    seen = (
        f"block {block.number}, {len(snapshot.prices)} prices, {len(snapshot.pools)} pools, base fee {block.base_fee}"
    )
    # Two requests are right where a block came in between; see the reader.
    found = [
        Finding(
            "snapshot", "read", "ok" if requests <= 2 else "unexpected", f"{seen}: {requests} request, {seconds:.2f} s"
        )
    ]
    found += [Finding("snapshot", f"price of {p.token}", "ok", money(p.usd)) for p in snapshot.prices]
    gaps = guard_snapshot(settings.policy, snapshot)
    found += [Finding("snapshot", gap.rule, "unexpected", f"{gap.observed}; allowed: {gap.allowed}") for gap in gaps]
    return found, snapshot


def check_quotes(reader: ChainReader, rpc: Rpc, snapshot: Snapshot) -> Findings:
    """Local swaps of a few sizes, both ways, against QuoterV2 and the pairs, to the wei."""
    tag = hex(snapshot.block.number)
    for number in range(len(snapshot.pools)):
        pool = snapshot.pools[number]
        name = f"{'v3' if isinstance(pool, V3Pool) else 'v2'} {pool.token0}/{pool.token1} {pool.address}"
        different = []
        for token in (pool.token0, pool.token1):
            for size in SIZES:
                amount = snapshot.price(token).amount_down(size).raw
                snapshot = with_ticks(reader, snapshot, number, token, amount)
                case = Case(snapshot.pools[number], token == pool.token0, True, amount)
                different += compare(rpc, case, tag)
        verdict = "unexpected" if different else "ok"
        yield Finding("quote", name, verdict, "; ".join(different) or f"{2 * len(SIZES)} sizes exact to the wei")


def with_ticks(reader: ChainReader, snapshot: Snapshot, number: int, token: Token, amount: int) -> Snapshot:
    """The snapshot with as many ticks of one pool as the swap walks over."""
    for _ in range(MOST_READS):
        answer = swap_exact_in(snapshot.pools[number], token, amount)
        if not isinstance(answer, NeedTicks):
            break
        snapshot = reader.read_ticks(snapshot, MoreTicks((answer,)))
    return snapshot


def compare(rpc: Rpc, case: Case, tag: str) -> list[str]:
    """What differs at the block of the snapshot."""
    ours = simulate(case)
    calls = [(method, [{**params[0], "gas": GAS}, tag, *params[2:]]) for method, params in chain_calls(case, ours)]
    answers = [with_one_code(answer) for answer in rpc.batch_answers(calls)]
    try:
        found = difference(case, ours, answers)
    except RuntimeError as failure:  # swap_cases: an error that is no revert
        found = str(failure)
    return [] if found is None else [f"{case}: {found}"]


def with_one_code(answer: dict[str, Any]) -> dict[str, Any]:
    """Nodes have several codes for a reverted call."""
    error = answer.get("error")
    if isinstance(error, dict) and ("revert" in str(error.get("message", "")).lower() or error.get("data")):
        return {**answer, "error": {**error, "code": REVERTED}}
    return answer


def ask(to: str, signature: str) -> tuple[str, list[Any]]:
    return ("eth_call", [{"to": to, "data": "0x" + keccak256(signature.encode())[:4].hex()}, "latest"])


def number_of(answer: dict[str, Any], word: int = 0) -> int | None:
    """A word of an answer; None where there is none."""
    try:
        return Words(hex_bytes(answer.get("result"))).uint(word)
    except DecodeError:
        return None


def text_of(answer: dict[str, Any]) -> str:
    """A string of an answer, or the bytes32 that some old tokens give."""
    try:
        data = hex_bytes(answer.get("result"))
        raw = data.rstrip(b"\0") if len(data) == 32 else Words(data).at(0).blob()
    except DecodeError:
        return "none"
    return raw.decode("utf-8", "replace")


def mock_name(code: Any) -> str | None:
    """Which of the project's own test contracts this code is; immutables follow the runtime."""
    for path in sorted(ARTIFACTS.glob("Mock*.json")):
        if isinstance(code, str) and code.startswith(json.loads(path.read_text())["runtime"]):
            return path.stem
    return None
