"""What an HTTP answer tells beside its status: who answered, what it wants, and why it came."""

from __future__ import annotations

from typing import Any

import pytest

from support.connecting import SOON, refused
from support.loops import Run, run
from support.observing import Recording
from support.rawserver import Peer, RawServer, Script, accept_key, answering

PAGE = b"<!doctype html><title>App</title>"


def paths(known: bytes | None, unknown: bytes) -> Script:
    """A server that answers ``/chat`` so, and whatever else otherwise."""

    def script(peer: Peer) -> None:
        head = peer.read_head()
        body = known if known is not None and " /chat " in head else unknown
        status = "404 Not Found" if body == b"no" else "200 OK"
        lines = [f"HTTP/1.1 {status}", "Content-Type: text/html", f"Content-Length: {len(body)}"]
        peer.send("\r\n".join([*lines, "", ""]).encode(), body)
        peer.fin()
        peer.read_to_end()

    return script


@pytest.mark.parametrize(
    ("known", "unknown", "cause", "hint"),
    [
        (None, PAGE, "fallback", "index.html"),
        (PAGE, b"no", "stripped", "proxy_set_header Upgrade"),
        (PAGE, b"<p>another", "stripped", "proxy_set_header Upgrade"),
    ],
)
def test_a_page_for_any_path_is_told_from_an_upgrade_that_was_stripped(
    on_each_loop: Run[Any], known: bytes | None, unknown: bytes, cause: str, hint: str
) -> None:
    headers = (("Authorization", "Bearer x"), ("Cookie", "a=b"))
    with RawServer(paths(known, unknown)) as server:
        failure = on_each_loop(refused(f"ws://u:p@{server.place}/chat", headers=headers))
        first, second = server.peers
    assert failure.code == "upgrade.not_upgraded"
    assert failure.evidence["cause"] == cause
    assert hint in failure.hint
    assert ("as to any path" in failure.message) is (cause == "fallback")
    assert first.header("Authorization")
    for name in ("Authorization", "Cookie"):
        assert second.header(name) is None


def test_a_server_that_answers_only_once_leaves_the_cause_open() -> None:
    with RawServer(paths(PAGE, PAGE), Peer.stay) as server:
        failure = run(refused(f"{server.url}chat", timeouts={"upgrade": SOON}))
    assert failure.evidence["cause"] == "unknown"


def test_those_on_the_way_and_what_they_want_are_fields() -> None:
    seen = Recording("s3cr3t-token")
    answer = answering(
        "HTTP/1.1 429 Too Many Requests",
        "Server: cloudflare",
        "Via: 1.1 varnish",
        "CF-Ray: 8f0-FRA",
        "X-Served-By: cache-fra-1",
        "Retry-After: 120",
        'WWW-Authenticate: Bearer realm="s3cr3t-token"',
    )
    with RawServer(answer) as server:
        failure = run(refused(server.url, seen))
    assert failure.evidence["answered_by"] == {
        "server": "cloudflare",
        "via": "1.1 varnish",
        "cf-ray": "8f0-FRA",
        "x-served-by": "cache-fra-1",
    }
    assert failure.evidence["retry_after"] == "120"
    assert failure.evidence["www_authenticate"].startswith("Bearer realm=")
    assert "s3cr3t-token" not in str(failure)


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        ("421 Misdirected Request", "Host header"),
        ("431 Request Header Fields Too Large", "too large"),
        ("451 Unavailable For Legal Reasons", "country"),
        ("501 Not Implemented", "WebSocket"),
        ("521 Web Server Is Down", "Cloudflare"),
        ("599 Odd", "proxy"),
        ("499 Odd", "request"),
    ],
)
def test_rarer_statuses_have_their_hint(status: str, hint: str) -> None:
    with RawServer(answering(f"HTTP/1.1 {status}")) as server:
        failure = run(refused(server.url))
    assert failure.code == "upgrade.status"
    assert hint in failure.hint


def test_another_version_of_the_protocol_is_told_with_ours() -> None:
    answer = answering("HTTP/1.1 426 Upgrade Required", "Sec-WebSocket-Version: 8, 7")
    with RawServer(answer) as server:
        evidence = run(refused(server.url)).evidence
    assert (evidence["version_sent"], evidence["version_wanted"]) == ("13", "8, 7")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"code":1,"message":"Session ID unknown"}', "upgrade.session_lost"),
        (b'{"code":3,"message":"Bad request"}', "upgrade.status"),
        (b'{"code":1}', "upgrade.status"),
        (b"[1]", "upgrade.status"),
        (b"{", "upgrade.status"),
    ],
)
def test_a_lost_session_of_engine_io_is_named(body: bytes, code: str) -> None:
    with RawServer(answering("HTTP/1.1 400 Bad Request", body)) as server:
        failure = run(refused(f"{server.url}socket.io/?EIO=4&transport=websocket&sid=abc"))
    assert (failure.code, failure.phase) == (code, "upgrade")
    if code == "upgrade.session_lost":
        assert failure.evidence["engine_io"] == {"code": 1, "message": "Session ID unknown"}


def test_a_wrong_accept_key_is_told_with_the_right_one() -> None:
    def script(peer: Peer) -> None:
        peer.read_head()
        wrong = peer.acceptance().replace(
            accept_key(peer.header("Sec-WebSocket-Key") or "").encode(), b"d3Jvbmc="
        )
        peer.send(wrong)
        peer.read_to_end()

    with RawServer(script) as server:
        failure = run(refused(server.url))
        right = accept_key(server.peers[0].header("Sec-WebSocket-Key") or "")
    assert failure.code == "upgrade.bad_accept"
    assert failure.evidence["accept_expected"] == right
    assert failure.evidence["accept_received"] == "d3Jvbmc="


def test_http_2_without_tls_is_named(on_each_loop: Run[Any]) -> None:
    def script(peer: Peer) -> None:
        peer.send(bytes.fromhex("000006 04 00 00000000 000300000064"))
        peer.read_to_end()

    with RawServer(script) as server:
        failure = on_each_loop(refused(server.url))
    assert (failure.code, failure.phase) == ("upgrade.http2", "upgrade")
    assert failure.evidence["guess"] == "HTTP/2"


def test_headers_that_are_too_large_are_counted() -> None:
    def script(peer: Peer) -> None:
        peer.read_head()
        peer.send(b"HTTP/1.1 101 Switching Protocols\r\n")
        while True:
            peer.send(b"X-Small: 1\r\nX-Padding: " + b"x" * 5000 + b"\r\n")

    with RawServer(script) as server:
        failure = run(refused(server.url))
    assert failure.code == "upgrade.headers_too_large"
    assert failure.evidence["headers_seen"] > 10
    assert failure.evidence["largest_header"] == "X-Padding"
