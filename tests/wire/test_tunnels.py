"""Phase proxy: through HTTP CONNECT and SOCKS5 proxies."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest

from checkwire.model.errors import FailureError
from checkwire.model.events import Phase
from checkwire.wire.opening import open_connection
from support.connecting import SOON, SOON_NS, opened, options, refused
from support.loops import Run, run
from support.observing import Recording
from support.pki import Pki
from support.proxyserver import HttpProxy, Socks5Proxy
from support.rawserver import Peer, RawServer, dead_address, upgraded


def named(*hosts: str) -> Callable[[str, int], list[Any]]:
    def look_up(name: str, port: int) -> list[Any]:
        assert name == "name.test"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port)) for host in hosts]

    return look_up


async def talk(url: str, seen: Recording | None = None, **given: Any) -> str:
    """Open, exchange a message, close; the place connected to."""
    async with opened(url, seen, **given) as connection:
        connection.send("hello")
        assert (await connection.receive(5)).data == "hello"
        await connection.close()
        return connection.place


@pytest.mark.parametrize("secure", [False, True])
def test_a_connect_proxy_is_a_phase_of_its_own(
    on_each_loop: Run[Any], pki: Pki, secure: bool
) -> None:
    seen, proxy = Recording(), HttpProxy()
    tls = pki.server() if secure else None
    with RawServer(upgraded(Peer.echo), tls=tls) as server, RawServer(proxy) as front:
        given = {"proxy": f"http://{front.place}", "ca": pki.ca}
        place = on_each_loop(talk(server.url, seen, **given))
        assert proxy.asked == [server.place]
        assert place == front.place
    expected = ["tcp", "proxy", *(["tls"] if secure else []), "upgrade", "open"]
    assert list(seen.phases) == [*expected, "first_message", "close"]
    assert seen.phases["proxy"].details == {"proxy": f"http://{front.place}"}
    assert seen.phases["proxy"].duration_ns > 0


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
def test_a_socks_proxy_is_a_phase_of_its_own(
    on_each_loop: Run[Any], pki: Pki, secure: bool, scheme: str
) -> None:
    seen, proxy = Recording(), Socks5Proxy()
    tls = pki.server() if secure else None
    with RawServer(upgraded(Peer.echo), tls=tls) as server, RawServer(proxy) as front:
        given = {"proxy": f"{scheme}://{front.place}", "ca": pki.ca}
        on_each_loop(talk(server.url, seen, **given))
        assert proxy.asked == [(1, "127.0.0.1", server.port)]
    assert seen.phases["proxy"].details == {"proxy": f"{scheme}://{front.place}"}


@pytest.mark.parametrize("secure", [False, True])
def test_a_proxy_may_speak_tls_itself(on_each_loop: Run[Any], pki: Pki, secure: bool) -> None:
    seen, proxy = Recording(), HttpProxy()
    tls = pki.server() if secure else None
    with (
        RawServer(upgraded(Peer.echo), tls=tls) as server,
        RawServer(proxy, tls=pki.server()) as front,
    ):
        given = {"proxy": f"https://{front.place}", "ca": pki.ca}
        on_each_loop(talk(server.url, seen, **given))
    assert proxy.asked == [server.place]
    assert seen.phases["proxy"].details == {"proxy": f"https://{front.place}"}


def test_with_socks5h_the_proxy_looks_names_up() -> None:
    proxy = Socks5Proxy()
    with RawServer(upgraded(Peer.echo)) as server, RawServer(proxy) as front:
        url = f"ws://localhost:{server.port}/"
        run(talk(url, proxy=f"socks5h://{front.place}"))
    assert proxy.asked == [(3, "localhost", server.port)]


def test_with_socks5_this_machine_looks_names_up() -> None:
    proxy = Socks5Proxy()
    with RawServer(upgraded(Peer.echo)) as server, RawServer(proxy) as front:
        url = f"ws://name.test:{server.port}/"
        run(talk(url, proxy=f"socks5://{front.place}", resolver=named("127.0.0.1")))
    assert proxy.asked == [(1, "127.0.0.1", server.port)]


def test_looking_the_target_up_is_a_phase_of_its_own() -> None:
    """Not the proxy's time; with a proxy that has a name, both count."""
    seen = Recording()

    def look_up(name: str, port: int) -> list[Any]:
        seen_names.append(name)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    seen_names: list[str] = []
    with RawServer(upgraded(Peer.echo)) as server, RawServer(Socks5Proxy()) as front:

        async def check() -> dict[str, int]:
            url, proxy = f"ws://name.test:{server.port}/", f"socks5://proxy.test:{front.port}"
            async with opened(url, seen, proxy=proxy, resolver=look_up) as connection:
                return connection.phases

        phases = run(check())
    assert seen_names == ["name.test", "proxy.test"]
    dns = [phase for phase in seen.of(Phase) if phase.name == "dns"]
    assert [phase.details["addresses"] for phase in dns] == [
        [f"127.0.0.1:{server.port}"],
        [f"127.0.0.1:{front.port}"],
    ]
    assert phases["dns"] == sum(phase.duration_ns for phase in dns)


