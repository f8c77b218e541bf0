"""What a check verified, and what failed, whether the script let it through or swallowed it.

The rule: a verification that failed, and did not hold at the same place later, fails the check.
So a script may try again until something holds, and cannot hide that it never did.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from fnmatch import fnmatchcase

from checkwire.model.events import Event, Excused, Failed
from checkwire.model.failures import Failure, Severity

__all__ = ["Expected", "Ledger"]


class Expected:
    """A failure that the check says will happen: ``expect.failure("tcp.*")``."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.met: Failure | None = None

    def covers(self, failure: Failure) -> bool:
        """Whether this is the failure meant; ``*`` stands for anything."""
        return fnmatchcase(failure.code, self.pattern)


class Ledger:
    """The verifications and failures of one attempt.

    Attributes:
        verifications: how many held.
        told: the failures told so far, by number from 1.
        expected: the failures the check expects at the moment, innermost last.
    """

    def __init__(
        self,
        emit: Callable[[Event], None],
        now: Callable[[], int],
        step: Callable[[], int],
    ) -> None:
        self._emit = emit
        self._now = now
        self._step = step
        self._open: dict[Hashable, list[int]] = {}
        self.verifications = 0
        self.told: list[Failure] = []
        self.expected: list[Expected] = []

    def held(self, site: Hashable) -> None:
        """A verification held at this place of the script."""
        self.verifications += 1
        if site in self._open:
            for number in self._open.pop(site):
                self.excuse(number, "held_later")

    def failed(
        self, failure: Failure, severity: Severity = "failed", site: Hashable | None = None
    ) -> int:
        """Something failed; returns its number.

        With a ``site`` it is a verification, and is excused if it holds there later.
        """
        self.told.append(failure)
        number = len(self.told)
        self._emit(
            Failed(
                at_ns=self._now(),
                number=number,
                failure=failure,
                severity=severity,
                step=self._step(),
            )
        )
        for expected in reversed(self.expected):
            if expected.covers(failure):
                expected.met = failure
                self.verifications += 1
                self.excuse(number, "expected")
                return number
        if site is not None and severity == "failed":
            self._open.setdefault(site, []).append(number)
        return number

    def excuse(self, number: int, reason: str) -> None:
        """A failure told earlier does not count."""
        self._emit(
            Excused(
                at_ns=self._now(),
                number=number,
                reason="expected" if reason == "expected" else "held_later",
            )
        )

    def number_of(self, failure: Failure) -> int:
        """The number under which a failure was told last, 0 if it was not."""
        for index in range(len(self.told) - 1, -1, -1):
            told = self.told[index]
            if told is failure or (
                (told.code, told.message, told.connection)
                == (failure.code, failure.message, failure.connection)
            ):
                return index + 1
        return 0
