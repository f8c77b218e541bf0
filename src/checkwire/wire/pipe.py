"""What a pipe is: a byte stream to a peer that tells when each piece arrived."""

from __future__ import annotations

import asyncio
import socket
from typing import Protocol

__all__ = ["REQUEST", "Pipe", "Sink"]

REQUEST = -1
"""What to track the first bytes of a phase as; frames have their own numbers, from 1.

Of these it matters when they left, not when they were acknowledged.
"""


class Sink(Protocol):
    """Where a pipe delivers."""

    def data_received(self, data: bytes | memoryview, at_ns: int, kernel: bool) -> None:
        """Bytes came; ``at_ns`` is when, by the kernel's clock or else by ours.

        ``data`` may be a buffer that the next read fills again: what is to stay is copied.
        """

    def eof_received(self, at_ns: int) -> None:
        """The peer will send no more."""

    def pipe_lost(self, error: OSError) -> None:
        """The connection broke."""

    def sent(self, number: int, at_ns: int, acked: bool) -> None:
        """What :meth:`Pipe.write` was told to track left the machine, or was acknowledged."""

    def drained(self) -> None:
        """The pipe is no longer congested."""


class Pipe(Protocol):
    """A byte stream to a peer: a socket, or TLS over one."""

    sink: Sink | None

    def write(self, data: bytes, track: int = 0) -> None:
        """Send, or queue what the socket does not take now.

        With a ``track`` number the kernel is asked when these bytes left and, but for
        :data:`REQUEST`, were acknowledged; the answers go to :meth:`Sink.sent`.
        """

    async def drain(self) -> None:
        """Wait until little is waiting to be written."""

    def pause(self) -> None:
        """Deliver nothing until :meth:`resume`; the kernel's buffers fill, and the peer waits."""

    def resume(self) -> None:
        """Deliver again."""

    def read_now(self) -> None:
        """Deliver what the kernel has, without waiting for the event loop to tell of it.

        For whoever is about to judge the peer: the loop may have been held up. Does nothing within
        a delivery of this pipe, whose order it would break.
        """

    def end_session(self) -> None:
        """Say that the end, which is to follow at once, is meant, where there is a way to."""

    def close(self) -> None:
        """Let go of the socket at once. No callback comes after this."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop it is on.

        To be asked for rather than the running one, which Python 3.11 finds with a system call.
        """

    @property
    def socket(self) -> socket.socket:
        """The socket underneath."""

    @property
    def kernel_clock(self) -> bool:
        """Whether the kernel stamps what is received."""

    @property
    def paused(self) -> bool:
        """Whether nothing is delivered."""

    @property
    def ending(self) -> bool:
        """Whether the peer's end is known to come right behind what is being delivered.

        The kernel may have joined both, and then gives them the time of the end.
        """

    @property
    def written(self) -> int:
        """Bytes that the kernel has taken."""

    @property
    def unwritten(self) -> int:
        """Bytes waiting to be written."""

    @property
    def congested(self) -> bool:
        """Whether so many are waiting that :meth:`drain` would wait."""