def test_a_proxy_is_asked_for_the_next_address_if_it_cannot_reach_one(
    on_each_loop: Run[Any],
) -> None:
    proxy = Socks5Proxy()
    refusing = Socks5Proxy(reply=8)
    seen = Recording()

    def look_up(name: str, port: int) -> list[Any]:
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", port, 0, 0)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)),
        ]

    with RawServer(upgraded(Peer.echo)) as server, RawServer(refusing, proxy) as front:
        url = f"ws://name.test:{server.port}/"
        on_each_loop(talk(url, seen, proxy=f"socks5://{front.place}", resolver=look_up))
    assert refusing.asked == [(4, "::1", server.port)]
    assert proxy.asked == [(1, "127.0.0.1", server.port)]
    assert list(seen.phases) == ["dns", "tcp", "proxy", "upgrade", "open", "first_message", "close"]
    assert seen.failures == []


def test_when_a_proxy_reaches_no_address_the_last_one_is_told() -> None:
    refusing = Socks5Proxy(reply=5)
    with RawServer(refusing) as front:
        given = {"proxy": f"socks5://{front.place}", "resolver": named("127.0.0.1", "127.0.0.2")}
        failure = run(refused("ws://name.test:9/", **given))
    assert (failure.code, failure.evidence["socks_reply"]) == ("proxy.refused", 5)
    assert [host for _, host, _ in refusing.asked] == ["127.0.0.1", "127.0.0.2"]
    assert "127.0.0.2:9" in failure.message


def test_a_target_that_cannot_be_looked_up_is_not_the_proxys_fault() -> None:
    def unknown(name: str, port: int) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "not known")

    with RawServer(Socks5Proxy()) as front:
        failure = run(refused("ws://name.test/", proxy=f"socks5://{front.place}", resolver=unknown))
    assert failure.code == "dns.not_found"


@pytest.mark.parametrize(("scheme", "kind"), [("socks5", 4), ("socks5h", 4)])
def test_a_socks_proxy_is_asked_for_ipv6_addresses(scheme: str, kind: int) -> None:
    proxy = Socks5Proxy()
    with RawServer(upgraded(Peer.echo), host="::1") as server, RawServer(proxy) as front:
        run(talk(server.url, proxy=f"{scheme}://{front.place}"))
    assert proxy.asked == [(kind, "::1", server.port)]


def test_a_connect_proxy_is_asked_for_ipv6_addresses_in_brackets() -> None:
    proxy = HttpProxy()
    with RawServer(upgraded(Peer.echo), host="::1") as server, RawServer(proxy) as front:
        run(talk(server.url, proxy=f"http://{front.place}"))
    assert proxy.asked == [f"[::1]:{server.port}"]


@pytest.mark.parametrize("scheme", ["http", "socks5", "socks5h"])
def test_resolve_names_the_address_that_a_proxy_is_asked_for(scheme: str) -> None:
    proxy = HttpProxy() if scheme == "http" else Socks5Proxy()
    with RawServer(upgraded(Peer.echo)) as server, RawServer(proxy) as front:
        resolve = {("name.test", 80): ("127.0.0.1", server.port)}
        run(talk("ws://name.test/", proxy=f"{scheme}://{front.place}", resolve=resolve))
        assert str(server.port) in str(proxy.asked)
    assert server.peers[0].header("Host") == "name.test"


# From the environment


def test_the_environment_names_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = HttpProxy()
    with RawServer(upgraded(Peer.echo)) as server, RawServer(proxy) as front:
        monkeypatch.setenv("http_proxy", f"http://{front.place}")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        run(talk(server.url, proxy="env"))
        assert proxy.asked == [server.place]
        monkeypatch.setenv("no_proxy", "localhost,127.0.0.1")
        assert run(talk(server.url, proxy="env")) == server.place
        run(talk(server.url, proxy=None))
    assert len(proxy.asked) == 1


