"""A program that a keeper runs for us: see :mod:`checkwire.runner.keeper`."""

from __future__ import annotations

import asyncio
import fcntl
import os
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from typing import Any

from checkwire.runner.keeper import END, KILL, LOOK, Job

__all__ = ["Kept"]

_MAIN = "from checkwire.runner.keeper import main; main()"
_TAIL = 2000
_MOST_OUTPUT = 1 << 20


class Kept:
    """A program, what it starts, and their output, from here until :meth:`kill`.

    Nothing of it is left when this process is gone, however that ends.

    Raises:
        OSError: on making one, when there are no more processes or descriptors to be had.
    """

    def __init__(self) -> None:
        self._output: Any = tempfile.TemporaryFile()  # noqa: SIM115 - closed by kill
        # So that it can be emptied while others write to it.
        flags = fcntl.fcntl(self._output, fcntl.F_GETFL)
        fcntl.fcntl(self._output, fcntl.F_SETFL, flags | os.O_APPEND)
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        self._control = ours
        self._told = b""
        try:
            with theirs:
                self._keeper = subprocess.Popen(
                    # -P: a file of the user's in the current folder must not stand for a library.
                    [sys.executable, "-P", "-c", _MAIN, str(theirs.fileno())],
                    stdin=subprocess.DEVNULL,
                    stdout=self._output,
                    stderr=subprocess.STDOUT,
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,  # Ctrl-C at a terminal is for us alone.
                )
        except BaseException:
            ours.close()
            self._output.close()
            raise

    async def start(self, job: Job) -> None:
        """Start the program, once.

        Raises:
            OSError: it cannot be started.
        """
        if not await self._ask(job.pack(), b"\n"):
            raise OSError(None, "the process that was to start it has ended")
        word, _, number = self._told.splitlines()[0].decode().partition(" ")
        if word == "failed":
            raise OSError(int(number), os.strerror(int(number)))

    async def _ask(self, what: bytes, answer: bytes) -> bool:
        """Tell the keeper something, and wait for its answer; false if it has none to give."""
        loop, before = asyncio.get_running_loop(), self._told.count(answer)
        with suppress(ConnectionError):
            await loop.sock_sendall(self._control, what)
            while self._told.count(answer) == before:
                data = await loop.sock_recv(self._control, 256)
                if not data:
                    break
                self._told += data
        return self._told.count(answer) > before

    async def look(self) -> int | None:
        """The :attr:`status` as of now, or later: the keeper is asked."""
        if not await self._ask(LOOK, b"looked\n"):
            self._keeper.wait()  # Its socket closes a moment before it has ended.
        return self.status

    @property
    def status(self) -> int | None:
        """What the program has ended with, negative for a signal; ``None`` if it has not.

        Where only the keeper is known to have ended, the keeper's.
        """
        with suppress(OSError):
            while data := self._control.recv(256):
                self._told += data
        lines = self._told.decode().splitlines()
        ended = next((line for line in lines if line.startswith("ended ")), None)
        return self._keeper.poll() if ended is None else int(ended.split()[1])

    def ask_to_end(self) -> None:
        """Let all of it end; after some seconds the keeper kills what has not."""
        with suppress(OSError):
            self._control.send(END)

    @property
    def is_gone(self) -> bool:
        """Whether nothing is left."""
        return self._keeper.poll() is not None

    def kill(self) -> None:
        """Leave nothing of it."""
        with suppress(OSError):
            self._control.send(KILL)
        self._control.close()
        self._keeper.wait()
        self._output.close()

    def trim(self) -> None:
        """Forget what it has printed, if that is much."""
        if os.fstat(self._output.fileno()).st_size > _MOST_OUTPUT:
            os.ftruncate(self._output.fileno(), 0)

    def tail(self) -> str:
        """The end of what it has printed."""
        self._output.seek(0, os.SEEK_END)
        self._output.seek(max(0, self._output.tell() - _TAIL))
        text: str = self._output.read().decode("utf-8", "replace").strip()
        return text
