"""One swap, ours and the chain's: what to ask the chain, and what differs in its answer.

QuoterV2 answers for V3 pools. For V2 the pair itself must accept the amount out and refuse one unit more, and
SwapRouter02 gives the amount in of an exact out.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chain_pools import selector, words
from eth_abi.abi import encode

from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.adapters.chain.rpc import Call
from rebalancer.market import uniswap_v2, uniswap_v3
from rebalancer.market.pools import Pool
from rebalancer.market.swap import NoSwap, Swap
from rebalancer.market.uniswap_v2 import V2Pool
from rebalancer.market.uniswap_v3 import V3Pool

QUOTE_IN = selector("quoteExactInputSingle((address,address,uint256,uint24,uint160))")
QUOTE_OUT = selector("quoteExactOutputSingle((address,address,uint256,uint24,uint160))")
PAIR_SWAP = selector("swap(uint256,uint256,address,bytes)")
ROUTER_OUT = selector("swapTokensForExactTokens(uint256,uint256,address[],address)")
BALANCE_OF = selector("balanceOf(address)").hex()
SOMEBODY = "0x00000000000000000000000000000000000ca11e"
GAS = hex(1 << 32)  # a swap through every tick of a pool takes more than a block of it
REVERTED = 3  # the JSON-RPC code of a call that the contract itself refused
Answers = Sequence[dict[str, Any]]
Ours = Swap[Pool] | NoSwap | None


@dataclass(frozen=True, slots=True)
class Case:
    """One swap to compare. `amount` comes in or goes out, by `exact_in`."""

    pool: Pool
    zero_for_one: bool
    exact_in: bool
    amount: int

    def tokens(self) -> tuple[str, str]:
        pair = (self.pool.token0.address, self.pool.token1.address)
        return pair if self.zero_for_one else (pair[1], pair[0])

    def __str__(self) -> str:
        way = "0 to 1" if self.zero_for_one else "1 to 0"
        return f"{self.pool.address} {way} exact {'in' if self.exact_in else 'out'} {self.amount}"


def chain_calls(case: Case, ours: Ours) -> list[Call]:
    """What to ask the chain."""
    return quoter_calls(case) if isinstance(case.pool, V3Pool) else pair_calls(case, ours)


def difference(case: Case, ours: Ours, answers: Answers) -> str | None:
    """What differs between our swap and the chain's answers, or None."""
    return judge_quote(case, ours, answers) if isinstance(case.pool, V3Pool) else judge_pair(case, ours, answers)


def simulate(case: Case) -> Ours:
    """Our answer. None: it wants ticks that a full state cannot lack."""
    match case.pool:
        case V2Pool() as pool:
            kind2 = uniswap_v2.swap_exact_in if case.exact_in else uniswap_v2.swap_exact_out
            return kind2(pool, case.zero_for_one, case.amount)
        case V3Pool() as pool:
            kind3 = uniswap_v3.swap_exact_in if case.exact_in else uniswap_v3.swap_exact_out
            answer = kind3(pool, case.zero_for_one, case.amount)
            return answer if isinstance(answer, Swap | NoSwap) else None


# ---- V3: QuoterV2


def quoter_calls(case: Case) -> list[Call]:
    assert isinstance(case.pool, V3Pool)
    head = QUOTE_IN if case.exact_in else QUOTE_OUT
    kinds = ["address", "address", "uint256", "uint24", "uint160"]
    data = head + encode(kinds, [*case.tokens(), case.amount, case.pool.fee, 0])
    return [("eth_call", [{"to": MAINNET.quoter_v2, "data": "0x" + data.hex(), "gas": GAS}, "latest"])]


def judge_quote(case: Case, ours: Ours, answers: Answers) -> str | None:
    # The quoter refuses what the pool gives only in part, and a swap in which nothing moves.
    refuses = not isinstance(ours, Swap) or (ours.unfilled > 0 and not case.exact_in) or ours.amount_in == 0
    if ours is None or refuses != refused(answers[0]):
        return f"ours {ours and brief(ours)}, QuoterV2 {answers[0].get('error', answers[0].get('result'))}"
    if not isinstance(ours, Swap) or refuses:
        return None
    assert isinstance(ours.pool_after, V3Pool) and isinstance(case.pool, V3Pool)
    expected = words(answers[0]["result"])[:3]
    amount = ours.amount_out if case.exact_in else ours.amount_in
    crossed = ours.ticks_crossed + quoter_miscount(case.pool, ours.pool_after.tick)
    seen = [amount, ours.pool_after.sqrt_price_x96, crossed]
    return None if seen == expected else f"ours {seen}, QuoterV2 {expected}"


