"""The head of an HTTP/1 response: just enough to judge an upgrade or a proxy's answer."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = [
    "HEAD_LIMIT",
    "Head",
    "head_ended",
    "location_text",
    "malformed_line",
    "parse_head",
    "unchunked",
]

HEAD_LIMIT = 64 * 1024
"""Bytes of status line and headers together."""

_STATUS_LINE = re.compile(rb"HTTP/(1\.\d) (\d{3})(?: ([^\r\n]*))?\r?$")
# A name is a token (RFC 9110 section 5.6.2).
_HEADER_LINE = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[^\r\n]*\r?$")
_END = re.compile(rb"\r?\n\r?\n")


class Head(NamedTuple):
    """Status line and headers. Names keep their case; values are decoded as Latin-1."""

    version: str
    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    size: int
    """Bytes, the empty line included."""

    def get(self, name: str) -> str | None:
        """The header's value (all of them, joined by a comma), or ``None``."""
        values = [value for key, value in self.headers if key.lower() == name]
        return ", ".join(values) if values else None


def location_text(value: str) -> str:
    """A Location that was read as Latin-1, as browsers take it: as UTF-8, if it is that.

    Other bytes beyond ASCII are escaped one by one; none belongs there (RFC 9110 section 10.2.2).
    """
    if value.isascii():
        return value
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return "".join(c if c.isascii() else f"%{ord(c):02X}" for c in value)


def head_ended(data: bytearray) -> bool:
    """Whether the head is complete, or already too large or not HTTP, so that waiting is vain."""
    if data == b"\x15" or data == b"\x16":
        return False  # A TLS record has a name of its own, and is known by its second byte.
    if len(data) > HEAD_LIMIT or not _looks_like_http(data):
        return True
    return _END.search(data) is not None


def _looks_like_http(data: bytearray) -> bool:
    start = b"HTTP/1."
    return bytes(data[: len(start)]) == start[: len(data)]


def parse_head(data: bytes | bytearray) -> Head | None:
    """The head at the start of ``data``, or ``None`` if it is not one, or is too large."""
    end = _END.search(data)
    if end is None or end.end() > HEAD_LIMIT:
        return None
    first, *lines = bytes(data[: end.start()]).split(b"\n")
    match = _STATUS_LINE.match(first)
    if match is None or not all(map(_HEADER_LINE.match, lines)):
        return None
    headers: list[tuple[str, str]] = []
    for line in lines:
        name, _, value = line.partition(b":")
        headers.append((name.decode("latin-1"), value.strip().decode("latin-1")))
    return Head(
        match[1].decode(),
        int(match[2]),
        (match[3] or b"").decode("latin-1").strip(),
        tuple(headers),
        end.end(),
    )


def malformed_line(data: bytes | bytearray) -> str | None:
    """The line that keeps a whole head from being parsed, if it begins as HTTP does."""
    end = _END.search(data)
    if end is None or not data.startswith(b"HTTP/1."):
        return None
    first, *lines = bytes(data[: end.start()]).split(b"\n")
    if not _STATUS_LINE.match(first):
        return first.decode("latin-1").strip()
    wrong = next((line for line in lines if not _HEADER_LINE.match(line)), None)
    return None if wrong is None else wrong.decode("latin-1").rstrip()


def unchunked(data: bytes) -> bytes:
    """The content in (the beginning of) a chunked body (RFC 9112 section 7.1)."""
    content = b""
    while True:
        line, ended, data = data.partition(b"\r\n")
        try:
            size = int(line.partition(b";")[0], 16)
        except ValueError:
            return content
        if not ended or size <= 0:
            return content
        content += data[:size]
        data = data[size + 2 :]
