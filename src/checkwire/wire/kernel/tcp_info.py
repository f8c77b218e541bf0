"""``TCP_INFO``: what the kernel knows of a TCP connection (include/uapi/linux/tcp.h)."""

from __future__ import annotations

import socket
import struct
import sys
from typing import NamedTuple

__all__ = ["TcpInfo", "read_tcp_info"]

_LEAST = 152
_WINDOW = 228
"""Where tcpi_snd_wnd is, since Linux 5.4."""
_SIZE = 232
# Eight bytes of state, the third of which is tcpi_retransmits, 24 words, four long words, the last
# of which are tcpi_bytes_acked and tcpi_bytes_received, and four words, the last tcpi_min_rtt.
_LAYOUT = struct.Struct("=2xB5x24I4Q4I")
_NO_MIN_RTT = 0xFFFFFFFF


class TcpInfo(NamedTuple):
    """A few facts of a connection.

    Attributes:
        rtt_ns: smoothed round trip; right after connecting, that of SYN and SYN-ACK.
        min_rtt_ns: least round trip seen, ``None`` before there is one.
        unacked: segments sent that are not acknowledged.
        retransmits: segments sent again since the connection began.
        timeouts: how often in a row the peer's kernel was given up to answer, and something sent
            again.
        last_ack_ns: time since the peer's kernel last acknowledged anything (to the ms).
        unsent: bytes queued that were not sent yet.
        acked: bytes that the peer's kernel has acknowledged (the SYN counts as one).
        received: bytes that came from it.
        segment: bytes of a full segment.
        window: bytes that the peer's kernel says it takes; ``None`` where ours does not say so.
    """

    rtt_ns: int
    min_rtt_ns: int | None
    unacked: int
    retransmits: int
    timeouts: int
    last_ack_ns: int
    unsent: int
    acked: int
    received: int
    segment: int
    window: int | None


def read_tcp_info(sock: socket.socket) -> TcpInfo | None:
    """The kernel's facts, or ``None`` where it does not give them (not Linux, not TCP, closed)."""
    if sys.platform != "linux":
        return None
    try:
        raw = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _SIZE)
    except OSError:
        return None
    if len(raw) < _LEAST:
        return None
    timeouts, *words = _LAYOUT.unpack_from(raw)
    return TcpInfo(
        rtt_ns=words[15] * 1000,
        min_rtt_ns=None if words[31] == _NO_MIN_RTT else words[31] * 1000,
        unacked=words[4],
        retransmits=words[23],
        timeouts=timeouts,
        last_ack_ns=words[12] * 1_000_000,
        unsent=words[30],
        acked=words[26],
        received=words[27],
        segment=words[2],
        window=int.from_bytes(raw[_WINDOW:_SIZE], sys.byteorder) if len(raw) == _SIZE else None,
    )
