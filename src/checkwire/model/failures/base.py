"""What a failure code and a failure are made of."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import msgspec

__all__ = ["BLAMES", "Blame", "Failure", "FailureCode", "Location", "Severity"]

Blame = Literal["target", "path", "probe", "check"]
"""Whose fault: the service checked, the network on the way, this machine, or the check itself."""

BLAMES: tuple[Blame, ...] = ("target", "path", "probe", "check")

Severity = Literal["failed", "degraded", "warning"]
"""What a failure does to the attempt: fails it, degrades it, or is only told."""


class FailureCode(msgspec.Struct, frozen=True):
    """The definition of one stable, dotted code.

    Attributes:
        code: the name, ``family.cause``.
        title: one line that says what it means.
        blame: who is most likely at fault.
        retryable: whether trying again can help.
        hint: what to look at next, unless the failure itself knows better.
        phase: of a connection, in which it happens; ``None`` if in none, or in any.
    """

    code: str
    title: str
    blame: Blame = "target"
    retryable: bool = True
    hint: str = ""
    phase: str | None = None

    @property
    def is_error(self) -> bool:
        """Whether the check or Checkwire is at fault (status ``error``), not the target."""
        return self.blame in ("check", "probe")


class Location(msgspec.Struct, frozen=True, omit_defaults=True):
    """A place in a check's source: file (relative to the project), line from 1, and its text."""

    words: ClassVar[frozenset[str]] = frozenset({"path", "function"})

    path: str
    line: int
    function: str = ""
    text: str = ""


class Failure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why an attempt did not pass, with what proves it.

    Attributes:
        code: a stable code, see :data:`checkwire.model.failures.CODES`.
        message: a sentence: what happened, where, and after how long.
        hint: what to look at next.
        phase: the phase of the connection in which it happened, if it has one.
        details: further lines, ready to print: values of an assertion's parts, a diff, a caret.
        evidence: machine-readable proof: errno, status, headers, close code, bytes in hex.
        location: where in the check's source.
        connection: the connection's number within the attempt.
    """

    words: ClassVar[frozenset[str]] = frozenset({"code", "phase"})

    code: str
    message: str
    hint: str = ""
    phase: str | None = None
    details: str = ""
    evidence: dict[str, Any] = {}
    location: Location | None = None
    connection: int | None = None
