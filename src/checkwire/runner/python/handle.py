"""The runner's side of one zygote: requests, answers, and the ends of its children."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import msgspec

from checkwire.model.definition import Isolation
from checkwire.runner.python.channel import MessageReader, ancillary, pack
from checkwire.runner.python.launch import ZygoteProcess
from checkwire.runner.python.linux import kill_marked
from checkwire.runner.python.messages import (
    Exited,
    Fork,
    Forked,
    Load,
    Loaded,
    Loading,
    NotForked,
    NotLoaded,
    Program,
    ReadsSecret,
    Ready,
    Response,
)

__all__ = ["Child", "CouldNotFork", "ZygoteHandle", "ZygoteLost"]

_OUTPUT_KEPT: Final = 16 * 1024
_REAPED_IN: Final = 5.0
_GONE_IN: Final = 10.0
_ENDS_IN: Final = 1.0
_LOOK_AGAIN: Final = 0.01

LoadResponse = Loading | ReadsSecret | Loaded | NotLoaded | Ready


class ZygoteLost(Exception):  # noqa: N818 - what happened
    """The zygote died, or had to be killed."""


class CouldNotFork(Exception):  # noqa: N818
    """The operating system refused to fork; its reason is the message."""


class Child:
    """A child of the zygote, one attempt's process.

    Attributes:
        pid: its process id. Not to be signalled: it may be another process's by then.
        exited: done when the child is gone; ``None`` if it went with its zygote, so that nobody
            saw how.
    """

    def __init__(self, zygote: ZygoteHandle, pid: int, pidfd: int | None) -> None:
        self.pid = pid
        self.exited: asyncio.Future[Exited | None] = asyncio.get_running_loop().create_future()
        self._zygote = zygote
        self._pidfd = pidfd
        self._overdue: asyncio.TimerHandle | None = None
        if pidfd is not None:
            asyncio.get_running_loop().add_reader(pidfd, self._died)

    def signal(self, number: int) -> None:
        """Send the child a signal, if it is still there."""
        with suppress(ProcessLookupError):
            if sys.platform == "linux" and self._pidfd is not None:
                signal.pidfd_send_signal(self._pidfd, number)
            elif not self.exited.done():
                os.kill(self.pid, number)

    def end(self, exited: Exited | None) -> None:
        """It is gone, and reaped."""
        if self._overdue is not None:
            self._overdue.cancel()
        self._release()
        if not self.exited.done():
            self.exited.set_result(exited)

    def orphan(self) -> None:
        """The zygote is gone, so nobody will say what becomes of the child: it has to go."""
        self.signal(signal.SIGKILL)
        if self._pidfd is None or self._overdue is not None:
            self.end(None)
        else:
            self._overdue = asyncio.get_running_loop().call_later(_GONE_IN, self.end, None)

    def _died(self) -> None:
        # A zombie now. If the zygote does not say so, it has been stopped, or is being traced.
        loop = asyncio.get_running_loop()
        if self._pidfd is not None:
            loop.remove_reader(self._pidfd)
        if self._zygote.lost.is_set():
            self.end(None)
        else:
            self._overdue = loop.call_later(_REAPED_IN, self._zygote.kill)

    def _release(self) -> None:
        if self._pidfd is not None:
            asyncio.get_running_loop().remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = None


class ZygoteHandle:
    """Speaks with one zygote, from the running loop, as long as it lives.

    Attributes:
        lost: set once the process is gone.
        status: how it ended, as ``os.wait`` has it.
    """

    def __init__(self, process: ZygoteProcess) -> None:
        self.lost = asyncio.Event()
        self.status = 0
        self._loop = asyncio.get_running_loop()
        self._process = process
        self._output = bytearray()
        self._socket = socket.socket(fileno=process.control)
        self._socket.setblocking(False)
        os.set_blocking(process.output, False)
        self._responses: MessageReader[Response] = MessageReader(self._socket, Response)
        self._loading: asyncio.Queue[LoadResponse | None] = asyncio.Queue()
        self._births: dict[int, asyncio.Future[Child]] = {}
        self._children: dict[int, Child] = {}
        self._forks = 0
        self._ready = False
        self._orderly = False
        self._killing: asyncio.TimerHandle | None = None
        self._sending = asyncio.Lock()
        self._loop.add_reader(self._socket, self._read_responses)
        self._loop.add_reader(process.output, self._read_output)
        self._ending = self._loop.create_task(self._wait_for_end())

    @property
    def output(self) -> str:
        """The end of what was printed while files were imported."""
        return self._output.decode("utf-8", "replace")

    async def load(self, request: Load) -> None:
        """Ask it to import; see :meth:`loading` for what comes of it."""
        await self._send(request, ())

    async def loading(self) -> LoadResponse:
        """The next thing it says while it imports.

        Raises:
            ZygoteLost: it is gone.
        """
        response = await self._loading.get()
        if response is None:
            self._loading.put_nowait(None)
            raise ZygoteLost
        return response

    async def fork(
        self,
        fds: Sequence[int],
        isolation: Isolation = "process",
        program: Program | None = None,
    ) -> Child:
        """Have a child forked.

        Args:
            fds: for :data:`messages.FORK_FDS`, or :data:`messages.WORKER_FDS`; they are the
                caller's to close afterwards.
            isolation: what the child is to be in; ``"shared"`` makes it a worker.
            program: what it shall execute, if it is not to run a check of the zygote's own.

        Raises:
            CouldNotFork: the operating system refused.
            ZygoteLost: it is gone.
        """
        if self.lost.is_set():
            raise ZygoteLost
        self._forks += 1
        number = self._forks
        birth: asyncio.Future[Child] = self._loop.create_future()
        self._births[number] = birth
        try:
            await self._send(Fork(id=number, isolation=isolation, program=program), fds)
            return await birth
        finally:
            # A child that is born later finds its job's pipe closed, and ends at once.
            self._births.pop(number, None)

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Kill it. It is not reaped before :attr:`lost` is set, so the pid is its own."""
        if not self.lost.is_set():
            os.kill(self._process.pid, number)

    async def close(self) -> None:
        """Let it end itself and everything below it, and wait until it is gone."""
        if self._ready and not self.lost.is_set():
            self._orderly = True
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_WR)
        else:
            self.kill()  # while it imports it does not look at its socket
        try:
            async with asyncio.timeout(_GONE_IN):
                await self.lost.wait()
        except TimeoutError:
            self._orderly = False
        finally:
            self.kill()
            await self._ending

    async def _send(self, message: msgspec.Struct, fds: Sequence[int]) -> None:
        async with self._sending:
            data = memoryview(pack(message))
            while data:
                try:
                    sent = self._socket.sendmsg([data], ancillary(fds))
                except BlockingIOError:
                    await self._writable()
                except OSError as error:
                    raise ZygoteLost from error
                else:
                    data, fds = data[sent:], ()

    async def _writable(self) -> None:
        writable = asyncio.Event()
        self._loop.add_writer(self._socket, writable.set)
        try:
            await writable.wait()
        finally:
            self._loop.remove_writer(self._socket)

    def _read_responses(self) -> None:
        try:
            responses = self._responses.read()
        except BlockingIOError:
            return
        except (OSError, ValueError):
            responses = None
        if responses is None:
            # Without its end of the socket it is of no use. It is about to end, if all is well.
            self._loop.remove_reader(self._socket)
            self._killing = self._loop.call_later(_ENDS_IN, self.kill)
            return
        for response in responses:
            self._take(response)

    def _take(self, response: Response) -> None:
        match response:
            case Forked(id=number, pid=pid):
                self._born(number, pid)
            case NotForked(id=number, reason=reason):
                birth = self._births.get(number)
                if birth is not None and not birth.done():
                    birth.set_exception(CouldNotFork(reason))
            case Exited(id=number):
                if (child := self._children.pop(number, None)) is not None:
                    child.end(response)
            case _:
                self._ready = self._ready or isinstance(response, Ready)
                self._loading.put_nowait(response)

    def _born(self, number: int, pid: int) -> None:
        pidfd = self._responses.fds.popleft() if self._responses.fds else None
        child = self._children[number] = Child(self, pid, pidfd)
        birth = self._births.get(number)
        if birth is None or birth.done():
            child.signal(signal.SIGKILL)  # nobody waits for it any more
        else:
            birth.set_result(child)

    def _read_output(self) -> None:
        try:
            data = os.read(self._process.output, 64 * 1024)
        except BlockingIOError:
            return
        if not data:  # it has closed its end, and may go on all the same
            self._loop.remove_reader(self._process.output)
        self._output += data
        del self._output[:-_OUTPUT_KEPT]

    async def _wait_for_end(self) -> None:
        """Wait until the process is gone, however that comes; then see to what depended on it."""
        self.status = await _wait_for(self._process.pid)
        self.lost.set()
        if self._killing is not None:
            self._killing.cancel()
        with suppress(OSError, ValueError):
            while (responses := self._responses.read()) is not None:
                for response in responses:
                    self._take(response)
        self._loop.remove_reader(self._socket)
        self._socket.close()
        self._responses.close_fds()
        self._read_output()
        self._loop.remove_reader(self._process.output)
        os.close(self._process.output)
        self._loading.put_nowait(None)
        for birth in self._births.values():
            if not birth.done():
                birth.set_exception(ZygoteLost())
        if not self._orderly:
            kill_marked(self._process.token)
        for child in self._children.values():
            child.orphan()


async def _wait_for(pid: int) -> int:
    """Reap a child of this process when it ends; its status as ``os.wait`` has it."""
    loop = asyncio.get_running_loop()
    if sys.platform == "linux":
        pidfd = os.pidfd_open(pid)
        ended = asyncio.Event()
        loop.add_reader(pidfd, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(pidfd)
            os.close(pidfd)
        with suppress(ChildProcessError):  # whoever ignores SIGCHLD gets no status
            return os.waitpid(pid, 0)[1]  # noqa: ASYNC222 - it has ended
        return 0
    while True:
        found, status = os.waitpid(pid, os.WNOHANG)  # noqa: ASYNC222 - it does not wait
        if found:
            return status
        await asyncio.sleep(_LOOK_AGAIN)
