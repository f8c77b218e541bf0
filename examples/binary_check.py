"""Binary messages: send bytes, take bytes apart."""

import struct

from checkwire import check, connect, env


@check(every="1m", tags=["binary"])
async def binary_echo():
    """Binary comes back as binary, to the byte."""
    payload = struct.pack("!IHd", 0xC0FFEE, 7, 3.25)
    async with connect(env["ECHO_URL"]) as ws:
        await ws.receive_text()  # the greeting
        await ws.send(payload)
        reply = await ws.receive_bytes(within="2s")
        assert struct.unpack("!IHd", reply) == (0xC0FFEE, 7, 3.25)
