"""``upgrade.status``: each status that has a hint of its own."""

from __future__ import annotations

from http import HTTPStatus

from checkwire.faults.fault import Family
from checkwire.faults.peer import answering

faults = Family()

_OPEN = """
async with connect(URL):
    pass
"""
_MORE = {
    401: ('WWW-Authenticate: Bearer realm="feed"',),
    426: ("Sec-WebSocket-Version: 8",),
    429: ("Retry-After: 30",),
    503: ("Retry-After: 120", "Via: 1.1 fault", "CF-Ray: 8f0000000000-FRA"),
}

for status in (503, 400, 401, 403, 404, 405, 426, 429, 500, 502, 504):
    name = HTTPStatus(status).phrase
    faults.add(
        "upgrade.status",
        "" if status == 503 else str(status),
        does=f"answers {status} {name}",
        script=answering(
            f"HTTP/1.1 {status} {name}",
            "Server: fault",
            *_MORE.get(status, ()),
            "Content-Type: text/plain",
            f"Content-Length: {len(name)}",
            name.encode(),
        ),
        check=_OPEN,
        evidence=("status", "headers", "body"),
    )
