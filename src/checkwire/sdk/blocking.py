"""The same WebSocket for checks that are plain functions.

An event loop runs in a thread of its own while at least one connection is open; each call is
carried over to it. Times do not suffer: the kernel takes them.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Any, Unpack

from checkwire.model.durations import Duration
from checkwire.model.errors import ConnectionClosed
from checkwire.sdk.connecting import ConnectKeywords
from checkwire.sdk.context import here
from checkwire.sdk.facts import Closed, Ping, Response, Timings, Tls
from checkwire.sdk.matching import Pattern
from checkwire.sdk.portal import Portal
from checkwire.sdk.receiving import REQUIRED
from checkwire.sdk.websocket import ReadyState, WebSocket
from checkwire.wire.session.closing import NORMAL_CODES

__all__ = ["BlockingWebSocket", "connect"]


class BlockingWebSocket:
    """A :class:`~checkwire.sdk.websocket.WebSocket` whose methods wait.

    Iterating gives the messages until the server closes.
    """

    def __init__(self, ws: WebSocket, portal: Portal) -> None:
        self._ws = ws
        self._portal = portal

    def send(self, data: str | bytes | bytearray | memoryview) -> None:
        """See :meth:`WebSocket.send`."""

        async def send() -> None:
            await self._ws.send(data)

        self._portal.call(send())

    def send_json(self, value: Any) -> None:
        """See :meth:`WebSocket.send_json`."""

        async def send() -> None:
            await self._ws.send_json(value)

        self._portal.call(send())

    def receive(
        self, *, where: Pattern = None, within: Duration = 10.0, default: Any = REQUIRED
    ) -> Any:
        """See :meth:`WebSocket.receive`."""
        return self._portal.call(self._ws._receive("any", where, within, default, here()))

    def receive_text(
        self, *, where: Pattern = None, within: Duration = 10.0, default: Any = REQUIRED
    ) -> Any:
        """See :meth:`WebSocket.receive_text`."""
        return self._portal.call(self._ws._receive("text", where, within, default, here()))

    def receive_bytes(
        self, *, where: Pattern = None, within: Duration = 10.0, default: Any = REQUIRED
    ) -> Any:
        """See :meth:`WebSocket.receive_bytes`."""
        return self._portal.call(self._ws._receive("bytes", where, within, default, here()))

    def receive_json(
        self, *, where: Pattern = None, within: Duration = 10.0, default: Any = REQUIRED
    ) -> Any:
        """See :meth:`WebSocket.receive_json`."""
        return self._portal.call(self._ws._receive("json", where, within, default, here()))

    def expect_silence(self, for_: Duration, *, where: Pattern = None) -> None:
        """See :meth:`WebSocket.expect_silence`."""
        self._portal.call(self._ws._expect_silence(for_, where, here()))

    def receive_close(self, code: int | None = None, *, within: Duration = 10.0) -> Closed:
        """See :meth:`WebSocket.receive_close`."""
        return self._portal.call(self._ws._receive_close(code, within, here()))

    def ping(self, data: bytes | None = None, *, within: Duration = 10.0) -> Ping:
        """See :meth:`WebSocket.ping`."""
        return self._portal.call(self._ws._ping(data, within, here()))

    def close(self, code: int = 1000, reason: str = "") -> None:
        """See :meth:`WebSocket.close`."""
        self._portal.call(self._ws.close(code, reason))

    def __iter__(self) -> Iterator[Any]:
        while True:
            try:
                message = self._portal.call(self._ws._open_connection().receive())
            except ConnectionClosed as closed:
                if closed.code in NORMAL_CODES:
                    return
                raise
            yield message.data

    @property
    def url(self) -> str:
        """As it was given."""
        return self._ws.url

    @property
    def ready_state(self) -> ReadyState:
        """See :attr:`WebSocket.ready_state`."""
        return self._ws.ready_state

    @property
    def timings(self) -> Timings:
        """See :attr:`WebSocket.timings`."""
        return self._ws.timings

    @property
    def response(self) -> Response:
        """See :attr:`WebSocket.response`."""
        return self._ws.response

    @property
    def subprotocol(self) -> str | None:
        """See :attr:`WebSocket.subprotocol`."""
        return self._ws.subprotocol

    @property
    def extensions(self) -> tuple[str, ...]:
        """See :attr:`WebSocket.extensions`."""
        return self._ws.extensions

    @property
    def remote_address(self) -> str:
        """See :attr:`WebSocket.remote_address`."""
        return self._ws.remote_address

    @property
    def tls(self) -> Tls | None:
        """See :attr:`WebSocket.tls`."""
        return self._ws.tls

    @property
    def close_code(self) -> int | None:
        """See :attr:`WebSocket.close_code`."""
        return self._ws.close_code

    @property
    def close_reason(self) -> str:
        """See :attr:`WebSocket.close_reason`."""
        return self._ws.close_reason

    def __repr__(self) -> str:
        return repr(self._ws)


class connect:  # noqa: N801 - used as a function, and as a context manager
    """Open a WebSocket: ``with connect(url) as ws``. The arguments are those of
    :func:`checkwire.connect`.
    """

    def __init__(self, url: str, **options: Unpack[ConnectKeywords]) -> None:
        self._url = url
        self._options = options

    def __enter__(self) -> BlockingWebSocket:
        self._portal = Portal()
        try:
            self._portal.call(self._open())
        except BaseException:
            self._portal.stop()
            raise
        return BlockingWebSocket(self._ws, self._portal)

    async def _open(self) -> None:
        self._ws = await WebSocket(self._url, **self._options).open()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._portal.call(self._ws._leave(error))
        finally:
            self._portal.stop()
