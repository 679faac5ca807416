"""Calldata from outside, for a RebalanceModule: a venue's quote in, the route whose checker takes its call out; and the
rules that such calldata must keep.

They are those of contracts/RouteCheck.vy, by the names of its reasons, of a checker as it says itself. So what it would
refuse is known before it is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rebalancer.core.model.batch import Breach
from rebalancer.core.model.module import NOBODY, Checker, CheckKind, FieldCheck, ModulePolicy, ModuleSwap
from rebalancer.core.model.quotes import Call
from rebalancer.core.module_books import breach
from rebalancer.units import Address

PREFIX = "RouteCheck: "
"""Of every reason that a checker reverts with."""
_LENGTH_BITS = 16
_SELECTOR = 4
_REASONS = {
    CheckKind.SAFE: "receiver",
    CheckKind.TOKEN_IN: "token_in",
    CheckKind.TOKEN_OUT: "token_out",
    CheckKind.AMOUNT_IN: "amount_in",
    CheckKind.AT_LEAST_MIN_OUT: "min_out",
    CheckKind.CONSTANT: "constant",
}


@dataclass(frozen=True, slots=True)
class Offered:
    """Calldata for one swap, and what it is held against."""

    data: bytes
    safe: Address
    token_in: Address
    token_out: Address
    amount_in: int
    min_out: int

    def wanted(self, check: FieldCheck) -> int:
        """What the field must be, or at least."""
        match check.kind:
            case CheckKind.SAFE:
                return int(self.safe, 16)
            case CheckKind.TOKEN_IN:
                return int(self.token_in, 16)
            case CheckKind.TOKEN_OUT:
                return int(self.token_out, 16)
            case CheckKind.AMOUNT_IN:
                return self.amount_in
            case CheckKind.AT_LEAST_MIN_OUT:
                return self.min_out
            case CheckKind.CONSTANT:
                return check.pinned


def part_word(start: int, length: int) -> int:
    """Where the calldata of a swap lies in that of all: the path of a route with a checker."""
    return start << _LENGTH_BITS | length


def routes_to(policy: ModulePolicy, call: Call) -> tuple[int, ...]:
    """The places of all routes with a checker that lead to whom the call goes to."""
    routes = enumerate(policy.routes)
    return tuple(place for place, route in routes if route.router == call.to and route.checker != NOBODY)


def best_route(policy: ModulePolicy, places: Sequence[int], checkers: Sequence[Checker], offered: Offered) -> int:
    """Of these places the one whose checker takes the calldata, and leaves the least open.

    Where none takes it, one for the same function, whose rules say what is wrong.
    """

    def unfit(place: int) -> tuple[int, int]:
        checker = checker_of(checkers, policy.routes[place].checker)
        if checker is None:
            return 3, 0
        if next(check_breaches(checker, offered), None) is None:
            return 0, len(checker.open_kinds)
        return 1 if checker.selector == offered.data[:_SELECTOR] else 2, len(checker.open_kinds)

    return min(places, key=unfit)


def call_breaches(
    policy: ModulePolicy, checkers: Sequence[Checker], swap: ModuleSwap, data: bytes, number: int
) -> Iterator[Breach]:
    """What is wrong with the calldata of a swap over a route with a checker. Its tokens are two of the portfolio."""
    start, length = swap.path >> _LENGTH_BITS, swap.path & ((1 << _LENGTH_BITS) - 1)
    if start + length > len(data):
        seen = f"swap {number} has {length} bytes of calldata from byte {start} on"
        yield breach("call", seen, f"bytes of the {len(data)} that there are")
        return
    address = policy.routes[swap.route].checker
    checker = checker_of(checkers, address)
    if checker is None:
        yield breach(
            "checker", f"{address}, the checker of route {swap.route}, does not say what it checks", "a RouteCheck"
        )
        return
    if checker.open_kinds and not policy.limits.allow_opaque:
        left = ", ".join(kind.name for kind in checker.open_kinds)
        yield breach(
            "opaque", f"the checker of route {swap.route} pins no {left}", "one that does: `allow_opaque` is off"
        )
    tokens = policy.assets[swap.token_in].token, policy.assets[swap.token_out].token
    part = data[start : start + length]
    yield from check_breaches(checker, Offered(part, policy.safe, *tokens, swap.amount_in, swap.min_out))


def check_breaches(checker: Checker, offered: Offered) -> Iterator[Breach]:
    """Every refusal of a RouteCheck, in its order."""
    data = offered.data
    if len(data) < _SELECTOR or checker.length not in (0, len(data)):
        yield _refusal("length", f"{len(data)} bytes", f"{checker.length or 'at least 4'} bytes")
        return
    if data[:_SELECTOR] != checker.selector:
        yield _refusal("selector", f"0x{data[:_SELECTOR].hex()}", f"0x{checker.selector.hex()}")
    for check in checker.checks:
        yield from _field_breaches(check, offered)


def checker_of(checkers: Iterable[Checker], address: Address) -> Checker | None:
    """What is known of a route's checker; None: it does not say what it checks."""
    return next((checker for checker in checkers if checker.address == address), None)


def _field_breaches(check: FieldCheck, offered: Offered) -> Iterator[Breach]:
    end, wanted = check.offset + check.size, offered.wanted(check)
    where = f"bytes {check.offset} to {end - 1}"
    if end > len(offered.data):
        yield _refusal("length", f"{len(offered.data)} bytes", f"at least {end}")
        return
    found = int.from_bytes(offered.data[check.offset : end], "big")
    least = check.kind is CheckKind.AT_LEAST_MIN_OUT
    if found < wanted or (found > wanted and not least):
        expected = f"at least {wanted:#x}" if least else f"{wanted:#x}"
        yield _refusal(_REASONS[check.kind], f"{where} are {found:#x}", expected)


def _refusal(reason: str, observed: str, allowed: str) -> Breach:
    return Breach(PREFIX + reason, observed, allowed)
