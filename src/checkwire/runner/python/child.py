"""The child: one attempt of one check, in a process of its own."""

from __future__ import annotations

import faulthandler
import fcntl
import gc
import math
import os
import resource
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from io import FileIO, TextIOWrapper
from typing import Any, Final, NamedTuple, NoReturn

import msgspec

from checkwire.model.events import Failed, Finished
from checkwire.model.failures import Failure
from checkwire.runner.python.environ import from_bytes, set_environ
from checkwire.runner.python.event_writer import EventWriter
from checkwire.runner.python.linux import address_space, adopt_orphans, die_with_parent
from checkwire.runner.python.messages import WARM, Job, Program
from checkwire.runner.python.sandbox.refusal import NoSandbox
from checkwire.runner.python.stdio import flush_stdio
from checkwire.runner.python.warmup import warm_up_child

__all__ = ["ChildFds", "Sandbox", "execute", "isolate", "run_child", "take_fds"]

_HIGH_FD: Final = 1000
"""Where the descriptor for events goes: out of the way of scripts that close what they see."""

_GC_THRESHOLDS: Final = (700, 10, 10)
"""Those of a fresh Python."""

_job_decoder = msgspec.msgpack.Decoder(Job)


class ChildFds(NamedTuple):
    """Descriptors for the child, in the order of :data:`messages.FORK_FDS`."""

    job: int
    stdout: int
    stderr: int
    events: int


class Sandbox(NamedTuple):
    """What a child in a sandbox has to do to itself: first of all, and when its job has come."""

    enter: Callable[[], None]
    seal: Callable[[], None]


def run_child(
    run: Callable[[Job, EventWriter], None],
    fds: ChildFds,
    zygote: int,
    inherited: tuple[int, ...],
    sandbox: Sandbox | None = None,
    warm_up: Callable[[], None] = warm_up_child,
) -> NoReturn:
    """Run the attempt that comes as a job, and end the process. Call it right after the fork.

    Args:
        run: what to do with a job, and where to tell of it.
        fds: the descriptors that came with the request.
        zygote: process id of the zygote.
        inherited: the zygote's own descriptors, to be closed. What check files opened while they
            were imported stays open, for it is theirs.
        sandbox: for a process that was forked into a cell: what it is to be in.
        warm_up: what makes the process ready, before it says that it is.
    """
    status = 1
    try:
        # From within a cell no parent can be seen. If it is gone, the job's pipe ends.
        isolate(zygote if sandbox is None else 0, inherited)
        events = take_fds(fds)
        mapped = address_space()
        if sandbox is not None:
            _or_tell(sandbox.enter, events)
        warm_up()
        # In a sandbox there may be no /proc to look into.
        mapped = address_space() or mapped
        # What ignores the signal that comes at the first limit of CPU time is killed at the second.
        faulthandler.register(signal.SIGXCPU, chain=True)
        gc.set_threshold(*_GC_THRESHOLDS)
        gc.enable()
        os.write(events, WARM)
        if sandbox is not None:
            _wait_for_job(fds.job)
            _or_tell(sandbox.seal, events)
        job = _read_job(fds.job)
        if job is not None:
            _limit(job, mapped)
            set_environ(job.env)
            if sandbox is not None:
                _use_private_folders()
            run(job, EventWriter(events))
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        flush_stdio()
        os._exit(status)


def execute(
    program: Program,
    fds: ChildFds,
    zygote: int,
    inherited: tuple[int, ...],
    sandbox: Sandbox | None = None,
) -> NoReturn:
    """Be another program, in the place of :func:`run_child`, isolated and limited as that is.

    Args:
        program: what to execute.
        fds: the descriptors that came with the request.
        zygote: process id of the zygote.
        inherited: the zygote's own descriptors, to be closed.
        sandbox: for a process that was forked into a cell: what it is to be in.
    """
    try:
        isolate(zygote if sandbox is None else 0, inherited)
        events = take_fds(fds)
        if sandbox is not None:
            _or_tell(sandbox.enter, events)
            _or_tell(sandbox.seal, events)
            _use_private_folders()
        job = fcntl.fcntl(fds.job, fcntl.F_DUPFD, events)
        os.close(fds.job)
        os.set_inheritable(events, True)
        cpu = math.ceil(time.process_time() + program.cpu)
        _set_limits(
            (resource.RLIMIT_CORE, 0, 0),
            (resource.RLIMIT_DATA, program.data, None),
            (resource.RLIMIT_CPU, cpu, cpu + 1),
            (resource.RLIMIT_NOFILE, program.files, None),
            (resource.RLIMIT_FSIZE, program.file_size, None),
        )
        path, *_ = program.arguments
        os.execve(
            path,
            [*program.arguments, str(job), str(events)],
            {**os.environ, **from_bytes(program.env)},
        )
    except BaseException:
        traceback.print_exc()
    finally:
        flush_stdio()
        os._exit(1)


