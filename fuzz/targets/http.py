"""An HTTP response as a check reads it, from its bytes to its text and its JSON."""

from __future__ import annotations

from collections.abc import Sequence

import h11

from checkwire.model.events import HttpExchange
from checkwire.model.failures import CODES
from checkwire.model.masking import Masker
from checkwire.sdk.context import Context
from checkwire.sdk.http.connection import HttpConnection
from checkwire.sdk.http.diagnosis import diagnose_unreadable
from checkwire.sdk.http.errors import HttpError
from checkwire.sdk.http.reading import Reading, Unreadable
from checkwire.sdk.http.requesting import Bounds, Request
from checkwire.sdk.http.response import Response
from checkwire.sdk.http.timings import Timings
from checkwire.sdk.http.urls import parse_http_url
from checkwire.sdk.values import printable
from fuzz.choices import Choices, cut
from fuzz.memory import MemoryPipe, dialled, run

__all__ = ["target"]

_METHODS = ("GET", "HEAD", "POST")
_SIZES = (10_000_000, 1000, 0)


def target(data: bytes) -> None:
    """Method and limit, then where to cut, then the response."""
    choices = Choices(data)
    method, bounds = choices.pick(_METHODS), Bounds(10.0, 0, choices.pick(_SIZES))
    places = choices.cuts()
    answer = choices.rest()
    whole, parts = (run(_outcome(answer, method, bounds, how)) for how in ([len(answer)], places))
    assert whole == parts, (whole, parts)


async def _outcome(
    answer: bytes, method: str, bounds: Bounds, places: Sequence[int]
) -> tuple[object, ...]:
    assert bounds.max_size is not None
    request = Request(method, parse_http_url("http://host/"), (("Host", "host"),))
    pipe = MemoryPipe(answer=lambda _: cut(answer, places))
    connection = HttpConnection(dialled(pipe), pipe.timeline)
    head = h11.Request(method=method, target="/", headers=[("Host", "host")])
    connection.send(head, b"")
    reading = Reading(method, bounds.max_size)
    try:
        await reading.read(connection)
    except Unreadable as error:
        failure = diagnose_unreadable(error, request, reading, "192.0.2.1:80", bounds, Masker())
        assert failure.code in CODES
        assert len(reading.content.data) <= bounds.max_size + 65536
        # How it breaks may depend on the cut; that it does may not.
        return ("unreadable",)
    finally:
        connection.close()
    content = bytes(reading.content.data)
    assert len(content) <= bounds.max_size
    _read(reading, content, method)
    return reading.status, reading.reason, reading.headers.pairs, content


def _read(reading: Reading, content: bytes, method: str) -> None:
    assert reading.status is not None
    told: list[HttpExchange] = []
    response = Response(
        status=reading.status,
        reason=reading.reason,
        headers=reading.headers,
        content=content,
        method=method,
        url="http://host/",
        timings=Timings({}),
        remote_address="192.0.2.1:80",
        tls=None,
        context=Context(told.append, env={}),  # type: ignore[arg-type]
    )
    assert isinstance(response.text, str)
    assert printable(repr(response)) == repr(response)
    assert all(isinstance(value, str) for value in response.cookies.values())
    for reading_further in (response.json, response.raise_for_status):
        try:
            reading_further()
        except HttpError as error:
            assert error.failure.code in CODES
