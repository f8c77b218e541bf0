"""How far the arrival times that a client tells are from the truth.

The truth is the transmit stamp of the sending kernel. An error therefore also holds the packet's
time on the loopback device; the row of the bare socket shows how much that is.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from typing import Any, NamedTuple

from harness.peers import PEERS, PeerKind, serving, started
from harness.table import median, number, percentile, table

__all__ = ["fidelity"]

_SECONDS = 4
_PROBES = 4
_BUSY = 50


_BARE = PeerKind("bare recvmsg", (sys.executable, "peers/bare_recvmsg.py", "{ca}"))


class _Case(NamedTuple):
    name: str
    block: float
    busy: bool


_CASES = (
    _Case("idle", 0.0, False),
    _Case("loop blocked", 0.005, False),
    _Case(f"{_BUSY} busy wss", 0.0, True),
)


def fidelity(files: tuple[str, str], rounds: int) -> str:
    """Run the suite; returns its tables."""
    errors: defaultdict[tuple[str, str], list[list[float]]] = defaultdict(list)
    marked: defaultdict[tuple[str, str], int] = defaultdict(int)
    with serving("stamped.py", files) as server, started((*PEERS, _BARE), files) as peers:
        for _ in range(rounds):
            for case in _CASES:
                for peer in peers:
                    probes = [_url(server.urls["ws"], i, 0.01) for i in range(_PROBES)]
                    load = [
                        _url(server.urls["wss"], 100 + i, 0.05)
                        for i in range(_BUSY if case.busy else 0)
                    ]
                    told = peer.do("stamps", probes=probes, load=load, block=case.block)
                    records = server.collect()
                    truth = {(number_, seq): left_ns for number_, seq, left_ns in records}
                    for group, name in (("probes", case.name), ("load", f"{case.name} (theirs)")):
                        if told[group]:
                            found, coalesced = _errors(told[group], truth)
                            errors[peer.name, name].append(found)
                            marked[peer.name, name] += coalesced
        versions = {peer.name: peer.version for peer in peers}
    heads = list(dict.fromkeys(name for _, name in errors))
    rows, marks = [], []
    for name, version in versions.items():
        cells = []
        for head in heads:
            p50, p99 = (
                median([percentile(found, share) for found in errors[name, head]])
                for share in (0.5, 0.99)
            )
            cells.append(f"{number(p50)} / {number(p99)}")
            if name == "checkwire":
                total = sum(map(len, errors[name, head])) + marked[name, head]
                marks.append(f"{marked[name, head]} of {total:,} ({head})")
        rows.append([f"{name} {version}", *cells])
    return "\n\n".join(
        [
            f"Error of the arrival time, µs, p50 / p99; median of {rounds} rounds of {_SECONDS} s."
            f" {_PROBES} ws connections get 100 messages a second each, at random; the busy ones,"
            f" 20 a second of 1 KiB, and answer each.",
            table(["client", *heads], rows),
            f"Marked as coalesced by checkwire, hence not counted: {', '.join(marks)}.",
        ]
    )


def _url(server: str, number: int, mean: float) -> str:
    return f"{server}/?id={number}&mean={mean}&for={_SECONDS}&size=1024"


def _errors(told: list[list[Any]], truth: dict[tuple[int, int], int]) -> tuple[list[float], int]:
    """The errors in µs of messages that arrived alone, and how many are marked coalesced."""
    found: list[float] = []
    coalesced = 0
    for text, at_ns, is_coalesced in told:
        head = json.loads(text.partition(',"pad')[0] + "}")
        true_ns = truth.get((head["id"], head["seq"]))
        if is_coalesced:
            coalesced += 1
        elif true_ns is not None:
            found.append(abs(at_ns - true_ns) / 1e3)
    return found, coalesced
