"""Phase upgrade: the request, the answer, and all that may come instead of it."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

import pytest

from checkwire.model.errors import ConnectError, UsageError
from checkwire.model.events import ConnectionClosed, ConnectionStarted, Handshake
from checkwire.wire.opening import open_connection
from support import frames
from support.connecting import SOON, SOON_NS, opened, options, refused
from support.loops import Run, run
from support.observing import Recording
from support.pki import Pki
from support.rawserver import Peer, RawServer, Script, accept_key, answering, upgraded

SUBPROTOCOL = "Sec-WebSocket-Protocol"
EXTENSIONS = "Sec-WebSocket-Extensions"


async def visit(url: str, seen: Recording | None = None, **given: Any) -> Handshake:
    """Open and close; what the handshake was."""
    async with opened(url, seen, **given) as connection:
        await connection.close()
        return connection.handshake


def request_with(**given: Any) -> Peer:
    """The server's end of a connection with these options; its request can be looked at."""
    with RawServer(upgraded(Peer.echo)) as server:
        run(visit(server.url + given.pop("path", ""), **given))
        return server.peers[0]


def lines(peer: Peer, name: str) -> list[str]:
    """The values of all headers of that name in the request."""
    pairs = [line.partition(": ") for line in peer.head.split("\r\n")[1:]]
    return [value for key, _, value in pairs if key.lower() == name.lower()]


# The request


def test_the_request_is_what_the_standard_wants() -> None:
    peer = request_with(path="chat?room=%2F1")
    assert peer.head.startswith("GET /chat?room=%2F1 HTTP/1.1\r\n")
    assert peer.header("Host") == peer.server.place
    assert peer.header("Upgrade") == "websocket"
    assert peer.header("Connection") == "Upgrade"
    assert peer.header("Sec-WebSocket-Version") == "13"
    assert len(peer.header("Sec-WebSocket-Key") or "") == 24
    assert peer.header("Origin") is None
    assert peer.header("User-Agent") is None
    assert peer.header(SUBPROTOCOL) is None


def test_each_connection_has_a_key_of_its_own() -> None:
    keys = {request_with().header("Sec-WebSocket-Key") for _ in range(3)}
    assert len(keys) == 3


def test_headers_are_sent_in_their_order_and_as_often_as_given() -> None:
    peer = request_with(headers=(("X-B", "2"), ("X-A", "1"), ("X-B", "3")))
    assert lines(peer, "X-B") == ["2", "3"]
    assert peer.head.index("X-B: 2") < peer.head.index("X-A: 1") < peer.head.index("X-B: 3")


@pytest.mark.parametrize("name", ["Host", "origin", "User-Agent", "AUTHORIZATION"])
def test_a_header_that_is_given_replaces_ours(name: str) -> None:
    with RawServer(upgraded(Peer.echo)) as server:
        url = f"ws://user:password@{server.place}/"
        given = {"origin": "https://ours.test", "user_agent": "ours"}
        run(visit(url, headers=((name, "given"),), **given))
        assert lines(server.peers[0], name) == ["given"]


def test_origin_user_agent_and_subprotocols_are_sent() -> None:
    def accepting(peer: Peer) -> None:
        peer.handshake(f"{SUBPROTOCOL}: two")
        peer.echo()

    with RawServer(accepting) as server:
        given = {
            "origin": "https://a.test",
            "user_agent": "agent/1",
            "subprotocols": ("one", "two"),
        }
        handshake = run(visit(server.url, **given))
        peer = server.peers[0]
    assert peer.header("Origin") == "https://a.test"
    assert peer.header("User-Agent") == "agent/1"
    assert peer.header(SUBPROTOCOL) == "one, two"
    assert handshake.subprotocol == "two"


def test_credentials_of_the_url_are_sent_as_basic_authentication() -> None:
    with RawServer(upgraded(Peer.echo)) as server:
        run(visit(f"ws://Aladdin:open%20sesame@{server.place}/"))
        header = server.peers[0].header("Authorization")
    assert header == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="  # RFC 7617 section 2


