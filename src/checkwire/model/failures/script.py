"""``script.*``: the check's own code went wrong."""

from checkwire.model.failures.base import FailureCode

CODES = (
    FailureCode(
        "script.exception",
        "The check raised an exception",
        blame="check",
        retryable=False,
        hint="A bug of the check, or an answer that it did not reckon with: assert what must "
        "hold before it is used",
    ),
    FailureCode(
        "script.exited",
        "The check ended its own process",
        blame="check",
        retryable=False,
        hint="Return from the function instead of calling exit() or os._exit()",
    ),
    FailureCode(
        "script.crashed",
        "The check's process crashed",
        blame="check",
        hint="A native library crashed: the signal is in the message, and the line is told if "
        "Python knew it",
    ),
    FailureCode(
        "script.blocked",
        "The check did not stop at its timeout and was killed",
        blame="check",
        retryable=False,
        hint="It spins, or calls something that blocks; use await and asyncio.sleep",
    ),
    FailureCode(
        "script.timeout",
        "The check used up its time by itself",
        blame="check",
        hint="It sleeps, computes, or waits for something that Checkwire does not know of; "
        "timeout= is the limit",
    ),
    FailureCode(
        "script.syntax",
        "The check's file is not valid Python",
        blame="check",
        retryable=False,
        hint="Correct the place marked; syntax of a newer Python needs that Python under checkwire",
    ),
    FailureCode(
        "script.import",
        "The check's file cannot be imported",
        blame="check",
        retryable=False,
        hint="Correct what the file does at its top level; what it imports must be installed "
        "where checkwire runs",
    ),
)
