"""Subprotocols: a server that accepts none of those offered fails the check, as in browsers."""

from checkwire import check, connect, env, expect


@check(every="1m", tags=["chat"])
async def chat_speaks_v2():
    """The chat service speaks chat.v2."""
    async with connect(env["CHAT_URL"], subprotocols=["chat.v2", "chat.v1"]) as ws:
        assert ws.subprotocol == "chat.v2"


@check(every="1h", tags=["chat"])
async def chat_refuses_others():
    """A client that speaks nothing it knows is turned away."""
    with expect.failure("upgrade.*"):
        async with connect(env["CHAT_URL"], subprotocols=["telepathy.v9"]):
            pass
