"""One request and its response, from the dial to the last byte, told as one event."""

from __future__ import annotations

import ssl

import h11

from checkwire.model.errors import ConnectError, FailureError, UsageError
from checkwire.model.events import HttpExchange
from checkwire.model.failures import Failure
from checkwire.sdk.context import Context
from checkwire.sdk.facts import Tls
from checkwire.sdk.http.body_text import shown_body
from checkwire.sdk.http.connection import HttpConnection, write_request
from checkwire.sdk.http.diagnosis import diagnose_broken, diagnose_timeout, diagnose_unreadable
from checkwire.sdk.http.dialling import Dialling, in_terms_of_http
from checkwire.sdk.http.errors import HttpError
from checkwire.sdk.http.pool import Pool
from checkwire.sdk.http.reading import Reading, Unreadable
from checkwire.sdk.http.requesting import Bounds, Request
from checkwire.sdk.http.response import Response
from checkwire.sdk.http.timings import Timings
from checkwire.wire.options import ConnectOptions
from checkwire.wire.tls.diagnosis import diagnose_tls_after_handshake

__all__ = ["Exchange"]

_BODY = 4096
"""Characters of each body that are kept in the transcript."""
_REPEATABLE = ("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE")
"""Idempotent methods (RFC 9110 section 9.2.2)."""


class Exchange:
    """A request under way; used once."""

    def __init__(
        self,
        request: Request,
        options: ConnectOptions,
        bounds: Bounds,
        pool: Pool,
        context: Context,
    ) -> None:
        """Prepare it; nothing is sent before :meth:`run`.

        Raises:
            UsageError: it is not valid HTTP.
        """
        self._request = request
        self._options = options
        self._bounds = bounds
        self._pool = pool
        self._context = context
        self._head = _head_of(request)
        address = request.address
        self._key = (address.scheme, address.host, address.port, options.tls)
        self._started_ns = 0
        self._dialling: Dialling | None = None
        self._connection: HttpConnection | None = None
        self._reading = Reading(request.method, bounds.max_size)
        self._unsent = 0

    async def run(self) -> Response:
        """Make the request, on a connection of the pool if it has one.

        Raises:
            FailureError: ``dns.*``, ``tcp.*``, ``proxy.*``, ``tls.*``, ``http.*``.
        """
        self._started_ns = self._context.timeline.now()
        whole = False
        try:
            kept = self._pool.take(self._key)
            if kept is None or not await self._converse_again(kept):
                await self._converse(await self._dial())
            whole = True
            return self._response()
        finally:
            self._let_go(whole)
            self._tell(whole)

    async def _converse_again(self, kept: HttpConnection) -> bool:
        """Use a connection that was kept; false if the server had closed it at that moment.

        The request is then made again (RFC 9112 section 9.3.1), unless that could do it twice.
        """
        try:
            await self._converse(kept)
        except FailureError as error:
            gone = error.failure.code == "http.closed" and not self._reading.received
            if not gone or self._request.method not in _REPEATABLE:
                raise
            kept.close()
            return False
        return True

    async def _dial(self) -> HttpConnection:
        self._connection = None
        self._dialling = Dialling(
            self._request.address, self._options, self._context, self._bounds.timeout
        )
        try:
            dialled = await self._dialling.run()
        except ConnectError as error:
            raise ConnectError(in_terms_of_http(error.failure)) from error.__cause__
        return HttpConnection(dialled, self._context.timeline)

    async def _converse(self, connection: HttpConnection) -> None:
        self._connection = connection
        place = connection.dialled.remote_address
        try:
            connection.send(self._head, self._request.body)
            await self._reading.read(connection)
        except Unreadable as error:
            failure = diagnose_unreadable(
                error, self._request, self._reading, place, self._bounds, self._context.masker
            )
            raise HttpError(failure) from None
        except OSError as error:
            if isinstance(error, ssl.SSLError):
                tls, where = self._options.tls, connection.dialled.where
                name = tls.server_name or self._request.address.host
                failure = diagnose_tls_after_handshake(error, name, where, tls)
            else:
                failure = diagnose_broken(
                    error, self._request, self._reading, place, self._context.masker
                )
            kind = HttpError if failure.code.startswith("http.") else ConnectError
            raise kind(failure) from None

    def timed_out(self) -> Failure:
        """The time is over: what it was spent on."""
        if self._connection is None and self._dialling is not None:
            return self._dialling.timed_out()
        connection = self._connection
        place = connection.dialled.remote_address if connection else self._request.address.place
        return diagnose_timeout(
            self._request,
            self._reading,
            place,
            self._bounds.timeout,
            self._unsent,
            self._context.masker,
        )

    def _let_go(self, whole: bool) -> None:
        connection = self._connection
        if connection is None:
            return
        self._unsent = connection.unsent
        if whole and connection.keep():
            self._pool.put(self._key, connection)
        else:
            connection.close()

    # What came of it

    def _phases(self) -> dict[str, int]:
        phases = dict(self._dialling.phases) if self._dialling is not None else {}
        reading, connection = self._reading, self._connection
        if connection is not None and reading.first_ns:
            phases["wait"] = max(reading.first_ns - connection.sent_ns, 0)
            phases["receive"] = reading.last_ns - reading.first_ns
        return phases

    def _response(self) -> Response:
        reading, connection = self._reading, self._connection
        assert connection is not None
        assert reading.status is not None
        tls = connection.dialled.tls
        total_ns = reading.last_ns - self._started_ns
        return Response(
            status=reading.status,
            reason=reading.reason,
            headers=reading.headers,
            content=bytes(reading.content.data),
            method=self._request.method,
            url=self._request.url,
            timings=Timings({**self._phases(), "total": total_ns}),
            remote_address=connection.dialled.remote_address,
            tls=None if tls is None else Tls.of(tls),
            context=self._context,
        )

    def _tell(self, whole: bool) -> None:
        context, request, reading = self._context, self._request, self._reading
        ended_ns = reading.last_ns if whole else context.timeline.now()
        connection = self._connection
        context.emit(
            HttpExchange(
                at_ns=self._started_ns,
                method=request.method,
                url=context.masker.text(request.url),
                duration_ns=ended_ns - self._started_ns,
                status=reading.status if whole else None,
                reason=reading.reason if whole else "",
                phases=self._phases(),
                request_headers=context.masker.headers(request.headers),
                response_headers=context.masker.headers(reading.headers.pairs),
                request_body=shown_body(
                    request.body, request.header("content-type") or "", _BODY, context.masker
                ),
                response_body=shown_body(
                    reading.content.data,
                    reading.headers.get("content-type", ""),
                    _BODY,
                    context.masker,
                ),
                request_size=len(request.body),
                response_size=len(reading.content.data),
                remote_address=connection.dialled.remote_address if connection else "",
                step=context.step,
            )
        )


def _head_of(request: Request) -> h11.Request:
    try:
        head = h11.Request(
            method=request.method.encode(),
            target=request.address.target.encode(),
            headers=[(name.encode(), value.encode()) for name, value in request.headers],
        )
        write_request(h11.Connection(h11.CLIENT), head, request.body)  # Before a server is asked.
    except h11.LocalProtocolError as error:
        what = f"{request.method} {request.url}"
        raise UsageError(f"{what} is not a valid request: {error}") from None
    return head
