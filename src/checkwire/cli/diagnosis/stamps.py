"""Whether the kernel tells when packets came and left: tried, over loopback."""

from __future__ import annotations

import select
import socket
import time

from checkwire.cli.diagnosis.finding import Finding
from checkwire.wire.kernel import stamps

__all__ = ["stamp_findings"]

_RECEIVE, _TRANSMIT = "receive stamps", "transmit stamps"
_PATIENCE = 1.0
"""Seconds for a packet, or its stamp, to come; over loopback it takes microseconds."""
_ROUNDS = 20
_INSTEAD = "Times are taken in the process instead, and results say clock: user"


def stamp_findings() -> list[Finding]:
    """Receive and transmit stamps of a real connection."""
    if not stamps.SUPPORTED:
        none = "this system has none; only Linux does"
        return [
            Finding(_RECEIVE, "note", none, _INSTEAD),
            Finding(_TRANSMIT, "note", none, "Round trips are not split into network and server"),
        ]
    try:
        received, sent, acked = _try()
    except OSError as error:
        why = f"cannot tell: no connection over loopback: {error.strerror or error}"
        return [Finding(_RECEIVE, "unknown", why), Finding(_TRANSMIT, "unknown", why)]
    advice = "Containers and sandboxes with a kernel of their own (gVisor) may lack SO_TIMESTAMPING"
    found = [
        Finding(_RECEIVE, "good", "by the kernel: a packet over loopback had one")
        if received
        else Finding(_RECEIVE, "note", "the kernel gives none", f"{_INSTEAD}. {advice}")
    ]
    if sent and acked:
        found.append(
            Finding(_TRANSMIT, "good", "by the kernel, of departures and acknowledgements")
        )
    else:
        what = "of departures only" if sent else "the kernel gives none"
        found.append(
            Finding(
                _TRANSMIT,
                "note",
                what,
                f"Round trips are not split into network and server. {advice}",
            )
        )
    return found


def _try() -> tuple[bool, bool, bool]:
    """Whether a stamp came of an arrival, a departure, an acknowledgement.

    The kernel begins to stamp some milliseconds after the first socket wants it, hence the rounds.

    Raises:
        OSError: there is no connection over loopback.
    """
    received = sent = acked = False
    keeping = stamps.keep_stamping()
    try:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(_PATIENCE)
            with socket.socket() as ours:
                ours.settimeout(_PATIENCE)
                wanted = stamps.enable_receive_stamps(ours)
                ours.connect(listener.getsockname())
                theirs, _ = listener.accept()
                with theirs:
                    theirs.settimeout(_PATIENCE)
                    both = stamps.enable_send_stamps(ours)
                    for _ in range(_ROUNDS):
                        if received and sent and acked:
                            break
                        received |= wanted and _receives(ours, theirs)
                        if both:
                            kinds = _sends(ours, theirs)
                            sent, acked = sent or False in kinds, acked or True in kinds
    finally:
        if keeping is not None:
            keeping.close()
    return received, sent, acked


def _receives(ours: socket.socket, theirs: socket.socket) -> bool:
    theirs.sendall(b"x")
    _, ancillary, _, _ = ours.recvmsg(1, stamps.ANCILLARY_SIZE)
    return stamps.receive_stamp(ancillary) != 0


def _sends(ours: socket.socket, theirs: socket.socket) -> set[bool]:
    """The kinds of stamps that came of one byte: of its departure, its acknowledgement (true)."""
    ours.sendmsg([b"x"], stamps.stamp_request(acked=True))
    theirs.recv(1)
    kinds: set[bool] = set()
    poll = select.poll()
    poll.register(ours, 0)  # only what is always told: errors, and so the error queue
    until = time.monotonic() + _PATIENCE / _ROUNDS
    while len(kinds) < 2 and (left := until - time.monotonic()) > 0:
        poll.poll(left * 1000)
        while (stamp := stamps.read_send_stamp(ours)) is not None:
            kinds.add(stamp.acked)
    return kinds
