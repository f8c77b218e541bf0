"""One call of a check: a request, the redirects after it, its timeout, and what is told of it."""

from __future__ import annotations

import asyncio

import msgspec

from checkwire.model.errors import ConnectError, FailureError
from checkwire.model.failures import Failure
from checkwire.sdk.context import Context
from checkwire.sdk.http.cookies import CookieJar
from checkwire.sdk.http.diagnosis import diagnose_redirects
from checkwire.sdk.http.errors import HttpError, HttpTimedOut
from checkwire.sdk.http.exchange import Exchange
from checkwire.sdk.http.pool import Pool
from checkwire.sdk.http.redirects import is_redirect, redirected
from checkwire.sdk.http.requesting import Bounds, Request
from checkwire.sdk.http.response import Response
from checkwire.sdk.http.urls import same_origin
from checkwire.wire.options import ConnectOptions

__all__ = ["Call"]


class Call:
    """A call under way; used once.

    Args:
        request: what to ask.
        bounds: what it may take.
        options: how to connect.
        pool: connections to use, and to leave behind.
        cookies: to send, and to add to.
        context: the attempt.
    """

    def __init__(
        self,
        request: Request,
        *,
        bounds: Bounds,
        options: ConnectOptions,
        pool: Pool,
        cookies: CookieJar,
        context: Context,
    ) -> None:
        self._request = request
        self._bounds = bounds
        self._options = options
        self._pool = pool
        self._cookies = cookies
        self._context = context
        self._exchange: Exchange | None = None

    async def run(self) -> Response:
        """Make it.

        Raises:
            FailureError: ``dns.*``, ``tcp.*``, ``proxy.*``, ``tls.*``, ``http.*``; nobody has been
                told of it yet.
        """
        timeout = self._bounds.timeout
        try:
            async with asyncio.timeout(timeout) as scope:
                return await self._follow()
        except TimeoutError:
            if not scope.expired() or self._exchange is None:
                raise
            failure = self._exchange.timed_out()
            kind = HttpTimedOut if failure.code == "http.timeout" else ConnectError
            raise kind(failure) from None

    async def _follow(self) -> Response:
        started_ns = self._context.timeline.now()
        request, options = self._request, self._options
        history: list[Response] = []
        while True:
            response = await self._exchange_one(request, options)
            location = response.headers.get("location")
            if self._bounds.redirects and is_redirect(response.status, location):
                history.append(response)
                if len(history) > self._bounds.redirects:
                    raise HttpError(
                        diagnose_redirects([r.url for r in history], self._bounds.redirects)
                    )
                following = self._redirected(request, response.status, location or "")
                tls = options.tls
                if not same_origin(request.address, following.address):
                    tls = tls.without_certificate()
                if following.address.host != request.address.host:
                    # The name to ask for was that of another host.
                    tls = msgspec.structs.replace(tls, server_name=None)
                options = msgspec.structs.replace(options, tls=tls)
                request = following
                continue
            if history:
                total_ns = self._context.timeline.now() - started_ns
                response.timings = response.timings.with_total(total_ns)
                response.history = tuple(history)
            return response

    async def _exchange_one(self, request: Request, options: ConnectOptions) -> Response:
        cookie = self._cookies.header_for(request.address, request.header("cookie"))
        if cookie:
            rest = (pair for pair in request.headers if pair[0].lower() != "cookie")
            request = request._replace(headers=(*rest, ("Cookie", cookie)))
        self._exchange = Exchange(request, options, self._bounds, self._pool, self._context)
        response = await self._exchange.run()
        self._cookies.store(request.address, response.headers.get_all("set-cookie"))
        return response

    def _redirected(self, request: Request, status: int, location: str) -> Request:
        try:
            return redirected(request, status, location, self._context.masker)
        except FailureError as error:
            failure = error.failure
            if failure.code == "check.bad_url":
                failure = Failure(
                    code="http.protocol",
                    message=f"{request.url} redirects to what cannot be requested: "
                    f"{failure.message}",
                    hint="The Location header of the response is wrong",
                    evidence={
                        "request": f"{request.method} {request.address.target}",
                        "status": status,
                        "location": location,
                    },
                )
            raise HttpError(failure) from None
