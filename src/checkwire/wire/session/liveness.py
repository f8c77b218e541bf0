"""What can be said of a peer that stays silent: its kernel may still be there."""

from __future__ import annotations

import socket
from typing import Any

import msgspec

from checkwire.model.failures import Failure
from checkwire.wire.kernel.tcp_info import read_tcp_info
from checkwire.wire.pipe import Pipe

__all__ = ["bytes_taken", "diagnose_blocked", "diagnose_no_pong", "diagnose_silence"]


def diagnose_silence(
    sock: socket.socket,
    place: str,
    waited: float,
    *,
    messages: int,
    open_ns: int,
    quiet_ns: int,
    partial: int,
) -> Failure:
    """No message came.

    Args:
        waited: seconds.
        messages: how many came before.
        open_ns: since the connection opened.
        quiet_ns: since the last frame.
        partial: bytes of a frame that is not complete.
    """
    evidence: dict[str, Any] = {"messages": messages, "waited_ms": round(waited * 1e3)}
    info = read_tcp_info(sock)
    if info is not None:
        evidence["unacknowledged_segments"] = info.unacked
        evidence["retransmits"] = info.retransmits
    if messages:
        code = "timeout.message"
        message = f"No further message came from {place} within {waited:.3g} s"
        message += f"; {messages} before, the last frame {quiet_ns / 1e9:.1f} s ago"
    else:
        code = "timeout.first_message"
        message = f"{place} sent no message within {waited:.3g} s; open for {open_ns / 1e9:.1f} s"
    if partial:
        evidence["partial_bytes"] = partial
        message += f". {partial} bytes of an unfinished frame came"
    return Failure(code=code, message=message, phase="open", evidence=evidence)


def bytes_taken(pipe: Pipe) -> int:
    """How many bytes the peer has taken: its kernel has acknowledged them, or ours sent them."""
    info = read_tcp_info(pipe.socket)
    return pipe.written if info is None else info.acked


def diagnose_no_pong(
    pipe: Pipe, place: str, waited: float, *, end: int, taken: int, untaken: int
) -> Failure:
    """A ping was not answered: by the peer's process, or not even by its kernel.

    Args:
        waited: seconds.
        end: how many bytes of the pipe end with the ping.
        taken: :func:`bytes_taken` before the ping.
        untaken: messages that came and wait for the check.
    """
    info = read_tcp_info(pipe.socket)
    evidence: dict[str, Any] = {"waited_ms": round(waited * 1e3)}
    left = end <= pipe.written - (info.unsent if info else 0)
    acked = info is not None and info.acked >= end
    # A kernel that has acknowledged anything of late is there, whatever became of the ping.
    if left and info and not acked and info.last_ack_ns * 2 > waited * 1e9:
        evidence["unacknowledged_segments"] = info.unacked
        evidence["retransmits"] = info.retransmits
        message = f"{place} has not acknowledged a ping for {waited:.3g} s"
        return Failure(code="ws.peer_lost", message=message, phase="open", evidence=evidence)
    if pipe.paused:
        what = f"No pong of {place} could be read within {waited:.3g} s"
        return _slow_consumer(what, untaken, evidence)
    if not left:
        return _not_left(pipe, place, waited, bytes_taken(pipe) - taken)
    message = f"{place} did not answer a ping within {waited:.3g} s"
    if acked:
        message += ", though its kernel acknowledged it"
    return Failure(code="ws.no_pong", message=message, phase="open", evidence=evidence)


def _not_left(pipe: Pipe, place: str, waited: float, taken: int) -> Failure:
    """A ping is still behind what was sent before it."""
    blocked = diagnose_blocked(pipe, place, waited, 0)
    if not taken:
        return blocked
    message = f"{place} has read only {taken:,} bytes within {waited:.3g} s; a ping has not left "
    message += f"yet, behind {blocked.evidence['unsent_bytes']:,} bytes that wait to be sent"
    return msgspec.structs.replace(
        blocked,
        message=message,
        hint="If the server only reads slowly, give the ping more time, or send less before it",
    )


def diagnose_blocked(pipe: Pipe, place: str, waited: float, untaken: int) -> Failure:
    """The peer takes nothing of what is sent. It may be waiting for us to take what it sends."""
    evidence: dict[str, Any] = {"waited_ms": round(waited * 1e3), "unsent_bytes": pipe.unwritten}
    info = read_tcp_info(pipe.socket)
    if info is not None:
        evidence["unsent_bytes"] += info.unsent
        evidence["retransmits"] = info.retransmits
    message = f"{place} has read nothing for {waited:.3g} s"
    if pipe.paused:
        return _slow_consumer(message, untaken, evidence)
    message += f"; {evidence['unsent_bytes']:,} bytes wait to be sent"
    return Failure(code="ws.send_blocked", message=message, phase="open", evidence=evidence)


def _slow_consumer(what: str, untaken: int, evidence: dict[str, Any]) -> Failure:
    evidence["messages_not_taken"] = untaken
    message = f"{what}: {untaken:,} messages wait for the check to take them"
    return Failure(code="ws.slow_consumer", message=message, phase="open", evidence=evidence)