def quoter_miscount(pool: V3Pool, after: int) -> int:
    """What PoolTicksCounter of v3-periphery counts beyond the ticks that were crossed.

    It divides by the spacing towards zero, and its range takes in the tick next to the one it started from.
    """
    before, spacing = pool.tick, pool.tick_spacing
    low, high = sorted(abs(t) // spacing * (1 if t >= 0 else -1) * spacing for t in (before, after))
    counted = ticks_within(pool, low, high)
    start_or_end = before if before < after else after
    if before != after and start_or_end % spacing == 0:
        counted -= ticks_within(pool, start_or_end, start_or_end)
    return counted - ticks_within(pool, min(before, after) + 1, max(before, after))


def ticks_within(pool: V3Pool, first: int, last: int) -> int:
    """How many initialised ticks lie in first to last, both inclusive."""
    return bisect_left(pool.ticks, (last + 1,)) - bisect_left(pool.ticks, (first,))


# ---- V2: the pair, and the router's arithmetic for exact out


def pair_calls(case: Case, ours: Ours) -> list[Call]:
    assert isinstance(case.pool, V2Pool)
    reserve_in, reserve_out = uniswap_v2.reserves_towards(case.pool, case.zero_for_one)
    if isinstance(ours, Swap):
        fair = uniswap_v2.swap_exact_in(case.pool, case.zero_for_one, ours.amount_in)
        paid = fair.amount_out if isinstance(fair, Swap) else 0
        came = ours.amount_in
    else:
        came, paid = (case.amount, 0) if case.exact_in else (1, case.amount)
    if not case.exact_in:
        kinds = ["uint256", "uint256", "address[]", "address"]
        data = ROUTER_OUT + encode(kinds, [case.amount, (1 << 256) - 1, list(case.tokens()), SOMEBODY])
        balances = (reserve_in + came, max(reserve_out - paid, 0))
        return [call_with_balances(case, MAINNET.swap_router_02, data, balances)]
    calls = []
    for out in (paid, paid + 1):
        amounts = [0, out] if case.zero_for_one else [out, 0]
        data = PAIR_SWAP + encode(["uint256", "uint256", "address", "bytes"], [*amounts, SOMEBODY, b""])
        balances = (reserve_in + came, max(reserve_out - out, 0))
        calls.append(call_with_balances(case, case.pool.address, data, balances))
    return calls


def call_with_balances(case: Case, to: str, data: bytes, balances: tuple[int, int]) -> Call:
    """A call in which the pair's balances of the two tokens are `balances`, as after the tokens have moved."""
    codes = {token: {"code": token_code(b)} for token, b in zip(case.tokens(), balances, strict=True)}
    return ("eth_call", [{"from": SOMEBODY, "to": to, "data": "0x" + data.hex(), "gas": GAS}, "latest", codes])


def token_code(balance: int) -> str:
    """A contract that answers balanceOf with `balance` and everything else with true."""
    branch = "5f3560e01c63" + BALANCE_OF + "14601757"  # selector == balanceOf: jump to 0x17
    return "0x" + branch + "60015f5260205ff3" + "00" + "5b7f" + f"{balance:064x}" + "5f5260205ff3"


def judge_pair(case: Case, ours: Ours, answers: Answers) -> str | None:
    seen = [refused(answer) for answer in answers]
    if not isinstance(ours, Swap):
        return None if all(seen) else f"ours {ours}, the pair accepts"
    if case.exact_in:
        return None if seen == [False, True] else f"ours {brief(ours)}, refused with it and one more: {seen}"
    if seen != [False]:
        return f"ours {brief(ours)}, the router says {answers[0].get('error')}"
    wanted = words(answers[0]["result"])[0]
    return None if wanted == ours.amount_in else f"ours {ours.amount_in}, SwapRouter02 {wanted}"


def refused(answer: dict[str, Any]) -> bool:
    """Whether the contract reverted. Any other failure is none of its answers and ends the benchmark."""
    error = answer.get("error")
    if error is not None and error.get("code") != REVERTED:
        raise RuntimeError(f"the node failed: {error}")
    return error is not None


def brief(ours: Swap[Pool] | NoSwap) -> str:
    match ours:
        case Swap():
            return f"in {ours.amount_in} out {ours.amount_out} unfilled {ours.unfilled}"
        case NoSwap(reason=reason):
            return f"refusal ({reason})"
