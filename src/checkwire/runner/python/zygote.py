"""The zygote: a process that has imported the project's check files, and forks a child per attempt.

It has one thread, as a fork copies only the thread that forks, and locks held by others would stay
locked for ever. It keeps no secrets, for later children are copies of it. It lives as long as the
socket to the runner does.
"""

from __future__ import annotations

import faulthandler
import gc
import os
import resource
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from checkwire.model.failures import Failure, Location
from checkwire.runner.descriptors import lower_limit, open_descriptors
from checkwire.runner.python import streams
from checkwire.runner.python.catalog import Catalog
from checkwire.runner.python.channel import MessageReader, pack, send_all
from checkwire.runner.python.child import ChildFds, Sandbox, execute, run_child
from checkwire.runner.python.environ import from_bytes, set_environ
from checkwire.runner.python.footprint import Footprint
from checkwire.runner.python.launch import CONTROL_FD
from checkwire.runner.python.linux import (
    address_space,
    adopt_orphans,
    count_threads,
    die_with_parent,
)
from checkwire.runner.python.messages import (
    FORK_FDS,
    WORKER_FDS,
    Exited,
    Fork,
    Forked,
    Load,
    Loaded,
    Loading,
    NotForked,
    NotLoaded,
    ReadsSecret,
    Ready,
    Request,
    Response,
)
from checkwire.runner.python.reaper import Children
from checkwire.runner.python.rehearsal import rehearse
from checkwire.runner.python.sandbox.refusal import NoSandbox
from checkwire.runner.python.shared.worker import run_worker
from checkwire.runner.python.spawned import let_spawned_processes_find_checks
from checkwire.runner.python.stdio import flush_stdio
from checkwire.runner.python.warmup import prepare_for_many, warm_up_child, warm_up_zygote
from checkwire.runner.python.working_set import WorkingSet, populate
from checkwire.sdk.context import current

if TYPE_CHECKING:
    from checkwire.runner.python.sandbox.sandboxes import Sandboxes

__all__ = ["main"]

