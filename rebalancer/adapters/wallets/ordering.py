"""What one node says of orders that an intent has placed: the transaction that did so in, the intent's landing out.

An order is over when a settlement has filled it, when its owner has cancelled it, or when its time is past. The first
two are events, and believed as deep as any transaction. That there was no event up to its time is believed where those
blocks cannot be replaced any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from rebalancer.adapters.chain.codec import DecodeError, Words, hex_bytes
from rebalancer.adapters.chain.rpc import Call, Rpc, RpcError
from rebalancer.adapters.wallets.order_events import OrderEvent, Said, asked_of, order_events
from rebalancer.adapters.wallets.receipts import Json, changes_of, field, logs_of, quantity
from rebalancer.adapters.wallets.withdrawals import Lost, Withdrawn
from rebalancer.core.errors import Halt, Unavailable
from rebalancer.core.model import (
    FINAL_BLOCKS,
    End,
    Intent,
    Landed,
    Landing,
    Order,
    OrderEnd,
    Receipt,
    Waiting,
)
from rebalancer.units import Address, Amount, Wei, mul_div_up

_FILLED_AMOUNT = bytes.fromhex("2479fb6e")
"""filledAmount(bytes) of GPv2Settlement."""
_INVALID = 2**256 - 1
"""What it says of an order that was invalidated."""


@dataclass(frozen=True, slots=True)
class _Block:
    number: int
    hash: str
    timestamp: int


@dataclass(frozen=True, slots=True)
class Ordering:
    """Asks `rpc`. `holder`: whose orders they are; `confirmations`: how deep an event must lie to be final."""

    rpc: Rpc
    holder: Address
    confirmations: int

    def landing(
        self, intent: Intent, placed: Receipt, newest: tuple[int, int], withdrawn: Waiting | Withdrawn | Lost | None
    ) -> Landing:
        """`placed`: what made the orders valid; `newest`: number and time of the node's newest block. `withdrawn`: what
        became of a withdrawal; None: there is none.

        Raises Unavailable, Halt where orders stay open that were to be withdrawn.
        """
        events = self._events(intent, placed, newest)
        deciding = {order.uid: _deciding(order, events) for order in intent.orders}
        old = self._time_of_final(placed, newest)
        ends = {order.uid: _end(order, deciding[order.uid], old) for order in intent.orders}
        waits = [order for order in intent.orders if ends[order.uid] is None]
        if isinstance(withdrawn, Lost):
            withdrawn = _unless_lost(intent, withdrawn, waits, (newest[1], old))
        if waits or isinstance(withdrawn, Waiting):
            return _waiting(intent, ends, (waits, newest[1]), withdrawn)
        last = [event for event in deciding.values() if event is not None]
        if (replaced := self._why_not_there(last)) is not None:
            return Waiting(replaced, mined=True)
        over = tuple(end for order in intent.orders if (end := ends[order.uid]) is not None)
        self._require_unfilled(intent, over, newest[0])
        ended = self._ended(intent, placed, (over, last))
        return Landed(ended if withdrawn is None else _with_withdrawal(ended, withdrawn))

    def _events(self, intent: Intent, placed: Receipt, newest: tuple[int, int]) -> tuple[OrderEvent, ...]:
        """Of all its orders, as long as they are valid. Unavailable where the node does not show what placed them."""
        settlements = [order.settlement for order in intent.orders]
        last = self._last_valid(intent, placed, newest[0] - self.confirmations + 1)
        events = order_events(self.rpc, self.holder, settlements, (placed.block, last))
        placing = {e.uid for e in events if e.said is Said.PRESIGNED and e.signed and e.tx == placed.tx}
        missing = [order.uid for order in intent.orders if order.uid not in placing]
        if missing:
            raise Unavailable(
                f"{self.rpc.host}: shows no PreSignature of order {missing[0]} in block {placed.block}, in which "
                f"{placed.tx} made it: it does not keep all events. Use another node"
            )
        return events

    def _last_valid(self, intent: Intent, placed: Receipt, final: int) -> int:
        """The last block up to `final` in which an order may have been filled."""
        valid_to = max(order.valid_to for order in intent.orders)
        if self._block(final).timestamp <= valid_to:
            return final
        low, high = placed.block, final
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._block(middle).timestamp <= valid_to else (low, middle)
        return low

    def _time_of_final(self, placed: Receipt, newest: tuple[int, int]) -> int:
        """The time of the newest block that cannot be replaced any more, or of what placed the orders."""
        number = newest[0] - max(self.confirmations, FINAL_BLOCKS) + 1
        return self._block(number).timestamp if number > placed.block else placed.timestamp

    def _why_not_there(self, events: Iterable[OrderEvent]) -> str | None:
        """That a block in which something was decided is not the chain's any more; None: they all are."""
        for event in events:
            if self._block(event.block).hash != event.block_hash:
                return f"block {event.block}, in which an order was decided, is being replaced"
        return None

    def _require_unfilled(self, intent: Intent, ends: Sequence[OrderEnd], newest: int) -> None:
        """Unavailable where the contract counts as filled what its events do not show: one of the two is kept back."""
        unfilled = [order for order, end in zip(intent.orders, ends, strict=True) if end.how is not End.FILLED]
        calls: list[Call] = [
            ("eth_call", [{"to": order.settlement, "data": "0x" + asked_of(_FILLED_AMOUNT, order).hex()}, hex(newest)])
            for order in unfilled
        ]
        with suppress(RpcError):  # no state of that block: the events alone are to be believed then
            for order, answer in zip(unfilled, self.rpc.batch(calls) if calls else [], strict=True):
                if Words(hex_bytes(answer), what="filledAmount()").uint(0) not in (0, _INVALID):
                    raise Unavailable(
                        f"{self.rpc.host}: shows no Trade of order {order.uid}, and counts it as filled: the node "
                        "contradicts itself; try again at the next tick, or use another"
                    )

    def _ended(
        self, intent: Intent, placed: Receipt, over: tuple[tuple[OrderEnd, ...], Sequence[OrderEvent]]
    ) -> Receipt:
        """The receipt of all of it: each fill counts once, whatever orders it filled."""
        ends, deciding = over
        fills = {event.tx: event for event in deciding if event.said is Said.TRADE and event.tx != placed.tx}
        tokens = [amount.token for amount in intent.expected]
        moved = [placed.changes, *(changes_of(self._fill(event), self.holder, tokens) for event in fills.values())]
        receipt = replace(placed, changes=_sum(moved), orders=ends)
        last = max(deciding, key=lambda event: (event.block, event.place), default=None)
        if last is None:
            return receipt
        time = self._block(last.block).timestamp
        return replace(receipt, tx=last.tx, block=last.block, block_hash=last.block_hash, timestamp=time)

    def _fill(self, event: OrderEvent) -> Json:
        """The receipt of a fill, which must say what the event says."""
        receipt: Json | None = self.rpc.call("eth_getTransactionReceipt", event.tx)
        what = f"the receipt of {event.tx}"
        if receipt is None:
            raise Unavailable(f"{self.rpc.host}: shows an event of {event.tx}, and has no receipt of it yet")
        uid = event.uid[2:]
        said = any(
            address == event.settlement and topics[:1] == [Said.TRADE.value] and uid in data.lower()
            for address, topics, data in logs_of(receipt)
        )
        where = str(field(what, receipt, "blockHash")).lower(), str(field(what, receipt, "transactionHash")).lower()
        if where != (event.block_hash, event.tx) or quantity(what, receipt, "status") != 1 or not said:
            raise DecodeError(f"{self.rpc.host}: {what} is not the one that its event is of; try another node")
        return receipt

    def _block(self, number: int) -> _Block:
        what = f"block {number}"
        block = self.rpc.call("eth_getBlockByNumber", hex(number), False)
        if block is None:
            raise Unavailable(f"{self.rpc.host}: has no {what}, and is further by its own word; try again")
        return _Block(number, str(field(what, block, "hash")).lower(), quantity(what, block, "timestamp"))


