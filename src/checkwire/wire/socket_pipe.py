"""Bytes through a non-blocking socket, with the time at which each arrived."""

from __future__ import annotations

import asyncio
import select
import socket
import time
from collections import deque

from checkwire.wire.clock import Timeline
from checkwire.wire.kernel.stamps import (
    ANCILLARY_SIZE,
    enable_send_stamps,
    read_send_stamp,
    receive_stamp,
    stamp_request,
)
from checkwire.wire.pipe import REQUEST, Sink
from checkwire.wire.poll import ENDED, FAILED, READABLE, URGENT, WRITABLE, poller_of

__all__ = ["SocketPipe"]

_READ_SIZE = 128 * 1024
"""Bytes taken at once, and before other sockets get their turn."""
_HIGH_WATER = 256 * 1024
"""Bytes waiting to be written above which :meth:`SocketPipe.drain` waits."""
_AT_ONCE = 0.1
"""Seconds for :meth:`SocketPipe.read_now`, which a peer that never stops must not keep for ever."""
_ASKED = READABLE | URGENT | getattr(select, "POLLRDHUP", 0)

# One buffer for all reads of the process: it is filled and emptied within one call.
_buffer = bytearray(_READ_SIZE)
_view = memoryview(_buffer)

# Having freed a block of this size once, glibc no longer returns each smaller one to the system at
# once (mallopt(3), M_MMAP_THRESHOLD), to be faulted in again page by page for the next message.
_freed = bytes(8 * 1024 * 1024)  # which, unlike a bytearray's, are not touched
del _freed


