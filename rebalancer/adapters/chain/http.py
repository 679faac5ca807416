"""A session whose answers have an end: in time, from the lookup of the name to the last byte, and in size, headers and
body together.

The library's own limits are for each step: for each address of a name, for TLS, for each read from the socket. A host
that owns its DNS zone, or sends one byte before each runs out, keeps a tick for ever, and with it the wallet's lock.
What stays open: the system's lookup of a name knows no limit. It is not waited for, and its thread, which no process
waits for either, ends when the system gives up (resolv.conf: so many seconds for each server and try).
"""

from __future__ import annotations

import io
import socket
import threading
import time
from functools import partial
from http.client import HTTPResponse
from itertools import zip_longest
from queue import Empty, SimpleQueue
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.connection import allowed_gai_family, create_connection

LONGEST_ANSWER = 64 * 2**20
"""Bytes. All ticks of twenty deep pools are below one million; a block with all its transactions below ten."""
_CHUNK = 2**16
_SHORTEST = 0.001
"""Seconds: a limit of none would mean to wait for nothing at all."""


class TooLong(Exception):
    """An answer of more bytes than were allowed."""


def timed_session(longest: int = LONGEST_ANSWER) -> requests.Session:
    """Its `timeout` is for the whole of a request and its answer; of two, the first is for what lies before the answer.
    `longest` are the bytes that may come, headers and all: TooLong beyond. Neither a proxy nor a netrc of the
    environment gets in between, no redirect leads anywhere, and no cookie is kept.
    """
    session = _Session()
    session.trust_env = False
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Adapter(longest))
    return session


def content_of(response: requests.Response) -> bytes:
    """The body of a response that was asked for with `stream`, unpacked. Raises what `requests` does, and TooLong."""
    chunks, size = [], 0
    with response:
        for chunk in response.iter_content(_CHUNK):
            size += len(chunk)
            if size > LONGEST_ANSWER:
                raise TooLong
            chunks.append(chunk)
    return b"".join(chunks)


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """Nowhere. With `allow_redirects=False` alone the library still reads the whole body of a redirect, unpacks it,
        and takes its target to pieces.
        """


class _Timed(io.RawIOBase):
    """Reads no more than `longest` bytes of `raw`, in however many pieces they come, until the limit of its socket has
    gone by, counted from now.
    """

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, longest: int) -> None:
        self._raw, self._sock, self._room = raw, sock, longest
        limit = sock.gettimeout()
        self._end = None if limit is None else time.monotonic() + limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._end is not None:
            left = self._end - time.monotonic()
            if left <= 0:
                raise TimeoutError("the answer takes too long")
            self._sock.settimeout(left)  # the next piece has no longer than all of them
        size = self._raw.readinto(buffer)
        self._room -= size or 0
        if self._room < 0:
            raise TooLong
        return size

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(HTTPResponse):
    def __init__(self, sock: socket.socket, *arguments: Any, longest: int, **named: Any) -> None:
        super().__init__(sock, *arguments, **named)
        self.fp = io.BufferedReader(_Timed(self.fp.detach(), sock, longest))

    def begin(self) -> None:
        super().begin()
        # Python's parser of cookies takes quadratic time, a second for 64 kB, whether they are kept or not.
        for name in ("Set-Cookie", "Set-Cookie2"):
            del self.msg[name]


class _Connection(HTTPConnection):
    """Its timeout, as long as there is no answer to read, is for lookup, addresses, TLS and request together."""

    response_class: Any
    _end: float | None = None

    def __init__(self, *arguments: Any, longest: int, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.response_class = partial(_Response, longest=longest)

    def _left(self) -> float:
        """Seconds."""
        if self.timeout is None:
            raise ValueError("a request without a timeout, expected the seconds for all of it")
        now = time.monotonic()
        if self._end is None:
            self._end = now + self.timeout
        return max(self._end - now, _SHORTEST)

    def _new_conn(self) -> socket.socket:
        problem: OSError = OSError("the name has no address")
        try:
            addresses = _addresses(self._dns_host.strip("[]"), self.port, self._left())
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except TimeoutError as error:
            raise self._too_late() from error
        for number, address in enumerate(addresses, 1):
            left = self._left()
            if left == _SHORTEST:
                raise self._too_late()
            # As curl does: one that is dead leaves half of the time to those behind it.
            share = left if number == len(addresses) else left / 2
            try:
                connected = create_connection((address, self.port), share, socket_options=self.socket_options)
            except OSError as error:
                problem = error
                continue
            connected.settimeout(self._left())
            return connected
        if isinstance(problem, TimeoutError):
            raise self._too_late() from problem
        raise NewConnectionError(self, f"no connection: {problem}") from problem

    def send(self, data: Any) -> None:
        left = self._left()
        if self.sock is not None:
            self.sock.settimeout(left)
        try:
            super().send(data)
        except TimeoutError as error:
            raise self._too_late() from error

    def getresponse(self) -> Any:
        self._end = None
        return super().getresponse()

    def _too_late(self) -> ConnectTimeoutError:
        return ConnectTimeoutError(self, "the connection or the request took too long")


class _SecureConnection(_Connection, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls: Any

    def __init__(self, *arguments: Any, longest: int, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.ConnectionCls = partial(_Connection, longest=longest)


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls: Any

    def __init__(self, *arguments: Any, longest: int, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.ConnectionCls = partial(_SecureConnection, longest=longest)


class _Adapter(HTTPAdapter):
    def __init__(self, longest: int) -> None:
        self._longest = longest
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
        super().init_poolmanager(*arguments, **named)
        self.poolmanager.pool_classes_by_scheme = {
            "http": partial(_Pool, longest=self._longest),
            "https": partial(_SecurePool, longest=self._longest),
        }

    def send(self, *arguments: Any, **named: Any) -> requests.Response:
        limits = named["timeout"]
        before, whole = limits if isinstance(limits, tuple) else (limits, limits)
        named["timeout"] = Timeout(total=whole, connect=before)
        return super().send(*arguments, **named)


def _addresses(host: str, port: int, seconds: float) -> list[str]:
    """Of the name, one of each family in turn. Raises gaierror, and TimeoutError: then the lookup is given up."""
    said: SimpleQueue[list[Any] | OSError] = SimpleQueue()

    def look_up() -> None:
        try:
            said.put(socket.getaddrinfo(host, port, allowed_gai_family(), socket.SOCK_STREAM))
        except OSError as error:
            said.put(error)
        except UnicodeError:
            said.put(socket.gaierror(socket.EAI_NONAME, "nothing that can be looked up"))

    # A daemon: whatever hangs in it ends with the process.
    threading.Thread(target=look_up, name="lookup", daemon=True).start()
    try:
        found = said.get(timeout=seconds)
    except Empty:
        raise TimeoutError("the lookup of the name takes too long") from None
    if isinstance(found, OSError):
        raise found
    families: dict[int, list[str]] = {}
    for family, _, _, _, address in found:
        families.setdefault(family, []).append(address[0])
    return [address for turn in zip_longest(*families.values()) for address in turn if address is not None]
