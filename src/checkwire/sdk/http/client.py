"""Requests that share connections, cookies and defaults."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Unpack, cast

from checkwire.model.errors import FailureError, UsageError
from checkwire.model.masking import without_credentials
from checkwire.sdk.connecting import ConnectKeywords, connect_options
from checkwire.sdk.context import Site, current, here
from checkwire.sdk.http.call import Call
from checkwire.sdk.http.cookies import CookieJar
from checkwire.sdk.http.keywords import (
    RequestKeywords,
    SessionKeywords,
    SingleRequestKeywords,
    TransportKeywords,
    refuse_unknown,
)
from checkwire.sdk.http.pool import Pool
from checkwire.sdk.http.requesting import bounds_of, make_request
from checkwire.sdk.http.response import Response
from checkwire.sdk.http.telling import tell, tell_misuse
from checkwire.wire.options import ConnectOptions

__all__ = ["Pending", "Session", "send_single"]

Pending = Coroutine[Any, Any, Response]
"""A request that is made when it is awaited, or given to ``asyncio.gather`` or ``create_task``.

The place in the script is taken when it is made: in another task it could not be known.
"""


class Session:
    """Requests to the same servers: connections are kept alive, cookies are kept.

    ``async with http.session(base_url=...) as api: reply = await api.get("/users")``. Requests
    may be under way at the same time; each then has a connection of its own.

    Attributes:
        cookies: those that servers have set; see :class:`~checkwire.sdk.http.cookies.CookieJar`.
    """

    def __init__(self, **defaults: Unpack[SessionKeywords]) -> None:
        """See :class:`~checkwire.sdk.http.keywords.SessionKeywords`."""
        self.cookies = CookieJar()
        self._defaults = defaults
        self._pool = Pool()
        self._options: ConnectOptions | None = None
        site = here()
        try:
            refuse_unknown("http.session()", defaults, SessionKeywords)
        except UsageError as error:
            raise tell_misuse(error, current(), site) from None

    async def __aenter__(self) -> Session:
        self.open(here())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def open(self, site: Site, called: str = "http.session()") -> None:
        """Begin, for that place in the script; ``called`` is what stands there."""
        transport = TransportKeywords.__annotations__
        given = {name: value for name, value in self._defaults.items() if name in transport}
        self._options = connect_options(
            cast(ConnectKeywords, given), current(), called=called, site=site
        )

    def close(self) -> None:
        """End: connections that wait for requests are closed, no more are made."""
        self._options = None
        self._pool.close()

    def get(self, url: str, **options: Unpack[RequestKeywords]) -> Pending:
        """See :func:`checkwire.sdk.http.request`."""
        return self.request("GET", url, **options)

    def head(self, url: str, **options: Unpack[RequestKeywords]) -> Pending:
        """See :func:`checkwire.sdk.http.request`."""
        return self.request("HEAD", url, **options)

    def post(self, url: str, **options: Unpack[RequestKeywords]) -> Pending:
        """See :func:`checkwire.sdk.http.request`."""
        return self.request("POST", url, **options)

    def put(self, url: str, **options: Unpack[RequestKeywords]) -> Pending:
        """See :func:`checkwire.sdk.http.request`."""
        return self.request("PUT", url, **options)

    def patch(self, url: str, **options: Unpack[RequestKeywords]) -> Pending:
        """See :func:`checkwire.sdk.http.request`."""
        return self.request("PATCH", url, **options)

    def delete(self, url: str, **options: Unpack[RequestKeywords]) -> Pending:
        """See :func:`checkwire.sdk.http.request`."""
        return self.request("DELETE", url, **options)

    def options(self, url: str, **options: Unpack[RequestKeywords]) -> Pending:
        """See :func:`checkwire.sdk.http.request`."""
        return self.request("OPTIONS", url, **options)

    def request(self, method: str, url: str, **options: Unpack[RequestKeywords]) -> Pending:
        """See :func:`checkwire.sdk.http.request`."""
        return self.send(method, url, options, here())

    async def send(self, method: str, url: str, options: RequestKeywords, site: Site) -> Response:
        """Make a request for that place in the script."""
        context = current()
        began, wait = context.ledger.told, context.waits.begin(site)
        method = method.upper()
        key: tuple[object, ...] = (site, method, url)
        try:
            if self._options is None:
                raise UsageError(
                    "a session is used within its block: async with http.session(...) as api"
                )
            refuse_unknown(f"{method.lower()}()", options, RequestKeywords)
            bounds = bounds_of(options, self._defaults)
            call = Call(
                make_request(method, url, options, self._defaults),
                bounds=bounds,
                options=self._options,
                pool=self._pool,
                cookies=self.cookies,
                context=context,
            )
            context.waits.dialling += 1
            try:
                response = await call.run()
            finally:
                context.waits.dialling -= 1
        except UsageError as error:
            raise tell_misuse(error, context, site) from None
        except FailureError as error:
            raise type(error)(tell(error.failure, context, site, key)) from error.__cause__
        except asyncio.CancelledError:
            doing = f"waiting for the answer to {method} {without_credentials(url)}"
            context.waits.cancelled(wait, key, doing)
            raise
        context.waits.came(wait)
        context.ledger.recovered(key, began=began)
        return response


async def send_single(
    method: str, url: str, options: SingleRequestKeywords, site: Site
) -> Response:
    """Make a request in a session of its own, for that place in the script."""
    called = f"http.{method.lower()}()"
    try:
        refuse_unknown(called, options, SingleRequestKeywords)
    except UsageError as error:
        raise tell_misuse(error, current(), site) from None
    request = {k: v for k, v in options.items() if k in RequestKeywords.__annotations__}
    transport = {k: v for k, v in options.items() if k not in request}
    session = Session(**cast(SessionKeywords, transport))
    session.open(site, called)
    try:
        return await session.send(method, url, cast(RequestKeywords, request), site)
    finally:
        session.close()