def _deciding(order: Order, events: Iterable[OrderEvent]) -> OrderEvent | None:
    """What has ended an order: its fill, or what made it invalid. A signature that was taken back may be given anew."""
    ours = [event for event in events if event.uid == order.uid and event.settlement == order.settlement.lower()]
    trades = [event for event in ours if event.said is Said.TRADE]
    if len(trades) > 1:
        raise DecodeError(f"order {order.uid} was filled {len(trades)} times, and can be once; try another node")
    if trades:
        return trades[0]
    invalidated = [event for event in ours if event.said is Said.INVALIDATED]
    if invalidated:
        return invalidated[0]
    return None if not ours or ours[-1].signed else ours[-1]


def _end(order: Order, event: OrderEvent | None, final: int) -> OrderEnd | None:
    """None: it may be filled yet. `final`: up to this second nothing is replaced any more."""
    if event is None:
        return OrderEnd(order.uid, End.EXPIRED) if final > order.valid_to else None
    if event.said is not Said.TRADE:
        return OrderEnd(order.uid, End.CANCELLED, tx=event.tx)
    return OrderEnd(order.uid, End.FILLED, _of(event.sold, order.sell), _of(event.bought, order.least), event.tx)


def _of(traded: tuple[Address, int] | None, asked: Amount) -> int:
    """So much of the token that was agreed; of another one nothing."""
    return traded[1] if traded is not None and traded[0] == asked.token.address else 0


