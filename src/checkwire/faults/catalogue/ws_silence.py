"""Silence: a server that does not answer pings, does not read, or has nothing to say."""

from __future__ import annotations

from checkwire.faults import frames
from checkwire.faults.fault import Family
from checkwire.faults.peer import Peer, upgraded

faults = Family()

_RECEIVE = """
async with connect(URL, timeouts={"close": "500ms"}) as ws:
    await ws.receive(within="1s")
"""


@faults.served(
    "ws.no_pong", does="does not read, and so answers no ping", waits=1,
    evidence=("waited_ms",),
    check="""
async with connect(URL, timeouts={"pong": "1s", "close": "500ms"}) as ws:
    await ws.ping()
""",
)  # fmt: skip
def frozen(peer: Peer) -> None:
    peer.handshake()
    peer.stay()


@faults.served(
    "ws.send_blocked", does="stops reading", waits=1, evidence=("waited_ms", "unsent_bytes"),
    check="""
async with connect(URL, timeouts={"send": "1s", "close": "500ms"}) as ws:
    for _ in range(64):
        await ws.send(bytes(1_000_000))
""",
)  # fmt: skip
def deaf(peer: Peer) -> None:
    peer.handshake()
    peer.stay()


@faults.served(
    "ws.slow_consumer", does="sends more than the check takes", waits=1, evidence=("waited_ms",),
    check="""
async with connect(URL, max_queue=4, timeouts={"pong": "1s", "close": "500ms"}) as ws:
    await ws.receive(within="1s")
    await ws.ping()
""",
)  # fmt: skip
def flood(peer: Peer) -> None:
    peer.handshake()
    while True:
        peer.send(frames.frame(frames.BINARY, bytes(60_000)))


def _answers_pings(peer: Peer) -> None:
    peer.echo()


faults.add(
    "timeout.first_message", does="says nothing, and answers pings", waits=1,
    script=upgraded(_answers_pings), check=_RECEIVE, evidence=("messages_in", "waited_ms", "ping"),
)  # fmt: skip


@faults.served(
    "timeout.message", does="says one thing, and then nothing", waits=1,
    check=_RECEIVE + '    await ws.receive(within="1s")\n',
    evidence=("messages_in", "waited_ms", "ping"),
)  # fmt: skip
def one_message(peer: Peer) -> None:
    peer.handshake(then=frames.text("hello"))
    peer.echo()


@faults.served(
    "ws.no_pong", "receive", does="accepts, and then does nothing any more", waits=1,
    check=_RECEIVE, evidence=("waited_ms", "acknowledged"),
)  # fmt: skip
def hangs(peer: Peer) -> None:
    peer.handshake()
    peer.stay()


@faults.served(
    "timeout.message", "partial", does="begins a message, and does nothing any more", waits=1,
    check=_RECEIVE + '    await ws.receive(within="1s")\n', evidence=("partial_bytes",),
)  # fmt: skip
def partial(peer: Peer) -> None:
    peer.handshake(then=frames.text("hello") + frames.text("the first half of this")[:10])
    peer.stay()


@faults.served(
    "timeout.close", does="does not close, as it should", waits=1,
    check="""
async with connect(URL) as ws:
    await ws.receive_close(1000, within="1s")
""",
)  # fmt: skip
def stays(peer: Peer) -> None:
    peer.handshake()
    peer.echo()


@faults.served(
    "timeout.check", does="sends something all the time, and never what is waited for", waits=2,
    timeout="2s",
    check="""
async with connect(URL) as ws:
    await ws.receive_json(where={"type": "trade"}, within="60s")
""",
)  # fmt: skip
def chatter(peer: Peer) -> None:
    peer.handshake()
    while not peer.over.wait(0.02):
        peer.send(frames.text('{"type": "heartbeat"}'))


faults.made_by_check(
    "ws.peer_lost", does="awaits a message of a server whose address is taken away",
    needs="namespace", waits=2, timeout="8s", evidence=("acknowledged", "ping"),
    check="""
import subprocess

from websockets.asyncio.server import serve

from checkwire import check, connect

PEER = "10.77.0.1"


def address(what):
    subprocess.run(["ip", "address", what, f"{PEER}/24", "dev", "here"], check=True)


async def stay(peer):
    await peer.wait_closed()


@check(timeout="8s")
async def a_machine_that_is_gone():
    async with serve(stay, PEER, 0, close_timeout=0.1) as server:
        place = f"{PEER}:{server.sockets[0].getsockname()[1]}"
        async with connect(f"ws://{place}/", timeouts={"close": "200ms"}) as ws:
            address("delete")
            try:
                await ws.receive(within="2s")
            finally:
                address("add")
""",
)  # fmt: skip
