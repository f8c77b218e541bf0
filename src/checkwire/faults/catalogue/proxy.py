"""``proxy.*``: a proxy that opens no tunnel. Its address is for ``proxy=``."""

from __future__ import annotations

from checkwire.faults.fault import Family
from checkwire.faults.peer import Peer, answering

faults = Family()

_THROUGH = """
async with connect("ws://feed.fault.test/", proxy=URL, timeouts={"proxy": "1s", "tcp": "1s"}):
    pass
"""

faults.add(
    "proxy.unreachable", does="nothing listens where the proxy should be",
    listening="refuse", scheme="http", check=_THROUGH, evidence=("cause", "errno"),
)  # fmt: skip
faults.add(
    "proxy.auth_required", does="wants credentials (407)",
    script=answering(
        "HTTP/1.1 407 Proxy Authentication Required", 'Proxy-Authenticate: Basic realm="fault"',
        "Content-Length: 0",
    ),
    scheme="http", check=_THROUGH, evidence=("status", "headers"),
)  # fmt: skip
faults.add(
    "proxy.refused", does="does not reach the target (502)",
    script=answering("HTTP/1.1 502 Bad Gateway", "Server: fault", "Content-Length: 0"),
    scheme="http", check=_THROUGH, evidence=("status", "headers"),
)  # fmt: skip


@faults.served(
    "proxy.refused", "socks", does="does not reach the target (SOCKS5 reply 5)",
    scheme="socks5h", check=_THROUGH, evidence=("socks_reply",),
)  # fmt: skip
def socks_refuses(peer: Peer) -> None:
    peer.read(2 + 1)
    peer.send(b"\5\0")
    peer.read(4)
    peer.send(b"\5\5\0\1" + bytes(6))


@faults.served(
    "proxy.timeout", does="takes the request, and does not answer", waits=1,
    scheme="http", check=_THROUGH,
)  # fmt: skip
def silent(peer: Peer) -> None:
    peer.stay()


faults.add(
    "proxy.protocol", does="is no proxy: a mail server answers",
    script=answering(b"500 5.5.1 Command unrecognized\r\n"),
    scheme="http", check=_THROUGH, evidence=("first_bytes",),
)  # fmt: skip
