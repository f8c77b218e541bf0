"""What can be said of a peer that stays silent: its kernel may still be there."""

from __future__ import annotations

import socket
from typing import Any

from checkwire.model.failures import Failure
from checkwire.wire.kernel.tcp_info import read_tcp_info

__all__ = ["diagnose_blocked", "diagnose_no_pong", "diagnose_silence"]


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


def diagnose_no_pong(
    sock: socket.socket, place: str, waited: float, unwritten: int, untaken: int
) -> Failure:
    """A ping was not answered: by the peer's process, or not even by its kernel.

    Args:
        waited: seconds.
        unwritten: bytes that the kernel has not taken yet.
        untaken: messages that came and wait for the script.
    """
    info = read_tcp_info(sock)
    evidence: dict[str, Any] = {"waited_ms": round(waited * 1e3)}
    if info is not None and info.unacked:
        evidence["unacknowledged_segments"] = info.unacked
        evidence["retransmits"] = info.retransmits
        message = f"{place} has not acknowledged a ping for {waited:.3g} s"
        return Failure(code="ws.peer_lost", message=message, phase="open", evidence=evidence)
    if unwritten or (info is not None and info.unsent):
        return diagnose_blocked(sock, place, waited, unwritten)
    message = f"{place} did not answer a ping within {waited:.3g} s"
    if info is not None:
        message += ", though its kernel acknowledged it"
    if untaken:
        evidence["messages_not_taken"] = untaken
        message += f". {untaken} messages wait for the check to take them; the pong may be behind"
    return Failure(code="ws.no_pong", message=message, phase="open", evidence=evidence)


def diagnose_blocked(sock: socket.socket, place: str, waited: float, unwritten: int) -> Failure:
    """The peer takes nothing of what is sent."""
    evidence: dict[str, Any] = {"waited_ms": round(waited * 1e3), "unsent_bytes": unwritten}
    info = read_tcp_info(sock)
    if info is not None:
        evidence["unsent_bytes"] += info.unsent
        evidence["retransmits"] = info.retransmits
    message = f"{place} has read nothing for {waited:.3g} s; "
    message += f"{evidence['unsent_bytes']:,} bytes wait to be sent"
    return Failure(code="ws.send_blocked", message=message, phase="open", evidence=evidence)
