"""What the server tells of each request that it served."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Exchange"]


class Exchange(NamedTuple):
    """One request and what became of it, told when it is over.

    Attributes:
        client: the client's address: ``127.0.0.1:53412``, ``[::1]:53412``.
        method: ``GET``; empty if what came was not HTTP.
        target: path and query, as sent.
        status: of the response; 101 for a WebSocket.
        duration_ns: from the request to the end of the response, or of the WebSocket.
        messages: how many were echoed.
        close_code: why the WebSocket ended: the code received (1005: a Close frame without one),
            1001 if the server went away first, 1002 if the client broke the protocol, 1006 if
            the connection just ended. ``None`` if it was no WebSocket.
    """

    client: str
    method: str
    target: str
    status: int
    duration_ns: int
    messages: int = 0
    close_code: int | None = None
