"""Any DER as a certificate: what it says, as far as it is one."""

from __future__ import annotations

import hashlib

import msgspec

from checkwire.model.events import TlsEstablished, decode_event, encode_event
from checkwire.wire.tls.certificates import read_certificate

__all__ = ["target"]


def target(data: bytes) -> None:
    """The bytes are the certificate."""
    certificate = read_certificate.__wrapped__(data)
    assert certificate.sha256 == hashlib.sha256(data).hexdigest()
    event = TlsEstablished(
        at_ns=0, connection=1, version="TLSv1.3", cipher="", chain=(certificate,)
    )
    assert decode_event(encode_event(event)) == event
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(event), type=TlsEstablished) == event
