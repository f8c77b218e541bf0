"""``tls.*``: handshakes that fail for other reasons than a certificate."""

from __future__ import annotations

import ssl
import warnings

from checkwire.faults.authority import Authority
from checkwire.faults.fault import Family
from checkwire.faults.peer import Peer, answering, upgraded

faults = Family()

_TRUSTING = """
async with connect(URL, ca=CA, timeouts={"tls": "1s"}):
    pass
"""
_RECEIVE = """
async with connect(URL, ca=CA) as ws:
    await ws.receive(within="1s")
"""


def _old(authority: Authority) -> ssl.SSLContext:
    context = authority.server()
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # That is why.
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


def _weak(authority: Authority) -> ssl.SSLContext:
    context = authority.server()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AES128-SHA")  # For an RSA key, which it does not have.
    return context


def _stranger(authority: Authority) -> ssl.SSLContext:
    """It wants a certificate, of another authority than the one that clients have."""
    context = authority.server()
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=authority.other)
    return context


def _one_name(authority: Authority) -> ssl.SSLContext:
    context = authority.server()
    context.sni_callback = lambda *_: ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
    return context


faults.add(
    "tls.protocol_version", does="speaks TLS 1.1 and older only",
    tls=_old, script=Peer.read_to_end, check=_TRUSTING, evidence=("openssl",),
)  # fmt: skip
faults.add(
    "tls.handshake_failed", does="has no cipher in common with anybody",
    tls=_weak, script=Peer.read_to_end, check=_TRUSTING, evidence=("openssl",),
)  # fmt: skip
faults.add(
    "tls.client_certificate_required", does="wants a client certificate (TLS 1.3: told late)",
    tls=lambda authority: authority.wanting_client(ssl.TLSVersion.TLSv1_3),
    script=Peer.read_to_end, check=_TRUSTING, evidence=("openssl",),
)  # fmt: skip
faults.add(
    "tls.client_certificate_required", "tls1.2", does="wants a client certificate (TLS 1.2)",
    tls=lambda authority: authority.wanting_client(ssl.TLSVersion.TLSv1_2),
    script=Peer.read_to_end, check=_TRUSTING, evidence=("openssl",),
)  # fmt: skip
faults.add(
    "tls.client_certificate_rejected", does="does not take the client certificate that it is sent",
    tls=_stranger, script=Peer.read_to_end, evidence=("alert",),
    check=_TRUSTING.replace("ca=CA", "ca=CA, client_cert=CLIENT"),
)  # fmt: skip


@faults.served(
    "tls.alpn", does="speaks no HTTP/1.1 (alert no_application_protocol)", scheme="wss",
    check=_TRUSTING, evidence=("alert",),
)  # fmt: skip
def no_http_1(peer: Peer) -> None:
    peer.read(5)
    peer.send(bytes.fromhex("15030300020278"))  # Alert: fatal, no_application_protocol.
    peer.fin()
    peer.read_to_end()


faults.add(
    "tls.sni_unrecognized", does="does not know the name that is asked for",
    tls=_one_name, script=Peer.read_to_end, evidence=("openssl",),
    check=_TRUSTING.replace("ca=CA", 'ca=CA, server_name="feed.fault.test"'),
)  # fmt: skip
faults.add(
    "tls.not_tls", does="speaks HTTP, not TLS",
    script=answering("HTTP/1.1 400 Bad Request", "Content-Length: 0"), scheme="wss",
    check=_TRUSTING,
)  # fmt: skip


@faults.served(
    "tls.timeout", does="accepts, and does not answer the ClientHello", waits=1,
    scheme="wss", check=_TRUSTING, evidence=("bytes_received",),
)  # fmt: skip
def silent(peer: Peer) -> None:
    peer.stay()


@faults.served(
    "tls.closed", does="reads the ClientHello, and ends the connection",
    scheme="wss", check=_TRUSTING, evidence=("bytes_received",),
)  # fmt: skip
def closed(peer: Peer) -> None:
    peer.read(1)
    peer.fin()
    peer.read_to_end()


@faults.served(
    "ws.closed_abnormally", "tls",
    does="ends TCP in the middle of TLS", tls=Authority.server, check=_RECEIVE,
    evidence=("ended", "code"),
)  # fmt: skip
def cut(peer: Peer) -> None:
    upgraded(lambda _: None)(peer)
