"""What editors and type checkers see of the SDK; `test_typing.py` holds mypy to it."""

from typing import Any, assert_type

from checkwire import WebSocket, check, connect, env, expect, http, log, secret, step
from checkwire.sdk.facts import Closed, Ping, Seconds, Tls
from checkwire.sync import BlockingWebSocket
from checkwire.sync import connect as connect_plain


@check(every="1m", timeout="30s", tags=["orders"], cases={"eu": {"region": "eu"}})
async def awaited(region: str) -> None:
    assert_type(env["URL"], str)
    assert_type(env.get("URL"), str | None)
    assert_type(secret("TOKEN"), str)
    async with step("connect"), connect(env["URL"], headers={"A": "b"}, verify=False) as ws:
        assert_type(ws, WebSocket)
        assert_type(await ws.receive(), str | bytes)
        assert_type(await ws.receive_text(where=str.isdigit, within="2s"), str)
        assert_type(await ws.receive_bytes(within=2.5), bytes)
        assert_type(await ws.receive_text(default=None), str | None)
        assert_type(await ws.receive_bytes(default=0), bytes | int)
        assert_type(await ws.receive_json(where={"a": int}), Any)
        assert_type(await ws.receive_close(1000), Closed)
        assert_type(await ws.ping(), Ping)
        assert_type(ws.timings.tls, Seconds)
        assert_type(ws.timings.get("tls"), Seconds | None)
        assert_type(ws.tls, Tls | None)
        assert_type(ws.close_code, int | None)
        assert_type(ws.response.status, int)
        ws.send("text")
        await ws.send(b"bytes")
        await ws.send_json({"a": [1]})
        await ws.close(1000, "done")
        async for message in ws:
            assert_type(message, str | bytes)
    expect(ws.timings.open).below("300ms").above(0)
    expect.soft(1, "one").equals(1)
    with expect.failure("tcp.*") as refused:
        ws = await connect(env["URL"])
    assert_type(refused.failure.code, str)
    log("done", region=region)
    reply = await http.get(env["API"])
    assert_type(reply.status, int)


@check
async def events() -> None:
    ws = WebSocket(env["URL"], subprotocols=["chat"])

    @ws.on("message")
    def received(message: str | bytes) -> None:
        assert message

    @ws.once("close")
    async def closed(code: int, reason: str) -> None:
        assert code == 1000

    ws.on("open", lambda: ws.send("hello"))
    assert_type(received(""), None)
    await ws.run(for_="5s")


@check
def plain() -> None:
    with step("connect"), connect_plain(env["URL"]) as ws:
        assert_type(ws, BlockingWebSocket)
        assert_type(ws.receive(), str | bytes)
        assert_type(ws.receive_text(), str)
        assert_type(ws.receive_bytes(default=None), bytes | None)
        assert_type(ws.ping(), Ping)
        for message in ws:
            assert_type(message, str | bytes)


async def mistakes(ws: WebSocket) -> None:
    connect("ws://127.0.0.1/", heders={})  # type: ignore[call-arg]
    connect("ws://127.0.0.1/", verify="no")  # type: ignore[arg-type]
    ws.on("mesage", print)  # type: ignore[call-overload]
    ws.receive_text()  # type: ignore[unused-coroutine]
    ws.receive(timeout=5)  # type: ignore[call-overload]
    ws.receive_json(timeout=5)  # type: ignore[arg-type, unused-coroutine]
    ws.run(for_="5s")  # type: ignore[unused-coroutine]
    ws.send({"a": 1})  # type: ignore[arg-type]
    ws.recv()  # type: ignore[attr-defined]
    ws.onmessage = print  # type: ignore[attr-defined]
    (await ws.receive_text()).decode()  # type: ignore[attr-defined]
    with connect("ws://127.0.0.1/"):  # type: ignore[attr-defined]
        pass
    ws.timings.tsl  # type: ignore[attr-defined] # noqa: B018
