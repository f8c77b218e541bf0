"""The attempt that the calling code belongs to: where all the SDK's parts meet."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Hashable, Mapping
from contextvars import ContextVar
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from checkwire.model.events import Event
from checkwire.model.failures import Failure, Location, Severity
from checkwire.model.masking import Masker
from checkwire.sdk.ledger import Ledger
from checkwire.wire.clock import Timeline
from checkwire.wire.observer import Observer

if TYPE_CHECKING:
    from checkwire.sdk.websocket import WebSocket

__all__ = ["Context", "Site", "current", "current_step", "here"]

Site = tuple[str, int]
"""A place in a script: file and line."""

_PACKAGE = str(Path(__file__).parent.parent) + os.sep

current_step: ContextVar[int] = ContextVar("checkwire_step", default=0)
"""The step that the calling task is in, 0 for none."""


class Context(Observer):
    """One attempt, seen from the script.

    Attributes:
        env: variables for ``env[...]``.
        secrets: values for ``secret(...)``, by name.
        resolve: addresses for hosts, see ``ConnectOptions.resolve``.
        ca: a file of further authorities to trust, for every connection.
        root: the project's folder; paths are told relative to it.
        ledger: what was verified and what failed.
        sockets: the WebSockets opened and not yet closed.
    """

    def __init__(
        self,
        emit: Callable[[Event], None] | None = None,
        *,
        env: Mapping[str, str] | None = None,
        secrets: Mapping[str, str] | None = None,
        resolve: Mapping[tuple[str, int], tuple[str, int]] | None = None,
        ca: str | None = None,
        root: str | None = None,
        timeline: Timeline | None = None,
    ) -> None:
        self.secrets = dict(secrets or {})
        super().__init__(timeline, Masker(self.secrets.values()))
        self._emit = emit
        self.env: Mapping[str, str] = os.environ if env is None else env
        self.resolve = dict(resolve or {})
        self.ca = ca
        self.root = root
        self.ledger = Ledger(self.emit, self.timeline.now, current_step.get)
        self.sockets: set[WebSocket] = set()
        self._steps = 0

    def next_step(self) -> int:
        """A number for a new step, from 1."""
        self._steps += 1
        return self._steps

    @property
    def step(self) -> int:
        return current_step.get()

    def emit(self, event: Event) -> None:
        if self._emit is not None:
            self._emit(event)

    def failed(self, failure: Failure, severity: Severity = "failed") -> None:
        self.ledger.failed(self.masked(failure), severity)

    def verification_failed(self, failure: Failure, site: Hashable) -> Failure:
        """A verification of the script failed; returns the failure as it was told."""
        failure = self.masked(failure)
        if self._is_new(failure):
            self.ledger.failed(failure, "failed", site)
        return failure

    def _is_new(self, failure: Failure) -> bool:
        # The end of a connection is told by the wire; whoever waited for a message finds out too.
        return failure.connection is None or not self.ledger.number_of(failure)

    def masked(self, failure: Failure) -> Failure:
        """The failure without secrets."""
        if not self.masker.longest:
            return failure
        import msgspec

        return msgspec.structs.replace(
            failure,
            message=self.masker.text(failure.message),
            details=self.masker.text(failure.details),
            evidence=self.masker.data(failure.evidence),
        )

    def location(self, site: Site, function: str = "") -> Location:
        """A place in the script as it is told: path relative to the project, line and text."""
        import linecache

        path, line = site
        text = linecache.getline(path, line).strip()
        return Location(self.relative(path), line, function, text)

    def relative(self, path: str) -> str:
        """The path relative to the project, with forward slashes."""
        if self.root is not None and path.startswith(self.root.rstrip(os.sep) + os.sep):
            path = path[len(self.root.rstrip(os.sep)) + 1 :]
        return path.replace(os.sep, "/")


_current: ContextVar[Context] = ContextVar("checkwire_context")
_outside: Context | None = None


def current() -> Context:
    """The attempt of the calling code. Outside of one, a context that keeps nothing."""
    global _outside
    context = _current.get(None)
    if context is None:
        if _outside is None:
            _outside = Context()
        context = _outside
    return context


def enter(context: Context) -> None:
    """Make this the context of the calling task or thread, and of those it starts."""
    _current.set(context)


def here() -> Site:
    """Where in the script the SDK was called."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    return (frame.f_code.co_filename, frame.f_lineno) if frame is not None else ("", 0)
