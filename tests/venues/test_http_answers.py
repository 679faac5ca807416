"""Distrust over HTTP, against hosts on real sockets: what is believed of an answer, and what is said of it."""

from __future__ import annotations

import gzip
import json
import time

import pytest
from given_http import GOOD, SECRET, a_host, answered, http_of, raw, refused, says, soon

from rebalancer.adapters.venues.http import LONGEST, VenueError

BOMB = gzip.compress(b" " * 100_000_000)

# ---------------------------------------------------------------- what is believed


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("target", ["/again", "http://[::1", "//", "https://elsewhere.example/", "\xe9"])
def test_get__a_redirect__is_not_followed(status: int, target: str) -> None:
    words, times = refused(says(GOOD, status, ("Location", target)))
    assert words == f"it answered with a redirect ({status})" and times == 1


def test_get__a_redirect_with_a_compressed_body__is_not_unpacked() -> None:
    play = says(BOMB, 302, ("Location", "/again"), ("Content-Encoding", "gzip"))
    start = time.monotonic()
    assert refused(play)[0] == "it answered with a redirect (302)"
    assert time.monotonic() - start < 1


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "identity, gzip", "x-gzip", ""])
def test_get__a_compressed_answer__is_refused_unread(encoding: str) -> None:
    words, times = refused(says(BOMB, 200, ("Content-Encoding", encoding)))
    assert words == "its answer is compressed, which was not asked for" and times == 1


@pytest.mark.parametrize("kind", ["text/html", "text/plain", "", "application/octet-stream"])
def test_get__a_page_with_status_200__is_no_quote(kind: str) -> None:
    words, times = refused(says(b"<html>\n<b>Just a moment</b></html>", 200, ("Content-Type", kind)))
    assert words == "it answered no JSON: <html> <b>Just a moment</b></html>" and times == 1


@pytest.mark.parametrize("body", [[GOOD], "text", 7, None, True], ids=repr)
def test_get__json_that_is_no_object__is_no_quote(body: object) -> None:
    words, _ = refused(says(body))
    assert words == f"it answered a {type(body).__name__}, expected an object"


NO_JSON = {
    "nothing": b"",
    "half": b'{"amount": "10',
    "NaN": b'{"amount": NaN}',
    "Infinity": b'{"amount": Infinity}',
    "-Infinity": b'{"amount": -Infinity}',
    "a key twice": b'{"amount": "1", "amount": "2"}',
    "a key twice, escaped": b'{"amount": "1", "\\u0061mount": "2"}',
    "a key twice, deep": b'{"a": [{"b": 1, "b": 1}]}',
    "more behind": b'{"amount": "1"} {}',
    "single quotes": b"{'amount': '1'}",
    "a trailing comma": b'{"amount": "1",}',
    "a byte order mark": b'\xef\xbb\xbf{"amount": "1"}',
    "other than UTF-8": b'{"amount": "\xff"}',
    "UTF-16": '{"amount": "1"}'.encode("utf-16"),
    "a number without end": b'{"amount": ' + b"9" * 100_000 + b"}",
    "deeper than the stack": b'{"a":' * 150_000 + b"1" + b"}" * 150_000,
}


@pytest.mark.parametrize("body", NO_JSON.values(), ids=NO_JSON.keys())
def test_get__what_is_no_json__is_no_quote(body: bytes) -> None:
    words, times = refused(says(body))
    assert words.startswith("its answer is no JSON that can be read: ") and times == 1
    assert len(words) <= 200


@pytest.mark.parametrize("depth", [65, 500, 900])
def test_get__nesting_that_could_just_be_read__is_refused(depth: int) -> None:
    body = b'{"a":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"
    assert refused(says(body))[0] == "its answer is nested deeper than 64 levels"


def test_get__nesting_of_a_long_route__is_read() -> None:
    body = b'{"a":' + b"[" * 63 + b"]" * 63 + b"}"
    assert answered(says(body))[0].text == body.decode()


@pytest.mark.parametrize("announced", [True, False])
def test_get__an_answer_of_two_megabytes__is_not_read_to_its_end(announced: bool) -> None:
    content = json.dumps({"data": "0x" + "ab" * LONGEST}).encode()
    chunk = f"{len(content):x}\r\n".encode() + content + b"\r\n0\r\n\r\n"
    start = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    words, times = refused(says(content) if announced else raw(start + chunk))
    assert words == f"its answer is longer than {LONGEST} bytes" and times == 1


