"""A WebSocket of the echo server on an asyncio transport."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from checkwire.echo.exchange import Exchange
from checkwire.echo.frames import TEXT, frame_header
from checkwire.echo.request import Request
from checkwire.echo.session import EchoSession
from checkwire.echo.state import ServerState

__all__ = ["WebSocketConnection"]

_LINGER: Final = 1.0
"""Seconds for a client that has got everything to hang up."""


class WebSocketConnection(asyncio.BufferedProtocol):
    """Echoes until the client closes.

    It does not read faster than the client reads the answers: writing that is paused pauses
    reading. asyncio has set ``TCP_NODELAY`` on the socket.
    """

    def __init__(
        self, state: ServerState, transport: asyncio.Transport, client: str, request: Request
    ) -> None:
        self._state = state
        self._transport = transport
        self._client = client
        self._request = request
        self._session = EchoSession()
        self._went_away = False
        self._linger: asyncio.TimerHandle | None = None

    def greet(self) -> None:
        """Send the greeting: the server's name, or an empty message if the client wants none."""
        if self._state.greeting:
            wanted = self._request.wants_hostname
            text = f"Request served by {self._state.hostname}".encode() if wanted else b""
            self._transport.write(frame_header(TEXT, len(text)) + text)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where to receive, see :class:`ServerState`."""
        return self._state.buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Answer what came."""
        session = self._session
        if session.ended:
            return
        if answer := session.receive(self._state.buffer[:nbytes]):
            self._transport.write(answer)
        if session.ended:
            self._end()

    def pause_writing(self) -> None:
        """The client does not read: stop reading from it."""
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """The client reads again."""
        self._transport.resume_reading()

    def go_away(self) -> None:
        """Close with 1001, and wait for the client's Close."""
        if close := self._session.go_away():
            self._went_away = True
            self._transport.write(close)

    def abort(self) -> None:
        """Drop the connection."""
        self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell what became of it."""
        if self._linger is not None:
            self._linger.cancel()
        self._state.closed(self)
        if self._state.report is not None:
            code = 1001 if self._went_away else self._session.close_code
            self._state.report(
                Exchange(
                    client=self._client,
                    method=self._request.method,
                    target=self._request.target,
                    status=101,
                    duration_ns=time.monotonic_ns() - self._request.received_ns,
                    messages=self._session.messages,
                    close_code=1006 if code is None else code,
                )
            )

    def _end(self) -> None:
        """End TCP as RFC 6455 section 7.1.1 has it: our side, then wait for the client's.

        The client may still be sending. Closing a socket with unread bytes resets the connection,
        and a reset may overtake what is on its way: the last messages, and the Close frame.
        """
        if self._transport.can_write_eof():
            self._transport.write_eof()
            self._wait_for_the_client()
        else:
            self._transport.close()

    def _wait_for_the_client(self) -> None:
        loop = asyncio.get_running_loop()
        self._linger = loop.call_later(_LINGER, self._waited)

    def _waited(self) -> None:
        if self._transport.get_write_buffer_size():
            self._wait_for_the_client()  # It is slow, and has not got everything yet.
        else:
            self._transport.abort()
