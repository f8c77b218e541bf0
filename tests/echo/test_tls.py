"""The echo server over TLS, with a certificate made on the spot."""

from __future__ import annotations

import contextlib
import ssl
import urllib.request

import pytest
from websockets.sync.client import connect

from checkwire.echo.certificate import LOCAL_NAMES, make_certificate
from support.echo_server import running_echo
from support.processes import open_fds


@pytest.fixture(scope="module")
def certificate():
    return make_certificate(["feed.internal", "192.0.2.7"])


@pytest.fixture(scope="module")
def echo(certificate):
    with running_echo(ssl=certificate.context) as server:
        yield server


def trust(certificate) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=certificate.authority.decode())


def test_large_messages_come_back_over_tls(echo, certificate):
    assert echo.url.startswith("wss://")
    with connect(echo.url, ssl=trust(certificate), max_size=None, proxy=None) as ws:
        ws.recv()
        for size in (1, 100_000, 2_000_000):
            ws.send(bytes(size))
            assert ws.recv() == bytes(size)
    assert (ws.close_code, ws.close_reason) == (1000, "")


@pytest.mark.parametrize("name", [*LOCAL_NAMES, "feed.internal", "192.0.2.7"])
def test_the_certificate_is_good_for_each_name(echo, certificate, name):
    context = trust(certificate)
    with echo.connect() as client, context.wrap_socket(client.socket, server_hostname=name):
        pass


def test_the_certificate_is_not_good_for_other_names(echo, certificate):
    context = trust(certificate)
    with echo.connect() as client, pytest.raises(ssl.SSLCertVerificationError):
        context.wrap_socket(client.socket, server_hostname="other.example")


def test_without_its_authority_the_certificate_is_not_trusted(echo):
    with pytest.raises(ssl.SSLCertVerificationError):
        connect(echo.url, ssl=ssl.create_default_context(), proxy=None)


def test_http_is_served_over_tls_too(echo, certificate):
    url = f"https://localhost:{echo.port}/path"
    with urllib.request.urlopen(url, context=trust(certificate)) as response:
        assert b"GET /path HTTP/1.1" in response.read()


def test_a_violation_closes_with_1002_over_tls(echo, certificate):
    context = trust(certificate)
    with echo.connect() as client:
        client.socket = context.wrap_socket(client.socket, server_hostname="localhost")
        client.upgrade()
        client.read_frame()
        client.send(b"\x81\x01x")
        assert client.read_frame() == (0x88, b"\x03\xeaincorrect mask flag")
        assert client.read_to_end() == b""


def test_clients_amid_the_handshake_do_not_outlive_the_server(certificate):
    before = len(open_fds())
    with running_echo(ssl=certificate.context) as server:
        silent = [server.connect() for _ in range(3)]
        with server.connect() as other, contextlib.suppress(ConnectionResetError):
            other.send(b"GET / HTTP/1.1\r\n\r\n")  # accepted after the silent ones
            other.read_to_end()
    for client in silent:
        with client, contextlib.suppress(ConnectionResetError):
            assert client.read_to_end() == b""
    assert len(open_fds()) <= before  # What an earlier test left may go meanwhile.


def test_a_name_that_cannot_be_in_a_certificate_is_an_error():
    with pytest.raises(ValueError):
        make_certificate(["not a name"])