_NUMBERS_OF_THREADS = (
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
"""Variables that keep libraries such as numpy from starting threads when they are imported. Checks
have the environment of their jobs, without these."""

_MEMORY_OF_IMPORTS = 4 << 30
"""Bytes of address space that all check files may take together; some libraries reserve much."""
_THREADS_MAY_END_IN = 0.5
_LOOK_AGAIN_MS = 10
_SHUTDOWN = 5.0


def main() -> None:
    """Be a zygote. The argument is the process id of the parent to die with, or 0."""
    parent = int(sys.argv[1])
    sys.argv[:] = ["checkwire"]
    os.set_inheritable(CONTROL_FD, False)
    _close_what_is_nobodys()
    faulthandler.enable()
    # While files are imported, nothing but this notices that the runner is gone.
    if parent:
        die_with_parent()
        if os.getppid() != parent:
            sys.exit("The process that started this one is gone.")
    streams.install()
    adopt_orphans()
    let_spawned_processes_find_checks()
    # What imports leave behind is little, and frozen before the first fork.
    gc.disable()
    # While the runner still prepares. What a check comes to need, and is not imported here, every
    # child would have to import for itself.
    warm_up_zygote()
    zygote = Zygote(socket.socket(fileno=CONTROL_FD))
    try:
        zygote.load()
        zygote.serve()
    except (BrokenPipeError, ConnectionResetError):
        pass  # the runner is gone
    except OSError as error:
        sys.exit(f"A check file closed a descriptor that is not its own: {error}")
    zygote.end()


class Zygote:
    """Answers the runner's requests until its end of the socket closes.

    Args:
        control: the socket; see :mod:`checkwire.runner.python.messages`.
    """

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._requests: MessageReader[Request] = MessageReader(control, Request)
        self._pid = os.getpid()
        self._children = Children()
        self._sandboxes: Sandboxes | None = None
        self._working_set: WorkingSet | None = None
        self._emptying: dict[int, Exited] = {}
        self._awake, self._wake = os.pipe()
        os.set_blocking(self._wake, False)

    def load(self) -> None:
        """Import the files that the runner names, and say of each what became of it."""
        request = self._requests.read_one()
        if not isinstance(request, Load):
            raise TypeError(f"{request} came before any Load")
        set_environ(request.env)
        if request.descriptors is not None:
            lower_limit(request.descriptors)
        for name in _NUMBERS_OF_THREADS:
            os.environ.setdefault(name, "1")
        if _threads_left() > 1:
            sys.exit(
                f"A thread runs before any check file is imported{_named_threads()}. What Python "
                "itself starts with has started it: sitecustomize, or a .pth file of a package"
            )
        if request.many:
            prepare_for_many()
        os.chdir(request.project.root)
        self._catalog = Catalog(request.project)
        self._load_request = request
        # The context of all code outside of an attempt.
        current().on_secret = lambda name: self._say(ReadsSecret(name=name))
        with _memory_limited(max(_MEMORY_OF_IMPORTS, request.project.defaults.memory)):
            for file in request.files:
                path = self._catalog.relative(file)
                self._say(Loading(path=path))
                self._say(self._load(file, path))

    def _load(self, file: str, path: str) -> Response:
        footprint = Footprint()
        result = self._catalog.load(file)
        if os.getpid() != self._pid:
            os._exit(0)  # the file forked, and this is its child
        if functions := footprint.replaced():
            failure = result if isinstance(result, Failure) else _replaced(path, functions)
            return NotLoaded(path=path, failure=failure, unsafe=True)
        footprint.undo()
        if fault := footprint.broken_loops():
            return NotLoaded(path=path, failure=_broken_loops(path, fault))
        if (threads := _threads_left()) > 1:
            return NotLoaded(path=path, failure=_started_threads(path, threads), unsafe=True)
        if isinstance(result, Failure):
            return NotLoaded(path=path, failure=result)
        blocking = tuple(one.id for one in result if not self._catalog.is_async(one))
        return Loaded(path=path, definitions=result, blocking=blocking)

    def serve(self) -> None:
        """Fork a child for each request, and tell of each end, until the runner hangs up."""
        flush_stdio()
        _occupy_standard_fds()
        no_sandbox = self._prepare_sandboxes()
        gc.freeze()
        if self._load_request.many:
            inherited = (self._control.fileno(), self._awake, self._wake)
            self._working_set = rehearse(self._load_request.env, inherited)
        self._children = Children(self._inits)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        # From now on the socket tells that the runner is gone, in time to end the children's own
        # children too. The signal is for a zygote that a check has stopped.
        die_with_parent(signal.SIGCONT)
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        poll.register(self._awake, select.POLLIN)
        self._say(Ready(no_sandbox=no_sandbox))
        while True:
            timeout = _LOOK_AGAIN_MS if self._children.strays_left else None
            ready = {fd for fd, _ in poll.poll(timeout)}
            if self._awake in ready:
                os.read(self._awake, 4096)
            for exited in self._children.reap():
                self._ended(exited, poll)
            for fd in ready & self._emptying.keys():
                self._emptied(fd, poll)
            if self._control.fileno() in ready:
                requests = self._requests.read()
                if requests is None:
                    return
                for request in requests:
                    if isinstance(request, Fork):
                        self._fork(request)

    def _prepare_sandboxes(self) -> str:
        """If a check wants one, try whether there can be any; why there cannot."""
        wanted = (check.isolation == "sandbox" for check in self._catalog.definitions)
        if not self._load_request.sandboxed and not any(wanted):
            return ""
        from checkwire.runner.python.sandbox.sandboxes import Sandboxes

        load = self._load_request
        try:
            self._sandboxes = Sandboxes(load.project.root, load.readable, from_bytes(load.env))
            self._sandboxes.try_out((*load.files, *load.readable))
        except NoSandbox as refusal:
            return str(refusal)
        return ""

    def _inits(self) -> set[int]:
        return set() if self._sandboxes is None else self._sandboxes.cells.inits

    def _ended(self, exited: Exited, poll: select.poll) -> None:
        """Tell of a child's end, once nothing is left of what it may have started."""
        cells = None if self._sandboxes is None else self._sandboxes.cells
        if cells is None or (fd := cells.empty(exited.id)) is None:
            self._say(exited)
        else:
            self._emptying[fd] = exited
            poll.register(fd, select.POLLIN)

    def _emptied(self, fd: int, poll: select.poll) -> None:
        assert self._sandboxes is not None
        poll.unregister(fd)
        self._sandboxes.cells.emptied(fd)
        self._say(self._emptying.pop(fd))

    def _fork(self, request: Fork) -> None:
        is_worker = request.isolation == "shared"
        fds = [self._requests.fds.popleft() for _ in (WORKER_FDS if is_worker else FORK_FDS)]
        try:
            try:
                pid, sandbox = self._fork_process(request)
            except (OSError, NoSandbox) as error:
                self._say(NotForked(id=request.id, reason=str(error)))
                return
            if pid == 0:
                inherited = (
                    self._control.detach(),
                    self._awake,
                    self._wake,
                    *self._cell_fds(request.id),
                )
                if is_worker:
                    *standard, board = fds
                    run_worker(self._catalog, ChildFds(*standard), board, self._pid, inherited)
                if request.program is not None:
                    execute(request.program, ChildFds(*fds), self._pid, inherited, sandbox)
                run_child(
                    self._catalog.run,
                    ChildFds(*fds),
                    self._pid,
                    inherited,
                    sandbox,
                    self._warm_up_child,
                )
        finally:
            for fd in fds:
                os.close(fd)
        self._children.add(pid, request.id)
        self._tell_of(pid, request.id)

    def _warm_up_child(self) -> None:
        if self._working_set is None:
            warm_up_child()
        else:
            populate(self._working_set)

    def _fork_process(self, request: Fork) -> tuple[int, Sandbox | None]:
        """The process id, 0 in the child; and what the child is to put itself into."""
        attempt = request.id
        if request.isolation != "sandbox":
            return os.fork(), None
        sandboxes = self._sandboxes
        if sandboxes is None:
            raise OSError("no check had asked for a sandbox when the files were imported")
        pid = sandboxes.cells.fork(attempt)
        return pid, Sandbox(lambda: sandboxes.enter(attempt), sandboxes.seal)

    def _cell_fds(self, attempt: int) -> tuple[int, ...]:
        return () if self._sandboxes is None else self._sandboxes.cells.fds(attempt)

    def _tell_of(self, pid: int, attempt: int) -> None:
        forked = Forked(id=attempt, pid=pid)
        if sys.platform != "linux":
            self._say(forked)
            return
        # Opened before the child can have been reaped, so it is of this child for certain.
        pidfd = os.pidfd_open(pid)
        try:
            self._say(forked, [pidfd])
        finally:
            os.close(pidfd)

    def end(self) -> None:
        """Kill every process below this one, and wait until they are gone."""
        deadline = time.monotonic() + _SHUTDOWN
        while self._children.kill_all() and time.monotonic() < deadline:
            time.sleep(_LOOK_AGAIN_MS / 1000)
        os._exit(0)  # what check files left to be done at exit is not to be done here

    def _say(self, response: Response, fds: Iterable[int] = ()) -> None:
        send_all(self._control, pack(response), fds)


@contextmanager
def _memory_limited(size: int) -> Iterator[None]:
    """Let this process take no more address space than that meanwhile, beside what it has."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = address_space() + size
    if soft != resource.RLIM_INFINITY:
        limit = min(limit, soft)
    with suppress(OSError, ValueError):  # macOS knows it, and refuses it
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    yield
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _close_what_is_nobodys() -> None:
    """What whoever started the runner had open, such as a lock of a shell's, is not for checks."""
    for fd in open_descriptors():
        if fd > CONTROL_FD:
            with suppress(OSError):  # that with which they were found
                os.close(fd)


def _occupy_standard_fds() -> None:
    """Leave none of them closed, or a descriptor for a child would get its number."""
    while (fd := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(fd)


def _threads_left() -> int:
    """How many threads there are, once those that are about to end have had time to."""
    deadline = time.monotonic() + _THREADS_MAY_END_IN
    while (threads := count_threads()) > 1 and time.monotonic() < deadline:
        time.sleep(_LOOK_AGAIN_MS / 1000)
    return threads


def _replaced(path: str, functions: list[str]) -> Failure:
    shown = ", ".join(functions[:3]) + (", …" if len(functions) > 3 else "")
    return Failure(
        code="script.import",
        message=f"{path} replaces {shown} when it is imported; all checks share the process that "
        "imports it, and need them as they are",
        hint="Patch it inside the check function, which has a process of its own",
        location=Location(path, 1),
    )


def _broken_loops(path: str, fault: str) -> Failure:
    return Failure(
        code="script.import",
        message=f"{path} sets an event loop policy whose loops do not run ({fault})",
        hint="All checks would have to run in them: set it inside the check function",
        location=Location(path, 1),
    )


def _named_threads() -> str:
    names = [
        thread.name for thread in threading.enumerate() if thread is not threading.main_thread()
    ]
    return f" ({', '.join(names)})" if names else " (of a native library)"


def _started_threads(path: str, threads: int) -> Failure:
    return Failure(
        code="script.import",
        message=f"{path} starts {'a thread' if threads == 2 else f'{threads - 1} threads'} "
        f"when it is imported{_named_threads()}; attempts are forked from the process that imports "
        "it, and threads do not survive that",
        hint="Start it, or import the module that does, inside the check function",
        location=Location(path, 1),
    )
