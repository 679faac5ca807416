"""A session whose answers have an end: in time, counted over headers and body together, and in size.

The library's own limit is for each read from the socket: a node that sends one byte before each runs out keeps a
tick for ever, and with it the wallet's lock.
"""

from __future__ import annotations

import io
import time
from http.client import HTTPResponse
from socket import socket
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

LONGEST_ANSWER = 64 * 2**20
"""Bytes. All ticks of twenty deep pools are below one million; a block with all its transactions below ten."""
_CHUNK = 2**16


class TooLong(Exception):
    """An answer of more bytes than were allowed."""


def timed_session() -> requests.Session:
    """Its `timeout` is for the whole of an answer. Neither a proxy nor a netrc of the environment gets in between, and
    no redirect leads anywhere.
    """
    session = _Session()
    session.trust_env = False
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Adapter())
    return session


def content_of(response: requests.Response, longest: int = LONGEST_ANSWER) -> bytes:
    """The body of a response that was asked for with `stream`. Raises what `requests` does, and TooLong."""
    chunks, size = [], 0
    with response:
        for chunk in response.iter_content(_CHUNK):
            size += len(chunk)
            if size > longest:
                raise TooLong
            chunks.append(chunk)
    return b"".join(chunks)


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """Nowhere. With `allow_redirects=False` alone the library still reads the whole body of a redirect, unpacks it,
        and takes its target to pieces.
        """


class _Timed(io.RawIOBase):
    """Reads `raw` until the limit of its socket has gone by, counted from now, in however many pieces it comes."""

    def __init__(self, raw: io.RawIOBase, sock: socket) -> None:
        self._raw, self._sock = raw, sock
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
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(HTTPResponse):
    def __init__(self, sock: socket, *arguments: Any, **named: Any) -> None:
        super().__init__(sock, *arguments, **named)
        self.fp = io.BufferedReader(_Timed(self.fp.detach(), sock))


class _Connection(HTTPConnection):
    response_class = _Response


class _SecureConnection(HTTPSConnection):
    response_class = _Response


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
        super().init_poolmanager(*arguments, **named)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
