"""What a check is: its name, where its code stands, when and where and how it runs."""

from __future__ import annotations

from typing import Literal

import msgspec

__all__ = [
    "CheckDefinition",
    "CheckOptions",
    "EngineName",
    "Isolation",
    "Retries",
    "RetryLocation",
    "RetryStrategy",
    "Scheduling",
]

EngineName = Literal["python", "node", "playwright"]
"""What runs a check: Python; Node, for JavaScript and TypeScript; Playwright, for its own tests."""

RetryStrategy = Literal["none", "fixed", "linear", "exponential"]
RetryLocation = Literal["same", "other"]
Scheduling = Literal["parallel", "round-robin"]
"""How runs spread over a check's locations: each due run at all of them, or at them in turn."""
Isolation = Literal["process", "shared", "sandbox"]
"""What an attempt runs in: a process of its own; a warm one that it shares with others; one of its
own that can reach the network, the project's files and little else."""


class Retries(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What to do after an attempt that did not pass.

    Attributes:
        strategy: ``none``; ``fixed`` waits ``delay`` before each retry; ``linear`` waits
            ``delay * n`` before the n-th; ``exponential`` waits ``delay * 2 ** (n - 1)``.
        max: how many retries at most.
        delay: seconds, see ``strategy``.
        max_duration: seconds for all attempts and waits together; no retry starts after it.
        only: retry after these failures only, after all that are worth it if empty: codes
            (``tls.handshake_failed``), floors (``tls.*``), or who is to blame (``path``).
        location: ``other`` tries again at the check's next location, if it has several.
    """

    strategy: RetryStrategy = "none"
    max: int = 0
    delay: float = 1.0
    max_duration: float = 600.0
    only: tuple[str, ...] = ()
    location: RetryLocation = "same"

    def delay_before(self, retry: int) -> float | None:
        """Seconds to wait before the given retry (from 1); ``None`` if there is none."""
        if self.strategy == "none" or retry > self.max:
            return None
        match self.strategy:
            case "linear":
                return self.delay * retry
            case "exponential":
                return float(self.delay * 2 ** (retry - 1))
            case _:
                return self.delay


class CheckOptions(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What may be said of a check, or of all checks of a project.

    Attributes:
        every: seconds between runs; ``None`` if it has a ``cron``, or is not scheduled.
        cron: when it runs, as five fields: minute, hour, day of month, month, day of week.
        timezone: the IANA name of the zone whose clock ``cron`` goes by.
        scheduling: how runs spread over ``locations``.
        timeout: seconds an attempt may take.
        degraded: seconds above which a passing attempt is degraded.
        locations: names of the places that it runs at.
        tags: words to select checks by.
        retries: what to do after an attempt that did not pass.
        memory: bytes of address space each process of an attempt may use.
        cpu: seconds of CPU time each process of an attempt may use.
        processes: how many an attempt may have started that are still there, its own not counted.
        files: how many files, sockets and pipes each process of an attempt may have open.
        file_size: bytes that a file may have to which an attempt writes.
        output: bytes that an attempt may print, stdout and stderr together.
        isolation: what keeps an attempt apart from others, and from the machine; ``None`` where
            that depends on what the check is made of.
        needs: names of variables without which the check is skipped.
        activated: whether it runs at all; otherwise it is skipped.
    """

    every: float | None = None
    cron: str | None = None
    timezone: str = "UTC"
    scheduling: Scheduling = "parallel"
    timeout: float = 30.0
    degraded: float | None = None
    locations: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    retries: Retries = Retries()
    memory: int = 1024 * 1024 * 1024
    cpu: float = 60.0
    processes: int = 100
    files: int = 1024
    file_size: int = 1024 * 1024 * 1024
    output: int = 256 * 1024 * 1024
    isolation: Isolation | None = None
    needs: tuple[str, ...] = ()
    activated: bool = True


class CheckDefinition(CheckOptions, frozen=True, kw_only=True, omit_defaults=True):
    """One check, complete: the project's defaults are already in it.

    Attributes:
        id: stable: ``path::function[case]``, or what ``id=`` says. Its history hangs on it.
        name: for people.
        path: the check's file, relative to the project, with forward slashes.
        line: where its function, or its table, starts, from 1.
        function: the function's name; that of a table is made of the check's name. Empty where the
            whole file is the check.
        case: the case's name, when the check has cases.
        description: what it is for, in a sentence or two; may be empty.
        kind: ``script`` is code, ``declared`` a table in TOML, without any.
        engine: what runs it.
        script: the file that is run, relative to the project, if ``path`` only declares the check.
        isolation: as of its options, and always known.
    """

    id: str
    name: str
    path: str
    line: int
    function: str
    case: str | None = None
    description: str = ""
    kind: Literal["script", "declared"] = "script"
    engine: EngineName = "python"
    script: str = ""
    isolation: Isolation = "process"

    @property
    def is_scheduled(self) -> bool:
        """Whether it runs by itself; otherwise only when somebody asks for it."""
        return self.every is not None or self.cron is not None
