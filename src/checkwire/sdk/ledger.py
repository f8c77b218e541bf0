"""What a check verified, and what failed, whether the script let it through or swallowed it.

The rule: a verification that failed, and did not hold at the same place later, fails the check.
So a script may try again until something holds, and cannot hide that it never did.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from fnmatch import fnmatchcase
from typing import Literal, NamedTuple

from checkwire.model.events import Event, Excused, Failed
from checkwire.model.failures import Failure, Severity
from checkwire.sdk.scope import Opener, current_flow, expecting, scoped

__all__ = ["Expected", "Ledger", "Origin"]

_Identity = tuple[str, str, int | None]


class Origin(NamedTuple):
    """In which step something went wrong, and when, on the attempt's timeline."""

    step: int
    at_ns: int


class _Abandoned(NamedTuple):
    """What the script stopped waiting for, and the last connection that was open by then."""

    failure: Failure
    origin: Origin
    newest: int

    def made_up_for_on(self, connection: int | None) -> bool:
        return connection in (None, self.failure.connection) or (
            connection is not None and connection > self.newest
        )


class Expected:
    """A failure that the check says will happen: ``expect.failure("tcp.*")``.

    It is meant for the code in its block, for the tasks started there, and for the connections
    that these opened, or that whoever entered the block did. What other tasks do beside it is none
    of its business.
    """

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.met: Failure | None = None
        self.flow = current_flow()

    def concerns(self, opener: Opener | None) -> bool:
        """Whether it is meant for the calling code, or for that which opened the connection."""
        if self in expecting.get():
            return True
        return opener is not None and (self in opener.expecting or self.flow == opener.flow)

    def covers(self, failure: Failure, severity: Severity = "failed") -> bool:
        """Whether this is the failure meant; ``*`` stands for anything but a mere warning."""
        if severity == "warning":
            return failure.code == self.pattern
        return fnmatchcase(failure.code, self.pattern)


class Ledger:
    """The verifications and failures of one attempt.

    Attributes:
        verifications: how many held.
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
        self._told: list[int | None] = []
        """The connection of each failure told, which has its index here plus 1 as its number."""
        self._numbers: dict[_Identity, int] = {}
        self._open: dict[Hashable, list[int]] = {}
        self._placed: set[int] = set()
        """Failures that have, or had, a place at which they can be made up for."""
        self._opened: dict[int, int] = {}
        self._abandoned: dict[Hashable, _Abandoned] = {}
        self._excused: set[int] = set()
        self._failing: set[int] = set()
        self._expected: list[Expected] = []
        self.verifications = 0

    @property
    def told(self) -> int:
        """How many failures were told so far: the number of the last one."""
        return len(self._told)

    @property
    def failing(self) -> bool:
        """Whether the attempt fails as things stand."""
        return bool(self._failing)

    @property
    def unsettled(self) -> bool:
        """Whether there is something that can be made up for."""
        return bool(self._open or self._abandoned)

    def opened(self, connection: int) -> None:
        """A connection opened: only what failed before can be tried again on it."""
        self._opened[connection] = self.told

    def held(self, site: Hashable, *, connection: int | None = None) -> None:
        """A verification held at this place of the script; the arguments are of `recovered`."""
        self.verifications += 1
        if self.unsettled:
            self.recovered(site, connection=connection)

    def recovered(
        self, site: Hashable, *, began: int | None = None, connection: int | None = None
    ) -> None:
        """What failed at this place earlier went well now; that alone verifies nothing.

        Only a later try makes up for a failure, not one that was under way at the time, nor one
        on another connection that was open already: these are no second tries.

        Args:
            site: the place in the script.
            began: how many failures had been told when this try began; all of them if left out.
            connection: the connection on which it was tried, if it was on one.
        """
        if not self.unsettled:
            return
        left, key = [], scoped(site)
        if (abandoned := self._abandoned.get(key)) and abandoned.made_up_for_on(connection):
            del self._abandoned[key]
        for number in self._open.pop(key, ()):
            limit = self.told if began is None else began
            if connection is not None and self._told[number - 1] != connection:
                limit = min(limit, self._opened.get(connection, limit))
            if number <= limit:
                self.excuse(number, "held_later")
            else:
                left.append(number)
        if left:
            self._open[key] = left

    def expect(self, expected: Expected) -> None:
        """From now on, and until :meth:`expect_no_more`, the calling code expects this failure."""
        self._expected.append(expected)
        expecting.set((*expecting.get(), expected))

    def expect_no_more(self, expected: Expected) -> None:
        """The block is over; also for the tasks that were started in it, and go on."""
        self._expected.remove(expected)
        # Not reset by token: a fixture that is an async generator may be left in another context.
        expecting.set(tuple(other for other in expecting.get() if other is not expected))

    def failed(
        self,
        failure: Failure,
        severity: Severity = "failed",
        site: Hashable | None = None,
        origin: Origin | None = None,
        opener: Opener | None = None,
    ) -> int:
        """Something failed; returns its number.

        Args:
            failure: what.
            severity: what that does to the attempt.
            site: where it is a verification of the script, which is excused if it holds there
                later.
            origin: where and when, unless it is here and now.
            opener: who opened the connection that it happened on, if it did on one.
        """
        self._told.append(failure.connection)
        number = self.told
        self._numbers[_identity(failure)] = number
        if severity == "failed":
            self._failing.add(number)
        self._emit(
            Failed(
                at_ns=self._now() if origin is None else origin.at_ns,
                number=number,
                failure=failure,
                severity=severity,
                step=self._step() if origin is None else origin.step,
            )
        )
        self.noticed(number, failure, severity, site=site, opener=opener)
        return number

    def noticed(
        self,
        number: int,
        failure: Failure,
        severity: Severity = "failed",
        *,
        site: Hashable | None = None,
        opener: Opener | None = None,
    ) -> None:
        """The script has to do with a failure that was told.

        A connection that ends tells so when it does. That may be just before the block in which
        the script expects it; and only what the script wanted of the connection says what has to
        hold later: that another one can be opened does not.
        """
        for expected in reversed(self._expected):
            if expected.concerns(opener) and expected.covers(failure, severity):
                expected.met = failure
                if number not in self._excused:
                    self.verifications += 1
                    self.excuse(number, "expected")
                return
        if site is not None and number in self._failing and number not in self._placed:
            self._placed.add(number)
            self._open.setdefault(scoped(site), []).append(number)

    def abandoned(self, failure: Failure, site: Hashable) -> None:
        """The script stopped waiting: a warning if the attempt ends, and it never held there."""
        origin = Origin(self._step(), self._now())
        newest = max(self._opened, default=0)
        self._abandoned[scoped(site)] = _Abandoned(failure, origin, newest)

    def settle(self) -> None:
        """The attempt is over: tell what was abandoned, unless it fails anyway."""
        abandoned, self._abandoned = self._abandoned, {}
        if not self.failing:
            for failure, origin, _ in abandoned.values():
                self.failed(failure, "warning", origin=origin)

    def excuse(self, number: int, reason: Literal["expected", "held_later"]) -> None:
        """A failure told earlier does not count."""
        if number not in self._excused:
            self._excused.add(number)
            self._failing.discard(number)
            self._emit(Excused(at_ns=self._now(), number=number, reason=reason))

    def number_of(self, failure: Failure) -> int:
        """The number under which a failure was told last, 0 if it was not.

        It is known by its code, message and connection, and must be masked as it was when told.
        """
        return self._numbers.get(_identity(failure), 0)


def _identity(failure: Failure) -> _Identity:
    return failure.code, failure.message, failure.connection
