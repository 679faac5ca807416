"""How a bent answer comes about: an honest venue's in, the same with one thing about it bent out."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import kyber_server
import one_inch_server
import velora_server
import zero_x_server
from given_http import Play
from given_venue_server import Question, Reply, VenueServer

from rebalancer.adapters.venues import odos_calls
from rebalancer.adapters.venues.calldata import Function

Bend = Callable[[Any, Question, Reply], Reply | Play]
"""The stage that the venue is asked on, where there is one; what was asked; and what an honest venue answers."""
Edit = Callable[[Any], object]
Value = Any
"""What stands in place of a field; or a function that gives it, of the stage and what stood there."""


def honest(_: Any, __: Question, reply: Reply) -> Reply:
    """Nothing is bent."""
    return reply


# ---------------------------------------------------------------- bytes and replies


def instead(answer: Reply | Play) -> Bend:
    """Whatever was asked."""
    return lambda _, __, ___: answer


def of_json(text: str | bytes) -> Bend:
    """This text, which claims to be JSON."""
    return instead(Reply(text if isinstance(text, bytes) else text.encode()))


def page(status: int, text: str, **headers: str) -> Bend:
    """A status, a body of any kind, and headers: `_` in their names is `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return instead(Reply(text.encode(), status, {"Content-Type": "text/html", **named}))


def on(path: str, bend: Bend) -> Bend:
    """For questions whose path ends so; the others are answered honestly."""
    return lambda stage, question, reply: (bend if question.path.endswith(path) else honest)(stage, question, reply)


def both(first: Bend, second: Bend) -> Bend:
    """One after the other; the first must leave an answer."""
    return lambda stage, question, reply: second(stage, question, first(stage, question, reply))  # type: ignore[arg-type]


def bends(server: VenueServer, bend: Bend) -> None:
    """From now on the server's answers are bent."""
    honest_one = server.answer

    def answer(question: Question) -> Reply | Play:
        reply = honest_one(question)
        assert isinstance(reply, Reply)
        return bend(None, question, reply)

    server.answer = answer


# ---------------------------------------------------------------- fields


def field(path: str, value: Value) -> Bend:
    """In each answer that has it, the field at a path such as `tx.to` is another; where the path ends in `+` it is
    there besides.
    """
    *parents, name = path.removesuffix("+").split(".")

    def edit(stage: Any, body: Any) -> None:
        for parent in parents:
            body = body.get(parent) if isinstance(body, dict) else None
        if isinstance(body, dict) and (name in body or path.endswith("+")):
            body[name] = _made(stage, body.get(name), value)

    return lambda stage, _, reply: _edited(reply, lambda body: edit(stage, body))


def written(path: str, text: str) -> Bend:
    """The field at a path, in letters that no JSON library writes."""
    mark = "what is to be written"
    bent = field(path, mark)

    def bend(stage: Any, question: Question, reply: Reply) -> Reply:
        found = bent(stage, question, reply)
        assert isinstance(found, Reply)
        return Reply(found.written().replace(json.dumps(mark).encode(), text.encode()))

    return bend


def times(numerator: int, denominator: int = 1) -> Callable[[Any, Any], str]:
    """So many times the amount that an honest venue says."""
    return lambda _, amount: str(int(amount) * numerator // denominator)


# ---------------------------------------------------------------- calldata


@dataclass(frozen=True, slots=True)
class Calldata:
    """Where a venue's answer has it, and what it calls. `behind`: bytes that belong to nobody."""

    at: tuple[str, ...]
    function: Function
    behind: int = 0


CALLDATA = {
    "one_inch": Calldata(("tx",), one_inch_server.SWAP, len(one_inch_server.TAG)),
    "zero_x": Calldata(("transaction",), zero_x_server.EXEC),
    "velora": Calldata((), velora_server.GENERIC),
    "kyber": Calldata(("data",), kyber_server.IN_EXECUTION),
    "odos": Calldata(("transaction",), odos_calls.SWAP),
    "velora direct": Calldata((), velora_server.ON_UNISWAP_V3),
    "kyber simple": Calldata(("data",), kyber_server.SIMPLE),
    "odos for all": Calldata(("transaction",), odos_calls.SWAP_MULTI),
}


def argument(venue: str, place: tuple[int, ...], value: Value) -> Bend:
    """In the call, the argument at a place is another: (1, 3) is the fourth field of the second argument."""

    def bend(stage: Any, data: bytes) -> bytes:
        known = CALLDATA[venue]
        end = len(data) - known.behind
        arguments = known.function.read(data[:end])
        return known.function.call(*_put(stage, arguments, place, value)) + data[end:]

    return calldata(venue, bend)


def of_the_settler(place: tuple[int, ...], value: Value) -> Bend:
    """In 0x's call, an argument of the call that the Settler gets."""

    def inner(stage: Any, data: Any) -> bytes:
        function = zero_x_server.EXECUTE
        return function.call(*_put(stage, function.read(data), place, value))

    return argument("zero_x", (4,), inner)


def calldata(venue: str, bend: Callable[[Any, bytes], bytes]) -> Bend:
    """The calldata is other bytes."""

    def change(stage: Any, text: str) -> str:
        return "0x" + bend(stage, bytes.fromhex(text[2:])).hex()

    return field(".".join((*CALLDATA[venue].at, "data")), change)


def _put(stage: Any, arguments: Sequence[Any], place: tuple[int, ...], value: Value) -> tuple[Any, ...]:
    first, *rest = place
    found = arguments[first]
    new = _put(stage, found, tuple(rest), value) if rest else _made(stage, found, value)
    return (*arguments[:first], new, *arguments[first + 1 :])


def _made(stage: Any, found: Any, value: Value) -> Any:
    return value(stage, found) if callable(value) else value


def _edited(reply: Reply, edit: Edit) -> Reply:
    if reply.status != 200:
        return reply
    body = json.loads(reply.written())
    edit(body)
    # What is given back verbatim is not written anew.
    same = body == json.loads(reply.written())
    return reply if same else Reply(body, reply.status, reply.headers)
