"""A request as the echo server sees it, and the text by which it describes one."""

from __future__ import annotations

import time
from typing import Final
from urllib.parse import unquote

import h11

__all__ = ["Request"]

_UNTOLD: Final = frozenset({b"host", b"transfer-encoding"})
"""Headers that Go's server takes out of the list; ``Host`` is told first, by itself."""


class Request:
    """An HTTP request, complete.

    Attributes:
        method: ``GET``.
        target: path and query, as sent.
        received_ns: on the monotonic clock.
    """

    def __init__(self, head: h11.Request, body: bytes) -> None:
        self.method = head.method.decode()
        self.target = head.target.decode()
        self.received_ns = time.monotonic_ns()
        self._version = head.http_version.decode()
        self._headers = head.headers
        self._body = body

    @property
    def file(self) -> str:
        """The last part of the path: ``.ws`` of ``/some/where/.ws?query``."""
        path = unquote(self.target.partition("?")[0])
        return path.rstrip("/").rpartition("/")[2]

    def header(self, name: bytes) -> str:
        """The first value of a header, by its name in lower case; empty if there is none."""
        return next((value.decode("latin-1") for key, value in self._headers if key == name), "")

    def lists(self, name: bytes, token: str) -> bool:
        """Whether a header that is a list of tokens has this one (in lower case)."""
        return any(
            part.strip().lower() == token
            for key, value in self._headers
            if key == name
            for part in value.decode("latin-1").split(",")
        )

    @property
    def wants_upgrade(self) -> bool:
        """Whether it asks for a WebSocket, RFC 6455 section 4.1, rightly or not."""
        return self.lists(b"connection", "upgrade") and self.lists(b"upgrade", "websocket")

    @property
    def wants_hostname(self) -> bool:
        """False if the client asks not to be told which server it speaks to."""
        return self.header(b"x-send-server-hostname").lower() != "false"

    def description(self) -> str:
        """The request line, headers sorted by name, and the body, as jmalloc/echo-server has it."""
        told = sorted(
            (_canonical(name), value.decode("latin-1"))
            for name, value in self._headers
            if name not in _UNTOLD
        )
        lines = [
            f"{self.method} {self.target} HTTP/{self._version}",
            "",
            f"Host: {self.header(b'host')}",
            *(f"{name}: {value}" for name, value in told),
        ]
        text = "\n".join(lines) + "\n"
        if self._body:
            text += "\n" + self._body.decode("utf-8", "surrogateescape")
        return text


def _canonical(name: bytes) -> str:
    """A header's name as Go writes it: ``Sec-Websocket-Key``."""
    return "-".join(part.capitalize() for part in name.decode().split("-"))
