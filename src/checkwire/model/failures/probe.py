"""``probe.*``: the machine that checks run on could not do what was asked of it in time."""

from checkwire.model.failures.base import FailureCode

CODES = (
    FailureCode(
        "probe.overloaded",
        "There was more to run than the probe could",
        blame="probe",
        hint="checkwire status tells what runs, and for how long; give it more --workers or CPU, "
        "or less to do",
    ),
)
