"""An attempt of no check, by a child that is then thrown away: what memory the others will touch.

It is a child like any other, up to the last event that it tells; so the others need not run
anything before they are ready.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from contextlib import ExitStack, suppress
from typing import Final

import msgspec

from checkwire.runner.python.child import ChildFds, run_child
from checkwire.runner.python.environ import Variables
from checkwire.runner.python.event_writer import EventWriter
from checkwire.runner.python.messages import Job
from checkwire.runner.python.warmup import job_of_warm_up, run_warm_up
from checkwire.runner.python.working_set import WorkingSet, touched

__all__ = ["rehearse"]

_PATIENCE: Final = 3.0


def rehearse(env: Variables, inherited: tuple[int, ...]) -> WorkingSet | None:
    """Fork a child for it, and wait until it is gone. ``None`` if nothing can be learnt here.

    Args:
        env: of the child.
        inherited: the calling process's own descriptors, which are not the child's.
    """
    if sys.platform != "linux":
        return None
    try:
        learnt = _told_by_child(msgspec.msgpack.encode(job_of_warm_up(env)), inherited)
        return msgspec.msgpack.decode(learnt, type=WorkingSet)
    except (OSError, msgspec.DecodeError):
        return None


def _told_by_child(job: bytes, inherited: tuple[int, ...]) -> bytes:
    with ExitStack() as ours, ExitStack() as theirs:
        jobs, sending = os.pipe()
        theirs.callback(os.close, jobs)
        sender = ours.enter_context(os.fdopen(sending, "wb", buffering=0))
        told, telling = os.pipe()
        ours.callback(os.close, told)
        theirs.callback(os.close, telling)
        nowhere = [os.open(os.devnull, os.O_WRONLY) for _ in range(3)]
        for fd in nowhere:
            theirs.callback(os.close, fd)

        def run(job: Job, events: EventWriter) -> None:
            run_warm_up(job, events)
            os.write(telling, msgspec.msgpack.encode(touched()))

        zygote = os.getpid()
        pid = os.fork()
        if pid == 0:
            fds = ChildFds(jobs, *nowhere)
            run_child(run, fds, zygote, (*inherited, sending, told), warm_up=lambda: None)
        theirs.close()
        try:
            sender.write(job)
            sender.close()
            return _read_all(told)
        finally:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)


def _read_all(fd: int) -> bytes:
    """What is written to a pipe until its end, which may take some time, but not for ever."""
    data = b""
    deadline = time.monotonic() + _PATIENCE
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    while (left := deadline - time.monotonic()) > 0 and poll.poll(left * 1e3):
        chunk = os.read(fd, 64 * 1024)
        if not chunk:
            break
        data += chunk
    return data
