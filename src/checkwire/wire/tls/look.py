"""What a server shows in a handshake, beyond what OpenSSL hands out of one that failed.

It is seen in a second handshake, which verifies nothing: the first one is not to pay for it.
"""

from __future__ import annotations

import ssl
from typing import Any

from checkwire.wire.tls.contexts import TlsOptions, furnish

__all__ = ["Shown", "watching"]

_HANDSHAKE = 22
_CERTIFICATE = 11
_CERTIFICATE_REQUEST = 13
_AUTHORITIES = 47
"""The extension certificate_authorities (RFC 8446 section 4.2.4)."""
_TLS_1_3 = 0x0304
_MOST = 16
"""Names of authorities that are kept."""


class Shown:
    """What was seen.

    Attributes:
        chain: the certificates that the server sent, DER, its own first.
        asked: whether it asked for a client certificate.
        authorities: whose certificates it takes, if it says so.
    """

    __slots__ = ("asked", "authorities", "chain")

    def __init__(self) -> None:
        self.chain: list[bytes] = []
        self.asked = False
        self.authorities: list[str] = []

    def take(self, version: int, kind: int, message: bytes) -> None:
        """A handshake message of the server, its four bytes of type and length included."""
        body = _Bytes(message[4:])
        try:
            if kind == _CERTIFICATE:
                self.chain = _chain(body, version)
            elif kind == _CERTIFICATE_REQUEST:
                self.asked = True
                self.authorities = [_name(der) for der in _authorities(body, version)[:_MOST]]
        except (IndexError, ValueError):
            pass  # OpenSSL judges it, and says so.


class _Bytes:
    """Vectors with their length before them (RFC 8446 section 3.4), taken in turn."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __bool__(self) -> bool:
        return bool(self._data)

    def vector(self, width: int) -> bytes:
        size = int.from_bytes(self._data[:width], "big")
        taken = self._data[width : width + size]
        if len(taken) < size:
            raise ValueError("cut off")
        self._data = self._data[width + size :]
        return taken

    def number(self) -> int:
        taken, self._data = self._data[:2], self._data[2:]
        if len(taken) < 2:
            raise ValueError("cut off")
        return int.from_bytes(taken, "big")


def _chain(body: _Bytes, version: int) -> list[bytes]:
    if version >= _TLS_1_3:
        body.vector(1)
    entries, chain = _Bytes(body.vector(3)), []
    while entries:
        chain.append(entries.vector(3))
        if version >= _TLS_1_3:
            entries.vector(2)
    return chain


def _authorities(body: _Bytes, version: int) -> list[bytes]:
    body.vector(1)
    if version >= _TLS_1_3:
        extensions, names = _Bytes(body.vector(2)), _Bytes(b"")
        while extensions:
            kind = extensions.number()
            content = extensions.vector(2)
            if kind == _AUTHORITIES:
                names = _Bytes(_Bytes(content).vector(2))
    else:
        body.vector(2)  # The signature algorithms.
        names = _Bytes(body.vector(2))
    found = []
    while names:
        found.append(names.vector(2))
    return found


def _name(der: bytes) -> str:
    """A distinguished name, by way of a certificate that says little else."""
    from cryptography import x509

    try:
        # There is no function that reads a name alone.
        return x509.load_der_x509_csr(_request_for(der)).subject.rfc4514_string()
    except Exception:  # It is not said what is raised for what.
        return der.hex()


def _request_for(name: bytes) -> bytes:
    key = bytes.fromhex("302a300506032b6570032100") + bytes(32)  # Ed25519; no matter which
    signature = bytes.fromhex("300506032b6570") + b"\x03\x41\x00" + bytes(64)
    info = _sequence(b"\x02\x01\x00" + name + key + b"\xa0\x00")
    return _sequence(info + signature)


def _sequence(content: bytes) -> bytes:
    size = len(content)
    if size < 128:
        return b"\x30" + bytes([size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return b"\x30" + bytes([0x80 | len(length)]) + length + content


def watching(options: TlsOptions, shown: Shown) -> ssl.SSLContext:
    """A context that takes any certificate, and tells what the server shows."""
    context: Any = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    furnish(context, options)

    def see(_: Any, direction: str, version: int, content: int, kind: int, data: bytes) -> None:
        if direction == "read" and content == _HANDSHAKE:
            shown.take(version, kind, data)

    context._msg_callback = see
    return context  # type: ignore[no-any-return]
