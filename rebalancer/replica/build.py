"""Builds the replica on an empty anvil that does not mine by itself: a plan goes in, mainnet's shape comes out.

A few large batches and four blocks, no round trip per transaction. Contracts of other people get their own
bytecode at their own addresses; at the end every address of the plan is checked to have code.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.adapters.chain.rpc import Call, Rpc
from rebalancer.core.errors import ConfigError
from rebalancer.replica.bytecode import multicall3_runtime, npm_init_code
from rebalancer.replica.calls import encode_call, read
from rebalancer.replica.mainnet import FEEDS
from rebalancer.replica.places import SAFE_CONTRACTS, SAFE_FACTORY, SAFE_FACTORY_CODE, feeds, mock_tokens, protocols
from rebalancer.replica.plan import Plan
from rebalancer.replica.pools import PoolState, V2State, V3State
from rebalancer.replica.storage import MOCK_SUPPLY, V3_SLOT0, balance_slot, read_word, splice_slot0, v3_words, write

OBSERVED = frozenset({("LINK", "WETH", 3000), ("UNI", "WETH", 3000), ("USDC", "WETH", 500)})
"""Pools that remember enough observations for a time-weighted price after many swaps."""
OBSERVATIONS = 120

BLOCK_SECONDS = 12
TX_GAS = 8_000_000
"""More than the largest construction here (a Uniswap pool takes 4.6 million)."""
TX_GAS_PRICE = 10 * 10**9
BATCH = 4_000
"""Calls in one HTTP request: anvil takes no more than 2 MB."""


class Outbox:
    """Sends many transactions of one account and mines them into one block."""

    def __init__(self, rpc: Rpc, sender: str, started: int) -> None:
        self.rpc = rpc
        self.sender = sender
        self._nonce = 0
        self._time = started

    def mine(self, transactions: Iterable[tuple[str, str]]) -> None:
        """One block with `transactions` (to, data), twelve seconds after the last. All must succeed."""
        calls: list[Call] = []
        for to, data in transactions:
            calls.append(("eth_sendTransaction", [self._transaction(to, data)]))
            self._nonce += 1
        self._time += BLOCK_SECONDS
        self.rpc.batch(calls)
        self.rpc.call("evm_setNextBlockTimestamp", self._time)
        self.rpc.call("evm_mine")
        receipts = self.rpc.call("eth_getBlockReceipts", "latest")
        failed = [receipt["to"] for receipt in receipts if receipt["status"] != "0x1"]
        if failed or len(receipts) != len(calls):
            raise ConfigError(
                f"replica: {len(receipts)} of {len(calls)} transactions were mined, and those to {failed} failed: "
                "the npm packages are not the ones of package-lock.json; run `npm ci`"
            )

    def _transaction(self, to: str, data: str) -> dict[str, str]:
        return {
            "from": self.sender,
            "to": to,
            "data": data,
            "nonce": hex(self._nonce),
            "gas": hex(TX_GAS),
            "gasPrice": hex(TX_GAS_PRICE),
        }


def build(rpc: Rpc, plan: Plan, deployer: str, started: int) -> None:
    """All of it. `started` is the timestamp of the chain's first block."""
    outbox = Outbox(rpc, deployer, started)
    construct_in_place(outbox, {**protocols(deployer), **mock_tokens(plan.tokens), **feeds(plan.prices)})
    outbox.mine(_pool_creations(plan.pools))
    write_pools(rpc, plan.pools)
    in_chunks(rpc, _supplies(plan))
    outbox.mine(
        (state.pool.address, encode_call("mint(address)", deployer))
        for state in plan.pools
        if isinstance(state, V2State)
    )
    _check(rpc, plan)


def construct_in_place(outbox: Outbox, places: Mapping[str, str]) -> None:
    """Runs each constructor at the address where the contract shall stand: `places` is address → init code.

    With the init code as the account's code, a call returns the runtime (immutables and its own address
    right), and a transaction makes the constructor's storage writes stick. Safe's contracts go the ordinary
    way in the same block.
    """
    rpc = outbox.rpc
    rpc.batch(
        [("anvil_setCode", [address, code]) for address, code in places.items()]
        + [
            ("anvil_setCode", [MAINNET.multicall3, multicall3_runtime()]),
            ("anvil_setCode", [SAFE_FACTORY, SAFE_FACTORY_CODE]),
        ]
    )
    runtimes = rpc.batch([("eth_call", [{"to": address}, "latest"]) for address in places])
    salt = bytes(32).hex()
    safes = [(SAFE_FACTORY, f"0x{salt}{npm_init_code(name)[2:]}") for name in SAFE_CONTRACTS]
    outbox.mine([*((address, "0x") for address in places), *safes])
    rpc.batch([("anvil_setCode", [address, code]) for address, code in zip(places, runtimes, strict=True)])