def test_compression_is_offered_or_not() -> None:
    offer = "permessage-deflate; client_max_window_bits"
    assert request_with().header(EXTENSIONS) == offer
    assert request_with(compression=False).header(EXTENSIONS) is None


@pytest.mark.parametrize(
    "given",
    [
        {"headers": (("X-Price", "5 €"),)},
        {"headers": (("X-Line", "a\r\nX-Other: b"),)},
        {"user_agent": "nul\0"},
        {"origin": "https://☃.test"},
    ],
)
def test_a_header_that_cannot_be_sent_is_the_checks_mistake(given: Any) -> None:
    seen = Recording()
    with RawServer(Peer.read_to_end) as server, pytest.raises(UsageError, match="cannot be sent"):
        run(open_connection(server.url, options(**given), seen))
    assert seen.closed.code is None


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("Sec-WebSocket-Protocol", "use subprotocols="),
        ("sec-websocket-extensions", "use compression="),
        ("Sec-WebSocket-Key", "the handshake sends it"),
        ("Sec-WebSocket-Version", "the handshake sends it"),
        ("Connection", "the handshake sends it"),
        ("UPGRADE", "the handshake sends it"),
    ],
)
def test_a_header_of_the_handshake_is_the_checks_mistake(name: str, instead: str) -> None:
    """It would be sent twice."""
    with RawServer(Peer.read_to_end) as server:
        with pytest.raises(UsageError, match=f"cannot have {name}: {instead}"):
            run(open_connection(server.url, options(headers=((name, "x"),))))
        assert server.peers == []


# The answer


def test_the_handshake_is_told(on_each_loop: Run[Any]) -> None:
    seen = Recording()

    def script(peer: Peer) -> None:
        peer.handshake("X-Served-By: a", f"{EXTENSIONS}: permessage-deflate")
        peer.echo()

    with RawServer(script) as server:
        on_each_loop(visit(server.url + "path", seen, headers=(("X-Mine", "1"),)))
    handshake = seen.one(Handshake)
    assert handshake.request_target == "/path"
    assert ("X-Mine", "1") in handshake.request_headers
    assert (handshake.status, handshake.reason) == (101, "Switching Protocols")
    assert ("X-Served-By", "a") in handshake.response_headers
    assert handshake.remote_address == server.place
    assert handshake.local_address.startswith("127.0.0.1:")
    assert handshake.extensions == ("permessage-deflate",)
    upgrade = seen.phases["upgrade"]
    assert upgrade.clock == "kernel"
    assert handshake.at_ns == upgrade.at_ns + upgrade.duration_ns


def test_secrets_are_masked_in_the_handshake_and_where_it_fails() -> None:
    seen = Recording("s3cr3t-token")

    def script(peer: Peer) -> None:
        peer.handshake("X-Echo: s3cr3t-token", "Set-Cookie: session=1")
        peer.echo()

    denied = answering("HTTP/1.1 403 Forbidden", "X-Echo: s3cr3t-token", b"bad s3cr3t-token")
    with RawServer(script, denied) as server:
        headers = (("Authorization", "Bearer s3cr3t-token"), ("X-Key", "s3cr3t-token"))
        url = f"{server.url}?token=s3cr3t-token"
        run(visit(url, seen, headers=headers))
        assert server.peers[0].header("X-Key") == "s3cr3t-token"
        again = Recording("s3cr3t-token")
        failure = run(refused(url, again, headers=headers))
    assert "s3cr3t-token" not in str(seen.events)
    assert "session=1" not in str(seen.events)
    assert "s3cr3t-token" not in str(again.events)
    assert "s3cr3t-token" not in str(failure)
    assert failure.evidence["body"].startswith("bad ")


def test_an_answer_may_come_byte_by_byte(on_each_loop: Run[Any]) -> None:
    def script(peer: Peer) -> None:
        peer.read_head()
        peer.drip(peer.acceptance())
        peer.echo()

    with RawServer(script) as server:
        assert on_each_loop(visit(server.url)).status == 101


