"""Posts a small body to an HTTP server: once, within a time, and without following anybody."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

import h11

from checkwire._version import __version__
from checkwire.alerting.outcome import NotDelivered

__all__ = ["Answer", "connection_trouble", "post", "shown_host"]

_MOST_HEAD = 64 * 1024
_MOST_EXCERPT = 2048
"""Bytes of a body that are read, to tell what the server said."""
_EYEBALLS = 0.25
"""Seconds before the next address is tried as well (RFC 8305 section 5)."""


class Answer(NamedTuple):
    """What a server answered.

    Attributes:
        status: its code.
        reason: the words that came with it.
        headers: with names in lower case; of those that came twice, the last.
        excerpt: how the body begins, unless all is well: then nobody wants to know.
    """

    status: int
    reason: str
    headers: dict[str, str]
    excerpt: bytes


async def post(
    url: str, headers: Mapping[str, str], body: bytes, *, tls: ssl.SSLContext, timeout: float
) -> Answer:
    """Post a body on a connection of its own. Any status is an answer; redirects are, too.

    Args:
        url: ``http`` or ``https``.
        headers: on top of ``Host``, ``Content-Length``, ``Connection`` and ``User-Agent``.
        body: what to post.
        tls: for ``https``.
        timeout: seconds for all of it.

    Raises:
        NotDelivered: if there is no answer; the message says why, and names the host.
    """
    host = shown_host(url)
    try:
        async with asyncio.timeout(timeout):
            return await _exchange(url, headers, body, tls)
    except TimeoutError:
        raise NotDelivered(f"{host} did not answer within {timeout:g} s") from None
    except h11.RemoteProtocolError as error:
        raise NotDelivered(f"what {host} answered is not HTTP: {error}") from None
    except h11.LocalProtocolError:
        # What exactly is not told: it may be a secret.
        raise NotDelivered(f"a header for {host} has characters that no header can have") from None
    except OSError as error:
        raise NotDelivered(connection_trouble(host, error)) from None


async def _exchange(
    url: str, headers: Mapping[str, str], body: bytes, tls: ssl.SSLContext
) -> Answer:
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    name = parts.hostname or ""
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MOST_HEAD)
    request = h11.Request(
        method="POST",
        target=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        headers=[
            ("Host", shown_host(url)),
            ("User-Agent", f"checkwire/{__version__}"),
            ("Content-Length", str(len(body))),
            ("Connection", "close"),
            *headers.items(),
        ],
    )
    data = connection.send(request) or b""
    data += connection.send(h11.Data(body)) or b""
    data += connection.send(h11.EndOfMessage()) or b""
    reader, writer = await asyncio.open_connection(
        name,
        parts.port or (443 if secure else 80),
        ssl=tls if secure else None,
        server_hostname=name if secure else None,
        happy_eyeballs_delay=_EYEBALLS,
    )
    try:
        writer.write(data)
        # A server that refuses may answer and close before it has read all.
        with contextlib.suppress(ConnectionError):
            await writer.drain()
        response = await _response(connection, reader)
        excerpt = b""
        if not 200 <= response.status_code < 300:
            excerpt = await _excerpt(connection, reader)
    finally:
        # Not closed with grace: a server that does not answer a goodbye would be waited for.
        writer.transport.abort()
    return Answer(
        response.status_code,
        response.reason.decode("latin-1"),
        {name.decode("ascii"): value.decode("latin-1") for name, value in response.headers},
        excerpt,
    )


async def _response(connection: h11.Connection, reader: asyncio.StreamReader) -> h11.Response:
    while True:
        event = connection.next_event()
        if isinstance(event, h11.Response):
            return event
        if event is h11.NEED_DATA:
            data = await reader.read(_MOST_HEAD)
            if not data:
                raise ConnectionResetError("it closed the connection before it answered")
            connection.receive_data(data)


async def _excerpt(connection: h11.Connection, reader: asyncio.StreamReader) -> bytes:
    found = b""
    # The status is the answer; how its explanation ends is not worth an error.
    with contextlib.suppress(OSError, h11.RemoteProtocolError):
        while len(found) < _MOST_EXCERPT:
            event = connection.next_event()
            if isinstance(event, h11.Data):
                found += bytes(event.data)
            elif event is h11.NEED_DATA:
                connection.receive_data(await reader.read(_MOST_HEAD))
            else:
                break
    return found[:_MOST_EXCERPT]


def shown_host(url: str) -> str:
    """The host of an address, and its port if it is not the usual one."""
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2]


def connection_trouble(host: str, error: OSError) -> str:
    """What went wrong with a connection, in a sentence."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate of {host} does not hold: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"no TLS with {host}: {error.reason or error}"
    if isinstance(error, socket.gaierror):
        return f"the name {host} cannot be looked up: {error.strerror}"
    if isinstance(error, ConnectionRefusedError):
        return f"{host} refused the connection"
    return f"the connection to {host} failed: {error.strerror or error}"
