"""Manners over HTTP, against hosts on real sockets: what is asked, how often and for how long."""

from __future__ import annotations

import threading
import time
from email.utils import formatdate

import pytest
from given_http import (
    GOOD,
    KEYED,
    SECRET,
    Play,
    a_host,
    answered,
    breaks_off,
    hangs,
    head,
    http_of,
    in_pieces,
    refused,
    says,
    soon,
)

from rebalancer.adapters.venues.http import Manners, VenueError, VenueHttp

# ---------------------------------------------------------------- what is asked


def test_get__of_a_path_with_fields__asks_for_plain_json_with_the_key_in_its_header_only() -> None:
    with a_host(says(GOOD)) as host:
        answer = http_of(host).get("/swap/price", {"sell": "0x1", "amount": "10 %"}, soon())
        (asked,) = host.asked
    assert answer.body == GOOD
    assert (asked.method, asked.path, asked.query) == ("GET", "/swap/price", {"sell": "0x1", "amount": "10 %"})
    assert asked.headers["x-api-key"] == SECRET
    assert asked.headers["accept"] == "application/json"
    assert asked.headers["accept-encoding"] == "identity"


def test_get__without_a_key__sends_no_such_header() -> None:
    with a_host(says(GOOD)) as host:
        VenueHttp(host.url, KEYED).get("/", {}, soon())
        assert "x-api-key" not in host.asked[0].headers


def test_post__of_a_body__sends_the_very_bytes() -> None:
    body = '{"route": {"b": 1.50,  "a": "\\u00e9é"}}'
    with a_host(says(GOOD)) as host:
        http_of(host).post("/build", body, soon(), {"check": "no"})
        (asked,) = host.asked
    assert (asked.method, asked.body, asked.query) == ("POST", body.encode(), {"check": "no"})
    assert asked.headers["content-type"] == "application/json"


def test_key__of_a_client__is_not_in_its_repr() -> None:
    assert SECRET not in repr(VenueHttp("http://127.0.0.1:1", KEYED, SECRET))


def test_get__twice__goes_over_one_connection() -> None:
    with a_host(in_pieces(head(200, 2) + b"{}", (10, 0.6)), says(GOOD)) as host:
        http = http_of(host)
        http.get("/", {}, soon(1.2))
        assert http.get("/", {}, soon()).body == GOOD
        assert host.connections == 1


def test_get__after_an_answer_with_a_cookie__does_not_send_it_back() -> None:
    with a_host(says(GOOD, 200, ("Set-Cookie", f"id={'a' * 4_000}; Path=/"))) as host:
        http = http_of(host)
        for _ in range(2):
            http.get("/", {}, soon())
        assert len(host.asked) == 2
        assert all("cookie" not in asked.headers for asked in host.asked)
        assert len(http.session.cookies) == 0


# ---------------------------------------------------------------- how often


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_get__a_failure_that_passes__is_asked_again(status: int) -> None:
    answer, times = answered(says(b"busy", status), says(GOOD))
    assert answer.body == GOOD and times == 2


@pytest.mark.parametrize("status", [429, 500, 503])
def test_get__a_failure_that_stays__is_given_up_after_three_tries(status: int) -> None:
    words, times = refused(says(b"busy", status))
    assert words == f"it answered {status}: busy" and times == 3


def test_get__asked_again__waits_longer_each_time() -> None:
    with a_host(says(b"busy", 503)) as host:
        with pytest.raises(VenueError):
            http_of(host).get("/", {}, soon())
        first, second, third = (asked.at for asked in host.asked)
    assert second - first >= 0.2 and third - second >= 0.4


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 418, 422, 451])
def test_get__a_fault_of_ours__is_not_asked_again(status: int) -> None:
    words, times = refused(says({"message": "no\nliquidity"}, status))
    assert times == 1
    assert words == f'it answered {status}: {{"message": "no\\nliquidity"}}'


@pytest.mark.parametrize("status", [204, 206, 304])
def test_get__another_success__is_no_answer(status: int) -> None:
    words, times = refused(says(b"", status))
    assert words == f"it answered {status}: nothing" and times == 1


@pytest.mark.parametrize("after", ["1", lambda: formatdate(time.time() + 2, usegmt=True)], ids=["seconds", "a date"])
def test_retry_after__within_the_time_left__is_waited_for(after: object) -> None:
    said = after if isinstance(after, str) else after()  # type: ignore[operator]
    start = time.monotonic()
    answer, times = answered(says(b"", 429, ("Retry-After", said)), says(GOOD))
    assert answer.body == GOOD and times == 2
    assert 0.9 <= time.monotonic() - start <= 2.9


