"""``runner.*``: Checkwire, or the machine it runs on, kept the check from running."""

from checkwire.model.failures.base import FailureCode

_WHO_KILLS = (
    "Likely the kernel, for want of memory, or somebody's kill -9. The kernel's log tells: "
    "journalctl -k | grep -i oom, or dmesg | grep -i oom; and so does oom_kill in memory.events "
    "of the cgroup, below /sys/fs/cgroup"
)

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
        hint="It spins or computes instead of waiting: await what it waits for, and compute "
        "less; raise cpu= if it needs that much",
    ),
    FailureCode(
        "runner.processes",
        "The check started more processes than it may",
        blame="check",
        retryable=False,
        hint="Wait for those that it starts to end, or end them; raise processes= if it needs "
        "so many at a time",
    ),
    FailureCode(
        "runner.files",
        "The check has more files open than it may",
        blame="check",
        retryable=False,
        hint="Close what it opens: async with connect(...), with open(...); raise files= if it "
        "needs so many at a time",
    ),
    FailureCode(
        "runner.file_size",
        "The check wrote a larger file than it may",
        blame="check",
        retryable=False,
        hint="Raise file_size= if it needs that much",
    ),
    FailureCode(
        "runner.output",
        "The check printed more than it may",
        blame="check",
        retryable=False,
        hint="Print less: the first and the last lines are kept anyway; raise output= if it "
        "must be so much",
    ),
    FailureCode(
        "runner.lost",
        "The process that runs checks died",
        blame="probe",
        hint=_WHO_KILLS,
    ),
    FailureCode(
        "runner.killed",
        "The check's process was ended by a signal from outside",
        blame="probe",
        hint=_WHO_KILLS,
    ),
    FailureCode(
        "runner.start",
        "The check's process could not be started",
        blame="probe",
        hint="The operating system's reason is in the message; checkwire doctor shows the limits",
    ),
    FailureCode(
        "runner.cancelled",
        "The run was cancelled",
        blame="probe",
        hint="Somebody ended it: Ctrl-C, --fail-fast, or a server that was stopped. It says "
        "nothing of the target",
    ),
    FailureCode(
        "runner.protocol",
        "The check's process sent something that is not a run event",
        blame="check",
        retryable=False,
        hint="Does the check, or a native library in it, write to descriptors it did not open?",
    ),
)