class SocketPipe:
    """A connected, non-blocking socket on the running event loop."""

    __slots__ = (
        "_broken",
        "_closed",
        "_delivering",
        "_drained",
        "_eof",
        "_fd",
        "_hung_up",
        "_out",
        "_out_size",
        "_poller",
        "_read_on",
        "_tracked",
        "_tracking",
        "_unread",
        "ending",
        "kernel_clock",
        "loop",
        "paused",
        "sink",
        "socket",
        "timeline",
        "written",
    )

    def __init__(self, sock: socket.socket, timeline: Timeline, *, kernel_clock: bool) -> None:
        """Take over the socket.

        Args:
            sock: connected and non-blocking; closed with this pipe.
            timeline: where times are put.
            kernel_clock: whether receive stamps were enabled on the socket.
        """
        self.socket = sock
        self.timeline = timeline
        self.kernel_clock = kernel_clock
        self.sink: Sink | None = None
        self.loop = asyncio.get_running_loop()
        self._fd = sock.fileno()
        self._out: deque[tuple[memoryview | bytes, int]] | None = None
        self._out_size = 0
        self._drained: asyncio.Future[None] | None = None
        self.paused = False
        self.ending = False
        self._delivering = False
        self._hung_up = False
        self._read_on = False
        self._unread = False
        self._eof = False
        self._closed = False
        self._broken: OSError | None = None
        self.written = 0
        self._tracking = kernel_clock and enable_send_stamps(sock)
        self._tracked: dict[int, int] = {}
        self._poller = poller_of(self.loop)
        self._poller.register(self._fd, self._ready)

    # Reading

    def _ready(self, events: int) -> None:
        if events & FAILED:
            while self._read_send_stamp():
                pass
        self._mark(events)
        if events & (READABLE | ENDED):
            self._read()
        if events & WRITABLE and self._out and not self._closed:
            self._flush()

    def _mark(self, events: int) -> None:
        if events & (ENDED | URGENT):
            self._read_on = True
        if events & ENDED:
            self._hung_up = True

    def read_now(self) -> None:
        if self._delivering or self._closed:
            return
        while self._read_send_stamp():
            pass
        asked = select.poll()
        asked.register(self._fd, _ASKED)
        for _, events in asked.poll(0):
            self._mark(events)
            # A pipe may be told to do this while another one delivers what is in the buffer.
            self._read(memoryview(bytearray(_READ_SIZE)), time.monotonic() + _AT_ONCE)

    def _read(self, view: memoryview = _view, until: float = 0.0) -> None:
        while not (self._closed or self._eof):
            if self.paused:
                self._unread = True
                return
            try:
                size, ancillary, _, _ = self.socket.recvmsg_into((view,), ANCILLARY_SIZE)
            except (BlockingIOError, InterruptedError):
                if self._broken is not None:
                    self._lost(self._broken)
                return
            except OSError as error:
                self._lost(self._broken or error)
                return
            if not size:
                self._end()
                return
            at_ns = None
            if ancillary and (stamp_ns := receive_stamp(ancillary)):
                at_ns = self.timeline.place(stamp_ns)
            full = size == _READ_SIZE
            self.ending = self._hung_up and not full
            if self.sink is not None:
                self._delivering = True
                try:
                    if at_ns is None:
                        self.sink.data_received(view[:size], self.timeline.now(), False)
                    else:
                        self.sink.data_received(view[:size], at_ns, True)
                finally:
                    self._delivering = False
            if full:
                if time.monotonic() > until:
                    self.loop.call_soon(self._read)
                    return
                continue
            if not self._read_on and self._broken is None:
                return  # The socket is empty: a new edge will tell of more.

    def pause(self) -> None:
        if not self.paused and not self._closed:
            self.paused = True
            self._poller.want_read(self._fd, False)

    def resume(self) -> None:
        if self.paused:
            self.paused = False
            if not self._closed and not self._eof:
                self._poller.want_read(self._fd, True)
                if self._unread:
                    self._unread = False
                    self.loop.call_soon(self._read)

    # Writing

    def write(self, data: bytes, track: int = 0) -> None:
        if self._closed or self._broken is not None or not data:
            return
        if self._out:
            self._queue(data, track)
            return
        taken = self._send(data, track)
        if taken < len(data):
            self._queue(memoryview(data)[taken:], track)
            self._poller.want_write(self._fd)

    def _queue(self, data: bytes | memoryview, track: int) -> None:
        if self._out is None:
            self._out = deque()
        self._out.append((data, track))
        self._out_size += len(data)

    def _send(self, data: bytes | memoryview, track: int) -> int:
        try:
            if track and self._tracking:
                taken = self.socket.sendmsg((data,), stamp_request(acked=track != REQUEST))
                if taken == len(data):
                    # The kernel counts in 32 bits.
                    self._tracked[(self.written + taken - 1) & 0xFFFFFFFF] = track
                    # It has left already, in most cases: read at once, its stamp wakes nobody.
                    self._read_send_stamp()
            else:
                taken = self.socket.send(data)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError as error:
            self._break(error)
            return len(data)
        self.written += taken
        return taken

    def _break(self, error: OSError) -> None:
        """Nothing can be written any more, but the peer's last words may still be to be read."""
        self._broken = error
        self._out = None
        self._out_size = 0
        self._release_drain()
        # Not now: whoever writes is in the middle of its own work.
        self.loop.call_soon(self._read)

    def _flush(self) -> None:
        congested = self.congested
        while self._out:
            data, track = self._out.popleft()
            self._out_size -= len(data)
            taken = self._send(data, track)
            if taken < len(data):
                rest = memoryview(data)[taken:]
                self._out.appendleft((rest, track))
                self._out_size += len(rest)
                self._poller.want_write(self._fd)
                break
        if self._out_size <= _HIGH_WATER:
            self._release_drain()
        if not self._out:
            self._out = None
        if congested and not self.congested and self.sink is not None:
            self.sink.drained()

    async def drain(self) -> None:
        if self.congested:
            if self._drained is None:
                self._drained = self.loop.create_future()
            await asyncio.shield(self._drained)

    @property
    def unwritten(self) -> int:
        return self._out_size

    @property
    def congested(self) -> bool:
        return self._out_size > _HIGH_WATER

    def end_session(self) -> None:
        pass  # TCP has no other end than the one that closing sends.

    # Stamps of what was sent

    def _read_send_stamp(self) -> bool:
        stamp = read_send_stamp(self.socket) if self._tracked else None
        if stamp is None:
            return False
        number = self._tracked.get(stamp.offset)
        if number is None:
            return True
        at_ns = self.timeline.place(stamp.stamp_ns)
        if at_ns is not None and self.sink is not None:
            self.sink.sent(number, at_ns, stamp.acked)
        if number == REQUEST:
            del self._tracked[stamp.offset]
        while stamp.acked and self._tracked:
            # What was sent before it is acknowledged with it.
            earliest = next(iter(self._tracked))
            del self._tracked[earliest]
            if earliest == stamp.offset:
                break
        return True

    # The end

    def _end(self) -> None:
        if self._broken is not None:
            self._lost(self._broken)
            return
        self._eof = True
        self._poller.want_read(self._fd, False)
        if self.sink is not None:
            self.sink.eof_received(self.timeline.now())

    def _lost(self, error: OSError) -> None:
        if not self._closed and not self._eof:
            self._eof = True
            self._poller.want_read(self._fd, False)
            self._release_drain()
            if self.sink is not None:
                self.sink.pipe_lost(error)

    def _release_drain(self) -> None:
        if self._drained is not None:
            if not self._drained.done():
                self._drained.set_result(None)
            self._drained = None

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._out = None
        self._out_size = 0
        self._release_drain()
        # An acknowledgement may be waiting that no edge was handled for yet.
        while self._read_send_stamp():
            pass
        self._poller.unregister(self._fd)
        self.socket.close()
        self.sink = None
