"""What can be said of a peer that does not answer: its kernel may still be there."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from checkwire.model.failures import Failure
from checkwire.wire.kernel.tcp_info import TcpInfo, read_tcp_info
from checkwire.wire.pipe import Pipe
from checkwire.wire.session.pings import Ping

__all__ = ["NO_WAY", "Signs", "bytes_taken", "diagnose_blocked", "diagnose_no_pong", "signs_of"]


NO_WAY = (
    "This machine has no way to it any more; see its routes, interfaces and VPN: "
    "ip route get ADDRESS"
)
"""What to look at if nothing can leave this machine."""
_LONG = 1.0
"""Seconds, twice as long as an acknowledgement may be held back (RFC 9293 section 3.8.6.3)."""


class Signs(NamedTuple):
    """What this machine's kernel knows of the way of a ping that was not answered.

    Attributes:
        info: all it knows; ``None`` where it says nothing.
        left: whether the ping has left this machine.
        acked: whether the peer's kernel has acknowledged it.
        lost: whether that has acknowledged nothing at all, though it must have.
        stuck: whether our own kernel cannot send, though the peer's would take it.
        came: bytes that came since.
    """

    info: TcpInfo | None
    left: bool
    acked: bool
    lost: bool
    stuck: bool
    came: int

    def evidence(self) -> dict[str, Any]:
        """The same as evidence."""
        info = self.info
        return {} if info is None else {"acknowledged": self.acked, **_tcp_facts(info)}


def signs_of(pipe: Pipe, ping: Ping, waited: float) -> Signs:
    """What became of a ping, ``waited`` seconds after it was sent."""
    info = read_tcp_info(pipe.socket)
    if info is None:
        return Signs(None, ping.end <= pipe.written, False, False, False, 0)
    left = ping.end <= pipe.written - info.unsent
    acked = info.acked >= ping.end
    came = info.received - ping.before.received if ping.before else 0
    lost = not acked and _is_lost(info, ping.before, waited)
    return Signs(info, left, acked, lost, lost and _is_stuck(info), came)


def _is_lost(info: TcpInfo, before: TcpInfo | None, waited: float) -> bool:
    """Whether the peer's kernel has acknowledged nothing, for nearly as long as was waited.

    It takes a segment that was sent again in vain, as an acknowledgement may be held back for a
    while; or a long while, where the path was slow at some time and our kernel waits for long
    before it sends again. A kernel whose process does not read has a full window, and goes on to
    acknowledge: each time that it is asked whether that is still so.
    """
    sent_again = info.timeouts > 0 or (before is not None and info.retransmits > before.retransmits)
    late = info.last_ack_ns > _LONG * 1e9 + 2 * (info.min_rtt_ns or 0) and waited > _LONG
    if not _is_stuck(info) and (not info.unacked or not (sent_again or late)):
        return False
    # What was under way when the waiting began may have been acknowledged a round trip later.
    silent = max(0.5 * waited, 0.9 * waited - 2 * info.rtt_ns / 1e9)
    return info.last_ack_ns >= silent * 1e9


def _is_stuck(info: TcpInfo) -> bool:
    """Whether our kernel keeps what it could send: nothing is under way, and there is room for it.

    It has no way to the peer any more: a route or an address of this machine is gone. Then it
    does not count what it tries in vain as sent.
    """
    if info.unacked or info.window is None:
        return False
    return info.unsent > 0 and min(info.unsent, info.segment) <= info.window


def _tcp_facts(info: TcpInfo) -> dict[str, Any]:
    return {
        "unacknowledged_segments": info.unacked,
        "retransmits": info.retransmits,
        "last_ack_ms": info.last_ack_ns // 1_000_000,
    }


def bytes_taken(pipe: Pipe) -> int:
    """How many bytes the peer has taken: its kernel has acknowledged them, or ours sent them."""
    info = read_tcp_info(pipe.socket)
    return pipe.written if info is None else info.acked


def diagnose_no_pong(pipe: Pipe, place: str, waited: float, ping: Ping, untaken: int) -> Failure:
    """A ping was not answered: by the peer's process, or not even by its kernel.

    Args:
        waited: seconds.
        ping: the one.
        untaken: messages that came and wait for the check.
    """
    signs = signs_of(pipe, ping, waited)
    evidence = {"waited_ms": round(waited * 1e3), **signs.evidence()}
    if signs.lost:
        message = f"{place} has not acknowledged a ping for {waited:.3g} s"
        if signs.stuck:
            message += "; it cannot leave this machine"
        return _lost(message, evidence, stuck=signs.stuck)
    if pipe.paused:
        what = f"No pong of {place} could be read within {waited:.3g} s"
        return _slow_consumer(what, untaken, evidence)
    if not signs.left:
        return _not_left(pipe, place, waited, bytes_taken(pipe) - ping.taken)
    message = f"{place} did not answer a ping within {waited:.3g} s"
    if signs.acked:
        message += ", though its kernel acknowledged it"
    return Failure(code="ws.no_pong", message=message, phase="open", evidence=evidence)


def _not_left(pipe: Pipe, place: str, waited: float, taken: int) -> Failure:
    """A ping is still behind what was sent before it."""
    blocked = diagnose_blocked(pipe, place, waited, 0, None)
    if not taken:
        return blocked
    message = f"{place} has read only {taken:,} bytes within {waited:.3g} s; a ping has not left "
    message += f"yet, behind {blocked.evidence['unsent_bytes']:,} bytes that wait to be sent"
    return msgspec.structs.replace(
        blocked,
        message=message,
        hint="If the server only reads slowly, give the ping more time, or send less before it",
    )


def diagnose_blocked(
    pipe: Pipe, place: str, waited: float, untaken: int, before: TcpInfo | None
) -> Failure:
    """The peer takes nothing of what is sent. It may be waiting for us to take what it sends.

    Args:
        waited: seconds.
        untaken: messages that came and wait for the check.
        before: what the kernel knew when the waiting began.
    """
    info = read_tcp_info(pipe.socket)
    evidence: dict[str, Any] = {"waited_ms": round(waited * 1e3), "unsent_bytes": pipe.unwritten}
    if info is not None:
        evidence["unsent_bytes"] += info.unsent
        evidence |= _tcp_facts(info)
        if before is not None and _is_lost(info, before, waited):
            message = f"{place} has acknowledged nothing for {waited:.3g} s"
            message += f"; {evidence['unsent_bytes']:,} bytes wait to be sent"
            return _lost(message, evidence, stuck=_is_stuck(info))
    message = f"{place} has read nothing for {waited:.3g} s"
    if pipe.paused:
        return _slow_consumer(message, untaken, evidence)
    message += f"; {evidence['unsent_bytes']:,} bytes wait to be sent"
    return Failure(code="ws.send_blocked", message=message, phase="open", evidence=evidence)


def _lost(message: str, evidence: dict[str, Any], *, stuck: bool) -> Failure:
    hint = NO_WAY if stuck else ""
    return Failure(code="ws.peer_lost", message=message, hint=hint, phase="open", evidence=evidence)


def _slow_consumer(what: str, untaken: int, evidence: dict[str, Any]) -> Failure:
    evidence["messages_not_taken"] = untaken
    message = f"{what}: {untaken:,} messages wait for the check to take them"
    return Failure(code="ws.slow_consumer", message=message, phase="open", evidence=evidence)
