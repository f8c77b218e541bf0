"""What a request raises. Connecting raises :class:`~checkwire.model.errors.ConnectError`."""

from __future__ import annotations

from checkwire.model.errors import FailureError, TimedOut

__all__ = ["HttpError", "HttpTimedOut"]


class HttpError(FailureError):
    """An HTTP request got no answer, or not the one that is wanted: ``http.*``."""


class HttpTimedOut(HttpError, TimedOut):  # noqa: N818 - as TimedOut
    """No whole answer came in time: ``http.timeout``."""
