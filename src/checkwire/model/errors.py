"""The exceptions of Checkwire. One root; each says what went wrong and what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from checkwire.model.failures import Failure

__all__ = [
    "CheckwireError",
    "ConnectError",
    "ConnectionClosed",
    "DefinitionError",
    "ExpectationFailed",
    "FailureError",
    "MessageError",
    "TimedOut",
    "UsageError",
]


class CheckwireError(Exception):
    """Root of every exception that Checkwire raises."""


class UsageError(CheckwireError):
    """The API was called in a way that cannot work, such as sending on a closed connection."""


class DefinitionError(CheckwireError):
    """A check or a project is not written as it must be.

    Attributes:
        path: the file at fault, when known.
        line: its line, counted from 1, when known.
    """

    def __init__(self, message: str, *, path: str | None = None, line: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.line = line

    def __str__(self) -> str:
        if self.path is None:
            return self.message
        place = self.path if self.line is None else f"{self.path}:{self.line}"
        return f"{place}: {self.message}"


class FailureError(CheckwireError):
    """A failure on its way to the runner, which turns it into data.

    Attributes:
        failure: what failed, with its stable code, evidence and hint.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"{failure.message} [{failure.code}]")
        self.failure = failure


class ConnectError(FailureError):
    """A connection could not be opened.

    Its code is one of ``dns.*``, ``tcp.*``, ``proxy.*``, ``tls.*``, ``upgrade.*``.
    """


class ConnectionClosed(FailureError):  # noqa: N818 - reads as a fact, as the others do
    """The connection was closed while it was still needed: ``ws.*``.

    Attributes:
        code: the close code received (1005 when the Close frame held none, 1006 when there was
            no Close frame), RFC 6455 section 7.4.
        reason: the reason that came with it.
    """

    def __init__(self, failure: Failure, code: int, reason: str) -> None:
        super().__init__(failure)
        self.code = code
        self.reason = reason

    @property
    def by_check(self) -> bool:
        """Whether the check itself had closed it, and not the server."""
        return self.failure.code == "check.usage"


class TimedOut(FailureError, TimeoutError):  # noqa: N818
    """Something did not happen in time: ``timeout.*``."""


class MessageError(FailureError):
    """A message came, and is not what was asked for: ``message.*``."""


class ExpectationFailed(FailureError, AssertionError):  # noqa: N818
    """A hard expectation did not hold: ``assertion.*`` or ``message.*``."""
