"""The HTTP side of the echo server: where every connection begins."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from email.utils import formatdate
from http import HTTPStatus
from pathlib import Path
from typing import Final, cast

import h11

from checkwire.echo import handshake
from checkwire.echo.eventstream import EventStreamConnection
from checkwire.echo.exchange import Exchange
from checkwire.echo.request import Request
from checkwire.echo.state import ServerState
from checkwire.echo.websocket import WebSocketConnection

__all__ = ["HttpConnection"]

_MAX_HEAD: Final = 1024 * 1024
"""Bytes of request line and headers, as in Go's server; more are answered by 431."""


class HttpConnection(asyncio.Protocol):
    """Answers requests until one of them turns the connection into something else."""

    def __init__(self, state: ServerState) -> None:
        self._state = state
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=_MAX_HEAD)
        self._transport: asyncio.Transport
        self._client = ""
        self._head: h11.Request | None = None
        self._body = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        # uvloop's transports are not instances of asyncio's, though they do the same.
        self._transport = cast("asyncio.Transport", transport)
        self._client = _address(transport.get_extra_info("peername"))
        self._state.opened(self)

    def data_received(self, data: bytes) -> None:
        """Read requests, and answer those that are complete."""
        try:
            self._http.receive_data(data)
            self._answer_requests()
        except h11.RemoteProtocolError as error:
            self._reject(HTTPStatus(error.error_status_hint))

    def pause_writing(self) -> None:
        """The client does not read: stop reading from it."""
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """The client reads again."""
        self._transport.resume_reading()

    def go_away(self) -> None:
        """Close; what is being sent is sent."""
        self._transport.close()

    def abort(self) -> None:
        """Drop the connection."""
        self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._state.closed(self)

    def _answer_requests(self) -> None:
        while not self._transport.is_closing():
            event = self._http.next_event()
            if isinstance(event, h11.Request):
                self._head = event
                if self._http.they_are_waiting_for_100_continue:
                    proceed = h11.InformationalResponse(status_code=100, headers=[])
                    self._send(proceed)
            elif isinstance(event, h11.Data):
                self._body += event.data
            elif isinstance(event, h11.EndOfMessage):
                assert self._head is not None
                request = Request(self._head, bytes(self._body))
                self._body.clear()
                if not self._answer(request):
                    return
            else:  # more data needed, or the client has said all it will
                return

    def _answer(self, request: Request) -> bool:
        """Answer a request; false if another protocol has taken over."""
        if request.wants_upgrade:
            status = handshake.refusal(request)
            if status is None:
                self._upgrade(request)
                return False
            headers = [("X-Content-Type-Options", "nosniff"), ("Sec-Websocket-Version", "13")]
            self._respond(request, status, _PLAIN, f"{status.phrase}\n".encode(), headers)
        elif request.file == ".ws":
            page = Path(__file__).with_name("page.html").read_bytes()
            self._respond(request, HTTPStatus.OK, "text/html; charset=utf-8", page)
        elif request.file == ".sse" and request.method != "HEAD":
            self._hand_over_to_events(request)
            return False
        else:
            text = request.description()
            if self._state.greeting and request.wants_hostname:
                text = f"Request served by {self._state.hostname}\n\n{text}"
            body = text.encode("utf-8", "surrogateescape")
            self._respond(request, HTTPStatus.OK, "text/plain", body)
        return True

    def _upgrade(self, request: Request) -> None:
        if self._http.trailing_data[0]:
            # A client must wait for the response before it sends frames (RFC 6455 section 4.1);
            # gorilla hangs up on one that does not, without a word.
            self._transport.close()
            return
        websocket = WebSocketConnection(self._state, self._transport, self._client, request)
        self._state.handed_over(self, websocket)
        self._transport.set_protocol(websocket)
        self._transport.write(handshake.switching_protocols(request))
        websocket.greet()

    def _hand_over_to_events(self, request: Request) -> None:
        events = EventStreamConnection(
            self._state, self._transport, self._client, request, self._http
        )
        self._state.handed_over(self, events)
        self._transport.set_protocol(events)
        events.begin()

    def _respond(
        self,
        request: Request,
        status: HTTPStatus,
        content_type: str,
        body: bytes,
        headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        self._send(
            h11.Response(
                status_code=status,
                reason=status.phrase,
                headers=[
                    ("Content-Type", content_type),
                    *headers,
                    ("Date", formatdate(usegmt=True)),
                    ("Content-Length", str(len(body))),
                ],
            )
        )
        if request.method != "HEAD":
            self._send(h11.Data(body))
        self._send(h11.EndOfMessage())
        self._report(request.method, request.target, status, request.received_ns)
        if self._http.our_state is h11.MUST_CLOSE:
            self._transport.close()
        else:
            self._http.start_next_cycle()

    def _reject(self, status: HTTPStatus) -> None:
        """Answer what is not HTTP, and hang up."""
        if self._http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            body = f"{status} {status.phrase}\n".encode()
            headers = [
                ("Content-Type", _PLAIN),
                ("Connection", "close"),
                ("Content-Length", str(len(body))),
            ]
            # It may be the body of a request that is wrong.
            head_only = self._http.our_state is h11.SEND_RESPONSE and self._asked_for_head
            self._send(h11.Response(status_code=status, reason=status.phrase, headers=headers))
            if not head_only:
                self._send(h11.Data(body))
            self._send(h11.EndOfMessage())
        self._report("", "", status, time.monotonic_ns())
        self._transport.close()

    @property
    def _asked_for_head(self) -> bool:
        return self._head is not None and self._head.method == b"HEAD"

    def _report(self, method: str, target: str, status: HTTPStatus, received_ns: int) -> None:
        if self._state.report is not None:
            duration_ns = time.monotonic_ns() - received_ns
            self._state.report(Exchange(self._client, method, target, int(status), duration_ns))

    def _send(self, event: h11.Event) -> None:
        if data := self._http.send(event):
            self._transport.write(data)


_PLAIN: Final = "text/plain; charset=utf-8"


def _address(peer: tuple[str, int] | tuple[str, int, int, int]) -> str:
    host, port = peer[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
