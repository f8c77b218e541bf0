"""The server of all benchmarks but ``fidelity``: picows on uvloop, quick enough not to limit them.

Paths:

- ``/echo``: every message comes back;
- ``/flood?count=N&size=BYTES&deflate=0|1``: after the first message, N messages as fast as they go;
- ``/hold``: nothing happens.

Prints one line of JSON with its ports (``ws``, ``wss``), then its CPU seconds for each line read.
"""

from __future__ import annotations

import asyncio
import json
import resource
import ssl
import sys
import zlib
from urllib.parse import parse_qs, urlsplit

import uvloop
from picows import (
    WSFrame,
    WSListener,
    WSMsgType,
    WSTransport,
    WSUpgradeRequest,
    WSUpgradeResponse,
    WSUpgradeResponseWithListener,
    ws_create_server,
)

_BATCH = 256 * 1024
"""Bytes of messages handed to the transport at once."""


class Echo(WSListener):
    """Sends back what comes, and answers a Close frame."""

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.CLOSE:
            # A frame without a code is answered by one with a code: 1005 is for no wire.
            code = frame.get_close_code()
            transport.send_close(1000 if code in (0, 1005) else code)
            transport.disconnect()
        elif frame.msg_type in (WSMsgType.TEXT, WSMsgType.BINARY):
            transport.send(frame.msg_type, frame.get_payload_as_memoryview())


class Flood(WSListener):
    """Sends a number of equal-sized messages, as far as the client takes them."""

    def __init__(self, count: int, size: int, deflate: bool) -> None:
        self._left = count
        self._batch, self._ends = flood_frames(size, deflate)
        self._paused = False
        self._started = False

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code())
            transport.disconnect()
        elif not self._started:
            self._started = True
            self._transport = transport
            self._pour()

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._pour()

    def _pour(self) -> None:
        while self._left and not self._paused:
            # No message more than were asked for: what a client leaves unread delays its close.
            number = min(self._left, len(self._ends))
            self._left -= number
            self._transport.underlying_transport.write(self._batch[: self._ends[number - 1]])


def flood_frames(size: int, deflate: bool) -> tuple[memoryview, list[int]]:
    """Serialised text messages, and where each ends.

    Compressed with context takeover (RFC 7692 section 7.2.3). The first one refers to nothing
    before it, so the batch can be sent again and again.
    """
    number = max(1, _BATCH // (size + 4))
    compressor = zlib.compressobj(wbits=-15)
    batch = bytearray()
    ends = []
    for index in range(number):
        payload = quotes(index, size)
        if deflate:
            payload = compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH)
            payload = payload[:-4]
        batch += bytes([0xC1 if deflate else 0x81]) + length_bytes(len(payload)) + payload
        ends.append(len(batch))
    return memoryview(bytes(batch)), ends


def quotes(index: int, size: int) -> bytes:
    """JSON-like text of that size, such as a price feed sends."""
    text = bytearray()
    while len(text) < size:
        index = (index * 1103515245 + 12345) & 0x7FFFFFFF
        text += b'{"s":"BTCUSDT","p":"%d.%02d","q":"0.%05d"},' % (
            60000 + index % 9000,
            index // 7 % 100,
            index // 13 % 99999,
        )
    return bytes(text[:size])


def length_bytes(length: int) -> bytes:
    """The length of an unmasked frame (RFC 6455 section 5.2)."""
    if length < 126:
        return bytes([length])
    if length < 65536:
        return bytes([126]) + length.to_bytes(2, "big")
    return bytes([127]) + length.to_bytes(8, "big")


def route(request: WSUpgradeRequest) -> WSListener | WSUpgradeResponseWithListener | None:
    """The listener for a path."""
    parts = urlsplit(request.path.decode())
    if parts.path != "/flood":
        return Echo()
    query = {name: int(values[0]) for name, values in parse_qs(parts.query).items()}
    deflate = bool(query.get("deflate"))
    headers = {"Sec-WebSocket-Extensions": "permessage-deflate"} if deflate else {}
    return WSUpgradeResponseWithListener(
        WSUpgradeResponse.create_101_response(headers),
        Flood(query["count"], query["size"], deflate),
    )


async def serve(certificate: str) -> None:
    """Serve until standard input ends."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    ports = {}
    for scheme, context in (("ws", None), ("wss", tls)):
        server = await ws_create_server(
            route,
            "127.0.0.1",
            0,
            ssl=context,
            backlog=1024,
            enable_auto_pong=True,
            read_buffer_init_size=1024,
        )
        ports[scheme] = server.sockets[0].getsockname()[1]
    print(json.dumps(ports), flush=True)
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        usage = resource.getrusage(resource.RUSAGE_SELF)
        print(usage.ru_utime + usage.ru_stime, flush=True)


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1]))
