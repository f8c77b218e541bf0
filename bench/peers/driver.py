"""What the clients written in Python have in common: taking jobs, and measuring themselves.

A peer is a process that reads jobs, one line of JSON each, and answers each with one line. So all
peers are alive at once and take turns within one run. The jobs are the methods of :class:`Jobs`.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import random
import resource
import ssl
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

__all__ = ["MESSAGE", "Client", "run", "tls_to"]

MESSAGE = "x" * 100


class Client:
    """A WebSocket library, as its users use it: what each peer writes down."""

    version: str

    async def cycle(self, url: str) -> None:
        """Connect, send :data:`MESSAGE`, receive it, close with the closing handshake."""
        raise NotImplementedError

    async def receive(self, url: str, count: int, deflate: bool) -> None:
        """Connect, send one message, receive ``count`` messages, close."""
        raise NotImplementedError

    async def hold(self, url: str) -> Callable[[], Awaitable[object]]:
        """Connect; returns what closes the connection."""
        raise NotImplementedError

    async def end(self) -> None:
        """Let go of what is shared by connections."""

    def stamps(self, url: str, reply: bool) -> AsyncIterator[tuple[str, int, bool]]:
        """Connect, send one message, and yield each message until the server closes.

        With it the time it arrived (Unix epoch, ns), and whether it is known to share that time
        with a later one. With ``reply`` each message is answered with :data:`MESSAGE`.
        """
        raise NotImplementedError


def tls_to(ca: str | None, url: str) -> ssl.SSLContext | None:
    """A context that trusts this authority, for libraries that take one."""
    if not url.startswith("wss:"):
        return None
    if ca not in _contexts:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cafile=ca)
        _contexts[ca] = context
    return _contexts[ca]


_contexts: dict[str | None, ssl.SSLContext] = {}


class Jobs:
    """The jobs, in terms of a client."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def cycles(self, url: str, count: int, concurrency: int) -> dict[str, float]:
        """So many cycles, by so many workers."""
        await self._client.cycle(url)

        async def work() -> None:
            for _ in range(count // concurrency):
                await self._client.cycle(url)

        async with asyncio.timeout(120):
            with measured() as spent:
                await asyncio.gather(*(work() for _ in range(concurrency)))
        return spent

    async def receive(self, url: str, count: int, deflate: bool) -> dict[str, float]:
        """So many messages over one connection."""
        async with asyncio.timeout(120):
            with measured() as spent:
                await self._client.receive(f"{url}&count={count}", count, deflate)
        return spent

    async def hold(self, url: str, count: int) -> dict[str, float]:
        """Memory of so many idle connections, in KiB; the first few of all do not count."""
        closers = [await self._client.hold(url) for _ in range(20)]
        gc.collect()
        before = resident()
        for _ in range(count // 50):
            closers += await asyncio.gather(*(self._client.hold(url) for _ in range(50)))
        await asyncio.sleep(1)
        gc.collect()
        spent = {"kib": float(resident() - before)}
        for start in range(0, len(closers), 50):
            await asyncio.gather(*(close() for close in closers[start : start + 50]))
        return spent

    async def stamps(
        self, probes: list[str], load: list[str], block: float
    ) -> dict[str, list[list[Any]]]:
        """Arrival times as the client tells them: ``[message, at_ns, coalesced]``.

        Args:
            probes, load: URLs; connections under load answer each message.
            block: seconds for which the event loop is held up, 40 times a second at random.
        """
        results: dict[str, list[list[Any]]] = {"probes": [], "load": []}

        async def listen(url: str, into: str) -> None:
            async for message, at_ns, coalesced in self._client.stamps(url, into == "load"):
                results[into].append([message[:40], at_ns, coalesced])

        blocking = asyncio.create_task(_block(block)) if block else None
        async with asyncio.timeout(120), asyncio.TaskGroup() as group:
            for url in load:
                group.create_task(listen(url, "load"))
            for url in probes:
                group.create_task(listen(url, "probes"))
        if blocking is not None:
            blocking.cancel()
        return results


async def _block(seconds: float) -> None:
    chance = random.Random(2)
    while True:
        await asyncio.sleep(chance.expovariate(40))
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            pass


@contextlib.contextmanager
def measured() -> Iterator[dict[str, float]]:
    """Wall and CPU seconds of what is done inside, in a dict that is filled at its end."""
    gc.collect()
    spent: dict[str, float] = {}
    began, cpu = time.perf_counter(), _cpu()
    yield spent
    spent["wall"], spent["cpu"] = time.perf_counter() - began, _cpu() - cpu


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def resident() -> int:
    """KiB of this process in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def run(client: Client) -> None:
    """Take jobs from standard input until it ends."""
    factory: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
    if "--uvloop" in sys.argv:
        import uvloop

        factory = uvloop.new_event_loop
    jobs = Jobs(client)
    print(json.dumps(client.version), flush=True)
    with asyncio.Runner(loop_factory=factory) as runner:
        for line in sys.stdin:
            job = json.loads(line)
            work = getattr(jobs, job.pop("job"))
            print(json.dumps(runner.run(work(**job))), flush=True)
        runner.run(client.end())
