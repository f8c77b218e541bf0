"""Servers that go wrong on purpose: one fault each, always in the same way, without root.

For everybody who wants to see what their monitoring says about a failure; the project's own tests
meet all of them. It stands on the model alone: a server that shared code with the client would
prove nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from checkwire.faults.authority import Authority
from checkwire.faults.catalogue import load
from checkwire.faults.fault import Fault
from checkwire.faults.listener import FaultServer
from checkwire.faults.source import check_source

__all__ = ["Authority", "Fault", "FaultServer", "all_faults", "check_source", "faults_of", "find"]


@cache
def all_faults() -> Sequence[Fault]:
    """Every fault, in the order of the connection's life; the usual way to a code comes first."""
    return load()


def faults_of(code: str) -> Sequence[Fault]:
    """The ways to a code, as the catalogue has them; none if nobody can have it on purpose."""
    return [fault for fault in all_faults() if fault.code == code]


def find(name: str) -> Fault | None:
    """The fault of that name; of a code alone, the usual way to it."""
    return next((fault for fault in all_faults() if fault.name == name), None)
