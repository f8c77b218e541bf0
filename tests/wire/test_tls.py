"""Phase tls: the handshake, what certificates say, and why they are not trusted."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from checkwire.model.errors import UsageError
from checkwire.model.events import TlsEstablished
from checkwire.model.failures import Failure
from checkwire.wire.opening import open_connection
from support import frames
from support.connecting import SOON, SOON_NS, opened, options, refused
from support.loops import Run, run, until
from support.observing import Recording
from support.openssl import OpenSslServer, openssl_server
from support.pki import Pki
from support.rawserver import Peer, RawServer, upgraded


async def talk(url: str, seen: Recording | None = None, **given: Any) -> None:
    """Open, exchange a message, close."""
    async with opened(url, seen, **given) as connection:
        connection.send("hello")
        assert (await connection.receive(5)).data == "hello"
        await connection.close()


def failure_with(context: ssl.SSLContext, name: str = "localhost", **given: Any) -> Failure:
    """What a client says of a server with this context."""
    with RawServer(Peer.read_to_end, tls=context) as server:
        given.setdefault("resolve", {(name, server.port): ("127.0.0.1", server.port)})
        return run(refused(f"wss://{name}:{server.port}/", **given))


# Sessions


def test_the_handshake_is_a_phase_and_the_session_is_told(on_each_loop: Run[Any], pki: Pki) -> None:
    seen = Recording()
    with RawServer(upgraded(Peer.echo), tls=pki.server()) as server:
        on_each_loop(talk(server.url, seen, ca=pki.ca))
    assert list(seen.phases) == ["tcp", "tls", "upgrade", "open", "first_message", "close"]
    tls = seen.phases["tls"]
    assert tls.clock == "kernel"
    assert tls.duration_ns > 0
    assert tls.at_ns + tls.duration_ns <= seen.phases["upgrade"].at_ns
    session = seen.one(TlsEstablished)
    assert session.version == "TLSv1.3"
    assert session.cipher.startswith("TLS_")
    assert session.server_name == "127.0.0.1"
    assert session.verified
    (leaf,) = session.chain
    assert leaf.names == ("localhost", "127.0.0.1", "::1")
    assert "Checkwire tests" in leaf.issuer
    assert leaf.not_before < time.time() < leaf.not_after
    assert leaf.key == "EC secp256r1"
    assert len(leaf.sha256) == 64
    assert leaf.serial


def test_an_older_version_is_spoken_with_those_that_know_no_newer(pki: Pki) -> None:
    seen = Recording()
    context = pki.server()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with RawServer(upgraded(Peer.echo), tls=context) as server:
        run(talk(server.url, seen, ca=pki.ca))
    assert seen.one(TlsEstablished).version == "TLSv1.2"


def test_http_1_1_is_asked_for(pki: Pki) -> None:
    seen = Recording()
    context = pki.server()
    context.set_alpn_protocols(["h2", "http/1.1"])
    with RawServer(upgraded(Peer.echo), tls=context) as server:
        run(talk(server.url, seen, ca=pki.ca))
    assert seen.one(TlsEstablished).alpn == "http/1.1"


def test_the_chain_is_shown_leaf_first(pki: Pki) -> None:
    seen = Recording()
    leaf = pki.intermediate.issue_cert("127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(context)
    with RawServer(upgraded(Peer.echo), tls=context) as server:
        run(talk(server.url, seen, ca=pki.ca))
    chain = seen.one(TlsEstablished).chain
    assert len(chain) == 2
    assert chain[0].issuer == chain[1].subject


def test_what_does_not_fit_a_tls_record_arrives_whole(on_each_loop: Run[Any], pki: Pki) -> None:
    async def check(server: RawServer) -> None:
        async with opened(server.url, ca=pki.ca) as connection:
            for size in (16_383, 16_384, 16_385, 1_000_000):
                connection.send("x" * size)
                assert (await connection.receive(10)).data == "x" * size
            await connection.close()

    with RawServer(upgraded(Peer.echo), tls=pki.server()) as server:
        on_each_loop(check(server))


def test_a_name_may_be_asked_for_that_is_not_the_urls(pki: Pki) -> None:
    asked = []
    context = pki.server("other.test")
    context.sni_callback = lambda _, name, __: asked.append(name)
    seen = Recording()
    with RawServer(upgraded(Peer.echo), tls=context) as server:
        run(talk(server.url, seen, ca=pki.ca, server_name="other.test"))
    assert asked == ["other.test"]
    assert seen.one(TlsEstablished).server_name == "other.test"
    assert server.peers[0].header("Host") == server.place


@pytest.mark.parametrize("name", [".test", "a\0b", "x" * 64 + "é"])
def test_a_name_that_tls_cannot_ask_for_is_the_checks_mistake(pki: Pki, name: str) -> None:
    with (
        RawServer(Peer.read_to_end, tls=pki.server()) as server,
        pytest.raises(UsageError, match="cannot be asked for"),
    ):
        run(open_connection(server.url, options(ca=pki.ca, server_name=name)))


# Trust


def test_an_unknown_authority_is_not_trusted(on_each_loop: Run[Any], pki: Pki) -> None:
    seen = Recording()
    with RawServer(Peer.read_to_end, tls=pki.server()) as server:
        failure = on_each_loop(refused(server.url, seen))
        # A second look at what was presented; no third.
        assert len(server.peers) == 2
    assert (failure.code, failure.phase) == ("tls.unknown_ca", "tls")
    assert "Checkwire tests" in failure.message
    assert failure.evidence["verify_code"] in (20, 21)
    assert failure.evidence["chain"][0]["names"] == ["localhost", "127.0.0.1", "::1"]
    assert "tls" not in seen.phases
    assert seen.of(TlsEstablished) == []


def test_another_authority_does_not_help(pki: Pki) -> None:
    assert failure_with(pki.server(), ca=pki.stranger).code == "tls.unknown_ca"


def test_a_root_that_is_sent_along_is_not_trusted_for_that(pki: Pki) -> None:
    failure = failure_with(pki.root_sent_along())
    assert failure.code == "tls.unknown_ca"
    assert failure.evidence["verify_code"] == 19
    assert len(failure.evidence["chain"]) == 2


def test_an_expired_certificate_says_since_when(pki: Pki) -> None:
    failure = failure_with(pki.expired(), ca=pki.ca)
    assert failure.code == "tls.certificate_expired"
    assert "3 days ago" in failure.message
    assert failure.evidence["verify_code"] == 10
    assert failure.evidence["chain"][0]["not_after"] in failure.message


def test_a_certificate_of_the_future_says_from_when(pki: Pki) -> None:
    failure = failure_with(pki.not_yet_valid(), ca=pki.ca)
    assert failure.code == "tls.certificate_not_yet_valid"
    assert failure.evidence["verify_code"] == 9
    assert failure.evidence["chain"][0]["not_before"] in failure.message
    assert time.strftime("%Y-%m-%d", time.gmtime()) in failure.message


@pytest.mark.parametrize(("name", "verify_code"), [("wrong.test", 62), ("127.0.0.1", 64)])
def test_a_certificate_for_another_name_says_for_which(
    pki: Pki, name: str, verify_code: int
) -> None:
    failure = failure_with(pki.server("right.test", "192.0.2.1"), name, ca=pki.ca)
    assert failure.code == "tls.hostname_mismatch"
    assert f"is for right.test, 192.0.2.1, not for {name}" in failure.message
    assert failure.evidence["verify_code"] == verify_code


def test_a_self_signed_certificate_is_told_from_an_unknown_authority(pki: Pki) -> None:
    failure = failure_with(pki.self_signed(), ca=pki.ca)
    assert failure.code == "tls.self_signed"
    assert failure.evidence["verify_code"] == 18


def test_an_intermediate_that_is_not_sent_is_named(pki: Pki) -> None:
    context = pki.intermediate_withheld(issuer_url=True)
    failure = failure_with(context, ca=pki.ca)
    assert failure.code == "tls.incomplete_chain"
    assert failure.evidence["chain"][0]["issuer"] in failure.message


def test_without_a_place_to_fetch_its_issuer_a_lone_certificate_has_an_unknown_one(
    pki: Pki,
) -> None:
    context = pki.intermediate_withheld(issuer_url=False)
    assert failure_with(context, ca=pki.ca).code == "tls.unknown_ca"


@pytest.mark.parametrize("kind", ["expired", "not_yet_valid", "self_signed", "server"])
def test_without_verification_the_chain_is_shown_all_the_same(pki: Pki, kind: str) -> None:
    seen = Recording()
    with RawServer(upgraded(Peer.echo), tls=getattr(pki, kind)()) as server:
        run(talk(server.url, seen, verify=False))
        assert len(server.peers) == 1
    session = seen.one(TlsEstablished)
    assert not session.verified
    assert session.chain[0].sha256
    assert session.chain[0].not_after


def test_a_certificate_is_read_as_far_as_it_can_be(pki: Pki) -> None:
    from checkwire.wire.tls.certificates import read_certificate

    good = ssl.PEM_cert_to_DER_cert(Path(pki.ca).read_text())
    assert read_certificate(good).subject
    version, name = b"\xa0\x03\x02\x01\x02", b"\x55\x04\x0a\x0c"
    assert version in good
    assert name in good
    odd = (
        b"\x30\x03\x02\x01\x01",
        good.replace(version, b"\xa0\x03\x02\x01\x0a"),  # version 10
        good.replace(name, b"\x55\x04\x0a\x03"),  # a name of bits
    )
    for der in odd:
        certificate = read_certificate(der)
        assert certificate.sha256
        assert certificate.subject == ""


@pytest.mark.parametrize("field", ["ca", "client_cert"])
@pytest.mark.parametrize("content", [None, "not a certificate"])
def test_a_file_that_cannot_be_used_is_the_checks_mistake(
    tmp_path: Any, field: str, content: str | None
) -> None:
    path = tmp_path / "file.pem"
    if content is not None:
        path.write_text(content)
    with (
        RawServer(Peer.read_to_end) as server,
        pytest.raises(UsageError, match=rf"cannot use .*file.pem as {field}"),
    ):
        run(open_connection(f"wss://{server.place}/", options(**{field: str(path)})))


# Client certificates


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_certificate_is_presented(
    on_each_loop: Run[Any], pki: Pki, version: ssl.TLSVersion
) -> None:
    with RawServer(upgraded(Peer.echo), tls=pki.wanting_client(version)) as server:
        on_each_loop(talk(server.url, ca=pki.ca, client_cert=pki.client()))
        assert server.refused == []


def test_a_client_key_may_be_encrypted(pki: Pki) -> None:
    certificate, key = pki.encrypted_client("secret")
    context = pki.wanting_client(ssl.TLSVersion.TLSv1_3)
    given = {"ca": pki.ca, "client_cert": certificate, "client_key": key}
    with RawServer(upgraded(Peer.echo), tls=context) as server:
        run(talk(server.url, client_key_password="secret", **given))
        with pytest.raises(UsageError, match="client_cert"):
            run(talk(server.url, client_key_password="wrong", **given))
        with pytest.raises(UsageError, match="client_cert"):
            run(talk(server.url, **given))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_missing_client_certificate_is_named(
    on_each_loop: Run[Any], pki: Pki, version: ssl.TLSVersion
) -> None:
    with RawServer(Peer.read_to_end, tls=pki.wanting_client(version)) as server:
        failure = on_each_loop(refused(server.url, ca=pki.ca))
    if version is ssl.TLSVersion.TLSv1_3:
        # Told only after the handshake, instead of an answer to the upgrade request.
        assert (failure.code, failure.phase) == ("tls.client_certificate_required", "tls")
    else:
        assert failure.code in ("tls.handshake_failed", "tls.client_certificate_required")
        assert failure.evidence["openssl"]


# Other failures of the handshake


def test_no_version_in_common_is_named(pki: Pki) -> None:
    context = pki.server()
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1 is deprecated"):
        context.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="TLSv1_1 is deprecated"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    failure = failure_with(context, ca=pki.ca)
    assert (failure.code, failure.phase) == ("tls.protocol_version", "tls")


def test_no_cipher_in_common_is_a_handshake_that_failed(pki: Pki) -> None:
    context = pki.server()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AES128-SHA")  # RSA only, with an elliptic key
    failure = failure_with(context, ca=pki.ca)
    assert (failure.code, failure.phase) == ("tls.handshake_failed", "tls")
    assert failure.evidence["openssl"]


def test_a_name_that_the_server_does_not_know_is_named(pki: Pki) -> None:
    context = pki.server()
    context.sni_callback = lambda *_: ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
    failure = failure_with(context, ca=pki.ca)
    assert (failure.code, failure.phase) == ("tls.sni_unrecognized", "tls")
    assert "localhost" in failure.message


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"220 mail.test ESMTP\r\n",
        b"\x00" * 16,
        b"\xff" * 6,
    ],
)
def test_what_is_not_tls_is_told_from_it(on_each_loop: Run[Any], said: bytes) -> None:
    def script(peer: Peer) -> None:
        peer.sock.recv(65536)
        peer.send(said)
        peer.read_to_end()

    with RawServer(script, Peer.close) as server:
        failure = on_each_loop(refused(f"wss://{server.place}/"))
    assert (failure.code, failure.phase) == ("tls.not_tls", "tls")
    assert failure.evidence["bytes_received"] == len(said)


def closing(peer: Peer) -> None:
    peer.sock.recv(65536)


def resetting(peer: Peer) -> None:
    peer.sock.recv(65536)
    peer.reset()


@pytest.mark.parametrize(
    ("script", "code", "how"),
    [(closing, "tls.closed", "closed"), (resetting, "tcp.reset", "reset")],
)
def test_a_connection_that_ends_in_the_handshake_was_closed_or_reset(
    on_each_loop: Run[Any], script: Callable[[Peer], None], code: str, how: str
) -> None:
    with RawServer(script) as server:
        failure = on_each_loop(refused(f"wss://{server.place}/"))
    assert (failure.code, failure.phase) == (code, "tls")
    assert f"{how} the connection" in failure.message
    assert failure.evidence["ended"] == ("rst" if how == "reset" else "fin")
    assert "before it said anything" in failure.message
    assert failure.evidence["bytes_received"] == 0


def test_a_handshake_cut_in_its_middle_was_closed_after_some_bytes(pki: Pki) -> None:
    def script(peer: Peer) -> None:
        hello = peer.sock.recv(65536)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        session = pki.server().wrap_bio(incoming, outgoing, server_side=True)
        incoming.write(hello)
        with pytest.raises(ssl.SSLWantReadError):
            session.do_handshake()
        peer.send(outgoing.read()[:300])

    with RawServer(script) as server:
        failure = run(refused(f"wss://{server.place}/", ca=pki.ca))
    assert failure.code == "tls.closed"
    assert failure.evidence["bytes_received"] == 300
    assert "after 300 bytes" in failure.message


def test_a_handshake_that_is_not_answered_times_out(on_each_loop: Run[Any]) -> None:
    seen = Recording()
    with RawServer(Peer.stay) as server:
        failure = on_each_loop(refused(f"wss://{server.place}/", seen, timeouts={"tls": SOON}))
    assert (failure.code, failure.phase) == ("tls.timeout", "tls")
    assert "nothing came" in failure.message
    assert seen.closed.at_ns >= SOON_NS


def test_a_handshake_that_the_check_was_too_busy_to_see_is_in_time(
    on_each_loop: Run[Any], pki: Pki
) -> None:
    begun = threading.Event()

    def script(peer: Peer) -> None:
        peer.sock.recv(1, socket.MSG_PEEK)
        begun.set()
        peer.sock = pki.server().wrap_socket(peer.sock, server_side=True)
        peer.handshake()
        peer.read_to_end()

    async def check(server: RawServer) -> None:
        given = options(ca=pki.ca, timeouts={"tls": 0.25})
        opening = asyncio.ensure_future(open_connection(f"wss://{server.place}/", given))
        await until(begun.is_set)
        time.sleep(0.3)  # noqa: ASYNC251 - until the time for the handshake is over
        (await opening).abort()

    with RawServer(script) as server:
        on_each_loop(check(server))


# What comes around the handshake's end


def test_an_end_right_after_the_handshake_is_not_lost(on_each_loop: Run[Any], pki: Pki) -> None:
    """It comes before anybody listens to what is inside of TLS."""

    def script(peer: Peer) -> None:
        peer.sock.shutdown(2)

    with RawServer(script, tls=pki.server()) as server:
        for _ in range(5):
            failure = on_each_loop(refused(server.url, ca=pki.ca, timeouts={"upgrade": 15}))
            assert failure.code == "upgrade.closed"


@pytest.mark.parametrize(
    ("version", "command"), [("-tls1_3", b"K\n"), ("-tls1_3", b"k\n"), ("-tls1_2", b"r\n")]
)
def test_nothing_is_lost_while_keys_change(
    on_each_loop: Run[Any], pki: Pki, version: str, command: bytes
) -> None:
    """New keys in TLS 1.3; in TLS 1.2 a whole new handshake, in which nothing can be sent."""

    async def check(server: OpenSslServer) -> None:
        accepting = asyncio.create_task(asyncio.to_thread(server.accept))
        async with opened(server.url, ca=pki.ca, compression=False) as connection:
            await accepting
            server.say(command)
            sent = 0
            while b"SSL_do_handshake -> 1" not in server.heard or sent < 300:
                connection.send(b"<%d>" % sent)
                sent += 1
                await asyncio.sleep(0)
            server.say(frames.text("there"))
            assert (await connection.receive(10)).data == "there"
            await until(lambda: len(server.frames()) >= sent)
            assert [seen.payload for seen in server.frames()] == [b"<%d>" % n for n in range(sent)]
            assert connection.failure is None

    with openssl_server(pki, version) as server:
        on_each_loop(check(server))


def test_a_clean_close_says_so_in_tls(on_each_loop: Run[Any], pki: Pki) -> None:
    """The server reads the end of TLS, not merely that of TCP."""
    ends: list[bytes] = []

    def script(peer: Peer) -> None:
        peer.handshake()
        peer.answer_goodbye()
        ends.append(peer.sock.recv(1))

    context = pki.server()
    with RawServer(script, tls=context) as server:

        async def check() -> None:
            async with opened(server.url, ca=pki.ca, timeouts={"close": SOON}) as connection:
                await connection.close()

        on_each_loop(check())
    assert ends == [b""]


def test_contexts_are_kept_and_told_apart(pki: Pki) -> None:
    from checkwire.wire.tls.contexts import TlsOptions, tls_context

    assert tls_context(TlsOptions(ca=pki.ca)) is tls_context(TlsOptions(ca=pki.ca))
    assert tls_context(TlsOptions(ca=pki.ca)) is not tls_context(TlsOptions())
    assert tls_context(TlsOptions(verify=False)).verify_mode is ssl.CERT_NONE


def test_a_context_is_made_anew_when_its_authorities_change(tmp_path: Path, pki: Pki) -> None:
    from checkwire.wire.tls.contexts import TlsOptions, tls_context

    file = tmp_path / "authorities.pem"
    file.write_bytes(Path(pki.ca).read_bytes())
    before = tls_context(TlsOptions(ca=str(file)))
    file.write_bytes(Path(pki.stranger).read_bytes())
    os.utime(file, ns=(0, 0))  # Two writes may have the same time.
    after = tls_context(TlsOptions(ca=str(file)))
    assert before.get_ca_certs() != after.get_ca_certs()
    assert tls_context(TlsOptions(ca=str(file))) is after


def test_many_handshakes_at_once(on_each_loop: Run[Any], pki: Pki) -> None:
    async def check(server: RawServer) -> None:
        await asyncio.gather(*[talk(server.url, ca=pki.ca) for _ in range(30)])

    with RawServer(upgraded(Peer.echo), tls=pki.server()) as server:
        on_each_loop(check(server))
    assert threading.active_count() < 30
