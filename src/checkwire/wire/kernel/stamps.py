"""Packet times from the kernel: ``SO_TIMESTAMPING``.

Source: Documentation/networking/timestamping.rst of the Linux kernel, and
include/uapi/linux/net_tstamp.h. Receive stamps come with the data; transmit and ACK stamps come,
a little later, from the socket's error queue.
"""

from __future__ import annotations

import socket
import struct
import sys
from typing import NamedTuple

__all__ = [
    "ANCILLARY_SIZE",
    "SUPPORTED",
    "SendStamp",
    "enable_receive_stamps",
    "enable_send_stamps",
    "keep_stamping",
    "read_send_stamp",
    "receive_stamp",
    "stamp_request",
]

SUPPORTED = sys.platform == "linux"

_SO_TIMESTAMPING = 37
_TX_SOFTWARE = 1 << 1
_RX_SOFTWARE = 1 << 3
_SOFTWARE = 1 << 4
_OPT_ID = 1 << 7
_TX_ACK = 1 << 9
_OPT_TSONLY = 1 << 11
_OPT_ID_TCP = 1 << 16

_IP_RECVERR = 11
_IPV6_RECVERR = 25
_ORIGIN_TIMESTAMPING = 4
_KIND_SENT = 0
_KIND_ACKED = 2

# struct scm_timestamping: three timespecs, of which the first is the software stamp. On machines
# with a 64-bit time_t, which are all that are supported here, a timespec is two longs.
_TIMESPEC = struct.Struct("=qq")
# struct sock_extended_err: errno, origin, type, code, pad, info, data.
_EXTENDED_ERROR = struct.Struct("=IBBBBII")
_FLAGS = struct.Struct("=I")

ANCILLARY_SIZE = 256
"""Room for the control messages of one read."""

_DEPARTURE = [(socket.SOL_SOCKET, _SO_TIMESTAMPING, _FLAGS.pack(_TX_SOFTWARE))]
_DEPARTURE_AND_ACK = [(socket.SOL_SOCKET, _SO_TIMESTAMPING, _FLAGS.pack(_TX_SOFTWARE | _TX_ACK))]
# An int: the sum of two of socket's flags is an enum's member, which takes time to find.
_FROM_ERROR_QUEUE = int(getattr(socket, "MSG_ERRQUEUE", 0) | socket.MSG_DONTWAIT)


def enable_receive_stamps(sock: socket.socket) -> bool:
    """Ask for receive stamps; before ``connect``, so that none is missed.

    Returns whether the kernel grants it.
    """
    if not SUPPORTED or sock.family not in (socket.AF_INET, socket.AF_INET6):
        return False
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPING, _RX_SOFTWARE | _SOFTWARE)
    except OSError:
        return False
    return True


def keep_stamping() -> socket.socket | None:
    """A socket that keeps the kernel stamping packets while it is open.

    The kernel stamps only while some socket of the machine wants it, and takes milliseconds to
    begin: without this the first packets of a machine's only connection have no stamp.
    """
    if not SUPPORTED:
        return None
    try:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    except OSError:
        return None
    if not enable_receive_stamps(sock):
        sock.close()
        return None
    return sock


def enable_send_stamps(sock: socket.socket) -> bool:
    """Let single sends ask for stamps (:func:`stamp_request`).

    To be called once connected and before the first byte is sent: stamps are identified by the
    offset of the last byte of a send, counted from here.
    """
    flags = _RX_SOFTWARE | _SOFTWARE | _OPT_TSONLY | _OPT_ID
    for extra in (_OPT_ID_TCP, 0):  # OPT_ID_TCP is of Linux 6.2; it changes only corner cases.
        try:
            sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPING, flags | extra)
        except OSError:
            continue
        return True
    return False


def stamp_request(*, acked: bool) -> list[tuple[int, int, bytes]]:
    """The control message that makes one ``sendmsg`` report when it left, and was acknowledged."""
    return _DEPARTURE_AND_ACK if acked else _DEPARTURE


def receive_stamp(ancillary: list[tuple[int, int, bytes]]) -> int:
    """The receive stamp in a read's control messages: Unix epoch in ns, or 0 if there is none.

    When one read holds the bytes of several packets, it is the stamp of the last one.
    """
    for level, kind, data in ancillary:
        if kind == _SO_TIMESTAMPING and level == socket.SOL_SOCKET:
            seconds, nanoseconds = _TIMESPEC.unpack_from(data)
            return int(seconds * 1_000_000_000 + nanoseconds)
    return 0


class SendStamp(NamedTuple):
    """When the bytes up to ``offset`` left this machine, or reached the peer's kernel."""

    offset: int
    stamp_ns: int
    acked: bool


def read_send_stamp(sock: socket.socket) -> SendStamp | None:
    """The oldest stamp in the socket's error queue, or ``None`` if there is none.

    Other messages in it (ICMP errors) are dropped; such errors also end the next read or write.
    """
    while True:
        try:
            _, ancillary, _, _ = sock.recvmsg(0, ANCILLARY_SIZE, _FROM_ERROR_QUEUE)
        except OSError:
            return None
        stamp_ns, error = 0, None
        for level, kind, data in ancillary:
            if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPING:
                seconds, nanoseconds = _TIMESPEC.unpack_from(data)
                stamp_ns = seconds * 1_000_000_000 + nanoseconds
            elif kind in (_IP_RECVERR, _IPV6_RECVERR):
                error = _EXTENDED_ERROR.unpack_from(data)
        if stamp_ns and error is not None and error[1] == _ORIGIN_TIMESTAMPING:
            what, offset = error[5], error[6]
            if what in (_KIND_SENT, _KIND_ACKED):
                return SendStamp(offset, stamp_ns, what == _KIND_ACKED)
