"""``upgrade.*``: answers to the upgrade that are no, or wrong, WebSocket handshakes."""

from __future__ import annotations

from checkwire.faults.authority import Authority
from checkwire.faults.fault import Family
from checkwire.faults.peer import Peer, answering, upgraded

faults = Family()

_OPEN = """
async with connect(URL, timeouts={"upgrade": "1s"}):
    pass
"""
_OFFER = """
async with connect(URL, subprotocols=["v2.feed"]):
    pass
"""


def _reads(peer: Peer) -> None:
    peer.read_to_end()


_PAGE = b"<!doctype html><title>Feed</title><div id=root></div>"

faults.add(
    "upgrade.not_upgraded", does="answers 200 with a page",
    script=answering(
        "HTTP/1.1 200 OK", "Content-Type: text/html", f"Content-Length: {len(_PAGE)}", _PAGE
    ),
    check=_OPEN, evidence=("status", "headers", "body"),
)  # fmt: skip


@faults.served(
    "upgrade.not_upgraded", "stripped", does="answers 200 at this path, and 404 at others",
    check=_OPEN, evidence=("status", "cause"),
)  # fmt: skip
def stripped(peer: Peer) -> None:
    status = "200 OK" if peer.read_head().startswith("GET / ") else "404 Not Found"
    head = f"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\n"
    peer.send(head.encode(), b"feed")
    peer.read_to_end()


faults.add(
    "upgrade.redirect", does="sends the client elsewhere (301)",
    script=answering(
        "HTTP/1.1 301 Moved Permanently", "Location: https://feed.fault.test/",
        "Content-Length: 0",
    ),
    check=_OPEN, evidence=("status", "headers"),
)  # fmt: skip
faults.add(
    "upgrade.bad_accept", does="accepts with a wrong Sec-WebSocket-Accept",
    script=answering(
        "HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
        "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    ),
    check=_OPEN, evidence=("status", "headers"),
)  # fmt: skip


@faults.served(
    "upgrade.bad_headers", does="accepts without the header Upgrade",
    check=_OPEN, evidence=("status", "headers"),
)  # fmt: skip
def no_upgrade(peer: Peer) -> None:
    peer.read_head()
    peer.send(peer.acceptance().replace(b"Upgrade: websocket\r\n", b""))
    peer.read_to_end()


@faults.served(
    "upgrade.bad_headers", "broken_line", does="accepts with a line that is no header",
    check=_OPEN, evidence=("first_bytes",),
)  # fmt: skip
def broken_line(peer: Peer) -> None:
    peer.read_head()
    peer.send(peer.acceptance("this is no header"))
    peer.read_to_end()


@faults.served(
    "upgrade.subprotocol", does="chooses a subprotocol that was not offered",
    check=_OFFER, evidence=("status", "headers"),
)  # fmt: skip
def other_subprotocol(peer: Peer) -> None:
    peer.handshake("Sec-WebSocket-Protocol: v1.feed")
    peer.read_to_end()


faults.add(
    "upgrade.subprotocol_missing", does="agrees on no subprotocol of those offered",
    script=upgraded(_reads), check=_OFFER, evidence=("status", "headers"),
)  # fmt: skip
faults.add(
    "upgrade.session_lost", does="does not know the session, as an Engine.IO server behind a "
    "balancer that forgets",
    script=answering(
        "HTTP/1.1 400 Bad Request", "Content-Type: application/json", "Content-Length: 41",
        b'{"code":1,"message":"Session ID unknown"}',
    ),
    check=_OPEN, evidence=("status", "headers", "body"),
)  # fmt: skip


@faults.served(
    "upgrade.http2", does="speaks HTTP/2 only", check=_OPEN, evidence=("first_bytes",),
)  # fmt: skip
def http2(peer: Peer) -> None:
    peer.read_head()
    peer.send(bytes.fromhex("00000604000000000000030000006400000408000000000000010000"))
    peer.read_to_end()


@faults.served(
    "upgrade.extension", does="uses an extension that was not offered",
    check=_OPEN, evidence=("status", "headers"),
)  # fmt: skip
def extension(peer: Peer) -> None:
    peer.handshake("Sec-WebSocket-Extensions: x-fault")
    peer.read_to_end()


@faults.served(
    "upgrade.not_http", does="greets as an SSH server does",
    check=_OPEN, evidence=("first_bytes", "bytes_received"),
)  # fmt: skip
def ssh(peer: Peer) -> None:
    peer.send(b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n")
    peer.read_to_end()


faults.add(
    "upgrade.tls_expected", does="speaks TLS, and is asked without",
    tls=Authority.server, script=Peer.read_to_end, scheme="ws", check=_OPEN,
)  # fmt: skip


@faults.served(
    "upgrade.headers_too_large", does="sends headers without end",
    check=_OPEN, evidence=("bytes_received",),
)  # fmt: skip
def endless_headers(peer: Peer) -> None:
    peer.read_head()
    peer.send(b"HTTP/1.1 101 Switching Protocols\r\n")
    for number in range(2_000):
        peer.send(f"X-{number}: {'x' * 1_000}\r\n".encode())
    peer.read_to_end()


@faults.served(
    "upgrade.timeout", does="reads the request, and does not answer", waits=1,
    check=_OPEN, evidence=("bytes_received",),
)  # fmt: skip
def silent(peer: Peer) -> None:
    peer.read_head()
    peer.stay()


@faults.served(
    "upgrade.timeout", "trickle", does="answers byte by byte, without end", waits=1,
    check=_OPEN, evidence=("bytes_received", "first_bytes"),
)  # fmt: skip
def trickle(peer: Peer) -> None:
    peer.read_head()
    peer.send(b"HTTP/1.1 101 Switching Protocols\r\nX-Slow: ")
    while not peer.over.wait(0.05):
        peer.send(b"x")


@faults.served(
    "upgrade.closed", does="reads the request, and ends the connection",
    check=_OPEN, evidence=("bytes_received",),
)  # fmt: skip
def closed(peer: Peer) -> None:
    peer.read_head()
    peer.fin()
    peer.read_to_end()