def test_get__headers_without_end__are_refused() -> None:
    many = b"".join(b"X-%d: 1\r\n" % number for number in range(200))
    assert refused(raw(b"HTTP/1.1 200 OK\r\n" + many + b"Content-Length: 2\r\n\r\n{}"))[0].startswith(
        "it could not be asked"
    )


def test_get__lengths_that_contradict_each_other__are_refused() -> None:
    start = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} "
    assert refused(raw(start))[0].startswith("it could not be asked")


def test_excerpt__of_control_characters__is_one_printable_line() -> None:
    words, _ = refused(says(b"\x1b[31mred\x07\n\xe2\x80\xaeright to left" + b"x" * 1_000, 400))
    assert words.isprintable() and words.isascii() is False and words.endswith("…")
    assert "\x1b" not in words and len(words) < 140


# ---------------------------------------------------------------- the key


@pytest.mark.parametrize("status", [200, 400, 401, 429, 500])
@pytest.mark.parametrize("kind", ["application/json", "text/html"])
def test_key__that_a_venue_repeats__is_in_no_words(status: int, kind: str) -> None:
    body = f'{{"error": "key {SECRET} is blocked"'.encode()
    assert "[key]" in refused(says(body, status, ("Content-Type", kind)))[0]


def test_key__that_the_excerpt_would_cut__is_not_in_it_in_part() -> None:
    for before in range(80, 125):
        words, _ = refused(says(b"x" * before + SECRET.encode(), 400))
        assert SECRET[:8] not in words


def test_key__with_a_scheme__is_hidden_without_it() -> None:
    words, _ = refused(says(f"no such key: {SECRET}".encode(), 401), key=f"Bearer {SECRET}")
    assert words == "it answered 401: no such key: [key]"


@pytest.mark.parametrize(
    "body",
    [
        {"amount": SECRET},
        {"route": [{"id": f"a{SECRET}b"}]},
        {SECRET: 1},
    ],
    ids=["a field", "deep inside", "a name"],
)
def test_key__in_an_answer_that_could_be_read__is_refused(body: object) -> None:
    assert refused(says(body))[0] == "its answer repeats our key"
    escaped = json.dumps(body).replace(SECRET, "".join(f"\\u{ord(c):04x}" for c in SECRET))
    assert refused(says(escaped.encode()))[0] == "its answer repeats our key"


def test_key__in_headers_of_the_answer__is_in_no_words() -> None:
    play = says(b"no", 400, ("X-Echo", SECRET), ("Set-Cookie", f"id={SECRET}"))
    assert refused(play)[0] == "it answered 400: no"


# ---------------------------------------------------------------- what is passed on


VERBATIM = '{ "a":1.50 , "b" : [1e3, -0.0, {"x":  "\\u00e9é\\/"}],"c":{"d" : {"z":1,"y":12345678901234567890123}}\n}'


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), VERBATIM),
        (("a",), "1.50"),
        (("b",), '[1e3, -0.0, {"x":  "\\u00e9é\\/"}]'),
        (("c",), '{"d" : {"z":1,"y":12345678901234567890123}}'),
        (("c", "d"), '{"z":1,"y":12345678901234567890123}'),
        (("c", "d", "y"), "12345678901234567890123"),
    ],
)
def test_verbatim__of_a_member__is_as_it_was_written(path: tuple[str, ...], text: str) -> None:
    answer, _ = answered(says(VERBATIM.encode()))
    assert answer.verbatim(*path) == text
    with a_host(says(GOOD)) as host:
        http_of(host).post("/build", f'{{"priceRoute": {text}}}', soon())
        assert host.asked[0].body == f'{{"priceRoute": {text}}}'.encode()


@pytest.mark.parametrize(("path", "words"), [(("z",), "no z"), (("c", "z"), "no z"), (("a", "z"), "not the object")])
def test_verbatim__of_a_member_that_is_not_there__is_no_quote(path: tuple[str, ...], words: str) -> None:
    answer, _ = answered(says(VERBATIM.encode()))
    with pytest.raises(VenueError, match=words):
        answer.verbatim(*path)