def test_a_unix_socket_needs_no_proxy(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("all_proxy", "http://127.0.0.1:1")
    with RawServer(upgraded(Peer.echo), path=str(tmp_path / "s")) as server:
        run(talk("ws://name.test/", proxy="env", unix_socket=server.path))


def test_a_proxy_that_is_no_address_is_the_checks_mistake() -> None:
    seen = Recording()
    with pytest.raises(FailureError) as caught:
        run(open_connection("ws://127.0.0.1:9/", options(proxy="gopher://x"), seen))
    assert caught.value.failure.code == "check.bad_url"
    assert seen.closed.code is None


# Credentials


@pytest.mark.parametrize("scheme", ["http", "socks5", "socks5h"])
def test_credentials_in_the_proxys_url_are_given(on_each_loop: Run[Any], scheme: str) -> None:
    kind = HttpProxy if scheme == "http" else Socks5Proxy
    proxy = kind("us:er", "p@ss")
    with RawServer(upgraded(Peer.echo)) as server, RawServer(proxy) as front:
        url = f"{scheme}://us%3Aer:p%40ss@{front.place}"
        on_each_loop(talk(server.url, proxy=url))
    assert len(proxy.asked) == 1


@pytest.mark.parametrize("credentials", ["", "user:wrong@"])
@pytest.mark.parametrize("scheme", ["http", "socks5", "socks5h"])
def test_a_proxy_that_wants_other_credentials_says_so(scheme: str, credentials: str) -> None:
    kind = HttpProxy if scheme == "http" else Socks5Proxy
    seen = Recording()
    with RawServer(kind("user", "right")) as front:
        url = f"{scheme}://{credentials}{front.place}"
        failure = run(refused("ws://127.0.0.1:9/", seen, proxy=url))
        assert front.place in failure.message
    assert (failure.code, failure.phase) == ("proxy.auth_required", "proxy")
    assert "wrong" not in str(failure)
    assert list(seen.phases) == ["tcp"]


def test_credentials_that_socks_cannot_carry_are_named() -> None:
    with RawServer(Socks5Proxy("u")) as front:
        url = f"socks5://{'u' * 256}:p@{front.place}"
        failure = run(refused("ws://127.0.0.1:9/", proxy=url))
    assert failure.code == "proxy.auth_required"
    assert "255 bytes" in failure.message


# Failures


def test_a_proxy_that_is_not_there_cannot_be_reached(on_each_loop: Run[Any]) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        failure = on_each_loop(refused("ws://127.0.0.1:9/", proxy=f"http://127.0.0.1:{port}"))
    assert (failure.code, failure.phase) == ("proxy.unreachable", "proxy")
    assert f"127.0.0.1:{port}" in failure.message
    assert failure.evidence["cause"] == "tcp.refused"


def test_a_proxy_that_does_not_answer_tcp_cannot_be_reached() -> None:
    with dead_address() as port:
        proxy = f"http://127.0.0.1:{port}"
        failure = run(refused("ws://127.0.0.1:9/", proxy=proxy, timeouts={"tcp": SOON}))
    assert failure.code == "proxy.unreachable"
    assert failure.evidence["cause"] == "tcp.queue_full"


def test_a_proxy_whose_name_is_not_known_cannot_be_reached() -> None:
    def unknown(name: str, port: int) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "not known")

    failure = run(refused("ws://127.0.0.1:9/", proxy="http://proxy.test", resolver=unknown))
    assert failure.code == "proxy.unreachable"
    assert failure.evidence["cause"] == "dns.not_found"


@pytest.mark.parametrize("scheme", ["http", "socks5", "https"])
def test_a_proxy_that_stays_silent_is_given_up(on_each_loop: Run[Any], scheme: str) -> None:
    seen = Recording()
    with RawServer(Peer.stay) as front:
        failure = on_each_loop(
            refused(
                "ws://127.0.0.1:9/",
                seen,
                proxy=f"{scheme}://{front.place}",
                timeouts={"proxy": SOON},
            )
        )
    assert (failure.code, failure.phase) == ("proxy.timeout", "proxy")
    assert "127.0.0.1:9" in failure.message
    assert seen.closed.at_ns >= SOON_NS


def refusing_connect(peer: Peer) -> None:
    peer.read_head()
    peer.send(b"HTTP/1.1 403 Forbidden by policy\r\nServer: squid\r\n\r\n")


def test_a_connect_proxy_that_refuses_is_quoted(on_each_loop: Run[Any]) -> None:
    with RawServer(refusing_connect) as front:
        failure = on_each_loop(refused("ws://127.0.0.1:9/", proxy=f"http://{front.place}"))
    assert (failure.code, failure.phase) == ("proxy.refused", "proxy")
    assert "403 Forbidden by policy" in failure.message
    assert failure.evidence["status"] == 403
    assert failure.evidence["request"] == "CONNECT 127.0.0.1:9"


