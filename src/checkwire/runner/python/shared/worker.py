"""The worker: a process forked from the zygote that runs many attempts in one event loop."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import os
import resource
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Final, NoReturn

import msgspec

from checkwire.runner.python.catalog import Catalog
from checkwire.runner.python.channel import Unpacker
from checkwire.runner.python.child import ChildFds, isolate, take_fds
from checkwire.runner.python.environ import from_bytes, set_environ
from checkwire.runner.python.linux import address_space
from checkwire.runner.python.messages import Job
from checkwire.runner.python.script import Prepared, context_of, count_everywhere
from checkwire.runner.python.shared.attribution import Executor, attribute_everything
from checkwire.runner.python.shared.board import BEAT_NS, Board
from checkwire.runner.python.shared.loop import WorkerLoop, watch_callbacks, watch_other_loops
from checkwire.runner.python.shared.messages import (
    BROKEN,
    ENDED,
    Begin,
    Cancel,
    Ended,
    Order,
    Take,
)
from checkwire.runner.python.shared.outbox import Outbox
from checkwire.runner.python.shared.script import SharedScript, Voice, running
from checkwire.sdk.context import Context, enter

__all__ = ["run_worker"]

_CHUNK: Final = 256 * 1024
_BEAT: Final = 0.25
_GARBAGE: Final = 20_000
"""Objects made, and not freed again, after which it is looked for garbage."""
_OLD_GARBAGE: Final = 50
"""Every how many times older objects are looked through too."""
_LOOK_AT_MEMORY: Final = 20
"""Every how many attempts the worker's memory is looked at."""
_SPARE_MEMORY: Final = 256 * 1024 * 1024


def run_worker(
    catalog: Catalog, fds: ChildFds, board: int, zygote: int, inherited: tuple[int, ...]
) -> NoReturn:
    """Run what attempts are asked for, until the runner hangs up. Call it right after the fork.

    Args:
        catalog: the checks that were imported.
        fds: the descriptors that came with the request: orders come through that for the job.
        board: a descriptor of the board.
        zygote, inherited: as for a child.
    """
    status = BROKEN
    try:
        isolate(zygote, inherited)
        events = take_fds(fds)
        view = Board(board)
        os.close(board)
        Worker(catalog, fds.job, events, view).run()
        status = 0
    except BaseException:
        with suppress(BaseException):
            os.write(2, traceback.format_exc().encode(errors="backslashreplace"))
    finally:
        os._exit(status)


