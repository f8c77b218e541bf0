"""Whether connections to a place on this machine wait in vain to be accepted."""

from __future__ import annotations

import contextlib
import socket
import struct
from pathlib import Path

from checkwire.wire.dial.resolve import Endpoint

__all__ = ["waiting_at"]

_LISTENING = "0A"


def waiting_at(endpoint: Endpoint) -> int | None:
    """Connections in the accept queue of who listens there.

    ``None`` if nobody does, or it is not on this machine, or the kernel does not tell.
    """
    if endpoint.family not in (socket.AF_INET, socket.AF_INET6) or not _is_ours(endpoint):
        return None
    host, port = endpoint.address[:2]
    wanted = {(_in_hex(host.partition("%")[0]), port), (_in_hex("::"), port)}
    if endpoint.family == socket.AF_INET:
        wanted |= {(_in_hex("0.0.0.0"), port), (_in_hex(f"::ffff:{host}"), port)}
    queued = [
        waiting
        for table in ("tcp", "tcp6")
        for place, waiting in _listeners(table)
        if place in wanted
    ]
    return max(queued, default=None)


def _is_ours(endpoint: Endpoint) -> bool:
    with socket.socket(endpoint.family, socket.SOCK_STREAM) as sock:
        try:
            sock.bind((endpoint.address[0], 0, *endpoint.address[2:]))
        except OSError:
            return False
    return True


def _in_hex(host: str) -> str:
    """An address as /proc/net/tcp has it: words in the machine's own order."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    packed = socket.inet_pton(family, host)
    words = struct.unpack(f"={len(packed) // 4}I", packed)
    return "".join(f"{word:08X}" for word in words)


def _listeners(table: str) -> list[tuple[tuple[str, int], int]]:
    """Address, port and queue of all that listen (proc_pid_net(5)); of them, rx_queue is that."""
    found = []
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in Path(f"/proc/self/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] != _LISTENING:
                continue
            address, _, port = fields[1].partition(":")
            found.append(((address, int(port, 16)), int(fields[4].partition(":")[2], 16)))
    return found
