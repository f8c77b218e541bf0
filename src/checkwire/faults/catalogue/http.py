"""``http.*``: HTTP calls between WebSocket steps."""

from __future__ import annotations

from checkwire.faults.authority import Authority
from checkwire.faults.fault import Family
from checkwire.faults.peer import Peer, answering

faults = Family()


def _asks(call: str, then: str = "") -> str:
    return f"""
from checkwire import check, env, http


@check(timeout="5s")
async def asks():
    reply = await http.{call}
{then or "    assert reply.status == 200"}
"""


_GET = _asks("get(URL, timeout='1s')")


@faults.served(
    "http.timeout", does="reads the request, and does not answer", waits=1,
    scheme="http", check=_GET,
    evidence=("bytes_received",),
)  # fmt: skip
def silent(peer: Peer) -> None:
    peer.read_head()
    peer.stay()


faults.add(
    "http.closed", does="ends the connection in the middle of the body", scheme="http",
    script=answering("HTTP/1.1 200 OK", "Content-Length: 100", b"half"), check=_GET,
    evidence=("bytes_received",),
)  # fmt: skip
faults.add(
    "http.protocol", does="answers with something else than HTTP", scheme="http",
    script=answering(b"220 mail.fault.test ESMTP\r\n"), check=_GET, evidence=("first_bytes",),
)  # fmt: skip
faults.add(
    "http.too_large", does="announces a body of 1 GB", scheme="http",
    script=answering("HTTP/1.1 200 OK", "Content-Length: 1000000000", b"x" * 1_000),
    check=_GET, evidence=("content_length",),
)  # fmt: skip
faults.add(
    "http.too_many_redirects", does="sends the client round in a circle", scheme="http",
    script=answering("HTTP/1.1 302 Found", "Location: /", "Content-Length: 0"),
    check=_asks("get(URL, follow_redirects=3)"), evidence=("urls",),
)  # fmt: skip
faults.add(
    "http.insecure_redirect", does="sends a login from https:// to http://", scheme="https",
    tls=Authority.server,
    script=answering(
        "HTTP/1.1 307 Temporary Redirect", "Location: http://127.0.0.1:9/", "Content-Length: 0"
    ),
    check=_asks("post(URL, json={'key': 'x'}, ca=CA, follow_redirects=3)"),
)  # fmt: skip
faults.add(
    "http.status", does="answers 500", scheme="http",
    script=answering("HTTP/1.1 500 Internal Server Error", "Content-Length: 4", b"oops"),
    check=_asks("get(URL)", "    reply.raise_for_status()"), evidence=("status", "reason"),
)  # fmt: skip
faults.add(
    "http.invalid_json", does="answers with a page where JSON is expected", scheme="http",
    script=answering(
        "HTTP/1.1 200 OK", "Content-Type: text/html", "Content-Length: 13", b"<h1>Sorry</h1>"[:13]
    ),
    check=_asks("get(URL)", "    assert reply.json()"), evidence=("content_type", "body"),
)  # fmt: skip
