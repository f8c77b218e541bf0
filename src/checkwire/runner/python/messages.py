"""What the runner, the zygote and its children say to each other."""

from __future__ import annotations

from typing import Final

import msgspec

from checkwire.model.definition import CheckDefinition, Isolation
from checkwire.model.failures import Failure
from checkwire.project.config import Project
from checkwire.runner.python.environ import Variables

__all__ = [
    "FORK_FDS",
    "WARM",
    "WORKER_FDS",
    "Connecting",
    "Exited",
    "Fork",
    "Forked",
    "Job",
    "Load",
    "Loaded",
    "Loading",
    "NotForked",
    "NotLoaded",
    "Program",
    "ReadsSecret",
    "Ready",
    "Request",
    "Response",
]


class _Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag=str.lower):
    """What all messages share."""


class Load(_Message, frozen=True, kw_only=True, omit_defaults=True):
    """To the zygote, once: import these files of the project.

    Attributes:
        project: its folder becomes the working directory.
        files: check files, absolute paths.
        env: the whole environment that they see while they are imported; no secrets of the project.
        descriptors: the soft limit of open ones for the zygote and its children.
        many: whether it pays to have everything ready that some check might need.
        readable: files outside of the project that its checks read, absolute paths: a sandbox must
            know of them.
        sandboxed: whether there are to be sandboxes in any case, not only if a check in one of the
            files asks for one.
    """

    project: Project
    files: tuple[str, ...]
    env: Variables = {}
    descriptors: int | None = None
    many: bool = False
    readable: tuple[str, ...] = ()
    sandboxed: bool = False


class Program(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a child shall execute at once, instead of a check of the zygote's own.

    It finds its job where the descriptor says that is its last argument but one, and writes its
    events to that which is the last.

    Attributes:
        arguments: the program's path and its arguments.
        env: variables that it has beside, or instead of, the zygote's.
        data: bytes of memory that it may take, as Linux counts them for ``RLIMIT_DATA``.
        cpu: seconds of CPU time it may use.
        files: how many files, sockets and pipes it may have open.
        file_size: bytes that a file may have to which it writes.
    """

    arguments: tuple[str, ...]
    data: int
    cpu: float
    files: int
    file_size: int
    env: Variables = {}


class Fork(_Message, frozen=True, kw_only=True, omit_defaults=True):
    """To the zygote: fork a child for an attempt. Comes with the descriptors of :data:`FORK_FDS`.

    Or, to be shared by attempts, a worker, with those of :data:`WORKER_FDS`.

    What the child shall do it reads itself, as a :class:`Job`, so that a secret is never in the
    memory that later children are copies of.

    Attributes:
        isolation: what the child shall be in. It is in it before it reads its job.
        program: what it shall execute, if it is not to run a check of the zygote's own.
    """

    id: int
    isolation: Isolation = "process"
    program: Program | None = None


FORK_FDS: Final = ("job", "stdout", "stderr", "events")
"""What the descriptors that come with :class:`Fork` are for, in their order."""

WORKER_FDS: Final = (*FORK_FDS, "board")
"""The same for a worker, see :mod:`checkwire.runner.python.shared.board`."""


WARM: Final = b"\n"
"""What a child writes to its events when it is ready for its job: an empty line, which is none."""


class Loading(_Message, frozen=True, kw_only=True, omit_defaults=True):
    """From the zygote: it is about to import this file, should it not be heard of again.

    Paths in these answers are relative to the project, with forward slashes.
    """

    path: str


class ReadsSecret(_Message, frozen=True, kw_only=True, omit_defaults=True):
    """From the zygote: the file reads this variable as a secret, which is to be masked."""

    name: str


class Loaded(_Message, frozen=True, kw_only=True, omit_defaults=True):
    """From the zygote: the file was imported, and declares these checks.

    ``blocking`` has the ids of those that are plain functions, and so take a thread for themselves.
    """

    path: str
    definitions: tuple[CheckDefinition, ...] = ()
    blocking: tuple[str, ...] = ()


class NotLoaded(_Message, frozen=True, kw_only=True, omit_defaults=True):
    """From the zygote: the file could not be imported.

    ``unsafe`` says that it left something behind with which the zygote must not fork, such as a
    thread. It has to be started again, without the file.
    """

    path: str
    failure: Failure
    unsafe: bool = False


class Ready(_Message, frozen=True, kw_only=True, omit_defaults=True):
    """From the zygote: every file was dealt with, and it waits for :class:`Fork`.

    ``no_sandbox`` says why checks that want one cannot have it. If none wants one, it is empty.
    """

    no_sandbox: str = ""


class Forked(_Message, frozen=True, kw_only=True, omit_defaults=True):
    """From the zygote: the child runs. Comes with its pidfd, where there are such."""

    id: int
    pid: int


class NotForked(_Message, frozen=True, kw_only=True, omit_defaults=True):
    """From the zygote: the operating system refused to fork, and this is what it said."""

    id: int
    reason: str


class Exited(_Message, frozen=True, kw_only=True, omit_defaults=True):
    """From the zygote: the child is gone, and whatever it left behind has been killed.

    Attributes:
        status: as ``os.wait`` has it.
        cpu_seconds: user and system time.
        peak_memory: bytes.
    """

    id: int
    status: int
    cpu_seconds: float = 0.0
    peak_memory: int = 0


Request = Load | Fork
"""What the zygote is asked."""

Response = Loading | ReadsSecret | Loaded | NotLoaded | Ready | Forked | NotForked | Exited
"""What the zygote says."""


class Connecting(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How the command line bends every connection of a run.

    Attributes:
        resolve: (host, port, address, port): connect there instead of looking the host up.
        ca: path of a file of certificate authorities to trust as well.
    """

    resolve: tuple[tuple[str, int, str, int], ...] = ()
    ca: str | None = None


class Job(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a child shall do. It comes from the runner itself, past the zygote.

    Attributes:
        definition: the check; options that the command line changed are changed in it.
        attempt: number of the attempt within its run, from 1.
        env: the process's environment, all of it, which is also what the SDK's ``env`` reads.
        secrets: values by name, to be masked wherever they appear.
        absent: for secrets that are declared and have no value, why, and how to set them.
        connecting: options for every connection.
    """

    definition: CheckDefinition
    attempt: int = 1
    env: Variables = {}
    secrets: Variables = {}
    absent: dict[str, str] = {}
    connecting: Connecting = Connecting()
