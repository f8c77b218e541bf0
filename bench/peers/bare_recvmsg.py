"""No client at all: the receive stamps of the kernel as they are, from a socket on asyncio's loop.

What is left of error here is not the client's. The busy wss connections beside it are Checkwire's.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

from checkwire_wire import CheckwireWire
from driver import run

_FRAME = 4 + 1024
"""Bytes of a message with its header, as the server of ``fidelity`` is asked for them."""
_SO_TIMESTAMPING = 37
_RX_SOFTWARE, _SOFTWARE = 1 << 3, 1 << 4


class BareSocket(CheckwireWire):
    version = ""

    async def stamps(self, url: str, reply: bool) -> AsyncIterator[tuple[str, int, bool]]:
        if url.startswith("wss:"):
            async for stamp in super().stamps(url, reply):
                yield stamp
            return
        parts = urlsplit(url)
        loop = asyncio.get_running_loop()
        with socket.socket() as sock:
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPING, _RX_SOFTWARE | _SOFTWARE)
            await loop.sock_connect(sock, (parts.hostname, parts.port))
            request = f"GET /?{parts.query} HTTP/1.1\r\nSec-WebSocket-Key: x\r\n\r\n"
            await loop.sock_sendall(sock, request.encode())
            await loop.sock_recv(sock, 4096)
            await loop.sock_sendall(sock, b"any message")
            while True:
                readable = loop.create_future()
                loop.add_reader(sock, readable.set_result, None)
                await readable
                loop.remove_reader(sock)
                data, ancillary, _, _ = sock.recvmsg(65536, 256)
                seconds, nanoseconds = struct.unpack_from("=qq", ancillary[0][2])
                for start in range(0, len(data), _FRAME):
                    frame = data[start : start + _FRAME]
                    if frame.startswith(b"\x88"):
                        return
                    at_ns = seconds * 1_000_000_000 + nanoseconds
                    yield frame[4:].decode(), at_ns, len(data) > start + _FRAME


if __name__ == "__main__":
    run(BareSocket(sys.argv[1]))