@pytest.mark.parametrize("secure", [False, True])
def test_frames_may_come_with_the_answer(on_each_loop: Run[Any], pki: Pki, secure: bool) -> None:
    seen = Recording()

    def script(peer: Peer) -> None:
        first = frames.frame(frames.TEXT, b"in p", fin=False) + frames.frame(frames.PING, b"x")
        peer.handshake(then=frames.text("with it") + first)
        assert peer.read_frame()[:2] == (frames.PONG, b"x")
        peer.send(frames.frame(frames.CONTINUATION, b"arts"))
        peer.echo()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen, ca=pki.ca) as connection:
            assert (await connection.receive(5)).data == "with it"
            assert (await connection.receive(5)).data == "in parts"
            await connection.close()

    with RawServer(script, tls=pki.server() if secure else None) as server:
        on_each_loop(check(server))
    first, second = seen.frames[:2]
    assert first.at_ns == second.at_ns == seen.one(Handshake).at_ns
    assert first.clock == "kernel"
    assert first.coalesced
    assert seen.phases["first_message"].duration_ns == 0


@pytest.mark.parametrize("secure", [False, True])
def test_the_whole_life_may_come_with_the_answer(
    on_each_loop: Run[Any], pki: Pki, secure: bool
) -> None:
    seen = Recording()

    def script(peer: Peer) -> None:
        peer.handshake(then=frames.text("hello") + frames.close(1000, "bye"))
        peer.fin()
        peer.read_to_end()

    async def check(server: RawServer) -> None:
        async with opened(server.url, seen, ca=pki.ca) as connection:
            assert (await connection.receive(5)).data == "hello"
            await connection.wait_closed()

    with RawServer(script, tls=pki.server() if secure else None) as server:
        on_each_loop(check(server))
    assert (seen.closed.code, seen.closed.reason, seen.closed.clean) == (1000, "bye", True)
    assert seen.closed.initiator == "remote"
    assert seen.failures == []


@pytest.mark.parametrize("secure", [False, True])
def test_an_end_that_comes_with_the_answer_is_noticed(
    on_each_loop: Run[Any], pki: Pki, secure: bool
) -> None:
    def script(peer: Peer) -> None:
        peer.handshake(then=frames.text("hello"))
        peer.fin()
        peer.read_to_end()

    async def check(server: RawServer, seen: Recording) -> None:
        async with opened(server.url, seen, ca=pki.ca) as connection:
            assert (await connection.receive(5)).data == "hello"
            await connection.wait_closed()
        assert seen.codes == ["ws.closed_abnormally"]

    with RawServer(script, tls=pki.server() if secure else None) as server:
        for _ in range(5):
            on_each_loop(check(server, Recording()))


def test_interim_responses_are_not_the_answer(on_each_loop: Run[Any]) -> None:
    def script(peer: Peer) -> None:
        peer.read_head()
        peer.send(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n")
        peer.send(peer.acceptance())
        peer.echo()

    with RawServer(script) as server:
        assert on_each_loop(visit(server.url)).status == 101


def test_interim_responses_without_end_are_not_waited_for() -> None:
    def script(peer: Peer) -> None:
        peer.read_head()
        while True:
            peer.send(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)

    with RawServer(script) as server:
        failure = run(refused(server.url, timeouts={"upgrade": SOON}))
    assert failure.code == "upgrade.timeout"


# Refusals


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        ("400 Bad Request", "headers"),
        ("401 Unauthorized", "credentials"),
        ("403 Forbidden", "Origin"),
        ("404 Not Found", "path"),
        ("405 Method Not Allowed", "upgrades"),
        ("426 Upgrade Required", "Sec-WebSocket-Version"),
        ("429 Too Many Requests", "Too many"),
        ("500 Internal Server Error", "log"),
        ("502 Bad Gateway", "backend"),
        ("503 Service Unavailable", "backend"),
        ("504 Gateway Timeout", "backend"),
        ("418 I'm a teapot", ""),
    ],
)
def test_another_status_is_quoted_with_what_it_means(status: str, hint: str) -> None:
    seen = Recording()
    answer = answering(f"HTTP/1.1 {status}", "Server: nginx", "Content-Length: 4", b"why?")
    with RawServer(answer) as server:
        failure = run(refused(server.url, seen))
    assert (failure.code, failure.phase) == ("upgrade.status", "upgrade")
    assert status in failure.message
    assert "nginx" in failure.message
    assert hint in failure.hint
    assert failure.evidence["status"] == int(status[:3])
    assert failure.evidence["body"] == "why?"
    assert ["Server", "nginx"] in failure.evidence["headers"]
    # The exchange itself took place.
    assert seen.one(Handshake).status == int(status[:3])
    assert "upgrade" in seen.phases
    assert "open" not in seen.phases