def isolate(zygote: int, inherited: tuple[int, ...]) -> None:
    """Make a process that was just forked one of its own, which ends with the zygote."""
    os.setsid()
    die_with_parent()
    if os.getppid() != zygote:
        os._exit(0)
    adopt_orphans()
    for fd in inherited:
        os.close(fd)
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals():
        _reset(number)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _reset(number: int) -> None:
    """Give a signal the disposition it has when Python starts."""
    if number in (signal.SIGPIPE, signal.SIGXFSZ):
        wanted: signal._HANDLER = signal.SIG_IGN
    else:
        wanted = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
    if signal.getsignal(number) not in (wanted, None):
        with suppress(OSError):
            signal.signal(number, wanted)


def take_fds(fds: ChildFds) -> int:
    """Put the descriptors where they belong; returns the one for events."""
    stdin = os.open(os.devnull, os.O_RDONLY)
    for source, standard in ((stdin, 0), (fds.stdout, 1), (fds.stderr, 2)):
        os.dup2(source, standard)
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    high = max(3, min(_HIGH_FD, soft - 8))
    events = fcntl.fcntl(fds.events, fcntl.F_DUPFD_CLOEXEC, high)
    for fd in (stdin, fds.stdout, fds.stderr, fds.events):
        if fd > 2:
            os.close(fd)
    for fd, name in ((1, "stdout"), (2, "stderr")):
        how: dict[str, Any] = {"errors": "backslashreplace", "line_buffering": True}
        try:
            getattr(sys, name).reconfigure(encoding="utf-8", **how)
        except (AttributeError, ValueError, OSError):  # a check file has closed it
            setattr(sys, name, TextIOWrapper(FileIO(fd, "w", closefd=False), "utf-8", **how))
    return events


def _or_tell(contain: Callable[[], None], events: int) -> None:
    """Do what contains this process; if that fails, tell so, and end it."""
    try:
        contain()
    except NoSandbox as refusal:
        os.write(events, WARM)
        writer = EventWriter(events)
        message = f"The check's process could not be put into a sandbox: {refusal}"
        failure = Failure(code="runner.start", message=message)
        writer.write(Failed(at_ns=0, number=1, failure=failure))
        writer.write(Finished(at_ns=0, outcome="raised", raised=1))
        os._exit(1)


def _use_private_folders() -> None:
    """Let the variables that say where to put files name the one folder where that is possible."""
    from checkwire.runner.python.sandbox.view import PRIVATE

    folder, *_ = PRIVATE
    os.environ.update(HOME=folder, TMPDIR=folder)
    if (tempfile := sys.modules.get("tempfile")) is not None:
        tempfile.tempdir = None  # type: ignore[attr-defined]


def _wait_for_job(fd: int) -> None:
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    poll.poll()


def _read_job(fd: int) -> Job | None:
    """What to do; ``None`` if the runner went away without having said it."""
    with open(fd, "rb", buffering=0) as pipe:
        data = pipe.readall()
    return _job_decoder.decode(data) if data else None


def _limit(job: Job, mapped: int) -> None:
    """Let the process have no more than this.

    Memory counts from here: what the check files took when they were imported is not the
    attempt's, and what a Python process maps is not known to whoever writes ``memory=``. So the
    bytes that are mapped already are given.
    """
    check = job.definition
    cpu = math.ceil(time.process_time() + check.cpu)
    _set_limits(
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_AS, mapped + check.memory, None),
        (resource.RLIMIT_CPU, cpu, cpu + 1),
        (resource.RLIMIT_NOFILE, check.files, None),
        (resource.RLIMIT_FSIZE, check.file_size, None),
    )


def _set_limits(*limits: tuple[int, int, int | None]) -> None:
    """Set limits, each with its soft and its hard bound, which is the soft one if left out."""
    for kind, soft, hard in limits:
        _, most = resource.getrlimit(kind)
        bounds = (soft, soft if hard is None else hard)
        if most != resource.RLIM_INFINITY:
            bounds = (min(soft, most), min(bounds[1], most))
        with suppress(OSError, ValueError):  # macOS knows RLIMIT_AS, and refuses it
            resource.setrlimit(kind, bounds)
