"""A port that says nothing is asked for the other protocol."""

from __future__ import annotations

import asyncio
import ssl
import time
from typing import Any

import pytest

from checkwire.model.events import ConnectionClosed, ConnectionStarted, Logged
from checkwire.wire.opening import open_connection
from support.connecting import SOON, opened, options, refused
from support.loops import Run, run, until
from support.observing import Recording
from support.pki import Pki
from support.proxyserver import HttpProxy
from support.rawserver import Peer, RawServer, Script, answering, upgraded


def tls_or_silence(context: ssl.SSLContext, *, patient: bool = False) -> Script:
    """A port that speaks TLS; with others it hangs up without a word, or waits for ever."""

    def script(peer: Peer) -> None:
        first = peer.sock.recv(1, 2)  # MSG_PEEK
        if first != b"\x16":
            peer.read_head()
            if patient:
                peer.stay()
            return
        peer.sock = context.wrap_socket(peer.sock, server_side=True)
        peer.pending = b""
        data = peer.read_to_end()
        assert data == b"", "nothing is said inside of TLS"

    return script


def http_or_silence(script: Script, *, patient: bool = False) -> Script:
    """A port that speaks HTTP; with others it hangs up without a word, or waits for ever."""

    def whole(peer: Peer) -> None:
        if peer.sock.recv(1, 2) == b"\x16":
            if patient:
                peer.stay()
            return
        script(peer)

    return whole


@pytest.mark.parametrize(("patient", "was"), [(False, "upgrade.closed"), (True, "upgrade.timeout")])
def test_a_tls_port_that_is_spoken_to_in_the_clear_is_named(
    on_each_loop: Run[Any], pki: Pki, patient: bool, was: str
) -> None:
    seen = Recording()
    with RawServer(tls_or_silence(pki.expired(), patient=patient)) as server:
        failure = on_each_loop(refused(server.url, seen, timeouts={"upgrade": SOON}))
        assert len(server.peers) == 2
    assert (failure.code, failure.phase) == ("upgrade.tls_expected", "upgrade")
    (said,) = seen.of(Logged)
    assert said.source == "checkwire"
    assert f"Asked {server.place} on a second connection" in said.message
    assert "TLSv1.3" in said.message
    # A silent one is asked beside it while it has time, so that the verdict comes at its end.
    assert (said.at_ns >= seen.closed.at_ns) is not patient
    assert server.place in failure.message
    assert "TLSv1.3" in failure.message
    assert failure.evidence["failed_as"] == was
    # The other connection is none of the attempt's.
    assert len(seen.of(ConnectionStarted)) == len(seen.of(ConnectionClosed)) == 1
    assert list(seen.phases) == ["tcp"]


def test_a_tls_port_that_refuses_the_handshake_speaks_tls_too(pki: Pki) -> None:
    context = pki.server()
    context.sni_callback = lambda *_: ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
    with RawServer(tls_or_silence(context)) as server:
        failure = run(refused(f"ws://localhost:{server.port}/"))
    assert failure.code == "upgrade.tls_expected"
    assert "alert" in failure.message


@pytest.mark.parametrize("patient", [False, True])
def test_a_plain_port_that_is_spoken_to_in_tls_is_named(
    on_each_loop: Run[Any], patient: bool
) -> None:
    seen = Recording()
    with RawServer(http_or_silence(upgraded(Peer.echo), patient=patient)) as server:
        url = f"wss://{server.place}/"
        failure = on_each_loop(refused(url, seen, timeouts={"tls": SOON} if patient else {}))
        assert len(server.peers) == 2
    assert (failure.code, failure.phase) == ("tls.not_tls", "tls")
    assert "101 Switching Protocols" in failure.message
    assert failure.evidence["failed_as"] == ("tls.timeout" if patient else "tcp.reset")
    assert len(seen.of(ConnectionStarted)) == len(seen.of(ConnectionClosed)) == 1
    assert list(seen.phases) == ["tcp"]