def test_a_server_that_wants_patience_is_quoted() -> None:
    answer = answering("HTTP/1.1 503 Service Unavailable", "Retry-After: 120")
    with RawServer(answer) as server:
        assert "Retry-After: 120" in run(refused(server.url)).hint


@pytest.mark.parametrize("status", [200, 204])
def test_success_is_no_success(on_each_loop: Run[Any], status: int) -> None:
    answer = answering(
        f"HTTP/1.1 {status} OK", "Content-Type: text/html; charset=utf-8", b"<html></html>"
    )
    with RawServer(answer) as server:
        failure = on_each_loop(refused(server.url))
    assert (failure.code, failure.phase) == ("upgrade.not_upgraded", "upgrade")
    assert f"{status} OK with text/html instead of 101" in failure.message


def test_a_body_is_kept_in_part_and_waited_for_briefly() -> None:
    def endless(peer: Peer) -> None:
        peer.read_head()
        peer.send(b"HTTP/1.1 404 Not Found\r\n\r\n", b"x" * 100_000)
        peer.stay()

    def starting(peer: Peer) -> None:
        peer.read_head()
        peer.send(b"HTTP/1.1 404 Not Found\r\nContent-Length: 100\r\n\r\n", b"begun")
        peer.stay()

    with RawServer(endless, starting) as server:
        assert run(refused(server.url)).evidence["body"] == "x" * 512
        assert run(refused(server.url)).evidence["body"] == "begun"


def test_a_length_of_any_number_of_digits_is_no_trouble() -> None:
    def script(peer: Peer) -> None:
        peer.read_head()
        length = "9" * 5000  # More than int() takes.
        peer.send(f"HTTP/1.1 404 Not Found\r\nContent-Length: {length}\r\n\r\nbegun".encode())
        peer.fin()

    with RawServer(script) as server:
        failure = run(refused(server.url))
    assert (failure.code, failure.evidence["body"]) == ("upgrade.status", "begun")


def test_a_chunked_body_is_shown_without_its_chunks() -> None:
    def script(peer: Peer) -> None:
        peer.read_head()
        peer.send(b"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n")
        peer.send(b"5\r\nhello\r\n", b"6\r\n world\r\n0\r\n\r\n")
        peer.stay()

    with RawServer(script) as server:
        assert run(refused(server.url)).evidence["body"] == "hello world"


# Redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_told_and_not_followed(status: int) -> None:
    answer = answering(f"HTTP/1.1 {status} Moved", "Location: wss://other.test/x")
    with RawServer(answer) as server:
        failure = run(refused(server.url))
        assert len(server.peers) == 1
    assert (failure.code, failure.phase) == ("upgrade.redirect", "upgrade")
    assert "wss://other.test/x" in failure.message


def redirecting(location: str | Callable[[], str], status: int = 302) -> Script:
    def script(peer: Peer) -> None:
        peer.read_head()
        where = location if isinstance(location, str) else location()
        peer.send(f"HTTP/1.1 {status} Moved\r\nLocation: {where}\r\n\r\n".encode())
        peer.fin()
        peer.read_to_end()

    return script


