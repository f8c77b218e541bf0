"""What is said of everything that goes wrong, and how soon: every fault that can be served."""

from __future__ import annotations

import asyncio
import re
import ssl
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from harness.peers import BENCH
from harness.table import median, number, table

from checkwire.faults import Authority, Fault, FaultServer, all_faults

sys.path.insert(0, str(BENCH.parent / "tests"))
from support.fault_runs import meet

__all__ = ["verdicts"]

_PATIENCE = 8.0
_LEAST = 5.0
"""Seconds, the shortest of the timeouts that a phase has if the check says nothing."""
_LATE = 0.5
"""Seconds from which on a verdict is listed by itself."""

Client = Callable[[str, ssl.SSLContext, Fault], Awaitable[None]]


def verdicts(files: tuple[str, str], rounds: int) -> str:
    """Run the suite; returns its tables. The faults bring their own servers."""
    del files
    rounds = min(rounds, 3)
    faults = [fault for fault in all_faults() if not fault.needs and fault.waits < 10]
    right: set[str] = set()
    after: dict[str, list[float]] = {fault.name: [] for fault in faults}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            seen = meet(faults, Path(folder), options=("--workers", "1"))
        for fault in faults:
            told = seen[fault.name]
            if told.failures and told.failures[0]["code"] == fault.code:
                right.add(fault.code)
            if told.status != "load":
                # What ended the process from outside is told when it has ended.
                until = told.told_ns.get(fault.code, told.duration_ns)
                after[fault.name].append(until / 1e9 - fault.waits)
    medians = {name: median(values) for name, values in after.items() if values}
    codes = {fault.code for fault in faults}
    over = sorted(medians.values())
    waiting = {fault.name for fault in faults if fault.waits}
    awaited = [value for name, value in medians.items() if name in waiting]
    others = [value for name, value in medians.items() if name not in waiting]
    late = {name: value for name, value in medians.items() if value > _LATE}
    text = [
        f"{len(faults)} faults of {len(codes)} codes, {rounds} times each, one after another: "
        f"{len(right & codes)} codes are provoked and rightly named. From the start of the attempt "
        "until the failure is told, beyond what the check is told to wait: "
        f"p50 {number(over[len(over) // 2] * 1e3)} ms, "
        f"p90 {number(over[len(over) * 9 // 10] * 1e3)} ms. "
        f"Of {len(awaited)} that a time is given for, the verdict comes at most "
        f"{number(max(awaited) * 1e3)} ms after its end; of {len(others)} others, "
        f"{sum(value < _LEAST for value in others)} come within the {_LEAST:g} s that any phase "
        "has at least.",
    ]
    if late:
        listed = ", ".join(f"`{name}` {value:.2f} s" for name, value in sorted(late.items()))
        text.append(f"More than {_LATE * 1e3:.0f} ms: {listed}.")
    return "\n\n".join([*text, asyncio.run(_peers(faults, len(right & codes)))])


async def _peers(faults: list[Fault], ours: int) -> str:
    """How many different things the usual clients say of the same servers."""
    met = [fault for fault in faults if fault.serves and fault.scheme in ("", "ws", "wss")]
    met = [fault for fault in met if fault.code.startswith(("tcp.", "tls.", "upgrade.", "ws."))]
    codes = {fault.code for fault in met}
    rows = [["checkwire", f"{len(codes)} codes", "", ""]]
    for name, client in (("websockets", _websockets), ("aiohttp", _aiohttp)):
        said: dict[str, list[str]] = {}
        slow = 0
        for fault in met:
            began = time.perf_counter()
            words = await _ask(client, fault)
            slow += time.perf_counter() - began > _PATIENCE - 0.5
            said.setdefault(words, []).append(fault.name)
        alike = max(said.values(), key=len)
        words = next(words for words, names in said.items() if names is alike)
        rows.append([name, f"{len(said)} sentences", f"{len(alike)} faults: {words}", str(slow)])
    headers = ["client", "tells apart", "most often", f"nothing after {_PATIENCE:.0f} s"]
    return "\n\n".join(
        [
            f"The same {len(met)} servers, those of TCP, TLS, upgrade and frames, and what other "
            "clients raise (numbers and addresses left out), with their defaults but for a limit "
            f"of {_PATIENCE:.0f} s; `nothing` also counts where they see no failure.",
            table(headers, rows),
        ]
    )


async def _ask(client: Client, fault: Fault) -> str:
    with ExitStack() as stack:
        authority = stack.enter_context(Authority())
        server = stack.enter_context(FaultServer(fault, authority))
        trust = ssl.create_default_context(cafile=authority.ca)
        try:
            async with asyncio.timeout(_PATIENCE):
                await client(server.url, trust, fault)
        except TimeoutError as error:
            return _plain(error)
        except Exception as error:
            return _plain(error)
    return "nothing"


def _plain(error: BaseException) -> str:
    words = re.sub(r"\[[^]]*\]:\d+|[\w.]+:\d+|0x[0-9a-f]+|\d+", "N", str(error))
    return f"{type(error).__name__}: {words}".strip(": ")[:70].replace("|", "/").replace("\n", " ")


async def _websockets(url: str, trust: ssl.SSLContext, fault: Fault) -> None:
    from websockets.asyncio.client import connect

    given: dict[str, Any] = {"ssl": trust} if url.startswith("wss") else {}
    if "subprotocol" in fault.code:
        given["subprotocols"] = ["v2.feed"]
    async with connect(url, proxy=None, **given) as ws:
        await ws.send("hello")
        await ws.recv()
        await ws.recv()


async def _aiohttp(url: str, trust: ssl.SSLContext, fault: Fault) -> None:
    import aiohttp

    given: dict[str, Any] = {"ssl": trust} if url.startswith("wss") else {}
    if "subprotocol" in fault.code:
        given["protocols"] = ["v2.feed"]
    async with aiohttp.ClientSession() as session, session.ws_connect(url, **given) as ws:
        await ws.send_str("hello")
        for _ in range(2):
            message = await ws.receive()
            if message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED):
                raise RuntimeError(f"closed with {ws.close_code}")
            if message.type is aiohttp.WSMsgType.ERROR:
                raise message.data