def write_pools(rpc: Rpc, states: Sequence[PoolState], old: Sequence[PoolState] = ()) -> None:
    """Liquidity, prices and balances of pools that exist. Ticks of `old` that are no more are cleared."""
    v3 = [state for state in states if isinstance(state, V3State)]
    slots = rpc.batch([read_word(state.pool.address, V3_SLOT0) for state in v3])
    words: dict[tuple[str, int], int] = {}
    for before in old:
        if isinstance(before, V3State):
            words.update({(before.pool.address, slot): 0 for slot in v3_words(before)})
    for state, slot0 in zip(v3, slots, strict=True):
        words[state.pool.address, V3_SLOT0] = splice_slot0(int(slot0, 16), state)
        words.update({(state.pool.address, slot): value for slot, value in v3_words(state).items()})
    for each in states:
        for token, amount in zip((each.pool.token0, each.pool.token1), each.balances_up(), strict=True):
            words[token.address, balance_slot(token.address, each.pool.address)] = amount
    in_chunks(rpc, [write(address, slot, value) for (address, slot), value in words.items()])


def in_chunks(rpc: Rpc, calls: Sequence[Call]) -> None:
    """Many calls, in as few requests as the node takes."""
    for start in range(0, len(calls), BATCH):
        rpc.batch(calls[start : start + BATCH])


def _pool_creations(states: Sequence[PoolState]) -> list[tuple[str, str]]:
    # The 0.01 % tier came to mainnet by a vote after the deployment.
    enable = encode_call("enableFeeAmount(uint24,int24)", 100, 1)
    calls: list[tuple[str, str]] = [(MAINNET.uniswap_v3_factory, enable)]
    for state in states:
        pool = state.pool
        pair = (pool.token0.address, pool.token1.address)
        if isinstance(state, V2State):
            calls.append((MAINNET.uniswap_v2_factory, encode_call("createPair(address,address)", *pair)))
            continue
        create = encode_call("createPool(address,address,uint24)", *pair, pool.fee)
        calls.append((MAINNET.uniswap_v3_factory, create))
        calls.append((pool.address, encode_call("initialize(uint160)", state.sqrt_price_x96)))
        if (pool.token0.symbol, pool.token1.symbol, pool.fee) in OBSERVED:
            grow = encode_call("increaseObservationCardinalityNext(uint16)", OBSERVATIONS)
            calls.append((pool.address, grow))
    return calls


def _supplies(plan: Plan) -> list[Call]:
    """Total supplies that match the balances written; WETH's supply is the ether that it holds."""
    totals: dict[str, int] = {}
    for state in plan.pools:
        for token, amount in zip((state.pool.token0, state.pool.token1), state.balances_up(), strict=True):
            totals[token.address] = totals.get(token.address, 0) + amount
    ether = totals.pop(MAINNET.weth, 0)
    calls = [write(address, MOCK_SUPPLY, amount) for address, amount in totals.items()]
    return [*calls, ("anvil_setBalance", [MAINNET.weth, hex(ether)])]


def _check(rpc: Rpc, plan: Plan) -> None:
    """Every address that others rely on has code, and the contracts agree with the state that was planned."""
    expected = [*SAFE_CONTRACTS.values(), *(state.pool.address for state in plan.pools)]
    codes = rpc.batch([("eth_getCode", [address, "latest"]) for address in expected])
    bare = [address for address, code in zip(expected, codes, strict=True) if code == "0x"]
    if bare:
        raise ConfigError(
            f"replica: no code at {', '.join(bare)}, where mainnet's bytecode would have landed: "
            "the npm packages are not the ones of package-lock.json; run `npm ci`"
        )
    rpc.batch([read(feed.address, "latestRoundData()") for feed in FEEDS.values()])
