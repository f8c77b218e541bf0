"""Whether the clock is right, and which time zones are known."""

from __future__ import annotations

import ctypes
import sys

from checkwire.cli.diagnosis.finding import Finding
from checkwire.model.durations import format_ns

__all__ = ["clock_finding", "zones_finding"]

_SUBJECT = "clock"
_UNSYNCHRONISED = 0x0040
_TIME_ERROR = 5
_MUCH_US = 1_000_000
_ZONE = "Europe/Berlin"


class _Timex(ctypes.Structure):
    """``struct timex`` where a long has 64 bits, include/uapi/linux/timex.h."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * 256),
    )


def clock_finding() -> Finding:
    """What the kernel says of its clock, adjtimex(2)."""
    if sys.platform != "linux":
        return Finding(_SUBJECT, "unknown", "cannot tell on this system whether it is in sync")
    timex = _Timex()
    state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex))
    if state < 0:
        import os

        why = os.strerror(ctypes.get_errno())
        return Finding(_SUBJECT, "unknown", f"cannot tell whether it is in sync: {why}")
    if state == _TIME_ERROR or timex.status & _UNSYNCHRONISED:
        return Finding(
            _SUBJECT,
            "note",
            "the kernel does not know it to be in sync",
            "Run chrony or systemd-timesyncd, so that times of incidents are true; in a "
            "container or a small virtual machine the host may see to it all the same",
        )
    most = f"off by {format_ns(timex.maxerror * 1000)} at the most"
    if timex.maxerror > _MUCH_US:
        return Finding(_SUBJECT, "note", f"in sync, but {most}", "See chronyc tracking")
    return Finding(_SUBJECT, "good", f"in sync, {most}")


def zones_finding() -> Finding:
    """Whether cron expressions can have time zones."""
    import zoneinfo
    from importlib.util import find_spec

    subject = "time zones"
    try:
        zoneinfo.ZoneInfo(_ZONE)
    except (zoneinfo.ZoneInfoNotFoundError, OSError):
        return Finding(
            subject,
            "bad",
            "there are no time zone data: cron expressions know UTC only",
            "Install your system's package tzdata, or: pip install tzdata",
        )
    from pathlib import Path

    for folder in zoneinfo.TZPATH:
        if Path(folder, _ZONE).is_file():
            return Finding(subject, "good", f"known from {folder}")
    version = ""
    if find_spec("tzdata") is not None:
        from importlib.metadata import version as version_of

        version = f" {version_of('tzdata')}"
    return Finding(subject, "good", f"known from the Python package tzdata{version}")
