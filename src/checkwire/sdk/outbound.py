"""What a check sends on a WebSocket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from checkwire.model.durations import Duration
from checkwire.model.errors import ConnectionClosed, TimedOut, UsageError
from checkwire.sdk.abandoned import Wait
from checkwire.sdk.begun import Asked, Begun
from checkwire.sdk.context import Context, Site, here
from checkwire.sdk.facts import Ping
from checkwire.sdk.scope import in_handler
from checkwire.sdk.waiting import seconds
from checkwire.wire.session.connection import Connection
from checkwire.wire.session.pings import Ping as SentPing

__all__ = ["Outbound"]


class Outbound:
    """The sending half of a WebSocket."""

    __slots__ = ()

    _context: Context

    def _usable(self, site: Site | None = None) -> Connection:
        """The connection, if something can be sent on it."""
        raise NotImplementedError

    def send(self, data: str | bytes | bytearray | memoryview) -> Begun:
        """Send text (``str``) or binary (``bytes``).

        It is sent at once; awaiting waits only while much is queued, because the server reads
        slowly. So handlers that are plain functions can send too.

        Raises:
            UsageError: it is neither, or the WebSocket is not open.
            ConnectionClosed: the server has closed it.
        """
        if not isinstance(data, str | bytes | bytearray | memoryview):
            kind = type(data).__name__
            raise self._context.misused(
                f"send() takes str or bytes, not {kind}; send_json() sends any value as JSON"
            )
        connection = self._usable()
        try:
            connection.send(data)
        except UsageError as error:
            raise self._context.misused(str(error)) from None
        if (ledger := self._context.ledger).failing:  # Perhaps it could not be sent before.
            ledger.recovered((here(), "use"), connection=connection.number)
        return Begun(connection.drain)

    def send_json(self, value: Any) -> Begun:
        """Send a value as JSON text.

        Raises:
            UsageError: it cannot be written as JSON, or is JSON already; and as :meth:`send`.
            ConnectionClosed: as :meth:`send`.
        """
        if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
            with suppress(ValueError):
                json.loads(value)
                raise self._context.misused("send_json() got JSON text already: send() sends it")
        try:
            text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
            text.encode()
        except (TypeError, ValueError, RecursionError) as error:
            message = f"send_json() cannot write this as JSON: {error}"
            raise self._context.misused(message) from None
        return self.send(text)

    def ping(
        self, data: str | bytes | None = None, *, within: Duration | None = None
    ) -> Asked[Ping]:
        """Ping; awaiting waits for the pong, and gives the round trip in seconds.

        It is sent at once, so handlers that are plain functions can ping too, and listen to
        ``pong``. Elsewhere it is a mistake not to await it, since it verifies nothing then.

        Args:
            data: at most 125 bytes to carry; chosen at random if left out.
            within: how long to wait; ``timeouts["pong"]`` (10 s) if left out.

        Raises:
            TimedOut: ``ws.no_pong``, or ``ws.peer_lost`` when not even the peer's kernel answers.
            ConnectionClosed: the connection ended first.
        """
        context, site = self._context, here()
        limit = None if within is None else seconds("within", within)
        connection = self._usable(site)
        try:
            ping = connection.start_ping(data.encode() if isinstance(data, str) else data)
        except UsageError as error:
            raise context.misused(str(error), site) from None
        wait = context.waits.begin(site)

        def answer() -> Coroutine[Any, Any, Ping]:
            context.used(asked)
            return self._pong(connection, ping, limit, wait)

        asked = Asked(answer)
        if not in_handler():
            context.made(
                asked, "nobody awaited the answer to this ping: write `await` before", site
            )
        return asked

    async def _pong(
        self, connection: Connection, ping: SentPing, within: float | None, wait: Wait
    ) -> Ping:
        context, number, site = self._context, connection.number, wait.site
        key = (site, "ping")
        try:
            round_trip = await connection.pong(ping, within)
        except TimedOut as error:
            context.noticed(error.failure, key)  # The wire has told of it.
            raise
        except ConnectionClosed as closed:
            failure = context.located(closed.failure, site)
            if closed.by_check:
                context.waits.cut_short(wait, key, "waiting for a pong", number)
            else:
                failure = context.noticed(failure, key)
            raise ConnectionClosed(failure, closed.code, closed.reason) from None
        except asyncio.CancelledError:
            context.waits.cancelled(wait, key, "waiting for a pong", number)
            raise
        context.waits.answered(wait)
        context.ledger.held(key, connection=number)
        return Ping.of(round_trip)
