"""Misbehaviours of a host: what it sends is no answer, has no end, leads elsewhere, or is no JSON."""

from __future__ import annotations

import gzip
import time

from given_bends import field, instead, of_json, on, page, written
from given_http import Asked, Play, Send, breaks_off, hangs, head, in_pieces, raw
from given_misbehaviour import Misbehaviour, Misbehaviours
from given_venue_server import KEY, Reply

MEGABYTE = 2**20
BOMB = gzip.compress(b"[" + b" " * 100 * MEGABYTE + b"]", 6)
GZIP = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
HANGS = 6.0
"""Seconds: longer than venues are waited for."""

LATE = r"^(it did not answer in time|no answer within 4 s)$"
CUT = r"^it could not be asked \(\w+\)$"
NO_JSON = r"^its answer is no JSON that can be read: "


def _chunks_without_end(_: Asked, send: Send) -> None:
    """As fast as they are taken."""
    send(CHUNKED)
    end = time.monotonic() + HANGS
    while time.monotonic() < end:
        send(b"10000\r\n" + b" " * 2**16 + b"\r\n")


def _without_a_line_end(start: bytes) -> Play:
    """Zeros behind it, as fast as they are taken."""

    def play(_: Asked, send: Send) -> None:
        send(start)
        end = time.monotonic() + HANGS
        while time.monotonic() < end:
            send(b"0" * 2**16)

    return play