def test_a_redirect_is_followed_on_request(on_each_loop: Run[Any]) -> None:
    seen = Recording()
    with RawServer(upgraded(Peer.echo)) as target:
        there = f"http://{target.place}/there?x=1#fragment"
        with RawServer(redirecting("/here"), redirecting(there)) as server:
            on_each_loop(visit(server.url, seen, follow_redirects=2))
            assert server.peers[1].head.startswith("GET /here HTTP/1.1")
        assert target.peers[0].head.startswith("GET /there?x=1 HTTP/1.1")
    started, ended = seen.of(ConnectionStarted), seen.of(ConnectionClosed)
    assert [(s.connection, s.url) for s in started] == [
        (1, server.url),
        (2, f"{server.url}here"),
        (3, f"ws://{target.place}/there?x=1"),
    ]
    assert [(c.connection, c.code) for c in ended] == [(1, None), (2, None), (3, 1000)]
    assert seen.failures == []


def test_a_redirect_may_lead_to_tls(pki: Pki) -> None:
    with (
        RawServer(upgraded(Peer.echo), tls=pki.server()) as target,
        RawServer(redirecting(f"https://{target.place}/")) as server,
    ):
        run(visit(server.url, follow_redirects=1, ca=pki.ca))


def test_redirects_without_end_are_followed_as_often_as_said() -> None:
    seen = Recording()
    with RawServer(redirecting("/again")) as server:
        with pytest.raises(ConnectError) as caught:
            run(open_connection(server.url, options(follow_redirects=3), seen))
        assert caught.value.failure.code == "upgrade.redirect"
        assert len(server.peers) == 4
    assert seen.codes == ["upgrade.redirect"]


@pytest.mark.parametrize(
    "location", ["ftp://other.test/", "http://[::1", "ws://:0/", "wss://x:99999/"]
)
def test_a_location_that_cannot_be_followed_is_the_servers_mistake(location: str) -> None:
    with RawServer(redirecting(location)) as server:
        failure = run(refused(server.url, follow_redirects=5))
    assert failure.code == "upgrade.redirect"
    assert location in failure.message


def test_a_redirect_without_a_location_leads_nowhere() -> None:
    with RawServer(answering("HTTP/1.1 302 Found")) as server:
        failure = run(refused(server.url, follow_redirects=5))
    assert failure.code == "upgrade.redirect"
    assert "nowhere" in failure.message


def test_credentials_do_not_follow_a_redirect_to_another_server() -> None:
    seen = Recording("s3cr3t-value")
    headers = (
        ("Authorization", "Bearer x"),
        ("Cookie", "a=b"),
        ("X-Api-Key", "k"),
        ("X-Auth-Token", "t"),
        ("X-Odd", "s3cr3t-value"),
        ("X-Trace", "1"),
    )
    subprotocols = ("chat", "bearer.t0k3n", "eyJhbGciOiJIUzI1NiJ9.e30.x", "x.s3cr3t-value")

    def accepting(peer: Peer) -> None:
        peer.handshake(f"{SUBPROTOCOL}: chat")
        peer.echo()

    given: Any = {"follow_redirects": 2, "headers": headers, "subprotocols": subprotocols}
    with RawServer(accepting) as target:
        with RawServer(redirecting("/here"), redirecting(f"http://{target.place}/")) as server:
            run(visit(server.url, seen, **given))
            for name, value in headers:
                assert server.peers[1].header(name) == value
            assert server.peers[1].header(SUBPROTOCOL) == ", ".join(subprotocols)
        (peer,) = target.peers
    assert {name: peer.header(name) for name, _ in headers if peer.header(name)} == {"X-Trace": "1"}
    assert peer.header(SUBPROTOCOL) == "chat"


