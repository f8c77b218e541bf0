"""``ws.*``: connections that end, or hold something else than frames."""

from __future__ import annotations

from checkwire.faults import frames
from checkwire.faults.fault import Family
from checkwire.faults.peer import Peer

faults = Family()

_SECOND = """
async with connect(URL) as ws:
    await ws.receive(within="1s")
    await ws.receive(within="1s")
"""
_HELLO = frames.text("hello")
_PAGE = (
    b"HTTP/1.1 504 Gateway Time-out\r\nServer: fault\r\nContent-Length: 4\r\n"
    b"Connection: close\r\n\r\n504\n"
)


@faults.served(
    "ws.closed", does="closes with 1011 (internal error)", check=_SECOND,
    evidence=("code", "reason"),
)  # fmt: skip
def internal_error(peer: Peer) -> None:
    peer.handshake(then=_HELLO)
    peer.say_goodbye(1011, "database is down")


@faults.served(
    "ws.closed", "policy", does="closes with 1008 (policy violation)", check=_SECOND,
    evidence=("code", "reason"),
)  # fmt: skip
def policy(peer: Peer) -> None:
    peer.handshake(then=_HELLO)
    peer.say_goodbye(1008, "not subscribed")


@faults.served(
    "ws.closed_abnormally", does="ends TCP without a Close frame", check=_SECOND,
    evidence=("ended", "code", "idle_ms", "lifetime_ms"),
)  # fmt: skip
def ended(peer: Peer) -> None:
    peer.handshake(then=_HELLO)
    peer.fin()
    peer.read_to_end()


@faults.served(
    "ws.closed_abnormally", "reset", does="resets the connection when a message comes",
    evidence=("ended", "errno"),
    check="""
async with connect(URL) as ws:
    await ws.send("hello")
    await ws.receive(within="1s")
""",
)  # fmt: skip
def reset(peer: Peer) -> None:
    peer.handshake()
    peer.read_frame()
    peer.reset()


@faults.served(
    "ws.closed_abnormally", "truncated", does="ends TCP in the middle of a frame", check=_SECOND,
    evidence=("ended", "partial_bytes"),
)  # fmt: skip
def truncated(peer: Peer) -> None:
    peer.handshake(then=_HELLO + frames.text("half of this")[:8])
    peer.fin()
    peer.read_to_end()


@faults.served(
    "ws.not_websocket", does="writes an HTTP error page into the stream, as proxies do",
    check=_SECOND, evidence=("first_bytes",),
)  # fmt: skip
def page(peer: Peer) -> None:
    peer.handshake(then=_HELLO + _PAGE)
    peer.fin()
    peer.read_to_end()


@faults.served(
    "ws.close_timeout", does="does not answer a Close frame", waits=1, severity="warning",
    check="""
async with connect(URL, timeouts={"close": "1s"}) as ws:
    assert await ws.receive(within="1s") == "hello"
""",
)  # fmt: skip
def no_farewell(peer: Peer) -> None:
    peer.handshake(then=_HELLO)
    peer.stay()