WIRE: Misbehaviours = {
    # What is no answer
    "a page of HTML with status 200": Misbehaviour(
        "velora", "^it answered no JSON: <html>", page(200, "<html><b>Just a moment</b></html>")
    ),
    "an error's body with status 200": Misbehaviour(
        "velora", "^it answered an error: Stale priceRoute$", instead(Reply({"error": "Stale priceRoute"}))
    ),
    "an error's body of other fields with status 200": Misbehaviour(
        "one_inch", "^answer.dstAmount is missing$", instead(Reply({"statusCode": 400, "error": "Bad Request"}))
    ),
    "an error's code with status 200": Misbehaviour(
        "kyber",
        "^it answered error 4008: route not found$",
        instead(Reply({"code": 4008, "message": "route not found"})),
    ),
    "500 for ever": Misbehaviour("kyber", "^it answered 500: no$", page(500, "no")),
    "429 for ever": Misbehaviour("odos", "^(it answered 429|its rate limit leaves no turn)", page(429, "slower")),
    "429, to come back in a year": Misbehaviour(
        "velora",
        "^(it answered 429: slower|its rate limit leaves no turn)",
        page(429, "slower", Retry_After="31536000"),
    ),
    "an answer that is empty": Misbehaviour("kyber", NO_JSON + "nothing$", of_json("")),
    "a list": Misbehaviour("velora", "^it answered a list, expected an object$", of_json("[]")),
    "a number": Misbehaviour("odos", "^it answered a int, expected an object$", of_json("1000")),
    "nothing at all": Misbehaviour("kyber", LATE, instead(hangs(HANGS))),
    # What has no end
    "one byte a second": Misbehaviour(
        "kyber", LATE, instead(in_pieces(head(200, 60) + b" " * 60, *[(1, 1.0)] * int(HANGS)))
    ),
    "chunks without end, slowly": Misbehaviour(
        "odos", LATE, instead(in_pieces(CHUNKED + b"1\r\n \r\n" * 60, (len(CHUNKED), 0), *[(6, 0.5)] * int(2 * HANGS)))
    ),
    "chunks without end, fast": Misbehaviour(
        "velora", "^its answer is longer than 1048576 bytes$", instead(_chunks_without_end), weighs=True
    ),
    "a chunk's length without end": Misbehaviour("kyber", CUT, instead(_without_a_line_end(CHUNKED)), weighs=True),
    "a last line behind the chunks without end": Misbehaviour(
        "velora", CUT, instead(_without_a_line_end(CHUNKED + b"2\r\n{}\r\n0\r\nX-More: ")), weighs=True
    ),
    "`100 Continue` without end": Misbehaviour(
        "kyber", LATE, instead(in_pieces(b"HTTP/1.1 100 Continue\r\n\r\n" * 60, *[(25, 0.2)] * int(5 * HANGS)))
    ),
    "headers without end": Misbehaviour(
        "velora",
        r"^it could not be asked \(ConnectionError\)$",
        instead(raw(b"HTTP/1.1 200 OK\r\n" + b"X-More: 1\r\n" * 500 + b"\r\n{}")),
    ),
    "a connection cut half way": Misbehaviour(
        "odos", r"^it could not be asked \(\w+\)$", instead(breaks_off(head(200, 999) + b'{"inTokens": ["0x'))
    ),
    "a gzip bomb": Misbehaviour(
        "velora", "^its answer is compressed, which was not asked for$", instead(Reply(BOMB, 200, GZIP)), weighs=True
    ),
    "a gzip bomb that is not announced": Misbehaviour("kyber", NO_JSON, of_json(BOMB), weighs=True),
    "a gzip bomb as an error": Misbehaviour(
        "odos", "^its answer is compressed, which was not asked for$", instead(Reply(BOMB, 500, GZIP)), weighs=True
    ),
    "two megabytes of calldata": Misbehaviour(
        "one_inch",
        "^its answer is longer than 1048576 bytes$",
        field("tx.data", "0x12aa3caf" + "00" * 2 * MEGABYTE),
        weighs=True,
    ),
    # What leads elsewhere
    "a redirect to itself, endless": Misbehaviour(
        "velora", r"^it answered with a redirect \(302\)$", page(302, "", Location="/prices")
    ),
    "a redirect to a file": Misbehaviour(
        "kyber", r"^it answered with a redirect \(301\)$", page(301, "", Location="file:///etc/passwd")
    ),
    "a redirect to another host": Misbehaviour(
        "odos", r"^it answered with a redirect \(307\)$", page(307, "", Location="http://169.254.169.254/latest")
    ),
    # What is no JSON, or none that can be believed
    "a byte order mark": Misbehaviour("odos", NO_JSON, of_json(b'\xef\xbb\xbf{"pathId": "1"}')),
    "NaN": Misbehaviour("one_inch", NO_JSON, written("dstAmount", "NaN")),
    "Infinity": Misbehaviour("one_inch", NO_JSON, written("dstAmount", "Infinity")),
    "a key twice": Misbehaviour("one_inch", NO_JSON, written("dstAmount", '"1", "dstAmount": "99999999999"')),
    "a million brackets": Misbehaviour("kyber", NO_JSON, of_json("[" * 1_000_000), weighs=True),
    "a megabyte of empty objects": Misbehaviour(
        "one_inch",
        rf"^answer\.dstAmount is missing$|{LATE}",
        of_json('{"tx": [' + ",".join(["{}"] * 340_000) + "]}"),
        weighs=True,
    ),
    "nesting that could just be read": Misbehaviour(
        "velora", "^its answer is nested deeper than 64 levels$", of_json('{"a":' + "[" * 400 + "]" * 400 + "}")
    ),
    "a number of a hundred thousand digits": Misbehaviour("odos", NO_JSON, of_json('{"a": ' + "9" * 100_000 + "}")),
    # What is for the eyes
    "commands to the terminal in an error's text": Misbehaviour(
        "velora",
        r"^it answered 400: \[2J \[31m all is well \]0;",
        page(400, "\x1b[2J\x1b[31m\nall is well\r\x1b]0;\x07"),
    ),
    "our key in an answer": Misbehaviour("one_inch", "^its answer repeats our key$", field("tx.note+", f"for {KEY}")),
    "our key in an error's text": Misbehaviour(
        "zero_x", r"^it answered 400: no such key: \[key\]$", page(400, f"no such key: {KEY}")
    ),
    "our key in an error's text of the second step": Misbehaviour(
        "odos", r"^it answered 401: \[key\] is blocked$", on("assemble", page(401, f"{KEY} is blocked"))
    ),
}
