"""Which protocol a port speaks that speaks neither HTTP/1 nor TLS, by its first bytes."""

from __future__ import annotations

import re

__all__ = ["guess_protocol", "is_http2"]

_SPOKEN = (
    (rb"SSH-\d", "SSH"),
    (rb"220[ -][^\r\n]*(?i:ftp)", "FTP"),
    (rb"220[ -]", "SMTP"),
    (rb"HTTP/1\.", "HTTP"),
    (rb"\+OK", "POP3"),
    (rb"\* OK", "IMAP"),
    (rb"-(?:ERR|NOAUTH|DENIED|WRONGTYPE)\b", "Redis"),
    (rb".{3}\x00[\x09\x0a]\d+\.\d+|.{3}\x00\xff[\x04-\x10].", "MySQL"),
    (rb"[ER]\x00\x00.{2}[SC]", "PostgreSQL"),
    (rb"AMQP", "AMQP"),
    (rb"INFO \{", "NATS"),
    (rb"RFB \d{3}\.", "VNC"),
    (rb"RTSP/1\.", "RTSP"),
    (rb"ERROR\r\n", "memcached"),
)
_PATTERNS = tuple((re.compile(pattern, re.DOTALL), name) for pattern, name in _SPOKEN)


def is_http2(first: bytes) -> bool:
    """Whether it begins with a SETTINGS frame of stream 0, as every HTTP/2 server does.

    RFC 9113 section 3.4; length, type 4, flags, stream.
    """
    return (
        len(first) >= 9
        and first[:1] == b"\x00"
        and first[3] == 4
        and first[4] in (0, 1)
        and first[5:9] == bytes(4)
        and int.from_bytes(first[:3], "big") % 6 == 0
    )


def guess_protocol(first: bytes) -> str:
    """A name such as ``SSH``; empty if it is none that is known."""
    if is_http2(first):
        return "HTTP/2"
    return next((name for pattern, name in _PATTERNS if pattern.match(first)), "")
