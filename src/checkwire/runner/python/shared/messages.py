"""What the runner and a worker say to each other.

The runner's orders are messages as in :mod:`checkwire.runner.python.channel`. A worker sends
records: what its attempts tell, each under the attempt's number.
"""

from __future__ import annotations

import struct
from typing import Final, Literal

import msgspec

from checkwire.model.definition import CheckDefinition
from checkwire.runner.python.environ import Variables
from checkwire.runner.python.messages import Connecting, Job

__all__ = [
    "BROKEN",
    "ENDED",
    "EVENTS",
    "HEADER",
    "STDERR",
    "STDOUT",
    "Begin",
    "Cancel",
    "Ended",
    "Order",
    "RecordReader",
    "Take",
]

HEADER: Final = struct.Struct("<IIB")
"""Of a record: its size without the header, the attempt's number, and what it is."""

EVENTS: Final = 1
"""Bytes of the attempt's run-event stream."""
STDOUT: Final = 2
"""Bytes that it printed."""
STDERR: Final = 3
ENDED: Final = 4
"""The attempt is over: an :class:`Ended`."""

BROKEN: Final = 70
"""Exit status of a worker in which something went wrong that is no attempt's fault."""


class _Order(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag=str.lower):
    """What all orders share."""


class Begin(_Order, frozen=True, kw_only=True, omit_defaults=True):
    """The first order: what all attempts of this worker have in common; see :class:`Job`."""

    env: Variables
    secrets: Variables
    absent: dict[str, str]
    connecting: Connecting

    @classmethod
    def of(cls, job: Job) -> Begin:
        """What a worker must have begun with to take this job."""
        return cls(env=job.env, secrets=job.secrets, absent=job.absent, connecting=job.connecting)


class Take(_Order, frozen=True, kw_only=True, omit_defaults=True):
    """Run an attempt.

    Attributes:
        number: the attempt's, from 1, among all that the worker has run.
        definition, attempt: as in :class:`Job`.
    """

    number: int
    definition: CheckDefinition
    attempt: int = 1


class Cancel(_Order, frozen=True, kw_only=True, omit_defaults=True):
    """End an attempt, which nobody wants to know of any more."""

    number: int


Order = Begin | Take | Cancel


class Ended(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An attempt is over, and everything that it told was sent before.

    Attributes:
        cause: ``itself``; ``timeout``: it did not heed that its time was over; ``cpu``: it used
            more CPU time than it may.
        busy_ns: how long its code has run.
        held_up_ns: how long the code of others has run at one stretch, too long a stretch, while it
            was under way.
        resident: bytes of memory that the worker has now; 0 if it has not looked.
        unfit: why the worker should take no more attempts; empty if it can.
    """

    cause: Literal["itself", "timeout", "cpu"] = "itself"
    busy_ns: int = 0
    held_up_ns: int = 0
    resident: int = 0
    unfit: str = ""


class RecordReader:
    """Cuts what comes from a worker into records."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[tuple[int, int, bytes]]:
        """The records that are complete with these bytes: attempt, kind, and content."""
        self._buffer += data
        records = []
        start, end = 0, len(self._buffer)
        while start + HEADER.size <= end:
            size, number, kind = HEADER.unpack_from(self._buffer, start)
            after = start + HEADER.size + size
            if after > end:
                break
            records.append((number, kind, bytes(self._buffer[start + HEADER.size : after])))
            start = after
        del self._buffer[:start]
        return records

    def rest(self) -> tuple[int, int, bytes] | None:
        """The record that was cut off by the worker's end, if one was: as much of it as came."""
        if len(self._buffer) <= HEADER.size:
            return None
        _, number, kind = HEADER.unpack_from(self._buffer)
        return number, kind, bytes(self._buffer[HEADER.size :])
