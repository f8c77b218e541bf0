"""A due run: one execution that is to take place, and the names that are derived from it."""

from __future__ import annotations

import hashlib
from typing import Literal

import msgspec

from checkwire.model.run_id import run_id_at

__all__ = ["Cause", "DueRun", "check_uid", "due_run_id"]

Cause = Literal["schedule", "manual", "first"]
"""Why a run takes place: it was planned, somebody asked for it, or the check is new."""

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


class DueRun(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One due execution of one check at one location.

    Attributes:
        run_id: derived from the other three, if it was scheduled; see :func:`due_run_id`.
        project: its id.
        check: the check's id within the project.
        location: a name.
        due_ns: when (Unix epoch).
        holds_ns: for how long from ``due_ns`` its result speaks for the check: to the end of the
            next run, generously.
        grace_ns: after how long from ``due_ns`` it is missed if it has not begun.
        cause: why.
    """

    run_id: str
    project: str
    check: str
    location: str
    due_ns: int
    holds_ns: int
    grace_ns: int
    cause: Cause = "schedule"


def due_run_id(project: str, check: str, location: str, due_ns: int) -> str:
    """The id of a scheduled run: whoever plans it gives it the same.

    A ULID (sorted by time as text) whose random part is a hash of what names the run.
    """
    named = "\0".join((project, check, location, str(due_ns)))
    return run_id_at(due_ns, hashlib.blake2b(named.encode(), digest_size=10).digest())


def check_uid(project: str, check: str) -> str:
    """A short, stable name of a check for addresses: 12 characters of base 32."""
    digest = hashlib.blake2b(f"{project}\0{check}".encode(), digest_size=8).digest()
    value = int.from_bytes(digest) >> 4
    return "".join(_ALPHABET[value >> 5 * place & 31] for place in reversed(range(12)))