class Worker:
    """Runs attempts.

    Args:
        catalog: the checks.
        orders: descriptor from which :data:`Order` messages are read.
        events: descriptor for records.
        board: shared with the runner.
    """

    def __init__(self, catalog: Catalog, orders: int, events: int, board: Board) -> None:
        enter(Context(), everywhere=True)  # What is no attempt's is told nobody.
        self._catalog = catalog
        self._orders = orders
        self._board = board
        self._scripts: dict[int, SharedScript] = {}
        self._loop = WorkerLoop(self._scripts)
        for fd in (orders, events):
            os.set_blocking(fd, False)
        self._outbox = Outbox(events, board, self._loop)
        self._unpacker: Unpacker[Order] = Unpacker(Order)
        self._drivers: set[asyncio.Task[None]] = set()
        self._env: dict[str, str] = {}
        self._begin: Begin | None = None
        self._path = ""
        self._memory = 0
        self._started_with = address_space()
        self._ended = 0
        self._collections = 0
        self._wanted = True
        self._broken: BaseException | None = None
        self._context = contextvars.copy_context()

    def run(self) -> None:
        """Take orders until there will be none any more."""
        gc.disable()  # Whoever runs when garbage is found would answer for what that sets off.
        gc.freeze()
        loop = self._loop
        asyncio.set_event_loop(loop)
        loop.set_default_executor(Executor())
        count_everywhere()
        watch_callbacks(self._board, self._held_up)
        watch_other_loops()
        attribute_everything(self._enter)
        loop.add_reader(self._orders, self._read_orders)
        self._beat()
        while self._wanted:
            loop.run_forever()  # An attempt may have stopped it.
            if self._broken is not None:
                raise self._broken

    # Orders

    def _read_orders(self) -> None:
        try:
            data = os.read(self._orders, _CHUNK)
        except BlockingIOError:
            return
        if not data:
            self._wanted = False
            self._loop.stop()
            return
        for order in self._unpacker.feed(data):
            match order:
                case Take():
                    self._take(order)
                case Cancel(number=number):
                    if (script := self._scripts.get(number)) is not None:
                        script.cancel()
                case Begin():
                    self._begin = order
                    self._env = from_bytes(order.env)
                    set_environ(order.env)

    def _take(self, order: Take) -> None:
        begin = self._begin
        assert begin is not None
        self._allow(order.definition.memory)
        job = Job(
            definition=order.definition,
            attempt=order.attempt,
            secrets=begin.secrets,
            absent=begin.absent,
            connecting=begin.connecting,
        )
        context = contextvars.copy_context()
        driver = context.run(self._prepare, order, job)
        self._drivers.add(driver)
        driver.add_done_callback(self._driven)

    def _driven(self, driver: asyncio.Task[None]) -> None:
        self._drivers.discard(driver)
        if not driver.cancelled() and (error := driver.exception()) is not None:
            self._broken = error
            self._loop.stop()

    def _prepare(self, order: Take, job: Job) -> asyncio.Task[None]:
        """Begin an attempt, in its own context."""
        check = self._catalog.script(order.definition)
        voice = Voice(self._outbox, order.number)
        context = context_of(check, job, voice, env=self._env)
        script = SharedScript(context, voice, check.blame, order.definition)
        self._scripts[script.number] = script
        enter(context)
        running.set(script)
        script.tell_start(order.definition.id)
        # Not by the loop: it is no task of the attempt's own.
        return asyncio.Task(self._drive(script, check), loop=self._loop)

    async def _drive(self, script: SharedScript, check: Prepared) -> None:
        try:
            await script.run_beside(check.function, check.arguments)
        finally:
            # In the worker's context: what is left of the attempt must not run any more.
            self._loop.call_soon(self._end, script, context=self._context)

    def _end(self, script: SharedScript) -> None:
        unfit = script.close()
        self._loop.forget_readers(script)
        del self._scripts[script.number]
        self._ended += 1
        cause = script.cause
        ended = Ended(
            cause="itself" if cause == "cancelled" else cause,
            busy_ns=script.busy_ns,
            held_up_ns=script.held_up_ns,
            resident=_resident() if self._ended % _LOOK_AT_MEMORY == 1 else 0,
            unfit=unfit,
        )
        self._outbox.put_whole(script.number, ENDED, msgspec.msgpack.encode(ended))
        self._collect_garbage()

    # What all attempts share

    def _held_up(self, culprit: SharedScript, spent_ns: int) -> None:
        for script in self._scripts.values():
            if script is not culprit:
                script.held_up_ns += spent_ns

    def _enter(self, script: SharedScript) -> None:
        if script.definition.path != self._path:
            self._path = script.definition.path
            self._catalog.enter(script.definition)

    def _allow(self, memory: int) -> None:
        """Let the process have what an attempt may, and some more, for it is not alone."""
        if memory <= self._memory:
            return
        self._memory = memory
        limit = self._started_with + memory + _SPARE_MEMORY
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        if hard != resource.RLIM_INFINITY:
            limit = min(limit, hard)
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_AS, (limit, hard))

    def _beat(self) -> None:
        self._board.slots[BEAT_NS] = time.monotonic_ns()
        self._collect_garbage()
        self._loop.call_later(_BEAT, self._beat, context=self._context)

    def _collect_garbage(self) -> None:
        if gc.get_count()[0] > _GARBAGE:
            self._collections += 1
            gc.collect(1 if self._collections % _OLD_GARBAGE else 2)


def _resident() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return pages * resource.getpagesize()
