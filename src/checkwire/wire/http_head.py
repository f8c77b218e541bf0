"""The head of an HTTP/1 response: just enough to judge an upgrade or a proxy's answer."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["HEAD_LIMIT", "Head", "head_ended", "parse_head"]

HEAD_LIMIT = 64 * 1024
"""Bytes of status line and headers together."""

_STATUS_LINE = re.compile(rb"HTTP/(\d\.\d) (\d{3})(?: ([^\r\n]*))?\r?$")
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


def head_ended(data: bytearray) -> bool:
    """Whether the head is complete, or already too large or not HTTP, so that waiting is vain."""
    if len(data) > HEAD_LIMIT or not _looks_like_http(data):
        return True
    return _END.search(data) is not None


def _looks_like_http(data: bytearray) -> bool:
    start = b"HTTP/1."
    return bytes(data[: len(start)]) == start[: len(data)]


def parse_head(data: bytes | bytearray) -> Head | None:
    """The head at the start of ``data``, or ``None`` if it is not one."""
    end = _END.search(data)
    if end is None:
        return None
    first, *lines = bytes(data[: end.start()]).split(b"\n")
    match = _STATUS_LINE.match(first)
    if match is None:
        return None
    headers: list[tuple[str, str]] = []
    for line in lines:
        name, colon, value = line.rstrip(b"\r").partition(b":")
        if not colon or not name or name != name.strip():
            return None
        headers.append((name.decode("latin-1"), value.strip().decode("latin-1")))
    return Head(
        match[1].decode(),
        int(match[2]),
        (match[3] or b"").decode("latin-1").strip(),
        tuple(headers),
        end.end(),
    )
