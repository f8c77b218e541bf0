"""The ways to a server: TLS, proxies, resolve, Unix sockets."""

from __future__ import annotations

import socket
import ssl
import threading

import pytest

from checkwire import ConnectError, http
from support.attempt import attempt
from support.httpserver import HttpServer, json_reply, reply
from support.proxyserver import HttpProxy, Socks5Proxy
from support.rawserver import Peer, RawServer, answering, dead_address


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_https_is_verified_and_told(pki, loop):
    with HttpServer(lambda _: json_reply("{}"), tls=pki.server()) as server:

        async def check():
            return await http.get(server.url, ca=pki.ca)

        told = attempt(check, loop=loop)
    tls = told.result.tls
    assert tls.version == "TLSv1.3"
    assert "127.0.0.1" in tls.certificate.names
    assert tls.days_left > 0
    assert set(told.exchange.phases) == {"tcp", "tls", "wait", "receive"}


def test_the_authority_of_the_attempt_is_trusted(pki):
    with HttpServer(tls=pki.server()) as server:

        async def check():
            return await http.get(server.url)

        assert attempt(check, ca=pki.ca).result.ok


def test_a_stranger_is_not_trusted_unless_the_check_says_so(pki):
    with HttpServer(tls=pki.server()) as server:

        async def check():
            loose = await http.get(server.url, verify=False)
            assert loose.tls is not None
            await http.get(server.url, ca=pki.stranger)

        told = attempt(check)
    assert isinstance(told.error, ConnectError)
    assert told.failure.code == "tls.unknown_ca"
    assert [exchange.status for exchange in told.exchanges] == [200, None]


def test_a_name_that_the_certificate_lacks_is_refused(pki):
    with HttpServer(tls=pki.server("other.example")) as server:

        async def check():
            await http.get(server.url, ca=pki.ca, server_name="other.example")
            await http.get(server.url, ca=pki.ca)

        told = attempt(check)
    assert told.failure.code == "tls.hostname_mismatch"


def test_another_host_is_not_asked_for_the_name_of_the_first(pki):
    with (
        HttpServer(tls=pki.server("localhost")) as second,
        HttpServer(
            lambda _: reply("302 Found", b"", f"Location: https://localhost:{second.port}/"),
            tls=pki.server("first.example"),
        ) as first,
    ):

        async def check():
            options = {"ca": pki.ca, "server_name": "first.example", "follow_redirects": True}
            return await http.get(first.url, **options)

        assert attempt(check).result.ok


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_certificate_is_given_and_missed(pki, version):
    with HttpServer(tls=pki.wanting_client(version)) as server:

        async def check():
            await http.get(server.url, ca=pki.ca, client_cert=pki.client())
            await http.get(server.url, ca=pki.ca)

        told = attempt(check)
    assert isinstance(told.error, ConnectError)
    assert told.failure.code in ("tls.client_certificate_required", "tls.handshake_failed")
    assert len(server.seen) == 1


def test_a_port_without_tls_is_explained_in_terms_of_http():
    def script(peer: Peer) -> None:
        peer.read(1)
        peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        peer.read_to_end()

    with RawServer(script) as server:

        async def check():
            await http.get(f"https://{server.place}/")

        told = attempt(check)
    assert told.failure.code == "tls.not_tls"
    assert "http://" in told.failure.hint
    assert "ws://" not in told.failure.hint


def test_a_tls_handshake_that_stalls_keeps_its_code():
    with RawServer(Peer.stay) as server:

        async def check():
            await http.get(f"https://{server.place}/", timeout="100ms")

        told = attempt(check)
    assert told.failure.code == "tls.timeout"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_request_goes_through_a_proxy(pki, scheme):
    proxy = HttpProxy("ada", "pw")
    tls = pki.server() if scheme == "https" else None
    with HttpServer(tls=tls) as server, RawServer(proxy) as via:

        async def check():
            return await http.get(server.url, proxy=f"http://ada:pw@{via.place}", ca=pki.ca)

        told = attempt(check)
    assert told.result.ok
    assert proxy.asked == [server.place]
    assert "proxy" in told.exchange.phases
    assert told.result.timings.proxy > 0
    assert told.exchange.remote_address == via.place


def test_a_request_goes_through_socks():
    proxy = Socks5Proxy()
    with HttpServer() as server, RawServer(proxy) as via:

        async def check():
            return await http.get(server.url, proxy=f"socks5h://{via.place}")

        assert attempt(check).result.ok
    assert len(proxy.asked) == 1


def test_the_proxy_of_the_environment_is_used_and_can_be_left_out(monkeypatch):
    proxy = HttpProxy()
    with HttpServer() as server, RawServer(proxy) as via:

        async def check():
            monkeypatch.setenv("http_proxy", f"http://{via.place}")
            await http.get(server.url)
            await http.get(server.url, proxy=None)

        attempt(check)
    assert len(proxy.asked) == 1
    assert len(server.seen) == 2


def test_a_proxy_that_refuses_keeps_its_code():
    with RawServer(HttpProxy("ada", "pw")) as via:

        async def check():
            await http.get("http://target.invalid/", proxy=f"http://{via.place}")

        assert attempt(check).failure.code == "proxy.auth_required"


def test_a_proxy_that_stalls_keeps_its_code():
    with RawServer(Peer.stay) as via:

        async def check():
            await http.get("http://target.invalid/", proxy=f"http://{via.place}", timeout="100ms")

        told = attempt(check)
    assert told.failure.code == "proxy.timeout"
    assert "target.invalid:80" in told.failure.message


def test_a_proxy_that_does_not_answer_is_unreachable():
    with dead_address() as port:

        async def check():
            url = "http://target.invalid/"
            await http.get(url, proxy=f"http://127.0.0.1:{port}", timeout="100ms")

        told = attempt(check)
    assert told.failure.code == "proxy.unreachable"
    assert told.failure.evidence["cause"] == "tcp.timeout"


@pytest.mark.parametrize("whose", ["call", "attempt"])
def test_a_name_can_be_resolved_by_hand(whose):
    with HttpServer() as server:

        async def check():
            options = {"resolve": {"shop.example:80": server.place}} if whose == "call" else {}
            return await http.get("http://shop.example/", **options)

        resolve = {("shop.example", 80): ("127.0.0.1", server.port)} if whose == "attempt" else {}
        told = attempt(check, resolve=resolve)
    assert told.result.ok
    assert server.seen[0].header("Host") == "shop.example"
    assert "dns" not in told.exchange.phases


def test_a_name_that_is_not_resolved_in_time_keeps_its_code(monkeypatch):
    over = threading.Event()

    def look_up(*_: object, **__: object) -> list[object]:
        over.wait(20)
        return []

    async def check():
        await http.get("http://slow.example/", timeout="100ms")

    # The system's resolver, which no test can hold up otherwise.
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    told = attempt(check)
    over.set()
    assert told.failure.code == "dns.timeout"
    assert told.failure.phase == "dns"


def test_a_unix_socket_is_a_way_too(tmp_path):
    path = str(tmp_path / "http.sock")
    with RawServer(answering("HTTP/1.1 200 OK", "Content-Length: 2", b"ok"), path=path):

        async def check():
            return await http.get("http://localhost/x", unix_socket=path)

        assert attempt(check).result.text == "ok"
