"""``tcp.*``: no TCP connection comes about."""

from __future__ import annotations

from checkwire.faults.fault import Family
from checkwire.faults.peer import Peer, upgraded

faults = Family()

_OPEN = """
async with connect(URL):
    pass
"""
_OPEN_SOON = """
async with connect(URL, timeouts={"tcp": "1s"}):
    pass
"""

faults.add(
    "tcp.refused", does="nothing listens: the kernel answers with RST",
    listening="refuse", check=_OPEN, evidence=("errno", "tries"),
)  # fmt: skip
faults.add(
    "tcp.queue_full", does="accepts nothing, and its queue is full: SYNs are dropped", waits=1,
    listening="full", check=_OPEN_SOON, evidence=("tries", "waiting"),
)  # fmt: skip


@faults.served("tcp.reset", does="resets each connection at once", check=_OPEN, evidence=("errno",))
def reset(peer: Peer) -> None:
    peer.reset()


@faults.served(
    "tcp.reset", "request", does="resets each connection that asks something", check=_OPEN,
    evidence=("errno",),
)  # fmt: skip
def reset_at_request(peer: Peer) -> None:
    peer.read_head()
    peer.reset()


faults.made_by_check(
    "tcp.timeout", does="connects to an address whose machine says nothing", waits=1,
    needs="namespace", evidence=("tries",),
    check=_OPEN_SOON.replace("URL", '"ws://10.77.0.2/"'),
)  # fmt: skip
faults.made_by_check(
    "tcp.prohibited", does="connects to an address that this machine's rules forbid",
    needs="namespace", evidence=("errno", "tries"),
    check=_OPEN_SOON.replace("URL", '"ws://10.78.0.2/"'),
)  # fmt: skip
faults.add(
    "tcp.family_broken", does="is dead on ::1, and well on 127.0.0.1",
    listening="one_family", script=upgraded(Peer.echo), severity="warning", evidence=("tries",),
    needs="namespace",
    check="""
async with connect(URL, timeouts={"tcp": "2s"}) as ws:
    await ws.send("hello")
    assert await ws.receive() == "hello"
""",
)  # fmt: skip
faults.made_by_check(
    "tcp.unreachable", does="connects to an address to which there is no route", waits=0,
    needs="namespace", evidence=("errno", "tries"),
    check="""
async with connect("ws://192.0.2.1/", timeouts={"tcp": "2s"}):
    pass
""",
)  # fmt: skip
faults.made_by_check(
    "tcp.local_address", does="connects from an address that this machine does not have",
    evidence=("errno", "tries"),
    check="""
async with connect("ws://127.0.0.1:9/", local_address="192.0.2.1"):
    pass
""",
)  # fmt: skip
faults.made_by_check(
    "tcp.failed", does="connects to a link-local address, and does not say over which link",
    evidence=("errno", "tries"),
    check="""
from checkwire import check, connect


@check(timeout="5s")
async def no_link():
    async with connect("ws://[fe80::1]:9/"):
        pass
""",
)  # fmt: skip
