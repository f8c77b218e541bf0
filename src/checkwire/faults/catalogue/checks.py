"""``check.*`` and ``script.*``: faults of the check itself. No server is at fault."""

from __future__ import annotations

from checkwire.faults import frames
from checkwire.faults.fault import Family
from checkwire.faults.peer import Peer, upgraded

faults = Family()

_ECHOES = upgraded(Peer.echo)


def _greets(peer: Peer) -> None:
    peer.handshake(then=frames.text("hello"))
    peer.echo()


faults.add(
    "check.no_assertion", does="is well, and the check verifies nothing", severity="warning",
    script=_ECHOES,
    check="""
async with connect(URL) as ws:
    await ws.send("hello")
""",
)  # fmt: skip
faults.made_by_check(
    "check.env_missing", does="asks for a variable that is not set",
    check="""
async with connect(env["FAULT_NOT_SET"]):
    pass
""",
)  # fmt: skip
faults.made_by_check(
    "check.secret_missing", does="asks for a secret that is not set",
    check="""
from checkwire import check, connect, secret


@check(timeout="5s")
async def asks():
    async with connect("ws://127.0.0.1:9/", headers={"X-Key": secret("FAULT_NOT_SET")}):
        pass
""",
)  # fmt: skip
faults.made_by_check(
    "check.bad_url", does="connects to http:// instead of ws://",
    check="""
async with connect("http://127.0.0.1:9/"):
    pass
""",
)  # fmt: skip
faults.made_by_check(
    "check.usage", does="gives connect() an option that it does not have",
    check="""
async with connect("ws://127.0.0.1:9/", timeout="5s"):
    pass
""",
)  # fmt: skip
faults.made_by_check(
    "check.duplicate_id", does="has two checks of one id", evidence=("id", "places"),
    check="""
from checkwire import check


@check
async def twice():
    assert True


@check
async def twice():  # noqa: F811
    assert True
""",
)  # fmt: skip
faults.add(
    "check.unclosed_connection", does="is well, and the check leaves the connection open",
    severity="warning", script=_greets,
    check="""
ws = await connect(URL)
assert await ws.receive(within="1s") == "hello"
""",
)  # fmt: skip
faults.add(
    "check.no_effect", does="is asked without TLS, with options of TLS", severity="warning",
    script=_greets,
    check="""
async with connect(URL, verify=False) as ws:
    assert await ws.receive(within="1s") == "hello"
""",
)  # fmt: skip
faults.add(
    "check.abandoned", does="is silent, and the check hides that it waited in vain", waits=0.3,
    severity="warning", script=_ECHOES,
    check="""
import asyncio

from checkwire import check, connect, env


@check(timeout="5s")
async def gives_up():
    async with connect(URL) as ws:
        assert ws.response.status == 101
        try:
            async with asyncio.timeout(0.3):
                await ws.receive()
        except TimeoutError:
            pass
""",
)  # fmt: skip
faults.made_by_check("script.exception", does="raises an exception", check="1 / 0")
faults.made_by_check(
    "script.exited", does="ends its own process",
    check="""
import sys

from checkwire import check


@check
async def exits():
    sys.exit(3)
""",
)  # fmt: skip
faults.made_by_check(
    "script.crashed", does="crashes the interpreter", evidence=("signal",),
    check="""
import ctypes

from checkwire import check


@check
async def crashes():
    ctypes.string_at(0)
""",
)  # fmt: skip
faults.made_by_check(
    "script.blocked",
    does="never gives up the event loop",
    waits=1,
    timeout="1s",
    check="while True: pass",
)
faults.made_by_check(
    "script.timeout", does="sleeps for longer than it may", waits=1,
    check="""
import asyncio

from checkwire import check


@check(timeout="1s")
async def sleeps():
    await asyncio.sleep(60)
""",
)  # fmt: skip
faults.made_by_check(
    "script.syntax", does="is no Python",
    check="""
from checkwire import check


@check
async def broken(:
    pass
""",
)  # fmt: skip
faults.made_by_check(
    "script.import", does="imports what is not there",
    check="""
import no_such_module_anywhere

from checkwire import check


@check
async def never():
    no_such_module_anywhere.do()
""",
)  # fmt: skip