def _unless_lost(intent: Intent, lost: Lost, waits: Sequence[Order], at: tuple[int, int]) -> Waiting | None:
    """`at`: the time of the newest block, and up to which nothing is replaced any more. None: the events decide."""
    now, final = at
    still = [order for order in waits if order.valid_to >= now]
    if lost.by_another and still:
        last = max(order.valid_to for order in still)
        raise Halt(
            f"{lost.reason}: it can never be mined, and order {still[0].uid} is open until {last}, which the market "
            "has left behind. Find out who else uses the operator's key; `rebalancer status` shows how the owners "
            "cancel the order by hand. Resume when it is over: its events tell then what became of it"
        )
    is_over = final > max(order.valid_to for order in intent.orders)
    return None if lost.by_another or is_over else Waiting(lost.reason)


def _waiting(
    intent: Intent,
    ends: dict[str, OrderEnd | None],
    at: tuple[Sequence[Order], int],
    withdrawn: Waiting | Withdrawn | None,
) -> Waiting:
    """`at`: the orders that are not over, and the time of the newest block."""
    waits, now = at
    filled = sum(end is not None and end.how is End.FILLED for end in ends.values())
    words = [f"ordered: {filled} of {len(intent.orders)} filled"]
    still = tuple(order for order in waits if order.valid_to >= now)
    if still:
        words.append(f"valid until {max(order.valid_to for order in still)}")
    elif waits:
        words.append(f"expired at {max(order.valid_to for order in waits)}, which is not final yet")
    if not isinstance(withdrawn, Waiting):
        return Waiting(", ".join(words), mined=True, open_orders=still)
    said = f"{', '.join(words)}; {withdrawn.reason}"
    return Waiting(said, mined=True, open_orders=still, withdrawing=withdrawn.withdrawing)


def _with_withdrawal(receipt: Receipt, withdrawn: Withdrawn) -> Receipt:
    """Both have cost gas: a unit's price is their mean, rounded up."""
    gas = receipt.gas_used + withdrawn.gas_used
    paid = receipt.gas_used * receipt.gas_price + withdrawn.gas_used * withdrawn.gas_price
    changes = _sum([receipt.changes, withdrawn.changes])
    return replace(receipt, gas_used=gas, gas_price=Wei(mul_div_up(paid, 1, gas)), changes=changes)


def _sum(moved: Sequence[tuple[Amount, ...]]) -> tuple[Amount, ...]:
    """Changes of the same tokens, token by token."""
    return tuple(Amount(each[0].token, sum(change.raw for change in each)) for each in zip(*moved, strict=True))
