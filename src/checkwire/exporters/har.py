"""Runs as HTTP archives, HAR 1.2, with the messages of WebSockets as Chrome writes them.

There is a page for each attempt, and an entry for each connection and each HTTP request. Names
that begin with an underscore are additions, as the format has it; ``_webSocketMessages`` is what
the network panel of Chrome and its kin writes and reads.

http://www.softwareishard.com/blog/har-12-spec/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from checkwire._version import __version__
from checkwire.model.attempt import Attempt, Connection, Run
from checkwire.model.events import FrameSeen, FramesSkipped, HttpExchange

__all__ = ["har"]

_OPCODES = {"text": 1, "binary": 2}
_CONNECT = ("tcp", "proxy", "tls")
_UNKNOWN = "x-unknown"

Headers = Iterable[tuple[str, str]]


def har(run: Run) -> dict[str, Any]:
    """The archive, fit for JSON."""
    entries = [
        (began_ns, entry) for attempt in run.attempts for began_ns, entry in _entries(attempt)
    ]
    entries.sort(key=lambda pair: pair[0])
    return {
        "log": {
            "version": "1.2",
            "creator": {"name": "Checkwire", "version": __version__},
            "pages": [_page(run, attempt) for attempt in run.attempts],
            "entries": [entry for _, entry in entries],
            "comment": f"run {run.id} of {run.check.id}: {run.status}",
        }
    }


def _page(run: Run, attempt: Attempt) -> dict[str, Any]:
    title = run.check.name if len(run.attempts) == 1 else f"{run.check.name}, {attempt.number}"
    page: dict[str, Any] = {
        "startedDateTime": _instant(attempt.started_ns),
        "id": f"attempt_{attempt.number}",
        "title": title,
        "pageTimings": {"onContentLoad": -1, "onLoad": _milliseconds(attempt.duration_ns)},
    }
    if attempt.failure is not None:
        page["comment"] = f"{attempt.failure.message} [{attempt.failure.code}]"
    return page


def _entries(attempt: Attempt) -> Iterator[tuple[int, dict[str, Any]]]:
    for connection in attempt.connections:
        yield attempt.started_ns + connection.at_ns, _of_connection(attempt, connection)
    for event in attempt.events:
        if isinstance(event, HttpExchange):
            yield attempt.started_ns + event.at_ns, _of_exchange(attempt, event)


def _of_connection(attempt: Attempt, connection: Connection) -> dict[str, Any]:
    shake = connection.handshake
    request_headers = shake.request_headers if shake else ()
    response = _response(
        shake.status if shake else None,
        shake.reason if shake else "",
        shake.response_headers if shake else (),
        None,
        connection.closed.bytes_in if connection.closed else 0,
    )
    failure = next(
        (one.failure for one in attempt.failures if one.failure.connection == connection.number),
        None,
    )
    if failure is not None:
        response["_error"] = f"{failure.message} [{failure.code}]"
    entry = {
        "pageref": f"attempt_{attempt.number}",
        "startedDateTime": _instant(attempt.started_ns + connection.at_ns),
        "request": _request("GET", connection.url, request_headers, None, 0),
        "response": response,
        "cache": {},
        "connection": str(connection.number),
        "_resourceType": "websocket",
        "_webSocketMessages": list(_messages(attempt, connection.number)),
    }
    entry |= _times(_spans(attempt, connection), _lasted(attempt, connection))
    if shake is not None and shake.remote_address:
        entry["serverIPAddress"] = _address(shake.remote_address)
    if comment := _comment(attempt, connection):
        entry["comment"] = comment
    return entry


def _of_exchange(attempt: Attempt, exchange: HttpExchange) -> dict[str, Any]:
    spans = {
        "dns": exchange.phases.get("dns"),
        "connect": _sum(exchange.phases.get(name) for name in _CONNECT),
        "ssl": exchange.phases.get("tls"),
        "wait": exchange.phases.get("wait", 0),
        "receive": exchange.phases.get("receive", 0),
    }
    entry = {
        "pageref": f"attempt_{attempt.number}",
        "startedDateTime": _instant(attempt.started_ns + exchange.at_ns),
        "request": _request(
            exchange.method,
            exchange.url,
            exchange.request_headers,
            exchange.request_body,
            exchange.request_size,
        ),
        "response": _response(
            exchange.status,
            exchange.reason,
            exchange.response_headers,
            exchange.response_body,
            exchange.response_size,
        ),
        "cache": {},
        "_resourceType": "fetch",
    }
    entry |= _times(spans, exchange.duration_ns)
    if exchange.remote_address:
        entry["serverIPAddress"] = _address(exchange.remote_address)
    return entry


def _messages(attempt: Attempt, connection: int) -> Iterator[dict[str, Any]]:
    """Whole messages: what was sent in parts stands where its last part does."""
    kinds: dict[str, str] = {}
    for frame in attempt.events:
        if not isinstance(frame, FrameSeen) or frame.connection != connection:
            continue
        if frame.opcode in _OPCODES:
            kinds[frame.direction] = frame.opcode
        elif frame.opcode != "continuation":
            continue
        if not frame.fin:
            continue
        binary = frame.base64 or kinds.get(frame.direction) == "binary"
        message: dict[str, Any] = {
            "type": "send" if frame.direction == "out" else "receive",
            "time": (attempt.started_ns + frame.at_ns) / 1e9,
            "opcode": _OPCODES["binary" if binary else "text"],
            "data": frame.payload or "",
        }
        if frame.truncated:
            message["_truncated"] = True
        yield message


def _request(
    method: str, url: str, headers: Headers, body: str | None, size: int
) -> dict[str, Any]:
    request: dict[str, Any] = {
        "method": method,
        "url": url,
        "httpVersion": "HTTP/1.1",
        "cookies": [
            {"name": name, "value": value}
            for cookie in _all(headers, "cookie")
            for name, value in _pairs(cookie)
        ],
        "headers": _named(headers),
        "queryString": _named(_query(url)),
        "headersSize": -1,
        "bodySize": size,
    }
    if body is not None:
        mime_type = next(_all(headers, "content-type"), _UNKNOWN)
        request["postData"] = {"mimeType": mime_type, "params": [], "text": body}
    return request


def _response(
    status: int | None, reason: str, headers: Headers, body: str | None, size: int
) -> dict[str, Any]:
    content: dict[str, Any] = {
        "size": size,
        "mimeType": next(_all(headers, "content-type"), _UNKNOWN),
    }
    if body is not None:
        content["text"] = body
    return {
        "status": status or 0,
        "statusText": reason,
        "httpVersion": "HTTP/1.1",
        "cookies": [
            {"name": name, "value": value}
            for cookie in _all(headers, "set-cookie")
            for name, value in list(_pairs(cookie))[:1]
        ],
        "headers": _named(headers),
        "content": content,
        "redirectURL": next(_all(headers, "location"), ""),
        "headersSize": -1,
        "bodySize": size if status else -1,
    }


def _times(spans: dict[str, int | None], lasted_ns: int) -> dict[str, Any]:
    """``ssl`` is a part of ``connect``, and ``time`` is the sum of all others that took place."""
    known = _sum(span for name, span in spans.items() if name != "ssl") or 0
    timings: dict[str, float] = {"blocked": _milliseconds(max(0, lasted_ns - known)), "send": 0.0}
    for name, span in spans.items():
        timings[name] = -1 if span is None else _milliseconds(span)
    return {"time": _milliseconds(max(lasted_ns, known)), "timings": timings}


def _spans(attempt: Attempt, connection: Connection) -> dict[str, int | None]:
    phases = {phase.name: phase for phase in connection.phases}
    took: dict[str, int] = {name: phase.duration_ns for name, phase in phases.items()}
    upgrade = phases.get("upgrade")
    receive = 0
    if upgrade is not None:
        opened = upgrade.at_ns + upgrade.duration_ns
        receive = max(0, connection.at_ns + _lasted(attempt, connection) - opened)
    return {
        "dns": took.get("dns"),
        "connect": _sum(took.get(name) for name in _CONNECT),
        "ssl": took.get("tls"),
        "wait": took.get("upgrade", 0),
        "receive": receive,
    }


def _lasted(attempt: Attempt, connection: Connection) -> int:
    end = connection.closed.at_ns if connection.closed else attempt.duration_ns
    return max(0, end - connection.at_ns)


def _comment(attempt: Attempt, connection: Connection) -> str:
    parts = [
        f"{event.count} frames, {event.size} bytes, counted but not kept"
        for event in attempt.events
        if isinstance(event, FramesSkipped) and event.connection == connection.number
    ]
    if connection.closed is not None and connection.closed.code is not None:
        parts.append(f"closed {connection.closed.code} {connection.closed.reason}".rstrip())
    return "; ".join(parts)


def _sum(spans: Iterable[int | None]) -> int | None:
    known = [span for span in spans if span is not None]
    return sum(known) if known else None


def _milliseconds(ns: int) -> float:
    return ns / 1e6


def _instant(ns: int) -> str:
    seconds, rest = divmod(ns, 1_000_000_000)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest // 1000:06}Z"


def _address(place: str) -> str:
    return place.rpartition(":")[0].strip("[]") or place


def _named(pairs: Headers) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in pairs]


def _all(headers: Headers, name: str) -> Iterator[str]:
    return (value for key, value in headers if key.lower() == name)


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for part in text.split(";"):
        name, _, value = part.strip().partition("=")
        if name:
            yield name, value


def _query(url: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(urlsplit(url).query, keep_blank_values=True)
    except ValueError:
        return []
