"""The page's server: what it answers, and that nothing that asks can do harm, or make it late."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator

import pytest

from engine.events import UserPartial
from engine.web import connection, server
from engine.web.connection import LONGEST_HEAD
from engine.web.server import MOST_CLIENTS, PAGE
from tests.web.stand import WATCHDOG_S, Stand


@pytest.fixture
def stand() -> Iterator[Stand]:
    with Stand() as made:
        yield made


def said(client: socket.socket) -> bytes:
    """Everything up to the end of the connection."""
    heard = b""
    try:
        while piece := client.recv(1 << 16):
            heard += piece
    except ConnectionError:
        pass
    return heard


# What is answered.


@pytest.mark.parametrize("path", ["/", *(f"/{file.name}" for file in PAGE.iterdir() if file.name != "index.html")])
def test_the_page_is_served_as_it_lies_in_the_package(stand: Stand, path: str) -> None:
    status, headers, body = stand.get(path)
    assert status == 200
    assert body == (PAGE / (path[1:] or "index.html")).read_bytes()
    assert headers["content-length"] == str(len(body))
    kinds = {"/": "text/html", ".js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
    assert headers["content-type"].startswith(kinds[path[-3:]])


@pytest.mark.parametrize("path", ["/", "/metrics", "/health", "/no", "/page.css"])
def test_head_is_get_without_the_body(stand: Stand, path: str) -> None:
    status, headers, body = stand.get(path, "HEAD")
    wanted = stand.get(path)
    assert (status, body) == (wanted[0], b"")
    assert headers["content-type"] == wanted[1]["content-type"]


@pytest.mark.parametrize("path", ["/", "/metrics", "/events", "/no"])
def test_every_answer_says_that_nothing_else_may_be_loaded(stand: Stand, path: str) -> None:
    if path == "/events":
        with stand.follow() as follower:
            policy = follower.answer.headers["Content-Security-Policy"]
    else:
        policy = stand.get(path)[1]["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self';")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy


def test_health_that_is_bad_is_an_error_for_whoever_asks(stand: Stand) -> None:
    stand.well = False
    status, _, body = stand.get("/health")
    assert (status, json.loads(body)) == (503, {"ok": False})


def test_metrics_are_made_at_most_a_few_times_a_second_however_many_ask(stand: Stand) -> None:
    began = time.monotonic()
    answers = {stand.get("/metrics")[2] for _ in range(30)}
    took = time.monotonic() - began
    assert stand.made == len(answers)
    assert stand.made <= 1 + took / server.FRESH_S


# Who is refused.


@pytest.mark.parametrize("path", ["/", "/metrics", "/events", "/health"])
def test_a_foreign_host_or_origin_gets_nothing(stand: Stand, path: str) -> None:
    for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Origin": "null"}):
        status, _, body = stand.get(path, **headers)
        assert status == 403
        assert body in (b"this name is not in http.hosts\n", b"another website asks\n")


def test_a_configured_name_is_let_in() -> None:
    with Stand(hosts=["kiosk.local"]) as stand:
        assert stand.get("/", Host="kiosk.local:80")[0] == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"])
def test_nothing_can_be_changed(stand: Stand, method: str) -> None:
    status, headers, _ = stand.get("/", method)
    assert (status, headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    "path", ["/../config.toml", "/page/../../config.toml", "/%2e%2e/config.toml", "//etc/passwd", "/x"]
)
def test_nothing_but_the_page_can_be_fetched(stand: Stand, path: str) -> None:
    assert stand.get(path)[0] == 404


_HOST = b"Host: localhost\r\n"
HOSTILE = {
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\n" + _HOST + b"Host: evil.example\r\n\r\n",
    "a body": b"GET / HTTP/1.1\r\n" + _HOST + b"Content-Length: 5\r\n\r\nhello",
    "a body in chunks": b"GET / HTTP/1.1\r\n" + _HOST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "two lengths": b"GET / HTTP/1.1\r\n" + _HOST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
    "a head without an end": b"GET / HTTP/1.1\r\nX: " + b"x" * (4 * LONGEST_HEAD),
    "a path that is no text": b"GET /\xff\xfe HTTP/1.1\r\n" + _HOST + b"\r\n",
    "a header with a line break": b"GET / HTTP/1.1\r\nHost: local\nhost\r\n\r\n",
    "an upgrade of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "CONNECT": b"CONNECT evil.example:80 HTTP/1.1\r\nHost: evil.example:80\r\n\r\n",
    "a proxy's form": b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
}


@pytest.mark.parametrize("sent", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_is_no_good_request_is_refused_and_the_connection_ends(stand: Stand, sent: bytes) -> None:
    with stand.connect() as client:
        client.sendall(sent)
        answer = said(client)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 4")
    assert answer.count(b"HTTP/1.1 ") <= 1
    assert stand.get("/health")[0] == 200


# Nobody can hold it up.


def test_a_connection_serves_one_request_after_the_other(stand: Stand) -> None:
    with stand.connect() as client:
        ask = b"GET /health HTTP/1.1\r\n" + _HOST
        client.sendall(ask + b"\r\n" + ask + b"\r\n" + ask + b"Connection: close\r\n\r\n")
        assert said(client).count(b"HTTP/1.1 200") == 3


def test_a_client_that_does_not_ask_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "PATIENCE_S", 0.2)
    with Stand() as stand, stand.connect() as silent, stand.connect() as slow:
        slow.sendall(b"GET / HTTP/1.1\r\nHost: loc")
        assert said(silent) == said(slow) == b""


def test_too_many_clients_are_told_so_and_let_in_again_when_one_has_gone(stand: Stand) -> None:
    followers = [stand.follow() for _ in range(MOST_CLIENTS)]
    assert all(follower.get()["event"] == "hello" for follower in followers)
    with stand.connect() as late:
        assert said(late).startswith(b"HTTP/1.1 503")
    followers.pop().close()
    limit = time.monotonic() + WATCHDOG_S
    while True:
        with stand.connect() as later:
            later.sendall(b"GET /health HTTP/1.1\r\n" + _HOST + b"Connection: close\r\n\r\n")
            if said(later).startswith(b"HTTP/1.1 200"):
                break
        assert time.monotonic() < limit
    for follower in followers:
        follower.close()


def test_more_requests_than_the_engine_can_spare_time_for_are_refused_and_then_taken_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server, "REQUESTS_AT_ONCE", 3)
    monkeypatch.setattr(server, "REQUESTS_PER_S", 1)
    with Stand() as stand:
        answers = [stand.get("/health") for _ in range(8)]
        assert {answer[0] for answer in answers} == {200, 429}
        assert {answer[1].get("retry-after") for answer in answers if answer[0] == 429} == {"1"}
        limit = time.monotonic() + WATCHDOG_S
        while stand.get("/health")[0] != 200:
            assert time.monotonic() < limit
            time.sleep(0.1)


def test_a_follower_that_does_not_read_is_dropped_and_the_others_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "MOST_UNREAD", 1 << 14)
    with Stand(words=True) as stand, stand.connect() as lazy, stand.follow() as good:
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 12)
        lazy.sendall(b"GET /events HTTP/1.1\r\n" + _HOST + b"\r\n")
        limit = time.monotonic() + WATCHDOG_S
        good.until("hello")
        while len(stand.call(lambda: tuple(stand.web.clients))) == 2:
            stand.tell(UserPartial("word " * 3000), 1, 1)
            good.until("user.partial")
            assert time.monotonic() < limit
        assert len(stand.feed.followers) == 1


def test_a_follower_that_talks_on_is_dropped(stand: Stand) -> None:
    with stand.connect() as client, stand.follow() as good:
        client.sendall(b"GET /events HTTP/1.1\r\n" + _HOST + b"\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 200")
        client.sendall(b"and another thing")
        said(client)  # to its end
        good.until("levels")
        assert len(stand.feed.followers) == 1


def test_at_the_end_of_the_engine_followers_get_what_was_said_last_and_the_end_of_the_stream(stand: Stand) -> None:
    with stand.follow() as follower:
        follower.until("hello")
        stand.tell(UserPartial("the last word"), 1, 1)
        stand.close()
        assert follower.until("user.partial")["words"] == 3
        while line := follower.answer.readline():
            assert line.startswith(b"data: ") or line == b"\n"
        assert not stand.feed.followers
