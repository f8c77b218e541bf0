"""``stream.*``: feeds that skip, repeat, stall, or come too late."""

from __future__ import annotations

import time
from collections.abc import Iterable

from checkwire.faults import frames
from checkwire.faults.fault import Family
from checkwire.faults.peer import Peer, Script

faults = Family()


def _watches(rules: str) -> str:
    return f"""
async with connect(URL) as ws:
    await ws.expect_stream("1s", {rules})
"""


def _numbers(numbers: Iterable[int]) -> Script:
    def script(peer: Peer) -> None:
        peer.handshake()
        for number in numbers:
            peer.send(frames.text(f'{{"seq": {number}}}'))
        peer.echo()

    return script


_SEQUENCE = _watches('sequence="seq"')
_PLACE = ("last", "number", "frame")

faults.add(
    "stream.gap", does="leaves out numbers 4 and 5", waits=1, script=_numbers((1, 2, 3, 6, 7)),
    check=_SEQUENCE, evidence=(*_PLACE, "missing", "gaps"),
)  # fmt: skip
faults.add(
    "stream.duplicate", does="sends number 2 twice", waits=1, script=_numbers((1, 2, 2, 3)),
    check=_SEQUENCE, evidence=_PLACE,
)  # fmt: skip
faults.add(
    "stream.out_of_order", does="sends number 3 before number 2", waits=1,
    script=_numbers((1, 3, 2, 4)),
    check=_SEQUENCE, evidence=_PLACE,
)  # fmt: skip
faults.add(
    "stream.stale", does="sends three messages, and then nothing", waits=1,
    script=_numbers((1, 2, 3)),
    check=_watches('max_silence="500ms"'), evidence=("silence_ms", "limit_ms", "after_frame"),
)  # fmt: skip
faults.add(
    "stream.rate_low", does="sends three messages in a second", waits=1, script=_numbers((1, 2, 3)),
    check=_watches("min_rate=10"), evidence=("messages", "seconds", "limit"),
)  # fmt: skip
faults.add(
    "stream.rate_high", does="sends a thousand messages at once", waits=1,
    script=_numbers(range(1_000)),
    check=_watches("max_rate=100"), evidence=("messages", "seconds", "limit"),
)  # fmt: skip


@faults.served(
    "stream.lagging", does="sends what was made five seconds ago", waits=1,
    check=_watches('timestamp="made", max_lag="1s"'), evidence=("lag_ms", "limit_ms", "frame"),
)  # fmt: skip
def late(peer: Peer) -> None:
    peer.handshake()
    peer.send(frames.text(f'{{"made": {time.time() - 5:.3f}}}'))
    peer.echo()
