"""``dns.*``: a DNS server that answers every question in one wrong way, or in none.

The resolver of the machine asks port 53 of what ``/etc/resolv.conf`` names: to have this one
asked, a check runs in a network namespace with a file of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from checkwire.faults.fault import Family
from checkwire.faults.peer import Peer

faults = Family()

_HEADER = 12
"""Bytes of a message before its question."""
_NO_ERROR, _SERVER_FAILURE, _NO_SUCH_NAME = 0, 2, 3
_ASK = """
async with connect("ws://feed.fault.test/", timeouts={"dns": "4s"}):
    pass
"""


def _queries(peer: Peer) -> Iterator[tuple[bytes, Any]]:
    """Each query that comes, and from where, until the server ends."""
    while not peer.over.is_set():
        query, address = peer.sock.recvfrom(4096)
        if len(query) > _HEADER and b"\0" in query[_HEADER:]:
            yield query, address


def _answer_all(peer: Peer, rcode: int) -> None:
    """Answer each query with its own question, no records, and this code (RFC 1035 4.1.1)."""
    for query, address in _queries(peer):
        flags = (0x8180 | rcode).to_bytes(2)
        counts = query[4:6] + bytes(6)
        end = query.index(b"\0", _HEADER) + 5
        peer.sock.sendto(query[:2] + flags + counts + query[_HEADER:end], address)


@faults.served(
    "dns.not_found", does="answers that there is no such name (NXDOMAIN)",
    listening="udp", scheme="dns", check=_ASK, needs="namespace", evidence=("host", "error"),
)  # fmt: skip
def not_found(peer: Peer) -> None:
    _answer_all(peer, _NO_SUCH_NAME)


@faults.served(
    "dns.no_address", does="answers that the name has no address (NODATA)",
    listening="udp", scheme="dns", check=_ASK, needs="namespace", evidence=("host", "error"),
)  # fmt: skip
def no_address(peer: Peer) -> None:
    _answer_all(peer, _NO_ERROR)


@faults.served(
    "dns.temporary", does="answers that it failed (SERVFAIL)",
    listening="udp", scheme="dns", check=_ASK, needs="namespace", evidence=("host", "error"),
)  # fmt: skip
def temporary(peer: Peer) -> None:
    _answer_all(peer, _SERVER_FAILURE)


@faults.served(
    "dns.timeout", does="reads queries, and answers none", waits=1,
    listening="udp", scheme="dns", check=_ASK.replace("4s", "1s"), needs="namespace",
    evidence=("host",),
)  # fmt: skip
def timeout(peer: Peer) -> None:
    for _ in _queries(peer):
        pass


faults.made_by_check(
    "dns.failed", does="looks a name up when the process may have no more threads",
    evidence=("host", "error"),
    check="""
import resource
from pathlib import Path

from checkwire import check, connect

PAGE = resource.getpagesize()
ROOM = 4 << 20  # less than the stack of a thread


@check(timeout="5s")
async def no_threads_left():
    used = int(Path("/proc/self/statm").read_text().split()[0]) * PAGE
    resource.setrlimit(resource.RLIMIT_AS, (used + ROOM, used + ROOM))
    async with connect("ws://feed.fault.test/"):
        pass
""",
)  # fmt: skip