def test_a_client_certificate_does_not_follow_a_redirect_to_another_server(pki: Pki) -> None:
    shown: list[Any] = []

    def remembering(then: Script) -> Script:
        def script(peer: Peer) -> None:
            shown.append(peer.sock.getpeercert())
            then(peer)

        return script

    with RawServer(remembering(upgraded(Peer.echo)), tls=pki.asking_client()) as target:
        there = remembering(redirecting(target.url))
        with RawServer(remembering(redirecting("/here")), there, tls=pki.asking_client()) as server:
            given = {"ca": pki.ca, "client_cert": pki.client(), "follow_redirects": 2}
            run(visit(server.url, **given))
    assert [bool(certificate) for certificate in shown] == [True, True, False]


@pytest.mark.parametrize(
    ("location", "target"),
    [(b"/gr\xc3\xbcn", "/gr%C3%BCn"), (b"/gr\xfcn", "/gr%FCn"), (b"/gr%C3%BCn", "/gr%C3%BCn")],
)
def test_a_location_beyond_ascii_is_taken_as_browsers_take_it(location: bytes, target: str) -> None:
    def turn(peer: Peer) -> None:
        peer.read_head()
        peer.send(b"HTTP/1.1 302 Found\r\nLocation: ", location, b"\r\n\r\n")
        peer.fin()
        peer.read_to_end()

    with RawServer(turn, upgraded(Peer.echo)) as server:
        run(visit(server.url, follow_redirects=1))
        assert server.peers[1].head.startswith(f"GET {target} ")


def test_a_redirect_out_of_tls_is_not_followed(on_each_loop: Run[Any], pki: Pki) -> None:
    with RawServer(upgraded(Peer.echo)) as target:
        with RawServer(redirecting(target.url), tls=pki.server()) as server:
            failure = on_each_loop(refused(server.url, ca=pki.ca, follow_redirects=5))
        assert target.peers == []
    assert failure.code == "upgrade.redirect"
    assert "from TLS to plain text, which is not followed" in failure.message
    assert "X-Forwarded-Proto" in failure.hint


def test_a_secret_in_a_location_is_followed_and_not_shown() -> None:
    seen = Recording("s3cr3t-token")
    with RawServer(redirecting("/x?t=s3cr3t-token"), upgraded(Peer.echo)) as server:
        run(visit(server.url, seen, follow_redirects=1))
        assert server.peers[1].head.startswith("GET /x?t=s3cr3t-token ")
    assert "s3cr3t-token" not in str(seen.events)


# Answers that break the rules


def accepted_with(*changes: str) -> Script:
    """A 101 in which headers are replaced, or left out (``Name:`` alone)."""

    def script(peer: Peer) -> None:
        peer.read_head()
        headers = {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Accept": accept_key(peer.header("Sec-WebSocket-Key") or ""),
        }
        extra = []
        for change in changes:
            name, _, value = change.partition(":")
            if name in headers and not value:
                del headers[name]
            elif name in headers and name not in extra:
                headers[name] = value.strip()
            else:
                extra.append(change)
        head = [f"{name}: {value}" for name, value in headers.items()]
        whole = ["HTTP/1.1 101 Switching Protocols", *head, *extra, "", ""]
        peer.send("\r\n".join(whole).encode())
        peer.read_to_end()

    return script


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        (["Upgrade:"], "upgrade.bad_headers", "without a proper Upgrade header"),
        (["Upgrade: h2c"], "upgrade.bad_headers", "without a proper Upgrade header"),
        (["Upgrade: web socket"], "upgrade.bad_headers", "without a proper Upgrade header"),
        (["Connection:"], "upgrade.bad_headers", "without a proper Connection header"),
        (["Connection: close"], "upgrade.bad_headers", "without a proper Connection header"),
        (["Connection: ;;"], "upgrade.bad_headers", "without a proper Connection header"),
        (["Sec-WebSocket-Accept:"], "upgrade.bad_headers", "without Sec-WebSocket-Accept"),
        (["Sec-WebSocket-Accept: no"], "upgrade.bad_accept", "does not fit our key: no"),
        (["Sec-Websocket-Accept: a"], "upgrade.bad_accept", "with several"),
        ([f"{SUBPROTOCOL}: mine"], "upgrade.subprotocol", "chose the subprotocol mine"),
        ([f"{EXTENSIONS}: x-mine"], "upgrade.extension", "not offered: x-mine"),
        (
            [f"{EXTENSIONS}: permessage-deflate; server_max_window_bits=99"],
            "upgrade.extension",
            "server_max_window_bits=99",
        ),
        (
            [f"{EXTENSIONS}: permessage-deflate, permessage-deflate"],
            "upgrade.extension",
            "permessage-deflate, permessage-deflate",
        ),
        ([f"{EXTENSIONS}: ;;"], "upgrade.extension", ";;"),
        (["X-Odd: a\0b"], "upgrade.bad_headers", "not with a valid handshake"),
    ],
)
def test_a_101_that_breaks_the_rules_is_refused(changes: list[str], code: str, said: str) -> None:
    seen = Recording()
    with RawServer(accepted_with(*changes)) as server:
        failure = run(refused(server.url, seen))
    assert (failure.code, failure.phase) == (code, "upgrade")
    assert said in failure.message
    assert failure.evidence["status"] == 101
    assert "open" not in seen.phases


