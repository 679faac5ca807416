"""An answer as it came over the network: bytes in, JSON that was read strictly out, or why it cannot be."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

_DEEPEST = 64
"""Levels. Routes nest a dozen; what is read without end takes the stack of whoever reads it."""
_EXCERPT = 120


class VenueError(Exception):
    """No quote, and why."""


class Declined(VenueError):
    """It says no itself, with a status of its own. `said`: the text of its answer, without our key."""

    def __init__(self, words: str, said: str) -> None:
        super().__init__(words)
        self.said = said


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as read, and as it was written: what is passed on goes back as it came. `body` is an object, but for
    who asks for a text.
    """

    body: Any
    text: str

    def verbatim(self, *path: str) -> str:
        """The JSON text of a member, or of a member of it. VenueError where there is none."""
        text = self.text
        for name in path:
            members = _members(text)
            if name not in members:
                raise VenueError(f"its answer has no {name}")
            text = members[name]
        return text


def parsed(content: bytes, seen: str) -> Any:
    """JSON as the standard has it, in UTF-8: no NaN, no key twice, no depth without end. Raises VenueError with what
    is `seen` of it.
    """
    try:
        body = json.loads(
            content.decode(), parse_constant=_no_constant, object_pairs_hook=_each_once, parse_float=_as_written
        )
    except (ValueError, RecursionError):
        raise VenueError(f"its answer is no JSON that can be read: {seen}") from None
    if sum(1 for _ in islice(levels(body), _DEEPEST + 1)) > _DEEPEST:
        raise VenueError(f"its answer is nested deeper than {_DEEPEST} levels")
    return body


def levels(body: Any) -> Iterator[list[Any]]:
    """The nodes of a JSON value, those of equal depth together; names of members are nodes as well."""
    level = [body]
    while level:
        yield level
        level = [node for one in level for node in _below(one)]


def _below(one: Any) -> Iterable[Any]:
    match one:
        case dict():
            return (*one, *one.values())
        case list():
            return one
        case _:
            return ()


class Fraction(str):
    """A number with a fraction, as written. No amount is one, and none of them decides anything."""

    __slots__ = ()


def _as_written(text: str) -> Fraction:
    return Fraction(text)


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a key stands twice")
    return members


def excerpt(text: str) -> str:
    """The beginning of what a venue says, in printable characters of one line."""
    line = " ".join("".join(c if c.isprintable() and c.isascii() else " " for c in text[: 4 * _EXCERPT]).split())
    return (line[: _EXCERPT - 1] + "…" if len(line) >= _EXCERPT else line) or "nothing"


def _members(text: str) -> dict[str, str]:
    """The members of a JSON object, each as it is written."""
    decoder, found, place = json.JSONDecoder(), dict[str, str](), _after_space(text, 0)
    if text[place : place + 1] != "{":
        raise VenueError("its answer is not the object that was expected")
    place = _after_space(text, place + 1)
    while text[place : place + 1] == '"':
        name, place = decoder.raw_decode(text, place)
        start = _after_space(text, _after_space(text, place) + 1)
        _, place = decoder.raw_decode(text, start)
        found[name] = text[start:place]
        place = _after_space(text, place)
        place = _after_space(text, place + 1) if text[place : place + 1] == "," else place
    return found


def _after_space(text: str, place: int) -> int:
    while text[place : place + 1] in (" ", "\t", "\n", "\r"):
        place += 1
    return place