@pytest.mark.parametrize(
    ("reply", "reason"),
    [(1, "general failure"), (2, "not allowed"), (5, "connection refused"), (99, "code 99")],
)
def test_a_socks_proxy_that_refuses_says_why(reply: int, reason: str) -> None:
    with RawServer(Socks5Proxy(reply=reply)) as front:
        failure = run(refused("ws://127.0.0.1:9/", proxy=f"socks5h://{front.place}"))
    assert (failure.code, failure.phase) == ("proxy.refused", "proxy")
    assert reason in failure.message
    assert failure.evidence["socks_reply"] == reply


def test_a_socks_proxy_may_refuse_in_two_bytes() -> None:
    def curt(peer: Peer) -> None:
        peer.read(3)
        peer.send(b"\x05\x00")
        peer.read(10)
        peer.send(b"\x05\x05")

    with RawServer(curt) as front:
        failure = run(refused("ws://127.0.0.1:9/", proxy=f"socks5h://{front.place}"))
    assert failure.code == "proxy.refused"


def saying(*parts: bytes) -> Callable[[Peer], None]:
    """A proxy that answers each write of the client with the next part, then ends."""

    def script(peer: Peer) -> None:
        for part in parts:
            peer.sock.recv(65536)
            peer.send(part)
        peer.fin()
        peer.read_to_end()

    return script


OPEN = b"HTTP/1.1 200 OK\r\n\r\n"


@pytest.mark.parametrize(
    ("scheme", "parts"),
    [
        ("http", [b"SSH-2.0-OpenSSH_9\r\n"]),
        ("http", [b"HTTP/1.1 200 OK\r\nbroken\r\n\r\n"]),
        ("http", [b"HTTP/1.1 200 "]),
        ("http", []),
        ("http", [OPEN + b"SSH-2.0-OpenSSH_9\r\n"]),
        ("socks5h", [b"HTTP/1.1 400 Bad Request\r\n\r\n"]),
        ("socks5h", [b"\x04\x00"]),
        ("socks5h", [b"\x05"]),
        ("socks5h", [b"\x05\x00", b"\x05"]),
        ("socks5h", [b"\x05\x00", b"\x05\x00\x00\x01\x7f"]),
        ("socks5h", [b"\x05\x00", b"\x04\x00\x00\x01\x7f\x00\x00\x01\x00\x00"]),
        ("socks5h", [b"\x05\x00", b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00more"]),
        ("https", [b"HTTP/1.1 400 Bad Request\r\n\r\n"]),
    ],
)
def test_what_is_no_proxy_is_told_from_one(scheme: str, parts: list[bytes]) -> None:
    with RawServer(saying(*parts)) as front:
        failure = run(refused("ws://127.0.0.1:9/", proxy=f"{scheme}://{front.place}"))
    assert (failure.code, failure.phase) == ("proxy.protocol", "proxy")


@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_a_proxy_that_resets_the_connection_did_not_open_a_tunnel(scheme: str) -> None:
    def resetting(peer: Peer) -> None:
        peer.read(3)
        peer.reset()

    with RawServer(resetting) as front:
        failure = run(refused("ws://127.0.0.1:9/", proxy=f"{scheme}://{front.place}"))
    assert failure.code == "proxy.protocol"
    assert "connection reset" in failure.message


def test_a_proxy_whose_certificate_is_not_trusted_is_named(pki: Pki) -> None:
    with RawServer(HttpProxy(), tls=pki.server()) as front:
        failure = run(refused("ws://127.0.0.1:9/", proxy=f"https://{front.place}"))
    assert failure.code == "proxy.protocol"
    assert "certificate verify failed" in failure.message


def test_the_targets_failures_stay_the_targets_behind_a_proxy(pki: Pki) -> None:
    with (
        RawServer(Peer.read_to_end, tls=pki.expired()) as server,
        RawServer(HttpProxy()) as front,
    ):
        given = {"proxy": f"http://{front.place}", "ca": pki.ca}
        failure = run(refused(server.url, **given))
        # The second look at the certificate went through the proxy too.
        assert failure.code == "tls.certificate_expired"
        assert failure.evidence["chain"]
        assert len(front.peers) == 2


def test_a_proxy_may_answer_byte_by_byte(on_each_loop: Run[Any]) -> None:
    def dripping(peer: Peer) -> None:
        peer.read_head()
        peer.drip(OPEN)
        peer.read_head()
        peer.drip(peer.acceptance())
        peer.echo()

    with RawServer(dripping) as front:
        on_each_loop(talk("ws://name.test/", proxy=f"http://{front.place}"))