@pytest.mark.parametrize(
    "said", ["3600", "99999999999999999999", formatdate(time.time() + 3600, usegmt=True)], ids=["hour", "ages", "date"]
)
def test_retry_after__beyond_the_time_left__is_given_up_at_once(said: str) -> None:
    start = time.monotonic()
    words, times = refused(says(b"slow down", 429, ("Retry-After", said)))
    assert words == "it answered 429: slow down" and times == 1
    assert time.monotonic() - start < 1


@pytest.mark.parametrize("said", ["", "soon", "-5", "\xb2", "1.5", "Mon, 99 Foo 0000 99:99:99 GMT", "Mon, 01 Jan 0001"])
def test_retry_after__of_no_known_form__is_as_if_there_were_none(said: str) -> None:
    answer, times = answered(says(b"", 503, ("Retry-After", said)), says(GOOD))
    assert answer.body == GOOD and times == 2


def test_retry_after__a_date_that_has_gone_by__is_now() -> None:
    answer, times = answered(says(b"", 503, ("Retry-After", formatdate(0, usegmt=True))), says(GOOD))
    assert answer.body == GOOD and times == 2


def test_retry_after__said_to_one_thread__holds_for_all() -> None:
    with a_host(says(b"", 429, ("Retry-After", "1")), says(GOOD)) as host:
        http = http_of(host)
        first = threading.Thread(target=http.get, args=("/first", {}, soon()))
        first.start()
        while not host.asked:
            time.sleep(0.005)
        time.sleep(0.2)  # its answer comes
        http.get("/second", {}, soon())
        first.join()
        assert all(asked.at - host.asked[0].at >= 0.9 for asked in host.asked[1:])


def test_rate_limit__of_threads__is_one_turn_after_the_other() -> None:
    with a_host(says(GOOD)) as host:
        http = http_of(host, Manners(interval=0.2))
        threads = [threading.Thread(target=http.get, args=("/", {}, soon())) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        times = sorted(asked.at for asked in host.asked)
    assert len(times) == 4
    assert all(later - earlier >= 0.1 for earlier, later in zip(times, times[1:], strict=False))


def test_rate_limit__without_a_turn_in_time__is_refused_at_once() -> None:
    with a_host(says(GOOD)) as host:
        http = http_of(host, Manners(interval=10.0))
        http.get("/", {}, soon())
        start = time.monotonic()
        with pytest.raises(VenueError, match="its rate limit leaves no turn"):
            http.get("/", {}, soon(1.0))
        assert time.monotonic() - start < 0.5 and len(host.asked) == 1


def test_get__after_the_end__asks_nobody() -> None:
    with a_host(says(GOOD)) as host:
        with pytest.raises(VenueError):
            http_of(host).get("/", {}, soon(-1.0))
        assert host.asked == []


def test_get__of_nobody__says_so_without_the_url() -> None:
    with a_host(says(GOOD)) as host:
        http = http_of(host)
    with pytest.raises(VenueError) as error:
        http.get("/", {}, soon())
    assert str(error.value) == "it could not be asked (ConnectionError)"


@pytest.mark.parametrize("before", [b"", b"\x00\x01nothing of HTTP\r\n\r\n", head(200, 99) + b"{}"])
def test_get__a_connection_that_breaks__is_asked_again(before: bytes) -> None:
    answer, times = answered(breaks_off(before), says(GOOD))
    assert answer.body == GOOD and times == 2
    words, times = refused(breaks_off(before))
    assert words.startswith("it could not be asked (") and times == 3


@pytest.mark.parametrize("key", ["with\na line", "with \u2026 more", " blank"])
def test_key__that_no_header_can_carry__is_refused_without_being_said(key: str) -> None:
    with a_host(says(GOOD)) as host, pytest.raises(VenueError) as error:
        http_of(host, key=key).get("/", {}, soon())
    assert key.strip() not in str(error.value) and host.asked == []


# ---------------------------------------------------------------- how long


@pytest.mark.parametrize(
    "play",
    [
        hangs(3.0),
        in_pieces(head(200, 400) + b" " * 400, *[(1, 0.05)] * 400),
        in_pieces(head(200, 400) + b" " * 400, (len(head(200, 400)), 0), *[(1, 0.05)] * 100),
        in_pieces(head(200, 9) + b"{}" + b" " * 7, (60, 0.8), (3, 3.0)),
        in_pieces(b"HTTP/1.1 100 Continue\r\n\r\n" * 100, *[(27, 0.05)] * 100),
    ],
    ids=["nothing", "drip of headers", "drip of the body", "a pause late", "continue without end"],
)
def test_get__an_answer_that_takes_too_long__ends_in_time(play: Play) -> None:
    start = time.monotonic()
    words, times = refused(play, seconds=1.2)
    assert time.monotonic() - start < 1.4
    assert words == "it did not answer in time" and times == 1
