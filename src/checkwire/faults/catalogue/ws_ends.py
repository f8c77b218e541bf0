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
    "ws.closed", "graphql", does="closes with 4400, as graphql-transport-ws defines it",
    evidence=("code", "family", "reconnect"),
    check=_SECOND.replace("(URL)", '(URL, subprotocols=["graphql-transport-ws"])'),
)  # fmt: skip
def graphql(peer: Peer) -> None:
    peer.handshake("Sec-WebSocket-Protocol: graphql-transport-ws", then=_HELLO)
    peer.say_goodbye(4400, "Invalid message received")


@faults.served(
    "ws.draining", "pusher", does="closes with 4200, as Pusher's protocol defines it",
    evidence=("code", "family", "reconnect"),
    check=_SECOND.replace("(URL)", '(URL + "app/key?protocol=7&client=js")'),
)  # fmt: skip
def pusher(peer: Peer) -> None:
    peer.handshake(then=_HELLO)
    peer.say_goodbye(4200)


@faults.served(
    "ws.draining", does="closes with 1012 (service restart)", check=_SECOND,
    evidence=("code", "reconnect"),
)  # fmt: skip
def restarts(peer: Peer) -> None:
    peer.handshake(then=_HELLO)
    peer.say_goodbye(1012)


@faults.served(
    "ws.auth_expired", does="closes because a token expired", check=_SECOND,
    evidence=("code", "reason"),
)  # fmt: skip
def expired(peer: Peer) -> None:
    peer.handshake(then=_HELLO)
    peer.say_goodbye(1008, "token expired")


@faults.served(
    "ws.evicted", does="throws out a client that reads too slowly", check=_SECOND,
    evidence=("code", "reason", "messages_not_taken"),
)  # fmt: skip
def evicts(peer: Peer) -> None:
    peer.handshake(then=_HELLO)
    peer.say_goodbye(1008, "slow consumer")


@faults.served(
    "ws.idle_timeout", does="ends TCP after 55 s of silence, as Heroku does", waits=55,
    timeout="70s", evidence=("timer", "timer_s", "ping_every_s", "idle_ms"),
    check="""
async with connect(URL) as ws:
    await ws.receive(within="60s")
""",
)  # fmt: skip
def idle(peer: Peer) -> None:
    peer.handshake()
    peer.over.wait(55.0)


@faults.served(
    "ws.lifetime_limit", does="ends TCP after 30 s, as Google's load balancers do", waits=30,
    timeout="45s", evidence=("timer", "timer_s", "lifetime_ms"),
    check="""
async with connect(URL) as ws:
    async for message in ws:
        assert message == "hello"
""",
)  # fmt: skip
def lives_short(peer: Peer) -> None:
    peer.handshake()
    for _ in range(30):
        peer.send(_HELLO)
        peer.over.wait(1.0)


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
    "ws.not_websocket", "inside", does="writes the page into the middle of a frame",
    check=_SECOND, evidence=("first_bytes", "status"),
)  # fmt: skip
def page_inside(peer: Peer) -> None:
    peer.handshake(then=_HELLO + frames.text("x" * 4000)[:20] + _PAGE)
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