def test_a_port_that_answers_tls_with_http_tells_how_it_answers_http() -> None:
    with RawServer(answering_anything(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as server:
        failure = run(refused(f"wss://{server.place}/"))
    assert failure.code == "tls.not_tls"
    assert "HTTP 400" in failure.message


def answering_anything(answer: bytes) -> Script:
    def script(peer: Peer) -> None:
        peer.sock.recv(65536)
        peer.send(answer)
        peer.fin()
        peer.read_to_end()

    return script


@pytest.mark.parametrize("url", ["ws://user:password@{}/path?token=1", "wss://u:p@{}/path?token=1"])
def test_no_credentials_go_out_in_the_clear(url: str) -> None:
    heard: list[bytes] = []

    def script(peer: Peer) -> None:
        if peer.sock.recv(1, 2) != b"\x16" and len(peer.server.peers) == 2:
            heard.append(peer.read_head().encode())
            peer.send(b"HTTP/1.1 404 Not Found\r\n\r\n")

    with RawServer(script) as server:
        given = {"headers": (("Authorization", "Bearer x"), ("X-Key", "k")), "origin": "https://o"}
        failure = run(refused(url.format(server.place), subprotocols=("s",), **given))
    if url.startswith("wss"):
        assert failure.code == "tls.not_tls"
        (head,) = heard
        assert head.startswith(b"GET / HTTP/1.1\r\n")
        for word in (b"Authorization", b"X-Key", b"Origin", b"Protocol", b"token", b"path"):
            assert word not in head
    else:
        assert failure.code == "tcp.reset"


def test_a_port_that_speaks_neither_keeps_its_failure(on_each_loop: Run[Any]) -> None:
    def mute(peer: Peer) -> None:
        peer.sock.recv(65536)

    with RawServer(mute) as server:
        assert on_each_loop(refused(server.url)).code == "upgrade.closed"
        assert on_each_loop(refused(f"wss://{server.place}/")).code == "tls.closed"
        assert len(server.peers) == 4


@pytest.mark.parametrize(("scheme", "code"), [("ws", "upgrade.timeout"), ("wss", "tls.timeout")])
def test_a_port_that_never_answers_costs_its_timeout_and_no_more(
    on_each_loop: Run[Any], scheme: str, code: str
) -> None:
    """The verdict does not wait for the other protocol's answer, which never comes either."""

    async def timed(url: str) -> float:
        began = time.monotonic()
        failure = await refused(url, timeouts={code.partition(".")[0]: 2})
        assert failure.code == code
        assert failure.evidence["elapsed_ms"] >= 1990
        return time.monotonic() - began

    with RawServer(Peer.stay) as server:
        spent = on_each_loop(timed(f"{scheme}://{server.place}/"))
        assert len(server.peers) == 2
    assert spent < 3.4  # Asked only then, the other protocol would have 1.5 s of its own.


def test_an_answer_that_comes_late_is_taken_and_the_other_protocol_forgotten(
    on_each_loop: Run[Any],
) -> None:
    def script(peer: Peer) -> None:
        if peer.sock.recv(1, 2) == b"\x16":
            peer.server.go.set()
            peer.stay()
        peer.wait(peer.server.go)
        peer.handshake()
        peer.echo()

    async def check(server: RawServer) -> None:
        async with opened(server.url, timeouts={"upgrade": 4}) as connection:
            await connection.close()

    with RawServer(script) as server:
        on_each_loop(check(server))
        assert len(server.peers) == 2


def test_a_server_that_said_something_is_not_asked_again(pki: Pki) -> None:
    def half(peer: Peer) -> None:
        peer.read_head()
        peer.send(b"HTTP/1.1 1")
        peer.fin()
        peer.read_to_end()

    with RawServer(half) as server:
        assert run(refused(server.url)).code == "upgrade.closed"
        assert len(server.peers) == 1
    with RawServer(answering("HTTP/1.1 404 Not Found")) as server:
        assert run(refused(server.url)).code == "upgrade.status"
        assert len(server.peers) == 1
    with RawServer(Peer.read_to_end, tls=pki.expired()) as server:
        assert run(refused(server.url, ca=pki.ca)).code == "tls.certificate_expired"
        assert len(server.peers) == 2  # The second one is for the chain.


def test_the_same_machine_is_asked(pki: Pki) -> None:
    """However many addresses the name has, and whatever a second look-up would say."""
    look_ups = []

    def resolver(name: str, port: int) -> list[Any]:
        import socket

        look_ups.append(name)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.port))]

    with RawServer(tls_or_silence(pki.server())) as server:
        failure = run(refused("ws://name.test/", resolver=resolver))
    assert failure.code == "upgrade.tls_expected"
    assert look_ups == ["name.test"]


def test_the_same_proxy_is_asked(pki: Pki) -> None:
    proxy = HttpProxy()
    with RawServer(tls_or_silence(pki.server())) as server, RawServer(proxy) as front:
        failure = run(refused(server.url, proxy=f"http://{front.place}"))
    assert failure.code == "upgrade.tls_expected"
    assert proxy.asked == [server.place] * 2


@pytest.mark.parametrize(
    "body",
    [
        b"<center>The plain HTTP request was sent to HTTPS port</center>",
        b"Reason: You're speaking plain HTTP to an SSL-enabled server port.",
        b"Client sent an HTTP request to an HTTPS server.\n",
    ],
)
def test_a_tls_port_that_answers_in_the_clear_says_so_itself(body: bytes) -> None:
    with RawServer(answering("HTTP/1.1 400 Bad Request", "Server: x", body)) as server:
        failure = run(refused(server.url))
        assert len(server.peers) == 1
    assert (failure.code, failure.phase) == ("upgrade.tls_expected", "upgrade")
    assert failure.evidence["status"] == 400


def test_a_tls_alert_in_the_clear_says_so_too(on_each_loop: Run[Any], pki: Pki) -> None:
    alert = b"\x15\x03\x01\x00\x02\x02\x46"
    with RawServer(answering_anything(alert)) as server:
        failure = on_each_loop(refused(server.url))
    assert failure.code == "upgrade.tls_expected"
    assert failure.evidence["first_bytes"] == alert.hex(" ")
    with RawServer(Peer.read_to_end, tls=pki.server()) as server:
        url = f"ws://{server.place}/"
        assert on_each_loop(refused(url)).code == "upgrade.tls_expected"


def test_what_failed_is_told_also_if_time_is_up_before_the_other_answer(
    on_each_loop: Run[Any],
) -> None:
    seen = Recording()

    async def check(server: RawServer) -> None:
        opening = asyncio.ensure_future(open_connection(server.url, options(), seen))
        await until(lambda: len(server.peers) == 2)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening

    def hangs_up_then_hangs(peer: Peer) -> None:
        if peer.sock.recv(1, 2) == b"\x16":
            peer.stay()

    with RawServer(hangs_up_then_hangs) as server:
        on_each_loop(check(server))
    assert seen.codes == ["tcp.reset"]  # What it had been sent was not read.
    (said,) = seen.of(Logged)
    assert "no answer" in said.message
