"""``runner.*``: Checkwire, or the machine it runs on, kept the check from running."""

from checkwire.model.failures.base import FailureCode

CODES = (
    FailureCode(
        "runner.memory",
        "The check used more memory than it may",
        blame="check",
        retryable=False,
        hint="Raise memory= if it needs that much",
    ),
    FailureCode(
        "runner.cpu",
        "The check used more CPU time than it may",
        blame="check",
        retryable=False,
    ),
    FailureCode(
        "runner.lost",
        "The process that runs checks died",
        blame="probe",
        hint="It was killed from outside, or the machine ran out of memory: dmesg | tail",
    ),
    FailureCode(
        "runner.start",
        "The check's process could not be started",
        blame="probe",
        hint="The operating system's reason is in the message",
    ),
    FailureCode(
        "runner.cancelled",
        "The run was cancelled",
        blame="probe",
    ),
    FailureCode(
        "runner.protocol",
        "The check's process sent something that is not a run event",
        blame="check",
        retryable=False,
        hint="Does the check write to descriptors it did not open?",
    ),
)