def test_case_and_company_do_not_matter() -> None:
    script = accepted_with("Upgrade: WebSocket", "Connection: keep-alive, upgrade")
    with RawServer(script) as server:
        assert run(visit(server.url, timeouts={"close": SOON})).status == 101


def test_an_extension_that_was_not_offered_is_refused() -> None:
    with RawServer(accepted_with(f"{EXTENSIONS}: permessage-deflate")) as server:
        failure = run(refused(server.url, compression=False))
    assert failure.code == "upgrade.extension"


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        ([], "upgrade.subprotocol_missing", "accepted none of the subprotocols offered: one, two"),
        (["three"], "upgrade.subprotocol", "chose the subprotocol three; offered: one, two"),
        (["one, two"], "upgrade.subprotocol", "chose the subprotocol one, two"),
    ],
)
def test_a_subprotocol_that_is_not_agreed_on_is_a_failure(
    answer: list[str], code: str, said: str
) -> None:
    with RawServer(accepted_with(*(f"{SUBPROTOCOL}: {name}" for name in answer))) as server:
        failure = run(refused(server.url, subprotocols=("one", "two")))
    assert failure.code == code
    assert said in failure.message
    assert failure.evidence["offered"] == ["one", "two"]
    assert failure.evidence["selected"] == (answer[0] if answer else None)
    assert failure.evidence["status"] == 101


# No answer


@pytest.mark.parametrize(
    ("said", "guess"),
    [
        (b"SSH-2.0-OpenSSH_9.6\r\n", "SSH"),
        (b"220 mail.test ESMTP\r\n", "SMTP"),
        (b"-ERR unknown command 'GET'\r\n", "Redis"),
        (b"J\x00\x00\x00\x0a8.0.36\x00\x08", "MySQL"),
        (b"\xff\xfe", None),
    ],
)
def test_what_is_not_http_is_shown(on_each_loop: Run[Any], said: bytes, guess: str | None) -> None:
    def script(peer: Peer) -> None:
        peer.send(said)
        peer.read_to_end()

    with RawServer(script) as server:
        failure = on_each_loop(refused(server.url))
    assert (failure.code, failure.phase) == ("upgrade.not_http", "upgrade")
    assert failure.evidence["first_bytes"] == said.hex(" ")
    assert failure.evidence.get("guess") == guess
    assert guess is None or f"but with {guess}" in failure.message
    if said.isascii() and said.strip().decode().isprintable():
        assert said.strip().decode() in failure.message


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (b"HTTP/1.1 abc\r\n\r\n", "HTTP/1.1 abc"),
        (b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n", "no colon here"),
    ],
)
def test_http_with_a_broken_line_is_bad_http(answer: bytes, line: str) -> None:
    with RawServer(answering(answer)) as server:
        failure = run(refused(server.url))
    assert failure.code == "upgrade.bad_headers"
    assert line in failure.message


