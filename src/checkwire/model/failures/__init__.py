"""Why an attempt did not pass: stable codes, and the evidence that goes with them.

Every code lives in the file of its family (``tls.py`` holds ``tls.*``). Codes are append-only:
once released, a code keeps its meaning.
"""

from __future__ import annotations

from checkwire.model.failures import (
    assertion,
    browser,
    check,
    dns,
    http,
    message,
    probe,
    proxy,
    runner,
    script,
    stream,
    tcp,
    timeout,
    tls,
    upgrade,
    ws,
)
from checkwire.model.failures.base import BLAMES, Blame, Failure, FailureCode, Location, Severity
from checkwire.model.failures.ws import CLOSES

__all__ = [
    "BLAMES",
    "CLOSES",
    "CODES",
    "SELF_TELLING",
    "Blame",
    "Failure",
    "FailureCode",
    "Location",
    "Severity",
    "code_of",
]

_FAMILIES = (
    dns,
    tcp,
    proxy,
    tls,
    upgrade,
    browser,
    ws,
    timeout,
    message,
    stream,
    http,
    assertion,
    check,
    script,
    runner,
    probe,
)

CODES: dict[str, FailureCode] = {code.code: code for family in _FAMILIES for code in family.CODES}
"""Every code by its name, in the order of the connection's life."""

SELF_TELLING = frozenset(
    {"assertion.failed", "assertion.too_slow", "script.exception", "script.syntax"}
)
"""Codes whose failures show all that there is to know; what they mean is not offered beside."""

_BLAMES: dict[str, Blame] = {
    "check": "check",
    "script": "check",
    "runner": "probe",
    "probe": "probe",
}


def code_of(name: str) -> FailureCode:
    """The definition of a code; an unknown one (from a newer agent) is taken at its word.

    Its blame follows from its first floor, as everywhere: ``check``, ``script`` are the check's,
    ``runner`` and ``probe`` are the probe's, all else the target's.
    """
    known = CODES.get(name)
    if known is not None:
        return known
    floor = name.partition(".")[0]
    blame = _BLAMES.get(floor, "target")
    return FailureCode(name, "A failure this version does not know", blame=blame)
