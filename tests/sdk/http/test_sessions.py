"""Sessions keep connections alive and share what their requests have in common."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from contextlib import suppress

import pytest

from checkwire import FailureError, UsageError, http
from support.attempt import attempt
from support.httpserver import HttpServer, SeenRequest, json_reply, reply
from support.loops import LOOPS, until
from support.rawserver import Peer, RawServer


@pytest.mark.parametrize("loop", sorted(LOOPS))
def test_requests_after_each_other_share_a_connection(loop):
    with HttpServer(lambda _: json_reply("{}")) as server:

        async def check():
            async with http.session(base_url=server.url) as api:
                return [(await api.get(f"/{n}")).timings for n in range(3)]

        told = attempt(check, loop=loop)
    assert server.connections == 1
    assert ["tcp" in timings for timings in told.result] == [True, False, False]
    assert set(told.exchanges[1].phases) == {"wait", "receive"}
    assert told.exchanges[1].remote_address == server.place


def test_tls_connections_are_kept_too(pki):
    with HttpServer(lambda _: json_reply("{}"), tls=pki.server()) as server:

        async def check():
            async with http.session(base_url=server.url, ca=pki.ca) as api:
                return [await api.get("/"), await api.post("/", json=1)]

        first, second = attempt(check).result
    assert server.connections == 1
    assert "tls" in first.timings
    assert "tls" not in second.timings
    assert second.tls is not None
    assert second.tls.version == "TLSv1.3"


def test_requests_at_the_same_time_have_connections_of_their_own():
    both = threading.Barrier(2, timeout=20)

    def handler(request: SeenRequest) -> bytes:
        if request.target == "/together":
            both.wait()
        return reply()

    with HttpServer(handler) as server:

        async def check():
            async with http.session(base_url=server.url) as api:
                await asyncio.gather(api.get("/together"), api.get("/together"))
                await api.get("/alone")

        attempt(check)
    assert server.connections == 2
    assert len(server.seen) == 3


def test_leaving_the_session_ends_its_connections():
    with HttpServer() as server:

        async def check():
            async with http.session(base_url=server.url) as api:
                await api.get("/")
                before = server.ended
            await until(lambda: server.ended == 1)
            return before

        assert attempt(check).result == 0


@pytest.mark.parametrize(
    "answer", [reply("200 OK", b"", "Connection: close"), b"HTTP/1.0 200 OK\r\n\r\n"]
)
def test_a_connection_that_the_server_closes_is_not_used_again(answer):
    with HttpServer(lambda _: answer, requests_per_connection=1) as server:

        async def check():
            async with http.session(base_url=server.url) as api:
                for _ in range(3):
                    await api.post("/")

        assert attempt(check).error is None
    assert server.connections == 3


@pytest.mark.parametrize("secure", [False, True])
def test_a_kept_connection_that_was_closed_meanwhile_is_noticed_before_it_is_used(pki, secure):
    """Also for a POST, which could not be sent twice, and before the event loop notices."""
    ended = threading.Event()

    def first(peer: Peer) -> None:
        peer.read_head()
        peer.send(reply())
        peer.wait(peer.server.go)
        if secure:
            peer.sock.settimeout(0)  # The client's close_notify is not waited for.
            with suppress(ssl.SSLWantReadError):
                peer.sock.unwrap()
        socket.socket.shutdown(peer.sock, socket.SHUT_WR)
        ended.set()
        peer.stay()

    def second(peer: Peer) -> None:
        peer.read_head()
        peer.send(reply("202 Accepted"))
        peer.stay()

    with RawServer(first, second, tls=pki.server() if secure else None) as server:

        async def check():
            base = f"http{'s' if secure else ''}://{server.place}"
            async with http.session(base_url=base, ca=pki.ca) as api:
                await api.post("/")
                server.go.set()
                assert ended.wait(20)  # The loop must not run meanwhile.
                return await api.post("/")

        told = attempt(check)
    assert told.result.status == 202
    assert told.told == []


@pytest.mark.parametrize(("method", "repeated"), [("GET", True), ("DELETE", True), ("POST", False)])
def test_a_kept_connection_that_ends_with_the_request_is_tried_again_if_that_is_safe(
    method, repeated
):
    def first(peer: Peer) -> None:
        peer.read_head()
        peer.send(reply())
        peer.read_head()
        peer.fin()
        peer.read_to_end()

    def second(peer: Peer) -> None:
        peer.read_head()
        peer.send(reply("202 Accepted"))
        peer.stay()

    with RawServer(first, second) as server:

        async def check():
            async with http.session(base_url=f"http://{server.place}") as api:
                await api.get("/")
                return await api.request(method, "/")

        told = attempt(check)
    if repeated:
        assert told.result.status == 202
        assert told.told == []
        assert "tcp" in told.exchanges[1].phases
    else:
        assert told.failure.code == "http.closed"
    assert len(told.exchanges) == 2


def test_a_new_connection_that_ends_is_not_tried_again():
    def script(peer: Peer) -> None:
        peer.read_head()
        peer.fin()
        peer.read_to_end()

    with RawServer(script) as server:

        async def check():
            async with http.session(base_url=f"http://{server.place}") as api:
                await api.get("/")

        told = attempt(check)
    assert told.failure.code == "http.closed"
    assert len(server.peers) == 1


def test_bytes_that_nobody_asked_for_end_a_kept_connection():
    def script(peer: Peer) -> None:
        peer.read_head()
        peer.send(reply("200 OK", b"one"), reply("200 OK", b"uninvited"))
        peer.read_to_end()

    with RawServer(script) as server:

        async def check():
            async with http.session(base_url=f"http://{server.place}") as api:
                return [(await api.get("/")).text for _ in range(2)]

        told = attempt(check)
    assert told.result == ["one", "one"]
    assert len(server.peers) == 2


def test_a_failed_request_leaves_the_session_usable():
    answers = iter([b"nonsense\r\n\r\n", reply()])
    with HttpServer(lambda _: next(answers)) as server:

        async def check():
            async with http.session(base_url=server.url) as api:
                try:
                    await api.get("/")
                except FailureError:
                    return await api.get("/")

        assert attempt(check).result.status == 200
    assert server.connections == 2


def test_a_request_that_is_cancelled_gives_its_connection_up():
    def handler(request: SeenRequest) -> bytes:
        if request.target == "/slow":
            server.over.wait(20)
        return reply()

    with HttpServer(handler) as server:

        async def check():
            async with http.session(base_url=server.url) as api:
                await api.get("/")
                task = asyncio.create_task(api.get("/slow"))
                await until(lambda: len(server.seen) == 2)
                task.cancel()
                await asyncio.wait([task])
                return await api.get("/")

        assert attempt(check).result.status == 200
    assert server.connections == 2


def test_defaults_hold_for_all_requests_and_each_can_say_otherwise():
    with HttpServer() as server:

        async def check():
            async with http.session(
                base_url=f"{server.url}/v1/",
                headers={"X-A": "1", "X-B": "1"},
                params={"v": 2},
                auth=("ada", "pw"),
            ) as api:
                await api.get("users?page=1", headers={"x-b": "2"}, params={"q": "x"})
                await api.get(f"{server.url}/absolute", auth=None)
                await api.get("")

        attempt(check)
    first, second, third = server.seen
    assert first.target == "/v1/users?page=1&v=2&q=x"
    assert (first.header("X-A"), first.header("X-B")) == ("1", "2")
    assert first.header("Authorization") is not None
    assert second.target == "/absolute?v=2"
    assert second.header("Authorization") is None
    assert third.target == "/v1/?v=2"


def test_cookies_are_kept_and_can_be_shown_to_a_websocket():
    def handler(request: SeenRequest) -> bytes:
        if request.path == "/login":
            return reply("200 OK", b"", "Set-Cookie: session=s-1; Path=/; HttpOnly",
                         "Set-Cookie: theme=dark; Path=/admin")  # fmt: skip
        return reply()

    with HttpServer(handler) as server:

        async def check():
            async with http.session(base_url=server.url) as api:
                await api.post("/login")
                await api.get("/data")
                await api.get("/admin/x", headers={"Cookie": "mine=1"})
                return dict(api.cookies), api.cookies.header(f"ws://{server.place}/feed")

        cookies, for_socket = attempt(check).result
    assert [request.header("Cookie") for request in server.seen] == [
        None,
        "session=s-1",
        "mine=1; theme=dark; session=s-1",
    ]
    assert cookies == {"session": "s-1", "theme": "dark"}
    assert for_socket == "session=s-1"


def test_requests_of_their_own_share_no_cookies():
    with HttpServer(lambda _: reply("200 OK", b"", "Set-Cookie: a=1")) as server:

        async def check():
            await http.get(server.url)
            await http.get(server.url)

        attempt(check)
    assert server.seen[1].header("Cookie") is None
    assert server.connections == 2


def test_a_session_is_used_within_its_block():
    with HttpServer() as server:

        async def check():
            api = http.session(base_url=server.url)
            async with api:
                await api.get("/")
            await api.get("/")

        told = attempt(check)
    assert isinstance(told.error, UsageError)
    assert "async with" in str(told.error)
    assert told.failure.code == "check.usage"


@pytest.mark.parametrize(
    ("session", "request_", "said"),
    [
        ({"base": "http://x"}, {}, "http.session() does not take 'base'; did you mean base_url?"),
        ({}, {"verify": False}, "get() does not take 'verify'"),
        ({"ca": "/no/such"}, {}, "cannot use /no/such as ca"),
    ],
)
def test_mistakes_are_explained(session, request_, said, pki):
    with HttpServer(tls=pki.server()) as server:

        async def check():
            async with http.session(**session) as api:
                await api.get(server.url, **request_)

        told = attempt(check)
    assert isinstance(told.error, UsageError)
    assert said in str(told.error)
    assert told.failure.code == "check.usage"


def test_a_url_without_scheme_needs_a_base():
    async def check():
        async with http.session() as api:
            await api.get("/users")

    assert attempt(check).failure.code == "check.bad_url"


def test_a_connection_that_the_server_ends_while_it_waits_is_let_go_at_once():
    let_go = threading.Event()

    def script(peer: Peer) -> None:
        peer.read_head()
        peer.send(reply())
        peer.wait(peer.server.go)
        peer.fin()
        assert peer.sock.recv(1) == b""
        let_go.set()

    with RawServer(script) as server:

        async def check():
            async with http.session(base_url=f"http://{server.place}") as api:
                await api.get("/")
                server.go.set()
                await until(let_go.is_set)

        assert attempt(check).error is None


def test_a_request_that_outlives_its_session_leaves_nothing_open():
    asked = threading.Event()

    def handler(_: SeenRequest) -> bytes:
        asked.set()
        server.go.wait(20)
        return reply()

    with HttpServer(handler) as server:

        async def check():
            async with http.session(base_url=server.url) as api:
                task = asyncio.create_task(api.get("/"))
                await until(asked.is_set)
            server.go.set()
            answer = await task
            await until(lambda: server.ended)
            return answer.status

        assert attempt(check).result == 200
