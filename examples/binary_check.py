"""Binary messages: send packed bytes, take packed bytes apart."""

import struct
import time

from checkwire import check, connect, env, expect

QUERY = struct.Struct("!HI")  # operation, id
REPLY = struct.Struct("!HIdQ")  # operation, id, price, nanoseconds since 1970


@check(tags=["binary"])
async def binary_quote():
    """A quote in binary is for the right id, and fresh."""
    async with connect(env["BINARY_URL"]) as ws:
        await ws.send(QUERY.pack(7, 42))
        operation, number, price, at_ns = REPLY.unpack(await ws.receive_bytes(within="2s"))
        assert operation == 0x8007
        assert number == 42
        assert price > 0
        expect(time.time() - at_ns / 1e9, "age of the quote").below("1s")
