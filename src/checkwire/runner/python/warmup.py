"""A whole check against a server of our own, run before it counts.

What runs for the first time in a process is slow: modules are imported, and in a forked process
each page that is written to is copied first. The zygote runs this once, so that its children need
not import. A child runs it while it waits for its job, so that what it measures then is the target
alone; or touches what another came to touch that did (:mod:`checkwire.runner.python.rehearsal`). It
leaves nothing behind: no task, no thread, no descriptor, no connection in TIME_WAIT; and it tells
nobody. Where it cannot be run, nothing is warm, and that is all.
"""

from __future__ import annotations

import asyncio
import contextvars
import gc
import os
import socket
import struct
from asyncio.base_events import BaseEventLoop
from contextlib import suppress
from typing import Final

from msgspec.structs import replace
from websockets.utils import accept_key

from checkwire.model.definition import CheckDefinition
from checkwire.model.events import Event, encode_event
from checkwire.runner.python.blame import Blame
from checkwire.runner.python.environ import Variables
from checkwire.runner.python.event_writer import EventWriter
from checkwire.runner.python.messages import Job
from checkwire.runner.python.script import Prepared, run_script
from checkwire.sdk.context import Context, enter
from checkwire.sdk.steps import step
from checkwire.sdk.websocket import connect
from checkwire.wire.tls.contexts import TlsOptions, tls_context

__all__ = [
    "job_of_warm_up",
    "prepare_for_many",
    "run_warm_up",
    "warm_up_child",
    "warm_up_zygote",
]

_PATIENCE: Final = 1.0
_KEY: Final = b"sec-websocket-key:"
_UNTIL_SPECIALISED: Final = 11
_RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER: to close is to reset, so that no end of the connection stays in TIME_WAIT."""
_TEXT: Final = b'{"type":"echo","id":1}'
_JOB: Final = Job(
    definition=CheckDefinition(
        id="", name="", path="", line=1, function="_check", timeout=_PATIENCE
    )
)


def warm_up_zygote() -> None:
    """Import what a check comes to need, by running one without its frame."""
    with suppress(Exception):
        contextvars.copy_context().run(_run_check_alone)


def prepare_for_many() -> None:
    """Do what pays for a zygote that forks many children, and takes 40 ms.

    The system's authorities are loaded, which a check with TLS would have to do. And the code of
    attempts is run until CPython has specialised it (PEP 659), which it does after some ten times
    by writing to the code itself: each child would, and so would copy the pages that it is on.
    """
    with suppress(Exception):
        tls_context(TlsOptions())
    for _ in range(_UNTIL_SPECIALISED):
        warm_up_zygote()


def warm_up_child() -> None:
    """Run one just as the check of a job is run."""
    with suppress(Exception):
        _run_script()
    gc.collect()


def job_of_warm_up(env: Variables) -> Job:
    """A job, with this environment, for :func:`run_warm_up`."""
    return replace(_JOB, env=env)


def run_warm_up(job: Job, events: EventWriter) -> None:
    """Run the check as an attempt, see :func:`run_script`."""
    blame = Blame(lambda path: False, lambda path: path, job.definition)
    run_script(Prepared(_check, {}, blame, root=""), job=job, events=events)


def _run_check_alone() -> None:
    enter(Context(_tell_nobody))
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(asyncio.wait_for(_check(), _PATIENCE))
    finally:
        loop.close()


def _tell_nobody(event: Event) -> None:
    encode_event(event)


def _run_script() -> None:
    make_loop, policy = BaseEventLoop.__init__, asyncio.get_event_loop_policy()
    asyncio.set_event_loop_policy(asyncio.DefaultEventLoopPolicy())
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        run_warm_up(_JOB, EventWriter(nowhere))
        asyncio.get_event_loop().close()
    finally:
        os.close(nowhere)
        asyncio.set_event_loop_policy(policy)
        BaseEventLoop.__init__ = make_loop  # type: ignore[method-assign]


async def _check() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=1) as listener:
        listener.setblocking(False)
        serving = asyncio.ensure_future(_serve(listener))
        try:
            url = f"ws://127.0.0.1:{listener.getsockname()[1]}/"
            async with step("warm up"), connect(url, proxy=None) as ws:
                await ws.send_json({"type": "echo", "id": 1})
                reply = await ws.receive_json(within=_PATIENCE)
                assert reply == {"type": "echo", "id": 1}
        finally:
            serving.cancel()
            await asyncio.wait([serving])


async def _serve(listener: socket.socket) -> None:
    """Just enough of RFC 6455 for the check above."""
    loop = asyncio.get_running_loop()
    sock, _ = await loop.sock_accept(listener)
    with sock:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += await loop.sock_recv(sock, 4096)
        key = head[head.lower().index(_KEY) + len(_KEY) :].partition(b"\r\n")[0].strip()
        accept = accept_key(key.decode()).encode()
        await loop.sock_sendall(
            sock,
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n",
        )
        await loop.sock_recv(sock, 4096)
        await loop.sock_sendall(sock, bytes((0x81, len(_TEXT))) + _TEXT)
        await loop.sock_recv(sock, 4096)
        await loop.sock_sendall(sock, b"\x88\x02\x03\xe8")
