"""How an attempt's process ended, and what that says of the attempt."""

from __future__ import annotations

import signal
from typing import Literal

import msgspec

from checkwire.model.attempt import Usage
from checkwire.model.definition import CheckDefinition
from checkwire.model.durations import format_seconds
from checkwire.model.failures import Failure, Location
from checkwire.model.sizes import size_text

__all__ = ["CRASHES", "LIMITS", "Exit", "failure_of_exit", "signal_name"]

Cause = Literal[
    "itself", "timeout", "output", "processes", "blocking", "cancelled", "lost", "not_started"
]
"""Who ended the process: it did; the runner, at the timeout, at a limit, as the check kept others
in the same process from running, or on request; the death of the process that it was forked from;
or nobody, as it never began."""

LIMITS: frozenset[Cause] = frozenset({"output", "processes"})
"""The limits that the runner itself holds an attempt to."""

CRASHES: dict[int, str] = {
    signal.SIGSEGV: "it touched memory that is not its own",
    signal.SIGBUS: "it touched memory that is not there",
    signal.SIGFPE: "an arithmetic error in native code",
    signal.SIGILL: "an instruction this processor does not have",
    signal.SIGABRT: "native code gave up",
    signal.SIGTRAP: "native code gave up",
}
"""What it means that a process was killed by one of these: its own native code went wrong."""

_TIMERS: dict[int, str] = {
    signal.SIGALRM: "an alarm",
    signal.SIGVTALRM: "a timer",
    signal.SIGPROF: "a timer",
}
"""Signals that a process has sent to itself, later on."""


class Exit(msgspec.Struct, frozen=True, kw_only=True):
    """The end of an attempt, as seen from outside its process.

    Attributes:
        at_ns: when it was noticed, on the attempt's timeline.
        started_ns: wall clock (Unix epoch) at 0 of that timeline, as the runner has it.
        cause: who ended it.
        code: the exit status, if it exited.
        signal: the signal's number, if it was killed by one.
        out_of_memory: the kernel killed for memory while the attempt ran.
        reached: how much there was, when a limit was exceeded.
        reason: the operating system's words, when it was not started; for how long it kept others
            from running.
        location: where in the check's source a crash took place, if that is known.
        usage: what the process used.
        starved_ns: for how long it had been waiting for a CPU when the runner ended it.
        failure: what it means, where the engine knows better than the status tells.
    """

    at_ns: int
    started_ns: int
    cause: Cause = "itself"
    code: int | None = None
    signal: int | None = None
    out_of_memory: bool = False
    reached: int = 0
    reason: str = ""
    location: Location | None = None
    usage: Usage = Usage()
    starved_ns: int = 0
    failure: Failure | None = None


def failure_of_exit(exit_: Exit, definition: CheckDefinition) -> Failure:
    """What the end of a process says of its check."""
    if exit_.failure is not None:
        return exit_.failure
    timeout = definition.timeout
    match exit_.cause:
        case "timeout":
            return Failure(
                code="script.blocked",
                message=f"The check did not stop at its timeout of {format_seconds(timeout)}, "
                "and was killed",
                location=exit_.location,
            )
        case "output":
            return Failure(
                code="runner.output",
                message="The check printed more than the "
                f"{size_text(definition.output)} that output= allows",
                evidence={"bytes": exit_.reached, "limit": definition.output},
            )
        case "processes":
            return Failure(
                code="runner.processes",
                message=f"The check had {exit_.reached:,} processes running that it had started; "
                f"processes= allows {definition.processes:,}",
                evidence={"processes": exit_.reached, "limit": definition.processes},
            )
        case "cancelled":
            return Failure(code="runner.cancelled", message="The run was cancelled")
        case "lost":
            return Failure(
                code="runner.lost",
                message="The process that runs checks died, and this check with it",
            )
        case "not_started":
            return Failure(
                code="runner.start",
                message=f"The check's process could not be started: {exit_.reason}",
            )
        case "blocking":
            where = "; it was here" if exit_.location else ""
            return Failure(
                code="runner.blocking",
                message="The check kept all others in its process from running for "
                f"{exit_.reason}, and was killed{where}",
                location=exit_.location,
            )
    if exit_.signal is not None:
        return _failure_of_signal(exit_, exit_.signal, definition)
    return Failure(
        code="script.exited",
        message=f"The check ended its own process (exit status {exit_.code}) "
        "before its function was over",
        evidence={} if exit_.code is None else {"exit_status": exit_.code},
        location=exit_.location,
    )


def _failure_of_signal(exit_: Exit, number: int, definition: CheckDefinition) -> Failure:
    name = signal_name(number)
    evidence = {"signal": name}
    if exit_.out_of_memory:
        return Failure(
            code="runner.memory",
            message="The kernel killed the check: the machine, or its cgroup, is out of memory",
            hint="Free memory there, or lower memory= so that the check is told first",
            evidence=evidence,
        )
    cpu_seconds = exit_.usage.cpu_seconds
    # Who ignores the signal is killed for it a second later.
    if number == signal.SIGXCPU or (number == signal.SIGKILL and cpu_seconds > definition.cpu):
        return Failure(
            code="runner.cpu",
            message="The check used more CPU time than the "
            f"{format_seconds(definition.cpu)} that cpu= allows",
            evidence={**evidence, "cpu_seconds": round(cpu_seconds, 3)},
            location=exit_.location,
        )
    if (meaning := CRASHES.get(number)) is not None:
        return Failure(
            code="script.crashed",
            message=f"The check's process crashed with {name}: {meaning}",
            evidence=evidence,
            location=exit_.location,
        )
    if (timer := _TIMERS.get(number)) is not None:
        return Failure(
            code="script.crashed",
            message=f"The check's process was ended by {name}: "
            f"{timer} that it had set, and no handler for it",
            hint=f"Set a handler for {name} first; timeout= ends a check too",
            evidence=evidence,
            location=exit_.location,
        )
    if number == signal.SIGKILL:
        return Failure(
            code="runner.killed",
            message=f"The check's process was killed from outside, by {name}",
            evidence=evidence,
        )
    return Failure(
        code="runner.killed",
        message=f"The check's process was stopped from outside, by {name}",
        hint="Whoever stops services or processes on this machine may have sent it; "
        "so may the check itself, with os.kill or signal.raise_signal",
        evidence=evidence,
    )


def signal_name(number: int) -> str:
    """``SIGSEGV`` and the like."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