def test_headers_without_end_are_too_large(on_each_loop: Run[Any]) -> None:
    def script(peer: Peer) -> None:
        peer.read_head()
        peer.send(b"HTTP/1.1 101 Switching Protocols\r\n")
        while True:
            peer.send(b"X-Padding: " + b"x" * 1000 + b"\r\n")

    with RawServer(script) as server:
        failure = on_each_loop(refused(server.url))
    assert (failure.code, failure.phase) == ("upgrade.headers_too_large", "upgrade")
    assert "64 KiB" in failure.message


def test_much_may_follow_a_head_of_a_fair_size() -> None:
    """The limit is the head's, not that of what came in the same read."""

    def script(peer: Peer) -> None:
        peer.handshake(then=frames.frame(frames.BINARY, b"x" * 100_000))
        peer.echo()

    async def check(server: RawServer) -> None:
        async with opened(server.url) as connection:
            assert len((await connection.receive(5)).data) == 100_000
            await connection.close()

    with RawServer(script) as server:
        run(check(server))


@pytest.mark.parametrize(
    ("part", "said"),
    [(b"", "no byte of an answer"), (b"HTTP/1.1 101 Sw", "15 bytes of an answer")],
)
def test_an_answer_that_does_not_come_in_time(
    on_each_loop: Run[Any], part: bytes, said: str
) -> None:
    seen = Recording()

    def script(peer: Peer) -> None:
        peer.read_head()
        peer.send(part)
        peer.stay()

    with RawServer(script, Peer.close) as server:
        failure = on_each_loop(refused(server.url, seen, timeouts={"upgrade": SOON}))
    assert (failure.code, failure.phase) == ("upgrade.timeout", "upgrade")
    assert said in failure.message
    assert failure.evidence["bytes_received"] == len(part)
    assert seen.closed.at_ns - seen.phases["tcp"].at_ns >= SOON_NS


def test_an_answer_that_trickles_too_slowly_is_not_waited_for() -> None:
    def script(peer: Peer) -> None:
        peer.read_head()
        peer.send(b"HTTP/1.1 101 Switching Protocols\r\n")
        while not peer.server.over.wait(0.02):
            peer.send(b"X: y\r\n")

    with RawServer(script) as server:
        failure = run(refused(server.url, timeouts={"upgrade": SOON}))
    assert failure.code == "upgrade.timeout"
    assert failure.evidence["bytes_received"] > 34


def cut(part: bytes, end: Callable[[Peer], None]) -> Script:
    def script(peer: Peer) -> None:
        peer.read_head()
        peer.send(part)
        if part:
            peer.wait(peer.server.go)
        end(peer)

    return script


@pytest.mark.parametrize("part", [b"", b"HTTP/1.1 1"])
@pytest.mark.parametrize(("end", "how"), [(Peer.fin, "closed"), (Peer.reset, "reset")])
@pytest.mark.parametrize("secure", [False, True])
def test_a_connection_that_ends_instead_of_an_answer(
    on_each_loop: Run[Any],
    pki: Pki,
    part: bytes,
    end: Callable[[Peer], None],
    how: str,
    secure: bool,
) -> None:
    tls = pki.server() if secure else None
    with RawServer(cut(part, end), Peer.close, tls=tls) as server:
        server.go.set()
        failure = on_each_loop(refused(server.url, ca=pki.ca))
    codes = ["upgrade.closed"]
    if how == "reset" and not secure:  # An RST may overtake what was sent before it.
        codes = ["tcp.reset", "upgrade.closed"] if part else ["tcp.reset"]
    assert failure.code in codes
    assert failure.phase == "upgrade"
    assert failure.evidence["bytes_received"] in (len(part), 0)
    assert failure.evidence["ended"] == ("rst" if how == "reset" else "fin")
    assert failure.evidence.get("errno") == (errno.ECONNRESET if how == "reset" else None)
    assert how in failure.message
