"""Server-sent events, as ``/.sse`` of jmalloc/echo-server has them.

An event ``server`` with the host's name, an event ``request`` with the description of the request,
then an event ``time`` each second. Ids count from 1.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final

import h11

from checkwire.echo.exchange import Exchange
from checkwire.echo.request import Request
from checkwire.echo.state import ServerState

__all__ = ["EventStreamConnection"]

_HEADERS: Final = [
    ("Content-Type", "text/event-stream"),
    ("Cache-Control", "no-cache"),
    ("Connection", "keep-alive"),
    ("Access-Control-Allow-Origin", "*"),
]


class EventStreamConnection(asyncio.Protocol):
    """Sends events until the client hangs up."""

    def __init__(
        self,
        state: ServerState,
        transport: asyncio.Transport,
        client: str,
        request: Request,
        http: h11.Connection,
    ) -> None:
        self._state = state
        self._transport = transport
        self._client = client
        self._request = request
        self._http = http
        self._id = 0
        self._paused = False
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Send the response's head and the first events."""
        self._send(h11.Response(status_code=200, reason="OK", headers=_HEADERS))
        if self._state.greeting and self._request.wants_hostname:
            self._event("server", self._state.hostname)
        self._event("request", self._request.description())
        self._schedule()

    def data_received(self, data: bytes) -> None:
        """Nothing that the client says now can be answered."""

    def pause_writing(self) -> None:
        """The client does not read: skip events rather than pile them up."""
        self._paused = True

    def resume_writing(self) -> None:
        """The client reads again."""
        self._paused = False

    def go_away(self) -> None:
        """End the response, and the connection."""
        self._send(h11.EndOfMessage())
        self._transport.close()

    def abort(self) -> None:
        """Drop the connection."""
        self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        if self._timer is not None:
            self._timer.cancel()
        self._state.closed(self)
        if self._state.report is not None:
            self._state.report(
                Exchange(
                    client=self._client,
                    method=self._request.method,
                    target=self._request.target,
                    status=200,
                    duration_ns=time.monotonic_ns() - self._request.received_ns,
                )
            )

    def _schedule(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(1.0, self._tick)

    def _tick(self) -> None:
        if not self._paused:
            self._event("time", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
        self._schedule()

    def _event(self, name: str, data: str) -> None:
        self._id += 1
        lines = [f"event: {name}", *(f"data: {line}" for line in data.split("\n"))]
        text = "\n".join([*lines, f"id: {self._id}", "", ""])
        self._send(h11.Data(text.encode("utf-8", "surrogateescape")))

    def _send(self, event: h11.Event) -> None:
        if data := self._http.send(event):
            self._transport.write(data)
