"""The child: one attempt of one check, in a process of its own."""

from __future__ import annotations

import faulthandler
import fcntl
import gc
import math
import os
import resource
import signal
import sys
import time
import traceback
from contextlib import suppress
from io import FileIO, TextIOWrapper
from typing import Any, Final, NamedTuple, NoReturn

import msgspec

from checkwire.runner.python.catalog import Catalog
from checkwire.runner.python.environ import from_bytes, set_environ
from checkwire.runner.python.event_writer import EventWriter
from checkwire.runner.python.linux import adopt_orphans, die_with_parent
from checkwire.runner.python.messages import WARM, Job, Program
from checkwire.runner.python.warmup import warm_up_child

__all__ = ["ChildFds", "execute", "run_child"]

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


def run_child(catalog: Catalog, fds: ChildFds, zygote: int, inherited: tuple[int, ...]) -> NoReturn:
    """Run the attempt that comes as a job, and end the process. Call it right after the fork.

    Args:
        catalog: the checks that were imported.
        fds: the descriptors that came with the request.
        zygote: process id of the zygote.
        inherited: the zygote's own descriptors, to be closed. What check files opened while they
            were imported stays open, for it is theirs.
    """
    status = 1
    try:
        _isolate(zygote, inherited)
        events = _take_fds(fds)
        warm_up_child()
        _address_space()
        os.write(events, WARM)
        job = _read_job(fds.job)
        if job is not None:
            _limit(job)
            set_environ(job.env)
            gc.set_threshold(*_GC_THRESHOLDS)
            gc.enable()
            catalog.run(job, EventWriter(events))
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        _flush()
        os._exit(status)


def execute(program: Program, fds: ChildFds, zygote: int, inherited: tuple[int, ...]) -> NoReturn:
    """Be another program, in the place of :func:`run_child`, isolated and limited as that is.

    Args:
        program: what to execute.
        fds: the descriptors that came with the request.
        zygote: process id of the zygote.
        inherited: the zygote's own descriptors, to be closed.
    """
    try:
        _isolate(zygote, inherited)
        events = _take_fds(fds)
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
        _flush()
        os._exit(1)


def _isolate(zygote: int, inherited: tuple[int, ...]) -> None:
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


def _take_fds(fds: ChildFds) -> int:
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


def _read_job(fd: int) -> Job | None:
    """What to do; ``None`` if the runner went away without having said it."""
    with open(fd, "rb", buffering=0) as pipe:
        data = pipe.readall()
    return _job_decoder.decode(data) if data else None


def _limit(job: Job) -> None:
    """Let the process have no more than this.

    Memory counts from here: what the check files took when they were imported is not the
    attempt's, and what a Python process maps is not known to whoever writes ``memory=``.
    """
    check = job.definition
    cpu = math.ceil(time.process_time() + check.cpu)
    # What ignores the signal that comes at the first limit is killed at the second.
    faulthandler.register(signal.SIGXCPU, chain=True)
    _set_limits(
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_AS, _address_space() + check.memory, None),
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


def _address_space() -> int:
    try:
        with open("/proc/self/statm", "rb", buffering=0) as statm:  # noqa: PTH123 - for every attempt
            pages = int(statm.read(64).split()[0])
    except OSError:
        return 0
    return pages * resource.getpagesize()


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # it may be closed, or the script's own
            stream.flush()
