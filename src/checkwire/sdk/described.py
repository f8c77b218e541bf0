"""What is known of a WebSocket: its state, and what was agreed on when it opened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from checkwire.model.masking import without_credentials
from checkwire.sdk.facts import ReadyState, Response, Timings, Tls

if TYPE_CHECKING:
    from checkwire.sdk.websocket import WebSocket

__all__ = ["Described"]


class Described:
    """The facts about a WebSocket, awaited or blocking."""

    CONNECTING: Final = ReadyState.CONNECTING
    OPEN: Final = ReadyState.OPEN
    CLOSING: Final = ReadyState.CLOSING
    CLOSED: Final = ReadyState.CLOSED

    __slots__ = ()

    @property
    def _async(self) -> WebSocket:
        """The WebSocket that these facts are about."""
        raise NotImplementedError

    @property
    def ready_state(self) -> ReadyState:
        """CONNECTING (0), OPEN (1), CLOSING (2) or CLOSED (3)."""
        ws = self._async
        if ws._connection is None:
            return ReadyState.CLOSED if ws._ended else ReadyState.CONNECTING
        return ReadyState(int(ws._connection.state))

    @property
    def timings(self) -> Timings:
        """Seconds per phase."""
        connection = self._async._connection
        return Timings({} if connection is None else connection.phases)

    @property
    def response(self) -> Response:
        """The answer to the upgrade request."""
        from checkwire.sdk.http.headers import Headers

        handshake = self._async._open.handshake
        return Response(handshake.status, Headers(handshake.response_headers))

    @property
    def subprotocol(self) -> str | None:
        """The subprotocol that the server chose."""
        return self._async._open.handshake.subprotocol

    @property
    def extensions(self) -> tuple[str, ...]:
        """The extensions in use, as the server named them."""
        return self._async._open.handshake.extensions

    @property
    def remote_address(self) -> str:
        """Address and port of the peer (of the proxy, if there is one)."""
        return self._async._open.handshake.remote_address

    @property
    def tls(self) -> Tls | None:
        """Version, cipher and certificates; ``None`` for ``ws://``."""
        established = self._async._open.tls
        return None if established is None else Tls.of(established)

    @property
    def close_code(self) -> int | None:
        """The close code received, 1006 if there was none; ``None`` while open."""
        ws = self._async
        if ws._connection is None:
            return 1006 if ws._ended else None
        return ws._connection.close_code

    @property
    def close_reason(self) -> str:
        """The reason that came with the close code."""
        connection = self._async._connection
        return "" if connection is None else connection.close_reason

    def __repr__(self) -> str:
        ws = self._async
        url = ws._context.masker.text(without_credentials(ws.url))
        return f"<WebSocket {url} {self.ready_state.name}>"

    if not TYPE_CHECKING:  # For what a type checker would say before it runs.

        def __getattr__(self, name):
            from checkwire.sdk.foreign import no_such_name

            raise no_such_name(name, dir(type(self)))

        def __setattr__(self, name, value):
            try:
                super().__setattr__(name, value)
            except AttributeError:
                from checkwire.sdk.foreign import no_such_name

                raise no_such_name(name, dir(type(self))) from None
